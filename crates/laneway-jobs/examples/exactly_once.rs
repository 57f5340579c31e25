//! A purse that is moved in the caller's own transaction: each payment once, although attempts
//! fail after they have paid and a payment is asked for twice.
//!
//! `cargo run -p laneway-jobs --example exactly_once [FILE]` keeps purses and jobs in FILE, or in a
//! file of its own that it removes; with `-- --postgres URL` both are in that database. It moves
//! some coins, counts them and ends by itself.

#[path = "../../../examples/output/mod.rs"]
mod output;

mod kept;

use std::process::ExitCode;
use std::time::Duration;

use kept::Kept;
use laneway::Runtime;
use laneway_jobs::postgres::PostgresStore;
use laneway_jobs::sqlite::SqliteStore;
use laneway_jobs::{Ctx, Enqueued, IfExists, Job, JobError, Jobs, Limit, Retry, Worker};
use rusqlite::Transaction;
use serde::{Deserialize, Serialize};

type Failed = Box<dyn std::error::Error + Send + Sync>;

const PAYMENTS: u32 = 10;
const COINS: i64 = 1_000;

#[derive(Serialize, Deserialize)]
struct Pay {
    to: String,
    coins: i64,
}

impl Job for Pay {
    const KIND: &'static str = "pay";
}

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS purse (owner TEXT PRIMARY KEY, coins BIGINT NOT NULL);
INSERT INTO purse VALUES ('Ada', 1000), ('Grace', 0)
ON CONFLICT (owner) DO UPDATE SET coins = excluded.coins;";
const TAKE: &str = "UPDATE purse SET coins = coins - $1 WHERE owner = 'Ada'";
const GIVE: &str = "UPDATE purse SET coins = coins + $1 WHERE owner = $2";
const COINS_OF: &str = "SELECT coins FROM purse WHERE owner = $1";

/// The database that holds the purses beside the jobs.
#[derive(Clone)]
enum Bank {
    File(SqliteStore),
    Server(PostgresStore),
}

impl Bank {
    async fn open(kept: &Kept) -> Result<Bank, Failed> {
        Ok(match kept {
            Kept::File(file) => Bank::File(SqliteStore::open(file)?),
            Kept::Own(folder) => Bank::File(SqliteStore::open(folder.file())?),
            Kept::Postgres(url) => Bank::Server(PostgresStore::connect(url).await?),
        })
    }

    fn jobs(&self) -> Jobs {
        match self {
            Bank::File(store) => Jobs::new(store.clone()),
            Bank::Server(store) => Jobs::new(store.clone()),
        }
    }

    async fn set_up(&self) -> Result<(), Failed> {
        match self {
            Bank::File(store) => {
                let tables = |transaction: &Transaction<'_>| transaction.execute_batch(TABLES);
                store.transact(tables).await?;
            }
            Bank::Server(store) => store.client().await?.batch_execute(TABLES).await?,
        }
        Ok(())
    }

    /// Moves the coins and completes the job, both in one transaction: they are there together, or
    /// not at all.
    async fn pay(&self, pay: Pay, ctx: Ctx) -> Result<i64, Failed> {
        match self {
            Bank::File(store) => {
                let moved = move |transaction: &Transaction<'_>| {
                    transaction.execute(TAKE, [pay.coins])?;
                    transaction.execute(GIVE, (pay.coins, &pay.to))?;
                    ctx.complete_in(transaction, &pay.coins)?;
                    go_on(&pay, &ctx)
                };
                let moved = store.transact(moved).await;
                moved.map_err(|error| error.to_string().into())
            }
            Bank::Server(store) => {
                let mut client = store.client().await?;
                let transaction = client.transaction().await?;
                transaction.execute(TAKE, &[&pay.coins]).await?;
                transaction.execute(GIVE, &[&pay.coins, &pay.to]).await?;
                ctx.complete_in(&transaction, &pay.coins).await?;
                let coins = go_on(&pay, &ctx)?;
                transaction.commit().await?;
                Ok(coins)
            }
        }
    }

    async fn coins(&self, owner: &'static str) -> Result<i64, Failed> {
        Ok(match self {
            Bank::File(store) => {
                let coins = move |transaction: &Transaction<'_>| {
                    transaction.query_row(COINS_OF, [owner], |row| row.get(0))
                };
                store.transact(coins).await?
            }
            Bank::Server(store) => {
                let client = store.client().await?;
                client.query_one(COINS_OF, &[&owner]).await?.get(0)
            }
        })
    }
}

/// A step after the effect may fail as well.
fn go_on(pay: &Pay, ctx: &Ctx) -> Result<i64, Failed> {
    match ctx.attempt() {
        1 if pay.coins % 2 == 1 => Err("the light went out".into()),
        _ => Ok(pay.coins),
    }
}

async fn pay_all(bank: &Bank, jobs: &Jobs) -> Result<(), Failed> {
    let mut asked = Vec::new();
    for number in 1..=PAYMENTS {
        // Each is asked for twice, as by a button that is pressed twice.
        for _ in 0..2 {
            let to = "Grace".to_owned();
            let coins = i64::from(number);
            let payment = jobs.enqueue(Pay { to, coins });
            let key = format!("payment {number}");
            let payment = payment.unique(key, IfExists::Keep);
            let enqueued = payment.after(Duration::from_millis(100)).await?;
            asked.push(enqueued.id());
            if let Enqueued::Existing(id, state) = enqueued {
                println!("payment {number} is {state} already: {id}");
            }
        }
    }
    for id in asked {
        jobs.wait::<i64>(id).await?;
    }
    let (ada, grace) = (bank.coins("Ada").await?, bank.coins("Grace").await?);
    println!("Ada has {ada} coins, Grace {grace}");
    let moved = i64::from(PAYMENTS * (PAYMENTS + 1) / 2);
    match (ada + grace, grace) == (COINS, moved) {
        true => Ok(()),
        false => Err(format!("{moved} coins were to be moved").into()),
    }
}

fn run(kept: &Kept) -> Result<(), Failed> {
    let rt = Runtime::builder().build()?;
    let bank = rt.block_on(Bank::open(kept))?;
    let jobs = bank.jobs();
    let payer = bank.clone();
    let handler = move |payment: Pay, ctx: Ctx| {
        let bank = payer.clone();
        async move {
            let (attempt, coins) = (ctx.attempt(), payment.coins);
            bank.pay(payment, ctx).await.map_err(|error| {
                println!("{coins} coins, attempt {attempt}: {error}; nothing is moved");
                JobError::new(error)
            })
        }
    };
    rt.block_on(async {
        bank.set_up().await?;
        let worker = Worker::new(&jobs)
            .queue("default", Limit::in_flight(4))
            .handle_with(Retry::fixed(Duration::from_millis(50)), handler)
            .start(&rt)?;
        pay_all(&bank, &jobs).await?;
        println!("{}", worker.shutdown(Duration::from_secs(5)).await);
        Ok(())
    })
}

fn main() -> ExitCode {
    output::may_end("exactly_once");
    let Some(kept) = Kept::of(std::env::args_os().skip(1).collect(), "purse") else {
        eprintln!("usage: exactly_once [FILE | --postgres URL]   (where purses and jobs are kept)");
        return ExitCode::from(2);
    };
    match kept.map_err(Failed::from).and_then(|kept| run(&kept)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("exactly_once: {error}");
            ExitCode::FAILURE
        }
    }
}

//! A purse that is moved in the caller's own transaction: each payment once, although attempts
//! fail after they have paid and a payment is asked for twice.
//!
//! `cargo run -p laneway-jobs --example exactly_once [FILE]` keeps purses and jobs in FILE, or in a
//! file of its own that it removes. It moves some coins, counts them and ends by itself.

#[path = "../../../examples/output/mod.rs"]
mod output;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use laneway::Runtime;
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
CREATE TABLE IF NOT EXISTS purse (owner TEXT PRIMARY KEY, coins INTEGER NOT NULL);
INSERT INTO purse VALUES ('Ada', 1000), ('Grace', 0)
ON CONFLICT DO UPDATE SET coins = excluded.coins;";

/// Moves the coins and completes the job, both in one transaction: they are there together, or not
/// at all.
fn pay(transaction: &Transaction<'_>, pay: &Pay, ctx: &Ctx) -> Result<i64, Failed> {
    let take = "UPDATE purse SET coins = coins - ?1 WHERE owner = 'Ada'";
    transaction.execute(take, [pay.coins])?;
    let give = "UPDATE purse SET coins = coins + ?1 WHERE owner = ?2";
    transaction.execute(give, (pay.coins, &pay.to))?;
    ctx.complete_in(transaction, &pay.coins)?;
    // What comes after the effect may fail as well.
    match ctx.attempt() {
        1 if pay.coins % 2 == 1 => Err("the light went out".into()),
        _ => Ok(pay.coins),
    }
}

/// The coins of one owner, or of all.
async fn coins(store: &SqliteStore, owner: &'static str) -> Result<i64, Failed> {
    let sum = "SELECT sum(coins) FROM purse WHERE owner LIKE ?1";
    let count = move |transaction: &Transaction<'_>| {
        transaction.query_row(sum, [owner], |row| row.get::<_, i64>(0))
    };
    Ok(store.transact(count).await?)
}

async fn pay_all(store: &SqliteStore, jobs: &Jobs) -> Result<(), Failed> {
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
    let (ada, grace) = (coins(store, "Ada").await?, coins(store, "Grace").await?);
    println!("Ada has {ada} coins, Grace {grace}");
    let moved = i64::from(PAYMENTS * (PAYMENTS + 1) / 2);
    match (ada + grace, grace) == (COINS, moved) {
        true => Ok(()),
        false => Err(format!("{moved} coins were to be moved").into()),
    }
}

fn run(file: &Path) -> Result<(), Failed> {
    let rt = Runtime::builder().build()?;
    let store = SqliteStore::open(file)?;
    let jobs = Jobs::new(store.clone());
    let bank = store.clone();
    let handler = move |payment: Pay, ctx: Ctx| {
        let bank = bank.clone();
        async move {
            let attempt = ctx.attempt();
            let coins = payment.coins;
            let paid = bank
                .transact(move |transaction| pay(transaction, &payment, &ctx))
                .await;
            paid.map_err(|error| {
                println!("{coins} coins, attempt {attempt}: {error}; nothing is moved");
                JobError::new(error)
            })
        }
    };
    rt.block_on(async {
        store
            .transact(|transaction| transaction.execute_batch(TABLES))
            .await?;
        let worker = Worker::new(&jobs)
            .queue("default", Limit::in_flight(4))
            .handle_with(Retry::fixed(Duration::from_millis(50)), handler)
            .start(&rt)?;
        pay_all(&store, &jobs).await?;
        println!("{}", worker.shutdown(Duration::from_secs(5)).await);
        Ok(())
    })
}

fn main() -> ExitCode {
    output::may_end("exactly_once");
    let mut arguments = std::env::args_os().skip(1);
    let (file, more) = (arguments.next(), arguments.next());
    let is_option = file
        .as_ref()
        .is_some_and(|file| file.to_string_lossy().starts_with('-'));
    if more.is_some() || is_option {
        eprintln!("usage: exactly_once [FILE]   (the file in which purses and jobs are kept)");
        return ExitCode::from(2);
    }
    let folder = std::env::temp_dir().join(format!("laneway-purse-{}", std::process::id()));
    let ended = match file {
        Some(file) => run(Path::new(&file)),
        None => std::fs::create_dir_all(&folder)
            .map_err(Failed::from)
            .and_then(|()| run(&folder.join("purse.db"))),
    };
    // It is in the folder for such files, which the system empties in any case.
    let _ = std::fs::remove_dir_all(&folder);
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("exactly_once: {error}");
            ExitCode::FAILURE
        }
    }
}

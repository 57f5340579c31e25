//! A pool of connections to Postgres, by sqlx with its feature for smol.
//! `cargo run -p laneway-others --bin laneway-sqlx postgres://USER@HOST/DATABASE`
//!
//! With `runtime-smol` nothing is needed: async-io brings a thread that waits for sockets and
//! timers, and async-global-executor one for the pool's own tasks; neither is tokio's. With `runtime-tokio`
//! instead, each future of sqlx has to be within `async_compat::Compat`.

#[path = "../../output/mod.rs"]
mod output;

use std::env;
use std::process::ExitCode;

use laneway::{Priority, TaskGroup};
use sqlx::postgres::{PgPool, PgPoolOptions};

/// Asks the database to add up the numbers to `most`.
async fn sum(pool: PgPool, most: i64) -> sqlx::Result<i64> {
    let sums = "select sum(n)::bigint from generate_series(1, $1) as n";
    sqlx::query_scalar(sums).bind(most).fetch_one(&pool).await
}

/// Ten questions on two connections.
async fn sums(url: &str) -> sqlx::Result<i64> {
    let pool = PgPoolOptions::new().max_connections(2).connect(url).await?;
    let mut group = TaskGroup::new();
    for most in 1..=10 {
        group.spawn(sum(pool.clone(), most), Priority::High);
    }
    let mut total = 0;
    while let Some(sum) = group.join_next().await {
        total += sum.expect("no task panics")?;
    }
    pool.close().await;
    Ok(total)
}

fn main() -> ExitCode {
    output::may_end("laneway-sqlx");
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [url] = &arguments[..] else {
        eprintln!("usage: laneway-sqlx postgres://USER@HOST/DATABASE");
        return ExitCode::from(2);
    };
    match laneway::block_on(sums(url)) {
        Ok(total) => {
            println!("the ten sums make {total}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("laneway-sqlx: {error}");
            ExitCode::FAILURE
        }
    }
}

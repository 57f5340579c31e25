//! Does the store on Postgres pass the conformance body?

use std::sync::Mutex;
use std::time::Duration;

use laneway::Runtime;
use laneway::time::timeout;
use laneway_jobs::conformance::{CASES, Case, Stage};
use laneway_jobs::postgres::PostgresOptions;

use crate::server;

/// So many cases run at the same time: each has a schema of its own, and mostly waits.
const AT_ONCE: usize = 3;
/// A case that takes longer hangs. It is no measure of speed: the machine may be busy.
const LIMIT: Duration = Duration::from_secs(600);

fn run(number: usize, case: &'static Case, url: &str) {
    println!("{case:?}");
    let rt = Runtime::builder()
        .with_high_num(2)
        .with_low_num(2)
        .build()
        .unwrap();
    let url = url.to_owned();
    // Signs that mean something in SQL, so that all statements are tried with them.
    let schema = format!("{number} \"'$1;--@#fence\\ ä");
    let run = async move {
        let store = PostgresOptions::new().schema(schema).connect(&url).await;
        timeout(LIMIT, case.run(Stage::new(store.unwrap()))).await
    };
    let task = rt.spawn(run, laneway::Priority::High);
    assert!(rt.block_on(task).is_ok(), "{case:?} hangs");
}

#[test]
fn postgres_passes() {
    let Some(server) = server::shared() else {
        return;
    };
    let cases = Mutex::new(CASES.iter().enumerate());
    let next = || cases.lock().unwrap().next();
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((number, case)) = next() {
                    run(number, case, &server.url());
                }
            });
        }
    });
}

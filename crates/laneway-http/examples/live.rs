//! A server whose runtime can be seen live in a browser, and work that gives it something to show:
//! `cargo run --release -p laneway-http --example live -- 127.0.0.1:8080`, then open the address
//! that it prints. A second argument says how many tasks a second are spawned (1,000 by default).
//! Ctrl-C ends it.

#[path = "../../../examples/output/mod.rs"]
mod output;

use std::convert::Infallible;
use std::env;
use std::hint::black_box;
use std::io;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use http::{Request, Response};
use laneway::net::TcpListener;
use laneway::time::{interval, sleep};
use laneway::{Priority, Runtime, spawn_task, yield_now};
use laneway_http::{RequestBody, Server, inspect, service_fn};

/// How often tasks are spawned, as many at once as the rate takes.
const EVERY: Duration = Duration::from_millis(5);

fn main() -> ExitCode {
    output::may_end("live");
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or("127.0.0.1:8080".to_owned());
    let rate = arguments.next().unwrap_or("1000".to_owned());
    let Ok(rate) = rate.parse() else {
        eprintln!("live: {rate:?} is no number of tasks a second");
        return ExitCode::from(2);
    };
    match run(&address, rate) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("live: cannot listen on {address}: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(address: &str, rate: u64) -> io::Result<()> {
    let rt = Runtime::builder().with_high_num(2).with_low_num(2);
    let rt = rt.build().expect("these settings are fine");
    let listener = rt.block_on(TcpListener::bind(address))?;
    println!("open http://{}/inspect/", listener.local_addr()?);
    let hello = service_fn(async |_request: Request<RequestBody>| {
        Ok::<_, Infallible>(Response::new("hello\n".to_owned()))
    });
    let server = Server::new(inspect(&rt).mount("/inspect", hello));
    rt.named("requests")
        .spawn(requests(rate), Priority::High)
        .detach();
    rt.named("reports").spawn(reports(), Priority::Low).detach();
    rt.named("blunders")
        .spawn(blunders(), Priority::Low)
        .detach();
    println!("{}", rt.block_on(server.serve(listener)));
    Ok(())
}

/// Short high tasks at a steady rate, which wait for something in the middle.
async fn requests(rate: u64) {
    let mut ticks = interval(EVERY);
    loop {
        ticks.tick().await;
        for number in 0..rate * EVERY.as_millis() as u64 / 1000 {
            spawn_task!(name = "request", request(number), Priority::High).detach();
        }
    }
}

async fn request(number: u64) {
    compute(Duration::from_micros(5 + number % 20));
    if number.is_multiple_of(4) {
        sleep(Duration::from_millis(number % 40)).await;
        compute(Duration::from_micros(10));
    }
}

/// Heavy low tasks in bursts, in polls of 2 ms.
async fn reports() {
    let mut ticks = interval(Duration::from_secs(2));
    loop {
        ticks.tick().await;
        for _ in 0..40 {
            spawn_task!(name = "report", report(), Priority::Low).detach();
        }
    }
}

async fn report() {
    for _ in 0..8 {
        compute(Duration::from_millis(2));
        yield_now().await;
    }
}

/// Now and then, a poll that takes far too long.
async fn blunders() {
    loop {
        sleep(Duration::from_secs(3)).await;
        spawn_task!(name = "blunder", async {
            compute(Duration::from_millis(35))
        })
        .detach();
    }
}

fn compute(time: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < time {
        black_box(());
    }
}

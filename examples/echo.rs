//! A server that sends back what it gets, with low work beside it:
//! `cargo run --release --example echo --features net -- --listen 127.0.0.1:7777 --clients 2000`.
//!
//! Connections run as high tasks, and 32 low tasks compute beside them, two milliseconds at a time.
//! With `--clients N`, the program connects to itself N times, one after another, prints how long an
//! echo took, and ends. Without, it serves until it is stopped: try `nc 127.0.0.1 7777`.

mod exit;
#[path = "output/mod.rs"]
mod output;

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use laneway::net::{TcpListener, TcpStream};
use laneway::time::sleep;
use laneway::{Priority, block_on, spawn_task, yield_now};

#[derive(Parser)]
#[command(about = "An echo server beside low work")]
struct Options {
    /// Where to listen; port 0 lets the system choose one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Measures so many echoes and ends; 0 serves for ever
    #[arg(long, default_value_t = 0)]
    clients: usize,
}

fn main() -> ExitCode {
    output::may_end("echo");
    let options = Options::parse();
    match block_on(TcpListener::bind(options.listen)) {
        Ok(listener) => exit::code("echo", serve(listener, options.clients)),
        Err(error) => {
            eprintln!("echo: it cannot listen at {}: {error}", options.listen);
            ExitCode::from(2)
        }
    }
}

fn serve(listener: TcpListener, clients: usize) -> Result<(), Box<dyn Error>> {
    let address = listener.local_addr()?;
    println!("listening on {address}");
    for _ in 0..32 {
        spawn_task!(compute(), Priority::Low).detach();
    }
    let server = spawn_task!(accept(listener), Priority::High);
    if clients == 0 {
        block_on(server);
        return Ok(());
    }
    let mut times = block_on(spawn_task!(measure(address, clients), Priority::High))?;
    times.sort();
    let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
    println!("{clients} echoes beside low work: median {median:.1?}, longest {worst:.1?}");
    Ok(())
}

/// Serves each connection in a task of its own. No error ends it: most are about one connection,
/// and when descriptors run out, a pause lets some connections end.
async fn accept(listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _peer)) => spawn_task!(echo(stream), Priority::High).detach(),
            Err(error) => {
                eprintln!("echo: {error}");
                sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

async fn echo(stream: TcpStream) {
    // A client that went away is its own matter.
    let _ = futures_lite::io::copy(&stream, &stream).await;
}

/// How long each of so many echoes took, a connection for each.
async fn measure(address: SocketAddr, clients: usize) -> io::Result<Vec<Duration>> {
    let mut times = Vec::new();
    for _ in 0..clients {
        let mut stream = TcpStream::connect(address).await?;
        let begun = Instant::now();
        stream.write_all(b"hello").await?;
        let mut back = [0; 5];
        stream.read_exact(&mut back).await?;
        times.push(begun.elapsed());
        assert_eq!(&back, b"hello");
    }
    Ok(times)
}

/// Work for the low lane that never ends.
async fn compute() {
    loop {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(2) {
            std::hint::spin_loop();
        }
        yield_now().await;
    }
}

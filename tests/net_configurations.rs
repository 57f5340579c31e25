//! Are sockets looked at in every configuration of a runtime, also when its workers compute?

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_lite::{AsyncReadExt, AsyncWriteExt};
use laneway::net::{TcpListener, TcpStream};
use laneway::time::timeout;
use laneway::{Builder, Idle, Priority, Runtime, Stealing};

fn configurations() -> Vec<(&'static str, Builder)> {
    let two = || Runtime::builder().with_high_num(2).with_low_num(2);
    vec![
        ("default", Runtime::builder()),
        ("stealing", two()),
        ("no stealing", two().with_stealing(Stealing::None)),
        ("no local queues", two().with_local_queues(false)),
        (
            "no watchdog",
            two().with_local_queues(false).with_long_poll(Duration::MAX),
        ),
        (
            "napping",
            two().with_idle(Idle::Nap(Duration::from_millis(1))),
        ),
        ("latency first", two().latency_first()),
        (
            "one worker",
            Runtime::builder().with_high_num(0).with_low_num(1),
        ),
    ]
}

const CONNECTIONS: u64 = 16;
const BYTES: u64 = 100_000;

/// Echoes on connections of both priorities. How many bytes came back.
async fn exchange() -> io::Result<u64> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let serves = async move {
        for turn in 0..CONNECTIONS {
            let (stream, _) = listener.accept().await?;
            let echo = async move { futures_lite::io::copy(&stream, &stream).await };
            laneway::spawn(echo, priority(turn)).detach();
        }
        io::Result::Ok(())
    };
    let serves = laneway::spawn(serves, Priority::High);
    let calls = (0..CONNECTIONS).map(|turn| laneway::spawn(call(address), priority(turn)));
    let calls: Vec<_> = calls.collect();
    let mut bytes = 0;
    for call in calls {
        bytes += call.await?;
    }
    serves.await?;
    Ok(bytes)
}

fn priority(turn: u64) -> Priority {
    match turn % 2 {
        0 => Priority::High,
        _ => Priority::Low,
    }
}

async fn call(address: std::net::SocketAddr) -> io::Result<u64> {
    let (mut reader, mut writer) = TcpStream::connect(address).await?.into_split();
    let sends = async move { writer.write_all(&vec![7; BYTES as usize]).await };
    let sends = laneway::spawn(sends, Priority::Low);
    let mut back = Vec::new();
    reader.read_to_end(&mut back).await?;
    sends.await?;
    assert!(back.iter().all(|&byte| byte == 7));
    Ok(back.len() as u64)
}

#[test]
fn every_byte_comes_back() {
    for (name, builder) in configurations() {
        let rt = builder.build().expect("the settings are valid");
        let exchange = timeout(Duration::from_secs(60), exchange());
        let bytes = rt.block_on(rt.spawn(exchange, Priority::High));
        let bytes = bytes.unwrap_or_else(|_| panic!("{name}: it hangs"));
        assert_eq!(bytes.unwrap(), CONNECTIONS * BYTES, "{name}");
    }
}

#[test]
fn a_reader_goes_on_although_all_workers_have_tasks_that_yield() {
    for (name, builder) in configurations() {
        let rt = builder.build().expect("the settings are valid");
        let computing = Computing::default();
        for _ in 0..8 {
            let computing = computing.clone();
            let busy = async move {
                while computing.goes_on() {
                    compute(Duration::from_millis(2));
                    laneway::yield_now().await;
                }
            };
            rt.spawn(busy, Priority::Low).detach();
        }
        // These tasks do not end before: a reader that waited for a worker's rest would wait on.
        let mut client = connection(&rt, || {}).unwrap();
        for _ in 0..10 {
            exchange_byte(&mut client).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        computing.stop();
    }
}

#[test]
fn a_reader_goes_on_although_the_worker_that_waited_for_sockets_is_in_a_long_poll() {
    for (name, builder) in configurations() {
        if name == "one worker" {
            continue;
        }
        let rt = builder.with_high_num(2).build();
        let rt = rt.expect("the settings are valid");
        let computing = Computing::default();
        let long_poll = {
            let computing = computing.clone();
            move || {
                while computing.goes_on() {
                    std::hint::spin_loop();
                }
            }
        };
        let mut other = connection(&rt, || {}).unwrap();
        let mut long = connection(&rt, long_poll).unwrap();
        exchange_byte(&mut other).unwrap();
        // The worker that was on the lookout answers, and goes on computing.
        exchange_byte(&mut long).unwrap();
        exchange_byte(&mut other)
            .unwrap_or_else(|error| panic!("{name}: {error} beside one long poll"));
        computing.stop();
    }
}

/// Whether tasks are to compute on. They end with the test.
#[derive(Clone, Default)]
struct Computing(Arc<AtomicBool>);

impl Computing {
    fn goes_on(&self) -> bool {
        !self.0.load(Ordering::Relaxed)
    }

    fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Drop for Computing {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A connection to a task that answers each byte and then does this, within the poll.
fn connection(
    rt: &Runtime,
    then: impl Fn() + Send + Sync + 'static,
) -> io::Result<std::net::TcpStream> {
    let listener = rt.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let address = listener.local_addr()?;
    let answers = async move {
        let (mut stream, _) = listener.accept().await?;
        let mut byte = [0];
        while stream.read(&mut byte).await? > 0 {
            stream.write_all(&byte).await?;
            then();
        }
        io::Result::Ok(())
    };
    rt.spawn(answers, Priority::High).detach();
    std::net::TcpStream::connect(address)
}

fn compute(time: Duration) {
    let until = Instant::now() + time;
    while Instant::now() < until {
        std::hint::spin_loop();
    }
}

/// Sends a byte and waits for it to come back.
fn exchange_byte(client: &mut std::net::TcpStream) -> io::Result<()> {
    use std::io::{Read, Write};
    client.set_read_timeout(Some(Duration::from_secs(30)))?;
    client.write_all(b"x")?;
    client.read_exact(&mut [0])
}

//! Does a simulated network do what its seed says, and nothing else?

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use futures_lite::{AsyncReadExt, AsyncWriteExt};
use laneway::net::unix::{UnixDatagram, UnixListener, UnixStream};
use laneway::net::{
    ListenOptions, NetworkConditions, TcpListener, TcpStream, UdpSocket, cut_off, reconnect,
};
use laneway::sim::{Error, Sim};
use laneway::spawn_task;
use laneway::time::{now, sleep, timeout};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// Some clients that each send a line to one server, in the order in which it gets them.
async fn arrivals() -> io::Result<Vec<u8>> {
    let listener = TcpListener::bind("10.0.0.1:80").await?;
    for client in 0..6 {
        let talk = async move {
            let mut stream = TcpStream::connect("10.0.0.1:80").await?;
            stream.write_all(&[client]).await
        };
        spawn_task!(talk).detach();
    }
    let mut order = Vec::new();
    for _ in 0..6 {
        let (mut stream, _) = listener.accept().await?;
        stream.read_to_end(&mut order).await?;
    }
    Ok(order)
}

#[test]
fn the_order_of_arrivals_is_a_function_of_the_seed() {
    let order = |seed| Sim::seed(seed).run(arrivals()).unwrap();
    let mut orders = Vec::new();
    for seed in 0..20 {
        let (one, again) = (order(seed), order(seed));
        assert_eq!(one.fingerprint, again.fingerprint);
        assert_eq!(one.output.as_ref().unwrap(), &again.output.unwrap());
        orders.push(one.output.unwrap());
    }
    orders.sort();
    orders.dedup();
    assert!(orders.len() > 10, "{} orders of 20 seeds", orders.len());
}

#[test]
fn a_chance_that_is_none_is_a_panic_that_says_what_to_write() {
    for chance in [f64::NAN, 7.0, -0.1, f64::INFINITY] {
        type Set = fn(NetworkConditions, f64) -> NetworkConditions;
        let settings: [(&str, Set); 2] = [
            ("loss", NetworkConditions::loss),
            ("resets", NetworkConditions::resets),
        ];
        for (name, set) in settings {
            let sets = || set(NetworkConditions::new(), chance);
            let panic = std::panic::catch_unwind(sets).unwrap_err();
            let message = panic.downcast::<String>().unwrap();
            assert!(
                message.starts_with(&format!("{name}({chance})")),
                "{message}"
            );
            assert!(message.contains("from 0 to 1"), "{message}");
        }
    }
}

#[test]
fn a_packet_that_takes_for_ever_never_comes() {
    let conditions = NetworkConditions::new().delay(Duration::MAX..=Duration::MAX);
    let run = Sim::seed(1).network(conditions).run(async {
        let listener = TcpListener::bind("10.0.0.1:80").await.unwrap();
        let connects = timeout(3600 * SECOND, TcpStream::connect("10.0.0.1:80")).await;
        drop(listener);
        connects.is_err()
    });
    assert!(run.unwrap().output, "it came");
}

#[test]
fn a_listener_without_a_backlog_takes_one_connection_after_another() {
    let run = Sim::seed(1).run(async {
        let options = ListenOptions::new().backlog(0);
        let listener = options.bind("10.0.0.1:80").await?;
        for _ in 0..3 {
            TcpStream::connect("10.0.0.1:80").await?;
            listener.accept().await?;
        }
        io::Result::Ok(())
    });
    run.unwrap().output.unwrap();
}

#[test]
fn a_call_that_a_full_listener_never_takes_times_out() {
    let run = Sim::seed(6).run(async {
        let full = ListenOptions::new().backlog(1);
        let _listener = full.bind("10.0.0.1:80").await?;
        let _first = TcpStream::connect("10.0.0.1:80").await?;
        let begun = now();
        let second = timeout(300 * SECOND, TcpStream::connect("10.0.0.1:80")).await;
        let error = second.expect("it gives up").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let time = now() - begun;
        assert!((50 * SECOND..60 * SECOND).contains(&time), "{time:?}");
        io::Result::Ok(())
    });
    run.unwrap().output.unwrap();
}

/// A connection, and when its other end was dropped.
async fn left_alone() -> io::Result<(TcpStream, Instant)> {
    let listener = TcpListener::bind("10.0.0.1:80").await?;
    let client = TcpStream::connect("10.0.0.1:80").await?;
    drop(listener.accept().await?);
    Ok((client, now()))
}

#[test]
fn a_peer_that_is_gone_is_learned_of_by_its_answers_alone() {
    let slow = NetworkConditions::new().delay(SECOND..=SECOND);
    let run = Sim::seed(1).network(slow).run(async {
        let (mut client, gone) = left_alone().await?;
        client.write_all(b"lost").await?;
        assert_eq!(now(), gone, "the news is under way");
        assert_eq!(client.read(&mut [0]).await?, 0);
        assert_eq!(now(), gone + SECOND);
        client.write_all(b"lost as well").await?;
        // There and back, from the first of these bytes on.
        sleep(SECOND + MS).await;
        let refused = client.write(b"x").await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::BrokenPipe);
        assert_eq!(client.read(&mut [0]).await?, 0);
        io::Result::Ok(())
    });
    run.unwrap().output.unwrap();
}

#[test]
fn a_writer_to_a_peer_that_is_gone_waits_for_its_answer_or_gives_up() {
    let server = "10.0.0.1".parse().unwrap();
    let run = Sim::seed(1).run(async move {
        let (mut client, gone) = left_alone().await?;
        let refused = client.write_all(&vec![0; 1 << 20]).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::BrokenPipe);
        assert!(now() > gone);
        let (mut client, _) = left_alone().await?;
        cut_off(server);
        client.write_all(b"x").await?;
        let waited = timeout(300 * SECOND, client.read(&mut [0])).await;
        let error = waited.expect("it gives up").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        io::Result::Ok(())
    });
    run.unwrap().output.unwrap();
}

/// Sends a megabyte there and back. What came back, or what went wrong.
async fn echo_of(length: usize) -> io::Result<Vec<u8>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let echo = spawn_task!(async move {
        let (stream, _) = listener.accept().await?;
        futures_lite::io::copy(&stream, &stream).await
    });
    let (mut reader, mut writer) = TcpStream::connect(address).await?.into_split();
    let sender = spawn_task!(async move {
        let bytes: Vec<u8> = (0..length).map(|n| n as u8).collect();
        writer.write_all(&bytes).await
    });
    let mut back = Vec::new();
    reader.read_to_end(&mut back).await?;
    sender.await?;
    echo.await?;
    Ok(back)
}

#[test]
fn bytes_arrive_whole_and_in_order_through_losses_and_partitions() {
    let stormy = NetworkConditions::new()
        .delay(MS..=50 * MS)
        .loss(0.1)
        .partitions(SECOND..=5 * SECOND, SECOND..=10 * SECOND);
    let mut lasted = Vec::new();
    for seed in 0..10 {
        let run = Sim::seed(seed)
            .network(stormy.clone())
            .run(echo_of(300_000));
        let run = run.unwrap();
        let back = run.output.expect("no partition is long enough to break it");
        assert!((0..300_000).map(|n| n as u8).eq(back));
        lasted.push(run.elapsed);
    }
    lasted.dedup();
    assert_eq!(lasted.len(), 10, "each seed has another weather");
}

#[test]
fn resets_come_to_both_ends_where_the_seed_says() {
    let conditions = NetworkConditions::new().resets(0.02);
    let outcome = |seed| {
        let run = Sim::seed(seed)
            .network(conditions.clone())
            .run(echo_of(300_000));
        run.unwrap().output.map_err(|error| error.kind())
    };
    let outcomes: Vec<_> = (0..20).map(outcome).collect();
    assert_eq!(outcomes, (0..20).map(outcome).collect::<Vec<_>>());
    let errors = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    let errors: Vec<_> = errors.copied().collect();
    assert!(errors.contains(&ErrorKind::ConnectionReset), "{errors:?}");
    assert!(errors.len() < 20, "some get through");
}

#[test]
fn a_cut_that_heals_delays_and_one_that_does_not_times_out() {
    let server = "10.0.0.1".parse().unwrap();
    let run = Sim::seed(4).run(async move {
        let listener = TcpListener::bind("10.0.0.1:80").await?;
        let mut client = TcpStream::connect("10.0.0.1:80").await?;
        let (mut stream, _) = listener.accept().await?;
        cut_off(server);
        client.write_all(b"x").await?;
        let healed = now() + 3 * SECOND;
        spawn_task!(async move {
            sleep(3 * SECOND).await;
            reconnect(server);
        })
        .detach();
        stream.read_exact(&mut [0]).await?;
        assert!(now() >= healed);
        cut_off(server);
        client.write_all(b"y").await?;
        let waited = timeout(300 * SECOND, client.read(&mut [0])).await;
        let error = waited.expect("it gives up").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        // The other end has sent nothing, and knows nothing.
        assert!(timeout(SECOND, stream.read(&mut [0])).await.is_err());
        io::Result::Ok(())
    });
    run.unwrap().output.unwrap();
}

#[test]
fn a_wait_for_what_never_comes_is_a_deadlock() {
    let run = Sim::seed(1).run(async {
        let listener = TcpListener::bind("127.0.0.1:80").await.unwrap();
        listener.accept().await.unwrap();
    });
    assert!(matches!(run, Err(Error::Deadlock(_))), "{run:?}");
}

#[test]
fn ports_backlogs_and_refusals_are_those_of_a_network() {
    let run = Sim::seed(2).run(async {
        let first = TcpListener::bind("127.0.0.1:0").await?;
        let address = first.local_addr()?;
        let taken = TcpListener::bind(address).await.unwrap_err();
        assert_eq!(taken.kind(), ErrorKind::AddrInUse);
        drop(first);
        let refused = TcpStream::connect(address).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        let listener = ListenOptions::new()
            .backlog(1)
            .bind(("0.0.0.0", 80))
            .await?;
        let one = TcpStream::connect("10.0.0.7:80").await?;
        let waits = timeout(SECOND, TcpStream::connect("10.0.0.7:80")).await;
        assert!(waits.is_err(), "the backlog has room for one");
        let (server, peer) = listener.accept().await?;
        assert_eq!(
            (one.local_addr()?, one.peer_addr()?),
            (peer, server.local_addr()?)
        );
        let other = TcpStream::connect("10.0.0.7:80").await?;
        drop(listener);
        let reset = (&other).read(&mut [0]).await.unwrap_err();
        assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
        io::Result::Ok(())
    });
    run.unwrap().output.unwrap();
}

#[test]
fn a_full_window_stops_the_writer_until_the_reader_reads() {
    let run = Sim::seed(5).run(async {
        let listener = TcpListener::bind("127.0.0.1:80").await?;
        let client = TcpStream::connect("127.0.0.1:80").await?;
        let (mut server, _) = listener.accept().await?;
        let mut sent = 0;
        while let Ok(bytes) = client.try_write(&[0; 4096]) {
            sent += bytes;
        }
        assert!(timeout(SECOND, client.writable()).await.is_err());
        server.read_exact(&mut vec![0; sent]).await?;
        client.writable().await;
        assert!(client.try_write(&[0; 4096])? > 0);
        io::Result::Ok(sent)
    });
    assert_eq!(run.unwrap().output.unwrap(), 64 * 1024);
}

#[test]
fn names_are_those_of_the_network() {
    let named = NetworkConditions::new().host("db", "10.0.0.9");
    let run = Sim::seed(1).network(named).run(async {
        let listener = TcpListener::bind("db:5432").await?;
        assert_eq!(listener.local_addr()?, "10.0.0.9:5432".parse().unwrap());
        let unknown = TcpStream::connect("example.org:80").await.unwrap_err();
        assert_eq!(unknown.kind(), ErrorKind::NotFound);
        assert!(unknown.to_string().contains("NetworkConditions::host"));
        io::Result::Ok(())
    });
    run.unwrap().output.unwrap();
}

#[test]
fn the_systems_sockets_are_refused() {
    let bound = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let run = Sim::seed(1).run(async {
        [
            UdpSocket::try_from(socket).unwrap_err(),
            UnixListener::bind("never-made.sock").unwrap_err(),
            UnixStream::connect("never-made.sock").await.unwrap_err(),
            UnixStream::pair().unwrap_err(),
            UnixDatagram::pair().unwrap_err(),
            TcpListener::try_from(bound).unwrap_err(),
            TcpListener::bind("[::1]:80")
                .await
                .unwrap()
                .into_std()
                .unwrap_err(),
            UdpSocket::bind("[::1]:80")
                .await
                .unwrap()
                .into_std()
                .unwrap_err(),
        ]
    });
    for error in run.unwrap().output {
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("simul"), "{error}");
    }
    assert!(!std::path::Path::new("never-made.sock").exists());
}

#[test]
fn a_fault_in_a_protocol_is_found_by_exploring() {
    let conditions = NetworkConditions::new().resets(0.2);
    let failure = Sim::seed(0).network(conditions).explore(200, || async {
        let answer = echo_of(10).await;
        assert!(answer.is_ok(), "the client does not try again");
    });
    let failure = failure.unwrap_err();
    assert!(failure.to_string().contains("does not try again"));
}

#[test]
fn a_stream_that_outlives_its_simulation_waits_for_nothing() {
    let run = Sim::seed(1).run(async {
        let listener = TcpListener::bind("127.0.0.1:80").await.unwrap();
        let client = TcpStream::connect("127.0.0.1:80").await.unwrap();
        (client, listener)
    });
    let (mut client, listener) = run.unwrap().output;
    let error = laneway::block_on(client.read(&mut [0])).unwrap_err();
    assert!(error.to_string().contains("has ended"), "{error}");
    assert!(
        laneway::block_on(listener.accept()).is_ok(),
        "one was under way"
    );
    assert!(laneway::block_on(listener.accept()).is_err());
}

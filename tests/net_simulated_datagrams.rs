//! Do simulated datagrams get lost, overtake each other and stop at a partition where the seed says,
//! and nowhere else?

use std::io::{self, ErrorKind};
use std::time::Duration;

use laneway::net::{NetworkConditions, TcpStream, UdpSocket, cut_off, reconnect};
use laneway::sim::{Error, Sim};
use laneway::spawn_task;
use laneway::time::{now, sleep, timeout};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// Two sockets, of which the second is connected to the first.
async fn pair() -> io::Result<(UdpSocket, UdpSocket)> {
    let server = UdpSocket::bind("10.0.0.1:53").await?;
    let client = UdpSocket::bind("10.0.0.2:0").await?;
    client.connect("10.0.0.1:53").await?;
    Ok((server, client))
}

/// The datagrams that arrive within a second of the last one before.
async fn received(socket: &UdpSocket) -> io::Result<Vec<u8>> {
    let (mut arrived, mut byte) = (Vec::new(), [0]);
    while let Ok(length) = timeout(SECOND, socket.recv(&mut byte)).await {
        assert_eq!(length?, 1);
        arrived.push(byte[0]);
    }
    Ok(arrived)
}

/// Sends a hundred numbers, one each 0.1 ms. Which ones arrive, in their order.
async fn arrivals() -> io::Result<Vec<u8>> {
    let (server, client) = pair().await?;
    for number in 0..100 {
        client.send(&[number]).await?;
        sleep(MS / 10).await;
    }
    received(&server).await
}

/// What arrives under each of twenty seeds, and again the same.
fn by_seed(conditions: &NetworkConditions) -> Vec<Vec<u8>> {
    let run = |seed| {
        let run = Sim::seed(seed).network(conditions.clone()).run(arrivals());
        let run = run.expect("it comes to its end");
        (run.output.expect("no socket fails"), run.fingerprint)
    };
    let runs: Vec<_> = (0..20).map(run).collect();
    assert_eq!(runs, (0..20).map(run).collect::<Vec<_>>(), "the seed says");
    runs.into_iter().map(|(arrived, _)| arrived).collect()
}

fn kinds(runs: &[Vec<u8>]) -> usize {
    let mut kinds = runs.to_vec();
    kinds.sort();
    kinds.dedup();
    kinds.len()
}

#[test]
fn without_faults_and_with_one_delay_all_arrive_in_order() {
    let calm = NetworkConditions::new().delay(MS..=MS);
    for arrived in by_seed(&calm) {
        assert!((0..100).eq(arrived));
    }
}

#[test]
fn datagrams_overtake_each_other_as_the_seed_says() {
    let uneven = NetworkConditions::new().delay(MS..=20 * MS);
    let runs = by_seed(&uneven);
    for arrived in &runs {
        assert!(!arrived.is_sorted(), "{arrived:?}");
        let mut all = arrived.clone();
        all.sort_unstable();
        assert!((0..100).eq(all), "each arrives once");
    }
    assert_eq!(kinds(&runs), 20, "each seed has another order");
}

#[test]
fn some_are_lost_for_good_as_the_seed_says() {
    let lossy = NetworkConditions::new().delay(MS..=MS).loss(0.3);
    let runs = by_seed(&lossy);
    for arrived in &runs {
        assert!(arrived.is_sorted(), "one delay keeps the order");
        assert!(
            (40..95).contains(&arrived.len()),
            "{} arrive",
            arrived.len()
        );
    }
    assert_eq!(kinds(&runs), 20, "each seed loses others");
}

#[test]
fn a_partition_loses_what_meets_it_in_both_directions() {
    let apart = NetworkConditions::new().partitions(2 * MS..=4 * MS, 2 * MS..=4 * MS);
    let runs = by_seed(&apart);
    let whole = runs.iter().filter(|arrived| arrived.len() == 100).count();
    assert!(whole < 20, "none met a partition");
    assert!(runs.iter().all(|arrived| !arrived.is_empty()), "they heal");
    // A question that is sent again until the answer is there gets through.
    let run = Sim::seed(3).network(apart).run(async {
        let (server, client) = pair().await?;
        spawn_task!(async move {
            loop {
                let (_, from) = server.recv_from(&mut [0]).await.unwrap();
                server.send_to(b"y", from).await.unwrap();
            }
        })
        .detach();
        let mut asked = 0;
        loop {
            asked += 1;
            client.send(b"x").await?;
            if let Ok(answer) = timeout(10 * MS, client.recv(&mut [0])).await {
                return answer.map(|_| asked);
            }
        }
    });
    assert!((1..50).contains(&run.unwrap().output.unwrap()));
}

#[test]
fn a_cut_loses_what_is_under_way_and_what_is_sent_meanwhile() {
    let slow = NetworkConditions::new().delay(SECOND..=SECOND);
    let run = Sim::seed(1).network(slow).run(async {
        let (server, client) = pair().await?;
        let here = "10.0.0.1".parse().unwrap();
        client.send(&[1]).await?;
        sleep(SECOND / 2).await;
        cut_off(here);
        client.send(&[2]).await?;
        sleep(SECOND).await;
        reconnect(here);
        client.send(&[3]).await?;
        let sent = now();
        let arrived = timeout(2 * SECOND, server.recv(&mut [0])).await;
        assert_eq!(arrived.expect("the third arrives")?, 1);
        assert!(now() - sent >= SECOND);
        assert_eq!(received(&server).await?, [0; 0]);
        io::Result::Ok(())
    });
    run.unwrap().output.unwrap();
}

#[test]
fn datagrams_keep_their_borders_and_say_where_they_come_from() {
    let run = Sim::seed(2).run(async {
        let server = UdpSocket::bind("0.0.0.0:53").await?;
        let client = UdpSocket::bind("10.0.0.2:7").await?;
        client.send_to(b"abc", "10.0.0.1:53").await?;
        let mut buffer = [0; 2];
        assert_eq!(server.peek(&mut buffer).await?, 2);
        let (length, from) = server.recv_from(&mut buffer).await?;
        assert_eq!(
            (&buffer[..length], from),
            (&b"ab"[..], client.local_addr()?)
        );
        let rest = server.try_recv(&mut buffer).unwrap_err();
        assert_eq!(rest.kind(), ErrorKind::WouldBlock, "the rest is lost");
        client.send_to(b"", "10.0.0.1:53").await?;
        assert_eq!(server.recv(&mut buffer).await?, 0, "an empty one is one");
        io::Result::Ok(())
    });
    run.unwrap().output.unwrap();
}

#[test]
fn a_connected_socket_hears_its_peer_alone_and_learns_that_it_is_gone() {
    let run = Sim::seed(5).run(async {
        let (server, client) = pair().await?;
        let address = client.local_addr()?;
        assert_eq!(client.peer_addr()?, server.local_addr()?);
        assert_eq!(
            server.peer_addr().unwrap_err().kind(),
            ErrorKind::NotConnected
        );
        assert_eq!(
            server.send(b"x").await.unwrap_err().kind(),
            ErrorKind::NotConnected
        );
        let stranger = UdpSocket::bind("10.0.0.3:0").await?;
        stranger.send_to(&[7], address).await?;
        server.send_to(&[8], address).await?;
        assert_eq!(received(&client).await?, [8]);
        drop(server);
        client.send(&[9]).await?;
        let refused = client.recv(&mut [0]).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        client.send(&[9]).await?;
        sleep(SECOND).await;
        let refused = client.take_error()?.expect("it is told each time");
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        io::Result::Ok(())
    });
    run.unwrap().output.unwrap();
}

#[test]
fn a_network_whose_ports_are_all_taken_says_so() {
    let run = Sim::seed(1).run(async {
        let mut sockets = Vec::new();
        let refused = loop {
            match UdpSocket::bind("10.0.0.1:0").await {
                Ok(socket) => sockets.push(socket),
                Err(error) => break error,
            }
        };
        assert_eq!(refused.kind(), ErrorKind::AddrInUse);
        assert_eq!(sockets.len(), (49_152..=u16::MAX).count());
        let refused = TcpStream::connect("10.0.0.2:80").await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::AddrNotAvailable);
        sockets.truncate(1);
        UdpSocket::bind("10.0.0.1:0").await
    });
    run.unwrap().output.unwrap();
}

#[test]
fn what_can_go_nowhere_is_refused_at_once() {
    let run = Sim::seed(1).run(async {
        let socket = UdpSocket::bind("localhost:0").await?;
        let taken = UdpSocket::bind(socket.local_addr()?).await.unwrap_err();
        assert_eq!(taken.kind(), ErrorKind::AddrInUse);
        for address in [
            "[::1]:53",
            "224.0.0.1:53",
            "255.255.255.255:53",
            "10.0.0.1:0",
        ] {
            let refused = socket.send_to(b"x", address).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{address}");
        }
        let long = socket
            .send_to(&[0; 65_508], "10.0.0.1:53")
            .await
            .unwrap_err();
        assert_eq!(long.kind(), ErrorKind::InvalidInput);
        assert_eq!(socket.send_to(&[0; 65_507], "10.0.0.1:53").await?, 65_507);
        let group = socket.join_multicast("224.0.0.1".parse().unwrap());
        assert_eq!(group.unwrap_err().kind(), ErrorKind::Unsupported);
        socket.set_broadcast(true)?;
        socket.set_ttl(1)?;
        io::Result::Ok(())
    });
    run.unwrap().output.unwrap();
}

#[test]
fn a_sender_waits_for_room_and_a_full_socket_loses_the_rest() {
    let run = Sim::seed(4).run(async {
        let (server, client) = pair().await?;
        let mut sent = 0;
        while client.try_send(&[1]).is_ok() {
            sent += 1;
        }
        assert_eq!(sent, 256, "as many are under way");
        client.writable().await;
        for _ in 0..744 {
            client.send(&[1]).await?;
        }
        sleep(SECOND).await;
        assert_eq!(received(&server).await?.len(), 256, "as many wait");
        io::Result::Ok(())
    });
    run.unwrap().output.unwrap();
}

#[test]
fn a_socket_that_is_dropped_gives_its_address_back_and_forgets_what_it_sent() {
    let run = Sim::seed(6).run(async {
        let server = UdpSocket::bind("10.0.0.1:53").await?;
        for _ in 0..3 {
            let client = UdpSocket::bind("10.0.0.2:7").await?;
            while client
                .try_send_to(&[1], "10.0.0.1:53".parse().unwrap())
                .is_ok()
            {}
        }
        let later = UdpSocket::bind("10.0.0.2:7").await?;
        sleep(SECOND).await;
        later.send_to(&[2], "10.0.0.1:53").await?;
        let all = received(&server).await?;
        assert_eq!((all.len(), all.last()), (257, Some(&2)));
        io::Result::Ok(())
    });
    run.unwrap().output.unwrap();
}

#[test]
fn a_wait_for_what_was_lost_is_a_deadlock_and_one_of_a_past_simulation_ends() {
    let lossy = NetworkConditions::new().loss(1.0);
    let run = Sim::seed(1).network(lossy).run(async {
        let (server, client) = pair().await.unwrap();
        client.send(b"x").await.unwrap();
        server.recv(&mut [0]).await.unwrap();
    });
    assert!(matches!(run, Err(Error::Deadlock(_))), "{run:?}");
    let run = Sim::seed(1).run(async { pair().await.unwrap().0 });
    let error = laneway::block_on(run.unwrap().output.recv(&mut [0])).unwrap_err();
    assert!(error.to_string().contains("has ended"), "{error}");
}

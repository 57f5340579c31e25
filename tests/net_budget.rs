//! Does a task that never has to wait for the network let others have its thread?
//!
//! `budget.rs` asks this of the futures that need no feature, `net_waits.rs` of loops over reads.

mod common;

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use common::soon;
use futures_lite::future::{or, yield_now};
use futures_lite::{AsyncReadExt, AsyncWriteExt, Stream};
use laneway::net::{ListenOptions, TcpListener, TcpStream, UdpSocket, resolve};
use laneway::sim::Sim;
use laneway::time::sleep;
use laneway::{Priority, Runtime};

/// How much may be ready at once in one poll.
const BUDGET: usize = 64;

/// Asserts that a loop over `next`, which is always ready, yields after so much and goes on then.
/// A socket is put off every second time that the budget is used up.
async fn assert_yields(what: &str, mut next: impl FnMut(&mut Context<'_>) -> Poll<()>) {
    for poll in 1..=3 {
        yield_now().await;
        let ready = poll_fn(|cx| {
            let all = (0..100 * BUDGET).take_while(|_| next(cx).is_ready());
            Poll::Ready(all.count())
        });
        let ready = ready.await;
        assert!(
            ready == BUDGET || ready == BUDGET + 1,
            "{what}, poll {poll}: {ready}"
        );
    }
}

fn poll_new(future: impl Future, cx: &mut Context<'_>) -> Poll<()> {
    pin!(future).poll(cx).map(drop)
}

fn on_one_worker<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    let rt = Runtime::builder().with_high_num(0).with_low_num(1);
    soon(rt.build().unwrap().spawn(future, Priority::Low))
}

const ANY: &str = "127.0.0.1:0";

#[test]
fn addresses_that_need_no_lookup_are_counted() {
    let counted = || async {
        let udp = UdpSocket::bind(ANY).await.unwrap();
        let nowhere: &[SocketAddr] = &[];
        assert_yields("resolve", |cx| poll_new(resolve(ANY), cx)).await;
        assert_yields("resolve without a port", |cx| poll_new(resolve("a"), cx)).await;
        assert_yields("bind UDP", |cx| poll_new(UdpSocket::bind(ANY), cx)).await;
        assert_yields("bind TCP", |cx| poll_new(TcpListener::bind(ANY), cx)).await;
        assert_yields("bind with options", |cx| {
            poll_new(ListenOptions::new().bind(ANY), cx)
        })
        .await;
        let peer = udp.local_addr().unwrap();
        assert_yields("connect UDP", |cx| poll_new(udp.connect(peer), cx)).await;
        assert_yields("send nowhere", |cx| poll_new(udp.send_to(b"", nowhere), cx)).await;
        assert_yields("connect nowhere", |cx| {
            poll_new(TcpStream::connect(nowhere), cx)
        })
        .await;
    };
    on_one_worker(counted());
    Sim::seed(1).run(counted()).unwrap();
}

#[test]
fn names_of_a_simulated_network_are_counted() {
    let run = Sim::seed(1).run(assert_yields("a simulated lookup", |cx| {
        poll_new(resolve("localhost:80"), cx)
    }));
    run.unwrap();
}

#[cfg(unix)]
#[test]
fn attempts_at_unix_sockets_are_counted() {
    use laneway::net::unix::{UnixDatagram, UnixStream};
    on_one_worker(assert_yields("connect Unix", |cx| {
        poll_new(UnixStream::connect("/nowhere/at/all"), cx)
    }));
    on_one_worker(async {
        let sender = UnixDatagram::unbound().unwrap();
        sender.writable().await;
        assert_yields("send_to Unix", |cx| {
            poll_new(sender.send_to(b"", "/nowhere/at/all"), cx)
        })
        .await;
    });
}

#[test]
fn datagrams_are_counted() {
    on_one_worker(async {
        let udp = UdpSocket::bind(ANY).await.unwrap();
        let address = udp.local_addr().unwrap();
        udp.writable().await;
        assert_yields("send_to", |cx| poll_new(udp.send_to(b"", address), cx)).await;
        udp.connect(address).await.unwrap();
        assert_yields("send", |cx| poll_new(udp.send(b""), cx)).await;
        assert_yields("writable", |cx| poll_new(udp.writable(), cx)).await;
        assert_yields("poll_writable", |cx| udp.poll_writable(cx)).await;
        while udp.peek(&mut [0]).await.is_err() {}
        assert_yields("peek", |cx| poll_new(udp.peek(&mut [0]), cx)).await;
        assert_yields("peek_from", |cx| poll_new(udp.peek_from(&mut [0]), cx)).await;
        assert_yields("readable", |cx| poll_new(udp.readable(), cx)).await;
        assert_yields("poll_readable", |cx| udp.poll_readable(cx)).await;
        let again = |cx: &mut Context<'_>, received: Poll<()>| {
            udp.try_send(b"").unwrap();
            received.is_pending().then(|| cx.waker().wake_by_ref());
            received
        };
        assert_yields("recv", |cx| {
            let received = poll_new(udp.recv(&mut []), cx);
            again(cx, received)
        })
        .await;
        assert_yields("recv_from", |cx| {
            let received = poll_new(udp.recv_from(&mut []), cx);
            again(cx, received)
        })
        .await;
    });
}

/// A connection's two ends.
async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(ANY).await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap());
    let client = client.await.unwrap();
    (client, listener.accept().await.unwrap().0)
}

#[test]
fn bytes_are_counted() {
    on_one_worker(async {
        let (mut one, other) = pair().await;
        one.write_all(b"a").await.unwrap();
        other.readable().await;
        assert_yields("peek at bytes", |cx| poll_new(other.peek(&mut [0]), cx)).await;
        assert_yields("readable bytes", |cx| poll_new(other.readable(), cx)).await;
        assert_yields("poll_readable bytes", |cx| other.poll_readable(cx)).await;
        assert_yields("writable bytes", |cx| poll_new(other.writable(), cx)).await;
        assert_yields("poll_writable bytes", |cx| other.poll_writable(cx)).await;
        let (mut read_half, mut write_half) = other.into_split();
        assert_yields("write half", |cx| poll_new(write_half.write(b"a"), cx)).await;
        assert_eq!(read_half.read(&mut [0]).await.unwrap(), 1);
        drop(one);
        assert_yields("read half", |cx| poll_new(read_half.read(&mut [0]), cx)).await;
        let (mut one, mut other) = pair().await;
        one.write_all(b"a").await.unwrap();
        other.writable().await;
        assert_yields("write", |cx| poll_new(other.write(b"a"), cx)).await;
        assert_eq!(other.read(&mut [0]).await.unwrap(), 1);
        drop(one);
        assert_yields("read", |cx| poll_new(other.read(&mut [0]), cx)).await;
        while other.write(b"a").await.is_ok() {}
        poll_fn(|cx| other.poll_over(cx)).await;
        assert_yields("poll_over", |cx| other.poll_over(cx)).await;
    });
}

#[test]
fn connections_are_counted() {
    let run = Sim::seed(1).run(async {
        let listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut clients = Vec::new();
        for _ in 0..10 * BUDGET {
            clients.push(TcpStream::connect(address).await.unwrap());
        }
        assert_yields("accept", |cx| poll_new(listener.accept(), cx)).await;
        assert_yields("poll_accept", |cx| listener.poll_accept(cx).map(drop)).await;
        let mut incoming = listener.incoming();
        assert_yields("incoming", |cx| pin!(&mut incoming).poll_next(cx).map(drop)).await;
    });
    run.unwrap();
}

/// A branch that uses up each poll's budget, and is the first to be polled.
async fn greedy() {
    loop {
        sleep(Duration::ZERO).await;
    }
}

#[test]
fn a_greedy_branch_does_not_starve_a_socket() {
    let run = Sim::seed(1).max_steps(10_000).run(async {
        let (mut one, mut other) = pair().await;
        one.write_all(b"ab").await.unwrap();
        // Time stands still beside the greedy branch.
        other.readable().await;
        or(greedy(), other.readable()).await;
        or(greedy(), async { drop(other.read_exact(&mut [0]).await) }).await;
        or(greedy(), async { drop(other.peek(&mut [0]).await) }).await;
        or(greedy(), async { drop(other.write(b"a").await) }).await;
        or(greedy(), poll_fn(|cx| other.poll_writable(cx))).await;
        let udp = UdpSocket::bind("0.0.0.0:0").await.unwrap();
        let address = udp.local_addr().unwrap();
        or(greedy(), async { drop(udp.send_to(b"a", address).await) }).await;
        udp.readable().await;
        or(greedy(), async { drop(udp.recv(&mut [0]).await) }).await;
        or(greedy(), async {
            drop(TcpListener::bind("0.0.0.0:0").await)
        })
        .await;
    });
    run.unwrap();
}

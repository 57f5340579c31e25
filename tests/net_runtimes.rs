//! To which runtime does a socket belong, and what becomes of it when that ends?

use std::future::Future;
use std::io::{self, ErrorKind};
use std::pin::pin;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use futures_lite::{AsyncReadExt, AsyncWriteExt, StreamExt, future, stream};
use laneway::net::{TcpListener, TcpStream};
use laneway::time::{sleep, timeout};
use laneway::{Idle, Priority, Runtime, ShutdownReport, shutdown_begun};

/// Two ends of a connection, in the runtime of the caller.
async fn pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let client = TcpStream::connect(listener.local_addr()?).await?;
    let (server, _) = listener.accept().await?;
    Ok((client, server))
}

fn small() -> Runtime {
    let builder = Runtime::builder().with_high_num(1).with_low_num(1);
    builder.build().expect("the settings are valid")
}

#[test]
fn a_socket_made_in_one_runtime_is_used_in_another_and_dropped_on_a_plain_thread() {
    let (one, other) = (small(), small());
    let (client, mut server) = one.block_on(pair()).unwrap();
    let mut reader = client.clone();
    let read = other.spawn(
        async move {
            let mut byte = [0];
            reader.read_exact(&mut byte).await.map(|()| byte)
        },
        Priority::High,
    );
    let write = async move { server.write_all(b"x").await.map(|()| server) };
    let server = one.block_on(one.spawn(write, Priority::Low)).unwrap();
    assert_eq!(&other.block_on(read).unwrap(), b"x");
    thread::spawn(move || drop(client)).join().unwrap();
    let end = other.block_on(async { (&server).read(&mut [0]).await });
    assert_eq!(end.unwrap(), 0, "the last clone is gone");
}

#[test]
fn when_a_runtime_is_dropped_what_waits_for_its_sockets_gets_an_error() {
    let owner = small();
    let (client, server) = owner.block_on(pair()).unwrap();
    let listener = owner.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let user = small();
    let mut reader = client.clone();
    let read = user.spawn(async move { reader.read(&mut [0]).await }, Priority::High);
    let accept = user.spawn(async move { listener.accept().await }, Priority::Low);
    drop(owner);
    for error in [
        user.block_on(read).unwrap_err(),
        user.block_on(accept).unwrap_err(),
    ] {
        assert!(error.to_string().contains("has ended"), "{error}");
    }
    // What needs no wait goes on.
    assert_eq!(client.try_write(b"x").unwrap(), 1);
    drop(server);
}

#[test]
fn when_a_runtime_is_dropped_what_waits_for_the_end_of_its_connections_is_told() {
    let owner = small();
    let (client, server) = owner.block_on(pair()).unwrap();
    let user = small();
    let waiting = client.clone();
    let over = future::poll_fn(move |cx| waiting.poll_over(cx));
    let mut over = user.spawn(timeout(Duration::from_secs(20), over), Priority::High);
    assert!(user.block_on(future::poll_once(&mut over)).is_none());
    drop(owner);
    user.block_on(over).expect("there will be no more news");
    drop((client, server));
}

#[test]
fn shutdown_keeps_its_deadline_with_tasks_that_wait_for_sockets() {
    for rt in [small(), small().into_napping()] {
        let (client, server) = rt.block_on(pair()).unwrap();
        rt.spawn(
            async move { (&client).read(&mut [0]).await },
            Priority::High,
        )
        .detach();
        let begun = Instant::now();
        let report = rt.shutdown(Duration::from_millis(50));
        assert_eq!(report.cut_off, 1, "{report:?}");
        assert!(begun.elapsed() < Duration::from_secs(5));
        drop(server);
    }
}

trait Napping {
    fn into_napping(self) -> Runtime;
}

impl Napping for Runtime {
    fn into_napping(self) -> Runtime {
        let nap = Idle::Nap(Duration::from_millis(1));
        Runtime::builder()
            .with_idle(nap)
            .build()
            .expect("the settings are valid")
    }
}

#[test]
fn a_plain_thread_uses_the_process_wide_runtime() {
    let (client, mut server) = futures_lite::future::block_on(pair()).unwrap();
    let exchange = async {
        server.write_all(b"abc").await?;
        let mut bytes = [0; 3];
        (&client).read_exact(&mut bytes).await.map(|()| bytes)
    };
    assert_eq!(&futures_lite::future::block_on(exchange).unwrap(), b"abc");
}

#[test]
fn a_socket_that_a_runtime_made_is_awaited_by_a_foreign_executor_and_among_many() {
    let rt = small();
    let pairs: Vec<_> = (0..20).map(|_| rt.block_on(pair()).unwrap()).collect();
    let (clients, servers): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    let executor = async_executor::Executor::new();
    let reads = clients.into_iter().map(|mut client| {
        executor.spawn(async move {
            let mut text = String::new();
            client.read_to_string(&mut text).await.map(|_| text)
        })
    });
    let reads: Vec<_> = reads.collect();
    let writes = servers
        .into_iter()
        .map(|mut server| async move { server.write_all(b"hi").await });
    let all = async {
        let written = stream::iter(writes).then(|write| write).count().await;
        assert_eq!(written, 20);
        for read in reads {
            assert_eq!(read.await.unwrap(), "hi");
        }
    };
    futures_lite::future::block_on(executor.run(all));
}

/// A waker that panics.
struct Rude;

impl Wake for Rude {
    fn wake(self: Arc<Self>) {
        panic!("a waker that panics, as the test wants");
    }
}

#[test]
fn a_waker_that_panics_harms_no_other() {
    let rt = small();
    let (client, mut server) = rt.block_on(pair()).unwrap();
    let rude = Waker::from(Arc::new(Rude));
    let mut waits = pin!(client.readable());
    assert!(
        waits
            .as_mut()
            .poll(&mut Context::from_waker(&rude))
            .is_pending()
    );
    let patient = client.clone();
    let reads = rt.spawn(
        async move { (&patient).read(&mut [0; 8]).await },
        Priority::High,
    );
    rt.block_on(async { server.write_all(b"x").await }).unwrap();
    assert_eq!(rt.block_on(reads).unwrap(), 1);
    let again = rt.block_on(pair()).unwrap();
    assert_eq!(again.0.peer_addr().unwrap(), again.1.local_addr().unwrap());
}

#[test]
fn a_socket_that_would_block_after_the_end_says_so_without_a_wait() {
    let rt = small();
    let (client, _server) = rt.block_on(pair()).unwrap();
    assert_eq!(
        client.try_read(&mut [0]).unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
    drop(rt);
    let error = client.try_read(&mut [0]).unwrap_err();
    assert!(error.to_string().contains("has ended"), "{error}");
    assert_eq!(
        client.poll_readable(&mut Context::from_waker(Waker::noop())),
        Poll::Ready(())
    );
}

/// The descriptors of a program that this process starts.
#[cfg(target_os = "linux")]
fn descriptors_of_a_child() -> Vec<u8> {
    let child = std::process::Command::new("ls")
        .arg("/proc/self/fd")
        .stdin(std::process::Stdio::null())
        .output();
    child.expect("every Linux has ls").stdout
}

#[test]
#[cfg(target_os = "linux")]
fn a_program_that_is_started_gets_no_descriptor_of_runtimes_and_sockets() {
    let before = descriptors_of_a_child();
    small().block_on(async {
        let _connected = pair().await.unwrap();
        let _datagrams = laneway::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let _unix = laneway::net::unix::UnixStream::pair().unwrap();
        assert_eq!(descriptors_of_a_child(), before);
    });
}

/// Shuts a runtime down when it is woken, and tells how that went.
struct ShutsDown(Mutex<Option<Runtime>>, Sender<ShutdownReport>);

impl Wake for ShutsDown {
    fn wake(self: Arc<Self>) {
        let runtime = self.0.lock().unwrap().take();
        if let Some(runtime) = runtime {
            let report = runtime.shutdown(Duration::from_secs(20));
            self.1.send(report).unwrap();
        }
    }
}

/// The worker's thread polls nothing then, so that there is no task that need not be waited for.
#[test]
fn a_waker_that_an_idle_worker_calls_shuts_down_and_waits_for_every_task() {
    let rt = small();
    let handle = rt.handle();
    let listener = rt.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let (begin, begun) = mpsc::channel();
    let waits = async move {
        begin.send(()).unwrap();
        shutdown_begun().await;
        sleep(Duration::from_millis(50)).await;
    };
    handle.spawn(waits, Priority::Low).detach();
    begun.recv().unwrap();
    let (report, reports) = mpsc::channel();
    let waker = Waker::from(Arc::new(ShutsDown(Mutex::new(Some(rt)), report)));
    let entered = handle.enter();
    let mut accept = pin!(listener.accept());
    let polled = accept.as_mut().poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    drop(entered);
    let address = listener.local_addr().unwrap();
    let _client = std::net::TcpStream::connect(address).unwrap();
    let report = reports.recv_timeout(Duration::from_secs(30)).unwrap();
    assert!(report.is_clean(), "{report:?}");
}

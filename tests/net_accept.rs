//! Does a listener go on, whatever its connections and the machine do?

use std::env;
use std::fs;
use std::future::{Future, poll_fn};
use std::io;
use std::process::Command;
use std::time::Duration;

use futures_lite::{AsyncReadExt, AsyncWriteExt, StreamExt};
use laneway::net::{ListenOptions, TcpListener, TcpStream};
use laneway::time::timeout;
use laneway::{Priority, Runtime};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const CHILD: &str = "LANEWAY_TEST_ACCEPT_CHILD";

/// Runs a test of this file alone, in a process of its own.
fn alone(test: &str, body: impl FnOnce()) {
    if env::var_os(CHILD).is_some() {
        return body();
    }
    let mut command = Command::new(env::current_exe().unwrap());
    let child = command
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, "yes");
    let output = child.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn a_listener_without_descriptors_says_so_and_goes_on_when_there_are_some() {
    alone(
        "a_listener_without_descriptors_says_so_and_goes_on_when_there_are_some",
        || {
            let rt = Runtime::builder().build().expect("the default settings");
            let listener = rt.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
            let address = listener.local_addr().unwrap();
            let client = std::net::TcpStream::connect(address).unwrap();
            let limit = Rlimit {
                current: Some(descriptors() as u64),
                maximum: getrlimit(Resource::Nofile).maximum,
            };
            setrlimit(Resource::Nofile, limit).unwrap();
            let mut hoard = Vec::new();
            while let Ok(file) = fs::File::open("/dev/null") {
                hoard.push(file);
            }
            let accept = async move { (listener.accept().await.map(drop), listener) };
            let (accepted, listener) = rt.block_on(rt.spawn(accept, Priority::High));
            let error = accepted.unwrap_err();
            assert_eq!(error.raw_os_error(), Some(24), "EMFILE: {error}");
            drop(hoard);
            // One more for the accepted socket, if there was no hoard.
            let limit = Rlimit {
                current: Some(1024),
                maximum: limit.maximum,
            };
            setrlimit(Resource::Nofile, limit).unwrap();
            let accepts = async move { listener.accept().await };
            let accepts = timeout(Duration::from_secs(30), accepts);
            let accepted = rt.block_on(rt.spawn(accepts, Priority::High));
            let (_, peer) = accepted.expect("the listener goes on").unwrap();
            assert_eq!(peer, client.local_addr().unwrap());
        },
    );
}

#[test]
fn ten_thousand_connections_leave_no_descriptor() {
    alone("ten_thousand_connections_leave_no_descriptor", || {
        let rt = Runtime::builder().build().expect("the default settings");
        let listener = rt.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let before = descriptors();
        let serves = async move {
            let mut incoming = listener.incoming();
            for _ in 0..10_000 {
                let mut stream = incoming.next().await.expect("it has no end")?;
                let answers = async move { stream.write_all(b"x").await };
                laneway::spawn(answers, Priority::Low).detach();
            }
            io::Result::Ok(listener)
        };
        let serves = rt.spawn(serves, Priority::High);
        let clients = (0..8).map(|_| {
            let calls = async move {
                for _ in 0..1250 {
                    let mut stream = TcpStream::connect(address).await?;
                    let mut bytes = Vec::new();
                    stream.read_to_end(&mut bytes).await?;
                    assert_eq!(bytes, b"x");
                }
                io::Result::Ok(())
            };
            rt.spawn(calls, Priority::Low)
        });
        let clients: Vec<_> = clients.collect();
        for client in clients {
            rt.block_on(client).unwrap();
        }
        let listener = rt.block_on(serves).unwrap();
        assert_eq!(descriptors(), before);
        drop(listener);
        drop(rt);
    });
}

#[test]
fn a_flood_of_connections_leaves_its_thread_to_others_again_and_again() {
    let rt = Runtime::builder().build().expect("the default settings");
    let options = ListenOptions::new().backlog(512);
    let bind = async move { options.bind("127.0.0.1:0").await };
    let listener = rt.block_on(bind).unwrap();
    let address = listener.local_addr().unwrap();
    let clients = (0..200).map(|_| std::net::TcpStream::connect(address).unwrap());
    let clients: Vec<_> = clients.collect();
    let mut accepts = Box::pin(async move {
        let mut accepted = Vec::new();
        while accepted.len() < 200 {
            accepted.push(listener.accept().await?.0);
        }
        io::Result::Ok(())
    });
    let mut polls = 0;
    let counted = poll_fn(move |cx| {
        polls += 1;
        accepts.as_mut().poll(cx).map_ok(|()| polls)
    });
    let polls = rt.block_on(rt.spawn(counted, Priority::Low)).unwrap();
    assert!(polls >= 4, "200 connections in {polls} polls");
    drop(clients);
}

//! Does a handler that computes for long keep the other connections waiting?
//!
//! It blocks its thread here until all the others have had their answers, so that nothing depends on
//! how long 20 ms are: a server that waited for its end would never answer.

mod client;

use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use client::{get, h2, serve_on};
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use http::Response;
use laneway::observe::{LongPoll, Observer};
use laneway::{Builder, Runtime, Stealing};
use laneway_http::Limits;

/// Runtimes with a thread to spare for the connections.
fn configurations() -> Vec<(&'static str, Builder)> {
    let builder = |high, low| Runtime::builder().with_high_num(high).with_low_num(low);
    vec![
        ("one high, one low that steals", builder(1, 1)),
        ("two high", builder(2, 1).with_stealing(Stealing::None)),
        ("latency first", builder(2, 2).latency_first()),
    ]
}

/// Each runtime has a reactor of its own, which its watchdog visits. Seen to fail where all runtimes
/// share the reactor of the first one, and no watchdog visits it.
#[test]
fn async_io_190_a_server_is_not_held_up_by_the_threads_of_another_runtime() {
    let runtime = || Runtime::builder().with_high_num(1).with_low_num(1);
    let (begun, begins) = mpsc::channel();
    let (end, ends) = mpsc::channel::<()>();
    let ends = Arc::new(Mutex::new(ends));
    let blocks = move |_request| {
        let (begun, ends) = (begun.clone(), ends.clone());
        async move {
            begun.send(()).expect("the test waits for it");
            ends.lock().unwrap().recv().expect("the test ends it");
            Ok(Response::new("late".to_owned()))
        }
    };
    // The first one. It has more handlers than threads.
    let blocked = serve_on(runtime().build().unwrap(), Limits::public(), blocks);
    let other = serve_on(runtime().build().unwrap(), Limits::public(), client::routes);
    // Gone before the servers, so that a failure lets the handlers go.
    let end = end;
    let assert_is_served = || {
        for _ in 0..10 {
            let mut client = other.connect();
            client.send(get("/"));
            assert_eq!(client.answer().1, "hello");
        }
    };
    // While its threads wait for its sockets.
    blocked.wait_until("nothing is connected", |server| server.connections() == 0);
    assert_is_served();
    let mut waiting: Vec<_> = (0..8).map(|_| blocked.connect()).collect();
    waiting.iter_mut().for_each(|client| client.send(get("/")));
    let begun = begins.recv_timeout(Duration::from_secs(20));
    begun.expect("a handler begins");
    assert_is_served();
    // All handlers first: any of them may be the one that waits.
    (0..8).for_each(|_| end.send(()).expect("the handlers wait"));
    for client in &mut waiting {
        assert_eq!(client.answer().1, "late");
    }
    assert!(other.end().is_clean());
}

#[test]
fn tokio_4730_other_connections_are_answered_while_a_handler_computes() {
    for (name, builder) in configurations() {
        println!("{name}");
        let (begun, begins) = mpsc::channel();
        let (end, ends) = mpsc::channel::<()>();
        let ends = Arc::new(Mutex::new(ends));
        let handler = move |request: http::Request<laneway_http::RequestBody>| {
            let (begun, ends) = (begun.clone(), ends.clone());
            async move {
                if request.uri().path() == "/long" {
                    begun.send(()).expect("the test waits for it");
                    ends.lock().unwrap().recv().expect("the test ends it");
                }
                Ok(Response::new(request.uri().path().to_owned()))
            }
        };
        let server = serve_on(builder.build().unwrap(), Limits::public(), handler);
        let mut long = server.connect();
        // Those that are there already, and those that come.
        let mut others: Vec<_> = (0..8).map(|_| server.connect()).collect();
        for _ in 0..3 {
            long.send(get("/long"));
            begins.recv().expect("the handler begins");
            others.extend((0..8).map(|_| server.connect()));
            for _ in 0..10 {
                others.iter_mut().for_each(|other| other.send(get("/")));
                for other in &mut others {
                    assert_eq!(other.answer().1, "/");
                }
            }
            end.send(()).expect("the handler waits");
            assert_eq!(long.answer().1, "/long");
        }
        drop((long, others));
        assert!(server.end().is_clean());
    }
}

/// The thread may have been the one that watched the sockets.
#[test]
fn async_io_40_a_thread_that_waited_for_a_socket_and_computes_keeps_no_other_waiting() {
    let runtime = Runtime::builder().with_high_num(1).with_low_num(1);
    let server = serve_on(runtime.build().unwrap(), Limits::public(), client::routes);
    let others: Vec<_> = (0..4).map(|_| server.connect()).collect();
    let computes = async {
        let stream = laneway::net::TcpStream::connect(server.address).await;
        let mut stream = stream.expect("the server listens");
        for _ in 0..10 {
            let asked = stream.write_all(get("/").as_bytes()).await;
            asked.expect("the server reads");
            let read = stream.read(&mut [0; 1024]).await.expect("an answer");
            assert!(read > 0);
        }
        // From here on, this thread polls nothing else.
        for mut other in others {
            other.send(get("/"));
            assert_eq!(other.answer().1, "hello");
        }
    };
    server.runtime.block_on(computes);
    assert!(server.end().is_clean());
}

/// Keeps the names that reports of long polls give.
#[derive(Default)]
struct Reported(Mutex<Vec<Option<String>>>);

impl Observer for Reported {
    fn on_long_poll(&self, poll: &LongPoll<'_>) {
        let name = poll.name().map(str::to_owned);
        self.0.lock().unwrap().push(name);
    }
}

#[test]
fn a_report_of_a_long_poll_names_the_request() {
    let reported = Arc::new(Reported::default());
    let builder = Runtime::builder().with_observer(reported.clone());
    // Others' polls may be long here where the machine gives them no time.
    let builder = builder.with_long_poll(Duration::from_millis(300));
    let (end, ends) = mpsc::channel::<()>();
    let ends = Arc::new(Mutex::new(ends));
    let handler = move |request: http::Request<laneway_http::RequestBody>| {
        let ends = ends.clone();
        async move {
            if request.uri().path().ends_with("/long") {
                ends.lock().unwrap().recv().expect("the test ends it");
            }
            Ok(Response::new(request.uri().path().to_owned()))
        }
    };
    let server = serve_on(builder.build().unwrap(), Limits::public(), handler);
    let names = || reported.0.lock().unwrap().clone();
    // While it lasts, and then when it has ended.
    let wait_for = |count: usize| {
        client::wait_until("the watchdog reports", || names().len() >= count);
    };
    let mut first = server.connect();
    first.send(get("/short"));
    first.answer();
    first.send(get("/one/long?query"));
    wait_for(1);
    end.send(()).unwrap();
    assert_eq!(first.answer().1, "/one/long");
    wait_for(2);
    let mut second = server.connect();
    second.begin_h2(&[]);
    second.send(
        [
            h2::get(1, "/short"),
            h2::get(3, "/two/long"),
            h2::get(5, "/"),
        ]
        .concat(),
    );
    wait_for(3);
    end.send(()).unwrap();
    assert_eq!(second.h2_answer(3), (200, "/two/long".to_owned()));
    wait_for(4);
    let [one, two] = ["GET /one/long", "GET /two/long"].map(|name| Some(name.to_owned()));
    assert_eq!(names(), [one.clone(), one, two.clone(), two]);
    let (end, ends) = mpsc::channel::<()>();
    let blocks = async move { ends.recv().expect("the test ends it") };
    let other = server.runtime.spawn(blocks, laneway::Priority::High);
    wait_for(5);
    end.send(()).unwrap();
    server.runtime.block_on(other);
    assert_eq!(names()[4], None, "a task of another kind has no name");
}

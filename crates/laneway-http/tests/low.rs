//! Does the work behind `low` stay on the low queue, while other requests go before it?

mod client;

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use client::{Client, get};
use http::{Request, Response};
use laneway::net::TcpListener;
use laneway::{Priority, Runtime, yield_now};
use laneway_http::{RequestBody, Server, low, service_fn};
use tower_service::Service;

/// A server whose low route computes in some polls, each of which notes the thread it runs on.
#[test]
fn work_behind_low_is_not_raised_by_the_server_that_waits_for_it() {
    const POLLS: usize = 50;
    let threads = Arc::new(Mutex::new(Vec::new()));
    let noted = threads.clone();
    let work = move |_request: Request<RequestBody>| {
        let noted = noted.clone();
        async move {
            for _ in 0..POLLS {
                let thread = std::thread::current().name().unwrap().to_owned();
                noted.lock().unwrap().push(thread);
                yield_now().await;
            }
            Ok::<_, Infallible>(Response::new("worked".to_owned()))
        }
    };
    // No high thread takes low tasks: a task that was raised would be seen on one.
    let builder = Runtime::builder().with_stealing(laneway::Stealing::None);
    let runtime = builder.build().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::new(low(service_fn(work)));
    let serving = runtime.spawn(server.serve(listener), Priority::High);
    let mut client = Client {
        stream: std::net::TcpStream::connect(address).unwrap(),
    };
    client.send(get("/"));
    assert_eq!(client.answer().1, "worked");
    drop(serving);
    let threads = threads.lock().unwrap();
    assert_eq!(threads.len(), POLLS);
    assert!(
        threads.iter().all(|name| name.starts_with("laneway-low-")),
        "{threads:?}"
    );
}

#[test]
fn the_work_is_cancelled_with_the_request() {
    struct Gone(std::sync::mpsc::Sender<()>);
    impl Drop for Gone {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }
    let (sender, gone) = std::sync::mpsc::channel();
    let runtime = Runtime::builder().build().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let (opener, door) = client::door();
    let work = move |_request: Request<RequestBody>| {
        let gone = Gone(sender.clone());
        let door = door.clone();
        async move {
            let _gone = gone;
            door.wait().await;
            Ok::<_, Infallible>(Response::new(String::new()))
        }
    };
    let serving = runtime.spawn(
        Server::new(low(service_fn(work))).serve(listener),
        Priority::High,
    );
    let mut client = Client {
        stream: std::net::TcpStream::connect(address).unwrap(),
    };
    client.send(get("/"));
    opener.wait_for_a_handler();
    laneway::block_on(serving.cancel());
    let watchdog = std::time::Duration::from_secs(20);
    assert_eq!(gone.recv_timeout(watchdog), Ok(()));
}

#[test]
#[should_panic(expected = "polled after its end")]
fn an_answer_that_was_taken_is_not_blamed_on_the_runtime() {
    let runtime = Runtime::builder().build().unwrap();
    runtime.block_on(async {
        let mut service = low(service_fn(async |_: Request<()>| Ok::<_, Infallible>(())));
        let mut answer = service.call(Request::new(()));
        assert_eq!((&mut answer).await, Ok(()));
        let _ = answer.await;
    });
}

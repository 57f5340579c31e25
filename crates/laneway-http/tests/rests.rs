//! Does a connection lose nothing where its rest ends at the moment at which it goes to sleep?

mod client;

use std::convert::Infallible;
use std::future::Future;
use std::io::Read;
use std::net::Shutdown;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use client::{Client, Served, WATCHDOG, door, get, post, serve_with};
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use http::header::{CONNECTION, UPGRADE};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use laneway::{Priority, spawn_task};
use laneway_http::{Limits, RequestBody, upgrade};

/// The rest after which a connection hibernates.
const REST: Duration = Duration::from_millis(2);

/// The moments that are tried, from the answer to long after that rest.
const MOMENTS: u32 = 16;

/// Says hello, or gives the connection to an echo.
async fn answer(mut request: Request<RequestBody>) -> Result<Response<String>, Infallible> {
    if !request.headers().contains_key(UPGRADE) {
        return Ok(Response::new("hello".to_owned()));
    }
    let upgraded = upgrade::on(&mut request);
    let echo = async move {
        let mut connection = upgraded.await.expect("it is agreed to");
        let mut bytes = [0; 5];
        connection.read_exact(&mut bytes).await.expect("five bytes");
        connection
            .write_all(&bytes)
            .await
            .expect("the client reads");
    };
    spawn_task!(echo, Priority::High).detach();
    let answer = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
    let answer = answer.header(CONNECTION, "upgrade").header(UPGRADE, "echo");
    Ok(answer.body(String::new()).expect("its head is valid"))
}

/// Asks, and does something at each of the moments after the answer.
fn after_each_rest(act: impl Fn(Client)) {
    let server = serve_with(Limits::public().hibernate(REST), answer);
    for moment in 0..MOMENTS {
        let mut client = server.connect();
        client.send(get("/"));
        assert_eq!(client.answer().1, "hello");
        let answered = Instant::now();
        while answered.elapsed() < REST * moment / (MOMENTS / 2) {
            std::thread::yield_now();
        }
        act(client);
    }
    server.wait_until("all connections are over", |server| {
        server.connections() == 0
    });
}

fn assert_hello(client: &mut Client) {
    assert_eq!(client.answer().1, "hello");
}

#[test]
fn whole_requests_are_answered() {
    after_each_rest(|mut client| {
        client.send([get("/a"), get("/b"), get("/c")].concat());
        (0..3).for_each(|_| assert_hello(&mut client));
    });
}

#[test]
fn a_request_in_pieces_is_answered() {
    after_each_rest(|mut client| {
        client.stream.set_nodelay(true).unwrap();
        get("/").bytes().for_each(|byte| client.send([byte]));
        assert_hello(&mut client);
    });
}

#[test]
fn a_request_and_the_end_of_the_client_are_answered_and_closed() {
    after_each_rest(|mut client| {
        client.send(get("/"));
        client.stream.shutdown(Shutdown::Write).unwrap();
        assert_hello(&mut client);
        assert_eq!(client.closed(), "");
    });
}

#[test]
fn the_end_of_the_client_alone_is_closed() {
    after_each_rest(|mut client| {
        client.stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(client.closed(), "");
    });
}

#[test]
fn an_upgrade_with_bytes_behind_it_is_served() {
    after_each_rest(|mut client| {
        let fields = "Host: test\r\nConnection: upgrade\r\nUpgrade: echo\r\n";
        client.send(format!("GET / HTTP/1.1\r\n{fields}\r\nhello"));
        assert!(client.head().starts_with("http/1.1 101 "));
        let mut echo = [0; 5];
        client.stream.read_exact(&mut echo).expect("an echo");
        assert_eq!(&echo, b"hello");
        assert_eq!(client.closed(), "");
    });
}

#[test]
fn a_refused_head_is_told() {
    after_each_rest(|mut client| {
        client.send("GET / HTTP/1.1\r\n\r\n");
        assert!(client.closed().starts_with("HTTP/1.1 400 "));
    });
}

/// Sends the first part of a body that a task reads on after the answer, and lets the connection
/// rest.
fn begun(server: &Served, length: usize) -> Client {
    let mut client = server.connect();
    client.send(post("/early", 5 + length) + "begin");
    assert_eq!(client.answer().1, "/early");
    let answered = Instant::now();
    while answered.elapsed() < REST * 5 {
        std::thread::yield_now();
    }
    client
}

/// Answers with the path, and has what is made of the body of `/early` polled by a task.
fn early<F>(read: impl Fn(RequestBody) -> F + Clone + Send + 'static) -> Served
where
    F: Future<Output = ()> + Send + 'static,
{
    let answer = move |request: Request<RequestBody>| {
        let path = request.uri().path().to_owned();
        if path == "/early" {
            spawn_task!(read(request.into_body()), Priority::High).detach();
        }
        async { Ok(Response::new(path)) }
    };
    serve_with(Limits::public().hibernate(REST), answer)
}

#[test]
fn a_body_that_a_task_reads_after_the_answer_is_no_request() {
    let (tell, told) = channel();
    let server = early(move |body| {
        let tell = tell.clone();
        async move {
            let body = body.collect().await.map(|body| body.to_bytes().len());
            let _ = tell.send(body.map_err(|error| error.to_string()));
        }
    });
    let rest = get("/within-the-body");
    let mut client = begun(&server, rest.len());
    // A head that comes with the last bytes of the body comes before the rest.
    client.send(rest.clone() + &get("/next"));
    assert_eq!(client.answer().1, "/next");
    assert_eq!(told.recv_timeout(WATCHDOG), Ok(Ok(5 + rest.len())));
    server.wait_until("it hibernates", |server| server.hibernating() == 1);
}

#[test]
fn a_body_that_a_task_gives_up_after_the_answer_is_no_request() {
    let (opener, door) = door();
    let server = early(move |mut body| {
        let door = door.clone();
        async move {
            body.frame().await.expect("it begins").expect("it is sound");
            door.wait().await;
        }
    });
    let rest = get("/within-the-body");
    let mut client = begun(&server, rest.len());
    opener.open();
    assert_eq!(client.closed(), "");
    client.try_send(rest.as_bytes());
    server.wait_until("it is over", |server| server.connections() == 0);
    assert_eq!(server.end().served, 1);
}

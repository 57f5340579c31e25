//! Does a server answer, and keep connections for the next request?

mod client;

use client::{get, post, served};
use laneway_http::Limits;

#[test]
fn a_request_is_answered_and_the_next_one_on_the_same_connection() {
    let server = served(Limits::public());
    let mut client = server.connect();
    for _ in 0..3 {
        client.send(get("/"));
        let (head, body) = client.answer();
        assert!(head.starts_with("http/1.1 200 ok\r\n"), "{head}");
        assert_eq!(body, "hello");
    }
    client.send(post("/echo", 4));
    client.send("four");
    assert_eq!(client.answer().1, "four");
    assert_eq!(server.handle.connections(), 1);
    let report = server.end();
    // The client may be faster than the server, which is about to rest.
    assert_eq!(
        (report.served, report.idle_closed + report.finished),
        (4, 1)
    );
    assert!(report.is_clean());
    assert_eq!(client.closed(), "");
}

#[test]
fn chunks_and_requests_that_follow_each_other_are_told_apart() {
    let server = served(Limits::public());
    let mut client = server.connect();
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send(
        [
            "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
            &post("/echo", 2),
            "xy",
            &get("/"),
        ]
        .concat(),
    );
    assert_eq!(client.answer().1, "abcde");
    assert_eq!(client.answer().1, "xy");
    assert_eq!(client.answer().1, "hello");
    assert_eq!(server.end().served, 3);
}

#[test]
fn a_router_of_axum_is_served() {
    use axum::routing::{get as on_get, post as on_post};
    use laneway::net::TcpListener;
    use laneway::{Priority, Runtime};
    use laneway_http::Server;

    let router = axum::Router::new()
        .route(
            "/greet/{name}",
            on_get(|path: axum::extract::Path<String>| async { path.0 }),
        )
        .route("/echo", on_post(|body: String| async { body }));
    let runtime = Runtime::builder().build().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::new(router);
    let handle = server.handle();
    let serving = runtime.spawn(server.serve(listener), Priority::High);
    let stream = std::net::TcpStream::connect(address).unwrap();
    let mut client = client::Client { stream };
    client.send(get("/greet/you"));
    assert_eq!(client.answer().1, "you");
    client.send(post("/echo", 2));
    client.send("me");
    assert_eq!(client.answer().1, "me");
    handle.shutdown();
    assert!(runtime.block_on(serving).is_clean());
}

#[test]
fn a_server_outside_of_a_runtime_is_on_the_process_wide_one() {
    use laneway::net::TcpListener;
    use laneway_http::{Server, service_fn};

    let listener = laneway::block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::new(service_fn(client::routes));
    let handle = server.handle();
    let serving = std::thread::spawn(move || laneway::block_on(server.serve(listener)));
    let stream = std::net::TcpStream::connect(address).unwrap();
    let mut client = client::Client { stream };
    client.send(get("/"));
    assert_eq!(client.answer().1, "hello");
    handle.shutdown();
    assert_eq!(serving.join().unwrap().served, 1);
}

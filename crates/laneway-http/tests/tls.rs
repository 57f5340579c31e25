//! Is HTTPS served, in HTTP/1 and HTTP/2, and what becomes of clients whose handshake fails?

mod client;

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use client::h2::{HEADERS, PREFACE, SETTINGS, frame};
use client::{Client, LARGE, Served, get, h2, post, routes, wait_until};
use futures_lite::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use http::header::UPGRADE;
use http::{Request, Response, StatusCode};
use laneway::net::TcpListener;
use laneway::{Priority, Runtime, spawn_task};
use laneway_http::tls::{Tls, TlsError};
use laneway_http::upgrade::{self, Upgraded};
use laneway_http::{Doing, Limits, RequestBody, Server, service_fn};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

// Each is its own authority, for `localhost`, and is valid for a hundred years.
const FIRST: [&str; 2] = [
    include_str!("certificates/first.pem"),
    include_str!("certificates/first.key.pem"),
];
const SECOND: [&str; 2] = [
    include_str!("certificates/second.pem"),
    include_str!("certificates/second.key.pem"),
];

fn first() -> Tls {
    Tls::from_pem(FIRST[0], FIRST[1]).unwrap()
}

/// Serves [`routes`] within TLS.
fn served(limits: Limits, tls: &Tls) -> Served {
    served_by(limits, tls, routes)
}

fn served_by<F, R>(limits: Limits, tls: &Tls, handler: F) -> Served
where
    F: FnMut(Request<RequestBody>) -> R + Clone + Send + 'static,
    R: Future<Output = Result<Response<String>, Infallible>> + Send + 'static,
{
    let runtime = Runtime::builder().build().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::new(service_fn(handler))
        .limits(limits)
        .tls(tls.clone());
    let handle = server.handle();
    let serving = runtime.spawn(server.serve(listener), Priority::High);
    Served {
        runtime,
        address,
        handle,
        serving,
    }
}

type Secure = StreamOwned<ClientConnection, TcpStream>;

/// A client that trusts both certificates, after its handshake.
#[track_caller]
fn secured(server: &Served, protocols: &[&[u8]]) -> Secure {
    try_secured(server, protocols).expect("a handshake")
}

fn try_secured(server: &Served, protocols: &[&[u8]]) -> std::io::Result<Secure> {
    let mut roots = RootCertStore::empty();
    for [chain, _] in [FIRST, SECOND] {
        roots.add(certificate(chain)).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let name = "localhost".try_into().unwrap();
    let mut session = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = server.connect().stream;
    while session.is_handshaking() {
        session.complete_io(&mut stream)?;
    }
    Ok(StreamOwned::new(session, stream))
}

fn certificate(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

/// Asks once on a connection that is kept: the body of the answer.
#[track_caller]
fn asked(client: &mut Secure, request: &str) -> String {
    client.write_all(request.as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).expect("a head");
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.split("content-length: ").nth(1).expect("a length");
    let mut body = vec![0; length.split('\r').next().unwrap().parse().unwrap()];
    client.read_exact(&mut body).expect("a body");
    String::from_utf8(body).unwrap()
}

/// That other clients are served as ever.
#[track_caller]
fn assert_others_unharmed(server: &Served) {
    assert_eq!(asked(&mut secured(server, &[]), &get("/")), "hello");
}

#[test]
fn http1_is_served_with_alpn_and_without() {
    let server = served(Limits::public(), &first());
    let named: [&[u8]; 1] = [b"http/1.1"];
    for protocols in [&named[..0], &named] {
        let mut client = secured(&server, protocols);
        assert_eq!(client.conn.alpn_protocol(), protocols.first().copied());
        assert_eq!(asked(&mut client, &get("/")), "hello");
        let body = "x".repeat(300_000);
        let echo = asked(&mut client, &(post("/echo", body.len()) + &body));
        assert_eq!(echo, body);
        assert_eq!(asked(&mut client, &get("/large")).len(), LARGE);
    }
    assert_eq!(server.end().served, 6);
}

#[test]
fn the_answer_arrives_although_nothing_reads_the_body() {
    let server = served(Limits::public(), &first());
    let mut client = secured(&server, &[]);
    let head = "GET /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 40000\r\n";
    client
        .write_all(format!("{head}Connection: close\r\n\r\n").as_bytes())
        .unwrap();
    client.write_all(&[b'x'; 40_000]).unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).expect("no reset");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.ends_with("hello"), "{answer}");
}

#[test]
fn http2_is_preferred_where_the_client_speaks_it() {
    let server = served(Limits::public(), &first());
    let mut client = secured(&server, &[b"http/1.1", b"h2"]);
    assert_eq!(client.conn.alpn_protocol(), Some(&b"h2"[..]));
    let request = [PREFACE, &frame(SETTINGS, 0, 0, &[]), &h2::get(1, "/")].concat();
    client.write_all(&request).unwrap();
    let kind = loop {
        let mut head = [0; 9];
        client.read_exact(&mut head).expect("a frame");
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        client.read_exact(&mut payload).expect("a whole frame");
        if head[5..] == 1_u32.to_be_bytes() {
            break (head[3], payload[0]);
        }
    };
    const STATUS_200: u8 = 0x88;
    assert_eq!(kind, (HEADERS, STATUS_200));
}

#[test]
fn axum_server_37_a_hello_that_never_comes_or_breaks_off_is_closed_in_time() {
    // Long enough for the other client on a slow machine, and for a look at the half hello.
    let limits = Limits::public().handshake(Duration::from_secs(2));
    let server = served(limits, &first());
    let mut silent = server.connect();
    let mut half = server.connect();
    // The head of a record, and a part of it.
    half.send([0x16, 3, 1, 2, 0, 1]);
    server.wait_until("one has begun", |server| {
        server.prometheus().contains("state=\"busy\"} 1")
    });
    assert_eq!(
        (silent.closed(), half.closed()),
        (String::new(), String::new())
    );
    assert_others_unharmed(&server);
    server.wait_until("all are gone", |server| server.connections() == 0);
}

#[test]
fn hyper_3944_a_large_answer_arrives_though_the_body_of_its_request_is_left_alone() {
    let server = served(Limits::public(), &first());
    for length in [5, 60_000] {
        let mut client = secured(&server, &[]);
        let head = format!("GET /large HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
        client.write_all(head.as_bytes()).unwrap();
        client.write_all(&vec![b'x'; length]).unwrap();
        let mut answer = Vec::new();
        let head = loop {
            let mut part = [0; 16 * 1024];
            let read = client.read(&mut part).expect("no reset");
            answer.extend_from_slice(&part[..read]);
            if let Some(end) = answer.windows(4).position(|end| end == b"\r\n\r\n") {
                break end + 4;
            }
        };
        assert!(answer.starts_with(b"HTTP/1.1 200 "));
        let mut rest = vec![0; head + LARGE - answer.len()];
        client.read_exact(&mut rest).expect("the whole answer");
        assert!(rest.iter().all(|&byte| byte == b'x'));
        // The end of the connection, or the next answer on it.
        client.sock.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(client.read(&mut [0]).expect("no reset"), 0);
    }
}

#[test]
fn a_silent_client_makes_room_for_another() {
    let server = served(Limits::public().connections(1), &first());
    let mut silent = server.connect();
    server.wait_until("it is there", |server| server.connections() == 1);
    assert_others_unharmed(&server);
    assert_eq!(silent.closed(), "");
}

#[test]
fn garbage_is_closed_in_order() {
    let server = served(Limits::public(), &first());
    // A handshake that makes no sense, and what is no record at all.
    let junk = [&[0x16, 3, 1, 0, 4][..], b"junk", &[0; 10_000]].concat();
    for sent in [&junk[..], &[0; 64], &[0xff; 64]] {
        let mut client = server.connect();
        client.send(sent);
        // Perhaps after an alert; a reset would be a panic.
        assert!(client.closed().len() < 10);
    }
    assert_others_unharmed(&server);
}

#[test]
fn a_client_of_another_protocol_gets_an_alert() {
    let server = served(Limits::public(), &first());
    let error = try_secured(&server, &[b"smtp"]).unwrap_err();
    assert!(
        error.to_string().contains("NoApplicationProtocol"),
        "{error}"
    );
    assert_others_unharmed(&server);
}

#[test]
fn plain_http_is_told_that_the_port_speaks_tls() {
    let server = served(Limits::public(), &first());
    let mut client = server.connect();
    client.send(get("/"));
    let answer = client.closed();
    assert!(
        answer.starts_with("HTTP/1.1 400 Bad Request\r\n"),
        "{answer}"
    );
    assert!(answer.contains("\r\ndate: "), "{answer}");
    assert!(
        answer.ends_with("\r\n\r\nThis port speaks TLS: ask by https://\n"),
        "{answer}"
    );
    assert_others_unharmed(&server);
}

#[test]
fn a_reset_at_every_byte_of_a_handshake_leaves_nothing() {
    let server = served(Limits::public(), &first());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let name = "localhost".try_into().unwrap();
    let mut session = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut hello = Vec::new();
    session.write_tls(&mut hello).unwrap();
    for end in 0..=hello.len() {
        let mut client = server.connect();
        client.send(&hello[..end]);
    }
    assert_others_unharmed(&server);
    server.wait_until("all are gone", |server| server.connections() == 0);
    client::wait_until("no task is left", || {
        server.live_tasks() == client::OWN_TASKS
    });
    assert!(server.end().is_clean());
}

#[test]
fn a_shutdown_says_goodbye_and_a_request_comes_to_its_end() {
    let server = served(Limits::public(), &first());
    let mut idle = secured(&server, &[]);
    assert_eq!(asked(&mut idle, &get("/")), "hello");
    let last = "GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";
    let mut closing = secured(&server, &[]);
    assert_eq!(asked(&mut closing, last), "hello");
    server.handle.shutdown();
    // Without a goodbye, the end would be an error.
    for client in [&mut idle, &mut closing] {
        assert_eq!(client.read(&mut [0]).expect("a goodbye"), 0);
    }
    assert!(server.end().is_clean());
}

#[test]
fn a_connection_hibernates_and_goes_on() {
    let server = served(
        Limits::public().hibernate(Duration::from_millis(10)),
        &first(),
    );
    let mut client = secured(&server, &[]);
    for _ in 0..3 {
        assert_eq!(asked(&mut client, &get("/")), "hello");
        server.wait_until("it hibernates", |server| server.hibernating() == 1);
    }
    assert_eq!(server.end().served, 3);
}

#[test]
fn a_client_that_reads_nothing_of_a_large_answer_is_cut_off() {
    let server = served(
        Limits::public().write_stall(Duration::from_millis(60)),
        &first(),
    );
    let mut client = secured(&server, &[]);
    client.write_all(get("/large").as_bytes()).unwrap();
    server.wait_until("it is gone", |server| server.connections() == 0);
    let cut = client
        .read_to_end(&mut Vec::new())
        .map_err(|error| error.kind());
    assert!(
        matches!(
            cut,
            Err(ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset)
        ),
        "{cut:?}"
    );
}

#[test]
fn a_certificate_is_replaced_for_the_connections_to_come() {
    let tls = first();
    let server = served(Limits::public(), &tls);
    let shown = |client: &Secure| client.conn.peer_certificates().unwrap()[0].clone();
    let mut before = secured(&server, &[]);
    assert_eq!(shown(&before), certificate(FIRST[0]));
    let wrong = tls.replace_by_pem(SECOND[0], FIRST[1]);
    assert!(matches!(wrong, Err(TlsError::KeyMismatch)));
    assert_eq!(shown(&secured(&server, &[])), certificate(FIRST[0]));
    tls.replace_by_pem(SECOND[0], SECOND[1]).unwrap();
    assert_eq!(shown(&secured(&server, &[])), certificate(SECOND[0]));
    assert_eq!(asked(&mut before, &get("/")), "hello");
}

#[test]
fn what_is_wrong_with_a_certificate_says_what_to_do() {
    let told = |chain: &str, key: &str| Tls::from_pem(chain, key).unwrap_err().to_string();
    let broken = FIRST[0].replace("-----END", "----");
    for (error, words) in [
        (told("", FIRST[1]), "the certificate chain is empty"),
        (told(FIRST[1], FIRST[1]), "the certificate chain is empty"),
        (told(FIRST[0], ""), "there is no private key"),
        (told(FIRST[0], FIRST[0]), "there is no private key"),
        (told(FIRST[0], SECOND[1]), "is not that of the certificate"),
        (
            told(&broken, FIRST[1]),
            "the certificate chain is broken PEM",
        ),
    ] {
        assert!(error.contains(words), "{error}");
    }
    let folder = std::env::temp_dir();
    let missing = folder.join("laneway-has-no-such-file.pem");
    let error = Tls::from_files(&missing, &missing).unwrap_err().to_string();
    assert!(
        error.contains("laneway-has-no-such-file.pem cannot be read"),
        "{error}"
    );
}

#[test]
fn a_tls_client_at_a_plain_port_is_refused() {
    let server = client::served(Limits::public());
    let mut client = Client {
        stream: server.connect().stream,
    };
    client.send([0x16, 3, 1, 0, 4, 1, 2, 3, 4, b'\r', b'\n', b'\r', b'\n']);
    assert!(client.closed().starts_with("HTTP/1.1 400 "));
}

/// Agrees to an upgrade, and leaves the connection to a task.
fn upgraded<F, R>(mut request: Request<RequestBody>, task: F) -> Response<String>
where
    F: FnOnce(Upgraded) -> R + Send + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let upgraded = upgrade::on(&mut request);
    let task = async { task(upgraded.await.expect("it is answered by 101")).await };
    spawn_task!(task, Priority::High).detach();
    let mut answer = Response::new(String::new());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    answer
        .headers_mut()
        .insert(UPGRADE, "echo".parse().unwrap());
    answer
}

async fn echo(mut upgraded: Upgraded) {
    let mut bytes = [0; 4096];
    while let Ok(read @ 1..) = upgraded.read(&mut bytes).await {
        upgraded.write_all(&bytes[..read]).await.unwrap();
        upgraded.flush().await.unwrap();
    }
}

const ASKING: &str =
    "GET /echo HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";

/// Asks for an upgrade, and sends more right behind.
#[track_caller]
fn switched(client: &mut Secure, behind: &str) {
    client
        .write_all((ASKING.to_owned() + behind).as_bytes())
        .unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).expect("a head");
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "));
}

#[test]
fn an_upgraded_connection_stays_within_tls() {
    let server = served_by(Limits::public(), &first(), async |request| {
        Ok(upgraded(request, echo))
    });
    let mut client = secured(&server, &[b"http/1.1"]);
    switched(&mut client, "behind");
    let mut echoed = [0; 6];
    client.read_exact(&mut echoed).unwrap();
    assert_eq!(&echoed, b"behind");
    client.conn.send_close_notify();
    client.flush().unwrap();
    let mut rest = String::new();
    // Without the server's goodbye, that would be an error.
    client.read_to_string(&mut rest).expect("a goodbye");
    assert_eq!(rest, "");
    server.wait_until("it is gone", |server| server.connections() == 0);
}

#[test]
fn an_upgraded_connection_within_tls_is_cut_off_at_the_deadline() {
    let limits = Limits::public().shutdown(Duration::from_millis(20));
    let server = served_by(limits, &first(), async |request| {
        Ok(upgraded(request, echo))
    });
    let mut client = secured(&server, &[]);
    switched(&mut client, "");
    let report = server.end();
    assert_eq!(report.cut.len(), 1, "{report}");
    assert_eq!(report.cut[0].doing, Doing::Upgraded);
    let mut rest = Vec::new();
    // It may be told that the goodbye is missing.
    let _ = client.read_to_end(&mut rest);
    assert_eq!(rest, b"");
}

#[test]
fn a_task_that_reads_does_not_take_the_wake_up_of_one_that_writes() {
    static BLOCKED: AtomicBool = AtomicBool::new(false);
    static READ: AtomicUsize = AtomicUsize::new(0);
    let server = served_by(Limits::public(), &first(), async |request| {
        Ok(upgraded(request, async |upgraded: Upgraded| {
            let (mut reader, mut writer) = futures_lite::io::split(upgraded);
            let write = async move {
                let large = vec![b'x'; LARGE];
                let mut writing = writer.write_all(&large);
                poll_fn(|cx| {
                    let written = Pin::new(&mut writing).poll(cx);
                    BLOCKED.fetch_or(written.is_pending(), Ordering::Relaxed);
                    written
                })
                .await
                .expect("the client reads in the end");
                writer.close().await.expect("the client reads in the end");
            };
            spawn_task!(write, Priority::High).detach();
            let mut bytes = [0; 64];
            while let Ok(1..) = poll_fn(|cx| Pin::new(&mut reader).poll_read(cx, &mut bytes)).await
            {
                READ.fetch_add(1, Ordering::Relaxed);
            }
        }))
    });
    let mut client = secured(&server, &[]);
    switched(&mut client, "");
    wait_until("the writer is blocked", || BLOCKED.load(Ordering::Relaxed));
    for round in 1..=20 {
        client.write_all(b"a").unwrap();
        wait_until("the byte is read", || READ.load(Ordering::Relaxed) >= round);
    }
    let mut all = Vec::new();
    client.read_to_end(&mut all).expect("all of it");
    assert_eq!(all.len(), LARGE);
}

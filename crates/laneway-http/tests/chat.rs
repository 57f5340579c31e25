//! Does the example `chat` keep what it promises: guests hear each other beside heavy work, all are
//! told goodbye, strangers stay outside, and wrong calls end with one line?
#![cfg(target_os = "linux")]

mod client;

use std::env::consts::EXE_SUFFIX;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

use async_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use async_tungstenite::tungstenite::{Error, Message};
use async_tungstenite::{WebSocketStream, client_async};
use client::Client;
use client::h2::{DATA, END_HEADERS, END_STREAM, HEADERS, connect_fields, frame};
use futures_lite::StreamExt;
use laneway::net::TcpStream;
use laneway::time::timeout;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// No answer and no end takes longer.
const WATCHDOG: Duration = Duration::from_secs(30);

/// cargo puts examples beside the folder of the test executables.
fn example() -> Command {
    let test = std::env::current_exe().expect("a test knows its own path");
    let profile = test.ancestors().nth(2).expect("tests lie in PROFILE/deps");
    let path = profile.join(format!("examples/chat{EXE_SUFFIX}"));
    assert!(
        path.exists(),
        "{} is missing: cargo build -p laneway-http --examples makes it",
        path.display()
    );
    let mut command = Command::new(path);
    command.env_remove("LANEWAY_HIGH_NUM");
    command.env_remove("LANEWAY_LOW_NUM");
    command.stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A running example. It is killed with this value.
struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    address: String,
}

fn started() -> Running {
    let mut child = example()
        .args(["--listen", "127.0.0.1:0"])
        .spawn()
        .expect("it starts");
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).expect("a line");
    let address = line.trim_end().strip_prefix("listening on http://");
    Running {
        address: address.unwrap_or_else(|| panic!("{line:?}")).to_owned(),
        child,
        stdout,
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    /// The answer to a request, after which the server closes.
    fn ask(&self, path: &str, fields: &str) -> String {
        let mut stream = std::net::TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(WATCHDOG)).unwrap();
        let address = &self.address;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {address}\r\n{fields}\r\n"
        )
        .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("an answer");
        text
    }

    async fn enter(&self) -> Guest {
        let stream = TcpStream::connect(self.address.as_str()).await.unwrap();
        let url = format!("ws://{}/room", self.address);
        let (socket, _) = client_async(url, stream).await.expect("it lets in");
        Guest(socket)
    }
}

struct Guest(WebSocketStream<TcpStream>);

impl Guest {
    async fn send(&mut self, message: Value) {
        let text = message.to_string();
        self.0.send(Message::text(text)).await.expect("it reads");
    }

    async fn message(&mut self) -> Result<Message, Error> {
        let message = timeout(WATCHDOG, self.0.next()).await;
        message.expect("it answers").expect("it has not closed")
    }

    /// The next message that has this field.
    async fn hear(&mut self, field: &str) -> Value {
        loop {
            let message = self.message().await.expect("it talks");
            let said: Value = serde_json::from_str(message.to_text().unwrap()).unwrap();
            if said.get(field).is_some() {
                return said;
            }
        }
    }

    /// Why the server closed.
    async fn goodbye(&mut self) -> (CloseCode, String) {
        loop {
            if let Ok(Message::Close(frame)) = self.message().await {
                let frame = frame.expect("it says why");
                return (frame.code, frame.reason.as_str().to_owned());
            }
        }
    }
}

#[test]
fn guests_hear_each_other_and_know_how_many_there_are() {
    let chat = started();
    laneway::block_on(async {
        let mut first = chat.enter().await;
        assert_eq!(first.hear("here").await, json!({"here": 1}));
        let mut second = chat.enter().await;
        assert_eq!(first.hear("here").await, json!({"here": 2}));
        for text in ["hello", "<b>&\u{1F600}"] {
            second.send(json!({ "say": text })).await;
            for guest in [&mut first, &mut second] {
                let said = guest.hear("text").await;
                assert_eq!(said, json!({"from": 2, "text": text}));
            }
        }
        drop(second);
        assert_eq!(first.hear("here").await, json!({"here": 1}));
    });
}

/// Asks for a WebSocket by `CONNECT` in HTTP/2, with these fields besides: the status.
fn asked_in_h2(chat: &Running, stream: u32, guest: &mut Client, more: &[(&str, &str)]) -> u16 {
    let fields = [
        (":protocol", "websocket"),
        (":scheme", "http"),
        (":path", "/room"),
        (":authority", &chat.address),
    ];
    let fields = connect_fields(&[&fields[..], more].concat());
    guest.send(frame(HEADERS, END_HEADERS, stream, &fields));
    guest.frame_of(HEADERS, stream).status()
}

/// The next message to a guest, which is short.
fn told_in_h2(guest: &mut Client, stream: u32) -> Value {
    let message = guest.frame_of(DATA, stream).payload;
    assert_eq!(message[0], 0x81, "it is a text: {message:?}");
    serde_json::from_slice(&message[2..]).unwrap()
}

#[test]
fn a_guest_may_come_by_http2() {
    let mut chat = started();
    let stream = std::net::TcpStream::connect(&chat.address).unwrap();
    let mut guest = Client { stream };
    guest.begin_h2(&[]);
    let version = ("sec-websocket-version", "13");
    let elsewhere = ("origin", "http://elsewhere.example");
    let ours = format!("http://{}", chat.address);
    assert_eq!(asked_in_h2(&chat, 1, &mut guest, &[]), 400);
    let status = asked_in_h2(&chat, 3, &mut guest, &[version, elsewhere]);
    assert_eq!(status, 403);
    let status = asked_in_h2(&chat, 5, &mut guest, &[version, ("origin", &ours)]);
    assert_eq!(status, 200);
    assert_eq!(told_in_h2(&mut guest, 5), json!({"here": 1}));
    laneway::block_on(async {
        let mut other = chat.enter().await;
        assert_eq!(told_in_h2(&mut guest, 5), json!({"here": 2}));
        let text = json!({"say": "hello"}).to_string();
        let head = [0x81, 0x80 | text.len() as u8, 0, 0, 0, 0];
        let message = [&head, text.as_bytes()].concat();
        guest.send(frame(DATA, 0, 5, &message));
        let said = json!({"from": 1, "text": "hello"});
        assert_eq!(other.hear("text").await, said);
        assert_eq!(told_in_h2(&mut guest, 5), said);
        kill_process(Pid::from_child(&chat.child), Signal::TERM).expect("it runs");
        other.goodbye().await;
    });
    let goodbye = guest.frame_of(DATA, 5).payload;
    assert!(goodbye.ends_with(b"the server ends"), "{goodbye:?}");
    let close = [0x88, 0x80, 0, 0, 0, 0];
    guest.send(frame(DATA, END_STREAM, 5, &close));
    drop(guest);
    assert_eq!(chat.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_guest_is_answered_while_heavy_work_goes_on() {
    let chat = started();
    laneway::block_on(async {
        let mut guest = chat.enter().await;
        guest.send(json!({"ping": 0, "work": 64})).await;
        let begun = guest.hear("pong").await;
        assert_eq!((&begun["work"], &begun["you"]), (&json!(64), &json!(1)));
        for ping in 1..100 {
            guest.send(json!({ "ping": ping })).await;
            assert_eq!(guest.hear("pong").await["pong"], json!(ping));
        }
        guest.send(json!({"ping": 100})).await;
        assert!(guest.hear("pong").await["work"].as_u64() > Some(0));
    });
}

#[test]
fn what_is_no_message_is_ignored_and_one_that_is_too_long_is_the_last() {
    let chat = started();
    laneway::block_on(async {
        let mut guest = chat.enter().await;
        for bad in ["", "{", "[]", "7", "{\"say\":7}", "{\"work\":-1}"] {
            guest.0.send(Message::text(bad)).await.unwrap();
        }
        guest.0.send(Message::binary(vec![0xff])).await.unwrap();
        guest.send(json!({"ping": null})).await;
        assert_eq!(guest.hear("pong").await["work"], json!(0));
        guest.send(json!({"say": "x".repeat(5000)})).await;
        let (code, reason) = guest.goodbye().await;
        assert_eq!((code, reason.as_str()), (CloseCode::Size, "too long"));
    });
}

#[test]
fn strangers_stay_outside() {
    let chat = started();
    let asking = "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let of_another_site = format!("{asking}Origin: http://elsewhere.example\r\n");
    let close = "Connection: close\r\n";
    let answer = chat.ask("/room", &(of_another_site + close));
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    let answer = chat.ask("/room", close);
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains("this is for a WebSocket: "), "{answer}");
}

#[test]
fn the_page_and_its_files_are_there() {
    let chat = started();
    for (path, kind) in [
        ("/", "text/html"),
        ("/page.css", "text/css"),
        ("/page.js", "text/javascript"),
    ] {
        let answer = chat.ask(path, "Connection: close\r\n");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(answer.contains(&format!("content-type: {kind}")), "{path}");
    }
}

#[test]
fn a_signal_lets_the_server_say_goodbye() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut chat = started();
        let (code, reason) = laneway::block_on(async {
            let mut guest = chat.enter().await;
            guest.hear("here").await;
            kill_process(Pid::from_child(&chat.child), signal).expect("it runs");
            guest.goodbye().await
        });
        assert_eq!(
            (code, reason.as_str()),
            (CloseCode::Away, "the server ends")
        );
        let mut text = String::new();
        chat.stdout.read_to_string(&mut text).unwrap();
        assert_eq!(chat.child.wait().unwrap().code(), Some(0));
        let told = "saying goodbye\nserved 1, closed 0 idle, finished 1, cut off 0\n";
        assert_eq!(text, told);
    }
}

#[track_caller]
fn assert_bad_usage(arguments: &[&str], said: &str) {
    let Output {
        status,
        stdout,
        stderr,
    } = example().args(arguments).output().unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(2), "{stderr}");
    assert!(stdout.is_empty());
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(
        stderr.starts_with("chat: ") && stderr.contains(said),
        "{stderr}"
    );
}

#[test]
fn wrong_calls_end_with_one_line_and_code_2() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    assert_bad_usage(&["--what"], "there is no option \"--what\"");
    assert_bad_usage(&["--listen"], "--listen needs a value");
    assert_bad_usage(&["--listen", "nonsense"], "cannot listen on \"nonsense\"");
    assert_bad_usage(&["--listen", &address], "another program listens there");
    let help = example().arg("--help").output().unwrap();
    assert_eq!(help.status.code(), Some(0));
    assert!(help.stdout.starts_with(b"A chat by WebSocket"));
}

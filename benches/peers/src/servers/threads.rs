//! No runtime: a thread for each connection, which waits in the kernel alone.
//!
//! So the kernel's own order of threads decides how soon a request is answered beside another one
//! that computes. Heads are not judged: a request ends with an empty line, and has no body.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use super::Serving;
use super::answers::{HELLO, long};

pub(crate) fn start() -> Serving {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("the listener is bound");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.expect("there is a descriptor for each client");
            thread::spawn(move || serve(&stream));
        }
    });
    let start_low = Box::new(|_| unreachable!("it is asked without low work"));
    Serving { address, start_low }
}

/// Answers until the client has gone.
fn serve(mut stream: &TcpStream) {
    stream.set_nodelay(true).expect("the socket is open");
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    while let Some(request) = lines.next() {
        let fields = lines.by_ref().take_while(|line| !line.is_empty());
        fields.for_each(drop);
        let body = match request.starts_with("GET /long ") {
            true => long(),
            false => HELLO.as_bytes(),
        };
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        if stream.write_all(&[head.as_bytes(), body].concat()).is_err() {
            return;
        }
    }
}

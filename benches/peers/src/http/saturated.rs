//! Requests without a pause: each of 64 connections asks again as soon as it has its answer.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::answer_length::{answer_length, get};
use super::server::Server;
use crate::figures::Figure;

const CONNECTIONS: usize = 64;

/// No answer takes longer.
const WATCHDOG: Duration = Duration::from_secs(20);

/// How many requests are answered in a second, and what each costs the server.
pub(crate) fn measure(server: &mut Server, name: &str, path: &str, requests: usize) -> Vec<Figure> {
    let mut clients = Clients::connect(server.address, &get(path));
    clients.ask(requests / 10 + CONNECTIONS);
    let before = server.used();
    let started = Instant::now();
    let answered = clients.ask(requests);
    let took = started.elapsed();
    let cpu_ns = server.used().cpu_ns - before.cpu_ns;
    vec![
        Figure::new(format!("{name} requests"), answered as f64),
        Figure::new(
            format!("{name} requests/s"),
            answered as f64 / took.as_secs_f64(),
        ),
        Figure::new(
            format!("{name} cpu us"),
            cpu_ns as f64 / 1e3 / answered as f64,
        ),
    ]
}

/// Asks a server a number of times, and measures nothing.
pub(crate) fn ask(address: SocketAddr, path: &str, requests: usize) {
    Clients::connect(address, &get(path)).ask(requests);
}

struct Clients {
    poll: Poll,
    streams: Vec<TcpStream>,
    /// How much of its answer each one waits for.
    owed: Vec<usize>,
    request: String,
    length: usize,
}

impl Clients {
    fn connect(address: SocketAddr, request: &str) -> Clients {
        let length = answer_length(address, request);
        let poll = Poll::new().expect("there is a descriptor for it");
        let connect = |number| {
            let stream = std::net::TcpStream::connect(address).expect("the server accepts");
            stream.set_nodelay(true).expect("the socket is open");
            stream.set_nonblocking(true).expect("the socket is open");
            let mut stream = TcpStream::from_std(stream);
            let registered =
                poll.registry()
                    .register(&mut stream, Token(number), Interest::READABLE);
            registered.expect("the socket is new");
            stream
        };
        let streams = (0..CONNECTIONS).map(connect).collect();
        Clients {
            poll,
            streams,
            owed: vec![0; CONNECTIONS],
            request: request.to_owned(),
            length,
        }
    }

    /// Asks exactly this number of times. How many answers have come.
    fn ask(&mut self, requests: usize) -> usize {
        let mut asked = requests.min(CONNECTIONS);
        (0..asked).for_each(|number| self.send(number));
        let mut answered = 0;
        let mut events = Events::with_capacity(CONNECTIONS);
        while answered < requests {
            let polled = self.poll.poll(&mut events, Some(WATCHDOG));
            polled.expect("no signal comes");
            assert!(!events.is_empty(), "the server does not answer");
            for event in &events {
                let number = event.token().0;
                if !self.receive(number) {
                    continue;
                }
                answered += 1;
                if asked < requests {
                    asked += 1;
                    self.send(number);
                }
            }
        }
        answered
    }

    fn send(&mut self, number: usize) {
        self.owed[number] = self.length;
        let sent = self.streams[number].write(self.request.as_bytes());
        let whole = sent.is_ok_and(|sent| sent == self.request.len());
        assert!(whole, "the socket has room for one request");
    }

    /// Whether that was the end of an answer. What comes later is an event of its own.
    fn receive(&mut self, number: usize) -> bool {
        let mut space = [0; 1024];
        match self.streams[number].read(&mut space) {
            Ok(0) => panic!("the server has closed a connection"),
            Ok(read) => {
                let owed = &mut self.owed[number];
                *owed = owed.checked_sub(read).expect("one answer for each request");
                *owed == 0
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => false,
            Err(error) => panic!("a connection broke: {error}"),
        }
    }
}

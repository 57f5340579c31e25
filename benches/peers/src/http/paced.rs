//! Paced requests: each has its moment, whatever became of those before it.
//!
//! The moments are drawn beforehand, and every time is taken from the moment at which the request
//! was to be sent: a server that stalls makes all the requests late that were to be sent meanwhile.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::answer_length::{answer_length, get};
use super::server::Server;
use crate::figures::Figure;
use crate::latency::{PERCENTILES, percentile};
use crate::this_thread;

const CONNECTIONS: usize = 64;

/// No answer takes longer.
const WATCHDOG: Duration = Duration::from_secs(60);

/// Requests at random moments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) per_second: f64,
    pub(crate) requests: usize,
    /// The same moments for the same seed.
    pub(crate) seed: u64,
}

impl Pace {
    /// The moments, from the beginning on.
    fn moments(self) -> Vec<Duration> {
        let mut rng = Rng::with_seed(self.seed);
        let mut moment = 0.0;
        let next = |_| {
            moment -= (1.0 - rng.f64()).ln() / self.per_second;
            Duration::from_secs_f64(moment)
        };
        (0..self.requests).map(next).collect()
    }
}

/// How long requests take, and how many low polls there are meanwhile.
pub(crate) fn measure(server: &mut Server, name: &str, pace: Pace) -> Vec<Figure> {
    let warming_up = Pace {
        requests: pace.requests / 10,
        ..pace
    };
    waits(server.address, warming_up);
    let (before, started) = (server.used(), Instant::now());
    let mut waits = waits(server.address, pace);
    let took = started.elapsed();
    let low_polls = server.used().low_polls - before.low_polls;
    waits.sort_unstable();
    let mut figures = vec![Figure::new(format!("{name} requests"), waits.len() as f64)];
    figures.extend(PERCENTILES.map(|(kind, permille)| {
        let us = percentile(&waits, permille) as f64 / 1e3;
        Figure::new(format!("{name} {kind}"), us)
    }));
    if low_polls > 0 {
        let per_second = low_polls as f64 / took.as_secs_f64();
        figures.push(Figure::new("low polls/s", per_second));
    }
    figures
}

/// The nanoseconds that each request took.
fn waits(address: SocketAddr, pace: Pace) -> Vec<u64> {
    let request = get("/");
    let length = answer_length(address, &request);
    let mut poll = Poll::new().expect("there is a descriptor for it");
    let clients = Clients {
        streams: streams(address, &poll),
        request,
        length,
        state: Mutex::new(State {
            free: (0..CONNECTIONS).collect(),
            asked: vec![None; CONNECTIONS],
            waiting: VecDeque::new(),
        }),
    };
    let moments = pace.moments();
    thread::scope(|scope| {
        let sending = scope.spawn(|| clients.send_all(&moments));
        let waits = clients.read_all(&mut poll, pace.requests);
        sending
            .join()
            .expect("the thread that sends comes to its end");
        waits
    })
}

fn streams(address: SocketAddr, poll: &Poll) -> Vec<TcpStream> {
    let connect = |number| {
        let stream = std::net::TcpStream::connect(address).expect("the server accepts");
        stream.set_nodelay(true).expect("the socket is open");
        stream.set_nonblocking(true).expect("the socket is open");
        let mut stream = TcpStream::from_std(stream);
        let token = Token(number);
        let registered = poll
            .registry()
            .register(&mut stream, token, Interest::READABLE);
        registered.expect("the socket is new");
        stream
    };
    (0..CONNECTIONS).map(connect).collect()
}

/// The clients of a run, which the sending and the reading thread share.
struct Clients {
    streams: Vec<TcpStream>,
    request: String,
    length: usize,
    state: Mutex<State>,
}

struct State {
    /// Connections without a request.
    free: Vec<usize>,
    /// When the request of each connection was to be sent.
    asked: Vec<Option<Instant>>,
    /// Requests whose moment has come while no connection was free.
    waiting: VecDeque<Instant>,
}

impl Clients {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("neither thread panics")
    }

    fn send_all(&self, moments: &[Duration]) {
        this_thread::sleep_precisely();
        let started = Instant::now();
        for moment in moments {
            let asked = started + *moment;
            thread::sleep(asked.saturating_duration_since(Instant::now()));
            let mut state = self.state();
            let Some(number) = state.free.pop() else {
                state.waiting.push_back(asked);
                continue;
            };
            state.asked[number] = Some(asked);
            drop(state);
            self.send(number);
        }
    }

    fn send(&self, number: usize) {
        let sent = (&self.streams[number]).write(self.request.as_bytes());
        let whole = sent.is_ok_and(|sent| sent == self.request.len());
        assert!(whole, "the socket has room for one request");
    }

    fn read_all(&self, poll: &mut Poll, requests: usize) -> Vec<u64> {
        let mut waits = Vec::with_capacity(requests);
        let mut came = vec![0; CONNECTIONS];
        let mut events = Events::with_capacity(CONNECTIONS);
        while waits.len() < requests {
            poll.poll(&mut events, Some(WATCHDOG))
                .expect("no signal comes");
            assert!(!events.is_empty(), "the server does not answer");
            for event in &events {
                let number = event.token().0;
                came[number] += self.receive(number);
                if came[number] == self.length {
                    came[number] = 0;
                    waits.push(self.answered(number));
                }
            }
        }
        waits
    }

    fn receive(&self, number: usize) -> usize {
        let mut space = [0; 1024];
        match (&self.streams[number]).read(&mut space) {
            Ok(0) => panic!("the server has closed a connection"),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(error) => panic!("a connection broke: {error}"),
        }
    }

    /// Notes an answer, and sends the next request that waits for a connection.
    fn answered(&self, number: usize) -> u64 {
        let mut state = self.state();
        let asked = state.asked[number].take();
        let waited = asked.expect("one answer for each request").elapsed();
        match state.waiting.pop_front() {
            None => state.free.push(number),
            Some(asked) => {
                state.asked[number] = Some(asked);
                drop(state);
                self.send(number);
            }
        }
        u64::try_from(waited.as_nanos()).expect("no request takes centuries")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_moments_follow_from_the_seed_and_keep_the_pace() {
        let pace = Pace {
            per_second: 1_000.0,
            requests: 10_000,
            seed: 7,
        };
        let moments = pace.moments();
        assert_eq!(moments, pace.moments());
        assert!(moments.is_sorted());
        let took = moments[9_999].as_secs_f64();
        assert!((9.5..10.5).contains(&took), "{took}");
    }
}

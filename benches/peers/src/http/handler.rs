//! Paced requests while one connection asks for what takes 20 ms of computing.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::answer_length::{answer_length, get};
use super::paced::{self, Pace};
use super::server::Server;
use crate::figures::Figure;

/// Between the end of one such answer and the next request for one.
const PAUSE: Duration = Duration::from_millis(20);

/// How long the others take, and how many long answers there were meanwhile.
pub(crate) fn measure(server: &mut Server, pace: Pace) -> Vec<Figure> {
    let (address, over) = (server.address, AtomicBool::new(false));
    thread::scope(|scope| {
        let long = scope.spawn(|| ask_for_long(address, &over));
        let mut figures = paced::measure(server, "handler", pace);
        over.store(true, Ordering::Relaxed);
        let answers = long.join().expect("the thread comes to its end");
        figures.push(Figure::new("handler long answers", answers as f64));
        figures
    })
}

/// Asks again and again on one connection. How many answers came.
fn ask_for_long(address: SocketAddr, over: &AtomicBool) -> usize {
    let request = get("/long");
    let mut answer = vec![0; answer_length(address, &request)];
    let mut stream = TcpStream::connect(address).expect("the server accepts");
    let mut answers = 0;
    while !over.load(Ordering::Relaxed) {
        stream
            .write_all(request.as_bytes())
            .expect("the server reads");
        stream.read_exact(&mut answer).expect("a whole answer");
        answers += 1;
        thread::sleep(PAUSE);
    }
    answers
}

//! A pool of TCP connections behind a handle: `cargo run --release --example connection_pool`
//! starts an echo server on this machine, and shows connections reused, capped, and replaced when
//! the server drops them. Read `Pool` and `echo` first.

mod exit;
mod record;

use std::error::Error;
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use laneway::background::{Service, ServiceHandle};
use laneway::blocking::unblock;
use laneway::{Priority, Runtime, block_on};

use record::Record;

/// As many connections at most, and so as many requests in flight.
const MOST: usize = 2;

/// The state of the background: the connections that are not in use at the moment.
struct Pool {
    server: SocketAddr,
    idle: Mutex<Vec<TcpStream>>,
}

impl Pool {
    /// An idle connection that the server has not dropped.
    fn idle(&self) -> Option<TcpStream> {
        let mut idle = self.idle.lock().expect("nothing panics under this lock");
        std::iter::from_fn(|| idle.pop()).find(is_healthy)
    }

    fn put_back(&self, connection: TcpStream) {
        let mut idle = self.idle.lock().expect("nothing panics under this lock");
        idle.push(connection);
    }
}

/// A healthy connection has nothing to be read between two requests, not even its end.
fn is_healthy(connection: &TcpStream) -> bool {
    let peeked = connection
        .set_nonblocking(true)
        .and_then(|()| connection.peek(&mut [0]));
    let quiet = matches!(peeked, Err(error) if error.kind() == ErrorKind::WouldBlock);
    quiet && connection.set_nonblocking(false).is_ok()
}

/// Handles a request: on an idle connection, or on a new one if there is none, or if the server
/// drops the idle one just then.
async fn echo(pool: &Pool, line: String) -> io::Result<String> {
    if let Some(connection) = pool.idle() {
        let line = line.clone();
        if let Ok((connection, reply)) = unblock(move || ask(connection, &line)).await {
            pool.put_back(connection);
            return Ok(reply);
        }
    }
    let server = pool.server;
    let (connection, reply) = unblock(move || ask(TcpStream::connect(server)?, &line)).await?;
    pool.put_back(connection);
    Ok(reply)
}

/// Sends a line and waits for the answer. Blocks its thread.
fn ask(mut connection: TcpStream, line: &str) -> io::Result<(TcpStream, String)> {
    connection.set_read_timeout(Some(Duration::from_secs(5)))?;
    writeln!(connection, "{line}")?;
    let mut reply = String::new();
    if BufReader::new(&connection).read_line(&mut reply)? == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok((connection, reply.trim_end().to_owned()))
}

/// The server's books: its connections ever opened, and the most that were open at once.
#[derive(Default)]
struct Server {
    connections: Mutex<Vec<TcpStream>>,
    open: AtomicUsize,
    most: AtomicUsize,
}

impl Server {
    fn start() -> io::Result<(Arc<Server>, SocketAddr)> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let (server, address) = (Arc::new(Server::default()), listener.local_addr()?);
        let accepting = server.clone();
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let server = accepting.clone();
                server.most.fetch_max(
                    server.open.fetch_add(1, Ordering::SeqCst) + 1,
                    Ordering::SeqCst,
                );
                let clone = connection.try_clone().expect("a connection can be cloned");
                server
                    .connections
                    .lock()
                    .expect("no panics here")
                    .push(clone);
                thread::spawn(move || server.serve(&connection));
            }
        });
        Ok((server, address))
    }

    fn serve(&self, mut connection: &TcpStream) {
        for line in BufReader::new(connection).lines().map_while(Result::ok) {
            if writeln!(connection, "{line}").is_err() {
                break;
            }
        }
        self.open.fetch_sub(1, Ordering::SeqCst);
    }

    fn opened(&self) -> usize {
        self.connections.lock().expect("no panics here").len()
    }

    fn drop_connections(&self) {
        for connection in &*self.connections.lock().expect("no panics here") {
            // One that has been dropped already is fine.
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

/// Has so many lines echoed, one after the other. Gives how many came back as they were sent.
fn lines(pool: &ServiceHandle<String, io::Result<String>>, count: usize) -> usize {
    let lines = (0..count).map(|n| format!("line {n}"));
    lines
        .filter(|line| matches!(block_on(pool.call(line.clone())), Ok(Ok(echo)) if echo == *line))
        .count()
}

fn main() -> ExitCode {
    let record = Record::from_args("connection_pool");
    exit::code("connection_pool", run(&record))
}

fn run(record: &Record) -> Result<(), Box<dyn Error>> {
    let (server, address) = Server::start()?;
    let rt = record.watch(Runtime::builder()).build()?;
    let state = Pool {
        server: address,
        idle: Mutex::default(),
    };
    let (pool, background) = Service::new()
        .bounded(100)
        .in_flight(MOST)
        .build(state, echo);
    let background = rt.spawn(background, Priority::Low);

    writeln!(
        io::stdout(),
        "reused:    {} lines echoed over {} connection",
        lines(&pool, 10),
        server.opened()
    )?;

    let threads = [(); 4].map(|()| {
        let pool = pool.clone();
        thread::spawn(move || lines(&pool, 25))
    });
    let echoed: usize = threads
        .into_iter()
        .map(|t| t.join().expect("no panics here"))
        .sum();
    let most = server.most.load(Ordering::SeqCst);
    writeln!(
        io::stdout(),
        "capped:    {echoed} lines of 4 threads echoed, {most} connections at most at once"
    )?;

    let before = server.opened();
    server.drop_connections();
    let echoed = lines(&pool, 5);
    writeln!(
        io::stdout(),
        "replaced:  the server dropped all; {echoed} lines echoed over {} new",
        server.opened() - before
    )?;

    drop(pool);
    block_on(background);
    writeln!(io::stdout(), "ended:     with the last handle")?;
    record.save();
    Ok(())
}

//! A chat by WebSocket that answers at once, beside heavy work on the same two cores. A guest comes
//! by an upgrade in HTTP/1.1, or by `CONNECT` in HTTP/2.
//!
//! `cargo run --release -p laneway-http --example chat -- --listen 127.0.0.1:8080`, and then open
//! that address in two windows of a browser.
//!
//! `routes.rs` agrees to the upgrade, `talk.rs` is the task that has the connection from then on,
//! `room.rs` knows the guests and the lines that wait for each, and `heavy.rs` is the work.

mod heavy;
mod options;
#[path = "../../../../examples/output/mod.rs"]
mod output;
mod room;
mod routes;
#[path = "../serving/mod.rs"]
mod serving;
mod talk;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use laneway::net::TcpListener;
use laneway::{Priority, Runtime};
use laneway_http::{Limits, Server};

use heavy::Heavy;
use options::Asked;
use room::Room;
use serving::{BAD_USAGE, cannot_listen, say, signals};

/// How long goodbyes may take.
const GOODBYES: Duration = Duration::from_secs(5);

/// The runtime's deadline is later than the server's by so much, so that the server can report.
const FOR_THE_REPORT: Duration = Duration::from_millis(200);

/// The parts that all requests share.
#[derive(Clone)]
struct App {
    room: Room,
    heavy: Heavy,
}

fn main() -> ExitCode {
    let done = options::asked(std::env::args_os().skip(1)).and_then(|asked| match asked {
        Asked::Serve { listen } => serve(&listen),
        Asked::Help => {
            say(options::USAGE);
            Ok(())
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            let _ = writeln!(io::stderr(), "chat: {message}");
            ExitCode::from(BAD_USAGE)
        }
    }
}

/// Serves until a signal comes, and then lets all say goodbye.
fn serve(listen: &str) -> Result<(), String> {
    output::may_end("chat");
    let rt = Runtime::builder()
        .build()
        .map_err(|error| error.to_string())?;
    let cannot = |error| cannot_listen(listen, &error);
    let listener = rt.block_on(TcpListener::bind(listen)).map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    let signals = signals().map_err(|error| format!("signals cannot be caught: {error}"))?;

    let app = App {
        room: Room::default(),
        heavy: Heavy::on(&rt.handle()),
    };
    let limits = Limits::public().shutdown(GOODBYES);
    let server = Server::new(routes::routes(app)).limits(limits);
    let server = server.enable_connect_protocol();
    let serving = rt.spawn(server.serve(listener), Priority::High);
    say(format!("listening on http://{address}"));

    // Without a sender there are no signals any more, and no reason to end.
    let _ = signals.recv();
    say("saying goodbye");
    rt.shutdown(GOODBYES + FOR_THE_REPORT);
    let report = laneway::block_on(serving.fallible()).ok();
    say(report.map_or("cut off".to_owned(), |report| report.to_string()));
    Ok(())
}

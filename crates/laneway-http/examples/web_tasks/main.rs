//! Heavy work behind a web server whose health check still answers at once: one runtime, one port.
//!
//! `cargo run --release -p laneway-http --example web_tasks -- --listen 127.0.0.1:8080`, and then
//! open that address in a browser, or:
//!
//! ```text
//! curl -i localhost:8080/tasks/async -H 'Content-Type: application/json' -d '{"ms": 2000}'
//! curl localhost:8080/tasks/1
//! ```
//!
//! `routes.rs` is the table of what it answers to. A request for work becomes an order
//! (`order.rs`), the order a piece of work (`heavy.rs`), and the work a number in a task queue
//! (`tasks.rs`). `live.rs` tells the page of it. At `/inspect` the runtime itself is seen at work.

mod app;
mod failure;
mod heavy;
mod live;
mod options;
mod order;
#[path = "../../../../examples/output/mod.rs"]
mod output;
mod page;
mod routes;
#[path = "../serving/mod.rs"]
mod serving;
mod tasks;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use laneway::background::{TaskQueue, TaskQueueMetrics, WorkStatus};
use laneway::blocking;
use laneway::net::TcpListener;
use laneway::{Priority, Runtime, ShutdownReport};
use laneway_http::{Limits, ServeReport, Server, inspect};

use app::App;
use live::Board;
use options::{Asked, Options};
use serving::{BAD_USAGE, cannot_listen, say, signals};

/// The most bytes of a body.
const BODY: u64 = 16 * 1024;

/// The runtime's deadline is later than the server's by so much, so that the server can report.
const FOR_THE_REPORT: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    let done = options::asked(std::env::args_os().skip(1)).and_then(|asked| match asked {
        Asked::Serve(options) => serve(&options),
        Asked::Help => {
            say(options::USAGE);
            Ok(())
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            let _ = writeln!(io::stderr(), "web_tasks: {message}");
            ExitCode::from(BAD_USAGE)
        }
    }
}

/// Serves until a signal comes, and then drains.
fn serve(options: &Options) -> Result<(), String> {
    output::may_end("web_tasks");
    // The pool is made here. Where the environment does not let it, no client has to find out.
    let _ = blocking::metrics();
    let rt = Runtime::builder()
        .build()
        .map_err(|error| error.to_string())?;
    let cannot = |error| cannot_listen(&options.listen, &error);
    let listener = rt
        .block_on(TcpListener::bind(&*options.listen))
        .map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    let signals = signals().map_err(|error| format!("signals cannot be caught: {error}"))?;

    let tasks = TaskQueue::bounded(options.queue)
        .workers(options.workers)
        .on(&rt.handle());
    let app = |server| App {
        tasks: tasks.clone(),
        runtime: rt.handle(),
        server,
        board: Board::default(),
    };
    let live = inspect(&rt);
    let service = |server| live.mount("/inspect", routes::routes(app(server)));
    let server = Server::with_handle(service)
        .limits(Limits::public().body_bytes(BODY).shutdown(options.drain));
    let serving = rt.spawn(server.serve(listener), Priority::High);
    say(format!("listening on http://{address}"));

    // Without a sender there are no signals any more, and no reason to end.
    let _ = signals.recv();
    say(format!(
        "draining: requests and tasks have {:?}",
        options.drain
    ));
    let cut_off = rt.shutdown(options.drain + FOR_THE_REPORT);
    let served = laneway::block_on(serving.fallible()).ok();
    say(report(served, &tasks, &cut_off));
    Ok(())
}

fn report(served: Option<ServeReport>, tasks: &TaskQueue<()>, shutdown: &ShutdownReport) -> String {
    let requests = served.map_or("cut off".to_owned(), |served| served.to_string());
    let TaskQueueMetrics {
        done,
        failed,
        cancelled,
        refused,
        ..
    } = tasks.metrics();
    let mut text = format!(
        "requests: {requests}\n\
         tasks: {done} done, {failed} failed, {cancelled} cancelled, {refused} refused"
    );
    for task in &shutdown.cut_off_tasks {
        text.push_str(&format!("\ncut off: {:?}", task.name().unwrap_or_default()));
    }
    // A poll cannot be interrupted, and the deadline waits for none.
    let last = tasks.list(usize::MAX).into_iter();
    for work in last.filter(|work| matches!(work.status, WorkStatus::Running { .. })) {
        let name = work.name.unwrap_or_default();
        text.push_str(&format!("\nstill in a poll: {name:?}"));
    }
    text
}

//! Does the live page show a runtime to those who may look, in bounded memory, and to nobody else?

mod client;

use std::convert::Infallible;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use client::wait_until;
use http::{Request, Response};
use laneway::net::TcpListener;
use laneway::{Priority, Runtime, Task, join_all};
use laneway_http::service_fn;
use laneway_http::{Inspect, Limits, RequestBody, ServeReport, Server, ServerHandle, inspect};

/// No answer takes longer.
const WATCHDOG: Duration = Duration::from_secs(60);

/// Linux gives a socket 4 MiB to send and 6 MiB to receive at most.
const MORE_THAN_SOCKETS_HOLD: usize = 24 * 1024 * 1024;

/// A runtime that is seen, and the one that serves the page of it.
struct Seen {
    runtime: Runtime,
    server: Runtime,
    page: Inspect,
    address: SocketAddr,
    handle: ServerHandle,
    serving: Task<ServeReport>,
}

/// Two runtimes, so that a test knows what happens on the one that is seen.
fn seen() -> Seen {
    let (runtime, server) = (runtime(), runtime());
    let page = inspect(&runtime);
    let listener = server.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let ours = service_fn(async |_request: Request<RequestBody>| {
        Ok::<_, Infallible>(Response::new("ours".to_owned()))
    });
    let mounted = page.clone().mount("/inspect", ours);
    // A viewer that does not read is not cut off while its test runs.
    let limits = Limits::public().write_stall(Duration::from_secs(3600));
    let serving = Server::new(mounted).limits(limits);
    let handle = serving.handle();
    let serving = server.spawn(serving.serve(listener), Priority::High);
    Seen {
        runtime,
        server,
        page,
        address,
        handle,
        serving,
    }
}

fn runtime() -> Runtime {
    let builder = Runtime::builder().with_high_num(1).with_low_num(1);
    builder.build().unwrap()
}

impl Seen {
    fn request(&self, method: &str, path: &str, fields: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(WATCHDOG)).unwrap();
        let head = format!("{method} {path} HTTP/1.1\r\n{fields}\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream
    }

    /// The whole answer to a request.
    fn answer(&self, method: &str, path: &str, host: &str) -> String {
        let fields = format!("Host: {host}\r\nConnection: close\r\n");
        let mut answer = String::new();
        self.request(method, path, &fields)
            .read_to_string(&mut answer)
            .unwrap();
        answer
    }

    fn view(&self) -> View {
        let stream = self.request("GET", "/inspect/events", "Host: localhost\r\n");
        View {
            stream,
            text: String::new(),
        }
    }

    fn wait_for_viewers(&self, viewers: usize) {
        wait_until("the number of viewers", || self.page.viewers() == viewers);
    }

    fn end(self) -> ServeReport {
        self.handle.shutdown();
        self.server.block_on(self.serving)
    }
}

/// A viewer's stream.
struct View {
    stream: TcpStream,
    text: String,
}

impl View {
    /// Reads until something is in what has come.
    #[track_caller]
    fn read_until(&mut self, is_there: impl Fn(&str) -> bool) {
        let begun = Instant::now();
        let mut buffer = vec![0; 64 * 1024];
        while !is_there(&self.text) {
            assert!(
                begun.elapsed() < WATCHDOG,
                "never came: {:.2000}",
                self.text
            );
            let read = match self.stream.read(&mut buffer) {
                // The whole process was stopped, and goes on.
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                read => read.expect("the stream goes on"),
            };
            assert!(read > 0, "it has ended: {:.2000}", self.text);
            self.text
                .push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
    }

    /// Reads this number of bytes, and keeps none of them.
    #[track_caller]
    fn read_past(&mut self, bytes: usize) {
        let mut read = 0;
        while read < bytes {
            self.text.clear();
            self.read_until(|text| !text.is_empty());
            read += self.text.len();
        }
    }

    /// Reads until a batch's number does not follow that of the one before.
    #[track_caller]
    fn read_until_a_gap(&mut self) {
        let mut last = None;
        loop {
            // Each line is looked at once: there may be megabytes of them.
            let whole = self.text.rfind('\n').map_or(0, |end| end + 1);
            let lines: String = self.text.drain(..whole).collect();
            let words = lines.lines().filter_map(|line| line.strip_prefix("id: "));
            for number in words.map(|word| word.parse::<u64>().expect("a number")) {
                if last.is_some_and(|last| number > last + 1) {
                    return;
                }
                last = Some(number);
            }
            let before = self.text.len();
            self.read_until(|text| text.len() > before);
        }
    }

    /// The data of the batches that have come whole.
    fn batches(&self) -> Vec<serde_json::Value> {
        let whole = self.text.rsplit_once("\n\n").map_or("", |(whole, _)| whole);
        // Taken out of the chunks that they are sent in.
        let lines = whole
            .split('\n')
            .filter_map(|line| line.strip_prefix("data: "));
        lines
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }
}

#[test]
fn the_page_and_the_service_beside_it_are_served() {
    let seen = seen();
    assert!(seen.answer("GET", "/", "localhost").ends_with("ours"));
    assert!(
        seen.answer("GET", "/inspection", "localhost")
            .ends_with("ours")
    );
    let moved = seen.answer("GET", "/inspect?token=x", "localhost");
    assert!(moved.starts_with("HTTP/1.1 308 "), "{moved}");
    assert!(
        moved.contains("\r\nlocation: inspect/?token=x\r\n"),
        "{moved}"
    );
    let page = seen.answer("GET", "/inspect/", "localhost");
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page:.300}");
    assert!(page.contains("frame-ancestors 'none'") && page.contains("no-store"));
    assert!(
        seen.answer("GET", "/inspect/other", "localhost")
            .starts_with("HTTP/1.1 404 ")
    );
    assert!(
        seen.answer("POST", "/inspect/events", "localhost")
            .starts_with("HTTP/1.1 405 ")
    );
    let head = seen.answer("HEAD", "/inspect/events", "localhost");
    assert!(head.contains("text/event-stream"), "{head}");
    assert_eq!(seen.page.viewers(), 0);
}

#[test]
fn a_name_from_elsewhere_gets_403_and_a_sentence() {
    let seen = seen();
    for path in ["/inspect", "/inspect/", "/inspect/events"] {
        let refused = seen.answer("GET", path, "evil.example");
        assert!(refused.starts_with("HTTP/1.1 403 "), "{refused}");
        assert!(
            refused.contains("This page answers to localhost"),
            "{refused}"
        );
    }
    assert_eq!(seen.page.viewers(), 0);
}

#[test]
fn a_stream_tells_of_tasks_by_name_and_hostile_names_stay_text() {
    let seen = seen();
    let mut view = seen.view();
    view.read_until(|text| text.contains("\"at\":"));
    let hostile = "<script>alert(1)</script>\n\ndata: {}";
    let task = seen.runtime.named(hostile).spawn(async {}, Priority::Low);
    seen.runtime.block_on(task);
    view.read_until(|text| text.contains("alert(1)"));
    assert!(!view.text.contains("<script"), "escaped");
    view.read_until(|text| text.matches("\nid: ").count() > 4);
    let batches = view.batches();
    assert!(!batches.is_empty());
    let names = batches
        .iter()
        .flat_map(|batch| batch["recording"]["tasks"].as_array().unwrap());
    assert!(names.clone().any(|task| task[2] == hostile));
    for batch in &batches {
        assert_eq!(
            batch["recording"]["queues"],
            serde_json::json!(["high", "low"])
        );
        assert_eq!(batch["queues"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn a_task_that_was_there_before_is_told_by_its_name() {
    let seen = seen();
    let (opener, door) = client::door();
    let waits = async move { door.wait().await };
    let task = seen.runtime.named("older").spawn(waits, Priority::Low);
    let mut view = seen.view();
    view.read_until(|text| text.contains("\"at\":"));
    opener.open();
    view.read_until(|text| text.contains("\"older\""));
    seen.runtime.block_on(task);
}

#[test]
fn nothing_is_recorded_before_and_after_the_viewers() {
    let seen = seen();
    let spawned = |rt: &Runtime| rt.metrics().queues.iter().map(|q| q.spawned).sum::<u64>();
    let live = || {
        seen.server
            .metrics()
            .queues
            .iter()
            .map(|q| q.live())
            .sum::<u64>()
    };
    // The server, and its acceptor.
    let is_calm = || wait_until("the server's own tasks alone are there", || live() == 2);
    for _ in 0..2 {
        is_calm();
        let before = spawned(&seen.server);
        let mut view = seen.view();
        view.read_until(|text| text.contains("\"at\":"));
        assert_eq!(seen.page.viewers(), 1);
        assert_eq!(spawned(&seen.runtime), 0, "what is seen is left alone");
        drop(view);
        seen.wait_for_viewers(0);
        // The connection's task and the one that makes batches: both end.
        assert_eq!(spawned(&seen.server) - before, 2);
    }
    is_calm();
}

#[test]
fn a_browser_that_stops_reading_costs_no_memory_and_the_others_nothing() {
    let seen = seen();
    let mut slow = seen.view();
    slow.read_until(|text| text.contains("\"at\":"));
    let mut other = seen.view();
    other.read_until(|text| text.contains("\"viewers\":2"));
    // Each of these is six bytes long in a batch.
    let name = "<".repeat(120);
    std::thread::scope(|scope| {
        let reads = scope.spawn(|| other.read_past(MORE_THAN_SOCKETS_HOLD));
        while !reads.is_finished() {
            join_all((0..2_000).map(|_| seen.runtime.named(&*name).spawn(async {}, Priority::Low)));
        }
    });
    // More than wait for a viewer, and all of them after its sockets are full.
    other.read_until(|text| text.matches("\nid: ").count() > 12);
    // For it, batches were left out.
    slow.read_until_a_gap();
}

#[test]
fn a_hundred_viewers_look_at_once_and_shutdown_ends_them_at_once() {
    let seen = seen();
    let mut views: Vec<View> = (0..100).map(|_| seen.view()).collect();
    seen.wait_for_viewers(100);
    join_all((0..1_000).map(|_| seen.runtime.named("t").spawn(async {}, Priority::Low)));
    for view in &mut views {
        view.read_until(|text| text.contains("\"viewers\":100"));
    }
    let begun = Instant::now();
    let page = seen.page.clone();
    let report = seen.end();
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert!(report.is_clean(), "{report}");
    assert_eq!(page.viewers(), 0);
    for mut view in views {
        let mut rest = Vec::new();
        view.stream.read_to_end(&mut rest).expect("an orderly end");
    }
}

#[test]
fn more_viewers_than_there_may_be_are_refused() {
    let seen = seen();
    let views: Vec<View> = (0..256).map(|_| seen.view()).collect();
    seen.wait_for_viewers(256);
    let refused = seen.answer("GET", "/inspect/events", "localhost");
    assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
    drop(views);
    seen.wait_for_viewers(0);
}

#[test]
fn the_end_of_the_runtime_that_is_seen_does_not_end_the_page() {
    let seen = seen();
    let mut view = seen.view();
    view.read_until(|text| text.contains("\"at\":"));
    let Seen {
        runtime,
        server,
        page,
        handle,
        serving,
        ..
    } = seen;
    drop(runtime);
    let batches = view.text.matches("\nid: ").count();
    view.read_until(|text| text.matches("\nid: ").count() > batches + 2);
    handle.shutdown();
    assert!(server.block_on(serving).is_clean());
    drop(page);
}

//! Is there a warning where requests may wait for low polls, and nowhere else?

mod client;

use std::sync::Mutex;

use client::{get, routes, serve_on};
use laneway::Runtime;
use laneway_http::Limits;
use log::{Level, LevelFilter, Log, Metadata, Record};

/// The warnings of the server.
struct Warnings(Mutex<Vec<String>>);

static WARNINGS: Warnings = Warnings(Mutex::new(Vec::new()));

impl Log for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("laneway_http") && metadata.level() == Level::Warn
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            self.0.lock().unwrap().push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

#[test]
fn a_runtime_without_a_standby_is_warned_of_once() {
    log::set_logger(&WARNINGS).unwrap();
    log::set_max_level(LevelFilter::Warn);
    let warned = |builder: laneway::Builder| {
        let server = serve_on(builder.build().unwrap(), Limits::public(), routes);
        let mut client = server.connect();
        client.send(get("/"));
        client.answer();
        server.end();
        std::mem::take(&mut *WARNINGS.0.lock().unwrap())
    };
    assert_eq!(warned(Runtime::builder()), [""; 0]);
    assert_eq!(warned(Runtime::builder().latency_first()), [""; 0]);
    let warnings = warned(Runtime::builder().with_standby(0));
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("latency_first"), "{warnings:?}");
}

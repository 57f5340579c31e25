//! The access log of a test's process, as lines.

use std::sync::Mutex;

use log::{Level, LevelFilter, Log, Metadata, Record};

pub(crate) struct Lines(Mutex<Vec<String>>);

pub(crate) static LINES: Lines = Lines(Mutex::new(Vec::new()));

impl Lines {
    /// Makes this the process's log.
    pub(crate) fn collect(&'static self) {
        log::set_logger(self).unwrap();
        log::set_max_level(LevelFilter::Info);
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Log for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "laneway_http::access" && metadata.level() <= Level::Info
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            self.0.lock().unwrap().push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

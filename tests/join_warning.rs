//! Does the log say where async code blocks in a join, once for each place?

use std::sync::Mutex;

use laneway::{Priority, Runtime, join, spawn_task, yield_now};

/// Keeps the lines that speak of joins.
struct Lines(Mutex<Vec<String>>);

static LINES: Lines = Lines(Mutex::new(Vec::new()));

impl log::Log for Lines {
    fn enabled(&self, _metadata: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = record.args().to_string();
        if line.starts_with("join at ") {
            self.0.lock().unwrap().push(line);
        }
    }

    fn flush(&self) {}
}

#[test]
fn a_join_that_blocks_a_worker_is_told_of_once_for_each_place() {
    log::set_logger(&LINES).unwrap();
    log::set_max_level(log::LevelFilter::Warn);
    let rt = Runtime::builder().with_high_num(0).with_low_num(1);
    let rt = rt.build().unwrap();
    // Outside of tasks a join may block as it likes.
    join!(rt.spawn(yield_now(), Priority::Low));
    assert!(LINES.0.lock().unwrap().is_empty());

    for _ in 0..3 {
        let blocks = async { drop(join!(spawn_task!(yield_now()))) };
        rt.block_on(rt.spawn(blocks, Priority::Low));
    }
    let elsewhere = async { drop(join!(spawn_task!(yield_now()), spawn_task!(yield_now()))) };
    rt.block_on(rt.spawn(elsewhere, Priority::Low));
    let lines = LINES.0.lock().unwrap();
    assert_eq!(lines.len(), 2, "{lines:?}");
    for line in &*lines {
        assert!(line.contains(file!()), "{line}");
        assert!(line.contains("await the tasks"), "{line}");
    }
}

//! What a task costs when there are few and when there are many.
//!
//! Every measurement is made by one task, which spawns empty tasks and awaits them. What so much
//! memory costs without any task is measured beside it.

use std::hint::black_box;
use std::thread;
use std::time::Instant;

use crate::crowd::{AT_LEAST, Crowd};
use crate::figures::Figure;
use crate::subject::Subject;

/// How many tasks growth is measured with.
pub(crate) const CROWDS: [(usize, &str); 5] = [
    (1_000, "1k"),
    (10_000, "10k"),
    (100_000, "100k"),
    (1_000_000, "1M"),
    (10_000_000, "10M"),
];

/// Measures an executor that `start` starts with so many threads, with so many tasks at most.
pub(crate) fn measure(
    start: impl Fn(usize) -> &'static dyn Subject,
    threads: usize,
    most: usize,
) -> Vec<Figure> {
    let alone = start(1);
    let hundred = Crowd::in_waves(1_000_000, 100);
    let joined = when_warm("spawn+run+join".into(), || alone.ns_per_task(hundred));
    let detached = when_warm("spawn+run".into(), || alone.ns_per_detached_task(hundred));
    let on = start(threads);
    let crowds = || CROWDS.into_iter().filter(|&(tasks, _)| tasks <= most);
    let waves = crowds().map(|(tasks, name)| {
        let crowd = Crowd::in_waves(tasks, 1_000);
        when_warm(format!("waves {name}"), || on.ns_per_task(crowd))
    });
    let at_once = crowds().map(|(tasks, name)| {
        let crowd = Crowd::in_waves(tasks, tasks);
        when_warm(format!("at once {name}"), || on.ns_per_task(crowd))
    });
    let boxes = crowds().map(|(tasks, name)| {
        // The allocator deals otherwise with the main thread than with a worker.
        let measure = || when_warm(format!("{BOXES} {name}"), || ns_per_box(tasks));
        thread::scope(|scope| scope.spawn(measure).join()).expect("boxes do not panic")
    });
    let crowded = waves.chain(at_once).chain(boxes);
    [joined, detached].into_iter().chain(crowded).collect()
}

/// Measures twice and keeps the second: every worker is awake then, and the allocator has its
/// memory, and has it in the order in which such a crowd leaves it.
fn when_warm(name: String, measure: impl Fn() -> f64) -> Figure {
    measure();
    Figure::new(name, measure())
}

/// What the row of the boxes is called.
pub(crate) const BOXES: &str = "boxes of 96 bytes";

/// What memory alone takes: boxes as large as Laneway's empty tasks, all made, then all written
/// to, then all dropped, as tasks are all spawned, then run, then awaited.
fn ns_per_box(count: usize) -> f64 {
    type Room = [u64; 12];
    let times = AT_LEAST.div_ceil(count);
    let mut boxes: Vec<Box<Room>> = Vec::with_capacity(count);
    let start = Instant::now();
    for _ in 0..times {
        boxes.extend((0..count).map(|number| black_box(Box::new([number as u64; 12]))));
        for written in &mut boxes {
            written[0] += 1;
        }
        for written in boxes.drain(..) {
            drop(black_box(written));
        }
    }
    start.elapsed().as_nanos() as f64 / (times * count) as f64
}

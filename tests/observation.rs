//! Can an observer come to a runtime that goes on, follow it, and leave without a trace?

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use laneway::observe::{Bookmark, Event, Observer, Recorder, RuntimeShape};
use laneway::{Priority, Runtime, join_all};

/// Counts what it is told.
#[derive(Default)]
struct Count {
    starts: AtomicUsize,
    events: AtomicUsize,
    named: AtomicUsize,
}

impl Observer for Count {
    fn on_start(&self, shape: &RuntimeShape) {
        assert_eq!(shape.queues, ["high", "low"]);
        self.starts.fetch_add(1, Ordering::Relaxed);
    }

    fn on_event(&self, event: Event) {
        if let Event::PollEnded { .. } = event {
            self.events.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn on_named(&self, _task: laneway::TaskId, _name: &str) {
        self.named.fetch_add(1, Ordering::Relaxed);
    }
}

impl Count {
    fn told(&self) -> [usize; 3] {
        [&self.starts, &self.events, &self.named].map(|count| count.load(Ordering::Relaxed))
    }
}

/// One worker, so that a task that has ended has told so before the next one begins.
fn one_worker() -> Runtime {
    let builder = Runtime::builder().with_high_num(0).with_low_num(1);
    builder.build().unwrap()
}

fn run(rt: &Runtime, tasks: usize) {
    join_all((0..=tasks).map(|_| rt.named("t").spawn(async {}, Priority::Low)));
}

#[test]
fn an_observer_is_told_while_it_is_there_and_not_before_or_after() {
    let rt = one_worker();
    run(&rt, 10);
    let count = Arc::new(Count::default());
    let observation = rt.handle().observe(count.clone());
    assert_eq!(count.told(), [1, 0, 0]);
    run(&rt, 10);
    // The last task's end may be told after its handle knows of it.
    assert!((10..=11).contains(&count.told()[1]), "{:?}", count.told());
    assert_eq!(count.told()[2], 11);
    run(&rt, 0);
    drop(observation);
    run(&rt, 0);
    let told = count.told();
    run(&rt, 100);
    assert_eq!(count.told(), told);
    assert_eq!(Arc::strong_count(&count), 1, "the runtime has let it go");
}

#[test]
fn observers_that_come_and_go_do_not_disturb_the_one_that_was_there() {
    let first = Arc::new(Count::default());
    let builder = Runtime::builder().with_high_num(0).with_low_num(1);
    let rt = builder.with_observer(first.clone()).build().unwrap();
    let guests: Vec<_> = (0..3).map(|_| Arc::new(Count::default())).collect();
    let handle = rt.handle();
    let observations: Vec<_> = guests.iter().map(|g| handle.observe(g.clone())).collect();
    run(&rt, 9);
    drop(observations);
    run(&rt, 9);
    drop(rt);
    assert_eq!(first.told(), [1, 20, 20]);
    for guest in guests {
        assert_eq!(guest.told()[2], 10);
    }
}

#[test]
fn an_observer_may_look_at_the_runtime_and_bring_another_one() {
    struct Brings(
        laneway::Handle,
        std::sync::Mutex<Option<laneway::observe::Observation>>,
    );
    impl Observer for Brings {
        fn on_named(&self, _task: laneway::TaskId, _name: &str) {
            let other = self.0.observe(Arc::new(Count::default()));
            *self.1.lock().unwrap() = Some(other);
        }
    }
    let rt = one_worker();
    let brings = Arc::new(Brings(rt.handle(), std::sync::Mutex::default()));
    let observation = rt.handle().observe(brings);
    run(&rt, 3);
    drop(observation);
}

#[test]
fn the_pieces_that_a_reader_takes_hold_every_event_once() {
    const TASKS: usize = 2_000;
    let recorder = Arc::new(Recorder::new());
    let builder = Runtime::builder().with_high_num(2).with_low_num(1);
    let rt = builder.with_observer(recorder.clone()).build().unwrap();
    let mut bookmark = Bookmark::new();
    let mut spawned = Vec::new();
    let mut read = |recorder: &Recorder| {
        let piece = recorder.read_on(&mut bookmark);
        assert_eq!(piece.dropped(), 0);
        spawned.extend(piece.events().filter_map(|(_, event)| match event {
            Event::Spawned { task, .. } => Some(task),
            _ => None,
        }));
    };
    for _ in 0..20 {
        join_all((0..TASKS / 20).map(|_| rt.spawn(async {}, Priority::Low)));
        read(&recorder);
    }
    drop(rt);
    read(&recorder);
    assert_eq!(spawned.len(), TASKS);
    spawned.sort_unstable();
    spawned.dedup();
    assert_eq!(spawned.len(), TASKS);
}

#[test]
fn the_names_of_tasks_come_with_their_events() {
    let recorder = Arc::new(Recorder::new());
    let builder = Runtime::builder().with_high_num(0).with_low_num(1);
    let rt = builder.with_observer(recorder.clone()).build().unwrap();
    let mut bookmark = Bookmark::new();
    for _ in 0..50 {
        run(&rt, 20);
        let piece = recorder.read_on(&mut bookmark);
        let spawned = piece.events().filter_map(|(_, event)| match event {
            Event::Spawned { task, .. } => Some(task),
            _ => None,
        });
        let spawned: Vec<_> = spawned.collect();
        assert!(!spawned.is_empty());
        for task in spawned {
            assert_eq!(piece.name(task), Some("t"));
        }
    }
}

#[test]
fn what_a_slow_reader_missed_is_counted_piece_by_piece() {
    let recorder = Arc::new(Recorder::with_capacity(512));
    let builder = Runtime::builder().with_high_num(0).with_low_num(1);
    let rt = builder.with_observer(recorder.clone()).build().unwrap();
    let mut bookmark = Bookmark::new();
    run(&rt, 5_000);
    let piece = recorder.read_on(&mut bookmark);
    assert!(piece.dropped() > 15_000, "{}", piece.dropped());
    assert!(piece.len() < 2_000, "{}", piece.len());
    run(&rt, 10);
    let piece = recorder.read_on(&mut bookmark);
    assert_eq!(piece.dropped(), 0, "what was missed before is counted once");
    assert!(piece.len() > 30, "{}", piece.len());
}

#[test]
fn a_bookmark_of_another_recorder_misses_what_is_there_and_nothing_more() {
    let observed = |polls| {
        let recorder = Arc::new(Recorder::new());
        let builder = Runtime::builder().with_high_num(0).with_low_num(1);
        let rt = builder.with_observer(recorder.clone()).build().unwrap();
        run(&rt, polls);
        drop(rt);
        recorder
    };
    let (long, short) = (observed(100), observed(1));
    let mut bookmark = Bookmark::new();
    assert!(!long.read_on(&mut bookmark).is_empty());
    let piece = short.read_on(&mut bookmark);
    assert_eq!((piece.len(), piece.dropped()), (0, 0));
    // It is one of this recorder from now on.
    assert!(short.read_on(&mut bookmark).is_empty());
    assert!(!long.read_on(&mut bookmark).is_empty());
}

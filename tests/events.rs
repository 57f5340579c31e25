//! Does an observer learn what the scheduler does, each thing once and in an order that makes
//! sense?

mod common;

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{Gate, cut_off, eventually};
use futures_lite::future::yield_now;
use laneway::observe::{Event, Observer, Placement, PollEnd, RuntimeShape, Source, WorkerId};
use laneway::time::sleep;
use laneway::{Builder, Priority, QueueId, Runtime, TaskId, join_all, spawn_task};

/// Everything that was told, in the order in which it was told.
#[derive(Default)]
struct Log {
    shapes: Mutex<Vec<RuntimeShape>>,
    events: Mutex<Vec<Event>>,
}

impl Observer for Log {
    fn on_start(&self, shape: &RuntimeShape) {
        assert!(self.events().is_empty(), "the start comes first");
        self.shapes.lock().unwrap().push(shape.clone());
    }

    fn on_event(&self, event: Event) {
        self.events.lock().unwrap().push(event);
    }
}

impl Log {
    fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }

    /// What was told of one task.
    fn of(&self, task: TaskId) -> Vec<Event> {
        let mut events = self.events();
        events.retain(|&event| task_of(event) == Some(task));
        events
    }

    fn count(&self, is_meant: impl Fn(&Event) -> bool) -> usize {
        self.events().iter().filter(|event| is_meant(event)).count()
    }
}

fn task_of(event: Event) -> Option<TaskId> {
    match event {
        Event::Spawned { task, .. }
        | Event::Scheduled { task, .. }
        | Event::Taken { task, .. }
        | Event::PollStarted { task, .. }
        | Event::PollEnded { task, .. }
        | Event::Cancelled { task, .. }
        | Event::Escalated { task, .. }
        | Event::TimerArmed { task, .. }
        | Event::TimerFired { task } => Some(task),
        Event::Parked { .. } | Event::Unparked { .. } | Event::Replaced { .. } => None,
    }
}

fn is_end(event: Event) -> bool {
    matches!(event, Event::PollEnded { end, .. } if end.is_last())
}

/// A runtime of so many high and low threads, and what its observer is told.
fn observed(high: usize, low: usize) -> (Runtime, Arc<Log>) {
    observed_by(Runtime::builder().with_high_num(high).with_low_num(low))
}

fn observed_by(builder: Builder) -> (Runtime, Arc<Log>) {
    let log = Arc::new(Log::default());
    let rt = builder.with_observer(log.clone()).build().unwrap();
    (rt, log)
}

#[test]
fn the_start_tells_the_queues_and_the_workers() {
    let builder = Runtime::builder().with_high_num(2).with_low_num(1);
    let (_rt, log) = observed_by(builder.with_queue("network", 1, &[]));
    let shapes = log.shapes.lock().unwrap();
    assert_eq!(shapes.len(), 1);
    assert_eq!(shapes[0].queues, ["high", "low", "network"]);
    let homes: Vec<usize> = shapes[0].homes.iter().map(|home| home.index()).collect();
    // One of the three high ones stands by.
    assert_eq!(homes, [0, 0, 0, 1, 2]);
    assert_eq!(shapes[0].standbys.len(), 1);
}

#[test]
fn a_task_is_spawned_scheduled_taken_and_polled() {
    let (rt, log) = observed(0, 1);
    let line = line!() + 1;
    let task = rt.spawn(async {}, Priority::Low);
    let id = task.id();
    rt.block_on(task);
    eventually("the poll's end is told", || {
        log.of(id).iter().any(|&e| is_end(e))
    });
    let events = log.of(id);
    let Event::Spawned {
        by: None,
        queue: QueueId::LOW,
        spawned_at,
        ..
    } = events[0]
    else {
        panic!("{events:?}");
    };
    assert_eq!((spawned_at.file(), spawned_at.line()), (file!(), line));
    let Event::PollStarted { worker, .. } = events[3] else {
        panic!("{events:?}");
    };
    assert_eq!(
        events[1..],
        [
            Event::Scheduled {
                task: id,
                queue: QueueId::LOW,
                by: None,
                to: Placement::Channel
            },
            Event::Taken {
                task: id,
                queue: QueueId::LOW,
                worker,
                from: Source::Channel
            },
            Event::PollStarted { task: id, worker },
            Event::PollEnded {
                task: id,
                worker,
                end: PollEnd::Ready
            },
        ]
    );
}

#[test]
fn a_task_is_scheduled_before_it_is_taken_even_by_a_thief() {
    let (rt, log) = observed(0, 2);
    let yielding = || async {
        for _ in 0..200 {
            yield_now().await;
        }
    };
    let root = rt.spawn(
        async move {
            for task in (0..50).map(|_| spawn_task!(yielding())).collect::<Vec<_>>() {
                task.await;
            }
        },
        Priority::Low,
    );
    rt.block_on(root);
    rt.shutdown(Duration::from_secs(20));
    let mut queued = std::collections::HashMap::new();
    for event in log.events() {
        match event {
            Event::Scheduled { task, .. } => {
                let before = queued.insert(task, ());
                assert_eq!(before, None, "{task} was scheduled twice");
            }
            Event::Taken { task, .. } => {
                assert!(
                    queued.remove(&task).is_some(),
                    "{task} was taken from nowhere"
                );
            }
            _ => {}
        }
    }
    assert!(queued.is_empty());
    assert_eq!(
        log.count(|e| matches!(e, Event::Taken { .. })),
        rt_polls(&rt)
    );
}

fn rt_polls(rt: &Runtime) -> usize {
    let polls: u64 = rt.metrics().workers.iter().map(|worker| worker.polls).sum();
    usize::try_from(polls).unwrap()
}

#[test]
fn a_cancelled_task_is_told_of_wherever_it_ends() {
    let (rt, log) = observed(0, 1);
    let cancelled = |task: TaskId| {
        let of_task = log.of(task);
        let by = |event: &Event| match *event {
            Event::Cancelled { by, .. } => Some(by),
            _ => None,
        };
        of_task.iter().filter_map(by).collect::<Vec<_>>()
    };
    // By its handle, which a worker sees to.
    let gate = Gate::new();
    let dropped = rt.spawn(gate.wait(), Priority::Low);
    let id = dropped.id();
    gate.eventually_polled(1);
    assert_eq!(cancelled(id), []);
    drop(dropped);
    eventually("the task ends", || gate.drops() == 1);
    eventually("it is told", || cancelled(id).len() == 1);
    assert!(cancelled(id)[0].is_some(), "a worker dropped the future");
    // By the end of the runtime.
    let waiting = rt.spawn(pending::<()>(), Priority::Low);
    let id = waiting.id();
    cut_off(&rt);
    assert_eq!(cancelled(id).len(), 1);
    // Spawned after that.
    let late = rt.spawn(async {}, Priority::Low);
    assert_eq!(cancelled(late.id()), [None]);
    assert_eq!(log.count(|e| matches!(e, Event::Cancelled { .. })), 3);
}

#[test]
fn a_task_that_completes_is_not_told_to_be_cancelled() {
    let (rt, log) = observed(1, 1);
    join_all((0..100).map(|_| rt.spawn(async {}, Priority::Low)));
    rt.shutdown(Duration::from_secs(20));
    assert_eq!(log.count(|e| matches!(e, Event::Cancelled { .. })), 0);
    assert_eq!(log.count(|e| is_end(*e)), 100);
}

#[test]
fn raising_a_task_is_told_once() {
    let (rt, log) = observed(1, 0);
    let escalated = |task: TaskId| {
        let of_task = log.of(task);
        let by = |event: &Event| match *event {
            Event::Escalated { by, .. } => Some(by),
            _ => None,
        };
        of_task.iter().filter_map(by).collect::<Vec<_>>()
    };
    let low = rt.spawn(pending::<()>(), Priority::Low);
    low.escalate();
    low.escalate();
    assert_eq!(escalated(low.id()), [None]);
    let high = rt.spawn(pending::<()>(), Priority::High);
    high.escalate();
    assert_eq!(escalated(high.id()), []);
    // By a high task that awaits it.
    let gate = Gate::new();
    let awaited = rt.spawn(gate.wait(), Priority::Low);
    let id = awaited.id();
    let awaiter = rt.spawn(awaited, Priority::High);
    eventually("the awaiter raises it", || !escalated(id).is_empty());
    gate.eventually_polled(1);
    gate.open();
    rt.block_on(awaiter);
    let workers: Vec<Option<usize>> = escalated(id)
        .into_iter()
        .map(|by| by.map(WorkerId::index))
        .collect();
    // The high thread, or one of those that stand by for it.
    assert!(matches!(*workers, [Some(0..=2)]), "{workers:?}");
}

#[test]
fn a_sleep_is_told_when_it_begins_and_when_it_wakes_its_task() {
    let (rt, log) = observed(0, 1);
    let armed = |e: &Event| matches!(e, Event::TimerArmed { after_us: 1.., .. });
    // On a busy machine a sleep may be over before it is polled, and is not armed then.
    let times = (0..15).map(|power| Duration::from_millis(30) * 2_u32.pow(power));
    let mut tries = times.map(|time| {
        let task = rt.spawn(sleep(time), Priority::Low);
        let id = task.id();
        rt.block_on(task);
        (time, log.of(id))
    });
    let told = tries.find(|(_, events)| events.iter().any(armed));
    let (time, events) = told.expect("eight minutes are long enough");
    let place = |is_meant: fn(&Event) -> bool| {
        let places: Vec<usize> = (0..events.len())
            .filter(|&i| is_meant(&events[i]))
            .collect();
        assert_eq!(places.len(), 1, "{events:?}");
        places[0]
    };
    let armed = place(armed);
    let fired = place(|e| matches!(e, Event::TimerFired { .. }));
    let Event::TimerArmed {
        by: Some(_),
        after_us,
        ..
    } = events[armed]
    else {
        panic!("{events:?}");
    };
    let after = Duration::from_micros(after_us);
    assert!(after <= time, "{after:?}");
    assert!(armed < fired, "{events:?}");
    let woken = events[fired + 1];
    assert!(
        matches!(woken, Event::Scheduled { by: None, .. }),
        "{events:?}"
    );
}

#[test]
fn a_sleep_outside_of_tasks_is_nobodys() {
    let (rt, log) = observed(0, 1);
    rt.block_on(sleep(Duration::from_millis(1)));
    assert_eq!(
        log.events()
            .iter()
            .filter(|&&e| task_of(e).is_some())
            .count(),
        0
    );
}

#[test]
fn a_worker_is_replaced_before_its_new_thread_does_anything() {
    let (rt, log) = observed(0, 1);
    let outer = rt.spawn(
        async { join_all([spawn_task!(async {})]).len() },
        Priority::Low,
    );
    let id = outer.id();
    assert_eq!(rt.block_on(outer), 1);
    rt.shutdown(Duration::from_secs(20));
    let told: Vec<&str> = log
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::PollStarted { task, .. } if task == id => Some("outer begins"),
            Event::Replaced { .. } => Some("replaced"),
            Event::PollStarted { .. } => Some("inner begins"),
            Event::PollEnded { task, .. } if task == id => Some("outer ends"),
            _ => None,
        })
        .collect();
    assert_eq!(
        told,
        ["outer begins", "replaced", "inner begins", "outer ends"]
    );
}

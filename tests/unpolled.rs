//! Is a task that ends before a worker gets to polling it counted and told of as what it is: taken,
//! cancelled, and not polled?

mod common;

use std::mem::discriminant;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};

use common::eventually;
use laneway::observe::{Event, Observer, PollEnd, Recorder};
use laneway::{Builder, Priority, Runtime, Task, TaskId};

#[derive(Default)]
struct Log(Mutex<Vec<Event>>);

impl Observer for Log {
    fn on_event(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

impl Log {
    /// What was told of a task by its worker, from the moment on when that took it.
    fn of(&self, wanted: TaskId) -> Vec<Event> {
        let events = self.0.lock().unwrap();
        let of_task = |event: &&Event| match **event {
            Event::Taken { task, .. }
            | Event::PollStarted { task, .. }
            | Event::PollEnded { task, .. }
            | Event::Cancelled { task, .. } => task == wanted,
            _ => false,
        };
        events.iter().filter(of_task).copied().collect()
    }
}

/// A task that keeps the only worker busy until it is told to stop.
struct Busy {
    task: Task<()>,
    go_on: Sender<()>,
}

impl Busy {
    fn on(rt: &Runtime) -> Busy {
        let (go_on, told) = channel();
        let (began, begun) = channel();
        let task = rt.spawn(
            async move {
                began.send(()).unwrap();
                told.recv().unwrap();
            },
            Priority::Low,
        );
        begun.recv().unwrap();
        Busy { task, go_on }
    }

    fn stop(self, rt: &Runtime) {
        self.go_on.send(()).unwrap();
        rt.block_on(self.task);
    }
}

fn one_low_worker() -> Builder {
    Runtime::builder().with_high_num(0).with_low_num(1)
}

/// Twelve tasks that wait behind a long poll: four are dropped there, four are aborted, and four
/// are polled. Gives their numbers.
fn end_in_the_queue(rt: &Runtime, priority: Priority) -> [Vec<TaskId>; 3] {
    let busy = Busy::on(rt);
    let spawn = || -> Vec<Task<()>> { (0..4).map(|_| rt.spawn(async {}, priority)).collect() };
    let ids = |tasks: &[Task<()>]| tasks.iter().map(Task::id).collect::<Vec<_>>();
    let (dropped, aborted, polled) = (spawn(), spawn(), spawn());
    let all = [ids(&dropped), ids(&aborted), ids(&polled)];
    drop(dropped);
    aborted.iter().for_each(Task::abort);
    busy.stop(rt);
    for task in aborted {
        assert!(rt.block_on(task.fallible()).unwrap_err().is_cancelled());
    }
    for task in polled {
        rt.block_on(task);
    }
    let cancelled = || {
        rt.metrics()
            .queues
            .iter()
            .map(|queue| queue.cancelled)
            .sum::<u64>()
    };
    eventually("eight are cancelled", || cancelled() == 8);
    all
}

#[test]
fn what_is_dropped_in_its_queue_is_no_poll() {
    // High tasks are stolen here, and what is not polled is not stolen either.
    for (priority, stolen) in [(Priority::Low, 0), (Priority::High, 4)] {
        let rt = one_low_worker().build().unwrap();
        end_in_the_queue(&rt, priority);
        let metrics = rt.metrics();
        let worker = metrics.workers[0];
        assert_eq!((worker.polls, worker.stolen), (5, stolen), "{metrics:#?}");
        let queues = metrics.queues.iter();
        let polls: u64 = queues.clone().map(|queue| queue.polls).sum();
        let thefts: Vec<(u64, u64)> = queues
            .map(|queue| (queue.stolen, queue.stolen_in))
            .collect();
        assert_eq!(polls, 5);
        assert_eq!(thefts[..2], [(stolen, 0), (0, stolen)]);
    }
}

#[test]
fn what_is_dropped_in_its_queue_is_told_to_be_taken_and_cancelled() {
    let log = Arc::new(Log::default());
    let rt = one_low_worker().with_observer(log.clone()).build().unwrap();
    let [dropped, aborted, polled] = end_in_the_queue(&rt, Priority::Low);
    for id in dropped.into_iter().chain(aborted) {
        let events = log.of(id);
        let is_so = matches!(
            events[..],
            [Event::Taken { .. }, Event::Cancelled { by: Some(_), .. }]
        );
        assert!(is_so, "{events:?}");
    }
    for id in polled {
        let ready = |events: &[Event]| {
            matches!(
                events,
                [
                    Event::Taken { .. },
                    Event::PollStarted { .. },
                    Event::PollEnded {
                        end: PollEnd::Ready,
                        ..
                    }
                ]
            )
        };
        eventually("it is told", || ready(&log.of(id)));
    }
    assert_eq!(rt.metrics().workers[0].polls, 5);
}

#[test]
fn what_is_cancelled_in_its_poll_is_one() {
    let log = Arc::new(Log::default());
    let rt = one_low_worker().with_observer(log.clone()).build().unwrap();
    let (hand_over, handle) = channel::<Task<()>>();
    let task = rt.spawn(
        async move {
            // Its own handle.
            drop(handle.recv().unwrap());
            std::future::pending::<()>().await;
        },
        Priority::Low,
    );
    let id = task.id();
    hand_over.send(task).unwrap();
    let ends = |events: &[Event]| {
        matches!(
            events,
            [
                Event::Taken { .. },
                Event::PollStarted { .. },
                Event::Cancelled { .. },
                Event::PollEnded {
                    end: PollEnd::Cancelled,
                    ..
                }
            ]
        )
    };
    eventually("it is told", || ends(&log.of(id)));
    assert_eq!(rt.metrics().workers[0].polls, 1);
}

/// Runs other tasks' ends when it is dropped.
struct EndsOthers(Vec<Task<()>>);

impl Drop for EndsOthers {
    fn drop(&mut self) {
        self.0.drain(..).for_each(drop);
        // One that a runtime which has ended does not take is cancelled here and now.
        let gone = Runtime::builder().with_high_num(0).build().unwrap();
        gone.shutdown(std::time::Duration::from_secs(20));
        drop(gone.spawn(async {}, Priority::Low));
    }
}

#[test]
fn a_destructor_that_ends_other_tasks_changes_nothing() {
    let log = Arc::new(Log::default());
    let rt = one_low_worker().with_observer(log.clone()).build().unwrap();
    let busy = Busy::on(&rt);
    let others: Vec<Task<()>> = (0..3).map(|_| rt.spawn(async {}, Priority::Low)).collect();
    let [first, last] = [others[0].id(), others[2].id()];
    let held = EndsOthers(others);
    let ends = rt.spawn(async move { drop(held) }, Priority::Low);
    let id = ends.id();
    drop(ends);
    // The three are in the queue before it, and are polled.
    busy.stop(&rt);
    eventually("it is told", || {
        !log.of(id).is_empty() && log.of(id).len() == 2
    });
    let kinds = |id: TaskId| log.of(id).iter().map(discriminant).collect::<Vec<_>>();
    assert!(
        matches!(log.of(id)[1], Event::Cancelled { .. }),
        "{:?}",
        log.of(id)
    );
    assert_eq!(kinds(first), kinds(last));
    assert_eq!(rt.metrics().workers[0].polls, 1 + 3);
}

#[test]
fn a_recording_shows_no_poll_of_it() {
    let recorder = Arc::new(Recorder::new());
    let rt = one_low_worker()
        .with_observer(recorder.clone())
        .build()
        .unwrap();
    end_in_the_queue(&rt, Priority::Low);
    rt.shutdown(std::time::Duration::from_secs(20));
    let recording = recorder.recording();
    let starts = |event: &Event| matches!(event, Event::PollStarted { .. });
    assert_eq!(
        recording
            .events()
            .filter(|(_, event)| starts(event))
            .count(),
        5
    );
    let waits: usize = recording.waits().iter().map(|queue| queue.count).sum();
    assert_eq!(waits, 5, "what is not polled has not waited for a poll");
    let mut trace = Vec::new();
    recording.write_trace(&mut trace).unwrap();
    let trace = String::from_utf8(trace).unwrap();
    assert_eq!(trace.matches(r#""cat":"poll""#).count(), 5);
}

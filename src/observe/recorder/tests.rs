//! Is what a recording shows of polls true, whatever was dropped?

use std::sync::mpsc::channel;
use std::thread;

use super::*;
use crate::ground::ids::{QueueId, WorkerId};
use crate::ground::telemetry::{Placement, PollEnd, Source};

const WORKER: WorkerId = WorkerId(0);
const TASK: TaskId = TaskId(0);

/// A recorder of one low worker that keeps few events.
fn recorder() -> Recorder {
    let recorder = Recorder::with_capacity(512);
    recorder.on_start(&RuntimeShape {
        queues: vec!["high".to_owned(), "low".to_owned()],
        homes: vec![QueueId::LOW],
        standbys: vec![],
    });
    recorder
}

/// Runs on a thread of its own, to its end.
fn on_a_thread(run: impl FnOnce() + Send) {
    thread::scope(|scope| {
        scope
            .spawn(run)
            .join()
            .expect("the thread tells its events")
    });
}

fn spawn(recorder: &Recorder, tasks: std::ops::Range<u64>) {
    for task in tasks.map(TaskId) {
        recorder.on_event(Event::Spawned {
            task,
            queue: QueueId::LOW,
            by: None,
            spawned_at: Location::caller(),
        });
        recorder.on_event(Event::Scheduled {
            task,
            queue: QueueId::LOW,
            by: None,
            to: Placement::Channel,
        });
    }
}

fn begin(recorder: &Recorder, task: TaskId) {
    recorder.on_event(Event::Taken {
        task,
        queue: QueueId::LOW,
        worker: WORKER,
        from: Source::Channel,
    });
    recorder.on_event(Event::PollStarted {
        task,
        worker: WORKER,
    });
}

fn end(recorder: &Recorder, task: TaskId, end: PollEnd) {
    recorder.on_event(Event::PollEnded {
        task,
        worker: WORKER,
        end,
    });
}

#[test]
fn a_poll_whose_end_was_dropped_does_not_take_the_end_of_another() {
    let recorder = recorder();
    // The first thread outside has a track of its own; the blocked one tells of its poll's end
    // where all others do.
    on_a_thread(|| spawn(&recorder, 0..1));
    let (blocks, blocked) = channel();
    let (sat_down, woken) = channel();
    thread::scope(|scope| {
        let recorder = &recorder;
        scope.spawn(move || {
            begin(recorder, TASK);
            recorder.on_event(Event::Replaced { worker: WORKER });
            blocks.send(()).expect("another thread waits for it");
            woken.recv().expect("another thread sits down");
            end(recorder, TASK, PollEnd::Pending);
        });
        scope.spawn(move || {
            blocked.recv().expect("the first one blocks");
            begin(recorder, TaskId(1));
            end(recorder, TaskId(1), PollEnd::Ready);
            sat_down.send(()).expect("the first one waits for it");
        });
    });
    // So many that all of that is forgotten where others tell theirs, and only there.
    on_a_thread(|| spawn(&recorder, 2..70_000));
    on_a_thread(|| {
        begin(&recorder, TASK);
        end(&recorder, TASK, PollEnd::Ready);
    });
    let recording = recorder.recording();
    let polls = recording.polls();
    let ends: Vec<_> = polls
        .iter()
        .map(|poll| poll.end.map(|(_, end)| end))
        .collect();
    assert_eq!(ends, [Some(PollEnd::Ready)], "{polls:#?}");
    assert_eq!(
        recording.len() as u64 + recording.dropped(),
        2 * 69_999 + 4 + 3 + 3
    );
}

#[test]
fn a_recording_begins_where_the_shortest_memory_does() {
    let recorder = recorder();
    on_a_thread(|| {
        begin(&recorder, TASK);
        end(&recorder, TASK, PollEnd::Pending);
        spawn(&recorder, 0..1);
    });
    let whole = recorder.recording();
    assert_eq!((whole.len(), whole.dropped()), (5, 0));
    on_a_thread(|| spawn(&recorder, 1..2_000));
    let cut = recorder.recording();
    let (first, _) = cut.events().next().expect("the last events are kept");
    let (before, _) = whole.events().last().expect("it holds five");
    assert!(first > before, "{first:?} {before:?}");
    assert_eq!(cut.len() as u64 + cut.dropped(), 3 + 2 * 2_000);
    assert_eq!(cut.from, nanos(first));
}

//! The batches for viewers: the events since the batch before, and the runtime's counters.
//!
//! A batch is one server-sent event. It is bounded: of a storm of events, the last before each
//! batch are sent, and the others counted. Its data is a JSON object in one line:
//!
//! | member | |
//! |---|---|
//! | `at` | when it was made, in nanoseconds |
//! | `missed` | how many events the runtime told since the batch before that are not in it |
//! | `viewers` | how many viewers there are |
//! | `queues` | for each queue: its depth; tasks spawned, completed, panicked, cancelled; polls |
//! | `workers` | for each worker: microseconds busy and parked |
//! | `recording` | in the format of `laneway::observe::replay` |

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use laneway::Handle;
use laneway::observe::{
    Bookmark, Observation, QueueMetrics, Recorder, Recording, RuntimeMetrics, WorkerMetrics,
};

/// How many events of each thread are kept until the next batch.
const CAPACITY: usize = 16 * 1024;

/// The most events of a second that are sent.
const MOST_PER_SECOND: u128 = 100_000;

/// The most events of a batch, however late it is.
const MOST: u128 = 20_000;

/// A runtime that is being recorded.
#[derive(Debug)]
pub(super) struct Session {
    runtime: Handle,
    recorder: Arc<Recorder>,
    bookmark: Bookmark,
    number: u64,
    /// When the batch before was made.
    before: Duration,
    /// Dropped, it ends the recording.
    _observation: Observation,
}

impl Session {
    pub(super) fn start(runtime: &Handle) -> Session {
        let recorder = Arc::new(Recorder::with_capacity(CAPACITY));
        Session {
            runtime: runtime.clone(),
            _observation: runtime.observe(recorder.clone()),
            recorder,
            bookmark: Bookmark::new(),
            number: 0,
            before: Duration::ZERO,
        }
    }

    /// The next batch, for this number of viewers.
    pub(super) fn batch(&mut self, viewers: usize) -> Bytes {
        let mut recording = self.recorder.read_on(&mut self.bookmark);
        let since = recording.made_at().saturating_sub(self.before);
        self.before = recording.made_at();
        recording.keep_last(most_in(since));
        recording.complete_names(|task| self.runtime.task_name(task));
        self.number += 1;
        event(self.number, viewers, &self.runtime.metrics(), &recording).into()
    }
}

/// The most events of a batch this time after the one before.
fn most_in(since: Duration) -> usize {
    let most = MOST_PER_SECOND * since.as_micros() / 1_000_000;
    usize::try_from(most.min(MOST)).expect("a small number")
}

fn event(number: u64, viewers: usize, metrics: &RuntimeMetrics, recording: &Recording) -> String {
    let (at, missed) = (recording.made_at().as_nanos(), recording.dropped());
    // A line break would end the event's line. In strings, they are escaped.
    let recorded = recording.to_replay_json().replace('\n', "");
    let queues = list(&metrics.queues, queue);
    let workers = list(&metrics.workers, worker);
    format!(
        "id: {number}\ndata: {{\"at\":{at},\"missed\":{missed},\"viewers\":{viewers},\
         \"queues\":[{queues}],\"workers\":[{workers}],\"recording\":{recorded}}}\n\n"
    )
}

fn list<T>(all: &[T], write: impl Fn(&T) -> String) -> String {
    let mut text = String::new();
    for one in all {
        let comma = if text.is_empty() { "" } else { "," };
        let _ = write!(text, "{comma}[{}]", write(one));
    }
    text
}

fn queue(queue: &QueueMetrics) -> String {
    format!(
        "{},{},{},{},{},{}",
        queue.depth, queue.spawned, queue.completed, queue.panicked, queue.cancelled, queue.polls
    )
}

fn worker(worker: &WorkerMetrics) -> String {
    let micros = |time: Duration| time.as_micros();
    format!("{},{}", micros(worker.busy), micros(worker.parked))
}

#[cfg(test)]
mod tests {
    use laneway::{Priority, Runtime, join_all};

    use super::*;

    fn text(session: &mut Session) -> String {
        String::from_utf8(session.batch(1).to_vec()).unwrap()
    }

    #[test]
    fn a_batch_is_one_event_of_two_lines() {
        let rt = Runtime::builder().build().unwrap();
        let mut session = Session::start(&rt.handle());
        for number in 1..4 {
            let hostile = "</script>\n\ndata: x\r\n\u{2028}";
            rt.block_on(rt.named(hostile).spawn(async {}, Priority::Low));
            let text = text(&mut session);
            let lines: Vec<&str> = text.lines().collect();
            assert_eq!((lines.len(), lines[2]), (3, ""));
            assert_eq!(lines[0], format!("id: {number}"));
            assert!(lines[1].starts_with("data: {\"at\":"), "{text}");
            assert!(!text.contains("</script>") && !text.contains('\r'));
        }
    }

    #[test]
    fn a_storm_is_cut_to_a_bounded_batch_and_counted() {
        let rt = Runtime::builder().build().unwrap();
        let mut session = Session::start(&rt.handle());
        for _ in 0..3 {
            join_all((0..20_000).map(|_| rt.spawn(async {}, Priority::Low)));
            let text = text(&mut session);
            assert!(text.len() < 800_000, "{}", text.len());
            let missed = text.split("\"missed\":").nth(1).unwrap();
            let missed: u64 = missed.split(',').next().unwrap().parse().unwrap();
            assert!(missed > 20_000, "{missed}");
        }
    }
}

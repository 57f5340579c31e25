//! Records what happens to tasks, from outside of the runtime that runs them.
//!
//! The runtimes of the chapters know nothing of this. A program wraps the futures that it spawns,
//! and a wrapped future sees it all: when it is polled and on which thread, how the poll ends, and
//! when its waker is called, which is when it enters the queue again.
//!
//! ```text
//! let recorder = Recorder::from_args(&["tasks"], &[("consumer", "tasks")]);
//! let task = spawn(recorder.watch("one", "tasks", Count::to(3, "one")));
//! ...
//! recorder.finish();
//! ```
//!
//! A wrapped future keeps its own waker until it has ended: one that waits for nothing is not found
//! out and dropped, as it would be without.
//!
//! Run with `--record FILE`, such a program writes the run in the format of Laneway's replay page
//! (`src/observe/FORMAT.md`), which a chapter keeps in `replays/` and shows by
//! `{{#replay PROGRAM}}`. Without it, nothing is kept.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::panic::Location;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Instant;
use std::{env, fs, mem};

/// Records a run. Clones record the same run.
#[derive(Clone, Debug)]
pub struct Recorder(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Where to write the recording; none means that there is none.
    file: Option<PathBuf>,
    queues: Vec<String>,
    /// The names of the threads that take tasks, and the queues that they are at home in.
    workers: Vec<(String, usize)>,
    start: Instant,
    run: Mutex<Run>,
}

/// What has happened so far.
#[derive(Debug, Default)]
struct Run {
    tasks: Vec<(&'static str, &'static Location<'static>)>,
    events: Vec<Event>,
}

/// One event, as the format has it.
#[derive(Clone, Copy, Debug)]
struct Event {
    /// Nanoseconds since the start.
    at: u128,
    kind: Kind,
    task: usize,
    queue: Option<usize>,
    worker: Option<usize>,
    detail: usize,
}

/// The kinds of events that can be seen from outside, by their numbers in the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Spawned = 0,
    Scheduled = 1,
    Taken = 2,
    PollStarted = 3,
    PollEnded = 4,
    Cancelled = 8,
}

/// How a poll ends, by the numbers in the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Pending = 0,
    Yielded = 1,
    Ready = 2,
    Panicked = 3,
    Cancelled = 4,
}

/// The channel, as the place where a task was put and was taken from.
const PUT_INTO_CHANNEL: usize = 2;
const TAKEN_FROM_CHANNEL: usize = 1;

impl Recorder {
    /// A recorder for a program that may have been given `--record FILE`. `queues` are the names
    /// of the queues; `workers` those of the threads that take tasks, each with its home queue.
    ///
    /// # Panics
    ///
    /// If a worker's queue is not one of the queues, or `--record` comes without a file.
    #[must_use]
    pub fn from_args(queues: &[&str], workers: &[(&str, &str)]) -> Recorder {
        let mut args = env::args_os().skip(1);
        let file = args
            .find(|arg| arg == "--record")
            .map(|_| args.next().expect("--record FILE: a file is missing"));
        Recorder::new(file.map(PathBuf::from), queues, workers)
    }

    fn new(file: Option<PathBuf>, queues: &[&str], workers: &[(&str, &str)]) -> Recorder {
        let queues: Vec<String> = queues.iter().map(|&queue| queue.to_owned()).collect();
        let workers = workers
            .iter()
            .map(|&(name, home)| (name.to_owned(), position(&queues, home)))
            .collect();
        Recorder(Arc::new(Shared {
            file,
            queues,
            workers,
            start: Instant::now(),
            run: Mutex::default(),
        }))
    }

    /// Wraps a future that is about to be spawned on a queue.
    ///
    /// # Panics
    ///
    /// If there is no such queue.
    #[track_caller]
    pub fn watch<F: Future>(&self, name: &'static str, queue: &str, future: F) -> Watched<F> {
        let queue = position(&self.0.queues, queue);
        let task = self.0.enter(name, Location::caller());
        self.0.note(Kind::Spawned, task, Some(queue), 0);
        self.0
            .note(Kind::Scheduled, task, Some(queue), PUT_INTO_CHANNEL);
        Watched {
            future: Box::pin(future),
            life: Arc::new(Life {
                shared: self.0.clone(),
                task,
                queue,
                state: Mutex::new(State::Scheduled),
                waker: Mutex::new(None),
            }),
        }
    }

    /// Writes the recording, if `--record` was given.
    ///
    /// # Panics
    ///
    /// If the file cannot be written.
    pub fn finish(&self) {
        if let Some(file) = &self.0.file {
            fs::write(file, self.to_json()).expect("the recording can be written");
        }
    }

    fn to_json(&self) -> String {
        let shared = &self.0;
        let run = shared.run();
        let queues = shared.queues.iter().map(|name| quoted(name));
        let threads = shared.workers.iter().map(|(name, _)| quoted(name));
        let homes = shared.workers.iter().map(|(_, home)| home.to_string());
        let mut places: Vec<String> = Vec::new();
        let mut known = HashMap::new();
        let tasks: Vec<String> = (0..)
            .zip(&run.tasks)
            .map(|(number, (name, place))| {
                let place = *known.entry(*place).or_insert_with(|| {
                    places.push(quoted(&place.to_string().replace('\\', "/")));
                    places.len() - 1
                });
                format!("[{number},{place},{}]", quoted(name))
            })
            .collect();
        let mut text = String::from(r#"{"format":"laneway-replay","version":1,"clock":"real""#);
        write!(
            text,
            ",\"dropped\":0,\"queues\":[{}],\"homes\":[{}],\"threads\":[{}],\n\"places\":[{}],\n\"tasks\":[{}],\n\
             \"events\":[",
            queues.collect::<Vec<_>>().join(","),
            homes.collect::<Vec<_>>().join(","),
            threads.collect::<Vec<_>>().join(","),
            places.join(","),
            tasks.join(",")
        )
        .expect("a string takes all");
        let mut before = 0;
        for (index, event) in run.events.iter().enumerate() {
            let comma = if index == 0 { "\n" } else { ",\n" };
            text += &format!("{comma}{},{}", event.at - before, event.row());
            before = event.at;
        }
        text + "\n]}\n"
    }
}

fn position(queues: &[String], name: &str) -> usize {
    let found = queues.iter().position(|queue| queue == name);
    found.unwrap_or_else(|| panic!("the recorder knows no queue `{name}`"))
}

/// A name in quotation marks. Names are written in programs of the book, and are plain.
fn quoted(name: &str) -> String {
    assert!(
        name.chars()
            .all(|c| !c.is_control() && !"\"\\<>&".contains(c)),
        "`{name}` is not plain"
    );
    format!("\"{name}\"")
}

impl Event {
    fn row(&self) -> String {
        let number = |position: Option<usize>| match position {
            Some(position) => position.to_string(),
            None => "-1".to_owned(),
        };
        format!(
            "{},{},{},{},{}",
            self.kind as usize,
            self.task,
            number(self.queue),
            number(self.worker),
            self.detail
        )
    }
}

impl Shared {
    fn run(&self) -> MutexGuard<'_, Run> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, name: &'static str, place: &'static Location<'static>) -> usize {
        let mut run = self.run();
        run.tasks.push((name, place));
        run.tasks.len() - 1
    }

    /// The worker that this thread is.
    fn own_worker(&self) -> Option<usize> {
        let own = thread::current();
        let mut workers = self.workers.iter();
        workers.position(|(name, _)| own.name() == Some(name))
    }

    /// Notes an event of this moment, on this thread.
    fn note(&self, kind: Kind, task: usize, queue: Option<usize>, detail: usize) {
        if self.file.is_none() {
            return;
        }
        let worker = self.own_worker();
        // The time is read under the lock, so that the events are in its order.
        let mut run = self.run();
        let at = self.start.elapsed().as_nanos();
        run.events.push(Event {
            at,
            kind,
            task,
            queue,
            worker,
            detail,
        });
    }
}

/// Where a watched task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In a queue.
    Scheduled,
    /// Being polled.
    Running,
    /// Being polled, and woken since that began.
    RunningWoken,
    /// Nowhere but in wakers.
    Waiting,
    Ended,
}

/// What a watched future and its wakers share.
#[derive(Debug)]
struct Life {
    shared: Arc<Shared>,
    task: usize,
    queue: usize,
    state: Mutex<State>,
    /// The runtime's waker, as the last poll got it.
    waker: Mutex<Option<Waker>>,
}

impl Life {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, kind: Kind, queue: Option<usize>, detail: usize) {
        self.shared.note(kind, self.task, queue, detail);
    }

    fn poll_starts(&self) {
        *self.state() = State::Running;
        self.note(Kind::Taken, Some(self.queue), TAKEN_FROM_CHANNEL);
        self.note(Kind::PollStarted, None, 0);
    }

    /// The state stays locked until all is noted: a wake-up from elsewhere comes before or after.
    fn poll_pends(&self) {
        let mut state = self.state();
        if *state == State::RunningWoken {
            self.note(Kind::PollEnded, None, End::Yielded as usize);
            self.note(Kind::Scheduled, Some(self.queue), PUT_INTO_CHANNEL);
            *state = State::Scheduled;
        } else {
            self.note(Kind::PollEnded, None, End::Pending as usize);
            *state = State::Waiting;
        }
    }

    fn dropped_early(&self) {
        let state = mem::replace(&mut *self.state(), State::Ended);
        if self.shared.own_worker().is_none() {
            return self.note(Kind::Cancelled, None, 0);
        }
        if state == State::Waiting {
            self.note(Kind::Scheduled, Some(self.queue), PUT_INTO_CHANNEL);
        }
        self.poll_starts();
        self.ends(End::Cancelled);
    }

    fn ends(&self, end: End) {
        *self.state() = State::Ended;
        // It would keep the task alive, which holds this.
        *self.waker.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.note(Kind::PollEnded, None, end as usize);
    }
}

impl Wake for Life {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut state = self.state();
        match *state {
            State::Running => *state = State::RunningWoken,
            State::Waiting => {
                *state = State::Scheduled;
                // Before the waker is called: the task may be taken before that comes back.
                self.note(Kind::Scheduled, Some(self.queue), PUT_INTO_CHANNEL);
            }
            State::Scheduled | State::RunningWoken | State::Ended => {}
        }
        drop(state);
        let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        let waker = waker.clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// A future that is recorded. Made by [`Recorder::watch`].
#[derive(Debug)]
pub struct Watched<F> {
    future: Pin<Box<F>>,
    life: Arc<Life>,
}

impl<F: Future> Future for Watched<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        /// Notes a panic of the future.
        struct Polling<'a>(&'a Life);
        impl Drop for Polling<'_> {
            fn drop(&mut self) {
                if thread::panicking() {
                    self.0.ends(End::Panicked);
                }
            }
        }

        let life = self.life.clone();
        *life.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
        life.poll_starts();
        let polling = Polling(&life);
        let waker = Waker::from(life.clone());
        let polled = self.future.as_mut().poll(&mut Context::from_waker(&waker));
        drop(polling);
        match polled {
            Poll::Ready(_) => life.ends(End::Ready),
            Poll::Pending => life.poll_pends(),
        }
        polled
    }
}

impl<F> Drop for Watched<F> {
    /// Whoever drops a task that has not ended has taken it, in order to cancel it.
    fn drop(&mut self) {
        if *self.life.state() == State::Ended {
            return;
        }
        self.life.dropped_early();
    }
}

/// The files of the places in a recording, or in a page with recordings.
#[must_use]
pub fn places(text: &str) -> BTreeSet<String> {
    let lists = text
        .lines()
        .filter_map(|line| line.strip_prefix("\"places\":["));
    lists
        .flat_map(|places| places.split('"').skip(1).step_by(2))
        .filter_map(|place| place.split(':').next())
        .map(str::to_owned)
        .collect()
}

/// What has a colour of its own in the player: each queue, or each task where there is one queue.
#[must_use]
pub fn colours(recording: &str) -> &'static str {
    match queues(recording) {
        1 => "tasks",
        _ => "queues",
    }
}

/// The number of queues in a recording.
fn queues(recording: &str) -> usize {
    let list = recording.split("\"queues\":[").nth(1);
    let list = list.and_then(|rest| rest.split(']').next());
    list.map_or(0, |names| names.split(',').count())
}

/// What happened in a recording, without the times: a row for each event.
#[must_use]
pub fn steps(recording: &str) -> Vec<String> {
    let lines = recording.lines().skip_while(|line| *line != "\"events\":[");
    lines
        .skip(1)
        .filter_map(|line| line.split_once(','))
        .map(|(_, step)| step.trim_end_matches(',').to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_recorded_from_outside() {
        let file = PathBuf::from("unused");
        let recorder = Recorder::new(Some(file), &["tasks"], &[("elsewhere", "tasks")]);
        let mut polled = false;
        let mut task = Box::pin(recorder.watch(
            "a",
            "tasks",
            std::future::poll_fn(move |cx| {
                if polled {
                    return Poll::Ready(());
                }
                polled = true;
                cx.waker().wake_by_ref();
                Poll::Pending
            }),
        ));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(task.as_mut().poll(&mut cx).is_pending());
        assert!(task.as_mut().poll(&mut cx).is_ready());
        drop(recorder.watch("b", "tasks", async {}));
        let json = recorder.to_json();
        let kinds: Vec<String> = steps(&json);
        let expected = [
            "0,0,0,-1,0",
            "1,0,0,-1,2",
            "2,0,0,-1,1",
            "3,0,-1,-1,0",
            "4,0,-1,-1,1",
            "1,0,0,-1,2",
            "2,0,0,-1,1",
            "3,0,-1,-1,0",
            "4,0,-1,-1,2",
            "0,1,0,-1,0",
            "1,1,0,-1,2",
            "8,1,-1,-1,0",
        ];
        assert_eq!(kinds, expected, "{json}");
        assert_eq!(queues(&json), 1);
        assert_eq!(
            places(&json).into_iter().collect::<Vec<_>>(),
            ["book/src/record.rs"]
        );
        assert!(
            json.contains("\"tasks\":[[0,0,\"a\"],[1,1,\"b\"]]"),
            "{json}"
        );
    }
}

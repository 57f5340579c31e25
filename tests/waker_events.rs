//! Is a task's life told in the words that the layer of tokio-console reads, each at its time?
//!
//! The console counts a wake-up as the task's own if it is told within the task's span, counts
//! `waker.clone` and `waker.drop`, and measures from each wake-up to the poll that follows.
//!
//! One subscriber hears all tests of this file. Each looks at tasks of its own names.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Poll, Waker};
use std::time::Duration;

use laneway::observe::spans::Spans;
use laneway::sim::Sim;
use laneway::time::sleep;
use laneway::{Priority, Runtime, join_all, spawn_task, yield_now};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Writes down what is told of each task, under its name.
#[derive(Clone, Default)]
struct Scribe(Arc<Mutex<Book>>);

#[derive(Default)]
struct Book {
    /// The names of the tasks, by the numbers of their spans less one.
    names: Vec<String>,
    handles: Vec<u64>,
    lives: BTreeMap<String, Vec<String>>,
}

thread_local! {
    static INSIDE: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

impl Book {
    fn write(&mut self, span: u64, what: impl Into<String>) {
        let name = self.names[span as usize - 1].clone();
        self.lives.entry(name).or_default().push(what.into());
    }
}

#[derive(Default)]
struct Fields {
    numbers: BTreeMap<&'static str, u64>,
    strings: BTreeMap<&'static str, String>,
}

impl Visit for Fields {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.numbers.insert(field.name(), value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.strings.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        panic!("the console reads numbers and strings, not {field} = {value:?}");
    }
}

impl Subscriber for Scribe {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        matches!(metadata.target(), "laneway::task" | "runtime::waker")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        assert_eq!(span.metadata().name(), "runtime.spawn");
        let mut fields = Fields::default();
        span.record(&mut fields);
        let mut book = self.0.lock().unwrap();
        let name = fields.strings.remove("task.name");
        book.names.push(name.unwrap_or_default());
        book.handles.push(1);
        let id = book.names.len() as u64;
        book.write(id, "open");
        Id::from_u64(id)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        assert_eq!(
            (metadata.target(), metadata.level()),
            ("runtime::waker", &Level::TRACE)
        );
        let mut fields = Fields::default();
        event.record(&mut fields);
        let inside = INSIDE.with_borrow(|inside| inside.last().copied());
        let mut book = self.0.lock().unwrap();
        let teller = match inside {
            Some(span) => book.names[span as usize - 1].clone(),
            None => "nobody".to_owned(),
        };
        let what = format!("{} in {teller}", fields.strings["op"]);
        book.write(fields.numbers["task.id"], what);
    }

    fn enter(&self, id: &Id) {
        INSIDE.with_borrow_mut(|inside| inside.push(id.into_u64()));
        self.0.lock().unwrap().write(id.into_u64(), "enter");
    }

    fn exit(&self, id: &Id) {
        let left = INSIDE.with_borrow_mut(Vec::pop);
        assert_eq!(left, Some(id.into_u64()), "left where it was entered");
        self.0.lock().unwrap().write(id.into_u64(), "exit");
    }

    fn clone_span(&self, id: &Id) -> Id {
        self.0.lock().unwrap().handles[id.into_u64() as usize - 1] += 1;
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        let mut book = self.0.lock().unwrap();
        let handles = &mut book.handles[id.into_u64() as usize - 1];
        *handles -= 1;
        let closed = *handles == 0;
        if closed {
            book.write(id.into_u64(), "close");
        }
        closed
    }
}

/// What writes in this process.
fn scribe() -> Scribe {
    static SCRIBE: OnceLock<Scribe> = OnceLock::new();
    let scribe = SCRIBE.get_or_init(|| {
        let scribe = Scribe::default();
        tracing::subscriber::set_global_default(scribe.clone()).unwrap();
        scribe
    });
    scribe.clone()
}

/// What is told of the task of this name while `future` runs in the simulator.
fn life_of(name: &str, future: impl Future<Output = ()> + Send) -> Vec<String> {
    let scribe = scribe();
    let sim = Sim::seed(1).observer(Arc::new(Spans::new()));
    sim.run(future).unwrap();
    let mut book = scribe.0.lock().unwrap();
    book.lives.remove(name).expect("a task of this name")
}

/// A future that is ready when it is polled for the second time, and shows its waker meanwhile.
fn shown_waker(shown: Arc<Mutex<Option<Waker>>>) -> impl Future<Output = ()> {
    poll_fn(move |cx| {
        let mut shown = shown.lock().unwrap();
        if shown.is_some() {
            return Poll::Ready(());
        }
        *shown = Some(cx.waker().clone());
        Poll::Pending
    })
}

#[test]
fn a_task_that_is_ready_at_once_has_no_waker() {
    let life = life_of("ready", async {
        spawn_task!(name = "ready", async {}).await;
    });
    assert_eq!(life, ["open", "enter", "exit", "close"]);
}

#[test]
fn a_task_that_waits_is_woken_before_each_further_poll() {
    let life = life_of("sleeper", async {
        spawn_task!(name = "sleeper", async {
            sleep(Duration::from_millis(5)).await;
            sleep(Duration::from_millis(5)).await;
        })
        .await;
    });
    let expected = [
        "open",
        "enter",
        "waker.clone in sleeper",
        "exit",
        "waker.wake_by_ref in nobody",
        "enter",
        "exit",
        "waker.wake_by_ref in nobody",
        "enter",
        "waker.drop in sleeper",
        "exit",
        "close",
    ];
    assert_eq!(life, expected);
}

#[test]
fn who_was_woken_during_a_poll_has_not_woken_itself_for_all_we_know() {
    let life = life_of("yields", async {
        spawn_task!(name = "yields", yield_now()).await;
    });
    let expected = [
        "open",
        "enter",
        "waker.clone in yields",
        "exit",
        "waker.wake_by_ref in nobody",
        "enter",
        "waker.drop in yields",
        "exit",
        "close",
    ];
    assert_eq!(life, expected);
}

#[test]
fn a_wake_up_is_told_once_and_within_the_span_of_who_wakes() {
    let life = life_of("woken", async {
        let shown = Arc::new(Mutex::new(None));
        let woken = spawn_task!(name = "woken", shown_waker(shown.clone()));
        spawn_task!(name = "wakes", async move {
            while shown.lock().unwrap().is_none() {
                yield_now().await;
            }
            let waker: Waker = shown.lock().unwrap().clone().unwrap();
            waker.wake_by_ref();
            waker.wake_by_ref();
            waker.wake();
        })
        .await;
        woken.await;
    });
    let expected = [
        "open",
        "enter",
        "waker.clone in woken",
        "exit",
        "waker.wake_by_ref in wakes",
        "enter",
        "waker.drop in woken",
        "exit",
        "close",
    ];
    assert_eq!(life, expected);
}

#[test]
fn a_task_that_is_cancelled_while_it_waits_is_queued_once_more_and_lets_its_waker_go() {
    let life = life_of("waits", async {
        let waits = spawn_task!(name = "waits", std::future::pending::<()>());
        sleep(Duration::from_millis(1)).await;
        waits.cancel().await;
    });
    let expected = [
        "open",
        "enter",
        "waker.clone in waits",
        "exit",
        "waker.wake_by_ref in nobody",
        // It is taken from the queue to be dropped, which is no poll.
        "waker.drop in nobody",
        "close",
    ];
    assert_eq!(life, expected);
}

#[test]
fn a_task_that_waits_for_its_first_poll_is_known_already() {
    let life = life_of("late", async {
        let late = spawn_task!(name = "late", std::future::pending::<()>());
        drop(late);
    });
    assert_eq!(life[0], "open");
    assert!(
        !life.contains(&"waker.clone in late".to_owned()),
        "{life:?}"
    );
}

#[test]
fn on_threads_every_poll_but_the_first_follows_a_wake_up() {
    const TASKS: usize = 100;
    const YIELDS: usize = 20;
    let scribe = scribe();
    let builder = Runtime::builder().with_high_num(2).with_low_num(2);
    let rt = builder
        .with_observer(Arc::new(Spans::new()))
        .build()
        .unwrap();
    let names: Vec<String> = (0..TASKS).map(|i| format!("crowd {i}")).collect();
    let yields = || async {
        for _ in 0..YIELDS {
            yield_now().await;
        }
    };
    let spawn = |name: &String| rt.named(name.as_str()).spawn(yields(), Priority::Low);
    join_all(names.iter().map(spawn));
    // Joins the threads: the ends of the last polls have been told then.
    drop(rt);
    let book = scribe.0.lock().unwrap();
    for name in &names {
        let life = &book.lives[name];
        let count = |what: &str| life.iter().filter(|said| said.starts_with(what)).count();
        let counts = ["enter", "exit", "waker.wake", "waker.clone", "waker.drop"].map(count);
        assert_eq!(counts, [YIELDS + 1, YIELDS + 1, YIELDS, 1, 1], "{life:?}");
        let own = format!("waker.wake_by_ref in {name}");
        assert!(!life.contains(&own), "{life:?}");
    }
}

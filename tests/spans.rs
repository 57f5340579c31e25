//! Has each task a span of its own, which its polls are in and which ends with it?
//!
//! One subscriber hears all tests of this file. Each looks for what names its own tasks.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use laneway::observe::spans::Spans;
use laneway::sim::Sim;
use laneway::time::sleep;
use laneway::{Priority, Runtime, join_all, spawn_task, yield_now};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// A span that was opened.
#[derive(Clone, Debug, Default)]
struct Opened {
    name: &'static str,
    target: String,
    is_root: bool,
    fields: BTreeMap<&'static str, String>,
    enters: u64,
    exits: u64,
    handles: u64,
}

#[derive(Default)]
struct Heard {
    spans: Mutex<BTreeMap<u64, Opened>>,
    /// What was logged, and the name of the task whose span it was in.
    events: Mutex<Vec<(String, Option<String>)>>,
    next: AtomicU64,
}

thread_local! {
    static STACK: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

struct Listens(Arc<Heard>);

struct Fields<'a>(&'a mut BTreeMap<&'static str, String>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

impl Heard {
    fn spans(&self) -> MutexGuard<'_, BTreeMap<u64, Opened>> {
        self.spans.lock().unwrap()
    }

    fn change(&self, id: &Id, change: impl FnOnce(&mut Opened)) {
        change(self.spans().get_mut(&id.into_u64()).expect("it was opened"));
    }

    /// The spans of tasks of this name.
    fn named(&self, name: &str) -> Vec<Opened> {
        let spans = self.spans();
        let named = spans
            .values()
            .filter(|span| span.fields.get("task.name").is_some_and(|n| n == name));
        named.cloned().collect()
    }

    fn task_of(&self, event: &str) -> Option<String> {
        let events = self.events.lock().unwrap();
        let found = events.iter().find(|(message, _)| message == event);
        found.expect("it was logged").1.clone()
    }
}

impl Subscriber for Listens {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let target = metadata.target();
        target == "laneway::task" || target.starts_with("spans")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let id = self.0.next.fetch_add(1, Ordering::Relaxed) + 1;
        let mut opened = Opened {
            name: span.metadata().name(),
            target: span.metadata().target().to_owned(),
            is_root: span.is_root(),
            handles: 1,
            ..Opened::default()
        };
        span.record(&mut Fields(&mut opened.fields));
        self.0.spans().insert(id, opened);
        Id::from_u64(id)
    }

    fn record(&self, id: &Id, values: &Record<'_>) {
        self.0
            .change(id, |span| values.record(&mut Fields(&mut span.fields)));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = BTreeMap::new();
        event.record(&mut Fields(&mut fields));
        let inside = STACK.with_borrow(|stack| stack.last().copied());
        let task = inside.and_then(|id| self.0.spans()[&id].fields.get("task.name").cloned());
        let message = fields.remove("message").unwrap_or_default();
        self.0.events.lock().unwrap().push((message, task));
    }

    fn enter(&self, id: &Id) {
        STACK.with_borrow_mut(|stack| stack.push(id.into_u64()));
        self.0.change(id, |span| span.enters += 1);
    }

    fn exit(&self, id: &Id) {
        let left = STACK.with_borrow_mut(Vec::pop);
        assert_eq!(left, Some(id.into_u64()), "left where it was entered");
        self.0.change(id, |span| span.exits += 1);
    }

    fn clone_span(&self, id: &Id) -> Id {
        self.0.change(id, |span| span.handles += 1);
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        self.0.change(&id, |span| span.handles -= 1);
        self.0.spans()[&id.into_u64()].handles == 0
    }
}

/// What is heard in this process.
fn heard() -> Arc<Heard> {
    static HEARD: OnceLock<Arc<Heard>> = OnceLock::new();
    let heard = HEARD.get_or_init(|| {
        let heard = Arc::new(Heard::default());
        tracing::subscriber::set_global_default(Listens(heard.clone())).unwrap();
        heard
    });
    heard.clone()
}

fn simulate(future: impl Future<Output = ()> + Send) {
    let sim = Sim::seed(1).observer(Arc::new(Spans::new()));
    sim.run(future).unwrap();
}

/// Asserts that a span was entered so often, left as often, and closed.
#[track_caller]
fn assert_closed(span: &Opened, polls: u64) {
    assert_eq!(
        (span.enters, span.exits, span.handles),
        (polls, polls, 0),
        "{span:?}"
    );
}

#[test]
fn a_task_has_a_span_that_says_which_it_is() {
    let heard = heard();
    let line = line!() + 2;
    simulate(async {
        spawn_task!(name = "which \"one\"\n", yield_now(), Priority::High).await;
    });
    let spans = heard.named("which \"one\"\n");
    let [span] = &spans[..] else {
        panic!("one span: {spans:?}");
    };
    assert_eq!(
        (span.name, &*span.target),
        ("runtime.spawn", "laneway::task")
    );
    let expected = [
        ("kind", "task".to_owned()),
        ("loc.col", "9".to_owned()),
        ("loc.file", file!().to_owned()),
        ("loc.line", line.to_string()),
        ("queue", "0".to_owned()),
        ("task.id", "0".to_owned()),
        ("task.name", "which \"one\"\n".to_owned()),
    ];
    assert_eq!(span.fields, BTreeMap::from(expected));
    assert_closed(span, 2);
}

#[test]
fn what_a_task_logs_is_in_its_span_and_in_no_other() {
    let heard = heard();
    simulate(async {
        tracing::info!("outside");
        spawn_task!(name = "logs", async {
            tracing::info!("at first");
            let child = spawn_task!(name = "child", async { tracing::info!("in the child") });
            tracing::info!("after the spawn");
            child.await;
            tracing::info!("in the end");
        })
        .await;
        tracing::info!("outside again");
    });
    let logs = Some("logs".to_owned());
    for message in ["at first", "after the spawn", "in the end"] {
        assert_eq!(heard.task_of(message), logs, "{message}");
    }
    assert_eq!(heard.task_of("in the child"), Some("child".to_owned()));
    assert_eq!(
        (heard.task_of("outside"), heard.task_of("outside again")),
        (None, None)
    );
    assert!(heard.named("child")[0].is_root);
}

#[test]
fn a_span_ends_with_its_task_however_that_ends() {
    let heard = heard();
    simulate(async {
        let waits = spawn_task!(name = "waits", std::future::pending::<()>());
        let panics = spawn_task!(name = "panics", async { panic!("on purpose") });
        let blocks = spawn_task!(name = "blocks", async {
            laneway::join!(spawn_task!(sleep(Duration::from_millis(5))));
        });
        assert!(panics.fallible().await.is_err());
        blocks.await;
        waits.cancel().await;
    });
    assert_closed(&heard.named("panics")[0], 1);
    assert_closed(&heard.named("blocks")[0], 1);
    // Polled once, and then dropped without being polled.
    let waits = &heard.named("waits")[0];
    assert_eq!((waits.enters, waits.handles), (waits.exits, 0), "{waits:?}");
}

#[test]
fn on_threads_every_span_is_left_where_it_was_entered() {
    const TASKS: usize = 200;
    let heard = heard();
    let builder = Runtime::builder().with_high_num(2).with_low_num(2);
    let rt = builder
        .with_observer(Arc::new(Spans::new()))
        .build()
        .unwrap();
    let yields = || async {
        for _ in 0..20 {
            yield_now().await;
        }
    };
    let tasks = (0..TASKS).map(|_| rt.named("crowd").spawn(yields(), Priority::Low));
    join_all(tasks);
    let cut_off = rt
        .named("cut off")
        .spawn(std::future::pending::<()>(), Priority::Low);
    rt.shutdown(Duration::ZERO);
    drop((cut_off, rt));
    let crowd = heard.named("crowd");
    assert_eq!(crowd.len(), TASKS);
    crowd.iter().for_each(|span| assert_closed(span, 21));
    for span in heard.named("cut off") {
        assert_eq!((span.enters, span.handles), (span.exits, 0), "{span:?}");
    }
}

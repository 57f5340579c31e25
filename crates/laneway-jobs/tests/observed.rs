//! Do recorders of the `metrics` crate and subscribers of `tracing` get the attempts of a worker?

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::Duration;

use laneway::Handle;
use laneway::time::sleep;
use laneway_jobs::testing::simulated;
use laneway_jobs::{Ctx, Job, JobError, Limit, Retry, Snooze, Worker};
use metrics_facade::{
    Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
    set_global_recorder,
};
use serde::{Deserialize, Serialize};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::set_global_default;
use tracing::{Event, Subscriber};

#[derive(Serialize, Deserialize)]
struct Call(String);

impl Job for Call {
    const KIND: &'static str = "call";
}

async fn answer(Call(text): Call, ctx: Ctx) -> Result<(), JobError> {
    sleep(Duration::from_secs(3)).await;
    tracing::info!("answered");
    match (text.as_str(), ctx.attempt()) {
        ("snooze", 1) if !ctx.is_cancelled() && first_time() => Err(Snooze(SECOND).into()),
        ("retry", 1) => Err(JobError::new("busy")),
        ("never", _) => Err(Retry::never("no")),
        _ => Ok(()),
    }
}

const SECOND: Duration = Duration::from_secs(1);

/// A snooze is charged to no attempt.
fn first_time() -> bool {
    static TIMES: AtomicU64 = AtomicU64::new(0);
    TIMES.fetch_add(1, Relaxed) == 0
}

/// Runs one job for each of these texts, in a queue that tells the tests of this file apart: a
/// process has one recorder and one subscriber.
fn run(queue: &'static str, texts: &'static [&'static str]) {
    simulated(|jobs| async move {
        let worker = Worker::new(&jobs)
            .queue(queue, Limit::in_flight(1))
            .retry(Retry::fixed(SECOND))
            .handle(answer);
        let worker = worker.start(&Handle::current()).unwrap();
        for text in texts {
            let call = jobs.enqueue(Call((*text).to_owned())).queue(queue);
            let _ = jobs.wait::<()>(call.await.unwrap().id()).await;
        }
        assert!(worker.shutdown(SECOND).await.is_clean());
    });
}

/// Keeps the numbers by name and labels; of a histogram the sum.
#[derive(Default)]
struct Keeps(Mutex<BTreeMap<String, Arc<AtomicU64>>>);

struct Sum(Arc<AtomicU64>);

impl HistogramFn for Sum {
    fn record(&self, value: f64) {
        self.0.fetch_add(value as u64, Relaxed);
    }
}

impl Keeps {
    fn number(&self, key: &Key) -> Arc<AtomicU64> {
        let labels = key
            .labels()
            .map(|label| format!("{}={}", label.key(), label.value()));
        let name = format!("{} {}", key.name(), labels.collect::<Vec<_>>().join(" "));
        self.0.lock().unwrap().entry(name).or_default().clone()
    }
}

impl Recorder for Keeps {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.number(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.number(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(Arc::new(Sum(self.number(key))))
    }
}

#[test]
fn attempts_are_counted_by_their_ends() {
    let keeps: &'static Keeps = Box::leak(Box::default());
    set_global_recorder(keeps).expect("there is none yet");
    run("counted", &["done", "snooze", "retry", "never"]);
    let numbers = keeps.0.lock().unwrap();
    let of = "queue=counted kind=call lane=low";
    let numbers = numbers.iter().filter(|(name, _)| name.contains(of));
    let numbers: BTreeMap<_, _> = numbers
        .map(|(name, number)| (name.as_str(), number.load(Relaxed)))
        .collect();
    let ended = |end| format!("laneway_jobs_attempts_total {of} end={end}");
    let took = format!("laneway_jobs_attempt_seconds {of}");
    let expected = [
        (took, 6 * 3),
        (ended("done"), 3),
        (ended("failed"), 1),
        (ended("retried"), 1),
        (ended("snoozed"), 1),
    ];
    let expected: BTreeMap<&str, u64> = expected
        .iter()
        .map(|(name, number)| (name.as_str(), *number))
        .collect();
    assert_eq!(numbers, expected);
}

/// The fields of spans, and which of them each event was in.
#[derive(Clone, Default)]
struct Heard {
    spans: Arc<Mutex<Vec<BTreeMap<&'static str, String>>>>,
    entered: Arc<Mutex<HashMap<ThreadId, Vec<u64>>>>,
    events: Arc<Mutex<Vec<Option<u64>>>>,
}

struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

impl Subscriber for Heard {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut fields = Fields(BTreeMap::new());
        span.record(&mut fields);
        let mut spans = self.spans.lock().unwrap();
        spans.push(fields.0);
        Id::from_u64(spans.len() as u64)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        let entered = self.entered.lock().unwrap();
        let here = entered.get(&thread::current().id());
        let entered = here.and_then(|here| here.last().copied());
        self.events.lock().unwrap().push(entered);
    }

    fn enter(&self, span: &Id) {
        let mut entered = self.entered.lock().unwrap();
        let here = entered.entry(thread::current().id()).or_default();
        here.push(span.into_u64());
    }

    fn exit(&self, _: &Id) {
        let mut entered = self.entered.lock().unwrap();
        entered.entry(thread::current().id()).or_default().pop();
    }
}

#[test]
fn a_handler_runs_in_a_span_that_tells_which_attempt_it_is() {
    let heard = Heard::default();
    set_global_default(heard.clone()).expect("there is none yet");
    run("traced", &["retry"]);
    let spans = heard.spans.lock().unwrap();
    let ours = |span: &&BTreeMap<_, String>| span["queue"] == "traced";
    let spans: Vec<_> = spans.iter().filter(ours).collect();
    let told: Vec<_> = spans
        .iter()
        .map(|span| ["kind", "queue", "lane", "attempt"].map(|field| span[field].clone()))
        .collect();
    let expected = |attempt: &str| ["call", "traced", "Low", attempt].map(str::to_owned);
    assert_eq!(told, [expected("1"), expected("2")]);
    assert_eq!(spans[0]["id"], spans[1]["id"]);
    let events = heard.events.lock().unwrap();
    assert!(
        events.len() >= 2 && events.iter().all(Option::is_some),
        "{events:?}"
    );
}

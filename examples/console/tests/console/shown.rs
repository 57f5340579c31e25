//! Do the tasks reach the console, with all that it shows of them, and without false warnings?
//!
//! The test connects to the running program by the protocol that tokio-console speaks.

use std::collections::BTreeMap;
use std::time::SystemTime;

use crate::program::{DEADLINE, Program};
use console_api::field::{Name, Value};
use console_api::instrument::instrument_client::InstrumentClient;
use console_api::instrument::{InstrumentRequest, Update};
use console_api::tasks::{Stats, Task};

/// The tasks that go on until the program ends.
const LASTING: [&str; 7] = [
    "heartbeat",
    "slow",
    "polite",
    "stranded",
    "ping",
    "pong",
    "dispatcher",
];

/// What the console knows.
#[derive(Default)]
struct Shown {
    tasks: BTreeMap<u64, (Task, Stats)>,
    dropped_events: u64,
}

impl Shown {
    fn update(&mut self, update: Update) {
        let mut update = update.task_update.expect("each update is about tasks");
        self.dropped_events += update.dropped_events;
        for task in update.new_tasks {
            let id = task.id.expect("a task has a number").id;
            let stats = update.stats_update.remove(&id).expect("and statistics");
            self.tasks.insert(id, (task, stats));
        }
        for (id, stats) in update.stats_update {
            self.tasks.get_mut(&id).expect("a task told before").1 = stats;
        }
    }

    fn named(&self, name: &str) -> Option<&(Task, Stats)> {
        let mut named = self
            .tasks
            .values()
            .filter(|(task, _)| field(task, "task.name") == Some(&Value::StrVal(name.to_owned())));
        let found = named.next();
        assert!(named.next().is_none(), "there are two of {name}");
        found
    }

    /// Whether everything is there that the test asks for.
    fn is_complete(&self) -> bool {
        let polled = |name: &str, at_least| {
            let stats = self.named(name).map(|(_, stats)| stats);
            stats.is_some_and(|stats| polls(stats) >= at_least)
        };
        LASTING.iter().all(|name| polled(name, 2))
            && polled("heartbeat", 10)
            && self
                .named("job 1")
                .is_some_and(|(_, stats)| stats.dropped_at.is_some())
    }
}

fn field<'a>(task: &'a Task, name: &str) -> Option<&'a Value> {
    let named = |field: &&console_api::Field| match &field.name {
        Some(Name::StrName(it)) => it == name,
        _ => false,
    };
    task.fields.iter().find(named)?.value.as_ref()
}

fn polls(stats: &Stats) -> u64 {
    stats.poll_stats.as_ref().expect("it counts polls").polls
}

/// The console's warnings of tasks that are not done, as its `warnings.rs` has them.
fn warnings(stats: &Stats) -> Vec<&'static str> {
    let polled = stats.poll_stats.as_ref().expect("it counts polls");
    let at = |time: Option<_>| time.map(|time| SystemTime::try_from(time).unwrap());
    let started = at(polled.last_poll_started);
    let is_running = started > at(polled.last_poll_ended);
    let is_awakened = polled.polls == 0 || at(stats.last_wake) > started;
    let wakers = stats.waker_clones.saturating_sub(stats.waker_drops);
    let mut given = Vec::new();
    if wakers == 0 && !is_running && !is_awakened {
        given.push("lost waker");
    }
    if stats.self_wakes * 2 > stats.wakes {
        given.push("self wakes");
    }
    let busy = polled.busy_time.as_ref();
    if polled.polls <= 1 && busy.is_some_and(|busy| busy.seconds >= 1) {
        given.push("never yielded");
    }
    given
}

/// Looks on until everything is there, and gives what it comes to.
async fn look_at(address: String) -> Shown {
    let mut client = InstrumentClient::connect(address).await.unwrap();
    let updates = client.watch_updates(InstrumentRequest {}).await.unwrap();
    let mut updates = updates.into_inner();
    let mut shown = Shown::default();
    while !shown.is_complete() {
        let update = updates.message().await.unwrap();
        shown.update(update.expect("the program goes on"));
        for name in LASTING {
            if let Some((_, stats)) = shown.named(name) {
                assert_eq!(warnings(stats), [""; 0], "{name}: {stats:?}");
            }
        }
    }
    shown
}

fn shown() -> Shown {
    let program = Program::start(&["--port", "0"]);
    let tokio = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let looked = async { tokio::time::timeout(DEADLINE, look_at(program.address())).await };
    tokio.block_on(looked).expect("everything is there in time")
}

/// The number of the line of `work.rs` that has this in it.
fn line_of(text: &str) -> u32 {
    let source = include_str!("../../src/work.rs");
    let before = source.lines().take_while(|line| !line.contains(text));
    u32::try_from(before.count() + 1).unwrap()
}

#[test]
fn the_tasks_arrive_as_they_are() {
    let shown = shown();
    assert_eq!(shown.dropped_events, 0);
    for name in LASTING {
        let (task, stats) = shown.named(name).unwrap();
        let location = task.location.as_ref().expect("where it was spawned");
        let file = location.file.as_deref().unwrap();
        assert!(file.ends_with("examples/console/src/work.rs"), "{file}");
        let line = line_of(&format!("name = \"{name}\""));
        assert_eq!((location.line, location.column), (Some(line), Some(5)));
        assert!(matches!(field(task, "task.id"), Some(Value::U64Val(_))));
        let kind = Value::StrVal("task".to_owned());
        assert_eq!(field(task, "kind"), Some(&kind));
        assert!(stats.wakes > 0, "{name}: {stats:?}");
        assert_eq!((stats.waker_clones, stats.waker_drops), (1, 0), "{name}");
        assert_eq!(stats.dropped_at, None, "{name}");
    }

    let (_, slow) = shown.named("slow").unwrap();
    let busy = slow.poll_stats.as_ref().unwrap().busy_time.as_ref();
    // It computes for 100 ms in every poll, the last of which may go on.
    let busy = busy.expect("the time in its polls");
    let ms = busy.seconds * 1_000 + i64::from(busy.nanos) / 1_000_000;
    assert!(ms >= 100 * (polls(slow) as i64 - 1), "{ms} ms: {slow:?}");

    // One poll more than wake-ups, but for what happens while they are read.
    let (_, heartbeat) = shown.named("heartbeat").unwrap();
    assert!(
        polls(heartbeat).abs_diff(heartbeat.wakes + 1) <= 2,
        "{heartbeat:?}"
    );

    let (_, stranded) = shown.named("stranded").unwrap();
    assert_eq!((polls(stranded), stranded.wakes), (2, 1), "{stranded:?}");

    let (_, job) = shown.named("job 1").unwrap();
    assert_eq!((polls(job), job.wakes), (4, 3), "{job:?}");
    assert_eq!((job.waker_clones, job.waker_drops), (1, 1), "{job:?}");
}

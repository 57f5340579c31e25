//! Does the watchdog report each poll that takes too long, once while it lasts and once when it
//! has ended, and no other?

mod common;

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::eventually;
use laneway::observe::{LongPoll, LongPollStage, Observer, WorkerId};
use laneway::sim::{Sim, work};
use laneway::time::sleep;
use laneway::{Priority, QueueId, Runtime, TaskId, spawn_task, yield_now};

use LongPollStage::{Ended, Lasting};

/// What a report says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Report {
    task: TaskId,
    name: Option<String>,
    line: u32,
    queue: QueueId,
    worker: WorkerId,
    duration: Duration,
    stage: LongPollStage,
}

impl Report {
    fn of(poll: &LongPoll<'_>) -> Report {
        Report {
            task: poll.task(),
            name: poll.name().map(str::to_owned),
            line: poll.spawned_at().line(),
            queue: poll.queue(),
            worker: poll.worker(),
            duration: poll.duration(),
            stage: poll.stage(),
        }
    }

    fn brief(&self) -> (&str, Duration, LongPollStage) {
        let name = self.name.as_deref().unwrap_or_default();
        (name, self.duration, self.stage)
    }
}

/// Keeps all reports.
#[derive(Default)]
struct Reports(Mutex<Vec<Report>>);

impl Reports {
    fn all(&self) -> Vec<Report> {
        self.0.lock().unwrap().clone()
    }
}

impl Observer for Reports {
    fn on_long_poll(&self, poll: &LongPoll<'_>) {
        self.0.lock().unwrap().push(Report::of(poll));
    }
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// What is reported when this future runs. Time goes on for a while after its end.
#[track_caller]
fn reports(sim: Sim, future: impl Future<Output = ()> + Send) -> Vec<Report> {
    let reports = Arc::new(Reports::default());
    let run = sim.observer(reports.clone()).run(async {
        future.await;
        sleep(ms(100)).await;
    });
    run.unwrap();
    reports.all()
}

/// Spawns a task that works for so long. All workers rest afterwards, so that the watchdog's looks
/// begin anew with the next poll.
async fn polled_for(duration: Duration) {
    spawn_task!(name = "worker", async move { work(duration) }).await;
    sleep(ms(1)).await;
}

#[test]
fn a_long_poll_is_reported_while_it_lasts_and_when_it_has_ended() {
    let all = reports(Sim::seed(1).high(1).low(1), async {
        spawn_task!(name = "parser", async { work(ms(64)) }).await;
    });
    let brief: Vec<_> = all.iter().map(Report::brief).collect();
    assert_eq!(
        brief,
        [("parser", ms(10), Lasting), ("parser", ms(64), Ended)]
    );
    // The two are about the same poll.
    let first = Report {
        duration: ms(64),
        stage: Ended,
        ..all[0].clone()
    };
    assert_eq!(first, all[1]);
    assert_eq!(all[0].queue, QueueId::LOW);
    assert!(all[0].worker.index() < 2);
}

#[test]
fn it_names_the_task_and_the_place_of_its_spawn() {
    let place = Arc::new(Mutex::new(None));
    let told = place.clone();
    let all = reports(Sim::seed(2), async move {
        #[rustfmt::skip]
        let (task, line) = (spawn_task!(async { work(ms(20)) }, Priority::High), line!());
        *told.lock().unwrap() = Some((task.id(), line));
        task.await;
    });
    let (task, line) = place.lock().unwrap().unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!((all[0].task, all[0].line), (task, line));
    assert_eq!((&all[0].name, all[0].queue), (&None, QueueId::HIGH));
}

#[test]
fn a_poll_that_ends_with_the_threshold_is_not_long() {
    for (lasted, expected) in [(9, 0), (10, 0), (11, 2)] {
        let all = reports(Sim::seed(3), polled_for(ms(lasted)));
        assert_eq!(all.len(), expected, "{lasted} ms: {all:?}");
    }
}

#[test]
fn many_short_polls_are_not_a_long_one() {
    let all = reports(Sim::seed(4).high(0).low(1), async {
        spawn_task!(async {
            for _ in 0..20 {
                work(ms(9));
                yield_now().await;
            }
        })
        .await;
    });
    assert_eq!(all, []);
}

#[test]
fn each_long_poll_of_a_task_is_reported() {
    let all = reports(Sim::seed(5).high(0).low(1), async {
        spawn_task!(name = "twice", async {
            work(ms(20));
            yield_now().await;
            work(ms(30));
        })
        .await;
    });
    let brief: Vec<_> = all.iter().map(Report::brief).collect();
    let expected = [
        ("twice", ms(10), Lasting),
        ("twice", ms(20), Ended),
        ("twice", ms(10), Lasting),
        ("twice", ms(30), Ended),
    ];
    assert_eq!(brief, expected);
}

#[test]
fn workers_that_are_stuck_at_once_are_told_apart() {
    let all = reports(Sim::seed(6).high(0).low(2), async {
        let short = spawn_task!(name = "short", async { work(ms(20)) });
        let long = spawn_task!(name = "long", async { work(ms(40)) });
        short.await;
        long.await;
    });
    let mut ends: Vec<_> = all.iter().filter(|r| r.stage == Ended).collect();
    ends.sort_by_key(|report| report.duration);
    assert_eq!(all.len(), 4, "{all:?}");
    assert_eq!(ends[0].brief(), ("short", ms(20), Ended));
    assert_eq!(ends[1].brief(), ("long", ms(40), Ended));
    assert_ne!(ends[0].worker, ends[1].worker);
}

#[test]
fn each_queue_has_its_threshold() {
    let sim = Sim::seed(7)
        .queue("cpu", 1, &[])
        .long_poll(ms(50))
        .long_poll_in("cpu", ms(200))
        .long_poll_in("high", ms(20));
    let all = reports(sim, async {
        for queue in ["high", "low", "cpu"] {
            for lasts in [19, 49, 199] {
                let name = format!("{queue} {lasts}");
                laneway::named(name)
                    .spawn(async move { work(ms(lasts)) }, queue)
                    .await;
                sleep(ms(1)).await;
            }
        }
    });
    let lasting = all.iter().filter(|report| report.stage == Lasting);
    let brief: Vec<_> = lasting
        .map(|r| (r.name.as_deref().unwrap(), r.duration))
        .collect();
    let expected = [
        ("high 49", ms(20)),
        ("high 199", ms(20)),
        ("low 199", ms(50)),
    ];
    assert_eq!(brief, expected);
}

#[test]
fn zero_reports_what_is_there_at_two_looks_and_max_nothing() {
    let all = reports(Sim::seed(8).long_poll(Duration::ZERO), async {
        polled_for(ms(4)).await;
        polled_for(ms(0)).await;
        polled_for(ms(11)).await;
    });
    let brief: Vec<_> = all.iter().map(Report::brief).collect();
    assert_eq!(
        brief,
        [("worker", ms(10), Lasting), ("worker", ms(11), Ended)]
    );
    let never = reports(
        Sim::seed(8).long_poll(Duration::MAX),
        polled_for(ms(100_000)),
    );
    assert_eq!(never, []);
}

#[test]
fn a_threshold_of_hours_is_not_missed() {
    let hour = ms(1_000 * 60 * 60);
    let all = reports(Sim::seed(8).long_poll(2 * hour), polled_for(24 * hour));
    let brief: Vec<_> = all.iter().map(Report::brief).collect();
    assert_eq!(
        brief,
        [("worker", 2 * hour, Lasting), ("worker", 24 * hour, Ended)]
    );
}

#[test]
fn a_task_that_lets_its_worker_go_on_is_not_reported() {
    // `join!` blocks the thread, and another takes its place.
    let all = reports(Sim::seed(9).high(0).low(1), async {
        spawn_task!(async { laneway::join!(spawn_task!(sleep(ms(80)))) }).await;
    });
    assert_eq!(all, []);
}

#[test]
fn a_long_poll_that_begins_to_block_in_place_has_ended_for_its_worker() {
    let all = reports(Sim::seed(10).high(0).low(1), async {
        spawn_task!(name = "both", async {
            work(ms(30));
            laneway::join!(spawn_task!(sleep(ms(80))));
        })
        .await;
    });
    let brief: Vec<_> = all.iter().map(Report::brief).collect();
    assert_eq!(brief, [("both", ms(10), Lasting), ("both", ms(30), Ended)]);
}

#[test]
fn every_schedule_gives_the_same_reports() {
    for seed in 0..200 {
        let all = reports(Sim::seed(seed), async {
            let noise: Vec<_> = (0..5)
                .map(|n| spawn_task!(async move { sleep(ms(n)).await }))
                .collect();
            polled_for(ms(33)).await;
            laneway::join_all(noise);
        });
        let brief: Vec<_> = all.iter().map(Report::brief).collect();
        let expected = [("worker", ms(10), Lasting), ("worker", ms(33), Ended)];
        assert_eq!(brief, expected, "seed {seed}");
    }
}

// On threads.

/// A runtime with one worker, stuck in a poll until something is sent.
fn stuck(rt: &Runtime) -> (laneway::Task<()>, Sender<()>) {
    let (release, released) = channel::<()>();
    let blocks = async move { released.recv().unwrap() };
    (rt.named("stuck").spawn(blocks, Priority::Low), release)
}

fn is_reported_once_by(local_queues: bool) {
    let reports = Arc::new(Reports::default());
    let rt = Runtime::builder()
        .with_high_num(0)
        .with_low_num(1)
        .with_local_queues(local_queues)
        .with_observer(reports.clone())
        .build()
        .unwrap();
    let (task, release) = stuck(&rt);
    eventually("it is reported", || !reports.all().is_empty());
    // Some looks later it is still one report.
    let alive = || rt.metrics().workers[0].alive();
    let reported = alive();
    eventually("the watchdog looks on", || alive() > reported + ms(50));
    let [lasting] = &reports.all()[..] else {
        panic!("one report: {:?}", reports.all());
    };
    assert!(lasting.duration >= ms(10), "{lasting:?}");
    assert_eq!((lasting.task, lasting.stage), (task.id(), Lasting));
    release.send(()).unwrap();
    eventually("its end is reported", || reports.all().len() == 2);
    rt.block_on(task);
    let ended = &reports.all()[1];
    assert_eq!((ended.name.as_deref(), ended.stage), (Some("stuck"), Ended));
    assert!(ended.duration >= lasting.duration + ms(40), "{ended:?}");
}

#[test]
fn a_blocked_thread_is_reported_once() {
    is_reported_once_by(true);
}

#[test]
fn a_blocked_thread_is_reported_without_local_queues() {
    is_reported_once_by(false);
}

#[test]
fn an_observer_that_panics_does_not_stop_the_watchdog() {
    struct Rude(Reports);
    impl Observer for Rude {
        fn on_long_poll(&self, poll: &LongPoll<'_>) {
            self.0.on_long_poll(poll);
            panic!("rude");
        }
    }
    let rude = Arc::new(Rude(Reports::default()));
    let builder = Runtime::builder().with_high_num(0).with_low_num(1);
    let rt = builder.with_observer(rude.clone()).build().unwrap();
    for polls in 1..3 {
        let (task, release) = stuck(&rt);
        eventually("it is reported", || rude.0.all().len() == 2 * polls - 1);
        release.send(()).unwrap();
        rt.block_on(task);
        eventually("its end is reported", || rude.0.all().len() == 2 * polls);
    }
}

/// Keeps the log's warnings.
struct Log(Mutex<Vec<String>>);

static LOG: Log = Log(Mutex::new(Vec::new()));

impl log::Log for Log {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        if record.level() == log::Level::Warn {
            self.0.lock().unwrap().push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

#[test]
fn the_log_says_what_to_do_and_a_name_cannot_break_its_lines() {
    log::set_logger(&LOG).unwrap();
    log::set_max_level(log::LevelFilter::Warn);
    let line = line!() + 2;
    let run = Sim::seed(11).high(0).low(1).run(async {
        let blocks = spawn_task!(name = "two\nlines", async { work(ms(25)) });
        blocks.await;
        sleep(ms(1)).await;
    });
    run.unwrap();
    let log = LOG.0.lock().unwrap();
    let of_mine = |line: &&String| line.contains(r#""two\nlines""#);
    let lines: Vec<&String> = log.iter().filter(of_mine).collect();
    let task = format!(r#"task #0 "two\nlines" spawned at {}:{line}:22 "#, file!());
    let expected = [
        format!(
            "{task}has kept worker 0 for 10 ms in one poll, which goes on: let it yield, or give \
             what blocks to blocking::unblock"
        ),
        format!("{task}let worker 0 go after 25 ms in one poll"),
    ];
    assert_eq!(lines, expected.iter().collect::<Vec<_>>());
}

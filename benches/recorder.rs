//! What recording costs: six workloads with a recorder and without, in turn. Or with a monitor.
//!
//! ```text
//! cargo bench --bench recorder
//! cargo bench --bench recorder -- monitor
//! ```
//!
//! Each round runs a workload on both of two runtimes that are alike but for the observer, in
//! changing order; what is printed is the median of the rounds' ratios, and the quartiles. Then
//! the same on one thread under callgrind, if valgrind is there: instructions do not depend on
//! what else the machine is doing.

use std::env;
use std::io;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_lite::future::yield_now;
use laneway::observe::{Monitor, Recorder};
use laneway::{Builder, Priority, Runtime, Task, spawn_task};

const ROUNDS: usize = 41;

/// What this program says to itself when it is to do the work under callgrind.
const DO: &str = "--do";

/// A name, and what to do once.
type Workload = (&'static str, fn(&Runtime));

const WORKLOADS: [Workload; 8] = [
    ("spawn-many", spawn_many),
    ("spawn-inside", |rt| run(rt, spawn_inside())),
    ("yield-many", |rt| run(rt, yield_many())),
    ("ping-pong", |rt| run(rt, ping_pong())),
    ("chain", |rt| run(rt, chain())),
    ("spawn-and-wait", spawn_and_wait),
    // The six do nothing but schedule. These two do something besides.
    ("polls of 2 us", |rt| {
        run(rt, yield_after(Duration::from_micros(2)))
    }),
    ("polls of 10 us", |rt| {
        run(rt, yield_after(Duration::from_micros(10)))
    }),
];

fn run(rt: &Runtime, future: impl Future<Output = ()> + Send + 'static) {
    rt.block_on(rt.spawn(future, Priority::Low));
}

async fn join(tasks: Vec<Task<()>>) {
    for task in tasks {
        task.await;
    }
}

/// 10,000 empty tasks, spawned by this thread.
fn spawn_many(rt: &Runtime) {
    let tasks = (0..10_000).map(|_| rt.spawn(async {}, Priority::Low));
    rt.block_on(join(tasks.collect()));
}

/// The same, by a task.
async fn spawn_inside() {
    join((0..10_000).map(|_| spawn_task!(async {})).collect()).await;
}

/// 100 tasks that yield 200 times each.
async fn yield_many() {
    let yielding = || async {
        for _ in 0..200 {
            yield_now().await;
        }
    };
    join((0..100).map(|_| spawn_task!(yielding())).collect()).await;
}

/// 20 tasks that compute for so long in each of 50 polls.
async fn yield_after(time: Duration) {
    let computing = || async move {
        for _ in 0..50 {
            let started = Instant::now();
            while started.elapsed() < time {
                std::hint::spin_loop();
            }
            yield_now().await;
        }
    };
    join((0..20).map(|_| spawn_task!(computing())).collect()).await;
}

/// 1,000 tasks that each spawn another, send it a message and await its answer.
async fn ping_pong() {
    async fn ping() {
        let (ping, pinged) = async_channel::bounded::<()>(1);
        let (pong, ponged) = async_channel::bounded::<()>(1);
        let partner = spawn_task!(async move {
            pinged.recv().await.expect("a ping is sent");
            pong.send(()).await.expect("somebody waits for the pong");
        });
        ping.send(()).await.expect("the partner waits for the ping");
        ponged.recv().await.expect("a pong is sent");
        partner.await;
    }
    join((0..1_000).map(|_| spawn_task!(ping())).collect()).await;
}

/// 10,000 tasks, each spawned by the one before.
async fn chain() {
    fn link(done: async_channel::Sender<()>, left: usize) {
        if left == 0 {
            done.try_send(()).expect("somebody waits for the end");
        } else {
            spawn_task!(async move { link(done, left - 1) }).detach();
        }
    }
    let (done, ended) = async_channel::bounded(1);
    link(done, 10_000);
    ended.recv().await.expect("the chain comes to its end");
}

/// 1,000 tasks from outside, each awaited before the next.
fn spawn_and_wait(rt: &Runtime) {
    for _ in 0..1_000 {
        rt.block_on(rt.spawn(async {}, Priority::Low));
    }
}

/// Who observes the runtime.
#[derive(Clone, Copy)]
enum By {
    Nobody,
    Recorder,
    Monitor,
}

impl By {
    fn of(word: &str) -> By {
        match word {
            "nobody" => By::Nobody,
            "monitor" => By::Monitor,
            _ => By::Recorder,
        }
    }

    fn word(self) -> &'static str {
        match self {
            By::Nobody => "nobody",
            By::Recorder => "recorder",
            By::Monitor => "monitor",
        }
    }
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let [DO, name, by, times] = words[..] {
        return run_here(
            name,
            By::of(by),
            times.parse().expect("given by this program"),
        );
    }
    let by = match words.contains(&"monitor") {
        true => By::Monitor,
        false => By::Recorder,
    };
    println!("with a {}\n", by.word());
    println!(
        "{:<16}{:>12}{:>12}{:>10}{:>18}",
        "", "off, ms", "on, ms", "on/off", "quartiles"
    );
    for (name, workload) in WORKLOADS {
        compare(name, workload, by);
    }
    println!(
        "\n{:<16}{:>12}{:>12}{:>10}",
        "instructions", "off", "on", "on/off"
    );
    // Without those that go by the clock.
    for (name, _) in &WORKLOADS[..6] {
        match count(name, By::Nobody).and_then(|off| Ok((off, count(name, by)?))) {
            Ok((off, on)) => {
                println!(
                    "{name:<16}{off:>12}{on:>12}{:>10.2}",
                    on as f64 / off as f64
                );
            }
            Err(error) => return eprintln!("valgrind could not run: {error}"),
        }
    }
}

// Times.

fn runtime(builder: Builder, by: By) -> Runtime {
    let builder = match by {
        By::Nobody => builder,
        By::Recorder => builder.with_observer(Arc::new(Recorder::new())),
        By::Monitor => builder.with_observer(Arc::new(Monitor::new())),
    };
    builder.build().expect("the threads start")
}

fn compare(name: &str, workload: fn(&Runtime), by: By) {
    let one_each = || Runtime::builder().with_high_num(1).with_low_num(1);
    let (off, on) = (runtime(one_each(), By::Nobody), runtime(one_each(), by));
    let time = |rt: &Runtime| {
        let started = Instant::now();
        workload(rt);
        started.elapsed()
    };
    time(&off);
    time(&on);
    let rounds: Vec<[Duration; 2]> = (0..ROUNDS)
        .map(|round| match round % 2 {
            0 => [time(&off), time(&on)],
            _ => {
                let on = time(&on);
                [time(&off), on]
            }
        })
        .collect();
    let millis =
        |which: usize| sorted(rounds.iter().map(|r| r[which].as_secs_f64() * 1e3))[ROUNDS / 2];
    let ratios = sorted(
        rounds
            .iter()
            .map(|[off, on]| on.as_secs_f64() / off.as_secs_f64()),
    );
    println!(
        "{name:<16}{:>12.2}{:>12.2}{:>10.2}{:>11.2}..{:.2}",
        millis(0),
        millis(1),
        ratios[ROUNDS / 2],
        ratios[ROUNDS / 4],
        ratios[3 * ROUNDS / 4]
    );
}

fn sorted(numbers: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers
}

// Instructions.

fn run_here(name: &str, by: By, times: usize) {
    let (_, workload) = WORKLOADS
        .iter()
        .find(|(known, _)| *known == name)
        .expect("given by this program");
    let one_thread = Runtime::builder().with_high_num(0).with_low_num(1);
    let rt = runtime(one_thread, by);
    (0..times).for_each(|_| workload(&rt));
}

/// The instructions of one run of a workload: what four take, less what one takes, by three.
fn count(name: &str, by: By) -> io::Result<u64> {
    let (one, four) = (collect(name, by, "1")?, collect(name, by, "4")?);
    Ok(four.saturating_sub(one) / 3)
}

fn collect(name: &str, by: By, times: &str) -> io::Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe()?)
        .args([DO, name, by.word(), times])
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let total = said.lines().find_map(|line| line.split_once("Collected :"));
    total
        .and_then(|(_, total)| total.trim().parse().ok())
        .ok_or_else(|| io::Error::other(said.into_owned()))
}

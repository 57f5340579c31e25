//! What becomes of tasks that block when there is no thread to stand in for theirs?

mod common;

use std::env;
use std::fs;
use std::future::{Future, pending};
use std::panic::catch_unwind;
use std::pin::Pin;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use common::{Gate, cut_off, eventually, soon};
use laneway::observe::{Event, Observer};
use laneway::{
    Builder, Idle, Priority, Runtime, block_in_place, block_on, join, join_all, spawn_task,
    try_join, yield_now,
};

type Tree = Pin<Box<dyn Future<Output = u32> + Send>>;

/// How many threads a runtime has, and how many it has had at most.
#[derive(Clone, Default)]
struct Threads(Arc<(AtomicUsize, AtomicUsize)>);

impl Threads {
    fn most(&self) -> usize {
        self.0.1.load(Ordering::SeqCst)
    }
}

fn counted(builder: Builder) -> (Runtime, Threads) {
    let threads = Threads::default();
    let (starts, stops) = (threads.clone(), threads.clone());
    let builder = builder
        .with_thread_start(move || {
            let now = starts.0.0.fetch_add(1, Ordering::SeqCst) + 1;
            starts.0.1.fetch_max(now, Ordering::SeqCst);
        })
        .with_thread_stop(move || {
            stops.0.0.fetch_sub(1, Ordering::SeqCst);
        });
    (builder.build().unwrap(), threads)
}

fn low(workers: usize, stand_ins: usize) -> Builder {
    let builder = Runtime::builder().with_high_num(0).with_low_num(workers);
    builder.with_stand_ins(stand_ins)
}

/// A tree of tasks that block their threads, each until two of the next level have ended, of which
/// the worker does not know.
fn tree(levels: u32) -> Tree {
    Box::pin(async move {
        match levels {
            0 => 1,
            _ => {
                let (a, b) = (spawn_task!(tree(levels - 1)), spawn_task!(tree(levels - 1)));
                block_on(async { a.await + b.await })
            }
        }
    })
}

#[test]
fn a_tree_that_blocks_comes_to_its_end_within_the_bound() {
    for stand_ins in [0, 1, 2, 10] {
        // Room for as many polls within polls as there may be.
        let (rt, threads) = counted(low(2, stand_ins).with_stack_size(64 << 20));
        assert_eq!(soon(rt.spawn(tree(10), Priority::Low)), 1024);
        let most = threads.most();
        // One for each worker may be on its way out, sent away by the other.
        assert!(most <= 4 + stand_ins, "{stand_ins} allowed: {most} threads");
    }
}

#[test]
fn where_the_stack_has_no_room_the_bound_is_exceeded() {
    let (rt, threads) = counted(low(1, 0).with_stack_size(256 << 10));
    assert_eq!(soon(rt.spawn(tree(10), Priority::Low)), 1024);
    let most = threads.most();
    assert!((2..=512).contains(&most), "{most} threads");
}

#[test]
fn by_default_512_threads_may_stand_in() {
    let (rt, threads) = counted(Runtime::builder().with_high_num(0).with_low_num(1));
    let gates: Vec<Gate> = (0..600).map(|_| Gate::new()).collect();
    let block = |gate: &Gate| {
        let wait = gate.wait();
        rt.spawn(async { block_on(wait) }, Priority::Low)
    };
    let blocked: Vec<_> = gates.iter().map(block).collect();
    gates.iter().for_each(|gate| gate.eventually_polled(1));
    gates.iter().for_each(Gate::open);
    join_all(blocked);
    assert_eq!(threads.most(), 513);
}

#[test]
fn a_thread_that_helps_sleeps_until_its_task_is_woken() {
    for idle in [Idle::Park, Idle::Nap(Duration::from_millis(1))] {
        let rt = low(1, 0).with_idle(idle).build().unwrap();
        for _ in 0..100 {
            let gate = Gate::new();
            let wait = gate.wait();
            let blocked = rt.spawn(async { block_on(wait) }, Priority::Low);
            gate.eventually_polled(1);
            // The worker runs others meanwhile, and parks after them.
            soon(rt.spawn(yield_now(), Priority::Low));
            gate.open();
            soon(blocked);
        }
        soon(rt.spawn(tree(3), Priority::Low));
    }
}

#[test]
fn a_worker_whose_thread_has_helped_looks_for_work_again() {
    let rt = low(2, 0).build().unwrap();
    for _ in 0..1_000 {
        let tasks = (0..4).map(|_| {
            let join = async { join!(spawn_task!(yield_now())).len() };
            rt.spawn(join, Priority::Low)
        });
        let tasks: Vec<_> = tasks.collect();
        let joined = tasks.into_iter().map(soon);
        assert_eq!(joined.sum::<usize>(), 4);
    }
}

/// Counts the workers that sleep.
#[derive(Default)]
struct Asleep(AtomicUsize);

impl Observer for Asleep {
    fn on_event(&self, event: Event) {
        match event {
            Event::Parked { .. } => self.0.fetch_add(1, Ordering::SeqCst),
            Event::Unparked { .. } => self.0.fetch_sub(1, Ordering::SeqCst),
            _ => 0,
        };
    }
}

#[test]
fn a_thread_that_has_helped_is_not_relied_on_for_new_work() {
    let asleep = Arc::new(Asleep::default());
    let rt = low(2, 0).with_observer(asleep.clone()).build().unwrap();
    for _ in 0..20 {
        let gate = Gate::new();
        let wait = gate.wait();
        let (resumed, resumes) = mpsc::channel();
        let (other, ran) = mpsc::channel();
        let helps = async move {
            block_on(wait);
            resumed.send(()).unwrap();
            // In the middle of its poll, with its worker; the other worker has to come.
            ran.recv_timeout(Duration::from_secs(20)).unwrap();
        };
        let helps = rt.spawn(helps, Priority::Low);
        gate.eventually_polled(2);
        eventually("both workers sleep", || {
            asleep.0.load(Ordering::SeqCst) == 2
        });
        gate.open();
        resumes.recv().unwrap();
        let runs = rt.spawn(async move { other.send(()).unwrap() }, Priority::Low);
        soon(async { (runs.await, helps.await) });
    }
}

#[test]
fn without_local_queues_a_thread_helps_too() {
    let builder = low(1, 0).with_local_queues(false).with_stack_size(64 << 20);
    let rt = builder.build().unwrap();
    assert_eq!(soon(rt.spawn(tree(8), Priority::Low)), 256);
}

#[test]
fn tasks_within_a_poll_that_has_entered_another_runtime_belong_to_their_own() {
    let (outer, inner) = (
        low(1, 0).build().unwrap(),
        Arc::new(low(1, 0).build().unwrap()),
    );
    let entered = inner.clone();
    let task = async move {
        let of_outer = spawn_task!(async { spawn_task!(async {}).await });
        entered.block_on(async {
            of_outer.await;
            spawn_task!(async {}).await;
        });
    };
    soon(outer.spawn(task, Priority::Low));
    let completed = |rt: &Runtime| rt.metrics().queues[1].completed;
    assert_eq!((completed(&outer), completed(&inner)), (3, 1));
}

#[test]
fn a_runtime_ends_while_its_threads_help() {
    let rt = low(2, 0).build().unwrap();
    let begun = Arc::new(AtomicUsize::new(0));
    for _ in 0..4 {
        let begun = begun.clone();
        let join = async move {
            begun.fetch_add(1, Ordering::SeqCst);
            let never = try_join!(spawn_task!(pending::<()>()));
            assert!(never[0].as_ref().unwrap_err().is_cancelled());
        };
        rt.spawn(join, Priority::Low).detach();
    }
    eventually("all have begun", || begun.load(Ordering::SeqCst) == 4);
    let report = cut_off(&rt);
    assert_eq!(report.still_running, 0, "{report:?}");
}

#[test]
fn a_closure_that_blocks_has_a_stand_in_for_its_worker() {
    let (rt, threads) = counted(low(1, 1));
    let task = async {
        let (sender, receiver) = mpsc::channel();
        let borrowed = 5;
        spawn_task!(async move { sender.send(7).unwrap() }).detach();
        block_in_place(|| receiver.recv().unwrap() + borrowed)
    };
    assert_eq!(soon(rt.spawn(task, Priority::Low)), 12);
    assert_eq!(threads.most(), 2);
    // Elsewhere it only calls the closure.
    let here = thread::current().id();
    assert_eq!(block_in_place(|| thread::current().id()), here);
}

#[test]
fn beyond_the_bound_a_closure_blocks_its_worker() {
    let rt = low(1, 0).build().unwrap();
    let task = async { block_in_place(|| thread::current().id()) == thread::current().id() };
    assert!(soon(rt.spawn(task, Priority::Low)));
    assert_eq!(soon(rt.spawn(tree(3), Priority::Low)), 8);
}

/// Waits until this many workers are there, with the watchdog. A thread that is still coming needs
/// memory, and takes its name after that. A thread that starts others is there in some builds only.
#[cfg(target_os = "linux")]
fn wait_for_threads(workers: usize) {
    eventually("all threads are there", || {
        let starters = threads_named("laneway-starter");
        threads_named("laneway-") == workers + 1 + starters
    });
}

/// How many threads of this process have names that begin so.
#[cfg(target_os = "linux")]
fn threads_named(prefix: &str) -> usize {
    let threads = fs::read_dir("/proc/self/task").unwrap();
    let names =
        threads.filter_map(|entry| fs::read_to_string(entry.ok()?.path().join("comm")).ok());
    names.filter(|name| name.starts_with(prefix)).count()
}

/// Set for the processes that these tests start.
#[cfg(target_os = "linux")]
const SHORT_OF_THREADS: &str = "LANEWAY_TEST_SHORT_OF_THREADS";

/// Whether this is the process in which the system is to refuse threads. If not, starts it, with
/// stacks of a gibibyte, and waits until the test of this name has passed there.
#[cfg(target_os = "linux")]
#[track_caller]
fn is_in_child(name: &str) -> bool {
    if env::var_os(SHORT_OF_THREADS).is_some() {
        return true;
    }
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", name, "--nocapture", "--test-threads=1"]);
    child.env("RUST_MIN_STACK", (1 << 30).to_string());
    let ended = child.env(SHORT_OF_THREADS, "1").output().unwrap();
    assert!(ended.status.success(), "{ended:?}");
    false
}

/// How many bytes of address space this process has.
#[cfg(target_os = "linux")]
fn address_space() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = pages.split(' ').next().unwrap().parse().unwrap();
    pages * rustix::param::page_size() as u64
}

/// Lets the system refuse threads until [`grant_threads`]: there is address space for the heap, and
/// for no further stack.
#[cfg(target_os = "linux")]
fn refuse_threads() {
    set_address_space(Some(address_space() + (512 << 20)));
    let refused = thread::Builder::new().stack_size(1 << 30).spawn(|| {});
    refused.expect_err("the system refuses threads from here on");
}

#[cfg(target_os = "linux")]
fn grant_threads() {
    set_address_space(None);
}

#[cfg(target_os = "linux")]
fn set_address_space(current: Option<u64>) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let maximum = getrlimit(Resource::As).maximum;
    setrlimit(Resource::As, Rlimit { current, maximum }).unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn a_task_that_blocks_goes_on_where_the_system_refuses_a_thread() {
    if !is_in_child("a_task_that_blocks_goes_on_where_the_system_refuses_a_thread") {
        return;
    }
    let rt = low(2, 512).with_stack_size(1 << 30).build().unwrap();
    wait_for_threads(2);
    refuse_threads();
    assert_eq!(rt.block_on(rt.spawn(tree(9), Priority::Low)), 512);
    let joined = rt.spawn(
        async { join!(spawn_task!(yield_now())).len() },
        Priority::Low,
    );
    assert_eq!(rt.block_on(joined), 1);
}

/// The events of blocked polls and of polls that an observer hears, in a runtime with one worker.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<&'static str>>>);

impl Observer for Told {
    fn on_event(&self, event: Event) {
        let what = match event {
            Event::Replaced { .. } => "replaced",
            Event::PollStarted { .. } => "started",
            Event::PollEnded { .. } => "ended",
            _ => return,
        };
        self.0.lock().unwrap().push(what);
    }
}

impl Told {
    fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// A task that blocks with its worker, one that blocks while there is nothing else, and one that
/// the worker goes on within.
fn assert_only_what_happens_is_told(rt: &Runtime, told: &Told) {
    let run = |task: Tree| {
        told.take();
        soon(rt.spawn(task, Priority::Low));
        // The end of the poll is told after the end of the task.
        eventually("the poll has ended", || {
            let told = told.0.lock().unwrap();
            let count = |event| told.iter().filter(|&&told| told == event).count();
            count("started") > 0 && count("ended") == count("started")
        });
        told.take()
    };
    let in_place = run(Box::pin(async { block_in_place(|| 1) }));
    assert_eq!(in_place, ["started", "ended"]);

    let (open, opened) = async_channel::bounded::<()>(1);
    let opener = thread::spawn(move || {
        thread::yield_now();
        drop(open);
    });
    let idle = run(Box::pin(async move {
        block_on(async { opened.recv().await.unwrap_err() });
        1
    }));
    assert_eq!(idle, ["started", "ended"]);
    opener.join().unwrap();

    let within = run(Box::pin(async {
        block_on(spawn_task!(async { 1 }));
        1
    }));
    assert_eq!(within, ["started", "replaced", "started", "ended", "ended"]);
}

#[test]
fn a_stand_in_beyond_the_bound_is_not_told_of() {
    let told = Told::default();
    let rt = low(1, 0).with_observer(Arc::new(told.clone()));
    assert_only_what_happens_is_told(&rt.build().unwrap(), &told);
}

#[cfg(target_os = "linux")]
#[test]
fn a_stand_in_that_the_system_refuses_is_not_told_of() {
    if !is_in_child("a_stand_in_that_the_system_refuses_is_not_told_of") {
        return;
    }
    let told = Told::default();
    let rt = low(1, 512).with_observer(Arc::new(told.clone()));
    let rt = rt.build().unwrap();
    wait_for_threads(1);
    refuse_threads();
    let in_place = async { block_in_place(|| 1) };
    assert_eq!(rt.block_on(rt.spawn(in_place, Priority::Low)), 1);
    let within = async { block_on(spawn_task!(async { 1 })) };
    assert_eq!(rt.block_on(rt.spawn(within, Priority::Low)), 1);
    eventually("the polls have ended", || {
        let ends = told
            .0
            .lock()
            .unwrap()
            .iter()
            .filter(|&&e| e == "ended")
            .count();
        ends == 3
    });
    let expected = [
        "started", "ended", "started", "replaced", "started", "ended", "ended",
    ];
    assert_eq!(told.take(), expected);

    grant_threads();
    assert_eq!(
        rt.block_on(rt.spawn(async { block_in_place(|| 1) }, Priority::Low)),
        1
    );
    assert_eq!(told.take()[..2], ["started", "replaced"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_first_spawn_for_which_the_system_refuses_a_thread_can_be_tried_again() {
    if !is_in_child("a_first_spawn_for_which_the_system_refuses_a_thread_can_be_tried_again") {
        return;
    }
    let threads = threads_named("");
    refuse_threads();
    let mut address_spaces = Vec::new();
    for _ in 0..20 {
        let refused = catch_unwind(|| spawn_task!(async { 1 })).unwrap_err();
        let message = *refused.downcast::<String>().unwrap();
        let expected = "the process-wide runtime could not start: the operating system refused a \
                        thread: ";
        assert!(message.starts_with(expected), "{message}");
        assert!(Runtime::builder().build().is_err());
        address_spaces.push(address_space());
    }
    assert_eq!(threads_named(""), threads, "a thread is left");
    let grown = address_spaces[19] - address_spaces[4];
    assert!(grown < 1 << 20, "{grown} bytes are left of 15 failures");
    grant_threads();
    assert_eq!(join!(spawn_task!(async { 1 })), [1]);
    assert!(threads_named("laneway-") >= 2);
}

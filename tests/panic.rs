//! Does a panic ever cost more than the task that it happened in?

mod common;

use std::any::Any;
use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, Once};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use common::{DropCounter, Gate, cut_off, eventually};
use laneway::observe::{Event, LostPanic, Observer};
use laneway::{Priority, Runtime, Task, join, try_join, try_join_all};

const LONG: Duration = Duration::from_secs(20);
const WORKERS: usize = 4;

fn runtime() -> Runtime {
    build(Arc::new(Panics::default()))
}

fn build(observer: Arc<dyn Observer>) -> Runtime {
    let builder = Runtime::builder()
        .with_high_num(WORKERS / 2)
        .with_low_num(WORKERS / 2)
        .with_observer(observer);
    builder.build().unwrap()
}

/// Asserts that all workers still run tasks: as many tasks as there are workers wait for each
/// other without leaving their threads.
#[track_caller]
fn assert_all_workers_work(rt: &Runtime) {
    let arrived = Arc::new(AtomicUsize::new(0));
    let meet = |arrived: Arc<AtomicUsize>| async move {
        arrived.fetch_add(1, Ordering::SeqCst);
        eventually("all workers run a task at the same time", || {
            arrived.load(Ordering::SeqCst) == WORKERS
        });
    };
    let tasks: Vec<Task<()>> = (0..WORKERS)
        .map(|_| rt.spawn(meet(arrived.clone()), Priority::Low))
        .collect();
    for result in try_join_all(tasks) {
        result.unwrap();
    }
}

/// Collects the panics that nobody awaits, with the number of the spawning line.
#[derive(Default)]
struct Panics(Mutex<Vec<(String, u32)>>);

impl Panics {
    fn messages(&self) -> Vec<String> {
        let panics = self.0.lock().unwrap();
        panics
            .iter()
            .map(|(message, _line)| message.clone())
            .collect()
    }
}

impl Observer for Panics {
    fn on_lost_panic(&self, panic: &LostPanic<'_>) {
        let line = panic.spawned_at().line();
        self.0
            .lock()
            .unwrap()
            .push((panic.message().to_owned(), line));
    }
}

/// The process's logger: keeps every record.
#[derive(Default)]
struct Log(Mutex<Vec<(log::Level, String)>>);

static LOG: Log = Log(Mutex::new(Vec::new()));

impl Log {
    fn install() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            log::set_logger(&LOG).unwrap();
            log::set_max_level(log::LevelFilter::Trace);
        });
    }

    /// How many errors contain these words. All tests of this file share the log: look for words
    /// of your own.
    fn errors_with(words: &str) -> usize {
        let records = LOG.0.lock().unwrap();
        let errors = records
            .iter()
            .filter(|(level, _)| *level == log::Level::Error);
        errors
            .filter(|(_, message)| message.contains(words))
            .count()
    }
}

impl log::Log for Log {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let message = record.args().to_string();
        self.0.lock().unwrap().push((record.level(), message));
    }

    fn flush(&self) {}
}

/// Panics when dropped.
struct Bomb(&'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("{}", self.0);
    }
}

#[test]
fn a_panic_in_a_poll() {
    let rt = runtime();
    let tasks: Vec<Task<()>> = (0..100)
        .map(|n| rt.spawn(async move { panic!("number {n}") }, Priority::Low))
        .collect();
    for (n, result) in try_join_all(tasks).into_iter().enumerate() {
        let error = result.unwrap_err();
        assert!(error.is_panic() && !error.is_cancelled());
        assert!(
            error.to_string().ends_with(&format!("number {n}")),
            "{error}"
        );
    }
    assert_all_workers_work(&rt);
    assert_eq!(rt.metrics().queues[1].panicked, 100);
}

#[test]
fn a_panic_in_a_later_poll() {
    let rt = runtime();
    let gate = Gate::new();
    let wait = gate.wait();
    let task = rt.spawn(
        async move {
            wait.await;
            panic!("woken up badly");
        },
        Priority::High,
    );
    gate.eventually_polled(1);
    gate.open();
    let error = laneway::block_on(task.fallible()).unwrap_err();
    assert_eq!(
        *error.into_panic().downcast::<&str>().unwrap(),
        "woken up badly"
    );
    gate.assert_treated_well();
    assert_all_workers_work(&rt);
}

#[test]
fn payloads_arrive_unchanged() {
    #[derive(Debug, PartialEq)]
    struct Own(Arc<str>);

    let rt = runtime();
    let words: Arc<str> = "of my own".into();
    let own = Own(words.clone());
    let payloads: Vec<Box<dyn Any + Send>> = laneway::block_on(async {
        let mut payloads = Vec::new();
        let text = rt.spawn(async { panic!("text") }, Priority::Low);
        payloads.push(text.fallible().await.map(|()| "no panic"));
        let number = 7;
        let formatted = rt.spawn(async move { panic!("text {number}") }, Priority::Low);
        payloads.push(formatted.fallible().await.map(|()| "no panic"));
        let value = rt.spawn(async move { panic_any(7_u64) }, Priority::High);
        payloads.push(value.fallible().await.map(|()| "no panic"));
        let value = rt.spawn(async move { panic_any(own) }, Priority::High);
        payloads.push(value.fallible().await.map(|()| "no panic"));
        let errors = payloads.into_iter().map(|result| result.unwrap_err());
        errors.map(|error| error.into_panic()).collect()
    });
    assert_eq!(payloads[0].downcast_ref::<&str>(), Some(&"text"));
    assert_eq!(payloads[1].downcast_ref::<String>().unwrap(), "text 7");
    assert_eq!(payloads[2].downcast_ref::<u64>(), Some(&7));
    let arrived = payloads[3].downcast_ref::<Own>().unwrap();
    assert!(Arc::ptr_eq(&arrived.0, &words), "a copy of it arrived");
}

#[test]
fn an_awaited_panic_goes_on_in_the_awaiter_and_is_not_reported() {
    Log::install();
    let panics = Arc::new(Panics::default());
    let rt = build(panics.clone());
    let inner = rt.spawn(async { panic!("handed on twice") }, Priority::Low);
    let outer = rt.spawn(inner, Priority::High);
    let thrown = catch_unwind(AssertUnwindSafe(|| join!(outer)));
    let payload = thrown.unwrap_err();
    assert_eq!(*payload.downcast::<&str>().unwrap(), "handed on twice");

    let error = try_join!(rt.spawn(async { panic!("handed on twice") }, Priority::Low));
    drop(error);
    assert_all_workers_work(&rt);
    rt.shutdown(LONG);
    assert_eq!(panics.messages(), [""; 0]);
    assert_eq!(Log::errors_with("handed on twice"), 0);
}

#[test]
fn a_detached_tasks_panic_is_reported_once() {
    Log::install();
    let panics = Arc::new(Panics::default());
    let rt = build(panics.clone());
    let line = line!() + 1;
    rt.spawn(async { panic!("nobody awaits this") }, Priority::Low)
        .detach();
    rt.shutdown(LONG);
    let reports = panics.0.lock().unwrap().clone();
    assert_eq!(reports, [("nobody awaits this".to_owned(), line)]);
    assert_eq!(Log::errors_with("nobody awaits this"), 1);
    let place = format!("{}:{line}", file!());
    assert_eq!(Log::errors_with(&place), 1, "the log names the place");
}

#[test]
fn a_panic_that_was_not_looked_at_is_reported_when_the_handle_goes() {
    Log::install();
    let panics = Arc::new(Panics::default());
    let rt = build(panics.clone());
    let task = rt.spawn(async { panic!("looked away") }, Priority::Low);
    eventually("the task panics", || task.is_finished());
    assert_eq!(panics.messages(), [""; 0]);
    drop(task);
    assert_eq!(panics.messages(), ["looked away"]);
    assert_eq!(Log::errors_with("looked away"), 1);
}

#[test]
fn a_payload_that_is_no_string_is_reported_too() {
    Log::install();
    let panics = Arc::new(Panics::default());
    let rt = build(panics.clone());
    rt.spawn(
        async { panic_any(Bomb("a payload goes off")) },
        Priority::Low,
    )
    .detach();
    rt.shutdown(LONG);
    assert_eq!(panics.messages(), ["a payload that is no string"]);
}

/// Where a future stands when it is dropped.
#[derive(Clone, Copy, Debug)]
enum Moment {
    Completed,
    Panicked,
    CancelledQueued,
    CancelledPending,
    ShutDown,
}

#[test]
fn a_panic_in_a_futures_destructor() {
    for moment in [
        Moment::Completed,
        Moment::Panicked,
        Moment::CancelledQueued,
        Moment::CancelledPending,
    ] {
        let panics = Arc::new(Panics::default());
        let rt = build(panics.clone());
        drop_bombs(&rt, moment);
        assert_all_workers_work(&rt);
        let report = rt.shutdown(LONG);
        assert!(report.is_clean(), "{moment:?}: {report:?}");
        assert_eq!(panics.messages(), ["in its drop"; 20], "{moment:?}");
    }
    let panics = Arc::new(Panics::default());
    let rt = build(panics.clone());
    drop_bombs(&rt, Moment::ShutDown);
    assert_eq!(cut_off(&rt).cut_off, 20);
    assert_eq!(panics.messages(), ["in its drop"; 20]);
}

/// Lets 20 futures go off at that moment.
fn drop_bombs(rt: &Runtime, moment: Moment) {
    // A future that holds a bomb in a field, so that the bomb goes off when the future is
    // dropped and not at the end of a poll.
    let future = |end: Poll<()>| {
        let bomb = Bomb("in its drop");
        poll_fn(move |_| {
            let _owned = &bomb;
            if let Moment::Panicked = moment {
                panic!("in its poll");
            }
            end
        })
    };
    let spawn = |end| rt.spawn(future(end), Priority::Low);
    match moment {
        Moment::Completed => {
            let tasks: Vec<Task<()>> = (0..20).map(|_| spawn(Poll::Ready(()))).collect();
            laneway::join_all(tasks);
        }
        Moment::Panicked => {
            let tasks: Vec<Task<()>> = (0..20).map(|_| spawn(Poll::Pending)).collect();
            for result in try_join_all(tasks) {
                let payload = result.unwrap_err().into_panic();
                assert_eq!(*payload.downcast::<&str>().unwrap(), "in its poll");
            }
        }
        Moment::CancelledQueued => {
            let busy = Busy::all_workers(rt);
            (0..20).for_each(|_| drop(spawn(Poll::Pending)));
            busy.end();
        }
        Moment::CancelledPending | Moment::ShutDown => {
            let before = rt.metrics().queues[1].polls;
            let tasks: Vec<Task<()>> = (0..20).map(|_| spawn(Poll::Pending)).collect();
            eventually("all are pending", || {
                rt.metrics().queues[1].polls == before + 20
            });
            match moment {
                Moment::ShutDown => tasks.into_iter().for_each(Task::detach),
                _ => drop(tasks),
            }
        }
    }
}

/// Tasks that keep all workers busy.
struct Busy(Vec<(Task<()>, Sender<()>)>);

impl Busy {
    fn all_workers(rt: &Runtime) -> Busy {
        let one = |_| {
            let (end, ended): (_, Receiver<()>) = mpsc::channel();
            let (begin, begun) = mpsc::channel();
            let busy = async move {
                begin.send(()).unwrap();
                ended.recv().unwrap();
            };
            let task = rt.spawn(busy, Priority::Low);
            begun.recv_timeout(LONG).unwrap();
            (task, end)
        };
        Busy((0..WORKERS).map(one).collect())
    }

    fn end(self) {
        for (task, end) in self.0 {
            end.send(()).unwrap();
            laneway::block_on(task);
        }
    }
}

#[test]
fn a_panic_in_the_destructor_of_an_unwanted_output() {
    let rt = runtime();
    for _ in 0..20 {
        rt.spawn(async { Bomb("an output") }, Priority::Low)
            .detach();
    }
    let cancelled = rt.spawn(async { Bomb("an output") }, Priority::Low);
    eventually("the task completes", || cancelled.is_finished());
    drop(cancelled);
    assert_all_workers_work(&rt);
    assert!(rt.shutdown(LONG).is_clean());
    assert_eq!(rt.metrics().queues[1].completed, 21 + WORKERS as u64);
}

/// A waker of somebody else's that panics when it wakes, when it is dropped, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rude {
    Wake,
    Drop,
    Both,
}

struct RudeWaker {
    rude: Rude,
    woken: Arc<AtomicUsize>,
    dropped: DropCounter,
}

impl Wake for RudeWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.fetch_add(1, Ordering::SeqCst);
        assert_eq!(self.rude, Rude::Drop, "a rude waker wakes");
    }
}

impl Drop for RudeWaker {
    fn drop(&mut self) {
        drop(self.dropped.token());
        assert_eq!(self.rude, Rude::Wake, "a rude waker is dropped");
    }
}

/// Polls `awaiter` with a rude waker and lets go of the waker.
fn await_rudely<F: Future + Unpin>(awaiter: &mut F, rude: Rude) -> (Arc<AtomicUsize>, DropCounter) {
    let (woken, dropped) = (Arc::default(), DropCounter::new());
    let waker = Waker::from(Arc::new(RudeWaker {
        rude,
        woken: Arc::clone(&woken),
        dropped: dropped.clone(),
    }));
    assert!(
        pin!(awaiter)
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    drop(waker);
    assert_eq!(dropped.count(), 0, "the task keeps a copy");
    (woken, dropped)
}

#[test]
fn a_panic_in_an_awaiters_waker() {
    for rude in [Rude::Wake, Rude::Drop, Rude::Both] {
        let rt = runtime();
        let gate = Gate::new();
        let mut task = rt.spawn(gate.wait(), Priority::Low);
        let (woken, dropped) = await_rudely(&mut task, rude);
        gate.open();
        eventually("the awaiter is woken", || woken.load(Ordering::SeqCst) == 1);
        eventually("the waker is let go", || dropped.count() == 1);
        laneway::block_on(task);
        gate.assert_treated_well();
        assert_all_workers_work(&rt);
    }
}

#[test]
fn a_panic_in_the_waker_of_who_awaits_a_fallible_task() {
    for rude in [Rude::Wake, Rude::Drop, Rude::Both] {
        let rt = runtime();
        let gate = Gate::new();
        let mut task = rt.spawn(gate.wait(), Priority::Low).fallible();
        let (woken, dropped) = await_rudely(&mut task, rude);
        gate.open();
        eventually("the awaiter is woken", || woken.load(Ordering::SeqCst) == 1);
        eventually("the waker is let go", || dropped.count() == 1);
        laneway::block_on(task).unwrap();
        assert_all_workers_work(&rt);
    }
}

#[test]
fn a_panic_in_the_destructor_of_a_waker_that_is_replaced_by_another() {
    let rt = runtime();
    let gate = Gate::new();
    let mut task = rt.spawn(gate.wait(), Priority::Low);
    let (woken, dropped) = await_rudely(&mut task, Rude::Both);
    let mut polite = Context::from_waker(Waker::noop());
    assert!(pin!(&mut task).poll(&mut polite).is_pending());
    assert_eq!(dropped.count(), 1);
    gate.open();
    laneway::block_on(task);
    assert_eq!(woken.load(Ordering::SeqCst), 0, "it was replaced");
    assert_all_workers_work(&rt);
}

/// Panics at everything that it is told.
#[derive(Default)]
struct Shocked {
    events: AtomicUsize,
    lost: AtomicUsize,
}

impl Observer for Shocked {
    fn on_event(&self, event: Event) {
        self.events.fetch_add(1, Ordering::SeqCst);
        panic!("shocked by {event:?}");
    }

    fn on_lost_panic(&self, panic: &LostPanic<'_>) {
        self.lost.fetch_add(1, Ordering::SeqCst);
        panic!("shocked by {}", panic.message());
    }
}

#[test]
fn a_panic_in_an_observer() {
    let shocked = Arc::new(Shocked::default());
    let rt = build(shocked.clone());
    for n in 0..20 {
        assert_eq!(join!(rt.spawn(async move { n }, Priority::Low)), [n]);
    }
    rt.spawn(async { panic!("one more") }, Priority::Low)
        .detach();
    assert_all_workers_work(&rt);
    rt.spawn(pending::<()>(), Priority::High).detach();
    eventually("it is pending", || rt.metrics().queues[0].polls == 1);
    let report = cut_off(&rt);
    assert_eq!((report.panicked, report.cut_off), (1, 1));
    assert_eq!(shocked.lost.load(Ordering::SeqCst), 1);
    // Of each task at least: spawned, scheduled, taken, polled, polled to its end.
    assert!(shocked.events.load(Ordering::SeqCst) >= 5 * (20 + WORKERS + 2));
}

//! Does it cost more than a log line when wakers, observers and panic payloads panic themselves?

mod common;

use std::future::{Future, pending};
use std::panic::panic_any;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use common::{Gate, eventually};
use laneway::observe::{Event, Observer};
use laneway::{Priority, Runtime};

const LONG: Duration = Duration::from_secs(20);

fn runtime() -> Runtime {
    let builder = Runtime::builder().with_high_num(1).with_low_num(1);
    builder.build().unwrap()
}

struct RudeWaker(Arc<AtomicUsize>);

impl Wake for RudeWaker {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
        panic!("a rude waker wakes");
    }
}

impl Drop for RudeWaker {
    fn drop(&mut self) {
        panic!("a rude waker is dropped");
    }
}

fn busy(rt: &Runtime) -> (laneway::Task<()>, Sender<()>) {
    let (end, ended): (_, Receiver<()>) = mpsc::channel();
    let (begin, begun) = mpsc::channel();
    let busy = async move {
        begin.send(()).unwrap();
        ended.recv().unwrap();
        pending::<()>().await;
    };
    let task = rt.spawn(busy, Priority::Low);
    begun.recv().unwrap();
    (task, end)
}

#[test]
fn a_panic_in_the_waker_of_who_awaits_a_cancellation() {
    let rt = runtime();
    let (task, end) = busy(&rt);
    let woken = Arc::new(AtomicUsize::new(0));
    let waker = Waker::from(Arc::new(RudeWaker(woken.clone())));
    let mut cancel = pin!(task.cancel());
    assert!(
        cancel
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    drop(waker);
    end.send(()).unwrap();
    eventually("the awaiter is woken", || woken.load(Ordering::SeqCst) == 1);
    assert_eq!(laneway::block_on(cancel), None);
    assert!(rt.shutdown(LONG).is_clean());
}

/// A payload whose destructor panics too.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a payload goes off");
    }
}

struct BombWaker(Arc<AtomicUsize>);

impl Wake for BombWaker {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
        panic_any(Bomb);
    }
}

#[test]
fn a_waker_that_panics_with_a_payload_that_panics() {
    let rt = runtime();
    let gate = Gate::new();
    let mut task = rt.spawn(gate.wait(), Priority::Low);
    let woken = Arc::new(AtomicUsize::new(0));
    let waker = Waker::from(Arc::new(BombWaker(woken.clone())));
    assert!(
        pin!(&mut task)
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    gate.open();
    eventually("the awaiter is woken", || woken.load(Ordering::SeqCst) == 1);
    laneway::block_on(task);
}

struct BombObserver;

impl Observer for BombObserver {
    fn on_event(&self, event: Event) {
        if let Event::PollStarted { .. } = event {
            panic_any(Bomb);
        }
    }
}

#[test]
fn an_observer_that_panics_with_a_payload_that_panics() {
    let builder = Runtime::builder().with_high_num(0).with_low_num(1);
    let rt = builder
        .with_observer(Arc::new(BombObserver))
        .build()
        .unwrap();
    for _ in 0..3 {
        let task = rt.spawn(async {}, Priority::Low);
        eventually("the only worker is still there", || task.is_finished());
    }
}

/// A logger that panics whenever it is asked to log.
struct RudeLog;

impl log::Log for RudeLog {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, _: &log::Record<'_>) {
        panic!("a rude logger logs");
    }

    fn flush(&self) {}
}

#[test]
fn a_logger_that_panics_when_a_panic_is_reported() {
    log::set_logger(&RudeLog).unwrap();
    log::set_max_level(log::LevelFilter::Error);
    let rt = runtime();
    let panics = async { panic!("nobody awaits this") };
    rt.spawn(panics, Priority::Low).detach();
    let report = rt.shutdown(LONG);
    assert_eq!((report.panicked, report.still_running), (1, 0));
}

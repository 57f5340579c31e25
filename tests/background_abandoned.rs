//! What becomes of a request in a handler's hands when its caller gives up?

mod common;

use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use common::{DropCounter, Gate};
use futures_lite::future::or;
use laneway::background::{
    Abandoned, CallError, CallerGone, CloseReason, RestartPolicy, Service, caller_gone,
};
use laneway::sim::{Sim, explore};
use laneway::time::sleep;
use laneway::{Priority, Runtime, block_on, spawn_task};

const MS: Duration = Duration::from_millis(1);

fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// A request that is never answered, or one that is at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Query {
    Hangs,
    Ready,
}

async fn answer(query: Query) -> Query {
    match query {
        Query::Hangs => pending().await,
        Query::Ready => query,
    }
}

/// Gives `None` when the caller is gone.
async fn unless_gone<F: Future>(work: F) -> Option<F::Output> {
    let gone = caller_gone();
    or(async { Some(work.await) }, async {
        gone.await;
        None
    })
    .await
}

#[test]
fn places_of_callers_that_gave_up_are_free_where_abandoned_work_is_dropped() {
    let run = Sim::seed(7).run(async {
        let service = Service::new().in_flight(64).abandoned(Abandoned::Dropped);
        let (pool, background) = service.build((), async |_: &(), query| answer(query).await);
        let background = spawn_task!(background);
        for _ in 0..64 {
            let hangs = pool.call_timeout(Query::Hangs, MS);
            assert_eq!(hangs.await, Err(CallError::TimedOut));
        }
        assert_eq!(pool.call(Query::Ready).await, Ok(Query::Ready));
        let metrics = pool.metrics();
        assert_eq!(
            (metrics.abandoned, metrics.in_flight, metrics.completed),
            (64, 0, 1)
        );
        drop(pool);
        background.await;
    });
    run.unwrap();
}

#[test]
fn places_are_free_where_the_handler_asks_for_its_caller() {
    let run = Sim::seed(7).run(async {
        let handler = async |_: &(), query| unless_gone(answer(query)).await;
        let (pool, background) = Service::new().in_flight(64).build((), handler);
        let background = spawn_task!(background);
        for _ in 0..64 {
            let hangs = pool.call_timeout(Query::Hangs, MS);
            assert_eq!(hangs.await, Err(CallError::TimedOut));
        }
        assert_eq!(pool.call(Query::Ready).await, Ok(Some(Query::Ready)));
        let metrics = pool.metrics();
        assert_eq!(
            (metrics.abandoned, metrics.in_flight, metrics.completed),
            (0, 0, 65)
        );
        drop(pool);
        background.await;
    });
    run.unwrap();
}

#[test]
fn one_at_a_time_is_no_different() {
    let handler = async |_: &mut (), query| unless_gone(answer(query)).await;
    let (asks, background) = Service::new().build((), handler);
    let mut background = Box::pin(background);
    let hangs = asks.try_call(Query::Hangs).unwrap();
    let next = asks.try_call(Query::Ready).unwrap();
    assert!(poll_once(background.as_mut()).is_pending());
    drop(hangs);
    assert!(poll_once(background.as_mut()).is_pending());
    assert_eq!(block_on(next), Ok(Some(Query::Ready)));

    let handler = async |_: &mut (), query| answer(query).await;
    let service = Service::new().abandoned(Abandoned::Dropped);
    let (drops, background) = service.build((), handler);
    let mut background = Box::pin(background);
    let hangs = drops.try_call(Query::Hangs).unwrap();
    let next = drops.try_call(Query::Ready).unwrap();
    assert!(poll_once(background.as_mut()).is_pending());
    drop(hangs);
    assert!(poll_once(background.as_mut()).is_pending());
    assert_eq!(block_on(next), Ok(Query::Ready));
}

#[test]
fn a_background_is_woken_for_a_caller_that_gives_up_and_only_if_it_wants_to_know() {
    #[derive(Default)]
    struct Wakes(AtomicUsize);
    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    for (abandoned, woken) in [(Abandoned::Finished, 0), (Abandoned::Dropped, 1)] {
        let service = Service::new().in_flight(2).abandoned(abandoned);
        let (pool, background) = service.build((), async |_: &(), query| answer(query).await);
        let mut background = pin!(background);
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(wakes.clone());
        let hangs = pool.try_call(Query::Hangs).unwrap();
        assert!(
            background
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        let before = wakes.0.load(Ordering::SeqCst);
        drop(hangs);
        assert_eq!(
            wakes.0.load(Ordering::SeqCst) - before,
            woken,
            "{abandoned:?}"
        );
    }
}

#[test]
fn dropped_work_is_dropped_before_the_next_request_and_its_destructors_run() {
    let dropped = DropCounter::new();
    let tokens = dropped.clone();
    let handler = async move |_: &mut (), query| {
        let _held = tokens.token();
        answer(query).await;
        tokens.count()
    };
    let service = Service::new().abandoned(Abandoned::Dropped);
    let (handle, background) = service.build((), handler);
    let mut background = pin!(background);
    let hangs = handle.try_call(Query::Hangs).unwrap();
    let next = handle.try_call(Query::Ready).unwrap();
    assert!(poll_once(background.as_mut()).is_pending());
    drop(hangs);
    assert_eq!(
        dropped.count(),
        0,
        "a caller runs no destructor of the handler's"
    );
    assert!(poll_once(background.as_mut()).is_pending());
    assert_eq!(block_on(next), Ok(1));
}

#[test]
fn a_destructor_of_dropped_work_that_panics_is_a_panic_of_the_handler() {
    struct Rude;
    impl Drop for Rude {
        fn drop(&mut self) {
            resume_unwind(Box::new("rude"));
        }
    }
    let handler = async |_: &(), query| {
        let _rude = (query == Query::Hangs).then(|| Rude);
        answer(query).await
    };
    let service = Service::new().in_flight(2).abandoned(Abandoned::Dropped);
    let (handle, background) = service.clone().build((), handler);
    let mut background = Box::pin(background);
    let [gives_up, stays] = [Query::Hangs; 2].map(|query| handle.try_call(query).unwrap());
    assert!(poll_once(background.as_mut()).is_pending());
    drop(gives_up);
    let polled = catch_unwind(AssertUnwindSafe(|| poll_once(background.as_mut())));
    assert!(polled.is_err());
    let reason = CloseReason::Panicked("rude".into());
    assert_eq!(block_on(stays), Err(CallError::Closed(reason)));

    let at_once = RestartPolicy::new().backoff(Duration::ZERO, Duration::ZERO);
    let (handle, background) = service.restart(at_once).build(async || (), handler);
    let mut background = Box::pin(background);
    let gives_up = handle.try_call(Query::Hangs).unwrap();
    assert!(poll_once(background.as_mut()).is_pending());
    drop(gives_up);
    let next = handle.try_call(Query::Ready).unwrap();
    drop(handle);
    block_on(background);
    assert_eq!(block_on(next), Ok(Query::Ready));
}

#[test]
fn a_reply_left_alone_is_no_caller_that_gave_up() {
    let gate = Gate::new();
    let opened = gate.clone();
    let done = Arc::new(AtomicUsize::new(0));
    let count = done.clone();
    let handler = async move |_: &mut (), _: u8| {
        if unless_gone(opened.wait()).await.is_some() {
            count.fetch_add(1, Ordering::SeqCst);
        }
    };
    let service = Service::new().abandoned(Abandoned::Dropped);
    let (handle, background) = service.build((), handler);
    let mut background = pin!(background);
    handle.try_call(1).unwrap().detach();
    let late = handle.try_call(2).unwrap();
    assert!(poll_once(background.as_mut()).is_pending());
    gate.open();
    drop(handle);
    block_on(background);
    assert_eq!(block_on(late), Ok(()));
    assert_eq!(done.load(Ordering::SeqCst), 2);
}

#[test]
fn a_spawned_task_learns_it_by_a_future_that_the_handler_made() {
    let rt = Runtime::builder().build().unwrap();
    let (sender, told) = std::sync::mpsc::channel();
    let handler = async move |_: &mut (), _: u8| {
        let (gone, sender) = (caller_gone(), sender.clone());
        let task = spawn_task!(async move {
            gone.await;
            sender.send("gone").unwrap();
        });
        task.await;
    };
    let (handle, background) = Service::new().build((), handler);
    rt.spawn(background, Priority::Low).detach();
    let call = handle.try_call(1).unwrap();
    common::eventually("the handler has it", || handle.metrics().in_flight == 1);
    assert!(told.try_recv().is_err());
    drop(call);
    assert_eq!(told.recv_timeout(Duration::from_secs(20)), Ok("gone"));
}

#[test]
fn elsewhere_nobody_is_ever_gone() {
    assert!(poll_once(pin!(caller_gone())).is_pending());
    // After the reply, in a future that has outlived its handler.
    let kept = Mutex::new(None::<CallerGone>);
    let handler = async |_: &mut (), _: u8| {
        *kept.lock().unwrap() = Some(caller_gone());
    };
    let (handle, background) = Service::new().build((), handler);
    let mut background = pin!(background);
    let reply = handle.try_call(1).unwrap();
    assert!(poll_once(background.as_mut()).is_pending());
    let mut outlives = kept.lock().unwrap().take().expect("the handler ran");
    assert!(poll_once(Pin::new(&mut outlives)).is_pending());
    drop(reply);
    assert!(poll_once(background.as_mut()).is_pending());
    assert!(poll_once(Pin::new(&mut outlives)).is_pending());
    // Nor is one left on the thread by a handler.
    assert!(poll_once(pin!(caller_gone())).is_pending());
}

#[test]
fn a_handler_inside_a_handler_asks_for_its_own_caller() {
    let inner_handler = async |_: &mut (), _: u8| unless_gone(pending::<()>()).await;
    let (inner, inner_background) = Service::new().build((), inner_handler);
    let inner_background = Mutex::new(Box::pin(inner_background));
    let handler = async |_: &mut (), _: u8| {
        // Polled by this handler, in place of a task.
        let inner = poll_fn(|cx| inner_background.lock().unwrap().as_mut().poll(cx));
        unless_gone(or(inner, pending())).await.is_none()
    };
    let (outer, outer_background) = Service::new().build((), handler);
    let mut outer_background = pin!(outer_background);
    let outer_call = outer.try_call(1).unwrap();
    let inner_call = inner.try_call(1).unwrap();
    assert!(poll_once(outer_background.as_mut()).is_pending());
    assert!(poll_once(outer_background.as_mut()).is_pending());
    assert_eq!(
        (inner.metrics().in_flight, outer.metrics().in_flight),
        (1, 1)
    );
    drop(inner_call);
    assert!(poll_once(outer_background.as_mut()).is_pending());
    assert_eq!(
        (inner.metrics().in_flight, outer.metrics().in_flight),
        (0, 1)
    );
    drop(outer_call);
    assert!(poll_once(outer_background.as_mut()).is_pending());
    assert_eq!(outer.metrics().in_flight, 0);
}

#[test]
fn callers_that_give_up_at_any_moment_leave_the_books_right() {
    let a_while = || fastrand::u32(0..10) * MS;
    for abandoned in [Abandoned::Finished, Abandoned::Dropped] {
        let explored = explore(500, move || async move {
            let handler = async move |_: &(), n: u32| {
                sleep(a_while()).await;
                n
            };
            let service = Service::new().bounded(2).in_flight(2).abandoned(abandoned);
            let (handle, background) = service.build((), handler);
            let background = spawn_task!(background);
            let callers: Vec<_> = (0..6)
                .map(|n| {
                    let handle = handle.clone();
                    spawn_task!(async move {
                        sleep(a_while()).await;
                        match handle.call_timeout(n, 2 * a_while()).await {
                            Ok(reply) => assert_eq!(reply, n),
                            Err(error) => assert_eq!(error, CallError::TimedOut),
                        }
                    })
                })
                .collect();
            for caller in callers {
                caller.await;
            }
            assert_eq!(handle.call(7).await, Ok(7));
            assert_eq!(handle.call(8).await, Ok(8));
            sleep(20 * MS).await;
            let metrics = handle.metrics();
            assert_eq!(metrics.completed + metrics.skipped + metrics.abandoned, 8);
            assert_eq!((metrics.queued, metrics.in_flight, metrics.lost), (0, 0, 0));
            if abandoned == Abandoned::Finished {
                assert_eq!(metrics.abandoned, 0);
            }
            drop(handle);
            background.await;
        });
        explored.unwrap();
    }
}

/// A request whose destructor panics.
#[derive(Debug)]
struct Explosive;

impl Drop for Explosive {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            resume_unwind(Box::new("boom"));
        }
    }
}

fn give_up(reply: impl Sized) {
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(reply)));
    dropped.expect_err("the request's destructor has run");
}

#[test]
fn requests_whose_destructors_panic_in_the_queue_leave_the_books_right() {
    let run = Sim::seed(3).run(async {
        let handler = async |_: &mut (), request: Option<Explosive>| {
            assert!(request.is_none());
            sleep(MS).await;
        };
        let (handle, background) = Service::new().bounded(2).build((), handler);
        let background = spawn_task!(background);
        let urgent = async move {
            let busy = handle.try_call(None).unwrap();
            sleep(MS / 2).await;
            // Each of them takes a place, and gives it back.
            for _ in 0..10 {
                give_up(handle.try_call(Some(Explosive)).unwrap());
            }
            busy.await.unwrap();
            handle.call(None).await.unwrap();
            handle
        };
        let handle = spawn_task!(urgent, Priority::High).await;
        sleep(MS).await;
        assert_eq!(handle.metrics().queued, 0);
        assert_eq!(handle.metrics().skipped, 10);
        assert_eq!(
            background.priority(),
            Priority::Low,
            "no urgent call is left"
        );
    });
    run.unwrap();
}

//! Does a task behind a handle answer every caller, in every case?

mod common;

use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use common::{DropCounter, Gate, cut_off, eventually};
use laneway::background::{
    self, Background, CallError, CloseReason, RestartPolicy, Service, ServiceHandle, TryCallError,
};
use laneway::sim::Sim;
use laneway::{Priority, Runtime, block_on};

const LONG: Duration = Duration::from_secs(20);

const DROPPED: CallError = CallError::Closed(CloseReason::Dropped);

fn closed_by_panic(message: &str) -> CallError {
    CallError::Closed(CloseReason::Panicked(message.into()))
}

fn runtime() -> Runtime {
    let builder = Runtime::builder().with_high_num(1).with_low_num(1);
    builder.build().unwrap()
}

fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Remembers how often it was woken.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Wakes {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

async fn add(sum: &mut u64, n: u64) -> u64 {
    *sum += n;
    *sum
}

/// Handles requests by waiting for the gate of that number.
fn gated(
    count: usize,
) -> (
    Vec<Gate>,
    impl AsyncFn(&(), usize) -> usize + Send + 'static,
) {
    let gates: Vec<Gate> = (0..count).map(|_| Gate::new()).collect();
    let inside = gates.clone();
    let handler = async move |_: &(), n: usize| {
        inside[n].wait().await;
        n
    };
    (gates, handler)
}

/// A background with its first request in the hands of a handler that never ends.
fn stuck(
    bound: usize,
) -> (
    ServiceHandle<u8, u8>,
    Pin<Box<Background<impl Future<Output = ()> + Send>>>,
) {
    let handler = async |_: &mut (), _: u8| pending().await;
    let (handle, background) = Service::new().bounded(bound).build((), handler);
    let mut background = Box::pin(background);
    handle.try_call(0).unwrap().detach();
    assert!(poll_once(background.as_mut()).is_pending());
    assert_eq!(handle.metrics().in_flight, 1);
    (handle, background)
}

// Calls and replies.

#[test]
fn each_call_gets_its_own_reply() {
    let rt = runtime();
    let (double, background) = background::service((), async |_: &mut (), n: u64| 2 * n);
    let task = rt.spawn(background, Priority::Low);
    thread::scope(|scope| {
        for caller in 0..4 {
            let double = double.clone();
            scope.spawn(move || {
                for n in (caller * 10_000)..(caller * 10_000 + 1_000) {
                    assert_eq!(block_on(double.call(n)), Ok(2 * n));
                }
            });
        }
    });
    assert_eq!(double.metrics().completed, 4_000);
    drop(double);
    block_on(task);
}

#[test]
fn the_state_is_one_and_the_same() {
    let (sum, background) = background::service(0, add);
    let replies: Vec<_> = (1..=100).map(|n| sum.try_call(n).unwrap()).collect();
    drop(sum);
    block_on(background);
    let last = replies.into_iter().map(block_on).next_back();
    assert_eq!(last, Some(Ok(5_050)));
}

#[test]
fn a_queue_is_unbounded_by_default() {
    let (sum, background) = background::service(0, add);
    for _ in 0..100_000 {
        sum.try_call(1).unwrap().detach();
    }
    assert_eq!(sum.metrics().queued, 100_000);
    let last = sum.try_call(0).unwrap();
    drop(sum);
    block_on(background);
    assert_eq!(block_on(last), Ok(100_000));
}

#[test]
fn a_request_is_sent_at_the_first_poll_of_its_call() {
    let (sum, background) = background::service(0, add);
    drop(sum.call(1));
    let mut late = pin!(sum.call(10));
    let mut background = pin!(background);
    assert!(poll_once(background.as_mut()).is_pending());
    assert!(poll_once(late.as_mut()).is_pending());
    assert!(poll_once(background.as_mut()).is_pending());
    assert_eq!(poll_once(late), Poll::Ready(Ok(10)));
}

#[test]
fn a_handle_works_on_other_threads_and_executors_and_in_tasks() {
    let rt = runtime();
    let (sum, background) = background::service(0, add);
    let task = rt.spawn(background, Priority::Low);
    let on_a_thread = sum.clone();
    let thread = thread::spawn(move || block_on(on_a_thread.call(1)));
    thread.join().unwrap().unwrap();
    // futures-lite's `block_on` is another executor with wakers of its own.
    futures_lite::future::block_on(sum.call(10)).unwrap();
    let in_a_task = sum.clone();
    let inner = rt.spawn(async move { in_a_task.call(100).await }, Priority::High);
    block_on(inner).unwrap();
    // Inside a task, by blocking.
    let blocking = sum.clone();
    let inner = rt.spawn(async move { block_on(blocking.call(1_000)) }, Priority::Low);
    block_on(inner).unwrap();
    assert_eq!(rt.block_on(sum.call(10_000)), Ok(11_111));
    drop(sum);
    block_on(task);
}

#[test]
fn the_background_runs_on_any_executor() {
    let (sum, background) = background::service(0, add);
    let thread = thread::spawn(move || futures_lite::future::block_on(background));
    assert_eq!(block_on(sum.call(1)), Ok(1));
    let tasks: Vec<_> = (0..3)
        .map(|_| {
            let sum = sum.clone();
            laneway::spawn_task!(async move { sum.call(1).await })
        })
        .collect();
    let highest = tasks.into_iter().map(|task| block_on(task).unwrap()).max();
    assert_eq!(highest, Some(4));
    drop(sum);
    thread.join().unwrap();
}

#[test]
fn a_background_that_is_not_send_runs_where_it_is() {
    let count = std::rc::Rc::new(std::cell::Cell::new(0));
    let seen = count.clone();
    let (handle, background) = background::service(count, async |count: &mut _, n: u32| {
        let count: &mut std::rc::Rc<std::cell::Cell<u32>> = count;
        count.set(count.get() + n);
        count.get()
    });
    let call = handle.try_call(5).unwrap();
    drop(handle);
    block_on(background);
    assert_eq!((block_on(call), seen.get()), (Ok(5), 5));
}

#[test]
fn handlers_may_borrow_from_the_state_across_awaits() {
    let words = vec!["slow".to_owned(), "lane".to_owned()];
    let (longest, background) =
        Service::new()
            .in_flight(4)
            .build(words, async |words: &Vec<String>, from: usize| {
                let mut longest = &words[from];
                for word in &words[from..] {
                    laneway::yield_now().await;
                    if word.len() > longest.len() {
                        longest = word;
                    }
                }
                longest.clone()
            });
    let rt = runtime();
    rt.spawn(background, Priority::Low).detach();
    assert_eq!(block_on(longest.call(1)).unwrap(), "lane");
}

// Bounds.

#[test]
fn try_call_gives_the_request_back_when_it_is_busy() {
    let (handle, background) = stuck(2);
    let first = handle.try_call(1).unwrap();
    let _second = handle.try_call(2).unwrap();
    assert_eq!(handle.try_call(3).unwrap_err(), TryCallError::Busy(3));
    // A request that is given up makes room.
    drop(first);
    let _third = handle.try_call(3).unwrap();
    assert_eq!(handle.try_call(4).unwrap_err().into_request(), 4);
    drop(background);
    assert_eq!(
        handle.try_call(5).unwrap_err(),
        TryCallError::Closed(5, CloseReason::Dropped)
    );
}

#[test]
fn call_waits_for_room_and_nobody_overtakes_it() {
    let order = Mutex::new(Vec::new());
    let (handle, background) = Service::new()
        .bounded(1)
        .build((), async |_: &mut (), n: u8| {
            order.lock().unwrap().push(n);
        });
    let first = handle.try_call(1).unwrap();
    let mut waits = pin!(handle.call(2));
    assert!(poll_once(waits.as_mut()).is_pending());
    let metrics = handle.metrics();
    assert_eq!((metrics.queued, metrics.waiting_for_room), (1, 1));
    assert!(handle.try_call(3).is_err());
    let mut background = pin!(background);
    assert!(poll_once(background.as_mut()).is_pending());
    assert_eq!(poll_once(waits), Poll::Ready(Ok(())));
    assert_eq!(block_on(first), Ok(()));
    handle.try_call(4).unwrap().detach();
    assert!(poll_once(background.as_mut()).is_pending());
    assert_eq!(*order.lock().unwrap(), [1, 2, 4]);
}

#[test]
fn callers_that_wait_for_room_share_it_among_threads() {
    let rt = runtime();
    let (sum, background) = Service::new().bounded(1).build(0, add);
    rt.spawn(background, Priority::Low).detach();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..1_000 {
                    block_on(sum.call(1)).unwrap();
                }
            });
        }
    });
    assert_eq!(block_on(sum.call(0)), Ok(4_000));
}

#[test]
#[should_panic(expected = "room for one request at least")]
fn a_bound_of_zero_is_refused() {
    let _ = Service::new().bounded(0);
}

#[test]
#[should_panic(expected = "one request in flight at least")]
fn zero_in_flight_is_refused() {
    let _ = Service::new().in_flight(0);
}

// Requests in flight.

#[test]
fn a_slow_request_does_not_hold_up_the_rest() {
    let (gates, handler) = gated(3);
    let (handle, background) = Service::new().in_flight(3).build((), handler);
    let mut background = pin!(background);
    let slow = handle.try_call(0).unwrap();
    let (one, two) = (handle.try_call(1).unwrap(), handle.try_call(2).unwrap());
    assert!(poll_once(background.as_mut()).is_pending());
    gates[2].open();
    gates[1].open();
    assert!(poll_once(background.as_mut()).is_pending());
    assert_eq!((block_on(one), block_on(two)), (Ok(1), Ok(2)));
    gates[0].open();
    assert!(poll_once(background.as_mut()).is_pending());
    assert_eq!(block_on(slow), Ok(0));
}

#[test]
fn no_more_requests_are_in_flight_than_was_asked_for() {
    let (gates, handler) = gated(5);
    let (handle, background) = Service::new().in_flight(2).build((), handler);
    let mut background = pin!(background);
    let replies: Vec<_> = (0..5).map(|n| handle.try_call(n).unwrap()).collect();
    let polls = || gates.iter().map(Gate::polls).collect::<Vec<_>>();
    assert!(poll_once(background.as_mut()).is_pending());
    assert_eq!(polls(), [1, 1, 0, 0, 0]);
    assert_eq!(handle.metrics().in_flight, 2);
    gates[1].open();
    assert!(poll_once(background.as_mut()).is_pending());
    // The one that ended made room for one; the other was not polled without a reason.
    assert_eq!(polls(), [1, 2, 1, 0, 0]);
    gates.iter().for_each(Gate::open);
    drop(handle);
    block_on(background);
    gates.iter().for_each(Gate::assert_treated_well);
    assert_eq!(
        replies.into_iter().map(block_on).collect::<Vec<_>>(),
        [0, 1, 2, 3, 4].map(Ok)
    );
}

#[test]
fn with_one_in_flight_the_order_is_strict() {
    let log = Mutex::new(Vec::new());
    let handler = async |_: &(), n: usize| {
        log.lock().unwrap().push(("begins", n));
        // The earlier ones take longer.
        for _ in n..4 {
            laneway::yield_now().await;
        }
        log.lock().unwrap().push(("ends", n));
    };
    let in_turn = |log: &Mutex<Vec<_>>| {
        let expected = (0..4).flat_map(|n| [("begins", n), ("ends", n)]);
        assert_eq!(
            std::mem::take(&mut *log.lock().unwrap()),
            expected.collect::<Vec<_>>()
        );
    };
    let (handle, background) = Service::new().in_flight(1).build((), handler);
    (0..4).for_each(|n| handle.try_call(n).unwrap().detach());
    drop(handle);
    block_on(background);
    in_turn(&log);
    // And by default.
    let by_default = async |_: &mut (), n| handler(&(), n).await;
    let (handle, background) = background::service((), by_default);
    (0..4).for_each(|n| handle.try_call(n).unwrap().detach());
    drop(handle);
    block_on(background);
    in_turn(&log);
}

#[test]
fn requests_in_flight_are_woken_from_other_threads() {
    let rt = runtime();
    let (asked, questions) = mpsc::channel::<(u64, async_channel::Sender<u64>)>();
    let answers = thread::spawn(move || {
        let mut held = Vec::new();
        while let Ok(question) = questions.recv() {
            held.push(question);
            // Answered out of order.
            if held.len() == 10 {
                held.drain(..)
                    .rev()
                    .for_each(|(n, to)| to.try_send(n).unwrap());
            }
        }
    });
    let handler = async |asked: &mpsc::Sender<_>, n: u64| {
        let (answer, answered) = async_channel::bounded(1);
        asked.send((n, answer)).unwrap();
        answered.recv().await.unwrap()
    };
    let asked = Mutex::new(asked);
    let handler = async move |asked: &Mutex<mpsc::Sender<_>>, n| {
        let asked = asked.lock().unwrap().clone();
        handler(&asked, n).await
    };
    let (handle, background) = Service::new().in_flight(10).build(asked, handler);
    let task = rt.spawn(background, Priority::Low);
    let replies: Vec<_> = (0..1_000).map(|n| handle.try_call(n).unwrap()).collect();
    let replies: Vec<_> = replies
        .into_iter()
        .map(|reply| block_on(reply).unwrap())
        .collect();
    assert_eq!(replies, (0..1_000).collect::<Vec<_>>());
    drop(handle);
    block_on(task);
    answers.join().unwrap();
}

// The end.

#[test]
fn when_the_last_handle_is_dropped_the_background_finishes_what_it_holds_and_ends() {
    let (gates, handler) = gated(3);
    let (handle, background) = Service::new().in_flight(2).build((), handler);
    let other = handle.clone();
    let replies: Vec<_> = (0..3).map(|n| handle.try_call(n).unwrap()).collect();
    let mut background = pin!(background);
    assert!(poll_once(background.as_mut()).is_pending());
    drop(handle);
    drop(other);
    assert!(poll_once(background.as_mut()).is_pending());
    gates.iter().for_each(Gate::open);
    assert_eq!(poll_once(background.as_mut()), Poll::Ready(()));
    assert_eq!(
        replies.into_iter().map(block_on).collect::<Vec<_>>(),
        [Ok(0), Ok(1), Ok(2)]
    );
}

#[test]
fn the_last_handle_wakes_a_background_that_waits() {
    let (handle, background) = background::service(0, add);
    let mut background = pin!(background);
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(wakes.clone());
    let mut cx = Context::from_waker(&waker);
    assert!(background.as_mut().poll(&mut cx).is_pending());
    let other = handle.clone();
    drop(handle);
    assert_eq!(wakes.count(), 0);
    drop(other);
    assert_eq!(wakes.count(), 1);
    assert!(background.as_mut().poll(&mut cx).is_ready());
}

#[test]
fn close_ends_a_background_that_holds_its_own_handle() {
    let (handle, background) = Service::new().in_flight(2).build(
        Mutex::new(None),
        async |own: &Mutex<Option<ServiceHandle<u8, u8>>>, n: u8| {
            let own = own.lock().unwrap().clone();
            match own {
                Some(own) if n > 0 => own.call(n - 1).await.unwrap() + 1,
                _ => n,
            }
        },
    );
    let rt = runtime();
    let task = rt.spawn(background, Priority::Low);
    assert_eq!(block_on(handle.call(1)), Ok(1));
    handle.close();
    assert!(handle.is_closed());
    assert_eq!(
        handle.try_call(7).unwrap_err(),
        TryCallError::Closed(7, CloseReason::ByHandle)
    );
    block_on(task);
    assert_eq!(
        block_on(handle.call(1)),
        Err(CallError::Closed(CloseReason::ByHandle))
    );
}

#[test]
fn no_call_counts_as_waiting_for_a_background_that_is_gone() {
    let (handle, background) = Service::new()
        .bounded(1)
        .build((), async |_: &mut (), n: u8| n);
    let queued = handle.try_call(1).unwrap();
    let mut waits = pin!(handle.call(2));
    assert!(poll_once(waits.as_mut()).is_pending());
    let waiting = || (handle.metrics().queued, handle.metrics().waiting_for_room);
    assert_eq!(waiting(), (1, 1));
    drop(background);
    assert_eq!(waiting(), (0, 0));
    assert_eq!(poll_once(pin!(queued)), Poll::Ready(Err(DROPPED)));
    assert_eq!(poll_once(waits), Poll::Ready(Err(DROPPED)));
    assert_eq!(waiting(), (0, 0));
}

#[test]
fn when_the_background_is_dropped_every_caller_gets_closed() {
    let (handle, background) = stuck(1);
    let queued = handle.try_call(1).unwrap();
    let mut waits_for_room = pin!(handle.call(2));
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(wakes.clone());
    assert!(
        waits_for_room
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    drop(background);
    assert_eq!(wakes.count(), 1);
    assert_eq!(poll_once(waits_for_room), Poll::Ready(Err(DROPPED)));
    assert_eq!(poll_once(pin!(queued)), Poll::Ready(Err(DROPPED)));
    // And whoever comes later, at once.
    assert_eq!(poll_once(pin!(handle.call(3))), Poll::Ready(Err(DROPPED)));
    assert!(handle.is_closed());
    assert_eq!(handle.metrics().lost, 1);
}

#[test]
fn when_the_runtime_ends_every_caller_gets_closed() {
    let rt = runtime();
    let (handle, background) = background::service((), async |_: &mut (), _: u8| {
        pending::<()>().await;
    });
    rt.spawn(background, Priority::Low).detach();
    thread::scope(|scope| {
        let callers: Vec<_> = (0..4).map(|n| (n, handle.clone())).collect();
        let callers = callers.into_iter();
        let callers: Vec<_> = callers
            .map(|(n, handle)| scope.spawn(move || block_on(handle.call(n))))
            .collect();
        eventually("all have called", || {
            let metrics = handle.metrics();
            metrics.in_flight + metrics.queued == 4
        });
        assert_eq!(cut_off(&rt).cut_off, 1);
        for caller in callers {
            assert_eq!(caller.join().unwrap(), Err(DROPPED));
        }
    });
}

#[test]
fn when_the_handler_panics_every_caller_gets_closed() {
    let rt = runtime();
    let gate = Gate::new();
    let opened = gate.clone();
    let (handle, background) = background::service((), async move |_: &mut (), _: u8| {
        opened.wait().await;
        resume_unwind(Box::new("own"));
    });
    let task = rt.spawn(background, Priority::Low).fallible();
    let replies: Vec<_> = (0..3).map(|n| handle.try_call(n).unwrap()).collect();
    gate.eventually_polled(1);
    gate.open();
    for reply in replies {
        assert_eq!(block_on(reply), Err::<(), _>(closed_by_panic("own")));
    }
    let error = block_on(task).unwrap_err();
    assert_eq!(error.into_panic().downcast_ref(), Some(&"own"));
    assert_eq!(block_on(handle.call(4)), Err(closed_by_panic("own")));
    let error = handle.try_call(5).unwrap_err().to_string();
    assert_eq!(
        error,
        "the background takes no more requests: it panicked: own"
    );
}

#[test]
fn a_panic_ends_what_else_is_in_flight() {
    let (gates, handler) = gated(2);
    let (handle, background) = Service::new()
        .in_flight(3)
        .build((), async move |_: &(), n| {
            if n == 2 {
                resume_unwind(Box::new("two"));
            }
            handler(&(), n).await
        });
    let replies: Vec<_> = (0..3).map(|n| handle.try_call(n).unwrap()).collect();
    let mut background = pin!(background);
    let panicked = catch_unwind(AssertUnwindSafe(|| poll_once(background.as_mut())));
    assert_eq!(panicked.unwrap_err().downcast_ref(), Some(&"two"));
    for reply in replies {
        assert_eq!(block_on(reply), Err(closed_by_panic("two")));
    }
    gates.iter().for_each(Gate::assert_treated_well);
}

#[test]
fn the_first_reason_stays_and_those_inside_learn_the_last() {
    let gate = Gate::new();
    let opened = gate.clone();
    let (handle, background) = background::service((), async move |_: &mut (), _: u8| {
        opened.wait().await;
        resume_unwind(Box::new("late"));
    });
    let mut background = Box::pin(background);
    let replies = [1, 2].map(|n| handle.try_call(n).unwrap());
    assert!(poll_once(background.as_mut()).is_pending());
    handle.close();
    gate.open();
    assert!(catch_unwind(AssertUnwindSafe(|| block_on(background))).is_err());
    for reply in replies {
        assert_eq!(block_on(reply), Err::<(), _>(closed_by_panic("late")));
    }
    let later = block_on(handle.call(3)).unwrap_err();
    assert_eq!(later.close_reason(), Some(&CloseReason::ByHandle));
    assert_eq!(later.panic_message(), None);
}

#[test]
fn a_handler_that_panics_before_its_first_await_is_no_different() {
    #[allow(clippy::manual_async_fn, reason = "it panics before there is a future")]
    fn handler(_: &mut (), n: u8) -> impl Future<Output = u8> + Send + use<> {
        assert_ne!(n, 0, "zero");
        async move { n }
    }
    let (handle, background) = background::service((), handler);
    let reply = handle.try_call(0).unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| block_on(background))).is_err());
    let error = block_on(reply).unwrap_err();
    assert!(error.panic_message().unwrap().contains("zero"), "{error}");
    assert_eq!(block_on(handle.call(1)), Err(error));
}

/// Polls a background with one waker in the middle of a request, with another one after that, and
/// then sends a request. Gives how often each was woken since.
fn woken_after_a_move(
    handle: &ServiceHandle<usize, usize>,
    mut background: Pin<&mut impl Future<Output = ()>>,
    gate: &Gate,
) -> [usize; 2] {
    let wakes = [(); 2].map(|()| Arc::new(Wakes::default()));
    let wakers = wakes.each_ref().map(|wakes| Waker::from(wakes.clone()));
    handle.try_call(0).unwrap().detach();
    for waker in &wakers {
        let mut cx = Context::from_waker(waker);
        assert!(background.as_mut().poll(&mut cx).is_pending());
        gate.open();
    }
    assert_eq!(handle.metrics().completed, 1);
    let before = wakes.each_ref().map(|wakes| wakes.count());
    handle.try_call(0).unwrap().detach();
    [0, 1].map(|n| wakes[n].count() - before[n])
}

#[test]
fn a_background_that_moves_in_the_middle_of_a_request_is_woken_where_it_is() {
    let (gates, handler) = gated(1);
    let in_order = async move |state: &mut (), n| handler(state, n).await;
    let (handle, background) = background::service((), in_order);
    assert_eq!(
        woken_after_a_move(&handle, pin!(background), &gates[0]),
        [0, 1]
    );
    let (gates, handler) = gated(1);
    let (handle, background) = Service::new().in_flight(2).build((), handler);
    assert_eq!(
        woken_after_a_move(&handle, pin!(background), &gates[0]),
        [0, 1]
    );
}

// Nothing is kept.

/// Polls a background once, ends it as told, and asserts that its waker is not kept by what is left.
fn assert_forgets_its_waker<F: Future>(background: F, end: impl FnOnce(Pin<Box<F>>)) {
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(wakes.clone());
    let mut background = Box::pin(background);
    let polled = background.as_mut().poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    assert!(Arc::strong_count(&wakes) > 2, "it waits");
    end(background);
    drop(waker);
    assert_eq!(Arc::strong_count(&wakes), 1);
}

#[test]
fn a_handle_does_not_keep_the_waker_of_a_background_that_is_gone() {
    let (handle, background) = background::service(0, add);
    assert_forgets_its_waker(background, drop);
    assert!(handle.is_closed());
    // Closed, and so at its end by itself.
    let (handle, background) = background::service(0, add);
    assert_forgets_its_waker(background, |background| {
        handle.close();
        block_on(background);
    });
    let (handle, background) = Service::new()
        .restart(RestartPolicy::new())
        .build(async || 0, add);
    assert_forgets_its_waker(background, drop);
    assert!(handle.is_closed());
    let (process, background) = background::every(LONG, async || ());
    assert_forgets_its_waker(background, drop);
    assert!(!process.metrics().running);
}

/// A task as executors write it whose wakers own the future.
struct OwnTask<F>(Mutex<Option<Pin<Box<F>>>>);

impl<F: Future + Send + 'static> Wake for OwnTask<F> {
    fn wake(self: Arc<Self>) {}
}

/// Polls a future once in a task that its wakers own, and drops the task.
fn drop_own_task<F: Future + Send + 'static>(future: F) {
    let task = Arc::new(OwnTask(Mutex::new(Some(Box::pin(future)))));
    let waker = Waker::from(task.clone());
    let mut future = task.0.lock().unwrap();
    let polled = future.as_mut().map(|future| {
        let cx = &mut Context::from_waker(&waker);
        future.as_mut().poll(cx)
    });
    assert!(polled.is_some_and(|polled| polled.is_pending()));
}

#[test]
fn a_service_in_a_task_that_its_wakers_own_ends_with_its_handles() {
    let dropped = DropCounter::new();
    let (handle, background) = background::service(dropped.token(), async |_, n: u8| n);
    drop_own_task(background);
    assert_eq!(dropped.count(), 0, "the handle may call");
    drop(handle);
    assert_eq!(dropped.count(), 1);
}

#[test]
fn nor_does_a_waker_of_a_request_that_was_in_flight() {
    let kept = Mutex::new(None);
    let keeps = async |_: &(), _: u8| {
        poll_fn(|cx| {
            *kept.lock().unwrap() = Some(cx.waker().clone());
            Poll::<u8>::Pending
        })
        .await
    };
    let (handle, background) = Service::new().in_flight(2).build((), keeps);
    handle.try_call(1).unwrap().detach();
    assert_forgets_its_waker(background, drop);
    kept.lock().unwrap().take().expect("it was polled").wake();
}

#[test]
fn nor_does_a_reply_that_is_left_alone_keep_that_of_its_awaiter() {
    let (handle, background) = stuck(2);
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(wakes.clone());
    let mut reply = handle.try_call(1).unwrap();
    assert!(
        pin!(&mut reply)
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    reply.detach();
    drop(waker);
    assert_eq!(Arc::strong_count(&wakes), 1);
    drop(background);
    assert_eq!(wakes.count(), 0);
}

// Callers that give up.

#[test]
fn a_caller_that_gives_up_is_no_error_and_its_request_is_skipped() {
    let dropped = DropCounter::new();
    let seen = AtomicUsize::new(0);
    let (handle, background) = background::service((), async |_: &mut (), (_, n)| {
        seen.fetch_add(n, Ordering::SeqCst);
    });
    let mut given_up = Box::pin(handle.call((dropped.token(), 1)));
    assert!(poll_once(given_up.as_mut()).is_pending());
    let served = handle.try_call((dropped.token(), 10)).unwrap();
    drop(given_up);
    assert_eq!(dropped.count(), 1, "a request is dropped with its caller");
    assert_eq!((handle.metrics().skipped, handle.metrics().queued), (1, 1));
    let mut background = pin!(background);
    assert!(poll_once(background.as_mut()).is_pending());
    assert_eq!(
        (block_on(served), seen.load(Ordering::SeqCst)),
        (Ok(()), 10)
    );
}

#[test]
fn work_that_was_begun_is_ended_though_its_caller_gave_up() {
    let (gates, handler) = gated(2);
    let (handle, background) = Service::new().in_flight(1).build((), handler);
    let mut background = pin!(background);
    let given_up = handle.try_call(0).unwrap();
    assert!(poll_once(background.as_mut()).is_pending());
    drop(given_up);
    gates[0].open();
    assert!(poll_once(background.as_mut()).is_pending());
    gates[0].assert_treated_well();
    assert_eq!(handle.metrics().completed, 1);
}

#[test]
fn callers_that_give_up_leave_nothing_in_the_queue() {
    let (handle, _background) = stuck(1);
    let mut live = Vec::new();
    for n in 0..100_000_u32 {
        let mut call = Box::pin(handle.call(0));
        assert!(poll_once(call.as_mut()).is_pending());
        if n % 10_000 == 0 {
            live.push(call);
        }
    }
    let metrics = handle.metrics();
    assert_eq!((metrics.queued, metrics.waiting_for_room), (1, 9));
    assert_eq!(metrics.skipped, 99_990);
}

#[test]
fn call_timeout_gives_up_in_the_queue_and_in_flight() {
    let short = Duration::from_millis(5);
    let hangs = async |_: &mut (), _: u8| pending::<u8>().await;
    // In simulated time, which stands still between the polls.
    let run = Sim::seed(1).run(async move {
        let (handle, background) = background::service((), hangs);
        let mut background = pin!(background);
        let mut in_flight = pin!(handle.call_timeout(1, short));
        assert!(poll_once(in_flight.as_mut()).is_pending());
        assert!(poll_once(background.as_mut()).is_pending());
        assert_eq!(in_flight.await, Err(CallError::TimedOut));
        assert_eq!(handle.metrics().skipped, 0);
        let in_queue = handle.call_timeout(2, short);
        assert_eq!(in_queue.await, Err(CallError::TimedOut));
        assert_eq!(handle.metrics().skipped, 1);
    });
    assert_eq!(run.unwrap().elapsed, 2 * short);
    let rt = runtime();
    let (echo, background) = background::service((), async |_: &mut (), n: u8| n);
    rt.spawn(background, Priority::Low).detach();
    assert_eq!(block_on(echo.call_timeout(3, LONG)), Ok(3));
}

#[test]
fn a_call_that_is_polled_with_another_waker_wakes_the_last_one() {
    let (handle, background) = background::service(0, add);
    let (first, last) = (Arc::new(Wakes::default()), Arc::new(Wakes::default()));
    let mut call = pin!(handle.call(1));
    for wakes in [&first, &last] {
        let waker = Waker::from(wakes.clone());
        assert!(
            call.as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
    }
    assert!(poll_once(pin!(background)).is_pending());
    assert_eq!((first.count(), last.count()), (0, 1));
    assert_eq!(poll_once(call), Poll::Ready(Ok(1)));
}

#[test]
fn a_rude_caller_does_the_background_no_harm() {
    struct Rude;
    impl Wake for Rude {
        fn wake(self: Arc<Self>) {
            resume_unwind(Box::new("rude"));
        }
    }
    struct RudeReply;
    impl Drop for RudeReply {
        fn drop(&mut self) {
            resume_unwind(Box::new("rude"));
        }
    }
    let (handle, background) = background::service((), async |_: &mut (), _: u8| RudeReply);
    let mut background = Box::pin(background);
    let waker = Waker::from(Arc::new(Rude));
    let mut woken = Box::pin(handle.call(1));
    assert!(
        woken
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    let gone = handle.try_call(2).unwrap();
    gone.detach();
    // The reply of the second is dropped by the background: nobody awaits it, it panics.
    assert!(poll_once(background.as_mut()).is_pending());
    assert_eq!(handle.metrics().completed, 2);
    let Poll::Ready(Ok(reply)) = poll_once(woken.as_mut()) else {
        panic!("no reply");
    };
    std::mem::forget(reply);
}

// Fairness.

#[test]
fn a_flood_of_requests_does_not_keep_the_worker() {
    for in_flight in [None, Some(1), Some(1_000)] {
        let service = Service::new();
        let (handle, background): (_, Pin<Box<dyn Future<Output = ()>>>) = match in_flight {
            None => {
                let (handle, background) = service.build(0, add);
                (handle, Box::pin(background))
            }
            Some(n) => {
                let echo = async |_: &(), n: u64| n;
                let (handle, background) = service.in_flight(n).build((), echo);
                (handle, Box::pin(background))
            }
        };
        let mut background = background;
        (0..1_000).for_each(|n| handle.try_call(n).unwrap().detach());
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(wakes.clone());
        let mut cx = Context::from_waker(&waker);
        let mut polls = 0;
        while handle.metrics().completed < 1_000 {
            let before = handle.metrics().completed;
            assert!(background.as_mut().poll(&mut cx).is_pending());
            let served = handle.metrics().completed - before;
            assert!(served <= 64, "{served} in one poll, {in_flight:?}");
            polls += 1;
            // It asks to be polled again, each time.
            if handle.metrics().completed < 1_000 {
                assert_eq!(wakes.count(), polls, "{in_flight:?}");
            }
        }
        assert!(polls >= 16, "{polls} polls, {in_flight:?}");
    }
}

#[test]
fn requests_that_yield_do_not_keep_the_worker() {
    let forever = async |_: &(), _: u8| -> u8 {
        loop {
            laneway::yield_now().await;
        }
    };
    let (handle, background) = Service::new().in_flight(8).build((), forever);
    (0..8).for_each(|n| handle.try_call(n).unwrap().detach());
    let mut background = pin!(background);
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(wakes.clone());
    let mut cx = Context::from_waker(&waker);
    for poll in 1..=100 {
        assert!(background.as_mut().poll(&mut cx).is_pending());
        assert_eq!(wakes.count(), poll);
    }
}

#[test]
fn other_tasks_run_while_requests_flood_in() {
    let builder = Runtime::builder().with_high_num(0).with_low_num(1);
    let rt = builder.build().unwrap();
    // A background that always has requests, and another task, on the only worker.
    let slot = Arc::new(Mutex::new(None::<ServiceHandle<u64, u64>>));
    let again = slot.clone();
    let endless = async move |sum: &mut u64, n: u64| {
        *sum += n;
        if let Some(own) = &*again.lock().unwrap() {
            own.try_call(1).unwrap().detach();
        }
        *sum
    };
    let (handle, background) = background::service(0, endless);
    *slot.lock().unwrap() = Some(handle.clone());
    let task = rt.spawn(background, Priority::Low);
    handle.try_call(1).unwrap().detach();
    eventually("the flood goes on", || handle.metrics().completed > 1_000);
    let other = rt.spawn(async { 42 }, Priority::Low);
    assert_eq!(block_on(other), 42);
    let before = handle.metrics().completed;
    eventually("the flood still goes on", || {
        handle.metrics().completed > before
    });
    *slot.lock().unwrap() = None;
    drop(handle);
    block_on(task);
}

//! Which other mistakes at this step does the suite see?

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};

use laneway_conformance::{NotBuilt, Runtime};

/// A step whose letter lies in the box, and no waker is called.
struct Silent;

impl Runtime for Silent {
    type Task<T: Send + 'static> = NotBuilt<T>;

    fn block_on<F: Future>(future: F) -> F::Output {
        chapter_01::block_on(future)
    }

    fn letter<T: Send + 'static>() -> Option<(
        impl FnOnce(T) + Send + 'static,
        impl Future<Output = T> + Send + 'static,
    )> {
        let (sender, receiver) = mpsc::channel();
        let letter = poll_fn(move |_| match receiver.try_recv() {
            Ok(value) => Poll::Ready(value),
            Err(_) => Poll::Pending,
        });
        Some((move |value| drop(sender.send(value)), letter))
    }
}

#[test]
fn a_letter_that_calls_no_waker_is_seen() {
    laneway_conformance::must_fail::<Silent>(1);
}

/// A step whose bell goes on ringing: after the first ring no thread sleeps any more.
struct Rings;

impl Runtime for Rings {
    type Task<T: Send + 'static> = NotBuilt<T>;

    fn block_on<F: Future>(future: F) -> F::Output {
        let mut future = pin!(future);
        let bell = Arc::new(Ringing::default());
        let waker = Waker::from(bell.clone());
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return output;
            }
            let rung = bell
                .ring
                .wait_while(bell.rung.lock().unwrap(), |rung| !*rung);
            drop(rung.unwrap());
        }
    }
}

#[derive(Default)]
struct Ringing {
    rung: Mutex<bool>,
    ring: Condvar,
}

impl Wake for Ringing {
    fn wake(self: Arc<Self>) {
        *self.rung.lock().unwrap() = true;
        self.ring.notify_one();
    }
}

#[test]
fn a_bell_that_rings_for_ever_is_seen() {
    laneway_conformance::must_fail::<Rings>(1);
}

/// A letter that calls its waker too early.
macro_rules! early {
    ($name:ident, $send:ident) => {
        struct $name;

        impl Runtime for $name {
            type Task<T: Send + 'static> = NotBuilt<T>;

            fn block_on<F: Future>(future: F) -> F::Output {
                chapter_01::block_on(future)
            }

            fn letter<T: Send + 'static>() -> Option<(
                impl FnOnce(T) + Send + 'static,
                impl Future<Output = T> + Send + 'static,
            )> {
                let postbox = Arc::new(Mutex::new((None::<T>, None::<Waker>)));
                let shared = postbox.clone();
                let letter = poll_fn(move |cx| {
                    let (value, waiting) = &mut *shared.lock().unwrap();
                    *waiting = Some(cx.waker().clone());
                    value.take().map_or(Poll::Pending, Poll::Ready)
                });
                Some((move |value| $send(&postbox, value), letter))
            }
        }
    };
}

early!(BeforeTheValue, send_late);
early!(UnderTheLock, send_under_the_lock);

type Postbox<T> = Mutex<(Option<T>, Option<Waker>)>;

fn send_late<T>(postbox: &Postbox<T>, value: T) {
    let waiting = postbox.lock().unwrap().1.take();
    waiting.into_iter().for_each(Waker::wake);
    postbox.lock().unwrap().0 = Some(value);
}

fn send_under_the_lock<T>(postbox: &Postbox<T>, value: T) {
    let mut shared = postbox.lock().unwrap();
    shared.0 = Some(value);
    shared.1.take().into_iter().for_each(Waker::wake);
}

#[test]
fn a_letter_that_wakes_before_it_has_the_value_is_seen() {
    laneway_conformance::must_fail::<BeforeTheValue>(1);
}

#[test]
fn a_letter_that_wakes_under_its_lock_is_seen() {
    laneway_conformance::must_fail::<UnderTheLock>(1);
}

//! Does a background answer every caller under a thousand schedules? The simulator draws them, and
//! finds who waits for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use laneway::background::{CallError, CloseReason, RestartPolicy, Service};
use laneway::sim::{Sim, explore};
use laneway::time::{now, sleep};
use laneway::{Priority, spawn_task, yield_now};

const MS: Duration = Duration::from_millis(1);

/// A time of up to 10 ms, from the simulation's seed.
fn a_while() -> Duration {
    fastrand::u32(0..10) * MS
}

#[test]
fn callers_of_all_kinds_get_their_own_replies() {
    let explored = explore(1_000, || async {
        let handler = async |_: &(), n: u32| {
            sleep(a_while()).await;
            n
        };
        let service = Service::new().bounded(1).in_flight(2);
        let (handle, background) = service.build((), handler);
        let background = spawn_task!(background, Priority::High);
        let callers = (0..4).map(|caller| {
            let handle = handle.clone();
            spawn_task!(async move {
                for n in (10 * caller)..(10 * caller + 3) {
                    assert_eq!(handle.call(n).await, Ok(n));
                }
                handle.try_call(caller)
            })
        });
        let callers: Vec<_> = callers.collect();
        drop(handle);
        for (n, caller) in (0..).zip(callers) {
            if let Ok(reply) = caller.await {
                assert_eq!(reply.await, Ok(n));
            }
        }
        background.await;
    });
    explored.unwrap();
}

#[test]
fn callers_that_give_up_at_any_moment_harm_nobody() {
    let explored = explore(1_000, || async {
        let served = Arc::new(AtomicU64::new(0));
        let count = served.clone();
        let handler = async move |_: &mut (), n: u64| {
            sleep(a_while()).await;
            count.fetch_add(1, Ordering::SeqCst);
            n
        };
        let (handle, background) = Service::new().bounded(2).build((), handler);
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
        // Everybody has left; what was begun is ended.
        assert_eq!(handle.call(7).await, Ok(7));
        let metrics = handle.metrics();
        assert_eq!(metrics.completed + metrics.skipped, 7);
        assert_eq!(metrics.completed, served.load(Ordering::SeqCst));
        assert_eq!(
            (metrics.queued, metrics.waiting_for_room, metrics.in_flight),
            (0, 0, 0)
        );
        drop(handle);
        background.await;
    });
    explored.unwrap();
}

#[test]
fn a_background_that_is_cancelled_at_any_moment_tells_every_caller() {
    let explored = explore(1_000, || async {
        let handler = async |_: &(), n: u32| {
            sleep(a_while()).await;
            n
        };
        let (handle, background) = Service::new().bounded(1).in_flight(2).build((), handler);
        let background = spawn_task!(background);
        let callers: Vec<_> = (0..6)
            .map(|n| {
                let handle = handle.clone();
                spawn_task!(async move {
                    loop {
                        match handle.call(n).await {
                            Ok(reply) => assert_eq!(reply, n),
                            Err(error) => return error,
                        }
                    }
                })
            })
            .collect();
        sleep(3 * a_while()).await;
        background.cancel().await;
        let cancelled = now();
        for caller in callers {
            assert_eq!(caller.await, CallError::Closed(CloseReason::Dropped));
        }
        assert_eq!(now(), cancelled, "they are told at once");
        assert!(handle.is_closed());
    });
    explored.unwrap();
}

#[test]
fn with_restarts_everybody_is_served_in_the_end() {
    let explored = explore(1_000, || async {
        let policy = RestartPolicy::new().backoff(MS, 8 * MS);
        let make = async || {
            yield_now().await;
            0_u32
        };
        let handler = async |_: &u32, n: u32| {
            sleep(a_while()).await;
            if fastrand::u8(0..3) == 0 {
                std::panic::resume_unwind(Box::new("bad luck"));
            }
            n
        };
        let service = Service::new().in_flight(2).restart(policy);
        let (handle, background) = service.build(make, handler);
        let background = spawn_task!(background);
        let callers: Vec<_> = (0..4)
            .map(|n| {
                let handle = handle.clone();
                spawn_task!(async move {
                    while let Err(error) = handle.call(n).await {
                        assert_eq!(error, CallError::Panicked("bad luck".into()));
                    }
                })
            })
            .collect();
        drop(handle);
        for caller in callers {
            caller.await;
        }
        background.await;
    });
    explored.unwrap();
}

#[test]
fn the_pauses_grow_from_panic_to_panic() {
    let run = Sim::seed(7).run(async {
        let policy = RestartPolicy::new()
            .backoff(10 * MS, 35 * MS)
            .without_jitter();
        let handler = async |made: &mut std::time::Instant, well: bool| {
            if !well {
                std::panic::resume_unwind(Box::new("ill"));
            }
            *made
        };
        let (handle, background) = Service::new()
            .restart(policy)
            .build(async || now(), handler);
        let task = spawn_task!(background);
        let mut pauses = Vec::new();
        for _ in 0..4 {
            let error = handle.call(false).await.unwrap_err();
            assert_eq!(error, CallError::Panicked("ill".into()));
            let panicked = now();
            let made = handle.call(true).await.unwrap();
            assert_eq!(made, now(), "whoever waits is served at once then");
            pauses.push((made - panicked).as_millis());
        }
        // A time of health.
        sleep(35 * MS).await;
        let error = handle.call(false).await.unwrap_err();
        assert_eq!(error, CallError::Panicked("ill".into()));
        let panicked = now();
        pauses.push((handle.call(true).await.unwrap() - panicked).as_millis());
        drop(handle);
        task.await;
        pauses
    });
    assert_eq!(run.unwrap().output, [10, 20, 35, 35, 10]);
}

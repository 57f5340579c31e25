//! Does a task that never has to wait let others have its thread?

mod common;

use std::future::{Future, pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use common::soon;
use futures_lite::Stream;
use futures_lite::future::{or, poll_once};
use laneway::background::{self, TaskQueue, Work};
use laneway::blocking::{self, unblock};
use laneway::observe::Event;
use laneway::pipeline::{Outputs, Period, Pipeline, Shared};
use laneway::sim::{Error, Sim};
use laneway::time::{self, interval_at, now, sleep, sleep_until, timeout};
use laneway::{
    Priority, Runtime, Task, TaskGroup, block_on, shutdown_begun, spawn_task, yield_now,
};

const MS: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

/// How much may be ready at once in one poll.
const BUDGET: usize = 64;

/// How often in a row `next` is ready in this very poll.
async fn in_one_poll(mut next: impl FnMut(&mut Context<'_>) -> Poll<()>) -> usize {
    poll_fn(|cx| {
        let most = 100 * BUDGET;
        Poll::Ready((0..most).take_while(|_| next(cx).is_ready()).count())
    })
    .await
}

/// Asserts that a loop over `next`, which is always ready, yields after so much and goes on then.
async fn assert_yields(what: &str, mut next: impl FnMut(&mut Context<'_>) -> Poll<()>) {
    for poll in 1..=3 {
        // Begins a poll.
        yield_now().await;
        assert_eq!(in_one_poll(&mut next).await, BUDGET, "{what}, poll {poll}");
    }
}

/// Polls a new future.
fn poll_new(future: impl Future, cx: &mut Context<'_>) -> Poll<()> {
    pin!(future).poll(cx).map(drop)
}

fn ready_sleep(cx: &mut Context<'_>) -> Poll<()> {
    poll_new(sleep(Duration::ZERO), cx)
}

/// An interval that is an hour late.
fn backlog() -> time::Interval {
    interval_at(now().checked_sub(HOUR).unwrap(), MS)
}

fn on_one_worker<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    let rt = Runtime::builder().with_high_num(0).with_low_num(1);
    let rt = rt.build().unwrap();
    soon(rt.spawn(future, Priority::Low))
}

// What is counted.

async fn everything_yields() {
    assert_yields("sleep", ready_sleep).await;
    let past = now();
    assert_yields("sleep_until", |cx| poll_new(sleep_until(past), cx)).await;
    assert_yields("timeout", |cx| {
        poll_new(timeout(Duration::ZERO, pending::<()>()), cx)
    })
    .await;
    let mut watch = sleep(Duration::ZERO);
    assert_yields("one sleep", |cx| {
        watch.reset(past);
        Pin::new(&mut watch).poll(cx)
    })
    .await;
    let mut ticks = backlog();
    assert_yields("poll_tick", |cx| ticks.poll_tick(cx).map(drop)).await;
    assert_yields("tick", |cx| poll_new(ticks.tick(), cx)).await;
    assert_yields("reset ticks", |cx| {
        let polled = ticks.poll_tick(cx).map(drop);
        ticks.reset_immediately();
        polled
    })
    .await;
    let shared = Shared::new(0);
    assert_yields("read", |cx| poll_new(shared.read(), cx)).await;
    assert_yields("write", |cx| poll_new(shared.write(), cx)).await;
    tasks_yield().await;
    closures_yield().await;
    groups_yield().await;
    services_yield().await;
    handlers_yield().await;
    ended_outputs_yield().await;
    an_ended_pipeline_yields().await;
    finished_work_yields().await;
}

async fn tasks_yield() {
    let mut tasks = ended_tasks().await;
    assert_yields("task", |cx| poll_last(&mut tasks, cx)).await;
    let tasks = ended_tasks().await.into_iter();
    let mut tasks: Vec<_> = tasks.map(Task::fallible).collect();
    assert_yields("fallible task", |cx| poll_last(&mut tasks, cx)).await;
    let tasks = ended_tasks().await.into_iter();
    let mut ends: Vec<_> = tasks.map(|task| Box::pin(task.cancel())).collect();
    assert_yields("cancel", |cx| poll_last(&mut ends, cx)).await;
    let tasks = ended_tasks().await.into_iter();
    let ends = tasks.map(|task| Box::pin(task.fallible().cancel()));
    let mut ends: Vec<_> = ends.collect();
    assert_yields("fallible cancel", |cx| poll_last(&mut ends, cx)).await;
}

async fn ended_tasks() -> Vec<Task<()>> {
    let tasks: Vec<_> = (0..4 * BUDGET).map(|_| spawn_task!(async {})).collect();
    while !tasks.iter().all(Task::is_finished) {
        yield_now().await;
    }
    tasks
}

/// Polls the last of several futures, and takes it out when it is ready.
fn poll_last(futures: &mut Vec<impl Future + Unpin>, cx: &mut Context<'_>) -> Poll<()> {
    let last = futures.last_mut().expect("there are more");
    let polled = Pin::new(last).poll(cx);
    polled.map(|_output| drop(futures.pop()))
}

async fn closures_yield() {
    let mut closures: Vec<_> = (0..4 * BUDGET).map(|_| unblock(|| ())).collect();
    let are_done = || {
        let metrics = blocking::metrics();
        metrics.queued == 0 && metrics.idle == metrics.threads
    };
    while !are_done() {
        yield_now().await;
    }
    assert_yields("unblock", |cx| poll_last(&mut closures, cx)).await;
}

async fn groups_yield() {
    let mut group = TaskGroup::new();
    for member in (0..4 * BUDGET).map(|_| spawn_task!(async {})) {
        while !member.is_finished() {
            yield_now().await;
        }
        group.insert(member);
    }
    assert_yields("join_next", |cx| {
        let joined = pin!(group.join_next()).poll(cx);
        joined.map(|joined| joined.expect("there are more").expect("none fails"))
    })
    .await;
    assert_yields("an empty group", |cx| poll_new(group.join_next(), cx)).await;
    assert_yields("the join of nothing", |cx| {
        poll_new(TaskGroup::<()>::new().join_all(), cx)
    })
    .await;
    assert_yields("the errors of nothing", |cx| {
        poll_new(TaskGroup::<Result<(), ()>>::new().first_error(), cx)
    })
    .await;
    members_end_and_yield().await;
}

async fn members_end_and_yield() {
    let mut ids = Vec::new();
    let mut group = TaskGroup::new();
    for member in ended_tasks().await {
        ids.push(group.insert(member));
    }
    assert_yields("join_next_with_id", |cx| {
        poll_new(group.join_next_with_id(), cx)
    })
    .await;
    let stranger = ids[0];
    assert_yields("the cancel of an ended member", |cx| {
        poll_new(group.cancel(ids.pop().expect("there are more")), cx)
    })
    .await;
    let mut group = TaskGroup::<()>::new();
    assert_yields("the cancel of no member", |cx| {
        poll_new(group.cancel(stranger), cx)
    })
    .await;
    assert_yields("the cancel of all of nothing", |cx| {
        poll_new(group.cancel_all(), cx)
    })
    .await;
}

async fn services_yield() {
    let (echo, background) = background::service((), async |_: &mut (), n: usize| n);
    let mut replies: Vec<_> = (0..4 * BUDGET).map(|n| echo.try_call(n).unwrap()).collect();
    let background = spawn_task!(background);
    while echo.metrics().completed < 4 * BUDGET as u64 {
        yield_now().await;
    }
    assert_yields("reply", |cx| {
        let polled = Pin::new(replies.last_mut().unwrap()).poll(cx);
        polled.map(|reply| {
            replies.pop();
            reply.unwrap();
        })
    })
    .await;
    drop(background);
    while !echo.is_closed() {
        yield_now().await;
    }
    assert_yields("a closed service", |cx| {
        pin!(echo.call(1))
            .poll(cx)
            .map(|reply| reply.unwrap_err())
            .map(drop)
    })
    .await;
}

async fn finished_work_yields() {
    let queue = TaskQueue::bounded(8);
    let id = queue.submit(Work::future(async |_| 1)).unwrap();
    queue.wait(id).await;
    assert_yields("finished work", |cx| poll_new(queue.wait(id), cx)).await;
}

/// That of a request that was given up asks again and again whether it was.
async fn handlers_yield() {
    let handler = async |_: &mut (), _n: usize| {
        background::caller_gone().await;
        assert_yields("a caller that is gone", |cx| {
            poll_new(background::caller_gone(), cx)
        })
        .await;
    };
    let (asks, background) = background::service((), handler);
    spawn_task!(background).detach();
    let gives_up = asks.try_call(1).unwrap();
    while asks.metrics().in_flight == 0 {
        yield_now().await;
    }
    drop(gives_up);
    while asks.metrics().completed == 0 {
        yield_now().await;
    }
}

async fn ended_outputs_yield() {
    let mut outputs = pin!(outputs());
    assert_yields("ended outputs", |cx| poll_new(outputs.recv_async(), cx)).await;
    assert_yields("an ended stream", |cx| {
        outputs.as_mut().poll_next(cx).map(drop)
    })
    .await;
}

async fn an_ended_pipeline_yields() {
    let (pipeline, outputs) = Pipeline::builder(Shared::new(2))
        .stage_fn("same", |input: &i32, _window| Ok(*input))
        .every(Period::Millis(1))
        .build()
        .unwrap();
    let running = pipeline.start_here();
    running.shutdown().await;
    assert_yields("an ended pipeline", |cx| poll_new(running.ended(), cx)).await;
    assert_yields("its shutdown", |cx| poll_new(running.shutdown(), cx)).await;
    assert_yields("its shutdown within a time", |cx| {
        poll_new(running.shutdown_within(MS), cx)
    })
    .await;
    while outputs.try_recv().is_ok() {}
    let mut feeds: Vec<_> = (0..4 * BUDGET)
        .map(|_| Box::pin(outputs.clone().feed(Shared::new(()), |(), _| {})))
        .collect();
    assert_yields("feed", |cx| poll_last(&mut feeds, cx)).await;
}

/// Those of a pipeline that has never been started and is gone.
fn outputs() -> Outputs<i32> {
    let (_pipeline, outputs) = Pipeline::builder(Shared::new(2))
        .stage_fn("same", |input: &i32, _window| Ok(*input))
        .every(Period::Millis(1))
        .build()
        .unwrap();
    outputs
}

#[test]
fn whatever_is_ready_without_having_been_pending_is_counted() {
    on_one_worker(everything_yields());
}

#[test]
fn it_is_counted_in_block_on_too() {
    Runtime::new()
        .build()
        .unwrap()
        .block_on(everything_yields());
}

#[test]
fn it_is_counted_in_a_simulation_too() {
    let task = Sim::seed(1).run(async { spawn_task!(everything_yields()).await });
    task.unwrap();
    Sim::seed(1).run(everything_yields()).unwrap();
}

#[test]
fn data_sets_are_counted() {
    let run = Sim::seed(1).high(1).low(1).run(async {
        let (pipeline, outputs) = Pipeline::builder(Shared::new(2))
            .stage_fn("same", |input: &i32, _window| Ok(*input))
            .every(Period::Millis(1))
            .capacity(6 * BUDGET)
            .build()
            .unwrap();
        let running = pipeline.start_here();
        while outputs.len() < 6 * BUDGET {
            sleep(MS).await;
        }
        drop(running);
        let mut outputs = pin!(outputs);
        assert_yields("recv_async", |cx| {
            let received = pin!(outputs.recv_async()).poll(cx);
            received.map(|received| drop(received.unwrap()))
        })
        .await;
        assert_yields("stream", |cx| {
            outputs
                .as_mut()
                .poll_next(cx)
                .map(|next| drop(next.unwrap()))
        })
        .await;
    });
    run.unwrap();
}

#[test]
fn the_news_of_a_shutdown_is_counted() {
    let rt = Runtime::builder().with_high_num(0).with_low_num(1);
    let rt = rt.build().unwrap();
    let asks = rt.spawn(
        async {
            shutdown_begun().await;
            assert_yields("shutdown_begun", |cx| poll_new(shutdown_begun(), cx)).await;
        },
        Priority::Low,
    );
    assert!(rt.shutdown(HOUR).is_clean());
    block_on(asks);
}

// Others get their turn.

#[test]
fn a_loop_over_ready_sleeps_lets_other_tasks_run() {
    let other = Arc::new(AtomicBool::new(false));
    let (seen, set) = (other.clone(), other);
    on_one_worker(async move {
        spawn_task!(async move { set.store(true, Ordering::SeqCst) }).detach();
        while !seen.load(Ordering::SeqCst) {
            sleep(Duration::ZERO).await;
        }
    });
}

#[test]
fn a_loop_over_late_ticks_ends_at_its_timeout() {
    let late = || async {
        let mut ticks = backlog();
        let forever = async {
            loop {
                ticks.tick().await;
            }
        };
        let ended = timeout(5 * MS, forever).await;
        assert_eq!(ended, Err::<(), _>(time::Elapsed));
    };
    soon(late());
    on_one_worker(late());
    futures_lite::future::block_on(late());
    // Where time stands still while there is anything to do, all of the backlog comes first.
    let run = Sim::seed(1).run(late()).unwrap();
    assert_eq!(run.elapsed, 5 * MS);
}

#[test]
fn a_timeout_that_has_passed_from_the_beginning_ends_a_loop_too() {
    let never = || async {
        loop {
            sleep(Duration::ZERO).await;
        }
    };
    let limited = async move {
        for limit in [Duration::ZERO, MS / 10, MS] {
            assert!(timeout(limit, never()).await.is_err());
        }
        or(never(), sleep(Duration::ZERO)).await;
        or(never(), sleep(MS)).await;
    };
    on_one_worker(limited);
}

/// One branch uses up each poll's budget, and is the first to be polled.
#[test]
fn a_greedy_branch_does_not_starve_those_after_it() {
    async fn greedy() {
        let mut ticks = backlog();
        loop {
            ticks.tick().await;
            // For ever late.
            ticks.reset_immediately();
        }
    }
    let run = Sim::seed(1).max_steps(10_000).run(async {
        let mut ticks = backlog();
        or(greedy(), async {
            let _ = ticks.tick().await;
        })
        .await;
        or(greedy(), unblock(|| ())).await;
        or(greedy(), spawn_task!(async {})).await;
        let shared = Shared::new(1);
        or(greedy(), async {
            let _ = shared.read().await;
        })
        .await;
        or(greedy(), async {
            let _ = shared.write().await;
        })
        .await;
        let outputs = outputs();
        or(greedy(), async {
            let _ = outputs.recv_async().await;
        })
        .await;
        let mut group = TaskGroup::new();
        group.spawn(async {}, Priority::High);
        or(greedy(), async {
            let _ = group.join_next().await;
        })
        .await;
        let (echo, background) = background::service((), async |_: &mut (), n: usize| n);
        spawn_task!(background, Priority::High).detach();
        or(greedy(), async {
            let _ = echo.call(1).await;
        })
        .await;
        echo.close();
        or(greedy(), async {
            let _ = echo.call(1).await;
        })
        .await;
        // More of them than a budget.
        let branches =
            (0..200).map(|_| Box::pin(greedy()) as Pin<Box<dyn Future<Output = ()> + Send>>);
        let last: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(sleep(Duration::ZERO));
        let mut branches: Vec<_> = branches.chain([last]).collect();
        poll_fn(|cx| {
            let polled = branches
                .iter_mut()
                .map(|branch| branch.as_mut().poll(cx).is_ready());
            match polled.fold(false, |any, ready| any | ready) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    });
    run.unwrap();
}

#[test]
fn a_select_loop_over_two_late_intervals_yields() {
    on_one_worker(async {
        yield_now().await;
        let (mut one, mut other) = (backlog(), backlog());
        let mut select = |cx: &mut Context<'_>| {
            let first = one.poll_tick(cx);
            if first.is_ready() {
                first
            } else {
                other.poll_tick(cx)
            }
            .map(drop)
        };
        assert_eq!(in_one_poll(&mut select).await, BUDGET);
        // Both have been put off meanwhile, and so each is ready beyond the budget, once.
        yield_now().await;
        assert_eq!(in_one_poll(&mut select).await, BUDGET + 2);
    });
}

#[test]
fn a_simulation_of_a_loop_that_never_waits_ends_at_its_steps() {
    let never = || async {
        loop {
            sleep(Duration::ZERO).await;
        }
    };
    let root = Sim::seed(1).max_steps(1_000).run(never());
    assert!(matches!(
        root,
        Err::<laneway::sim::Run<()>, _>(Error::TooLong(_))
    ));
    let task = Sim::seed(1).max_steps(1_000).run(async move {
        spawn_task!(never()).await;
    });
    assert!(matches!(task, Err(Error::TooLong(_))));
}

// Polls that are not ours.

/// Counts its wake-ups.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// An executor within a task: polls a future again and again for as long as it is woken. Gives how
/// many polls that took.
fn poll_while_woken(future: impl Future<Output = ()>) -> usize {
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(wakes.clone());
    let mut future = pin!(future);
    let mut polls = 0;
    loop {
        let woken = wakes.0.load(Ordering::SeqCst);
        polls += 1;
        if future
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_ready()
        {
            return polls;
        }
        assert!(
            wakes.0.load(Ordering::SeqCst) > woken,
            "pending, and not woken"
        );
    }
}

async fn a_thousand_ticks() {
    let mut ticks = backlog();
    for _ in 0..1_000 {
        ticks.tick().await;
    }
}

#[test]
fn an_executor_within_a_task_does_not_spin() {
    on_one_worker(async {
        assert!(poll_while_woken(a_thousand_ticks()) <= 1_000);
        futures_lite::future::block_on(a_thousand_ticks());
        block_on(a_thousand_ticks());
    });
}

#[test]
fn another_executor_is_hardly_ever_put_off() {
    let polls = std::thread::spawn(|| poll_while_woken(a_thousand_ticks()));
    assert!(polls.join().unwrap() <= 2);
    // After a `block_on` of ours as well.
    let polls = std::thread::spawn(|| {
        block_on(a_thousand_ticks());
        poll_while_woken(a_thousand_ticks())
    });
    assert!(polls.join().unwrap() <= 2);
    // And a loop that never waits is put off at times.
    let limited = timeout(5 * MS, async {
        loop {
            sleep(Duration::ZERO).await;
        }
    });
    assert!(futures_lite::future::block_on(limited).is_err());
}

#[test]
fn code_that_looks_once_at_each_new_future_goes_on() {
    on_one_worker(async {
        for _ in 0..10 * BUDGET {
            while poll_once(sleep(Duration::ZERO)).await.is_none() {}
        }
    });
}

#[test]
fn a_future_that_was_put_off_can_be_dropped() {
    on_one_worker(async {
        let shared = Shared::new(0);
        yield_now().await;
        in_one_poll(ready_sleep).await;
        assert!(poll_once(shared.write()).await.is_none());
        assert!(shared.try_read().is_some(), "nobody waits to write");
        yield_now().await;
        *shared.write().await += 1;
    });
}

/// To block in a poll whose budget is used up costs no further thread.
#[test]
fn a_lock_that_is_free_blocks_nobody() {
    let run = Sim::seed(1).high(0).low(1).keep_events().run(async {
        spawn_task!(async {
            let shared = Shared::new(0);
            for _ in 0..10 * BUDGET {
                shared.update(|count| *count += 1);
            }
            assert_eq!(shared.view(|count| *count), 10 * BUDGET);
        })
        .await;
    });
    let replaced = |(_, event): &(Duration, Event)| matches!(event, Event::Replaced { .. });
    assert!(!run.unwrap().events.iter().any(replaced));
}

#[test]
fn what_waits_for_long_is_woken_in_spite_of_a_budget_that_is_used_up() {
    on_one_worker(async {
        for _ in 0..20 {
            yield_now().await;
            in_one_poll(ready_sleep).await;
            let started = Instant::now();
            let later = sleep(MS);
            assert_eq!(timeout(HOUR, later).await, Ok(()));
            assert!(started.elapsed() >= MS);
            assert!(timeout(MS, pending::<()>()).await.is_err());
        }
    });
}

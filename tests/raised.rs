//! Does a task that is raised while it lies in the low queue wait for its turn there?
//!
//! The low queue holds hundreds of polls of a millisecond each. The answer is how long the high
//! task waits in simulated time, or how many of these polls come before its end on real threads.

mod common;

use std::future::poll_fn;
use std::ops::Range;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use common::{Gate, soon};
use laneway::background::Service;
use laneway::observe::{Event, Observer, Placement};
use laneway::sim::{Sim, work};
use laneway::time::{now, sleep, timeout};
use laneway::{
    Priority, Runtime, Stealing, Task, TaskGroup, block_on, join_all, spawn_task, yield_now,
};

const MS: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_secs(20);
const BACKLOG: usize = 400;

const ALL: [Stealing; 4] = [
    Stealing::Both,
    Stealing::HighFromLow,
    Stealing::LowFromHigh,
    Stealing::None,
];

/// The polls that are under way may have to end first, each with one that was begun meanwhile.
const FEW: u32 = 4;

fn backlog(tasks: Range<usize>) -> Vec<Task<()>> {
    tasks.map(|_| spawn_task!(async { work(MS) })).collect()
}

/// How long a future takes that is told where to put its low tasks: before the backlog stands half
/// of it, and half behind.
#[track_caller]
fn assert_short<F>(waits: fn() -> F)
where
    F: Future<Output = Duration> + Send + 'static,
{
    for (low, seeds) in [(1, 6), (2, 3), (3, 3)] {
        for stealing in ALL {
            for local_queues in [true, false] {
                for seed in 0..seeds {
                    let sim = Sim::seed(seed).high(1).low(low).stealing(stealing);
                    let ran = sim.local_queues(local_queues).run(waits());
                    let waited = ran.unwrap().output;
                    assert!(
                        waited <= FEW * MS,
                        "{waited:?} under {stealing:?} with seed {seed}, {low} low workers, \
                        local queues: {local_queues}"
                    );
                }
            }
        }
    }
}

/// How long a high task takes that awaits these.
async fn awaited(low: Vec<Task<()>>) -> Duration {
    let started = now();
    let high = async {
        for low in low {
            low.await;
        }
    };
    spawn_task!(high, Priority::High).await;
    now() - started
}

#[test]
fn a_task_in_the_middle_of_the_low_queue_is_found() {
    assert_short(|| async {
        let _before = backlog(0..BACKLOG / 2);
        let low = spawn_task!(async {});
        let _behind = backlog(BACKLOG / 2..BACKLOG);
        awaited(vec![low]).await
    });
}

#[test]
fn a_task_is_found_that_low_workers_hold() {
    assert_short(|| async {
        let parent = spawn_task!(async {
            let before = backlog(0..BACKLOG / 2);
            let low = spawn_task!(async {});
            (before, low, backlog(BACKLOG / 2..BACKLOG))
        });
        let (_before, low, _behind) = parent.await;
        sleep(3 * MS).await;
        awaited(vec![low]).await
    });
}

/// The worker that holds the tasks is within a poll of half a second.
#[test]
fn a_task_is_found_that_a_worker_in_a_long_poll_holds() {
    assert_short(|| async {
        let parent = spawn_task!(async {
            let before = backlog(0..BACKLOG / 2);
            let low = spawn_task!(async {});
            let behind = backlog(BACKLOG / 2..BACKLOG);
            let awaiting = spawn_task!(awaited(vec![low]), Priority::High);
            work(500 * MS);
            (before, behind, awaiting)
        });
        let (_before, _behind, awaiting) = parent.await;
        awaiting.await
    });
}

/// It is the one that the worker would run next.
#[test]
fn a_task_is_found_in_the_next_slot_of_a_worker_in_a_long_poll() {
    assert_short(|| async {
        let parent = spawn_task!(async {
            let low = spawn_task!(async {});
            let awaiting = spawn_task!(awaited(vec![low]), Priority::High);
            work(500 * MS);
            [awaiting]
        });
        let [awaiting] = parent.await;
        awaiting.await
    });
}

/// One worker is within a long poll, and the others have a backlog of their own.
#[test]
fn a_task_is_found_that_a_worker_in_a_long_poll_holds_beside_busy_ones() {
    assert_short(|| async {
        let busy =
            || spawn_task!(async { backlog(0..BACKLOG / 4).into_iter().for_each(Task::detach) });
        (0..4).for_each(|_| busy().detach());
        let parent = spawn_task!(async {
            let before = backlog(0..BACKLOG / 2);
            let low = spawn_task!(async {});
            let behind = backlog(BACKLOG / 2..BACKLOG);
            let awaiting = spawn_task!(awaited(vec![low]), Priority::High);
            work(500 * MS);
            (before, behind, awaiting)
        });
        let (_before, _behind, awaiting) = parent.await;
        awaiting.await
    });
}

#[test]
fn a_task_is_found_that_was_woken_and_queued_again() {
    assert_short(|| async {
        let (open, gate) = async_channel::bounded(1);
        let low = spawn_task!(async move { gate.recv().await.unwrap() });
        sleep(MS).await;
        let _before = backlog(0..BACKLOG / 2);
        open.send(()).await.unwrap();
        let _behind = backlog(BACKLOG / 2..BACKLOG);
        awaited(vec![low]).await
    });
}

#[test]
fn what_a_found_task_awaits_is_found_in_turn() {
    assert_short(|| async {
        let _before = backlog(0..BACKLOG / 2);
        let first = spawn_task!(async {});
        let second = spawn_task!(first);
        let third = spawn_task!(second);
        let _behind = backlog(BACKLOG / 2..BACKLOG);
        awaited(vec![third]).await
    });
}

#[test]
fn all_that_are_raised_at_once_are_found() {
    assert_short(|| async {
        let mut group = TaskGroup::new();
        let _backlog: Vec<_> = (0..BACKLOG)
            .map(|n| {
                if n % 8 == 0 {
                    group.insert(spawn_task!(async {}));
                }
                spawn_task!(async { work(MS) })
            })
            .collect();
        let started = now();
        let high = async move { while group.join_next().await.is_some() {} };
        spawn_task!(high, Priority::High).await;
        now() - started
    });
}

#[test]
fn a_task_that_is_raised_by_hand_from_outside_is_found() {
    assert_short(|| async {
        let _before = backlog(0..BACKLOG / 2);
        let low = spawn_task!(async {});
        let _behind = backlog(BACKLOG / 2..BACKLOG);
        sleep(5 * MS).await;
        let started = now();
        low.escalate();
        low.await;
        now() - started
    });
}

#[test]
fn a_task_that_is_cancelled_by_a_high_one_is_dropped_soon() {
    assert_short(|| async {
        let _before = backlog(0..BACKLOG / 2);
        let low = spawn_task!(async {});
        let _behind = backlog(BACKLOG / 2..BACKLOG);
        let started = now();
        spawn_task!(low.cancel(), Priority::High).await;
        now() - started
    });
}

/// The service lies in the low queue already, for the call of a low task.
/// A worker leaves a crowd of more than 131,072 alone, and looks through it when it is smaller.
#[test]
fn a_task_that_is_raised_in_a_crowd_is_found_when_the_crowd_has_shrunk() {
    const CROWD: usize = 140_000;
    for local_queues in [true, false] {
        let sim = Sim::seed(1).high(1).low(1).stealing(Stealing::None);
        let crowd = async {
            let polls = Arc::new(AtomicUsize::new(0));
            let others: Vec<Task<()>> = (0..CROWD)
                .map(|_| {
                    let polls = polls.clone();
                    spawn_task!(async move { _ = polls.fetch_add(1, Ordering::Relaxed) })
                })
                .collect();
            let last = spawn_task!(async move { polls.load(Ordering::Relaxed) });
            let before = spawn_task!(last, Priority::High).await;
            drop(others);
            before
        };
        let sim = sim.max_steps(10 * CROWD as u64);
        let before = sim.local_queues(local_queues).run(crowd).unwrap().output;
        let most = CROWD - 100_000;
        assert!(
            before < most,
            "{before} came before it, local queues: {local_queues}"
        );
    }
}

#[test]
fn a_service_that_has_an_urgent_call_is_found() {
    assert_short(|| async {
        let (handle, background) = Service::new().build((), async |(): &mut (), n: u32| n);
        let _service = spawn_task!(background);
        sleep(MS).await;
        let _before = backlog(0..BACKLOG / 2);
        let calls = handle.clone();
        let _low_call = spawn_task!(async move { calls.call(1).await });
        let _behind = backlog(BACKLOG / 2..BACKLOG);
        // Until the low call has woken the service, behind all of them.
        sleep((BACKLOG as u32 / 2 + 5) * MS).await;
        let _more = backlog(0..BACKLOG);
        let started = now();
        let call = async move { handle.call(2).await };
        assert_eq!(spawn_task!(call, Priority::High).await, Ok(2));
        now() - started
    });
}

/// The others are neither lost nor polled in another order than they were spawned in.
#[test]
fn the_others_keep_their_order() {
    let sim = Sim::seed(1).high(1).low(1).stealing(Stealing::None);
    let order = sim.run(async {
        let (sender, ran) = async_channel::unbounded();
        let tasks: Vec<_> = (0..100)
            .map(|n| {
                let sender = sender.clone();
                spawn_task!(async move {
                    work(MS);
                    sender.send(n).await.unwrap();
                })
            })
            .collect();
        drop(sender);
        sleep(5 * MS).await;
        tasks[60].escalate();
        tasks[30].escalate();
        let mut order = Vec::new();
        while let Ok(n) = ran.recv().await {
            order.push(n);
        }
        order
    });
    let order: Vec<i32> = order.unwrap().output;
    let others = order.iter().copied().filter(|n| ![30, 60].contains(n));
    assert!(others.eq((0..100).filter(|n| ![30, 60].contains(n))));
    let place = |wanted| order.iter().position(|&n| n == wanted).unwrap();
    assert!(place(30) < 10 && place(60) < 10, "{order:?}");
}

/// A poll of a millisecond that is counted.
fn real_work(polls: &Arc<AtomicUsize>) -> impl Future<Output = ()> + Send + use<> {
    let polls = polls.clone();
    async move {
        let started = Instant::now();
        while started.elapsed() < MS {
            std::hint::spin_loop();
        }
        polls.fetch_add(1, Ordering::Relaxed);
    }
}

/// How many polls of the backlog end before a high task has awaited one from its middle.
fn polls_before_the_middle(stealing: Stealing, local_queues: bool) -> usize {
    let rt = Runtime::builder().with_high_num(1).with_low_num(1);
    let rt = rt.with_stealing(stealing).with_local_queues(local_queues);
    let rt = rt.build().unwrap();
    let polls = Arc::new(AtomicUsize::new(0));
    let spawn = |_| rt.spawn(real_work(&polls), Priority::Low);
    let _before: Vec<_> = (0..BACKLOG / 2).map(spawn).collect();
    let low = rt.spawn(async {}, Priority::Low);
    let _behind: Vec<_> = (0..BACKLOG / 2).map(spawn).collect();
    let (seen, before) = (polls.clone(), polls.load(Ordering::Relaxed));
    let high = async move {
        low.await;
        seen.load(Ordering::Relaxed) - before
    };
    soon(rt.spawn(high, Priority::High))
}

#[test]
fn on_real_threads_a_raised_task_does_not_wait_behind_the_backlog() {
    for stealing in ALL {
        for local_queues in [true, false] {
            // Where a thread stands still, the backlog goes on meanwhile. It hardly does in each try.
            let mut tries = (0..5).map(|_| polls_before_the_middle(stealing, local_queues));
            let least = tries.find(|polled| *polled < BACKLOG / 4);
            assert!(
                least.is_some(),
                "under {stealing:?}, local queues: {local_queues}"
            );
        }
    }
}

/// Tasks are raised, cancelled, aborted and let go by threads while workers take them, and each
/// has one end.
#[test]
fn none_is_lost_or_run_twice_that_is_raised_while_it_is_taken() {
    const ROUNDS: usize = 200;
    const TASKS: usize = 60;
    for stealing in ALL {
        let rt = Runtime::builder().with_high_num(2).with_low_num(2);
        let rt = Arc::new(rt.with_stealing(stealing).build().unwrap());
        let ran = Arc::new(AtomicUsize::new(0));
        let threads = (0..3).map(|n| {
            let (rt, ran) = (rt.clone(), ran.clone());
            thread::spawn(move || {
                let mut rng = fastrand::Rng::with_seed(n);
                (0..ROUNDS).for_each(|_| storm(&rt, &ran, &mut rng, TASKS));
            })
        });
        let threads: Vec<_> = threads.collect();
        threads.into_iter().for_each(|t| t.join().unwrap());
        common::eventually("all have ended", || {
            let queues = rt.metrics().queues;
            let ended = queues.iter().map(|q| q.completed + q.cancelled);
            ended.sum::<u64>() == queues.iter().map(|q| q.spawned).sum::<u64>()
        });
        let queues = rt.metrics().queues;
        let sum =
            |count: fn(&laneway::observe::QueueMetrics) -> u64| queues.iter().map(count).sum();
        let (spawned, completed): (u64, u64) = (sum(|q| q.spawned), sum(|q| q.completed));
        assert_eq!(spawned, (3 * ROUNDS * TASKS) as u64);
        assert_eq!(completed, ran.load(Ordering::Relaxed) as u64);
    }
}

/// Spawns low tasks that are polled one to three times, and ends each in one of several ways.
fn storm(rt: &Runtime, ran: &Arc<AtomicUsize>, rng: &mut fastrand::Rng, tasks: usize) {
    let mut awaited = Vec::new();
    for _ in 0..tasks {
        let (ran, yields) = (ran.clone(), rng.usize(..3));
        let task = async move {
            for _ in 0..yields {
                yield_now().await;
            }
            ran.fetch_add(1, Ordering::Relaxed);
        };
        let task = rt.spawn(task, Priority::Low);
        match rng.u8(..6) {
            0 => drop(task),
            1 => {
                task.escalate();
                drop(task);
            }
            2 => {
                task.escalate();
                task.abort();
                task.detach();
            }
            3 => task.detach(),
            4 => {
                task.escalate();
                awaited.push(task);
            }
            _ => awaited.push(task),
        }
    }
    join_all(awaited);
}

/// A high task that spawns a low one and awaits it, again and again, behind a backlog that never
/// ends: each search is for one task, and leaves time for the others.
#[test]
fn a_high_task_may_await_low_ones_all_the_time() {
    let rt = Runtime::builder().with_high_num(1).with_low_num(1);
    let rt = rt.build().unwrap();
    let polls = Arc::new(AtomicUsize::new(0));
    let flood: Vec<_> = (0..1000)
        .map(|_| {
            let polls = polls.clone();
            rt.spawn(
                async move {
                    loop {
                        polls.fetch_add(1, Ordering::Relaxed);
                        yield_now().await;
                    }
                },
                Priority::Low,
            )
        })
        .collect();
    let high = rt.spawn(
        async {
            for n in 0..300 {
                let mut low = spawn_task!(async move { n });
                let polled = poll_fn(|cx| Poll::Ready(Pin::new(&mut low).poll(cx))).await;
                let got = match polled {
                    Poll::Ready(got) => got,
                    Poll::Pending => low.await,
                };
                assert_eq!(got, n);
            }
        },
        Priority::High,
    );
    let before = polls.load(Ordering::Relaxed);
    soon(high);
    assert!(polls.load(Ordering::Relaxed) > before, "the flood goes on");
    drop(flood);
}

/// Low tasks that keep their worker until they are told to end, one after the other.
#[derive(Clone)]
struct Stuck {
    end: Sender<()>,
    ended: Arc<Mutex<Receiver<()>>>,
    begin: Sender<()>,
    begun: Arc<Mutex<Receiver<()>>>,
}

impl Stuck {
    fn new() -> Stuck {
        let (end, ended) = mpsc::channel();
        let (begin, begun) = mpsc::channel();
        Stuck {
            end,
            ended: Arc::new(Mutex::new(ended)),
            begin,
            begun: Arc::new(Mutex::new(begun)),
        }
    }

    fn spawn(&self, rt: &Runtime) {
        let Stuck { ended, begin, .. } = self.clone();
        let stuck = async move {
            begin.send(()).unwrap();
            ended.lock().unwrap().recv().unwrap();
        };
        rt.spawn(stuck, Priority::Low).detach();
    }

    fn wait_until_one_has_begun(&self) {
        self.begun.lock().unwrap().recv().unwrap();
    }

    fn next(&self) {
        self.end.send(()).unwrap();
        self.wait_until_one_has_begun();
    }
}

/// Raises a task when its thread is about to push it, and lets the worker look for it meanwhile.
struct RaisesOnItsWay {
    task: Mutex<Option<Task<()>>>,
    raised: Mutex<Option<Task<()>>>,
    stuck: Stuck,
}

impl Observer for RaisesOnItsWay {
    fn on_event(&self, event: Event) {
        let Event::Scheduled { task, to, .. } = event else {
            return;
        };
        let is_on_its_way = |raises: &Task<()>| raises.id() == task && to == Placement::Channel;
        let mut waits = self.task.lock().unwrap();
        let raises = waits.take_if(|raises| is_on_its_way(raises));
        // Unlock before the raise, of which the observer is told as well.
        drop(waits);
        if let Some(raises) = raises {
            raises.escalate();
            self.stuck.next();
            *self.raised.lock().unwrap() = Some(raises);
        }
    }
}

#[test]
fn a_task_that_is_raised_while_another_thread_queues_it_is_found() {
    const MANY: usize = 20;
    let stuck = Stuck::new();
    let observer = Arc::new(RaisesOnItsWay {
        task: Mutex::default(),
        raised: Mutex::default(),
        stuck: stuck.clone(),
    });
    let rt = Runtime::builder().with_high_num(1).with_low_num(1);
    let rt = rt.with_stealing(Stealing::None);
    let rt = rt.with_observer(observer.clone()).build().unwrap();
    let gate = Gate::new();
    let low = rt.spawn(gate.wait(), Priority::Low);
    gate.eventually_polled(1);
    (0..MANY).for_each(|_| stuck.spawn(&rt));
    stuck.wait_until_one_has_begun();
    *observer.task.lock().unwrap() = Some(low);
    gate.open();
    let raised = observer.raised.lock().unwrap().take();
    let found = block_on(timeout(LONG, raised.expect("it was on its way")));
    (0..MANY).for_each(|_| stuck.end.send(()).unwrap());
    found.expect("it waits behind the low tasks");
}

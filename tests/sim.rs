//! Does a simulation run what a runtime runs, the same way each time, and say why it stops?

mod common;

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use laneway::blocking::unblock;
use laneway::observe::{Event, PollEnd};
use laneway::sim::{self, Error, FailureCause, Sim, work};
use laneway::time::{MissedTickBehavior, armed, interval, now, sleep, timeout};
use laneway::{
    Priority, Stealing, Task, TaskGroup, block_on, join, join_all, spawn_task, try_join, yield_now,
};

use common::DropCounter;

const MS: Duration = Duration::from_millis(1);

/// A program that uses a bit of everything: joins inside tasks, sleeps, groups, channels, yields.
async fn bit_of_everything() -> u64 {
    let (sender, receiver) = async_channel::bounded(2);
    let producers = (0..3_u64).map(|n| {
        let sender = sender.clone();
        spawn_task!(async move {
            for item in 0..4 {
                sleep(MS * (item as u32 % 3)).await;
                sender.send(n * 10 + item).await.unwrap();
            }
        })
    });
    let producers: Vec<Task<()>> = producers.collect();
    drop(sender);
    let consumer = spawn_task!(
        async move {
            let mut sum = 0;
            while let Ok(item) = receiver.recv().await {
                sum += item;
                yield_now().await;
            }
            sum
        },
        Priority::High
    );
    let nested = spawn_task!(async {
        let leaf = |n: u64| spawn_task!(async move { n }, Priority::High);
        join!(leaf(1), leaf(2)).into_iter().sum::<u64>()
    });
    let mut group = TaskGroup::new();
    for n in 0..3_u64 {
        group.spawn(async move { unblock(move || n).await }, Priority::Low);
    }
    let mut sum = nested.await;
    while let Some(member) = group.join_next().await {
        sum += member.unwrap();
    }
    for producer in producers {
        producer.await;
    }
    sum + consumer.await
}

/// What `bit_of_everything` gives: 3 for the leaves, 3 for the group, and the items.
const EVERYTHING: u64 = 3 + 3 + 3 * 6 + 4 * 30;

#[test]
fn one_seed_gives_one_run_and_many_seeds_give_many() {
    let run = |seed| {
        let sim = Sim::seed(seed).high(2).low(2).keep_events();
        sim.run(bit_of_everything()).unwrap()
    };
    let mut fingerprints = Vec::new();
    for seed in 0..50 {
        let (first, second) = (run(seed), run(seed));
        assert_eq!(first.output, EVERYTHING);
        assert_eq!(first.events, second.events, "seed {seed}");
        assert_eq!(first, second);
        fingerprints.push(first.fingerprint);
    }
    fingerprints.sort_unstable();
    fingerprints.dedup();
    assert_eq!(fingerprints.len(), 50, "no two seeds schedule alike");
}

#[test]
fn a_program_gives_the_same_under_every_policy() {
    let policies = [
        Stealing::Both,
        Stealing::HighFromLow,
        Stealing::LowFromHigh,
        Stealing::None,
    ];
    for stealing in policies {
        for local_queues in [true, false] {
            let sim = Sim::seed(0)
                .high(2)
                .low(1)
                .stealing(stealing)
                .local_queues(local_queues);
            let explored = sim.explore(50, || async {
                assert_eq!(bit_of_everything().await, EVERYTHING);
            });
            assert_eq!(explored.unwrap().seeds, 50);
        }
    }
}

#[test]
fn joins_in_joins_do_not_block_each_other() {
    /// Each joins two below it, in the middle of its poll.
    fn tree(depth: u32) -> Task<u32> {
        spawn_task!(async move {
            match depth {
                0 => 1,
                _ => join!(tree(depth - 1), tree(depth - 1)).iter().sum(),
            }
        })
    }
    let explored = Sim::seed(0).explore(100, || async { assert_eq!(tree(4).await, 16) });
    assert_eq!(explored.unwrap().seeds, 100);
}

#[test]
fn whoever_blocked_first_may_go_on_first() {
    // Were the stacks nested, the task that blocked last would have to end first.
    sim::explore(100, || async {
        let (open, gate) = async_channel::bounded::<()>(1);
        let (release, released) = async_channel::bounded::<()>(1);
        let first = spawn_task!(async move {
            block_on(gate.recv()).unwrap();
            release.send(()).await.unwrap();
        });
        let second = spawn_task!(async move { block_on(released.recv()).unwrap() });
        yield_now().await;
        open.send(()).await.unwrap();
        join!(first, second);
    })
    .unwrap();
}

#[test]
fn the_simulated_future_may_block() {
    let run = Sim::seed(1).run(async {
        let slow = spawn_task!(async {
            sleep(5 * MS).await;
            7
        });
        join!(slow)[0] + block_on(async { 1 })
    });
    assert_eq!(run.unwrap().output, 8);
}

#[test]
fn time_stands_still_and_jumps() {
    let real = Instant::now();
    let run = Sim::seed(1).run(async {
        let started = now();
        let long = spawn_task!(sleep(Duration::from_secs(1_000_000)));
        for _ in 0..100 {
            yield_now().await;
        }
        assert_eq!(now(), started);
        sleep(3 * MS).await;
        assert_eq!(now() - started, 3 * MS);
        long.await;
        assert_eq!(armed(), 0);
        now() - started
    });
    let run = run.unwrap();
    assert_eq!(run.output, Duration::from_secs(1_000_000));
    assert_eq!(run.elapsed, run.output);
    assert!(real.elapsed() < Duration::from_secs(100));
}

#[test]
fn sleeps_end_in_the_order_of_their_deadlines() {
    sim::explore(200, || async {
        let ended = Arc::new(Mutex::new(Vec::new()));
        let sleepers = [5, 1, 4, 2, 3].map(|n| {
            let ended = ended.clone();
            spawn_task!(async move {
                sleep(n * MS).await;
                ended.lock().unwrap().push(n);
            })
        });
        join_all(sleepers);
        assert_eq!(*ended.lock().unwrap(), [1, 2, 3, 4, 5]);
    })
    .unwrap();
}

#[test]
fn intervals_and_timeouts_go_by_the_simulated_clock() {
    let run = Sim::seed(1).run(async {
        let mut ticks = interval(10 * MS).with_missed_ticks(MissedTickBehavior::Skip);
        let started = ticks.tick().await;
        work(25 * MS);
        assert_eq!(ticks.tick().await - started, 10 * MS);
        assert_eq!(ticks.tick().await - started, 30 * MS);
        let late = timeout(7 * MS, std::future::pending::<()>()).await;
        assert!(late.is_err());
        now() - started
    });
    assert_eq!(run.unwrap().output, 37 * MS);
}

#[test]
fn the_far_end_of_time_is_no_trap() {
    let run = Sim::seed(1).run(async {
        let never = timeout(Duration::MAX, std::future::ready(1)).await;
        let centuries = Duration::from_secs(60 * 60 * 24 * 365 * 1_000);
        sleep(centuries).await;
        never.unwrap()
    });
    let run = run.unwrap();
    assert_eq!(run.output, 1);
    assert_eq!(run.elapsed.as_secs(), 60 * 60 * 24 * 365 * 1_000);
}

#[test]
fn what_sleeps_beyond_the_end_of_time_sleeps_for_ever() {
    let far = Duration::from_secs(1 << 62);
    let sleepers: [fn(Duration) -> Vec<Duration>; 3] = [
        |far| vec![far, far],
        |far| vec![far / 2, far],
        |far| vec![Duration::MAX, far],
    ];
    for sleeps in sleepers {
        let error = Sim::seed(1).run(async move {
            for time in sleeps(far) {
                sleep(time).await;
            }
        });
        let error = error.expect_err("nobody wakes it").to_string();
        assert!(error.starts_with("a deadlock"), "{error}");
        assert!(error.contains("at 0ns"), "the clock stood still: {error}");
    }
    // One that was to sleep for ever can be given an end.
    let run = Sim::seed(1).run(async move {
        let mut sleep = Box::pin(sleep(far));
        assert!(timeout(MS, &mut sleep).await.is_err());
        sleep.as_mut().reset(now() + MS);
        sleep.await;
    });
    assert_eq!(run.unwrap().elapsed, 2 * MS);
}

#[test]
fn work_takes_no_longer_to_simulate_the_longer_it_is() {
    // The watchdog looks at a worker that computes, and finds nothing new in a thousand years.
    let long = Duration::from_secs(60 * 60 * 24 * 365 * 1_000);
    let run = Sim::seed(1).run(async move {
        let beside = spawn_task!(async move {
            sleep(long / 2).await;
            spawn_task!(async {}).await;
        });
        spawn_task!(async move { work(long) }).await;
        beside.await;
    });
    assert_eq!(run.unwrap().elapsed, long);
}

#[test]
fn a_thread_that_spins_in_block_on_lets_the_others_go_on() {
    let run = Sim::seed(1).run(async {
        let flag = Arc::new(AtomicUsize::new(0));
        let sets = flag.clone();
        spawn_task!(async move { sets.store(1, Ordering::SeqCst) }).detach();
        spawn_task!(async move {
            while flag.load(Ordering::SeqCst) == 0 {
                block_on(yield_now());
            }
        })
        .await;
    });
    assert!(run.is_ok());
    let forever = Sim::seed(1).max_steps(100).run(async {
        spawn_task!(async {
            loop {
                block_on(yield_now());
            }
        })
        .await
    });
    let error = forever
        .map(|run: sim::Run<()>| run.output)
        .expect_err("it never ends");
    assert!(
        error.to_string().starts_with("no end after 100 steps"),
        "{error}"
    );
}

#[test]
fn work_without_an_end_is_a_deadlock() {
    let error = Sim::seed(1).run(async { spawn_task!(async { work(Duration::MAX) }).await });
    let error = error.expect_err("it never ends").to_string();
    assert!(error.starts_with("a deadlock"), "{error}");
    assert!(error.contains("task #0"), "{error}");
}

#[test]
fn workers_work_side_by_side() {
    let elapsed = |workers| {
        let sim = Sim::seed(3).high(0).low(workers);
        let run =
            sim.run(async { join_all((0..12).map(|_| spawn_task!(async { work(10 * MS) }))) });
        run.unwrap().elapsed
    };
    assert_eq!(
        [1, 2, 3, 4, 12].map(elapsed),
        [120, 60, 40, 30, 10].map(|n| n * MS)
    );
}

#[test]
fn a_task_behind_a_long_poll_is_rescued() {
    // The task in the next-slot of a worker that computes for a second goes elsewhere after
    // two looks of the watchdog, as it does with threads.
    let run = Sim::seed(1).high(0).low(2).run(async {
        let started = now();
        let outer = spawn_task!(async move {
            let inner = spawn_task!(async move { now() - started });
            work(Duration::from_secs(1));
            [inner]
        });
        let [inner] = outer.await;
        inner.await
    });
    let waited = run.unwrap().output;
    assert!(waited <= 20 * MS, "{waited:?}");
}

/// Ends when the others do, and yields every half millisecond until then.
async fn yields_until(over: Arc<AtomicBool>) {
    while !over.load(Ordering::Relaxed) {
        work(Duration::from_micros(500));
        yield_now().await;
    }
}

#[test]
fn a_low_task_does_not_wait_for_the_low_thread_while_a_high_one_runs_another() {
    for seed in 0..20 {
        let sim = Sim::seed(seed).high(1).low(1).standby(0);
        let run = sim.run(async {
            let over = Arc::new(AtomicBool::new(false));
            let yields = spawn_task!(yields_until(over.clone()));
            let computes = spawn_task!(async { work(Duration::from_secs(1)) });
            sleep(20 * MS).await;
            // It comes from outside, into the channel.
            let begun = now();
            let waited = spawn_task!(async move { now() - begun }).await;
            over.store(true, Ordering::Relaxed);
            computes.await;
            yields.await;
            waited
        });
        let waited = run.unwrap().output;
        assert!(waited <= 50 * MS, "seed {seed}: {waited:?}");
    }
}

#[test]
fn low_tasks_behind_a_long_poll_are_shared_by_a_thread_that_runs_another() {
    for seed in 0..20 {
        let sim = Sim::seed(seed).high(1).low(1).standby(0);
        let run = sim.run(async {
            let over = Arc::new(AtomicBool::new(false));
            let yields = spawn_task!(yields_until(over.clone()));
            let spawns = spawn_task!(async {
                let begun = now();
                let inner = [(); 4].map(|()| spawn_task!(async move { now() - begun }));
                work(Duration::from_secs(1));
                inner
            });
            let inner = spawns.await;
            over.store(true, Ordering::Relaxed);
            yields.await;
            laneway::join_all(inner)
        });
        let waits = run.unwrap().output;
        // The watchdog has the task in the next-slot moved after two looks.
        assert!(
            waits.iter().all(|wait| *wait <= 100 * MS),
            "seed {seed}: {waits:?}"
        );
    }
}

#[test]
fn a_deadlock_names_who_waits_and_where_they_came_from() {
    let error = Sim::seed(1).run(async {
        sleep(5 * MS).await;
        let (_sender, receiver) = async_channel::bounded::<u32>(1);
        let gate = receiver.clone();
        let polite = spawn_task!(async move { gate.recv().await.unwrap() });
        let rude = spawn_task!(
            async move { block_on(receiver.recv()).unwrap() },
            Priority::High
        );
        spawn_task!(async {}).await;
        let _ = (polite.await, rude.await);
    });
    let Err(Error::Deadlock(deadlock)) = error else {
        panic!("{error:?}");
    };
    assert_eq!(deadlock.elapsed(), 5 * MS);
    let [polite, rude] = deadlock.waiting() else {
        panic!("{deadlock}");
    };
    assert!(!polite.blocks_its_thread() && rude.blocks_its_thread());
    assert_eq!(polite.spawned_at().file(), file!());
    assert_eq!(polite.spawned_at().line() + 1, rude.spawned_at().line());
    let message = deadlock.to_string();
    assert!(message.starts_with("a deadlock after "), "{message}");
    let polite = format!("\n  task #0 waits, spawned at {}", polite.spawned_at());
    assert!(message.contains(&polite), "{message}");
    let rude = format!(
        "blocks its thread and waits, spawned at {}",
        rude.spawned_at()
    );
    assert!(message.contains(&rude), "{message}");
}

#[test]
fn a_deadlock_lists_tasks_in_the_order_of_their_spawns() {
    // Workers hand out numbers of their own, so that a task's number does not tell its age.
    let error = Sim::seed(1).high(2).low(2).run(async {
        let forever = |name: String| spawn_task!(name = name, std::future::pending::<()>());
        let mut tasks = Vec::new();
        for n in 0..10 {
            let inside = async move { [forever(format!("inside {n}"))] };
            tasks.extend(spawn_task!(inside).await);
            tasks.push(forever(format!("outside {n}")));
        }
        join_all(tasks);
    });
    let Err(Error::Deadlock(deadlock)) = error else {
        panic!("{error:?}");
    };
    let waiting = deadlock.waiting();
    let names: Vec<&str> = waiting.iter().flat_map(|task| task.name()).collect();
    let expected = (0..10).flat_map(|n| [format!("inside {n}"), format!("outside {n}")]);
    assert!(names.iter().copied().eq(expected), "{deadlock}");
    assert!(!waiting.is_sorted_by_key(|task| task.task()), "{deadlock}");
}

#[test]
fn a_deadlock_of_many_names_the_first() {
    let error = Sim::seed(1).run(async {
        let tasks = (0..100).map(|_| spawn_task!(std::future::pending::<()>()));
        let tasks: Vec<_> = tasks.collect();
        std::future::pending::<()>().await;
        drop(tasks);
    });
    let message = error.unwrap_err().to_string();
    assert_eq!(message.lines().count(), 2 + 20 + 1, "{message}");
    assert!(message.ends_with("and 80 more tasks"), "{message}");
}

#[test]
fn the_end_drops_everything() {
    let drops = DropCounter::new();
    let tokens = drops.clone();
    let forever = async move {
        let waits = |token| async move {
            std::future::pending::<()>().await;
            drop(token);
        };
        spawn_task!(waits(tokens.token())).detach();
        let token = tokens.token();
        spawn_task!(async move {
            // In the middle of its poll when the simulation ends.
            block_on(std::future::pending::<()>());
            drop(token);
        })
        .detach();
        let token = tokens.token();
        spawn_task!(async move {
            loop {
                yield_now().await;
                let _ = &token;
            }
        })
        .detach();
        sleep(MS).await;
        tokens.token()
    };
    let never = Sim::seed(1).max_steps(10_000).run(forever);
    assert!(
        matches!(never.unwrap_err(), Error::TooLong(_)),
        "a loop keeps time from passing"
    );
    assert_eq!(drops.count(), 3);
}

#[test]
fn a_panic_of_the_simulated_future_goes_on() {
    let panics = std::panic::catch_unwind(|| {
        Sim::seed(1).run(async {
            spawn_task!(std::future::pending::<()>()).detach();
            yield_now().await;
            panic!("so be it");
        })
    });
    let payload = panics
        .map(|run: Result<sim::Run<()>, Error>| run.is_ok())
        .unwrap_err();
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"so be it"));
}

#[test]
fn a_panic_of_a_task_reaches_its_awaiter() {
    let run = Sim::seed(1).run(async {
        let broken = spawn_task!(async {
            if true {
                panic!("broken")
            }
        });
        let error = try_join!(broken).pop().unwrap().unwrap_err();
        error.to_string()
    });
    let message = run.unwrap().output;
    assert!(message.ends_with("broken"), "{message}");
}

/// Two tasks that each take one lock and then the other's.
async fn philosophers() {
    let forks = [(); 2].map(|()| Arc::new(async_channel::bounded::<()>(1)));
    for fork in &forks {
        fork.0.send(()).await.unwrap();
    }
    let dine = |left: usize| {
        let (left, right) = (forks[left].clone(), forks[1 - left].clone());
        spawn_task!(async move {
            left.1.recv().await.unwrap();
            yield_now().await;
            right.1.recv().await.unwrap();
            left.0.send(()).await.unwrap();
            right.0.send(()).await.unwrap();
        })
    };
    let (one, other) = (dine(0), dine(1));
    one.await;
    other.await;
}

#[test]
fn explore_finds_a_deadlock_and_its_seed_fails_again() {
    let failure = sim::explore(1_000, philosophers).unwrap_err();
    assert!(matches!(
        failure.cause,
        FailureCause::Error(Error::Deadlock(_))
    ));
    for _ in 0..10 {
        let again = Sim::seed(failure.seed).run(philosophers());
        let Err(Error::Deadlock(deadlock)) = again else {
            panic!("{again:?}");
        };
        assert_eq!(deadlock.waiting().len(), 2);
        assert!(
            failure.to_string().contains(&deadlock.to_string()),
            "{failure}"
        );
    }
    // It is not that every seed failed.
    let passes = (0..1_000).find(|&seed| Sim::seed(seed).run(philosophers()).is_ok());
    assert!(passes.is_some());
}

#[test]
fn explore_tells_the_panic_and_the_seed() {
    let runs = AtomicU64::new(0);
    let failure = Sim::seed(40).explore(1_000, || {
        let run = runs.fetch_add(1, Ordering::Relaxed);
        async move { assert!(run < 3, "the fourth run fails") }
    });
    let failure = failure.unwrap_err();
    assert_eq!((failure.seed, failure.passed), (43, 3));
    assert_eq!(
        failure.to_string(),
        "seed 43 fails, after 3 that passed: a panic: the fourth run fails\n  \
         Sim::seed(43), with the same settings, runs it alone"
    );
}

#[test]
fn closures_given_to_unblock_are_part_of_the_schedule() {
    let explored = sim::explore(200, || async {
        let order = Arc::new(Mutex::new(Vec::new()));
        let note = |what| {
            let order = order.clone();
            move || order.lock().unwrap().push(what)
        };
        let closure = unblock(note("closure"));
        let noted = note("task");
        let task = spawn_task!(async move { noted() });
        task.await;
        closure.await;
        assert_eq!(order.lock().unwrap().len(), 2);
    });
    assert!(explored.unwrap().distinct > 1);
}

#[test]
fn a_closure_given_to_unblock_may_block_on_tasks() {
    sim::explore(100, || async {
        let (sender, receiver) = async_channel::bounded(1);
        let received = unblock(move || block_on(receiver.recv()));
        let sent = spawn_task!(async move { sender.send(42).await });
        assert_eq!(received.await, Ok(42));
        sent.await.unwrap();
    })
    .unwrap();
}

/// Hands over another closure, as the thread of a pool may for ever.
fn hands_over_another(ran: &Arc<AtomicUsize>) {
    // Far more than a simulation that comes to its end has time for.
    if ran.fetch_add(1, Ordering::Relaxed) < 100_000 {
        let ran = ran.clone();
        unblock(move || hands_over_another(&ran)).detach();
    }
}

#[test]
fn closures_that_hand_over_others_keep_no_simulation_from_its_end() {
    let (ran, dropped) = (Arc::<AtomicUsize>::default(), DropCounter::new());
    let (first, token) = (ran.clone(), dropped.token());
    let run = Sim::seed(1).run(async move {
        hands_over_another(&first);
        unblock(move || drop(token)).detach();
    });
    run.unwrap();
    let in_time = ran.load(Ordering::Relaxed);
    assert!(in_time < 100, "{in_time} closures ran");
    assert_eq!(dropped.count(), 1);

    let first = ran.clone();
    let endless = Sim::seed(1).max_steps(1_000).run(async move {
        hands_over_another(&first);
        std::future::pending::<()>().await;
    });
    assert!(matches!(endless, Err(Error::TooLong(long)) if long.steps == 1_000));
    let in_steps = ran.load(Ordering::Relaxed) - in_time;
    assert!(in_steps <= 1_002, "{in_steps} closures ran in 1,000 steps");
    assert_eq!(Arc::strong_count(&ran), 1, "a closure is left");
}

#[test]
fn what_was_spawned_in_a_making_that_panics_is_dropped() {
    let (dropped, observer) = (DropCounter::new(), Arc::new(Nothing));
    let sim = Sim::seed(1).observer(observer.clone());
    let failed = sim.explore(1, || {
        let (of_task, of_closure) = (dropped.token(), dropped.token());
        spawn_task!(async move { drop(of_task) }).detach();
        unblock(move || drop(of_closure)).detach();
        if dropped.count() == 0 {
            panic!("in the making");
        }
        async {}
    });
    let cause = failed.unwrap_err().cause;
    assert!(matches!(cause, FailureCause::Panic(message) if message == "in the making"));
    assert_eq!(dropped.count(), 2);
    drop(sim);
    assert_eq!(
        Arc::strong_count(&observer),
        1,
        "the simulated runtime is left"
    );
}

/// Is told everything, and does nothing.
struct Nothing;

impl laneway::observe::Observer for Nothing {}

#[test]
fn a_simulation_in_a_simulation_is_one_step() {
    let run = Sim::seed(1).run(async {
        let before = now();
        let inner = Sim::seed(2).run(async {
            sleep(Duration::from_secs(9)).await;
            spawn_task!(async { 9 }).await
        });
        assert_eq!(now(), before);
        inner.unwrap().output
    });
    assert_eq!(run.unwrap().output, 9);
}

#[test]
fn a_simulation_runs_on_a_worker_of_a_real_runtime() {
    let rt = laneway::Runtime::builder()
        .with_high_num(0)
        .with_low_num(1)
        .build()
        .unwrap();
    let task = rt.spawn(
        async {
            let run = Sim::seed(1).run(async { spawn_task!(async { 5 }).await });
            run.unwrap().output
        },
        Priority::Low,
    );
    assert_eq!(rt.block_on(task), 5);
}

#[test]
fn impossible_workers_are_an_error() {
    let error = Sim::seed(1).high(0).low(0).run(async {}).unwrap_err();
    assert!(matches!(error, Error::Build(_)), "{error}");
    let error = Sim::seed(1)
        .low(0)
        .stealing(Stealing::None)
        .run(async {})
        .unwrap_err();
    assert!(error.to_string().contains("no thread serves"), "{error}");
}

#[test]
fn every_poll_begins_and_ends_and_every_task_ends_once() {
    let sim = Sim::seed(11).high(2).low(2).keep_events();
    let events = sim.run(bit_of_everything()).unwrap().events;
    let count = |is: fn(&Event) -> bool| events.iter().filter(|(_, event)| is(event)).count();
    let spawned = count(|event| matches!(event, Event::Spawned { .. }));
    let begun = count(|event| matches!(event, Event::PollStarted { .. }));
    let ended = count(|event| matches!(event, Event::PollEnded { .. }));
    let last = count(|event| matches!(event, Event::PollEnded { end, .. } if end.is_last()));
    let ready = count(|event| {
        matches!(
            event,
            Event::PollEnded {
                end: PollEnd::Ready,
                ..
            }
        )
    });
    assert_eq!(begun, ended);
    assert_eq!((spawned, last, ready), (10, 10, 10));
    assert!(events.is_sorted_by_key(|(at, _)| *at));
}

#[test]
fn counts_are_exact_over_a_thousand_seeds() {
    let total = AtomicUsize::new(0);
    let explored = sim::explore(1_000, || async {
        let tasks = (0..10).map(|n| {
            spawn_task!(
                async move {
                    yield_now().await;
                    n
                },
                if n % 2 == 0 {
                    Priority::High
                } else {
                    Priority::Low
                }
            )
        });
        let sum: usize = join_all(tasks).into_iter().sum();
        total.fetch_add(sum, Ordering::Relaxed);
    });
    assert_eq!(total.load(Ordering::Relaxed), 45 * 1_000);
    assert!(explored.unwrap().distinct > 990);
}

//! Does a group give its members in the order in which they end, and cancel what is left?

mod common;

use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use common::{DropCounter, Gate, cut_off, eventually};
use laneway::observe::{LostPanic, Observer};
use laneway::{Priority, Runtime, Stealing, TaskGroup, block_on};

const LONG: Duration = Duration::from_secs(20);

fn runtime() -> Runtime {
    let builder = Runtime::builder().with_high_num(1).with_low_num(2);
    builder.build().unwrap()
}

/// A runtime on which the members of a group end one after another.
fn one_worker() -> Runtime {
    let builder = Runtime::builder().with_high_num(0).with_low_num(1);
    builder.build().unwrap()
}

fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// A group of members that each wait for a gate and then give their number.
fn gated(rt: &Runtime, count: usize) -> (TaskGroup<usize>, Vec<Gate>) {
    let mut group = TaskGroup::new();
    let gates: Vec<Gate> = (0..count).map(|_| Gate::new()).collect();
    for (n, gate) in gates.iter().enumerate() {
        let wait = gate.wait();
        let member = async move {
            wait.await;
            n
        };
        group.spawn_on(rt, member, Priority::Low);
    }
    gates.iter().for_each(|gate| gate.eventually_polled(1));
    (group, gates)
}

fn completed(rt: &Runtime) -> u64 {
    rt.metrics().queues[1].completed
}

#[test]
fn an_empty_group_has_nothing_to_join() {
    let mut group = TaskGroup::<u8>::new();
    assert!(block_on(group.join_next()).is_none());
    assert_eq!((group.len(), group.is_empty()), (0, true));
    block_on(group.cancel_all());
    assert!(block_on(TaskGroup::<u8>::default().join_all()).is_empty());
    assert_eq!(
        block_on(TaskGroup::<Result<u8, u8>>::new().first_error()),
        Ok(vec![])
    );
}

#[test]
fn members_are_joined_in_the_order_in_which_they_end() {
    let rt = one_worker();
    let (mut group, gates) = gated(&rt, 5);
    let order = [3, 0, 4, 1, 2];
    // Three end before anybody waits, two while somebody does.
    for (n, &gate) in (1..).zip(&order[..3]) {
        gates[gate].open();
        eventually("a member ends", || completed(&rt) == n);
    }
    assert_eq!(group.len(), 5);
    for (place, &gate) in order.iter().enumerate() {
        let mut next = pin!(group.join_next());
        if place >= 3 {
            assert!(poll_once(next.as_mut()).is_pending());
            gates[gate].open();
        }
        assert_eq!(block_on(next).unwrap().unwrap(), gate);
    }
    assert!(block_on(group.join_next()).is_none());
}

#[test]
fn members_may_come_while_others_go() {
    let rt = runtime();
    let mut group = TaskGroup::new();
    let mut joined = 0_u64;
    group.spawn_on(&rt, async { 0 }, Priority::Low);
    while let Some(result) = block_on(group.join_next()) {
        let n = result.unwrap();
        joined += 1;
        if n < 9 {
            group.spawn_on(&rt, async move { n + 1 }, Priority::High);
            group.spawn_on(&rt, async move { n + 1 }, Priority::Low);
        }
    }
    assert_eq!(joined, (1 << 10) - 1);
}

#[test]
fn spawn_uses_the_runtime_it_is_called_on() {
    let builder = Runtime::builder().with_queue("disk", 1, &[]);
    let rt = builder.build().unwrap();
    let name = rt.block_on(async {
        let mut group = TaskGroup::new();
        group.spawn(
            async { thread::current().name().map(str::to_owned) },
            "disk",
        );
        group.join_next().await.unwrap().unwrap()
    });
    assert_eq!(name.as_deref(), Some("laneway-disk-0"));
}

#[test]
fn a_task_becomes_a_member_before_or_after_its_end() {
    let rt = runtime();
    let mut group = TaskGroup::new();
    let over = rt.spawn(async { 1 }, Priority::Low);
    eventually("it ends", || over.is_finished());
    let gate = Gate::new();
    let wait = gate.wait();
    let waits = async move {
        wait.await;
        2
    };
    group.insert(rt.spawn(waits, Priority::Low));
    group.insert(over);
    assert_eq!(group.len(), 2);
    assert_eq!(block_on(group.join_next()).unwrap().unwrap(), 1);
    gate.open();
    assert_eq!(block_on(group.join_next()).unwrap().unwrap(), 2);
    assert!(group.is_empty());
}

#[test]
fn a_panicking_member_is_a_value() {
    let rt = runtime();
    let (mut group, gates) = gated(&rt, 1);
    let line = line!() + 1;
    group.spawn_on(&rt, async { resume_unwind(Box::new("own")) }, Priority::Low);
    let error = block_on(group.join_next()).unwrap().unwrap_err();
    assert_eq!(
        (error.spawned_at().file(), error.spawned_at().line()),
        (file!(), line)
    );
    assert_eq!(*error.into_panic().downcast::<&str>().unwrap(), "own");
    gates[0].open();
    assert_eq!(block_on(group.join_next()).unwrap().unwrap(), 0);
}

#[test]
fn a_member_cut_off_by_shutdown_is_a_value() {
    let rt = runtime();
    let (mut group, _gates) = gated(&rt, 2);
    let report = cut_off(&rt);
    assert_eq!(report.cut_off, 2);
    // One that comes too late ends at once.
    group.spawn_on(&rt, async { 9 }, Priority::Low);
    for left in [2, 1, 0] {
        let error = block_on(group.join_next()).unwrap().unwrap_err();
        assert!(error.is_cancelled());
        assert_eq!(group.len(), left);
    }
}

#[test]
fn dropping_join_next_loses_nothing() {
    let rt = one_worker();
    let (mut group, gates) = gated(&rt, 3);
    let mut joined = Vec::new();
    for (gate, opened) in gates.iter().zip(1..) {
        // Dropped while it waits, and again after a member has ended.
        assert!(poll_once(pin!(group.join_next())).is_pending());
        gate.open();
        eventually("the member ends", || completed(&rt) == opened);
        drop(group.join_next());
        joined.push(block_on(group.join_next()).unwrap().unwrap());
    }
    assert_eq!(joined, [0, 1, 2]);
}

#[test]
fn join_all_gives_the_results_in_the_order_in_which_they_ended() {
    let rt = one_worker();
    let (group, gates) = gated(&rt, 4);
    let order = [2, 3, 0, 1];
    let mut all = pin!(group.join_all());
    assert!(poll_once(all.as_mut()).is_pending());
    for (n, gate) in (1..).zip(order) {
        gates[gate].open();
        eventually("a member ends", || completed(&rt) == n);
    }
    let results = block_on(all);
    let values: Vec<usize> = results.into_iter().map(Result::unwrap).collect();
    assert_eq!(values, order);
}

#[test]
fn dropping_the_group_cancels_what_is_left() {
    let rt = runtime();
    let (mut group, gates) = gated(&rt, 3);
    gates[1].open();
    assert_eq!(block_on(group.join_next()).unwrap().unwrap(), 1);
    drop(group);
    eventually("the futures are dropped", || {
        gates.iter().all(|gate| gate.drops() == 1)
    });
    assert_eq!((gates[0].polls(), gates[2].polls()), (1, 1));
    let (group, gates) = gated(&rt, 3);
    let mut all = Box::pin(group.join_all());
    assert!(poll_once(all.as_mut()).is_pending());
    drop(all);
    eventually("the futures are dropped", || {
        gates.iter().all(|gate| gate.drops() == 1)
    });
    rt.shutdown(LONG);
    assert_eq!((completed(&rt), rt.metrics().queues[1].cancelled), (1, 5));
}

/// A member that is in the middle of a poll until the sender goes away, and then waits for ever.
fn busy(group: &mut TaskGroup<()>, rt: &Runtime, drops: &DropCounter) -> mpsc::Sender<()> {
    let (begin, begun) = mpsc::channel();
    let (release, released) = mpsc::channel();
    let token = drops.token();
    let member = async move {
        let _owned = token;
        begin.send(()).unwrap();
        let _ = released.recv();
        pending().await
    };
    group.spawn_on(rt, member, Priority::Low);
    begun.recv_timeout(LONG).unwrap();
    release
}

#[test]
fn cancel_all_waits_until_every_future_is_gone() {
    let rt = runtime();
    let (drops, gate) = (DropCounter::new(), Gate::new());
    let mut group = TaskGroup::new();
    let release = busy(&mut group, &rt, &drops);
    group.spawn_on(&rt, gate.wait(), Priority::Low);
    gate.eventually_polled(1);
    let mut cancel = Box::pin(group.cancel_all());
    assert!(poll_once(cancel.as_mut()).is_pending());
    // All are cancelled at once; it waits for the one that is busy.
    eventually("the idle one is dropped", || gate.drops() == 1);
    for _ in 0..100 {
        assert!(poll_once(cancel.as_mut()).is_pending());
    }
    assert_eq!(drops.count(), 0);
    drop(release);
    block_on(cancel);
    assert_eq!(drops.count(), 1);
    // The group can be used again, and nothing of the old members is in it.
    assert!(group.is_empty());
    group.spawn_on(&rt, async {}, Priority::Low);
    block_on(group.join_next()).unwrap().unwrap();
    assert!(block_on(group.join_next()).is_none());
}

#[test]
fn cancel_all_dropped_before_its_first_poll_does_nothing() {
    let rt = runtime();
    let (mut group, gates) = gated(&rt, 2);
    drop(group.cancel_all());
    assert_eq!(group.len(), 2);
    gates.iter().for_each(Gate::open);
    assert_eq!(block_on(group.join_all()).len(), 2);
}

/// Panics when dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("an output goes off");
    }
}

#[test]
fn a_panic_in_the_destructor_of_an_output_costs_nothing() {
    let rt = runtime();
    let mut group = TaskGroup::new();
    for _ in 0..2 {
        group.spawn_on(&rt, async { Bomb }, Priority::Low);
    }
    eventually("both end", || completed(&rt) == 2);
    block_on(group.cancel_all());
    group.spawn_on(&rt, async { Bomb }, Priority::Low);
    eventually("it ends", || completed(&rt) == 3);
    drop(group);
    assert!(rt.shutdown(LONG).is_clean());
}

#[test]
fn a_panic_in_the_destructor_of_a_members_future_ends_no_wait_for_the_others() {
    let panics = Arc::new(Panics::default());
    let builder = Runtime::builder().with_observer(panics.clone());
    let rt = builder.build().unwrap();
    for cancels_the_rest in [false, true] {
        let drops = DropCounter::new();
        let mut group = TaskGroup::new();
        for _ in 0..3 {
            let (bomb, token) = (Bomb, drops.token());
            let waits = async move {
                let _held = (token, bomb);
                pending::<()>().await;
                Ok(())
            };
            group.spawn_on(&rt, waits, Priority::Low);
        }
        match cancels_the_rest {
            false => block_on(group.cancel_all()),
            true => {
                group.spawn_on(&rt, async { Err("no") }, Priority::Low);
                assert_eq!(block_on(group.first_error()), Err("no"));
            }
        }
        assert_eq!(drops.count(), 3);
    }
    assert_eq!(panics.0.lock().unwrap().len(), 6);
}

#[derive(Default)]
struct Panics(Mutex<Vec<String>>);

impl Observer for Panics {
    fn on_lost_panic(&self, panic: &LostPanic<'_>) {
        self.0.lock().unwrap().push(panic.message().to_owned());
    }
}

#[test]
fn a_panic_that_nobody_joins_is_reported_once() {
    let panics = Arc::new(Panics::default());
    let builder = Runtime::builder().with_observer(panics.clone());
    let rt = builder.build().unwrap();
    let throw = |words: &'static str| async move { resume_unwind(Box::new(words)) };
    let mut group = TaskGroup::<()>::new();
    group.spawn_on(&rt, throw("joined"), Priority::Low);
    block_on(group.join_next()).unwrap().unwrap_err();
    group.spawn_on(&rt, throw("cancelled"), Priority::Low);
    let over = rt.spawn(throw("over"), Priority::Low);
    eventually("both end", || rt.metrics().queues[1].panicked == 3);
    eventually("it is over", || over.is_finished());
    group.insert(over);
    block_on(group.cancel_all());
    group.spawn_on(&rt, throw("dropped"), Priority::Low);
    let over = rt.spawn(throw("over"), Priority::Low);
    eventually("both end", || rt.metrics().queues[1].panicked == 5);
    eventually("it is over", || over.is_finished());
    group.insert(over);
    drop(group);
    rt.shutdown(LONG);
    let mut reported = panics.0.lock().unwrap().clone();
    reported.sort();
    assert_eq!(reported, ["cancelled", "dropped", "over", "over"]);
}

#[test]
fn first_error_gives_all_values_if_there_is_none() {
    let rt = runtime();
    let mut group = TaskGroup::<Result<u32, String>>::new();
    for n in 0..20 {
        group.spawn_on(&rt, async move { Ok(n) }, Priority::Low);
    }
    let mut values = block_on(group.first_error()).unwrap();
    values.sort();
    assert_eq!(values, (0..20).collect::<Vec<_>>());
}

#[test]
fn first_error_cancels_the_rest_and_waits_until_it_is_gone() {
    let rt = runtime();
    let drops = DropCounter::new();
    let mut group = TaskGroup::new();
    group.spawn_on(&rt, async { Ok(1) }, Priority::Low);
    for _ in 0..3 {
        let token = drops.token();
        let forever = async move {
            let _owned = token;
            pending().await
        };
        group.spawn_on(&rt, forever, Priority::Low);
    }
    group.spawn_on(&rt, async { Err("first") }, Priority::Low);
    assert_eq!(block_on(group.first_error()), Err("first"));
    assert_eq!(drops.count(), 3);
}

#[test]
fn first_error_continues_a_panic_when_the_rest_is_gone() {
    let rt = runtime();
    let drops = DropCounter::new();
    let mut group = TaskGroup::<Result<(), ()>>::new();
    let token = drops.token();
    let forever = async move {
        let _owned = token;
        pending().await
    };
    group.spawn_on(&rt, forever, Priority::Low);
    group.spawn_on(&rt, async { resume_unwind(Box::new(7_u8)) }, Priority::Low);
    let joined = catch_unwind(AssertUnwindSafe(|| block_on(group.first_error())));
    assert_eq!(*joined.unwrap_err().downcast::<u8>().unwrap(), 7);
    assert_eq!(drops.count(), 1);
}

/// A runtime on which a task's thread tells its priority.
fn without_stealing() -> Runtime {
    let builder = Runtime::builder().with_high_num(1).with_low_num(1);
    builder.with_stealing(Stealing::None).build().unwrap()
}

fn thread_after(gate: &Gate) -> impl Future<Output = Option<String>> + use<> {
    let wait = gate.wait();
    async move {
        wait.await;
        thread::current().name().map(str::to_owned)
    }
}

#[test]
fn a_high_task_raises_the_members_that_it_waits_for() {
    let rt = without_stealing();
    let gates = [Gate::new(), Gate::new()];
    let mut group = TaskGroup::new();
    for gate in &gates {
        group.spawn_on(&rt, thread_after(gate), Priority::Low);
        gate.eventually_polled(1);
    }
    let joiner = rt.spawn(group.join_all(), Priority::High);
    // Its poll wakes both members, as high tasks.
    eventually("members are raised", || rt.metrics().queues[0].polls == 3);
    for gate in &gates {
        gate.open();
    }
    for result in block_on(joiner) {
        assert_eq!(result.unwrap().as_deref(), Some("laneway-high-0"));
    }
}

#[test]
fn spawning_into_a_group_does_not_raise() {
    let rt = without_stealing();
    let gate = Gate::new();
    let member = thread_after(&gate);
    let spawner = async move {
        let mut group = TaskGroup::new();
        group.spawn(member, Priority::Low);
        group
    };
    let mut group = block_on(rt.spawn(spawner, Priority::High));
    gate.eventually_polled(1);
    gate.open();
    let name = block_on(group.join_next()).unwrap().unwrap();
    assert_eq!(name.as_deref(), Some("laneway-low-0"));
}

struct RudeWaker(AtomicUsize);

impl Wake for RudeWaker {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
        panic!("a rude waker wakes");
    }
}

#[test]
fn the_awaiter_is_woken_once_whatever_its_waker_does() {
    let rt = runtime();
    let (mut group, gates) = gated(&rt, 50);
    let rude = Arc::new(RudeWaker(AtomicUsize::new(0)));
    let waker = Waker::from(rude.clone());
    let mut next = Box::pin(group.join_next());
    assert!(
        next.as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    gates.iter().for_each(Gate::open);
    eventually("all end", || completed(&rt) == 50);
    assert_eq!(rt.metrics().queues[1].panicked, 0);
    drop(next);
    assert_eq!(block_on(group.join_all()).len(), 50);
    // Once the workers are gone, nobody can be on the way to the waker any more.
    drop(rt);
    assert_eq!(rude.0.load(Ordering::SeqCst), 1);
}

/// What a random member did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Fate {
    Value,
    Panic,
    Forever,
}

/// A group of random members: their numbers of values and panics, and the rest waits for ever.
fn random_group(
    rt: &Runtime,
    seed: u64,
    members: usize,
    drops: &DropCounter,
) -> (TaskGroup<usize>, usize, usize) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let (mut values, mut panics) = (0, 0);
    let mut group = TaskGroup::new();
    for n in 0..members {
        let fate = [Fate::Value, Fate::Panic, Fate::Forever][rng.usize(..3)];
        values += usize::from(fate == Fate::Value);
        panics += usize::from(fate == Fate::Panic);
        let (yields, token) = (rng.u8(..4), drops.token());
        let member = async move {
            let _owned = token;
            for _ in 0..yields {
                laneway::yield_now().await;
            }
            match fate {
                Fate::Value => n,
                Fate::Panic => resume_unwind(Box::new(n)),
                Fate::Forever => pending().await,
            }
        };
        let priority = [Priority::High, Priority::Low][rng.usize(..2)];
        group.spawn_on(rt, member, priority);
    }
    (group, values, panics)
}

#[test]
fn ten_thousand_members_with_panics_and_the_rest_cancelled() {
    const MEMBERS: usize = 10_000;
    let rt = runtime();
    let drops = DropCounter::new();
    let (mut group, values, panics) = random_group(&rt, 11, MEMBERS, &drops);
    let mut seen = vec![false; MEMBERS];
    let (mut got, mut thrown) = (0, 0);
    for _ in 0..values + panics {
        let n = match block_on(group.join_next()).unwrap() {
            Ok(n) => {
                got += 1;
                n
            }
            Err(error) => {
                thrown += 1;
                *error.into_panic().downcast::<usize>().unwrap()
            }
        };
        assert!(
            !std::mem::replace(&mut seen[n], true),
            "member {n} came twice"
        );
    }
    assert_eq!((got, thrown), (values, panics));
    assert_eq!(group.len(), MEMBERS - values - panics);
    assert!(poll_once(pin!(group.join_next())).is_pending());
    block_on(group.cancel_all());
    assert_eq!(drops.count(), MEMBERS);
    let queues = rt.metrics().queues;
    assert_eq!(queues.iter().map(|queue| queue.live()).sum::<u64>(), 0);
}

#[test]
fn groups_cancelled_and_dropped_at_random_moments_leave_nothing() {
    const GROUPS: u64 = 20;
    const MEMBERS: usize = 500;
    let rt = runtime();
    let drops = DropCounter::new();
    thread::scope(|scope| {
        for round in 0..4 {
            let (rt, drops) = (&rt, &drops);
            scope.spawn(move || {
                for seed in (0..GROUPS).filter(|seed| seed % 4 == round) {
                    let mut rng = fastrand::Rng::with_seed(seed);
                    let (mut group, values, panics) = random_group(rt, seed, MEMBERS, drops);
                    for _ in 0..rng.usize(..values + panics) {
                        let joined = block_on(group.join_next());
                        assert!(joined.is_some());
                    }
                    if rng.bool() {
                        block_on(group.cancel_all());
                    }
                }
            });
        }
    });
    let all = GROUPS as usize * MEMBERS;
    eventually("every future is dropped", || drops.count() == all);
    assert!(rt.shutdown(LONG).is_clean());
}

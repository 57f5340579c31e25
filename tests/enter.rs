//! Which runtime does a thread belong to that has entered several, whatever becomes of the guards?

use laneway::{Handle, Priority, Runtime, block_on, spawn_task};

fn runtime(high: usize, low: usize) -> Runtime {
    let builder = Runtime::builder().with_high_num(high).with_low_num(low);
    builder.build().unwrap()
}

/// How many tasks have been spawned on it.
fn spawned(rt: &Runtime) -> u64 {
    rt.metrics().queues.iter().map(|queue| queue.spawned).sum()
}

/// Whether this thread's spawns go to `rt`.
fn is_here(rt: &Runtime) -> bool {
    let before = spawned(rt);
    block_on(spawn_task!(async {}));
    spawned(rt) == before + 1
}

#[test]
fn the_last_guard_that_is_left_counts() {
    let rts = [(); 4].map(|()| runtime(1, 1));
    let handles: Vec<Handle> = rts.iter().map(Runtime::handle).collect();
    for order in [
        [0, 1, 2, 3],
        [3, 2, 1, 0],
        [1, 3, 0, 2],
        [2, 0, 1, 3],
        [2, 1, 3, 0],
    ] {
        let mut guards: Vec<_> = handles.iter().map(|handle| Some(handle.enter())).collect();
        for goes in order {
            guards[goes] = None;
            match guards.iter().rposition(Option::is_some) {
                Some(last) => assert!(is_here(&rts[last]), "{order:?}, after {goes}"),
                None => assert!(Handle::try_current().is_none(), "{order:?}"),
            }
        }
    }
}

#[test]
fn a_list_of_guards_leaves_nothing_behind() {
    // A list drops its first element first.
    let rts = [(); 3].map(|()| runtime(1, 1));
    let handles: Vec<Handle> = rts.iter().map(Runtime::handle).collect();
    let guards: Vec<_> = handles.iter().map(Handle::enter).collect();
    assert!(is_here(&rts[2]));
    drop(guards);
    assert!(Handle::try_current().is_none());
}

#[test]
fn a_guard_may_be_dropped_inside_of_block_on_or_outlive_it() {
    let (a, b) = (runtime(1, 1), runtime(1, 1));
    let (to_a, to_b) = (a.handle(), b.handle());
    let entered = to_a.enter();
    b.block_on(async { drop(entered) });
    assert!(Handle::try_current().is_none(), "it was left in there");

    let entered = a.block_on(async { to_b.enter() });
    assert!(Handle::try_current().is_none(), "block_on has ended");
    let inner = to_a.enter();
    drop(entered);
    assert!(is_here(&a));
    drop(inner);
    assert!(Handle::try_current().is_none());
}

#[test]
fn a_task_whose_guards_go_in_their_order_does_not_take_its_worker_along() {
    let (home, a, b) = (runtime(0, 1), runtime(1, 1), runtime(1, 1));
    let (to_a, to_b) = (a.handle(), b.handle());
    let visits = async move {
        let guards = vec![to_a.enter(), to_b.enter()];
        drop(guards);
    };
    home.block_on(home.spawn(visits, Priority::Low));
    for _ in 0..3 {
        let spawns = async { spawn_task!(async {}).await };
        let before = spawned(&home);
        home.block_on(home.spawn(spawns, Priority::Low));
        assert_eq!(spawned(&home), before + 2);
    }
}

#[test]
fn a_guard_that_a_task_forgets_does_not_cost_the_worker() {
    let (home, other) = (runtime(0, 1), runtime(1, 1));
    let to_other = other.handle();
    let forgets = async move { std::mem::forget(to_other.enter()) };
    home.block_on(home.spawn(forgets, Priority::Low));
    // The worker rests between the tasks, and finds home when it does.
    while home.metrics().workers[0].parks == 0 {
        std::thread::yield_now();
    }
    for _ in 0..3 {
        assert_eq!(home.block_on(home.spawn(async { 7 }, Priority::Low)), 7);
    }
}

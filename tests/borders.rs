//! What does code see that stands at the border of a runtime: between two, or at the end of one?

mod common;

use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread::{self, ThreadId};
use std::time::Duration;

use common::{Gate, eventually};
use laneway::observe::{Event, LostPanic, Observer};
use laneway::{Priority, QueueId, Runtime, Stealing, TaskId, block_on, join, spawn_task};

/// Holds the first outside spawn after `armed` was set, between its look at the runtime's phase
/// and its place in the queue, until another thread has ended the runtime.
struct Holds {
    armed: AtomicBool,
    reached: Barrier,
    ended: Barrier,
    lost: Mutex<Vec<String>>,
}

impl Observer for Holds {
    fn on_event(&self, event: Event) {
        let outside = matches!(event, Event::Scheduled { by: None, .. });
        if outside && self.armed.swap(false, Ordering::SeqCst) {
            self.reached.wait();
            self.ended.wait();
        }
    }

    fn on_lost_panic(&self, panic: &LostPanic<'_>) {
        self.lost.lock().unwrap().push(panic.message().to_owned());
    }
}

/// Enters another runtime when it is dropped, and notes on which thread.
struct EntersOnDrop(Arc<Runtime>, Arc<Mutex<Vec<ThreadId>>>);

impl Drop for EntersOnDrop {
    fn drop(&mut self) {
        self.0.block_on(async {});
        self.1.lock().unwrap().push(thread::current().id());
    }
}

#[test]
fn a_spawn_that_meets_the_end_of_its_runtime_drops_a_future_that_enters_another() {
    let observer = Arc::new(Holds {
        armed: AtomicBool::new(false),
        reached: Barrier::new(2),
        ended: Barrier::new(2),
        lost: Mutex::default(),
    });
    let builder = Runtime::builder().with_observer(observer.clone());
    let rt = Arc::new(builder.build().unwrap());
    let (ending, holds) = (rt.clone(), observer.clone());
    let closer = thread::spawn(move || {
        holds.reached.wait();
        ending.shutdown(Duration::ZERO);
        holds.ended.wait();
    });

    let entered = Arc::new(Mutex::default());
    let other = Arc::new(Runtime::builder().build().unwrap());
    let enters = EntersOnDrop(other, entered.clone());
    observer.armed.store(true, Ordering::SeqCst);
    rt.block_on(async {
        spawn_task!(async move {
            let _enters = enters;
            pending::<()>().await;
        })
        .detach();
    });
    // The spawn only queued it: whatever its destructor does, it does where the runtime ends, and
    // a worker's thread may be about that by now.
    let here = thread::current().id();
    assert!(!entered.lock().unwrap().contains(&here));
    closer.join().unwrap();
    drop(rt);
    assert_eq!(entered.lock().unwrap().len(), 1);
    assert!(
        observer.lost.lock().unwrap().is_empty(),
        "{:?}",
        observer.lost
    );
}

#[derive(Default)]
struct Counts {
    spawned: AtomicUsize,
    scheduled: AtomicUsize,
}

impl Counts {
    fn get(&self) -> [usize; 2] {
        [&self.spawned, &self.scheduled].map(|count| count.load(Ordering::SeqCst))
    }
}

impl Observer for Counts {
    fn on_event(&self, event: Event) {
        match event {
            Event::Spawned { .. } => self.spawned.fetch_add(1, Ordering::SeqCst),
            Event::Scheduled { .. } => self.scheduled.fetch_add(1, Ordering::SeqCst),
            _ => 0,
        };
    }
}

#[test]
fn a_task_that_has_entered_another_runtime_reports_to_its_own_observer() {
    let [own, others] = [(); 2].map(|()| Arc::new(Counts::default()));
    let observed = |by: &Arc<Counts>| {
        let builder = Runtime::builder().with_observer(by.clone());
        Arc::new(builder.build().unwrap())
    };
    let (rt, other) = (observed(&own), observed(&others));
    let spawner = rt.clone();
    let task = rt.spawn(
        async move {
            other.block_on(async { spawner.spawn(async {}, Priority::Low).detach() });
        },
        Priority::Low,
    );
    block_on(task);
    assert_eq!(
        own.get(),
        [2, 2],
        "spawned and scheduled on its own runtime"
    );
    assert_eq!(others.get(), [0, 0], "nothing happened on the other");
}

/// Spawns where it is dropped.
struct SpawnsOnDrop(Arc<AtomicUsize>);

impl Drop for SpawnsOnDrop {
    fn drop(&mut self) {
        let ran = self.0.clone();
        spawn_task!(async move {
            ran.fetch_add(1, Ordering::SeqCst);
        })
        .detach();
    }
}

/// Alone in its process with the process-wide runtime: no other test of this file touches it.
#[test]
fn a_destructor_at_the_end_of_a_runtime_does_not_start_the_process_wide_one() {
    let ran = Arc::new(AtomicUsize::new(0));
    for _ in 0..50 {
        let rt = Runtime::builder().build().unwrap();
        let spawns = SpawnsOnDrop(ran.clone());
        let gate = Gate::default();
        let waits = gate.clone();
        let task = async move {
            let _spawns = spawns;
            waits.wait().await;
        };
        rt.spawn(task, Priority::Low).detach();
        gate.eventually_polled(1);
        drop(rt);
    }
    assert_eq!(ran.load(Ordering::SeqCst), 0, "the runtime had ended");
    assert!(Runtime::new().try_run().is_ok(), "it had started before");
}

#[derive(Default)]
struct Sees {
    scheduled: Mutex<Vec<(TaskId, QueueId)>>,
    replaced: AtomicBool,
}

impl Observer for Sees {
    fn on_event(&self, event: Event) {
        match event {
            Event::Scheduled { task, queue, .. } => {
                self.scheduled.lock().unwrap().push((task, queue));
            }
            Event::Replaced { .. } => self.replaced.store(true, Ordering::SeqCst),
            _ => {}
        }
    }
}

#[test]
fn a_high_task_that_joins_raises_all_low_ones_and_not_only_the_first() {
    let sees = Arc::new(Sees::default());
    let rt = Runtime::builder()
        .with_stealing(Stealing::None)
        .with_observer(sees.clone())
        .build()
        .unwrap();
    let gates = [(); 3].map(|()| Gate::default());
    let tasks = gates.each_ref().map(|gate| {
        let waits = gate.clone();
        rt.spawn(async move { waits.wait().await }, Priority::Low)
    });
    gates.iter().for_each(|gate| gate.eventually_polled(1));
    let ids = tasks.each_ref().map(|task| task.id());
    let [a, b, c] = tasks;
    let high = rt.spawn(async move { join!(a, b, c) }, Priority::High);
    eventually("the high task blocks", || {
        sees.replaced.load(Ordering::SeqCst)
    });
    gates.iter().for_each(Gate::open);
    rt.block_on(high);

    let scheduled = sees.scheduled.lock().unwrap();
    for id in ids {
        let of_task = scheduled.iter().filter(|(task, _)| *task == id);
        let queues: Vec<QueueId> = of_task.map(|&(_, queue)| queue).collect();
        // Woken by being raised, and by its gate; one wake-up if both came before its poll.
        assert_eq!(queues[0], QueueId::LOW, "task {id}");
        let raised = &queues[1..];
        assert!((1..=2).contains(&raised.len()), "task {id}: {queues:?}");
        assert!(
            raised.iter().all(|&queue| queue == QueueId::HIGH),
            "task {id}: {queues:?}"
        );
    }
}

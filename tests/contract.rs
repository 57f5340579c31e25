//! Does the public contract compile as it is written, and does each line do what it says?

mod common;

use std::error::Error;
use std::panic::{RefUnwindSafe, UnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{LazyLock, Mutex};
use std::thread;
use std::time::Duration;

use common::cut_off;
use futures_lite::future::yield_now;
use laneway::background::{ServiceHandle, TaskQueue};
use laneway::observe::{Event, LostPanic, Observer, RuntimeMetrics};
use laneway::{
    BuildError, Builder, FallibleTask, Handle, Idle, IntoQueueName, JoinError, Priority, QueueId,
    QueueName, Runtime, ShutdownReport, SpawnError, Stealing, Task, TaskGroup, join, join_all,
    spawn_task, try_join, try_join_all,
};

/// Long enough for the slowest machine; a test that reaches it has hung.
const DEADLINE: Duration = Duration::from_secs(60);

/// Where the log is rotated to.
static ROTATIONS: LazyLock<(Sender<u32>, Mutex<Receiver<u32>>)> = LazyLock::new(|| {
    let (sender, receiver) = mpsc::channel();
    (sender, Mutex::new(receiver))
});

async fn fetch(url: &str) -> u32 {
    yield_now().await;
    u32::try_from(url.len()).unwrap()
}

async fn log_rotation() {
    for n in 0..3 {
        yield_now().await;
        ROTATIONS.0.send(n).unwrap();
    }
}

/// The block of code that the design gives as the contract, word for word. Alone in its process
/// with the process-wide runtime: no other test of this file may touch that one.
#[test]
#[rustfmt::skip]
fn the_contract_compiles_word_for_word() -> Result<(), Box<dyn Error>> {
    let url = "laneway.example";
    let elsewhere = Runtime::builder().build()?;
    let c = elsewhere.spawn(async { 7 }, Priority::Low);
    let d = elsewhere.spawn(async { panic!("no such page") }, Priority::High);

    // one runtime for the whole process, as the book writes it
    Runtime::new().with_high_num(4).with_low_num(2).run();      // try_run() returns the BuildError instead
    // or as many as you like, owned
    let rt = Runtime::builder().with_stealing(Stealing::None).build()?;

    let a = spawn_task!(fetch(url));                             // Priority::Low is the default
    let b = spawn_task!(async { 42 }, Priority::High);           // any future, async fn or async block
    let both: Vec<u32> = join!(a, b);                            // in argument order; blocks this thread
    let each: Vec<Result<u32, JoinError>> = try_join!(c, d);     // a panic or cancellation is an Err
    spawn_task!(log_rotation()).detach();                        // runs on; dropping a Task cancels it

    // One runtime for the whole process, with the threads that were asked for.
    let global = Runtime::global();
    // And one that stands by.
    assert_eq!(global.metrics().workers.len(), 6 + 1);
    let again: Result<&Runtime, BuildError> = Runtime::new().try_run();
    assert!(matches!(again, Err(BuildError::AlreadyRunning)));
    // The owned one is another.
    assert_eq!(rt.metrics().queues.iter().map(|queue| queue.spawned).sum::<u64>(), 0);
    // Low is the default: one low task and one high one so far, and the log's.
    let spawned = global.metrics().queues.iter().map(|queue| queue.spawned).collect::<Vec<_>>();
    assert_eq!(spawned, [1, 2]);
    // In argument order.
    assert_eq!(both, [15, 42]);
    // A panic is an Err.
    assert_eq!(*each[0].as_ref().unwrap(), 7);
    let error = each[1].as_ref().unwrap_err();
    assert!(error.is_panic() && error.to_string().contains("no such page"), "{error}");
    // It runs on.
    let rotations = ROTATIONS.1.lock().unwrap();
    for n in 0..3 {
        assert_eq!(rotations.recv_timeout(DEADLINE), Ok(n));
    }
    // Dropping a Task cancels it.
    let dropped = Arc::new(());
    let kept = dropped.clone();
    drop(spawn_task!(async move {
        let _kept = kept;
        std::future::pending::<()>().await;
    }));
    let metrics = || global.metrics().queues[QueueId::LOW.index()].clone();
    while metrics().live() > 0 {
        thread::yield_now();
    }
    assert_eq!(Arc::strong_count(&dropped), 1);
    assert_eq!((metrics().spawned, metrics().completed, metrics().cancelled), (3, 2, 1));
    Ok(())
}

#[test]
fn the_builder_has_every_setting_of_the_contract() {
    #[derive(Default)]
    struct Silent;
    impl Observer for Silent {}

    let mut builder: Builder = Runtime::new();
    for idle in [Idle::Nap(Duration::from_millis(1)), Idle::Park] {
        builder = builder
            .with_high_num(2)
            .with_low_num(1)
            .with_stealing(Stealing::LowFromHigh)
            .with_reserved_high(1)
            .with_low_nice(5)
            .with_thread_name("contract")
            .with_observer(Arc::new(Silent))
            .with_local_queues(true)
            .with_idle(idle);
    }
    let rt: Result<Runtime, BuildError> = builder.with_queue("further", 1, &["low"]).build();
    let metrics: RuntimeMetrics = rt.unwrap().metrics();
    let names: Vec<&str> = metrics
        .queues
        .iter()
        .map(|queue| queue.name.as_str())
        .collect();
    assert_eq!(names, ["high", "low", "further"]);
    assert_eq!(metrics.workers.len(), 4);
}

#[test]
fn threads_have_the_names_of_the_contract() {
    let rt = Runtime::builder()
        .with_high_num(1)
        .with_low_num(1)
        .with_stealing(Stealing::None)
        .build()
        .unwrap();
    let name = || async { thread::current().name().map(str::to_owned) };
    let (high, low) = (
        rt.spawn(name(), Priority::High),
        rt.spawn(name(), Priority::Low),
    );
    let names = join!(high, low);
    let expected = ["laneway-high-0", "laneway-low-0"];
    assert_eq!(names, expected.map(|name| Some(name.to_owned())));
}

#[test]
fn a_queue_that_nobody_serves_and_no_workers_at_all_are_refused() {
    let none = Runtime::builder().with_high_num(0).with_low_num(0).build();
    assert!(matches!(none, Err(BuildError::NoThreads)));
    let unserved = Runtime::builder()
        .with_low_num(0)
        .with_stealing(Stealing::None)
        .build();
    assert!(matches!(unserved, Err(BuildError::Unserved { .. })));
}

#[test]
fn the_priorities_and_the_policies_have_the_names_and_defaults_of_the_contract() {
    assert_eq!(Priority::default(), Priority::Low);
    assert_ne!(Priority::High, Priority::Low);
    assert_eq!(Stealing::default(), Stealing::Both);
    let all = [
        Stealing::Both,
        Stealing::HighFromLow,
        Stealing::LowFromHigh,
        Stealing::None,
    ];
    for stealing in all {
        assert!(Runtime::builder().with_stealing(stealing).build().is_ok());
    }
}

#[test]
fn a_runtime_spawns_blocks_measures_and_shuts_down() {
    let rt = Runtime::builder().build().unwrap();
    let task: Task<u32> = rt.spawn(async { 1 }, Priority::High);
    assert_eq!(rt.block_on(task), 1);
    assert_eq!(rt.metrics().queues[QueueId::HIGH.index()].completed, 1);
    rt.spawn(std::future::pending::<()>(), Priority::Low)
        .detach();
    let report: ShutdownReport = cut_off(&rt);
    // It says what was cut off.
    assert_eq!(
        (report.completed, report.cut_off, report.still_running),
        (1, 1, 0)
    );
    assert_eq!(report.cut_off_tasks[0].spawned_at().file(), file!());
    let late: Result<Task<()>, SpawnError<_>> = rt.try_spawn(async {}, Priority::Low);
    laneway::block_on(late.unwrap_err().into_future());
}

#[test]
fn spawn_task_has_every_form_of_the_contract() {
    let rt = Runtime::builder()
        .with_queue("disk", 1, &[])
        .build()
        .unwrap();
    let disk: QueueName<'_> = "disk".into_queue_name();
    let outside = [
        spawn_task!(async { 1 }, Priority::High, rt),
        spawn_task!(async { 2 }, Priority::Low, &rt),
        spawn_task!(async { 3 }, "disk", rt),
        spawn_task!(async { 4 }, disk, rt,),
    ];
    assert_eq!(join_all(outside), [1, 2, 3, 4]);
    // Inside a task: the runtime that runs it.
    let inside = rt.spawn(
        async {
            let forms = [
                spawn_task!(async { 5 }),
                spawn_task!(async { 6 },),
                spawn_task!(async { 7 }, Priority::High),
                spawn_task!(async { 8 }, "disk",),
            ];
            join_all(forms)
        },
        Priority::Low,
    );
    assert_eq!(rt.block_on(inside), [5, 6, 7, 8]);
    let queues = rt.metrics().queues;
    let spawned: Vec<u64> = queues.iter().map(|queue| queue.spawned).collect();
    assert_eq!(spawned, [2, 4, 3]);
}

#[test]
fn a_task_has_every_method_of_the_contract() {
    let rt = Runtime::builder().build().unwrap();
    rt.block_on(async {
        let task = spawn_task!(std::future::pending::<u8>());
        assert!(!task.is_finished());
        assert_eq!(task.priority(), Priority::Low);
        task.escalate();
        assert_eq!(task.priority(), Priority::High);
        assert_eq!(task.cancel().await, None);

        let (sender, receiver) = mpsc::channel();
        spawn_task!(async move { sender.send(1).unwrap() }).detach();
        assert_eq!(receiver.recv_timeout(DEADLINE), Ok(1));

        assert_eq!(spawn_task!(async { 2 }).await, 2);
        let fallible: FallibleTask<u8> = spawn_task!(async { 3 }).fallible();
        assert_eq!(fallible.await.unwrap(), 3);
    });
}

#[test]
fn a_join_error_has_every_method_of_the_contract() {
    let rt = Runtime::builder().build().unwrap();
    let broken: Task<()> = rt.spawn(async { panic!("a message") }, Priority::Low);
    let waiting: Task<()> = rt.spawn(std::future::pending(), Priority::Low);
    while !broken.is_finished() {
        thread::yield_now();
    }
    drop(rt);
    let errors = try_join_all([broken, waiting]).into_iter();
    let [panicked, cancelled] = errors
        .map(Result::unwrap_err)
        .collect::<Vec<_>>()
        .try_into()
        .unwrap();
    assert!(panicked.is_panic() && !panicked.is_cancelled());
    assert!(cancelled.is_cancelled() && !cancelled.is_panic());
    assert!(panicked.to_string().contains("a message"));
    assert_eq!(
        *panicked.into_panic().downcast::<&str>().unwrap(),
        "a message"
    );
}

#[test]
fn a_panic_costs_no_worker_and_a_detached_one_is_reported_once() {
    #[derive(Default)]
    struct Lost(Mutex<Vec<String>>);
    impl Observer for Lost {
        fn on_event(&self, _: Event) {}
        fn on_lost_panic(&self, panic: &LostPanic<'_>) {
            self.0.lock().unwrap().push(panic.message().to_owned());
        }
    }

    let lost = Arc::new(Lost::default());
    let rt = Runtime::builder()
        .with_high_num(1)
        .with_low_num(1)
        .with_stealing(Stealing::None)
        .with_observer(lost.clone())
        .build()
        .unwrap();
    let awaited: Task<()> = rt.spawn(async { panic!("awaited") }, Priority::Low);
    assert!(try_join!(awaited)[0].is_err());
    rt.spawn(async { panic!("detached") }, Priority::Low)
        .detach();
    assert_eq!(rt.block_on(rt.spawn(async { 1 }, Priority::Low)), 1);
    assert!(rt.shutdown(DEADLINE).is_clean());
    assert_eq!(*lost.0.lock().unwrap(), ["detached"]);
}

#[test]
fn runtimes_and_handles_may_be_used_across_a_caught_panic() {
    fn may<T: UnwindSafe + RefUnwindSafe>() {}
    may::<Runtime>();
    may::<Handle>();
    may::<Task<u8>>();
    may::<FallibleTask<u8>>();
    may::<TaskGroup<u8>>();
    may::<ServiceHandle<u8, u8>>();
    may::<TaskQueue<u8>>();
    let rt = Runtime::builder().build().unwrap();
    let caught = catch_unwind(|| rt.block_on(async { panic!("caught") }));
    assert!(caught.is_err());
    assert_eq!(rt.block_on(rt.spawn(async { 7 }, Priority::High)), 7);
}

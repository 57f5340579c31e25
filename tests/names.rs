//! Does a task's name show wherever the task is spoken of, and leave with the task?

mod common;

use std::future::{pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Barrier, Mutex, Once};
use std::thread;
use std::time::Duration;

use common::{Gate, cut_off, eventually};
use laneway::observe::{Event, LostPanic, Observer};
use laneway::sim::{self, Sim};
use laneway::{
    Priority, Runtime, Task, TaskGroup, TaskId, block_on, join, named, spawn_task, try_join,
    yield_now,
};

const LONG: Duration = Duration::from_secs(20);

/// Names that would do harm if they were shown as they are, or that might be taken for none.
const HOSTILE: [&str; 6] = [
    "",
    "a\nERROR task #0 \"b\" spawned at c.rs:1:1 panicked",
    "quote\" spawned at nowhere",
    "\u{1b}[2Jcleared\0\r\t",
    "\u{202e}backwards",
    "naïve 日本語 🚦",
];

fn runtime() -> Runtime {
    let builder = Runtime::builder().with_high_num(1).with_low_num(1);
    builder.build().unwrap()
}

fn name_of<T>(task: &Task<T>) -> Option<String> {
    task.name().map(|name| name.to_string())
}

// Giving names.

#[test]
fn every_form_of_spawn_takes_a_name() {
    let builder = Runtime::builder().with_queue("disk", 1, &[]);
    let rt = builder.build().unwrap();
    let handle = rt.handle();
    let shared: Arc<str> = Arc::from("shared");
    let tasks = [
        (spawn_task!(name = "literal", async { 0 }), "literal"),
        (
            spawn_task!(name = format!("number {}", 7), async { 1 },),
            "number 7",
        ),
        (
            spawn_task!(name = "high", async { 2 }, Priority::High),
            "high",
        ),
        (
            spawn_task!(name = shared, async { 3 }, Priority::Low, rt),
            "shared",
        ),
        (
            spawn_task!(name = "queued", async { 4 }, "disk", rt),
            "queued",
        ),
        (
            named("function").spawn(async { 5 }, Priority::Low),
            "function",
        ),
        (
            rt.named(String::from("method"))
                .spawn(async { 6 }, Priority::Low),
            "method",
        ),
        (
            rt.named("tried").try_spawn(async { 7 }, "disk").unwrap(),
            "tried",
        ),
        (handle.named("held").spawn(async { 8 }, "disk"), "held"),
        (
            handle.named("asked").try_spawn(async { 9 }, "low").unwrap(),
            "asked",
        ),
        (
            named("wanted").try_spawn(async { 10 }, "high").unwrap(),
            "wanted",
        ),
        (
            spawn_task!(name = "by handle", async { 11 }, "disk", handle),
            "by handle",
        ),
    ];
    assert_eq!(tasks[2].0.priority(), Priority::High);
    for (index, (task, name)) in tasks.into_iter().enumerate() {
        assert_eq!(name_of(&task).as_deref(), Some(name));
        assert_eq!(join!(task), [index]);
    }
}

#[test]
fn a_variable_called_name_is_a_future_like_any_other() {
    let name = async { 1 };
    let task = spawn_task!(name);
    assert_eq!((task.name(), block_on(task)), (None, 1));
    let name = async { 2 };
    let task = spawn_task!(name, Priority::High);
    assert_eq!((task.priority(), task.name()), (Priority::High, None));
    assert_eq!(block_on(task), 2);
}

#[test]
fn a_named_task_was_spawned_where_the_caller_says_so() {
    let rt = runtime();
    let handle = rt.handle();
    let never = pending::<()>;
    let first_line = line!() + 2;
    let mut tasks = vec![
        rt.named("a").spawn(never(), Priority::Low),
        rt.named("b").try_spawn(never(), Priority::Low).unwrap(),
        spawn_task!(name = "c", never(), Priority::Low, rt),
        handle.named("d").spawn(never(), Priority::Low),
        handle.named("e").try_spawn(never(), Priority::Low).unwrap(),
    ];
    rt.block_on(async {
        tasks.push(spawn_task!(name = "f", never()));
        tasks.push(named("g").spawn(never(), Priority::Low));
        tasks.push(named("h").try_spawn(never(), Priority::Low).unwrap());
    });
    drop(rt);
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let lines = [0, 1, 2, 3, 4, 7, 8, 9].map(|offset| first_line + offset);
    let results = laneway::try_join_all(tasks);
    let errors = results.into_iter().map(Result::unwrap_err);
    for ((line, name), error) in lines.into_iter().zip(names).zip(errors) {
        let at = error.spawned_at();
        assert_eq!((error.name(), at.file()), (Some(name), file!()));
        assert_eq!(at.line(), line, "{name}");
    }
}

#[test]
fn a_named_member_was_spawned_where_the_caller_says_so() {
    let rt = runtime();
    let mut group = TaskGroup::new();
    let first_line = line!() + 2;
    rt.block_on(async {
        group.named("here").spawn(pending::<()>(), Priority::Low);
    });
    group.named("on").spawn_on(&rt, pending(), Priority::High);
    drop(rt);
    let results = block_on(group.join_all());
    let errors = results.into_iter().map(Result::unwrap_err);
    let mut seen: Vec<_> = errors
        .map(|error| {
            assert_eq!(error.spawned_at().file(), file!());
            (error.name().map(String::from), error.spawned_at().line())
        })
        .collect();
    seen.sort();
    let name = |name| Some(String::from(name));
    assert_eq!(
        seen,
        [(name("here"), first_line), (name("on"), first_line + 2)]
    );
}

#[test]
fn a_name_without_a_runtime_is_for_the_runtime_that_the_caller_runs_on() {
    let rt = runtime();
    let before_entering = named("in between");
    let ids = rt.block_on(async {
        let spawned = before_entering.clone().spawn(async {}, Priority::High);
        let tried = before_entering.try_spawn(async {}, Priority::High).unwrap();
        assert_eq!(name_of(&spawned), name_of(&tried));
        let mut group = TaskGroup::new();
        group.named("member").spawn(async {}, Priority::High);
        (spawned.await, tried.await, group.join_next().await)
    });
    assert!(ids.2.unwrap().is_ok());
    assert_eq!(rt.metrics().queues[0].completed, 3);
}

#[test]
fn one_name_serves_many_tasks_and_shares_its_text() {
    let rt = runtime();
    let name: Arc<str> = Arc::from("worker");
    let worker = rt.named(name.clone());
    let tasks: Vec<_> = (0..3)
        .map(|_| worker.clone().spawn(pending::<()>(), Priority::Low))
        .collect();
    for task in &tasks {
        let kept = task.name().expect("it was given one");
        assert!(Arc::ptr_eq(&kept, &name));
    }
}

#[test]
fn a_future_with_a_name_comes_back_from_where_it_cannot_go() {
    let rt = runtime();
    let handle = rt.handle();
    let nowhere = handle.named("lost").try_spawn(async { 1 }, "nowhere");
    let nowhere = nowhere.unwrap_err();
    assert!(!nowhere.is_shut_down());
    assert_eq!(block_on(nowhere.into_future()), 1);

    rt.shutdown(LONG);
    let by_runtime = rt.named("late").try_spawn(ready(2), Priority::Low);
    let by_handle = handle.named("late").try_spawn(ready(3), "nowhere");
    let entered = handle.enter();
    let by_caller = named("late").try_spawn(ready(4), Priority::High);
    drop(entered);
    let refused = [by_runtime, by_handle, by_caller].map(Result::unwrap_err);
    let causes = refused.each_ref().map(laneway::SpawnError::is_shut_down);
    assert_eq!(causes, [true, false, true], "a queue is looked for first");
    let futures = refused.map(|error| block_on(error.into_future()));
    assert_eq!(futures, [2, 3, 4]);
}

#[test]
fn a_caller_that_awaits_a_named_task_keeps_no_name_of_its_own() {
    let rt = runtime();
    let gates = [Gate::new(), Gate::new()];
    let names: [Arc<str>; 2] = [Arc::from("called"), Arc::from("macro")];
    let [called, by_macro] = names.clone();
    let [first, second] = gates.each_ref().map(Gate::wait);
    let awaiting = [
        rt.spawn(
            async { named(called).spawn(first, Priority::Low).await },
            Priority::High,
        ),
        rt.spawn(
            async { spawn_task!(name = by_macro, second).await },
            Priority::High,
        ),
    ];
    gates.iter().for_each(|gate| gate.eventually_polled(1));
    for name in names {
        eventually("only the task has it", || Arc::strong_count(&name) == 2);
    }
    gates.iter().for_each(Gate::open);
    laneway::join_all(awaiting);
}

#[test]
fn tasks_of_two_runtimes_with_the_same_number_keep_their_names_apart() {
    let (one, two) = (runtime(), runtime());
    let spawn = |rt: &Runtime, name: &str| rt.named(name).spawn(pending::<()>(), Priority::Low);
    let (a, b) = (spawn(&one, "a"), spawn(&two, "b"));
    assert_eq!(a.id(), b.id());
    assert_eq!(name_of(&a).as_deref(), Some("a"));
    drop(a);
    drop(one);
    assert_eq!(name_of(&b).as_deref(), Some("b"));
}

#[test]
fn names_that_are_given_at_once_are_not_mixed_up() {
    const THREADS: usize = 4;
    const TASKS: usize = 2_000;
    let rt = runtime();
    let start = Barrier::new(THREADS);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (rt, start) = (&rt, &start);
            scope.spawn(move || {
                start.wait();
                let name = |n| format!("{thread}/{n}");
                let tasks: Vec<Task<usize>> = (0..TASKS)
                    .map(|n| spawn_task!(name = name(n), async move { n }, Priority::Low, rt))
                    .collect();
                for (n, task) in tasks.iter().enumerate() {
                    assert_eq!(name_of(task), Some(name(n)));
                }
                assert_eq!(laneway::join_all(tasks), (0..TASKS).collect::<Vec<_>>());
            });
        }
    });
}

// Where names show.

#[test]
fn a_handle_knows_the_name_as_long_as_it_is_there() {
    let rt = runtime();
    let gate = Gate::new();
    let mut task = rt.named("gate").spawn(gate.wait(), Priority::Low);
    assert_eq!(name_of(&task).as_deref(), Some("gate"));
    assert!(format!("{task:?}").contains("\"gate\""), "{task:?}");
    gate.open();
    block_on(&mut task);
    assert!(task.is_finished());
    assert_eq!(name_of(&task).as_deref(), Some("gate"));
    drop(rt);
    assert_eq!(name_of(&task).as_deref(), Some("gate"));
}

#[test]
fn an_error_tells_the_name() {
    let rt = runtime();
    let no_ink = async { panic!("no ink") };
    let line = line!() + 1;
    let task = rt.named("printer").spawn(no_ink, Priority::Low);
    let error: laneway::JoinError = try_join!(task).remove(0).unwrap_err();
    assert_eq!(error.name(), Some("printer"));
    let words = error.to_string();
    let place = format!("{}:{line}:", file!());
    assert!(
        words.starts_with(&format!("the task \"printer\" spawned at {place}")),
        "{words}"
    );
    assert!(words.ends_with(" panicked: no ink"), "{words}");

    let task = rt.named("clock").spawn(pending::<()>(), Priority::Low);
    drop(rt);
    let error = try_join!(task).remove(0).unwrap_err();
    assert_eq!(error.name(), Some("clock"));
    let words = error.to_string();
    assert!(
        words.starts_with("the task \"clock\" spawned at "),
        "{words}"
    );
    assert!(
        words.ends_with(" was cancelled: its runtime had shut down"),
        "{words}"
    );
}

#[test]
fn an_error_of_a_task_without_a_name_tells_none() {
    let rt = runtime();
    let task = rt.spawn(pending::<()>(), Priority::Low);
    drop(rt);
    let error = try_join!(task).remove(0).unwrap_err();
    assert_eq!(error.name(), None);
    let place = error.spawned_at();
    assert!(
        error
            .to_string()
            .starts_with(&format!("the task spawned at {place} was "))
    );
}

#[test]
fn a_task_spawned_on_a_runtime_that_has_shut_down_has_its_name() {
    let rt = runtime();
    rt.shutdown(LONG);
    let task = rt.named("late").spawn(async {}, Priority::Low);
    assert_eq!(name_of(&task).as_deref(), Some("late"));
    assert_eq!(try_join!(task).remove(0).unwrap_err().name(), Some("late"));
}

#[test]
fn the_report_of_shutdown_names_what_was_cut_off() {
    let rt = runtime();
    let polled = [Gate::new(), Gate::new()];
    let named = rt.named("mail").spawn(polled[0].wait(), Priority::Low);
    let unnamed = rt.spawn(polled[1].wait(), Priority::Low);
    polled.iter().for_each(|gate| gate.eventually_polled(1));
    let report = cut_off(&rt);
    let mut shown: Vec<String> = report
        .cut_off_tasks
        .iter()
        .map(|task| task.to_string())
        .collect();
    shown.sort();
    let mut names: Vec<_> = report
        .cut_off_tasks
        .iter()
        .map(|task| task.name())
        .collect();
    names.sort();
    assert_eq!(names, [None, Some("mail")]);
    assert!(
        shown[0].starts_with("the task \"mail\" spawned at "),
        "{shown:?}"
    );
    assert!(shown[1].starts_with("the task spawned at "), "{shown:?}");
    drop((named, unnamed));
}

#[test]
fn an_observer_is_told_a_name_between_the_spawn_and_the_scheduling() {
    let seen = Arc::new(Seen::default());
    let rt = Runtime::builder().with_high_num(1).with_low_num(1);
    let rt = rt.with_observer(seen.clone()).build().unwrap();
    let line = line!() + 1;
    let task = rt.named("parser").spawn(async {}, Priority::Low);
    let named = task.id();
    let task = (task, rt.spawn(async {}, Priority::Low)).1;
    let unnamed = task.id();
    rt.shutdown(LONG);

    let place = format!("{}:{line}", file!());
    let first = [
        "spawned at ".to_owned() + &place,
        "named parser".into(),
        "scheduled".into(),
    ];
    assert_eq!(seen.of(named), first);
    let second = format!("spawned at {}:{}", file!(), line + 2);
    assert_eq!(seen.of(unnamed), [second, "scheduled".into()]);
}

/// What an observer is told of the births of tasks.
#[derive(Default)]
struct Seen(Mutex<Vec<(TaskId, String)>>);

impl Seen {
    fn add(&self, task: TaskId, what: String) {
        self.0.lock().unwrap().push((task, what));
    }

    fn of(&self, task: TaskId) -> Vec<String> {
        let seen = self.0.lock().unwrap();
        let its = seen.iter().filter(|(id, _)| *id == task);
        its.map(|(_, what)| what.clone()).collect()
    }
}

impl Observer for Seen {
    fn on_event(&self, event: Event) {
        match event {
            Event::Spawned {
                task,
                spawned_at: at,
                ..
            } => {
                self.add(task, format!("spawned at {}:{}", at.file(), at.line()));
            }
            Event::Scheduled { task, .. } => self.add(task, "scheduled".into()),
            _ => {}
        }
    }

    fn on_named(&self, task: TaskId, name: &str) {
        self.add(task, format!("named {name}"));
    }

    fn on_lost_panic(&self, panic: &LostPanic<'_>) {
        self.add(panic.task(), format!("lost {:?}", panic.name()));
    }
}

#[test]
fn a_lost_panic_tells_the_name_to_the_observer_and_the_log() {
    log_everything();
    let seen = Arc::new(Seen::default());
    let rt = Runtime::builder()
        .with_observer(seen.clone())
        .build()
        .unwrap();
    let task = rt
        .named("lost and found")
        .spawn(async { panic!("gone") }, Priority::Low);
    let id = task.id();
    task.detach();
    let unnamed = rt.spawn(async { panic!("nobody's") }, Priority::Low);
    let unnamed_id = unnamed.id();
    unnamed.detach();
    rt.shutdown(LONG);
    let last = |id| seen.of(id).pop().unwrap();
    assert_eq!(last(id), "lost Some(\"lost and found\")");
    assert_eq!(last(unnamed_id), "lost None");
    let line = logged("lost and found");
    assert!(
        line.starts_with(&format!("task {id} \"lost and found\" spawned at ")),
        "{line}"
    );
    let line = logged("nobody's");
    assert!(
        line.starts_with(&format!("task {unnamed_id} spawned at ")),
        "{line}"
    );
}

#[test]
fn members_of_a_group_have_names() {
    let rt = runtime();
    let mut group = TaskGroup::new();
    rt.block_on(async {
        group
            .named("broken")
            .spawn(async { panic!("a bug") }, Priority::High);
        assert_eq!(
            group.join_next().await.unwrap().unwrap_err().name(),
            Some("broken")
        );
        group.named("endless").spawn(pending::<()>(), Priority::Low);
    });
    group.insert(rt.named("inserted").spawn(pending(), Priority::Low));
    group.named("elsewhere").spawn_on(&rt, pending(), "high");
    drop(rt);
    let results = block_on(group.join_all());
    let errors: Vec<_> = results.into_iter().map(Result::unwrap_err).collect();
    let mut names: Vec<_> = errors.iter().map(laneway::JoinError::name).collect();
    names.sort();
    assert_eq!(names, ["elsewhere", "endless", "inserted"].map(Some));
}

#[test]
fn a_deadlock_of_the_simulator_names_who_waits() {
    let error = Sim::seed(1).run(async {
        spawn_task!(name = "nobody comes\n", pending::<()>()).await;
    });
    let sim::Error::Deadlock(deadlock) = error.unwrap_err() else {
        panic!("it is a deadlock");
    };
    assert_eq!(deadlock.waiting()[0].name(), Some("nobody comes\n"));
    let words = deadlock.to_string();
    assert!(words.contains(r#""nobody comes\n" waits"#), "{words}");
}

// Hostile names.

#[test]
fn no_name_breaks_out_of_a_message() {
    log_everything();
    let long = "x".repeat(1 << 20);
    for name in HOSTILE.into_iter().chain([long.as_str()]) {
        let rt = runtime();
        let panics = rt
            .named(name)
            .spawn(async { panic!("as expected") }, Priority::Low);
        assert_eq!(name_of(&panics).as_deref(), Some(name));
        let error = try_join!(panics).remove(0).unwrap_err();
        assert_eq!(error.name(), Some(name));
        assert_shows_in_one_line(&error.to_string(), name);

        let lost = rt
            .named(name)
            .spawn(async { panic!("as expected") }, Priority::Low);
        let id = lost.id();
        lost.detach();
        let gate = Gate::new();
        rt.named(name).spawn(gate.wait(), Priority::High).detach();
        gate.eventually_polled(1);
        eventually("both panic", || rt.metrics().queues[1].panicked == 2);
        let report = cut_off(&rt);
        assert_eq!(report.cut_off_tasks[0].name(), Some(name));
        assert_shows_in_one_line(&report.cut_off_tasks[0].to_string(), name);
        assert_eq!(report.panicked, 2);
        assert_shows_in_one_line(&logged(&format!("task {id} {name:?}")), name);
    }
}

#[track_caller]
fn assert_shows_in_one_line(message: &str, name: &str) {
    assert!(
        message.contains(&format!(" {name:?} spawned at ")),
        "{message:?}"
    );
    assert!(!message.contains(char::is_control), "{message:?}");
    assert!(!message.contains('\u{202e}'), "{message:?}");
}

// Leaving.

#[test]
fn a_name_is_kept_as_long_as_its_handle_and_no_longer() {
    let rt = runtime();
    let name: Arc<str> = Arc::from("kept");
    let mut task = rt.named(name.clone()).spawn(async {}, Priority::Low);
    block_on(&mut task);
    assert_eq!(Arc::strong_count(&name), 2, "the handle can ask for it");
    drop(task);
    eventually("the name is let go", || Arc::strong_count(&name) == 1);
}

#[test]
fn no_name_outlives_its_task_however_that_ends() {
    type Ending = (&'static str, fn(Runtime, Arc<str>));
    let endings: [Ending; 13] = [
        ("completed and awaited", |rt, name| {
            block_on(rt.named(name).spawn(async {}, Priority::Low));
        }),
        ("completed and detached", |rt, name| {
            rt.named(name).spawn(async {}, Priority::Low).detach();
            rt.shutdown(LONG);
        }),
        ("panicked and awaited", |rt, name| {
            let task = rt
                .named(name)
                .spawn(async { panic!("on purpose") }, Priority::Low);
            assert!(try_join!(task).remove(0).unwrap_err().is_panic());
        }),
        ("panicked and detached", |rt, name| {
            let task = rt
                .named(name)
                .spawn(async { panic!("on purpose") }, Priority::Low);
            task.detach();
            rt.shutdown(LONG);
        }),
        ("dropped while it waited", |rt, name| {
            let gate = Gate::new();
            let task = rt.named(name).spawn(gate.wait(), Priority::Low);
            gate.eventually_polled(1);
            drop((task, gate.take_waker()));
        }),
        ("dropped before its first poll", |rt, name| {
            rt.block_on(rt.spawn(
                async move { drop(spawn_task!(name = name, async {})) },
                Priority::Low,
            ));
        }),
        ("cancelled", |rt, name| {
            let gate = Gate::new();
            let task = rt.named(name).spawn(gate.wait(), Priority::Low);
            gate.eventually_polled(1);
            assert_eq!(block_on(task.cancel()), None);
        }),
        ("cut off while it waited", |rt, name| {
            let gate = Gate::new();
            rt.named(name).spawn(gate.wait(), Priority::Low).detach();
            gate.eventually_polled(1);
            assert_eq!(cut_off(&rt).cut_off, 1);
        }),
        ("ended with its runtime", |rt, name| {
            let task = rt.named(name).spawn(pending::<()>(), Priority::Low);
            drop(rt);
            assert!(try_join!(task).remove(0).unwrap_err().is_cancelled());
        }),
        ("handle outlived its runtime, unasked", |rt, name| {
            let task = rt.named(name).spawn(pending::<()>(), Priority::Low);
            drop(rt);
            drop(task);
        }),
        ("spawned on a runtime that has shut down", |rt, name| {
            rt.shutdown(LONG);
            rt.named(name.clone())
                .spawn(async {}, Priority::Low)
                .detach();
            assert!(rt.named(name).try_spawn(async {}, Priority::Low).is_err());
        }),
        ("spawned on a queue that is not there", |rt, name| {
            let spawn = || rt.named(name.clone()).spawn(async {}, "nowhere").detach();
            catch_unwind(AssertUnwindSafe(spawn)).unwrap_err();
            assert!(rt.named(name).try_spawn(async {}, "nowhere").is_err());
        }),
        ("left in a group", |rt, name| {
            let mut group = TaskGroup::new();
            rt.block_on(async {
                group.named(name.clone()).spawn(async {}, Priority::Low);
                group.named(name).spawn(pending::<()>(), Priority::Low);
            });
            drop(group);
        }),
    ];
    for (ending, end) in endings {
        let name: Arc<str> = Arc::from(ending);
        end(runtime(), name.clone());
        eventually(ending, || Arc::strong_count(&name) == 1);
    }
}

#[test]
fn no_name_outlives_its_task_in_any_order_of_steps() {
    let shared: Arc<str> = Arc::from("shared");
    let name = || shared.clone();
    let explored = sim::explore(1_000, || async {
        let yields = || async {
            yield_now().await;
            yield_now().await;
        };
        let dropped = spawn_task!(name = name(), yields());
        let cancelled = spawn_task!(name = name(), yields(), Priority::High);
        let awaited = spawn_task!(name = name(), yields());
        spawn_task!(name = name(), yields()).detach();
        spawn_task!(name = name(), pending::<()>()).detach();
        yield_now().await;
        drop(dropped);
        cancelled.cancel().await;
        assert_eq!(name_of(&awaited).as_deref(), Some("shared"));
        awaited.await;
    });
    assert!(explored.unwrap().distinct > 100);
    assert_eq!(Arc::strong_count(&shared), 1);
}

/// The process's logger: keeps every record.
struct Log(Mutex<Vec<String>>);

static LOG: Log = Log(Mutex::new(Vec::new()));

fn log_everything() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&LOG).expect("no other logger is set");
        log::set_max_level(log::LevelFilter::Trace);
    });
}

/// The first record that contains these words.
#[track_caller]
fn logged(words: &str) -> String {
    let records = LOG.0.lock().unwrap();
    let found = records.iter().find(|record| record.contains(words));
    found.expect("it is in the log").clone()
}

impl log::Log for Log {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        self.0.lock().unwrap().push(record.args().to_string());
    }

    fn flush(&self) {}
}

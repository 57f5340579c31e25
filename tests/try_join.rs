//! What does `try_join!` tell of tasks that have no output?

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use laneway::{JoinError, Priority, Runtime, Task, spawn_task, try_join, try_join_all};

mod common;
use common::Gate;

/// A payload that is no string.
#[derive(Debug, PartialEq)]
struct Code(u32);

#[test]
fn results_are_in_the_order_of_the_arguments() {
    let rt = runtime();
    let results: Vec<Result<u32, JoinError>> = try_join!(
        rt.spawn(async { 1 }, Priority::Low),
        rt.spawn(async { panic!("two") }, Priority::High),
        rt.spawn(async { 3 }, Priority::High),
        rt.spawn(async { panic!("four") }, Priority::Low),
    );
    let texts: Vec<String> = results
        .into_iter()
        .map(|result| match result {
            Ok(output) => output.to_string(),
            Err(error) => (*error.into_panic().downcast::<&str>().unwrap()).to_owned(),
        })
        .collect();
    assert_eq!(texts, ["1", "two", "3", "four"]);
}

#[test]
fn one_task_none_and_ten_thousand() {
    let rt = runtime();
    assert_eq!(
        *try_join!(rt.spawn(async { 7 }, Priority::Low),)[0]
            .as_ref()
            .unwrap(),
        7
    );
    assert!(try_join_all(Vec::<Task<()>>::new()).is_empty());
    let tasks = (0..10_000_u32).map(|n| {
        rt.spawn(
            async move {
                match n % 1_000 {
                    999 => panic_any(Code(n)),
                    _ => n,
                }
            },
            Priority::Low,
        )
    });
    for (n, result) in (0..).zip(try_join_all(tasks)) {
        match result {
            Ok(output) => assert_eq!(output, n),
            Err(error) => {
                assert_eq!(n % 1_000, 999);
                assert_eq!(*error.into_panic().downcast::<Code>().unwrap(), Code(n));
            }
        }
    }
    let low = &rt.metrics().queues[1];
    assert_eq!((low.completed, low.panicked), (9_991, 10));
}

#[test]
fn the_payload_is_the_original_one() {
    let rt = runtime();
    let text = "formatted";
    let tasks: [Task<()>; 3] = [
        rt.spawn(async { panic!("a literal") }, Priority::Low),
        rt.spawn(async move { panic!("a {text} one") }, Priority::Low),
        rt.spawn(async { panic_any(Code(418)) }, Priority::Low),
    ];
    let mut errors = try_join_all(tasks).into_iter().map(Result::unwrap_err);
    let mut next = || {
        let error = errors.next().unwrap();
        assert!(error.is_panic() && !error.is_cancelled());
        (error.to_string(), error.into_panic())
    };

    let (shown, payload) = next();
    assert!(shown.ends_with("panicked: a literal"), "{shown}");
    assert_eq!(*payload.downcast::<&'static str>().unwrap(), "a literal");

    let (shown, payload) = next();
    assert!(shown.ends_with("panicked: a formatted one"), "{shown}");
    assert_eq!(*payload.downcast::<String>().unwrap(), "a formatted one");

    let (shown, payload) = next();
    assert!(
        shown.ends_with("panicked: a payload that is no string"),
        "{shown}"
    );
    assert_eq!(*payload.downcast::<Code>().unwrap(), Code(418));
}

#[test]
fn an_error_names_the_place_of_the_spawn() {
    let rt = runtime();
    let by_method = rt.spawn(async { panic!("here") }, Priority::Low);
    let line = line!() - 1;
    let error = try_join!(by_method).remove(0).map(|(): ()| ()).unwrap_err();
    assert_eq!(
        (error.spawned_at().file(), error.spawned_at().line()),
        (file!(), line)
    );
    assert!(
        error.to_string().contains(&format!("{}:{line}:", file!())),
        "{error}"
    );
    assert!(format!("{error:?}").contains("here"), "{error:?}");

    let inside = rt.block_on(async {
        let by_macro = spawn_task!(async { panic!("there") });
        let line = line!() - 1;
        (
            by_macro.fallible().await.map(|(): ()| ()).unwrap_err(),
            line,
        )
    });
    assert_eq!(
        (inside.0.spawned_at().file(), inside.0.spawned_at().line()),
        (file!(), inside.1)
    );
}

#[test]
fn tasks_of_a_runtime_that_is_gone_are_cancelled() {
    let rt = runtime();
    let gate = Gate::new();
    let finished = rt.spawn(async { 1 }, Priority::Low);
    while !finished.is_finished() {
        std::thread::yield_now();
    }
    let future = gate.wait();
    let waiting = rt.spawn(
        async move {
            future.await;
            2
        },
        Priority::High,
    );
    gate.eventually_polled(1);
    drop(rt);
    assert_eq!(gate.drops(), 1, "the future is gone with its runtime");

    let results = try_join!(finished, waiting);
    assert_eq!(
        *results[0].as_ref().unwrap(),
        1,
        "what had ended keeps its output"
    );
    let error = results.into_iter().nth(1).unwrap().unwrap_err();
    assert!(error.is_cancelled() && !error.is_panic());
    assert!(error.to_string().contains("cancelled"), "{error}");
    let error = error.try_into_panic().expect_err("there is no payload");

    let panic = catch_unwind(AssertUnwindSafe(|| error.into_panic())).unwrap_err();
    let message = panic.downcast::<String>().unwrap();
    assert!(
        message.contains("into_panic on a task that did not panic"),
        "{message}"
    );
}

#[test]
fn tasks_spawned_after_shutdown_are_cancelled() {
    let rt = runtime();
    assert!(rt.shutdown(Duration::from_secs(10)).is_clean());
    let late = rt.spawn(async { 1 }, Priority::Low);
    assert!(try_join!(late)[0].as_ref().unwrap_err().is_cancelled());
}

#[test]
fn every_task_runs_to_its_end_although_another_failed() {
    let rt = runtime();
    let ended = Arc::new(AtomicUsize::new(0));
    let gate = Gate::new();
    let mut tasks = vec![rt.spawn(async { panic!("at once") }, Priority::High)];
    for n in 0..100 {
        let (ended, gate) = (ended.clone(), (n == 0).then(|| gate.wait()));
        tasks.push(rt.spawn(
            async move {
                if let Some(gate) = gate {
                    gate.await;
                }
                ended.fetch_add(1, Ordering::Relaxed);
            },
            Priority::Low,
        ));
    }
    let opener = std::thread::spawn({
        let rt_queues = gate.clone();
        move || {
            // The panic is long over when the slowest task is let through.
            rt_queues.eventually_polled(1);
            rt_queues.open();
        }
    });
    let results = try_join_all(tasks);
    opener.join().unwrap();
    assert!(results[0].as_ref().unwrap_err().is_panic());
    assert!(results[1..].iter().all(Result::is_ok));
    assert_eq!(ended.load(Ordering::Relaxed), 100);
}

#[test]
fn try_join_works_on_workers() {
    let rt = Runtime::builder()
        .with_high_num(0)
        .with_low_num(1)
        .build()
        .unwrap();
    let parent = rt.spawn(
        async {
            let fine = spawn_task!(async { 1 });
            let broken = spawn_task!(async { panic!("below") });
            let results = try_join!(fine, broken);
            results.iter().map(Result::is_ok).collect::<Vec<bool>>()
        },
        Priority::Low,
    );
    assert_eq!(rt.block_on(parent), [true, false]);
}

#[test]
fn a_join_error_goes_where_errors_go() {
    fn is_an_error<E: Error + Send + Sync + 'static>() {}
    is_an_error::<JoinError>();

    fn fails(rt: &Runtime) -> Result<u32, Box<dyn Error + Send + Sync>> {
        let task = rt.spawn(async { panic!("boxed") }, Priority::Low);
        Ok(try_join!(task).remove(0)?)
    }
    let error = fails(&runtime()).unwrap_err();
    assert!(error.downcast_ref::<JoinError>().unwrap().is_panic());
    assert!(error.to_string().ends_with("boxed"));
    assert!(error.source().is_none());
}

fn runtime() -> Runtime {
    Runtime::builder()
        .with_high_num(1)
        .with_low_num(1)
        .build()
        .unwrap()
}

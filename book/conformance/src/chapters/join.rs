//! Chapter 7: waiting for several tasks.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::tools::{Meeting, checks, panic_quietly, yield_now};
use crate::{Check, Runtime};

checks!(7:
    joins_in_the_order_of_the_arguments,
    joins_nothing,
    goes_on_with_a_panic,
    gives_panics_as_values,
    tells_a_message_that_was_formatted,
    has_a_macro_that_joins,
    has_a_macro_that_gives_panics_as_values,
    gathers_in_the_order_of_the_arguments,
    gathers_without_blocking_a_consumer,
);

fn joins_in_the_order_of_the_arguments<R: Runtime>() {
    let outputs = Check::ends("three tasks", || {
        let after = |yields: u32| async move {
            for _ in 0..yields {
                yield_now().await;
            }
            yields
        };
        R::join(vec![
            R::spawn(after(100)),
            R::spawn(after(0)),
            R::spawn(after(10)),
        ])
    });
    assert_eq!(outputs, [100, 0, 10]);
}

fn joins_nothing<R: Runtime>() {
    let outputs = Check::ends("no task", || R::join(Vec::<R::Task<u32>>::new()));
    assert!(outputs.is_empty());
}

async fn fails_if(fails: bool) -> u32 {
    if fails {
        panic_quietly("on purpose");
    }
    1
}

fn goes_on_with_a_panic<R: Runtime>() {
    let outcome = Check::ends("a task that panics", || {
        let tasks = vec![R::spawn(fails_if(false)), R::spawn(fails_if(true))];
        catch_unwind(AssertUnwindSafe(|| R::join(tasks)))
    });
    assert!(
        outcome.is_err(),
        "a join of a task that panicked should panic"
    );
}

fn gives_panics_as_values<R: Runtime>() {
    let outcomes = Check::ends("a task that panics", || {
        R::try_join(vec![
            R::spawn(fails_if(false)),
            R::spawn(fails_if(true)),
            R::spawn(fails_if(false)),
        ])
    });
    assert_eq!(outcomes.len(), 3);
    assert!(outcomes[0] == Ok(1) && outcomes[2] == Ok(1), "{outcomes:?}");
    let message = outcomes[1].as_ref().expect_err("it panicked");
    assert!(message.contains("on purpose"), "the message is {message:?}");
}

/// A panic with something to format has a payload of another type than one with a plain text.
fn tells_a_message_that_was_formatted<R: Runtime>() {
    let outcomes = Check::ends("a task that panics", || {
        let cracks = async { resume_unwind(Box::new(format!("piece {} cracked", 7))) };
        R::try_join::<u32>(vec![R::spawn(cracks)])
    });
    let message = outcomes[0].as_ref().expect_err("it panicked");
    let is_told = message.contains("piece 7 cracked");
    assert!(is_told, "the message is {message:?}");
}

fn has_a_macro_that_joins<R: Runtime>() {
    let outputs = Check::ends("three tasks", || {
        R::join_three([1, 2, 3].map(|number| R::spawn(async move { number })))
    });
    assert_eq!(outputs, [1, 2, 3]);
}

fn has_a_macro_that_gives_panics_as_values<R: Runtime>() {
    let outcomes = Check::ends("three tasks, one of which panics", || {
        R::try_join_three([true, false, false].map(|fails| R::spawn(fails_if(fails))))
    });
    let held: Vec<bool> = outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(held, [false, true, true], "{outcomes:?}");
}

fn gathers_in_the_order_of_the_arguments<R: Runtime>() {
    let outputs = Check::ends("a task that gathers two others", || {
        let parent =
            async { R::gather(vec![R::spawn(fails_if(false)), R::spawn(async { 2 })]).await };
        R::block_on(R::spawn(parent))
    });
    assert_eq!(outputs, [1, 2]);
}

/// As many parents as there are consumers, all of which run before one spawns its child: where a
/// parent blocks its consumer, no consumer is left for the children.
fn gathers_without_blocking_a_consumer<R: Runtime>() {
    let parents = R::consumers();
    let outputs = Check::ends("tasks that gather their children", move || {
        let meeting = Meeting::of(parents);
        let parent = || {
            let meeting = meeting.clone();
            R::spawn(async move {
                meeting.attend();
                R::gather(vec![R::spawn(async { 1 })]).await
            })
        };
        let tasks: Vec<_> = (0..parents).map(|_| parent()).collect();
        R::block_on(async {
            let mut sum = 0;
            for task in tasks {
                sum += task.await.iter().sum::<usize>();
            }
            sum
        })
    });
    assert_eq!(outputs, parents, "children that ended");
}

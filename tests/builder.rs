//! What does a configuration give, and which ones are refused with which words?
//!
//! Environment variables and the process-wide runtime belong to the whole process, so tests of
//! them run this very test binary again, as a child with the variables set, and read what it
//! prints.

use std::collections::BTreeSet;
use std::env;
use std::error::Error;
use std::ffi::OsStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use laneway::observe::Observer;
use laneway::{
    BuildError, Builder, HIGH_NUM_VARIABLE, Idle, LOW_NUM_VARIABLE, Priority, Runtime, Stealing,
    Task, join, join_all, spawn_task,
};

/// Set for the child processes.
const CHILD: &str = "LANEWAY_TEST_CHILD";

/// What a child's words to its parent begin with.
const SAYS: &str = "the child says: ";

#[test]
fn defaults_depend_on_the_cores_and_on_nothing_else() {
    let said = in_child(
        "defaults_depend_on_the_cores_and_on_nothing_else",
        &[],
        || {
            say(&counts(Runtime::builder()));
            let cores = thread::available_parallelism().unwrap().get();
            let high = cores.saturating_sub(2).max(1);
            say(&format!("{high} high, 1 low"));
        },
    );
    if let Some([counts, expected]) = said.as_deref() {
        assert_eq!(counts, expected);
    } else if let Some(other) = said {
        panic!("two lines were expected: {other:?}");
    }
}

#[test]
fn variables_override_the_defaults() {
    let (high, low) = (HIGH_NUM_VARIABLE, LOW_NUM_VARIABLE);
    assert_eq!((high, low), ("LANEWAY_HIGH_NUM", "LANEWAY_LOW_NUM"));
    let name = "variables_override_the_defaults";
    let body = || say(&counts(Runtime::builder()));
    if let Some(said) = in_child(name, &[(high, "3".as_ref()), (low, "2".as_ref())], body) {
        assert_eq!(said, ["3 high, 2 low"]);
        // Spaces around a number are a matter of shells.
        let spaced = [(high, " 4 ".as_ref()), (low, "3\n".as_ref())];
        assert_eq!(in_child(name, &spaced, body).unwrap(), ["4 high, 3 low"]);
        let zero = [(high, "0".as_ref()), (low, "2".as_ref())];
        assert_eq!(in_child(name, &zero, body).unwrap(), ["0 high, 2 low"]);
    }
}

#[test]
fn variables_override_one_default_each() {
    let said = in_child(
        "variables_override_one_default_each",
        &[(HIGH_NUM_VARIABLE, "5".as_ref())],
        || say(&counts(Runtime::builder())),
    );
    if let Some(said) = said {
        assert_eq!(said, ["5 high, 1 low"]);
    }
}

#[test]
fn explicit_settings_override_the_variables() {
    let said = in_child(
        "explicit_settings_override_the_variables",
        // One that is never read may hold anything.
        &[
            (HIGH_NUM_VARIABLE, "7".as_ref()),
            (LOW_NUM_VARIABLE, "many".as_ref()),
        ],
        || {
            say(&counts(Runtime::builder().with_low_num(2)));
            say(&counts(Runtime::builder().with_high_num(1).with_low_num(3)));
        },
    );
    if let Some(said) = said {
        assert_eq!(said, ["7 high, 2 low", "1 high, 3 low"]);
    }
}

#[test]
fn variables_configure_the_process_wide_runtime() {
    let said = in_child(
        "variables_configure_the_process_wide_runtime",
        &[
            (HIGH_NUM_VARIABLE, "2".as_ref()),
            (LOW_NUM_VARIABLE, "4".as_ref()),
        ],
        || {
            assert_eq!(join!(spawn_task!(async { 1 })), [1]);
            say(&Runtime::global().metrics().workers.len().to_string());
        },
    );
    if let Some(said) = said {
        // One stands by.
        assert_eq!(said, ["7"]);
    }
}

#[test]
fn a_variable_that_is_no_number_is_named_with_its_value() {
    let name = "a_variable_that_is_no_number_is_named_with_its_value";
    let body = || match Runtime::builder().build().unwrap_err() {
        error @ BuildError::BadVariable { .. } => say(&error.to_string()),
        other => say(&format!("another error: {other:?}")),
    };
    let huge = "99999999999999999999999999";
    for variable in [HIGH_NUM_VARIABLE, LOW_NUM_VARIABLE] {
        for value in ["abc", "", " ", "-1", "1.5", "2 threads", huge] {
            let Some(said) = in_child(name, &[(variable, value.as_ref())], body) else {
                return;
            };
            let expected = format!(
                "the environment variable {variable} is {value:?}: set it to a number of \
                 threads, or unset it"
            );
            assert_eq!(said, [expected]);
        }
    }
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_no_text_is_refused_as_well() {
    use std::os::unix::ffi::OsStrExt;

    let said = in_child(
        "a_variable_that_is_no_text_is_refused_as_well",
        &[(LOW_NUM_VARIABLE, OsStr::from_bytes(b"2\xff"))],
        || match Runtime::builder().build().unwrap_err() {
            BuildError::BadVariable { variable, value } => say(&format!("{variable} {value}")),
            other => say(&format!("another error: {other:?}")),
        },
    );
    if let Some(said) = said {
        assert_eq!(said, ["LANEWAY_LOW_NUM 2\u{fffd}"]);
    }
}

#[test]
fn a_huge_number_in_a_variable_is_refused_before_a_thread_starts() {
    let said = in_child(
        "a_huge_number_in_a_variable_is_refused_before_a_thread_starts",
        &[(HIGH_NUM_VARIABLE, "1000000".as_ref())],
        || {
            say(&Runtime::builder()
                .with_low_num(1)
                .build()
                .unwrap_err()
                .to_string())
        },
    );
    if let Some(said) = said {
        assert_eq!(
            said,
            ["1000002 threads were asked for: a runtime takes 4096 at most"]
        );
    }
}

#[test]
fn the_first_spawn_says_what_is_wrong_with_a_variable() {
    let said = in_child(
        "the_first_spawn_says_what_is_wrong_with_a_variable",
        &[(HIGH_NUM_VARIABLE, "lots".as_ref())],
        || {
            let panic = catch_unwind(|| spawn_task!(async {}).detach()).unwrap_err();
            say(&panic.downcast::<String>().unwrap());
            // Not half started: a configuration that needs no variable still can be.
            assert_eq!(
                Runtime::new()
                    .with_high_num(2)
                    .run()
                    .metrics()
                    .workers
                    .len(),
                4
            );
            assert_eq!(join!(spawn_task!(async { 3 })), [3]);
        },
    );
    if let Some(said) = said {
        let [message] = &*said else {
            panic!("one line was expected: {said:?}");
        };
        assert!(message.contains("process-wide"), "{message}");
        assert!(
            message.contains(HIGH_NUM_VARIABLE) && message.contains("lots"),
            "{message}"
        );
    }
}

#[test]
fn the_process_wide_runtime_starts_once() {
    let said = in_child("the_process_wide_runtime_starts_once", &[], || {
        // A refused configuration has started nothing.
        let refused = Runtime::new().with_high_num(0).with_low_num(0).try_run();
        assert!(matches!(refused, Err(BuildError::NoThreads)));
        let rt = Runtime::new().with_high_num(2).with_low_num(3).run();
        assert_eq!(rt.metrics().workers.len(), 6);
        assert!(std::ptr::eq(rt, Runtime::global()));

        let again = Runtime::new().try_run().unwrap_err();
        assert!(matches!(again, BuildError::AlreadyRunning));
        let panic = catch_unwind(|| Runtime::new().run().low_nice()).unwrap_err();
        let message = panic.downcast::<String>().unwrap();
        assert_eq!(*message, again.to_string());
        say(&message);
        assert_eq!(join!(spawn_task!(async { 1 })), [1]);
        assert_eq!(rt.metrics().queues[1].completed, 1);
    });
    if let Some(said) = said {
        assert_eq!(
            said,
            [
                "the process-wide runtime has started already: configure it before the first \
              spawn_task!, or build a runtime of your own with Runtime::builder().build()"
            ]
        );
    }
}

#[test]
fn a_spawn_starts_the_process_wide_runtime_for_good() {
    let said = in_child(
        "a_spawn_starts_the_process_wide_runtime_for_good",
        &[],
        || {
            assert_eq!(join!(spawn_task!(async { 1 })), [1]);
            let late = Runtime::new().with_high_num(2).try_run();
            assert!(matches!(late, Err(BuildError::AlreadyRunning)));
            say("refused");
        },
    );
    if let Some(said) = said {
        assert_eq!(said, ["refused"]);
    }
}

#[test]
fn of_many_threads_that_start_it_one_succeeds() {
    let said = in_child("of_many_threads_that_start_it_one_succeeds", &[], || {
        let all = Arc::new(Barrier::new(8));
        let threads: Vec<_> = (2..=9)
            .map(|n| {
                let all = all.clone();
                thread::spawn(move || {
                    all.wait();
                    let started = Runtime::new().with_high_num(n).with_low_num(1).try_run();
                    started.ok().map(|rt| (n, rt.metrics().workers.len()))
                })
            })
            .collect();
        let started: Vec<(usize, usize)> = threads
            .into_iter()
            .filter_map(|thread| thread.join().unwrap())
            .collect();
        let [(high, workers)] = *started else {
            panic!("it started {} times", started.len());
        };
        assert_eq!(workers, high + 2);
        assert_eq!(Runtime::global().metrics().workers.len(), workers);
        say("once");
    });
    if let Some(said) = said {
        assert_eq!(said, ["once"]);
    }
}

#[test]
fn each_mistake_has_an_error_and_a_message_that_says_what_to_do() {
    let refused = |builder: Builder| builder.build().unwrap_err();
    let b = || Runtime::builder().with_high_num(1).with_low_num(1);

    let error = refused(b().with_high_num(0).with_low_num(0));
    assert!(matches!(error, BuildError::NoThreads));
    assert_says(
        &error,
        "a runtime needs a thread: set with_high_num or with_low_num to at least 1",
    );

    let unserved = [
        (b().with_high_num(0).with_stealing(Stealing::None), "high"),
        (
            b().with_high_num(0).with_stealing(Stealing::HighFromLow),
            "high",
        ),
        (b().with_low_num(0).with_stealing(Stealing::None), "low"),
        (
            b().with_low_num(0).with_stealing(Stealing::LowFromHigh),
            "low",
        ),
        (b().with_low_num(0).with_reserved_high(1), "low"),
        (b().with_queue("disk", 0, &["low"]), "disk"),
        // Only itself does not count.
        (b().with_queue("disk", 0, &["disk"]), "disk"),
    ];
    for (builder, name) in unserved {
        let shown = format!("{builder:?}");
        let error = refused(builder);
        assert!(
            matches!(&error, BuildError::Unserved { queue } if queue == name),
            "{error:?} for {shown}"
        );
        assert_says(
            &error,
            &format!(
                "no thread serves the queue {name:?}: give it a thread, or let another queue's \
                 threads steal from it"
            ),
        );
    }

    let error = refused(b().with_high_num(2).with_reserved_high(3));
    assert!(matches!(
        error,
        BuildError::ReservedExceedsHigh {
            reserved: 3,
            high: 2
        }
    ));
    assert_says(
        &error,
        "3 high threads are to be reserved and there are 2: lower with_reserved_high or raise \
         with_high_num",
    );

    for name in ["high", "low", "disk"] {
        let error = refused(b().with_queue("disk", 1, &[]).with_queue(name, 1, &[]));
        assert!(matches!(&error, BuildError::DuplicateQueue { queue } if queue == name));
        assert_says(
            &error,
            &format!("there is a queue {name:?} already: give the further queue another name"),
        );
    }

    let error = refused(b().with_queue("cpu", 1, &["low", "lwo"]));
    assert!(matches!(
        &error,
        BuildError::UnknownQueue { queue, steals_from } if queue == "cpu" && steals_from == "lwo"
    ));
    assert_says(
        &error,
        "the queue \"cpu\" is to steal from \"lwo\", which does not exist: add it by with_queue, \
         or name another",
    );

    for name in ["", "a\0b"] {
        let of_a_queue = refused(b().with_queue(name, 1, &[]));
        let of_the_threads = refused(b().with_thread_name(name));
        for error in [of_a_queue, of_the_threads] {
            assert!(matches!(&error, BuildError::BadName { name: bad } if bad == name));
            assert_says(
                &error,
                &format!(
                    "{name:?} cannot be part of a thread's name: use a name that is not empty \
                     and has no NUL character"
                ),
            );
        }
    }

    for niceness in [20, u8::MAX] {
        let error = refused(b().with_low_nice(niceness));
        assert!(matches!(error, BuildError::BadNiceness { niceness: bad } if bad == niceness));
        assert_says(
            &error,
            &format!("a niceness of {niceness} does not exist: use 0 to 19"),
        );
    }

    for queues in [9_000, 65_535, 65_536] {
        let further = (0..queues).map(|n| format!("queue {n}"));
        let error = refused(further.fold(b(), |b, name| b.with_queue(&name, 0, &[])));
        assert!(matches!(&error, BuildError::TooManyQueues { queues: all } if *all == queues + 2));
        assert_says(
            &error,
            &format!(
                "{} queues were asked for: a runtime takes 8192 at most",
                queues + 2
            ),
        );
    }

    let error = refused(b().with_idle(Idle::Nap(Duration::ZERO)));
    assert!(matches!(error, BuildError::ZeroNap));
    assert_says(
        &error,
        "naps of no length would keep every core busy: use a longer Idle::Nap, or Idle::Park",
    );

    for bytes in [0, 1, (64 << 10) - 1] {
        let error = refused(b().with_stack_size(bytes));
        assert!(matches!(error, BuildError::SmallStack { bytes: of } if of == bytes));
        assert_says(
            &error,
            &format!("a stack of {bytes} bytes is too small for a task: use 65536 at least"),
        );
    }
    // As small as can be, a task runs, and panics with a backtrace or without.
    let small = b().with_stack_size(64 << 10).build().unwrap();
    let panics = async {
        if std::hint::black_box(true) {
            panic!("on a small stack")
        }
    };
    let panicked = small.spawn(panics, Priority::Low).fallible();
    assert!(laneway::block_on(panicked).unwrap_err().is_panic());

    let error = refused(b().with_low_num(4096).with_standby(0));
    assert!(matches!(
        error,
        BuildError::TooManyThreads { threads: 4097 }
    ));
    assert_says(
        &error,
        "4097 threads were asked for: a runtime takes 4096 at most",
    );
    let error = refused(b().with_queue("a", usize::MAX, &[]));
    assert!(matches!(
        error,
        BuildError::TooManyThreads {
            threads: usize::MAX
        }
    ));
    // Reserving more than there can be threads is a mistake and no overflow.
    let error = refused(b().with_reserved_high(usize::MAX));
    assert!(matches!(error, BuildError::ReservedExceedsHigh { .. }));

    let error = BuildError::Thread(std::io::Error::other("no more of them"));
    assert_says(
        &error,
        "the operating system refused a thread: no more of them",
    );
    assert_eq!(error.source().unwrap().to_string(), "no more of them");
    assert!(BuildError::NoThreads.source().is_none());
}

#[test]
fn threads_are_named_by_prefix_queue_and_number() {
    let cases: [(Option<&str>, [&str; 4]); 2] = [
        (
            None,
            [
                "laneway-disk-0",
                "laneway-high-0",
                "laneway-high-1",
                "laneway-low-0",
            ],
        ),
        (
            Some("my search"),
            [
                "my search-disk-0",
                "my search-high-0",
                "my search-high-1",
                "my search-low-0",
            ],
        ),
    ];
    for (prefix, expected) in cases {
        let mut builder = Runtime::builder()
            .with_high_num(2)
            .with_low_num(1)
            .with_stealing(Stealing::None)
            .with_queue("disk", 1, &[]);
        if let Some(prefix) = prefix {
            builder = builder.with_thread_name(prefix);
        }
        let rt = builder.build().unwrap();
        // Four polls that wait for each other take all four threads.
        let all = Arc::new(Barrier::new(4));
        let tasks = ["high", "high", "low", "disk"].map(|queue| {
            let all = all.clone();
            let meet = async move {
                all.wait();
                thread::current().name().unwrap().to_owned()
            };
            rt.spawn(meet, queue)
        });
        let names: BTreeSet<String> = join_all(tasks).into_iter().collect();
        assert_eq!(names.into_iter().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_builder_can_be_cloned_and_built_twice() {
    let builder = Runtime::builder()
        .with_high_num(2)
        .with_low_num(1)
        .with_thread_name("twin");
    let more = builder.clone().with_low_num(2);
    let (one, two) = (builder.build().unwrap(), more.build().unwrap());
    assert_eq!(
        (one.metrics().workers.len(), two.metrics().workers.len()),
        (4, 5)
    );
    let a = one.spawn(async { 1 }, Priority::Low);
    let b = two.spawn(async { 2 }, Priority::Low);
    assert_eq!(join!(a, b), [1, 2]);
}

#[test]
fn a_builder_shows_its_settings() {
    struct Silent;
    impl Observer for Silent {}

    let builder = Runtime::builder()
        .with_high_num(3)
        .with_stealing(Stealing::LowFromHigh)
        .with_queue("disk", 1, &["low"])
        .with_observer(Arc::new(Silent));
    let shown = format!("{builder:?}");
    for part in [
        "high: Some(3)",
        "disk",
        "stealing: Some(LowFromHigh)",
        "observer: true",
        "Park",
    ] {
        assert!(shown.contains(part), "{part:?} is missing in {shown}");
    }
}

#[test]
fn a_refused_run_leaves_the_observer_alone() {
    struct Silent;
    impl Observer for Silent {}

    let observer: Arc<dyn Observer> = Arc::new(Silent);
    let builder = Runtime::builder().with_observer(observer.clone());
    let panic = catch_unwind(AssertUnwindSafe(|| {
        builder.with_high_num(0).with_low_num(0).run();
    }));
    assert!(panic.is_err());
    assert_eq!(Arc::strong_count(&observer), 1);
}

#[test]
fn napping_workers_do_all_the_work_and_end_at_once() {
    for local_queues in [true, false] {
        let rt = Runtime::builder()
            .with_high_num(1)
            .with_low_num(2)
            .with_local_queues(local_queues)
            .with_idle(Idle::Nap(Duration::from_millis(1)))
            .build()
            .unwrap();
        for _ in 0..5 {
            assert_eq!(rt.block_on(rt.spawn(async { 1 }, Priority::High)), 1);
        }
        let parents = (0..10).map(|_| {
            rt.spawn(
                async {
                    let children: Vec<Task<u32>> =
                        (0..100).map(|_| spawn_task!(async { 1 })).collect();
                    join_all(children).iter().sum::<u32>()
                },
                Priority::Low,
            )
        });
        assert_eq!(join_all(parents).iter().sum::<u32>(), 1_000);
        let report = rt.shutdown(Duration::from_secs(60));
        // Not `is_clean`: on a loaded machine a thread may take longer to leave than it is given.
        assert_eq!(report.cut_off, 0, "{report:?}");
        assert_eq!(report.completed, 5 + 10 + 1_000);
    }
}

#[test]
fn a_long_nap_does_not_hold_up_the_end() {
    // Nobody waits for the end of a nap of a day.
    let rt = Runtime::builder()
        .with_high_num(1)
        .with_low_num(1)
        .with_idle(Idle::Nap(Duration::from_secs(86_400)))
        .build()
        .unwrap();
    let waiting = rt.spawn(std::future::pending::<()>(), Priority::Low);
    drop(rt);
    assert!(waiting.is_finished());
}

#[test]
fn what_low_nice_says_is_what_it_does() {
    let rt = |niceness: Option<u8>| {
        let builder = Runtime::builder().with_stealing(Stealing::None);
        match niceness {
            Some(niceness) => builder.with_low_nice(niceness).build().unwrap(),
            None => builder.build().unwrap(),
        }
    };
    assert_eq!(rt(None).low_nice(), None);
    for niceness in [0, 7, 19] {
        let expected = cfg!(target_os = "linux").then_some(niceness);
        assert_eq!(rt(Some(niceness)).low_nice(), expected);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_system_knows_the_low_threads_as_nice() {
    let rt = Runtime::builder()
        .with_high_num(1)
        .with_low_num(1)
        .with_stealing(Stealing::None)
        .with_low_nice(11)
        .build()
        .unwrap();
    let here = niceness();
    let on = |priority| rt.block_on(rt.spawn(async { niceness() }, priority));
    assert_eq!((on(Priority::High), on(Priority::Low)), (here, 11));
    // Whoever takes a blocked worker's place is as nice as the one before.
    let nested = rt.spawn(
        async { (niceness(), join!(spawn_task!(async { niceness() }))) },
        Priority::Low,
    );
    assert_eq!(rt.block_on(nested), (11, vec![11]));
    assert_eq!(niceness(), here);
}

/// The current thread's niceness: the 19th field of its `stat`.
#[cfg(target_os = "linux")]
fn niceness() -> i32 {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
    // The second field is a name in parentheses and may contain anything.
    let after_name = &stat[stat.rfind(')').unwrap() + 1..];
    after_name
        .split_whitespace()
        .nth(19 - 3)
        .unwrap()
        .parse()
        .unwrap()
}

#[track_caller]
fn assert_says(error: &BuildError, message: &str) {
    assert_eq!(error.to_string(), message);
}

/// How many threads of each kind a configuration gives.
fn counts(builder: Builder) -> String {
    let total = |builder: Builder| {
        let rt = builder.with_standby(0).build().unwrap();
        rt.metrics().workers.len()
    };
    let both = total(builder.clone());
    // With the high threads set to one more than none, the rest are the low ones.
    let low = total(builder.with_high_num(1)) - 1;
    format!("{} high, {low} low", both - low)
}

/// Runs `body` in a child process with these variables and no other of ours, and gives the lines
/// that it says. In the child itself: runs `body` and gives `None`.
fn in_child(test: &str, variables: &[(&str, &OsStr)], body: impl FnOnce()) -> Option<Vec<String>> {
    if env::var_os(CHILD).is_some() {
        body();
        return None;
    }
    let output = Command::new(env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env_remove(HIGH_NUM_VARIABLE)
        .env_remove(LOW_NUM_VARIABLE)
        .env(CHILD, "1")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success() && stdout.contains("1 passed"),
        "the child failed: {stdout}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let said = stdout.lines().filter_map(|line| line.split_once(SAYS));
    Some(said.map(|(_, words)| words.to_owned()).collect())
}

/// Says something to the parent process.
fn say(words: &str) {
    println!("{SAYS}{words}");
}

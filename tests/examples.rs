//! Does every example run, end, and print what its first lines promise?

mod program;

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use program::{Ended, example, run};

/// Every example that takes no arguments. The others have test files of their own.
const EXAMPLES: [&str; 14] = [
    "background",
    "blocking",
    "connection_pool",
    "custom_queues",
    "group",
    "hello",
    "join",
    "owned_runtimes",
    "priorities",
    "simulation",
    "stealing",
    "stuck",
    "sum_service",
    "task_queue",
];

const WITH_ARGUMENTS: [&str; 7] = [
    "cache_refresh",
    "echo",
    "endings",
    "log_rotation",
    "soak",
    "system_monitor",
    "tour",
];

const LIMIT: Duration = Duration::from_secs(120);

/// Runs an example that takes no arguments and is to succeed. Gives its lines.
#[track_caller]
fn lines_of(name: &str) -> Vec<String> {
    let ended = run(&mut example(name), LIMIT);
    assert_eq!(ended.code, Some(0), "{name}: {ended:?}");
    ended.stdout.lines().map(str::to_owned).collect()
}

/// The number that stands before ` unit` in a line.
#[track_caller]
fn number_before(unit: &str, line: &str) -> u64 {
    let before = line.split(unit).next().unwrap_or_default();
    let digits = before.split_whitespace().next_back().unwrap_or_default();
    let number = digits.parse();
    number.unwrap_or_else(|_| panic!("no number before {unit:?} in {line:?}"))
}

#[test]
fn every_example_is_tested_and_says_how_to_run_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut found = BTreeSet::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "rs") {
            // What examples share, and the page that lists them.
            continue;
        }
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let source = std::fs::read_to_string(&path).unwrap();
        let doc: Vec<&str> = source
            .lines()
            .take_while(|l| l.starts_with("//!"))
            .collect();
        let command = format!("cargo run --release --example {name}");
        assert!(doc.join("\n").contains(&command), "{name}: {doc:?}");
        found.insert(name);
    }
    let tested = EXAMPLES.into_iter().chain(WITH_ARGUMENTS);
    assert_eq!(found, tested.map(str::to_owned).collect());
}

#[test]
fn an_example_refuses_arguments() {
    for name in EXAMPLES {
        let Ended {
            code,
            stdout,
            stderr,
        } = run(example(name).arg("now"), LIMIT);
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{name}");
        assert!(
            stderr.contains(&format!("Usage: {name}")),
            "{name}: {stderr}"
        );
    }
}

#[test]
fn a_closed_pipe_ends_an_example_quietly() {
    for name in EXAMPLES {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let ended = example(name).stdout(writer).output().unwrap();
        assert_eq!(ended.status.code(), Some(0), "{name}: {ended:?}");
        let errors = String::from_utf8_lossy(&ended.stderr);
        assert!(!errors.contains("printing to stdout"), "{name}: {errors}");
    }
}

/// Runs an example with a variable that is to end it with one line.
#[track_caller]
fn assert_refuses(name: &str, variable: &str) {
    let ended = run(example(name).env(variable, "many"), LIMIT);
    assert_eq!(ended.code, Some(2), "{name}: {ended:?}");
    let line = format!("{name}: the environment variable {variable} is \"many\": ");
    // It may have shown a panic on purpose before.
    let last = ended.stderr.lines().next_back().unwrap_or_default();
    assert!(last.starts_with(&line), "{name}: {ended:?}");
}

#[test]
fn an_environment_that_cannot_be_ends_an_example_with_2() {
    for name in EXAMPLES {
        assert_refuses(name, "LANEWAY_HIGH_NUM");
    }
    for name in ["blocking", "connection_pool", "stuck", "task_queue"] {
        assert_refuses(name, "LANEWAY_BLOCKING_NUM");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_ends_an_example_with_one_line() {
    for name in EXAMPLES {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let ended = example(name).stdout(full).output().unwrap();
        assert_eq!(ended.status.code(), Some(1), "{name}: {ended:?}");
        let errors = String::from_utf8_lossy(&ended.stderr);
        let lines: Vec<&str> = errors
            .lines()
            .filter(|line| line.contains("space"))
            .collect();
        assert!(
            lines.len() == 1 && lines[0].starts_with(&format!("{name}: ")),
            "{name}: {errors}"
        );
    }
}

#[test]
#[cfg(target_os = "linux")]
fn nothing_can_be_told_where_errors_go_to_a_full_disk() {
    for name in EXAMPLES {
        let full = || File::options().write(true).open("/dev/full").unwrap();
        let ended = example(name).stdout(full()).stderr(full()).output();
        assert_eq!(ended.unwrap().status.code(), Some(1), "{name}");
    }
}

#[test]
fn every_example_can_be_recorded() {
    let folder = std::env::temp_dir().join(format!("laneway-recorded-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for name in EXAMPLES {
        let page = folder.join(format!("{name}.html"));
        let ended = run(example(name).arg("--record").arg(&page), LIMIT);
        assert_eq!(ended.code, Some(0), "{name}: {ended:?}");
        let written = std::fs::read_to_string(&page).unwrap();
        assert!(written.starts_with("<!doctype html>"), "{name}");
        // Something happened: the row of a poll's start is there.
        let (_, events) = written.split_once("\"events\":[").unwrap();
        let (events, _) = events.split_once("\n]").unwrap();
        let starts = events
            .lines()
            .filter(|row| row.split(',').nth(1) == Some("3"));
        assert!(starts.count() > 0, "{name} was recorded and polled nothing");
    }
    // Each runtime has a file of its own.
    assert!(folder.join("owned_runtimes-2.html").exists());
    assert!(folder.join("stealing-4.html").exists());
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn an_example_refuses_what_it_could_not_record_to() {
    for file in ["run.txt", "/no/such/folder/run.html"] {
        let ended = run(example("hello").args(["--record", file]), LIMIT);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{file}");
        assert!(ended.stderr.contains(file), "{ended:?}");
    }
}

#[test]
fn stuck_names_the_task_that_blocks_and_those_behind_it() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/stuck.rs");
    let source = std::fs::read_to_string(source).unwrap();
    let spawn = source
        .lines()
        .position(|line| line.contains("named(\"orders\""));
    let place = format!(
        "\"orders\" spawned at examples/stuck.rs:{}:",
        spawn.unwrap() + 1
    );
    assert!(
        source.contains(&format!("//! report  task #1 {place}")),
        "the doc is of old"
    );
    let lines = lines_of("stuck");
    // On a busy machine other polls may take long as well.
    let orders: Vec<&String> = lines.iter().filter(|line| line.contains(&place)).collect();
    let begins = |line: &&&String, word: &str| line.starts_with(word);
    let reports: Vec<_> = orders
        .iter()
        .filter(|line| begins(line, "report"))
        .collect();
    assert!(
        reports
            .iter()
            .any(|line| line.contains("has kept worker 0 for ")),
        "{lines:#?}"
    );
    // The time from the first look at it to the last: how long that is, is up to the machine.
    assert!(
        reports
            .iter()
            .any(|line| line.contains("let worker 0 go after ")),
        "{lines:#?}"
    );
    let listed = orders.iter().filter(|line| begins(line, "list"));
    assert!(
        listed
            .into_iter()
            .any(|line| line.contains("running on worker 0 for")),
        "{lines:#?}"
    );
    let behind = |line: &String| line.contains("\"heartbeat\"") && line.contains(": queued for");
    assert!(lines.iter().any(behind), "{lines:#?}");
    let late = lines
        .iter()
        .find(|line| line.starts_with("stuck "))
        .unwrap();
    assert!(number_before(" ms late", late) >= 100, "{late}");
    for what in ["stuck  ", "mended "] {
        assert!(
            lines.contains(&format!("{what} the orders are worth 7293 cents")),
            "{lines:#?}"
        );
    }
}

#[test]
fn hello_greets_in_the_order_of_the_arguments() {
    let lines = lines_of("hello");
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines[0].starts_with("hello, reader, from laneway-"),
        "{lines:?}"
    );
    assert!(
        lines[1].starts_with("hello, writer, from laneway-"),
        "{lines:?}"
    );
}

#[test]
fn priorities_shows_that_high_tasks_wait_less() {
    let lines = lines_of("priorities");
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines[1].starts_with("a high task waits"), "{lines:?}");
    assert!(lines[2].starts_with("a low task waits"), "{lines:?}");
    // A high task waits for the end of one poll, a low one for its turn among 32 tasks.
    let high = number_before(" us", &lines[1]);
    let low = number_before(" us", &lines[2]);
    assert!(high < low, "{lines:?}");
}

#[test]
fn stealing_shows_who_steals_under_each_policy() {
    let lines = lines_of("stealing");
    assert_eq!(lines.len(), 5, "{lines:?}");
    let stolen = |line: &String| {
        let (_, high) = line.split_once("stolen").expect("two columns");
        (
            number_before(" stolen", line),
            number_before(" stolen", high),
        )
    };
    let policies = ["Both", "HighFromLow", "LowFromHigh", "None"];
    for (line, policy) in lines[1..].iter().zip(policies) {
        assert!(line.starts_with(policy), "{lines:?}");
    }
    // How many are stolen is up to the machine; that none are, to the policy.
    let (low, high) = stolen(&lines[1]);
    assert!(low <= 60 && high <= 60, "{lines:?}");
    assert_eq!(stolen(&lines[2]).1, 0, "{lines:?}");
    assert_eq!(stolen(&lines[3]).0, 0, "{lines:?}");
    assert_eq!(stolen(&lines[4]), (0, 0), "{lines:?}");
}

#[test]
fn background_shows_what_becomes_of_a_process() {
    let expected = [
        r#"held:      "one" was word 1"#,
        r#"held:      "two" was word 2"#,
        r#"cancelled: "three" cannot be sent, the process is gone"#,
        r#"dropped:   "one" cannot be sent, the process is gone"#,
        r#"detached:  "one" was word 1"#,
        r#"detached:  "two" was word 2"#,
        "shutdown:  1 process was cut off",
    ];
    assert_eq!(lines_of("background"), expected);
}

#[test]
fn join_gives_outputs_in_order_and_a_panic_as_a_value() {
    let lines = lines_of("join");
    assert_eq!(lines.len(), 5, "{lines:?}");
    assert_eq!(lines[0], "join!     [949, 3]");
    assert_eq!(lines[1], "join_all  [0, 1, 7, 2, 5, 8, 16, 3, 19, 6]");
    assert_eq!(lines[2], "try_join! gives 2");
    assert!(lines[3].starts_with("try_join! finds that the task spawned at "));
    assert!(
        lines[3].ends_with(" panicked: division of 10 by zero"),
        "{lines:?}"
    );
    assert_eq!(lines[4], "nested    [222]");
}

#[test]
fn custom_queues_keep_to_their_threads() {
    let names: BTreeSet<String> = (0..5).map(|n| format!("laneway-cpu-{n}")).collect();
    let expected = [
        r#"20 requests ran on     {"laneway-network-0"}"#.to_owned(),
        format!("5 computations ran on  {names:?}"),
        "high      0 tasks completed".to_owned(),
        "low       0 tasks completed".to_owned(),
        "network  20 tasks completed".to_owned(),
        "cpu       5 tasks completed".to_owned(),
    ];
    assert_eq!(lines_of("custom_queues"), expected);
}

#[test]
fn owned_runtimes_keep_apart() {
    let expected = [
        "a task on search spawned one on search",
        "a task on index spawned one on index",
        "block_on on search spawned one on search",
        "search has shut down: 3 completed, 0 cut off",
        "search refuses: the runtime has shut down and takes no more tasks",
        "index still answers: 42",
    ];
    assert_eq!(lines_of("owned_runtimes"), expected);
}

#[test]
fn blocking_keeps_the_worker_free_and_gives_back_what_was_given() {
    let expected = [
        "4 closures block 4 threads, and the only worker does 1000 polls",
        "outputs:   [0, 1, 4, 9]",
        "panic:     no such sensor",
        "dropped:   the closure that had begun ran to its end",
    ];
    assert_eq!(lines_of("blocking"), expected);
}

#[test]
fn group_gives_the_first_to_end_first() {
    let expected = [
        "join_next    near answered",
        "join_next    far answered",
        "join_next    broken panicked: out of order",
        "join_next    nobody is left",
        "race         near won, 2 were cancelled",
        "first_error  line 2: invalid digit found in string",
    ];
    assert_eq!(lines_of("group"), expected);
}

#[test]
fn simulation_finds_the_seed_and_its_schedule() {
    let lines = lines_of("simulation");
    assert!(lines[0].starts_with("explore    seed "), "{lines:?}");
    assert_eq!(lines[1..3], ["  left: 2", " right: 1"]);
    let polls: Vec<&str> = lines[4..lines.len() - 1]
        .iter()
        .map(|line| line.split_once(" polls ").expect("a poll").1)
        .collect();
    let expected = ["ann: Ready", "ann: Yielded", "bob: Ready", "bob: Yielded"];
    let mut sorted = polls.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, expected, "{lines:?}");
    // Both looked before either sold.
    assert!(polls[..2].iter().all(|poll| poll.ends_with("Yielded")));
    let fixed = &lines[lines.len() - 1];
    assert!(fixed.starts_with("fixed      1000 seeds, "), "{fixed}");
}

#[test]
fn sum_service_gives_the_same_sums_by_hand_and_ready_made() {
    let expected = [
        "by hand:     + 1 = Some(1)",
        "by hand:     + 2 = Some(3)",
        "by hand:     + 3 = Some(6)",
        "ready made:  + 1 = Ok(1)",
        "ready made:  + 2 = Ok(3)",
        "ready made:  + 3 = Ok(6)",
        "4 threads:   [true, true, true, true], and now it is Ok(4006)",
        "closed:      the background takes no more requests: it was closed through a handle",
    ];
    assert_eq!(lines_of("sum_service"), expected);
}

#[test]
fn task_queue_answers_at_once_and_gives_results_later() {
    let expected = [
        "submitted: 202, number 1",
        "submitted: 202, number 2",
        "submitted: 202, number 3",
        "submitted: 503, the queue is full",
        "known:     3 pieces of work, the newest is 3",
        "waited:    it is not done yet",
        "status:    queued, 1 ahead",
        "cancelled: Stops",
        "first:     cancelled",
        "results:   Ok(499500) and Ok(1999000)",
        "again:     the task queue has no result of this number, or not any more",
        "shutdown:  2 done, 1 cancelled, 1 refused, 0 cut off",
    ];
    assert_eq!(lines_of("task_queue"), expected);
}

#[test]
fn connection_pool_reuses_caps_and_replaces() {
    let lines = lines_of("connection_pool");
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert_eq!(lines[0], "reused:    10 lines echoed over 1 connection");
    // On a busy machine one connection may do.
    assert!(lines[1].starts_with("capped:    100 lines of 4 threads echoed, "));
    let most = number_before(" connections", &lines[1]);
    assert!((1..=2).contains(&most), "{lines:?}");
    assert_eq!(
        lines[2],
        "replaced:  the server dropped all; 5 lines echoed over 1 new"
    );
    assert_eq!(lines[3], "ended:     with the last handle");
}

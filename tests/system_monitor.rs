//! Does `system_monitor` print its lines, and end with everything drained however it is ended?

mod program;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use program::{Ended, example, run};

const LIMIT: Duration = Duration::from_secs(120);

fn monitor(arguments: &[&str]) -> Command {
    let mut command = example("system_monitor");
    command.args(arguments);
    command
}

#[test]
fn it_prints_a_line_per_tick_and_says_that_all_is_drained() {
    // Readings take a fifth of a second to begin.
    let ended = run(&mut monitor(&["--ticks", "30", "--every", "50"]), LIMIT);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let lines: Vec<&str> = ended.stdout.lines().collect();
    let (summary, ticks) = lines.split_last().unwrap();
    assert_eq!(ticks.len(), 30, "{lines:?}");
    // Which of the ticks have figures is up to the machine: a reading may come too late for any.
    assert!(
        ticks.iter().all(|tick| has_figures(tick) || has_none(tick)),
        "{lines:?}"
    );
    assert!(ticks.iter().any(|tick| has_figures(tick)), "{lines:?}");
    assert_drained(summary);
}

fn has_figures(tick: &str) -> bool {
    let parts = ["  cpu ", "%", "±", "  memory ", "  anomaly "];
    parts.iter().all(|part| tick.contains(part))
}

fn has_none(tick: &str) -> bool {
    tick.ends_with("no readings yet")
}

#[track_caller]
fn assert_drained(summary: &str) {
    assert!(summary.starts_with("drained: "), "{summary}");
    assert!(summary.ends_with("; 0 cut off"), "{summary}");
    let numbers: Vec<u64> = summary
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok())
        .collect();
    let [first, fed, ..] = numbers[..] else {
        panic!("{summary}");
    };
    assert_eq!(first, fed, "{summary}");
}

#[test]
fn bad_arguments_end_it_with_2() {
    for arguments in [
        &["now"][..],
        &["--ticks"],
        &["--ticks", "0"],
        &["--ticks", "-1"],
        &["--every", "19"],
        &["--every", "3600001"],
        &["--every", "1s"],
    ] {
        let Ended { code, stdout, .. } = run(&mut monitor(arguments), LIMIT);
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{arguments:?}");
    }
}

#[test]
fn help_tells_the_options() {
    let ended = run(&mut monitor(&["--help"]), LIMIT);
    assert_eq!(ended.code, Some(0));
    for option in ["Usage: system_monitor", "--ticks <N>", "--every <MS>"] {
        assert!(ended.stdout.contains(option), "{}", ended.stdout);
    }
}

/// Starts a monitor that does not end by itself, and waits for its first line.
fn endless() -> (Child, BufReader<ChildStdout>) {
    let mut command = monitor(&["--every", "20"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    stdout.read_line(&mut first).unwrap();
    let tick = first.trim_end();
    assert!(has_figures(tick) || has_none(tick), "{first:?}");
    (child, stdout)
}

#[track_caller]
fn exit_code(mut child: Child) -> Option<i32> {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if Instant::now() > deadline {
            let killed = child.kill();
            panic!("it did not end; killed: {killed:?}");
        }
        thread::yield_now();
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_and_terminate_drain_it() {
    for signal in ["-INT", "-TERM"] {
        let (child, mut stdout) = endless();
        let mut kill = Command::new("kill");
        let sent = kill.args([signal, &child.id().to_string()]).status();
        assert!(sent.unwrap().success());
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).unwrap();
        assert_eq!(exit_code(child), Some(0), "{signal}: {rest}");
        assert_drained(rest.lines().last().unwrap());
    }
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let (child, stdout) = endless();
    drop(stdout);
    assert_eq!(exit_code(child), Some(0));
}

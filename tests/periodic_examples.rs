//! Do the examples that run on end when they should, with nothing lost?

mod program;

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::Duration;

use program::{Ended, example, run};

const LIMIT: Duration = Duration::from_secs(120);

/// Runs an example that is to succeed. Gives its lines.
#[track_caller]
fn lines_of(name: &str, arguments: &[&str]) -> Vec<String> {
    let ended = run(example(name).args(arguments), LIMIT);
    assert_eq!(ended.code, Some(0), "{name}: {ended:?}");
    ended.stdout.lines().map(str::to_owned).collect()
}

/// The numbers in a line.
fn numbers(line: &str) -> Vec<u64> {
    let digits = line.split(|c: char| !c.is_ascii_digit());
    digits.filter_map(|digits| digits.parse().ok()).collect()
}

/// Starts an example that does not end by itself, interrupts it after its first line, and gives
/// its exit code and its last lines.
#[cfg(unix)]
#[track_caller]
fn interrupted(name: &str, arguments: &[&str]) -> (Option<i32>, Vec<String>) {
    let mut command = example(name);
    let mut child = command
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut String::new()).unwrap();
    let mut kill = Command::new("kill");
    assert!(
        kill.args(["-INT", &child.id().to_string()])
            .status()
            .unwrap()
            .success()
    );
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    let code = child.wait().unwrap().code();
    (code, rest.lines().map(str::to_owned).collect())
}

#[track_caller]
fn assert_no_line_is_lost(summary: &str) {
    let [written, kept, deleted, cut_off] = numbers(summary)[..] else {
        panic!("{summary}");
    };
    assert_eq!(written, kept + deleted, "{summary}");
    assert!(written > 0, "{summary}");
    assert_eq!(cut_off, 0, "{summary}");
}

#[test]
fn log_rotation_loses_no_line() {
    let lines = lines_of("log_rotation", &["--rotations", "6", "--every", "30"]);
    assert_eq!(lines.len(), 7, "{lines:?}");
    assert!(
        lines[..6].iter().all(|line| line.starts_with("rotated: ")),
        "{lines:?}"
    );
    assert_no_line_is_lost(&lines[6]);
    // Three old files are kept besides the new one, so three of six are deleted.
    assert!(numbers(&lines[6])[2] > 0, "{lines:?}");
}

#[test]
fn cache_refresh_goes_on_when_the_source_breaks_down() {
    let lines = lines_of("cache_refresh", &["--refreshes", "11", "--every", "20"]);
    assert_eq!(lines.len(), 13, "{lines:?}");
    assert_eq!(lines[4], "refresh 5 begins; last trouble: never");
    assert_eq!(
        lines[5],
        "refresh 6 begins; last trouble: the source is out of order"
    );
    // How many ticks are skipped is up to the machine: one that is late by half a period finds
    // the slow refresh over.
    let [completed, panicked, _skipped, cut_off] = numbers(&lines[11])[..] else {
        panic!("{lines:?}");
    };
    assert_eq!((completed, panicked, cut_off), (9, 2, 0), "{lines:?}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_them_with_everything_drained() {
    let (code, lines) = interrupted("log_rotation", &["--every", "20"]);
    assert_eq!(code, Some(0), "{lines:?}");
    assert_no_line_is_lost(lines.last().unwrap());
    let (code, lines) = interrupted("cache_refresh", &["--every", "20"]);
    assert_eq!(code, Some(0), "{lines:?}");
    let summary = &lines[lines.len() - 2];
    assert!(summary.ends_with("; 0 cut off"), "{lines:?}");
}

#[test]
fn bad_arguments_end_them_with_2() {
    for (name, arguments) in [
        ("log_rotation", &["now"][..]),
        ("log_rotation", &["--rotations", "0"]),
        ("log_rotation", &["--every", "9"]),
        ("cache_refresh", &["now"]),
        ("cache_refresh", &["--refreshes", "-1"]),
        ("cache_refresh", &["--every", "1s"]),
        ("log_rotation", &["--every", "-1"]),
        ("soak", &["--seconds", "-1"]),
        ("endings", &["--seed", "-1"]),
        ("soak", &["now"]),
        ("soak", &["--seconds", "0"]),
        ("soak", &["--only", "nothing"]),
    ] {
        let Ended {
            code,
            stdout,
            stderr,
        } = run(example(name).args(arguments), LIMIT);
        assert_eq!(
            (code, stdout.as_str()),
            (Some(2), ""),
            "{name} {arguments:?}"
        );
        assert!(stderr.contains(arguments[0]), "{name}: {stderr}");
    }
}

#[test]
fn help_tells_the_options() {
    for (name, option) in [
        ("log_rotation", "--rotations <N>"),
        ("cache_refresh", "--refreshes <N>"),
        ("soak", "--seconds <N>"),
    ] {
        let ended = run(example(name).arg("--help"), LIMIT);
        assert_eq!(ended.code, Some(0), "{name}");
        let expected = [format!("Usage: {name}"), option.to_owned()];
        assert!(
            expected.iter().all(|part| ended.stdout.contains(part)),
            "{}",
            ended.stdout
        );
    }
}

#[test]
fn a_soak_of_a_second_finds_every_pattern_flat() {
    let lines = lines_of("soak", &["--seconds", "1"]);
    for pattern in ["Service", "Every", "Pipeline"] {
        let of_it = lines.iter().filter(|line| line.starts_with(pattern));
        assert_eq!(of_it.count(), 11, "{lines:?}");
    }
}

/// As `head` does, which closes the pipe once it has its lines.
#[test]
fn a_closed_pipe_ends_them_quietly() {
    for (name, arguments) in [
        ("log_rotation", &[][..]),
        ("cache_refresh", &[]),
        ("soak", &[]),
        ("connection_pool", &[]),
        ("endings", &["--runtimes", "8"]),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = example(name);
        let ended = command.args(arguments).stdout(writer).output().unwrap();
        assert_eq!(ended.status.code(), Some(0), "{name}: {ended:?}");
        assert!(ended.stderr.is_empty(), "{name}: {ended:?}");
    }
}

#[test]
fn a_configuration_that_cannot_be_ends_them_with_2() {
    for name in [
        "log_rotation",
        "cache_refresh",
        "soak",
        "system_monitor",
        "connection_pool",
    ] {
        let mut command = example(name);
        let ended = run(command.env("LANEWAY_HIGH_NUM", "many"), LIMIT);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{name}");
        assert!(ended.stderr.starts_with(&format!("{name}: ")), "{ended:?}");
        assert!(ended.stderr.contains("LANEWAY_HIGH_NUM"), "{ended:?}");
    }
}

/// A terminal that is gone takes no line on either stream.
#[test]
fn closed_streams_do_not_make_a_recording_panic() {
    let page = std::env::temp_dir().join(format!("laneway-unheard-{}.html", std::process::id()));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = example("log_rotation");
    command.args(["--rotations", "1", "--every", "10", "--record"]);
    command.arg(&page).stderr(writer);
    let ended = command.output().unwrap();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    std::fs::remove_file(&page).unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_ends_them_with_one_line() {
    let endless: [(&str, &[&str]); 4] = [
        ("log_rotation", &["--every", "20"]),
        ("cache_refresh", &["--every", "20"]),
        ("soak", &["--seconds", "1"]),
        ("system_monitor", &["--every", "20"]),
    ];
    for (name, arguments) in endless {
        let full = std::fs::File::options().write(true).open("/dev/full");
        let mut command = example(name);
        let ended = command.args(arguments).stdout(full.unwrap()).output();
        let ended = ended.unwrap();
        assert_eq!(ended.status.code(), Some(1), "{name}: {ended:?}");
        let errors = String::from_utf8_lossy(&ended.stderr);
        let line = format!("{name}: No space left on device");
        assert!(errors.starts_with(&line), "{name}: {errors}");
    }
}

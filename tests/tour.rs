//! Does `tour`, the program that a newcomer runs first, count right, whatever it is given?
//!
//! Lines are newline characters, as `wc` counts them. Words are separated by ASCII whitespace.

mod program;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use program::{Ended, example, run};

const LIMIT: Duration = Duration::from_secs(120);

/// A directory that is removed with this value.
struct Tree(PathBuf);

impl Tree {
    fn new(name: &str) -> Tree {
        let name = format!("laneway-tour-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Tree(path)
    }

    fn with(self, name: &str, contents: impl AsRef<[u8]>) -> Tree {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
        self
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        // Not a panic: the test may be panicking already.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What `tour` printed, in numbers.
#[derive(Debug)]
struct Report {
    /// Files, lines, words and bytes by extension, and of `all`.
    table: BTreeMap<String, [u64; 4]>,
    /// `files`, `unreadable` and `bytes`.
    sums: BTreeMap<String, u64>,
    /// Tasks run, polls and stolen polls of `high` and `low`.
    queues: BTreeMap<String, [u64; 3]>,
    /// p50, p99, samples.
    lateness: [u64; 3],
    stdout: String,
    stderr: String,
}

impl Report {
    #[track_caller]
    fn of(ended: Ended) -> Report {
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let parts: Vec<&str> = ended.stdout.split("\n\n").collect();
        let [table, sums, queues, lateness] = parts[..] else {
            panic!("four tables were expected: {ended:?}");
        };
        Report {
            table: rows(table),
            sums: rows(sums)
                .into_iter()
                .map(|(name, [sum])| (name, sum))
                .collect(),
            queues: rows(queues),
            lateness: rows(lateness)[""],
            stdout: ended.stdout,
            stderr: ended.stderr,
        }
    }
}

/// Reads a table's rows. The columns are as wide as the source of `tour` says.
fn rows<const N: usize>(table: &str) -> BTreeMap<String, [u64; N]> {
    let row = |line: &str| {
        let (label, cells) = line.split_at_checked(18)?;
        let cells: Vec<u64> = cells
            .split_whitespace()
            .map(|cell| cell.replace(',', "").parse().ok())
            .collect::<Option<_>>()?;
        Some((label.trim().to_owned(), cells.try_into().ok()?))
    };
    // The heading has no numbers, and the line with the seconds has no whole one.
    table.lines().filter_map(row).collect()
}

fn tour() -> Command {
    example("tour")
}

#[track_caller]
fn report(command: &mut Command) -> Report {
    Report::of(run(command, LIMIT))
}

/// Checks that `tour` refuses, with one line that contains `why`.
#[track_caller]
fn assert_refused(command: &mut Command, why: &str) {
    let Ended {
        code,
        stdout,
        stderr,
    } = run(command, LIMIT);
    assert_eq!((code, stdout.as_str()), (Some(2), ""), "{stderr}");
    assert!(stderr.contains(why), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}

#[test]
fn it_counts_lines_words_and_bytes() {
    // A word that lies across the border between two chunks is one word.
    let long = format!("{} two\n", "x".repeat(200_000));
    let tree = Tree::new("counts")
        .with("plain.txt", "one two\nthree\n")
        .with("no_newline.txt", "four  five\tsix")
        .with("deep/er/empty.txt", "")
        .with(
            "umlauts.md",
            "Stra\u{df}e \u{2026} \u{65e5}\u{672c}\u{a0}\u{8a9e}\n",
        )
        .with("random.bin", [0, 255, b'\n', b' ', 13, 0, 0, b'\n', 200])
        .with("long.x", &long)
        .with("Makefile", "all:\n")
        .with(".hidden", "h");
    let report = report(tour().arg(&tree.0));

    let expected = BTreeMap::from([
        (".txt", [3, 2, 6, 28]),
        (".md", [1, 1, 3, 24]),
        (".bin", [1, 2, 3, 9]),
        (".x", [1, 1, 2, long.len() as u64]),
        ("(none)", [2, 1, 2, 6]),
        ("all", [8, 7, 16, 67 + long.len() as u64]),
    ]);
    let expected = expected.into_iter().map(|(name, n)| (name.to_owned(), n));
    assert_eq!(report.table, expected.collect(), "{}", report.stdout);
    assert_eq!(report.sums["files"], 8);
    assert_eq!(report.sums["unreadable"], 0);
    assert_eq!(report.sums["bytes"], 67 + long.len() as u64);
    assert_eq!(report.queues["low"][0], 8);
    assert_eq!(report.stderr, "");
}

#[test]
fn it_measures_the_high_tasks() {
    let tree = Tree::new("lateness").with("a", "a");
    let report = report(tour().arg(&tree.0));
    let [p50, p99, samples] = report.lateness;
    assert!(p50 <= p99, "{}", report.stdout);
    assert!(samples >= 2, "{}", report.stdout);
    // So few samples have no p99, and it says so.
    let note = report.stdout.contains("few samples");
    assert_eq!(note, samples < 100, "{}", report.stdout);
    assert_eq!(note, report.stdout.contains(" max us"), "{}", report.stdout);
    // The probes; the progress bar's task has not ended, or only just.
    let high = report.queues["high"][0];
    assert!(high == samples || high == samples + 1, "{}", report.stdout);
}

#[test]
fn it_reads_the_one_file_that_it_is_given() {
    let tree = Tree::new("one").with("a.txt", "1 2 3").with("b.txt", "4");
    let report = report(tour().arg(tree.0.join("a.txt")));
    assert_eq!(report.table["all"], [1, 0, 3, 5]);
}

#[test]
fn an_empty_directory_has_no_files() {
    let tree = Tree::new("empty");
    let report = report(tour().arg(&tree.0));
    assert!(report.stdout.starts_with("no files\n"), "{}", report.stdout);
    assert_eq!(report.sums["files"], 0);
    assert_eq!(report.queues["low"], [0, 0, 0]);
}

#[test]
fn many_extensions_are_summed_up_and_fit_the_screen() {
    let mut tree = Tree::new("extensions").with(&format!("a.{}", "x".repeat(100)), "x\n");
    for n in 0..20 {
        tree = tree.with(&format!("a.e{n}"), "y".repeat(1_000 + n));
    }
    let report = report(tour().arg(&tree.0));
    // Fifteen with a line of their own, the largest first.
    assert_eq!(report.table.len(), 17, "{}", report.stdout);
    assert!(report.table.contains_key(".e5"), "{}", report.stdout);
    assert_eq!(report.table["6 others"], [6, 1, 6, 5_012]);
    assert_eq!(report.table["all"][0], 21);
    let widest = report.stdout.lines().map(str::len).max();
    assert!(widest <= Some(80), "{}", report.stdout);
}

#[test]
fn ten_thousand_files_under_every_policy_and_number_of_threads() {
    let mut tree = Tree::new("many");
    for n in 0..10_000 {
        tree = tree.with(&format!("{}/{n}.txt", n % 100), format!("{n}\n"));
    }
    // 10 numbers of one digit, 90 of two, and so on, and a newline each.
    let bytes = 10 + 90 * 2 + 900 * 3 + 9_000 * 4 + 10_000;
    for threads in ["1", "16"] {
        for stealing in ["both", "none", "high", "low"] {
            let mut command = tour();
            command.args(["--high", threads, "--low", threads, "--stealing", stealing]);
            let report = report(command.arg(&tree.0));
            assert_eq!(report.table["all"], [10_000, 10_000, 10_000, bytes]);
            assert_eq!(report.queues["low"][0], 10_000);
            if ["none", "low"].contains(&stealing) {
                assert_eq!(report.queues["low"][2], 0, "{stealing}: {}", report.stdout);
            }
            if ["none", "high"].contains(&stealing) {
                assert_eq!(report.queues["high"][2], 0, "{stealing}: {}", report.stdout);
            }
        }
    }
}

#[test]
fn one_thread_is_enough_where_it_may_steal() {
    let tree = Tree::new("alone").with("a", "a b").with("b", "c");
    for no_thread in ["--high", "--low"] {
        let mut command = tour();
        command.args([no_thread, "0"]).arg(&tree.0);
        assert_eq!(report(&mut command).table["all"], [2, 0, 3, 4]);
    }
}

#[test]
fn it_refuses_what_it_cannot_do() {
    assert_refused(tour().arg("no/such/path"), "no/such/path");
    assert_refused(
        tour().args(["--high", "0", "--low", "0"]),
        "set --high or --low to at least 1",
    );
    assert_refused(
        tour().args(["--high", "0", "--stealing", "none"]),
        "no thread serves the queue \"high\": set --high to at least 1",
    );
    assert_refused(
        tour().args(["--low", "0", "--stealing", "low"]),
        "no thread serves the queue \"low\": set --low to at least 1",
    );
    assert_refused(
        tour().args(["--high", "1000000"]),
        "--high and --low ask for 1000002 threads together, standby included",
    );
}

#[test]
fn bad_numbers_name_the_option_and_what_it_takes() {
    for option in ["--high", "--low"] {
        for number in ["-1", "many", "1.5", "", "99999999999999999999"] {
            let ended = run(tour().args([option, number]), LIMIT);
            let names = format!("'{number}' for '{option} <N>': a whole number from 0 to 4096");
            assert_eq!(
                (ended.code, ended.stdout.as_str()),
                (Some(2), ""),
                "{ended:?}"
            );
            // clap says of an empty value that it is missing.
            let named = ended.stderr.contains(&names) || number.is_empty();
            assert!(named && ended.stderr.contains(option), "{ended:?}");
        }
    }
}

#[test]
fn the_preset_takes_the_place_of_the_other_options() {
    let tree = Tree::new("preset").with("a", "a b");
    let report = report(tour().arg("--latency-first").arg(&tree.0));
    assert_eq!(report.table["all"], [1, 0, 2, 3]);
    // Stealing::None is a part of it.
    assert_eq!(report.queues["low"][2], 0, "{}", report.stdout);
    for other in [["--high", "1"], ["--low", "1"], ["--stealing", "both"]] {
        let ended = run(tour().arg("--latency-first").args(other), LIMIT);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        let conflict = "'--latency-first' cannot be used with";
        assert!(ended.stderr.contains(conflict), "{ended:?}");
    }
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let tree = Tree::new("closed").with("a", "a");
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let ended = tour().arg(&tree.0).stdout(writer).output().unwrap();
    assert_eq!(ended.status.code(), Some(0));
    assert!(ended.stderr.is_empty(), "{ended:?}");
}

#[test]
fn the_environment_configures_it_and_options_override_that() {
    let tree = Tree::new("environment").with("a", "a b");
    assert_refused(
        tour().env("LANEWAY_HIGH_NUM", "many").arg(&tree.0),
        "LANEWAY_HIGH_NUM",
    );
    let mut command = tour();
    command
        .env("LANEWAY_HIGH_NUM", "many")
        .args(["--high", "1"]);
    assert_eq!(report(command.arg(&tree.0)).table["all"], [1, 0, 2, 3]);
}

#[test]
fn it_refuses_options_that_do_not_exist() {
    for arguments in [
        &["--stealing", "some"][..],
        &["--high", "-1"],
        &["--high", "many"],
        &["--medium", "1"],
        &["src", "tests"],
    ] {
        let ended = run(tour().args(arguments), LIMIT);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.starts_with("error: "), "{ended:?}");
    }
}

#[test]
fn metrics_are_further_tables() {
    let tree = Tree::new("metrics")
        .with("a.txt", "one\n")
        .with("b.txt", "two\n");
    let arguments = ["--metrics", "--high", "2", "--low", "1"];
    let ended = run(tour().arg(&tree.0).args(arguments), LIMIT);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let tables: Vec<&str> = ended.stdout.split("\n\n").collect();
    assert_eq!(tables.len(), 6, "{ended:?}");
    let queues: BTreeMap<String, [u64; 5]> = rows(tables[4]);
    let [waiting, spawned, completed, cancelled, panicked] = queues["low"];
    assert_eq!(
        [waiting, spawned, completed, cancelled, panicked],
        [0, 2, 2, 0, 0]
    );
    // A heading and four threads, one of which stands by.
    assert_eq!(tables[5].trim_end().lines().count(), 5, "{ended:?}");
}

#[test]
fn a_recorded_tour_can_be_looked_at() {
    let tree = Tree::new("record")
        .with("a.txt", "one\n")
        .with("b.txt", "two\n");
    let page = tree.0.join("run.html");
    let ended = run(
        tour()
            .arg(&tree.0)
            .arg("--metrics")
            .arg("--record")
            .arg(&page),
        LIMIT,
    );
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("recorded in"), "{ended:?}");
    let written = fs::read_to_string(&page).unwrap();
    assert!(written.starts_with("<!doctype html>"));
    assert!(written.contains("examples/tour.rs:"), "places of spawns");
    // With a recording there is a table of waits.
    let tables: Vec<&str> = ended.stdout.split("\n\n").collect();
    assert_eq!(tables.len(), 7, "{ended:?}");
    let waits: BTreeMap<String, [u64; 4]> = rows(tables[6]);
    assert!(waits["low"][3] >= 2, "{ended:?}");
}

#[test]
fn help_explains_the_policies() {
    let ended = run(tour().arg("--help"), LIMIT);
    assert_eq!(ended.code, Some(0));
    for word in [
        "--high",
        "--low",
        "HighFromLow",
        "LowFromHigh",
        "--latency-first",
        "Ctrl-C",
    ] {
        assert!(ended.stdout.contains(word), "{word}: {}", ended.stdout);
    }
}

/// A file of several GB in a process that may not have much memory. In a build without
/// optimisations, where counting takes ten times as long, a smaller one.
#[cfg(target_os = "linux")]
#[test]
fn a_huge_file_takes_no_memory() {
    const MIB: u64 = 1 << 20;
    let length = match cfg!(debug_assertions) {
        true => 300 * MIB,
        false => 3 * 1024 * MIB,
    };
    let tree = Tree::new("huge");
    let file = File::create(tree.0.join("sparse.bin")).unwrap();
    file.set_len(length).unwrap();

    // 150 MiB of addresses, the program itself and its threads' stacks included.
    let limited = "ulimit -v 153600 && exec \"$0\" \"$@\"";
    let mut shell = Command::new("sh");
    shell.args(["-c", limited]).arg(tour().get_program());
    // The C library reserves addresses for every thread that allocates.
    shell.env("MALLOC_ARENA_MAX", "1");
    let report = report(shell.args(["--high", "1", "--low", "1"]).arg(&tree.0));
    assert_eq!(report.table[".bin"], [1, 0, 1, length]);
}

#[cfg(unix)]
mod unix {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn links_are_not_followed() {
        let tree = Tree::new("links").with("dir/a.txt", "1 2\n");
        symlink(&tree.0, tree.0.join("dir/loop")).unwrap();
        symlink(tree.0.join("dir/a.txt"), tree.0.join("again.txt")).unwrap();
        symlink("nowhere", tree.0.join("broken.txt")).unwrap();
        let report = report(tour().arg(&tree.0));
        assert_eq!(report.table["all"], [1, 1, 2, 4]);
        assert_eq!(report.sums["unreadable"], 0);
    }

    #[test]
    fn a_link_that_is_named_is_followed() {
        let tree = Tree::new("named").with("dir/a.txt", "1 2\n");
        symlink("dir", tree.0.join("to_dir")).unwrap();
        symlink("dir/a.txt", tree.0.join("to_file.txt")).unwrap();
        for link in ["to_dir", "to_file.txt"] {
            let report = report(tour().arg(tree.0.join(link)));
            assert_eq!(report.table["all"], [1, 1, 2, 4], "{link}");
        }
    }

    #[test]
    fn pipes_sockets_and_devices_are_left_alone() {
        let tree = Tree::new("special").with("a.txt", "a");
        let _listener = UnixListener::bind(tree.0.join("socket")).unwrap();
        let pipe = tree.0.join("pipe");
        let made = Command::new("mkfifo").arg(&pipe).status();
        if !made.is_ok_and(|status| status.success()) {
            println!("not tested with a pipe: there is no mkfifo here");
        }
        let all = report(tour().arg(&tree.0));
        assert_eq!(all.table["all"], [1, 0, 1, 1]);
        for path in [pipe.as_path(), Path::new("/dev/zero")] {
            if path.exists() {
                assert_refused(tour().arg(path), "neither a directory nor a regular file");
            }
        }
    }

    #[test]
    fn strange_names_keep_the_table_in_shape() {
        let tree = Tree::new("names")
            .with("a.b\nc", "1")
            .with("d.\u{202e}\t", "2");
        let invalid = std::ffi::OsStr::from_bytes(b"e.\xff\xfe");
        // Some file systems take no such names.
        let expected = match fs::write(tree.0.join(invalid), "3") {
            Ok(()) => 3,
            Err(_) => 2,
        };
        let report = report(tour().arg(&tree.0));
        assert_eq!(report.table["all"][0], expected);
        assert!(report.stdout.is_ascii(), "{}", report.stdout);
        assert_eq!(report.table[r".b\nc"], [1, 0, 1, 1]);
    }

    /// Permissions do not stop root. A path that is too long does: the folder can be listed,
    /// and the file in it cannot be opened.
    #[cfg(target_os = "linux")]
    #[test]
    fn an_unreadable_file_is_named_and_the_rest_goes_on() {
        let tree = Tree::new("unreadable").with("good.txt", "still counted\n");
        let root_length = tree.0.as_os_str().len();
        // A path of fewer than 4,096 bytes to the folder, and more than that to the file.
        let mut folder = tree.0.clone();
        while folder.as_os_str().len() < 3_600 {
            folder.push("d".repeat(200));
        }
        fs::create_dir_all(&folder).unwrap();
        let inner = Tree::new("unreadable-inner").with(&"f".repeat(250), "x");
        fs::rename(&inner.0, folder.join("i".repeat(250))).unwrap();
        // It is part of the other tree now.
        fs::create_dir(&inner.0).unwrap();
        assert!(root_length < 400, "the temporary folder's own path is long");

        let report = report(tour().arg(&tree.0));
        assert_eq!(report.table["all"], [1, 1, 2, 14]);
        assert_eq!(report.sums["unreadable"], 1);
        let complaint = &report.stderr;
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
        assert!(
            complaint.starts_with("tour: cannot read \"/"),
            "{complaint}"
        );
        assert!(complaint.contains(&"f".repeat(250)), "{complaint}");
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Child, Stdio};
    use std::thread;
    use std::time::Instant;

    use super::*;

    #[test]
    fn files_of_proc_hold_more_than_their_length_says() {
        let report = report(tour().arg("/proc/self/status"));
        let [files, lines, words, bytes] = report.table["all"];
        assert!(files == 1 && lines > 10, "{}", report.stdout);
        assert!(words > lines && bytes > words, "{}", report.stdout);
    }

    #[test]
    fn a_file_of_no_length_and_no_end_is_left_off() {
        let ended = run(tour().arg("/proc/self/pagemap"), LIMIT);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        // The first where a process may look at its own pages, the second where not.
        let reasons = ["it goes on after 16.00 MiB", "denied"];
        assert!(
            reasons.iter().any(|reason| ended.stderr.contains(reason)),
            "{ended:?}"
        );
    }

    /// As /proc/kcore says of itself, which is not everywhere.
    #[test]
    fn a_length_that_no_disk_holds_is_not_believed() {
        let tree = Tree(PathBuf::from(format!(
            "/dev/shm/laneway-long-{}",
            std::process::id()
        )));
        let made = fs::create_dir(&tree.0).and_then(|()| File::create(tree.0.join("core")));
        if made.and_then(|file| file.set_len(1 << 47)).is_err() {
            println!("not tested: no file system here takes a file of 128 TiB");
            return;
        }
        let ended = run(tour().arg(&tree.0), LIMIT);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        let why = "its length is given as 140737488355328, and it goes on after 16.00 MiB";
        assert!(ended.stderr.contains(why), "{ended:?}");
    }

    #[test]
    fn a_root_that_can_be_opened_and_not_read_ends_it_with_2() {
        let ended = run(tour().arg("/proc/self/mem"), LIMIT);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        let complaint = "tour: cannot read \"/proc/self/mem\": ";
        assert!(ended.stderr.starts_with(complaint), "{ended:?}");
    }

    /// Permissions do not stop root, so that it becomes another user if it can.
    #[test]
    fn a_directory_that_may_not_be_listed_is_refused() {
        let tree = Tree::new("forbidden").with("a", "a");
        fs::set_permissions(&tree.0, fs::Permissions::from_mode(0o000)).unwrap();
        let is_root = fs::read_dir(&tree.0).is_ok();
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        let is_there = command
            .arg("true")
            .output()
            .is_ok_and(|o| o.status.success());
        match (is_root, is_there) {
            (false, _) => assert_refused(tour().arg(&tree.0), "Permission denied"),
            (true, false) => println!("not tested: root cannot become another user here"),
            (true, true) => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
                command.arg(tour().get_program()).arg(&tree.0);
                assert_refused(&mut command, "Permission denied");
            }
        }
        fs::set_permissions(&tree.0, fs::Permissions::from_mode(0o700)).unwrap();
    }

    /// A tour of a short file and of one that it reads for hours.
    struct Endless {
        child: Child,
        _tree: Tree,
    }

    impl Endless {
        fn start(name: &str) -> Endless {
            Endless::start_into(name, Stdio::piped())
        }

        /// Starts it, and waits until it has read some of the long file. As a rule it has read the
        /// short one by then.
        fn start_into(name: &str, stdout: Stdio) -> Endless {
            let tree = Tree::new(name).with("short.txt", "1 2\n");
            let long = File::create(tree.0.join("long.bin")).unwrap();
            long.set_len(1 << 40).unwrap();
            let mut command = tour();
            command.args(["--high", "1", "--low", "1"]).arg(&tree.0);
            command.stdout(stdout).stderr(Stdio::piped());
            let child = command.spawn().unwrap();
            let endless = Endless { child, _tree: tree };
            endless.wait_until(|endless| endless.position() > 100 * 64 * 1024);
            endless
        }

        fn wait_until(&self, holds: impl Fn(&Endless) -> bool) {
            let deadline = Instant::now() + LIMIT;
            while !holds(self) {
                assert!(Instant::now() < deadline, "the tour does not go on");
                thread::yield_now();
            }
        }

        /// How far it has come in the long file.
        fn position(&self) -> u64 {
            let process = PathBuf::from(format!("/proc/{}", self.child.id()));
            let files = fs::read_dir(process.join("fd")).into_iter().flatten();
            let long = files.flatten().find(|file| {
                fs::read_link(file.path()).is_ok_and(|path| path.ends_with("long.bin"))
            });
            let info = long.map(|long| process.join("fdinfo").join(long.file_name()));
            let info = info.and_then(|info| fs::read_to_string(info).ok());
            let position = info.and_then(|info| {
                let (_, position) = info.lines().next()?.split_once(':')?;
                position.trim().parse().ok()
            });
            position.unwrap_or(0)
        }

        fn signal(&self, signal: &str) {
            let mut kill = Command::new("kill");
            let sent = kill.args([signal, &self.child.id().to_string()]).status();
            assert!(sent.unwrap().success(), "{signal}");
        }
    }

    #[test]
    fn signals_end_it_with_a_partial_report() {
        for signal in ["-INT", "-TERM", "-HUP"] {
            let stdout = interrupted(signal);
            let (heading, rest) = stdout.split_once("\n\n").unwrap();
            let expected = "partial, because of an interrupt: 1 files read whole, 2 found";
            assert_eq!(heading, expected);
            let report = Report::of(Ended {
                code: Some(0),
                stdout: rest.to_owned(),
                stderr: String::new(),
            });
            assert_eq!(report.table["all"], [1, 1, 2, 4], "{signal}: {stdout}");
        }
    }

    /// The report of a tour that this signal has ended. On a busy machine the short file may not
    /// have had its turn by then, and the tour is begun anew.
    fn interrupted(signal: &str) -> String {
        let mut reports = (0..20).map(|_| {
            let endless = Endless::start("interrupted");
            endless.signal(signal);
            let ended = endless.child.wait_with_output().unwrap();
            assert_eq!(ended.status.code(), Some(130), "{signal}: {ended:?}");
            String::from_utf8(ended.stdout).unwrap()
        });
        let has_read = |report: &String| !report.contains(" 0 files read whole");
        reports.find(has_read).expect("the short file is read once")
    }

    /// The report waits for a pipe that is full; the second signal does not wait for the report.
    #[test]
    fn a_second_signal_ends_it_at_once() {
        let (reader, mut writer) = io::pipe().unwrap();
        fill(&mut writer);
        let mut endless = Endless::start_into("twice", writer.into());
        endless.signal("-INT");
        // The report is on its way when the long file is closed.
        endless.wait_until(|endless| endless.position() == 0);
        assert_eq!(endless.child.try_wait().unwrap(), None);
        endless.signal("-INT");
        let status = endless.child.wait().unwrap();
        assert_eq!((status.code(), status.signal()), (Some(130), None));
        drop(reader);
    }

    /// Writes until a pipe takes no more.
    fn fill(writer: &mut io::PipeWriter) {
        rustix::io::ioctl_fionbio(&*writer, true).unwrap();
        while writer.write(&[b'x'; 4_096]).is_ok() {}
        while writer.write(b"x").is_ok() {}
        rustix::io::ioctl_fionbio(&*writer, false).unwrap();
    }

    /// Runs it on a terminal, and gives what is to be seen there.
    fn on_a_terminal(arguments: &str) -> Option<String> {
        let program = tour().get_program().to_str().unwrap().to_owned();
        let mut script = Command::new("script");
        script.args(["-qec", &format!("{program} {arguments}"), "/dev/null"]);
        let is_there = Command::new("script").arg("--version").output().is_ok();
        is_there.then(|| run(&mut script, LIMIT).stdout)
    }

    #[test]
    fn the_bar_begins_empty() {
        let tree = Tree::new("bar");
        let file = File::create(tree.0.join("sparse.bin")).unwrap();
        file.set_len(40 << 20).unwrap();
        let Some(screen) = on_a_terminal(tree.0.to_str().unwrap()) else {
            println!("not tested: there is no script here");
            return;
        };
        let frames = screen
            .split('\r')
            .filter(|frame| frame.contains(" files, "));
        let frames: Vec<&str> = frames.collect();
        assert!(!frames.is_empty(), "{screen:?}");
        for frame in frames {
            assert!(frame.contains("/1 files, "), "{frame:?}");
            assert!(
                frame.contains("0/1") != frame.contains('\u{2588}'),
                "{frame:?}"
            );
        }
    }
}

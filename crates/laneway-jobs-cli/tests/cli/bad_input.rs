//! What does a user get for wrong usage, and for a database that cannot be used?

use std::fs;
use std::process::Stdio;

use crate::support::{Folder, Text, program, ran};
use laneway::block_on;
use laneway_jobs::sqlite::SqliteStore;
use laneway_jobs::{Job, KEY_LIMIT, NAME_LIMIT};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

#[test]
fn wrong_usage_is_exit_code_2_and_one_line() {
    let folder = Folder::new("usage");
    drop(folder.jobs());
    let wrong = [
        "",
        "nothing",
        "list --nothing",
        "list -x",
        "list word",
        "list --limit many",
        "list --limit",
        "list --state lost",
        "list --json --json",
        "list --json=yes",
        "list --before me",
        "list --queues --state done",
        "list --queues --limit 3",
        "list --before 018f0e9c-7b3a-7c00-8a1b-000000000001 --queues",
        "show",
        "show 1 2",
        "show me",
        "retry",
        "retry 018f0e9c-7b3a-7c00-8a1b-000000000001 --all",
        "retry 018f0e9c-7b3a-7c00-8a1b-000000000001 --yes",
        "retry --all --state done",
        "cancel --all --state done",
        "delete --all",
        "delete --all --state running",
        "pause",
        "drain a b",
        "drain --timeout soon",
        "prune --done-after 3",
        "move",
        "move --from a.db",
        "bench --jobs 0",
        "bench --database=",
        "serve --token=",
        "serve --listen 0.0.0.0:0",
        "serve --listen [::]:0 --read-only",
        "serve --host=",
        "help nothing",
    ];
    for line in wrong {
        let told = folder.run(line).fails(2);
        assert!(told.contains("laneway-jobs help"), "{line}: {told}");
    }
    let same = format!("move --from {0} --to {0}", folder.file());
    assert!(folder.run(&same).fails(2).contains("same database"));
    let told = ran(program("list").output().unwrap()).fails(2);
    assert!(told.contains("LANEWAY_JOBS_DATABASE"), "{told}");
}

#[test]
fn a_name_that_no_job_can_have_is_wrong_usage() {
    let folder = Folder::new("long-names");
    drop(folder.jobs());
    let (name, key) = ("x".repeat(NAME_LIMIT), "x".repeat(KEY_LIMIT));
    for (line, longest) in [
        ("pause", &name),
        ("resume", &name),
        ("drain", &name),
        ("list --queue", &name),
        ("list --kind", &name),
        ("list --unique", &key),
        ("list --limit-key", &key),
        ("retry --all --queue", &name),
        ("cancel --unique a --kind", &name),
        ("cancel --kind a --unique", &key),
        ("delete --all --state done --limit-key", &key),
    ] {
        let told = folder.run(&format!("{line} {longest}x")).fails(2);
        let bytes = longest.len() + 1;
        assert!(told.contains(&format!("{bytes} bytes are more")), "{told}");
        let ended = folder.run(&format!("{line} {longest}")).code;
        assert_ne!(ended, Some(2), "{line} takes the longest");
    }
    let queues = folder.run("list --queues --json").json();
    assert_eq!(queues.len(), 1, "the longest name alone was paused");
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_no_text_is_wrong_usage() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    for line in ["list", "migrate --print"] {
        let mut command = program(line);
        let command = command.env("LANEWAY_JOBS_DATABASE", OsStr::from_bytes(b"a\xff.db"));
        let told = ran(command.output().unwrap()).fails(2);
        assert!(told.contains("no text"), "{line}: {told}");
    }
}

#[test]
fn help_is_there_for_every_command() {
    let folder = Folder::new("help");
    let overview = folder.run("help").ok();
    let commands: Vec<&str> = overview
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next())
        .collect();
    let wanted = "list show retry run-now cancel delete pause resume drain schedules workers serve prune \
                  move migrate doctor bench";
    assert_eq!(commands, wanted.split_whitespace().collect::<Vec<_>>());
    for command in commands {
        let help = folder.run(&format!("help {command}")).ok();
        assert!(help.contains(&format!("laneway-jobs {command}")), "{help}");
        assert_eq!(folder.run(&format!("{command} --help")).ok(), help);
    }
    assert!(folder.run("--version").ok().starts_with("laneway-jobs "));
}

const ALL: [&str; 8] = [
    "list",
    "show 018f0e9c-7b3a-7c00-8a1b-000000000001",
    "retry --all --yes",
    "pause default",
    "drain",
    "workers",
    "prune",
    "doctor",
];

#[test]
fn a_database_that_is_not_there_is_not_made() {
    let folder = Folder::new("missing");
    for line in ALL {
        let told = folder.run(line).fails(1);
        assert!(told.contains("has no jobs; name a file"), "{line}: {told}");
        assert!(!fs::exists(folder.file()).unwrap(), "{line}");
    }
    let line = format!("move --from {} --to {}", folder.file(), folder.path("b.db"));
    folder.run(&line).fails(1);
    assert!(!fs::exists(folder.path("b.db")).unwrap());
}

#[test]
fn a_file_that_is_no_database_is_left_as_it_was() {
    let folder = Folder::new("no-database");
    let text = "a letter, not a database\n".repeat(100);
    fs::write(folder.file(), &text).unwrap();
    for line in ALL.into_iter().chain(["migrate"]) {
        let told = folder.run(line).fails(1);
        assert!(told.contains("is not an SQLite database"), "{line}: {told}");
    }
    for (from, to) in [("jobs.db", "new.db"), ("source.db", "jobs.db")] {
        drop(SqliteStore::open(folder.path("source.db")).unwrap());
        let (from, to) = (folder.path(from), folder.path(to));
        let told = folder
            .run(&format!("move --from {from} --to {to}"))
            .fails(1);
        assert!(told.contains("is not an SQLite database"), "{told}");
    }
    assert_eq!(fs::read_to_string(folder.file()).unwrap(), text);
}

#[test]
fn a_schema_from_the_future_is_refused() {
    let folder = Folder::new("future");
    drop(folder.jobs());
    let future = "INSERT INTO laneway_schema (version) VALUES (99)";
    Connection::open(folder.file())
        .unwrap()
        .execute_batch(future)
        .unwrap();
    let (from, to) = (folder.file(), folder.path("new.db"));
    let moving = format!("move --from {from} --to {to}");
    for line in ALL.into_iter().chain(["migrate", &moving]) {
        let told = folder.run(line).fails(1);
        assert!(told.contains("update the program"), "{line}: {told}");
    }
}

#[test]
fn an_address_that_makes_no_sense_is_wrong_usage() {
    let folder = Folder::new("scheme");
    for (address, reason) in [
        ("mysql://host/db", "cannot open mysql://"),
        ("postgres://host:port/db", "the address is none of Postgres"),
        ("postgres://me@host/db?sslmode=perhaps", "sslmode is one of"),
        ("postgres://me@host/db?schema=", "schema"),
    ] {
        let told = folder.run(&format!("list --database {address}")).fails(2);
        assert!(told.contains(reason), "{address}: {told}");
    }
}

/// The library takes addresses of this form, and a file of such a name would have the password in
/// it.
#[test]
fn an_address_in_words_makes_no_file() {
    let folder = Folder::new("words");
    for line in ["list", "migrate", "bench --jobs 1", "move --to x.db"] {
        for address in [
            "host=db user=me password=secret",
            " dbname=app  host=/run/x",
        ] {
            let option = match line.starts_with("move") {
                true => "--from",
                false => "--database",
            };
            let mut command = program(line);
            let command = command.arg(option).arg(address);
            let told = ran(command.current_dir(folder.path("")).output().unwrap()).fails(2);
            assert!(told.contains("postgres://user:password@host"), "{told}");
            assert!(!told.contains("secret"), "{told}");
        }
    }
    assert_eq!(fs::read_dir(folder.path("")).unwrap().count(), 0);
}

#[test]
fn a_password_with_an_at_sign_is_not_taken_for_a_host() {
    let folder = Folder::new("at-sign");
    let address = "postgres://me:se@cret@127.0.0.1:1/app";
    let told = folder.run(&format!("list --database {address}")).fails(2);
    assert!(told.contains("%40") && !told.contains("cret"), "{told}");
}

#[test]
fn more_callers_than_jobs_are_as_many_as_jobs() {
    let folder = Folder::new("callers");
    let most = usize::MAX;
    let line = format!("bench --jobs 3 --callers {most} --in-flight {most} --json");
    let measured = folder.run(&line).json();
    assert_eq!(measured.len(), 2);
    assert!(measured.iter().all(|part| part["jobs"] == 3));
}

#[test]
fn a_reader_that_has_read_enough_is_no_error() {
    let folder = Folder::new("closed");
    let jobs = folder.jobs();
    let long = "x".repeat(200);
    block_on(async {
        let many = (0..1_000).map(|_| jobs.enqueue(Text(long.clone())));
        jobs.enqueue_all(many).await.unwrap();
    });
    for line in [
        "list --limit 1000",
        "list --limit 1000 --json",
        "migrate --print",
        "help",
    ] {
        let mut command = folder.command(line);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let ended = ran(child.wait_with_output().unwrap());
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{line}");
    }
}

const HOSTILE: &str = "\x1b[2J\x1b]0;owned\x07\u{9b}31m\u{202e}\r\n\"'<b>";

#[derive(Serialize, Deserialize)]
struct Hostile(String);

impl Job for Hostile {
    const KIND: &'static str = HOSTILE;
}

#[test]
fn hostile_texts_reach_no_terminal() {
    let folder = Folder::new("hostile");
    let jobs = folder.jobs();
    let id = block_on(async {
        let job = jobs.enqueue(Hostile(HOSTILE.into())).queue(HOSTILE);
        job.await.unwrap().id()
    });
    let connection = Connection::open(folder.file()).unwrap();
    let change = "UPDATE laneway_job SET error = ?1, worker = ?1, state = 1, lease_until = 1,
        fence = 1, progress = 0.5, progress_text = ?1";
    connection.execute(change, [HOSTILE]).unwrap();
    let attempt = "INSERT INTO laneway_attempt SELECT id, 1, 1, ?1, 1, 2, ?1 FROM laneway_job";
    connection.execute(attempt, [HOSTILE]).unwrap();
    let show = format!("show {id}");
    for line in ["list", "list --queues", "workers", "show"] {
        let line = line.replace("show", &show);
        let texts = [
            folder.run(&line).ok(),
            folder.run(&format!("{line} --json")).ok(),
        ];
        for text in texts {
            let obeyed = |letter: char| letter.is_control() && letter != '\n';
            assert!(!text.contains(obeyed), "{line}: {text:?}");
            assert!(!text.contains('\u{202e}'), "{line}: {text:?}");
        }
    }
    let kind = folder.run("list --json").json().remove(0)["kind"].clone();
    assert_eq!(kind, HOSTILE);
    let mut command = folder.command("pause --schedule");
    let refused = ran(command.arg("\x1b[2J").output().unwrap());
    assert!(!refused.fails(1).contains('\x1b'));
}

/// SQLite itself would keep the first in memory, and look for the others elsewhere.
#[test]
fn a_name_that_sqlite_takes_for_something_else_is_a_files_name() {
    let folder = Folder::new("names");
    for name in [
        ":memory:",
        "file:a.db",
        "file:b.db?mode=memory",
        "-c.db",
        "d #%41?.db",
    ] {
        let mut command = program("migrate");
        let command = command.arg(format!("--database={name}"));
        ran(command.current_dir(folder.path("")).output().unwrap()).ok();
        let begin = fs::read(folder.path(name)).unwrap();
        assert!(begin.starts_with(b"SQLite format 3"), "{name}");
    }
    // Each with the lock of its owner.
    assert_eq!(fs::read_dir(folder.path("")).unwrap().count(), 2 * 5);
}

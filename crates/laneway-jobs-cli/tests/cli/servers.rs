//! Does each command do on a Postgres server what it does on a file, and does a move there go on
//! after a kill?

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use laneway::block_on;
use laneway_jobs::Jobs;
use laneway_jobs::postgres::{MIGRATIONS, PostgresOptions};
use serde_json::Value;

use crate::server::{self, Server};
use crate::support::{Folder, Ran, Text, program, ran};

/// A schema of a server.
struct Schema {
    server: &'static Server,
    name: &'static str,
}

impl Schema {
    fn new(name: &'static str) -> Option<Schema> {
        let server = server::shared()?;
        Some(Schema { server, name })
    }

    fn url(&self) -> String {
        format!("{}?schema={}", self.server.url(), self.name)
    }

    fn jobs(&self) -> Jobs {
        Jobs::new(block_on(PostgresOptions::new().connect(&self.url())).unwrap())
    }

    fn command(&self, line: &str) -> Command {
        let mut command = program(line);
        command.env("LANEWAY_JOBS_DATABASE", self.url());
        command
    }

    fn run(&self, line: &str) -> Ran {
        ran(self.command(line).output().unwrap())
    }

    /// Runs SQL by a connection of the server's own tool.
    fn sql(&self, sql: &str) {
        let rt = laneway::Runtime::builder().build().unwrap();
        rt.block_on(async {
            let options = PostgresOptions::new().schema("beside");
            let store = options.connect(&self.server.url()).await.unwrap();
            let client = store.client().await.unwrap();
            client.batch_execute(sql).await.unwrap();
        });
    }
}

const READING: [&str; 8] = [
    "list",
    "list --queues",
    "schedules",
    "workers",
    "doctor",
    "prune",
    "retry --all",
    "drain",
];

#[test]
fn each_command_works_on_a_server() {
    let Some(schema) = Schema::new("commands") else {
        return;
    };
    let migrated = schema.run("migrate").ok();
    let newest = format!("has schema {}", MIGRATIONS.len());
    assert!(
        migrated.contains(&newest) && !migrated.contains("tester"),
        "{migrated}"
    );
    let printed = schema.run("migrate --print").ok();
    assert!(
        printed.contains("CREATE SEQUENCE"),
        "it is Postgres's: {printed}"
    );
    let jobs = schema.jobs();
    let ids = block_on(async {
        let many = (0..4).map(|n| jobs.enqueue(Text(n.to_string())));
        jobs.enqueue_all(many).await.unwrap()
    });
    let ids: Vec<String> = ids.iter().map(|job| job.id().to_string()).collect();
    let listed = schema.run("list --json").json();
    let listed: Vec<&Value> = listed.iter().map(|job| &job["id"]).collect();
    assert_eq!(listed, ids.iter().rev().collect::<Vec<_>>());
    assert_eq!(
        schema.run(&format!("show {} --json", ids[0])).json()[0]["state"],
        "ready"
    );
    schema.run(&format!("cancel {}", ids[0])).ok();
    schema.run(&format!("retry {}", ids[0])).ok();
    schema.run(&format!("delete {}", ids[1])).ok();
    schema.run("pause default").ok();
    let left = schema.run("drain --timeout 1s").fails(1);
    assert!(left.contains("3 ready"), "{left}");
    schema.run("resume default").ok();
    schema.run("cancel --all --yes").ok();
    schema.run("drain").ok();
    schema.run("workers").ok();
    schema.run("schedules").ok();
    assert_eq!(
        schema.run("prune --done-after 0s --json").json()[0]["deleted"],
        3
    );
    assert_eq!(schema.run("doctor").ok(), "all is well\n");
    let url = schema.url();
    schema
        .run(&format!("bench --jobs 50 --database {url}"))
        .ok();
}

#[test]
fn benches_on_one_schema_do_not_count_each_other() {
    let Some(schema) = Schema::new("benches") else {
        return;
    };
    schema.run("migrate").ok();
    let line = format!("bench --jobs 1000 --json --database {}", schema.url());
    let benches = [(); 3].map(|()| {
        let mut bench = schema.command(&line);
        bench.stdout(Stdio::piped()).stderr(Stdio::piped());
        bench.spawn().unwrap()
    });
    for bench in benches {
        let measured = ran(bench.wait_with_output().unwrap()).json();
        assert!(measured.iter().all(|part| part["jobs"] == 1_000));
    }
    assert_eq!(schema.run("list").ok(), "no jobs match\n");
    let queues = schema.run("list --queues --json").json();
    assert!((1..=3).contains(&queues.len()), "{queues:?}");
}

#[test]
fn what_is_wrong_with_a_schema_is_found() {
    let Some(schema) = Schema::new("ill") else {
        return;
    };
    let jobs = schema.jobs();
    block_on(async { jobs.enqueue(Text("a".into())).await.unwrap().id() });
    schema.sql(
        "UPDATE ill.laneway_job SET state = 1, fence = 1, lease_until = 1;
        INSERT INTO ill.laneway_job
            (id, run_at, created_at, max_attempts, lane, kind, queue, payload)
        VALUES ('018f0e9c-7b3a-7c00-8a1b-000000000001', 0, 0, 1, 1, 'a', 'default', '7');
        UPDATE ill.laneway_queue SET paused = true;
        DROP INDEX ill.laneway_job_suspect",
    );
    let found = ran(schema.command("doctor --json").output().unwrap());
    assert_eq!(found.code, Some(1), "{found:?}");
    for name in ["expired-leases", "long-paused", "missing-index"] {
        assert!(found.out.contains(name), "{name}: {found:?}");
    }
}

#[test]
fn an_address_that_leads_nowhere_is_told_in_words() {
    let Some(schema) = Schema::new("nothing") else {
        return;
    };
    let told = |url: &str| {
        let told = ran(program(&format!("list --database {url}")).output().unwrap());
        told.fails(1)
    };
    for line in READING {
        let told = schema.run(line).fails(1);
        assert!(told.contains("has no jobs in a schema"), "{line}: {told}");
    }
    let server = schema.server;
    assert!(told("postgres://me@127.0.0.1:1/app?connect_timeout=1").contains("no server answers"));
    assert!(told(&server.url_of("tester", "nowhere")).contains("no database \"nowhere\""));
    schema.sql("CREATE ROLE guarded LOGIN PASSWORD 'right'");
    let wrong = told(&server.url_of("guarded:wrong", "postgres"));
    assert!(wrong.contains("check the name and the password"), "{wrong}");
    assert!(!wrong.contains(":wrong"), "{wrong}");
    drop(schema.jobs());
    schema.sql("INSERT INTO nothing.laneway_schema (version) VALUES (99)");
    for line in READING {
        let told = schema.run(line).fails(1);
        assert!(told.contains("update the program"), "{line}: {told}");
    }
    schema.sql("DELETE FROM nothing.laneway_schema WHERE version > 1");
    let told = schema.run("list").fails(1);
    assert!(told.contains("run `laneway-jobs migrate`"), "{told}");
}

const JOBS: usize = 1_500;

/// Ends the move when it has told of this number of steps. It may be further by then.
fn kill_after(mut command: Command, steps: usize) {
    command.stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let told = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(told.take(steps).all(|line| line.is_ok()));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_killed_move_to_a_server_goes_on_and_so_does_the_one_back() {
    let Some(server) = server::shared() else {
        return;
    };
    let folder = Folder::new("to-server");
    let jobs = folder.jobs();
    block_on(async {
        let many = (0..JOBS).map(|n| jobs.enqueue(Text(n.to_string())));
        jobs.enqueue_all(many).await.unwrap();
    });
    drop(jobs);
    folder.closed();
    fs::copy(folder.file(), folder.path("model.db")).unwrap();
    for steps in [0, 4, 7, 13] {
        fs::copy(folder.path("model.db"), folder.file()).unwrap();
        let there = format!("{}?schema=moved{steps}", server.url());
        let line = format!("move --from {} --to {there} --json", folder.file());
        kill_after(program(&line), steps);
        let moved = ran(program(&line).output().unwrap()).json();
        assert_eq!(moved.last().unwrap()["moved"], true, "{steps}");
        assert!(
            folder
                .run("list")
                .fails(1)
                .contains("/postgres?schema=moved")
        );
        let listed = ran(
            program(&format!("list --json --limit 2000 --database {there}"))
                .output()
                .unwrap(),
        );
        assert_eq!(listed.json().len(), JOBS, "{steps}");
        let elsewhere = format!("{}?schema=elsewhere", server.url());
        let again = format!("move --from {} --to {elsewhere}", folder.file());
        let refused = ran(program(&again).output().unwrap()).fails(1);
        assert!(refused.contains("move from there"), "{refused}");
        let line = format!("list --database {elsewhere}");
        let none = ran(program(&line).output().unwrap()).fails(1);
        assert!(none.contains("no jobs"), "{none}");
        let back = folder.path(&format!("back{steps}.db"));
        let line = format!("move --from {there} --to {back} --json");
        kill_after(program(&line), steps);
        let moved = ran(program(&line).output().unwrap()).json();
        assert_eq!(moved.last().unwrap()["moved"], true, "{steps}");
        let gone = ran(program(&format!("list --database {there}"))
            .output()
            .unwrap());
        let told = gone.fails(1);
        assert!(told.contains("were moved to"), "{told}");
        let doctor = ran(program(&format!("doctor --database {back}"))
            .output()
            .unwrap());
        assert_eq!(doctor.ok(), "all is well\n");
    }
}

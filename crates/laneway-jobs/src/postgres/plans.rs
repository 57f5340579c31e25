//! Do transitions find their rows by an index, in a young table that the server has no statistics
//! of as well as in a filled one that it has counted?

use laneway::Runtime;
use serde_json::Value;
use tokio_postgres::{Client, SimpleQueryMessage};

use super::options::PostgresOptions;
use super::session::SETTINGS;
use super::statement::Statement;
use crate::job_state::JobState;

#[allow(dead_code, reason = "the other tests do more with their server")]
#[path = "own_server.rs"]
mod server;

/// The statements that workers and callers run all the time, and those that run once a second.
const HOT: [Statement; 27] = [
    Statement::Insert,
    Statement::InsertClaimed,
    Statement::InsertPlaced,
    Statement::FindId,
    Statement::FindUnique,
    Statement::LockUnique,
    Statement::FindSuccessor,
    Statement::Replace,
    Statement::Claim,
    Statement::ClaimByKind,
    Statement::ClaimSuspect,
    Statement::ClaimKeyedSuspect,
    Statement::CompleteLone,
    Statement::Settle,
    Statement::SettledBefore,
    Statement::ReleaseSuccessors,
    Statement::CountMembers,
    Statement::LetGo,
    Statement::CancelAwaiting,
    Statement::Renew,
    Statement::KeepProgress,
    Statement::KeepStep,
    Statement::IsRescueWanted,
    Statement::Rescue,
    Statement::Expire,
    Statement::Prune,
    Statement::Delete,
];

const JOBS_OF_A_STATE: u32 = 10_000;

/// Jobs that are done, ready, scheduled for later and failed, and a few that run; then the server
/// has counted them.
async fn fill(client: &Client) {
    for (jobs, state) in [
        (JOBS_OF_A_STATE, JobState::Ready),
        (JOBS_OF_A_STATE, JobState::Done),
        (JOBS_OF_A_STATE, JobState::Failed),
        (64, JobState::Running),
    ] {
        let state = state.number();
        let fill = format!(
            "INSERT INTO plans.laneway_job (id, kind, queue, lane, state, run_at, attempt,
                max_attempts, fence, lease_until, created_at, finished_at, payload)
            SELECT md5({state} || '-' || n)::uuid, 'kind', 'default', n % 2, {state}, n, 0, 20,
                CASE WHEN {state} > 0 THEN n END, CASE WHEN {state} = 1 THEN n END, n,
                CASE WHEN {state} > 1 THEN n END, 'null'
            FROM generate_series(1, {jobs}) AS number (n)"
        );
        client.batch_execute(&fill).await.unwrap();
    }
    let scheduled = "
        INSERT INTO plans.laneway_job (id, kind, queue, lane, run_at, max_attempts, created_at,
            payload)
        SELECT md5('later-' || seq)::uuid, kind, queue, lane, run_at + 1000000000000000,
            max_attempts, created_at, payload
        FROM plans.laneway_job WHERE state = 0;
        ANALYZE";
    client.batch_execute(scheduled).await.unwrap();
    let keyed = "
        INSERT INTO plans.laneway_job (id, kind, queue, lane, held, run_at, max_attempts,
            created_at, payload, limit_key)
        SELECT md5('keyed-' || seq)::uuid, kind, queue, lane, 3, run_at, max_attempts, created_at,
            payload, 'key ' || seq % 100
        FROM plans.laneway_job WHERE state = 0;
        ANALYZE";
    client.batch_execute(keyed).await.unwrap();
}

/// The text of the one value that a query answers.
async fn value(client: &Client, text: &str) -> String {
    let told = client.simple_query(text).await.unwrap();
    let row = told.into_iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    row.unwrap().get(0).unwrap().to_owned()
}

/// The server's plan for a statement, whatever its values.
async fn plan(client: &Client, statement: Statement) -> Value {
    let text = statement.text("\"plans\".");
    let prepare = format!("DEALLOCATE ALL; PREPARE one AS {text}");
    client.batch_execute(&prepare).await.unwrap();
    let count = "SELECT cardinality(parameter_types) FROM pg_prepared_statements";
    let count: usize = value(client, count).await.parse().unwrap();
    let values = match count {
        0 => String::new(),
        _ => format!("({})", vec!["NULL"; count].join(", ")),
    };
    let explain = format!("EXPLAIN (FORMAT JSON) EXECUTE one{values}");
    serde_json::from_str(&value(client, &explain).await).unwrap()
}

/// The steps of a plan that read rows of a table which grows.
fn reads(plan: &Value) -> Vec<&Value> {
    let mut reads = Vec::new();
    let mut left = vec![&plan[0]["Plan"]];
    while let Some(step) = left.pop() {
        left.extend(step["Plans"].as_array().into_iter().flatten());
        let grows = ["laneway_job", "laneway_attempt"];
        let table = step["Relation Name"].as_str();
        if table.is_some_and(|table| grows.contains(&table)) && step["Node Type"] != "ModifyTable" {
            reads.push(step);
        }
    }
    reads
}

/// A step goes to its rows by what an index has of them, or by their places.
fn finds(step: &Value) -> bool {
    match step["Node Type"].as_str() {
        Some("Index Scan" | "Index Only Scan") => step["Index Cond"].is_string(),
        Some("Tid Scan") => true,
        _ => false,
    }
}

/// Rows of the table would be put in order, when an index has them so.
fn sorts(plan: &Value) -> bool {
    let mut left = vec![&plan[0]["Plan"]];
    while let Some(step) = left.pop() {
        let below = step["Plans"].as_array().into_iter().flatten();
        let of_rows = |step: &Value| step["Relation Name"] == "laneway_job";
        if step["Node Type"] == "Sort" && below.clone().any(of_rows) {
            return true;
        }
        left.extend(below);
    }
    false
}

#[test]
fn no_transition_reads_all_jobs_or_sorts_them() {
    let Some(server) = server::own() else {
        return;
    };
    let rt = Runtime::builder().build().unwrap();
    rt.block_on(async {
        let options = PostgresOptions::new().schema("plans");
        let store = options.connect(&server.url()).await.unwrap();
        let client = store.client().await.unwrap();
        client.batch_execute(SETTINGS).await.unwrap();
        hold(&client).await;
        fill(&client).await;
        hold(&client).await;
    });
}

async fn hold(client: &Client) {
    for statement in HOT {
        let plan = plan(client, statement).await;
        let reads = reads(&plan);
        let bad = |step: &&Value| !finds(step);
        assert!(!reads.iter().any(bad), "{statement:?} {plan:#}");
        assert!(!sorts(&plan), "{statement:?} {plan:#}");
    }
    let claim = plan(client, Statement::Claim).await;
    let ready = |step: &&&Value| step["Index Name"] == "laneway_job_ready";
    let reads_of_claim = reads(&claim);
    assert_eq!(reads_of_claim.iter().filter(ready).count(), 7, "{claim:#}");
    for step in reads_of_claim.iter().filter(ready) {
        let condition = step["Index Cond"].as_str().unwrap();
        assert!(condition.contains("run_at"), "{claim:#}");
    }
    let by_kind = plan(client, Statement::ClaimByKind).await;
    let of_kind = |step: &&Value| step["Index Name"] == "laneway_job_kind";
    let reads_by_kind = reads(&by_kind);
    let found: Vec<_> = reads_by_kind.into_iter().filter(of_kind).collect();
    assert_eq!(found.len(), 6, "{by_kind:#}");
    for step in found {
        let condition = step["Index Cond"].as_str().unwrap();
        assert!(condition.contains("run_at"), "{by_kind:#}");
    }
    // Each insert pays for its entry there, which compares numbers and no names.
    let names = "
        SELECT count(*) FROM pg_attribute
        WHERE attrelid = 'plans.laneway_job_kind'::regclass AND atttypid <> 'bigint'::regtype";
    assert_eq!(value(client, names).await, "0");
    // A claim for jobs with limit keys reads what an index has of each key, and sorts that alone.
    let keyed = plan(client, Statement::ClaimKeyed).await;
    let of_key = |step: &&Value| step["Index Name"] == "laneway_job_key";
    assert!(!reads(&keyed).iter().any(|step| !finds(step)), "{keyed:#}");
    assert_eq!(
        reads(&keyed).into_iter().filter(of_key).count(),
        6,
        "{keyed:#}"
    );
    // The job of a holder is found by its id, and not among all that run.
    for statement in [Statement::CompleteLone, Statement::Settle, Statement::Renew] {
        let plan = plan(client, statement).await;
        let by_id = |step: &&Value| step["Index Name"] == "laneway_job_pkey";
        assert!(reads(&plan).iter().all(by_id), "{plan:#}");
    }
    // That a bad plan can be seen at all.
    let all = plan(client, Statement::Counts).await;
    assert!(!reads(&all).is_empty());
}

/// The blocks that the server touches for a claim of one kind's jobs, and how many rows it answers.
async fn claimed(client: &Client, claim: Statement) -> (i64, i64) {
    let text = claim.text("\"behind\".");
    let prepare = format!("DEALLOCATE ALL; PREPARE one AS {text}");
    client.batch_execute(&prepare).await.unwrap();
    let claim = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE one('default', '{known,further}',
        1, 4, 30000000, 'worker', '00000000-0000-7000-8000-000000000000', -9223372036854775808,
        -9223372036854775808, 2)";
    let told: Value = serde_json::from_str(&value(client, claim).await).unwrap();
    let top = &told[0]["Plan"];
    let blocks = |name: &str| top[name].as_i64().unwrap();
    let touched = blocks("Shared Hit Blocks") + blocks("Shared Read Blocks");
    (touched, top["Actual Rows"].as_i64().unwrap())
}

/// Jobs of another kind, without limit keys and with them, that have been ready for longer.
async fn put_before(client: &Client, others: u32) {
    let fill = format!(
        "TRUNCATE behind.laneway_job;
        INSERT INTO behind.laneway_job (id, kind, queue, lane, held, run_at, max_attempts,
            created_at, payload, limit_key)
        SELECT md5('other ' || held || n)::uuid, 'other', 'default', n % 2, held, n, 20, n, 'null',
            CASE held WHEN 3 THEN 'key' END
        FROM generate_series(1, {others}) AS number (n), unnest('{{0,3}}'::smallint[]) AS _ (held);
        INSERT INTO behind.laneway_job (id, kind, queue, lane, run_at, max_attempts, created_at,
            payload)
        SELECT md5('known ' || n)::uuid, 'known', 'default', n % 2, 1000000 + n, 20, n, 'null'
        FROM generate_series(1, 8) AS number (n);
        ANALYZE"
    );
    client.batch_execute(&fill).await.unwrap();
}

#[test]
fn a_claim_costs_the_same_however_many_jobs_of_other_kinds_come_first() {
    let Some(server) = server::own() else {
        return;
    };
    let rt = Runtime::builder().build().unwrap();
    rt.block_on(async {
        let options = PostgresOptions::new().schema("behind");
        let store = options.connect(&server.url()).await.unwrap();
        let client = store.client().await.unwrap();
        client.batch_execute(SETTINGS).await.unwrap();
        put_before(&client, 10).await;
        let (of_few, few) = claimed(&client, Statement::ClaimByKind).await;
        put_before(&client, 100_000).await;
        let (of_many, many) = claimed(&client, Statement::ClaimByKind).await;
        assert_eq!((few, many), (4, 4));
        println!("{of_few} blocks beside few, {of_many} beside many");
        // An index of many entries has two levels more.
        assert!(
            of_many < 2 * of_few,
            "{of_few} blocks beside few, {of_many} beside many"
        );
        // That it can be seen at all.
        put_before(&client, 100_000).await;
        let (of_all, _) = claimed(&client, Statement::Claim).await;
        println!("{of_all} blocks for a claim through all");
        assert!(of_all > 10 * of_many, "{of_all}");
    });
}

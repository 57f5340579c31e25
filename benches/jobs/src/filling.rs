//! Rows that are there before a measurement: made by SQL, since a million of them are no matter of
//! enqueuing.

use clap::ValueEnum;

use crate::opened::{Opened, Raw};

/// The kind of most rows of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Filling {
    /// Jobs that are done, and not old enough to be pruned.
    Done,
    /// Jobs that are due in the queue that is served.
    Ready,
    /// Jobs that are due tomorrow.
    Scheduled,
}

impl Filling {
    pub(crate) const ALL: [Filling; 3] = [Filling::Done, Filling::Ready, Filling::Scheduled];

    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value().expect("none is skipped");
        value.get_name().to_owned()
    }

    /// The state, how long after T it is due, and the columns from `attempt` to `finished_at`.
    fn columns(self) -> (u8, &'static str, &'static str) {
        match self {
            Filling::Done => (2, "0", "1, 1, t, t, t"),
            Filling::Ready => (0, "0", "0, NULL, t, NULL, NULL"),
            Filling::Scheduled => (0, "86400000000 + i", "0, NULL, t, NULL, NULL"),
        }
    }
}

/// Adds the rows with these numbers to the table.
pub(crate) fn fill(opened: &Opened, filling: Filling, numbers: std::ops::Range<u64>) {
    match &opened.raw {
        Raw::Sqlite(connection) => {
            let text = sqlite(filling, &numbers);
            connection
                .execute_batch(&text)
                .expect("rows as the store makes them");
        }
        Raw::Postgres(client) => opened.rt.block_on(async {
            let filled = client.batch_execute(&postgres(filling, &numbers)).await;
            filled.expect("rows as the store makes them");
        }),
    }
}

/// Does what the server would do by itself after a while, when rows have been added.
pub(crate) fn vacuum(opened: &Opened) {
    let Raw::Postgres(client) = &opened.raw else {
        return;
    };
    opened.rt.block_on(async {
        let vacuumed = client
            .batch_execute("VACUUM ANALYZE laneway.laneway_job")
            .await;
        vacuumed.expect("the table is there");
        // Only a superuser may; what the rows have left to write is not to be written later.
        let _ = client.batch_execute("CHECKPOINT").await;
    });
}

const COLUMNS: &str =
    "id, kind, queue, lane, state, run_at, attempt, fence, created_at, started_at,
    finished_at, max_attempts, payload";

fn sqlite(filling: Filling, numbers: &std::ops::Range<u64>) -> String {
    let (state, after, attempt) = filling.columns();
    format!(
        "PRAGMA busy_timeout = 60000;
        PRAGMA synchronous = OFF;
        INSERT OR IGNORE INTO laneway_queue (name) VALUES ('default');
        WITH RECURSIVE clock (t) AS (SELECT CAST(unixepoch('subsec') * 1000000 AS INTEGER)),
        number (i) AS (SELECT {} UNION ALL SELECT i + 1 FROM number WHERE i + 1 < {})
        INSERT INTO laneway_job ({COLUMNS})
        SELECT unhex(printf('00000000000070008000%012x', i)), 'no-op', 'default', 1, {state},
            t + {after}, {attempt}, 20, CAST('0' AS BLOB)
        FROM number, clock;
        PRAGMA wal_checkpoint(TRUNCATE);",
        numbers.start, numbers.end
    )
}

fn postgres(filling: Filling, numbers: &std::ops::Range<u64>) -> String {
    let (state, after, attempt) = filling.columns();
    format!(
        "INSERT INTO laneway.laneway_queue (name) VALUES ('default') ON CONFLICT DO NOTHING;
        INSERT INTO laneway.laneway_job ({COLUMNS})
        SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, 'no-op', 'default',
            1, {state}, t + {after}, {attempt}, 20, '0'::bytea
        FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS t) AS clock,
            generate_series({}::bigint, {}::bigint) AS number (i)",
        numbers.start,
        numbers.end - 1
    )
}

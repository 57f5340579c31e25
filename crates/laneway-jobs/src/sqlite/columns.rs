//! How the columns of a job's row are read and written.

use laneway::Priority;
use rusqlite::types::Type;
use rusqlite::{Row, RowIndex};

use super::tx::Sql;
use crate::job_id::JobId;
use crate::job_state::JobState;

pub(super) fn lane_number(lane: Priority) -> i64 {
    match lane {
        Priority::High => 0,
        Priority::Low => 1,
    }
}

pub(super) fn lane_of(row: &Row<'_>, column: impl RowIndex) -> Sql<Priority> {
    Ok(match row.get::<_, i64>(column)? {
        0 => Priority::High,
        _ => Priority::Low,
    })
}

pub(super) fn id_of(row: &Row<'_>, column: impl RowIndex) -> Sql<JobId> {
    row.get(column).map(JobId::from_bytes)
}

pub(super) fn state_of(row: &Row<'_>, column: &str) -> Sql<JobState> {
    let number = row.get(column)?;
    JobState::from_number(number).ok_or_else(|| {
        let message = format!("there is no state {number}");
        rusqlite::Error::FromSqlConversionFailure(0, Type::Integer, message.into())
    })
}

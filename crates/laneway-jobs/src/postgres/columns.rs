//! How the columns of a job's row are read and written.

use std::error::Error;
use std::fmt::Display;

use bytes::BytesMut;
use laneway::Priority;
use tokio_postgres::Row;
use tokio_postgres::row::RowIndex;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};

use crate::job_id::JobId;
use crate::job_state::JobState;

/// Sixteen bytes in a column of type `uuid`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Uuid(pub(super) [u8; 16]);

impl From<JobId> for Uuid {
    fn from(id: JobId) -> Uuid {
        Uuid(id.to_bytes())
    }
}

impl From<Uuid> for JobId {
    fn from(id: Uuid) -> JobId {
        JobId::from_bytes(id.0)
    }
}

impl<'a> FromSql<'a> for Uuid {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Uuid, Box<dyn Error + Sync + Send>> {
        Ok(Uuid(raw.try_into()?))
    }

    accepts!(UUID);
}

impl ToSql for Uuid {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.extend_from_slice(&self.0);
        Ok(IsNull::No)
    }

    accepts!(UUID);
    to_sql_checked!();
}

pub(super) fn id_of(row: &Row, column: impl RowIndex + Display) -> JobId {
    row.get::<_, Uuid>(column).into()
}

pub(super) fn lane_number(lane: Priority) -> i16 {
    match lane {
        Priority::High => 0,
        Priority::Low => 1,
    }
}

pub(super) fn lane_of(row: &Row, column: impl RowIndex + Display) -> Priority {
    match row.get::<_, i16>(column) {
        0 => Priority::High,
        _ => Priority::Low,
    }
}

pub(super) fn state_number(state: JobState) -> i16 {
    state as i16
}

/// The schema is of this release, so that it has no other states.
pub(super) fn state_of(row: &Row, column: impl RowIndex + Display) -> JobState {
    let number = row.get::<_, i16>(column);
    JobState::from_number(number.into()).expect("the schema's states are those of this release")
}

pub(super) fn count_of(row: &Row, column: impl RowIndex + Display) -> u32 {
    row.get::<_, i32>(column).unsigned_abs()
}

/// A count for a column of type `integer`.
pub(super) fn count_number(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// A limit for a clause of type `bigint`.
pub(super) fn limit_number(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

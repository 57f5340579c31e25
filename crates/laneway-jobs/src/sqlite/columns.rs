//! How the columns of a job's row are read and written.
//!
//! Other programs write rows as well, by SQL of their own, and SQLite keeps any value in any
//! column. One such value must not hold up all other jobs, so that it is read as well as can be: a
//! text as bytes and bytes as a text, a number that is too large as the largest.

use laneway::Priority;
use rusqlite::types::{FromSql, FromSqlResult, ValueRef};
use rusqlite::{Row, RowIndex};

use super::clock::Micros;
use super::tx::Sql;
use crate::job_id::JobId;
use crate::job_state::JobState;

pub(super) fn lane_number(lane: Priority) -> i64 {
    match lane {
        Priority::High => 0,
        Priority::Low => 1,
    }
}

/// A text, whatever it is.
#[derive(Debug, PartialEq, Eq)]
struct Text(String);

impl FromSql for Text {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Text> {
        Ok(Text(match value {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                String::from_utf8_lossy(bytes).into_owned()
            }
            ValueRef::Integer(number) => number.to_string(),
            ValueRef::Real(number) => number.to_string(),
            ValueRef::Null => String::new(),
        }))
    }
}

/// Bytes, whatever they are.
#[derive(Debug, PartialEq, Eq)]
struct Bytes(Vec<u8>);

impl FromSql for Bytes {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Bytes> {
        match value {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Ok(Bytes(bytes.to_vec())),
            other => Text::column_result(other).map(|text| Bytes(text.0.into_bytes())),
        }
    }
}

/// A count, the nearest that there is.
#[derive(Debug, PartialEq, Eq)]
struct Count(u32);

impl FromSql for Count {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Count> {
        Ok(Count(match value {
            ValueRef::Integer(number) => number.clamp(0, u32::MAX.into()) as u32,
            // Beyond all integers, SQLite counts on in these.
            ValueRef::Real(number) => number as u32,
            ValueRef::Text(_) | ValueRef::Blob(_) | ValueRef::Null => 0,
        }))
    }
}

/// The id of a row whose id has another length, and which is no job's.
pub(super) const NO_ID: JobId = JobId::from_bytes([0; 16]);

/// An id, or none.
#[derive(Debug, PartialEq, Eq)]
struct Id(JobId);

impl FromSql for Id {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Id> {
        let Bytes(bytes) = Bytes::column_result(value)?;
        Ok(Id(bytes.try_into().map_or(NO_ID, JobId::from_bytes)))
    }
}

/// A length or a time, the nearest that there is.
#[derive(Debug, PartialEq, Eq)]
struct Length(Micros);

impl FromSql for Length {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Length> {
        Ok(Length(match value {
            ValueRef::Integer(number) => number,
            ValueRef::Real(number) => number as Micros,
            ValueRef::Text(_) | ValueRef::Blob(_) | ValueRef::Null => 0,
        }))
    }
}

pub(super) fn some_micros(row: &Row<'_>, column: impl RowIndex) -> Sql<Option<Micros>> {
    let found: Option<Length> = row.get(column)?;
    Ok(found.map(|Length(length)| length))
}

pub(super) fn text(row: &Row<'_>, column: impl RowIndex) -> Sql<String> {
    row.get(column).map(|Text(text)| text)
}

pub(super) fn some_text(row: &Row<'_>, column: impl RowIndex) -> Sql<Option<String>> {
    let found: Option<Text> = row.get(column)?;
    Ok(found.map(|Text(text)| text))
}

pub(super) fn bytes(row: &Row<'_>, column: impl RowIndex) -> Sql<Vec<u8>> {
    row.get(column).map(|Bytes(bytes)| bytes)
}

pub(super) fn some_bytes(row: &Row<'_>, column: impl RowIndex) -> Sql<Option<Vec<u8>>> {
    let found: Option<Bytes> = row.get(column)?;
    Ok(found.map(|Bytes(bytes)| bytes))
}

pub(super) fn count(row: &Row<'_>, column: impl RowIndex) -> Sql<u32> {
    row.get(column).map(|Count(count)| count)
}

pub(super) fn lane_of(row: &Row<'_>, column: impl RowIndex) -> Sql<Priority> {
    Ok(match row.get::<_, i64>(column)? {
        0 => Priority::High,
        _ => Priority::Low,
    })
}

pub(super) fn id_of(row: &Row<'_>, column: impl RowIndex) -> Sql<JobId> {
    row.get(column).map(|Id(id)| id)
}

pub(super) fn some_id_of(row: &Row<'_>, column: impl RowIndex) -> Sql<Option<JobId>> {
    let found: Option<Id> = row.get(column)?;
    Ok(found.map(|Id(id)| id))
}

/// A job in a state that is none is one for people to look at.
pub(super) fn state_of(row: &Row<'_>, column: &str) -> Sql<JobState> {
    let state = JobState::from_number(row.get(column)?);
    Ok(state.unwrap_or(JobState::Quarantined))
}

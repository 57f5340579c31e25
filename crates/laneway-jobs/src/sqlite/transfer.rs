//! How rows leave a database and come into another one: the SQL of a move.

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, ToSql, Transaction, TransactionBehavior};

use super::tx::Sql;
use crate::store::{
    Begun, PAGE_BYTES, PartField, PartRow, StorePart, TransferCounters, TransferPage,
};

/// It is in a target until that is filled.
const MARK: &str = "
CREATE TABLE laneway_move (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    source TEXT NOT NULL
)";

/// The source that a database is being filled from.
pub(super) fn filled_from(connection: &Connection) -> Sql<Option<String>> {
    let text = "SELECT 1 FROM sqlite_schema WHERE name = 'laneway_move'";
    let marked: Option<i64> = connection
        .query_row(text, [], |row| row.get(0))
        .optional()?;
    match marked {
        None => Ok(None),
        Some(_) => {
            let text = "SELECT source FROM laneway_move";
            connection.query_row(text, [], |row| row.get(0)).optional()
        }
    }
}

pub(super) fn begin(connection: &Connection, from: &str) -> Sql<Begun> {
    let transaction = immediate(connection)?;
    for part in StorePart::ALL {
        let text = format!("SELECT 1 FROM {} LIMIT 1", part.table());
        let row: Option<i64> = transaction
            .query_row(&text, [], |row| row.get(0))
            .optional()?;
        if row.is_some() {
            return Ok(Begun::NotEmpty);
        }
    }
    transaction.execute_batch(MARK)?;
    let text = "INSERT INTO laneway_move (one, source) VALUES (1, ?1)";
    transaction.execute(text, [from])?;
    transaction.commit().map(|()| Begun::Filling)
}

pub(super) fn export(connection: &Connection, page: &TransferPage) -> Sql<Vec<PartRow>> {
    let mut prepared = connection.prepare_cached(&export_text(page))?;
    let limit = PartField::Integer(i64::try_from(page.limit).unwrap_or(i64::MAX));
    let after = page.after.iter().flatten();
    let params = rusqlite::params_from_iter(after.chain([&limit]));
    let mut rows = prepared.query(params)?;
    let (mut all, mut bytes) = (Vec::new(), 0);
    while bytes < PAGE_BYTES
        && let Some(row) = rows.next()?
    {
        let row = fields(row, page.part)?;
        bytes += row.iter().map(PartField::bytes).sum::<usize>();
        all.push(row);
    }
    Ok(all)
}

fn export_text(page: &TransferPage) -> String {
    let (columns, key) = (page.part.columns(), page.part.key_length());
    let key = quoted(&columns[..key]);
    let behind = match &page.after {
        None => String::new(),
        Some(after) => format!("WHERE ({key}) > ({})", places(after.len())),
    };
    let (columns, table) = (quoted(columns), page.part.table());
    format!("SELECT {columns} FROM {table} {behind} ORDER BY {key} LIMIT ?")
}

/// A column may have the name of a keyword.
fn quoted(columns: &[&str]) -> String {
    let quoted: Vec<String> = columns.iter().map(|name| format!("\"{name}\"")).collect();
    quoted.join(", ")
}

fn places(count: usize) -> String {
    vec!["?"; count].join(", ")
}

fn fields(row: &Row<'_>, part: StorePart) -> Sql<PartRow> {
    let places = 0..part.columns().len();
    places.map(|place| row.get(place).map(field)).collect()
}

fn field(value: Value) -> PartField {
    match value {
        Value::Null => PartField::Null,
        Value::Integer(number) => PartField::Integer(number),
        Value::Real(number) => PartField::Real(number),
        Value::Text(text) => PartField::Text(text),
        Value::Blob(bytes) => PartField::Bytes(bytes),
    }
}

impl ToSql for PartField {
    fn to_sql(&self) -> Sql<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            PartField::Null => ValueRef::Null,
            PartField::Integer(number) => ValueRef::Integer(*number),
            PartField::Real(number) => ValueRef::Real(*number),
            PartField::Text(text) => ValueRef::Text(text.as_bytes()),
            PartField::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

pub(super) fn import(connection: &Connection, part: StorePart, rows: &[PartRow]) -> Sql<()> {
    let transaction = immediate(connection)?;
    let columns = part.columns();
    let text = format!(
        "INSERT INTO {} ({}) VALUES ({}) ON CONFLICT DO NOTHING",
        part.table(),
        quoted(columns),
        places(columns.len())
    );
    let mut prepared = transaction.prepare_cached(&text)?;
    for row in rows {
        prepared.execute(rusqlite::params_from_iter(row))?;
    }
    drop(prepared);
    transaction.commit()
}

pub(super) fn clear(connection: &Connection) -> Sql<()> {
    let transaction = immediate(connection)?;
    for part in StorePart::ALL {
        transaction.execute(&format!("DELETE FROM {}", part.table()), [])?;
    }
    transaction.commit()
}

pub(super) fn counters(connection: &Connection) -> Sql<TransferCounters> {
    let text = "SELECT fence, clock FROM laneway_meta";
    connection.query_row(text, [], |row| {
        Ok(TransferCounters {
            fence: row.get(0)?,
            clock: Some(row.get(1)?),
        })
    })
}

pub(super) fn count_from(connection: &Connection, counters: TransferCounters) -> Sql<()> {
    let text = "UPDATE laneway_meta SET fence = max(fence, ?1), clock = max(clock, ?2)";
    let changed = connection.execute(text, (counters.fence, counters.clock.unwrap_or_default()));
    changed.map(|_| ())
}

pub(super) fn moved_to(connection: &Connection) -> Sql<Option<String>> {
    connection.query_row("SELECT moved_to FROM laneway_meta", [], |row| row.get(0))
}

pub(super) fn retire(connection: &Connection, to: &str) -> Sql<()> {
    let text = "UPDATE laneway_meta SET moved_to = ?1";
    connection.execute(text, [to]).map(|_| ())
}

pub(super) fn release(connection: &Connection) -> Sql<()> {
    connection.execute_batch("DROP TABLE IF EXISTS laneway_move")
}

fn immediate(connection: &Connection) -> Sql<Transaction<'_>> {
    Transaction::new_unchecked(connection, TransactionBehavior::Immediate)
}

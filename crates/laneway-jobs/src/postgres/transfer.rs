//! How rows leave a schema and come into another one: the SQL of a move.

use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row};

use super::columns::limit_number;
use super::failure::store_error;
use super::moved_column::{MovedColumn, Value};
use crate::store::{
    Begun, PAGE_BYTES, PartRow, StoreError, StorePart, TransferCounters, TransferPage,
};

type Told<T> = Result<T, StoreError>;

/// A connection of a move's own, and the schema, quoted and with its dot.
#[derive(Debug)]
pub(super) struct MovedSchema {
    client: Client,
    prefix: String,
}

/// Nothing writes any more where this is kept: neither a store nor a caller's own transaction that
/// was waiting for a lock.
const REFUSE: &str = "
CREATE OR REPLACE FUNCTION @laneway_moved() RETURNS trigger LANGUAGE plpgsql AS '
DECLARE place text;
BEGIN
    EXECUTE format(''SELECT moved_to FROM %I.laneway_meta'', TG_TABLE_SCHEMA) INTO place;
    RAISE EXCEPTION ''the jobs were moved to %'', place;
END';
DROP TRIGGER IF EXISTS laneway_moved ON @laneway_job;
CREATE TRIGGER laneway_moved BEFORE INSERT OR UPDATE OR DELETE ON @laneway_job
    FOR EACH STATEMENT EXECUTE FUNCTION @laneway_moved();
DROP INDEX IF EXISTS @laneway_job_moving;
COMMIT";

/// Pages of jobs go by their number, which no other statement looks for.
const INDEX: &str = "CREATE INDEX IF NOT EXISTS laneway_job_moving ON @laneway_job (seq)";

impl MovedSchema {
    pub(super) fn new(client: Client, prefix: String) -> MovedSchema {
        MovedSchema { client, prefix }
    }

    fn text(&self, template: &str) -> String {
        template.replace('@', &self.prefix)
    }

    async fn batch(&self, template: &str) -> Told<()> {
        let ran = self.client.batch_execute(&self.text(template)).await;
        ran.map_err(|error| store_error(&error))
    }

    async fn rows(&self, text: &str, params: &[&(dyn ToSql + Sync)]) -> Told<Vec<Row>> {
        let rows = self.client.query(text, params).await;
        rows.map_err(|error| store_error(&error))
    }

    async fn one(&self, template: &str) -> Told<Row> {
        let row = self.client.query_one(&self.text(template), &[]).await;
        row.map_err(|error| store_error(&error))
    }

    /// From now on no other connection writes a row, until this one ends or retires the schema.
    pub(super) async fn hold(&self) -> Told<()> {
        let tables: Vec<&str> = StorePart::ALL.iter().map(|part| part.table()).collect();
        let tables = tables.join(", @");
        self.batch(&format!(
            "BEGIN; LOCK TABLE @laneway_meta, @{tables} IN EXCLUSIVE MODE; {INDEX}"
        ))
        .await
    }

    pub(super) async fn export(&self, page: &TransferPage) -> Told<Vec<PartRow>> {
        let columns = MovedColumn::of(page.part);
        let limit = limit_number(page.limit);
        let key = key_values(page, &columns)?;
        let mut params: Vec<&(dyn ToSql + Sync)> = vec![&limit];
        params.extend(key.iter().map(|field| &**field as &(dyn ToSql + Sync)));
        let rows = self.rows(&self.text(&export_text(page)), &params).await?;
        let fields = |row: &Row| columns.iter().map(|column| column.field(row)).collect();
        Ok(rows.iter().map(fields).collect())
    }

    pub(super) async fn import(&self, part: StorePart, rows: &[PartRow]) -> Told<()> {
        let columns = MovedColumn::of(part);
        let values = columns.iter().enumerate().map(|(place, column)| {
            let fields = rows.iter().map(|row| &row[place]);
            column.values(part, fields)
        });
        let values: Vec<Value> = values.collect::<Told<_>>()?;
        let params: Vec<&(dyn ToSql + Sync)> = values.iter().map(|one| &**one as _).collect();
        self.rows(&self.text(&import_text(part)), &params).await?;
        Ok(())
    }

    pub(super) async fn counters(&self) -> Told<TransferCounters> {
        let text = "
            SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS fence FROM @laneway_fence";
        let fence = self.one(text).await?.get("fence");
        // T is the server's clock, which is not kept.
        Ok(TransferCounters { fence, clock: None })
    }

    pub(super) async fn count_from(&self, counters: &TransferCounters) -> Told<()> {
        if self.counters().await?.fence < counters.fence {
            let fence = format!("{}laneway_fence", self.prefix);
            let text = "SELECT setval($1::text::regclass, $2)";
            self.rows(text, &[&fence, &counters.fence]).await?;
        }
        let jobs = format!("{}laneway_job", self.prefix);
        let text = self.text(
            "SELECT setval(pg_get_serial_sequence($1, 'seq'), max(seq)) FROM @laneway_job
            HAVING max(seq) IS NOT NULL",
        );
        self.rows(&text, &[&jobs]).await?;
        Ok(())
    }

    pub(super) async fn moved_to(&self) -> Told<Option<String>> {
        let row = self.one("SELECT moved_to FROM @laneway_meta").await?;
        Ok(row.get(0))
    }

    pub(super) async fn filled_from(&self) -> Told<Option<String>> {
        let row = self.one("SELECT filled_from FROM @laneway_meta").await?;
        Ok(row.get(0))
    }

    pub(super) async fn retire(&self, to: &str) -> Told<()> {
        let text = self.text("UPDATE @laneway_meta SET moved_to = $1");
        self.rows(&text, &[&to]).await?;
        self.batch(REFUSE).await
    }

    pub(super) async fn begin(&self, from: &str) -> Told<Begun> {
        let has_rows =
            StorePart::ALL.map(|part| format!("EXISTS (SELECT 1 FROM @{})", part.table()));
        let has_rows = format!("SELECT {} AS has_rows", has_rows.join(" OR "));
        if self.one(&has_rows).await?.get("has_rows") {
            return Ok(Begun::NotEmpty);
        }
        self.batch(INDEX).await?;
        let text = self.text("UPDATE @laneway_meta SET filled_from = $1");
        self.rows(&text, &[&from]).await?;
        Ok(Begun::Filling)
    }

    pub(super) async fn clear(&self) -> Told<()> {
        let tables: Vec<&str> = StorePart::ALL.iter().map(|part| part.table()).collect();
        self.batch(&format!("TRUNCATE @{}", tables.join(", @")))
            .await
    }

    pub(super) async fn release(&self) -> Told<()> {
        self.batch(
            "BEGIN; UPDATE @laneway_meta SET filled_from = NULL;
            DROP INDEX IF EXISTS @laneway_job_moving; COMMIT",
        )
        .await
    }
}

/// The values of the key behind which a page begins.
fn key_values(page: &TransferPage, columns: &[MovedColumn]) -> Told<Vec<Value>> {
    let fields = page.after.iter().flatten();
    let values = fields.zip(columns).map(|(field, column)| {
        column
            .value(field)
            .ok_or_else(|| column.mismatch(page.part))
    });
    values.collect()
}

/// A page ends behind the row that fills it, as the other ends' do: large fields are not read
/// beyond that.
fn export_text(page: &TransferPage) -> String {
    let columns = MovedColumn::of(page.part);
    let key = &columns[..page.part.key_length()];
    let order = joined(key, MovedColumn::ordered);
    let behind = match &page.after {
        None => String::new(),
        Some(_) => {
            let places = key.iter().zip(2..);
            let places = places.map(|(column, place)| format!("${place}::{}", column.type_name()));
            let places = places.collect::<Vec<_>>().join(", ");
            format!("WHERE ({order}) > ({places})")
        }
    };
    let sizes: Vec<String> = columns.iter().filter_map(MovedColumn::size).collect();
    let size = match sizes.is_empty() {
        true => "0".to_owned(),
        false => sizes.join(" + "),
    };
    let (names, shown) = (
        joined(&columns, MovedColumn::quoted),
        joined(&columns, MovedColumn::shown),
    );
    let table = page.part.table();
    format!(
        "SELECT {names} FROM (
            SELECT {names}, sum({size}) OVER (ORDER BY {order} ROWS UNBOUNDED PRECEDING) - ({size})
                AS bytes_before
            FROM (SELECT {shown} FROM @{table} {behind} ORDER BY {order} LIMIT $1) AS page) AS sized
        WHERE bytes_before < {PAGE_BYTES} ORDER BY {order}"
    )
}

fn import_text(part: StorePart) -> String {
    let columns = MovedColumn::of(part);
    let names = joined(&columns, MovedColumn::quoted);
    let taken = joined(&columns, MovedColumn::taken);
    let arrays = columns.iter().zip(1..);
    let arrays = arrays.map(|(column, place)| format!("${place}::{}[]", column.type_name()));
    let arrays = arrays.collect::<Vec<_>>().join(", ");
    let table = part.table();
    format!(
        "INSERT INTO @{table} ({names}) OVERRIDING SYSTEM VALUE
        SELECT {taken} FROM unnest({arrays}) AS given ({names})
        ON CONFLICT DO NOTHING"
    )
}

fn joined(columns: &[MovedColumn], text: impl Fn(&MovedColumn) -> String) -> String {
    let texts: Vec<String> = columns.iter().map(text).collect();
    texts.join(", ")
}

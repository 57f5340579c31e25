//! A column of a part that moves: how its fields are read, and written.

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::columns::Uuid;
use crate::store::{PartField, StoreError, StorePart};

/// A column of a part.
#[derive(Clone, Copy, Debug)]
pub(super) struct MovedColumn {
    name: &'static str,
    kind: ColumnKind,
}

/// The type of the fields of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ColumnKind {
    Number,
    /// Yes or no here, 1 or 0 elsewhere.
    YesOrNo,
    Real,
    Text,
    Bytes,
    Id,
}

/// The value of a parameter.
pub(super) type Value = Box<dyn ToSql + Sync + Send>;

impl ColumnKind {
    /// Columns of one name are of one kind in all parts.
    fn of(name: &str) -> ColumnKind {
        match name {
            "paused" | "cancel" | "ended" | "unfinished" => ColumnKind::YesOrNo,
            "id" | "job" | "claim" | "parent" | "awaited_by" => ColumnKind::Id,
            "name" | "kind" | "queue" | "worker" | "unique_key" | "unique_kind" | "limit_key"
            | "begun" | "progress_text" | "error" | "pattern" | "zone" | "schedule" => {
                ColumnKind::Text
            }
            "payload" | "result" | "value" => ColumnKind::Bytes,
            "progress" => ColumnKind::Real,
            _ => ColumnKind::Number,
        }
    }
}

impl MovedColumn {
    pub(super) fn of(part: StorePart) -> Vec<MovedColumn> {
        let columns = part.columns().iter().map(|&name| MovedColumn {
            name,
            kind: ColumnKind::of(name),
        });
        columns.collect()
    }

    /// A column may have the name of a keyword.
    pub(super) fn quoted(&self) -> String {
        format!("\"{}\"", self.name)
    }

    /// As it is in an order: that of bytes in every database.
    pub(super) fn ordered(&self) -> String {
        match self.kind {
            ColumnKind::Text => format!("\"{}\" COLLATE \"C\"", self.name),
            _ => self.quoted(),
        }
    }

    /// As it is read from its table.
    pub(super) fn shown(&self) -> String {
        let name = self.name;
        match self.kind {
            ColumnKind::Number => format!("\"{name}\"::bigint AS \"{name}\""),
            ColumnKind::YesOrNo => format!("\"{name}\"::integer::bigint AS \"{name}\""),
            _ => self.quoted(),
        }
    }

    /// As it is put into its table.
    pub(super) fn taken(&self) -> String {
        match self.kind {
            ColumnKind::YesOrNo => format!("\"{}\" <> 0", self.name),
            _ => self.quoted(),
        }
    }

    /// How many bytes a field has, where that may be many.
    pub(super) fn size(&self) -> Option<String> {
        let large = matches!(self.kind, ColumnKind::Text | ColumnKind::Bytes);
        large.then(|| format!("coalesce(octet_length(\"{}\"), 0)", self.name))
    }

    pub(super) fn type_name(&self) -> &'static str {
        match self.kind {
            ColumnKind::Number | ColumnKind::YesOrNo => "bigint",
            ColumnKind::Real => "double precision",
            ColumnKind::Text => "text",
            ColumnKind::Bytes => "bytea",
            ColumnKind::Id => "uuid",
        }
    }

    pub(super) fn field(&self, row: &Row) -> PartField {
        let name = self.name;
        let field = match self.kind {
            ColumnKind::Number | ColumnKind::YesOrNo => {
                row.get::<_, Option<i64>>(name).map(PartField::Integer)
            }
            ColumnKind::Real => row.get::<_, Option<f64>>(name).map(PartField::Real),
            ColumnKind::Text => row.get::<_, Option<String>>(name).map(PartField::Text),
            ColumnKind::Bytes => row.get::<_, Option<Vec<u8>>>(name).map(PartField::Bytes),
            ColumnKind::Id => {
                let id: Option<Uuid> = row.get(name);
                id.map(|id| PartField::Bytes(id.0.to_vec()))
            }
        };
        field.unwrap_or(PartField::Null)
    }

    /// The fields of all rows as one parameter.
    pub(super) fn values<'f>(
        &self,
        part: StorePart,
        fields: impl Iterator<Item = &'f PartField>,
    ) -> Result<Value, StoreError> {
        let fields: Vec<&PartField> = fields.collect();
        let values = match self.kind {
            ColumnKind::Number | ColumnKind::YesOrNo => all(&fields, number),
            ColumnKind::Real => all(&fields, real),
            ColumnKind::Text => all(&fields, text),
            ColumnKind::Bytes => all(&fields, bytes),
            ColumnKind::Id => all(&fields, id),
        };
        values.ok_or_else(|| self.mismatch(part))
    }

    /// One field as a parameter; `None` where it is of another kind.
    pub(super) fn value(&self, field: &PartField) -> Option<Value> {
        Some(match self.kind {
            ColumnKind::Number | ColumnKind::YesOrNo => Box::new(number(field)?),
            ColumnKind::Real => Box::new(real(field)?),
            ColumnKind::Text => Box::new(text(field)?),
            ColumnKind::Bytes => Box::new(bytes(field)?),
            ColumnKind::Id => Box::new(id(field)?),
        })
    }

    pub(super) fn mismatch(&self, part: StorePart) -> StoreError {
        StoreError::Database(format!(
            "the {} have a field in {} that Postgres does not keep there: of another type, or a \
             text with a character of code zero; change or delete that row in the source",
            part.name(),
            self.name
        ))
    }
}

/// `None` where one is of another kind.
fn all<T: ToSql + Sync + Send + 'static>(
    fields: &[&PartField],
    read: fn(&PartField) -> Option<T>,
) -> Option<Value> {
    let values = fields.iter().map(|field| match field {
        PartField::Null => Some(None),
        field => read(field).map(Some),
    });
    let values: Vec<Option<T>> = values.collect::<Option<_>>()?;
    Some(Box::new(values))
}

fn number(field: &PartField) -> Option<i64> {
    match field {
        PartField::Integer(number) => Some(*number),
        _ => None,
    }
}

fn real(field: &PartField) -> Option<f64> {
    match field {
        PartField::Real(number) => Some(*number),
        _ => None,
    }
}

fn text(field: &PartField) -> Option<String> {
    match field {
        PartField::Text(text) if !text.contains('\0') => Some(text.clone()),
        _ => None,
    }
}

fn bytes(field: &PartField) -> Option<Vec<u8>> {
    match field {
        PartField::Bytes(bytes) => Some(bytes.clone()),
        _ => None,
    }
}

fn id(field: &PartField) -> Option<Uuid> {
    match field {
        PartField::Bytes(bytes) => Some(Uuid(bytes[..].try_into().ok()?)),
        _ => None,
    }
}

//! Kinds that are names of one type, whose jobs have their unique keys in common.
//!
//! The keys are kept under one of the names, which the file remembers for the others. So an insert
//! that knows one of the names alone, by code from before the renaming or long after it, finds the
//! same keys.

use super::statement::Statement;
use super::tx::{Sql, Tx};
use crate::store::NewJob;

impl Tx<'_> {
    /// Lets the names of a unique job's kind have their keys in common, if they have not yet.
    pub(super) fn merge_kinds(&self, job: &NewJob) -> Sql<()> {
        let Some(oldest) = job.old_kinds.last().filter(|_| job.unique.is_some()) else {
            return Ok(());
        };
        let to = self.unique_kind(oldest)?;
        for name in [&*job.kind].iter().chain(job.old_kinds) {
            let from = self.unique_kind(name)?;
            if from != to {
                self.merge(&from, &to)?;
            }
        }
        Ok(())
    }

    /// The name under which the unique keys of a kind are kept.
    fn unique_kind(&self, name: &str) -> Sql<String> {
        let params = &[(":kind", &name as _)];
        let kept = self.row(Statement::UniqueKind, params, |row| row.get(0))?;
        Ok(kept.unwrap_or_else(|| name.to_owned()))
    }

    /// A key that both have stays with both of its jobs until these have ended.
    fn merge(&self, from: &str, to: &str) -> Sql<()> {
        let params: super::tx::Params<'_> = &[(":from", &from), (":to", &to)];
        for statement in [
            Statement::KeepKind,
            Statement::MergeKinds,
            Statement::MergeKeys,
        ] {
            self.run(statement, params)?;
        }
        Ok(())
    }
}

//! Kinds that are names of one type, whose jobs have their unique keys in common.
//!
//! The keys are kept under one of the names, which the schema remembers for the others. So an
//! insert that knows one of the names alone, by code from before the renaming or long after it,
//! finds the same keys.

use tokio_postgres::error::SqlState;

use super::session::{Params, Sql};
use super::statement::Statement;
use super::tx::Tx;
use crate::store::NewJob;

/// How often keys are merged that others take meanwhile.
const MERGES: usize = 8;

impl Tx<'_> {
    /// Lets the names of a unique job's kind have their keys in common, if they have not yet.
    pub(super) async fn merge_kinds(&mut self, job: &NewJob) -> Sql<()> {
        if job.unique.is_none() || job.old_kinds.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = [&*job.kind].iter().chain(job.old_kinds).copied().collect();
        if are_one(&self.unique_kinds(&names).await?) {
            return Ok(());
        }
        // They are read again under the lock: another insert may have merged them meanwhile.
        self.rows(Statement::LockKinds, &[]).await?;
        while let kinds = self.unique_kinds(&names).await?
            && !are_one(&kinds)
        {
            let to = &kinds[kinds.len() - 1];
            let from = kinds.iter().find(|kind| *kind != to);
            let from = from.expect("they are not one");
            self.rows(Statement::MergeKinds, &[from, to]).await?;
            self.merge_keys(from, to).await?;
        }
        Ok(())
    }

    /// For each kind the name under which its unique keys are kept.
    async fn unique_kinds(&mut self, names: &[&str]) -> Sql<Vec<String>> {
        let rows = self.rows(Statement::UniqueKinds, &[&names]).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// A key that both have stays with both of its jobs until these have ended. Where another
    /// connection takes a key meanwhile, the merge is made again, beside that job. A transaction
    /// whose snapshot is older than that job does not see it, and ends with the error.
    async fn merge_keys(&mut self, from: &str, to: &str) -> Sql<()> {
        let params: Params<'_> = &[&from, &to];
        self.batch("SAVEPOINT before_merge").await?;
        for _ in 1..MERGES {
            match self.rows(Statement::MergeKeys, params).await {
                Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => {
                    self.batch("ROLLBACK TO before_merge").await?;
                }
                ended => return ended.map(|_| ()),
            }
        }
        self.rows(Statement::MergeKeys, params).await.map(|_| ())
    }
}

fn are_one(kinds: &[String]) -> bool {
    kinds.windows(2).all(|pair| pair[0] == pair[1])
}

//! Searches: a bounded number of rows, newest first, each by one index.

use rusqlite::named_params;
use rusqlite::types::ToSql;

use super::clock::micros_of;
use super::columns::{id_of, lane_number};
use super::reading::outline;
use super::tx::{Sql, Tx};
use crate::job_id::JobId;
use crate::job_state::JobState;
use crate::outline::outline;
use crate::store::{JobPage, JobSearch, JobView, LIST_LIMIT, SEARCH_LIMIT};

/// By which index a search goes, and what the rows that it looks at have in common.
///
/// The texts name the index: without statistics SQLite would guess.
#[derive(Clone, Copy)]
pub(super) enum Way {
    Members,
    NotDone(JobState),
    Running,
    Ids,
}

impl Way {
    fn of(search: &JobSearch) -> Way {
        match search.state {
            _ if search.awaited_by.is_some() => Way::Members,
            Some(JobState::Running) => Way::Running,
            Some(state) if state > JobState::Done => Way::NotDone(state),
            _ => Way::Ids,
        }
    }

    fn text(self) -> String {
        match self {
            Way::Members => "INDEXED BY laneway_job_member
                WHERE awaited_by = :awaited_by AND awaited_by IS NOT NULL"
                .to_owned(),
            Way::NotDone(state) => format!(
                "INDEXED BY laneway_job_not_done WHERE state = {} AND state >= 3",
                state.number()
            ),
            Way::Running => "INDEXED BY laneway_job_running WHERE state = 1".to_owned(),
            Way::Ids => "WHERE 1".to_owned(),
        }
    }

    /// Finds the last row that a search looks at.
    pub(super) fn floor(self) -> String {
        format!(
            "SELECT id FROM laneway_job {} AND id < :before ORDER BY id DESC LIMIT 1 OFFSET :scan",
            self.text()
        )
    }

    /// Finds what matches above that.
    pub(super) fn matching(self) -> String {
        format!(
            "SELECT {} FROM laneway_job {} AND id < :before AND id >= :floor AND {MATCHES}
             ORDER BY id DESC LIMIT :limit",
            outline!(),
            self.text()
        )
    }
}

const MATCHES: &str = "
(:queue IS NULL OR queue = :queue) AND (:kind IS NULL OR kind = :kind)
AND (:state IS NULL OR state = :state) AND (:lane IS NULL OR lane = :lane)
AND (:error IS NULL OR instr(error, :error) > 0)
AND (:unique_key IS NULL OR unique_key = :unique_key)
AND (:limit_key IS NULL OR limit_key = :limit_key)
AND (:since IS NULL OR created_at >= :since) AND (:until IS NULL OR created_at < :until)
AND (:awaited_by IS NULL OR awaited_by = :awaited_by)";

/// Below all ids, and above them.
const LOWEST: [u8; 16] = [0; 16];
const ABOVE_ALL: [u8; 17] = [255; 17];

impl Tx<'_> {
    pub(super) fn search(&self, searches: &[JobSearch]) -> Sql<Vec<JobPage>> {
        searches.iter().map(|one| self.search_one(one)).collect()
    }

    fn search_one(&self, search: &JobSearch) -> Sql<JobPage> {
        let way = Way::of(search);
        let floor = self.floor(way, search)?;
        let jobs = self.matching(way, search, floor)?;
        let is_full = jobs.len() == search.limit.min(LIST_LIMIT);
        let next = match jobs.last() {
            Some(last) if is_full => Some(last.id),
            _ => floor,
        };
        Ok(JobPage { jobs, next })
    }

    /// The last row that the search looks at, if there are further ones.
    fn floor(&self, way: Way, search: &JobSearch) -> Sql<Option<JobId>> {
        let mut prepared = self.connection.prepare_cached(&way.floor())?;
        let (before, awaited_by) = (before(search), awaited_by(search));
        for (name, value) in named_params! {
            ":before": before, ":scan": SEARCH_LIMIT as i64 - 1, ":awaited_by": awaited_by
        } {
            if let Some(place) = prepared.parameter_index(name)? {
                prepared.raw_bind_parameter(place, value)?;
            }
        }
        let mut rows = prepared.raw_query();
        rows.next()?.map(|row| id_of(row, 0)).transpose()
    }

    fn matching(&self, way: Way, search: &JobSearch, floor: Option<JobId>) -> Sql<Vec<JobView>> {
        let mut prepared = self.connection.prepare_cached(&way.matching())?;
        let floor = floor.map_or(LOWEST, JobId::to_bytes);
        let params: &[(&str, &dyn ToSql)] = named_params! {
            ":before": before(search),
            ":floor": floor,
            ":queue": search.queue,
            ":kind": search.kind,
            ":state": search.state.map(JobState::number),
            ":lane": search.lane.map(lane_number),
            ":error": search.error,
            ":unique_key": search.unique_key,
            ":limit_key": search.limit_key,
            ":since": search.since.map(micros_of),
            ":until": search.until.map(micros_of),
            ":awaited_by": awaited_by(search),
            ":limit": search.limit.min(LIST_LIMIT) as i64,
        };
        prepared.query_map(params, outline)?.collect()
    }
}

fn before(search: &JobSearch) -> Vec<u8> {
    let before = search.before.map(|id| id.to_bytes().to_vec());
    before.unwrap_or_else(|| ABOVE_ALL.to_vec())
}

fn awaited_by(search: &JobSearch) -> Option<Vec<u8>> {
    search.awaited_by.map(|id| id.to_bytes().to_vec())
}

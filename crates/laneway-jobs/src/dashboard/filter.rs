//! The filter of a list of jobs: from an address, to one, and to the store.

use std::time::{Duration, SystemTime};

use laneway::Priority;

use super::form::Form;
use super::place::Fields;
use crate::job_id::JobId;
use crate::job_state::JobState;
use crate::store::JobSearch;

/// A filter as it stands in an address. Texts that are empty filter nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct JobFilter {
    pub(super) state: String,
    pub(super) queue: String,
    pub(super) kind: String,
    pub(super) lane: String,
    pub(super) error: String,
    pub(super) unique_key: String,
    pub(super) limit_key: String,
    pub(super) newer: String,
    pub(super) older: String,
    pub(super) awaited_by: String,
}

/// A part of a filter that is none, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoFilter(pub(super) &'static str);

impl JobFilter {
    pub(super) fn read(form: &Form) -> JobFilter {
        let get = |name| form.get(name).unwrap_or_default().to_owned();
        JobFilter {
            state: get("state"),
            queue: get("queue"),
            kind: get("kind"),
            lane: get("lane"),
            error: get("error"),
            unique_key: get("unique_key"),
            limit_key: get("limit_key"),
            newer: get("newer"),
            older: get("older"),
            awaited_by: get("awaited_by"),
        }
    }

    pub(super) fn fields(&self) -> [(&'static str, &str); 10] {
        [
            ("state", &self.state),
            ("queue", &self.queue),
            ("kind", &self.kind),
            ("lane", &self.lane),
            ("error", &self.error),
            ("unique_key", &self.unique_key),
            ("limit_key", &self.limit_key),
            ("newer", &self.newer),
            ("older", &self.older),
            ("awaited_by", &self.awaited_by),
        ]
    }

    /// The fields that filter something.
    pub(super) fn given(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let fields = self.fields().into_iter();
        fields.filter(|(_, value)| !value.is_empty())
    }

    /// The fields of the filter, and further ones.
    pub(super) fn with<'a>(&'a self, more: &Fields<'a>) -> Vec<(&'static str, &'a str)> {
        self.fields()
            .into_iter()
            .chain(more.iter().copied())
            .collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.given().next().is_none()
    }

    pub(super) fn search(&self) -> Result<JobSearch, NoFilter> {
        let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        Ok(JobSearch {
            queue: some(&self.queue),
            kind: some(&self.kind),
            state: read(&self.state, "state", state_named)?,
            lane: read(&self.lane, "lane", lane_named)?,
            error: some(&self.error),
            unique_key: some(&self.unique_key),
            limit_key: some(&self.limit_key),
            since: read(&self.newer, "newer", ago)?,
            until: read(&self.older, "older", ago)?,
            awaited_by: read(&self.awaited_by, "awaited_by", id_named)?,
            ..JobSearch::default()
        })
    }
}

/// The page from which a list goes on.
pub(super) fn before(form: &Form) -> Result<Option<JobId>, NoFilter> {
    read(form.get("before").unwrap_or_default(), "before", id_named)
}

fn read<T>(
    text: &str,
    name: &'static str,
    named: fn(&str) -> Option<T>,
) -> Result<Option<T>, NoFilter> {
    match text {
        "" => Ok(None),
        _ => named(text).map(Some).ok_or(NoFilter(name)),
    }
}

fn state_named(name: &str) -> Option<JobState> {
    JobState::ALL.into_iter().find(|state| state.name() == name)
}

fn lane_named(name: &str) -> Option<Priority> {
    let both = [Priority::High, Priority::Low];
    both.into_iter().find(|&lane| lane_name(lane) == name)
}

/// The names of the ages that a list may be bound by, and their seconds.
pub(super) const AGES: [(&str, u64); 5] = [
    ("5m", 300),
    ("1h", 3_600),
    ("6h", 21_600),
    ("1d", 86_400),
    ("7d", 604_800),
];

/// The time that lies so far back.
fn ago(name: &str) -> Option<SystemTime> {
    let (_, seconds) = AGES.into_iter().find(|(age, _)| *age == name)?;
    SystemTime::now().checked_sub(Duration::from_secs(seconds))
}

fn id_named(text: &str) -> Option<JobId> {
    text.parse().ok()
}

pub(super) fn lane_name(lane: Priority) -> &'static str {
    match lane {
        Priority::High => "high",
        Priority::Low => "low",
    }
}

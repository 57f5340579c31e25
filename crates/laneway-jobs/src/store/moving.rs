//! The move of everything from one store to another, which goes on after any interruption.
//!
//! ```text
//!  begin ─> copy ─> compare ─> retire the source ─> release the target
//! ```
//!
//! The target can be opened only after the last step, and the source only before the one before
//! it: at no time can both be, so no job runs in two places. Each step is a commit of its own, and
//! a further move finds out from both ends how far the last one came.

use std::fmt;

use super::error::StoreError;
use super::part_tally::PartTally;
use super::transfer::{
    Begun, PartField, PartRow, StorePart, TransferCounters, TransferEnd, TransferPage,
    TransferSource, TransferTarget,
};
use crate::name::kept_text;

/// Rows that move in one transaction.
const ROWS: usize = 500;

/// The columns of all parts whose texts are for people.
const FOR_PEOPLE: [&str; 3] = ["error", "progress_text", "worker"];

/// How far a move is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferStep {
    /// Rows of this part are in the target, this many by now.
    Copied(StorePart, u64),
    /// The target had other rows than the source, which has changed since; it begins anew.
    Anew,
    /// This part is the same in both.
    Compared(StorePart, PartTally),
    /// The source refuses from now on.
    Retired,
    /// The target can be opened.
    Released,
}

/// How a move ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transferred {
    /// The jobs are in the target.
    Now,
    /// They were before.
    Before,
}

/// Why a move did not come to its end. Where it had begun, the same move goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransferError {
    /// The source was moved elsewhere.
    MovedElsewhere(String),
    /// The source was moved to this target, which does not have its jobs any more.
    TargetLost(String),
    /// The target has jobs, queues or schedules of its own.
    NotEmpty(String),
    /// The target is being filled from this other source.
    OtherMove(String),
    /// The two are not the same after the copy.
    Differs(StorePart),
    /// An end's store.
    Store(StoreError),
}

impl fmt::Display for TransferError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TransferError::MovedElsewhere(to) => {
                write!(f, "the jobs were moved to {to} before; move from there")
            }
            TransferError::TargetLost(to) => write!(
                f,
                "the jobs were moved to {to}, which does not have them any more; restore it"
            ),
            TransferError::NotEmpty(to) => {
                write!(f, "{to} is not empty; move to a database without jobs")
            }
            TransferError::OtherMove(from) => write!(
                f,
                "the target is being filled from {from}; run that move again, to its end"
            ),
            TransferError::Differs(part) => write!(
                f,
                "the {} in the target are not those of the source; run the move again",
                part.name()
            ),
            TransferError::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TransferError {}

impl From<StoreError> for TransferError {
    fn from(error: StoreError) -> TransferError {
        TransferError::Store(error)
    }
}

/// How far both ends came before.
enum Standing {
    Fresh,
    Filling,
    Retired,
    Over,
}

/// Moves everything, and tells of each step.
///
/// # Errors
///
/// A [`TransferError`]. Unless the source is retired by then, it can be opened as before.
///
/// # Cancellation
///
/// As a crash: the same move goes on.
pub async fn transfer(
    source: &dyn TransferSource,
    target: &dyn TransferTarget,
    mut watch: impl FnMut(TransferStep),
) -> Result<Transferred, TransferError> {
    let watch: &mut dyn FnMut(TransferStep) = &mut watch;
    match standing(source, target).await? {
        Standing::Over => return Ok(Transferred::Before),
        Standing::Fresh => begin(source, target).await?,
        Standing::Filling | Standing::Retired => {}
    }
    fill(source, target, watch).await?;
    compare(source, target, watch).await?;
    source.retire(target.end().name().to_owned()).await?;
    watch(TransferStep::Retired);
    target.release().await?;
    watch(TransferStep::Released);
    Ok(Transferred::Now)
}

async fn standing(
    source: &dyn TransferSource,
    target: &dyn TransferTarget,
) -> Result<Standing, TransferError> {
    let moved_to = source.moved_to().await?;
    if let Some(to) = moved_to.as_ref().filter(|to| *to != target.end().name()) {
        return Err(TransferError::MovedElsewhere(to.clone()));
    }
    match (moved_to, target.filled_from().await?) {
        (_, Some(from)) if from != source.end().name() => Err(TransferError::OtherMove(from)),
        (Some(_), Some(_)) => Ok(Standing::Retired),
        (Some(to), None) => over(source.end(), target.end(), to).await,
        (None, Some(_)) => Ok(Standing::Filling),
        (None, None) => Ok(Standing::Fresh),
    }
}

/// The fences of a target that has taken the jobs over go on from those of the source.
async fn over(
    source: &dyn TransferEnd,
    target: &dyn TransferEnd,
    to: String,
) -> Result<Standing, TransferError> {
    let (there, here) = (target.counters().await?, source.counters().await?);
    // A server's clock is its own, and not kept.
    let is_later = there.clock.is_none() || there.clock >= here.clock;
    match there.fence >= here.fence && is_later {
        true => Ok(Standing::Over),
        false => Err(TransferError::TargetLost(to)),
    }
}

async fn begin(
    source: &dyn TransferSource,
    target: &dyn TransferTarget,
) -> Result<(), TransferError> {
    match target.begin(source.end().name().to_owned()).await? {
        Begun::Filling => Ok(()),
        Begun::NotEmpty => Err(TransferError::NotEmpty(target.end().name().to_owned())),
    }
}

/// The second turn begins with an empty target, so that it does not differ.
async fn fill(
    source: &dyn TransferSource,
    target: &dyn TransferTarget,
    watch: &mut dyn FnMut(TransferStep),
) -> Result<(), TransferError> {
    if copy_all(source, target, watch).await? == Copied::Differs {
        target.clear().await?;
        watch(TransferStep::Anew);
        copy_all(source, target, watch).await?;
    }
    let counters: TransferCounters = source.end().counters().await?;
    Ok(target.count_from(counters).await?)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Copied {
    All,
    Differs,
}

async fn copy_all(
    source: &dyn TransferSource,
    target: &dyn TransferTarget,
    watch: &mut dyn FnMut(TransferStep),
) -> Result<Copied, StoreError> {
    for part in StorePart::ALL {
        if copy(part, source, target, watch).await? == Copied::Differs {
            return Ok(Copied::Differs);
        }
    }
    Ok(Copied::All)
}

/// Pages that the target has already are compared, in place of being copied.
async fn copy(
    part: StorePart,
    source: &dyn TransferSource,
    target: &dyn TransferTarget,
    watch: &mut dyn FnMut(TransferStep),
) -> Result<Copied, StoreError> {
    let (mut after, mut copied) = (None, 0);
    loop {
        let rows = source.end().export(page(part, after.clone(), ROWS)).await?;
        let rows = portable(part, rows);
        // Behind the last row of the source there must be none.
        let expected = page(part, after.clone(), rows.len().max(1));
        let there = target.end().export(expected).await?;
        if there.len() > rows.len() || rows[..there.len()] != there[..] {
            return Ok(Copied::Differs);
        }
        let Some(last) = rows.last() else {
            return Ok(Copied::All);
        };
        after = Some(key_of(part, last));
        copied += rows.len() as u64;
        let missing = rows[there.len()..].to_vec();
        if !missing.is_empty() {
            target.import(part, missing).await?;
        }
        watch(TransferStep::Copied(part, copied));
    }
}

fn page(part: StorePart, after: Option<PartRow>, limit: usize) -> TransferPage {
    TransferPage { part, after, limit }
}

/// Rows as every store can keep them: texts for people have no character of code zero any more, as
/// in rows that are written today. Names and keys are others' ways to find a row, and stay as they
/// are: an end that cannot keep one refuses it.
fn portable(part: StorePart, mut rows: Vec<PartRow>) -> Vec<PartRow> {
    let columns = part.columns().iter().enumerate();
    let places: Vec<usize> = columns
        .filter(|(_, name)| FOR_PEOPLE.contains(*name))
        .map(|(place, _)| place)
        .collect();
    for row in &mut rows {
        for &place in &places {
            if let PartField::Text(text) = &mut row[place] {
                *text = kept_text(text);
            }
        }
    }
    rows
}

fn key_of(part: StorePart, row: &PartRow) -> PartRow {
    row[..part.key_length()].to_vec()
}

async fn compare(
    source: &dyn TransferSource,
    target: &dyn TransferTarget,
    watch: &mut dyn FnMut(TransferStep),
) -> Result<(), TransferError> {
    for part in StorePart::ALL {
        let here = tally(part, source.end()).await?;
        if tally(part, target.end()).await? != here {
            return Err(TransferError::Differs(part));
        }
        watch(TransferStep::Compared(part, here));
    }
    Ok(())
}

async fn tally(part: StorePart, end: &dyn TransferEnd) -> Result<PartTally, StoreError> {
    let mut tally = PartTally::default();
    let mut after = None;
    loop {
        let rows = end.export(page(part, after, ROWS)).await?;
        let Some(last) = rows.last() else {
            return Ok(tally);
        };
        after = Some(key_of(part, last));
        let rows = portable(part, rows);
        rows.iter().for_each(|row| tally.add(row));
    }
}

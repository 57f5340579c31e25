//! The operations of a holder: it renews its lease, reports progress, keeps the value of a step.

use crate::fence::Fence;
use crate::job_id::JobId;

/// A job, and the fence under which the caller holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Held {
    /// The job.
    pub id: JobId,
    /// The fence of the claim.
    pub fence: Fence,
}

/// The answer to the renewal of one lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// The lease is as long as it was asked for.
    Renewed,
    /// It is, and an operator wants the job to stop.
    CancelAsked,
    /// It had ended before.
    LeaseLost,
}

/// A note that a holder wants to be kept.
#[derive(Clone, Debug)]
pub struct Note {
    /// The job, and the fence under which it is held.
    pub held: Held,
    /// The content.
    pub kind: NoteKind,
}

/// The content of a note.
#[derive(Clone, Debug)]
pub enum NoteKind {
    /// How far the job has come.
    Progress {
        /// From 0 to 1.
        part: f64,
        /// The stage of the job, in words.
        text: String,
    },
    /// The value of a step. The first one that is kept stays.
    Step(Step),
}

/// The value of a step that has been made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its name, within the job.
    pub name: String,
    /// Its value, in JSON.
    pub value: Vec<u8>,
}

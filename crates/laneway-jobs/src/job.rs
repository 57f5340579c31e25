//! A job: a serde type with a kind that is written out.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A unit of durable work: its payload, and the name under which it is stored.
///
/// The kind is written out, since the name of a Rust type changes with the code, and rows outlive
/// both. To rename a kind, move the old name to [`OLD_KINDS`](Job::OLD_KINDS): jobs that were
/// stored under it are claimed and decoded as before.
///
/// ```
/// use laneway_jobs::Job;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct SendMail {
///     to: String,
/// }
///
/// impl Job for SendMail {
///     const KIND: &'static str = "mail.send";
///     const OLD_KINDS: &'static [&'static str] = &["send_mail"];
/// }
/// assert_eq!(SendMail::KIND, "mail.send");
/// ```
pub trait Job: Serialize + DeserializeOwned + Send + 'static {
    /// The name under which jobs of this type are stored.
    const KIND: &'static str;
    /// Names that it had before; jobs under them are still claimed. Default: none.
    ///
    /// A unique key, and the rule that a suspect runs alone, hold among the jobs of all names. The
    /// store remembers which names are one kind's from the first unique job on that is enqueued
    /// with them. From then on they have their keys in common also for processes that know one of
    /// the names alone: those of before the renaming while a deploy is rolling, and those whose
    /// old names were removed since.
    const OLD_KINDS: &'static [&'static str] = &[];
}

//! A job: a serde type with a kind that is written out.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::enqueue::Enqueue;

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

    /// Sets the options that jobs of this type have wherever they are enqueued: the queue, the
    /// attempts, a unique key that comes from the payload. An option that a caller sets counts
    /// more. Default: those of [`Jobs::enqueue`](crate::Jobs::enqueue).
    ///
    /// A job that waits for others cannot be unique: a type of which such jobs are made leaves the
    /// key to its callers.
    ///
    /// ```
    /// use laneway_jobs::{Enqueue, IfExists, Job};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Invoice {
    ///     order: u64,
    /// }
    ///
    /// impl Job for Invoice {
    ///     const KIND: &'static str = "invoice";
    ///
    ///     fn options(&self, enqueue: Enqueue) -> Enqueue {
    ///         let enqueue = enqueue.queue("billing").max_attempts(5);
    ///         enqueue.unique(self.order.to_string(), IfExists::Keep)
    ///     }
    /// }
    /// # laneway_jobs::testing::simulated(|jobs| async move {
    /// let id = jobs.enqueue(Invoice { order: 7 }).await.unwrap().id();
    /// assert_eq!(jobs.find(id).await.unwrap().unwrap().queue, "billing");
    /// # });
    /// ```
    fn options(&self, enqueue: Enqueue) -> Enqueue {
        enqueue
    }
}

//! Changes by hand through the client: to one job, to a queue.

use crate::job::Job;
use crate::job_id::JobId;
use crate::jobs::Jobs;
use crate::resend::resend;
use crate::store::{ByHand, Changed, Due, StoreError};

impl Jobs {
    /// Lets a failed, cancelled or quarantined job run again, with all its attempts.
    ///
    /// # Errors
    ///
    /// That of the store.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped before its end, the change is made or not.
    pub async fn retry(&self, id: JobId) -> Result<Changed, StoreError> {
        self.change(ByHand::Retry(id)).await
    }

    /// Sets when a ready job may run: now, after some time, or at a time. Its attempts and its
    /// expiry stay, and a job that waits for members of a batch, or for the link before it, still
    /// does.
    ///
    /// ```
    /// use laneway_jobs::store::{Changed, Due};
    /// use laneway_jobs::testing::simulated;
    /// use laneway_jobs::Job;
    /// use serde::{Deserialize, Serialize};
    /// use std::time::Duration;
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Remind(String);
    /// impl Job for Remind {
    ///     const KIND: &'static str = "remind";
    /// }
    ///
    /// simulated(|jobs| async move {
    ///     let day = Duration::from_secs(86_400);
    ///     let id = jobs.enqueue(Remind("Ada".into())).after(day).await.unwrap().id();
    ///     assert_eq!(jobs.reschedule(id, Due::In(7 * day)).await, Ok(Changed::Done));
    ///     assert_eq!(jobs.reschedule(id, Due::Now).await, Ok(Changed::Done));
    /// });
    /// ```
    ///
    /// # Errors
    ///
    /// That of the store.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped before its end, the change is made or not.
    pub async fn reschedule(&self, id: JobId, due: Due) -> Result<Changed, StoreError> {
        self.change(ByHand::Reschedule(id, due)).await
    }

    /// Cancels a ready job, or asks the worker of a running one to stop it.
    ///
    /// # Errors
    ///
    /// That of the store.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped before its end, the change is made or not.
    pub async fn cancel(&self, id: JobId) -> Result<Changed, StoreError> {
        self.change(ByHand::Cancel(id)).await
    }

    /// Cancels the job of a type that [has a unique key](Jobs::find_unique), as
    /// [`cancel`](Jobs::cancel) does; [`Changed::Missing`] where there is none.
    ///
    /// # Errors
    ///
    /// That of the store.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped before its end, the change is made or not.
    pub async fn cancel_unique<J: Job>(&self, key: &str) -> Result<Changed, StoreError> {
        match self.find_unique::<J>(key).await? {
            Some((id, _)) => self.cancel(id).await,
            None => Ok(Changed::Missing),
        }
    }

    /// Deletes a job that does not run.
    ///
    /// # Errors
    ///
    /// That of the store.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped before its end, the change is made or not.
    pub async fn delete(&self, id: JobId) -> Result<Changed, StoreError> {
        self.change(ByHand::Delete(id)).await
    }

    /// Lets workers take no more jobs of a queue until it is resumed, over restarts.
    ///
    /// # Errors
    ///
    /// That of the store.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped before its end, the change is made or not.
    pub async fn pause_queue(&self, name: &str) -> Result<(), StoreError> {
        self.change(ByHand::Pause(name.to_owned())).await?;
        Ok(())
    }

    /// Lets workers take jobs of a queue again.
    ///
    /// # Errors
    ///
    /// That of the store.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped before its end, the change is made or not.
    pub async fn resume_queue(&self, name: &str) -> Result<(), StoreError> {
        self.change(ByHand::Resume(name.to_owned())).await?;
        Ok(())
    }

    /// A change whose outcome is unknown is sent again: where the first one was made, its answer
    /// is then the state that it led to.
    async fn change(&self, change: ByHand) -> Result<Changed, StoreError> {
        let changed = resend(|| self.store().change(vec![change.clone()])).await?;
        Ok(changed[0])
    }
}

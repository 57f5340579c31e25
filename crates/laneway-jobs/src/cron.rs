//! Schedules by cron pattern, in time zones. Patterns and zones are those of
//! [`laneway::background::cron`].

use std::sync::Arc;

use laneway::background::cron::{Cron, CronError};

use crate::schedule::{Instants, Schedule, ScheduleBuilder};
use crate::schedule_error::ScheduleError;

impl Schedule {
    /// A schedule by a pattern of minute, hour, day of the month, month and day of the week, in a
    /// time zone by its IANA name, such as `Europe/Berlin` or `UTC`.
    ///
    /// [`laneway::background::cron`] tells which patterns there are, and what becomes of times that
    /// are missing, or come twice, where clocks change.
    ///
    /// ```
    /// use laneway_jobs::{Job, Schedule, ScheduleError};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Report;
    /// impl Job for Report {
    ///     const KIND: &'static str = "report";
    /// }
    ///
    /// let nightly = Schedule::cron("nightly report", "0 3 * * *", "Europe/Berlin");
    /// assert!(nightly.job(|_| Report).is_ok());
    /// let never = Schedule::cron("leap", "0 0 30 FEB *", "UTC").job(|_| Report);
    /// assert_eq!(never.unwrap_err(), ScheduleError::Never("0 0 30 FEB *".to_owned()));
    /// ```
    pub fn cron(name: impl Into<String>, pattern: &str, zone: &str) -> ScheduleBuilder {
        ScheduleBuilder::new(
            name.into(),
            instants(Cron::new(pattern, zone), pattern, zone),
        )
    }

    /// A schedule that fires every day at a time, such as `03:00` or `15:04:05`, in a time zone.
    ///
    /// ```
    /// use laneway_jobs::Schedule;
    /// # use laneway_jobs::Job;
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Serialize, Deserialize)]
    /// # struct Report;
    /// # impl Job for Report {
    /// #     const KIND: &'static str = "report";
    /// # }
    /// use std::time::{Duration, SystemTime};
    ///
    /// let nightly = Schedule::daily("nightly report", "03:00", "UTC").job(|_| Report)?;
    /// let first = nightly.next_after(SystemTime::UNIX_EPOCH);
    /// assert_eq!(first, Some(SystemTime::UNIX_EPOCH + Duration::from_secs(3 * 3600)));
    /// # Ok::<(), laneway_jobs::ScheduleError>(())
    /// ```
    pub fn daily(name: impl Into<String>, time: &str, zone: &str) -> ScheduleBuilder {
        ScheduleBuilder::new(name.into(), instants(Cron::daily(time, zone), time, zone))
    }
}

fn instants(
    cron: Result<Cron, CronError>,
    pattern: &str,
    zone: &str,
) -> Result<Instants, ScheduleError> {
    let cron = cron.map_err(|error| match error {
        CronError::Never(pattern) => ScheduleError::Never(pattern),
        other => ScheduleError::Pattern(other.to_string()),
    })?;
    Ok(Instants {
        pattern: pattern.to_owned(),
        zone: zone.to_owned(),
        next_after: Arc::new(move |moment| cron.next_after(moment)),
    })
}

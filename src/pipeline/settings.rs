//! The settings of a pipeline, once its builder has checked them.

use std::time::Duration;

use super::outputs::Overflow;
use super::window::{MissedWindows, Unit};

/// The settings of a pipeline's task.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    /// In units.
    pub(super) period: i64,
    pub(super) unit: Unit,
    pub(super) missed: MissedWindows,
    pub(super) stage_timeout: Duration,
    pub(super) lock_timeout: Duration,
    pub(super) overflow: Overflow,
}

//! From when on a poll is long: set for all queues, and for single ones by name.

use std::time::Duration;

/// The times that polls may take, as they were configured.
#[derive(Clone, Debug)]
pub(crate) struct Thresholds {
    pub(crate) everywhere: Duration,
    /// By the queue's name. The last of several counts.
    pub(crate) single: Vec<(String, Duration)>,
}

impl Default for Thresholds {
    fn default() -> Thresholds {
        Thresholds {
            everywhere: Duration::from_millis(10),
            single: Vec::new(),
        }
    }
}

impl Thresholds {
    /// The threshold of each of these queues, or the name that none of them has.
    pub(crate) fn resolve(&self, queues: &[&str]) -> Result<Box<[Duration]>, String> {
        let mut resolved = vec![self.everywhere; queues.len()];
        for (name, threshold) in &self.single {
            let index = queues.iter().position(|queue| queue == name);
            resolved[index.ok_or_else(|| name.clone())?] = *threshold;
        }
        Ok(resolved.into())
    }
}

//! A solution: a wrapper asks for the label of what it wraps.

use chapter_04::{Labelled, Priority, WithLabel, high, low};

/// A future that calls `done` when this one is ready. Everything else stays as it is.
pub fn with_end<F>(future: F, done: impl FnOnce()) -> WithLabel<impl Future<Output = F::Output>>
where
    F: Labelled,
{
    let priority = future.priority();
    let both = async move {
        let output = future.await;
        done();
        output
    };
    match priority {
        Priority::High => high(both),
        Priority::Low => low(both),
    }
}

//! Your turn: `tended` keeps a process going that panics now and then.

/// Runs the future that `make` makes. When that panics, makes another and runs it.
///
/// This one makes it once.
pub async fn tended<F: Future>(mut make: impl FnMut() -> F) -> F::Output {
    make().await
}

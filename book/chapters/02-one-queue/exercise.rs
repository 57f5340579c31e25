//! Your turn: a future that lets the other tasks go first.

/// Goes to the back of the queue once, and is ready at the next turn.
///
/// This one is ready at once, so no other task has a turn.
pub async fn yield_now() {}

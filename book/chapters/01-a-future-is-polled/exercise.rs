//! Your turn: `both` waits for two futures at once.

/// Gives the outputs of two futures when both are ready.
///
/// This one waits for the first and only then begins to poll the second.
pub async fn both<A: Future, B: Future>(first: A, second: B) -> (A::Output, B::Output) {
    (first.await, second.await)
}

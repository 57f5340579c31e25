//! The trait of work that runs again and again: an async closure without arguments.
//!
//! As with `handler.rs`, the trait is there for the compiler's messages.

/// Runs again and again: every async closure and async fn without arguments.
///
/// [`every`](super::every()) calls it at each tick, and a restarting
/// [`Service`](super::Service::restart) when it needs a state. Nothing else implements it, and
/// nothing needs to.
///
/// ```
/// use laneway::background::Repeatable;
///
/// async fn twice(mut run: impl Repeatable<u32>) -> u32 {
///     run().await + run().await
/// }
///
/// let mut n = 0;
/// let next = async || {
///     n += 1;
///     n
/// };
/// assert_eq!(laneway::block_on(twice(next)), 3);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an async closure without arguments",
    label = "write `async || ...`",
    note = "an async fn works as well; an async closure need not await anything"
)]
pub trait Repeatable<Output>: AsyncFnMut() -> Output {}

#[diagnostic::do_not_recommend]
impl<Output, F: AsyncFnMut() -> Output> Repeatable<Output> for F {}

//! Which futures are too large to be moved about.

/// Whether a future is boxed where it enters this crate: on its way into its task it is moved
/// through several functions, each of which needs room for it on the stack in a build without
/// optimisations.
pub(super) const fn is_large<F>() -> bool {
    size_of::<F>() > 4096
}

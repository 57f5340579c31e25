//! The trait of handlers: async closures of the state and a request.
//!
//! The traits have no methods. They say in the compiler's messages what to write, where an
//! ordinary closure was given.

/// Serves one request at a time, with the state for itself: every async closure and async fn that
/// takes `&mut S` and a request.
///
/// Nothing else implements it, and nothing needs to: a function that hands a handler on may ask
/// for [`AsyncFnMut`] as well.
///
/// ```
/// use laneway::background::{Background, ServiceHandle, service};
/// use laneway::{block_on, spawn_task};
///
/// fn counted<H>(handler: H) -> (ServiceHandle<u32, u64>, Background<impl Future<Output = ()>>)
/// where
///     H: AsyncFnMut(&mut u64, u32) -> u64,
/// {
///     service(0, handler)
/// }
///
/// let (calls, background) = counted(async |calls: &mut u64, _: u32| {
///     *calls += 1;
///     *calls
/// });
/// spawn_task!(background).detach();
/// assert_eq!(block_on(calls.call(7)), Ok(1));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an async closure of a state and a request",
    label = "write `async |state: &mut {S}, request: {Req}| ...`",
    note = "an async fn works as well; an async closure need not await anything"
)]
pub trait Handler<S, Req, Res>: AsyncFnMut(&mut S, Req) -> Res {}

#[diagnostic::do_not_recommend]
impl<S, Req, Res, H: AsyncFnMut(&mut S, Req) -> Res> Handler<S, Req, Res> for H {}

/// Serves several requests at once, which share the state: every async closure and async fn that
/// takes `&S` and a request.
///
/// Nothing else implements it, and nothing needs to, as with [`Handler`].
///
/// ```
/// use laneway::background::{Background, Service, ServiceHandle, SharedHandler};
/// use laneway::{block_on, spawn_task};
///
/// fn eight<H>(handler: H) -> (ServiceHandle<u32, u32>, Background<impl Future<Output = ()>>)
/// where
///     H: SharedHandler<u32, u32, u32>,
/// {
///     Service::new().in_flight(8).build(3, handler)
/// }
///
/// let (triple, background) = eight(async |factor: &u32, n: u32| factor * n);
/// spawn_task!(background).detach();
/// assert_eq!(block_on(triple.call(7)), Ok(21));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an async closure of a shared state and a request",
    label = "write `async |state: &{S}, request: {Req}| ...`",
    note = "an async fn works as well; an async closure need not await anything"
)]
pub trait SharedHandler<S, Req, Res>: AsyncFn(&S, Req) -> Res {}

#[diagnostic::do_not_recommend]
impl<S, Req, Res, H: AsyncFn(&S, Req) -> Res> SharedHandler<S, Req, Res> for H {}

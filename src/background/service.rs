//! The set-up of a background: the arguments of its handler, and its fate after a panic.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::abandoned::Abandoned;
use super::at_shutdown::AtShutdown;
use super::call_order::CallOrder;
use super::errand::AfterPanic;
use super::future::Background;
use super::handle::{AnyMailbox, ServiceHandle};
use super::handler::{Handler, SharedHandler};
use super::lodging::{Boxed, Life, Lodging, Size, Within};
use super::mailbox::{Inbox, Mailbox};
use super::repeatable::Repeatable;
use super::restart::{RestartPolicy, Restarts};
use super::serve::{concurrently, in_order};
use super::serving::Serving;
use super::supervise::{once, restarting};
use crate::ground::large::is_large;

/// A background that owns a state, and the handle that sends it requests. It serves them one at a
/// time: those of high tasks first, and otherwise in the order in which they come. Its queue has no
/// bound; [`Service`] offers more.
///
/// The handler is an async closure, or an async fn, of the state and a request. Borrows
/// from the state may be held across its awaits: no other code touches the state meanwhile.
///
/// Nothing happens until the [`Background`] is spawned or awaited. Whether it can be spawned, that
/// is whether it is `Send`, the compiler finds out from the state and the handler.
///
/// # Panics
///
/// The background panics with what the handler panics with; every caller gets
/// [`CallError::Closed`](super::CallError::Closed), with the panic's message, before that.
///
/// # The end
///
/// It ends when its last handle is dropped or one has [closed](super::ServiceHandle::close) it, and
/// when the runtime that it runs on begins to shut down. In each case it serves what it holds
/// first; [`Service::at_shutdown`] has it go on at shutdown.
///
/// # Cancellation
///
/// A background that is dropped drops its state and what it has in flight, and every caller gets
/// [`CallError::Closed`](super::CallError::Closed).
///
/// ```
/// use laneway::{background, block_on, spawn_task};
/// use std::collections::HashMap;
///
/// async fn length(cache: &mut HashMap<String, usize>, word: String) -> usize {
///     *cache.entry(word).or_insert_with_key(|word| word.len())
/// }
///
/// let (lengths, background) = background::service(HashMap::new(), length);
/// let background = spawn_task!(background);
/// assert_eq!(block_on(lengths.call("lane".to_owned())), Ok(4));
///
/// // The last handle is dropped, and the background ends.
/// drop(lengths);
/// block_on(background);
/// ```
#[doc(alias = "actor")]
pub fn service<S, Req, Res, H>(
    state: S,
    handler: H,
) -> (
    ServiceHandle<Req, Res>,
    Background<impl Future<Output = ()>>,
)
where
    H: Handler<S, Req, Res>,
{
    Service::new().build(state, handler)
}

/// Sets up a background.
///
/// - [`bounded(n)`](Service::bounded): at most `n` requests wait unattended. Default: no bound.
/// - [`in_flight(n)`](Service::in_flight): the handler gets `&S`, and up to `n` requests at once.
///   Default: `&mut S`, and one.
/// - [`call_order(..)`](Service::call_order): whether the calls of high tasks go first. Default:
///   they do.
/// - [`abandoned(..)`](Service::abandoned): whether the handler goes on when its caller has given
///   up. Default: it does.
/// - [`at_shutdown(..)`](Service::at_shutdown): whether it ends with its runtime though handles of
///   it are left. Default: it does.
/// - [`restart(policy)`](Service::restart): the state is made anew after a panic. Default: the
///   background ends.
/// - [`name(name)`](Service::name): how the log calls it when it restarts.
///
/// `Order` and `Life` stand for `in_flight` and `restart`; they are inferred.
///
/// ```
/// use laneway::background::{RestartPolicy, Service};
/// use laneway::{block_on, spawn_task};
///
/// let (resolver, background) = Service::new()
///     .name("resolver")
///     .bounded(100)
///     .in_flight(8)
///     .restart(RestartPolicy::new())
///     .build(
///         async || vec!["localhost"],
///         async |hosts: &Vec<&str>, name: String| hosts.contains(&name.as_str()),
///     );
/// spawn_task!(background).detach();
/// assert_eq!(block_on(resolver.call("localhost".to_owned())), Ok(true));
/// ```
#[derive(Clone, Debug)]
#[must_use = "a service does nothing until it is built and its background spawned"]
pub struct Service<Order = OneAtATime, Life = Once> {
    settings: Settings,
    order: Order,
    life: Life,
}

#[derive(Clone, Debug)]
struct Settings {
    name: String,
    bound: Option<usize>,
    call_order: CallOrder,
    abandoned: Abandoned,
    at_shutdown: AtShutdown,
}

/// The handler has the state for itself. The default of [`Service`].
///
/// ```
/// use laneway::background::{OneAtATime, Service};
/// use laneway::{block_on, spawn_task};
///
/// let service: Service<OneAtATime> = Service::new();
/// let (sum, background) = service.build(40, async |sum: &mut u64, n: u64| {
///     *sum += n;
///     *sum
/// });
/// spawn_task!(background).detach();
/// assert_eq!(block_on(sum.call(2)), Ok(42));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct OneAtATime;

/// Several requests at once share the state. Set by [`Service::in_flight`].
///
/// ```
/// use laneway::background::{ManyAtOnce, Service};
/// use laneway::{block_on, spawn_task};
///
/// let service: Service<ManyAtOnce> = Service::new().in_flight(8);
/// let (triple, background) = service.build(3, async |factor: &u64, n: u64| factor * n);
/// spawn_task!(background).detach();
/// assert_eq!(block_on(triple.call(14)), Ok(42));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ManyAtOnce {
    limit: usize,
}

/// A panic is the end. The default of [`Service`].
///
/// ```
/// use laneway::background::{OneAtATime, Once, Service};
/// use laneway::{block_on, spawn_task};
///
/// let service: Service<OneAtATime, Once> = Service::new();
/// let (shares, background) = service.build(100, async |sum: &mut u64, n: u64| *sum / n);
/// spawn_task!(background).detach();
/// assert!(block_on(shares.call(0)).is_err());
/// assert!(block_on(shares.call(5)).is_err(), "it has ended");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Once;

/// After a panic there is a new state. Set by [`Service::restart`].
///
/// ```
/// use laneway::background::{OneAtATime, RestartPolicy, Restarting, Service};
/// use laneway::{block_on, spawn_task};
///
/// let service: Service<OneAtATime, Restarting> = Service::new().restart(RestartPolicy::new());
/// let (shares, background) = service.build(async || 100, async |sum: &mut u64, n: u64| *sum / n);
/// spawn_task!(background).detach();
/// assert!(block_on(shares.call(0)).is_err());
/// assert_eq!(block_on(shares.call(5)), Ok(20));
/// ```
#[derive(Clone, Debug)]
pub struct Restarting {
    policy: RestartPolicy,
}

impl Service {
    /// One request at a time, no bound, no restart.
    ///
    /// ```
    /// use laneway::background::Service;
    ///
    /// let (echo, _background) = Service::new().build((), async |_: &mut (), n: u8| n);
    /// assert!(!echo.is_closed());
    /// ```
    pub fn new() -> Service {
        Service {
            settings: Settings {
                name: "unnamed".to_owned(),
                bound: None,
                call_order: CallOrder::default(),
                abandoned: Abandoned::default(),
                at_shutdown: AtShutdown::default(),
            },
            order: OneAtATime,
            life: Once,
        }
    }
}

impl Default for Service {
    fn default() -> Service {
        Service::new()
    }
}

impl<Order, Life> Service<Order, Life> {
    /// How the log calls the background when it restarts. Default: `unnamed`.
    ///
    /// ```
    /// use laneway::background::Service;
    ///
    /// let service = Service::new().name("resolver");
    /// assert!(format!("{service:?}").contains("resolver"));
    /// ```
    pub fn name(mut self, name: impl Into<String>) -> Service<Order, Life> {
        self.settings.name = name.into();
        self
    }

    /// At most `bound` requests wait for the handler without a caller that awaits them: beyond that
    /// [`try_call`](ServiceHandle::try_call) is refused, and [`call`](ServiceHandle::call) waits.
    /// Requests in flight do not count. Default: no bound.
    ///
    /// # Panics
    ///
    /// If the bound is zero: nothing could be sent by `try_call`, ever.
    ///
    /// ```
    /// use laneway::background::Service;
    ///
    /// let (echo, _background) = Service::new().bounded(1).build((), async |_: &mut (), n: u8| n);
    /// let _first = echo.try_call(1)?;
    /// assert!(echo.try_call(2).is_err());
    /// # Ok::<(), laneway::background::TryCallError<u8>>(())
    /// ```
    #[track_caller]
    pub fn bounded(mut self, bound: usize) -> Service<Order, Life> {
        assert!(
            bound > 0,
            "a background needs room for one request at least"
        );
        self.settings.bound = Some(bound);
        self
    }

    /// In which order calls are served: those of high tasks first, or the first come first.
    /// Default: [`CallOrder::UrgentFirst`].
    ///
    /// The calls of one task stay in their order, unless the task is raised in between.
    ///
    /// ```
    /// use laneway::background::{CallOrder, Service};
    /// use laneway::{Priority, Runtime};
    ///
    /// // Lines of a log, in the order in which they were written.
    /// let service = Service::new().call_order(CallOrder::FirstCome);
    /// let write = async |lines: &mut String, line: &str| {
    ///     *lines += line;
    ///     lines.clone()
    /// };
    /// let (log, background) = service.build(String::new(), write);
    /// log.try_call("first, ").unwrap().detach();
    ///
    /// // A high task's line, which would else go before the other.
    /// let rt = Runtime::builder().build()?;
    /// let second = rt.spawn(async move { log.call("second").await }, Priority::High);
    /// rt.spawn(background, Priority::Low).detach();
    /// assert_eq!(rt.block_on(second)?, "first, second");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn call_order(mut self, call_order: CallOrder) -> Service<Order, Life> {
        self.settings.call_order = call_order;
        self
    }

    /// Up to `limit` requests are in flight at once, and replied to in the order in which they
    /// end: a slow one does not hold up the rest. The handler gets the state as `&S`. With 1, each
    /// request is begun when the one before has ended, in their order.
    ///
    /// They run beside each other in the one task, not on several threads: a handler that
    /// computes for long spawns that part, or hands it to
    /// [`unblock`](crate::blocking::unblock), and awaits it.
    ///
    /// # Panics
    ///
    /// If the number is zero.
    ///
    /// ```
    /// use laneway::background::Service;
    /// use laneway::time::sleep;
    /// use laneway::{block_on, spawn_task};
    /// use std::time::Duration;
    ///
    /// let nap = async |_: &(), millis: u64| sleep(Duration::from_millis(millis)).await;
    /// let (naps, background) = Service::new().in_flight(2).build((), nap);
    /// spawn_task!(background).detach();
    /// let long = naps.try_call(3_600_000).unwrap();
    /// assert_eq!(block_on(naps.call(1)), Ok(()));
    /// drop(long);
    /// ```
    #[track_caller]
    pub fn in_flight(self, limit: usize) -> Service<ManyAtOnce, Life> {
        assert!(
            limit > 0,
            "a background needs one request in flight at least"
        );
        Service {
            settings: self.settings,
            order: ManyAtOnce { limit },
            life: self.life,
        }
    }

    /// Sets the fate of a request that the handler has taken when its caller gives up. Default:
    /// [`Abandoned::Finished`].
    ///
    /// Where requests may wait for long, for a connection of a pool or an answer from elsewhere,
    /// the callers' patience ends first, and requests that no caller waits for fill the places in
    /// flight. [`Abandoned::Dropped`] frees them; [`caller_gone`](super::caller_gone()) lets the
    /// handler do so itself.
    ///
    /// ```
    /// use laneway::background::{Abandoned, Service};
    /// use laneway::{block_on, spawn_task};
    /// use std::future::pending;
    /// use std::time::Duration;
    ///
    /// let query = async |_: &(), n: u32| if n == 0 { pending().await } else { n };
    /// let service = Service::new().in_flight(1).abandoned(Abandoned::Dropped);
    /// let (queries, background) = service.build((), query);
    /// spawn_task!(background).detach();
    /// let impatient = queries.call_timeout(0, Duration::from_millis(1));
    /// assert!(block_on(impatient).is_err());
    /// assert_eq!(block_on(queries.call(7)), Ok(7));
    /// ```
    pub fn abandoned(mut self, abandoned: Abandoned) -> Service<Order, Life> {
        self.settings.abandoned = abandoned;
        self
    }

    /// Sets how the service ends when the runtime that it runs on begins to
    /// [shut down](crate::Runtime::shutdown). Default: [`AtShutdown::Drains`]. Further callers then
    /// get [`CloseReason::ShutDown`](super::CloseReason::ShutDown).
    ///
    /// A pause before a restart is over at that moment.
    ///
    /// ```
    /// use laneway::background::{AtShutdown, Service};
    /// use laneway::{Priority, Runtime, block_on, shutdown_begun};
    /// use std::time::Duration;
    ///
    /// // A log, in which other tasks write until their own end.
    /// let service = Service::new().at_shutdown(AtShutdown::Outlives);
    /// let write = async |lines: &mut usize, _line: &str| { *lines += 1; *lines };
    /// let (log, background) = service.build(0, write);
    ///
    /// let rt = Runtime::builder().build()?;
    /// rt.spawn(background, Priority::Low).detach();
    /// let last_words = async move {
    ///     shutdown_begun().await;
    ///     assert_eq!(log.call("good night").await, Ok(1));
    /// };
    /// rt.spawn(last_words, Priority::Low).detach();
    /// let report = rt.shutdown(Duration::from_secs(10));
    /// assert_eq!((report.completed, report.panicked), (2, 0));
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    pub fn at_shutdown(mut self, at_shutdown: AtShutdown) -> Service<Order, Life> {
        self.settings.at_shutdown = at_shutdown;
        self
    }

    /// After a panic of the handler, the state is dropped, and after a pause another one is made,
    /// as the policy says. For that, [`build`](Service::build) is given an async closure that
    /// makes a state; if that panics, it counts like a panic of the handler.
    ///
    /// Callers whose requests are in flight get [`CallError::Panicked`](super::CallError::Panicked)
    /// at once. Those in the queue wait for the new state. Each panic goes to the log as an error,
    /// and [`metrics`](ServiceHandle::metrics) counts the restarts.
    ///
    /// Only the state is made anew: what the handler itself has captured stays as the panic left
    /// it.
    ///
    /// ```
    /// use laneway::background::{CallError, RestartPolicy, Service};
    /// use laneway::{block_on, spawn_task};
    ///
    /// let (sum, background) = Service::new().restart(RestartPolicy::new()).build(
    ///     async || 0_u8,
    ///     async |sum: &mut u8, n: u8| {
    ///         *sum = sum.checked_add(n).expect("no overflow");
    ///         *sum
    ///     },
    /// );
    /// spawn_task!(background).detach();
    /// assert_eq!(block_on(sum.call(200)), Ok(200));
    /// let panicked = CallError::Panicked("no overflow".into());
    /// assert_eq!(block_on(sum.call(100)), Err(panicked));
    /// assert_eq!(block_on(sum.call(100)), Ok(100));
    /// ```
    pub fn restart(self, policy: RestartPolicy) -> Service<Order, Restarting> {
        Service {
            settings: self.settings,
            order: self.order,
            life: Restarting { policy },
        }
    }
}

impl Service<OneAtATime, Once> {
    /// Makes the background and its first handle, as [`service`](service()) does.
    ///
    /// ```
    /// use laneway::background::Service;
    /// use laneway::{block_on, spawn_task};
    ///
    /// let (stack, background) = Service::new().bounded(10).build(
    ///     Vec::new(),
    ///     async |stack: &mut Vec<u32>, n: u32| {
    ///         stack.push(n);
    ///         stack.len()
    ///     },
    /// );
    /// spawn_task!(background).detach();
    /// assert_eq!(block_on(stack.call(7)), Ok(1));
    /// ```
    pub fn build<S, Req, Res, H>(
        self,
        state: S,
        handler: H,
    ) -> (
        ServiceHandle<Req, Res>,
        Background<impl Future<Output = ()>>,
    )
    where
        H: Handler<S, Req, Res>,
    {
        let size = Size::of_handler::<S, Req, Res, H>();
        let lives = Lives {
            within: once_in_order::<Within, S, Req, Res, H>,
            boxed: once_in_order::<Boxed, S, Req, Res, H>,
            of_boxes: once_in_order_with_boxes::<S, Req, Res, H>,
        };
        match const { any_is_large::<S, Req, Res>() } {
            true => open_with_boxes(&self.settings, (Box::new(state), handler), lives),
            false => open_plain(&self.settings, size, (state, handler), lives),
        }
    }
}

impl Service<ManyAtOnce, Once> {
    /// Makes the background and its first handle. The handler gets `&S`.
    ///
    /// ```
    /// use laneway::background::Service;
    /// use laneway::{block_on, spawn_task};
    /// use std::sync::Mutex;
    ///
    /// let (stack, background) = Service::new().in_flight(10).build(
    ///     Mutex::new(Vec::new()),
    ///     async |stack: &Mutex<Vec<u32>>, n: u32| {
    ///         let mut stack = stack.lock().unwrap();
    ///         stack.push(n);
    ///         stack.len()
    ///     },
    /// );
    /// spawn_task!(background).detach();
    /// assert_eq!(block_on(stack.call(7)), Ok(1));
    /// ```
    pub fn build<S, Req, Res, H>(
        self,
        state: S,
        handler: H,
    ) -> (
        ServiceHandle<Req, Res>,
        Background<impl Future<Output = ()>>,
    )
    where
        H: SharedHandler<S, Req, Res>,
    {
        let size = Size::of_shared_handler::<S, Req, Res, H>();
        let limit = self.order.limit;
        let lives = Lives {
            within: once_concurrently::<Within, S, Req, Res, H>,
            boxed: once_concurrently::<Boxed, S, Req, Res, H>,
            of_boxes: once_concurrently_with_boxes::<S, Req, Res, H>,
        };
        match const { any_is_large::<S, Req, Res>() } {
            true => open_with_boxes(&self.settings, (Box::new(state), handler, limit), lives),
            false => open_plain(&self.settings, size, (state, handler, limit), lives),
        }
    }
}

impl Service<OneAtATime, Restarting> {
    /// Makes the background and its first handle. `make` makes the state, at the beginning and
    /// after each panic. [`restart`](Service::restart) has an example.
    pub fn build<S, Req, Res, H>(
        self,
        make: impl Repeatable<S>,
        handler: H,
    ) -> (
        ServiceHandle<Req, Res>,
        Background<impl Future<Output = ()>>,
    )
    where
        H: Handler<S, Req, Res>,
    {
        let restarts = Restarts::new(self.life.policy);
        let size = Size::of_handler::<S, Req, Res, H>().max(size_of_maker(&make));
        let parts = (make, handler, restarts, self.settings.name.clone());
        let lives = Lives {
            within: restarting_in_order::<Within, S, Req, Res, H, _>,
            boxed: restarting_in_order::<Boxed, S, Req, Res, H, _>,
            of_boxes: restarting_in_order_with_boxes::<S, Req, Res, H, _>,
        };
        match const { any_is_large::<S, Req, Res>() } {
            true => open_with_boxes(&self.settings, parts, lives),
            false => open_plain(&self.settings, size, parts, lives),
        }
    }
}

impl Service<ManyAtOnce, Restarting> {
    /// Makes the background and its first handle. `make` makes the state, at the beginning and
    /// after each panic; the handler gets it as `&S`. [`Service`] has an example.
    pub fn build<S, Req, Res, H>(
        self,
        make: impl Repeatable<S>,
        handler: H,
    ) -> (
        ServiceHandle<Req, Res>,
        Background<impl Future<Output = ()>>,
    )
    where
        H: SharedHandler<S, Req, Res>,
    {
        let restarts = Restarts::new(self.life.policy);
        let size = Size::of_shared_handler::<S, Req, Res, H>().max(size_of_maker(&make));
        let (limit, name) = (self.order.limit, self.settings.name.clone());
        let parts = (make, (handler, limit), restarts, name);
        let lives = Lives {
            within: restarting_concurrently::<Within, S, Req, Res, H, _>,
            boxed: restarting_concurrently::<Boxed, S, Req, Res, H, _>,
            of_boxes: restarting_concurrently_with_boxes::<S, Req, Res, H, _>,
        };
        match const { any_is_large::<S, Req, Res>() } {
            true => open_with_boxes(&self.settings, parts, lives),
            false => open_plain(&self.settings, size, parts, lives),
        }
    }
}

// The lives of a service, by where the futures of its handler lie.

fn once_in_order<L: Lodging, S, Req, Res, H: Handler<S, Req, Res>>(
    (state, mut handler): (S, H),
    inbox: Inbox<Req, Res>,
) -> impl Future<Output = ()> {
    once(state, inbox, async move |state: &mut S, inbox: &mut _| {
        in_order::<L, _, _, _, _>(state, &mut handler, inbox, AfterPanic::Ends).await
    })
}

fn once_concurrently<L: Lodging, S, Req, Res, H: SharedHandler<S, Req, Res>>(
    (state, handler, limit): (S, H, usize),
    inbox: Inbox<Req, Res>,
) -> impl Future<Output = ()> {
    once(state, inbox, async move |state: &mut S, inbox: &mut _| {
        concurrently::<L, _, _, _, _>(&*state, &handler, inbox, limit, AfterPanic::Ends).await
    })
}

async fn restarting_in_order<L: Lodging, S, Req, Res, H, M>(
    (make, mut handler, restarts, name): (M, H, Restarts, String),
    inbox: Inbox<Req, Res>,
) where
    H: Handler<S, Req, Res>,
    M: Repeatable<S>,
{
    let serve = async move |state: &mut S, inbox: &mut _| {
        in_order::<L, _, _, _, _>(state, &mut handler, inbox, AfterPanic::Restarts).await
    };
    restarting::<L, _, _, _>(make, inbox, serve, restarts, &name).await;
}

async fn restarting_concurrently<L: Lodging, S, Req, Res, H, M>(
    (make, (handler, limit), restarts, name): (M, (H, usize), Restarts, String),
    inbox: Inbox<Req, Res>,
) where
    H: SharedHandler<S, Req, Res>,
    M: Repeatable<S>,
{
    let serve = async move |state: &mut S, inbox: &mut _| {
        concurrently::<L, _, _, _, _>(&*state, &handler, inbox, limit, AfterPanic::Restarts).await
    };
    restarting::<L, _, _, _>(make, inbox, serve, restarts, &name).await;
}

// The same where each value goes its way in a box, since one of the types is large.

fn once_in_order_with_boxes<S, Req, Res, H: Handler<S, Req, Res>>(
    (state, mut handler): (Box<S>, H),
    inbox: Inbox<Box<Req>, Box<Res>>,
) -> impl Future<Output = ()> {
    let handler = async move |state: &mut Box<S>, request: Box<Req>| {
        Box::new(Box::pin(handler(&mut **state, *request)).await)
    };
    once_in_order::<Boxed, Box<S>, Box<Req>, Box<Res>, _>((state, handler), inbox)
}

#[expect(clippy::borrowed_box, reason = "the state of this service is the box")]
fn once_concurrently_with_boxes<S, Req, Res, H: SharedHandler<S, Req, Res>>(
    (state, handler, limit): (Box<S>, H, usize),
    inbox: Inbox<Box<Req>, Box<Res>>,
) -> impl Future<Output = ()> {
    let handler = async move |state: &Box<S>, request: Box<Req>| {
        Box::new(Box::pin(handler(&**state, *request)).await)
    };
    once_concurrently::<Boxed, Box<S>, Box<Req>, Box<Res>, _>((state, handler, limit), inbox)
}

fn restarting_in_order_with_boxes<S, Req, Res, H, M>(
    (mut make, mut handler, restarts, name): (M, H, Restarts, String),
    inbox: Inbox<Box<Req>, Box<Res>>,
) -> impl Future<Output = ()>
where
    H: Handler<S, Req, Res>,
    M: Repeatable<S>,
{
    let make = async move || Box::new(Box::pin(make()).await);
    let handler = async move |state: &mut Box<S>, request: Box<Req>| {
        Box::new(Box::pin(handler(&mut **state, *request)).await)
    };
    let parts = (make, handler, restarts, name);
    restarting_in_order::<Boxed, Box<S>, Box<Req>, Box<Res>, _, _>(parts, inbox)
}

#[expect(clippy::borrowed_box, reason = "the state of this service is the box")]
fn restarting_concurrently_with_boxes<S, Req, Res, H, M>(
    (mut make, (handler, limit), restarts, name): (M, (H, usize), Restarts, String),
    inbox: Inbox<Box<Req>, Box<Res>>,
) -> impl Future<Output = ()>
where
    H: SharedHandler<S, Req, Res>,
    M: Repeatable<S>,
{
    let make = async move || Box::new(Box::pin(make()).await);
    let handler = async move |state: &Box<S>, request: Box<Req>| {
        Box::new(Box::pin(handler(&**state, *request)).await)
    };
    let parts = (make, (handler, limit), restarts, name);
    restarting_concurrently::<Boxed, Box<S>, Box<Req>, Box<Res>, _, _>(parts, inbox)
}

/// Whether the state, the requests or the replies of a service are to lie in boxes.
const fn any_is_large<S, Req, Res>() -> bool {
    is_large::<S>() || is_large::<Req>() || is_large::<Res>()
}

fn size_of_maker<S, M: Repeatable<S>>(_: &M) -> Size {
    Size::of_maker::<S, M>()
}

/// Both ends of a new service, whose background runs `F`, `G` or `B`. These are boxed, since a
/// state may be large, and the background is handed on several times before it is a task's.
type Opened<F, G, B, Req, Res> = (
    ServiceHandle<Req, Res>,
    Background<AnyServing<F, G, B, Req, Res>>,
);

/// A service as its task polls it, by the way of its values.
enum AnyServing<F, G, B, Req, Res> {
    Plain(Serving<Life<F, G>, Req, Res>),
    OfBoxes(Serving<Pin<Box<B>>, Box<Req>, Box<Res>>),
}

impl<F, G, B, Req, Res> Future for AnyServing<F, G, B, Req, Res>
where
    F: Future<Output = ()>,
    G: Future<Output = ()>,
    B: Future<Output = ()>,
{
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.get_mut() {
            AnyServing::Plain(serving) => Pin::new(serving).poll(cx),
            AnyServing::OfBoxes(serving) => Pin::new(serving).poll(cx),
        }
    }
}

/// The functions that make a service's life of its parts and its end of the mailbox.
struct Lives<F, G, B> {
    /// Where the futures of the handler lie within the life.
    within: F,
    /// Where each of these futures lies in a box, since they are large.
    boxed: G,
    /// Where the state, the requests and the replies lie in boxes, since one of them is large.
    of_boxes: B,
}

/// The first handle of a new service, and its background.
fn open_plain<Req, Res, P, Q, F: Future<Output = ()>, G: Future<Output = ()>, B>(
    settings: &Settings,
    size: Size,
    parts: P,
    lives: Lives<
        impl FnOnce(P, Inbox<Req, Res>) -> F,
        impl FnOnce(P, Inbox<Req, Res>) -> G,
        impl FnOnce(Q, Inbox<Box<Req>, Box<Res>>) -> B,
    >,
) -> Opened<F, G, B, Req, Res> {
    let (mailbox, serving) = settings.open(|inbox| match size {
        Size::Small => Life::Within(Box::pin((lives.within)(parts, inbox))),
        Size::Large => Life::WithBoxes(Box::pin((lives.boxed)(parts, inbox))),
    });
    let handle = ServiceHandle::first(AnyMailbox::Plain(mailbox));
    (handle, Background::new(AnyServing::Plain(serving)))
}

/// As [`open`], with the life for boxes.
fn open_with_boxes<Req, Res, P, Q, F, G, B: Future<Output = ()>>(
    settings: &Settings,
    parts: Q,
    lives: Lives<
        impl FnOnce(P, Inbox<Req, Res>) -> F,
        impl FnOnce(P, Inbox<Req, Res>) -> G,
        impl FnOnce(Q, Inbox<Box<Req>, Box<Res>>) -> B,
    >,
) -> Opened<F, G, B, Req, Res> {
    let (mailbox, serving) = settings.open(|inbox| Box::pin((lives.of_boxes)(parts, inbox)));
    let handle = ServiceHandle::first(AnyMailbox::OfBoxes(mailbox));
    (handle, Background::new(AnyServing::OfBoxes(serving)))
}

impl Settings {
    /// The mailbox of a new service, and the life that serves it.
    fn open<Req, Res, L>(
        &self,
        live: impl FnOnce(Inbox<Req, Res>) -> L,
    ) -> (Arc<Mailbox<Req, Res>>, Serving<L, Req, Res>) {
        let mailbox = Mailbox::new(self.bound, self.call_order);
        let inbox = Inbox::new(mailbox.clone(), self.abandoned);
        let serving = Serving::new(live(inbox), mailbox.clone(), self.at_shutdown);
        (mailbox, serving)
    }
}

//! The server, and its handle.

use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Buf;
use http::{Request, Response};
use http_body::Body;
use laneway::net::TcpListener;
use laneway::observe::LongPollNames;
use laneway::time::{now, timeout, timeout_at};
use laneway::{Handle, Priority, spawn_task};
use tower_service::Service;

use super::accept::Acceptor;
use super::exchange::RequestBody;
use super::fleet::{ConnectProtocol, Fleet, Order, ServeReport};
use super::limits::Limits;
use super::nodelay::Nodelay;
use super::tls::Tls;

/// An HTTP server: HTTP/1 and HTTP/2 on one port.
///
/// The service is one of `tower_service`, as axum's routers and the layers of tower are. Each
/// connection has a clone of it, and each request a clone of that.
///
/// ```
/// use http::{Request, Response};
/// use laneway::net::TcpListener;
/// use laneway::{Priority, Runtime};
/// use laneway_http::{RequestBody, Server, service_fn};
/// use std::convert::Infallible;
/// use std::io::{Read, Write};
///
/// async fn hello(request: Request<RequestBody>) -> Result<Response<String>, Infallible> {
///     Ok(Response::new(format!("hello from {}", request.uri().path())))
/// }
///
/// let rt = Runtime::builder().build()?;
/// let listener = rt.block_on(TcpListener::bind("127.0.0.1:0"))?;
/// let address = listener.local_addr()?;
/// let server = Server::new(service_fn(hello));
/// let handle = server.handle();
/// let serving = rt.spawn(server.serve(listener), Priority::High);
///
/// let mut client = std::net::TcpStream::connect(address)?;
/// client.write_all(b"GET /here HTTP/1.1\r\nHost: me\r\nConnection: close\r\n\r\n")?;
/// let mut answer = String::new();
/// client.read_to_string(&mut answer)?;
/// assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"));
/// assert!(answer.ends_with("hello from /here"));
///
/// handle.shutdown();
/// let report = rt.block_on(serving);
/// assert_eq!(report.served, 1);
/// assert!(report.is_clean());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a server does nothing until `serve` is called and awaited"]
pub struct Server<S> {
    pub(crate) service: S,
    pub(crate) limits: Limits,
    pub(crate) connect_protocol: ConnectProtocol,
    pub(crate) tls: Option<Tls>,
    pub(crate) fleet: Arc<Fleet>,
}

/// A handle of a server: it ends the server and tells how it is. Any number of clones may be kept,
/// before, during and after the serving.
///
/// [`Server`] has an example.
#[derive(Clone)]
pub struct ServerHandle {
    fleet: Arc<Fleet>,
}

/// How long connections that were cut off may take to be gone.
const AFTER_THE_CUT: Duration = Duration::from_millis(20);

/// The log's warning about a runtime that is not for servers.
const SLOW: &str = "requests wait for the ends of low polls here, since all high threads take low \
    tasks and none stands by: beside low work, one of a hundred waits for several such polls; \
    leave out with_standby(0), or take Builder::latency_first";

/// Serves with [`Limits::public`], until the runtime begins to shut down. [`Server::serve`] has
/// the details, and the [crate](crate) an example.
///
/// # Cancellation
///
/// When the future is dropped, all connections are cut off.
pub async fn serve<S, B>(listener: TcpListener, service: S) -> ServeReport
where
    S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    S::Future: Send + 'static,
    B: Body + Send + 'static,
    B::Data: Buf + Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    Server::new(service).serve(listener).await
}

impl<S> Server<S> {
    /// A server of this service, with [`Limits::public`].
    pub fn new(service: S) -> Server<S> {
        Server::with_handle(|_| service)
    }

    /// A server whose service is made with the server's own handle: for a route that shows the
    /// server's metrics, or one that ends the server.
    ///
    /// ```
    /// use http::{Request, Response};
    /// use laneway_http::{RequestBody, Server, service_fn};
    ///
    /// let server = Server::with_handle(|handle| {
    ///     service_fn(move |_request: Request<RequestBody>| {
    ///         let text = handle.prometheus();
    ///         async { Ok::<_, std::convert::Infallible>(Response::new(text)) }
    ///     })
    /// });
    /// assert_eq!(server.handle().connections(), 0);
    /// ```
    pub fn with_handle(make: impl FnOnce(ServerHandle) -> S) -> Server<S> {
        let fleet = Arc::new(Fleet::new());
        Server {
            service: make(ServerHandle {
                fleet: fleet.clone(),
            }),
            limits: Limits::public(),
            connect_protocol: ConnectProtocol::NotOffered,
            tls: None,
            fleet,
        }
    }

    /// Sets what clients are granted.
    pub fn limits(self, limits: Limits) -> Server<S> {
        Server { limits, ..self }
    }

    /// Offers `CONNECT` with a protocol in HTTP/2 (RFC 8441). The default is not to.
    ///
    /// Browsers that have a connection in HTTP/2 open their WebSockets on it then, by a `CONNECT`
    /// with the path of the WebSocket, in place of a `GET` in HTTP/1.1. So it is for a service that
    /// knows both: the module [`upgrade`](crate::upgrade#in-http2) has an example.
    pub fn enable_connect_protocol(self) -> Server<S> {
        let connect_protocol = ConnectProtocol::Offered;
        Server {
            connect_protocol,
            ..self
        }
    }

    /// A handle of this server.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        ServerHandle {
            fleet: self.fleet.clone(),
        }
    }
}

impl<S, B> Server<S>
where
    S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    S::Future: Send + 'static,
    B: Body + Send + 'static,
    B::Data: Buf + Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    /// Serves the clients of a listener, until [`ServerHandle::shutdown`] is called or the runtime
    /// begins to shut down.
    ///
    /// All tasks of the server run on the high queue of the runtime that this is awaited in, or
    /// outside of one, on that of the process-wide one; the listener should be of the same.
    ///
    /// At the end, no more connections are accepted, those that rest are closed, and requests that
    /// have begun may finish within the time of [`Limits::shutdown`]. Each that is not over by then
    /// is cut off and named in the report, as is each [`upgraded`](crate::upgrade) connection that
    /// its task still has. If the runtime's own deadline is earlier, it cuts off everything at
    /// once, this task as well, and there is no report.
    ///
    /// A service that panics is caught: its client gets 500, the other requests of its connection
    /// come to their end, and then the connection is closed. An answer whose body panics is broken
    /// off. Both are told to the log and counted as `laneway_http_panics_total`.
    ///
    /// A report of a [long poll](laneway::observe::LongPoll) names the request that was served by
    /// its method and path, where the service's own future took so long. Those of a
    /// [`low`](crate::low()) service run in tasks of their own, which have no such names.
    ///
    /// On a runtime whose high tasks
    /// [may wait for low polls](laneway::Handle::high_may_wait_for_low), one warning says so.
    ///
    /// # Cancellation
    ///
    /// When the future is dropped, all connections are cut off.
    pub async fn serve(self, listener: TcpListener) -> ServeReport {
        let runtime = runtime().await;
        if runtime.high_may_wait_for_low() {
            log::warn!("{SLOW}");
        }
        self.fleet.set_terms(self.limits, self.connect_protocol);
        let _named = name_long_polls(&runtime, &self.fleet);
        let _cut = CutAtTheEnd(&self.fleet);
        let acceptor = Acceptor {
            nodelay: Nodelay::of(&listener),
            listener,
            service: self.service,
            tls: self.tls,
            fleet: self.fleet.clone(),
            runtime: runtime.clone(),
        };
        if let Ok(acceptor) = runtime.try_spawn(acceptor.run(), Priority::High) {
            // A runtime that ends without a shutdown cancels it.
            let _ = acceptor.fallible().await;
        }
        self.fleet.end(now()).await
    }
}

/// Lets reports of long polls say which request was served.
fn name_long_polls(runtime: &Handle, fleet: &Arc<Fleet>) -> LongPollNames {
    let fleet = Arc::downgrade(fleet);
    runtime.name_long_polls(move |task| fleet.upgrade()?.served_by(task))
}

/// The runtime of the caller, or else the process-wide one.
async fn runtime() -> Handle {
    match Handle::try_current() {
        Some(runtime) => runtime,
        None => spawn_task!(async { Handle::current() }, Priority::High).await,
    }
}

struct CutAtTheEnd<'a>(&'a Fleet);

impl Drop for CutAtTheEnd<'_> {
    fn drop(&mut self) {
        self.0.give(Order::Cut);
    }
}

impl Fleet {
    /// Lets all connections come to their end until the deadline, and cuts off the rest.
    async fn end(&self, begun: Instant) -> ServeReport {
        self.give(Order::Finish);
        let counted = self.at_the_end();
        let _ = timeout_at(begun + self.limits().shutdown, self.empty()).await;
        let (cut, left) = (self.cut(), self.count());
        self.give(Order::Cut);
        let _ = timeout(AFTER_THE_CUT, self.empty()).await;
        ServeReport {
            served: self.metrics.served(),
            idle_closed: counted.idle,
            finished: (counted.busy + counted.upgraded).saturating_sub(left),
            cut,
        }
    }

    async fn empty(&self) {
        poll_fn(|cx| self.poll_count(cx, |connections| connections == 0)).await;
    }
}

impl ServerHandle {
    /// Begins to end the server, as [`Server::serve`] tells. A second call has no effect.
    pub fn shutdown(&self) {
        self.fleet.give(Order::Finish);
    }

    /// How many connections there are.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.fleet.count()
    }

    /// How many of them hibernate: they rest, and their buffers are freed.
    #[must_use]
    pub fn hibernating(&self) -> usize {
        self.fleet.hibernating()
    }

    /// The counts of the server, in the text format of Prometheus (version 0.0.4): requests and
    /// their times by route, and connections by state. All names begin with `laneway_http_`, so it
    /// can follow the text of [`laneway::observe::Prometheus`].
    ///
    /// ```
    /// use laneway_http::{RequestBody, Server, service_fn};
    ///
    /// let server = Server::new(service_fn(|_request: http::Request<RequestBody>| async {
    ///     Ok::<_, std::convert::Infallible>(http::Response::new(String::new()))
    /// }));
    /// let text = server.handle().prometheus();
    /// assert!(text.contains("\nlaneway_http_connections{state=\"busy\"} 0\n"));
    /// ```
    #[must_use]
    pub fn prometheus(&self) -> String {
        self.fleet.prometheus()
    }
}

impl<S> fmt::Debug for Server<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ServerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connections = self.connections();
        f.debug_struct("ServerHandle")
            .field("connections", &connections)
            .finish_non_exhaustive()
    }
}

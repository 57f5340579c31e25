//! An HTTP server on Laneway: HTTP/1 and HTTP/2 on one port, with limits that a public server can
//! keep.
//!
//! The server runs on the high queue, so that heavy work on the low one does not make clients
//! wait:
//!
//! ```
//! use http::{Request, Response};
//! use laneway::net::TcpListener;
//! use laneway::{Priority, Runtime};
//! use laneway_http::{RequestBody, serve, service_fn};
//! use std::convert::Infallible;
//!
//! async fn hello(request: Request<RequestBody>) -> Result<Response<String>, Infallible> {
//!     Ok(Response::new(format!("hello from {}", request.uri().path())))
//! }
//!
//! let rt = Runtime::builder().build()?;
//! let listener = rt.block_on(TcpListener::bind("127.0.0.1:0"))?;
//! let serving = rt.spawn(serve(listener, service_fn(hello)), Priority::High);
//! // `serve` ends when the runtime begins to shut down; a program may instead wait for it.
//! let ended = rt.shutdown(std::time::Duration::from_secs(5));
//! assert!(ended.is_clean());
//! assert_eq!(laneway::block_on(serving).served, 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Any service of `tower_service` takes the place of `service_fn(hello)`, such as a router of axum.
//! [`Server`] has more settings than [`serve`], a handle, and an example with a client. [`Limits`]
//! lists the demands that a client may make, and the answer to one that goes beyond them.
//!
//! # Which runtime
//!
//! The defaults of [`laneway::Builder`] have a thread that stands by while others run low tasks, so
//! that a request starts within microseconds. Where handlers themselves compute for long,
//! [`latency_first`](laneway::Builder::latency_first) has more threads for them. Work that takes
//! milliseconds belongs behind [`low`], or into low tasks.
//!
//! # TLS
//!
//! With the feature `tls`, a server speaks HTTPS by rustls: the module `tls`.
//!
//! # Clients that leave
//!
//! A client that resets its connection, or its stream in HTTP/2, wants no answer any more: the
//! handler's future is dropped. In HTTP/1 a client that has closed its half of the connection still
//! gets its answer. Whether it has left for good shows when the server has sent it something, so an
//! answer without an end, such as a stream of events, should say something now and then.
//!
//! # Counters and the access log
//!
//! [`ServerHandle::prometheus`] has the counters. The access log goes through the crate `log`, with
//! the target `laneway_http::access` at the level `Info`: one line for each request when it is
//! over, with the client's address, the method, the path without its query, the status, and the
//! microseconds from the head to the end of the answer.
//!
//! ```text
//! 203.0.113.9:50432 GET /tasks/7 200 412 us
//! ```
//!
//! A request whose answer never began has `cut-off` in place of the status. Failed services, panics
//! and failures to accept go to the log as well, as warnings and errors.
//!
//! An upgraded connection has a second line at its end, with `upgraded` in place of the status, and
//! the microseconds from the answer on.
//!
//! # Upgrades
//!
//! A service can give its connection to a task that speaks another protocol on it, such as
//! WebSocket, or that makes it a tunnel of `CONNECT`; in HTTP/2 it gives a stream. [`upgrade`] has
//! an example, and tells which limits hold then and how such a connection ends. In HTTP/1 hyper's
//! `upgrade::on` works too.
//!
//! # What it does not do
//!
//! An answer that gives a connection away without an offer, 101 or a success for a `CONNECT` with a
//! body, becomes 501. There are no answers before the last one: those of 1xx become 500, as does an
//! answer whose `Content-Length` is not the length of its body. Where that shows only while the
//! body is sent, the client is cut off, or in HTTP/2 its stream is reset. The log tells of each.
//!
//! A client that waits for leave to send its body (`Expect: 100-continue`) is given it in HTTP/1,
//! once the service reads the body. In HTTP/2 hyper gives no leave, and the client has to send the
//! body without, as clients do after a while.
//!
//! In HTTP/1 a handler that sends nothing does not learn that its client has closed its half of the
//! connection, since such a client may wait for the answer. The handler may answer by a stream and
//! send something now and then, such as a comment of server-sent events: the stream is dropped once
//! something could not be sent to a client that is gone for good.
//!
//! # A tour of the source
//!
//! `server.rs` begins and ends, `accept.rs` takes connections, `nodelay.rs` lets them send at once,
//! and `connection/` draws the life of one and leads it through. Its bytes come from `stream.rs`,
//! the socket or the TLS around it (`tls/`, `https.rs`), and pass `gate/`, which judges them before
//! hyper does. `exchange/` takes a request from hyper to the service, and the answer back. `fleet/`
//! knows all connections and counts; `limits.rs` has the limits that a client keeps to, and
//! `refusal.rs` the server's own answers.
//!
//! `upgrade.rs` is for the new owner of a connection that was given away. `low.rs` and
//! `service_fn.rs` make services, `adapters/` answers to hyper for the runtime, and `inspect/` is
//! the page that shows a runtime live. Each folder's `mod.rs` says in which order to read on.

#![forbid(unsafe_code)]

mod accept;
pub mod adapters;
mod connection;
mod exchange;
mod fleet;
mod gate;
#[cfg(feature = "tls")]
mod https;
mod inspect;
mod limits;
mod low;
mod no_handshake;
mod nodelay;
mod refusal;
mod server;
mod service_fn;
mod stream;
#[cfg(feature = "tls")]
pub mod tls;
#[cfg(not(feature = "tls"))]
#[path = "tls_left_out.rs"]
mod tls;
pub mod upgrade;

pub use exchange::{BodyError, Endless, RequestBody};
pub use fleet::{CutConnection, Doing, Route, ServeReport};
pub use inspect::{
    Inspect, InspectBody, InspectFuture, Mounted, MountedBody, MountedFuture, inspect,
};
pub use limits::Limits;
pub use low::{Low, LowFuture, low};
pub use server::{Server, ServerHandle, serve};
pub use service_fn::{ServiceFn, service_fn};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

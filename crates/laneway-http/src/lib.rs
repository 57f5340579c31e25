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
//! # What it does not do
//!
//! A request for an upgrade, or by `CONNECT`, goes to the service like any other one, but the
//! connection does not. So an answer that gives it away, 101 or a success for `CONNECT`, becomes
//! 501. Nor are there answers before the last one: those of 1xx become 500, as does an answer whose
//! `Content-Length` is not the length of its body. The log tells of each.
//!
//! A client that waits for leave to send its body (`Expect: 100-continue`) is given it in HTTP/1,
//! once the service reads the body. In HTTP/2 hyper gives no leave, and the client has to send the
//! body without, as clients do after a while.
//!
//! # A tour of the source
//!
//! `accept.rs` takes connections, `connection.rs` draws the life of one. In HTTP/1 hyper reads
//! through `socket.rs`, whose intake (`intake.rs`) has a gate (`gate.rs`, `head.rs`, `chunks.rs`)
//! that lets only whole heads through that were judged. `exchange.rs` asks the service,
//! `sendable.rs` judges its answers, `request_body.rs` and `answer.rs` are the bodies. `stream.rs`
//! is the socket, or the TLS around it. `watch.rs` knows of a connection what it waits for, and
//! `fleet.rs` all of them. `inspect/` is the page that shows a runtime live.

#![forbid(unsafe_code)]

mod accept;
pub mod adapters;
mod alarm;
mod answer;
mod chunks;
mod connection;
mod entry;
mod exchange;
mod fleet;
mod frames;
mod gate;
mod handshake;
mod head;
mod http1;
mod http2;
mod inspect;
mod intake;
mod limits;
mod linger;
mod low;
mod metrics;
mod panicked;
mod peer;
mod preface;
mod refusal;
mod report;
mod request_body;
mod sendable;
mod server;
mod service_fn;
mod socket;
mod stream;
#[cfg(feature = "tls")]
pub mod tls;
#[cfg(not(feature = "tls"))]
#[path = "tls_left_out.rs"]
mod tls;
mod unsent;
mod watch;

pub use answer::Endless;
pub use inspect::{
    Inspect, InspectBody, InspectFuture, Mounted, MountedBody, MountedFuture, inspect,
};
pub use limits::Limits;
pub use low::{Low, LowFuture, low};
pub use metrics::Route;
pub use report::{CutConnection, Doing, ServeReport};
pub use request_body::{BodyError, RequestBody};
pub use server::{Server, ServerHandle, serve};
pub use service_fn::{ServiceFn, service_fn};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

//! The dashboard: pages that show the jobs of a store and change them, for any server.
//!
//! [`Dashboard::page`] answers a request; it does no I/O but the store's. The pages are made on the
//! server and work without a script. With one they follow the store: it asks for the page every two
//! seconds and puts the new content in the place of the old one, unless the reader is in the middle
//! of something.
//!
//! # Mounting it
//!
//! In laneway-http:
//!
//! ```
//! use http::{Request, Response};
//! use http_body_util::BodyExt;
//! use laneway_http::{BodyError, RequestBody};
//! use laneway_jobs::dashboard::{Dashboard, PageRequest};
//!
//! async fn serve(
//!     dashboard: Dashboard,
//!     request: Request<RequestBody>,
//! ) -> Result<Response<http_body_util::Full<bytes::Bytes>>, BodyError> {
//!     let (head, body) = request.into_parts();
//!     let mut asked = PageRequest::new(head.method.as_str(), &head.uri.to_string())
//!         .peer(body.peer().ip());
//!     for (name, value) in &head.headers {
//!         asked = asked.header(name.as_str(), value.as_bytes());
//!     }
//!     let page = dashboard.page(asked.body(body.collect().await?.to_bytes())).await;
//!     let mut answer = Response::builder().status(page.status);
//!     for (name, value) in page.headers {
//!         answer = answer.header(name, value);
//!     }
//!     Ok(answer.body(page.body.into()).expect("the dashboard's headers are sound"))
//! }
//! # let _ = serve;
//! ```
//!
//! The example `dashboard` is a whole program. A server that listens to more than the loopback
//! tells the peer's own address, or none.
//!
//! # Behind a proxy
//!
//! Without a token the peer's address decides, and a request that says by a header that it was
//! forwarded comes from elsewhere. A proxy on this machine that adds no such header looks as a
//! browser on this machine does, and lets all of its clients in: give the dashboard a
//! [token](Dashboard::token), which every client has to give then, also on this machine. The names
//! by which it may be called ([`host`](Dashboard::host)) keep a site out that lets its own name
//! point here; they do not tell clients apart.
//!
//! # Numbers
//!
//! `metrics` below the place where it is mounted answers with the numbers of the queues, as
//! Prometheus reads them.
//!
//! # Where to read
//!
//! `mounted.rs`, the way of a request; `request.rs`, `admission.rs` with `secret.rs`, `route.rs`;
//! `html.rs`, which escapes everything, `place.rs`, `frame.rs`; then a file for each page:
//! `overview.rs` with `flow.rs` and `chart.rs`, `job_list.rs`, `job_page.rs` with `timeline.rs`,
//! `error_groups.rs`, `schedule_list.rs`, `worker_list.rs`, `gauges.rs`;
//! `changing.rs` and `bulk.rs`, what forms change.

mod admission;
mod asked;
mod bulk;
mod changing;
mod chart;
mod counted;
mod error_groups;
mod filter;
mod flow;
mod form;
mod frame;
mod gauges;
mod html;
mod job_list;
mod job_page;
mod json_text;
mod moment;
mod mounted;
mod overview;
mod place;
mod request;
mod response;
mod route;
mod schedule_list;
mod secret;
mod span;
mod timeline;
mod worker_list;

pub use mounted::Dashboard;
pub use request::PageRequest;
pub use response::PageResponse;

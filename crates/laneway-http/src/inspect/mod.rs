//! The live page: a service that shows in a browser what a runtime does.
//!
//! Read on in this order: `service.rs` answers requests, for those that `access.rs` lets in.
//! `hub.rs` knows the viewers and lets the runtime be recorded while there are any; `batch.rs` is
//! what they are sent, 20 times a second; `viewer.rs` holds what one of them has not taken yet, and
//! `body.rs` hands it to the server. `mount.rs` puts the page beside another service, and `page.rs`
//! puts it together from its parts.

mod access;
mod batch;
mod body;
mod hub;
mod mount;
mod page;
mod service;
mod viewer;

pub use body::InspectBody;
pub use mount::{Mounted, MountedBody, MountedFuture};
pub use service::{Inspect, InspectFuture, inspect};

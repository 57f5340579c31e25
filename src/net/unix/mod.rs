//! Unix sockets: connections and datagrams between processes of one machine, at paths. On Unix
//! alone.
//!
//! | for | take |
//! |---|---|
//! | connections | [`UnixListener`], [`UnixStream`] |
//! | datagrams | [`UnixDatagram`] |
//!
//! A path is made by binding and stays when the socket is gone: remove it before it is bound again.
//! For one of Linux's abstract names, make the standard library's socket and take it over by
//! `try_from`.
//!
//! A [simulation](crate::sim) has no Unix sockets: they are refused there.

mod descriptor;
mod paths;
mod pauses;
mod unix_datagram;
mod unix_listener;
mod unix_stream;

pub use std::os::unix::net::SocketAddr;

pub use unix_datagram::{Datagram, UnixDatagram};
pub use unix_listener::{Door, UnixListener};
pub use unix_stream::{Stream, UnixStream};

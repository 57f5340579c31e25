//! The life of a connection.
//!
//! ```text
//!  (TLS: handshake)
//!      │
//!      ▼       first bytes                       Due::Hibernate
//!     rest ───────────────────► http1 ──────────────────────────► rest
//!      │   └──────────────────► http2 ─┐                           as at the beginning, but the
//!      │ silence, an order             │ the end                   protocol is known
//!      ▼                               ▼
//!     closed ◄──────────────────── linger, if the client may still be sending
//!                                   ▲
//!              http1 ───────► given away: another protocol has it, until that drops it
//! ```
//!
//! One task does all of this. Where another protocol has the connection, the task waits for the end
//! of that, and cuts it off at a shutdown's deadline. While the connection rests, the task holds it
//! and no more: the buffers and hyper's state are in a box that is made by the first byte and
//! dropped by a rest.
//!
//! Read on in this order: `connection.rs` is a connection's state, and `life.rs` leads it through
//! its stages. `handshake.rs` is TLS's beginning, `rest.rs` the wait for the first bytes.
//! `http1.rs` and `http2.rs` serve, the latter with `orphans.rs` for the end of a runtime; hyper
//! reads and writes the bytes through `socket.rs`, what it reads in HTTP/1 by way of `intake.rs`,
//! its first words in HTTP/2 by `greeting.rs`. `linger.rs` is the end, and a connection that was
//! given away is a tunnel (`tunnel.rs`).

mod connection;
mod greeting;
mod handshake;
mod http1;
mod http2;
mod intake;
mod life;
mod linger;
mod orphans;
mod rest;
mod socket;
mod tunnel;

pub(crate) use connection::{Connection, Spoken};
pub(crate) use socket::Socket;
pub(crate) use tunnel::Tunnel;

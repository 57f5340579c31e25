//! Sockets: TCP, and the names of hosts. Needs the feature `net`.
//!
//! A task that waits for a socket holds no thread: a worker that has nothing to do waits for all
//! sockets at once, and wakes the task from where it sits. So an answer costs no hop between
//! threads, and in the default configuration a high task that waits for a socket goes on within
//! microseconds beside any low load.
//!
//! A socket belongs to the runtime that it was made in, and outside of one to the process-wide
//! runtime. It may be used and dropped on any thread. When its runtime ends, what waits for it ends
//! with an error.
//!
//! Read on in this order: `reactor.rs`, `readiness.rs`, `source.rs`, `registered.rs`, and then the
//! sockets.

mod byte_stream;
mod datagram_socket;
mod either;
mod halves;
mod listener;
mod reactor;
mod readiness;
mod registered;
mod resolve;
pub(crate) mod simulated;
mod source;
#[cfg_attr(not(unix), path = "system_elsewhere.rs")]
mod system;
mod tcp_listener;
mod tcp_stream;
mod udp_socket;
#[cfg(unix)]
pub mod unix;

pub use byte_stream::ByteStream;
pub use datagram_socket::DatagramSocket;
pub use halves::{ReadHalf, ReuniteError, WriteHalf};
pub use listener::{Incoming, Listener};
pub use resolve::{ToSocketAddrs, resolve};
pub use simulated::{NetworkConditions, cut_off, reconnect};
pub use tcp_listener::{ListenOptions, TcpDoor, TcpListener};
pub use tcp_stream::{Tcp, TcpStream};
pub use udp_socket::{Udp, UdpSocket};

//! Sockets: TCP, UDP and Unix sockets, and the names of hosts. Needs the feature `net`.
//!
//! | for | take |
//! |---|---|
//! | connections over a network | [`TcpStream`], [`TcpListener`], with [`ListenOptions`] |
//! | datagrams over a network | [`UdpSocket`] |
//! | the same between processes of one machine | the module `unix`, on Unix alone |
//! | the addresses of a name | [`resolve`]; functions that take an address take a name as well |
//! | two tasks on one connection | a clone for each, or [`into_split`](ByteStream::into_split) |
//! | a protocol by hand | [`readable`] and [`try_read`] |
//! | a test with a bad network | [`NetworkConditions`], in a [simulation](crate::sim) |
//!
//! A server that sends lines back in capitals, and a client:
//!
//! ```
//! use futures_lite::io::BufReader;
//! use futures_lite::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, StreamExt};
//! use laneway::net::{TcpListener, TcpStream};
//! use laneway::{Priority, block_on, spawn_task};
//! use std::io;
//!
//! async fn serve(listener: TcpListener) -> io::Result<()> {
//!     loop {
//!         let (client, _address) = listener.accept().await?;
//!         spawn_task!(answer(client), Priority::High).detach();
//!     }
//! }
//!
//! async fn answer(mut client: TcpStream) -> io::Result<()> {
//!     let mut lines = BufReader::new(client.clone()).lines();
//!     while let Some(line) = lines.next().await {
//!         let answer = line?.to_uppercase() + "\n";
//!         client.write_all(answer.as_bytes()).await?;
//!     }
//!     Ok(())
//! }
//!
//! block_on(async {
//!     let listener = TcpListener::bind("127.0.0.1:0").await?;
//!     let address = listener.local_addr()?;
//!     let _serving = spawn_task!(serve(listener), Priority::High); // until it is dropped
//!
//!     let mut server = TcpStream::connect(address).await?;
//!     server.write_all(b"mind the gap\n").await?;
//!     let mut answer = [0; 13];
//!     server.read_exact(&mut answer).await?;
//!     assert_eq!(&answer, b"MIND THE GAP\n");
//!     io::Result::Ok(())
//! })?;
//! # Ok::<(), io::Error>(())
//! ```
//!
//! The [cookbook](crate::cookbook#a-tcp-server) has a server with time limits and an orderly end.
//!
//! A task that waits for a socket holds no thread: a worker that has nothing to do waits for all
//! sockets at once, and wakes the task from where it sits. So an answer costs no hop between
//! threads, and in the default configuration a high task that waits for a socket goes on within
//! microseconds beside any low load. While all workers are busy they look at the sockets every 61
//! tasks. Where polls take long, the watchdog looks after a millisecond, after five if many short
//! ones came before, and after a quarter of one where polls take long again and again.
//!
//! A task that is never out of bytes, datagrams or connections gives its thread to others after 64
//! of them in one poll.
//!
//! # Runtimes
//!
//! A socket belongs to the runtime that it was made in, and outside of one to the process-wide
//! runtime. It may be used by tasks of any runtime and any executor, and dropped on any thread.
//! When its runtime ends, reads, writes and accepts that wait end with an error, and so does each
//! later one that would have to wait. One that need not wait is carried out.
//!
//! # Processes that fork
//!
//! A process that [`Command`](std::process::Command) starts gets none of these descriptors. A child
//! of a bare `fork` has copies of all of them and no worker that looks at them: it must not use its
//! parent's sockets, nor start runtimes of its own before it runs another program. Its parent goes
//! on as before, but a connection that the parent drops stays open until the child runs that
//! program.
//! A runtime's threads stay behind as well: see [`Runtime`](crate::Runtime#processes-that-fork).
//!
//! # Unix sockets
//!
//! [`UnixStream`](ByteStream), [`UnixListener`](Listener) and [`UnixDatagram`](DatagramSocket) are
//! in the module `net::unix`, which other systems do not have. A path stays when its socket is
//! gone.
//!
//! # Where to read
//!
//! In this order: `reactor.rs`, `readiness.rs`, `source.rs`, `registered.rs`; then what sockets
//! have in common, `byte_stream.rs` with `halves.rs`, `listener.rs`, `datagram_socket.rs`; then
//! each kind of socket; and `simulated/`.
//!
//! [`readable`]: ByteStream::readable
//! [`try_read`]: ByteStream::try_read

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
#[cfg_attr(not(target_os = "linux"), path = "urgent_elsewhere.rs")]
mod urgent;

pub use byte_stream::ByteStream;
pub use datagram_socket::DatagramSocket;
pub use halves::{ReadHalf, ReuniteError, WriteHalf};
pub use listener::{Incoming, Listener};
pub use resolve::{ToSocketAddrs, resolve};
pub use simulated::{NetworkConditions, cut_off, reconnect};
pub use tcp_listener::{ListenOptions, TcpDoor, TcpListener};
pub use tcp_stream::{Tcp, TcpStream};
pub use udp_socket::{Udp, UdpSocket};

//! Do datagrams and Unix sockets keep what they promise?

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use futures_lite::{AsyncReadExt, AsyncWriteExt};
use laneway::net::UdpSocket;
use laneway::net::unix::{UnixDatagram, UnixListener, UnixStream};
use laneway::spawn_task;
use laneway::time::timeout;

/// A path that is free, and free again when this is dropped.
struct Socket(PathBuf);

impl Socket {
    fn new(name: &str) -> Socket {
        let name = format!("laneway-{}-{name}.sock", std::process::id());
        Socket(std::env::temp_dir().join(name))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn a_datagram_goes_to_one_of_those_that_receive_and_none_is_lost_to_a_wait_given_up() {
    laneway::block_on(async {
        let (one, other) = UnixDatagram::pair().unwrap();
        let given_up = timeout(Duration::from_millis(1), other.recv(&mut [0; 8])).await;
        assert!(given_up.is_err());
        let sends = spawn_task!(async move {
            for number in 0..1000_u32 {
                one.send(&number.to_le_bytes()).await.unwrap();
            }
        });
        for number in 0..1000_u32 {
            let mut buffer = [0; 4];
            assert_eq!(other.recv(&mut buffer).await.unwrap(), 4);
            assert_eq!(u32::from_le_bytes(buffer), number);
        }
        sends.await;
    });
}

#[test]
fn udp_peeks_tries_and_converts() {
    laneway::block_on(async {
        let one = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let other = UdpSocket::bind("localhost:0").await.unwrap();
        let empty = other.try_recv(&mut [0]).unwrap_err();
        assert_eq!(empty.kind(), ErrorKind::WouldBlock);
        let unconnected = one.send(b"x").await.unwrap_err();
        assert_ne!(unconnected.kind(), ErrorKind::WouldBlock);
        one.set_broadcast(true).unwrap();
        one.set_ttl(9).unwrap();
        assert!(one.broadcast().unwrap() && one.ttl().unwrap() == 9);
        let address = other.local_addr().unwrap();
        if address.is_ipv4() {
            one.send_to(b"abc", address).await.unwrap();
            let mut buffer = [0; 8];
            let peeked = other.peek_from(&mut buffer).await.unwrap();
            assert_eq!(peeked, (3, one.local_addr().unwrap()));
            assert_eq!(other.try_recv_from(&mut buffer).unwrap(), peeked);
        }
        let std = one.into_std().unwrap();
        let again = UdpSocket::try_from(std).unwrap();
        assert!(again.broadcast().unwrap());
    });
}

#[test]
fn a_unix_listener_with_a_full_backlog_is_tried_again() {
    let socket = Socket::new("backlog");
    laneway::block_on(async {
        let listener = {
            let listener = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None);
            let listener = listener.unwrap();
            let address = socket2::SockAddr::unix(&socket.0).unwrap();
            listener.bind(&address).unwrap();
            listener.listen(0).unwrap();
            UnixListener::try_from(std::os::unix::net::UnixListener::from(listener)).unwrap()
        };
        let path = socket.0.clone();
        let connects = spawn_task!(async move {
            let mut streams = Vec::new();
            for _ in 0..8 {
                streams.push(UnixStream::connect(&path).await.unwrap());
            }
            streams.len()
        });
        let mut accepted = Vec::new();
        for _ in 0..8 {
            accepted.push(listener.accept().await.unwrap().0);
        }
        assert_eq!(connects.await, 8);
    });
}

#[test]
fn a_path_stays_and_is_refused_without_its_listener() {
    let socket = Socket::new("stays");
    laneway::block_on(async {
        drop(UnixListener::bind(&socket.0).unwrap());
        let taken = UnixListener::bind(&socket.0).unwrap_err();
        assert_eq!(taken.kind(), ErrorKind::AddrInUse);
        let refused = UnixStream::connect(&socket.0).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn a_unix_connection_splits_and_converts() {
    laneway::block_on(async {
        let (one, mut other) = UnixStream::pair().unwrap();
        let (mut reader, mut writer) = one.into_split();
        writer.write_all(b"there").await.unwrap();
        drop(writer);
        let mut text = String::new();
        other.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "there");
        let std = other.into_std().unwrap();
        let mut other = UnixStream::try_from(std).unwrap();
        other.write_all(b"back").await.unwrap();
        drop(other);
        text.clear();
        reader.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "back");
    });
}

//! Do Unix sockets lose no bytes behind descriptors, and say which paths they cannot have?
#![cfg(target_os = "linux")]

use std::io::{self, ErrorKind, IoSlice};
use std::os::fd::AsFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream as StdStream};
use std::time::Duration;

use futures_lite::AsyncReadExt;
use laneway::net::unix::{UnixDatagram, UnixListener, UnixStream};
use laneway::time::timeout;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg, sockopt};

const LONG: Duration = Duration::from_secs(20);

/// Sends bytes with a descriptor.
fn send_with_descriptor(socket: &StdStream, bytes: &[u8]) {
    let stdin = io::stdin();
    let descriptors = [stdin.as_fd()];
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(control.push(SendAncillaryMessage::ScmRights(&descriptors)));
    let sent = sendmsg(
        socket,
        &[IoSlice::new(bytes)],
        &mut control,
        SendFlags::empty(),
    );
    assert_eq!(sent.unwrap(), bytes.len());
}

async fn read_all(stream: StdStream, bytes: usize) -> Vec<u8> {
    let mut stream = UnixStream::try_from(stream).unwrap();
    let mut text = vec![0; bytes];
    let read = timeout(LONG, stream.read_exact(&mut text)).await;
    read.expect("there is no more to wait for").unwrap();
    text
}

/// The system ends a read behind a descriptor, although there are more bytes.
#[test]
fn bytes_behind_a_descriptor_are_read() {
    let (sender, stream) = StdStream::pair().unwrap();
    send_with_descriptor(&sender, b"with");
    rustix::io::write(&sender, b"without").unwrap();
    // Entered when all of it is there: the system tells of it once.
    assert_eq!(laneway::block_on(read_all(stream, 11)), b"withwithout");
}

/// As well where the reader is told about each sender and there are several: a child that a fork
/// has left with the socket, say.
#[test]
fn bytes_of_another_process_are_read() {
    let (sender, stream) = StdStream::pair().unwrap();
    sockopt::set_socket_passcred(&stream, true).unwrap();
    rustix::io::write(&sender, b"one").unwrap();
    let of_child = sender.try_clone().unwrap();
    let echo = std::process::Command::new("echo")
        .arg("-n")
        .arg("other")
        .stdout(std::os::fd::OwnedFd::from(of_child))
        .status();
    assert!(echo.unwrap().success());
    assert_eq!(laneway::block_on(read_all(stream, 8)), b"oneother");
    // Open until then: the system tells of its end, and what is there would be read after all.
    drop(sender);
}

/// The system would choose a name that no client knows.
#[test]
fn an_empty_path_is_refused() {
    let bound = laneway::block_on(async { UnixListener::bind("") });
    assert_eq!(bound.unwrap_err().kind(), ErrorKind::InvalidInput);
    let bound = laneway::block_on(async { UnixDatagram::bind("") });
    assert_eq!(bound.unwrap_err().kind(), ErrorKind::InvalidInput);
    let connected = laneway::block_on(UnixStream::connect(""));
    assert_eq!(connected.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_path_that_is_too_long_is_refused() {
    let path = std::env::temp_dir().join("x".repeat(108));
    let bound = laneway::block_on(async { UnixListener::bind(&path) });
    assert_eq!(bound.unwrap_err().kind(), ErrorKind::InvalidInput);
    let connected = laneway::block_on(UnixStream::connect(&path));
    assert_eq!(connected.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert!(!path.exists());
}

/// By way of the standard library's sockets.
#[test]
fn an_abstract_name_is_listened_at_and_connected_to() {
    let name = format!("laneway-{}-abstract", std::process::id());
    let address = SocketAddr::from_abstract_name(name.as_bytes()).unwrap();
    let listener = std::os::unix::net::UnixListener::bind_addr(&address).unwrap();
    laneway::block_on(async {
        let listener = UnixListener::try_from(listener).unwrap();
        let client = StdStream::connect_addr(&address).unwrap();
        let client = UnixStream::try_from(client).unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        assert_eq!(
            client.peer_addr().unwrap().as_abstract_name(),
            Some(name.as_bytes())
        );
        drop(client);
        assert_eq!(server.read(&mut [0]).await.unwrap(), 0);
    });
}

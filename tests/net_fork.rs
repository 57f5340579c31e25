//! What becomes of a runtime's sockets when its process forks?
#![cfg(target_os = "linux")]

use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use fork::{Fork, fork, waitpid};
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use laneway::Runtime;
use laneway::net::{TcpListener, TcpStream};
use laneway::time::timeout;

/// Two ends of a connection, in the runtime of the caller.
async fn pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let client = TcpStream::connect(listener.local_addr()?).await?;
    let (server, _) = listener.accept().await?;
    Ok((client, server))
}

/// A program that lists its descriptors.
fn list(output: impl Into<Stdio>) -> Command {
    let mut list = Command::new("ls");
    list.arg("/proc/self/fd")
        .stdin(Stdio::null())
        .stdout(output);
    list
}

/// All text that comes from there.
fn read_all(mut from: io::PipeReader) -> String {
    let mut text = String::new();
    from.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_child_of_a_fork_harms_no_socket_and_hands_none_to_the_program_that_it_runs() {
    let (before, output) = io::pipe().unwrap();
    assert!(list(output).status().unwrap().success());
    let before = read_all(before);

    let rt = Runtime::builder().build().unwrap();
    let (mut client, mut server) = rt.block_on(pair()).unwrap();
    let (dropped, mut left) = rt.block_on(pair()).unwrap();
    let (mut waits, mut go) = io::pipe().unwrap();
    let (listed, output) = io::pipe().unwrap();
    let Fork::Parent(child) = fork().unwrap() else {
        let _ = waits.read(&mut [0]);
        let _ = list(output).exec();
        // Not the end of this test, which is the parent's.
        std::process::abort();
    };
    drop((waits, output));
    rt.block_on(async {
        for byte in 0..10 {
            client.write_all(&[byte]).await.unwrap();
            let mut came = [0];
            server.read_exact(&mut came).await.unwrap();
            server.write_all(&came).await.unwrap();
            client.read_exact(&mut came).await.unwrap();
            assert_eq!(came, [byte]);
        }
        drop(dropped);
        let end = timeout(Duration::from_millis(50), left.read(&mut [0])).await;
        assert!(end.is_err(), "the child has a copy: {end:?}");
    });
    go.write_all(b"x").unwrap();
    assert_eq!(read_all(listed), before);
    waitpid(child).unwrap();
    let end = rt.block_on(left.read(&mut [0]));
    assert_eq!(end.unwrap(), 0, "the last copy is gone");
    rt.block_on(async {
        client.write_all(b"x").await.unwrap();
        server.read_exact(&mut [0]).await.unwrap();
    });
}

//! What do tasks get that wait for one connection together, or give up a wait?

use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::net::Shutdown;
use std::task::Poll;
use std::time::Duration;

use futures_lite::{AsyncReadExt, AsyncWriteExt};
use laneway::net::{TcpListener, TcpStream};
use laneway::time::timeout;
use laneway::{Priority, Runtime};

async fn pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let client = TcpStream::connect(listener.local_addr()?).await?;
    let (server, _) = listener.accept().await?;
    Ok((client, server))
}

async fn is_over(stream: &TcpStream) -> bool {
    poll_fn(|cx| Poll::Ready(stream.poll_over(cx).is_ready())).await
}

fn run<T: Send + 'static>(future: impl Future<Output = io::Result<T>> + Send + 'static) -> T {
    let rt = Runtime::builder().build().expect("the default settings");
    let limit = timeout(Duration::from_secs(60), future);
    let task = rt.spawn(limit, Priority::High);
    rt.block_on(task)
        .expect("nothing hangs")
        .expect("loopback works")
}

#[test]
fn any_number_of_tasks_wait_for_one_connection() {
    run(async {
        let (client, mut server) = pair().await?;
        let waits: Vec<_> = (0..20)
            .map(|_| {
                let client = client.clone();
                let peeks = async move { client.peek(&mut [0; 4]).await };
                laneway::spawn(peeks, Priority::Low)
            })
            .collect();
        server.write_all(b"x").await?;
        for wait in waits {
            assert_eq!(wait.await?, 1);
        }
        Ok(())
    });
}

#[test]
fn reads_that_are_given_up_lose_nothing() {
    run(async {
        let (mut client, mut server) = pair().await?;
        let writes = async move {
            for round in 0..2000_u32 {
                server.write_all(&round.to_le_bytes()).await?;
                laneway::yield_now().await;
            }
            io::Result::Ok(())
        };
        let writes = laneway::spawn(writes, Priority::Low);
        let mut received = Vec::new();
        let mut given_up = 0;
        loop {
            let mut buffer = [0; 16];
            let gives_up = async {
                laneway::yield_now().await;
                None
            };
            let reads = async { Some(client.read(&mut buffer).await) };
            match futures_lite::future::or(reads, gives_up).await {
                None => given_up += 1,
                Some(Ok(0)) => break,
                Some(read) => received.extend_from_slice(&buffer[..read?]),
            }
        }
        writes.await?;
        let expected: Vec<u8> = (0..2000_u32).flat_map(u32::to_le_bytes).collect();
        assert_eq!(received, expected);
        assert!(given_up > 0, "some reads were given up");
        Ok(())
    });
}

#[test]
fn a_read_or_write_of_nothing_waits_for_nothing() {
    run(async {
        let (mut client, mut server) = pair().await?;
        let nothing = async {
            assert_eq!(client.read(&mut []).await?, 0);
            assert_eq!(client.read_vectored(&mut []).await?, 0);
            assert_eq!(client.peek(&mut []).await?, 0);
            // Until no more is taken.
            while client.try_write(&[0; 65536]).is_ok() {}
            assert_eq!(client.write(&[]).await?, 0);
            client.write_vectored(&[]).await
        };
        let written = timeout(Duration::from_secs(10), nothing).await;
        assert_eq!(written.expect("it does not wait")?, 0);
        server.write_all(b"a").await?;
        client.readable().await;
        assert_eq!(client.read(&mut []).await?, 0);
        assert_eq!(client.read(&mut [0; 4]).await?, 1);
        Ok(())
    });
}

#[test]
fn a_direction_that_is_shut_ends_and_the_other_goes_on() {
    run(async {
        let (mut client, mut server) = pair().await?;
        client.write_all(b"question").await?;
        client.shutdown(Shutdown::Write)?;
        let mut text = String::new();
        server.read_to_string(&mut text).await?;
        assert_eq!(text, "question");
        // The end is there for good.
        assert_eq!(server.read(&mut [0]).await?, 0);
        server.write_all(b"answer").await?;
        server.close().await?;
        text.clear();
        client.read_to_string(&mut text).await?;
        assert_eq!(text, "answer");
        let error = client.write(b"x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        Ok(())
    });
}

#[test]
fn a_peer_that_resets_ends_reads_and_writes() {
    run(async {
        let (mut client, server) = pair().await?;
        server.set_linger(Some(Duration::ZERO))?;
        drop(server);
        let error = client.read(&mut [0]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert!(client.write_all(&[0; 1024]).await.is_err());
        Ok(())
    });
}

#[test]
fn a_part_of_a_second_is_no_reset_and_no_error() {
    run(async {
        let (mut client, mut server) = pair().await?;
        server.set_linger(Some(Duration::from_millis(1)))?;
        server.write_all(b"all").await?;
        drop(server);
        let mut all = String::new();
        client.read_to_string(&mut all).await?;
        assert_eq!(all, "all");
        for silence in [Duration::from_millis(1), Duration::MAX] {
            client.set_keepalive(Some(silence))?;
            assert!(client.keepalive()?);
        }
        client.set_linger(Some(Duration::MAX))
    });
}

#[test]
fn a_connection_is_over_when_both_directions_are() {
    run(async {
        let (mut client, mut server) = pair().await?;
        client.write_all(b"unread").await?;
        server.readable().await;
        assert!(!is_over(&server).await);
        client.shutdown(Shutdown::Write)?;
        server.read_to_end(&mut Vec::new()).await?;
        assert!(!is_over(&server).await, "the client may still read");
        client.set_linger(Some(Duration::ZERO))?;
        drop(client);
        poll_fn(|cx| server.poll_over(cx)).await;
        let (client, server) = pair().await?;
        client.shutdown(Shutdown::Write)?;
        server.shutdown(Shutdown::Write)?;
        poll_fn(|cx| server.poll_over(cx)).await;
        Ok(())
    });
}

#[test]
fn a_half_that_writes_tells_the_peer_when_it_is_dropped_and_not_when_it_is_forgotten() {
    run(async {
        let (client, mut server) = pair().await?;
        let (reader, writer) = client.into_split();
        writer.forget();
        let mut byte = [0];
        let silent = timeout(Duration::from_millis(20), server.read(&mut byte));
        assert!(silent.await.is_err(), "the direction is open");
        server.write_all(b"x").await?;
        let mut reader = reader;
        reader.read_exact(&mut [0]).await?;
        drop(reader);
        assert_eq!(server.read(&mut [0]).await?, 0);
        let (client, mut server) = pair().await?;
        let (reader, writer) = client.into_split();
        drop(reader);
        let mut byte = [0];
        let silent = timeout(Duration::from_millis(20), server.read(&mut byte));
        assert!(
            silent.await.is_err(),
            "a reader that is gone closes nothing"
        );
        drop(writer);
        assert_eq!(server.read(&mut [0]).await?, 0);
        let (client, mut server) = pair().await?;
        let (mut reader, writer) = client.into_split();
        drop(writer);
        assert_eq!(server.read(&mut [0]).await?, 0);
        server.write_all(b"x").await?;
        assert_eq!(reader.read(&mut [0]).await?, 1);
        Ok(())
    });
}

#[test]
fn a_task_that_is_never_out_of_bytes_leaves_its_thread_to_others_again_and_again() {
    run(async {
        let (client, server) = pair().await?;
        assert_eq!(server.try_write(&[0; 4096])?, 4096);
        client.peek(&mut [0]).await?;
        let mut floods = Box::pin(async move {
            for _ in 0..300 {
                client.readable().await;
            }
        });
        let mut polls = 0;
        let counted = poll_fn(move |cx| {
            polls += 1;
            floods.as_mut().poll(cx).map(|()| polls)
        });
        let polls = laneway::spawn(counted, Priority::Low).await;
        assert_eq!(polls, 5, "64 in each poll");
        Ok(())
    });
}

/// More slices than a system takes at once.
const SLICES: usize = 3000;

#[test]
fn more_slices_than_the_system_takes_at_once_go_by_several_writes() {
    run(async {
        let (mut client, _server) = pair().await?;
        let slices = vec![IoSlice::new(b"x"); SLICES];
        // There is room for all of it, so that no event tells of room.
        let mut written = 0;
        while written < SLICES {
            written += client.write_vectored(&slices[written..]).await?;
        }
        Ok(())
    });
}

#[test]
fn more_slices_than_the_system_fills_at_once_are_filled_by_several_reads() {
    run(async {
        let (mut client, mut server) = pair().await?;
        server.write_all(&[7; SLICES]).await?;
        while client.peek(&mut [0; SLICES]).await? < SLICES {
            laneway::yield_now().await;
        }
        let mut bytes = [[0]; SLICES];
        let mut read = 0;
        while read < SLICES {
            let rest = bytes[read..].iter_mut();
            let mut rest: Vec<_> = rest.map(|byte| IoSliceMut::new(byte)).collect();
            read += client.read_vectored(&mut rest).await?;
        }
        assert_eq!(bytes, [[7]; SLICES]);
        Ok(())
    });
}

//! The end of a connection whose client may still be sending.
//!
//! A socket that is closed with unread bytes in it is reset, and the reset overtakes the answer. So
//! the server says that it has no more to say, and reads on for a while.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::AsyncWrite;
use laneway::time::now;

use super::connection::Connection;
use crate::adapters::read_through;
use crate::fleet::Order;
use crate::refusal::Refusal;

/// Sends the last answer, if there is one, and reads until the client closes or has had its time.
pub(crate) async fn linger<S>(connection: &mut Connection<S>, refusal: Option<Refusal>) {
    connection.member.watch.set_closing();
    let (bytes, time) = connection.member.fleet.limits().linger;
    let mut lingering = Lingering {
        answer: answer(refusal).into_bytes(),
        written: 0,
        left: bytes,
        refusal,
    };
    let deadline = now() + time;
    poll_fn(|cx| {
        let over = connection.member.watch.attend(cx.waker()) == Order::Cut
            || lingering.poll(cx, connection).is_ready()
            || connection.alarm.poll(cx, deadline).is_ready();
        match over {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
}

/// The answer that is still to be sent. In HTTP/2 hyper has sent it.
fn answer(refusal: Option<Refusal>) -> String {
    let refusal = refusal.filter(|refusal| *refusal != Refusal::Flood);
    refusal.map(Refusal::answer).unwrap_or_default()
}

struct Lingering {
    answer: Vec<u8>,
    written: usize,
    /// How much is still read.
    left: usize,
    refusal: Option<Refusal>,
}

impl Lingering {
    fn poll<S>(&mut self, cx: &mut Context<'_>, connection: &mut Connection<S>) -> Poll<()> {
        let stream = &mut connection.stream;
        while self.written < self.answer.len() {
            let rest = &self.answer[self.written..];
            match ready!(Pin::new(&mut *stream).poll_write(cx, rest)) {
                Ok(bytes) if bytes > 0 => self.written += bytes,
                _ => return Poll::Ready(()),
            }
        }
        // Said again at each poll, which does no harm.
        if ready!(stream.poll_finish(cx)).is_err() {
            return Poll::Ready(());
        }
        while self.left > 0 {
            match ready!(read_through(stream, cx, self.left, |bytes| bytes.len())) {
                Ok(bytes) if bytes > 0 => self.left -= bytes,
                _ => return Poll::Ready(()),
            }
        }
        match self.refusal {
            // A close would take the last words from a client that has not read so far. The bytes
            // that it still sends wait with it.
            Some(Refusal::Flood) => Poll::Pending,
            _ => Poll::Ready(()),
        }
    }
}

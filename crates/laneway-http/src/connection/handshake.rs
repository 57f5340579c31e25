//! The beginning of a connection within TLS.

use std::future::poll_fn;
use std::task::Poll;

use laneway::time::now;

use super::connection::Connection;
use super::linger::linger;
use crate::fleet::{Order, Waits};
use crate::no_handshake::NoHandshake;
use crate::refusal::Refusal;
use crate::stream::Stream;
use crate::tls::TlsStream;

/// Whether a connection has TLS now. Otherwise it is over, and the client was told so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Secured {
    Yes,
    No,
}

/// Lets TLS begin, within the time of the limits. A client that has sent nothing counts as idle.
pub(crate) async fn handshake<S>(connection: &mut Connection<S>, stream: TlsStream) -> Secured {
    let deadline = now() + connection.limits().handshake;
    let watch = connection.member.watch.clone();
    let outcome = poll_fn(|cx| {
        if watch.attend(cx.waker()) != Order::Serve {
            return Poll::Ready(Err(NoHandshake::Gone));
        }
        let outcome = stream.poll_handshake(cx);
        if outcome.is_ready() {
            return outcome;
        }
        if stream.has_begun() {
            watch.handshake_begun();
        }
        let time_is_over = connection.alarm.poll(cx, deadline);
        time_is_over.map(|()| Err(NoHandshake::Gone))
    })
    .await;
    let refusal = match outcome {
        Ok(()) => {
            watch.set_waits(Waits::FirstByte);
            return Secured::Yes;
        }
        Err(NoHandshake::Gone) => return Secured::No,
        Err(NoHandshake::Failed) => None,
        Err(NoHandshake::PlainHttp) => Some(Refusal::PlainHttp),
    };
    connection.stream = Stream::Plain(stream.tcp());
    linger(connection, refusal).await;
    Secured::No
}

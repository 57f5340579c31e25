//! The body of an answer. With it, or in HTTP/2 with its last piece, the request ends.

use std::cell::Cell;
use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::entry::{Entry, Part};
use super::panicked::{Panicked, caught};
use super::piece::Piece;
use crate::gate::Protocol;

pin_project! {
    pub(crate) struct Answer<B> {
        // None in an answer of the server's own.
        #[pin]
        body: Option<B>,
        // None once the last piece has it.
        entry: Option<Entry>,
        length: Length,
        // Set once the body has panicked in a question about itself.
        is_broken: Cell<bool>,
    }
}

/// How far an answer's body goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    /// The service ends it.
    Finite,
    /// The same, but it has told how many bytes there are, and this number of them are left. In
    /// HTTP/2 hyper sends all that there are, and in HTTP/1 no more than was told.
    Told(u64),
    /// The server ends it.
    Endless,
}

impl Length {
    /// Takes a frame of this number of bytes from those that were told. Whether both agree.
    fn takes(&mut self, bytes: usize, is_last: bool) -> bool {
        let Length::Told(left) = self else {
            return true;
        };
        let rest = left.checked_sub(bytes as u64);
        *left = rest.unwrap_or_default();
        rest.is_some_and(|rest| rest == 0 || !is_last)
    }
}

/// Says that an answer's body goes on for as long as the server does: an extension of the answer,
/// for streams of events.
///
/// When the server begins to end, it ends such a body at its next frame, and so need not cut the
/// client off at its deadline.
///
/// ```
/// use futures_lite::{StreamExt, stream};
/// use http::{Request, Response};
/// use http_body_util::StreamBody;
/// use hyper::body::{Bytes, Frame};
/// use laneway::net::TcpListener;
/// use laneway::time::sleep;
/// use laneway::{Priority, Runtime};
/// use laneway_http::{Endless, RequestBody, Server, service_fn};
/// use std::convert::Infallible;
/// use std::io::{Read, Write};
/// use std::time::Duration;
///
/// let ticking = service_fn(async |_request: Request<RequestBody>| {
///     let events = stream::repeat_with(|| Frame::data(Bytes::from("data: tick\n\n")));
///     let events = events.then(async |event| {
///         sleep(Duration::from_millis(10)).await;
///         Ok::<_, Infallible>(event)
///     });
///     let mut answer = Response::new(StreamBody::new(events));
///     answer.extensions_mut().insert(Endless);
///     Ok::<_, Infallible>(answer)
/// });
/// let rt = Runtime::builder().build()?;
/// let listener = rt.block_on(TcpListener::bind("127.0.0.1:0"))?;
/// let mut client = std::net::TcpStream::connect(listener.local_addr()?)?;
/// let server = Server::new(ticking);
/// let handle = server.handle();
/// let serving = rt.spawn(server.serve(listener), Priority::High);
/// client.write_all(b"GET / HTTP/1.1\r\nHost: me\r\n\r\n")?;
/// client.read_exact(&mut [0; 1])?;
///
/// handle.shutdown();
/// let rest = std::io::read_to_string(client)?;
/// assert!(rest.ends_with("\r\n0\r\n\r\n"), "the body has come to its end");
/// assert!(rt.block_on(serving).is_clean());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Endless;

impl<B> Answer<B> {
    pub(crate) fn new(body: B, entry: Entry, length: Length) -> Answer<B> {
        Answer {
            body: Some(body),
            entry: Some(entry),
            length,
            is_broken: Cell::new(false),
        }
    }

    pub(crate) fn empty(entry: Entry) -> Answer<B> {
        Answer {
            body: None,
            entry: Some(entry),
            length: Length::Finite,
            is_broken: Cell::new(false),
        }
    }
}

impl<B: Body> Answer<B> {
    /// Asks the body about itself. If it panics, it is asked no more, and breaks off at hyper's
    /// next poll.
    fn ask<T>(&self, question: impl FnOnce(&B) -> T, unknown: T) -> T {
        let Some(body) = self.body.as_ref().filter(|_| !self.is_broken.get()) else {
            return unknown;
        };
        caught(|| question(body)).unwrap_or_else(|message| {
            self.is_broken.set(true);
            if let Some(entry) = &self.entry {
                entry.panicked(Panicked::Body, &message);
            }
            unknown
        })
    }
}

const WRONG_LENGTH: &str = "the body of an answer has not the length that the answer tells";

/// Whether what the body gives agrees with the length that was told.
fn takes<D: Buf, E>(
    length: &mut Length,
    frame: &Poll<Option<Result<Frame<D>, E>>>,
    is_last: bool,
) -> bool {
    match frame {
        Poll::Ready(Some(Ok(frame))) => {
            let bytes = frame.data_ref().map_or(0, Buf::remaining);
            length.takes(bytes, is_last || frame.is_trailers())
        }
        Poll::Ready(None) => length.takes(0, true),
        Poll::Ready(Some(Err(_))) | Poll::Pending => true,
    }
}

/// The next piece. The last one in HTTP/2 takes the entry with it.
fn piece<D>(entry: &mut Option<Entry>, data: D, is_last: bool) -> Piece<D> {
    let goes = |entry: &mut Entry| is_last && entry.protocol() == Protocol::Http2;
    if let Some(entry) = entry.take_if(goes) {
        return Piece::last(entry, data);
    }
    Piece::of(entry.as_ref().expect("the last piece takes it"), data)
}

/// A body in the middle of its poll. If that panics, it is dropped while the panic goes on, as a
/// local variable would be: a guard in it then poisons its lock.
struct NoneIfItPanics<'a, B>(Pin<&'a mut Option<B>>);

impl<B> Drop for NoneIfItPanics<'_, B> {
    fn drop(&mut self) {
        // A second panic is caught.
        let _ = caught(|| self.0.set(None));
    }
}

type PolledFrame<B> = Poll<Option<Result<Frame<<B as Body>::Data>, <B as Body>::Error>>>;

fn poll_body<B: Body>(body: Pin<&mut Option<B>>, cx: &mut Context<'_>) -> PolledFrame<B> {
    let mut polled = NoneIfItPanics(body);
    let body = polled.0.as_mut().as_pin_mut();
    let frame = body.map_or(Poll::Ready(None), |body| body.poll_frame(cx));
    std::mem::forget(polled);
    frame
}

impl<B> Body for Answer<B>
where
    B: Body,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Data = Piece<B::Data>;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece<B::Data>>, Self::Error>>> {
        if self.is_broken.get() {
            return Poll::Ready(Some(Err(Panicked::Body.into())));
        }
        let mut this = self.as_mut().project();
        let (true, Some(entry)) = (this.body.is_some(), this.entry.as_mut()) else {
            return Poll::Ready(None);
        };
        if *this.length == Length::Endless && entry.is_to_end() {
            return Poll::Ready(None);
        }
        let frame = match caught(|| poll_body(this.body.as_mut(), cx)) {
            Ok(frame) => frame,
            Err(message) => {
                entry.panicked(Panicked::Body, &message);
                return Poll::Ready(Some(Err(Panicked::Body.into())));
            }
        };
        let is_last = self.is_end_stream();
        let this = self.project();
        let entry = this.entry.as_mut().expect("it was there before the poll");
        if !takes(this.length, &frame, is_last) {
            log::error!("{WRONG_LENGTH}, and its client is cut off");
            return Poll::Ready(Some(Err(WRONG_LENGTH.into())));
        }
        // After the last one, hyper drops the body. In HTTP/1, that ends the request.
        if !is_last || entry.protocol() == Protocol::Http2 {
            entry.note_given(match &frame {
                Poll::Ready(Some(_)) => Part::Given,
                Poll::Ready(None) | Poll::Pending => Part::Awaited,
            });
        }
        frame
            .map_ok(|frame| frame.map_data(|data| piece(this.entry, data, is_last)))
            .map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_none() || self.ask(Body::is_end_stream, false)
    }

    fn size_hint(&self) -> SizeHint {
        match self.body {
            Some(_) => self.ask(Body::size_hint, SizeHint::default()),
            None => SizeHint::with_exact(0),
        }
    }
}

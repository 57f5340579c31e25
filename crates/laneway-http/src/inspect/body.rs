//! The body of an answer of the live page.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::hub::Seat;

/// The body of an answer of [`Inspect`](super::Inspect): a page, or a stream of events.
pub struct InspectBody(Kind);

enum Kind {
    Whole(Option<Bytes>),
    /// Events, after what begins the stream.
    Events(Option<Bytes>, Seat),
}

/// Tells the browser to come back a second after the connection was lost.
const FIRST: &str = "retry: 1000\n\n";

impl InspectBody {
    pub(super) fn whole(text: impl Into<Bytes>) -> InspectBody {
        InspectBody(Kind::Whole(Some(text.into())))
    }

    pub(super) fn events(seat: Seat) -> InspectBody {
        InspectBody(Kind::Events(Some(FIRST.into()), seat))
    }
}

impl Body for InspectBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = match &mut self.0 {
            Kind::Whole(text) => Poll::Ready(text.take()),
            Kind::Events(first @ Some(_), _) => Poll::Ready(first.take()),
            Kind::Events(None, seat) => seat.viewer.poll_next(cx),
        };
        next.map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.0, Kind::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(text) => SizeHint::with_exact(text.as_ref().map_or(0, Bytes::len) as u64),
            Kind::Events(..) => SizeHint::default(),
        }
    }
}

impl fmt::Debug for InspectBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InspectBody").finish_non_exhaustive()
    }
}

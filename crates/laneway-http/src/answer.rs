//! The body of an answer, which ends the request when it is gone.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::entry::{Entry, Part};
use super::panicked::{Panicked, caught};

pin_project! {
    pub(crate) struct Answer<B> {
        // None in an answer of the server's own.
        #[pin]
        body: Option<B>,
        entry: Entry,
        length: Length,
    }
}

/// Whether the service ends an answer by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    Finite,
    Endless,
}

/// Says that an answer's body goes on for as long as the server does: an extension of the answer.
///
/// When the server begins to end, it ends such a body at its next frame, and so need not cut the
/// client off at its deadline. For event streams.
///
/// ```
/// use laneway_http::Endless;
///
/// let mut answer = http::Response::new("data: 1\n\n".to_owned());
/// answer.extensions_mut().insert(Endless);
/// assert!(answer.extensions().get::<Endless>().is_some());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Endless;

impl<B> Answer<B> {
    pub(crate) fn new(body: B, entry: Entry, length: Length) -> Answer<B> {
        Answer {
            body: Some(body),
            entry,
            length,
        }
    }

    pub(crate) fn empty(entry: Entry) -> Answer<B> {
        Answer {
            body: None,
            entry,
            length: Length::Finite,
        }
    }
}

impl<B> Body for Answer<B>
where
    B: Body,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Data = B::Data;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, Self::Error>>> {
        let this = self.project();
        let Some(mut body) = this.body.as_pin_mut() else {
            return Poll::Ready(None);
        };
        if *this.length == Length::Endless && this.entry.is_to_end() {
            return Poll::Ready(None);
        }
        let frame = match caught(|| body.as_mut().poll_frame(cx)) {
            Ok(frame) => frame,
            Err(message) => {
                this.entry.panicked(Panicked::Body, &message);
                return Poll::Ready(Some(Err(Panicked::Body.into())));
            }
        };
        // After the last one, hyper drops the body: that ends the request.
        if !body.is_end_stream() {
            this.entry.note_given(match &frame {
                Poll::Ready(Some(_)) => Part::Given,
                Poll::Ready(None) | Poll::Pending => Part::Awaited,
            });
        }
        frame.map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Some(body) => body.size_hint(),
            None => SizeHint::with_exact(0),
        }
    }
}

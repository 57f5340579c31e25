//! The services that a connection can serve.

use std::error::Error;

use bytes::Buf;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::request_body::RequestBody;

/// A service that answers requests, as [`Server::serve`](crate::Server::serve) takes it.
///
/// Each service with these bounds is one. They stand here once for the whole crate; what users see
/// has them written out.
pub(crate) trait Serves:
    Service<
        Request<RequestBody>,
        Response = Response<<Self as Serves>::Body>,
        Error: Into<Box<dyn Error + Send + Sync>>,
        Future: Send + 'static,
    > + Clone
    + Send
    + 'static
{
    /// The bodies of the answers.
    type Body: Body<Data: Buf + Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static;
}

impl<S, B> Serves for S
where
    S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    S::Future: Send + 'static,
    B: Body + Send + 'static,
    B::Data: Buf + Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Body = B;
}

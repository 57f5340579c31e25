//! The state that the handlers share.

use laneway::Handle;
use laneway::background::TaskQueue;
use laneway_http::ServerHandle;

use super::live::Board;

/// The state that the handlers share: each has a clone.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) tasks: TaskQueue<()>,
    pub(crate) runtime: Handle,
    pub(crate) server: ServerHandle,
    pub(crate) board: Board,
}

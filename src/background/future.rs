//! The task behind a handle, as a plain future.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

pin_project! {
    /// The task behind a handle: a future that is ready when there is nothing left to do.
    ///
    /// Spawn it where it is to run: by [`spawn_task!`](crate::spawn_task) at the priority that
    /// suits it, on another executor, or on a thread of its own by
    /// [`block_on`](crate::block_on). It needs no runtime of Laneway's.
    ///
    /// ```
    /// use laneway::{background, block_on};
    /// use std::thread;
    ///
    /// let (echo, background) = background::service((), async |_: &mut (), n: u8| n);
    /// let thread = thread::spawn(move || block_on(background));
    /// assert_eq!(block_on(echo.call(1)), Ok(1));
    /// drop(echo);
    /// thread.join().unwrap();
    /// ```
    #[derive(Debug)]
    #[must_use = "a background does nothing unless it is spawned or awaited"]
    pub struct Background<F> {
        #[pin]
        life: F,
    }
}

impl<F> Background<F> {
    pub(super) fn new(life: F) -> Background<F> {
        Background { life }
    }
}

impl<F: Future<Output = ()>> Future for Background<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().life.poll(cx)
    }
}

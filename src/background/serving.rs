//! A service as its task polls it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use pin_project_lite::pin_project;

use super::at_shutdown::{AtShutdown, Watch};
use super::close_reason::CloseReason;
use super::mailbox::Mailbox;
use crate::executor::Borrower;

pin_project! {
    /// The life of a service, which takes no new calls when shutdown begins, and notes in which
    /// task it is, for urgent callers to lend that their priority.
    pub(super) struct Serving<F, Req, Res> {
        #[pin]
        life: F,
        mailbox: Arc<Mailbox<Req, Res>>,
        watch: Watch,
        // Of the last poll, while it goes on.
        waker: Option<Waker>,
    }
}

impl<F, Req, Res> Serving<F, Req, Res> {
    pub(super) fn new(
        life: F,
        mailbox: Arc<Mailbox<Req, Res>>,
        at_shutdown: AtShutdown,
    ) -> Serving<F, Req, Res> {
        Serving {
            life,
            mailbox,
            watch: Watch::new(at_shutdown),
            waker: None,
        }
    }
}

impl<F: Future<Output = ()>, Req, Res> Future for Serving<F, Req, Res> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let here = cx.waker();
        let begun = match this.waker {
            Some(waker) if waker.will_wake(here) => this.watch.poll(here),
            _ => {
                *this.waker = Some(here.clone());
                this.mailbox.is_in(Borrower::polled_here());
                this.watch.leave_notice(here)
            }
        };
        if begun.is_ready() {
            this.mailbox.close_admission(CloseReason::ShutDown);
        }
        let polled = this.life.poll(cx);
        if polled.is_ready() {
            *this.waker = None;
        }
        if this.mailbox.loan_is_over() {
            this.mailbox.end_loan();
        }
        polled
    }
}

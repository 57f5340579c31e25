//! A service as its task polls it.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::at_shutdown::{AtShutdown, Watch};
use super::close_reason::CloseReason;
use super::mailbox::Mailbox;
use crate::executor::Borrower;

pin_project! {
    /// The life of a service, which closes its door when shutdown begins, and notes in which task
    /// it is, for urgent callers to lend that their priority.
    pub(super) struct Serving<F, Req, Res> {
        #[pin]
        life: F,
        mailbox: Arc<Mailbox<Req, Res>>,
        watch: Watch,
        is_in: Option<Borrower>,
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
            is_in: None,
        }
    }
}

impl<F: Future<Output = ()>, Req, Res> Future for Serving<F, Req, Res> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        if this.watch.poll(cx).is_ready() {
            this.mailbox.close_door(CloseReason::ShutDown);
        }
        // A task to which priority is lent is the one that it was.
        if !this.mailbox.loan_stands() {
            let here = Borrower::here();
            if mem::replace(this.is_in, here) != here {
                this.mailbox.is_in(here);
            }
        }
        let polled = this.life.poll(cx);
        if this.mailbox.loan_is_over() {
            this.mailbox.end_loan();
        }
        polled
    }
}

//! A service as its task polls it.

use std::future::Future;
use std::pin::Pin;
use std::ptr;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use pin_project_lite::pin_project;

use super::at_shutdown::{AtShutdown, Watch};
use super::close_reason::CloseReason;
use super::mailbox::Mailbox;
use crate::executor::seat;

pin_project! {
    /// The life of a service, which takes no new calls when shutdown begins, and notes in which
    /// task it is, for urgent callers to lend that their priority.
    pub(super) struct Serving<F, Req, Res> {
        #[pin]
        life: F,
        mailbox: Arc<Mailbox<Req, Res>>,
        watch: Watch,
        // Of the last poll.
        place: Option<Place>,
    }
}

/// The task that a service is polled in, known by the addresses in its waker. A clone of the waker
/// would lie within the task itself, which would never be dropped where its waker owns it. A
/// later task may have the same addresses: its high callers then raise nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    task: usize,
    kind: usize,
}

impl Place {
    fn of(waker: &Waker) -> Place {
        Place {
            task: waker.data().addr(),
            kind: ptr::from_ref(waker.vtable()).addr(),
        }
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
            place: None,
        }
    }
}

impl<F: Future<Output = ()>, Req, Res> Future for Serving<F, Req, Res> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let here = cx.waker();
        let place = Some(Place::of(here));
        let begun = match *this.place == place {
            true => this.watch.poll(here),
            false => {
                *this.place = place;
                this.mailbox.is_in(seat::low_task_here());
                this.watch.leave_notice(here)
            }
        };
        if begun.is_ready() {
            this.mailbox.close_admission(CloseReason::ShutDown);
        }
        let polled = this.life.poll(cx);
        if this.mailbox.loan_is_over() {
            this.mailbox.end_loan();
        }
        polled
    }
}

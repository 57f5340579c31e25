//! One call: its request on the way in, its reply on the way back.
//!
//! An exchange is shared by the caller and the background, and is all that they share for this
//! call. The request lies in it until the handler takes it, so a caller that gives up takes its
//! request back at once, however long the queue is.

use std::fmt;
use std::mem;
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use triomphe::Arc;

use super::call_error::CallError;
use super::call_order::Urgency;
use crate::ground::shield::{drop_shielded, shielded};
use crate::ground::sync::unpoisoned;
use crate::ground::waker::keep;

/// The state that a caller and the background share for one call.
pub(super) struct Exchange<Req, Res> {
    pub(super) urgency: Urgency,
    state: Mutex<State<Req, Res>>,
}

/// An exchange as both sides hold it. It needs no weak references, and so counts none.
pub(super) type SharedExchange<Req, Res> = Arc<Exchange<Req, Res>>;

enum State<Req, Res> {
    /// In the queue.
    Asked {
        request: Req,
        caller: Option<Waker>,
    },
    /// With the handler.
    Taken {
        caller: Option<Waker>,
        /// Of the background, if the handler is to learn that the caller gives up.
        handler: Option<Waker>,
    },
    Replied(Result<Res, CallError>),
    /// The caller has its reply, or gave up.
    Over,
}

/// The part of an exchange that a caller leaves behind when it gives up.
pub(super) enum GivenUp<Req> {
    /// An exchange in the queue, without its request: that is here, and the caller's waker. To be
    /// dropped when the call has been counted, since a destructor may panic.
    InQueue((Req, Option<Waker>)),
    /// Work that goes on without a caller, or a reply that was not read.
    Begun,
}

impl<Req, Res> Exchange<Req, Res> {
    /// An exchange that no other thread knows yet.
    #[inline]
    pub(super) fn new(request: Req) -> SharedExchange<Req, Res> {
        let caller = None;
        Arc::new(Exchange {
            urgency: Urgency::Usual,
            state: Mutex::new(State::Asked { request, caller }),
        })
    }

    /// Notes the caller, and how urgent the request is, before the exchange enters a mailbox.
    #[inline]
    pub(super) fn address(
        exchange: &mut SharedExchange<Req, Res>,
        urgency: Urgency,
        from: Option<Waker>,
    ) {
        let exchange = Arc::get_mut(exchange).expect("its caller alone has it");
        exchange.urgency = urgency;
        if let State::Asked { caller, .. } = unpoisoned(exchange.state.get_mut()) {
            *caller = from;
        }
    }

    /// Takes the request, unless the caller gave up.
    #[inline]
    pub(super) fn take(&self) -> Option<Req> {
        let mut state = self.lock();
        let State::Asked { caller, .. } = &mut *state else {
            return None;
        };
        let taken = State::Taken {
            caller: caller.take(),
            handler: None,
        };
        match mem::replace(&mut *state, taken) {
            State::Asked { request, .. } => Some(request),
            _ => unreachable!("it has been looked at"),
        }
    }

    /// Leaves the reply and wakes the caller. A panic of the caller's waker or of a destructor does
    /// the background no harm.
    pub(super) fn reply(exchange: SharedExchange<Req, Res>, reply: Result<Res, CallError>) {
        let caller = exchange.leave_reply(reply);
        // Dropped before the wake-up: the caller then finds that it has the exchange for itself. If
        // no caller is there to take the reply, it is dropped with the exchange.
        drop_shielded(exchange);
        if let Some(caller) = caller {
            shielded("the waker of a caller", || caller.wake());
        }
    }

    #[inline]
    fn leave_reply(&self, reply: Result<Res, CallError>) -> Option<Waker> {
        let mut state = self.lock();
        match mem::replace(&mut *state, State::Replied(reply)) {
            State::Taken { caller, handler } => {
                drop(state);
                // Unlocked: it may be the last of a task.
                if handler.is_some() {
                    drop_shielded(handler);
                }
                caller
            }
            State::Asked { request, caller } => {
                drop(state);
                drop_shielded(request);
                caller
            }
            State::Over => {
                let unread = mem::replace(&mut *state, State::Over);
                drop(state);
                drop_shielded(unread);
                None
            }
            State::Replied(_) => unreachable!("a call is replied to once"),
        }
    }

    /// Whether the caller gave up.
    pub(super) fn is_over(&self) -> bool {
        matches!(*self.lock(), State::Over)
    }

    /// Takes the reply, or leaves the caller's waker and gives the exchange back.
    pub(super) fn poll_reply(
        exchange: SharedExchange<Req, Res>,
        cx: &mut Context<'_>,
    ) -> Result<Result<Res, CallError>, SharedExchange<Req, Res>> {
        // The side that has replied has no use for the exchange any more, and no lock is needed.
        match Arc::try_unwrap(exchange) {
            Ok(exchange) => {
                let state = exchange.state.into_inner();
                match unpoisoned(state) {
                    State::Replied(reply) => Ok(reply),
                    _ => unreachable!("the background keeps an exchange until it has replied"),
                }
            }
            Err(shared) => match shared.poll_shared(cx) {
                Poll::Ready(reply) => Ok(reply),
                Poll::Pending => Err(shared),
            },
        }
    }

    fn poll_shared(&self, cx: &mut Context<'_>) -> Poll<Result<Res, CallError>> {
        let mut state = self.lock();
        let replaced = match &mut *state {
            State::Asked { caller, .. } | State::Taken { caller, .. } => keep(caller, cx.waker()),
            State::Replied(_) | State::Over => match mem::replace(&mut *state, State::Over) {
                State::Replied(reply) => return Poll::Ready(reply),
                _ => unreachable!("a caller that gave up polls no more"),
            },
        };
        // Unlock before dropping a waker of the user's.
        drop(state);
        drop(replaced);
        Poll::Pending
    }

    /// Forgets the caller's waker: the reply will not be read.
    pub(super) fn forget_caller(&self) {
        let mut state = self.lock();
        let caller = match &mut *state {
            State::Asked { caller, .. } | State::Taken { caller, .. } => caller.take(),
            State::Replied(_) | State::Over => None,
        };
        // Unlock before dropping what may be the last of a task.
        drop(state);
        drop(caller);
    }

    /// Ready when the caller of a request that the handler has has given up.
    pub(super) fn poll_given_up(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        let replaced = match &mut *state {
            State::Taken { handler, .. } => keep(handler, cx.waker()),
            State::Over => return Poll::Ready(()),
            State::Asked { .. } | State::Replied(_) => unreachable!("the handler has it"),
        };
        // Unlock before dropping what may be the last of a task.
        drop(state);
        drop(replaced);
        Poll::Pending
    }

    /// Takes back what is still there of the call, and tells a handler that wants to know.
    pub(super) fn give_up(&self) -> Option<GivenUp<Req>> {
        let mut state = self.lock();
        let left = mem::replace(&mut *state, State::Over);
        // Unlock before dropping what is the user's.
        drop(state);
        match left {
            State::Asked { request, caller } => Some(GivenUp::InQueue((request, caller))),
            State::Taken { handler, .. } => {
                if let Some(handler) = handler {
                    shielded("the waker of a background", || handler.wake());
                }
                Some(GivenUp::Begun)
            }
            State::Replied(_) => Some(GivenUp::Begun),
            State::Over => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<Req, Res>> {
        // A waker's `clone` may panic under the lock; the state is whole even then.
        unpoisoned(self.state.lock())
    }
}

impl<Req, Res> fmt::Debug for Exchange<Req, Res> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").finish_non_exhaustive()
    }
}

//! Which handler runs a kind, and how a payload comes to its type.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use serde::Serialize;

use crate::ctx::Ctx;
use crate::job::Job;
use crate::job_error::JobError;
use crate::payload::{decode, encode};
use crate::retry::Retry;
use crate::worker::next::{Handling, Next};

/// A handler whose types are gone.
type Erased = Arc<dyn Fn(Vec<u8>, Ctx) -> Handling + Send + Sync>;

/// What runs around a handler.
pub(super) type Hook = Arc<dyn Fn(Next, Ctx) -> Handling + Send + Sync>;

#[derive(Clone)]
pub(super) struct Handler {
    /// The present name of its kind.
    kind: &'static str,
    pub(super) run: Erased,
    /// Its own rule, if it has one.
    pub(super) retry: Option<Retry>,
}

/// Handlers by kind, old names included.
#[derive(Clone, Default)]
pub(super) struct Handlers {
    by_kind: BTreeMap<&'static str, Handler>,
    /// They run around all handlers, each around those before it.
    hooks: Vec<Hook>,
    /// A kind that two handlers were given for.
    pub(super) doubled: Option<&'static str>,
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_kind.keys()).finish()
    }
}

impl Handlers {
    pub(super) fn add<T, F, Fut, R, E>(&mut self, handler: F, retry: Option<Retry>)
    where
        T: Job,
        F: Fn(T, Ctx) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, E>> + Send + 'static,
        R: Serialize,
        E: Into<JobError>,
    {
        let run = self.hooks.iter().fold(erased(handler), hooked);
        let handler = Handler {
            kind: T::KIND,
            run,
            retry,
        };
        for kind in [T::KIND].iter().chain(T::OLD_KINDS) {
            if self.by_kind.insert(kind, handler.clone()).is_some() {
                self.doubled = Some(kind);
            }
        }
    }

    pub(super) fn add_hook(&mut self, hook: Hook) {
        for handler in self.by_kind.values_mut() {
            handler.run = hooked(handler.run.clone(), &hook);
        }
        self.hooks.push(hook);
    }

    pub(super) fn get(&self, kind: &str) -> Option<&Handler> {
        self.by_kind.get(kind)
    }

    /// The present name of each kind.
    pub(super) fn present_names(&self) -> BTreeMap<&'static str, &'static str> {
        let by_kind = self.by_kind.iter();
        by_kind
            .map(|(kind, handler)| (*kind, handler.kind))
            .collect()
    }

    pub(super) fn kinds(&self) -> impl Iterator<Item = &'static str> {
        self.by_kind.keys().copied()
    }
}

fn hooked(inner: Erased, hook: &Hook) -> Erased {
    let hook = hook.clone();
    Arc::new(move |payload, ctx| {
        let (inner, own) = (inner.clone(), ctx.clone());
        // An inner hook is called when the outer one awaits it.
        hook(
            Next(Box::pin(async move { inner(payload, own).await })),
            ctx,
        )
    })
}

fn erased<T, F, Fut, R, E>(handler: F) -> Erased
where
    T: Job,
    F: Fn(T, Ctx) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R, E>> + Send + 'static,
    R: Serialize,
    E: Into<JobError>,
{
    let handler = Arc::new(handler);
    Arc::new(move |payload, ctx| {
        let handler = handler.clone();
        Box::pin(async move {
            let handling = handler(decode(&payload)?, ctx);
            let result = handling.await.map_err(Into::into)?;
            // A further attempt would have the handler's effects again, and the same result.
            encode(&result).map_err(|error| Retry::never(format!("no result is kept: {error}")))
        })
    })
}

//! One case of the body.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use super::stage::Stage;

/// A case: it panics where the store is wrong.
#[derive(Clone, Copy)]
pub struct Case {
    name: &'static str,
    run: fn(Stage) -> CaseFuture,
}

type CaseFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Case {
    pub(super) const fn new(name: &'static str, run: fn(Stage) -> CaseFuture) -> Case {
        Case { name, run }
    }

    /// Its name, with the question's before it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Runs it on a fresh store.
    pub async fn run(&self, stage: Stage) {
        (self.run)(stage).await;
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

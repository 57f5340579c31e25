//! A builder gives a member of a group its name: it stands before `spawn` and `spawn_on`.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use super::TaskGroup;
use crate::ground::ids::TaskId;
use crate::runtime::{IntoQueueName, Runtime, named};

/// A spawn whose task gets a name and becomes a member of a group. Made by [`TaskGroup::named`],
/// which has an example.
#[doc(alias = "Builder")]
#[must_use = "a name spawns nothing: call `spawn` on it"]
pub struct NamedMember<'g, T> {
    group: &'g mut TaskGroup<T>,
    name: Arc<str>,
}

impl<T> TaskGroup<T> {
    /// Gives a name to the member that is spawned next: `group.named("parser").spawn(future,
    /// queue)`.
    ///
    /// The [`JoinError`](crate::JoinError) of a member that failed tells the name.
    /// [`Runtime::named`] tells where else it shows.
    ///
    /// ```
    /// use laneway::{Priority, TaskGroup};
    ///
    /// let mut group = TaskGroup::new();
    /// for page in 1..=3 {
    ///     let print = async move { assert_ne!(page, 2, "out of paper") };
    ///     group.named(format!("page {page}")).spawn(print, Priority::Low);
    /// }
    /// let results = laneway::block_on(group.join_all());
    /// let failed: Vec<_> = results.into_iter().filter_map(Result::err).collect();
    /// assert_eq!(failed[0].name(), Some("page 2"));
    /// ```
    pub fn named(&mut self, name: impl Into<Arc<str>>) -> NamedMember<'_, T> {
        NamedMember {
            group: self,
            name: name.into(),
        }
    }
}

impl<T> NamedMember<'_, T> {
    /// Spawns a future as a member with this name. Otherwise as [`TaskGroup::spawn`].
    ///
    /// # Panics
    ///
    /// As [`spawn`](crate::spawn()).
    ///
    /// ```
    /// use laneway::{Priority, TaskGroup};
    ///
    /// let mut group = TaskGroup::new();
    /// let member = group.named("parser").spawn(async { 42 }, Priority::High);
    /// let (joined, result) = laneway::block_on(group.join_next_with_id()).unwrap();
    /// assert_eq!((joined, result.unwrap()), (member, 42));
    /// ```
    #[track_caller]
    pub fn spawn<'q, F>(self, future: F, queue: impl IntoQueueName<'q>) -> TaskId
    where
        F: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        let task = named(self.name).spawn(future, queue);
        self.group.insert(task)
    }

    /// Spawns a future as a member with this name, on the given runtime. Otherwise as
    /// [`TaskGroup::spawn_on`].
    ///
    /// # Panics
    ///
    /// As [`Runtime::spawn`].
    ///
    /// ```
    /// use laneway::{Runtime, TaskGroup};
    ///
    /// let rt = Runtime::builder().with_queue("disk", 1, &[]).build()?;
    /// let mut group = TaskGroup::new();
    /// group.named("index").spawn_on(&rt, async { panic!("no room") }, "disk");
    /// let error = laneway::block_on(group.join_next()).unwrap().unwrap_err();
    /// assert_eq!(error.name(), Some("index"));
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    #[track_caller]
    pub fn spawn_on<'q, F>(
        self,
        runtime: &Runtime,
        future: F,
        queue: impl IntoQueueName<'q>,
    ) -> TaskId
    where
        F: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        let task = runtime.named(self.name).spawn(future, queue);
        self.group.insert(task)
    }
}

impl<T> fmt::Debug for NamedMember<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NamedMember")
            .field("name", &self.name)
            .field("group", &self.group)
            .finish()
    }
}

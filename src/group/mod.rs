//! Tasks that belong together: joined as they end, and cancelled as one.
//!
//! A group is the parent of its members (`ground/waker/children.rs`): a task that ends wakes its
//! member, and a join looks at the members that were woken.
//!
//! A group never decides where its members run: that is [`spawn`](crate::spawn)'s.

mod named_member;

use std::collections::BTreeSet;
use std::fmt;
use std::future::{Future, poll_fn};
use std::mem;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::task::{Context, Poll, ready};

use crate::executor::{Outcome, seat};
use crate::ground::growth::Table;
use crate::ground::ids::TaskId;
use crate::ground::join_error::JoinError;
use crate::ground::large::is_large;
use crate::ground::poll::budget::{self, Waited};
use crate::ground::waker::{Child, Children};
use crate::runtime::{IntoQueueName, Runtime, spawn};
use crate::task::{AbortHandle, Task, unkept};

pub use named_member::NamedMember;

/// Tasks that belong together.
///
/// Members are joined in the order in which they end. A member that panicked is an `Err`, and
/// costs the others nothing.
///
/// # Cancellation
///
/// Dropping the group cancels the members that are left, as dropping each [`Task`] does;
/// [`cancel_all`](TaskGroup::cancel_all) also waits until they are gone. The panic of a member
/// that was never joined is reported as that of a detached task.
///
/// # Priority
///
/// A high task that joins a group raises the members that it waits for, as
/// [`Task::escalate`] does. Spawning into a group does not raise.
///
/// ```
/// use laneway::{Priority, TaskGroup};
///
/// let mut group = TaskGroup::new();
/// for word in ["the", "slow", "lane"] {
///     group.spawn(async move { word.len() }, Priority::Low);
/// }
/// let total = laneway::block_on(async {
///     let mut total = 0;
///     while let Some(length) = group.join_next().await {
///         total += length.expect("a word has a length");
///     }
///     total
/// });
/// assert_eq!(total, 11);
/// ```
///
/// # Members that borrow
///
/// A member owns what it uses, as every task does: it may outlive the stack that it was spawned
/// from, since nothing makes the owner of a group wait (a future that holds the group can be
/// forgotten). Tasks that borrow would need `unsafe`, or a promise that the compiler cannot
/// check. Where several futures are to use one value:
///
/// - Share it: an [`Arc`](std::sync::Arc) for each member.
/// - Futures that run at the same time within one task may borrow from it, since they end with it:
///   `zip`, `join!` and `FuturesUnordered` of the futures crates.
/// - On threads, [`std::thread::scope`] waits, and each of its threads may
///   [`block_on`](crate::block_on) a future that borrows.
///
/// ```
/// use futures_lite::future::zip;
/// use laneway::{block_on, spawn_task};
///
/// let words = vec!["the", "slow", "lane"];
/// let length = async |word: &str| word.len();
///
/// // In one task:
/// let task = spawn_task!(async {
///     let owned = vec![1, 2, 3];
///     zip(async { owned.len() }, async { owned.iter().sum::<usize>() }).await
/// });
/// assert_eq!(block_on(task), (3, 6));
///
/// // On threads:
/// let lengths = std::thread::scope(|scope| {
///     let threads: Vec<_> =
///         words.iter().map(|word| scope.spawn(|| block_on(length(word)))).collect();
///     threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
/// });
/// assert_eq!(lengths, [3, 4, 4]);
/// ```
#[doc(alias("JoinSet", "TaskTracker", "FuturesUnordered", "nursery"))]
#[must_use = "dropping a TaskGroup cancels its members: join them"]
pub struct TaskGroup<T> {
    // Dropped before the members, whose cancellation then finds no group to tell.
    children: Children,
    members: Table<Member<T>>,
    /// Members that no high task has waited for yet.
    not_raised: BTreeSet<usize>,
    /// For the next member.
    waited: Waited,
}

struct Member<T> {
    id: TaskId,
    child: Child,
    /// Keeps its outcome until the member is joined.
    task: Task<T>,
    /// The outcome of a task that ended while the group began to wait for it. Boxed, as the output
    /// may be large.
    ended: Option<Outcome<Box<T>>>,
}

impl<T> Member<T> {
    /// Whether the member has ended. If it has not, its end wakes it.
    fn has_ended(&mut self) -> bool {
        if !self.task.is_finished()
            && let Poll::Ready(ended) = self.child.poll(|cx| self.task.poll_end_boxed(cx))
        {
            self.ended = Some(ended);
        }
        self.task.is_finished()
    }

    fn into_result(self) -> Result<T, JoinError> {
        match self.ended {
            Some(ended) => unkept(ended.into_result()),
            None => self.task.into_result(),
        }
    }

    /// Tells the member to end, and waits for it.
    async fn end(self) -> Option<Outcome<Box<T>>> {
        match self.ended {
            Some(ended) => Some(ended),
            None => self.task.end().await,
        }
    }
}

impl<T> TaskGroup<T> {
    /// Makes a group without members.
    ///
    /// ```
    /// let group = laneway::TaskGroup::<u32>::new();
    /// assert!(group.is_empty());
    /// ```
    pub fn new() -> TaskGroup<T> {
        TaskGroup {
            children: Children::default(),
            members: Table::new(),
            not_raised: BTreeSet::new(),
            waited: Waited::No,
        }
    }

    /// Spawns a future as a member, on the runtime that [`spawn`](crate::spawn()) would use.
    ///
    /// If that runtime has shut down, the member ends at once, as a cancelled one.
    ///
    /// Gives the member's number, as [`Task::id`] does.
    ///
    /// # Panics
    ///
    /// As [`spawn`](crate::spawn()).
    ///
    /// ```
    /// use laneway::{Priority, TaskGroup};
    ///
    /// let mut group = TaskGroup::new();
    /// group.spawn(async { 42 }, Priority::High);
    /// assert_eq!(laneway::block_on(group.join_next()).unwrap().unwrap(), 42);
    /// ```
    #[track_caller]
    pub fn spawn<'q, F>(&mut self, future: F, queue: impl IntoQueueName<'q>) -> TaskId
    where
        F: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        match const { is_large::<F>() } {
            true => self.insert(spawn(Box::pin(future), queue)),
            false => self.insert(spawn(future, queue)),
        }
    }

    /// Spawns a future as a member, on the given runtime.
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
    /// group.spawn_on(&rt, async { 42 }, "disk");
    /// assert_eq!(rt.block_on(group.join_next()).unwrap().unwrap(), 42);
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    #[track_caller]
    pub fn spawn_on<'q, F>(
        &mut self,
        runtime: &Runtime,
        future: F,
        queue: impl IntoQueueName<'q>,
    ) -> TaskId
    where
        F: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        match const { is_large::<F>() } {
            true => self.insert(runtime.spawn(Box::pin(future), queue)),
            false => self.insert(runtime.spawn(future, queue)),
        }
    }

    /// Makes a task a member, and gives its number. One that has ended already counts as ending
    /// now. [`extend`](TaskGroup::extend) adds several, and an iterator of tasks collects into a
    /// group.
    ///
    /// # Panics
    ///
    /// If an await of `&mut task` has had the outcome.
    ///
    /// ```
    /// use laneway::{TaskGroup, spawn_task};
    ///
    /// let mut group = TaskGroup::new();
    /// group.insert(spawn_task!(async { 42 }));
    /// group.extend((0..3).map(|n| spawn_task!(async move { n })));
    /// assert_eq!(group.len(), 4);
    ///
    /// let group: TaskGroup<u32> = (0..3).map(|n| spawn_task!(async move { n })).collect();
    /// assert_eq!(group.len(), 3);
    /// ```
    pub fn insert(&mut self, task: Task<T>) -> TaskId {
        task.refuse_if_served();
        let id = task.id();
        let key = self.members.next_place();
        let child = self.children.add(key);
        let mut member = Member {
            id,
            child,
            task,
            ended: None,
        };
        if member.has_ended() {
            member.child.wake();
        }
        self.members.insert(member);
        self.not_raised.insert(key);
        id
    }

    /// Waits for the next member to end, and takes it out of the group. `None` if the group has
    /// no members.
    ///
    /// # Cancellation
    ///
    /// Dropping this future loses nothing: a member leaves the group only when it is handed out.
    ///
    /// # Errors
    ///
    /// The inner result is an error if the member panicked, or was cancelled by the end of its
    /// runtime.
    ///
    /// ```
    /// use laneway::{Priority, TaskGroup};
    ///
    /// let mut group = TaskGroup::new();
    /// group.spawn(async { if true { panic!("out of ink") } }, Priority::Low);
    /// laneway::block_on(async {
    ///     let error = group.join_next().await.unwrap().unwrap_err();
    ///     assert!(error.to_string().ends_with("out of ink"));
    ///     assert!(group.join_next().await.is_none());
    /// });
    /// ```
    #[doc(alias("select", "race"))]
    pub async fn join_next(&mut self) -> Option<Result<T, JoinError>> {
        let key = self.ended().await?;
        Some(self.take_result(key))
    }

    /// As [`join_next`](TaskGroup::join_next), with the member's number, which tells it from the
    /// others: [`spawn`](TaskGroup::spawn) and [`insert`](TaskGroup::insert) gave it. In a group
    /// with members on several runtimes, two may have the same number.
    ///
    /// # Cancellation
    ///
    /// Dropping this future loses nothing.
    ///
    /// # Errors
    ///
    /// The inner result is an error as that of [`join_next`](TaskGroup::join_next).
    ///
    /// ```
    /// use laneway::{Priority, TaskGroup};
    /// use std::collections::HashMap;
    ///
    /// let mut group = TaskGroup::new();
    /// let mut urls = HashMap::new();
    /// for url in ["a.example", "b.example"] {
    ///     urls.insert(group.spawn(async move { url.len() }, Priority::Low), url);
    /// }
    /// laneway::block_on(async {
    ///     while let Some((id, length)) = group.join_next_with_id().await {
    ///         assert_eq!(urls[&id].len(), length.unwrap());
    ///     }
    /// });
    /// ```
    pub async fn join_next_with_id(&mut self) -> Option<(TaskId, Result<T, JoinError>)> {
        let key = self.ended().await?;
        let id = self.members[key].id;
        Some((id, self.take_result(key)))
    }

    /// Takes a member that has ended out of the group, if there is one, and does not wait. `None`
    /// if every member still runs, or there are none.
    ///
    /// Raises no member: the caller does not wait for them.
    ///
    /// # Errors
    ///
    /// The inner result is an error as that of [`join_next`](TaskGroup::join_next).
    ///
    /// ```
    /// use laneway::{Priority, TaskGroup};
    ///
    /// let mut group = TaskGroup::new();
    /// group.spawn(std::future::pending::<()>(), Priority::Low);
    /// assert!(group.try_join_next().is_none());
    /// ```
    pub fn try_join_next(&mut self) -> Option<Result<T, JoinError>> {
        let key = self.next_ended()?;
        Some(self.take_result(key))
    }

    /// As [`try_join_next`](TaskGroup::try_join_next), with the member's number.
    ///
    /// # Errors
    ///
    /// The inner result is an error as that of [`join_next`](TaskGroup::join_next).
    ///
    /// ```
    /// let mut group = laneway::TaskGroup::<u32>::new();
    /// assert!(group.try_join_next_with_id().is_none());
    /// ```
    pub fn try_join_next_with_id(&mut self) -> Option<(TaskId, Result<T, JoinError>)> {
        let key = self.next_ended()?;
        let id = self.members[key].id;
        Some((id, self.take_result(key)))
    }

    /// Waits for all members, and gives their results in the order in which they ended.
    ///
    /// # Cancellation
    ///
    /// Dropping this future drops the group: the members that are left are cancelled.
    ///
    /// # Errors
    ///
    /// Each result is an error if the member panicked, or was cancelled by the end of its runtime.
    ///
    /// ```
    /// use laneway::{Priority, TaskGroup};
    ///
    /// let mut group = TaskGroup::new();
    /// for n in 0..3 {
    ///     group.spawn(async move { n * n }, Priority::Low);
    /// }
    /// let results = laneway::block_on(group.join_all());
    /// let mut squares: Vec<i32> = results.into_iter().map(|result| result.unwrap()).collect();
    /// squares.sort();
    /// assert_eq!(squares, [0, 1, 4]);
    /// ```
    pub async fn join_all(mut self) -> Vec<Result<T, JoinError>> {
        let mut results = Vec::with_capacity(self.len());
        while let Some(key) = self.ended().await {
            results.push(self.take_result(key));
        }
        results
    }

    /// Cancels the member of this number, and waits until its future has been dropped. It is no
    /// member any more then.
    ///
    /// Gives the output if the member had completed already, and `None` if it was cancelled, had
    /// panicked, or is no member; the panic is reported as that of a detached task. Looks through
    /// the members for it. (A handle that [`abort_handle`](TaskGroup::abort_handle) gives tells a
    /// member to end from anywhere and without a wait; the group then joins it as a cancelled one.)
    ///
    /// # Cancellation
    ///
    /// The member is cancelled, and leaves the group, when this future is first polled. Dropping
    /// it later only ends the wait.
    ///
    /// # Panics
    ///
    /// As [`Task::cancel`].
    ///
    /// ```
    /// use laneway::{Priority, TaskGroup};
    ///
    /// let mut group = TaskGroup::new();
    /// let forever = group.spawn(std::future::pending::<u32>(), Priority::Low);
    /// group.spawn(async { 42 }, Priority::Low);
    /// laneway::block_on(group.cancel(forever));
    /// assert_eq!(laneway::block_on(group.join_all()).len(), 1);
    /// ```
    #[doc(alias = "abort")]
    pub async fn cancel(&mut self, member: TaskId) -> Option<T> {
        let Some(key) = self.key_of(member) else {
            budget::spend().await;
            return None;
        };
        self.not_raised.remove(&key);
        let ended = self.members.remove(key).end().await?;
        ended.after_cancel().map(|output| *output)
    }

    /// Tells all members to end, and does not wait for them, as [`Task::abort`] does. They stay
    /// members, and are joined as cancelled ones. [`cancel_all`](TaskGroup::cancel_all) waits until
    /// their futures have been dropped.
    ///
    /// ```
    /// use laneway::{Priority, TaskGroup};
    ///
    /// let mut group = TaskGroup::new();
    /// group.spawn(std::future::pending::<u32>(), Priority::Low);
    /// group.abort_all();
    /// let error = laneway::block_on(group.join_next()).unwrap().unwrap_err();
    /// assert!(error.is_cancelled());
    /// ```
    pub fn abort_all(&self) {
        for (_key, member) in self.members.iter() {
            member.task.abort();
        }
    }

    /// Gives a handle that can tell the member of this number to end, as [`Task::abort_handle`]
    /// does. `None`: there is no such member. Looks through the members for it.
    ///
    /// ```
    /// use laneway::{Priority, TaskGroup};
    ///
    /// let mut group = TaskGroup::new();
    /// let member = group.spawn(std::future::pending::<u32>(), Priority::Low);
    /// let abort = group.abort_handle(member).unwrap();
    /// std::thread::spawn(move || abort.abort());
    /// let error = laneway::block_on(group.join_next()).unwrap().unwrap_err();
    /// assert!(error.is_cancelled());
    /// assert_eq!(group.abort_handle(member), None);
    /// ```
    #[must_use]
    pub fn abort_handle(&self, member: TaskId) -> Option<AbortHandle> {
        let key = self.key_of(member)?;
        Some(self.members[key].task.abort_handle())
    }

    /// The numbers of the members, in no order.
    ///
    /// ```
    /// use laneway::{Priority, TaskGroup};
    ///
    /// let mut group = TaskGroup::new();
    /// let member = group.spawn(async {}, Priority::Low);
    /// assert!(group.ids().eq([member]));
    /// ```
    pub fn ids(&self) -> impl Iterator<Item = TaskId> {
        self.members.iter().map(|(_key, member)| member.id)
    }

    /// Lets all members run on without the group, as [`Task::detach`] does. The group is empty
    /// then, and can be used again.
    ///
    /// ```
    /// use laneway::{Priority, TaskGroup};
    ///
    /// let (sender, receiver) = std::sync::mpsc::channel();
    /// let mut group = TaskGroup::new();
    /// group.spawn(async move { sender.send("still here").unwrap() }, Priority::Low);
    /// group.detach_all();
    /// drop(group);
    /// assert_eq!(receiver.recv(), Ok("still here"));
    /// ```
    pub fn detach_all(&mut self) {
        for member in mem::take(self).into_members() {
            member.task.detach();
        }
    }

    /// Cancels all members, and waits until the future of each has been dropped. The group is
    /// empty then, and can be used again.
    ///
    /// The outputs of members that had completed are dropped; a panic, of a destructor as well, is
    /// reported as that of a detached task.
    ///
    /// # Cancellation
    ///
    /// All members are cancelled when this future is first polled. Dropping it later only ends
    /// the wait.
    ///
    /// ```
    /// use laneway::{Priority, TaskGroup};
    /// use std::sync::Arc;
    ///
    /// let held = Arc::new(());
    /// let mut group = TaskGroup::new();
    /// for _ in 0..3 {
    ///     let holds = held.clone();
    ///     let forever = async move {
    ///         std::future::pending::<()>().await;
    ///         drop(holds);
    ///     };
    ///     group.spawn(forever, Priority::Low);
    /// }
    /// laneway::block_on(group.cancel_all());
    /// assert_eq!(Arc::strong_count(&held), 1);
    /// assert!(group.is_empty());
    /// ```
    #[doc(alias("abort_all", "shutdown"))]
    pub async fn cancel_all(&mut self) {
        let members = mem::take(self).into_members();
        let mut cancelled: Vec<_> = members.map(|member| Box::pin(cancel(member))).collect();
        // All of them first: no member goes on while this future waits for another.
        poll_fn(|cx| {
            cancelled.retain_mut(|cancel| cancel.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        if cancelled.is_empty() {
            budget::spend().await;
        }
        for cancel in cancelled {
            cancel.await;
        }
    }

    /// How many members there are: running, or ended and not joined yet.
    ///
    /// ```
    /// use laneway::{Priority, TaskGroup};
    ///
    /// let mut group = TaskGroup::new();
    /// group.spawn(async {}, Priority::Low);
    /// group.spawn(async {}, Priority::Low);
    /// laneway::block_on(group.join_next());
    /// assert_eq!(group.len(), 1);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are no members.
    ///
    /// ```
    /// let group = laneway::TaskGroup::<u32>::new();
    /// assert!(group.is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    // An output may be large. It stays with its member until all polls have come back, as
    // `ground/large.rs` tells.

    /// Waits until a member has ended, and gives its key. `None`: there are no members.
    async fn ended(&mut self) -> Option<usize> {
        poll_fn(|cx| {
            let mut waited = self.waited;
            let polled = waited.poll(cx, |cx| self.poll_ended(cx));
            self.waited = waited;
            polled
        })
        .await
    }

    fn poll_ended(&mut self, cx: &mut Context<'_>) -> Poll<Option<usize>> {
        if self.is_empty() {
            return Poll::Ready(None);
        }
        if seat::runs_high_task() {
            self.raise();
        }
        loop {
            let key = ready!(self.children.poll_next(cx));
            if self.has_member_ended(key) {
                return Poll::Ready(Some(key));
            }
        }
    }

    /// The key of a member that has ended, if one that was woken has.
    fn next_ended(&mut self) -> Option<usize> {
        loop {
            let key = self.children.next()?;
            if self.has_member_ended(key) {
                return Some(key);
            }
        }
    }

    // A function of its own: an iterator over the members that lived across an await would keep
    // the future of `cancel` from being `Send`.
    fn key_of(&self, member: TaskId) -> Option<usize> {
        let is_it = |&(_key, candidate): &(usize, &Member<T>)| candidate.id == member;
        let (key, _) = self.members.iter().find(is_it)?;
        Some(key)
    }

    /// Raises the members that have not been raised yet.
    fn raise(&mut self) {
        for key in mem::take(&mut self.not_raised) {
            let task = &self.members[key].task;
            if !task.is_finished() {
                task.escalate();
            }
        }
    }

    /// Whether the member of this key, which was woken, is there and has ended.
    fn has_member_ended(&mut self, key: usize) -> bool {
        let member = self.members.get_mut(key);
        member.is_some_and(Member::has_ended)
    }

    fn take_result(&mut self, key: usize) -> Result<T, JoinError> {
        self.not_raised.remove(&key);
        self.members.remove(key).into_result()
    }

    fn into_members(self) -> impl Iterator<Item = Member<T>> {
        self.members.into_values()
    }
}

impl<V, E> TaskGroup<Result<V, E>> {
    /// Waits for all members, and gives their successful outputs in the order in which they
    /// ended. At the first error the rest is cancelled, and the error is given when their futures
    /// have been dropped.
    ///
    /// # Cancellation
    ///
    /// Dropping this future drops the group: the members that are left are cancelled.
    ///
    /// # Errors
    ///
    /// The first error, in the order in which the members ended.
    ///
    /// # Panics
    ///
    /// If a member panics before that. The rest is cancelled and gone when the panic goes on here,
    /// with the original payload. Panics in the same way if a member was cancelled by the end of
    /// its runtime.
    ///
    /// ```
    /// use laneway::{Priority, TaskGroup};
    ///
    /// let mut group = TaskGroup::new();
    /// group.spawn(std::future::pending(), Priority::Low);
    /// group.spawn(async { "12".parse::<u32>() }, Priority::Low);
    /// group.spawn(async { "twelve".parse::<u32>() }, Priority::Low);
    /// let error = laneway::block_on(group.first_error()).unwrap_err();
    /// assert_eq!(error.to_string(), "invalid digit found in string");
    /// ```
    #[doc(alias = "try_join_all")]
    pub async fn first_error(mut self) -> Result<Vec<V>, E> {
        let mut values = Vec::with_capacity(self.len());
        while let Some(key) = self.ended().await {
            match self.take_value(key, &mut values) {
                Ok(()) => {}
                Err(Ok(error)) => {
                    self.cancel_all().await;
                    return Err(error);
                }
                Err(Err(error)) => {
                    self.cancel_all().await;
                    error.throw();
                }
            }
        }
        Ok(values)
    }

    /// Puts the value of a member that has ended to the others, or gives its error, or the reason
    /// why it has neither. Not in `first_error`, whose frame would hold the value several times.
    fn take_value(&mut self, key: usize, values: &mut Vec<V>) -> Result<(), Result<E, JoinError>> {
        match self.take_result(key) {
            Ok(Ok(value)) => values.push(value),
            Ok(Err(error)) => return Err(Ok(error)),
            Err(error) => return Err(Err(error)),
        }
        Ok(())
    }
}

impl<T> Extend<Task<T>> for TaskGroup<T> {
    fn extend<I: IntoIterator<Item = Task<T>>>(&mut self, tasks: I) {
        for task in tasks {
            self.insert(task);
        }
    }
}

impl<T> FromIterator<Task<T>> for TaskGroup<T> {
    fn from_iter<I: IntoIterator<Item = Task<T>>>(tasks: I) -> TaskGroup<T> {
        let mut group = TaskGroup::new();
        group.extend(tasks);
        group
    }
}

// As a `Task`: an outcome lies there untouched until it is handed out.
impl<T> UnwindSafe for TaskGroup<T> {}
impl<T> RefUnwindSafe for TaskGroup<T> {}

impl<T> Default for TaskGroup<T> {
    fn default() -> TaskGroup<T> {
        TaskGroup::new()
    }
}

impl<T> fmt::Debug for TaskGroup<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskGroup")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

async fn cancel<T>(member: Member<T>) {
    // The destructor of an outcome panics in no case, and reports a panic.
    drop(member.end().await);
}

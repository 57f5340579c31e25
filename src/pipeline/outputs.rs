//! The way of data sets out of a pipeline: a bounded queue with one sender.

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use futures_lite::Stream;

use super::data_set::DataSet;
use super::shared::Shared;
use super::waiters::{WaiterId, Waiters};
use crate::block_on;
use crate::ground::poll::budget::Waited;
use crate::ground::sync::unpoisoned;

/// The rule for a data set that is ready while the outputs are full.
///
/// ```
/// use laneway::pipeline::Overflow;
///
/// assert_eq!(Overflow::default(), Overflow::Block);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Overflow {
    /// The pipeline waits for room, and ticks wait with it. The default.
    #[default]
    Block,
    /// The oldest data set makes room.
    DropOldest,
}

/// Makes both ends of a queue.
pub(super) fn channel<O>(capacity: usize) -> (Sender<O>, Outputs<O>) {
    let channel = Arc::new(Channel(Mutex::new(State {
        data_sets: VecDeque::new(),
        capacity,
        ended: false,
        receivers: 1,
        waiting: Waiters::default(),
        sender: None,
    })));
    let outputs = Outputs {
        channel: channel.clone(),
        waiter: None,
        waited: Waited::No,
    };
    (Sender(channel), outputs)
}

struct Channel<O>(Mutex<State<O>>);

struct State<O> {
    /// At most as many as the capacity, and one more from a pipeline that was shut down.
    data_sets: VecDeque<DataSet<O>>,
    capacity: usize,
    /// The sender has gone.
    ended: bool,
    receivers: usize,
    /// The receivers that wait for a data set.
    waiting: Waiters,
    /// Wakes the sender, which waits for room or for the last receiver to go.
    sender: Option<Waker>,
}

impl<O> Drop for State<O> {
    fn drop(&mut self) {
        self.data_sets.drain(..).for_each(DataSet::discard);
    }
}

impl<O> Channel<O> {
    fn lock(&self) -> MutexGuard<'_, State<O>> {
        // A poisoned lock is fine: nothing is half done under it.
        unpoisoned(self.0.lock())
    }
}

/// The pipeline's end. Dropped, it tells the receivers that nothing more comes.
pub(super) struct Sender<O>(Arc<Channel<O>>);

impl<O> Sender<O> {
    pub(super) fn is_full(&self) -> bool {
        let state = self.0.lock();
        state.data_sets.len() >= state.capacity
    }

    /// Puts a data set behind the others, even if there is no room for it.
    pub(super) fn push(&self, data_set: DataSet<O>) {
        let mut state = self.0.lock();
        state.data_sets.push_back(data_set);
        let waiting = state.waiting.take();
        drop(state);
        waiting.wake();
    }

    /// Takes the oldest data set back, if the queue is full.
    pub(super) fn make_room(&self) -> Option<DataSet<O>> {
        let mut state = self.0.lock();
        match state.data_sets.len() >= state.capacity {
            true => state.data_sets.pop_front(),
            false => None,
        }
    }

    /// Ready when there is room.
    pub(super) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_until(cx, |state| state.data_sets.len() < state.capacity)
    }

    /// Ready when the last receiver has gone.
    pub(super) fn poll_abandoned(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_until(cx, |state| state.receivers == 0)
    }

    fn poll_until(
        &self,
        cx: &mut Context<'_>,
        condition: impl FnOnce(&State<O>) -> bool,
    ) -> Poll<()> {
        let mut state = self.0.lock();
        if condition(&state) {
            return Poll::Ready(());
        }
        // The sender is the pipeline's own task, which has one waker.
        let before = state.sender.replace(cx.waker().clone());
        drop(state);
        drop(before);
        Poll::Pending
    }
}

impl<O> Drop for Sender<O> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.ended = true;
        // A waker keeps its task's memory, and outputs keep this state.
        let (waiting, own) = (state.waiting.take(), state.sender.take());
        drop(state);
        drop(own);
        waiting.wake();
    }
}

/// Receives a pipeline's data sets, one for each tick, in order.
///
/// It is also a [`Stream`]. Clones share the data sets: each goes to one of them. When all clones
/// have been dropped, the pipeline ends. When the pipeline has ended, what is there can still be
/// received.
///
/// ```
/// use laneway::Runtime;
/// use laneway::pipeline::{Period, Pipeline, Shared};
///
/// let (pipeline, outputs) = Pipeline::builder(Shared::new(2))
///     .stage_fn("double", |input: &i32, _window| Ok(2 * input))
///     .every(Period::Millis(1))
///     .build()?;
/// let rt = Runtime::builder().build()?;
/// let running = pipeline.start(&rt);
/// rt.block_on(async {
///     assert_eq!(outputs.recv_async().await.unwrap().output("double"), Some(&4));
///     running.shutdown().await;
///     while let Ok(data_set) = outputs.recv_async().await {
///         assert_eq!(data_set.output("double"), Some(&4));
///     }
/// });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "dropping the outputs ends the pipeline"]
pub struct Outputs<Output> {
    channel: Arc<Channel<Output>>,
    /// As a stream.
    waiter: Option<WaiterId>,
    waited: Waited,
}

impl<Output> Outputs<Output> {
    /// Waits for the next data set.
    ///
    /// # Errors
    ///
    /// If the pipeline has ended, and all its data sets have been received.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses no data set.
    ///
    /// [`Outputs`] has an example.
    pub async fn recv_async(&self) -> Result<DataSet<Output>, RecvError> {
        let mut receive = Receive {
            channel: &self.channel,
            waiter: None,
            waited: Waited::No,
        };
        poll_fn(|cx| receive.poll(cx)).await
    }

    /// Waits for the next data set, and blocks this thread meanwhile. On a worker thread, another
    /// thread takes the worker's place.
    ///
    /// # Errors
    ///
    /// As [`recv_async`](Outputs::recv_async).
    ///
    /// ```
    /// # use laneway::pipeline::{Period, Pipeline, Shared};
    /// let (pipeline, outputs) = Pipeline::builder(Shared::new(2))
    ///     .stage_fn("double", |input: &i32, _window| Ok(2 * input))
    ///     .every(Period::Millis(1))
    ///     .build()?;
    /// let _running = pipeline.start(laneway::Runtime::global());
    /// assert_eq!(outputs.recv()?.output("double"), Some(&4));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn recv(&self) -> Result<DataSet<Output>, RecvError> {
        block_on(self.recv_async())
    }

    /// The next data set, if it is there.
    ///
    /// # Errors
    ///
    /// If it is not, and whether there will be more.
    ///
    /// ```
    /// use laneway::pipeline::{Period, Pipeline, Shared, TryRecvError};
    ///
    /// let (pipeline, outputs) = Pipeline::builder(Shared::new(2))
    ///     .stage_fn("double", |input: &i32, _window| Ok(2 * input))
    ///     .every(Period::Seconds(1))
    ///     .build()?;
    /// assert_eq!(outputs.try_recv().unwrap_err(), TryRecvError::Empty);
    /// drop(pipeline);
    /// assert_eq!(outputs.try_recv().unwrap_err(), TryRecvError::Ended);
    /// # Ok::<(), laneway::pipeline::PipelineError>(())
    /// ```
    pub fn try_recv(&self) -> Result<DataSet<Output>, TryRecvError> {
        match self.channel.receive() {
            Received::DataSet(data_set) => Ok(data_set),
            Received::Nothing => Err(TryRecvError::Empty),
            Received::End => Err(TryRecvError::Ended),
        }
    }

    /// How many data sets are there to be received.
    ///
    /// ```
    /// # use laneway::pipeline::{Period, Pipeline, Shared};
    /// let (_pipeline, outputs) = Pipeline::builder(Shared::new(2))
    ///     .stage_fn("double", |input: &i32, _window| Ok(2 * input))
    ///     .every(Period::Seconds(1))
    ///     .build()?;
    /// assert_eq!(outputs.len(), 0);
    /// # Ok::<(), laneway::pipeline::PipelineError>(())
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.channel.lock().data_sets.len()
    }

    /// Whether there is none to be received at the moment.
    ///
    /// ```
    /// # use laneway::pipeline::{Period, Pipeline, Shared};
    /// let (_pipeline, outputs) = Pipeline::builder(Shared::new(2))
    ///     .stage_fn("double", |input: &i32, _window| Ok(2 * input))
    ///     .every(Period::Seconds(1))
    ///     .build()?;
    /// assert!(outputs.is_empty());
    /// # Ok::<(), laneway::pipeline::PipelineError>(())
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts each data set into the input of another pipeline, until this pipeline has ended.
    /// Gives how many they were. It is a future: spawn it.
    ///
    /// By its timestamp, a data set belongs to the window after its own, at whose beginning it
    /// came to be. So a second pipeline with the same period and the same
    /// [clock](super::PipelineBuilder::clock) sees it one tick later, every time: which of the two
    /// pipelines is faster does not matter.
    ///
    /// # Cancellation
    ///
    /// Dropping the future drops the outputs, which ends this pipeline.
    ///
    /// ```
    /// use laneway::pipeline::{Period, Pipeline, Shared};
    /// use laneway::{Runtime, spawn_task};
    ///
    /// let rt = Runtime::builder().build()?;
    /// let (first, sums) = Pipeline::builder(Shared::new(vec![3, 4]))
    ///     .stage_fn("sum", |numbers: &Vec<u32>, _window| Ok(numbers.iter().sum::<u32>()))
    ///     .every(Period::Millis(2))
    ///     .build()?;
    /// let history = Shared::new(Vec::new());
    /// let (second, peaks) = Pipeline::builder(history.clone())
    ///     .stage_fn("peak", |sums: &Vec<u32>, _window| Ok(*sums.iter().max().ok_or("none yet")?))
    ///     .every(Period::Millis(2))
    ///     .clock(first.clock())
    ///     .build()?;
    ///
    /// let feed = sums.feed(history, |history, data_set| {
    ///     history.extend(data_set.output("sum").copied());
    /// });
    /// let feeding = rt.spawn(feed, laneway::Priority::Low);
    /// let (first, second) = (first.start(&rt), second.start(&rt));
    /// while peaks.recv()?.output("peak") != Some(&7) {}
    ///
    /// laneway::block_on(first.shutdown());
    /// assert!(laneway::block_on(feeding) > 0);
    /// laneway::block_on(second.shutdown());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn feed<Input>(
        self,
        input: Shared<Input>,
        mut put: impl FnMut(&mut Input, DataSet<Output>),
    ) -> u64 {
        let mut count = 0;
        while let Ok(data_set) = self.recv_async().await {
            put(&mut *input.write().await, data_set);
            count += 1;
        }
        count
    }
}

/// The result of a look at the queue.
enum Received<O> {
    DataSet(DataSet<O>),
    Nothing,
    End,
}

impl<O> Channel<O> {
    fn receive(&self) -> Received<O> {
        let mut state = self.lock();
        let Some(data_set) = state.data_sets.pop_front() else {
            return match state.ended {
                true => Received::End,
                false => Received::Nothing,
            };
        };
        // Otherwise the sender does not wait for room.
        let was_full = state.data_sets.len() + 1 >= state.capacity;
        let sender = if was_full { state.sender.take() } else { None };
        // Unlock before waking: the woken one's first act is to take this lock.
        drop(state);
        if let Some(sender) = sender {
            sender.wake();
        }
        Received::DataSet(data_set)
    }

    fn poll_receive(
        &self,
        waiter: &mut Option<WaiterId>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<DataSet<O>, RecvError>> {
        let mut received = self.receive();
        if let Received::Nothing = received {
            let before = self.lock().waiting.wait(waiter, cx.waker());
            drop(before);
            // It may have come before the waker was there.
            received = self.receive();
        }
        let result = match received {
            Received::DataSet(data_set) => Ok(data_set),
            Received::End => Err(RecvError),
            Received::Nothing => return Poll::Pending,
        };
        if waiter.is_some() {
            self.leave(waiter);
        }
        Poll::Ready(result)
    }

    fn leave(&self, waiter: &mut Option<WaiterId>) {
        let waker = self.lock().waiting.leave(waiter);
        // Dropped here, after the lock.
        drop(waker);
    }
}

/// A wait for a data set.
struct Receive<'a, O> {
    channel: &'a Channel<O>,
    waiter: Option<WaiterId>,
    waited: Waited,
}

impl<O> Receive<'_, O> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<DataSet<O>, RecvError>> {
        let (channel, waiter) = (self.channel, &mut self.waiter);
        self.waited.poll(cx, |cx| channel.poll_receive(waiter, cx))
    }
}

impl<O> Drop for Receive<'_, O> {
    fn drop(&mut self) {
        self.channel.leave(&mut self.waiter);
    }
}

impl<Output> Stream for Outputs<Output> {
    type Item = DataSet<Output>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<DataSet<Output>>> {
        let Outputs {
            channel,
            waiter,
            waited,
        } = &mut *self;
        let received = waited.poll(cx, |cx| channel.poll_receive(waiter, cx));
        received.map(Result::ok)
    }
}

impl<Output> Clone for Outputs<Output> {
    fn clone(&self) -> Outputs<Output> {
        self.channel.lock().receivers += 1;
        Outputs {
            channel: self.channel.clone(),
            waiter: None,
            waited: Waited::No,
        }
    }
}

impl<Output> Drop for Outputs<Output> {
    fn drop(&mut self) {
        let mut state = self.channel.lock();
        let waker = state.waiting.leave(&mut self.waiter);
        state.receivers -= 1;
        let sender = match state.receivers {
            0 => state.sender.take(),
            _ => None,
        };
        drop(state);
        drop(waker);
        if let Some(sender) = sender {
            sender.wake();
        }
    }
}

impl<Output> fmt::Debug for Outputs<Output> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outputs")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// The pipeline has ended, and all its data sets have been received.
///
/// ```
/// use laneway::pipeline::RecvError;
///
/// assert_eq!(RecvError.to_string(), "the pipeline has ended");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecvError;

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the pipeline has ended")
    }
}

impl Error for RecvError {}

/// Why there is no data set.
///
/// ```
/// use laneway::pipeline::TryRecvError;
///
/// assert_eq!(TryRecvError::Empty.to_string(), "no data set is ready");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryRecvError {
    /// None is ready at the moment.
    Empty,
    /// The pipeline has ended, and all its data sets have been received.
    Ended,
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryRecvError::Empty => "no data set is ready",
            TryRecvError::Ended => "the pipeline has ended",
        })
    }
}

impl Error for TryRecvError {}

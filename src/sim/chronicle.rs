//! The memory of a simulation: the tasks that live, the events so far, and a hash of them all.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use super::error::Waiting;
use crate::ground::ids::{TaskId, WorkerId};
use crate::ground::sync::unpoisoned;
use crate::ground::telemetry::{Event, LongPoll, LostPanic, Observer, PollEnd, RuntimeShape};
use crate::time::timer::Timer;

/// Watches the scheduler for the simulation, and passes on each event that it sees.
pub(super) struct Chronicle {
    timer: Arc<Timer>,
    observer: Option<Arc<dyn Observer>>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The tasks that have not ended, and how many had been spawned before.
    live: BTreeMap<TaskId, (u64, Waiting)>,
    spawned: u64,
    /// The task that each worker polls, by the worker's number.
    polled: BTreeMap<WorkerId, TaskId>,
    fingerprint: DefaultHasher,
    events: Option<Vec<(Duration, Event)>>,
}

impl Chronicle {
    /// Remembers all events if `keep_events`, and otherwise their hash alone.
    pub(super) fn new(
        timer: Arc<Timer>,
        observer: Option<Arc<dyn Observer>>,
        keep_events: bool,
    ) -> Chronicle {
        Chronicle {
            timer,
            observer,
            state: Mutex::new(State {
                live: BTreeMap::new(),
                spawned: 0,
                polled: BTreeMap::new(),
                fingerprint: DefaultHasher::new(),
                events: keep_events.then(Vec::new),
            }),
        }
    }

    /// The tasks that have not ended, in the order in which they were spawned.
    pub(super) fn waiting(&self) -> Vec<Waiting> {
        let mut live: Vec<_> = self.lock().live.values().cloned().collect();
        live.sort_unstable_by_key(|(before, _)| *before);
        live.into_iter().map(|(_, waiting)| waiting).collect()
    }

    pub(super) fn fingerprint(&self) -> u64 {
        self.lock().fingerprint.finish()
    }

    pub(super) fn take_events(&self) -> Vec<(Duration, Event)> {
        self.lock().events.take().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        unpoisoned(self.state.lock())
    }
}

impl State {
    fn note(&mut self, at: Duration, event: Event) {
        (at, event).hash(&mut self.fingerprint);
        if let Some(events) = &mut self.events {
            events.push((at, event));
        }
        match event {
            Event::Spawned {
                task, spawned_at, ..
            } => {
                let waiting = Waiting::new(task, spawned_at);
                self.live.insert(task, (self.spawned, waiting));
                self.spawned += 1;
            }
            Event::PollStarted { task, worker } => {
                self.polled.insert(worker, task);
            }
            Event::Replaced { worker } => {
                let polled = self.polled.get(&worker);
                if let Some((_, task)) = polled.and_then(|task| self.live.get_mut(task)) {
                    task.blocks = true;
                }
            }
            Event::PollEnded { task, worker, end } => {
                // The worker may go on with a poll that this one lay in, and that blocks already.
                if self.polled.get(&worker) == Some(&task) {
                    self.polled.remove(&worker);
                }
                self.poll_ended(task, end);
            }
            Event::Cancelled { task, .. } => {
                self.live.remove(&task);
            }
            _ => {}
        }
    }

    fn poll_ended(&mut self, task: TaskId, end: PollEnd) {
        if end.is_last() {
            self.live.remove(&task);
        } else if let Some((_, task)) = self.live.get_mut(&task) {
            task.blocks = false;
        }
    }
}

impl Observer for Chronicle {
    fn on_start(&self, shape: &RuntimeShape) {
        if let Some(observer) = &self.observer {
            observer.on_start(shape);
        }
    }

    fn on_event(&self, event: Event) {
        self.lock().note(self.timer.elapsed(), event);
        if let Some(observer) = &self.observer {
            observer.on_event(event);
        }
    }

    fn on_named(&self, task: TaskId, name: &str) {
        let mut state = self.lock();
        name.hash(&mut state.fingerprint);
        if let Some((_, waiting)) = state.live.get_mut(&task) {
            waiting.name = Some(name.into());
        }
        drop(state);
        if let Some(observer) = &self.observer {
            observer.on_named(task, name);
        }
    }

    fn on_long_poll(&self, poll: &LongPoll<'_>) {
        if let Some(observer) = &self.observer {
            observer.on_long_poll(poll);
        }
    }

    fn on_lost_panic(&self, panic: &LostPanic<'_>) {
        if let Some(observer) = &self.observer {
            observer.on_lost_panic(panic);
        }
    }
}

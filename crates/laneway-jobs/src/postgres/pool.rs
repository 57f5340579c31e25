//! A few connections, opened when they are wanted and again when they were lost.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use laneway::Handle;
use laneway::time::{now, sleep};
use tokio_postgres::Client;

use super::address::{Address, Attempt};
use super::connect_error::ConnectError;
use super::failure::in_words;
use super::messages::Messages;
use super::occupancy::Entrance;
use super::probe::Probe;
use super::schema::SchemaName;
use super::serving::Driver;
use super::session::Session;
use crate::deadline::after;
use crate::lock::unpoisoned;

const SHORTEST: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_secs(1);

/// The connections of a store. Each has a slot, which is empty while it is in use or not open.
pub(super) struct Pool {
    address: Address,
    schema: Arc<str>,
    probe: Arc<dyn Probe>,
    patience: Duration,
    slots: Mutex<Vec<Slot>>,
    /// As many as there are slots.
    permits: (flume::Sender<()>, flume::Receiver<()>),
    /// Grows when a runtime that serves connections begins to shut down.
    generation: AtomicU64,
}

/// The place of a connection.
enum Slot {
    Empty,
    Open(Box<Connected>),
}

/// An open connection.
pub(super) struct Connected {
    pub(super) session: Session,
    pub(super) driver: Driver,
    generation: u64,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("address", &self.address)
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}

impl Pool {
    pub(super) fn new(
        address: Address,
        schema: Arc<str>,
        probe: Arc<dyn Probe>,
        patience: Duration,
        connections: usize,
    ) -> Arc<Pool> {
        let pool = Pool {
            address,
            schema,
            probe,
            patience,
            slots: Mutex::default(),
            permits: flume::bounded(connections),
            generation: AtomicU64::new(0),
        };
        (0..connections).for_each(|_| pool.put(Slot::Empty));
        Arc::new(pool)
    }

    /// The schema, quoted and with its dot.
    pub(super) fn schema(&self) -> &str {
        &self.schema
    }

    /// The address by which a schema is known, without the user and the password.
    pub(super) fn url(&self, schema: &SchemaName) -> String {
        self.address.url(schema.name())
    }

    /// A connection for one operation; it is opened where there is none.
    ///
    /// # Cancellation
    ///
    /// The slot is put back.
    pub(super) async fn take(self: &Arc<Self>) -> Result<Lent, ConnectError> {
        let slot = self.next().await;
        let mut lent = self.lend(Place::OfPool);
        let connected = match slot {
            Slot::Open(connected) if self.keeps(&connected) => connected,
            _ => Box::new(self.persist(|| self.try_connect()).await?),
        };
        lent.connected = Some(connected);
        Ok(lent)
    }

    /// A new connection, beside those of the pool and of no more use than one operation.
    pub(super) async fn open_beside(self: &Arc<Self>) -> Result<Lent, ConnectError> {
        let connected = self.persist(|| self.try_connect()).await?;
        let mut lent = self.lend(Place::Beside);
        lent.connected = Some(Box::new(connected));
        Ok(lent)
    }

    fn lend(self: &Arc<Self>, place: Place) -> Lent {
        Lent {
            pool: self.clone(),
            connected: None,
            slot: Slot::Empty,
            place,
        }
    }

    /// The slot that was put back last: few connections are in use where few are enough, and the
    /// server has its caches for them.
    async fn next(&self) -> Slot {
        let permit = self.permits.1.recv_async().await;
        debug_assert!(permit.is_ok(), "the pool holds both ends");
        let mut slots = unpoisoned(self.slots.lock());
        // Where no runtime is, those that one has opened are the last choice: it may have ended.
        let slot = match Handle::try_current() {
            Some(_) => slots.pop(),
            None => (!slots.is_empty()).then(|| slots.remove(0)),
        };
        slot.unwrap_or(Slot::Empty)
    }

    /// A client beside the pool.
    pub(super) async fn client(&self) -> Result<(Client, Driver), ConnectError> {
        self.persist(|| self.address.open(|| {})).await
    }

    /// A connection beside the pool whose messages the caller asks for.
    pub(super) async fn messages(&self) -> Result<(Client, Messages), ConnectError> {
        self.persist(|| self.address.open_at_any()).await
    }

    /// Makes attempts until one succeeds, one is refused, or the patience has ended.
    async fn persist<T, Fut>(&self, attempt: impl Fn() -> Fut) -> Result<T, ConnectError>
    where
        Fut: Future<Output = Result<T, Attempt>>,
    {
        let deadline = after(now(), self.patience);
        let mut pause = SHORTEST;
        loop {
            match attempt().await {
                Ok(opened) => return Ok(opened),
                Err(attempt) => self.wait(attempt, &mut pause, deadline).await?,
            }
        }
    }

    async fn try_connect(self: &Arc<Self>) -> Result<Connected, Attempt> {
        let generation = self.generation.load(Relaxed);
        let pool = Arc::downgrade(self);
        let retire = move || {
            if let Some(pool) = pool.upgrade() {
                pool.retire();
            }
        };
        let (client, mut driver) = self.address.open(retire).await?;
        let session = Session::new(client, self.schema.clone(), self.probe.clone());
        match driver.run(session.set_up()).await {
            Ok(Entrance::Open) => Ok(Connected {
                session,
                driver,
                generation,
            }),
            Ok(Entrance::Closed) => {
                let schema = self.schema.trim_end_matches('.').to_owned();
                Err(Attempt::Refused(ConnectError::InUse(schema)))
            }
            Err(error) => Err(Attempt::Again(in_words(&error))),
        }
    }

    /// Waits before the next attempt, for longer each time.
    async fn wait(
        &self,
        attempt: Attempt,
        pause: &mut Duration,
        deadline: Instant,
    ) -> Result<(), ConnectError> {
        let message = match attempt {
            Attempt::Refused(error) => return Err(error),
            Attempt::Again(message) => message,
        };
        if now() + *pause > deadline {
            let server = self.address.to_string();
            return Err(ConnectError::Unreachable { server, message });
        }
        sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
        *pause = LONGEST.min(*pause * 2);
        Ok(())
    }

    /// Closes the connections that are not in use, and the others when they are put back.
    pub(super) fn retire(&self) {
        self.generation.fetch_add(1, Relaxed);
        let mut slots = unpoisoned(self.slots.lock());
        let idle: Vec<Slot> = slots.drain(..).collect();
        slots.extend(idle.iter().map(|_| Slot::Empty));
        drop(slots);
        drop(idle);
    }

    fn keeps(&self, connected: &Connected) -> bool {
        !connected.session.is_closed() && connected.generation == self.generation.load(Relaxed)
    }

    fn put(&self, slot: Slot) {
        let mut slots = unpoisoned(self.slots.lock());
        let place = match slot {
            Slot::Open(_) => slots.len(),
            Slot::Empty => 0,
        };
        slots.insert(place, slot);
        drop(slots);
        let put = self.permits.0.try_send(());
        debug_assert!(put.is_ok(), "there are as many permits as connections");
    }
}

/// A connection in use. Dropped, it is closed: an operation may be half done on it.
pub(super) struct Lent {
    pool: Arc<Pool>,
    connected: Option<Box<Connected>>,
    /// The slot that is put back.
    slot: Slot,
    place: Place,
}

/// The place that a connection in use has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    OfPool,
    /// None: it is closed after its use.
    Beside,
}

impl Lent {
    pub(super) fn connected(&mut self) -> &mut Connected {
        let connected = self.connected.as_deref_mut();
        connected.expect("it is there until it is put back")
    }

    /// Nothing is under way on it: it can be used again.
    pub(super) fn put_back(mut self) {
        let connected = self.connected.take();
        let kept = connected.filter(|connected| self.pool.keeps(connected));
        self.slot = kept.map_or(Slot::Empty, Slot::Open);
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let slot = std::mem::replace(&mut self.slot, Slot::Empty);
        if self.place == Place::OfPool {
            self.pool.put(slot);
        }
    }
}

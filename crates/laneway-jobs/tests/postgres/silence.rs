//! Does a worker keep its leases where connections are silent, or all in use?

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use laneway::{Priority, Runtime};
use laneway_jobs::Jobs;
use laneway_jobs::postgres::{PostgresOptions, PostgresStore};
use laneway_jobs::store::{
    Claim, ClaimId, ClaimOrder, Held, Renewal, ScheduleStore, Store, WantedSchedules, Whom,
};
use laneway_jobs::{Enqueue, Job};
use serde::{Deserialize, Serialize};

use crate::server;

#[derive(Serialize, Deserialize)]
struct Asked;

impl Job for Asked {
    const KIND: &'static str = "asked";
}

/// Less than the silence after which a connection is given up.
const LEASE: Duration = Duration::from_secs(9);

/// Stands between a store and its server, and can keep all to itself without ending a connection.
struct Proxy {
    address: String,
    opened: Arc<AtomicUsize>,
    /// So many connections, the oldest ones, carry nothing any more.
    silent: Arc<AtomicUsize>,
}

impl Proxy {
    fn before(server: String) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Proxy {
            address: listener.local_addr().unwrap().to_string(),
            opened: Arc::default(),
            silent: Arc::default(),
        };
        let (opened, silent) = (proxy.opened.clone(), proxy.silent.clone());
        thread::spawn(move || {
            for from in listener.incoming() {
                let number = opened.fetch_add(1, Relaxed);
                let (from, to) = (from.unwrap(), TcpStream::connect(&*server).unwrap());
                let back = (to.try_clone().unwrap(), from.try_clone().unwrap());
                for (from, to) in [(from, to), back] {
                    let silent = silent.clone();
                    thread::spawn(move || carry(from, to, || number < silent.load(Relaxed)));
                }
            }
        });
        proxy
    }

    /// The connections that are open now carry nothing any more.
    fn hush(&self) {
        self.silent.store(self.opened.load(Relaxed), Relaxed);
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, is_silent: impl Fn() -> bool) {
    let mut bytes = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut bytes) {
        if !is_silent() && to.write_all(&bytes[..read]).is_err() {
            return;
        }
    }
}

/// Holds a job for a lease.
async fn hold(store: &PostgresStore) -> Held {
    let enqueue: Enqueue = Jobs::new(store.clone()).enqueue(Asked);
    enqueue.await.unwrap();
    let claim = Claim {
        id: ClaimId::from_bytes([7; 16]),
        queue: "default".into(),
        kinds: vec!["asked".into()],
        limit: 1,
        order: ClaimOrder::HighFirst,
        whom: Whom::Innocents,
        lease: LEASE,
        worker: "ada".into(),
        bounds: laneway_jobs::store::Bounds::default(),
        round: Default::default(),
    };
    store.claim(claim).await.unwrap().jobs[0].held()
}

#[test]
fn leases_are_renewed_although_all_connections_are_silent() {
    let Some(server) = server::shared() else {
        return;
    };
    let url = server.url();
    let (user, rest) = url.split_once('@').unwrap();
    let (place, database) = rest.split_once('/').unwrap();
    let proxy = Proxy::before(place.to_owned());
    let url = format!("{user}@{}/{database}", proxy.address);
    let rt = Runtime::builder().build().unwrap();
    rt.block_on(async {
        let options = PostgresOptions::new().schema("silence");
        let store = options.connect(&url).await.unwrap();
        let held = hold(&store).await;
        proxy.hush();
        // In vain after the end of the lease.
        let renewed = store.renew(vec![held], LEASE).await;
        assert_eq!(renewed, Ok(vec![Renewal::Renewed]));
    });
}

#[test]
fn leases_are_renewed_although_all_connections_are_in_use() {
    let Some(server) = server::shared() else {
        return;
    };
    let rt = Runtime::builder().build().unwrap();
    rt.block_on(async {
        let options = PostgresOptions::new().schema("in_use").connections(1);
        let store = options.connect(&server.url()).await.unwrap();
        let held = hold(&store).await;
        let client = store.client().await.unwrap();
        let lock = "BEGIN; LOCK in_use.laneway_schedule";
        client.batch_execute(lock).await.unwrap();
        let waiting = {
            let store = store.clone();
            let wait = async move { store.schedules(WantedSchedules::default()).await };
            rt.spawn(wait, Priority::High)
        };
        let waits = "SELECT 1 FROM pg_locks
            WHERE NOT granted AND relation = 'in_use.laneway_schedule'::regclass";
        while client.query(waits, &[]).await.unwrap().is_empty() {
            laneway::time::sleep(Duration::from_millis(5)).await;
        }
        let renewed = store.renew(vec![held], LEASE).await;
        assert_eq!(renewed, Ok(vec![Renewal::Renewed]));
        client.batch_execute("COMMIT").await.unwrap();
        assert!(waiting.await.is_ok());
    });
}

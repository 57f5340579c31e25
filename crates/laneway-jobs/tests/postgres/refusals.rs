//! Is a job that would wait for others refused before anything is written?

use laneway_jobs::JobId;
use laneway_jobs::postgres::PostgresOptions;
use laneway_jobs::store::{Awaits, Due, NewJob, Store, StoreError};

use crate::server;

fn job(number: u8) -> NewJob {
    NewJob {
        id: JobId::from_bytes([number; 16]),
        kind: "a".to_owned(),
        queue: "default".to_owned(),
        lane: laneway::Priority::Low,
        due: Due::Now,
        max_attempts: 1,
        timeout: None,
        expires_after: None,
        unique: None,
        parent: None,
        awaits: None,
        awaited_by: None,
        payload: b"null".to_vec(),
    }
}

#[test]
fn a_batch_is_refused_and_nothing_of_it_is_written() {
    let Some(server) = server::shared() else {
        return;
    };
    laneway::block_on(async {
        let options = PostgresOptions::new().schema("refusals");
        let store = options.connect(&server.url()).await.unwrap();
        let last = NewJob {
            awaits: Some(Awaits::Settled),
            ..job(2)
        };
        let inserted = store.insert(vec![job(1), last]).await;
        assert!(
            matches!(inserted, Err(StoreError::Database(_))),
            "{inserted:?}"
        );
        assert!(store.list(Default::default()).await.unwrap().is_empty());
    });
}

//! The stores that have a schema open: a lock that each connection of a store shares with all
//! others, and that an end of a move has alone.
//!
//! The server gives the lock back when the connection ends, however that comes about.

use std::future::Future;
use std::time::Duration;

use laneway::time::{now, sleep};

/// The server learns a little later that a program has ended.
const LEAVING: Duration = Duration::from_secs(1);

/// Whether a schema lets a connection in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entrance {
    Open,
    /// Others are in the way.
    Closed,
}

/// Asks for the lock until the server gives it, or has had the time to take it from a program that
/// has ended.
pub(super) async fn enter<E, Fut>(ask: impl Fn() -> Fut) -> Result<Entrance, E>
where
    Fut: Future<Output = Result<bool, E>>,
{
    let deadline = now() + LEAVING;
    loop {
        if ask().await? {
            return Ok(Entrance::Open);
        }
        if now() > deadline {
            return Ok(Entrance::Closed);
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// How a connection has a schema open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Occupancy {
    /// With others.
    Shared,
    /// Alone.
    Alone,
}

impl Occupancy {
    /// The query that takes the lock, unless others are in the way, and answers whether it did.
    pub(super) fn query(self, prefix: &str) -> String {
        let lock = match self {
            Occupancy::Shared => "pg_try_advisory_lock_shared",
            Occupancy::Alone => "pg_try_advisory_lock",
        };
        format!("SELECT pg_catalog.{lock}({})", key(prefix))
    }
}

/// A number for a schema, by FNV-1a over a name that other programs' locks do not have.
pub(super) fn key(prefix: &str) -> i64 {
    let bytes = b"laneway-jobs ".iter().chain(prefix.as_bytes());
    let sum = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    sum.cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_have_locks_of_their_own() {
        assert_ne!(key("\"a\"."), key("\"b\"."));
        let shared = Occupancy::Shared.query("\"a\".");
        assert!(shared.ends_with(&format!("_shared({})", key("\"a\"."))));
    }
}

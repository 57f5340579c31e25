//! One end of a simulated connection.

use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use super::weather::Link;
use crate::net::source::Source;

/// How many bytes may be under way to an end and unread there.
pub(super) const WINDOW: usize = 64 * 1024;

/// The number of an end.
pub(super) type EndId = usize;

/// One end of a connection, as the network knows it.
#[derive(Debug)]
pub(super) struct End {
    pub(super) source: Arc<Source>,
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    /// The number of the connection, the same at both ends.
    pub(super) connection: u64,
    /// The other end, as long as it is held.
    pub(super) peer: Option<EndId>,
    pub(super) phase: ConnectionPhase,
    pub(super) sending: Sending,
    /// The segments that are under way to this end, in order, and when each arrives.
    pub(super) incoming: VecDeque<(Instant, Segment)>,
    /// The place of the first of these segments among all that is under way.
    pub(super) flight: Option<(Instant, u64)>,
    /// How often the first of these segments has been sent in vain.
    pub(super) vain: u32,
    pub(super) inbox: VecDeque<u8>,
    /// How many bytes are under way here or lie in the inbox.
    pub(super) unread: usize,
    /// How the end goes when it is dropped.
    pub(super) farewell: Farewell,
}

/// How far a connection has come, seen from one end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConnectionPhase {
    Connecting,
    Open,
    /// The peer sends nothing more.
    Ended,
    Failed(io::ErrorKind),
}

/// Whether an end may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sending {
    Open,
    /// To an end that is gone. So many bytes are on their way there, and the answer to them is a
    /// reset.
    InVain {
        bytes: usize,
    },
    Shut,
}

/// How an end goes when it is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Farewell {
    /// All that it sent arrives, and then the end.
    Orderly,
    Reset,
}

/// A message that goes over the network.
#[derive(Debug)]
pub(super) enum Segment {
    /// From this end itself to the listener at its remote address.
    Call,
    /// The listener's answer.
    Answer(Result<(), io::ErrorKind>),
    Bytes(Vec<u8>),
    Fin,
    Reset,
}

impl End {
    pub(super) fn new(
        local: SocketAddr,
        remote: SocketAddr,
        connection: u64,
        phase: ConnectionPhase,
    ) -> End {
        End {
            source: Arc::default(),
            local,
            remote,
            connection,
            peer: None,
            phase,
            sending: Sending::Open,
            incoming: VecDeque::new(),
            flight: None,
            vain: 0,
            inbox: VecDeque::new(),
            unread: 0,
            farewell: Farewell::Orderly,
        }
    }

    pub(super) fn link(&self) -> Link {
        Link {
            number: self.connection,
            between: [self.local.ip(), self.remote.ip()],
        }
    }

    /// Copies what lies in the inbox.
    ///
    /// # Errors
    ///
    /// `WouldBlock`, or what has befallen the connection.
    pub(super) fn peek(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let wants = buffers.iter().any(|buffer| !buffer.is_empty());
        match self.phase {
            ConnectionPhase::Failed(kind) => Err(kind.into()),
            ConnectionPhase::Ended if self.inbox.is_empty() => Ok(0),
            _ if self.inbox.is_empty() && wants => Err(io::ErrorKind::WouldBlock.into()),
            _ => Ok(self.copy_to(buffers)),
        }
    }

    fn copy_to(&self, buffers: &mut [IoSliceMut<'_>]) -> usize {
        let mut bytes = self.inbox.iter();
        let places = buffers.iter_mut().flat_map(|buffer| buffer.iter_mut());
        places
            .zip(&mut bytes)
            .map(|(place, byte)| *place = *byte)
            .count()
    }

    /// Checks that this end may send.
    ///
    /// # Errors
    ///
    /// The fate of the connection; or this end was shut, or is not connected yet.
    pub(super) fn check_sending(&self) -> io::Result<()> {
        match (self.phase, self.sending) {
            (ConnectionPhase::Failed(kind), _) => Err(kind.into()),
            (ConnectionPhase::Connecting, _) => Err(io::ErrorKind::NotConnected.into()),
            (_, Sending::Shut) => Err(io::ErrorKind::BrokenPipe.into()),
            (_, Sending::Open | Sending::InVain { .. }) => Ok(()),
        }
    }
}

/// The first bytes of several buffers.
pub(super) fn first_of(buffers: &[IoSlice<'_>], most: usize) -> Vec<u8> {
    let bytes = buffers.iter().flat_map(|buffer| buffer.iter());
    bytes.take(most).copied().collect()
}

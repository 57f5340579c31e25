//! A socket that is the system's or a simulation's.

use std::io;

use super::simulated;

/// The system's socket, or the one of a [simulation](crate::sim) that stands in for it.
#[derive(Debug)]
pub(super) enum Either<S, V> {
    System(S),
    Simulated(V),
}

impl<S, V> Either<S, V> {
    /// Calls the function that belongs to it.
    pub(super) fn with<R>(
        &self,
        system: impl FnOnce(&S) -> R,
        simulated: impl FnOnce(&V) -> R,
    ) -> R {
        match self {
            Either::System(socket) => system(socket),
            Either::Simulated(socket) => simulated(socket),
        }
    }

    /// For what only the system's sockets have, and is of no effect in a simulation.
    pub(super) fn system(&self) -> Option<&S> {
        match self {
            Either::System(socket) => Some(socket),
            Either::Simulated(_) => None,
        }
    }

    /// The system's socket itself.
    ///
    /// # Errors
    ///
    /// If it is simulated.
    pub(super) fn into_system(self) -> io::Result<S> {
        match self {
            Either::System(socket) => Ok(socket),
            Either::Simulated(_) => Err(simulated::has_no_descriptor()),
        }
    }
}

impl<S: mio::event::Source, V> Either<S, V> {
    pub(super) fn source(&mut self) -> Option<&mut dyn mio::event::Source> {
        match self {
            Either::System(socket) => Some(socket),
            Either::Simulated(_) => None,
        }
    }
}

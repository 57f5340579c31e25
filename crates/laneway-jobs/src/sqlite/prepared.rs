//! The statements of a transaction: each is looked up once, and so are the places of its values.

use std::cell::RefCell;

use rusqlite::{CachedStatement, Connection};

use super::clock::Micros;
use super::probe::Probe;
use super::statement::Statement;
use super::tx::{Params, Sql};

/// A statement that stays prepared until the end of its transaction.
pub(super) struct Prepared<'c> {
    statement: Statement,
    pub(super) cached: CachedStatement<'c>,
    /// The names for which the places were looked up.
    names: Vec<&'static str>,
    /// A text may ask for less than it is given, as that of a mutant does.
    places: Vec<Option<usize>>,
    t: Option<usize>,
}

impl<'c> Prepared<'c> {
    fn new(connection: &'c Connection, statement: Statement, text: &str) -> Sql<Prepared<'c>> {
        let cached = connection.prepare_cached(text)?;
        Ok(Prepared {
            t: cached.parameter_index(":t")?,
            statement,
            cached,
            names: Vec::new(),
            places: Vec::new(),
        })
    }

    fn bind(&mut self, params: Params<'_>, t: Micros) -> Sql<()> {
        let given = params.iter().map(|(name, _)| *name);
        if !given.clone().eq(self.names.iter().copied()) {
            // A value of the names before must not be left.
            self.cached.clear_bindings();
            self.names = given.collect();
            let places = self
                .names
                .iter()
                .map(|name| self.cached.parameter_index(name));
            self.places = places.collect::<Sql<_>>()?;
        }
        for (place, (_, value)) in self.places.iter().zip(params) {
            if let Some(place) = *place {
                self.cached.raw_bind_parameter(place, value)?;
            }
        }
        match self.t {
            Some(place) => self.cached.raw_bind_parameter(place, t),
            None => Ok(()),
        }
    }
}

/// Those that a transaction has used. They are a few, so that a walk finds one.
pub(super) struct AllPrepared<'c> {
    connection: &'c Connection,
    free: RefCell<Vec<Prepared<'c>>>,
}

impl<'c> AllPrepared<'c> {
    pub(super) fn new(connection: &'c Connection) -> AllPrepared<'c> {
        AllPrepared {
            connection,
            free: RefCell::default(),
        }
    }

    /// Takes a statement with its values bound. It comes back by [`put_back`](Self::put_back), when
    /// it has run to its end.
    pub(super) fn take(
        &self,
        statement: Statement,
        probe: &dyn Probe,
        params: Params<'_>,
        t: Micros,
    ) -> Sql<Prepared<'c>> {
        let mut prepared = match self.free(statement) {
            Some(prepared) => prepared,
            None => Prepared::new(self.connection, statement, &probe.text(statement))?,
        };
        prepared.bind(params, t)?;
        Ok(prepared)
    }

    fn free(&self, statement: Statement) -> Option<Prepared<'c>> {
        let mut free = self.free.borrow_mut();
        let place = free.iter().position(|one| one.statement == statement)?;
        Some(free.swap_remove(place))
    }

    pub(super) fn put_back(&self, prepared: Prepared<'c>) {
        self.free.borrow_mut().push(prepared);
    }
}

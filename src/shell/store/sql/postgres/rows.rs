//! The rows of a query as they arrive: no more of them are here than are asked for, unless something else is asked before the last one.

use super::super::{Error, Result};
use super::driver::wait;
use futures_util::StreamExt;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio_postgres::{Row, RowStream};

/// The rows of a query on their way.
pub(super) struct Streaming(Mutex<State>);

struct State {
    /// None as soon as the last one is here.
    arriving: Option<Pin<Box<RowStream>>>,
    kept: VecDeque<Row>,
}

impl State {
    fn arrive(&mut self) -> Result<Option<Row>> {
        let Some(stream) = &mut self.arriving else { return Ok(None) };
        match wait(stream.next()) {
            Some(Ok(row)) => Ok(Some(row)),
            Some(Err(error)) => {
                self.arriving = None;
                Err(Error::Server(error.into()))
            }
            None => {
                self.arriving = None;
                Ok(None)
            }
        }
    }
}

impl Streaming {
    pub(super) fn of(rows: RowStream) -> Self {
        Self(Mutex::new(State { arriving: Some(Box::pin(rows)), kept: VecDeque::new() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes all that is still to come into memory.
    pub(super) fn keep(&self) -> Result<()> {
        let mut state = self.state();
        while let Some(row) = state.arrive()? {
            state.kept.push_back(row);
        }
        Ok(())
    }

    fn next(&self) -> Result<Option<Row>> {
        let mut state = self.state();
        match state.kept.pop_front() {
            Some(row) => Ok(Some(row)),
            None => state.arrive(),
        }
    }
}

/// The rows of a query, one after the other.
pub struct ServerRows {
    rows: Arc<Streaming>,
    current: Option<Row>,
}

impl ServerRows {
    pub(super) const fn of(rows: Arc<Streaming>) -> Self {
        Self { rows, current: None }
    }

    pub(in super::super) fn next(&mut self) -> Result<Option<&Row>> {
        self.current = self.rows.next()?;
        Ok(self.current.as_ref())
    }
}

//! Writing to the journal: every entry follows the head that the transaction itself has read.

use crate::book::decide::{Entered, Grant, record};
use crate::book::entry::{Body, Head};
use crate::shell::store::StoreError;
use crate::shell::store::terminal::Tx;
use crate::words::chance::Chance;
use crate::words::ids::{Salt, TerminalId};
use crate::words::time::UtcMs;

/// The journal within one transaction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Journal<'t> {
    /// The transaction.
    pub tx: &'t Tx<'t>,
    /// Whose journal it is.
    pub terminal: TerminalId,
}

impl<'t> Journal<'t> {
    pub(super) const fn new(tx: &'t Tx<'t>, terminal: TerminalId) -> Self {
        Self { tx, terminal }
    }

    /// Where the journal stands.
    pub(super) fn head(&self) -> Result<Head, StoreError> {
        Ok(self.tx.end()?.map_or(Head::start(self.terminal), |end| end.head))
    }

    /// Writes an entry of any kind but a redemption.
    pub(super) fn record(&self, body: Body, chance: &mut Chance, now: UtcMs) -> Result<Entered, StoreError> {
        let entered = record(self.head()?, body, Salt(chance.bytes()), now);
        let entered = entered.ok_or_else(|| StoreError::Inconsistent("a redemption without a grant".into()))?;
        self.tx.append(&entered)?;
        Ok(entered)
    }

    /// Writes the redemption that was granted, and its index.
    pub(super) fn enter(&self, grant: Grant, chance: &mut Chance, now: UtcMs) -> Result<Entered, StoreError> {
        let (redemption, slot) = (grant.redemption().clone(), grant.slot());
        let entered = grant.enter(self.head()?, Salt(chance.bytes()), now);
        self.tx.append(&entered)?;
        self.tx.index_redemption(entered.entry.seq, &redemption, slot.day)?;
        Ok(entered)
    }
}

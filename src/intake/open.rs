//! A batch as received becomes a verified one.

use crate::admit::verify::{self, Refused};
use crate::claim::batch::Draft;
use crate::claim::check::{CheckedBatch, NotWhole, check};
use crate::words::cbor::Reader;
use crate::words::ids::Hash;
use crate::words::keys::PublicKey;
use crate::words::sealed::DocType;

/// Why a batch could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotOpen {
    /// Its signature or form does not count.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// It is not whole.
    #[error(transparent)]
    NotWhole(#[from] NotWhole),
    /// It names another terminal than the one that signed it.
    #[error("the batch names another terminal than the one that signed it")]
    ForeignTerminal,
}

/// A batch that its terminal signed and that is whole.
#[derive(Clone, Debug)]
pub struct VerifiedBatch {
    batch: CheckedBatch,
    hash: Hash,
}

/// Opens a batch that must be signed by `key`.
pub fn open(bytes: &[u8], key: &PublicKey) -> Result<VerifiedBatch, CannotOpen> {
    let payload = verify::open_by(bytes, DocType::Batch, key)?;
    let draft = Reader::decode(payload, Draft::read).map_err(Refused::from)?;
    if draft.terminal != key.terminal_id() {
        return Err(CannotOpen::ForeignTerminal);
    }
    Ok(VerifiedBatch { batch: check(draft)?, hash: Hash::of(&[bytes]) })
}

impl VerifiedBatch {
    /// The batch.
    pub const fn batch(&self) -> &CheckedBatch {
        &self.batch
    }

    /// SHA-256 of the signed bytes.
    pub const fn hash(&self) -> Hash {
        self.hash
    }
}

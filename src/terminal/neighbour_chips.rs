//! Chips between the tills of one house: a chip taught at one counter opens the child's card at the next, one forgotten there opens
//! nothing here. The office's signature on the told card is checked before anything is kept.

use super::Offices;
use super::card::verify;
use crate::deliver::neighbour::{ChipKey, ToldChip, ToldChips};
use crate::shell::store::StoreError;
use crate::shell::store::terminal::{OfficeNumber, Tx};
use crate::words::ids::OfficeId;
use crate::words::time::UtcMs;

/// How many acts with chips one telling covers.
const WINDOW: usize = 150;

/// What a neighbour that knows our acts with chips up to `after` is told of them; none where it knows them all.
pub(super) fn told(tx: &Tx<'_>, office: OfficeNumber, after: u64) -> Result<Option<ToldChips>, StoreError> {
    let numbered = tx.chips_told(office, after, WINDOW)?;
    let Some(upto) = numbered.last().map(|(number, _)| *number) else { return Ok(None) };
    let acts = numbered.into_iter().map(|(_, act)| act).collect();
    Ok(Some(ToldChips { secret: tx.chip_secret()?, from: after, upto, acts }))
}

/// Whether there is something with chips to tell a neighbour that knows our acts up to `after`.
pub(super) fn is_untold(tx: &Tx<'_>, office: OfficeNumber, after: u64) -> Result<bool, StoreError> {
    Ok(!tx.chips_told(office, after, 1)?.is_empty())
}

/// Keeps what a neighbour did with chips; up to which of its acts they are known now, and how many of them are new.
pub(super) fn take(
    tx: &Tx<'_>,
    offices: &mut Offices,
    (number, office): (OfficeNumber, &OfficeId),
    (has, told): (u64, &ToldChips),
    now: UtcMs,
) -> Result<(u64, usize), StoreError> {
    if told.from > has || told.upto <= has {
        return Ok((has, 0));
    }
    let own = tx.chip_secret()?.key();
    let theirs = told.secret.key();
    if theirs != own && !tx.keep_chip_key(theirs, &told.secret)? {
        return Ok((told.upto, 0));
    }
    for act in &told.acts {
        let key: Option<ChipKey> = Some(act.key.unwrap_or(theirs)).filter(|key| *key != own);
        let handle = match &act.token {
            None => None,
            Some(token) => {
                // A neighbour vouches for the chip, never for the card: that must be the office's. Where it is not, or cannot be
                // known yet, the chip opens nothing here rather than the card that it opened before.
                let card = verify(offices, token.clone(), now).ok();
                match card.filter(|(card, _)| card.office() == office && card.token().holder_key.is_none()) {
                    Some((card, bytes)) => {
                        tx.keep_card(number, card.token(), &bytes)?;
                        Some(card.token().handle)
                    }
                    None => None,
                }
            }
        };
        // No clock that is wrong, and nobody who lies, puts an act out of reach of those that follow.
        let at = act.at.min(now.plus_days(1));
        tx.keep_told_chip(key, &ToldChip { at, ..act.clone() }, number, handle)?;
    }
    Ok((told.upto, told.acts.len()))
}

//! From what was scanned to a verified entitlement: by the whole code, by its number, or by a taught chip.

use super::Offices;
use crate::admit::phone::{PhoneCode, Shown};
use crate::admit::scan::Scan;
use crate::admit::token::{Entitlement, UnverifiedToken};
use crate::book::redemption::SeenAs;
use crate::book::refusal::Refusal;
use crate::book::rule::is_entitled;
use crate::shell::store::StoreError;
use crate::shell::store::terminal::{OfficeNumber, Tx};
use crate::words::cbor::Malformed;
use crate::words::civil::CivilDay;
use crate::words::code::Code;
use crate::words::ids::{Handle, Hash};
use crate::words::time::UtcMs;
use std::collections::HashMap;

/// How many verified tokens are remembered at least; twice as many at most.
const REMEMBERED: usize = 2048;

/// A card that was recognised.
#[derive(Clone, Debug)]
pub(super) struct Card {
    pub entitlement: Entitlement,
    pub bytes: Vec<u8>,
    pub seen_as: SeenAs,
    /// The phone code it was shown by; whether it is fresh is decided with everything else.
    pub shown: Option<Shown>,
}

/// What a card is wanted for, where one of several of a child has to be chosen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Purpose<'a> {
    pub day: CivilDay,
    pub service: Option<&'a Code>,
}

/// What was found out before, in two generations: when the young one is full, the old one is forgotten.
#[derive(Debug)]
pub(super) struct Remembered<T> {
    young: HashMap<Hash, T>,
    old: HashMap<Hash, T>,
}

impl<T> Default for Remembered<T> {
    fn default() -> Self {
        Self { young: HashMap::new(), old: HashMap::new() }
    }
}

impl<T: Clone> Remembered<T> {
    fn find(&mut self, of: Hash) -> Option<T> {
        if let Some(found) = self.young.get(&of) {
            return Some(found.clone());
        }
        let found = self.old.remove(&of)?;
        self.keep(of, found.clone());
        Some(found)
    }

    fn keep(&mut self, of: Hash, value: T) {
        if self.young.len() >= REMEMBERED {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(of, value);
    }
}

/// Recognises what was scanned. `forgotten` says that the number was found in the provider's own list; a chip opens that of its child's cards
/// which fits `purpose` best.
pub(super) fn recognise(
    tx: &Tx<'_>,
    offices: &mut Offices,
    raw: &str,
    forgotten: bool,
    purpose: Purpose<'_>,
    now: UtcMs,
) -> Result<Result<Card, Refusal>, StoreError> {
    let scan = match Scan::new(raw) {
        Ok(scan) => scan,
        Err(error) => return Ok(Err(Refusal::Unreadable(error))),
    };
    let is_code = matches!(scan, Scan::Code(_));
    let (bytes, seen_as) = match scan {
        Scan::Phone(code) => return recognise_phone(tx, offices, code, now),
        Scan::Code(bytes) => (Some(bytes), SeenAs::Qr),
        Scan::Number(number) => (tx.card(number)?.map(|card| card.token), SeenAs::CardNumber),
        Scan::Chip(uid) => {
            let chip = tx.chip(&uid)?;
            let taught = tx.child_of_chip(&chip)?;
            let child = if taught.is_some() { taught } else { tx.person_of_chip(&chip)?.and_then(|person| person.child) };
            let Some(child) = child else { return Ok(Err(Refusal::UnknownNumber)) };
            if let Some(card) = cards_for(tx, offices, child, purpose, now)?.into_iter().next() {
                return Ok(Ok(Card { seen_as: if forgotten { SeenAs::List } else { SeenAs::NfcUid }, ..card }));
            }
            // None of them counts any more: the latest says why.
            (tx.cards_of(child.0, child.1)?.into_iter().next().map(|card| card.token), SeenAs::NfcUid)
        }
    };
    let Some(bytes) = bytes else { return Ok(Err(Refusal::UnknownNumber)) };
    let seen_as = if forgotten { SeenAs::List } else { seen_as };
    Ok(verify(offices, bytes, now).map(|(entitlement, bytes)| {
        // A copy of a phone's token is no forgotten card either.
        let seen_as = if is_code && entitlement.token().holder_key.is_some() { SeenAs::Qr } else { seen_as };
        Card { entitlement, bytes, seen_as, shown: None }
    }))
}

/// Recognises a phone code: the token in it is genuine, and the phone it names has signed.
fn recognise_phone(tx: &Tx<'_>, offices: &mut Offices, code: PhoneCode, now: UtcMs) -> Result<Result<Card, Refusal>, StoreError> {
    let PhoneCode { token, proof } = code;
    let (entitlement, bytes) = match verify(offices, token, now) {
        Ok(genuine) => genuine,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if entitlement.token().holder_key.is_none() {
        return Ok(Err(Refusal::NotGenuine(Malformed::new("a phone code of a token that is bound to no phone", 0).into())));
    }
    if !proof.is_of(entitlement.token(), &bytes) {
        return Ok(Err(Refusal::HolderProofMissing));
    }
    let shown = Shown { proof, seen: now, used: tx.phone_code_used(entitlement.token().id)? };
    Ok(Ok(Card { entitlement, bytes, seen_as: SeenAs::Phone, shown: Some(shown) }))
}

/// All genuine cards of a child that were seen here, the latest first, as found in the provider's own list: nobody shows them now.
pub(super) fn cards_of(tx: &Tx<'_>, offices: &mut Offices, child: (OfficeNumber, Handle), now: UtcMs) -> Result<Vec<Card>, StoreError> {
    let known = tx.cards_of(child.0, child.1)?;
    let genuine = known.into_iter().filter_map(|card| verify(offices, card.token, now).ok());
    Ok(genuine.map(|(entitlement, bytes)| Card { entitlement, bytes, seen_as: SeenAs::List, shown: None }).collect())
}

/// The same, those first that pay for `purpose`: of its day, for its service, on paper before a phone's.
pub(super) fn cards_for(
    tx: &Tx<'_>,
    offices: &mut Offices,
    child: (OfficeNumber, Handle),
    purpose: Purpose<'_>,
    now: UtcMs,
) -> Result<Vec<Card>, StoreError> {
    let mut cards = cards_of(tx, offices, child, now)?;
    let credential = offices.numbered(child.0).and_then(|office| office.credential.as_ref());
    let wanted = credential.and_then(|credential| Some((credential.service(purpose.service?)?, credential.provider)));
    cards.sort_by_key(|card| {
        let token = card.entitlement.token();
        let pays = wanted.is_none_or(|(service, provider)| is_entitled(token, service.benefit, service.detail.as_ref(), provider).is_ok());
        (!token.is_valid_on(purpose.day), !pays)
    });
    Ok(cards)
}

pub(super) fn verify(offices: &mut Offices, bytes: Vec<u8>, now: UtcMs) -> Result<(Entitlement, Vec<u8>), Refusal> {
    let hash = Hash::of(&[&bytes]);
    if let Some(entitlement) = offices.verified.find(hash) {
        return Ok((entitlement, bytes));
    }
    let token = UnverifiedToken::from_bytes(bytes);
    let entitlement = token.verify(offices.trusts(), now).map_err(Refusal::NotGenuine)?;
    offices.verified.keep(hash, entitlement.clone());
    Ok((entitlement, token.bytes().to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_remembered_and_memory_is_bounded() {
        let mut remembered = Remembered::default();
        let favourite = Hash::of(&[b"favourite"]);
        remembered.keep(favourite, 0);
        for number in 1..REMEMBERED * 3 {
            remembered.keep(Hash::of(&[&number.to_be_bytes()]), number);
            assert_eq!(remembered.find(favourite), Some(0), "after {number}");
        }
        assert!(remembered.young.len() + remembered.old.len() <= REMEMBERED * 2);
        assert_eq!(remembered.find(Hash::of(&[&1usize.to_be_bytes()])), None);
    }
}

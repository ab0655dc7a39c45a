//! "Served, clarify later": the meal is in the journal at once and becomes a redemption when a card allows it, or never.

use super::card::{Card, Purpose, recognise};
use super::counter::{CounterError, Desk, NotWellFormed, once};
use super::{Terminal, clock, rest};
use crate::admit::number::CardNumber;
use crate::admit::scan::Scan;
use crate::book::entry::{Body, ClockState, Held};
use crate::book::rule;
use crate::shell::store::StoreError;
use crate::shell::store::terminal::{HeldRow, OfficeNumber};
use crate::words::cents::Cents;
use crate::words::chance::Chance;
use crate::words::civil::CivilDay;
use crate::words::code::Code;
use crate::words::ids::{AliasId, Handle};
use crate::words::reason::Reason;
use crate::words::service::Pricing;
use crate::words::time::UtcMs;
use serde::{Deserialize, Serialize};

/// The longest alias in characters.
pub const MAX_ALIAS: usize = 60;

/// A service given although nothing could be recorded for a card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HoldRequest {
    /// The caller's own id: the same one gets the same answer.
    #[serde(skip)]
    pub ask: Option<String>,
    /// What was scanned, if anything.
    pub code: Option<String>,
    /// Somebody of this provider's own lists; the name is the alias.
    pub person: Option<u64>,
    /// What people here call the person; it never leaves this box.
    pub alias: Option<String>,
    /// The service.
    pub service: Code,
    /// The service day; today where none is named.
    pub day: Option<CivilDay>,
    /// The amount, where the provider types it.
    pub cents: Option<Cents>,
    /// Why it could not be redeemed.
    pub why: Reason,
}

/// What was held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldAnswer {
    /// The entry's number.
    pub seq: u64,
    /// What people here call the person.
    pub alias: String,
    /// The service.
    pub service: Code,
    /// The service day.
    pub day: CivilDay,
    /// The price.
    pub cents: Cents,
}

/// A held entry that still waits for a card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OpenHeld {
    /// When it was recorded.
    pub at: UtcMs,
    /// What was held.
    #[serde(flatten)]
    pub held: HeldAnswer,
    /// Why it could not be redeemed.
    pub why: Code,
}

impl Terminal {
    /// Records a service to be clarified later. Works with a suspect clock, too.
    pub fn hold(&mut self, request: &HoldRequest, chance: &mut Chance, now: UtcMs) -> Result<HeldAnswer, CounterError> {
        self.at_desk(now, |desk| {
            once(desk, request.ask.as_deref(), &("hold", request), |desk| {
                clock::note(desk.journal, desk.clock, chance)?;
                hold_at(desk, request, chance)
            })
        })
    }

    /// Gives a held entry the name by which people know it. The name stays on this box; the journal does not change.
    pub fn name_held(&mut self, seq: u64, alias: &str, now: UtcMs) -> Result<HeldAnswer, CounterError> {
        let alias = alias.trim();
        if alias.is_empty() || alias.chars().count() > MAX_ALIAS {
            return Err(NotWellFormed::AliasMissing.into());
        }
        self.at_desk(now, |desk| {
            let Some(Body::Held(held)) = desk.tx().entry(seq)?.map(|entry| entry.body) else { return Err(NotWellFormed::NoSuchHeld(seq).into()) };
            desk.tx().rename_held(seq, alias)?;
            Ok(HeldAnswer { seq, alias: alias.to_owned(), service: held.service, day: held.day, cents: held.cents })
        })
    }

    /// All held entries that still wait for a card, in order.
    pub fn open_held(&mut self) -> Result<Vec<OpenHeld>, StoreError> {
        self.store.read(|tx| {
            let mut open = Vec::new();
            for row in tx.open_held()? {
                let Some(entry) = tx.entry(row.seq)? else { continue };
                if let Body::Held(held) = entry.body {
                    let answer = HeldAnswer { seq: row.seq, alias: row.alias, service: held.service, day: held.day, cents: held.cents };
                    open.push(OpenHeld { at: entry.at, held: answer, why: held.why });
                }
            }
            Ok(open)
        })
    }
}

/// Holds within a transaction.
pub(super) fn hold_at(desk: &mut Desk<'_>, request: &HoldRequest, chance: &mut Chance) -> Result<HeldAnswer, CounterError> {
    let (alias, child) = whose(desk, request)?;
    let day = request.day.unwrap_or_else(|| desk.today());
    let no_such = || NotWellFormed::NoSuchService(request.service.clone());
    let (_, service) = desk.offices.service(&request.service).ok_or_else(no_such)?;
    if service.benefit.happens_at_the_counter() && day > desk.today() && desk.clock.state == ClockState::Ok {
        return Err(NotWellFormed::LiesAhead(day).into());
    }
    let cents = rule::price(service, day, 1, request.cents).map_err(|_| NotWellFormed::NoPrice)?;
    let (benefit, free) = (service.benefit, service.pricing == Pricing::Free);
    let alias_id = alias_id(desk, &alias, chance)?;
    let why = Code::parse(request.why.code()).ok_or(NotWellFormed::NoSuchService(request.service.clone()))?;
    let beyond = rest::is_beyond(&why, free);
    let body = Body::Held(Held { alias: alias_id, benefit, service: request.service.clone(), day, units: 1, cents, why });
    let seq = desk.journal.record(body, chance, desk.clock.now)?.entry.seq;
    let charge = if beyond { rest::own_charge(desk, seq) } else { None };
    let row = HeldRow { seq, alias_id, alias: alias.clone(), settled_by: None, child, rest_of: None, reopened: false, charge };
    desk.tx().index_held(&row)?;
    Ok(HeldAnswer { seq, alias, service: request.service.clone(), day, cents })
}

/// Who it was: as told, or the number of the card that was scanned, or the end of what could not be recognised; and which child, where a
/// card says so.
fn whose(desk: &mut Desk<'_>, request: &HoldRequest) -> Result<(String, Option<(OfficeNumber, Handle)>), CounterError> {
    let purpose = Purpose { day: request.day.unwrap_or_else(|| desk.today()), service: Some(&request.service) };
    let card = match request.code.as_deref() {
        Some(code) => recognise(desk.journal.tx, desk.offices, code, false, purpose, desk.clock.now)?.ok(),
        None => None,
    };
    if let Some(id) = request.person {
        let row = desk.tx().person(id)?.ok_or(NotWellFormed::NoSuchPerson(id))?;
        return Ok((row.details.name, row.child));
    }
    let child = card.as_ref().and_then(|card| child_of(desk, card));
    if let Some(alias) = request.alias.as_deref().map(str::trim).filter(|alias| !alias.is_empty()) {
        return if alias.chars().count() <= MAX_ALIAS { Ok((alias.to_owned(), child)) } else { Err(NotWellFormed::AliasMissing.into()) };
    }
    let code = request.code.as_deref().ok_or(NotWellFormed::AliasMissing)?;
    if let Some(card) = card {
        return Ok((alias_of(&card), child));
    }
    match Scan::new(code) {
        Ok(Scan::Number(number)) => Ok((number.to_string(), None)),
        Ok(Scan::Chip(uid)) => Ok((uid, None)),
        _ => {
            let end: String = code.trim().chars().rev().take(8).collect();
            let end: String = end.chars().rev().collect();
            if end.is_empty() { Err(NotWellFormed::AliasMissing.into()) } else { Ok((format!("…{end}"), None)) }
        }
    }
}

/// The child of a card, as this box counts offices.
pub(super) fn child_of(desk: &Desk<'_>, card: &Card) -> Option<(OfficeNumber, Handle)> {
    let (office, _) = desk.offices.find(card.entitlement.office())?;
    Some((office.number, card.entitlement.token().handle))
}

/// What a card calls its child where people give no name.
pub(super) fn alias_of(card: &Card) -> String {
    let token = card.entitlement.token();
    let number = CardNumber::of(token.id);
    token.hint.as_ref().map_or(number.to_string(), |hint| format!("{hint} ({number})"))
}

/// The random id that stands for an alias in the journal.
pub(super) fn alias_id(desk: &Desk<'_>, alias: &str, chance: &mut Chance) -> Result<AliasId, StoreError> {
    Ok(desk.tx().alias_id(alias)?.unwrap_or_else(|| AliasId(chance.bytes())))
}

//! What waits for a card, and how it stops waiting: the rest of a fee or trip that does not fit is held with it, and what is held for a
//! child is made up for by itself when a card allows it, never before.

use super::card::{Card, cards_of};
use super::counter::{CounterError, Desk, Request};
use super::decision::{Decision, Wanted, decide_for, enter, wanted};
use super::held::{alias_id, alias_of, child_of};
use super::{Terminal, clock};
use crate::admit::token::Token;
use crate::book::decide::{Ask, Grant};
use crate::book::entry::{Body, Held};
use crate::book::refusal::Refusal;
use crate::book::rule;
use crate::shell::store::StoreError;
use crate::shell::store::terminal::{HeldRow, OfficeNumber};
use crate::words::benefit::Benefit;
use crate::words::cents::Cents;
use crate::words::chance::Chance;
use crate::words::civil::CivilDay;
use crate::words::code::Code;
use crate::words::ids::{Handle, Hash};
use crate::words::reason::Reason;
use crate::words::service::{Pricing, Service};
use crate::words::time::UtcMs;
use serde::{Deserialize, Serialize};

/// The most held entries of a child that one scan tries to make up for; the queue waits behind it.
pub const SETTLED_AT_SCAN: usize = 12;
/// How many held entries one step of the upkeep looks at; the queue at the counter waits no longer than that.
const STEP: usize = 20;
/// The most months a rest may wait for its card.
const MONTHS: u32 = 24;

/// What of a fee or trip does not fit.
#[derive(Clone, Debug)]
pub(super) struct Rest {
    service: Code,
    benefit: Benefit,
    day: CivilDay,
    pub cents: Cents,
    why: Reason,
    /// Whether it is part of an amount that was granted; otherwise it is a month of its own.
    pub is_part: bool,
    /// Which of the grants it belongs to.
    pub of: usize,
    /// The charge of the fee it was asked for with.
    charge: Option<Code>,
    /// Whether it can be claimed under a charge of its own.
    is_free: bool,
}

/// What was held beside a redemption; for a mere look, without a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldRest {
    /// The entry's number; zero for a mere look.
    pub seq: u64,
    /// The service.
    pub service: Code,
    /// The service day.
    pub day: CivilDay,
    /// The amount.
    pub cents: Cents,
}

/// A held entry that a card has made up for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// The redemption's number.
    pub seq: u64,
    /// The held entry's number.
    pub held: u64,
    /// The service.
    pub service: Code,
    /// The service day.
    pub day: CivilDay,
    /// What it claims.
    pub cents: Cents,
}

impl Rest {
    /// What a grant leaves of a typed amount. Of an agreed price nothing is held: a part of it is no price that could be claimed.
    pub(super) fn of_grant(service: &Service, grant: &Grant, of: usize) -> Option<Self> {
        let redemption = grant.redemption();
        let cents = redemption.full_price?.minus(redemption.cents);
        let rest = Self {
            service: service.code.clone(),
            benefit: service.benefit,
            day: redemption.day,
            cents,
            why: Reason::CeilingReached,
            is_part: true,
            of,
            charge: redemption.charge.clone(),
            is_free: service.pricing == Pricing::Free,
        };
        rest.is_free.then_some(rest)
    }

    /// A month or trip of which nothing fits, or that lies beyond the approval.
    pub(super) fn of_refusal(service: &Service, ask: &Ask, refusal: &Refusal) -> Option<Self> {
        let why = refusal.reason();
        let is_late = matches!(refusal, Refusal::CeilingReached { .. } | Refusal::Expired { .. });
        let cents = rule::price(service, ask.day, 1, ask.cents).ok()?;
        let rest = Self {
            service: service.code.clone(),
            benefit: service.benefit,
            day: ask.day,
            cents,
            why,
            is_part: false,
            of: 0,
            charge: ask.charge.clone(),
            is_free: service.pricing == Pricing::Free,
        };
        (is_late && service.benefit.takes_free_amount()).then_some(rest)
    }

    pub(super) fn told(&self) -> HeldRest {
        HeldRest { seq: 0, service: self.service.clone(), day: self.day, cents: self.cents }
    }
}

/// Holds a rest for the child of a card. `of` is the redemption with which it stands and falls.
pub(super) fn hold(desk: &Desk<'_>, card: &Card, rest: &Rest, of: Option<u64>, chance: &mut Chance) -> Result<u64, CounterError> {
    let alias = alias_of(card);
    let alias_id = alias_id(desk, &alias, chance)?;
    let why = Code::parse(rest.why.code()).ok_or_else(|| StoreError::Inconsistent("a reason that is no code".into()))?;
    let held = Held { alias: alias_id, benefit: rest.benefit, service: rest.service.clone(), day: rest.day, units: 1, cents: rest.cents, why };
    let seq = desk.journal.record(Body::Held(held), chance, desk.clock.now)?.entry.seq;
    let row = HeldRow {
        seq,
        alias_id,
        alias,
        settled_by: None,
        child: child_of(desk, card),
        rest_of: of,
        reopened: false,
        charge: charge_of(desk, rest, of, seq)?,
    };
    desk.tx().index_held(&row)?;
    Ok(seq)
}

/// The charge under which a rest is claimed. What did not fit has one of its own, since the fee it was part of has its slot: made of that slot,
/// so that a box restored from a backup claims the same rest under the same charge, and the office counts it once. What lay beyond the approval
/// has the charge of the fee it was asked for with.
fn charge_of(desk: &Desk<'_>, rest: &Rest, of: Option<u64>, seq: u64) -> Result<Option<Code>, StoreError> {
    if !rest.is_free || rest.why != Reason::CeilingReached {
        return Ok(rest.charge.clone());
    }
    let part = of.map(|seq| desk.tx().indexed_redemption(seq)).transpose()?.flatten();
    Ok(part.map_or_else(|| own_charge(desk, seq), |part| charge_made_of(&[&part.slot.id.0, &rest.day.days().to_be_bytes()])))
}

/// A charge that no other held entry has, for what belongs to no fee.
pub(super) fn own_charge(desk: &Desk<'_>, seq: u64) -> Option<Code> {
    charge_made_of(&[&desk.journal.terminal.0, &seq.to_be_bytes()])
}

fn charge_made_of(parts: &[&[u8]; 2]) -> Option<Code> {
    let hash = Hash::of(&[b"teilhabe/rest/1", parts[0], parts[1]]).first::<8>();
    Code::parse(&format!("rest-{}", data_encoding::HEXLOWER.encode(&hash)))
}

/// Whether a card for later months may pay it: a membership fee above the budget waits for the follow-up approval.
pub(super) fn waits(held: &Held, free: bool) -> bool {
    held.benefit == Benefit::Participation && is_beyond(&held.why, free)
}

/// Whether it did not fit, and an amount of its own can be claimed for it.
pub(super) fn is_beyond(why: &Code, free: bool) -> bool {
    free && why.as_str() == Reason::CeilingReached.code()
}

/// The days on which something wanted may be claimed, the best first: its own, and for what waits the first days of later months of the card
/// that have begun.
pub(super) fn days(wanted: &Wanted, token: &Token, today: CivilDay) -> Vec<CivilDay> {
    let mut days = vec![wanted.day];
    if wanted.waits {
        let later = (1..=MONTHS).map(|months| wanted.day.month().plus(months).first_day());
        days.extend(later.filter(|day| *day <= today && token.is_valid_on(*day)));
    }
    days
}

/// What is held for this child, where a scan may be about it: an agreed price, and no lesson.
pub(super) fn held_for(desk: &Desk<'_>, wanted: &Wanted, card: &Card) -> Result<Option<Vec<HeldRow>>, StoreError> {
    let Some(child) = child_of(desk, card) else { return Ok(None) };
    let service = desk.offices.find(card.entitlement.office()).and_then(|(office, _)| office.credential.as_ref()?.service(&wanted.service));
    if service.is_none_or(|s| s.pricing == Pricing::Free || s.benefit == Benefit::Tutoring) {
        return Ok(None);
    }
    desk.tx().open_held_of(child.0, child.1).map(Some)
}

/// The held entry among `open` that is the very thing wanted: a meal that was held and is scanned for after all.
pub(super) fn same_thing(desk: &Desk<'_>, wanted: &Wanted, open: &[HeldRow]) -> Result<Option<u64>, StoreError> {
    for row in open {
        if let Some(Body::Held(held)) = desk.tx().entry(row.seq)?.map(|entry| entry.body)
            && held.service == wanted.service
            && held.day == wanted.day
        {
            return Ok(Some(row.seq));
        }
    }
    Ok(None)
}

/// Makes up for what is held for the child of a card that has just been accepted; what does not fit stays held.
pub(super) fn settle_at_scan(desk: &mut Desk<'_>, card: &Card, chance: &mut Chance) -> Result<Vec<Settled>, CounterError> {
    let mut settled = Vec::new();
    let Some(child) = child_of(desk, card) else { return Ok(settled) };
    let open = desk.tx().open_held_of(child.0, child.1)?;
    for row in open.iter().filter(|row| !row.reopened).take(SETTLED_AT_SCAN) {
        settled.extend(settle(desk, row.seq, card, chance)?);
    }
    Ok(settled)
}

/// Makes up for one held entry with a card of its child, if that allows it.
fn settle(desk: &Desk<'_>, seq: u64, card: &Card, chance: &mut Chance) -> Result<Option<Settled>, CounterError> {
    let mut request = Request { held: Some(seq), months: 1, ..Request::default() };
    let wanted = match wanted(desk, &request) {
        Ok(Ok(wanted)) => wanted,
        Ok(Err(_)) | Err(CounterError::NotWellFormed(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    request.hold_rest = wanted.waits;
    let (service, day) = (wanted.service.clone(), wanted.day);
    match decide_for(desk, &request, wanted, card.clone()) {
        Ok(Ok(decision)) if is_whole(&decision) || request.hold_rest => {
            let accepted = enter(desk, decision, chance)?;
            Ok(accepted.entries.first().map(|made| Settled { seq: made.seq, held: seq, service, day: made.day, cents: made.cents }))
        }
        Ok(Err(Refusal::AlreadyRedeemed { seq: by, .. })) => {
            close_double(desk, seq, by, &service, day)?;
            Ok(None)
        }
        // A lesson has no time here, a price may be missing: it waits for a person.
        Ok(_) | Err(CounterError::NotWellFormed(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_whole(decision: &Decision) -> bool {
    decision.grants.iter().all(|grant| grant.redemption().full_price.is_none())
}

/// What was held twice was redeemed once: the second held entry is done with it.
fn close_double(desk: &Desk<'_>, held: u64, by: u64, service: &Code, day: CivilDay) -> Result<(), StoreError> {
    let same = desk.tx().indexed_redemption(by)?.is_some_and(|r| r.service == *service && r.day == day && r.cancelled_by.is_none());
    let free = desk.offices.service(service).is_none_or(|(_, s)| s.pricing == Pricing::Free);
    if same && !free { desk.tx().close_held(held, by) } else { Ok(()) }
}

impl Terminal {
    /// Makes up for held entries whose child has a card here that now allows it, each in a transaction of its own. Called now and then:
    /// a card may have come, or news of the office.
    pub fn settle_held(&mut self, chance: &mut Chance, now: UtcMs) -> Result<Vec<Settled>, CounterError> {
        let (mut settled, mut after) = (Vec::new(), Some(0));
        while let Some(seq) = after {
            let (more, next) = self.settle_held_after(seq, chance, now)?;
            settled.extend(more);
            after = next;
        }
        Ok(settled)
    }

    /// One step of [`Terminal::settle_held`]: a bounded number of held entries after number `after`. Answers where to go on.
    pub fn settle_held_after(&mut self, after: u64, chance: &mut Chance, now: UtcMs) -> Result<(Vec<Settled>, Option<u64>), CounterError> {
        let open = self.store.read(|tx| tx.open_held())?;
        let mut open = open.into_iter().filter(|row| row.seq > after && !row.reopened).filter_map(|row| Some((row.seq, row.child?)));
        let (mut settled, mut last) = (Vec::new(), after);
        for (seq, child) in open.by_ref().take(STEP) {
            last = seq;
            settled.extend(self.at_desk(now, |desk| {
                clock::note(desk.journal, desk.clock, chance)?;
                settle_with_known_cards(desk, seq, child, chance)
            })?);
        }
        Ok((settled, open.next().map(|_| last)))
    }
}

fn settle_with_known_cards(
    desk: &mut Desk<'_>,
    seq: u64,
    child: (OfficeNumber, Handle),
    chance: &mut Chance,
) -> Result<Option<Settled>, CounterError> {
    let lacked_proof =
        matches!(desk.tx().entry(seq)?.map(|entry| entry.body), Some(Body::Held(held)) if held.why.as_str() == Reason::HolderProofMissing.code());
    for card in cards_of(desk.journal.tx, desk.offices, child, desk.clock.now)? {
        // What was held because a phone did not show itself waits for that phone, or for a paper card: not for what is known of it.
        if lacked_proof && card.entitlement.token().holder_key.is_some() {
            continue;
        }
        if !desk.tx().is_open_held(seq)? {
            break;
        }
        if let Some(settled) = settle(desk, seq, &card, chance)? {
            return Ok(Some(settled));
        }
    }
    Ok(None)
}

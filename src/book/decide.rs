//! The decision at the counter. The order of the rules is the documented precedence: what is said first is what the person at
//! the counter can best act on, and validity is said before "already redeemed".
//!
//! 1 holder proof · 2 clock · 3 admission · 4 entitlement · 5 status · 6 data age · 7 validity · 8 claim window · 9 price ·
//! 10 slot · 11 lesson overlap · 12 ceilings. What cannot be read or is not genuine never gets here.

use super::ceiling::{self, Elsewhere, Left, Use};
use super::entry::{Body, ClockState, Entry, Head};
use super::redemption::{Redemption, SeenAs};
use super::refusal::Refusal;
use super::rule::{self, GivenLesson};
use super::slot::{Lesson, Occasion, Slot};
use crate::admit::credential::Credential;
use crate::admit::status::{DataAge, Status, StatusList};
use crate::admit::token::Entitlement;
use crate::admit::trust::TrustList;
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::code::Code;
use crate::words::ids::{Salt, ServiceCode};
use crate::words::time::{UtcMs, UtcSeconds};
use std::ops::RangeInclusive;

/// What is asked for at the counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The service.
    pub service: ServiceCode,
    /// The day that counts.
    pub day: CivilDay,
    /// An amount typed by the provider.
    pub cents: Option<Cents>,
    /// The time of a lesson.
    pub lesson: Option<Lesson>,
    /// The charge or instalment.
    pub charge: Option<Code>,
    /// How the token was seen.
    pub seen_as: SeenAs,
    /// Who records it, by pseudonym.
    pub operator: Option<String>,
    /// The number of the held entry it settles.
    pub settles: Option<u64>,
}

/// What the terminal knows of the token's office.
#[derive(Clone, Copy, Debug)]
pub struct House<'a> {
    /// Keys and policy.
    pub trust: &'a TrustList,
    /// The terminal's admission, if it has one.
    pub credential: Option<&'a Credential>,
    /// The last status list, if one has arrived.
    pub status: Option<&'a StatusList>,
    /// The terminal's clock.
    pub clock: ClockState,
}

/// A redemption that passed every rule that needs no memory.
#[derive(Clone, Debug)]
pub struct Plan {
    wanted: Use,
    slot: Slot,
    days: RangeInclusive<CivilDay>,
    evidence: (UtcSeconds, DataAge),
    ask: Ask,
    entitlement: Entitlement,
}

/// What was used before, as far as [`Plan::slot`] and [`Plan::days`] ask for it.
#[derive(Clone, Debug, Default)]
pub struct Spent {
    /// When and by which entry the slot was used.
    pub taken: Option<(UtcMs, u64)>,
    /// The child's uses on the days asked for.
    pub uses: Vec<Use>,
    /// What the office told of uses elsewhere.
    pub elsewhere: Vec<Elsewhere>,
    /// Lessons of the child or the tutor on that day.
    pub lessons: Vec<GivenLesson>,
}

/// Permission to write one redemption; it does nothing until it is entered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a grant that is not entered records nothing"]
pub struct Grant {
    redemption: Redemption,
    slot: Slot,
    left: Vec<Left>,
}

/// An entry made of a grant, with its bytes and the head after it.
#[derive(Clone, Debug)]
pub struct Entered {
    /// The entry.
    pub entry: Entry,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The journal's head after it.
    pub head: Head,
}

/// Applies the rules that need no memory.
pub fn plan(entitlement: &Entitlement, ask: &Ask, house: &House<'_>, now: UtcMs) -> Result<Plan, Refusal> {
    let token = entitlement.token();
    if token.holder_key.is_some() {
        return Err(Refusal::HolderProofMissing);
    }
    if house.clock == ClockState::Suspect {
        return Err(Refusal::ClockSuspect);
    }
    let credential = house.credential.filter(|c| now < c.expires).ok_or(Refusal::NotAdmitted)?;
    let service = credential.service(&ask.service).ok_or(Refusal::NotAdmitted)?;
    rule::is_entitled(token, service.benefit, service.detail.as_ref(), credential.provider)?;
    rule::is_not_stopped(house.status.map_or(Status::Valid, |list| list.status(token.status_index)))?;
    let evidence = data_age(house, now)?;
    rule::is_valid_on(token, ask.day)?;
    rule::is_in_claim_window(token, now, house.trust.policy.claim_grace_days)?;
    let units = ask.lesson.map_or(Some(1), |lesson| rule::teaching_units(service, lesson)).ok_or(Refusal::NoPrice)?;
    let cents = rule::price(service, ask.day, units, ask.cents)?;
    let occasion = Occasion { provider: credential.provider, service, day: ask.day, lesson: ask.lesson, charge: ask.charge.as_ref() };
    Ok(Plan {
        wanted: Use {
            day: ask.day,
            benefit: service.benefit,
            detail: service.detail.clone(),
            provider: Some(credential.provider),
            units,
            cents,
            lesson: ask.lesson,
        },
        slot: occasion.slot(entitlement.office(), token.handle),
        days: ceiling::days_that_matter(token, service.benefit, ask.day),
        evidence,
        ask: ask.clone(),
        entitlement: entitlement.clone(),
    })
}

/// How old the office's last word is: the status list's, or the trust list's where no status list has arrived yet.
pub fn data_age(house: &House<'_>, now: UtcMs) -> Result<(UtcSeconds, DataAge), Refusal> {
    let policy = &house.trust.policy;
    match house.status {
        Some(list) => {
            let age = DataAge::of(list.issued, list.ttl_seconds, policy, now).ok_or(Refusal::StatusStale { since: list.issued.ms() })?;
            Ok((list.issued, age))
        }
        None => {
            let since = house.trust.issued;
            DataAge::of(since.seconds(), 0, policy, now).map(|_| (UtcSeconds(0), DataAge::Red)).ok_or(Refusal::StatusStale { since })
        }
    }
}

impl Plan {
    /// The slot whose use must be looked up.
    pub const fn slot(&self) -> Slot {
        self.slot
    }

    /// The days on which the child's uses must be looked up.
    pub const fn days(&self) -> &RangeInclusive<CivilDay> {
        &self.days
    }

    /// The use that is wanted.
    pub const fn wanted(&self) -> &Use {
        &self.wanted
    }

    /// The entitlement it draws on.
    pub const fn entitlement(&self) -> &Entitlement {
        &self.entitlement
    }

    /// What is asked for.
    pub const fn ask(&self) -> &Ask {
        &self.ask
    }

    /// Applies the rules that ask what was used before.
    pub fn decide(self, spent: &Spent) -> Result<Grant, Refusal> {
        if let Some((since, seq)) = spent.taken {
            return Err(Refusal::AlreadyRedeemed { since, seq });
        }
        if let Some(lesson) = self.wanted.lesson {
            rule::is_no_overlap(self.wanted.day, lesson, &self.ask.service, &spent.lessons)?;
        }
        let token = self.entitlement.token();
        let fit = ceiling::fit(token, &self.wanted, &spent.uses, &spent.elsewhere).map_err(|left| Refusal::CeilingReached { left })?;
        let full_price = (fit.cents < self.wanted.cents).then_some(self.wanted.cents);
        let redemption = Redemption {
            office: self.entitlement.office().clone(),
            token: token.id,
            benefit: self.wanted.benefit,
            service: self.ask.service,
            day: self.wanted.day,
            units: self.wanted.units,
            cents: fit.cents,
            slot: self.slot.id,
            seen_as: self.ask.seen_as,
            status_issued: self.evidence.0,
            data_age: self.evidence.1,
            operator: self.ask.operator,
            lesson: self.wanted.lesson,
            handle: token.handle,
            charge: self.ask.charge,
            settles: self.ask.settles,
            full_price,
        };
        Ok(Grant { redemption, slot: self.slot, left: fit.left })
    }
}

impl Grant {
    /// What will be recorded.
    pub const fn redemption(&self) -> &Redemption {
        &self.redemption
    }

    /// The slot it takes.
    pub const fn slot(&self) -> Slot {
        self.slot
    }

    /// What it leaves of the allowance, at most.
    pub fn left(&self) -> &[Left] {
        &self.left
    }

    /// Makes the journal entry that follows `head`.
    pub fn enter(self, head: Head, salt: Salt, now: UtcMs) -> Entered {
        enter(head, Body::Redemption(self.redemption), salt, now)
    }
}

/// Makes the journal entry that follows `head`, of any kind but a redemption, which needs a [`Grant`].
pub fn record(head: Head, body: Body, salt: Salt, now: UtcMs) -> Option<Entered> {
    (!matches!(body, Body::Redemption(_))).then(|| enter(head, body, salt, now))
}

fn enter(head: Head, body: Body, salt: Salt, now: UtcMs) -> Entered {
    let entry = Entry { seq: head.seq.saturating_add(1), at: now, body, salt };
    let bytes = entry.to_bytes();
    let head = head.after(&bytes);
    Entered { entry, bytes, head }
}

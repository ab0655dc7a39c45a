//! The decision at the counter. The order of the rules is the documented precedence: what is said first is what the person at
//! the counter can best act on, and validity is said before "already redeemed".
//!
//! 1 holder proof · 2 clock, and whether a phone code is fresh · 3 admission · 4 entitlement · 5 status · 6 data age · 7 validity ·
//! 8 claim window · 9 price · 10 slot · 11 lesson overlap · 12 ceilings · 13 whether a phone code is new. What cannot be read or is not genuine never gets here.

use super::ceiling::{self, Elsewhere, Left, Use};
use super::entry::{Body, ClockState, Entry, Head};
use super::redemption::{Redemption, SeenAs};
use super::refusal::Refusal;
use super::rule::{self, GivenLesson};
use super::slot::{Lesson, Occasion, Slot};
use crate::admit::credential::Credential;
use crate::admit::phone::Shown;
use crate::admit::status::{DataAge, Status, StatusList};
use crate::admit::token::Entitlement;
use crate::admit::trust::TrustList;
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::code::Code;
use crate::words::ids::{Salt, ServiceCode, TerminalId};
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
    /// The phone code, where one was.
    pub shown: Option<Shown>,
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
    /// When and at which other terminal of this provider the slot was used, as far as it has told.
    pub nearby: Option<(UtcMs, TerminalId)>,
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
    rule::is_shown_by_its_holder(token, ask.seen_as, ask.shown.as_ref())?;
    if house.clock == ClockState::Suspect {
        return Err(Refusal::ClockSuspect);
    }
    ask.shown.map_or(Ok(()), |shown| shown.is_fresh()).map_err(Refusal::PhoneCode)?;
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
        if let Some((since, terminal)) = spent.nearby {
            return Err(Refusal::RedeemedNearby { since, terminal });
        }
        if let Some(lesson) = self.wanted.lesson {
            rule::is_no_overlap(self.wanted.day, lesson, &self.ask.service, &spent.lessons)?;
        }
        let token = self.entitlement.token();
        let fit = ceiling::fit(token, &self.wanted, &spent.uses, &spent.elsewhere).map_err(|left| Refusal::CeilingReached { left })?;
        self.ask.shown.map_or(Ok(()), |shown| shown.is_unused()).map_err(Refusal::PhoneCode)?;
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
            proof: self.ask.shown.map(|shown| shown.proof),
        };
        Ok(Grant { redemption, slot: self.slot, left: fit.left })
    }
}

impl Grant {
    /// Permission to write once more a redemption that an earlier journal of a restored box holds and no office has confirmed. It
    /// keeps its slot, so that the office counts it once; `slot_day` leads that slot.
    pub fn again(entry: Entry, slot_day: CivilDay) -> Option<Self> {
        let Body::Redemption(redemption) = entry.body else { return None };
        let slot = Slot { day: slot_day, id: redemption.slot };
        // The held entry it settled has its number in the earlier journal only.
        Some(Self { redemption: Redemption { settles: None, ..redemption }, slot, left: Vec::new() })
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admit::token::{Allowance, Ceiling, Token, UnverifiedToken};
    use crate::admit::trust::{Policy, Purpose, TrustedKey};
    use crate::words::benefit::{Benefit, Measure, Period};
    use crate::words::ids::{Handle, OfficeId, ProviderNumber, TokenId};
    use crate::words::keys::SecretKey;
    use crate::words::reason::Reason;
    use crate::words::service::{Price, Pricing, Service};

    /// The documented precedence, each with the refusal that it gives.
    const ORDER: [Reason; 12] = [
        Reason::HolderProofMissing,
        Reason::ClockSuspect,
        Reason::ProviderNotAdmitted,
        Reason::WrongBenefit,
        Reason::Revoked,
        Reason::StatusStale,
        Reason::NotYetValid,
        Reason::OutsideClaimWindow,
        Reason::NoPrice,
        Reason::AlreadyRedeemed,
        Reason::LessonOverlap,
        Reason::CeilingReached,
    ];

    fn day(text: &str) -> CivilDay {
        CivilDay::parse(text).expect("a day")
    }

    fn code(text: &str) -> Code {
        Code::parse(text).expect("a code")
    }

    fn token(wrong: &impl Fn(Reason) -> bool) -> Token {
        let ceilings = vec![Ceiling { period: Period::Month, measure: Measure::Units, amount: 1 }];
        Token {
            expires: day("2026-12-01").midnight(),
            not_before: day(if wrong(Reason::NotYetValid) { "2026-11-24" } else { "2026-11-01" }).midnight(),
            issued: day("2026-10-20").midnight(),
            id: TokenId([1; 16]),
            holder_key: wrong(Reason::HolderProofMissing).then_some(*SecretKey::from_seed([2; 32]).public().bytes()),
            allowances: vec![Allowance {
                benefit: if wrong(Reason::WrongBenefit) { Benefit::Lunch } else { Benefit::Tutoring },
                ceilings,
                detail: None,
                providers: Vec::new(),
            }],
            status_index: 0,
            hint: None,
            home_providers: Vec::new(),
            handle: Handle([3; 8]),
        }
    }

    fn trust(key: &SecretKey) -> TrustList {
        let key =
            TrustedKey { key: key.public().clone(), purposes: vec![Purpose::Tokens], not_before: UtcMs(0), not_after: UtcMs::MAX, withdrawn: None };
        TrustList {
            version: 1,
            issued: UtcMs(0),
            expires: UtcMs::MAX,
            office: OfficeId::parse("05562032").expect("an office id"),
            office_name: "Stadt".into(),
            keys: vec![key],
            recipient: "age1".into(),
            policy: Policy { claim_grace_days: 90, amber_days: 7, red_days: 30 },
            next_root: None,
        }
    }

    fn credential(wrong: &impl Fn(Reason) -> bool) -> Credential {
        let key = SecretKey::from_seed([5; 32]).public().clone();
        let from = day(if wrong(Reason::NoPrice) { "2026-11-24" } else { "2026-08-01" });
        let maths = Service {
            code: code("maths"),
            benefit: Benefit::Tutoring,
            label: "Mathematik".into(),
            pricing: Pricing::PerUnit,
            prices: vec![Price { from, cents: Cents::new(2500) }],
            unit_minutes: Some(45),
            detail: Some(code("MA")),
        };
        Credential {
            provider: ProviderNumber(4),
            provider_name: "Nachhilfe".into(),
            terminal: key.terminal_id(),
            key,
            recipient: "age1".into(),
            issued: UtcMs(0),
            expires: if wrong(Reason::ProviderNotAdmitted) { UtcMs(0) } else { UtcMs::MAX },
            services: vec![maths],
            siblings: Vec::new(),
        }
    }

    fn outcome(wrong: impl Fn(Reason) -> bool) -> Result<Grant, Refusal> {
        let (key, lesson) = (SecretKey::from_seed([1; 32]), Lesson::new(840, 885).expect("a lesson"));
        let (trust, credential, token) = (trust(&key), credential(&wrong), token(&wrong));
        let now = day(if wrong(Reason::OutsideClaimWindow) { "2027-06-01" } else { "2026-11-23" }).at_minute(900);
        let entitlement = UnverifiedToken::from_bytes(token.seal(&key)).verify(std::slice::from_ref(&trust), now).expect("a genuine token");
        let age_days = if wrong(Reason::StatusStale) { 31 } else { 0 };
        let status = if wrong(Reason::Revoked) { Status::Revoked } else { Status::Valid };
        let list = StatusList::new("list".into(), UtcSeconds(now.seconds().0 - age_days * 86_400), 86_400, [(0, status)]);
        let clock = if wrong(Reason::ClockSuspect) { ClockState::Suspect } else { ClockState::Ok };
        let house = House { trust: &trust, credential: Some(&credential), status: Some(&list), clock };
        let service = code("maths");
        let ask = Ask {
            service: service.clone(),
            day: day("2026-11-23"),
            cents: None,
            lesson: Some(lesson),
            charge: None,
            seen_as: SeenAs::Qr,
            shown: None,
            operator: None,
            settles: None,
        };
        let plan = plan(&entitlement, &ask, &house, now)?;
        let used = Use { day: day("2026-11-02"), ..plan.wanted().clone() };
        let given = GivenLesson { day: day("2026-11-23"), lesson, service, same_child: true, at: UtcMs(7) };
        plan.decide(&Spent {
            taken: wrong(Reason::AlreadyRedeemed).then_some((UtcMs(5), 9)),
            nearby: None,
            uses: wrong(Reason::CeilingReached).then_some(used).into_iter().collect(),
            elsewhere: Vec::new(),
            lessons: wrong(Reason::LessonOverlap).then_some(given).into_iter().collect(),
        })
    }

    /// All 4096 combinations of obstacles.
    #[test]
    fn of_several_obstacles_the_first_of_the_documented_order_is_said() {
        for obstacles in 0..1u32 << ORDER.len() {
            let wrong = |reason: Reason| ORDER.iter().position(|r| *r == reason).is_some_and(|place| obstacles >> place & 1 == 1);
            let first = ORDER.iter().copied().find(|reason| wrong(*reason));
            assert_eq!(outcome(wrong).err().map(|refusal| refusal.reason()), first, "{obstacles:012b}");
        }
    }

    #[test]
    fn a_grant_says_what_it_takes_and_leaves() {
        let grant = outcome(|_| false).expect("nothing stands against it");
        assert_eq!((grant.redemption().units, grant.redemption().cents), (1, Cents::new(2500)));
        assert_eq!(grant.left(), [Left { period: Period::Month, measure: Measure::Units, left: 0 }]);
        assert_eq!(grant.redemption().slot, grant.slot().id);
    }

    #[test]
    fn only_a_grant_becomes_a_redemption_entry() {
        let grant = outcome(|_| false).expect("nothing stands against it");
        let head = Head::start(crate::words::ids::TerminalId([1; 16]));
        let body = Body::Redemption(grant.redemption().clone());
        assert!(record(head, body.clone(), Salt([0; 16]), UtcMs(1)).is_none());
        let entered = grant.enter(head, Salt([0; 16]), UtcMs(1));
        assert_eq!((entered.entry.seq, &entered.entry.body, entered.head), (1, &body, head.after(&entered.bytes)));
        assert_eq!(Entry::from_bytes(&entered.bytes), Ok(entered.entry));
    }
}

//! What is claimed every month by itself: a membership registered by one scan, and a monthly flat with its days of absence.
//!
//! A month is claimed once: its row here says so, and the slot of the claim does even where this list is lost. A month that a person has
//! cancelled stays cancelled.

use super::card::{Card, Purpose, cards_for, cards_of, recognise};
use super::counter::{CounterError, Desk, NotWellFormed, Refused, Request, once};
use super::decision::{decide_for, enter, wanted};
use super::held::child_of;
use super::{Terminal, clock};
use crate::book::entry::Body;
use crate::book::refusal::Refusal;
use crate::book::slot::Occasion;
use crate::shell::store::StoreError;
use crate::shell::store::terminal::{StandingMonth, StandingRow};
use crate::words::benefit::Benefit;
use crate::words::cents::Cents;
use crate::words::chance::Chance;
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::code::Code;
use crate::words::reason::Reason;
use crate::words::service::{Pricing, Service};
use crate::words::time::UtcMs;
use serde::{Deserialize, Serialize};

/// How many months back or ahead one may be registered for: approvals come up to twelve months late.
pub const MONTHS_BACK: u32 = 12;
/// The most months of one registration that one run looks at.
const MONTHS_AT_ONCE: u32 = 36;
/// How many registrations one step claims for; the queue at the counter waits no longer than that.
const STEP: u32 = 20;

/// A registration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StandingRequest {
    /// The caller's own id: the same one gets the same answer.
    #[serde(skip)]
    pub ask: Option<String>,
    /// What was scanned.
    pub code: String,
    /// The service: a monthly one, or a fee whose amount the provider sets.
    pub service: Code,
    /// That amount, a month.
    pub cents: Option<Cents>,
    /// The first month; this one where none is named.
    pub from: Option<CivilMonth>,
}

/// The answer to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum StandingAnswer {
    /// It is registered, now or before.
    Registered {
        /// Its number on this box.
        id: i64,
        /// The card's hint.
        hint: Option<String>,
        /// Whether it had been registered before.
        before: bool,
    },
    /// It is not.
    Refused(Refused),
}

/// A month that was claimed just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The registration.
    pub standing: i64,
    /// The month.
    pub month: CivilMonth,
    /// The redemption.
    pub seq: u64,
    /// What it claims.
    pub cents: Cents,
}

/// How one month stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MonthState {
    /// Claimed by itself.
    Claimed,
    /// Claimed by itself and cancelled by a person: it stays so.
    Cancelled,
    /// Recorded by hand, or on an earlier box.
    ByHand,
    /// Not claimed, for this reason; it is tried again.
    Refused(String),
    /// A flat without a day of attendance yet.
    Waits,
    /// The child was away on every service day: nothing is claimed.
    Away,
}

impl MonthState {
    /// Its name in the interface.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Cancelled => "cancelled",
            Self::ByHand => "by_hand",
            Self::Refused(_) => "refused",
            Self::Waits => "waits",
            Self::Away => "away",
        }
    }
}

/// One month of a registration, as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonthView {
    /// The month.
    pub month: CivilMonth,
    /// How it stands.
    pub state: MonthState,
    /// The claim and the answer, where there are any.
    pub known: Option<StandingMonth>,
    /// The days on which the child was away.
    pub away: Vec<CivilDay>,
}

/// A registration, as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandingView {
    /// As registered.
    pub row: StandingRow,
    /// The service, while it is agreed.
    pub service: Option<Service>,
    /// The hint of the child's latest card.
    pub hint: Option<String>,
    /// The last day of that card.
    pub valid_to: Option<CivilDay>,
    /// Its months up to this one, the latest first.
    pub months: Vec<MonthView>,
}

impl StandingView {
    /// Whether it is a flat with days of absence, not a membership.
    pub fn is_flat(&self) -> bool {
        self.service.as_ref().is_some_and(is_flat)
    }
}

/// A flat is for something that happens day by day; a membership is not.
const fn is_flat(service: &Service) -> bool {
    service.benefit.happens_at_the_counter()
}

/// Whether a service can be claimed every month by itself.
pub fn can_stand(service: &Service) -> bool {
    match service.pricing {
        Pricing::Monthly => service.benefit != Benefit::Tutoring,
        Pricing::Free => service.benefit == Benefit::Participation,
        Pricing::PerUnit => false,
    }
}

impl StandingRow {
    /// The service day of a month: its first day, or the day of registration where that is in the first month.
    fn day_in(&self, month: CivilMonth) -> CivilDay {
        let registered = CivilDay::of(self.added_at);
        if registered.month() == month && self.first == month { registered } else { month.first_day() }
    }

    /// The weekdays of a month on which the child could be there, up to `until`.
    fn service_days(&self, month: CivilMonth, until: CivilDay) -> impl Iterator<Item = CivilDay> {
        let (first, last) = (self.day_in(month), month.last_day().min(until));
        (first.days()..=last.days()).filter_map(|days| CivilDay::from_days(days.into())).filter(|day| !day.is_weekend())
    }

    fn request(&self, day: CivilDay) -> Request {
        Request { service: Some(self.service.clone()), day: Some(day), cents: self.cents, months: 1, ..Request::default() }
    }

    fn covers(&self, month: CivilMonth) -> bool {
        self.first <= month && self.last.is_none_or(|last| month <= last)
    }
}

impl StandingMonth {
    /// Whether nothing more is to be done: claimed, by itself or by hand, whatever a person made of it since.
    fn is_done(&self) -> bool {
        self.seq.is_some() || self.reason.as_deref() == Some(Reason::AlreadyRedeemed.code())
    }
}

impl Terminal {
    /// Registers what is to be claimed every month for the child of a card.
    pub fn register_standing(&mut self, request: &StandingRequest, chance: &mut Chance, now: UtcMs) -> Result<StandingAnswer, CounterError> {
        if request.cents.is_some_and(|c| c <= Cents::ZERO || c > Cents::MAX_SINGLE) {
            return Err(NotWellFormed::AmountOutOfRange.into());
        }
        self.at_desk(now, |desk| {
            once(desk, request.ask.as_deref(), &("standing", request), |desk| {
                clock::note(desk.journal, desk.clock, chance)?;
                let purpose = Purpose { day: desk.today(), service: Some(&request.service) };
                match recognise(desk.journal.tx, desk.offices, &request.code, false, purpose, desk.clock.now)? {
                    Ok(card) => register(desk, request, card),
                    Err(refusal) => Ok(StandingAnswer::Refused(Refused::from(&refusal))),
                }
            })
        })
    }

    /// Names the last month to be claimed, or takes that back. What was claimed stays claimed.
    pub fn end_standing(&mut self, id: i64, last: Option<CivilMonth>, now: UtcMs) -> Result<(), CounterError> {
        self.at_desk(now, |desk| {
            desk.tx().standing(id)?.ok_or(NotWellFormed::NoSuchStanding(id))?;
            Ok(desk.tx().keep_last_month(id, last)?)
        })
    }

    /// Marks a day on which the child was away, or takes the mark back.
    pub fn mark_away(&mut self, id: i64, day: CivilDay, away: bool, now: UtcMs) -> Result<(), CounterError> {
        self.at_desk(now, |desk| {
            let row = desk.tx().standing(id)?.ok_or(NotWellFormed::NoSuchStanding(id))?;
            let near = (desk.today().minus(400)..=desk.today().plus(100)).contains(&day);
            if !near || !row.covers(day.month()) {
                return Err(NotWellFormed::NoAbsence(day).into());
            }
            Ok(desk.tx().keep_absence(id, day, away, desk.clock.now)?)
        })
    }

    /// Claims every month that is due and not claimed yet, each in a transaction of its own.
    pub fn claim_standing(&mut self, chance: &mut Chance, now: UtcMs) -> Result<Vec<Claimed>, CounterError> {
        let (mut claimed, mut after) = (Vec::new(), Some(0));
        while let Some(id) = after {
            let (more, next) = self.claim_standing_after(id, chance, now)?;
            claimed.extend(more);
            after = next;
        }
        Ok(claimed)
    }

    /// One step of [`Terminal::claim_standing`]: a bounded number of registrations after number `after`. Answers where to go on.
    pub fn claim_standing_after(&mut self, after: i64, chance: &mut Chance, now: UtcMs) -> Result<(Vec<Claimed>, Option<i64>), CounterError> {
        let rows = self.store.read(|tx| tx.standing_after(after, STEP))?;
        let mut claimed = Vec::new();
        for row in &rows {
            let months = self.at_desk(now, |desk| open_months(desk, row))?;
            for month in months {
                let tried = self.at_desk(now, |desk| {
                    clock::note(desk.journal, desk.clock, chance)?;
                    claim(desk, row.id, month, chance)
                })?;
                match tried {
                    Tried::Claimed(done) => claimed.push(done),
                    Tried::Nothing => {}
                    Tried::HoldsUp => break,
                }
            }
        }
        let next = rows.last().filter(|_| rows.len() >= STEP as usize).map(|row| row.id);
        Ok((claimed, next))
    }

    /// All registrations with their months of the last `months` months, as people see them.
    pub fn standing(&mut self, months: u32, now: UtcMs) -> Result<Vec<StandingView>, StoreError> {
        self.refresh(now)?;
        let (today, offices) = (CivilDay::of(now), &mut self.offices);
        self.store.read(|tx| {
            let mut views = Vec::new();
            for row in tx.standing_after(0, u32::MAX)? {
                let latest = cards_of(tx, offices, (row.office, row.handle), now)?.into_iter().next();
                let token = latest.as_ref().map(|card| card.entitlement.token());
                let service = offices.numbered(row.office).and_then(|office| office.credential.as_ref()?.service(&row.service)).cloned();
                let (known, away) = (tx.standing_months(row.id)?, tx.absences(row.id)?);
                let flat = service.as_ref().is_some_and(is_flat);
                let months = (0..months).filter_map(|back| CivilMonth::from_months(u64::from(today.month().months().checked_sub(back)?)));
                let months = months.filter(|month| row.covers(*month)).map(|month| month_view(&row, flat, month, &known, &away, today)).collect();
                let (hint, valid_to) = (token.and_then(|t| t.hint.clone()), token.map(|t| t.last_day()));
                views.push(StandingView { row, service, hint, valid_to, months });
            }
            Ok(views)
        })
    }
}

fn register(desk: &mut Desk<'_>, request: &StandingRequest, card: Card) -> Result<StandingAnswer, CounterError> {
    let refused = |refusal: &Refusal| Ok(StandingAnswer::Refused(Refused::from(refusal)));
    let Some(child) = child_of(desk, &card) else { return refused(&Refusal::NotAdmitted) };
    let service = desk.offices.find(card.entitlement.office()).and_then(|(office, _)| office.credential.as_ref()?.service(&request.service));
    let Some(service) = service.cloned() else { return refused(&Refusal::NotAdmitted) };
    if !can_stand(&service) || (service.pricing == Pricing::Free && request.cents.is_none()) {
        return Err(NotWellFormed::CannotStand.into());
    }
    let this_month = desk.today().month();
    let first = request.from.unwrap_or(this_month);
    if first.since(this_month) > MONTHS_BACK || this_month.since(first) > MONTHS_BACK {
        return Err(NotWellFormed::MonthTooFar(first).into());
    }
    let (hint, token) = (card.entitlement.token().hint.clone(), card.entitlement.token());
    desk.tx().keep_card(child.0, token, &card.bytes)?;
    let known = desk.tx().standing_of(child.0, child.1, &request.service)?;
    if let Some(same) = known.iter().find(|row| row.last.is_none_or(|last| last >= first)) {
        return Ok(StandingAnswer::Registered { id: same.id, hint, before: true });
    }
    let cents = request.cents.filter(|_| service.pricing == Pricing::Free);
    let (office, handle) = child;
    let mut row = StandingRow { id: 0, office, handle, service: service.code, cents, first, last: None, added_at: desk.clock.now, name: None };
    if let Some(refusal) = is_hopeless(desk, &row, request, &card)? {
        return refused(&refusal);
    }
    row.id = desk.tx().add_standing(&row)?;
    Ok(StandingAnswer::Registered { id: row.id, hint, before: false })
}

/// Why this card could never pay the first month: what is used up, claimed or not begun yet may still come right.
fn is_hopeless(desk: &Desk<'_>, row: &StandingRow, asked: &StandingRequest, card: &Card) -> Result<Option<Refusal>, CounterError> {
    let day = row.day_in(row.first.max(card.entitlement.token().first_day().month())).min(desk.today());
    let request = Request { cents: asked.cents, ..row.request(day) };
    let wanted = match wanted(desk, &request)? {
        Ok(wanted) => wanted,
        Err(refusal) => return Ok(Some(refusal)),
    };
    let refusal = decide_for(desk, &request, wanted, card.clone())?.err();
    let may_come_right = |r: &Refusal| {
        matches!(r, Refusal::AlreadyRedeemed { .. } | Refusal::RedeemedNearby { .. } | Refusal::CeilingReached { .. } | Refusal::NotYetValid { .. })
    };
    Ok(refusal.filter(|refusal| !may_come_right(refusal)))
}

/// The months that are due and not done, the earliest first.
fn open_months(desk: &Desk<'_>, row: &StandingRow) -> Result<Vec<CivilMonth>, StoreError> {
    let today = desk.today();
    let service = desk.offices.numbered(row.office).and_then(|office| office.credential.as_ref()?.service(&row.service));
    let flat = service.is_some_and(is_flat);
    let (known, away) = (desk.tx().standing_months(row.id)?, desk.tx().absences(row.id)?);
    let is_open = |month: &CivilMonth| {
        let done = known.iter().any(|m| m.month == *month && m.is_done());
        row.covers(*month) && !done && row.day_in(*month) <= today && (!flat || was_there(row, *month, &away, today))
    };
    Ok((0..=today.month().since(row.first)).map(|months| row.first.plus(months)).filter(is_open).take(MONTHS_AT_ONCE as usize).collect())
}

/// Whether a service day of the month is over on which the child was not away: then the flat is owed.
fn was_there(row: &StandingRow, month: CivilMonth, away: &[CivilDay], today: CivilDay) -> bool {
    row.service_days(month, today.minus(1)).any(|day| !away.contains(&day))
}

/// What came of trying one month.
enum Tried {
    Claimed(Claimed),
    /// Nothing; later months may do better.
    Nothing,
    /// Nothing, and later months fare no better until something changes.
    HoldsUp,
}

/// Claims one month with the first card of the child that pays it, or keeps why none does.
fn claim(desk: &mut Desk<'_>, id: i64, month: CivilMonth, chance: &mut Chance) -> Result<Tried, CounterError> {
    // Another process may have done it, or ended it, since the list was read.
    let Some(row) = desk.tx().standing(id)?.filter(|row| row.covers(month)) else { return Ok(Tried::Nothing) };
    let known = desk.tx().standing_months(id)?.into_iter().find(|m| m.month == month);
    if known.as_ref().is_some_and(StandingMonth::is_done) {
        return Ok(Tried::Nothing);
    }
    let refusal = match grant(desk, &row, month)? {
        Ok(decision) => {
            let done = enter(desk, decision, chance)?;
            let Some(made) = done.entries.first() else { return Ok(Tried::Nothing) };
            desk.tx().keep_standing_month(id, month, Some(made.seq), None, desk.clock.now)?;
            return Ok(Tried::Claimed(Claimed { standing: id, month, seq: made.seq, cents: made.cents }));
        }
        Err(refusal) => refusal,
    };
    // A neighbour may take back what it recorded.
    if matches!(refusal, Refusal::RedeemedNearby { .. }) {
        return Ok(Tried::Nothing);
    }
    let reason = refusal.reason().code();
    if known.and_then(|m| m.reason).as_deref() != Some(reason) {
        desk.tx().keep_standing_month(id, month, None, Some(reason), desk.clock.now)?;
    }
    // What concerns the box concerns every month; what concerns a card is over with the next one.
    let holds_up = matches!(refusal, Refusal::ClockSuspect | Refusal::StatusStale { .. } | Refusal::NotAdmitted);
    Ok(if holds_up { Tried::HoldsUp } else { Tried::Nothing })
}

type Granted = Result<super::decision::Decision, Refusal>;

fn grant(desk: &mut Desk<'_>, row: &StandingRow, month: CivilMonth) -> Result<Granted, CounterError> {
    let service = desk.offices.numbered(row.office).and_then(|office| office.credential.as_ref()?.service(&row.service));
    match service {
        None => return Ok(Err(Refusal::NotAdmitted)),
        Some(service) if !can_stand(service) => return Ok(Err(Refusal::NoPrice)),
        Some(_) => {}
    }
    if let Some(by_hand) = paid_before(desk, row, month)? {
        return Ok(Err(by_hand));
    }
    let day = row.day_in(month);
    let request = row.request(day);
    let purpose = Purpose { day, service: Some(&row.service) };
    let cards = cards_for(desk.journal.tx, desk.offices, (row.office, row.handle), purpose, desk.clock.now)?;
    let mut first = None;
    for card in cards {
        let wanted = match wanted(desk, &request)? {
            Ok(wanted) => wanted,
            Err(refusal) => return Ok(Err(refusal)),
        };
        match decide_for(desk, &request, wanted, card) {
            Ok(Ok(decision)) => return Ok(Ok(decision)),
            Ok(Err(refusal)) => {
                first.get_or_insert(refusal);
            }
            Err(CounterError::NotWellFormed(_)) => {
                first.get_or_insert(Refusal::NoPrice);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Err(first.unwrap_or(Refusal::UnknownNumber)))
}

/// The fee of a month that was recorded on another of its days: by hand, or for another registration of the child. Its slot is not this one's,
/// and still it is the same fee; what has a charge of its own is another.
fn paid_before(desk: &Desk<'_>, row: &StandingRow, month: CivilMonth) -> Result<Option<Refusal>, StoreError> {
    for seq in desk.tx().redeemed_in(row, month)? {
        if let Some(entry) = desk.tx().entry(seq)?
            && matches!(&entry.body, Body::Redemption(fee) if fee.charge.is_none())
        {
            return Ok(Some(Refusal::AlreadyRedeemed { since: entry.at, seq }));
        }
    }
    let Some(office) = desk.offices.numbered(row.office) else { return Ok(None) };
    let credential = office.credential.as_ref();
    let Some((provider, service)) = credential.and_then(|c| Some((c.provider, c.service(&row.service)?))) else { return Ok(None) };
    for fee in desk.tx().fees_elsewhere(row, month)? {
        let occasion = Occasion { provider, service, day: fee.slot.day, lesson: None, charge: None };
        if occasion.slot(&office.id, row.handle) == fee.slot {
            let since = fee.at;
            return Ok(Some(match fee.neighbour {
                Some(terminal) => Refusal::RedeemedNearby { since, terminal },
                None => Refusal::AlreadyRedeemed { since, seq: 0 },
            }));
        }
    }
    Ok(None)
}

fn month_view(row: &StandingRow, flat: bool, month: CivilMonth, known: &[StandingMonth], away: &[CivilDay], today: CivilDay) -> MonthView {
    let known = known.iter().find(|m| m.month == month).cloned();
    let away: Vec<CivilDay> = away.iter().copied().filter(|day| day.month() == month).collect();
    let all_away = flat && month < today.month() && !was_there(row, month, &away, today);
    let state = match &known {
        Some(m) if m.seq.is_some() && m.cancelled => MonthState::Cancelled,
        Some(m) if m.seq.is_some() => MonthState::Claimed,
        Some(m) if m.is_done() => MonthState::ByHand,
        _ if all_away => MonthState::Away,
        Some(StandingMonth { reason: Some(reason), .. }) => MonthState::Refused(reason.clone()),
        _ => MonthState::Waits,
    };
    MonthView { month, state, known, away }
}

//! The rules of reconciliation stated a second time: slowly, in one pass, sharing only plain types with what they check.
//! With a `Fault` it is wrong on purpose, so that the properties can show that they would notice.

use super::naive_ceilings::{Spent, covers, fits, serves};
use super::world::World;
use crate::admit::status::Status;
use crate::admit::token::{Allowance, Token};
use crate::deliver::advice::Verdict;
use crate::reconcile::calendar::Whom;
use crate::reconcile::register::ClaimLine;
use crate::reconcile::ruling::Choice;
use crate::words::benefit::{Benefit, Measure};
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::code::Code;
use crate::words::ids::{EntryId, Hash};
use crate::words::reason::Reason;
use crate::words::service::{Pricing, Service};
use std::collections::BTreeMap;

const DAY: u64 = 86_400_000;

/// Verdict, cents, reason.
pub type Outcome = (Verdict, i64, Option<Reason>);

/// What a wrong reconciliation could get wrong.
#[derive(Clone, Copy, PartialEq)]
pub enum Fault {
    SlotByArrival,
    NoConflicts,
    StornoFreesTooMuch,
}

#[derive(Clone, Copy, PartialEq)]
enum Opinion {
    No(Reason),
    Ask(Reason),
    Yes(i64, Option<Reason>),
}

pub fn decide(lines: &[ClaimLine], world: &World, fault: Option<Fault>) -> BTreeMap<EntryId, Outcome> {
    let mut out = BTreeMap::new();
    for line in lines {
        if let Some(by) = line.cancelled_by {
            let settled = line.settled.map_or(0, |c| c.get());
            out.insert(line.id, (Verdict::Accepted, settled, None));
            out.insert(by, (Verdict::Accepted, -settled, None));
        }
    }
    let mut open: Vec<(&ClaimLine, Opinion)> = lines.iter().filter(|l| l.cancelled_by.is_none()).map(|l| (l, opinion(l, world))).collect();
    open.retain(|(line, opinion)| match opinion {
        Opinion::No(reason) if floor(line) == 0 => {
            out.insert(line.id, (Verdict::Rejected, 0, Some(*reason)));
            false
        }
        _ => true,
    });
    let beside = beside(&open, world);
    contest(&mut open, world, fault, &mut out);
    lessons(&mut open);
    flats(&mut open, world);
    let freed = lines.iter().filter(|l| l.cancelled_by.is_some() && fault == Some(Fault::StornoFreesTooMuch));
    let freed = freed.map(|l| spent(l, world, -l.redemption.cents.get())).collect();
    ceilings(open, world, freed, &beside, &mut out);
    out
}

pub fn floor(line: &ClaimLine) -> i64 {
    let settled = line.settled.map_or(0, |c| c.get());
    match line.ruling.map(|r| r.choice) {
        Some(Choice::Reject) => 0,
        Some(Choice::Cut(c)) => settled.min(c.get().max(0)),
        _ => settled,
    }
}

fn time(line: &ClaimLine) -> u64 {
    line.at.0.max(line.not_before.0)
}

pub fn service<'w>(line: &ClaimLine, world: &'w World) -> Option<&'w Service> {
    let r = &line.redemption;
    let fits = |a: &&crate::reconcile::register::Agreement| a.service.code == r.service && a.from <= r.day && a.until.is_none_or(|u| r.day <= u);
    world.providers.get(&line.provider)?.agreements.iter().find(fits).map(|a| &a.service)
}

fn token<'w>(line: &ClaimLine, world: &'w World) -> Option<&'w Token> {
    world.child.tokens.get(&line.redemption.token).map(|t| &t.token).filter(|t| t.handle == line.redemption.handle)
}

fn granted(line: &ClaimLine, token: &Token, benefit: Benefit, detail: Option<&Code>) -> Result<(), Reason> {
    let covering: Vec<&Allowance> = token.allowances.iter().filter(|a| covers(a, benefit, detail)).collect();
    match covering.iter().any(|a| serves(a, line.provider)) {
        true => Ok(()),
        false if covering.is_empty() => Err(Reason::WrongBenefit),
        false => Err(Reason::WrongProvider),
    }
}

fn valid(token: &Token, day: CivilDay) -> Result<(), Reason> {
    let midnight = day.midnight().0;
    match midnight {
        m if m < token.not_before.0 => Err(Reason::NotYetValid),
        m if m >= token.expires.0 => Err(Reason::Expired),
        _ => Ok(()),
    }
}

fn opinion(line: &ClaimLine, world: &World) -> Opinion {
    let claimed = line.redemption.cents.get();
    match line.ruling {
        None => unruled(line, world).unwrap_or_else(|opinion| opinion),
        Some(ruling) => match ruling.choice {
            Choice::Reject => Opinion::No(ruling.reason),
            Choice::Ask => Opinion::Ask(ruling.reason),
            Choice::Cut(c) if c.get() <= 0 => Opinion::No(ruling.reason),
            Choice::Cut(c) if c.get() < claimed => Opinion::Yes(c.get(), Some(ruling.reason)),
            _ => Opinion::Yes(claimed, None),
        },
    }
}

fn unruled(line: &ClaimLine, world: &World) -> Result<Opinion, Opinion> {
    use Opinion::{Ask, No, Yes};
    let (r, policy) = (&line.redemption, &world.policy);
    let token = token(line, world).ok_or(Ask(Reason::UnknownToken))?;
    let ask_if = |wrong: bool, reason: Reason| if wrong { Err(Ask(reason)) } else { Ok(()) };
    let no_if = |wrong: bool, reason: Reason| if wrong { Err(No(reason)) } else { Ok(()) };
    line.journal.map_or(Ok(()), |reason| Err(Ask(reason)))?;
    ask_if(line.at.0 > line.received.0 + 600_000, Reason::ClockSuspect)?;
    let service = service(line, world).ok_or(No(Reason::ProviderNotAdmitted))?;
    no_if(service.benefit != r.benefit, Reason::WrongBenefit)?;
    granted(line, token, r.benefit, service.detail.as_ref()).map_err(No)?;
    for stop in &world.child.tokens[&r.token].stops {
        let concerned = r.day >= stop.from && stop.until.is_none_or(|until| r.day <= until);
        let told = stop.recorded.0.max(stop.from.midnight().0 * 1000);
        let known = line.last_word.0 >= told || r.status_issued.0 * 1000 >= told;
        let too_long_ago = time(line) > told + u64::from(policy.good_faith_days) * DAY;
        if concerned && (known || too_long_ago) {
            return Err(match stop.status {
                Status::Suspended => Ask(Reason::Suspended),
                Status::Replaced => No(Reason::Replaced),
                _ => No(Reason::Revoked),
            });
        }
    }
    valid(token, r.day).map_err(No)?;
    let end = token.expires.0.max(token.issued.0) * 1000 + u64::from(policy.shared.claim_grace_days) * DAY;
    no_if(time(line) >= end, Reason::OutsideClaimWindow)?;
    ask_if(line.received.0 >= end, Reason::Late)?;
    let now_or_never = matches!(r.benefit, Benefit::Lunch | Benefit::Tutoring);
    ask_if(now_or_never && r.day > CivilDay::of(line.at), Reason::NotAServiceDay)?;
    ask_if(service.pricing != Pricing::Monthly && is_closed(line, world), Reason::NotAServiceDay)?;
    ask_if(age(line, world).is_none(), Reason::StatusStale)?;
    no_if(r.benefit == Benefit::Tutoring && r.lesson.is_none(), Reason::Malformed)?;
    let price = price(line, service).filter(|p| *p > 0 && *p <= 100_000_000 && r.cents.get() > 0).ok_or(No(Reason::NoPrice))?;
    ask_if(line.tutor_elsewhere.is_some(), Reason::LessonOverlap)?;
    let in_cents = token.allowances.iter().any(|a| a.benefit == r.benefit && a.ceilings.iter().any(|c| c.measure == Measure::Cents));
    let reimbursed = world.child.debits.iter().any(|d| d.benefit == r.benefit && d.from <= r.day && r.day <= d.to);
    ask_if(reimbursed && !in_cents, Reason::SelfPaid)?;
    Ok(if price < r.cents.get() { Yes(price, Some(Reason::PriceDiffers)) } else { Yes(r.cents.get(), None) })
}

/// Public holidays in Nordrhein-Westfalen in the months of these tests.
const HOLIDAYS: [&str; 9] =
    ["2026-10-03", "2026-11-01", "2026-12-25", "2026-12-26", "2027-01-01", "2027-03-26", "2027-03-29", "2027-05-01", "2027-05-06"];

fn is_closed(line: &ClaimLine, world: &World) -> bool {
    let (day, provider, benefit) = (line.redemption.day, line.provider, line.redemption.benefit);
    let mut says = None;
    for level in 0..3 {
        for (whom, row) in world.calendar.iter().filter(|(_, row)| row.from <= day && day <= row.to) {
            let speaks = match whom {
                Whom::All => level == 0,
                Whom::Kind(kind) => level == 1 && world.kinds.get(&provider) == Some(kind),
                Whom::Provider(of) => level == 2 && *of == provider,
                Whom::Site(..) => false,
            };
            if speaks && (level == 2 || benefit == Benefit::Lunch) {
                says = Some(row.open);
            }
        }
    }
    // 1970-01-01 was a Thursday.
    let weekend_or_holiday = [2, 3].contains(&(day.days() % 7)) || HOLIDAYS.contains(&day.to_string().as_str());
    match benefit {
        Benefit::Lunch => says.map_or(weekend_or_holiday, |open| !open),
        Benefit::Tutoring => says == Some(false),
        _ => false,
    }
}

fn units(line: &ClaimLine, service: &Service) -> Option<i64> {
    let Some(lesson) = line.redemption.lesson else { return Some(1) };
    let whole = (lesson.end - lesson.start).checked_div(service.unit_minutes?)?;
    (whole > 0).then(|| i64::from(whole).min(i64::try_from(line.redemption.units).unwrap_or(i64::MAX)))
}

fn price(line: &ClaimLine, service: &Service) -> Option<i64> {
    let units = units(line, service)?;
    let mut agreed: Vec<_> = service.prices.iter().filter(|p| p.from <= line.redemption.day).collect();
    agreed.sort_by_key(|p| p.from);
    let agreed = agreed.last().map(|p| p.cents.get());
    match service.pricing {
        Pricing::Free => {
            matches!(service.benefit, Benefit::Participation | Benefit::DayTrip | Benefit::ClassTrip).then(|| line.redemption.cents.get())
        }
        Pricing::Monthly => agreed,
        Pricing::PerUnit => Some(agreed? * units),
    }
}

/// 0 green, 1 amber, 2 red, none: too old.
fn age(line: &ClaimLine, world: &World) -> Option<u8> {
    let issued = line.redemption.status_issued.0 * 1000;
    let old = time(line).saturating_sub(issued);
    let limits =
        [world.policy.status_ttl_seconds * 1000, u64::from(world.policy.shared.amber_days) * DAY, u64::from(world.policy.shared.red_days) * DAY];
    if issued == 0 { Some(2) } else { (0..3u8).find(|step| old <= limits[usize::from(*step)]) }
}

/// What can be used once, in words.
pub fn key(line: &ClaimLine, world: &World) -> String {
    let (r, provider) = (&line.redemption, line.provider);
    let Some(s) = service(line, world) else { return format!("? {} {}", r.day, r.slot) };
    let (charge, detail) = (format!("{:?}", r.charge), format!("{:?}", s.detail));
    match s.benefit {
        _ if s.pricing == Pricing::Monthly => format!("{:?} of {} {} {provider} {}", r.handle, s.benefit.name(), r.day.month(), s.code),
        Benefit::Lunch => format!("{:?} lunch {}", r.handle, r.day),
        Benefit::Tutoring => format!("{:?} lesson {} {:?} {detail}", r.handle, r.day, r.lesson.map(|l| l.start)),
        Benefit::Participation => format!("{:?} fee {} {provider} {} {charge}", r.handle, r.day, s.code),
        trip => format!("{:?} {} {detail} {provider} {charge}", r.handle, trip.name()),
    }
}

/// The settled lines whose slot another settled line holds.
fn beside(open: &[(&ClaimLine, Opinion)], world: &World) -> Vec<EntryId> {
    let chosen = |l: &ClaimLine| matches!(l.ruling.map(|r| r.choice), Some(Choice::Accept | Choice::Cut(_)));
    let home = |l: &ClaimLine| world.child.tokens.get(&l.redemption.token).is_some_and(|t| t.token.home_providers.contains(&l.provider));
    let settled: Vec<&ClaimLine> = open.iter().map(|(line, _)| *line).filter(|line| floor(line) > 0).collect();
    let rivals = |a: &ClaimLine, b: &ClaimLine| key(a, world) == key(b, world);
    let outdone = |a: &ClaimLine, b: &ClaimLine| match a.provider == b.provider {
        true => (!chosen(b), time(b), b.hash) < (!chosen(a), time(a), a.hash),
        false => {
            (!chosen(b), !home(b), age(b, world).unwrap_or(2), time(b), b.hash) < (!chosen(a), !home(a), age(a, world).unwrap_or(2), time(a), a.hash)
        }
    };
    let champion = |a: &ClaimLine| !settled.iter().any(|b| a.provider == b.provider && rivals(a, b) && outdone(a, b));
    let beats = |b: &ClaimLine, a: &ClaimLine| rivals(a, b) && champion(b) && outdone(a, b);
    settled.iter().filter(|a| !champion(a) || settled.iter().any(|b| beats(b, a))).map(|line| line.id).collect()
}

fn contest(open: &mut Vec<(&ClaimLine, Opinion)>, world: &World, fault: Option<Fault>, out: &mut BTreeMap<EntryId, Outcome>) {
    let chosen = |l: &ClaimLine| matches!(l.ruling.map(|r| r.choice), Some(Choice::Accept | Choice::Cut(_)));
    let all: Vec<&ClaimLine> = open.iter().map(|(line, _)| *line).collect();
    let arrived = |l: &ClaimLine| all.iter().position(|other| other.id == l.id);
    let earlier = |l: &ClaimLine| (floor(l) == 0, !chosen(l), time(l), l.hash);
    let home = |l: &ClaimLine| world.child.tokens.get(&l.redemption.token).is_some_and(|t| t.token.home_providers.contains(&l.provider));
    let rank = |l: &ClaimLine| (floor(l) == 0, !chosen(l), !home(l), age(l, world).unwrap_or(2), time(l), l.hash);
    open.retain(|(line, _)| {
        let rivals: Vec<&ClaimLine> = all.iter().copied().filter(|l| key(l, world) == key(line, world)).collect();
        let outdone = |l: &ClaimLine| rivals.iter().any(|o| o.provider == l.provider && earlier(o) < earlier(l));
        let by_arrival = fault == Some(Fault::SlotByArrival) && rivals.iter().any(|o| arrived(o) < arrived(line));
        if floor(line) > 0 {
            return true;
        }
        if by_arrival || (fault != Some(Fault::SlotByArrival) && outdone(line)) {
            out.insert(line.id, asked(line).unwrap_or((Verdict::Rejected, 0, Some(Reason::Duplicate))));
            return false;
        }
        if fault.is_some_and(|f| f != Fault::StornoFreesTooMuch) {
            return true;
        }
        let champions = rivals.iter().filter(|l| !outdone(l));
        let winner = champions.min_by_key(|l| rank(l)).expect("somebody claims the slot");
        if winner.id == line.id {
            return true;
        }
        let decided = chosen(winner) && winner.ruling.is_some_and(|r| r.at >= line.received);
        let lost = (if decided { Verdict::Rejected } else { Verdict::Pending }, 0, Some(Reason::Conflict));
        out.insert(line.id, asked(line).unwrap_or(lost));
        false
    });
}

fn order(line: &ClaimLine) -> (CivilDay, u64, Hash) {
    (line.redemption.day, time(line), line.hash)
}

fn ruled(line: &ClaimLine) -> bool {
    line.ruling.is_some_and(|r| r.choice != Choice::Ask)
}

/// The outcome of a line whose provider was asked.
fn asked(line: &ClaimLine) -> Option<Outcome> {
    line.ruling.filter(|_| !ruled(line)).map(|r| (Verdict::Pending, 0, Some(r.reason)))
}

fn firm(line: &ClaimLine) -> bool {
    floor(line) > 0 || ruled(line)
}

fn before(a: &ClaimLine, b: &ClaimLine) -> bool {
    (!firm(a), order(a)) < (!firm(b), order(b))
}

fn lessons(open: &mut [(&ClaimLine, Opinion)]) {
    let all: Vec<&ClaimLine> = open.iter().map(|(line, _)| *line).collect();
    let together = |a: &ClaimLine, b: &ClaimLine| match (a.redemption.lesson, b.redemption.lesson) {
        (Some(x), Some(y)) => a.redemption.day == b.redemption.day && (x.start.max(y.start) < x.end.min(y.end)),
        _ => false,
    };
    for (line, opinion) in open.iter_mut().filter(|(line, _)| !firm(line) && line.ruling.is_none()) {
        if all.iter().any(|other| before(other, line) && together(other, line)) {
            *opinion = Opinion::Ask(Reason::LessonOverlap);
        }
    }
}

fn flats(open: &mut [(&ClaimLine, Opinion)], world: &World) {
    let meals: Vec<&ClaimLine> = open.iter().map(|(line, _)| *line).filter(|line| line.redemption.benefit == Benefit::Lunch).collect();
    let monthly = |line: &ClaimLine| service(line, world).is_some_and(|s| s.pricing == Pricing::Monthly);
    for (line, opinion) in open.iter_mut().filter(|(line, _)| !firm(line) && line.ruling.is_none() && line.redemption.benefit == Benefit::Lunch) {
        let month: Vec<&ClaimLine> = meals.iter().copied().filter(|m| m.redemption.day.month() == line.redemption.day.month()).collect();
        let earlier_flat = month.iter().any(|m| monthly(m) && before(m, line));
        let settled_meal = month.iter().any(|m| !monthly(m) && floor(m) > 0 && !ruled(m));
        let doubtful = if monthly(line) { earlier_flat || settled_meal } else { month.iter().any(|m| monthly(m)) };
        if doubtful {
            *opinion = Opinion::Ask(Reason::Overlap);
        }
    }
}

pub fn spent(line: &ClaimLine, world: &World, cents: i64) -> Spent {
    let (r, service) = (&line.redemption, service(line, world));
    Spent {
        day: r.day,
        benefit: r.benefit,
        detail: service.and_then(|s| s.detail.clone()),
        provider: Some(line.provider),
        units: service.and_then(|s| units(line, s)).map_or(r.units.into(), i128::from),
        cents: cents.into(),
        minutes: r.lesson.map_or(0, |l| (l.end - l.start).into()),
    }
}

pub fn debits(world: &World) -> Vec<Spent> {
    let mut spent = Vec::new();
    for d in &world.child.debits {
        let months: Vec<u32> = (d.from.month().months()..=d.to.month().months()).collect();
        let parts = i128::try_from(months.len()).expect("few months");
        for (place, month) in (0..).zip(months) {
            let whole = i128::from(d.cents.get());
            let first_of_month = CivilMonth::from_months(month.into()).expect("a month").first_day();
            spent.push(Spent {
                day: if first_of_month < d.from { d.from } else { first_of_month },
                benefit: d.benefit,
                detail: None,
                provider: None,
                units: 0,
                cents: whole / parts + i128::from(place < whole % parts),
                minutes: 0,
            });
        }
    }
    spent
}

fn ceilings(mut open: Vec<(&ClaimLine, Opinion)>, world: &World, freed: Vec<Spent>, beside: &[EntryId], out: &mut BTreeMap<EntryId, Outcome>) {
    open.sort_by_key(|(line, _)| order(line));
    let mut others = freed;
    others.extend(open.iter().filter(|(line, _)| floor(line) > 0).map(|(line, _)| spent(line, world, floor(line))));
    for (line, opinion) in open {
        let floor = floor(line);
        let (most, because) = match opinion {
            Opinion::Yes(most, because) if floor == 0 || (line.ruling.is_some() && !beside.contains(&line.id)) || most == floor => {
                (most.max(floor), because)
            }
            Opinion::Ask(_) if floor == 0 => (line.redemption.cents.get(), None),
            _ => (floor, (floor < line.redemption.cents.get()).then_some(Reason::CeilingReached)),
        };
        let mut more = spent(line, world, most - floor);
        if floor > 0 {
            (more.units, more.minutes) = (0, 0);
        }
        let all: Vec<Spent> = debits(world).into_iter().chain(others.iter().cloned()).collect();
        let cents = largest(line, world, &more, &all);
        if cents > 0 {
            others.push(Spent { cents, ..more.clone() });
        }
        if let (Opinion::Ask(reason), 0) = (opinion, floor) {
            out.insert(line.id, (Verdict::Pending, 0, Some(reason)));
            continue;
        }
        let others_but_this = &others[..others.len() - usize::from(cents > 0)];
        let because = match () {
            () if most == 0 => Some(Reason::NoPrice),
            () if cents == more.cents => because,
            () => Some(shortfall(line, world, &more, others_but_this)),
        };
        let paid = floor + i64::try_from(cents).unwrap_or(0);
        let verdict = if paid == 0 {
            Verdict::Rejected
        } else if paid < line.redemption.cents.get() {
            Verdict::Reduced
        } else {
            Verdict::Accepted
        };
        out.insert(line.id, (verdict, paid, because));
    }
}

fn shortfall(line: &ClaimLine, world: &World, more: &Spent, without_debits: &[Spent]) -> Reason {
    let Some(token) = token(line, world) else { return Reason::UnknownToken };
    let grant = valid(token, more.day).and_then(|()| granted(line, token, more.benefit, more.detail.as_ref()));
    let otherwise = if largest(line, world, more, without_debits) == more.cents { Reason::SelfPaid } else { Reason::CeilingReached };
    grant.err().unwrap_or(otherwise)
}

/// The largest amount up to `more` that breaks no ceiling, by trial.
fn largest(line: &ClaimLine, world: &World, more: &Spent, others: &[Spent]) -> i128 {
    let Some(token) = token(line, world) else { return 0 };
    let fits = |cents: i128| fits(token, line.provider, &Spent { cents, ..more.clone() }, others);
    if more.cents <= 0 || valid(token, more.day).is_err() || !fits(more.cents) {
        let splits = matches!(more.benefit, Benefit::Participation | Benefit::DayTrip | Benefit::ClassTrip);
        if more.cents <= 0 || valid(token, more.day).is_err() || !splits || !fits(1) {
            return 0;
        }
        let (mut low, mut high) = (1, more.cents);
        while high - low > 1 {
            let middle = i128::midpoint(low, high);
            if fits(middle) { low = middle } else { high = middle }
        }
        return low;
    }
    more.cents
}

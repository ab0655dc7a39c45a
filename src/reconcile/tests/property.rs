//! Any child, any lines, two rounds with a settlement between them: what must hold whatever happens.

use super::naive::{self, Fault, Outcome};
use super::naive_ceilings;
use super::world::{World, allowance, code, day, token, world};
use crate::admit::status::{DataAge, Status};
use crate::book::redemption::{Redemption, SeenAs};
use crate::book::slot::Lesson;
use crate::deliver::advice::Verdict;
use crate::reconcile::calendar::{SiteKind, Stretch, Whom};
use crate::reconcile::child::reconcile_child;
use crate::reconcile::register::{ClaimLine, Debit, RegisteredToken, Stop};
use crate::reconcile::ruling::{Choice, Ruling};
use crate::words::benefit::{Benefit, Measure, Period};
use crate::words::cents::Cents;
use crate::words::chance::Chance;
use crate::words::civil::CivilDay;
use crate::words::ids::{BatchId, EntryId, Hash, ProviderNumber, SlotId, TerminalId, TokenId};
use crate::words::reason::Reason;
use crate::words::time::{UtcMs, UtcSeconds};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

type Decide = fn(&[ClaimLine], &World) -> BTreeMap<EntryId, Outcome>;

pub fn ours(lines: &[ClaimLine], world: &World) -> BTreeMap<EntryId, Outcome> {
    let decisions = reconcile_child(lines, &world.child, &world.register());
    let by_id: BTreeMap<EntryId, Outcome> = decisions.iter().map(|d| (d.id, (d.verdict, d.cents.get(), d.reason))).collect();
    assert_eq!(by_id.len(), decisions.len(), "two decisions on one line");
    by_id
}

struct Dice(Chance);

impl Dice {
    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.0.below(u32::try_from(of.len()).unwrap_or(1)) as usize].clone()
    }

    /// True once in `n` times.
    fn rarely(&mut self, n: u32) -> bool {
        self.0.below(n) == 0
    }
}

/// A child with one or two tokens (a re-issue or a renewal), the same ceilings in both.
pub fn any_world(seed: u64) -> World {
    let mut dice = Dice(Chance::seeded(seed));
    let mut world = world();
    let mut a = token("A", "2026-09", "2027-07");
    let mut allowances = Vec::new();
    for benefit in Benefit::ALL {
        let measures: &[Measure] = match benefit {
            Benefit::Lunch => &[Measure::Units, Measure::Units, Measure::Cents],
            Benefit::Tutoring => &[Measure::Units, Measure::Minutes, Measure::Cents],
            _ => &[Measure::Cents, Measure::Cents, Measure::Units],
        };
        let details: &[Option<&str>] = match benefit {
            Benefit::Tutoring => dice.one(&[&[None] as &[_], &[Some("MA")], &[Some("MA"), Some("DE")], &[None, Some("MA")]]),
            Benefit::ClassTrip => &[Some("sylt")],
            _ => &[None],
        };
        for detail in details {
            let ceilings: Vec<_> = (0..1 + dice.0.below(3)).map(|_| ceiling(&mut dice, measures)).collect();
            let mut one = allowance(benefit, &ceilings, *detail);
            if dice.rarely(6) {
                one.providers = vec![ProviderNumber(1), ProviderNumber(4)];
            }
            allowances.push(one);
        }
    }
    a.allowances = allowances;
    a.home_providers = dice.one(&[vec![], vec![ProviderNumber(1)], vec![ProviderNumber(2)]]);
    let mut b = token("B", "2026-09", "2027-07");
    (b.allowances, b.home_providers) = (a.allowances.clone(), a.home_providers.clone());
    let mut stops = Vec::new();
    match dice.0.below(3) {
        0 => stops.push(stop(&mut dice, &[Status::Replaced])),
        1 => (a.expires, b.not_before) = (day("12-01").midnight(), day("12-01").midnight()),
        _ => {}
    }
    if dice.rarely(3) {
        stops.push(stop(&mut dice, &[Status::Revoked, Status::Suspended]));
    }
    world.child.tokens = [(a, stops), (b, Vec::new())].into_iter().map(|(token, stops)| (token.id, RegisteredToken { token, stops })).collect();
    for _ in 0..dice.0.below(3) {
        let from = dice.one(&["11-02", "11-24", "12-01"]);
        let benefit = dice.one(&Benefit::ALL);
        world.child.debits.push(Debit {
            benefit,
            from: day(from),
            to: day(from).plus(dice.0.below(9)),
            cents: Cents::new(dice.one(&[500, 2000, 9000])),
        });
    }
    if dice.rarely(4) {
        for _ in 0..1 + dice.0.below(4) {
            let whom = dice.one(&[Whom::All, Whom::Kind(SiteKind::School), Whom::Provider(ProviderNumber(1)), Whom::Provider(ProviderNumber(4))]);
            let from = day(dice.one(&["11-23", "11-25", "12-25"]));
            world.calendar.push((whom, Stretch { from, to: from.plus(dice.0.below(3)), open: dice.rarely(2) }));
        }
        world.tell_calendar();
    }
    world
}

fn ceiling(dice: &mut Dice, measures: &[Measure]) -> (Period, Measure, u64) {
    let measure = dice.one(measures);
    let amounts: &[u64] = match measure {
        Measure::Units => &[1, 2, 3, 5],
        Measure::Cents => &[900, 2500, 5000, 7777, 18_000],
        Measure::Minutes => &[45, 90, 200],
    };
    (dice.one(&Period::ALL), measure, if dice.rarely(30) { u64::MAX } else { dice.one(amounts) })
}

fn stop(dice: &mut Dice, statuses: &[Status]) -> Stop {
    let from = day(dice.one(&["11-23", "11-25", "12-01"]));
    let until = dice.rarely(3).then(|| from.plus(2));
    Stop { status: dice.one(statuses), from, until, recorded: from.minus(3).at_minute(600).plus_days(dice.0.below(7).into()) }
}

const DAYS: [&str; 10] = ["11-23", "11-23", "11-24", "11-25", "11-30", "12-01", "2027-01-04", "2026-08-31", "11-28", "12-25"];

pub fn any_line(number: usize, seed: u64) -> ClaimLine {
    let mut dice = Dice(Chance::seeded(seed));
    let (provider, service, benefit, amounts) = dice.one(&[
        (1, "lunch", Benefit::Lunch, [450, 450, 900]),
        (1, "flat", Benefit::Lunch, [6000, 6000, 6000]),
        (2, "lunch", Benefit::Lunch, [400, 400, 350]),
        (2, "flat", Benefit::Lunch, [5000, 5000, 5000]),
        (3, "judo", Benefit::Participation, [2000, 2000, 2100]),
        (3, "camp", Benefit::Participation, [1, 3000, 9999]),
        (3, "zoo", Benefit::DayTrip, [1200, 3000, 100_000_000]),
        (3, "sylt", Benefit::ClassTrip, [10_000, 15_000, 0]),
        (4, "maths", Benefit::Tutoring, [2500, 5000, 2400]),
        (5, "maths", Benefit::Tutoring, [2500, 5000, 2400]),
        (5, "german", Benefit::Tutoring, [2500, 2500, 2500]),
        (1, "lunch", Benefit::Lunch, [450, 450, 450]),
        (2, "lunch", Benefit::Lunch, [400, 400, 400]),
        (9, "lunch", Benefit::Lunch, [400, 400, 400]),
    ]);
    let date = if dice.rarely(40) { day("2027-08-02") } else { day(dice.one(&DAYS)) };
    let at = date.at_minute(dice.one(&[700, 720, 721])).plus_days(dice.one(&[0, 0, 0, 1, 200]));
    let lesson = (benefit == Benefit::Tutoring && !dice.rarely(20)).then(|| dice.one(&[(840, 885), (840, 930), (870, 915), (900, 930)]));
    let status_issued = if dice.rarely(10) { UtcSeconds(0) } else { UtcSeconds(at.seconds().0 - 86_400 * dice.one(&[0, 0, 1, 3, 20, 31])) };
    let id = EntryId { terminal: TerminalId([u8::try_from(provider).unwrap_or(0); 16]), seq: number as u64 };
    let redemption = Redemption {
        office: world().office,
        token: if dice.rarely(15) { TokenId([9; 16]) } else { super::world::token_id(dice.one(&["A", "A", "B"])) },
        benefit: if dice.rarely(40) { Benefit::DayTrip } else { benefit },
        service: code(service),
        day: date,
        units: dice.one(&[1, 1, 2, 1000]),
        cents: Cents::new(dice.one(&amounts)),
        slot: SlotId([0; 16]),
        seen_as: SeenAs::Qr,
        status_issued,
        data_age: DataAge::Green,
        operator: None,
        lesson: lesson.and_then(|(start, end)| Lesson::new(start, end)),
        handle: super::world::HANDLE,
        charge: dice.rarely(3).then(|| code("extra")),
        settles: None,
        full_price: None,
        proof: None,
    };
    ClaimLine {
        id,
        batch: BatchId([1; 16]),
        provider: ProviderNumber(provider),
        hash: Hash::of(&[&seed.to_be_bytes(), &id.seq.to_be_bytes()]),
        at,
        not_before: UtcMs(if dice.rarely(8) { at.0 + 120_000 } else { 0 }),
        received: if dice.rarely(20) { UtcMs(at.0 - 700_000) } else { at.plus_days(dice.one(&[0, 1, 30, 400])) },
        last_word: UtcMs(at.0 - 3_600_000 * dice.one(&[1, 20, 100])),
        redemption,
        cancelled_by: None,
        settled: None,
        ruling: any_ruling(&mut dice, 15),
        journal: dice.rarely(30).then_some(Reason::JournalGap),
        tutor_elsewhere: dice.rarely(30).then_some(id),
        unproved: false,
    }
}

fn any_ruling(dice: &mut Dice, n: u32) -> Option<Ruling> {
    let choice = dice.one(&[Choice::Accept, Choice::Accept, Choice::Cut(Cents::new(300)), Choice::Cut(Cents::ZERO), Choice::Reject]);
    dice.rarely(n).then_some(Ruling { choice, reason: Reason::ClerkDecision, at: day(dice.one(&["11-24", "2028-01-01"])).midnight().ms() })
}

fn cancel(line: &mut ClaimLine) {
    line.cancelled_by = Some(EntryId { seq: line.id.seq + 10_000, ..line.id });
}

fn ask(line: &mut ClaimLine) {
    line.ruling = Some(Ruling { choice: Choice::Ask, reason: Reason::PleaseClarify, at: line.received });
}

/// A second round: the first was settled, then clerks ruled, counters cancelled, and more came in.
pub fn second_round(first: &[ClaimLine], more: &[ClaimLine], decided: &BTreeMap<EntryId, Outcome>, seed: u64) -> Vec<ClaimLine> {
    let mut dice = Dice(Chance::seeded(seed));
    let mut lines = first.to_vec();
    for line in &mut lines {
        let (verdict, cents, _) = decided[&line.id];
        line.settled = (verdict != Verdict::Pending && dice.one(&[true, true, false])).then_some(Cents::new(cents));
        line.ruling = any_ruling(&mut dice, 8).or(line.ruling);
        if line.cancelled_by.is_none() && dice.rarely(8) {
            cancel(line);
        }
    }
    lines.extend(more.iter().cloned());
    lines
}

pub fn any_round(seeds: &[u64], from: usize) -> Vec<ClaimLine> {
    let mut lines: Vec<ClaimLine> = seeds.iter().enumerate().map(|(place, seed)| any_line(from + place, *seed)).collect();
    lines.iter_mut().filter(|line| line.hash.0[0] < 25).for_each(cancel);
    lines.iter_mut().filter(|line| line.hash.0[1] < 25).for_each(ask);
    lines
}

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

/// Cleared and findings are what was taken in.
fn nothing_is_lost(lines: &[ClaimLine], decided: &BTreeMap<EntryId, Outcome>) -> Result<(), String> {
    let taken_in: BTreeSet<EntryId> = lines.iter().flat_map(|line| [Some(line.id), line.cancelled_by]).flatten().collect();
    ensure(decided.keys().copied().collect::<BTreeSet<_>>() == taken_in, || "a line or a cancellation has no decision, or a decision no line".into())
}

fn order_does_not_matter(lines: &[ClaimLine], world: &World, decide: Decide, seed: u64) -> Result<(), String> {
    let mut dice = Dice(Chance::seeded(seed));
    let mut shuffled = lines.to_vec();
    shuffled.sort_by_cached_key(|_| dice.0.bytes::<8>());
    ensure(decide(lines, world) == decide(&shuffled, world), || "another order of arrival, another decision".into())
}

fn paid<'l>(lines: &'l [ClaimLine], decided: &BTreeMap<EntryId, Outcome>) -> Vec<(&'l ClaimLine, i64)> {
    let standing = lines.iter().filter(|line| line.cancelled_by.is_none());
    standing.map(|line| (line, decided[&line.id].1)).filter(|(_, cents)| *cents > 0).collect()
}

fn no_slot_is_paid_twice(lines: &[ClaimLine], world: &World, decided: &BTreeMap<EntryId, Outcome>) -> Result<(), String> {
    let mut slots = BTreeSet::new();
    for (line, _) in paid(lines, decided) {
        let key = naive::key(line, world);
        ensure(slots.insert(key.clone()), || format!("{key} is paid twice"))?;
    }
    Ok(())
}

fn no_ceiling_is_exceeded(lines: &[ClaimLine], world: &World, decided: &BTreeMap<EntryId, Outcome>) -> Result<(), String> {
    let spent: Vec<_> = paid(lines, decided).into_iter().map(|(line, cents)| naive::spent(line, world, cents)).collect();
    for token in world.child.tokens.values().map(|t| &t.token) {
        let alone = |a: &&crate::admit::token::Allowance| token.allowances.iter().filter(|b| b.benefit == a.benefit).count() == 1;
        for allowance in token.allowances.iter().filter(alone) {
            let drawn: Vec<_> = spent.iter().filter(|s| naive_ceilings::draws(s, allowance)).cloned().collect();
            let own: Vec<_> = naive::debits(world).into_iter().filter(|s| naive_ceilings::draws(s, allowance)).collect();
            for (c, day) in allowance.ceilings.iter().flat_map(|c| drawn.iter().map(move |s| (c, s.day))) {
                if !(token.first_day()..=token.last_day()).contains(&day) {
                    continue;
                }
                for (from, to, most) in naive_ceilings::bounds(token, c.period, c.amount, day) {
                    let (used, paid_itself) = (naive_ceilings::sum(&drawn, c.measure, from, to), naive_ceilings::sum(&own, c.measure, from, to));
                    ensure(used <= (most - paid_itself).max(0), || format!("{allowance:?}: {used} and {paid_itself} of {most} from {from} to {to}"))?;
                }
            }
        }
    }
    Ok(())
}

fn what_is_settled_stands(lines: &[ClaimLine], decided: &BTreeMap<EntryId, Outcome>) -> Result<(), String> {
    for line in lines.iter().filter(|line| line.ruling.is_none() && line.cancelled_by.is_none()) {
        let settled = line.settled.unwrap_or(Cents::ZERO);
        ensure(settled == Cents::ZERO || decided[&line.id].1 == settled.get(), || format!("{line:?} was settled and does not stand"))?;
    }
    Ok(())
}

/// It is never paid and never lost, whatever else is wrong or right with it.
fn what_was_asked_about_waits(lines: &[ClaimLine], decided: &BTreeMap<EntryId, Outcome>) -> Result<(), String> {
    let unpaid = |line: &&ClaimLine| line.cancelled_by.is_none() && line.stands() == Cents::ZERO;
    for line in lines.iter().filter(unpaid).filter(|line| line.ruling.is_some_and(|ruling| ruling.choice == Choice::Ask)) {
        let waits = decided[&line.id] == (Verdict::Pending, 0, Some(Reason::PleaseClarify));
        ensure(waits, || format!("the provider was asked, yet {:?}: {line:?}", decided[&line.id]))?;
    }
    Ok(())
}

fn agrees_with_the_naive_statement(lines: &[ClaimLine], world: &World, decided: &BTreeMap<EntryId, Outcome>) -> Result<(), String> {
    let expected = naive::decide(lines, world, None);
    for line in lines {
        ensure(decided[&line.id] == expected[&line.id], || format!("{:?}, naively {:?}: {line:?}", decided[&line.id], expected[&line.id]))?;
    }
    ensure(*decided == expected, || "the cancellations differ".into())
}

/// All properties of one case of two rounds, decided by `decide`.
fn holds(world: &World, first: &[u64], more: &[u64], seed: u64, decide: Decide, naively: bool) -> Result<(), String> {
    let first = any_round(first, 1);
    let decided = decide(&first, world);
    let second = second_round(&first, &any_round(more, 1 + first.len()), &decided, seed);
    for lines in [&first, &second] {
        let decided = decide(lines, world);
        nothing_is_lost(lines, &decided)?;
        order_does_not_matter(lines, world, decide, seed)?;
        no_slot_is_paid_twice(lines, world, &decided)?;
        no_ceiling_is_exceeded(lines, world, &decided)?;
        what_is_settled_stands(lines, &decided)?;
        what_was_asked_about_waits(lines, &decided)?;
        if naively {
            agrees_with_the_naive_statement(lines, world, &decided)?;
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_in(child: u64, first in proptest::collection::vec(any::<u64>(), 0..14), more in proptest::collection::vec(any::<u64>(), 0..8), seed: u64) {
        if let Err(broken) = holds(&any_world(child), &first, &more, seed, ours, true) {
            prop_assert!(false, "{}", broken);
        }
    }

    #[test]
    fn of_several_settled_lines_of_a_slot_one_holds_it_and_the_others_stand(child: u64, seeds in proptest::collection::vec(any::<u64>(), 2..12), seed: u64) {
        let (world, mut dice) = (any_world(child), Dice(Chance::seeded(seed)));
        let mut lines = any_round(&seeds, 1);
        for line in &mut lines {
            line.settled = dice.rarely(2).then(|| Cents::new(dice.one(&[1, 300, 400])));
            line.ruling = any_ruling(&mut dice, 4).or(line.ruling);
        }
        let decisions = reconcile_child(&lines, &world.child, &world.register());
        let held: Vec<_> = decisions.iter().filter_map(|decision| decision.holds).collect();
        prop_assert_eq!(held.iter().collect::<BTreeSet<_>>().len(), held.len(), "two lines hold one slot");
        let said: Vec<_> = lines.iter().filter(|line| naive::service(line, &world).is_none()).map(|line| line.id).collect();
        prop_assert!(decisions.iter().all(|d| d.holds.is_none() || !said.contains(&d.id)), "a slot that only the line names is held");
        let decided = ours(&lines, &world);
        let broken = what_is_settled_stands(&lines, &decided).and_then(|()| agrees_with_the_naive_statement(&lines, &world, &decided));
        prop_assert_eq!(broken, Ok(()));
        let mut raised = BTreeSet::new();
        for (line, cents) in paid(&lines, &decided) {
            let key = naive::key(line, &world);
            prop_assert!(cents <= line.stands().get() || raised.insert(key.clone()), "{} is paid twice", key);
        }
    }

    #[test]
    fn no_input_panics(child: u64, seeds in proptest::collection::vec(any::<(u64, u64)>(), 0..8)) {
        let world = any_world(child);
        let lines: Vec<ClaimLine> = seeds.iter().enumerate().map(|(number, (seed, extreme))| at_the_limits(any_line(number, *seed), *extreme)).collect();
        prop_assert_eq!(reconcile_child(&lines, &world.child, &world.register()).len(), lines.len());
    }
}

#[test]
fn a_ruling_raises_a_settled_lesson_though_its_units_are_overdrawn() {
    let first = [
        12_247_400_659_398_569,
        3_192_677_379_398_519_448,
        1_608_908_606_605_012_577,
        6_379_564_162_037_636_377,
        498_420_694_937_022_268,
        1_651_709_006_200_296_286,
        8_380_732_358_248_613_836,
        3_055_083_207_370_162_255,
    ];
    assert_eq!(holds(&any_world(9_245_840_342_959_029_301), &first, &[], 10_566_510_166_049_293_411, ours, true), Ok(()));
}

/// The line with some of its numbers at their limits.
fn at_the_limits(mut line: ClaimLine, seed: u64) -> ClaimLine {
    let mut dice = Dice(Chance::seeded(seed));
    line.redemption.day = dice.one(&[CivilDay::MAX, CivilDay::EPOCH, line.redemption.day]);
    line.redemption.cents = dice.one(&[Cents::new(i64::MAX), Cents::new(i64::MIN), Cents::MAX_SINGLE, line.redemption.cents]);
    line.redemption.units = dice.one(&[0, u64::MAX, line.redemption.units]);
    line.redemption.status_issued = dice.one(&[UtcSeconds(u64::MAX), line.redemption.status_issued]);
    for time in [&mut line.at, &mut line.not_before, &mut line.received, &mut line.last_word] {
        *time = dice.one(&[UtcMs(0), UtcMs::MAX, UtcMs(u64::MAX), *time, *time]);
    }
    line.settled = dice.one(&[None, Some(Cents::new(i64::MAX)), Some(Cents::new(-5)), Some(Cents::ZERO)]);
    line
}

/// Whether some of many cases shows that `decide` is wrong, without the naive statement's help.
fn is_caught(decide: Decide) -> bool {
    (0..500u64).any(|case| {
        let mut chance = Chance::seeded(case);
        let mut seeds = |count: usize| -> Vec<u64> { (0..count).map(|_| u64::from_be_bytes(chance.bytes())).collect() };
        let (first, more) = (seeds(10), seeds(4));
        holds(&any_world(case), &first, &more, case, decide, false).is_err()
    })
}

#[test]
fn canary_a_slot_by_order_of_arrival_is_caught() {
    assert!(is_caught(|lines, world| naive::decide(lines, world, Some(Fault::SlotByArrival))));
}

#[test]
fn canary_conflicts_ignored_are_caught() {
    assert!(is_caught(|lines, world| naive::decide(lines, world, Some(Fault::NoConflicts))));
}

#[test]
fn canary_a_storno_that_frees_too_much_is_caught() {
    assert!(is_caught(|lines, world| naive::decide(lines, world, Some(Fault::StornoFreesTooMuch))));
}

#[test]
fn canary_the_naive_statement_itself_is_not_caught() {
    assert!(!is_caught(|lines, world| naive::decide(lines, world, None)));
}

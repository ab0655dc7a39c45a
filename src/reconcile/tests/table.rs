//! Scenarios as text tables. A row is a line of the claim and what becomes of it, or (in capitals) a fact of the town:
//!
//! `a  1 lunch 11-23 450 at=11-23T12:00 | rejected 0 conflict ~b` — name, provider, service, day, cents, what else is known of it,
//! verdict, cents, reason, the line on the other side. `storno=-450` after the bar is what the cancellation comes to.
//! Every table is played forwards and backwards: the order of arrival must not matter.

use super::world::{HANDLE, World, code, day, token, token_id, world};
use crate::admit::status::{DataAge, Status};
use crate::admit::token::Ceiling;
use crate::book::redemption::{Redemption, SeenAs};
use crate::book::slot::Lesson;
use crate::reconcile::calendar::{SiteKind, Stretch, Whom};
use crate::reconcile::child::reconcile_child;
use crate::reconcile::finding::Decision;
use crate::reconcile::register::{ClaimLine, Debit, RegisteredToken, Stop};
use crate::reconcile::ruling::{Choice, Ruling};
use crate::words::benefit::{Benefit, Measure, Period};
use crate::words::cents::Cents;
use crate::words::ids::{BatchId, EntryId, Handle, Hash, ProviderNumber, SlotId, TerminalId};
use crate::words::reason::Reason;
use crate::words::time::{UtcMs, UtcSeconds};

const CANCELLATIONS_FROM: u64 = 1000;

struct Row<'t> {
    text: &'t str,
    line: ClaimLine,
    expected: &'t str,
}

/// Plays a table; panics with the row that came out otherwise.
pub fn play(table: &str) {
    let mut world = world();
    let mut rows: Vec<Row<'_>> = Vec::new();
    for text in table.lines().map(str::trim).filter(|text| !text.is_empty()) {
        match text.split_once('|') {
            Some((line, expected)) => rows.push(Row { text, line: claim(line), expected: expected.trim() }),
            None => state(&mut world, text),
        }
    }
    let mut lines: Vec<ClaimLine> = rows.iter().map(|row| row.line.clone()).collect();
    for direction in ["forwards", "backwards"] {
        let decisions = reconcile_child(&lines, &world.child, &world.register());
        let cancelled = lines.iter().filter(|line| line.cancelled_by.is_some()).count();
        assert_eq!(decisions.len(), lines.len() + cancelled, "one decision for every line and cancellation: {table}");
        for row in &rows {
            assert_eq!(outcome(&row.line, &decisions), row.expected, "{direction}: {}\nof{table}", row.text);
        }
        lines.reverse();
    }
}

fn outcome(line: &ClaimLine, decisions: &[Decision]) -> String {
    let of = |id: EntryId| decisions.iter().find(|d| d.id == id).unwrap_or_else(|| panic!("no decision on {id:?}"));
    let decision = of(line.id);
    let mut words = vec![format!("{:?}", decision.verdict).to_lowercase(), decision.cents.get().to_string()];
    words.extend(decision.reason.map(|reason| reason.code().to_owned()));
    words.extend(decision.against.map(|other| format!("~{}", char::from(u8::try_from(other.seq).unwrap_or(b'?')))));
    if let Some(by) = line.cancelled_by {
        assert_eq!(of(by).against, Some(line.id));
        words.push(format!("storno={}", of(by).cents.get()));
    }
    words.join(" ")
}

/// `11-23T12:00`, the clock in Berlin.
fn time(text: &str) -> UtcMs {
    let (date, clock) = text.split_once('T').unwrap_or((text, "00:00"));
    day(date).at_minute(minutes(clock))
}

fn minutes(clock: &str) -> u32 {
    let (hours, minutes) = clock.split_once(':').expect("a clock time");
    hours.parse::<u32>().expect("hours") * 60 + minutes.parse::<u32>().expect("minutes")
}

fn cents(text: &str) -> Cents {
    Cents::new(text.parse().unwrap_or_else(|_| panic!("“{text}” is no amount")))
}

fn lesson(text: &str) -> Lesson {
    let (start, end) = text.split_once('-').expect("a lesson has a start and an end");
    Lesson::new(minutes(start), minutes(end)).expect("a lesson")
}

fn settings(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split_whitespace().map(|word| word.split_once('=').unwrap_or((word, "")))
}

fn claim(text: &str) -> ClaimLine {
    let mut words = text.split_whitespace();
    let mut next = || words.next().unwrap_or_else(|| panic!("the row is too short: {text}"));
    let (name, provider, service, date, claimed) = (next(), next(), next(), day(next()), cents(next()));
    let benefit = match service {
        "lunch" | "flat" => Benefit::Lunch,
        "judo" | "camp" => Benefit::Participation,
        "maths" | "german" => Benefit::Tutoring,
        "zoo" => Benefit::DayTrip,
        _ => Benefit::ClassTrip,
    };
    let provider = ProviderNumber(provider.parse().expect("a provider number"));
    let id = EntryId { terminal: TerminalId([9; 16]), seq: u64::from(name.as_bytes()[0]) };
    let at = date.at_minute(720);
    let redemption = Redemption {
        office: world().office,
        token: token_id("A"),
        benefit,
        service: code(service),
        day: date,
        units: 1,
        cents: claimed,
        slot: SlotId([0; 16]),
        seen_as: SeenAs::Qr,
        status_issued: date.midnight(),
        data_age: DataAge::Green,
        operator: None,
        lesson: None,
        handle: HANDLE,
        charge: None,
        settles: None,
        full_price: None,
        proof: None,
    };
    let mut line = ClaimLine {
        id,
        batch: BatchId([1; 16]),
        provider,
        hash: Hash([name.as_bytes()[0]; 32]),
        at,
        not_before: UtcMs(0),
        received: UtcMs(0),
        last_word: date.midnight().ms(),
        redemption,
        cancelled_by: None,
        settled: None,
        ruling: None,
        journal: None,
        tutor_elsewhere: None,
        unproved: false,
    };
    words.flat_map(settings).for_each(|(key, value)| set(&mut line, key, value));
    if line.received == UtcMs(0) {
        line.received = line.at.plus_days(1);
    }
    line
}

fn set(line: &mut ClaimLine, key: &str, value: &str) {
    let named = |name: &str| EntryId { terminal: line.id.terminal, seq: u64::from(name.as_bytes()[0]) };
    match key {
        "at" => line.at = time(value),
        "received" => line.received = time(value),
        "checkpoint" => line.not_before = time(value),
        "exchanged" => line.last_word = time(value),
        "list" if value == "none" => line.redemption.status_issued = UtcSeconds(0),
        "list" => line.redemption.status_issued = time(value).seconds(),
        "token" => line.redemption.token = token_id(value),
        "child" => line.redemption.handle = Handle([value.as_bytes()[0]; 8]),
        "benefit" => line.redemption.benefit = Benefit::parse(value).expect("a benefit"),
        "lesson" => line.redemption.lesson = Some(lesson(value)),
        "units" => line.redemption.units = value.parse().expect("units"),
        "charge" => line.redemption.charge = Some(code(value)),
        "settled" => line.settled = Some(cents(value)),
        "cancelled" => line.cancelled_by = Some(EntryId { seq: line.id.seq + CANCELLATIONS_FROM, ..line.id }),
        "journal" => line.journal = Reason::from_code(value),
        "tutor" => line.tutor_elsewhere = Some(named(value)),
        "ruling" => {
            let (choice, at) = value.split_once('@').unwrap_or((value, "2027-12-31"));
            let choice = match choice.split_once(':') {
                Some((_, most)) => Choice::Cut(cents(most)),
                None if choice == "accept" => Choice::Accept,
                None => Choice::Reject,
            };
            line.ruling = Some(Ruling { choice, reason: Reason::ClerkDecision, at: time(at) });
        }
        _ => panic!("“{key}” says nothing of a line"),
    }
}

fn state(world: &mut World, text: &str) {
    let (subject, rest) = text.split_once(' ').expect("a fact has a subject");
    match subject {
        "TOKEN" => state_token(world, rest),
        "CEILINGS" => state_ceilings(world, rest),
        "STOP" => state_stop(world, rest),
        "DEBIT" => {
            let words: Vec<&str> = rest.split_whitespace().collect();
            let [benefit, from, to, amount] = words[..] else { panic!("benefit, from, to, cents: {text}") };
            let benefit = Benefit::parse(benefit).expect("a benefit");
            world.child.debits.push(Debit { benefit, from: day(from), to: day(to), cents: cents(amount) });
        }
        "CLOSED" | "OPEN" => {
            let (whom, days) = rest.split_once(' ').expect("for whom, and which days");
            let whom = match (whom, SiteKind::parse(whom)) {
                ("*", _) => Whom::All,
                (_, Some(kind)) => Whom::Kind(kind),
                _ => Whom::Provider(ProviderNumber(whom.parse().expect("a number"))),
            };
            let (from, to) = days.split_once("..").unwrap_or((days, days));
            world.calendar.push((whom, Stretch { from: day(from), to: day(to), open: subject == "OPEN" }));
            world.tell_calendar();
        }
        _ => panic!("“{subject}” is no fact"),
    }
}

/// `B 2027-08 2028-07 issued=… home=1`
fn state_token(world: &mut World, rest: &str) {
    let mut words = rest.split_whitespace();
    let mut next = || words.next().expect("name, first and last month");
    let mut token = token(next(), next(), next());
    for (key, value) in words.flat_map(settings) {
        match key {
            "issued" => token.issued = time(value).seconds(),
            "home" => token.home_providers = vec![ProviderNumber(value.parse().expect("a number"))],
            "only" => token.allowances.iter_mut().for_each(|a| a.providers = vec![ProviderNumber(value.parse().expect("a number"))]),
            _ => panic!("“{key}” says nothing of a token"),
        }
    }
    world.child.tokens.insert(token.id, RegisteredToken { token, stops: Vec::new() });
}

/// `A participation month:cents:1500 …`
fn state_ceilings(world: &mut World, rest: &str) {
    let mut words = rest.split_whitespace();
    let mut next = || words.next().expect("token, benefit, ceilings");
    let (token, benefit) = (token_id(next()), Benefit::parse(next()).expect("a benefit"));
    let ceilings: Vec<Ceiling> = words
        .map(|word| {
            let parts: Vec<&str> = word.split(':').collect();
            let [period, measure, amount] = parts[..] else { panic!("period:measure:amount, not {word}") };
            let measure = Measure::parse(measure).expect("a measure");
            Ceiling { period: Period::parse(period).expect("a period"), measure, amount: amount.parse().expect("an amount") }
        })
        .collect();
    let registered = world.child.tokens.get_mut(&token).expect("a known token");
    registered.token.allowances.iter_mut().filter(|a| a.benefit == benefit).for_each(|a| a.ceilings.clone_from(&ceilings));
}

/// `A revoked from=11-20 recorded=11-20T10:00 until=…`
fn state_stop(world: &mut World, rest: &str) {
    let mut words = rest.split_whitespace();
    let mut next = || words.next().expect("token and status");
    let name = token_id(next());
    let status = match next() {
        "revoked" => Status::Revoked,
        "suspended" => Status::Suspended,
        _ => Status::Replaced,
    };
    let mut stop = Stop { status, from: day("08-01"), until: None, recorded: UtcMs(0) };
    for (key, value) in words.flat_map(settings) {
        match key {
            "from" => stop.from = day(value),
            "until" => stop.until = Some(day(value)),
            "recorded" => stop.recorded = time(value),
            _ => panic!("“{key}” says nothing of a stop"),
        }
    }
    world.child.tokens.get_mut(&name).expect("a known token").stops.push(stop);
}

//! Pick-ups that another canteen system has recorded by chip or card number: looked at first, then recorded, each row once however often
//! and in whatever order files bring it.

use super::counter::{Answer, CounterError, Desk, Request, check_form, redeem_at, refused};
use super::decision::decide;
use super::held::{HoldRequest, hold_at};
use super::journal::Journal;
use super::{Offices, Terminal, clock, paying};
use crate::admit::scan::Scan;
use crate::shell::sheet::RowError;
use crate::shell::sheet::pickups::PickupRow;
use crate::shell::sheet::text::{echo, folded};
use crate::shell::store::StoreError;
use crate::shell::store::terminal::Tx;
use crate::words::benefit::Benefit;
use crate::words::cents::Cents;
use crate::words::chance::Chance;
use crate::words::civil::CivilDay;
use crate::words::code::Code;
use crate::words::ids::Hash;
use crate::words::reason::Reason;
use crate::words::service::Pricing;
use crate::words::time::UtcMs;
use serde::Serialize;
use std::collections::HashMap;

/// A row whose service is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pickup {
    /// The line of the file it stood in.
    pub line: u64,
    /// The chip or card number.
    pub code: String,
    /// The service day.
    pub day: CivilDay,
    /// The service.
    pub service: Code,
}

/// What is done with pick-ups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They are looked at.
    Look,
    /// They are recorded.
    Book,
    /// They are recorded, and what cannot be is held to be clarified later.
    BookAndHold,
}

/// What became of a row, or would.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It is recorded.
    New,
    /// It is recorded for somebody who pays for themselves: nothing is claimed.
    Paying,
    /// It was taken from a file before.
    Before,
    /// It was recorded at the counter.
    Already,
    /// It is held to be clarified later.
    Held,
    /// Its chip or number is not known.
    Unknown,
    /// The card does not allow it.
    Refused,
}

/// One row's fate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The row.
    pub row: Pickup,
    /// What became of it.
    pub fate: Fate,
    /// Why it was refused.
    pub reason: Option<Reason>,
    /// What is claimed for it.
    pub cents: Cents,
}

impl Terminal {
    /// Gives each row its service, by code or by name, and leaves each pick-up once. What does not fit is said in its error.
    pub fn prepare_pickups(&mut self, rows: Vec<PickupRow>, default: Option<&Code>, now: UtcMs) -> Result<Prepared, StoreError> {
        self.refresh(now)?;
        let (today, offices) = (CivilDay::of(now), &self.offices);
        let mut prepared = Prepared::default();
        let mut seen: HashMap<(String, CivilDay, Code), u64> = HashMap::new();
        for row in rows {
            let service = match service(offices, &row, default) {
                Ok(_) if row.day > today => Err(ahead(&row)),
                found => found,
            };
            match service {
                Err(error) => prepared.errors.push(error),
                Ok(service) => {
                    let line = *seen.entry((plain(&row.code), row.day, service.clone())).or_insert(row.line);
                    if line == row.line {
                        prepared.rows.push(Pickup { line, code: row.code, day: row.day, service });
                    } else {
                        prepared.twice += 1;
                    }
                }
            }
        }
        Ok(prepared)
    }

    /// Looks at pick-ups or records them, all in one transaction: a part of a file at a time, so that the counter need not wait.
    pub fn pickups(&mut self, rows: &[Pickup], mode: Mode, chance: &mut Chance, now: UtcMs) -> Result<Vec<Told>, StoreError> {
        self.refresh(now)?;
        let (terminal, offices, till) = (self.id(), &mut self.offices, self.till.as_deref());
        let work = |tx: &Tx<'_>| {
            let mut desk = Desk { journal: Journal::new(tx, terminal), offices, clock: clock::read(tx, now)?, till };
            if mode != Mode::Look {
                clock::note(desk.journal, desk.clock, chance)?;
            }
            rows.iter().map(|row| told(&mut desk, row, mode, chance)).collect()
        };
        if mode == Mode::Look { self.store.read(work) } else { self.store.write(work) }
    }
}

/// Rows that are ready, and what is wrong with the others.
#[derive(Debug, Default)]
pub struct Prepared {
    /// Each pick-up once.
    pub rows: Vec<Pickup>,
    /// What is wrong with the others.
    pub errors: Vec<RowError>,
    /// How many rows say what another one has said.
    pub twice: usize,
}

fn told(desk: &mut Desk<'_>, row: &Pickup, mode: Mode, chance: &mut Chance) -> Result<Told, StoreError> {
    let key = key(desk.tx(), row)?;
    let tell = |fate, reason, cents| Ok(Told { row: row.clone(), fate, reason, cents });
    if desk.tx().was_taken(key)? {
        return tell(Fate::Before, None, Cents::ZERO);
    }
    let request = Request { code: row.code.clone(), service: Some(row.service.clone()), day: Some(row.day), months: 1, ..Request::default() };
    let answer = match answer(desk, &request, mode, chance) {
        Ok(answer) => answer,
        Err(CounterError::Store(error)) => return Err(error),
        // What is asked here is well-formed; a service that changed meanwhile has no price.
        Err(_) => return tell(Fate::Refused, Some(Reason::NoPrice), Cents::ZERO),
    };
    let refused = match answer {
        Answer::Accepted(accepted) => {
            if mode != Mode::Look {
                desk.tx().keep_taken(key, desk.clock.now)?;
            }
            // Only somebody who pays for themselves has a record that plans no claim.
            let fate = if accepted.plan.is_empty() { Fate::Paying } else { Fate::New };
            return tell(fate, None, accepted.cents);
        }
        Answer::Refused(refused) => refused,
    };
    if mode == Mode::BookAndHold && refused.can_be_held && hold(desk, row, refused.reason, chance)? {
        desk.tx().keep_taken(key, desk.clock.now)?;
        return tell(Fate::Held, Some(refused.reason), Cents::ZERO);
    }
    let fate = match refused.reason {
        Reason::AlreadyRedeemed => Fate::Already,
        Reason::UnknownNumber => Fate::Unknown,
        _ => Fate::Refused,
    };
    tell(fate, Some(refused.reason), Cents::ZERO)
}

fn answer(desk: &mut Desk<'_>, request: &Request, mode: Mode, chance: &mut Chance) -> Result<Answer, CounterError> {
    check_form(request)?;
    if mode != Mode::Look {
        return redeem_at(desk, request, chance);
    }
    if let Some(answer) = paying::served(desk, request, false)? {
        return Ok(answer);
    }
    Ok(match decide(desk, request)? {
        Err(refusal) => Answer::Refused(refused(&refusal, request, desk)),
        Ok(decision) => Answer::Accepted(super::decision::accepted(&decision)),
    })
}

fn hold(desk: &mut Desk<'_>, row: &Pickup, why: Reason, chance: &mut Chance) -> Result<bool, StoreError> {
    let request = HoldRequest {
        ask: None,
        code: Some(row.code.clone()),
        person: None,
        alias: None,
        service: row.service.clone(),
        day: Some(row.day),
        cents: None,
        why,
    };
    match hold_at(desk, &request, chance) {
        Ok(_) => Ok(true),
        Err(CounterError::Store(error)) => Err(error),
        Err(_) => Ok(false),
    }
}

/// A row by what it says, blinded like a chip: it is taken once, whatever file it comes in.
fn key(tx: &Tx<'_>, row: &Pickup) -> Result<Hash, StoreError> {
    let secret = tx.chip_secret()?;
    let code = secret.hash(&plain(&row.code));
    Ok(Hash::of(&[b"teilhabe/pickup/1", &secret.0, &code.0, &row.day.days().to_be_bytes(), row.service.as_str().as_bytes()]))
}

/// The one spelling of a chip or number.
fn plain(code: &str) -> String {
    match Scan::new(code) {
        Ok(Scan::Chip(uid)) => uid,
        Ok(Scan::Number(number)) => number.digits(),
        _ => code.to_owned(),
    }
}

/// The service a row speaks of: one with an agreed price for each time.
fn service(offices: &Offices, row: &PickupRow, default: Option<&Code>) -> Result<Code, RowError> {
    let priced = || {
        let all = offices.iter().filter_map(|(office, _)| office.credential.as_ref()).flat_map(|c| &c.services);
        all.filter(|s| s.pricing == Pricing::PerUnit && s.benefit != Benefit::Tutoring)
    };
    let found = match (&row.service, default) {
        (Some(named), _) => priced().find(|s| s.code.as_str() == named || folded(&s.label) == folded(named)),
        (None, Some(code)) => priced().find(|s| s.code == *code),
        (None, None) => None,
    };
    // A dish is not a service: where the file names something else, the one chosen for it counts.
    let found = found.or_else(|| default.and_then(|code| priced().find(|s| s.code == *code)));
    found.map(|s| s.code.clone()).ok_or_else(|| {
        let named = echo(row.service.as_deref().unwrap_or_default());
        RowError::of_line(
            row.line,
            format!("„{named}“ ist hier kein Angebot mit festem Preis: bitte oben ein Angebot wählen."),
            format!("“{named}” is no service with an agreed price here: choose a service above."),
        )
    })
}

fn ahead(row: &PickupRow) -> RowError {
    RowError::of_line(
        row.line,
        format!("Der {} liegt in der Zukunft: bitte das Datum prüfen.", row.day.german()),
        format!("{} lies ahead: check the date.", row.day),
    )
}

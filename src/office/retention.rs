//! For how long the office keeps what: rules as dated data, a dry run that changes nothing, and a purge of exactly what it has shown.

use super::{Action, Office, OfficeError};
use crate::shell::store::office::purge::{self, Gone, LinePlace};
use crate::shell::store::office::retention::{self, Found, Plan, Rule};
use crate::shell::store::sql;
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::time::{DAY_MS, UtcMs};

/// For how long a dry run may be carried out.
pub const PLAN_HOURS: u64 = 24;
/// How often it is tried to empty the log beside the database while somebody reads from it.
const LOG_TRIES: u8 = 3;
/// How many lines, children and log records one step deals with.
const LINES_AT_ONCE: u32 = 20_000;
const CHILDREN_AT_ONCE: u32 = 200;
const RECORDS_AT_ONCE: u32 = 5_000;

/// A kind of record with a rule of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kept {
    /// Children without open approvals and lines, with everything that names them.
    Case,
    /// The entries of received batches.
    Entry,
    /// Files of released runs.
    File,
    /// The log of what changed books, payments, accounts and settings.
    Act,
    /// The log of look-ups, sign-ins and work on cases.
    Look,
    /// How people signed in whose account is closed.
    Account,
    /// Marks of forms that were carried out.
    Form,
}

impl Kept {
    /// All kinds in the order they are shown.
    pub const ALL: [Kept; 7] = [Self::Case, Self::Entry, Self::File, Self::Act, Self::Look, Self::Account, Self::Form];

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Case => "case",
            Self::Entry => "entry",
            Self::File => "file",
            Self::Act => "act",
            Self::Look => "look",
            Self::Account => "account",
            Self::Form => "form",
        }
    }

    /// The kind with this stable name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// What people read: the name, and what goes and what stays.
    pub const fn german(self) -> (&'static str, &'static str) {
        match self {
            Self::Case => (
                "Fälle",
                "Aktenzeichen, Bewilligungen, Karten, Sperren, eigene Zahlungen und Notizen gehen; Beträge, Tage, Anbieter und Rechtskreis bleiben ohne Bezug zum Kind.",
            ),
            Self::Entry => ("Abrechnungen im Original", "Einträge gehen bis auf ihre Hashes; die Kette bleibt beweisbar, Zeilen und Summen bleiben."),
            Self::File => ("Zahlungsdateien und Mitteilungen", "Dateien freigegebener Läufe gehen bis auf ihre Prüfsumme; die Zahlungen bleiben."),
            Self::Act => ("Protokoll: Entscheidungen und Zahlungen", "Wer was tat geht, der Hash bleibt; die Kette bleibt beweisbar."),
            Self::Look => ("Protokoll: Zugriffe", "Wer wann was ansah geht, der Hash bleibt; die Kette bleibt beweisbar."),
            Self::Account => ("Geschlossene Konten", "Passwort, Codes und Passkeys gehen; Name und Rollen bleiben."),
            Self::Form => ("Technische Merker", "Nummern abgesandter Formulare gehen."),
        }
    }

    /// The log's actions of this kind.
    fn actions(self) -> Vec<&'static str> {
        let is_look = |action: &Action| {
            matches!(
                action,
                Action::SignIn
                    | Action::SignInFailed
                    | Action::SignOut
                    | Action::Look
                    | Action::Search
                    | Action::Issue
                    | Action::Token
                    | Action::Print
                    | Action::Import
            )
        };
        let wanted = |action: &&Action| match self {
            Self::Look => is_look(action),
            Self::Act => !is_look(action),
            _ => false,
        };
        Action::ALL.iter().filter(wanted).map(|action| action.code()).collect()
    }
}

/// Records of a rule that are older than this day may go on `today`.
pub fn cutoff(months: u32, year_end: bool, today: CivilDay) -> CivilDay {
    let month = CivilMonth::from_months(u64::from(today.month().months().saturating_sub(months))).unwrap_or_else(|| today.month());
    if year_end {
        let january = month.months() - month.months() % 12;
        return CivilMonth::from_months(u64::from(january)).map_or(CivilDay::EPOCH, CivilMonth::first_day);
    }
    month.first_day()
}

/// What a dry run, or a purge, will do next.
#[derive(Debug)]
enum Stage {
    Batches { after: i64, gone: Box<Gone> },
    Lines { after: LinePlace },
    Children { of: u64 },
    Emptied { left: Vec<i64> },
    Files,
    Log(Kept),
    Forms,
    Compact,
    EmptyLog { tries: u8 },
}

/// A purge at work.
#[derive(Debug)]
pub struct Purge {
    plan: Plan,
    by: String,
    stage: Stage,
    steps: u64,
}

/// How far a purge is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PurgeStep {
    /// At this of all stages.
    More {
        /// The stage, from 0.
        stage: u64,
        /// Of how many.
        of: u64,
    },
    /// All is done: so many records went.
    Done(u64),
}

impl Office {
    /// The rules that hold today.
    pub fn retention(&self, now: UtcMs) -> Result<Vec<Rule>, OfficeError> {
        Ok(retention::rules(&self.db, CivilDay::of(now))?)
    }

    /// Sets for how many months a kind is kept, from today on.
    pub fn set_retention(&mut self, kind: Kept, months: u32, by: &str, now: UtcMs) -> Result<(), OfficeError> {
        self.in_transaction(|work| {
            let today = CivilDay::of(now);
            let rule = retention::rules(&work.db, today)?.into_iter().find(|rule| rule.kind == kind.name());
            let rule = rule.ok_or_else(|| OfficeError::NotFound("there is no such rule".into()))?;
            if !(rule.least..=1200).contains(&months) {
                return Err(OfficeError::Wrong(format!("this kind is kept for {} to 1200 months: choose a number between them", rule.least)));
            }
            retention::set_months(&work.db, &rule, months, today)?;
            work.note(by, Action::Setting, &format!("retention/{}", kind.name()), &format!("{} auf {months} Monate", rule.months), now)
        })
    }

    /// Counts what may go today, and keeps it as the plan of a purge. No record is changed.
    pub fn plan_purge(&mut self, by: &str, now: UtcMs) -> Result<Plan, OfficeError> {
        self.in_transaction(|work| {
            if retention::open_plan(&work.db)?.is_some_and(|plan| plan.state == "running") {
                return Err(OfficeError::Wrong("a purge is at work: wait until it is done, or continue it".into()));
            }
            let today = CivilDay::of(now);
            let mut found = Vec::new();
            for rule in retention::rules(&work.db, today)? {
                let Some(kind) = Kept::parse(&rule.kind) else { continue };
                found.push(count(&work.db, kind, cutoff(rule.months, rule.year_end, today))?);
            }
            retention::keep_plan(&work.db, &found, by, now)?;
            let total: u64 = found.iter().map(|found| found.records).sum();
            work.note(by, Action::Look, "retention", &format!("Probelauf: {total}"), now)?;
            retention::open_plan(&work.db)?.ok_or_else(|| OfficeError::NotFound("the dry run was not kept".into()))
        })
    }

    /// Begins to purge what the dry run `plan` has shown, or continues a purge that was interrupted. `typed` is the number of records as the
    /// clerk has typed it. Where something has changed since, nothing is purged.
    pub fn begin_purge(&mut self, plan: i64, typed: u64, by: &str, now: UtcMs) -> Result<Purge, OfficeError> {
        let open = retention::open_plan(&self.db)?.filter(|open| open.id == plan);
        let plan = open.ok_or_else(|| OfficeError::NotFound("this dry run has been replaced or carried out: look again".into()))?;
        if typed != plan.total {
            return Err(OfficeError::Wrong(format!("the number typed is not that of the dry run ({}): nothing was deleted", plan.total)));
        }
        if plan.state == "made" {
            if now.since(plan.made) > PLAN_HOURS * DAY_MS / 24 {
                return Err(OfficeError::Wrong("this dry run is older than a day: make a new one; nothing was deleted".into()));
            }
            self.in_transaction(|work| {
                for shown in &plan.found {
                    let now_found = Kept::parse(&shown.kind).map(|kind| count(&work.db, kind, shown.before)).transpose()?;
                    if now_found.is_none_or(|found| found.records != shown.records) {
                        return Err(OfficeError::Wrong("something has changed since the dry run: make a new one; nothing was deleted".into()));
                    }
                }
                purge::make_remains(&work.db)?;
                retention::set_state(&work.db, plan.id, "running", None)?;
                let shown: Vec<String> = plan.found.iter().map(|found| format!("{} {}", found.kind, found.records)).collect();
                work.note(by, Action::Purge, &format!("purge/{}", plan.id), &format!("begonnen: {}", shown.join(", ")), now)
            })?;
        }
        let gone = Box::new(Gone::of_plan(&self.db)?);
        Ok(Purge { plan, by: by.to_owned(), stage: Stage::Batches { after: 0, gone }, steps: 0 })
    }
}

/// How many records of a kind are older than `before`.
fn count(db: &sql::Connection, kind: Kept, before: CivilDay) -> Result<Found, OfficeError> {
    let time = before.midnight().ms();
    let (records, oldest) = match kind {
        Kept::Case => retention::choose_children(db, before)?,
        Kept::Entry => day(retention::count_batches(db, time)?),
        _ => day(retention::count(db, kind.name(), time, &actions(kind))?),
    };
    Ok(Found { kind: kind.name().to_owned(), before, records, oldest })
}

fn day((records, oldest): (u64, Option<UtcMs>)) -> (u64, Option<CivilDay>) {
    (records, oldest.map(CivilDay::of))
}

fn actions(kind: Kept) -> String {
    let names: Vec<String> = kind.actions().into_iter().map(|name| format!("\"{name}\"")).collect();
    format!("[{}]", names.join(","))
}

impl Purge {
    /// How many stages there are.
    const STAGES: u64 = 9;

    /// The next step, durable when this returns. Interrupted and begun again, a purge goes on.
    pub fn step(&mut self, office: &mut Office, now: UtcMs) -> Result<PurgeStep, OfficeError> {
        self.steps += 1;
        let next = match &mut self.stage {
            Stage::Compact => {
                purge::compact(&office.db)?;
                Some(Stage::EmptyLog { tries: 0 })
            }
            Stage::EmptyLog { tries } => {
                if !purge::empty_log(&office.db)? {
                    *tries += 1;
                    if *tries < LOG_TRIES {
                        return Ok(PurgeStep::More { stage: self.stage.place(), of: Self::STAGES });
                    }
                    return Err(OfficeError::Case {
                        german: "Alles Fällige ist gelöscht, doch ein Rest steht noch in einer Nebendatei der Datenbank, weil gerade jemand \
                                 daraus liest, vielleicht ein Export. Bitte danach das Löschen noch einmal anstoßen."
                            .into(),
                    });
                }
                let (plan, by, total) = (self.plan.id, self.by.clone(), self.plan.total);
                office.in_transaction(|work| {
                    retention::set_state(&work.db, plan, "done", Some(now))?;
                    work.note(&by, Action::Purge, &format!("purge/{plan}"), &format!("fertig: {total}"), now)
                })?;
                return Ok(PurgeStep::Done(total));
            }
            stage => {
                let plan = &self.plan;
                office.in_transaction(|work| step(&work.db, stage, plan, now))?
            }
        };
        if let Some(next) = next {
            self.stage = next;
        }
        Ok(PurgeStep::More { stage: self.stage.place(), of: Self::STAGES })
    }
}

impl Stage {
    const fn place(&self) -> u64 {
        match self {
            Self::Batches { .. } => 0,
            Self::Lines { .. } => 1,
            Self::Children { .. } => 2,
            Self::Emptied { .. } => 3,
            Self::Files => 4,
            Self::Log(Kept::Look) => 5,
            Self::Log(_) => 6,
            Self::Forms => 7,
            Self::Compact | Self::EmptyLog { .. } => 8,
        }
    }
}

/// One step inside a transaction; answers the next stage where this one is done.
fn step(db: &sql::Connection, stage: &mut Stage, plan: &Plan, now: UtcMs) -> Result<Option<Stage>, OfficeError> {
    let before = |kind: Kept| plan.found.iter().find(|found| found.kind == kind.name()).map_or(UtcMs(0), |found| found.before.midnight().ms());
    Ok(match stage {
        Stage::Batches { after, gone } => match purge::next_batch(db, *after)? {
            Some(batch) => {
                purge::blind_batch(db, batch, Some(gone), now)?;
                *after = batch;
                None
            }
            None => Some(Stage::Lines { after: (i64::MIN, i64::MIN) }),
        },
        Stage::Lines { after } => match purge::cut_lines(db, *after, LINES_AT_ONCE)? {
            Some(end) => {
                *after = end;
                None
            }
            None => Some(Stage::Children { of: 0 }),
        },
        Stage::Children { of } => {
            let left = purge::delete_children(db, CHILDREN_AT_ONCE)?;
            *of = left;
            if left > 0 { None } else { Some(Stage::Emptied { left: retention::old_batches(db, before(Kept::Entry))? }) }
        }
        Stage::Emptied { left } => match left.pop() {
            Some(batch) => {
                purge::blind_batch(db, batch, None, now)?;
                None
            }
            None => Some(Stage::Files),
        },
        Stage::Files => (!purge::purge_file(db, before(Kept::File))?).then_some(Stage::Log(Kept::Look)),
        Stage::Log(kind) => {
            let went = purge::purge_log(db, before(*kind), &actions(*kind), RECORDS_AT_ONCE)?;
            let next = if *kind == Kept::Look { Stage::Log(Kept::Act) } else { Stage::Forms };
            (went == 0).then_some(next)
        }
        Stage::Forms => {
            purge::purge_accounts(db, before(Kept::Account))?;
            purge::purge_forms(db, before(Kept::Form))?;
            Some(Stage::Compact)
        }
        Stage::Compact | Stage::EmptyLog { .. } => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> CivilDay {
        CivilDay::parse(text).expect("a day")
    }

    #[test]
    fn years_begin_with_the_end_of_the_calendar_year() {
        let today = day("2026-11-25");
        assert_eq!(cutoff(48, true, today), day("2022-01-01"), "2021 ended, and four years have passed; of 2022 they have not");
        assert_eq!(cutoff(96, true, day("2027-01-01")), day("2019-01-01"));
        assert_eq!(cutoff(96, true, day("2026-12-31")), day("2018-01-01"));
        assert_eq!(cutoff(24, false, today), day("2024-11-01"));
    }

    #[test]
    fn every_action_of_the_log_is_of_one_kind() {
        let (look, act) = (Kept::Look.actions(), Kept::Act.actions());
        assert_eq!(look.len() + act.len(), Action::ALL.len());
        assert!(act.contains(&"release") && act.contains(&"purge") && look.contains(&"look"));
    }
}

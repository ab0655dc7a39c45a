//! Files taken in: read, held against the register, and taken over only as a clerk has seen it.

use super::audit::Action;
use super::cases::{NewApproval, Source, plan};
use super::issue::zeros_lost;
use super::plan::Standing;
use super::print::FILE_DAYS;
use super::{Act, Office, OfficeError, Work};
use crate::reconcile::register::Debit;
use crate::shell::sheet::children::{self, ApprovalRow};
use crate::shell::sheet::entitlements::{self, Content, Delivery};
use crate::shell::sheet::self_paid::{self, DebitRow};
use crate::shell::sheet::{RowError, Table};
use crate::shell::store::office::uploads::{self, Upload};
use crate::shell::store::office::{approvals, children as register, claims, lines, prints};
use crate::shell::store::sql::Connection;
use crate::words::civil::CivilDay;
use crate::words::ids::Hash;
use crate::words::time::{DAY_MS, UtcMs};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// For how long a file waits for a clerk's word.
pub const UPLOAD_DAYS: u64 = 1;
/// How many wrong rows and how many changes a check tells of one by one.
pub const TOLD: usize = 200;
/// How many approvals are taken over in one turn at the office.
const AT_ONCE: usize = 100;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntakeKind {
    /// `children.csv`: approvals, a row a ceiling.
    Children,
    /// Entitlements handed over by another program.
    Entitlements,
    /// What the office paid to families itself.
    SelfPaid,
}

impl IntakeKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Children, Self::Entitlements, Self::SelfPaid];

    /// The stable name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Children => "children",
            Self::Entitlements => "entitlements",
            Self::SelfPaid => "self_paid",
        }
    }

    /// The name for people.
    pub const fn german(self) -> &'static str {
        match self {
            Self::Children => "Bewilligungen (Tabelle)",
            Self::Entitlements => "Lieferung eines Fachverfahrens",
            Self::SelfPaid => "Zahlungen an Familien",
        }
    }

    /// The kind with this stable name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == name)
    }
}

/// The end of a grant that a delivery tells of.
#[derive(Clone, Debug)]
struct Ended {
    line: u64,
    record: String,
    from: CivilDay,
}

/// A file as read; nothing of it is taken.
#[derive(Debug)]
pub struct Intake {
    kind: IntakeKind,
    approvals: Vec<NewApproval>,
    ended: Vec<Ended>,
    debits: Vec<DebitRow>,
    errors: Vec<RowError>,
    held_back: u64,
    ignored: Vec<String>,
    /// Source, keys of all its records and the day it was made, where it says that it is complete.
    complete: Option<(String, BTreeSet<String>, CivilDay)>,
}

/// What would become of a file: the reconciliation report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntakeReport {
    /// New approvals, those that follow an earlier one included.
    pub new: u64,
    /// Of these, those that follow an earlier one.
    pub follows: u64,
    /// Approvals that change one on record.
    pub changed: u64,
    /// What is on record exactly so.
    pub unchanged: u64,
    /// Approvals that end, because the file says so.
    pub ended: u64,
    /// Approvals that end, because a complete delivery lacks them.
    pub missing: u64,
    /// Payments to families that are new.
    pub payments: u64,
    /// Wrong rows, and approvals that cannot be taken.
    pub refused: u64,
    /// Right rows that wait with a wrong row of the same case or record.
    pub held_back: u64,
    /// The first wrong ones.
    pub errors: Vec<Told>,
    /// The first changes and ends.
    pub changes: Vec<Told>,
    /// Columns that were not read.
    pub ignored: Vec<String>,
    /// What all of this amounts to: the same as long as nothing changes.
    pub content: String,
}

/// Something told of one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The line, zero for the file as a whole.
    pub line: u64,
    /// The column.
    pub column: Option<String>,
    /// What is to be said.
    pub sentence: String,
}

impl IntakeReport {
    /// How many changes of the register follow if what is right is taken over; ends of a complete delivery count with consent alone.
    pub const fn to_take(&self) -> u64 {
        self.new + self.changed + self.ended + self.payments
    }
}

impl Told {
    fn of(error: &RowError) -> Self {
        Self { line: error.line, column: error.column.map(str::to_owned), sentence: error.message_de.clone() }
    }
}

/// One thing to be done.
#[derive(Clone, Debug)]
enum Task {
    Approve(Box<NewApproval>),
    End(i64, CivilDay),
    Pay(DebitRow),
}

/// A file held against the register.
#[derive(Debug)]
pub struct Checked {
    /// What would become of it.
    pub report: IntakeReport,
    /// Everything that is wrong, for the list that goes back.
    pub errors: Vec<RowError>,
    tasks: Vec<Task>,
    missing: Vec<Task>,
}

/// Reads a file. An error is one of the whole file.
pub fn read(kind: IntakeKind, bytes: &[u8]) -> Result<Intake, RowError> {
    let mut intake = Intake {
        kind,
        approvals: Vec::new(),
        ended: Vec::new(),
        debits: Vec::new(),
        errors: Vec::new(),
        held_back: 0,
        ignored: Vec::new(),
        complete: None,
    };
    match kind {
        IntakeKind::Children => {
            let (table, wrong) = children::read_with_wrong_cases(bytes)?;
            intake.take_rows(table, &wrong);
        }
        IntakeKind::Entitlements => intake.take_delivery(entitlements::read(bytes)?),
        IntakeKind::SelfPaid => {
            let table = self_paid::read(bytes)?;
            (intake.debits, intake.errors, intake.ignored) = (table.rows, table.errors, table.ignored);
        }
    }
    Ok(intake)
}

impl Intake {
    /// Takes the rows of cases that have no wrong one.
    fn take_rows(&mut self, table: Table<ApprovalRow>, wrong: &BTreeSet<String>) {
        (self.errors, self.ignored) = (table.errors, table.ignored);
        let mut cases: BTreeMap<String, Vec<ApprovalRow>> = BTreeMap::new();
        let mut order: Vec<String> = Vec::new();
        for row in table.rows {
            let case = row.reference.as_str().to_owned();
            if wrong.contains(&case) {
                self.held_back += 1;
                continue;
            }
            let rows = cases.entry(case.clone()).or_default();
            if rows.is_empty() {
                order.push(case);
            }
            rows.push(row);
        }
        let source = Source::named("file");
        for rows in order.iter().filter_map(|case| cases.remove(case)) {
            self.group(&rows, &source);
        }
    }

    fn group(&mut self, rows: &[ApprovalRow], source: &Source) {
        match NewApproval::group(rows, source) {
            Ok(new) => self.approvals.extend(new),
            Err(why) => self.errors.push(RowError::of_line(
                rows.first().map_or(0, |row| row.line),
                "Zwei Zeilen derselben Leistung nennen verschiedene Anbieter: bitte in beiden dieselben nennen.".into(),
                why.to_string(),
            )),
        }
    }

    fn take_delivery(&mut self, delivery: Delivery) {
        (self.errors, self.ignored) = (delivery.errors, delivery.ignored);
        let created = delivery.created.filter(|_| delivery.complete);
        let keys = delivery.records.iter().map(|record| record.id.clone()).chain(delivery.wrong).collect();
        self.complete = created.map(|created| (delivery.source.clone(), keys, created));
        for record in delivery.records {
            let source = Source { name: delivery.source.clone(), record: Some(record.id.clone()) };
            match record.content {
                Content::Granted(rows) => self.group(&rows, &source),
                // The name of the source travels with the key, so that two sources may have the same keys.
                Content::Ended(from) => self.ended.push(Ended { line: record.line, record: format!("{}\n{}", source.name, record.id), from }),
            }
        }
    }
}

/// Holds a file against the register as of `now`.
pub fn check(db: &Connection, intake: Intake, now: UtcMs) -> Result<Checked, OfficeError> {
    let report = IntakeReport { held_back: intake.held_back, ignored: intake.ignored.clone(), ..IntakeReport::default() };
    let mut checked = Checked { report, errors: intake.errors, tasks: Vec::new(), missing: Vec::new() };
    checked.approvals(db, intake.kind, intake.approvals)?;
    for ended in intake.ended {
        checked.end(db, ended)?;
    }
    checked.payments(db, intake.debits)?;
    if let Some((source, keys, created)) = intake.complete {
        checked.lacking(db, &source, &keys, created.max(CivilDay::of(now)))?;
    }
    checked.errors.sort_by_key(|error| error.line);
    checked.report.refused = checked.errors.len() as u64;
    checked.report.errors = checked.errors.iter().take(TOLD).map(Told::of).collect();
    let IntakeReport { new, follows, changed, unchanged, ended, missing, payments, refused, .. } = checked.report;
    let what = format!("{:?} {:?} {:?}", (new, follows, changed, unchanged, ended, missing, payments, refused), checked.tasks, checked.missing);
    checked.report.content = Hash::of(&[what.as_bytes()]).to_string();
    Ok(checked)
}

impl Checked {
    fn approvals(&mut self, db: &Connection, kind: IntakeKind, new: Vec<NewApproval>) -> Result<(), OfficeError> {
        let zeros = if kind == IntakeKind::Children { uploads::zero_led(db)? } else { BTreeMap::new() };
        let (lost, new): (Vec<_>, Vec<_>) = new.into_iter().partition(|new| {
            let reference = new.reference.as_str();
            zeros.get(reference).is_some_and(|with| with != reference) && matches!(register::has_reference(db, reference), Ok(false))
        });
        for new in lost {
            let with = zeros.get(new.reference.as_str()).cloned().unwrap_or_default();
            self.errors.push(zeros_lost(new.line.unwrap_or(0), new.reference.as_str(), &with));
        }
        for (new, planned) in new.iter().zip(plan(db, &new)?) {
            let line = new.line.unwrap_or(0);
            match planned.standing {
                Standing::Known { .. } => self.report.unchanged += 1,
                Standing::Overlaps { .. } | Standing::Impossible => {
                    self.errors.push(RowError::of_line(line, planned.sentence.clone(), "the register refuses this approval".into()));
                }
                Standing::New | Standing::Extends { .. } => {
                    self.report.new += 1;
                    self.report.follows += u64::from(matches!(planned.standing, Standing::Extends { .. }));
                    self.tasks.push(Task::Approve(Box::new(new.clone())));
                }
                Standing::Changed { .. } => {
                    self.report.changed += 1;
                    self.tell(line, planned.sentence.clone());
                    self.tasks.push(Task::Approve(Box::new(new.clone())));
                }
            }
        }
        Ok(())
    }

    fn tell(&mut self, line: u64, sentence: String) {
        if self.report.changes.len() < TOLD {
            self.report.changes.push(Told { line, column: None, sentence });
        }
    }

    fn end(&mut self, db: &Connection, ended: Ended) -> Result<(), OfficeError> {
        let (source, record) = ended.record.split_once('\n').unwrap_or_default();
        let held = approvals::of_record(db, source, record)?.into_iter().find(|held| held.changed_to.is_none());
        match held {
            None => self.errors.push(RowError::of_line(
                ended.line,
                format!("Zu Datensatz „{record}“ gibt es hier keine Bewilligung, die enden könnte: bitte beim Absender klären."),
                format!("there is no approval of record “{record}” that could end: settle it with its sender"),
            )),
            Some(held) if held.ended.is_some() || ended.from > held.approval.to.last_day() => self.report.unchanged += 1,
            Some(held) => {
                self.report.ended += 1;
                self.tell(ended.line, format!("Datensatz „{record}“ endet: gilt nicht mehr ab dem {}.", ended.from.german()));
                self.tasks.push(Task::End(held.id, ended.from));
            }
        }
        Ok(())
    }

    /// What a complete delivery lacks ends with the month it was made in.
    fn lacking(&mut self, db: &Connection, source: &str, keys: &BTreeSet<String>, created: CivilDay) -> Result<(), OfficeError> {
        let next = created.month().plus(1);
        for (approval, record) in uploads::running(db, source, next)? {
            if !keys.contains(&record) {
                self.report.missing += 1;
                self.tell(
                    0,
                    format!(
                        "Datensatz „{record}“ fehlt in der vollständigen Lieferung: endet, gilt nicht mehr ab dem {}.",
                        next.first_day().german()
                    ),
                );
                self.missing.push(Task::End(approval, next.first_day()));
            }
        }
        Ok(())
    }

    fn payments(&mut self, db: &Connection, rows: Vec<DebitRow>) -> Result<(), OfficeError> {
        for row in rows {
            let Some(child) = register::by_reference(db, row.reference.as_str())? else {
                self.errors.push(RowError {
                    line: row.line,
                    column: Some("reference"),
                    message_de: "Zu diesem Aktenzeichen wurde hier nie eine Karte ausgestellt: bitte das Aktenzeichen prüfen.".into(),
                    message_en: "no token was ever issued for this reference: check it".into(),
                });
                continue;
            };
            if uploads::has_debit(db, child.id, row.benefit.code(), (row.from.days(), row.to.days()), row.cents)? {
                self.report.unchanged += 1;
            } else {
                self.report.payments += 1;
                self.tasks.push(Task::Pay(row));
            }
        }
        Ok(())
    }
}

impl Office {
    /// Keeps a file that was checked until a clerk decides; answers its unguessable id.
    pub fn keep_upload(&mut self, kind: IntakeKind, bytes: &[u8], report: &IntakeReport, by: &str, now: UtcMs) -> Result<String, OfficeError> {
        let report = serde_json::to_string(report).map_err(|why| OfficeError::Wrong(format!("the report cannot be kept: {why}")))?;
        self.in_transaction(|work| {
            let secret: [u8; 16] = work.chance.bytes();
            let id = data_encoding::HEXLOWER.encode(&secret);
            uploads::delete_old(&work.db, UtcMs(now.0.saturating_sub(UPLOAD_DAYS * DAY_MS)))?;
            let upload = Upload { id: id.clone(), kind: kind.code().into(), clerk: by.to_owned(), at: now, report };
            uploads::insert(&work.db, &upload, bytes)?;
            work.note(by, Action::Import, &format!("file/{}", kind.code()), "geprüft", now)?;
            Ok(id)
        })
    }

    /// Forgets what is kept for some days only: files that were brought, class lists looked at, files to print.
    pub fn tidy_up(&mut self, now: UtcMs) -> Result<(), OfficeError> {
        self.in_transaction(|work| {
            uploads::delete_old(&work.db, UtcMs(now.0.saturating_sub(UPLOAD_DAYS * DAY_MS)))?;
            claims::delete_old(&work.db, now)?;
            Ok(prints::drop_files(&work.db, UtcMs(now.0.saturating_sub(FILE_DAYS * DAY_MS)))?)
        })
    }

    /// Says anew what would become of a file.
    pub fn set_report(&mut self, id: &str, report: &IntakeReport) -> Result<(), OfficeError> {
        let report = serde_json::to_string(report).map_err(|why| OfficeError::Wrong(format!("the report cannot be kept: {why}")))?;
        Ok(uploads::set_report(&self.db, id, &report)?)
    }

    /// Forgets a file; nothing of it was taken.
    pub fn discard_upload(&mut self, id: &str, by: &str, now: UtcMs) -> Result<(), OfficeError> {
        self.in_transaction(|work| {
            if uploads::delete(&work.db, id)? {
                work.note(by, Action::Import, "file", "verworfen", now)?;
            }
            Ok(())
        })
    }
}

/// A checked file being taken over, some approvals at a time. Broken off, the same file again takes only what is left.
#[derive(Debug)]
pub struct IntakeJob {
    kind: IntakeKind,
    upload: Option<String>,
    tasks: std::vec::IntoIter<Task>,
    of: u64,
    done: u64,
    cards: u64,
    by: String,
}

/// How far a file is taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntakeStep {
    /// So much is done, of so much.
    More(u64, u64),
    /// All is done: so many changes, and so many cards were issued.
    Done(u64, u64),
}

impl IntakeJob {
    /// Takes over what is right of a checked file; `missing` too what a complete delivery lacks. `upload` is forgotten at the end.
    pub fn of(kind: IntakeKind, checked: Checked, missing: bool, upload: Option<String>, by: &str) -> Self {
        let mut tasks = checked.tasks;
        if missing {
            tasks.extend(checked.missing);
        }
        Self { kind, upload, of: tasks.len() as u64, tasks: tasks.into_iter(), done: 0, cards: 0, by: by.to_owned() }
    }

    /// Takes over some more.
    pub fn step(&mut self, office: &mut Office, now: UtcMs) -> Result<IntakeStep, OfficeError> {
        let (mut new, mut ends, mut debits) = (Vec::new(), Vec::new(), Vec::new());
        for task in self.tasks.by_ref().take(AT_ONCE) {
            match task {
                Task::Approve(approval) => new.push(*approval),
                Task::End(approval, from) => ends.push((approval, from)),
                Task::Pay(row) => debits.push(row),
            }
        }
        self.done += (new.len() + ends.len() + debits.len()) as u64;
        let (by, kind, upload) = (self.by.clone(), self.kind, self.upload.clone());
        let (done, ended) = (self.done, self.tasks.len() == 0);
        let cards = office.in_transaction(|work| {
            let issued = work.approve_all(&new, &by, now)?.len() as u64;
            for (approval, from) in ends {
                work.end_once(approval, from, &by, now)?;
            }
            work.pay_all(&debits, &by, now)?;
            if ended {
                if let Some(upload) = upload {
                    uploads::delete(&work.db, &upload)?;
                }
                work.note(&by, Action::Import, &format!("file/{}", kind.code()), &format!("übernommen: {done}"), now)?;
            }
            Ok(issued)
        })?;
        self.cards += cards;
        if ended {
            office.status = None;
            return Ok(IntakeStep::Done(self.done, self.cards));
        }
        Ok(IntakeStep::More(self.done, self.of))
    }
}

impl Work<'_> {
    /// Notes payments of the office's own; one that is on record already changes nothing.
    fn pay_all(&mut self, rows: &[DebitRow], by: &str, now: UtcMs) -> Result<(), OfficeError> {
        for row in rows {
            let Some(child) = register::by_reference(&self.db, row.reference.as_str())? else { continue };
            let debit = Debit { benefit: row.benefit, from: row.from, to: row.to, cents: row.cents };
            if register::insert_debit(&self.db, child.id, &debit)? {
                lines::mark_dirty(&self.db, child.id)?;
                self.note(by, Action::Import, &format!("child/{}", child.id), "Zahlung an die Familie", now)?;
            }
        }
        Ok(())
    }

    /// Ends an approval; one that has ended or was changed since the file was checked stays as it is, and the others go on.
    fn end_once(&mut self, approval: i64, from: CivilDay, by: &str, now: UtcMs) -> Result<(), OfficeError> {
        let open = approvals::by_id(&self.db, approval)?.is_some_and(|held| held.ended.is_none() && held.changed_to.is_none());
        if open {
            self.act(approval, Act::End { from }, by, now)?;
        }
        Ok(())
    }
}

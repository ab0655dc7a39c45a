//! Approvals: recorded once whatever is sent twice, and a token made from each.

use super::audit::Action;
use super::grant::Known;
use super::issue::IssuedToken;
use super::plan::{Planned, Standing, judge};
use super::{Office, OfficeError, Work};
use crate::admit::issue::Approval;
use crate::admit::token::{Allowance, Ceiling};
use crate::shell::sheet::children::ApprovalRow;
use crate::shell::sheet::reference::CaseReference;
use crate::shell::store::office::approvals::{self, Held, NewRow};
use crate::shell::store::office::children as db;
use crate::shell::store::sql::Connection;
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::legal_basis::LegalBasis;
use crate::words::time::UtcMs;
use std::collections::BTreeMap;

/// Where an approval comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// A form, a file, a command, or the name of the program that handed it over.
    pub name: String,
    /// The key of the record there: the same record again is the same approval, even for other months.
    pub record: Option<String>,
}

impl Source {
    /// A source without keys of its own.
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), record: None }
    }
}

/// An approval to be recorded.
#[derive(Clone, Debug)]
pub struct NewApproval {
    /// The line of the file it begins in.
    pub line: Option<u64>,
    /// The case.
    pub reference: CaseReference,
    /// The law it rests on; where it is left out, what is on record stays.
    pub basis: Option<LegalBasis>,
    /// Months and benefits. A hint or home providers that are left out stay what they are on record.
    pub approval: Approval,
    /// Where it comes from.
    pub source: Source,
}

impl NewApproval {
    /// The approvals that rows make: one a reference and period; rows of one benefit and detail are ceilings of one allowance.
    pub fn group(rows: &[ApprovalRow], source: &Source) -> Result<Vec<NewApproval>, OfficeError> {
        let mut places: BTreeMap<(CaseReference, CivilMonth, CivilMonth), usize> = BTreeMap::new();
        let mut grouped: Vec<NewApproval> = Vec::new();
        for row in rows {
            let place = *places.entry((row.reference.clone(), row.from, row.to)).or_insert_with(|| {
                grouped.push(NewApproval::begun_by(row, source));
                grouped.len() - 1
            });
            if let Some(new) = grouped.get_mut(place) {
                new.add(row)?;
            }
        }
        Ok(grouped)
    }

    fn begun_by(row: &ApprovalRow, source: &Source) -> Self {
        let approval = Approval { from: row.from, to: row.to, allowances: Vec::new(), hint: None, home_providers: Vec::new() };
        Self { line: Some(row.line), reference: row.reference.clone(), basis: None, approval, source: source.clone() }
    }

    fn add(&mut self, row: &ApprovalRow) -> Result<(), OfficeError> {
        self.basis = self.basis.or(row.legal_basis);
        let approval = &mut self.approval;
        approval.hint = approval.hint.take().or_else(|| row.hint.clone());
        for provider in &row.home_providers {
            if !approval.home_providers.contains(provider) {
                approval.home_providers.push(*provider);
            }
        }
        let ceiling = Ceiling { period: row.period, measure: row.measure, amount: row.amount };
        match approval.allowances.iter_mut().find(|a| a.benefit == row.benefit && a.detail == row.detail) {
            Some(allowance) if allowance.providers != row.providers => {
                let benefit = row.benefit.name();
                Err(OfficeError::Wrong(format!("line {}: two rows of {benefit} name different providers: name the same ones in both", row.line)))
            }
            Some(allowance) => {
                allowance.ceilings.push(ceiling);
                Ok(())
            }
            None => {
                let allowance =
                    Allowance { benefit: row.benefit, ceilings: vec![ceiling], detail: row.detail.clone(), providers: row.providers.clone() };
                approval.allowances.push(allowance);
                Ok(())
            }
        }
    }
}

/// What would become of each approval, in their order, were they recorded now. Nothing is changed.
pub fn plan(db: &Connection, new: &[NewApproval]) -> Result<Vec<Planned>, OfficeError> {
    let known = Known::of(db, new)?;
    let mut cases: BTreeMap<&CaseReference, Vec<Held>> = BTreeMap::new();
    let mut planned = Vec::with_capacity(new.len());
    for new in new {
        let held = cases.entry(&new.reference).or_insert_with(|| known.held(new.reference.as_str()));
        let plan = plan_one(new, held, &known);
        match plan.standing {
            Standing::Changed { approval, .. } => {
                held.retain(|h| h.id != approval);
                held.push(as_held(new));
            }
            Standing::New | Standing::Extends { .. } => held.push(as_held(new)),
            _ => {}
        }
        planned.push(plan);
    }
    Ok(planned)
}

/// What would become of one, its child holding these.
pub(super) fn plan_one(new: &NewApproval, held: &[Held], known: &Known) -> Planned {
    let mut same_record = None;
    if let Some(record) = &new.source.record {
        if known.is_of_another(&new.source.name, record, new.reference.as_str()) {
            let sentence = "Dieser Datensatz gehörte bisher zu einem anderen Aktenzeichen. Bitte im Fachverfahren klären.".to_owned();
            return Planned { standing: Standing::Impossible, sentence };
        }
        let this = |h: &&Held| h.source == new.source.name && h.record.as_ref() == Some(record) && h.changed_to.is_none();
        same_record = held.iter().find(this);
    }
    judge(&new.approval, new.basis, held, same_record)
}

/// An approval of the list as if it were on record.
fn as_held(new: &NewApproval) -> Held {
    Held {
        id: 0,
        child: 0,
        approval: new.approval.clone(),
        basis: new.basis,
        source: new.source.name.clone(),
        record: new.source.record.clone(),
        recorded: UtcMs(0),
        recorded_by: String::new(),
        ended: None,
        changed_to: None,
    }
}

impl Office {
    /// See [`plan`].
    pub fn plan(&self, new: &[NewApproval]) -> Result<Vec<Planned>, OfficeError> {
        plan(&self.db, new)
    }

    /// Records approvals and issues a token for each that is new, follows another, or changes a card. All or none; what is on record
    /// already makes nothing, so the same list twice issues nothing twice.
    pub fn approve(&mut self, new: &[NewApproval], by: &str, now: UtcMs) -> Result<Vec<IssuedToken>, OfficeError> {
        self.in_transaction(|work| work.approve_all(new, by, now))
    }

    /// [`Office::approve`], once a form: the address where its answer stands.
    pub fn approve_once(&mut self, form: &str, new: &[NewApproval], by: &str, now: UtcMs) -> Result<String, OfficeError> {
        let reference = new.first().map(|new| new.reference.clone());
        let work = |work: &mut Work<'_>| {
            let issued = work.approve_all(new, by, now)?;
            let child = reference.map(|reference| db::by_reference(&work.db, reference.as_str())).transpose()?.flatten();
            Ok((issued, child.map(|child| child.id)))
        };
        let place = |(issued, child): &(Vec<IssuedToken>, Option<i64>)| {
            let cards: Vec<String> = issued.iter().map(|issued| issued.token.id.to_string()).collect();
            let done = if cards.is_empty() { "known".to_owned() } else { format!("issued&card={}", cards.join(".")) };
            child.map_or_else(|| "/cases".to_owned(), |child| format!("/cases/{child}?done={done}"))
        };
        Ok(self.once(form, now, work, place)?.0)
    }

    /// Records the approvals of a table and issues their tokens; see [`Office::approve`].
    pub fn issue(&mut self, rows: &[ApprovalRow], now: UtcMs) -> Result<Vec<IssuedToken>, OfficeError> {
        let new = NewApproval::group(rows, &Source::named("cli"))?;
        self.approve(&new, "cli", now)
    }
}

impl Work<'_> {
    /// Puts a changed approval in an old one's place; its tokens are replaced, and what was redeemed on them counts.
    pub(super) fn change(&mut self, new: &NewApproval, old: &Held, by: &str, now: UtcMs) -> Result<IssuedToken, OfficeError> {
        let missing = || OfficeError::NotFound("the child of this approval is gone: look at the case again".into());
        let child = db::by_id(&self.db, old.child)?.ok_or_else(missing)?;
        let mut approval = new.approval.clone();
        approval.hint = approval.hint.or_else(|| old.approval.hint.clone());
        if approval.home_providers.is_empty() {
            approval.home_providers.clone_from(&old.approval.home_providers);
        }
        let basis = new.basis.or(old.basis);
        let id = approvals::highest(&self.db)? + 1;
        approvals::insert_all(&self.db, &[NewRow { id, basis, ..row(child.id, new, &approval, by) }], now)?;
        approvals::set_changed_to(&self.db, old.id, id)?;
        if let Some(basis) = new.basis {
            self.set_basis(id, &child, new.approval.from, basis, now)?;
        }
        let replaced = self.replace_tokens(old.id, CivilDay::of(now), now)?;
        let token = self.remainder(&child, approval, now)?;
        let issued = self.keep(child.id, id, new.reference.as_str().to_owned(), token, replaced)?;
        self.keep_suspended(replaced, &issued, now)?;
        self.note(by, Action::Token, &format!("token/{}", issued.token.id), &format!("geändert: aus approval/{} wird approval/{id}", old.id), now)?;
        Ok(issued)
    }

    /// Notes another legal basis: it concerns the office's books alone.
    pub(super) fn change_basis(&mut self, new: &NewApproval, old: &Held, by: &str, now: UtcMs) -> Result<(), OfficeError> {
        let missing = || OfficeError::NotFound("the child of this approval is gone: look at the case again".into());
        if let Some(basis) = new.basis {
            let child = db::by_id(&self.db, old.child)?.ok_or_else(missing)?;
            self.set_basis(old.id, &child, old.approval.from, basis, now)?;
        }
        self.note(by, Action::Token, &format!("approval/{}", old.id), "Rechtskreis geändert", now)
    }

    /// What an approval rests on holds for its own months: earlier ones keep what they were booked under.
    fn set_basis(&mut self, approval: i64, child: &db::Child, from: CivilMonth, basis: LegalBasis, now: UtcMs) -> Result<(), OfficeError> {
        approvals::set_basis(&self.db, approval, basis)?;
        if from <= CivilDay::of(now).month() {
            db::set_legal_basis(&self.db, child.id, basis)?;
        }
        Ok(())
    }
}

/// The row of an approval; its number is for the store to give.
pub(super) fn row<'a>(child: i64, new: &'a NewApproval, approval: &'a Approval, by: &'a str) -> NewRow<'a> {
    NewRow { id: 0, child, approval, basis: new.basis, source: &new.source.name, record: new.source.record.as_deref(), by }
}

//! Approvals recorded and their cards issued, many at a time: what they are held against is read once for all, and they are written together.

use super::audit::Action;
use super::cases::{NewApproval, plan_one, row};
use super::issue::{IssuedToken, sealed};
use super::plan::{Planned, Standing};
use super::{OfficeError, Work};
use crate::admit::number::CardNumber;
use crate::admit::scan::code_text;
use crate::shell::store::office::approvals::{self, Held, NewRow};
use crate::shell::store::office::children::{self, Child, NewToken};
use crate::shell::store::office::lines;
use crate::shell::store::sql::Connection;
use crate::words::civil::CivilDay;
use crate::words::ids::{Handle, TokenId};
use crate::words::time::UtcMs;
use std::collections::{HashMap, HashSet};

/// What the register holds of those whom a list of approvals is about.
#[derive(Debug, Default)]
pub(super) struct Known {
    children: HashMap<String, Child>,
    held: HashMap<String, Vec<Held>>,
    /// By source and record: the children whose approvals came from it.
    records: HashMap<(String, String), Vec<i64>>,
}

impl Known {
    /// Reads it.
    pub(super) fn of(db: &Connection, new: &[NewApproval]) -> Result<Self, OfficeError> {
        let references: Vec<&str> = new.iter().map(|new| new.reference.as_str()).collect::<HashSet<_>>().into_iter().collect();
        let children: HashMap<String, Child> = children::by_references(db, &references)?;
        let ids: HashMap<i64, &str> = children.iter().map(|(reference, child)| (child.id, reference.as_str())).collect();
        let mut held: HashMap<String, Vec<Held>> = HashMap::new();
        for one in approvals::of_children(db, &ids.keys().copied().collect::<Vec<_>>())? {
            held.entry(ids.get(&one.child).copied().unwrap_or_default().to_owned()).or_default().push(one);
        }
        let named: HashSet<(&str, &str)> = new.iter().filter_map(|new| Some((new.source.name.as_str(), new.source.record.as_deref()?))).collect();
        let records = approvals::children_of_records(db, &named.into_iter().collect::<Vec<_>>())?;
        Ok(Self { children, held, records })
    }

    /// The child with this reference.
    pub(super) fn child(&self, reference: &str) -> Option<&Child> {
        self.children.get(reference)
    }

    /// The approvals of the child with this reference.
    pub(super) fn held(&self, reference: &str) -> Vec<Held> {
        self.held.get(reference).cloned().unwrap_or_default()
    }

    /// Whether a record has approvals of another child than that with this reference.
    pub(super) fn is_of_another(&self, source: &str, record: &str, reference: &str) -> bool {
        let child = self.child(reference).map(|child| child.id);
        self.records.get(&(source.to_owned(), record.to_owned())).is_some_and(|children| children.iter().any(|held| Some(*held) != child))
    }
}

/// How many of a list's first approvals do not bear on each other: each is another case's, and of another record.
fn apart(new: &[NewApproval]) -> usize {
    let (mut references, mut records) = (HashSet::new(), HashSet::new());
    for (place, new) in new.iter().enumerate() {
        let record = new.source.record.as_ref();
        let is_apart =
            references.insert(new.reference.as_str()) && record.is_none_or(|record| records.insert((new.source.name.as_str(), record.as_str())));
        if !is_apart {
            return place;
        }
    }
    new.len()
}

impl Work<'_> {
    /// See [`super::Office::approve`].
    pub(super) fn approve_all(&mut self, new: &[NewApproval], by: &str, now: UtcMs) -> Result<Vec<IssuedToken>, OfficeError> {
        let mut issued = Vec::new();
        let mut rest = new;
        while !rest.is_empty() {
            let (some, after) = rest.split_at(apart(rest));
            self.approve_some(some, by, now, &mut issued)?;
            rest = after;
        }
        Ok(issued)
    }

    /// Approvals that do not bear on each other.
    fn approve_some(&mut self, new: &[NewApproval], by: &str, now: UtcMs, issued: &mut Vec<IssuedToken>) -> Result<(), OfficeError> {
        let known = Known::of(&self.db, new)?;
        let mut granted = Vec::new();
        for new in new {
            let held = known.held(new.reference.as_str());
            let planned = plan_one(new, &held, &known);
            match planned.standing {
                Standing::Known { .. } => {}
                Standing::Overlaps { .. } | Standing::Impossible => return Err(refused(new, &planned)),
                Standing::New | Standing::Extends { .. } => granted.push(new),
                Standing::Changed { approval, card } => {
                    // The log tells it in the order of the list.
                    issued.extend(self.grant_all(&std::mem::take(&mut granted), &known, by, now)?);
                    let missing = || OfficeError::NotFound("the approval to be changed is gone: look at the case again".into());
                    let old = held.into_iter().find(|h| h.id == approval).ok_or_else(missing)?;
                    if card {
                        issued.push(self.change(new, &old, by, now)?);
                    } else {
                        self.change_basis(new, &old, by, now)?;
                    }
                }
            }
        }
        issued.extend(self.grant_all(&granted, &known, by, now)?);
        Ok(())
    }

    /// Records new approvals and issues their tokens.
    fn grant_all(&mut self, granted: &[&NewApproval], known: &Known, by: &str, now: UtcMs) -> Result<Vec<IssuedToken>, OfficeError> {
        if granted.is_empty() {
            return Ok(Vec::new());
        }
        let (mut child_id, mut approval_id) = (children::highest(&self.db)?, approvals::highest(&self.db)?);
        let (mut rows, mut new_children, mut bases, mut tokens) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut issued = Vec::with_capacity(granted.len());
        for (new, index) in granted.iter().zip(children::status_places(&self.db)?..) {
            approval_id += 1;
            // A follow-up on another law must not move what was used before it.
            let basis = new.basis.filter(|_| new.approval.from <= CivilDay::of(now).month());
            let (child, handle) = match known.child(new.reference.as_str()) {
                Some(child) => {
                    bases.extend(basis.map(|basis| (child.id, basis)));
                    (child.id, child.handle)
                }
                None => {
                    child_id += 1;
                    let handle = Handle(self.chance.bytes());
                    new_children.push((child_id, handle, new.reference.as_str(), new.basis));
                    (child_id, handle)
                }
            };
            rows.push(NewRow { id: approval_id, ..row(child, new, &new.approval, by) });
            let id = TokenId(self.chance.bytes());
            let token = new.approval.clone().token(handle, id, index, now.seconds()).map_err(|why| OfficeError::Case { german: why.german() })?;
            let bytes = sealed(&token, self.keys)?;
            let number = CardNumber::of(token.id);
            let code = code_text(&bytes);
            tokens.push(NewToken {
                id,
                child,
                status_index: token.status_index,
                number: number.get(),
                issued: token.issued,
                approval: approval_id,
                bytes,
            });
            issued.push(IssuedToken { reference: new.reference.as_str().to_owned(), child, approval: approval_id, code, number, token });
        }
        children::insert_all(&self.db, &new_children)?;
        children::set_legal_bases(&self.db, &bases)?;
        approvals::insert_all(&self.db, &rows, now)?;
        children::insert_tokens(&self.db, &tokens)?;
        lines::mark_all_dirty(&self.db, tokens.iter().map(|token| token.child))?;
        let notes = issued.iter().map(|issued| (format!("token/{}", issued.token.id), format!("approval/{}", issued.approval)));
        self.note_each(by, Action::Issue, notes, now)?;
        Ok(issued)
    }
}

fn refused(new: &NewApproval, planned: &Planned) -> OfficeError {
    let place = new.line.map(|line| format!("Zeile {line}: ")).unwrap_or_default();
    OfficeError::Case { german: format!("{place}{}", planned.sentence) }
}

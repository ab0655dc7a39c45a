//! What is read and written where lines are decided: of many children at once.

use super::super::{StoreError, from_db, to_db};
use super::children::{content, day};
use super::counted::{self, Counted};
use super::lines::{LedgerLine, claim_row, claims, ruling_row};
use super::{array, sound};
use crate::admit::status::Status;
use crate::reconcile::finding::Decision;
use crate::reconcile::register::{ChildFile, Debit, RegisteredToken, Stop};
use crate::reconcile::ruling::Ruling;
use crate::shell::store::sql::{Connection, Kind, Params, Places, ValueRef};
use crate::words::benefit::Benefit;
use crate::words::cents::Cents;
use crate::words::civil::CivilMonth;
use crate::words::ids::{OfficeId, TokenId};
use crate::words::reason::Reason;
use crate::words::time::UtcMs;
use std::collections::{HashMap, HashSet};

/// Everything the register holds of these children, in their order.
pub fn files(db: &Connection, children: &[i64]) -> Result<Vec<ChildFile>, StoreError> {
    let keys: Vec<[i64; 1]> = children.iter().map(|child| [*child]).collect();
    let mut tokens: Vec<(usize, [i64; 1], TokenId, Vec<u8>)> = Vec::new();
    db.query_each("SELECT id, token, bytes FROM token WHERE child = ?1 AND bytes IS NOT NULL", &keys, |place, row| {
        tokens.push((place, [row.get(0)?], TokenId(array(row.get(1)?, "token id")?), row.get(2)?));
        Ok::<_, StoreError>(())
    })?;
    let rows: Vec<[i64; 1]> = tokens.iter().map(|(_, id, ..)| *id).collect();
    let mut stops: HashMap<usize, Vec<Stop>> = HashMap::new();
    db.query_each("SELECT status, from_day, until_day, recorded FROM stop WHERE token = ?1", &rows, |place, row| {
        let until: Option<u32> = row.get(2)?;
        let (status, from) = (Status::from_code(row.get(0)?), day(row.get(1)?)?);
        let stop = Stop { status, from, until: until.map(day).transpose()?, recorded: UtcMs(from_db(row.get(3)?)?) };
        stops.entry(place).or_default().push(stop);
        Ok::<_, StoreError>(())
    })?;
    let mut files = vec![ChildFile::default(); children.len()];
    for (place, (child, _, id, bytes)) in tokens.into_iter().enumerate() {
        let mut stops = stops.remove(&place).unwrap_or_default();
        stops.sort_by_key(|stop| stop.recorded);
        if let Some(file) = files.get_mut(child) {
            file.tokens.insert(id, RegisteredToken { token: content(&bytes)?, stops });
        }
    }
    db.query_each("SELECT benefit, from_day, to_day, cents FROM debit WHERE child = ?1", &keys, |place, row| {
        let benefit = sound(Benefit::from_code(from_db(row.get(0)?)?), "benefit")?;
        let debit = Debit { benefit, from: day(row.get(1)?)?, to: day(row.get(2)?)?, cents: Cents::new(row.get(3)?) };
        files.get_mut(place).into_iter().for_each(|file| file.debits.push(debit));
        Ok::<_, StoreError>(())
    })?;
    files.iter_mut().for_each(|file| file.debits.sort_by_key(|debit| (debit.from, debit.to, debit.cents)));
    Ok(files)
}

/// Those of the children whose months can never be decided apart from each other.
pub fn decided_whole(db: &Connection, children: &[i64]) -> Result<HashSet<i64>, StoreError> {
    let keys: Vec<[i64; 1]> = children.iter().map(|child| [*child]).collect();
    let mut whole = HashSet::new();
    db.query_each("SELECT child FROM decided_whole WHERE child = ?1", &keys, |_, row| {
        whole.insert(row.get(0)?);
        Ok::<_, StoreError>(())
    })?;
    Ok(whole)
}

/// The months from `earliest` on in which these children have lines.
pub fn months(db: &Connection, children: &[i64], earliest: CivilMonth) -> Result<Vec<(CivilMonth, i64)>, StoreError> {
    let keys: Vec<_> = children.iter().map(|child| (*child, earliest.months())).collect();
    let mut months = Vec::new();
    db.query_each("SELECT DISTINCT month, child FROM child_sum WHERE child = ?1 AND month >= ?2", &keys, |_, row| {
        months.push((sound(CivilMonth::from_months(from_db(row.get(0)?)?), "month")?, row.get(1)?));
        Ok::<_, StoreError>(())
    })?;
    Ok(months)
}

/// Which lines of a child and a month are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All of the month.
    All,
    /// The month's meals.
    Meals,
    /// What is no meal, of this month and all later ones.
    OthersSince,
}

/// Lines of these months and children, each with its child.
pub fn lines(db: &Connection, office: &OfficeId, of: &[(CivilMonth, i64)], wanted: Wanted) -> Result<Vec<(i64, LedgerLine)>, StoreError> {
    let condition = match wanted {
        Wanted::All => "l.month = ?1 AND l.child = ?2",
        Wanted::Meals => "l.month = ?1 AND l.child = ?2 AND l.benefit = 1",
        Wanted::OthersSince => "l.child = ?2 AND l.month >= ?1 AND l.benefit <> 1",
    };
    let keys: Vec<_> = of.iter().map(|(month, child)| (month.months(), *child)).collect();
    let mut lines = Vec::new();
    db.query_each(&format!("{} WHERE {condition}", claims()), &keys, |place, row| {
        let child = of.get(place).map_or(0, |(_, child)| *child);
        lines.push((child, claim_row(row, office)?));
        Ok::<_, StoreError>(())
    })?;
    Ok(lines)
}

/// All lines of a child from the month `earliest` on.
pub fn of_child(db: &Connection, office: &OfficeId, child: i64, earliest: CivilMonth) -> Result<Vec<LedgerLine>, StoreError> {
    let of = months(db, &[child], earliest)?;
    Ok(lines(db, office, &of, Wanted::All)?.into_iter().map(|(_, line)| line).collect())
}

/// The last rulings on lines, by the place of each that has one.
pub fn rulings(db: &Connection, lines: &[(i64, u64)]) -> Result<HashMap<usize, Ruling>, StoreError> {
    let keys: Vec<_> = lines.iter().map(|(terminal, seq)| [*terminal, to_db(*seq)]).collect();
    let sql = "SELECT choice, cents, reason, at FROM ruling WHERE terminal = ?1 AND seq = ?2 ORDER BY id DESC LIMIT 1";
    let mut rulings = HashMap::new();
    db.query_each(sql, &keys, |place, row| {
        rulings.insert(place, ruling_row(row)?);
        Ok::<_, StoreError>(())
    })?;
    Ok(rulings)
}

/// A decision on its way to the line of a terminal.
#[derive(Clone, Debug)]
pub struct Decided {
    /// Row id of the terminal.
    pub terminal: i64,
    /// What was decided.
    pub decision: Decision,
    /// Row id of the terminal of the line it is decided against.
    pub against: Option<i64>,
    /// How the line stands in the sums.
    pub counted: Counted,
}

impl Params for Decided {
    fn each<'p>(&'p self, take: &mut dyn FnMut(Kind, ValueRef<'p>)) {
        let (mut places, decision) = (Places(take), &self.decision);
        places.numbers([self.terminal, to_db(decision.id.seq), to_db(decision.verdict.code()), decision.cents.get()]);
        places.text(decision.reason.map(Reason::code));
        places.number_or_none(self.against);
        places.number_or_none(decision.against.map(|id| to_db(id.seq)));
        places.number(decision.holds.is_some().into());
        places.number_or_none(decision.holds.as_ref().map(|slot| slot.day.days().into()));
        places.bytes_or_none(decision.holds.as_ref().map(|slot| slot.id.0.as_slice()));
    }
}

/// Frees the slots that these lines hold, by terminal and number, before their children's lines are decided anew.
pub fn release_slots(db: &Connection, lines: &[(i64, u64)]) -> Result<(), StoreError> {
    let keys: Vec<_> = lines.iter().map(|(terminal, seq)| [*terminal, to_db(*seq)]).collect();
    db.execute_each("UPDATE line SET holds = 0 WHERE terminal = ?1 AND seq = ?2 AND holds = 1", &keys)?;
    Ok(())
}

/// Writes decisions on redemptions; each will be advised where it differs from what was decided before.
pub fn decide(db: &Connection, decided: &[Decided]) -> Result<(), StoreError> {
    let sql = "UPDATE line SET advise = CASE WHEN advise = 1 OR verdict <> ?3 OR decided <> ?4 OR reason IS DISTINCT FROM ?5 THEN 1 ELSE 0 END, verdict = ?3, decided = ?4, reason = ?5,
                   against_terminal = ?6, against_seq = ?7, holds = ?8, slot_day = coalesce(?9, slot_day), slot = coalesce(?10, slot)
               WHERE terminal = ?1 AND seq = ?2";
    counted::deciding(db, decided.iter().map(|decided| (decided.counted, &decided.decision)), || {
        db.execute_each(sql, decided)?;
        Ok(())
    })
}

/// Writes decisions on counter-records: terminal, number, verdict and total.
pub fn decide_cancellations(db: &Connection, decided: &[(i64, &Decision)]) -> Result<(), StoreError> {
    let sql = "UPDATE cancellation SET advise = CASE WHEN advise = 1 OR verdict <> ?3 OR decided <> ?4 THEN 1 ELSE 0 END, verdict = ?3, decided = ?4 WHERE terminal = ?1 AND seq = ?2";
    let rows: Vec<_> = decided.iter().map(|(terminal, d)| (*terminal, to_db(d.id.seq), to_db(d.verdict.code()), d.cents.get())).collect();
    db.execute_each(sql, &rows)?;
    Ok(())
}

/// Notes that all lines of these children are decided.
pub fn mark_clean(db: &Connection, children: &[i64]) -> Result<(), StoreError> {
    let keys: Vec<[i64; 1]> = children.iter().map(|child| [*child]).collect();
    db.execute_each("DELETE FROM to_decide WHERE child = ?1", &keys)?;
    Ok(())
}

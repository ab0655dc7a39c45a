//! The ledger's lines: taken in, decided, advised.

use super::super::{StoreError, from_db, to_db};
use super::counted::{self, Counted};
use super::waiting::own_seq;
use super::{array, sound};
use crate::admit::status::DataAge;
use crate::book::redemption::{Redemption, SeenAs};
use crate::book::slot::{Lesson, Slot};
use crate::deliver::advice::{AdvisedLine, Verdict};
use crate::reconcile::finding::Decision;
use crate::reconcile::register::ClaimLine;
use crate::reconcile::ruling::{Choice, Ruling};
use crate::shell::store::sql::{Connection, Kind, OptionalExtension, Params, Places, Row, ValueRef, params};
use crate::words::benefit::Benefit;
use crate::words::cents::Cents;
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::code::Code;
use crate::words::ids::{BatchId, EntryId, Handle, Hash, OfficeId, ProviderNumber, SlotId, TerminalId, TokenId};
use crate::words::legal_basis::LegalBasis;
use crate::words::reason::Reason;
use crate::words::time::{UtcMs, UtcSeconds};
use std::collections::BTreeSet;

/// A redemption on its way into the ledger.
#[derive(Clone, Copy, Debug)]
pub struct NewLine<'a> {
    /// Row id of the terminal.
    pub terminal: i64,
    /// The entry's number.
    pub seq: u64,
    /// Row id of the batch.
    pub batch: i64,
    /// Row id of the child.
    pub child: i64,
    /// Row id of the token.
    pub token: i64,
    /// Whether the token is another child's.
    pub borrowed: bool,
    /// The law it rests on: of the approval behind the token, else of the child.
    pub basis: Option<LegalBasis>,
    /// Whose claim it is.
    pub provider: ProviderNumber,
    /// The entry's time.
    pub at: UtcMs,
    /// Its terminal's last checkpoint.
    pub not_before: UtcMs,
    /// SHA-256 of the entry.
    pub hash: Hash,
    /// What is claimed.
    pub redemption: &'a Redemption,
    /// The slot as the office computes it.
    pub slot: Slot,
    /// Whether the token is bound to a phone of which the line proves nothing.
    pub unproved: bool,
}

const INSERT: &str =
    "INSERT INTO line (terminal, seq, batch, child, token, provider, month, day, at, not_before, benefit, service, units, cents, full_price,
         slot_day, slot, seen_as, status_issued, data_age, operator, lesson_start, lesson_end, charge, settles, hash, proof_at, unproved,
         borrowed)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29)";

impl Params for NewLine<'_> {
    fn each<'p>(&'p self, take: &mut dyn FnMut(Kind, ValueRef<'p>)) {
        let mut places = Places(take);
        let r = self.redemption;
        places.numbers([self.terminal, to_db(self.seq), self.batch, self.child, self.token, self.provider.0.into()]);
        places.numbers([r.day.month().months().into(), r.day.days().into()]);
        places.numbers([to_db(self.at.0), to_db(self.not_before.0), r.benefit.code().into()]);
        places.text(Some(r.service.as_str()));
        places.number(to_db(r.units));
        places.number(r.cents.get());
        places.number_or_none(r.full_price.map(Cents::get));
        places.number(self.slot.day.days().into());
        places.bytes(&self.slot.id.0);
        places.numbers([r.seen_as.code(), r.status_issued.0, r.data_age.code()].map(to_db));
        places.text(r.operator.as_deref());
        places.number_or_none(r.lesson.map(|l| l.start.into()));
        places.number_or_none(r.lesson.map(|l| l.end.into()));
        places.text(r.charge.as_ref().map(Code::as_str));
        places.number_or_none(r.settles.map(to_db));
        places.bytes(&self.hash.0);
        places.number_or_none(r.proof.as_ref().map(|proof| to_db(proof.at.0)));
        places.numbers([self.unproved, self.borrowed].map(i64::from));
    }
}

/// Takes lines in, with their sums. The rows they name must have been found or made in this transaction. Nothing else writes new lines.
pub fn insert_all(db: &Connection, lines: &[NewLine<'_>]) -> Result<(), StoreError> {
    db.execute_each(INSERT, lines)?;
    counted::taken_in(db, lines)
}

/// A counter-record on its way into the ledger.
#[derive(Clone, Copy, Debug)]
pub struct NewCancellation<'a> {
    /// Row id of the terminal.
    pub terminal: i64,
    /// The entry's number.
    pub seq: u64,
    /// Row id of the batch.
    pub batch: i64,
    /// The number of the redemption.
    pub target: u64,
    /// Why.
    pub why: &'a str,
    /// The entry's time.
    pub at: UtcMs,
    /// SHA-256 of the entry.
    pub hash: Hash,
}

/// Takes a counter-record in and ties it to its line. Answers the line's child and month; none where that line is not held, has other content or
/// was cancelled before.
pub fn cancel(db: &Connection, new: &NewCancellation<'_>, entry: Hash) -> Result<Option<(i64, CivilMonth)>, StoreError> {
    let sql = "INSERT INTO cancellation (terminal, seq, batch, target, why, at, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let (seq, target) = (to_db(new.seq), to_db(new.target));
    db.prepare_cached(sql)?.execute(params![new.terminal, seq, new.batch, target, new.why, to_db(new.at.0), new.hash.0])?;
    let sql = "UPDATE line SET cancelled_by = ?3, advise = 1 WHERE terminal = ?1 AND seq = ?2 AND cancelled_by IS NULL AND hash = ?4
               AND child NOT IN (SELECT id FROM child WHERE remains = 1) RETURNING child, month";
    let values = params![new.terminal, target, seq, entry.0];
    let line: Option<(i64, i64)> = db.prepare_cached(sql)?.query_row(values, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    line.map(|(child, month)| Ok((child, sound(CivilMonth::from_months(from_db(month)?), "month")?))).transpose()
}

/// Decides a counter-record that takes nothing back.
pub fn reject_cancellation(db: &Connection, terminal: i64, seq: u64, reason: Reason) -> Result<(), StoreError> {
    let sql = "UPDATE cancellation SET verdict = ?3, reason = ?4, advise = 1 WHERE terminal = ?1 AND seq = ?2";
    db.execute(sql, params![terminal, to_db(seq), to_db(Verdict::Rejected.code()), reason.code()])?;
    Ok(())
}

/// Notes an entry that could not be read.
pub fn insert_unreadable(db: &Connection, terminal: i64, seq: u64, batch: i64, reason: Reason) -> Result<(), StoreError> {
    let sql = "INSERT INTO unreadable (terminal, seq, batch, reason) VALUES (?1, ?2, ?3, ?4)";
    db.execute(sql, params![terminal, to_db(seq), batch, reason.code()])?;
    Ok(())
}

/// Notes that all of a child's lines must be decided.
pub fn mark_dirty(db: &Connection, child: i64) -> Result<(), StoreError> {
    db.prepare_cached("INSERT INTO to_decide (child, month) VALUES (?1, 0) ON CONFLICT DO NOTHING")?.execute([child])?;
    Ok(())
}

/// Notes that all lines of these children must be decided.
pub fn mark_all_dirty(db: &Connection, children: impl IntoIterator<Item = i64>) -> Result<(), StoreError> {
    let children: Vec<_> = children.into_iter().map(|child| [child]).collect();
    db.execute_each("INSERT INTO to_decide (child, month) VALUES (?1, 0) ON CONFLICT DO NOTHING", &children)?;
    Ok(())
}

/// Notes that children's lines of some months must be decided, with all that may bear on them.
pub fn mark_months_dirty(db: &Connection, months: impl IntoIterator<Item = (i64, CivilMonth)>) -> Result<(), StoreError> {
    let months: Vec<_> = months.into_iter().map(|(child, month)| (child, month.months())).collect();
    db.execute_each("INSERT INTO to_decide (child, month) VALUES (?1, ?2) ON CONFLICT DO NOTHING", &months)?;
    Ok(())
}

/// Notes that the months of these children can never be decided apart from each other.
pub fn decide_whole(db: &Connection, children: impl IntoIterator<Item = i64>) -> Result<(), StoreError> {
    let children: Vec<_> = children.into_iter().map(|child| [child]).collect();
    db.execute_each("INSERT INTO decided_whole (child) VALUES (?1) ON CONFLICT DO NOTHING", &children)?;
    Ok(())
}

/// Notes that every open line must be decided again: an agreement or a calendar has changed.
pub fn mark_open_dirty(db: &Connection) -> Result<(), StoreError> {
    // What is new is noted already; what else is open is a finding, or can be paid.
    let sql = "INSERT INTO to_decide (child, month)
               SELECT child, 0 FROM line WHERE verdict = 0 AND reason IS NOT NULL
               UNION SELECT child, 0 FROM line WHERE verdict <> 0 AND (run IS NULL OR decided <> coalesce(settled, 0))
               UNION SELECT child, 0 FROM to_decide WHERE true ON CONFLICT DO NOTHING";
    db.execute(sql, [])?;
    Ok(())
}

/// Up to `most` children whose lines must be decided, each with the months it is about; with none where it is about all of them.
pub fn dirty(db: &Connection, most: usize) -> Result<Vec<(i64, Vec<CivilMonth>)>, StoreError> {
    let sql =
        "SELECT child, month FROM to_decide WHERE child IN (SELECT DISTINCT child FROM to_decide ORDER BY child LIMIT ?1) ORDER BY child, month";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([to_db(most as u64)])?;
    let mut children: Vec<(i64, Vec<CivilMonth>)> = Vec::new();
    let mut whole = None;
    while let Some(row) = rows.next()? {
        let (child, month): (i64, i64) = (row.get(0)?, row.get(1)?);
        if children.last().is_none_or(|(last, _)| *last != child) {
            children.push((child, Vec::new()));
        }
        match (month, children.last_mut()) {
            (0, _) => whole = Some(child),
            (_, Some((_, months))) if whole != Some(child) => months.push(sound(CivilMonth::from_months(from_db(month)?), "month")?),
            _ => {}
        }
    }
    Ok(children)
}

/// How many children have lines that must be decided.
pub fn dirty_children(db: &Connection) -> Result<u64, StoreError> {
    from_db(db.prepare_cached("SELECT count(DISTINCT child) FROM to_decide")?.query_row([], |row| row.get(0))?)
}

/// Whether a child has lines that must be decided.
pub fn is_dirty(db: &Connection, child: i64) -> Result<bool, StoreError> {
    Ok(db.prepare_cached("SELECT 1 FROM to_decide WHERE child = ?1")?.exists([child])?)
}

/// Lines as [`claim_row`] reads them; a condition is to follow.
pub(super) fn claims() -> String {
    CLAIM.replace("{COUNTED}", Counted::COLUMNS)
}

const CLAIM: &str = "SELECT t.terminal, l.seq, b.batch, l.provider, l.hash, l.at, l.not_before, b.received, l.cancelled_by, l.settled,
        k.token, c.handle, l.benefit, l.service, l.day, l.units, l.cents, l.slot, l.seen_as, l.status_issued, l.data_age, l.operator,
        l.lesson_start, l.lesson_end, l.charge, l.settles, l.full_price, l.terminal,
        l.verdict, l.decided, l.reason, (SELECT o.terminal FROM terminal o WHERE o.id = l.against_terminal), l.against_seq, l.holds, l.slot_day,
        l.unproved = 1 OR l.proof_at IS NOT NULL AND EXISTS (SELECT 1 FROM line o INDEXED BY line_by_proof
            WHERE o.token = l.token AND o.proof_at = l.proof_at AND o.at <> l.at AND o.cancelled_by IS NULL
                AND (o.slot <> l.slot OR o.slot_day <> l.slot_day)), {COUNTED}
    FROM line l JOIN terminal t ON t.id = l.terminal JOIN batch b ON b.id = l.batch JOIN token k ON k.id = l.token JOIN child c ON c.id = l.child";

/// A line of the ledger as it stands.
#[derive(Clone, Debug)]
pub struct LedgerLine {
    /// What is claimed; what other tables know of it (last word, ruling, tutor) is left for the caller to fill in.
    pub line: ClaimLine,
    /// Row id of its terminal.
    pub terminal: i64,
    /// What was decided before.
    pub decided: Decision,
    /// How it stands in the sums.
    pub counted: Counted,
}

pub(super) fn claim_row(row: &Row<'_>, office: &OfficeId) -> Result<LedgerLine, StoreError> {
    let terminal = TerminalId(array(row.get(0)?, "terminal id")?);
    let number = |column: usize| -> Result<u64, StoreError> { from_db(row.get(column)?) };
    let (start, end): (Option<u32>, Option<u32>) = (row.get(22)?, row.get(23)?);
    let (cancelled_by, settled, charge): (Option<i64>, Option<i64>, Option<String>) = (row.get(8)?, row.get(9)?, row.get(24)?);
    let (settles, full_price): (Option<i64>, Option<i64>) = (row.get(25)?, row.get(26)?);
    let redemption = Redemption {
        office: office.clone(),
        token: TokenId(array(row.get(10)?, "token id")?),
        benefit: sound(Benefit::from_code(number(12)?), "benefit")?,
        service: sound(Code::parse(&row.get::<_, String>(13)?), "service code")?,
        day: sound(CivilDay::from_days(number(14)?), "day")?,
        units: number(15)?,
        cents: Cents::new(row.get(16)?),
        slot: SlotId(array(row.get(17)?, "slot")?),
        seen_as: sound(SeenAs::from_code(number(18)?), "way of seeing")?,
        status_issued: UtcSeconds(number(19)?),
        data_age: sound(DataAge::from_code(number(20)?), "data age")?,
        operator: row.get(21)?,
        lesson: start.zip(end).and_then(|(start, end)| Lesson::new(start, end)),
        handle: Handle(array(row.get(11)?, "handle")?),
        charge: charge.as_deref().and_then(Code::parse),
        settles: settles.map(from_db).transpose()?,
        full_price: full_price.map(Cents::new),
        proof: None,
    };
    let line = ClaimLine {
        id: EntryId { terminal, seq: number(1)? },
        batch: BatchId(array(row.get(2)?, "batch id")?),
        provider: ProviderNumber(row.get(3)?),
        hash: Hash(array(row.get(4)?, "hash")?),
        at: UtcMs(number(5)?),
        not_before: UtcMs(number(6)?),
        received: UtcMs(number(7)?),
        // An answer may be lost on its way: only a checkpoint proves that it was taken in.
        last_word: UtcMs(number(6)?),
        redemption,
        cancelled_by: cancelled_by.map(from_db).transpose()?.map(|seq| EntryId { terminal, seq }),
        settled: settled.filter(|cents| *cents != 0).map(Cents::new),
        ruling: None,
        journal: None,
        unproved: row.get(35)?,
        tutor_elsewhere: None,
    };
    let decided = decided_before(row, line.id, line.redemption.slot)?;
    Ok(LedgerLine { line, terminal: row.get(27)?, decided, counted: Counted::of_row(row, 36)? })
}

fn decided_before(row: &Row<'_>, id: EntryId, slot: SlotId) -> Result<Decision, StoreError> {
    let (other, other_seq, reason): (Option<Vec<u8>>, Option<i64>, Option<String>) = (row.get(31)?, row.get(32)?, row.get(30)?);
    let against = match other.zip(other_seq) {
        Some((terminal, seq)) => Some(EntryId { terminal: TerminalId(array(terminal, "terminal id")?), seq: from_db(seq)? }),
        None => None,
    };
    let day = sound(CivilDay::from_days(from_db(row.get(34)?)?), "day")?;
    Ok(Decision {
        id,
        verdict: sound(Verdict::from_code(from_db(row.get(28)?)?), "verdict")?,
        cents: Cents::new(row.get(29)?),
        reason: reason.as_deref().and_then(Reason::from_code),
        against,
        holds: row.get::<_, bool>(33)?.then_some(Slot { day, id: slot }),
    })
}

/// One line.
pub fn one(db: &Connection, office: &OfficeId, id: EntryId) -> Result<Option<LedgerLine>, StoreError> {
    let mut statement = db.prepare_cached(&format!("{} WHERE t.terminal = ?1 AND l.seq = ?2", claims()))?;
    let mut rows = statement.query(params![id.terminal.0, to_db(id.seq)])?;
    rows.next()?.map(|row| claim_row(&row, office)).transpose()
}

/// The batch of a line or counter-record that is to be advised.
pub fn batch_to_advise(db: &Connection, id: EntryId) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT l.batch FROM line l JOIN terminal t ON t.id = l.terminal WHERE t.terminal = ?1 AND l.seq = ?2 AND l.advise = 1
               UNION ALL SELECT x.batch FROM cancellation x JOIN terminal t ON t.id = x.terminal WHERE t.terminal = ?1 AND x.seq = ?2 AND x.advise = 1";
    Ok(db.prepare_cached(sql)?.query_row(params![id.terminal.0, to_db(id.seq)], |row| row.get(0)).optional()?)
}

/// The child of a line.
pub fn child_of(db: &Connection, terminal: i64, seq: u64) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT child FROM line WHERE terminal = ?1 AND seq = ?2";
    Ok(db.query_row(sql, params![terminal, to_db(seq)], |row| row.get(0)).optional()?)
}

/// Whether another line of this one's slot was paid, and stands.
pub fn is_paid_beside(db: &Connection, id: EntryId) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM line l JOIN terminal t ON t.id = l.terminal JOIN child_sum m ON m.child = l.child
                   JOIN line o ON o.month = m.month AND o.child = l.child
               WHERE t.terminal = ?1 AND l.seq = ?2 AND o.slot_day = l.slot_day AND o.slot = l.slot AND NOT (o.terminal = l.terminal AND o.seq = l.seq)
                   AND o.settled > 0 AND o.verdict <> 3 AND o.cancelled_by IS NULL";
    Ok(db.prepare_cached(sql)?.exists(params![id.terminal.0, to_db(id.seq)])?)
}

/// A ruling as it is kept.
pub(super) fn ruling_row(row: &Row<'_>) -> Result<Ruling, StoreError> {
    let (choice, cents, reason): (String, Option<i64>, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let choice = match choice.as_str() {
        "accept" => Choice::Accept,
        "cut" => Choice::Cut(Cents::new(cents.unwrap_or(0))),
        "ask" => Choice::Ask,
        _ => Choice::Reject,
    };
    Ok(Ruling { choice, reason: sound(Reason::from_code(&reason), "reason")?, at: UtcMs(from_db(row.get(3)?)?) })
}

/// Keeps a ruling; the note stays in the office. `about` is the code of the finding it decides.
pub fn insert_ruling(
    db: &Connection,
    terminal: i64,
    seq: u64,
    ruling: &Ruling,
    (clerk, note): (&str, &str),
    about: Option<&str>,
) -> Result<(), StoreError> {
    let (choice, cents) = match ruling.choice {
        Choice::Accept => ("accept", None),
        Choice::Cut(cents) => ("cut", Some(cents.get())),
        Choice::Reject => ("reject", None),
        Choice::Ask => ("ask", None),
    };
    let sql = "INSERT INTO ruling (terminal, seq, choice, cents, reason, note, clerk, at, about) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    db.prepare_cached(sql)?.execute(params![terminal, to_db(seq), choice, cents, ruling.reason.code(), note, clerk, to_db(ruling.at.0), about])?;
    Ok(())
}

/// Notes that lessons must be decided again that the same tutor gave at the time of one of these lines, by terminal and number, and that were
/// recorded later: whether these stand decides about those. A lesson bears on later ones alone, here and under ceilings, so that marking ends.
pub fn mark_later_lessons(db: &Connection, lines: &[(i64, u64)]) -> Result<(), StoreError> {
    let keys: Vec<_> = lines.iter().map(|(terminal, seq)| [*terminal, to_db(*seq)]).collect();
    let (own, later) = (recorded("l"), recorded("o"));
    let sql = format!(
        "SELECT DISTINCT o.child, o.month FROM line l JOIN line o ON o.day = l.day AND o.provider = l.provider
         WHERE l.terminal = ?1 AND l.seq = ?2 AND l.lesson_start IS NOT NULL AND o.lesson_start IS NOT NULL AND o.operator = l.operator
             AND o.cancelled_by IS NULL AND o.lesson_start < l.lesson_end AND l.lesson_start < o.lesson_end
             AND NOT (o.service = l.service AND o.lesson_start = l.lesson_start AND o.lesson_end = l.lesson_end)
             AND ({own}, l.hash) < ({later}, o.hash)"
    );
    let mut later = BTreeSet::new();
    db.query_each(&sql, &keys, |_, row| {
        later.insert((row.get(0)?, sound(CivilMonth::from_months(from_db(row.get(1)?)?), "month")?));
        Ok::<_, StoreError>(())
    })?;
    mark_months_dirty(db, later)
}

/// The time that counts of a line, as [`ClaimLine::time`] has it.
fn recorded(line: &str) -> String {
    format!("CASE WHEN {line}.at < {line}.not_before THEN {line}.not_before ELSE {line}.at END")
}

/// An earlier recorded, standing lesson of the same tutor that overlaps this one and is not of the same group.
pub fn tutor_elsewhere(db: &Connection, line: &ClaimLine, terminal: i64) -> Result<Option<EntryId>, StoreError> {
    let r = &line.redemption;
    let (Some(lesson), Some(operator)) = (r.lesson, &r.operator) else { return Ok(None) };
    let recorded = recorded("l");
    let sql = format!(
        "SELECT t.terminal, l.seq FROM line l JOIN terminal t ON t.id = l.terminal
               WHERE l.day = ?1 AND l.provider = ?2 AND l.lesson_start IS NOT NULL AND l.operator = ?3 AND l.cancelled_by IS NULL
                 AND l.lesson_start < ?5 AND ?4 < l.lesson_end AND NOT (l.service = ?6 AND l.lesson_start = ?4 AND l.lesson_end = ?5)
                 AND NOT (l.terminal = ?7 AND l.seq = ?8) AND l.verdict <> 3 AND ({recorded}, l.hash) < (?9, ?10)
               ORDER BY {recorded}, l.hash LIMIT 1"
    );
    let values = params![
        r.day.days(),
        line.provider.0,
        operator,
        lesson.start,
        lesson.end,
        r.service.as_str(),
        terminal,
        to_db(line.id.seq),
        to_db(line.time().0),
        line.hash.0
    ];
    let found: Option<(Vec<u8>, i64)> = db.prepare_cached(&sql)?.query_row(values, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    found.map(|(terminal, seq)| Ok(EntryId { terminal: TerminalId(array(terminal, "terminal id")?), seq: from_db(seq)? })).transpose()
}

/// The batches that have lines to advise, at most `most` of them.
pub fn batches_to_advise(db: &Connection, most: usize) -> Result<Vec<i64>, StoreError> {
    let sql = "SELECT batch FROM line WHERE advise = 1 UNION SELECT batch FROM cancellation WHERE advise = 1
               UNION SELECT batch FROM unreadable WHERE advise = 1 ORDER BY 1 LIMIT ?1";
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map([to_db(most as u64)], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How many batches have lines to advise.
pub fn count_to_advise(db: &Connection) -> Result<u64, StoreError> {
    let sql = "SELECT count(*) FROM (SELECT batch FROM line WHERE advise = 1 UNION SELECT batch FROM cancellation WHERE advise = 1
               UNION SELECT batch FROM unreadable WHERE advise = 1) AS b";
    from_db(db.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}

/// The lines of a batch to advise, by number; they count as advised from now on.
pub fn take_to_advise(db: &Connection, batch: i64) -> Result<Vec<AdvisedLine>, StoreError> {
    let sql = "SELECT seq, verdict, decided, coalesce(reason, '') FROM line WHERE batch = ?1 AND advise = 1
               UNION ALL SELECT seq, verdict, decided, coalesce(reason, '') FROM cancellation WHERE batch = ?1 AND advise = 1
               UNION ALL SELECT seq, 3, 0, reason FROM unreadable WHERE batch = ?1 AND advise = 1 ORDER BY 1";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([batch])?;
    let mut lines = Vec::new();
    while let Some(row) = rows.next()? {
        let verdict = sound(Verdict::from_code(from_db(row.get(1)?)?), "verdict")?;
        lines.push(AdvisedLine { seq: own_seq(from_db(row.get(0)?)?), verdict, cents: Cents::new(row.get(2)?), reason: row.get(3)? });
    }
    for table in ["line", "cancellation", "unreadable"] {
        db.prepare_cached(&format!("UPDATE {table} SET advise = 0 WHERE batch = ?1 AND advise = 1"))?.execute([batch])?;
    }
    Ok(lines)
}

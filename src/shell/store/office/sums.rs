//! Sums kept beside the lines: what was claimed, decided and settled, by month, benefit, provider, legal basis and state.
//!
//! They are written in the transaction that changes a line (0002/speed.sql, counted.rs), so a page never counts lines. They are of the same
//! lines as the ledger: [`verify`] counts anew and must find no difference.

use super::super::{StoreError, from_db};
use super::sound;
use crate::shell::store::sql;
use crate::shell::store::sql::{Connection, Row};
use crate::words::benefit::Benefit;
use crate::words::cents::Cents;
use crate::words::civil::CivilMonth;
use crate::words::ids::ProviderNumber;
use crate::words::legal_basis::LegalBasis;

/// What sums can be grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum By {
    /// Whether the lines are in no released run yet.
    Open,
    /// The month of service.
    Month,
    /// The benefit.
    Benefit,
    /// Whose claims.
    Provider,
    /// The law the approval rests on.
    Basis,
    /// Redemption, redemption taken back, or counter-record.
    Kind,
    /// What became of the lines.
    State,
}

impl By {
    const ALL: [Self; 7] = [Self::Open, Self::Month, Self::Benefit, Self::Provider, Self::Basis, Self::Kind, Self::State];

    const fn column(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Month => "month",
            Self::Benefit => "benefit",
            Self::Provider => "provider",
            Self::Basis => "basis",
            Self::Kind => "kind",
            Self::State => "state",
        }
    }
}

/// What kind of journal entries are summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A redemption that stands: what statistics count.
    Standing,
    /// A redemption that was taken back.
    TakenBack,
    /// The counter-record; what it claims is below zero.
    CounterRecord,
}

/// What became of lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// They wait for a clerk.
    Finding,
    /// They are paid as claimed.
    Accepted,
    /// They are paid in part.
    Reduced,
    /// They are not paid.
    Rejected,
    /// No reconciliation has looked at them.
    New,
}

/// One row: the values it was grouped by (none for the others), and the sums.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sum {
    /// Whether the lines are in no released run yet.
    pub open: Option<bool>,
    /// The month of service.
    pub month: Option<CivilMonth>,
    /// The benefit.
    pub benefit: Option<Benefit>,
    /// Whose claims.
    pub provider: Option<ProviderNumber>,
    /// The law the approval rests on; none too where it is not known.
    pub basis: Option<LegalBasis>,
    /// Redemption, redemption taken back, or counter-record.
    pub kind: Option<Kind>,
    /// What became of the lines.
    pub state: Option<State>,
    /// How many lines.
    pub lines: u64,
    /// Meals, teaching units, events.
    pub units: i64,
    /// What is claimed.
    pub claimed: Cents,
    /// What is decided so far.
    pub decided: Cents,
    /// What released runs have settled.
    pub settled: Cents,
}

impl Sum {
    /// What the next run would pay of it: nothing of findings and of what is new.
    pub fn payable(&self) -> Cents {
        match self.state {
            Some(State::Finding | State::New) => Cents::ZERO,
            _ => self.decided.minus(self.settled),
        }
    }
}

/// Which lines are summed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Only {
    /// Only those in no released run, or only those in one.
    pub open: Option<bool>,
    /// Only these months of service, first and last.
    pub months: Option<(CivilMonth, CivilMonth)>,
    /// Only this provider's.
    pub provider: Option<ProviderNumber>,
    /// Only this benefit.
    pub benefit: Option<Benefit>,
}

/// Sums of the lines that `only` lets through, grouped by `by` and in its order. A few milliseconds for a Kreis and a year.
pub fn grouped(db: &Connection, by: &[By], only: &Only) -> Result<Vec<Sum>, StoreError> {
    let columns: Vec<&str> = By::ALL.iter().map(|column| if by.contains(column) { column.column() } else { "NULL" }).collect();
    let names = by.iter().map(|column| column.column()).collect::<Vec<_>>().join(", ");
    let (grouping, having) = if by.is_empty() { (String::new(), "") } else { (format!("GROUP BY {names}"), "HAVING sum(lines) <> 0") };
    let order = if by.is_empty() { String::new() } else { format!("ORDER BY {names}") };
    let sql = format!(
        "SELECT {}, coalesce(sum(lines), 0), coalesce(sum(units), 0), coalesce(sum(claimed), 0), coalesce(sum(decided), 0), coalesce(sum(settled), 0)
         FROM line_sum WHERE open BETWEEN ?1 AND ?2 AND month BETWEEN ?3 AND ?4 AND (?5 IS NULL OR provider = ?5) AND (?6 IS NULL OR benefit = ?6)
         {grouping} {having} {order}",
        columns.join(", ")
    );
    let (least, most) = only.open.map_or((0, 1), |open| (i64::from(open), i64::from(open)));
    let (first, last) = only.months.map_or((0, u32::MAX), |(first, last)| (first.months(), last.months()));
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query(sql::params![least, most, first, last, only.provider.map(|p| p.0), only.benefit.map(|b| b.code())])?;
    let mut sums = Vec::new();
    while let Some(row) = rows.next()? {
        sums.push(sum_row(&row)?);
    }
    Ok(sums)
}

fn sum_row(row: &Row<'_>) -> Result<Sum, StoreError> {
    let number = |column: usize| -> Result<Option<i64>, StoreError> { Ok(row.get(column)?) };
    let (month, benefit, provider): (Option<i64>, Option<i64>, Option<u32>) = (number(1)?, number(2)?, row.get(3)?);
    let basis: Option<String> = row.get(4)?;
    let month = month.map(|month| sound(from_db(month).ok().and_then(CivilMonth::from_months), "month")).transpose()?;
    let benefit = benefit.map(|code| sound(from_db(code).ok().and_then(Benefit::from_code), "benefit")).transpose()?;
    Ok(Sum {
        open: number(0)?.map(|open| open != 0),
        month,
        benefit,
        provider: provider.map(ProviderNumber),
        basis: basis.as_deref().and_then(LegalBasis::parse),
        kind: number(5)?.map(|code| sound(kind(code), "kind of sum")).transpose()?,
        state: number(6)?.map(|code| sound(state(code), "state of a sum")).transpose()?,
        lines: from_db(row.get(7)?)?,
        units: row.get(8)?,
        claimed: Cents::new(row.get(9)?),
        decided: Cents::new(row.get(10)?),
        settled: Cents::new(row.get(11)?),
    })
}

const fn kind(code: i64) -> Option<Kind> {
    match code {
        0 => Some(Kind::Standing),
        1 => Some(Kind::TakenBack),
        2 => Some(Kind::CounterRecord),
        _ => None,
    }
}

const fn state(code: i64) -> Option<State> {
    match code {
        0 => Some(State::Finding),
        1 => Some(State::Accepted),
        2 => Some(State::Reduced),
        3 => Some(State::Rejected),
        4 => Some(State::New),
        _ => None,
    }
}

/// What the next run would pay, over all providers.
pub fn payable(db: &Connection) -> Result<Cents, StoreError> {
    Ok(grouped(db, &[By::State], &Only::default())?.iter().map(Sum::payable).sum())
}

/// How many children had something of a benefit in a month, by legal basis (empty where it is not known). Redemptions taken back do not count;
/// a child with approvals on two bases in one month counts under both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Children {
    /// The month of service.
    pub month: CivilMonth,
    /// The benefit.
    pub benefit: Benefit,
    /// The law their approvals rest on.
    pub basis: Option<LegalBasis>,
    /// How many children.
    pub children: u64,
}

/// The children of these months by benefit and legal basis, the latest month first.
pub fn children(db: &Connection, months: (CivilMonth, CivilMonth)) -> Result<Vec<Children>, StoreError> {
    let bases: Vec<Option<LegalBasis>> = LegalBasis::ALL.into_iter().map(Some).chain([None]).collect();
    // A column for each basis, because the rows lie by month and benefit: nothing has to be sorted.
    let columns: Vec<String> = bases.iter().map(|basis| format!("sum(basis = '{}')", basis.map_or("", LegalBasis::code))).collect();
    let sql = format!(
        "SELECT month, benefit, {} FROM child_sum WHERE lines > 0 AND month BETWEEN ?1 AND ?2 GROUP BY 1, 2 ORDER BY 1 DESC, 2",
        columns.join(", ")
    );
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query([months.0.months(), months.1.months()])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let month = sound(CivilMonth::from_months(from_db(row.get(0)?)?), "month")?;
        let benefit = sound(Benefit::from_code(from_db(row.get(1)?)?), "benefit")?;
        for (column, basis) in bases.iter().enumerate() {
            let children = from_db(row.get(2 + column)?)?;
            if children > 0 {
                all.push(Children { month, benefit, basis: *basis, children });
            }
        }
    }
    Ok(all)
}

/// The same whatever the legal basis, which is quicker.
pub fn children_by_month(db: &Connection) -> Result<Vec<((CivilMonth, Benefit), u64)>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT month, benefit, count(*) FROM (SELECT DISTINCT month, benefit, child FROM child_sum WHERE lines > 0) AS d GROUP BY 1, 2",
    )?;
    let mut rows = statement.query([])?;
    let mut children = Vec::new();
    while let Some(row) = rows.next()? {
        let month = sound(CivilMonth::from_months(from_db(row.get(0)?)?), "month")?;
        let benefit = sound(Benefit::from_code(from_db(row.get(1)?)?), "benefit")?;
        children.push(((month, benefit), from_db(row.get(2)?)?));
    }
    Ok(children)
}

/// Drops rows that have come to nothing, so that there are no more than there are groups.
pub fn tidy(db: &Connection) -> Result<(), StoreError> {
    db.prepare_cached("DELETE FROM line_sum WHERE lines = 0")?.execute([])?;
    Ok(())
}

/// Counts all lines anew, which takes seconds: how many rows of the sums are not what the lines say. Zero is the only right answer.
pub fn verify(db: &Connection) -> Result<u64, StoreError> {
    const KEPT: [(&str, &str); 3] = [
        (
            "SELECT open, month, benefit, provider, basis, kind, state, lines, units, claimed, decided, settled FROM line_sum WHERE lines <> 0",
            "SELECT open, month, benefit, provider, basis, kind, state, count(*), sum(units), sum(claimed), sum(decided), sum(settled)
             FROM (SELECT * FROM line_counted UNION ALL SELECT * FROM cancellation_counted) AS c GROUP BY 1, 2, 3, 4, 5, 6, 7",
        ),
        (
            "SELECT batch, lines, pending, claimed, decided, settled FROM batch_sum WHERE lines <> 0",
            "SELECT batch, count(*), sum(verdict = 0), sum(cents), sum(decided), sum(coalesce(settled, 0)) FROM line GROUP BY batch",
        ),
        (
            "SELECT month, benefit, child, basis, lines FROM child_sum WHERE lines <> 0",
            "SELECT month, benefit, child, basis, count(*) FROM line_counted WHERE kind = 0 GROUP BY month, benefit, child, basis",
        ),
    ];
    let borrowed = "SELECT count(*) FROM line l JOIN token t ON t.id = l.token WHERE (l.borrowed = 1) <> (t.child <> l.child)";
    let mut different = from_db(db.query_row(borrowed, [], |row| row.get(0))?)?;
    for (kept, counted) in KEPT {
        // A row that both sides have is there twice; each side has each row once.
        let columns = kept.split(" FROM ").next().and_then(|select| select.strip_prefix("SELECT ")).unwrap_or_default();
        let both = format!("SELECT {columns} FROM ({kept} UNION ALL {counted}) AS sides GROUP BY {columns} HAVING count(*) = 1");
        let mut statement = db.prepare_cached(&format!("SELECT count(*) FROM ({both}) AS one_sided"))?;
        different += from_db(statement.query_row([], |row| row.get(0))?)?;
    }
    Ok(different)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::store::office::open_in_memory;

    const LINE: &str = "INSERT INTO line (terminal, seq, batch, child, token, provider, month, day, at, not_before, benefit, service, units, cents,
        slot_day, slot, seen_as, status_issued, data_age, hash) VALUES (1, ?1, 1, ?2, ?2, 101, 680, 20700, 0, 0, ?3, 'lunch', 1, 450, 20700, ?1, 1, 0, 0, ?1)";

    /// Two children with two meals and a fee each.
    fn ledger() -> Connection {
        let db = open_in_memory().expect("a database");
        db.execute_batch("PRAGMA foreign_keys = false").expect("set");
        db.execute_batch(
            "INSERT INTO child (id, handle, legal_basis) VALUES (1, 1, 'sgb2'), (2, 2, NULL);
             INSERT INTO approval (id, child, from_month, to_month, legal_basis, home_providers, source, recorded, recorded_by)
                 VALUES (1, 1, 670, 690, 'sgb12', '', 'test', 0, 'Anna'), (2, 2, 670, 690, NULL, '', 'test', 0, 'Anna');
             INSERT INTO token (id, token, child, issued) VALUES (1, 1, 1, 0), (2, 2, 2, 0);
             INSERT INTO provider (number, name, iban, changed) VALUES (101, 'Mensa', '', 0);
             INSERT INTO terminal (id, terminal, key, recipient, label, provider, admitted, credential, credential_issued, head_seq, head_link, checkpoint_at)
                 VALUES (1, 1, 1, '', '', 101, 0, 1, 0, 0, 1, 0);
             INSERT INTO batch (id, batch, terminal, provider, first_seq, last_seq, created, received, hash, bytes, receipt) VALUES (1, 1, 1, 101, 1, 9, 0, 0, 1, 1, 1);",
        )
        .expect("filled");
        for seq in 0..6 {
            db.execute(LINE, [seq + 1, 1 + seq / 3, if seq % 3 == 2 { 2 } else { 1 }]).expect("taken in");
        }
        // What `lines::insert_all` does beside the lines.
        db.execute_batch(
            "INSERT INTO line_sum (open, month, benefit, provider, basis, kind, state, lines, units, claimed, decided, settled)
                 SELECT open, month, benefit, provider, basis, kind, state, count(*), sum(units), sum(claimed), sum(decided), sum(settled)
                 FROM line_counted GROUP BY 1, 2, 3, 4, 5, 6, 7;
             INSERT INTO batch_sum (batch, lines, pending, claimed, decided, settled)
                 SELECT batch, count(*), sum(verdict = 0), sum(cents), sum(decided), 0 FROM line GROUP BY batch;
             INSERT INTO child_sum (month, benefit, child, basis, lines)
                 SELECT month, benefit, child, basis, count(*) FROM line_counted GROUP BY month, benefit, child, basis;",
        )
        .expect("summed");
        db
    }

    #[test]
    fn whatever_changes_a_line_changes_its_sums() {
        let db = ledger();
        let steps = [
            "UPDATE line SET verdict = 1, decided = 450 WHERE seq < 5",
            "UPDATE line SET verdict = 2, decided = 400, reason = 'price_differs' WHERE seq = 2",
            "UPDATE line SET reason = 'duplicate' WHERE seq = 5",
            "INSERT INTO cancellation (terminal, seq, batch, target, why, at, hash) VALUES (1, 9, 1, 1, 'wrong_child', 0, 0)",
            "UPDATE line SET cancelled_by = 9, decided = 0 WHERE seq = 1",
            "UPDATE cancellation SET verdict = 1, decided = -450",
            "UPDATE line SET settled = decided, run = 1 WHERE seq IN (2, 3)",
            "UPDATE cancellation SET settled = -450, run = 1",
            "UPDATE child SET legal_basis = 'bkgg'",
            "UPDATE token SET approval = 1 WHERE id = 1",
            "UPDATE child SET legal_basis = 'sgb2'",
            "UPDATE approval SET legal_basis = 'asylblg' WHERE id = 1",
            "UPDATE line SET token = 2, borrowed = 1 WHERE seq = 2",
            "UPDATE approval SET legal_basis = NULL WHERE id = 1",
            "UPDATE approval SET legal_basis = 'sgb2' WHERE id = 1",
            "UPDATE token SET approval = 2 WHERE id = 1",
            "UPDATE line SET units = 2, cents = 900, month = 681 WHERE seq = 4",
            "UPDATE line SET child = 1, borrowed = 1 WHERE seq = 5",
            "UPDATE line SET advise = 0",
            "DELETE FROM line WHERE seq = 1",
            "DELETE FROM cancellation",
            "DELETE FROM line WHERE seq > 4",
        ];
        for step in steps {
            assert!(db.execute(step, []).expect("changed") > 0, "{step}");
            assert_eq!(verify(&db).expect("counted"), 0, "{step}");
        }
        tidy(&db).expect("tidied");
        assert_eq!(verify(&db).expect("counted"), 0);
        let all = grouped(&db, &[], &Only::default()).expect("summed");
        assert_eq!(all.first().map(|sum| (sum.lines, sum.claimed)), Some((3, Cents::new(1800))));
    }

    #[test]
    fn a_sum_that_is_not_that_of_the_lines_is_found() {
        for wrong in
            ["UPDATE line_sum SET decided = decided + 1", "DELETE FROM line_sum", "UPDATE batch_sum SET pending = 0", "DELETE FROM child_sum"]
        {
            let db = ledger();
            db.execute(wrong, []).expect("changed");
            assert_ne!(verify(&db).expect("counted"), 0, "{wrong}");
        }
    }

    #[test]
    fn what_a_line_belongs_to_stays() {
        // Foreign keys are off here: it is the triggers that refuse.
        let db = ledger();
        for gone in [
            "DELETE FROM token WHERE id = 1",
            "DELETE FROM child WHERE id = 2",
            "DELETE FROM terminal",
            "DELETE FROM batch",
            "UPDATE line SET token = 9 WHERE seq = 1",
            "UPDATE line SET batch = 9 WHERE seq = 1",
            "UPDATE line SET borrowed = 1 WHERE seq = 1",
            "UPDATE line SET child = 2 WHERE seq = 1",
        ] {
            assert!(db.execute(gone, []).is_err(), "{gone}");
        }
        assert_eq!(verify(&db).expect("counted"), 0);
    }

    fn ever() -> (CivilMonth, CivilMonth) {
        (CivilMonth::from_months(0).expect("a month"), crate::words::civil::CivilDay::MAX.month())
    }

    #[test]
    fn the_basis_is_that_of_the_approval_behind_the_token_else_the_childs() {
        let db = ledger();
        db.execute_batch("UPDATE token SET approval = id; INSERT INTO token (id, token, child, issued) VALUES (3, 3, 1, 0)").expect("approved");
        db.execute_batch("UPDATE line SET token = 3 WHERE seq = 2; UPDATE child SET legal_basis = 'bkgg' WHERE id = 1").expect("moved");
        let by = grouped(&db, &[By::Basis], &Only::default()).expect("summed");
        let rows: Vec<_> = by.iter().map(|sum| (sum.basis, sum.lines)).collect();
        assert_eq!(rows, [(None, 3), (Some(LegalBasis::Bkgg), 1), (Some(LegalBasis::Sgb12), 2)]);
        let of_lunch: Vec<_> =
            children(&db, ever()).expect("counted").iter().filter(|c| c.benefit == Benefit::Lunch).map(|c| (c.basis, c.children)).collect();
        assert_eq!(of_lunch, [(Some(LegalBasis::Sgb12), 1), (Some(LegalBasis::Bkgg), 1), (None, 1)]);
        let by_month = children_by_month(&db).expect("counted");
        assert_eq!(by_month.iter().find(|((_, benefit), _)| *benefit == Benefit::Lunch).map(|(_, count)| *count), Some(2), "two children in all");
        assert_eq!(verify(&db).expect("counted"), 0);
    }

    #[test]
    fn sums_are_grouped_and_chosen() {
        let db = ledger();
        db.execute("UPDATE line SET verdict = 1, decided = 450 WHERE seq <= 3", []).expect("decided");
        db.execute("UPDATE line SET run = 1, settled = 450 WHERE seq = 1", []).expect("settled");
        let by = grouped(&db, &[By::Benefit, By::State], &Only { open: Some(true), ..Only::default() }).expect("summed");
        let rows: Vec<_> = by.iter().map(|sum| (sum.benefit, sum.state, sum.lines, sum.payable())).collect();
        let new = (Some(State::New), Cents::ZERO);
        assert_eq!(
            rows,
            [
                (Some(Benefit::Lunch), Some(State::Accepted), 1, Cents::new(450)),
                (Some(Benefit::Lunch), new.0, 2, new.1),
                (Some(Benefit::Participation), Some(State::Accepted), 1, Cents::new(450)),
                (Some(Benefit::Participation), new.0, 1, new.1),
            ]
        );
        assert_eq!(payable(&db).expect("summed"), Cents::new(900));
        let children = children(&db, ever()).expect("counted");
        assert_eq!(children.iter().map(|row| row.children).collect::<Vec<_>>(), [1, 1, 1, 1], "{children:?}");
    }
}

//! The office's ledger as the auditor reads it: by queries of its own, so that a wrong query of the office cannot hide itself.

use super::town::{Municipality, Town};
use super::truth::Truth;
use super::{Broken, demand};
use crate::intake::open::open;
use crate::office::Office;
use crate::shell::store::office::sums;
use crate::shell::store::office::waiting::own_seq;
use crate::shell::store::sql;
use crate::shell::store::sql::{Connection, Row};
use crate::words::ids::{Hash, TerminalId};
use crate::words::keys::PublicKey;
use std::collections::{BTreeMap, BTreeSet};

/// A journal entry: the till's place in the town, and the entry's number.
pub(super) type At = (usize, u64);

/// A redemption as the ledger holds it.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub cents: i64,
    pub verdict: i64,
    pub decided: i64,
    pub reason: Option<String>,
    pub settled: i64,
    pub run: Option<i64>,
    /// The counter-record: terminal's row and ledger's number.
    pub cancelled_by: Option<(i64, i64)>,
    pub provider: i64,
    /// Whether its child waits to be decided (again).
    pub dirty: bool,
}

/// A counter-record as the ledger holds it.
#[derive(Clone, Debug)]
pub(super) struct Counter {
    /// The line it takes back, where the office has it.
    pub target: Option<At>,
    pub verdict: i64,
    pub decided: i64,
    pub reason: Option<String>,
    pub settled: i64,
    pub run: Option<i64>,
}

/// One line of a released run.
#[derive(Clone, Debug)]
pub(super) struct RunLine {
    pub run: i64,
    pub at: At,
    pub provider: i64,
    pub total: i64,
    pub already: i64,
}

/// A transfer with the sum of its shares.
#[derive(Clone, Debug)]
pub(super) struct Payment {
    pub id: String,
    pub run: i64,
    pub provider: i64,
    pub cents: i64,
    pub shares: i64,
}

/// What one office holds.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub lines: BTreeMap<At, Line>,
    pub counters: BTreeMap<At, Counter>,
    /// Counter-records by terminal's row and ledger's number.
    pub counter_rows: BTreeMap<(i64, i64), At>,
    pub unreadable: BTreeSet<At>,
    pub run_lines: Vec<RunLine>,
    pub payments: Vec<Payment>,
    /// What was advised as paid to each terminal's batches, less what came back.
    pub shares: BTreeMap<TerminalId, i64>,
    /// Up to which entry the office holds each line of descent of a journal, and its link there.
    pub heads: Vec<(TerminalId, u64, Hash)>,
    /// The hashes of all batches that were taken in, or whose every claim has come in others.
    pub taken: BTreeSet<Hash>,
    /// How many batches wait for a clerk.
    pub waiting: u64,
    /// What nobody saw: lines and counter-records whose hash is that of nothing that was shown.
    pub strangers: Vec<(TerminalId, u64)>,
}

/// What is read, and how what was shown is found in it.
struct Reading<'a> {
    db: &'a Connection,
    truth: &'a Truth,
    /// Terminals by row id.
    terminals: BTreeMap<i64, (TerminalId, [u8; 32])>,
    /// Where each row of the ledger is in the journals, by terminal's row and ledger's number.
    places: BTreeMap<(i64, i64), At>,
    ledger: Ledger,
}

impl Ledger {
    /// Reads the ledgers of all offices, and counts their sums anew.
    pub fn read_all(town: &Town, truth: &Truth) -> Result<Vec<Self>, Broken> {
        town.offices.iter().try_for_each(check_sums)?;
        (0..town.offices.len()).map(|office| Self::read(town, office, truth)).collect()
    }

    /// Reads the whole ledger of one office.
    pub fn read(town: &Town, office: usize, truth: &Truth) -> Result<Self, Broken> {
        let Some(municipality) = town.offices.get(office) else { return Ok(Self::default()) };
        read(&municipality.office, truth).map_err(|error| Broken::unexpected("the ledger cannot be read", &error))
    }
}

/// Counts the sums of an office anew. They are kept by differences, so that one that is wrong once stays wrong until it is counted.
pub(super) fn check_sums(municipality: &Municipality) -> Result<(), Broken> {
    let different = sums::verify(municipality.office.db()).map_err(|error| Broken::unexpected("the sums cannot be counted anew", &error))?;
    demand(different == 0, "the sums kept are those of the lines", || format!("{different} rows differ"))
}

fn read(office: &Office, truth: &Truth) -> sql::Result<Ledger> {
    let mut reading = Reading { db: office.db(), truth, terminals: BTreeMap::new(), places: BTreeMap::new(), ledger: Ledger::default() };
    reading.terminals_and_batches()?;
    reading.lines()?;
    reading.counters()?;
    reading.unreadable()?;
    reading.run_lines()?;
    reading.payments()?;
    Ok(reading.ledger)
}

impl Reading<'_> {
    fn terminals_and_batches(&mut self) -> sql::Result<()> {
        let sql = "SELECT id, terminal, key, head_seq, head_link FROM terminal";
        all(self.db, sql, |row| {
            let terminal = TerminalId(row.get(1)?);
            self.terminals.insert(row.get(0)?, (terminal, row.get(2)?));
            self.ledger.heads.push((terminal, number(row, 3)?, Hash(row.get(4)?)));
            Ok(())
        })?;
        all(self.db, "SELECT terminal, head_seq, head_link FROM descent", |row| {
            if let Some((terminal, _)) = self.terminals.get(&row.get(0)?) {
                self.ledger.heads.push((*terminal, number(row, 1)?, Hash(row.get(2)?)));
            }
            Ok(())
        })?;
        let sql = "SELECT hash, reason IS NULL OR (SELECT choice FROM batch_decision d WHERE d.batch = batch.id) = 'covered',
                          EXISTS (SELECT 1 FROM batch_decision d WHERE d.batch = batch.id) FROM batch";
        all(self.db, sql, |row| {
            match (row.get::<_, Option<bool>>(1)?.unwrap_or(false), row.get(2)?) {
                (true, _) => {
                    self.ledger.taken.insert(Hash(row.get(0)?));
                }
                (false, false) => self.ledger.waiting += 1,
                (false, true) => {}
            }
            Ok(())
        })
    }

    /// Where a row is in the journals, by its hash; one that nobody saw is noted.
    fn place(&mut self, row: i64, seq: i64, hash: Hash) -> At {
        let terminal = self.terminals.get(&row).map_or(TerminalId([0; 16]), |(terminal, _)| *terminal);
        let at = self.truth.by_hash.get(&hash).copied().unwrap_or_else(|| {
            self.ledger.strangers.push((terminal, seq.unsigned_abs()));
            (usize::MAX, seq.unsigned_abs())
        });
        self.places.insert((row, seq), at);
        at
    }

    fn lines(&mut self) -> sql::Result<()> {
        let sql = "SELECT terminal, seq, cents, verdict, decided, reason, coalesce(settled, 0), run, cancelled_by, child IN (SELECT child FROM to_decide), hash,
                          provider FROM line";
        let db = self.db;
        all(db, sql, |row| {
            let line = Line {
                cents: row.get(2)?,
                verdict: row.get(3)?,
                decided: row.get(4)?,
                reason: row.get(5)?,
                settled: row.get(6)?,
                run: row.get(7)?,
                cancelled_by: row.get::<_, Option<i64>>(8)?.map(|by| (row.get(0).unwrap_or(0), by)),
                dirty: row.get(9)?,
                provider: row.get(11)?,
            };
            let at = self.place(row.get(0)?, row.get(1)?, Hash(row.get(10)?));
            if self.ledger.lines.insert(at, line).is_some() {
                self.ledger.strangers.push((TerminalId([0; 16]), at.1));
            }
            Ok(())
        })
    }

    fn counters(&mut self) -> sql::Result<()> {
        let sql = "SELECT terminal, seq, target, verdict, decided, reason, coalesce(settled, 0), run, hash FROM cancellation";
        let db = self.db;
        all(db, sql, |row| {
            let target = self.places.get(&(row.get(0)?, row.get(2)?)).copied();
            let (reason, settled, run) = (row.get(5)?, row.get(6)?, row.get(7)?);
            let counter = Counter { target, verdict: row.get(3)?, decided: row.get(4)?, reason, settled, run };
            let at = self.place(row.get(0)?, row.get(1)?, Hash(row.get(8)?));
            self.ledger.counter_rows.insert((row.get(0)?, row.get(1)?), at);
            self.ledger.counters.insert(at, counter);
            Ok(())
        })
    }

    /// Unreadable rows have no hash of their own: it is that of their entry in the batch.
    fn unreadable(&mut self) -> sql::Result<()> {
        let db = self.db;
        all(db, "SELECT u.terminal, u.seq, b.bytes FROM unreadable u JOIN batch b ON b.id = u.batch", |row| {
            let key = self.terminals.get(&row.get(0)?).and_then(|(_, key)| PublicKey::from_bytes(key));
            let seq: i64 = row.get(1)?;
            let bytes: Vec<u8> = row.get(2)?;
            let batch = key.and_then(|key| open(&bytes, &key).ok());
            let own = own_seq(seq.unsigned_abs());
            let hash = batch.and_then(|batch| batch.batch().lines().find(|(seq, ..)| *seq == own).map(|(_, hash, _)| hash));
            let at = self.place(row.get(0)?, seq, hash.unwrap_or(Hash([0; 32])));
            self.ledger.unreadable.insert(at);
            Ok(())
        })
    }

    fn run_lines(&mut self) -> sql::Result<()> {
        let sql =
            "SELECT r.terminal, r.seq, r.run, r.total, r.already, t.provider FROM run_line r JOIN terminal t ON t.id = r.terminal ORDER BY r.run";
        let db = self.db;
        all(db, sql, |row| {
            let at = self.places.get(&(row.get(0)?, row.get(1)?)).copied().unwrap_or((usize::MAX, number(row, 1)?));
            self.ledger.run_lines.push(RunLine { at, run: row.get(2)?, total: row.get(3)?, already: row.get(4)?, provider: row.get(5)? });
            Ok(())
        })
    }

    fn payments(&mut self) -> sql::Result<()> {
        let sql = "SELECT p.end_to_end_id, p.run, p.provider, p.cents, coalesce((SELECT sum(s.cents) FROM share s WHERE s.end_to_end_id = p.end_to_end_id), 0)
                   FROM payment p ORDER BY p.run, p.provider";
        let db = self.db;
        all(db, sql, |row| {
            self.ledger.payments.push(Payment { id: row.get(0)?, run: row.get(1)?, provider: row.get(2)?, cents: row.get(3)?, shares: row.get(4)? });
            Ok(())
        })?;
        let sql = "SELECT b.terminal, sum(s.cents) FROM share s JOIN batch b ON b.id = s.batch JOIN payment p ON p.end_to_end_id = s.end_to_end_id
                   WHERE p.returned IS NULL GROUP BY b.terminal";
        all(db, sql, |row| {
            if let Some((terminal, _)) = self.terminals.get(&row.get(0)?) {
                self.ledger.shares.insert(*terminal, row.get(1)?);
            }
            Ok(())
        })
    }
}

fn all(db: &Connection, sql: &str, mut each: impl FnMut(&Row<'_>) -> sql::Result<()>) -> sql::Result<()> {
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        each(&row)?;
    }
    Ok(())
}

fn number(row: &Row<'_>, column: usize) -> sql::Result<u64> {
    row.get::<_, i64>(column).map(i64::unsigned_abs)
}

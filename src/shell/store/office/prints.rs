//! Print runs: what waits to be printed, what was, and the files.

use super::super::{StoreError, from_db, to_db};
use super::{array, sound};
use crate::shell::paper::stack::Layout;
use crate::shell::store::sql::{Connection, OptionalExtension, Row, params};
use crate::words::civil::CivilDay;
use crate::words::ids::{CodeId, Hash, TokenId};
use crate::words::time::UtcMs;

/// A card that waits: issued, never printed, and not stopped for good.
const WAITS: &str = "print_run IS NULL AND bytes IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM stop s WHERE s.token = token.id AND s.until_day IS NULL AND s.status IN (1, 3))";

/// A print run.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its number.
    pub number: u32,
    /// How its papers are laid out.
    pub layout: Layout,
    /// How families or providers reach the office, as printed.
    pub contact: String,
    /// The address of the office's server, as printed on slips.
    pub url: String,
    /// The date on its letters.
    pub dated: CivilDay,
    /// How many papers.
    pub papers: u64,
    /// Who began it.
    pub clerk: String,
    /// When.
    pub at: UtcMs,
    /// How it ended, who said so and when; none while nobody has.
    pub ended: Option<(Ending, String, UtcMs)>,
}

/// How a print run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All of it came out of the printer.
    Printed,
    /// It was not printed; its cards wait again.
    Discarded,
}

impl Ending {
    const fn name(self) -> &'static str {
        match self {
            Self::Printed => "printed",
            Self::Discarded => "discarded",
        }
    }
}

/// One paper of a run.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its place, from 1.
    pub place: u64,
    /// The token whose card it is; its signed bytes, none where they were purged; and the case.
    pub card: Option<(TokenId, Option<Vec<u8>>, String)>,
    /// The id of the enrolment code whose slip it is.
    pub code: Option<CodeId>,
}

/// A file of a run.
#[derive(Clone, Debug)]
pub struct File {
    /// Its place among the run's files, from 1.
    pub part: u32,
    /// How many papers it holds.
    pub papers: u64,
    /// How many papers could not be made any more.
    pub left_out: u64,
    /// The hash of its bytes.
    pub hash: Hash,
    /// When it was made.
    pub made: UtcMs,
    /// How many bytes it has; none where they were dropped.
    pub size: Option<u64>,
}

/// How many cards wait to be printed, and when the first of them was issued.
pub fn waiting(db: &Connection) -> Result<(u64, Option<UtcMs>), StoreError> {
    let sql = format!("SELECT count(*), min(issued) FROM token INDEXED BY token_to_print WHERE {WAITS}");
    let (count, first): (i64, Option<i64>) = db.prepare_cached(&sql)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok((from_db(count)?, first.map(from_db).transpose()?.map(|seconds| UtcMs(seconds * 1_000))))
}

/// The cards that wait, first issued first: row ids, and how many bytes each code carries.
pub fn waiting_cards(db: &Connection, most: u64) -> Result<Vec<(i64, u64)>, StoreError> {
    let sql = format!("SELECT id, length(bytes) FROM token INDEXED BY token_to_print WHERE {WAITS} ORDER BY id LIMIT ?1");
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query([to_db(most)])?;
    let mut cards = Vec::new();
    while let Some(row) = rows.next()? {
        cards.push((row.get(0)?, from_db(row.get(1)?)?));
    }
    Ok(cards)
}

/// Adds a run; its number is given here.
pub fn insert_run(db: &Connection, run: &Run) -> Result<u32, StoreError> {
    let sql = "INSERT INTO print_run (layout, contact, url, dated, papers, clerk, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) RETURNING number";
    let values = params![run.layout.code(), run.contact, run.url, run.dated.days(), to_db(run.papers), run.clerk, to_db(run.at.0)];
    u32::try_from(db.insert(sql, values)?).map_err(|_| StoreError::Inconsistent("more print runs than numbers".into()))
}

/// Adds a token's card to a run, which is from now on the last that has it.
pub fn insert_card(db: &Connection, run: u32, place: u64, token: i64) -> Result<(), StoreError> {
    db.prepare_cached("INSERT INTO print_item (run, place, token) VALUES (?1, ?2, ?3)")?.execute(params![run, to_db(place), token])?;
    db.prepare_cached("UPDATE token SET print_run = ?2 WHERE id = ?1")?.execute(params![token, run])?;
    Ok(())
}

/// Adds the slip of a code to a run.
pub fn insert_slip(db: &Connection, run: u32, place: u64, code: CodeId) -> Result<(), StoreError> {
    db.prepare_cached("INSERT INTO print_item (run, place, code) VALUES (?1, ?2, ?3)")?.execute(params![run, to_db(place), code.0])?;
    Ok(())
}

/// Says how a run ended. The cards of one that was not printed wait again, unless an earlier run had
/// them; its codes admit nobody any more.
pub fn end(db: &Connection, run: u32, ending: Ending, by: &str, now: UtcMs) -> Result<(), StoreError> {
    let sql = "UPDATE print_run SET outcome = ?2, ended_by = ?3, ended_at = ?4 WHERE number = ?1";
    db.execute(sql, params![run, ending.name(), by, to_db(now.0)])?;
    if ending == Ending::Discarded {
        db.execute("UPDATE print_file SET bytes = NULL WHERE run = ?1", [run])?;
        let sql = "UPDATE token SET print_run = (SELECT max(r.number) FROM print_item i JOIN print_run r ON r.number = i.run
                     WHERE i.token = token.id AND r.outcome IS DISTINCT FROM 'discarded' AND r.at >= coalesce(token.signed_anew, 0))
                   WHERE id IN (SELECT token FROM print_item WHERE run = ?1)";
        db.execute(sql, [run])?;
        let sql =
            "UPDATE enrolment_code SET expires = min(expires, ?2) WHERE used_by IS NULL AND code IN (SELECT code FROM print_item WHERE run = ?1)";
        db.execute(sql, params![run, to_db(now.0)])?;
    }
    Ok(())
}

const RUN: &str = "SELECT number, layout, contact, url, dated, papers, clerk, at, outcome, ended_by, ended_at FROM print_run";

fn run_row(row: &Row<'_>) -> Result<Run, StoreError> {
    let (layout, outcome): (String, Option<String>) = (row.get(1)?, row.get(8)?);
    let (by, at): (Option<String>, Option<i64>) = (row.get(9)?, row.get(10)?);
    let ending = outcome.map(|name| sound([Ending::Printed, Ending::Discarded].into_iter().find(|e| e.name() == name), "end of a print run"));
    Ok(Run {
        number: row.get(0)?,
        layout: sound(Layout::parse(&layout), "layout")?,
        contact: row.get(2)?,
        url: row.get(3)?,
        dated: sound(CivilDay::from_days(from_db(row.get(4)?)?), "day")?,
        papers: from_db(row.get(5)?)?,
        clerk: row.get(6)?,
        at: UtcMs(from_db(row.get(7)?)?),
        ended: ending
            .transpose()?
            .map(|ending| Ok::<_, StoreError>((ending, by.unwrap_or_default(), UtcMs(from_db(at.unwrap_or(0))?))))
            .transpose()?,
    })
}

/// A run.
pub fn run(db: &Connection, number: u32) -> Result<Option<Run>, StoreError> {
    db.prepare_cached(&format!("{RUN} WHERE number = ?1"))?.query_row([number], |row| Ok(run_row(row))).optional()?.transpose()
}

/// The runs of which nobody has said how they ended, or those of which somebody has; the last one first.
pub fn runs(db: &Connection, ended: bool, skip: u64, most: u64) -> Result<Vec<Run>, StoreError> {
    let which = if ended { "IS NOT NULL" } else { "IS NULL" };
    let mut statement = db.prepare_cached(&format!("{RUN} WHERE outcome {which} ORDER BY number DESC LIMIT ?1 OFFSET ?2"))?;
    let mut rows = statement.query([to_db(most), to_db(skip)])?;
    let mut runs = Vec::new();
    while let Some(row) = rows.next()? {
        runs.push(run_row(&row)?);
    }
    Ok(runs)
}

/// The papers of a run from `place` on, at most `most`.
pub fn items(db: &Connection, run: u32, place: u64, most: u64) -> Result<Vec<Item>, StoreError> {
    let sql = "SELECT i.place, t.token, t.bytes, c.reference, i.code FROM print_item i LEFT JOIN token t ON t.id = i.token
               LEFT JOIN child c ON c.id = t.child WHERE i.run = ?1 AND i.place >= ?2 ORDER BY i.place LIMIT ?3";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params![run, to_db(place), to_db(most)])?;
    let mut items = Vec::new();
    while let Some(row) = rows.next()? {
        let (token, bytes, reference): (Option<Vec<u8>>, Option<Vec<u8>>, Option<String>) = (row.get(1)?, row.get(2)?, row.get(3)?);
        let code: Option<Vec<u8>> = row.get(4)?;
        items.push(Item {
            place: from_db(row.get(0)?)?,
            card: token.map(|token| Ok::<_, StoreError>((TokenId(array(token, "token id")?), bytes, reference.unwrap_or_default()))).transpose()?,
            code: code.map(|code| array(code, "code id").map(CodeId)).transpose()?,
        });
    }
    Ok(items)
}

/// Keeps a file of a run, in place of the one made before.
pub fn keep_file(db: &Connection, run: u32, file: &File, bytes: &[u8]) -> Result<(), StoreError> {
    let sql = "INSERT INTO print_file (run, part, papers, left_out, hash, made, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
               ON CONFLICT (run, part) DO UPDATE SET papers = ?3, left_out = ?4, hash = ?5, made = ?6, bytes = ?7";
    db.execute(sql, params![run, file.part, to_db(file.papers), to_db(file.left_out), file.hash.0, to_db(file.made.0), bytes])?;
    Ok(())
}

/// The files of a run.
pub fn files(db: &Connection, run: u32) -> Result<Vec<File>, StoreError> {
    let mut statement = db.prepare_cached("SELECT part, papers, left_out, hash, made, length(bytes) FROM print_file WHERE run = ?1 ORDER BY part")?;
    let mut rows = statement.query([run])?;
    let mut files = Vec::new();
    while let Some(row) = rows.next()? {
        let size: Option<i64> = row.get(5)?;
        files.push(File {
            part: row.get(0)?,
            papers: from_db(row.get(1)?)?,
            left_out: from_db(row.get(2)?)?,
            hash: Hash(array(row.get(3)?, "hash")?),
            made: UtcMs(from_db(row.get(4)?)?),
            size: size.map(from_db).transpose()?,
        });
    }
    Ok(files)
}

/// The bytes of a file, unless they were dropped.
pub fn bytes(db: &Connection, run: u32, part: u32) -> Result<Option<Vec<u8>>, StoreError> {
    let mut statement = db.prepare_cached("SELECT bytes FROM print_file WHERE run = ?1 AND part = ?2")?;
    let bytes: Option<Option<Vec<u8>>> = statement.query_row([run, part], |row| row.get(0)).optional()?;
    Ok(bytes.flatten())
}

/// Drops the bytes of files made before `before`; what they were can be made again.
pub fn drop_files(db: &Connection, before: UtcMs) -> Result<(), StoreError> {
    db.execute("UPDATE print_file SET bytes = NULL WHERE bytes IS NOT NULL AND made < ?1", [to_db(before.0)])?;
    Ok(())
}

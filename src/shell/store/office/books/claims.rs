//! What providers claimed and what was decided of it.

use super::{As, Source, Span, Table, source};
use crate::book::entry::{Entry, Head};
use crate::claim::batch::Item;
use crate::shell::sheet::books::Kind;
use crate::shell::store::office::batches;
use crate::shell::store::sql::{Connection, OptionalExtension, params};
use crate::shell::store::{StoreError, to_db};
use data_encoding::HEXLOWER;

/// The tables of claims.
pub(super) const SOURCES: &[Source] = &[
    source!("abrechnungen.csv" "Abrechnungen" "Alle Sammelabrechnungen, wie sie eingingen, mit der unterschriebenen Quittung", 1,
        [(&["LESEGERAET"], "Lesegeraete"), (&["ANBIETER"], "Anbieter")], "i",
        "SELECT id, batch, terminal, provider, first_seq, last_seq, created, received, reason, hash, receipt, purged, id FROM batch
         WHERE id > ?1 AND received >= ?4 AND received < ?5 ORDER BY id LIMIT ?6", {
        "ABRECHNUNG" "Laufende Nummer im Amt" Number;
        "KENNUNG" "Kennung, die das Lesegerät vergab" Hex;
        "LESEGERAET" "Nummer des Lesegeräts" Number;
        "ANBIETER" "Nummer des Anbieters" Number;
        "VON_NR" "Erster Eintrag" Number;
        "BIS_NR" "Letzter Eintrag" Number;
        "ERSTELLT" "Erstellt (UTC)" Moment;
        "EINGEGANGEN" "Eingegangen (UTC)" Moment;
        "WARTET" "Warum sie nicht übernommen wurde, als Code; übernommen: leer" Text;
        "HASH" "SHA-256 der unterschriebenen Sammelabrechnung, wie sie einging" Hex;
        "QUITTUNG" "Quittung des Amts (COSE, unterschrieben)" Hex;
        "GELOESCHT" "Wann Inhalte einzelner Einträge gelöscht wurden (UTC); nie: leer" Moment;
    }),
    source!("sonderfaelle.csv" "Sonderfaelle" "Was eine Sachbearbeitung mit Abrechnungen tat, die warteten: Lücke hingenommen, als zweite Fassung weitergeführt, abgelehnt", 1,
        [(&["ABRECHNUNG"], "Abrechnungen")], "i",
        "SELECT d.batch, d.choice, d.clerk, d.at, d.lost_from, d.lost_to, d.batch FROM batch_decision d JOIN batch b ON b.id = d.batch
         WHERE d.batch > ?1 AND b.received >= ?4 AND b.received < ?5 ORDER BY d.batch LIMIT ?6", {
        "ABRECHNUNG" "Nummer der Sammelabrechnung" Number;
        "WAHL" "Was entschieden wurde, als Code" Text;
        "WER" "Wer entschied" Text;
        "ZEIT" "Wann (UTC)" Moment;
        "VERLOREN_VON" "Erster Eintrag, der als verloren gilt" Number;
        "VERLOREN_BIS" "Letzter Eintrag, der als verloren gilt" Number;
    }),
    source!("zeilen.csv" "Zeilen" "Jede Einlösung mit ihrer Entscheidung und dem, was bezahlt wurde", 2,
        [(&["ABRECHNUNG"], "Abrechnungen"), (&["ANBIETER"], "Anbieter"), (&["LESEGERAET"], "Lesegeraete")], "ii",
        "SELECT l.terminal, l.seq, l.batch, l.provider, l.child, l.day, l.month, l.at, l.benefit, l.service, l.units, l.cents, l.full_price, l.hash,
                l.cancelled_by, l.verdict, l.decided, l.reason, l.settled, l.run, l.terminal, l.seq
         FROM line l JOIN batch b ON b.id = l.batch
         WHERE (l.terminal, l.seq) > (?1, ?2) AND b.received >= ?4 AND b.received < ?5 ORDER BY l.terminal, l.seq LIMIT ?6", {
        "LESEGERAET" "Nummer des Lesegeräts" Number;
        "NR" "Nummer des Eintrags in seinem Journal; in einer zweiten Fassung des Journals um deren Nummer mal 2^40 größer" Number;
        "ABRECHNUNG" "Nummer der Sammelabrechnung" Number;
        "ANBIETER" "Nummer des Anbieters" Number;
        "FALL" "Nummer des Falls" Number;
        "LEISTUNGSTAG" "Tag der Leistung" Day;
        "MONAT" "Monat der Leistung" Month;
        "ERFASST" "Erfasst (UTC)" Moment;
        "LEISTUNG" "Art der Leistung" Benefit;
        "ANGEBOT" "Code des Angebots" Text;
        "MENGE" "Einheiten" Number;
        "BETRAG" "Beansprucht, in Euro" Euros;
        "VOLLER_PREIS" "Voller Preis, wo der Betrag geringer ist" Euros;
        "HASH" "SHA-256 des Eintrags" Hex;
        "STORNIERT_DURCH" "Eintrag, der diesen storniert" Number;
        "STAND" "Entscheidung" Verdict;
        "ANERKANNT" "Anerkannt, in Euro" Euros;
        "GRUND" "Grund als Code" Text;
        "BEZAHLT" "Bisher bezahlt, in Euro" Euros;
        "LAUF" "Letzter Zahllauf" Number;
    }),
    source!("stornos.csv" "Stornos" "Gegenbuchungen der Lesegeräte", 2, [(&["ABRECHNUNG"], "Abrechnungen"), (&["LESEGERAET"], "Lesegeraete")], "ii",
        "SELECT x.terminal, x.seq, x.batch, x.target, x.why, x.at, x.hash, x.verdict, x.decided, x.reason, x.settled, x.run, x.terminal, x.seq
         FROM cancellation x JOIN batch b ON b.id = x.batch
         WHERE (x.terminal, x.seq) > (?1, ?2) AND b.received >= ?4 AND b.received < ?5 ORDER BY x.terminal, x.seq LIMIT ?6", {
        "LESEGERAET" "Nummer des Lesegeräts" Number;
        "NR" "Nummer des Eintrags in seinem Journal" Number;
        "ABRECHNUNG" "Nummer der Sammelabrechnung" Number;
        "STORNIERT_NR" "Welchen Eintrag er storniert" Number;
        "WARUM" "Grund des Lesegeräts als Code" Text;
        "ERFASST" "Erfasst (UTC)" Moment;
        "HASH" "SHA-256 des Eintrags" Hex;
        "STAND" "Entscheidung" Verdict;
        "ANERKANNT" "Anerkannt, in Euro" Euros;
        "GRUND" "Grund als Code" Text;
        "BEZAHLT" "Bisher verrechnet, in Euro" Euros;
        "LAUF" "Letzter Zahllauf" Number;
    }),
    source!("unlesbar.csv" "Unlesbar" "Einträge, die nicht zu lesen oder nicht zu übernehmen waren", 2, [(&["ABRECHNUNG"], "Abrechnungen")], "ii",
        "SELECT u.terminal, u.seq, u.batch, u.reason, u.terminal, u.seq FROM unreadable u JOIN batch b ON b.id = u.batch
         WHERE (u.terminal, u.seq) > (?1, ?2) AND b.received >= ?4 AND b.received < ?5 ORDER BY u.terminal, u.seq LIMIT ?6", {
        "LESEGERAET" "Nummer des Lesegeräts" Number;
        "NR" "Nummer des Eintrags" Number;
        "ABRECHNUNG" "Nummer der Sammelabrechnung" Number;
        "GRUND" "Grund als Code" Text;
    }),
    source!("entscheidungen.csv" "Entscheidungen" "Jede Entscheidung einer Sachbearbeitung; die letzte je Zeile gilt", 1,
        [(&["LESEGERAET", "NR"], "Zeilen")], "i",
        "SELECT id, terminal, seq, choice, cents, reason, clerk, at, id FROM ruling WHERE id > ?1 AND at >= ?4 AND at < ?5 ORDER BY id LIMIT ?6", {
        "ENTSCHEIDUNG" "Laufende Nummer" Number;
        "LESEGERAET" "Nummer des Lesegeräts" Number;
        "NR" "Nummer des Eintrags" Number;
        "WAHL" "Was entschieden wurde, als Code" Text;
        "HOECHSTENS" "Höchstens so viel, in Euro" Euros;
        "GRUND" "Grund als Code" Text;
        "WER" "Wer entschied" Text;
        "ZEIT" "Wann (UTC)" Moment;
    }),
];

/// The entries of all journals as far as batches brought them: the proof that nothing is missing or changed.
pub const ENTRIES: Table = Table {
    file: "eintraege.csv",
    name: "Eintraege",
    says: "Jeder Journaleintrag, den eine Sammelabrechnung brachte: was andere betrifft oder gelöscht ist, nur mit seinem Hash",
    columns: &[
        ("ABRECHNUNG", "Nummer der Sammelabrechnung", Kind::Number),
        ("NR", "Nummer des Eintrags im Journal", Kind::Number),
        ("LESEGERAET", "Nummer des Lesegeräts", Kind::Number),
        ("HASH", "SHA-256 des Eintrags", Kind::Text),
        ("KETTE_VOR", "KETTE des vorigen Eintrags", Kind::Text),
        ("KETTE", "SHA-256 aus KETTE_VOR und HASH", Kind::Text),
        ("ART", "Art des Eintrags", Kind::Text),
        ("BYTES", "Der Eintrag selbst (CBOR, hexadezimal); nicht für dieses Amt oder gelöscht: leer", Kind::Text),
    ],
    keys: 2,
    refers: &[(&["ABRECHNUNG"], "Abrechnungen"), (&["LESEGERAET"], "Lesegeraete")],
};

/// Hands the entries of the first batch after row `after` in `span` to `take`; answers that batch's row id, none where there is no more.
pub fn entries<E: From<StoreError>>(
    db: &Connection,
    after: i64,
    span: Span,
    mut take: impl FnMut(Vec<String>) -> Result<(), E>,
) -> Result<Option<i64>, E> {
    let sql = "SELECT id, terminal, bytes FROM batch WHERE id > ?1 AND received >= ?2 AND received < ?3 ORDER BY id LIMIT 1";
    let find = || -> Result<Option<(i64, i64, Vec<u8>)>, StoreError> {
        let (from, before) = (to_db(span.from.0), to_db(span.before.0));
        Ok(db.prepare_cached(sql)?.query_row(params![after, from, before], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?)
    };
    let Some((id, terminal, bytes)) = find()? else { return Ok(None) };
    let draft = batches::content(&bytes)?;
    let mut head = draft.before;
    for item in &draft.items {
        let next = head.after_hash(item.hash());
        take(fields(id, terminal, item, head, next))?;
        head = next;
    }
    Ok(Some(id))
}

fn fields(batch: i64, terminal: i64, item: &Item, head: Head, next: Head) -> Vec<String> {
    let (kind, bytes) = match item {
        Item::Hidden(_) => ("", String::new()),
        Item::Shown(bytes) => (Entry::from_bytes(bytes).map_or("nicht lesbar", |entry| entry.body.german()), HEXLOWER.encode(bytes)),
    };
    vec![batch.to_string(), next.seq.to_string(), terminal.to_string(), item.hash().hex(), head.link.hex(), next.link.hex(), kind.to_owned(), bytes]
}

//! Everything the office holds of one child, table by table (Art. 15 GDPR).

use super::super::StoreError;
use super::books::As;
use crate::shell::store::sql::Connection;

/// A table of what is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its stable name.
    pub key: &'static str,
    /// Its title.
    pub title: &'static str,
    /// What it holds, why, and where it comes from.
    pub says: &'static str,
    /// Its columns.
    pub columns: Vec<&'static str>,
    /// Its rows.
    pub rows: Vec<Vec<String>>,
}

type Spec = (&'static str, &'static str, &'static str, &'static [(&'static str, As)], &'static str);

const SECTIONS: &[Spec] = &[
    ("case", "Fall", "Unter welchem Aktenzeichen und nach welchem Recht. Die Kennung ist eine Zufallszahl: nur sie steht auf Karten und in Lesegeräten.",
        &[("Aktenzeichen", As::Text), ("Rechtskreis", As::Basis), ("Kennung", As::Hex)],
        "SELECT reference, legal_basis, handle FROM child WHERE id = ?1"),
    ("approvals", "Bewilligungen", "Was für welche Monate bewilligt ist, und woher der Eintrag kommt.",
        &[("Von", As::Month), ("Bis", As::Month), ("Leistung", As::Benefit), ("Genauer", As::Text), ("Umfang", As::Text), ("Rechtskreis", As::Basis),
          ("Hinweis auf der Karte", As::Text), ("Herkunft", As::Text), ("Erfasst", As::When), ("Beendet ab", As::Day), ("Grund des Endes", As::Text)],
        "SELECT a.from_month, a.to_month, g.benefit, g.detail,
                CASE g.measure WHEN 0 THEN g.amount || ' Einheiten' WHEN 1 THEN g.amount / 100 || ',' || g.amount % 100 / 10 || g.amount % 10 || ' Euro'
                     ELSE g.amount || ' Minuten' END ||
                CASE g.period WHEN 1 THEN ' am Tag' WHEN 2 THEN ' in der Woche' WHEN 3 THEN ' im Monat' WHEN 4 THEN ' in der ganzen Zeit'
                     ELSE ' für jeden Monat, auch zum Ansparen' END,
                a.legal_basis, a.hint, a.source, a.recorded, a.ended_from, a.end_why
         FROM approval a JOIN granted g ON g.approval = a.id WHERE a.child = ?1 ORDER BY a.from_month, a.id, g.place"),
    ("cards", "Karten", "Ausgestellte Berechtigungen.",
        &[("Kartennummer", As::Card), ("Kennung", As::Hex), ("Ausgestellt", As::When), ("Ersetzt die Karte", As::Card)],
        "SELECT t.token, t.token, t.issued * 1000, r.token FROM token t LEFT JOIN token r ON r.id = t.replaces WHERE t.child = ?1 ORDER BY t.issued, t.id"),
    ("phones", "Handys", "Für das Kind eingerichtete Handys. Den Schlüssel hat nur das Handy selbst.",
        &[("Eingerichtet", As::When), ("Zuletzt gemeldet", As::When), ("Gesperrt", As::When)],
        "SELECT added, seen, removed FROM phone WHERE child = ?1 ORDER BY added"),
    ("invitations", "Einladungen für Handys", "Vom Code einer Einladung bewahrt das Amt nur eine Prüfsumme auf.",
        &[("Ausgestellt", As::When), ("Gilt bis", As::When), ("Benutzt am", As::When)],
        "SELECT i.made, i.expires, p.added FROM phone_invitation i LEFT JOIN phone p ON p.id = i.phone WHERE i.child = ?1 ORDER BY i.made"),
    ("stops", "Sperren", "Wann eine Karte gesperrt wurde.",
        &[("Kartennummer", As::Card), ("Von", As::Day), ("Bis", As::Day), ("Art", As::Text), ("Eingetragen", As::When), ("Grund", As::Text)],
        "SELECT t.token, s.from_day, s.until_day,
                CASE s.status WHEN 1 THEN 'beendet' WHEN 2 THEN 'ausgesetzt' WHEN 3 THEN 'ersetzt' ELSE 'gültig' END, s.recorded, s.why
         FROM stop s JOIN token t ON t.id = s.token WHERE t.child = ?1 ORDER BY s.recorded"),
    ("debits", "Zahlungen des Amts an die Familie", "Sie zählen auf den bewilligten Umfang.",
        &[("Leistung", As::Benefit), ("Von", As::Day), ("Bis", As::Day), ("Betrag in Euro", As::Euros)],
        "SELECT benefit, from_day, to_day, cents FROM debit WHERE child = ?1 ORDER BY from_day, benefit"),
    ("trips", "Endabrechnungen von Fahrten", "Was eine Fahrt tatsächlich gekostet hat, wie es der Anbieter in seiner Klassenliste angab.",
        &[("Fahrt", As::Text), ("Leistung", As::Benefit), ("Anbieter", As::Text), ("Kosten in Euro", As::Euros), ("Erfasst", As::When)],
        "SELECT t.event, t.benefit, p.name, t.cents, t.at FROM trip_end t JOIN provider p ON p.number = t.provider WHERE t.child = ?1 ORDER BY t.at"),
    ("redemptions", "Einlösungen", "Was ein Anbieter abgerechnet hat, wie darüber entschieden und ob es bezahlt wurde. Es stammt aus den Lesegeräten der Anbieter.",
        &[("Tag", As::Day), ("Anbieter", As::Text), ("Angebot", As::Text), ("Leistung", As::Benefit), ("Einheiten", As::Number), ("Beansprucht", As::Euros),
          ("Entschieden", As::Verdict), ("Anerkannt", As::Euros), ("Grund", As::Reason), ("Bezahlt", As::Euros), ("Überwiesen am", As::Day),
          ("Erfasst", As::When), ("Storniert", As::When)],
        "SELECT l.day, p.name, coalesce(a.label, l.service), l.benefit, l.units, l.cents, l.verdict, l.decided, l.reason, l.settled, r.execution, l.at, x.at
         FROM (SELECT DISTINCT month FROM child_sum WHERE child = ?1) m CROSS JOIN line l ON l.month = m.month AND l.child = ?1 JOIN provider p ON p.number = l.provider LEFT JOIN agreement a ON a.provider = l.provider AND a.code = l.service
              LEFT JOIN run r ON r.number = l.run LEFT JOIN cancellation x ON x.terminal = l.terminal AND x.seq = l.cancelled_by
         ORDER BY l.day, l.at"),
    ("rulings", "Entscheidungen von Mitarbeitenden", "Wo keine Regel entschied: was, warum, mit der Notiz, die dazu gemacht wurde.",
        &[("Tag der Leistung", As::Day), ("Wann", As::When), ("Entscheidung", As::Text), ("Höchstens", As::Euros), ("Grund", As::Reason), ("Notiz", As::Text)],
        "SELECT l.day, r.at, CASE r.choice WHEN 'accept' THEN 'anerkannt' WHEN 'cut' THEN 'gekürzt' WHEN 'reject' THEN 'abgelehnt' ELSE 'Rückfrage' END,
                r.cents, r.reason, r.note
         FROM (SELECT DISTINCT month FROM child_sum WHERE child = ?1) m CROSS JOIN line l ON l.month = m.month AND l.child = ?1
              JOIN ruling r ON r.terminal = l.terminal AND r.seq = l.seq ORDER BY r.at"),
    ("log", "Zugriffe", "Wann Mitarbeitende des Amts den Fall oder eine Karte ansahen oder änderten. Ihre Namen gehören nicht zur Auskunft (EuGH, C-579/21).",
        &[("Wann", As::When), ("Was", As::Text)],
        "SELECT at, action FROM audit WHERE clerk IS NOT NULL AND object IN
           (SELECT 'child/' || ?1 UNION ALL SELECT 'token/' || lower(hex(token)) FROM token WHERE child = ?1
            UNION ALL SELECT 'approval/' || id FROM approval WHERE child = ?1) ORDER BY seq"),
];

/// All that is held of a child.
pub fn sections(db: &Connection, child: i64) -> Result<Vec<Section>, StoreError> {
    SECTIONS.iter().map(|spec| section(db, child, spec)).collect()
}

fn section(db: &Connection, child: i64, (key, title, says, columns, sql): &Spec) -> Result<Section, StoreError> {
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([child])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let fields: Result<Vec<String>, StoreError> = columns.iter().enumerate().map(|(index, (_, how))| how.written(row.get_ref(index)?)).collect();
        all.push(fields?);
    }
    Ok(Section { key, title, says, columns: columns.iter().map(|(name, _)| *name).collect(), rows: all })
}

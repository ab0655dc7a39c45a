//! What was paid, who signed it, and the files that went to banks and treasuries.

use super::{As, Source, Table, source};

/// The tables of money.
pub(super) const SOURCES: &[Source] = &[
    source!("laeufe.csv" "Laeufe" "Zahlläufe mit beiden Unterschriften", 1, [], "i",
        "SELECT number, state, execution, content, first_clerk, first_at, second_clerk, second_at, number FROM run
         WHERE number > ?1 AND first_at >= ?4 AND first_at < ?5 ORDER BY number LIMIT ?6", {
        "LAUF" "Nummer" Number;
        "STAND" "Stand als Code" Text;
        "AUSFUEHRUNG" "Ausführungstag" Day;
        "INHALT" "SHA-256 dessen, was unterschrieben wurde" Hex;
        "ERSTE" "Wer vorbereitet hat" Text;
        "ERSTE_ZEIT" "Wann (UTC)" Moment;
        "ZWEITE" "Wer freigegeben hat" Text;
        "ZWEITE_ZEIT" "Wann (UTC)" Moment;
    }),
    source!("zahlungen.csv" "Zahlungen" "Überweisungen der Zahlläufe", 1, [(&["LAUF"], "Laeufe"), (&["ANBIETER"], "Anbieter")], "t",
        "SELECT p.end_to_end_id, p.run, p.provider, p.cents, p.iban, p.remittance, p.booked, p.returned, p.end_to_end_id
         FROM payment p JOIN run r ON r.number = p.run
         WHERE p.end_to_end_id > ?1 AND r.first_at >= ?4 AND r.first_at < ?5 ORDER BY p.end_to_end_id LIMIT ?6", {
        "ZAHLUNG" "Ende-zu-Ende-Referenz" Text;
        "LAUF" "Zahllauf" Number;
        "ANBIETER" "Nummer des Anbieters" Number;
        "BETRAG" "Betrag in Euro" Euros;
        "IBAN" "Konto" Text;
        "VERWENDUNGSZWECK" "Verwendungszweck" Text;
        "GEBUCHT" "Von der Bank gebucht" Day;
        "RUECKGABE" "Grund der Rückgabe, als Code" Text;
    }),
    source!("anteile.csv" "Anteile" "Wie viel einer Überweisung auf welche Sammelabrechnung entfällt", 2,
        [(&["ZAHLUNG"], "Zahlungen"), (&["ABRECHNUNG"], "Abrechnungen")], "ti",
        "SELECT s.end_to_end_id, s.batch, s.cents, s.end_to_end_id, s.batch
         FROM share s JOIN payment p ON p.end_to_end_id = s.end_to_end_id JOIN run r ON r.number = p.run
         WHERE (s.end_to_end_id, s.batch) > (?1, ?2) AND r.first_at >= ?4 AND r.first_at < ?5 ORDER BY s.end_to_end_id, s.batch LIMIT ?6", {
        "ZAHLUNG" "Ende-zu-Ende-Referenz" Text;
        "ABRECHNUNG" "Nummer der Sammelabrechnung" Number;
        "BETRAG" "Anteil in Euro" Euros;
    }),
    source!("lauf_zeilen.csv" "Laufzeilen" "Was jede Zeile in jedem freigegebenen Lauf bekam", 3, [(&["LAUF"], "Laeufe")], "iii",
        "SELECT rl.run, rl.terminal, rl.seq, rl.total, rl.already, rl.total - rl.already, rl.run, rl.terminal, rl.seq
         FROM run_line rl JOIN run r ON r.number = rl.run
         WHERE (rl.run, rl.terminal, rl.seq) > (?1, ?2, ?3) AND r.first_at >= ?4 AND r.first_at < ?5 ORDER BY rl.run, rl.terminal, rl.seq LIMIT ?6", {
        "LAUF" "Zahllauf" Number;
        "LESEGERAET" "Nummer des Lesegeräts" Number;
        "NR" "Nummer des Eintrags" Number;
        "ANERKANNT" "Anerkannt im Ganzen, in Euro" Euros;
        "BEREITS" "Davon früher bezahlt, in Euro" Euros;
        "JETZT" "In diesem Lauf, in Euro" Euros;
    }),
    source!("dateien.csv" "Dateien" "Dateien der freigegebenen Läufe; sie selbst liegen im Ordner dateien", 2, [(&["LAUF"], "Laeufe")], "it",
        "SELECT f.run, f.name, length(f.bytes), coalesce(lower(hex(f.purged)), ''), f.bytes, f.run, f.name FROM released_file f JOIN run r ON r.number = f.run
         WHERE (f.run, f.name) > (?1, ?2) AND r.first_at >= ?4 AND r.first_at < ?5 ORDER BY f.run, f.name LIMIT ?6", {
        "LAUF" "Zahllauf" Number;
        "DATEI" "Name" Text;
        "GROESSE" "Bytes" Number;
        "GELOESCHT" "SHA-256 der Datei, die gelöscht wurde; sie ist da: leer" Text;
        "SHA256" "SHA-256 dessen, was noch da ist" Sha256;
    }),
];

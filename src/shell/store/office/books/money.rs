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
    source!("lauf_anbieter.csv" "Laufanbieter" "Anbieter jedes Laufs mit Konto und Summe, wie unterschrieben; unter null wird verrechnet", 2,
        [(&["LAUF"], "Laeufe"), (&["ANBIETER"], "Anbieter")], "ii",
        "SELECT x.run, x.provider, x.name, x.iban, x.lines, x.cents, x.run, x.provider FROM run_provider x JOIN run r ON r.number = x.run
         WHERE (x.run, x.provider) > (?1, ?2) AND r.first_at >= ?4 AND r.first_at < ?5 ORDER BY x.run, x.provider LIMIT ?6", {
        "LAUF" "Zahllauf" Number;
        "ANBIETER" "Nummer des Anbieters" Number;
        "NAME" "Name" Text;
        "IBAN" "Konto" Text;
        "ZEILEN" "Anzahl der Zeilen" Number;
        "BETRAG" "Summe in Euro" Euros;
    }),
    source!("rueckgaben.csv" "Rueckgaben" "Was eine zurückgekommene Überweisung von ihren Zeilen zurücknimmt", 3, [(&["ZAHLUNG"], "Zahlungen")], "tii",
        "SELECT x.end_to_end_id, x.terminal, x.seq, x.cents, p.returned_on, x.end_to_end_id, x.terminal, x.seq
         FROM returned_line x JOIN payment p ON p.end_to_end_id = x.end_to_end_id JOIN run r ON r.number = p.run
         WHERE (x.end_to_end_id, x.terminal, x.seq) > (?1, ?2, ?3) AND r.first_at >= ?4 AND r.first_at < ?5
         ORDER BY x.end_to_end_id, x.terminal, x.seq LIMIT ?6", {
        "ZAHLUNG" "Ende-zu-Ende-Referenz" Text;
        "LESEGERAET" "Nummer des Lesegeräts" Number;
        "NR" "Nummer des Eintrags" Number;
        "BETRAG" "Zurückgenommen, in Euro" Euros;
        "TAG" "Tag der Rückgabe" Day;
    }),
    source!("rueckzahlungen.csv" "Rueckzahlungen" "Was Anbieter selbst zurückgezahlt haben; unter null: eine irrtümlich bestätigte, zurückgenommen", 1,
        [(&["ANBIETER"], "Anbieter")], "i",
        "SELECT id, provider, cents, day, clerk, at, second, second_at, settled, undoes, id FROM repayment
         WHERE id > ?1 AND at >= ?4 AND at < ?5 ORDER BY id LIMIT ?6", {
        "RUECKZAHLUNG" "Nummer" Number;
        "ANBIETER" "Nummer des Anbieters" Number;
        "BETRAG" "Betrag in Euro" Euros;
        "EINGANG" "Tag des Eingangs" Day;
        "ERSTE" "Wer sie eingetragen hat" Text;
        "ERSTE_ZEIT" "Wann (UTC)" Moment;
        "ZWEITE" "Wer sie bestätigt hat; leer: sie wartet und wirkt noch nicht" Text;
        "ZWEITE_ZEIT" "Wann (UTC)" Moment;
        "VERRECHNET" "Davon in Läufen verrechnet, in Euro" Euros;
        "NIMMT_ZURUECK" "Nummer der Rückzahlung, die diese zurücknimmt" Number;
    }),
    source!("lauf_rueckzahlungen.csv" "Laufrueckzahlungen" "Rückzahlungen in jedem Lauf, wie unterschrieben; verrechnet nur, wo die Summe des Anbieters in Laufanbieter nicht unter null ist", 3,
        [(&["LAUF"], "Laeufe"), (&["ANBIETER"], "Anbieter")], "iii",
        "SELECT x.run, x.provider, x.repayment, x.total, x.already, x.total - x.already, x.run, x.provider, x.repayment
         FROM drawn_repayment x JOIN run r ON r.number = x.run
         WHERE (x.run, x.provider, x.repayment) > (?1, ?2, ?3) AND r.first_at >= ?4 AND r.first_at < ?5 ORDER BY x.run, x.provider, x.repayment LIMIT ?6", {
        "LAUF" "Zahllauf" Number;
        "ANBIETER" "Nummer des Anbieters" Number;
        "RUECKZAHLUNG" "Nummer der Rückzahlung" Number;
        "BETRAG" "Eingegangen, in Euro" Euros;
        "BEREITS" "Davon früher verrechnet, in Euro" Euros;
        "JETZT" "In diesem Lauf, in Euro" Euros;
    }),
    source!("rueckgaben_rueckzahlungen.csv" "RueckgabenRueckzahlungen" "Was eine zurückgekommene Überweisung von verrechneten Rückzahlungen wieder öffnet", 2,
        [(&["ZAHLUNG"], "Zahlungen")], "ti",
        "SELECT x.end_to_end_id, x.repayment, x.cents, x.end_to_end_id, x.repayment
         FROM returned_repayment x JOIN payment p ON p.end_to_end_id = x.end_to_end_id JOIN run r ON r.number = p.run
         WHERE (x.end_to_end_id, x.repayment) > (?1, ?2) AND r.first_at >= ?4 AND r.first_at < ?5
         ORDER BY x.end_to_end_id, x.repayment LIMIT ?6", {
        "ZAHLUNG" "Ende-zu-Ende-Referenz" Text;
        "RUECKZAHLUNG" "Nummer der Rückzahlung" Number;
        "BETRAG" "Wieder offen, in Euro" Euros;
    }),
    source!("bankdateien.csv" "Bankdateien" "Eingelesene Dateien der Bank", 1, [], "i",
        "SELECT id, at, clerk, kind, hash, booked, returned, known, others, unclear, id FROM bank_file
         WHERE id > ?1 AND at >= ?4 AND at < ?5 ORDER BY id LIMIT ?6", {
        "DATEI" "Nummer" Number;
        "ZEIT" "Wann (UTC)" Moment;
        "WER" "Wer eingelesen hat" Text;
        "ART" "camt oder pain.002" Text;
        "SHA256" "SHA-256 der Datei" Hex;
        "GEBUCHT" "Zahlungen, die gebucht sind" Number;
        "ZURUECK" "Zahlungen, die zurückkamen" Number;
        "BEKANNT" "Schon bekannte" Number;
        "ANDERE" "Buchungen, die keine Zahlungen sind" Number;
        "UNKLAR" "Buchungen, die zu klären sind" Number;
    }),
    source!("bankklaerungen.csv" "Bankklaerungen" "Was an Meldungen der Bank nicht passte, und wer es geklärt hat", 1, [], "i",
        "SELECT id, run, end_to_end_id, kind, cents, day, reason, at, clerk, closed, id FROM bank_doubt
         WHERE id > ?1 AND at >= ?4 AND at < ?5 ORDER BY id LIMIT ?6", {
        "NR" "Nummer" Number;
        "LAUF" "Zahllauf" Number;
        "ZAHLUNG" "Ende-zu-Ende-Referenz; leer: der ganze Lauf" Text;
        "ART" "Was nicht passte, als Code" Text;
        "BETRAG" "Betrag laut Bank, in Euro" Euros;
        "TAG" "Buchungstag laut Bank" Day;
        "GRUND" "Grund der Bank, als Code" Text;
        "ZEIT" "Wann eingelesen (UTC)" Moment;
        "WER" "Wer es geklärt hat" Text;
        "GEKLAERT" "Wann (UTC)" Moment;
    }),
];

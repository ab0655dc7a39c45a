//! Who is who: providers and what is agreed with them, terminals, clerks, the log of what clerks did, and, apart from all that, cases.

use super::{As, Source, Table, source};

/// Tables without personal data of children.
pub(super) const SOURCES: &[Source] = &[
    source!("anbieter.csv" "Anbieter" "Alle Anbieter, Stand des Exports", 1, [], "i",
        "SELECT number, name, iban, changed, number FROM provider WHERE number > ?1 ORDER BY number LIMIT ?6", {
        "ANBIETER" "Nummer des Anbieters" Number;
        "NAME" "Name" Text;
        "IBAN" "Konto, auf das gezahlt wird" Text;
        "GEAENDERT" "Zuletzt geändert (UTC)" Moment;
    }),
    source!("vereinbarungen.csv" "Vereinbarungen" "Welche Angebote mit wem vereinbart sind, Stand des Exports", 2, [(&["ANBIETER"], "Anbieter")], "it",
        "SELECT provider, code, benefit, label, pricing, unit_minutes, detail, from_day, until_day, provider, code FROM agreement
         WHERE (provider, code) > (?1, ?2) ORDER BY provider, code LIMIT ?6", {
        "ANBIETER" "Nummer des Anbieters" Number;
        "ANGEBOT" "Code des Angebots" Text;
        "LEISTUNG" "Art der Leistung" Benefit;
        "BEZEICHNUNG" "Bezeichnung" Text;
        "PREISART" "0 fester Preis, 1 freier Betrag, 2 Monatspauschale" Number;
        "MINUTEN" "Minuten einer Unterrichtseinheit" Number;
        "GEGENSTAND" "Fach oder Anlass" Text;
        "AB" "Erster Tag" Day;
        "BIS" "Letzter Tag" Day;
    }),
    source!("preise.csv" "Preise" "Vereinbarte Preise mit ihrem ersten Tag", 3, [(&["ANBIETER", "ANGEBOT"], "Vereinbarungen")], "iti",
        "SELECT provider, code, from_day, cents, provider, code, from_day FROM price
         WHERE (provider, code, from_day) > (?1, ?2, ?3) ORDER BY provider, code, from_day LIMIT ?6", {
        "ANBIETER" "Nummer des Anbieters" Number;
        "ANGEBOT" "Code des Angebots" Text;
        "AB" "Erster Tag des Preises" Day;
        "PREIS" "Preis in Euro" Euros;
    }),
    source!("lesegeraete.csv" "Lesegeraete" "Alle Lesegeräte mit dem Ende ihrer Journale, wie das Amt sie kennt", 1, [(&["ANBIETER"], "Anbieter")], "i",
        "SELECT id, terminal, key, label, provider, admitted, head_seq, head_link, id FROM terminal WHERE id > ?1 ORDER BY id LIMIT ?6", {
        "LESEGERAET" "Laufende Nummer des Lesegeräts" Number;
        "KENNUNG" "Kennung des Lesegeräts" Hex;
        "SCHLUESSEL" "Öffentlicher Schlüssel (Ed25519)" Hex;
        "BEZEICHNUNG" "Bezeichnung" Text;
        "ANBIETER" "Nummer des Anbieters" Number;
        "ZUGELASSEN" "Zugelassen (UTC)" Moment;
        "LETZTE_NR" "Letzter Eintrag seines Journals" Number;
        "KETTE" "KETTE nach diesem Eintrag" Hex;
    }),
    source!("konten.csv" "Konten" "Konten der Sachbearbeitung, Stand des Exports", 1, [], "i",
        "SELECT name, roles, created, closed, id FROM clerk WHERE id > ?1 ORDER BY id LIMIT ?6", {
        "NAME" "Name" Text;
        "ROLLEN" "Rollen" Text;
        "ANGELEGT" "Angelegt (UTC)" Moment;
        "GESCHLOSSEN" "Geschlossen (UTC)" Moment;
    }),
    source!("protokoll.csv" "Protokoll" "Was angesehen und getan wurde, in einer Kette; gelöschter Inhalt ist leer, sein Hash bleibt", 1, [], "i",
        "SELECT seq, at, at, clerk, action, object, detail, salt, content,
                (SELECT link FROM audit before WHERE before.seq = audit.seq - 1), link, seq
         FROM audit WHERE seq > ?1 AND at >= ?4 AND at < ?5 ORDER BY seq LIMIT ?6", {
        "NR" "Laufende Nummer, lückenlos ab 1" Number;
        "ZEIT" "Zeitpunkt (UTC)" Moment;
        "ZEIT_MS" "Derselbe Zeitpunkt in Millisekunden seit 1970" Number;
        "WER" "Name, gelöscht: leer" Text;
        "HANDLUNG" "Was getan wurde, als Code" Text;
        "WORAN" "Woran, gelöscht: leer" Text;
        "EINZELHEIT" "Was noch, gelöscht: leer" Text;
        "SALZ" "Zufall, der mit in den Hash eingeht, gelöscht: leer" Hex;
        "HASH" "SHA-256 des Inhalts" Hex;
        "KETTE_VOR" "KETTE der vorigen Nummer; vor Nr. 1 leer" Hex;
        "KETTE" "SHA-256 aus KETTE_VOR und HASH" Hex;
    }),
];

/// The tables that name cases and legal bases, and clerks' notes.
pub(super) const CASES: &[Source] = &[
    source!("faelle.csv" "Faelle" "Aktenzeichen und Rechtskreis der Fälle, die in Zeilen als FALL stehen: Sozialdaten, nur für die eigene Prüfung", 1, [], "i",
        "SELECT id, reference, legal_basis, id FROM child WHERE id > ?1 ORDER BY id LIMIT ?6", {
        "FALL" "Nummer des Falls" Number;
        "AKTENZEICHEN" "Aktenzeichen" Text;
        "RECHTSKREIS" "Rechtskreis als Code" Text;
    }),
    source!("notizen.csv" "Notizen" "Freie Notizen zu Entscheidungen: nur für die eigene Prüfung", 1, [(&["ENTSCHEIDUNG"], "Entscheidungen")], "i",
        "SELECT id, note, id FROM ruling WHERE id > ?1 AND at >= ?4 AND at < ?5 AND note <> '' ORDER BY id LIMIT ?6", {
        "ENTSCHEIDUNG" "Nummer der Entscheidung" Number;
        "NOTIZ" "Notiz" Text;
    }),
];

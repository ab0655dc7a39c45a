//! What clerks read for what the program knows by type.

use crate::admit::status::{DataAge, Status};
use crate::book::redemption::SeenAs;
use crate::deliver::advice::Verdict;
use crate::office::OfficeError;
use crate::reconcile::register::Stop;
use crate::settle::posting::PostingError;
use crate::settle::settlement::DraftError;
use crate::shell::paper::letters::NotPrinted;
use crate::shell::store::StoreError;
use crate::shell::texts::{Blanks, Language, Texts};
use crate::words::civil::{CivilDay, berlin_minute, clock_text};
use crate::words::legal_basis::LegalBasis;
use crate::words::reason::Reason;
use crate::words::time::UtcMs;

/// `23.11.2026, 12:03`.
pub fn moment(at: UtcMs) -> String {
    format!("{}, {}", CivilDay::of(at).german(), clock_text(berlin_minute(at)))
}

/// A verdict on a line; a pending one without reason has not been reconciled yet.
pub const fn verdict(verdict: Verdict, has_reason: bool) -> &'static str {
    match verdict {
        Verdict::Pending if has_reason => "Befund",
        Verdict::Pending => "neu",
        Verdict::Accepted => "anerkannt",
        Verdict::Reduced => "gekürzt",
        Verdict::Rejected => "abgelehnt",
    }
}

/// The verdict's class in the style sheet.
pub const fn verdict_class(verdict: Verdict, has_reason: bool) -> &'static str {
    match verdict {
        Verdict::Pending if has_reason => "look",
        Verdict::Pending => "new",
        Verdict::Accepted => "good",
        Verdict::Reduced => "part",
        Verdict::Rejected => "bad",
    }
}

/// How the token was seen; the wire's code.
pub fn seen_as(code: u64) -> &'static str {
    match SeenAs::from_code(code) {
        Some(SeenAs::Qr) => "QR-Code",
        Some(SeenAs::Phone) => "Handy",
        Some(SeenAs::NfcToken) => "NFC-Karte",
        Some(SeenAs::CardNumber) => "Kartennummer",
        Some(SeenAs::NfcUid) => "Chip",
        Some(SeenAs::List) => "Liste (Karte vergessen)",
        None => "unbekannt",
    }
}

/// How old the terminal's data were when it decided.
pub const fn data_age(age: DataAge) -> &'static str {
    match age {
        DataAge::Green => "aktuell",
        DataAge::Amber => "einige Tage alt",
        DataAge::Red => "lange nicht aktualisiert",
    }
}

/// A clerk's choice by its stored name.
pub fn choice(name: &str) -> &'static str {
    match name {
        "accept" => "anerkannt",
        "cut" => "gekürzt",
        "ask" => "zurückgefragt",
        _ => "abgelehnt",
    }
}

/// A reason's sentence, as the provider reads it; a code this version does not know stands for itself.
pub fn sentence(code: &str) -> String {
    Reason::from_code(code).map_or_else(|| code.to_owned(), |reason| Texts::speaking(Language::GERMAN).filled(reason, &Blanks::default()).text)
}

/// A reason in a few words, for lists.
pub fn title(code: &str) -> String {
    let Some(reason) = Reason::from_code(code) else { return code.to_owned() };
    let title = match reason {
        Reason::Malformed => "Nicht lesbar",
        Reason::WrongLayout => "Falsche Tastatur-Einstellung",
        Reason::WrongType => "Kein Berechtigungs-Code",
        Reason::UnknownKey => "Unbekannter Schlüssel",
        Reason::KeyWithdrawn => "Schlüssel zurückgezogen",
        Reason::BadSignature => "Unterschrift passt nicht",
        Reason::NotYetValid => "Vor dem Bewilligungszeitraum",
        Reason::Expired => "Nach dem Bewilligungszeitraum",
        Reason::Revoked => "Berechtigung beendet",
        Reason::Suspended => "Berechtigung ausgesetzt",
        Reason::Replaced => "Karte ersetzt",
        Reason::WrongProvider => "Anderer Anbieter bewilligt",
        Reason::WrongBenefit => "Leistung nicht bewilligt",
        Reason::NoPrice => "Kein Preis vereinbart",
        Reason::ProviderNotAdmitted => "Anbieter nicht zugelassen",
        Reason::AlreadyRedeemed => "Schon eingelöst",
        Reason::CeilingReached => "Bewilligter Umfang erschöpft",
        Reason::OutsideClaimWindow => "Außerhalb der Abrechnungsfrist",
        Reason::UnknownNumber => "Unbekannte Kartennummer",
        Reason::ClockSuspect => "Uhr des Lesegeräts zweifelhaft",
        Reason::StatusStale => "Daten des Lesegeräts veraltet",
        Reason::HolderProofMissing => "Nachweis des Handys fehlt",
        Reason::LessonOverlap => "Stunden überschneiden sich",
        Reason::StorageFailed => "Nicht gespeichert",
        Reason::Duplicate => "Doppelt beansprucht",
        Reason::Conflict => "Zwei Anbieter beanspruchen dasselbe",
        Reason::PriceDiffers => "Betrag weicht vom Preis ab",
        Reason::Overlap => "Monatspauschale und Einzelessen",
        Reason::SelfPaid => "Schon an die Familie gezahlt",
        Reason::NotAServiceDay => "Kein Öffnungstag",
        Reason::JournalGap => "Lücke im Journal",
        Reason::JournalForked => "Journal gespalten",
        Reason::UnknownToken => "Berechtigung unbekannt",
        Reason::Late => "Nach der Abrechnungsfrist",
        Reason::ClerkDecision => "Entscheidung der Sachbearbeitung",
        Reason::PleaseClarify => "Rückfrage beim Anbieter",
    };
    title.to_owned()
}

/// What helps a clerk to decide a finding; empty where the reason says it all.
pub fn hint(code: &str) -> &'static str {
    match Reason::from_code(code) {
        Some(Reason::Conflict) => "Gezahlt wird nur einmal. Bitte klären, wo das Kind wirklich war; dort anerkennen, beim anderen ablehnen.",
        Some(Reason::NotAServiceDay) => {
            "Laut Kalender hat der Anbieter an diesem Tag geschlossen, oder der Tag lag noch vor ihm. Gab es einen Grund, bitte anerkennen."
        }
        Some(Reason::LessonOverlap) => "Kind oder Lehrkraft war zur selben Zeit in einer anderen Stunde. Bitte klären, welche gegeben wurde.",
        Some(Reason::Overlap) => "In diesem Monat ist auch eine Pauschale beansprucht. Bitte klären, was vereinbart ist; das andere ablehnen.",
        Some(Reason::SelfPaid) => "Das Amt hat der Familie für diese Zeit schon Geld erstattet. Anerkennen nur, wenn das etwas anderes war.",
        Some(Reason::Suspended) => "Die Karte war an diesem Tag ausgesetzt. Gilt sie rückwirkend wieder, bitte anerkennen.",
        Some(Reason::ClockSuspect) => {
            "Die Zeit des Eintrags liegt nach seinem Eingang: Die Uhr des Lesegeräts ging falsch. Stimmt der Tag, bitte anerkennen."
        }
        Some(Reason::StatusStale) => "Das Lesegerät hatte lange keine Verbindung. War die Karte an diesem Tag gültig, spricht nichts dagegen.",
        Some(Reason::UnknownToken) => {
            "Zu diesem Eintrag ist keine Karte ausgestellt. Ohne Karte wird nichts gezahlt; bitte beim Anbieter nachfragen."
        }
        Some(Reason::Late) => "Der Eintrag kam nach dem Ende der Frist an. Eine Ausnahme ist Ihre Entscheidung.",
        Some(Reason::JournalGap | Reason::JournalForked) => {
            "Das Journal des Lesegeräts ist nicht lückenlos. Bitte zuerst mit dem Anbieter klären, was fehlt."
        }
        Some(Reason::PriceDiffers) => "Beansprucht ist mehr als der vereinbarte Preis. Meist genügt es, auf den vereinbarten Preis zu kürzen.",
        Some(Reason::PleaseClarify) => "Der Anbieter ist gefragt. Sobald die Antwort da ist, hier entscheiden; das geht auch ohne sie.",
        _ => "",
    }
}

/// The day of the week.
pub fn weekday(day: CivilDay) -> &'static str {
    const NAMES: [&str; 7] = ["Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"];
    let since_monday = day.days().saturating_sub(day.iso_week().monday().days());
    NAMES.get(since_monday as usize).copied().unwrap_or_default()
}

/// What a stop says of a card.
pub fn stop_words(stop: &Stop) -> String {
    let what = match stop.status {
        Status::Suspended => "ausgesetzt",
        Status::Replaced => "ersetzt",
        _ => "beendet",
    };
    match stop.until {
        Some(until) => format!("{what} vom {} bis {}", stop.from.german(), until.german()),
        None => format!("{what} ab {}", stop.from.german()),
    }
}

/// The reasons a clerk can give, the usual one first.
pub const RULING_REASONS: [Reason; 15] = [
    Reason::ClerkDecision,
    Reason::Conflict,
    Reason::Duplicate,
    Reason::PriceDiffers,
    Reason::NotAServiceDay,
    Reason::LessonOverlap,
    Reason::Overlap,
    Reason::SelfPaid,
    Reason::CeilingReached,
    Reason::WrongBenefit,
    Reason::ProviderNotAdmitted,
    Reason::Revoked,
    Reason::Late,
    Reason::ClockSuspect,
    Reason::UnknownToken,
];

/// What was done last with a provider, a calendar or a waiting batch.
pub fn done_with_providers(code: &str) -> &'static str {
    match code {
        "provider_added" => "Der Anbieter ist eingetragen. Als Nächstes braucht er einen Anmeldecode, um sein Lesegerät anzumelden.",
        "provider_changed" => "Die Stammdaten sind geändert.",
        "iban_entered" => "Das neue Konto ist eingetragen. Gezahlt wird darauf erst, wenn eine zweite Person es bestätigt hat.",
        "iban_confirmed" => "Das neue Konto ist bestätigt. Ab jetzt wird darauf gezahlt.",
        "iban_dropped" => "Das neue Konto ist verworfen. Gezahlt wird weiter auf das alte.",
        "agreed" => "Die Leistung ist vereinbart. Lesegeräte erfahren es beim nächsten Abruf.",
        "priced" => "Der Preis ist eingetragen. Offene Zeilen dieser Tage werden beim nächsten Abgleich neu geprüft.",
        "ended" => "Das Ende ist eingetragen. Offene Zeilen späterer Tage werden beim nächsten Abgleich neu geprüft.",
        "days_changed" => "Gespeichert. Offene Zeilen dieser Tage werden beim nächsten Abgleich neu geprüft.",
        "calendar_taken" => "Die Datei ist übernommen. Offene Zeilen dieser Tage werden beim nächsten Abgleich neu geprüft.",
        "retired" => "Das Lesegerät ist stillgelegt. Was es noch schickt, wartet auf Ihre Entscheidung.",
        "batch_taken" => "Die Abrechnung ist übernommen. Ihre Zeilen werden beim nächsten Abgleich geprüft wie alle anderen.",
        "batch_rejected" => "Die Abrechnung ist abgelehnt. Der Anbieter erfährt es Zeile für Zeile beim nächsten Abruf.",
        "refused_seen" => "Abgehakt.",
        "pattern_answered" => "Ihre Antwort ist festgehalten.",
        "invoice_party" => "Die Angaben für Rechnungen sind gespeichert.",
        "invoice_none" => "Für diesen Anbieter werden keine Rechnungen mehr erstellt. Was erstellt ist, bleibt hier stehen.",
        "invoice_vat" => "Die Umsatzsteuer ist eingetragen.",
        "invoice_made" => "Die Rechnung ist erstellt. Sie steht unten zum Herunterladen bereit.",
        "invoice_buyer" => "Die Angaben des Amts für Rechnungen sind gespeichert.",
        "limits_set" => "Die Schwellen sind geändert.",
        _ => "",
    }
}

/// What the office's error is to a clerk: what is wrong and what to do.
pub fn trouble(why: &OfficeError) -> String {
    match why {
        OfficeError::Store(why) => store_trouble(why),
        OfficeError::SameClerk(_) => {
            "Sie haben diese Zahlung selbst vorbereitet. Freigeben muss sie eine andere Person mit eigener Anmeldung.".into()
        }
        OfficeError::ContentChanged(_) => {
            "Seit der ersten Unterschrift hat sich etwas geändert. Bitte die Zahlung neu vorbereiten und unterschreiben; es wurde nichts gezahlt."
                .into()
        }
        OfficeError::NotCompared => "Dieses Amt wurde aus einer Sicherung wiederhergestellt. Bitte zuerst die Kontoauszüge mit den Läufen vergleichen: \
            Was nach der Sicherung gezahlt wurde, würde sonst noch einmal gezahlt. Danach gibt die Technik die Zahlung frei (`teilhabe office compared`)."
            .into(),
        OfficeError::NothingToSettle => "Es ist nichts zu zahlen. Bitte zuerst abgleichen oder auf Abrechnungen warten.".into(),
        OfficeError::NoRunWaits => "Keine Zahlung wartet auf Freigabe: Sie ist schon freigegeben, oder sie muss erst vorbereitet werden.".into(),
        OfficeError::RunWaits { number, by } => format!(
            "Lauf {number}, vorbereitet von {by}, wartet noch auf Freigabe. Bitte erst freigeben lassen oder zurückziehen; es wurde nichts geändert."
        ),
        OfficeError::Overtaken => {
            "Seit Sie die Seite geöffnet haben, hat sich etwas geändert. Bitte noch einmal ansehen; es wurde nichts unterschrieben.".into()
        }
        OfficeError::TooLongForPaper { lines, most } => {
            format!("Diese Mitteilung hat {lines} Zeilen, ein PDF fasst {most}. Bitte die Seite ansehen oder drucken; sie zeigt alle.")
        }
        OfficeError::OtherAccount { theirs, ours } => {
            format!(
                "Dieser Kontoauszug ist von Konto {theirs}, das Amt hat {ours}. Bitte den Auszug dieses Kontos wählen; es wurde nichts übernommen."
            )
        }
        OfficeError::OtherReport(file) => {
            format!("Dieser Statusbericht gehört zur Zahlungsdatei „{file}“, die nicht von diesem Amt ist. Es wurde nichts übernommen.")
        }
        OfficeError::PaidElsewhere => "Das Geld dafür ist für eine andere Zeile schon gezahlt; es kann nur einmal gezahlt werden.".into(),
        OfficeError::PaidAlready => {
            "Diese Zeile ist schon gezahlt; eine Rückfrage hält nichts mehr auf. War sie falsch, bitte neu entscheiden: kürzen oder ablehnen.".into()
        }
        OfficeError::Draft(why) => draft_trouble(why),
        OfficeError::Posting(why) => posting_trouble(why),
        OfficeError::ClerkKnown { name, .. } => {
            format!("Für {name} gibt es schon ein Konto, vielleicht ein geschlossenes. Bitte in der Liste dort öffnen oder ein neues Passwort geben.")
        }
        OfficeError::OwnAccount => {
            "Das eigene Konto schließt niemand selbst, und die eigene Rolle Verwaltung gibt niemand selbst ab. Bitte eine andere Person bitten, die verwaltet."
                .into()
        }
        OfficeError::LastAdmin => "Das ist das letzte Konto mit der Rolle Verwaltung. Bitte sie zuerst einem anderen Konto geben.".into(),
        OfficeError::NotPrinted(why) => print_trouble(why),
        OfficeError::PrintEnded(run) => format!("Jemand hat schon gesagt, wie Druck {run} ausgegangen ist. Es wurde nichts geändert."),
        OfficeError::SecretFile(_) | OfficeError::OwnKey(_) => {
            "Eine Schlüsseldatei des Amts ist nicht zu gebrauchen. Bitte die Betreuung des Servers rufen; es ist nichts verloren.".into()
        }
        OfficeError::Case { german } => german.clone(),
        other => format!("Das ging nicht. Das Programm meldet: {other}"),
    }
}

fn print_trouble(why: &NotPrinted) -> String {
    match why {
        NotPrinted::Nothing => "Es wartet keine Karte auf den Druck. Vielleicht hat jemand sie gerade in einen anderen Druck genommen.".into(),
        NotPrinted::TooLarge { number } => {
            format!("Karte {number} trägt mehr, als in lesbarer Größe auf eine Scheckkarte passt. Bitte als Brief drucken, dort ist die Karte größer.")
        }
        NotPrinted::NoneFits { .. } => {
            "Alle wartenden Karten tragen mehr, als in lesbarer Größe auf eine Scheckkarte passt. Bitte als Briefe drucken, dort ist die Karte größer."
                .into()
        }
        NotPrinted::Code(_) | NotPrinted::Pdf(_) | NotPrinted::BrokenOff => {
            format!("Das ließ sich nicht drucken; es ist nichts verloren. Bitte die Betreuung des Servers rufen. Das Programm meldet: {why}")
        }
    }
}

/// Why no posting file can be made.
pub fn posting_trouble(why: &PostingError) -> String {
    match why {
        PostingError::NoAccount { legal_basis, benefit, .. } => format!(
            "Für {} und {} gibt es kein Haushaltskonto. Bitte unter „Zahlweg und Buchung“ eine Zeile dafür anlegen, oder eine für alle Rechtskreise.",
            legal_basis.map_or("Fälle ohne Rechtskreis", LegalBasis::german),
            benefit.german()
        ),
        PostingError::NoAmountColumn => "Die Buchungsdatei hat keine Spalte mit dem Betrag. Bitte unter „Zahlweg und Buchung“ eine anlegen.".into(),
    }
}

fn draft_trouble(why: &DraftError) -> String {
    match why {
        DraftError::ExecutionDatePast(day) => format!("Der Ausführungstag {} ist vorbei. Bitte heute oder einen späteren Tag wählen.", day.german()),
        DraftError::NoAccount(provider) => format!("Von Anbieter {provider} fehlt die Kontonummer. Bitte erst die IBAN eintragen lassen."),
        DraftError::LineTooLarge(id) => {
            format!("Eintrag {} verlangt mehr als eine Million Euro, sicher ein Versehen. Bitte die Zeile kürzen oder ablehnen.", id.seq)
        }
        DraftError::TransferTooLarge(provider) => format!("Anbieter {provider} bekäme mehr, als eine Überweisung tragen kann (999.999.999,99 €)."),
        DraftError::TooManyLines => "Das sind mehr Zeilen, als ein Lauf fasst (10 Millionen).".into(),
        DraftError::EntryTwice(_)
        | DraftError::CreditNotChosen(_)
        | DraftError::NotChosen(_)
        | DraftError::BatchOfTwoProviders(_)
        | DraftError::Undecided(_) => {
            format!("Die Zeilen widersprechen sich, deshalb wurde nichts gezahlt. Bitte die Betreuung des Servers rufen. Das Programm meldet: {why}")
        }
    }
}

/// What a fault of storage is to a clerk.
pub fn store_trouble(why: &StoreError) -> String {
    match why {
        StoreError::Full(_) => "Die Festplatte des Servers ist voll. Es wurde nichts geändert; bitte die Betreuung des Servers rufen.".into(),
        StoreError::Busy(_) => "Ein anderes Programm hält die Datenbank fest. Es wurde nichts geändert; bitte gleich noch einmal versuchen.".into(),
        StoreError::NotReachable(_) => "Der Datenbankserver antwortet nicht. Es wurde nichts geändert; bitte gleich noch einmal versuchen, sonst die Betreuung des Servers rufen.".into(),
        _ => "Die Datenbank hat einen Fehler gemeldet. Es wurde nichts geändert; bitte die Betreuung des Servers rufen.".into(),
    }
}

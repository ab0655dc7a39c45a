//! The words on the pages at the counter, in German and English.

use crate::shell::store::terminal::BatchState;
use crate::shell::texts::Language;

macro_rules! wording {
    ($($name:ident: $german:literal, $english:literal;)*) => {
        /// The words of one language.
        #[derive(Debug)]
        pub(in super::super) struct Words {
            pub language: Language,
            pub lang: &'static str,
            pub other_lang: &'static str,
            pub other_name: &'static str,
            $(pub $name: &'static str,)*
        }

        /// German.
        pub(super) static GERMAN: Words =
            Words { language: Language::German, lang: "de", other_lang: "en", other_name: "English", $($name: $german,)* };
        /// English.
        pub(super) static ENGLISH: Words =
            Words { language: Language::English, lang: "en", other_lang: "de", other_name: "Deutsch", $($name: $english,)* };
    };
}

wording! {
    counter: "Ausgabe", "Counter";
    month: "Abrechnung", "Claims";
    service: "Angebot", "Service";
    no_service: "Dieses Lesegerät ist noch nirgends zugelassen.", "This reader is not admitted anywhere yet.";
    amount: "Betrag in Euro", "Amount in euros";
    months: "Für Monate", "For months";
    starts: "Beginn", "Start";
    ends: "Ende", "End";
    day: "Tag", "Day";
    scan: "Karte", "Card";
    scan_hint: "Code scannen oder Nummer tippen", "Scan the code or type the number";
    record: "Erfassen", "Record";
    start_lesson: "Stunde beginnt", "Lesson begins";
    ready: "Bereit", "Ready";
    ready_text: "Bitte die Karte vor den Leser halten.", "Please hold the card in front of the reader.";
    undo: "Rückgängig", "Undo";
    hold: "Später klären", "Clarify later";
    alias: "Wer war es?", "Who was it?";
    today: "Heute", "Today";
    nothing_yet: "Noch nichts erfasst.", "Nothing recorded yet.";
    device: "Gerät", "Device";
    exchange: "Jetzt austauschen", "Exchange now";
    stick: "Ohne Netz: mit USB-Stick", "Without network: by USB stick";
    download: "Datei für die Stadt speichern", "Save the file for the office";
    upload: "Antwort der Stadt einlesen", "Read the office's answer";
    never_mind: "Doch nicht", "Never mind";
    needs_script: "Diese Seite braucht JavaScript.", "This page needs JavaScript.";
    accepted: "anerkannt", "accepted";
    reduced: "gekürzt", "reduced";
    rejected: "abgelehnt", "rejected";
    in_question: "in Klärung", "being clarified";
    received: "eingegangen", "received";
    on_the_way: "unterwegs", "on the way";
    pending: "Noch nicht bestätigt:", "Not confirmed yet:";
    nothing_pending: "Alles ist bestätigt.", "Everything is confirmed.";
    oldest: "der älteste Eintrag vom", "the oldest entry of";
    heard: "zuletzt gehört am", "last heard of on";
    disputed: "Die Stadt hat einen anderen Stand dieses Geräts. Bitte nichts löschen und dort anrufen.", "The office holds another state of this device. Please delete nothing and call there.";
    paid_on: "überwiesen am", "transferred on";
    reference: "Referenz", "reference";
    of_transfer: "Teil der Überweisung von", "part of the transfer of";
    number: "Nr.", "No.";
    child: "Hinweis", "Hint";
    claimed: "Betrag", "Amount";
    answer: "Antwort", "Answer";
    granted: "Gezahlt", "Paid";
    no_claims: "Es wurde noch nichts abgerechnet: Das geschieht beim nächsten Austausch von selbst.", "Nothing was claimed yet: that happens by itself at the next exchange.";
    waiting_state: "gesendet wird beim nächsten Austausch", "sent at the next exchange";
    confirmed_state: "bestätigt", "confirmed";
    with_clerk_state: "liegt zur Klärung", "a clerk looks at it";
    disputed_state: "anderer Stand", "other state";
    superseded_state: "neu gesendet", "sent anew";
}

/// The words the script on the page needs: name, German, English.
const SCRIPT: [(&str, &str, &str); 21] = [
    ("accepted", "In Ordnung", "All right"),
    ("own_share", "Eigener Anteil:", "Own share:"),
    ("paper_list", "Papierliste", "Paper list"),
    (
        "paper_text",
        "Bitte auf der Papierliste notieren und technische Hilfe rufen.",
        "Please write it on the paper list and call for technical help.",
    ),
    ("check_input", "Bitte prüfen", "Please check"),
    ("amount_like", "Ein Betrag sieht so aus: 12,50", "An amount looks like this: 12.50"),
    ("unreachable", "Das Gerät antwortet nicht.", "The device does not answer."),
    ("undone", "Rückgängig gemacht", "Undone"),
    ("held", "Wird geklärt", "To be clarified"),
    ("held_text", "Es ist vermerkt und kann später mit einer Karte nachgeholt werden.", "It is noted and can be made up for with a card later."),
    ("settle", "Karte nachholen", "Settle by card"),
    ("settling", "Die nächste Karte gilt für:", "The next card is for:"),
    ("waiting", "noch nicht bestätigt", "not confirmed yet"),
    ("all_sent", "alles bestätigt", "everything confirmed"),
    ("age_green", "Stand frisch", "data fresh"),
    ("age_amber", "Stand älter", "data older"),
    ("age_red", "Stand alt: bitte austauschen", "data old: please exchange"),
    ("age_stale", "Stand zu alt: bitte austauschen", "data too old: please exchange"),
    ("clock_suspect", "Die Uhr geht falsch", "The clock is wrong"),
    ("started", "Stunde läuft", "Lesson has begun"),
    ("exchanging", "Austausch läuft …", "Exchanging …"),
];

impl Words {
    /// The script's words as JSON.
    pub fn script(&self) -> String {
        let german = self.language == Language::German;
        let words: serde_json::Map<String, serde_json::Value> =
            SCRIPT.iter().map(|(name, de, en)| ((*name).to_owned(), (if german { *de } else { *en }).into())).collect();
        serde_json::Value::Object(words).to_string()
    }

    /// How far a batch has come.
    pub const fn state(&self, state: BatchState) -> &'static str {
        match state {
            BatchState::Waiting => self.waiting_state,
            BatchState::Confirmed => self.confirmed_state,
            BatchState::WithClerk => self.with_clerk_state,
            BatchState::Disputed => self.disputed_state,
            BatchState::Superseded => self.superseded_state,
        }
    }
}

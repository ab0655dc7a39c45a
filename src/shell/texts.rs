//! What people read for each reason, in German and English: `templates/reasons.{de,en}.toml`, compiled in and read once.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::words::benefit::Measure;
use crate::words::cents::Cents;
use crate::words::civil::{CivilDay, berlin_minute, clock_text};
use crate::words::reason::Reason;
use crate::words::time::UtcMs;

/// The languages people are spoken to in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Language {
    /// German.
    #[serde(rename = "de")]
    German,
    /// English.
    #[serde(rename = "en")]
    English,
}

/// What a person reads for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReasonText {
    /// One or two words, large on the screen and seen by the whole queue: it never says that a child receives a benefit.
    pub word: String,
    /// What happened, for the person at the counter.
    pub text: String,
    /// What to do now. It never sends a child away.
    pub todo: String,
}

impl ReasonText {
    /// What happened and what to do, as interfaces answer it.
    pub fn sentences(&self) -> String {
        format!("{} {}", self.text, self.todo)
    }
}

/// What one case knows beyond its reason. What is absent is left out of the sentence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Blanks {
    /// The day the sentence speaks of: of the first use, of the card's end.
    pub day: Option<CivilDay>,
    /// The minute of that day on the wall clock in Berlin.
    pub minute: Option<u32>,
    /// What is left of an allowance; nothing left goes without saying.
    pub left: Option<(Measure, u64)>,
}

impl Blanks {
    /// A case that speaks of one point in time.
    pub fn at(at: UtcMs) -> Self {
        Self { day: Some(CivilDay::of(at)), minute: Some(berlin_minute(at)), left: None }
    }

    fn values(&self, language: Language) -> [(&'static str, Option<String>); 3] {
        let day = self.day.map(|day| match language {
            Language::German => day.german(),
            Language::English => day.to_string(),
        });
        let left = self.left.filter(|(_, amount)| *amount > 0).map(|(measure, amount)| match (measure, language) {
            (Measure::Units, _) => format!("{amount}×"),
            (Measure::Minutes, _) => format!("{amount} min"),
            (Measure::Cents, Language::German) => euros(amount).to_string(),
            (Measure::Cents, Language::English) => format!("€{}", euros(amount).decimal()),
        });
        [("{day}", day), ("{time}", self.minute.map(clock_text)), ("{left}", left)]
    }
}

fn euros(cents: u64) -> Cents {
    Cents::new(i64::try_from(cents).unwrap_or(i64::MAX))
}

/// The texts of all reasons in one language.
#[derive(Debug)]
pub struct Texts {
    language: Language,
    of: HashMap<String, ReasonText>,
}

static GERMAN: LazyLock<Texts> = LazyLock::new(|| Texts::read(Language::German, include_str!("../../templates/reasons.de.toml")));
static ENGLISH: LazyLock<Texts> = LazyLock::new(|| Texts::read(Language::English, include_str!("../../templates/reasons.en.toml")));

impl Texts {
    /// The texts in this language.
    pub fn speaking(language: Language) -> &'static Texts {
        match language {
            Language::German => &GERMAN,
            Language::English => &ENGLISH,
        }
    }

    /// The text of a reason as it stands in the file, its blanks open. People are shown [`Texts::filled`].
    pub fn of(&self, reason: Reason) -> &ReasonText {
        self.of.get(reason.code()).expect("safe: compiled in; the test `every_reason_has_both_texts_and_none_is_orphaned` holds it")
    }

    /// The text of a reason for one case.
    pub fn filled(&self, reason: Reason, blanks: &Blanks) -> ReasonText {
        let values = blanks.values(self.language);
        let text = self.of(reason);
        ReasonText { word: text.word.clone(), text: fill(&text.text, &values), todo: text.todo.clone() }
    }

    fn read(language: Language, file: &str) -> Self {
        let of = toml::from_str(file).expect("safe: compiled in; the tests below read both files");
        Self { language, of }
    }
}

/// Puts values into `{…}`; what stands in `[…]` is left out where a value in it is absent.
fn fill(text: &str, values: &[(&str, Option<String>)]) -> String {
    let mut filled = String::new();
    for (index, piece) in text.split(['[', ']']).enumerate() {
        let in_brackets = index % 2 == 1;
        let lacks_a_value = values.iter().any(|(blank, value)| value.is_none() && piece.contains(blank));
        if in_brackets && lacks_a_value {
            continue;
        }
        let with = |piece: String, (blank, value): &(&str, Option<String>)| piece.replace(blank, value.as_deref().unwrap_or_default());
        filled.push_str(&values.iter().fold(piece.to_owned(), with));
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: [Language; 2] = [Language::German, Language::English];

    fn each() -> impl Iterator<Item = (Language, Reason, &'static ReasonText)> {
        BOTH.into_iter().flat_map(|language| Reason::ALL.iter().map(move |reason| (language, *reason, Texts::speaking(language).of(*reason))))
    }

    #[test]
    fn every_reason_has_both_texts_and_none_is_orphaned() {
        for language in BOTH {
            let texts = Texts::speaking(language);
            let without: Vec<_> = Reason::ALL.iter().filter(|reason| !texts.of.contains_key(reason.code())).collect();
            let orphans: Vec<_> = texts.of.keys().filter(|code| Reason::from_code(code).is_none()).collect();
            assert!(without.is_empty() && orphans.is_empty(), "{language:?}: without text {without:?}, without reason {orphans:?}");
        }
    }

    #[test]
    fn the_word_fits_the_screen_and_the_rest_are_sentences() {
        for (language, reason, ReasonText { word, text, todo }) in each() {
            assert!((3..=20).contains(&word.chars().count()), "{language:?} {reason}: {word}");
            for sentence in [text, todo] {
                let first = sentence.chars().next().is_some_and(char::is_uppercase);
                assert!(first && sentence.ends_with('.') && sentence.chars().count() <= 180, "{language:?} {reason}: {sentence}");
            }
        }
    }

    #[test]
    fn nothing_tells_the_queue_of_a_benefit() {
        for (language, reason, text) in each() {
            let all = format!("{} {} {}", text.word, text.text, text.todo);
            for telling in ["BuT", "Jobcenter", "SGB", "Sozial", "social", "bedürftig", "poor"] {
                assert!(!all.contains(telling), "{language:?} {reason} says {telling}");
            }
            assert!(!text.word.contains(['€', '{', '0', '1']), "{language:?} {reason}: {}", text.word);
        }
    }

    #[test]
    fn blanks_stand_in_brackets_and_both_languages_have_the_same() {
        let blanks = |text: &str| -> Vec<&str> {
            let mut found: Vec<&str> = ["{day}", "{time}", "{left}"].into_iter().filter(|blank| text.contains(blank)).collect();
            found.sort_unstable();
            found
        };
        for reason in Reason::ALL {
            let [german, english] = BOTH.map(|language| Texts::speaking(language).of(*reason));
            assert_eq!(blanks(&german.text), blanks(&english.text), "{reason}");
        }
        let all = Blanks { day: CivilDay::parse("2026-11-23"), minute: Some(723), left: Some((Measure::Units, 2)) };
        for (language, reason, text) in each() {
            for (index, piece) in text.text.split(['[', ']']).enumerate() {
                assert!(index % 2 == 1 || !piece.contains('{'), "{language:?} {reason}: a blank outside of [ ]: {}", text.text);
            }
            assert!(!text.todo.contains(['{', '[']), "{language:?} {reason}: only the text has blanks: {}", text.todo);
            for case in [Blanks::default(), all] {
                let shown = Texts::speaking(language).filled(reason, &case).sentences();
                assert!(!shown.contains(['{', '}', '[', ']']) && !shown.contains("  "), "{language:?} {reason}: {shown}");
            }
        }
    }

    #[test]
    fn a_case_is_told_with_what_is_known_of_it() {
        let noon = Blanks::at(UtcMs::parse_rfc3339("2026-11-23T11:03:00Z").unwrap());
        let say = |language, reason, blanks: Blanks| Texts::speaking(language).filled(reason, &blanks).text;
        assert_eq!(say(Language::German, Reason::AlreadyRedeemed, noon), "Das wurde am 23.11.2026 um 12:03 Uhr schon erfasst.");
        assert_eq!(say(Language::German, Reason::AlreadyRedeemed, Blanks { minute: None, ..noon }), "Das wurde am 23.11.2026 schon erfasst.");
        assert_eq!(say(Language::English, Reason::AlreadyRedeemed, Blanks { day: None, ..noon }), "This has already been recorded at 12:03.");
        assert_eq!(say(Language::English, Reason::AlreadyRedeemed, Blanks::default()), "This has already been recorded.");
        let left = |measure, amount| Blanks { left: Some((measure, amount)), ..Blanks::default() };
        let over = Reason::CeilingReached;
        assert_eq!(
            say(Language::German, over, left(Measure::Cents, 350)),
            "Der bewilligte Umfang reicht dafür nicht mehr: Übrig ist höchstens 3,50\u{a0}€."
        );
        assert_eq!(
            say(Language::English, over, left(Measure::Minutes, 45)),
            "The granted amount is not enough for this any more: at most 45 min is left."
        );
        assert_eq!(say(Language::German, over, left(Measure::Units, 0)), "Der bewilligte Umfang reicht dafür nicht mehr.");
    }
}

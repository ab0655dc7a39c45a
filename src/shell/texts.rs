//! What people read, in every language: `templates/texts/*.toml`, compiled in and read once. A further language is one more file.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use rust_embed::RustEmbed;
use serde::{Deserialize, Serialize};

use crate::words::benefit::Measure;
use crate::words::cents::Cents;
use crate::words::civil::{CivilDay, berlin_minute, clock_text};
use crate::words::reason::Reason;
use crate::words::time::UtcMs;

#[derive(RustEmbed)]
#[folder = "templates/texts"]
#[include = "*.toml"]
struct Files;

/// A language people are spoken to in, by its two letters (ISO 639-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Language(&'static str);

impl Language {
    /// German.
    pub const GERMAN: Self = Self("de");
    /// English.
    pub const ENGLISH: Self = Self("en");

    /// All languages there is a file for.
    pub fn all() -> impl Iterator<Item = Self> {
        ALL.keys().map(|code| Self(code))
    }

    /// The language with these letters; of `en-GB` the first two count.
    pub fn find(letters: &str) -> Option<Self> {
        let letters = letters.trim().get(..2)?.to_ascii_lowercase();
        Self::all().find(|language| language.0 == letters)
    }

    /// The first language of an `Accept-Language` list that there is a file for.
    pub fn accepted(list: &str) -> Option<Self> {
        list.split(',').find_map(Self::find)
    }

    /// Its two letters.
    pub const fn code(self) -> &'static str {
        self.0
    }

    /// What it calls itself.
    pub fn name(self) -> &'static str {
        &Texts::speaking(self).file.language.name
    }

    /// A day as its readers write it.
    pub fn day(self, day: CivilDay) -> String {
        let iso = day.to_string();
        let mut parts = iso.split('-');
        let [year, month, of_month] = std::array::from_fn(|_| parts.next().unwrap_or_default());
        Texts::speaking(self).file.language.date.replace("{y}", year).replace("{m}", month).replace("{d}", of_month)
    }

    /// A point in time as its readers write it, in Berlin.
    pub fn moment(self, at: UtcMs) -> String {
        format!("{} {}", self.day(CivilDay::of(at)), clock_text(berlin_minute(at)))
    }

    /// An amount as its readers write it.
    pub fn money(self, cents: Cents) -> String {
        let (sign, amount) = (if cents < Cents::ZERO { "\u{2212}" } else { "" }, cents.get().unsigned_abs());
        let money = Texts::speaking(self).file.language.money.replace("{cents}", &format!("{:02}", amount % 100));
        format!("{sign}{}", money.replace("{euros}", &(amount / 100).to_string()))
    }
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blanks {
    /// The day the sentence speaks of: of the first use, of the card's end.
    pub day: Option<CivilDay>,
    /// The minute of that day on the wall clock in Berlin.
    pub minute: Option<u32>,
    /// What is left of an allowance; nothing left goes without saying.
    pub left: Option<(Measure, u64)>,
    /// The device at which it was recorded.
    pub till: Option<String>,
}

impl Blanks {
    /// A case that speaks of one point in time.
    pub fn at(at: UtcMs) -> Self {
        Self { day: Some(CivilDay::of(at)), minute: Some(berlin_minute(at)), ..Self::default() }
    }

    fn values(&self, language: Language) -> [(&'static str, Option<String>); 4] {
        let day = self.day.map(|day| language.day(day));
        let left = self.left.filter(|(_, amount)| *amount > 0).map(|(measure, amount)| match measure {
            Measure::Units => format!("{amount}×"),
            Measure::Minutes => format!("{amount} min"),
            Measure::Cents => language.money(euros(amount)),
        });
        // What people named comes last: a blank in it stays as it is.
        [("{day}", day), ("{time}", self.minute.map(clock_text)), ("{left}", left), ("{till}", self.till.clone())]
    }
}

fn euros(cents: u64) -> Cents {
    Cents::new(i64::try_from(cents).unwrap_or(i64::MAX))
}

/// All texts in one language.
#[derive(Debug)]
pub struct Texts {
    language: Language,
    file: File,
}

/// A language's file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    language: About,
    /// The words on pages: section, key, text.
    words: BTreeMap<String, BTreeMap<String, String>>,
    reason: HashMap<String, ReasonText>,
}

/// What a file says of its language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    /// Its own name for itself.
    name: String,
    /// How a day is written: `{d}`, `{m}` and `{y}` are filled in.
    date: String,
    /// How an amount is written: `{euros}` and `{cents}` are filled in.
    money: String,
}

static ALL: LazyLock<BTreeMap<&'static str, Texts>> = LazyLock::new(|| {
    let read = |name: std::borrow::Cow<'static, str>| {
        let text = Files::get(&name).map(|file| String::from_utf8_lossy(&file.data).into_owned()).unwrap_or_default();
        let code: &'static str = Box::leak(name.trim_end_matches(".toml").to_owned().into_boxed_str());
        let file = toml::from_str(&text).expect("safe: compiled in; the tests below read every file");
        (code, Texts { language: Language(code), file })
    };
    Files::iter().map(read).collect()
});

impl Texts {
    /// The texts in this language.
    pub fn speaking(language: Language) -> &'static Texts {
        ALL.get(language.0).expect("safe: a language is made of a file's name only, and a test holds that both constants have one")
    }

    /// The language they are in.
    pub const fn language(&self) -> Language {
        self.language
    }

    /// The word on a page under `section.key`; the key itself where there is none, which a test keeps from happening.
    pub fn word<'k>(&'static self, key: &'k str) -> &'k str {
        let found = key.split_once('.').and_then(|(section, name)| self.file.words.get(section)?.get(name));
        found.map_or(key, String::as_str)
    }

    /// The words of some sections as JSON, by `section.key`, for a script on a page.
    pub fn script(&self, sections: &[&str]) -> serde_json::Value {
        let words = sections.iter().filter_map(|section| Some((section, self.file.words.get(*section)?)));
        let flat = words.flat_map(|(section, words)| words.iter().map(move |(key, text)| (format!("{section}.{key}"), text.as_str().into())));
        serde_json::Value::Object(flat.collect())
    }

    /// The text of a reason as it stands in the file, its blanks open. People are shown [`Texts::filled`].
    pub fn of(&self, reason: Reason) -> &ReasonText {
        self.file.reason.get(reason.code()).expect("safe: compiled in; the test `every_reason_has_its_texts_and_none_is_orphaned` holds it")
    }

    /// The text of a reason for one case.
    pub fn filled(&self, reason: Reason, blanks: &Blanks) -> ReasonText {
        let values = blanks.values(self.language);
        let text = self.of(reason);
        ReasonText { word: text.word.clone(), text: fill(&text.text, &values), todo: text.todo.clone() }
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

    fn each() -> impl Iterator<Item = (Language, Reason, &'static ReasonText)> {
        Language::all().flat_map(|language| Reason::ALL.iter().map(move |reason| (language, *reason, Texts::speaking(language).of(*reason))))
    }

    #[test]
    fn every_reason_has_its_texts_and_none_is_orphaned() {
        assert!([Language::GERMAN, Language::ENGLISH].iter().all(|language| Language::all().any(|known| known == *language)));
        for language in Language::all() {
            let texts = Texts::speaking(language);
            let without: Vec<_> = Reason::ALL.iter().filter(|reason| !texts.file.reason.contains_key(reason.code())).collect();
            let orphans: Vec<_> = texts.file.reason.keys().filter(|code| Reason::from_code(code).is_none()).collect();
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
    fn blanks_stand_in_brackets_and_all_languages_have_the_same() {
        let blanks = |text: &str| -> Vec<&str> {
            let mut found: Vec<&str> = ["{day}", "{time}", "{left}", "{till}"].into_iter().filter(|blank| text.contains(blank)).collect();
            found.sort_unstable();
            found
        };
        for reason in Reason::ALL {
            let german = blanks(&Texts::speaking(Language::GERMAN).of(*reason).text);
            for language in Language::all() {
                assert_eq!(blanks(&Texts::speaking(language).of(*reason).text), german, "{language:?} {reason}");
            }
        }
        let all = Blanks { day: CivilDay::parse("2026-11-23"), minute: Some(723), left: Some((Measure::Units, 2)), till: Some("Tablet 2".into()) };
        for (language, reason, text) in each() {
            for (index, piece) in text.text.split(['[', ']']).enumerate() {
                assert!(index % 2 == 1 || !piece.contains('{'), "{language:?} {reason}: a blank outside of [ ]: {}", text.text);
            }
            assert!(!text.todo.contains(['{', '[']), "{language:?} {reason}: only the text has blanks: {}", text.todo);
            for case in [Blanks::default(), all.clone()] {
                let shown = Texts::speaking(language).filled(reason, &case).sentences();
                assert!(!shown.contains(['{', '}', '[', ']']) && !shown.contains("  "), "{language:?} {reason}: {shown}");
            }
        }
    }

    #[test]
    fn a_case_is_told_with_what_is_known_of_it() {
        let noon = Blanks::at(UtcMs::parse_rfc3339("2026-11-23T11:03:00Z").unwrap());
        let say = |language, reason, blanks: Blanks| Texts::speaking(language).filled(reason, &blanks).text;
        assert_eq!(say(Language::GERMAN, Reason::AlreadyRedeemed, noon.clone()), "Das wurde am 23.11.2026 um 12:03 Uhr schon erfasst.");
        assert_eq!(say(Language::GERMAN, Reason::AlreadyRedeemed, Blanks { minute: None, ..noon.clone() }), "Das wurde am 23.11.2026 schon erfasst.");
        assert_eq!(say(Language::ENGLISH, Reason::AlreadyRedeemed, Blanks { day: None, ..noon.clone() }), "This has already been recorded at 12:03.");
        assert_eq!(say(Language::ENGLISH, Reason::AlreadyRedeemed, Blanks::default()), "This has already been recorded.");
        let there = |name: &str| Blanks { day: None, till: Some(name.into()), ..noon.clone() };
        assert_eq!(say(Language::GERMAN, Reason::AlreadyRedeemed, there("Tablet 2")), "Das wurde um 12:03 Uhr an Tablet 2 schon erfasst.");
        assert_eq!(
            say(Language::ENGLISH, Reason::AlreadyRedeemed, there("[{day}] {till}")),
            "This has already been recorded at 12:03 on [{day}] {till}."
        );
        let left = |measure, amount| Blanks { left: Some((measure, amount)), ..Blanks::default() };
        let over = Reason::CeilingReached;
        assert_eq!(
            say(Language::GERMAN, over, left(Measure::Cents, 350)),
            "Der bewilligte Umfang reicht dafür nicht mehr: Übrig ist höchstens 3,50\u{a0}€."
        );
        assert_eq!(
            say(Language::ENGLISH, over, left(Measure::Minutes, 45)),
            "The granted amount is not enough for this any more: at most 45 min is left."
        );
        assert_eq!(say(Language::GERMAN, over, left(Measure::Units, 0)), "Der bewilligte Umfang reicht dafür nicht mehr.");
    }
}

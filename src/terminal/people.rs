//! The provider's own lists: names and member numbers, which stay on this box, each joined to a child's cards at the first scan.

use super::card::{Card, Purpose, cards_for, recognise};
use super::counter::{Accepted, CounterError, Desk, NotWellFormed, Refused, Request};
use super::held::child_of;
use super::{Offices, Terminal};
use crate::book::refusal::Refusal;
use crate::shell::sheet::text::{folded, folded_without_dots};
use crate::shell::store::StoreError;
use crate::shell::store::terminal::{Details, PersonRow, Tx};
use crate::words::civil::CivilDay;
use crate::words::time::UtcMs;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The most people on one box.
pub const MAX_PEOPLE: usize = 10_000;
/// The longest name, in characters; no longer than an alias, which it may become.
pub const MAX_NAME: usize = super::held::MAX_ALIAS;
/// The longest member number, in characters.
pub const MAX_NUMBER: usize = 40;
/// The longest text that names lists, in characters.
pub const MAX_LIST: usize = 120;
/// Over how many days the share of forgotten cards is told.
pub const SHARE_DAYS: u32 = 30;
/// Under what name people who were ticked in one go stand among those recorded without a card.
pub(super) const GROUP: &str = "group";

/// Somebody of the lists, as people see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Person {
    /// Its number on this box.
    pub id: u64,
    /// The name.
    pub name: String,
    /// The member's number; empty where there is none.
    pub number: String,
    /// The list or group; several are separated by a comma.
    pub list: String,
    /// Whether it has shown a card.
    pub joined: bool,
    /// Whether it pays for itself and has no card.
    pub pays_self: bool,
    /// How many chips are known of it.
    pub chips: u64,
}

/// The people a question finds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Found {
    /// Those found, by list and name.
    pub people: Vec<Person>,
    /// All lists there are.
    pub lists: Vec<String>,
    /// How many people there are in all.
    pub of: usize,
    /// How many records of the last [`SHARE_DAYS`] days were made for a forgotten card.
    pub forgotten_share: Share,
}

/// A part of a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Share {
    /// The part.
    pub count: u64,
    /// The whole.
    pub of: u64,
}

/// Why a card is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Forgotten {
    /// It is at home.
    LeftAtHome,
    /// It is lost.
    Lost,
    /// It cannot be read any more.
    Damaged,
    /// The phone that shows it is empty.
    PhoneEmpty,
    /// Something else.
    Other,
}

impl Forgotten {
    /// Its stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LeftAtHome => "left_at_home",
            Self::Lost => "lost",
            Self::Damaged => "damaged",
            Self::PhoneEmpty => "phone_empty",
            Self::Other => "other",
        }
    }
}

/// Why a list was not changed.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// There is nobody with this number.
    #[error("there is nobody with the number {0} in the lists here")]
    NoSuchPerson(u64),
    /// A text is missing or too long.
    #[error("a person has a name of 1 to {MAX_NAME} characters, a member number of at most {MAX_NUMBER} and a list of at most {MAX_LIST}")]
    Unfit,
    /// Somebody else has that member number.
    #[error("{} has the member number {} already", .0.name, .0.number)]
    NumberTaken(Box<Person>),
    /// Somebody else has shown that card.
    #[error("this card is joined to {} already", .0.name)]
    CardTaken(Box<Person>),
    /// The lists are full.
    #[error("there are {MAX_PEOPLE} people here, which is the most: delete those who have left")]
    Full,
    /// The decision at the counter failed.
    #[error(transparent)]
    Counter(#[from] CounterError),
    /// Nothing could be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A person and a card came together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The person.
    pub person: Person,
    /// The card's hint.
    pub hint: Option<String>,
}

impl Terminal {
    /// The people whose name or number has every word of `search`, in one list or in all.
    pub fn people(&mut self, search: &str, list: Option<&str>, now: UtcMs) -> Result<Found, StoreError> {
        self.store.read(|tx| {
            let all = tx.people()?;
            let lists: BTreeSet<&str> = all.iter().flat_map(|row| lists_of(&row.details.list)).collect();
            let lists = lists.into_iter().map(str::to_owned).collect();
            let words = words_of(search);
            let of = all.len();
            let mut people: Vec<Person> = all.into_iter().filter(|row| is_found(row, &words, list)).map(Person::from).collect();
            people.sort_by_cached_key(|person| (folded(&person.list), folded(&person.name), person.id));
            let (count, whole) = tx.forgotten_share(CivilDay::of(now).minus(SHARE_DAYS - 1), GROUP)?;
            Ok(Found { people, lists, of, forgotten_share: Share { count, of: whole } })
        })
    }

    /// How many records each person has on the days from `first` to `last`, beside everybody.
    pub fn people_with_records(&mut self, first: CivilDay, last: CivilDay) -> Result<Vec<(Person, u64)>, StoreError> {
        self.store.read(|tx| {
            let counts = tx.records_of_people(first, last)?;
            let mut people: Vec<Person> = tx.people()?.into_iter().map(Person::from).collect();
            people.sort_by_cached_key(|person| (folded(&person.list), folded(&person.name), person.id));
            Ok(people.into_iter().map(|person| (counts.get(&person.id).copied().unwrap_or(0), person)).map(|(n, person)| (person, n)).collect())
        })
    }

    /// Somebody's name; none where they were deleted.
    pub fn person_name(&mut self, id: u64) -> Result<Option<String>, StoreError> {
        self.store.read(|tx| Ok(tx.person(id)?.map(|row| row.details.name)))
    }

    /// Adds somebody.
    pub fn add_person(&mut self, details: &Details, now: UtcMs) -> Result<Person, PeopleError> {
        let details = tidied(details)?;
        self.store.write(|tx| {
            if tx.people()?.len() >= MAX_PEOPLE {
                return Err(PeopleError::Full);
            }
            number_is_free(tx, &details.number, None)?;
            let id = tx.add_person(&details, now)?;
            seen(tx, id)
        })
    }

    /// Changes what the list says of somebody.
    pub fn change_person(&mut self, id: u64, details: &Details) -> Result<Person, PeopleError> {
        let mut details = tidied(details)?;
        self.store.write(|tx| {
            let row = tx.person(id)?.ok_or(PeopleError::NoSuchPerson(id))?;
            number_is_free(tx, &details.number, Some(id))?;
            details.pays_self &= row.child.is_none();
            tx.change_person(id, &details)?;
            seen(tx, id)
        })
    }

    /// Deletes somebody from the lists. What was recorded stays, without the name. Told twice, it is done once.
    pub fn delete_person(&mut self, id: u64) -> Result<bool, StoreError> {
        self.store.write(|tx| tx.delete_person(id))
    }

    /// Joins somebody to the card that was scanned, and to those that follow it. With `replace` the card leaves whoever had it before.
    pub fn join_person(&mut self, id: u64, code: &str, replace: bool, now: UtcMs) -> Result<Result<Joined, Refused>, PeopleError> {
        self.at_desk(now, |desk| {
            let row = desk.tx().person(id)?.ok_or(PeopleError::NoSuchPerson(id))?;
            let purpose = Purpose { day: desk.today(), service: None };
            let card = match recognise(desk.journal.tx, desk.offices, code, false, purpose, desk.clock.now)? {
                Ok(card) => card,
                Err(refusal) => return Ok(Err(Refused::from(&refusal))),
            };
            if let Some(Err(fault)) = card.shown.map(|shown| shown.is_fresh()) {
                return Ok(Err(Refused::from(&Refusal::PhoneCode(fault))));
            }
            let Some(child) = child_of(desk, &card) else { return Ok(Err(Refused::from(&Refusal::NotAdmitted))) };
            let tx = desk.tx();
            if let Some(other) = tx.person_of(child.0, child.1)?.filter(|other| other.id != row.id) {
                if !replace {
                    return Err(PeopleError::CardTaken(Box::new(other.into())));
                }
                tx.join_person(other.id, None)?;
            }
            tx.keep_card(child.0, card.entitlement.token(), &card.bytes)?;
            tx.join_person(id, Some(child))?;
            Ok(Ok(Joined { person: seen(tx, id)?, hint: card.entitlement.token().hint.clone() }))
        })
    }

    /// Takes somebody apart from their card. What was recorded stays.
    pub fn unjoin_person(&mut self, id: u64) -> Result<Person, PeopleError> {
        self.store.write(|tx| {
            tx.person(id)?.ok_or(PeopleError::NoSuchPerson(id))?;
            tx.join_person(id, None)?;
            seen(tx, id)
        })
    }
}

impl From<PersonRow> for Person {
    fn from(row: PersonRow) -> Self {
        let Details { name, number, list, pays_self } = row.details;
        Self { id: row.id, name, number, list, joined: row.child.is_some(), pays_self, chips: row.chips }
    }
}

/// The lists that a text names.
pub(super) fn lists_of(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|list| !list.is_empty())
}

/// The details as they are kept: without outer space, line breaks and double commas. Texts that are missing or too long are refused.
pub(super) fn tidied(details: &Details) -> Result<Details, PeopleError> {
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let list = lists_of(&details.list).map(one_line).collect::<Vec<_>>().join(", ");
    let tidy = Details { name: one_line(&details.name), number: one_line(&details.number), list, pays_self: details.pays_self };
    let fits = |text: &str, most| text.chars().count() <= most && !text.chars().any(char::is_control);
    let is_fit = !tidy.name.is_empty() && fits(&tidy.name, MAX_NAME) && fits(&tidy.number, MAX_NUMBER) && fits(&tidy.list, MAX_LIST);
    if is_fit { Ok(tidy) } else { Err(PeopleError::Unfit) }
}

pub(super) fn seen(tx: &Tx<'_>, id: u64) -> Result<Person, PeopleError> {
    tx.person(id)?.map(Person::from).ok_or(PeopleError::NoSuchPerson(id))
}

fn number_is_free(tx: &Tx<'_>, number: &str, own: Option<u64>) -> Result<(), PeopleError> {
    if number.is_empty() {
        return Ok(());
    }
    let other = tx.people()?.into_iter().find(|row| row.details.number == number && Some(row.id) != own);
    other.map_or(Ok(()), |row| Err(PeopleError::NumberTaken(Box::new(row.into()))))
}

/// A word that is looked for: with its umlauts spelt out, and without their dots.
type Word = (String, String);

fn words_of(search: &str) -> Vec<Word> {
    search.split_whitespace().map(|word| (folded(word), folded_without_dots(word))).filter(|(word, _)| !word.is_empty()).collect()
}

fn is_found(row: &PersonRow, words: &[Word], list: Option<&str>) -> bool {
    let in_list = list.is_none_or(|list| lists_of(&row.details.list).any(|own| own == list));
    in_list && {
        let (name, dotless, number) = (folded(&row.details.name), folded_without_dots(&row.details.name), folded(&row.details.number));
        let has = |(spelt, bare): &Word| name.contains(spelt.as_str()) || dotless.contains(bare.as_str()) || number.starts_with(spelt.as_str());
        words.iter().all(has)
    }
}

/// The card of somebody of the lists that fits `purpose` best, as evidence that nobody showed it.
pub(super) fn card_of(tx: &Tx<'_>, offices: &mut Offices, id: u64, purpose: Purpose<'_>, now: UtcMs) -> Result<Result<Card, Refusal>, CounterError> {
    let row = tx.person(id)?.ok_or(NotWellFormed::NoSuchPerson(id))?;
    let Some(child) = row.child else { return Ok(Err(Refusal::UnknownNumber)) };
    Ok(cards_for(tx, offices, child, purpose, now)?.into_iter().next().ok_or(Refusal::UnknownNumber))
}

/// Who of the lists shows this card.
pub(super) fn who(desk: &Desk<'_>, card: &Card) -> Result<Option<u64>, StoreError> {
    let Some((office, handle)) = child_of(desk, card) else { return Ok(None) };
    Ok(desk.tx().person_of(office, handle)?.map(|row| row.id))
}

/// Why nobody showed a card, where that is so.
pub(super) fn by_list(request: &Request) -> Option<&'static str> {
    match (request.forgotten, request.person) {
        (true, _) => Some(request.why_forgotten.unwrap_or(Forgotten::Other).name()),
        (false, Some(_)) => Some(GROUP),
        (false, None) => None,
    }
}

/// Keeps why nobody showed a card for what was just recorded, where that is so.
pub(super) fn keep_by_list(desk: &Desk<'_>, request: &Request, accepted: &Accepted) -> Result<(), StoreError> {
    let Some(why) = by_list(request) else { return Ok(()) };
    accepted.entries.iter().try_for_each(|entry| desk.tx().keep_by_list(entry.seq, why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_tidied_or_refused() {
        let details = |name: &str, list: &str| Details { name: name.into(), list: list.into(), ..Details::default() };
        let tidy = tidied(&details("  Mia\t von  Berg ", "3a,, Judo ,")).expect("fit");
        assert_eq!((tidy.name.as_str(), tidy.list.as_str()), ("Mia von Berg", "3a, Judo"));
        for unfit in [details(" ", "3a"), details(&"x".repeat(MAX_NAME + 1), ""), details("Mia", &"y".repeat(MAX_LIST + 1)), details("M\u{7}", "")] {
            assert!(tidied(&unfit).is_err(), "{unfit:?}");
        }
    }

    #[test]
    fn people_are_found_by_parts_of_their_names() {
        let row = |name: &str, number: &str, list: &str| PersonRow {
            id: 1,
            details: Details { name: name.into(), number: number.into(), list: list.into(), pays_self: false },
            child: None,
            chips: 0,
        };
        let finds = |search: &str, list: Option<&str>| is_found(&row("Jörg Müller-Weiß", "0042", "3a, Judo"), &words_of(search), list);
        assert!(finds("", None) && finds("müll jörg", None) && finds("mueller", Some("Judo")) && finds("004", None) && finds("WEISS", None));
        assert!(finds("muller", None) && finds("MÜLL jorg", None) && finds("Mu\u{308}ller", None));
        assert!(!finds("42", None) && !finds("jörg meier", None) && !finds("", Some("3")));
    }
}

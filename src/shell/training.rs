//! Training: a second terminal in memory, admitted by an office that exists only here. Its cards can never be claimed: no office's
//! trust list names the key that signs them, and what the training terminal records ends with the process.
//!
//! That key is no secret and the same in every copy of this program, so that printed practice cards work at every box and after every
//! restart, and every box can tell that a card is one for practising.

mod cards;
mod office;

pub use cards::{Card, Lesson, PAYING_CHIP, cards};
pub use office::PracticeOffice;

use crate::admit::scan::Scan;
use crate::book::entry::Opened;
use crate::shell::envelope::{EnvelopeError, Identity};
use crate::shell::store::StoreError;
use crate::shell::store::terminal::{Details, TerminalStore};
use crate::terminal::chips::{ChipOf, TeachRequest};
use crate::terminal::enrol::CannotEnrol;
use crate::terminal::inbound::CannotTakeIn;
use crate::terminal::outbound::CannotSend;
use crate::terminal::people::PeopleError;
use crate::terminal::settings::Setting;
use crate::terminal::{CannotOpen, Keys, Terminal};
use crate::words::chance::Chance;
use crate::words::ids::Hash;
use crate::words::keys::{PublicKey, SecretKey};
use crate::words::sealed::{DocType, Sealed};
use crate::words::service::Service;
use crate::words::time::UtcMs;
use std::sync::LazyLock;

/// Why there is no training now.
#[derive(Debug, thiserror::Error)]
pub enum CannotTrain {
    /// The database in memory.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The terminal in it.
    #[error(transparent)]
    Open(#[from] CannotOpen),
    /// Its admission.
    #[error(transparent)]
    Enrol(#[from] CannotEnrol),
    /// Its question.
    #[error(transparent)]
    Send(#[from] CannotSend),
    /// The lists.
    #[error(transparent)]
    People(#[from] PeopleError),
    /// The answer to it.
    #[error(transparent)]
    TakeIn(#[from] CannotTakeIn),
    /// What the practice office could not read.
    #[error("the practice office cannot read this: {0}")]
    Unreadable(String),
}

impl From<EnvelopeError> for CannotTrain {
    fn from(error: EnvelopeError) -> Self {
        Self::Unreadable(error.to_string())
    }
}

/// What of the real box is practised with.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// What the provider is called.
    pub provider: String,
    /// The services agreed with it; where there are none, samples stand in.
    pub services: Vec<Service>,
    /// Settings taken over.
    pub settings: Vec<(Setting, String)>,
}

impl Model {
    /// What there is to practise at `terminal`.
    pub fn of(terminal: &mut Terminal) -> Result<Self, StoreError> {
        let admissions = || terminal.offices().iter().filter_map(|(office, _)| office.credential.as_ref());
        let provider = admissions().map(|c| c.provider_name.clone()).next().unwrap_or_default();
        let mut services: Vec<Service> = Vec::new();
        for service in admissions().flat_map(|c| &c.services) {
            if services.iter().all(|known| known.code != service.code) {
                services.push(service.clone());
            }
        }
        let mut settings = Vec::new();
        for setting in [Setting::Name, Setting::Language, Setting::Service] {
            settings.extend(terminal.setting(setting)?.map(|text| (setting, text)));
        }
        Ok(Self { provider, services, settings })
    }
}

/// A fresh terminal for practising, and the office that has admitted it.
pub fn begin(model: Model, chance: &mut Chance, now: UtcMs) -> Result<(Terminal, PracticeOffice), CannotTrain> {
    let keys = Keys { signing: SecretKey::from_seed(chance.bytes()), envelope: Identity::generate() };
    let mut terminal = Terminal::create(TerminalStore::open_in_memory()?, keys, Opened::default(), chance, now)?;
    for (setting, text) in &model.settings {
        terminal.set(*setting, Some(text))?;
    }
    let mut office = PracticeOffice::new(model, now)?;
    office.admit(&mut terminal, chance, now)?;
    office.exchange(&mut terminal, chance, now)?;
    for (place, card) in cards(now).into_iter().enumerate() {
        let (uid, to) = match card.lesson {
            Lesson::Paying => (card.code, ChipOf::Person(terminal.add_person(&somebody("Ben Beispiel", true), now)?.id)),
            // So that its number is enough, as with a card that was seen before; half a code is refused here too.
            _ => (format!("UEBUNG1{place:03}"), ChipOf::Card(card.code)),
        };
        terminal.teach_chip(&TeachRequest { uid, to, replace: false }, now)?;
    }
    terminal.add_person(&somebody("Mia Muster", false), now)?;
    Ok((terminal, office))
}

/// Somebody for the lists of a training.
fn somebody(name: &str, pays_self: bool) -> Details {
    Details { name: name.into(), number: String::new(), list: "Übung".into(), pays_self }
}

/// The public half of [`signing_key`]: every scan is held against it, and making it costs as much as checking a card.
static PRACTICE_KEY: LazyLock<PublicKey> = LazyLock::new(|| signing_key().public().clone());

/// Whether what was scanned is a card for practising, from whatever box or month.
pub fn is_practice_card(scanned: &str) -> bool {
    let bytes = match Scan::new(scanned) {
        Ok(Scan::Code(bytes)) => bytes,
        Ok(Scan::Chip(uid)) => return uid == PAYING_CHIP,
        _ => return false,
    };
    Sealed::parse(&bytes, DocType::Token).is_ok_and(|sealed| sealed.is_signed_by(&PRACTICE_KEY, DocType::Token))
}

/// What signs practice cards and all else of the practice office. Everybody can know it, and no other office is asked to trust it.
fn signing_key() -> SecretKey {
    SecretKey::from_seed(Hash::of(&[b"teilhabe/practice/1"]).0)
}

fn root_key() -> SecretKey {
    SecretKey::from_seed(Hash::of(&[b"teilhabe/practice-root/1"]).0)
}

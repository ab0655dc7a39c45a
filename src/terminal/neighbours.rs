//! Several tills, one kitchen: terminals of one provider tell each other what was redeemed, so that a second scan at the next till is
//! refused. Only bytes and `now` come in and go out: by which network, and how often, is the shell's affair (formats § 11.4).
//!
//! What a neighbour tells is never an entry of this journal and never a claim. Where two tills scan one card in the same moment, both
//! may be green: the office then counts one of them, as it does without neighbours.

use super::journal::Journal;
use super::settings::Setting;
use super::{Terminal, neighbour_chips};
use crate::admit::credential::Credential;
use crate::admit::verify::Refused;
use crate::deliver::neighbour::{self, MAX_TELLING_BYTES, Telling};
use crate::shell::envelope::{self, EnvelopeError};
use crate::shell::store::StoreError;
use crate::shell::store::terminal::{AddressRow, Doubled, NeighbourRow, OfficeNumber, OfficeRow, Tx};
use crate::words::cbor::Malformed;
use crate::words::chance::Chance;
use crate::words::civil::CivilDay;
use crate::words::ids::{Nonce, OfficeId, TerminalId};
use crate::words::time::UtcMs;
use std::cmp::Ordering;
use std::collections::HashMap;

/// How many entries of a journal one telling covers.
const WINDOW: u64 = 400;
/// The most addresses at which neighbours are looked for.
pub const MAX_ADDRESSES: usize = 32;
/// The longest address in characters.
pub const MAX_ADDRESS: usize = 120;
/// The longest name of a neighbour that is shown, in characters.
const MAX_LABEL: usize = 40;
/// How far the stored time of a neighbour's last word may be behind.
const HEARD_MS: u64 = 10 * 60 * 1000;
/// For how many days back what was recorded twice is shown, and how much of it.
const DOUBLED: (u32, u32) = (31, 20);

/// A neighbour as one office's credentials name it.
pub type Peer = (OfficeNumber, TerminalId);

/// What is under way with neighbours; it need not outlive the process.
#[derive(Debug, Default)]
pub struct Talks(HashMap<Peer, Talk>);

/// Nonces make every telling good once, whatever the clocks say.
#[derive(Debug, Default)]
struct Talk {
    /// The nonce of our question that is not answered yet.
    asked: Option<Nonce>,
    /// What the neighbour gave us to show with our next question.
    given: Option<Nonce>,
    /// What we gave the neighbour to show with its next question.
    offered: Option<Nonce>,
    /// When it was last heard.
    heard_at: UtcMs,
}

/// Why a terminal is no neighbour of this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoNeighbour {
    /// This very box.
    #[error("this is the address of this very terminal: enter that of the other one")]
    Ourselves,
    /// No office is common to both.
    #[error("the terminal there is not admitted by an office of this one: only terminals of the same provider at the same office work together")]
    OtherOffice,
    /// It belongs to somebody else.
    #[error("the terminal there belongs to another provider: only terminals of the same provider work together")]
    OtherProvider,
    /// Its admission is over.
    #[error("the admission of the terminal there has ended: let it exchange with the office first")]
    Ended,
    /// The later credential does not name it.
    #[error("the office does not name the terminal there as one of this provider: let both terminals exchange with the office, then try again")]
    NotNamed,
    /// Nothing can be compared.
    #[error("this terminal is not admitted itself just now: let it exchange with the office first")]
    NotAdmitted,
}

/// Why nothing was told or taken.
#[derive(Debug, thiserror::Error)]
pub enum CannotTalk {
    /// It is no neighbour, or no more.
    #[error(transparent)]
    NoNeighbour(#[from] NoNeighbour),
    /// It cannot be opened, or not be closed.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// It does not verify.
    #[error("this is not from a terminal of this provider, or was changed on the way: {0}")]
    Refused(#[from] Refused),
    /// Its form.
    #[error("this is no message of a terminal: {0}")]
    Malformed(#[from] Malformed),
    /// It is for another terminal.
    #[error("this message is for another terminal")]
    NotForUs,
    /// It answers no question of ours.
    #[error("this answer belongs to no open question of this terminal")]
    NotAsked,
    /// There are too many addresses.
    #[error("{MAX_ADDRESSES} addresses are known already: remove one that is not used any more")]
    TooMany,
    /// The address cannot be one.
    #[error("“{0}” is not an address: enter it as 192.168.7.21:8444")]
    NoAddress(String),
    /// Nothing could be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a telling brought.
#[derive(Debug, PartialEq, Eq)]
pub struct Heard {
    /// Who told it.
    pub peer: Peer,
    /// How many redemptions, cancellations and acts with chips of it are new here.
    pub taken: usize,
    /// Whether there is more to tell, on either side.
    pub more: bool,
    /// At which port the teller is reached.
    pub port: Option<u16>,
}

/// What was heard in a question, and the answer to it.
#[derive(Debug)]
pub struct Question {
    /// What it brought; none where it was not good any more, and must be asked again with the nonce in the answer.
    pub heard: Option<Heard>,
    /// The answer, encrypted for whoever asked.
    pub answer: Vec<u8>,
}

/// A neighbour, as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// Which terminal it is.
    pub terminal: TerminalId,
    /// What people call it; empty where it has no name.
    pub label: String,
    /// When it was last heard, by our clock; zero for never.
    pub heard_at: UtcMs,
    /// Where it is looked for.
    pub addresses: Vec<AddressRow>,
}

/// All neighbours, as people see them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Neighbourhood {
    /// Those that were met.
    pub neighbours: Vec<Neighbour>,
    /// Addresses at which nobody was met yet.
    pub unmet: Vec<AddressRow>,
    /// What stands here and there.
    pub doubled: Vec<Doubled>,
}

/// A telling that verified.
struct Opened {
    telling: Telling,
    credential: Credential,
    peer: Peer,
}

impl Terminal {
    /// What this terminal shows to whoever asks who it is: its credentials, in which no child stands.
    pub fn credentials_shown(&mut self) -> Result<Vec<u8>, StoreError> {
        let rows = self.store.read(|tx| tx.offices())?;
        let credentials: Vec<Vec<u8>> = rows.into_iter().filter_map(|row| row.credential).collect();
        Ok(neighbour::show(&credentials))
    }

    /// Meets the terminal that has shown these credentials; what it is a neighbour as.
    pub fn meet(&mut self, address: &str, shown: &[u8], now: UtcMs) -> Result<Vec<Peer>, CannotTalk> {
        let address = tidy(address)?;
        self.refresh(now)?;
        let own = self.id();
        let (mut met, mut why) = (Vec::new(), NoNeighbour::OtherOffice);
        for bytes in neighbour::read_shown(shown)? {
            for (office, trust) in self.offices.iter() {
                let Ok(credential) = Credential::open(&bytes, trust, now) else { continue };
                match is_neighbour(own, office.credential.as_ref(), &credential, now) {
                    Ok(()) => met.push((office.number, credential.terminal, bytes.clone())),
                    Err(reason) => why = reason,
                }
            }
        }
        let Some(terminal) = met.first().map(|(_, terminal, _)| *terminal) else { return Err(why.into()) };
        self.store.write(|tx| {
            keep_address(tx, &address, Some(terminal))?;
            for (office, terminal, credential) in &met {
                let known = tx.neighbour(*office, *terminal)?;
                let row = known.unwrap_or_else(|| unheard((*office, *terminal)));
                tx.keep_neighbour(&NeighbourRow { credential: credential.clone(), ..row })?;
            }
            Ok::<_, CannotTalk>(())
        })?;
        Ok(met.into_iter().map(|(office, terminal, _)| (office, terminal)).collect())
    }

    /// An address as it is kept, or the complaint that it is none or one too many.
    pub fn neighbour_at(&mut self, address: &str) -> Result<String, CannotTalk> {
        let address = tidy(address)?;
        self.store.read(|tx| has_room(tx, &address))?;
        Ok(address)
    }

    /// Looks for a neighbour at this address from now on, whoever it will be.
    pub fn look_for_neighbour(&mut self, address: &str) -> Result<(), CannotTalk> {
        let address = tidy(address)?;
        self.store.write(|tx| keep_address(tx, &address, None))
    }

    /// A neighbour that was heard and has no address here is looked for at this one.
    pub fn neighbour_called_from(&mut self, peer: Peer, address: &str) -> Result<bool, CannotTalk> {
        let address = tidy(address)?;
        self.store.write(|tx| {
            let known = tx.neighbour_addresses()?.iter().any(|row| row.terminal == Some(peer.1) || row.address == address);
            if !known {
                keep_address(tx, &address, Some(peer.1))?;
            }
            Ok(!known)
        })
    }

    /// Where neighbours are looked for.
    pub fn neighbour_addresses(&mut self) -> Result<Vec<AddressRow>, StoreError> {
        self.store.read(|tx| tx.neighbour_addresses())
    }

    /// Looks for a neighbour no more. What it has told of stays until it is old.
    pub fn forget_neighbour(&mut self, terminal: TerminalId) -> Result<(), StoreError> {
        self.talks.0.retain(|(_, known), _| *known != terminal);
        self.store.write(|tx| tx.forget_neighbour(terminal))
    }

    /// Looks at an address no more.
    pub fn forget_neighbour_address(&mut self, id: i64) -> Result<(), StoreError> {
        self.store.write(|tx| tx.forget_neighbour_address(id))
    }

    /// The neighbours, and what was recorded both here and there.
    pub fn neighbourhood(&mut self, now: UtcMs) -> Result<Neighbourhood, StoreError> {
        let talks = &self.talks.0;
        self.store.read(|tx| {
            let (unmet, met): (Vec<_>, Vec<_>) = tx.neighbour_addresses()?.into_iter().partition(|row| row.terminal.is_none());
            let mut all: Vec<Neighbour> = Vec::new();
            for row in tx.neighbours()? {
                let talked = talks.get(&(row.office, row.terminal)).map_or(UtcMs(0), |talk| talk.heard_at);
                let heard_at = row.heard_at.max(talked);
                if let Some(known) = all.iter_mut().find(|known| known.terminal == row.terminal) {
                    known.heard_at = known.heard_at.max(heard_at);
                    continue;
                }
                let addresses = met.iter().filter(|address| address.terminal == Some(row.terminal)).cloned().collect();
                all.push(Neighbour { terminal: row.terminal, label: row.label, heard_at, addresses });
            }
            let doubled = tx.doubled(CivilDay::of(now).minus(DOUBLED.0), DOUBLED.1)?;
            Ok(Neighbourhood { neighbours: all, unmet, doubled })
        })
    }

    /// What this terminal tells a neighbour next, encrypted for it: a question, whose answer [`Terminal::take_neighbours_answer`] takes.
    /// `port` is where this terminal is reached by its neighbours.
    pub fn tell_neighbour(&mut self, peer: Peer, port: Option<u16>, chance: &mut Chance, now: UtcMs) -> Result<Vec<u8>, CannotTalk> {
        self.refresh(now)?;
        let row = self.store.read(|tx| tx.neighbour(peer.0, peer.1))?.ok_or(NoNeighbour::OtherOffice)?;
        let (_, trust) = self.offices.with_number(peer.0).ok_or(NoNeighbour::OtherOffice)?;
        let credential = Credential::open(&row.credential, trust, now)?;
        is_neighbour(self.id(), self.offices.numbered(peer.0).and_then(|office| office.credential.as_ref()), &credential, now)?;
        let talk = self.talks.0.entry(peer).or_default();
        let nonce = Nonce(chance.bytes());
        talk.asked = Some(nonce);
        let echo = talk.given.take().unwrap_or(Nonce([0; 16]));
        self.telling(&row, &credential, (nonce, echo), (row.knows, row.chips_knows, WINDOW), port)
    }

    /// Takes in what a neighbour asks and tells, and answers it. A question that was heard before changes nothing.
    pub fn hear_neighbour(&mut self, bytes: &[u8], port: Option<u16>, chance: &mut Chance, now: UtcMs) -> Result<Question, CannotTalk> {
        self.refresh(now)?;
        let Opened { telling, credential, peer } = self.open_telling(bytes, now)?;
        let talk = self.talks.0.entry(peer).or_default();
        let is_good = talk.offered.take_if(|offered| *offered == telling.echo).is_some();
        // A question that is not good uses nothing up: whoever repeats one hinders nobody.
        let offered = *talk.offered.get_or_insert_with(|| Nonce(chance.bytes()));
        let heard = if is_good { Some(self.take_told(peer, &telling, now)?) } else { None };
        let row = self.store.read(|tx| tx.neighbour(peer.0, peer.1))?.unwrap_or_else(|| unheard(peer));
        // What is not good is told nothing but whether it pays to ask again.
        let window = if is_good { WINDOW } else { 0 };
        let answer = self.telling(&row, &credential, (offered, telling.nonce), (telling.has, telling.chips_has, window), port)?;
        Ok(Question { heard, answer })
    }

    /// Takes in the answer to what [`Terminal::tell_neighbour`] told.
    pub fn take_neighbours_answer(&mut self, peer: Peer, bytes: &[u8], now: UtcMs) -> Result<Heard, CannotTalk> {
        self.refresh(now)?;
        let opened = self.open_telling(bytes, now)?;
        if opened.peer != peer {
            return Err(CannotTalk::NotForUs);
        }
        let talk = self.talks.0.entry(peer).or_default();
        if talk.asked.take().is_none_or(|asked| asked != opened.telling.echo) {
            return Err(CannotTalk::NotAsked);
        }
        talk.given = Some(opened.telling.nonce);
        self.take_told(peer, &opened.telling, now)
    }

    /// Opens a telling for this terminal, of a neighbour of today.
    fn open_telling(&self, bytes: &[u8], now: UtcMs) -> Result<Opened, CannotTalk> {
        let plain = envelope::decrypt(&self.keys.envelope, bytes, MAX_TELLING_BYTES)?;
        let named: OfficeId = Telling::claimed_office(&plain)?;
        let (office, trust) = self.offices.find(&named).ok_or(NoNeighbour::OtherOffice)?;
        let (telling, credential) = Telling::open(&plain, trust, now)?;
        if telling.to != self.id() {
            return Err(CannotTalk::NotForUs);
        }
        is_neighbour(self.id(), office.credential.as_ref(), &credential, now)?;
        let peer = (office.number, credential.terminal);
        Ok(Opened { telling, credential, peer })
    }

    /// Keeps what a verified telling says, unless it is known.
    fn take_told(&mut self, peer: Peer, telling: &Telling, now: UtcMs) -> Result<Heard, CannotTalk> {
        let terminal = self.id();
        let talk = self.talks.0.entry(peer).or_default();
        talk.heard_at = now;
        let offices = &mut self.offices;
        let (taken, untold) = self.store.write(|tx| {
            let known = tx.neighbour(peer.0, peer.1)?.unwrap_or_else(|| unheard(peer));
            let continues = telling.from <= known.has && known.has < telling.upto;
            for told in telling.told.iter().filter(|_| continues) {
                tx.keep_told(peer.0, peer.1, told)?;
            }
            let (chips_has, chips) = match &telling.chips {
                Some(chips) => neighbour_chips::take(tx, offices, (peer.0, &telling.office), (known.chips_has, chips), now)?,
                None => (known.chips_has, 0),
            };
            let row = NeighbourRow {
                label: label(&telling.label),
                credential: telling.credential.clone(),
                has: if continues { telling.upto } else { known.has },
                knows: telling.has,
                chips_has,
                chips_knows: telling.chips_has,
                heard_at: if now.since(known.heard_at).max(known.heard_at.since(now)) > HEARD_MS { now } else { known.heard_at },
                ..known.clone()
            };
            if row != known {
                tx.keep_neighbour(&row)?;
            }
            let taken = chips + if continues { telling.told.len() } else { 0 };
            let head = Journal::new(tx, terminal).head()?.seq;
            Ok::<_, StoreError>((taken, telling.has < head || neighbour_chips::is_untold(tx, peer.0, telling.chips_has)?))
        })?;
        Ok(Heard { peer, taken, more: telling.more || untold, port: telling.port })
    }

    /// A telling for a neighbour, encrypted: what is in `window` entries after entry `after`, and chips after act `chips_after`.
    fn telling(
        &mut self,
        row: &NeighbourRow,
        credential: &Credential,
        (nonce, echo): (Nonce, Nonce),
        (after, chips_after, window): (u64, u64, u64),
        port: Option<u16>,
    ) -> Result<Vec<u8>, CannotTalk> {
        let terminal = self.id();
        let (own, label, head, told, chips) = self.store.read(|tx| {
            let own = tx.offices()?.into_iter().find(|office| office.number == row.office);
            let head = Journal::new(tx, terminal).head()?.seq;
            let from = after.min(head);
            let upto = from.saturating_add(window).min(head);
            let told = tx.told_between(row.office, from, upto)?;
            let chips = if window > 0 { neighbour_chips::told(tx, row.office, chips_after)? } else { None };
            Ok::<_, StoreError>((own, tx.setting(Setting::Name.name())?.unwrap_or_default(), head, (from, upto, told), chips))
        })?;
        let Some(OfficeRow { id: office, credential: Some(shown), .. }) = own else { return Err(NoNeighbour::NotAdmitted.into()) };
        let (from, upto, told) = told;
        let telling = Telling {
            office,
            to: row.terminal,
            credential: shown,
            nonce,
            echo,
            label,
            has: row.has,
            from,
            upto,
            told,
            more: upto < head,
            port,
            chips,
            chips_has: row.chips_has,
        };
        Ok(envelope::encrypt(&credential.recipient, &telling.seal(&self.keys.signing))?)
    }
}

/// Whether the terminal with this credential works beside this one: same office, same provider, admitted now, and named by the office in
/// the later of the two credentials, which knows of both.
fn is_neighbour(own: TerminalId, ours: Option<&Credential>, theirs: &Credential, now: UtcMs) -> Result<(), NoNeighbour> {
    if theirs.terminal == own {
        return Err(NoNeighbour::Ourselves);
    }
    let ours = ours.filter(|credential| now < credential.expires).ok_or(NoNeighbour::NotAdmitted)?;
    if theirs.provider != ours.provider {
        return Err(NoNeighbour::OtherProvider);
    }
    if theirs.expires <= now {
        return Err(NoNeighbour::Ended);
    }
    let (ours_names, theirs_names) = (ours.siblings.contains(&theirs.key), theirs.siblings.contains(&ours.key));
    let is_named = match theirs.issued.cmp(&ours.issued) {
        Ordering::Greater => theirs_names,
        Ordering::Less => ours_names,
        // Of two that were issued in one millisecond, the second knows of the first; nobody else can say which that is.
        Ordering::Equal => ours_names || theirs_names,
    };
    if is_named { Ok(()) } else { Err(NoNeighbour::NotNamed) }
}

fn unheard((office, terminal): Peer) -> NeighbourRow {
    NeighbourRow {
        office,
        terminal,
        credential: Vec::new(),
        label: String::new(),
        has: 0,
        knows: 0,
        heard_at: UtcMs(0),
        chips_has: 0,
        chips_knows: 0,
    }
}

/// A name as it may be shown.
fn label(told: &str) -> String {
    told.chars().filter(|c| !c.is_control()).take(MAX_LABEL).collect()
}

/// An address without white space and path: `192.168.7.21:8444`, with or without `http://`.
fn tidy(address: &str) -> Result<String, CannotTalk> {
    let plain = address.trim().trim_end_matches('/');
    let host = plain.strip_prefix("http://").unwrap_or(plain).to_ascii_lowercase();
    let no_address = || CannotTalk::NoAddress(address.trim().chars().filter(|c| !c.is_control()).take(MAX_ADDRESS).collect());
    let (name, port) = host.rsplit_once(':').ok_or_else(no_address)?;
    let is_port = port.parse::<u16>().is_ok_and(|port| port > 0);
    let is_name = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._[]:".contains(&b)) && !name.is_empty();
    let brackets = name.contains(':') == (name.starts_with('[') && name.ends_with(']'));
    if is_port && is_name && brackets && host.len() <= MAX_ADDRESS { Ok(format!("http://{host}")) } else { Err(no_address()) }
}

fn has_room(tx: &Tx<'_>, address: &str) -> Result<(), CannotTalk> {
    let known = tx.neighbour_addresses()?;
    let is_full = known.len() >= MAX_ADDRESSES && known.iter().all(|row| row.address != address);
    if is_full { Err(CannotTalk::TooMany) } else { Ok(()) }
}

fn keep_address(tx: &Tx<'_>, address: &str, terminal: Option<TerminalId>) -> Result<(), CannotTalk> {
    has_room(tx, address)?;
    Ok(tx.keep_neighbour_address(address, terminal)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_people_write_it() {
        let read = |text: &str| tidy(text).ok();
        for text in ["192.168.7.21:8444", " http://192.168.7.21:8444/ "] {
            assert_eq!(read(text).as_deref(), Some("http://192.168.7.21:8444"), "{text}");
        }
        assert_eq!(read("Ausgabe2.local:8444").as_deref(), Some("http://ausgabe2.local:8444"));
        assert_eq!(read("[fe80::1]:8444").as_deref(), Some("http://[fe80::1]:8444"));
        for text in ["", "192.168.7.21", "https://192.168.7.21:8444", "a b:80", "x:0", "x:99999", "user@host:80", "host/path:80", ":80", "a:b:80"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}

//! What two terminals of one provider tell each other, so that a second scan at the next till is refused (formats § 11.4). Nothing in
//! it is a claim: what a neighbour tells becomes no entry of this journal.

use crate::admit::credential::Credential;
use crate::admit::trust::{MAX_NAME, TrustList};
use crate::admit::verify::{self, Refused};
use crate::book::redemption::MAX_UNITS;
use crate::book::slot::{Lesson, Slot};
use crate::words::benefit::Benefit;
use crate::words::cbor::{Keys, Malformed, Reader, Writer, present};
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::code::Code;
use crate::words::ids::{Handle, Hash, Nonce, OfficeId, SlotId, TerminalId};
use crate::words::keys::SecretKey;
use crate::words::sealed::{DocType, MAX_DOCUMENT_BYTES, Sealed, seal};
use crate::words::service::{read_benefit, read_cents, read_day, read_ms};
use crate::words::time::UtcMs;
use serde::Serialize;

/// The most uses in one telling.
pub const MAX_TOLD: usize = 1000;
/// The longest token that is told with a chip, in bytes.
const MAX_TOKEN_BYTES: usize = 1024;
/// The most acts with chips in one telling.
pub const MAX_TOLD_CHIPS: usize = 200;
/// The most bytes of a telling, its envelope included.
pub const MAX_TELLING_BYTES: usize = 512 * 1024;
/// The most credentials one terminal shows.
pub const MAX_SHOWN: usize = 64;

/// A redemption as a neighbour is told of it: what its slot and its ceilings need, and no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    /// Its number in the teller's journal.
    pub seq: u64,
    /// When it was recorded, by the teller's clock.
    pub at: UtcMs,
    /// The child.
    pub handle: Handle,
    /// The benefit.
    pub benefit: Benefit,
    /// The service.
    pub service: Code,
    /// The service day.
    pub day: CivilDay,
    /// Units.
    pub units: u64,
    /// The amount, for ceilings in cents.
    pub cents: Cents,
    /// The time of a lesson.
    pub lesson: Option<Lesson>,
    /// The slot it takes.
    #[serde(skip)]
    pub slot: Slot,
    /// Whether it was cancelled since: then the slot is free.
    pub cancelled: bool,
}

/// The name of a key under which a box hashes the UIDs of its chips.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChipKey(pub [u8; 8]);

/// The key itself. Whoever has it can try UIDs: it is told to neighbours only, and never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct ChipSecret(pub [u8; 32]);

impl ChipSecret {
    /// What this key is called.
    #[must_use]
    pub fn key(&self) -> ChipKey {
        let [a, b, c, d, e, f, g, h, ..] = Hash::of(&[b"teilhabe/chip-key/1", &self.0]).0;
        ChipKey([a, b, c, d, e, f, g, h])
    }

    /// The hash of a chip's UID under this key.
    #[must_use]
    pub fn hash(&self, uid: &str) -> Hash {
        Hash::of(&[b"teilhabe/chip/1", &self.0, uid.as_bytes()])
    }
}

impl std::fmt::Debug for ChipSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ChipSecret({:?})", self.key())
    }
}

/// What the teller last did with a chip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ToldChip {
    /// Under whose key the chip is hashed; none for the teller's own.
    #[serde(skip)]
    pub key: Option<ChipKey>,
    /// The keyed hash of its UID.
    #[serde(skip)]
    pub hash: Hash,
    /// A card of the child to whom it was taught, as the office signed it; none where it was forgotten.
    #[serde(skip)]
    pub token: Option<Vec<u8>>,
    /// When, by the teller's clock.
    pub at: UtcMs,
}

/// What the teller did with chips, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ToldChips {
    /// The teller's key.
    #[serde(skip)]
    pub secret: ChipSecret,
    /// After which of the teller's acts `acts` begins.
    pub from: u64,
    /// Up to which it goes.
    pub upto: u64,
    /// The acts.
    pub acts: Vec<ToldChip>,
}

/// From one terminal to another, question and answer alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Telling {
    /// The office under whose credentials they speak.
    pub office: OfficeId,
    /// To whom.
    pub to: TerminalId,
    /// The teller's credential, as the office signed it.
    #[serde(serialize_with = "crate::words::hex::bytes")]
    pub credential: Vec<u8>,
    /// Whoever answers or asks next echoes it.
    pub nonce: Nonce,
    /// The nonce that is echoed; zero where none is known.
    pub echo: Nonce,
    /// What people call the teller.
    pub label: String,
    /// Up to which entry of the addressee's journal the teller knows it.
    pub has: u64,
    /// After which entry of the teller's journal `told` begins.
    pub from: u64,
    /// Up to which entry it goes.
    pub upto: u64,
    /// What was redeemed or cancelled in between.
    pub told: Vec<Told>,
    /// Whether there is more after it.
    pub more: bool,
    /// At which port the teller is reached by its neighbours; none where it cannot be.
    pub port: Option<u16>,
    /// What the teller did with chips, where the addressee does not know it yet.
    pub chips: Option<ToldChips>,
    /// Up to which of the addressee's acts with chips the teller knows them.
    pub chips_has: u64,
}

impl Told {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let at = r.position();
        let (mut seq, mut time, mut handle, mut benefit, mut service, mut day) = (None, None, None, None, None, None);
        let (mut units, mut cents, mut lesson, mut slot, mut cancelled) = (None, None, None, None, false);
        r.map(Keys::Open, |key, r| {
            match key {
                1 => seq = Some(r.uint()?),
                2 => time = Some(read_ms(r)?),
                3 => handle = Some(Handle::read(r)?),
                4 => benefit = Some(read_benefit(r)?),
                5 => service = Some(Code::read(r)?),
                6 => day = Some(read_day(r)?),
                7 => units = Some(r.uint()?).filter(|units| (1..=MAX_UNITS).contains(units)),
                8 => cents = Some(read_cents(r)?),
                9 => lesson = Some(r.array(2, 2, |r, _| Ok((r.uint32()?, r.uint32()?)))?),
                10 => slot = Some(r.array(2, 2, |r, _| Ok(Slot { day: read_day(r)?, id: SlotId::read(r)? }))?),
                11 => cancelled = r.bool()?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        let lesson = lesson.map(|(start, end)| Lesson::new(start, end).ok_or(Malformed::new("a lesson begins before it ends", at))).transpose()?;
        Ok(Self {
            seq: present(seq, "a use without number", at)?,
            at: present(time, "a use without time", at)?,
            handle: present(handle, "a use without handle", at)?,
            benefit: present(benefit, "a use without benefit", at)?,
            service: present(service, "a use without service", at)?,
            day: present(day, "a use without day", at)?,
            units: present(units, "a use has 1 to 1000 units", at)?,
            cents: present(cents, "a use without amount", at)?,
            lesson,
            slot: present(slot, "a use without slot", at)?,
            cancelled,
        })
    }

    fn write(&self, w: &mut Writer) {
        w.map(|m| {
            m.key(1).uint(self.seq);
            m.key(2).uint(self.at.0);
            m.key(3).bytes(&self.handle.0);
            m.key(4).uint(u64::from(self.benefit.code()));
            self.service.write(m.key(5));
            m.key(6).uint(u64::from(self.day.days()));
            m.key(7).uint(self.units);
            m.key(8).uint(self.cents.to_field());
            if let Some(lesson) = self.lesson {
                let w = m.key(9);
                w.array(2);
                w.uint(lesson.start.into());
                w.uint(lesson.end.into());
            }
            let w = m.key(10);
            w.array(2);
            w.uint(u64::from(self.slot.day.days()));
            w.bytes(&self.slot.id.0);
            if self.cancelled {
                m.key(11).bool(true);
            }
        });
    }
}

impl ToldChip {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let at = r.position();
        let (mut key, mut hash, mut token, mut time) = (None, None, None, None);
        r.map(Keys::Open, |name, r| {
            match name {
                1 => key = Some(ChipKey(r.byte_array()?)),
                2 => hash = Some(Hash::read(r)?),
                3 => token = Some(r.bytes()?.to_vec()),
                4 => time = Some(read_ms(r)?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        if token.as_ref().is_some_and(|token| token.len() > MAX_TOKEN_BYTES) {
            return Err(Malformed::new("a card is longer than any token", at));
        }
        Ok(Self { key, hash: present(hash, "a chip without hash", at)?, token, at: present(time, "a chip without time", at)? })
    }

    fn write(&self, w: &mut Writer) {
        w.map(|m| {
            if let Some(key) = self.key {
                m.key(1).bytes(&key.0);
            }
            m.key(2).bytes(&self.hash.0);
            if let Some(token) = &self.token {
                m.key(3).bytes(token);
            }
            m.key(4).uint(self.at.0);
        });
    }
}

impl ToldChips {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let at = r.position();
        let (mut secret, mut from, mut upto, mut acts) = (None, None, None, None);
        r.map(Keys::Open, |name, r| {
            match name {
                1 => secret = Some(ChipSecret(r.byte_array()?)),
                2 => from = Some(r.uint()?),
                3 => upto = Some(r.uint()?),
                4 => acts = Some(r.list(1, MAX_TOLD_CHIPS, ToldChip::read)?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        let told = Self {
            secret: present(secret, "chips without key", at)?,
            from: present(from, "chips without beginning", at)?,
            upto: present(upto, "chips without end", at)?,
            acts: present(acts, "chips without acts", at)?,
        };
        if told.from < told.upto { Ok(told) } else { Err(Malformed::new("chips end before they begin", at)) }
    }

    fn write(&self, w: &mut Writer) {
        w.map(|m| {
            m.key(1).bytes(&self.secret.0);
            m.key(2).uint(self.from);
            m.key(3).uint(self.upto);
            m.key(4).list(&self.acts, |w, act| act.write(w));
        });
    }
}

impl Telling {
    /// Signs the telling with the teller's own key.
    pub fn seal(&self, key: &SecretKey) -> Vec<u8> {
        seal(key, DocType::Neighbour, &Writer::encode(|w| self.write(w)))
    }

    /// For which office it claims to be, before anything is checked: to find that office's trust list.
    pub fn claimed_office(bytes: &[u8]) -> Result<OfficeId, Malformed> {
        let sealed = Sealed::parse(bytes, DocType::Neighbour)?;
        Reader::decode(sealed.unverified_payload(), Self::read).map(|telling| telling.office)
    }

    /// Opens a telling: signed by the key of the credential in it, which `trust`'s office has signed.
    pub fn open(bytes: &[u8], trust: &TrustList, now: UtcMs) -> Result<(Self, Credential), Refused> {
        let sealed = Sealed::parse(bytes, DocType::Neighbour)?;
        let claimed = Reader::decode(sealed.unverified_payload(), Self::read)?;
        let credential = Credential::open(&claimed.credential, trust, now)?;
        let telling = Reader::decode(verify::open_by(bytes, DocType::Neighbour, &credential.key)?, Self::read)?;
        Ok((telling, credential))
    }

    /// Reads the content of a telling.
    pub fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let at = r.position();
        let (mut office, mut to, mut credential, mut nonce, mut echo, mut label) = (None, None, None, None, None, None);
        let (mut has, mut from, mut upto, mut told, mut more, mut port) = (None, None, None, None, None, None);
        let (mut chips, mut chips_has) = (None, 0);
        r.map(Keys::Open, |key, r| {
            match key {
                1 => office = Some(OfficeId::read(r)?),
                2 => to = Some(TerminalId::read(r)?),
                3 => credential = Some(r.bytes()?.to_vec()),
                4 => nonce = Some(Nonce::read(r)?),
                5 => echo = Some(Nonce::read(r)?),
                6 => label = Some(r.text_of(0, MAX_NAME)?.to_owned()),
                7 => has = Some(r.uint()?),
                8 => from = Some(r.uint()?),
                9 => upto = Some(r.uint()?),
                10 => told = Some(r.list(0, MAX_TOLD, Told::read)?),
                11 => more = Some(r.bool()?),
                12 => port = Some(u16::try_from(r.uint()?).map_err(|_| Malformed::new("a port is at most 65535", at))?),
                13 => chips = Some(ToldChips::read(r)?),
                14 => chips_has = r.uint()?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        let telling = Self {
            office: present(office, "a telling without office", at)?,
            to: present(to, "a telling without addressee", at)?,
            credential: present(credential, "a telling without credential", at)?,
            nonce: present(nonce, "a telling without nonce", at)?,
            echo: present(echo, "a telling without echo", at)?,
            label: present(label, "a telling without label", at)?,
            has: present(has, "a telling that says not what it has", at)?,
            from: present(from, "a telling without beginning", at)?,
            upto: present(upto, "a telling without end", at)?,
            told: present(told, "a telling without uses", at)?,
            more: present(more, "a telling that says not whether there is more", at)?,
            port,
            chips,
            chips_has,
        };
        let in_order = telling.from <= telling.upto && telling.told.iter().all(|told| told.seq <= telling.upto);
        if in_order { Ok(telling) } else { Err(Malformed::new("a telling ends before it begins", at)) }
    }

    fn write(&self, w: &mut Writer) {
        w.map(|m| {
            self.office.write(m.key(1));
            m.key(2).bytes(&self.to.0);
            m.key(3).bytes(&self.credential);
            m.key(4).bytes(&self.nonce.0);
            m.key(5).bytes(&self.echo.0);
            m.key(6).text(&self.label);
            m.key(7).uint(self.has);
            m.key(8).uint(self.from);
            m.key(9).uint(self.upto);
            m.key(10).list(&self.told, |w, told| told.write(w));
            m.key(11).bool(self.more);
            if let Some(port) = self.port {
                m.key(12).uint(port.into());
            }
            if let Some(chips) = &self.chips {
                chips.write(m.key(13));
            }
            if self.chips_has > 0 {
                m.key(14).uint(self.chips_has);
            }
        });
    }
}

/// What a terminal shows to whoever asks who it is: its credentials, in which no child stands.
pub fn show(credentials: &[Vec<u8>]) -> Vec<u8> {
    Writer::encode(|w| w.list(credentials, |w, bytes| w.bytes(bytes)))
}

/// The credentials that a terminal has shown.
pub fn read_shown(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Malformed> {
    if bytes.len() > MAX_DOCUMENT_BYTES {
        return Err(Malformed::new("more than a terminal shows", MAX_DOCUMENT_BYTES));
    }
    Reader::decode(bytes, |r| r.list(1, MAX_SHOWN, |r| Ok(r.bytes()?.to_vec())))
}

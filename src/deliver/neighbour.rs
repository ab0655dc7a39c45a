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
use crate::words::ids::{Handle, Nonce, OfficeId, SlotId, TerminalId};
use crate::words::keys::SecretKey;
use crate::words::sealed::{DocType, MAX_DOCUMENT_BYTES, Sealed, seal};
use crate::words::service::{read_benefit, read_cents, read_day, read_ms};
use crate::words::time::UtcMs;
use serde::Serialize;

/// The most uses in one telling.
pub const MAX_TOLD: usize = 1000;
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

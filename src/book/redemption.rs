//! One recorded use of a token.

use super::slot::Lesson;
use crate::admit::phone::HolderProof;
use crate::admit::status::DataAge;
use crate::words::benefit::Benefit;
use crate::words::cbor::{Keys, Malformed, Reader, Writer, present};
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::code::Code;
use crate::words::ids::{Handle, OfficeId, ServiceCode, SlotId, TokenId};
use crate::words::service::{read_benefit, read_cents, read_day};
use crate::words::time::UtcSeconds;
use serde::{Deserialize, Serialize};

/// The longest pseudonym of an operator in characters.
pub const MAX_OPERATOR: usize = 40;
/// The most units one redemption may count.
pub const MAX_UNITS: u64 = 1000;

/// The key of the holder's proof: one that a reader who does not know it ignores.
const PROOF: i64 = 65;

/// How the token was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeenAs {
    /// Its QR code.
    Qr,
    /// A phone code.
    Phone,
    /// The token on an NFC card.
    NfcToken,
    /// The card number, typed.
    CardNumber,
    /// The UID of a chip taught to this terminal.
    NfcUid,
    /// Found in the provider's own list: a forgotten card.
    List,
}

impl SeenAs {
    const ALL: [SeenAs; 6] = [Self::Qr, Self::Phone, Self::NfcToken, Self::CardNumber, Self::NfcUid, Self::List];

    /// The code on the wire, 1 to 6.
    pub fn code(self) -> u64 {
        1 + Self::ALL.iter().take_while(|s| **s != self).count() as u64
    }

    /// The way with this code.
    pub fn from_code(code: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.code() == code)
    }
}

/// A use of a token, as the journal records it and the office pays it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Redemption {
    /// The office that pays.
    pub office: OfficeId,
    /// The token used.
    pub token: TokenId,
    /// The benefit.
    pub benefit: Benefit,
    /// The service.
    pub service: ServiceCode,
    /// The day that counts.
    pub day: CivilDay,
    /// Meals, teaching units or events.
    pub units: u64,
    /// What is claimed in all.
    pub cents: Cents,
    /// What can be used once.
    pub slot: SlotId,
    /// How the token was seen.
    pub seen_as: SeenAs,
    /// Issue time of the status list relied on; zero where there was none.
    pub status_issued: UtcSeconds,
    /// Its age as the terminal saw it.
    pub data_age: DataAge,
    /// Who recorded it, by pseudonym; the tutor of a lesson.
    pub operator: Option<String>,
    /// When a lesson took place.
    pub lesson: Option<Lesson>,
    /// The child.
    pub handle: Handle,
    /// Tells two fees of one service and day apart; the instalment of a trip.
    pub charge: Option<Code>,
    /// The number of the held entry that this one settles.
    pub settles: Option<u64>,
    /// The full price, where the claim is less.
    pub full_price: Option<Cents>,
    /// What the holder's phone proved, where its code was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<HolderProof>,
}

impl Redemption {
    /// Minutes of the lesson, zero for other benefits.
    pub fn minutes(&self) -> u64 {
        self.lesson.map_or(0, Lesson::minutes)
    }

    /// Reads the body of a redemption entry.
    pub fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let at = r.position();
        let (mut office, mut token, mut benefit, mut service, mut day, mut units, mut cents) = (None, None, None, None, None, None, None);
        let (mut slot, mut seen_as, mut evidence, mut operator, mut start, mut end) = (None, None, None, None, None, None);
        let (mut handle, mut charge, mut settles, mut full_price, mut proof) = (None, None, None, None, None);
        r.map(Keys::Open, |key, r| {
            match key {
                1 => office = Some(OfficeId::read(r)?),
                2 => token = Some(TokenId::read(r)?),
                3 => benefit = Some(read_benefit(r)?),
                4 => service = Some(Code::read(r)?),
                5 => day = Some(read_day(r)?),
                6 => units = Some(read_units(r)?),
                7 => cents = Some(read_cents(r)?),
                8 => slot = Some(SlotId::read(r)?),
                9 => seen_as = Some(read_seen_as(r)?),
                10 => evidence = Some(read_evidence(r)?),
                11 => operator = Some(r.text_of(1, MAX_OPERATOR)?.to_owned()),
                12 => start = Some(r.uint32()?),
                13 => end = Some(r.uint32()?),
                14 => handle = Some(Handle::read(r)?),
                15 => charge = Some(Code::read(r)?),
                16 => settles = Some(r.uint()?),
                17 => full_price = Some(read_cents(r)?),
                PROOF => proof = Some(r.array(2, 2, |r, _| HolderProof::read(r))?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        let (status_issued, data_age) = present(evidence, "a redemption without status evidence", at)?;
        let lesson = match (start, end) {
            (None, None) => None,
            (Some(start), Some(end)) => Some(Lesson::new(start, end).ok_or(Malformed::new("a lesson begins before it ends, within one day", at))?),
            _ => return Err(Malformed::new("a lesson has a start and an end", at)),
        };
        Ok(Self {
            office: present(office, "a redemption without office", at)?,
            token: present(token, "a redemption without token", at)?,
            benefit: present(benefit, "a redemption without benefit", at)?,
            service: present(service, "a redemption without service", at)?,
            day: present(day, "a redemption without service date", at)?,
            units: present(units, "a redemption without units", at)?,
            cents: present(cents, "a redemption without amount", at)?,
            slot: present(slot, "a redemption without slot", at)?,
            seen_as: present(seen_as, "a redemption that does not say how the token was seen", at)?,
            status_issued,
            data_age,
            operator,
            lesson,
            handle: present(handle, "a redemption without handle", at)?,
            charge,
            settles,
            full_price,
            proof,
        })
    }

    /// Writes the body of a redemption entry.
    pub fn write(&self, w: &mut Writer) {
        w.map(|m| {
            self.office.write(m.key(1));
            m.key(2).bytes(&self.token.0);
            m.key(3).uint(self.benefit.code().into());
            self.service.write(m.key(4));
            m.key(5).uint(self.day.days().into());
            m.key(6).uint(self.units);
            m.key(7).uint(self.cents.to_field());
            m.key(8).bytes(&self.slot.0);
            m.key(9).uint(self.seen_as.code());
            let evidence = m.key(10);
            evidence.array(2);
            evidence.uint(self.status_issued.0);
            evidence.uint(self.data_age.code());
            if let Some(operator) = &self.operator {
                m.key(11).text(operator);
            }
            if let Some(lesson) = self.lesson {
                m.key(12).uint(lesson.start.into());
                m.key(13).uint(lesson.end.into());
            }
            m.key(14).bytes(&self.handle.0);
            if let Some(charge) = &self.charge {
                charge.write(m.key(15));
            }
            if let Some(seq) = self.settles {
                m.key(16).uint(seq);
            }
            if let Some(price) = self.full_price {
                m.key(17).uint(price.to_field());
            }
            if let Some(proof) = &self.proof {
                let w = m.key(PROOF);
                w.array(2);
                proof.write(w);
            }
        });
    }
}

/// Reads a number of units.
pub fn read_units(r: &mut Reader<'_>) -> Result<u64, Malformed> {
    let at = r.position();
    let units = r.uint()?;
    if (1..=MAX_UNITS).contains(&units) { Ok(units) } else { Err(Malformed::new("units are 1 to 1000", at)) }
}

fn read_seen_as(r: &mut Reader<'_>) -> Result<SeenAs, Malformed> {
    let at = r.position();
    SeenAs::from_code(r.uint()?).ok_or(Malformed::new("a token is seen in one of six ways", at))
}

fn read_evidence(r: &mut Reader<'_>) -> Result<(UtcSeconds, DataAge), Malformed> {
    let at = r.position();
    r.array(2, 2, |r, _| Ok((UtcSeconds(r.uint()?), DataAge::from_code(r.uint()?).ok_or(Malformed::new("a data age is 0 to 2", at))?)))
}

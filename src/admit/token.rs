//! The token: what a child is entitled to, signed by the office (a CWT, RFC 8392).

use super::scan::{Fault, ReadError, Scan};
use super::trust::{Purpose, TrustList, TrustedKey};
use super::verify::{self, Refused};
use crate::words::benefit::{Benefit, Measure, Period};
use crate::words::cbor::{Keys, Malformed, Reader, Writer, present};
use crate::words::civil::CivilDay;
use crate::words::code::Code;
use crate::words::ids::{Handle, OfficeId, ProviderNumber, TokenId};
use crate::words::keys::SecretKey;
use crate::words::sealed::{DocType, seal};
use crate::words::service::read_benefit;
use crate::words::time::{UtcMs, UtcSeconds};
use serde::Serialize;

/// The most allowances of one token.
pub const MAX_ALLOWANCES: usize = 32;
/// The most ceilings of one allowance.
pub const MAX_CEILINGS: usize = 8;
/// The most providers named in one list.
pub const MAX_PROVIDERS: usize = 64;
/// The longest hint in characters.
pub const MAX_HINT: usize = 12;

const ENTITLEMENT: i64 = -65537;

/// The content of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Token {
    /// The first second after the last entitled month.
    pub expires: UtcSeconds,
    /// The first second of the first entitled month.
    pub not_before: UtcSeconds,
    /// When the token was issued.
    pub issued: UtcSeconds,
    /// Its random id.
    pub id: TokenId,
    /// The holder's public key; such a token counts only as a phone code.
    #[serde(serialize_with = "crate::words::hex::maybe")]
    pub holder_key: Option<[u8; 32]>,
    /// What it entitles to.
    pub allowances: Vec<Allowance>,
    /// Its place in the office's status list.
    pub status_index: u64,
    /// A hint for the person at the counter.
    pub hint: Option<String>,
    /// Providers that win a tie between providers.
    pub home_providers: Vec<ProviderNumber>,
    /// The child.
    pub handle: Handle,
}

/// One benefit a token entitles to, within its ceilings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Allowance {
    /// The benefit.
    pub benefit: Benefit,
    /// All of them hold together.
    pub ceilings: Vec<Ceiling>,
    /// The subject or event it is for; none means any.
    pub detail: Option<Code>,
    /// The only providers it is for; none means all.
    pub providers: Vec<ProviderNumber>,
}

/// A bound on what may be used in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Ceiling {
    /// The period bounded.
    pub period: Period,
    /// What is counted.
    pub measure: Measure,
    /// How much may be used.
    pub amount: u64,
}

impl Allowance {
    /// Whether a service of this benefit, detail and provider draws on this allowance.
    pub fn matches(&self, benefit: Benefit, detail: Option<&Code>, provider: ProviderNumber) -> bool {
        self.covers(benefit, detail) && (self.providers.is_empty() || self.providers.contains(&provider))
    }

    /// Whether it is for this benefit and detail, whoever the provider.
    pub fn covers(&self, benefit: Benefit, detail: Option<&Code>) -> bool {
        self.benefit == benefit && (self.detail.is_none() || self.detail.as_ref() == detail)
    }
}

impl Token {
    /// Whether the service day lies in the approval period: `nbf ≤ Berlin midnight of the day < exp`.
    pub fn is_valid_on(&self, day: CivilDay) -> bool {
        (self.not_before..self.expires).contains(&day.midnight())
    }

    /// The first day of validity.
    pub fn first_day(&self) -> CivilDay {
        CivilDay::of(self.not_before.ms())
    }

    /// The last day of validity.
    pub fn last_day(&self) -> CivilDay {
        CivilDay::of(UtcMs(self.expires.ms().0.saturating_sub(1)))
    }

    /// Reads the claims of a token.
    pub fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let at = r.position();
        let (mut expires, mut not_before, mut issued, mut id, mut holder_key, mut entitlement) = (None, None, None, None, None, None);
        r.map(Keys::Closed, |key, r| {
            match key {
                4 => expires = Some(read_seconds(r)?),
                5 => not_before = Some(read_seconds(r)?),
                6 => issued = Some(read_seconds(r)?),
                7 => id = Some(TokenId::read(r)?),
                8 => holder_key = Some(read_confirmation(r)?),
                ENTITLEMENT => entitlement = Some(read_entitlement(r)?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        let (allowances, status_index, hint, home_providers, handle) = present(entitlement, "a token without entitlement", at)?;
        let token = Self {
            expires: present(expires, "a token without end", at)?,
            not_before: present(not_before, "a token without beginning", at)?,
            issued: present(issued, "a token without issue time", at)?,
            id: present(id, "a token without id", at)?,
            holder_key,
            allowances,
            status_index,
            hint,
            home_providers,
            handle,
        };
        if token.not_before >= token.expires {
            return Err(Malformed::new("the token ends before it begins", at));
        }
        Ok(token)
    }

    /// Signs the token with a token key of the office.
    pub fn seal(&self, key: &SecretKey) -> Vec<u8> {
        seal(key, DocType::Token, &Writer::encode(|w| self.write(w)))
    }

    fn write(&self, w: &mut Writer) {
        w.map(|m| {
            m.key(4).uint(self.expires.0);
            m.key(5).uint(self.not_before.0);
            m.key(6).uint(self.issued.0);
            m.key(7).bytes(&self.id.0);
            if let Some(x) = &self.holder_key {
                m.key(8).map(|m| {
                    m.key(1).map(|m| {
                        m.key(1).uint(1);
                        m.key(-1).uint(6);
                        m.key(-2).bytes(x);
                    });
                });
            }
            m.key(ENTITLEMENT).map(|m| {
                m.key(1).list(&self.allowances, |w, allowance| allowance.write(w));
                m.key(2).uint(self.status_index);
                if let Some(hint) = &self.hint {
                    m.key(3).text(hint);
                }
                if !self.home_providers.is_empty() {
                    m.key(4).list(&self.home_providers, |w, number| w.uint(number.0.into()));
                }
                m.key(5).bytes(&self.handle.0);
            });
        });
    }
}

impl Allowance {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        r.array(2, 4, |r, len| {
            let benefit = read_benefit(r)?;
            let ceilings = r.list(1, MAX_CEILINGS, Ceiling::read)?;
            let detail = if len < 3 || r.null() { None } else { Some(Code::read(r)?) };
            let providers = if len < 4 { Vec::new() } else { r.list(1, MAX_PROVIDERS, ProviderNumber::read)? };
            Ok(Self { benefit, ceilings, detail, providers })
        })
    }

    fn write(&self, w: &mut Writer) {
        let len = match (&self.detail, self.providers.is_empty()) {
            (_, false) => 4,
            (Some(_), true) => 3,
            (None, true) => 2,
        };
        w.array(len);
        w.uint(self.benefit.code().into());
        w.list(&self.ceilings, |w, ceiling| {
            w.array(3);
            w.uint(ceiling.period.code());
            w.uint(ceiling.measure.code());
            w.uint(ceiling.amount);
        });
        match &self.detail {
            Some(detail) => detail.write(w),
            None if len > 2 => w.null(),
            None => {}
        }
        if len == 4 {
            w.list(&self.providers, |w, number| w.uint(number.0.into()));
        }
    }
}

impl Ceiling {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let at = r.position();
        r.array(3, 3, |r, _| {
            Ok(Self {
                period: Period::from_code(r.uint()?).ok_or(Malformed::new("a period is 1 to 5", at))?,
                measure: Measure::from_code(r.uint()?).ok_or(Malformed::new("a measure is 0 to 2", at))?,
                amount: r.uint()?,
            })
        })
    }
}

type EntitlementFields = (Vec<Allowance>, u64, Option<String>, Vec<ProviderNumber>, Handle);

fn read_entitlement(r: &mut Reader<'_>) -> Result<EntitlementFields, Malformed> {
    let at = r.position();
    let (mut allowances, mut status_index, mut hint, mut home_providers, mut handle) = (None, None, None, Vec::new(), None);
    r.map(Keys::Closed, |key, r| {
        match key {
            1 => allowances = Some(r.list(1, MAX_ALLOWANCES, Allowance::read)?),
            2 => status_index = Some(r.uint()?),
            3 => hint = Some(r.text_of(1, MAX_HINT)?.to_owned()),
            4 => home_providers = r.list(1, MAX_PROVIDERS, ProviderNumber::read)?,
            5 => handle = Some(Handle::read(r)?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let allowances: Vec<Allowance> = present(allowances, "an entitlement without allowances", at)?;
    let twice = |(place, a): (usize, &Allowance)| allowances.iter().take(place).any(|b| a.benefit == b.benefit && a.detail == b.detail);
    if allowances.iter().enumerate().any(twice) {
        return Err(Malformed::new("two allowances have the same benefit and detail", at));
    }
    Ok((
        allowances,
        present(status_index, "an entitlement without status index", at)?,
        hint,
        home_providers,
        present(handle, "an entitlement without handle", at)?,
    ))
}

/// Reads `cnf` with one Ed25519 COSE key (RFC 8747 § 3.1, RFC 9053 § 7.2).
fn read_confirmation(r: &mut Reader<'_>) -> Result<[u8; 32], Malformed> {
    let at = r.position();
    let (mut x, mut is_ed25519) = (None, (false, false));
    r.map(Keys::Closed, |key, r| {
        if key != 1 {
            return Ok(false);
        }
        r.map(Keys::Closed, |key, r| {
            match key {
                1 => is_ed25519.0 = r.uint()? == 1,
                -1 => is_ed25519.1 = r.uint()? == 6,
                -2 => x = Some(r.byte_array()?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(true)
    })?;
    match (x, is_ed25519) {
        (Some(x), (true, true)) => Ok(x),
        _ => Err(Malformed::new("the holder key is not an Ed25519 key", at)),
    }
}

fn read_seconds(r: &mut Reader<'_>) -> Result<UtcSeconds, Malformed> {
    let at = r.position();
    let seconds = UtcSeconds(r.uint()?);
    if seconds.ms() > UtcMs::MAX { Err(Malformed::new("the time is past the year 9999", at)) } else { Ok(seconds) }
}

/// A token as read from a code, its content still closed.
#[derive(Clone, Debug)]
pub struct UnverifiedToken {
    bytes: Vec<u8>,
}

/// What a verified token entitles its holder to. [`UnverifiedToken::verify`] is the only way to one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entitlement {
    office: OfficeId,
    token: Token,
}

/// The token in a scan; a card number or chip must first be looked up.
pub fn read(scan: &Scan) -> Result<UnverifiedToken, ReadError> {
    match scan {
        Scan::Code(bytes) => Ok(UnverifiedToken::from_bytes(bytes.clone())),
        _ => Err(ReadError::Malformed(Fault::Foreign)),
    }
}

impl UnverifiedToken {
    /// A token as stored when its code was first seen.
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }

    /// The signed bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Checks the signature against the offices in `trusted`, and that the signing key was in force when the token was issued.
    pub fn verify(&self, trusted: &[TrustList], now: UtcMs) -> Result<Entitlement, Refused> {
        let keys: Vec<(&TrustList, &TrustedKey)> = trusted
            .iter()
            .flat_map(|list| list.keys.iter().map(move |key| (list, key)))
            .filter(|(_, key)| key.purposes.contains(&Purpose::Tokens))
            .collect();
        let (payload, place) = verify::open(&self.bytes, DocType::Token, keys.iter().map(|(_, key)| &key.key))?;
        let token = Reader::decode(payload, Token::read)?;
        let (list, key) = keys.get(place).ok_or(Refused::UnknownKey)?;
        // A list that says a key is over was made after that, whatever the clock here says.
        if !key.counts(token.issued.ms(), now.max(list.issued)) {
            return Err(Refused::KeyWithdrawn);
        }
        Ok(Entitlement { office: list.office.clone(), token })
    }
}

impl Entitlement {
    /// The office that pays.
    pub const fn office(&self) -> &OfficeId {
        &self.office
    }

    /// The verified content.
    pub const fn token(&self) -> &Token {
        &self.token
    }
}

//! What a provider offers, as agreed with one office: the price agreement that terminal and office share.

use super::benefit::Benefit;
use super::cbor::{Keys, Malformed, Reader, Writer, present};
use super::cents::Cents;
use super::civil::CivilDay;
use super::code::Code;
use super::ids::ServiceCode;
use serde::{Deserialize, Serialize};

/// The most price steps one service may carry.
pub const MAX_PRICES: usize = 200;
/// The longest label in characters.
pub const MAX_LABEL: usize = 80;

/// How a service is priced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pricing {
    /// A fixed price a unit.
    PerUnit,
    /// The provider types the amount.
    Free,
    /// One price a month, claimed once a month.
    Monthly,
}

impl Pricing {
    /// The code on the wire, 0 to 2.
    pub const fn code(self) -> u64 {
        match self {
            Self::PerUnit => 0,
            Self::Free => 1,
            Self::Monthly => 2,
        }
    }

    /// The pricing with this code.
    pub fn from_code(code: u64) -> Option<Self> {
        [Self::PerUnit, Self::Free, Self::Monthly].into_iter().find(|p| p.code() == code)
    }
}

/// One service of a provider at one office.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Service {
    /// Its code, unique for the provider.
    pub code: ServiceCode,
    /// The benefit it falls under.
    pub benefit: Benefit,
    /// Its name for people.
    pub label: String,
    /// How it is priced.
    pub pricing: Pricing,
    /// The prices, each in force from its day on, in ascending order of days.
    pub prices: Vec<Price>,
    /// Minutes of one teaching unit, for tutoring.
    pub unit_minutes: Option<u32>,
    /// The subject of a lesson or the event of a trip.
    pub detail: Option<Code>,
}

/// A price in force from a day on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Price {
    /// The first day it is in force.
    pub from: CivilDay,
    /// The price of one unit, or of one month.
    pub cents: Cents,
}

impl Service {
    /// The price in force on `day`; none before the first agreed day.
    pub fn price_on(&self, day: CivilDay) -> Option<Cents> {
        self.price_row_on(day).map(|price| price.cents)
    }

    /// The price in force on `day` with the day from which it is.
    pub fn price_row_on(&self, day: CivilDay) -> Option<Price> {
        self.prices.iter().filter(|p| p.from <= day).max_by_key(|p| p.from).copied()
    }

    /// Reads a service from its map.
    pub fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let at = r.position();
        let (mut code, mut benefit, mut label, mut pricing, mut prices) = (None, None, None, None, None);
        let (mut unit_minutes, mut detail) = (None, None);
        r.map(Keys::Open, |key, r| {
            let at = r.position();
            match key {
                1 => code = Some(Code::read(r)?),
                2 => benefit = Some(read_benefit(r)?),
                3 => label = Some(r.text_of(1, MAX_LABEL)?.to_owned()),
                4 => pricing = Some(Pricing::from_code(r.uint()?).ok_or(Malformed::new("a service is priced 0, 1 or 2", at))?),
                5 => prices = Some(r.list(0, MAX_PRICES, Price::read)?),
                6 => unit_minutes = Some(r.uint32()?),
                7 => detail = Some(Code::read(r)?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self {
            code: present(code, "a service without code", at)?,
            benefit: present(benefit, "a service without benefit", at)?,
            label: present(label, "a service without label", at)?,
            pricing: present(pricing, "a service without pricing", at)?,
            prices: present(prices, "a service without prices", at)?,
            unit_minutes,
            detail,
        })
    }

    /// Writes the service as its map.
    pub fn write(&self, w: &mut Writer) {
        w.map(|m| {
            self.code.write(m.key(1));
            m.key(2).uint(self.benefit.code().into());
            m.key(3).text(&self.label);
            m.key(4).uint(self.pricing.code());
            m.key(5).list(&self.prices, |w, price| {
                w.array(2);
                w.uint(price.from.days().into());
                w.uint(price.cents.to_field());
            });
            if let Some(minutes) = self.unit_minutes {
                m.key(6).uint(minutes.into());
            }
            if let Some(detail) = &self.detail {
                detail.write(m.key(7));
            }
        });
    }
}

impl Price {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        r.array(2, 2, |r, _| Ok(Self { from: read_day(r)?, cents: read_cents(r)? }))
    }
}

/// Reads a benefit code.
pub fn read_benefit(r: &mut Reader<'_>) -> Result<Benefit, Malformed> {
    let at = r.position();
    Benefit::from_code(r.uint()?).ok_or(Malformed::new("a benefit is 1 to 5", at))
}

/// Reads a civil day.
pub fn read_day(r: &mut Reader<'_>) -> Result<CivilDay, Malformed> {
    let at = r.position();
    CivilDay::from_days(r.uint()?).ok_or(Malformed::new("the day is past the calendar's end", at))
}

/// Reads an amount that cannot be negative.
pub fn read_cents(r: &mut Reader<'_>) -> Result<Cents, Malformed> {
    let at = r.position();
    Cents::from_field(r.uint()?).ok_or(Malformed::new("the amount is above one million euros", at))
}

/// Reads a time in milliseconds.
pub fn read_ms(r: &mut Reader<'_>) -> Result<super::time::UtcMs, Malformed> {
    let at = r.position();
    let at_ms = super::time::UtcMs(r.uint()?);
    if at_ms > super::time::UtcMs::MAX { Err(Malformed::new("the time is past the year 9999", at)) } else { Ok(at_ms) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_price_of_the_day_counts() {
        let day = |text| CivilDay::parse(text).unwrap_or(CivilDay::MAX);
        let service = Service {
            code: Code::parse("lunch").expect("safe: a code"),
            benefit: Benefit::Lunch,
            label: "Mittagessen".into(),
            pricing: Pricing::PerUnit,
            prices: vec![Price { from: day("2026-08-01"), cents: Cents::new(450) }, Price { from: day("2027-01-01"), cents: Cents::new(480) }],
            unit_minutes: None,
            detail: None,
        };
        assert_eq!(service.price_on(day("2026-07-31")), None);
        assert_eq!(service.price_on(day("2026-12-31")), Some(Cents::new(450)));
        assert_eq!(service.price_on(day("2027-01-01")), Some(Cents::new(480)));
        let bytes = Writer::encode(|w| service.write(w));
        assert_eq!(Reader::decode(&bytes, Service::read), Ok(service));
    }
}

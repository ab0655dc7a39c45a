//! The slot: what can be used once. Double scans, retries and two tills of one kitchen fall into one slot (formats § 4).

use crate::words::benefit::Benefit;
use crate::words::civil::{CivilDay, clock_text};
use crate::words::code::Code;
use crate::words::ids::{Handle, Hash, OfficeId, ProviderNumber, SlotId};
use crate::words::service::{Pricing, Service};
use serde::{Deserialize, Serialize};

/// When a lesson takes place, in minutes of the Berlin day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Lesson {
    /// Planned start.
    pub start: u32,
    /// End.
    pub end: u32,
}

impl Lesson {
    /// A lesson within one day.
    pub const fn new(start: u32, end: u32) -> Option<Self> {
        if start < end && end <= 1440 { Some(Self { start, end }) } else { None }
    }

    /// Its length in minutes.
    pub const fn minutes(self) -> u64 {
        (self.end - self.start) as u64
    }

    /// Whether both take place at some one moment.
    pub const fn overlaps(self, other: Lesson) -> bool {
        self.start < other.end && other.start < self.end
    }
}

/// A slot: its id, and the day that leads every index of slots, so that a day's slots lie together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    /// The service day; the first of the month for what is used once a month; 1970-01-01 for trips, whose slot knows no day.
    pub day: CivilDay,
    /// The slot's id.
    pub id: SlotId,
}

/// What a redemption is, as far as its slot depends on it.
#[derive(Clone, Copy, Debug)]
pub struct Occasion<'a> {
    /// The provider.
    pub provider: ProviderNumber,
    /// The service.
    pub service: &'a Service,
    /// The service day.
    pub day: CivilDay,
    /// The time of a lesson.
    pub lesson: Option<Lesson>,
    /// The charge or instalment.
    pub charge: Option<&'a Code>,
}

impl Occasion<'_> {
    /// The slot of this occasion for one child.
    pub fn slot(&self, office: &OfficeId, handle: Handle) -> Slot {
        let Self { provider, service, day, .. } = self;
        let charge = self.charge.map_or("", Code::as_str);
        let detail = service.detail.as_ref().map_or("", Code::as_str);
        let (day, key) = match (service.pricing, service.benefit) {
            (Pricing::Monthly, _) => (day.month().first_day(), format!("{}/{provider}/{}", day.month(), service.code)),
            (_, Benefit::Lunch) => (*day, day.to_string()),
            (_, Benefit::Tutoring) => (*day, format!("{day}T{}/{detail}", clock_text(self.lesson.map_or(0, |l| l.start)))),
            (_, Benefit::Participation) => (*day, format!("{day}/{provider}/{}/{charge}", service.code)),
            (_, Benefit::DayTrip | Benefit::ClassTrip) => (CivilDay::EPOCH, format!("{detail}/{provider}/{charge}")),
        };
        Slot { day, id: slot_id(office, handle, service.benefit, &key) }
    }
}

/// The id of the slot that `key` names for one child and benefit.
pub fn slot_id(office: &OfficeId, handle: Handle, benefit: Benefit, key: &str) -> SlotId {
    let parts: [&[u8]; 7] = [b"teilhabe/slot/1", &[0], office.as_str().as_bytes(), &[0], &handle.0, &[benefit.code()], key.as_bytes()];
    SlotId(Hash::of(&parts).first())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lessons_that_touch_do_not_overlap() {
        let lesson = |start, end| Lesson::new(start, end).expect("safe: in order");
        assert!(!lesson(840, 885).overlaps(lesson(885, 930)));
        assert!(lesson(840, 886).overlaps(lesson(885, 930)));
        assert_eq!(Lesson::new(900, 900), None);
        assert_eq!(Lesson::new(900, 1441), None);
    }

    #[test]
    fn slots_are_made_of_the_keys_in_formats() {
        use Benefit::{ClassTrip, DayTrip, Lunch, Participation, Tutoring};
        let office = OfficeId::parse("05562032").expect("an office id");
        let (handle, extra) = (Handle([7; 8]), Code::parse("extra").expect("a code"));
        let rows = [
            (Lunch, Pricing::PerUnit, None, None, "2026-11-23"),
            (Lunch, Pricing::Monthly, None, None, "2026-11/12/s"),
            (Tutoring, Pricing::PerUnit, Some("MA"), None, "2026-11-23T14:00/MA"),
            (Participation, Pricing::Free, None, None, "2026-11-23/12/s/"),
            (Participation, Pricing::PerUnit, None, Some(&extra), "2026-11-23/12/s/extra"),
            (Participation, Pricing::Monthly, None, Some(&extra), "2026-11/12/s"),
            (DayTrip, Pricing::Free, Some("zoo"), Some(&extra), "zoo/12/extra"),
            (ClassTrip, Pricing::Free, Some("sylt"), None, "sylt/12/"),
        ];
        for (benefit, pricing, detail, charge, key) in rows {
            let service = Service {
                code: Code::parse("s").expect("a code"),
                benefit,
                label: "s".into(),
                pricing,
                prices: Vec::new(),
                unit_minutes: None,
                detail: detail.and_then(Code::parse),
            };
            let day = CivilDay::parse("2026-11-23").expect("a day");
            let occasion = Occasion { provider: ProviderNumber(12), service: &service, day, lesson: Lesson::new(840, 885), charge };
            let bytes = [b"teilhabe/slot/1\0".as_slice(), b"05562032\0", &[7; 8], &[benefit.code()], key.as_bytes()].concat();
            assert_eq!(occasion.slot(&office, handle).id.0, Hash::of(&[&bytes]).0[..16], "{benefit:?} {key}");
        }
    }
}

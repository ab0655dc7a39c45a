//! The rules that counter and office share, one function each. Each answers for one redemption; ceilings and slots are beside.

use super::redemption::SeenAs;
use super::refusal::Refusal;
use super::slot::Lesson;
use crate::admit::phone::Shown;
use crate::admit::status::Status;
use crate::admit::token::Token;
use crate::words::benefit::Benefit;
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::code::Code;
use crate::words::ids::ProviderNumber;
use crate::words::service::{Pricing, Service};
use crate::words::time::UtcMs;

/// A token bound to a phone counts as that phone's code, and where nobody showed anything: for a month that was registered, or a card
/// that was forgotten. A paper, a number or a chip of it proves nothing, and a paper token is no phone code.
pub const fn is_shown_by_its_holder(token: &Token, seen_as: SeenAs, shown: Option<&Shown>) -> Result<(), Refusal> {
    match (token.holder_key.is_some(), seen_as, shown.is_some()) {
        (true, SeenAs::Phone, true) | (_, SeenAs::List, false) | (false, _, false) => Ok(()),
        _ => Err(Refusal::HolderProofMissing),
    }
}

/// The token covers the benefit (and subject or event) at this provider.
pub fn is_entitled(token: &Token, benefit: Benefit, detail: Option<&Code>, provider: ProviderNumber) -> Result<(), Refusal> {
    let mut covering = token.allowances.iter().filter(|a| a.covers(benefit, detail)).peekable();
    if covering.peek().is_none() {
        return Err(Refusal::WrongBenefit);
    }
    if covering.any(|a| a.matches(benefit, detail, provider)) { Ok(()) } else { Err(Refusal::WrongProvider) }
}

/// The office has not stopped the token.
pub const fn is_not_stopped(status: Status) -> Result<(), Refusal> {
    match status {
        Status::Valid => Ok(()),
        stopped => Err(Refusal::Stopped(stopped)),
    }
}

/// The service day lies in the approval period; when the service was recorded or sent does not matter.
pub fn is_valid_on(token: &Token, day: CivilDay) -> Result<(), Refusal> {
    if token.is_valid_on(day) {
        Ok(())
    } else if day.midnight() < token.not_before {
        Err(Refusal::NotYetValid { from: token.first_day() })
    } else {
        Err(Refusal::Expired { last: token.last_day() })
    }
}

/// A claim recorded at `at` is in time: before `max(exp, iat) + grace`, so that a token issued late is not dead on arrival.
pub fn is_in_claim_window(token: &Token, at: UtcMs, grace_days: u32) -> Result<(), Refusal> {
    let end = claim_window_end(token, grace_days);
    if at < end { Ok(()) } else { Err(Refusal::OutsideClaimWindow { since: end }) }
}

/// The first moment at which it is too late to record a claim on this token.
pub fn claim_window_end(token: &Token, grace_days: u32) -> UtcMs {
    token.expires.max(token.issued).ms().plus_days(grace_days.into())
}

/// What `units` of the service cost on `day`: the agreed price, or the typed amount where the service allows one.
pub fn price(service: &Service, day: CivilDay, units: u64, typed: Option<Cents>) -> Result<Cents, Refusal> {
    let agreed = match service.pricing {
        Pricing::PerUnit => service.price_on(day).map(|price| price.times(units)),
        Pricing::Monthly => service.price_on(day),
        Pricing::Free if service.benefit.takes_free_amount() => typed,
        Pricing::Free => None,
    };
    let price = agreed.filter(|p| *p > Cents::ZERO && *p <= Cents::MAX_SINGLE).ok_or(Refusal::NoPrice)?;
    if typed.is_none_or(|t| t == price) { Ok(price) } else { Err(Refusal::NoPrice) }
}

/// The teaching units of a lesson: whole ones only, for only lessons really given are paid. None for less than one unit.
pub fn teaching_units(service: &Service, lesson: Lesson) -> Option<u64> {
    let unit = u64::from(service.unit_minutes.filter(|m| *m > 0)?);
    Some(lesson.minutes() / unit).filter(|units| *units > 0)
}

/// A lesson already on record, as far as overlaps are concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenLesson {
    /// The day.
    pub day: CivilDay,
    /// The time.
    pub lesson: Lesson,
    /// The service.
    pub service: Code,
    /// Whether it is a lesson of the same child; otherwise it is one of the same tutor.
    pub same_child: bool,
    /// When it was recorded.
    pub at: UtcMs,
}

/// The lesson overlaps none of the child's, and none of the tutor's but the same group's: same service, same time.
pub fn is_no_overlap(day: CivilDay, lesson: Lesson, service: &Code, given: &[GivenLesson]) -> Result<(), Refusal> {
    let overlaps = |g: &&GivenLesson| {
        let same_group = !g.same_child && g.lesson == lesson && g.service == *service;
        g.day == day && g.lesson.overlaps(lesson) && !same_group
    };
    given.iter().find(overlaps).map_or(Ok(()), |g| Err(Refusal::LessonOverlap { since: g.at }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::service::Price;

    fn service(benefit: Benefit, pricing: Pricing) -> Service {
        let prices = vec![Price { from: CivilDay::EPOCH.plus(10), cents: Cents::new(2500) }];
        let code = Code::parse("s").expect("a code");
        Service { code, benefit, label: "s".into(), pricing, prices, unit_minutes: Some(45), detail: None }
    }

    #[test]
    fn amounts_are_typed_only_where_the_benefit_takes_them() {
        let priced = |benefit, pricing, day: u32, units, typed: Option<i64>| {
            price(&service(benefit, pricing), CivilDay::EPOCH.plus(day), units, typed.map(Cents::new)).map(Cents::get).ok()
        };
        use Benefit::{Lunch, Participation, Tutoring};
        assert_eq!(priced(Tutoring, Pricing::PerUnit, 10, 2, None), Some(5000));
        assert_eq!(priced(Tutoring, Pricing::PerUnit, 9, 2, None), None, "no price agreed yet");
        assert_eq!(priced(Tutoring, Pricing::PerUnit, 10, 2, Some(5000)), Some(5000));
        assert_eq!(priced(Tutoring, Pricing::PerUnit, 10, 2, Some(5001)), None, "another amount than the agreed one");
        assert_eq!(priced(Lunch, Pricing::Monthly, 10, 2, None), Some(2500));
        assert_eq!(priced(Lunch, Pricing::Free, 10, 1, Some(300)), None, "a lunch has a price");
        assert_eq!(priced(Participation, Pricing::Free, 10, 1, Some(300)), Some(300));
        for typed in [None, Some(0), Some(-1), Some(Cents::MAX_SINGLE.get() + 1)] {
            assert_eq!(priced(Participation, Pricing::Free, 10, 1, typed), None, "{typed:?}");
        }
        assert_eq!(priced(Tutoring, Pricing::PerUnit, 10, u64::MAX, None), None);
    }

    #[test]
    fn a_tutor_teaches_a_group_at_once_but_a_child_is_in_one_lesson() {
        let (maths, german) = (Code::parse("maths").expect("a code"), Code::parse("german").expect("a code"));
        let lesson = |start, end| Lesson::new(start, end).expect("a lesson");
        let given = |service: &Code, lesson: Lesson, same_child: bool| {
            [GivenLesson { day: CivilDay::EPOCH, lesson, service: service.clone(), same_child, at: UtcMs(7) }]
        };
        let refused = |given: &[GivenLesson]| is_no_overlap(CivilDay::EPOCH, lesson(840, 885), &maths, given).is_err();
        assert!(!refused(&given(&maths, lesson(840, 885), false)), "the same group");
        assert!(refused(&given(&german, lesson(840, 885), false)), "another subject");
        assert!(refused(&given(&maths, lesson(841, 885), false)), "another time");
        assert!(refused(&given(&maths, lesson(840, 885), true)), "the same child");
        assert!(!refused(&given(&maths, lesson(885, 930), true)), "one after the other");
        assert!(is_no_overlap(CivilDay::EPOCH.plus(1), lesson(840, 885), &maths, &given(&maths, lesson(840, 885), true)).is_ok());
    }
}

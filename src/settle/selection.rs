//! What goes into a run: all that is decided, or the part of it that a clerk chose. What is left out stays open for a later run.

use super::settlement::{Credit, PayableLine};
use crate::words::benefit::Benefit;
use crate::words::civil::CivilMonth;
use crate::words::ids::ProviderNumber;
use std::collections::BTreeSet;
use std::fmt;

/// A choice of lines by provider, benefit and month of service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// These providers; all where there is none.
    pub providers: Option<BTreeSet<ProviderNumber>>,
    /// These benefits; all where there is none.
    pub benefits: Option<BTreeSet<Benefit>>,
    /// Services up to the end of this month; all where there is none.
    pub until: Option<CivilMonth>,
}

impl Selection {
    /// Whether this is all there is.
    pub const fn is_all(&self) -> bool {
        self.providers.is_none() && self.benefits.is_none() && self.until.is_none()
    }

    /// Whether a line of this provider, benefit and month is chosen.
    pub fn takes(&self, provider: ProviderNumber, benefit: Benefit, month: CivilMonth) -> bool {
        self.providers.as_ref().is_none_or(|chosen| chosen.contains(&provider))
            && self.benefits.as_ref().is_none_or(|chosen| chosen.contains(&benefit))
            && self.until.is_none_or(|until| month <= until)
    }

    /// Whether this line is chosen.
    pub fn takes_line(&self, line: &PayableLine) -> bool {
        self.takes(line.provider, line.benefit, line.service_day.month())
    }

    /// Whether this repayment is chosen: it is for no benefit, so a choice of some leaves it open; it belongs to the month in which it came in.
    pub fn takes_credit(&self, provider: ProviderNumber, credit: &Credit) -> bool {
        self.providers.as_ref().is_none_or(|chosen| chosen.contains(&provider))
            && self.benefits.is_none()
            && self.until.is_none_or(|until| credit.day.month() <= until)
    }

    /// Reads what [`Self::to_string`] wrote: it is kept with the run.
    pub fn parse(text: &str) -> Option<Self> {
        let mut selection = Self::default();
        for part in text.split_whitespace() {
            let (name, values) = part.split_once('=')?;
            match name {
                "providers" => {
                    let numbers: Result<_, _> = values.split(',').map(|number| number.parse().map(ProviderNumber)).collect();
                    selection.providers = Some(numbers.ok()?);
                }
                "benefits" => selection.benefits = Some(values.split(',').map(Benefit::parse).collect::<Option<_>>()?),
                "until" => selection.until = Some(CivilMonth::parse(values)?),
                _ => return None,
            }
        }
        Some(selection)
    }
}

impl fmt::Display for Selection {
    /// `providers=101,102 benefits=lunch until=2026-10`; empty for all.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if let Some(providers) = &self.providers {
            parts.push(format!("providers={}", providers.iter().map(ProviderNumber::to_string).collect::<Vec<_>>().join(",")));
        }
        if let Some(benefits) = &self.benefits {
            parts.push(format!("benefits={}", benefits.iter().map(|benefit| benefit.name()).collect::<Vec<_>>().join(",")));
        }
        if let Some(until) = self.until {
            parts.push(format!("until={until}"));
        }
        f.write_str(&parts.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::cents::Cents;
    use crate::words::civil::CivilDay;
    use crate::words::ids::RepaymentNumber;

    fn month(text: &str) -> CivilMonth {
        CivilMonth::parse(text).expect("safe: a month")
    }

    #[test]
    fn what_is_chosen_is_read_back_as_it_was_written() {
        let some = Selection {
            providers: Some([ProviderNumber(102), ProviderNumber(101)].into()),
            benefits: Some([Benefit::Tutoring, Benefit::Lunch].into()),
            until: Some(month("2026-10")),
        };
        for selection in [Selection::default(), some.clone(), Selection { providers: None, ..some }] {
            assert_eq!(Selection::parse(&selection.to_string()), Some(selection));
        }
        for wrong in ["providers", "providers=", "providers=a", "benefits=cake", "until=gestern", "colour=red"] {
            assert_eq!(Selection::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_line_is_chosen_by_provider_benefit_and_month() {
        let selection =
            Selection { providers: Some([ProviderNumber(101)].into()), benefits: Some([Benefit::Lunch].into()), until: Some(month("2026-10")) };
        assert!(selection.takes(ProviderNumber(101), Benefit::Lunch, month("2026-10")));
        assert!(!selection.takes(ProviderNumber(102), Benefit::Lunch, month("2026-10")));
        assert!(!selection.takes(ProviderNumber(101), Benefit::Tutoring, month("2026-10")));
        assert!(!selection.takes(ProviderNumber(101), Benefit::Lunch, month("2026-11")));
        let day = CivilDay::parse("2026-11-02").expect("safe: a day");
        let credit = Credit { repayment: RepaymentNumber(1), day, total: Cents::new(100), already: Cents::ZERO };
        let of = |until, benefits| Selection { until, benefits, ..selection.clone() }.takes_credit(ProviderNumber(101), &credit);
        assert!(of(None, None) && of(Some(month("2026-11")), None));
        assert!(!of(Some(month("2026-10")), None), "it came in later");
        assert!(!of(None, Some([Benefit::Lunch].into())), "it is for no benefit");
        assert!(!Selection { until: None, benefits: None, ..selection.clone() }.takes_credit(ProviderNumber(102), &credit));
        assert!(Selection::default().is_all() && Selection::default().takes(ProviderNumber(1), Benefit::DayTrip, month("2030-01")));
    }
}

//! How far one line can reach: which of a child's lines must be decided together, so that not every month is decided anew for one new meal.

use super::register::ChildFile;
use crate::book::redemption::Redemption;
use crate::words::benefit::{Benefit, Period};

/// Whether the meals of one month of this child can be decided without those of other months: no ceiling on meals runs beyond a month.
/// Slots of meals are of a day or a month, and a flat stands beside meals of its month only. What is no meal (a fee, a trip, a lesson)
/// reaches through its whole approval: all of it must be there, whichever month is decided.
pub fn meals_stay_in_their_month(child: &ChildFile) -> bool {
    let allowances = child.tokens.values().flat_map(|registered| &registered.token.allowances);
    let mut periods = allowances.filter(|a| a.benefit == Benefit::Lunch).flat_map(|a| a.ceilings.iter().map(|c| c.period));
    periods.all(|period| matches!(period, Period::Day | Period::Month))
}

/// Whether a line mixes meals with something else, so that the months of its child belong together: it claims another benefit than that
/// of its service (`agreed`, none where no service is known), or is a meal that takes place like a lesson.
pub fn mixes_months(redemption: &Redemption, agreed: Option<Benefit>) -> bool {
    agreed != Some(redemption.benefit) || (redemption.benefit == Benefit::Lunch && redemption.lesson.is_some())
}

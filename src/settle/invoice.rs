//! What an invoice about a month of settled services comes to (EN 16931): gross prices are agreed, so net and tax are computed out of
//! what was paid, such that every sum of the standard (BR-CO-10 to BR-CO-17) holds to the cent.
//!
//! Not every gross sum is a net sum with its rounded tax: of 19 % every sixth is not. What is missing then, one cent at the most for a
//! rate, is the standard's rounding amount (BT-114), so that the amount due is always exactly what was paid.

use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::ids::ServiceCode;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// How a service is taxed on its day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Vat {
    /// Tax in percent; zero for what is exempt.
    pub percent: u8,
    /// Why it is exempt (BT-120); none for what is taxed.
    pub exempt: Option<String>,
}

/// What is put together into one line of an invoice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item {
    /// The service.
    pub service: ServiceCode,
    /// Its tax.
    pub vat: Vat,
    /// The gross price of one unit; none where amounts differ from use to use, which make one line of a single piece.
    pub price: Option<Cents>,
}

/// How much of an item there is; below zero where something is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount {
    /// Units; always 1 or -1 in the end for an item without a price.
    pub units: i64,
    /// Gross.
    pub gross: Cents,
    /// The first and the last day of service.
    pub days: (CivilDay, CivilDay),
}

/// Items with their amounts.
pub type Items = BTreeMap<Item, Amount>;

/// One settled use of a service.
#[derive(Clone, Debug)]
pub struct Use {
    /// What it is.
    pub service: ServiceCode,
    /// Its day.
    pub day: CivilDay,
    /// Its tax on that day.
    pub vat: Vat,
    /// Units, below zero for a counter-record.
    pub units: i64,
    /// What was paid for it in all, below zero for a counter-record.
    pub gross: Cents,
    /// Whether the service has a price for a unit.
    pub priced: bool,
}

/// Uses put together to items; what was paid nothing for is left out.
pub fn items(uses: impl IntoIterator<Item = Use>) -> Items {
    let mut items = Items::new();
    for one in uses.into_iter().filter(|one| one.gross != Cents::ZERO) {
        let whole = one.priced && one.units != 0 && one.gross.get() % one.units == 0;
        let price = whole.then(|| Cents::new((one.gross.get() / one.units).abs()));
        let units = if price.is_some() { one.units.abs() * one.gross.get().signum() } else { 0 };
        add(&mut items, Item { service: one.service, vat: one.vat, price }, Amount { units, gross: one.gross, days: (one.day, one.day) });
    }
    items.retain(|_, amount| amount.gross != Cents::ZERO);
    items
}

fn add(items: &mut Items, item: Item, more: Amount) {
    let amount = items.entry(item).or_insert(Amount { units: 0, gross: Cents::ZERO, days: more.days });
    amount.units += more.units;
    amount.gross = amount.gross.plus(more.gross);
    amount.days = (amount.days.0.min(more.days.0), amount.days.1.max(more.days.1));
}

/// What is new in `now` against `before`: what an invoice still has to say.
pub fn difference(now: &Items, before: &Items) -> Items {
    let mut rest = now.clone();
    for (item, amount) in before {
        add(&mut rest, item.clone(), Amount { units: -amount.units, gross: Cents::ZERO.minus(amount.gross), days: amount.days });
    }
    rest.retain(|_, amount| amount.gross != Cents::ZERO);
    rest
}

/// What kind of document it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A self-billed invoice (UNTDID 1001: 389).
    SelfBilled,
    /// A credit note (381): more is taken back than is new.
    CreditNote,
}

impl Kind {
    /// The code of UNTDID 1001.
    pub const fn code(self) -> &'static str {
        match self {
            Self::SelfBilled => "389",
            Self::CreditNote => "381",
        }
    }

    /// What people call it.
    pub const fn german(self) -> &'static str {
        match self {
            Self::SelfBilled => "Gutschrift",
            Self::CreditNote => "Korrektur",
        }
    }
}

/// One line; amounts as the document shows them, so that those of a credit note are above zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The item.
    pub item: Item,
    /// The quantity (BT-129).
    pub units: i64,
    /// Net price of a unit (BT-146) in decimal notation: as many digits as it takes for units × price to give the net amount.
    pub price: String,
    /// Net amount (BT-131).
    pub net: Cents,
    /// The first and the last day of service.
    pub days: (CivilDay, CivilDay),
}

/// The sum of all lines of one rate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tax {
    /// The rate in percent; zero stands for all that is exempt.
    pub percent: u8,
    /// Why it is exempt (BT-120).
    pub exempt: Option<String>,
    /// Net (BT-116).
    pub net: Cents,
    /// Tax (BT-117): net × rate, rounded.
    pub tax: Cents,
}

/// All amounts of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amounts {
    /// What it is.
    pub kind: Kind,
    /// Its lines.
    pub lines: Vec<Line>,
    /// Its taxes by rate.
    pub taxes: Vec<Tax>,
    /// Net in all (BT-106 and BT-109).
    pub net: Cents,
    /// Tax in all (BT-110).
    pub tax: Cents,
    /// What rounding leaves over (BT-114), a cent a rate at the most.
    pub rounding: Cents,
    /// The amount due (BT-115): what was paid, or is taken back.
    pub due: Cents,
}

impl Amounts {
    /// Net and tax together (BT-112).
    pub const fn gross(&self) -> Cents {
        self.net.plus(self.tax)
    }
}

/// Computes a document about these items; none where there is nothing to say.
pub fn amounts(items: &Items) -> Option<Amounts> {
    let due: Cents = items.values().map(|amount| amount.gross).sum();
    let kind = if due < Cents::ZERO { Kind::CreditNote } else { Kind::SelfBilled };
    let sign = if kind == Kind::CreditNote { -1 } else { 1 };
    let rates: BTreeSet<u8> = items.keys().map(|item| item.vat.percent).collect();
    let (mut lines, mut taxes, mut rounding) = (Vec::new(), Vec::new(), Cents::ZERO);
    for percent in rates {
        let of_rate: Vec<(&Item, &Amount)> = items.iter().filter(|(item, _)| item.vat.percent == percent).collect();
        let gross: Vec<i64> = of_rate.iter().map(|(_, amount)| amount.gross.get() * sign).collect();
        let (net, tax) = net_and_tax(gross.iter().sum(), percent);
        rounding = rounding.plus(Cents::new(gross.iter().sum::<i64>() - net - tax));
        for ((item, amount), net) in of_rate.iter().zip(shares(&gross, net, percent)) {
            lines.push(line(item, amount, sign, net));
        }
        let reasons: BTreeSet<&str> = of_rate.iter().filter_map(|(item, _)| item.vat.exempt.as_deref()).collect();
        // BR-E-01: whatever the reasons, the exempt part is one.
        let exempt = (!reasons.is_empty()).then(|| reasons.into_iter().collect::<Vec<_>>().join("; "));
        taxes.push(Tax { percent, exempt, net: Cents::new(net), tax: Cents::new(tax) });
    }
    let (net, tax) = (taxes.iter().map(|tax| tax.net).sum(), taxes.iter().map(|tax| tax.tax).sum());
    let due = if sign < 0 { Cents::ZERO.minus(due) } else { due };
    (!lines.is_empty()).then_some(Amounts { kind, lines, taxes, net, tax, rounding, due })
}

fn line(item: &Item, amount: &Amount, sign: i64, net: i64) -> Line {
    let gross = amount.gross.get() * sign;
    // An item without a price is one piece; so is one whose units cancel out, which only different amounts can bring about.
    let units = if item.price.is_some() && amount.units != 0 { amount.units * sign } else { gross.signum() };
    Line { item: item.clone(), units, price: unit_price(net, units), net: Cents::new(net), days: amount.days }
}

/// The net sum that with its rounded tax comes nearest to `gross`, and that tax; all in cents.
fn net_and_tax(gross: i64, percent: u8) -> (i64, i64) {
    let rate = i64::from(percent);
    let near = rounded(gross * 100, 100 + rate);
    let candidates = [near, near - 1, near + 1].map(|net| (net, rounded(net * rate, 100)));
    candidates.into_iter().min_by_key(|(net, tax)| (net + tax - gross).abs()).unwrap_or((gross, 0))
}

/// `net` divided among lines in proportion to their gross amounts: each its exact share rounded down, and the cents that are left to those
/// that lost most.
fn shares(gross: &[i64], net: i64, percent: u8) -> Vec<i64> {
    let whole = 100 + i64::from(percent);
    let mut shares: Vec<i64> = gross.iter().map(|gross| (gross * 100).div_euclid(whole)).collect();
    let mut by_loss: Vec<usize> = (0..gross.len()).collect();
    by_loss.sort_by_key(|at| std::cmp::Reverse(gross.get(*at).map_or(0, |gross| (gross * 100).rem_euclid(whole))));
    let mut left = net - shares.iter().sum::<i64>();
    for at in by_loss.into_iter().cycle() {
        if left == 0 {
            break;
        }
        if let Some(share) = shares.get_mut(at) {
            *share += left.signum();
            left -= left.signum();
        }
    }
    shares
}

/// `a / b`, halves away from zero.
const fn rounded(a: i64, b: i64) -> i64 {
    (a.abs() * 2 + b) / (2 * b) * a.signum()
}

/// `net` cents for `units` as a price with as few digits as give the net amount again, 2 to 8.
fn unit_price(net: i64, units: i64) -> String {
    let (net, units) = (i128::from(net.abs()), i128::from(units.abs().max(1)));
    let mut digits = 2;
    loop {
        let scale = 10i128.pow(digits - 2);
        let price = (net * scale * 2 + units) / (2 * units);
        if (price * units * 2 + scale) / (2 * scale) == net || digits == 8 {
            let one = 100 * scale;
            return format!("{}.{:0width$}", price / one, price % one, width = digits as usize);
        }
        digits += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::code::Code;
    use proptest::prelude::*;

    fn taxed(percent: u8) -> Vat {
        Vat { percent, exempt: None }
    }

    fn exempt(why: &str) -> Vat {
        Vat { percent: 0, exempt: Some(why.to_owned()) }
    }

    fn one(service: &str, vat: Vat, units: i64, gross: i64) -> Use {
        let day = CivilDay::parse("2026-11-23").expect("safe: a day");
        Use { service: Code::parse(service).expect("safe: a code"), day, vat, units, gross: Cents::new(gross), priced: true }
    }

    fn holds(amounts: &Amounts) {
        let by_line: Cents = amounts.lines.iter().map(|line| line.net).sum();
        assert_eq!(by_line, amounts.net, "BR-CO-10");
        assert_eq!(amounts.taxes.iter().map(|tax| tax.tax).sum::<Cents>(), amounts.tax, "BR-CO-14");
        assert_eq!(amounts.gross().plus(amounts.rounding), amounts.due, "BR-CO-15, BR-CO-16");
        assert!(amounts.rounding.get().unsigned_abs() as usize <= amounts.taxes.len(), "{amounts:?}");
        for tax in &amounts.taxes {
            assert_eq!(tax.tax.get(), rounded(tax.net.get() * i64::from(tax.percent), 100), "BR-CO-17");
            let of_rate = amounts.lines.iter().filter(|line| line.item.vat.percent == tax.percent).map(|line| line.net);
            assert_eq!(of_rate.sum::<Cents>(), tax.net, "BR-S-08, BR-E-08");
        }
        for line in &amounts.lines {
            let (whole, part) = line.price.split_once('.').expect("a decimal point");
            let price: i128 = format!("{whole}{part}").parse().expect("digits");
            let scale = 10i128.pow(u32::try_from(part.len()).expect("few") - 2);
            assert_eq!((price * i128::from(line.units.abs()) * 2 + scale) / (2 * scale), i128::from(line.net.get().abs()), "{line:?}");
        }
    }

    #[test]
    fn meals_of_a_month_are_one_line_and_come_to_what_was_paid() {
        let made = amounts(&items((0..212).map(|_| one("lunch", taxed(7), 1, 450)))).expect("an invoice");
        holds(&made);
        let line = &made.lines[0];
        assert_eq!((made.kind, line.units, made.due.get(), made.rounding.get()), (Kind::SelfBilled, 212, 95_400, 0));
        assert_eq!((made.net.get(), made.tax.get(), line.price.as_str()), (89_159, 6_241, "4.2056"));
    }

    #[test]
    fn a_sum_that_no_net_amount_reaches_is_rounded_openly() {
        // 19 %: 0.03 net with 0.01 tax is 0.04, 0.02 net with 0.00 tax is 0.02; 0.03 is none of them.
        let made = amounts(&items([one("drink", taxed(19), 1, 3)])).expect("an invoice");
        holds(&made);
        assert_eq!((made.due.get(), made.rounding.get().abs()), (3, 1));
    }

    #[test]
    fn rates_stay_apart_and_exempt_reasons_come_together() {
        let uses = [
            one("lunch", taxed(7), 1, 450),
            one("drink", taxed(19), 2, 300),
            one("club", exempt("§ 4 Nr. 22"), 1, 1500),
            one("trip", exempt("§ 4 Nr. 25"), 1, 900),
        ];
        let made = amounts(&items(uses)).expect("an invoice");
        holds(&made);
        let taxes: Vec<_> = made.taxes.iter().map(|tax| (tax.percent, tax.exempt.as_deref())).collect();
        assert_eq!(taxes, [(0, Some("§ 4 Nr. 22; § 4 Nr. 25")), (7, None), (19, None)]);
        assert_eq!(made.due.get(), 3150);
    }

    #[test]
    fn what_was_invoiced_is_not_invoiced_again_and_what_is_taken_back_is_a_credit_note() {
        let first = items([one("lunch", taxed(7), 1, 450), one("lunch", taxed(7), 1, 450)]);
        assert_eq!(amounts(&difference(&first, &first)), None);
        let later = items([one("lunch", taxed(7), 1, 450), one("lunch", taxed(7), 1, 450), one("lunch", taxed(7), -1, -450)]);
        let credit = amounts(&difference(&later, &first)).expect("a credit note");
        holds(&credit);
        assert_eq!((credit.kind, credit.due.get(), credit.lines[0].units), (Kind::CreditNote, 450, 1));
        let cut = items([one("lunch", taxed(7), 1, 450), one("lunch", taxed(7), 1, 400)]);
        let credit = amounts(&difference(&cut, &first)).expect("a credit note");
        holds(&credit);
        assert_eq!((credit.kind, credit.due.get()), (Kind::CreditNote, 50), "one at 4.50 back, one at 4.00 new");
        assert_eq!(amounts(&items([one("lunch", taxed(7), 1, 450), one("lunch", taxed(7), -1, -450)])), None, "a month that comes to nothing");
    }

    #[test]
    fn another_rate_for_what_was_invoiced_is_corrected_though_the_sum_stays() {
        let (before, after) = (items([one("lunch", taxed(19), 1, 450)]), items([one("lunch", taxed(7), 1, 450)]));
        let made = amounts(&difference(&after, &before)).expect("a correction");
        holds(&made);
        assert_eq!((made.due, made.lines.len()), (Cents::ZERO, 2));
    }

    #[test]
    fn amounts_that_differ_from_use_to_use_are_one_piece() {
        let mut uses = [one("trip", taxed(19), 1, 1999), one("trip", taxed(19), 1, 2450)];
        uses.iter_mut().for_each(|one| one.priced = false);
        let made = amounts(&items(uses)).expect("an invoice");
        holds(&made);
        assert_eq!(made.lines.iter().map(|line| (line.units, line.net)).collect::<Vec<_>>(), [(1, made.net)]);
    }

    proptest! {
        #[test]
        fn every_sum_of_the_standard_holds_to_the_cent(uses in prop::collection::vec((0usize..3, 0usize..4, -40i64..40, -700i64..700, prop::bool::ANY), 1..40)) {
            let uses = uses.into_iter().map(|(service, rate, units, price, priced)| {
                let vat = [taxed(7), taxed(19), exempt("a"), exempt("b")][rate].clone();
                Use { priced, ..one(["a", "b", "c"][service], vat, units, units * price + i64::from(!priced)) }
            });
            let items = items(uses);
            if let Some(made) = amounts(&items) {
                holds(&made);
                let paid: i64 = items.values().map(|amount| amount.gross.get()).sum();
                prop_assert_eq!(made.due.get(), paid.abs());
            }
        }
    }
}

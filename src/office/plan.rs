//! What an approval is to those on record: new, known, changed, a follow-up, or in the way of another.

use super::granted::{allowance_words, months_words};
use crate::admit::issue::Approval;
use crate::admit::token::Allowance;
use crate::shell::sheet::children::MAX_MONTHS;
use crate::shell::store::office::approvals::Held;
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::legal_basis::LegalBasis;

/// What an approval is to those on record. The numbers are row ids of approvals; zero is one that stands earlier in the same list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing like it is on record.
    New,
    /// Exactly the same is on record: there is nothing to do.
    Known {
        /// The approval.
        approval: i64,
    },
    /// It changes a running approval.
    Changed {
        /// The approval.
        approval: i64,
        /// Whether a new card takes the old one's place; otherwise only the office's books change.
        card: bool,
    },
    /// It follows an earlier approval of the same benefits.
    Extends {
        /// The earlier approval.
        approval: i64,
    },
    /// It grants for some months what another approval grants already: nothing is made of it.
    Overlaps {
        /// The other approval.
        approval: i64,
    },
    /// It cannot be approved at all.
    Impossible,
}

/// What would become of an approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// What it is to those on record.
    pub standing: Standing,
    /// The same for people: one or two sentences.
    pub sentence: String,
}

impl Planned {
    /// Whether it stands in the way of taking the list over.
    pub const fn is_refused(&self) -> bool {
        matches!(self.standing, Standing::Overlaps { .. } | Standing::Impossible)
    }

    /// Whether a card is made of it.
    pub const fn makes_a_card(&self) -> bool {
        matches!(self.standing, Standing::New | Standing::Extends { .. } | Standing::Changed { card: true, .. })
    }
}

/// Holds `new` against the child's approvals on record; `same_record` is the one that came from the same record of the same source.
pub fn judge(new: &Approval, basis: Option<LegalBasis>, held: &[Held], same_record: Option<&Held>) -> Planned {
    if let Some(sentence) = impossible(new) {
        return Planned { standing: Standing::Impossible, sentence };
    }
    let standing: Vec<&Held> = held.iter().filter(|h| h.changed_to.is_none()).collect();
    let same_period = standing.iter().copied().filter(|h| (h.approval.from, h.approval.to) == (new.from, new.to) && share(&h.approval, new));
    let mut same: Vec<&Held> = same_record.into_iter().chain(same_period).collect();
    same.sort_by_key(|h| h.ended.is_some());
    if let Some(known) = same.iter().find(|h| is_same(new, &h.approval) && (basis.is_none() || basis == h.basis)) {
        return already_there(known);
    }
    let target = same.iter().copied().find(|h| h.ended.is_none());
    let in_the_way = standing.iter().find(|h| target.is_none_or(|t| t.id != h.id) && share(&h.approval, new) && overlap(h, new));
    match (in_the_way, target) {
        (Some(other), _) => overlaps(new, other),
        (None, Some(target)) => changed(new, basis, target),
        (None, None) => fresh(new, &standing),
    }
}

fn impossible(new: &Approval) -> Option<String> {
    if let Err(why) = new.check() {
        return Some(why.german());
    }
    let months = new.to.since(new.from).saturating_add(1);
    (months > MAX_MONTHS).then(|| format!("Der Zeitraum hat {months} Monate, möglich sind höchstens {MAX_MONTHS}: bitte von und bis prüfen."))
}

fn already_there(known: &Held) -> Planned {
    let sentence = match &known.ended {
        Some((from, _)) => format!("Steht schon im Register und endete vor dem {}: es ist nichts zu tun.", from.german()),
        None => "Steht genau so schon im Register: es ist nichts zu tun.".to_owned(),
    };
    Planned { standing: Standing::Known { approval: known.id }, sentence }
}

fn overlaps(new: &Approval, other: &Held) -> Planned {
    let sentence = format!(
        "Für {} ist dieselbe Leistung schon bewilligt. Bitte die Monate anpassen, oder die laufende Bewilligung erst beenden.",
        months_words(other.approval.from.max(new.from), other.approval.to.min(new.to)),
    );
    Planned { standing: Standing::Overlaps { approval: other.id }, sentence }
}

fn changed(new: &Approval, basis: Option<LegalBasis>, target: &Held) -> Planned {
    let card = !is_same(new, &target.approval);
    let mut differences = differences(new, &target.approval);
    if basis.is_some() && basis != target.basis {
        differences.push("anderer Rechtskreis".to_owned());
    }
    let what = differences.join("; ");
    let then = if card { "Eine neue Karte ersetzt die alte; was schon eingelöst ist, zählt." } else { "Die Karte bleibt." };
    Planned { standing: Standing::Changed { approval: target.id, card }, sentence: format!("Ändert die laufende Bewilligung: {what}. {then}") }
}

fn fresh(new: &Approval, standing: &[&Held]) -> Planned {
    let before = standing.iter().filter(|h| share(&h.approval, new) && last_month(h).is_some_and(|last| last < new.from));
    let beside = standing.iter().any(|h| !share(&h.approval, new) && overlap(h, new));
    match before.max_by_key(|h| last_month(h)) {
        Some(earlier) => Planned {
            standing: Standing::Extends { approval: earlier.id },
            sentence: format!(
                "Folgt auf die Bewilligung für {}: neue Karte für dasselbe Kind.",
                months_words(earlier.approval.from, last_month(earlier).unwrap_or(earlier.approval.to))
            ),
        },
        None if beside => {
            Planned { standing: Standing::New, sentence: "Neu, neben einer laufenden Bewilligung anderer Leistungen: eine zweite Karte.".to_owned() }
        }
        None => Planned { standing: Standing::New, sentence: "Neu: eine Karte wird ausgestellt.".to_owned() },
    }
}

/// The last month in which an approval still stands in another's way: one that ends within a month leaves this month to what follows.
fn last_month(held: &Held) -> Option<CivilMonth> {
    match &held.ended {
        None => Some(held.approval.to),
        Some((from, _)) => before(*from).map(|month| month.min(held.approval.to)).filter(|month| *month >= held.approval.from),
    }
}

fn before(day: CivilDay) -> Option<CivilMonth> {
    CivilMonth::from_months(u64::from(day.month().months()).checked_sub(1)?)
}

fn overlap(held: &Held, new: &Approval) -> bool {
    last_month(held).is_some_and(|last| held.approval.from <= new.to && new.from <= last)
}

/// Whether both grant the same benefit, and for tutoring and trips the same subject or event or any.
fn share(a: &Approval, b: &Approval) -> bool {
    let same = |x: &Allowance, y: &Allowance| x.benefit == y.benefit && (x.detail.is_none() || y.detail.is_none() || x.detail == y.detail);
    a.allowances.iter().any(|x| b.allowances.iter().any(|y| same(x, y)))
}

/// Whether `new` says nothing else than `held`. A hint or home providers that are left out are not changed.
fn is_same(new: &Approval, held: &Approval) -> bool {
    (new.from, new.to) == (held.from, held.to)
        && (new.hint.is_none() || new.hint == held.hint)
        && (new.home_providers.is_empty() || sorted(&new.home_providers) == sorted(&held.home_providers))
        && in_order(new) == in_order(held)
}

fn sorted<T: Ord + Clone>(list: &[T]) -> Vec<T> {
    let mut list = list.to_vec();
    list.sort();
    list
}

/// The allowances in an order that does not depend on the order of rows.
fn in_order(approval: &Approval) -> Vec<Allowance> {
    let mut allowances = approval.allowances.clone();
    for allowance in &mut allowances {
        allowance.ceilings.sort_by_key(|c| (c.period.code(), c.measure.code(), c.amount));
        allowance.providers.sort();
    }
    allowances.sort_by_key(key);
    allowances
}

fn key(allowance: &Allowance) -> (u8, Option<String>) {
    (allowance.benefit.code(), allowance.detail.as_ref().map(|detail| detail.as_str().to_owned()))
}

fn differences(new: &Approval, held: &Approval) -> Vec<String> {
    let mut all = Vec::new();
    if (new.from, new.to) != (held.from, held.to) {
        all.push(format!("{} statt {}", months_words(new.from, new.to), months_words(held.from, held.to)));
    }
    let (now, then) = (in_order(new), in_order(held));
    for allowance in &now {
        match then.iter().find(|a| key(a) == key(allowance)) {
            None => all.push(format!("neu {}", allowance_words(allowance))),
            Some(old) if old != allowance => all.push(format!("{} statt {}", allowance_words(allowance), allowance_words(old))),
            Some(_) => {}
        }
    }
    let gone = then.iter().filter(|a| !now.iter().any(|b| key(a) == key(b)));
    all.extend(gone.map(|a| format!("{} entfällt", allowance_words(a))));
    if new.hint.is_some() && new.hint != held.hint {
        all.push("anderer Hinweis".to_owned());
    }
    if !new.home_providers.is_empty() && sorted(&new.home_providers) != sorted(&held.home_providers) {
        all.push("andere Stammanbieter".to_owned());
    }
    all
}

//! Why a line was decided as it was, in a German sentence or two.

use super::words::{moment, stop_words, title};
use crate::deliver::advice::Verdict;
use crate::office::amount_words;
use crate::reconcile::conflict::Criterion;
use crate::reconcile::ruling::Choice;
use crate::reconcile::why::{BoundUsed, Rule, Why};
use crate::shell::store::office::waiting;
use crate::words::benefit::{Measure, Period};
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::ids::ProviderNumber;
use crate::words::reason::Reason;
use std::collections::BTreeMap;

/// How many earlier uses are listed; more are counted.
const LISTED: usize = 3;

/// The names of providers.
pub type Names = BTreeMap<ProviderNumber, String>;

/// The explanation in words.
pub fn sentence(why: &Why, names: &Names) -> String {
    let verdict = match why.decision.verdict {
        Verdict::Accepted => "Anerkannt",
        Verdict::Reduced => "Gekürzt",
        Verdict::Rejected => "Abgelehnt",
        Verdict::Pending => "Nicht entschieden",
    };
    let because = match why.rule {
        Rule::TakenBack if why.stands > Cents::ZERO => {
            return format!("Storniert nach der Zahlung: Die {} stehen, der Storno nimmt sie zurück.", why.stands);
        }
        Rule::TakenBack => return "Storniert vor der Zahlung: Es wird nichts gezahlt.".into(),
        Rule::CounterRecord => return format!("Storno: nimmt {} zurück, weil so viel gezahlt war.", Cents::ZERO.minus(why.decision.cents)),
        Rule::Asked => {
            return format!("Wartet: Der Anbieter wurde {} gefragt.", why.ruling.map_or_else(String::new, |r| format!("am {} Uhr", moment(r.at))));
        }
        Rule::Stands => return format!("Schon gezahlt: {}. Das bleibt, bis jemand neu entscheidet.", why.stands),
        Rule::Duplicate => format!("derselbe Anbieter hat dies schon mit Nr. {} beansprucht", against(why)),
        Rule::Lost { by, decided } => lost(why, by, decided),
        Rule::Refused(reason) => refused(why, reason),
        Rule::Doubtful(reason) => doubtful(why, reason),
        Rule::Short(reason) => short(why, reason, names),
        Rule::Cut(Reason::PriceDiffers) if why.ruling.is_none() => {
            let price = price(why).unwrap_or_else(|| "der vereinbarte Preis ist niedriger".into());
            format!("{price}; beansprucht sind {}", why.claimed)
        }
        Rule::Cut(reason) => format!("auf {} durch die Sachbearbeitung, Grund „{}“", why.decision.cents, title(reason.code())),
        Rule::AsClaimed => as_claimed(why, names),
    };
    format!("{verdict}: {because}.")
}

fn against(why: &Why) -> String {
    why.decision.against.map(|id| waiting::own_seq(id.seq).to_string()).unwrap_or_default()
}

fn months(why: &Why) -> String {
    let span = |(first, last): (CivilDay, CivilDay)| format!("{}–{}", first.month().german(), last.month().german());
    why.valid.map(span).unwrap_or_default()
}

fn price(why: &Why) -> Option<String> {
    why.price.map(|price| format!("Preis {} vereinbart seit {}", price.cents, price.from.german()))
}

fn lost(why: &Why, by: Criterion, decided: bool) -> String {
    let by = match by {
        Criterion::Settled => "sie ist schon gezahlt",
        Criterion::Chosen => "die Sachbearbeitung hat sie anerkannt",
        Criterion::Home => "jener ist der Stammanbieter des Kindes",
        Criterion::Age => "das Lesegerät dort hatte frischere Daten",
        Criterion::Time => "sie wurde früher erfasst",
        Criterion::Hash => "sonst spricht nichts für die eine oder die andere",
    };
    let other = format!("Zeile Nr. {} eines anderen Anbieters beansprucht dasselbe und geht vor: {by}", against(why));
    if decided { format!("{other}; so ist es entschieden") } else { other }
}

fn stop(why: &Why) -> String {
    why.stop.map(|(stop, _)| format!("Karte {}", stop_words(&stop))).unwrap_or_else(|| "Karte gesperrt".into())
}

fn refused(why: &Why, reason: Reason) -> String {
    if why.ruling.is_some_and(|ruling| matches!(ruling.choice, Choice::Reject | Choice::Cut(_))) {
        return format!("durch die Sachbearbeitung, Grund „{}“", title(reason.code()));
    }
    let known = why.stop.map(|(stop, _)| format!("; im Amt vermerkt am {} Uhr", moment(stop.recorded))).unwrap_or_default();
    match reason {
        Reason::Revoked | Reason::Replaced => format!("{}{known}", stop(why)),
        Reason::Expired => format!("die Karte gilt {}; der Tag liegt danach", months(why)),
        Reason::NotYetValid => format!("die Karte gilt {}; der Tag liegt davor", months(why)),
        Reason::OutsideClaimWindow => {
            let end = why.window_end.map(|end| format!("die Abrechnungsfrist endete am {}; ", CivilDay::of(end).minus(1).german()));
            format!("{}erfasst erst {} Uhr", end.unwrap_or_default(), moment(why.times.0))
        }
        Reason::ProviderNotAdmitted => "für diese Leistung ist mit dem Anbieter an diesem Tag nichts vereinbart".into(),
        Reason::WrongBenefit => "die Karte gilt nicht für diese Leistung".into(),
        Reason::WrongProvider => "die Karte gilt dafür nur bei einem anderen Anbieter".into(),
        Reason::NoPrice => "für diesen Tag ist kein Preis vereinbart, oder es ist nichts beansprucht".into(),
        Reason::Malformed => "bei einer Lernförderung fehlt die Uhrzeit".into(),
        other => title(other.code()),
    }
}

fn doubtful(why: &Why, reason: Reason) -> String {
    let (recorded, received) = why.times;
    match reason {
        Reason::UnknownToken => "das Amt hat keine solche Karte ausgestellt".into(),
        Reason::Suspended => stop(why),
        Reason::NotAServiceDay if why.closed == Some(true) => format!("laut Kalender ist am {} geschlossen", why.day.german()),
        Reason::NotAServiceDay => format!("erfasst schon {} Uhr, vor dem Tag der Leistung", moment(recorded)),
        Reason::ClockSuspect => format!("erfasst laut Lesegerät {} Uhr, eingegangen aber schon {} Uhr", moment(recorded), moment(received)),
        Reason::Late => {
            let end = why.window_end.map(|end| format!("die Abrechnungsfrist endete am {}; ", CivilDay::of(end).minus(1).german()));
            format!("{}eingegangen erst {} Uhr", end.unwrap_or_default(), moment(received))
        }
        Reason::LessonOverlap if why.decision.against.is_some() => format!("überschneidet sich mit der Stunde in Zeile Nr. {}", against(why)),
        Reason::Overlap if why.decision.against.is_some() => format!("im selben Monat steht dagegen Zeile Nr. {}", against(why)),
        Reason::SelfPaid => "das Amt hat der Familie für diesen Tag schon Geld erstattet".into(),
        Reason::StatusStale => "die Daten des Lesegeräts waren zu alt, um die Karte zu prüfen".into(),
        other => title(other.code()),
    }
}

fn short(why: &Why, reason: Reason, names: &Names) -> String {
    match reason {
        Reason::CeilingReached | Reason::SelfPaid => {}
        Reason::NoPrice => return "es ist nichts beansprucht".into(),
        other => return refused(&Why { ruling: None, ..why.clone() }, other),
    }
    let wanted = why.worth.map_or(Cents::ZERO, |worth| worth.minus(why.stands)).to_field();
    let scarce = |used: &&BoundUsed| used.bound.measure != Measure::Cents || used.bound.left() < wanted;
    let bound = why.bounds.iter().filter(scarce).min_by_key(|used| used.bound.left()).or(why.bounds.first());
    let bound = bound.map(|used| bound_words(used, names)).unwrap_or_else(|| "der bewilligte Umfang ist erschöpft".into());
    let left = if why.fitted > Cents::ZERO { format!("; es blieben {}", why.fitted) } else { String::new() };
    let own = if reason == Reason::SelfPaid { "; was das Amt selbst gezahlt hat, zählt mit" } else { "" };
    format!("{bound}{left}{own}")
}

fn as_claimed(why: &Why, names: &Names) -> String {
    let mut parts = Vec::new();
    match why.stop {
        Some((found, true)) => parts.push(format!("Karte {}, das konnte das Lesegerät aber noch nicht wissen", stop_words(&found))),
        _ => parts.push(format!("Karte gültig {}", months(why))),
    }
    if why.ruling.is_some() {
        parts.push("so hat die Sachbearbeitung entschieden".into());
    } else {
        parts.extend(price(why));
    }
    parts.extend(why.bounds.iter().map(|used| match (used.bound.period, used.drawn.is_empty()) {
        (Period::Day, true) => "erster Anspruch an diesem Tag".to_owned(),
        _ => bound_words(used, names),
    }));
    parts.join(", ")
}

/// One ceiling as it stood when the line's turn came.
pub fn bound_words(used: &BoundUsed, names: &Names) -> String {
    let bound = &used.bound;
    let granted = amount_words(bound.measure, bound.granted);
    let period = match bound.period {
        Period::Day => "am Tag".to_owned(),
        Period::Week => "in der Woche".to_owned(),
        Period::Month => "im Monat".to_owned(),
        Period::Validity => "in der ganzen Zeit".to_owned(),
        Period::Accrued => format!("angespart bis {}", bound.days.end().month().german()),
    };
    if used.drawn.is_empty() {
        return format!("{granted} {period} bewilligt, davon noch nichts verbraucht");
    }
    let name = |provider: Option<ProviderNumber>| match provider {
        Some(number) => names.get(&number).cloned().unwrap_or_else(|| format!("Anbieter {number}")),
        None => "vom Amt selbst gezahlt".to_owned(),
    };
    let listed: Vec<String> = used.drawn.iter().rev().take(LISTED).map(|drawn| format!("{} {}", name(drawn.provider), drawn.day.german())).collect();
    let more = used.drawn.len().saturating_sub(LISTED);
    let more = if more > 0 { format!(" und {more} weitere") } else { String::new() };
    format!("{granted} {period} bewilligt, davon {} schon verbraucht ({}{more})", amount_words(bound.measure, bound.used), listed.join(", "))
}

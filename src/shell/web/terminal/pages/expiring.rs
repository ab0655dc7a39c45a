//! Cards that end soon, and the slip that a child takes home: a new card or letter, please. Nothing on it says what the card is for.

use super::{Frame, Visit, fill};
use crate::shell::door;
use crate::shell::texts::{Language, Texts};
use crate::shell::web::problem::Problem;
use crate::terminal::Terminal;
use crate::terminal::expiring::Expiring;
use askama::Template;
use axum::extract::Query;
use axum::response::Response;
use serde::Deserialize;

/// The stretches in which cards are listed: the last day that belongs to each, counted from today, with its name and heading.
const GROUPS: [(i64, &str, &str); 4] =
    [(-1, "over", "expiring.over"), (3, "3", "expiring.within_3"), (14, "14", "expiring.within_14"), (30, "30", "expiring.within_30")];

#[derive(Debug, Deserialize)]
pub(in super::super) struct Asked {
    card: Option<String>,
    group: Option<String>,
}

struct Child {
    number: String,
    who: String,
    hint: String,
    until: String,
    when: String,
}

struct Group {
    name: &'static str,
    heading: &'static str,
    children: Vec<Child>,
}

#[derive(Template)]
#[template(path = "terminal/expiring.html")]
struct ExpiringPage {
    frame: Frame,
    groups: Vec<Group>,
}

struct Slip {
    who: String,
    /// In each language: its letters, what is said, what is asked.
    said: Vec<(&'static str, String, String)>,
}

#[derive(Template)]
#[template(path = "terminal/slip.html")]
struct SlipPage {
    frame: Frame,
    slips: Vec<Slip>,
}

/// The stretch a card belongs to.
fn group_of(expiring: &Expiring) -> &'static str {
    GROUPS.iter().find(|(last, ..)| expiring.days <= *last).map_or("30", |(_, name, _)| name)
}

/// Cards that end soon.
pub(in super::super) async fn show(visit: Visit) -> Result<Response, Problem> {
    let make = |terminal: &mut Terminal, frame: Frame| {
        let expiring = terminal.expiring(door::now())?;
        let groups = GROUPS.iter().map(|(_, name, heading)| Group {
            name,
            heading,
            children: expiring.iter().filter(|e| group_of(e) == *name).map(|e| child(e, &frame)).collect(),
        });
        Ok(ExpiringPage { groups: groups.filter(|group| !group.children.is_empty()).collect(), frame })
    };
    visit.show(make).await
}

fn child(expiring: &Expiring, frame: &Frame) -> Child {
    let key = match expiring.days {
        ..=-2 => "expiring.days_over",
        -1 => "expiring.yesterday",
        0 => "expiring.today",
        1 => "expiring.one_day",
        _ => "expiring.days_left",
    };
    Child {
        number: expiring.number().map(|number| number.digits()).unwrap_or_default(),
        who: who(expiring),
        hint: expiring.card.person.as_ref().and(expiring.card.hint.clone()).unwrap_or_default(),
        until: format!(
            "{} {}",
            frame.t(if expiring.days < 0 { "expiring.was_until" } else { "expiring.until" }),
            frame.language().day(expiring.card.last)
        ),
        when: fill(frame.t(key), &[("count", &expiring.days.unsigned_abs().to_string())]),
    }
}

fn who(expiring: &Expiring) -> String {
    let hint = || expiring.card.hint.clone().unwrap_or_default();
    expiring.card.person.as_ref().map_or_else(hint, |person| person.name.clone())
}

/// Slips to print: for one card, for one stretch, or for all.
pub(in super::super) async fn slip(visit: Visit, Query(asked): Query<Asked>) -> Result<Response, Problem> {
    let make = move |terminal: &mut Terminal, frame: Frame| {
        let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
        let is_asked = |expiring: &&Expiring| {
            let card = asked.card.as_deref().is_none_or(|card| expiring.number().is_some_and(|n| n.digits() == digits(card)));
            card && asked.group.as_deref().is_none_or(|group| group == group_of(expiring))
        };
        let slips = terminal.expiring(door::now())?.iter().filter(is_asked).map(slip_for).collect();
        Ok(SlipPage { frame, slips })
    };
    visit.show(make).await
}

/// German first, then every other language there is.
fn slip_for(expiring: &Expiring) -> Slip {
    let others = Language::all().filter(|language| *language != Language::GERMAN);
    let said = std::iter::once(Language::GERMAN).chain(others).map(|language| {
        let t = |key| Texts::speaking(language).word(key);
        let key = if expiring.days < 0 { t("expiring.slip_over") } else { t("expiring.slip_until") };
        (language.code(), fill(key, &[("day", &language.day(expiring.card.last))]), t("expiring.slip_ask").to_owned())
    });
    Slip { who: who(expiring), said: said.collect() }
}

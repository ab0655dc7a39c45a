//! Practising: the cards for it as pictures, each with what it teaches.

use super::{Frame, Visit};
use crate::shell::door::now;
use crate::shell::paper::qr::Qr;
use crate::shell::training::{Card, Lesson, cards};
use crate::shell::web::problem::Problem;
use askama::Template;
use axum::response::Response;

struct CardShown {
    title: String,
    text: String,
    number: String,
    picture: String,
}

#[derive(Template)]
#[template(path = "terminal/training.html")]
struct TrainingPage {
    frame: Frame,
    cards: Vec<CardShown>,
}

/// The cards for practising.
pub(in super::super) async fn show(visit: Visit) -> Result<Response, Problem> {
    let make = |frame: Frame| {
        let cards = cards(now()).iter().map(|card| shown(card, &frame)).collect();
        TrainingPage { frame, cards }
    };
    visit.show(move |_, frame| Ok(make(frame))).await
}

fn shown(card: &Card, frame: &Frame) -> CardShown {
    let number = card.number.as_deref().unwrap_or_default();
    let groups: Vec<&str> = (0..number.len()).step_by(4).filter_map(|at| number.get(at..at + 4)).collect();
    let (title, text) = words(card.lesson);
    CardShown { title: frame.t(title).to_owned(), text: frame.t(text).to_owned(), number: groups.join(" "), picture: picture(&card.code, frame) }
}

/// What a card is called, and what it teaches.
const fn words(lesson: Lesson) -> (&'static str, &'static str) {
    match lesson {
        Lesson::Everything => ("training.everything", "training.everything_text"),
        Lesson::Another => ("training.another", "training.another_text"),
        Lesson::Tutoring => ("training.tutoring", "training.tutoring_text"),
        Lesson::UsedUp => ("training.used_up", "training.used_up_text"),
        Lesson::Expired => ("training.expired", "training.expired_text"),
        Lesson::Stopped => ("training.stopped", "training.stopped_text"),
        Lesson::Torn => ("training.torn", "training.torn_text"),
        Lesson::Paying => ("training.paying", "training.paying_text"),
    }
}

/// A card's picture; half a code fits into one as well.
pub(super) fn picture(code: &str, frame: &Frame) -> String {
    Qr::new(code).map(|qr| qr.svg(frame.t("training.picture"))).unwrap_or_default()
}

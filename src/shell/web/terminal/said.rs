//! What people read of what cannot be done: a sentence in every language (`templates/texts`, section `problem`), beside the English
//! one for programs.

use super::client::{CertificateFault, ExchangeError};
use crate::book::cancel::CannotCancel;
use crate::shell::envelope::EnvelopeError;
use crate::shell::texts::{Language, Texts};
use crate::shell::web::problem::Problem;
use crate::terminal::counter::{MAX_MONTHS, NotWellFormed};
use crate::terminal::inbound::CannotTakeIn;
use crate::terminal::outbound::CannotSend;
use crate::words::civil::{CivilDay, CivilMonth};
use serde_json::Value;

/// What a sentence leaves open.
#[derive(Clone, Debug)]
pub(super) enum Blank {
    /// As it is in every language.
    Text(String),
    /// A day, as readers write it.
    Day(CivilDay),
    /// A month in figures, as a form has it: 01/2026.
    Month(CivilMonth),
}

/// A sentence by its key, with what fills its one blank.
pub(super) type Said = (&'static str, Option<(&'static str, Blank)>);

impl Problem {
    /// The problem with what people read of it.
    pub(super) fn saying(self, said: &Said) -> Self {
        Self { message: Some(Box::new(in_every_language(said))), ..self }
    }
}

/// `{de, en, …}`: the sentence in every language.
pub(super) fn in_every_language((key, blank): &Said) -> Value {
    let say = |language: Language| {
        let sentence = Texts::speaking(language).word(key);
        match blank {
            None => sentence.to_owned(),
            Some((name, Blank::Text(text))) => sentence.replace(&format!("{{{name}}}"), text),
            Some((name, Blank::Month(month))) => {
                let iso = month.to_string();
                let (year, number) = iso.split_once('-').unwrap_or((&iso, ""));
                sentence.replace(&format!("{{{name}}}"), &format!("{number}/{year}"))
            }
            Some((name, Blank::Day(day))) => sentence.replace(&format!("{{{name}}}"), &language.day(*day)),
        }
    };
    Value::Object(Language::all().map(|language| (language.code().to_owned(), say(language).into())).collect())
}

fn text(name: &'static str, value: impl ToString) -> Option<(&'static str, Blank)> {
    Some((name, Blank::Text(value.to_string())))
}

/// What is said of a request that makes no sense.
pub(super) fn of_request(error: &NotWellFormed) -> Said {
    use NotWellFormed as N;
    match error {
        N::ServiceMissing => ("problem.service_missing", None),
        N::LiesAhead(day) => ("problem.lies_ahead", Some(("day", Blank::Day(*day)))),
        N::LessonTimeMissing => ("problem.lesson_time_missing", None),
        N::LessonTimeWrong => ("problem.lesson_time_wrong", None),
        N::NoLesson => ("problem.no_lesson", None),
        N::AmountOutOfRange => ("problem.amount_out_of_range", None),
        N::MonthsOutOfRange => ("problem.months_out_of_range", text("months", MAX_MONTHS)),
        N::NoSuchHeld(_) => ("problem.no_such_held", None),
        N::HeldDiffers => ("problem.held_differs", None),
        N::HeldIsVoid(_) => ("problem.held_is_void", None),
        N::NotGivenYet(time) => ("problem.not_given_yet", text("time", time)),
        N::NoLessonBegun => ("problem.no_lesson_begun", None),
        N::LessonTooShort(minutes) => ("problem.lesson_too_short", text("minutes", minutes)),
        N::NoSuchLesson(_) => ("problem.no_such_lesson", None),
        N::CodeOrPerson => ("problem.code_or_person", None),
        N::NoSuchPerson(_) => ("problem.no_such_person", None),
        N::WhyForgotten => ("problem.why_forgotten", None),
        N::GroupSize => ("problem.group_size", None),
        N::CannotStand => ("problem.cannot_stand", None),
        N::MonthTooFar(month) => ("problem.month_too_far", Some(("month", Blank::Month(*month)))),
        N::NoSuchStanding(_) => ("problem.no_such_standing", None),
        N::NoAbsence(day) => ("problem.no_absence", Some(("day", Blank::Day(*day)))),
        N::AskTooLong | N::OperatorTooLong => ("problem.name_too_long", None),
        N::AliasMissing => ("problem.alias_missing", None),
        N::NoSuchService(_) => ("problem.no_such_service", None),
        N::NoPrice => ("problem.no_price", None),
        N::NoChip => ("problem.no_chip", None),
    }
}

/// What is said of an entry that cannot be cancelled.
pub(super) const fn of_cancelling(error: &CannotCancel) -> Said {
    match error {
        CannotCancel::NoSuchRedemption => ("problem.no_such_entry", None),
        CannotCancel::CancelledBefore { .. } => ("problem.cancelled_before", None),
    }
}

/// What is said of an exchange over the network that did not succeed.
pub(super) fn of_exchange(error: &ExchangeError) -> Said {
    match error {
        ExchangeError::Unreachable { .. } => ("problem.office_unreachable", None),
        ExchangeError::ThroughProxy { proxy, .. } => ("problem.proxy", text("proxy", proxy)),
        ExchangeError::Certificate { fault: CertificateFault::Expired, .. } => ("problem.certificate_expired", None),
        ExchangeError::Certificate { fault: CertificateFault::NotYet, .. } => ("problem.certificate_not_yet", None),
        ExchangeError::Certificate { fault: CertificateFault::Foreign, .. } => ("problem.certificate_foreign", None),
        ExchangeError::NoAddress => ("problem.no_address", None),
        ExchangeError::Busy { seconds } => ("problem.office_busy_for", text("seconds", seconds)),
        ExchangeError::Declined { status: 429 | 503, .. } => ("problem.office_busy", None),
        ExchangeError::Declined { status, .. } => ("problem.office_declined", text("status", status)),
        ExchangeError::CannotSend(error) => of_sending(error),
        ExchangeError::CannotTakeIn(error) => of_answer(error),
        ExchangeError::NotDone(_) => ("problem.program_failed", None),
    }
}

/// What is said where nothing could be made to send.
pub(super) const fn of_sending(error: &CannotSend) -> Said {
    match error {
        CannotSend::NoSuchOffice(_) => ("problem.which_office", None),
        CannotSend::NotWhole(_) | CannotSend::Envelope(_) => ("problem.cannot_send", None),
        CannotSend::Store(_) => ("problem.not_stored", None),
    }
}

/// What is said of an answer that was not taken.
pub(super) const fn of_answer(error: &CannotTakeIn) -> Said {
    match error {
        CannotTakeIn::Envelope(EnvelopeError::NotAnEnvelope) => ("problem.no_answer_file", None),
        CannotTakeIn::Envelope(EnvelopeError::NotForUs) | CannotTakeIn::NotForUs => ("problem.answer_for_another", None),
        CannotTakeIn::Envelope(EnvelopeError::Damaged) => ("problem.answer_damaged", None),
        CannotTakeIn::Envelope(_) => ("problem.file_too_large", None),
        CannotTakeIn::OtherRoot(_) => ("problem.answer_of_other_root", None),
        CannotTakeIn::NotAsked => ("problem.answer_not_asked", None),
        CannotTakeIn::Store(_) => ("problem.not_stored", None),
        CannotTakeIn::NotOurOffice(_) | CannotTakeIn::Refused(_) | CannotTakeIn::SharedKey | CannotTakeIn::SameRevisionOtherContent { .. } => {
            ("problem.answer_not_trusted", None)
        }
    }
}

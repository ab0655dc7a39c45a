//! A case as its page shows it: approvals with their cards, what was used, what the office paid itself.

use crate::admit::number::CardNumber;
use crate::admit::status::Status;
use crate::admit::token::Token;
use crate::book::ceiling::{Use, left};
use crate::office::{allowance_words, amount_words, ceiling_words, months_words};
use crate::reconcile::child::debit_uses;
use crate::reconcile::register::{Debit, Stop};
use crate::shell::store::StoreError;
use crate::shell::store::office::approvals::{self, Held};
use crate::shell::store::office::cases::Counted;
use crate::shell::store::office::{cases, children, phones};
use crate::shell::store::sql::Connection;
use crate::shell::web::office::words::moment;
use crate::words::benefit::Period;
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::ids::{Handle, TokenId};
use crate::words::time::UtcMs;

/// A case.
pub struct Case {
    /// Row id of the child.
    pub child: i64,
    /// The office's key; none for a child known by claims alone.
    pub reference: Option<String>,
    /// Its approvals, the latest period first.
    pub approvals: Vec<ApprovalView>,
    /// What was used, the latest month first.
    pub used: Vec<cases::UsedRow>,
    /// What the office paid itself.
    pub debits: Vec<DebitView>,
    /// Its phones, the latest first.
    pub phones: Vec<PhoneView>,
    /// Until when invitations count that nobody has used.
    pub invited: Vec<String>,
    /// Whether a phone can be invited: something is granted that has not run out.
    pub can_invite: bool,
}

/// A phone.
pub struct PhoneView {
    pub id: i64,
    pub added: String,
    pub seen: String,
    pub removed: Option<String>,
}

/// An approval.
pub struct ApprovalView {
    pub id: i64,
    pub months: String,
    pub tag: &'static str,
    pub class: &'static str,
    pub basis: &'static str,
    pub hint: Option<String>,
    pub allowances: Vec<AllowanceView>,
    pub recorded: String,
    pub ended: Option<String>,
    /// Suspended stretches that have not passed.
    pub suspended: Vec<String>,
    pub cards: Vec<CardView>,
    /// Whether anything can still be done with it.
    pub open: bool,
    /// Whether nothing was redeemed on it.
    pub unused: bool,
    /// The last day, as a date field writes it.
    pub last: String,
}

/// One benefit of an approval, and how much of it is left by what the office knows.
pub struct AllowanceView {
    pub words: String,
    pub left: Vec<String>,
}

/// A card.
pub struct CardView {
    pub token: TokenId,
    pub number: String,
    pub issued: String,
    pub status: String,
    pub class: &'static str,
    /// Whether it is the one in use.
    pub latest: bool,
}

/// A payment of the office itself.
pub struct DebitView {
    pub benefit: &'static str,
    pub days: String,
    pub cents: Cents,
}

/// The case of a child; none where there is no such child.
pub fn case(db: &Connection, child: i64, now: UtcMs) -> Result<Option<Case>, StoreError> {
    let Some(row) = children::by_id(db, child)? else { return Ok(None) };
    let today = CivilDay::of(now);
    let mut held = approvals::of_child(db, child)?;
    held.sort_by_key(|h| (h.changed_to.is_none(), h.approval.to, h.id));
    held.reverse();
    let file = children::file(db, child)?;
    let first = held.iter().map(|h| h.approval.from).min();
    let last = held.iter().map(|h| h.approval.to).max();
    let months = first.zip(last);
    let mut uses: Vec<Use> = file.debits.iter().flat_map(debit_uses).collect();
    let mut used = Vec::new();
    if let Some(months) = months {
        uses.extend(cases::uses(db, child, months, Counted::Claimed)?);
        used = cases::used(db, child, months)?;
    }
    let approvals = held.iter().map(|held| approval(db, held, &uses, today)).collect::<Result<_, _>>()?;
    let can_invite = held.iter().any(|h| h.changed_to.is_none() && h.ended.is_none() && h.approval.to.last_day() >= today);
    let phones = phones::of_child(db, child)?.into_iter().map(|phone| PhoneView {
        id: phone.id,
        added: moment(phone.added),
        seen: moment(phone.seen),
        removed: phone.removed.map(moment),
    });
    let phones = phones.collect();
    let invited = phones::open_invitations(db, child, now)?.into_iter().map(moment).collect();
    let debits = file.debits.iter().map(debit).collect();
    Ok(Some(Case { child, reference: row.reference, approvals, used, debits, phones, invited, can_invite }))
}

fn debit(debit: &Debit) -> DebitView {
    let days = if debit.from == debit.to { debit.from.german() } else { format!("{} bis {}", debit.from.german(), debit.to.german()) };
    DebitView { benefit: debit.benefit.german(), days, cents: debit.cents }
}

fn approval(db: &Connection, held: &Held, uses: &[Use], today: CivilDay) -> Result<ApprovalView, StoreError> {
    let months = (held.approval.from, held.approval.to);
    let (cards, stops) = cards(db, held, today)?;
    let (tag, class) = tag(held, &stops, today);
    let open = held.changed_to.is_none() && held.ended.is_none();
    let suspended = stops.iter().filter(|stop| is_suspended_from(stop, today)).map(|stop| match stop.until {
        Some(until) => format!("{} bis {}", stop.from.german(), until.german()),
        None => format!("ab {}, bis es aufgehoben wird", stop.from.german()),
    });
    Ok(ApprovalView {
        id: held.id,
        months: months_words(months.0, months.1),
        tag,
        class,
        basis: held.basis.map_or("ohne Rechtskreis", crate::words::legal_basis::LegalBasis::german),
        hint: held.approval.hint.clone(),
        allowances: left_of(held, uses, today),
        recorded: format!("{}, {} ({})", moment(held.recorded), held.recorded_by, source(&held.source)),
        ended: held.ended.as_ref().map(|(from, why)| ended(*from, why)),
        suspended: suspended.collect(),
        cards,
        open,
        unused: open && cases::redeemed_on(db, held.id, held.child, months)? == 0,
        last: held.approval.to.last_day().to_string(),
    })
}

fn source(name: &str) -> &str {
    match name {
        "form" => "Formular",
        "csv" => "Tabelle",
        "cli" => "Befehl",
        other => other,
    }
}

fn ended(from: CivilDay, why: &str) -> String {
    if why == "returned" { "unbenutzt zurückgegeben".to_owned() } else { format!("gilt nicht mehr ab dem {}", from.german()) }
}

fn is_suspended_from(stop: &Stop, today: CivilDay) -> bool {
    stop.status == Status::Suspended && stop.until.is_none_or(|until| until >= today && until >= stop.from)
}

fn tag(held: &Held, stops: &[Stop], today: CivilDay) -> (&'static str, &'static str) {
    let suspended = stops.iter().any(|stop| is_suspended_from(stop, today) && stop.from <= today);
    match &held.ended {
        _ if held.changed_to.is_some() => ("geändert", ""),
        Some((_, why)) if why == "returned" => ("zurückgegeben", ""),
        Some((from, _)) if *from <= today => ("beendet", "bad"),
        Some(_) => ("endet", "look"),
        None if today > held.approval.to.last_day() => ("abgelaufen", ""),
        None if suspended => ("ausgesetzt", "look"),
        None if today < held.approval.from.first_day() => ("beginnt noch", "new"),
        None => ("läuft", "good"),
    }
}

/// The cards of an approval, the latest first, and the stops of the latest.
fn cards(db: &Connection, held: &Held, today: CivilDay) -> Result<(Vec<CardView>, Vec<Stop>), StoreError> {
    let mut cards = Vec::new();
    let mut latest = Vec::new();
    for (place, (row, token, _)) in approvals::tokens(db, held.id)?.into_iter().rev().enumerate() {
        let Some(bytes) = children::token_by_id(db, token)?.and_then(|row| row.bytes) else { continue };
        let (content, stops) = (children::content(&bytes)?, children::stops(db, row)?);
        let (status, class) = status(&content, &stops, today);
        if place == 0 {
            latest.clone_from(&stops);
        }
        cards.push(CardView {
            token,
            number: CardNumber::of(token).to_string(),
            issued: CivilDay::of(content.issued.ms()).german(),
            status,
            class,
            latest: place == 0,
        });
    }
    Ok((cards, latest))
}

fn status(token: &Token, stops: &[Stop], today: CivilDay) -> (String, &'static str) {
    let for_good = stops.iter().find(|stop| stop.status != Status::Suspended && stop.until.is_none());
    if let Some(stop) = for_good {
        let word = if stop.status == Status::Replaced { "ersetzt" } else { "gesperrt" };
        return (format!("{word} ab {}", stop.from.german()), if stop.status == Status::Replaced { "" } else { "bad" });
    }
    if stops.iter().any(|stop| is_suspended_from(stop, today) && stop.from <= today) {
        return ("ausgesetzt".to_owned(), "look");
    }
    if today > token.last_day() { ("abgelaufen".to_owned(), "") } else { ("gültig".to_owned(), "good") }
}

fn left_of(held: &Held, uses: &[Use], today: CivilDay) -> Vec<AllowanceView> {
    let token = held.approval.clone().token(Handle([0; 8]), TokenId([0; 16]), 0, crate::words::time::UtcSeconds(0)).ok();
    let day = today.max(held.approval.from.first_day()).min(held.approval.to.last_day());
    let view = |allowance: &crate::admit::token::Allowance| {
        let drawing: Vec<&Use> = uses.iter().filter(|used| used.draws_on(allowance)).collect();
        let whole = allowance.ceilings.iter().filter(|c| matches!(c.period, Period::Validity | Period::Accrued | Period::Month));
        let left = whole.filter_map(|ceiling| {
            let left = left(ceiling, token.as_ref()?, day, &drawing, 0);
            let when = if ceiling.period == Period::Month { format!(" in {}", day.month().german()) } else { String::new() };
            let of = if allowance.ceilings.len() > 1 { format!(" ({})", ceiling_words(ceiling)) } else { String::new() };
            Some(format!("noch höchstens {}{when}{of}", amount_words(ceiling.measure, left)))
        });
        AllowanceView { words: allowance_words(allowance), left: left.collect() }
    };
    held.approval.allowances.iter().map(view).collect()
}

//! Entering an approval: the form, what would become of it, and the cards that were made.

use super::super::Desk;
use super::super::doors::{Door, Route};
use super::super::login::SignedIn;
use super::super::page::{Fault, Frame, Page, go, show};
use super::form::{ApprovalForm, Entered, Wrong, read};
use super::{form_id, no_such_case};
use crate::office::{Action, OfficeError, Planned, Role, allowance_words, months_words, plan};
use crate::shell::door;
use crate::shell::legal::Legal;
use crate::shell::store::StoreError;
use crate::shell::store::office::{admission, approvals, children};
use crate::shell::store::sql::Connection;
use crate::words::benefit::Benefit;
use crate::words::civil::CivilDay;
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Query, State};
use axum::routing::{get, post};
use serde::Deserialize;

/// The routes of these pages.
pub fn routes() -> Vec<Route> {
    const DOES: Door = Door::Does(Role::Issue);
    vec![
        ("get", "/cases/new", DOES, get(fresh)),
        ("post", "/cases/new", DOES, post(back_to_form)),
        ("post", "/cases/new/check", DOES, post(check)),
        ("post", "/cases/new/issue", DOES, post(issue)),
    ]
}

/// What can be chosen in the form.
struct Choices {
    providers: Vec<(String, String)>,
    bases: Vec<(&'static str, String)>,
    paragraphs: [String; 5],
    monthly: Option<String>,
    lunch: String,
}

fn choices(db: &Connection, legal: &Legal, today: CivilDay) -> Result<Choices, StoreError> {
    let providers = admission::providers(db)?.into_iter().map(|p| (p.number.to_string(), format!("{} ({})", p.name, p.number))).collect();
    let bases = legal.bases(today).into_iter().map(|basis| (basis.code.code(), basis.name.clone())).collect();
    let usual = |benefit: Benefit| legal.usual(benefit, today);
    let lunch =
        usual(Benefit::Lunch).and_then(|u| u.amount.map(|amount| crate::admit::token::Ceiling { period: u.period, measure: u.measure, amount }));
    Ok(Choices {
        providers,
        bases,
        paragraphs: Benefit::ALL.map(|benefit| usual(benefit).map(|usual| usual.law.clone()).unwrap_or_default()),
        monthly: legal
            .cents_of(Benefit::Participation, today.month())
            .map(|cents| crate::office::amount_words(crate::words::benefit::Measure::Cents, cents)),
        lunch: lunch.as_ref().map(crate::office::ceiling_words).unwrap_or_default(),
    })
}

#[derive(Template)]
#[template(path = "office/case_form.html")]
struct FormPage {
    frame: Frame,
    form: ApprovalForm,
    choices: Choices,
    wrong: Vec<Wrong>,
    follows: bool,
}

impl FormPage {
    /// Whether this field is wrong.
    fn is_wrong(&self, field: &str) -> bool {
        self.wrong.iter().any(|(wrong, _)| *wrong == field)
    }
}

#[derive(Debug, Deserialize)]
struct Asked {
    /// The approval that is to be followed.
    follows: Option<i64>,
    /// The child for whom something is to be approved.
    child: Option<i64>,
}

async fn fresh(State(desk): State<Desk>, clerk: SignedIn, Query(asked): Query<Asked>) -> Page {
    let today = CivilDay::of(door::now());
    let follows = asked.follows.is_some();
    let look = move |db: &Connection| {
        let before = asked.follows.map(|before| approvals::by_id(db, before)).transpose()?.flatten().map(|before| before.child);
        let child = before.or(asked.child.filter(|_| asked.follows.is_none()));
        let shown = child.map(|child| children::by_id(db, child)).transpose()?.flatten().map(|child| child.id);
        Ok::<_, StoreError>((prepared(db, &asked, today)?, shown))
    };
    let ((form, choices), shown) = desk.look(look).await?;
    let form = form.ok_or_else(no_such_case)?;
    looked_at(&desk, &clerk, shown).await?;
    show(&FormPage { frame: Frame::new(&desk, &clerk, "cases"), form, choices, wrong: Vec::new(), follows })
}

/// Notes that a case was looked at, before it is shown.
async fn looked_at(desk: &Desk, clerk: &SignedIn, child: Option<i64>) -> Result<(), Fault> {
    let (Some(child), by) = (child, clerk.name.clone()) else { return Ok(()) };
    desk.with(move |office| office.note(&by, Action::Look, &format!("child/{child}"), "", door::now())).await
}

fn prepared(db: &Connection, asked: &Asked, today: CivilDay) -> Result<(Option<ApprovalForm>, Choices), StoreError> {
    let legal = Legal::of(db)?;
    let form = ApprovalForm::fresh(form_id(), &legal, today);
    let choices = choices(db, &legal, today)?;
    if let Some(before) = asked.follows {
        let Some(before) = approvals::by_id(db, before)? else { return Ok((None, choices)) };
        let reference = children::by_id(db, before.child)?.and_then(|child| child.reference).unwrap_or_default();
        return Ok((Some(form.following(reference, before.basis, &before.approval)), choices));
    }
    let known = asked.child.map(|child| children::by_id(db, child)).transpose()?.flatten();
    let basis = known.as_ref().and_then(|child| child.legal_basis).map(|basis| basis.code().to_owned()).unwrap_or_default();
    let reference = known.and_then(|child| child.reference).unwrap_or_default();
    Ok((Some(ApprovalForm { reference, basis, ..form }), choices))
}

type Typed = Result<Form<ApprovalForm>, FormRejection>;

fn typed(form: Typed) -> Result<ApprovalForm, Fault> {
    let form = form.map(|Form(form)| form).ok().filter(|form| !form.form.is_empty());
    form.ok_or_else(|| {
        Fault::form("Das Formular kam nicht vollständig an; es wurde nichts ausgestellt. Bitte neu ausfüllen.").back_to("/cases/new", "Zum Formular")
    })
}

/// The form once more, with what was typed and what is wrong with it.
async fn again(desk: &Desk, clerk: &SignedIn, form: ApprovalForm, wrong: Vec<Wrong>) -> Page {
    let today = CivilDay::of(door::now());
    let choices = desk.look(move |db| choices(db, &Legal::of(db)?, today)).await?;
    show(&FormPage { frame: Frame::new(desk, clerk, "cases"), form, choices, wrong, follows: false })
}

async fn back_to_form(State(desk): State<Desk>, clerk: SignedIn, form: Typed) -> Page {
    again(&desk, &clerk, typed(form)?, Vec::new()).await
}

/// One approval as it would be made.
struct Made {
    months: String,
    allowances: Vec<String>,
    sentence: String,
    refused: bool,
    retroactive: bool,
}

#[derive(Template)]
#[template(path = "office/case_check.html")]
struct CheckPage {
    frame: Frame,
    form: ApprovalForm,
    basis: String,
    cut: Option<String>,
    made: Vec<Made>,
    refused: bool,
    cards: usize,
}

async fn check(State(desk): State<Desk>, clerk: SignedIn, form: Typed) -> Page {
    let form = typed(form)?;
    let (today, asked) = (CivilDay::of(door::now()), form.clone());
    let look = move |db: &Connection| {
        let legal = Legal::of(db)?;
        let entered = read(&asked, &legal, today);
        let planned = entered.as_ref().map(|entered| plan(db, &entered.approvals)).unwrap_or(Ok(Vec::new()))?;
        let basis = legal.bases(today).into_iter().find(|basis| basis.code.code() == asked.basis).map(|basis| basis.name.clone());
        let reference = entered.as_ref().ok().and_then(|entered| entered.approvals.first()).map(|new| new.reference.as_str());
        let shown = reference.map(|reference| children::by_reference(db, reference)).transpose()?.flatten().map(|child| child.id);
        Ok::<_, OfficeError>((entered, planned, basis.unwrap_or_default(), shown))
    };
    let (entered, planned, basis, shown) = desk.look(look).await?;
    looked_at(&desk, &clerk, shown).await?;
    let entered = match entered {
        Ok(entered) => entered,
        Err(wrong) => return again(&desk, &clerk, form, wrong).await,
    };
    let made = made(&entered, &planned, today);
    let refused = made.iter().any(|made| made.refused);
    let cards = planned.iter().filter(|plan| plan.makes_a_card()).count();
    show(&CheckPage { frame: Frame::new(&desk, &clerk, "cases"), form, basis, cut: entered.cut, made, refused, cards })
}

fn made(entered: &Entered, planned: &[Planned], today: CivilDay) -> Vec<Made> {
    let both = entered.approvals.iter().zip(planned);
    let one = |(new, plan): (&crate::office::NewApproval, &Planned)| Made {
        months: months_words(new.approval.from, new.approval.to),
        allowances: new.approval.allowances.iter().map(allowance_words).collect(),
        sentence: plan.sentence.clone(),
        refused: plan.is_refused(),
        retroactive: new.approval.from < today.month(),
    };
    both.map(one).collect()
}

async fn issue(State(desk): State<Desk>, clerk: SignedIn, form: Typed) -> Page {
    let form = typed(form)?;
    let (now, by, asked) = (door::now(), clerk.name.clone(), form.clone());
    let answer = desk
        .with(move |office| {
            let legal = Legal::of(office.db())?;
            match read(&asked, &legal, CivilDay::of(now)) {
                Ok(entered) => office.approve_once(&asked.form, &entered.approvals, &by, now).map(Ok),
                Err(wrong) => Ok(Err(wrong)),
            }
        })
        .await
        .map_err(|fault: Fault| fault.back_to("/cases/new", "Zum Formular"))?;
    match answer {
        Ok(place) => Ok(go(&place)),
        Err(wrong) => again(&desk, &clerk, form, wrong).await,
    }
}

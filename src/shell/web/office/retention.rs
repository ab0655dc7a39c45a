//! For how long what is kept: the rules, a dry run, and a purge of exactly what the dry run has shown.

use super::Desk;
use super::doors::{Door, Route};
use super::export;
use super::jobs::{Outcome, Step};
use super::login::SignedIn;
use super::page::{Done, Fault, Frame, Page, go, show};
use super::words::moment;
use crate::office::{Kept, OfficeError, PLAN_HOURS, PurgeStep, Role, cutoff};
use crate::shell::door;
use crate::shell::store::office::retention::{self, Plan, Rule};
use crate::shell::store::sql;
use crate::words::civil::CivilDay;
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Query, State};
use axum::routing::{get, post};
use serde::Deserialize;

/// How many purges are listed.
const PURGES_SHOWN: u32 = 20;

/// The routes of these pages.
pub fn routes() -> Vec<Route> {
    vec![
        ("get", "/admin/retention", Door::Reads(&[Role::Admin]), get(page)),
        ("post", "/admin/retention/months", Door::Does(Role::Admin), post(months)),
        ("post", "/admin/retention/check", Door::Does(Role::Admin), post(check)),
        ("post", "/admin/retention/purge", Door::Does(Role::Admin), post(purge)),
    ]
}

/// A kind with its rule and what the dry run found.
struct KindView {
    name: &'static str,
    title: &'static str,
    what: &'static str,
    months: u32,
    least: u32,
    year_end: bool,
    source: String,
    before: String,
}

/// What a dry run found of a kind.
struct FoundView {
    title: &'static str,
    records: u64,
    before: String,
    oldest: String,
}

struct PlanView {
    id: i64,
    made: String,
    by: String,
    total: u64,
    running: bool,
    stale: bool,
    found: Vec<FoundView>,
}

/// A purge that was carried out.
struct PastView {
    ended: String,
    by: String,
    total: u64,
}

#[derive(Template)]
#[template(path = "office/retention.html")]
struct RetentionPage {
    frame: Frame,
    kinds: Vec<KindView>,
    plan: Option<PlanView>,
    past: Vec<PastView>,
}

async fn page(State(desk): State<Desk>, clerk: SignedIn, Query(done): Query<Done>) -> Page {
    let now = door::now();
    let today = CivilDay::of(now);
    let read = move |db: &sql::Connection| {
        Ok::<_, OfficeError>((retention::rules(db, today)?, retention::open_plan(db)?, retention::done_plans(db, PURGES_SHOWN)?))
    };
    let (rules, plan, past) = desk.look(read).await?;
    let frame = Frame::new(&desk, &clerk, "admin").after(done.done.as_deref());
    let kinds = Kept::ALL.into_iter().filter_map(|kind| kind_view(kind, &rules, today)).collect();
    let plan = plan.map(|plan| plan_view(&plan, now.since(plan.made) > PLAN_HOURS * 3_600_000));
    let past = past.into_iter().map(|p| PastView { ended: p.ended.map(moment).unwrap_or_default(), by: p.by, total: p.total }).collect();
    show(&RetentionPage { frame, kinds, plan, past })
}

fn kind_view(kind: Kept, rules: &[Rule], today: CivilDay) -> Option<KindView> {
    let rule = rules.iter().find(|rule| rule.kind == kind.name())?;
    let (title, what) = kind.german();
    Some(KindView {
        name: kind.name(),
        title,
        what,
        months: rule.months,
        least: rule.least,
        year_end: rule.year_end,
        source: rule.source.clone(),
        before: cutoff(rule.months, rule.year_end, today).german(),
    })
}

fn plan_view(plan: &Plan, is_old: bool) -> PlanView {
    let running = plan.state == "running";
    let found = Kept::ALL.into_iter().filter_map(|kind| {
        let found = plan.found.iter().find(|found| found.kind == kind.name())?;
        let oldest = found.oldest.map_or_else(|| "nichts da".to_owned(), CivilDay::german);
        Some(FoundView { title: kind.german().0, records: found.records, before: found.before.german(), oldest })
    });
    PlanView {
        id: plan.id,
        made: moment(plan.made),
        by: plan.by.clone(),
        total: plan.total,
        running,
        stale: is_old && !running,
        found: found.collect(),
    }
}

fn wrong(sentence: &str) -> Fault {
    Fault::form(sentence).back_to("/admin/retention", "Zur Aufbewahrung")
}

#[derive(Deserialize)]
struct Months {
    kind: String,
    months: String,
}

async fn months(State(desk): State<Desk>, clerk: SignedIn, filled: Result<Form<Months>, FormRejection>) -> Page {
    let incomplete = || wrong("Bitte eine Zahl von Monaten angeben. Es wurde nichts geändert.");
    let Form(asked) = filled.map_err(|_| incomplete())?;
    let (Some(kind), Ok(months)) = (Kept::parse(&asked.kind), asked.months.trim().parse()) else { return Err(incomplete()) };
    let least = desk.look(move |db| retention::rules(db, CivilDay::of(door::now()))).await?;
    let least = least.into_iter().find(|rule| rule.kind == kind.name()).map_or(1, |rule| rule.least);
    if !(least..=1200).contains(&months) {
        return Err(wrong(&format!("„{}“ bleibt mindestens {least} und höchstens 1200 Monate. Es wurde nichts geändert.", kind.german().0)));
    }
    desk.with(move |office| office.set_retention(kind, months, &clerk.name, door::now())).await?;
    Ok(go("/admin/retention?done=months"))
}

async fn check(State(desk): State<Desk>, clerk: SignedIn) -> Page {
    let by = clerk.name.clone();
    let place = desk.begin(&clerk, "admin", "Probelauf", move |office| {
        let plan = office.plan_purge(&by, door::now())?;
        let words = match plan.total {
            0 => "Der Probelauf ist fertig: Es gibt nichts zu löschen. Geändert wurde nichts.".to_owned(),
            total => format!("Der Probelauf ist fertig: {total} Datensätze sind älter als ihre Frist. Geändert wurde nichts."),
        };
        Ok(Step::Done(Outcome { words, links: vec![("/admin/retention#plan".to_owned(), "Ergebnis ansehen".to_owned())] }))
    });
    Ok(go(&place))
}

#[derive(Deserialize)]
struct Purge {
    plan: i64,
    typed: String,
}

async fn purge(State(desk): State<Desk>, clerk: SignedIn, filled: Result<Form<Purge>, FormRejection>) -> Page {
    let Form(asked) = filled.map_err(|_| wrong("Bitte zuerst einen Probelauf machen und dessen Zahl eintippen. Es wurde nichts gelöscht."))?;
    let digits: String = asked.typed.chars().filter(|c| !c.is_whitespace() && *c != '.').collect();
    let open = desk.look(retention::open_plan).await?.filter(|plan| plan.id == asked.plan);
    let open = open.ok_or_else(|| wrong("Diesen Probelauf gibt es nicht mehr. Bitte das neue Ergebnis ansehen. Es wurde nichts gelöscht."))?;
    let typed: u64 = digits.parse().ok().filter(|typed| *typed == open.total).ok_or_else(|| {
        wrong("Die eingetippte Zahl ist nicht die des Probelaufs. Bitte die Zahl unter „zusammen“ eintippen. Es wurde nichts gelöscht.")
    })?;
    let by = clerk.name.clone();
    let begun = desk.with(move |office| office.begin_purge(asked.plan, typed, &by, door::now()).map(|purge| (purge, office.folder()))).await;
    let (mut purge, folder) = begun.map_err(|fault| fault.back_to("/admin/retention", "Zur Aufbewahrung"))?;
    let place = desk.begin(&clerk, "admin", "Löschen", move |office| match purge.step(office, door::now())? {
        PurgeStep::More { stage, of } => Ok(Step::More { done: stage, of }),
        PurgeStep::Done(records) => {
            if let Some(folder) = &folder {
                export::forget_all(folder);
            }
            let words = format!(
                "Gelöscht: {records} Datensätze. Ketten und Summen sind weiter beweisbar. Ältere Sicherungen enthalten sie noch, bis sie überschrieben sind."
            );
            Ok(Step::Done(Outcome { words, links: vec![("/admin/retention".to_owned(), "Zur Aufbewahrung".to_owned())] }))
        }
    });
    Ok(go(&place))
}

//! Clerks' accounts, looked after by whoever has the role of admin.

use super::Desk;
use super::doors::{Door, Route};
use super::login::SignedIn;
use super::page::{Done, Fault, Frame, Page, go, show};
use super::words::moment;
use crate::office::{FreshPassword, OfficeError, Role, Roles, SecondFactor, second_factor};
use crate::shell::door;
use crate::shell::store::office::clerks::Account;
use crate::shell::store::office::{clerks, passkeys};
use crate::shell::store::sql;
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, Query, State};
use axum::routing::{get, post};
use serde::Deserialize;

/// The routes of these pages.
pub fn routes() -> Vec<Route> {
    const READS: Door = Door::Reads(&[Role::Admin]);
    const DOES: Door = Door::Does(Role::Admin);
    vec![
        ("get", "/admin/clerks", READS, get(list)),
        ("post", "/admin/clerks", DOES, post(add)),
        ("post", "/admin/second-factor", DOES, post(set_second_factor)),
        ("get", "/admin/clerks/{id}", READS, get(one)),
        ("post", "/admin/clerks/{id}/roles", DOES, post(give_roles)),
        ("post", "/admin/clerks/{id}/password", DOES, post(new_password)),
        ("post", "/admin/clerks/{id}/factor", DOES, post(reset_factor)),
        ("post", "/admin/clerks/{id}/close", DOES, post(close)),
        ("post", "/admin/clerks/{id}/open", DOES, post(open)),
        ("post", "/admin/clerks/{id}/external", DOES, post(set_external)),
    ]
}

/// What a role is for, in a sentence.
const fn purpose(role: Role) -> &'static str {
    match role {
        Role::Issue => "Fälle anlegen, bewilligen, Karten und Briefe drucken",
        Role::Reconcile => "Befunde entscheiden, Anbieter pflegen, Zahlungen vorbereiten",
        Role::Release => "Zahlungen freigeben und Schlüsselwechsel bestätigen, die eine andere Person vorbereitet hat",
        Role::Admin => "Konten, Einstellungen, Aufbewahrung, Schlüssel",
        Role::Audit => "alles sehen, auch das Protokoll, nichts ändern",
    }
}

/// A role with its box.
struct Choice {
    name: &'static str,
    words: &'static str,
    purpose: &'static str,
    chosen: bool,
}

fn choices(chosen: &Roles) -> Vec<Choice> {
    let choice = |role: Role| Choice { name: role.name(), words: role.german(), purpose: purpose(role), chosen: chosen.has(role) };
    Role::ALL.into_iter().map(choice).collect()
}

struct Shown {
    id: i64,
    name: String,
    roles: Vec<&'static str>,
    closed: Option<String>,
    last: Option<String>,
    created: String,
    codes: bool,
    passkeys: usize,
    must_change: bool,
    external: String,
    linked: bool,
}

fn shown(account: Account, passkeys: usize) -> Shown {
    Shown {
        id: account.id,
        roles: Roles::parse(&account.roles).iter().map(Role::german).collect(),
        name: account.name,
        closed: account.closed.map(moment),
        last: account.last_sign_in.map(moment),
        created: moment(account.created),
        codes: account.factor.is_some(),
        passkeys,
        must_change: account.must_change,
        external: account.external.unwrap_or_default(),
        linked: account.subject.is_some(),
    }
}

#[derive(Template)]
#[template(path = "office/clerks.html")]
struct ClerksPage {
    frame: Frame,
    clerks: Vec<Shown>,
    choices: Vec<Choice>,
    required: bool,
}

async fn list(State(desk): State<Desk>, clerk: SignedIn, Query(Done { done }): Query<Done>) -> Page {
    let look = |db: &sql::Connection| {
        let mut all = Vec::new();
        for account in clerks::all(db)? {
            let keys = passkeys::of_clerk(db, account.id)?.len();
            all.push(shown(account, keys));
        }
        Ok::<_, crate::shell::store::StoreError>((all, second_factor(db)? == SecondFactor::Required))
    };
    let (clerks, required) = desk.look(look).await?;
    let frame = Frame::new(&desk, &clerk, "admin").after(done.as_deref());
    show(&ClerksPage { frame, clerks, choices: choices(&Roles::default()), required })
}

/// Boxes that were ticked.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Boxes {
    issue: Option<String>,
    reconcile: Option<String>,
    release: Option<String>,
    admin: Option<String>,
    audit: Option<String>,
}

impl Boxes {
    fn roles(&self) -> Roles {
        let boxes = [&self.issue, &self.reconcile, &self.release, &self.admin, &self.audit];
        Roles::of(&Role::ALL.into_iter().zip(boxes).filter(|(_, ticked)| ticked.is_some()).map(|(role, _)| role).collect::<Vec<_>>())
    }
}

#[derive(Deserialize)]
struct NewClerk {
    name: String,
    #[serde(flatten)]
    boxes: Boxes,
}

/// A password that is shown once.
#[derive(Template)]
#[template(path = "office/clerk_password.html")]
struct PasswordPage {
    frame: Frame,
    name: String,
    password: String,
    required: bool,
}

impl PasswordPage {
    async fn show(desk: &Desk, clerk: &SignedIn, name: String, password: String) -> Page {
        let required = desk.look(second_factor).await? == SecondFactor::Required;
        show(&Self { frame: Frame::new(desk, clerk, "admin"), name, password, required })
    }
}

fn back(fault: Fault) -> Fault {
    fault.back_to("/admin/clerks", "Zu den Konten")
}

async fn add(State(desk): State<Desk>, clerk: SignedIn, filled: Result<Form<NewClerk>, FormRejection>) -> Page {
    let Form(form) = filled.map_err(|_| back(Fault::form("Bitte den Namen eingeben und mindestens eine Rolle ankreuzen.")))?;
    let roles = form.boxes.roles();
    if form.name.trim().is_empty() || roles.iter().next().is_none() {
        return Err(back(Fault::form("Bitte den Namen eingeben und mindestens eine Rolle ankreuzen. Es wurde nichts angelegt.")));
    }
    let (by, name, now) = (clerk.name.clone(), form.name.clone(), door::now());
    let password = desk.hashing(|| FreshPassword::made_up(&mut door::os_chance())).await.map_err(|why| back(why.into()))?;
    let words = password.words().to_owned();
    let added = desk.0.office.ask(move |office| office.add_clerk_with(&by, &name, &roles, &password, now)).await?;
    added.map_err(|why| match why {
        OfficeError::Wrong(_) => back(Fault::form(
            "Dieser Name geht nicht. Bitte höchstens 80 Buchstaben, Ziffern, Leerzeichen oder . ' - _ @ verwenden, wie in „Anna Müller“; „cli“ heißen \
             die Befehle am Server.",
        )),
        other => back(other.into()),
    })?;
    PasswordPage::show(&desk, &clerk, form.name, words).await
}

#[derive(Deserialize)]
struct FactorForm {
    value: String,
}

async fn set_second_factor(State(desk): State<Desk>, clerk: SignedIn, filled: Result<Form<FactorForm>, FormRejection>) -> Page {
    let value = filled.map(|Form(form)| form.value).unwrap_or_default();
    let factor = match value.as_str() {
        "required" => SecondFactor::Required,
        "optional" => SecondFactor::Optional,
        _ => return Err(back(Fault::form("Bitte wählen, ob der zweite Faktor Pflicht ist."))),
    };
    desk.with(move |office| office.set_second_factor(&clerk.name, factor, door::now())).await?;
    Ok(go("/admin/clerks?done=setting"))
}

#[derive(Template)]
#[template(path = "office/clerk.html")]
struct ClerkPage {
    frame: Frame,
    shown: Shown,
    choices: Vec<Choice>,
    own: bool,
    signs_in_elsewhere: bool,
}

async fn account_in(desk: &Desk, id: i64) -> Result<(Account, usize), Fault> {
    let known = desk.look(move |db| Ok::<_, crate::shell::store::StoreError>((clerks::one(db, id)?, passkeys::of_clerk(db, id)?.len()))).await?;
    let missing = || back(Fault::new(axum::http::StatusCode::NOT_FOUND, "Dieses Konto gibt es nicht", "Bitte das Konto in der Liste wählen."));
    Ok((known.0.ok_or_else(missing)?, known.1))
}

async fn one(State(desk): State<Desk>, clerk: SignedIn, Path(id): Path<i64>, Query(Done { done }): Query<Done>) -> Page {
    let (account, keys) = account_in(&desk, id).await?;
    let (choices, own) = (choices(&Roles::parse(&account.roles)), account.name == clerk.name);
    let frame = Frame::new(&desk, &clerk, "admin").after(done.as_deref());
    let signs_in_elsewhere = desk.signs_in_elsewhere().await?;
    show(&ClerkPage { frame, shown: shown(account, keys), choices, own, signs_in_elsewhere })
}

fn changed(id: i64) -> Page {
    Ok(go(&format!("/admin/clerks/{id}?done=clerk")))
}

async fn give_roles(State(desk): State<Desk>, clerk: SignedIn, Path(id): Path<i64>, filled: Result<Form<Boxes>, FormRejection>) -> Page {
    let roles = filled.map(|Form(boxes)| boxes.roles()).unwrap_or_default();
    desk.with(move |office| office.give_roles(&clerk.name, id, &roles, door::now())).await.map_err(back)?;
    changed(id)
}

/// Refuses what an admin does to others only: on one's own account it is done with the old password, under "Mein Konto".
fn of_another(clerk: &SignedIn, account: &Account) -> Result<(), Fault> {
    if clerk.name != account.name {
        return Ok(());
    }
    Err(Fault::form("Das eigene Passwort und den eigenen zweiten Faktor ändert man unter „Mein Konto“.").back_to("/account", "Zu meinem Konto"))
}

async fn new_password(State(desk): State<Desk>, clerk: SignedIn, Path(id): Path<i64>) -> Page {
    let (account, _) = account_in(&desk, id).await?;
    of_another(&clerk, &account)?;
    let by = clerk.name.clone();
    let password = desk.hashing(|| FreshPassword::made_up(&mut door::os_chance())).await.map_err(|why| back(why.into()))?;
    let words = password.words().to_owned();
    desk.with(move |office| office.reset_password_to(&by, id, &password, door::now())).await.map_err(back)?;
    desk.end_sessions(&account.name, "").await?;
    PasswordPage::show(&desk, &clerk, account.name, words).await
}

async fn reset_factor(State(desk): State<Desk>, clerk: SignedIn, Path(id): Path<i64>) -> Page {
    let (account, _) = account_in(&desk, id).await?;
    of_another(&clerk, &account)?;
    desk.with(move |office| office.reset_factor(&clerk.name, id, door::now())).await.map_err(back)?;
    desk.end_sessions(&account.name, "").await?;
    changed(id)
}

async fn close(State(desk): State<Desk>, clerk: SignedIn, Path(id): Path<i64>) -> Page {
    let (account, _) = account_in(&desk, id).await?;
    desk.with(move |office| office.close_clerk(&clerk.name, id, door::now())).await.map_err(back)?;
    desk.end_sessions(&account.name, "").await?;
    changed(id)
}

async fn open(State(desk): State<Desk>, clerk: SignedIn, Path(id): Path<i64>) -> Page {
    desk.with(move |office| office.reopen_clerk(&clerk.name, id, door::now())).await.map_err(back)?;
    changed(id)
}

#[derive(Deserialize)]
struct ExternalForm {
    external: String,
}

async fn set_external(State(desk): State<Desk>, clerk: SignedIn, Path(id): Path<i64>, filled: Result<Form<ExternalForm>, FormRejection>) -> Page {
    let Form(ExternalForm { external }) =
        filled.map_err(|_| back(Fault::form("Bitte den Namen beim Anmeldedienst eingeben oder das Feld leeren.")))?;
    let own = super::session::key(&clerk.secret);
    let set = desk.0.office.ask(move |office| office.set_external(&clerk.name, id, external.trim(), Some(own), door::now())).await?;
    set.map_err(|why| match why {
        OfficeError::Wrong(_) => {
            back(Fault::form("Diesen Namen beim Anmeldedienst hat schon ein anderes Konto, oder er ist zu lang. Es wurde nichts geändert."))
        }
        other => back(other.into()),
    })?;
    changed(id)
}

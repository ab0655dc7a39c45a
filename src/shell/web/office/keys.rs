//! The office's keys: what each is for, how far a change is, and the next step, proposed by one person and confirmed by another.

use super::Desk;
use super::doors::{Door, Route};
use super::form::Fields;
use super::login::SignedIn;
use super::page::{Done, Fault, Frame, Page, go, show};
use super::words::moment;
use crate::office::{KeyKind, KeyProposal, KeyState, KeyStep, KeyStepped, OfficeError, Role, Rotated, proposals_open};
use crate::shell::backup::is_on_a_server;
use crate::shell::door;
use crate::words::civil::CivilDay;
use crate::words::time::UtcMs;
use askama::Template;
use axum::extract::{Query, State};
use axum::routing::{get, post};

/// How much of a public key is shown: enough to tell two apart.
const SHOWN: usize = 16;

/// The routes of this page.
pub fn routes() -> Vec<Route> {
    vec![
        ("get", "/admin/keys", Door::Reads(&[Role::Admin, Role::Release]), get(page)),
        ("post", "/admin/keys/propose", Door::Does(Role::Admin), post(propose)),
        ("post", "/admin/keys/withdraw-proposal", Door::Does(Role::Admin), post(take_back)),
        ("post", "/admin/keys/confirm", Door::Does(Role::Release), post(confirm)),
        ("post", "/admin/keys/decline", Door::Does(Role::Release), post(take_back)),
    ]
}

/// A step that can be proposed.
struct StepView {
    name: &'static str,
    button: &'static str,
    then: String,
    /// Whether there is no way back.
    danger: bool,
    /// Whether a day can be named up to which cards go on.
    asks_day: bool,
}

/// A step that waits for another person.
struct ProposalView {
    title: &'static str,
    then: String,
    by: String,
    at: String,
    stamp: u64,
    own: bool,
    danger: bool,
    until: Option<String>,
}

struct KeyView {
    kind: &'static str,
    title: &'static str,
    signs: &'static str,
    public: String,
    whole: String,
    since: String,
    until: Option<String>,
    standing: &'static str,
    /// When the next one was announced.
    announced: Option<String>,
    /// How many terminals know it, of how many.
    known: Option<(u64, u64)>,
    former: usize,
    withdrawn: usize,
    proposal: Option<ProposalView>,
    steps: Vec<StepView>,
}

#[derive(Template)]
#[template(path = "office/keys.html")]
struct KeysPage {
    frame: Frame,
    keys: Vec<KeyView>,
    /// Whether several processes may serve this office, each with a folder of keys.
    many: bool,
}

const fn signs(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::Root => "Unterschreibt die Liste der Schlüssel, an der Lesegeräte dieses Amt erkennen, und sonst nichts.",
        KeyKind::Tokens => "Unterschreibt Karten, auch die auf Handys.",
        KeyKind::Documents => "Unterschreibt Zulassungen der Lesegeräte, Quittungen, Mitteilungen und Antworten.",
        KeyKind::Status => "Unterschreibt die Sperrliste.",
        KeyKind::Envelope => "Öffnet, was Lesegeräte verschlüsselt senden, und verschließt in der Datenbank, was zum zweiten Faktor gehört.",
    }
}

const fn button(step: KeyStep) -> &'static str {
    match step {
        KeyStep::Announce => "Nächsten Schlüssel ankündigen",
        KeyStep::Switch => "Nächsten Schlüssel in Kraft setzen",
        KeyStep::SwitchAtOnce => "Sofort in Kraft setzen, ohne zu warten",
        KeyStep::Finish => "Früheren Schlüssel löschen",
        KeyStep::FinishAtOnce => "Früheren sofort löschen, ohne zu warten",
        KeyStep::Withdraw => "Schlüssel zurückziehen",
        KeyStep::WithdrawFormer => "Frühere Schlüssel zurückziehen",
    }
}

/// What happens then, in a sentence or two.
fn then(kind: KeyKind, step: KeyStep, unheard: u64) -> String {
    let away = format!("Lesegeräte ({unheard}), die");
    match (step, kind) {
        (KeyStep::Announce, _) => "Die Lesegeräte erfahren beim nächsten Austausch vom nächsten Schlüssel. Er unterschreibt noch nichts, und nichts ändert sich für Karten und Abrechnungen.".into(),
        (KeyStep::Switch, KeyKind::Envelope) => "Lesegeräte schreiben ab ihrem nächsten Austausch an die neue Adresse. Was noch an die alte kommt, wird weiter geöffnet.".into(),
        (KeyStep::Switch, KeyKind::Root) => "Alle Lesegeräte folgen dem nächsten Schlüssel. Wer länger weg war, wird noch zu ihm geführt. Gedruckte Anmeldecodes, die niemand benutzt hat, gelten danach nicht mehr.".into(),
        (KeyStep::Switch, _) => "Ab dann unterschreibt der nächste Schlüssel. Was der bisherige unterschrieben hat, gilt weiter.".into(),
        (KeyStep::SwitchAtOnce, _) => format!("{away} noch nichts vom nächsten Schlüssel wissen, weisen bis zu ihrem nächsten Austausch ab, was er unterschreibt. Besser ist es zu warten."),
        (KeyStep::Finish, _) => "Der frühere Schlüssel wird nicht mehr gebraucht: Alle Lesegeräte kennen seinen Nachfolger.".into(),
        (KeyStep::FinishAtOnce, KeyKind::Root) => format!("{away} den neuen noch nicht kennen, müssen danach neu angemeldet werden. Besser ist es zu warten."),
        (KeyStep::FinishAtOnce, _) => format!("{away} die neue Adresse noch nicht kennen, können bis zum Austausch auf anderem Weg nichts mehr senden. Besser ist es zu warten."),
        (KeyStep::Withdraw, KeyKind::Root) => "Nur wenn er verloren oder gestohlen ist. Jedes Lesegerät muss mit einem neuen Code neu angemeldet werden, am besten am selben Tag. Erfasstes bleibt und wird danach gesendet.".into(),
        (KeyStep::Withdraw, KeyKind::Tokens) => "Nur wenn er verloren oder gestohlen ist. Jede Karte, die er unterschrieben hat, wird ab dem nächsten Austausch abgewiesen und muss neu gedruckt und ausgegeben werden; Handys holen sich ihre selbst.".into(),
        (KeyStep::Withdraw, KeyKind::Documents) => "Nur wenn er verloren oder gestohlen ist. Jedes Lesegerät bekommt beim nächsten Austausch Zulassung und Antworten neu.".into(),
        (KeyStep::Withdraw, KeyKind::Status) => "Nur wenn er verloren oder gestohlen ist. Jedes Lesegerät holt beim nächsten Austausch eine neue Sperrliste.".into(),
        (KeyStep::Withdraw, KeyKind::Envelope) => "Nur wenn er verloren oder gestohlen ist. Lesegeräte schreiben ab dem nächsten Austausch an eine neue Adresse. War auch die Datenbank zugänglich, bitte alle zweiten Faktoren zurücksetzen.".into(),
        (KeyStep::WithdrawFormer, _) => "Nur wenn eine alte Sicherung verloren ging, in der der jetzige nicht lag. Was die früheren unterschrieben haben, gilt nicht mehr und wird neu ausgestellt.".into(),
    }
}

const fn standing(state: &KeyState) -> &'static str {
    match (state.announced.is_some(), state.former_kept) {
        (true, _) => "der nächste ist angekündigt",
        (false, true) => "neu, der frühere wird noch gebraucht",
        (false, false) => "in Kraft",
    }
}

fn is_danger(step: KeyStep) -> bool {
    matches!(step, KeyStep::SwitchAtOnce | KeyStep::FinishAtOnce | KeyStep::Withdraw | KeyStep::WithdrawFormer)
}

fn view(state: &KeyState, proposals: &[KeyProposal], reader: &str) -> KeyView {
    let signs_until = !matches!(state.kind, KeyKind::Root | KeyKind::Envelope);
    let proposal = proposals.iter().find(|open| open.kind == state.kind).map(|open| ProposalView {
        title: button(open.step),
        then: then(state.kind, open.step, state.unheard),
        by: open.by.clone(),
        at: moment(open.at),
        stamp: open.at.0,
        own: open.is_by(reader),
        danger: is_danger(open.step),
        until: open.cards_until.map(CivilDay::german),
    });
    let steps = state.steps().into_iter().map(|step| StepView {
        name: step.name(),
        button: button(step),
        then: then(state.kind, step, state.unheard),
        danger: is_danger(step),
        asks_day: step == KeyStep::Withdraw && state.kind == KeyKind::Tokens,
    });
    let in_change = state.announced.is_some() || state.former_kept;
    KeyView {
        kind: state.kind.name(),
        title: state.kind.german(),
        signs: signs(state.kind),
        public: state.public.chars().take(SHOWN).collect(),
        whole: state.public.clone(),
        since: CivilDay::of(state.since).german(),
        until: signs_until.then(|| CivilDay::of(state.until).german()),
        standing: standing(state),
        announced: state.announced.map(moment),
        known: in_change.then(|| (state.terminals.saturating_sub(state.unheard), state.terminals)),
        former: state.former,
        withdrawn: state.withdrawn,
        steps: if proposal.is_some() { Vec::new() } else { steps.collect() },
        proposal,
    }
}

async fn page(State(desk): State<Desk>, clerk: SignedIn, Query(Done { done }): Query<Done>) -> Page {
    let look = |office: &mut crate::office::Office| {
        let many = office.folder().is_some_and(|dir| is_on_a_server(&dir));
        Ok::<_, OfficeError>((office.key_states(door::now())?, proposals_open(office.db())?, many))
    };
    let (states, proposals, many) = desk.with(look).await?;
    let keys = states.iter().map(|state| view(state, &proposals, &clerk.name)).collect();
    let here = if clerk.roles.has(Role::Admin) || clerk.roles.has(Role::Audit) { "admin" } else { "overview" };
    show(&KeysPage { frame: Frame::new(&desk, &clerk, here).after(done.as_deref()), keys, many })
}

fn wrong(sentence: &str) -> Fault {
    back(Fault::form(sentence))
}

const fn back(fault: Fault) -> Fault {
    fault.back_to("/admin/keys", "Zu den Schlüsseln")
}

fn kind(fields: &Fields) -> Result<KeyKind, Fault> {
    KeyKind::parse(fields.get("kind")).ok_or_else(|| wrong("Welcher Schlüssel? Bitte auf der Seite einen Schritt wählen; es wurde nichts geändert."))
}

/// When the proposal was made that the person has before them.
fn seen(fields: &Fields) -> Result<UtcMs, Fault> {
    fields.get("at").parse().map(UtcMs).map_err(|_| wrong("Bitte auf der Seite selbst bestätigen oder ablehnen; es wurde nichts geändert."))
}

async fn propose(State(desk): State<Desk>, clerk: SignedIn, fields: Fields) -> Page {
    let kind = kind(&fields)?;
    let step =
        KeyStep::parse(fields.get("step")).ok_or_else(|| wrong("Welcher Schritt? Bitte auf der Seite einen wählen; es wurde nichts geändert."))?;
    let until = match fields.get("cards_until") {
        "" => None,
        _ => Some(fields.day("cards_until").ok_or_else(|| wrong("Bitte den Tag so angeben: 24.12.2026. Es wurde nichts geändert."))?),
    };
    if step == KeyStep::Withdraw && fields.get("sure").is_empty() {
        return Err(wrong(
            "Zurückziehen lässt sich nicht rückgängig machen. Bitte den Haken setzen, wenn es wirklich sein muss; es wurde nichts geändert.",
        ));
    }
    desk.with(move |office| office.propose_key_step(kind, step, until, &clerk.name, door::now())).await.map_err(back)?;
    Ok(go("/admin/keys?done=key_proposed"))
}

async fn take_back(State(desk): State<Desk>, clerk: SignedIn, fields: Fields) -> Page {
    let (kind, at) = (kind(&fields)?, seen(&fields)?);
    desk.with(move |office| office.drop_key_proposal(kind, at, &clerk.name, door::now())).await.map_err(back)?;
    Ok(go("/admin/keys?done=key_dropped"))
}

async fn confirm(State(desk): State<Desk>, clerk: SignedIn, fields: Fields) -> Page {
    let (kind, at) = (kind(&fields)?, seen(&fields)?);
    let stepped = desk.with(move |office| office.confirm_key_step(kind, at, &clerk.name, door::now())).await.map_err(back)?;
    let done = match stepped {
        KeyStepped::Rotated(Rotated::Announced) => "key_announced",
        KeyStepped::Rotated(Rotated::Switched) => "key_switched",
        KeyStepped::Rotated(Rotated::Finished) => "key_finished",
        KeyStepped::Rotated(Rotated::Waits { .. }) => "key_waits",
        KeyStepped::Withdrawn(_) if kind == KeyKind::Root => "key_root_withdrawn",
        KeyStepped::Withdrawn(_) if kind == KeyKind::Tokens => "key_cards_withdrawn",
        KeyStepped::Withdrawn(_) => "key_withdrawn",
    };
    Ok(go(&format!("/admin/keys?done={done}")))
}

/// What was done last.
pub(super) fn done(code: &str) -> Option<&'static str> {
    Some(match code {
        "key_proposed" => "Vorgeschlagen. Es geschieht nichts, bis eine andere Person mit der Rolle „Freigabe“ es bestätigt.",
        "key_dropped" => "Der Vorschlag ist vom Tisch. Es wurde nichts geändert.",
        "key_announced" => "Der nächste Schlüssel ist angekündigt. Weiter geht es, wenn alle Lesegeräte von ihm wissen.",
        "key_switched" => "Der neue Schlüssel gilt ab jetzt. Bitte den Ordner mit den Schlüsseln wieder an seinen sicheren Ort kopieren lassen.",
        "key_finished" => "Der frühere Schlüssel ist gelöscht.",
        "key_waits" => "Noch nicht: Es gibt wieder Lesegeräte, die von ihm nichts wissen. Der Vorschlag wartet weiter.",
        "key_root_withdrawn" => {
            "Der Wurzelschlüssel ist zurückgezogen, ein neuer gilt. Bitte heute für jedes Lesegerät beim Anbieter einen neuen Code drucken; eingegeben wird er dort unter Einstellungen."
        }
        "key_cards_withdrawn" => {
            "Der Schlüssel der Karten ist zurückgezogen. Die betroffenen Karten sind neu unterschrieben und warten unter „Drucken“."
        }
        "key_withdrawn" => "Der Schlüssel ist zurückgezogen, ein neuer gilt. Die Lesegeräte erfahren es beim nächsten Austausch.",
        _ => return None,
    })
}

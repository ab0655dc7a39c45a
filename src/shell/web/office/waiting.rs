//! Batches that wait for a clerk: what is wrong in a sentence, what she can do, and what somebody decided before.

use super::Desk;
use super::doors::{Door, Route};
use super::form::Fields;
use super::login::SignedIn;
use super::page::{Fault, Page, go};
use super::words::{moment, sentence, title};
use crate::office::{BatchChoice, OfficeError, Role, Situation, WaitingView, look_at_waiting};
use crate::shell::door;
use crate::shell::store::StoreError;
use crate::shell::store::office::waiting::{self, BatchDecision, RefusedBatch};
use crate::shell::store::sql::Connection;
use crate::words::cents::Cents;
use crate::words::ids::{BatchId, Hash};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;

/// The longest note in characters.
const MAX_NOTE: usize = 1_000;

/// The routes of these pages.
pub fn routes() -> Vec<Route> {
    const DOES: Door = Door::Does(Role::Reconcile);
    vec![("post", "/batches/{id}/decision", DOES, post(decide)), ("post", "/batches/refused", DOES, post(see_off))]
}

/// What a clerk reads of a batch that waits, and the words on her buttons.
#[derive(Debug)]
pub struct WaitingDesk {
    /// What the form names it by.
    pub hash: String,
    /// What is wrong.
    pub what: String,
    /// How it comes about, and what to do first.
    pub advice: &'static str,
    /// What it claims.
    pub lines: u64,
    /// The sum.
    pub cents: Cents,
    /// The days of service.
    pub days: String,
    /// How many of its lines are held already.
    pub held: u64,
    /// The button that takes it over, and what that means; none where that cannot be.
    pub take: Option<(&'static str, &'static str)>,
}

impl WaitingDesk {
    fn of(hash: Hash, view: &WaitingView) -> Self {
        let (what, advice, take) = match view.situation {
            Situation::Missing { from, to } => (
                if from == to {
                    format!("Davor fehlt Eintrag {from} des Lesegeräts.")
                } else {
                    format!("Davor fehlen die Einträge {from} bis {to} des Lesegeräts.")
                },
                "Meist kommt alles von selbst: Beim nächsten Abruf schickt das Lesegerät die fehlenden Einträge mit. Bitte den Anbieter, das Gerät \
                 einzuschalten und einmal abzurufen. Nur wenn es kaputt oder verschwunden ist, nehmen Sie die Lücke hin.",
                Some((
                    "Lücke hinnehmen und übernehmen",
                    "Die fehlenden Einträge gelten als verloren, das wird mit Ihrem Namen festgehalten. Tauchen sie doch noch auf, werden sie Ihnen \
                     wieder vorgelegt.",
                )),
            ),
            Situation::Forked => (
                "Das Lesegerät erzählt hier etwas anderes, als es früher geschickt hat.".to_owned(),
                "Meist wurde es aus einer alten Sicherung zurückgespielt, oder es gibt eine Kopie davon. Bitte den Anbieter fragen, bevor Sie entscheiden.",
                Some((
                    "Als weiteren Verlauf übernehmen",
                    "Alle Zeilen werden Forderungen wie andere auch; was doppelt ist, erkennt der Abgleich. Was danach von diesem Gerät kommt, geht ohne \
                     weitere Frage ein.",
                )),
            ),
            Situation::Continues => (
                "Das Lesegerät, von dem sie kommt, ist stillgelegt.".to_owned(),
                "Bitte den Anbieter fragen, ob er selbst diese Einträge erfasst hat, bevor das Gerät weg war.",
                Some(("Übernehmen", "Alle Zeilen werden Forderungen wie andere auch. Das Gerät bleibt stillgelegt.")),
            ),
            Situation::Foreign => (
                "Sie nennt einen anderen Anbieter als den, zu dem das Lesegerät gehört.".to_owned(),
                "Übernehmen lässt sie sich nicht, denn niemand weiß, wem das Geld zusteht. Bitte den Anbieter fragen und das Gerät neu anmelden lassen.",
                None,
            ),
        };
        let days = view.days.map_or_else(
            String::new,
            |(from, to)| {
                if from == to { from.german() } else { format!("{} bis {}", from.german(), to.german()) }
            },
        );
        Self { hash: hash.hex(), what, advice, lines: view.lines, cents: view.cents, days, held: view.held, take }
    }
}

/// What a clerk reads of a batch that waits; none where it does not.
pub fn desk_of(db: &Connection, hash: Hash) -> Result<Option<WaitingDesk>, OfficeError> {
    Ok(look_at_waiting(db, hash)?.map(|view| WaitingDesk::of(hash, &view)))
}

/// What somebody decided on a batch that waited, in a sentence.
pub fn decided(db: &Connection, hash: Hash) -> Result<Option<(String, String)>, StoreError> {
    let in_words = |decision: BatchDecision| {
        let who = format!("{} am {} Uhr", decision.clerk, moment(decision.at));
        let what = match (decision.choice.as_str(), decision.lost) {
            ("taken", Some((from, to))) => format!("Übernommen von {who}; die Einträge {from} bis {to} gelten als verloren."),
            ("taken", None) => format!("Übernommen von {who}."),
            ("descent", _) => format!("Als weiterer Verlauf des Lesegeräts übernommen von {who}."),
            ("rejected", _) => format!("Abgelehnt von {who}."),
            _ => "Alles daraus ist in einer anderen Abrechnung angekommen; es war nichts zu entscheiden.".to_owned(),
        };
        (what, decision.note)
    };
    Ok(waiting::decision(db, hash)?.map(in_words))
}

/// A batch that did not count, for people.
#[derive(Debug)]
pub struct RefusedView {
    /// What the form names it by.
    pub hash: String,
    /// Whose terminal sent it.
    pub from: String,
    /// Why it did not count.
    pub title: String,
    /// In a sentence.
    pub sentence: String,
    /// When it came.
    pub when: String,
}

impl RefusedView {
    /// The batch for people.
    pub fn of(refused: RefusedBatch) -> Self {
        let when = if refused.times == 1 {
            moment(refused.first)
        } else {
            format!("{}, {} Mal seit {}", moment(refused.last), refused.times, moment(refused.first))
        };
        Self {
            hash: refused.hash.hex(),
            from: format!("{} ({}), {}", refused.provider_name, refused.provider, refused.terminal),
            title: title(&refused.reason),
            sentence: sentence(&refused.reason),
            when,
        }
    }
}

fn overtaken() -> Fault {
    let sentence =
        "Diese Abrechnung wartet nicht mehr: Jemand hat sie schon entschieden, oder das Fehlende ist angekommen. Es wurde nichts geändert.";
    Fault::new(StatusCode::CONFLICT, "Jemand war schneller", sentence).back_to("/batches", "Zu den Sammelabrechnungen")
}

async fn decide(State(desk): State<Desk>, clerk: SignedIn, Path(id): Path<String>, fields: Fields) -> Page {
    let back = |fault: Fault| fault.back_to("/batches", "Zu den Sammelabrechnungen");
    let batch = BatchId::from_hex(&id).ok_or_else(overtaken)?;
    let hash = Hash::from_hex(fields.get("hash")).ok_or_else(overtaken)?;
    let (choice, done) = match fields.get("choice") {
        "take" => (BatchChoice::Take, "batch_taken"),
        "reject" => (BatchChoice::Reject, "batch_rejected"),
        _ => return Err(back(Fault::form("Bitte übernehmen oder ablehnen."))),
    };
    let note: String = fields.get("note").chars().take(MAX_NOTE).collect();
    let decided = desk.with(move |office| {
        if waiting::by_hash(office.db(), hash)?.is_none() {
            return Ok::<_, OfficeError>(false);
        }
        office.decide_batch(hash, choice, &note, &clerk.name, door::now())?;
        Ok(true)
    });
    if decided.await? { Ok(go(&format!("/batches/{batch}?done={done}"))) } else { Err(overtaken()) }
}

async fn see_off(State(desk): State<Desk>, clerk: SignedIn, fields: Fields) -> Page {
    let hash = Hash::from_hex(fields.get("hash")).ok_or_else(overtaken)?;
    desk.with(move |office| match office.see_refused_off(hash, &clerk.name, door::now()) {
        Err(OfficeError::NotFound(_)) => Ok(()),
        other => other,
    })
    .await?;
    Ok(go("/batches?done=refused_seen"))
}

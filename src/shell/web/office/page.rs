//! What all pages share: the frame around them, and the page that says why something did not happen.

use super::Desk;
use super::doors::Door;
use super::login::SignedIn;
use super::metrics::storage_failed;
use super::words::{store_trouble, trouble};
use crate::office::{Office, OfficeError, Role, Roles};
use crate::shell::store::StoreError;
use crate::shell::store::sql::Connection;
use crate::shell::web::actor::NotDone;
use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;

/// An entry of the menu.
#[derive(Debug)]
pub struct Entry {
    /// Its key.
    pub key: &'static str,
    /// Where it leads.
    pub place: &'static str,
    /// What people read.
    pub words: &'static str,
    /// Whom it concerns.
    door: Door,
}

const fn entry(key: &'static str, place: &'static str, words: &'static str, door: Door) -> Entry {
    Entry { key, place, words, door }
}

/// The menu in its order.
const MENU: &[Entry] = &[
    entry("overview", "/", "Überblick", Door::SignedIn),
    entry("cases", "/cases", "Fälle", Door::Reads(&[Role::Issue, Role::Reconcile])),
    entry("batches", "/batches", "Abrechnungen", Door::SignedIn),
    entry("findings", "/findings", "Befunde", Door::Reads(&[Role::Reconcile, Role::Release])),
    entry("settlement", "/settlement", "Zahlung", Door::Reads(&[Role::Reconcile, Role::Release])),
    entry("providers", "/providers", "Anbieter", Door::SignedIn),
    entry("import", "/import", "Einlesen", Door::Reads(&[Role::Issue])),
    entry("print", "/print", "Drucken", Door::Reads(&[Role::Issue, Role::Reconcile])),
    entry("figures", "/figures", "Auswertung", Door::Reads(&[Role::Reconcile, Role::Release, Role::Admin])),
    entry("admin", "/admin", "Verwaltung", Door::Reads(&[Role::Admin])),
];

/// The menu's entry of this key.
pub fn menu_of(key: &str) -> &'static str {
    MENU.iter().find(|entry| entry.key == key).map_or("overview", |entry| entry.key)
}

/// What stands around every page.
#[derive(Debug)]
pub struct Frame {
    /// The office's name.
    pub office: String,
    /// Who is signed in.
    pub clerk: String,
    /// What the clerk may do.
    pub roles: Roles,
    /// Which entry of the menu this is.
    pub here: &'static str,
    /// What was done last.
    pub done: &'static str,
}

impl Frame {
    /// The frame of the menu's entry `here` for whoever is signed in.
    pub fn new(desk: &Desk, clerk: &SignedIn, here: &'static str) -> Self {
        Self { office: desk.0.name.clone(), clerk: clerk.name.clone(), roles: clerk.roles.clone(), here, done: "" }
    }

    /// The menu as far as it concerns this clerk.
    pub fn menu(&self) -> impl Iterator<Item = &'static Entry> {
        MENU.iter().filter(|entry| entry.door.opens_to(&self.roles))
    }

    /// Whether the clerk may do what needs this role, by its stable name.
    pub fn may(&self, role: &str) -> bool {
        Role::parse(role).is_some_and(|role| self.roles.has(role))
    }

    /// With a word on what was done last.
    #[must_use]
    pub fn after(mut self, done: Option<&str>) -> Self {
        self.done = Done::sentence(done);
        self
    }
}

/// What was done last, as the address of the next page says it.
#[derive(Debug, Default, Deserialize)]
pub struct Done {
    /// Its code.
    pub done: Option<String>,
}

impl Done {
    fn sentence(code: Option<&str>) -> &'static str {
        match code {
            Some("issued") => "Ausgestellt. Jetzt den Brief drucken: Die Karte gilt sofort.",
            Some("known") => "Diese Bewilligung stand schon genau so im Register. Es wurde nichts noch einmal ausgestellt.",
            Some("suspended") => "Ausgesetzt. Die Lesegeräte erfahren es beim nächsten Abruf.",
            Some("lifted") => "Die Aussetzung ist aufgehoben. Die Lesegeräte erfahren es beim nächsten Abruf.",
            Some("ended") => "Die Bewilligung ist beendet. Was vorher eingelöst wurde, wird bezahlt.",
            Some("returned") => "Die Karte ist zurückgenommen und gilt nicht mehr.",
            Some("reissued") => {
                "Die neue Karte ist ausgestellt, die alte gesperrt. Was auf der alten eingelöst wurde, zählt und wird bezahlt. Jetzt den Brief drucken."
            }
            Some("phone_removed") => {
                "Das Handy ist gesperrt. Die Lesegeräte erfahren es beim nächsten Abruf. Ein anderes lässt sich gleich einladen."
            }
            Some("uninvited") => "Die Einladung gilt nicht mehr.",
            Some("saved") => "Die Einstellung ist gespeichert.",
            Some("reconciled") => "Abgeglichen: Was nach den Regeln zu entscheiden war, ist entschieden.",
            Some("accepted") => {
                "Die Zeile ist entschieden: anerkannt, soweit der bewilligte Umfang reicht. Der Anbieter erfährt es beim nächsten Abruf."
            }
            Some("cut") => "Die Zeile ist entschieden: gekürzt. Der Anbieter erfährt es mit dem Grund beim nächsten Abruf.",
            Some("rejected") => "Die Zeile ist entschieden: abgelehnt. Der Anbieter erfährt es mit dem Grund beim nächsten Abruf.",
            Some("asked") => {
                "Die Rückfrage ist gestellt: Der Anbieter erfährt es beim nächsten Abruf. Die Zeile wartet und lässt sich jederzeit entscheiden."
            }
            Some("months") => "Die Frist ist geändert. Sie gilt ab heute; gelöscht wird erst nach einem Probelauf.",
            Some("signed") => "Die Zahlung ist vorbereitet und von Ihnen unterschrieben. Freigeben muss sie eine andere Person.",
            Some("printed") => "Bestätigt: Der Druck ist erledigt. Einzelne Blätter lassen sich dort jederzeit noch einmal drucken.",
            Some("rechecked") => "Neu geprüft: So steht es jetzt. Es wurde noch nichts übernommen.",
            Some("dropped") => "Die Datei ist verworfen. Es wurde nichts übernommen.",
            Some("discarded") => "Verworfen: Was auf diesem Druck stand, wartet wieder darauf, gedruckt zu werden.",
            Some("released") => "Die Zahlung ist freigegeben. Die Dateien stehen beim Lauf bereit; die Anbieter bekommen ihre Mitteilung.",
            Some("withdrawn") => "Der Lauf ist zurückgezogen. Seine Zeilen sind wieder offen.",
            Some("account") => "Die Kontonummer ist geprüft. Die offenen Zeilen dieses Anbieters können wieder gezahlt werden.",
            Some("account_waits") => {
                "Die neue Kontonummer ist eingetragen. Gezahlt wird dorthin, sobald eine andere Person mit der Rolle „Freigabe“ sie auf der Seite des Anbieters bestätigt hat."
            }
            Some("doubt_closed") => "Geklärt. Ihre Notiz steht bei der Überweisung, im Protokoll steht, wer es geklärt hat.",
            Some("payment_back") => {
                "Die Überweisung gilt als zurückgekommen. Ihre Zeilen sind wieder zu zahlen; was spätere Bankdateien davon sagen, ändert nichts mehr."
            }
            Some("payment_paid") => "Die Überweisung gilt wieder als gezahlt. Ihre Zeilen werden nicht noch einmal gezahlt.",
            Some("repaid_waits") => "Eingetragen. Es zählt, sobald eine andere Person es bestätigt hat.",
            Some("repaid_dropped") => "Der Eintrag ist verworfen. Er hat nichts geändert.",
            Some("repaid") => "Bestätigt. Der nächste Lauf rechnet es an.",
            Some("posting") => "Zahlweg und Buchung sind gespeichert. Sie gelten ab der nächsten Freigabe.",
            Some("clerk") => "Das Konto ist geändert. Es steht im Protokoll.",
            Some("setting") => "Die Einstellung ist geändert und gilt ab der nächsten Anmeldung.",
            Some("password") => "Ihr Passwort ist geändert. Ihre Sitzungen in anderen Browsern sind beendet.",
            Some("passkey") => "Der Passkey ist eingerichtet. Ab jetzt können Sie sich damit anmelden.",
            Some("legal") => "Die Rechtsdaten sind übernommen. Das steht im Protokoll.",
            Some("passkey_gone") => "Der Passkey ist entfernt.",
            Some("linked") => "Ihr Konto ist mit dem Anmeldedienst verbunden.",
            Some(code) => super::keys::done(code).unwrap_or_else(|| super::words::done_with_providers(code)),
            None => "",
        }
    }
}

/// Goes on to `place` after something was done.
pub fn go(place: &str) -> Response {
    Redirect::to(place).into_response()
}

/// A page, or the page that says why there is none.
pub type Page = Result<Response, Fault>;

/// Renders a page.
pub fn show(page: &impl Template) -> Page {
    match page.render() {
        Ok(html) => Ok(Html(html).into_response()),
        Err(why) => {
            tracing::error!(%why, "a page could not be rendered");
            Err(Fault::of_ours())
        }
    }
}

/// Why something did not happen: one or two sentences for the clerk.
#[derive(Debug, Template)]
#[template(path = "office/fault.html")]
pub struct Fault {
    status: u16,
    title: &'static str,
    sentence: String,
    back: (&'static str, &'static str),
}

impl Fault {
    /// What was asked for is wrong or has been overtaken.
    pub fn new(status: StatusCode, title: &'static str, sentence: impl Into<String>) -> Self {
        Self { status: status.as_u16(), title, sentence: sentence.into(), back: ("/", "Zum Überblick") }
    }

    /// With another way back.
    #[must_use]
    pub const fn back_to(mut self, place: &'static str, words: &'static str) -> Self {
        self.back = (place, words);
        self
    }

    /// Another server's page, or another name for this one.
    pub fn foreign() -> Self {
        let sentence = "Diese Anfrage kam unter einem fremden Namen oder von einer fremden Seite und wurde nicht ausgeführt. \
                        Bitte die Adresse des Amts selbst eingeben und die Schaltfläche dort benutzen.";
        Self::new(StatusCode::FORBIDDEN, "Nicht ausgeführt", sentence)
    }

    /// A session's cookie came from another browser than the one that began it.
    pub fn stolen() -> Self {
        let sentence = "Diese Sitzung wurde an einem anderen Gerät oder in einem anderen Browser begonnen und ist jetzt zur Sicherheit beendet. \
                        Bitte neu anmelden. Wer sich das nicht erklären kann, sagt es bitte gleich der Verwaltung.";
        Self::new(StatusCode::FORBIDDEN, "Sitzung beendet", sentence).back_to("/login", "Neu anmelden")
    }

    /// The account was closed.
    pub fn closed() -> Self {
        let sentence = "Dieses Konto ist geschlossen. Wer es braucht, wendet sich bitte an die Verwaltung.";
        Self::new(StatusCode::FORBIDDEN, "Konto geschlossen", sentence).back_to("/login", "Zur Anmeldung")
    }

    /// A form that was not filled in as it must be.
    pub fn form(sentence: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Da fehlt noch etwas", sentence)
    }

    /// A fault of the program.
    pub fn of_ours() -> Self {
        let sentence =
            "Das Programm hat einen Fehler gemacht; er steht im Protokoll. Bitte noch einmal versuchen, und ihn melden, wenn er wiederkommt.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Das hat nicht geklappt", sentence)
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Html(self.render().unwrap_or_default())).into_response()
    }
}

impl From<NotDone> for Fault {
    fn from(_: NotDone) -> Self {
        Self::of_ours()
    }
}

impl From<StoreError> for Fault {
    fn from(why: StoreError) -> Self {
        tracing::error!(%why, "storage failed");
        storage_failed(&why);
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Das hat nicht geklappt", store_trouble(&why))
    }
}

impl From<OfficeError> for Fault {
    fn from(why: OfficeError) -> Self {
        let sentence = trouble(&why);
        match why {
            OfficeError::Store(why) => why.into(),
            OfficeError::NotFound(_) => Self::new(StatusCode::NOT_FOUND, "Das gibt es hier nicht", sentence),
            OfficeError::OwnAccount | OfficeError::LastAdmin => Self::new(StatusCode::CONFLICT, "Jemand muss verwalten", sentence),
            OfficeError::SameClerk(_) => Self::new(StatusCode::FORBIDDEN, "Vier Augen, zwei Personen", sentence),
            _ => Self::new(StatusCode::CONFLICT, "Das geht so nicht", sentence),
        }
    }
}

/// No such page.
pub async fn nothing_here() -> Fault {
    Fault::new(
        StatusCode::NOT_FOUND,
        "Diese Seite gibt es nicht",
        "Vielleicht hat sich die Adresse geändert. Im Menü oben auf dem Überblick ist alles zu finden.",
    )
}

impl Desk {
    /// Has `work` look at the database, beside whatever the office does. What was committed before is seen.
    pub async fn look<T, E>(&self, work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static) -> Result<T, Fault>
    where
        T: Send + 'static,
        E: Send + 'static,
        Fault: From<E>,
    {
        if self.0.readers.is_empty() {
            return self.with(move |office| work(office.db())).await;
        }
        Ok(self.0.readers.look(work).await??)
    }

    /// Has `work` done with the office.
    pub async fn with<T, E>(&self, work: impl FnOnce(&mut Office) -> Result<T, E> + Send + 'static) -> Result<T, Fault>
    where
        T: Send + 'static,
        E: Send + 'static,
        Fault: From<E>,
    {
        Ok(self.0.office.ask(work).await??)
    }
}

//! The hub of whoever runs the office: one line for each thing that is looked after here.

use super::Desk;
use super::doors::{Door, Route};
use super::login::SignedIn;
use super::page::{Frame, Page, show};
use crate::office::Role;
use askama::Template;
use axum::extract::State;
use axum::routing::get;

/// Address, title, one sentence, and whom it concerns.
type Place = (&'static str, &'static str, &'static str, Door);

/// What is looked after, in the order it is shown.
const PLACES: &[Place] = &[
    (
        "/admin/export",
        "Export für die Prüfung",
        "Die Bücher eines Zeitraums als Archiv, wie Prüfprogramme sie einlesen.",
        Door::Reads(&[Role::Admin]),
    ),
    ("/admin/retention", "Aufbewahrung und Löschen", "Wie lange was bleibt; Probelauf und Löschen.", Door::Reads(&[Role::Admin])),
    (
        "/admin/documents",
        "Verfahrensdokumentation",
        "Aus dem laufenden System erzeugt, zum Ausdrucken; auch das Verzeichnis der Verarbeitungstätigkeiten.",
        Door::Reads(&[Role::Admin]),
    ),
    ("/admin/clerks", "Konten", "Wer hier arbeitet, mit welchen Rollen; neue Konten, vergessene Passwörter.", Door::Reads(&[Role::Admin])),
    (
        "/admin/legal",
        "Rechtsdaten",
        "Pauschalen, Altersgrenzen, Rechtskreise und Steuersätze mit Quelle; eine andere Datei übernehmen.",
        Door::Reads(&[Role::Admin]),
    ),
    ("/admin/keys", "Schlüssel", "Womit sich das Amt ausweist; wechseln oder zurückziehen, zu zweit.", Door::Reads(&[Role::Admin])),
    ("/admin/audit", "Protokoll", "Wer wann was nachgesehen oder getan hat, und ob die Kette ganz ist.", Door::Reads(&[Role::Admin])),
    ("/settlement/posting", "Zahlweg und Buchung", "Wer zahlt, Haushaltskonten, Spalten der Buchungsdatei.", Door::Reads(&[Role::Admin])),
    ("/settlement/invoices", "Rechnungen", "Leitweg-ID und Anschrift des Amts.", Door::Reads(&[Role::Admin])),
    (
        "/admin/reconcile",
        "Abgleich nach dem Eingang",
        "Ob neue Sammelabrechnungen sofort abgeglichen werden oder auf einen Klick warten.",
        Door::Reads(&[Role::Admin]),
    ),
];

/// The routes of this page.
pub fn routes() -> Vec<Route> {
    vec![("get", "/admin", Door::Reads(&[Role::Admin]), get(page))]
}

#[derive(Template)]
#[template(path = "office/admin.html")]
struct AdminPage {
    frame: Frame,
    places: Vec<Place>,
}

async fn page(State(desk): State<Desk>, clerk: SignedIn) -> Page {
    let places = PLACES.iter().filter(|(_, _, _, door)| door.opens_to(&clerk.roles)).copied().collect();
    show(&AdminPage { frame: Frame::new(&desk, &clerk, "admin"), places })
}

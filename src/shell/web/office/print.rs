//! Printing: what waits, the runs that nobody has confirmed yet, and what was printed.

use super::doors::{Door, Route};
use super::login::SignedIn;
use super::page::{Done, Fault, Frame, Page, go, show};
use super::providers::own_address;
use super::words::moment;
use super::{Desk, print_run};
use crate::office::{CONTACT, MAX_CONTACT_LINE, MAX_PAPERS, MAX_SLIPS, NewPrint, Role};
use crate::shell::door;
use crate::shell::paper::stack::Layout;
use crate::shell::store::StoreError;
use crate::shell::store::office::prints::{self, Ending, Run};
use crate::shell::store::office::{admission, settings};
use crate::shell::store::sql::Connection;
use crate::words::ids::{ProviderNumber, TokenId};
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use serde::Deserialize;

/// How many papers or ended runs a page shows.
pub(super) const SHOWN: u64 = 50;

/// The routes of these pages. What concerns enrolment codes is for those who may make them.
pub fn routes() -> Vec<Route> {
    const READS: Door = Door::Reads(&[Role::Issue, Role::Reconcile]);
    const CARDS: Door = Door::Does(Role::Issue);
    const SLIPS: Door = Door::Does(Role::Reconcile);
    vec![
        ("get", "/print", READS, get(overview)),
        ("post", "/print", CARDS, post(begin)),
        ("post", "/print/slips", SLIPS, post(begin_slips)),
        ("post", "/print/tokens/{token}", CARDS, post(begin_one)),
        ("get", "/print/{run}", READS, get(print_run::one)),
        ("post", "/print/{run}/printed", CARDS, post(print_run::printed)),
        ("post", "/print/{run}/discarded", CARDS, post(print_run::discarded)),
        ("post", "/print/{run}/files", CARDS, post(print_run::make)),
        ("get", "/print/{run}/files/{part}", CARDS, get(print_run::file)),
        ("get", "/print/{run}/papers/{place}", CARDS, get(print_run::paper)),
        ("post", "/print/slips/{run}/printed", SLIPS, post(print_run::slips_printed)),
        ("post", "/print/slips/{run}/discarded", SLIPS, post(print_run::slips_discarded)),
        ("post", "/print/slips/{run}/files", SLIPS, post(print_run::make_slips)),
        ("get", "/print/slips/{run}/files/{part}", SLIPS, get(print_run::slips_file)),
        ("get", "/print/slips/{run}/papers/{place}", SLIPS, get(print_run::slip)),
    ]
}

pub(super) fn back(fault: Fault) -> Fault {
    fault.back_to("/print", "Zum Drucken")
}

pub(super) struct RunView {
    pub(super) number: u32,
    pub(super) title: &'static str,
    pub(super) papers: String,
    pub(super) at: String,
    pub(super) clerk: String,
    pub(super) ending: &'static str,
    pub(super) class: &'static str,
    pub(super) ended: String,
}

impl RunView {
    pub(super) fn of(run: &Run) -> Self {
        let (ending, class) = match &run.ended {
            None => ("noch nicht bestätigt", "look"),
            Some((Ending::Printed, ..)) => ("gedruckt", "good"),
            Some((Ending::Discarded, ..)) => ("nicht gedruckt", "part"),
        };
        let ended = run.ended.as_ref().map(|(_, by, at)| format!("{}, {by}", moment(*at))).unwrap_or_default();
        let papers = counted(run.papers, run.layout);
        Self { number: run.number, title: run.layout.german(), papers, at: moment(run.at), clerk: run.clerk.clone(), ending, class, ended }
    }
}

/// `1.000 Briefe`.
pub(super) fn counted(papers: u64, layout: Layout) -> String {
    let (one, many) = match layout {
        Layout::Letters => ("Brief", "Briefe"),
        Layout::Cards | Layout::Sheets => ("Karte", "Karten"),
        Layout::Slips => ("Zettel", "Zettel"),
    };
    format!("{} {}", thousands(papers), if papers == 1 { one } else { many })
}

/// `14.997`.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push('.');
        }
        grouped.push(digit);
    }
    grouped
}

#[derive(Template)]
#[template(path = "office/print.html")]
struct PrintPage {
    frame: Frame,
    waiting: u64,
    waiting_words: String,
    first: String,
    contact: String,
    open: Vec<RunView>,
    ended: Vec<RunView>,
    before: Option<u64>,
    after: Option<u64>,
    providers: Vec<(ProviderNumber, String)>,
    url: String,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Turned {
    pub(super) skip: Option<u64>,
}

async fn overview(State(desk): State<Desk>, clerk: SignedIn, Query(turned): Query<Turned>, Query(done): Query<Done>, headers: HeaderMap) -> Page {
    let frame = Frame::new(&desk, &clerk, "print").after(done.done.as_deref());
    let (skip, url) = (turned.skip.unwrap_or(0), own_address(&headers));
    let page = desk.look(move |db| look(db, frame, skip, url)).await?;
    show(&page)
}

fn look(db: &Connection, frame: Frame, skip: u64, url: String) -> Result<PrintPage, StoreError> {
    let (waiting, first) = prints::waiting(db)?;
    let mut ended = prints::runs(db, true, skip, SHOWN + 1)?;
    let after = (ended.len() as u64 > SHOWN).then(|| skip.saturating_add(SHOWN));
    ended.truncate(usize::try_from(SHOWN).unwrap_or(usize::MAX));
    Ok(PrintPage {
        frame,
        waiting,
        waiting_words: thousands(waiting),
        first: first.map(|at| crate::words::civil::CivilDay::of(at).german()).unwrap_or_default(),
        contact: settings::read(db, CONTACT)?.unwrap_or_default(),
        open: prints::runs(db, false, 0, 200)?.iter().map(RunView::of).collect(),
        ended: ended.iter().map(RunView::of).collect(),
        before: (skip > 0).then_some(skip.saturating_sub(SHOWN)),
        after,
        providers: admission::providers(db)?.into_iter().map(|provider| (provider.number, provider.name)).collect(),
        url,
    })
}

#[derive(Debug, Deserialize)]
struct BeginForm {
    layout: String,
    contact: String,
    most: Option<String>,
}

/// A layout for cards, and a contact line that fits.
fn wanted(layout: &str, contact: &str) -> Result<(Layout, String), Fault> {
    let layout = Layout::parse(layout).filter(|layout| *layout != Layout::Slips);
    let layout = layout.ok_or_else(|| back(Fault::form("Bitte wählen, ob Briefe oder Karten gedruckt werden.")))?;
    Ok((layout, contact_line(contact)?))
}

fn contact_line(contact: &str) -> Result<String, Fault> {
    let contact = contact.trim();
    if contact.chars().count() > MAX_CONTACT_LINE {
        let sentence = format!("Der Kontakt hat mehr als {MAX_CONTACT_LINE} Zeichen. Bitte kürzen, damit er auf den Brief passt.");
        return Err(back(Fault::form(sentence)));
    }
    Ok(contact.to_owned())
}

async fn begin(State(desk): State<Desk>, clerk: SignedIn, form: Result<Form<BeginForm>, FormRejection>) -> Page {
    let Form(form) = form.map_err(|_| back(Fault::form("Bitte wählen, ob Briefe oder Karten gedruckt werden.")))?;
    let (layout, contact) = wanted(&form.layout, &form.contact)?;
    let most = form.most.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let most = match most.map(|text| text.replace('.', "").parse::<u64>()) {
        None => MAX_PAPERS,
        Some(Ok(most)) if most > 0 => most.min(MAX_PAPERS),
        Some(_) => return Err(back(Fault::form("Bitte eine Anzahl von 1 an eintragen, oder das Feld leer lassen für alle."))),
    };
    let by = clerk.name.clone();
    let begun = desk.with(move |office| {
        office.remember_contact(&contact)?;
        office.begin_print(&NewPrint { layout, contact, most }, &by, door::now())
    });
    let begun = begun.await.map_err(back)?;
    Ok(go(&desk.make_files(&clerk, layout, &begun)))
}

#[derive(Debug, Deserialize)]
struct OneForm {
    layout: String,
    contact: Option<String>,
}

/// The card of one token, from the page of its case.
async fn begin_one(State(desk): State<Desk>, clerk: SignedIn, Path(token): Path<String>, form: Result<Form<OneForm>, FormRejection>) -> Page {
    let Form(form) = form.map_err(|_| back(Fault::form("Bitte wählen, ob ein Brief oder eine Karte gedruckt wird.")))?;
    let token = TokenId::from_hex(&token)
        .ok_or_else(|| back(Fault::new(StatusCode::NOT_FOUND, "Das gibt es hier nicht", "Bitte die Karte im Fall suchen.")))?;
    let (layout, contact) = wanted(&form.layout, form.contact.as_deref().unwrap_or_default())?;
    let by = clerk.name.clone();
    let begun = desk.with(move |office| {
        let contact = if contact.is_empty() { settings::read(office.db(), CONTACT)?.unwrap_or_default() } else { contact };
        office.begin_print_of(token, layout, &contact, &by, door::now())
    });
    let begun = begun.await.map_err(back)?;
    Ok(go(&desk.make_files(&clerk, layout, &begun)))
}

#[derive(Debug, Deserialize)]
struct SlipsForm {
    provider: u32,
    count: u32,
    url: String,
    contact: String,
}

async fn begin_slips(State(desk): State<Desk>, clerk: SignedIn, form: Result<Form<SlipsForm>, FormRejection>) -> Page {
    let incomplete = || back(Fault::form(format!("Bitte einen Anbieter, die Adresse und eine Anzahl von 1 bis {MAX_SLIPS} angeben.")));
    let Form(form) = form.map_err(|_| incomplete())?;
    if !(1..=MAX_SLIPS).contains(&form.count) || form.url.trim().is_empty() || form.url.chars().count() > MAX_CONTACT_LINE {
        return Err(incomplete());
    }
    let (contact, by) = (contact_line(&form.contact)?, clerk.name.clone());
    let begun = desk.with(move |office| office.begin_slips(ProviderNumber(form.provider), form.count, (&contact, &form.url), &by, door::now()));
    let begun = begun.await.map_err(back)?;
    Ok(go(&desk.make_files(&clerk, Layout::Slips, &begun)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_as_people_read_them() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1.000"), (14_997, "14.997"), (1_000_000, "1.000.000")] {
            assert_eq!(thousands(number), text);
        }
        assert_eq!((counted(1, Layout::Letters).as_str(), counted(1_000, Layout::Sheets).as_str()), ("1 Brief", "1.000 Karten"));
    }
}

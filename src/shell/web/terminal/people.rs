//! The lists over HTTP: find, add, change, delete, join to a card, teach and forget chips. Names go to pages of this box only.

use super::door::Door;
use super::session::Role;
use super::shape::refused_json;
use super::{Desk, MAX_FILE, Route, answer, brief, groups, json, lists, pages, slow, training};
use crate::shell::door;
use crate::shell::store::terminal::Details;
use crate::shell::texts::{Language, Texts};
use crate::shell::web::problem::Problem;
use crate::terminal::chips::{ChipOf, Taught, TeachRequest};
use crate::terminal::counter::{CounterError, NotWellFormed};
use crate::terminal::people::{PeopleError, Person};
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, Query};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{delete as delete_, get, post, put};
use serde::Deserialize;
use serde_json::json as value;

type Body = Result<Bytes, BytesRejection>;

/// The pages of the lists and the interface behind them.
pub(super) fn routes() -> Vec<Route> {
    const SCAN: Door = Door::Role(Role::Scan);
    const CORRECT: Door = Door::Role(Role::Correct);
    vec![
        ("get", "/people", SCAN, brief(get(pages::people::show))),
        ("get", "/people/import", CORRECT, brief(get(pages::people::import))),
        ("get", "/groups", SCAN, brief(get(pages::people::groups))),
        ("get", "/pickups", CORRECT, brief(get(pages::people::pickups))),
        ("post", "/api/v1/chips", SCAN, brief(post(teach_chip))),
        ("post", "/api/v1/chips/forgetting", CORRECT, brief(post(forget_chip))),
        ("get", "/api/v1/people", SCAN, brief(get(find))),
        ("post", "/api/v1/people", SCAN, brief(post(add))),
        ("put", "/api/v1/people/{id}", CORRECT, brief(put(change))),
        ("delete", "/api/v1/people/{id}", CORRECT, brief(delete_(delete))),
        ("post", "/api/v1/people/{id}/card", SCAN, brief(post(join))),
        ("delete", "/api/v1/people/{id}/card", CORRECT, brief(delete_(unjoin))),
        ("delete", "/api/v1/people/{id}/chips", CORRECT, brief(delete_(forget_chips))),
        ("get", "/api/v1/people.csv", CORRECT, brief(get(lists::download))),
        ("post", "/api/v1/people/import", CORRECT, slow(post(lists::import)).layer(DefaultBodyLimit::max(MAX_FILE))),
        ("post", "/api/v1/pickups", CORRECT, slow(post(lists::pickup_list)).layer(DefaultBodyLimit::max(MAX_FILE))),
        ("post", "/api/v1/pickups/file", CORRECT, slow(post(lists::pickup_file)).layer(DefaultBodyLimit::max(MAX_FILE))),
        ("post", "/api/v1/groups", SCAN, brief(post(groups::book))),
    ]
}

/// What is looked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    search: String,
    list: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonBody {
    name: String,
    #[serde(default)]
    number: String,
    #[serde(default)]
    list: String,
    #[serde(default)]
    pays_self: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CardBody {
    code: String,
    #[serde(default)]
    replace: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChipBody {
    uid: String,
    code: Option<String>,
    person: Option<u64>,
    #[serde(default)]
    replace: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct UidBody {
    uid: String,
}

impl From<PersonBody> for Details {
    fn from(body: PersonBody) -> Self {
        Self { name: body.name, number: body.number, list: body.list, pays_self: body.pays_self }
    }
}

impl From<PeopleError> for Problem {
    fn from(error: PeopleError) -> Self {
        let (status, key) = match error {
            PeopleError::NoSuchPerson(_) => (StatusCode::NOT_FOUND, "problem.no_such_person"),
            PeopleError::Unfit => (StatusCode::UNPROCESSABLE_ENTITY, "people.unfit"),
            PeopleError::NumberTaken(_) | PeopleError::CardTaken(_) => (StatusCode::CONFLICT, "people.taken"),
            PeopleError::Full => (StatusCode::CONFLICT, "problem.people_full"),
            PeopleError::Counter(error) => return error.into(),
            PeopleError::Store(error) => return error.into(),
        };
        Self::new(status, error.to_string()).saying(&(key, None))
    }
}

/// The answer where somebody else has the number, the card or the chip: a page asks whether that is meant.
fn taken(sentence: String, person: Option<&Person>) -> Response {
    let said = |language: Language| {
        let texts = Texts::speaking(language);
        let text = person.map_or_else(|| texts.word("people.taken").to_owned(), |p| texts.word("people.taken_by").replace("{name}", &p.name));
        (language.code().to_owned(), text.into())
    };
    let message: serde_json::Map<_, _> = Language::all().map(said).collect();
    let person = person.map(|person| value!({"id": person.id, "name": person.name}));
    answer(StatusCode::CONFLICT, value!({"verdict": "taken", "status": 409, "detail": sentence, "message": message, "person": person}))
}

fn done(status: StatusCode, outcome: Result<Person, PeopleError>) -> Result<Response, Problem> {
    match outcome {
        Err(PeopleError::NumberTaken(ref person)) => Ok(taken(PeopleError::NumberTaken(person.clone()).to_string(), Some(person))),
        outcome => Ok(answer(status, value!({"person": outcome?}))),
    }
}

/// Who is in the lists.
pub(super) async fn find(desk: Desk, Query(wanted): Query<Wanted>) -> Result<Response, Problem> {
    let found = desk.writer.run(move |terminal, _| {
        let list = wanted.list.as_deref().filter(|list| !list.is_empty());
        terminal.people(&wanted.search, list, door::now())
    });
    Ok(answer(StatusCode::OK, value!(found.await??)))
}

/// Adds somebody.
pub(super) async fn add(desk: Desk, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let details = Details::from(json::<PersonBody>(&headers, body)?);
    done(StatusCode::CREATED, desk.writer.run(move |terminal, _| terminal.add_person(&details, door::now())).await?)
}

/// Changes what a list says of somebody.
pub(super) async fn change(desk: Desk, Path(id): Path<u64>, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let details = Details::from(json::<PersonBody>(&headers, body)?);
    done(StatusCode::OK, desk.writer.run(move |terminal, _| terminal.change_person(id, &details)).await?)
}

/// Deletes somebody. Told twice, it says the same twice.
pub(super) async fn delete(desk: Desk, Path(id): Path<u64>) -> Result<Response, Problem> {
    desk.writer.run(move |terminal, _| terminal.delete_person(id)).await??;
    Ok(answer(StatusCode::OK, value!({"verdict": "deleted", "id": id})))
}

/// Joins somebody to the card that was scanned. Taking it from somebody else is for whoever may correct.
pub(super) async fn join(desk: Desk, Path(id): Path<u64>, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let CardBody { code, replace } = json(&headers, body)?;
    if replace {
        desk.must_be(Role::Correct)?;
    }
    let scanned = code.clone();
    match desk.writer.run(move |terminal, _| terminal.join_person(id, &code, replace, door::now())).await? {
        Ok(Ok(joined)) => Ok(answer(StatusCode::OK, value!({"verdict": "joined", "person": joined.person, "hint": joined.hint}))),
        Ok(Err(refused)) => Ok(answer(StatusCode::OK, training::explained(refused_json(&refused), &scanned, desk.caller.training))),
        Err(PeopleError::CardTaken(person)) => Ok(taken(PeopleError::CardTaken(person.clone()).to_string(), Some(&person))),
        Err(error) => Err(error.into()),
    }
}

/// Takes somebody apart from their card.
pub(super) async fn unjoin(desk: Desk, Path(id): Path<u64>) -> Result<Response, Problem> {
    done(StatusCode::OK, desk.writer.run(move |terminal, _| terminal.unjoin_person(id)).await?)
}

/// Teaches a chip to a card or gives it to somebody of the lists. Taking it from somebody else is for whoever may correct.
pub(super) async fn teach_chip(desk: Desk, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let ChipBody { uid, code, person, replace } = json(&headers, body)?;
    if replace {
        desk.must_be(Role::Correct)?;
    }
    let scanned = code.clone().unwrap_or_default();
    let to = match (code, person) {
        (Some(code), None) => ChipOf::Card(code),
        (None, Some(person)) => ChipOf::Person(person),
        _ => return Err(CounterError::from(NotWellFormed::CodeOrPerson).into()),
    };
    let request = TeachRequest { uid, to, replace };
    Ok(match desk.writer.run(move |terminal, _| terminal.teach_chip(&request, door::now())).await?? {
        Taught::Card(hint) => answer(StatusCode::CREATED, value!({"verdict": "taught", "hint": hint})),
        Taught::Person(person) => answer(StatusCode::CREATED, value!({"verdict": "taught", "person": person})),
        Taught::Taken(person) => taken("this chip is known for somebody else: send replace to move it".into(), person.as_ref()),
        Taught::Refused(refused) => answer(StatusCode::OK, training::explained(refused_json(&refused), &scanned, desk.caller.training)),
    })
}

/// Forgets a chip that is at hand.
pub(super) async fn forget_chip(desk: Desk, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let UidBody { uid } = json(&headers, body)?;
    let known = desk.writer.run(move |terminal, _| terminal.forget_chip(&uid, door::now())).await??;
    Ok(answer(StatusCode::OK, value!({"verdict": "forgotten", "known": known})))
}

/// Forgets all chips of somebody: a lost one is not at hand.
pub(super) async fn forget_chips(desk: Desk, Path(id): Path<u64>) -> Result<Response, Problem> {
    let count = desk.writer.run(move |terminal, _| terminal.forget_chips_of(id, door::now())).await??;
    Ok(answer(StatusCode::OK, value!({"verdict": "forgotten", "count": count})))
}

//! The work list: what no rule could decide, in groups of equal cases, and decisions on whole groups.

use super::Desk;
use super::batches::{Labels, Pager, labels};
use super::doors::{Door, Route};
use super::jobs::{Outcome, Step};
use super::login::SignedIn;
use super::page::{Fault, Frame, Page, go, show};
use super::ruling::{Decided, Filled, Flow, Offered, case_of, offered, outcome_words, packed, parameters, unpacked};
use super::words::{hint, moment, seen_as, title};
use crate::office::{BulkOutcome, BulkRuling, Office, OfficeError, Role};
use crate::shell::door;
use crate::shell::store::StoreError;
use crate::shell::store::office::findings::{self, Group, GroupKey};
use crate::shell::store::office::views::LineView;
use crate::shell::store::office::waiting;
use crate::shell::store::sql::Connection;
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::ids::{EntryId, ProviderNumber};
use crate::words::reason::Reason;
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{DefaultBodyLimit, Form, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// How many groups stand on one page.
const GROUPS: u64 = 60;
/// How many cases stand on one page.
const CASES: u64 = 100;
/// The most lines decided with one form.
const MAX_BULK: u64 = 5_000;
/// Up to how many lines are decided at once; more are a job.
const AT_ONCE: usize = 50;
/// The most bytes of the form: the numbers of [`MAX_BULK`] lines of as many terminals.
const MAX_FORM: usize = 512 * 1024;

/// The routes of these pages.
pub fn routes() -> Vec<Route> {
    const READS: Door = Door::Reads(&[Role::Reconcile, Role::Release]);
    vec![
        ("get", "/findings", READS, get(list)),
        ("get", "/findings/cases", READS, get(group)),
        ("post", "/findings/cases", Door::Does(Role::Reconcile), post(decide).layer(DefaultBodyLimit::max(MAX_FORM))),
    ]
}

/// What the list is narrowed to, and what was done last.
#[derive(Debug, Default, Deserialize)]
struct Asked {
    reason: Option<String>,
    provider: Option<String>,
    #[serde(default)]
    skip: u64,
    done: Option<String>,
    #[serde(default)]
    decided: u64,
    #[serde(default)]
    changed: u64,
    #[serde(default)]
    not_less: u64,
    #[serde(default)]
    paid_elsewhere: u64,
}

impl Asked {
    /// What was decided in bulk last, in words.
    fn said(&self) -> String {
        let (decided, changed, not_less, paid_elsewhere) = (self.decided, self.changed, self.not_less, self.paid_elsewhere);
        let outcome = BulkOutcome { decided, changed, not_less, paid_elsewhere };
        if outcome == BulkOutcome::default() { String::new() } else { outcome_words(outcome) }
    }
}

fn outcome_parameters(outcome: BulkOutcome) -> String {
    let BulkOutcome { decided, changed, not_less, paid_elsewhere } = outcome;
    format!("decided={decided}&changed={changed}&not_less={not_less}&paid_elsewhere={paid_elsewhere}")
}

/// A kind of findings with its groups.
struct Kind {
    code: String,
    title: String,
    hint: &'static str,
    count: u64,
    cents: Cents,
    groups: Vec<GroupRow>,
}

/// A group in the list.
struct GroupRow {
    place: String,
    provider: String,
    service: String,
    other: Option<String>,
    more: Option<Cents>,
    count: u64,
    cents: Cents,
    days: String,
    asked: Option<String>,
}

/// A kind or a provider to narrow the list to.
struct Choice {
    code: String,
    title: String,
    count: u64,
    chosen: bool,
}

fn waits_for_answer(code: &str) -> bool {
    code == Reason::PleaseClarify.code()
}

fn days(first: CivilDay, last: CivilDay) -> String {
    if first == last { first.german() } else { format!("{} – {}", first.german(), last.german()) }
}

impl GroupRow {
    fn of(group: Group, labels: &Labels, asked: Option<String>) -> Self {
        let key = &group.key;
        Self {
            place: format!("/findings/cases?{}", parameters(key)),
            service: labels.get(&(key.provider, key.service.clone())).cloned().unwrap_or_else(|| key.service.clone()),
            more: key.more,
            provider: group.provider_name,
            other: group.other_name,
            count: group.count,
            cents: group.cents,
            days: days(group.first, group.last),
            asked,
        }
    }
}

#[derive(Template)]
#[template(path = "office/findings.html")]
struct FindingsPage {
    frame: Frame,
    said: String,
    count: u64,
    cents: Cents,
    group_count: usize,
    waiting: u64,
    only: Option<String>,
    kinds: Vec<Kind>,
    chips: Vec<Choice>,
    providers: Vec<Choice>,
    pager: Pager,
}

/// All groups, the kind with the largest sum first, what waits for an answer last.
fn in_order(mut groups: Vec<Group>) -> Vec<Group> {
    let mut sums: BTreeMap<String, Cents> = BTreeMap::new();
    for group in &groups {
        let sum = sums.entry(group.key.reason.clone()).or_insert(Cents::ZERO);
        *sum = sum.plus(group.cents);
    }
    let rank =
        |group: &Group| (waits_for_answer(&group.key.reason), std::cmp::Reverse(sums.get(&group.key.reason).copied()), group.key.reason.clone());
    groups.sort_by_cached_key(rank);
    groups
}

fn chips(groups: &[Group], only: Option<&str>) -> Vec<Choice> {
    let mut chips: Vec<Choice> = Vec::new();
    for group in groups {
        match chips.iter_mut().find(|chip| chip.code == group.key.reason) {
            Some(chip) => chip.count += group.count,
            None => chips.push(Choice {
                title: kind_title(&group.key.reason),
                count: group.count,
                chosen: only == Some(group.key.reason.as_str()),
                code: group.key.reason.clone(),
            }),
        }
    }
    chips
}

fn kind_title(code: &str) -> String {
    if waits_for_answer(code) { "Wartet auf Antwort".to_owned() } else { title(code) }
}

fn providers(groups: &[Group], only: Option<ProviderNumber>) -> Vec<Choice> {
    let mut counts: BTreeMap<(String, ProviderNumber), u64> = BTreeMap::new();
    for group in groups {
        *counts.entry((group.provider_name.clone(), group.key.provider)).or_default() += group.count;
    }
    let choice = |((name, number), count): ((String, ProviderNumber), u64)| Choice {
        code: number.to_string(),
        title: name,
        count,
        chosen: only == Some(number),
    };
    counts.into_iter().map(choice).collect()
}

/// The kinds with those of `groups` that stand on this page.
fn kinds(db: &Connection, groups: &[Group], shown: &[Group], labels: &Labels) -> Result<Vec<Kind>, StoreError> {
    let mut kinds: Vec<Kind> = Vec::new();
    for group in shown {
        let code = &group.key.reason;
        let asked = if waits_for_answer(code) { findings::oldest_question(db, &group.key)? } else { None };
        let row = GroupRow::of(group.clone(), labels, asked.map(|(clerk, at)| format!("{}, {clerk}", moment(at))));
        match kinds.iter_mut().find(|kind| kind.code == *code) {
            Some(kind) => kind.groups.push(row),
            None => {
                let all = groups.iter().filter(|other| other.key.reason == *code);
                let (count, cents) = all.fold((0, Cents::ZERO), |(count, cents), group| (count + group.count, cents.plus(group.cents)));
                kinds.push(Kind { code: code.clone(), title: kind_title(code), hint: hint(code), count, cents, groups: vec![row] });
            }
        }
    }
    Ok(kinds)
}

async fn list(State(desk): State<Desk>, clerk: SignedIn, Query(asked): Query<Asked>) -> Page {
    let only = asked.reason.clone().filter(|code| Reason::from_code(code).is_some());
    let provider = asked.provider.as_deref().and_then(|number| number.parse().ok()).map(ProviderNumber);
    let (reason, skip) = (only.clone(), asked.skip);
    let look = move |db: &Connection| {
        let (labels, all) = (labels(db)?, in_order(findings::groups(db, None)?));
        let of_provider: Vec<Group> = all.iter().filter(|group| provider.is_none_or(|p| p == group.key.provider)).cloned().collect();
        let chosen: Vec<Group> = of_provider.iter().filter(|group| reason.as_ref().is_none_or(|r| *r == group.key.reason)).cloned().collect();
        let from = usize::try_from(skip).unwrap_or(usize::MAX).min(chosen.len());
        let shown: Vec<Group> = chosen.iter().skip(from).take(GROUPS as usize).cloned().collect();
        let kinds = kinds(db, &chosen, &shown, &labels)?;
        Ok::<_, StoreError>((chips(&of_provider, reason.as_deref()), providers(&all, provider), of_provider, shown.len(), chosen.len(), kinds))
    };
    let (chips, providers, groups, shown, chosen, kinds) = desk.look(look).await?;
    let open = groups.iter().filter(|group| !waits_for_answer(&group.key.reason));
    let (count, cents) = open.clone().fold((0, Cents::ZERO), |(count, cents), group| (count + group.count, cents.plus(group.cents)));
    let waiting = groups.iter().filter(|group| waits_for_answer(&group.key.reason)).map(|group| group.count).sum();
    let reason = only.as_ref().map(|code| format!("reason={code}&")).unwrap_or_default();
    let of_provider = provider.map(|number| format!("provider={number}&")).unwrap_or_default();
    let mut pager = Pager::new(format!("/findings?{reason}{of_provider}"), skip, shown, GROUPS);
    pager.after = pager.after.filter(|after| *after < chosen as u64);
    let (said, group_count) = (asked.said(), open.count());
    let frame = Frame::new(&desk, &clerk, "findings").after(asked.done.as_deref());
    show(&FindingsPage { frame, said, count, cents, group_count, waiting, only, kinds, chips, providers, pager })
}

/// A case in its group.
struct CaseRow {
    place: String,
    id: String,
    seq: u64,
    day: String,
    at: String,
    seen_as: &'static str,
    claimed: Cents,
    full_price: Option<Cents>,
    asked: Option<(String, String)>,
}

#[derive(Template)]
#[template(path = "office/cases.html")]
struct GroupPage {
    frame: Frame,
    said: String,
    title: String,
    hint: &'static str,
    provider: String,
    service: String,
    other: Option<String>,
    more: Option<Cents>,
    waits: bool,
    priced: bool,
    count: u64,
    cents: Cents,
    bulk: u64,
    leave_out: bool,
    cases: Vec<CaseRow>,
    reason: String,
    reasons: Vec<Offered>,
    place: String,
    lines: String,
    looked: u64,
    pager: Pager,
}

fn gone() -> Fault {
    Fault::new(
        StatusCode::NOT_FOUND,
        "Diese Gruppe gibt es nicht mehr",
        "Alle Zeilen darin sind entschieden, oder die Adresse ist unvollständig. Bitte in der Liste nachsehen.",
    )
    .back_to("/findings", "Zu den Befunden")
}

/// A group as its page shows it.
struct Looked {
    group: Group,
    cases: Vec<CaseRow>,
    ids: Vec<EntryId>,
    service: String,
    priced: bool,
}

fn case_row(db: &Connection, line: &LineView, key: &GroupKey, n: u64, of: u64) -> Result<CaseRow, StoreError> {
    let last = if waits_for_answer(&key.reason) { findings::last_ruling(db, line.id)? } else { None };
    Ok(CaseRow {
        place: case_of(line.id, key, n, of),
        id: packed(&[line.id]),
        seq: waiting::own_seq(line.id.seq),
        day: line.day.german(),
        at: moment(line.at),
        seen_as: seen_as(line.seen_as),
        claimed: line.claimed,
        full_price: line.full_price,
        asked: last.map(|last| (format!("{}, {}", moment(last.at), last.clerk), last.about.as_deref().map(title).unwrap_or_default())),
    })
}

fn look_at(db: &Connection, key: &GroupKey, skip: u64) -> Result<Option<Looked>, StoreError> {
    let Some(group) = findings::groups(db, Some(key.provider))?.into_iter().find(|group| group.key == *key) else { return Ok(None) };
    let lines = findings::cases(db, key, skip, CASES)?;
    let cases = (0..)
        .zip(&lines)
        .map(|(n, line)| case_row(db, line, key, skip.saturating_add(1).saturating_add(n), group.count))
        .collect::<Result<_, _>>()?;
    let files = crate::shell::store::office::admission::provider_files(db)?;
    let agreement = files.get(&key.provider).and_then(|file| file.agreements.iter().find(|a| a.service.code.as_str() == key.service));
    let service = agreement.map_or_else(|| key.service.clone(), |a| a.service.label.clone());
    let priced = agreement.is_some_and(|a| !a.service.prices.is_empty());
    Ok(Some(Looked { group, cases, ids: findings::ids(db, key, MAX_BULK)?, service, priced }))
}

#[derive(Debug, Deserialize)]
struct From {
    #[serde(default)]
    skip: u64,
}

async fn group(State(desk): State<Desk>, clerk: SignedIn, Query(flow): Query<Flow>, Query(from): Query<From>, Query(asked): Query<Asked>) -> Page {
    let key = flow.group().ok_or_else(gone)?;
    let (looked, parameters, reason) = (door::now(), parameters(&key), key.reason.clone());
    let look = move |db: &Connection| look_at(db, &key, from.skip);
    let Looked { group, cases, ids, service, priced } = desk.look::<_, StoreError>(look).await?.ok_or_else(gone)?;
    let mut pager = Pager::new(format!("/findings/cases?{parameters}&"), from.skip, cases.len(), CASES);
    pager.after = pager.after.filter(|after| *after < group.count);
    show(&GroupPage {
        frame: Frame::new(&desk, &clerk, "findings").after(flow.done.as_deref()),
        said: asked.said(),
        title: kind_title(&reason),
        hint: hint(&reason),
        provider: format!("{} ({})", group.provider_name, group.key.provider),
        service,
        other: group.other_name,
        more: group.key.more,
        waits: waits_for_answer(&reason),
        priced,
        count: group.count,
        cents: group.cents,
        bulk: ids.len() as u64,
        leave_out: group.count <= CASES,
        cases,
        reason,
        reasons: offered(),
        place: format!("/findings/cases?{parameters}"),
        lines: packed(&ids),
        looked: looked.0,
        pager,
    })
}

/// What a bulk form says beyond the decision: the lines, less those left out, and when the clerk looked.
fn lines_of(fields: &[(String, String)]) -> Option<(Vec<EntryId>, crate::words::time::UtcMs)> {
    let all = |name: &'static str| fields.iter().filter(move |(field, _)| field == name).map(|(_, value)| value);
    let looked = all("looked").next()?.parse().ok().map(crate::words::time::UtcMs)?;
    let left_out: Vec<Vec<EntryId>> = all("without").map(|id| unpacked(id)).collect::<Option<_>>()?;
    let left_out: BTreeSet<EntryId> = left_out.into_iter().flatten().collect();
    let lines = unpacked(all("lines").next()?)?;
    Some((lines.into_iter().filter(|id| !left_out.contains(id)).take(MAX_BULK as usize).collect(), looked))
}

async fn decide(
    State(desk): State<Desk>,
    clerk: SignedIn,
    Query(flow): Query<Flow>,
    filled: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Page {
    let key = flow.group().ok_or_else(gone)?;
    let back = |fault: Fault| fault.back_to("/findings", "Zu den Befunden");
    let Form(fields) = filled.map_err(|_| back(Fault::form("Bitte eine Entscheidung und einen Grund wählen.")))?;
    let Decided { what, reason, note, .. } = Filled::of(&fields).read().map_err(back)?;
    let (lines, looked) = lines_of(&fields).ok_or_else(|| back(Fault::form("Bitte die Gruppe noch einmal öffnen und dort entscheiden.")))?;
    if lines.is_empty() {
        return Err(back(Fault::form("Alle Zeilen sind ausgenommen; es wurde nichts entschieden.")));
    }
    let bulk = BulkRuling { group: key.clone(), looked, what, reason, note, clerk: clerk.name.clone() };
    if lines.len() > AT_ONCE {
        let title = format!("{} Befunde entscheiden", lines.len());
        return Ok(go(&desk.begin(&clerk, "findings", title, steps(lines, bulk))));
    }
    let parameters = parameters(&key);
    let (outcome, left) = desk
        .with(move |office| {
            let outcome = office.rule_equal(&lines, &bulk, door::now())?;
            Ok::<_, OfficeError>((outcome, findings::size(office.db(), &key)?))
        })
        .await?;
    let said = outcome_parameters(outcome);
    Ok(go(&if left > 0 { format!("/findings/cases?{parameters}&{said}") } else { format!("/findings?{said}") }))
}

/// The steps of a decision on many lines.
fn steps(lines: Vec<EntryId>, bulk: BulkRuling) -> impl FnMut(&mut Office) -> Result<Step, OfficeError> + Send + 'static {
    let (mut done, mut outcome) = (0, BulkOutcome::default());
    move |office| {
        let some: Vec<EntryId> = lines.iter().skip(done).take(AT_ONCE).copied().collect();
        if some.is_empty() {
            let links = vec![("/findings".to_owned(), "Weiter zu den Befunden".to_owned())];
            return Ok(Step::Done(Outcome { words: outcome_words(outcome), links }));
        }
        outcome = outcome.plus(office.rule_equal(&some, &bulk, door::now())?);
        done += some.len();
        Ok(Step::More { done: done as u64, of: lines.len() as u64 })
    }
}

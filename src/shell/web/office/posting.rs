//! How the office pays, the table of cost accounts and the columns of the posting file, with a preview before anything is kept.

use super::Desk;
use super::doors::{Door, Route};
use super::login::SignedIn;
use super::page::{Done, Fault, Frame, Page, go, show};
use super::words::posting_trouble;
use crate::office::{PayMode, PaymentOrder, Role, sample_posting};
use crate::settle::posting::{AccountRule, AccountTable, Column, Content, PostingProfile};
use crate::shell::door;
use crate::words::benefit::Benefit;
use crate::words::civil::CivilDay;
use crate::words::ids::OfficeId;
use crate::words::legal_basis::LegalBasis;
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};

/// The most rules and columns the page takes.
const MAX_ROWS: usize = 200;
/// How many empty rows invite to add some.
const EMPTY_ROWS: usize = 2;
/// What may stand in a column: stable name and words.
const CONTENTS: [(&str, &str); 10] = [
    ("run", "Lauf"),
    ("execution_date", "Ausführungstag"),
    ("account", "Haushaltskonto"),
    ("text", "Text des Kontos"),
    ("legal_basis", "Rechtskreis"),
    ("benefit", "Leistung"),
    ("service_month", "Leistungsmonat"),
    ("amount", "Betrag"),
    ("lines", "Anzahl Positionen"),
    ("fixed", "fester Text"),
];

/// The routes of these pages.
pub fn routes() -> Vec<Route> {
    vec![
        ("get", "/settlement/posting", Door::Reads(&[Role::Reconcile, Role::Release, Role::Admin]), get(page)),
        ("post", "/settlement/posting", Door::Does(Role::Admin), post(save)),
    ]
}

struct RuleRow {
    from: String,
    legal_basis: String,
    benefit: String,
    account: String,
    text: String,
}

struct ColumnRow {
    heading: String,
    content: &'static str,
    fixed: String,
}

/// What an account is for that is for no benefit, as the form names it.
const REPAYMENTS: (&str, &str) = ("repayments", "Rückzahlungen von Anbietern");

#[derive(Template)]
#[template(path = "office/posting.html")]
struct PostingPage {
    frame: Frame,
    trouble: String,
    unsaved: bool,
    treasury: bool,
    rules: Vec<RuleRow>,
    columns: Vec<ColumnRow>,
    separator: String,
    decimal_mark: String,
    headings: bool,
    sample: String,
    bases: Vec<(&'static str, &'static str)>,
    benefits: Vec<(&'static str, &'static str)>,
    contents: [(&'static str, &'static str); 10],
}

async fn page(State(desk): State<Desk>, clerk: SignedIn, Query(done): Query<Done>) -> Page {
    let frame = Frame::new(&desk, &clerk, "settlement").after(done.done.as_deref());
    let order = desk.look(PaymentOrder::read).await?;
    show(&view(frame, &desk.office().0, &order, String::new(), false))
}

fn view(frame: Frame, office: &OfficeId, order: &PaymentOrder, trouble: String, unsaved: bool) -> PostingPage {
    let rule = |rule: &AccountRule| RuleRow {
        from: rule.from.to_string(),
        legal_basis: rule.legal_basis.map_or(String::new(), |basis| basis.code().to_owned()),
        benefit: match rule.benefit {
            _ if rule.repayments => REPAYMENTS.0.to_owned(),
            Some(benefit) => benefit.name().to_owned(),
            None => String::new(),
        },
        account: rule.account.clone(),
        text: rule.text.clone(),
    };
    let empty_rule =
        || RuleRow { from: String::new(), legal_basis: String::new(), benefit: String::new(), account: String::new(), text: String::new() };
    let column = |column: &Column| {
        let fixed = if let Content::Fixed(text) = &column.content { text.clone() } else { String::new() };
        ColumnRow { heading: column.heading.clone(), content: content_name(&column.content), fixed }
    };
    let empty_column = || ColumnRow { heading: String::new(), content: "", fixed: String::new() };
    let profile = &order.profile;
    let (sample, wrong) = match sample_posting(order, office, CivilDay::of(door::now())) {
        Ok(sample) => (sample, String::new()),
        Err(why) => (String::new(), posting_trouble(&why)),
    };
    PostingPage {
        frame,
        trouble: if trouble.is_empty() { wrong } else { trouble },
        unsaved,
        treasury: order.mode == PayMode::Treasury,
        rules: order.table.0.iter().map(rule).chain(std::iter::repeat_with(empty_rule).take(EMPTY_ROWS)).collect(),
        columns: profile.columns.iter().map(column).chain(std::iter::repeat_with(empty_column).take(EMPTY_ROWS)).collect(),
        separator: if profile.separator == '\t' { "tab".into() } else { profile.separator.to_string() },
        decimal_mark: profile.decimal_mark.to_string(),
        headings: profile.headings,
        sample,
        bases: LegalBasis::ALL.iter().map(|basis| (basis.code(), basis.german())).collect(),
        benefits: Benefit::ALL.iter().map(|benefit| (benefit.name(), benefit.german())).chain([REPAYMENTS]).collect(),
        contents: CONTENTS,
    }
}

const fn content_name(content: &Content) -> &'static str {
    match content {
        Content::Run => "run",
        Content::ExecutionDate => "execution_date",
        Content::Account => "account",
        Content::Text => "text",
        Content::LegalBasis => "legal_basis",
        Content::Benefit => "benefit",
        Content::ServiceMonth => "service_month",
        Content::Amount => "amount",
        Content::Lines => "lines",
        Content::Fixed(_) => "fixed",
    }
}

fn content(name: &str, fixed: &str) -> Option<Content> {
    Some(match name {
        "run" => Content::Run,
        "execution_date" => Content::ExecutionDate,
        "account" => Content::Account,
        "text" => Content::Text,
        "legal_basis" => Content::LegalBasis,
        "benefit" => Content::Benefit,
        "service_month" => Content::ServiceMonth,
        "amount" => Content::Amount,
        "lines" => Content::Lines,
        "fixed" => Content::Fixed(fixed.to_owned()),
        _ => return None,
    })
}

async fn save(State(desk): State<Desk>, clerk: SignedIn, filled: Result<Form<Vec<(String, String)>>, FormRejection>) -> Page {
    let wrong = |sentence: &str| Fault::form(format!("{sentence} Es wurde nichts gespeichert.")).back_to("/settlement/posting", "Zurück");
    let Form(fields) = filled.map_err(|_| wrong("Das Formular kam nicht vollständig an."))?;
    let order = read(&fields).map_err(|sentence| wrong(&sentence))?;
    let preview = fields.iter().any(|(name, _)| name == "preview");
    let trouble = sample_posting(&order, &desk.office().0, CivilDay::of(door::now())).err().map(|why| posting_trouble(&why));
    if preview || trouble.is_some() {
        let refused = trouble.is_some();
        let frame = Frame::new(&desk, &clerk, "settlement");
        let mut response = show(&view(frame, &desk.office().0, &order, trouble.unwrap_or_default(), true))?;
        if refused {
            *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        }
        return Ok(response);
    }
    desk.with(move |office| office.set_payment_order(&order, &clerk.name, door::now())).await?;
    Ok(go("/settlement/posting?done=posting"))
}

/// What the form says; the sentence says which field is wrong.
fn read(fields: &[(String, String)]) -> Result<PaymentOrder, String> {
    let all = |wanted: &str| -> Vec<&str> { fields.iter().filter(|(name, _)| name == wanted).map(|(_, value)| value.trim()).collect() };
    let one = |wanted: &str| all(wanted).first().copied().unwrap_or_default().to_owned();
    let mode = PayMode::parse(&one("mode")).ok_or("Bitte wählen, wer zahlt.")?;
    let (from, basis, benefit, account, text) = (all("from"), all("basis"), all("for_benefit"), all("account"), all("account_text"));
    if account.len() > MAX_ROWS || all("heading").len() > MAX_ROWS {
        return Err(format!("Mehr als {MAX_ROWS} Zeilen nimmt diese Seite nicht."));
    }
    let at = |list: &[&str], index: usize| list.get(index).copied().unwrap_or_default().to_owned();
    let mut rules = Vec::new();
    for (index, account) in account.iter().enumerate().filter(|(_, account)| !account.is_empty()) {
        let day = at(&from, index);
        let from = CivilDay::parse(&day).ok_or(format!("Beim Haushaltskonto „{account}“ fehlt der Tag, ab dem es gilt."))?;
        let (basis, benefit) = (at(&basis, index), at(&benefit, index));
        if benefit == REPAYMENTS.0 && !basis.is_empty() {
            return Err(format!(
                "Beim Haushaltskonto „{account}“ für Rückzahlungen bitte keinen Rechtskreis wählen: Eine Rückzahlung gehört zu keinem."
            ));
        }
        rules.push(AccountRule {
            from,
            legal_basis: LegalBasis::parse(&basis),
            benefit: Benefit::parse(&benefit),
            repayments: benefit == REPAYMENTS.0,
            account: (*account).to_owned(),
            text: at(&text, index),
        });
    }
    let (heading, contents, fixed) = (all("heading"), all("content"), all("fixed"));
    let mut columns = Vec::new();
    for (index, name) in contents.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
        let content = content(name, &at(&fixed, index)).ok_or("Eine Spalte hat einen unbekannten Inhalt.")?;
        columns.push(Column { heading: at(&heading, index), content });
    }
    let single = |text: String, what: &str| {
        let mut chars = text.chars();
        match (text.as_str(), chars.next(), chars.next()) {
            ("tab", ..) => Ok('\t'),
            (_, Some(only), None) => Ok(only),
            _ => Err(format!("Das {what} muss genau ein Zeichen sein.")),
        }
    };
    let separator = single(one("separator"), "Trennzeichen")?;
    let decimal_mark = single(one("decimal_mark"), "Dezimalzeichen")?;
    let headings = !all("headings").is_empty();
    Ok(PaymentOrder { mode, table: AccountTable(rules), profile: PostingProfile { separator, decimal_mark, headings, columns } })
}

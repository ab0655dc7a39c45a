//! The posting file for the treasury: what a run costs on which cost account. Nothing of it may reach a provider or a bank, as the
//! accounts follow from the legal basis.

use super::run::Run;
use super::settlement::{Credit, PayableLine, Released};
use crate::words::benefit::Benefit;
use crate::words::cents::Cents;
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::legal_basis::LegalBasis;
use crate::words::spreadsheet::harmless;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use thiserror::Error;

/// One row of the office's account table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountRule {
    /// The first execution date it holds for; a later rule of the same scope replaces it.
    pub from: CivilDay,
    /// The legal basis it is for; any, and unknown ones, where it is left out.
    pub legal_basis: Option<LegalBasis>,
    /// The benefit it is for; any where it is left out.
    pub benefit: Option<Benefit>,
    /// Whether it is for what providers paid back by themselves, and for no line.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repayments: bool,
    /// The cost account, as the treasury writes it.
    pub account: String,
    /// What stands beside the account in the file.
    #[serde(default)]
    pub text: String,
}

/// The office's dated account table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountTable(pub Vec<AccountRule>);

/// What stands in one column of the posting file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// The run's reference, as in the payment file.
    Run,
    /// The execution date, `03.12.2026`.
    ExecutionDate,
    /// The cost account.
    Account,
    /// The account's text.
    Text,
    /// The legal basis for people; empty where unknown.
    LegalBasis,
    /// The benefit for people.
    Benefit,
    /// The month of the services, `11/2026`; of a repayment the month in which it came in.
    ServiceMonth,
    /// The sum in euros, `1234,50`.
    Amount,
    /// How many lines the sum is made of; lines that pay nothing do not count.
    Lines,
    /// The same text in every row, such as `EUR` or the number of a mandate.
    Fixed(String),
}

/// One column of the posting file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its heading.
    pub heading: String,
    /// What stands in it.
    pub content: Content,
}

/// The shape the treasury's program wants the posting file in. Rows that agree in all columns but amount and count become one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostingProfile {
    /// Between two cells.
    pub separator: char,
    /// Before the cents.
    pub decimal_mark: char,
    /// Whether a row of headings comes first.
    pub headings: bool,
    /// The columns from left to right.
    pub columns: Vec<Column>,
}

/// Why no posting file can be made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PostingError {
    /// The account table is silent.
    #[error("no cost account for {} and {} on {day}: add it to the account table", .legal_basis.map_or("unknown legal basis", LegalBasis::german), .benefit.german())]
    NoAccount {
        /// The legal basis of the line.
        legal_basis: Option<LegalBasis>,
        /// Its benefit.
        benefit: Benefit,
        /// The execution date.
        day: CivilDay,
    },
    /// The file would hold no money.
    #[error("the column profile of the posting file has no column of content `amount`: add one")]
    NoAmountColumn,
}

impl Default for AccountTable {
    /// Speaking names in place of account numbers, which every treasury has its own of: `SGB2-LUNCH`, and `UNKNOWN-LUNCH` for lines
    /// without a known legal basis.
    fn default() -> Self {
        let bases = LegalBasis::ALL.into_iter().map(Some).chain([None]);
        let rules = bases.flat_map(|legal_basis| {
            Benefit::ALL.into_iter().map(move |benefit| AccountRule {
                from: CivilDay::from_days(0).unwrap_or(CivilDay::MAX),
                legal_basis,
                benefit: Some(benefit),
                repayments: false,
                account: format!("{}-{}", legal_basis.map_or("unknown", LegalBasis::code), benefit.name()).to_uppercase(),
                text: format!("BuT {} {}", benefit.german(), legal_basis.map_or("ohne Rechtskreis", LegalBasis::german)),
            })
        });
        Self(rules.collect())
    }
}

/// The account of repayments where the table names none.
pub const REPAYMENTS_ACCOUNT: &str = "REPAYMENTS";
/// What stands beside it.
pub const REPAYMENTS_TEXT: &str = "BuT Rückzahlungen von Anbietern";

impl AccountTable {
    /// The rule for a line on an execution date: the one that names most of it, a legal basis before a benefit; among those the latest.
    pub fn rule_on(&self, day: CivilDay, legal_basis: Option<LegalBasis>, benefit: Benefit) -> Option<&AccountRule> {
        let fits = |rule: &&AccountRule| {
            !rule.repayments
                && rule.from <= day
                && (rule.legal_basis.is_none() || rule.legal_basis == legal_basis)
                && rule.benefit.is_none_or(|b| b == benefit)
        };
        self.0.iter().filter(fits).max_by_key(|rule| (rule.legal_basis.is_some(), rule.benefit.is_some(), rule.from))
    }

    /// Account and text of what providers paid back by themselves, on an execution date: it came in there, and a run takes it from there.
    pub fn repayments_on(&self, day: CivilDay) -> (&str, &str) {
        let rule = self.0.iter().filter(|rule| rule.repayments && rule.from <= day).max_by_key(|rule| rule.from);
        rule.map_or((REPAYMENTS_ACCOUNT, REPAYMENTS_TEXT), |rule| (rule.account.as_str(), rule.text.as_str()))
    }
}

impl Default for PostingProfile {
    fn default() -> Self {
        let columns = [
            ("Lauf", Content::Run),
            ("Ausführung", Content::ExecutionDate),
            ("Konto", Content::Account),
            ("Text", Content::Text),
            ("Rechtskreis", Content::LegalBasis),
            ("Leistung", Content::Benefit),
            ("Positionen", Content::Lines),
            ("Betrag", Content::Amount),
            ("Währung", Content::Fixed("EUR".to_owned())),
        ];
        let columns = columns.map(|(heading, content)| Column { heading: heading.to_owned(), content });
        Self { separator: ';', decimal_mark: ',', headings: true, columns: columns.into() }
    }
}

/// Makes the posting file of a released run as text with lines ended by CR LF; the caller encodes it (UTF-8 with BOM, or Windows-1252).
/// Its amounts add up to the run's transfers. Sums of zero are left out. Account rules are those of the execution date, on which the
/// treasury posts.
pub fn posting_csv(released: &Released, accounts: &AccountTable, profile: &PostingProfile) -> Result<String, PostingError> {
    posting_of(&released.plan().run, released.settled_lines(), released.settled_credits(), accounts, profile)
}

/// What becomes a row of the posting file together with its like.
struct Posted<'a> {
    account: &'a str,
    text: &'a str,
    legal_basis: Option<LegalBasis>,
    benefit: Option<Benefit>,
    month: CivilMonth,
    cents: Cents,
}

/// See [`posting_csv`]; of any lines and repayments, for a preview.
pub fn posting_of<'a>(
    run: &Run,
    lines: impl Iterator<Item = &'a PayableLine>,
    credits: impl Iterator<Item = &'a Credit>,
    accounts: &AccountTable,
    profile: &PostingProfile,
) -> Result<String, PostingError> {
    if !profile.columns.iter().any(|column| column.content == Content::Amount) {
        return Err(PostingError::NoAmountColumn);
    }
    let day = run.execution_date;
    let message_id = run.message_id();
    let mut sums: BTreeMap<Vec<String>, (Cents, usize)> = BTreeMap::new();
    let posted_lines = lines.filter(|line| line.pay() != Cents::ZERO).map(|line| {
        let PayableLine { legal_basis, benefit, .. } = *line;
        let rule = accounts.rule_on(day, legal_basis, benefit).ok_or(PostingError::NoAccount { legal_basis, benefit, day })?;
        let (account, text) = (rule.account.as_str(), rule.text.as_str());
        Ok(Posted { account, text, legal_basis, benefit: Some(benefit), month: line.service_day.month(), cents: line.pay() })
    });
    let (account, text) = accounts.repayments_on(day);
    let posted_credits =
        credits.map(|credit| Ok(Posted { account, text, legal_basis: None, benefit: None, month: credit.day.month(), cents: credit.pay() }));
    for posted in posted_lines.chain(posted_credits) {
        let posted = posted?;
        let cell = |column: &Column| match &column.content {
            Content::Run => message_id.clone(),
            Content::ExecutionDate => day.german(),
            Content::Account => posted.account.to_owned(),
            Content::Text => posted.text.to_owned(),
            Content::LegalBasis => posted.legal_basis.map_or(String::new(), |basis| basis.german().to_owned()),
            Content::Benefit => posted.benefit.map_or(String::new(), |benefit| benefit.german().to_owned()),
            Content::ServiceMonth => posted.month.german(),
            Content::Fixed(text) => text.clone(),
            Content::Amount | Content::Lines => String::new(),
        };
        let (sum, count) = sums.entry(profile.columns.iter().map(cell).collect()).or_default();
        *sum = sum.plus(posted.cents);
        *count += 1;
    }
    let mut csv = String::new();
    if profile.headings {
        let headings = profile.columns.iter().map(|column| profile.text_cell(&column.heading));
        profile.row(&mut csv, headings);
    }
    for (cells, (sum, count)) in sums.iter().filter(|(_, (sum, _))| *sum != Cents::ZERO) {
        let cells = profile.columns.iter().zip(cells).map(|(column, cell)| match column.content {
            Content::Amount => profile.quoted(&sum.decimal().replace('.', &profile.decimal_mark.to_string())),
            Content::Lines => count.to_string(),
            _ => profile.text_cell(cell),
        });
        profile.row(&mut csv, cells);
    }
    Ok(csv)
}

/// The list of transfers for a treasury that pays them itself: who gets what, where, and under which reference. Lines end in CR LF.
pub fn payee_csv(released: &Released) -> String {
    let shape = PostingProfile::default();
    let mut csv = String::new();
    let headings = ["Nr.", "Empfänger", "IBAN", "Betrag", "Währung", "Verwendungszweck", "Referenz"];
    shape.row(&mut csv, headings.iter().map(|heading| shape.text_cell(heading)));
    for (settled, transfer) in released.transfers() {
        let cells = [
            settled.provider.to_string(),
            shape.text_cell(settled.account.name()),
            settled.account.iban().electronic().to_owned(),
            transfer.amount.decimal().replace('.', &shape.decimal_mark.to_string()),
            "EUR".to_owned(),
            shape.text_cell(&transfer.remittance),
            transfer.end_to_end_id.to_string(),
        ];
        shape.row(&mut csv, cells.into_iter());
    }
    csv
}

impl PostingProfile {
    fn row(&self, csv: &mut String, cells: impl Iterator<Item = String>) {
        csv.push_str(&cells.collect::<Vec<_>>().join(&self.separator.to_string()));
        csv.push_str("\r\n");
    }

    fn text_cell(&self, text: &str) -> String {
        self.quoted(&harmless(text))
    }

    fn quoted(&self, text: &str) -> String {
        if text.contains([self.separator, '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> CivilDay {
        CivilDay::parse(text).expect("safe: a day")
    }

    fn rule(from: &str, legal_basis: Option<LegalBasis>, benefit: Option<Benefit>, account: &str) -> AccountRule {
        AccountRule { from: day(from), legal_basis, benefit, repayments: false, account: account.to_owned(), text: String::new() }
    }

    #[test]
    fn the_closest_rule_in_force_names_the_account() {
        let table = AccountTable(vec![
            rule("2020-01-01", None, None, "rest"),
            rule("2020-01-01", None, Some(Benefit::Lunch), "lunch"),
            rule("2020-01-01", Some(LegalBasis::Sgb2), None, "sgb2"),
            rule("2020-01-01", Some(LegalBasis::Sgb2), Some(Benefit::Lunch), "sgb2 lunch"),
            rule("2027-01-01", Some(LegalBasis::Sgb2), Some(Benefit::Lunch), "sgb2 lunch from 2027"),
        ]);
        let account = |on, basis, benefit| table.rule_on(day(on), basis, benefit).map(|rule| rule.account.as_str());
        assert_eq!(account("2026-12-31", Some(LegalBasis::Sgb2), Benefit::Lunch), Some("sgb2 lunch"));
        assert_eq!(account("2027-01-01", Some(LegalBasis::Sgb2), Benefit::Lunch), Some("sgb2 lunch from 2027"));
        assert_eq!(account("2027-01-01", Some(LegalBasis::Sgb2), Benefit::Tutoring), Some("sgb2"));
        assert_eq!(account("2027-01-01", Some(LegalBasis::Bkgg), Benefit::Lunch), Some("lunch"));
        assert_eq!(account("2027-01-01", None, Benefit::DayTrip), Some("rest"));
        assert_eq!(account("2019-12-31", None, Benefit::DayTrip), None);
    }

    #[test]
    fn the_default_table_has_an_account_for_everything() {
        let table = AccountTable::default();
        for basis in LegalBasis::ALL.into_iter().map(Some).chain([None]) {
            for benefit in Benefit::ALL {
                let rule = table.rule_on(day("2026-12-03"), basis, benefit).expect("a rule");
                assert_eq!((rule.legal_basis, rule.benefit), (basis, Some(benefit)));
            }
        }
    }

    #[cfg(feature = "shell")]
    #[test]
    fn an_office_writes_both_in_its_settings() {
        #[derive(Deserialize)]
        struct Settings {
            accounts: AccountTable,
            posting: PostingProfile,
        }
        let text = r#"
            posting = { separator = ";", decimal_mark = ",", headings = false, columns = [
                { heading = "Konto", content = "account" },
                { heading = "Betrag", content = "amount" },
                { heading = "Mandant", content = { fixed = "0815" } },
            ] }
            [[accounts]]
            from = "2026-01-01"
            legal_basis = "SGB II"
            benefit = "lunch"
            account = "533100"
        "#;
        let settings: Settings = toml::from_str(text).expect("settings");
        assert_eq!(settings.accounts.0, [rule("2026-01-01", Some(LegalBasis::Sgb2), Some(Benefit::Lunch), "533100")]);
        assert_eq!(settings.posting.columns.last().map(|c| c.content.clone()), Some(Content::Fixed("0815".to_owned())));
        assert!(toml::from_str::<Settings>(&text.replace("benefit", "benfit")).is_err(), "a misspelt key must not widen a rule");
    }

    #[test]
    fn no_cell_becomes_a_formula_or_breaks_out() {
        let profile = PostingProfile::default();
        for (text, cell) in [
            ("=1+1", "'=1+1"),
            ("-2", "'-2"),
            ("  @SUM(A1)", "'  @SUM(A1)"),
            ("＝cmd", "'＝cmd"),
            ("5;6", "\"5;6\""),
            ("a\"b", "\"a\"\"b\""),
            ("=\"x\"\r\n", "\"'=\"\"x\"\"\r\n\""),
            ("Müller, Söhne", "Müller, Söhne"),
        ] {
            assert_eq!(profile.text_cell(text), cell, "{text}");
        }
    }
}

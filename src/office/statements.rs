//! What a provider is told about a run: made anew of the lines as they were signed, as often as somebody asks for it.

use super::settle::{SettlementFile, run_number};
use super::{Office, OfficeError, Profile};
use crate::settle::account::{Account, Iban};
use crate::settle::run::Run;
use crate::settle::settlement::Transfer;
use crate::settle::statement::{Outcome, Statement, statement};
use crate::shell::paper::face::Faces;
use crate::shell::paper::statement::{Page, Words, statement_html};
use crate::shell::paper::statement_pdf::{MAX_PDF_LINES, statement_pdf};
use crate::shell::store::office::payable::RunProvider;
use crate::shell::store::office::waiting::own_seq;
use crate::shell::store::office::{admission, bank, payable, payments, repayments};
use crate::shell::store::sql::Connection;
use crate::shell::texts::{Blanks, Language, Texts};
use crate::words::cents::Cents;
use crate::words::ids::{OfficeId, ProviderNumber, ServiceCode};
use std::collections::BTreeMap;

/// The labels of a provider's services.
pub type Labels = BTreeMap<ServiceCode, String>;

/// The statement of one provider of a run, and the labels of his services; none where he is not in it.
pub fn statement_of(db: &Connection, office: &OfficeId, run: u32, provider: ProviderNumber) -> Result<Option<(Statement, Labels)>, OfficeError> {
    let Some(row) = payments::run(db, run)? else { return Ok(None) };
    let Some(signed) = payable::run_providers(db, run)?.into_iter().find(|signed| signed.provider == provider) else { return Ok(None) };
    let run = Run { office: office.clone(), number: run_number(run)?, execution_date: row.execution };
    let lines = payable::signed_lines(db, row.number, provider)?;
    let outcome = outcome(db, &run, &signed, &lines)?;
    let damaged = |why: String| OfficeError::Wrong(format!("provider {provider}: {why}"));
    let iban = Iban::parse(&signed.iban).map_err(|why| damaged(why.to_string()))?;
    let account = Account::new(&signed.name, iban, None).map_err(|why| damaged(why.to_string()))?;
    let labels = admission::provider_files(db)?.remove(&provider).map(|file| file.agreements).unwrap_or_default();
    let labels = labels.into_iter().map(|agreement| (agreement.service.code, agreement.service.label)).collect();
    let credits = repayments::signed(db, row.number, provider)?;
    let mut statement = statement(&run, provider, &account, (&lines, &credits), outcome);
    // The provider knows the number in his journal; the ledger's also says on which line of descent it stands.
    for line in statement.batches.iter_mut().flat_map(|batch| &mut batch.lines) {
        line.seq = own_seq(line.seq);
    }
    Ok(Some((statement, labels)))
}

fn outcome(db: &Connection, run: &Run, signed: &RunProvider, lines: &[crate::settle::settlement::PayableLine]) -> Result<Outcome, OfficeError> {
    if signed.cents < Cents::ZERO {
        return Ok(Outcome::CarriedOver);
    }
    let Some(planned) = run.transfer(signed.provider, signed.cents, lines) else { return Ok(Outcome::Balanced) };
    let Some(paid) = bank::payment(db, planned.end_to_end_id.as_str())? else { return Ok(Outcome::Paid(planned)) };
    let transfer = Transfer { remittance: paid.remittance, ..planned };
    Ok(match paid.returned {
        Some((reason, on)) => Outcome::Returned { transfer, on, reason },
        None => Outcome::Paid(transfer),
    })
}

/// A statement as a page.
pub fn as_html(office: &str, statement: &Statement, labels: &Labels) -> Result<String, OfficeError> {
    let words = Words { office, reason: &reason, service: &|code| labels.get(code).cloned().unwrap_or_else(|| code.to_string()) };
    statement_html(statement, &words).map_err(|why| OfficeError::Wrong(format!("the statement could not be made: {why}")))
}

/// A statement as a PDF.
pub fn as_pdf(office: &str, statement: &Statement, labels: &Labels, faces: &Faces) -> Result<Vec<u8>, OfficeError> {
    let lines: usize = statement.batches.iter().map(|batch| batch.lines.len()).sum();
    if lines > MAX_PDF_LINES {
        return Err(OfficeError::TooLongForPaper { lines, most: MAX_PDF_LINES });
    }
    let words = Words { office, reason: &reason, service: &|code| labels.get(code).cloned().unwrap_or_else(|| code.to_string()) };
    let dated = statement.run.execution_date;
    statement_pdf(&Page::of(statement, &words), faces, dated).map_err(|why| OfficeError::Wrong(why.to_string()))
}

/// A reason's sentence as the provider reads it.
fn reason(reason: crate::words::reason::Reason) -> String {
    Texts::speaking(Language::GERMAN).filled(reason, &Blanks::default()).text
}

/// A statement's name without ending.
pub fn statement_name(statement: &Statement) -> String {
    let carried = if statement.outcome == Outcome::CarriedOver { "-carried-over" } else { "" };
    format!("statement-{}-{}{carried}", statement.run.message_id(), statement.provider)
}

impl Office {
    /// The statements of a run as pages, by provider.
    pub(super) fn statement_files(&self, run: u32) -> Result<Vec<SettlementFile>, OfficeError> {
        let Profile { id, name, .. } = &self.profile;
        let mut files = Vec::new();
        for signed in payable::run_providers(&self.db, run)? {
            if let Some((statement, labels)) = statement_of(&self.db, id, run, signed.provider)? {
                let html = as_html(name, &statement, &labels)?;
                files.push(SettlementFile { name: format!("{}.html", statement_name(&statement)), bytes: html.into_bytes() });
            }
        }
        Ok(files)
    }
}

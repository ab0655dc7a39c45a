//! Settlement: what is decided is paid once, when two clerks have signed.

use super::{Office, OfficeError, Work};
use crate::settle::account::{Account, Iban};
use crate::settle::clerk::{Clerk, Signature};
use crate::settle::posting::{AccountTable, PostingProfile, posting_csv};
use crate::settle::run::{Run, RunNumber};
use crate::settle::sepa::pain001;
use crate::settle::settlement::{Draft, Plan, Released};
use crate::settle::statement::{Outcome, statements};
use crate::shell::paper::statement::{Words, statement_html};
use crate::shell::store::office::{admission, lines, payments, settings, sums};
use crate::shell::texts::{Blanks, Language, Texts};
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::ids::ProviderNumber;
use crate::words::time::UtcMs;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A transfer of a released run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SettledPayment {
    /// Who is paid.
    pub provider: ProviderNumber,
    /// How much.
    pub cents: Cents,
    /// The transfer's reference.
    pub end_to_end_id: String,
}

/// A file made of a released run.
#[derive(Clone, Debug)]
pub struct SettlementFile {
    /// Its name.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// What a settlement did.
#[derive(Clone, Debug, Default)]
pub struct Settlement {
    /// The run's number; none where there was nothing to settle.
    pub run: Option<u32>,
    /// The transfers.
    pub payments: Vec<SettledPayment>,
    /// The payment file, the posting file and the statements.
    pub files: Vec<SettlementFile>,
}

impl Office {
    /// What a settlement would pay today, under the number it would have; none where nothing is open.
    pub fn preview(&self, execution: CivilDay, now: UtcMs) -> Result<Option<Plan>, OfficeError> {
        let lines = payments::payable(&self.db)?;
        if lines.is_empty() {
            return Ok(None);
        }
        let number = match payments::signed_once(&self.db)? {
            Some(waiting) => waiting.number,
            None => u32::try_from(settings::counter(&self.db, "run")?).unwrap_or(u32::MAX).saturating_add(1),
        };
        let run = Run { office: self.profile.id.clone(), number: run_number(number)?, execution_date: execution };
        Ok(Some(Draft::new(run, lines, &accounts(&self.db)?, now)?.plan().clone()))
    }

    /// Draws up a run and releases it with two signatures at once. Where nothing is open, nothing happens.
    pub fn settle(&mut self, first: &str, second: &str, execution: CivilDay, now: UtcMs) -> Result<Settlement, OfficeError> {
        let (first, second) = (clerk(first)?, clerk(second)?);
        if first == second {
            return Err(OfficeError::Wrong(format!("{} cannot release what {0} drew up: name another clerk with --second", first.as_str())));
        }
        if payments::payable(&self.db)?.is_empty() {
            return Ok(Settlement::default());
        }
        self.sign_first(first.as_str(), execution, now)?;
        self.release(second.as_str(), now)
    }

    /// Draws up a run and gives it its first signature. An earlier run that was not released is drawn up anew under its own number.
    pub fn sign_first(&mut self, by: &str, execution: CivilDay, now: UtcMs) -> Result<u32, OfficeError> {
        let by = clerk(by)?;
        self.in_transaction(|work| {
            let number = match payments::signed_once(&work.db)? {
                Some(earlier) => {
                    payments::drop_signed(&work.db, earlier.number)?;
                    earlier.number
                }
                None => payments::next_number(&work.db)?,
            };
            let draft = work.draft(number, execution, now)?;
            let content = draft.content();
            let signed = draft.sign(by, now);
            let first = (signed.first().clerk.as_str().to_owned(), now);
            payments::insert_signed(&work.db, &payments::RunRow { number, released: false, execution, content, first, second: None })?;
            Ok(number)
        })
    }

    /// Releases the run that was signed once, unless something in it has changed since; writes it, its files and its advices together.
    pub fn release(&mut self, by: &str, now: UtcMs) -> Result<Settlement, OfficeError> {
        let by = clerk(by)?;
        let table = self.account_table()?;
        let profile = self.posting_profile()?;
        self.in_transaction(|work| {
            let waiting = payments::signed_once(&work.db)?.ok_or(OfficeError::NoRunWaits)?;
            let draft = work.draft(waiting.number, waiting.execution, now)?;
            let first = Signature { clerk: clerk(&waiting.first.0)?, at: waiting.first.1, content: waiting.content };
            let signed = draft.resume(first)?;
            let released = signed.sign(by, now)?;
            payments::release(&work.db, &released)?;
            let files = work.files(&released, &table, &profile)?;
            for file in &files {
                payments::insert_file(&work.db, waiting.number, &file.name, &file.bytes)?;
            }
            let told: BTreeSet<i64> =
                payments::batches_of_run(&work.db, waiting.number)?.into_iter().chain(lines::batches_to_advise(&work.db, usize::MAX)?).collect();
            told.into_iter().try_for_each(|batch| work.advise_batch(batch, now))?;
            sums::tidy(&work.db)?;
            let paid = released.transfers().map(|(settled, transfer)| SettledPayment {
                provider: settled.provider,
                cents: transfer.amount,
                end_to_end_id: transfer.end_to_end_id.to_string(),
            });
            Ok(Settlement { run: Some(waiting.number), payments: paid.collect(), files })
        })
    }

    /// The office's table of cost accounts (setting `accounts`, TOML), or the built-in one.
    fn account_table(&self) -> Result<AccountTable, OfficeError> {
        #[derive(serde::Deserialize)]
        struct Accounts {
            account: AccountTable,
        }
        match settings::read(&self.db, "accounts")? {
            None => Ok(AccountTable::default()),
            Some(text) => toml::from_str::<Accounts>(&text)
                .map(|accounts| accounts.account)
                .map_err(|why| OfficeError::Wrong(format!("the table of cost accounts cannot be read: {}", why.message()))),
        }
    }

    /// The office's posting profile (setting `posting_profile`, TOML), or the built-in one.
    fn posting_profile(&self) -> Result<PostingProfile, OfficeError> {
        match settings::read(&self.db, "posting_profile")? {
            None => Ok(PostingProfile::default()),
            Some(text) => toml::from_str(&text).map_err(|why| OfficeError::Wrong(format!("the posting profile cannot be read: {}", why.message()))),
        }
    }

    /// Takes over a table of cost accounts or a posting profile in TOML, checked before it is kept.
    pub fn set_posting(&mut self, accounts: Option<&str>, profile: Option<&str>) -> Result<(), OfficeError> {
        let transaction = self.db.unchecked_transaction()?;
        for (name, text) in [("accounts", accounts), ("posting_profile", profile)] {
            if let Some(text) = text {
                settings::write(&self.db, name, text)?;
            }
        }
        self.account_table()?;
        self.posting_profile()?;
        Ok(transaction.commit()?)
    }
}

impl Work<'_> {
    fn draft(&self, number: u32, execution: CivilDay, now: UtcMs) -> Result<Draft, OfficeError> {
        let lines = payments::payable(&self.db)?;
        if lines.is_empty() {
            return Err(OfficeError::NothingToSettle);
        }
        let run = Run { office: self.profile.id.clone(), number: run_number(number)?, execution_date: execution };
        Ok(Draft::new(run, lines, &accounts(&self.db)?, now)?)
    }

    fn files(&self, released: &Released, table: &AccountTable, profile: &PostingProfile) -> Result<Vec<SettlementFile>, OfficeError> {
        let run = released.plan().run.message_id();
        let mut files = Vec::new();
        if let Some(xml) = pain001(released, &self.profile.debtor) {
            files.push(SettlementFile { name: format!("pain.001-{run}.xml"), bytes: xml.into_bytes() });
        }
        let posting = posting_csv(released, table, profile).map_err(|why| OfficeError::Wrong(why.to_string()))?;
        files.push(SettlementFile { name: format!("posting-{run}.csv"), bytes: [b"\xef\xbb\xbf", posting.as_bytes()].concat() });
        let providers = admission::provider_files(&self.db)?;
        for statement in statements(released) {
            let label = |code: &crate::words::ids::ServiceCode| {
                let file = providers.get(&statement.provider);
                let agreement = file.and_then(|f| f.agreements.iter().find(|a| a.service.code == *code));
                agreement.map_or_else(|| code.to_string(), |a| a.service.label.clone())
            };
            let reason = |reason| Texts::speaking(Language::GERMAN).filled(reason, &Blanks::default()).text;
            let words = Words { office: &self.profile.name, reason: &reason, service: &label };
            let html = statement_html(&statement, &words).map_err(|why| OfficeError::Wrong(format!("the statement could not be made: {why}")))?;
            let name = match statement.outcome {
                Outcome::CarriedOver => format!("statement-{run}-{}-carried-over.html", statement.provider),
                _ => format!("statement-{run}-{}.html", statement.provider),
            };
            files.push(SettlementFile { name, bytes: html.into_bytes() });
        }
        Ok(files)
    }
}

fn clerk(name: &str) -> Result<Clerk, OfficeError> {
    Clerk::new(name).map_err(|why| OfficeError::Wrong(why.to_string()))
}

fn run_number(number: u32) -> Result<RunNumber, OfficeError> {
    RunNumber::new(number).ok_or_else(|| OfficeError::Wrong("the office has given out all run numbers".into()))
}

/// Where every provider is paid.
fn accounts(db: &rusqlite::Connection) -> Result<BTreeMap<ProviderNumber, Account>, OfficeError> {
    let account = |provider: admission::Provider| -> Result<(ProviderNumber, Account), OfficeError> {
        let iban = Iban::parse(&provider.iban).map_err(|why| OfficeError::Wrong(format!("provider {}: {why}", provider.number)))?;
        let account = Account::new(&provider.name, iban, None).map_err(|why| OfficeError::Wrong(format!("provider {}: {why}", provider.number)))?;
        Ok((provider.number, account))
    };
    admission::providers(db)?.into_iter().map(account).collect()
}

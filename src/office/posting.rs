//! How the office pays: through the treasury or by itself; the table of cost accounts; and the files made of a released run.

use super::audit::Action;
use super::settle::SettlementFile;
use super::{Office, OfficeError};
use crate::deliver::advice::Verdict;
use crate::settle::account::Account;
use crate::settle::posting::{AccountTable, PostingError, PostingProfile, payee_csv, posting_csv, posting_of};
use crate::settle::run::{Run, RunNumber};
use crate::settle::sepa::pain001;
use crate::settle::settlement::{Credit, LineKind, PayableLine, Released};
use crate::shell::store::office::settings;
use crate::shell::store::sql::Connection;
use crate::words::benefit::Benefit;
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::code::Code;
use crate::words::ids::{BatchId, EntryId, OfficeId, ProviderNumber, RepaymentNumber, TerminalId};
use crate::words::legal_basis::LegalBasis;
use crate::words::time::UtcMs;

/// Who pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayMode {
    /// The office hands a payment file to its bank; the posting file is for the books.
    Bank,
    /// The treasury pays: the posting file is the order, with a list of who gets what.
    Treasury,
}

impl PayMode {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bank => "bank",
            Self::Treasury => "treasury",
        }
    }

    /// The mode with this stable name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Bank, Self::Treasury].into_iter().find(|mode| mode.name() == text)
    }
}

/// How a run is ordered to be paid.
#[derive(Clone, Debug)]
pub struct PaymentOrder {
    /// Who pays.
    pub mode: PayMode,
    /// The cost accounts.
    pub table: AccountTable,
    /// The columns of the posting file.
    pub profile: PostingProfile,
}

#[derive(serde::Deserialize)]
struct Accounts {
    account: AccountTable,
}

#[derive(serde::Serialize)]
struct AccountsText<'a> {
    account: &'a AccountTable,
}

impl PaymentOrder {
    /// What the office has set, or the built-in order: the office pays by itself.
    pub fn read(db: &Connection) -> Result<Self, OfficeError> {
        let table = match settings::read(db, "accounts")? {
            None => AccountTable::default(),
            Some(text) => {
                let accounts = toml::from_str::<Accounts>(&text);
                accounts.map_err(|why| OfficeError::Wrong(format!("the table of cost accounts cannot be read: {}", why.message())))?.account
            }
        };
        let profile = match settings::read(db, "posting_profile")? {
            None => PostingProfile::default(),
            Some(text) => {
                toml::from_str(&text).map_err(|why| OfficeError::Wrong(format!("the posting profile cannot be read: {}", why.message())))?
            }
        };
        let mode = settings::read(db, "pay_mode")?.and_then(|text| PayMode::parse(&text)).unwrap_or(PayMode::Bank);
        Ok(Self { mode, table, profile })
    }

    /// The files of a released run: for the bank the payment file, for the treasury the list of payees; for both the posting file.
    pub fn files(&self, released: &Released, debtor: &Account) -> Result<Vec<SettlementFile>, OfficeError> {
        let run = released.plan().run.message_id();
        let csv = |text: String| [b"\xef\xbb\xbf", text.as_bytes()].concat();
        let mut files = Vec::new();
        match self.mode {
            PayMode::Bank => {
                let xml = pain001(released, debtor);
                files.extend(xml.map(|xml| SettlementFile { name: format!("pain.001-{run}.xml"), bytes: xml.into_bytes() }));
            }
            PayMode::Treasury => files.push(SettlementFile { name: format!("payees-{run}.csv"), bytes: csv(payee_csv(released)) }),
        }
        let posting = posting_csv(released, &self.table, &self.profile)?;
        files.push(SettlementFile { name: format!("posting-{run}.csv"), bytes: csv(posting) });
        Ok(files)
    }
}

/// A posting file of made-up lines, one for each legal basis and benefit, and of a repayment, executed on `day`: what the treasury would get.
pub fn sample_posting(order: &PaymentOrder, office: &OfficeId, day: CivilDay) -> Result<String, PostingError> {
    let bases = LegalBasis::ALL.into_iter().map(Some).chain([None]);
    let pairs = bases.flat_map(|basis| Benefit::ALL.into_iter().map(move |benefit| (basis, benefit)));
    let lines: Vec<PayableLine> = (1u64..).zip(pairs).filter_map(|(seq, (basis, benefit))| sample_line(seq, basis, benefit, day)).collect();
    let Some(number) = RunNumber::new(1) else { return Ok(String::new()) };
    let run = Run { office: office.clone(), number, execution_date: day };
    let credit = Credit { repayment: RepaymentNumber(1), day: day.minus(14), total: Cents::new(1_050), already: Cents::ZERO };
    posting_of(&run, lines.iter(), [credit].iter(), &order.table, &order.profile)
}

fn sample_line(seq: u64, legal_basis: Option<LegalBasis>, benefit: Benefit, day: CivilDay) -> Option<PayableLine> {
    let cents = Cents::new(i64::try_from(seq).ok()?.checked_mul(1_050)?);
    Some(PayableLine {
        entry: EntryId { terminal: TerminalId([0; 16]), seq },
        batch: BatchId([0; 16]),
        provider: ProviderNumber(101),
        benefit,
        service: Code::parse("sample")?,
        service_day: day.minus(14),
        kind: LineKind::Redemption,
        units: 1,
        verdict: Verdict::Accepted,
        claimed: cents,
        total: cents,
        already: Cents::ZERO,
        reason: None,
        legal_basis,
    })
}

impl Office {
    /// How the office pays.
    pub fn payment_order(&self) -> Result<PaymentOrder, OfficeError> {
        PaymentOrder::read(&self.db)
    }

    /// Takes over a table of cost accounts or a posting profile in TOML, checked before it is kept.
    pub fn set_posting(&mut self, accounts: Option<&str>, profile: Option<&str>) -> Result<(), OfficeError> {
        let transaction = self.db.writing()?;
        for (name, text) in [("accounts", accounts), ("posting_profile", profile)] {
            if let Some(text) = text {
                settings::write(&self.db, name, text)?;
            }
        }
        self.payment_order()?;
        Ok(transaction.commit()?)
    }

    /// Changes how the office pays.
    pub fn set_payment_order(&mut self, order: &PaymentOrder, by: &str, now: UtcMs) -> Result<(), OfficeError> {
        let wrong = |why: toml::ser::Error| OfficeError::Wrong(format!("this cannot be kept: {why}"));
        let accounts = toml::to_string(&AccountsText { account: &order.table }).map_err(wrong)?;
        let profile = toml::to_string(&order.profile).map_err(wrong)?;
        self.in_transaction(|work| {
            for (name, text) in [("accounts", accounts.as_str()), ("posting_profile", &profile), ("pay_mode", order.mode.name())] {
                settings::write(&work.db, name, text)?;
            }
            PaymentOrder::read(&work.db)?;
            work.note(by, Action::Setting, "posting", order.mode.name(), now)
        })
    }
}

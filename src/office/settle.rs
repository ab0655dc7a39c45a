//! Settlement: what is decided is paid once, when two clerks have signed.
//!
//! A clerk sees sums by provider, read from an index and never line by line. Each sum has a fingerprint; what is drawn up is refused where
//! the fingerprint of a chosen provider is not the one that was seen. Drawing up fixes the lines: they are kept with the run
//! (`drawn_line`) under the hash of their whole content, so that claims which arrive later neither join the run nor disturb it. The second
//! signature counts only while every one of these lines, the accounts and the selection still have that content.
//!
//! One run waits for its second signature at a time: then no line can be in two runs, no sum on a page depends on another clerk's
//! unfinished run, and who wants to draw up more withdraws or has released what waits.

use super::audit::Action;
use super::bank::{Hold, blocked};
use super::{Office, OfficeError, Work};
use crate::settle::account::{Account, Iban};
use crate::settle::clerk::{Clerk, Signature};
use crate::settle::run::{Run, RunNumber};
use crate::settle::selection::Selection;
use crate::settle::settlement::{ContentChanged, Credit, Credits, Draft, PayableLine, Released};
use crate::shell::store::office::{admission, lines, payable, payments, repayments, sums};
use crate::shell::store::sql::Connection;
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::ids::{Hash, ProviderNumber};
use crate::words::time::UtcMs;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// How many batches are advised in one step after a release.
const BATCHES_AT_ONCE: usize = 40;

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
    /// The files for bank and treasury; with [`Office::settle`] the statements too.
    pub files: Vec<SettlementFile>,
}

/// What is payable to one provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenSum {
    /// The provider.
    pub provider: ProviderNumber,
    /// Its name.
    pub name: String,
    /// Its account in electronic form.
    pub iban: String,
    /// How many lines.
    pub lines: u64,
    /// What they and his repayments come to; below zero he owes more than he claims.
    pub cents: Cents,
    /// How much of that is money he paid back by himself.
    pub credit: Cents,
    /// What a clerk must look at before anything is paid to it.
    pub blocked: Option<Hold>,
}

impl OpenSum {
    /// Fingerprint of what a clerk sees of it.
    pub fn seen(&self) -> String {
        let Self { provider, name, iban, lines, cents, credit, .. } = self;
        let text = format!("{provider} {lines} {} {} {iban} {name}", cents.get(), credit.get());
        let short: [u8; 8] = Hash::of(&[b"teilhabe/seen/1", text.as_bytes()]).first();
        data_encoding::HEXLOWER.encode(&short)
    }
}

/// What is payable of what is chosen, by provider.
pub fn open_sums(db: &Connection, selection: &Selection) -> Result<Vec<OpenSum>, OfficeError> {
    open_sums_of(db, &payable::sums(db)?, selection)
}

/// The same of parts that were read already.
pub fn open_sums_of(db: &Connection, parts: &[payable::OpenPart], selection: &Selection) -> Result<Vec<OpenSum>, OfficeError> {
    let credits = repayments::open(db, &Selection::default())?;
    let mut sums: BTreeMap<ProviderNumber, (u64, Cents, Cents)> = BTreeMap::new();
    let mut wholes: BTreeMap<ProviderNumber, Cents> = BTreeMap::new();
    for (provider, credits) in credits {
        wholes.insert(provider, credits.iter().map(Credit::pay).sum());
        let chosen: Vec<Cents> = credits.iter().filter(|credit| selection.takes_credit(provider, credit)).map(Credit::pay).collect();
        if !chosen.is_empty() {
            let credit = chosen.into_iter().sum();
            sums.insert(provider, (0, credit, credit));
        }
    }
    for part in parts {
        let whole = wholes.entry(part.provider).or_default();
        *whole = whole.plus(part.cents);
        if selection.takes(part.provider, part.benefit, part.month) {
            let sum = sums.entry(part.provider).or_default();
            *sum = (sum.0 + part.lines, sum.1.plus(part.cents), sum.2);
        }
    }
    let providers: BTreeMap<_, _> = admission::providers(db)?.into_iter().map(|provider| (provider.number, provider)).collect();
    let blocked = blocked(db)?;
    let open = sums.into_iter().filter_map(|(number, (lines, cents, credit))| {
        let provider = providers.get(&number)?;
        // Who owes is paid by no choice that leaves out what he owes for.
        let less = wholes.get(&number).copied().filter(|whole| cents > Cents::ZERO && *whole < cents);
        let blocked = blocked.get(&number).cloned().or(less.map(Hold::LessInAll));
        Some(OpenSum { provider: number, name: provider.name.clone(), iban: provider.iban.clone(), lines, cents, credit, blocked })
    });
    Ok(open.collect())
}

impl Office {
    /// Draws up a run and releases it with two signatures at once. Where nothing is open, nothing happens.
    pub fn settle(&mut self, first: &str, second: &str, execution: CivilDay, now: UtcMs) -> Result<Settlement, OfficeError> {
        let (first, second) = (clerk(first)?, clerk(second)?);
        if first == second {
            return Err(OfficeError::Wrong(format!("{} cannot release what {0} drew up: name another clerk with --second", first.as_str())));
        }
        match self.draw_up(first.as_str(), &Selection::default(), execution, None, now) {
            Err(OfficeError::NothingToSettle) => {
                self.advise_all(now)?;
                return Ok(Settlement::default());
            }
            // An earlier attempt ended between the two signatures: this is the same run.
            Err(OfficeError::RunWaits { number, .. }) if self.waits_as_signed(&first, execution)? => number,
            other => other?,
        };
        let mut settlement = self.release(second.as_str(), now)?;
        if let Some(run) = settlement.run {
            settlement.files.extend(self.statement_files(run)?);
        }
        Ok(settlement)
    }

    /// Whether the run that waits is of everything, for this day, and was drawn up by `first`.
    fn waits_as_signed(&self, first: &Clerk, execution: CivilDay) -> Result<bool, OfficeError> {
        let waiting = payments::signed_once(&self.db)?;
        Ok(waiting.is_some_and(|run| run.first.0 == first.as_str() && run.execution == execution && run.selection == Selection::default()))
    }

    /// The files of a released run once more: for bank and treasury unchanged, and its statements.
    pub fn files_of(&self, run: u32) -> Result<Vec<SettlementFile>, OfficeError> {
        let names = payments::files(&self.db, run)?;
        if names.is_empty() {
            return Err(OfficeError::Wrong(format!("run {run} was not released here: look up its number under Zahlungen")));
        }
        let mut files = self.statement_files(run)?;
        for name in names {
            let bytes = payments::file(&self.db, run, &name)?.unwrap_or_default();
            files.push(SettlementFile { name, bytes });
        }
        Ok(files)
    }

    /// Draws up a run of what is chosen and gives it its first signature; answers its number. With `seen` it holds exactly these
    /// providers, each only if the clerk saw what stands now. Providers whose account must be looked at, or to whom less is due in all
    /// than what is chosen, are left out and stay open.
    pub fn draw_up(
        &mut self,
        by: &str,
        selection: &Selection,
        execution: CivilDay,
        seen: Option<&BTreeMap<ProviderNumber, String>>,
        now: UtcMs,
    ) -> Result<u32, OfficeError> {
        let by = clerk(by)?;
        self.in_transaction(|work| {
            work.must_be_compared()?;
            if let Some(waiting) = payments::signed_once(&work.db)? {
                return Err(OfficeError::RunWaits { number: waiting.number, by: waiting.first.0 });
            }
            let mut selection = selection.clone();
            if let Some(seen) = seen {
                selection.providers = Some(seen.keys().copied().collect());
            }
            let open = open_sums(&work.db, &selection)?;
            let is_other = |seen: &BTreeMap<ProviderNumber, String>| {
                open.len() != seen.len() || open.iter().any(|sum| sum.blocked.is_some() || seen.get(&sum.provider) != Some(&sum.seen()))
            };
            if seen.is_some_and(is_other) {
                return Err(OfficeError::Overtaken);
            }
            let held: BTreeSet<ProviderNumber> = open.iter().filter(|sum| sum.blocked.is_some()).map(|sum| sum.provider).collect();
            let mut lines = payable::open_lines(&work.db, &selection)?;
            lines.retain(|line| !held.contains(&line.provider));
            let mut credits = repayments::open(&work.db, &selection)?;
            credits.retain(|provider, _| !held.contains(provider));
            if lines.is_empty() && credits.is_empty() {
                return Err(OfficeError::NothingToSettle);
            }
            let number = payments::next_number(&work.db)?;
            let run = Run { office: work.profile.id.clone(), number: run_number(number)?, execution_date: execution };
            let accounts = accounts(&work.db, &lines, &credits)?;
            let signed = Draft::of(run, selection.clone(), lines, credits, &accounts, now)?.sign(by.clone(), now);
            let (content, first) = (signed.first().content, (by.as_str().to_owned(), now));
            payments::insert_signed(&work.db, &payments::RunRow { number, released: false, execution, selection, content, first, second: None })?;
            payable::insert_drawn(&work.db, signed.plan())?;
            work.note(by.as_str(), Action::DrawUp, &format!("run/{number}"), &format!("Prüfsumme {content}"), now)?;
            Ok(number)
        })
    }

    /// Takes back a run that waits for its second signature: its lines are open again, its number is not given again.
    pub fn withdraw(&mut self, number: u32, by: &str, now: UtcMs) -> Result<(), OfficeError> {
        self.in_transaction(|work| {
            if !payments::withdraw(&work.db, number)? {
                return Err(OfficeError::NoRunWaits);
            }
            payable::drop_drawn(&work.db, number)?;
            work.note(by, Action::DrawUp, &format!("run/{number}"), "zurückgezogen", now)
        })
    }

    /// Releases the run that waits, unless something in it has changed since it was signed, and advises all it pays for.
    pub fn release(&mut self, by: &str, now: UtcMs) -> Result<Settlement, OfficeError> {
        let settlement = self.release_lines(by, None, now)?;
        self.advise_all(now)?;
        Ok(settlement)
    }

    /// Advises every batch in which something changed, also what an earlier attempt left over.
    fn advise_all(&mut self, now: UtcMs) -> Result<(), OfficeError> {
        while self.advise_some(now)? > 0 {}
        Ok(())
    }

    /// Releases the run that waits, which must have the content that the clerk saw. All that moves money is done together: signatures,
    /// transfers, lines and files. What it pays for is marked to be advised, see [`Self::advise_some`].
    pub fn release_lines(&mut self, by: &str, content: Option<Hash>, now: UtcMs) -> Result<Settlement, OfficeError> {
        let by = clerk(by)?;
        let order = self.payment_order()?;
        self.in_transaction(|work| {
            // A run signed before the backup may have been released, and paid, after it.
            work.must_be_compared()?;
            let waiting = payments::signed_once(&work.db)?.ok_or(OfficeError::NoRunWaits)?;
            if content.is_some_and(|seen| seen != waiting.content) {
                return Err(OfficeError::Overtaken);
            }
            let number = waiting.number;
            let released = work.countersign(waiting, by.clone(), now)?;
            payments::release(&work.db, &released)?;
            let files = order.files(&released, &work.profile.debtor)?;
            for file in &files {
                payments::insert_file(&work.db, number, &file.name, &file.bytes)?;
            }
            work.note(by.as_str(), Action::Release, &format!("run/{number}"), &format!("Überweisungen: {}", released.transfers().count()), now)?;
            sums::tidy(&work.db)?;
            let paid = released.transfers().map(|(settled, transfer)| SettledPayment {
                provider: settled.provider,
                cents: transfer.amount,
                end_to_end_id: transfer.end_to_end_id.to_string(),
            });
            Ok(Settlement { run: Some(number), payments: paid.collect(), files })
        })
    }

    /// Advises some of the batches in which something changed; answers how many are left.
    pub fn advise_some(&mut self, now: UtcMs) -> Result<u64, OfficeError> {
        self.in_transaction(|work| {
            let batches = lines::batches_to_advise(&work.db, BATCHES_AT_ONCE)?;
            batches.into_iter().try_for_each(|batch| work.advise_batch(batch, now))?;
            Ok(lines::count_to_advise(&work.db)?)
        })
    }
}

impl Work<'_> {
    /// The second signature under exactly the lines that were drawn up, as they stand now.
    fn countersign(&self, waiting: payments::RunRow, by: Clerk, now: UtcMs) -> Result<Released, OfficeError> {
        let lines = payable::drawn_lines(&self.db, waiting.number)?;
        let credits = repayments::drawn(&self.db, waiting.number)?;
        let blocked = blocked(&self.db)?;
        let mut concerned = lines.iter().map(|line| line.provider).chain(credits.keys().copied());
        if repayments::drawn_and_undone(&self.db, waiting.number)?
            || (lines.is_empty() && credits.is_empty())
            || concerned.any(|provider| blocked.contains_key(&provider))
        {
            return Err(ContentChanged.into());
        }
        let run = Run { office: self.profile.id.clone(), number: run_number(waiting.number)?, execution_date: waiting.execution };
        let accounts = accounts(&self.db, &lines, &credits)?;
        let draft = Draft::of(run, waiting.selection, lines, credits, &accounts, now)?;
        let first = Signature { clerk: clerk(&waiting.first.0)?, at: waiting.first.1, content: waiting.content };
        Ok(draft.resume(first)?.sign(by, now)?)
    }
}

/// A clerk by name.
pub(super) fn clerk(name: &str) -> Result<Clerk, OfficeError> {
    Clerk::new(name).map_err(|why| OfficeError::Wrong(why.to_string()))
}

/// The number of a run.
pub(super) fn run_number(number: u32) -> Result<RunNumber, OfficeError> {
    RunNumber::new(number).ok_or_else(|| OfficeError::Wrong("the office has given out all run numbers".into()))
}

/// Where the providers of these lines and repayments are paid. Nobody else's account is looked at: what is wrong with it stops no run without him.
fn accounts(db: &Connection, lines: &[PayableLine], credits: &Credits) -> Result<BTreeMap<ProviderNumber, Account>, OfficeError> {
    let concerned: BTreeSet<ProviderNumber> = lines.iter().map(|line| line.provider).chain(credits.keys().copied()).collect();
    let account = |provider: admission::Provider| -> Result<(ProviderNumber, Account), OfficeError> {
        let iban = Iban::parse(&provider.iban).map_err(|why| OfficeError::Wrong(format!("provider {}: {why}", provider.number)))?;
        let account = Account::new(&provider.name, iban, None).map_err(|why| OfficeError::Wrong(format!("provider {}: {why}", provider.number)))?;
        Ok((provider.number, account))
    };
    admission::providers(db)?.into_iter().filter(|provider| concerned.contains(&provider.number)).map(account).collect()
}

//! From decided lines to a released run: `Draft → SignedOnce → Released`, two clerks by type.

use super::account::Account;
use super::clerk::{Clerk, Signature};
use super::run::{EndToEndId, Run};
use super::selection::Selection;
use crate::deliver::advice::{AdvisedPayment, Verdict};
use crate::words::benefit::Benefit;
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::ids::{BatchId, EntryId, Hash, ProviderNumber, RepaymentNumber, ServiceCode};
use crate::words::legal_basis::LegalBasis;
use crate::words::reason::Reason;
use crate::words::time::UtcMs;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use thiserror::Error;

/// The most lines one run takes: about the records of a big city's peak quarter. With [`Cents::MAX_SINGLE`] a line no sum can overflow.
pub const MAX_LINES: usize = 10_000_000;
/// The largest amount of one credit transfer (DK, GBIC_5): 999,999,999.99 EUR.
pub const MAX_TRANSFER: Cents = Cents::new(99_999_999_999);

/// What kind of journal entry a line stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// A use of a token.
    Redemption,
    /// The counter-record to one; its amounts are zero or negative.
    Cancellation,
}

impl LineKind {
    /// The stable English name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Redemption => "redemption",
            Self::Cancellation => "cancellation",
        }
    }
}

/// One decided line that is to be settled: newly decided, or decided anew since it was last settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayableLine {
    /// The journal entry it stands for.
    pub entry: EntryId,
    /// The batch it came in.
    pub batch: BatchId,
    /// Whose claim it is.
    pub provider: ProviderNumber,
    /// The benefit used.
    pub benefit: Benefit,
    /// The provider's service.
    pub service: ServiceCode,
    /// The day of the service.
    pub service_day: CivilDay,
    /// Redemption or cancellation.
    pub kind: LineKind,
    /// Meals, teaching units, events.
    pub units: u64,
    /// What the provider claims; negative for a cancellation.
    pub claimed: Cents,
    /// What the office decided; never pending.
    pub verdict: Verdict,
    /// What the office decided to pay for it in all.
    pub total: Cents,
    /// What earlier runs have settled of it.
    pub already: Cents,
    /// Why less is paid than claimed, or who decided.
    pub reason: Option<Reason>,
    /// The law behind the approval; `None` where the token is unknown.
    pub legal_basis: Option<LegalBasis>,
}

impl PayableLine {
    /// What this run settles: the decided total less what was settled before; negative where money is taken back.
    pub const fn pay(&self) -> Cents {
        self.total.minus(self.already)
    }
}

/// Money a provider paid back by himself, which a run nets with what is due to him.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credit {
    /// The office's number for it.
    pub repayment: RepaymentNumber,
    /// When it came in.
    pub day: CivilDay,
    /// What came in; below zero where an entry made by mistake is taken back.
    pub total: Cents,
    /// What earlier runs have netted of it.
    pub already: Cents,
}

impl Credit {
    /// What this run nets of it.
    pub const fn pay(&self) -> Cents {
        self.total.minus(self.already)
    }
}

/// The open repayments by provider.
pub type Credits = BTreeMap<ProviderNumber, Vec<Credit>>;

/// The one credit transfer to a provider in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Its reference, on the provider's bank statement too.
    pub end_to_end_id: EndToEndId,
    /// Its amount, above zero.
    pub amount: Cents,
    /// The text on the provider's bank statement.
    pub remittance: String,
}

/// What one batch contributes to its provider's sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// The batch.
    pub batch: BatchId,
    /// Its part of the sum; negative where it takes back more than it claims.
    pub cents: Cents,
}

/// A provider whose lines this run settles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The provider.
    pub provider: ProviderNumber,
    /// Where the money goes.
    pub account: Account,
    /// The lines, by batch and entry.
    pub lines: Vec<PayableLine>,
    /// The batches of these lines; their shares and what is netted of repayments add up to the transfer.
    pub shares: Vec<Share>,
    /// What he paid back by himself, by number.
    pub credits: Vec<Credit>,
    /// The transfer; none where the lines add up to exactly zero.
    pub transfer: Option<Transfer>,
}

/// A provider who owes more than he claims. Nothing of his is settled: the same lines come again with the next run, until later claims
/// make up for what is taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarriedOver {
    /// The provider.
    pub provider: ProviderNumber,
    /// Where money would go.
    pub account: Account,
    /// The lines that stay open.
    pub lines: Vec<PayableLine>,
    /// What he paid back by himself, by number; it stays open too.
    pub credits: Vec<Credit>,
    /// Their sum, below zero.
    pub sum: Cents,
}

/// A run as computed: who is paid what, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Which run.
    pub run: Run,
    /// What the clerk chose for it.
    pub selection: Selection,
    /// Providers whose lines are settled, by number.
    pub settled: Vec<Settled>,
    /// Providers who wait, by number.
    pub carried_over: Vec<CarriedOver>,
}

/// Why no run can be made of these lines.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DraftError {
    /// One entry stands in the run twice.
    #[error("entry {} of terminal {} stands in the run twice: nothing was settled; check the store with `teilhabe journal verify`", .0.seq, .0.terminal)]
    EntryTwice(EntryId),
    /// One batch has lines of two providers.
    #[error("batch {0} has lines of two providers: nothing was settled; check the store with `teilhabe journal verify`")]
    BatchOfTwoProviders(BatchId),
    /// A line awaits a decision.
    #[error("entry {} of terminal {} is not decided yet: reconcile or rule on it first", .0.seq, .0.terminal)]
    Undecided(EntryId),
    /// A line's amount is beyond a million euros.
    #[error("entry {} of terminal {} is about more than a million euros, surely a mistake: correct the line by a ruling", .0.seq, .0.terminal)]
    LineTooLarge(EntryId),
    /// A repayment is outside of what was chosen.
    #[error("a repayment of provider {0} is outside of what was chosen for this run: draw it up again")]
    CreditNotChosen(ProviderNumber),
    /// A line is outside of what was chosen.
    #[error("entry {} of terminal {} is outside of what was chosen for this run: draw it up again", .0.seq, .0.terminal)]
    NotChosen(EntryId),
    /// More lines than a run takes.
    #[error("a run takes at most {MAX_LINES} lines: settle fewer batches at a time")]
    TooManyLines,
    /// No account is known of a provider.
    #[error("provider {0} has no account: enter his IBAN, then settle again")]
    NoAccount(ProviderNumber),
    /// A transfer is beyond what the scheme allows.
    #[error("provider {0} would get more than 999,999,999.99 euros in one transfer: settle fewer batches at a time")]
    TransferTooLarge(ProviderNumber),
    /// The bank cannot pay in the past.
    #[error("the execution date {0} is over: choose today or a later day")]
    ExecutionDatePast(CivilDay),
}

/// The two signatures name one person.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0} has signed this run already: a second clerk must release it")]
pub struct SameClerk(pub Clerk);

/// The run is not what the first clerk signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the run has changed since the first signature: the first clerk must look at it and sign again")]
pub struct ContentChanged;

/// A run that nobody has signed.
#[derive(Clone, Debug)]
#[must_use]
pub struct Draft(Plan);

/// A run with one signature: nothing can be paid from it.
#[derive(Clone, Debug)]
#[must_use]
pub struct SignedOnce {
    plan: Plan,
    first: Signature,
}

/// A run that two clerks released; only of it can payment file, posting and statements be made.
#[derive(Clone, Debug)]
#[must_use]
pub struct Released {
    plan: Plan,
    first: Signature,
    second: Signature,
}

impl Draft {
    /// Computes a run. `lines` are all lines decided, or decided anew, since they were last settled, in any order; pending lines are
    /// not among them. `accounts` holds every provider with a line.
    pub fn new(run: Run, lines: Vec<PayableLine>, accounts: &BTreeMap<ProviderNumber, Account>, now: UtcMs) -> Result<Self, DraftError> {
        Self::of(run, Selection::default(), lines, Credits::new(), accounts, now)
    }

    /// Computes a run of the lines and repayments that a clerk chose; every one of them must be within `selection`.
    pub fn of(
        run: Run,
        selection: Selection,
        lines: Vec<PayableLine>,
        mut credits: Credits,
        accounts: &BTreeMap<ProviderNumber, Account>,
        now: UtcMs,
    ) -> Result<Self, DraftError> {
        if run.execution_date < CivilDay::of(now) {
            return Err(DraftError::ExecutionDatePast(run.execution_date));
        }
        check(&lines)?;
        if let Some(other) = lines.iter().find(|line| !selection.takes_line(line)) {
            return Err(DraftError::NotChosen(other.entry));
        }
        let is_chosen = |provider, credits: &[Credit]| credits.iter().all(|credit| selection.takes_credit(provider, credit));
        if let Some((provider, _)) = credits.iter().find(|(provider, credits)| !is_chosen(**provider, credits)) {
            return Err(DraftError::CreditNotChosen(*provider));
        }
        let of_credits = credits.iter().filter(|(_, credits)| !credits.is_empty()).map(|(provider, _)| (*provider, Vec::new()));
        let mut by_provider: BTreeMap<ProviderNumber, Vec<PayableLine>> = of_credits.collect();
        for line in lines {
            by_provider.entry(line.provider).or_default().push(line);
        }
        let mut plan = Plan { run, selection, settled: Vec::new(), carried_over: Vec::new() };
        for (provider, mut lines) in by_provider {
            lines.sort_by_key(|line| (line.batch, line.entry));
            let account = accounts.get(&provider).ok_or(DraftError::NoAccount(provider))?.clone();
            let mut credits = credits.remove(&provider).unwrap_or_default();
            credits.sort_by_key(|credit| credit.repayment);
            let sum: Cents = lines.iter().map(PayableLine::pay).chain(credits.iter().map(Credit::pay)).sum();
            if sum > MAX_TRANSFER {
                return Err(DraftError::TransferTooLarge(provider));
            }
            if sum < Cents::ZERO {
                plan.carried_over.push(CarriedOver { provider, account, lines, credits, sum });
            } else {
                let transfer = plan.run.transfer(provider, sum, &lines);
                plan.settled.push(Settled { provider, account, shares: shares(&lines), lines, credits, transfer });
            }
        }
        Ok(Self(plan))
    }

    /// What would be paid.
    pub const fn plan(&self) -> &Plan {
        &self.0
    }

    /// Fingerprint of everything a clerk consents to: run, date, selection, accounts, and every line with its amounts and its way into the books.
    pub fn content(&self) -> Hash {
        self.0.content()
    }

    /// The first signature.
    pub fn sign(self, clerk: Clerk, now: UtcMs) -> SignedOnce {
        let first = Signature { clerk, at: now, content: self.0.content() };
        SignedOnce { plan: self.0, first }
    }

    /// Takes up a first signature given earlier, if this draft is still what it was given for.
    pub fn resume(self, first: Signature) -> Result<SignedOnce, ContentChanged> {
        if first.content == self.0.content() { Ok(SignedOnce { plan: self.0, first }) } else { Err(ContentChanged) }
    }
}

impl SignedOnce {
    /// What would be paid.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The first signature, to be kept until the second is given.
    pub const fn first(&self) -> &Signature {
        &self.first
    }

    /// The second signature, by another clerk than the first: with it the run is released.
    pub fn sign(self, other: Clerk, now: UtcMs) -> Result<Released, SameClerk> {
        if other == self.first.clerk {
            return Err(SameClerk(other));
        }
        let second = Signature { clerk: other, at: now, content: self.first.content };
        Ok(Released { plan: self.plan, first: self.first, second })
    }
}

impl Released {
    /// What is paid.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The two signatures in the order they were given.
    pub const fn signatures(&self) -> [&Signature; 2] {
        [&self.first, &self.second]
    }

    /// The transfers with the provider each goes to, by provider number.
    pub fn transfers(&self) -> impl Iterator<Item = (&Settled, &Transfer)> {
        self.plan.settled.iter().filter_map(|settled| settled.transfer.as_ref().map(|transfer| (settled, transfer)))
    }

    /// The lines that are settled by this run, each now to its full `total`. Lines carried over are not among them.
    pub fn settled_lines(&self) -> impl Iterator<Item = &PayableLine> {
        self.plan.settled.iter().flat_map(|settled| &settled.lines)
    }

    /// The repayments that are netted by this run, each now to its full `total`.
    pub fn settled_credits(&self) -> impl Iterator<Item = &Credit> {
        self.plan.settled.iter().flat_map(|settled| &settled.credits)
    }

    /// What leaves the office's account.
    pub fn total(&self) -> Cents {
        self.transfers().map(|(_, transfer)| transfer.amount).sum()
    }

    /// What a batch's advice says about payment (formats § 1, advice key 4). Batches whose provider gets no transfer are not among them.
    pub fn advised_payments(&self) -> impl Iterator<Item = (BatchId, AdvisedPayment)> {
        let execution = self.plan.run.execution_date;
        self.transfers().flat_map(move |(settled, transfer)| {
            settled.shares.iter().map(move |share| {
                let end_to_end_id = transfer.end_to_end_id.to_string();
                (share.batch, AdvisedPayment { end_to_end_id, execution, share: share.cents, transfer: transfer.amount })
            })
        })
    }
}

impl Run {
    /// The transfer of this sum for these lines; none where nothing flows.
    pub fn transfer(&self, provider: ProviderNumber, amount: Cents, lines: &[PayableLine]) -> Option<Transfer> {
        if amount <= Cents::ZERO {
            return None;
        }
        let months = || lines.iter().map(|line| line.service_day.month());
        let batches: BTreeSet<BatchId> = lines.iter().map(|line| line.batch).collect();
        let remittance = match (months().min(), months().max()) {
            (Some(first), Some(last)) => self.remittance((first, last), &batches),
            _ => self.remittance_of_repayments(),
        };
        Some(Transfer { end_to_end_id: self.end_to_end_id(provider), amount, remittance })
    }
}

impl Plan {
    /// See [`Draft::content`].
    pub fn content(&self) -> Hash {
        let settled = self.settled.iter().map(|s| (s.provider, &s.account, &s.lines, &s.credits));
        let waiting = self.carried_over.iter().map(|c| (c.provider, &c.account, &c.lines, &c.credits));
        let mut text = format!("{} {} {}\n", self.run.message_id(), self.run.execution_date, self.selection);
        for (provider, account, lines, credits) in settled.chain(waiting) {
            let _ = writeln!(text, "{provider} {} {}", content_of_account(account), content_of_lines(lines));
            for Credit { repayment, day, total, already } in credits {
                let _ = writeln!(text, "repayment {repayment} {day} {} {}", total.get(), already.get());
            }
        }
        Hash::of(&[b"teilhabe/settlement/1", text.as_bytes()])
    }
}

fn content_of_account(account: &Account) -> Hash {
    let bic = account.bic().map_or("", |bic| bic.as_str());
    Hash::of(&[account.iban().electronic().as_bytes(), b" ", bic.as_bytes(), b" ", account.name().as_bytes()])
}

fn content_of_lines(lines: &[PayableLine]) -> Hash {
    let mut text = String::new();
    for line in lines {
        let PayableLine { entry: EntryId { terminal, seq }, batch, provider, benefit, service, service_day, kind, units, .. } = line;
        let (kind, benefit) = (kind.name(), benefit.name());
        let (claimed, total, already) = (line.claimed.get(), line.total.get(), line.already.get());
        let reason = line.reason.map_or("-", Reason::code);
        let basis = line.legal_basis.map_or("-", LegalBasis::code);
        let verdict = line.verdict.code();
        let _ = write!(text, "{terminal} {seq} {batch} {provider} {kind} {benefit} {service} {service_day} {units} {verdict} ");
        let _ = writeln!(text, "{claimed} {total} {already} {reason} {basis}");
    }
    Hash::of(&[text.as_bytes()])
}

fn check(lines: &[PayableLine]) -> Result<(), DraftError> {
    if lines.len() > MAX_LINES {
        return Err(DraftError::TooManyLines);
    }
    let mut entries = BTreeSet::new();
    let mut owners = BTreeMap::new();
    for line in lines {
        if line.verdict == Verdict::Pending {
            return Err(DraftError::Undecided(line.entry));
        }
        if [line.claimed, line.total, line.already].iter().any(|c| c.get().unsigned_abs() > Cents::MAX_SINGLE.get().unsigned_abs()) {
            return Err(DraftError::LineTooLarge(line.entry));
        }
        if !entries.insert(line.entry) {
            return Err(DraftError::EntryTwice(line.entry));
        }
        if *owners.entry(line.batch).or_insert(line.provider) != line.provider {
            return Err(DraftError::BatchOfTwoProviders(line.batch));
        }
    }
    Ok(())
}

/// `lines` are sorted by batch.
fn shares(lines: &[PayableLine]) -> Vec<Share> {
    lines
        .chunk_by(|a, b| a.batch == b.batch)
        .filter_map(|of_batch| {
            let cents = of_batch.iter().map(PayableLine::pay).sum();
            of_batch.first().map(|line| Share { batch: line.batch, cents })
        })
        .collect()
}

//! The provider's statement (Abrechnungsmitteilung) for one run: every line with its verdict, and sums that agree with the transfer.
//! It holds nothing of a child and nothing of the legal basis.

use super::account::Account;
use super::run::{Run, short_id};
use super::settlement::{CarriedOver, Credit, LineKind, PayableLine, Plan, Released, Settled, Transfer};
use crate::deliver::advice::Verdict;
use crate::words::benefit::Benefit;
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::ids::{BatchId, ProviderNumber, ServiceCode};
use crate::words::reason::Reason;

/// What one provider is told about one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The run.
    pub run: Run,
    /// The provider.
    pub provider: ProviderNumber,
    /// His name and account.
    pub account: Account,
    /// His batches, by id.
    pub batches: Vec<BatchStatement>,
    /// Over all batches.
    pub sums: Sums,
    /// What the provider paid back by himself and is netted here.
    pub credits: Vec<Credit>,
    /// What the lines and repayments come to.
    pub due: Cents,
    /// What becomes of the sum.
    pub outcome: Outcome,
}

/// What becomes of a statement's sum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is paid by this transfer.
    Paid(Transfer),
    /// The lines balance; nothing flows.
    Balanced,
    /// It was paid by this transfer, and the transfer came back.
    Returned {
        /// The transfer.
        transfer: Transfer,
        /// The day on which it came back.
        on: CivilDay,
        /// The bank's reason code.
        reason: String,
    },
    /// It is below zero: the lines stay open and are settled with later claims.
    CarriedOver,
}

/// The lines of one batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchStatement {
    /// The batch.
    pub batch: BatchId,
    /// Its lines, by terminal and number.
    pub lines: Vec<StatementLine>,
    /// Over its lines.
    pub sums: Sums,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementLine {
    /// Short id of the terminal, as on its status page.
    pub terminal: String,
    /// The entry's number in that terminal's journal.
    pub seq: u64,
    /// The day of the service.
    pub service_day: CivilDay,
    /// The service.
    pub service: ServiceCode,
    /// The benefit it falls under.
    pub benefit: Benefit,
    /// Redemption or cancellation.
    pub kind: LineKind,
    /// Meals, teaching units, events.
    pub units: u64,
    /// Claimed, accepted in all, settled by earlier runs, settled by this one.
    pub sums: Sums,
    /// The decision.
    pub verdict: Verdict,
    /// Its reason.
    pub reason: Option<Reason>,
}

/// The amounts of a line, a batch or a statement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Claimed by the provider.
    pub claimed: Cents,
    /// Accepted by the office, in all.
    pub accepted: Cents,
    /// Of that, settled by earlier runs.
    pub already: Cents,
    /// Settled by this run: accepted less already settled.
    pub pay: Cents,
}

impl Sums {
    fn of(line: &PayableLine) -> Self {
        Self { claimed: line.claimed, accepted: line.total, already: line.already, pay: line.pay() }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            claimed: self.claimed.plus(other.claimed),
            accepted: self.accepted.plus(other.accepted),
            already: self.already.plus(other.already),
            pay: self.pay.plus(other.pay),
        }
    }
}

/// The statements of a released run, one for each provider with a line, by provider number; those who wait get one too.
pub fn statements(released: &Released) -> Vec<Statement> {
    let Plan { run, settled, carried_over, .. } = released.plan();
    let settled = settled.iter().map(|Settled { provider, account, lines, credits, transfer, .. }| {
        let outcome = transfer.clone().map_or(Outcome::Balanced, Outcome::Paid);
        statement(run, *provider, account, (lines, credits), outcome)
    });
    let waiting = carried_over
        .iter()
        .map(|CarriedOver { provider, account, lines, credits, .. }| statement(run, *provider, account, (lines, credits), Outcome::CarriedOver));
    let mut all: Vec<_> = settled.chain(waiting).collect();
    all.sort_by_key(|statement| statement.provider);
    all
}

/// The statement of one provider over his lines, sorted by batch as a plan holds them, and his repayments.
pub fn statement(
    run: &Run,
    provider: ProviderNumber,
    account: &Account,
    (lines, credits): (&[PayableLine], &[Credit]),
    outcome: Outcome,
) -> Statement {
    let batches: Vec<BatchStatement> = lines
        .chunk_by(|a, b| a.batch == b.batch)
        .filter_map(|of_batch| {
            let batch = of_batch.first()?.batch;
            let sums = of_batch.iter().map(Sums::of).fold(Sums::default(), Sums::plus);
            Some(BatchStatement { batch, lines: of_batch.iter().map(StatementLine::of).collect(), sums })
        })
        .collect();
    let sums = batches.iter().map(|batch| batch.sums).fold(Sums::default(), Sums::plus);
    let due = credits.iter().map(Credit::pay).fold(sums.pay, Cents::plus);
    Statement { run: run.clone(), provider, account: account.clone(), batches, sums, credits: credits.to_vec(), due, outcome }
}

impl StatementLine {
    fn of(line: &PayableLine) -> Self {
        Self {
            terminal: short_id(&line.entry.terminal.0),
            seq: line.entry.seq,
            service_day: line.service_day,
            service: line.service.clone(),
            benefit: line.benefit,
            kind: line.kind,
            units: line.units,
            sums: Sums::of(line),
            verdict: line.verdict,
            reason: line.reason,
        }
    }
}

//! Tests of the whole room: whatever the lines are, everything made of a run agrees to the cent, and only two clerks release it.

use super::account::{Account, Iban};
use super::clerk::Clerk;
use super::posting::{AccountTable, Column, Content, PostingError, PostingProfile, posting_csv};
use super::run::{Run, RunNumber};
use super::selection::Selection;
use super::sepa::pain001;
use super::settlement::{ContentChanged, Credit, Credits, Draft, DraftError, LineKind, MAX_TRANSFER, PayableLine, Released, SameClerk};
use super::statement::{Outcome, statements};
use crate::deliver::advice::Verdict;
use crate::words::benefit::Benefit;
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::code::Code;
use crate::words::ids::{BatchId, EntryId, OfficeId, ProviderNumber, RepaymentNumber, TerminalId};
use crate::words::legal_basis::LegalBasis;
use crate::words::time::UtcMs;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn now() -> UtcMs {
    UtcMs::parse_rfc3339("2026-12-01T08:00:00Z").expect("safe: a time")
}

fn run() -> Run {
    Run {
        office: OfficeId::parse("05562032").expect("safe: an office id"),
        number: RunNumber::new(7).expect("safe: a run number"),
        execution_date: CivilDay::parse("2026-12-03").expect("safe: a day"),
    }
}

fn account(name: &str) -> Account {
    let iban = Iban::parse("DE44500105175407324931").expect("safe: a valid IBAN");
    Account::new(name, iban, None).expect("safe: a name")
}

fn accounts() -> BTreeMap<ProviderNumber, Account> {
    (1..=5).map(|n| (ProviderNumber(n), account(&format!("Anbieter {n}")))).collect()
}

fn clerk(name: &str) -> Clerk {
    Clerk::new(name).expect("safe: a name")
}

/// A line of `provider`, batch and entry numbered within him.
fn line(provider: u32, batch: u8, seq: u64, (claimed, total, already): (i64, i64, i64)) -> PayableLine {
    PayableLine {
        entry: EntryId { terminal: TerminalId([u8::try_from(provider).unwrap_or(u8::MAX); 16]), seq },
        batch: BatchId([u8::try_from(provider).unwrap_or(u8::MAX) * 16 + batch; 16]),
        provider: ProviderNumber(provider),
        benefit: Benefit::Lunch,
        service: Code::parse("lunch").expect("safe: a code"),
        service_day: CivilDay::parse("2026-11-23").expect("safe: a day"),
        kind: if claimed < 0 { LineKind::Cancellation } else { LineKind::Redemption },
        units: 1,
        verdict: verdict(claimed, total),
        claimed: Cents::new(claimed),
        total: Cents::new(total),
        already: Cents::new(already),
        reason: None,
        legal_basis: Some(LegalBasis::Sgb2),
    }
}

fn verdict(claimed: i64, total: i64) -> Verdict {
    match total {
        _ if total == claimed => Verdict::Accepted,
        0 => Verdict::Rejected,
        _ => Verdict::Reduced,
    }
}

fn draft(lines: Vec<PayableLine>) -> Result<Draft, DraftError> {
    Draft::new(run(), lines, &accounts(), now())
}

fn release(lines: Vec<PayableLine>) -> Released {
    draft(lines).expect("a draft").sign(clerk("Anna"), now()).sign(clerk("Berta"), now()).expect("two clerks")
}

/// Number and sum of the transfers a reader finds in a payment file.
fn amounts_in(xml: &str) -> (usize, Cents) {
    let amounts = xml.split("<InstdAmt Ccy=\"EUR\">").skip(1).filter_map(|rest| rest.split_once("</InstdAmt>"));
    let amounts: Vec<Cents> = amounts.map(|(amount, _)| Cents::parse_euros(amount).expect("an amount")).collect();
    (amounts.len(), amounts.into_iter().sum())
}

fn texts_of<'a>(xml: &'a str, element: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    xml.split(open.as_str()).skip(1).filter_map(|rest| rest.split_once(close.as_str())).map(|(text, _)| text).collect()
}

/// The sum of the last column of a posting file that has no other column behind it.
fn posted(released: &Released) -> Cents {
    let mut profile = PostingProfile::default();
    profile.columns.retain(|column| !matches!(column.content, Content::Fixed(_)));
    let csv = posting_csv(released, &AccountTable::default(), &profile).expect("a posting");
    csv.lines().skip(1).map(|row| Cents::parse_euros(row.rsplit(';').next().unwrap_or_default()).expect("an amount")).sum()
}

fn any_line() -> impl Strategy<Value = PayableLine> {
    let amounts = (-900i64..900, prop::bool::ANY, 0i64..900, -900i64..900);
    (1u32..=5, 0u8..4, 1u64..40, amounts, 0usize..5, 0usize..6, 0u32..90).prop_map(|(provider, batch, seq, amounts, basis, benefit, days)| {
        let (claimed, in_full, reduced, already) = amounts;
        let total = if in_full { claimed } else { reduced.min(claimed.abs()) * claimed.signum() };
        let mut line = line(provider, batch, seq, (claimed, total, already));
        line.legal_basis = LegalBasis::ALL.get(basis).copied();
        line.benefit = Benefit::ALL.get(benefit).copied().unwrap_or(Benefit::Lunch);
        line.service_day = line.service_day.minus(days);
        line
    })
}

fn any_lines() -> impl Strategy<Value = Vec<PayableLine>> {
    prop::collection::vec(any_line(), 0..60).prop_map(|mut lines| {
        let mut seen = BTreeSet::new();
        lines.retain(|line| seen.insert(line.entry));
        lines
    })
}

fn credit(repayment: u32, total: i64, already: i64) -> Credit {
    let day = CivilDay::parse("2026-11-24").expect("safe: a day");
    Credit { repayment: RepaymentNumber(repayment), day, total: Cents::new(total), already: Cents::new(already) }
}

fn any_credits() -> impl Strategy<Value = Credits> {
    let one = (1u32..=5, -2_000i64..4_000, prop::bool::weighted(0.2));
    prop::collection::vec(one, 0..6).prop_map(|all| {
        let mut credits = Credits::new();
        for (number, (provider, total, again)) in (1..).zip(all) {
            credits.entry(ProviderNumber(provider)).or_default().push(credit(number, total, if again { total + 1 } else { 0 }));
        }
        credits
    })
}

fn release_with(lines: Vec<PayableLine>, credits: Credits) -> Released {
    let draft = Draft::of(run(), Selection::default(), lines, credits, &accounts(), now()).expect("a draft");
    draft.sign(clerk("Anna"), now()).sign(clerk("Berta"), now()).expect("two clerks")
}

proptest! {
    #[test]
    fn everything_made_of_a_run_agrees_to_the_cent(lines in any_lines(), credits in any_credits()) {
        let released = release_with(lines, credits);
        let total = released.total();
        let netted = released.settled_credits().map(Credit::pay).sum::<Cents>();
        let of_lines = released.settled_lines().map(PayableLine::pay).sum::<Cents>();
        prop_assert_eq!(of_lines.plus(netted), total);
        let balanced = released.plan().settled.iter().filter(|settled| settled.transfer.is_none());
        let unadvised = balanced.flat_map(|settled| &settled.shares).map(|share| share.cents).sum::<Cents>();
        prop_assert_eq!(released.advised_payments().map(|(_, payment)| payment.share).sum::<Cents>().plus(unadvised), of_lines);
        prop_assert_eq!(posted(&released), total);

        let mut paid = Cents::ZERO;
        for statement in statements(&released) {
            let of_lines: Cents = statement.batches.iter().flat_map(|b| &b.lines).map(|l| l.sums.pay).sum();
            prop_assert_eq!(of_lines, statement.sums.pay);
            prop_assert_eq!(statement.sums.accepted.minus(statement.sums.already), of_lines);
            let pay = statement.due;
            prop_assert_eq!(of_lines.plus(statement.credits.iter().map(Credit::pay).sum()), pay);
            match statement.outcome {
                Outcome::Paid(transfer) => { prop_assert_eq!(transfer.amount, pay); paid = paid.plus(pay); }
                Outcome::Balanced => prop_assert_eq!(pay, Cents::ZERO),
                Outcome::CarriedOver => prop_assert!(pay < Cents::ZERO),
                Outcome::Returned { .. } => prop_assert!(false, "no bank has spoken"),
            }
        }
        prop_assert_eq!(paid, total);

        match pain001(&released, &account("Stadt")) {
            None => prop_assert_eq!(total, Cents::ZERO),
            Some(xml) => {
                let (count, sum) = amounts_in(&xml);
                prop_assert_eq!(sum, total);
                prop_assert_eq!(texts_of(&xml, "CtrlSum"), vec![total.decimal(); 2]);
                prop_assert_eq!(texts_of(&xml, "NbOfTxs"), vec![count.to_string(); 2]);
                let ids = texts_of(&xml, "EndToEndId");
                prop_assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), count);
            }
        }
    }

    #[test]
    fn every_line_and_repayment_is_settled_or_carried_over_and_none_is_lost(lines in any_lines(), credits in any_credits()) {
        let released = release_with(lines.clone(), credits.clone());
        let plan = released.plan();
        let mut numbers: Vec<_> = released.settled_credits().chain(plan.carried_over.iter().flat_map(|provider| &provider.credits)).collect();
        numbers.sort_by_key(|credit| credit.repayment);
        let mut given: Vec<_> = credits.values().flatten().collect();
        given.sort_by_key(|credit| credit.repayment);
        prop_assert_eq!(numbers, given);
        let waiting = plan.carried_over.iter().flat_map(|provider| &provider.lines);
        let mut out: Vec<_> = released.settled_lines().chain(waiting).map(|line| line.entry).collect();
        let mut taken: Vec<_> = lines.iter().map(|line| line.entry).collect();
        out.sort();
        taken.sort();
        prop_assert_eq!(out, taken);
    }

    #[test]
    fn a_second_run_over_settled_lines_pays_nothing(lines in any_lines()) {
        let first = release(lines);
        let again: Vec<_> = first.settled_lines().cloned().map(|line| PayableLine { already: line.total, ..line }).collect();
        let second = release(again);
        prop_assert_eq!(second.total(), Cents::ZERO);
        prop_assert_eq!(second.transfers().count(), 0);
        prop_assert_eq!(pain001(&second, &account("Stadt")), None);
    }

    #[test]
    fn the_order_of_the_lines_changes_nothing(lines in any_lines()) {
        let mut turned = lines.clone();
        turned.reverse();
        prop_assert_eq!(draft(lines).map(|d| d.plan().clone()), draft(turned).map(|d| d.plan().clone()));
    }
}

#[test]
fn one_transfer_pays_all_batches_of_a_provider() {
    let released = release(vec![line(1, 0, 1, (450, 450, 0)), line(1, 1, 2, (450, 400, 0)), line(2, 0, 1, (999, 0, 0))]);
    let transfers: Vec<_> = released.transfers().map(|(settled, transfer)| (settled.provider.0, transfer.amount.get())).collect();
    assert_eq!(transfers, [(1, 850)]);
    let shares: Vec<_> = released.advised_payments().map(|(batch, p)| (batch.0[0], p.share.get(), p.transfer.get(), p.end_to_end_id)).collect();
    assert_eq!(shares, [(16, 450, 850, "05562032-R7P1".to_owned()), (17, 400, 850, "05562032-R7P1".to_owned())]);
    assert_eq!(released.plan().settled.len(), 2, "the rejected line is settled without a transfer");
}

#[test]
fn what_is_owed_waits_until_later_claims_make_up_for_it() {
    let recovery = line(1, 0, 1, (450, 0, 450));
    let small = release(vec![recovery.clone(), line(1, 1, 2, (300, 300, 0))]);
    assert_eq!(small.total(), Cents::ZERO);
    assert_eq!(small.settled_lines().count(), 0, "not even the good line is settled");
    assert_eq!(small.plan().carried_over.iter().map(|c| c.sum.get()).collect::<Vec<_>>(), [-150]);

    let enough = release(vec![recovery, line(1, 1, 2, (300, 300, 0)), line(1, 2, 3, (500, 500, 0))]);
    assert_eq!(enough.total().get(), 350);
    assert_eq!(enough.settled_lines().count(), 3);
}

#[test]
fn one_clerk_alone_releases_nothing() {
    let once = draft(vec![line(1, 0, 1, (450, 450, 0))]).expect("a draft").sign(clerk("Anna"), now());
    assert_eq!(once.sign(clerk(" anna "), now()).err(), Some(SameClerk(clerk("ANNA"))));
}

#[test]
fn a_first_signature_counts_only_for_what_was_signed() {
    let lines = vec![line(1, 0, 1, (450, 450, 0))];
    let first = draft(lines.clone()).expect("a draft").sign(clerk("Anna"), now()).first().clone();
    assert!(draft(lines.clone()).expect("a draft").resume(first.clone()).is_ok());

    let changed = |change: fn(&mut PayableLine)| {
        let mut lines = lines.clone();
        lines.iter_mut().for_each(change);
        draft(lines).expect("a draft").resume(first.clone()).err()
    };
    assert_eq!(changed(|l| l.total = Cents::new(449)), Some(ContentChanged));
    assert_eq!(changed(|l| l.legal_basis = None), Some(ContentChanged));
    assert_eq!(changed(|l| l.entry.seq = 2), Some(ContentChanged));
    let paid_back = Credits::from([(ProviderNumber(1), vec![credit(1, 100, 0)])]);
    let with_credit = Draft::of(run(), Selection::default(), lines.clone(), paid_back, &accounts(), now()).expect("a draft");
    assert_eq!(with_credit.resume(first.clone()).err(), Some(ContentChanged));
    let elsewhere = BTreeMap::from([(ProviderNumber(1), account("Anbieter 11"))]);
    let redirected = Draft::new(run(), lines.clone(), &elsewhere, now()).expect("a draft");
    assert_eq!(redirected.resume(first.clone()).err(), Some(ContentChanged));
    let later = Draft::new(Run { execution_date: run().execution_date.plus(1), ..run() }, lines.clone(), &accounts(), now());
    assert_eq!(later.expect("a draft").resume(first).err(), Some(ContentChanged));
}

#[test]
fn lines_that_cannot_be_right_stop_the_run() {
    let good = line(1, 0, 1, (450, 450, 0));
    assert_eq!(draft(vec![good.clone(), good.clone()]).err(), Some(DraftError::EntryTwice(good.entry)));
    let foreign = PayableLine { batch: good.batch, ..line(2, 0, 1, (450, 450, 0)) };
    assert_eq!(draft(vec![good.clone(), foreign]).err(), Some(DraftError::BatchOfTwoProviders(good.batch)));
    let pending = PayableLine { verdict: Verdict::Pending, ..good.clone() };
    assert_eq!(draft(vec![pending]).err(), Some(DraftError::Undecided(good.entry)));
    let large = line(1, 0, 1, (100_000_001, 0, 0));
    assert_eq!(draft(vec![large.clone()]).err(), Some(DraftError::LineTooLarge(large.entry)));
    let lowest = line(1, 0, 1, (0, i64::MIN, 0));
    assert_eq!(draft(vec![lowest.clone()]).err(), Some(DraftError::LineTooLarge(lowest.entry)));
    assert_eq!(draft(vec![line(6, 0, 1, (450, 450, 0))]).err(), Some(DraftError::NoAccount(ProviderNumber(6))));
    let foreign = Selection { providers: Some([ProviderNumber(1)].into()), ..Selection::default() };
    let not_chosen = Draft::of(run(), foreign, vec![], Credits::from([(ProviderNumber(2), vec![credit(1, 5, 0)])]), &accounts(), now());
    assert_eq!(not_chosen.err(), Some(DraftError::CreditNotChosen(ProviderNumber(2))));
    let late = Run { execution_date: CivilDay::of(now()).minus(1), ..run() };
    let day = late.execution_date;
    assert_eq!(Draft::new(late, vec![good.clone()], &accounts(), now()).err(), Some(DraftError::ExecutionDatePast(day)));
    let today = Run { execution_date: CivilDay::of(now()), ..run() };
    assert!(Draft::new(today, vec![good], &accounts(), now()).is_ok());
}

#[test]
fn a_transfer_ends_where_the_scheme_ends() {
    let largest: Vec<_> = (1..=1000u64).map(|seq| line(1, 0, seq, (99_999_999, 99_999_999, 0))).collect();
    let exact = Cents::new(1000 * 99_999_999);
    assert!(exact < MAX_TRANSFER);
    assert_eq!(release(largest.clone()).total(), exact);
    let beyond = [largest, vec![line(1, 0, 1001, (1000, 1000, 0))]].concat();
    assert_eq!(draft(beyond).err(), Some(DraftError::TransferTooLarge(ProviderNumber(1))));
}

#[test]
fn the_treasury_gets_one_row_for_each_account() {
    let mut lines = vec![line(1, 0, 1, (450, 450, 0)), line(1, 0, 2, (450, 450, 0)), line(2, 0, 1, (1500, 1500, 0)), line(3, 0, 1, (9, 0, 0))];
    if let Some(other) = lines.get_mut(2) {
        (other.benefit, other.legal_basis) = (Benefit::Participation, None);
    }
    let csv = posting_csv(&release(lines), &AccountTable::default(), &PostingProfile::default()).expect("a posting");
    let expected = "Lauf;Ausführung;Konto;Text;Rechtskreis;Leistung;Positionen;Betrag;Währung\r\n\
        05562032-R7;03.12.2026;SGB2-LUNCH;BuT Mittagessen SGB II;SGB II;Mittagessen;2;9,00;EUR\r\n\
        05562032-R7;03.12.2026;UNKNOWN-PARTICIPATION;BuT Teilhabe ohne Rechtskreis;;Teilhabe;1;15,00;EUR\r\n";
    assert_eq!(csv, expected);
}

#[test]
fn a_posting_never_loses_money_in_silence() {
    let released = release(vec![line(1, 0, 1, (450, 450, 0))]);
    let missing = posting_csv(&released, &AccountTable(Vec::new()), &PostingProfile::default());
    assert!(matches!(missing, Err(PostingError::NoAccount { benefit: Benefit::Lunch, .. })));
    let no_money = PostingProfile { columns: vec![Column { heading: "Konto".to_owned(), content: Content::Account }], ..PostingProfile::default() };
    assert_eq!(posting_csv(&released, &AccountTable::default(), &no_money), Err(PostingError::NoAmountColumn));
}

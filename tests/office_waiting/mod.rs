//! Batches that wait for a clerk: gaps, forks, retired terminals, what came again.

use crate::office_by_hand::{Box, HEADER, day, issue, line, noon, provider, town};
use teilhabe::book::entry::{Body, Entry, Head, Opened};
use teilhabe::claim::batch::{Draft, Item};
use teilhabe::claim::check::check;
use teilhabe::deliver::advice::Verdict;
use teilhabe::office::{BatchChoice, IssuedToken, Office, Situation, look_at_waiting};
use teilhabe::shell::store::office::{sums, waiting};
use teilhabe::words::cents::Cents;
use teilhabe::words::ids::{BatchId, Hash};
use teilhabe::words::keys::SecretKey;

/// The hash of the batch that waits, as a clerk's form names it.
fn waits(office: &Office) -> Vec<Hash> {
    let sql = "SELECT hash FROM batch WHERE reason IS NOT NULL AND id NOT IN (SELECT batch FROM batch_decision) ORDER BY id";
    let mut statement = office.db().prepare(sql).expect("sql");
    let rows = statement.query_map([], |row| row.get(0)).expect("rows");
    rows.map(|hash| Hash(hash.expect("a hash"))).collect()
}

fn canteen(children: usize) -> (Office, Vec<IssuedToken>, Box) {
    let now = noon("2026-11-23");
    let mut office = town(now);
    let (_, code) = provider(&mut office, "Mensa GmbH", &["lunch:lunch:Mittagessen:450"], now);
    let rows: String = (1..=children).map(|child| format!("{child};lunch;2026-08;2027-07;day;units;1;;;\n")).collect();
    let tokens = issue(&mut office, &format!("{HEADER}{rows}"), now);
    let mensa = Box::enrol(&mut office, &code, 7, now).expect("admitted");
    (office, tokens, mensa)
}

#[test]
fn a_gap_that_nobody_can_fill_is_accepted_by_a_clerk_and_what_turns_up_later_is_not_lost() {
    let now = noon("2026-11-23");
    let (mut office, tokens, mut mensa) = canteen(3);
    let lost = mensa.redeem(&tokens[0], "lunch", "2026-11-23", None, now);
    let first = mensa.batch(now);
    let later = mensa.redeem(&tokens[1], "lunch", "2026-11-23", None, now);
    let second = mensa.batch(now);
    mensa.exchange(&mut office, vec![second.clone()], now);
    let seen = look_at_waiting(office.db(), waits(&office)[0]).expect("read").expect("it waits");
    assert_eq!((seen.situation, seen.lines, seen.cents), (Situation::Missing { from: 1, to: lost }, 1, Cents::new(450)));

    let batch = waits(&office)[0];
    office.decide_batch(batch, BatchChoice::Take, "Gerät ist abgebrannt", "Anna", now).expect("decided");
    assert!(office.decide_batch(batch, BatchChoice::Take, "", "Berta", now).is_err(), "two clerks, one batch");
    assert!(waits(&office).is_empty());
    office.reconcile(now).expect("reconciled");
    let (receipts, advices) = mensa.exchange(&mut office, vec![second], now);
    assert_eq!((receipts[0].reason.clone(), receipts[0].head), (None, mensa.sealed), "the terminal takes it for confirmed");
    assert_eq!(advices.last().expect("advised").lines, [line(later, Verdict::Accepted, 450, "")]);
    let third = mensa.redeem(&tokens[2], "lunch", "2026-11-23", None, now);
    assert_eq!(mensa.claim(&mut office, now), [line(third, Verdict::Accepted, 450, "")], "the journal goes on");

    let (receipts, _) = mensa.exchange(&mut office, vec![first], now);
    assert_eq!(receipts[0].reason.as_deref(), Some("journal_forked"));
    office.decide_batch(waits(&office)[0], BatchChoice::Take, "doch noch gefunden", "Anna", now).expect("decided");
    office.reconcile(now).expect("reconciled");
    let (_, advices) = mensa.exchange(&mut office, vec![], now);
    assert_eq!(advices.last().expect("advised").lines, [line(lost, Verdict::Accepted, 450, "")]);
    let settled = office.settle("Anna", "Bernd", day("2026-11-25"), now).expect("settled");
    assert_eq!(settled.payments[0].cents, Cents::new(3 * 450));
    let statement = settled.files.iter().find(|file| file.name.starts_with("statement")).expect("a statement");
    let statement = String::from_utf8_lossy(&statement.bytes);
    assert!(!statement.contains(&waiting::ledger_seq(1, lost).to_string()), "its own number, not the ledger's: {statement}");
    assert!(office.verify_audit().expect("read").is_ok());
}

#[test]
fn a_storno_that_comes_before_its_line_waits_for_it_and_takes_it_back() {
    let now = noon("2026-11-23");
    let (mut office, tokens, mut mensa) = canteen(2);
    let lost = mensa.redeem(&tokens[0], "lunch", "2026-11-23", None, now);
    let first = mensa.batch(now);
    mensa.redeem(&tokens[1], "lunch", "2026-11-23", None, now);
    mensa.cancel(lost, now.plus_ms(1000));
    let storno = mensa.head.seq;
    let second = mensa.batch(now);
    mensa.exchange(&mut office, vec![second], now);
    office.decide_batch(waits(&office)[0], BatchChoice::Take, "Gerät ist abgebrannt", "Anna", now).expect("decided");
    office.reconcile(now).expect("reconciled");
    let (_, advices) = mensa.exchange(&mut office, vec![], now);
    let told: Vec<_> = advices.into_iter().flat_map(|advice| advice.lines).filter(|line| line.seq == storno).collect();
    assert_eq!(told.last(), Some(&line(storno, Verdict::Pending, 0, "journal_gap")), "it waits for its line: {told:?}");

    mensa.exchange(&mut office, vec![first], now);
    office.decide_batch(waits(&office)[0], BatchChoice::Take, "doch noch gefunden", "Anna", now).expect("decided");
    office.reconcile(now).expect("reconciled");
    let (_, advices) = mensa.exchange(&mut office, vec![], now);
    let told: Vec<_> = advices.into_iter().flat_map(|advice| advice.lines).filter(|line| line.seq == storno).collect();
    assert_eq!(told.last(), Some(&line(storno, Verdict::Accepted, 0, "")), "{told:?}");
    assert_eq!(sums::verify(office.db()).expect("counted"), 0);
    let paid = office.settle("Anna", "Bernd", day("2026-11-25"), now).expect("settled").payments[0].cents;
    assert_eq!(paid, Cents::new(450), "what was taken back is not paid");
}

#[test]
fn a_fork_taken_over_goes_on_by_itself_and_pays_nothing_twice() {
    let now = noon("2026-11-23");
    let (mut office, tokens, mut mensa) = canteen(4);
    let (start, sealed) = (mensa.entries.clone(), mensa.sealed);
    let common = mensa.redeem(&tokens[0], "lunch", "2026-11-23", None, now);
    let (head, entries) = (mensa.head, mensa.entries.clone());
    mensa.redeem(&tokens[1], "lunch", "2026-11-23", None, now);
    mensa.claim(&mut office, now);
    assert_eq!(start.len(), 1);
    // The disk is put back to what it was after the first meal.
    (mensa.head, mensa.entries, mensa.sealed) = (head, entries, sealed);
    let again = mensa.redeem(&tokens[1], "lunch", "2026-11-23", None, now.plus_ms(60_000));
    let other = mensa.redeem(&tokens[2], "lunch", "2026-11-23", None, now.plus_ms(60_000));
    mensa.cancel(common, now.plus_ms(90_000));
    let fork = mensa.batch(now);
    let (receipts, _) = mensa.exchange(&mut office, vec![fork.clone()], now);
    assert_eq!(receipts[0].reason.as_deref(), Some("journal_forked"));
    let seen = look_at_waiting(office.db(), waits(&office)[0]).expect("read").expect("it waits");
    assert_eq!((seen.situation, seen.lines, seen.held), (Situation::Forked, 3, 1));

    office.decide_batch(waits(&office)[0], BatchChoice::Take, "", "Anna", now).expect("decided");
    office.reconcile(now).expect("reconciled");
    let (receipts, advices) = mensa.exchange(&mut office, vec![fork], now);
    assert_eq!((receipts[0].reason.clone(), receipts[0].head), (None, mensa.sealed));
    let mut lines: Vec<_> = advices.into_iter().flat_map(|advice| advice.lines).filter(|line| line.verdict != Verdict::Pending).collect();
    lines.sort_by_key(|line| (line.seq, line.verdict.code()));
    assert!(lines.contains(&line(again, Verdict::Rejected, 0, "duplicate")), "{lines:?}");
    assert!(lines.contains(&line(other, Verdict::Accepted, 450, "")), "{lines:?}");
    assert!(lines.contains(&line(other + 1, Verdict::Accepted, 0, "")), "the storno: {lines:?}");
    let next = mensa.redeem(&tokens[3], "lunch", "2026-11-23", None, now.plus_ms(120_000));
    assert_eq!(mensa.claim(&mut office, now), [line(next, Verdict::Accepted, 450, "")], "it goes on by itself");
    let paid = office.settle("Anna", "Bernd", day("2026-11-25"), now).expect("settled").payments[0].cents;
    assert_eq!(paid, Cents::new(3 * 450), "child 2 once, children 3 and 4; the first meal was taken back");
}

#[test]
fn a_fork_that_a_clerk_rejects_is_answered_line_by_line() {
    let now = noon("2026-11-23");
    let (mut office, tokens, mut mensa) = canteen(2);
    let (head, entries) = (mensa.head, mensa.entries.clone());
    mensa.redeem(&tokens[0], "lunch", "2026-11-23", None, now);
    mensa.claim(&mut office, now);
    (mensa.head, mensa.entries, mensa.sealed) = (head, entries, Head::start(mensa.key.public().terminal_id()));
    let doubtful = mensa.redeem(&tokens[1], "lunch", "2026-11-23", None, now);
    let fork = mensa.batch(now);
    mensa.exchange(&mut office, vec![fork.clone()], now);
    office.decide_batch(waits(&office)[0], BatchChoice::Reject, "geklontes Gerät", "Anna", now).expect("decided");
    let (receipts, advices) = mensa.exchange(&mut office, vec![fork], now);
    assert_eq!(receipts[0].reason.as_deref(), Some("clerk_decision"), "nothing may be purged on it");
    assert_eq!(advices.last().expect("advised").lines, [line(doubtful, Verdict::Rejected, 0, "journal_forked")]);
    assert_eq!(office.settle("Anna", "Bernd", day("2026-11-25"), now).expect("settled").payments[0].cents, Cents::new(450));
}

#[test]
fn what_a_retired_terminal_still_sends_waits_for_a_clerk() {
    let now = noon("2026-11-23");
    let (mut office, tokens, mut mensa) = canteen(2);
    let first = mensa.redeem(&tokens[0], "lunch", "2026-11-23", None, now);
    office.retire_terminal(mensa.key.public().terminal_id(), "Anna", now).expect("retired");
    let (batch, other) = (mensa.batch(now), mensa.redeem(&tokens[1], "lunch", "2026-11-23", None, now));
    let (receipts, advices) = mensa.exchange(&mut office, vec![batch], now);
    assert_eq!(receipts[0].reason.as_deref(), Some("key_withdrawn"));
    assert_eq!(advices[0].lines, [line(first, Verdict::Pending, 0, "key_withdrawn")]);
    let seen = look_at_waiting(office.db(), waits(&office)[0]).expect("read").expect("it waits");
    assert_eq!(seen.situation, Situation::Continues);
    office.decide_batch(waits(&office)[0], BatchChoice::Take, "vor dem Verlust erfasst", "Anna", now).expect("decided");
    assert_eq!(office.reconcile(now).expect("reconciled").accepted, 1);
    let batch = mensa.batch(now);
    let (receipts, _) = mensa.exchange(&mut office, vec![batch], now);
    assert_eq!(receipts[0].reason.as_deref(), Some("key_withdrawn"), "entry {other} waits again: it is retired for good");
}

#[test]
fn a_batch_signed_by_another_key_counts_for_nothing_and_a_clerk_is_told() {
    let now = noon("2026-11-23");
    let (mut office, tokens, mut mensa) = canteen(1);
    mensa.redeem(&tokens[0], "lunch", "2026-11-23", None, now);
    let genuine = std::mem::replace(&mut mensa.key, SecretKey::from_seed([9; 32]));
    let retired = mensa.key.public().terminal_id();
    let batch = {
        let items = mensa.entries.iter().map(|b| Item::of(&Entry::from_bytes(b).expect("an entry"), b.clone(), &mensa.trust.office)).collect();
        let draft = Draft::new(BatchId([4; 16]), mensa.trust.office.clone(), mensa.credential.provider, retired, Head::start(retired), items, now);
        check(draft).expect("whole").seal(&mensa.key).expect("small")
    };
    mensa.key = genuine;
    for times in 1..=2 {
        let (receipts, _) = mensa.exchange(&mut office, vec![batch.clone()], now);
        assert!(["bad_signature", "unknown_key"].contains(&receipts[0].reason.as_deref().expect("refused")), "{receipts:?}");
        assert_eq!(waiting::refused(office.db(), 10).expect("read").iter().map(|r| r.times).collect::<Vec<_>>(), [times]);
    }
    assert_eq!(office.reconcile(now).expect("reconciled").lines(), 0);
    let hash = waiting::refused(office.db(), 10).expect("read")[0].hash;
    office.see_refused_off(hash, "Anna", now).expect("seen");
    assert!(waiting::refused(office.db(), 10).expect("read").is_empty());
    assert!(office.see_refused_off(hash, "Anna", now).is_err());
}

#[test]
fn the_same_envelope_twice_gets_the_same_receipt_and_counts_once() {
    let now = noon("2026-11-23");
    let (mut office, tokens, mut mensa) = canteen(1);
    mensa.redeem(&tokens[0], "lunch", "2026-11-23", None, now);
    let batch = mensa.batch(now);
    let envelope = mensa.question(vec![batch], now);
    let answers = [0, 86_400_000].map(|later| office.exchange(&envelope, now.plus_ms(later)).expect("answered"));
    let [first, replayed] = answers.map(|answer| mensa.open(&answer, now.plus_ms(86_400_000)).0);
    assert_eq!(first, replayed);
    assert_eq!(office.reconcile(now).expect("reconciled").lines(), 1);
    assert_eq!(office.settle("Anna", "Bernd", day("2026-11-25"), now).expect("settled").payments[0].cents, Cents::new(450));
    let replayed = office.exchange(&envelope, now.plus_ms(90_000_000)).expect("answered after the payment");
    assert_eq!(mensa.open(&replayed, now.plus_ms(90_000_000)).0, first);
    assert!(office.settle("Anna", "Bernd", day("2026-11-26"), now).expect("nothing to do").payments.is_empty());
}

#[test]
fn a_batch_that_waited_and_came_again_in_another_waits_no_more() {
    let now = noon("2026-11-23");
    let (mut office, tokens, mut mensa) = canteen(2);
    mensa.redeem(&tokens[0], "lunch", "2026-11-23", None, now);
    let before = mensa.sealed;
    mensa.batch(now);
    mensa.redeem(&tokens[1], "lunch", "2026-11-23", None, now);
    let second = mensa.batch(now);
    let end = mensa.sealed;
    mensa.exchange(&mut office, vec![second.clone()], now);
    assert_eq!(waits(&office).len(), 1);
    // The terminal begins again where the office's copy ends, and has recorded something since.
    mensa.sealed = before;
    mensa.note(Body::Opened(Opened::default()), now);
    let whole = mensa.batch(now);
    mensa.exchange(&mut office, vec![whole], now);
    assert!(waits(&office).is_empty(), "nobody must look at it");
    assert_eq!(office.reconcile(now).expect("reconciled").accepted, 2);
    let (receipts, _) = mensa.exchange(&mut office, vec![second], now);
    assert_eq!((receipts[0].reason.clone(), receipts[0].head), (None, end), "it has arrived, and need not be sent for ever");
}

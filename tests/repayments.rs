//! Money that a provider pays back by himself is netted once, whatever the sum, and he reads it in his statement.

mod office_town;

use office_town::lived_in;
use teilhabe::office::{NewRepayment, Office, OfficeError, open_sums};
use teilhabe::reconcile::ruling::Choice;
use teilhabe::settle::selection::Selection;
use teilhabe::settle::settlement::Credit;
use teilhabe::shell::store::office::{bank, repayments};
use teilhabe::words::benefit::Benefit;
use teilhabe::words::cents::Cents;
use teilhabe::words::civil::CivilDay;
use teilhabe::words::ids::{EntryId, ProviderNumber, RepaymentNumber, TerminalId};
use teilhabe::words::reason::Reason;
use teilhabe::words::time::UtcMs;

const JUDO: ProviderNumber = ProviderNumber(102);

fn number(office: &Office, sql: &str) -> i64 {
    office.db().query_row(sql, [], |row| row.get(0)).expect("a number")
}

/// A town whose judo club was paid 75 euros, of which it owes 15 since a clerk decided so.
fn owing() -> (Office, UtcMs) {
    let now = UtcMs::parse_rfc3339("2026-12-02T09:00:00Z").expect("a time");
    let (mut office, _) = lived_in(now);
    office.reconcile(now).expect("reconciled");
    settle(&mut office, now);
    let sql = "SELECT t.terminal, l.seq FROM line l JOIN terminal t ON t.id = l.terminal WHERE l.provider = 102 ORDER BY l.seq LIMIT 1";
    let (terminal, seq): (Vec<u8>, i64) = office.db().query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).expect("a line");
    let line = EntryId { terminal: TerminalId(terminal.try_into().expect("an id")), seq: seq as u64 };
    office.rule(line, Choice::Reject, Reason::ClerkDecision, "", "Anna", now).expect("ruled");
    (office, now.plus_days(1))
}

/// Settles what is open: the run, where there was one, and what the judo club got.
fn settle(office: &mut Office, now: UtcMs) -> (Option<u32>, Vec<i64>) {
    let settled = office.settle("Anna", "Berta", CivilDay::of(now).plus(2), now).expect("settled");
    (settled.run, settled.payments.iter().filter(|payment| payment.provider == JUDO).map(|payment| payment.cents.get()).collect())
}

fn enter(office: &mut Office, form: &str, provider: ProviderNumber, cents: i64, now: UtcMs) -> Result<(), OfficeError> {
    let new = NewRepayment { provider, cents: Cents::new(cents), day: CivilDay::of(now), note: "Auszug 12" };
    office.note_repayment(form, &new, "Anna", now)
}

fn note(office: &mut Office, cents: i64, now: UtcMs) -> RepaymentNumber {
    enter(office, &format!("form {}", now.0 + cents as u64), JUDO, cents, now).expect("noted");
    repayments::waiting(office.db()).expect("read").pop().expect("it waits").number
}

fn repay(office: &mut Office, cents: i64, now: UtcMs) -> RepaymentNumber {
    let number = note(office, cents, now);
    office.confirm_repayment(number, Cents::new(cents), true, "Berta", now).expect("confirmed");
    number
}

fn open(office: &Office) -> Option<(i64, i64)> {
    let sums = open_sums(office.db(), &Selection::default()).expect("read");
    sums.into_iter().find(|sum| sum.provider == JUDO).map(|sum| (sum.cents.get(), sum.credit.get()))
}

fn settled(office: &Office) -> i64 {
    number(office, "SELECT sum(settled) FROM line WHERE provider = 102")
}

#[test]
fn it_takes_two_clerks_and_what_they_saw() {
    let (mut office, now) = owing();
    let waiting = note(&mut office, 1_500, now);
    enter(&mut office, &format!("form {}", now.0 + 1_500), JUDO, 1_500, now).expect("the same form again");
    assert_eq!(repayments::waiting(office.db()).expect("read").len(), 1, "one and the same");
    enter(&mut office, "another form", JUDO, 1_500, now).expect("noted");
    let [first, second] = &repayments::waiting(office.db()).expect("read")[..] else { panic!("two") };
    assert_eq!((first.alike, second.alike), (1, 1), "whoever confirms is told that they may be one");
    let dropped = second.number;
    office.confirm_repayment(dropped, Cents::new(1_500), false, "Berta", now).expect("given up");
    assert_eq!(open(&office), Some((-1_500, 0)), "one person alone changes nothing");
    let own = office.confirm_repayment(waiting, Cents::new(1_500), true, "ANNA ", now);
    assert!(matches!(own, Err(OfficeError::SameClerk(_))), "{own:?}");
    let other = office.confirm_repayment(waiting, Cents::new(1_400), true, "Berta", now);
    assert!(matches!(other, Err(OfficeError::Overtaken)), "not what she saw");
    office.confirm_repayment(waiting, Cents::new(1_500), false, "Berta", now).expect("given up");
    assert_eq!((open(&office), repayments::waiting(office.db()).expect("read").len()), (Some((-1_500, 0)), 0));
    let number = repay(&mut office, 1_500, now.plus_ms(1));
    assert!(number > dropped && number > waiting, "no number is given twice: who still sees the old one confirms nothing else");
    let again = office.confirm_repayment(number, Cents::new(1_500), true, "Berta", now);
    assert!(matches!(again, Err(OfficeError::Overtaken)), "once");
    for wrong in [0, -5, 100_000_001] {
        let refused = enter(&mut office, "wrong", JUDO, wrong, now);
        assert!(matches!(refused, Err(OfficeError::Wrong(_))), "{wrong}: {refused:?}");
    }
    let nobody = enter(&mut office, "nobody", ProviderNumber(999), 1, now);
    assert!(matches!(nobody, Err(OfficeError::NotFound(_))), "{nobody:?}");
}

#[test]
fn what_is_paid_back_exactly_closes_the_lines_with_a_statement_and_no_transfer() {
    let (mut office, now) = owing();
    let (run, paid) = settle(&mut office, now);
    assert!(paid.is_empty(), "he owes 15 euros: nothing is paid, nothing taken");
    assert_eq!(bank::carried_since(office.db(), JUDO).expect("read").map(|(run, _)| run), run);
    repay(&mut office, 1_500, now);
    assert_eq!(open(&office), Some((0, 1_500)));
    let settled_with = office.settle("Anna", "Berta", CivilDay::of(now).plus(2), now).expect("settled");
    assert!(settled_with.payments.is_empty());
    let statement = settled_with.files.iter().find(|file| file.name.starts_with("statement-") && file.name.contains("-102")).expect("he is told");
    let page = String::from_utf8(statement.bytes.clone()).expect("text");
    for text in ["Ihre Rückzahlung vom 03.12.2026", "gleichen sich aus", "15,00"] {
        assert!(page.contains(text), "{text} is missing in {page}");
    }
    let posting = settled_with.files.iter().find(|file| file.name.starts_with("posting-")).expect("for the books");
    let posting = String::from_utf8_lossy(&posting.bytes).into_owned();
    assert!(posting.contains(";REPAYMENTS;BuT Rückzahlungen von Anbietern;;;1;15,00;EUR") && posting.contains(";-15,00;EUR"), "{posting}");
    assert_eq!((open(&office), settled(&office)), (None, 7_500 - 1_500));
    assert_eq!(settle(&mut office, now), (None, vec![]), "nothing is open");
}

#[test]
fn less_is_netted_and_the_rest_stays_owed_and_more_is_paid_out() {
    let (mut office, now) = owing();
    repay(&mut office, 1_000, now);
    assert_eq!(open(&office), Some((-500, 1_000)));
    assert_eq!(settle(&mut office, now).1, [] as [i64; 0]);
    assert_eq!(open(&office), Some((-500, 1_000)), "all of it is carried over");
    repay(&mut office, 2_000, now);
    let (run, paid) = settle(&mut office, now);
    assert_eq!(paid, [1_500], "15 euros too much were paid back");
    assert_eq!((open(&office), settled(&office)), (None, 6_000));
    let alone = repay(&mut office, 300, now);
    let (_, paid) = settle(&mut office, now);
    assert_eq!(paid, [300], "nothing was owed: it goes back, without a line");
    let text = "SELECT count(*) FROM payment WHERE provider = 102 AND remittance LIKE 'BuT Erstattung Ihrer Rueckzahlung Lauf %'";
    assert_eq!(number(&office, text), 1);
    let known = repayments::of_number(office.db(), alone).expect("read").expect("known");
    assert!(known.run > run && known.settled == known.noted.cents);
}

#[test]
fn a_run_that_waits_is_not_disturbed_and_a_choice_of_benefits_leaves_repayments_open() {
    let (mut office, now) = owing();
    repay(&mut office, 2_500, now);
    let execution = CivilDay::of(now).plus(2);
    office.draw_up("Anna", &Selection::default(), execution, None, now).expect("drawn up");
    repay(&mut office, 100, now);
    let released = office.release("Berta", now).expect("what was signed still stands");
    assert_eq!(released.payments.iter().map(|payment| payment.cents.get()).collect::<Vec<_>>(), [1_000]);
    assert_eq!(open(&office), Some((100, 100)), "the later one is for the next run");
    let lunches = Selection { benefits: Some([Benefit::Lunch].into()), ..Selection::default() };
    assert!(matches!(office.draw_up("Anna", &lunches, execution, None, now), Err(OfficeError::NothingToSettle)));
    let drawn = office.draw_up("Anna", &Selection::default(), execution, None, now).expect("drawn up");
    office.withdraw(drawn, "Anna", now).expect("withdrawn");
    assert_eq!((open(&office), number(&office, "SELECT count(*) FROM drawn_repayment WHERE repayment = 2")), (Some((100, 100)), 0));
}

#[test]
fn an_entry_by_mistake_is_taken_back_once_by_two_clerks() {
    let (mut office, now) = owing();
    let number = repay(&mut office, 900, now);
    office.note_repayment_undone(number, "Anna", now).expect("noted");
    assert!(matches!(office.note_repayment_undone(number, "Anna", now), Err(OfficeError::Overtaken)), "once");
    assert_eq!(open(&office), Some((-1_500, 0)), "until that is decided it waits");
    let waiting = repayments::waiting(office.db()).expect("read").pop().expect("it waits").number;
    office.confirm_repayment(waiting, Cents::new(-900), true, "Berta", now).expect("confirmed");
    assert_eq!(open(&office), Some((-1_500, 0)));
    let credits = repayments::open(office.db(), &Selection::default()).expect("read").remove(&JUDO).unwrap_or_default();
    assert_eq!(credits.iter().map(Credit::pay).collect::<Vec<_>>(), [Cents::new(900), Cents::new(-900)]);
    assert!(matches!(office.note_repayment_undone(number, "Anna", now), Err(OfficeError::Overtaken)), "it is taken back");
    repay(&mut office, 1_500, now);
    assert_eq!(settle(&mut office, now).1, [] as [i64; 0]);
    assert_eq!(open(&office), None, "all is netted together");
    assert!(matches!(office.note_repayment_undone(number, "Anna", now), Err(OfficeError::Overtaken)), "a run has netted it");
}

#[test]
fn a_run_that_waits_pays_no_repayment_out_that_was_a_mistake() {
    let (mut office, now) = owing();
    let number = repay(&mut office, 100_000, now);
    office.draw_up("Anna", &Selection::default(), CivilDay::of(now).plus(2), None, now).expect("drawn up");
    office.note_repayment_undone(number, "Anna", now).expect("noted");
    for confirmed in [false, true] {
        let released = office.release("Berta", now);
        assert!(matches!(released, Err(OfficeError::ContentChanged(_))), "{confirmed}: {released:?}");
        if let Some(waiting) = repayments::waiting(office.db()).expect("read").pop() {
            office.confirm_repayment(waiting.number, waiting.noted.cents, true, "Berta", now).expect("confirmed");
        }
    }
    office.withdraw(2, "Anna", now).expect("withdrawn");
    assert_eq!(settle(&mut office, now).1, [] as [i64; 0]);
    assert_eq!(open(&office), Some((-1_500, 0)), "what he owes stays");
}

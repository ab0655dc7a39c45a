//! Money is paid once, whatever banks and clerks do: runs, returns, the same files again, rulings, in any order.

mod office_town;

use office_town::lived_in;
use std::collections::{BTreeMap, BTreeSet};
use teilhabe::office::{CamtOutcome, Doubt, Hold, NewProvider, NewRepayment, Office, OfficeError, ProviderData, open_sums};
use teilhabe::reconcile::calendar::SiteKind;
use teilhabe::reconcile::ruling::Choice;
use teilhabe::settle::account::Iban;
use teilhabe::settle::selection::Selection;
use teilhabe::shell::sheet::bank::BankFile;
use teilhabe::shell::sheet::camt::{Direction, Entry, Statement};
use teilhabe::shell::sheet::pain002::{RejectedTransaction, StatusReport};
use teilhabe::shell::store::office::{doubts, payments, repayments, sums};
use teilhabe::words::cents::Cents;
use teilhabe::words::chance::Chance;
use teilhabe::words::civil::CivilDay;
use teilhabe::words::ids::{EntryId, Hash, ProviderNumber, TerminalId};
use teilhabe::words::reason::Reason;
use teilhabe::words::time::UtcMs;

const IBANS: [&str; 3] = ["DE44500105175407324931", "DE12500105170648489890", "DE27100777770209299700"];

/// An office, the files its bank has sent so far, and what is on the providers' accounts as the bank sees it.
struct World {
    office: Office,
    chance: Chance,
    now: UtcMs,
    sent: Vec<BankFile>,
    paid: BTreeMap<String, (u32, i64)>,
    gone_back: BTreeSet<String>,
}

fn number(office: &Office, sql: &str) -> i64 {
    office.db().query_row(sql, [], |row| row.get(0)).expect("a number")
}

impl World {
    fn new(seed: u64) -> Self {
        let now = UtcMs::parse_rfc3339("2026-12-02T09:00:00Z").expect("a time");
        let (mut office, _) = lived_in(now);
        office.reconcile(now).expect("reconciled");
        Self { office, chance: Chance::seeded(seed), now, sent: Vec::new(), paid: BTreeMap::new(), gone_back: BTreeSet::new() }
    }

    fn below(&mut self, most: usize) -> usize {
        self.chance.below(u32::try_from(most).expect("small")) as usize
    }

    /// Two clerks settle everything, or one provider, or one of them only signs.
    fn settle(&mut self) {
        if let Some(waiting) = payments::signed_once(self.office.db()).expect("read") {
            let done = if self.below(2) == 0 { self.office.release("Berta", self.now).map(Some) } else { Ok(None) };
            match done {
                Ok(Some(settled)) => {
                    return self.keep(&settled.payments.iter().map(|p| (p.end_to_end_id.clone(), p.provider.0, p.cents.get())).collect::<Vec<_>>());
                }
                Ok(None) | Err(OfficeError::ContentChanged(_)) => {}
                Err(why) => panic!("{why}"),
            }
            return self.office.withdraw(waiting.number, "Anna", self.now).expect("withdrawn");
        }
        let mut selection = Selection::default();
        if self.below(2) == 0 {
            selection.providers = Some([ProviderNumber(101 + self.chance.below(3))].into());
        }
        match self.office.draw_up("Anna", &selection, CivilDay::of(self.now).plus(2), None, self.now) {
            Ok(_) | Err(OfficeError::NothingToSettle) => {}
            Err(why) => panic!("{why}"),
        }
    }

    fn keep(&mut self, payments: &[(String, u32, i64)]) {
        for (id, provider, cents) in payments {
            assert!(self.paid.insert(id.clone(), (*provider, *cents)).is_none(), "{id} twice");
        }
    }

    /// The bank books or gives back any payment, or sends an old file again.
    fn bank(&mut self) {
        if !self.sent.is_empty() && self.below(3) == 0 {
            let nth = self.below(self.sent.len());
            let old = self.sent[nth].clone();
            return self.send(&old);
        }
        let Some((id, cents)) = self.paid.iter().nth(self.chance.below(self.paid.len().max(1) as u32) as usize).map(|(id, (_, c))| (id.clone(), *c))
        else {
            return;
        };
        let back = self.below(2) == 0;
        let reason = ["AC04", "MS03"][self.below(2)];
        let entry = Entry {
            end_to_end_id: Some(id.clone()),
            order_id: None,
            cents: Cents::new(cents),
            booked: CivilDay::of(self.now),
            direction: if back { Direction::Credit } else { Direction::Debit },
            returned: back.then(|| reason.to_owned()),
        };
        if back {
            self.gone_back.insert(id);
        }
        let account = "DE02120300000000202051".parse().expect("an IBAN");
        let file = BankFile::Statements(vec![Statement { account, id: "S".into(), entries: vec![entry] }]);
        self.send(&file);
        self.sent.push(file);
    }

    fn send(&mut self, file: &BankFile) {
        let hash = Hash::of(&[format!("{file:?}").as_bytes()]);
        self.office.import_bank(file, hash, "Anna", self.now).expect("taken in");
    }

    fn rule(&mut self) {
        let lines = number(&self.office, "SELECT count(*) FROM line");
        let nth = self.chance.below(u32::try_from(lines).expect("few"));
        let sql = format!("SELECT t.terminal, l.seq FROM line l JOIN terminal t ON t.id = l.terminal ORDER BY 1, 2 LIMIT 1 OFFSET {nth}");
        let (terminal, seq): (Vec<u8>, u64) =
            self.office.db().query_row(&sql, [], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64))).expect("a line");
        let terminal = TerminalId(terminal.try_into().expect("an id"));
        let choice = if self.below(2) == 0 { Choice::Reject } else { Choice::Accept };
        match self.office.rule(EntryId { terminal, seq }, choice, Reason::ClerkDecision, "", "Anna", self.now) {
            Ok(_) | Err(OfficeError::PaidElsewhere | OfficeError::PaidAlready) => {}
            Err(why) => panic!("{why}"),
        }
    }

    /// A provider pays something back, or a clerk takes back that he did, and a second clerk confirms it or not.
    fn repay(&mut self) {
        let open = repayments::last(self.office.db(), 100).expect("read").into_iter().find(|one| one.settled == Cents::ZERO);
        match open.filter(|_| self.below(3) == 0) {
            Some(open) => match self.office.note_repayment_undone(open.number, "Anna", self.now) {
                Ok(()) | Err(OfficeError::Overtaken) => {}
                Err(why) => panic!("{why}"),
            },
            None => {
                let (provider, cents) = (ProviderNumber(101 + self.chance.below(3)), Cents::new(i64::from(1 + self.chance.below(3_000))));
                let new = NewRepayment { provider, cents, day: CivilDay::of(self.now), note: "Auszug" };
                self.office.note_repayment(&self.now.0.to_string(), &new, "Anna", self.now).expect("noted");
            }
        }
        for waiting in repayments::waiting(self.office.db()).expect("read") {
            let confirm = self.below(4) > 0;
            self.office.confirm_repayment(waiting.number, waiting.noted.cents, confirm, "Berta", self.now).expect("confirmed");
        }
    }

    fn check_accounts(&mut self) {
        for (index, iban) in IBANS.iter().enumerate() {
            let provider = ProviderNumber(101 + u32::try_from(index).expect("small"));
            match self.office.check_account(provider, &Iban::parse(iban).expect("an IBAN"), "Anna", self.now) {
                Ok(false) | Err(OfficeError::Overtaken) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// What the ledger calls settled is what runs and returns say line by line, and what the bank holds provider by provider.
    fn check(&self) {
        let wrong = number(
            &self.office,
            "WITH paid AS (SELECT terminal, seq, sum(total - already) AS cents FROM run_line GROUP BY 1, 2),
                  back AS (SELECT terminal, seq, sum(cents) AS cents FROM returned_line GROUP BY 1, 2),
                  held AS (SELECT terminal, seq, coalesce(settled, 0) AS cents FROM line UNION ALL SELECT terminal, seq, coalesce(settled, 0) FROM cancellation)
             SELECT count(*) FROM held h LEFT JOIN paid p USING (terminal, seq) LEFT JOIN back b USING (terminal, seq)
             WHERE h.cents <> coalesce(p.cents, 0) - coalesce(b.cents, 0)",
        );
        assert_eq!(wrong, 0, "a line is settled to something else than runs and returns say");
        assert_eq!(sums::verify(self.office.db()).expect("counted"), 0, "the sums are those of the lines");
        let wrong = number(
            &self.office,
            "SELECT count(*) FROM repayment r WHERE settled <>
                 (SELECT coalesce(sum(d.total - d.already), 0) FROM drawn_repayment d JOIN run n ON n.number = d.run
                  JOIN run_provider p ON p.run = d.run AND p.provider = d.provider
                  WHERE d.repayment = r.id AND n.state = 'released' AND p.cents >= 0)
               - (SELECT coalesce(sum(b.cents), 0) FROM returned_repayment b WHERE b.repayment = r.id)",
        );
        assert_eq!(wrong, 0, "a repayment is netted to something else than runs and returns say");
        for provider in 101..=103 {
            let of = |table: &str| number(&self.office, &format!("SELECT coalesce(sum(settled), 0) FROM {table} WHERE provider = {provider}"));
            let settled = of("line") + of("repayment");
            let on_account: i64 = self.paid.iter().filter(|(id, (p, _))| *p == provider && !self.gone_back.contains(*id)).map(|(_, (_, c))| c).sum();
            assert_eq!(settled, on_account, "provider {provider}");
        }
    }
}

#[test]
fn whatever_comes_back_is_paid_again_once_and_nothing_twice() {
    let (mut returned, mut netted) = (0, 0);
    for seed in 1..=8 {
        let mut world = World::new(seed);
        for _ in 0..60 {
            world.now = world.now.plus_ms(60_000);
            match world.below(7) {
                0 | 1 => world.settle(),
                2 | 3 => world.bank(),
                4 => world.rule(),
                5 => world.repay(),
                _ => world.check_accounts(),
            }
            world.check();
        }
        world.now = world.now.plus_ms(60_000);
        world.check_accounts();
        if let Some(waiting) = payments::signed_once(world.office.db()).expect("read") {
            world.office.withdraw(waiting.number, "Anna", world.now).expect("withdrawn");
        }
        let settled = world.office.settle("Anna", "Berta", CivilDay::of(world.now).plus(2), world.now).expect("settled");
        world.keep(&settled.payments.iter().map(|p| (p.end_to_end_id.clone(), p.provider.0, p.cents.get())).collect::<Vec<_>>());
        world.check();
        for provider in 101..=103 {
            let sums = format!(
                "SELECT coalesce(sum(settled), 0) - coalesce(sum(CASE WHEN verdict <> 0 THEN decided END), 0) FROM line WHERE provider = {provider}"
            );
            let credit = format!("SELECT coalesce(sum(cents - settled), 0) FROM repayment WHERE second IS NOT NULL AND provider = {provider}");
            let owed = number(&world.office, &sums) - number(&world.office, &credit);
            assert!(owed >= 0, "seed {seed}: provider {provider} is still owed {owed}");
        }
        returned += world.gone_back.len();
        netted += number(&world.office, "SELECT count(*) FROM repayment WHERE settled = cents");
    }
    assert!(returned > 10 && netted > 10, "only {returned} payments came back, {netted} repayments were netted");
}

/// A town whose judo club was paid 75 euros: the world, and the payment's reference.
fn judo_is_paid(seed: u64) -> (World, String) {
    let mut world = World::new(seed);
    let settled = world.office.settle("Anna", "Berta", CivilDay::of(world.now).plus(2), world.now).expect("settled");
    let payment = settled.payments.iter().find(|payment| payment.provider.0 == 102).expect("paid");
    assert_eq!(payment.cents, Cents::new(7_500));
    world.now = world.now.plus_days(3);
    (world, payment.end_to_end_id.clone())
}

fn entry(id: &str, cents: i64, booked: CivilDay, back: Option<&str>) -> BankFile {
    let direction = if back.is_some() { Direction::Credit } else { Direction::Debit };
    let entry =
        Entry { end_to_end_id: Some(id.into()), order_id: None, cents: Cents::new(cents), booked, direction, returned: back.map(str::to_owned) };
    let account = "DE02120300000000202051".parse().expect("an IBAN");
    BankFile::Statements(vec![Statement { account, id: "S".into(), entries: vec![entry] }])
}

fn rejection(id: &str, reason: &str) -> BankFile {
    let transaction = RejectedTransaction { end_to_end_id: id.into(), cents: Some(Cents::new(7_500)), reason: reason.into() };
    BankFile::Report(StatusReport { message_id: "05562032-R1".into(), rejected: None, transactions: vec![transaction] })
}

impl World {
    fn take(&mut self, file: &BankFile) -> CamtOutcome {
        self.now = self.now.plus_ms(60_000);
        self.office.import_bank(file, Hash::of(&[format!("{file:?}").as_bytes()]), "Anna", self.now).expect("taken in")
    }

    fn open_doubts(&self) -> Vec<String> {
        doubts::open(self.office.db()).expect("read").into_iter().map(|doubt| doubt.kind).collect()
    }

    fn judo_settled(&self) -> i64 {
        assert_eq!(sums::verify(self.office.db()).expect("counted"), 0, "the sums are those of the lines");
        number(&self.office, "SELECT coalesce(sum(settled), 0) FROM line WHERE provider = 102")
    }

    /// Settles what is open with the judo club; what was paid.
    fn pay_judo(&mut self) -> i64 {
        self.now = self.now.plus_days(1);
        let settled = self.office.settle("Anna", "Berta", CivilDay::of(self.now).plus(2), self.now).expect("settled");
        settled.payments.iter().filter(|payment| payment.provider.0 == 102).map(|payment| payment.cents.get()).sum()
    }

    fn judo_is_held(&self) -> Option<Hold> {
        let sums = open_sums(self.office.db(), &Selection::default()).expect("read");
        sums.into_iter().find(|sum| sum.provider.0 == 102).and_then(|sum| sum.blocked)
    }
}

#[test]
fn a_return_with_fees_deducted_waits_for_a_clerk_and_counts_once() {
    let (mut world, id) = judo_is_paid(11);
    let today = CivilDay::of(world.now);
    let less = entry(&id, 7_200, today, Some("MS03"));
    assert_eq!(world.take(&less).unclear, [(id.clone(), Doubt::OtherAmount)]);
    assert_eq!(world.take(&less).unclear.len(), 1, "it stays open");
    assert_eq!((world.open_doubts().len(), world.judo_settled()), (1, 7_500), "kept once, and nothing has changed");
    let now = world.now;
    let unsaid = world.office.returned_by_hand(&id, "MS03", today, " ", "Anna", now);
    assert!(matches!(unsaid, Err(OfficeError::Wrong(_))), "{unsaid:?}");
    let ahead = world.office.returned_by_hand(&id, "MS03", today.plus(1), "3 Euro Gebühren", "Anna", now);
    assert!(matches!(ahead, Err(OfficeError::Wrong(_))), "{ahead:?}");
    world.office.returned_by_hand(&id, "MS03", today, "3 Euro Gebühren", "Anna", now).expect("noted");
    assert!(matches!(world.office.returned_by_hand(&id, "MS03", today, "noch einmal", "Berta", now), Err(OfficeError::Overtaken)));
    assert_eq!((world.open_doubts().len(), world.judo_settled()), (0, 0));
    for file in [less, entry(&id, 7_500, today, Some("MS03")), entry(&id, 7_100, today.plus(1), Some("AC04")), entry(&id, 7_500, today, None)] {
        let said = world.take(&file);
        assert!(said.returned.is_empty() && said.unclear.is_empty(), "{said:?}");
    }
    assert_eq!(world.judo_settled(), 0);
    assert_eq!((world.pay_judo(), world.pay_judo()), (7_500, 0), "paid again, once");
    let noted = number(&world.office, "SELECT count(*) FROM audit WHERE action = 'bank_doubt' AND clerk = 'Anna'");
    assert_eq!(noted, 1);
}

#[test]
fn what_was_booked_after_a_rejection_is_not_paid_again_before_a_clerk_has_decided() {
    let (mut world, id) = judo_is_paid(12);
    let today = CivilDay::of(world.now);
    let (rejected, booked) = (rejection(&id, "MS03"), entry(&id, 7_500, today, None));
    assert_eq!(world.take(&rejected).returned, std::slice::from_ref(&id));
    world.office.draw_up("Anna", &Selection::default(), today.plus(3), None, world.now).expect("drawn up");
    assert_eq!(world.take(&booked).unclear, [(id.clone(), Doubt::BookedAfterReturn)]);
    assert_eq!(world.judo_is_held(), Some(Hold::Booked(id.clone())));
    let released = world.office.release("Berta", world.now);
    assert!(matches!(released, Err(OfficeError::ContentChanged(_))), "nor is a run released that was signed before: {released:?}");
    world.office.withdraw(2, "Anna", world.now).expect("withdrawn");
    assert_eq!((world.pay_judo(), world.judo_settled()), (0, 0), "nothing is paid to him before a clerk has decided");
    world.office.paid_after_all(&id, "Auszug 7: ausgeführt", "Anna", world.now).expect("decided");
    assert!(matches!(world.office.paid_after_all(&id, "noch einmal", "Berta", world.now), Err(OfficeError::Overtaken)));
    assert_eq!((world.judo_settled(), world.judo_is_held(), world.open_doubts().len()), (7_500, None, 0));
    let batch = number(&world.office, "SELECT min(batch) FROM share s JOIN payment p USING (end_to_end_id) WHERE p.provider = 102");
    let told: Vec<_> = payments::of_batch(world.office.db(), batch).expect("read").into_iter().map(|p| (p.end_to_end_id, p.transfer.get())).collect();
    assert_eq!(told, [(id.clone(), 7_500), (format!("{id}Z"), -7_500), (format!("{id}ZG"), 7_500)], "terminals keep what they were told");
    for file in [&rejected, &booked] {
        let said = world.take(file);
        assert!(said.returned.is_empty() && said.unclear.is_empty(), "{said:?}");
    }
    assert_eq!((world.pay_judo(), world.judo_settled()), (0, 7_500), "the bank's old files open nothing again");

    let (mut world, id) = judo_is_paid(13);
    let today = CivilDay::of(world.now);
    world.take(&rejection(&id, "MS03"));
    assert_eq!(world.pay_judo(), 7_500, "paid again before the bank says that the first one went through");
    assert_eq!(world.take(&entry(&id, 7_500, today, None)).unclear.len(), 1);
    world.office.paid_after_all(&id, "beide ausgeführt", "Anna", world.now).expect("decided");
    assert_eq!(world.judo_settled(), 15_000, "paid twice");
    assert_eq!(world.pay_judo(), 0, "nothing more before it is made up for");
    let owed = number(&world.office, "SELECT cents FROM run_provider WHERE provider = 102 ORDER BY run DESC LIMIT 1");
    assert_eq!(owed, -7_500, "and it is recovered");
}

#[test]
fn a_payment_that_came_back_all_the_same_is_paid_again_when_a_clerk_says_so() {
    let (mut world, id) = judo_is_paid(14);
    let today = CivilDay::of(world.now);
    world.take(&entry(&id, 7_500, today, Some("MS03")));
    assert!(world.take(&entry(&id, 7_500, today.plus(0), None)).unclear.is_empty(), "booked before it came back: files arrive in any order");
    let (mut world, id) = judo_is_paid(15);
    world.take(&rejection(&id, "MS03"));
    world.take(&entry(&id, 7_500, today, None));
    let doubt = doubts::open(world.office.db()).expect("read").remove(0);
    world.office.close_doubt(doubt.id, "Bank: Buchung war ein Irrtum", "Anna", world.now).expect("closed");
    assert!(matches!(world.office.close_doubt(doubt.id, "noch einmal", "Berta", world.now), Err(OfficeError::Overtaken)));
    assert_eq!((world.judo_is_held(), world.pay_judo(), world.pay_judo()), (None, 7_500, 0));
    let once_more = world.take(&entry(&id, 7_500, today.plus(1), None));
    assert_eq!(once_more.unclear, [(id.clone(), Doubt::BookedAfterReturn)]);
    let doubt = doubts::open(world.office.db()).expect("read").remove(0);
    world.office.close_doubt(doubt.id, "Bank hat storniert", "Anna", world.now).expect("closed");
    let again = world.take(&entry(&id, 7_500, today.plus(1), None));
    assert_eq!((again.unclear.len(), again.known), (0, 1), "what is closed is known");
}

#[test]
fn a_payment_executed_again_after_it_came_back_holds_its_provider_until_a_clerk_has_decided() {
    let (mut world, id) = judo_is_paid(18);
    let first = CivilDay::of(world.now);
    let (booked, back) = (entry(&id, 7_500, first, None), entry(&id, 7_500, first.plus(2), Some("MS03")));
    let again = entry(&id, 7_500, first.plus(4), None);
    world.take(&booked);
    assert_eq!(world.take(&back).returned, std::slice::from_ref(&id));
    assert_eq!(world.take(&again).unclear, [(id.clone(), Doubt::BookedAfterReturn)]);
    assert_eq!((world.judo_is_held(), world.pay_judo()), (Some(Hold::Booked(id.clone())), 0), "nothing is paid twice");
    world.office.paid_after_all(&id, "Auszug 9: noch einmal ausgeführt", "Anna", world.now).expect("decided");
    for file in [&booked, &back, &again] {
        let said = world.take(file);
        assert!(said.returned.is_empty() && said.unclear.is_empty(), "{said:?}");
    }
    assert_eq!((world.pay_judo(), world.judo_settled()), (0, 7_500));

    let (mut world, id) = judo_is_paid(19);
    world.take(&entry(&id, 7_500, first, None));
    let twice = world.take(&entry(&id, 7_500, first.plus(1), None));
    assert_eq!(twice.unclear, [(id, Doubt::BookedTwice)], "what never came back was booked twice");
}

#[test]
fn a_return_entered_by_hand_at_the_wrong_payment_is_taken_back_and_the_banks_own_word_still_counts() {
    let (mut world, id) = judo_is_paid(20);
    let today = CivilDay::of(world.now);
    world.office.returned_by_hand(&id, "MS03", today, "Auszug 3", "Anna", world.now).expect("noted");
    assert_eq!(world.judo_settled(), 0);
    world.office.paid_after_all(&id, "gemeint war eine andere", "Berta", world.now).expect("taken back");
    assert!(matches!(world.office.paid_after_all(&id, "noch einmal", "Anna", world.now), Err(OfficeError::Overtaken)));
    assert_eq!((world.judo_settled(), world.pay_judo()), (7_500, 0));
    assert_eq!(world.take(&entry(&id, 7_200, today, Some("MS03"))).unclear, [(id.clone(), Doubt::OtherAmount)]);
    assert_eq!(world.take(&entry(&id, 7_500, today, Some("MS03"))).returned, std::slice::from_ref(&id), "now it did come back");
    assert!(matches!(world.office.paid_after_all(&id, "nein", "Anna", world.now), Err(OfficeError::Overtaken)), "the bank said so");
    assert_eq!((world.pay_judo(), world.pay_judo()), (7_500, 0));
}

#[test]
fn a_restored_office_settles_nothing_it_signed_before_and_gives_no_number_of_a_run_twice() {
    let mut world = World::new(17);
    let (now, execution) = (world.now, CivilDay::of(world.now).plus(2));
    let signed = world.office.draw_up("Anna", &Selection::default(), execution, None, now).expect("drawn up");
    world.office.begin_after_restore(now).expect("begun");
    let released = world.office.release("Berta", now);
    assert!(matches!(released, Err(OfficeError::NotCompared)), "{released:?}");
    assert_eq!(number(&world.office, "SELECT count(*) FROM payment"), 0);
    world.office.withdraw(signed, "Anna", now).expect("withdrawing moves no money");
    world.office.has_compared("Anna", now).expect("noted");
    let run = world.office.settle("Anna", "Berta", execution, now).expect("settled").run.expect("a run");
    assert!(run > signed + 1_000, "the lost office may have given away those between: {run}");

    let judo = ProviderNumber(102);
    let sql = "SELECT t.terminal, l.seq FROM line l JOIN terminal t ON t.id = l.terminal WHERE l.provider = 102 ORDER BY l.seq LIMIT 1";
    let (terminal, seq): (Vec<u8>, i64) = world.office.db().query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).expect("a line");
    let line = EntryId { terminal: TerminalId(terminal.try_into().expect("an id")), seq: seq as u64 };
    world.office.rule(line, Choice::Reject, Reason::ClerkDecision, "", "Anna", now).expect("ruled");
    let new = NewRepayment { provider: judo, cents: Cents::new(1_500), day: CivilDay::of(now), note: "Auszug 12" };
    world.office.note_repayment("form", &new, "Anna", now).expect("noted");
    world.office.begin_after_restore(now).expect("begun");
    let noted = repayments::waiting(world.office.db()).expect("read")[0].number;
    let confirmed = world.office.confirm_repayment(noted, Cents::new(1_500), true, "Berta", now);
    assert!(matches!(confirmed, Err(OfficeError::NotCompared)), "{confirmed:?}");
    world.office.has_compared("Anna", now).expect("noted");
    world.office.confirm_repayment(noted, Cents::new(1_500), true, "Berta", now).expect("confirmed");
    let second = world.office.settle("Anna", "Berta", execution, now).expect("settled").run.expect("a run");
    assert!(second > run + 1_000, "{second}");
}

#[test]
fn a_name_that_no_payment_file_can_carry_is_refused_and_one_on_record_stops_nobody_elses_run() {
    let mut world = World::new(21);
    let data = ProviderData { name: "Кухня".into(), kind: SiteKind::Other, contact: String::new() };
    let renamed = world.office.change_provider(ProviderNumber(103), &data, "Anna", world.now);
    assert!(matches!(&renamed, Err(OfficeError::Wrong(why)) if why.contains("Latin letter")), "{renamed:?}");
    let new = NewProvider { name: data.name.clone(), iban: IBANS[0].into(), services: Vec::new() };
    let added = world.office.add_provider(&new, world.now);
    assert!(matches!(&added, Err(OfficeError::Wrong(why)) if why.contains("Latin letter")), "{added:?}");
    world.office.db().execute("UPDATE provider SET name = 'Кухня' WHERE number = 103", []).expect("as an older version kept it");
    let settled = world.office.settle("Anna", "Berta", CivilDay::of(world.now).plus(2), world.now).expect("settled");
    assert_eq!(settled.payments.iter().map(|payment| payment.provider.0).collect::<Vec<_>>(), [101, 102]);
}

#[test]
fn batches_that_bear_one_number_share_a_payment_once() {
    let mut world = World::new(16);
    let doubled = "SELECT a.id, b.id, a.batch FROM batch a JOIN batch b ON b.terminal = a.terminal AND b.id > a.id
                   WHERE a.provider = 101 AND EXISTS (SELECT 1 FROM line WHERE batch = a.id) AND EXISTS (SELECT 1 FROM line WHERE batch = b.id) LIMIT 1";
    let (first, second, id): (i64, i64, Vec<u8>) =
        world.office.db().query_row(doubled, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).expect("two batches of a terminal");
    world.office.db().execute("UPDATE batch SET batch = ?2 WHERE id = ?1", (second, &id)).expect("doubled");
    let settled = world.office.settle("Anna", "Berta", CivilDay::of(world.now).plus(2), world.now).expect("settled");
    let canteen = settled.payments.iter().find(|payment| payment.provider.0 == 101).expect("paid");
    let shares = number(&world.office, &format!("SELECT sum(cents) FROM share WHERE end_to_end_id = '{}'", canteen.end_to_end_id));
    assert_eq!(shares, canteen.cents.get(), "the shares are the payment");
    let lines = |batch: i64| number(&world.office, &format!("SELECT sum(decided) FROM line WHERE batch = {batch} AND verdict <> 0"));
    let whole = lines(first) + lines(second);
    for batch in [first, second] {
        let told = payments::of_batch(world.office.db(), batch).expect("read");
        assert_eq!(told.iter().map(|payment| payment.share.get()).collect::<Vec<_>>(), [whole], "under one number the terminal keeps one");
    }
}

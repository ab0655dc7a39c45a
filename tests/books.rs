//! The proof of the journal, the books for an auditor, backup and restore.
#![cfg(feature = "terminal")]

mod town;

use teilhabe::book::entry::Body;
use teilhabe::shell::backup::{self, BackupError};
use teilhabe::shell::locked_file::{Lock, Opener};
use teilhabe::shell::terminal_dir::{self, DirError};
use teilhabe::terminal::CannotOpen;
use teilhabe::terminal::counter::Answer;
use teilhabe::terminal::held::HoldRequest;
use teilhabe::words::cents::Cents;
use teilhabe::words::chance::Chance;
use teilhabe::words::reason::Reason;
use town::*;

/// A town in which something of everything has happened.
fn busy(mut town: Town) -> Town {
    let cards: Vec<String> = (1..=4).map(|number| town.office.token(number, allowances())).collect();
    for card in &cards[..3] {
        town.redeem(&request(card, "lunch"), noon());
    }
    let fee = teilhabe::terminal::counter::Request { cents: Some(Cents::new(1_500)), ..request(&cards[0], "judo") };
    let Answer::Accepted(paid) = town.redeem(&fee, noon()) else { panic!("refused") };
    town.terminal.cancel(paid.entries[0].seq, code("typo"), &mut town.chance, noon()).expect("cancelled");
    hold(&mut town, "Blauer Ranzen");
    town.exchange(noon());
    town.redeem(&request(&cards[3], "lunch"), noon().plus_ms(1000));
    town.terminal.close_day(day("2026-11-23"), &mut town.chance, noon().plus_ms(2000)).expect("closed");
    town
}

fn hold(town: &mut Town, alias: &str) {
    let held = HoldRequest {
        ask: None,
        code: None,
        person: None,
        alias: Some(alias.into()),
        service: code("lunch"),
        day: None,
        cents: None,
        why: Reason::UnknownNumber,
    };
    town.terminal.hold(&held, &mut town.chance, noon()).expect("held");
}

#[test]
fn a_whole_journal_is_proven() {
    let mut town = busy(Town::new());
    let proof = town.terminal.verify().expect("whole");
    assert_eq!((proof.redemptions, proof.receipts), (5, 1));
    assert_eq!(proof.head, town.terminal.status(noon()).expect("readable").head);
}

#[test]
fn every_way_of_tampering_is_found() {
    for (sql, sentence) in [
        ("UPDATE journal SET bytes = x'a0' WHERE seq = 5", "cannot be read"),
        ("UPDATE journal SET bytes = (SELECT bytes FROM journal WHERE seq = 6) WHERE seq = 5", "carries the number 6"),
        ("UPDATE journal SET link = zeroblob(32) WHERE seq = 5", "its link was made for"),
        ("DELETE FROM journal WHERE seq = 5", "entry 5 is missing"),
        ("DELETE FROM journal WHERE seq = 1", "entry 1 is missing"),
        ("UPDATE journal SET at = at + 1 WHERE seq = 5", "index of its time"),
        ("UPDATE journal SET kind = 3 WHERE seq = 5", "index of its kind"),
        ("UPDATE journal SET office = NULL WHERE seq = 5", "index of its office"),
        ("UPDATE redemption SET cents = 1 WHERE seq = 5", "its index differs"),
        ("UPDATE redemption SET slot = zeroblob(16) WHERE seq = 5", "its index differs"),
        ("UPDATE redemption SET handle = zeroblob(8) WHERE seq = 5", "its index differs"),
        ("UPDATE redemption SET day = day + 1 WHERE seq = 5", "its index differs"),
        ("UPDATE redemption SET slot_day = slot_day + 1 WHERE seq = 5", "its index differs"),
        ("DELETE FROM redemption WHERE seq = 5", "missing from its index"),
        ("UPDATE redemption SET cancelled_by = 9 WHERE seq = 5", "that no entry has cancelled"),
        ("UPDATE redemption SET cancelled_by = NULL WHERE cancelled_by IS NOT NULL", "its index says otherwise"),
        (
            "INSERT INTO redemption SELECT 999, office, handle, benefit, service, day, units, cents, NULL, NULL, NULL, 0, zeroblob(16), NULL FROM redemption LIMIT 1",
            "not in the journal",
        ),
        ("UPDATE held SET alias_id = zeroblob(8)", "held entry"),
        ("UPDATE batch SET hash = zeroblob(32)", "not the one that was kept"),
        ("UPDATE batch SET last_link = zeroblob(32)", "names another link"),
    ] {
        let mut town = busy(Town::new());
        let changed = town.terminal.store().connection().execute(sql, []).expect(sql);
        assert!(changed > 0, "{sql} changed nothing");
        let found = town.terminal.verify().expect_err(sql).to_string();
        assert!(found.contains(sentence), "{sql}: {found}");
    }
}

#[test]
fn the_books_hold_every_entry_and_anybody_can_follow_the_chain() {
    let mut town = busy(Town::new());
    let mut csv = Vec::new();
    let entries = town.terminal.write_journal(&mut csv).expect("written");
    let csv = String::from_utf8(csv).expect("UTF-8");
    let rows: Vec<Vec<&str>> = csv.lines().map(|line| line.trim_matches('"').split("\";\"").collect()).collect();
    assert_eq!(rows.len() as u64, entries + 1);
    let column = |name: &str| rows[0].iter().position(|n| *n == name).unwrap_or_else(|| panic!("no column {name}"));
    let mut head = teilhabe::book::entry::Head::start(town.terminal.id());
    for row in &rows[1..] {
        let bytes = data_encoding::HEXLOWER.decode(row[column("BYTES")].as_bytes()).expect("hex");
        head = head.after(&bytes);
        assert_eq!((row[column("NR")], row[column("KETTE")]), (head.seq.to_string().as_str(), head.link.hex().as_str()));
    }
    assert!(rows.iter().any(|row| row[column("ART")] == "Einlösung" && row[column("BETRAG")] == "4,50"));
    assert!(!csv.contains("Blauer Ranzen"), "the alias never leaves the box");
    let (mut index, mut batches) = (Vec::new(), Vec::new());
    town.terminal.write_index(&mut index).expect("written");
    town.terminal.write_batches(&mut batches).expect("written");
    let index = String::from_utf8(index).expect("UTF-8");
    for name in &rows[0] {
        assert!(index.contains(&format!("<Name>{name}</Name>")), "{name}");
    }
    assert_eq!(String::from_utf8(batches).expect("UTF-8").lines().count(), 2);
}

#[test]
fn a_restored_box_is_a_new_terminal_that_forgets_nothing() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (old, new, file) = (dir.path().join("old"), dir.path().join("new"), dir.path().join("backup.age"));
    let mut chance = Chance::seeded(3);
    let terminal = terminal_dir::open_or_create(&old, &mut chance, morning()).expect("made");
    let mut town = Town { terminal, chance, office: PaperOffice::new("05562032", 1) };
    town.enrol(morning());
    town.exchange(morning());
    let mut town = busy(town);
    let (old_id, old_head) = (town.terminal.id(), town.terminal.status(noon()).expect("readable").head);
    let passphrase = backup::recovery_key(&mut town.chance);
    assert_eq!(passphrase.len(), 39, "eight groups of four");
    backup::write(&old, &file, &Lock::Passphrase(passphrase.clone())).expect("written");

    let restore = |to: &std::path::Path, passphrase: &str, chance: &mut Chance| {
        backup::restore(to, &file, &Opener::of(passphrase), chance, noon().plus_days(1))
    };
    assert!(matches!(restore(&old, &passphrase, &mut town.chance), Err(BackupError::NotEmpty(_))));
    assert!(matches!(restore(&dir.path().join("wrong"), "wrong", &mut town.chance), Err(BackupError::WrongPassphrase)));
    let restored = restore(&new, &passphrase, &mut town.chance).expect("restored");
    assert_eq!((restored.earlier, restored.entries), (old_id, old_head.seq));
    assert_eq!((restored.entered_again, restored.held_again, restored.unsent_cancellations.len()), (1, 1, 0));

    let now = noon().plus_days(1);
    town.terminal = terminal_dir::open(&new, now).expect("opens");
    assert_ne!(town.terminal.id(), old_id);
    town.terminal.verify().expect("whole");
    assert_eq!(verdict(&town.redeem(&request(&town.office.token(5, allowances()), "lunch"), now)), "provider_not_admitted");
    town.enrol(now);
    for number in 1..=4 {
        let again =
            teilhabe::terminal::counter::Request { day: Some(day("2026-11-23")), ..request(&town.office.token(number, allowances()), "lunch") };
        assert_eq!(verdict(&town.redeem(&again, now)), "already_redeemed", "child {number}");
    }
    assert_eq!(verdict(&town.redeem(&request(&town.office.token(1, allowances()), "lunch"), now)), "accepted", "a new day");
    assert_eq!(town.terminal.open_held().expect("readable")[0].held.alias, "Blauer Ranzen");
    town.office.lines.clear();
    assert_eq!(town.exchange(now).confirmed, 1);
    let opened =
        town.office.lines.iter().find_map(|e| if let Body::Opened(opened) = e.body { Some(opened) } else { None }).expect("shown to the office");
    assert_eq!((opened.terminal, opened.seq, opened.link), (Some(old_id), Some(old_head.seq), Some(old_head.link)));
    let meals = town.office.lines.iter().filter(|e| matches!(e.body, Body::Redemption(_))).count();
    assert_eq!(meals, 2, "the one nobody had confirmed, entered again, and today's");
}

#[test]
fn keys_and_journal_belong_together() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (ours, theirs) = (dir.path().join("ours"), dir.path().join("theirs"));
    let mut chance = Chance::seeded(3);
    for folder in [&ours, &theirs] {
        drop(terminal_dir::open_or_create(folder, &mut chance, morning()).expect("made"));
    }
    std::fs::copy(theirs.join(terminal_dir::SIGNING_KEY), ours.join(terminal_dir::SIGNING_KEY)).expect("copied");
    assert!(matches!(terminal_dir::open(&ours, morning()), Err(DirError::Open(CannotOpen::ForeignKeys))));
    assert!(matches!(terminal_dir::open(&dir.path().join("nothing"), morning()), Err(DirError::Open(CannotOpen::NoTerminal))));
    std::fs::write(theirs.join(terminal_dir::ENVELOPE_KEY), "AGE-SECRET-KEY-1NO").expect("written");
    assert!(matches!(terminal_dir::open(&theirs, morning()), Err(DirError::NoKey(terminal_dir::ENVELOPE_KEY))));
}

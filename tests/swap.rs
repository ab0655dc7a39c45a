//! Backup, restore and swap of a box, and of an office: real boxes, a real office, real files.
#![cfg(all(feature = "office", feature = "terminal"))]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use teilhabe::admit::enrolment::EnrolmentCode;
use teilhabe::office::{NewProvider, Office, OfficeError, ServiceTerms};
use teilhabe::shell::backup::automatic::{HOUR_MS, Plan, Standing, Trouble};
use teilhabe::shell::backup::keeper::Keeper;
use teilhabe::shell::backup::mounts::Mounts;
use teilhabe::shell::backup::replacement::Source;
use teilhabe::shell::backup::{self, BackupError};
use teilhabe::shell::command::{Context, doctor};
use teilhabe::shell::envelope::Identity;
use teilhabe::shell::locked_file::{self, Lock, Opener};
use teilhabe::shell::sheet::children;
use teilhabe::shell::store;
use teilhabe::shell::store::office::swap::{SwapState, swaps};
use teilhabe::shell::{door, terminal_dir};
use teilhabe::terminal::Terminal;
use teilhabe::terminal::counter::{Answer, Request};
use teilhabe::terminal::enrol::EnrolmentAnswer;
use teilhabe::terminal::inbound::TakenIn;
use teilhabe::terminal::restore::{CannotTakeOver, Restored};
use teilhabe::words::chance::Chance;
use teilhabe::words::civil::CivilDay;
use teilhabe::words::code::Code;
use teilhabe::words::ids::{OfficeId, ProviderNumber};
use teilhabe::words::keys::PublicKey;
use teilhabe::words::reason::Reason;
use teilhabe::words::time::UtcMs;
use tempfile::TempDir;
use zeroize::Zeroizing;

/// A canteen's box and its office, each in a folder of its own.
struct World {
    dir: TempDir,
    chance: Chance,
    office: Office,
    provider: ProviderNumber,
    cards: Vec<String>,
    now: UtcMs,
    key: Identity,
}

fn noon() -> UtcMs {
    CivilDay::parse("2026-11-23").expect("a day").at_minute(12 * 60)
}

fn passphrase(text: &str) -> Lock {
    Lock::Passphrase(Zeroizing::new(text.into()))
}

impl World {
    fn new() -> (Self, Terminal) {
        let dir = tempfile::tempdir().expect("a folder");
        let id = OfficeId::parse("05562032").expect("an id");
        let mut office = Office::init(&dir.path().join("office"), id, "Stadt Recklinghausen", "DE02120300000000202051", Chance::seeded(1), noon())
            .expect("an office");
        let lunch = ServiceTerms::parse("lunch:lunch:Mittagessen:450", CivilDay::of(noon())).expect("terms");
        let canteen = NewProvider { name: "Mensa am Park".into(), iban: "DE89370400440532013000".into(), services: vec![lunch] };
        let (provider, code) = office.add_provider(&canteen, noon()).expect("a provider");
        let rows: String = (1..=6).map(|n| format!("{n};lunch;2026-08;2027-07;day;units;1\n")).collect();
        let table = children::read(format!("reference;benefit;from;to;period;measure;amount\n{rows}").as_bytes()).expect("a table");
        let cards = office.issue(&table.rows, noon()).expect("issued").into_iter().map(|token| token.code).collect();
        let mut world = Self { dir, chance: Chance::seeded(2), office, provider, cards, now: noon(), key: Identity::generate() };
        let old = world.path("old");
        let mut terminal = terminal_dir::open_or_create(&old, &mut world.chance, noon()).expect("a box");
        world.enrol(&mut terminal, &code);
        world.exchange(&mut terminal);
        (world, terminal)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The time now: every look at the clock is a minute later.
    fn tick(&mut self) -> UtcMs {
        self.now = self.now.plus_ms(60_000);
        self.now
    }

    fn enrol(&mut self, terminal: &mut Terminal, code: &EnrolmentCode) {
        let now = self.tick();
        let request = terminal.ask_for_admission(&code.grouped(), "Ausgabe").expect("a request");
        let admitted = self.office.enrol(&request, now).expect("admitted");
        let root = PublicKey::from_bytes(&admitted.root).expect("a key");
        let answer = EnrolmentAnswer::new(&root, &admitted.trust, &admitted.credential);
        terminal.take_admission(&code.grouped(), "http://127.0.0.1:19500", &answer, &mut self.chance, now).expect("enrolled");
    }

    fn exchange(&mut self, terminal: &mut Terminal) -> TakenIn {
        let (id, now) = (self.office.profile().id.clone(), self.tick());
        terminal.seal_batches(&id, &mut self.chance, now).expect("sealed");
        let question = terminal.outbound(&id, &mut self.chance, now).expect("a question");
        let answer = self.office.exchange(&question, now).expect("answered");
        terminal.take_inbound(&answer, &mut self.chance, now).expect("home")
    }

    /// What the box says to a card: none for green.
    fn scan(&mut self, terminal: &mut Terminal, card: usize) -> Option<Reason> {
        let now = self.tick();
        let day = Some(CivilDay::of(noon()));
        let request = Request { code: self.cards[card].clone(), service: Code::parse("lunch"), months: 1, day, ..Request::default() };
        match terminal.redeem(&request, &mut self.chance, now).expect("answered") {
            Answer::Accepted(_) => None,
            Answer::Refused(refused) => Some(refused.reason),
        }
    }

    /// For the owner of the recovery key.
    fn lock(&self) -> Lock {
        Lock::to(&self.key.recipient()).expect("an address")
    }

    fn opener(&self) -> Opener {
        Opener::of(&self.key.to_text())
    }

    fn backup(&self, from: &str) -> PathBuf {
        let file = self.path("stick.age");
        backup::write(&self.path(from), &file, &self.lock()).expect("written");
        file
    }

    fn restore(&mut self, file: &Path, to: &str) -> (Terminal, Restored) {
        let (dir, now) = (self.path(to), self.tick());
        let restored = backup::restore(&dir, file, &self.opener(), &mut self.chance, now).expect("restored");
        let mut terminal = terminal_dir::open(&dir, now).expect("opens");
        terminal.verify().expect("whole");
        let code = self.office.new_code(self.provider, now).expect("a code");
        self.enrol(&mut terminal, &code);
        (terminal, restored)
    }

    /// What is paid in the end, in cents, and for how many lines.
    fn paid(&mut self) -> (i64, u64) {
        let now = self.tick();
        let tally = self.office.reconcile(now).expect("reconciled");
        let run = self.office.settle("Anna", "Bernd", CivilDay::of(now).plus(2), now).expect("settled");
        (run.payments.iter().map(|payment| payment.cents.get()).sum(), tally.accepted)
    }
}

#[test]
fn a_backup_opens_for_its_owner_only_and_only_whole() {
    let (mut world, mut old) = World::new();
    assert_eq!(world.scan(&mut old, 0), None);
    let (key, stranger) = (Identity::generate(), Identity::generate());
    let (by_word, by_key) = (world.path("word.age"), world.path("key.age"));
    backup::write(&world.path("old"), &by_word, &passphrase("rote Grütze")).expect("written");
    let size = backup::write(&world.path("old"), &by_key, &Lock::to(&key.recipient()).expect("an address")).expect("written");
    assert_eq!(fs::metadata(&by_key).expect("there").len(), size);
    assert_eq!(fs::metadata(&by_key).expect("there").permissions().mode() & 0o777, 0o600);
    let plain = fs::read(&by_key).expect("read");
    assert!(!plain.windows(16).any(|w| w == b"SQLite format 3\0"), "nothing lies open in it");
    let left: Vec<_> =
        fs::read_dir(world.path("old")).expect("there").flatten().filter(|e| e.file_name().to_string_lossy().contains("draft")).collect();
    assert!(left.is_empty(), "no plain copy stays");

    let mut chance = Chance::seeded(3);
    let mut restore = |file: &Path, opener: &str, to: &Path| backup::restore(to, file, &Opener::of(opener), &mut chance, noon().plus_days(1));
    let to = world.path("new");
    assert!(matches!(restore(&by_word, "grüne Grütze", &to), Err(BackupError::WrongPassphrase)));
    assert!(matches!(restore(&by_word, &key.to_text(), &to), Err(BackupError::WrongPassphrase)));
    assert!(matches!(restore(&by_key, &stranger.to_text(), &to), Err(BackupError::WrongPassphrase)));
    let whole = fs::read(&by_key).expect("read");
    for length in [0, 20, 200, whole.len() / 2, whole.len() - 1] {
        let cut = world.path("cut.age");
        fs::write(&cut, &whole[..length]).expect("written");
        let found = restore(&cut, &key.to_text(), &to);
        assert!(matches!(found, Err(BackupError::Damaged | BackupError::NoBackup)), "{length}: {found:?}");
        assert_eq!(fs::read_dir(&to).expect("there").count(), 0, "the folder is empty again, and can be tried again");
    }
    let mut changed = whole.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    fs::write(world.path("cut.age"), changed).expect("written");
    assert!(matches!(restore(&world.path("cut.age"), &key.to_text(), &to), Err(BackupError::Damaged)));
    let of_office = world.path("office.age");
    backup::write(&world.path("office"), &of_office, &world.lock()).expect("written");
    assert!(matches!(restore(&of_office, &world.key.to_text(), &to), Err(BackupError::OtherKind(_))));
    assert!(matches!(restore(&by_key, &key.to_text(), &world.path("old")), Err(BackupError::NotEmpty(_))));
    assert_eq!(restore(&by_key, &key.to_text(), &to).expect("restored").entered_again, 1);
    assert_eq!(restore(&by_word, " rote Grütze ", &world.path("newer")).expect("restored").entered_again, 1);
}

#[test]
fn a_swapped_box_loses_nothing_and_is_paid_once_while_the_old_one_still_runs() {
    let (mut world, mut old) = World::new();
    assert_eq!(world.scan(&mut old, 0), None);
    assert_eq!(world.exchange(&mut old).confirmed, 1);
    assert_eq!(world.scan(&mut old, 1), None, "recorded and not sent when the backup is made");
    assert_eq!(world.scan(&mut old, 4), None, "this one too, and the old box never sends it");
    let image = world.path("image");
    copy_box(&world.path("old"), &image);
    let file = world.backup("old");

    // What the old box sends after the backup was made: from a copy as it was before, so that card 4 stays unsent.
    assert_eq!(world.scan(&mut old, 2), None);
    let (mut new, restored) = world.restore(&file, "new");
    assert_eq!((restored.entered_again, restored.earlier), (2, old.id()));
    assert_ne!(new.id(), old.id());
    for card in [0, 1, 4] {
        assert_eq!(world.scan(&mut new, card), Some(Reason::AlreadyRedeemed), "card {card} is spent on the new box");
    }
    assert_eq!(world.scan(&mut new, 3), None);
    assert_eq!(world.exchange(&mut new).confirmed, 1);
    assert!(swaps(world.office.db(), UtcMs(0)).expect("read").is_empty(), "the old box has not asked since");

    // The old box is still in use, and sends what it has: two of it a second time.
    assert_eq!(world.scan(&mut old, 5), None);
    let told = world.exchange(&mut old);
    assert!(!told.disputed, "its journal is its own");
    let status = old.status(world.now).expect("read");
    assert_eq!(status.offices[0].successor, Some(new.id()), "the old box hears that it was replaced");
    let found = swaps(world.office.db(), UtcMs(0)).expect("read");
    assert_eq!(found.iter().map(|swap| (swap.what, swap.provider)).collect::<Vec<_>>(), [(SwapState::BothWork, world.provider.0)]);
    assert_eq!(new.status(world.now).expect("read").offices[0].successor, None);

    assert_eq!(world.paid(), (6 * 450, 6), "every card once, whichever box it came from");
    world.exchange(&mut new);
    world.exchange(&mut old);
    assert_eq!(world.paid(), (0, 0));
}

#[test]
fn a_backup_that_somebody_has_put_a_trigger_into_is_not_restored() {
    let (mut world, mut old) = World::new();
    assert_eq!(world.scan(&mut old, 0), None);
    let plain = world.path("plain.db");
    store::copy(&world.path("old/terminal.db"), &plain).expect("copied");
    let locked = |world: &World| {
        let file = world.path("stick.age");
        locked_file::lock(&world.path("plain.db"), &file, &world.lock()).expect("locked");
        file
    };
    let (file, opener, to) = (locked(&world), world.opener(), world.path("new"));
    backup::restore(&world.path("as it was"), &file, &opener, &mut world.chance, noon()).expect("restored");
    let sql = "CREATE TRIGGER gift AFTER INSERT ON redemption BEGIN DELETE FROM journal; END";
    rusqlite::Connection::open(&plain).expect("opened").execute_batch(sql).expect("made");
    let file = locked(&world);
    assert!(matches!(backup::restore(&to, &file, &opener, &mut world.chance, noon()), Err(BackupError::Damaged)));
    assert_eq!(fs::read_dir(&to).expect("there").count(), 0);
}

#[derive(Debug, thiserror::Error)]
enum NotReplaced {
    #[error(transparent)]
    Backup(#[from] BackupError),
    #[error(transparent)]
    TakeOver(#[from] CannotTakeOver),
}

#[test]
fn a_box_that_runs_goes_on_for_another_one_and_only_while_nobody_has_used_it() {
    let (mut world, mut old) = World::new();
    assert_eq!(world.scan(&mut old, 0), None);
    assert_eq!(world.exchange(&mut old).confirmed, 1);
    assert_eq!(world.scan(&mut old, 1), None);
    let head = old.verify().expect("whole").head;
    fs::create_dir_all(world.path("media/STICK/teilhabe")).expect("made");
    fs::rename(world.backup("old"), world.path("media/STICK/teilhabe/old.age")).expect("put on the stick");
    let line = format!("36 35 8:17 / {} rw shared:7 - vfat /dev/sdb1 rw\n", world.path("media/STICK").display());
    fs::write(world.path("mountinfo"), line).expect("written");

    let (dir, now) = (world.path("new"), world.tick());
    let mut new = terminal_dir::open_or_create(&dir, &mut world.chance, now).expect("a box");
    let (id, opener) = (new.id(), world.opener());
    let keeper = Keeper::new(&dir, "new", None, Mounts { list: world.path("mountinfo"), under: vec![world.path("media")] });
    let found = keeper.found();
    assert_eq!(found.iter().map(|one| (one.name.as_str(), one.stick.as_str())).collect::<Vec<_>>(), [("old.age", "STICK")]);
    let mut replace = |terminal: &mut Terminal, opener: &Opener, source: Source| {
        keeper.replace(&source, opener, |mut copy| {
            Terminal::verify_copy(&mut copy).expect("whole");
            let restored = Terminal::continue_as(&mut copy, terminal.id(), &mut world.chance, now)?;
            terminal.take_over(&mut copy, now)?;
            Ok::<_, NotReplaced>(restored)
        })
    };
    let source = || Source::File(found[0].file.clone());
    let elsewhere = Source::File(dir.join("signing.key"));
    assert!(matches!(replace(&mut new, &opener, elsewhere), Err(NotReplaced::Backup(BackupError::NoFile))), "only what is shown is opened");
    assert!(matches!(replace(&mut new, &opener, Source::Arrived), Err(NotReplaced::Backup(BackupError::NoFile))));
    let stranger = Opener::of(&Identity::generate().to_text());
    assert!(matches!(replace(&mut new, &stranger, source()), Err(NotReplaced::Backup(BackupError::WrongPassphrase))));
    assert!(new.is_unused().expect("read"), "nothing has changed");
    let restored = replace(&mut new, &opener, source()).expect("replaced");
    assert_eq!((restored.terminal, restored.earlier, restored.entries), (id, old.id(), head.seq));
    assert_eq!(restored.entered_again, 1);
    assert!(!dir.join("restore.draft").exists(), "no plain copy stays");
    assert!(matches!(replace(&mut new, &opener, source()), Err(NotReplaced::TakeOver(CannotTakeOver::InUse))));
    assert!(matches!(replace(&mut old, &opener, source()), Err(NotReplaced::TakeOver(CannotTakeOver::Itself))));

    // What the running box holds is what the next start finds, and what was done is told until the box is admitted.
    new.verify().expect("whole");
    assert_eq!(new.restored().expect("read"), Some(restored));
    drop(new);
    let mut new = terminal_dir::open(&dir, now).expect("opens again");
    new.verify().expect("whole");
    let code = world.office.new_code(world.provider, now).expect("a code");
    world.enrol(&mut new, &code);
    assert_eq!(new.restored().expect("read"), None);
    for card in [0, 1] {
        assert_eq!(world.scan(&mut new, card), Some(Reason::AlreadyRedeemed), "card {card} is spent on the new box");
    }
    assert_eq!(world.scan(&mut new, 2), None);
    assert_eq!(world.exchange(&mut new).confirmed, 1);
    assert_eq!(world.paid(), (3 * 450, 3));
}

/// The folder of a box as an image of its disk holds it: keys and all.
fn copy_box(from: &Path, to: &Path) {
    fs::create_dir(to).expect("made");
    for name in ["signing.key", "envelope.key"] {
        fs::copy(from.join(name), to.join(name)).expect("copied");
    }
    store::copy(&from.join("terminal.db"), &to.join("terminal.db")).expect("copied");
}

#[test]
fn an_old_image_and_a_second_box_with_the_same_keys_are_noticed() {
    let (mut world, mut old) = World::new();
    copy_box(&world.path("old"), &world.path("image"));
    assert_eq!(world.scan(&mut old, 0), None);
    assert_eq!(world.exchange(&mut old).confirmed, 1);
    assert!(swaps(world.office.db(), UtcMs(0)).expect("read").is_empty(), "an honest box is never suspected");

    // A question that was written before the last batch, and comes late by stick, says nothing.
    let id = world.office.profile().id.clone();
    let early = world.tick();
    let late = old.outbound(&id, &mut world.chance, early).expect("a question");
    assert_eq!(world.scan(&mut old, 1), None);
    assert_eq!(world.exchange(&mut old).confirmed, 1);
    let now = world.tick();
    world.office.exchange(&late, now).expect("answered");
    assert!(swaps(world.office.db(), UtcMs(0)).expect("read").is_empty(), "nor is a slow stick");

    let now = world.tick();
    let mut image = terminal_dir::open(&world.path("image"), now).expect("opens");
    assert_eq!(image.id(), old.id(), "it is taken for the same box");
    let told = world.exchange(&mut image);
    assert!(told.disputed && image.status(now).expect("read").offices[0].disputed, "the box is told");
    let found = swaps(world.office.db(), UtcMs(0)).expect("read");
    assert_eq!(found.iter().map(|swap| swap.what).collect::<Vec<_>>(), [SwapState::OtherState], "and the clerk, before it claims anything");

    assert_eq!(world.scan(&mut image, 2), None);
    world.exchange(&mut image);
    assert_eq!(world.paid(), (2 * 450, 2), "what a copy claims waits for a clerk");
}

#[test]
fn an_old_image_keeps_its_claims_and_a_restored_box_of_it_can_send_them() {
    let (mut world, mut old) = World::new();
    assert_eq!(world.scan(&mut old, 0), None);
    world.exchange(&mut old);
    let file = world.backup("old");
    // The box dies, and nothing was recorded after the backup: nothing is claimed twice, nothing is missing.
    drop(old);
    let (mut new, restored) = world.restore(&file, "new");
    assert_eq!(restored.entered_again, 0);
    assert_eq!(world.scan(&mut new, 0), Some(Reason::AlreadyRedeemed));
    assert_eq!(world.scan(&mut new, 1), None);
    world.exchange(&mut new);
    assert_eq!(world.paid(), (2 * 450, 2));
}

#[test]
fn a_stick_that_comes_and_goes_never_disturbs_the_counter() {
    let (mut world, mut old) = World::new();
    let (dir, to) = (world.path("old"), world.path("stick/backups"));
    let plan = Plan { dir: dir.clone(), to: to.clone(), every_hours: 24, keep: 3, lock: world.lock(), name: "terminal-1".into() };
    plan.begin();
    let start = world.now;
    assert!(matches!(plan.look(start), Some(Err(BackupError::TargetMissing(_)))));
    assert_eq!(Standing::read(&dir).trouble, Some(Trouble::Missing));
    assert!(!to.exists(), "a folder that is not there is not made: it would lie on the box's own disk");
    assert_eq!(world.scan(&mut old, 0), None, "green all the same");

    fs::create_dir_all(&to).expect("the stick is in");
    let first = plan.look(start.plus_ms(60_000)).expect("due at once").expect("written");
    let standing = Standing::read(&dir);
    assert_eq!((standing.trouble, standing.file.as_ref()), (None, Some(&first)));
    assert!(plan.look(start.plus_ms(2 * HOUR_MS)).is_none(), "not due");
    fs::write(to.join("Urlaub.jpg"), "not ours").expect("written");
    for day in 1..=4 {
        plan.look(start.plus_days(day).plus_ms(60_000)).expect("due").expect("written");
    }
    let mut names: Vec<String> = fs::read_dir(&to).expect("there").flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    assert_eq!(names.len(), 4, "three of ours and a picture: {names:?}");
    assert!(!first.exists() && names.contains(&"Urlaub.jpg".to_owned()));

    // Something stands where the next file would be written.
    let later = start.plus_days(6);
    let stamp: String = later.rfc3339().chars().take(19).filter(|c| *c != ':').collect();
    let in_the_way = to.join(format!("terminal-1-{stamp}Z.age.draft"));
    fs::create_dir(&in_the_way).expect("made");
    assert!(matches!(plan.look(later), Some(Err(BackupError::Io { .. }))));
    assert_eq!(Standing::read(&dir).trouble, Some(Trouble::Failed));
    fs::remove_dir(&in_the_way).expect("removed");
    assert_eq!(fs::read_dir(&to).expect("there").count(), 4, "the older ones are kept, and nothing half stays");
    assert!(plan.look(later.plus_ms(60_000)).is_none(), "it is not tried every minute");
    plan.look(later.plus_ms(HOUR_MS)).expect("tried again").expect("written");
    assert_eq!(Standing::read(&dir).trouble, None);
    let file = Standing::read(&dir).file.expect("named");
    let mut chance = Chance::seeded(4);
    assert_eq!(backup::restore(&world.path("new"), &file, &world.opener(), &mut chance, later).expect("restored").entered_again, 1);
}

#[test]
fn a_backup_of_a_working_box_holds_one_moment() {
    let (mut world, mut old) = World::new();
    let (dir, file, lock) = (world.path("old"), world.path("busy.age"), world.lock());
    let worker = std::thread::spawn(move || {
        for _ in 0..5 {
            backup::write(&dir, &file, &lock).expect("written while the box works");
        }
        file
    });
    for card in 0..6 {
        assert_eq!(world.scan(&mut old, card), None);
    }
    let file = worker.join().expect("ended");
    let mut chance = Chance::seeded(5);
    let now = world.tick();
    backup::restore(&world.path("new"), &file, &world.opener(), &mut chance, now).expect("restored");
    terminal_dir::open(&world.path("new"), now).expect("opens").verify().expect("whole");
}

#[test]
fn a_restored_office_has_its_keys_hears_again_what_it_lost_and_pays_once() {
    let (mut world, mut old) = World::new();
    assert_eq!(world.scan(&mut old, 0), None);
    world.exchange(&mut old);
    assert_eq!(world.paid(), (450, 1));
    world.exchange(&mut old);
    let file = world.path("office.age");
    backup::write(&world.path("office"), &file, &world.lock()).expect("written");
    assert_eq!(world.scan(&mut old, 1), None);
    assert_eq!(world.exchange(&mut old).confirmed, 1, "the office has it, and the backup has not");

    let now = world.tick();
    let dir = world.path("office-again");
    assert!(matches!(
        backup::restore_office(&dir, &file, &Opener::of(&Identity::generate().to_text()), Chance::seeded(6), now),
        Err(BackupError::WrongPassphrase)
    ));
    let restored = backup::restore_office(&dir, &file, &world.opener(), Chance::seeded(6), now).expect("restored");
    assert_eq!(restored.last_run, Some(1));
    let key = fs::read_to_string(dir.join("keys/root.key")).expect("read");
    assert_eq!(key, fs::read_to_string(world.path("office/keys/root.key")).expect("read"));
    assert_eq!(fs::metadata(dir.join("keys/root.key")).expect("there").permissions().mode() & 0o777, 0o600);
    for name in ["office.db", "office.db-wal"] {
        let bytes = fs::read(dir.join(name)).unwrap_or_default();
        assert!(!bytes.windows(64).any(|w| w == key.trim().as_bytes()), "no key stays in {name}");
    }
    world.office = Office::open(&dir, Chance::seeded(8), now).expect("opens");
    assert!(world.office.verify_audit().expect("read").is_ok(), "the log goes on");
    assert_eq!(world.scan(&mut old, 2), None);
    for _ in 0..3 {
        world.exchange(&mut old);
    }
    let refused = world.office.settle("Anna", "Bernd", CivilDay::of(now).plus(2), now);
    assert!(matches!(refused, Err(OfficeError::NotCompared)), "{refused:?}");
    world.office.has_compared("Anna", now).expect("noted");
    assert_eq!(world.paid(), (2 * 450, 2), "what came after the backup came again, and what was paid is paid");
    let taken = world.exchange(&mut old);
    assert!(!taken.disputed && taken.advices > 0, "answers count on beyond those the lost office gave");
}

#[test]
fn the_doctor_says_what_is_wrong_and_what_to_do() {
    let dir = tempfile::tempdir().expect("a folder");
    let (office, now) = (dir.path().join("office"), door::now());
    let id = OfficeId::parse("05562032").expect("an id");
    drop(Office::init(&office, id, "Stadt Recklinghausen", "DE02120300000000202051", Chance::seeded(1), now).expect("an office"));
    let run = || doctor::run(&Context { data: Some(office.clone()), json: true, office_ca: None, proxy: None }).expect("answered");
    let grade = |name: &str| {
        let report = run();
        let check = report.json["checks"].as_array().expect("a list").iter().find(|c| c["check"] == name).cloned().expect(name);
        (check["grade"].as_str().expect("a grade").to_owned(), check["sentence"].as_str().unwrap_or_default().to_owned(), report.failed)
    };
    for check in ["disk", "keys", "permissions", "database", "clock", "journal", "data age"] {
        assert_ne!(grade(check).0, "bad", "{check}: {:?}", grade(check));
    }
    assert!(!run().failed);
    let (grade_before, sentence, _) = grade("backup");
    assert_eq!(grade_before, "warn");
    assert!(sentence.contains("no backup yet") && sentence.contains("--backup-to"), "{sentence}");
    Standing::made(&office, Path::new("stick.age"), now);
    assert_eq!(grade("backup").0, "ok");

    fs::set_permissions(office.join("office.db"), fs::Permissions::from_mode(0o644)).expect("ours");
    let (found, sentence, failed) = grade("permissions");
    assert!(found == "bad" && failed && sentence.contains("office.db") && sentence.contains("chmod"), "{sentence}");
    fs::set_permissions(office.join("office.db"), fs::Permissions::from_mode(0o600)).expect("ours");
    fs::set_permissions(office.join("keys/root.key"), fs::Permissions::from_mode(0o640)).expect("ours");
    let (found, sentence, failed) = grade("keys");
    assert!(found == "bad" && failed && sentence.contains("root.key"), "{sentence}");
    assert!(
        doctor::run(&Context { data: Some(dir.path().to_owned()), json: true, office_ca: None, proxy: None }).is_err(),
        "an empty folder holds nothing to look at"
    );

    let terminal = dir.path().join("box");
    drop(terminal_dir::open_or_create(&terminal, &mut Chance::seeded(2), now).expect("a box"));
    let report = doctor::run(&Context { data: Some(terminal), json: true, office_ca: None, proxy: None }).expect("answered");
    let text = report.text;
    assert!(report.failed && text.contains("BAD  admission: this terminal is enrolled nowhere yet: run terminal enrol"), "{text}");
}

#[test]
fn what_lets_somebody_in_for_the_hour_is_in_no_backup_of_an_office() {
    let (world, _) = World::new();
    let (file, plain) = (world.path("office.age"), world.path("plain.db"));
    let secret = "a sign-in that is under way";
    let db = store::office::open(&world.path("office/office.db")).expect("opened");
    let rows = [
        format!("INSERT INTO ceremony (key, begun, what) VALUES (x'01', 1, '{secret}')"),
        format!("INSERT INTO attempt (key, at, last) VALUES (x'01', '{secret}', 1)"),
        format!("INSERT INTO job (clerk, state, beat) VALUES ('Anna', '{secret}', 1)"),
        "INSERT INTO session (key, clerk, stage, code_shown, epoch, caller, begun, seen) VALUES (x'01', 'Anna', 1, 1, 0, x'02', 1, 1)".into(),
    ];
    rows.iter().for_each(|sql| db.execute_batch(sql).expect("kept"));
    backup::write(&world.path("office"), &file, &world.lock()).expect("written");
    locked_file::unlock(&file, &plain, &world.opener(), locked_file::MAX_WORK).expect("unlocked");
    assert!(!String::from_utf8_lossy(&fs::read(&plain).expect("there")).contains(secret));
    let copy = store::office::open(&plain).expect("opened");
    for table in ["ceremony", "attempt", "job", "session"] {
        let count =
            |db: &store::sql::Connection| db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0)).expect("counted");
        assert_eq!((count(&db), count(&copy)), (1, 0), "{table}");
    }
}

//! Rehearsals: every key of the office is followed by another, or withdrawn, over the real exchange, with terminals that are present,
//! late, or away too long; and whoever has a key that he should not have.

mod office_town;

use office_town::{Counter, lived_in_folder, office_id, request};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use teilhabe::admit::credential::Credential;
use teilhabe::admit::trust::TrustList;
use teilhabe::admit::verify::Refused;
use teilhabe::book::entry::Head;
use teilhabe::deliver::exchange::Inbound;
use teilhabe::office::{Claim, IdentityProvider, KeyKind, KeyStep, KeyStepped, Office, OfficeError, Roles, Rotated, proposals_open};
use teilhabe::shell::door::{now, os_chance};
use teilhabe::shell::sheet::children;
use teilhabe::shell::store::office::prints;
use teilhabe::shell::{envelope, store};
use teilhabe::terminal::counter::Answer;
use teilhabe::terminal::enrol::{CannotEnrol, EnrolmentAnswer};
use teilhabe::terminal::inbound::{CannotTakeIn, TakenIn};
use teilhabe::words::civil::CivilDay;
use teilhabe::words::ids::Nonce;
use teilhabe::words::keys::{PublicKey, SecretKey};
use teilhabe::words::reason::Reason;
use teilhabe::words::time::{DAY_MS, UtcMs};

const SIGNING: [KeyKind; 3] = [KeyKind::Documents, KeyKind::Status, KeyKind::Tokens];
const BY: &str = "Anna Adler";

/// A card for a meal, issued at `at`.
fn card(office: &mut Office, reference: &str, at: UtcMs) -> String {
    let (from, to) = (CivilDay::of(at).month(), CivilDay::of(at).month().plus(3));
    let csv = format!("reference;benefit;from;to;period;measure;amount;detail;hint;home_providers\n{reference};lunch;{from};{to};day;units;1;;X;\n");
    let rows = children::read(csv.as_bytes()).expect("a table").rows;
    office.issue(&rows, at).expect("issued").remove(0).code
}

/// One question, and what becomes of the answer.
fn ask(counter: &mut Counter, office: &mut Office, at: UtcMs) -> Result<TakenIn, CannotTakeIn> {
    let question = counter.outbound(at);
    let answer = office.exchange(&question, at).expect("an answer");
    counter.terminal.take_inbound(&answer, &mut os_chance(), at)
}

/// Exchanges as a box does: until there is nothing more to come, and once again, so that the office knows what arrived.
fn exchange(counter: &mut Counter, office: &mut Office, at: UtcMs) {
    for round in 0..20 {
        let taken = ask(counter, office, at.plus_ms(round * 1_000)).expect("taken in");
        if !taken.more {
            ask(counter, office, at.plus_ms(round * 1_000 + 500)).expect("taken in");
            return;
        }
    }
    panic!("there is always more to come");
}

fn meal(counter: &mut Counter, service: &str, code: &str, at: UtcMs) -> Result<(), Reason> {
    match counter.redeem(&request(code, service), at) {
        Answer::Accepted(_) => Ok(()),
        Answer::Refused(refused) => Err(refused.reason),
    }
}

/// The public half of a key as the office lists it.
fn public(office: &Office, kind: KeyKind) -> String {
    let states = office.key_states(now()).expect("states");
    states.into_iter().find(|state| state.kind == kind).expect("one of each").public
}

/// Root key, version and whether admission and status list count, as a terminal has them.
fn held(counter: &Counter) -> (PublicKey, u64, bool) {
    let (office, trust) = counter.terminal.offices().iter().next().expect("an office");
    (office.root.clone(), trust.version, office.credential.is_some() && office.status.is_some())
}

fn is_up_to_date(counter: &Counter, office: &mut Office, at: UtcMs) -> bool {
    let version = office.trust(at).expect("a list").0.version;
    held(counter) == (PublicKey::from_hex(&public(office, KeyKind::Root)).expect("a key"), version, true)
}

/// Announces the next key, and has it follow without waiting for anybody.
fn follow(office: &mut Office, kind: KeyKind, at: UtcMs) {
    assert_eq!(office.rotate_key(kind, false, BY, at).expect("announced"), Rotated::Announced);
    assert_eq!(office.rotate_key(kind, true, BY, at.plus_ms(10)).expect("followed"), Rotated::Switched);
}

fn seed_in(folder: &Path, name: &str) -> SecretKey {
    let text = std::fs::read_to_string(folder.join("keys").join(name)).expect("a key");
    SecretKey::from_seed(data_encoding::HEXLOWER.decode(text.trim().as_bytes()).expect("digits").try_into().expect("32 bytes"))
}

/// An answer that nobody asked for, as it would come on a stick.
fn made_up(counter: &Counter, trust: Option<Vec<u8>>, credential: Option<Vec<u8>>, key: &SecretKey, at: UtcMs) -> Vec<u8> {
    let inbound = Inbound {
        terminal: counter.terminal.id(),
        nonce: Nonce([0; 16]),
        created: at,
        receipts: Vec::new(),
        advices: Vec::new(),
        cursor: 0,
        trust,
        status: None,
        credential,
        elsewhere: Vec::new(),
        head: Head::start(counter.terminal.id()),
        more: false,
        office: office_id(),
        successor: None,
    };
    envelope::encrypt(&counter.terminal.recipient(), &inbound.seal(key)).expect("closed")
}

#[test]
fn a_signing_key_is_followed_and_terminals_that_were_away_go_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let start = now();
    let (mut office, mut counters) = lived_in_folder(Some(folder.path()), start);
    let mut at = start;
    for kind in SIGNING {
        let before = public(&office, kind);
        at = at.plus_ms(60_000);
        assert_eq!(office.rotate_key(kind, false, BY, at).expect("announced"), Rotated::Announced);
        assert_eq!(public(&office, kind), before, "it signs nothing yet");
        exchange(&mut counters[0], &mut office, at.plus_ms(1_000));
        assert_eq!(office.rotate_key(kind, false, BY, at.plus_ms(9_000)).expect("asked"), Rotated::Waits { terminals: 2 }, "{kind:?}");
        assert_eq!(office.rotate_key(kind, true, BY, at.plus_ms(9_000)).expect("asked"), Rotated::Switched);
        assert_ne!(public(&office, kind), before);
        // What the former key signed still counts, for whoever comes at once and for whoever comes after three weeks.
        exchange(&mut counters[0], &mut office, at.plus_ms(10_000));
        assert!(is_up_to_date(&counters[0], &mut office, at));
    }
    let late = at.plus_days(21);
    let code = card(&mut office, "new", late);
    assert_eq!(meal(&mut counters[2], "ogs", &code, late), Err(Reason::UnknownKey), "it has not heard of the key");
    exchange(&mut counters[2], &mut office, late.plus_ms(1_000));
    assert!(is_up_to_date(&counters[2], &mut office, late));
    assert_eq!(meal(&mut counters[2], "ogs", &code, late.plus_ms(30_000)), Ok(()));
}

#[test]
fn the_root_key_is_followed_by_the_present_the_late_and_not_by_those_away_too_long() {
    let folder = tempfile::tempdir().expect("a folder");
    let start = now();
    let (mut office, mut counters) = lived_in_folder(Some(folder.path()), start);
    let first = held(&counters[0]).0;
    let old = card(&mut office, "old", start);
    assert_eq!(office.rotate_key(KeyKind::Root, false, BY, start.plus_ms(1_000)).expect("announced"), Rotated::Announced);
    exchange(&mut counters[0], &mut office, start.plus_ms(2_000));
    let switched = start.plus_days(1);
    let slip = office.new_code(counters[2].provider, switched).expect("a code");
    assert_eq!(office.rotate_key(KeyKind::Root, false, BY, switched).expect("asked"), Rotated::Waits { terminals: 2 });
    assert_eq!(office.rotate_key(KeyKind::Root, true, BY, switched).expect("asked"), Rotated::Switched);
    exchange(&mut counters[0], &mut office, switched.plus_ms(1_000));
    assert!(is_up_to_date(&counters[0], &mut office, switched) && held(&counters[0]).0 != first);
    let request = counters[2].terminal.ask_for_admission(&slip.grouped(), "Speiseraum").expect("a code");
    assert!(matches!(office.enrol(&request, switched), Err(OfficeError::NotAdmitted(_))), "a slip of the former root key has ended");

    // Late, while other keys changed as well: it learns of the new root key by the one it knows.
    for (day, kind) in (2..).zip(SIGNING) {
        follow(&mut office, kind, start.plus_days(day));
    }
    let late = start.plus_days(30);
    drop(office);
    let mut office = Office::open(folder.path(), os_chance(), late).expect("opened");
    assert!(ask(&mut counters[1], &mut office, late).expect("the way to the new root key").more);
    exchange(&mut counters[1], &mut office, late.plus_ms(1_000));
    assert!(is_up_to_date(&counters[1], &mut office, late));

    // Away too long: the former root key is gone. What it recorded meanwhile is sent after it was enrolled anew.
    assert_eq!(office.rotate_key(KeyKind::Root, false, BY, late.plus_ms(9_000)).expect("asked"), Rotated::Waits { terminals: 1 });
    assert_eq!(office.rotate_key(KeyKind::Root, true, BY, late.plus_ms(19_000)).expect("asked"), Rotated::Finished);
    assert!(!folder.path().join("keys/root.former.key").exists());
    let back = late.plus_days(1);
    let lines = |office: &Office| office.db().query_row("SELECT count(*) FROM line", [], |row| row.get::<_, i64>(0)).expect("counted");
    let before = lines(&office);
    assert_eq!(meal(&mut counters[2], "ogs", &old, start.plus_days(20)), Ok(()));
    assert!(matches!(ask(&mut counters[2], &mut office, back), Err(CannotTakeIn::OtherRoot(_))));
    assert_eq!(held(&counters[2]).0, first);
    let code = office.new_code(counters[2].provider, back).expect("a code").grouped();
    let request = counters[2].terminal.ask_for_admission(&code, "Speiseraum").expect("a code");
    let admitted = office.enrol(&request, back).expect("admitted");
    let answer = EnrolmentAnswer::new(&PublicKey::from_bytes(&admitted.root).expect("a key"), &admitted.trust, &admitted.credential);
    let terminal = &mut counters[2].terminal;
    assert!(matches!(terminal.take_admission(&code, "", &answer, &mut os_chance(), back), Err(CannotEnrol::OtherRoot(_))), "not by accident");
    terminal.take_admission_by_another_root(&code, "", &answer, &mut os_chance(), back).expect("because people said so");
    exchange(&mut counters[2], &mut office, back.plus_ms(1_000));
    assert!(is_up_to_date(&counters[2], &mut office, back));
    assert_eq!(lines(&office), before + 1, "what it recorded while it was away has arrived");
    assert_eq!(meal(&mut counters[2], "ogs", &old, back.plus_ms(9_000)), Ok(()));
    exchange(&mut counters[2], &mut office, back.plus_ms(10_000));
    assert_eq!(lines(&office), before + 2);
    // The answer to an earlier enrolment brings no earlier trust list back.
    office.set_policy(teilhabe::office::DEFAULT_POLICY, back).expect("set");
    exchange(&mut counters[2], &mut office, back.plus_ms(60_000));
    let replayed = counters[2].terminal.take_admission(&code, "", &answer, &mut os_chance(), back.plus_ms(90_000));
    assert!(matches!(replayed, Err(CannotEnrol::Older(_))), "{replayed:?}");
}

#[test]
fn a_forged_successor_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = now();
    let (mut office, mut counters) = lived_in_folder(Some(folder.path()), at);
    exchange(&mut counters[0], &mut office, at);
    let before = held(&counters[0]);
    let thief = SecretKey::from_seed([66; 32]);
    let mut list = office.trust(at).expect("a list").0.clone();
    list.version += 1_000;
    list.next_root = Some(thief.public().clone());
    let documents = seed_in(folder.path(), "documents.key");
    let said = |counter: &mut Counter, list: &TrustList, key: &SecretKey| {
        let bytes = made_up(counter, Some(list.seal(&thief)), None, key, at);
        counter.terminal.take_inbound(&bytes, &mut os_chance(), at)
    };
    said(&mut counters[0], &list, &documents).expect("an answer of the office, with a list that is not its own");
    assert_eq!(held(&counters[0]), before);
    list.keys[1].key = thief.public().clone();
    assert!(matches!(said(&mut counters[0], &list, &thief), Err(CannotTakeIn::OtherRoot(_))));
    assert_eq!(held(&counters[0]), before);
    // The real successor, announced; the list is replayed after it was followed, with the former root key in a thief's hand.
    follow(&mut office, KeyKind::Root, at.plus_ms(1_000));
    let former = seed_in(folder.path(), "root.former.key");
    exchange(&mut counters[0], &mut office, at.plus_ms(2_000));
    let followed = held(&counters[0]);
    assert!(followed.0 != before.0);
    list.keys = office.trust(at).expect("a list").0.keys.clone();
    let documents = seed_in(folder.path(), "documents.key");
    let bytes = made_up(&counters[0], Some(list.seal(&former)), None, &documents, at.plus_ms(9_000));
    counters[0].terminal.take_inbound(&bytes, &mut os_chance(), at.plus_ms(9_000)).expect("an answer");
    assert_eq!(held(&counters[0]), followed, "the former root key says nothing any more");
}

/// Every card goes into a print run.
fn print_all(office: &Office, at: UtcMs) -> usize {
    let run = "INSERT INTO print_run (layout, contact, url, dated, papers, clerk, at) VALUES (?1, '', '', 0, 1, 'Anna Adler', ?2)";
    office.db().execute(run, (teilhabe::shell::paper::stack::Layout::ALL[0].code(), at.0.cast_signed())).expect("a run");
    let number: i64 = office.db().query_row("SELECT max(number) FROM print_run", [], |row| row.get(0)).expect("its number");
    let items = "INSERT INTO print_item (run, place, token) SELECT ?1, id, id FROM token";
    office.db().execute(items, [number]).expect("its cards");
    office.db().execute("UPDATE token SET print_run = ?1", [number]).expect("all printed")
}

#[test]
fn cards_of_a_withdrawn_key_end_and_are_signed_anew_with_the_same_content() {
    let folder = tempfile::tempdir().expect("a folder");
    let start = now();
    let (mut office, mut counters) = lived_in_folder(Some(folder.path()), start);
    let (early, later) = (card(&mut office, "early", start), card(&mut office, "later", start.plus_days(3)));
    let latest = "SELECT hex(token) FROM token ORDER BY id DESC LIMIT 1";
    let later_id = office.db().query_row(latest, [], |row| row.get::<_, String>(0)).expect("a token").to_lowercase();
    let printed = print_all(&office, start.plus_days(3));
    let lost = start.plus_days(4);
    let done = office.withdraw_key(KeyKind::Tokens, Some(start.plus_days(2)), BY, lost).expect("withdrawn");
    assert_eq!(done.cards, 1, "of {printed}, one was issued after that day");
    // Its new print is torn: it waits again, for the print from before is worth nothing.
    assert_eq!(prints::waiting(office.db()).expect("counted").0, 1);
    print_all(&office, lost.plus_ms(10));
    prints::end(office.db(), 2, prints::Ending::Discarded, BY, lost.plus_ms(20)).expect("ended");
    assert_eq!(prints::waiting(office.db()).expect("counted").0, 1, "the others have their first print");
    exchange(&mut counters[0], &mut office, lost.plus_ms(1_000));
    assert_eq!(meal(&mut counters[0], "lunch", &early, lost.plus_ms(9_000)), Ok(()), "issued while the key was safe");
    assert_eq!(meal(&mut counters[0], "lunch", &later, lost.plus_ms(10_000)), Err(Reason::KeyWithdrawn));
    assert_eq!(meal(&mut counters[2], "ogs", &later, lost.plus_ms(10_000)), Ok(()), "it has not heard of it yet");
    let anew = teilhabe::admit::scan::code_text(&office.signed_token(&later_id).expect("a token").1);
    assert_ne!(anew, later);
    assert_eq!(meal(&mut counters[0], "lunch", &anew, lost.plus_ms(11_000)), Ok(()));

    // All of them, with the clock of the box turned back to a day before.
    let done = office.withdraw_key(KeyKind::Tokens, None, BY, lost.plus_days(1)).expect("withdrawn");
    assert_eq!(done.cards, 1, "the early cards are signed by the key before, which is not the one that was lost");
    exchange(&mut counters[0], &mut office, lost.plus_days(1).plus_ms(1_000));
    assert_eq!(meal(&mut counters[0], "lunch", &anew, lost.plus_days(2)), Err(Reason::KeyWithdrawn));
    let (_, trust) = counters[0].terminal.offices().iter().next().expect("an office");
    let withdrawn = trust.keys.iter().find(|key| key.withdrawn.is_some()).expect("one");
    assert!(withdrawn.withdrawn.expect("a moment") <= trust.issued, "so no clock brings it back");
    // An old backup was lost: the key before that one too.
    let at = lost.plus_days(3);
    assert_eq!(meal(&mut counters[0], "lunch", &early, at), Ok(()));
    let done = office.withdraw_former_keys(KeyKind::Tokens, BY, at).expect("withdrawn");
    assert!(done.cards >= 12, "{done:?}");
    exchange(&mut counters[0], &mut office, at.plus_ms(1_000));
    assert_eq!(meal(&mut counters[0], "lunch", &early, at.plus_days(1)), Err(Reason::KeyWithdrawn));
    let sql = "SELECT hex(token) FROM token WHERE token <> unhex(?1) ORDER BY id DESC LIMIT 1";
    let early_id = office.db().query_row(sql, [&later_id], |row| row.get::<_, String>(0)).expect("a token").to_lowercase();
    let anew = teilhabe::admit::scan::code_text(&office.signed_token(&early_id).expect("a token").1);
    assert_eq!(meal(&mut counters[0], "lunch", &anew, at.plus_days(1)), Ok(()));
    assert!(office.withdraw_key(KeyKind::Status, Some(start), BY, lost.plus_days(2)).is_err());
    assert!(office.withdraw_key(KeyKind::Tokens, Some(lost.plus_days(9)), BY, lost.plus_days(2)).is_err());
}

#[test]
fn nothing_a_withdrawn_documents_or_status_key_signed_is_believed_any_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let start = now();
    let (mut office, mut counters) = lived_in_folder(Some(folder.path()), start);
    office.reconcile(start).expect("reconciled");
    exchange(&mut counters[0], &mut office, start);
    let advised = |counter: &mut Counter| {
        let claims = counter.terminal.claims().expect("claims");
        format!("{claims:?}")
    };
    let before = advised(&mut counters[0]);
    assert!(before.contains("ccepted"), "{before}");
    // A thief admits the box for ever, and says so last.
    let (lost, at) = (seed_in(folder.path(), "documents.key"), start.plus_ms(60_000));
    let mut credential = counters[0].terminal.offices().iter().next().and_then(|(office, _)| office.credential.clone()).expect("an admission");
    (credential.issued, credential.provider_name) = (at.plus_days(300), "Dieb".into());
    let forged = made_up(&counters[0], None, Some(credential.seal(&lost)), &lost, at);
    counters[0].terminal.take_inbound(&forged, &mut os_chance(), at).expect("believed, as the key counts");
    let name = |counter: &Counter| counter.terminal.offices().iter().next().and_then(|(o, _)| o.credential.as_ref().map(|c| c.provider_name.clone()));
    assert_eq!(name(&counters[0]).as_deref(), Some("Dieb"));

    office.withdraw_key(KeyKind::Documents, None, BY, at.plus_ms(1_000)).expect("withdrawn");
    office.withdraw_key(KeyKind::Status, None, BY, at.plus_ms(1_500)).expect("withdrawn");
    exchange(&mut counters[0], &mut office, at.plus_ms(2_000));
    assert!(is_up_to_date(&counters[0], &mut office, at));
    assert_ne!(name(&counters[0]).as_deref(), Some("Dieb"));
    assert_eq!(advised(&mut counters[0]), before, "the office's answers came again, signed anew");
    let again = made_up(&counters[0], None, None, &lost, at.plus_ms(30_000));
    let said = counters[0].terminal.take_inbound(&again, &mut os_chance(), at.plus_ms(30_000));
    assert!(matches!(said, Err(CannotTakeIn::NotOurOffice(Refused::KeyWithdrawn))), "{said:?}");
    let (_, trust) = counters[0].terminal.offices().iter().next().expect("an office");
    assert!(Credential::open(&credential.seal(&lost), trust, UtcMs(at.0 - 30 * DAY_MS)).is_err(), "not with a clock turned back either");
    // One that was away all the time, with answers of the lost key on the way to it.
    exchange(&mut counters[2], &mut office, at.plus_days(40));
    assert!(is_up_to_date(&counters[2], &mut office, at.plus_days(40)));
}

#[test]
fn envelopes_are_opened_by_both_keys_until_everybody_has_heard_and_secrets_go_along() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = now();
    let (mut office, mut counters) = lived_in_folder(Some(folder.path()), at);
    let provider = IdentityProvider {
        issuer: "https://login.stadt.example".into(),
        client_id: "but".into(),
        secret: zeroize::Zeroizing::new("a secret of the sign-in".into()),
        claim: Claim::parse("email").expect("a claim"),
    };
    office.set_identity_provider(BY, Some(&provider), at).expect("set");
    let secret = |office: &Office| office.identity_provider().expect("read").expect("one").secret.to_string();
    assert_eq!(office.rotate_key(KeyKind::Envelope, false, BY, at).expect("followed"), Rotated::Switched);
    let late = at.plus_days(20);
    exchange(&mut counters[0], &mut office, late);
    exchange(&mut counters[1], &mut office, late.plus_ms(1));
    let written_before = counters[2].outbound(at);
    drop(office);
    let mut office = Office::open(folder.path(), os_chance(), late).expect("opened");
    assert_eq!(secret(&office), "a secret of the sign-in");
    assert_eq!(office.rotate_key(KeyKind::Envelope, false, BY, late).expect("asked"), Rotated::Waits { terminals: 1 });
    assert!(office.exchange(&written_before, late).is_ok());
    assert_eq!(office.rotate_key(KeyKind::Envelope, true, BY, late).expect("asked"), Rotated::Finished);
    assert!(office.exchange(&written_before, late).is_err(), "the key before is gone");
    assert_eq!(secret(&office), "a secret of the sign-in");
    exchange(&mut counters[0], &mut office, late.plus_ms(60_000));
    office.withdraw_key(KeyKind::Envelope, None, BY, late.plus_ms(90_000)).expect("withdrawn");
    exchange(&mut counters[0], &mut office, late.plus_ms(99_000));
    assert_eq!(secret(&office), "a secret of the sign-in");
}

/// Every key file with what is in it.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let all = std::fs::read_dir(folder.join("keys")).expect("keys");
    all.map(|entry| entry.expect("a file").path()).map(|path| (path.clone(), std::fs::read(path).expect("read"))).collect()
}

#[test]
fn power_may_fail_between_database_and_files_and_a_running_server_takes_over_by_itself() {
    for kind in KeyKind::ALL {
        let folder = tempfile::tempdir().expect("a folder");
        let at = now();
        let (mut server, mut counters) = lived_in_folder(Some(folder.path()), at);
        exchange(&mut counters[0], &mut server, at);
        // A command beside the running server.
        let mut command = Office::open(folder.path(), os_chance(), at).expect("opened");
        let before = files(folder.path());
        if kind != KeyKind::Envelope {
            assert_eq!(command.rotate_key(kind, false, BY, at.plus_ms(1_000)).expect("announced"), Rotated::Announced);
            exchange(&mut counters[0], &mut server, at.plus_ms(2_000));
        }
        let announced = files(folder.path());
        assert_eq!(command.rotate_key(kind, true, BY, at.plus_ms(9_000)).expect("followed"), Rotated::Switched);
        let now_public = public(&command, kind);
        exchange(&mut counters[0], &mut server, at.plus_ms(10_000));
        assert_eq!(public(&server, kind), now_public, "the server has taken it over");
        exchange(&mut counters[1], &mut server, at.plus_ms(10_500));
        exchange(&mut counters[2], &mut server, at.plus_ms(11_000));
        assert!(counters.iter().all(|counter| is_up_to_date(counter, &mut server, at)), "{kind:?}");
        drop((server, command));

        // The files as they were just before the last rename: the next start brings it to its end.
        let present = folder.path().join("keys").join(format!("{}.{}", kind.name(), if kind == KeyKind::Envelope { "age" } else { "key" }));
        let next = folder.path().join("keys").join(format!("{}.next.{}", kind.name(), if kind == KeyKind::Envelope { "age" } else { "key" }));
        std::fs::rename(&present, &next).expect("moved");
        teilhabe::shell::secret_file::write(&present, &String::from_utf8(before[&present].clone()).expect("text")).expect("written");
        let mut office = Office::open(folder.path(), os_chance(), at.plus_ms(20_000)).expect("opened");
        assert_eq!(public(&office, kind), now_public, "{kind:?}");
        assert!(!next.exists());
        exchange(&mut counters[0], &mut office, at.plus_ms(21_000));
        assert!(is_up_to_date(&counters[0], &mut office, at), "{kind:?}");
        drop(office);

        // A key that was written and never announced: nothing is signed with it.
        if kind != KeyKind::Envelope {
            std::fs::write(&next, &announced[&next]).expect("written");
            std::fs::set_permissions(&next, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("ours");
            let office = Office::open(folder.path(), os_chance(), at.plus_ms(30_000)).expect("opened");
            assert_eq!(public(&office, kind), now_public, "{kind:?}");
        }
        let db = store::open(&folder.path().join("office.db"), store::office::MIGRATIONS).expect("a database");
        let noted: i64 =
            db.query_row("SELECT count(*) FROM audit WHERE object = ?1", [format!("keys/{}", kind.name())], |row| row.get(0)).expect("counted");
        assert_eq!(noted, if kind == KeyKind::Envelope { 1 } else { 2 });

        // A folder that missed the change, at a second process or from a backup: it signs nothing with a key that is over.
        let _ = std::fs::remove_file(&next);
        teilhabe::shell::secret_file::write(&present, &String::from_utf8(before[&present].clone()).expect("text")).expect("written");
        let why = Office::open(folder.path(), os_chance(), at.plus_ms(40_000)).expect_err("over").to_string();
        assert!(why.contains(kind.name()) && why.contains("copy the folder"), "{why}");
    }
}

#[test]
fn a_stolen_root_key_is_of_no_use_once_every_box_was_enrolled_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = now();
    let (mut office, mut counters) = lived_in_folder(Some(folder.path()), at);
    let stolen = seed_in(folder.path(), "root.key");
    let done = office.withdraw_key(KeyKind::Root, None, BY, at.plus_ms(1_000)).expect("withdrawn");
    assert_eq!(done.terminals, 3);
    let code = office.new_code(counters[0].provider, at.plus_ms(2_000)).expect("a code").grouped();
    let request = counters[0].terminal.ask_for_admission(&code, "Ausgabe 1").expect("a code");
    let admitted = office.enrol(&request, at.plus_ms(3_000)).expect("admitted");
    let answer = EnrolmentAnswer::new(&PublicKey::from_bytes(&admitted.root).expect("a key"), &admitted.trust, &admitted.credential);
    counters[0].terminal.take_admission_by_another_root(&code, "", &answer, &mut os_chance(), at.plus_ms(4_000)).expect("admitted");
    exchange(&mut counters[0], &mut office, at.plus_ms(5_000));
    assert!(is_up_to_date(&counters[0], &mut office, at));
    let before = held(&counters[0]);
    let mut list = office.trust(at).expect("a list").0.clone();
    list.version += 1_000;
    let bytes = made_up(&counters[0], Some(list.seal(&stolen)), None, &seed_in(folder.path(), "documents.key"), at.plus_ms(9_000));
    counters[0].terminal.take_inbound(&bytes, &mut os_chance(), at.plus_ms(9_000)).expect("an answer");
    assert_eq!(held(&counters[0]), before);
}

/// The steps that can be taken with the key of the cards.
fn steps(office: &Office) -> Vec<KeyStep> {
    let states = office.key_states(now()).expect("states");
    states.iter().find(|state| state.kind == KeyKind::Tokens).expect("one of each").steps()
}

#[test]
fn one_proposes_a_step_another_confirms_it_and_commands_go_by_the_same_rule() {
    let folder = tempfile::tempdir().expect("a folder");
    let start = now();
    let (mut office, mut counters) = lived_in_folder(Some(folder.path()), start);
    let (kind, at) = (KeyKind::Tokens, start.plus_ms(1_000));
    office.set_clerk(BY, "neun Birnen am Ast", start).expect("an account");
    office.set_roles(BY, &Roles::parse("admin")).expect("set");
    let before = public(&office, kind);
    assert_eq!(steps(&office), [KeyStep::Announce, KeyStep::Withdraw]);
    assert!(office.propose_key_step(kind, KeyStep::Switch, None, BY, at).is_err(), "nothing is announced");
    office.propose_key_step(kind, KeyStep::Announce, None, BY, at).expect("proposed");
    assert!(office.propose_key_step(kind, KeyStep::Withdraw, None, "Berta Busch", at).is_err(), "one waits at a time");
    for (by, seen) in [("anna  ADLER", at), ("Berta Busch", at.plus_ms(1))] {
        assert!(office.confirm_key_step(kind, seen, by, at.plus_ms(2_000)).is_err(), "{by} {seen:?}");
    }
    office.set_roles(BY, &Roles::parse("audit")).expect("set");
    assert!(office.confirm_key_step(kind, at, "Berta Busch", at.plus_ms(1_900)).is_err(), "who proposed it looks after nothing any more");
    office.set_roles(BY, &Roles::parse("admin")).expect("set");
    assert_eq!(steps(&office), [KeyStep::Announce, KeyStep::Withdraw], "nothing has changed");
    let done = office.confirm_key_step(kind, at, "Berta Busch", at.plus_ms(2_000)).expect("confirmed");
    assert_eq!((done, proposals_open(office.db()).expect("read")), (KeyStepped::Rotated(Rotated::Announced), Vec::new()));
    assert_eq!((public(&office, kind), steps(&office)), (before.clone(), vec![KeyStep::SwitchAtOnce, KeyStep::Withdraw]));

    for counter in &mut counters {
        exchange(counter, &mut office, at.plus_ms(3_000));
    }
    assert_eq!(steps(&office), [KeyStep::Switch, KeyStep::Withdraw], "all have heard");
    office.propose_key_step(kind, KeyStep::Switch, None, BY, at.plus_ms(60_000)).expect("proposed");
    let heard =
        |office: &Office, version: i64| office.db().execute("UPDATE terminal SET trust_version = trust_version + ?1", [version]).expect("set");
    heard(&office, -1_000);
    let waits = office.confirm_key_step(kind, at.plus_ms(60_000), "Berta Busch", at.plus_ms(60_500)).expect("asked");
    assert!(matches!(waits, KeyStepped::Rotated(Rotated::Waits { .. })), "whoever has not heard is waited for: {waits:?}");
    assert_eq!((proposals_open(office.db()).expect("read").len(), public(&office, kind)), (1, before.clone()));
    heard(&office, 1_000);
    assert_eq!(office.rotate_key(kind, false, "cli", at.plus_ms(61_000)).expect("asked"), Rotated::Switched, "a command comes first");
    assert_ne!(public(&office, kind), before);
    assert!(office.confirm_key_step(kind, at.plus_ms(60_000), "Berta Busch", at.plus_ms(62_000)).is_err(), "it is overtaken");
    assert_eq!(steps(&office), [KeyStep::Announce, KeyStep::Withdraw, KeyStep::WithdrawFormer]);
    let tomorrow = CivilDay::of(now()).plus(1);
    assert!(office.propose_key_step(kind, KeyStep::Withdraw, Some(tomorrow), BY, at.plus_ms(70_000)).is_err());
    office.propose_key_step(kind, KeyStep::Withdraw, None, BY, at.plus_ms(70_000)).expect("proposed");
    office.drop_key_proposal(kind, at.plus_ms(70_000), "Berta Busch", at.plus_ms(71_000)).expect("turned down");
    assert!(
        office.drop_key_proposal(kind, at.plus_ms(70_000), "Berta Busch", at.plus_ms(72_000)).is_err()
            && proposals_open(office.db()).expect("read").is_empty()
    );
    assert!(office.verify_audit().expect("read").is_ok());
}

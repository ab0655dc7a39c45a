//! What is fuzzed: everything that reads bytes a stranger has written. Each target takes bytes, must not panic, and where it reads one of
//! our own formats must write the same bytes again. `fuzz/` runs them under libFuzzer, `tests/fuzz_short.rs` with mutations of its own.

use std::sync::OnceLock;
use teilhabe::admit::credential::Credential;
use teilhabe::admit::enrolment::{Enrolment, EnrolmentCode};
use teilhabe::admit::number::CardNumber;
use teilhabe::admit::phone::{PhoneCode, Shown};
use teilhabe::admit::scan::{MAX_SCAN_BYTES, Scan, code_text};
use teilhabe::admit::status::StatusList;
use teilhabe::admit::token::{Token, UnverifiedToken};
use teilhabe::admit::trust::{Policy, Purpose, TrustList, TrustedKey};
use teilhabe::admit::verify::Refused;
use teilhabe::book::entry::Entry;
use teilhabe::claim::batch::Draft;
use teilhabe::claim::check::check;
use teilhabe::deliver::advice::Advice;
use teilhabe::deliver::exchange::{Inbound, Outbound};
use teilhabe::deliver::neighbour::{Telling, read_shown, show};
use teilhabe::deliver::receipt::Receipt;
use teilhabe::intake;
use teilhabe::shell::device::frame::{Frames, Piece};
use teilhabe::shell::device::keys::Keys;
use teilhabe::shell::device::ndef::{self, Held};
use teilhabe::shell::envelope::{Identity, decrypt};
use teilhabe::shell::sheet::{self, Table};
use teilhabe::words::cbor::{FIRST_IGNORED_KEY, Malformed, Reader, Writer};
use teilhabe::words::ids::OfficeId;
use teilhabe::words::keys::SecretKey;
use teilhabe::words::sealed::{DocType, Sealed, seal};
use teilhabe::words::time::UtcMs;

/// A name, and what is done with the bytes.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 28] = [
    ("scan", scan),
    ("phone_code", phone_code),
    ("token", token),
    ("trust", trust),
    ("credential", credential),
    ("receipt", receipt),
    ("advice", advice),
    ("inbound", inbound),
    ("outbound", outbound),
    ("enrolment", enrolment),
    ("telling", telling),
    ("status_list", status_list),
    ("batch", batch),
    ("entry", entry),
    ("envelope", envelope),
    ("enrolment_code", enrolment_code),
    ("card_number", card_number),
    ("cbor", cbor),
    ("children", children),
    ("entitlements", entitlements),
    ("calendar", calendar),
    ("self_paid", self_paid),
    ("people", people),
    ("pickups", pickups),
    ("class_list", class_list),
    ("bank", bank),
    ("frames", frames),
    ("ndef", ndef),
];

/// The age identity to which the envelopes of the corpus are written: that of `tests/vectors/envelope.json`.
pub const IDENTITY: &str = include_str!("identity.txt");

/// A moment in November 2026, when every key of these targets is in force.
const NOW: UtcMs = UtcMs(1_795_431_600_000);

fn key() -> &'static SecretKey {
    static KEY: OnceLock<SecretKey> = OnceLock::new();
    KEY.get_or_init(|| SecretKey::from_seed([9; 32]))
}

/// A list that trusts the key of these targets for everything, at any time.
fn trusting() -> &'static TrustList {
    static LIST: OnceLock<TrustList> = OnceLock::new();
    LIST.get_or_init(|| TrustList {
        version: 1,
        issued: UtcMs(0),
        expires: UtcMs::MAX,
        office: OfficeId::parse("05562032").expect("an office id"),
        office_name: "Fuzz".into(),
        keys: vec![TrustedKey {
            key: key().public().clone(),
            purposes: vec![Purpose::Tokens, Purpose::Documents, Purpose::StatusLists],
            not_before: UtcMs(0),
            not_after: UtcMs::MAX,
            withdrawn: None,
        }],
        recipient: "age1".into(),
        policy: Policy { claim_grace_days: 90, amber_days: 7, red_days: 30 },
        next_root: None,
    })
}

/// Whether a map of this item has a key that readers of ours may ignore; such a document is written again without it.
fn has_ignored_key(r: &mut Reader<'_>, bytes: &[u8]) -> bool {
    let Some(first) = bytes.get(r.position()) else { return false };
    match first >> 5 {
        4 => {
            let mut found = false;
            let _ = r.array(0, usize::MAX, |r, len| {
                for _ in 0..len {
                    found |= has_ignored_key(r, bytes);
                }
                Ok(())
            });
            found
        }
        5 => {
            let mut found = false;
            let mut read = r.clone();
            let integers = read.map(teilhabe::words::cbor::Keys::Open, |key, r| {
                found |= key >= FIRST_IGNORED_KEY;
                found |= has_ignored_key(r, bytes);
                Ok(true)
            });
            if integers.is_err() {
                // A map with text keys: those of a status list.
                found = true;
                let _ = r.skip();
            } else {
                *r = read;
            }
            found
        }
        _ => {
            let _ = r.skip();
            false
        }
    }
}

/// The header and frame of a signed document are written in exactly one way for each of the two names of the algorithm.
fn frame(bytes: &[u8], doc: DocType) -> Option<&[u8]> {
    let sealed = Sealed::parse(bytes, doc).ok()?;
    let signature = &bytes[bytes.len() - 64..];
    let written = |algorithm: i64| {
        let header = Writer::encode(|w| {
            w.map(|m| {
                m.key(1).int(algorithm);
                m.key(4).bytes(&sealed.kid().0);
                if sealed.is_status_list() {
                    m.key(16).text(DocType::StatusList.name());
                }
            });
        });
        Writer::encode(|w| {
            w.array(4);
            w.bytes(&header);
            w.map(|_| ());
            w.bytes(sealed.unverified_payload());
            w.bytes(signature);
        })
    };
    assert!(bytes == written(-19) || bytes == written(-8), "one encoding of a frame");
    Some(sealed.unverified_payload())
}

/// Reads `bytes` as a document and as the content of one. What is read is written again to the same bytes, and once signed it is opened.
fn document<T: PartialEq + std::fmt::Debug>(
    bytes: &[u8],
    doc: DocType,
    read: fn(&mut Reader<'_>) -> Result<T, Malformed>,
    write: impl Fn(&T) -> Vec<u8>,
    open: impl Fn(&[u8]) -> Option<Refused>,
) {
    document_or_longer(bytes, doc, read, write, open, |_| 0);
}

/// The same; `longer` says by how many bytes it may have been longer, for a default that the format allows to be written out.
fn document_or_longer<T: PartialEq + std::fmt::Debug>(
    bytes: &[u8],
    doc: DocType,
    read: fn(&mut Reader<'_>) -> Result<T, Malformed>,
    write: impl Fn(&T) -> Vec<u8>,
    open: impl Fn(&[u8]) -> Option<Refused>,
    longer: impl Fn(&T) -> usize,
) {
    let payload = frame(bytes, doc).unwrap_or(bytes);
    let _ = open(bytes);
    let signed = seal(key(), doc, payload);
    let opened = open(&signed);
    let value = match Reader::decode(payload, read) {
        Ok(value) => value,
        Err(_) => {
            assert!(opened.is_some(), "what cannot be read is not opened");
            return;
        }
    };
    let again = write(&value);
    let written = Sealed::parse(&again, doc).map(|sealed| sealed.unverified_payload().to_vec());
    // A document may grow when it is signed, beyond what a reader takes.
    let Ok(written) = written else { return };
    assert_eq!(Reader::decode(&written, read).as_ref(), Ok(&value), "what was written is read as what it was");
    let is_longer = payload.len() > written.len() && payload.len() - written.len() <= longer(&value);
    if !is_longer && !has_ignored_key(&mut Reader::new(payload), payload) {
        assert_eq!(written, payload, "one encoding of every document");
    }
    assert!(!matches!(opened, Some(Refused::BadSignature)), "our own signature");
}

fn scan(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match Scan::new(&text) {
        Ok(Scan::Code(token)) => {
            let Ok(Scan::Code(again)) = Scan::new(&code_text(&token)) else { panic!("a code is read again") };
            assert_eq!(again, token);
            let _ = UnverifiedToken::from_bytes(token).verify(std::slice::from_ref(trusting()), NOW);
        }
        Ok(Scan::Number(number)) => assert_eq!(CardNumber::parse(&number.digits()), Some(number)),
        Ok(Scan::Phone(code)) => {
            let Ok(Scan::Phone(again)) = Scan::new(&code.text()) else { panic!("a phone code is read again") };
            assert_eq!(again, code);
        }
        Ok(Scan::Chip(_)) => {}
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// The bytes of a phone code, or its text.
fn phone_code(bytes: &[u8]) {
    let packed = match Scan::new(&String::from_utf8_lossy(bytes)) {
        Ok(Scan::Phone(code)) => code.to_bytes(),
        _ => bytes.to_vec(),
    };
    let Ok(code) = PhoneCode::from_bytes(&packed) else { return };
    assert_eq!(code.to_bytes(), packed, "a phone code has one form");
    if let Ok(entitlement) = UnverifiedToken::from_bytes(code.token.clone()).verify(std::slice::from_ref(trusting()), NOW) {
        let _ = code.proof.is_of(entitlement.token(), &code.token);
    }
    let shown = Shown { proof: code.proof, seen: NOW, used: Some(code.proof.at) };
    let _ = shown.is_fresh();
    assert!(shown.is_unused().is_err(), "what was used is not new");
}

/// What a reader sends: characters, or with an even first byte events of keys; `0xf0` to `0xf2` are silences and the end.
fn frames(bytes: &[u8]) {
    let (mut frames, mut keys, mut out) = (Frames::default(), Keys::default(), Vec::new());
    let events = bytes.first().is_some_and(|first| first % 2 == 0);
    for byte in bytes.iter().skip(1) {
        match byte {
            0xf0 => frames.pause(&mut out),
            0xf1 => frames.idle(&mut out),
            0xf2 => frames.gone(&mut out),
            byte if events => keys.take(std::slice::from_ref(byte), &mut frames, &mut out),
            byte => frames.push(*byte, &mut out),
        }
    }
    frames.gone(&mut out);
    for piece in out {
        if let Piece::Scan(text, _) = piece {
            assert!(!text.is_empty() && text.len() <= 2 * MAX_SCAN_BYTES, "a scan is no longer than what came");
            let _ = Scan::new(&text);
        }
    }
}

fn ndef(bytes: &[u8]) {
    let _ = ndef::blocks_end(bytes);
    let memory = ndef::in_blocks(bytes);
    for message in [Some(bytes), memory.ok().flatten()].into_iter().flatten() {
        let Ok(Held::Token(token)) = ndef::read(message) else { continue };
        assert_eq!(ndef::read(&ndef::write(&token)), Ok(Held::Token(token)), "what was read is written and read again");
    }
}

fn token(bytes: &[u8]) {
    let open = |bytes: &[u8]| UnverifiedToken::from_bytes(bytes.to_vec()).verify(std::slice::from_ref(trusting()), NOW).err();
    // An allowance without detail may say so by null (FORMAT.md § 3).
    let nulls = |token: &Token| token.allowances.iter().filter(|allowance| allowance.detail.is_none()).count();
    document_or_longer(bytes, DocType::Token, Token::read, |token| token.seal(key()), open, nulls);
}

fn trust(bytes: &[u8]) {
    document(bytes, DocType::Trust, TrustList::read, |list| list.seal(key()), |bytes| TrustList::open(bytes, key().public()).err());
}

fn credential(bytes: &[u8]) {
    // No siblings may be written out: a key and an empty list.
    let siblings = |credential: &Credential| 2 * usize::from(credential.siblings.is_empty());
    let open = |bytes: &[u8]| Credential::open(bytes, trusting(), NOW).err();
    document_or_longer(bytes, DocType::Credential, Credential::read, |c| c.seal(key()), open, siblings);
}

fn receipt(bytes: &[u8]) {
    document(bytes, DocType::Receipt, Receipt::read, |r| r.seal(key()), |bytes| Receipt::open(bytes, trusting(), NOW).err());
}

fn advice(bytes: &[u8]) {
    document(bytes, DocType::Advice, Advice::read, |a| a.seal(key()), |bytes| Advice::open(bytes, trusting(), NOW).err());
}

fn inbound(bytes: &[u8]) {
    let _ = Inbound::claimed_trust(bytes);
    // An empty list of what was used elsewhere, and "no more", may be written out: a key and a byte each.
    let defaults = |inbound: &Inbound| 2 * (usize::from(inbound.elsewhere.is_empty()) + usize::from(!inbound.more));
    let open = |bytes: &[u8]| Inbound::open(bytes, trusting(), NOW).err();
    document_or_longer(bytes, DocType::Inbound, Inbound::read, |i| i.seal(key()), open, defaults);
}

fn outbound(bytes: &[u8]) {
    let _ = Outbound::claimed_terminal(bytes);
    document(bytes, DocType::Outbound, Outbound::read, |o| o.seal(key()), |bytes| Outbound::open(bytes, key().public()).err());
}

fn telling(bytes: &[u8]) {
    let _ = Telling::claimed_office(bytes);
    if let Ok(shown) = read_shown(bytes) {
        assert_eq!(show(&shown), bytes, "credentials are shown in one form");
    }
    // Not cancelled, and no act with chips known, may be written out: a key and a byte each.
    let defaults = |telling: &Telling| 2 * (telling.told.iter().filter(|told| !told.cancelled).count() + usize::from(telling.chips_has == 0));
    let open = |bytes: &[u8]| Telling::open(bytes, trusting(), NOW).err();
    document_or_longer(bytes, DocType::Neighbour, Telling::read, |telling| telling.seal(key()), open, defaults);
}

fn enrolment(bytes: &[u8]) {
    document(bytes, DocType::Enrolment, Enrolment::read, |e| e.seal(key()), |bytes| Enrolment::open(bytes).err().map(|_| Refused::UnknownKey));
}

fn status_list(bytes: &[u8]) {
    // The packed list can be compressed in many ways, so its bytes may differ; what it says may not.
    let payload = frame(bytes, DocType::StatusList).unwrap_or(bytes);
    let _ = StatusList::open(bytes, trusting(), NOW);
    let Ok(list) = Reader::decode(payload, StatusList::read) else { return };
    let again = list.seal(key());
    let sealed = Sealed::parse(&again, DocType::StatusList).expect("our own");
    assert_eq!(Reader::decode(sealed.unverified_payload(), StatusList::read), Ok(list));
}

fn batch(bytes: &[u8]) {
    let payload = frame(bytes, DocType::Batch).unwrap_or(bytes);
    let _ = intake::open::open(bytes, key().public());
    let _ = intake::open::open(&seal(key(), DocType::Batch, payload), key().public());
    let Ok(draft) = Reader::decode(payload, Draft::read) else { return };
    let again = Writer::encode(|w| draft.write(w));
    if !has_ignored_key(&mut Reader::new(payload), payload) {
        assert_eq!(again, payload, "one encoding of every batch");
    }
    if let Ok(whole) = check(draft) {
        assert_eq!(whole.lines().count(), whole.draft().items.len(), "every item is one line");
        let _ = whole.seal(key());
    }
}

fn entry(bytes: &[u8]) {
    if let Ok(entry) = Entry::from_bytes(bytes)
        && !has_ignored_key(&mut Reader::new(bytes), bytes)
    {
        assert_eq!(entry.to_bytes(), bytes, "one encoding of every entry");
    }
}

fn envelope(bytes: &[u8]) {
    /// More than any input of a fuzzer, so that a bomb would show.
    const LIMIT: usize = 1024 * 1024;
    static IDENTITY_READ: OnceLock<Identity> = OnceLock::new();
    let identity = IDENTITY_READ.get_or_init(|| Identity::parse(IDENTITY.trim()).expect("an identity"));
    if let Ok(plain) = decrypt(identity, bytes, LIMIT) {
        assert!(plain.len() <= LIMIT && plain.len() <= bytes.len());
    }
}

fn enrolment_code(bytes: &[u8]) {
    if let Some(code) = EnrolmentCode::parse(&String::from_utf8_lossy(bytes)) {
        let again = EnrolmentCode::parse(&code.grouped()).expect("as printed");
        assert_eq!((again.compact(), again.id()), (code.compact(), code.id()));
    }
}

fn card_number(bytes: &[u8]) {
    if let Some(number) = CardNumber::parse(&String::from_utf8_lossy(bytes)) {
        assert_eq!(number.digits().as_bytes(), bytes, "one form of every number");
    }
}

fn cbor(bytes: &[u8]) {
    if Reader::decode(bytes, Reader::skip).is_ok() {
        // What is one whole item, and nothing behind it, is not one when it is cut.
        assert!(Reader::decode(&bytes[..bytes.len() - 1], Reader::skip).is_err());
    }
    let _ = Sealed::parse_any(bytes, 1 << 20).map(|sealed| sealed.unverified_payload().len());
}

/// A table has no more rows and complaints than lines, and each complaint is a sentence.
fn table<T>(bytes: &[u8], read: Result<Table<T>, sheet::RowError>) {
    match read {
        Ok(table) => {
            assert!(table.rows.len() <= bytes.len(), "no row comes of nothing");
            table.errors.iter().for_each(|error| assert!(error.to_string().len() > 10, "{error}"));
        }
        Err(error) => assert!(error.to_string().len() > 10, "{error}"),
    }
}

fn children(bytes: &[u8]) {
    table(bytes, sheet::children::read(bytes));
}

fn calendar(bytes: &[u8]) {
    table(bytes, sheet::calendar::read(bytes));
}

fn self_paid(bytes: &[u8]) {
    table(bytes, sheet::self_paid::read(bytes));
}

fn people(bytes: &[u8]) {
    table(bytes, sheet::people::read(bytes));
}

fn pickups(bytes: &[u8]) {
    table(bytes, sheet::pickups::read(bytes));
}

fn class_list(bytes: &[u8]) {
    table(bytes, sheet::class_list::read(bytes));
}

fn entitlements(bytes: &[u8]) {
    match sheet::entitlements::read(bytes) {
        Ok(delivery) => delivery.errors.iter().for_each(|error| assert!(error.to_string().len() > 10, "{error}")),
        Err(error) => assert!(error.to_string().len() > 10, "{error}"),
    }
}

fn bank(bytes: &[u8]) {
    if let Err(error) = sheet::bank::read(bytes) {
        assert!(error.to_string().len() > 10, "{error}");
    }
}

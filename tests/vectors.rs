//! The formats against vectors that others have written: `tests/vectors` (a second implementation, in Python) and, where it is there,
//! the folder `shared/vectors` beside the project.
#![cfg(feature = "shell")]

use data_encoding::HEXLOWER;
use serde_json::Value;
use std::path::{Path, PathBuf};
use teilhabe::admit::credential::Credential;
use teilhabe::admit::enrolment::{Enrolment, EnrolmentCode};
use teilhabe::admit::number::CardNumber;
use teilhabe::admit::phone::{PhoneCode, Shown};
use teilhabe::admit::scan::{Fault, ReadError, Scan};
use teilhabe::admit::status::StatusList;
use teilhabe::admit::token::UnverifiedToken;
use teilhabe::admit::trust::{Policy, Purpose, TrustList, TrustedKey};
use teilhabe::admit::verify::Refused;
use teilhabe::book::entry::{Entry, Head};
use teilhabe::book::refusal::Refusal;
use teilhabe::book::rule;
use teilhabe::book::slot::slot_id;
use teilhabe::claim::check::Line;
use teilhabe::deliver::advice::Advice;
use teilhabe::deliver::exchange::{Inbound, Outbound};
use teilhabe::deliver::receipt::Receipt;
use teilhabe::intake::open::{CannotOpen, open};
use teilhabe::shell::envelope::{Identity, MAX_PLAINTEXT, decrypt};
use teilhabe::words::benefit::Benefit;
use teilhabe::words::civil::CivilDay;
use teilhabe::words::ids::{Handle, Hash, OfficeId, TerminalId, TokenId};
use teilhabe::words::keys::PublicKey;
use teilhabe::words::time::{UtcMs, UtcSeconds};

fn text<'v>(case: &'v Value, member: &str) -> &'v str {
    case[member].as_str().unwrap_or_else(|| panic!("{} without {member}", case["name"]))
}

fn bytes(case: &Value, member: &str) -> Vec<u8> {
    HEXLOWER.decode(text(case, member).as_bytes()).expect("hexadecimal digits")
}

/// The keys a reader may trust; what is no key of full order is none.
fn keys(case: &Value) -> Vec<PublicKey> {
    case["keys"].as_array().expect("keys").iter().filter_map(|k| PublicKey::from_hex(k.as_str().expect("hexadecimal digits"))).collect()
}

/// What `open` says with the one key of the case.
fn by_key<T>(case: &Value, open: impl FnOnce(&[u8], &PublicKey) -> Result<T, Refused>) -> String {
    verdict(keys(case).first().map_or(Err(Refused::UnknownKey), |key| open(&bytes(case, "hex"), key)))
}

/// A list that trusts `keys` for everything, at any time: what a reader of a single vector knows.
fn trusting(keys: &[PublicKey]) -> TrustList {
    let trusted = |key: &PublicKey| TrustedKey {
        key: key.clone(),
        purposes: vec![Purpose::Tokens, Purpose::Documents, Purpose::StatusLists],
        not_before: UtcMs(0),
        not_after: UtcMs::MAX,
        withdrawn: None,
    };
    TrustList {
        version: 1,
        issued: UtcMs(0),
        expires: UtcMs::MAX,
        office: OfficeId::parse("05560408").expect("an office id"),
        office_name: "Vektoren".into(),
        keys: keys.iter().map(trusted).collect(),
        recipient: "age1".into(),
        policy: Policy { claim_grace_days: 90, amber_days: 7, red_days: 30 },
        next_root: None,
    }
}

fn code_of(refused: Refused) -> String {
    refused.reason().code().to_owned()
}

fn verdict<T>(outcome: Result<T, Refused>) -> String {
    outcome.map_or_else(code_of, |_| "accepted".into())
}

/// What the counter says of a token at a moment, as far as the token alone decides.
fn judge_token(token: &UnverifiedToken, trust: &TrustList, at: UtcSeconds) -> String {
    let entitlement = match token.verify(std::slice::from_ref(trust), at.ms()) {
        Ok(entitlement) => entitlement,
        Err(refused) => return code_of(refused),
    };
    if entitlement.token().holder_key.is_some() {
        return Refusal::HolderProofMissing.reason().code().to_owned();
    }
    match rule::is_valid_on(entitlement.token(), CivilDay::of(at.ms())) {
        Ok(()) => "accepted".into(),
        Err(refusal) => refusal.reason().code().to_owned(),
    }
}

/// What the counter says of a phone code that is scanned at a moment, and is the first one of its token.
fn judge_phone_code(code: &PhoneCode, trust: &TrustList, at: UtcSeconds) -> String {
    assert_eq!(PhoneCode::from_bytes(&code.to_bytes()).as_ref(), Ok(code), "written again it is the same");
    let token = UnverifiedToken::from_bytes(code.token.clone());
    let entitlement = match token.verify(std::slice::from_ref(trust), at.ms()) {
        Ok(entitlement) => entitlement,
        Err(refused) => return code_of(refused),
    };
    let (token, shown) = (entitlement.token(), Shown { proof: code.proof, seen: at.ms(), used: None });
    if token.holder_key.is_none() {
        return "malformed".into();
    }
    if !code.proof.is_of(token, &code.token) || shown.is_fresh().is_err() {
        return Refusal::HolderProofMissing.reason().code().to_owned();
    }
    rule::is_valid_on(token, CivilDay::of(at.ms())).map_or_else(|refusal| refusal.reason().code().to_owned(), |()| "accepted".into())
}

fn judge_scan(raw: &str, trust: &TrustList, at: UtcSeconds) -> String {
    match Scan::new(raw) {
        Err(error) => error.reason().code().to_owned(),
        Ok(Scan::Code(bytes)) => judge_token(&UnverifiedToken::from_bytes(bytes), trust, at),
        Ok(Scan::Phone(code)) => judge_phone_code(&code, trust, at),
        Ok(Scan::Number(_) | Scan::Chip(_)) => ReadError::Malformed(Fault::Foreign).reason().code().to_owned(),
    }
}

fn is_as_expected(case: &Value, got: &str) -> bool {
    let others = case["or"].as_array().is_some_and(|or| or.iter().any(|o| o == got));
    case["expect"] == got || others
}

/// What our reader says of one case of `tests/vectors`, in all the ways the case can be read.
fn judge(case: &Value) -> Vec<String> {
    let trust = || trusting(&keys(case));
    let any_time = UtcMs(1_795_431_600_000);
    let one = match text(case, "type") {
        "teilhabe/token/1" => return judge_token_case(case),
        "teilhabe/trust/1" => by_key(case, TrustList::open),
        "teilhabe/credential/1" => verdict(Credential::open(&bytes(case, "hex"), &trust(), any_time)),
        "teilhabe/receipt/1" => verdict(Receipt::open(&bytes(case, "hex"), &trust(), any_time)),
        "teilhabe/advice/1" => verdict(Advice::open(&bytes(case, "hex"), &trust(), any_time)),
        "teilhabe/inbound/1" => verdict(Inbound::open(&bytes(case, "hex"), &trust(), any_time)),
        "teilhabe/outbound/1" => by_key(case, Outbound::open),
        "teilhabe/enrolment/1" => judge_enrolment(case),
        "teilhabe/batch/1" => judge_batch(case),
        "statuslist" => judge_status_list(case, &trust(), any_time),
        "entry" => judge_entry(&bytes(case, "hex")),
        "journal" => judge_journal(case),
        "enrolment_code" => judge_enrolment_code(case),
        "card_number" => judge_card_number(case),
        "slot" => judge_slot(case),
        "envelope" => judge_envelope(case),
        other => panic!("no reader for {other}"),
    };
    vec![one]
}

fn judge_token_case(case: &Value) -> Vec<String> {
    let root = PublicKey::from_hex(text(case, "root")).expect("a root key");
    let trust = TrustList::open(&bytes(case, "trust"), &root).expect("the case's trust list");
    let at = UtcSeconds(case["at"].as_u64().expect("a moment"));
    let as_bytes = case["hex"].is_string().then(|| judge_token(&UnverifiedToken::from_bytes(bytes(case, "hex")), &trust, at));
    let as_code = case["code"].as_str().map(|code| judge_scan(code, &trust, at));
    as_bytes.into_iter().chain(as_code).collect()
}

fn judge_enrolment(case: &Value) -> String {
    match Enrolment::open(&bytes(case, "hex")) {
        Err(refused) => code_of(refused),
        Ok(request) if keys(case).contains(&request.key) => {
            let secret: [u8; 10] = bytes(case, "secret").try_into().expect("ten bytes");
            if request.proves(&secret) { "accepted".into() } else { "bad_signature".into() }
        }
        Ok(_) => "unknown_key".into(),
    }
}

fn judge_batch(case: &Value) -> String {
    let (key, office) = (&keys(case)[0], OfficeId::parse(text(case, "office")));
    match open(&bytes(case, "hex"), key) {
        Err(CannotOpen::Refused(refused)) => code_of(refused),
        Err(CannotOpen::NotWhole(_) | CannotOpen::ForeignTerminal) => "malformed".into(),
        Ok(batch) if Some(&batch.batch().draft().office) != office.as_ref() => "malformed".into(),
        // Such a line gets an answer of its own and does not spoil the rest; as a vector it is malformed.
        Ok(batch) if batch.batch().lines().any(|(_, _, line)| matches!(line, Line::Unreadable(_))) => "malformed".into(),
        Ok(_) => "accepted".into(),
    }
}

fn judge_status_list(case: &Value, trust: &TrustList, now: UtcMs) -> String {
    let list = match StatusList::open(&bytes(case, "hex"), trust, now) {
        Ok(list) => list,
        Err(refused) => return code_of(refused),
    };
    for (index, status) in case["statuses"].as_object().into_iter().flatten() {
        assert_eq!(u64::from(list.status(index.parse().expect("an index")).code()), status.as_u64().expect("a status"), "{}: {index}", case["name"]);
    }
    "accepted".into()
}

fn judge_entry(bytes: &[u8]) -> String {
    Entry::from_bytes(bytes).map_or_else(|_| "malformed".into(), |_| "accepted".into())
}

fn judge_journal(case: &Value) -> String {
    let key = PublicKey::from_hex(text(case, "terminal_key")).expect("a key");
    assert_eq!(Some(key.terminal_id()), TerminalId::from_hex(text(case, "terminal")));
    let mut head = Head::start(key.terminal_id());
    assert_eq!(head.link.hex(), text(case, "link_before"));
    let list = |member: &str| case[member].as_array().expect("a list").iter().map(|v| v.as_str().expect("hex").to_owned()).collect::<Vec<_>>();
    for (entry, link) in list("entries").iter().zip(list("links")) {
        let bytes = HEXLOWER.decode(entry.as_bytes()).expect("hex");
        let read = Entry::from_bytes(&bytes).expect("an entry");
        assert_eq!(HEXLOWER.encode(&read.to_bytes()), *entry, "written again it is the same");
        head = head.after(&bytes);
        assert_eq!((read.seq, head.link.hex()), (head.seq, link));
    }
    "accepted".into()
}

fn judge_enrolment_code(case: &Value) -> String {
    let root = PublicKey::from_hex(text(case, "root")).expect("a root key");
    let Some(code) = EnrolmentCode::parse(text(case, "code")).filter(|code| code.is_for(&root)) else { return "malformed".into() };
    assert_eq!((HEXLOWER.encode(code.secret()), code.id().hex()), (text(case, "secret").to_owned(), text(case, "code_id").to_owned()));
    "accepted".into()
}

fn judge_card_number(case: &Value) -> String {
    let Ok(Scan::Number(number)) = Scan::new(text(case, "number")) else { return "malformed".into() };
    if let Some(id) = case["cti"].as_str() {
        assert_eq!(CardNumber::of(TokenId::from_hex(id).expect("a token id")), number, "{}", case["name"]);
    }
    "accepted".into()
}

fn judge_slot(case: &Value) -> String {
    let office = OfficeId::parse(text(case, "office")).expect("an office");
    let handle = Handle::from_hex(text(case, "handle")).expect("a handle");
    let benefit = Benefit::from_code(case["benefit"].as_u64().expect("a benefit")).expect("a benefit");
    assert_eq!(slot_id(&office, handle, benefit, text(case, "key")).hex(), text(case, "slot"), "{}", case["name"]);
    "accepted".into()
}

fn judge_envelope(case: &Value) -> String {
    let identity = Identity::parse(text(case, "identity")).expect("an identity");
    match decrypt(&identity, &bytes(case, "hex"), MAX_PLAINTEXT) {
        Ok(plain) => {
            assert_eq!((identity.recipient().as_str(), plain), (text(case, "recipient"), bytes(case, "plain")), "{}", case["name"]);
            "accepted".into()
        }
        Err(_) => "malformed".into(),
    }
}

fn read(path: &Path) -> Value {
    let file = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&file).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_second_implementation_and_ours_agree() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let (mut seen, mut wrong) = (0, Vec::new());
    for file in std::fs::read_dir(folder).expect("tests/vectors").filter_map(Result::ok).filter(|f| f.path().extension().is_some_and(|e| e == "json"))
    {
        for case in read(&file.path())["cases"].as_array().expect("cases") {
            for got in judge(case) {
                seen += 1;
                if !is_as_expected(case, &got) {
                    wrong.push(format!("{} {}: {got}, expected {}", case["type"], case["name"], case["expect"]));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(seen > 1000, "only {seen} cases were found");
}

/// As in Project Wycheproof: what a lax verifier would take, each for its own reason.
#[test]
fn edge_cases_of_ed25519_are_refused_for_what_they_are() {
    let file = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/signature.json"));
    let cases = file["cases"].as_array().expect("cases");
    let opened = |name: &str| {
        let case = cases.iter().find(|case| case["name"] == name).unwrap_or_else(|| panic!("no case {name}"));
        keys(case).first().map(|key| Receipt::open(&bytes(case, "hex"), &trusting(std::slice::from_ref(key)), UtcMs(1_795_431_600_000)).map(|_| ()))
    };
    // S must be below the group's order; R must be a canonical point of full order, and the equation must hold without the cofactor.
    for name in [
        "scalar_plus_order",
        "scalar_of_all_ones",
        "scalar_is_order",
        "signature_of_zeros",
        "point_identity",
        "point_identity_non_canonical",
        "point_not_on_the_curve",
        "holds_only_when_cofactored",
    ] {
        assert_eq!(opened(name), Some(Err(Refused::BadSignature)), "{name}");
    }
    // A key of small order verifies what nobody has signed: it is no key at all.
    for order in
        ["key_of_order_1", "key_of_order_2", "key_of_order_4", "key_of_order_8", "key_identity_non_canonical", "key_identity_with_sign_of_zero"]
    {
        assert_eq!(opened(order), None, "{order}");
    }
    for name in ["ordinary", "key_of_mixed_order"] {
        assert_eq!(opened(name), Some(Ok(())), "{name}");
    }
}

/// The vectors beside the project, where somebody has put them.
fn shared(name: &str) -> Option<Value> {
    let beside = |dir: &Path| -> PathBuf { dir.join("shared/vectors").join(name) };
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().skip(1).map(beside).find(|path| path.exists()).map(|path| read(&path))
}

#[test]
fn shared_tokens() {
    let Some(file) = shared("tokens.json") else { return };
    let trust = trusting(&keys(&file));
    let cases = file["cases"].as_array().expect("cases");
    let code_of = |name: &str| cases.iter().find(|c| c["name"] == name).map(|c| text(c, "code").to_owned());
    for case in cases {
        let name = text(case, "name");
        let at = UtcSeconds(case["at"].as_u64().expect("a moment"));
        let got = judge_scan(text(case, "code"), &trust, at);
        match name {
            // The case is defective: it carries the accepted code of another case. An empty scan is what it means.
            "empty" => {
                assert_eq!(code_of("empty"), code_of("lunch_one_a_day"), "the case was mended: judge it like the others");
                assert_eq!(judge_scan("", &trust, at), "malformed");
            }
            // As the case's own note says, each of these is as good.
            "wrong_type" => assert!(["bad_signature", "wrong_type"].contains(&got.as_str()), "{got}"),
            "azerty_host" => assert!(["wrong_layout", "accepted"].contains(&got.as_str()), "{got}"),
            _ => assert_eq!(got, text(case, "expect"), "{name}"),
        }
        if got == "accepted" && name != "empty" {
            let Ok(Scan::Code(read)) = Scan::new(text(case, "code")) else { panic!("{name} is a code") };
            assert_eq!(HEXLOWER.encode(&read), text(case, "cose"), "{name}");
        }
    }
}

#[test]
fn shared_numbers_and_slots() {
    let Some(file) = shared("numbers_and_slots.json") else { return };
    for case in file["numbers"].as_array().expect("numbers") {
        assert_eq!(CardNumber::of(TokenId::from_hex(text(case, "cti")).expect("an id")).digits(), text(case, "number"));
    }
    for case in file["slots"].as_array().expect("slots") {
        judge_slot(case);
    }
}

#[test]
fn shared_journal_and_batch() {
    let Some(file) = shared("journal_and_batch.json") else { return };
    let key = PublicKey::from_hex(text(&file, "terminal_key")).expect("a key");
    assert_eq!(key.terminal_id().hex(), text(&file, "terminal_id"));
    let mut head = Head::start(key.terminal_id());
    assert_eq!(head.link.hex(), text(&file, "link0"));
    let entries: Vec<Vec<u8>> =
        file["entries"].as_array().expect("entries").iter().map(|e| HEXLOWER.decode(e.as_str().expect("hex").as_bytes()).expect("hex")).collect();
    for (entry, link) in entries.iter().zip(file["links"].as_array().expect("links")) {
        assert_eq!(Entry::from_bytes(entry).expect("an entry").to_bytes(), *entry);
        head = head.after(entry);
        assert_eq!(head.link.hex(), link.as_str().expect("hex"));
    }
    let batch = open(&bytes(&file, "batch"), &key).expect("a whole batch");
    let draft = batch.batch().draft();
    assert_eq!((draft.office.as_str(), draft.after()), (text(&file, "office"), head));
    for ((seq, hash, line), bytes) in batch.batch().lines().zip(&entries) {
        assert_eq!(hash, Hash::of(&[bytes]), "entry {seq}");
        let is_shown = Entry::from_bytes(bytes).expect("an entry").body.is_shown_to(&draft.office);
        assert_eq!(matches!(line, Line::Entry(_)), is_shown, "entry {seq}");
    }
}

#[test]
fn shared_status_list() {
    let Some(file) = shared("status_list.json") else { return };
    let trust = trusting(&[PublicKey::from_hex(text(&file, "key")).expect("a key")]);
    let list = StatusList::open(&bytes(&file, "statuslist"), &trust, UtcMs(0)).expect("a status list");
    for (index, status) in file["expect"].as_object().expect("statuses") {
        assert_eq!(u64::from(list.status(index.parse().expect("an index")).code()), status.as_u64().expect("a status"), "{index}");
    }
}

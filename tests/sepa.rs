//! The payment file before strict judges: the German banks' own schema (GBIC_5, shipped with the crate `sepa`), read by `xmllint`
//! (Debian: libxml2-utils), and that crate's character table and list of countries.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use teilhabe::deliver::advice::Verdict;
use teilhabe::settle::account::{Account, Bic, Iban, MAX_NAME};
use teilhabe::settle::clerk::Clerk;
use teilhabe::settle::run::{Run, RunNumber};
use teilhabe::settle::sepa::{pain001, sepa_text};
use teilhabe::settle::settlement::{Draft, LineKind, PayableLine};
use teilhabe::words::benefit::Benefit;
use teilhabe::words::cents::Cents;
use teilhabe::words::civil::CivilDay;
use teilhabe::words::code::Code;
use teilhabe::words::ids::{BatchId, EntryId, OfficeId, ProviderNumber, TerminalId};
use teilhabe::words::time::UtcMs;

/// Names as they come out of forms, letters and attacks.
const NAMES: [&str; 12] = [
    "Mensa am Park gGmbH",
    "Großküche Müller & Söhne \"Zur Börse\" OHG",
    "<script>alert('1')</script>",
    "]]><Injected/>&#0;",
    "Kita 🍲 Löffelchen 🥄",
    "Łódź Ñandú Žižka e. V.",
    "O'Brien's Nachhilfe",
    "Zeile eins\r\nZeile\tzwei",
    "\u{feff}Turnverein\u{200b} 1848\u{0}",
    "STRAẞENFEST §§ 28, 29 – Förderverein „Unsere Schule“ der Gesamtschule am Rhein-Herne-Kanal e. V., Abteilung Mittagstisch",
    "/Schrägstrich//voran",
    "1. FC",
];

fn sample(names: &[&str], debtor: &Account) -> String {
    let now = UtcMs::parse_rfc3339("2026-12-01T08:00:00Z").expect("a time");
    let run = Run {
        office: OfficeId::parse("05562032-AB12").expect("an office id"),
        number: RunNumber::new(RunNumber::MAX).expect("a run number"),
        execution_date: CivilDay::parse("2026-12-03").expect("a day"),
    };
    let iban = Iban::parse("DE44 5001 0517 5407 3249 31").expect("an IBAN");
    let providers = || (1u8..).zip(names);
    let accounts: BTreeMap<_, _> = providers()
        .map(|(n, name)| {
            let bic = (n % 2 == 0).then(|| Bic::parse("INGDDEFFXXX").expect("a BIC"));
            (ProviderNumber(n.into()), Account::new(name, iban, bic).expect("a name"))
        })
        .collect();
    let lines = providers().flat_map(|(n, _)| (1..=30u8).map(move |seq| line(n, seq))).collect();
    let clerk = |name| Clerk::new(name).expect("a name");
    let draft = Draft::new(run, lines, &accounts, now).expect("a draft");
    let released = draft.sign(clerk("Anna"), now).sign(clerk("Berta"), now).expect("two clerks");
    pain001(&released, debtor).expect("a payment file")
}

/// One lunch in a batch of its own, so that remittance texts are as long as they get.
fn line(provider: u8, seq: u8) -> PayableLine {
    PayableLine {
        entry: EntryId { terminal: TerminalId([provider; 16]), seq: seq.into() },
        batch: BatchId([provider, seq, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        provider: ProviderNumber(provider.into()),
        benefit: Benefit::Lunch,
        service: Code::parse("lunch").expect("a code"),
        service_day: CivilDay::parse("2026-11-23").expect("a day").minus(seq.into()),
        kind: LineKind::Redemption,
        units: 1,
        verdict: Verdict::Accepted,
        claimed: Cents::new(450),
        total: Cents::new(450),
        already: Cents::ZERO,
        reason: None,
        legal_basis: None,
    }
}

fn debtor(bic: Option<&str>) -> Account {
    let iban = Iban::parse("DE89370400440532013000").expect("an IBAN");
    let bic = bic.map(|bic| Bic::parse(bic).expect("a BIC"));
    Account::new("Stadt Recklinghausen – Fachbereich Soziales, Jugend und Familie, Bildung und Teilhabe", iban, bic).expect("a name")
}

/// The schema's place, as cargo knows it; the test's own dependency ships it.
fn schema() -> PathBuf {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--format-version", "1", "--manifest-path"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .output()
        .expect("cargo metadata runs");
    let metadata = String::from_utf8(metadata.stdout).expect("JSON is UTF-8");
    let manifest = metadata
        .split("\"manifest_path\":\"")
        .filter_map(|rest| rest.split_once('"'))
        .map(|(path, _)| Path::new(path))
        .find(|path| path.parent().is_some_and(|folder| folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with("sepa-"))))
        .expect("the crate sepa among the dependencies");
    let schema = manifest.with_file_name("tests").join("xsd/pain.001.001.09_GBIC_5.xsd");
    assert!(schema.is_file(), "the crate sepa no longer ships {}", schema.display());
    schema
}

/// What the German banks' schema finds wrong; empty where nothing is.
fn complaints(xml: &str) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("pain.001.xml");
    std::fs::write(&file, xml).expect("a written file");
    let judge = Command::new("xmllint").args(["--noout", "--nonet", "--schema"]).arg(schema()).arg(&file).output();
    let judge = judge.expect("xmllint is not installed: apt-get install libxml2-utils");
    let words = String::from_utf8_lossy(&judge.stderr).into_owned();
    if judge.status.success() { String::new() } else { words }
}

#[test]
fn the_german_scheme_takes_the_file_whatever_the_names() {
    for bic in [None, Some("WELADED1REK")] {
        let xml = sample(&NAMES, &debtor(bic));
        assert_eq!(complaints(&xml), "", "{xml}");
        assert_eq!(xml.matches("<CdtTrfTxInf>").count(), NAMES.len());
        assert!(!xml.contains("<Injected"), "a name became an element");
    }
}

#[test]
fn the_schema_refuses_what_the_scheme_forbids() {
    let good = sample(&NAMES, &debtor(None));
    for (from, to) in [
        ("Ccy=\"EUR\"", "Ccy=\"USD\""),
        ("<Id>NOTPROVIDED</Id>", "<Id>UNKNOWN</Id>"),
        ("<ChrgBr>SLEV</ChrgBr>", "<ChrgBr>SHAR</ChrgBr>"),
        ("<Ustrd>BuT", "<Ustrd>A much longer remittance text than any bank is bound to take, and it goes on and on to be sure: BuT"),
        ("05562032-AB12-R99999999P1<", "05562032-AB12-R99999999P1ä<"),
        ("<BtchBookg>true</BtchBookg>\n<NbOfTxs>12</NbOfTxs>", "<BtchBookg>true</BtchBookg>"),
    ] {
        assert!(good.contains(from), "{from}");
        assert_ne!(complaints(&good.replace(from, to)), "", "{to}");
    }
}

#[test]
fn a_file_holds_only_letters_every_bank_reads() {
    let xml = sample(&NAMES, &debtor(None));
    for element in ["Nm", "Ustrd", "EndToEndId", "MsgId", "PmtInfId"] {
        for text in xml.split(&format!("<{element}>")).skip(1).filter_map(|rest| rest.split_once("</")).map(|(text, _)| text) {
            assert!(sepa::charset::is_sepa_text(text), "{element}: {text}");
        }
    }
}

#[test]
fn latin_letters_are_written_as_the_payments_council_says() {
    // The council's table forgets these four; we keep the letter rather than lose it.
    let letters = ('\u{a1}'..='\u{17f}').filter(|c| c.is_alphabetic() && !"ŌōŎŏ".contains(*c));
    let differing: Vec<String> = letters
        .filter_map(|c| {
            let (text, expected) = (c.to_string(), sepa::charset::transliterate(&c.to_string(), sepa::charset::Transliteration::German).into_owned());
            let ours = sepa_text(&text, MAX_NAME);
            (ours != expected).then(|| format!("{text}: {ours} is not {expected}"))
        })
        .collect();
    assert_eq!(differing, Vec::<String>::new());
}

#[test]
fn accounts_agree_with_a_second_judge() {
    for text in ["DE89370400440532013000", "AT611904300234573201", "NL91ABNA0417164300", "CH9300762011623852957", "GI75NWBK000000007099453"] {
        assert!(Iban::parse(text).is_ok() && sepa::validate_iban(text).is_ok_and(|iban| iban.is_sepa()), "{text}");
    }
    for text in ["DE89370400440532013001", "DE8937040044053201300", "FO6264600001631634", "TR330006100519786457841326", "GL8964710001000206"] {
        assert!(Iban::parse(text).is_err() && !sepa::validate_iban(text).is_ok_and(|iban| iban.is_sepa()), "{text}");
    }
}

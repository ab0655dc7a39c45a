//! Invoices in the name of providers: what they need, what they say, and that they come to what was paid. The documents made here are
//! left in the target folder, where `tests/interop/xrechnung.py` reads them by the rules of the standard.

mod office_browser;
mod office_town;

use axum::http::StatusCode;
use office_browser::{Answer, Browser};
use office_town::lived_in;
use std::path::{Path, PathBuf};
use teilhabe::office::{InvoiceBuyer, NewRepayment, Office};
use teilhabe::reconcile::ruling::Choice;
use teilhabe::shell::door;
use teilhabe::shell::sheet::bank;
use teilhabe::shell::store::office::invoices::{self, Party};
use teilhabe::shell::store::office::repayments;
use teilhabe::words::cents::Cents;
use teilhabe::words::civil::{CivilDay, CivilMonth};
use teilhabe::words::code::Code;
use teilhabe::words::ids::{EntryId, Hash, ProviderNumber};
use teilhabe::words::reason::Reason;
use teilhabe::words::time::UtcMs;

const CANTEEN: ProviderNumber = ProviderNumber(101);
const JUDO: ProviderNumber = ProviderNumber(102);

/// The twentieth of a month that is over: what the town did in the two weeks before is all of that month.
fn then() -> UtcMs {
    let this = CivilDay::of(door::now()).month();
    CivilMonth::from_months(u64::from(this.months()) - 1).expect("a month").first_day().plus(19).at_minute(12 * 60)
}

fn day(text: &str) -> CivilDay {
    CivilDay::parse(text).expect("a day")
}

/// A town whose lines are reconciled, and in which both providers have agreed to invoices.
fn town() -> (Office, Vec<office_town::Counter>, UtcMs) {
    let now = then();
    let (mut office, counters) = lived_in(now);
    office.reconcile(now).expect("reconciled");
    let buyer = InvoiceBuyer {
        leitweg: "04011000-1234512345-06".into(),
        street: "Rathausplatz 3".into(),
        postcode: "45657".into(),
        city: "Recklinghausen".into(),
    };
    office.set_invoice_buyer(&buyer, "Anna Adler", now).expect("set");
    for (number, vat_id) in [(CANTEEN, Some("DE136695976")), (JUDO, None)] {
        let party = Party {
            street: "Am Wall 12 & 14".into(),
            postcode: "45657".into(),
            city: "Recklinghausen".into(),
            vat_id: vat_id.map(str::to_owned),
            tax_number: vat_id.is_none().then(|| "340/5801/1234".to_owned()),
            contact: "Frau Weber <Büro>".into(),
            phone: "02361 50-0".into(),
            email: "buero@anbieter.example".into(),
            agreed_on: day("2026-01-15"),
        };
        office.set_invoice_party(number, Some(&party), "Anna Adler", now).expect("set");
    }
    for (number, code, vat) in [(CANTEEN, "lunch", "meal_service"), (JUDO, "judo", "exempt_22")] {
        let code = Code::parse(code).expect("a code");
        office.set_service_vat(number, &code, day("2026-01-01"), vat, "Anna Adler", now).expect("set");
    }
    (office, counters, now)
}

fn make(office: &mut Office, number: ProviderNumber, now: UtcMs) -> Result<String, String> {
    office.make_invoice(number, CivilDay::of(now).month(), "Anna Adler", door::now()).map_err(|why| why.to_string())
}

fn left() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("xrechnung")
}

/// The document with this number, left for the checker of the standard.
fn document(office: &Office, provider: ProviderNumber, number: &str) -> String {
    let bytes = invoices::bytes(office.db(), provider, number).expect("read").expect("made");
    std::fs::create_dir_all(left()).expect("a folder");
    std::fs::write(left().join(format!("{number}.xml")), &bytes).expect("written");
    String::from_utf8(bytes).expect("UTF-8")
}

/// The text of the first element of this name.
fn text<'x>(xml: &'x str, name: &str) -> &'x str {
    let after = xml.split(&format!("<{name}")).nth(1).unwrap_or_else(|| panic!("no {name} in {xml}"));
    after.split_once('>').and_then(|(_, rest)| rest.split_once("</")).map_or("", |(text, _)| text)
}

fn paid(office: &mut Office, now: UtcMs) -> Vec<(ProviderNumber, Cents)> {
    let settlement = office.settle("Anna Adler", "Berta Busch", CivilDay::of(now), now).expect("settled");
    settlement.payments.into_iter().map(|payment| (payment.provider, payment.cents)).collect()
}

/// A line of the canteen that was paid.
fn paid_line(office: &Office) -> EntryId {
    let sql =
        "SELECT t.terminal, l.seq FROM line l JOIN terminal t ON t.id = l.terminal WHERE l.provider = 101 AND l.settled = 450 ORDER BY l.seq LIMIT 1";
    let (terminal, seq): (Vec<u8>, i64) = office.db().query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).expect("a line");
    EntryId { terminal: teilhabe::words::ids::TerminalId(terminal.try_into().expect("16 bytes")), seq: seq.try_into().expect("a number") }
}

#[test]
fn an_invoice_comes_to_what_was_paid_and_later_ones_say_only_what_is_new() {
    // What an earlier run left there says nothing of this one.
    let _ = std::fs::remove_dir_all(left());
    let (mut office, _, now) = town();
    assert!(make(&mut office, CANTEEN, now).expect_err("nothing is paid").contains("nichts zu berechnen"));
    let payments = paid(&mut office, now);
    let sum = |number| payments.iter().find(|(provider, _)| *provider == number).map(|(_, cents)| *cents).expect("paid");

    let number = make(&mut office, CANTEEN, now).expect("made");
    let first = document(&office, CANTEEN, &number);
    assert_eq!(text(&first, "cbc:PayableAmount"), sum(CANTEEN).decimal());
    assert_eq!(
        (text(&first, "cbc:InvoiceTypeCode"), text(&first, "cbc:Percent"), text(&first, "cbc:BuyerReference")),
        ("389", "7", "04011000-1234512345-06")
    );
    assert!(first.contains("05562032-R1P101") && !first.contains("4711-"), "the transfer is named, no case is: {first}");
    let judo = make(&mut office, JUDO, now).expect("made");
    let exempt = document(&office, JUDO, &judo);
    assert_eq!((text(&exempt, "cbc:PayableAmount"), text(&exempt, "cbc:TaxAmount")), (sum(JUDO).decimal().as_str(), "0.00"));
    assert!(text(&exempt, "cbc:TaxExemptionReason").contains("§ 4 Nr. 22 UStG"), "{exempt}");
    assert!(make(&mut office, CANTEEN, now).expect_err("all is said").contains("nichts zu berechnen"));

    // A line turns out to be wrong after it was paid, and the canteen pays it back.
    office.rule(paid_line(&office), Choice::Reject, Reason::ClerkDecision, "", "Anna Adler", now).expect("ruled");
    assert!(make(&mut office, CANTEEN, now).is_err(), "what is decided but not settled is in no invoice");
    pay_back(&mut office, now);
    let number = make(&mut office, CANTEEN, now).expect("made");
    let credit = document(&office, CANTEEN, &number);
    assert_eq!((text(&credit, "cbc:CreditNoteTypeCode"), text(&credit, "cbc:PayableAmount")), ("381", "4.50"));
    assert!(credit.contains("<cac:BillingReference>"), "{credit}");

    // The tax of the second half was wrong: the same money, another tax.
    let middle = CivilDay::of(now).minus(7);
    office.set_service_vat(CANTEEN, &Code::parse("lunch").expect("a code"), middle, "standard", "Anna Adler", now).expect("set");
    let number = make(&mut office, CANTEEN, now).expect("made");
    let turned = document(&office, CANTEEN, &number);
    assert_eq!((text(&turned, "cbc:InvoiceTypeCode"), text(&turned, "cbc:PayableAmount")), ("389", "0.00"));
    assert!(turned.contains("<cbc:Percent>19<") && turned.contains("<cbc:Percent>7<"), "{turned}");
    assert!(make(&mut office, CANTEEN, now).is_err());
}

/// The canteen pays a meal back, and that is settled.
fn pay_back(office: &mut Office, now: UtcMs) {
    let new = NewRepayment { provider: CANTEEN, cents: Cents::new(450), day: CivilDay::of(now), note: "Auszug 12" };
    office.note_repayment("form", &new, "Anna Adler", now).expect("noted");
    let noted = repayments::waiting(office.db()).expect("read").pop().expect("it waits");
    office.confirm_repayment(noted.number, Cents::new(450), true, "Berta Busch", now).expect("confirmed");
    assert!(paid(office, now).is_empty());
}

#[test]
fn a_restored_office_gives_no_number_of_an_invoice_twice() {
    let (mut office, _, now) = town();
    paid(&mut office, now);
    let first = make(&mut office, CANTEEN, now).expect("made");
    office.begin_after_restore(now).expect("begun");
    office.has_compared("Anna Adler", now).expect("noted");
    office.rule(paid_line(&office), Choice::Reject, Reason::ClerkDecision, "", "Anna Adler", now).expect("ruled");
    pay_back(&mut office, now);
    let second = make(&mut office, CANTEEN, now).expect("made");
    assert!(first.ends_with("-1") && second.ends_with("-10002"), "the lost office may have made a second one: {first}, {second}");
}

#[test]
fn a_payment_that_came_back_changes_no_invoice() {
    let (mut office, _, now) = town();
    paid(&mut office, now);
    make(&mut office, CANTEEN, now).expect("made");
    let camt = "<Document><BkToCstmrStmt><Stmt><Id>S1</Id><Acct><Id><IBAN>DE02120300000000202051</IBAN></Id></Acct><Ntry><Amt Ccy=\"EUR\">SUM</Amt>\
        <CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-12-04</Dt></BookgDt><NtryDtls><TxDtls><Refs><EndToEndId>05562032-R1P101\
        </EndToEndId></Refs><RtrInf><Rsn><Cd>MS03</Cd></Rsn></RtrInf></TxDtls></NtryDtls></Ntry></Stmt></BkToCstmrStmt></Document>";
    let sum: i64 = office.db().query_row("SELECT cents FROM payment WHERE provider = 101", [], |row| row.get(0)).expect("a payment");
    let file = bank::read(camt.replace("SUM", &Cents::new(sum).decimal()).as_bytes()).expect("a statement");
    assert_eq!(office.import_bank(&file, Hash::of(&[b"one"]), "Anna Adler", now).expect("taken").returned.len(), 1);
    assert!(make(&mut office, CANTEEN, now).is_err(), "the meals were served all the same");
    assert_eq!(paid(&mut office, now), [(CANTEEN, Cents::new(sum))]);
    assert!(make(&mut office, CANTEEN, now).is_err(), "paid again, not served again");
}

async fn refused(browser: &Browser, path: &str, fields: &[(&str, &str)], sentence: &str) {
    let answer: Answer = browser.post(path, fields).await;
    assert!(answer.status.is_client_error(), "{path}: {}", answer.status);
    assert!(answer.text.contains(sentence), "{path}: no “{sentence}” in {}", answer.text);
}

#[tokio::test]
async fn the_page_asks_for_what_an_invoice_needs_and_logs_what_is_taken() {
    let now = then();
    let (mut office, _) = lived_in(now);
    office.reconcile(now).expect("reconciled");
    paid(&mut office, now);
    let anna = Browser::at(office).signed_in("Anna Adler").await;
    let (page, month) = ("/providers/101/invoices", CivilDay::of(now).month().to_string());
    let make = [("month", month.as_str())];
    refused(&anna, &format!("{page}/make"), &make, "keine Rechnungen vereinbart").await;

    let mut party = vec![("street", "Am Wall 12"), ("postcode", "45657"), ("city", "Recklinghausen"), ("contact", "Frau Weber")];
    party.extend([("phone", "02361 50-0"), ("email", "buero@anbieter.example"), ("agreed_on", "2026-01-15")]);
    refused(&anna, &format!("{page}/party"), &party, "Ohne Umsatzsteuer-ID oder Steuernummer").await;
    party.push(("vat_id", "DE136695967"));
    refused(&anna, &format!("{page}/party"), &party, "Diese Umsatzsteuer-ID stimmt nicht").await;
    party.push(("vat_id", "de 136 695 976"));
    assert_eq!(anna.post(&format!("{page}/party"), &party).await.location(), "/providers/101/invoices?done=invoice_party");
    for (field, value, sentence) in [
        ("postcode", "4565", "fünf Ziffern"),
        ("email", "@x", "E-Mail-Adresse stimmt nicht"),
        ("phone", "–", "drei Ziffern"),
        ("agreed_on", "", "Datum der Vereinbarung"),
    ] {
        let wrong: Vec<_> = party.iter().copied().chain([(field, value)]).collect();
        refused(&anna, &format!("{page}/party"), &wrong, sentence).await;
    }

    refused(&anna, &format!("{page}/make"), &make, "Es fehlen Leitweg-ID und Anschrift des Amts").await;
    let buyer = |leitweg| [("leitweg", leitweg), ("street", "Rathausplatz 3"), ("postcode", "45657"), ("city", "Recklinghausen")];
    refused(&anna, "/settlement/invoices", &buyer("04011000-1234512345-60"), "Die Leitweg-ID hat einen Tippfehler").await;
    refused(&anna, "/settlement/invoices", &buyer("Rathaus"), "Das ist keine Leitweg-ID").await;
    assert_eq!(anna.post("/settlement/invoices", &buyer("04011000-1234512345-06")).await.location(), "/settlement/invoices?done=invoice_buyer");
    refused(&anna, &format!("{page}/make"), &make, "keine Umsatzsteuer eingetragen").await;
    let vat = |from, vat| [("code", "lunch"), ("from", from), ("vat", vat)];
    refused(&anna, &format!("{page}/vat"), &vat("2019-01-01", "meal_service"), "nicht bekannt").await;
    refused(&anna, &format!("{page}/vat"), &vat("2026-01-01", ""), "wie die Leistung besteuert").await;
    assert_eq!(anna.post(&format!("{page}/vat"), &vat("2026-01-01", "meal_service")).await.location(), "/providers/101/invoices?done=invoice_vat");
    refused(&anna, &format!("{page}/make"), &[("month", "2099-01")], "noch nicht zu Ende").await;
    assert_eq!(anna.post(&format!("{page}/make"), &make).await.location(), "/providers/101/invoices?done=invoice_made");

    let shown = anna.get(page).await;
    assert!(shown.text.contains("vollständig") && shown.text.contains("Speisen mit Ausgabe"), "{}", shown.text);
    let link = shown.link("/providers/101/invoices/05562032");
    let file = anna.get(&link).await;
    assert_eq!((file.status, &file.headers["content-type"]), (StatusCode::OK, &"application/xml".parse().expect("a value")));
    assert!(anna.get(&link.replace("/101/", "/102/")).await.status == StatusCode::NOT_FOUND, "another provider's");
    let log = anna.get("/admin/audit").await.text;
    assert!(log.contains("invoice/05562032-101-") && log.contains("erstellt"), "{log}");
    assert!(anna.get("/settlement/invoices").await.text.contains("Mensa am Wall"));
    assert_eq!(anna.post(&format!("{page}/party"), &[("choice", "none")]).await.location(), "/providers/101/invoices?done=invoice_none");
    assert!(anna.get(page).await.text.contains(&link), "what was made stays");
}

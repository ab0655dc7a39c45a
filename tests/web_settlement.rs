//! Payment over HTTP: choosing, signing, releasing, what the bank answers, and that all sums agree to the cent.

mod office_browser;
mod office_town;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use office_browser::{Answer, Browser, HOST, send};
use office_town::{Counter, empty, lived_in, office_id, request};
use std::collections::BTreeMap;
use teilhabe::office::{NewProvider, ServiceTerms};
use teilhabe::reconcile::holidays::Land;
use teilhabe::reconcile::ruling::Choice;
use teilhabe::shell::door;
use teilhabe::shell::sheet::children;
use teilhabe::words::cents::Cents;
use teilhabe::words::civil::CivilDay;
use teilhabe::words::ids::{EntryId, TerminalId};
use teilhabe::words::reason::Reason;
use teilhabe::words::time::UtcMs;

const OWN_IBAN: &str = "DE02120300000000202051";
const JUDO: &str = "102";

/// Two clerks at a town whose lines are reconciled.
async fn month_end() -> (Browser, Browser) {
    let (office, _) = lived_in(door::now());
    let anna = Browser::at(office).signed_in("Anna Adler").await;
    let berta = anna.another().signed_in("Berta Busch").await;
    anna.post("/reconcile", &[]).await;
    (anna, berta)
}

/// What a form of the payment page sends of these providers.
fn chosen(page: &Answer, wanted: &[&str]) -> Vec<(String, String)> {
    let keep = |(name, value): &(String, String)| name != "row" || wanted.iter().any(|number| value.starts_with(&format!("{number}-")));
    page.chosen_rows().into_iter().filter(keep).collect()
}

async fn post(browser: &Browser, path: &str, fields: &[(String, String)]) -> Answer {
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    browser.post(path, &fields).await
}

/// Draws up and releases a run of these providers.
async fn pay(anna: &Browser, berta: &Browser, wanted: &[&str]) {
    let page = anna.get("/settlement").await;
    let signed = post(anna, "/settlement/sign", &chosen(&page, wanted)).await;
    assert_eq!(signed.location(), "/settlement?done=signed", "{}", signed.text);
    let content = berta.get("/settlement").await.hidden("content");
    let released = berta.post("/settlement/release", &[("content", &content)]).await;
    assert_eq!(released.location(), "/settlement?done=released", "{}", released.text);
}

async fn upload(browser: &Browser, xml: &str) -> Answer {
    let body = format!("--X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"bank.xml\"\r\n\r\n{xml}\r\n--X--\r\n");
    let request = Request::post("/settlement/bank").header("host", HOST).header("origin", format!("http://{HOST}")).header("cookie", &browser.cookie);
    let request = request.header("content-type", "multipart/form-data; boundary=X").body(Body::from(body)).expect("a request");
    send(&browser.app, request).await
}

fn statement(iban: &str, entries: &[(&str, &str, &str, Option<&str>)]) -> String {
    let entry = |(id, euros, direction, reason): &(&str, &str, &str, Option<&str>)| {
        let back = reason.map_or(String::new(), |code| format!("<RtrInf><Rsn><Cd>{code}</Cd></Rsn></RtrInf>"));
        format!(
            "<Ntry><Amt Ccy=\"EUR\">{euros}</Amt><CdtDbtInd>{direction}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-12-04</Dt></BookgDt>\
             <NtryDtls><TxDtls><Refs><EndToEndId>{id}</EndToEndId></Refs>{back}</TxDtls></NtryDtls></Ntry>"
        )
    };
    let entries: String = entries.iter().map(entry).collect();
    format!("<Document><BkToCstmrStmt><Stmt><Id>S1</Id><Acct><Id><IBAN>{iban}</IBAN></Id></Acct>{entries}</Stmt></BkToCstmrStmt></Document>")
}

/// The text between two marks, wherever it stands.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Vec<&'a str> {
    text.split(before).skip(1).filter_map(|rest| rest.split(after).next()).collect()
}

fn euros(text: &str) -> Cents {
    let plain = text.replace(['\u{a0}', '€', ' ', '.'], "").replace('−', "-");
    Cents::parse_euros(&plain).unwrap_or_else(|| panic!("no amount: {text}"))
}

/// The amounts that a run's page shows by provider.
fn shown(page: &str) -> BTreeMap<String, Cents> {
    let rows = page.split("<tr role=\"row\">").skip(1).filter(|row| row.contains("/statements/"));
    let amount = |row: &str| euros(between(row, "data-label=\"Betrag\" class=\"n\">", "<")[0]);
    rows.map(|row| (between(row, "/statements/", "\"")[0].to_owned(), amount(row))).collect()
}

#[tokio::test]
async fn a_clerk_chooses_what_is_paid_and_the_rest_stays_open() {
    let (anna, berta) = month_end().await;
    let page = anna.get("/settlement").await;
    assert_eq!(page.chosen_rows().iter().filter(|(name, _)| name == "row").count(), 2, "the third provider's lines are findings: {}", page.text);
    assert_eq!(post(&anna, "/settlement/sign", &chosen(&page, &[])).await.status, StatusCode::UNPROCESSABLE_ENTITY, "nobody is chosen");
    let meals = anna.get("/settlement?benefit=lunch").await;
    assert!(!meals.text.contains("Judoclub") && meals.text.contains("Außerhalb dieser Auswahl"), "{}", meals.text);
    pay(&anna, &berta, &[JUDO]).await;
    let run = anna.get("/settlement/1").await.text;
    assert_eq!(shown(&run), BTreeMap::from([(JUDO.to_owned(), Cents::new(7_500))]), "{run}");
    let rest = anna.get("/settlement").await;
    assert_eq!(rest.chosen_rows().iter().filter(|(name, _)| name == "row").count(), 1, "the other is still to be paid");
    assert!(!rest.chosen_rows().iter().any(|(_, value)| value.starts_with("102-")));
}

#[tokio::test]
async fn one_run_waits_at_a_time_and_can_be_withdrawn() {
    let (anna, berta) = month_end().await;
    let page = anna.get("/settlement").await;
    let fields = chosen(&page, &["101", JUDO]);
    assert_eq!(post(&anna, "/settlement/sign", &fields).await.location(), "/settlement?done=signed");
    let second = post(&berta, "/settlement/sign", &fields).await;
    assert_eq!(second.status, StatusCode::CONFLICT);
    assert!(second.text.contains("wartet noch auf Freigabe"), "{}", second.text);
    assert_eq!(berta.post("/settlement/withdraw", &[("run", "1")]).await.location(), "/settlement?done=withdrawn");
    assert_eq!(berta.post("/settlement/withdraw", &[("run", "1")]).await.status, StatusCode::CONFLICT, "once");
    pay(&anna, &berta, &["101", JUDO]).await;
    assert_eq!(anna.get("/settlement/1").await.status, StatusCode::NOT_FOUND, "a withdrawn number is not given again");
    assert_eq!(anna.get("/settlement/2").await.status, StatusCode::OK);
}

#[tokio::test]
async fn all_sums_agree_to_the_cent_wherever_they_appear() {
    let (anna, berta) = month_end().await;
    let before = anna.get("/settlement").await;
    let announced = euros(between(&before.text, "class=\"n long sum\">", "<")[0]);
    pay(&anna, &berta, &["101", JUDO, "103"]).await;
    let run = anna.get("/settlement/1").await.text;
    let by_provider = shown(&run);
    let total: Cents = by_provider.values().copied().sum();
    assert_eq!((announced, euros(between(&run, "class=\"money\">", "<")[0])), (total, total));

    let file =
        |begin: &str| between(&run, "href=\"/settlement/1/", "\"").into_iter().find(|name| name.starts_with(begin)).expect("a file").to_owned();
    let pain = anna.get(&format!("/settlement/1/{}", file("pain.001"))).await.text;
    let transfers: Cents = between(&pain, "<InstdAmt Ccy=\"EUR\">", "<").into_iter().map(|text| Cents::parse_euros(text).expect("an amount")).sum();
    let control = Cents::parse_euros(between(&pain, "<CtrlSum>", "<")[0]).expect("a sum");
    let posting = anna.get(&format!("/settlement/1/{}", file("posting"))).await.text;
    let posted: Cents = posting.lines().skip(1).map(|row| Cents::parse_euros(row.rsplit(';').nth(1).expect("an amount")).expect("euros")).sum();
    assert_eq!((transfers, control, posted), (total, total, total));

    for (provider, cents) in &by_provider {
        let html = anna.get(&format!("/settlement/1/statements/{provider}")).await.text;
        assert_eq!(euros(between(&html, "<p class=\"sum\">", "<")[0]), *cents, "{provider}");
        let rows = between(&html, "<tbody>", "</tbody>").concat();
        let lines = rows.split("<tr").filter(|row| row.contains("class=\"d\""));
        let of_lines: Cents = lines.map(|row| euros(between(row, "<td class=\"n\">", "<").last().expect("amounts"))).sum();
        assert_eq!(of_lines, *cents, "the lines of {provider}");
        let pdf = anna.get(&format!("/settlement/1/statements/{provider}.pdf")).await;
        assert!(pdf.status == StatusCode::OK && pdf.text.starts_with("%PDF"), "{provider}");
    }
    let api = anna.get("/api/v1/batches?most=100").await.json();
    let settled: i64 = api["batches"].as_array().expect("batches").iter().filter_map(|batch| batch["settled"].as_i64()).sum();
    assert_eq!(settled, total.get(), "lines");
    let zip = anna.get("/settlement/1/statements.zip").await;
    assert!(zip.status == StatusCode::OK && zip.text.starts_with("PK"));
}

#[tokio::test]
async fn a_returned_payment_is_owed_again_once_and_a_wrong_account_must_be_corrected_first() {
    let (anna, berta) = month_end().await;
    pay(&anna, &berta, &["101", JUDO, "103"]).await;
    let id = "05562032-R1P102";
    let other = upload(&anna, &statement("DE89370400440532013000", &[(id, "75.00", "CRDT", Some("AC04"))])).await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(other.text.contains("DE89 3704 0044 0532 0130 00") && other.text.contains("nichts übernommen"), "{}", other.text);
    let broken = upload(&anna, "<Document><Stmt>").await;
    assert!(broken.status == StatusCode::UNPROCESSABLE_ENTITY && broken.text.contains("bricht ab"), "{}", broken.text);

    let booked = statement(OWN_IBAN, &[(id, "75.00", "DBIT", None), ("FREMD-1", "9.99", "DBIT", None)]);
    assert!(upload(&anna, &booked).await.text.contains("<dt>Gebucht</dt><dd>1</dd>"));
    let fee = upload(&anna, &statement(OWN_IBAN, &[(id, "70.00", "CRDT", Some("AC04"))])).await.text;
    assert!(fee.contains("Der Betrag passt nicht") && fee.contains("<dt>Zurückgekommen</dt><dd>0</dd>"), "{fee}");
    let returned = statement(OWN_IBAN, &[(id, "75.00", "CRDT", Some("AC04"))]);
    let first = upload(&anna, &returned).await.text;
    assert!(first.contains("<dt>Zurückgekommen</dt><dd>1</dd>") && first.contains("Konto aufgelöst (AC04)"), "{first}");
    let again = upload(&anna, &returned).await.text;
    assert!(again.contains("<dt>Zurückgekommen</dt><dd>0</dd>") && again.contains("schon einmal da"), "{again}");
    let reworded = upload(&anna, &format!("{returned}\n")).await.text;
    assert!(reworded.contains("<dt>Schon bekannt</dt><dd>1</dd>"), "{reworded}");

    let page = anna.get("/settlement").await;
    assert!(page.text.contains("Konto prüfen: Judoclub") && page.chosen_rows().iter().all(|(name, _)| name != "row"), "{}", page.text);
    let told = anna.get("/settlement/1/statements/102").await.text;
    assert!(told.contains("Zurückgekommen: 75,00") && told.contains("wieder offen"), "{told}");
    assert_eq!(anna.post("/settlement/accounts/102", &[("iban", "DE00 1234")]).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let corrected = anna.post("/settlement/accounts/102", &[("iban", "DE27 1007 7777 0209 2997 00")]).await;
    assert_eq!(corrected.location(), "/settlement?done=account_waits", "{}", corrected.text);
    let page = anna.get("/settlement").await;
    assert!(page.text.contains("Konto prüfen: Judoclub"), "another account waits for another person: {}", page.text);
    let confirm = [("iban", "DE27100777770209299700"), ("choice", "confirm")];
    assert_eq!(anna.post("/providers/102/iban/confirm", &confirm).await.status, StatusCode::FORBIDDEN, "not for who entered it");
    assert_eq!(berta.post("/providers/102/iban/confirm", &confirm).await.location(), "/providers/102?done=iban_confirmed");
    assert_eq!(
        anna.post("/settlement/accounts/101", &[("iban", "DE27 1007 7777 0209 2997 00")]).await.status,
        StatusCode::CONFLICT,
        "nothing came back from there"
    );
    pay(&anna, &berta, &[JUDO]).await;
    let second = anna.get("/settlement/2").await.text;
    assert_eq!(shown(&second), BTreeMap::from([(JUDO.to_owned(), Cents::new(7_500))]));
    assert!(second.contains("DE27 1007 7777 0209 2997 00"), "{second}");
    upload(&anna, &returned).await;
    assert!(anna.get("/settlement").await.text.contains("hier nichts zu zahlen"), "an old return opens nothing again");
}

#[tokio::test]
async fn a_rejected_file_is_owed_again_and_a_foreign_report_changes_nothing() {
    let (anna, berta) = month_end().await;
    pay(&anna, &berta, &["101", JUDO, "103"]).await;
    let report = |file: &str| {
        format!(
            "<Document><CstmrPmtStsRpt><OrgnlGrpInfAndSts><OrgnlMsgId>{file}</OrgnlMsgId><GrpSts>RJCT</GrpSts>\
             <StsRsnInf><Rsn><Cd>FF01</Cd></Rsn></StsRsnInf></OrgnlGrpInfAndSts></CstmrPmtStsRpt></Document>"
        )
    };
    let foreign = upload(&anna, &report("99999999-R1")).await;
    assert!(foreign.status == StatusCode::UNPROCESSABLE_ENTITY && foreign.text.contains("nicht von diesem Amt"), "{}", foreign.text);
    let before = shown(&anna.get("/settlement/1").await.text);
    let transfers = before.values().filter(|cents| **cents > Cents::ZERO).count();
    let rejected = upload(&anna, &report("05562032-R1")).await.text;
    assert!(rejected.contains(&format!("<dt>Zurückgekommen</dt><dd>{transfers}</dd>")), "{rejected}");
    pay(&anna, &berta, &["101", JUDO, "103"]).await;
    let after = shown(&anna.get("/settlement/2").await.text);
    let paid =
        |amounts: &BTreeMap<String, Cents>| amounts.iter().filter(|(_, c)| **c > Cents::ZERO).map(|(p, c)| (p.clone(), *c)).collect::<Vec<_>>();
    assert_eq!(paid(&after), paid(&before), "the same money, once");
}

#[tokio::test]
async fn the_treasury_gets_other_files_than_the_bank_and_the_columns_are_checked_before_they_are_kept() {
    let (anna, berta) = month_end().await;
    let page = anna.get("/settlement/posting").await;
    assert!(page.text.contains("SGB2-LUNCH"), "{}", page.text);
    let fields = |mode: &str, content: &str| -> Vec<(String, String)> {
        let rule = [("from", "2020-01-01"), ("basis", ""), ("for_benefit", ""), ("account", "4711.500"), ("account_text", "=Bildung")];
        let columns = [("heading", "Konto"), ("content", "account"), ("fixed", ""), ("heading", "Summe"), ("content", content), ("fixed", "")];
        let shape = [("mode", mode), ("separator", ","), ("decimal_mark", "."), ("headings", "1")];
        rule.iter().chain(&columns).chain(&shape).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let without_amount = post(&anna, "/settlement/posting", &fields("treasury", "text")).await;
    assert!(without_amount.status == StatusCode::UNPROCESSABLE_ENTITY && without_amount.text.contains("keine Spalte mit dem Betrag"));
    let mut preview = fields("treasury", "amount");
    preview.push(("preview".into(), "1".into()));
    let preview = post(&anna, "/settlement/posting", &preview).await;
    assert!(preview.status == StatusCode::OK && preview.text.contains("Konto,Summe") && preview.text.contains("4711.500,"), "{}", preview.text);
    assert!(anna.get("/settlement/posting").await.text.contains("SGB2-LUNCH"), "a preview keeps nothing");
    assert_eq!(post(&anna, "/settlement/posting", &fields("treasury", "amount")).await.location(), "/settlement/posting?done=posting");
    pay(&anna, &berta, &["101", JUDO, "103"]).await;
    let run = anna.get("/settlement/1").await.text;
    assert!(!run.contains("pain.001") && run.contains("payees-05562032-R1.csv"), "{run}");
    let payees = anna.get("/settlement/1/payees-05562032-R1.csv").await.text;
    assert!(payees.contains("DE12500105170648489890;75,00;EUR") && !payees.contains("SGB"), "{payees}");
    let posting = anna.get("/settlement/1/posting-05562032-R1.csv").await.text;
    let total: Cents = shown(&run).values().copied().sum();
    assert_eq!(posting.lines().nth(1), Some(format!("4711.500,{}", total.decimal()).as_str()), "{posting}");
}

#[tokio::test]
async fn what_the_bank_says_that_does_not_fit_stays_on_the_pages_until_a_clerk_has_closed_it() {
    let (anna, berta) = month_end().await;
    pay(&anna, &berta, &[JUDO]).await;
    let run = anna.get("/settlement/1").await.text;
    let place = format!("/settlement/payments/{}", between(&run, "/settlement/payments/", "\"")[0]);
    let id = place.rsplit('/').next().expect("an id").to_owned();
    let less = upload(&anna, &statement(OWN_IBAN, &[(&id, "72.00", "CRDT", Some("MS03"))])).await.text;
    assert!(less.contains("Bitte klären") && less.contains(&place), "{less}");
    assert!(anna.get("/").await.text.contains("Eine Meldung der Bank passt nicht"));
    for page in ["/settlement", "/settlement/1", &place] {
        let text = anna.get(page).await.text;
        assert!(text.contains("Der Betrag passt nicht zur Überweisung") && text.contains("zurück am 04.12.2026"), "{page}: {text}");
    }
    let open = anna.get("/settlement/1").await.text;
    assert!(open.contains(&format!("{place}\">Überweisung {id} klären")), "{open}");
    let empty = anna.post(&format!("{place}/returned"), &[("day", "2026-11-20"), ("why", "MS03"), ("note", " ")]).await;
    assert!(empty.status == StatusCode::UNPROCESSABLE_ENTITY && empty.text.contains("Es wurde nichts geändert"), "{}", empty.text);
    let today = CivilDay::of(door::now()).to_string();
    let fields = [("day", today.as_str()), ("why", "MS03"), ("note", "Gebühren 3 Euro")];
    let back = anna.post(&format!("{place}/returned"), &fields).await;
    assert_eq!(back.location(), format!("{place}?done=payment_back"), "{}", back.text);
    assert_eq!(anna.post(&format!("{place}/returned"), &fields).await.status, StatusCode::CONFLICT, "once");
    let text = anna.get(&place).await.text;
    assert!(text.contains("von Hand eingetragen") && text.contains("Gebühren 3 Euro") && !text.contains("Zu klären:"), "{text}");
    assert!(!anna.get("/").await.text.contains("Meldung der Bank"));
    pay(&anna, &berta, &[JUDO]).await;
    assert_eq!(shown(&anna.get("/settlement/2").await.text), BTreeMap::from([(JUDO.to_owned(), Cents::new(7_500))]));
    assert_eq!(anna.get("/settlement/payments/nichts").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_whole_order_in_another_sum_is_listed_at_its_run_until_it_is_closed() {
    let (anna, berta) = month_end().await;
    pay(&anna, &berta, &["101", JUDO]).await;
    let order = statement(OWN_IBAN, &[("NOTPROVIDED", "1.00", "DBIT", None)]);
    let order = order.replace("<EndToEndId>NOTPROVIDED</EndToEndId>", "<PmtInfId>05562032-R1</PmtInfId>");
    upload(&anna, &order).await;
    let page = anna.get("/settlement/1").await.text;
    assert!(page.contains("Die Bank hat den Lauf in einer anderen Summe gebucht"), "{page}");
    let doubt = format!("/settlement/doubts/{}", between(&page, "action=\"/settlement/doubts/", "\"")[0]);
    let closed = anna.post(&doubt, &[("note", "Entgelt der Bank")]).await;
    assert_eq!(closed.location(), "/settlement/1?done=doubt_closed", "{}", closed.text);
    assert_eq!(anna.post(&doubt, &[("note", "noch einmal")]).await.status, StatusCode::CONFLICT);
    upload(&anna, &order).await;
    assert!(!anna.get("/settlement").await.text.contains("Mit der Bank zu klären"), "the same file opens nothing again");
}

#[tokio::test]
async fn a_provider_without_a_confirmed_account_is_paid_nothing() {
    let (mut office, _) = lived_in(door::now());
    office.reconcile(door::now()).expect("reconciled");
    office.db().execute("UPDATE provider SET account_open = 1 WHERE number = 102", []).expect("as a clerk entered it");
    let anna = Browser::at(office).signed_in("Anna Adler").await;
    let page = anna.get("/settlement").await;
    assert!(page.text.contains("Konto bestätigen") && !page.chosen_rows().iter().any(|(_, value)| value.starts_with("102-")), "{}", page.text);
    let rows = page.chosen_rows();
    assert_eq!(post(&anna, "/settlement/sign", &rows).await.location(), "/settlement?done=signed");
    assert!(!anna.get("/settlement/1").await.text.contains("Judoclub"));
}

#[tokio::test]
async fn a_repayment_takes_two_people() {
    let (mut office, _) = lived_in(door::now());
    let now = door::now();
    office.reconcile(now).expect("reconciled");
    office.settle("Anna Adler", "Berta Busch", CivilDay::of(now).plus(2), now).expect("settled");
    let sql = "SELECT t.terminal, l.seq FROM line l JOIN terminal t ON t.id = l.terminal WHERE l.provider = 102 ORDER BY l.seq LIMIT 1";
    let (terminal, seq): (Vec<u8>, i64) = office.db().query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).expect("a line");
    let line = EntryId { terminal: TerminalId(terminal.try_into().expect("an id")), seq: seq as u64 };
    office.rule(line, Choice::Reject, Reason::ClerkDecision, "", "Anna Adler", now).expect("ruled");
    let anna = Browser::at(office).signed_in("Anna Adler").await;
    let berta = anna.another().signed_in("Berta Busch").await;
    let page = anna.get("/settlement").await.text;
    let place = between(&page, "href=\"/settlement/repayments?", "#new\"")[0].replace("&amp;", "&");
    assert_eq!(place, "provider=102&euros=15,00");
    let page = anna.get(&format!("/settlement/repayments?{place}")).await.text;
    assert!(page.contains("value=\"102\"") && page.contains("value=\"15,00\""), "{page}");
    let today = CivilDay::of(door::now()).to_string();
    let new = |euros, day, note| [("form", "f1"), ("provider", "102"), ("euros", euros), ("day", day), ("note", note)];
    for (fields, sentence) in [
        (new("nichts", &today, "Auszug 12"), "den Betrag in Euro"),
        (new("15,00", "2099-01-01", "Auszug 12"), "nicht in der Zukunft"),
        (new("15,00", &today, " "), "eine Notiz"),
        ([("form", "f1"), ("provider", "999"), ("euros", "15"), ("day", &today), ("note", "x")], "gibt es hier nicht"),
    ] {
        let refused = anna.post("/settlement/repayments", &fields).await;
        assert!(refused.status.is_client_error() && refused.text.contains(sentence), "{}", refused.text);
    }
    assert_eq!(anna.post("/settlement/repayments", &new("12,50", &today, "Auszug 12")).await.location(), "/settlement/repayments?done=repaid_waits");
    assert_eq!(anna.post("/settlement/repayments", &new("12,50", &today, "Auszug 12")).await.location(), "/settlement/repayments?done=repaid_waits");
    let waits = anna.get("/settlement/repayments").await.text;
    assert!(waits.matches("wartet auf Bestätigung").count() == 1, "the same form once: {waits}");
    let confirm = [("cents", "1250"), ("choice", "confirm")];
    let own = anna.post("/settlement/repayments/1/confirm", &confirm).await;
    assert!(own.status == StatusCode::FORBIDDEN && own.text.contains("eine andere Person"), "{}", own.text);
    assert!(!anna.get("/").await.text.contains("Rückzahlung bestätigen"), "not her own");
    assert!(berta.get("/").await.text.contains("Eine Rückzahlung ist eingetragen und wartet auf eine zweite Person"));
    let page = berta.get("/settlement").await.text;
    assert!(page.contains("wartet auf Bestätigung") && page.contains("Auszug 12"), "{page}");
    assert_eq!(berta.post("/settlement/repayments/1/confirm", &confirm).await.location(), "/settlement/repayments?done=repaid");
    assert!(berta.get("/settlement").await.text.contains("darin Rückzahlung 12,50"));
    assert!(berta.get("/").await.text.contains("12,50\u{a0}€ haben Anbieter zurückgezahlt"));
    let page = anna.get("/settlement/repayments").await.text;
    assert!(page.contains("data-label=\"Bestätigt von\">Berta Busch") && page.contains("offen: kommt in den nächsten Lauf"), "{page}");
    assert_eq!(anna.post("/settlement/repayments/1/undo", &[]).await.location(), "/settlement/repayments?done=repaid_waits");
    assert_eq!(anna.post("/settlement/repayments/1/undo", &[]).await.status, StatusCode::CONFLICT);
    let page = berta.get("/settlement/repayments").await.text;
    assert!(page.contains("Rücknahme einer Rückzahlung") && !page.contains("/settlement/repayments/1/undo"), "{page}");
}

#[tokio::test]
async fn a_provider_who_owes_is_left_out_of_a_choice_and_the_page_says_why() {
    let now = door::now();
    let start = UtcMs(now.0 - 20 * 86_400_000);
    let mut office = empty(start);
    let terms = ["lunch:lunch:Mittagessen:450", "judo:participation:Beitrag:free"];
    let services = terms.map(|terms| ServiceTerms::parse(terms, CivilDay::of(start)).expect("a service")).to_vec();
    let new = NewProvider { name: "Verein am Wall".into(), iban: "DE44500105175407324931".into(), services };
    let (number, code) = office.add_provider(&new, start).expect("added");
    let mut club = Counter::enrol(&mut office, number, "Theke", &code.grouped(), 61, start);
    let (from, to) = (CivilDay::of(start).month(), CivilDay::of(now).month().plus(2));
    let rows = format!("1;lunch;{from};{to};day;units;1\n1;participation;{from};{to};month;cents;1500\n");
    let table = children::read(format!("reference;benefit;from;to;period;measure;amount\n{rows}").as_bytes()).expect("a table");
    let tokens = office.issue(&table.rows, start).expect("issued");
    let is_school_day = |day: CivilDay| !day.is_weekend() && !Land::of(&office_id()).is_some_and(|land| land.keeps(day));
    let served = (1..=14u64).map(|back| UtcMs(now.0 - back * 86_400_000)).find(|at| is_school_day(CivilDay::of(*at))).expect("a school day");
    club.redeem(&request(&tokens[0].code, "lunch"), served);
    club.exchange(&mut office, served.plus_ms(60_000));
    office.reconcile(now).expect("reconciled");
    let paid = office.settle("Anna Adler", "Berta Busch", CivilDay::of(now).plus(2), now).expect("settled").payments;
    assert_eq!(paid.iter().map(|payment| payment.cents).collect::<Vec<_>>(), [Cents::new(450)]);
    let sql = "SELECT t.terminal, l.seq FROM line l JOIN terminal t ON t.id = l.terminal";
    let (terminal, seq): (Vec<u8>, i64) = office.db().query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).expect("a line");
    let line = EntryId { terminal: TerminalId(terminal.try_into().expect("an id")), seq: seq as u64 };
    office.rule(line, Choice::Reject, Reason::ClerkDecision, "", "Anna Adler", now).expect("ruled");
    club.redeem(&teilhabe::terminal::counter::Request { cents: Some(Cents::new(100)), ..request(&tokens[0].code, "judo") }, now);
    club.exchange(&mut office, now);
    office.reconcile(now).expect("reconciled");

    let anna = Browser::at(office).signed_in("Anna Adler").await;
    let page = anna.get("/settlement?benefit=participation").await;
    assert!(page.text.contains("Nur mit allen Leistungen") && page.text.contains("bekäme mit dieser Auswahl 1,00"), "{}", page.text);
    assert!(page.chosen_rows().iter().all(|(name, _)| name != "row"), "{}", page.text);
    let whole = anna.get("/settlement").await.text;
    assert!(whole.contains("wird verrechnet") && !whole.contains("Nur mit allen Leistungen"), "{whole}");
}

#[tokio::test]
async fn a_return_entered_at_the_wrong_payment_is_taken_back_on_its_page() {
    let (anna, berta) = month_end().await;
    pay(&anna, &berta, &[JUDO]).await;
    let place = "/settlement/payments/05562032-R1P102";
    assert!(!anna.get(place).await.text.contains("Eintrag von Hand zurücknehmen"));
    let early = anna.post(&format!("{place}/paid"), &[("note", "nichts kam zurück")]).await;
    assert_eq!(early.status, StatusCode::CONFLICT, "{}", early.text);
    let today = CivilDay::of(door::now()).to_string();
    anna.post(&format!("{place}/returned"), &[("day", today.as_str()), ("why", "MS03"), ("note", "Auszug 3")]).await;
    let page = anna.get(place).await.text;
    assert!(page.contains("Eintrag von Hand zurücknehmen") && page.contains("75,00"), "{page}");
    let undone = anna.post(&format!("{place}/paid"), &[("note", "gemeint war eine andere")]).await;
    assert_eq!(undone.location(), format!("{place}?done=payment_paid"), "{}", undone.text);
    assert_eq!(anna.post(&format!("{place}/paid"), &[("note", "noch einmal")]).await.status, StatusCode::CONFLICT, "once");
    let page = anna.get(place).await.text;
    assert!(page.contains("gemeint war eine andere") && page.contains("Eintrag von Hand zurückgenommen"), "{page}");
    assert!(!page.contains("Die Bank meldet"), "no bank has said anything: {page}");
    assert!(!anna.get("/settlement").await.chosen_rows().iter().any(|(_, value)| value.starts_with("102-")), "its lines are paid");
}

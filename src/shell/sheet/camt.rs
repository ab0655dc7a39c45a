//! What happened on an account: camt.053 (statement), camt.054 (debits and credits), camt.052 (report), of any version.
//!
//! ISO 20022 keeps the names across versions; where they moved, both places are looked at. Only booked entries are taken. A bulk
//! transfer gives one [`Entry`] for each transaction the bank lists, or a single one with the order's id where it lists none.

use super::RowError;
use super::text::echo;
use super::xml::{self, Element};
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use iban::Iban;
use serde::Serialize;

/// One statement, notification or report of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The account.
    pub account: Iban,
    /// The bank's id of the statement.
    pub id: String,
    /// What was booked, in the order of the file.
    pub entries: Vec<Entry>,
}

/// One booked transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The payer's id of the transfer; none where the bank gives none (`NOTPROVIDED`).
    pub end_to_end_id: Option<String>,
    /// The payer's id of the whole order (`PmtInfId`), where the bank names it.
    pub order_id: Option<String>,
    /// The amount, never negative.
    pub cents: Cents,
    /// The day it was booked.
    pub booked: CivilDay,
    /// Whether the account gained or paid.
    pub direction: Direction,
    /// Why a transfer came back (ISO reason code such as `AC04`, account closed; `UNKNOWN` where the bank only says that it did).
    pub returned: Option<String>,
}

/// Whether the account gained or paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Money came in.
    Credit,
    /// Money went out.
    Debit,
}

/// Reads a bank file. Nothing of it counts if an error is returned.
pub fn read(bytes: &[u8]) -> Result<Vec<Statement>, RowError> {
    of_root(&xml::read(bytes)?)
}

/// Reads the file whose root element this is.
pub fn of_root(root: &Element) -> Result<Vec<Statement>, RowError> {
    let statements: Vec<&Element> =
        root.children.iter().flat_map(|message| &message.children).filter(|e| matches!(e.name.as_str(), "Stmt" | "Ntfctn" | "Rpt")).collect();
    if root.name != "Document" || statements.is_empty() {
        return Err(RowError::of_file(
            "Das ist kein Kontoauszug: erwartet wird camt.053, camt.054, camt.052 oder pain.002.".into(),
            "This is no account statement: camt.053, camt.054, camt.052 or pain.002 is expected.".into(),
        ));
    }
    statements.into_iter().map(statement).collect()
}

fn statement(element: &Element) -> Result<Statement, RowError> {
    let account = element.text_at(&["Acct", "Id", "IBAN"]).unwrap_or_default();
    let account = account.parse().map_err(|_| {
        wrong(
            element,
            format!("„{}“ ist keine gültige IBAN des Kontos", echo(account)),
            format!("“{}” is no valid IBAN of the account", echo(account)),
        )
    })?;
    let id = element.text_at(&["Id"]).unwrap_or_default().to_owned();
    let mut entries = Vec::new();
    for entry in element.all("Ntry").filter(|entry| is_booked(entry)) {
        booked(entry, &mut entries)?;
    }
    Ok(Statement { account, id, entries })
}

/// Until version 7 the status stood in `Sts` itself, since version 8 in `Sts/Cd`.
fn is_booked(entry: &Element) -> bool {
    entry.text_at(&["Sts", "Cd"]).or_else(|| entry.text_at(&["Sts"])) == Some("BOOK")
}

fn booked(entry: &Element, entries: &mut Vec<Entry>) -> Result<(), RowError> {
    let whole = amount(entry, &["Amt"])?;
    let direction = direction(entry)?.ok_or_else(|| wrong(entry, "Ein Umsatz hat keine Richtung".into(), "An entry has no direction".into()))?;
    let day = entry.text_at(&["BookgDt", "Dt"]).or_else(|| entry.text_at(&["BookgDt", "DtTm"])).unwrap_or_default();
    let booked = day.get(..10).and_then(CivilDay::parse).ok_or_else(|| {
        wrong(entry, format!("Ein Umsatz hat keinen Buchungstag („{}“)", echo(day)), format!("An entry has no booking day (“{}”)", echo(day)))
    })?;
    let order_id = entry.text_at(&["NtryDtls", "Btch", "PmtInfId"]).map(str::to_owned);
    let reversed = (entry.text_at(&["RvslInd"]) == Some("true")).then(|| "UNKNOWN".to_owned());
    let transactions: Vec<&Element> = entry.all("NtryDtls").flat_map(|details| details.all("TxDtls")).collect();
    if transactions.is_empty() {
        entries.push(Entry { end_to_end_id: None, order_id, cents: whole, booked, direction, returned: reversed });
        return Ok(());
    }
    for transaction in &transactions {
        let own = [&["Amt"][..], &["AmtDtls", "TxAmt", "Amt"]].into_iter().find(|path| transaction.at(path).is_some());
        let cents = match own {
            Some(path) => amount(transaction, path)?,
            None if transactions.len() == 1 => whole,
            None => {
                return Err(wrong(transaction, "Ein Umsatz einer Sammlung hat keinen Betrag".into(), "A transaction of a bulk has no amount".into()));
            }
        };
        entries.push(Entry {
            end_to_end_id: transaction.text_at(&["Refs", "EndToEndId"]).filter(|id| *id != "NOTPROVIDED").map(str::to_owned),
            order_id: transaction.text_at(&["Refs", "PmtInfId"]).map(str::to_owned).or_else(|| order_id.clone()),
            cents,
            booked,
            direction: self::direction(transaction)?.unwrap_or(direction),
            returned: returned(transaction).or_else(|| reversed.clone()),
        });
    }
    Ok(())
}

fn returned(transaction: &Element) -> Option<String> {
    let information = transaction.at(&["RtrInf"])?;
    let code = information.text_at(&["Rsn", "Cd"]).or_else(|| information.text_at(&["Rsn", "Prtry"]));
    Some(code.unwrap_or("UNKNOWN").to_owned())
}

fn direction(element: &Element) -> Result<Option<Direction>, RowError> {
    match element.text_at(&["CdtDbtInd"]) {
        None => Ok(None),
        Some("CRDT") => Ok(Some(Direction::Credit)),
        Some("DBIT") => Ok(Some(Direction::Debit)),
        Some(other) => Err(wrong(
            element,
            format!("„{}“ ist keine Richtung eines Umsatzes (CRDT oder DBIT)", echo(other)),
            format!("“{}” is no direction of an entry (CRDT or DBIT)", echo(other)),
        )),
    }
}

/// Reads an amount in euros: a decimal point, any number of decimals, the third and further ones zero.
fn amount(element: &Element, path: &[&str]) -> Result<Cents, RowError> {
    let found = element.at(path);
    let text = found.map_or("", |amount| amount.text.as_str());
    if let Some(currency) = found.and_then(|amount| amount.currency.as_deref()).filter(|currency| *currency != "EUR") {
        let shown = echo(currency);
        return Err(wrong(
            element,
            format!("Ein Umsatz lautet auf {shown}, gelesen werden nur Euro-Konten"),
            format!("An entry is in {shown}, only accounts in euros are read"),
        ));
    }
    let (euros, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let exact = !euros.is_empty() && digits(euros) && digits(decimals) && decimals.bytes().skip(2).all(|b| b == b'0');
    let cents = format!("{euros}{:0<2.2}", decimals);
    let cents: Option<i64> = if exact { cents.parse().ok() } else { None };
    cents.map(Cents::new).ok_or_else(|| wrong(element, format!("„{}“ ist kein Betrag", echo(text)), format!("“{}” is no amount", echo(text))))
}

fn wrong(element: &Element, de: String, en: String) -> RowError {
    RowError::of_line(element.line, format!("{de}: bitte die Datei bei der Bank neu abrufen."), format!("{en}: fetch the file from the bank again."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use iban::IbanLike;

    const OLD_STATEMENT: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02">
 <BkToCstmrStmt>
  <GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-12-02T06:00:00</CreDtTm></GrpHdr>
  <Stmt>
   <Id>S-2026-232</Id>
   <Acct><Id><IBAN>DE89370400440532013000</IBAN></Id></Acct>
   <Bal><Amt Ccy="EUR">100.00</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal>
   <Ntry>
    <Amt Ccy="EUR">207.0</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts>
    <BookgDt><Dt>2026-12-01</Dt></BookgDt>
    <NtryDtls>
     <Btch><PmtInfId>RUN-7</PmtInfId><NbOfTxs>2</NbOfTxs></Btch>
     <TxDtls><Refs><EndToEndId>T7-1</EndToEndId></Refs><AmtDtls><TxAmt><Amt Ccy="EUR">200</Amt></TxAmt></AmtDtls></TxDtls>
     <TxDtls><Refs><EndToEndId>T7-2</EndToEndId></Refs><AmtDtls><TxAmt><Amt Ccy="EUR">7.00</Amt></TxAmt></AmtDtls></TxDtls>
    </NtryDtls>
   </Ntry>
   <Ntry>
    <Amt Ccy="EUR">9.99</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>PDNG</Sts><BookgDt><Dt>2026-12-02</Dt></BookgDt>
   </Ntry>
   <Ntry>
    <Amt Ccy="EUR">1234.5</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><DtTm>2026-12-02T10:00:00</DtTm></BookgDt>
    <NtryDtls><Btch><PmtInfId>RUN-8</PmtInfId></Btch></NtryDtls>
   </Ntry>
  </Stmt>
 </BkToCstmrStmt>
</Document>"#;

    const NEW_NOTIFICATION: &str = r#"<ns:Document xmlns:ns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.08">
<ns:BkToCstmrDbtCdtNtfctn><ns:Ntfctn><ns:Id>N1</ns:Id><ns:Acct><ns:Id><ns:IBAN>DE89370400440532013000</ns:IBAN></ns:Id></ns:Acct>
<ns:Ntry><ns:Amt Ccy="EUR">7.00</ns:Amt><ns:CdtDbtInd>CRDT</ns:CdtDbtInd><ns:Sts><ns:Cd>BOOK</ns:Cd></ns:Sts>
<ns:BookgDt><ns:Dt>2026-12-04</ns:Dt></ns:BookgDt>
<ns:NtryDtls><ns:TxDtls><ns:Refs><ns:EndToEndId>T7-2</ns:EndToEndId></ns:Refs><ns:Amt Ccy="EUR">7.00</ns:Amt><ns:CdtDbtInd>CRDT</ns:CdtDbtInd>
<ns:RtrInf><ns:Rsn><ns:Cd>AC04</ns:Cd></ns:Rsn></ns:RtrInf></ns:TxDtls></ns:NtryDtls></ns:Ntry>
<ns:Ntry><ns:Amt Ccy="EUR">3</ns:Amt><ns:RvslInd>true</ns:RvslInd><ns:CdtDbtInd>CRDT</ns:CdtDbtInd><ns:Sts><ns:Cd>BOOK</ns:Cd></ns:Sts>
<ns:BookgDt><ns:Dt>2026-12-04</ns:Dt></ns:BookgDt>
<ns:NtryDtls><ns:TxDtls><ns:Refs><ns:EndToEndId>NOTPROVIDED</ns:EndToEndId></ns:Refs></ns:TxDtls></ns:NtryDtls></ns:Ntry>
</ns:Ntfctn></ns:BkToCstmrDbtCdtNtfctn></ns:Document>"#;

    fn shown(file: &str) -> Vec<String> {
        let statements = read(file.as_bytes()).unwrap();
        let line = |e: &Entry| {
            let text = |t: &Option<String>| t.clone().unwrap_or("-".into());
            format!("{} {} {} {} {:?} {}", text(&e.end_to_end_id), text(&e.order_id), e.cents.decimal(), e.booked, e.direction, text(&e.returned))
        };
        statements.iter().flat_map(|s| s.entries.iter().map(line).chain([format!("{} {}", s.account.electronic_str(), s.id)])).collect()
    }

    #[test]
    fn a_statement_gives_every_booked_transaction() {
        assert_eq!(
            shown(OLD_STATEMENT),
            [
                "T7-1 RUN-7 200.00 2026-12-01 Debit -",
                "T7-2 RUN-7 7.00 2026-12-01 Debit -",
                "- RUN-8 1234.50 2026-12-02 Debit -",
                "DE89370400440532013000 S-2026-232"
            ]
        );
    }

    #[test]
    fn a_returned_transfer_brings_its_reason() {
        assert_eq!(
            shown(NEW_NOTIFICATION),
            ["T7-2 - 7.00 2026-12-04 Credit AC04", "- - 3.00 2026-12-04 Credit UNKNOWN", "DE89370400440532013000 N1"]
        );
    }

    #[test]
    fn a_wrong_file_is_named_with_its_line() {
        for (from, to, message) in [
            ("DE89370400440532013000", "DE88370400440532013000", "line 5: “DE88370400440532013000” is no valid IBAN"),
            ("\"EUR\">207.0", "\"CHF\">207.0", "line 9: An entry is in CHF"),
            ("207.0<", "207,00<", "line 9: “207,00” is no amount"),
            ("7.00<", "7.001<", "line 15: “7.001” is no amount"),
            ("207.0<", "92233720368547758.08<", "line 9: “92233720368547758.08” is no amount"),
            ("<Dt>2026-12-01</Dt>", "<Dt>gestern</Dt>", "line 9: An entry has no booking day (“gestern”)"),
            ("<CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK", "<Sts>BOOK", "line 9: An entry has no direction"),
            ("DBIT</CdtDbtInd><Sts>BOOK", "OUT</CdtDbtInd><Sts>BOOK", "line 9: “OUT” is no direction"),
            ("<AmtDtls><TxAmt><Amt Ccy=\"EUR\">200</Amt></TxAmt></AmtDtls>", "", "line 14: A transaction of a bulk has no amount"),
        ] {
            let file = OLD_STATEMENT.replacen(from, to, 1);
            let error = read(file.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(message), "{error} instead of {message}");
        }
        assert!(
            read(b"<Document><CstmrCdtTrfInitn><GrpHdr/></CstmrCdtTrfInitn></Document>").unwrap_err().message_en.contains("no account statement")
        );
    }
}

//! What became of a payment file: pain.002 (customer payment status report), of any version.
//!
//! Only rejections count: a payment that the bank accepted is not yet booked, which an account statement says.

use super::RowError;
use super::xml::{self, Element};
use crate::words::cents::Cents;

/// The status of what the bank rejects (ISO 20022, `ExternalPaymentTransactionStatus1Code`).
const REJECTED: &str = "RJCT";

/// A bank's report on one payment file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusReport {
    /// The id of the payment file (`OrgnlMsgId`).
    pub message_id: String,
    /// Why all of it was rejected, if it was: the file, or the one order in it.
    pub rejected: Option<String>,
    /// Single transactions that were rejected.
    pub transactions: Vec<RejectedTransaction>,
}

/// One transaction that was rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedTransaction {
    /// The payer's id of the transfer.
    pub end_to_end_id: String,
    /// Its amount, where the bank repeats it and it is readable.
    pub cents: Option<Cents>,
    /// The reason code; `UNKNOWN` where there is none.
    pub reason: String,
}

/// Whether this is such a report.
pub fn is_report(root: &Element) -> bool {
    root.at(&["CstmrPmtStsRpt"]).is_some()
}

/// Reads a report. Nothing of it counts if an error is returned.
pub fn read(bytes: &[u8]) -> Result<StatusReport, RowError> {
    of_root(&xml::read(bytes)?)
}

/// Reads the report whose root element this is.
pub fn of_root(root: &Element) -> Result<StatusReport, RowError> {
    let wrong =
        |de: &str, en: &str| RowError::of_file(format!("{de}: bitte bei der Bank neu abrufen."), format!("{en}: fetch it from the bank again."));
    let report = root.at(&["CstmrPmtStsRpt"]).ok_or_else(|| wrong("Das ist kein Statusbericht (pain.002)", "This is no status report (pain.002)"))?;
    let group = report.at(&["OrgnlGrpInfAndSts"]);
    let message_id = group.and_then(|group| group.text_at(&["OrgnlMsgId"]));
    let message_id = message_id.ok_or_else(|| {
        wrong("Der Statusbericht nennt die Zahlungsdatei nicht, von der er spricht", "The status report does not name the payment file it is about")
    })?;
    let mut rejected = group.filter(|group| group.text_at(&["GrpSts"]) == Some(REJECTED)).map(reason);
    let mut transactions = Vec::new();
    for order in report.all("OrgnlPmtInfAndSts") {
        if order.text_at(&["PmtInfSts"]) == Some(REJECTED) {
            rejected = rejected.or_else(|| Some(reason(order)));
        }
        for transaction in order.all("TxInfAndSts").filter(|transaction| transaction.text_at(&["TxSts"]) == Some(REJECTED)) {
            let id = transaction.text_at(&["OrgnlEndToEndId"]).ok_or_else(|| {
                wrong("Eine zurückgewiesene Zahlung hat keine Ende-zu-Ende-Referenz", "A rejected payment has no end-to-end reference")
            })?;
            let amount = transaction.text_at(&["OrgnlTxRef", "Amt", "InstdAmt"]).and_then(Cents::parse_euros);
            transactions.push(RejectedTransaction { end_to_end_id: id.to_owned(), cents: amount, reason: reason(transaction) });
        }
    }
    Ok(StatusReport { message_id: message_id.to_owned(), rejected, transactions })
}

fn reason(element: &Element) -> String {
    let code = element.text_at(&["StsRsnInf", "Rsn", "Cd"]).or_else(|| element.text_at(&["StsRsnInf", "Rsn", "Prtry"]));
    code.unwrap_or("UNKNOWN").chars().take(35).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(group: &str, order: &str) -> Vec<u8> {
        format!(
            "<?xml version=\"1.0\"?><Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.002.001.10\"><CstmrPmtStsRpt>\
             <GrpHdr><MsgId>B1</MsgId></GrpHdr><OrgnlGrpInfAndSts><OrgnlMsgId>05562032-R7</OrgnlMsgId>{group}</OrgnlGrpInfAndSts>{order}</CstmrPmtStsRpt></Document>"
        )
        .into_bytes()
    }

    #[test]
    fn a_file_an_order_or_single_transactions_are_rejected() {
        let file = read(&report("<GrpSts>RJCT</GrpSts><StsRsnInf><Rsn><Cd>FF01</Cd></Rsn></StsRsnInf>", "")).unwrap();
        assert_eq!((file.message_id.as_str(), file.rejected.as_deref(), file.transactions.len()), ("05562032-R7", Some("FF01"), 0));
        let order = "<OrgnlPmtInfAndSts><PmtInfSts>RJCT</PmtInfSts><StsRsnInf><Rsn><Cd>DT01</Cd></Rsn></StsRsnInf></OrgnlPmtInfAndSts>";
        assert_eq!(read(&report("<GrpSts>PART</GrpSts>", order)).unwrap().rejected.as_deref(), Some("DT01"));
        let single = "<OrgnlPmtInfAndSts><PmtInfSts>PART</PmtInfSts>\
            <TxInfAndSts><OrgnlEndToEndId>05562032-R7P101</OrgnlEndToEndId><TxSts>RJCT</TxSts><StsRsnInf><Rsn><Cd>AC01</Cd></Rsn></StsRsnInf>\
            <OrgnlTxRef><Amt><InstdAmt Ccy=\"EUR\">4.50</InstdAmt></Amt></OrgnlTxRef></TxInfAndSts>\
            <TxInfAndSts><OrgnlEndToEndId>05562032-R7P102</OrgnlEndToEndId><TxSts>ACSC</TxSts></TxInfAndSts></OrgnlPmtInfAndSts>";
        let report = read(&report("", single)).unwrap();
        let expected = RejectedTransaction { end_to_end_id: "05562032-R7P101".into(), cents: Some(Cents::new(450)), reason: "AC01".into() };
        assert_eq!((report.rejected, report.transactions), (None, vec![expected]));
    }

    #[test]
    fn a_report_that_says_nothing_usable_is_refused_in_one_sentence() {
        assert!(read(b"<Document><BkToCstmrStmt/></Document>").unwrap_err().message_en.contains("no status report"));
        assert!(read(b"<Document><CstmrPmtStsRpt><GrpHdr/></CstmrPmtStsRpt></Document>").unwrap_err().message_en.contains("does not name"));
        let nameless = "<OrgnlPmtInfAndSts><TxInfAndSts><TxSts>RJCT</TxSts></TxInfAndSts></OrgnlPmtInfAndSts>";
        assert!(read(&report("", nameless)).unwrap_err().message_en.contains("no end-to-end reference"));
    }
}

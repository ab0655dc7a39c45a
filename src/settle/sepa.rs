//! The payment file: pain.001.001.09 as the German banks take it (DK, Anlage 3 of the DFÜ-Abkommen, scheme GBIC_5).
//!
//! The writer is our own, as the file has one fixed shape and the core stays free of an XML library: every element is opened and
//! closed by one function, and every text is both transliterated to the SEPA characters and escaped.

use super::account::{Account, MAX_NAME};
use super::settlement::{Released, Settled, Transfer};

/// Makes the payment file of a released run: one payment order, one credit transfer for each provider with a positive sum, booked on
/// the office's account as one amount. The file's time is that of the second signature. `None` where the run pays nothing, as the
/// scheme knows no empty file.
pub fn pain001(released: &Released, debtor: &Account) -> Option<String> {
    let transfers: Vec<_> = released.transfers().collect();
    if transfers.is_empty() {
        return None;
    }
    let run = &released.plan().run;
    let [_, second] = released.signatures();
    let count = transfers.len().to_string();
    let total = released.total().decimal();
    let mut xml = Xml::new();
    xml.open("CstmrCdtTrfInitn");
    xml.within("GrpHdr", |xml| {
        xml.text("MsgId", &run.message_id());
        xml.text("CreDtTm", &second.at.rfc3339());
        xml.text("NbOfTxs", &count);
        xml.text("CtrlSum", &total);
        xml.within("InitgPty", |xml| xml.text("Nm", &sepa_text(debtor.name(), MAX_NAME)));
    });
    xml.within("PmtInf", |xml| {
        xml.text("PmtInfId", &run.message_id());
        xml.text("PmtMtd", "TRF");
        xml.text("BtchBookg", "true");
        xml.text("NbOfTxs", &count);
        xml.text("CtrlSum", &total);
        xml.within("PmtTpInf", |xml| xml.within("SvcLvl", |xml| xml.text("Cd", "SEPA")));
        xml.within("ReqdExctnDt", |xml| xml.text("Dt", &run.execution_date.to_string()));
        xml.within("Dbtr", |xml| xml.text("Nm", &sepa_text(debtor.name(), MAX_NAME)));
        xml.account("DbtrAcct", debtor);
        xml.within("DbtrAgt", |xml| {
            xml.within("FinInstnId", |xml| match debtor.bic() {
                Some(bic) => xml.text("BICFI", bic.as_str()),
                None => xml.within("Othr", |xml| xml.text("Id", "NOTPROVIDED")),
            });
        });
        xml.text("ChrgBr", "SLEV");
        for (settled, transfer) in transfers {
            xml.transfer(settled, transfer);
        }
    });
    xml.close("CstmrCdtTrfInitn");
    Some(xml.finish())
}

struct Xml(String);

impl Xml {
    fn new() -> Self {
        Self("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.001.001.09\">\n".to_owned())
    }

    fn finish(mut self) -> String {
        self.close("Document");
        self.0
    }

    fn open(&mut self, name: &str) {
        self.0.push_str(&format!("<{name}>\n"));
    }

    fn close(&mut self, name: &str) {
        self.0.push_str(&format!("</{name}>\n"));
    }

    fn within(&mut self, name: &str, content: impl FnOnce(&mut Self)) {
        self.open(name);
        content(self);
        self.close(name);
    }

    fn text(&mut self, name: &str, text: &str) {
        self.0.push_str(&format!("<{name}>{}</{name}>\n", escape(text)));
    }

    fn account(&mut self, name: &str, account: &Account) {
        self.within(name, |xml| xml.within("Id", |xml| xml.text("IBAN", account.iban().electronic())));
    }

    fn transfer(&mut self, settled: &Settled, transfer: &Transfer) {
        self.within("CdtTrfTxInf", |xml| {
            xml.within("PmtId", |xml| xml.text("EndToEndId", transfer.end_to_end_id.as_str()));
            xml.within("Amt", |xml| xml.0.push_str(&format!("<InstdAmt Ccy=\"EUR\">{}</InstdAmt>\n", transfer.amount.decimal())));
            // DK: without a BIC the creditor's agent is left out; NOTPROVIDED stands for the debtor's bank only.
            if let Some(bic) = settled.account.bic() {
                xml.within("CdtrAgt", |xml| xml.within("FinInstnId", |xml| xml.text("BICFI", bic.as_str())));
            }
            xml.within("Cdtr", |xml| xml.text("Nm", &sepa_text(settled.account.name(), MAX_NAME)));
            xml.account("CdtrAcct", &settled.account);
            xml.within("RmtInf", |xml| xml.text("Ustrd", &transfer.remittance));
        });
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// `text` in the characters every SEPA bank takes (EPC132-08 § 1.4): umlauts as digraphs, as the DK allows, other Latin letters without
/// their marks, the rest as punctuation near to it or a dot (EPC217-08); at most `max` characters, blanks single, none at the ends.
pub fn sepa_text(text: &str, max: usize) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '/' | '-' | '?' | ':' | '(' | ')' | '.' | ',' | '\'' | '+' => out.push(c),
            '\u{308}' if out.ends_with(['a', 'o', 'u', 'A', 'O', 'U']) => out.push('e'),
            // Any other combining mark follows a letter that already stands.
            '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' | '\u{fe0e}' | '\u{fe0f}' => {}
            c if c.is_whitespace() || c.is_control() => out.push(' '),
            c => out.push_str(replacement(c)),
        }
    }
    let single = out.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let cut: String = single.chars().take(max).collect();
    cut.trim_end().to_owned()
}

fn replacement(c: char) -> &'static str {
    match c {
        'ä' => "ae",
        'ö' => "oe",
        'ü' => "ue",
        'ß' => "ss",
        'Ä' => "Ae",
        'Ö' => "Oe",
        'Ü' => "Ue",
        'ẞ' => "SS",
        'À'..='Å' | 'Æ' | 'Ā' | 'Ă' | 'Ą' => "A",
        'à'..='å' | 'æ' | 'ā' | 'ă' | 'ą' => "a",
        'Ç' | 'Ć' | 'Ĉ' | 'Ċ' | 'Č' => "C",
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => "c",
        'Ď' | 'Đ' | 'Ð' => "D",
        'ď' | 'đ' | 'ð' => "d",
        'È'..='Ë' | 'Ē' | 'Ĕ' | 'Ė' | 'Ę' | 'Ě' | '€' => "E",
        'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => "e",
        'Ĝ' | 'Ğ' | 'Ġ' | 'Ģ' => "G",
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => "g",
        'Ĥ' | 'Ħ' => "H",
        'ĥ' | 'ħ' => "h",
        'Ì'..='Ï' | 'Ĩ' | 'Ī' | 'Ĭ' | 'Į' | 'İ' | 'Ĳ' => "I",
        'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' | 'ĳ' => "i",
        'Ĵ' => "J",
        'ĵ' => "j",
        'Ķ' => "K",
        'ķ' => "k",
        'Ĺ' | 'Ļ' | 'Ľ' | 'Ŀ' | 'Ł' => "L",
        'ĺ' | 'ļ' | 'ľ' | 'ŀ' | 'ł' => "l",
        'Ñ' | 'Ń' | 'Ņ' | 'Ň' => "N",
        'ñ' | 'ń' | 'ņ' | 'ň' => "n",
        'Ò'..='Õ' | 'Ø' | 'Ō' | 'Ŏ' | 'Ő' | 'Œ' => "O",
        'ò'..='õ' | 'ø' | 'ō' | 'ŏ' | 'ő' | 'œ' => "o",
        'Ŕ' | 'Ŗ' | 'Ř' => "R",
        'ŕ' | 'ŗ' | 'ř' => "r",
        'Ś' | 'Ŝ' | 'Ş' | 'Š' | 'Ș' => "S",
        'ś' | 'ŝ' | 'ş' | 'š' | 'ș' => "s",
        'Ţ' | 'Ť' | 'Ŧ' | 'Ț' | 'Þ' => "T",
        'ţ' | 'ť' | 'ŧ' | 'ț' | 'þ' => "t",
        'Ù'..='Û' | 'Ũ' | 'Ū' | 'Ŭ' | 'Ů' | 'Ű' | 'Ų' => "U",
        'ù'..='û' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' => "u",
        'Ŵ' => "W",
        'ŵ' => "w",
        'Ý' | 'Ŷ' | 'Ÿ' => "Y",
        'ý' | 'ŷ' | 'ÿ' => "y",
        'Ź' | 'Ż' | 'Ž' => "Z",
        'ź' | 'ż' | 'ž' => "z",
        '&' => "+",
        '_' | '~' | '‐'..='―' => "-",
        '"' | '`' | '´' | '‘'..='‟' | '«' | '»' => "'",
        '<' | '[' | '{' => "(",
        '>' | ']' | '}' => ")",
        ';' => ",",
        '\\' | '|' => "/",
        _ => ".",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_reach_the_bank_in_its_own_letters() {
        for (text, sepa) in [
            ("Müller & Söhne GmbH", "Mueller + Soehne GmbH"),
            ("Großküche Żółw", "Grosskueche Zolw"),
            ("STRAẞE", "STRASSE"),
            ("Mu\u{308}ller e\u{301}", "Mueller e"),
            ("Café „Zur Post“", "Cafe 'Zur Post'"),
            ("Turn-  und\nSportverein", "Turn- und Sportverein"),
            ("<script>alert(\"1\")</script>", "(script)alert('1')(/script)"),
            ("Küche 🍲", "Kueche ."),
        ] {
            assert_eq!(sepa_text(text, MAX_NAME), sepa, "{text}");
        }
        assert_eq!(sepa_text("ä ö", 3), "ae");
    }

    proptest! {
        #[test]
        fn whatever_comes_in_the_bank_can_take_it(text in any::<String>(), max in 1usize..80) {
            let out = sepa_text(&text, max);
            prop_assert!(out.len() <= max);
            prop_assert!(out.chars().all(|c| c.is_ascii_alphanumeric() || "/-?:().,'+ ".contains(c)), "{}", out);
            prop_assert_eq!(sepa_text(&out, max), out);
        }
    }
}

//! `tokens.csv`: what was issued, for the office's own print shop or specialist procedure.
//!
//! `reference;token_id;number;code;svg`, UTF-8 without byte order mark, lines ended by CR LF. A [`CaseReference`] never begins like
//! a formula, and the other cells are digits, hexadecimal or Base32hex, so that a spreadsheet runs none of them.

use super::reference::CaseReference;
use super::split::quoted;
use crate::admit::number::CardNumber;
use crate::words::ids::TokenId;
use std::fmt::Write;

/// One issued token.
#[derive(Clone, Copy, Debug)]
pub struct TokenRow<'a> {
    /// The office's key of the case.
    pub reference: &'a CaseReference,
    /// The token's id; its card number follows from it.
    pub token: TokenId,
    /// The text of the QR code.
    pub code: &'a str,
    /// The file name of its QR code, beside this file.
    pub svg: &'a str,
}

/// The whole file.
pub fn write<'a>(rows: impl IntoIterator<Item = TokenRow<'a>>) -> String {
    let mut file = String::from("reference;token_id;number;code;svg\r\n");
    for row in rows {
        let number = CardNumber::of(row.token).digits();
        let _ = write!(file, "{};{};{number};{};{}\r\n", quoted(row.reference.as_str()), row.token, quoted(row.code), quoted(row.svg));
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::sheet::split::Splitter;

    #[test]
    fn references_come_back_as_they_were() {
        let reference = CaseReference::parse("00\"12;3").unwrap();
        let token = TokenId([7; 16]);
        let file = write([TokenRow { reference: &reference, token, code: "BUT10A", svg: "0001.svg" }]);
        let rows: Vec<_> = Splitter::new(&file, ';').filter_map(|record| record.cells.ok()).collect();
        assert_eq!(rows[0], ["reference", "token_id", "number", "code", "svg"]);
        assert_eq!(rows[1], ["00\"12;3", &token.hex(), &CardNumber::of(token).digits(), "BUT10A", "0001.svg"]);
    }
}

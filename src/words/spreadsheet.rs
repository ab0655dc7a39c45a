//! Cells for spreadsheets.

use std::borrow::Cow;

/// A text that a spreadsheet would take for a formula gets an apostrophe before it (OWASP, CSV injection).
pub fn harmless(text: &str) -> Cow<'_, str> {
    let formula = text.trim_start().starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']) || text.starts_with(['\t', '\r', '\n']);
    if formula { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for formula in ["=1", " +1", "-1", "@a", "\t=1", "\r1", "\nx", "＝1", "  ＠a"] {
            assert!(harmless(formula).starts_with('\''), "{formula:?}");
        }
        for plain in ["", "a", "1", "a=1", "Müller", "'=1"] {
            assert_eq!(harmless(plain), plain);
        }
    }
}

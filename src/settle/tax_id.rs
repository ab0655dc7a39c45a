//! How a provider is known to the tax office: VAT id (§ 27a UStG) or tax number (§ 14 Abs. 4 Satz 1 Nr. 2 UStG: one of them is enough).

/// A German VAT id in capital letters without blanks, if its check digit fits (ISO 7064, MOD 11,10).
pub fn vat_id(text: &str) -> Option<String> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_uppercase();
    let digits: Vec<u32> = text.strip_prefix("DE")?.chars().map(|c| c.to_digit(10)).collect::<Option<_>>()?;
    let (check, digits) = digits.split_last()?;
    let product = digits.iter().fold(10, |product, digit| match (product + digit) % 10 {
        0 => 20 % 11,
        sum => sum * 2 % 11,
    });
    (digits.len() == 8 && (11 - product) % 10 == *check).then_some(text)
}

/// A German tax number: 10 to 13 digits, with slashes and blanks as the tax office writes it.
pub fn tax_number(text: &str) -> Option<String> {
    let text = text.trim();
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'/' || b == b' ');
    (plain && (10..=13).contains(&digits)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vat_id_is_known_by_its_check_digit() {
        assert_eq!(vat_id(" de 136 695 976 "), Some("DE136695976".to_owned()), "the example of the Federal Central Tax Office");
        for wrong in ["DE136695975", "DE136695967", "DE13669597", "ATU13585627", "DE", "", "136695976", "DE13669597A"] {
            assert_eq!(vat_id(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_tax_number_has_ten_to_thirteen_digits() {
        assert_eq!(tax_number("151/815/08156").as_deref(), Some("151/815/08156"));
        assert!(["", "151/815", "151-815-08156", "1/2/3/4/5/6/7/8/9/0/1/2/3/4"].into_iter().all(|wrong| tax_number(wrong).is_none()));
    }
}

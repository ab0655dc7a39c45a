//! The bytes of a table become text: UTF-8, UTF-16 with its mark, or Windows-1252.

use super::RowError;

/// The largest file that is read.
pub const MAX_BYTES: usize = 64 * 1024 * 1024;

/// The text of a file. A byte order mark decides; without one valid UTF-8 is UTF-8 and everything else Windows-1252, which German
/// spreadsheets write by default. Errors concern the whole file: too large, empty, or not a text at all.
pub fn decode(bytes: &[u8]) -> Result<String, RowError> {
    if bytes.len() > MAX_BYTES {
        return Err(RowError::of_file(
            format!("Die Datei ist größer als {} MB: bitte in mehrere Dateien aufteilen.", MAX_BYTES >> 20),
            format!("The file is larger than {} MB: split it into several files.", MAX_BYTES >> 20),
        ));
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return Err(RowError::of_file(
            "Das ist eine Arbeitsmappe (oder ein ZIP-Archiv), keine CSV-Datei: bitte als „CSV UTF-8“ speichern.".into(),
            "This is a workbook (or a ZIP archive), not a CSV file: save it as “CSV UTF-8”.".into(),
        ));
    }
    let text = match encoding_rs::Encoding::for_bom(bytes) {
        Some((encoding, mark)) => encoding.decode_without_bom_handling(&bytes[mark..]).0.into_owned(),
        None => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned(),
        },
    };
    if text.contains('\0') {
        return Err(RowError::of_file(
            "Das ist keine Textdatei: bitte die Tabelle als „CSV UTF-8“ speichern.".into(),
            "This is not a text file: save the table as “CSV UTF-8”.".into(),
        ));
    }
    if text.trim().is_empty() {
        return Err(RowError::of_file(
            "Die Datei ist leer: die erste Zeile muss die Spaltennamen enthalten.".into(),
            "The file is empty: its first line must hold the names of the columns.".into(),
        ));
    }
    Ok(text)
}

/// What a person wrote, fit to be shown: shortened, in one line, and never at the start of a message, so that no spreadsheet
/// takes it for a formula.
pub fn echo(cell: &str) -> String {
    const SHOWN: usize = 40;
    let mut shown: String = cell.chars().take(SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if cell.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// The two dots as a mark of its own, as some systems write an umlaut.
const DOTS: char = '\u{308}';

/// Folds a word so that spelling variants meet: lower case, umlauts spelt out, no accents, only letters and digits kept.
pub fn folded(word: &str) -> String {
    word.chars().flat_map(char::to_lowercase).fold(String::new(), |mut out, c| {
        match c {
            'ä' => out.push_str("ae"),
            'ö' => out.push_str("oe"),
            'ü' => out.push_str("ue"),
            DOTS if out.ends_with(['a', 'o', 'u']) => out.push('e'),
            c => push_plain(&mut out, c),
        }
        out
    })
}

/// Folds likewise, but umlauts only lose their dots, as people type them on a foreign keyboard.
pub fn folded_without_dots(word: &str) -> String {
    word.chars().flat_map(char::to_lowercase).fold(String::new(), |mut out, c| {
        push_plain(&mut out, c);
        out
    })
}

/// A lower-case letter without its accents, or a digit; nothing else.
fn push_plain(out: &mut String, c: char) {
    match c {
        'à'..='å' | 'ā' | 'ă' | 'ą' | 'ǎ' | 'ạ'..='ặ' => out.push('a'),
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => out.push('c'),
        'ð' | 'ď' | 'đ' => out.push('d'),
        'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' | 'ə' | 'ẹ'..='ệ' => out.push('e'),
        'ĝ' | 'ğ' | 'ġ' | 'ģ' | 'ǧ' => out.push('g'),
        'ĥ' | 'ħ' => out.push('h'),
        'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' | 'ỉ'..='ị' => out.push('i'),
        'ĵ' => out.push('j'),
        'ķ' => out.push('k'),
        'ĺ' | 'ļ' | 'ľ' | 'ŀ' | 'ł' => out.push('l'),
        'ñ' | 'ń' | 'ņ' | 'ň' => out.push('n'),
        'ò'..='ö' | 'ø' | 'ō' | 'ŏ' | 'ő' | 'ơ' | 'ọ'..='ợ' => out.push('o'),
        'ŕ' | 'ŗ' | 'ř' => out.push('r'),
        'ś' | 'ŝ' | 'ş' | 'š' | 'ș' => out.push('s'),
        'ţ' | 'ť' | 'ŧ' | 'ț' => out.push('t'),
        'ù'..='ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' | 'ư' | 'ụ'..='ự' => out.push('u'),
        'ŵ' => out.push('w'),
        'ý' | 'ÿ' | 'ŷ' | 'ỳ'..='ỹ' => out.push('y'),
        'ź' | 'ż' | 'ž' => out.push('z'),
        'æ' => out.push_str("ae"),
        'œ' => out.push_str("oe"),
        'þ' => out.push_str("th"),
        'ß' => out.push_str("ss"),
        c if c.is_alphanumeric() => out.push(c),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usual_encoding_gives_the_same_text() {
        let utf16: Vec<u8> = [0xFEFFu16].into_iter().chain("Lernförderung €".encode_utf16()).flat_map(u16::to_le_bytes).collect();
        for bytes in ["Lernförderung €".as_bytes(), b"\xEF\xBB\xBFLernf\xC3\xB6rderung \xE2\x82\xAC", b"Lernf\xF6rderung \x80", &utf16] {
            assert_eq!(decode(bytes).unwrap(), "Lernförderung €");
        }
    }

    #[test]
    fn what_is_no_text_is_named() {
        for (bytes, hint) in [
            (&b"PK\x03\x04\x14\x00"[..], "workbook"),
            (&b"a\0b"[..], "not a text file"),
            (&b" \r\n"[..], "empty"),
            (&vec![b'a'; MAX_BYTES + 1][..], "larger than 64 MB"),
        ] {
            let error = decode(bytes).unwrap_err();
            assert!(error.line == 0 && error.message_en.contains(hint), "{error}");
        }
    }

    #[test]
    fn spelling_variants_meet() {
        for (word, spelt, without_dots) in [
            ("Müller-Weiß", "muellerweiss", "mullerweiss"),
            ("Mu\u{308}ller", "mueller", "muller"),
            ("ČAPEK", "capek", "capek"),
            ("C\u{30c}apek", "capek", "capek"),
            ("Straße", "strasse", "strasse"),
            ("STRAẞE", "strasse", "strasse"),
            ("Łukasz Øre", "lukaszore", "lukaszore"),
            ("İpek Yıldız", "ipekyildiz", "ipekyildiz"),
            ("Nguyễn Thị Đào", "nguyenthidao", "nguyenthidao"),
            ("Зоя 7", "зоя7", "зоя7"),
        ] {
            assert_eq!((folded(word).as_str(), folded_without_dots(word).as_str()), (spelt, without_dots), "{word}");
        }
    }

    #[test]
    fn an_echo_is_one_short_line() {
        assert_eq!(echo("a\r\n=b"), "a  =b");
        assert_eq!(echo(&"ü".repeat(41)), format!("{}…", "ü".repeat(40)));
    }
}

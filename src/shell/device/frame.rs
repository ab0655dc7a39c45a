//! Where one scan ends and the next begins, in the characters of one reader. Knows no clock: whoever reads the line says that nothing has
//! come for a moment ([`Frames::pause`]) or for long ([`Frames::idle`]), so that a box that was busy never cuts a code in two.

use super::Trouble;
use crate::admit::phone::PHONE_PREFIX;
use crate::admit::scan::{CODE_PREFIX, Fault, MAX_SCAN_BYTES, ReadError, Scan, code_length};
use encoding_rs::WINDOWS_1252;
use serde::Serialize;

/// How every code begins: its prefix, and the first bytes of a signed document or of a phone code. Two codes without an end between them are
/// cut there.
const BEGINNINGS: [&[u8]; 2] = [b"BUT1GH4Q4", b"BUT2GDC"];
/// How far in a text the prefix of a code may stand, after what scanners put before it.
const MAX_BEFORE: usize = 24;
/// What is kept of a text: one byte more than is ever looked at, so that one that is too long is told so.
const MAX_BYTES: usize = MAX_SCAN_BYTES + 1;
/// What is shorter when a line falls silent was noise.
const FEWEST: usize = 4;

/// What ended a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Enter.
    Enter,
    /// Tab.
    Tab,
    /// A group separator or the end of a transmission.
    Gs,
    /// Nothing: the code says itself how long it is, or the next one began.
    Length,
    /// Nothing, and for a while nothing more came.
    Idle,
    /// The card lay on the reader, whole.
    Card,
}

/// What came of the characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A scan, whatever it is.
    Scan(String, Ending),
    /// Nothing that could be handed on.
    Trouble(Trouble),
}

/// Puts the characters of one reader together to scans. Keeps a few kilobytes at most, whatever comes.
#[derive(Debug, Default)]
pub struct Frames {
    bytes: Vec<u8>,
    /// Ended lines that are nothing of ours: perhaps all of one code, such as a visiting card.
    lines: String,
    lines_ended: Option<Ending>,
    /// Characters were lost since the last end.
    damaged: bool,
}

impl Frames {
    /// Takes one character.
    pub fn push(&mut self, byte: u8, out: &mut Vec<Piece>) {
        match byte {
            b'\r' | b'\n' => self.end(Ending::Enter, out),
            b'\t' => self.end(Ending::Tab, out),
            // GS, ETX and EOT; STX comes before a text.
            0x1d | 0x03 | 0x04 => self.end(Ending::Gs, out),
            0x02 => {}
            _ => {
                if self.bytes.len() < MAX_BYTES {
                    self.bytes.push(byte);
                }
                self.cut_before_a_second_code(out);
            }
        }
    }

    /// Characters were lost on the way: what is ended next is not to be trusted.
    pub fn lost(&mut self) {
        self.damaged = true;
    }

    /// Nothing has come for some tenths of a second.
    pub fn pause(&mut self, out: &mut Vec<Piece>) {
        let text = String::from_utf8_lossy(&self.bytes);
        let code = start_of_code(&text).and_then(|at| text.get(at..));
        if code.is_some_and(|code| code_length(code).is_some_and(|length| length <= code.len())) {
            self.end(Ending::Length, out);
        } else if self.bytes.is_empty() {
            self.flush(out);
        }
    }

    /// Nothing has come for seconds: what proves itself is taken although its end is missing, the rest was rubbish.
    pub fn idle(&mut self, out: &mut Vec<Piece>) {
        self.flush(out);
        let bytes = std::mem::take(&mut self.bytes);
        let damaged = std::mem::take(&mut self.damaged);
        if bytes.len() < FEWEST {
            return;
        }
        out.push(match text_of(&bytes) {
            None => Piece::Trouble(Trouble::Garbled),
            Some(_) if damaged => Piece::Trouble(Trouble::Lost),
            Some(text) => match Scan::new(&text) {
                Ok(Scan::Code(_) | Scan::Phone(_) | Scan::Number(_)) => Piece::Scan(text, Ending::Idle),
                _ => Piece::Trouble(Trouble::Incomplete),
            },
        });
    }

    /// The reader is gone.
    pub fn gone(&mut self, out: &mut Vec<Piece>) {
        self.flush(out);
        self.damaged = false;
        if !std::mem::take(&mut self.bytes).is_empty() {
            out.push(Piece::Trouble(Trouble::Torn));
        }
    }

    fn end(&mut self, ending: Ending, out: &mut Vec<Piece>) {
        let bytes = std::mem::take(&mut self.bytes);
        let damaged = std::mem::take(&mut self.damaged);
        if bytes.is_empty() && !damaged {
            return;
        }
        let text = match text_of(&bytes) {
            _ if damaged => Err(Trouble::Lost),
            None => Err(Trouble::Garbled),
            Some(text) => Ok(text),
        };
        match text {
            Err(trouble) => {
                self.flush(out);
                out.push(Piece::Trouble(trouble));
            }
            Ok(text) => match ours(text) {
                Ok(ours) => {
                    self.flush(out);
                    out.push(Piece::Scan(ours, ending));
                }
                Err(foreign) => self.keep(&foreign, ending),
            },
        }
    }

    fn keep(&mut self, line: &str, ending: Ending) {
        if self.lines_ended.is_some() && self.lines.len() < MAX_BYTES {
            self.lines.push('\n');
        }
        let room = MAX_BYTES.saturating_sub(self.lines.len());
        let fits = (0..=room.min(line.len())).rev().find(|end| line.is_char_boundary(*end)).unwrap_or(0);
        self.lines.push_str(line.get(..fits).unwrap_or_default());
        self.lines_ended = Some(ending);
    }

    fn flush(&mut self, out: &mut Vec<Piece>) {
        if let Some(ending) = self.lines_ended.take() {
            out.push(Piece::Scan(std::mem::take(&mut self.lines), ending));
        }
    }

    fn cut_before_a_second_code(&mut self, out: &mut Vec<Piece>) {
        let ends_with = |beginning: &&[u8]| {
            let at = self.bytes.len().checked_sub(beginning.len())?;
            self.bytes.get(at..).filter(|end| end.eq_ignore_ascii_case(beginning)).map(|_| at)
        };
        let Some(at) = BEGINNINGS.iter().find_map(ends_with) else { return };
        if self.bytes.get(..at).is_some_and(has_a_code) {
            let second = self.bytes.split_off(at);
            self.end(Ending::Length, out);
            self.bytes = second;
        }
    }
}

fn has_a_code(bytes: &[u8]) -> bool {
    let has = |beginning: &&[u8]| bytes.windows(beginning.len()).take(MAX_BEFORE).any(|window| window.eq_ignore_ascii_case(beginning));
    BEGINNINGS.iter().any(has)
}

/// Where a code begins in a text.
fn start_of_code(text: &str) -> Option<usize> {
    let is_prefix = |at: &usize| {
        let begins_with = |prefix: &str| text.get(*at..*at + prefix.len()).is_some_and(|part| part.eq_ignore_ascii_case(prefix));
        [CODE_PREFIX, PHONE_PREFIX].into_iter().any(begins_with)
    };
    (0..MAX_BEFORE).find(is_prefix)
}

/// The text in these bytes: UTF-8, or Windows-1252 as some scanners send umlauts. None where it is no text: what a line at the wrong
/// speed delivers has control characters and high bytes all over.
fn text_of(bytes: &[u8]) -> Option<String> {
    let control = bytes.iter().filter(|byte| byte.is_ascii_control()).count();
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) if bytes.iter().filter(|byte| !byte.is_ascii()).count() * 4 <= bytes.len() => {
            WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned()
        }
        Err(_) => return None,
    };
    (control * 8 <= bytes.len()).then_some(text)
}

/// The text where it has our form, perhaps typed by a scanner that is set to a French keyboard.
fn ours(text: String) -> Result<String, String> {
    if has_our_form(&text) {
        return Ok(text);
    }
    let repaired: String = text.chars().map(from_french).collect();
    if matches!(Scan::new(&repaired), Ok(Scan::Code(_) | Scan::Phone(_) | Scan::Number(_))) { Ok(repaired) } else { Err(text) }
}

fn has_our_form(text: &str) -> bool {
    match Scan::new(text) {
        Ok(Scan::Code(_) | Scan::Phone(_) | Scan::Number(_)) | Err(ReadError::WrongLayout) => true,
        Ok(Scan::Chip(_)) => false,
        Err(ReadError::Malformed(fault)) => matches!(fault, Fault::HalfACode | Fault::TwoCodes | Fault::Damaged),
    }
}

/// What was meant by a scanner that types on a French keyboard, read from the keys of a US one: digits come with Shift.
const fn from_french(read: char) -> char {
    match read {
        '!' => '1',
        '@' => '2',
        '#' => '3',
        '$' => '4',
        '%' => '5',
        '^' => '6',
        '&' => '7',
        '*' => '8',
        '(' => '9',
        ')' => '0',
        'a' => 'q',
        'A' => 'Q',
        'q' => 'a',
        'Q' => 'A',
        'w' => 'z',
        'W' => 'Z',
        'z' => 'w',
        'Z' => 'W',
        ';' => 'm',
        ':' => 'M',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admit::phone::PhoneCode;
    use crate::admit::scan::code_text;
    use crate::words::keys::SecretKey;
    use crate::words::time::UtcSeconds;

    const NUMBER: &str = "426262267885";

    fn code(filling: u8) -> String {
        code_text(&[&[0x84, 0x49, 0xA2, 0x01][..], &[7; 7], &[0xA0, 0x58, 90], &[filling; 90], &[0x58, 64], &[2; 64]].concat())
    }

    fn phone_code(token: usize) -> String {
        let key = SecretKey::from_seed([7; 32]);
        PhoneCode::show(vec![9; token], UtcSeconds(1_795_600_000), &key).text()
    }

    /// Plays bytes in; `~` stands for a pause, `_` for a long silence, `^` for the reader's end.
    fn play(script: &[u8]) -> Vec<Piece> {
        let (mut frames, mut out) = (Frames::default(), Vec::new());
        for byte in script {
            match byte {
                b'~' => frames.pause(&mut out),
                b'_' => frames.idle(&mut out),
                b'^' => frames.gone(&mut out),
                byte => frames.push(*byte, &mut out),
            }
        }
        out
    }

    fn scan(text: &str, ending: Ending) -> Piece {
        Piece::Scan(text.into(), ending)
    }

    #[test]
    fn a_code_ends_with_enter_tab_separator_or_its_own_length() {
        let code = code(1);
        let ends: [(&str, Ending); 6] =
            [("\r", Ending::Enter), ("\r\n", Ending::Enter), ("\t", Ending::Tab), ("\u{1d}", Ending::Gs), ("~", Ending::Length), ("_", Ending::Idle)];
        for (end, ending) in ends {
            assert_eq!(play(format!("{code}{end}~_").as_bytes()), [scan(&code, ending)], "{end:?}");
        }
        assert_eq!(play(format!("\u{2}]Q1{code}\u{3}").as_bytes()), [scan(&format!("]Q1{code}"), Ending::Gs)]);
        assert_eq!(play(format!("{NUMBER}\r").as_bytes()), [scan(NUMBER, Ending::Enter)]);
        assert_eq!(play(format!("{NUMBER}~_").as_bytes()), [scan(NUMBER, Ending::Idle)]);
    }

    #[test]
    fn a_pause_in_the_middle_of_a_code_loses_nothing() {
        for code in [code(1), phone_code(150), phone_code(300)] {
            let (one, two) = code.split_at(70);
            assert_eq!(play(format!("{one}~~{two}\r").as_bytes()), [scan(&code, Ending::Enter)]);
        }
    }

    #[test]
    fn a_phone_code_ends_with_its_own_length_too() {
        for code in [phone_code(150), phone_code(300)] {
            assert_eq!(play(format!("{code}~_").as_bytes()), [scan(&code, Ending::Length)]);
            assert_eq!(play(format!("{code}{code}\r").as_bytes()), [scan(&code, Ending::Length), scan(&code, Ending::Enter)]);
        }
    }

    #[test]
    fn two_codes_without_an_end_between_them_are_two() {
        let (one, two) = (code(1), code(2));
        assert_eq!(play(format!("{one}{two}\r").as_bytes()), [scan(&one, Ending::Length), scan(&two, Ending::Enter)]);
        let half = &one[..60];
        assert_eq!(play(format!("{half}{two}\r").as_bytes()), [scan(half, Ending::Length), scan(&two, Ending::Enter)]);
    }

    #[test]
    fn a_visiting_card_is_one_scan_and_a_chip_is_a_scan() {
        let card = "BEGIN:VCARD\nN:Meyer\nEND:VCARD";
        assert_eq!(play(b"BEGIN:VCARD\r\nN:Meyer\r\nEND:VCARD\r\n~"), [scan(card, Ending::Enter)]);
        assert_eq!(play(b"04A224B2\r~"), [scan("04A224B2", Ending::Enter)]);
        assert_eq!(play(b"04A224B2\r^"), [scan("04A224B2", Ending::Enter)], "ended before the reader went");
        assert_eq!(play("M\u{fc}ller\r~".as_bytes()), [scan("Müller", Ending::Enter)]);
        assert_eq!(play(b"B\xe4ckerei\r~"), [scan("Bäckerei", Ending::Enter)]);
    }

    #[test]
    fn what_breaks_off_is_told_and_nothing_of_it_is_taken() {
        let code = code(1);
        let trouble = |trouble| [Piece::Trouble(trouble)];
        assert_eq!(play(format!("{}~_", &code[..90]).as_bytes()), trouble(Trouble::Incomplete));
        assert_eq!(play(b"04A224B2~_"), trouble(Trouble::Incomplete), "half a chip would be another child's");
        assert_eq!(play(format!("{}^", &code[..90]).as_bytes()), trouble(Trouble::Torn));
        assert_eq!(play(b"\x00\xfe\x86\x98\xf8\x80\x00\x1e_"), trouble(Trouble::Garbled));
        assert_eq!(play(b"\xfe\x86\x98\xf8\x80\x86\r~"), trouble(Trouble::Garbled));
        assert_eq!(play(b"a_\r\r~"), Vec::new(), "a slip is nothing");
        let (mut frames, mut out) = (Frames::default(), Vec::new());
        code[..50].bytes().for_each(|byte| frames.push(byte, &mut out));
        frames.lost();
        code[51..].bytes().chain(*b"\r").for_each(|byte| frames.push(byte, &mut out));
        assert_eq!(out, trouble(Trouble::Lost));
    }

    #[test]
    fn a_french_scanner_is_read_all_the_same() {
        let typed: String = code(1).chars().map(|c| ('\0'..='\u{7f}').find(|key| from_french(*key) == c && *key != c).unwrap_or(c)).collect();
        assert_ne!(typed, code(1));
        assert_eq!(play(format!("{typed}\r").as_bytes()), [scan(&code(1), Ending::Enter)]);
        let (mut frames, mut out) = (Frames::default(), Vec::new());
        b"$@^@^@@^&**%\r".iter().for_each(|byte| frames.push(*byte, &mut out));
        assert_eq!(out, [scan(NUMBER, Ending::Enter)]);
    }

    #[test]
    fn a_megabyte_of_rubbish_is_kept_in_kilobytes() {
        let (mut frames, mut out) = (Frames::default(), Vec::new());
        for _ in 0..1_000_000 {
            frames.push(b'A', &mut out);
        }
        assert!(out.is_empty() && frames.bytes.capacity() < 3 * MAX_BYTES);
        for _ in 0..1000 {
            frames.push(b'\r', &mut out);
            (0..999).for_each(|_| frames.push(b'B', &mut out));
        }
        assert!(frames.lines.capacity() < 3 * MAX_BYTES);
        frames.gone(&mut out);
        assert!(out.iter().all(|piece| !matches!(piece, Piece::Scan(text, _) if text.len() > MAX_BYTES)));
    }
}

//! QR codes as the formats ask for: alphanumeric mode, error correction M, a quiet zone of four modules.

use qrcode::bits::Bits;
use qrcode::types::QrError;
use qrcode::{Color, EcLevel, QrCode, Version};
use std::fmt::Write;
use thiserror::Error;

/// The white border every reader needs, in modules (ISO/IEC 18004).
pub const QUIET_ZONE: usize = 4;
/// The side of one module on paper in millimetres: what cheap scanners read at an arm's length from a worn card.
pub const MODULE_MM: f32 = 0.6;
/// The most characters a code may have: what the largest token (1 KiB) needs. A usual one needs about 255.
pub const MAX_CHARACTERS: usize = 1_700;

/// Why a text cannot become a QR code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unprintable {
    /// No text at all.
    #[error("there is nothing to print as a QR code")]
    Empty,
    /// A character outside the alphanumeric set.
    #[error("“{0}” cannot stand in the QR code: it holds capital letters, digits, spaces and $ % * + - . / : only")]
    Character(char),
    /// Too much for one code.
    #[error("the text has {0} characters, a QR code holds at most {MAX_CHARACTERS}: shorten what it carries")]
    TooLong(usize),
}

/// A QR code as its square of dark and light modules, without the quiet zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Qr {
    width: usize,
    dark: Vec<bool>,
}

/// A horizontal run of dark modules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The column of its first module, from 0.
    pub x: usize,
    /// Its row, from 0.
    pub y: usize,
    /// How many modules it has.
    pub length: usize,
}

impl Qr {
    /// The smallest code that holds `text` in alphanumeric mode.
    pub fn new(text: &str) -> Result<Self, Unprintable> {
        if text.is_empty() {
            return Err(Unprintable::Empty);
        }
        if let Some(foreign) = text.chars().find(|c| !matches!(c, 'A'..='Z' | '0'..='9' | ' ' | '$' | '%' | '*' | '+' | '-' | '.' | '/' | ':')) {
            return Err(Unprintable::Character(foreign));
        }
        let too_long = Unprintable::TooLong(text.len());
        if text.len() > MAX_CHARACTERS {
            return Err(too_long);
        }
        let code = (1..=40).find_map(|version| encode(text, version).ok()).ok_or(too_long)?;
        Ok(Self::from(code))
    }

    /// The smallest code that holds `text` as bytes, small letters too: for a phone's camera, not for our own scans.
    pub fn of_bytes(text: &str) -> Result<Self, Unprintable> {
        if text.is_empty() {
            return Err(Unprintable::Empty);
        }
        let code = QrCode::with_error_correction_level(text, EcLevel::M).map_err(|_| Unprintable::TooLong(text.len()))?;
        Ok(Self::from(code))
    }

    /// Modules on one side, without the quiet zone.
    pub const fn width(&self) -> usize {
        self.width
    }

    /// Whether the module in this column and row is dark; outside the code everything is light.
    pub fn is_dark(&self, x: usize, y: usize) -> bool {
        x < self.width && self.dark.get(y * self.width + x).copied().unwrap_or(false)
    }

    /// The dark modules as horizontal runs, row by row.
    pub fn runs(&self) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for y in 0..self.width {
            for x in (0..self.width).filter(|x| self.is_dark(*x, y)) {
                match runs.last_mut() {
                    Some(run) if run.y == y && run.x + run.length == x => run.length += 1,
                    _ => runs.push(Run { x, y, length: 1 }),
                }
            }
        }
        runs
    }

    /// The code with its quiet zone as an SVG picture of one path, `title` being what a screen reader says.
    pub fn svg(&self, title: &str) -> String {
        let side = self.width + 2 * QUIET_ZONE;
        let millimetres = side as f32 * MODULE_MM;
        let mut path = String::new();
        for Run { x, y, length } in self.runs() {
            let _ = write!(path, "M{} {}h{length}v1h-{length}z", x + QUIET_ZONE, y + QUIET_ZONE);
        }
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" width=\"{millimetres:.1}mm\" height=\"{millimetres:.1}mm\" \
             role=\"img\" shape-rendering=\"crispEdges\"><title>{}</title><rect width=\"{side}\" height=\"{side}\" fill=\"#fff\"/>\
             <path d=\"{path}\"/></svg>\n",
            escaped(title)
        )
    }
}

impl From<QrCode> for Qr {
    fn from(code: QrCode) -> Self {
        Self { width: code.width(), dark: code.into_colors().into_iter().map(|color| color == Color::Dark).collect() }
    }
}

fn encode(text: &str, version: i16) -> Result<QrCode, QrError> {
    let mut bits = Bits::new(Version::Normal(version));
    bits.push_alphanumeric_data(text.as_bytes())?;
    bits.push_terminator(EcLevel::M)?;
    QrCode::with_bits(bits, EcLevel::M)
}

fn escaped(text: &str) -> String {
    let allowed = text.chars().filter(|c| !c.is_control());
    allowed.fold(String::new(), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rxing::{BarcodeFormat, helpers::detect_in_luma};

    fn token_text() -> String {
        "BUT1".chars().chain("0123456789ABCDEFGHIJKLMNOPQRSTUV".chars().cycle().take(251)).collect()
    }

    /// Paints what the SVG's own path says, so that the picture and not only the matrix is read back.
    fn rasterise(svg: &str, pixels: usize) -> (Vec<u8>, u32) {
        let between = |from: &str, to: &str| svg.split_once(from).and_then(|(_, rest)| rest.split_once(to)).map(|(inner, _)| inner).unwrap();
        let side: usize = between("viewBox=\"0 0 ", " ").parse().unwrap();
        let mut luma = vec![255u8; side * side * pixels * pixels];
        for run in between("<path d=\"M", "z\"/>").split("zM") {
            let numbers: Vec<usize> = run.split([' ', 'h', 'v', '-']).filter_map(|n| n.parse().ok()).collect();
            let [x, y, length, height, back] = numbers[..] else { panic!("a run is x y length height back: {run}") };
            assert_eq!((height, back), (1, length));
            for row in y * pixels..(y + 1) * pixels {
                luma[row * side * pixels..][x * pixels..(x + length) * pixels].fill(0);
            }
        }
        (luma, u32::try_from(side * pixels).unwrap())
    }

    #[test]
    fn a_reader_reads_back_what_was_printed() {
        for text in [token_text(), "E0123-4567 89AB".into(), "A".into()] {
            let (luma, side) = rasterise(&Qr::new(&text).unwrap().svg("Karte"), 4);
            let read = detect_in_luma(luma, side, side, Some(BarcodeFormat::QR_CODE)).unwrap();
            assert_eq!(read.getText(), text);
        }
    }

    #[test]
    fn a_phone_reads_an_address() {
        let text = "https://192.168.7.20:8443/pair#01234567";
        let (luma, side) = rasterise(&Qr::of_bytes(text).unwrap().svg("QR-Code"), 4);
        assert_eq!(detect_in_luma(luma, side, side, Some(BarcodeFormat::QR_CODE)).unwrap().getText(), text);
        assert!(matches!(Qr::of_bytes(&"x".repeat(3000)), Err(Unprintable::TooLong(3000))));
        assert_eq!(Qr::of_bytes(""), Err(Unprintable::Empty));
    }

    #[test]
    fn a_token_fits_version_10_in_alphanumeric_mode() {
        let qr = Qr::new(&token_text()).unwrap();
        assert!(qr.width() <= 17 + 4 * 10, "{} modules", qr.width());
        let (dark, runs) = (qr.dark.iter().filter(|dark| **dark).count(), qr.runs());
        assert_eq!(runs.iter().map(|run| run.length).sum::<usize>(), dark);
    }

    #[test]
    fn the_title_cannot_break_out_of_the_picture() {
        let svg = Qr::new("A").unwrap().svg("</title><script>&\"\u{0}");
        assert!(svg.contains("<title>&lt;/title&gt;&lt;script&gt;&amp;&quot;</title>"), "{svg}");
    }

    #[test]
    fn what_cannot_be_printed_is_said() {
        assert_eq!(Qr::new(""), Err(Unprintable::Empty));
        assert_eq!(Qr::new("BUT1abc"), Err(Unprintable::Character('a')));
        assert_eq!(Qr::new(&"A".repeat(1701)), Err(Unprintable::TooLong(1701)));
        assert!(Qr::new(&"A".repeat(1700)).is_ok());
    }
}

//! Scanners in HID-POS mode: reports of USB's "HID Point of Sale Usage Tables" 1.02, bar code scanner page 0x8C. They type nowhere, know no
//! layout, and say how long each text is. Where the text stands in a report, the scanner's own descriptor says (HID 1.11, § 6.2.2).

use super::Trouble;
use super::frame::{Frames, Piece};

/// Usages: the page in the upper half, the number in the lower.
const SCANNER: u32 = 0x8c_0002;
const DECODED_DATA: u32 = 0x8c_00fe;
const DATA_CONTINUED: u32 = 0x8c_00ff;
const BYTE_COUNT: u32 = 0x01_003b;
/// The most bytes of a descriptor that are read, as the kernel has it (HID_MAX_DESCRIPTOR_SIZE).
pub const MAX_DESCRIPTOR: usize = 4096;
/// The longest report, in bits.
const MAX_BITS: usize = 8 * 4096;

/// Where a scanner's reports have what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The number before each report; none where there is but one kind.
    report: Option<u8>,
    /// How long a report is with its number, in bytes.
    size: usize,
    /// Where the text begins and how long it can be.
    data: (usize, usize),
    /// Where it says how long the text is.
    length: Option<usize>,
    /// The byte and the bit that say that the text goes on in the next report.
    continued: Option<(usize, u8)>,
}

/// What a descriptor's items have said so far.
#[derive(Clone, Copy, Default)]
struct Global {
    page: u32,
    size: usize,
    count: usize,
    report: Option<u8>,
}

#[derive(Default)]
struct Fields {
    /// Places in bits by report: decoded data, its bits in all, byte count, continued, and the report's end.
    reports: Vec<(Option<u8>, Places)>,
    is_scanner: bool,
}

#[derive(Clone, Copy, Default)]
struct Places {
    data: Option<(usize, usize)>,
    length: Option<usize>,
    continued: Option<usize>,
    end: usize,
}

impl Layout {
    /// The layout of the reports with decoded data, if the descriptor is one of a bar code scanner.
    pub fn of(descriptor: &[u8]) -> Option<Self> {
        let mut rest = descriptor.get(..descriptor.len().min(MAX_DESCRIPTOR))?;
        let (mut global, mut kept, mut usages, mut fields) = (Global::default(), Vec::new(), Vec::new(), Fields::default());
        while let Some((&prefix, after)) = rest.split_first() {
            let length = if prefix == 0xfe { usize::from(*after.first()?) + 2 } else { [0, 1, 2, 4][usize::from(prefix & 3)] };
            let value = after.get(..length)?;
            rest = after.get(length..)?;
            if prefix == 0xfe {
                continue;
            }
            let number = value.iter().rev().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
            match prefix & 0xfc {
                0x04 => global.page = number,
                0x74 => global.size = number as usize,
                0x84 => global.report = u8::try_from(number).ok(),
                0x94 => global.count = number as usize,
                0xa4 if kept.len() < 16 => kept.push(global),
                0xb4 => global = kept.pop()?,
                0x08 => usages.push(if length == 4 { number } else { global.page << 16 | number }),
                0xa0 => {
                    fields.is_scanner |= usages.first() == Some(&SCANNER);
                    usages.clear();
                }
                0x80 => fields.input(global, &usages, number & 1 == 1).then(|| usages.clear())?,
                0x90 | 0xb0 | 0xc0 => usages.clear(),
                _ => {}
            }
        }
        fields.layout()
    }
}

impl Fields {
    /// Takes a field of input reports; false where it makes a report that is far too long.
    fn input(&mut self, global: Global, usages: &[u32], constant: bool) -> bool {
        let at = self.reports.iter().position(|(report, _)| *report == global.report).unwrap_or_else(|| {
            let begins = if global.report.is_some() { 8 } else { 0 };
            self.reports.push((global.report, Places { end: begins, ..Places::default() }));
            self.reports.len() - 1
        });
        let Some((_, places)) = self.reports.get_mut(at) else { return false };
        let Some(bits) = global.size.checked_mul(global.count).filter(|bits| *bits <= MAX_BITS) else { return false };
        if bits == 0 {
            return true;
        }
        let begins = places.end;
        places.end += bits;
        if constant {
            return places.end <= MAX_BITS;
        }
        for n in 0..global.count {
            // The last usage holds for all that follow it.
            let at = begins + n * global.size;
            match usages.get(n).or(usages.last()).copied() {
                Some(DECODED_DATA) if global.size == 8 => {
                    let data = places.data.get_or_insert((at, 0));
                    data.1 = at + 8 - data.0;
                }
                Some(BYTE_COUNT) if global.size == 8 => _ = places.length.get_or_insert(at),
                Some(DATA_CONTINUED) => _ = places.continued.get_or_insert(at),
                _ => {}
            }
        }
        places.end <= MAX_BITS
    }

    fn layout(self) -> Option<Layout> {
        let (report, places) = self.reports.into_iter().find(|(_, places)| places.data.is_some()).filter(|_| self.is_scanner)?;
        let (at, bits) = places.data.filter(|(at, _)| at % 8 == 0)?;
        Some(Layout {
            report,
            size: places.end.div_ceil(8),
            data: (at / 8, bits / 8),
            length: places.length.filter(|at| at % 8 == 0).map(|at| at / 8),
            continued: places.continued.map(|at| (at / 8, 1 << (at % 8))),
        })
    }
}

/// Puts the reports of one scanner together to texts.
#[derive(Debug)]
pub struct Reports {
    layout: Layout,
    /// The beginning of a report that has not arrived in whole.
    begun: Vec<u8>,
}

impl Reports {
    /// For a scanner with this layout.
    pub const fn new(layout: Layout) -> Self {
        Self { layout, begun: Vec::new() }
    }

    /// Takes bytes of the device and hands on the text in them. A report that is not of decoded data (a button, a battery) is passed over.
    pub fn take(&mut self, bytes: &[u8], frames: &mut Frames, out: &mut Vec<Piece>) {
        if self.begun.is_empty() && self.layout.report.is_some_and(|report| bytes.first() != Some(&report)) {
            return;
        }
        self.begun.extend_from_slice(bytes);
        while self.begun.len() >= self.layout.size {
            let rest = self.begun.split_off(self.layout.size);
            let report = std::mem::replace(&mut self.begun, rest);
            self.report(&report, frames, out);
        }
    }

    /// Nothing has come for some tenths of a second. The rest of a report that broke off comes no more: what comes next is the beginning of another.
    pub fn pause(&mut self, out: &mut Vec<Piece>) {
        if !std::mem::take(&mut self.begun).is_empty() {
            out.push(Piece::Trouble(Trouble::Incomplete));
        }
    }

    fn report(&self, report: &[u8], frames: &mut Frames, out: &mut Vec<Piece>) {
        let Layout { data: (at, most), length, continued, .. } = self.layout;
        let data = report.get(at..at + most).unwrap_or_default();
        let said = length.and_then(|at| report.get(at)).map(|said| usize::from(*said));
        let text = match said {
            Some(said) => data.get(..said).unwrap_or(data),
            None => data.get(..data.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)).unwrap_or(data),
        };
        text.iter().for_each(|byte| frames.push(*byte, out));
        let goes_on = continued.is_some_and(|(byte, bit)| report.get(byte).is_some_and(|value| value & bit != 0));
        if !goes_on {
            frames.push(b'\r', out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::Ending;
    use super::*;

    /// The descriptor of a scanner's firmware as it stands in public code: report 2 with length, AIM identifier, 56 bytes, two of the maker's,
    /// and the bit that says that more follows; then a report for the trigger, and one of the host's.
    pub const DESCRIPTOR: &[u8] = &[
        0x05, 0x8c, 0x09, 0x02, 0xa1, 0x01, 0x09, 0x12, 0xa1, 0x02, 0x85, 0x02, 0x15, 0x00, 0x26, 0xff, 0x00, 0x75, 0x08, 0x95, 0x01, 0x05, 0x01,
        0x09, 0x3b, 0x81, 0x02, 0x05, 0x8c, 0x95, 0x03, 0x09, 0xfb, 0x09, 0xfc, 0x09, 0xfd, 0x81, 0x02, 0x95, 0x38, 0x09, 0xfe, 0x82, 0x02, 0x01,
        0x06, 0x66, 0xff, 0x95, 0x02, 0x09, 0x04, 0x09, 0x00, 0x81, 0x02, 0x05, 0x8c, 0x25, 0x01, 0x75, 0x01, 0x95, 0x08, 0x09, 0xff, 0x81, 0x02,
        0xc0, 0x09, 0x14, 0xa1, 0x02, 0x85, 0x04, 0x95, 0x08, 0x09, 0x00, 0x91, 0x82, 0xc0, 0xc0,
    ];

    fn report(text: &[u8], continued: bool) -> Vec<u8> {
        let mut report = vec![2, text.len() as u8, b']', b'Q', b'1'];
        report.extend(text);
        report.resize(61, 0);
        report.extend([b's', 0, u8::from(continued)]);
        report
    }

    fn read(layout: Layout, pieces: &[&[u8]]) -> Vec<Piece> {
        let (mut reports, mut frames, mut out) = (Reports::new(layout), Frames::default(), Vec::new());
        pieces.iter().for_each(|piece| reports.take(piece, &mut frames, &mut out));
        frames.idle(&mut out);
        out
    }

    fn scan(text: &str) -> Vec<Piece> {
        vec![Piece::Scan(text.to_owned(), Ending::Enter)]
    }

    #[test]
    fn a_descriptor_says_where_the_text_stands() {
        let layout = Layout::of(DESCRIPTOR).expect("a scanner");
        assert_eq!(layout, Layout { report: Some(2), size: 64, data: (5, 56), length: Some(1), continued: Some((63, 1)) });
        // Without a length, without numbers of reports, and one bit of more.
        let plain = [
            0x05, 0x8c, 0x09, 0x02, 0xa1, 0x01, 0x75, 0x08, 0x95, 0x20, 0x09, 0xfe, 0x81, 0x02, 0x75, 0x01, 0x95, 0x07, 0x81, 0x03, 0x95, 0x01, 0x09,
            0xff, 0x81, 0x02, 0xc0,
        ];
        let layout = Layout::of(&plain).expect("a scanner");
        assert_eq!(layout, Layout { report: None, size: 33, data: (0, 32), length: None, continued: Some((32, 128)) });
        let mut long = [0; 33];
        long[..12].copy_from_slice(b"472914680537");
        assert_eq!(read(layout, &[&long]), scan("472914680537"));
    }

    #[test]
    fn keyboards_and_rubbish_are_no_scanners() {
        let keyboard = [0x05, 0x01, 0x09, 0x06, 0xa1, 0x01, 0x05, 0x07, 0x19, 0xe0, 0x29, 0xe7, 0x75, 0x01, 0x95, 0x08, 0x81, 0x02, 0xc0];
        assert_eq!(Layout::of(&keyboard), None);
        let huge = [0x05, 0x8c, 0x09, 0x02, 0xa1, 0x01, 0x77, 0xff, 0xff, 0xff, 0xff, 0x97, 0xff, 0xff, 0xff, 0xff, 0x09, 0xfe, 0x81, 0x02];
        assert_eq!(Layout::of(&huge), None);
        for cut in 0..DESCRIPTOR.len() {
            let _ = Layout::of(&DESCRIPTOR[..cut]);
        }
        let mut chance = crate::words::chance::Chance::seeded(5);
        for _ in 0..2000 {
            let mut bytes = DESCRIPTOR.to_vec();
            let at = chance.below(bytes.len() as u32) as usize;
            bytes[at] = chance.bytes::<1>()[0];
            if let Some(layout) = Layout::of(&bytes) {
                read(layout, &[&report(b"472914680537", false), &[0xff; 300]]);
            }
        }
    }

    #[test]
    fn a_text_is_put_together_of_its_reports_and_ended_by_the_last() {
        let layout = || Layout::of(DESCRIPTOR).expect("a scanner");
        assert_eq!(read(layout(), &[&report(b"472914680537", false)]), scan("472914680537"));
        let code = format!("BUT1{}", "GH4Q4".repeat(30));
        let bytes: Vec<Vec<u8>> = code.as_bytes().chunks(56).enumerate().map(|(n, part)| report(part, (n + 1) * 56 < code.len())).collect();
        let pieces: Vec<&[u8]> = bytes.iter().map(Vec::as_slice).collect();
        let Some(Piece::Scan(text, Ending::Enter)) = read(layout(), &pieces).pop() else { panic!("no scan") };
        assert_eq!(text, code);
        // In any pieces, as a pipe may hand them on.
        let all = bytes.concat();
        let halves: Vec<&[u8]> = all.chunks(40).collect();
        assert_eq!(read(layout(), &halves).len(), 1);
        // Another report between them is passed over, a length that is too large too.
        assert_eq!(read(layout(), &[&[4, 1, 0, 0], &report(b"472914680537", false), &[253; 64]]), scan("472914680537"));
        let mut wrong = report(b"472914680537", false);
        wrong[1] = 255;
        assert_eq!(read(layout(), &[&wrong]).len(), 1, "said, and no panic");
    }

    #[test]
    fn a_report_that_breaks_off_shifts_no_later_one() {
        let (mut reports, mut frames, mut out) = (Reports::new(Layout::of(DESCRIPTOR).expect("a scanner")), Frames::default(), Vec::new());
        reports.take(&report(b"472914680537", false)[..20], &mut frames, &mut out);
        reports.pause(&mut out);
        assert_eq!(out, [Piece::Trouble(Trouble::Incomplete)], "whoever scanned is told");
        out.clear();
        reports.take(&report(b"472914680537", false), &mut frames, &mut out);
        reports.pause(&mut out);
        frames.idle(&mut out);
        assert_eq!(out, scan("472914680537"));
    }
}

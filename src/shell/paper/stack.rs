//! A print run becomes one PDF, paper by paper: letters, cards for a card printer, sheets of ten cards, or slips for terminals.

use super::card::{self, ID_1, fits_id_1};
use super::face::Faces;
use super::letters::{Letter, NotPrinted, Sender, Slip, letter_pages, slip_pages};
use super::pdf::{PAGE_HEIGHT, PAGE_WIDTH, Page, Pdf};
use crate::words::civil::CivilDay;

/// How many papers one file should hold; memory and size of a thousand letters are in docs/PERFORMANCE.md.
pub const PAPERS_PER_FILE: usize = 1_000;
/// Cards beside and below each other on a sheet of A4.
const COLUMNS: usize = 2;
const ROWS: usize = 5;
/// Length of a mark to cut at, and its distance from the cards.
const CUT: f32 = 5.0;
const CUT_GAP: f32 = 1.5;

/// How papers are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layout {
    /// A letter of A4 with a card to cut out.
    Letters,
    /// One card a page of its own size, for card printers.
    Cards,
    /// Ten cards on a sheet of A4, with marks to cut at.
    Sheets,
    /// A slip of A4 for each terminal to be enrolled.
    Slips,
}

impl Layout {
    /// All layouts.
    pub const ALL: [Self; 4] = [Self::Letters, Self::Cards, Self::Sheets, Self::Slips];

    /// The stable name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Letters => "letters",
            Self::Cards => "cards",
            Self::Sheets => "sheets",
            Self::Slips => "slips",
        }
    }

    /// The name for people.
    pub const fn german(self) -> &'static str {
        match self {
            Self::Letters => "Briefe mit Karte",
            Self::Cards => "Karten für Kartendrucker",
            Self::Sheets => "Kartenbögen (10 je Blatt)",
            Self::Slips => "Anmeldezettel für Lesegeräte",
        }
    }

    /// The layout with this stable name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|layout| layout.code() == name)
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Letters => "Karten für Bildung und Teilhabe",
            Self::Cards | Self::Sheets => "Karten",
            Self::Slips => "Lesegerät anmelden",
        }
    }
}

/// A PDF in the making.
pub struct Stack {
    faces: Faces,
    pdf: Pdf,
    layout: Layout,
    office: String,
    contact: String,
    dated: CivilDay,
    papers: usize,
    /// The sheet that is not full yet, and how many cards lie on it.
    sheet: Option<(Page, usize)>,
}

impl Stack {
    /// An empty stack.
    pub fn begin(layout: Layout, sender: &Sender<'_>) -> Result<Self, NotPrinted> {
        let pdf = Pdf::new(layout.title(), sender.office, sender.dated)?;
        let (office, contact, dated) = (sender.office.to_owned(), sender.contact.to_owned(), sender.dated);
        Ok(Self { faces: Faces::load(), pdf, layout, office, contact, dated, papers: 0, sheet: None })
    }

    /// Adds a token's paper in the stack's layout.
    pub fn add(&mut self, letter: &Letter<'_>) -> Result<(), NotPrinted> {
        let begins_a_page = self.layout != Layout::Sheets || self.sheet.is_none();
        if self.layout != Layout::Letters && !fits_id_1(letter.card.qr) {
            return Err(NotPrinted::TooLarge { number: letter.card.number.clone() });
        }
        if begins_a_page {
            self.pdf.bookmark(format!("Karte {}", letter.card.number));
        }
        self.papers += 1;
        match self.layout {
            Layout::Sheets => self.lay(letter),
            Layout::Cards => {
                let mut page = Page::of(ID_1.0, ID_1.1);
                card::draw(&self.faces, &mut page, &self.office, &letter.card, (0.0, 0.0), ID_1);
                Ok(self.pdf.add(&self.faces, page)?)
            }
            Layout::Letters | Layout::Slips => {
                let sender = Sender { office: &self.office, contact: &self.contact, dated: self.dated };
                letter_pages(&self.faces, &sender, letter).into_iter().try_for_each(|page| Ok(self.pdf.add(&self.faces, page)?))
            }
        }
    }

    /// Adds the slip of one terminal.
    pub fn add_slip(&mut self, slip: &Slip<'_>) -> Result<(), NotPrinted> {
        self.pdf.bookmark(format!("Lesegerät anmelden: {}", slip.provider));
        self.papers += 1;
        let sender = Sender { office: &self.office, contact: &self.contact, dated: self.dated };
        slip_pages(&self.faces, &sender, slip)?.into_iter().try_for_each(|page| Ok(self.pdf.add(&self.faces, page)?))
    }

    /// Lays a card on the sheet; a full one is a page.
    fn lay(&mut self, letter: &Letter<'_>) -> Result<(), NotPrinted> {
        let (mut page, laid) = self.sheet.take().unwrap_or_else(|| (sheet(), 0));
        let (left, top) = corner();
        let at = (left + (laid % COLUMNS) as f32 * ID_1.0, top + (laid / COLUMNS) as f32 * ID_1.1);
        card::draw(&self.faces, &mut page, &self.office, &letter.card, at, ID_1);
        if laid + 1 == COLUMNS * ROWS {
            return Ok(self.pdf.add(&self.faces, page)?);
        }
        self.sheet = Some((page, laid + 1));
        Ok(())
    }

    /// The finished file.
    pub fn finish(mut self) -> Result<Vec<u8>, NotPrinted> {
        if self.papers == 0 {
            return Err(NotPrinted::Nothing);
        }
        if let Some((page, _)) = self.sheet.take() {
            self.pdf.add(&self.faces, page)?;
        }
        Ok(self.pdf.finish()?)
    }
}

/// Letters as one PDF; hand over at most [`PAPERS_PER_FILE`] at a time.
pub fn letters(sender: &Sender<'_>, letters: &[Letter<'_>]) -> Result<Vec<u8>, NotPrinted> {
    let mut stack = Stack::begin(Layout::Letters, sender)?;
    letters.iter().try_for_each(|letter| stack.add(letter))?;
    stack.finish()
}

/// One slip as a PDF of one page.
pub fn slip(sender: &Sender<'_>, slip: &Slip<'_>) -> Result<Vec<u8>, NotPrinted> {
    let mut stack = Stack::begin(Layout::Slips, sender)?;
    stack.add_slip(slip)?;
    stack.finish()
}

/// The upper left corner of the cards, which lie in the middle of the sheet.
fn corner() -> (f32, f32) {
    ((PAGE_WIDTH - COLUMNS as f32 * ID_1.0) / 2.0, (PAGE_HEIGHT - ROWS as f32 * ID_1.1) / 2.0)
}

/// An empty sheet with marks to cut at around the cards.
fn sheet() -> Page {
    let mut page = Page::default();
    let (left, top) = corner();
    let (right, bottom) = (PAGE_WIDTH - left, PAGE_HEIGHT - top);
    for x in (0..=COLUMNS).map(|column| left + column as f32 * ID_1.0) {
        page.rule((x, top - CUT_GAP - CUT), (x, top - CUT_GAP));
        page.rule((x, bottom + CUT_GAP), (x, bottom + CUT_GAP + CUT));
    }
    for y in (0..=ROWS).map(|row| top + row as f32 * ID_1.1) {
        page.rule((left - CUT_GAP - CUT, y), (left - CUT_GAP, y));
        page.rule((right + CUT_GAP, y), (right + CUT_GAP + CUT, y));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::paper::card::{Card, MAX_ID_1};
    use crate::shell::paper::printed;
    use crate::shell::paper::qr::Qr;
    use crate::words::civil::CivilMonth;

    fn sender() -> Sender<'static> {
        Sender { office: "Stadt Recklinghausen", contact: "", dated: CivilDay::from_ymd(2026, 7, 20).unwrap() }
    }

    fn text(seed: usize, length: usize) -> String {
        "BUT1".chars().chain("0123456789ABCDEFGHIJKLMNOPQRSTUV".chars().cycle().skip(seed)).take(length).collect()
    }

    fn letter(number: usize, qr: &Qr) -> Letter<'_> {
        let month = |year, month| CivilMonth::from_ym(year, month).unwrap();
        let card = Card { qr, number: format!("4262 6226 {number:04}"), hint: Some("Jö. K. 2014"), from: month(2026, 8), to: month(2027, 7) };
        Letter { reference: "00123/2026", card, benefits: vec![("Mittagessen".into(), "1× am Tag.".into())] }
    }

    fn stack(layout: Layout, count: usize, length: usize) -> Vec<u8> {
        let mut stack = Stack::begin(layout, &sender()).unwrap();
        for number in 0..count {
            stack.add(&letter(number, &Qr::new(&text(number, length)).unwrap())).unwrap();
        }
        let pdf = stack.finish().unwrap();
        if let Ok(folder) = std::env::var("TEILHABE_SHOW_PDF") {
            std::fs::write(std::path::Path::new(&folder).join(format!("{}-{count}-{length}.pdf", layout.code())), &pdf).unwrap();
        }
        pdf
    }

    #[test]
    fn a_code_on_paper_reads_back_in_every_layout() {
        for (layout, pages) in [(Layout::Letters, 12), (Layout::Cards, 12), (Layout::Sheets, 2)] {
            let pdf = stack(layout, 12, 255);
            assert_eq!(printed::pages(&pdf), pages, "{layout:?}");
            let codes = printed::codes(&pdf);
            let read: Vec<String> = codes.iter().map(|code| code.text.clone()).collect();
            assert_eq!(read, (0..12).map(|number| text(number, 255)).collect::<Vec<_>>(), "{layout:?}");
            assert!(codes.iter().all(|code| (code.module - 0.6).abs() < 0.01), "{codes:?}");
            let archive = String::from_utf8_lossy(&pdf).into_owned();
            assert!(archive.contains("<pdfaid:part>2</pdfaid:part>") && archive.contains("<pdfuaid:part>1</pdfuaid:part>"));
        }
    }

    #[test]
    fn a_card_is_a_page_of_its_own_size() {
        let near = |(width, height): (f32, f32)| (width - 85.6).abs() < 0.1 && (height - 54.0).abs() < 0.1;
        let sizes = printed::sizes(&stack(Layout::Cards, 3, 255));
        assert!(sizes.len() == 3 && sizes.iter().all(|size| near(*size)), "{sizes:?}");
    }

    #[test]
    fn modules_are_never_smaller_than_scanners_read() {
        assert_eq!(printed::codes(&stack(Layout::Cards, 1, MAX_ID_1))[0].text, text(0, MAX_ID_1));
        let qr = Qr::new(&text(0, MAX_ID_1 + 1)).unwrap();
        for layout in [Layout::Cards, Layout::Sheets] {
            let mut cards = Stack::begin(layout, &sender()).unwrap();
            assert!(matches!(cards.add(&letter(7, &qr)), Err(NotPrinted::TooLarge { number }) if number == "4262 6226 0007"));
            assert!(matches!(cards.finish(), Err(NotPrinted::Nothing)));
        }
        let mut letters = Stack::begin(Layout::Letters, &sender()).unwrap();
        letters.add(&letter(7, &qr)).unwrap();
        assert_eq!(printed::codes(&letters.finish().unwrap())[0].text, text(0, MAX_ID_1 + 1));
    }

    #[test]
    fn the_same_papers_give_the_same_bytes() {
        assert_eq!(stack(Layout::Sheets, 11, 255), stack(Layout::Sheets, 11, 255));
    }

    /// What docs/PERFORMANCE.md says of a thousand letters.
    #[test]
    #[ignore = "a measurement: cargo test --lib a_thousand_letters -- --ignored --nocapture"]
    fn a_thousand_letters_measured() {
        let codes: Vec<Qr> = (0..PAPERS_PER_FILE).map(|number| Qr::new(&text(number, 255)).unwrap()).collect();
        let begun = std::time::Instant::now();
        let mut letters = Stack::begin(Layout::Letters, &sender()).unwrap();
        for (number, qr) in codes.iter().enumerate() {
            letters.add(&letter(number, qr)).unwrap();
        }
        let bytes = letters.finish().unwrap().len();
        let peak = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let peak = peak.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default().to_owned();
        println!("{PAPERS_PER_FILE} letters: {:.2} s, {:.1} MB, {peak}", begun.elapsed().as_secs_f64(), bytes as f64 / 1e6);
    }
}

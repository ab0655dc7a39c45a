//! Pages of A4: for each token a letter to the family with the card to cut out; and the slip that admits a terminal.
//!
//! The card is neutral: it names no benefit, no child beyond the office's own hint, and no case. The letter has the case reference
//! in the address field, so that the office can address it. Measures follow DIN 5008 form B: folded at 105 and 210 mm, the card
//! lies below both folds.

use super::card::{self, Card};
use super::face::{Faces, Weight};
use super::pdf::{Block, PAGE_HEIGHT, Page, Part, PdfFault, Tone};
use super::qr::{QUIET_ZONE, Qr, Unprintable};
use crate::words::civil::{CivilDay, CivilMonth};
use krilla::tagging::ListNumbering;
use thiserror::Error;

/// Who writes, and when.
#[derive(Clone, Copy, Debug)]
pub struct Sender<'a> {
    /// The office's name. It stands on the card too: the town's name is neutral, a department's would tell.
    pub office: &'a str,
    /// How to reach it: telephone, address, counter hours; may be empty.
    pub contact: &'a str,
    /// The date of the letter.
    pub dated: CivilDay,
}

/// One letter with its card.
#[derive(Clone, Debug)]
pub struct Letter<'a> {
    /// The office's key of the case, for the address field only.
    pub reference: &'a str,
    /// The card to cut out.
    pub card: Card<'a>,
    /// What the card is good for: a name and one German sentence each.
    pub benefits: Vec<(String, String)>,
}

/// The slip by which one terminal enrols.
#[derive(Clone, Copy, Debug)]
pub struct Slip<'a> {
    /// The provider's name.
    pub provider: &'a str,
    /// The address of the office's server, as the terminal needs it.
    pub url: &'a str,
    /// The one-time code in groups of four.
    pub code: &'a str,
    /// The last day on which it can be used.
    pub until: CivilDay,
}

/// Why nothing was printed.
#[derive(Debug, Error)]
pub enum NotPrinted {
    /// No letter was asked for.
    #[error("there is no letter to print: issue at least one token")]
    Nothing,
    /// The code does not fit on a small card in modules that cheap scanners read.
    #[error("card {number} carries too much for a card of this size: print it as a letter, whose card is larger")]
    TooLarge {
        /// Its card number.
        number: String,
    },
    /// None of the cards that wait fits.
    #[error("all {count} cards that wait carry too much for a card of this size: print them as letters")]
    NoneFits {
        /// How many.
        count: usize,
    },
    /// The thread that made it has ended early.
    #[error("the print was broken off: make the files again")]
    BrokenOff,
    /// A code cannot become a QR code.
    #[error(transparent)]
    Code(#[from] Unprintable),
    /// The PDF could not be written.
    #[error(transparent)]
    Pdf(#[from] PdfFault),
}

const LEFT: f32 = 25.0;
const WIDTH: f32 = 165.0;
const TOP: f32 = 25.0;
const BOTTOM: f32 = 20.0;
const TEXT: f32 = 10.5;
pub(super) const SMALL: f32 = 8.0;
const INDENT: f32 = 6.0;
pub(super) const BLACK: Tone = 0;
pub(super) const GREY: Tone = 90;

/// What the slip's QR code holds: the code, and the office's address where it can stand there as well. Host and scheme mean the same in
/// capital letters, a path does not.
pub fn slip_text(code: &str, url: &str) -> String {
    let url = url.trim().trim_end_matches('/');
    let bare = url.split_once("://").is_some_and(|(_, rest)| !rest.is_empty() && !rest.contains('/'));
    let both = format!("{code} {}", url.to_ascii_uppercase());
    if bare && Qr::new(&both).is_ok() { both } else { code.to_owned() }
}

/// The pages of the slip by which a provider enrols one terminal.
pub(super) fn slip_pages(faces: &Faces, sender: &Sender<'_>, slip: &Slip<'_>) -> Result<Vec<Page>, NotPrinted> {
    let groups: Vec<&str> = slip.code.split_whitespace().collect();
    let qr = Qr::new(&slip_text(&groups.concat(), slip.url))?;
    let mut flow = Flow::new(faces, head(faces, sender, &format!("Für: {}", slip.provider)), PAGE_HEIGHT - BOTTOM);
    flow.heading(1, "Lesegerät anmelden");
    flow.text("Mit diesem Code melden Sie ein Lesegerät bei uns an. Danach prüft es Karten auch ohne Netz, und Sie rechnen mit uns ab.");
    flow.gap(3.0);
    let module = 1.0;
    let side = (qr.width() + 2 * QUIET_ZONE) as f32 * module;
    let y = flow.y;
    flow.page.code(LEFT - 4.0 * module, y, module, &qr, "QR-Code mit dem Anmeldecode, der daneben in Worten steht".into());
    let beside = LEFT + side + 2.0;
    let mut line = flow.page.text(faces, beside, y + 5.0, block(Part::Paragraph, &[(Weight::Regular, "Anmeldecode")], SMALL, GREY, 100.0));
    for three in groups.chunks(3) {
        let text = three.join(" ");
        line = flow.page.text(faces, beside, line, block(Part::Paragraph, &[(Weight::Bold, &text)], 16.0, BLACK, 110.0));
    }
    let until = format!("Gilt einmal, bis zum {}.", slip.until.german());
    flow.page.text(faces, beside, line + 2.0, block(Part::Paragraph, &[(Weight::Regular, &until)], TEXT, BLACK, 100.0));
    flow.y += side.max(line + 8.0 - y) + 3.0;
    flow.heading(2, "So geht es");
    flow.step(1, "Starten Sie das Lesegerät: Es führt Sie Schritt für Schritt durch die Einrichtung.");
    flow.step(2, "Scannen Sie beim Schritt „Anmelden“ den Code oben, mit dem Scanner oder der Kamera.");
    flow.step(3, &format!("Ohne Scanner: Geben Sie die Adresse {} und den Anmeldecode ein.", slip.url));
    flow.heading(2, "Gut zu wissen");
    flow.text(
        "Geben Sie den Code nicht weiter: Wer ihn hat, kann ein Gerät in Ihrem Namen anmelden. Ist er abgelaufen, verloren oder schon \
         benutzt, bekommen Sie bei uns einen neuen. Für jedes weitere Lesegerät brauchen Sie einen eigenen Code.",
    );
    flow.contact(sender);
    Ok(flow.finish())
}

/// The pages of a letter; the card lies on the first one.
pub(super) fn letter_pages(faces: &Faces, sender: &Sender<'_>, letter: &Letter<'_>) -> Vec<Page> {
    let size = card::size_in_letter(letter.card.qr);
    let top = PAGE_HEIGHT - BOTTOM - size.1;
    let mut flow = Flow::new(faces, head(faces, sender, &format!("Aktenzeichen {}", letter.reference)), top - 8.0);
    flow.heading(1, "Karte für Bildung und Teilhabe");
    flow.text(&format!(
        "Guten Tag, unten finden Sie die Karte für Ihr Kind. Sie gilt von {} bis {}. Weitere Formulare brauchen Sie nicht: \
         Die Anbieter rechnen direkt mit uns ab.",
        month_name(letter.card.from),
        month_name(letter.card.to)
    ));
    flow.heading(2, "Dafür gilt die Karte");
    for (name, sentence) in &letter.benefits {
        flow.item(name, sentence);
    }
    flow.heading(2, "So benutzen Sie die Karte");
    flow.step(1, "Schneiden Sie die Karte aus. Ein Foto des Codes auf dem Handy geht auch.");
    flow.step(2, "Ihr Kind zeigt sie beim Anbieter, zum Beispiel in der Mensa, im Verein oder bei der Nachhilfe.");
    flow.step(3, "Das Lesegerät prüft die Karte. Zu bezahlen ist nur, was über den bewilligten Betrag hinausgeht.");
    flow.heading(2, "Karte vergessen oder verloren?");
    flow.text(
        "Vergessen: Nennen Sie die Kartennummer, wenn der Anbieter die Karte schon einmal gelesen hat. Verloren: Melden Sie \
         sich bei uns. Wir sperren die alte Karte und schicken eine neue; was noch nicht genutzt ist, bleibt Ihrem Kind erhalten.",
    );
    flow.contact(sender);
    let mut pages = flow.finish();
    if let Some(first) = pages.first_mut() {
        let note = [(Weight::Regular, "Karte zum Ausschneiden")];
        first.text(faces, LEFT, top - 4.5, block(Part::Paragraph, &note, SMALL, GREY, size.0));
        first.frame(LEFT, top, size.0, size.1);
        card::draw(faces, first, sender.office, &letter.card, (LEFT, top), size);
    }
    pages
}

/// Letterhead, sender's line and address field.
fn head(faces: &Faces, sender: &Sender<'_>, address: &str) -> Page {
    let mut page = Page::default();
    page.text(faces, LEFT, 18.0, block(Part::Paragraph, &[(Weight::Bold, sender.office)], 13.0, BLACK, WIDTH));
    page.text(faces, LEFT, 50.0, block(Part::Paragraph, &[(Weight::Regular, sender.office)], 7.0, GREY, 80.0));
    page.text(faces, LEFT, 62.0, block(Part::Paragraph, &[(Weight::Regular, address)], 11.0, BLACK, 80.0));
    let dated = sender.dated.german();
    page.text(faces, 165.0, 62.0, block(Part::Paragraph, &[(Weight::Regular, &dated)], TEXT, BLACK, 25.0));
    page
}

pub(super) const fn block<'a>(part: Part, text: &'a [(Weight, &'a str)], size: f32, tone: Tone, width: f32) -> Block<'a> {
    Block { part, text, size, tone, width }
}

/// `August 2026`.
fn month_name(month: CivilMonth) -> String {
    const NAMES: [&str; 12] = ["Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"];
    let name = NAMES.into_iter().cycle().nth(month.months() as usize % 12).unwrap_or_default();
    format!("{name} {}", month.months() / 12 + 1970)
}

/// Text that flows down a page and, where it is full, on to the next.
struct Flow<'a> {
    faces: &'a Faces,
    page: Page,
    full: Vec<Page>,
    y: f32,
    bottom: f32,
}

impl<'a> Flow<'a> {
    /// Flows from below the address field to `bottom` on the first page.
    fn new(faces: &'a Faces, page: Page, bottom: f32) -> Self {
        Self { faces, page, full: Vec::new(), y: 92.0, bottom }
    }

    fn gap(&mut self, height: f32) {
        self.y += height;
    }

    /// Sees to it that `height` is left, if need be on a new page.
    fn reserve(&mut self, height: f32) {
        if self.y + height > self.bottom {
            self.full.push(std::mem::take(&mut self.page));
            (self.y, self.bottom) = (TOP, PAGE_HEIGHT - BOTTOM);
        }
    }

    fn heading(&mut self, level: u16, text: &str) {
        let size = if level == 1 { 15.0 } else { 11.0 };
        self.gap(if level == 1 { 0.0 } else { 3.0 });
        let words = [(Weight::Bold, text)];
        let block = block(Part::Heading(level, text.to_owned()), &words, size, BLACK, WIDTH);
        self.reserve(block.height(self.faces) + 12.0);
        self.y = self.page.text(self.faces, LEFT, self.y, block) + if level == 1 { 3.0 } else { 0.6 };
    }

    fn text(&mut self, text: &str) {
        let words = [(Weight::Regular, text)];
        let block = block(Part::Paragraph, &words, TEXT, BLACK, WIDTH);
        self.reserve(block.height(self.faces));
        self.y = self.page.text(self.faces, LEFT, self.y, block);
    }

    fn item(&mut self, name: &str, sentence: &str) {
        let lead = format!("{name}: ");
        self.entry(ListNumbering::Disc, "•", &[(Weight::Bold, &lead), (Weight::Regular, sentence)]);
    }

    fn step(&mut self, number: u32, text: &str) {
        self.entry(ListNumbering::Decimal, &format!("{number}."), &[(Weight::Regular, text)]);
    }

    fn entry(&mut self, numbering: ListNumbering, label: &str, words: &[(Weight, &str)]) {
        let body = block(Part::Body, words, TEXT, BLACK, WIDTH - INDENT);
        self.reserve(body.height(self.faces));
        let label = [(Weight::Regular, label)];
        self.page.text(self.faces, LEFT + 1.0, self.y, block(Part::Label(numbering), &label, TEXT, BLACK, INDENT));
        self.y = self.page.text(self.faces, LEFT + INDENT, self.y, body) + 0.6;
    }

    fn contact(&mut self, sender: &Sender<'_>) {
        if !sender.contact.is_empty() {
            self.gap(3.0);
            self.text(&format!("Fragen? {}", sender.contact));
        }
    }

    fn finish(mut self) -> Vec<Page> {
        self.full.push(self.page);
        self.full
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::paper::stack::{letters, slip};

    fn sender() -> Sender<'static> {
        Sender {
            office: "Stadt Recklinghausen",
            contact: "Telefon 02361 50-0, Stadthaus A, Zimmer 1.17.",
            dated: CivilDay::from_ymd(2026, 7, 20).unwrap(),
        }
    }

    fn code(length: usize) -> Qr {
        let text: String = "BUT1".chars().chain("0123456789ABCDEFGHIJKLMNOPQRSTUV".chars().cycle()).take(length).collect();
        Qr::new(&text).unwrap()
    }

    fn letter(qr: &Qr) -> Letter<'_> {
        let benefit = |name: &str, sentence: &str| (name.to_owned(), sentence.to_owned());
        Letter {
            reference: "00123/2026",
            card: Card {
                qr,
                number: "4262 6226 7885".into(),
                hint: Some("Jö. K. 2014"),
                from: CivilMonth::from_ym(2026, 8).unwrap(),
                to: CivilMonth::from_ym(2027, 7).unwrap(),
            },
            benefits: vec![
                benefit("Mittagessen", "ein Essen an jedem Tag, an dem die Schule oder Kita Mittagessen anbietet."),
                benefit("Teilhabe", "15 € im Monat für Verein, Musikschule oder Ferienfreizeit."),
                benefit("Lernförderung", "20 Stunden in Mathematik."),
            ],
        }
    }

    fn pages(pdf: &[u8]) -> usize {
        let count = |name: &[u8]| pdf.windows(name.len()).filter(|bytes| *bytes == name).count();
        count(b"/Type/Page") - count(b"/Type/Pages")
    }

    fn keep(name: &str, pdf: &[u8]) {
        if let Ok(folder) = std::env::var("TEILHABE_SHOW_PDF") {
            std::fs::write(std::path::Path::new(&folder).join(name), pdf).unwrap();
        }
    }

    #[test]
    fn a_letter_is_one_page_and_archivable() {
        let code = code(255);
        let pdf = letters(&sender(), &[letter(&code)]).unwrap();
        keep("letter.pdf", &pdf);
        assert_eq!(pages(&pdf), 1);
        let text = String::from_utf8_lossy(&pdf);
        assert!(text.contains("<pdfaid:part>2</pdfaid:part>") && text.contains("<pdfuaid:part>1</pdfuaid:part>"));
    }

    #[test]
    fn many_benefits_flow_on_to_a_second_page_and_the_largest_code_fits() {
        let code = code(1640);
        let mut long = letter(&code);
        long.benefits =
            (1..=12).map(|n| (format!("Lernförderung {n}"), "zwei Stunden in der Woche in einem Fach, das die Schule nennt.".into())).collect();
        let pdf = letters(&sender(), &[long, letter(&code)]).unwrap();
        keep("long.pdf", &pdf);
        assert!((3..=4).contains(&pages(&pdf)), "{} pages", pages(&pdf));
    }

    #[test]
    fn a_slip_is_one_page() {
        let paper = Slip {
            provider: "Mensa am Park gGmbH",
            url: "https://but.recklinghausen.de",
            code: "E0HL 6O31 8D2P 7BQ4 MNF3 1K9G 5T8R 2VCU A",
            until: CivilDay::from_ymd(2026, 8, 3).unwrap(),
        };
        let pdf = slip(&sender(), &paper).unwrap();
        keep("slip.pdf", &pdf);
        assert_eq!(pages(&pdf), 1);
    }

    #[test]
    fn one_scan_of_a_slip_gives_code_and_address() {
        assert_eq!(slip_text("E0HL", "https://but.stadt.example:8090/"), "E0HL HTTPS://BUT.STADT.EXAMPLE:8090");
        for alone in ["", "but.stadt.example", "https://kreis.example/teilhabe", "https://süd.example", "https://"] {
            assert_eq!(slip_text("E0HL", alone), "E0HL", "{alone}");
        }
    }

    #[test]
    fn strange_characters_do_not_stop_the_print() {
        let code = code(255);
        let mut strange = letter(&code);
        strange.reference = "A\u{0}漢🎈";
        strange.card.hint = Some("🎈");
        assert_eq!(pages(&letters(&sender(), &[strange]).unwrap()), 1);
        assert!(matches!(letters(&sender(), &[]), Err(NotPrinted::Nothing)));
        let paper = Slip { provider: "漢", url: "", code: "e0hl", until: sender().dated };
        assert!(matches!(slip(&sender(), &paper), Err(NotPrinted::Code(Unprintable::Character('e')))));
    }

    #[test]
    fn months_have_german_names() {
        assert_eq!(month_name(CivilMonth::from_ym(2027, 3).unwrap()), "März 2027");
    }
}

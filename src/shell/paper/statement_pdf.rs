//! The provider's statement as a PDF: the same words and sums as the page ([`super::statement`]), tagged, for archives and screen readers.

use super::face::{Faces, Weight};
use super::pdf::{Block, PAGE_HEIGHT, Page, Part, Pdf, PdfFault, Tone};
use super::statement::{Amounts, Page as Words, Row};
use crate::settle::statement::Outcome;
use crate::words::civil::CivilDay;

const LEFT: f32 = 15.0;
const WIDTH: f32 = 180.0;
const TOP: f32 = 18.0;
const BOTTOM: f32 = 22.0;
const TEXT: f32 = 9.5;
const CELL: f32 = 7.5;
const BLACK: Tone = 0;
const GREY: Tone = 90;
/// Room between two columns in millimetres.
const GUTTER: f32 = 2.0;

/// A column: heading, width in millimetres, and whether it is of numbers.
type Column = (&'static str, f32, bool);

const COLUMNS: [Column; 9] = [
    ("Tag", 17.0, false),
    ("Lesegerät", 17.0, false),
    ("Nr.", 12.0, true),
    ("Leistung", 45.0, false),
    ("Menge", 11.0, true),
    ("Eingereicht", 19.0, true),
    ("Anerkannt", 19.0, true),
    ("Jetzt", 19.0, true),
    ("Ergebnis", 21.0, false),
];
const COLUMNS_WITH_ALREADY: [Column; 10] = [
    ("Tag", 16.0, false),
    ("Lesegerät", 16.0, false),
    ("Nr.", 10.0, true),
    ("Leistung", 34.0, false),
    ("Menge", 11.0, true),
    ("Eingereicht", 18.0, true),
    ("Anerkannt", 18.0, true),
    ("Davon schon", 18.0, true),
    ("Jetzt", 18.0, true),
    ("Ergebnis", 21.0, false),
];

/// The most lines of one file: beyond, a tagged file takes hundreds of megabytes of memory; the page shows them all.
pub const MAX_PDF_LINES: usize = 20_000;

/// Makes the PDF of a statement, dated `dated`.
pub fn statement_pdf(words: &Words<'_>, faces: &Faces, dated: CivilDay) -> Result<Vec<u8>, PdfFault> {
    let mut pdf = Pdf::new(&format!("Abrechnungsmitteilung {}", words.reference), words.office, dated)?;
    pdf.bookmark(format!("Abrechnungsmitteilung {}", words.reference));
    let columns: &[Column] = if words.with_already { &COLUMNS_WITH_ALREADY } else { &COLUMNS };
    let foot = format!("Abrechnungsmitteilung {} · {}", words.reference, words.office);
    let mut sheet = Sheet { faces, pdf, page: Page::default(), y: TOP, number: 1, foot, columns };
    sheet.begin(words)?;
    for batch in &words.batches {
        sheet.heading(2, &format!("Abrechnung {}", batch.id))?;
        sheet.head()?;
        for line in &batch.lines {
            sheet.line(line, words.with_already)?;
        }
        sheet.sum(&format!("Summe {}", batch.id), &batch.sums, words.with_already)?;
    }
    if words.batches.len() > 1 {
        sheet.heading(2, "Alle Abrechnungen dieser Mitteilung")?;
        sheet.paragraph(&format!("Eingereicht: {}", words.sums.claimed))?;
        sheet.paragraph(&format!("Anerkannt: {}", words.sums.accepted))?;
        if words.with_already {
            sheet.paragraph(&format!("Davon schon abgerechnet: {}", words.sums.already))?;
        }
        sheet.paragraph(&format!("Jetzt: {}", words.sums.pay))?;
    }
    if !words.credits.is_empty() {
        sheet.heading(2, "Ihre Rückzahlungen")?;
        sheet.paragraph(&format!("Alle Zeilen: {}", words.sums.pay))?;
        for (what, cents) in &words.credits {
            sheet.paragraph(&format!("{what}: {cents}"))?;
        }
        sheet.paragraph(&format!("Zusammen: {}", words.amount))?;
    }
    sheet.gap(4.0);
    sheet.paragraph(super::statement::QUESTIONS)?;
    sheet.finish()
}

struct Sheet<'a> {
    faces: &'a Faces,
    pdf: Pdf,
    page: Page,
    y: f32,
    number: u32,
    foot: String,
    columns: &'static [Column],
}

impl Sheet<'_> {
    /// Sender, receiver, and what becomes of the sum.
    fn begin(&mut self, words: &Words<'_>) -> Result<(), PdfFault> {
        self.paragraph(&format!("{} · Leistungen für Bildung und Teilhabe", words.office))?;
        self.paragraph(&format!("An {}, Anbieter Nr. {}", words.provider, words.provider_number))?;
        self.gap(6.0);
        self.heading(1, "Abrechnungsmitteilung")?;
        self.paragraph(&format!("Nr. {} · Abrechnungslauf {} · {}", words.reference, words.run, words.counts))?;
        self.gap(3.0);
        self.set(&words.headline(), Part::Paragraph, Weight::Bold, 16.0, BLACK)?;
        self.paragraph(&words.sentence())?;
        if let Outcome::Paid(transfer) | Outcome::Returned { transfer, .. } = words.outcome {
            self.paragraph(&format!("Konto: {}", words.iban))?;
            self.paragraph(&format!("Verwendungszweck: {}", transfer.remittance))?;
            self.paragraph(&format!("Referenz (Ende-zu-Ende): {}", transfer.end_to_end_id))?;
        }
        Ok(())
    }

    fn gap(&mut self, height: f32) {
        self.y += height;
    }

    /// Sees to it that `height` is left, if need be on a new page; true where it is new.
    fn reserve(&mut self, height: f32) -> Result<bool, PdfFault> {
        if self.y + height <= PAGE_HEIGHT - BOTTOM {
            return Ok(false);
        }
        self.turn()?;
        Ok(true)
    }

    fn turn(&mut self) -> Result<(), PdfFault> {
        let text = format!("{} · Seite {}", self.foot, self.number);
        self.page.foot(self.faces, LEFT, PAGE_HEIGHT - 14.0, &text);
        self.pdf.add(self.faces, std::mem::take(&mut self.page))?;
        self.number += 1;
        self.y = TOP;
        Ok(())
    }

    fn set(&mut self, text: &str, part: Part, weight: Weight, size: f32, tone: Tone) -> Result<(), PdfFault> {
        let words = [(weight, text)];
        let block = Block { part, text: &words, size, tone, width: WIDTH };
        self.reserve(block.height(self.faces))?;
        self.y = self.page.text(self.faces, LEFT, self.y, block) + 0.8;
        Ok(())
    }

    fn heading(&mut self, level: u16, text: &str) -> Result<(), PdfFault> {
        self.gap(if level == 1 { 0.0 } else { 5.0 });
        self.reserve(30.0)?;
        self.set(text, Part::Heading(level, text.to_owned()), Weight::Bold, if level == 1 { 15.0 } else { 11.0 }, BLACK)
    }

    fn paragraph(&mut self, text: &str) -> Result<(), PdfFault> {
        self.set(text, Part::Paragraph, Weight::Regular, TEXT, BLACK)
    }

    /// The row of headings; it comes again on every page.
    fn head(&mut self) -> Result<(), PdfFault> {
        let cells: Vec<String> = self.columns.iter().map(|(heading, ..)| (*heading).to_owned()).collect();
        self.row(&cells, Weight::Bold, true)
    }

    fn line(&mut self, line: &Row, with_already: bool) -> Result<(), PdfFault> {
        let service = if line.cancellation { format!("Storno: {}", line.service) } else { line.service.clone() };
        let mut cells = vec![line.day.clone(), line.terminal.clone(), line.number.to_string(), service, line.units.to_string()];
        cells.extend(amounts(&line.amounts, with_already));
        cells.push(line.verdict.to_owned());
        self.row_or_next_page(&cells, Weight::Regular, if line.reason.is_empty() { 0.0 } else { 8.0 })?;
        if !line.reason.is_empty() {
            let words = [(Weight::Regular, line.reason.as_str())];
            let part = Part::Cell { first: true, head: false, span: self.span() };
            let block = Block { part, text: &words, size: CELL, tone: GREY, width: WIDTH - 17.0 };
            self.y = self.page.text(self.faces, LEFT + 17.0, self.y, block) + 0.8;
        }
        Ok(())
    }

    fn sum(&mut self, title: &str, sums: &Amounts, with_already: bool) -> Result<(), PdfFault> {
        let mut cells = vec![String::new(), String::new(), String::new(), title.to_owned(), String::new()];
        cells.extend(amounts(sums, with_already));
        cells.push(String::new());
        self.page.rule((LEFT, self.y), (LEFT + WIDTH, self.y));
        self.row_or_next_page(&cells, Weight::Bold, 0.0)
    }

    fn span(&self) -> u32 {
        u32::try_from(self.columns.len()).unwrap_or(1)
    }

    fn row_or_next_page(&mut self, cells: &[String], weight: Weight, more: f32) -> Result<(), PdfFault> {
        if self.reserve(self.height(cells, weight) + more)? {
            self.head()?;
        }
        self.row(cells, weight, false)
    }

    fn height(&self, cells: &[String], weight: Weight) -> f32 {
        let heights = self.columns.iter().zip(cells).map(|((_, width, _), text)| {
            let words = [(weight, text.as_str())];
            Block { part: Part::Paragraph, text: &words, size: CELL, tone: BLACK, width: width - GUTTER }.height(self.faces)
        });
        heights.fold(0.0, f32::max) + 0.8
    }

    fn row(&mut self, cells: &[String], weight: Weight, head: bool) -> Result<(), PdfFault> {
        let (mut x, mut lowest) = (LEFT, self.y);
        for (index, ((_, width, number), text)) in self.columns.iter().zip(cells).enumerate() {
            let inner = width - GUTTER;
            let wide = self.faces.width(weight, text) * CELL * 25.4 / 72.0;
            let at = if *number { x + (inner - wide).max(0.0) } else { x };
            let words = [(weight, text.as_str())];
            let block = Block { part: Part::Cell { first: index == 0, head, span: 1 }, text: &words, size: CELL, tone: BLACK, width: inner + 0.1 };
            lowest = lowest.max(self.page.text(self.faces, at, self.y, block));
            x += width;
        }
        self.y = lowest + 0.8;
        if head {
            self.page.rule((LEFT, self.y - 0.4), (LEFT + WIDTH, self.y - 0.4));
            self.y += 0.6;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<u8>, PdfFault> {
        self.turn()?;
        self.pdf.finish()
    }
}

fn amounts(sums: &Amounts, with_already: bool) -> Vec<String> {
    let Amounts { claimed, accepted, already, pay } = sums;
    let mut cells = vec![claimed.clone(), accepted.clone()];
    if with_already {
        cells.push(already.clone());
    }
    cells.push(pay.clone());
    cells
}

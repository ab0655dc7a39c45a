//! Pages become a PDF that archives keep (PDF/A-2a) and screen readers read (PDF/UA-1), in German.

use super::face::{Faces, Run, Weight};
use super::qr::{Qr, Run as QrRun};
use crate::words::civil::CivilDay;
use krilla::Document;
use krilla::SerializeSettings;
use krilla::color::luma;
use krilla::configure::{Accessibility, Archival, Configuration, ConfigurationBuilder};
use krilla::destination::XyzDestination;
use krilla::error::KrillaError;
use krilla::geom::{Path, PathBuilder, Point, Rect, Size, Transform};
use krilla::metadata::{DateTime, Metadata};
use krilla::num::NormalizedF32;
use krilla::outline::{Outline, OutlineNode};
use krilla::page::PageSettings;
use krilla::paint::{Fill, FillRule, Stroke, StrokeDash};
use krilla::surface::Surface;
use krilla::tagging::{Artifact, ArtifactType, BBox, ContentTag, Identifier, ListNumbering, SpanTag, TableHeaderScope, Tag, TagGroup, TagTree};
use std::num::{NonZeroU16, NonZeroU32};
use thiserror::Error;

/// The width of A4 in millimetres.
pub const PAGE_WIDTH: f32 = 210.0;
/// The height of A4 in millimetres.
pub const PAGE_HEIGHT: f32 = 297.0;
/// The distance of two lines in parts of the font size.
pub const LEADING: f32 = 1.32;
const POINTS_PER_MM: f32 = 72.0 / 25.4;

/// The PDF could not be written: a fault of the program or its fonts, never of the data.
#[derive(Debug, Error)]
#[error("the PDF could not be written ({0}): report this as a fault of the program")]
pub struct PdfFault(String);

/// What a part of a page means to those who cannot see it.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// A heading of this level and text.
    Heading(u16, String),
    /// A paragraph.
    Paragraph,
    /// The bullet or number of a list item.
    Label(ListNumbering),
    /// The text of the list item whose label came just before.
    Body,
    /// A picture, and what it shows.
    Figure(String),
    /// A cell of a table.
    Cell {
        /// Whether a row begins with it; cells that follow each other are one table.
        first: bool,
        /// Whether it heads its column.
        head: bool,
        /// Over how many columns it reaches.
        span: u32,
    },
}

/// A black or grey tone: 0 is black, 255 white.
pub type Tone = u8;

enum Mark {
    Foot { at: Point, size: f32, runs: Vec<Run> },
    Line { part: usize, at: Point, size: f32, tone: Tone, runs: Vec<Run> },
    Code { part: usize, at: Point, module: f32, modules: Vec<QrRun> },
    Frame(Rect),
    Rule(Point, Point),
}

/// One page in the making; positions are millimetres from its upper left corner, font sizes points.
pub struct Page {
    size: (f32, f32),
    marks: Vec<Mark>,
    parts: Vec<(Part, Option<Rect>)>,
}

impl Default for Page {
    /// A page of A4.
    fn default() -> Self {
        Self::of(PAGE_WIDTH, PAGE_HEIGHT)
    }
}

/// A piece of text and where it goes.
pub struct Block<'a> {
    /// What it is.
    pub part: Part,
    /// Its text.
    pub text: &'a [(Weight, &'a str)],
    /// Font size in points.
    pub size: f32,
    /// Its tone.
    pub tone: Tone,
    /// The widest line in millimetres.
    pub width: f32,
}

impl Block<'_> {
    /// Its height on the page in millimetres.
    pub fn height(&self, faces: &Faces) -> f32 {
        self.lines(faces).len() as f32 * self.line_height()
    }

    fn lines(&self, faces: &Faces) -> Vec<Vec<Run>> {
        faces.lines(self.text, self.width * POINTS_PER_MM / self.size)
    }

    fn line_height(&self) -> f32 {
        self.size * LEADING / POINTS_PER_MM
    }
}

impl Page {
    /// An empty page of this width and height in millimetres.
    pub const fn of(width: f32, height: f32) -> Self {
        Self { size: (width, height), marks: Vec::new(), parts: Vec::new() }
    }

    /// Sets a block with its upper left corner at `x`, `y`; returns where the next one may begin.
    pub fn text(&mut self, faces: &Faces, x: f32, y: f32, block: Block<'_>) -> f32 {
        let part = self.parts.len();
        let lines = block.lines(faces);
        let (height, count) = (block.line_height(), lines.len());
        for (index, runs) in lines.into_iter().enumerate() {
            let baseline = y + index as f32 * height + 1.06 * block.size / POINTS_PER_MM;
            self.marks.push(Mark::Line { part, at: point(x, baseline), size: block.size, tone: block.tone, runs });
        }
        self.parts.push((block.part, None));
        y + count as f32 * height
    }

    /// Sets a QR code with the upper left corner of its quiet zone at `x`, `y`; `module` and the position are millimetres.
    pub fn code(&mut self, x: f32, y: f32, module: f32, qr: &Qr, alt: String) {
        let (quiet, side) = (super::qr::QUIET_ZONE as f32 * module, qr.width() as f32 * module);
        let part = self.parts.len();
        self.marks.push(Mark::Code { part, at: point(x + quiet, y + quiet), module: module * POINTS_PER_MM, modules: qr.runs() });
        self.parts.push((Part::Figure(alt), rect(x + quiet, y + quiet, side, side)));
    }

    /// Sets a line at the foot of the page: it only helps to keep sheets together and is not read aloud.
    pub fn foot(&mut self, faces: &Faces, x: f32, y: f32, text: &str) {
        let size = 7.5;
        let width = (self.size.0 - 2.0 * x) * POINTS_PER_MM / size;
        let runs = faces.lines(&[(Weight::Regular, text)], width).into_iter().next().unwrap_or_default();
        self.marks.push(Mark::Foot { at: point(x, y), size, runs });
    }

    /// Draws a dashed frame to cut along.
    pub fn frame(&mut self, x: f32, y: f32, width: f32, height: f32) {
        self.marks.extend(rect(x, y, width, height).map(Mark::Frame));
    }

    /// Draws a hairline, as a mark to cut at.
    pub fn rule(&mut self, from: (f32, f32), to: (f32, f32)) {
        self.marks.push(Mark::Rule(point(from.0, from.1), point(to.0, to.1)));
    }
}

/// A PDF in the making.
pub struct Pdf {
    document: Document,
    tree: TagTree,
    outline: Outline,
    pages: usize,
}

impl Pdf {
    /// An empty PDF with its title, its author and the day it was made.
    pub fn new(title: &str, author: &str, dated: CivilDay) -> Result<Self, PdfFault> {
        let settings = SerializeSettings { configuration: configuration()?, enable_tagging: true, ..Default::default() };
        let mut document = Document::new_with(settings);
        let iso = dated.to_string();
        let number = |from: usize, to: usize| iso.get(from..to).and_then(|part| part.parse::<u16>().ok()).unwrap_or(1);
        let (month, day) = (u8::try_from(number(5, 7)).unwrap_or(1), u8::try_from(number(8, 10)).unwrap_or(1));
        let metadata = Metadata::new().title(title.to_owned()).authors(vec![author.to_owned()]).language("de-DE".to_owned());
        document.set_metadata(metadata.creation_date(DateTime::new(number(0, 4)).month(month).day(day)));
        Ok(Self { document, tree: TagTree::new().with_lang(Some("de-DE".into())), outline: Outline::new(), pages: 0 })
    }

    /// Names the next page in the table of contents.
    pub fn bookmark(&mut self, title: String) {
        self.outline.push_child(OutlineNode::new(title, XyzDestination::new(self.pages, Point::from_xy(0.0, 0.0))));
    }

    /// Adds a finished page.
    pub fn add(&mut self, faces: &Faces, page: Page) -> Result<(), PdfFault> {
        let size = Size::from_wh(page.size.0 * POINTS_PER_MM, page.size.1 * POINTS_PER_MM);
        let size = size.ok_or_else(|| PdfFault("the page has no size".into()))?;
        let mut identifiers: Vec<Vec<Identifier>> = page.parts.iter().map(|_| Vec::new()).collect();
        let mut sheet = self.document.start_page_with(PageSettings::new(size));
        let mut surface = sheet.surface();
        for mark in &page.marks {
            if let Some((part, identifier)) = draw(&mut surface, faces, mark) {
                identifiers.get_mut(part).into_iter().for_each(|of_part| of_part.push(identifier));
            }
        }
        surface.finish();
        sheet.finish();
        for group in groups(page.parts, identifiers, self.pages) {
            self.tree.push(group);
        }
        self.pages += 1;
        Ok(())
    }

    /// The finished file.
    pub fn finish(mut self) -> Result<Vec<u8>, PdfFault> {
        self.document.set_outline(self.outline);
        self.document.set_tag_tree(self.tree);
        self.document.finish().map_err(|error| match error {
            KrillaError::Validation(errors) => PdfFault(errors.iter().map(|(error, _)| format!("{error:?}")).take(3).collect::<Vec<_>>().join(", ")),
            other => PdfFault(format!("{other:?}")),
        })
    }
}

fn configuration() -> Result<Configuration, PdfFault> {
    let builder = ConfigurationBuilder::new().with_archival_validator(Archival::A2_A).with_accessibility_validator(Accessibility::UA1);
    builder.finish().map_err(|error| PdfFault(format!("{error:?}")))
}

fn point(x: f32, y: f32) -> Point {
    Point::from_xy(x * POINTS_PER_MM, y * POINTS_PER_MM)
}

fn rect(x: f32, y: f32, width: f32, height: f32) -> Option<Rect> {
    Rect::from_xywh(x * POINTS_PER_MM, y * POINTS_PER_MM, width * POINTS_PER_MM, height * POINTS_PER_MM)
}

fn fill(tone: Tone) -> Option<Fill> {
    Some(Fill { paint: luma::Color::new(tone).into(), opacity: NormalizedF32::ONE, rule: FillRule::NonZero })
}

/// Draws one mark; returns what ties it to its part, none for what only decorates.
fn draw(surface: &mut Surface<'_>, faces: &Faces, mark: &Mark) -> Option<(usize, Identifier)> {
    match mark {
        Mark::Line { part, at, size, tone, runs } => {
            surface.set_stroke(None);
            surface.set_fill(fill(*tone));
            let identifier = surface.start_tagged(ContentTag::Span(SpanTag::empty()));
            set_runs(surface, faces, *at, *size, runs);
            surface.end_tagged();
            Some((*part, identifier))
        }
        Mark::Foot { at, size, runs } => {
            surface.set_stroke(None);
            surface.set_fill(fill(90));
            surface.start_tagged(ContentTag::Artifact(Artifact::with_kind(ArtifactType::PageNumber)));
            set_runs(surface, faces, *at, *size, runs);
            surface.end_tagged();
            None
        }
        Mark::Code { part, at, module, modules } => {
            surface.set_stroke(None);
            surface.set_fill(fill(0));
            let identifier = surface.start_tagged(ContentTag::Other);
            surface.push_transform(&Transform::from_row(*module, 0.0, 0.0, *module, at.x, at.y));
            code_path(modules).into_iter().for_each(|path| surface.draw_path(&path));
            surface.pop();
            surface.end_tagged();
            Some((*part, identifier))
        }
        Mark::Frame(rect) => {
            let mut path = PathBuilder::new();
            path.push_rect(*rect);
            decorate(surface, path, 0.6, Some(StrokeDash { array: vec![4.0, 3.0], offset: 0.0 }));
            None
        }
        Mark::Rule(from, to) => {
            let mut path = PathBuilder::new();
            path.move_to(from.x, from.y);
            path.line_to(to.x, to.y);
            decorate(surface, path, 0.25, None);
            None
        }
    }
}

fn set_runs(surface: &mut Surface<'_>, faces: &Faces, at: Point, size: f32, runs: &[Run]) {
    let mut x = at.x;
    for (weight, text) in runs {
        let glyphs = faces.glyphs(*weight, text);
        surface.draw_glyphs(Point::from_xy(x, at.y), &glyphs, faces.font(*weight), text, size, false);
        x += faces.width(*weight, text) * size;
    }
}

/// Draws a line that says nothing to those who cannot see it.
fn decorate(surface: &mut Surface<'_>, path: PathBuilder, width: f32, dash: Option<StrokeDash>) {
    surface.start_tagged(ContentTag::Artifact(Artifact::with_kind(ArtifactType::Page)));
    surface.set_fill(None);
    surface.set_stroke(Some(Stroke { paint: luma::Color::new(110).into(), width, dash, ..Default::default() }));
    path.finish().into_iter().for_each(|path| surface.draw_path(&path));
    surface.end_tagged();
}

/// The dark modules in units of modules: small whole numbers keep a print run of thousands small.
fn code_path(modules: &[QrRun]) -> Option<Path> {
    let mut path = PathBuilder::new();
    for run in modules {
        let area = Rect::from_xywh(run.x as f32, run.y as f32, run.length as f32, 1.0);
        area.into_iter().for_each(|area| path.push_rect(area));
    }
    path.finish()
}

/// The page's parts as the tree that screen readers walk; consecutive list items form one list, consecutive cells one table.
fn groups(parts: Vec<(Part, Option<Rect>)>, identifiers: Vec<Vec<Identifier>>, page: usize) -> Vec<TagGroup> {
    let mut groups: Vec<TagGroup> = Vec::new();
    let mut list: Option<(ListNumbering, TagGroup)> = None;
    let mut label: Option<TagGroup> = None;
    let mut table = Table::default();
    for ((part, area), identifiers) in parts.into_iter().zip(identifiers) {
        let with = |mut group: TagGroup| {
            identifiers.into_iter().for_each(|identifier| group.push(identifier));
            group
        };
        if let Part::Cell { first, head, span } = part {
            groups.extend(list.take().map(|(_, finished)| finished));
            table.add(first, with(cell(head, span)));
            continue;
        }
        groups.extend(table.finish());
        let other = match part {
            Part::Label(numbering) => {
                if list.as_ref().is_none_or(|(current, _)| *current != numbering) {
                    groups.extend(list.take().map(|(_, finished)| finished));
                    list = Some((numbering, TagGroup::new(Tag::L(numbering))));
                }
                label = Some(with(TagGroup::new(Tag::Lbl)));
                continue;
            }
            Part::Body => {
                let mut item = TagGroup::new(Tag::LI);
                label.take().into_iter().for_each(|label| item.push(label));
                item.push(with(TagGroup::new(Tag::LBody)));
                list.get_or_insert_with(|| (ListNumbering::None, TagGroup::new(Tag::L(ListNumbering::None)))).1.push(item);
                continue;
            }
            Part::Heading(level, title) => with(TagGroup::new(Tag::Hn(NonZeroU16::new(level).unwrap_or(NonZeroU16::MIN), Some(title)))),
            Part::Figure(alt) => with(TagGroup::new(Tag::Figure(Some(alt)).with_bbox(area.map(|area| BBox::new(page, area))))),
            Part::Paragraph | Part::Cell { .. } => with(TagGroup::new(Tag::P)),
        };
        groups.extend(list.take().map(|(_, finished)| finished));
        groups.push(other);
    }
    groups.extend(list.map(|(_, finished)| finished));
    groups.extend(table.finish());
    groups
}

fn cell(head: bool, span: u32) -> TagGroup {
    let span = NonZeroU32::new(span).filter(|span| span.get() > 1);
    if head { TagGroup::new(Tag::TH(TableHeaderScope::Column)) } else { TagGroup::new(Tag::TD.with_col_span(span)) }
}

/// A table in the making: its finished rows, and the one that cells are added to.
#[derive(Default)]
struct Table {
    rows: Vec<TagGroup>,
    row: Option<TagGroup>,
}

impl Table {
    fn add(&mut self, first: bool, cell: TagGroup) {
        if first {
            self.rows.extend(self.row.take());
        }
        self.row.get_or_insert_with(|| TagGroup::new(Tag::TR)).push(cell);
    }

    fn finish(&mut self) -> Option<TagGroup> {
        self.rows.extend(self.row.take());
        if self.rows.is_empty() {
            return None;
        }
        let mut table = TagGroup::new(Tag::Table);
        std::mem::take(&mut self.rows).into_iter().for_each(|row| table.push(row));
        Some(table)
    }
}

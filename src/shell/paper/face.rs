//! The two faces letters are set in, and how text breaks into lines.

use krilla::text::{Font, GlyphId, KrillaGlyph};
use skrifa::instance::{LocationRef, Size};
use skrifa::{FontRef, MetadataProvider};
use std::collections::HashMap;

/// Regular or bold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Running text.
    Regular,
    /// What the eye should find.
    Bold,
}

/// A stretch of text in one weight.
pub type Run = (Weight, String);

/// One face: the font, and for each character its glyph and advance in parts of the font size.
struct Face {
    font: Font,
    glyphs: HashMap<char, (u32, f32)>,
}

/// The faces, ready to set text.
pub struct Faces {
    regular: Face,
    bold: Face,
}

const REGULAR: &[u8] = include_bytes!("../../../templates/fonts/OpenSans-Regular.ttf");
const BOLD: &[u8] = include_bytes!("../../../templates/fonts/OpenSans-Bold.ttf");
/// What stands for a character the font does not have.
const STAND_IN: char = '?';

impl Face {
    fn load(bytes: &'static [u8]) -> Option<Self> {
        let font = FontRef::new(bytes).ok()?;
        let metrics = font.glyph_metrics(Size::unscaled(), LocationRef::default());
        let em = f32::from(font.metrics(Size::unscaled(), LocationRef::default()).units_per_em);
        let glyph = |(code, id)| Some((char::from_u32(code)?, (skrifa::GlyphId::to_u32(id), metrics.advance_width(id)? / em)));
        let glyphs = font.charmap().mappings().filter_map(glyph).collect();
        Some(Self { font: Font::new(bytes.into(), 0)?, glyphs })
    }

    fn advance(&self, c: char) -> f32 {
        self.glyphs.get(&c).map_or(0.0, |(_, advance)| *advance)
    }
}

impl Faces {
    /// Loads the faces that are compiled in.
    pub fn load() -> Self {
        let face = |bytes| Face::load(bytes).expect("safe: the fonts are compiled in, and every test of a letter loads them");
        Self { regular: face(REGULAR), bold: face(BOLD) }
    }

    const fn of(&self, weight: Weight) -> &Face {
        match weight {
            Weight::Regular => &self.regular,
            Weight::Bold => &self.bold,
        }
    }

    /// The font of a weight.
    pub fn font(&self, weight: Weight) -> Font {
        self.of(weight).font.clone()
    }

    /// The text with `?` for characters the faces lack, and spaces for control characters.
    fn settable(&self, text: &str) -> String {
        let settable = |c: char| match c {
            c if c.is_control() => ' ',
            c if self.regular.glyphs.contains_key(&c) && self.bold.glyphs.contains_key(&c) => c,
            'ẞ' => 'ß',
            _ => STAND_IN,
        };
        text.chars().map(settable).collect()
    }

    /// The width of `text` in parts of the font size.
    pub fn width(&self, weight: Weight, text: &str) -> f32 {
        text.chars().map(|c| self.of(weight).advance(c)).sum()
    }

    /// The glyphs of `text`.
    pub fn glyphs(&self, weight: Weight, text: &str) -> Vec<KrillaGlyph> {
        let face = self.of(weight);
        let glyph = |(at, c): (usize, char)| {
            let (id, advance) = face.glyphs.get(&c).copied()?;
            Some(KrillaGlyph::new(GlyphId::new(id), advance, 0.0, 0.0, 0.0, at..at + c.len_utf8(), None))
        };
        text.char_indices().filter_map(glyph).collect()
    }

    /// Breaks `text` into lines of at most `width` (in parts of the font size) between words, and inside a word that is wider.
    /// Every line but the last ends in the space it was broken at, so that what is copied or read aloud keeps its words apart.
    pub fn lines(&self, text: &[(Weight, &str)], width: f32) -> Vec<Vec<Run>> {
        let mut lines: Vec<Vec<Run>> = vec![Vec::new()];
        let mut used = 0.0;
        for (weight, text) in text {
            for word in self.settable(text).split_inclusive(' ') {
                for piece in self.pieces(*weight, word, width) {
                    if used > 0.0 && used + self.width(*weight, piece.trim_end()) > width {
                        lines.push(Vec::new());
                        used = 0.0;
                    }
                    used += self.width(*weight, piece);
                    let Some(line) = lines.last_mut() else { continue };
                    match line.last_mut() {
                        Some((last, run)) if *last == *weight => run.push_str(piece),
                        _ => line.push((*weight, piece.to_owned())),
                    }
                }
            }
        }
        lines
    }

    /// The word itself, or its pieces where it is wider than a line.
    fn pieces<'a>(&self, weight: Weight, word: &'a str, width: f32) -> Vec<&'a str> {
        let (mut pieces, mut begin, mut used) = (Vec::new(), 0, 0.0);
        for (at, c) in word.char_indices() {
            let advance = self.of(weight).advance(c);
            if used + advance > width && at > begin && c != ' ' {
                pieces.push(&word[begin..at]);
                (begin, used) = (at, 0.0);
            }
            used += advance;
        }
        pieces.push(&word[begin..]);
        pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain(lines: &[Vec<Run>]) -> Vec<String> {
        lines.iter().map(|line| line.iter().map(|(_, text)| text.as_str()).collect()).collect()
    }

    #[test]
    fn lines_break_between_words_and_keep_their_spaces() {
        let faces = Faces::load();
        let lines = faces.lines(&[(Weight::Bold, "Mittagessen: "), (Weight::Regular, "ein Essen am Tag")], 10.0);
        assert_eq!(plain(&lines), ["Mittagessen: ein ", "Essen am Tag"]);
        assert_eq!(lines[0].len(), 2);
        assert_eq!(plain(&faces.lines(&[(Weight::Regular, "aaaaaaaaaa b")], 3.0)).concat(), "aaaaaaaaaa b");
    }

    #[test]
    fn names_of_many_languages_can_be_set() {
        let faces = Faces::load();
        for text in ["Öztürk ß", "Łukasz Żółć", "Đorđević", "Ελλάδα", "Київ", "„Ja“ – 4,50 €"] {
            assert_eq!(faces.settable(text), text);
        }
        assert_eq!(faces.settable("a\t漢🎈 GROẞ"), "a ?? GROß");
    }

    proptest! {
        #[test]
        fn no_line_is_too_wide_and_no_word_is_lost(text in "[a-zäW ]{0,80}", width in 2.0f32..20.0) {
            let faces = Faces::load();
            let lines = faces.lines(&[(Weight::Regular, &text)], width);
            prop_assert_eq!(plain(&lines).concat(), text);
            for line in plain(&lines) {
                prop_assert!(faces.width(Weight::Regular, line.trim_end()) <= width + 0.01, "{}", line);
            }
        }
    }
}

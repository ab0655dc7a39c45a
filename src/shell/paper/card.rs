//! One card: a QR code, its number and the hint. It is neutral: no benefit, no name beyond the office's own hint, no case.

use super::face::{Faces, Weight};
use super::letters::{BLACK, GREY, SMALL, block};
use super::pdf::{Page, Part};
use super::qr::{MODULE_MM, QUIET_ZONE, Qr};
use crate::words::civil::CivilMonth;

/// Width and height of a card in millimetres (ISO/IEC 7810 ID-1), as wallets and card printers take it.
pub const ID_1: (f32, f32) = (85.6, 54.0);
/// The most characters of a code on a card of [`ID_1`] whose modules are still [`MODULE_MM`] wide: version 15. A usual code has about 255.
pub const MAX_ID_1: usize = 600;
/// Room for the words beside the code on a card that is cut out of a letter.
const WORDS: f32 = 44.0;
/// The least room for the words: a card number in its groups, large enough to be read aloud.
const LEAST_WORDS: f32 = 30.0;
/// The white border beside the code's own quiet zone.
const MARGIN: f32 = 1.0;
/// Above how many characters the office's name is set small.
const LONG_NAME: usize = 60;

/// What stands on a card.
#[derive(Clone, Debug)]
pub struct Card<'a> {
    /// The code, as the office has made it for the picture file too.
    pub qr: &'a Qr,
    /// The card number in its printed form, 4-4-4.
    pub number: String,
    /// The hint for the person at the counter.
    pub hint: Option<&'a str>,
    /// The first month of validity.
    pub from: CivilMonth,
    /// The last month of validity.
    pub to: CivilMonth,
}

/// The side of the code with its quiet zone in millimetres.
fn side(qr: &Qr) -> f32 {
    (qr.width() + 2 * QUIET_ZONE) as f32 * MODULE_MM
}

/// Whether a card of [`ID_1`] holds the code in modules of [`MODULE_MM`] with room for the number: up to [`MAX_ID_1`] characters.
pub fn fits_id_1(qr: &Qr) -> bool {
    let side = side(qr);
    side + 2.0 * MARGIN <= ID_1.1 && ID_1.0 - side - MARGIN - 2.0 >= LEAST_WORDS
}

/// Width and height of the card in a letter: [`ID_1`], and more where the code is large.
pub(super) fn size_in_letter(qr: &Qr) -> (f32, f32) {
    (ID_1.0.max(side(qr) + WORDS), ID_1.1.max(side(qr) + 2.0 * MARGIN))
}

/// Sets a card with its upper left corner at `left`, `top`; all in millimetres.
pub(super) fn draw(faces: &Faces, page: &mut Page, office: &str, card: &Card<'_>, (left, top): (f32, f32), (width, height): (f32, f32)) {
    let side = side(card.qr);
    page.code(left + MARGIN, top + (height - side) / 2.0, MODULE_MM, card.qr, format!("QR-Code der Karte {}", card.number));
    let (x, room) = (left + side + 1.5, width - side - 4.5);
    let mut y = top + 6.0;
    let mut set = |weight: Weight, text: &str, size: f32, tone, gap: f32| {
        y = page.text(faces, x, y, block(Part::Paragraph, &[(weight, text)], size, tone, room)) + gap;
    };
    let of_name = if office.chars().count() > LONG_NAME { 6.0 } else { SMALL };
    let of_number = (room * 72.0 / 25.4 / faces.width(Weight::Bold, &card.number)).min(14.0);
    set(Weight::Regular, office, of_name, BLACK, 4.0);
    set(Weight::Regular, "Nummer", 7.0, GREY, 0.0);
    set(Weight::Bold, &card.number, of_number, BLACK, 2.5);
    if let Some(hint) = card.hint {
        set(Weight::Regular, hint, 11.0, BLACK, 2.5);
    }
    set(Weight::Regular, "gültig", 7.0, GREY, 0.0);
    set(Weight::Regular, &format!("{} – {}", card.from.german(), card.to.german()), 9.5, BLACK, 0.0);
}

//! What a device that types means: the kernel's `struct input_event` (linux/input.h), read with a fixed US table, so that the keyboard
//! settings of the computer do not matter.

use super::frame::{Frames, Piece};

/// The bytes of one event: two machine words of time, type, code, value.
pub const EVENT_BYTES: usize = 2 * size_of::<usize>() + 8;

const EV_SYN: u16 = 0;
const EV_KEY: u16 = 1;
/// Events were dropped because nobody read them in time.
const SYN_DROPPED: u16 = 3;

const TAB: u16 = 15;
const ENTER: u16 = 28;
const KEYPAD_ENTER: u16 = 96;
const CAPS_LOCK: u16 = 58;
const SHIFTS: [u16; 2] = [42, 54];
const CONTROLS: [u16; 2] = [29, 97];
const ALTS: [u16; 2] = [56, 100];
/// Right bracket, J and M: with Control they are GS, LF and CR.
const CONTROL_ENDS: [(u16, u8); 3] = [(27, 0x1d), (36, b'\n'), (50, b'\r')];

/// The keys that type, from their first code on: without and with Shift (linux/input-event-codes.h).
const ROWS: [(u16, &[u8], &[u8]); 5] = [
    (2, b"1234567890-=", b"!@#$%^&*()_+"),
    (16, b"qwertyuiop[]", b"QWERTYUIOP{}"),
    (30, b"asdfghjkl;'`", b"ASDFGHJKL:\"~"),
    (43, b"\\zxcvbnm,./", b"|ZXCVBNM<>?"),
    (71, b"789-456+1230.", b"789-456+1230."),
];

/// Which keys are down, and what was not finished.
#[derive(Debug, Default)]
pub struct Keys {
    down: [bool; 6],
    caps: bool,
    /// The number typed with Alt held, as scanners do for characters that no layout spoils.
    number: Option<u32>,
    /// The beginning of an event whose rest has not come.
    begun: Vec<u8>,
}

impl Keys {
    /// Takes bytes of the device and hands on what they type.
    pub fn take(&mut self, bytes: &[u8], frames: &mut Frames, out: &mut Vec<Piece>) {
        self.begun.extend_from_slice(bytes);
        let whole = self.begun.len() / EVENT_BYTES * EVENT_BYTES;
        let rest = self.begun.split_off(whole);
        for event in std::mem::replace(&mut self.begun, rest).chunks_exact(EVENT_BYTES) {
            self.event(event, frames, out);
        }
    }

    fn event(&mut self, event: &[u8], frames: &mut Frames, out: &mut Vec<Piece>) {
        let at = EVENT_BYTES - 8;
        let Some(&[k0, k1, c0, c1, v0, v1, v2, v3]) = event.get(at..).and_then(|tail| tail.first_chunk::<8>()) else { return };
        let (kind, code) = (u16::from_ne_bytes([k0, k1]), u16::from_ne_bytes([c0, c1]));
        let value = i32::from_ne_bytes([v0, v1, v2, v3]);
        match (kind, value) {
            (EV_SYN, _) if code == SYN_DROPPED => {
                // Which keys are down is not known any more.
                self.down = [false; 6];
                frames.lost();
            }
            // 2 is a key held down: no scanner means it.
            (EV_KEY, 0 | 1) => self.key(code, value == 1, frames, out),
            _ => {}
        }
    }

    fn key(&mut self, code: u16, pressed: bool, frames: &mut Frames, out: &mut Vec<Piece>) {
        let held = SHIFTS.iter().chain(&CONTROLS).chain(&ALTS).position(|key| *key == code);
        if let Some(place) = held.and_then(|at| self.down.get_mut(at)) {
            *place = pressed;
            if ALTS.contains(&code) && !pressed {
                self.type_number(frames, out);
            }
            return;
        }
        if !pressed {
            return;
        }
        let [shift_left, shift_right, control_left, control_right, alt_left, alt_right] = self.down;
        match code {
            ENTER | KEYPAD_ENTER => frames.push(b'\r', out),
            TAB => frames.push(b'\t', out),
            CAPS_LOCK => self.caps = !self.caps,
            _ if control_left || control_right => {
                if let Some((_, end)) = CONTROL_ENDS.iter().find(|(key, _)| *key == code) {
                    frames.push(*end, out);
                }
            }
            _ => {
                let Some(typed) = us(code, shift_left || shift_right, self.caps) else { return };
                if (alt_left || alt_right) && typed.is_ascii_digit() && code >= 71 {
                    let digit = u32::from(typed - b'0');
                    self.number = Some(self.number.unwrap_or(0).saturating_mul(10).saturating_add(digit));
                } else {
                    frames.push(typed, out);
                }
            }
        }
    }

    fn type_number(&mut self, frames: &mut Frames, out: &mut Vec<Piece>) {
        let Some(character) = self.number.take().and_then(char::from_u32) else { return };
        let mut bytes = [0; 4];
        character.encode_utf8(&mut bytes).bytes().for_each(|byte| frames.push(byte, out));
    }
}

/// What a key types on a US keyboard; none where it types nothing.
fn us(code: u16, shift: bool, caps: bool) -> Option<u8> {
    if code == 57 {
        return Some(b' ');
    }
    if code == 98 {
        return Some(b'/');
    }
    let (first, plain, shifted) = ROWS.iter().rev().find(|(first, ..)| code >= *first)?;
    let at = usize::from(code - first);
    let key = *plain.get(at)?;
    let upper = shift != (caps && key.is_ascii_alphabetic());
    if upper { shifted.get(at).copied() } else { Some(key) }
}

#[cfg(test)]
mod tests {
    use super::super::Trouble;
    use super::super::frame::Ending;
    use super::*;

    fn event(kind: u16, code: u16, value: i32) -> Vec<u8> {
        let mut bytes = vec![0; EVENT_BYTES - 8];
        bytes.extend([&kind.to_ne_bytes()[..], &code.to_ne_bytes(), &value.to_ne_bytes()].concat());
        bytes
    }

    fn press(code: u16) -> Vec<u8> {
        [event(4, 4, 0x70004), event(EV_KEY, code, 1), event(EV_SYN, 0, 0), event(EV_KEY, code, 0), event(EV_SYN, 0, 0)].concat()
    }

    fn with(held: u16, keys: &[u16]) -> Vec<u8> {
        [event(EV_KEY, held, 1), keys.iter().flat_map(|key| press(*key)).collect(), event(EV_KEY, held, 0)].concat()
    }

    /// What comes of the bytes, read in pieces of `at_once`.
    fn typed(bytes: &[u8], at_once: usize) -> Vec<Piece> {
        let (mut keys, mut frames, mut out) = (Keys::default(), Frames::default(), Vec::new());
        bytes.chunks(at_once).for_each(|piece| keys.take(piece, &mut frames, &mut out));
        frames.pause(&mut out);
        out
    }

    fn text(bytes: &[u8]) -> String {
        match typed(bytes, usize::MAX).as_slice() {
            [Piece::Scan(text, Ending::Enter)] => text.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_key_of_a_us_keyboard_types_what_is_printed_on_it() {
        let all: Vec<u16> = [2..14, 16..28, 30..42, 43..54].into_iter().flatten().collect();
        let plain: Vec<u8> = all.iter().flat_map(|key| press(*key)).chain(press(ENTER)).collect();
        assert_eq!(text(&plain), "1234567890-=qwertyuiop[]asdfghjkl;'`\\zxcvbnm,./");
        let shifted = [with(42, &all), press(ENTER)].concat();
        assert_eq!(text(&shifted), "!@#$%^&*()_+QWERTYUIOP{}ASDFGHJKL:\"~|ZXCVBNM<>?");
        let keypad: Vec<u8> = (71..84).chain([98, 57]).flat_map(press).chain(press(KEYPAD_ENTER)).collect();
        assert_eq!(text(&keypad), "789-456+1230./ ");
    }

    #[test]
    fn shift_caps_lock_and_alt_with_a_number_are_what_they_are_on_a_keyboard() {
        assert_eq!(text(&[with(54, &[48, 22]), press(20), press(30), press(ENTER)].concat()), "BUta");
        let caps = [press(CAPS_LOCK), press(48), with(42, &[22]), press(2), press(CAPS_LOCK), press(48), press(ENTER)].concat();
        assert_eq!(text(&caps), "Bu1b");
        // Alt+0066, Alt+228: B, ä
        let alt = [with(56, &[82, 82, 77, 77]), with(56, &[80, 80, 72]), press(30), press(30), press(ENTER)].concat();
        assert_eq!(text(&alt), "Bäaa");
    }

    #[test]
    fn other_ends_than_enter_are_ends() {
        let chip: Vec<u8> = [11, 5, 30, 3, 3, 5].into_iter().flat_map(press).collect();
        for (end, ending) in [(press(TAB), Ending::Tab), (with(29, &[27]), Ending::Gs), (with(97, &[50]), Ending::Enter)] {
            assert_eq!(typed(&[chip.clone(), end].concat(), usize::MAX), [Piece::Scan("04a224".into(), ending)]);
        }
    }

    #[test]
    fn events_may_come_in_any_pieces_and_a_held_key_is_one_key() {
        let bytes: Vec<u8> = [11, 5, 30, 3, 3, 5, ENTER].into_iter().flat_map(press).collect();
        for at_once in [1, 5, EVENT_BYTES, EVENT_BYTES + 1, 1000] {
            assert_eq!(typed(&bytes, at_once), [Piece::Scan("04a224".into(), Ending::Enter)], "{at_once} bytes at once");
        }
        let held = [event(EV_KEY, 11, 1), event(EV_KEY, 11, 2), event(EV_KEY, 11, 2), event(EV_KEY, 11, 0), press(ENTER)].concat();
        assert_eq!(text(&held), "0");
    }

    #[test]
    fn lost_events_spoil_the_scan_and_only_that_one() {
        let chip: Vec<u8> = [11, 5, 30, 3].into_iter().flat_map(press).collect();
        let bytes = [chip.clone(), event(EV_SYN, SYN_DROPPED, 0), press(ENTER), chip, press(ENTER)].concat();
        assert_eq!(typed(&bytes, usize::MAX), [Piece::Trouble(Trouble::Lost), Piece::Scan("04a2".into(), Ending::Enter)]);
    }
}

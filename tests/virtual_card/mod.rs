//! A chip card in memory, as a reader of the PC/SC standard shows it: a Type 4 card with a file, an NTAG in pages, or one that says its
//! UID and nothing else.
#![allow(dead_code, reason = "each test uses the part it needs")]

use teilhabe::shell::device::chip::Gone;

const WELL: [u8; 2] = [0x90, 0x00];
const NO_FILE: [u8; 2] = [0x6a, 0x82];
const NOT_KNOWN: [u8; 2] = [0x6d, 0x00];
const WRONG_LENGTH: [u8; 2] = [0x67, 0x00];
const NOT_ALLOWED: [u8; 2] = [0x69, 0x82];

/// What kind of card it is, with its memory.
#[derive(Clone, Debug)]
pub enum Memory {
    /// Length and message; the longest it may be.
    Type4(Vec<u8>),
    /// All pages from the first.
    Ntag(Vec<u8>),
    /// Nothing that could be read.
    Classic,
}

/// A card.
#[derive(Clone, Debug)]
pub struct VirtualCard {
    pub memory: Memory,
    pub uid: Vec<u8>,
    pub writable: bool,
    /// After how many commands it is taken away.
    pub gone_after: Option<usize>,
    /// Every answer comes with one byte too few.
    pub cuts_answers: bool,
    pub application: bool,
    pub file: u16,
}

impl VirtualCard {
    fn with(memory: Memory, uid: &[u8]) -> Self {
        Self { memory, uid: uid.to_vec(), writable: true, gone_after: None, cuts_answers: false, application: false, file: 0 }
    }

    /// A new Type 4 card with this much room.
    pub fn type_4(room: usize) -> Self {
        Self::with(Memory::Type4(vec![0; room + 2]), &[0x04, 1, 2, 3, 4, 5, 6])
    }

    /// A new NTAG with this size in its capability container: 0x12 for 213, 0x3e for 215, 0x6d for 216.
    pub fn ntag(size: u8) -> Self {
        let mut pages = vec![0; 16 + usize::from(size) * 8 + 20];
        pages[12..16].copy_from_slice(&[0xe1, 0x10, size, 0x00]);
        pages[16..20].copy_from_slice(&[0x03, 0x00, 0xfe, 0x00]);
        Self::with(Memory::Ntag(pages), &[0x04, 6, 5, 4, 3, 2, 1])
    }

    /// A canteen's old chip.
    pub fn classic(uid: &[u8]) -> Self {
        Self::with(Memory::Classic, uid)
    }

    /// The card with this message on it, whatever it is; `said` is the length it claims.
    pub fn holding(mut self, message: &[u8], said: usize) -> Self {
        match &mut self.memory {
            Memory::Type4(file) => {
                file[..2].copy_from_slice(&u16::try_from(said).expect("short").to_be_bytes());
                file[2..2 + message.len()].copy_from_slice(message);
            }
            Memory::Ntag(pages) => {
                let [high, low] = u16::try_from(said).expect("short").to_be_bytes();
                let block = [&[0x03, 0xff, high, low][..], message, &[0xfe]].concat();
                pages[16..16 + block.len()].copy_from_slice(&block);
            }
            Memory::Classic => {}
        }
        self
    }

    /// What a reader calls such a card (ATR).
    pub fn atr(&self) -> Vec<u8> {
        let storage = |name: u8| {
            let mut atr = vec![0x3b, 0x8f, 0x80, 0x01, 0x80, 0x4f, 0x0c, 0xa0, 0, 0, 0x03, 0x06, 0x03, 0x00, name, 0, 0, 0, 0];
            atr.push(atr[1..].iter().fold(0, |sum, byte| sum ^ byte));
            atr
        };
        match self.memory {
            Memory::Type4(_) => vec![0x3b, 0x80, 0x80, 0x01, 0x01],
            Memory::Ntag(_) => storage(0x03),
            Memory::Classic => storage(0x01),
        }
    }

    /// It is put on anew.
    pub fn reset(&mut self) {
        self.application = false;
        self.file = 0;
    }

    /// The answer to a command, while the card is there.
    pub fn talk(&mut self, command: &[u8]) -> Result<Vec<u8>, Gone> {
        if let Some(left) = &mut self.gone_after {
            *left = left.checked_sub(1).ok_or(Gone)?;
        }
        let mut answer = self.answer(command);
        if self.cuts_answers && answer.len() > 2 {
            answer.remove(0);
        }
        Ok(answer)
    }

    fn answer(&mut self, command: &[u8]) -> Vec<u8> {
        let well = |data: &[u8]| [data, &WELL].concat();
        match *command {
            [0xff, 0xca, 0, 0, ..] if !self.uid.is_empty() => well(&self.uid),
            [0xff, 0xb0, 0, page, length] => match &self.memory {
                Memory::Ntag(pages) => {
                    let from = usize::from(page) * 4;
                    pages.get(from..from + usize::from(length)).map_or(WRONG_LENGTH.to_vec(), well)
                }
                _ => NOT_KNOWN.to_vec(),
            },
            [0xff, 0xd6, 0, page, 4, a, b, c, d] => match &mut self.memory {
                Memory::Ntag(pages) if self.writable && page >= 4 && usize::from(page) * 4 + 4 <= pages.len() => {
                    let from = usize::from(page) * 4;
                    pages[from..from + 4].copy_from_slice(&[a, b, c, d]);
                    well(&[])
                }
                _ => NOT_ALLOWED.to_vec(),
            },
            [0x00, ..] if matches!(self.memory, Memory::Type4(_)) => self.file_command(command),
            _ => NOT_KNOWN.to_vec(),
        }
    }

    fn file_command(&mut self, command: &[u8]) -> Vec<u8> {
        let Memory::Type4(file) = &mut self.memory else { return NOT_KNOWN.to_vec() };
        let container = || {
            let [high, low] = u16::try_from(file.len()).expect("short").to_be_bytes();
            let write = if self.writable { 0x00 } else { 0xff };
            vec![0, 15, 0x20, 0, 0x7f, 0, 0x7f, 0x04, 6, 0xe1, 0x04, high, low, 0x00, write]
        };
        match *command {
            [_, 0xa4, 0x04, 0x00, 7, 0xd2, 0x76, 0, 0, 0x85, 0x01, 0x01, ..] => {
                self.application = true;
                WELL.to_vec()
            }
            _ if !self.application => NO_FILE.to_vec(),
            [_, 0xa4, 0x00, 0x0c, 2, high, low] => {
                let wanted = u16::from_be_bytes([high, low]);
                if ![0xe103, 0xe104].contains(&wanted) {
                    return NO_FILE.to_vec();
                }
                self.file = wanted;
                WELL.to_vec()
            }
            [_, 0xb0, high, low, length] => {
                let from = usize::from(u16::from_be_bytes([high, low]));
                let content = if self.file == 0xe103 { container() } else { file.clone() };
                content.get(from..from + usize::from(length)).map_or(WRONG_LENGTH.to_vec(), |data| [data, &WELL].concat())
            }
            [_, 0xd6, high, low, length, ref data @ ..] if self.file == 0xe104 && self.writable => {
                let from = usize::from(u16::from_be_bytes([high, low]));
                if data.len() != usize::from(length) || from + data.len() > file.len() {
                    return WRONG_LENGTH.to_vec();
                }
                file[from..from + data.len()].copy_from_slice(data);
                WELL.to_vec()
            }
            [_, 0xd6, ..] => NOT_ALLOWED.to_vec(),
            _ => NOT_KNOWN.to_vec(),
        }
    }
}

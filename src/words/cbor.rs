//! Deterministic CBOR (RFC 8949 § 4.2.1), the part of it that Teilhabe's documents use: integers, byte strings, texts, arrays,
//! maps, null and booleans. There is one encoding of every value; the reader refuses every other one.

/// How deep arrays and maps may nest (formats § 1).
pub const MAX_DEPTH: u8 = 8;

/// The first integer key that a reader of an open map ignores when it does not know it (formats § 1).
pub const FIRST_IGNORED_KEY: i64 = 64;

/// Bytes that are not what they should be: what is wrong, and at which byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} (byte {at})")]
pub struct Malformed {
    /// What is wrong, in a few words.
    pub what: &'static str,
    /// Offset of the offending item.
    pub at: usize,
}

impl Malformed {
    /// A fault `what` at offset `at`.
    pub const fn new(what: &'static str, at: usize) -> Self {
        Self { what, at }
    }
}

/// Whether a map may carry integer keys its reader does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// None: the token's maps.
    Closed,
    /// Those from [`FIRST_IGNORED_KEY`] on: all other maps.
    Open,
}

/// Writes deterministic CBOR.
#[derive(Debug, Default)]
pub struct Writer {
    out: Vec<u8>,
}

impl Writer {
    /// An empty writer.
    pub fn new() -> Self {
        Self::default()
    }

    /// The bytes that `write` produces.
    pub fn encode(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
        let mut writer = Self::new();
        write(&mut writer);
        writer.out
    }

    /// The bytes written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    /// An unsigned integer.
    pub fn uint(&mut self, value: u64) {
        self.head(0, value);
    }

    /// An integer of either sign.
    pub fn int(&mut self, value: i64) {
        match u64::try_from(value) {
            Ok(positive) => self.head(0, positive),
            Err(_) => self.head(1, !value as u64),
        }
    }

    /// A byte string.
    pub fn bytes(&mut self, value: &[u8]) {
        self.head(2, value.len() as u64);
        self.out.extend_from_slice(value);
    }

    /// A text.
    pub fn text(&mut self, value: &str) {
        self.head(3, value.len() as u64);
        self.out.extend_from_slice(value.as_bytes());
    }

    /// The head of an array of `len` items, which must follow.
    pub fn array(&mut self, len: usize) {
        self.head(4, len as u64);
    }

    /// An array of all `items`, each written by `write`.
    pub fn list<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Writer, &T)) {
        self.array(items.len());
        for item in items {
            write(self, item);
        }
    }

    /// Null.
    pub fn null(&mut self) {
        self.out.push(0xf6);
    }

    /// True or false.
    pub fn bool(&mut self, value: bool) {
        self.out.push(if value { 0xf5 } else { 0xf4 });
    }

    /// A map whose entries `fill` writes in ascending order of their encoded keys; at most 23 of them.
    pub fn map(&mut self, fill: impl FnOnce(&mut MapWriter<'_>)) {
        let at = self.out.len();
        self.out.push(0);
        let mut map = MapWriter { writer: self, count: 0 };
        fill(&mut map);
        let count = map.count;
        debug_assert!(count < 24, "a map of ours has less than 24 keys");
        self.out[at] = 0xa0 | count;
    }

    fn head(&mut self, major: u8, value: u64) {
        let major = major << 5;
        let bytes = value.to_be_bytes();
        match value {
            0..=23 => self.out.push(major | bytes[7]),
            24..=0xff => self.out.extend_from_slice(&[major | 24, bytes[7]]),
            0x100..=0xffff => {
                self.out.push(major | 25);
                self.out.extend_from_slice(&bytes[6..]);
            }
            0x1_0000..=0xffff_ffff => {
                self.out.push(major | 26);
                self.out.extend_from_slice(&bytes[4..]);
            }
            _ => {
                self.out.push(major | 27);
                self.out.extend_from_slice(&bytes);
            }
        }
    }
}

/// Writes the entries of one map and counts them.
#[derive(Debug)]
pub struct MapWriter<'w> {
    writer: &'w mut Writer,
    count: u8,
}

impl MapWriter<'_> {
    /// The writer for the value of the integer `key`.
    pub fn key(&mut self, key: i64) -> &mut Writer {
        self.count += 1;
        self.writer.int(key);
        self.writer
    }

    /// The writer for the value of the text `key`.
    pub fn text_key(&mut self, key: &str) -> &mut Writer {
        self.count += 1;
        self.writer.text(key);
        self.writer
    }
}

/// Reads deterministic CBOR and refuses everything else.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: u8,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, depth: 0 }
    }

    /// Reads the whole of `bytes` with `read` and refuses what is left over.
    pub fn decode<T>(bytes: &'a [u8], read: impl FnOnce(&mut Reader<'a>) -> Result<T, Malformed>) -> Result<T, Malformed> {
        let mut reader = Self::new(bytes);
        let value = read(&mut reader)?;
        if reader.at != bytes.len() {
            return Err(Malformed::new("bytes follow the end of the document", reader.at));
        }
        Ok(value)
    }

    /// Offset of the next item.
    pub const fn position(&self) -> usize {
        self.at
    }

    /// A fault at the next item.
    pub const fn fault(&self, what: &'static str) -> Malformed {
        Malformed::new(what, self.at)
    }

    /// An unsigned integer.
    pub fn uint(&mut self) -> Result<u64, Malformed> {
        self.expect_major(0, "an unsigned integer is expected here")
    }

    /// An unsigned integer below 2³².
    pub fn uint32(&mut self) -> Result<u32, Malformed> {
        let at = self.at;
        u32::try_from(self.uint()?).map_err(|_| Malformed::new("the number is too large", at))
    }

    /// An integer of either sign.
    pub fn int(&mut self) -> Result<i64, Malformed> {
        let at = self.at;
        let (major, value) = self.head()?;
        let value = i64::try_from(value).map_err(|_| Malformed::new("the number is too large", at))?;
        match major {
            0 => Ok(value),
            1 => Ok(!value),
            _ => Err(Malformed::new("an integer is expected here", at)),
        }
    }

    /// A byte string.
    pub fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let len = self.expect_major(2, "a byte string is expected here")?;
        self.take(len)
    }

    /// A byte string of exactly `N` bytes.
    pub fn byte_array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let at = self.at;
        self.bytes()?.try_into().map_err(|_| Malformed::new("the byte string has the wrong length", at))
    }

    /// A text.
    pub fn text(&mut self) -> Result<&'a str, Malformed> {
        let at = self.at;
        let len = self.expect_major(3, "a text is expected here")?;
        std::str::from_utf8(self.take(len)?).map_err(|_| Malformed::new("the text is not UTF-8", at))
    }

    /// A text of `least` to `most` characters.
    pub fn text_of(&mut self, least: usize, most: usize) -> Result<&'a str, Malformed> {
        let at = self.at;
        let text = self.text()?;
        if (least..=most).contains(&text.chars().count()) { Ok(text) } else { Err(Malformed::new("the text is too short or too long", at)) }
    }

    /// True or false.
    pub fn bool(&mut self) -> Result<bool, Malformed> {
        match self.bytes.get(self.at) {
            Some(0xf4) => self.skip_byte(false),
            Some(0xf5) => self.skip_byte(true),
            _ => Err(self.fault("true or false is expected here")),
        }
    }

    /// Consumes a null, if one comes next.
    pub fn null(&mut self) -> bool {
        let is_null = self.bytes.get(self.at) == Some(&0xf6);
        self.at += usize::from(is_null);
        is_null
    }

    /// Whether an array comes next (and not, say, a byte string).
    pub fn array_follows(&self) -> bool {
        self.bytes.get(self.at).is_some_and(|b| b >> 5 == 4)
    }

    /// An array of `least` to `most` items, each read by `read`.
    pub fn list<T>(&mut self, least: usize, most: usize, mut read: impl FnMut(&mut Self) -> Result<T, Malformed>) -> Result<Vec<T>, Malformed> {
        self.array(least, most, |r, len| {
            let mut items = Vec::with_capacity(len.min(1024));
            for _ in 0..len {
                items.push(read(r)?);
            }
            Ok(items)
        })
    }

    /// An array of `least` to `most` items, read as a whole by `read`, which is told their number.
    pub fn array<T>(&mut self, least: usize, most: usize, read: impl FnOnce(&mut Self, usize) -> Result<T, Malformed>) -> Result<T, Malformed> {
        let at = self.at;
        let len = self.expect_major(4, "an array is expected here")?;
        let len = usize::try_from(len).ok().filter(|len| (least..=most).contains(len)).ok_or(Malformed::new("the array has the wrong length", at))?;
        self.nested(|r| read(r, len))
    }

    /// A map with integer keys in ascending order. `entry` reads the value of a key and answers whether it knows the key.
    pub fn map(&mut self, keys: Keys, mut entry: impl FnMut(i64, &mut Self) -> Result<bool, Malformed>) -> Result<(), Malformed> {
        self.entries(|r| {
            let at = r.at;
            let key = r.int()?;
            if entry(key, r)? {
                return Ok(());
            }
            match keys {
                Keys::Open if key >= FIRST_IGNORED_KEY => r.skip(),
                _ => Err(Malformed::new("the map has a key that is not known here", at)),
            }
        })
    }

    /// A map with text keys in ascending order of their encoding; unknown ones are skipped.
    pub fn text_map(&mut self, mut entry: impl FnMut(&str, &mut Self) -> Result<bool, Malformed>) -> Result<(), Malformed> {
        self.entries(|r| {
            let key = r.text()?;
            if entry(key, r)? { Ok(()) } else { r.skip() }
        })
    }

    /// Passes over one item of any kind, checking that it is deterministic.
    pub fn skip(&mut self) -> Result<(), Malformed> {
        match self.bytes.get(self.at).map(|b| b >> 5) {
            Some(0 | 1) => self.head().map(|_| ()),
            Some(2) => self.bytes().map(|_| ()),
            Some(3) => self.text().map(|_| ()),
            Some(4) => self.array(0, usize::MAX, |r, len| (0..len).try_for_each(|_| r.skip())),
            Some(5) => self.entries(|r| {
                r.skip()?;
                r.skip()
            }),
            Some(_) if self.null() => Ok(()),
            Some(_) => self.bool().map(|_| ()),
            None => Err(self.fault("the document ends too early")),
        }
    }

    fn entries(&mut self, mut entry: impl FnMut(&mut Self) -> Result<(), Malformed>) -> Result<(), Malformed> {
        let len = self.expect_major(5, "a map is expected here")?;
        self.nested(|r| {
            let mut last: &[u8] = &[];
            for _ in 0..len {
                let key_at = r.at;
                // Nothing that nests: each key is read twice, and keys within keys would double that at every level.
                if !matches!(r.bytes.get(key_at).map(|b| b >> 5), Some(0 | 1 | 3)) {
                    return Err(Malformed::new("a key of a map is a number or a text", key_at));
                }
                let mut key_end = r.clone();
                key_end.skip()?;
                let key = r.bytes.get(key_at..key_end.at).unwrap_or_default();
                if key <= last {
                    return Err(Malformed::new("the keys of a map are not in ascending order", key_at));
                }
                last = key;
                entry(r)?;
            }
            Ok(())
        })
    }

    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Malformed>) -> Result<T, Malformed> {
        if self.depth >= MAX_DEPTH {
            return Err(self.fault("arrays and maps nest too deep"));
        }
        self.depth += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn expect_major(&mut self, wanted: u8, what: &'static str) -> Result<u64, Malformed> {
        let at = self.at;
        let (major, value) = self.head()?;
        if major == wanted { Ok(value) } else { Err(Malformed::new(what, at)) }
    }

    fn head(&mut self) -> Result<(u8, u64), Malformed> {
        let at = self.at;
        let first = *self.bytes.get(at).ok_or(self.fault("the document ends too early"))?;
        let (size, least) = match first & 0x1f {
            short @ 0..=23 => {
                self.at += 1;
                return Ok((first >> 5, u64::from(short)));
            }
            24 => (1, 24),
            25 => (2, 0x100),
            26 => (4, 0x1_0000),
            27 => (8, 0x1_0000_0000),
            _ => return Err(self.fault("items of indefinite or reserved length are not allowed")),
        };
        let digits = self.bytes.get(at + 1..at + 1 + size).ok_or(self.fault("the document ends too early"))?;
        let value = digits.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
        if value < least {
            return Err(self.fault("a number is written longer than needed"));
        }
        self.at += 1 + size;
        Ok((first >> 5, value))
    }

    fn take(&mut self, len: u64) -> Result<&'a [u8], Malformed> {
        let end = usize::try_from(len).ok().and_then(|len| self.at.checked_add(len));
        let taken = end.and_then(|end| self.bytes.get(self.at..end)).ok_or(self.fault("the document ends too early"))?;
        self.at += taken.len();
        Ok(taken)
    }

    fn skip_byte(&mut self, value: bool) -> Result<bool, Malformed> {
        self.at += 1;
        Ok(value)
    }
}

/// A mandatory map entry, or the fault that it is missing from the map that began at `at`.
pub fn present<T>(value: Option<T>, what: &'static str, at: usize) -> Result<T, Malformed> {
    value.ok_or(Malformed::new(what, at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn skip_all(hex: &str) -> Result<(), Malformed> {
        let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap_or_default();
        Reader::decode(&bytes, |r| r.skip())
    }

    #[test]
    fn one_encoding_of_every_value() {
        for good in [
            "00",
            "17",
            "1818",
            "190100",
            "1a00010000",
            "1b0000000100000000",
            "20",
            "3863",
            "40",
            "6161",
            "80",
            "a0",
            "a10102",
            "a2010220f6",
            "f4",
            "f5",
            "f6",
            "8181818181818180",
        ] {
            assert_eq!(skip_all(good), Ok(()), "{good}");
        }
        let bad = [
            ("1817", "longer"),
            ("190018", "longer"),
            ("5800", "longer"),
            ("9fff", "indefinite"),
            ("5fff", "indefinite"),
            ("a201020102", "ascending"),
            ("a202020102", "ascending"),
            ("f97e00", "true or false"),
            ("f7", "true or false"),
            ("c000", "true or false"),
            ("0000", "follow"),
            ("41", "too early"),
            ("", "too early"),
            ("61ff", "UTF-8"),
            ("818181818181818180", "too deep"),
            ("5bffffffffffffffff", "too early"),
            ("9bffffffffffffffff", "too early"),
        ];
        for (hex, why) in bad {
            let fault = skip_all(hex).expect_err(hex);
            assert!(fault.what.contains(why), "{hex}: {fault}");
        }
    }

    #[test]
    fn a_map_refuses_or_ignores_keys_it_does_not_know() {
        let bytes = Writer::encode(|w| {
            w.map(|m| {
                m.key(1).uint(7);
                m.key(64).text("later");
            })
        });
        let read = |keys| Reader::decode(&bytes, |r| r.map(keys, |key, r| if key == 1 { r.uint().map(|_| true) } else { Ok(false) }));
        assert_eq!(read(Keys::Open), Ok(()));
        assert!(read(Keys::Closed).is_err());
    }

    proptest! {
        #[test]
        fn integers_survive_the_way(value in any::<i64>(), unsigned in any::<u64>()) {
            let bytes = Writer::encode(|w| { w.array(2); w.int(value); w.uint(unsigned); });
            let read = Reader::decode(&bytes, |r| r.array(2, 2, |r, _| Ok((r.int()?, r.uint()?))));
            prop_assert_eq!(read, Ok((value, unsigned)));
        }

        #[test]
        fn rubbish_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Reader::decode(&bytes, |r| r.skip());
        }
    }
}

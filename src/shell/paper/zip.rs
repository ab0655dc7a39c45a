//! Many files in one: a ZIP archive (APPNOTE 6.3.10) of entries that are compressed one by one, so that it can be sent while it is made.

use flate2::Compression;
use flate2::write::DeflateEncoder;
use std::io::Write;

/// The most entries and bytes of an archive without the 64-bit extension.
const MAX_ENTRIES: usize = 65_535;
const MAX_BYTES: u64 = u32::MAX as u64;
/// Version 2.0: compressed entries. Bit 11: names are UTF-8. Method 8: deflate.
const VERSION: u16 = 20;
const UTF8: u16 = 1 << 11;
const DEFLATE: u16 = 8;
/// 1 January 1980, midnight, in the format's own way: an archive of the same content is always the same.
const DATE: u16 = (1 << 5) | 1;

/// The archive would be larger than the format takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these files are too many or too large for one archive: fetch them one by one")]
pub struct TooLarge;

/// An archive in the making: what [`Zip::add`] and [`Zip::finish`] answer is to be sent in this order.
#[derive(Debug, Default)]
pub struct Zip {
    directory: Vec<u8>,
    written: u64,
    entries: usize,
}

impl Zip {
    /// Adds a file and answers its part of the archive.
    pub fn add(&mut self, name: &str, content: &[u8]) -> Result<Vec<u8>, TooLarge> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(6));
        let packed = encoder.write_all(content).and_then(|()| encoder.finish()).map_err(|_| TooLarge)?;
        let length = u16::try_from(name.len()).map_err(|_| TooLarge)?;
        let (size, whole) = (u32::try_from(packed.len()).map_err(|_| TooLarge)?, u32::try_from(content.len()).map_err(|_| TooLarge)?);
        let at = u32::try_from(self.written).map_err(|_| TooLarge)?;
        if self.entries >= MAX_ENTRIES {
            return Err(TooLarge);
        }
        let mut crc = flate2::Crc::new();
        crc.update(content);
        let mut common = Vec::new();
        for number in [VERSION, UTF8, DEFLATE, 0, DATE] {
            common.extend(number.to_le_bytes());
        }
        for number in [crc.sum(), size, whole] {
            common.extend(number.to_le_bytes());
        }
        common.extend(length.to_le_bytes());
        common.extend([0, 0]);
        let part = [b"PK\x03\x04", common.as_slice(), name.as_bytes(), &packed].concat();
        self.directory.extend(b"PK\x01\x02");
        self.directory.extend(VERSION.to_le_bytes());
        self.directory.extend(&common);
        // No comment, first disk, no attributes.
        self.directory.extend([0; 10]);
        self.directory.extend(at.to_le_bytes());
        self.directory.extend(name.as_bytes());
        self.entries += 1;
        self.written += part.len() as u64;
        if self.written > MAX_BYTES { Err(TooLarge) } else { Ok(part) }
    }

    /// The end of the archive: its directory.
    pub fn finish(self) -> Result<Vec<u8>, TooLarge> {
        let entries = u16::try_from(self.entries).map_err(|_| TooLarge)?;
        let (at, size) = (u32::try_from(self.written).map_err(|_| TooLarge)?, u32::try_from(self.directory.len()).map_err(|_| TooLarge)?);
        let mut end = self.directory;
        end.extend(b"PK\x05\x06");
        end.extend([0; 4]);
        end.extend(entries.to_le_bytes());
        end.extend(entries.to_le_bytes());
        end.extend(size.to_le_bytes());
        end.extend(at.to_le_bytes());
        end.extend([0; 2]);
        Ok(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_second_program_unpacks_what_was_packed() {
        let mut zip = Zip::default();
        let long = "Zeile mit Umlauten: äöü\n".repeat(2_000);
        let mut archive = zip.add("eins.txt", b"eins").expect("small");
        archive.extend(zip.add("zwei-ü.txt", long.as_bytes()).expect("small"));
        archive.extend(zip.finish().expect("small"));
        assert!(archive.len() < long.len() / 10, "it is compressed");
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("a.zip"), &archive).expect("written");
        let script = "import zipfile; z = zipfile.ZipFile('a.zip'); assert z.testzip() is None; print([(n, len(z.read(n))) for n in z.namelist()])";
        let judge = Command::new("python3").args(["-c", script]).current_dir(folder.path()).output().expect("python3 runs");
        assert_eq!(
            String::from_utf8_lossy(&judge.stdout).trim(),
            format!("[('eins.txt', 4), ('zwei-ü.txt', {})]", long.len()),
            "{}",
            String::from_utf8_lossy(&judge.stderr)
        );
    }
}

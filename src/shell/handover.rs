//! What is handed to an auditor: files in a folder or in one ZIP archive, the checksum of each, and a signed seal over all checksums.

use crate::words::ids::Hash;
use crate::words::keys::SecretKey;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The checksums, as `sha256sum --check` reads them.
pub const SUMS: &str = "pruefsummen.txt";
/// The seal.
pub const SEAL: &str = "siegel.txt";
/// The first line of a seal: what keeps its signature from passing for another's.
const SEAL_HEAD: &str = "teilhabe/books/1";

/// Files on their way out.
pub struct Handover {
    out: Out,
    current: Option<(String, Sha256)>,
    sums: Vec<(String, Hash)>,
}

enum Out {
    Folder {
        dir: PathBuf,
        file: Option<BufWriter<File>>,
    },
    #[cfg(feature = "office")]
    Archive(Box<zip::ZipWriter<BufWriter<File>>>),
}

impl std::fmt::Debug for Handover {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Handover of {} files", self.sums.len())
    }
}

fn private(path: &Path) -> io::Result<BufWriter<File>> {
    Ok(BufWriter::new(OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?))
}

impl Handover {
    /// Into the folder `dir`, which is made; one that holds something already is refused, so that no file of an earlier time is taken for
    /// one of this.
    pub fn into_folder(dir: &Path) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        if fs::read_dir(dir)?.next().is_some() {
            return Err(io::Error::other(format!("{} is not empty: name a new folder", dir.display())));
        }
        Ok(Self { out: Out::Folder { dir: dir.to_owned(), file: None }, current: None, sums: Vec::new() })
    }

    /// Into the new ZIP archive `path`.
    #[cfg(feature = "office")]
    pub fn into_archive(path: &Path) -> io::Result<Self> {
        let archive = zip::ZipWriter::new(private(path)?);
        Ok(Self { out: Out::Archive(Box::new(archive)), current: None, sums: Vec::new() })
    }

    /// Ends the file before and begins the file `name`, which may stand in a folder.
    pub fn begin(&mut self, name: &str) -> io::Result<()> {
        self.end_file()?;
        match &mut self.out {
            Out::Folder { dir, file } => {
                let path = dir.join(name);
                if let Some(folder) = path.parent() {
                    fs::create_dir_all(folder)?;
                }
                *file = Some(private(&path)?);
            }
            #[cfg(feature = "office")]
            Out::Archive(archive) => {
                // Large: a big city's year of entries is more than 4 GiB.
                let options = zip::write::SimpleFileOptions::default().large_file(true).unix_permissions(0o600);
                archive.start_file(name, options).map_err(io::Error::other)?;
            }
        }
        self.current = Some((name.to_owned(), Sha256::new()));
        Ok(())
    }

    fn end_file(&mut self) -> io::Result<()> {
        if let Some((name, sum)) = self.current.take() {
            self.sums.push((name, Hash(sum.finalize().into())));
        }
        if let Out::Folder { file, .. } = &mut self.out
            && let Some(mut file) = file.take()
        {
            file.flush()?;
            file.get_ref().sync_all()?;
        }
        Ok(())
    }

    /// How many files there are.
    pub const fn files(&self) -> usize {
        self.sums.len()
    }

    /// Ends with the checksums and the seal, which says `facts` (name and value) and is signed with `key`.
    pub fn seal(mut self, key: &SecretKey, facts: &[(&str, String)]) -> io::Result<usize> {
        self.end_file()?;
        let sums: String = self.sums.iter().map(|(name, sum)| format!("{}  {name}\n", sum.hex())).collect();
        self.begin(SUMS)?;
        self.write_all(sums.as_bytes())?;
        let facts: String = facts.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        let (sum, public) = (Hash::of(&[sums.as_bytes()]), HEXLOWER.encode(key.public().bytes()));
        let text = format!("{SEAL_HEAD}\n{facts}{SUMS}: {sum}\nschluessel: {public}\n");
        let signature = HEXLOWER.encode(&key.sign(text.as_bytes()));
        self.begin(SEAL)?;
        writeln!(self, "{text}unterschrift: {signature}")?;
        self.end_file()?;
        match self.out {
            Out::Folder { .. } => {}
            #[cfg(feature = "office")]
            Out::Archive(archive) => {
                let mut file = archive.finish().map_err(io::Error::other)?;
                file.flush()?;
                file.get_ref().sync_all()?;
            }
        }
        Ok(self.sums.len())
    }
}

impl Write for Handover {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match &mut self.out {
            Out::Folder { file: Some(file), .. } => file.write(bytes)?,
            Out::Folder { file: None, .. } => return Err(io::Error::other("no file was begun")),
            #[cfg(feature = "office")]
            Out::Archive(archive) => archive.write(bytes)?,
        };
        if let (Some((_, sum)), Some(bytes)) = (&mut self.current, bytes.get(..written)) {
            sum.update(bytes);
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::keys::PublicKey;

    #[test]
    fn the_seal_names_every_file_and_a_folder_that_holds_something_is_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        let out = dir.path().join("books");
        let mut handover = Handover::into_folder(&out).expect("made");
        for (name, text) in [("a.csv", "eins"), ("dateien/b.xml", "zwei")] {
            handover.begin(name).expect("begun");
            handover.write_all(text.as_bytes()).expect("written");
        }
        let key = SecretKey::from_seed([3; 32]);
        assert_eq!(handover.seal(&key, &[("amt", "05562032".into())]).expect("sealed"), 4);
        let sums = fs::read_to_string(out.join(SUMS)).expect("there");
        assert_eq!(sums, format!("{}  a.csv\n{}  dateien/b.xml\n", Hash::of(&[b"eins"]), Hash::of(&[b"zwei"])));
        let seal = fs::read_to_string(out.join(SEAL)).expect("there");
        let (text, signature) = seal.split_once("unterschrift: ").expect("signed");
        let signature = HEXLOWER.decode(signature.trim().as_bytes()).expect("hex").try_into().expect("64 bytes");
        let public = PublicKey::from_bytes(key.public().bytes()).expect("a key");
        assert!(public.verifies(text.as_bytes(), &signature) && text.contains(&Hash::of(&[sums.as_bytes()]).hex()));
        assert!(!public.verifies(text.replace("05562032", "05562033").as_bytes(), &signature));
        let refused = Handover::into_folder(&out).expect_err("not empty").to_string();
        assert!(refused.contains("is not empty: name a new folder"), "{refused}");
    }
}

//! An office's folder: its keys, and its database or the address of the server that holds it.

use crate::shell::backup::{Kind, SERVER_FILE};
use crate::shell::secret_file::{self, SecretFileError};
use crate::shell::store::office::carry::{Arrived, onto_server};
use crate::shell::store::office::settings;
use crate::shell::store::sql::Connection;
use crate::shell::store::sql::postgres::{Server, Tenant};
use crate::shell::store::{self, StoreError};
use crate::words::ids::OfficeId;
use std::path::{Path, PathBuf};

/// Where a move that is about to count says to where, until it is noted for good.
const MOVING_FILE: &str = "database.moving";

/// Where an office's rows are.
#[derive(Clone, Debug)]
pub enum Place {
    /// In this file.
    File(PathBuf),
    /// On a server, among those of other offices.
    Server(Box<Server>, Tenant),
}

impl Place {
    /// Where the office in `dir` has its rows; none where the folder holds no office.
    pub fn of(dir: &Path) -> Result<Option<Self>, StoreError> {
        let (file, named) = (dir.join(Kind::Office.database()), dir.join(SERVER_FILE));
        if dir.join(MOVING_FILE).exists() && file.exists() {
            return Err(StoreError::Moving);
        }
        if !named.exists() {
            return Ok(Some(Self::File(file)).filter(|_| dir.join(Kind::Office.database()).exists()));
        }
        let text = secret_file::read(&named)?;
        let mut lines = text.lines();
        let (url, office) = (lines.next().unwrap_or_default(), lines.next().and_then(OfficeId::parse));
        let office = office.ok_or_else(|| StoreError::NoServer(format!("{} names no office in its second line", named.display())))?;
        Ok(Some(Self::Server(Box::new(Server::parse(url)?), Tenant::of(&office))))
    }

    /// The place on the server at `url` of the office that is to be set up in `dir`. It is noted first, so that an interrupted set-up can be given again.
    pub fn begin(dir: &Path, url: &str, office: &OfficeId) -> Result<Self, StoreError> {
        let named = dir.join(SERVER_FILE);
        if named.exists() && secret_file::read(&named)?.lines().ne([url, office.as_str()]) {
            return Err(StoreError::NoServer(format!("{} names another office or server already: choose an empty folder", named.display())));
        }
        Self::note(dir, url, office)
    }

    /// Takes the note back where no office came of it: a folder with keys has one, or may have.
    pub fn give_up(dir: &Path) {
        if !dir.join("keys").exists() {
            let _ = secret_file::remove(&dir.join(SERVER_FILE));
        }
    }

    fn note(dir: &Path, url: &str, office: &OfficeId) -> Result<Self, StoreError> {
        let server = Server::parse(url)?;
        secret_file::make_dir(dir)?;
        secret_file::write(&dir.join(SERVER_FILE), &format!("{url}\n{office}"))?;
        Ok(Self::Server(Box::new(server), Tenant::of(office)))
    }

    /// Notes another address of the server at which the office in `dir` has its rows.
    pub fn move_to(dir: &Path, url: &str) -> Result<(), StoreError> {
        let text = secret_file::read(&dir.join(SERVER_FILE))?;
        if text.lines().next() == Some(url) {
            return Ok(());
        }
        match text.lines().nth(1).and_then(OfficeId::parse) {
            Some(office) => Self::note(dir, url, &office).map(|_| ()),
            None => Err(StoreError::NoServer(format!("{} names no office in its second line", dir.join(SERVER_FILE).display()))),
        }
    }

    /// Moves the rows of the office in `dir` from its file onto the server at `url`; nobody else may have the file open. It stays under another
    /// name, which is answered, and is not used again. What fails changes nothing; what is cut off keeps everybody from the file, and is finished
    /// when it is given again.
    pub fn move_onto_server(dir: &Path, url: &str) -> Result<(Arrived, PathBuf), StoreError> {
        let (file, named, moving) = (dir.join(Kind::Office.database()), dir.join(SERVER_FILE), dir.join(MOVING_FILE));
        let kept = file.with_extension("db.moved");
        let put_away = || -> Result<(), StoreError> {
            std::fs::rename(&file, &kept).map_err(|error| SecretFileError::Io { path: file.clone(), error })?;
            Ok(secret_file::remove(&moving)?)
        };
        match (named.exists(), file.exists()) {
            (true, false) => return Err(StoreError::NoServer(format!("the office in {} is on a server already", dir.display()))),
            (false, false) => return Err(StoreError::NoServer(format!("there is no office in {}: check --data", dir.display()))),
            // It counted, and was cut off before the file was put away.
            (true, true) => return put_away().map(|()| (Arrived { rows: 0, were_there: true }, kept.clone())),
            (false, true) => {}
        }
        let begun = if moving.exists() { Some(secret_file::read(&moving)?) } else { None };
        if begun.is_some_and(|begun| begun.lines().next() != Some(url)) {
            return Err(StoreError::NoServer(format!("the office in {} was being moved to another address: give that one", dir.display())));
        }
        let server = Server::parse(url)?;
        let from = store::office::open_alone(&file)?;
        let office = settings::read(&from, "office")?.and_then(|id| OfficeId::parse(&id));
        let office = office.ok_or_else(|| StoreError::Inconsistent("an office without an id".into()))?;
        let to = store::office::open_at(&server, Tenant::of(&office))?;
        let arrived = onto_server(&from, &to, || Ok(secret_file::write(&moving, &format!("{url}\n{office}"))?))?;
        Self::note(dir, url, &office)?;
        if let Connection::Embedded(file) = &from {
            store::forget_earlier(file)?;
        }
        // While it is still ours alone: who waits for it finds it gone.
        put_away()?;
        drop(from);
        Ok((arrived, kept))
    }

    /// Opens the database and brings it up to date.
    pub fn open(&self) -> Result<Connection, StoreError> {
        match self {
            Self::File(path) => store::office::open(path),
            Self::Server(server, tenant) => store::office::open_at(server, *tenant),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_says_where_its_rows_are() {
        let dir = tempfile::tempdir().expect("a folder");
        let place = || Place::of(dir.path());
        assert!(place().expect("read").is_none());
        let file = dir.path().join("office.db");
        std::fs::write(&file, "").expect("written");
        assert!(matches!(place().expect("read"), Some(Place::File(path)) if path == file));
        let office = OfficeId::parse("05562032").expect("an id");
        Place::begin(dir.path(), "postgres://a:geheim@localhost/b", &office).expect("noted");
        let found = place().expect("read").expect("a place");
        assert!(matches!(found, Place::Server(_, tenant) if tenant == Tenant::of(&office)));
        assert!(!format!("{found:?}").contains("geheim"));
        std::fs::write(dir.path().join(SERVER_FILE), "postgres://a:geheim@localhost/b\n").expect("written");
        let why = place().expect_err("no office").to_string();
        assert!(why.contains("second line") && !why.contains("geheim"), "{why}");
        assert!(Place::begin(dir.path(), "postgres://a@localhost/other", &office).is_err(), "the folder names another server");
        Place::give_up(dir.path());
        assert!(Place::begin(dir.path(), "postgres://a@elsewhere.example/b", &office).is_err());
        Place::begin(dir.path(), "postgres://a@localhost/other", &office).expect("nothing came of the first");
    }
}

//! The audit log: who looked up or did what, in a chain that shows when something was changed or left out.

use super::{Office, OfficeError, Work};
use crate::book::entry::Head;
use crate::shell::store::office::audit::{self, Record};
use crate::shell::store::sql::Connection;
use crate::words::ids::{Hash, OfficeId};
use crate::words::time::UtcMs;

/// How many records are read at once when the chain is checked.
const RECORDS_AT_ONCE: u64 = 5_000;

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $german:literal;)*) => {
        /// What a record of the audit log is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Action { $($(#[$doc])* $name,)* }

        impl Action {
            /// All actions.
            pub const ALL: &[Action] = &[$(Self::$name,)*];

            /// The stable name.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The action with this stable name.
            pub fn from_code(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|action| action.code() == code)
            }

            /// The name for people.
            pub const fn german(self) -> &'static str {
                match self { $(Self::$name => $german,)* }
            }
        }
    };
}

actions! {
    /// A clerk signed in.
    SignIn = "sign_in", "angemeldet";
    /// Somebody failed to sign in.
    SignInFailed = "sign_in_failed", "Anmeldung gescheitert";
    /// A clerk signed out, or a session was ended.
    SignOut = "sign_out", "abgemeldet";
    /// A clerk's account was made, changed or closed.
    Clerk = "clerk", "Konto geändert";
    /// A case was looked at.
    Look = "look", "Fall angesehen";
    /// Somebody searched by token number or case reference.
    Search = "search", "gesucht";
    /// A token was issued.
    Issue = "issue", "Karte ausgestellt";
    /// A token was stopped, suspended, extended, re-issued or returned.
    Token = "token", "Karte geändert";
    /// A phone was invited, added or taken out, or got a token.
    Phone = "phone", "Handy geändert";
    /// Letters, cards or slips were printed.
    Print = "print", "gedruckt";
    /// A file was taken in.
    Import = "import", "Datei eingelesen";
    /// Lines were decided by a clerk.
    Rule = "rule", "entschieden";
    /// A waiting batch was decided by a clerk.
    Batch = "batch", "Abrechnung entschieden";
    /// The rules decided what they could.
    Reconcile = "reconcile", "abgeglichen";
    /// A claim was entered for a provider.
    Claim = "claim", "Forderung erfasst";
    /// A payment was drawn up and signed.
    DrawUp = "draw_up", "Zahlung vorbereitet";
    /// A payment was released.
    Release = "release", "Zahlung freigegeben";
    /// A bank's file was taken in.
    Bank = "bank", "Bankdatei eingelesen";
    /// What a bank said was cleared up by a clerk.
    BankDoubt = "bank_doubt", "Bankmeldung geklärt";
    /// A provider, an agreement, a calendar or an enrolment code was changed.
    Provider = "provider", "Anbieter geändert";
    /// A setting was changed.
    Setting = "setting", "Einstellung geändert";
    /// Data left the office: an export, a statistic, a list.
    Export = "export", "ausgegeben";
    /// Data was purged.
    Purge = "purge", "gelöscht";
}

/// A record whose content or place in the chain is not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the audit log is broken at record {seq}: keep the database as evidence and restore the last backup beside it")]
pub struct Broken {
    /// The record's number.
    pub seq: u64,
}

impl Office {
    /// Logs something in a transaction of its own: for look-ups, and for what changes nothing in the database.
    pub fn note(&mut self, by: &str, action: Action, object: &str, detail: &str, now: UtcMs) -> Result<(), OfficeError> {
        self.in_transaction(|work| work.note(by, action, object, detail, now))
    }

    /// Checks the whole audit log: how many records it has, or where it is broken.
    pub fn verify_audit(&self) -> Result<Result<u64, Broken>, OfficeError> {
        verify(&self.db, &self.profile.id)
    }
}

impl Work<'_> {
    /// Logs what this transaction does: both are stored or neither. `object` and `detail` name no case reference and no legal basis.
    pub(super) fn note(&mut self, by: &str, action: Action, object: &str, detail: &str, now: UtcMs) -> Result<(), OfficeError> {
        self.note_each(by, action, std::iter::once((object.to_owned(), detail.to_owned())), now)
    }

    /// The same of many objects, each with its detail.
    pub(super) fn note_each(
        &mut self,
        by: &str,
        action: Action,
        notes: impl Iterator<Item = (String, String)>,
        now: UtcMs,
    ) -> Result<(), OfficeError> {
        let mut head = audit::head(&self.db)?.unwrap_or_else(|| first(&self.profile.id));
        let mut records = Vec::new();
        for (object, detail) in notes {
            let salt = self.chance.bytes();
            let content = content(now, by, action.code(), &object, &detail, &salt);
            head = head.after_hash(content);
            records.push(Record {
                seq: head.seq,
                at: now,
                clerk: Some(by.to_owned()),
                action: action.code().to_owned(),
                object: Some(object),
                detail: Some(detail),
                salt: Some(salt),
                content,
                link: head.link,
            });
        }
        Ok(audit::insert_all(&self.db, &records)?)
    }
}

/// Where the chain begins: at the office's own id.
fn first(office: &OfficeId) -> Head {
    Head { seq: 0, link: Hash::of(&[b"teilhabe/audit/1", office.to_string().as_bytes()]) }
}

/// The hash of a record. Each part is preceded by its length, so that no two records have the same text; the random salt, purged with the
/// content, keeps that from being guessed.
fn content(at: UtcMs, clerk: &str, action: &str, object: &str, detail: &str, salt: &[u8; 16]) -> Hash {
    let at = at.0.to_be_bytes();
    let parts = [clerk, action, object, detail].map(str::as_bytes);
    let lengths = parts.map(|part| (part.len() as u64).to_be_bytes());
    Hash::of(&[&at, &lengths[0], parts[0], &lengths[1], parts[1], &lengths[2], parts[2], &lengths[3], parts[3], salt])
}

/// See [`Office::verify_audit`].
pub fn verify(db: &Connection, office: &OfficeId) -> Result<Result<u64, Broken>, OfficeError> {
    let mut at = AuditCheck::default();
    loop {
        match at.step(db, office)? {
            Ok(Some(_)) => {}
            Ok(None) => return Ok(Ok(at.checked())),
            Err(broken) => return Ok(Err(broken)),
        }
    }
}

/// A check of the audit log in small steps, so that others have their turn.
#[derive(Clone, Copy, Debug, Default)]
pub struct AuditCheck(Option<Head>);

impl AuditCheck {
    /// How many records are checked.
    pub fn checked(&self) -> u64 {
        self.0.map_or(0, |head| head.seq)
    }

    /// Checks some more records: how many there are at this moment, none when all are checked, or where the chain is broken.
    pub fn step(&mut self, db: &Connection, office: &OfficeId) -> Result<Result<Option<u64>, Broken>, OfficeError> {
        let mut head = self.0.unwrap_or_else(|| first(office));
        let records = audit::records(db, head.seq, RECORDS_AT_ONCE)?;
        if records.is_empty() {
            return Ok(Ok(None));
        }
        for record in records {
            let whole = record.clerk.as_deref().zip(record.object.as_deref()).zip(record.detail.as_deref()).zip(record.salt.as_ref());
            let sound = whole
                .is_none_or(|(((clerk, object), detail), salt)| content(record.at, clerk, &record.action, object, detail, salt) == record.content);
            let after = head.after_hash(record.content);
            if !sound || after.seq != record.seq || after.link != record.link {
                return Ok(Err(Broken { seq: head.seq + 1 }));
            }
            head = after;
        }
        self.0 = Some(head);
        Ok(Ok(Some(audit::head(db)?.map_or(0, |last| last.seq))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::store::office::open_in_memory;

    fn office_id() -> OfficeId {
        OfficeId::parse("05562032").expect("an id")
    }

    fn logged() -> Connection {
        let db = open_in_memory().expect("a database");
        let mut head = first(&office_id());
        for n in 0..5u64 {
            let content = content(UtcMs(n), "Anna", "look", "child/1", "", &[7; 16]);
            head = head.after_hash(content);
            let text = |text: &str| Some(text.to_owned());
            let (object, detail) = (text("child/1"), text(""));
            let (clerk, salt) = (text("Anna"), Some([7; 16]));
            let record = Record { seq: head.seq, at: UtcMs(n), clerk, action: "look".into(), object, detail, salt, content, link: head.link };
            audit::insert_all(&db, &[record]).expect("logged");
        }
        db
    }

    #[test]
    fn the_log_only_grows() {
        let db = logged();
        assert_eq!(verify(&db, &office_id()).expect("read"), Ok(5));
        for sql in [
            "DELETE FROM audit",
            "UPDATE audit SET clerk = 'Berta'",
            "UPDATE audit SET at = 9, clerk = NULL, object = NULL, detail = NULL, salt = NULL",
        ] {
            assert!(db.execute(sql, []).is_err(), "{sql}");
        }
        db.execute("UPDATE audit SET clerk = NULL, object = NULL, detail = NULL, salt = NULL WHERE seq = 2", []).expect("purged");
        assert_eq!(verify(&db, &office_id()).expect("read"), Ok(5), "the chain is provable without the content");
    }

    #[test]
    fn whoever_goes_round_the_triggers_is_found_out() {
        let broken = |sql: &str| {
            let db = logged();
            db.execute_batch(&format!("DROP TRIGGER audit_is_not_deleted; DROP TRIGGER audit_is_not_changed; {sql}")).expect("changed");
            verify(&db, &office_id()).expect("read")
        };
        assert_eq!(broken("UPDATE audit SET clerk = 'Berta' WHERE seq = 3"), Err(Broken { seq: 3 }));
        assert_eq!(broken("UPDATE audit SET action = 'search' WHERE seq = 1"), Err(Broken { seq: 1 }));
        assert_eq!(broken("DELETE FROM audit WHERE seq = 2"), Err(Broken { seq: 2 }));
        assert_eq!(broken("UPDATE audit SET link = zeroblob(32) WHERE seq = 5"), Err(Broken { seq: 5 }));
        let other = OfficeId::parse("05562033").expect("an id");
        assert_eq!(verify(&logged(), &other).expect("read"), Err(Broken { seq: 1 }));
    }

    #[test]
    fn every_action_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = Action::ALL.iter().map(|action| action.code()).collect();
        assert_eq!(names.len(), Action::ALL.len());
    }
}

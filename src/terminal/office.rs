//! What the offices have said, opened and verified once, and looked at again when it changes.

use super::card::Remembered;
use crate::admit::credential::Credential;
use crate::admit::status::StatusList;
use crate::admit::token::Entitlement;
use crate::admit::trust::{Purpose, TrustList};
use crate::book::decide::House;
use crate::book::entry::ClockState;
use crate::shell::store::StoreError;
use crate::shell::store::terminal::{OfficeNumber, OfficeRow, TerminalStore, Tx};
use crate::words::code::Code;
use crate::words::ids::{OfficeId, TerminalId};
use crate::words::keys::PublicKey;
use crate::words::sealed::DocType;
use crate::words::service::Service;
use crate::words::time::UtcMs;

/// After how long documents are opened anew: a key may have been withdrawn with effect from then.
const OUTDATED_MS: u64 = 60 * 60 * 1000;

/// One office the terminal is enrolled at.
#[derive(Debug)]
pub struct Office {
    pub(super) number: OfficeNumber,
    /// Its official key.
    pub id: OfficeId,
    /// Where it is reached.
    pub url: String,
    /// Its root key.
    pub root: PublicKey,
    /// The terminal's admission; none after a restore, or when the key that signed it was withdrawn.
    pub credential: Option<Credential>,
    /// Its last status list.
    pub status: Option<StatusList>,
    /// The last advice stored, by the office's count.
    pub cursor: u64,
    /// When it was last heard of; zero for never.
    pub heard_at: UtcMs,
    /// Whether it holds another history of this terminal's journal.
    pub disputed: bool,
    /// The terminal that continues this one's journal, as the office says.
    pub successor: Option<TerminalId>,
}

/// All offices, each with its trust list.
#[derive(Debug)]
pub struct Offices {
    list: Vec<Office>,
    trusts: Vec<TrustList>,
    /// What each was opened from.
    papers: Vec<Papers>,
    /// Tokens verified against these trust lists.
    pub(super) verified: Remembered<Entitlement>,
    version: i64,
    loaded: UtcMs,
}

/// The signed bytes of one office: the same bytes are verified once.
#[derive(Debug, PartialEq, Eq)]
struct Papers {
    root: [u8; 32],
    trust: Vec<u8>,
    credential: Option<Vec<u8>>,
    status: Option<Vec<u8>>,
}

impl Offices {
    pub(super) fn load(store: &mut TerminalStore, now: UtcMs) -> Result<Self, StoreError> {
        Self::load_after(None, store, now)
    }

    /// The same, after `self`: what has not changed is not verified anew, only whether its key still counts.
    pub(super) fn load_again(&self, store: &mut TerminalStore, now: UtcMs) -> Result<Self, StoreError> {
        Self::load_after(Some(self), store, now)
    }

    fn load_after(before: Option<&Self>, store: &mut TerminalStore, now: UtcMs) -> Result<Self, StoreError> {
        let version = store.version()?;
        let rows = store.read(|tx: &Tx<'_>| tx.offices())?;
        let (mut list, mut trusts, mut papers) = (Vec::new(), Vec::new(), Vec::new());
        for row in rows {
            let known = before.and_then(|before| before.opened_from(&row));
            let (office, trust, from) = open(row, known, now)?;
            list.push(office);
            trusts.push(trust);
            papers.push(from);
        }
        Ok(Self { list, trusts, papers, verified: Remembered::default(), version, loaded: now })
    }

    /// The office as it was opened before, where its trust list is still the same.
    fn opened_from(&self, row: &OfficeRow) -> Option<Known<'_>> {
        let place = self.list.iter().position(|office| office.id == row.id)?;
        let known = (self.list.get(place)?, self.trusts.get(place)?, self.papers.get(place)?);
        Some(known).filter(|(_, _, papers)| papers.root == row.root && papers.trust == row.trust)
    }

    pub(super) fn is_outdated(&self, store: &TerminalStore, now: UtcMs) -> Result<bool, StoreError> {
        Ok(now.since(self.loaded) > OUTDATED_MS || self.loaded.since(now) > OUTDATED_MS || store.version()? != self.version)
    }

    /// Every office with its trust list.
    pub fn iter(&self) -> impl Iterator<Item = (&Office, &TrustList)> {
        self.list.iter().zip(&self.trusts)
    }

    /// The trust lists, to verify tokens with.
    pub fn trusts(&self) -> &[TrustList] {
        &self.trusts
    }

    /// The office with this id.
    pub fn find(&self, id: &OfficeId) -> Option<(&Office, &TrustList)> {
        self.iter().find(|(office, _)| office.id == *id)
    }

    /// The office with this number in the database, with its trust list.
    pub fn with_number(&self, number: OfficeNumber) -> Option<(&Office, &TrustList)> {
        self.iter().find(|(office, _)| office.number == number)
    }

    pub(super) fn numbered(&self, number: OfficeNumber) -> Option<&Office> {
        self.list.iter().find(|office| office.number == number)
    }

    /// The service with this code, at the first office that has agreed it.
    pub fn service(&self, code: &Code) -> Option<(&Office, &Service)> {
        self.list.iter().find_map(|office| Some((office, office.credential.as_ref()?.service(code)?)))
    }
}

impl Office {
    /// What a decision needs to know of this office.
    pub(super) const fn house<'a>(&'a self, trust: &'a TrustList, clock: ClockState) -> House<'a> {
        House { trust, credential: self.credential.as_ref(), status: self.status.as_ref(), clock }
    }
}

type Known<'o> = (&'o Office, &'o TrustList, &'o Papers);

fn open(row: OfficeRow, known: Option<Known<'_>>, now: UtcMs) -> Result<(Office, TrustList, Papers), StoreError> {
    let damaged = |what: &str| StoreError::Inconsistent(format!("{what} of office {}", row.id));
    let (root, trust) = match known {
        Some((office, trust, _)) => (office.root.clone(), trust.clone()),
        None => {
            let root = PublicKey::from_bytes(&row.root).ok_or_else(|| damaged("the root key"))?;
            let trust = TrustList::open(&row.trust, &root).map_err(|error| damaged(&format!("the trust list ({error})")))?;
            (root, trust)
        }
    };
    let credential = row.credential.as_deref().and_then(|bytes| {
        let before = known.filter(|(_, _, papers)| papers.credential.as_deref() == Some(bytes)).and_then(|(office, ..)| office.credential.as_ref());
        let holds = |c: &&Credential| trust.still_counts(bytes, DocType::Credential, Purpose::Documents, c.issued, now);
        before.filter(holds).cloned().or_else(|| Credential::open(bytes, &trust, now).ok())
    });
    let status = row.status.as_deref().and_then(|bytes| {
        let before = known.filter(|(_, _, papers)| papers.status.as_deref() == Some(bytes)).and_then(|(office, ..)| office.status.as_ref());
        let holds = |list: &&StatusList| trust.still_counts(bytes, DocType::StatusList, Purpose::StatusLists, list.issued.ms(), now);
        before.filter(holds).cloned().or_else(|| StatusList::open(bytes, &trust, now).ok())
    });
    let office = Office {
        number: row.number,
        credential,
        status,
        id: row.id,
        url: row.url,
        root,
        cursor: row.cursor,
        heard_at: row.heard_at,
        disputed: row.disputed,
        successor: row.successor.as_deref().and_then(TerminalId::from_slice),
    };
    let papers = Papers { root: row.root, trust: row.trust, credential: row.credential, status: row.status };
    Ok((office, trust, papers))
}

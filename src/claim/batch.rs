//! A claim batch: one stretch of a terminal's journal as one office may see it.

use crate::book::entry::{Entry, Head, MAX_ENTRY_BYTES};
use crate::words::cbor::{Keys, Malformed, Reader, Writer, present};
use crate::words::ids::{BatchId, Hash, OfficeId, ProviderNumber, TerminalId};
use crate::words::service::read_ms;
use crate::words::time::UtcMs;
use serde::Serialize;

/// The most journal entries one batch may cover.
pub const MAX_ITEMS: usize = 50_000;

/// One journal entry in a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Item {
    /// The entry's bytes: it concerns this office.
    Shown(#[serde(serialize_with = "crate::words::hex::bytes")] Vec<u8>),
    /// Only its hash: it concerns another one, and continues the chain.
    Hidden(Hash),
}

impl Item {
    /// The entry with these bytes as `office` may see it.
    pub fn of(entry: &Entry, bytes: Vec<u8>, office: &OfficeId) -> Self {
        if entry.body.is_shown_to(office) { Self::Shown(bytes) } else { Self::Hidden(Hash::of(&[&bytes])) }
    }

    /// SHA-256 of the entry.
    pub fn hash(&self) -> Hash {
        match self {
            Self::Shown(bytes) => Hash::of(&[bytes]),
            Self::Hidden(hash) => *hash,
        }
    }
}

/// A batch, not yet checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Draft {
    /// The batch's random id.
    pub id: BatchId,
    /// The office that is to pay.
    pub office: OfficeId,
    /// The office's number for the provider.
    pub provider: ProviderNumber,
    /// The terminal.
    pub terminal: TerminalId,
    /// When it was made.
    pub created: UtcMs,
    /// Where the journal stood before the first item.
    pub before: Head,
    /// One item an entry, in order.
    pub items: Vec<Item>,
    /// The link after the last item.
    pub last_link: Hash,
}

impl Draft {
    /// A draft of `items` that follow `before`.
    pub fn new(
        id: BatchId,
        office: OfficeId,
        provider: ProviderNumber,
        terminal: TerminalId,
        before: Head,
        items: Vec<Item>,
        created: UtcMs,
    ) -> Self {
        let last_link = items.iter().fold(before, |head, item| head.after_hash(item.hash())).link;
        Self { id, office, provider, terminal, created, before, items, last_link }
    }

    /// Where the journal stands after the last item.
    pub fn after(&self) -> Head {
        Head { seq: self.before.seq.saturating_add(self.items.len() as u64), link: self.last_link }
    }

    /// Reads the content of a batch document.
    pub fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let at = r.position();
        let (mut id, mut office, mut provider, mut terminal, mut created) = (None, None, None, None, None);
        let (mut first, mut link, mut items, mut last_link) = (None, None, None, None);
        r.map(Keys::Open, |key, r| {
            match key {
                1 => id = Some(BatchId::read(r)?),
                2 => office = Some(OfficeId::read(r)?),
                3 => provider = Some(ProviderNumber::read(r)?),
                4 => terminal = Some(TerminalId::read(r)?),
                5 => created = Some(read_ms(r)?),
                6 => first = Some(r.uint()?),
                7 => link = Some(Hash::read(r)?),
                8 => items = Some(r.list(0, MAX_ITEMS, read_item)?),
                9 => last_link = Some(Hash::read(r)?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        let first: u64 = present(first, "a batch without first number", at)?;
        let before = first.checked_sub(1).ok_or(Malformed::new("a journal begins with entry 1", at))?;
        Ok(Self {
            id: present(id, "a batch without id", at)?,
            office: present(office, "a batch without office", at)?,
            provider: present(provider, "a batch without provider", at)?,
            terminal: present(terminal, "a batch without terminal", at)?,
            created: present(created, "a batch without time", at)?,
            before: Head { seq: before, link: present(link, "a batch without first link", at)? },
            items: present(items, "a batch without items", at)?,
            last_link: present(last_link, "a batch without last link", at)?,
        })
    }

    /// Writes the content of a batch document.
    pub fn write(&self, w: &mut Writer) {
        w.map(|m| {
            m.key(1).bytes(&self.id.0);
            self.office.write(m.key(2));
            m.key(3).uint(self.provider.0.into());
            m.key(4).bytes(&self.terminal.0);
            m.key(5).uint(self.created.0);
            m.key(6).uint(self.before.seq.saturating_add(1));
            m.key(7).bytes(&self.before.link.0);
            m.key(8).list(&self.items, |w, item| match item {
                Item::Shown(bytes) => {
                    w.array(1);
                    w.bytes(bytes);
                }
                Item::Hidden(hash) => w.bytes(&hash.0),
            });
            m.key(9).bytes(&self.last_link.0);
        });
    }
}

fn read_item(r: &mut Reader<'_>) -> Result<Item, Malformed> {
    if !r.array_follows() {
        return Hash::read(r).map(Item::Hidden);
    }
    let at = r.position();
    let bytes = r.array(1, 1, |r, _| r.bytes().map(<[u8]>::to_vec))?;
    if bytes.len() > MAX_ENTRY_BYTES { Err(Malformed::new("an entry is larger than allowed", at)) } else { Ok(Item::Shown(bytes)) }
}

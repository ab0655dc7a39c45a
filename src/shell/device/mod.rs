//! Scanners and card readers that the service reads by itself: no page must have the focus, and no keyboard layout comes between.
//!
//! `watch` looks for what the allow-list names, `hid` and `serial` open it, `line` reads it, `keys`, `pos` and `frame` make scans of bytes. Cards:
//! `cards` waits for them (feature `pcsc`), `chip` talks with one, `ndef` reads what it holds.

#[cfg(feature = "terminal")]
pub mod allowed;
#[cfg(feature = "pcsc")]
pub mod cards;
pub mod chip;
pub mod frame;
#[cfg(feature = "terminal")]
mod hid;
pub mod keys;
#[cfg(feature = "terminal")]
mod line;
pub mod ndef;
pub mod pos;
#[cfg(feature = "terminal")]
mod serial;
#[cfg(feature = "terminal")]
pub mod watch;

use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;

/// Where the system keeps its devices. Tests put a folder of their own in its place.
#[derive(Clone, Debug)]
pub struct Places {
    /// The folder of `input/event0` and `hidraw0`.
    pub dev: PathBuf,
    /// The folder of `class/input` and `class/hidraw`.
    pub sys: PathBuf,
}

impl Default for Places {
    fn default() -> Self {
        Self { dev: "/dev".into(), sys: "/sys".into() }
    }
}

/// What kind of reader it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A hand scanner, or a reader of chips that types.
    Scanner,
    /// A reader of chip cards.
    Cards,
}

/// How a reader stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is there and is read.
    Connected,
    /// It is not there: never was, or was unplugged.
    Unplugged,
    /// It is there, and this service may not read it.
    Forbidden,
    /// It is there, and another program has it.
    Busy,
    /// The system's service for card readers does not run.
    NoService,
}

/// A reader as people are told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// Which one of the list of readers; stays the same when it is plugged in again.
    pub id: String,
    /// What its maker calls it, or what the allow-list says.
    pub name: String,
    /// What it reads.
    pub kind: Kind,
    /// How it stands.
    pub standing: Standing,
}

/// What went wrong with one reading: one plain sentence each, and nothing was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// What arrives is no text: the wrong speed, mostly.
    Garbled,
    /// It stopped before its end.
    Incomplete,
    /// The reader was unplugged in the middle.
    Torn,
    /// The computer was too busy, and keys were lost.
    Lost,
    /// More scans wait for a page than are kept.
    Full,
    /// The card was taken away before it was read.
    CardGone,
    /// Several cards lie on the reader.
    TwoCards,
    /// The card's content breaks off, or says another length than it has.
    CardTorn,
    /// The card does not answer as cards do.
    CardMute,
}

/// Something that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scanned {
    /// The reader's [`Reader::id`].
    pub reader: String,
    /// The text, as a keyboard would have typed it.
    pub text: String,
    /// What ended it.
    pub ending: frame::Ending,
    /// Whether it is the content of a card's chip.
    pub from_card: bool,
}

/// What the watchers tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// How a reader stands has changed.
    Stands(Reader),
    /// Something was read.
    Scan(Scanned),
    /// A reading came to nothing; the first is the reader's id.
    Trouble(String, Trouble),
}

/// Whom the watchers tell. Called from their threads; must not block.
#[derive(Clone)]
pub struct Listener(Arc<dyn Fn(Told) + Send + Sync>);

impl Listener {
    /// A listener that calls `hear`.
    pub fn new(hear: impl Fn(Told) + Send + Sync + 'static) -> Self {
        Self(Arc::new(hear))
    }

    /// Tells it.
    pub fn tell(&self, told: Told) {
        (self.0)(told);
    }
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Listener")
    }
}

//! FIT-Connect, the German administration's transport: the envelope that HTTP and the stick carry, as the attachment of a submission.
//!
//! ```text
//!  terminal ─ send ─► delivery service ◄─ receive ─ office ─ exchange(envelope) ─► answer, as a file
//!         ◄─ event log: submitted, accepted, rejected, each signed ─┘
//! ```
//!
//! Built from public texts, cited where they are used; never run against the real service (docs/FIT-CONNECT.md):
//! - `https://docs.fitko.de/fit-connect/docs/` (pages `sending/…`, `receiving/…`, `getting-started/event-log/…`, `metadata/…`), Submission API
//!   1.0.7 in `https://git.fitko.de/fit-connect/sdk-java`;
//! - for version 2 of the Submission API, two public clients that speak it: `github.com/optiGov/php-fitconnect`, and a client whose notes
//!   say which requests its author saw answered by FITKO's test service on 2026-06-14.

mod config;
mod event;
mod jose;
mod metadata;
#[cfg(feature = "office")]
mod receive;
#[cfg(feature = "terminal")]
mod send;
mod service;

pub use config::{Access, ReceiverConfig, SenderConfig};
pub use event::{Event, Happened, Tags};
pub use jose::{Jwk, KeyRefused, NotOpened, PrivateKey, PublicKey, Use, decrypt, encrypt, sign};
pub use metadata::Metadata;
#[cfg(feature = "office")]
pub use receive::{Pass, Receiver};
#[cfg(feature = "terminal")]
pub use send::{Course, Outcome, Sender, State, Waiting};

use crate::shell::secret_file::SecretFileError;
use crate::words::chance::Chance;

/// Why FIT-Connect did not carry an envelope. Each is one sentence for the person who asked; nothing is lost by any.
#[derive(Debug, thiserror::Error)]
pub enum FitConnectError {
    /// The file with the settings.
    #[error("{0}")]
    Settings(String),
    /// A key or the client's secret cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretFileError),
    /// A key that may not be used.
    #[error("the key {which} of FIT-Connect cannot be used: {why}")]
    Key {
        /// Which key.
        which: String,
        /// What is wrong with it.
        why: KeyRefused,
    },
    /// No connection.
    #[error("FIT-Connect cannot be reached at {url} ({why}): check the network, or use a USB stick; nothing is lost")]
    Unreachable {
        /// Where.
        url: String,
        /// What the network said.
        why: String,
    },
    /// The client is not known there, or its secret is wrong.
    #[error(
        "FIT-Connect does not know this client ({said}): check client_id and the secret's file, and whether the client was connected with the destination in the self-service portal"
    )]
    Credentials {
        /// What it said.
        said: String,
    },
    /// It asks to be left alone for a while.
    #[error("FIT-Connect is busy and asks for patience: it is tried again later; nothing is lost")]
    Busy,
    /// It said no.
    #[error("FIT-Connect declined to {what} ({status}): {said}")]
    Declined {
        /// What was asked for.
        what: &'static str,
        /// The HTTP status.
        status: u16,
        /// What it said.
        said: String,
    },
    /// Its answer is not what is documented.
    #[error("FIT-Connect's answer to {what} is not understood ({why}): tell whoever looks after this program; nothing is lost")]
    Answer {
        /// What was asked for.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The destination does not take submissions.
    #[error("the destination {0} takes no submissions at present: ask the office")]
    NotActive(String),
    /// What is noted of earlier submissions cannot be read or written.
    #[error("{0}")]
    Notes(String),
    /// The place for answers cannot be written.
    #[error("{0}")]
    Answers(String),
}

/// A random UUID (RFC 9562, version 4), as submissions, attachments and events are named.
fn uuid(chance: &mut Chance) -> String {
    let mut bytes: [u8; 16] = chance.bytes();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = data_encoding::HEXLOWER.encode(&bytes);
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// Whether a name may stand in a path: what the service calls a UUID must be one, whatever it sends.
fn is_uuid(text: &str) -> bool {
    let dashes = [8, 13, 18, 23];
    text.len() == 36 && text.bytes().enumerate().all(|(n, b)| if dashes.contains(&n) { b == b'-' } else { b.is_ascii_hexdigit() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_uuids_and_nothing_else_gets_into_a_path() {
        let made = uuid(&mut Chance::seeded(1));
        assert!(is_uuid(&made) && made.as_bytes()[14] == b'4', "{made}");
        for no in [
            "",
            "../../v2/destinations",
            "879ee109-a690-4db8-ab32-424284184d7",
            "879ee109_a690-4db8-ab32-424284184d7d",
            "zzzee109-a690-4db8-ab32-424284184d7d",
        ] {
            assert!(!is_uuid(no), "{no}");
        }
    }
}

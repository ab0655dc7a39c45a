//! Storno: a counter-record to one redemption. Nothing is ever deleted.

use super::entry::{Body, Cancellation, Entry};
use crate::words::code::Code;
use crate::words::ids::Hash;

/// Why a redemption cannot be cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotCancel {
    /// There is no such redemption.
    #[error("there is no such redemption in this journal")]
    NoSuchRedemption,
    /// It was cancelled before.
    #[error("it was cancelled before, by entry {by}")]
    CancelledBefore {
        /// The cancellation's number.
        by: u64,
    },
}

/// The counter-record to the redemption with these bytes; `cancelled_by` is the earlier cancellation of it, if any.
pub fn cancellation(bytes: &[u8], cancelled_by: Option<u64>, reason: Code) -> Result<Cancellation, CannotCancel> {
    let entry = Entry::from_bytes(bytes).map_err(|_| CannotCancel::NoSuchRedemption)?;
    let Body::Redemption(redemption) = entry.body else { return Err(CannotCancel::NoSuchRedemption) };
    if let Some(by) = cancelled_by {
        return Err(CannotCancel::CancelledBefore { by });
    }
    Ok(Cancellation { seq: entry.seq, reason, office: redemption.office, entry: Hash::of(&[bytes]) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::entry::{Closed, Held};
    use crate::book::redemption::{Redemption, SeenAs};
    use crate::words::benefit::Benefit;
    use crate::words::cents::Cents;
    use crate::words::civil::CivilDay;
    use crate::words::ids::{AliasId, Handle, OfficeId, Salt, SlotId, TokenId};
    use crate::words::time::{UtcMs, UtcSeconds};

    fn bytes(body: Body) -> Vec<u8> {
        Entry { seq: 4, at: UtcMs(1), body, salt: Salt([0; 16]) }.to_bytes()
    }

    fn redemption() -> Body {
        Body::Redemption(Redemption {
            office: OfficeId::parse("05562032").expect("an office id"),
            token: TokenId([1; 16]),
            benefit: Benefit::Lunch,
            service: Code::parse("lunch").expect("a code"),
            day: CivilDay::EPOCH,
            units: 1,
            cents: Cents::new(450),
            slot: SlotId([2; 16]),
            seen_as: SeenAs::Qr,
            status_issued: UtcSeconds(0),
            data_age: crate::admit::status::DataAge::Red,
            operator: None,
            lesson: None,
            handle: Handle([3; 8]),
            charge: None,
            settles: None,
            full_price: None,
            proof: None,
        })
    }

    #[test]
    fn a_redemption_is_cancelled_once_and_named_by_its_content() {
        let (entry, reason) = (bytes(redemption()), Code::parse("mistake").expect("a code"));
        let cancelled = cancellation(&entry, None, reason.clone()).expect("nothing stands against it");
        assert_eq!((cancelled.seq, cancelled.entry, cancelled.office.as_str()), (4, Hash::of(&[&entry]), "05562032"));
        assert_eq!(cancellation(&entry, Some(9), reason.clone()), Err(CannotCancel::CancelledBefore { by: 9 }));
        let itself = bytes(Body::Cancellation(cancelled));
        assert_eq!(cancellation(&itself, None, reason), Err(CannotCancel::NoSuchRedemption));
    }

    #[test]
    fn nothing_but_a_redemption_is_cancelled() {
        let reason = Code::parse("mistake").expect("a code");
        let held = Held {
            alias: AliasId([1; 8]),
            benefit: Benefit::Lunch,
            service: reason.clone(),
            day: CivilDay::EPOCH,
            units: 1,
            cents: Cents::new(450),
            why: reason.clone(),
        };
        for other in [bytes(Body::Held(held)), bytes(Body::Closed(Closed { day: CivilDay::EPOCH })), b"rubbish".to_vec(), Vec::new()] {
            assert_eq!(cancellation(&other, None, reason.clone()), Err(CannotCancel::NoSuchRedemption));
        }
    }
}

//! How often an address may ask where no password stands before the work: enrolment and exchange. Kept in memory.

use super::caller::Caller;
use crate::words::time::UtcMs;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// How many addresses are remembered: the one that asked longest ago gives way.
const MAX_ADDRESSES: usize = 10_000;

/// How many requests an address has at once, and how long one takes to grow again.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    burst: u64,
    every_ms: u64,
}

/// A one-time code is tried once or twice; somebody guessing tries more.
pub const ENROLMENTS: Rate = Rate { burst: 10, every_ms: 30_000 };
/// A school's boxes share an address, and one that was offline for weeks asks many times in a row.
pub const EXCHANGES: Rate = Rate { burst: 600, every_ms: 250 };

/// A family's phones ask when the page is opened; behind one address there may be a whole school's.
pub const PHONES: Rate = Rate { burst: 60, every_ms: 2_000 };

/// Buckets by address: the time until which what was asked for is paid off.
#[derive(Debug, Default)]
pub struct Rates(Mutex<HashMap<IpAddr, UtcMs>>);

impl Rates {
    /// Takes one request of this caller's; otherwise the seconds to wait. A proxy on this machine that names nobody is not bounded.
    pub fn take(&self, rate: Rate, caller: &Caller, now: UtcMs) -> Result<(), u64> {
        let Some(address) = caller.address() else { return Ok(()) };
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !buckets.contains_key(&address) && buckets.len() >= MAX_ADDRESSES {
            buckets.retain(|_, paid| *paid > now);
            if buckets.len() >= MAX_ADDRESSES
                && let Some(idlest) = buckets.iter().min_by_key(|(_, paid)| **paid).map(|(address, _)| *address)
            {
                buckets.remove(&idlest);
            }
        }
        let paid = buckets.entry(address).or_insert(now);
        let after = (*paid).max(now).plus_ms(rate.every_ms);
        let allowed = now.plus_ms(rate.every_ms * rate.burst);
        if after > allowed {
            return Err(after.since(allowed).div_ceil(1000).max(1));
        }
        *paid = after;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::web::serve::Peer;
    use axum::http::{Extensions, HeaderMap};

    fn from(address: [u8; 4]) -> Caller {
        let mut extensions = Extensions::new();
        extensions.insert(Peer(address.into()));
        Caller::of(&extensions, &HeaderMap::new())
    }

    #[test]
    fn an_address_that_asks_too_often_waits_and_others_do_not() {
        let (rates, thief) = (Rates::default(), from([10, 0, 0, 66]));
        assert!((0..ENROLMENTS.burst).all(|_| rates.take(ENROLMENTS, &thief, UtcMs(1_000)).is_ok()));
        assert_eq!(rates.take(ENROLMENTS, &thief, UtcMs(1_000)), Err(30));
        assert_eq!(rates.take(ENROLMENTS, &thief, UtcMs(30_999)), Err(1));
        assert!(rates.take(ENROLMENTS, &from([10, 0, 0, 7]), UtcMs(1_000)).is_ok());
        assert!(rates.take(ENROLMENTS, &thief, UtcMs(31_000)).is_ok(), "one has grown again");
        assert!(rates.take(ENROLMENTS, &thief, UtcMs(31_000)).is_err());
        assert!((0..1_000).all(|_| rates.take(ENROLMENTS, &from([127, 0, 0, 1]), UtcMs(1)).is_ok()));
    }

    #[test]
    fn made_up_addresses_do_not_fill_the_memory() {
        let rates = Rates::default();
        for n in 0..u32::try_from(MAX_ADDRESSES).expect("few") + 500 {
            let _ = rates.take(ENROLMENTS, &from((0x0A00_0000 + n).to_be_bytes()), UtcMs(u64::from(n)));
        }
        assert_eq!(rates.0.lock().expect("not poisoned").len(), MAX_ADDRESSES);
    }
}

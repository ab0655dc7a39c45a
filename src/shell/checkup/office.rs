//! An office: its audit log, its documents, terminals that are silent or exist twice.

use super::Finding;
use crate::office::{KeyKind, Office, OfficeError};
use crate::shell::store::StoreError;
use crate::shell::store::office::swap::{SwapState, last_exchange, swaps};
use crate::words::civil::CivilDay;
use crate::words::time::{DAY_MS, UtcMs};

/// No office runs before this program was written: 2026-01-01.
const EARLIEST: UtcMs = UtcMs(1_767_225_600_000);
/// After how many days without a word from any terminal something is wrong with the way.
const SILENT_DAYS: u64 = 7;
/// How many days before its end a key should be followed by another, and after how many an announced one should sign.
const ENDS_DAYS: u64 = 120;
/// For how many days a journal that exists twice is pointed out.
pub const SWAP_DAYS: u64 = 14;

/// Looks at clock, audit log, how old the terminals' last word is, and journals that exist twice.
pub fn look_at(office: &mut Office, now: UtcMs) -> Vec<Finding> {
    let log = match office.verify_audit() {
        Ok(Ok(_)) => Finding::well("journal"),
        Ok(Err(broken)) => Finding::bad("journal", broken.to_string()),
        Err(error) => Finding::bad("journal", error.to_string()),
    };
    let trust = office.trust(now).err().map(|error| error.to_string());
    vec![
        clock(office, now),
        log,
        Finding::bad_if("trust list", trust),
        signing_keys(office, now),
        found("data age", data_age(office, now)),
        found("identity", identity(office, now)),
        match office.must_compare() {
            Ok(false) => Finding::well("payments"),
            Ok(true) => Finding::bad("payments", OfficeError::NotCompared.to_string()),
            Err(error) => Finding::bad("payments", error.to_string()),
        },
    ]
}

fn found(check: &'static str, looked: Result<Option<String>, StoreError>) -> Finding {
    match looked {
        Ok(None) => Finding::well(check),
        Ok(Some(wrong)) => Finding::warn(check, wrong),
        Err(error) => Finding::bad(check, error.to_string()),
    }
}

fn clock(office: &Office, now: UtcMs) -> Finding {
    if now < EARLIEST {
        return Finding::bad("clock", format!("it shows {}, which cannot be right: set date and time, and have them kept by NTP", now.rfc3339()));
    }
    match last_exchange(office.db()) {
        Ok(Some(last)) if last > now.plus_ms(DAY_MS) => {
            Finding::bad("clock", format!("it shows {}, but terminals were answered at {} already: set date and time", now.rfc3339(), last.rfc3339()))
        }
        Ok(_) => Finding::well("clock"),
        Err(error) => Finding::bad("clock", error.to_string()),
    }
}

/// Whether a key that signs ends soon, or a change of keys was begun and left.
fn signing_keys(office: &Office, now: UtcMs) -> Finding {
    let states = match office.key_states(now) {
        Ok(states) => states,
        Err(error) => return Finding::bad("signing keys", error.to_string()),
    };
    let signs = |kind| !matches!(kind, KeyKind::Root | KeyKind::Envelope);
    if let Some(over) = states.iter().find(|state| signs(state.kind) && state.until <= now) {
        let name = over.kind.name();
        return Finding::bad(
            "signing keys",
            format!("the {name} key has ended, terminals believe nothing new it signs: office rotate-key {name} --at-once, twice"),
        );
    }
    let ends = states.iter().find(|state| signs(state.kind) && state.until.0.saturating_sub(ENDS_DAYS * DAY_MS) <= now.0);
    let left = states.iter().find(|state| state.announced.is_some_and(|at| now.since(at) > ENDS_DAYS * DAY_MS));
    match (ends, left) {
        (Some(state), _) => {
            let day = CivilDay::of(state.until);
            Finding::warn(
                "signing keys",
                format!("the {0} key is good until {day}: have it followed by another, office rotate-key {0}", state.kind.name()),
            )
        }
        (None, Some(state)) => Finding::warn(
            "signing keys",
            format!("the next {0} key was announced long ago and signs nothing yet: office rotate-key {0}", state.kind.name()),
        ),
        (None, None) => Finding::well("signing keys"),
    }
}

fn data_age(office: &Office, now: UtcMs) -> Result<Option<String>, StoreError> {
    let last = last_exchange(office.db())?;
    Ok(last.filter(|last| now.since(*last) > SILENT_DAYS * DAY_MS).map(|last| {
        format!("no terminal has asked since {}: check that this server can be reached at the address the terminals know", last.rfc3339())
    }))
}

fn identity(office: &Office, now: UtcMs) -> Result<Option<String>, StoreError> {
    let since = UtcMs(now.0.saturating_sub(SWAP_DAYS * DAY_MS));
    Ok(swaps(office.db(), since)?.first().map(|swap| {
        let what = match swap.what {
            SwapState::BothWork => "was replaced and still works beside its successor",
            SwapState::OtherState => "shows another state of its journal than it has sent: a copy, or an old image",
        };
        format!("“{}” of {} {what}: call the provider; see the page of this provider", swap.label, swap.provider_name)
    }))
}

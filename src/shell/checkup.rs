//! What is wrong with a terminal and what to do: for `doctor` and for the page of settings. It looks, and repairs nothing.

use crate::admit::status::DataAge;
use crate::book::entry::ClockState;
use crate::terminal::Terminal;
use crate::terminal::clock::EARLIEST;
use crate::terminal::view::{OfficeStatus, Status};
use crate::words::time::{DAY_MS, UtcMs};

/// After how many days without a proven time the clock is worth a look.
const PROVEN_DAYS: u64 = 30;
/// After how many days an entry that no office has confirmed is worth a look.
const PENDING_DAYS: u64 = 7;

/// One thing looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its name.
    pub check: &'static str,
    /// What is wrong and what to do, in one sentence; none when all is well.
    pub wrong: Option<String>,
}

/// Looks at journal, clock, admission, data age and claims. Reads the whole journal.
pub fn look_at(terminal: &mut Terminal, now: UtcMs) -> Vec<Finding> {
    let journal = terminal.verify().err().map(|error| error.to_string());
    let status = match terminal.status(now) {
        Ok(status) => status,
        Err(error) => return vec![Finding { check: "database", wrong: Some(error.to_string()) }],
    };
    vec![
        Finding { check: "journal", wrong: journal },
        Finding { check: "clock", wrong: clock(&status, now) },
        Finding { check: "admission", wrong: first(&status, admission) },
        Finding { check: "data age", wrong: first(&status, data_age) },
        Finding { check: "claims", wrong: first(&status, |office| claims(office, now)) },
    ]
}

fn clock(status: &Status, now: UtcMs) -> Option<String> {
    if now < EARLIEST || status.clock == ClockState::Suspect {
        return Some(format!("it shows {}, which cannot be right: set date and time, then exchange", now.rfc3339()));
    }
    match status.proven {
        Some(proven) if now.since(proven) <= PROVEN_DAYS * DAY_MS => None,
        _ => Some("no office has confirmed the time for a long while: exchange by network".into()),
    }
}

fn first(status: &Status, look: impl Fn(&OfficeStatus) -> Option<String>) -> Option<String> {
    if status.offices.is_empty() {
        return Some("this terminal is enrolled nowhere yet: run terminal enrol".into());
    }
    status.offices.iter().find_map(|office| look(office).map(|wrong| format!("{}: {wrong}", office.name)))
}

fn admission(office: &OfficeStatus) -> Option<String> {
    (!office.admitted).then(|| "this terminal is not admitted there: ask for a new one-time code and run terminal enrol".into())
}

fn data_age(office: &OfficeStatus) -> Option<String> {
    match office.data_age {
        Some(DataAge::Green | DataAge::Amber) => None,
        Some(DataAge::Red) => Some("its last word is old: exchange soon, or scans will be refused".into()),
        None => Some("its last word is too old, scans are refused: exchange now".into()),
    }
}

fn claims(office: &OfficeStatus, now: UtcMs) -> Option<String> {
    if office.disputed {
        return Some("it holds another state of this terminal's journal: delete nothing and call it".into());
    }
    let oldest = office.pending.oldest.filter(|at| now.since(*at) > PENDING_DAYS * DAY_MS)?;
    Some(format!("{} entries are not confirmed, the oldest of {}: exchange", office.pending.entries, oldest.rfc3339()))
}

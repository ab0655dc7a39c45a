//! A terminal: journal, clock, admission, data age, claims.

use super::Finding;
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

/// Looks at journal, clock, admission, data age, claims and whether the journal exists twice. Reads the whole journal.
pub fn look_at(terminal: &mut Terminal, now: UtcMs) -> Vec<Finding> {
    let journal = terminal.verify().err().map(|error| format!("{error}: delete nothing, and restore the last backup onto another box"));
    let status = match terminal.status(now) {
        Ok(status) => status,
        Err(error) => return vec![Finding::bad("database", error.to_string())],
    };
    vec![
        Finding::bad_if("journal", journal),
        clock(&status, now),
        first("admission", &status, admission),
        first("data age", &status, data_age),
        first("claims", &status, |office| claims(office, now)),
        first("identity", &status, identity),
    ]
}

fn clock(status: &Status, now: UtcMs) -> Finding {
    if now < EARLIEST || status.clock == ClockState::Suspect {
        return Finding::bad("clock", format!("it shows {}, which cannot be right: set date and time, then exchange", now.rfc3339()));
    }
    match status.proven {
        Some(proven) if now.since(proven) <= PROVEN_DAYS * DAY_MS => Finding::well("clock"),
        _ => Finding::warn("clock", "no office has confirmed the time for a long while: exchange by network"),
    }
}

fn first(check: &'static str, status: &Status, look: impl Fn(&OfficeStatus) -> Option<(bool, String)>) -> Finding {
    if status.offices.is_empty() {
        return Finding::bad(check, "this terminal is enrolled nowhere yet: run terminal enrol");
    }
    let mut worst = Finding::well(check);
    for office in &status.offices {
        let Some((is_bad, wrong)) = look(office) else { continue };
        let wrong = format!("{}: {wrong}", office.name);
        let found = if is_bad { Finding::bad(check, wrong) } else { Finding::warn(check, wrong) };
        if found.grade > worst.grade {
            worst = found;
        }
    }
    worst
}

fn admission(office: &OfficeStatus) -> Option<(bool, String)> {
    (!office.admitted).then(|| (true, "this terminal is not admitted there: ask for a new one-time code and run terminal enrol".into()))
}

fn data_age(office: &OfficeStatus) -> Option<(bool, String)> {
    match office.data_age {
        Some(DataAge::Green | DataAge::Amber) => None,
        Some(DataAge::Red) => Some((false, "its last word is old: exchange soon, or scans will be refused".into())),
        None => Some((true, "its last word is too old, scans are refused: exchange now".into())),
    }
}

fn claims(office: &OfficeStatus, now: UtcMs) -> Option<(bool, String)> {
    let oldest = office.pending.oldest.filter(|at| now.since(*at) > PENDING_DAYS * DAY_MS)?;
    Some((false, format!("{} entries are not confirmed, the oldest of {}: exchange", office.pending.entries, oldest.rfc3339())))
}

fn identity(office: &OfficeStatus) -> Option<(bool, String)> {
    if office.disputed {
        return Some((
            true,
            "it holds another state of this terminal's journal, so this box is a copy or was set back: delete nothing and call it".into(),
        ));
    }
    office.successor.map(|new| (true, format!("terminal {new} continues this one's journal: exchange what is here, then use the new one only")))
}

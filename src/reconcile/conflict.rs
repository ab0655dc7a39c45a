//! Who wins a slot. The winner does not depend on the order of arrival (formats § 4).

use super::compare::data_age;
use super::register::{ChildFile, ClaimLine, Register};
use super::ruling::Choice;
use crate::admit::status::DataAge;
use crate::words::cents::Cents;
use crate::words::ids::{Hash, ProviderNumber};
use crate::words::time::UtcMs;
use std::collections::BTreeMap;

/// What became of a line in the contest for its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It holds the slot.
    Winner,
    /// It was settled and stands, though another line holds the slot now.
    Stands,
    /// The same provider claims the same thing with an earlier line.
    Duplicate {
        /// The index of the line that stays.
        of: usize,
    },
    /// Another provider's line holds the slot.
    Conflict {
        /// The index of that line.
        with: usize,
        /// A clerk has chosen between them.
        decided: bool,
    },
}

/// Smaller wins between lines of different providers.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    not_settled: bool,
    not_chosen: bool,
    not_home: bool,
    age: DataAge,
    time: UtcMs,
    hash: Hash,
}

/// The standing of each line in `contenders` (indexes into `lines`), all of which claim one slot.
pub fn contest(contenders: &[usize], lines: &[&ClaimLine], child: &ChildFile, register: &Register<'_>) -> Vec<(usize, Standing)> {
    let rank = |index: &usize| lines.get(*index).map(|line| rank(line, child, register));
    let mut champions: BTreeMap<ProviderNumber, usize> = BTreeMap::new();
    for index in contenders {
        let Some(line) = lines.get(*index) else { continue };
        let champion = champions.entry(line.provider).or_insert(*index);
        if lines.get(*champion).is_some_and(|other| earlier(line) < earlier(other)) {
            *champion = *index;
        }
    }
    let Some(winner) = champions.values().copied().min_by_key(|index| rank(index)) else { return Vec::new() };
    let standing = |index: usize| {
        let Some(line) = lines.get(index) else { return Standing::Winner };
        let champion = champions.get(&line.provider).copied().unwrap_or(winner);
        match index {
            _ if index == winner => Standing::Winner,
            _ if is_settled(line) => Standing::Stands,
            _ if index != champion => Standing::Duplicate { of: champion },
            _ => Standing::Conflict { with: winner, decided: lines.get(winner).is_some_and(|winner| chosen_over(winner, line)) },
        }
    };
    contenders.iter().map(|index| (*index, standing(*index))).collect()
}

/// Among lines of one provider the earlier stays; what is settled stands before all, then what a clerk chose.
fn earlier(line: &ClaimLine) -> (bool, bool, UtcMs, Hash) {
    (!is_settled(line), !chosen(line), line.time(), line.hash)
}

fn rank(line: &ClaimLine, child: &ChildFile, register: &Register<'_>) -> Rank {
    let token = child.tokens.get(&line.redemption.token).map(|t| &t.token);
    Rank {
        not_settled: !is_settled(line),
        not_chosen: !chosen(line),
        not_home: !token.is_some_and(|t| t.home_providers.contains(&line.provider)),
        age: data_age(line, register).unwrap_or(DataAge::Red),
        time: line.time(),
        hash: line.hash,
    }
}

/// What let one line go before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Criterion {
    /// It was paid before.
    Settled,
    /// A clerk chose it.
    Chosen,
    /// Its provider is a home provider of the child.
    Home,
    /// Its terminal had fresher data.
    Age,
    /// It was recorded earlier.
    Time,
    /// Nothing but the hash of the entry.
    Hash,
}

/// By what `winner` goes before `loser`.
pub fn criterion(winner: &ClaimLine, loser: &ClaimLine, child: &ChildFile, register: &Register<'_>) -> Criterion {
    let (a, b) = (rank(winner, child, register), rank(loser, child, register));
    match () {
        () if a.not_settled != b.not_settled => Criterion::Settled,
        () if a.not_chosen != b.not_chosen => Criterion::Chosen,
        () if a.not_home != b.not_home => Criterion::Home,
        () if a.age != b.age => Criterion::Age,
        () if a.time != b.time => Criterion::Time,
        () => Criterion::Hash,
    }
}

fn is_settled(line: &ClaimLine) -> bool {
    line.stands() > Cents::ZERO
}

fn chosen(line: &ClaimLine) -> bool {
    line.ruling.is_some_and(|ruling| matches!(ruling.choice, Choice::Accept | Choice::Cut(_)))
}

/// Whether a clerk who knew of `loser` chose `winner`: an earlier ruling was about something else.
fn chosen_over(winner: &ClaimLine, loser: &ClaimLine) -> bool {
    chosen(winner) && winner.ruling.is_some_and(|ruling| ruling.at >= loser.received)
}

//! Many children in one go: a fee, a trip, a lesson of a group. Each is decided on by itself, all are recorded together.

use super::counter::{Answer, CounterError, MAX_ASK, MAX_GROUP, NotWellFormed, Request, check_form, once, redeem_at};
use super::{Terminal, clock};
use crate::words::chance::Chance;
use crate::words::ids::Hash;
use crate::words::time::UtcMs;

/// The answer for one of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Whom it is about.
    pub person: u64,
    /// What they are called.
    pub name: String,
    /// The counter's answer.
    pub answer: Answer,
}

impl Terminal {
    /// Records the same for each of `people`, known from the lists. Every one has an ask of its own, made of the group's ask and the person:
    /// the same request again gets the same answers and records nothing twice.
    pub fn redeem_group(&mut self, request: &Request, people: &[u64], chance: &mut Chance, now: UtcMs) -> Result<Vec<Member>, CounterError> {
        let ask = request.ask.as_deref().filter(|ask| (1..=MAX_ASK).contains(&ask.len())).ok_or(NotWellFormed::AskTooLong)?;
        let mut people = people.to_vec();
        people.sort_unstable();
        people.dedup();
        if people.is_empty() || people.len() > MAX_GROUP {
            return Err(NotWellFormed::GroupSize.into());
        }
        check_form(request)?;
        self.at_desk(now, |desk| {
            clock::note(desk.journal, desk.clock, chance)?;
            let mut members = Vec::with_capacity(people.len());
            for person in people {
                let own = Request { ask: Some(ask_of(ask, person)), person: Some(person), code: String::new(), ..request.clone() };
                // Somebody deleted since then is answered as before, without a name.
                let name = desk.tx().person(person)?.map(|row| row.details.name).unwrap_or_default();
                let answer = once(desk, own.ask.as_deref(), &("redeem", &own), |desk| redeem_at(desk, &own, chance))?;
                members.push(Member { person, name, answer });
            }
            Ok(members)
        })
    }
}

/// The ask of one person of a group.
fn ask_of(group: &str, person: u64) -> String {
    format!("group-{}", &Hash::of(&[b"teilhabe/group/1", group.as_bytes(), &person.to_be_bytes()]).hex()[..32])
}

//! Which steps can be taken with a key of the office now, for the page and for commands alike; and a step on the page by two people:
//! one who looks after the office proposes it, another with the second signature confirms it.

use super::audit::Action;
use super::clerks::account;
use super::keys::{CHANGES, KeyKind};
use super::roles::{Role, Roles};
use super::rotate::{KeyState, Rotated, Withdrawn};
use super::{Office, OfficeError, Work};
use crate::settle::clerk::Clerk;
use crate::shell::store::office::settings;
use crate::shell::store::sql::Connection;
use crate::words::civil::CivilDay;
use crate::words::time::UtcMs;

/// A step that can be taken with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStep {
    /// Terminals are told of the next key; it signs nothing yet.
    Announce,
    /// The next key comes into force.
    Switch,
    /// The same, without waiting for terminals that have not heard of it.
    SwitchAtOnce,
    /// The key before is deleted.
    Finish,
    /// The same, without waiting for terminals that have not heard of its successor.
    FinishAtOnce,
    /// The key in force is withdrawn, and what it signed counts no more.
    Withdraw,
    /// The keys from before the present one are withdrawn.
    WithdrawFormer,
}

impl KeyStep {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Announce, Self::Switch, Self::SwitchAtOnce, Self::Finish, Self::FinishAtOnce, Self::Withdraw, Self::WithdrawFormer];

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Announce => "announce",
            Self::Switch => "switch",
            Self::SwitchAtOnce => "switch_at_once",
            Self::Finish => "finish",
            Self::FinishAtOnce => "finish_at_once",
            Self::Withdraw => "withdraw",
            Self::WithdrawFormer => "withdraw_former",
        }
    }

    /// The step with this stable name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.name() == name)
    }

    /// What clerks call it.
    pub const fn german(self) -> &'static str {
        match self {
            Self::Announce => "den nächsten Schlüssel ankündigen",
            Self::Switch => "den nächsten Schlüssel in Kraft setzen",
            Self::SwitchAtOnce => "den nächsten Schlüssel sofort in Kraft setzen",
            Self::Finish => "den früheren Schlüssel löschen",
            Self::FinishAtOnce => "den früheren Schlüssel sofort löschen",
            Self::Withdraw => "den Schlüssel zurückziehen",
            Self::WithdrawFormer => "die früheren Schlüssel zurückziehen",
        }
    }

    /// The same step without waiting for anybody.
    const fn at_once(self) -> Self {
        match self {
            Self::Switch => Self::SwitchAtOnce,
            Self::Finish => Self::FinishAtOnce,
            other => other,
        }
    }

    const fn is_at_once(self) -> bool {
        matches!(self, Self::SwitchAtOnce | Self::FinishAtOnce)
    }
}

impl KeyState {
    /// The next step of a change, once nobody needs to be waited for.
    pub const fn next(&self) -> KeyStep {
        match (self.former_kept, self.kind, self.announced) {
            (true, _, _) => KeyStep::Finish,
            // Whoever does not know the new address yet is understood by the old one: nothing needs to be announced before.
            (false, KeyKind::Envelope, _) | (false, _, Some(_)) => KeyStep::Switch,
            (false, _, None) => KeyStep::Announce,
        }
    }

    /// Every step that can be taken now.
    pub fn steps(&self) -> Vec<KeyStep> {
        let next = if self.unheard > 0 { self.next().at_once() } else { self.next() };
        let lost = if self.former > 0 && !matches!(self.kind, KeyKind::Root | KeyKind::Envelope) { Some(KeyStep::WithdrawFormer) } else { None };
        [next, KeyStep::Withdraw].into_iter().chain(lost).collect()
    }
}

/// A step that somebody has proposed and nobody has confirmed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyProposal {
    /// The key.
    pub kind: KeyKind,
    /// The step.
    pub step: KeyStep,
    /// Cards issued up to the end of this day go on, where the key of the cards is withdrawn.
    pub cards_until: Option<CivilDay>,
    /// When it was proposed.
    pub at: UtcMs,
    /// By whom.
    pub by: String,
}

impl KeyProposal {
    /// Whether `name` is the person who proposed it, however it is written.
    pub fn is_by(&self, name: &str) -> bool {
        Clerk::new(&self.by).ok() == Clerk::new(name).ok()
    }

    fn line(&self) -> String {
        let until = self.cards_until.map_or_else(|| "-".to_owned(), |day| day.to_string());
        format!("{} {} {until} {}", self.at.0, self.step.name(), self.by)
    }

    fn read(kind: KeyKind, line: &str) -> Option<Self> {
        let mut parts = line.splitn(4, ' ');
        let at = UtcMs(parts.next()?.parse().ok()?);
        let step = KeyStep::parse(parts.next()?)?;
        let cards_until = parts.next().and_then(CivilDay::parse);
        Some(Self { kind, step, cards_until, at, by: parts.next()?.to_owned() })
    }

    /// The step for the log, with the day up to which cards go on.
    fn german(&self) -> String {
        let until = self.cards_until.map(|day| format!("; Karten bis {} gelten weiter", day.german())).unwrap_or_default();
        format!("{}: {}{until}", self.kind.german(), self.step.german())
    }
}

/// What became of a step that was confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStepped {
    /// A change went on.
    Rotated(Rotated),
    /// A key was withdrawn.
    Withdrawn(Withdrawn),
}

fn proposed(db: &Connection, kind: KeyKind) -> Result<Option<KeyProposal>, OfficeError> {
    let line = settings::read(db, &kind.setting("key_proposed"))?.unwrap_or_default();
    Ok(KeyProposal::read(kind, &line))
}

/// How many steps wait for somebody to confirm them.
pub fn proposals_open(db: &Connection) -> Result<Vec<KeyProposal>, OfficeError> {
    let each = KeyKind::ALL.into_iter().map(|kind| proposed(db, kind));
    Ok(each.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

fn overtaken() -> OfficeError {
    OfficeError::Case {
        german: "Dieser Schritt ist inzwischen überholt. Bitte den Stand auf der Seite noch einmal ansehen; es wurde nichts geändert.".into(),
    }
}

impl Office {
    /// Proposes a step; nothing changes until another person confirms it.
    pub fn propose_key_step(&mut self, kind: KeyKind, step: KeyStep, cards_until: Option<CivilDay>, by: &str, now: UtcMs) -> Result<(), OfficeError> {
        self.look_at_keys()?;
        if cards_until.is_some_and(|day| day > CivilDay::of(now)) {
            let german = "Dieser Tag liegt in der Zukunft. Bitte den letzten Tag angeben, an dem der Schlüssel sicher war; es wurde nichts geändert.";
            return Err(OfficeError::Case { german: german.into() });
        }
        let cards_until = cards_until.filter(|_| kind == KeyKind::Tokens && step == KeyStep::Withdraw);
        if !self.key_state(kind, now)?.steps().contains(&step) {
            return Err(overtaken());
        }
        let proposal = KeyProposal { kind, step, cards_until, at: now, by: by.to_owned() };
        self.in_transaction(|work| {
            if let Some(open) = proposed(&work.db, kind)? {
                let german =
                    format!("Für diesen Schlüssel wartet schon ein Vorschlag von {}. Bitte ihn bestätigen lassen oder zurücknehmen.", open.by);
                return Err(OfficeError::Case { german });
            }
            settings::write(&work.db, &kind.setting("key_proposed"), &proposal.line())?;
            work.note(by, Action::Setting, &object(kind), &format!("vorgeschlagen: {}", proposal.german()), now)
        })
    }

    /// Takes a proposed step, as somebody else than who proposed it; `at` is when the proposal was made that the person has seen.
    pub fn confirm_key_step(&mut self, kind: KeyKind, at: UtcMs, by: &str, now: UtcMs) -> Result<KeyStepped, OfficeError> {
        self.look_at_keys()?;
        let proposal = proposed(&self.db, kind)?.filter(|open| open.at == at).ok_or_else(overtaken)?;
        if proposal.is_by(by) {
            let german = "Sie haben diesen Schritt selbst vorgeschlagen. Bestätigen muss ihn eine andere Person mit eigener Anmeldung.";
            return Err(OfficeError::Case { german: german.into() });
        }
        // What somebody proposed whose account is closed by now, or no longer looks after the office, is nobody's wish.
        let proposer = account(&self.db, &proposal.by)?.filter(|known| known.closed.is_none() && Roles::parse(&known.roles).has(Role::Admin));
        if proposer.is_none() {
            let german = "Wer diesen Schritt vorgeschlagen hat, darf das nicht mehr. Bitte den Vorschlag ablehnen; es wurde nichts geändert.";
            return Err(OfficeError::Case { german: german.into() });
        }
        let state = self.key_state(kind, now)?;
        let steps = state.steps();
        if !proposal.step.is_at_once() && steps.iter().any(|step| step.is_at_once() && *step == proposal.step.at_once()) {
            return Ok(KeyStepped::Rotated(Rotated::Waits { terminals: state.unheard }));
        }
        // Who proposed to wait for nobody meant those who had not heard; that all have heard since changes nothing for them.
        if !steps.contains(&proposal.step) && !steps.iter().any(|step| step.at_once() == proposal.step) {
            return Err(overtaken());
        }
        match proposal.step {
            KeyStep::Withdraw => {
                let until = proposal.cards_until.map(|day| now.min(day.plus(1).midnight().ms()));
                self.withdraw_key(kind, until, by, now).map(KeyStepped::Withdrawn)
            }
            KeyStep::WithdrawFormer => self.withdraw_former_keys(kind, by, now).map(KeyStepped::Withdrawn),
            step => self.rotate_key(kind, step.is_at_once(), by, now).map(KeyStepped::Rotated),
        }
    }

    /// Takes a proposal back, or turns it down; `at` is when the proposal was made that the person has seen.
    pub fn drop_key_proposal(&mut self, kind: KeyKind, at: UtcMs, by: &str, now: UtcMs) -> Result<(), OfficeError> {
        self.in_transaction(|work| {
            let open = proposed(&work.db, kind)?.filter(|open| open.at == at).ok_or_else(overtaken)?;
            work.drop_key_proposal(kind)?;
            work.note(by, Action::Setting, &object(kind), &format!("verworfen: {}; vorgeschlagen von {}", open.german(), open.by), now)
        })
    }
}

fn object(kind: KeyKind) -> String {
    format!("keys/{}", kind.name())
}

impl Work<'_> {
    /// Takes a step that was decided on while keys had been changed `decided` times: refused where another process has taken one since, so
    /// that no step is taken twice. What was proposed is over with it.
    pub(super) fn take_key_step(&mut self, kind: KeyKind, step: KeyStep, decided: u64, by: &str, now: UtcMs) -> Result<(), OfficeError> {
        if settings::next(&self.db, CHANGES)? != decided.saturating_add(1) {
            return Err(overtaken());
        }
        if let Some(open) = proposed(&self.db, kind)? {
            let became = if open.step.at_once() == step.at_once() { "erledigt" } else { "überholt" };
            self.note(by, Action::Setting, &object(kind), &format!("{became}: {}; vorgeschlagen von {}", open.german(), open.by), now)?;
        }
        self.drop_key_proposal(kind)
    }

    /// Refuses what was decided on while keys had been changed `decided` times, where another process has changed one since.
    pub(super) fn decided_on(&self, decided: u64) -> Result<(), OfficeError> {
        if settings::counter(&self.db, CHANGES)? == decided { Ok(()) } else { Err(overtaken()) }
    }

    fn drop_key_proposal(&self, kind: KeyKind) -> Result<(), OfficeError> {
        Ok(settings::write(&self.db, &kind.setting("key_proposed"), "")?)
    }
}

#[cfg(test)]
mod tests {
    use super::super::clerks::tests::office;
    use super::*;

    #[test]
    fn a_step_that_was_decided_on_before_another_process_took_one_is_refused() {
        let (mut office, now) = (office(), UtcMs(1_795_000_000_000));
        let decided = office.keys.changes;
        office.rotate_key(KeyKind::Tokens, false, "Anna", now).expect("announced");
        let late = office.in_transaction(|work| work.take_key_step(KeyKind::Tokens, KeyStep::Switch, decided, "Bernd", now));
        assert!(matches!(late, Err(OfficeError::Case { .. })), "{late:?}");
        assert!(office.in_transaction(|work| work.decided_on(decided)).is_err());
        assert_eq!(settings::counter(office.db(), CHANGES).expect("read"), decided + 1, "nothing of it stays");
        office.in_transaction(|work| work.decided_on(decided + 1)).expect("nothing has changed since");
    }
}

//! Why a line was decided as it was: which rule decided, with the figures it used. Nothing is decided a second time here; what the
//! rules of the other files used is read off the same table that made the decision.

use super::child::{Table, cancelled_line, decided};
use super::compare::{admitted, closed_on, known_token, stops_on};
use super::conflict::{Criterion, criterion};
use super::finding::{Decision, Judgement};
use super::register::{ChildFile, ClaimLine, Register, Stop};
use super::ruling::Ruling;
use crate::admit::token::Allowance;
use crate::book::ceiling::{Bound, Use, weigh};
use crate::book::rule;
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::ids::ProviderNumber;
use crate::words::reason::Reason;
use crate::words::service::Price;
use crate::words::time::UtcMs;

/// The rule that decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The provider has taken the line back.
    TakenBack,
    /// It is the counter-record of another line.
    CounterRecord,
    /// The provider was asked.
    Asked,
    /// The line by itself cannot be paid.
    Refused(Reason),
    /// The line by itself is doubtful, or beside another one.
    Doubtful(Reason),
    /// The same provider claims it with an earlier line.
    Duplicate,
    /// Another provider's line goes before it.
    Lost {
        /// By what.
        by: Criterion,
        /// A clerk has chosen between them.
        decided: bool,
    },
    /// It was paid, and that stands.
    Stands,
    /// Not all of it fits under what was granted, or none of it was granted.
    Short(Reason),
    /// It is cut, by agreement or by a clerk.
    Cut(Reason),
    /// It is paid as claimed.
    AsClaimed,
}

/// One ceiling as it stood when the line's turn came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundUsed {
    /// What was granted, used and left.
    pub bound: Bound,
    /// What used it.
    pub drawn: Vec<Drawn>,
}

/// Something that drew on a ceiling before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// The service day.
    pub day: CivilDay,
    /// Whose claim; none for a payment of the office itself.
    pub provider: Option<ProviderNumber>,
    /// How much of what the ceiling counts.
    pub amount: u64,
}

/// Why a line was decided as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// What was decided.
    pub decision: Decision,
    /// What was claimed; of a counter-record what it takes back.
    pub claimed: Cents,
    /// The rule that decided.
    pub rule: Rule,
    /// The most it may be paid before slots and ceilings; none where its turn never came.
    pub worth: Option<Cents>,
    /// What was paid before and stands.
    pub stands: Cents,
    /// What was left for it under the ceilings beyond that.
    pub fitted: Cents,
    /// The clerk's ruling that was used.
    pub ruling: Option<Ruling>,
    /// The first and last day on which the card is valid.
    pub valid: Option<(CivilDay, CivilDay)>,
    /// The agreed price of the day; none where the amount is free or nothing is agreed.
    pub price: Option<Price>,
    /// The stop that binds, or one that the provider could not know of.
    pub stop: Option<(Stop, GoodFaith)>,
    /// The first moment at which it is too late to claim.
    pub window_end: Option<UtcMs>,
    /// Whether the calendar knows no service on the day; none where it does not matter.
    pub closed: Option<bool>,
    /// When the entry was recorded, and when it arrived.
    pub times: (UtcMs, UtcMs),
    /// The service day.
    pub day: CivilDay,
    /// The ceilings of the allowance that served it, or would have left most.
    pub bounds: Vec<BoundUsed>,
}

/// Whether the provider could not know of a stop.
pub type GoodFaith = bool;

/// Explains every decision on the lines of one child: one explanation for each decision that [`super::child::reconcile_child`] makes.
pub fn explain(lines: &[ClaimLine], child: &ChildFile, register: &Register<'_>) -> Vec<Why> {
    let (cancelled, standing): (Vec<&ClaimLine>, Vec<&ClaimLine>) = lines.iter().partition(|line| line.cancelled_by.is_some());
    let facts = Facts { child, register };
    let mut whys: Vec<Why> = Vec::new();
    for line in cancelled {
        for decision in cancelled_line(line) {
            let counter = decision.id != line.id;
            let (rule, claimed) =
                if counter { (Rule::CounterRecord, Cents::ZERO.minus(line.redemption.cents)) } else { (Rule::TakenBack, line.redemption.cents) };
            whys.push(Why { claimed, stands: decision.cents, ..facts.of(line, decision, rule) });
        }
    }
    let table = decided(&standing, child, register);
    let outcomes = standing.iter().zip(&table.outcome).enumerate().filter_map(|(index, (line, outcome))| outcome.map(|d| (index, *line, d)));
    whys.extend(outcomes.map(|(index, line, decision)| facts.standing(&table, index, line, decision)));
    whys
}

/// What explanations are read off.
struct Facts<'a> {
    child: &'a ChildFile,
    register: &'a Register<'a>,
}

impl Facts<'_> {
    fn of(&self, line: &ClaimLine, decision: Decision, rule: Rule) -> Why {
        let registered = known_token(line, self.child);
        let agreement = admitted(line, self.register).ok();
        let grace = self.register.policy.shared.claim_grace_days;
        let stops = registered.into_iter().flat_map(|registered| stops_on(line, registered, self.register));
        let stop = stops.min_by_key(|(_, good_faith)| *good_faith).map(|(stop, good_faith)| (*stop, good_faith));
        Why {
            decision,
            claimed: line.redemption.cents,
            rule,
            worth: None,
            stands: line.stands(),
            fitted: Cents::ZERO,
            ruling: line.ruling,
            valid: registered.map(|r| (r.token.first_day(), r.token.last_day())),
            price: agreement.and_then(|a| a.service.price_row_on(line.redemption.day)),
            stop,
            window_end: registered.map(|r| rule::claim_window_end(&r.token, grace)),
            closed: agreement.map(|agreement| closed_on(line, agreement, self.register)),
            times: (line.at, line.received),
            day: line.redemption.day,
            bounds: Vec::new(),
        }
    }

    /// The explanation of a line that nobody has taken back.
    fn standing(&self, table: &Table<'_>, index: usize, line: &ClaimLine, decision: Decision) -> Why {
        let rule = self.rule(table, index, line, &decision);
        let mut why = self.of(line, decision, rule);
        if let Some(turn) = table.turns.get(index).copied().flatten() {
            why.worth = Some(turn.most);
            why.fitted = turn.fitted;
            let wanted = table.beyond_what_stands(index, turn.most);
            let before = table.uses.get(..turn.uses_before).unwrap_or_default();
            if let Ok(token) = table.granting_token(index, &wanted) {
                let weighed = weigh(token, &wanted, before, &[]);
                why.bounds = weighed.into_iter().flat_map(|w| w.bounds.into_iter().map(move |bound| used(w.allowance, bound, before))).collect();
            }
        }
        why
    }

    fn rule(&self, table: &Table<'_>, index: usize, line: &ClaimLine, decision: &Decision) -> Rule {
        let Some(turn) = table.turns.get(index).copied().flatten() else {
            return match (table.judgements.get(index), decision.reason, line.asked()) {
                (_, _, Some(_)) => Rule::Asked,
                (Some(Judgement::Refused(reason)), ..) => Rule::Refused(*reason),
                (_, Some(Reason::Conflict), _) => self.lost(table, line, decision),
                (_, Some(Reason::Duplicate), _) => Rule::Duplicate,
                (_, reason, _) => Rule::Doubtful(reason.unwrap_or(Reason::ClerkDecision)),
            };
        };
        match decision.reason {
            Some(reason) if turn.is_short => Rule::Short(reason),
            _ if turn.stands_only => Rule::Stands,
            Some(reason) => Rule::Cut(reason),
            None => Rule::AsClaimed,
        }
    }

    fn lost(&self, table: &Table<'_>, line: &ClaimLine, decision: &Decision) -> Rule {
        let winner = table.lines.iter().find(|other| Some(other.id) == decision.against);
        let by = winner.map_or(Criterion::Hash, |winner| criterion(winner, line, self.child, self.register));
        Rule::Lost { by, decided: !decision.is_finding() }
    }
}

/// A bound with what used it.
fn used(allowance: &Allowance, bound: Bound, before: &[Use]) -> BoundUsed {
    let draws = |u: &&Use| u.draws_on(allowance) && bound.days.contains(&u.day) && u.amount(bound.measure) > 0;
    let drawn = before.iter().filter(draws).map(|u| Drawn { day: u.day, provider: u.provider, amount: u.amount(bound.measure) }).collect();
    BoundUsed { bound, drawn }
}

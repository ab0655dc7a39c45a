//! A school's class list: looked at first, then taken exactly as looked at. Each row becomes entries of the office's own terminal of that
//! provider; what is paid for them is decided as for any other line, in the preview too, for the preview is the claim taken back.

use super::audit::Action;
use super::{Office, OfficeError, Work, ceilings_words};
use crate::admit::number::CardNumber;
use crate::book::redemption::SeenAs;
use crate::book::rule;
use crate::deliver::advice::Verdict;
use crate::shell::sheet::RowError;
use crate::shell::sheet::class_list::{ListRow, Whom};
use crate::shell::store::StoreError;
use crate::shell::store::office::{admission, children, claims};
use crate::words::benefit::Benefit;
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::code::Code;
use crate::words::ids::{BatchId, ProviderNumber, TokenId};
use crate::words::reason::Reason;
use crate::words::service::{Pricing, Service};
use crate::words::time::UtcMs;
use serde::{Deserialize, Serialize};

/// Which payment of a trip a list is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The whole cost at once.
    Whole,
    /// The deposit.
    Deposit,
    /// The balance.
    Balance,
    /// The final correction: the list names the actual cost.
    Final,
}

impl Stage {
    /// All stages.
    pub const ALL: [Stage; 4] = [Self::Whole, Self::Deposit, Self::Balance, Self::Final];

    /// The stable name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Deposit => "deposit",
            Self::Balance => "balance",
            Self::Final => "final",
        }
    }

    /// The name for people.
    pub const fn german(self) -> &'static str {
        match self {
            Self::Whole => "Alles auf einmal",
            Self::Deposit => "Anzahlung",
            Self::Balance => "Restzahlung",
            Self::Final => "Endabrechnung",
        }
    }

    /// The stage with this name.
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.code() == code)
    }

    /// The charge its claims carry: what providers read of it.
    pub(super) fn charge(self) -> Option<Code> {
        if self == Self::Whole { None } else { Code::parse(self.german()) }
    }
}

/// A list as entered.
#[derive(Clone, Debug)]
pub struct NewClassList {
    /// The provider.
    pub provider: ProviderNumber,
    /// A service agreed with it: a trip of free amount.
    pub service: Code,
    /// The event, where the agreement names none.
    pub event: Option<Code>,
    /// Which payment it is.
    pub stage: Stage,
    /// The day the payment is due.
    pub day: CivilDay,
    /// The amount of a row that names none.
    pub cents: Option<Cents>,
    /// The rows.
    pub rows: Vec<ListRow>,
    /// What is wrong with others.
    pub errors: Vec<RowError>,
}

/// One row as looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// The line of the list.
    pub line: u64,
    /// Row id of the child.
    pub child: i64,
    /// The token it is claimed on.
    pub token: TokenId,
    /// How the child was named.
    pub seen_as: SeenAs,
    /// What the card shows of the child.
    pub hint: String,
    /// What is granted for the event, in words.
    pub granted: String,
    /// The row's amount: a charge, or the actual cost.
    pub cents: Cents,
    /// What was claimed for the event before.
    pub claimed_before: Cents,
    /// What was recognised for the event before.
    pub before: Cents,
    /// What is recognised for the event after it.
    pub after: Cents,
    /// The verdict on what is claimed anew.
    pub verdict: Option<Verdict>,
    /// Why it is not paid as claimed.
    pub reason: Option<Reason>,
}

/// A list as looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassList {
    /// The service as chosen.
    pub service: Code,
    /// The service's name for people.
    pub label: String,
    /// The benefit.
    pub benefit: Benefit,
    /// The event.
    pub event: Code,
    /// Which payment it is.
    pub stage: Stage,
    /// The day the payment is due.
    pub day: CivilDay,
    /// The rows that will be taken.
    pub rows: Vec<Listed>,
    /// What is wrong with others, each a sentence with its line.
    pub errors: Vec<(u64, String)>,
}

impl ClassList {
    /// What is recognised in addition; less than nothing where it is taken back.
    pub fn difference(&self) -> Cents {
        self.rows.iter().fold(Cents::ZERO, |sum, row| sum.plus(row.after.minus(row.before)))
    }
}

/// What became of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The batch; none where nothing was to claim.
    pub batch: Option<BatchId>,
    /// Whether it had been taken before.
    pub before: bool,
}

impl Office {
    /// Looks at a class list: what is wrong with it, and what would be paid. Answers the id under which it can be taken.
    pub fn look_at_class_list(&mut self, new: &NewClassList, by: &str, now: UtcMs) -> Result<([u8; 16], ClassList), OfficeError> {
        let list = self.rehearse_class_list(new, now)?;
        let content = serde_json::to_string(&list).map_err(|why| StoreError::Inconsistent(why.to_string()))?;
        let detail = format!("Klassenliste {} {}: {} Zeilen geprüft", list.event, list.stage.german(), list.rows.len() + list.errors.len());
        let provider = new.provider;
        let id = self.in_transaction(|work| {
            let id: [u8; 16] = work.chance.bytes();
            claims::insert(&work.db, &id, provider, &content, now)?;
            work.note(by, Action::Search, &format!("provider/{provider}"), &detail, now)?;
            for row in &list.rows {
                work.note(by, Action::Look, &format!("child/{}", row.child), "Klassenliste", now)?;
            }
            Ok(id)
        })?;
        Ok((id, list))
    }

    /// What would come of a class list; nothing is kept of it.
    pub fn rehearse_class_list(&mut self, new: &NewClassList, now: UtcMs) -> Result<ClassList, OfficeError> {
        self.rehearse(|work| {
            let mut list = work.resolve(new)?;
            work.claim_list(new.provider, &mut list, now)?;
            list.errors.sort();
            Ok(list)
        })
    }

    /// Takes a list that was looked at, exactly as it was shown; told twice, it is taken once.
    pub fn take_class_list(&mut self, id: &[u8; 16], by: &str, now: UtcMs) -> Result<Taken, OfficeError> {
        let gone = || OfficeError::NotFound("this class list is not kept any more: enter it again".into());
        self.in_transaction(|work| {
            let kept = claims::by_id(&work.db, id)?.ok_or_else(gone)?;
            if kept.taken.is_some() {
                return Ok(Taken { batch: kept.batch, before: true });
            }
            let shown: ClassList = serde_json::from_str(&kept.content).map_err(|why| StoreError::Inconsistent(why.to_string()))?;
            if shown.rows.is_empty() {
                return Err(OfficeError::Case {
                    german: "In dieser Liste ist keine Zeile zu übernehmen. Bitte berichtigen und neu prüfen.".into()
                });
            }
            let mut list = shown.clone();
            let entered = work.claim_list(kept.provider, &mut list, now)?;
            if list != shown {
                return Err(OfficeError::Case {
                    german: "Seit der Prüfung hat sich etwas geändert. Bitte die Liste noch einmal prüfen; es wurde nichts übernommen.".into(),
                });
            }
            claims::set_taken(&work.db, id, by, entered.map(|(row, _)| row), now)?;
            let batch = entered.map(|(_, id)| id);
            let name = batch.map_or_else(|| "nichts zu beanspruchen".to_owned(), |id| format!("Abrechnung {id}"));
            let detail = format!("{} {}: {} Kinder, {} mehr; {name}", list.event, list.stage.german(), list.rows.len(), list.difference());
            work.note(by, Action::Claim, &format!("provider/{}", kept.provider), &detail, now)?;
            for row in &list.rows {
                work.note(by, Action::Claim, &format!("child/{}", row.child), "Klassenliste", now)?;
            }
            Ok(Taken { batch, before: false })
        })
    }
}

/// A sentence for the clerk.
pub(super) fn wrong(german: impl Into<String>) -> OfficeError {
    OfficeError::Case { german: german.into() }
}

impl Work<'_> {
    /// Finds the children of the rows; what cannot be found is among the errors.
    fn resolve(&mut self, new: &NewClassList) -> Result<ClassList, OfficeError> {
        self.provider(new.provider)?;
        let file = admission::provider_file(&self.db, new.provider)?;
        let missing = || wrong("Dieses Angebot ist mit dem Anbieter nicht vereinbart. Bitte ein anderes wählen.");
        let agreed = file.agreements.iter().find(|a| a.service.code == new.service).ok_or_else(missing)?;
        if !is_trip(&agreed.service) {
            return Err(wrong("Klassenlisten gibt es nur für Ausflüge und Klassenfahrten mit freiem Betrag."));
        }
        let event = match (&agreed.service.detail, &new.event) {
            (Some(event), None) => event.clone(),
            (Some(event), Some(named)) if event == named => event.clone(),
            (Some(event), Some(_)) => {
                return Err(wrong(format!(
                    "Dieses Angebot gilt nur für die Fahrt „{event}“. Bitte die Kennung leer lassen oder ein anderes wählen."
                )));
            }
            (None, Some(named)) => named.clone(),
            (None, None) => return Err(wrong("Welche Fahrt ist gemeint? Bitte eine Kennung eingeben, zum Beispiel zoo-2026.")),
        };
        let mut list = ClassList {
            service: new.service.clone(),
            label: agreed.service.label.clone(),
            benefit: agreed.service.benefit,
            event,
            stage: new.stage,
            day: new.day,
            rows: Vec::new(),
            errors: new.errors.iter().map(|error| (error.line, format!("Zeile {}: {}", error.line, error.message_de))).collect(),
        };
        for row in &new.rows {
            match self.listed(row, &list, new)? {
                Ok(listed) if list.rows.iter().any(|other| other.child == listed.child) => {
                    list.errors.push((row.line, format!("Zeile {}: Dieses Kind steht mit einer anderen Karte schon in der Liste.", row.line)));
                }
                Ok(listed) => list.rows.push(listed),
                Err(sentence) => list.errors.push((row.line, format!("Zeile {}: {sentence}", row.line))),
            }
        }
        Ok(list)
    }

    /// The child of a row and the card that counts on the day.
    fn listed(&self, row: &ListRow, list: &ClassList, new: &NewClassList) -> Result<Result<Listed, &'static str>, OfficeError> {
        let Some(cents) = row.cents.or(new.cents) else {
            return Ok(Err("Der Betrag fehlt: bitte in der Liste oder für alle eintragen."));
        };
        if cents <= Cents::ZERO && list.stage != Stage::Final {
            return Ok(Err("Der Betrag ist null: bitte den Betrag eintragen oder die Zeile weglassen."));
        }
        let (child, named, seen_as) = match &row.whom {
            Whom::Card(number) => match children::tokens_by_number(&self.db, number.get())?.as_slice() {
                [] => return Ok(Err("Diese Kartennummer hat das Amt nicht ausgestellt: bitte auf der Karte vergleichen.")),
                [one] => (one.child, Some(one.token), SeenAs::CardNumber),
                _ => return Ok(Err("Diese Kartennummer gibt es zweimal: bitte das Aktenzeichen angeben.")),
            },
            Whom::Token(token) => match children::token_by_id(&self.db, *token)?.filter(|row| row.bytes.is_some()) {
                Some(one) => (one.child, Some(one.token), SeenAs::List),
                None => return Ok(Err("Diese Karte hat das Amt nicht ausgestellt: bitte vergleichen.")),
            },
            Whom::Case(reference) => match children::by_reference(&self.db, reference.as_str())? {
                Some(child) => (child.id, None, SeenAs::List),
                None => return Ok(Err("Dieses Aktenzeichen gibt es hier nicht: bitte vergleichen, auch führende Nullen.")),
            },
        };
        let file = children::file(&self.db, child)?;
        let tokens = children::tokens_of(&self.db, child)?;
        let counts = |id: &TokenId| {
            file.tokens.get(id).is_some_and(|held| {
                let stopped = held.stops.iter().any(|stop| stop.from <= list.day && stop.until.is_none_or(|until| list.day <= until));
                let entitled = rule::is_entitled(&held.token, list.benefit, Some(&list.event), new.provider).is_ok();
                entitled && held.token.is_valid_on(list.day) && !stopped
            })
        };
        let first = named.filter(|id| counts(id)).or_else(|| tokens.iter().map(|row| row.token).find(|id| counts(id)));
        let Some(token) = first.or(named).or_else(|| tokens.first().map(|row| row.token)) else {
            return Ok(Err("Zu diesem Fall gibt es keine Karte: bitte erst bewilligen."));
        };
        let content = file.tokens.get(&token).map(|held| &held.token);
        let allowance = content.and_then(|token| token.allowances.iter().find(|a| a.matches(list.benefit, Some(&list.event), new.provider)));
        let granted = allowance.map_or_else(|| "für diese Fahrt nichts bewilligt".to_owned(), ceilings_words);
        let hint = content.and_then(|token| token.hint.clone()).unwrap_or_else(|| CardNumber::of(token).to_string());
        let zero = Cents::ZERO;
        let listed = Listed {
            line: row.line,
            child,
            token,
            seen_as,
            hint,
            granted,
            cents,
            claimed_before: zero,
            before: zero,
            after: zero,
            verdict: None,
            reason: None,
        };
        Ok(Ok(listed))
    }
}

/// Whether class lists can be entered for a service: a trip of free amount.
pub fn is_trip(service: &Service) -> bool {
    matches!(service.benefit, Benefit::DayTrip | Benefit::ClassTrip) && service.pricing == Pricing::Free
}

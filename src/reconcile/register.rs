//! What the office holds its lines against: tokens with their stops, price agreements with their days, its own payments, its policy.

use crate::admit::status::Status;
use crate::admit::token::Token;
use crate::admit::trust::Policy;
use crate::book::entry::Entry;
use crate::book::redemption::Redemption;
use crate::book::slot::Occasion;
use crate::words::benefit::Benefit;
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::ids::{BatchId, EntryId, Hash, OfficeId, ProviderNumber, TerminalId, TokenId};
use crate::words::reason::Reason;
use crate::words::service::Service;
use crate::words::time::UtcMs;
use std::collections::BTreeMap;

use super::calendar::ServiceDays;
use super::ruling::{Choice, Ruling};

/// The office's parameters for reconciliation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfficePolicy {
    /// What the terminals know too.
    pub shared: Policy,
    /// For how many seconds a status list is fresh.
    pub status_ttl_seconds: u64,
    /// For how many days after it was recorded a stop that the terminal could not know is not held against the provider.
    pub good_faith_days: u32,
}

/// A stop of a token: it has a date, and a moment at which it became known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Revoked, suspended or replaced.
    pub status: Status,
    /// The first service day it concerns.
    pub from: CivilDay,
    /// The last one, for a suspension that was lifted.
    pub until: Option<CivilDay>,
    /// When the office recorded it.
    pub recorded: UtcMs,
}

impl Stop {
    /// When a terminal could know it at the earliest: recorded, and on its first day, for a status list names what is stopped on its own day.
    pub fn told(&self) -> UtcMs {
        self.recorded.max(self.from.midnight().ms())
    }
}

/// A token of a child, as the office issued it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredToken {
    /// Its content.
    pub token: Token,
    /// Its stops.
    pub stops: Vec<Stop>,
}

/// What the office paid on an allowance itself: a reimbursed family (§ 30 SGB II), or cash for participation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Debit {
    /// The benefit.
    pub benefit: Benefit,
    /// The first day it covers.
    pub from: CivilDay,
    /// The last day.
    pub to: CivilDay,
    /// The amount.
    pub cents: Cents,
}

/// One child's file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChildFile {
    /// All tokens ever issued for the child, by id.
    pub tokens: BTreeMap<TokenId, RegisteredToken>,
    /// The office's own payments.
    pub debits: Vec<Debit>,
}

/// A service as agreed, and the days on which it may be claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// The service with its dated prices.
    pub service: Service,
    /// The first day admitted.
    pub from: CivilDay,
    /// The last day admitted, if the admission has ended.
    pub until: Option<CivilDay>,
}

/// What is agreed with one provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProviderFile {
    /// The services.
    pub agreements: Vec<Agreement>,
    /// The days on which it serves.
    pub days: ServiceDays,
    /// Those of a terminal that stands at a site with days of its own.
    pub at_sites: BTreeMap<TerminalId, ServiceDays>,
}

impl ProviderFile {
    /// The agreement for `redemption`'s service on its day.
    pub fn agreement(&self, redemption: &Redemption) -> Option<&Agreement> {
        self.agreements
            .iter()
            .find(|a| a.service.code == redemption.service && a.from <= redemption.day && a.until.is_none_or(|until| redemption.day <= until))
    }

    /// The days on which the place serves where `terminal` stands.
    pub fn days_at(&self, terminal: TerminalId) -> &ServiceDays {
        self.at_sites.get(&terminal).unwrap_or(&self.days)
    }
}

/// The whole register as far as one child's lines need it.
#[derive(Clone, Copy, Debug)]
pub struct Register<'a> {
    /// The office.
    pub office: &'a OfficeId,
    /// Its parameters.
    pub policy: &'a OfficePolicy,
    /// Its providers.
    pub providers: &'a BTreeMap<ProviderNumber, ProviderFile>,
}

/// One claimed redemption with all that the office knows of its arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimLine {
    /// Terminal and number.
    pub id: EntryId,
    /// The batch it came in.
    pub batch: BatchId,
    /// The provider whose terminal sent it.
    pub provider: ProviderNumber,
    /// SHA-256 of the entry.
    pub hash: Hash,
    /// The time the entry carries.
    pub at: UtcMs,
    /// The terminal's last checkpoint before the entry: it cannot have been written earlier.
    pub not_before: UtcMs,
    /// When the batch arrived.
    pub received: UtcMs,
    /// The last exchange whose answer the terminal had taken in before the entry: what was recorded later it could not know.
    pub last_word: UtcMs,
    /// What is claimed.
    pub redemption: Redemption,
    /// The counter-record, if one has arrived.
    pub cancelled_by: Option<EntryId>,
    /// What was settled for it before; nothing or zero where it was never paid.
    pub settled: Option<Cents>,
    /// The last ruling of a clerk.
    pub ruling: Option<Ruling>,
    /// What is wrong with the journal it came from.
    pub journal: Option<Reason>,
    /// Another lesson of the same tutor at the same time.
    pub tutor_elsewhere: Option<EntryId>,
    /// The token is bound to a phone, and the line does not prove that it was there, or proves it with a code that another line has too.
    pub unproved: bool,
}

impl ClaimLine {
    /// The time that counts: the entry's own, but no earlier than its terminal's last checkpoint.
    pub fn time(&self) -> UtcMs {
        self.at.max(self.not_before)
    }

    /// What stands of an earlier settlement: all of it, or what a ruling leaves of it (formats § 4). Zero where nothing was paid.
    pub fn stands(&self) -> Cents {
        let settled = self.settled.unwrap_or(Cents::ZERO).max(Cents::ZERO);
        match self.ruling.map(|ruling| ruling.choice) {
            Some(Choice::Reject) => Cents::ZERO,
            Some(Choice::Cut(cents)) => settled.min(cents.max(Cents::ZERO)),
            Some(Choice::Accept | Choice::Ask) | None => settled,
        }
    }

    /// Whether a clerk has decided it: a question to the provider decides nothing.
    pub fn is_ruled(&self) -> bool {
        self.ruling.is_some_and(|ruling| ruling.choice != Choice::Ask)
    }

    /// What the provider was asked, while no clerk has decided.
    pub fn asked(&self) -> Option<Reason> {
        self.ruling.filter(|ruling| ruling.choice == Choice::Ask).map(|ruling| ruling.reason)
    }

    /// A line for a redemption entry, with nothing known of it yet but its arrival.
    pub fn fresh(entry: &Entry, redemption: Redemption, arrival: Arrival) -> Self {
        Self {
            id: EntryId { terminal: arrival.terminal, seq: entry.seq },
            batch: arrival.batch,
            provider: arrival.provider,
            hash: arrival.hash,
            at: entry.at,
            not_before: arrival.not_before,
            received: arrival.received,
            last_word: arrival.last_word,
            redemption,
            cancelled_by: None,
            settled: None,
            ruling: None,
            journal: None,
            unproved: false,
            tutor_elsewhere: None,
        }
    }

    /// The occasion the line claims, under the agreed service.
    pub fn occasion<'l>(&'l self, service: &'l Service) -> Occasion<'l> {
        let r = &self.redemption;
        Occasion { provider: self.provider, service, day: r.day, lesson: r.lesson, charge: r.charge.as_ref() }
    }
}

/// How an entry reached the office.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The terminal.
    pub terminal: TerminalId,
    /// Its provider.
    pub provider: ProviderNumber,
    /// The batch.
    pub batch: BatchId,
    /// SHA-256 of the entry.
    pub hash: Hash,
    /// See [`ClaimLine::not_before`].
    pub not_before: UtcMs,
    /// When the batch arrived.
    pub received: UtcMs,
    /// See [`ClaimLine::last_word`].
    pub last_word: UtcMs,
}

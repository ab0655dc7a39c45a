//! The office for practising: it admits one terminal, and accepts whatever that claims.

use super::cards::Lesson;
use super::{CannotTrain, Model, root_key, signing_key};
use crate::admit::credential::Credential;
use crate::admit::enrolment::{Enrolment, EnrolmentCode};
use crate::admit::status::{Status, StatusList};
use crate::admit::trust::{Policy, Purpose, TrustList, TrustedKey};
use crate::book::entry::{Body, Head};
use crate::claim::check::Line;
use crate::deliver::advice::{Advice, AdvisedLine, Verdict};
use crate::deliver::exchange::{Inbound, Outbound};
use crate::deliver::receipt::Receipt;
use crate::intake::open::{VerifiedBatch, open};
use crate::shell::envelope::{self, Identity, MAX_PLAINTEXT};
use crate::terminal::Terminal;
use crate::terminal::enrol::EnrolmentAnswer;
use crate::terminal::inbound::TakenIn;
use crate::words::benefit::Benefit;
use crate::words::cents::Cents;
use crate::words::chance::Chance;
use crate::words::code::Code;
use crate::words::ids::{OfficeId, ProviderNumber};
use crate::words::keys::PublicKey;
use crate::words::service::{Price, Pricing, Service};
use crate::words::time::{DAY_MS, UtcMs};

/// No municipality has this key.
const ID: &str = "00000000";
/// For how many days trust list and admission hold: longer than any training.
const DAYS: u64 = 365;
/// For how many days before its beginning they hold too, for entries of earlier days.
const DAYS_BEFORE: u64 = 400;
/// Seconds for which a status list is fresh.
const TTL_SECONDS: u64 = 86_400;

/// The office for practising.
#[derive(Debug)]
pub struct PracticeOffice {
    identity: Identity,
    trust: TrustList,
    provider: String,
    services: Vec<Service>,
    terminal: Option<PublicKey>,
    head: Option<Head>,
    cursor: u64,
}

impl PracticeOffice {
    /// An office that has agreed with the provider what the real one has.
    pub(super) fn new(model: Model, now: UtcMs) -> Result<Self, CannotTrain> {
        let services = if model.services.is_empty() { samples(now) } else { model.services };
        let identity = Identity::generate();
        let id = OfficeId::parse(ID).ok_or_else(|| CannotTrain::Unreadable("its own key".into()))?;
        let trust = trust(id, &identity, now);
        let provider = if model.provider.is_empty() { "Übung".to_owned() } else { model.provider };
        Ok(Self { identity, trust, provider, services, terminal: None, head: None, cursor: 0 })
    }

    /// Admits `terminal`, which asks and takes the answer as it does with every office.
    pub(super) fn admit(&mut self, terminal: &mut Terminal, chance: &mut Chance, now: UtcMs) -> Result<(), CannotTrain> {
        let code = EnrolmentCode::new(chance.bytes(), root_key().public());
        let request = Enrolment::open(&terminal.ask_for_admission(&code.compact(), "")?).map_err(|e| CannotTrain::Unreadable(e.to_string()))?;
        let credential = Credential {
            provider: ProviderNumber(1),
            provider_name: self.provider.clone(),
            terminal: request.key.terminal_id(),
            key: request.key.clone(),
            recipient: request.recipient.clone(),
            issued: now,
            expires: now.plus_days(DAYS),
            services: self.services.clone(),
            siblings: Vec::new(),
        };
        let trust = self.trust.seal(&root_key());
        let answer = EnrolmentAnswer::new(root_key().public(), &trust, &credential.seal(&signing_key()));
        terminal.take_admission(&code.compact(), "", &answer, chance, now)?;
        self.head = Some(Head::start(request.key.terminal_id()));
        self.terminal = Some(request.key);
        Ok(())
    }

    /// Exchanges with the terminal it has admitted: confirms and accepts all that is claimed, and says which cards are stopped.
    pub fn exchange(&mut self, terminal: &mut Terminal, chance: &mut Chance, now: UtcMs) -> Result<TakenIn, CannotTrain> {
        let id = self.trust.office.clone();
        let question = terminal.outbound(&id, chance, now)?;
        let plain = envelope::decrypt(&self.identity, &question, MAX_PLAINTEXT)?;
        let unreadable = |what: &dyn std::fmt::Display| CannotTrain::Unreadable(what.to_string());
        let key = self.terminal.clone().ok_or_else(|| CannotTrain::Unreadable("nobody is admitted".into()))?;
        let outbound = Outbound::open(&plain, &key).map_err(|e| unreadable(&e))?;
        let (mut receipts, mut advices) = (Vec::new(), Vec::new());
        for bytes in &outbound.batches {
            let batch = open(bytes, &key).map_err(|e| unreadable(&e))?;
            let (draft, hash) = (batch.batch().draft(), batch.hash());
            self.head = Some(draft.after());
            receipts.push(Receipt { batch: draft.id, received: now, head: draft.after(), hash, reason: None }.seal(&signing_key()));
            advices.push(accepted(&batch, now).seal(&signing_key()));
        }
        self.cursor += advices.len() as u64;
        let stopped = [(Lesson::Stopped.status_index(), Status::Revoked)];
        let inbound = Inbound {
            terminal: outbound.terminal,
            nonce: outbound.nonce,
            created: now,
            receipts,
            advices,
            cursor: self.cursor,
            trust: None,
            status: Some(StatusList::new("practice".into(), now.seconds(), TTL_SECONDS, stopped).seal(&signing_key())),
            credential: None,
            elsewhere: Vec::new(),
            head: self.head.unwrap_or_else(|| Head::start(outbound.terminal)),
            more: false,
            office: id,
            successor: None,
        };
        let sealed = envelope::encrypt(&terminal.recipient(), &inbound.seal(&signing_key()))?;
        Ok(terminal.take_answer(&sealed, chance, now)?)
    }
}

/// Every line accepted, but for those that are cancelled.
fn accepted(batch: &VerifiedBatch, now: UtcMs) -> Advice {
    let entries = || batch.batch().lines().filter_map(|(seq, _, line)| if let Line::Entry(entry) = line { Some((seq, entry)) } else { None });
    let cancelled: Vec<u64> = entries().filter_map(|(_, e)| if let Body::Cancellation(c) = &e.body { Some(c.seq) } else { None }).collect();
    let lines = entries().filter_map(|(seq, entry)| match &entry.body {
        Body::Redemption(redemption) => {
            let cents = if cancelled.contains(&seq) { Cents::ZERO } else { redemption.cents };
            Some(AdvisedLine { seq, verdict: Verdict::Accepted, cents, reason: String::new() })
        }
        _ => None,
    });
    Advice { batch: batch.batch().draft().id, created: now, lines: lines.collect(), payments: Vec::new(), revision: 1 }
}

fn trust(office: OfficeId, identity: &Identity, now: UtcMs) -> TrustList {
    let key = TrustedKey {
        key: signing_key().public().clone(),
        purposes: vec![Purpose::Tokens, Purpose::Documents, Purpose::StatusLists],
        not_before: UtcMs(now.0.saturating_sub(DAYS_BEFORE * DAY_MS)),
        not_after: now.plus_days(DAYS),
        withdrawn: None,
    };
    TrustList {
        version: 1,
        issued: now,
        expires: now.plus_days(DAYS),
        office,
        office_name: "Übung".into(),
        keys: vec![key],
        recipient: identity.recipient(),
        policy: Policy { claim_grace_days: 90, amber_days: 7, red_days: 30 },
        next_root: None,
    }
}

/// What a box without any agreement practises with.
fn samples(now: UtcMs) -> Vec<Service> {
    let from = crate::words::civil::CivilDay::of(now).minus(DAYS_BEFORE as u32);
    let sample = |code: &str, label: &str, benefit, pricing, cents, unit_minutes| {
        let prices = if pricing == Pricing::Free { Vec::new() } else { vec![Price { from, cents: Cents::new(cents) }] };
        Code::parse(code).map(|code| Service { code, benefit, label: label.into(), pricing, prices, unit_minutes, detail: None })
    };
    let samples = [
        sample("mittagessen", "Mittagessen", Benefit::Lunch, Pricing::PerUnit, 450, None),
        sample("verein", "Vereinsbeitrag", Benefit::Participation, Pricing::Monthly, 1200, None),
        sample("nachhilfe", "Nachhilfe", Benefit::Tutoring, Pricing::PerUnit, 2200, Some(45)),
        sample("ausflug", "Ausflug", Benefit::DayTrip, Pricing::Free, 0, None),
    ];
    samples.into_iter().flatten().collect()
}

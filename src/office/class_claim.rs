//! The rows of a class list become claims: deposits and balances as charges of one trip, the final correction as what is missing or too much.

use super::class_list::{ClassList, Listed, Stage, is_trip, wrong};
use super::desk_terminal::DeskTerminal;
use super::trip::{self, Standing, Step};
use super::{OfficeError, ServiceTerms, Work};
use crate::admit::status::DataAge;
use crate::book::entry::{Body, Cancellation};
use crate::book::redemption::Redemption;
use crate::book::slot::Occasion;
use crate::reconcile::register::ProviderFile;
use crate::shell::store::StoreError;
use crate::shell::store::office::lines::LedgerLine;
use crate::shell::store::office::{admission, children, claims, deciding, lines};
use crate::words::cents::Cents;
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::code::Code;
use crate::words::ids::{BatchId, EntryId, ProviderNumber};
use crate::words::reason::Reason;
use crate::words::service::{MAX_LABEL, Service};
use crate::words::time::UtcMs;
use std::collections::BTreeMap;

/// The code by which a final correction takes a claim back.
const CORRECTED: &str = "final_cost";

impl Work<'_> {
    /// Claims the rows of a list and decides them; rows that cannot be claimed go to the errors. Answers the batch, where one was made.
    pub(super) fn claim_list(&mut self, provider: ProviderNumber, list: &mut ClassList, now: UtcMs) -> Result<Option<(i64, BatchId)>, OfficeError> {
        let service = self.service_of_event(provider, list, now)?;
        let desk = self.desk_terminal(provider, now)?;
        let providers = self.providers()?;
        let mut entries: Vec<Body> = Vec::new();
        let mut kept = Vec::new();
        for mut row in std::mem::take(&mut list.rows) {
            if lines::is_dirty(&self.db, row.child)? {
                self.decide_now(row.child, &providers, now)?;
            }
            let standing = self.standing(provider, list, row.child, now)?;
            match self.entries_of(&row, list, &service, &desk, &standing, now)? {
                Ok(bodies) => {
                    let sum = |cents: &dyn Fn(&LedgerLine) -> Cents| standing.iter().fold(Cents::ZERO, |sum, line| sum.plus(cents(line)));
                    (row.claimed_before, row.before) = (sum(&|line| line.line.redemption.cents), sum(&|line| line.decided.cents));
                    kept.push((row, entries.len()..entries.len() + bodies.len()));
                    entries.extend(bodies);
                }
                Err(sentence) => list.errors.push((row.line, format!("Zeile {}: {sentence}", row.line))),
            }
        }
        let file = admission::provider_file(&self.db, provider)?;
        let entered = if entries.is_empty() { None } else { Some(self.enter_at_desk(&desk, entries, &file, now)?) };
        for (mut row, places) in kept {
            if list.stage == Stage::Final {
                claims::set_trip_end(&self.db, row.child, (provider, list.benefit, &list.event), row.cents, now)?;
            }
            if !places.is_empty() {
                self.decide_now(row.child, &providers, now)?;
            }
            let seqs = entered.as_ref().and_then(|entered| entered.seqs.get(places)).unwrap_or_default();
            let standing = self.standing(provider, list, row.child, now)?;
            row.after = standing.iter().fold(Cents::ZERO, |sum, line| sum.plus(line.decided.cents));
            let new = standing.iter().rfind(|line| line.terminal == desk.terminal.id && seqs.contains(&line.line.id.seq));
            (row.verdict, row.reason) = new.map_or((None, None), |line| (Some(line.decided.verdict), line.decided.reason));
            list.rows.push(row);
        }
        Ok(entered.map(|entered| (entered.batch, entered.id)))
    }

    fn decide_now(&mut self, child: i64, providers: &BTreeMap<ProviderNumber, ProviderFile>, now: UtcMs) -> Result<(), OfficeError> {
        self.decide_children(&[(child, Vec::new())], providers, now).map(drop)
    }

    /// The service under which the event is claimed: the agreement's own, or one agreed for this event on the terms of the general one.
    fn service_of_event(&mut self, provider: ProviderNumber, list: &ClassList, now: UtcMs) -> Result<Service, OfficeError> {
        let file = admission::provider_file(&self.db, provider)?;
        let gone = || wrong("Dieses Angebot ist mit dem Anbieter nicht mehr vereinbart. Bitte ein anderes wählen.");
        let agreed = file.agreements.iter().find(|a| a.service.code == list.service).ok_or_else(gone)?;
        if agreed.service.detail.as_ref() == Some(&list.event) {
            return Ok(agreed.service.clone());
        }
        let same = |service: &Service| is_trip(service) && service.benefit == list.benefit && service.detail.as_ref() == Some(&list.event);
        if let Some(known) = file.agreements.iter().find(|a| same(&a.service)) {
            return Ok(known.service.clone());
        }
        let label: String = format!("{} {}", agreed.service.label, list.event).chars().take(MAX_LABEL).collect();
        let service = Service { code: list.event.clone(), label, detail: Some(list.event.clone()), ..agreed.service.clone() };
        let terms = ServiceTerms { service: service.clone(), from: agreed.from };
        self.may_agree(provider, &terms)?;
        admission::agree(&self.db, provider, &service, terms.from, now)?;
        self.agreement_changed(provider, &service.code, terms.from, now)?;
        Ok(service)
    }

    /// What stands of a child's claims for the event, oldest first.
    fn standing(&self, provider: ProviderNumber, list: &ClassList, child: i64, now: UtcMs) -> Result<Vec<LedgerLine>, OfficeError> {
        let file = admission::provider_file(&self.db, provider)?;
        let codes: Vec<&Code> = file
            .agreements
            .iter()
            .filter(|a| a.service.benefit == list.benefit && a.service.detail.as_ref() == Some(&list.event))
            .map(|a| &a.service.code)
            .collect();
        let earliest = CivilMonth::from_months(CivilDay::of(now).month().months().saturating_sub(super::reconcile::MONTHS_BACK).into());
        let mut held = deciding::of_child(&self.db, &self.profile.id, child, earliest.unwrap_or(CivilDay::EPOCH.month()))?;
        held.retain(|held| {
            let r = &held.line.redemption;
            held.line.cancelled_by.is_none() && held.line.provider == provider && r.benefit == list.benefit && codes.contains(&&r.service)
        });
        held.sort_by_key(|held| (held.line.at, held.line.id.terminal, held.line.id.seq));
        Ok(held)
    }

    /// The entries a row becomes, or why it becomes none.
    fn entries_of(
        &self,
        row: &Listed,
        list: &ClassList,
        service: &Service,
        desk: &DeskTerminal,
        standing: &[LedgerLine],
        now: UtcMs,
    ) -> Result<Result<Vec<Body>, String>, OfficeError> {
        let claim = |cents, charge, day| self.redemption(row, service, desk.terminal.provider, (cents, charge, day), now);
        if list.stage != Stage::Final {
            let ended = claims::trip_end(&self.db, row.child, desk.terminal.provider, list.benefit, &list.event)?;
            if let Some(sentence) = stands_against(list.stage, standing, ended) {
                return Ok(Err(sentence));
            }
            return Ok(Ok(claim(row.cents, list.stage.charge(), list.day)?.into_iter().collect()));
        }
        let Some(last) = Stage::Final.charge() else { return Ok(Ok(Vec::new())) };
        let stands: Vec<Standing> = standing
            .iter()
            .map(|line| Standing {
                charge: line.line.redemption.charge.clone(),
                cents: line.line.redemption.cents,
                own: line.terminal == desk.terminal.id,
            })
            .collect();
        let steps = match trip::correction(&stands, &last, row.cents) {
            Ok(steps) => steps,
            Err(excess) => {
                return Ok(Err(format!("{excess} zu viel hat ein Lesegerät des Anbieters erfasst: bitte dort stornieren lassen.")));
            }
        };
        if let Some(sentence) = must_be_cut_one_by_one(row, &steps, standing) {
            return Ok(Err(sentence));
        }
        let mut bodies = Vec::with_capacity(steps.len());
        for step in steps {
            match step {
                Step::Cancel(place) => bodies.extend(standing.get(place).map(|line| self.cancellation(line)).transpose()?),
                Step::Claim { like, cents } => {
                    let old = like.and_then(|place| standing.get(place)).map(|line| &line.line.redemption);
                    let (charge, day) = old.map_or((Some(last.clone()), list.day), |old| (old.charge.clone(), old.day));
                    bodies.extend(claim(cents, charge, day)?);
                }
            }
        }
        Ok(Ok(bodies))
    }

    fn redemption(
        &self,
        row: &Listed,
        service: &Service,
        provider: ProviderNumber,
        (cents, charge, day): (Cents, Option<Code>, CivilDay),
        now: UtcMs,
    ) -> Result<Option<Body>, OfficeError> {
        let Some(child) = children::by_id(&self.db, row.child)? else { return Ok(None) };
        let occasion = Occasion { provider, service, day, lesson: None, charge: charge.as_ref() };
        let slot = occasion.slot(&self.profile.id, child.handle);
        Ok(Some(Body::Redemption(Redemption {
            office: self.profile.id.clone(),
            token: row.token,
            benefit: service.benefit,
            service: service.code.clone(),
            day,
            units: 1,
            cents,
            slot: slot.id,
            seen_as: row.seen_as,
            // The office looks into its own register: nothing is fresher.
            status_issued: now.seconds(),
            data_age: DataAge::Green,
            operator: None,
            lesson: None,
            handle: child.handle,
            charge,
            settles: None,
            full_price: None,
            proof: None,
        })))
    }

    fn cancellation(&self, line: &LedgerLine) -> Result<Body, OfficeError> {
        let EntryId { seq, .. } = line.line.id;
        let reason = Code::parse(CORRECTED).ok_or_else(|| StoreError::Inconsistent(format!("“{CORRECTED}” is no code")))?;
        Ok(Body::Cancellation(Cancellation { seq, reason, office: self.profile.id.clone(), entry: line.line.hash }))
    }
}

/// An instalment is lowered by claiming it anew. What was turned down for another reason than its sum, or was on another card, would not come to the same again.
fn must_be_cut_one_by_one(row: &Listed, steps: &[Step], standing: &[LedgerLine]) -> Option<String> {
    let lowers = steps.iter().any(|step| matches!(step, Step::Claim { like: Some(_), .. }));
    let by_sum = |line: &LedgerLine| matches!(line.decided.reason, Some(Reason::CeilingReached | Reason::SelfPaid));
    let in_full = |line: &LedgerLine| line.decided.cents == line.line.redemption.cents || by_sum(line);
    let differs = |line: &LedgerLine| !in_full(line) || line.line.redemption.token != row.token;
    (lowers && standing.iter().any(differs)).then(|| {
        "Ein früherer Teilbetrag ist nicht anerkannt oder war auf einer anderen Karte: Bitte die Zeilen dieses Kindes einzeln kürzen, unter Abrechnungen."
            .to_owned()
    })
}

/// What stands against one more charge of a trip.
fn stands_against(stage: Stage, standing: &[LedgerLine], ended: Option<Cents>) -> Option<String> {
    if let Some(cents) = ended {
        return Some(format!("Die Fahrt ist für dieses Kind schon mit {cents} endabgerechnet: Kosten ändert nur eine neue Endabrechnung."));
    }
    let charge = stage.charge();
    if let Some(same) = standing.iter().find(|line| line.line.redemption.charge == charge) {
        let (day, cents) = (CivilDay::of(same.line.at).german(), same.line.redemption.cents);
        return Some(format!("{} über {cents} ist schon erfasst, am {day}: Eine Endabrechnung berichtigt den Betrag.", stage.german()));
    }
    let whole = standing.iter().any(|line| line.line.redemption.charge.is_none());
    if (stage == Stage::Whole && !standing.is_empty()) || whole {
        return Some("Für diese Fahrt ist schon etwas erfasst: Bitte Restzahlung oder Endabrechnung wählen.".to_owned());
    }
    None
}

//! Why lines were decided as they were, asked of the ledger: the same lines, files and parameters as the decision.

use super::calendar::provider_files;
use super::reconcile::{Gathered, gather};
use super::{OfficeError, Profile, read_profile};
use crate::reconcile::register::{ProviderFile, Register};
use crate::reconcile::why::{Why, explain};
use crate::shell::store::office::views::LineView;
use crate::shell::store::office::{desk, findings};
use crate::shell::store::sql::Connection;
use crate::words::civil::CivilMonth;
use crate::words::ids::{EntryId, ProviderNumber};
use crate::words::time::UtcMs;
use std::collections::{BTreeMap, BTreeSet};

/// What explanations are drawn from.
#[derive(Debug)]
pub struct Explainer<'d> {
    db: &'d Connection,
    profile: Profile,
    providers: BTreeMap<ProviderNumber, ProviderFile>,
    names: BTreeMap<ProviderNumber, String>,
}

impl<'d> Explainer<'d> {
    /// Over this database.
    pub fn new(db: &'d Connection) -> Result<Self, OfficeError> {
        Ok(Self { db, profile: read_profile(db)?, providers: provider_files(db)?, names: desk::provider_names(db)? })
    }

    /// What is agreed with every provider.
    pub const fn providers(&self) -> &BTreeMap<ProviderNumber, ProviderFile> {
        &self.providers
    }

    /// The names of all providers.
    pub const fn names(&self) -> &BTreeMap<ProviderNumber, String> {
        &self.names
    }

    /// Why each of these lines was decided as it is on record. A line that will be decided anew has none: its decision is not the rules'
    /// last word.
    pub fn of(&self, lines: &[LineView], now: UtcMs) -> Result<BTreeMap<EntryId, Why>, OfficeError> {
        let mut children: BTreeMap<i64, BTreeSet<CivilMonth>> = BTreeMap::new();
        for line in lines {
            let redemption = if line.kind == "cancellation" { line.against.unwrap_or(line.id) } else { line.id };
            if let Some((child, _)) = findings::card_of(self.db, redemption)? {
                children.entry(child).or_default().insert(line.day.month());
            }
        }
        let mut whys: BTreeMap<EntryId, Why> = BTreeMap::new();
        for (child, months) in children {
            let months: Vec<CivilMonth> = months.into_iter().collect();
            let register = Register { office: &self.profile.id, policy: &self.profile.policy, providers: &self.providers };
            for Gathered { claims, file, .. } in gather(self.db, &self.profile, &[(child, months)], now)? {
                whys.extend(explain(&claims, &file, &register).into_iter().map(|why| (why.decision.id, why)));
            }
        }
        let on_record = |line: &LineView, why: &Why| {
            let reason = why.decision.reason.map(|reason| reason.code());
            why.decision.verdict == line.verdict && why.decision.cents == line.decided && reason == line.reason.as_deref()
        };
        let known: BTreeMap<EntryId, &LineView> = lines.iter().map(|line| (line.id, line)).collect();
        whys.retain(|id, why| known.get(id).is_some_and(|line| on_record(line, why)));
        Ok(whys)
    }
}

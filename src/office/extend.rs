//! A follow-up approval from a running one: the months after it, the same benefits as far as they follow from it.

use super::acts::cannot;
use super::audit::Action;
use super::cases::{NewApproval, Source};
use super::granted::allowance_words;
use super::issue::IssuedToken;
use super::{Office, OfficeError};
use crate::admit::issue::Approval;
use crate::admit::token::{Allowance, Ceiling};
use crate::shell::legal::{COMPILED, Legal, SETTING};
use crate::shell::sheet::reference::CaseReference;
use crate::shell::store::office::{approvals, children as db, settings};
use crate::words::benefit::{Benefit, Period};
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::ids::{Hash, TokenId};
use crate::words::time::UtcMs;

/// What an extension came to.
#[derive(Clone, Debug)]
pub struct Extended {
    /// The new card; none where the same follow-up was on record already.
    pub issued: Option<IssuedToken>,
    /// What was not taken over, for it is granted case by case.
    pub left_out: Vec<String>,
}

impl Office {
    /// Approves the months after the approval of `token` up to `to`. Participation asks for the month of birth, which is not stored.
    pub fn extend(&mut self, token: TokenId, to: CivilMonth, born: Option<CivilMonth>, by: &str, now: UtcMs) -> Result<Extended, OfficeError> {
        let missing = || OfficeError::NotFound(format!("there is no token {token} issued here"));
        let row = db::token_by_id(&self.db, token)?.ok_or_else(missing)?;
        let before = approvals::of_token(&self.db, row.id)?.ok_or_else(missing)?;
        let reference = db::by_id(&self.db, row.child)?.and_then(|child| child.reference).ok_or_else(missing)?;
        let reference = CaseReference::parse(&reference).map_err(|_| missing())?;
        if before.ended.is_some() || before.changed_to.is_some() {
            return Err(cannot("Diese Bewilligung läuft nicht mehr: Bitte eine neue eintragen."));
        }
        if to <= before.approval.to {
            return Err(cannot(format!("Die Bewilligung läuft schon bis {}: bitte einen späteren Monat angeben.", before.approval.to.german())));
        }
        let (approval, left_out) = follow_up(&before.approval, to);
        if approval.allowances.iter().any(|a| a.benefit == Benefit::Participation) {
            young_enough(&Legal::of(&self.db)?, born, to, CivilDay::of(now))?;
        }
        let new = NewApproval { line: None, reference, basis: before.basis, approval, source: Source::named("cli") };
        Ok(Extended { issued: self.approve(&[new], by, now)?.pop(), left_out })
    }

    /// The approval a token was made from.
    pub fn approval_of(&self, token: TokenId) -> Result<i64, OfficeError> {
        let missing = || OfficeError::NotFound(format!("there is no token {token} issued here"));
        let row = db::token_by_id(&self.db, token)?.ok_or_else(missing)?;
        Ok(approvals::of_token(&self.db, row.id)?.ok_or_else(missing)?.id)
    }

    /// Takes over what the law says here: a whole file in the form of `templates/legal/but.toml`.
    pub fn set_legal(&mut self, text: &str, by: &str, now: UtcMs) -> Result<(), OfficeError> {
        self.take_legal(text, None, by, now)
    }

    /// The same of a file that somebody has compared with the one in force, whose hash is `seen`: another one in force is not replaced unseen.
    pub fn replace_legal(&mut self, text: &str, seen: Hash, by: &str, now: UtcMs) -> Result<(), OfficeError> {
        self.take_legal(text, Some(seen), by, now)
    }

    fn take_legal(&mut self, text: &str, seen: Option<Hash>, by: &str, now: UtcMs) -> Result<(), OfficeError> {
        let next = Legal::parse(text).map_err(|why| OfficeError::Wrong(format!("this is no file of legal data, nothing was taken: {why}")))?;
        self.in_transaction(|work| {
            let held = settings::read(&work.db, SETTING)?.unwrap_or_else(|| COMPILED.to_owned());
            if seen.is_some_and(|seen| seen != Hash::of(&[held.as_bytes()])) {
                let german =
                    "Inzwischen hat jemand eine andere Datei übernommen. Bitte noch einmal ansehen, was sich ändert; es wurde nichts übernommen.";
                return Err(OfficeError::Case { german: german.into() });
            }
            // Whatever is in force that can be read no more is replaced all the same.
            let changed = Legal::parse(&held).map_or_else(|_| next.entries().len(), |held| held.changes(&next).len());
            settings::write(&work.db, SETTING, text)?;
            work.note(by, Action::Setting, "legal", &format!("Rechtsdaten übernommen, anders: {changed}"), now)
        })
    }
}

/// What follows from an approval for the months after it: what is counted by days, weeks or months as it is, a sum for the whole period
/// of participation by months. Quotas and trips are granted case by case.
fn follow_up(before: &Approval, to: CivilMonth) -> (Approval, Vec<String>) {
    let from = before.to.plus(1);
    let (months_before, months) = (u64::from(before.to.since(before.from)) + 1, u64::from(to.since(from)) + 1);
    let follows = |ceiling: &Ceiling, benefit: Benefit| match ceiling.period {
        Period::Validity if benefit == Benefit::Participation && ceiling.amount.is_multiple_of(months_before) => {
            Some(Ceiling { amount: (ceiling.amount / months_before).saturating_mul(months), ..*ceiling })
        }
        Period::Validity => None,
        _ => Some(*ceiling),
    };
    let (mut allowances, mut left_out) = (Vec::new(), Vec::new());
    for allowance in &before.allowances {
        let ceilings: Option<Vec<Ceiling>> = allowance.ceilings.iter().map(|ceiling| follows(ceiling, allowance.benefit)).collect();
        match ceilings {
            Some(ceilings) => allowances.push(Allowance { ceilings, ..allowance.clone() }),
            None => left_out.push(allowance_words(allowance)),
        }
    }
    (Approval { from, to, allowances, hint: before.hint.clone(), home_providers: before.home_providers.clone() }, left_out)
}

fn young_enough(legal: &Legal, born: Option<CivilMonth>, to: CivilMonth, today: CivilDay) -> Result<(), OfficeError> {
    if !legal.asks_age(Benefit::Participation, today) {
        return Ok(());
    }
    let born = born.ok_or_else(|| cannot("Für Teilhabe wird der Geburtsmonat gebraucht (--born); er wird nicht gespeichert."))?;
    match legal.last_by_age(Benefit::Participation, born, today) {
        Some(last) if last.month < to => {
            Err(cannot(format!("Teilhabe endet mit {}, dann ist das Kind {}: bitte bis dahin verlängern.", last.month.german(), last.years)))
        }
        _ => Ok(()),
    }
}

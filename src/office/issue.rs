//! Tokens: issued from approvals, stopped, and re-issued to the extent not yet used.

use super::{Office, OfficeError, Work};
use crate::admit::issue::Approval;
use crate::admit::number::CardNumber;
use crate::admit::scan::code_text;
use crate::admit::status::Status;
use crate::admit::token::{Allowance, Ceiling, Token};
use crate::reconcile::register::Stop;
use crate::shell::sheet::RowError;
use crate::shell::sheet::children::ApprovalRow;
use crate::shell::sheet::reference::lost_zeros;
use crate::shell::store::office::{children as db, lines};
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::ids::{Handle, TokenId};
use crate::words::legal_basis::LegalBasis;
use crate::words::time::UtcMs;
use std::collections::BTreeMap;

/// A token as issued, for letters and lists.
#[derive(Clone, Debug)]
pub struct IssuedToken {
    /// The office's case reference: for the office's own list and the letter, never on the card.
    pub reference: String,
    /// Its content.
    pub token: Token,
    /// The text of its QR code.
    pub code: String,
    /// The number printed beside it.
    pub number: CardNumber,
}

/// Why a token is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// The card was lost.
    Lost,
    /// The card was stolen.
    Stolen,
    /// The entitlement has ended.
    Ended,
}

impl StopReason {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Stolen => "stolen",
            Self::Ended => "ended",
        }
    }

    /// The reason with this stable name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Lost, Self::Stolen, Self::Ended].into_iter().find(|r| r.name() == text)
    }
}

impl Office {
    /// Rows whose reference has lost its leading zeros in a spreadsheet: the office knows it with them.
    pub fn rows_with_lost_zeros(&self, rows: &[ApprovalRow]) -> Vec<RowError> {
        let known = |reference: &str| db::has_reference(&self.db, reference).unwrap_or(false);
        rows.iter().filter_map(|row| lost_zeros(row.reference.as_str(), &known).map(|with| zeros_lost(row, &with))).collect()
    }

    /// Issues one token a child and approval period. All or none.
    pub fn issue(&mut self, rows: &[ApprovalRow], now: UtcMs) -> Result<Vec<IssuedToken>, OfficeError> {
        let approvals = group(rows)?;
        self.in_transaction(|work| {
            approvals.into_iter().map(|(reference, basis, approval)| work.issue_one(reference, basis, approval, now)).collect()
        })
    }

    /// The token with this id or card number.
    pub fn find_token(&self, text: &str) -> Result<(TokenId, Token), OfficeError> {
        let missing = || OfficeError::NotFound(format!("there is no token “{text}”: give its id (32 hexadecimal digits) or its card number"));
        let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let row = match (TokenId::from_hex(text), CardNumber::parse(&digits)) {
            (Some(id), _) => db::token_by_id(&self.db, id)?,
            (None, Some(number)) => match db::tokens_by_number(&self.db, number.get())?.as_slice() {
                [one] => Some(one.clone()),
                [] => None,
                _ => return Err(OfficeError::Wrong(format!("more than one token has the number {number}: give the token's id"))),
            },
            (None, None) => None,
        };
        let row = row.ok_or_else(missing)?;
        Ok((row.token, db::content(&row.bytes.ok_or_else(missing)?)?))
    }

    /// Stops a token for services from the day `from` on; with `reissue` a new one takes its place, to the extent not yet used.
    pub fn stop(&mut self, token: TokenId, why: StopReason, from: CivilDay, reissue: bool, now: UtcMs) -> Result<Option<IssuedToken>, OfficeError> {
        if reissue && why == StopReason::Ended {
            return Err(OfficeError::Wrong("an ended entitlement is not re-issued: grant a new approval and issue a token for it".into()));
        }
        self.in_transaction(|work| work.stop(token, why, from, reissue, now))
    }
}

fn zeros_lost(row: &ApprovalRow, with: &str) -> RowError {
    let without = row.reference.as_str();
    RowError::of_line(
        row.line,
        format!(
            "Das Aktenzeichen „{without}“ gibt es nicht, wohl aber „{with}“: Die Tabelle hat führende Nullen verloren. Spalte als Text speichern."
        ),
        format!("there is no reference “{without}”, but there is “{with}”: the spreadsheet has lost leading zeros; save the column as text"),
    )
}

type Grouped = (String, Option<LegalBasis>, Approval);

/// One approval a reference and period; its rows become allowances, and rows of one benefit and detail ceilings of one allowance.
fn group(rows: &[ApprovalRow]) -> Result<Vec<Grouped>, OfficeError> {
    let mut places: BTreeMap<(String, CivilMonth, CivilMonth), usize> = BTreeMap::new();
    let mut grouped: Vec<Grouped> = Vec::new();
    for row in rows {
        let key = (row.reference.as_str().to_owned(), row.from, row.to);
        let place = *places.entry(key).or_insert_with(|| {
            let approval = Approval { from: row.from, to: row.to, allowances: Vec::new(), hint: None, home_providers: Vec::new() };
            grouped.push((row.reference.as_str().to_owned(), None, approval));
            grouped.len() - 1
        });
        let Some((_, basis, approval)) = grouped.get_mut(place) else { continue };
        *basis = basis.or(row.legal_basis);
        approval.hint = approval.hint.take().or_else(|| row.hint.clone());
        for provider in &row.home_providers {
            if !approval.home_providers.contains(provider) {
                approval.home_providers.push(*provider);
            }
        }
        add_ceiling(approval, row)?;
    }
    Ok(grouped)
}

fn add_ceiling(approval: &mut Approval, row: &ApprovalRow) -> Result<(), OfficeError> {
    let ceiling = Ceiling { period: row.period, measure: row.measure, amount: row.amount };
    match approval.allowances.iter_mut().find(|a| a.benefit == row.benefit && a.detail == row.detail) {
        Some(allowance) if allowance.providers != row.providers => {
            let benefit = row.benefit.name();
            Err(OfficeError::Wrong(format!("line {}: two rows of {benefit} name different providers: name the same ones in both", row.line)))
        }
        Some(allowance) => {
            allowance.ceilings.push(ceiling);
            Ok(())
        }
        None => {
            let allowance = Allowance { benefit: row.benefit, ceilings: vec![ceiling], detail: row.detail.clone(), providers: row.providers.clone() };
            approval.allowances.push(allowance);
            Ok(())
        }
    }
}

impl Work<'_> {
    fn issue_one(&mut self, reference: String, basis: Option<LegalBasis>, approval: Approval, now: UtcMs) -> Result<IssuedToken, OfficeError> {
        let (child, handle) = match db::by_reference(&self.db, &reference)? {
            Some(child) => (child.id, child.handle),
            None => {
                let handle = Handle(self.chance.bytes());
                (db::insert(&self.db, handle, Some(&reference), basis)?, handle)
            }
        };
        if let Some(basis) = basis {
            db::set_legal_basis(&self.db, child, basis)?;
        }
        let id = TokenId(self.chance.bytes());
        let index = db::status_places(&self.db)?;
        let token = approval.token(handle, id, index, now.seconds()).map_err(|why| OfficeError::Wrong(format!("{reference}: {why}")))?;
        self.keep(child, reference, token, None)
    }

    fn keep(&mut self, child: i64, reference: String, token: Token, replaces: Option<i64>) -> Result<IssuedToken, OfficeError> {
        let bytes = token.seal(&self.keys.tokens);
        if bytes.len() > crate::words::sealed::MAX_TOKEN_BYTES {
            return Err(OfficeError::Wrong(format!("{reference}: the benefits do not fit into one code: split the approval into two periods")));
        }
        let number = CardNumber::of(token.id);
        db::insert_token(&self.db, child, &token, number.get(), &bytes, replaces)?;
        lines::mark_dirty(&self.db, child)?;
        Ok(IssuedToken { reference, code: code_text(&bytes), number, token })
    }

    fn stop(&mut self, token: TokenId, why: StopReason, from: CivilDay, reissue: bool, now: UtcMs) -> Result<Option<IssuedToken>, OfficeError> {
        let missing = || OfficeError::NotFound(format!("there is no token {token} issued here"));
        let row = db::token_by_id(&self.db, token)?.ok_or_else(missing)?;
        let old = db::content(row.bytes.as_deref().ok_or_else(missing)?)?;
        let stops = db::stops(&self.db, row.id)?;
        if let Some(stop) = stops.iter().find(|s| s.until.is_none() && s.status != Status::Suspended) {
            return Err(OfficeError::Wrong(format!("token {token} is stopped already, for services from {} on", stop.from.german())));
        }
        let status = if reissue { Status::Replaced } else { Status::Revoked };
        db::insert_stop(&self.db, row.id, &Stop { status, from, until: None, recorded: now }, why.name())?;
        lines::mark_dirty(&self.db, row.child)?;
        if !reissue {
            return Ok(None);
        }
        let child = db::by_id(&self.db, row.child)?.ok_or_else(missing)?;
        let index = db::status_places(&self.db)?;
        let new = Token { id: TokenId(self.chance.bytes()), status_index: index, issued: now.seconds(), ..old };
        self.keep(row.child, child.reference.unwrap_or_default(), new, Some(row.id)).map(Some)
    }
}

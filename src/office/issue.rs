//! Tokens: issued from approvals, stopped, and re-issued to the extent not yet used.

use super::acts::Act;
use super::audit::Action;
use super::{Office, OfficeError, OfficeKeys, Work};
use crate::admit::issue::Approval;
use crate::admit::number::CardNumber;
use crate::admit::scan::code_text;
use crate::admit::status::Status;
use crate::admit::token::{Ceiling, Token};
use crate::book::ceiling::{Use, left};
use crate::reconcile::child::debit_uses;
use crate::reconcile::register::Stop;
use crate::shell::sheet::RowError;
use crate::shell::sheet::children::ApprovalRow;
use crate::shell::sheet::reference::lost_zeros;
use crate::shell::store::office::cases::Counted;
use crate::shell::store::office::children::Child;
use crate::shell::store::office::{approvals, cases, children as db, lines, phones};
use crate::words::benefit::Period;
use crate::words::civil::CivilDay;
use crate::words::ids::{Handle, TokenId};
use crate::words::time::UtcMs;

/// A token as issued, for letters and lists.
#[derive(Clone, Debug)]
pub struct IssuedToken {
    /// The office's case reference: for the office's own list and the letter, never on the card.
    pub reference: String,
    /// Row id of the child.
    pub child: i64,
    /// Row id of the approval it was made from.
    pub approval: i64,
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
        rows.iter()
            .filter_map(|row| lost_zeros(row.reference.as_str(), &known).map(|with| zeros_lost(row.line, row.reference.as_str(), &with)))
            .collect()
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

    /// A token's id and its signed bytes, to be put on a card; found by its id or card number.
    pub fn signed_token(&self, text: &str) -> Result<(TokenId, Vec<u8>), OfficeError> {
        let (id, _) = self.find_token(text)?;
        let bytes = db::token_by_id(&self.db, id)?.and_then(|row| row.bytes);
        Ok((id, bytes.ok_or_else(|| OfficeError::NotFound(format!("the content of token {id} was erased: issue a new one")))?))
    }

    /// Stops a token for services from the day `from` on; with `reissue` a new one takes its place, to the extent not yet used.
    pub fn stop(&mut self, token: TokenId, why: StopReason, from: CivilDay, reissue: bool, now: UtcMs) -> Result<Option<IssuedToken>, OfficeError> {
        if reissue && why == StopReason::Ended {
            return Err(OfficeError::Wrong("an ended entitlement is not re-issued: grant a new approval and issue a token for it".into()));
        }
        self.in_transaction(|work| work.stop(token, why, from, reissue, now))
    }
}

/// Of a line whose reference is known with leading zeros only.
pub(super) fn zeros_lost(line: u64, without: &str, with: &str) -> RowError {
    RowError::of_line(
        line,
        format!(
            "Das Aktenzeichen „{without}“ gibt es nicht, wohl aber „{with}“: Die Tabelle hat führende Nullen verloren. Spalte als Text speichern."
        ),
        format!("there is no reference “{without}”, but there is “{with}”: the spreadsheet has lost leading zeros; save the column as text"),
    )
}

impl Work<'_> {
    /// The token of an approval, with an id and a place in the status list of its own.
    pub(super) fn token(&mut self, handle: Handle, approval: Approval, now: UtcMs) -> Result<Token, OfficeError> {
        let id = TokenId(self.chance.bytes());
        let index = db::status_places(&self.db)?;
        approval.token(handle, id, index, now.seconds()).map_err(|why| OfficeError::Case { german: why.german() })
    }

    /// The token of an approval on which something may have been redeemed before: to the extent not yet used (§ 29(2) SGB II).
    ///
    /// It states the approval's ceilings, for every counter and the office hold against them what the *child* has used, on whichever
    /// card: a lower ceiling would count the same use twice where the child is known. What is used up for the whole period is stated as
    /// nothing, so that no counter that never saw the child grants it again.
    pub(super) fn remainder(&mut self, child: &Child, approval: Approval, now: UtcMs) -> Result<Token, OfficeError> {
        let mut uses = cases::uses(&self.db, child.id, (approval.from, approval.to), Counted::Recognised)?;
        uses.extend(db::file(&self.db, child.id)?.debits.iter().flat_map(debit_uses));
        let mut token = self.token(child.handle, approval, now)?;
        let whole = token.clone();
        for allowance in &mut token.allowances {
            let drawing: Vec<&Use> = uses.iter().filter(|used| used.draws_on(allowance)).collect();
            let used_up = |ceiling: &&mut Ceiling| ceiling.period == Period::Validity && left(ceiling, &whole, whole.last_day(), &drawing, 0) == 0;
            allowance.ceilings.iter_mut().filter(used_up).for_each(|ceiling| ceiling.amount = 0);
        }
        Ok(token)
    }

    /// Signs and stores a token made from an approval.
    pub(super) fn keep(
        &mut self,
        child: i64,
        approval: i64,
        reference: String,
        token: Token,
        replaces: Option<i64>,
    ) -> Result<IssuedToken, OfficeError> {
        let bytes = sealed(&token, self.keys)?;
        let number = CardNumber::of(token.id);
        let row = db::insert_token(&self.db, child, &token, number.get(), &bytes, replaces)?;
        approvals::set_token(&self.db, approval, row)?;
        lines::mark_dirty(&self.db, child)?;
        Ok(IssuedToken { reference, child, approval, code: code_text(&bytes), number, token })
    }

    /// Stops every token of an approval that is not stopped for good; answers the latest one's row.
    pub(super) fn replace_tokens(&mut self, approval: i64, from: CivilDay, now: UtcMs) -> Result<Option<i64>, OfficeError> {
        let tokens = approvals::tokens(&self.db, approval)?;
        for row in tokens.iter().map(|(row, ..)| *row).chain(phones::tokens_of_approval(&self.db, approval)?) {
            if stopped_for_good(&db::stops(&self.db, row)?).is_none() {
                db::insert_stop(&self.db, row, &Stop { status: Status::Replaced, from, until: None, recorded: now }, "changed")?;
            }
        }
        Ok(tokens.last().map(|(row, ..)| *row))
    }

    /// A token that takes a suspended one's place is suspended too.
    pub(super) fn keep_suspended(&mut self, old: Option<i64>, new: &IssuedToken, now: UtcMs) -> Result<(), OfficeError> {
        let (Some(old), Some(new)) = (old, db::token_by_id(&self.db, new.token.id)?) else { return Ok(()) };
        for stop in db::stops(&self.db, old)?.into_iter().filter(|stop| stop.status == Status::Suspended) {
            db::insert_stop(&self.db, new.id, &Stop { recorded: now, ..stop }, "suspended")?;
        }
        Ok(())
    }

    fn stop(&mut self, token: TokenId, why: StopReason, from: CivilDay, reissue: bool, now: UtcMs) -> Result<Option<IssuedToken>, OfficeError> {
        let missing = || OfficeError::NotFound(format!("there is no token {token} issued here"));
        let row = db::token_by_id(&self.db, token)?.filter(|row| row.bytes.is_some()).ok_or_else(missing)?;
        if let Some(stop) = stopped_for_good(&db::stops(&self.db, row.id)?) {
            return Err(OfficeError::Wrong(format!("token {token} is stopped already, for services from {} on", stop.from.german())));
        }
        let approval = approvals::of_token(&self.db, row.id)?.ok_or_else(missing)?;
        if reissue && phones::of_token(&self.db, row.id)?.is_some() {
            return Err(OfficeError::Wrong(format!("token {token} is on a phone: stop it without --reissue, and invite the phone anew")));
        }
        if reissue {
            let act = Act::Reissue { why, from };
            return Ok(self.act(approval.id, act, "cli", now)?.issued);
        }
        if why == StopReason::Ended {
            return Ok(self.act(approval.id, Act::End { from }, "cli", now)?.issued);
        }
        db::insert_stop(&self.db, row.id, &Stop { status: Status::Revoked, from, until: None, recorded: now }, why.name())?;
        lines::mark_dirty(&self.db, row.child)?;
        self.note("cli", Action::Token, &format!("token/{token}"), why.name(), now)?;
        Ok(None)
    }
}

/// The signed token; an error where it is too long for a card.
pub(super) fn sealed(token: &Token, keys: &OfficeKeys) -> Result<Vec<u8>, OfficeError> {
    let bytes = token.seal(&keys.tokens);
    if bytes.len() > crate::words::sealed::MAX_TOKEN_BYTES {
        let german = "Die Leistungen passen nicht auf eine Karte: bitte auf zwei Zeiträume verteilen.".to_owned();
        return Err(OfficeError::Case { german });
    }
    Ok(bytes)
}

/// The stop that ends a token, if there is one: neither a suspension nor lifted.
pub(super) fn stopped_for_good(stops: &[Stop]) -> Option<&Stop> {
    stops.iter().find(|stop| stop.until.is_none() && stop.status != Status::Suspended)
}

//! The phones of a child. A clerk invites, the phone makes a key that never leaves it, and gets a token for every approval that runs:
//! the same child as on the card, so that card and phone use up the same things.

use super::acts::cannot;
use super::audit::Action;
use super::issue::{StopReason, stopped_for_good};
use super::{Office, OfficeError, Work};
use crate::admit::number::CardNumber;
use crate::admit::phone::AHEAD_SECONDS;
use crate::admit::status::Status;
use crate::admit::token::{Allowance, Token};
use crate::book::ceiling::{Use, left};
use crate::book::redemption::{Redemption, SeenAs};
use crate::reconcile::child::debit_uses;
use crate::reconcile::register::Stop;
use crate::shell::store::office::approvals::{self, Held};
use crate::shell::store::office::cases::Counted;
use crate::shell::store::office::phones::{self as db, Phone};
use crate::shell::store::office::{cases, children, lines};
use crate::shell::store::sql;
use crate::words::benefit::{Measure, Period};
use crate::words::civil::CivilDay;
use crate::words::ids::Hash;
use crate::words::keys::PublicKey;
use crate::words::sealed::MAX_TOKEN_BYTES;
use crate::words::time::{UtcMs, UtcSeconds};
use data_encoding::BASE32HEX_NOPAD;

/// For how many days an invitation counts.
pub const INVITATION_DAYS: u64 = 14;
/// How many phones a child may have at once: both parents', the child's own, and one more.
pub const MAX_PHONES: usize = 4;
/// By how many seconds a phone's clock may be off when it asks; its codes need a better one, and the answer tells the time.
pub const ASK_SECONDS: u64 = 300;
/// For how many days the hash of an invitation is kept once it is over.
const FORGET_DAYS: u64 = 30;
/// Who stands in the log where a phone did something by itself.
const BY_PHONE: &str = "handy";

/// An invitation as it is handed out. Its code is known to the family alone.
#[derive(Clone, Debug)]
pub struct Invited {
    /// The one-time code, in groups of four.
    pub code: String,
    /// From when on it counts no more.
    pub until: UtcMs,
}

/// What a phone is told of its child.
#[derive(Clone, Debug)]
pub struct PhoneAnswer {
    /// Whether a clerk has taken this phone out.
    pub removed: bool,
    /// Its tokens that are not over, the earliest first.
    pub tokens: Vec<PhoneToken>,
    /// What is left today, at most.
    pub left: Vec<BenefitLeft>,
}

/// A token on a phone.
#[derive(Clone, Debug)]
pub struct PhoneToken {
    /// The signed bytes.
    pub bytes: Vec<u8>,
    /// Its content.
    pub token: Token,
    /// How it stands today.
    pub state: TokenState,
}

/// How a token stands on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenState {
    /// It counts.
    Valid,
    /// Its period begins later.
    Early,
    /// Its period is over.
    Expired,
    /// Suspended for now.
    Suspended,
    /// Stopped for good.
    Stopped,
}

impl TokenState {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Early => "early",
            Self::Expired => "expired",
            Self::Suspended => "suspended",
            Self::Stopped => "stopped",
        }
    }
}

/// How much of one benefit is left.
#[derive(Clone, Debug)]
pub struct BenefitLeft {
    /// What was granted.
    pub allowance: Allowance,
    /// Each bound with what it leaves.
    pub bounds: Vec<(Period, Measure, u64)>,
}

/// Why a phone gets nothing.
#[derive(Debug, thiserror::Error)]
pub enum NoPhone {
    /// No such invitation, or it was used or is over.
    #[error("this invitation is not known, was used before, or is over: ask the office for a new one")]
    Invitation,
    /// The key or its signature is none.
    #[error("the phone's key or signature is not right: open the page again")]
    Key,
    /// No phone has this key.
    #[error("this phone is not known here: ask the office for an invitation")]
    Unknown,
    /// The child has as many phones as it may.
    #[error("there are {MAX_PHONES} phones already: ask the office to take one out")]
    TooMany,
    /// Nothing is granted that has not ended.
    #[error("nothing is granted at the moment: ask the office")]
    NothingGranted,
    /// The phone's clock is far off.
    #[error("the phone's clock is wrong: set date and time automatically")]
    Clock,
    /// The office could not do it.
    #[error(transparent)]
    Office(#[from] OfficeError),
}

impl NoPhone {
    /// The stable name, for the page to say it in its reader's language.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::Key => "key",
            Self::Unknown => "unknown",
            Self::TooMany => "too_many",
            Self::NothingGranted => "nothing_granted",
            Self::Clock => "clock",
            Self::Office(_) => "office",
        }
    }
}

impl From<crate::shell::store::StoreError> for NoPhone {
    fn from(error: crate::shell::store::StoreError) -> Self {
        Self::Office(error.into())
    }
}

impl From<sql::Error> for NoPhone {
    fn from(error: sql::Error) -> Self {
        Self::Office(error.into())
    }
}

impl Office {
    /// Invites a phone for a child that has an approval which has not ended.
    pub fn invite_phone(&mut self, child: i64, by: &str, now: UtcMs) -> Result<Invited, OfficeError> {
        self.in_transaction(|work| {
            children::by_id(&work.db, child)?.ok_or_else(|| OfficeError::NotFound("there is no such case here".into()))?;
            if running(&work.db, child, CivilDay::of(now))?.is_empty() {
                return Err(cannot("Für dieses Kind läuft keine Bewilligung: Auf dem Handy gäbe es nichts zu zeigen. Bitte erst bewilligen."));
            }
            if in_use(&work.db, child)? >= MAX_PHONES {
                return Err(cannot(format!("Für dieses Kind sind schon {MAX_PHONES} Handys eingerichtet. Bitte erst eines sperren.")));
            }
            db::forget_invitations(&work.db, UtcMs(now.0.saturating_sub(FORGET_DAYS * crate::words::time::DAY_MS)))?;
            let secret: [u8; 10] = work.chance.bytes();
            let until = now.plus_days(INVITATION_DAYS);
            db::insert_invitation(&work.db, hashed(&secret), child, now, until)?;
            work.note(by, Action::Phone, &format!("child/{child}"), "eingeladen", now)?;
            let text = BASE32HEX_NOPAD.encode(&secret);
            let groups: Vec<&str> = text.as_bytes().chunks(4).filter_map(|group| std::str::from_utf8(group).ok()).collect();
            Ok(Invited { code: groups.join("-"), until })
        })
    }

    /// Takes back the invitations of a child that nobody has used; how many there were.
    pub fn withdraw_invitations(&mut self, child: i64, by: &str, now: UtcMs) -> Result<usize, OfficeError> {
        self.in_transaction(|work| {
            let withdrawn = db::withdraw_invitations(&work.db, child)?;
            work.note(by, Action::Phone, &format!("child/{child}"), "Einladungen zurückgezogen", now)?;
            Ok(withdrawn)
        })
    }

    /// Adds the phone with `key` by an invitation; `signature` shows that it holds the key. The same phone asking again with the same code
    /// gets the same answer, for the first one may have been lost.
    pub fn add_phone(&mut self, code: &str, key: &[u8; 32], signature: &[u8; 64], now: UtcMs) -> Result<PhoneAnswer, NoPhone> {
        let secret = read_code(code).ok_or(NoPhone::Invitation)?;
        let public = PublicKey::from_bytes(key).ok_or(NoPhone::Key)?;
        if !public.verifies(&joining(&secret, key), signature) {
            return Err(NoPhone::Key);
        }
        self.status = None;
        self.transact(|work| {
            let code = hashed(&secret);
            let invitation = db::invitation(&work.db, code)?.filter(|invitation| now < invitation.expires).ok_or(NoPhone::Invitation)?;
            let known = db::by_key(&work.db, key)?;
            let phone = match (invitation.phone, known) {
                (Some(used), Some(phone)) if used == phone.id => phone,
                (None, None) => work.admit_phone(code, key, invitation.child, now)?,
                _ => return Err(NoPhone::Invitation),
            };
            work.answer_phone(&phone, now)
        })
    }

    /// What a phone is told when it asks, with tokens for approvals that it has none of yet. `signature` is by its key over the moment.
    pub fn ask_by_phone(&mut self, key: &[u8; 32], at: UtcSeconds, signature: &[u8; 64], now: UtcMs) -> Result<PhoneAnswer, NoPhone> {
        let public = PublicKey::from_bytes(key).ok_or(NoPhone::Key)?;
        if !public.verifies(&asking(key, at), signature) {
            return Err(NoPhone::Key);
        }
        if at.0.abs_diff(now.seconds().0) > ASK_SECONDS {
            return Err(NoPhone::Clock);
        }
        self.transact(|work| {
            let phone = db::by_key(&work.db, key)?.ok_or(NoPhone::Unknown)?;
            db::set_seen(&work.db, phone.id, now)?;
            work.answer_phone(&phone, now)
        })
    }

    /// Takes a phone out: its tokens are stopped from today on. Answers the child's row.
    pub fn remove_phone(&mut self, phone: i64, why: StopReason, by: &str, now: UtcMs) -> Result<i64, OfficeError> {
        let child = self.in_transaction(|work| {
            let missing = || OfficeError::NotFound("there is no such phone: look at the case again".into());
            let row = db::by_id(&work.db, phone)?.ok_or_else(missing)?;
            if row.removed.is_none() {
                db::remove(&work.db, phone, why.name(), now)?;
                for (token, ..) in db::tokens(&work.db, phone)? {
                    work.stop_for_good(token, why, now)?;
                }
                lines::mark_dirty(&work.db, row.child)?;
                work.note(by, Action::Phone, &format!("child/{}", row.child), &format!("gesperrt: {}", why.name()), now)?;
            }
            Ok::<_, OfficeError>(row.child)
        })?;
        self.status = None;
        Ok(child)
    }
}

impl Work<'_> {
    fn admit_phone(&mut self, code: Hash, key: &[u8; 32], child: i64, now: UtcMs) -> Result<Phone, NoPhone> {
        if running(&self.db, child, CivilDay::of(now))?.is_empty() {
            return Err(NoPhone::NothingGranted);
        }
        if in_use(&self.db, child)? >= MAX_PHONES {
            return Err(NoPhone::TooMany);
        }
        let id = db::insert(&self.db, key, child, now)?;
        db::use_invitation(&self.db, code, id)?;
        self.note(BY_PHONE, Action::Phone, &format!("child/{child}"), "eingerichtet", now)?;
        Ok(Phone { id, key: *key, child, added: now, seen: now, removed: None })
    }

    fn answer_phone(&mut self, phone: &Phone, now: UtcMs) -> Result<PhoneAnswer, NoPhone> {
        let today = CivilDay::of(now);
        if phone.removed.is_some() {
            return Ok(PhoneAnswer { removed: true, tokens: Vec::new(), left: Vec::new() });
        }
        let approvals = running(&self.db, phone.child, today)?;
        for held in &approvals {
            if !self.has_live_token(phone, held.id)? {
                self.issue_to(phone, held, now)?;
            }
        }
        let mut tokens = Vec::new();
        for (row, id, _) in db::tokens(&self.db, phone.id)? {
            let Some(bytes) = children::token_by_id(&self.db, id)?.and_then(|row| row.bytes) else { continue };
            let token = children::content(&bytes)?;
            let state = state(&token, &children::stops(&self.db, row)?, today);
            tokens.push(PhoneToken { bytes, token, state });
        }
        // What is over is told only where nothing has followed it.
        if tokens.iter().any(|t| !matches!(t.state, TokenState::Expired | TokenState::Stopped)) {
            tokens.retain(|t| !matches!(t.state, TokenState::Expired | TokenState::Stopped));
        } else if let Some(last) = tokens.pop() {
            tokens = vec![last];
        }
        tokens.sort_by_key(|t| t.token.not_before);
        let left = self.left(phone.child, &approvals, today)?;
        Ok(PhoneAnswer { removed: false, tokens, left })
    }

    fn has_live_token(&self, phone: &Phone, approval: i64) -> Result<bool, OfficeError> {
        for (row, _, of) in db::tokens(&self.db, phone.id)? {
            if of == Some(approval) && stopped_for_good(&children::stops(&self.db, row)?).is_none() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Signs a token for a phone, to the extent not yet used; suspended where the card of its approval is.
    fn issue_to(&mut self, phone: &Phone, held: &Held, now: UtcMs) -> Result<(), OfficeError> {
        let missing = || OfficeError::NotFound("the child of this phone is gone".into());
        let child = children::by_id(&self.db, phone.child)?.ok_or_else(missing)?;
        let mut token = self.remainder(&child, held.approval.clone(), now)?;
        token.holder_key = Some(phone.key);
        let bytes = token.seal(&self.keys.tokens);
        if bytes.len() > MAX_TOKEN_BYTES {
            return Err(cannot("Die Leistungen passen nicht in einen Code: bitte auf zwei Zeiträume verteilen."));
        }
        let row = children::insert_token(&self.db, child.id, &token, CardNumber::of(token.id).get(), &bytes, None)?;
        approvals::set_token(&self.db, held.id, row)?;
        db::bind(&self.db, row, phone.id)?;
        if let Some((card, ..)) = approvals::tokens(&self.db, held.id)?.last() {
            for stop in children::stops(&self.db, *card)?.into_iter().filter(|stop| stop.status == Status::Suspended) {
                children::insert_stop(&self.db, row, &Stop { recorded: now, ..stop }, "suspended")?;
            }
        }
        lines::mark_dirty(&self.db, child.id)?;
        self.note(BY_PHONE, Action::Phone, &format!("child/{}", child.id), &format!("token/{}", token.id), now)
    }

    fn stop_for_good(&self, token: i64, why: StopReason, now: UtcMs) -> Result<(), OfficeError> {
        if stopped_for_good(&children::stops(&self.db, token)?).is_none() {
            let stop = Stop { status: Status::Revoked, from: CivilDay::of(now), until: None, recorded: now };
            children::insert_stop(&self.db, token, &stop, why.name())?;
        }
        Ok(())
    }

    /// What is left today of what is granted today, by what the office knows: at most.
    fn left(&self, child: i64, approvals: &[Held], today: CivilDay) -> Result<Vec<BenefitLeft>, OfficeError> {
        let mut all = Vec::new();
        for held in approvals.iter().filter(|held| (held.approval.from..=held.approval.to).contains(&today.month())) {
            let mut uses = cases::uses(&self.db, child, (held.approval.from, held.approval.to), Counted::Claimed)?;
            uses.extend(children::debits(&self.db, child)?.iter().flat_map(debit_uses));
            let handle = crate::words::ids::Handle([0; 8]);
            let token = held.approval.clone().token(handle, crate::words::ids::TokenId([0; 16]), 0, UtcSeconds(0));
            let Ok(token) = token else { continue };
            for allowance in &held.approval.allowances {
                let drawing: Vec<&Use> = uses.iter().filter(|used| used.draws_on(allowance)).collect();
                let bounds = allowance.ceilings.iter().map(|c| (c.period, c.measure, left(c, &token, today, &drawing, 0))).collect();
                all.push(BenefitLeft { allowance: allowance.clone(), bounds });
            }
        }
        Ok(all)
    }
}

/// Whether a line on a token that is bound to a phone may be claimed: nobody showed anything (a registered month, a phone without power), or
/// the phone has signed for it, and not for a later moment than the entry's.
pub(super) fn proves(redemption: &Redemption, token: &Token, bytes: &[u8], at: UtcMs) -> bool {
    match (redemption.seen_as, redemption.proof) {
        (SeenAs::List, _) => true,
        (SeenAs::Phone, Some(proof)) => proof.at.0 <= at.seconds().0.saturating_add(AHEAD_SECONDS) && proof.is_of(token, bytes),
        _ => false,
    }
}

/// The approvals of a child that have neither ended, nor been changed, nor run out by `today`.
fn running(db: &sql::Connection, child: i64, today: CivilDay) -> Result<Vec<Held>, OfficeError> {
    let mut held = approvals::of_child(db, child)?;
    held.retain(|held| {
        held.changed_to.is_none() && held.ended.as_ref().is_none_or(|(from, _)| *from > today) && held.approval.to.last_day() >= today
    });
    Ok(held)
}

/// How many phones of a child are not taken out.
fn in_use(connection: &sql::Connection, child: i64) -> Result<usize, OfficeError> {
    Ok(db::of_child(connection, child)?.iter().filter(|phone| phone.removed.is_none()).count())
}

fn state(token: &Token, stops: &[Stop], today: CivilDay) -> TokenState {
    let holds = |stop: &&Stop| stop.from <= today && stop.until.is_none_or(|until| today <= until);
    if stopped_for_good(stops).is_some_and(|stop| stop.from <= today) {
        TokenState::Stopped
    } else if today > token.last_day() {
        TokenState::Expired
    } else if stops.iter().filter(holds).any(|stop| stop.status == Status::Suspended) {
        TokenState::Suspended
    } else if today < token.first_day() {
        TokenState::Early
    } else {
        TokenState::Valid
    }
}

/// What is kept of an invitation's code.
fn hashed(secret: &[u8; 10]) -> Hash {
    Hash::of(&[b"teilhabe/invitation/1", secret])
}

/// What a phone signs to join.
fn joining(secret: &[u8; 10], key: &[u8; 32]) -> Vec<u8> {
    [&b"teilhabe/phone-joins/1"[..], secret, key].concat()
}

/// What a phone signs to ask.
fn asking(key: &[u8; 32], at: UtcSeconds) -> Vec<u8> {
    [&b"teilhabe/phone-asks/1"[..], key, &at.0.to_be_bytes()].concat()
}

/// The secret of an invitation as typed or scanned: letters and digits count, in either case.
fn read_code(text: &str) -> Option<[u8; 10]> {
    if text.len() > 64 {
        return None;
    }
    let plain: String = text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_uppercase();
    BASE32HEX_NOPAD.decode(plain.as_bytes()).ok()?.try_into().ok()
}

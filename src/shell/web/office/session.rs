//! Who is signed in, or half-way there. Kept in the store, by the hash of a secret that only the browser has: it lasts beyond the process, and
//! every process of the office knows it.

use super::Desk;
use super::caller::Caller;
use super::page::Fault;
use crate::office::Known;
use crate::shell::store::office::clerks::Account;
use crate::shell::store::office::sessions::{self, Over, SessionRow};
use crate::words::ids::Hash;
use crate::words::time::UtcMs;
use zeroize::Zeroizing;

/// After how long without a request a session ends.
pub const IDLE_MS: u64 = 30 * 60 * 1000;
/// After how long it ends in any case.
pub const LONGEST_MS: u64 = 8 * 60 * 60 * 1000;
/// How long the steps of signing in may take.
pub const STEPS_MS: u64 = 15 * 60 * 1000;
/// How exactly it is kept when a session was last used: so much earlier may it end.
const SEEN_EVERY_MS: u64 = 60 * 1000;
/// How many sessions there may be at once; the one unused longest gives way.
const MAX_SESSIONS: u64 = 1_000;

/// The secret of one-time codes that are being set up.
pub type Pending = Zeroizing<[u8; 20]>;

/// How far somebody is with signing in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The password was right; a one-time code is missing.
    Code,
    /// A password of one's own is missing.
    NewPassword,
    /// One-time codes are to be set up.
    Enrol,
    /// Signed in.
    Full,
}

impl Stage {
    const ALL: [Self; 4] = [Self::Code, Self::NewPassword, Self::Enrol, Self::Full];

    const fn number(self) -> u64 {
        match self {
            Self::Code => 0,
            Self::NewPassword => 1,
            Self::Enrol => 2,
            Self::Full => 3,
        }
    }

    /// What comes after a right password, and after a right code where `code_shown`.
    pub fn after(account: &Account, code_shown: bool, factor_required: bool) -> Self {
        match account {
            Account { factor: Some(_), .. } if !code_shown => Self::Code,
            Account { must_change: true, .. } => Self::NewPassword,
            Account { factor: None, .. } if factor_required => Self::Enrol,
            _ => Self::Full,
        }
    }

    /// Where it goes on.
    pub const fn place(self) -> &'static str {
        match self {
            Self::Code => "/login/code",
            Self::NewPassword => "/login/password",
            Self::Enrol => "/login/factor",
            Self::Full => "/",
        }
    }
}

/// Somebody's session.
#[derive(Clone, Debug)]
pub struct Session {
    /// The clerk's name.
    pub clerk: String,
    /// How far the clerk is with signing in.
    pub stage: Stage,
    /// Whether a one-time code was shown.
    pub code_shown: bool,
    /// One-time codes that are being set up, encrypted for the office.
    pub pending: Option<Vec<u8>>,
    /// The account's epoch when it began: in a later one it is over.
    pub epoch: u64,
    caller: Hash,
    begun: UtcMs,
    seen: UtcMs,
}

impl Session {
    /// A session that begins in this epoch of its account, for the caller of this mark.
    pub const fn new(clerk: String, epoch: u64, stage: Stage, code_shown: bool, caller: Hash, now: UtcMs) -> Self {
        Self { clerk, stage, code_shown, pending: None, epoch, caller, begun: now, seen: now }
    }

    fn is_over(&self, now: UtcMs) -> bool {
        let longest = if self.stage == Stage::Full { LONGEST_MS } else { STEPS_MS };
        now.since(self.seen) >= IDLE_MS || now.since(self.begun) >= longest
    }

    fn row(&self) -> SessionRow {
        let Self { clerk, stage, code_shown, pending, epoch, caller, begun, seen } = self.clone();
        SessionRow { clerk, stage: stage.number(), code_shown, epoch, caller, begun, seen, pending }
    }

    /// Who began it, in which epoch of the account.
    pub fn known(&self) -> Known {
        Known { name: self.clerk.clone(), epoch: self.epoch }
    }

    fn of(row: SessionRow) -> Option<Self> {
        let SessionRow { clerk, stage, code_shown, epoch, caller, begun, seen, pending } = row;
        let stage = Stage::ALL.into_iter().find(|known| known.number() == stage)?;
        Some(Self { clerk, stage, code_shown, pending, epoch, caller, begun, seen })
    }
}

/// What a cookie is worth.
#[derive(Debug)]
pub enum Seat {
    /// Nothing.
    None,
    /// This session.
    Held(Box<Session>),
    /// It was begun in another browser; the session of this clerk has been ended.
    Stolen(String),
}

impl Desk {
    /// Begins a session that is known by `secret`.
    pub(super) async fn begin_session(&self, secret: &str, session: &Session, now: UtcMs) -> Result<(), Fault> {
        let (key, row) = (key(secret), session.row());
        let before = |ms: u64| UtcMs(now.0.saturating_sub(ms));
        let over = Over { idle: before(IDLE_MS), longest: before(LONGEST_MS), most: MAX_SESSIONS };
        self.with(move |office| sessions::begin(office.db(), key, &row, over)).await
    }

    /// Whose session this is, if it is not over and was begun by this caller.
    pub(super) async fn session(&self, secret: &str, caller: &Caller, now: UtcMs) -> Result<Seat, Fault> {
        let key = key(secret);
        let found = self.look(move |db| sessions::find(db, key)).await?;
        let Some((session, epoch)) = found.and_then(|(row, epoch)| Some((Session::of(row)?, epoch))) else { return Ok(Seat::None) };
        if session.is_over(now) || session.epoch != epoch {
            self.end_session(secret).await?;
            return Ok(Seat::None);
        }
        if session.caller != caller.mark(secret) {
            self.end_session(secret).await?;
            return Ok(Seat::Stolen(session.clerk));
        }
        if now.since(session.seen) >= SEEN_EVERY_MS {
            // The page does not wait for it: the office may be taking something in just now.
            let desk = self.clone();
            tokio::spawn(async move {
                if desk.with(move |office| sessions::touch(office.db(), key, now)).await.is_err() {
                    tracing::warn!("the use of a session was not kept");
                }
            });
        }
        Ok(Seat::Held(Box::new(session)))
    }

    /// Keeps one-time codes that are being set up, or forgets them.
    pub(super) async fn pend(&self, secret: &str, pending: Option<Pending>) -> Result<(), Fault> {
        let key = key(secret);
        self.with(move |office| office.keep_pending_factor(key, pending)).await
    }

    /// Ends a session.
    pub(super) async fn end_session(&self, secret: &str) -> Result<(), Fault> {
        let key = key(secret);
        self.with(move |office| sessions::end(office.db(), key)).await
    }

    /// Ends all sessions of a clerk, but the one with the secret `but`.
    pub(super) async fn end_sessions(&self, clerk: &str, but: &str) -> Result<(), Fault> {
        let (clerk, but) = (clerk.to_owned(), key(but));
        self.with(move |office| sessions::end_all(office.db(), &clerk, but)).await
    }
}

/// By what a session is kept.
pub(super) fn key(secret: &str) -> Hash {
    Hash::of(&[b"teilhabe/session", secret.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::store::office::open_in_memory;
    use axum::http::{Extensions, HeaderMap};

    const MINUTE: u64 = 60_000;

    fn caller(agent: &'static str) -> Caller {
        let headers = std::iter::once((axum::http::header::USER_AGENT, agent.parse().expect("a header"))).collect::<HeaderMap>();
        Caller::of(&Extensions::new(), &headers)
    }

    #[test]
    fn a_session_ends_idle_or_after_a_day_of_work() {
        let begun = Session::new("Anna".into(), 0, Stage::Full, false, caller("a").mark("s"), UtcMs(0));
        let over = |seen: u64, at: u64| Session { seen: UtcMs(seen * MINUTE), ..begun.clone() }.is_over(UtcMs(at * MINUTE));
        assert!(!over(0, 29) && !over(29, 58) && over(58, 88), "idle");
        assert!(!over(479, 479) && over(479, 480), "8 hours, however busy");
        let half = Session { stage: Stage::Code, ..begun };
        assert!(!half.is_over(UtcMs(14 * MINUTE)) && half.is_over(UtcMs(15 * MINUTE)), "the steps of signing in take no longer");
    }

    #[test]
    fn a_session_is_kept_as_it_is_and_those_that_are_over_are_forgotten() {
        let db = open_in_memory().expect("a database");
        let session = |clerk: &str, at: u64| Session::new(clerk.into(), 0, Stage::Enrol, true, caller("a").mark("r"), UtcMs(at));
        let over = |idle: u64, most: u64| Over { idle: UtcMs(idle), longest: UtcMs(idle), most };
        let find = |secret: &str| sessions::find(&db, key(secret)).expect("read").and_then(|(row, _)| Session::of(row));
        sessions::begin(&db, key("r"), &session("Anna", 1).row(), over(0, 9)).expect("kept");
        sessions::begin(&db, key("s"), &session("Berta", 2).row(), over(0, 9)).expect("kept");
        let found = find("r").expect("there");
        assert_eq!((found.clerk.as_str(), found.stage, found.code_shown, found.caller), ("Anna", Stage::Enrol, true, caller("a").mark("r")));
        assert!(found.caller != caller("another browser").mark("r") && find("t").is_none());
        sessions::begin(&db, key("t"), &session("Anna", 3).row(), over(1, 9)).expect("kept");
        assert!(find("r").is_none() && find("s").is_some(), "one was over");
        sessions::begin(&db, key("u"), &session("Anna", 4).row(), over(1, 2)).expect("kept");
        assert!(find("s").is_none() && find("t").is_some(), "the one unused longest gave way");
        sessions::end_all(&db, "Anna", key("u")).expect("ended");
        assert!(find("t").is_none() && find("u").is_some());
        sessions::end(&db, key("u")).expect("ended");
        assert!(find("u").is_none());
    }

    #[test]
    fn the_steps_come_in_their_order() {
        let mut account = Account {
            id: 1,
            name: "Anna".into(),
            password: String::new(),
            roles: String::new(),
            created: UtcMs(0),
            must_change: true,
            closed: None,
            last_sign_in: None,
            factor: None,
            last_step: 0,
            external: None,
            epoch: 0,
            subject: None,
        };
        assert_eq!(Stage::after(&account, false, true), Stage::NewPassword);
        account.must_change = false;
        assert_eq!(Stage::after(&account, false, true), Stage::Enrol);
        assert_eq!(Stage::after(&account, false, false), Stage::Full);
        account.factor = Some(vec![1]);
        account.must_change = true;
        assert_eq!(Stage::after(&account, false, false), Stage::Code, "a code is asked for wherever there is one");
        assert_eq!(Stage::after(&account, true, false), Stage::NewPassword);
        account.must_change = false;
        assert_eq!(Stage::after(&account, true, true), Stage::Full);
    }
}

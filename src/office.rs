//! The office: rooms composed over one database. Synchronous; every method that needs the time is told it.

mod acts;
mod admission;
mod audit;
mod bank;
mod books;
mod calendar;
mod cases;
mod class_claim;
mod class_list;
mod clerks;
mod desk_terminal;
mod disclosure;
mod documents;
mod doubts;
mod enter;
mod exchange;
mod extend;
mod factor;
mod grant;
mod granted;
mod identity;
mod import;
mod intake;
mod invoice;
mod issue;
mod key_steps;
mod keys;
mod passkeys;
mod patterns;
mod phones;
mod plan;
mod posting;
mod print;
mod providers;
mod reconcile;
mod repayments;
mod retention;
mod roles;
mod rotate;
mod rule;
mod settle;
mod statements;
mod swap;
mod trip;
mod trusted;
mod waiting;
mod why;

pub use acts::{Act, Acted};
pub use admission::{CODE_DAYS, NewProvider, ServiceTerms};
pub use audit::{Action, AuditCheck, Broken};
pub use bank::{CamtOutcome, Hold, blocked};
pub use books::{BookExport, BookOrder, BookStep};
pub use calendar::provider_files as providers_of;
pub use cases::{NewApproval, Source, plan};
pub use class_list::{ClassList, Listed, NewClassList, Stage, Taken, is_trip};
pub use clerks::{FreshPassword, Known, MAX_PASSWORD, MIN_PASSWORD, PasswordCheck, account};
pub use desk_terminal::LABEL as DESK_LABEL;
pub use disclosure::Disclosure;
pub use documents::SystemFacts;
pub use doubts::{Doubt, MAX_DOUBT_NOTE, NOT_BACK};
pub use extend::Extended;
pub use factor::{RECOVERY_CODES, SecondFactor, second_factor};
pub use granted::{allowance_words, amount_words, ceiling_words, ceilings_words, months_words};
pub use identity::{Claim, IdentityProvider, has_identity_provider, is_safe_address};
pub use import::ImportOutcome;
pub use intake::{Checked, Intake, IntakeJob, IntakeKind, IntakeReport, IntakeStep, check as check_intake, read as read_intake};
pub use invoice::{InvoiceBuyer, invoice_buyer};
pub use issue::{IssuedToken, StopReason};
pub use key_steps::{KeyProposal, KeyStep, KeyStepped, proposals_open};
pub use keys::{KeyKind, OfficeKeys};
pub use passkeys::MAX_PASSKEY_LABEL;
pub use phones::{BenefitLeft, INVITATION_DAYS, Invited, MAX_PHONES, NoPhone, PhoneAnswer, PhoneToken, TokenState};
pub use plan::{Planned, Standing};
pub use posting::{PayMode, PaymentOrder, sample_posting};
pub use print::{CONTACT, FILE_DAYS, MAX_CONTACT_LINE, MAX_PAPERS, MAX_SLIPS, NewPrint, PrintBegun, PrintJob, PrintStep};
pub use providers::{MAX_CONTACT, ProviderData};
pub use reconcile::Stretch;
pub use repayments::{MAX_REPAYMENT_NOTE, NewRepayment};
pub use retention::{Kept, PLAN_HOURS, Purge, PurgeStep, cutoff};
pub use roles::{Role, Roles};
pub use rotate::{KeyState, Rotated, Withdrawn};
pub use rule::{BulkOutcome, BulkRuling, Equally};
pub use settle::{OpenSum, Settlement, SettlementFile, open_sums, open_sums_of};
pub use statements::{Labels, as_html, as_pdf, statement_name, statement_of};
pub use waiting::{BatchChoice, Situation, WaitingView, look_at_waiting};
pub use why::Explainer;

use crate::admit::status::StatusList;
use crate::admit::trust::{MAX_NAME, Policy, TrustList};
use crate::admit::verify::Refused;
use crate::reconcile::register::OfficePolicy;
use crate::settle::account::{Account, Iban};
use crate::settle::posting::PostingError;
use crate::settle::settlement::{ContentChanged, DraftError, SameClerk};
use crate::shell::backup::Kind;
use crate::shell::envelope::EnvelopeError;
use crate::shell::office_dir::Place;
use crate::shell::paper::letters::NotPrinted;
use crate::shell::secret_file::SecretFileError;
use crate::shell::store::StoreError;
use crate::shell::store::office::{children, settings};
use crate::shell::store::sql;
use crate::shell::store::sql::{Connection, Transaction};
use crate::words::chance::Chance;
use crate::words::civil::CivilDay;
use crate::words::ids::OfficeId;
use crate::words::time::{UtcMs, UtcSeconds};
use std::path::{Path, PathBuf};
use trusted::{Trust, kept_trust, make_trust};

/// For how many days a trust list and a credential are meant to be used.
const TRUST_DAYS: u64 = 400;
const CREDENTIAL_DAYS: u64 = 400;
/// For how long a status list is kept before a new one is made.
const STATUS_KEPT_MS: u64 = 10 * 60 * 1000;

/// The policy a new office begins with.
pub const DEFAULT_POLICY: OfficePolicy =
    OfficePolicy { shared: Policy { claim_grace_days: 90, amber_days: 7, red_days: 30 }, status_ttl_seconds: 26 * 3600, good_faith_days: 14 };

/// Why the office did not do what it was asked to. Each is one sentence for the person who asked.
#[derive(Debug, thiserror::Error)]
pub enum OfficeError {
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key file is missing or unsafe.
    #[error(transparent)]
    SecretFile(#[from] SecretFileError),
    /// An envelope could not be opened or made.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// A signed document does not count.
    #[error("the document was not taken: {0}")]
    Refused(#[from] Refused),
    /// What was asked for is wrong; the sentence says what and what to do.
    #[error("{0}")]
    Wrong(String),
    /// An approval, a card or an invoice cannot be what was asked for.
    #[error("{german}")]
    Case {
        /// The sentence for clerks: what is wrong and what to do.
        german: String,
    },
    /// A key of the office itself is not there or not the one in force; the sentence says which, and what to do.
    #[error("{0}")]
    OwnKey(String),
    /// There is no such thing here.
    #[error("{0}")]
    NotFound(String),
    /// The sender is not admitted.
    #[error("{0}")]
    NotAdmitted(String),
    /// No run can be made of what is open.
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// No posting file can be made.
    #[error(transparent)]
    Posting(#[from] PostingError),
    /// One clerk wants to sign twice.
    #[error(transparent)]
    SameClerk(#[from] SameClerk),
    /// The run is not what the first clerk signed.
    #[error(transparent)]
    ContentChanged(#[from] ContentChanged),
    /// Nothing is open.
    #[error("there is nothing to settle: reconcile first, or wait for claims")]
    NothingToSettle,
    /// Restored: what the bank has paid since must be looked at first.
    #[error("this office was restored from a backup: compare the bank's statements with the runs, then say so with `teilhabe office compared`")]
    NotCompared,
    /// No run has a first signature.
    #[error("no run waits for a second signature: draw one up first")]
    NoRunWaits,
    /// One run waits for its second signature: another one cannot be drawn up beside it.
    #[error("run {number}, drawn up by {by}, waits for its second signature: release it or withdraw it first")]
    RunWaits {
        /// Its number.
        number: u32,
        /// Who drew it up.
        by: String,
    },
    /// What a clerk decided on is no longer what she saw.
    #[error("what is payable has changed since you looked: look again, nothing was done")]
    Overtaken,
    /// A statement has more lines than one PDF takes.
    #[error("this statement has {lines} lines, a PDF takes {most}: use the page, which shows all of them")]
    TooLongForPaper {
        /// How many it has.
        lines: usize,
        /// How many a PDF takes.
        most: usize,
    },
    /// A bank statement of another account.
    #[error("this statement is of account {theirs}, not of the office's own {ours}: nothing was taken")]
    OtherAccount {
        /// The statement's account.
        theirs: String,
        /// The office's account.
        ours: String,
    },
    /// A status report on a payment file that this office did not make.
    #[error("this report is about the payment file “{0}”, which this office did not make: nothing was taken")]
    OtherReport(String),
    /// Another line of the slot was paid.
    #[error("another line has been paid for this already: it can only be paid once")]
    PaidElsewhere,
    /// A question back about what is paid already.
    #[error("this line has been paid already: there is nothing to wait for; decide it anew if it was wrong")]
    PaidAlready,
    /// There is an account of this person.
    #[error("there is an account of {name} already: {what}")]
    ClerkKnown {
        /// The name as first written.
        name: String,
        /// What to do instead.
        what: &'static str,
    },
    /// Nobody takes away their own right to look after the office.
    #[error("nobody closes their own account or gives up their own role of admin: ask another admin to do it")]
    OwnAccount,
    /// Nobody would look after the office any more.
    #[error("this is the last account that looks after the office: give another one the role of admin first")]
    LastAdmin,
    /// Nothing could be printed.
    #[error(transparent)]
    NotPrinted(#[from] NotPrinted),
    /// Somebody has said already how a print run ended.
    #[error("somebody has said already how print run {0} ended")]
    PrintEnded(u32),
}

impl From<sql::Error> for OfficeError {
    fn from(error: sql::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Who the office is.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Its id.
    pub id: OfficeId,
    /// Its name for people.
    pub name: String,
    /// The account it pays from.
    pub debtor: Account,
    /// Its parameters.
    pub policy: OfficePolicy,
}

/// An office at work.
pub struct Office {
    db: Connection,
    /// Where its keys are; none where it lives in memory.
    folder: Option<PathBuf>,
    keys: OfficeKeys,
    chance: Chance,
    profile: Profile,
    trust: Trust,
    /// Whether keys were changed since it was made.
    trust_is_old: bool,
    status: Option<(UtcMs, UtcSeconds, Vec<u8>)>,
}

impl std::fmt::Debug for Office {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Office({})", self.profile.id)
    }
}

impl Office {
    /// Sets up a new office in the empty folder `dir`.
    pub fn init(dir: &Path, id: OfficeId, name: &str, debtor_iban: &str, chance: Chance, now: UtcMs) -> Result<Self, OfficeError> {
        Self::init_at(&Place::File(dir.join(Kind::Office.database())), dir, id, name, debtor_iban, chance, now)
    }

    /// The same with its rows at `place`; the keys are in `dir` all the same.
    pub fn init_at(
        place: &Place,
        dir: &Path,
        id: OfficeId,
        name: &str,
        debtor_iban: &str,
        mut chance: Chance,
        now: UtcMs,
    ) -> Result<Self, OfficeError> {
        let iban = Iban::parse(debtor_iban).map_err(|error| OfficeError::Wrong(error.to_string()))?;
        let debtor = Account::new(name, iban, None).map_err(|error| OfficeError::Wrong(error.to_string()))?;
        let db = place.open()?;
        if settings::read(&db, "office")?.is_some() {
            return Err(OfficeError::Wrong(match place {
                Place::File(_) => format!("{} holds an office already: choose an empty folder", dir.display()),
                Place::Server(..) => format!("the server holds the office {id} already: it can be opened only with the keys it was set up with"),
            }));
        }
        // The office is one as soon as it has its name, so that is written last: until then it can be set up again.
        let keys = OfficeKeys::generate(&mut chance);
        keys.save(&dir.join("keys"))?;
        let profile = Profile { id, name: name.trim().to_owned(), debtor, policy: DEFAULT_POLICY };
        Ok(Self::begin(db, keys, profile, chance, now)?.in_folder(dir))
    }

    /// The same office, whose keys lie in `dir`.
    #[must_use]
    pub fn in_folder(self, dir: &Path) -> Self {
        Self { folder: Some(dir.to_owned()), ..self }
    }

    /// Begins a new office over an empty database.
    pub fn begin(db: Connection, keys: OfficeKeys, profile: Profile, chance: Chance, now: UtcMs) -> Result<Self, OfficeError> {
        if profile.name.is_empty() || profile.name.chars().count() > MAX_NAME {
            return Err(OfficeError::Wrong(format!("the office's name must have 1 to {MAX_NAME} characters: give another --name")));
        }
        let policy = profile.policy;
        let values = [
            ("office", profile.id.to_string()),
            ("name", profile.name.clone()),
            ("debtor_name", profile.debtor.name().to_owned()),
            ("debtor_iban", profile.debtor.iban().electronic().to_owned()),
            ("claim_grace_days", policy.shared.claim_grace_days.to_string()),
            ("amber_days", policy.shared.amber_days.to_string()),
            ("red_days", policy.shared.red_days.to_string()),
            ("status_ttl_seconds", policy.status_ttl_seconds.to_string()),
            ("good_faith_days", policy.good_faith_days.to_string()),
            ("keys_since", now.0.to_string()),
        ];
        let transaction = db.writing()?;
        values.iter().try_for_each(|(name, value)| settings::write(&transaction, name, value))?;
        transaction.commit()?;
        Self::at_work(db, keys, chance, now)
    }

    /// Opens the office in `dir`.
    pub fn open(dir: &Path, chance: Chance, now: UtcMs) -> Result<Self, OfficeError> {
        let none = || OfficeError::Wrong(format!("{} holds no office: set one up with `teilhabe office init`", dir.display()));
        let db = Place::of(dir)?.ok_or_else(none)?.open()?;
        settings::read(&db, "office")?.ok_or_else(none)?;
        let keys = OfficeKeys::load_for(&dir.join("keys"), &db)?;
        Ok(Self::at_work(db, keys, chance, now)?.in_folder(dir))
    }

    fn at_work(db: Connection, keys: OfficeKeys, chance: Chance, now: UtcMs) -> Result<Self, OfficeError> {
        let profile = read_profile(&db)?;
        let trust = match kept_trust(&db, &keys, &profile, now)? {
            Some(kept) => kept,
            None => make_trust(&db, &keys, &profile, now)?,
        };
        Ok(Self { db, keys, chance, profile, trust, folder: None, trust_is_old: false, status: None })
    }

    /// Who the office is.
    pub const fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The signed trust list, renewed in time.
    pub fn trust(&mut self, now: UtcMs) -> Result<&(TrustList, Vec<u8>), OfficeError> {
        self.look_at_keys()?;
        if self.trust_is_old
            && let Some(kept) = kept_trust(&self.db, &self.keys, &self.profile, now)?
        {
            (self.trust, self.trust_is_old) = (kept, false);
        }
        if self.trust_is_old || now.plus_days(TRUST_DAYS / 2) > self.trust.list.0.expires {
            self.trust = make_trust(&self.db, &self.keys, &self.profile, now)?;
            self.trust_is_old = false;
        }
        Ok(&self.trust.list)
    }

    /// Changes the office's parameters; terminals learn of it with their next exchange.
    pub fn set_policy(&mut self, policy: OfficePolicy, now: UtcMs) -> Result<(), OfficeError> {
        for (name, days) in
            [("claim_grace_days", policy.shared.claim_grace_days), ("amber_days", policy.shared.amber_days), ("red_days", policy.shared.red_days)]
        {
            settings::write(&self.db, name, &days.to_string())?;
        }
        settings::write(&self.db, "status_ttl_seconds", &policy.status_ttl_seconds.to_string())?;
        settings::write(&self.db, "good_faith_days", &policy.good_faith_days.to_string())?;
        self.profile.policy = policy;
        self.trust = make_trust(&self.db, &self.keys, &self.profile, now)?;
        Ok(())
    }

    /// The signed status list with its issue time: made anew after a stop, and every ten minutes.
    pub fn status_list(&mut self, now: UtcMs) -> Result<(UtcSeconds, Vec<u8>), OfficeError> {
        self.look_at_keys()?;
        let last_stop = children::last_stop(&self.db)?;
        if let Some((made, issued, bytes)) = &self.status
            && *made > last_stop
            && now.since(*made) < STATUS_KEPT_MS
        {
            return Ok((*issued, bytes.clone()));
        }
        let issued = UtcSeconds(settings::at_least(&self.db, "status_issued", now.seconds().0)?);
        let mut statuses = children::statuses(&self.db, CivilDay::of(now))?;
        statuses.push((children::status_places(&self.db)?, crate::admit::status::Status::Valid));
        let subject = format!("urn:teilhabe:status:{}", self.profile.id);
        let list = StatusList::new(subject, issued, self.profile.policy.status_ttl_seconds, statuses);
        let bytes = list.seal(&self.keys.status);
        self.status = Some((now, issued, bytes.clone()));
        Ok((issued, bytes))
    }

    /// The database, for read-only views.
    pub const fn db(&self) -> &Connection {
        &self.db
    }

    /// The office's folder; none where it lives in memory.
    pub fn folder(&self) -> Option<PathBuf> {
        self.folder.clone()
    }

    /// Runs `work` in one transaction that is durable when this returns.
    fn in_transaction<T>(&mut self, work: impl FnOnce(&mut Work<'_>) -> Result<T, OfficeError>) -> Result<T, OfficeError> {
        self.transact(work)
    }

    /// The same with an error of its own.
    fn transact<T, E: From<OfficeError>>(&mut self, work: impl FnOnce(&mut Work<'_>) -> Result<T, E>) -> Result<T, E> {
        let folder = self.key_folder();
        let transaction = self.db.writing().map_err(OfficeError::from)?;
        // Nobody changes a key while this lasts: what is signed in here is signed by the key in force.
        if let Some(changed) = folder.and_then(|folder| self.keys.changed_in(&folder, &transaction).transpose()) {
            (self.keys, self.status, self.trust_is_old) = (changed?, None, true);
        }
        let mut scope = Work { db: transaction, keys: &self.keys, chance: &mut self.chance, profile: &self.profile };
        let result = work(&mut scope)?;
        scope.db.commit().map_err(OfficeError::from)?;
        Ok(result)
    }

    /// Runs `work` as [`Office::in_transaction`] does and takes everything back: what would come of it.
    fn rehearse<T>(&mut self, work: impl FnOnce(&mut Work<'_>) -> Result<T, OfficeError>) -> Result<T, OfficeError> {
        let transaction = self.db.writing()?;
        work(&mut Work { db: transaction, keys: &self.keys, chance: &mut self.chance, profile: &self.profile })
    }
}

/// What work inside a transaction may use.
struct Work<'o> {
    db: Transaction<'o>,
    keys: &'o OfficeKeys,
    chance: &'o mut Chance,
    profile: &'o Profile,
}

fn read_profile(db: &Connection) -> Result<Profile, OfficeError> {
    let text = |name: &str| settings::read(db, name)?.ok_or_else(|| OfficeError::Store(StoreError::Inconsistent(format!("no setting “{name}”"))));
    let number = |name: &str| -> Result<u32, OfficeError> {
        text(name)?.parse().map_err(|_| OfficeError::Store(StoreError::Inconsistent(format!("a setting “{name}” that is no number"))))
    };
    let damaged = |name: &str| OfficeError::Store(StoreError::Inconsistent(format!("a setting “{name}” that cannot be right")));
    let iban = Iban::parse(&text("debtor_iban")?).map_err(|_| damaged("debtor_iban"))?;
    Ok(Profile {
        id: OfficeId::parse(&text("office")?).ok_or_else(|| damaged("office"))?,
        name: text("name")?,
        debtor: Account::new(&text("debtor_name")?, iban, None).map_err(|_| damaged("debtor_name"))?,
        policy: OfficePolicy {
            shared: Policy { claim_grace_days: number("claim_grace_days")?, amber_days: number("amber_days")?, red_days: number("red_days")? },
            status_ttl_seconds: number("status_ttl_seconds")?.into(),
            good_faith_days: number("good_faith_days")?,
        },
    })
}

//! The second factor: one-time codes (TOTP, RFC 6238) from an app, and recovery codes for the day the phone is lost.

use super::clerks::made_up;
use super::{Action, Office, OfficeError};
use crate::shell::envelope;
use crate::shell::store::StoreError;
use crate::shell::store::office::clerks::{self, Account};
use crate::shell::store::office::{sessions, settings};
use crate::shell::store::sql::Connection;
use crate::words::ids::Hash;
use crate::words::time::UtcMs;
use subtle::ConstantTimeEq;
use totp_rs::{Algorithm, TOTP};
use zeroize::Zeroizing;

/// How many recovery codes a clerk gets.
pub const RECOVERY_CODES: usize = 8;
/// Seconds of a step, RFC 6238's own choice.
const STEP_SECONDS: u64 = 30;
/// How many digits a code has.
const DIGITS: usize = 6;
/// How many steps a phone's clock may be off, either way.
const SKEW: u64 = 1;
/// The most bytes of an encrypted secret's content.
const MAX_CONTENT: usize = 128;
/// The setting that says whether everybody needs a second factor.
const SETTING: &str = "second_factor";

/// Whether clerks need a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondFactor {
    /// Nobody works without one. An office begins so.
    Required,
    /// Who has none gets in with the password alone: for trying things out.
    Optional,
}

/// Whether clerks of this office need a second factor.
pub fn second_factor(db: &Connection) -> Result<SecondFactor, StoreError> {
    let optional = settings::read(db, SETTING)?.is_some_and(|value| value == "optional");
    Ok(if optional { SecondFactor::Optional } else { SecondFactor::Required })
}

fn totp(secret: &[u8]) -> TOTP {
    TOTP::new_unchecked(Algorithm::SHA1, DIGITS, 1, STEP_SECONDS, secret.to_vec())
}

/// The step whose code this is, near `now`.
fn step_of(secret: &[u8], code: &str, now: UtcMs) -> Option<u64> {
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let (totp, here) = (totp(secret), now.seconds().0 / STEP_SECONDS);
    let near = here.saturating_sub(SKEW)..=here.saturating_add(SKEW);
    near.into_iter().find(|step| totp.generate(step.saturating_mul(STEP_SECONDS)).as_bytes().ct_eq(code.as_bytes()).into())
}

/// The hash under which a recovery code is kept: of 80 random bits, so that a quick one is safe.
fn recovery_hash(clerk: i64, code: &str) -> Hash {
    let bare: String = code.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    Hash::of(&[b"teilhabe/recovery/1", &clerk.to_be_bytes(), bare.as_bytes()])
}

/// What is encrypted: the secret with whose it is, so that one account's cannot be put into another's row.
fn content(clerk: i64, secret: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new([b"totp/", clerk.to_string().as_bytes(), b"/", secret].concat())
}

impl Office {
    /// Says whether clerks need a second factor.
    pub fn set_second_factor(&mut self, by: &str, factor: SecondFactor, now: UtcMs) -> Result<(), OfficeError> {
        let (value, detail) = match factor {
            SecondFactor::Required => ("required", "zweiter Faktor: Pflicht"),
            SecondFactor::Optional => ("optional", "zweiter Faktor: freiwillig"),
        };
        self.in_transaction(|work| {
            settings::write(&work.db, SETTING, value)?;
            work.note(by, Action::Setting, "setting/second_factor", detail, now)
        })
    }

    /// A new secret for one-time codes, kept nowhere yet.
    pub fn new_factor(&mut self) -> Zeroizing<[u8; 20]> {
        Zeroizing::new(self.chance.bytes())
    }

    /// Keeps one-time codes that a session is setting up, encrypted and for this session alone, or forgets them.
    pub fn keep_pending_factor(&mut self, session: Hash, secret: Option<Zeroizing<[u8; 20]>>) -> Result<(), OfficeError> {
        let recipient = self.keys.identity.recipient();
        let sealed = secret.map(|secret| envelope::encrypt(&recipient, &Zeroizing::new([&session.0[..], &secret[..]].concat()))).transpose()?;
        Ok(sessions::pend(&self.db, session, sealed.as_deref())?)
    }

    /// The one-time codes that a session is setting up.
    pub fn pending_factor(&self, session: Hash, sealed: &[u8]) -> Result<Zeroizing<[u8; 20]>, OfficeError> {
        let opened = Zeroizing::new(self.keys.open(sealed, MAX_CONTENT)?);
        let secret = opened.strip_prefix(&session.0[..]).and_then(|secret| secret.try_into().ok()).map(Zeroizing::new);
        Ok(secret.ok_or_else(|| StoreError::Inconsistent("one-time codes of another session".into()))?)
    }

    /// Makes `secret` the clerk's second factor, if `code` shows that the phone has it; answers the recovery codes, which are kept hashed.
    /// None where the code is wrong. Where others are replaced by it, all sessions but `session` end.
    pub fn enrol_factor(
        &mut self,
        name: &str,
        secret: &[u8],
        code: &str,
        session: Option<Hash>,
        now: UtcMs,
    ) -> Result<Option<Vec<String>>, OfficeError> {
        let Some(step) = step_of(secret, code, now) else { return Ok(None) };
        let recipient = self.keys.identity.recipient();
        self.in_transaction(|work| {
            let known = work.named(name)?;
            clerks::set_factor(&work.db, known.id, Some(&envelope::encrypt(&recipient, &content(known.id, secret))?))?;
            clerks::use_step(&work.db, known.id, step)?;
            if known.factor.is_some() {
                work.end_sessions_but(&known, session)?;
            }
            let codes = work.recovery_codes(known.id)?;
            work.note(name, Action::Clerk, &format!("clerk/{}", known.id), "Einmal-Codes eingerichtet", now)?;
            Ok(Some(codes))
        })
    }

    /// [`Office::enrol_factor`] for somebody who has shown a password only: refused where one-time codes are set up already, as the
    /// password alone must not replace them.
    pub fn enrol_first_factor(&mut self, name: &str, secret: &[u8], code: &str, now: UtcMs) -> Result<Option<Vec<String>>, OfficeError> {
        if super::account(&self.db, name)?.is_some_and(|known| known.factor.is_some()) {
            return Err(OfficeError::Wrong("this account has one-time codes already: sign in with them".into()));
        }
        self.enrol_factor(name, secret, code, None, now)
    }

    /// New recovery codes in place of those from before.
    pub fn renew_recovery(&mut self, name: &str, now: UtcMs) -> Result<Vec<String>, OfficeError> {
        self.in_transaction(|work| {
            let known = work.named(name)?;
            let factor = known.factor.as_deref();
            if factor.is_none() {
                return Err(OfficeError::Wrong("there are no one-time codes to recover: set them up first".into()));
            }
            work.db.execute("DELETE FROM recovery_code WHERE clerk = ?1", [known.id])?;
            let codes = work.recovery_codes(known.id)?;
            work.note(name, Action::Clerk, &format!("clerk/{}", known.id), "neue Ersatz-Codes", now)?;
            Ok(codes)
        })
    }

    /// Whether `code` is the clerk's one-time code of now, or a recovery code. Either is used up by that.
    pub fn check_factor(&mut self, name: &str, code: &str, now: UtcMs) -> Result<bool, OfficeError> {
        let Some(known) = super::account(&self.db, name)?.filter(|known| known.closed.is_none()) else { return Ok(false) };
        let Some(secret) = self.factor_of(&known)? else { return Ok(false) };
        let step = step_of(&secret, code, now);
        self.in_transaction(|work| {
            if let Some(step) = step {
                return Ok(clerks::use_step(&work.db, known.id, step)?);
            }
            let used = clerks::use_recovery(&work.db, known.id, &recovery_hash(known.id, code).0)?;
            if used {
                work.note(name, Action::Clerk, &format!("clerk/{}", known.id), "Ersatz-Code benutzt", now)?;
            }
            Ok(used)
        })
    }

    fn factor_of(&self, known: &Account) -> Result<Option<Zeroizing<Vec<u8>>>, OfficeError> {
        let Some(sealed) = &known.factor else { return Ok(None) };
        let opened = Zeroizing::new(self.keys.open(sealed, MAX_CONTENT)?);
        let secret = opened.strip_prefix(content(known.id, b"").as_slice()).map(<[u8]>::to_vec);
        let secret = secret.ok_or_else(|| StoreError::Inconsistent("a second factor of another account".into()))?;
        Ok(Some(Zeroizing::new(secret)))
    }
}

impl super::Work<'_> {
    fn recovery_codes(&mut self, clerk: i64) -> Result<Vec<String>, OfficeError> {
        let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| made_up(self.chance)).collect();
        for code in &codes {
            clerks::insert_recovery(&self.db, clerk, &recovery_hash(clerk, code).0)?;
        }
        Ok(codes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::office::clerks::tests::office;

    #[test]
    fn codes_are_those_of_rfc_6238() {
        let secret = b"12345678901234567890";
        for (seconds, code) in [(59u64, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")] {
            assert_eq!(step_of(secret, code, UtcMs(seconds * 1000)), Some(seconds / 30), "{seconds}");
        }
    }

    #[test]
    fn a_code_counts_once_and_near_its_time() {
        let mut office = office();
        office.set_clerk("Anna", "korrekt pferd", UtcMs(1)).expect("admitted");
        let secret = *office.new_factor();
        let at = |seconds: u64| UtcMs((1_800_000_000 + seconds) * 1000);
        let code = |seconds: u64| totp(&secret).generate(1_800_000_000 + seconds);
        assert_eq!(office.enrol_factor("Anna", &secret, "000000", None, at(0)).expect("checked"), None);
        let codes = office.enrol_factor("Anna", &secret, &code(0), None, at(0)).expect("checked").expect("enrolled");
        let mut check = |code: &str, now: UtcMs| office.check_factor("anna", code, now).expect("checked");
        assert!(!check(&code(0), at(5)), "the code it was enrolled with is used");
        let spaced = format!("{} {}", &code(60)[..3], &code(60)[3..]);
        assert!(check(&spaced, at(30)), "a phone half a minute fast");
        assert!(!check(&code(60), at(60)), "once");
        assert!(!check(&code(30), at(60)), "an earlier one after a later one");
        assert!(check(&code(90), at(120)), "a phone half a minute slow");
        assert!(!check(&code(150), at(240)) && !check(&code(330), at(240)), "too far off");
        assert!(check(&codes[0].to_uppercase(), at(300)) && !check(&codes[0], at(301)), "a recovery code, once");
        assert!(!check("", at(300)) && !check("------", at(300)));
        assert_eq!(codes.len(), RECOVERY_CODES);
        assert!(office.enrol_first_factor("Anna", &secret, &code(600), at(600)).is_err(), "a password alone replaces nothing");
    }

    #[test]
    fn the_secret_is_encrypted_for_the_office_and_for_one_account() {
        let mut office = office();
        for name in ["Anna", "Bernd"] {
            office.set_clerk(name, "korrekt pferd", UtcMs(1)).expect("admitted");
        }
        let secret = *office.new_factor();
        let now = UtcMs(1_800_000_000_000);
        office.enrol_factor("Anna", &secret, &totp(&secret).generate(1_800_000_000), None, now).expect("checked").expect("enrolled");
        let kept = crate::office::account(office.db(), "Anna").expect("read").expect("there").factor.expect("a factor");
        assert!(!kept.windows(secret.len()).any(|window| window == secret));
        let bernd = crate::office::account(office.db(), "Bernd").expect("read").expect("there").id;
        clerks::set_factor(office.db(), bernd, Some(&kept)).expect("set");
        assert!(office.check_factor("Bernd", &totp(&secret).generate(1_800_000_060), UtcMs(1_800_000_060_000)).is_err(), "a secret from another row");
    }
}

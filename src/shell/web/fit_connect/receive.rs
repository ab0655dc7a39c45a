//! An office's side: what waits at its destination is fetched, opened, taken in as by HTTP or stick, answered into a file, and accepted.

use super::event::{About, Happened, Problem, Tags, answer};
use super::jose::{NotOpened, PrivateKey, decrypt};
use super::metadata::Metadata;
use super::service::{Listed, Log, Service};
use super::{FitConnectError, ReceiverConfig, uuid};
use crate::office::{Office, OfficeError};
use crate::shell::{door, whole_file};
use crate::words::time::UtcMs;
use std::path::{Path, PathBuf};

/// Fetches submissions of one destination.
pub struct Receiver {
    service: Service,
    decryption: PrivateKey,
    signing: PrivateKey,
    answers: PathBuf,
}

impl std::fmt::Debug for Receiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receiver").field("answers", &self.answers).finish_non_exhaustive()
    }
}

/// What one pass has brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pass {
    /// Envelopes taken in, each with the file of its answer.
    pub taken: Vec<PathBuf>,
    /// Submissions rejected.
    pub rejected: usize,
    /// What stays there for the next pass, with the reason.
    pub left: Vec<String>,
}

/// What becomes of one submission.
enum Fate {
    /// Taken in; the answer's file.
    Taken(PathBuf),
    /// Not this office's, or broken.
    Rejected,
    /// Nothing is decided: it stays.
    Left(String),
}

impl Receiver {
    /// A receiver that writes answers into the folder `answers`.
    pub fn new(config: ReceiverConfig, answers: &Path) -> Self {
        let service = Service::new(config.access, Service::agent());
        Self { service, decryption: config.decryption, signing: config.signing, answers: answers.to_owned() }
    }

    /// Takes in all that waits. One that cannot be decided now does not hold up the others.
    pub fn pass(&mut self, office: &mut Office, now: UtcMs) -> Result<Pass, FitConnectError> {
        std::fs::create_dir_all(&self.answers).map_err(|why| FitConnectError::Answers(whole_file::cannot(&self.answers, &why)))?;
        let mut pass = Pass::default();
        for listed in self.service.waiting()? {
            match self.one(&listed, office, now) {
                Ok(Fate::Taken(file)) => pass.taken.push(file),
                Ok(Fate::Rejected) => pass.rejected += 1,
                Ok(Fate::Left(why)) => pass.left.push(format!("{}: {why}", listed.submission_id)),
                Err(error) => pass.left.push(format!("{}: {error}", listed.submission_id)),
            }
        }
        Ok(pass)
    }

    fn one(&mut self, listed: &Listed, office: &mut Office, now: UtcMs) -> Result<Fate, FitConnectError> {
        let log = self.service.log(listed)?.unwrap_or_default();
        // The tags of what was submitted, as the service has signed them: nothing else says which bytes are meant.
        let submitted = log.events.iter().find_map(|event| match &event.happened {
            Happened::Submitted(tags) => Some(tags.clone()),
            _ => None,
        });
        let Some(submitted) = submitted else {
            return Ok(Fate::Left("its event log has no entry of its submission that is rightly signed; ask FITKO's support if that stays".into()));
        };
        let (tags, opened) = self.open(listed)?;
        if tags.is_some_and(|tags| tags != submitted) {
            return self.reject(listed, &log, Problem::Hash, now);
        }
        let envelope = match opened {
            Ok(envelope) => envelope,
            Err(problem) => return self.reject(listed, &log, problem, now),
        };
        let reply = match office.exchange(&envelope, now) {
            Ok(reply) => reply,
            // The office itself is in trouble: that says nothing about the envelope.
            Err(error @ (OfficeError::Store(_) | OfficeError::SecretFile(_) | OfficeError::OwnKey(_))) => return Ok(Fate::Left(error.to_string())),
            Err(_) => return self.reject(listed, &log, Problem::Envelope, now),
        };
        // Taken in and answered before it is accepted: what is lost in between comes again and is answered alike.
        let file = self.answers.join(format!("answer-{}.age", listed.submission_id));
        whole_file::write(&file, whole_file::SHARED, &[&reply]).map_err(|why| FitConnectError::Answers(whole_file::cannot(&file, &why)))?;
        self.say(listed, &log, Ok(&submitted), now)?;
        Ok(Fate::Taken(file))
    }

    /// Fetches and opens a submission: the tags of its parts, where all were had, and the envelope in it.
    fn open(&mut self, listed: &Listed) -> Result<(Option<Tags>, Result<Vec<u8>, Problem>), FitConnectError> {
        let problem = |why: NotOpened| match why {
            NotOpened::Form | NotOpened::TooLarge => Problem::Form,
            NotOpened::Changed | NotOpened::Signature => Problem::Hash,
            NotOpened::OtherKey => Problem::Encryption,
        };
        let fetched = self.service.fetch(&listed.submission_id)?;
        let metadata = decrypt(&self.decryption, &fetched.encrypted_metadata).and_then(|bytes| Metadata::read(&bytes));
        let metadata = match metadata {
            Ok(metadata) => metadata,
            Err(why) => return Ok((None, Err(problem(why)))),
        };
        let jwe = match self.service.attachment(&listed.submission_id, metadata.attachment()) {
            Ok(jwe) => jwe,
            Err(FitConnectError::Declined { status: 404, .. }) => return Ok((None, Err(Problem::Form))),
            Err(error) => return Err(error),
        };
        let tags = Tags::of(&fetched.encrypted_metadata, &fetched.encrypted_data, [(metadata.attachment(), jwe.as_str())]);
        let envelope = decrypt(&self.decryption, &fetched.encrypted_data).and_then(|data| {
            let envelope = decrypt(&self.decryption, &jwe)?;
            metadata.fits(&data, &envelope)?;
            Ok(envelope)
        });
        Ok((Some(tags), envelope.map_err(problem)))
    }

    fn reject(&mut self, listed: &Listed, log: &Log, problem: Problem, now: UtcMs) -> Result<Fate, FitConnectError> {
        self.say(listed, log, Err(problem), now)?;
        Ok(Fate::Rejected)
    }

    fn say(&mut self, listed: &Listed, log: &Log, verdict: Result<&Tags, Problem>, now: UtcMs) -> Result<(), FitConnectError> {
        let destination = self.service.destination().to_owned();
        let about = About { destination: &destination, submission: &listed.submission_id, case: &listed.case_id, schema: log.schema() };
        let event = answer(&about, verdict, &uuid(&mut door::os_chance()), now.seconds().0, &self.signing)?;
        self.service.say(&listed.case_id, event)
    }
}

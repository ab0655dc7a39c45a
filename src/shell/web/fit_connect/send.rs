//! A terminal's side: what is not confirmed is submitted, and the event log says what became of it. Receipts and answers come another way.

use super::event::{Happened, Tags};
use super::jose::encrypt;
use super::metadata::{ENVELOPE, JSON, Metadata};
use super::service::{Listed, Service};
use super::{FitConnectError, SenderConfig, uuid};
use crate::shell::whole_file;
use crate::words::chance::Chance;
use crate::words::ids::{BatchId, OfficeId};
use crate::words::time::{DAY_MS, UtcMs};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// After how long what has no receipt yet is sent again: the office may have been restored from a backup, or the log be unreadable.
const AGAIN_AFTER_MS: u64 = 14 * DAY_MS;
/// After how long what was rejected is sent again: somebody must have done something first.
const AFTER_REJECTION_MS: u64 = DAY_MS;
/// How many earlier submissions are remembered.
const MAX_REMEMBERED: usize = 200;

/// What is known of a submission's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It lies there, or may lie there; the office has not fetched it.
    Waiting,
    /// The office has taken it.
    Accepted,
    /// The office has rejected it.
    Rejected,
}

/// A submission that was made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Waiting {
    submission: String,
    case: String,
    tags: Tags,
    batches: Vec<BatchId>,
    /// When it was made, or since when it is as it is, in milliseconds.
    since: UtcMs,
    state: State,
}

/// What has become of an earlier submission since it was last looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Course {
    /// It waits to be fetched.
    Waiting,
    /// The office has taken it.
    Accepted,
    /// The office has rejected it, for these reasons.
    Rejected(Vec<String>),
    /// It never arrived, or is there no more: it is sent again.
    Gone,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The submission.
    pub submission: String,
    /// What has become of it.
    pub course: Course,
    /// How many entries of its log have a false signature; they do not count.
    pub doubtful: usize,
}

/// Sends envelopes to one office's destination, and remembers which.
#[derive(Debug)]
pub struct Sender {
    service: Service,
    office: OfficeId,
    public_service: (String, String),
    schema: String,
    notes: PathBuf,
    made: Vec<Waiting>,
}

impl Sender {
    /// A sender that keeps its notes in the terminal's folder `dir`.
    pub fn new(config: SenderConfig, dir: &Path) -> Result<Self, FitConnectError> {
        let notes = dir.join(format!("fit-connect-{}.json", config.office));
        let made = match std::fs::read(&notes) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|why| damaged(&notes, &why.to_string()))?,
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(why) => return Err(damaged(&notes, &why.to_string())),
        };
        let service = Service::new(config.access, Service::agent());
        Ok(Self { service, office: config.office, public_service: config.service, schema: config.schema, notes, made })
    }

    /// Which office it sends to.
    pub fn office(&self) -> &OfficeId {
        &self.office
    }

    /// Looks what has become of the submissions that still waited, and notes it.
    pub fn look(&mut self, now: UtcMs) -> Result<Vec<Outcome>, FitConnectError> {
        let mut outcomes = Vec::new();
        for n in 0..self.made.len() {
            let Some(made) = self.made.get(n).filter(|made| made.state == State::Waiting).cloned() else { continue };
            let log = match self.service.log(&Listed { submission_id: made.submission.clone(), case_id: made.case.clone() }) {
                Ok(log) => log,
                Err(why) => {
                    // One case that cannot be read holds up none of the others, nor what is to be sent.
                    tracing::warn!(submission = made.submission, "{why}");
                    continue;
                }
            };
            let (mut course, doubtful) = (Course::Gone, log.as_ref().map_or(0, |log| log.doubtful));
            for event in log.into_iter().flat_map(|log| log.events) {
                match event.happened {
                    Happened::Submitted(tags) if tags == made.tags => course = Course::Waiting,
                    Happened::Accepted(tags) if tags == made.tags => course = Course::Accepted,
                    Happened::Rejected(why) => course = Course::Rejected(why),
                    _ => {}
                }
            }
            if let Some(kept) = self.made.get_mut(n) {
                kept.state = match &course {
                    Course::Waiting | Course::Gone => State::Waiting,
                    Course::Accepted => State::Accepted,
                    Course::Rejected(_) => State::Rejected,
                };
                kept.since = if kept.state == State::Waiting { kept.since } else { now };
            }
            outcomes.push(Outcome { submission: made.submission, course, doubtful });
        }
        // A log that cannot be trusted proves no absence either.
        let gone = |made: &Waiting| outcomes.iter().any(|o| o.submission == made.submission && o.course == Course::Gone && o.doubtful == 0);
        self.made.retain(|made| !gone(made));
        self.keep()?;
        Ok(outcomes)
    }

    /// Whether something of `unconfirmed` is not on its way.
    pub fn is_due(&self, unconfirmed: &[BatchId], now: UtcMs) -> bool {
        let counts = |made: &&Waiting| match made.state {
            State::Waiting | State::Accepted => now.since(made.since) < AGAIN_AFTER_MS,
            State::Rejected => now.since(made.since) < AFTER_REJECTION_MS,
        };
        let under_way: Vec<BatchId> = self.made.iter().filter(counts).flat_map(|made| made.batches.iter().copied()).collect();
        unconfirmed.iter().any(|batch| !under_way.contains(batch))
    }

    /// Submits an envelope that holds the batches `unconfirmed`, and returns the submission's name.
    pub fn send(&mut self, envelope: &[u8], unconfirmed: &[BatchId], chance: &mut Chance, now: UtcMs) -> Result<String, FitConnectError> {
        let key = self.service.encryption_key()?;
        let attachment = uuid(chance);
        let data = Metadata::data(&self.schema, self.office.as_str(), &attachment);
        let metadata = Metadata::write(&self.schema, &data, &attachment, envelope);
        let sealed =
            |kind: &str, bytes: &[u8]| encrypt(&key, kind, bytes).map_err(|why| FitConnectError::Key { which: "of the destination".into(), why });
        let (metadata, data, envelope) = (sealed(JSON, &metadata)?, sealed(JSON, &data)?, sealed(ENVELOPE, envelope)?);
        let tags = Tags::of(&metadata, &data, [(attachment.as_str(), envelope.as_str())]);
        let begun = self.service.announce(&attachment, &self.public_service)?;
        self.service.upload(&begun.submission_id, &attachment, envelope)?;
        // Noted before it is submitted: should the answer be lost, the log says whether it arrived, and it is not sent twice.
        let submission = begun.submission_id;
        let batches = unconfirmed.to_vec();
        self.made.retain(|made| unconfirmed.iter().any(|batch| made.batches.contains(batch)));
        self.made.push(Waiting { submission: submission.clone(), case: begun.case_id, tags, batches, since: now, state: State::Waiting });
        let surplus = self.made.len().saturating_sub(MAX_REMEMBERED);
        self.made.drain(..surplus);
        self.keep()?;
        self.service.submit(&submission, &metadata, &data)?;
        Ok(submission)
    }

    fn keep(&self) -> Result<(), FitConnectError> {
        let bytes = serde_json::to_vec(&self.made).map_err(|why| damaged(&self.notes, &why.to_string()))?;
        whole_file::write(&self.notes, whole_file::PRIVATE, &[&bytes]).map_err(|why| FitConnectError::Notes(whole_file::cannot(&self.notes, &why)))
    }
}

fn damaged(notes: &Path, why: &str) -> FitConnectError {
    FitConnectError::Notes(format!(
        "{} cannot be read ({why}): remove it; what is not confirmed is then sent once more, and counted once",
        notes.display()
    ))
}

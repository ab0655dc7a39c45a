//! The commands that send and receive by FIT-Connect. In a build without it they say so.

use super::Report;

#[cfg(not(feature = "fit-connect"))]
const ABSENT: &str = "this build knows no FIT-Connect: build it with --features fit-connect";

/// An office's side.
#[cfg(feature = "office")]
#[derive(Debug, clap::Args)]
pub struct Receive {
    /// Where FIT-Connect is, who we are there, and the keys (docs/FIT-CONNECT.md shows such a file).
    #[arg(long, value_name = "FILE")]
    config: std::path::PathBuf,
    /// The folder for the answers, one file a submission: they go back to the terminals by stick.
    #[arg(long, value_name = "DIR")]
    answers: std::path::PathBuf,
    /// Go on, and look again after so many minutes; without it once.
    #[arg(long, value_name = "MINUTES", value_parser = clap::value_parser!(u64).range(1..=1440))]
    every: Option<u64>,
}

/// Says that this build cannot.
#[cfg(all(feature = "office", not(feature = "fit-connect")))]
pub fn receive(_: &mut crate::office::Office, how: &Receive) -> anyhow::Result<Report> {
    let Receive { config: _, answers: _, every: _ } = how;
    Err(super::Usage(ABSENT.into()).into())
}

/// Says that this build cannot.
#[cfg(all(feature = "terminal", not(feature = "fit-connect")))]
pub fn send(_: &std::path::Path, _: &std::path::Path) -> anyhow::Result<Report> {
    Err(super::Usage(ABSENT.into()).into())
}

#[cfg(all(feature = "office", feature = "fit-connect"))]
pub use receiving::receive;
#[cfg(all(feature = "terminal", feature = "fit-connect"))]
pub use sending::send;

#[cfg(all(feature = "office", feature = "fit-connect"))]
mod receiving {
    use super::{Receive, Report};
    use crate::office::Office;
    use crate::shell::door;
    use crate::shell::web::fit_connect::{Pass, Receiver, ReceiverConfig};
    use serde_json::json;
    use std::path::Path;
    use std::time::Duration;

    /// Takes in what waits, once or again and again.
    pub fn receive(office: &mut Office, how: &Receive) -> anyhow::Result<Report> {
        let mut receiver = Receiver::new(ReceiverConfig::read(&how.config)?, &how.answers);
        let Some(minutes) = how.every else { return Ok(report(&receiver.pass(office, door::now())?, &how.answers)) };
        loop {
            match receiver.pass(office, door::now()) {
                Ok(pass) if pass.left.is_empty() && pass.rejected == 0 => tracing::info!("{}", report(&pass, &how.answers).text),
                Ok(pass) => tracing::warn!("{}", report(&pass, &how.answers).text),
                Err(error) => tracing::warn!("{error}"),
            }
            std::thread::sleep(Duration::from_secs(minutes * 60));
        }
    }

    fn report(pass: &Pass, answers: &Path) -> Report {
        let Pass { taken, rejected, left } = pass;
        let mut text = format!("Taken in by FIT-Connect: {}, rejected: {rejected}, left for later: {}.", taken.len(), left.len());
        if !taken.is_empty() {
            text.push_str(&format!(" The answers are in {}: take them to the terminals.", answers.display()));
        }
        left.iter().for_each(|why| text.push_str(&format!("\n  {why}")));
        let json = json!({"taken": taken, "rejected": rejected, "left": left});
        Report { text, json, failed: !left.is_empty() }
    }
}

#[cfg(all(feature = "terminal", feature = "fit-connect"))]
mod sending {
    use super::Report;
    use crate::shell::web::fit_connect::{Course, Outcome, Sender, SenderConfig};
    use crate::shell::{door, terminal_dir};
    use serde_json::json;
    use std::path::Path;

    /// Looks what has become of what was sent, and sends what is new.
    pub fn send(dir: &Path, config: &Path) -> anyhow::Result<Report> {
        let mut terminal = terminal_dir::open(dir, door::now())?;
        let mut sender = Sender::new(SenderConfig::read(config)?, dir)?;
        let (office, mut chance) = (sender.office().clone(), door::os_chance());
        let outcomes = sender.look(door::now())?;
        terminal.seal_batches(&office, &mut chance, door::now())?;
        let unconfirmed = terminal.waiting_batch_ids(&office)?;
        let mut lines: Vec<String> = outcomes.iter().map(told).collect();
        let submission = if sender.is_due(&unconfirmed, door::now()) {
            let envelope = terminal.outbound(&office, &mut chance, door::now())?;
            Some(sender.send(&envelope, &unconfirmed, &mut chance, door::now())?)
        } else {
            None
        };
        lines.push(match &submission {
            Some(name) => format!("Submitted to office {office} by FIT-Connect: {name}; claims without a receipt: {}.", unconfirmed.len()),
            None if unconfirmed.is_empty() => format!("Office {office} has confirmed everything: nothing was sent."),
            None => format!(
                "Everything for office {office} is on its way; claims without a receipt: {}. Bring the office's answer home by network or stick.",
                unconfirmed.len()
            ),
        });
        let rejected = outcomes.iter().any(|outcome| matches!(outcome.course, Course::Rejected(_)));
        let courses: Vec<_> =
            outcomes.iter().map(|o| json!({"submission": o.submission, "course": name(&o.course), "doubtful": o.doubtful})).collect();
        let json = json!({"office": office, "submission": submission, "unconfirmed": unconfirmed, "earlier": courses});
        Ok(Report { text: lines.join("\n"), json, failed: rejected })
    }

    const fn name(course: &Course) -> &'static str {
        match course {
            Course::Waiting => "waiting",
            Course::Accepted => "accepted",
            Course::Rejected(_) => "rejected",
            Course::Gone => "gone",
        }
    }

    fn told(outcome: &Outcome) -> String {
        let submission = &outcome.submission;
        let mut text = match &outcome.course {
            Course::Waiting => format!("Submission {submission} has not been fetched by the office yet."),
            Course::Accepted => format!("Submission {submission} was taken in by the office."),
            Course::Rejected(why) => {
                format!(
                    "Submission {submission} was rejected ({}): call the office; it is sent again tomorrow.",
                    if why.is_empty() { "no reason".into() } else { why.join("; ") }
                )
            }
            Course::Gone => format!("Submission {submission} did not arrive, and is sent again."),
        };
        if outcome.doubtful > 0 {
            text.push_str(&format!(" {} entries of its log have a false signature and do not count: tell the office.", outcome.doubtful));
        }
        text
    }
}

//! The terminal's side of an exchange over the network. One sentence for every way it can fail.

use super::writer::{NotDone, Writer};
use crate::shell::door;
use crate::shell::envelope::MAX_PLAINTEXT;
use crate::shell::web::{outgoing, proxy};
use crate::terminal::enrol::EnrolmentAnswer;
use crate::terminal::inbound::{CannotTakeIn, TakenIn};
use crate::terminal::outbound::CannotSend;
use crate::words::ids::OfficeId;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;
use tokio_rustls::rustls;
use ureq::Agent;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

/// How long an office may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// How long one request may take in all; a slow line carries 16 MiB in it.
const WHOLE: Duration = Duration::from_secs(300);
/// The most answer taken: an envelope around the largest document.
const MAX_ANSWER: u64 = MAX_PLAINTEXT as u64 + 64 * 1024;
/// The largest answer to an enrolment.
const MAX_ENROLMENT: u64 = 24 * 1024 * 1024;
/// The longest sentence of an office that is passed on.
const MAX_SENTENCE: usize = 300;
/// How many times in a row an office may be asked for more.
const MAX_ROUNDS: usize = 200;

/// Why an exchange failed.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// No connection.
    #[error("the office at {url} cannot be reached ({why}): check the network, or use a USB stick; nothing is lost")]
    Unreachable {
        /// Where it was looked for.
        url: String,
        /// What the network said.
        why: String,
    },
    /// No connection through the proxy.
    #[error(
        "the office at {url} cannot be reached through the proxy {proxy} ({why}): check the proxy's address, name and password, and whether it lets this box through to the office; nothing is lost"
    )]
    ThroughProxy {
        /// Where the office was looked for.
        url: String,
        /// Through which proxy, host and port.
        proxy: String,
        /// What the network said.
        why: String,
    },
    /// The office showed a certificate that does not count.
    #[error("the office at {url} shows a certificate that does not count, and nothing was sent to it: {fault}; nothing is lost")]
    Certificate {
        /// Where it was asked.
        url: String,
        /// What is wrong with it.
        fault: CertificateFault,
    },
    /// It was admitted by file, and has no address.
    #[error("no address of the office is known: use a USB stick, or enter the address in the settings")]
    NoAddress,
    /// The office said no.
    #[error("the office at {url} declined ({status}): {said}")]
    Declined {
        /// Where it was asked.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What it said.
        said: String,
        /// After how many seconds it wants to be asked again, where it has said so.
        again: Option<u64>,
    },
    /// The office has asked to be left alone for a while.
    #[error("the office is busy: it is asked again in {seconds} seconds; nothing is lost")]
    Busy {
        /// When it is asked again.
        seconds: u64,
    },
    /// Nothing could be made to send.
    #[error(transparent)]
    CannotSend(#[from] CannotSend),
    /// The answer was not taken.
    #[error(transparent)]
    CannotTakeIn(#[from] CannotTakeIn),
    /// The terminal did not do its part.
    #[error(transparent)]
    NotDone(#[from] NotDone),
}

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// Its time is over, by this box's clock.
    #[error("it has expired; tell the office, or set this box's clock if that is wrong")]
    Expired,
    /// Its time has not begun, by this box's clock.
    #[error("it is not valid yet; set this box's clock, which is probably behind")]
    NotYet,
    /// Nobody who is trusted vouches for it, or it is for another name.
    #[error("nobody who is trusted vouches for it, or it is for another name; tell the office, and check its address and --office-ca")]
    Foreign,
}

impl CertificateFault {
    /// What is wrong with the certificate that ended a connection, if that was it.
    fn of(error: &ureq::Error) -> Option<Self> {
        use rustls::CertificateError as Wrong;
        let tls = match error {
            ureq::Error::Rustls(tls) => tls,
            ureq::Error::Io(io) => io.get_ref()?.downcast_ref::<rustls::Error>()?,
            _ => return None,
        };
        let rustls::Error::InvalidCertificate(wrong) = tls else { return None };
        Some(match wrong {
            Wrong::Expired | Wrong::ExpiredContext { .. } => Self::Expired,
            Wrong::NotValidYet | Wrong::NotValidYetContext { .. } => Self::NotYet,
            _ => Self::Foreign,
        })
    }
}

impl ExchangeError {
    /// After how many seconds the office wants to be asked again: it is well, and has much to do (RFC 9110, 10.2.3).
    pub const fn again(&self) -> Option<u64> {
        match self {
            Self::Declined { status: 429 | 503, again, .. } => *again,
            Self::Busy { seconds } => Some(*seconds),
            _ => None,
        }
    }
}

/// Asks an office for admission; blocks.
pub fn enrol(url: &str, request: &[u8]) -> Result<EnrolmentAnswer, ExchangeError> {
    let url = format!("{}/api/v1/enrolments", url.trim_end_matches('/'));
    let answer = post(&url, "application/cbor", request, MAX_ENROLMENT)?;
    serde_json::from_slice(&answer).map_err(|error| ExchangeError::Declined {
        url,
        status: 200,
        said: format!("its answer is not understood: {error}"),
        again: None,
    })
}

/// Exchanges with an office until neither side has more to say; blocks.
pub fn exchange(writer: &Writer, office: &OfficeId) -> Result<TakenIn, ExchangeError> {
    let mut sum: Option<TakenIn> = None;
    for _ in 0..MAX_ROUNDS {
        let id = office.clone();
        let (url, question) = writer.run_blocking(move |terminal, chance| {
            let question = terminal.outbound(&id, chance, door::now())?;
            let url = terminal.offices().find(&id).map(|(office, _)| office.url.clone());
            Ok::<_, CannotSend>((url.ok_or(CannotSend::NoSuchOffice(id))?, question))
        })??;
        if url.is_empty() {
            return Err(ExchangeError::NoAddress);
        }
        let answer = post(&format!("{url}/api/v1/exchange"), "application/octet-stream", &question, MAX_ANSWER)?;
        let id = office.clone();
        let (taken, waiting) = writer.run_blocking(move |terminal, chance| {
            let taken = terminal.take_answer(&answer, chance, door::now())?;
            Ok::<_, CannotTakeIn>((taken, terminal.waiting_batches(&id)?))
        })??;
        let goes_on = taken.more || (waiting > 0 && taken.confirmed > 0);
        sum = Some(match sum {
            Some(before) => before.and(taken),
            None => taken,
        });
        if !goes_on {
            break;
        }
    }
    sum.ok_or(ExchangeError::NotDone(NotDone))
}

/// Who vouches for offices' certificates: the public authorities, or the one that was named.
static VOUCHES: OnceLock<RootCerts> = OnceLock::new();

/// Trusts this authority's certificate (PEM) alone when speaking with offices, from now on until the process ends.
pub fn trust_only(authority: &Path) -> Result<(), String> {
    let shown = authority.display();
    let text = std::fs::read(authority).map_err(|why| format!("{shown} cannot be read: {why}"))?;
    let certificates: Vec<_> =
        parse_pem(&text).filter_map(|item| if let Ok(PemItem::Certificate(certificate)) = item { Some(certificate) } else { None }).collect();
    if certificates.is_empty() {
        return Err(format!("{shown} holds no certificate: --office-ca wants the authority's certificate in PEM"));
    }
    VOUCHES.set(RootCerts::new_with_certs(&certificates)).map_err(|_| "an authority was named before".to_owned())
}

fn post(url: &str, content_type: &str, body: &[u8], limit: u64) -> Result<Vec<u8>, ExchangeError> {
    let agent: Agent = outgoing::client(WHOLE)
        .timeout_connect(Some(CONNECT))
        .tls_config(TlsConfig::builder().root_certs(VOUCHES.get().cloned().unwrap_or(RootCerts::WebPki)).build())
        .build()
        .into();
    let unreachable = |error: ureq::Error| {
        let (url, why) = (url.to_owned(), error.to_string());
        match (CertificateFault::of(&error), proxy::on_the_way_to(&url)) {
            (Some(fault), _) => ExchangeError::Certificate { url, fault },
            (None, Some(proxy)) => ExchangeError::ThroughProxy { url, proxy, why },
            (None, None) => ExchangeError::Unreachable { url, why },
        }
    };
    let mut response = agent.post(url).content_type(content_type).send(body).map_err(unreachable)?;
    let status = response.status();
    let again = response.headers().get("retry-after").and_then(|seconds| seconds.to_str().ok()).and_then(|seconds| seconds.trim().parse().ok());
    let answer = response.body_mut().with_config().limit(limit).read_to_vec().map_err(unreachable)?;
    if status.is_success() {
        return Ok(answer);
    }
    Err(ExchangeError::Declined { url: url.to_owned(), status: status.as_u16(), said: sentence(&answer), again })
}

/// What an office says went wrong, as far as a person can read it.
fn sentence(answer: &[u8]) -> String {
    let problem: Option<serde_json::Value> = serde_json::from_slice(answer).ok();
    let said = problem.as_ref().and_then(|p| p.get("detail").or_else(|| p.get("error"))).and_then(|d| d.as_str());
    let text = said.map_or_else(|| String::from_utf8_lossy(answer).into_owned(), str::to_owned);
    let plain: String = text.chars().filter(|c| !c.is_control()).take(MAX_SENTENCE).collect();
    if plain.trim().is_empty() { "it gave no reason".into() } else { plain }
}

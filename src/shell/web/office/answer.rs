//! What the office's errors are over HTTP.

use super::metrics::storage_failed;
use crate::office::OfficeError;
use crate::shell::envelope::EnvelopeError;
use crate::shell::store::StoreError;
use crate::shell::web::actor::NotDone;
use crate::shell::web::problem::Problem;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Seconds after which it is worth trying again when storage failed.
const STORE_AGAIN_SECONDS: u64 = 60;

/// A problem, and after how many seconds it is worth trying again.
#[derive(Debug)]
pub struct Refusal {
    /// The problem.
    pub problem: Problem,
    /// Seconds, for the header Retry-After.
    pub retry_after: Option<u64>,
    /// Whether nothing is wrong, and there is only too much to do.
    pub put_off: bool,
}

impl Refusal {
    /// A refusal with this status and sentence.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { problem: Problem::new(status, detail), retry_after: None, put_off: false }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self { problem, retry_after: None, put_off: false }
    }
}

impl From<NotDone> for Refusal {
    fn from(_: NotDone) -> Self {
        Problem::bug().into()
    }
}

impl From<StoreError> for Refusal {
    fn from(why: StoreError) -> Self {
        tracing::error!(%why, "storage failed");
        storage_failed(&why);
        let detail = "the office's storage has failed: nothing was lost, send it again later";
        Self { problem: Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail), retry_after: Some(STORE_AGAIN_SECONDS), put_off: false }
    }
}

impl From<OfficeError> for Refusal {
    fn from(why: OfficeError) -> Self {
        let sentence = why.to_string();
        match why {
            OfficeError::Store(why) => why.into(),
            OfficeError::SecretFile(why) => {
                tracing::error!(%why, "a key file failed");
                Problem::bug().into()
            }
            OfficeError::OwnKey(why) => {
                tracing::error!("a key is missing: {why}");
                Problem::bug().into()
            }
            OfficeError::Envelope(EnvelopeError::TooLarge { .. }) => Self::new(StatusCode::PAYLOAD_TOO_LARGE, sentence),
            OfficeError::Envelope(_) => Self::new(StatusCode::BAD_REQUEST, sentence),
            OfficeError::Refused(refused) => {
                let mut refusal = Self::new(StatusCode::BAD_REQUEST, sentence);
                refusal.problem.reason = Some(refused.reason());
                refusal
            }
            OfficeError::Wrong(_)
            | OfficeError::Case { .. }
            | OfficeError::Draft(_)
            | OfficeError::NotPrinted(_)
            | OfficeError::Posting(_)
            | OfficeError::TooLongForPaper { .. }
            | OfficeError::OtherAccount { .. }
            | OfficeError::OtherReport(_) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, sentence),
            OfficeError::NotFound(_) => Self::new(StatusCode::NOT_FOUND, sentence),
            OfficeError::NotAdmitted(_) | OfficeError::SameClerk(_) => Self::new(StatusCode::FORBIDDEN, sentence),
            OfficeError::ContentChanged(_)
            | OfficeError::NothingToSettle
            | OfficeError::NotCompared
            | OfficeError::NoRunWaits
            | OfficeError::RunWaits { .. }
            | OfficeError::Overtaken
            | OfficeError::PaidElsewhere
            | OfficeError::PaidAlready
            | OfficeError::ClerkKnown { .. }
            | OfficeError::OwnAccount
            | OfficeError::LastAdmin
            | OfficeError::PrintEnded(_) => Self::new(StatusCode::CONFLICT, sentence),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let unauthorized = self.problem.status == StatusCode::UNAUTHORIZED;
        let mut response = self.problem.into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if unauthorized {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

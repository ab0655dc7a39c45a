//! What a request that cannot be answered gets: `application/problem+json` (RFC 9457).

use crate::shell::texts::{Blanks, Language, Texts};
use crate::words::reason::Reason;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// A problem: an HTTP status and one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    /// What is wrong and what to do, in one sentence.
    pub detail: String,
    /// The stable reason, where there is one.
    pub reason: Option<Reason>,
    /// The role it takes, as interfaces name it.
    pub role: Option<&'static str>,
    /// After how many seconds to try again.
    pub seconds: Option<u64>,
    /// Which of several things is wrong, for a page that says it in its own words.
    pub what: Option<&'static str>,
    /// The sentence in every language, where people read it.
    pub message: Option<Box<Value>>,
}

impl Problem {
    /// A problem with this status and sentence.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), reason: None, role: None, seconds: None, what: None, message: None }
    }

    /// The record could not be stored: 503, and the paper list.
    pub fn storage_failed(detail: impl Into<String>) -> Self {
        Self { reason: Some(Reason::StorageFailed), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, detail) }
    }

    /// A bug of ours: 500. What happened is in the log, not in the answer.
    pub fn bug() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the program has failed here: try again, and report it if it fails again")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("problem"),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if let Some(reason) = self.reason {
            body["reason"] = reason.code().into();
            body["message"] = message(reason, &Blanks::default());
        }
        if let Some(message) = self.message {
            body["message"] = *message;
        }
        if let Some(what) = self.what {
            body["what"] = what.into();
        }
        if let Some(role) = self.role {
            body["role"] = role.into();
        }
        let mut response = (self.status, body.to_string()).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.seconds {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// `{de, en, …}`: what people read for a reason.
pub fn message(reason: Reason, blanks: &Blanks) -> Value {
    in_every_language(|texts| texts.filled(reason, blanks).sentences())
}

/// `{de, en, …}`: as for a reason, but what happened is said more exactly by the word `key`.
pub fn message_saying(key: &'static str, reason: Reason) -> Value {
    in_every_language(|texts| format!("{} {}", Texts::speaking(texts.language()).word(key), texts.of(reason).todo))
}

/// `{de, en, …}`: the word for a large screen.
pub fn word(reason: Reason) -> Value {
    in_every_language(|texts| texts.of(reason).word.clone())
}

fn in_every_language(say: impl Fn(&Texts) -> String) -> Value {
    Value::Object(Language::all().map(|language| (language.code().to_owned(), say(Texts::speaking(language)).into())).collect())
}

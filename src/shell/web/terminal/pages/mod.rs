//! The pages of the box. They show no benefit's name and no amount toward the queue, and look the same for every child.

pub(super) mod backup;
pub(super) mod counter;
pub(super) mod day;
pub(super) mod devices;
pub(super) mod expiring;
pub(super) mod month;
pub(super) mod month_file;
mod month_shown;
pub(super) mod pair;
pub(super) mod paper;
pub(super) mod people;
pub(super) mod pin;
pub(super) mod restore;
pub(super) mod scanner;
pub(super) mod settings;
pub(super) mod setup;
pub(super) mod standing;
pub(super) mod training;

use super::App;
use super::door::Desk;
use super::session::Role;
use crate::shell::store::StoreError;
use crate::shell::texts::{Blanks, Language, Texts};
use crate::shell::web::problem::Problem;
use crate::terminal::Terminal;
use crate::terminal::settings::Setting;
use crate::words::reason::Reason;
use askama::Template;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use std::convert::Infallible;

/// The cookie that keeps a browser's language.
const LANGUAGE: &str = "lang";
/// The cookie that keeps a browser's choice of light or dark.
const THEME: &str = "theme";

/// A page that is asked for: by whom, where, in which language.
#[derive(Debug)]
pub(super) struct Visit {
    desk: Desk,
    app: App,
    path: String,
    query: String,
    /// Chosen by a link just now.
    chosen: Option<Language>,
    /// Chosen earlier, or what the browser prefers.
    preferred: Option<Language>,
    theme: &'static str,
}

impl FromRequestParts<App> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let desk = Desk::from_request_parts(parts, app).await?;
        let query = parts.uri.query().unwrap_or_default().to_owned();
        let chosen = query.split('&').find_map(|part| part.strip_prefix("lang=")).and_then(Language::find);
        let text = |name| parts.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
        let cookie = |name: &str| text(header::COOKIE).split(';').find_map(|c| c.trim().strip_prefix(name)?.strip_prefix('='));
        let kept = cookie(LANGUAGE).and_then(Language::find);
        let theme = match cookie(THEME) {
            Some("light") => "light",
            Some("dark") => "dark",
            _ => "auto",
        };
        let preferred = kept.or_else(|| Language::accepted(text(header::ACCEPT_LANGUAGE)));
        Ok(Self { desk, app: app.clone(), path: parts.uri.path().to_owned(), query, chosen, preferred, theme })
    }
}

impl Visit {
    /// Whether this box is still to be set up: it is enrolled nowhere, or somebody is in the middle of it.
    pub(super) async fn comes_before_set_up(&self) -> Result<bool, Problem> {
        let begun = self.app.writer.run(|terminal, _| {
            let step = terminal.setting(Setting::SetUp)?;
            let enrolled = terminal.offices().iter().next().is_some();
            Ok::<_, StoreError>(if enrolled { step.is_some_and(|step| step != "done") } else { true })
        });
        Ok(begun.await?? && !self.desk.caller.training)
    }

    /// Reads something at the box, in the reader's language.
    pub(super) async fn look<T, F>(&self, make: F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: FnOnce(&mut Terminal, Frame) -> Result<T, StoreError> + Send + 'static,
    {
        let (path, query, theme, caller) = (self.path.clone(), self.query.clone(), self.theme, self.desk.caller);
        // A tablet has a scanner of its own.
        let readers = self.app.readers.any && !self.app.over_lan;
        let (chosen, preferred, pins) = (self.chosen, self.preferred, self.app.sessions.pins());
        let made = self.desk.writer.run(move |terminal, _| {
            let set = terminal.setting(Setting::Language)?.as_deref().and_then(Language::find);
            let language = chosen.or(preferred).or(set).unwrap_or(Language::GERMAN);
            let frame = Frame {
                texts: Texts::speaking(language),
                place: place(terminal),
                path,
                query,
                role: caller.role,
                training: caller.training,
                raised: caller.role > pins.free(),
                theme,
                readers,
                notice: if caller.training { None } else { notice(terminal) },
            };
            make(terminal, frame)
        });
        Ok(made.await??)
    }

    /// Makes the page at the box and shows it.
    pub(super) async fn show<P, F>(self, make: F) -> Result<Response, Problem>
    where
        P: Template + Send + 'static,
        F: FnOnce(&mut Terminal, Frame) -> Result<P, StoreError> + Send + 'static,
    {
        let html = self.look(make).await?.render().map(Html).map_err(|error| {
            tracing::error!(%error, "a page could not be rendered");
            Problem::bug()
        })?;
        let mut response = html.into_response();
        if let Some(language) = self.chosen {
            let cookie = format!("{LANGUAGE}={}; Path=/; Max-Age=31536000; SameSite=Strict", language.code());
            if let Ok(value) = HeaderValue::from_str(&cookie) {
                response.headers_mut().append(header::SET_COOKIE, value);
            }
        }
        Ok(response)
    }
}

/// What every page shows around its own content.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// The texts in the reader's language.
    pub texts: &'static Texts,
    /// What this box is called.
    pub place: String,
    /// The page's path.
    pub path: String,
    /// What else was asked for, as it stood in the address.
    pub query: String,
    /// What the reader may do.
    pub role: Option<Role>,
    /// Whether they practise.
    pub training: bool,
    /// Whether a PIN gave them their role, so that it can be locked again.
    pub raised: bool,
    /// `light`, `dark`, or `auto` where the browser decides.
    pub theme: &'static str,
    /// Whether scans of the box's own readers come to this page.
    pub readers: bool,
    /// The word for what everybody at this box must know, whatever page they look at.
    pub notice: Option<&'static str>,
}

impl Frame {
    /// The word under `section.key` of `templates/texts`.
    pub fn t<'k>(&self, key: &'k str) -> &'k str {
        self.texts.word(key)
    }

    /// The reader's language.
    pub const fn language(&self) -> Language {
        self.texts.language()
    }

    /// Its two letters.
    pub const fn lang(&self) -> &'static str {
        self.texts.language().code()
    }

    /// The other languages there are.
    pub fn others(&self) -> Vec<Language> {
        Language::all().filter(|language| *language != self.language()).collect()
    }

    /// The link to this very page in another language; the template escapes it.
    pub fn link_in(&self, language: &Language) -> String {
        let kept = self.query.split('&').filter(|part| !part.is_empty() && *part != "lang" && !part.starts_with("lang="));
        let parts: Vec<&str> = kept.collect();
        let lang = format!("lang={}", language.code());
        format!("?{}", parts.into_iter().chain([lang.as_str()]).collect::<Vec<_>>().join("&"))
    }

    /// Whether the reader may correct.
    pub fn corrects(&self) -> bool {
        self.role >= Some(Role::Correct)
    }

    /// Whether the reader may manage.
    pub fn manages(&self) -> bool {
        self.role >= Some(Role::Manage)
    }

    /// The words of some sections, separated by spaces, as JSON that can stand in a script element.
    pub fn script(&self, sections: &str) -> String {
        let sections: Vec<&str> = sections.split_whitespace().collect();
        self.texts.script(&sections).to_string().replace('<', "\\u003c")
    }

    /// `page` where the page shown is that one, for `aria-current`.
    pub fn is(&self, path: &str) -> bool {
        self.path == path
    }

    /// What happened, for a reason, without what to do about it; the bare code for one that another implementation has made up.
    pub fn reason_text(&self, code: &str) -> String {
        Reason::from_code(code).map_or_else(|| code.to_owned(), |reason| self.texts.filled(reason, &Blanks::default()).text)
    }

    /// The sentences for a reason; the bare code for one that another implementation has made up.
    pub fn reason(&self, code: &str) -> String {
        Reason::from_code(code).map_or_else(|| code.to_owned(), |reason| self.texts.filled(reason, &Blanks::default()).sentences())
    }
}

/// A text with its `{blanks}` filled.
fn fill(text: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

/// Whether this box was replaced, or an office holds another state of it: then two boxes may work with one journal.
fn notice(terminal: &Terminal) -> Option<&'static str> {
    let replaced = terminal.offices().iter().any(|(office, _)| office.successor.is_some());
    let disputed = terminal.offices().iter().any(|(office, _)| office.disputed);
    match (replaced, disputed) {
        (true, _) => Some("page.replaced"),
        (false, true) => Some("page.other_state"),
        _ => None,
    }
}

/// What the box is called: as set, or after its provider.
fn place(terminal: &mut Terminal) -> String {
    let set = terminal.setting(Setting::Name).ok().flatten().filter(|name| !name.trim().is_empty());
    let provider = || terminal.offices().iter().find_map(|(office, _)| office.credential.as_ref().map(|c| c.provider_name.clone()));
    set.or_else(provider).unwrap_or_else(|| "Teilhabe".into())
}

pub(super) async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], include_str!("../../../../../templates/openapi.terminal.json"))
}

//! The fields of a form as a browser sends them: what is missing is empty, so that a page can say what it needs.

use super::page::Fault;
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use axum::Form;
use axum::extract::{FromRequest, Request};
use std::collections::BTreeMap;

/// All fields of a form, each under its name; of two with one name the last.
#[derive(Clone, Debug, Default)]
pub struct Fields(BTreeMap<String, String>);

impl Fields {
    /// What stands in a field, without blanks around it.
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |value| value.trim())
    }

    /// A text of 1 to `most` characters.
    pub fn text(&self, name: &str, most: usize) -> Option<String> {
        let text = self.get(name);
        (!text.is_empty() && text.chars().count() <= most).then(|| text.to_owned())
    }

    /// A day, as a browser or a German writes it.
    pub fn day(&self, name: &str) -> Option<CivilDay> {
        CivilDay::parse(self.get(name))
    }

    /// A sum in euros above zero.
    pub fn cents(&self, name: &str) -> Option<Cents> {
        Cents::parse_euros(self.get(name)).filter(|cents| *cents > Cents::ZERO)
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Fault;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let unreadable = |_| Fault::form("Das Formular kam nicht vollständig an. Bitte noch einmal ausfüllen; es wurde nichts geändert.");
        let Form(fields) = Form::<Vec<(String, String)>>::from_request(request, state).await.map_err(unreadable)?;
        Ok(Self(fields.into_iter().collect()))
    }
}

//! What the office holds of one child, for whoever asks for it (Art. 15 GDPR).

use super::{Action, Kept, Office, OfficeError};
use crate::shell::store::office::disclosure::{self, Section};
use crate::shell::store::office::{children, retention};
use crate::shell::store::sql::Connection;
use crate::words::civil::CivilDay;
use crate::words::ids::TokenId;
use crate::words::time::UtcMs;
use askama::Template;
use serde_json::{Map, Value, json};

/// All that is held of one child, readable.
#[derive(Clone, Debug, Template)]
#[template(path = "disclosure.html")]
pub struct Disclosure {
    office: String,
    made: String,
    sections: Vec<Section>,
    kept: Vec<(String, String, String)>,
}

impl Disclosure {
    /// The same for machines.
    pub fn json(&self) -> Value {
        let table = |section: &Section| -> Value {
            let row = |row: &Vec<String>| -> Value {
                let fields = section.columns.iter().zip(row).map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str())));
                Value::Object(fields.collect::<Map<_, _>>())
            };
            json!({"title": section.title, "rows": section.rows.iter().map(row).collect::<Vec<_>>()})
        };
        let sections: Map<String, Value> = self.sections.iter().map(|section| (section.key.to_owned(), table(section))).collect();
        let kept: Vec<Value> = self.kept.iter().map(|(what, long, why)| json!({"what": what, "months": long, "source": why})).collect();
        json!({"office": self.office, "made": self.made, "held": sections, "retention": kept})
    }
}

impl Office {
    /// The row id of the child of a token.
    pub fn child_of_token(&self, token: TokenId) -> Result<i64, OfficeError> {
        let row = children::token_by_id(&self.db, token)?;
        row.map(|row| row.child).ok_or_else(|| OfficeError::NotFound("there is no such token here: check the id".into()))
    }

    /// Notes that `by` has disclosed what is held of a child, and gathers it.
    pub fn disclose(&mut self, child: i64, by: &str, now: UtcMs) -> Result<Disclosure, OfficeError> {
        self.in_transaction(|work| {
            let none = || OfficeError::NotFound("there is no such case here".into());
            let row = children::by_id(&work.db, child)?.ok_or_else(none)?;
            if retention::is_remains(&work.db, row.id)? {
                return Err(none());
            }
            work.note(by, Action::Export, &format!("child/{child}"), "Auskunft", now)?;
            gather(&work.db, &work.profile.name, child, now)
        })
    }
}

fn gather(db: &Connection, office: &str, child: i64, now: UtcMs) -> Result<Disclosure, OfficeError> {
    let mut sections = disclosure::sections(db, child)?;
    for section in sections.iter_mut().filter(|section| section.key == "log") {
        for code in section.rows.iter_mut().filter_map(|row| row.get_mut(1)) {
            if let Some(action) = Action::ALL.iter().find(|action| action.code() == code) {
                action.german().clone_into(code);
            }
        }
    }
    let rules = retention::rules(db, CivilDay::of(now))?;
    let kept = rules.into_iter().filter_map(|rule| {
        let title = Kept::parse(&rule.kind).filter(|kind| !matches!(kind, Kept::Form | Kept::File))?.german().0;
        let begins = if rule.year_end { " nach Ende des Jahres" } else { "" };
        Some((title.to_owned(), format!("{} Monate{begins}", rule.months), rule.source))
    });
    Ok(Disclosure { office: office.to_owned(), made: CivilDay::of(now).german(), sections, kept: kept.collect() })
}

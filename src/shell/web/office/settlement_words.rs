//! What a clerk chose for a payment: as a form says it, and in words.

use crate::settle::selection::Selection;
use crate::words::benefit::Benefit;
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::ids::ProviderNumber;
use std::collections::{BTreeMap, BTreeSet};

/// A form or an address that chooses what goes into a payment.
pub struct Chosen {
    /// Benefits and months; providers are chosen by rows.
    pub selection: Selection,
    /// The chosen rows with the fingerprints that were seen; all where none was asked for.
    pub rows: Option<BTreeMap<ProviderNumber, String>>,
    /// The execution date.
    pub date: Option<CivilDay>,
}

impl Chosen {
    /// What these fields choose; what cannot be read is left out.
    pub fn of(fields: &[(String, String)]) -> Self {
        let all = |wanted: &'static str| fields.iter().filter(move |(name, _)| name == wanted).map(|(_, value)| value.as_str());
        let benefits: BTreeSet<Benefit> = all("benefit").filter_map(Benefit::parse).collect();
        let every = benefits.is_empty() || benefits.len() == Benefit::ALL.len();
        let row = |text: &str| text.split_once('-').and_then(|(number, seen)| Some((ProviderNumber(number.parse().ok()?), seen.to_owned())));
        let rows: BTreeMap<_, _> = all("row").filter_map(row).collect();
        let asked = !rows.is_empty() || all("chosen").next().is_some();
        Self {
            selection: Selection {
                providers: None,
                benefits: (!every).then_some(benefits),
                until: all("until").next().and_then(|month| CivilMonth::parse(month.trim())),
            },
            rows: asked.then_some(rows),
            date: all("date").next().and_then(CivilDay::parse),
        }
    }

    /// Every benefit, and whether it is chosen.
    pub fn benefits(&self) -> Vec<(&'static str, &'static str, bool)> {
        let chosen = |benefit: &Benefit| self.selection.benefits.as_ref().is_none_or(|chosen| chosen.contains(benefit));
        Benefit::ALL.iter().map(|benefit| (benefit.name(), benefit.german(), chosen(benefit))).collect()
    }

    /// The last month of service as the form writes it; empty where there is none.
    pub fn until(&self) -> String {
        self.selection.until.map_or_else(String::new, |month| month.to_string())
    }
}

/// What a run was drawn up of, in words.
pub fn chosen_words(selection: &Selection, providers: usize) -> String {
    let who = if providers == 1 { "ein Anbieter".to_owned() } else { format!("{providers} Anbieter") };
    let what = match &selection.benefits {
        None => "alle Leistungen".to_owned(),
        Some(benefits) => format!("nur {}", benefits.iter().map(|benefit| benefit.german()).collect::<Vec<_>>().join(", ")),
    };
    let until = selection.until.map_or_else(String::new, |month| format!(", Leistungen bis {}", month.german()));
    format!("{who}, {what}{until}")
}

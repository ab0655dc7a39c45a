//! The procedure document of this box (GoBD no. 151 ff.), from the running system.

use super::Terminal;
use super::purge::MONTHS_KEPT;
use crate::book::entry::Head;
use crate::shell::store::StoreError;
use crate::words::civil::CivilDay;
use crate::words::time::UtcMs;
use askama::Template;

/// An office this box is enrolled at.
#[derive(Clone, Debug)]
struct Enrolled {
    id: String,
    name: String,
    url: String,
    provider: String,
    heard: String,
    services: Vec<(String, String, String)>,
}

/// The procedure document.
#[derive(Clone, Debug, Template)]
#[template(path = "box-procedure.html")]
pub struct BoxProcedure {
    terminal: String,
    key: String,
    version: &'static str,
    today: String,
    entries: u64,
    link: String,
    months: u32,
    offices: Vec<Enrolled>,
}

impl Terminal {
    /// What the document says of this box today.
    pub fn procedure(&mut self, now: UtcMs) -> Result<BoxProcedure, StoreError> {
        let id = self.id();
        let head = self.store.read(|tx| Ok::<_, StoreError>(tx.end()?.map_or(Head::start(id), |end| end.head)))?;
        let offices = self.offices.iter().map(|(office, trust)| {
            let services = office.credential.iter().flat_map(|credential| &credential.services).map(|service| {
                let price = service.prices.last().map_or_else(|| "frei".to_owned(), |price| format!("{} ab {}", price.cents, price.from.german()));
                (service.label.clone(), service.benefit.german().to_owned(), price)
            });
            Enrolled {
                id: office.id.to_string(),
                name: trust.office_name.clone(),
                url: office.url.clone(),
                provider: office.credential.as_ref().map(|c| format!("{} (Nr. {})", c.provider_name, c.provider)).unwrap_or_default(),
                heard: if office.heard_at == UtcMs(0) { "noch nie".to_owned() } else { CivilDay::of(office.heard_at).german() },
                services: services.collect(),
            }
        });
        Ok(BoxProcedure {
            terminal: id.to_string(),
            key: data_encoding::HEXLOWER.encode(self.keys.signing.public().bytes()),
            version: env!("CARGO_PKG_VERSION"),
            today: CivilDay::of(now).german(),
            entries: head.seq,
            link: head.link.to_string(),
            months: MONTHS_KEPT,
            offices: offices.collect(),
        })
    }
}

//! A canteen's terminal on disk, with as many entries behind it as wanted.

use super::town::{PaperOffice, Town, allowance, allowances, ceiling, keys, morning, noon, request};
use std::path::Path;
use teilhabe::admit::scan::{Scan, code_text};
use teilhabe::admit::token::{Token, read};
use teilhabe::book::decide::{Ask, House, Spent, plan};
use teilhabe::book::entry::{ClockState, Head};
use teilhabe::book::redemption::SeenAs;
use teilhabe::shell::secret_file;
use teilhabe::shell::store::StoreError;
use teilhabe::shell::store::terminal::TerminalStore;
use teilhabe::shell::terminal_dir;
use teilhabe::terminal::Terminal;
use teilhabe::terminal::counter::{Answer, Request};
use teilhabe::words::benefit::{Benefit, Measure, Period};
use teilhabe::words::chance::Chance;
use teilhabe::words::civil::{CivilDay, CivilMonth};
use teilhabe::words::ids::{Handle, Salt, TokenId};

/// Children that eat here.
pub const CHILDREN: u32 = 1000;

/// A canteen with its terminal in `dir`.
pub struct Canteen {
    pub town: Town,
    asked: u64,
}

impl Canteen {
    pub fn new(dir: &Path) -> Self {
        let store = TerminalStore::open(&dir.join("terminal.db")).expect("a database");
        Self { town: Town::on(store, PaperOffice::new("05562032", 1)), asked: 0 }
    }

    /// The terminal alone, opened anew.
    pub fn reopen(dir: &Path) -> Terminal {
        let store = TerminalStore::open(&dir.join("terminal.db")).expect("a database");
        Terminal::open(store, keys(50), noon()).expect("opened")
    }

    /// Puts keys beside the database in `dir`, so that the program itself can open it.
    pub fn keep_keys(dir: &Path) {
        let seed = data_encoding::HEXLOWER.encode(&keys(50).signing.seed()[..]);
        secret_file::write(&dir.join(terminal_dir::SIGNING_KEY), &seed).expect("written");
        secret_file::write(&dir.join(terminal_dir::ENVELOPE_KEY), &keys(50).envelope.to_text()).expect("written");
    }

    /// The token of the child with this number: lunch once a day, over many years.
    fn token(&self, number: u32) -> Token {
        let (mut handle, mut id) = ([0; 8], [0; 16]);
        handle[..4].copy_from_slice(&number.to_be_bytes());
        id[..4].copy_from_slice(&number.to_be_bytes());
        let month = |text| CivilMonth::parse(text).expect("a month").first_day().midnight();
        let lunch = vec![allowance(Benefit::Lunch, &[ceiling(Period::Day, Measure::Units, 1)])];
        let all = if number.is_multiple_of(4) { allowances() } else { lunch };
        let token = self.town.office.plain_token(Handle(handle), TokenId(id), number.into(), all);
        Token { not_before: month("2022-01"), issued: super::town::at("2026-11-01T08:00:00Z").seconds(), ..token }
    }

    /// The code of the child with this number.
    pub fn code(&self, number: u32) -> String {
        code_text(&self.token(number).seal(&self.town.office.key))
    }

    /// One lunch at the counter, with an ask id as the page sends it.
    pub fn redeem(&mut self, code: &str, day: CivilDay) {
        self.asked += 1;
        let ask = Request { ask: Some(format!("{:032x}", self.asked)), ..request(code, "lunch") };
        let answer = self.town.redeem(&ask, day.at_minute(12 * 60).plus_ms(self.asked));
        assert!(matches!(answer, Answer::Accepted(_)), "{answer:?}");
    }

    /// Lays `entries` lunches of [`CHILDREN`] children behind the counter, day before day, without waiting for the disk.
    pub fn fill(&mut self, entries: u32) {
        const AT_ONCE: u32 = 10_000;
        let services = self.town.office.services.iter_mut();
        services.for_each(|service| service.prices.iter_mut().for_each(|price| price.from = CivilDay::parse("2020-01-01").expect("a day")));
        let trust = self.town.office.trust.clone();
        let (key, recipient) = (teilhabe::words::keys::SecretKey::from_seed([50; 32]), self.town.terminal.recipient());
        let credential = self.town.office.credential(key.public(), &recipient, morning());
        let tokens: Vec<_> = (0..CHILDREN)
            .map(|number| {
                let scan = Scan::new(&self.code(number)).expect("a scan");
                read(&scan).expect("a token").verify(std::slice::from_ref(&trust), noon()).expect("genuine")
            })
            .collect();
        let days = entries.div_ceil(CHILDREN);
        let first = CivilDay::of(noon()).minus(days);
        let mut chance = Chance::seeded(3);
        let start = Head::start(key.public().terminal_id());
        let store = self.town.terminal.store();
        store.connection().pragma_update(None, "synchronous", "off").expect("set");
        for chunk in (0..entries).step_by(AT_ONCE as usize) {
            let filled = store.write(|tx| {
                let mut head = tx.end()?.map_or(start, |end| end.head);
                for number in chunk..entries.min(chunk + AT_ONCE) {
                    let day = first.plus(number / CHILDREN);
                    let service = super::town::code("lunch");
                    let ask = Ask {
                        service,
                        day,
                        cents: None,
                        lesson: None,
                        charge: None,
                        seen_as: SeenAs::Qr,
                        shown: None,
                        operator: None,
                        settles: None,
                    };
                    let house = House { trust: &trust, credential: Some(&credential), status: None, clock: ClockState::Ok };
                    let entitlement = &tokens[(number % CHILDREN) as usize];
                    let grant = plan(entitlement, &ask, &house, morning()).expect("planned").decide(&Spent::default()).expect("granted");
                    let (redemption, slot) = (grant.redemption().clone(), grant.slot());
                    let entered = grant.enter(head, Salt(chance.bytes()), morning());
                    tx.append(&entered)?;
                    tx.index_redemption(entered.entry.seq, &redemption, slot.day)?;
                    head = entered.head;
                }
                Ok::<_, StoreError>(())
            });
            filled.expect("filled");
        }
        let connection = store.connection();
        connection.pragma_update(None, "synchronous", "full").expect("set");
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("copied");
    }
}

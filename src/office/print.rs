//! Print runs: what waits is put on paper once, can be made again, and is done when somebody says that it came out of the printer.

use super::{Action, CODE_DAYS, Office, OfficeError, Work};
use crate::admit::enrolment::EnrolmentCode;
use crate::shell::paper::card::MAX_ID_1;
use crate::shell::paper::letters::NotPrinted;
use crate::shell::paper::press::{Head, Paper, Press};
use crate::shell::paper::stack::{Layout, PAPERS_PER_FILE};
use crate::shell::store::office::prints::{self, Ending, File, Item, Run};
use crate::shell::store::office::{admission, children, phones, settings};
use crate::shell::store::sql::Connection;
use crate::words::civil::CivilDay;
use crate::words::ids::{Hash, ProviderNumber, TokenId};
use crate::words::time::{DAY_MS, UtcMs};
use std::collections::VecDeque;

/// The most papers of one run: the cards of a Kreis.
pub const MAX_PAPERS: u64 = 50_000;
/// The most slips made at once.
pub const MAX_SLIPS: u32 = 100;
/// The longest contact line, in characters.
pub const MAX_CONTACT_LINE: usize = 200;
/// For how many days the files of a run are kept; later they are made again from the same cards.
pub const FILE_DAYS: u64 = 14;
/// The setting that remembers how people reach the office, as printed last.
pub const CONTACT: &str = "print_contact";
/// How many papers are looked up in one turn at the office.
const PAPERS_PER_STEP: u64 = 25;

/// What is to be printed.
#[derive(Clone, Debug)]
pub struct NewPrint {
    /// How.
    pub layout: Layout,
    /// How people reach the office, for letters and slips; may be empty.
    pub contact: String,
    /// The most papers.
    pub most: u64,
}

/// What a run was begun with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrintBegun {
    /// Its number.
    pub run: u32,
    /// How many papers it has.
    pub papers: u64,
    /// How many cards carry too much for this layout; they go on waiting.
    pub too_large: u64,
}

/// How far the making of a run's files is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrintStep {
    /// So many papers are made, of so many.
    More(u64, u64),
    /// The same, and the next ones are still in the making: ask again a little later.
    Later(u64, u64),
    /// All files are made; so many papers could not be made any more, because their data was purged or their code used or over; and
    /// whether a file differs from the one made before.
    Made {
        /// Papers that could not be made.
        left_out: u64,
        /// Whether the program sets these papers differently today.
        differs: bool,
    },
}

/// The files of a run in the making, some papers at a time.
pub struct PrintJob {
    run: u32,
    next: u64,
    part: u32,
    papers: u64,
    left_out: u64,
    all_left_out: u64,
    differs: bool,
    press: Option<Press>,
    in_hand: VecDeque<Paper>,
}

impl Office {
    /// Remembers how people reach the office, for the next run.
    pub fn remember_contact(&mut self, contact: &str) -> Result<(), OfficeError> {
        Ok(settings::write(&self.db, CONTACT, contact)?)
    }

    /// Begins a run with the cards that wait, first issued first. They wait no longer, whoever else begins one at the same time.
    pub fn begin_print(&mut self, new: &NewPrint, by: &str, now: UtcMs) -> Result<PrintBegun, OfficeError> {
        self.in_transaction(|work| {
            let fits = |bytes: u64| new.layout == Layout::Letters || code_length(bytes) <= MAX_ID_1 as u64;
            let waiting = prints::waiting_cards(&work.db, MAX_PAPERS)?;
            let (fitting, large): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|(_, bytes)| fits(*bytes));
            let cards: Vec<i64> = fitting.into_iter().map(|(id, _)| id).take(usize::try_from(new.most).unwrap_or(usize::MAX)).collect();
            if cards.is_empty() && !large.is_empty() {
                return Err(NotPrinted::NoneFits { count: large.len() }.into());
            }
            let run = work.print_run(new.layout, &new.contact, "", &cards, by, now)?;
            Ok(PrintBegun { run, papers: cards.len() as u64, too_large: large.len() as u64 })
        })
    }

    /// Begins a run with the card of one token, printed before or not.
    pub fn begin_print_of(&mut self, token: TokenId, layout: Layout, contact: &str, by: &str, now: UtcMs) -> Result<PrintBegun, OfficeError> {
        self.in_transaction(|work| {
            let missing = || OfficeError::NotFound(format!("there is no token {token} to print"));
            let row = children::token_by_id(&work.db, token)?.filter(|row| row.bytes.is_some()).ok_or_else(missing)?;
            if phones::of_token(&work.db, row.id)?.is_some() {
                return Err(OfficeError::Wrong("this token is on a phone: on paper it opens nothing".into()));
            }
            let run = work.print_run(layout, contact, "", &[row.id], by, now)?;
            Ok(PrintBegun { run, papers: 1, too_large: 0 })
        })
    }

    /// Records that the letters of these tokens were written to files of their own.
    pub fn print_of(&mut self, tokens: &[TokenId], contact: &str, by: &str, now: UtcMs) -> Result<u32, OfficeError> {
        self.in_transaction(|work| {
            let mut cards = Vec::with_capacity(tokens.len());
            for token in tokens {
                cards.extend(children::token_by_id(&work.db, *token)?.map(|row| row.id));
            }
            let run = work.print_run(Layout::Letters, contact, "", &cards, by, now)?;
            prints::end(&work.db, run, Ending::Printed, by, now)?;
            Ok(run)
        })
    }

    /// Begins a run of slips, each with a new one-time code for a terminal of this provider; `url` is where terminals reach the office.
    pub fn begin_slips(
        &mut self,
        provider: ProviderNumber,
        count: u32,
        (contact, url): (&str, &str),
        by: &str,
        now: UtcMs,
    ) -> Result<PrintBegun, OfficeError> {
        self.in_transaction(|work| {
            let missing = || OfficeError::NotFound(format!("there is no provider {provider}: see the list of providers"));
            admission::provider(&work.db, provider)?.ok_or_else(missing)?;
            let count = count.clamp(1, MAX_SLIPS);
            let run = work.insert_print_run(Layout::Slips, contact, url, count.into(), by, now)?;
            for place in 1..=u64::from(count) {
                let code = EnrolmentCode::new(work.chance.bytes(), work.keys.root.public());
                admission::insert_code(&work.db, code.id(), code.secret(), provider, now.plus_days(CODE_DAYS))?;
                prints::insert_slip(&work.db, run, place, code.id())?;
            }
            work.note(by, Action::Provider, &format!("provider/{provider}"), &format!("Anmeldecodes: {count}"), now)?;
            Ok(PrintBegun { run, papers: count.into(), too_large: 0 })
        })
    }

    /// Says that all of a run came out of the printer, or that nothing of it will: then its cards wait again.
    pub fn end_print(&mut self, run: u32, ending: Ending, by: &str, now: UtcMs) -> Result<(), OfficeError> {
        self.in_transaction(|work| {
            let known = known(&work.db, run)?;
            if known.ended.is_some() {
                return Err(OfficeError::PrintEnded(run));
            }
            prints::end(&work.db, run, ending, by, now)?;
            let detail = if ending == Ending::Printed { "gedruckt" } else { "verworfen" };
            work.note(by, Action::Print, &format!("print/{run}"), detail, now)
        })
    }

    /// The file of one paper of a run, to print it again.
    pub fn print_one(&mut self, run: u32, place: u64, by: &str, now: UtcMs) -> Result<Vec<u8>, OfficeError> {
        let missing = || OfficeError::NotFound(format!("print run {run} has no paper {place}"));
        let known = known(&self.db, run)?;
        let item = prints::items(&self.db, run, place, 1)?.into_iter().find(|item| item.place == place).ok_or_else(missing)?;
        let gone = || OfficeError::Wrong("the data of this paper was purged, or its code was used or is over: it cannot be made again".into());
        let paper = self.paper(&known, item, now)?.ok_or_else(gone)?;
        let mut stack = self.head(&known).stack(known.layout)?;
        paper.add_to(&mut stack)?;
        let pdf = stack.finish()?;
        self.note(by, Action::Print, &format!("print/{run}"), &format!("Blatt {place}"), now)?;
        Ok(pdf)
    }

    fn head(&self, run: &Run) -> Head {
        Head { office: self.profile.name.clone(), contact: run.contact.clone(), dated: run.dated }
    }

    /// What a paper needs; none where its data is there no more.
    fn paper(&self, run: &Run, item: Item, now: UtcMs) -> Result<Option<Paper>, OfficeError> {
        if let Some((_, Some(bytes), reference)) = item.card {
            return Ok(Some(Paper::Card { reference, token: Box::new(children::content(&bytes)?), bytes }));
        }
        let Some(code) = item.code else { return Ok(None) };
        let Some(row) = admission::code(&self.db, code)?.filter(|row| row.used_by.is_none() && now < row.expires) else { return Ok(None) };
        let provider = admission::provider(&self.db, row.provider)?.map(|provider| provider.name).unwrap_or_default();
        let code = EnrolmentCode::new(row.secret, self.keys.root.public()).grouped();
        Ok(Some(Paper::Slip { provider, url: run.url.clone(), code, until: CivilDay::of(row.expires) }))
    }
}

impl PrintJob {
    /// Makes the files of a run, for the first time or again.
    pub const fn of(run: u32) -> Self {
        Self { run, next: 1, part: 1, papers: 0, left_out: 0, all_left_out: 0, differs: false, press: None, in_hand: VecDeque::new() }
    }

    /// Makes the next papers. Where it is broken off, nothing but the file in the making is lost.
    pub fn step(&mut self, office: &mut Office, now: UtcMs) -> Result<PrintStep, OfficeError> {
        let run = known(&office.db, self.run)?;
        let end_of_file = (u64::from(self.part) * PAPERS_PER_FILE as u64).min(run.papers);
        let press = match &mut self.press {
            Some(press) => press,
            none => none.insert(Press::start(run.layout, office.head(&run)).map_err(|_| NotPrinted::BrokenOff)?),
        };
        if self.in_hand.is_empty() && self.next <= end_of_file {
            let most = PAPERS_PER_STEP.min(end_of_file + 1 - self.next);
            for item in prints::items(&office.db, self.run, self.next, most)? {
                match office.paper(&run, item, now)? {
                    Some(paper) => self.in_hand.push_back(paper),
                    None => self.left_out += 1,
                }
            }
            self.next += most;
        }
        let mut waits = false;
        while let (false, Some(paper)) = (waits, self.in_hand.pop_front()) {
            match press.take(paper) {
                Ok(()) => self.papers += 1,
                Err(paper) => {
                    self.in_hand.push_front(paper);
                    waits = true;
                }
            }
        }
        let done = self.next - 1 - self.in_hand.len() as u64;
        if self.in_hand.is_empty() && self.next > end_of_file {
            press.close();
            waits = true;
        }
        match press.made() {
            Some(made) => self.finish(office, &run, made, now),
            None if waits => Ok(PrintStep::Later(done, run.papers)),
            None => Ok(PrintStep::More(done, run.papers)),
        }
    }

    /// Keeps a file that is made, or says why there is none.
    fn finish(&mut self, office: &mut Office, run: &Run, made: Result<Vec<u8>, NotPrinted>, now: UtcMs) -> Result<PrintStep, OfficeError> {
        match made {
            Ok(pdf) => self.keep(office, &pdf, now)?,
            Err(NotPrinted::Nothing) if self.left_out > 0 => {}
            Err(why) => return Err(why.into()),
        }
        self.all_left_out += std::mem::take(&mut self.left_out);
        (self.papers, self.press) = (0, None);
        self.part += 1;
        if self.next <= run.papers {
            return Ok(PrintStep::More(self.next - 1, run.papers));
        }
        Ok(PrintStep::Made { left_out: self.all_left_out, differs: self.differs })
    }

    fn keep(&mut self, office: &mut Office, pdf: &[u8], now: UtcMs) -> Result<(), OfficeError> {
        let file = File { part: self.part, papers: self.papers, left_out: self.left_out, hash: Hash::of(&[pdf]), made: now, size: None };
        let before = prints::files(&office.db, self.run)?.into_iter().find(|before| before.part == self.part);
        self.differs |= before.is_some_and(|before| before.left_out == file.left_out && before.hash != file.hash);
        office.in_transaction(|work| {
            prints::drop_files(&work.db, UtcMs(now.0.saturating_sub(FILE_DAYS * DAY_MS)))?;
            Ok(prints::keep_file(&work.db, self.run, &file, pdf)?)
        })
    }
}

fn known(db: &Connection, run: u32) -> Result<Run, OfficeError> {
    prints::run(db, run)?.ok_or_else(|| OfficeError::NotFound(format!("there is no print run {run}")))
}

/// How many characters the code of a token of so many bytes has: five bits a character after `BUT1`.
const fn code_length(bytes: u64) -> u64 {
    4 + (bytes * 8).div_ceil(5)
}

impl Work<'_> {
    fn print_run(&mut self, layout: Layout, contact: &str, url: &str, cards: &[i64], by: &str, now: UtcMs) -> Result<u32, OfficeError> {
        if cards.is_empty() {
            return Err(NotPrinted::Nothing.into());
        }
        let run = self.insert_print_run(layout, contact, url, cards.len() as u64, by, now)?;
        for (place, card) in (1..).zip(cards) {
            prints::insert_card(&self.db, run, place, *card)?;
        }
        Ok(run)
    }

    fn insert_print_run(&mut self, layout: Layout, contact: &str, url: &str, papers: u64, by: &str, now: UtcMs) -> Result<u32, OfficeError> {
        let (contact, url) = (contact.trim().to_owned(), url.trim().to_owned());
        if contact.chars().count() > MAX_CONTACT_LINE {
            return Err(OfficeError::Wrong(format!("the contact has more than {MAX_CONTACT_LINE} characters: shorten it")));
        }
        let run = Run { number: 0, layout, contact, url, dated: CivilDay::of(now), papers, clerk: by.to_owned(), at: now, ended: None };
        let number = prints::insert_run(&self.db, &run)?;
        self.note(by, Action::Print, &format!("print/{number}"), &format!("{}, Blätter: {papers}", layout.code()), now)?;
        Ok(number)
    }
}

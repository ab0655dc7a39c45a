//! What happens when: a queue of events in the order of the right time, day by day, and at the end until everything is quiet.

use super::canary::Canary;
use super::ledger::Ledger;
use super::money::{self, Booked};
use super::net;
use super::town::Town;
use super::truth::Truth;
use super::{Broken, Trace, clerks, counter, demand};
use crate::terminal::counter::Request;
use crate::words::chance::Chance;
use crate::words::civil::CivilDay;
use crate::words::time::UtcMs;
use std::collections::BTreeMap;

/// The days on one of which a simulation begins: from 1 October 2026, so that the end of summer time and of the year come up.
const FIRST_DAYS: (u32, u32) = (20_727, 100);
/// The most rounds of exchange after which everything must be quiet.
const ROUNDS: usize = 30;

/// Something that will happen.
#[derive(Debug)]
pub(super) enum Event {
    /// A child comes to a counter.
    Visit { till: usize, child: usize },
    /// Somebody presses the button again.
    Again { till: usize, request: Box<Request> },
    /// A redemption is cancelled.
    Cancel { till: usize },
    /// A held entry is settled by a card.
    SettleHeld { till: usize },
    /// A terminal asks the office.
    Ask { till: usize },
    /// A question arrives at the office.
    Question { till: usize, bytes: Vec<u8>, cut: bool },
    /// An answer arrives at a terminal, written at a moment.
    Answer { till: usize, bytes: Vec<u8>, cut: bool, written: UtcMs },
    /// A clock jumps by so many milliseconds from the right time.
    ClockJump { till: usize, offset_ms: i64 },
    /// The next commits of a disk fail.
    DiskFails { till: usize, commits: u32 },
    /// A disk works again.
    DiskWorks { till: usize },
    /// A card is reported lost, or an entitlement ends.
    Stop { child: usize },
    /// A price changes.
    Price,
    /// Two clerks reconcile, rule and settle.
    Office,
}

/// One simulated town, with its people and its faults.
#[derive(Debug)]
pub(super) struct World {
    pub chance: Chance,
    pub now: UtcMs,
    pub town: Town,
    pub truth: Truth,
    pub trace: Trace,
    pub bank: Vec<Booked>,
    pub canary: Option<Canary>,
    pub faults: bool,
    pub asked: u64,
    pub asks: counter::Asks,
    /// How much that was new has arrived at terminals.
    news: usize,
    queue: BTreeMap<(UtcMs, u64), Event>,
    queued: u64,
}

impl World {
    /// Sets the town of `seed` up.
    pub fn new(seed: u64, canary: Option<Canary>) -> Result<Self, Broken> {
        let mut chance = Chance::seeded(seed);
        let first = CivilDay::EPOCH.plus(FIRST_DAYS.0 + chance.below(FIRST_DAYS.1));
        let now = first.at_minute(6 * 60);
        let town = Town::new(seed, &mut chance, now)?;
        Ok(Self {
            chance,
            now,
            town,
            truth: Truth::default(),
            trace: Trace::new(seed),
            bank: Vec::new(),
            canary,
            faults: true,
            asked: 0,
            asks: counter::Asks::new(),
            news: 0,
            queue: BTreeMap::new(),
            queued: 0,
        })
    }

    /// Lives through `days` days, then stops all faults and checks that everything comes to rest.
    pub fn run(&mut self, days: u32) -> Result<(), Broken> {
        let first = CivilDay::of(self.now);
        for day in 0..days {
            let day = first.plus(day);
            self.plan_day(day);
            self.play(day.plus(1).at_minute(4 * 60))?;
            self.check_books()?;
        }
        self.come_to_rest()
    }

    /// Puts an event on the queue.
    pub fn queue(&mut self, at: UtcMs, event: Event) {
        self.queued += 1;
        self.queue.insert((at, self.queued), event);
    }

    /// Writes an event into the trace, with the right time.
    pub fn note(&mut self, event: &str) {
        self.trace.note(format!("{} {event}", self.now.rfc3339()));
    }

    /// One of `count` things.
    pub fn one_of(&mut self, count: usize) -> usize {
        self.chance.below(u32::try_from(count).unwrap_or(u32::MAX)) as usize
    }

    /// Whether something happens that happens `percent` times in a hundred.
    pub fn happens(&mut self, percent: u32) -> bool {
        self.chance.below(100) < percent
    }

    fn plan_day(&mut self, day: CivilDay) {
        let (tills, children) = (self.town.tills.len(), self.town.children.len());
        for child in 0..children {
            for _ in 0..self.chance.below(4) {
                let (minute, till) = (11 * 60 + self.chance.below(7 * 60), self.one_of(tills));
                let at = day.at_minute(minute).plus_ms(self.chance.below(60_000).into());
                self.queue(at, Event::Visit { till, child });
            }
        }
        for till in 0..tills {
            for _ in 0..1 + self.chance.below(3) {
                let at = day.at_minute(6 * 60 + self.chance.below(18 * 60));
                self.queue(at, Event::Ask { till });
            }
            let mut sometimes = |percent: u32, event: Event| {
                if self.happens(percent) {
                    let at = day.at_minute(8 * 60 + self.chance.below(12 * 60));
                    self.queue(at, event);
                }
            };
            sometimes(60, Event::Cancel { till });
            sometimes(60, Event::SettleHeld { till });
            self.plan_faults(day, till);
        }
        if self.happens(40) {
            let (at, child) = (day.at_minute(8 * 60 + self.chance.below(8 * 60)), self.one_of(children));
            self.queue(at, Event::Stop { child });
        }
        if self.happens(15) {
            self.queue(day.at_minute(9 * 60), Event::Price);
        }
        for _ in 0..1 + self.chance.below(2) {
            let at = day.at_minute(7 * 60 + self.chance.below(16 * 60));
            self.queue(at, Event::Office);
        }
    }

    fn plan_faults(&mut self, day: CivilDay, till: usize) {
        const JUMPS_MINUTES: [i64; 8] = [-20, -180, -1500, 20, 90, 1500, 87_000, -29_000_000];
        if self.happens(12) {
            let offset_ms = JUMPS_MINUTES.get(self.one_of(JUMPS_MINUTES.len())).map_or(0, |minutes| minutes * 60_000);
            let at = day.at_minute(7 * 60 + self.chance.below(10 * 60));
            self.queue(at, Event::ClockJump { till, offset_ms });
            let repaired = at.plus_ms(u64::from(self.chance.below(12 * 3600)) * 1000);
            self.queue(repaired, Event::ClockJump { till, offset_ms: 0 });
        }
        if self.happens(25) {
            let at = day.at_minute(11 * 60 + self.chance.below(7 * 60));
            let commits = 1 + self.chance.below(5);
            self.queue(at, Event::DiskFails { till, commits });
            self.queue(at.plus_ms(3_600_000), Event::DiskWorks { till });
        }
    }

    /// Lets happen what happens before `until`.
    fn play(&mut self, until: UtcMs) -> Result<(), Broken> {
        while let Some(entry) = self.queue.first_entry().filter(|entry| entry.key().0 < until) {
            let ((at, _), event) = entry.remove_entry();
            self.pass(at);
            self.happen(event)?;
        }
        self.pass(until);
        Ok(())
    }

    /// Time passes, and clocks drift.
    fn pass(&mut self, until: UtcMs) {
        let days = i64::try_from(until.0 / 3_600_000).unwrap_or(0) - i64::try_from(self.now.0 / 3_600_000).unwrap_or(0);
        for till in &mut self.town.tills {
            till.offset_ms += till.drift_ms * days / 24;
        }
        self.now = self.now.max(until);
    }

    fn happen(&mut self, event: Event) -> Result<(), Broken> {
        match event {
            Event::Visit { till, child } => counter::visit(self, till, child),
            Event::Again { till, request } => counter::again(self, till, &request),
            Event::Cancel { till } => counter::cancel(self, till),
            Event::SettleHeld { till } => counter::settle_held(self, till),
            Event::Ask { till } => self.ask(till),
            Event::Question { till, bytes, cut } => self.question(till, &bytes, cut),
            Event::Answer { till, bytes, cut, written } => self.answer(till, &bytes, cut, written),
            Event::ClockJump { till, offset_ms } => {
                self.note(&format!("till {till}: the clock is off by {offset_ms} ms"));
                self.trace.count("clock jumps");
                self.with_till(till, |till| till.offset_ms = offset_ms);
                Ok(())
            }
            Event::DiskFails { till, commits } => {
                self.with_till(till, |till| till.break_disk(commits));
                Ok(())
            }
            Event::DiskWorks { till } => {
                self.with_till(till, |till| till.break_disk(0));
                Ok(())
            }
            Event::Stop { child } => clerks::stop(self, child),
            Event::Price => clerks::price(self),
            Event::Office => clerks::at_work(self),
        }
    }

    fn with_till(&mut self, till: usize, change: impl FnOnce(&mut super::town::Till)) {
        if let Some(till) = self.town.tills.get_mut(till) {
            change(till);
        }
    }

    /// A terminal asks; the question goes into the network.
    fn ask(&mut self, place: usize) -> Result<(), Broken> {
        let Some(till) = self.town.tills.get_mut(place) else { return Ok(()) };
        let clock = till.clock(self.now);
        let asked = till.terminal.outbound(&self.town.id, &mut till.chance, clock);
        let bytes = match asked {
            Ok(bytes) => bytes,
            Err(crate::terminal::outbound::CannotSend::Store(_)) if self.faults => {
                self.note(&format!("till {place}: could not ask, the disk failed"));
                self.trace.count("questions stopped by the disk");
                return Ok(());
            }
            Err(error) => return Err(Broken::unexpected("a terminal cannot ask", &error)),
        };
        self.note(&format!("till {place}: asks"));
        let arrivals = net::carry(&bytes, self.faults, &mut self.chance);
        self.trace.count(match arrivals.len() {
            0 => "questions lost",
            1 => "questions",
            _ => "questions doubled",
        });
        for arrival in arrivals {
            self.queue(self.now.plus_ms(arrival.after_ms), Event::Question { till: place, bytes: arrival.bytes, cut: arrival.cut });
        }
        Ok(())
    }

    fn question(&mut self, till: usize, bytes: &[u8], cut: bool) -> Result<(), Broken> {
        let answered = self.town.office.exchange(bytes, self.now);
        let answer = match answered {
            Ok(_) if cut => return Err(Broken::new("what was cut is not taken", format!("a question of till {till}"))),
            Ok(answer) => answer,
            Err(_) if cut => {
                self.trace.count("questions cut");
                return Ok(());
            }
            Err(error) => return Err(Broken::unexpected("the office does not answer", &error)),
        };
        self.note(&format!("till {till}: is answered"));
        if let Some(canary) = self.canary {
            canary.after_intake(&self.town.office)?;
        }
        let arrivals = net::carry(&answer, self.faults, &mut self.chance);
        self.trace.count(match arrivals.len() {
            0 => "answers lost",
            1 => "answers",
            _ => "answers doubled",
        });
        for arrival in arrivals {
            let event = Event::Answer { till, bytes: arrival.bytes, cut: arrival.cut, written: self.now };
            self.queue(self.now.plus_ms(arrival.after_ms), event);
        }
        Ok(())
    }

    fn answer(&mut self, place: usize, bytes: &[u8], cut: bool, written: UtcMs) -> Result<(), Broken> {
        let Some(till) = self.town.tills.get_mut(place) else { return Ok(()) };
        let clock = till.clock(self.now);
        let taken = till.terminal.take_inbound(bytes, &mut till.chance, clock);
        match taken {
            Ok(_) if cut => return Err(Broken::new("what was cut is not taken", format!("an answer for till {place}"))),
            Ok(taken) => {
                self.note(&format!(
                    "till {place}: takes in {} confirmed, {} open, {} advices, {} documents",
                    taken.confirmed, taken.open, taken.advices, taken.documents
                ));
                demand(!taken.disputed && taken.open == 0, "no honest terminal is in dispute", || format!("till {place}: {taken:?}"))?;
                self.news += taken.confirmed + taken.open + taken.advices + taken.documents;
                let heard = self.truth.heard.entry(place).or_default();
                *heard = written.max(*heard);
                if taken.more {
                    self.queue(self.now.plus_ms(1000), Event::Ask { till: place });
                }
                if let (Some(canary), Some(till)) = (self.canary, self.town.tills.get_mut(place)) {
                    canary.after_answer(till)?;
                }
            }
            Err(_) if cut => self.trace.count("answers cut"),
            Err(crate::terminal::inbound::CannotTakeIn::Store(_)) if self.faults => self.trace.count("answers stopped by the disk"),
            // A question that was asked by a clock in 1970 is soon forgotten; its answer is as good as lost.
            Err(crate::terminal::inbound::CannotTakeIn::NotAsked) if self.faults => self.trace.count("answers to forgotten questions"),
            Err(error) => {
                return Err(Broken::unexpected(
                    "a terminal does not take an answer in",
                    &format!("till {place}, clock {}: {error}", clock.rfc3339()),
                ));
            }
        }
        Ok(())
    }

    /// Compares every book with what people saw.
    pub fn check_books(&mut self) -> Result<(), Broken> {
        let ledger = Ledger::read(&self.town)?;
        self.truth.check_journals(&mut self.town, &ledger)
    }

    /// Faults stop, and everything is exchanged, decided and paid until nothing moves.
    fn come_to_rest(&mut self) -> Result<(), Broken> {
        self.note("faults stop");
        self.faults = false;
        for till in &mut self.town.tills {
            till.break_disk(0);
            (till.offset_ms, till.drift_ms) = (0, 0);
        }
        self.play(self.now.plus_days(3))?;
        for _ in 0..2 {
            self.exchange_until_quiet()?;
            clerks::decide_and_pay(self)?;
        }
        self.exchange_until_quiet()?;
        self.check_books()?;
        let ledger = Ledger::read(&self.town)?;
        money::check_settled(&self.town, &ledger, &self.truth, &self.bank)?;
        money::check_told(&mut self.town, &ledger, &self.truth)?;
        self.count_outcome(&ledger);
        Ok(())
    }

    fn exchange_until_quiet(&mut self) -> Result<(), Broken> {
        for _ in 0..ROUNDS {
            let before = self.news;
            for till in 0..self.town.tills.len() {
                self.ask(till)?;
                self.play(self.now.plus_ms(10_000))?;
            }
            if self.news == before {
                return self.check_quiet();
            }
        }
        Err(Broken::new("without faults everything comes to rest", format!("after {ROUNDS} rounds there is still news")))
    }

    fn check_quiet(&mut self) -> Result<(), Broken> {
        for (place, till) in self.town.tills.iter_mut().enumerate() {
            let status = till.terminal.status(self.now).map_err(|error| Broken::unexpected("a terminal has no status", &error))?;
            let quiet = status.offices.iter().all(|office| office.pending.entries == 0 && !office.disputed && office.admitted);
            demand(quiet, "without faults everything comes to rest", || format!("till {place}: {status:?}"))?;
            let ok = status.clock == crate::book::entry::ClockState::Ok;
            demand(ok, "a right clock is trusted again after an exchange", || format!("till {place}: {status:?}"))?;
        }
        Ok(())
    }

    fn count_outcome(&mut self, ledger: &Ledger) {
        for line in ledger.lines.values() {
            let verdict = ["pending", "accepted", "reduced", "rejected"].get(line.verdict.unsigned_abs() as usize).copied().unwrap_or("?");
            let reason = line.reason.as_deref().unwrap_or("-");
            self.trace.count(format!("line {verdict} {reason}"));
            self.trace.note(format!("{verdict} {} {} {reason}", line.decided, line.settled));
        }
        self.trace.count("worlds");
    }
}

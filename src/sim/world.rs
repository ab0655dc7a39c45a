//! What happens when: a queue of events in the order of the right time, day by day, and at the end until everything is quiet.

use super::canary::Canary;
use super::disk::{self, Till};
use super::ledger::Ledger;
use super::money;
use super::town::Town;
use super::truth::Truth;
use super::weather::{Fault, Kind, Setup};
use super::{Broken, Trace, bank, chips, clerks, counter, demand, exchange, keys, lan, phones, plan, power, swap, waiting};
use crate::terminal::counter::Request;
use crate::words::chance::Chance;
use crate::words::civil::CivilDay;
use crate::words::time::{DAY_MS, UtcMs};
use std::collections::BTreeMap;

/// The days on one of which a simulation begins: from 1 October 2026, so that the end of summer time and of the year come up.
const FIRST_DAYS: (u32, u32) = (20_727, 100);
/// Three days before the ends of summer time and of the year 2026 and before the beginning of summer time 2027.
const CLOCK_DAYS: [u32; 3] = [20_748, 20_815, 20_902];
/// Monday, 2 November 2026: no holidays follow for more than 35 days in North Rhine-Westphalia.
const OUTAGE_DAY: Option<u32> = Some(20_759);
/// Every how many days each journal is verified with all its indexes.
const VERIFIED_EVERY: u32 = 5;

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
    /// A terminal asks its offices.
    Ask { till: usize },
    /// A question arrives at an office.
    Question { till: usize, office: usize, bytes: Vec<u8>, cut: bool, stick: bool },
    /// An answer of an office arrives at a terminal, written at a moment.
    Answer { till: usize, office: usize, bytes: Vec<u8>, cut: bool, stick: bool, written: UtcMs },
    /// A clock jumps by so many milliseconds from the right time.
    ClockJump { till: usize, offset_ms: i64 },
    /// The next commits of a disk fail.
    DiskFails { till: usize, commits: u32 },
    /// A disk has room for so many more pages.
    DiskFills { till: usize, pages: u32 },
    /// A disk works again, and has room.
    DiskWorks { till: usize },
    /// A process dies, perhaps in the middle of a commit.
    Crash { till: usize, child: usize, in_commit: bool },
    /// An image of a disk is taken.
    TakeImage { till: usize },
    /// The image is put back.
    PutImageBack { till: usize },
    /// A disk is copied into a second box.
    Clone { till: usize },
    /// A card is reported lost or stolen, or an entitlement ends.
    Stop { child: usize },
    /// An entitlement is suspended, or the suspension is lifted.
    Suspend { child: usize },
    /// An approval comes late.
    Approve { child: usize },
    /// A price changes.
    Price { office: usize },
    /// Two clerks reconcile, rule and settle.
    Office { office: usize },
    /// A bank sends a file.
    Bank { office: usize },
    /// A family uses its phone.
    Phone { child: usize },
    /// A till asks another one of its house.
    Talk { from: usize, to: usize },
    /// What one till has told another one arrives.
    Word(Box<lan::Word>),
    /// A till talks with all others of its house.
    Round { till: usize },
    /// The link between the tills of a provider is cut.
    CutLink { provider: usize },
    /// A box is stolen, and the office retires it.
    Retire { till: usize },
    /// A box that was retired asks in the house it is from.
    Stranger { till: usize },
    /// A clerk takes the next step of a change of keys.
    Key { office: usize },
    /// A backup of a box is made.
    BackUp { till: usize },
    /// A box is lost, and a new one continues from its backup.
    Lose { till: usize },
    /// Somebody teaches a till a chip, or forgets one.
    Chip { till: usize },
    /// Power fails while a box writes.
    PowerFails { till: usize, child: usize },
}

/// One simulated world, with its people and its faults.
#[derive(Debug)]
pub(super) struct World {
    pub setup: Setup,
    pub chance: Chance,
    pub now: UtcMs,
    pub town: Town,
    pub truth: Truth,
    pub trace: Trace,
    pub canary: Option<Canary>,
    /// Whether things still go wrong.
    pub faults: bool,
    /// Whether messages from before faults stopped are still on their way.
    pub stragglers: bool,
    /// When no terminal reaches any office.
    pub outage: Option<(UtcMs, UtcMs)>,
    pub asked: u64,
    pub asks: counter::Asks,
    pub lan: lan::Lan,
    pub chips: chips::Chips,
    /// How much of neighbours has arrived at tills.
    pub told: usize,
    /// How much that was new has arrived at terminals.
    pub news: usize,
    /// How many days have passed.
    pub day: u32,
    queue: BTreeMap<(UtcMs, u64), Event>,
    queued: u64,
}

impl World {
    /// Sets the world of `setup` up.
    pub fn new(setup: &Setup, canary: Option<Canary>) -> Result<Self, Broken> {
        let mut chance = Chance::seeded(setup.seed);
        let any = FIRST_DAYS.0 + chance.below(FIRST_DAYS.1);
        let special = CLOCK_DAYS.get(chance.below(3) as usize).copied().filter(|_| setup.world == Kind::Clocks);
        let term = OUTAGE_DAY.filter(|_| setup.world == Kind::Outage24);
        let first = CivilDay::EPOCH.plus(term.or(special).unwrap_or(any));
        let now = first.at_minute(6 * 60);
        let town = Town::new(setup, &mut chance, now)?;
        let begins = first.plus(chance.below(setup.days.max(2) - 1)).at_minute(10 * 60 + chance.below(6 * 60));
        Ok(Self {
            outage: setup.has(Fault::Outage).then(|| (begins, begins.plus_ms(DAY_MS))),
            setup: setup.clone(),
            chance,
            now,
            town,
            truth: Truth::default(),
            trace: Trace::new(setup.seed),
            canary,
            faults: true,
            stragglers: true,
            asked: 0,
            asks: counter::Asks::new(),
            lan: lan::Lan::default(),
            chips: chips::Chips::default(),
            told: 0,
            news: 0,
            day: 0,
            queue: BTreeMap::new(),
            queued: 0,
        })
    }

    /// Lives through its days, then stops all faults and checks that everything comes to rest.
    pub fn run(&mut self) -> Result<(), Broken> {
        let first = CivilDay::of(self.now);
        lan::set_up(self);
        for number in 0..self.setup.days {
            self.day = number + 1;
            let day = first.plus(number);
            plan::day(self, day);
            self.play(day.plus(1).at_minute(4 * 60))?;
            self.check_books()?;
            if number % VERIFIED_EVERY == VERIFIED_EVERY - 1 {
                self.verify_journals()?;
            }
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

    /// Whether a box is at work.
    pub fn is_alive(&self, till: usize) -> bool {
        self.town.tills.get(till).is_some_and(|till| till.alive)
    }

    /// Lets happen what happens before `until`.
    pub fn play(&mut self, until: UtcMs) -> Result<(), Broken> {
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
        let hours = i64::try_from(until.0 / 3_600_000).unwrap_or(0) - i64::try_from(self.now.0 / 3_600_000).unwrap_or(0);
        if self.setup.has(Fault::Drift) {
            for till in &mut self.town.tills {
                till.offset_ms += till.drift_ms * hours / 24;
            }
        }
        self.now = self.now.max(until);
    }

    fn happen(&mut self, event: Event) -> Result<(), Broken> {
        match event {
            Event::Visit { till, child } => counter::visit(self, till, child),
            Event::Again { till, request } => counter::again(self, till, &request),
            Event::Cancel { till } => counter::cancel(self, till),
            Event::SettleHeld { till } => counter::settle_held(self, till),
            Event::Ask { till } => exchange::ask(self, till),
            Event::Question { till, office, bytes, cut, stick } => exchange::question(self, (till, office), &bytes, cut, stick),
            Event::Answer { till, office, bytes, cut, stick, written } => exchange::answer(self, (till, office), &bytes, (cut, stick), written),
            Event::ClockJump { till, offset_ms } => {
                self.note(&format!("till {till}: the clock is off by {offset_ms} ms"));
                if offset_ms != 0 {
                    self.trace.count(if offset_ms < -20_000_000 * 60_000 { "fault: dead batteries" } else { "fault: clock jumps" });
                }
                self.with_till(till, |till| till.offset_ms = offset_ms);
                Ok(())
            }
            Event::DiskFails { till, commits } => {
                self.trace.count("fault: failing disks");
                self.with_till(till, |till| till.break_disk(commits));
                Ok(())
            }
            Event::DiskFills { till, pages } => disk::fills(self, till, pages),
            Event::DiskWorks { till } => disk::works(self, till),
            Event::Crash { till, child, in_commit } => self.crash(till, child, in_commit),
            Event::TakeImage { till } => disk::take_image(self, till),
            Event::PutImageBack { till } => disk::put_image_back(self, till),
            Event::Clone { till } => disk::clone(self, till),
            Event::Stop { child } => clerks::stop(self, child),
            Event::Suspend { child } => clerks::suspend(self, child),
            Event::Approve { child } => clerks::approve(self, child),
            Event::Price { office } => clerks::price(self, office),
            Event::Office { office } => clerks::at_work(self, office),
            Event::Bank { office } => bank::file(self, office),
            Event::Phone { child } => phones::day(self, child),
            Event::Key { office } => keys::step(self, office),
            Event::BackUp { till } => swap::back_up(self, till),
            Event::Lose { till } => swap::lose(self, till),
            Event::Chip { till } => chips::act(self, till),
            Event::PowerFails { till, child } => power::fails(self, till, child),
            other => self.in_a_house(other),
        }
    }

    fn in_a_house(&mut self, event: Event) -> Result<(), Broken> {
        match event {
            Event::Talk { from, to } => lan::talk(self, from, to),
            Event::Word(word) => lan::word(self, &word),
            Event::Retire { till } => lan::retire(self, till),
            Event::Round { till } => {
                lan::news(self, till);
                Ok(())
            }
            Event::CutLink { provider } => {
                lan::cut(self, provider);
                Ok(())
            }
            Event::Stranger { till } => {
                lan::stranger(self, till);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn with_till(&mut self, till: usize, change: impl FnOnce(&mut Till)) {
        if let Some(till) = self.town.tills.get_mut(till) {
            change(till);
        }
    }

    /// In the middle of a commit: a child stands there, and the commit is never done.
    fn crash(&mut self, till: usize, child: usize, in_commit: bool) -> Result<(), Broken> {
        if in_commit {
            self.with_till(till, |till| till.break_disk(1));
            counter::visit(self, till, child)?;
            self.with_till(till, |till| till.break_disk(0));
        }
        disk::crash(self, till)
    }

    /// Compares every book with what people saw.
    pub fn check_books(&mut self) -> Result<Vec<Ledger>, Broken> {
        let ledgers = Ledger::read_all(&self.town, &self.truth)?;
        self.truth.check_journals(&mut self.town, &ledgers)?;
        Ok(ledgers)
    }

    /// Walks every journal and derives its indexes anew, and every audit log.
    fn verify_journals(&mut self) -> Result<(), Broken> {
        for (place, till) in self.town.tills.iter_mut().enumerate() {
            let whole = till.terminal.verify();
            demand(whole.is_ok(), "every journal is whole with all its indexes", || format!("till {place}: {whole:?}"))?;
        }
        for municipality in &self.town.offices {
            let audit = municipality.office.verify_audit().map_err(|error| Broken::unexpected("the audit log cannot be read", &error))?;
            demand(audit.is_ok(), "the audit log is whole", || format!("{audit:?}"))?;
        }
        Ok(())
    }

    /// Faults stop, and everything is exchanged, decided and paid until nothing moves.
    fn come_to_rest(&mut self) -> Result<(), Broken> {
        self.note("faults stop");
        self.faults = false;
        for till in &mut self.town.tills {
            till.break_disk(0);
            till.empty_disk()?;
            (till.offset_ms, till.drift_ms) = (0, 0);
        }
        self.play(self.now.plus_days(4))?;
        self.stragglers = false;
        for _ in 0..2 {
            waiting::settle_all(self)?;
            for office in 0..self.town.offices.len() {
                clerks::decide_and_pay(self, office)?;
            }
        }
        exchange::until_quiet(self)?;
        exchange::check_quiet(self)?;
        lan::agree(self)?;
        swap::spent_stays(self)?;
        self.verify_journals()?;
        let ledgers = self.check_books()?;
        for (office, ledger) in ledgers.iter().enumerate() {
            money::check_settled(&self.town, office, ledger, &self.truth)?;
            demand(ledger.waiting == 0, "when faults stop, nothing waits", || format!("office {office}: {} batches", ledger.waiting))?;
            if !self.setup.has_rulings() {
                let open = ledger.lines.iter().find(|(_, line)| line.verdict == 0);
                demand(open.is_none(), "an outage is reconciled without a clerk", || format!("office {office}: {open:?}"))?;
            }
            self.count_outcome(ledger);
        }
        money::check_told(&mut self.town, &ledgers, &self.truth)?;
        self.trace.count("worlds");
        self.trace.count(format!("worlds of {}", self.setup.world.name()));
        Ok(())
    }

    fn count_outcome(&mut self, ledger: &Ledger) {
        for line in ledger.lines.values() {
            let verdict = ["pending", "accepted", "reduced", "rejected"].get(line.verdict.unsigned_abs() as usize).copied().unwrap_or("?");
            let reason = line.reason.as_deref().unwrap_or("-");
            self.trace.count(format!("line {verdict} {reason}"));
            self.trace.note(format!("{verdict} {} {} {reason}", line.decided, line.settled));
        }
    }
}

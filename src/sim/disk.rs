//! A box at a counter with its clock and its disk: commits that fail, a full disk, a process that dies, an old image, a clone.

use super::town::{Town, countdown, failed};
use super::world::World;
use super::{Broken, demand};
use crate::book::entry::Opened;
use crate::shell::envelope::Identity;
use crate::shell::store::terminal::TerminalStore;
use crate::terminal::enrol::EnrolmentAnswer;
use crate::terminal::restore::Restored;
use crate::terminal::{Keys, Terminal};
use crate::words::chance::Chance;
use crate::words::ids::TerminalId;
use crate::words::keys::{PublicKey, SecretKey};
use crate::words::time::UtcMs;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// More pages than any world writes.
const ROOM: u32 = 1_000_000_000;
/// The most boxes that come out of old images and clones in one world.
const MOST_COPIES: usize = 6;

/// A box. One that was replaced by an old image of itself stays in the list, for what it had recorded was seen by people.
#[derive(Debug)]
pub(super) struct Till {
    pub terminal: Terminal,
    pub chance: Chance,
    /// The provider's place in the town.
    pub provider: usize,
    /// What its clock shows beyond the right time, in milliseconds.
    pub offset_ms: i64,
    /// How much faster its clock runs, in milliseconds a day.
    pub drift_ms: i64,
    /// Whether it is still at work.
    pub alive: bool,
    signing: [u8; 32],
    identity: String,
    image: Option<Image>,
    /// What was copied to a stick now and then, the latest last.
    pub backups: Vec<Image>,
    /// How many of the next commits fail.
    failing: Arc<AtomicU32>,
}

/// A copy of a disk, with what the box had heard of each office by then.
#[derive(Debug)]
pub(super) struct Image {
    pub store: TerminalStore,
    pub end: u64,
    pub heard: BTreeMap<usize, UtcMs>,
}

impl Till {
    /// A new box of a provider, admitted at all of its offices.
    pub fn enrolled(town: &mut Town, provider: usize, seed: u64, now: UtcMs) -> Result<Self, Broken> {
        let mut chance = Chance::seeded(seed.wrapping_mul(1009).wrapping_add(town.tills.len() as u64 + 1));
        let (signing, identity) = (chance.bytes(), Identity::generate().to_text().to_string());
        let keys = keys(signing, &identity)?;
        let store = TerminalStore::open_in_memory().map_err(failed)?;
        let mut terminal = Terminal::create(store, keys, Opened::default(), &mut chance, now).map_err(failed)?;
        admit(town, &mut terminal, provider, &mut chance, now)?;
        let drift_ms = i64::from(chance.below(8_001)) - 4_000;
        let failing = Arc::new(AtomicU32::new(0));
        let till =
            Self { terminal, chance, provider, offset_ms: 0, drift_ms, alive: true, signing, identity, image: None, backups: Vec::new(), failing };
        till.with_hook()
    }

    /// A new box that continues the journal of a backup with keys of its own, admitted anew.
    pub fn restored(town: &mut Town, image: Image, provider: usize, seed: u64, now: UtcMs) -> Result<(Self, Restored), Broken> {
        let mut chance = Chance::seeded(seed);
        let (signing, identity) = (chance.bytes(), Identity::generate().to_text().to_string());
        let (keys, mut store) = (keys(signing, &identity)?, image.store);
        let cannot = |error: &dyn std::fmt::Display| Broken::unexpected("a backup cannot be restored", error);
        let restored = Terminal::continue_from(&mut store, &keys, &mut chance, now).map_err(|error| cannot(&error))?;
        let mut terminal = Terminal::open(store, keys, now).map_err(|error| cannot(&error))?;
        let whole = terminal.verify();
        demand(whole.is_ok(), "a restored journal is whole", || format!("{whole:?}"))?;
        admit(town, &mut terminal, provider, &mut chance, now)?;
        let drift_ms = i64::from(chance.below(8_001)) - 4_000;
        let failing = Arc::new(AtomicU32::new(0));
        let till =
            Self { terminal, chance, provider, offset_ms: 0, drift_ms, alive: true, signing, identity, image: None, backups: Vec::new(), failing };
        Ok((till.with_hook()?, restored))
    }

    /// The process is started again over `store`.
    pub fn restart(&mut self, store: TerminalStore, now: UtcMs) -> Result<(), Broken> {
        let (keys, clock) = (keys(self.signing, &self.identity)?, self.clock(now));
        self.terminal = Terminal::open(store, keys, clock).map_err(|error| Broken::unexpected("a terminal does not start after a crash", &error))?;
        self.terminal.store().connection().commit_hook(Some(countdown(&self.failing))).map_err(failed)
    }

    fn with_hook(mut self) -> Result<Self, Broken> {
        let hook = countdown(&self.failing);
        self.terminal.store().connection().commit_hook(Some(hook)).map_err(failed)?;
        Ok(self)
    }

    /// What its clock shows at `now`.
    pub fn clock(&self, now: UtcMs) -> UtcMs {
        let shift = self.offset_ms;
        if shift < 0 { UtcMs(now.0.saturating_sub(shift.unsigned_abs())) } else { now.plus_ms(shift.unsigned_abs()) }
    }

    /// Lets the next `commits` commits fail.
    pub fn break_disk(&self, commits: u32) {
        self.failing.store(commits, Ordering::SeqCst);
    }

    /// Leaves room for `pages` more pages: whatever needs one more fails in the middle of a statement.
    pub fn fill_disk(&mut self, pages: u32) -> Result<(), Broken> {
        let db = self.terminal.store().connection();
        let used: u32 = db.pragma_query_value(None, "page_count", |row| row.get(0)).map_err(failed)?;
        db.pragma_update_and_check(None, "max_page_count", used.saturating_add(pages), |_| Ok(())).map_err(failed)
    }

    /// There is room on the disk again.
    pub fn empty_disk(&mut self) -> Result<(), Broken> {
        self.terminal.store().connection().pragma_update_and_check(None, "max_page_count", ROOM, |_| Ok(())).map_err(failed)
    }

    /// Its identity; a copy has the same.
    pub fn id(&self) -> TerminalId {
        self.terminal.id()
    }

    fn copy(&mut self) -> Result<TerminalStore, Broken> {
        self.terminal.store().copy_in_memory().map_err(|error| Broken::unexpected("a disk cannot be copied", &error))
    }

    /// The number of its last entry.
    pub fn end(&mut self) -> Result<u64, Broken> {
        let end = self.terminal.store().read(|tx| tx.end());
        Ok(end.map_err(|error| Broken::unexpected("a journal has no end", &error))?.map_or(0, |end| end.head.seq))
    }

    /// A second box over `store`, with the same keys.
    fn another(&self, store: TerminalStore, seed: u64, clock: UtcMs) -> Result<Self, Broken> {
        let keys = keys(self.signing, &self.identity)?;
        let terminal = Terminal::open(store, keys, clock).map_err(|error| Broken::unexpected("a copied disk cannot be opened", &error))?;
        let (signing, identity, failing) = (self.signing, self.identity.clone(), Arc::new(AtomicU32::new(0)));
        let till = Self {
            terminal,
            chance: Chance::seeded(seed),
            provider: self.provider,
            offset_ms: self.offset_ms,
            drift_ms: self.drift_ms,
            alive: true,
            signing,
            identity,
            image: None,
            backups: Vec::new(),
            failing,
        };
        till.with_hook()
    }
}

/// Admits a box at all offices that its provider serves.
fn admit(town: &mut Town, terminal: &mut Terminal, provider: usize, chance: &mut Chance, now: UtcMs) -> Result<(), Broken> {
    for office in 0..town.offices.len() {
        let (Some(number), Some(municipality)) = (town.number(provider, office), town.offices.get_mut(office)) else { continue };
        let code = municipality.office.new_code(number, now).map_err(failed)?.grouped();
        let request = terminal.ask_for_admission(&code, "Ausgabe").map_err(failed)?;
        let admitted = municipality.office.enrol(&request, now).map_err(failed)?;
        let root = PublicKey::from_bytes(&admitted.root).ok_or_else(|| failed("the root key"))?;
        let answer = EnrolmentAnswer::new(&root, &admitted.trust, &admitted.credential);
        terminal.take_admission(&code, "http://127.0.0.1:9", &answer, chance, now).map_err(failed)?;
    }
    Ok(())
}

fn keys(signing: [u8; 32], identity: &str) -> Result<Keys, Broken> {
    Ok(Keys { signing: SecretKey::from_seed(signing), envelope: Identity::parse(identity).map_err(failed)? })
}

/// The process dies, in the middle of a commit or between two, and is started again over what is on the disk.
pub(super) fn crash(world: &mut World, place: usize) -> Result<(), Broken> {
    let Some(till) = world.town.tills.get_mut(place).filter(|till| till.alive) else { return Ok(()) };
    let store = till.copy()?;
    till.restart(store, world.now)?;
    let whole = till.terminal.verify();
    demand(whole.is_ok(), "after a crash the journal is whole", || format!("till {place}: {whole:?}"))?;
    world.note(&format!("till {place}: crashed and was started again"));
    world.trace.count("fault: crashes");
    Ok(())
}

/// The disk fills up: little is left, and what needs more fails in the middle.
pub(super) fn fills(world: &mut World, place: usize, pages: u32) -> Result<(), Broken> {
    world.note(&format!("till {place}: room for {pages} more pages on the disk"));
    world.trace.count("fault: full disks");
    world.town.tills.get_mut(place).map_or(Ok(()), |till| till.fill_disk(pages))
}

/// The disk writes again, and has room.
pub(super) fn works(world: &mut World, place: usize) -> Result<(), Broken> {
    let Some(till) = world.town.tills.get_mut(place) else { return Ok(()) };
    till.break_disk(0);
    till.empty_disk()
}

/// An image of the disk is taken, to be put back some day.
pub(super) fn take_image(world: &mut World, place: usize) -> Result<(), Broken> {
    let image = image(world, place)?;
    if let Some(till) = world.town.tills.get_mut(place).filter(|_| image.is_some()) {
        till.image = image;
    }
    Ok(())
}

/// A copy of the disk of a box at work.
pub(super) fn image(world: &mut World, place: usize) -> Result<Option<Image>, Broken> {
    let heard = world.truth.heard.range((place, 0)..=(place, usize::MAX)).map(|((_, office), at)| (*office, *at)).collect();
    let Some(till) = world.town.tills.get_mut(place).filter(|till| till.alive) else { return Ok(None) };
    let end = till.end()?;
    Ok(Some(Image { store: till.copy()?, end, heard }))
}

/// The old image is put back: from now on another box goes on from there, and the one before exists no more.
pub(super) fn put_image_back(world: &mut World, place: usize) -> Result<(), Broken> {
    if copies(world) >= MOST_COPIES {
        return Ok(());
    }
    let Some(till) = world.town.tills.get_mut(place).filter(|till| till.alive) else { return Ok(()) };
    let Some(image) = till.image.take() else { return Ok(()) };
    till.alive = false;
    let end = image.end;
    add(world, place, image)?;
    world.note(&format!("till {place}: an image as of entry {end} is put back"));
    world.trace.count("fault: old images put back");
    Ok(())
}

/// The disk is copied into a second box, and both go on.
pub(super) fn clone(world: &mut World, place: usize) -> Result<(), Broken> {
    if copies(world) >= MOST_COPIES {
        return Ok(());
    }
    let kept = world.town.tills.get_mut(place).and_then(|till| till.image.take());
    take_image(world, place)?;
    let Some(till) = world.town.tills.get_mut(place).filter(|till| till.alive) else { return Ok(()) };
    let Some(image) = std::mem::replace(&mut till.image, kept) else { return Ok(()) };
    add(world, place, image)?;
    world.note(&format!("till {place}: is cloned"));
    world.trace.count("fault: cloned boxes");
    Ok(())
}

fn copies(world: &World) -> usize {
    world.truth.origins.len()
}

fn add(world: &mut World, place: usize, image: Image) -> Result<(), Broken> {
    let (new, seed, now) = (world.town.tills.len(), u64::from_be_bytes(world.chance.bytes()), world.now);
    let Some(till) = world.town.tills.get(place) else { return Ok(()) };
    let copy = till.another(image.store, seed, till.clock(now))?;
    world.truth.origins.insert(new, (place, image.end));
    world.truth.heard.extend(image.heard.into_iter().map(|(office, at)| ((new, office), at)));
    world.town.tills.push(copy);
    Ok(())
}

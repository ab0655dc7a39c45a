//! Children whose entitlement is on a phone as well: moving codes by clocks that are apart, photos of codes shown later, phones that are
//! lost and replaced, and phones left at home.

use super::counter::Asked;
use super::town::Card;
use super::weather::Fault;
use super::world::World;
use super::{Broken, demand};
use crate::admit::phone::{AHEAD_SECONDS, GOOD_SECONDS, PhoneCode};
use crate::admit::scan::code_text;
use crate::office::{NoPhone, OfficeError, StopReason};
use crate::terminal::counter::{Answer, Request};
use crate::words::ids::TokenId;
use crate::words::keys::SecretKey;
use crate::words::reason::Reason;
use crate::words::time::{DAY_MS, UtcMs, UtcSeconds};
use data_encoding::BASE32HEX_NOPAD;

/// A terminal's clock counts as right while it is behind the latest time known by so much at most.
const CLOCK_TOLERANCE_SECONDS: u64 = 300;

/// A phone with the key that never leaves it.
#[derive(Debug)]
pub(super) struct Phone {
    seed: [u8; 32],
    /// Its row in the office's list.
    row: i64,
    /// What its clock shows beyond the right time, in seconds.
    offset: i64,
    /// Whether it was taken out of the list.
    lost: bool,
}

/// A code of a phone as it was shown.
#[derive(Clone, Debug)]
pub(super) struct Moving {
    token: TokenId,
    /// The moment by the phone's clock.
    made: UtcSeconds,
}

/// What a child shows at a counter.
pub(super) struct Showing {
    pub code: String,
    /// Where it is a phone's code.
    pub moving: Option<Moving>,
    /// When it was scanned, where the scan waited in the page.
    pub scanned: Option<UtcMs>,
    /// Whether the counter looked the number up in its own list.
    pub forgotten: bool,
}

/// A family uses its phone: it is invited and joins, asks the office for what is new, or loses it and gets another.
pub(super) fn day(world: &mut World, child: usize) -> Result<(), Broken> {
    let Some(known) = world.town.children.get(child).filter(|child| !child.cards.is_empty()) else { return Ok(()) };
    let phone = known.phones.len().checked_sub(1).filter(|last| known.phones.get(*last).is_some_and(|phone| !phone.lost));
    match phone {
        None => join(world, child),
        Some(phone) if world.happens(3) && world.setup.has(Fault::PhoneLost) => lose(world, child, phone, StopReason::Lost),
        Some(phone) => ask(world, child, phone),
    }
}

fn join(world: &mut World, child: usize) -> Result<(), Broken> {
    let seed: [u8; 32] = world.chance.bytes();
    let (apart, behind, seconds) = (world.happens(12), world.happens(50), i64::from(world.chance.below(900)));
    let near = i64::from(world.chance.below(21)) - 10;
    let offset = match (apart && world.setup.has(Fault::PhoneClock), behind) {
        (false, _) => near,
        (true, true) => -seconds,
        (true, false) => seconds,
    };
    let (key, now) = (SecretKey::from_seed(seed), world.now);
    let Some((row, municipality)) = world.town.family(child) else { return Ok(()) };
    let code = match municipality.office.invite_phone(row, "Anna", now) {
        Ok(invited) => invited.code,
        // Nothing is granted any more, or there are phones enough: a sentence for the clerk.
        Err(OfficeError::Case { .. }) => return Ok(()),
        Err(error) => return Err(Broken::unexpected("a phone cannot be invited", &error)),
    };
    let secret = BASE32HEX_NOPAD.decode(code.replace('-', "").as_bytes()).map_err(|error| Broken::unexpected("an invitation", &error))?;
    let signature = key.sign(&[&b"teilhabe/phone-joins/1"[..], &secret, key.public().bytes()].concat());
    let mut told = None;
    // The first answer may be lost on its way: asked again, the phone gets the same.
    for _ in 0..2 {
        let answer = municipality.office.add_phone(&code, key.public().bytes(), &signature, now);
        let answer = answer.map_err(|error| Broken::unexpected("a phone cannot join", &error))?;
        let tokens: Vec<(TokenId, Vec<u8>)> = answer.tokens.iter().map(|token| (token.token.id, token.bytes.clone())).collect();
        let same = told.as_ref().is_none_or(|before| *before == tokens);
        demand(same, "a phone that joins twice is told the same", || format!("child {child}: {told:?}, then {tokens:?}"))?;
        told = Some(tokens);
    }
    let sql = "SELECT id FROM phone WHERE key = ?1";
    let row = municipality.office.db().query_row(sql, [key.public().bytes()], |row| row.get(0));
    let row = row.map_err(|error| Broken::unexpected("a phone cannot be found", &error))?;
    let Some(known) = world.town.children.get_mut(child) else { return Ok(()) };
    known.phones.push(Phone { seed, row, offset, lost: false });
    let phone = known.phones.len() - 1;
    world.note(&format!("child {child}: phone {phone} joins, its clock is off by {offset} s"));
    world.trace.count("phones that joined");
    if offset.unsigned_abs() > AHEAD_SECONDS {
        world.trace.count("fault: phones whose clock is apart");
    }
    keep(world, child, phone, told.unwrap_or_default());
    Ok(())
}

fn ask(world: &mut World, child: usize, phone: usize) -> Result<(), Broken> {
    let now = world.now;
    let Some((key, clock)) = world.town.phone(child, phone).map(|known| (known.key(), known.clock(now))) else { return Ok(()) };
    let signature = key.sign(&[&b"teilhabe/phone-asks/1"[..], key.public().bytes(), &clock.0.to_be_bytes()].concat());
    let Some((_, municipality)) = world.town.family(child) else { return Ok(()) };
    match municipality.office.ask_by_phone(key.public().bytes(), clock, &signature, now) {
        Ok(answer) => {
            let tokens = answer.tokens.into_iter().map(|token| (token.token.id, token.bytes)).collect();
            world.trace.count("phones that asked");
            keep(world, child, phone, tokens);
            Ok(())
        }
        // It says so, and the family sets it.
        Err(NoPhone::Clock) => {
            world.trace.count("phones told that their clock is wrong");
            if let Some(known) = world.town.children.get_mut(child).and_then(|child| child.phones.get_mut(phone)) {
                known.offset = 0;
            }
            Ok(())
        }
        Err(error) => Err(Broken::unexpected("a phone is not answered", &error)),
    }
}

/// A phone is lost: its codes are stopped; whoever finds it may still show them. The next day the family joins with another one.
fn lose(world: &mut World, child: usize, phone: usize, why: StopReason) -> Result<(), Broken> {
    let now = world.now;
    let Some(row) = world.town.phone(child, phone).map(|known| known.row) else { return Ok(()) };
    let Some((_, municipality)) = world.town.family(child) else { return Ok(()) };
    municipality.office.remove_phone(row, why, "Anna", now).map_err(|error| Broken::unexpected("a phone cannot be taken out", &error))?;
    let Some(known) = world.town.children.get_mut(child) else { return Ok(()) };
    if let Some(known) = known.phones.get_mut(phone) {
        known.lost = true;
    }
    for (place, _) in known.cards.iter().enumerate().filter(|(_, card)| card.phone == Some(phone)) {
        world.truth.stops.entry((child, place)).or_insert(now);
    }
    world.note(&format!("child {child}: phone {phone} is lost and taken out"));
    world.trace.count("fault: phones lost");
    Ok(())
}

/// Takes a phone's place that a card shows: the clerk stops it as a phone.
pub(super) fn stop(world: &mut World, child: usize, phone: usize, why: StopReason) -> Result<(), Broken> {
    if world.town.phone(child, phone).is_some_and(|known| !known.lost) { lose(world, child, phone, why) } else { Ok(()) }
}

/// Keeps the tokens that a phone was told, as cards of its child.
fn keep(world: &mut World, child: usize, phone: usize, tokens: Vec<(TokenId, Vec<u8>)>) {
    let issued = world.now;
    let Some(known) = world.town.children.get_mut(child) else { return };
    for (token, bytes) in tokens {
        if known.cards.iter().all(|card| card.token != token) {
            let number = crate::admit::number::CardNumber::of(token).to_string();
            known.cards.push(Card { token, code: code_text(&bytes), number, issued, phone: Some(phone), bytes });
        }
    }
}

/// What a child shows of a card: the paper, its number, or what its phone shows at this moment, or showed when somebody took a photo of it.
pub(super) fn show(world: &mut World, till: usize, child: usize, card: usize) -> Option<Showing> {
    let (by_number, copied, waited, at_home) = (world.happens(15), world.happens(8), world.happens(10), world.happens(8));
    let (seconds, hours) = (u64::from(world.chance.below(25)), u64::from(world.chance.below(40)));
    let known = world.town.children.get(child)?;
    let shown = known.cards.get(card)?;
    let plain = |code: &str, forgotten| Showing { code: code.to_owned(), moving: None, scanned: None, forgotten };
    let Some(phone) = shown.phone.and_then(|phone| known.phones.get(phone)) else {
        return Some(plain(if by_number { &shown.number } else { &shown.code }, false));
    };
    if at_home {
        return Some(plain(&shown.number, true));
    }
    if by_number {
        // The bare token printed out, or its number typed: neither is the phone.
        return Some(plain(if waited { &shown.number } else { &shown.code }, false));
    }
    let photo = copied && world.setup.has(Fault::PhoneCopy);
    let age = if photo { 30 + hours * hours * 100 } else { seconds };
    let made = UtcSeconds(phone.clock(world.now).0.saturating_sub(age));
    let code = PhoneCode::show(shown.bytes.clone(), made, &phone.key()).text();
    let clock = world.town.tills.get(till)?.clock(world.now);
    let mut scanned = (waited && !photo).then(|| UtcMs(clock.0.saturating_sub(seconds * 1000)));
    if photo {
        world.trace.count("fault: photos of codes");
        if world.canary == Some(super::Canary::PhotoCounts) {
            scanned = Some(made.ms());
        }
    }
    Some(Showing { code, moving: Some(Moving { token: shown.token, made }), scanned, forgotten: false })
}

/// A code counts for a minute, once at a till, and only from its phone.
pub(super) fn check(world: &mut World, till: usize, request: &Request, shown: &Asked, answer: &Answer) -> Result<(), Broken> {
    let Some(card) = world.town.children.get(shown.child).and_then(|child| child.cards.get(shown.card)) else { return Ok(()) };
    let Some(clock) = world.town.tills.get(till).map(|till| till.clock(world.now)) else { return Ok(()) };
    let Some(Moving { token, made }) = &shown.moving else {
        if card.phone.is_some() && request.forgotten && matches!(answer, Answer::Accepted(_)) {
            world.trace.count("green from a list, the phone forgotten");
        }
        let bare = card.phone.is_some() && !request.forgotten && request.held.is_none();
        let green = bare && matches!(answer, Answer::Accepted(_));
        return demand(!green, "a phone's token counts only with its phone", || format!("till {till}: {request:?} → {answer:?}"));
    };
    // The scan's own moment counts for as long as a page may wait, unless it was broken on purpose.
    let believed = request.scanned.filter(|_| world.canary != Some(super::Canary::PhotoCounts));
    let seen = believed.map_or(clock, |scanned| scanned.min(clock)).seconds().0;
    let used = world.truth.codes_used.get(&(till, *token)).copied();
    match answer {
        Answer::Accepted(_) => {
            let fresh = made.0 <= seen + AHEAD_SECONDS + CLOCK_TOLERANCE_SECONDS && seen < made.0 + GOOD_SECONDS;
            demand(fresh, "a phone's code counts for a minute", || format!("till {till}: made at {}, seen at {seen}: {answer:?}", made.0))?;
            demand(used.is_none_or(|used| made.0 > used.0), "a phone's code counts once at a till", || {
                format!("till {till}: made at {}, used before: {used:?}", made.0)
            })?;
            world.truth.codes_used.insert((till, *token), *made);
            world.trace.count("green by phone");
            Ok(())
        }
        Answer::Refused(refused) if refused.reason == Reason::HolderProofMissing => {
            // A box that was copied or restored may remember a code that was shown to the one before; a clock that was set back stands still.
            let copied = world.truth.origins.contains_key(&till) || world.truth.spent.contains_key(&till);
            let wrong = [Fault::ClockJump, Fault::DeadBattery, Fault::Drift].into_iter().any(|fault| world.setup.has(fault));
            let fresh = !wrong && made.0 <= seen + AHEAD_SECONDS && seen < made.0 + GOOD_SECONDS;
            let unused = used.is_none_or(|used| made.0 > used.0);
            demand(copied || !(fresh && unused), "only an old or used code is refused as one", || {
                format!("till {till}: made at {}, seen at {seen}, used before: {used:?}: {refused:?}", made.0)
            })
        }
        Answer::Refused(_) => Ok(()),
    }
}

impl Phone {
    fn key(&self) -> SecretKey {
        SecretKey::from_seed(self.seed)
    }

    fn clock(&self, now: UtcMs) -> UtcSeconds {
        UtcSeconds(now.seconds().0.saturating_add_signed(self.offset))
    }
}

/// How long a phone's photo may be old at most: no world lives so long that it would count again.
const _: () = assert!(30 + 39 * 39 * 100 < 3 * DAY_MS / 1000);

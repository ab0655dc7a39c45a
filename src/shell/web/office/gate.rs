//! The door of the exchange: how much may be under way at once, so that memory stays bounded and nobody is starved.
//!
//! What terminals send day by day is small and goes past what is large: a box that was away for months, or one that sends without end.
//! Whoever finds no place is told when to come again, and terminals obey. Nothing of theirs is lost by that: they send identical bytes.

use super::answer::Refusal;
use super::caller::Caller;
use axum::body::Bytes;
use axum::http::StatusCode;
use hyper::body::{Body, Frame, SizeHint};
use std::collections::HashMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What is small, in bytes: some 600 lines. So much is read of every exchange before it needs a place, 64 MiB of all connections at most.
pub const SMALL: usize = 128 * 1024;
/// How many small exchanges wait for their turn or for their answer to go out: 16 MiB at most.
const SMALL_PLACES: usize = 128;
/// How many large ones: each takes 17 MiB at most, and as much for its answer.
const LARGE_PLACES: usize = 4;
/// How many of the large ones come from one address.
const LARGE_OF_ADDRESS: usize = 2;
/// How many small ones wait at the office itself, before whatever a clerk does now.
const SMALL_TURNS: usize = 8;
/// How many large ones: while one is taken in, nothing else is written.
const LARGE_TURNS: usize = 1;
/// How long one waits for its turn before it is told to come again.
const LONGEST_WAIT: Duration = Duration::from_secs(40);
/// The shortest and the longest time after which somebody is asked to come again, in seconds.
const SOONEST: u64 = 5;
const LATEST: u64 = 300;

/// The two kinds of exchanges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Up to [`SMALL`] bytes.
    Small,
    /// More.
    Large,
}

#[derive(Debug)]
struct Lane {
    places: Arc<Semaphore>,
    turns: Arc<Semaphore>,
    most: usize,
    /// How long an exchange took of late, in microseconds.
    micros: AtomicU64,
}

impl Lane {
    fn new(places: usize, turns: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(places)), turns: Arc::new(Semaphore::new(turns)), most: places, micros: AtomicU64::new(0) }
    }

    /// When there will be a place, as far as the last exchanges tell.
    fn seconds(&self) -> u64 {
        let under_way = self.most.saturating_sub(self.places.available_permits()) as u64;
        (under_way * 2 * self.micros.load(Ordering::Relaxed)).div_ceil(1_000_000).clamp(SOONEST, LATEST)
    }
}

/// The door.
#[derive(Debug)]
pub struct Gate {
    small: Arc<Lane>,
    large: Arc<Lane>,
    large_answers: Arc<Semaphore>,
    addresses: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            small: Arc::new(Lane::new(SMALL_PLACES, SMALL_TURNS)),
            large: Arc::new(Lane::new(LARGE_PLACES, LARGE_TURNS)),
            large_answers: Arc::new(Semaphore::new(LARGE_PLACES)),
            addresses: Arc::default(),
        }
    }
}

/// A place for one exchange, until the last byte of its answer has gone out.
#[derive(Debug)]
pub struct Place {
    /// Which kind.
    pub size: Size,
    _place: OwnedSemaphorePermit,
    _of_address: Option<OfAddress>,
}

#[derive(Debug)]
struct OfAddress {
    all: Arc<Mutex<HashMap<IpAddr, usize>>>,
    address: IpAddr,
}

impl Drop for OfAddress {
    fn drop(&mut self) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = all.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.address);
            }
        }
    }
}

/// One's turn at the office. It goes with the work: whoever hangs up gives back nothing that the office still holds.
#[derive(Debug)]
pub struct Turn {
    lane: Arc<Lane>,
    begun: Instant,
    _turn: OwnedSemaphorePermit,
}

impl Drop for Turn {
    fn drop(&mut self) {
        // The last few count most: an eighth of what is new, seven of what was.
        let took = u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX / 8);
        let before = self.lane.micros.load(Ordering::Relaxed);
        let after = if before == 0 { took } else { before - before / 8 + took / 8 };
        self.lane.micros.store(after, Ordering::Relaxed);
    }
}

impl Gate {
    const fn lane(&self, size: Size) -> &Arc<Lane> {
        match size {
            Size::Small => &self.small,
            Size::Large => &self.large,
        }
    }

    /// Takes a place; the refusal says when to come again.
    pub fn enter(&self, size: Size, caller: &Caller) -> Result<Place, Refusal> {
        let place = self.lane(size).places.clone().try_acquire_owned().map_err(|_| self.come_again(size))?;
        let of_address = match (size, caller.address()) {
            (Size::Large, Some(address)) => Some(self.of_address(address).ok_or_else(|| self.come_again(size))?),
            _ => None,
        };
        Ok(Place { size, _place: place, _of_address: of_address })
    }

    fn of_address(&self, address: IpAddr) -> Option<OfAddress> {
        let mut all = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        let count = all.entry(address).or_default();
        if *count >= LARGE_OF_ADDRESS {
            return None;
        }
        *count += 1;
        Some(OfAddress { all: self.addresses.clone(), address })
    }

    /// Waits for one's turn; each kind in the order of coming.
    pub async fn turn(&self, size: Size) -> Result<Turn, Refusal> {
        let lane = Arc::clone(self.lane(size));
        match tokio::time::timeout(LONGEST_WAIT, lane.turns.clone().acquire_owned()).await {
            Ok(Ok(turn)) => Ok(Turn { lane, begun: Instant::now(), _turn: turn }),
            _ => Err(self.come_again(size)),
        }
    }

    /// An answer that keeps its place until it has gone out. For a large one there may be none: what came with the question is taken in all
    /// the same, and the terminal asks again.
    pub fn leaving(&self, place: Place, answer: Vec<u8>) -> Result<Leaving, Refusal> {
        let room = match answer.len() {
            0..=SMALL => None,
            _ => Some(self.large_answers.clone().try_acquire_owned().map_err(|_| self.come_again(Size::Large))?),
        };
        Ok(Leaving { answer: Some(answer.into()), _kept: (place, room) })
    }

    fn come_again(&self, size: Size) -> Refusal {
        come_again(StatusCode::SERVICE_UNAVAILABLE, "the office is busy", self.lane(size).seconds())
    }

    /// How many exchanges are under way: small ones and large ones.
    pub fn under_way(&self) -> (u64, u64) {
        let of = |lane: &Lane| lane.most.saturating_sub(lane.places.available_permits()) as u64;
        (of(&self.small), of(&self.large))
    }
}

/// The refusal of somebody who may come again in so many seconds.
pub fn come_again(status: StatusCode, why: &str, seconds: u64) -> Refusal {
    let sentence = format!("{why}: come again in {seconds} seconds; nothing was taken, and nothing is lost");
    Refusal { retry_after: Some(seconds), put_off: true, ..Refusal::new(status, sentence) }
}

/// The body of an answer that keeps its place.
#[derive(Debug)]
pub struct Leaving {
    answer: Option<Bytes>,
    _kept: (Place, Option<OwnedSemaphorePermit>),
}

impl Body for Leaving {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.answer.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        // It is asked once more, so that it is kept until all of it was taken over.
        false
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.answer.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::web::serve::Peer;
    use axum::http::{Extensions, HeaderMap};

    fn from(address: [u8; 4]) -> Caller {
        let mut extensions = Extensions::new();
        extensions.insert(Peer(address.into()));
        Caller::of(&extensions, &HeaderMap::new())
    }

    #[tokio::test]
    async fn what_is_small_goes_past_what_is_large() {
        let gate = Gate::default();
        let held: Vec<Place> = (1..=4).map(|n| gate.enter(Size::Large, &from([10, 0, 0, n])).expect("a place")).collect();
        let refused = gate.enter(Size::Large, &from([10, 0, 0, 9])).expect_err("a fifth");
        assert_eq!((refused.problem.status, refused.retry_after), (StatusCode::SERVICE_UNAVAILABLE, Some(SOONEST)));
        assert!(refused.problem.detail.contains("come again in 5 seconds"), "{}", refused.problem.detail);
        let large = gate.turn(Size::Large).await.expect("a turn");
        let small: Vec<Place> = (0..SMALL_PLACES).map(|_| gate.enter(Size::Small, &from([10, 0, 0, 9])).expect("a place")).collect();
        gate.turn(Size::Small).await.expect("at once");
        assert_eq!(gate.under_way(), (SMALL_PLACES as u64, 4));
        drop((large, held, small));
        assert_eq!(gate.under_way(), (0, 0));
    }

    #[test]
    fn one_address_takes_half_of_the_large_places() {
        let (gate, hog) = (Gate::default(), from([10, 0, 0, 1]));
        let held: Vec<Place> = (0..LARGE_OF_ADDRESS).map(|_| gate.enter(Size::Large, &hog).expect("a place")).collect();
        assert!(gate.enter(Size::Large, &hog).is_err());
        assert_eq!(gate.under_way().1, LARGE_OF_ADDRESS as u64, "who is refused keeps none");
        assert!(gate.enter(Size::Large, &from([10, 0, 0, 2])).is_ok());
        drop(held);
        assert!(gate.addresses.lock().expect("whole").is_empty());
    }

    #[test]
    fn an_answer_keeps_its_place_until_it_is_gone() {
        let gate = Gate::default();
        let mut leaving: Vec<Leaving> = (1..=4)
            .map(|n| gate.leaving(gate.enter(Size::Small, &from([10, 0, 0, n])).expect("a place"), vec![0; SMALL + 1]).expect("room"))
            .collect();
        let fifth = gate.enter(Size::Small, &from([10, 0, 0, 5])).expect("a place");
        assert!(gate.leaving(fifth, vec![0; SMALL + 1]).is_err_and(|refused| refused.retry_after.is_some()));
        let fifth = gate.enter(Size::Small, &from([10, 0, 0, 5])).expect("a place");
        assert!(gate.leaving(fifth, vec![0; SMALL]).is_ok(), "a small one needs no room");
        leaving.pop();
        let fifth = gate.enter(Size::Small, &from([10, 0, 0, 5])).expect("a place");
        assert!(gate.leaving(fifth, vec![0; SMALL + 1]).is_ok());
    }
}

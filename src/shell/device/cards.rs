//! Readers of chip cards, by the system's service for them (pcscd): which ones there are, and each card that is put on.

use super::chip::{self, CardError, Chip, Gone};
use super::frame::Ending;
use super::{Kind, Listener, Reader, Scanned, Standing, Told, Trouble};
use crate::admit::scan::code_text;
use pcsc::{Card, Context, Disposition, Error, Protocols, ReaderState, Scope, ShareMode, State};
use std::ffi::{CStr, CString};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long is waited for a change before the list of readers is looked at again.
const LOOK: Duration = Duration::from_millis(300);
/// How long is waited before the service is asked for again.
const AGAIN: Duration = Duration::from_secs(1);
/// Two cards put on within this time were put on at once.
const AT_ONCE: Duration = Duration::from_millis(1500);
/// How long a reader may need to notice that a card has gone.
const NOTICE: Duration = Duration::from_millis(600);
/// The longest answer of a card.
const MAX_ANSWER: usize = 4096;
/// How many further tries a reader gets that another program is just using.
const TRIES_WHILE_BUSY: u32 = 10;

/// Tells `listener` of readers and cards until `ending` turns true.
pub fn watch(listener: &Listener, ending: &AtomicBool) {
    let mut desk = Desk { listener, rows: Vec::new() };
    while !ending.load(Ordering::Relaxed) {
        match Context::establish(Scope::System) {
            Ok(context) => desk.serve(&context, ending),
            Err(why) => desk.all_stand(standing_after(why)),
        }
        thread::sleep(AGAIN);
    }
}

fn standing_after(why: Error) -> Standing {
    match why {
        Error::NoAccess | Error::SecurityViolation => Standing::Forbidden,
        Error::SharingViolation => Standing::Busy,
        _ => Standing::NoService,
    }
}

/// All readers that were seen.
struct Desk<'l> {
    listener: &'l Listener,
    rows: Vec<Row>,
}

struct Row {
    reader: Reader,
    /// The service's name for it, while it is there.
    at: Option<CString>,
    /// What the service said of it last.
    state: Option<ReaderState>,
    /// Since when a card lies on it.
    card_since: Option<Instant>,
    /// How often a card was put on or taken away, as the service counts it.
    events: u32,
}

impl Desk<'_> {
    fn serve(&mut self, context: &Context, ending: &AtomicBool) {
        while !ending.load(Ordering::Relaxed) {
            let names = match context.list_readers_owned() {
                Ok(names) => names,
                Err(Error::NoReadersAvailable) => Vec::new(),
                Err(why) => return self.all_stand(standing_after(why)),
            };
            self.meet(names);
            match self.wait(context) {
                Ok(changed) => self.read_all(context, &changed),
                Err(why) => return self.all_stand(standing_after(why)),
            }
        }
    }

    /// Takes the list of readers over: new ones get the row of one that is gone, or one of their own.
    fn meet(&mut self, names: Vec<CString>) {
        for at in 0..self.rows.len() {
            if self.rows.get(at).is_some_and(|row| row.at.as_ref().is_some_and(|name| !names.contains(name))) {
                self.stands(at, Standing::Unplugged, None);
            }
        }
        for name in names {
            if self.rows.iter().any(|row| row.at.as_ref() == Some(&name)) {
                continue;
            }
            let at = self.rows.iter().position(|row| row.at.is_none()).unwrap_or(self.rows.len());
            self.stands(at, Standing::Connected, Some(name));
        }
        if self.rows.is_empty() || self.rows.iter().all(|row| row.at.is_none()) {
            self.all_stand(Standing::Unplugged);
        }
    }

    fn all_stand(&mut self, standing: Standing) {
        for at in 0..self.rows.len().max(1) {
            self.stands(at, standing, None);
        }
    }

    fn stands(&mut self, at: usize, standing: Standing, name: Option<CString>) {
        let said = name.as_deref().map(|name| name.to_string_lossy().into_owned());
        let before = self.rows.get(at).map(|row| row.reader.clone());
        let known = before.as_ref().map(|reader| reader.name.clone()).unwrap_or_default();
        let reader = Reader { id: format!("cards-{at}"), name: said.unwrap_or(known), kind: Kind::Cards, standing };
        if before.as_ref() != Some(&reader) {
            self.listener.tell(Told::Stands(reader.clone()));
        }
        let state = name.clone().map(|name| ReaderState::new(name, State::UNAWARE));
        let row = Row { reader, at: name, state, card_since: None, events: 0 };
        match self.rows.get_mut(at) {
            Some(place) => *place = row,
            None => self.rows.push(row),
        }
    }

    /// Waits for a change, a little while; the places of the readers on which a card has just been put.
    fn wait(&mut self, context: &Context) -> Result<Vec<usize>, Error> {
        let (places, mut states): (Vec<usize>, Vec<ReaderState>) =
            self.rows.iter_mut().enumerate().filter_map(|(at, row)| Some((at, row.state.take()?))).unzip();
        if states.is_empty() {
            thread::sleep(LOOK);
            return Ok(Vec::new());
        }
        let outcome = context.get_status_change(LOOK, &mut states);
        let mut put_on = Vec::new();
        for (at, mut state) in places.into_iter().zip(states) {
            let Some(row) = self.rows.get_mut(at) else { continue };
            if outcome.is_ok() {
                let is_there = state.event_state().contains(State::PRESENT);
                // A card that was changed quickly is another event of one that was there all the time.
                let is_another = state.event_count() != row.events;
                row.events = state.event_count();
                if is_there && (row.card_since.is_none() || is_another) {
                    row.card_since = Some(Instant::now());
                    put_on.push(at);
                } else if !is_there {
                    row.card_since = None;
                }
                state.sync_current_state();
            }
            row.state = Some(state);
        }
        match outcome {
            // Where a reader was unplugged meanwhile, the list says which.
            Ok(()) | Err(Error::Timeout | Error::UnknownReader | Error::ReaderUnavailable) => Ok(put_on),
            Err(why) => Err(why),
        }
    }

    fn read_all(&mut self, context: &Context, put_on: &[usize]) {
        let lies_on_another = |at: usize| {
            let others = self.rows.iter().enumerate().filter(|(other, _)| *other != at);
            others.filter_map(|(_, row)| row.card_since).any(|since| since.elapsed() < AT_ONCE)
        };
        let crowded: Vec<bool> = put_on.iter().map(|at| lies_on_another(*at)).collect();
        for (at, is_crowded) in put_on.iter().zip(crowded) {
            let Some(row) = self.rows.get(*at) else { continue };
            let Some(name) = &row.at else { continue };
            let id = row.reader.id.clone();
            let told = if is_crowded { Err(Trouble::TwoCards) } else { read(context, name) };
            self.listener.tell(match told {
                Ok((text, from_card)) => Told::Scan(Scanned { reader: id, text, ending: Ending::Card, from_card }),
                Err(trouble) => Told::Trouble(id, trouble),
            });
        }
    }
}

/// What is on the card: the text of its code, or its UID.
fn read(context: &Context, name: &CStr) -> Result<(String, bool), Trouble> {
    match with_card(context, name, |talk| chip::read(talk)) {
        Ok(Chip::Token(token)) => Ok((code_text(&token), true)),
        Ok(Chip::Uid(uid)) => Ok((uid, false)),
        Err(CardError::Gone) => Err(Trouble::CardGone),
        Err(CardError::Torn) => Err(Trouble::CardTorn),
        Err(_) => Err(Trouble::CardMute),
    }
}

/// Does something with the card on a reader, which nobody else talks with meanwhile.
fn with_card<R>(context: &Context, name: &CStr, work: impl FnOnce(&mut chip::Talk<'_>) -> Result<R, CardError>) -> Result<R, CardError> {
    let done = connected(context, name, work);
    match done {
        // A card that leaves in the middle answers nonsense first: whether it is still there is known a moment later.
        Err(CardError::Torn | CardError::Mute | CardError::Locked | CardError::NotAsWritten) if has_gone(context, name) => Err(CardError::Gone),
        done => done,
    }
}

fn connected<R>(context: &Context, name: &CStr, work: impl FnOnce(&mut chip::Talk<'_>) -> Result<R, CardError>) -> Result<R, CardError> {
    let mut card = connect(context, name)?;
    let transaction = card.transaction().map_err(card_error)?;
    let mut buffer = vec![0; MAX_ANSWER];
    let done = work(&mut |command| transaction.transmit(command, &mut buffer).map(<[u8]>::to_vec).map_err(|_| Gone));
    // Whoever talks with it next finds it as it was when it was put on.
    let _ = transaction.end(Disposition::ResetCard);
    done
}

fn has_gone(context: &Context, name: &CStr) -> bool {
    thread::sleep(NOTICE);
    let mut states = [ReaderState::new(name.to_owned(), State::UNAWARE)];
    let told = context.get_status_change(LOOK, &mut states);
    told.is_err() || !states.iter().any(|state| state.event_state().contains(State::PRESENT))
}

fn connect(context: &Context, name: &CStr) -> Result<Card, CardError> {
    let mut tries = 0;
    loop {
        match context.connect(name, ShareMode::Shared, Protocols::ANY) {
            Err(Error::SharingViolation) if tries < TRIES_WHILE_BUSY => {
                tries += 1;
                thread::sleep(LOOK / 3);
            }
            connected => return connected.map_err(card_error),
        }
    }
}

fn card_error(why: Error) -> CardError {
    match why {
        Error::NoSmartcard | Error::RemovedCard | Error::ReaderUnavailable | Error::UnknownReader | Error::CommError | Error::NoService => {
            CardError::Gone
        }
        _ => CardError::Mute,
    }
}

/// Why nothing was written. One sentence each.
#[derive(Debug, thiserror::Error)]
pub enum NotWritten {
    /// The service does not answer.
    #[error("the system's service for card readers does not answer ({0}): start pcscd, and plug the reader in")]
    NoService(Error),
    /// No reader has this name, or there is none at all.
    #[error("there is no card reader{0}: plug it in, then try again")]
    NoReader(String),
    /// Several, and none was named.
    #[error("there are several card readers: name one with --reader: {0}")]
    WhichReader(String),
    /// Nobody put a card on.
    #[error("no card was put on the reader within {0} seconds: nothing was written")]
    NoCard(u64),
    /// The card does not take it.
    #[error(transparent)]
    Card(#[from] CardError),
}

/// Waits for a card at the reader whose name has `part` in it, puts a token on it and reads it back; the reader's name.
pub fn write(part: Option<&str>, token: &[u8], overwrite: bool, patience: Duration) -> Result<String, NotWritten> {
    let context = Context::establish(Scope::System).map_err(NotWritten::NoService)?;
    let all = match context.list_readers_owned() {
        Err(Error::NoReadersAvailable) => Vec::new(),
        listed => listed.map_err(NotWritten::NoService)?,
    };
    let is_meant = |name: &CString| part.is_none_or(|part| name.to_string_lossy().to_lowercase().contains(&part.to_lowercase()));
    let meant: Vec<CString> = all.into_iter().filter(is_meant).collect();
    let [name] = meant.as_slice() else {
        let names: Vec<_> = meant.iter().map(|name| name.to_string_lossy()).collect();
        let called = part.map(|part| format!(" with “{part}” in its name")).unwrap_or_default();
        return Err(if meant.is_empty() { NotWritten::NoReader(called) } else { NotWritten::WhichReader(names.join("; ")) });
    };
    let until = Instant::now() + patience;
    let mut states = [ReaderState::new(name.clone(), State::UNAWARE)];
    while !states.iter().any(|state| state.event_state().contains(State::PRESENT)) {
        if Instant::now() >= until {
            return Err(NotWritten::NoCard(patience.as_secs()));
        }
        states.iter_mut().for_each(ReaderState::sync_current_state);
        match context.get_status_change(LOOK, &mut states) {
            Ok(()) | Err(Error::Timeout) => {}
            Err(why) => return Err(NotWritten::NoService(why)),
        }
    }
    with_card(&context, name, |talk| chip::write(talk, token, overwrite))?;
    Ok(name.to_string_lossy().into_owned())
}

//! A thread that makes one PDF out of the papers it is handed, so that the office goes on with its other work meanwhile.

use super::benefit::letter;
use super::letters::{NotPrinted, Sender, Slip};
use super::qr::Qr;
use super::stack::{Layout, Stack};
use crate::admit::scan::code_text;
use crate::admit::token::Token;
use crate::words::civil::CivilDay;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, channel, sync_channel};

/// How many papers wait in line: each is a token, less than a kilobyte.
const IN_LINE: usize = 50;

/// One paper to be made.
#[derive(Clone, Debug)]
pub enum Paper {
    /// The card of a token.
    Card {
        /// The office's key of its case, for a letter.
        reference: String,
        /// Its content.
        token: Box<Token>,
        /// Its signed bytes.
        bytes: Vec<u8>,
    },
    /// The slip of a terminal.
    Slip {
        /// The provider's name.
        provider: String,
        /// The address of the office's server.
        url: String,
        /// The one-time code in groups of four.
        code: String,
        /// The last day on which it can be used.
        until: CivilDay,
    },
}

impl Paper {
    /// Adds this paper to a stack.
    pub fn add_to(&self, stack: &mut Stack) -> Result<(), NotPrinted> {
        match self {
            Self::Card { reference, token, bytes } => stack.add(&letter(reference, token, &Qr::new(&code_text(bytes))?)),
            Self::Slip { provider, url, code, until } => stack.add_slip(&Slip { provider, url, code, until: *until }),
        }
    }
}

/// Who writes, as [`Sender`], owned.
#[derive(Clone, Debug)]
pub struct Head {
    /// The office's name.
    pub office: String,
    /// How to reach it.
    pub contact: String,
    /// The date of its letters.
    pub dated: CivilDay,
}

impl Head {
    /// An empty stack with this head.
    pub fn stack(&self, layout: Layout) -> Result<Stack, NotPrinted> {
        Stack::begin(layout, &Sender { office: &self.office, contact: &self.contact, dated: self.dated })
    }
}

/// A PDF in the making on a thread of its own.
pub struct Press {
    papers: Option<SyncSender<Paper>>,
    made: Receiver<Result<Vec<u8>, NotPrinted>>,
}

impl Press {
    /// Starts the thread.
    pub fn start(layout: Layout, head: Head) -> std::io::Result<Self> {
        let (papers, in_line) = sync_channel::<Paper>(IN_LINE);
        let (tell, made) = channel();
        std::thread::Builder::new().name("press".into()).spawn(move || {
            let make = || {
                let mut stack = head.stack(layout)?;
                in_line.iter().try_for_each(|paper| paper.add_to(&mut stack))?;
                stack.finish()
            };
            // Whoever waited for it may be gone.
            let _ = tell.send(make());
        })?;
        Ok(Self { papers: Some(papers), made })
    }

    /// Hands over a paper; gives it back while too many are in line, or after the thread has failed.
    pub fn take(&self, paper: Paper) -> Result<(), Paper> {
        match self.papers.as_ref().map(|papers| papers.try_send(paper.clone())) {
            Some(Ok(())) => Ok(()),
            Some(Err(TrySendError::Full(paper) | TrySendError::Disconnected(paper))) => Err(paper),
            None => Err(paper),
        }
    }

    /// There are no more papers.
    pub fn close(&mut self) {
        self.papers = None;
    }

    /// The finished file, or why there is none; nothing while it is being made.
    pub fn made(&self) -> Option<Result<Vec<u8>, NotPrinted>> {
        match self.made.try_recv() {
            Ok(made) => Some(made),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Err(NotPrinted::BrokenOff)),
        }
    }
}

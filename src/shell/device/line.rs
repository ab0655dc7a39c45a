//! Reads one open device until it is gone. Silence is measured by waiting for it, never by a clock: a box that was too busy to read finds
//! what came meanwhile waiting, and cuts nothing in two.

use super::frame::{Frames, Piece};
use super::keys::Keys;
use super::pos::Reports;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, read};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Lines that follow each other faster are parts of one code.
const PAUSE: Duration = Duration::from_millis(150);
/// Silence after which what came belongs together no longer. Shorter ones occur within a code when the computer is busy.
const IDLE: Duration = Duration::from_millis(2500);

/// What the bytes of a device are.
#[derive(Debug)]
pub(super) enum Bytes {
    /// Events of keys.
    Events(Box<Keys>),
    /// Reports of a scanner in HID-POS mode.
    Reports(Box<Reports>),
    /// Characters.
    Characters,
}

/// Reads `device` until it is unplugged or `ending` turns true, and hands on what came.
pub(super) fn read_until_gone(device: &impl AsFd, mut kind: Bytes, ending: &AtomicBool, hear: impl Fn(Piece)) {
    let (mut frames, mut out, mut buffer, mut silent) = (Frames::default(), Vec::new(), [0; 4096], Duration::ZERO);
    while !ending.load(Ordering::Relaxed) {
        match next(device, &mut buffer) {
            Next::Bytes(bytes) => {
                silent = Duration::ZERO;
                match &mut kind {
                    Bytes::Events(keys) => keys.take(bytes, &mut frames, &mut out),
                    Bytes::Reports(reports) => reports.take(bytes, &mut frames, &mut out),
                    Bytes::Characters => bytes.iter().for_each(|byte| frames.push(*byte, &mut out)),
                }
            }
            Next::Silence => {
                silent = silent.saturating_add(PAUSE);
                if let Bytes::Reports(reports) = &mut kind {
                    reports.pause(&mut out);
                }
                frames.pause(&mut out);
                if silent >= IDLE {
                    silent = Duration::ZERO;
                    frames.idle(&mut out);
                }
            }
            Next::Gone => {
                frames.gone(&mut out);
                out.drain(..).for_each(hear);
                return;
            }
        }
        out.drain(..).for_each(&hear);
    }
}

enum Next<'b> {
    Bytes(&'b [u8]),
    Silence,
    Gone,
}

/// What comes next, or that nothing came for a [`PAUSE`].
fn next<'b>(device: &impl AsFd, buffer: &'b mut [u8]) -> Next<'b> {
    let patience = Timespec { tv_sec: 0, tv_nsec: i64::from(PAUSE.subsec_nanos()) };
    loop {
        let mut waiting = [PollFd::new(device, PollFlags::IN)];
        match poll(&mut waiting, Some(&patience)) {
            Ok(0) => return Next::Silence,
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return Next::Gone,
        }
        // Also after a hang-up: what came before it is still to be read. EIO and an end both mean that the cable is out.
        match read(device, &mut *buffer) {
            Ok(0) => return Next::Gone,
            Ok(length) => return Next::Bytes(buffer.get(..length).unwrap_or_default()),
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(_) => return Next::Gone,
        }
    }
}

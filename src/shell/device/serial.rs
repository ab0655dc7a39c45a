//! Scanners at a serial line, or that show themselves as one (USB CDC): 8 bits, no parity, one stop bit, no flow control.

use super::Standing;
use super::hid::standing_after;
use rustix::fs::{Mode, OFlags};
use rustix::termios::{ControlModes, InputModes, OptionalActions, ioctl_tiocexcl, tcgetattr, tcsetattr};
use std::os::fd::OwnedFd;
use std::path::Path;

/// Opens a line and sets it to `speed` bits a second.
pub(super) fn open(path: &Path, speed: u32) -> Result<OwnedFd, Standing> {
    let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let line = rustix::fs::open(path, flags, Mode::empty()).map_err(standing_after)?;
    let mut settings = tcgetattr(&line).map_err(|_| Standing::Unplugged)?;
    settings.make_raw();
    // A byte that arrived broken counts as NUL, which no text has.
    settings.input_modes.remove(InputModes::IGNPAR | InputModes::PARMRK);
    settings.control_modes.remove(ControlModes::PARENB | ControlModes::CSTOPB | ControlModes::CRTSCTS);
    settings.control_modes.insert(ControlModes::CS8 | ControlModes::CREAD | ControlModes::CLOCAL);
    settings.set_speed(speed).map_err(|_| Standing::Unplugged)?;
    tcsetattr(&line, OptionalActions::Now, &settings).map_err(|_| Standing::Unplugged)?;
    // Two programs would each get half a code.
    ioctl_tiocexcl(&line).map_err(|_| Standing::Busy)?;
    Ok(line)
}

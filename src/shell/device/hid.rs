//! Scanners that type (USB HID), and those that send reports (HID-POS): found by what the system says of them, opened only where the allow-list names them, and taken for this
//! service alone, so that what they type reaches no page and no console.

use super::allowed::Allowed;
use super::pos::{Layout, MAX_DESCRIPTOR};
use super::{Places, Standing};
use evdev::Device;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

/// Keys that every device that types has: Enter and A. A scanner's further nodes (volume, power) have neither.
const TYPES: u64 = 1 << 28 | 1 << 30;

/// A device that types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    /// Below `/dev/input`.
    pub path: PathBuf,
    /// What its maker calls it.
    pub name: String,
    /// Its maker's number.
    pub vendor: u16,
    /// Its model's number.
    pub product: u16,
}

/// All devices that type. Asks the system's register, and opens none.
pub(super) fn nodes(places: &Places) -> Vec<Node> {
    let Ok(entries) = fs::read_dir(places.sys.join("class/input")) else { return Vec::new() };
    let mut nodes: Vec<Node> = entries.flatten().filter_map(|entry| node(places, &entry.path())).collect();
    nodes.sort_by(|one, other| one.path.cmp(&other.path));
    nodes
}

fn node(places: &Places, entry: &Path) -> Option<Node> {
    let name = entry.file_name()?.to_str().filter(|name| name.starts_with("event"))?;
    let said = |what: &str| fs::read_to_string(entry.join("device").join(what)).map(|text| text.trim().to_owned()).ok();
    let number = |what| said(what).and_then(|text| u16::from_str_radix(&text, 16).ok());
    let keys = said("capabilities/key").and_then(|words| u64::from_str_radix(words.rsplit(' ').next()?, 16).ok()).unwrap_or(0);
    if keys & TYPES != TYPES {
        return None;
    }
    let path = places.dev.join("input").join(name);
    Some(Node { path, name: said("name").unwrap_or_default(), vendor: number("id/vendor")?, product: number("id/product")? })
}

/// Those that an entry of the allow-list names.
pub(super) fn allowed(places: &Places, entry: &Allowed) -> Vec<Node> {
    nodes(places).into_iter().filter(|node| entry.is(node.vendor, node.product, &node.name)).collect()
}

/// A scanner in HID-POS mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Raw {
    /// Its node, as for one that types.
    pub node: Node,
    /// Where its reports have what.
    pub layout: Layout,
}

/// All scanners in HID-POS mode. Asks the system's register, and opens none.
pub(super) fn raw_nodes(places: &Places) -> Vec<Raw> {
    let Ok(entries) = fs::read_dir(places.sys.join("class/hidraw")) else { return Vec::new() };
    let mut nodes: Vec<Raw> = entries.flatten().filter_map(|entry| raw_node(places, &entry.path())).collect();
    nodes.sort_by(|one, other| one.node.path.cmp(&other.node.path));
    nodes
}

fn raw_node(places: &Places, entry: &Path) -> Option<Raw> {
    let mut descriptor = Vec::new();
    File::open(entry.join("device/report_descriptor")).ok()?.take(MAX_DESCRIPTOR as u64).read_to_end(&mut descriptor).ok()?;
    let layout = Layout::of(&descriptor)?;
    let about = fs::read_to_string(entry.join("device/uevent")).ok()?;
    let said = |name: &str| about.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    // Bus, maker and model, such as 0003:00000C2E:00000B61.
    let mut numbers = said("HID_ID")?.split(':').skip(1).map(|text| u16::from_str_radix(text.trim_start_matches('0'), 16).ok());
    let (vendor, product) = (numbers.next()??, numbers.next()??);
    let node = Node { path: places.dev.join(entry.file_name()?), name: said("HID_NAME").unwrap_or_default().to_owned(), vendor, product };
    Some(Raw { node, layout })
}

/// Opens a scanner in HID-POS mode. The system lends such a device to nobody alone; but it types nowhere.
pub(super) fn open_raw(path: &Path) -> Result<OwnedFd, Standing> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    rustix::fs::open(path, flags, Mode::empty()).map_err(standing_after)
}

/// A scanner that is read by this service alone.
#[derive(Debug)]
pub(super) enum Grabbed {
    /// A device of the kernel; it is given back when it is dropped.
    Device(Box<Device>),
    /// What stands in for one: a pipe of recorded events. Nobody else reads it.
    Recorded(OwnedFd),
}

impl AsFd for Grabbed {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Device(device) => device.as_fd(),
            Self::Recorded(pipe) => pipe.as_fd(),
        }
    }
}

/// Opens a scanner and takes it for this service alone.
pub(super) fn open(node: &Node) -> Result<Grabbed, Standing> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let fd = rustix::fs::open(&node.path, flags, Mode::empty()).map_err(standing_after)?;
    let file = File::from(fd);
    let is_device = file.metadata().is_ok_and(|about| about.file_type().is_char_device());
    if !is_device {
        return Ok(Grabbed::Recorded(file.into()));
    }
    let mut device = Device::from_fd(file.into()).map_err(|_| Standing::Unplugged)?;
    device.grab().map_err(|_| Standing::Busy)?;
    Ok(Grabbed::Device(Box::new(device)))
}

/// How a reader stands whose device could not be opened.
pub(super) fn standing_after(why: Errno) -> Standing {
    match why {
        Errno::ACCESS | Errno::PERM => Standing::Forbidden,
        Errno::BUSY => Standing::Busy,
        _ => Standing::Unplugged,
    }
}

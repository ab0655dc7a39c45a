//! Which sticks and disks are plugged in: what the system has mounted where sticks appear (`/proc/self/mountinfo`, proc(5)).

use std::fs;
use std::path::{Path, PathBuf};

/// What is not kept when the power goes, or cannot be written at all.
const NO_PLACE: [&str; 12] =
    ["tmpfs", "ramfs", "devtmpfs", "proc", "sysfs", "autofs", "cgroup2", "overlay", "squashfs", "iso9660", "udf", "fuse.gvfsd-fuse"];

/// Where it is looked.
#[derive(Clone, Debug)]
pub struct Mounts {
    /// The kernel's list of mounts.
    pub list: PathBuf,
    /// Where sticks appear.
    pub under: Vec<PathBuf>,
}

impl Default for Mounts {
    /// The box's own place for a stick (`systemd/teilhabe-stick@.service`), and where desktops and people mount.
    fn default() -> Self {
        let under = ["/run/teilhabe-stick", "/run/media", "/media", "/mnt"];
        Self { list: "/proc/self/mountinfo".into(), under: under.map(PathBuf::from).to_vec() }
    }
}

/// A stick or disk that is plugged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stick {
    /// Where it is mounted.
    pub mount: PathBuf,
    /// What people know it by: its label, as far as its place tells it.
    pub label: String,
    /// Whether it lets itself be written.
    pub writable: bool,
    /// Free bytes.
    pub free: u64,
    /// Its size in bytes.
    pub size: u64,
}

impl Mounts {
    /// The sticks that are plugged in, by their place.
    pub fn sticks(&self) -> Vec<Stick> {
        let text = fs::read_to_string(&self.list).unwrap_or_default();
        let mut sticks: Vec<Stick> = text.lines().filter_map(|line| self.stick(line)).collect();
        sticks.sort_by(|one, other| one.mount.cmp(&other.mount));
        // What is mounted over something else, or came into the service's own view twice, is one place.
        sticks.dedup_by(|one, other| one.mount == other.mount);
        sticks
    }

    /// The stick that `folder` is on, if it is on one.
    pub fn stick_of(&self, folder: &Path) -> Option<Stick> {
        self.sticks().into_iter().filter(|stick| folder.starts_with(&stick.mount)).max_by_key(|stick| stick.mount.components().count())
    }

    /// Whether something is mounted at `mount` just now.
    pub fn is_in(&self, mount: &Path) -> bool {
        self.sticks().iter().any(|stick| stick.mount == mount)
    }

    fn stick(&self, line: &str) -> Option<Stick> {
        let (place, kind) = line.split_once(" - ")?;
        let mut place = place.split(' ').skip(3);
        let (root, mount, options) = (place.next()?, unescaped(place.next()?), place.next()?);
        let mut kind = kind.split(' ');
        let (kind, of_system) = (kind.next()?, kind.nth(1).unwrap_or_default());
        let mount = PathBuf::from(mount);
        // A folder that the unit has mounted over itself to write there (`ReadWritePaths=`) is no stick; a volume of btrfs may be one.
        if (root != "/" && kind != "btrfs") || NO_PLACE.contains(&kind) || !self.under.iter().any(|under| mount.starts_with(under)) {
            return None;
        }
        let is_read_only = |options: &str| options.split(',').any(|option| option == "ro");
        let may_write = rustix::fs::access(&mount, rustix::fs::Access::WRITE_OK).is_ok();
        let room = rustix::fs::statvfs(&mount).ok();
        let bytes = |blocks: Option<u64>| blocks.zip(room.as_ref()).map_or(0, |(blocks, room)| blocks.saturating_mul(room.f_frsize));
        // The box's own place bears the name that a stick must have to come there.
        let own = mount.ends_with("teilhabe-stick");
        let label = if own { "TEILHABE".into() } else { mount.file_name().unwrap_or(mount.as_os_str()).to_string_lossy().into_owned() };
        Some(Stick {
            writable: may_write && !is_read_only(options) && !is_read_only(of_system),
            free: bytes(room.as_ref().map(|room| room.f_bavail)),
            size: bytes(room.as_ref().map(|room| room.f_blocks)),
            label,
            mount,
        })
    }
}

/// A field of the list: blank, tab, line feed and backslash stand there as three octal digits.
fn unescaped(field: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")].iter().fold(field.to_owned(), |text, (code, plain)| text.replace(code, plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_plugged_in_and_keeps_what_is_written_is_a_stick() {
        let dir = tempfile::tempdir().expect("a folder");
        let (under, list) = (dir.path().join("media"), dir.path().join("mountinfo"));
        let stick = under.join("BLAUER STICK");
        fs::create_dir_all(&stick).expect("made");
        let line = |at: &Path, options: &str, kind: &str| {
            format!("36 35 8:17 / {} {options} shared:7 - {kind} /dev/sdb1 rw,sync\n", at.display()).replace("BLAUER STICK", "BLAUER\\040STICK")
        };
        let listed = [
            line(Path::new("/"), "rw", "ext4"),
            line(&under, "rw", "tmpfs"),
            line(&stick, "rw,noexec", "vfat"),
            line(&stick, "rw,noexec", "vfat"),
            line(&under.join("ALT"), "ro", "exfat"),
            line(&under.join("OWN"), "rw", "ext4").replace(" / ", " /run/own "),
            "37 35 broken\n".into(),
        ];
        fs::write(&list, listed.concat()).expect("written");
        let mounts = Mounts { list, under: vec![under.clone()] };
        let found: Vec<(String, bool)> = mounts.sticks().into_iter().map(|stick| (stick.label, stick.writable)).collect();
        assert_eq!(found, [("ALT".to_owned(), false), ("BLAUER STICK".to_owned(), true)]);
        assert!(mounts.sticks()[1].size > 0 && mounts.is_in(&stick) && !mounts.is_in(&under));
        assert_eq!(mounts.stick_of(&stick.join("teilhabe")).map(|on| on.mount), Some(stick));
        assert_eq!(mounts.stick_of(&under), None);
    }
}

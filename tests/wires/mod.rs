//! Stand-ins for what hangs at a box: a pipe that plays recorded events of keys, and the far end of a serial line.
#![allow(dead_code, reason = "each test uses the part it needs")]

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The keys of a US keyboard in the order of their codes (linux/input-event-codes.h), from `1` on; `\0` where none types.
const KEYS: &[u8] = b"1234567890-=\0\0qwertyuiop[]\0\0asdfghjkl;'`\0\\zxcvbnm,./";

fn event(kind: u16, code: u16, value: i32) -> Vec<u8> {
    let time = vec![0; 2 * size_of::<usize>()];
    [time, kind.to_ne_bytes().to_vec(), code.to_ne_bytes().to_vec(), value.to_ne_bytes().to_vec()].concat()
}

/// What the kernel hands on when a US scanner types a text and Enter: a scan code, the key, and a mark for each change.
pub fn typed(text: &str) -> Vec<u8> {
    let press = |code: u16| [event(4, 4, 0x7_0000 + i32::from(code)), event(1, code, 1), event(0, 0, 0), event(1, code, 0), event(0, 0, 0)].concat();
    let mut bytes = Vec::new();
    for byte in text.bytes() {
        let code = KEYS.iter().position(|key| *key == byte.to_ascii_lowercase()).expect("a key") as u16 + 2;
        if byte.is_ascii_uppercase() {
            bytes.extend([event(1, 42, 1), press(code), event(1, 42, 0)].concat());
        } else {
            bytes.extend(press(code));
        }
    }
    [bytes, press(28)].concat()
}

/// What is plugged in, in a folder that stands for `/dev` and `/sys`: a pipe in place of the device, and what the system's register says of it.
pub struct Plugged {
    pipe: Option<File>,
    register: PathBuf,
}

impl Plugged {
    fn at(node: &Path, register: PathBuf, about: &[(&str, &[u8])]) -> Self {
        fs::create_dir_all(node.parent().expect("its folder")).expect("a folder");
        if !node.exists() {
            assert!(std::process::Command::new("mkfifo").arg(node).status().expect("mkfifo").success(), "a pipe");
        }
        // Both ways, so that opening waits for nobody.
        let pipe = rustix::fs::open(node, OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()).expect("the pipe");
        for (file, bytes) in about {
            let path = register.join("device").join(file);
            fs::create_dir_all(path.parent().expect("its folder")).expect("a folder");
            fs::write(path, bytes).expect("written");
        }
        Self { pipe: Some(pipe.into()), register }
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.pipe.as_mut().expect("plugged in").write_all(bytes).expect("sent");
    }

    /// Takes it out: the system forgets it, and whoever reads it is at the end.
    pub fn pull(&mut self) {
        fs::remove_dir_all(&self.register).expect("forgotten");
        self.pipe = None;
    }
}

/// A scanner that types.
pub struct Typing;

impl Typing {
    pub fn plug_in(dev: &Path, sys: &Path, number: u32, id: (&str, &str), name: &str) -> Plugged {
        let line = |text: &str| format!("{text}\n").into_bytes();
        let keys = line("1000000000007 ff9f207ac14057ff febeffdfffefffff fffffffffffffffe");
        let (vendor, product, name) = (line(id.0), line(id.1), line(name));
        let about = [("id/vendor", vendor.as_slice()), ("id/product", &product), ("name", &name), ("capabilities/key", &keys)];
        Plugged::at(&dev.join(format!("input/event{number}")), sys.join(format!("class/input/event{number}")), &about)
    }
}

/// The descriptor of a scanner in HID-POS mode, as public firmware has it: report 2, its length, an AIM identifier, 56 bytes of text, more.
const DESCRIPTOR: &[u8] = b"\x05\x8c\x09\x02\xa1\x01\x09\x12\xa1\x02\x85\x02\x15\x00\x26\xff\x00\x75\x08\x95\x01\x05\x01\x09\x3b\x81\x02\x05\x8c\x95\x03\x09\xfb\x09\xfc\x09\xfd\x81\x02\x95\x38\x09\xfe\x82\x02\x01\x06\x66\xff\x95\x02\x09\x04\x09\x00\x81\x02\x05\x8c\x25\x01\x75\x01\x95\x08\x09\xff\x81\x02\xc0\xc0";

/// What such a scanner sends for a text.
pub fn reported(text: &str) -> Vec<u8> {
    let parts: Vec<&[u8]> = text.as_bytes().chunks(56).collect();
    let report = |(n, part): (usize, &&[u8])| {
        let mut report = [&[2, u8::try_from(part.len()).expect("56 at most")], b"]Q1".as_slice(), part].concat();
        report.resize(61, 0);
        [report, vec![b's', 0, u8::from(n + 1 < parts.len())]].concat()
    };
    parts.iter().enumerate().flat_map(report).collect()
}

/// A scanner in HID-POS mode.
pub struct Reporting;

impl Reporting {
    pub fn plug_in(dev: &Path, sys: &Path, number: u32, id: (&str, &str), name: &str) -> Plugged {
        let about = format!("DRIVER=hid-generic\nHID_ID=0003:0000{}:0000{}\nHID_NAME={name}\n", id.0.to_uppercase(), id.1.to_uppercase());
        let about = [("uevent", about.as_bytes()), ("report_descriptor", DESCRIPTOR)];
        Plugged::at(&dev.join(format!("hidraw{number}")), sys.join(format!("class/hidraw/hidraw{number}")), &about)
    }
}

/// The far end of a serial line whose near end lies at a path.
pub struct Line {
    far: Option<File>,
    at: PathBuf,
}

impl Line {
    pub fn plug_in(at: &Path) -> Self {
        let far = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a line");
        grantpt(&far).and_then(|()| unlockpt(&far)).expect("opened");
        let near = ptsname(&far, Vec::new()).expect("its name").into_string().expect("text");
        symlink(near, at).expect("a link");
        Self { far: Some(far.into()), at: at.to_owned() }
    }

    /// The speed to which whoever reads the line has set it.
    pub fn speed(&self) -> u32 {
        rustix::termios::tcgetattr(self.far.as_ref().expect("plugged in")).expect("its settings").input_speed()
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.far.as_mut().expect("plugged in").write_all(bytes).expect("sent");
    }

    pub fn pull(&mut self) {
        fs::remove_file(&self.at).expect("the link is gone");
        self.far = None;
    }
}

/// Waits until something is so.
pub fn until(what: &str, mut so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !so() {
        assert!(Instant::now() < end, "not within 20 seconds: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

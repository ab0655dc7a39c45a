//! The allow-list: which devices are scanners. Everything that is not on it is left alone, the staff's keyboard first of all.

use std::path::PathBuf;
use std::str::FromStr;

/// What a serial scanner sends at when nothing else is said.
const USUAL_SPEED: u32 = 9600;
/// What a serial line may be set to, in bits a second.
const SPEEDS: std::ops::RangeInclusive<u32> = 300..=4_000_000;

/// One entry of the allow-list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// A scanner that types, by the numbers of its maker and model, as `lsusb` shows them.
    Usb {
        /// The maker.
        vendor: u16,
        /// The model.
        product: u16,
    },
    /// A scanner that types, by a part of its name, in lower case.
    Named(String),
    /// A scanner at a serial line or in CDC mode: 8 bits, no parity, one stop bit.
    Serial {
        /// The device, best below `/dev/serial/by-id`.
        path: PathBuf,
        /// Bits a second.
        speed: u32,
    },
    /// Every reader of chip cards that the system's service knows.
    Cards,
}

/// An entry that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "“{0}” names no scanner: write its USB numbers as lsusb shows them (0c2e:0b61), a part of its name (name:honeywell), \
     a serial line (serial:/dev/ttyACM0 or serial:/dev/ttyUSB0@115200), or cards"
)]
pub struct NoScanner(String);

impl FromStr for Allowed {
    type Err = NoScanner;

    fn from_str(text: &str) -> Result<Self, NoScanner> {
        let wrong = || NoScanner(text.to_owned());
        if text == "cards" {
            return Ok(Self::Cards);
        }
        if let Some(name) = text.strip_prefix("name:") {
            let name = name.trim().to_lowercase();
            return if name.is_empty() { Err(wrong()) } else { Ok(Self::Named(name)) };
        }
        if let Some(line) = text.strip_prefix("serial:") {
            let (path, speed) = match line.rsplit_once('@') {
                Some((path, speed)) => (path, speed.parse().map_err(|_| wrong())?),
                None => (line, USUAL_SPEED),
            };
            let fits = path.starts_with('/') && SPEEDS.contains(&speed);
            return if fits { Ok(Self::Serial { path: path.into(), speed }) } else { Err(wrong()) };
        }
        let number = |text: &str| u16::from_str_radix(text, 16).ok().filter(|_| text.len() == 4);
        let (vendor, product) = text.split_once(':').ok_or_else(wrong)?;
        Ok(Self::Usb { vendor: number(vendor).ok_or_else(wrong)?, product: number(product).ok_or_else(wrong)? })
    }
}

impl std::fmt::Display for Allowed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Usb { vendor, product } => write!(f, "{vendor:04x}:{product:04x}"),
            Self::Named(name) => f.write_str(name),
            // What people know it by: the folder says nothing to them.
            Self::Serial { path, .. } => write!(f, "{}", path.file_name().unwrap_or(path.as_os_str()).display()),
            Self::Cards => f.write_str("cards"),
        }
    }
}

impl Allowed {
    /// Whether a device that types, with these numbers and this name, is on the list by this entry.
    pub fn is(&self, vendor: u16, product: u16, name: &str) -> bool {
        match self {
            Self::Usb { vendor: v, product: p } => (*v, *p) == (vendor, product),
            Self::Named(part) => name.to_lowercase().contains(part),
            Self::Serial { .. } | Self::Cards => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_and_wrong_ones_are_told() {
        assert_eq!("0C2E:0b61".parse(), Ok(Allowed::Usb { vendor: 0x0c2e, product: 0x0b61 }));
        assert_eq!("name: Honeywell ".parse(), Ok(Allowed::Named("honeywell".into())));
        assert_eq!("serial:/dev/ttyACM0".parse(), Ok(Allowed::Serial { path: "/dev/ttyACM0".into(), speed: 9600 }));
        assert_eq!("serial:/dev/ttyUSB0@115200".parse(), Ok(Allowed::Serial { path: "/dev/ttyUSB0".into(), speed: 115_200 }));
        assert_eq!("cards".parse(), Ok(Allowed::Cards));
        for wrong in ["", "name:", "name:  ", "c2e:0b61", "0c2e:0b6g", "0c2e", "serial:ttyACM0", "serial:/dev/a@", "serial:/dev/a@9", "card"] {
            let said = wrong.parse::<Allowed>().expect_err(wrong).to_string();
            assert!(said.contains("names no scanner"), "{said}");
        }
    }

    #[test]
    fn the_keyboard_of_the_staff_is_not_on_the_list() {
        let scanner: Allowed = "0c2e:0b61".parse().expect("an entry");
        assert!(scanner.is(0x0c2e, 0x0b61, "Honeywell Scanner") && !scanner.is(0x046d, 0xc31c, "Logitech USB Keyboard"));
        let named: Allowed = "name:scanner".parse().expect("an entry");
        assert!(named.is(0, 0, "Honeywell SCANNER") && !named.is(0, 0, "Logitech USB Keyboard"));
    }
}

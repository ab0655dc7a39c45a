//! Tablets of the house that work at this box: who they are, and at which one something was recorded. All of it stays on the box.

use super::Terminal;
use super::counter::Desk;
use super::settings::Setting;
use crate::book::refusal::Refusal;
use crate::shell::store::StoreError;
use crate::words::ids::Hash;
use crate::words::time::UtcMs;

/// The longest name of a device, in characters.
pub const MAX_NAME: usize = 40;
/// The most devices one box serves.
pub const MAX_DEVICES: usize = 40;

/// A browser of another device of the house that was paired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// The hash of the secret it holds.
    pub hash: Hash,
    /// What people call it.
    pub name: String,
    /// When it was paired.
    pub paired_at: UtcMs,
    /// When it last asked for something, to within some minutes.
    pub seen_at: UtcMs,
}

/// Why a device is not kept so.
#[derive(Debug, thiserror::Error)]
pub enum CannotKeep {
    /// Its name.
    #[error("give the device a name of 1 to {MAX_NAME} characters, for example “Tablet 2”")]
    NoName,
    /// Another one has it.
    #[error("another device is called so already: choose another name")]
    NameTaken,
    /// Too many.
    #[error("{MAX_DEVICES} devices are connected already: remove one that is not used any more")]
    TooMany,
    /// It is gone.
    #[error("there is no such device any more")]
    NoSuchDevice,
    /// Nothing could be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Terminal {
    /// From now on work is done for this device of the house; for none, at the box itself.
    pub fn work_at(&mut self, till: Option<&str>) {
        if self.till.as_deref() != till {
            self.till = till.map(str::to_owned);
        }
    }

    /// All paired devices, by name.
    pub fn devices(&mut self) -> Result<Vec<Device>, StoreError> {
        self.store.read(|tx| tx.devices())
    }

    /// Keeps a newly paired device.
    pub fn pair_device(&mut self, hash: Hash, name: &str, now: UtcMs) -> Result<Device, CannotKeep> {
        let name = tidy(name)?;
        self.store.write(|tx| {
            let known = tx.devices()?;
            if known.iter().any(|device| device.name == name) {
                return Err(CannotKeep::NameTaken);
            }
            if known.len() >= MAX_DEVICES {
                return Err(CannotKeep::TooMany);
            }
            let device = Device { hash, name, paired_at: now, seen_at: now };
            tx.keep_device(&device)?;
            Ok(device)
        })
    }

    /// Calls a device by another name. What was recorded at it keeps the old one.
    pub fn rename_device(&mut self, hash: Hash, name: &str) -> Result<Device, CannotKeep> {
        let name = tidy(name)?;
        self.store.write(|tx| {
            let known = tx.devices()?;
            if known.iter().any(|device| device.name == name && device.hash != hash) {
                return Err(CannotKeep::NameTaken);
            }
            let mut device = known.into_iter().find(|device| device.hash == hash).ok_or(CannotKeep::NoSuchDevice)?;
            device.name = name;
            tx.keep_device(&device)?;
            Ok(device)
        })
    }

    /// Keeps when a device was last seen, if it is still paired.
    pub fn device_seen(&mut self, hash: Hash, now: UtcMs) -> Result<(), StoreError> {
        self.store.write(|tx| match tx.devices()?.into_iter().find(|device| device.hash == hash) {
            Some(device) => tx.keep_device(&Device { seen_at: now, ..device }),
            None => Ok(()),
        })
    }

    /// Removes a device: it must be paired anew.
    pub fn remove_device(&mut self, hash: Hash) -> Result<(), StoreError> {
        self.store.write(|tx| tx.forget_device(hash))
    }
}

/// A name without white space around it and without signs that cannot be seen.
fn tidy(name: &str) -> Result<String, CannotKeep> {
    let name = name.trim();
    let fits = (1..=MAX_NAME).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if fits { Ok(name.to_owned()) } else { Err(CannotKeep::NoName) }
}

/// What the device is called that asks; the box itself goes by the name people gave it.
pub(super) fn here(desk: &Desk<'_>) -> Result<Option<String>, StoreError> {
    match desk.till {
        Some(till) => Ok(Some(till.to_owned())),
        None => desk.tx().setting(Setting::Name.name()),
    }
}

/// Notes at which device an entry was made.
pub(super) fn note(desk: &Desk<'_>, seq: u64) -> Result<(), StoreError> {
    here(desk)?.map_or(Ok(()), |name| desk.tx().note_entered_at(seq, &name))
}

/// At which device it was recorded before, as far as that is known.
pub(super) fn till(desk: &Desk<'_>, refusal: &Refusal) -> Option<String> {
    let name = match refusal {
        Refusal::AlreadyRedeemed { since, seq } => desk.tx().entered_at(*seq, *since),
        Refusal::RedeemedNearby { terminal, .. } => desk.tx().neighbour_label(*terminal),
        _ => return None,
    };
    // The answer is the same without the name.
    name.inspect_err(|error| tracing::warn!(%error, "at which device something was recorded")).ok()?
}

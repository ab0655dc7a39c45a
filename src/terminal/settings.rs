//! What people set on this box, each under its name. Nothing here decides about money.

use super::Terminal;
use crate::shell::store::StoreError;

/// The settings there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// What people call this box, for example "Ausgabe 1".
    Name,
    /// The language it speaks where a browser does not ask for another.
    Language,
    /// The service chosen for the counter.
    Service,
    /// The hash of the PIN that lets people record.
    ScanPin,
    /// The hash of the PIN that lets people correct.
    CorrectPin,
    /// The hash of the PIN that lets people manage.
    ManagePin,
    /// How many PINs in a row were wrong.
    WrongPins,
    /// Until when no PIN is taken, in milliseconds.
    LockedUntil,
    /// When what was missed on the highest PIN is forgiven, in milliseconds.
    MissedUntil,
    /// After how many minutes without a touch the box locks itself.
    LockMinutes,
    /// The step the set-up has come to, or `done`.
    SetUp,
    /// The address of the office that is being asked for admission.
    AskedUrl,
    /// The one-time code it is asked with; gone when it has admitted the box.
    AskedCode,
    /// What the restore did that made this box, in JSON.
    Restored,
}

impl Setting {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Language => "language",
            Self::Service => "service",
            Self::ScanPin => "scan_pin",
            Self::CorrectPin => "correct_pin",
            Self::ManagePin => "manage_pin",
            Self::WrongPins => "wrong_pins",
            Self::LockedUntil => "locked_until",
            Self::MissedUntil => "missed_until",
            Self::LockMinutes => "lock_minutes",
            Self::SetUp => "set_up",
            Self::AskedUrl => "asked_url",
            Self::AskedCode => "asked_code",
            Self::Restored => "restored",
        }
    }
}

impl Terminal {
    /// A setting, if it was made.
    pub fn setting(&mut self, setting: Setting) -> Result<Option<String>, StoreError> {
        self.store.read(|tx| tx.setting(setting.name()))
    }

    /// Makes a setting, or takes it back.
    pub fn set(&mut self, setting: Setting, value: Option<&str>) -> Result<(), StoreError> {
        self.store.write(|tx| tx.keep_setting(setting.name(), value))
    }

    /// Takes all PINs away, and what was counted of wrong ones, at once.
    pub fn forget_pins(&mut self) -> Result<(), StoreError> {
        let all = [Setting::ScanPin, Setting::CorrectPin, Setting::ManagePin, Setting::WrongPins, Setting::LockedUntil, Setting::MissedUntil];
        self.store.write(|tx| all.into_iter().try_for_each(|setting| tx.keep_setting(setting.name(), None)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::entry::Opened;
    use crate::shell::envelope::Identity;
    use crate::shell::store::terminal::TerminalStore;
    use crate::terminal::Keys;
    use crate::words::chance::Chance;
    use crate::words::keys::SecretKey;
    use crate::words::time::UtcMs;

    #[test]
    fn forgotten_pins_are_taken_away_and_nothing_else() {
        let keys = Keys { signing: SecretKey::from_seed([1; 32]), envelope: Identity::generate() };
        let store = TerminalStore::open_in_memory().expect("a database");
        let mut terminal = Terminal::create(store, keys, Opened::default(), &mut Chance::seeded(1), UtcMs(1)).expect("created");
        for setting in [Setting::Name, Setting::ManagePin, Setting::WrongPins] {
            terminal.set(setting, Some("7")).expect("set");
        }
        terminal.forget_pins().expect("forgotten");
        assert_eq!(terminal.setting(Setting::ManagePin).expect("read"), None);
        assert_eq!(terminal.setting(Setting::WrongPins).expect("read"), None);
        assert_eq!(terminal.setting(Setting::Name).expect("read").as_deref(), Some("7"));
    }
}

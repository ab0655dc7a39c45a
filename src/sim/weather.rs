//! What kind of world it is: how many are there, and what goes wrong in it.

use serde::Serialize;

/// A kind of thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// A message never arrives.
    Lost,
    /// A message arrives twice.
    Doubled,
    /// A message arrives hours or days later, overtaken by others.
    Delayed,
    /// Half a message arrives.
    Cut,
    /// A stick is carried instead of asking by network.
    Stick,
    /// The next commits of a terminal fail.
    FailedCommit,
    /// A terminal's disk is full for hours.
    FullDisk,
    /// A terminal's process dies; what was not committed is gone.
    Crash,
    /// An old image of a terminal's disk is put back, without the procedure that the manual asks for.
    OldImage,
    /// A terminal's disk is copied with its keys into a second box, and both go on.
    Clone,
    /// A commit of the office fails.
    OfficeDisk,
    /// A terminal's clock is set wrong.
    ClockJump,
    /// A terminal's clock shows 1970.
    DeadBattery,
    /// Clocks run fast or slow.
    Drift,
    /// For 24 hours no terminal reaches any office.
    Outage,
    /// What tills of one house tell each other is lost, doubled or late, or their link is cut.
    Link,
    /// A box is stolen, retired, and plugged in again.
    Stolen,
    /// A phone's clock is up to a quarter of an hour off.
    PhoneClock,
    /// A photo of a phone's code is shown later, or at another till.
    PhoneCopy,
    /// A phone is lost, and another one takes its place.
    PhoneLost,
    /// A box is lost, and a new one continues from a backup.
    LostBox,
    /// Power fails in the middle of a write: the file is torn.
    TornWrite,
}

impl Fault {
    /// All of them.
    pub const ALL: [Fault; 22] = [
        Self::Lost,
        Self::Doubled,
        Self::Delayed,
        Self::Cut,
        Self::Stick,
        Self::FailedCommit,
        Self::FullDisk,
        Self::Crash,
        Self::OldImage,
        Self::Clone,
        Self::OfficeDisk,
        Self::ClockJump,
        Self::DeadBattery,
        Self::Drift,
        Self::Outage,
        Self::Link,
        Self::Stolen,
        Self::PhoneClock,
        Self::PhoneCopy,
        Self::PhoneLost,
        Self::LostBox,
        Self::TornWrite,
    ];
}

/// A named kind of world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Nothing goes wrong but what people do.
    Quiet,
    /// A town as it is: everything goes wrong now and then.
    Town,
    /// Everything goes wrong twice as often, and the network mostly.
    Stormy,
    /// Old images and cloned boxes.
    Clones,
    /// Clocks: wrong, drifting, dead; around the ends of summer time and of the year.
    Clocks,
    /// Nothing but 24 hours without network on every terminal at once; no clerk decides anything.
    Outage24,
    /// Two or three towns, providers that serve several of them, 10 to 40 terminals.
    ManyTowns,
    /// No network at all: sticks.
    Sticks,
    /// Houses with several linked tills, phones in every second family, boxes that are lost, stolen and restored; clocks are right.
    Kitchens,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 9] =
        [Self::Quiet, Self::Town, Self::Stormy, Self::Clones, Self::Clocks, Self::Outage24, Self::ManyTowns, Self::Sticks, Self::Kitchens];

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Town => "town",
            Self::Stormy => "stormy",
            Self::Clones => "clones",
            Self::Clocks => "clocks",
            Self::Outage24 => "outage24",
            Self::ManyTowns => "manytowns",
            Self::Sticks => "sticks",
            Self::Kitchens => "kitchens",
        }
    }

    /// The kind with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The kind that a run over all kinds uses for `seed`: the same for the same seed.
    pub fn of_seed(seed: u64) -> Self {
        let place = usize::try_from(seed % Self::ALL.len() as u64).unwrap_or_default();
        Self::ALL.get(place).copied().unwrap_or(Self::Town)
    }

    fn faults(self) -> Vec<Fault> {
        use Fault::{ClockJump, Clone, DeadBattery, Drift, OldImage, Outage, Stick};
        match self {
            Self::Quiet => vec![],
            Self::Town | Self::Stormy | Self::ManyTowns => Fault::ALL.into_iter().filter(|fault| *fault != Outage).collect(),
            Self::Clones => Fault::ALL.into_iter().filter(|fault| !matches!(fault, Outage | ClockJump | DeadBattery)).collect(),
            Self::Clocks => Fault::ALL.into_iter().filter(|fault| !matches!(fault, Outage | OldImage | Clone)).collect(),
            Self::Outage24 => vec![Outage, Drift],
            Self::Sticks => vec![Stick, Fault::Doubled, Fault::Crash, Fault::FailedCommit, OldImage, Drift, Fault::LostBox, Fault::TornWrite],
            Self::Kitchens => vec![
                Fault::Lost,
                Fault::Doubled,
                Fault::Delayed,
                Fault::FailedCommit,
                Fault::Crash,
                Fault::Link,
                Fault::Stolen,
                Fault::PhoneClock,
                Fault::PhoneCopy,
                Fault::PhoneLost,
                Fault::LostBox,
                Fault::TornWrite,
            ],
        }
    }
}

/// Everything a simulation is determined by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setup {
    /// The kind of world.
    pub world: Kind,
    /// The seed.
    pub seed: u64,
    /// How many days it lives.
    pub days: u32,
    /// What may go wrong.
    pub faults: Vec<Fault>,
    /// The most terminals there are at the beginning.
    pub terminals: u32,
    /// How many children there are.
    pub children: u32,
}

impl Setup {
    /// The world of this kind.
    pub fn new(world: Kind, seed: u64, days: u32) -> Self {
        let (terminals, children) = if world == Kind::ManyTowns { (40, 45) } else { (8, 30) };
        Self { world, seed, days, faults: world.faults(), terminals, children }
    }

    /// Whether this may go wrong.
    pub fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    /// How much more often things go wrong than in a town.
    pub(super) const fn storm(&self) -> u32 {
        if matches!(self.world, Kind::Stormy) { 2 } else { 1 }
    }

    /// Whether clerks rule on findings and on batches that wait.
    pub(super) const fn has_rulings(&self) -> bool {
        !matches!(self.world, Kind::Outage24)
    }

    /// How often in a hundred terminal-days a disk is put back to an old image, and is cloned.
    pub(super) const fn copies(&self) -> (u32, u32) {
        match self.world {
            Kind::Clones => (5, 3),
            Kind::Sticks => (2, 0),
            _ => (1, 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_name_and_comes_up_by_seed() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.name()), Some(kind));
        }
        let by_seed: Vec<Kind> = (0..9).map(Kind::of_seed).collect();
        assert_eq!(by_seed, Kind::ALL);
        assert!(Fault::ALL.into_iter().all(|fault| Kind::ALL.into_iter().any(|kind| kind.faults().contains(&fault))));
    }
}

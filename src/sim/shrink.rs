//! The shortest way to a failure: fewer days, fewer kinds of faults, fewer boxes, fewer children, as long as the same rule breaks.

use super::weather::Setup;
use super::{Canary, Failed, simulate};

/// The most worlds that are run to find a shorter one.
const ATTEMPTS: u32 = 80;

/// The shortest failure that can be found from this one. It is a failure of the same rule, with a setup that can be run again.
pub fn shortest(failed: Failed, canary: Option<Canary>) -> Failed {
    let mut search = Search { found: failed, canary, left: ATTEMPTS };
    loop {
        let before = search.left;
        let size = search.size();
        search.days();
        search.faults();
        search.crowd();
        if search.size() == size || search.left == 0 || search.left == before {
            return search.found;
        }
    }
}

struct Search {
    found: Failed,
    canary: Option<Canary>,
    left: u32,
}

impl Search {
    fn size(&self) -> (u32, usize, u32, u32) {
        let setup = &self.found.setup;
        (setup.days, setup.faults.len(), setup.terminals, setup.children)
    }

    /// Takes a smaller setup over where it breaks the same rule.
    fn try_setup(&mut self, setup: &Setup) -> bool {
        if *setup == self.found.setup || self.left == 0 {
            return false;
        }
        self.left -= 1;
        match simulate(setup, self.canary) {
            Err(failed) if failed.broken.rule == self.found.broken.rule => {
                self.found = *failed;
                true
            }
            _ => false,
        }
    }

    fn days(&mut self) {
        let day = self.found.day.max(1);
        if day < self.found.setup.days {
            self.try_setup(&Setup { days: day, ..self.found.setup.clone() });
        }
        while self.found.setup.days > 1 {
            let days = self.found.setup.days;
            let half = Setup { days: days / 2, ..self.found.setup.clone() };
            let less = Setup { days: days - 1, ..self.found.setup.clone() };
            if !self.try_setup(&half) && !self.try_setup(&less) {
                return;
            }
        }
    }

    fn faults(&mut self) {
        for fault in self.found.setup.faults.clone() {
            let faults = self.found.setup.faults.iter().copied().filter(|other| *other != fault).collect();
            self.try_setup(&Setup { faults, ..self.found.setup.clone() });
        }
    }

    fn crowd(&mut self) {
        while self.found.setup.terminals > 1 {
            let terminals = self.found.setup.terminals / 2;
            if !self.try_setup(&Setup { terminals, ..self.found.setup.clone() }) {
                break;
            }
        }
        while self.found.setup.children > 1 {
            let children = self.found.setup.children / 2;
            if !self.try_setup(&Setup { children, ..self.found.setup.clone() }) {
                break;
            }
        }
    }
}

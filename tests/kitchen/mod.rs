//! Tills of one provider, admitted by one office that names each of them to the others.
#![allow(dead_code, reason = "each test uses the part it needs")]

use super::town::{PaperOffice, code, keys, noon};
use teilhabe::admit::credential::Credential;
use teilhabe::admit::enrolment::Enrolment;
use teilhabe::shell::store::terminal::TerminalStore;
use teilhabe::terminal::Terminal;
use teilhabe::terminal::correct::Cancelled;
use teilhabe::terminal::counter::{Answer, Request};
use teilhabe::terminal::enrol::EnrolmentAnswer;
use teilhabe::terminal::neighbours::{CannotTalk, Peer};
use teilhabe::terminal::settings::Setting;
use teilhabe::words::cents::Cents;
use teilhabe::words::chance::Chance;
use teilhabe::words::keys::SecretKey;
use teilhabe::words::time::UtcMs;

/// One till.
pub struct Till {
    pub terminal: Terminal,
    pub chance: Chance,
}

/// A till that `office` admits with this credential.
pub fn till(office: &PaperOffice, seed: u8, now: UtcMs, change: impl FnOnce(Credential) -> Credential) -> Till {
    let mut chance = Chance::seeded(seed.into());
    let store = TerminalStore::open_in_memory().expect("a database");
    let mut terminal = Terminal::create(store, keys(seed), Default::default(), &mut chance, now).expect("created");
    let printed = office.code.grouped();
    let request = Enrolment::open(&terminal.ask_for_admission(&printed, "").expect("asked")).expect("signed");
    let siblings = [50, 51, 52].into_iter().filter(|other| *other != seed).map(|other| SecretKey::from_seed([other; 32]).public().clone());
    let credential = Credential { siblings: siblings.collect(), ..office.credential(&request.key, &request.recipient, now) };
    let answer = EnrolmentAnswer::new(office.root.public(), &office.trust.seal(&office.root), &change(credential).seal(&office.key));
    terminal.take_admission(&printed, "http://127.0.0.1:9", &answer, &mut chance, now).expect("admitted");
    terminal.set(Setting::Name, Some(&format!("Ausgabe {}", seed - 49))).expect("named");
    Till { terminal, chance }
}

pub fn tills(count: u8) -> (PaperOffice, Vec<Till>) {
    let office = PaperOffice::new("05562032", 1);
    let all = (0..count).map(|number| till(&office, 50 + number, noon(), |credential| credential)).collect();
    (office, all)
}

impl Till {
    pub fn scan(&mut self, card: &str, service: &str, cents: Option<i64>, now: UtcMs) -> Answer {
        let request = Request { code: card.into(), service: Some(code(service)), cents: cents.map(Cents::new), months: 1, ..Request::default() };
        self.terminal.redeem(&request, &mut self.chance, now).expect("an answer")
    }

    pub fn meal(&mut self, card: &str, now: UtcMs) -> Answer {
        self.scan(card, "lunch", None, now)
    }

    pub fn cancel(&mut self, seq: u64, now: UtcMs) -> Cancelled {
        self.terminal.cancel(seq, code("typing_error"), &mut self.chance, now).expect("cancelled")
    }

    pub fn meets(&mut self, other: &mut Till, now: UtcMs) -> Result<Peer, CannotTalk> {
        let shown = other.terminal.credentials_shown().expect("shown");
        Ok(self.terminal.meet(&format!("127.0.0.1:{}", 9000 + u32::from(other.terminal.id().0[0])), &shown, now)?[0])
    }

    pub fn question(&mut self, peer: Peer, now: UtcMs) -> Vec<u8> {
        self.terminal.tell_neighbour(peer, None, &mut self.chance, now).expect("a question")
    }

    /// Talks with a neighbour until neither has more to say; how much was new on each side.
    pub fn talks(&mut self, other: &mut Till, now: UtcMs, there: UtcMs) -> (usize, usize) {
        let peer = self.meets(other, now).expect("a neighbour");
        let (mut here_new, mut there_new) = (0, 0);
        for _ in 0..20 {
            let question = self.question(peer, now);
            let heard = other.terminal.hear_neighbour(&question, None, &mut other.chance, there).expect("heard");
            there_new += heard.heard.map_or(0, |heard| heard.taken);
            let answered = self.terminal.take_neighbours_answer(peer, &heard.answer, now).expect("an answer");
            here_new += answered.taken;
            if !answered.more {
                return (here_new, there_new);
            }
        }
        panic!("they never come to an end");
    }

    pub fn lines(&mut self) -> u64 {
        self.terminal.verify().expect("whole").head.seq
    }
}

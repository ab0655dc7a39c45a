//! What happened in the sample town before today.

use super::clerks;
use crate::office::{IssuedToken, NewProvider, Office, OfficeError, ProviderData, ServiceTerms, StopReason};
use crate::reconcile::calendar::SiteKind;
use crate::reconcile::ruling::Choice;
use crate::shell::sheet::children;
use crate::shell::terminal_dir;
use crate::terminal::Terminal;
use crate::terminal::counter::{Answer, Request};
use crate::terminal::enrol::EnrolmentAnswer;
use crate::terminal::held::HoldRequest;
use crate::words::cents::Cents;
use crate::words::chance::Chance;
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::code::Code;
use crate::words::ids::{EntryId, OfficeId, ProviderNumber};
use crate::words::keys::PublicKey;
use crate::words::reason::Reason;
use crate::words::time::UtcMs;
use anyhow::{Context as _, anyhow, bail};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Children of the sample town.
const CHILDREN: usize = 60;
/// How many days back the story begins.
const DAYS: u32 = 15;
/// The settled run is drawn up after this many days of the story.
const SETTLED_AFTER: u32 = 8;
/// The first of three children whose meals the club claims too, after that run: a clerk has something to decide on any day of the week.
const CONTESTED: usize = 7;

/// The office's folder.
pub fn office_dir(dir: &Path) -> PathBuf {
    dir.join("office")
}

/// The canteen's terminal.
pub fn canteen_dir(dir: &Path) -> PathBuf {
    dir.join("canteen")
}

struct Town<'c> {
    office: Office,
    id: OfficeId,
    chance: &'c mut Chance,
    canteen: Terminal,
    club: Terminal,
    tutor: Terminal,
    tokens: Vec<IssuedToken>,
    /// Meals of the canteen that a clerk looks at before the settlement: the number in its journal.
    doubtful: Vec<u64>,
}

/// Makes the sample town in `dir` as it stands at `now`; answers what to tell people.
pub fn fill(dir: &Path, office_url: &str, chance: &mut Chance, now: UtcMs) -> anyhow::Result<String> {
    let today = CivilDay::of(now);
    let begin = today.minus(DAYS).at_minute(8 * 60);
    let id = OfficeId::parse("05562032").ok_or_else(|| anyhow!("the sample town's id"))?;
    let mut office =
        Office::init(&office_dir(dir), id.clone(), "Stadt Recklinghausen", "DE02120300000000202051", crate::shell::door::os_chance(), begin)?;
    let mut provider = |name: &str, iban: &str, services: &[&str]| -> Result<String, OfficeError> {
        let services = services.iter().map(|s| ServiceTerms::parse(s, CivilDay::of(begin))).collect::<Result<_, _>>()?;
        Ok(office.add_provider(&NewProvider { name: name.into(), iban: iban.into(), services }, begin)?.1.grouped())
    };
    let canteen_code =
        provider("Mensa am Park", "DE89370400440532013000", &["lunch:lunch:Mittagessen:450", "zoo:day_trip:Ausflug Zoo:free::zoo-26"])?;
    let club_code = provider(
        "Judo-Club 1955 e. V.",
        "DE27100777770209299700",
        &["judo:participation:Judo Beitrag:1250/month", "camp:participation:Ferienfreizeit:free", "snack:lunch:Mittagessen Ferien:400"],
    )?;
    let tutor_code = provider("Lernwerk Nachhilfe", "DE75512108001245126199", &["mathe:tutoring:Mathematik einzeln:2200:45:MA"])?;
    let school = ProviderData { name: "Mensa am Park".into(), kind: SiteKind::School, contact: "Frau Ahlers, 02361 0000".into() };
    office.change_provider(ProviderNumber(101), &school, "Anna", begin)?;
    let tokens = issue(&mut office, today, begin)?;
    let mut admit = |name: &str, code: &str, label: &str| admit(&mut office, &dir.join(name), code, label, office_url, chance, begin);
    let canteen = admit("canteen", &canteen_code, "Ausgabe 1")?;
    let club = admit("club", &club_code, "Anmeldung")?;
    let tutor = admit("tutor", &tutor_code, "Büro")?;
    let mut town = Town { office, id, chance, canteen, club, tutor, tokens, doubtful: Vec::new() };
    for back in (1..DAYS).rev() {
        town.live(today.minus(back), DAYS - back)?;
    }
    let passwords = clerks::admit(&mut town.office, town.chance, now)?;
    town.exchange_all(now)?;
    town.office.reconcile(now)?;
    Ok(notes(&town.tokens, &passwords, dir))
}

fn issue(office: &mut Office, today: CivilDay, now: UtcMs) -> anyhow::Result<Vec<IssuedToken>> {
    let from = CivilMonth::from_months(today.month().months().saturating_sub(3).into()).unwrap_or(today.month());
    let (to, over) = (from.plus(11), CivilMonth::from_months(today.month().months().saturating_sub(2).into()).unwrap_or(from));
    let bases = ["SGB II", "SGB XII", "BKGG", "AsylbLG"];
    let mut csv = String::from("reference;benefit;from;to;period;measure;amount;detail;hint;home_providers;legal_basis\n");
    for child in 0..CHILDREN {
        let (reference, hint, basis) = (format!("{:06}", 4711 + child), format!("K{:02}", child + 1), bases[child % 4]);
        let to = if child == CHILDREN - 1 { over } else { to };
        let _ = writeln!(csv, "{reference};lunch;{from};{to};day;units;1;;{hint};101;{basis}");
        if child % 3 == 0 {
            let _ = writeln!(csv, "{reference};participation;{from};{to};accrued;cents;1500;;{hint};;{basis}");
        }
        if child % 10 == 0 {
            let _ = writeln!(csv, "{reference};tutoring;{from};{to};validity;units;20;MA;{hint};;{basis}");
        }
        if child % 20 == 1 {
            let _ = writeln!(csv, "{reference};day_trip;{from};{to};validity;cents;3000;zoo-26;{hint};;{basis}");
        }
    }
    let table = children::read(csv.as_bytes())?;
    if let Some(error) = table.errors.first() {
        bail!("the sample town's approvals: {error}");
    }
    Ok(office.issue(&table.rows, now)?)
}

fn admit(office: &mut Office, dir: &Path, code: &str, label: &str, url: &str, chance: &mut Chance, now: UtcMs) -> anyhow::Result<Terminal> {
    let mut terminal = terminal_dir::open_or_create(dir, chance, now)?;
    let request = terminal.ask_for_admission(code, label)?;
    let admitted = office.enrol(&request, now)?;
    let root = PublicKey::from_bytes(&admitted.root).context("the root key")?;
    terminal.take_admission(code, url, &EnrolmentAnswer::new(&root, &admitted.trust, &admitted.credential), chance, now)?;
    Ok(terminal)
}

fn scan(token: &IssuedToken, service: &str, day: CivilDay) -> Request {
    Request { code: token.code.clone(), service: Code::parse(service), day: Some(day), months: 1, ..Request::default() }
}

impl Town<'_> {
    /// One day of the story; `day_of_story` counts from 1.
    fn live(&mut self, day: CivilDay, day_of_story: u32) -> anyhow::Result<()> {
        if !day.is_weekend() {
            self.lunch(day)?;
            self.afternoon(day, day_of_story)?;
        }
        let evening = day.at_minute(20 * 60);
        self.exchange_all(evening)?;
        if day_of_story == SETTLED_AFTER {
            self.office.reconcile(evening)?;
            self.rule(evening)?;
            self.office.settle("Anna", "Bernd", crate::settle::run::next_banking_day(day.plus(1)), evening)?;
            self.exchange_all(evening.plus_ms(60_000))?;
        }
        Ok(())
    }

    /// About fifty children eat; one card in ten is shown twice, and one child's card is over.
    fn lunch(&mut self, day: CivilDay) -> anyhow::Result<()> {
        let mut at = day.at_minute(11 * 60 + 45);
        for child in 0..CHILDREN {
            at = at.plus_ms(12_000 + u64::from(self.chance.below(9_000)));
            let stays_away = self.chance.below(6) == 0 && !(CONTESTED..CONTESTED + 3).contains(&child);
            if stays_away {
                continue;
            }
            let request = scan(&self.tokens[child], "lunch", day);
            let answer = self.canteen.redeem(&request, self.chance, at)?;
            if let Answer::Accepted(accepted) = &answer
                && self.doubtful.len() < 2
            {
                self.doubtful.extend(accepted.entries.first().map(|entry| entry.seq));
            }
            if self.chance.below(10) == 0 {
                self.canteen.redeem(&request, self.chance, at.plus_ms(4_000))?;
            }
            if matches!(&answer, Answer::Refused(refused) if refused.reason == Reason::Expired) && self.chance.below(3) == 0 {
                let held = HoldRequest {
                    ask: None,
                    code: Some(self.tokens[child].code.clone()),
                    person: None,
                    alias: Some("Kind mit blauer Jacke".into()),
                    service: Code::parse("lunch").context("a code")?,
                    day: Some(day),
                    cents: None,
                    why: Reason::Expired,
                };
                self.canteen.hold(&held, self.chance, at.plus_ms(8_000))?;
            }
        }
        Ok(())
    }

    /// Club fees, lessons, a cancellation, a card lost, and meals claimed by two providers.
    fn afternoon(&mut self, day: CivilDay, day_of_story: u32) -> anyhow::Result<()> {
        let at = day.at_minute(15 * 60);
        match day_of_story {
            2..=4 => {
                for child in (0..CHILDREN).step_by(3).skip(usize::try_from(day_of_story)? * 5).take(5) {
                    self.club.redeem(&scan(&self.tokens[child], "judo", day), self.chance, at.plus_ms(child as u64 * 20_000))?;
                }
            }
            5 | 9 => {
                let answer = self.canteen.redeem(&scan(&self.tokens[2], "lunch", day), self.chance, at)?;
                if let Answer::Accepted(accepted) = answer {
                    self.cancel(accepted.entries.first().map_or(0, |e| e.seq), at.plus_ms(30_000))?;
                }
            }
            6 => {
                let mut camp = scan(&self.tokens[30], "camp", day);
                camp.cents = Some(Cents::new(9_000));
                self.club.redeem(&camp, self.chance, at)?;
                self.office.stop(self.tokens[12].token.id, StopReason::Lost, day, true, at)?;
            }
            _ => {}
        }
        if day_of_story > SETTLED_AFTER {
            let contested = CONTESTED + usize::try_from(day_of_story)? % 3;
            self.club.redeem(&scan(&self.tokens[contested], "snack", day), self.chance, at.plus_ms(60_000))?;
        }
        if day_of_story.is_multiple_of(3) {
            for (place, child) in (0..CHILDREN).step_by(10).enumerate() {
                let start = 14 * 60 + 30 + u32::try_from(place)? * 45;
                let mut lesson = scan(&self.tokens[child], "mathe", day);
                (lesson.starts, lesson.ends, lesson.operator) = (Some(start), Some(start + 45), Some("Tutor A".into()));
                self.tutor.redeem(&lesson, self.chance, day.at_minute(start + 45))?;
            }
        }
        Ok(())
    }

    /// Two meals of the canteen come back: one in whole, one in part.
    fn rule(&mut self, at: UtcMs) -> anyhow::Result<()> {
        let choices = [Choice::Reject, Choice::Cut(Cents::new(300))];
        for (seq, choice) in std::mem::take(&mut self.doubtful).into_iter().zip(choices) {
            let line = EntryId { terminal: self.canteen.id(), seq };
            self.office.rule(line, choice, Reason::ClerkDecision, "telefonisch geklärt", "Anna", at)?;
        }
        Ok(())
    }

    fn cancel(&mut self, seq: u64, at: UtcMs) -> anyhow::Result<()> {
        let reason = Code::parse("wrong_child").context("a code")?;
        self.canteen.cancel(seq, reason, self.chance, at)?;
        Ok(())
    }

    fn exchange_all(&mut self, at: UtcMs) -> anyhow::Result<()> {
        for terminal in [&mut self.canteen, &mut self.club, &mut self.tutor] {
            terminal.seal_batches(&self.id, self.chance, at)?;
            let question = terminal.outbound(&self.id, self.chance, at)?;
            let answer = self.office.exchange(&question, at)?;
            terminal.take_inbound(&answer, self.chance, at)?;
        }
        Ok(())
    }
}

fn notes(tokens: &[IssuedToken], clerks: &str, dir: &Path) -> String {
    let code = |child: usize| tokens.get(child).map(|t| t.code.as_str()).unwrap_or_default();
    let number = tokens.get(4).map(|t| t.number.to_string()).unwrap_or_default();
    format!(
        "
The sample town is ready.

  Terminal (the canteen's counter)   http://{{terminal}}/
  Office (a clerk's desk)            http://{{office}}/
{clerks}
What to try
  1. Terminal: paste this code into the field and press Enter. It turns green.
     {}
  2. Paste it again: refused, with the time of the first.
  3. A card number does as well, once its code was seen here:  {number}
  4. This card's approval is over; “clarify later” serves the child all the same:
     {}
  5. Terminal, “Monatsabrechnung”: exchange now. The claim goes to the office.
  6. Office, as Anna: reconcile, look at the findings (two providers claim one meal), draw up the payment.
     As Bernd: release it. The payment file (pain.001) is there to download; Anna cannot release it herself.
  7. Terminal: exchange again. Every line has its answer, and the transfer's reference.

The data is in {}; delete the folder for a fresh town. Stop with Ctrl-C.",
        code(3),
        code(CHILDREN - 1),
        dir.display()
    )
}

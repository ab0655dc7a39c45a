//! Counter and office share their rules: a counter that has seen everything grants exactly what the office accepts.

use super::naive;
use super::property::{any_line, any_world};
use super::world::World;
use crate::admit::credential::Credential;
use crate::admit::status::{Status, StatusList};
use crate::admit::token::{Entitlement, UnverifiedToken};
use crate::admit::trust::{Purpose, TrustList, TrustedKey};
use crate::book::ceiling::Use;
use crate::book::decide::{Ask, Grant, House, Spent, plan};
use crate::book::entry::ClockState;
use crate::book::redemption::SeenAs;
use crate::book::refusal::Refusal;
use crate::book::rule::{GivenLesson, teaching_units};
use crate::deliver::advice::Verdict;
use crate::reconcile::calendar::{Stretch, Whom};
use crate::reconcile::child::reconcile_child;
use crate::reconcile::register::ClaimLine;
use crate::words::benefit::Benefit;
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::keys::SecretKey;
use crate::words::reason::Reason;
use crate::words::service::Pricing;
use crate::words::time::UtcMs;
use proptest::prelude::*;

/// No debits, stops or closed days, which a counter does not know; no two allowances for one thing: there the order of the lines matters.
fn plain(mut world: World) -> World {
    world.child.debits.clear();
    world.calendar = vec![(Whom::All, Stretch { from: CivilDay::EPOCH, to: CivilDay::MAX, open: true })];
    world.tell_calendar();
    for registered in world.child.tokens.values_mut() {
        registered.stops.clear();
        let tutoring = registered.token.allowances.iter().filter(|a| a.benefit == Benefit::Tutoring).count();
        registered.token.allowances.retain(|a| tutoring == 1 || a.benefit != Benefit::Tutoring || a.detail.is_some());
    }
    world
}

fn trust(world: &World, key: &SecretKey) -> TrustList {
    let key = TrustedKey { key: key.public().clone(), purposes: vec![Purpose::Tokens], not_before: UtcMs(0), not_after: UtcMs::MAX, withdrawn: None };
    TrustList {
        version: 1,
        issued: UtcMs(0),
        expires: UtcMs::MAX,
        office: world.office.clone(),
        office_name: "Stadt".into(),
        keys: vec![key],
        recipient: "age1".into(),
        policy: world.policy.shared,
        next_root: None,
    }
}

fn credential(world: &World, line: &ClaimLine) -> Credential {
    let key = SecretKey::from_seed([5; 32]).public().clone();
    let agreements = world.providers.get(&line.provider).map(|file| &file.agreements);
    let day = line.redemption.day;
    let in_force = agreements.into_iter().flatten().filter(|a| a.from <= day && a.until.is_none_or(|until| day <= until));
    Credential {
        provider: line.provider,
        provider_name: "Anbieter".into(),
        terminal: key.terminal_id(),
        key,
        recipient: "age1".into(),
        issued: UtcMs(0),
        expires: UtcMs::MAX,
        services: in_force.map(|a| a.service.clone()).collect(),
        siblings: Vec::new(),
    }
}

struct Counter<'w> {
    world: &'w World,
    key: SecretKey,
    trust: TrustList,
    granted: Vec<(Grant, ClaimLine)>,
}

impl Counter<'_> {
    /// Asks for what `line` claims, at the line's time, knowing everything granted before.
    fn ask(&self, line: &ClaimLine, entitlement: &Entitlement) -> Result<Grant, Refusal> {
        let (credential, r) = (credential(self.world, line), &line.redemption);
        let list = StatusList::new("list".into(), line.at.seconds(), 86_400, [(0, Status::Valid)]);
        let house = House { trust: &self.trust, credential: Some(&credential), status: Some(&list), clock: ClockState::Ok };
        let free = credential.service(&r.service).is_some_and(|s| s.pricing == Pricing::Free);
        let ask = Ask {
            service: r.service.clone(),
            day: r.day,
            cents: free.then_some(r.cents),
            lesson: r.lesson,
            charge: r.charge.clone(),
            seen_as: SeenAs::Qr,
            shown: None,
            operator: None,
            settles: None,
        };
        let plan = plan(entitlement, &ask, &house, line.at)?;
        let taken = self.granted.iter().find(|(grant, _)| grant.slot() == plan.slot()).map(|(_, line)| (line.at, line.id.seq));
        let uses = self.granted.iter().map(|(grant, line)| self.used(grant, line)).filter(|u| plan.days().contains(&u.day)).collect();
        let lessons = self.granted.iter().filter_map(|(grant, line)| {
            let r = grant.redemption();
            Some(GivenLesson { day: r.day, lesson: r.lesson?, service: r.service.clone(), same_child: true, at: line.at })
        });
        plan.decide(&Spent { taken, nearby: None, uses, elsewhere: Vec::new(), lessons: lessons.collect() })
    }

    fn used(&self, grant: &Grant, line: &ClaimLine) -> Use {
        let r = grant.redemption();
        let detail = naive::service(line, self.world).and_then(|s| s.detail.clone());
        Use { day: r.day, benefit: r.benefit, detail, provider: Some(line.provider), units: r.units, cents: r.cents, lesson: r.lesson }
    }

    /// The line as it would be claimed in full: at the agreed price, arriving at once, on the newest list.
    fn in_full(&self, mut line: ClaimLine) -> Option<ClaimLine> {
        (line.received, line.not_before, line.ruling, line.journal, line.tutor_elsewhere) = (line.at, UtcMs(0), None, None, None);
        line.redemption.status_issued = line.at.seconds();
        let service = naive::service(&line, self.world)?;
        line.redemption.benefit = service.benefit;
        line.redemption.units = line.redemption.lesson.map_or(Some(1), |lesson| teaching_units(service, lesson))?;
        match service.pricing {
            Pricing::Free => {}
            Pricing::Monthly => line.redemption.cents = service.price_on(line.redemption.day)?,
            Pricing::PerUnit => line.redemption.cents = service.price_on(line.redemption.day)?.times(line.redemption.units),
        }
        Some(line)
    }

    /// What the naive office makes of everything granted and this line.
    fn all_is_accepted_with(&self, line: &ClaimLine) -> (bool, Option<Reason>) {
        let lines: Vec<ClaimLine> = self.granted.iter().map(|(_, line)| line.clone()).chain([line.clone()]).collect();
        let decided = naive::decide(&lines, self.world, None);
        (decided.values().all(|(verdict, _, _)| *verdict == Verdict::Accepted), decided[&line.id].2)
    }
}

/// What the counter's form refuses before it asks: a lesson without time, a meal ahead. A flat is a clerk's question at the office.
fn is_well_formed(line: &ClaimLine) -> bool {
    let r = &line.redemption;
    let at_once = matches!(r.benefit, Benefit::Lunch | Benefit::Tutoring);
    (r.benefit != Benefit::Tutoring || r.lesson.is_some()) && !(at_once && r.day > CivilDay::of(line.at)) && r.service.as_str() != "flat"
}

/// How much was granted and how much refused for what was used before, or what the two disagree about.
fn counter_and_office_agree(world: &World, seeds: &[u64]) -> Result<(usize, usize), String> {
    let key = SecretKey::from_seed([1; 32]);
    let trust = trust(world, &key);
    let mut counter = Counter { world, key, trust, granted: Vec::new() };
    let mut used_before = 0;
    let mut asked: Vec<ClaimLine> = seeds.iter().enumerate().map(|(place, seed)| any_line(1 + place, *seed)).collect();
    asked.sort_by_key(|line| (line.at, line.id));
    for line in asked {
        let known = world.child.tokens.get(&line.redemption.token);
        let (Some(registered), Some(line)) = (known, counter.in_full(line).filter(is_well_formed)) else { continue };
        let bytes = UnverifiedToken::from_bytes(registered.token.seal(&counter.key));
        let entitlement = bytes.verify(std::slice::from_ref(&counter.trust), line.at).map_err(|e| format!("{e:?}"))?;
        let (accepted, reason) = counter.all_is_accepted_with(&line);
        match counter.ask(&line, &entitlement) {
            Ok(grant) => {
                let whole = grant.redemption().cents == line.redemption.cents;
                if whole != accepted {
                    return Err(format!("granted {:?}, all accepted: {accepted}", grant.redemption()));
                }
                let line = ClaimLine { redemption: grant.redemption().clone(), ..line };
                counter.granted.push((grant, line));
            }
            Err(refusal) => {
                let by_memory = matches!(refusal, Refusal::AlreadyRedeemed { .. } | Refusal::LessonOverlap { .. } | Refusal::CeilingReached { .. });
                used_before += usize::from(by_memory);
                if accepted || (!by_memory && reason != Some(refusal.reason())) {
                    return Err(format!("refused {refusal:?}, the office: {accepted} {reason:?}: {line:?}"));
                }
            }
        }
    }
    let lines: Vec<ClaimLine> = counter.granted.iter().map(|(_, line)| line.clone()).collect();
    let short =
        reconcile_child(&lines, &world.child, &world.register()).into_iter().find(|d| d.verdict != Verdict::Accepted || d.cents <= Cents::ZERO);
    short.map_or(Ok((counter.granted.len(), used_before)), |decision| Err(format!("granted, and then {decision:?}")))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_the_counter_grants_the_office_accepts(child: u64, seeds in proptest::collection::vec(any::<u64>(), 0..16)) {
        if let Err(broken) = counter_and_office_agree(&plain(any_world(child)), &seeds) {
            prop_assert!(false, "{}", broken);
        }
    }
}

#[test]
fn the_property_sees_many_grants_and_many_refusals() {
    let mut counted = (0, 0);
    for case in 0..100u64 {
        let seeds: Vec<u64> = (0..16).map(|place| case * 16 + place).collect();
        let (granted, used_before) = counter_and_office_agree(&plain(any_world(case)), &seeds).expect("they agree");
        counted = (counted.0 + granted, counted.1 + used_before);
    }
    assert!(counted.0 > 200 && counted.1 > 50, "{counted:?}");
}

//! The counter's rules in tables, one row a scan, and against a second, naive statement of the ceilings.
#![cfg(feature = "terminal")]

mod town;

use proptest::prelude::*;
use teilhabe::admit::status::Status;
use teilhabe::admit::token::{Allowance, Ceiling};
use teilhabe::terminal::counter::{Answer, Request};
use teilhabe::words::benefit::{Benefit, Measure, Period};
use teilhabe::words::cents::Cents;
use teilhabe::words::civil::CivilDay;
use teilhabe::words::time::UtcMs;
use town::*;

/// Plays the rows of a table: `scan time | card | service and what else is asked | verdict and cents`. Lines with `#` are remarks.
fn play(town: &mut Town, cards: &[(&str, String)], table: &str) {
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let [when, card, asked, expected] = columns[..] else { panic!("four columns: {line}") };
        let code = &cards.iter().find(|(name, _)| *name == card).unwrap_or_else(|| panic!("no card {card}")).1;
        let mut words = asked.split_whitespace();
        let mut request = request(code, words.next().expect("a service"));
        for word in words {
            ask_more(&mut request, word);
        }
        let answer = town.redeem(&request, scan_time(when));
        let told = match &answer {
            Answer::Accepted(accepted) => format!("accepted {}", accepted.cents.get()),
            Answer::Refused(refused) => refused.reason.code().to_owned(),
        };
        assert_eq!(told, expected, "{line}\n{answer:?}");
    }
}

fn ask_more(request: &mut Request, word: &str) {
    let (name, value) = word.split_once('=').expect("name=value");
    match name {
        "day" => request.day = CivilDay::parse(value),
        "cents" => request.cents = value.parse().ok().map(Cents::new),
        "charge" => request.charge = Some(code(value)),
        "by" => request.operator = Some(value.into()),
        "time" => {
            let minute = |text: &str| text[..2].parse::<u32>().expect("hour") * 60 + text[3..].parse::<u32>().expect("minute");
            let (start, end) = value.split_once('-').expect("from-to");
            (request.starts, request.ends) = (Some(minute(start)), Some(minute(end)));
        }
        other => panic!("{other}"),
    }
}

/// `2026-11-23 12:05`, by the clock in Berlin.
fn scan_time(text: &str) -> UtcMs {
    let (date, time) = text.split_once(' ').expect("date and time");
    let minute = time[..2].parse::<u32>().expect("hour") * 60 + time[3..].parse::<u32>().expect("minute");
    day(date).at_minute(minute)
}

#[test]
fn the_service_day_decides_and_validity_comes_first() {
    let mut town = Town::new();
    let card = town.office.token(1, allowances());
    play(
        &mut town,
        &[("k", card)],
        "
        2026-11-23 12:00 | k | lunch                | accepted 450
        2026-11-23 12:05 | k | lunch                | already_redeemed
        # a forgotten day is made up for; the scan's own day does not matter
        2026-11-23 12:06 | k | lunch day=2026-11-20 | accepted 450
        2026-11-23 12:07 | k | lunch day=2026-08-01 | accepted 450
        2026-11-23 12:08 | k | lunch day=2026-07-31 | not_yet_valid
        ",
    );
    town.office.stop(scan_time("2027-01-30 06:00"), &[]);
    town.exchange(scan_time("2027-01-30 06:00"));
    let card = town.office.token(1, allowances());
    play(
        &mut town,
        &[("k", card)],
        "
        2027-01-31 12:00 | k | lunch                | accepted 450
        2027-02-01 12:00 | k | lunch                | expired
        # within the grace of 90 days what was given can still be recorded
        2027-02-01 12:01 | k | lunch day=2027-01-29 | accepted 450
        # validity is said before already redeemed
        2027-02-01 12:02 | k | lunch day=2027-02-01 | expired
        ",
    );
}

#[test]
fn the_claim_window_ends_and_old_news_is_no_news() {
    let mut town = Town::new();
    let card = town.office.token(1, allowances());
    play(
        &mut town,
        &[("k", card.clone())],
        "
        2026-12-22 12:00 | k | lunch | accepted 450
        # the status list is of 23 November, 5:00: red for 30 days, then it is too old to go on
        2026-12-23 12:00 | k | lunch | status_stale
        ",
    );
    town.office.stop(scan_time("2027-05-01 06:00"), &[]);
    town.exchange(scan_time("2027-05-01 06:00"));
    // 90 days of 24 hours after 1 February, 0:00; since then the clocks went an hour ahead.
    play(&mut town, &[("k", card.clone())], "2027-05-02 00:59 | k | lunch day=2027-01-29 | accepted 450");
    play(&mut town, &[("k", card)], "2027-05-02 01:01 | k | lunch day=2027-01-28 | outside_claim_window");
}

#[test]
fn what_the_office_stopped_is_refused_and_each_child_by_itself() {
    let mut town = Town::new();
    let names = ["ended", "paused", "renewed", "fine"];
    let cards: Vec<_> = names.iter().zip(1u8..).map(|(name, number)| (*name, town.office.token(number, allowances()))).collect();
    town.office.stop(noon(), &[(1, Status::Revoked), (2, Status::Suspended), (3, Status::Replaced), (4, Status::Valid)]);
    town.exchange(noon());
    play(
        &mut town,
        &cards,
        "
        2026-11-23 12:10 | ended   | lunch | revoked
        2026-11-23 12:10 | paused  | lunch | suspended
        2026-11-23 12:10 | renewed | lunch | replaced
        2026-11-23 12:10 | fine    | lunch | accepted 450
        ",
    );
}

#[test]
fn a_token_covers_what_it_says_for_whom_it_says() {
    let mut town = Town::new();
    let lunch = |providers: &[u32]| Allowance {
        providers: providers.iter().map(|n| teilhabe::words::ids::ProviderNumber(*n)).collect(),
        ..allowance(Benefit::Lunch, &[ceiling(Period::Day, Measure::Units, 1)])
    };
    let german = Allowance { detail: Some(code("DE")), ..allowance(Benefit::Tutoring, &[ceiling(Period::Validity, Measure::Units, 10)]) };
    let mut bound = town.office.plain_token(teilhabe::words::ids::Handle([9; 8]), teilhabe::words::ids::TokenId([9; 16]), 9, allowances());
    bound.holder_key = Some([7; 32]);
    let cards = [
        ("ours", town.office.token(1, vec![lunch(&[17, 18])])),
        ("theirs", town.office.token(2, vec![lunch(&[18])])),
        ("german", town.office.token(3, vec![german])),
        ("phone", teilhabe::admit::scan::code_text(&bound.seal(&town.office.key))),
        ("foreign", PaperOffice::new("05513000", 4).token(4, allowances())),
        ("cut", town.office.token(5, allowances())[..60].to_owned()),
    ];
    play(
        &mut town,
        &cards,
        "
        2026-11-23 12:00 | ours    | lunch                          | accepted 450
        2026-11-23 12:00 | ours    | judo cents=500                 | wrong_benefit
        2026-11-23 12:00 | theirs  | lunch                          | wrong_provider
        2026-11-23 12:00 | german  | maths time=14:00-14:45         | wrong_benefit
        2026-11-23 12:00 | phone   | lunch                          | holder_proof_missing
        2026-11-23 12:00 | foreign | lunch                          | unknown_key
        2026-11-23 12:00 | cut     | lunch                          | malformed
        2026-11-23 12:00 | ours    | tennis                         | provider_not_admitted
        ",
    );
}

#[test]
fn prices_are_the_agreed_ones_of_the_day() {
    let mut office = PaperOffice::new("05562032", 1);
    let later = teilhabe::words::service::Price { from: day("2026-11-01"), cents: Cents::new(480) };
    office.services[0].prices.push(later);
    office.services[0].prices[0].from = day("2026-09-01");
    let mut town = Town::with(office);
    let card = town.office.token(1, allowances());
    play(
        &mut town,
        &[("k", card)],
        "
        2026-11-23 12:00 | k | lunch                            | accepted 480
        2026-11-23 12:00 | k | lunch day=2026-10-30             | accepted 450
        2026-11-23 12:00 | k | lunch day=2026-08-31             | no_price
        2026-11-23 12:00 | k | lunch day=2026-11-20 cents=480   | accepted 480
        2026-11-23 12:00 | k | lunch day=2026-11-19 cents=450   | no_price
        2026-11-23 12:00 | k | judo                             | no_price
        2026-11-23 12:00 | k | judo cents=1500                  | accepted 1500
        2026-11-23 12:00 | k | choir                            | accepted 1200
        2026-11-23 12:00 | k | choir cents=1300 day=2026-12-01  | no_price
        ",
    );
}

#[test]
fn fees_flats_instalments_and_lessons_have_their_own_slots() {
    let mut town = Town::new();
    let card = town.office.token(1, allowances());
    let sibling = town.office.token(2, allowances());
    play(
        &mut town,
        &[("k", card), ("s", sibling)],
        "
        # two fees of one day are told apart by their charge
        2026-11-23 12:00 | k | judo cents=500                             | accepted 500
        2026-11-23 12:00 | k | judo cents=500                             | already_redeemed
        2026-11-23 12:00 | k | judo cents=500 charge=belt                 | accepted 500
        # a monthly flat is one a month, whatever the day
        2026-11-23 12:00 | k | choir                                      | accepted 1200
        2026-11-23 12:00 | k | choir day=2026-11-02                       | already_redeemed
        2026-11-23 12:00 | k | choir day=2026-12-02                       | accepted 1200
        2026-11-23 12:00 | k | zoo cents=2000                             | accepted 2000
        ",
    );
    let trip = Allowance { detail: Some(code("zoo-26")), ..allowance(Benefit::DayTrip, &[ceiling(Period::Validity, Measure::Cents, 5000)]) };
    let mut both = allowances();
    both.retain(|a| a.benefit != Benefit::DayTrip);
    both.push(trip);
    let card = town.office.token(3, both);
    let tutor_sibling = town.office.token(4, allowances_with_maths());
    let tutored = town.office.token(5, allowances_with_maths());
    play(
        &mut town,
        &[("z", card), ("m", tutored), ("n", tutor_sibling)],
        "
        # a trip is one an instalment, whatever the day; what is above the ceiling is the family's
        2026-11-23 12:00 | z | zoo cents=2000 charge=deposit              | accepted 2000
        2026-11-24 12:00 | z | zoo cents=2000 charge=deposit              | already_redeemed
        2026-11-24 12:00 | z | zoo cents=4000 charge=balance              | accepted 3000
        2026-11-24 12:00 | z | zoo cents=100 charge=correction            | ceiling_reached
        # lessons: whole units of 45 minutes, none overlaps another of the child or the tutor, a group begins and ends together
        2026-11-24 18:00 | m | maths time=14:00-14:45 by=T1               | accepted 2500
        2026-11-24 18:00 | m | maths time=14:00-14:45 by=T1               | already_redeemed
        2026-11-24 18:00 | m | maths time=14:30-15:15 by=T2               | lesson_overlap
        2026-11-24 18:00 | m | maths time=14:45-16:15 by=T1               | accepted 5000
        2026-11-24 18:00 | m | maths time=17:00-17:44 by=T1               | no_price
        2026-11-24 18:00 | n | maths time=14:00-14:45 by=T1               | accepted 2500
        2026-11-24 18:00 | n | maths time=15:00-15:45 by=T1               | lesson_overlap
        2026-11-24 18:00 | n | maths time=15:00-15:45 by=T2               | accepted 2500
        ",
    );
}

fn allowances_with_maths() -> Vec<Allowance> {
    vec![allowance(Benefit::Tutoring, &[ceiling(Period::Validity, Measure::Units, 35)])]
}

#[test]
fn what_was_used_elsewhere_counts() {
    let mut town = Town::new();
    let card = town.office.token(1, allowances());
    let told = |used| teilhabe::deliver::exchange::UsedElsewhere {
        handle: teilhabe::words::ids::Handle([1; 8]),
        benefit: Benefit::Participation,
        measure: Measure::Cents,
        used,
        as_of: noon(),
    };
    town.office.elsewhere = vec![told(8_000)];
    town.exchange(noon());
    play(
        &mut town,
        &[("k", card)],
        "
        2026-11-23 12:10 | k | judo cents=1500              | accepted 1000
        2026-11-23 12:10 | k | judo cents=1500 charge=b     | ceiling_reached
        2026-11-23 12:10 | k | lunch                        | accepted 450
        ",
    );
}

/// One wish of the property test: a day of the approval period (1 August 2026 to 31 January 2027) and an amount.
type Wish = (u32, i64);

/// The ceilings once more, as naively as can be: a set of uses is allowed when every day, week, month, the whole validity, and
/// every stretch from the first month on stays within its amount.
fn allowed(ceilings: &[Ceiling], uses: &[(CivilDay, u64, u64)]) -> bool {
    let (first, last) = (day("2026-08-01"), day("2027-01-31"));
    ceilings.iter().all(|ceiling| {
        let amount_of = |(_, units, cents): &(CivilDay, u64, u64)| if ceiling.measure == Measure::Units { *units } else { *cents };
        let sum = |from: CivilDay, to: CivilDay| -> u64 { uses.iter().filter(|u| u.0 >= from && u.0 <= to).map(amount_of).sum() };
        (0..184).map(|offset| first.plus(offset)).filter(|d| *d <= last).all(|d| match ceiling.period {
            Period::Day => sum(d, d) <= ceiling.amount,
            Period::Week => sum(d.iso_week().monday(), d.iso_week().sunday()) <= ceiling.amount,
            Period::Month => sum(d.month().first_day(), d.month().last_day()) <= ceiling.amount,
            Period::Validity => sum(first, last) <= ceiling.amount,
            Period::Accrued => sum(first, d.month().last_day()) <= ceiling.amount * (u64::from(d.month().since(first.month())) + 1),
        })
    })
}

fn ceilings(measure: Measure, most: u64) -> impl Strategy<Value = Vec<Ceiling>> {
    let one = (0usize..5, 1..=most).prop_map(move |(period, amount)| ceiling(Period::ALL[period], measure, amount));
    proptest::collection::vec(one, 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn meals_fit_exactly_where_the_naive_rule_lets_them(ceilings in ceilings(Measure::Units, 6), days in proptest::collection::vec(0u32..184, 1..25)) {
        let mut town = Town::new();
        let now = scan_time("2027-01-31 20:00");
        town.office.stop(now, &[]);
        town.exchange(now);
        let token = town.office.token(1, vec![allowance(Benefit::Lunch, &ceilings)]);
        let mut uses: Vec<(CivilDay, u64, u64)> = Vec::new();
        for offset in days {
            let on = day("2026-08-01").plus(offset);
            let answer = town.redeem(&Request { day: Some(on), ..request(&token, "lunch") }, now);
            let with = [uses.clone(), vec![(on, 1, 450)]].concat();
            let expected = if uses.iter().any(|u| u.0 == on) {
                "already_redeemed"
            } else if allowed(&ceilings, &with) {
                uses = with;
                "accepted"
            } else {
                "ceiling_reached"
            };
            prop_assert_eq!(verdict(&answer), expected, "{} after {:?} under {:?}", on, uses, ceilings);
        }
    }

    #[test]
    fn fees_are_claimed_as_far_as_the_naive_rule_lets_them(ceilings in ceilings(Measure::Cents, 120), wishes in proptest::collection::vec((0u32..184, 1i64..60), 1..20)) {
        let mut town = Town::new();
        let now = scan_time("2027-01-31 20:00");
        town.office.stop(now, &[]);
        town.exchange(now);
        let token = town.office.token(1, vec![allowance(Benefit::Participation, &ceilings)]);
        let mut uses: Vec<(CivilDay, u64, u64)> = Vec::new();
        let wishes: Vec<Wish> = wishes;
        for (number, (offset, cents)) in wishes.into_iter().enumerate() {
            let on = day("2026-08-01").plus(offset);
            let ask = Request { day: Some(on), cents: Some(Cents::new(cents)), charge: Some(code(&format!("c{number}"))), ..request(&token, "judo") };
            let most = (1..=cents as u64).rev().find(|part| allowed(&ceilings, &[uses.clone(), vec![(on, 1, *part)]].concat()));
            match (town.redeem(&ask, now), most) {
                (Answer::Accepted(accepted), Some(most)) => {
                    prop_assert_eq!(accepted.cents.get() as u64, most, "{} after {:?} under {:?}", on, &uses, &ceilings);
                    prop_assert_eq!(accepted.own_share.get(), cents - most as i64);
                    uses.push((on, 1, most));
                }
                (Answer::Refused(refused), None) => prop_assert_eq!(refused.reason.code(), "ceiling_reached"),
                (answer, most) => prop_assert!(false, "{:?}, but the naive rule says {:?}; {} after {:?} under {:?}", answer, most, on, uses, ceilings),
            }
        }
    }
}

//! Scenarios of what stands and what gives way: slots between providers, rulings, settlements, cancellations.

use super::table::play;

#[test]
fn between_providers_the_home_provider_wins() {
    play(
        "TOKEN A 2026-08 2027-07 home=2
         a 1 lunch 11-23 450 at=11-23T11:00 | pending 0 conflict ~b
         b 2 lunch 11-23 400 at=11-23T12:00 list=11-20 | accepted 400",
    );
}

#[test]
fn then_the_better_data_age_as_the_office_computes_it() {
    play(
        "a 1 lunch 11-23 450 at=11-23T11:00 list=11-20 | pending 0 conflict ~b
         b 2 lunch 11-23 400 at=11-23T12:00 | accepted 400
         c 1 lunch 11-24 450 at=11-24T11:00 list=none | pending 0 conflict ~d
         d 2 lunch 11-24 400 at=11-24T12:00 list=11-18 | accepted 400",
    );
}

#[test]
fn then_the_earlier_time_but_no_earlier_than_the_last_checkpoint() {
    play(
        "a 1 lunch 11-23 450 at=11-23T12:01 | pending 0 conflict ~b
         b 2 lunch 11-23 400 at=11-23T12:00 | accepted 400
         c 1 lunch 11-24 450 at=11-24T08:00 checkpoint=11-24T12:02 | pending 0 conflict ~d
         d 2 lunch 11-24 400 at=11-24T12:01 | accepted 400",
    );
}

#[test]
fn then_the_smaller_hash_of_the_entry() {
    play(
        "a 1 lunch 11-23 450 | accepted 450
         b 2 lunch 11-23 400 | pending 0 conflict ~a
         d 1 lunch 11-24 450 | pending 0 conflict ~c
         c 2 lunch 11-24 400 | accepted 400",
    );
}

#[test]
fn duplicates_of_a_loser_are_duplicates() {
    play(
        "a 1 lunch 11-23 450 at=11-23T12:00 | accepted 450
         b 2 lunch 11-23 400 at=11-23T12:01 | pending 0 conflict ~a
         c 2 lunch 11-23 400 at=11-23T12:02 | rejected 0 duplicate ~b",
    );
}

#[test]
fn what_cannot_be_paid_contests_nothing() {
    play(
        "a 2 lunch 2027-01-04 400 at=2027-01-04T11:00 | rejected 0 provider_not_admitted
         b 1 lunch 2027-01-04 480 at=2027-01-04T12:00 | accepted 480",
    );
}

#[test]
fn ceilings_of_several_providers_are_consumed_by_service_day_then_time_then_hash() {
    play(
        "CEILINGS A participation month:cents:2500
         c 3 judo 11-03 2000 at=11-05T09:00 | reduced 500 ceiling_reached
         b 3 camp 11-02 2000 at=11-06T09:00 | accepted 2000
         a 3 camp 11-04 1000 at=11-04T09:00 | rejected 0 ceiling_reached
         d 3 camp 12-01 3000 | reduced 2500 ceiling_reached",
    );
    play(
        "CEILINGS A participation week:cents:2500
         a 3 camp 11-29 2000 | reduced 500 ceiling_reached
         b 3 camp 11-23 2000 | accepted 2000
         c 3 camp 11-30 2000 | accepted 2000",
    )
}

#[test]
fn what_accrues_holds_at_the_end_of_every_month() {
    play(
        "CEILINGS A participation accrued:cents:1500
         a 3 camp 2026-08-31 2000 | reduced 1500 ceiling_reached
         b 3 camp 2026-10-01 4000 | reduced 2000 ceiling_reached
         c 3 camp 2026-09-01 1000 charge=late received=12-01 | accepted 1000",
    );
}

#[test]
fn a_ruling_pays_nothing_twice() {
    play(
        "a 1 lunch 11-23 450 at=11-23T12:00 | rejected 0 conflict ~b
         b 2 lunch 11-23 400 at=11-23T12:01 ruling=accept | accepted 400",
    );
    play(
        "a 1 lunch 11-23 450 settled=450 | accepted 450
         b 2 lunch 11-23 400 ruling=accept | pending 0 conflict ~a",
    );
    play(
        "a 1 lunch 11-23 450 settled=450 ruling=reject | rejected 0 clerk_decision
         b 2 lunch 11-23 400 ruling=accept | accepted 400",
    );
}

#[test]
fn a_ruling_decides_no_conflict_that_the_clerk_could_not_see() {
    play(
        "a 1 lunch 11-23 450 ruling=accept@11-25T09:00 | accepted 450
         b 2 lunch 11-23 400 received=11-25T08:00 | rejected 0 conflict ~a",
    );
    play(
        "a 1 lunch 11-23 450 ruling=accept@11-25T09:00 | accepted 450
         b 2 lunch 11-23 400 received=11-25T10:00 | pending 0 conflict ~a",
    );
}

#[test]
fn a_ruling_accepts_cuts_or_rejects() {
    play(
        "a 1 lunch 11-23 460 ruling=accept | accepted 460
         b 1 lunch 11-24 450 ruling=cut:300 | reduced 300 clerk_decision
         c 1 lunch 11-25 450 ruling=cut:900 | accepted 450
         d 1 lunch 11-26 450 ruling=cut:0 | rejected 0 clerk_decision
         e 1 lunch 11-27 450 ruling=reject | rejected 0 clerk_decision
         f 1 lunch 11-30 450 journal=journal_gap ruling=accept | accepted 450
         g 1 lunch 12-01   0 ruling=accept | rejected 0 no_price",
    );
}

#[test]
fn a_ruling_pays_nothing_beyond_what_was_granted() {
    play(
        "a 3 camp 11-02 18000 | accepted 18000
         b 3 camp 11-03  1000 ruling=accept | rejected 0 ceiling_reached
         c 4 german 11-23 2500 lesson=14:00-14:45 ruling=accept | rejected 0 wrong_benefit",
    );
}

#[test]
fn a_finding_keeps_its_place_until_a_clerk_has_looked() {
    play(
        "CEILINGS A participation validity:cents:3000
         a 3 camp 11-02 2000 journal=journal_gap | pending 0 journal_gap
         b 3 camp 11-03 2000 | reduced 1000 ceiling_reached",
    );
}

#[test]
fn what_is_settled_stands_until_a_ruling() {
    play(
        "STOP A revoked from=11-01 recorded=11-01T00:00
         a 1 lunch 11-23 450 settled=450 | accepted 450
         b 1 lunch 11-24 460 settled=450 | reduced 450 ceiling_reached
         c 1 lunch 11-25 450 settled=450 ruling=reject | rejected 0 clerk_decision
         d 1 lunch 11-26 450 settled=450 ruling=cut:300 | reduced 300 clerk_decision
         e 1 lunch 11-27 450 | rejected 0 revoked",
    );
}

#[test]
fn a_settled_line_keeps_its_reason() {
    play("a 1 lunch 11-23 460 settled=450 | reduced 450 price_differs");
}

#[test]
fn a_line_settled_at_nothing_is_decided_again() {
    play(
        "a 1 lunch 11-23 450 settled=0 | accepted 450
         b 1 lunch 11-24 450 settled=0 token=X | pending 0 unknown_token",
    );
}

#[test]
fn a_ruling_from_before_the_settlement_does_not_give_the_money_away_again() {
    play(
        "CEILINGS A participation validity:cents:2000
         a 3 camp 11-03 2000 journal=journal_gap ruling=accept settled=2000 | accepted 2000
         b 3 camp 11-02 2000 | rejected 0 ceiling_reached",
    );
    play(
        "CEILINGS A tutoring validity:units:3
         a 4 maths 11-03 2600 lesson=14:00-14:45 settled=2500 ruling=accept | accepted 2600
         b 4 maths 11-02 2500 lesson=14:00-14:45 | accepted 2500
         c 4 maths 11-01 2500 lesson=14:00-14:45 settled=2500 | accepted 2500
         d 4 maths 11-04 2500 lesson=14:00-14:45 | rejected 0 ceiling_reached",
    );
}

#[test]
fn the_settled_line_wins_its_slot_whatever_comes_later() {
    play(
        "TOKEN A 2026-08 2027-07 home=2
         a 1 lunch 11-23 450 at=11-23T12:01 settled=450 list=11-18 | accepted 450
         b 2 lunch 11-23 400 at=11-23T12:00 | pending 0 conflict ~a
         c 1 lunch 11-23 450 at=11-23T12:00 | rejected 0 duplicate ~a",
    );
}

#[test]
fn two_settled_lines_of_one_slot_both_stand_until_a_ruling() {
    play(
        "a 1 lunch 11-23 450 settled=450 | accepted 450
         b 2 lunch 11-23 400 settled=400 | accepted 400",
    );
}

#[test]
fn a_cancellation_before_settlement_comes_to_nothing_and_frees_the_slot() {
    play(
        "a 1 lunch 11-23 450 at=11-23T12:00 cancelled | accepted 0 storno=0
         b 1 lunch 11-23 450 at=11-23T12:01 | accepted 450",
    );
}

#[test]
fn a_cancellation_after_settlement_takes_the_money_back_and_the_loser_is_decided_again() {
    play(
        "a 1 lunch 11-23 450 at=11-23T12:00 cancelled settled=450 | accepted 450 storno=-450
         b 2 lunch 11-23 400 at=11-23T12:01 | accepted 400",
    );
}

#[test]
fn a_cancellation_frees_exactly_what_the_line_took() {
    play(
        "CEILINGS A participation validity:cents:3000
         a 3 camp 11-02 2000 cancelled settled=2000 | accepted 2000 storno=-2000
         b 3 camp 11-03 2000 | accepted 2000
         c 3 camp 11-04 2000 | reduced 1000 ceiling_reached",
    );
}

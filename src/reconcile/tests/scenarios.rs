//! One scenario a rule, in the words of `table`.

use super::table::play;

#[test]
fn a_meal_as_agreed_is_paid() {
    play(
        "a 1 lunch 11-23      450 | accepted 450
         b 2 lunch 11-24      400 | accepted 400
         c 1 lunch 2027-01-04 480 | accepted 480",
    );
}

#[test]
fn the_agreed_price_of_the_day_is_the_most() {
    play(
        "a 1 lunch 11-23      460 | reduced 450 price_differs
         b 1 lunch 11-24      300 | accepted 300
         c 1 lunch 2027-01-04 450 | accepted 450
         d 1 lunch 11-25      900 units=2 | reduced 450 price_differs
         e 1 lunch 11-26        0 | rejected 0 no_price
         f 1 flat  12-01     6100 | reduced 6000 price_differs",
    );
}

#[test]
fn a_provider_is_admitted_for_a_service_from_day_to_day() {
    play(
        "a 2 lunch 12-30      400 | accepted 400
         b 2 lunch 2027-01-04 400 | rejected 0 provider_not_admitted
         c 9 lunch 11-23      400 | rejected 0 provider_not_admitted
         d 2 judo  11-23     2000 | rejected 0 provider_not_admitted",
    );
}

#[test]
fn a_service_must_be_what_the_token_grants() {
    play(
        "a 4 german 11-23 2500 lesson=14:00-14:45 | rejected 0 wrong_benefit
         b 1 lunch  11-23  450 benefit=participation | rejected 0 wrong_benefit",
    );
    play(
        "TOKEN A 2026-08 2027-07 only=2
         a 1 lunch 11-23 450 | rejected 0 wrong_provider
         b 2 lunch 11-23 400 | accepted 400",
    );
}

#[test]
fn a_token_that_was_never_issued_is_a_finding() {
    play(
        "a 1 lunch 11-23 450 token=X | pending 0 unknown_token
         b 1 lunch 11-24 450 child=z | pending 0 unknown_token
         c 1 lunch 11-25 450 token=X ruling=accept | rejected 0 unknown_token
         d 1 lunch 11-26 450 token=X ruling=reject | rejected 0 clerk_decision",
    );
}

#[test]
fn a_revocation_binds_from_the_exchange_after_which_it_could_be_known() {
    play(
        "STOP A revoked from=11-20 recorded=11-20T10:00
         a 1 lunch 11-19 450 | accepted 450
         b 1 lunch 11-20 450 exchanged=11-20T08:00 list=11-20T08:00 | accepted 450
         c 1 lunch 11-23 450 exchanged=11-19T08:00 list=11-19T08:00 | accepted 450
         d 1 lunch 11-24 450 exchanged=11-20T10:00 list=11-19T08:00 | rejected 0 revoked
         e 1 lunch 11-25 450 exchanged=11-19T08:00 list=11-20T10:00 | rejected 0 revoked
         f 1 lunch 12-07 450 exchanged=11-19T08:00 list=11-19T08:00 | rejected 0 revoked",
    );
}

#[test]
fn a_revocation_recorded_late_is_held_against_nobody_before_it_was_known() {
    play(
        "STOP A revoked from=10-01 recorded=11-20T10:00
         a 1 lunch 10-05 450 | accepted 450
         b 1 lunch 11-23 450 | rejected 0 revoked",
    );
}

#[test]
fn a_stop_from_a_later_day_on_is_known_when_a_list_of_that_day_names_it() {
    play(
        "STOP A revoked from=11-20 recorded=11-18T10:00
         a 1 lunch 11-19 450 exchanged=11-19T08:00 list=11-19T08:00 | accepted 450
         b 1 lunch 11-20 450 exchanged=11-19T20:00 list=11-19T20:00 | accepted 450
         c 1 lunch 11-23 450 exchanged=11-20T06:00 list=11-19T20:00 | rejected 0 revoked
         d 1 lunch 11-24 450 exchanged=11-19T20:00 list=11-20T00:00 | rejected 0 revoked
         e 1 lunch 12-07 450 exchanged=11-19T20:00 list=11-19T20:00 | rejected 0 revoked",
    );
}

#[test]
fn a_suspension_is_a_finding_until_it_is_lifted() {
    play(
        "STOP A suspended from=11-02 until=11-06 recorded=11-01T10:00
         a 1 lunch 10-30 450 | accepted 450
         b 1 lunch 11-06 450 | pending 0 suspended
         c 1 lunch 11-09 450 | accepted 450",
    );
}

#[test]
fn what_was_redeemed_on_a_lost_card_is_paid_and_counts_against_the_new_one() {
    play(
        "TOKEN B 2026-08 2027-07
         STOP A replaced from=11-10 recorded=11-10T09:00
         CEILINGS A participation validity:cents:5000
         CEILINGS B participation validity:cents:5000
         a 3 judo 11-02 2000 received=12-20 | accepted 2000
         b 3 judo 11-12 2000 token=B | accepted 2000
         c 3 judo 11-16 2000 token=B | reduced 1000 ceiling_reached
         d 3 judo 11-17 2000 | rejected 0 replaced
         e 1 lunch 11-09 450 | accepted 450
         f 2 lunch 11-09 400 token=B at=11-09T12:30 | pending 0 conflict ~e",
    );
}

#[test]
fn the_service_day_lies_in_the_approval_period() {
    play(
        "a 3 judo 2026-08-01 2000 | accepted 2000
         b 3 judo 2027-07-31 2000 | accepted 2000
         c 3 judo 2027-08-01 2000 | rejected 0 expired
         d 3 judo 2027-08-01 2000 charge=x ruling=accept | rejected 0 expired",
    );
    play(
        "TOKEN A 2026-09 2027-07
         a 3 judo 2026-08-31 2000 | rejected 0 not_yet_valid",
    );
}

#[test]
fn the_claim_window_opens_again_for_a_token_issued_late() {
    play(
        "TOKEN A 2026-08 2026-08
         a 1 lunch 08-10 450 at=11-29T22:59 received=11-29T22:59 list=11-20 | accepted 450
         b 1 lunch 08-11 450 at=11-29T23:00 list=11-20 | rejected 0 outside_claim_window
         c 1 lunch 08-12 450 at=08-12T12:00 received=11-29T23:00 | pending 0 late",
    );
    play(
        "TOKEN A 2026-08 2026-08 issued=2027-02-01T09:00
         a 1 lunch 08-10 450 at=2027-05-01T09:00 list=2027-05-01 | accepted 450
         b 1 lunch 08-11 450 at=2027-05-02T10:00 list=2027-05-01 | rejected 0 outside_claim_window",
    );
}

#[test]
fn free_amounts_and_the_familys_own_share() {
    play(
        "a 3 camp 11-02 17000 | accepted 17000
         b 3 camp 11-03  2500 | reduced 1000 ceiling_reached
         c 3 judo 11-04  2000 | rejected 0 ceiling_reached",
    );
}

#[test]
fn two_fees_of_a_day_are_told_apart_by_their_charge() {
    play(
        "a 3 camp 11-02 1000 charge=travel | accepted 1000
         b 3 camp 11-02 1000 charge=food | accepted 1000
         c 3 camp 11-02 1000 charge=food at=11-02T13:00 | rejected 0 duplicate ~b",
    );
}

#[test]
fn a_trip_is_paid_in_instalments_before_it_takes_place() {
    play(
        "a 3 sylt 2027-01-15 10000 charge=deposit at=11-23T10:00 list=11-23 | accepted 10000
         b 3 sylt 2027-03-15 15000 charge=balance at=11-23T10:01 list=11-23 | accepted 15000
         c 3 sylt 2027-04-15 15000 charge=balance at=11-23T10:02 list=11-23 | rejected 0 duplicate ~b
         d 3 sylt 2027-05-15  9000 charge=final   at=11-23T10:03 list=11-23 | reduced 5000 ceiling_reached
         e 3 zoo  11-30       5500 | reduced 5000 ceiling_reached",
    );
}

#[test]
fn only_whole_units_of_lessons_really_given_are_paid() {
    play(
        "a 4 maths 11-23 5000 units=2 lesson=14:00-15:30 | accepted 5000
         b 4 maths 11-24 5000 units=2 lesson=14:00-14:50 | reduced 2500 price_differs
         c 4 maths 11-25 2500 units=1 lesson=14:00-14:30 | rejected 0 no_price
         d 4 maths 11-26 2500 units=1 | rejected 0 malformed
         e 4 maths 11-27 2500 units=1 lesson=14:00-14:45 | rejected 0 ceiling_reached
         f 4 maths 11-30 2500 units=1 lesson=14:00-14:45 | accepted 2500",
    );
    play(
        "CEILINGS A tutoring month:minutes:100
         a 4 maths 11-23 5000 units=2 lesson=14:00-15:30 | accepted 5000
         b 4 maths 11-24 2500 units=1 lesson=14:00-14:45 | rejected 0 ceiling_reached
         c 4 maths 12-01 5000 units=9 lesson=14:00-15:30 | accepted 5000",
    );
}

#[test]
fn a_child_and_a_tutor_are_in_one_lesson_at_a_time() {
    play(
        "a 4 maths 11-23 2500 lesson=14:00-14:45 | accepted 2500
         b 5 maths 11-23 2500 lesson=14:30-15:15 at=11-23T12:10 | pending 0 lesson_overlap ~a
         c 5 maths 11-24 2500 lesson=14:00-14:45 tutor=z | pending 0 lesson_overlap ~z
         d 4 maths 11-30 2500 lesson=14:00-14:45 | accepted 2500
         e 4 maths 11-30 2500 lesson=14:45-15:30 | accepted 2500",
    );
}

#[test]
fn a_settled_lesson_makes_the_one_beside_it_doubtful_whichever_came_first() {
    play(
        "a 4 maths 11-23 2500 lesson=14:00-14:45 at=11-23T11:00 | pending 0 lesson_overlap ~b
         b 5 maths 11-23 2500 lesson=14:30-15:15 settled=2500 | accepted 2500",
    );
}

#[test]
fn a_flat_and_a_single_meal_of_one_month_are_a_question() {
    play(
        "a 1 flat  11-01 6000 | accepted 6000
         b 2 lunch 11-23  400 | pending 0 overlap ~a
         c 2 lunch 12-01  400 | accepted 400
         d 1 flat  11-02 6000 | rejected 0 duplicate ~a
         e 2 flat  11-03 5000 | pending 0 overlap ~a",
    );
    play(
        "a 1 flat  11-30 6000 | pending 0 overlap ~b
         b 2 lunch 11-23  400 settled=400 | accepted 400
         c 2 lunch 11-24  400 | pending 0 overlap ~a",
    );
    play(
        "a 1 flat  11-30 6000 settled=6000 | accepted 6000
         b 2 lunch 11-23  400 settled=400 ruling=accept | accepted 400",
    );
}

#[test]
fn calendars_and_meals_on_order_are_questions() {
    play(
        "CLOSED 1 11-23
         a 1 lunch 11-23 450 | pending 0 not_a_service_day
         b 1 lunch 11-24 450 at=11-23T12:00 | pending 0 not_a_service_day
         c 3 judo  11-24 2000 at=11-23T12:00 list=11-23T00:00 | accepted 2000
         d 1 lunch 11-25 450 at=11-25T00:00 | accepted 450",
    );
}

#[test]
fn a_meal_at_the_weekend_or_on_a_holiday_is_a_question_and_a_club_is_not_bound_to_it() {
    play(
        "OPEN 1 12-05
         a 1 lunch 11-28 450 | pending 0 not_a_service_day
         b 1 lunch 11-29 450 | pending 0 not_a_service_day
         c 1 lunch 12-25 450 | pending 0 not_a_service_day
         d 1 lunch 12-05 450 | accepted 450
         e 3 judo  11-28 2000 | accepted 2000
         f 4 maths 11-28 2500 lesson=14:00-14:45 | accepted 2500
         g 2 flat  10-03 5000 | accepted 5000
         h 1 lunch 12-06 450 ruling=accept | accepted 450",
    );
}

#[test]
fn schools_and_day_care_centres_have_holidays_of_their_own() {
    play(
        "CLOSED school 10-17..10-31
         CLOSED * 12-24
         OPEN 1 10-21
         CLOSED 4 10-22
         a 1 lunch 10-19 450 | pending 0 not_a_service_day
         b 2 lunch 10-19 400 at=10-19T12:01 | pending 0 conflict ~a
         c 2 lunch 10-20 400 | accepted 400
         d 1 lunch 10-21 450 | accepted 450
         e 2 lunch 12-24 400 | pending 0 not_a_service_day
         f 4 maths 10-22 2500 lesson=14:00-14:45 | pending 0 not_a_service_day
         g 4 maths 12-24 2500 lesson=14:00-14:45 | accepted 2500",
    );
}

#[test]
fn what_the_office_paid_itself_counts() {
    play(
        "DEBIT participation 10-01 10-31 17000
         a 3 camp 11-02  500 | accepted 500
         b 3 camp 11-03 1000 | reduced 500 self_paid
         c 3 camp 11-04  500 | rejected 0 self_paid",
    );
    play(
        "DEBIT lunch 11-02 11-06 2250
         a 1 lunch 11-04 450 | pending 0 self_paid
         b 1 lunch 11-09 450 | accepted 450",
    );
}

#[test]
fn evidence_that_cannot_be_is_a_finding() {
    play(
        "a 1 lunch 11-23 450 list=10-23 | pending 0 status_stale
         b 1 lunch 11-24 450 list=10-26 | accepted 450
         c 1 lunch 11-25 450 list=none | accepted 450
         d 1 lunch 11-26 450 at=11-26T12:11 received=11-26T12:00 | pending 0 clock_suspect
         e 1 lunch 11-27 450 at=11-27T12:10 received=11-27T12:00 | accepted 450
         f 1 lunch 11-30 450 journal=journal_gap | pending 0 journal_gap
         g 1 lunch 12-01 450 journal=journal_forked | pending 0 journal_forked",
    );
}

#[test]
fn one_provider_is_paid_once_for_one_thing_and_the_earlier_stays() {
    play(
        "a 1 lunch 11-23 450 at=11-23T12:01 | rejected 0 duplicate ~b
         b 1 lunch 11-23 450 at=11-23T12:00 | accepted 450
         c 1 lunch 11-23 450 at=11-23T11:00 checkpoint=11-23T12:02 | rejected 0 duplicate ~b",
    );
    play(
        "a 1 lunch 11-23 450 at=11-23T12:01 ruling=accept | accepted 450
         b 1 lunch 11-23 450 at=11-23T12:00 | rejected 0 duplicate ~a",
    );
}

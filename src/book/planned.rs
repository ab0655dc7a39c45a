//! The planned time of a lesson, read off the scans at its start and at its end (formats § 4: "start as planned").
//!
//! Lessons are agreed for a quarter hour and scanned a little before or after it. Close enough counts as planned, yet a lesson is never
//! paid for more units than were scanned, give or take [`SLACK`] minutes in all.

use super::slot::Lesson;

/// How many minutes a scan may lie beside the planned time to count as that time.
pub const SLACK: u32 = 5;
/// Lessons are planned to begin at a multiple of so many minutes.
pub const QUARTER: u32 = 15;
/// The minutes of a civil day.
const DAY: u32 = 1440;

/// The planned start of a lesson whose start was scanned in minute `scan`, after whatever kept the child or the tutor until `free_from`.
pub const fn planned_start(scan: u32, free_from: u32) -> u32 {
    let nearest = (scan + QUARTER / 2) / QUARTER * QUARTER;
    let planned = if nearest < DAY && nearest.abs_diff(scan) <= SLACK { nearest } else { scan };
    if planned < free_from && free_from <= scan { free_from } else { planned }
}

/// The lesson that was planned for `start`, scanned in at `began` and out at `scan`, in units of `unit` minutes; none before it has begun.
/// The end counts as planned where it is close enough and the child was there for that long, give or take [`SLACK`].
pub fn planned_lesson(start: u32, began: u32, scan: u32, unit: u32) -> Option<Lesson> {
    let units = (scan + SLACK).saturating_sub(start).checked_div(unit)?;
    let length = units.saturating_mul(unit);
    let end = start.saturating_add(length);
    let was_there = length <= scan.saturating_sub(began).saturating_add(SLACK);
    let is_planned = length > 0 && was_there && end.abs_diff(scan) <= SLACK && end <= DAY;
    Lesson::new(start, if is_planned { end } else { scan })
}

/// In how many minutes a scan at the end makes the first unit full, as seen in minute `scan`; none when the day ends before.
pub fn minutes_to_unit(start: u32, began: u32, scan: u32, unit: u32) -> Option<u32> {
    let full = |after: &u32| planned_lesson(start, began, scan + after, unit).is_some_and(|lesson| lesson.minutes() >= u64::from(unit));
    (0..=DAY.saturating_sub(scan)).find(full)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_scan_close_to_a_quarter_hour_counts_as_planned() {
        let rows = [
            (840, 0, 840),
            (845, 0, 840),
            (846, 0, 846),
            (847, 0, 847),
            (849, 0, 849),
            (850, 0, 855),
            (835, 0, 840),
            (834, 0, 834),
            (2, 0, 0),
            (1439, 0, 1439),
            // the child is free only from 14:02 on: that is when the lesson begins
            (844, 842, 842),
            (844, 840, 840),
            // still within another lesson: nothing is moved, the overlap is refused elsewhere
            (844, 850, 840),
        ];
        for (scan, free_from, start) in rows {
            assert_eq!(planned_start(scan, free_from), start, "scanned at {scan}, free from {free_from}");
        }
    }

    #[test]
    fn an_end_close_to_a_whole_unit_counts_as_planned() {
        // start planned, start scanned, end scanned, end counted; units of 45 minutes
        let rows = [
            (840, 840, 885, Some(885)),
            (840, 840, 890, Some(885)),
            (840, 840, 891, Some(891)),
            (840, 840, 880, Some(885)),
            (840, 840, 879, Some(879)),
            (840, 837, 881, Some(885)),
            // five minutes late in and five minutes early out are ten together: no whole unit
            (840, 845, 880, Some(880)),
            (840, 845, 885, Some(885)),
            (840, 840, 928, Some(930)),
            (840, 840, 975, Some(975)),
            (840, 840, 840, None),
            (840, 838, 839, None),
            (1395, 1395, 1439, Some(1440)),
        ];
        for (start, began, scan, end) in rows {
            let lesson = planned_lesson(start, began, scan, 45);
            assert_eq!(lesson.map(|l| l.end), end, "{start} {began} {scan}");
        }
        assert_eq!(planned_lesson(840, 840, 900, 0), None, "no unit, no lesson");
    }

    #[test]
    fn a_running_lesson_says_when_it_is_full() {
        assert_eq!(minutes_to_unit(840, 840, 850, 45), Some(30), "14:40 is close enough to 14:45");
        assert_eq!(minutes_to_unit(840, 845, 850, 45), Some(35), "who came late stays longer");
        assert_eq!(minutes_to_unit(1430, 1430, 1431, 45), None);
    }

    proptest! {
        #[test]
        fn never_more_units_than_minutes_and_never_backwards(began in 0u32..1440, more in 0u32..300, unit in 1u32..=120, free_from in 0u32..1440) {
            let start = planned_start(began, free_from);
            let scan = (began + more).min(1439);
            prop_assert!(start < 1440 && start.abs_diff(began) <= SLACK);
            prop_assert!(start >= free_from || free_from > began, "no lesson begins before the child is free");
            if let Some(lesson) = planned_lesson(start, began, scan, unit) {
                prop_assert!(lesson.start == start && lesson.end <= 1440 && lesson.end.abs_diff(scan) <= SLACK);
                prop_assert!(lesson.minutes() / u64::from(unit) <= u64::from((scan - began + SLACK) / unit));
            }
        }
    }
}

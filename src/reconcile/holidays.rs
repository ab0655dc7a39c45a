//! Public holidays of the sixteen Länder, by rule. What only some communities keep (Fronleichnam in Sachsen and Thüringen, Mariä
//! Himmelfahrt in Bayern, the Augsburger Friedensfest), and what a Land kept once (Berlin on 8 May 2025 and 17 June 2028), is a row of
//! the office's calendar. Held day by day from 2019 to 2040 against the PyPI package `holidays` 0.109.

use crate::words::civil::CivilDay;
use crate::words::ids::OfficeId;

/// A Land, named by the first two digits of its communities' official key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Land(u8);

/// Holidays of some Länder on a fixed date: month, day, Länder, the first year.
const SOME: [(u32, u32, &[u8], i32); 8] = [
    // Heilige Drei Könige: BW FTG § 1, BY FTG Art. 1, ST FeiertG § 2.
    (1, 6, &[8, 9, 15], 0),
    // Frauentag: BE Feiertagsgesetz § 1 (2019), MV FTG § 2 (2023).
    (3, 8, &[11], 2019),
    (3, 8, &[13], 2023),
    // Mariä Himmelfahrt: SL SFG § 2.
    (8, 15, &[10], 0),
    // Weltkindertag: TH ThürFtG § 2 (2019).
    (9, 20, &[16], 2019),
    // Reformationstag: BB, MV, SN, ST, TH; HB, HH, NI, SH since 2018.
    (10, 31, &[12, 13, 14, 15, 16], 0),
    (10, 31, &[1, 2, 3, 4], 2018),
    // Allerheiligen: BW, BY, NW FeiertagsG § 2, RP LFtG § 2, SL.
    (11, 1, &[5, 7, 8, 9, 10], 0),
];
/// Fronleichnam: BW, BY, HE HFeiertagsG § 1, NW, RP, SL.
const CORPUS_CHRISTI: [u8; 6] = [5, 6, 7, 8, 9, 10];
/// Buß- und Bettag, the Wednesday before 23 November: SN SächsSFG § 1.
const REPENTANCE: u8 = 14;

impl Land {
    /// The Land in which an office lies.
    pub fn of(office: &OfficeId) -> Option<Self> {
        office.as_str().get(..2)?.parse().ok().filter(|number| (1..=16).contains(number)).map(Self)
    }

    /// Its name.
    pub const fn german(self) -> &'static str {
        match self.0 {
            1 => "Schleswig-Holstein",
            2 => "Hamburg",
            3 => "Niedersachsen",
            4 => "Bremen",
            5 => "Nordrhein-Westfalen",
            6 => "Hessen",
            7 => "Rheinland-Pfalz",
            8 => "Baden-Württemberg",
            9 => "Bayern",
            10 => "Saarland",
            11 => "Berlin",
            12 => "Brandenburg",
            13 => "Mecklenburg-Vorpommern",
            14 => "Sachsen",
            15 => "Sachsen-Anhalt",
            _ => "Thüringen",
        }
    }

    /// Whether the whole Land keeps `day` as a public holiday. Easter Sunday and Whit Sunday are Sundays anyway.
    pub fn keeps(self, day: CivilDay) -> bool {
        let (year, month, of_month) = day.ymd();
        // The whole federation: New Year, 1 May, 3 October (Einigungsvertrag Art. 2), both days of Christmas.
        if [(1, 1), (5, 1), (10, 3), (12, 25), (12, 26)].contains(&(month, of_month)) {
            return true;
        }
        let fixed = |(m, d, lands, since): &(u32, u32, &[u8], i32)| (*m, *d) == (month, of_month) && year >= *since && lands.contains(&self.0);
        let Some(easter) = easter(year) else { return false };
        // Good Friday, Easter Monday, Ascension, Whit Monday.
        let movable = day == easter.minus(2) || [1, 39, 50].iter().any(|after| day == easter.plus(*after));
        let corpus_christi = CORPUS_CHRISTI.contains(&self.0) && day == easter.plus(60);
        let repentance = self.0 == REPENTANCE && month == 11 && (16..=22).contains(&of_month) && day == day.iso_week().monday().plus(2);
        movable || corpus_christi || repentance || SOME.iter().any(fixed)
    }
}

/// Easter Sunday of a year of the Gregorian calendar (Meeus, Astronomical Algorithms, ch. 8).
fn easter(year: i32) -> Option<CivilDay> {
    let (a, b, c) = (year % 19, year / 100, year % 100);
    let (d, e, g) = (b / 4, b % 4, (8 * b + 13) / 25);
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let n = h + l - 7 * m + 114;
    CivilDay::from_ymd(year, u32::try_from(n / 31).ok()?, u32::try_from(n % 31 + 1).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(office: &str, year: i32) -> Vec<String> {
        let land = Land::of(&OfficeId::parse(office).expect("an id")).expect("a Land");
        let first = CivilDay::from_ymd(year, 1, 1).expect("a day");
        (0..366).map(|n| first.plus(n)).filter(|day| day.ymd().0 == year && land.keeps(*day)).map(|day| day.to_string()[5..].to_owned()).collect()
    }

    #[test]
    fn north_rhine_westphalia_keeps_eleven_days() {
        let expected = ["01-01", "04-03", "04-06", "05-01", "05-14", "05-25", "06-04", "10-03", "11-01", "12-25", "12-26"];
        assert_eq!(kept("05562032", 2026), expected);
    }

    #[test]
    fn every_land_keeps_its_own_days() {
        let federal = ["01-01", "03-26", "03-29", "05-01", "05-06", "05-17", "10-03", "12-25", "12-26"];
        let own = |office: &str| -> Vec<String> { kept(office, 2027).into_iter().filter(|day| !federal.contains(&day.as_str())).collect() };
        assert_eq!(own("01001000"), ["10-31"]);
        assert_eq!(own("06412000"), ["05-27"]);
        assert_eq!(own("08111000"), ["01-06", "05-27", "11-01"]);
        assert_eq!(own("10041100"), ["05-27", "08-15", "11-01"]);
        assert_eq!(own("11000000"), ["03-08"]);
        assert_eq!(own("13003000"), ["03-08", "10-31"]);
        assert_eq!(own("14612000"), ["10-31", "11-17"]);
        assert_eq!(own("15003000"), ["01-06", "10-31"]);
        assert_eq!(own("16051000"), ["09-20", "10-31"]);
    }

    #[test]
    fn a_key_outside_the_lander_has_no_holidays() {
        assert_eq!(Land::of(&OfficeId::parse("99999999").expect("an id")), None);
    }
}

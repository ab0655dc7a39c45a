//! Charts as inline SVG that screen readers can name, each over the table that holds its figures.

use crate::words::cents::Cents;
use std::fmt::Write;

/// The size of a chart's drawing; the page scales it.
const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 230.0;
/// Room for the scale at the left, the names below, and a little air above and at the right.
const LEFT: f64 = 82.0;
const BELOW: f64 = 34.0;
const ABOVE: f64 = 12.0;
const RIGHT: f64 = 8.0;
/// About how many lines the scale has.
const STEPS: i64 = 4;
/// The most names that fit below; of more only every second, third … is written.
const NAMES: usize = 6;

/// What the values of a chart are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Cents.
    Money,
    /// So many of a hundred.
    Percent,
    /// Days.
    Days,
}

impl Unit {
    /// A value as people read it.
    pub fn text(self, value: i64) -> String {
        match self {
            Self::Money => Cents::new(value).to_string(),
            Self::Percent => format!("{value} %"),
            Self::Days => format!("{value} Tage"),
        }
    }

    /// A value of the scale, short: whole euros.
    fn short(self, value: i64) -> String {
        match self {
            Self::Money => format!("{} €", thousands(value / 100)),
            Self::Days => thousands(value),
            Self::Percent => self.text(value),
        }
    }
}

/// `140.000`.
pub fn thousands(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('.');
        }
        text.push(digit);
    }
    if value < 0 { format!("−{text}") } else { text }
}

/// One kind of bars.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its name.
    pub name: &'static str,
    /// Its colour and pattern: `s1` to `s5` in the style sheet.
    pub class: &'static str,
}

/// Bars over columns; those of one column stand on each other or side by side.
#[derive(Clone, Debug)]
pub struct Chart {
    /// A word that is an id of its own on the page.
    pub key: &'static str,
    /// What it shows.
    pub title: &'static str,
    /// One or two sentences: how to read it.
    pub words: String,
    /// What the columns are, for the table.
    pub column: &'static str,
    /// What the values are.
    pub unit: Unit,
    /// The kinds of bars.
    pub series: Vec<Series>,
    /// Name of each column and one value for each series; none where nothing is known.
    pub columns: Vec<(String, Vec<Option<i64>>)>,
    /// Whether the bars of a column stand on each other.
    pub stacked: bool,
}

impl Chart {
    /// Whether there is nothing to draw.
    pub fn is_empty(&self) -> bool {
        self.columns.iter().all(|(_, values)| values.iter().all(|value| value.unwrap_or(0) == 0))
    }

    /// A value of the table.
    pub fn text(&self, value: &Option<i64>) -> String {
        value.map_or_else(|| "–".to_owned(), |value| self.unit.text(value))
    }

    fn height(&self, values: &[Option<i64>]) -> i64 {
        let known = values.iter().flatten().map(|value| (*value).max(0));
        if self.stacked { known.sum() } else { known.max().unwrap_or(0) }
    }

    /// The drawing. Names come from the program or are escaped; the classes carry all colours, so that they follow the page's.
    pub fn svg(&self) -> String {
        let step = nice_step(self.columns.iter().map(|(_, values)| self.height(values)).max().unwrap_or(0));
        let top = step * (self.columns.iter().map(|(_, values)| self.height(values)).max().unwrap_or(0) + step - 1).div_euclid(step).max(1);
        let y = |value: i64| HEIGHT - BELOW - (HEIGHT - BELOW - ABOVE) * value as f64 / top as f64;
        let mut svg = format!(
            "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"{0}-title\" aria-describedby=\"{0}-words\" focusable=\"false\">",
            self.key
        );
        for line in 0..=top / step {
            let (at, value) = (y(line * step), self.unit.short(line * step));
            let (name_x, name_y, end) = (LEFT - 8.0, at + 4.0, WIDTH - RIGHT);
            let _ = write!(svg, "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{end}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>");
            let _ = write!(svg, "<text class=\"scale\" text-anchor=\"end\" x=\"{name_x}\" y=\"{name_y:.1}\">{value}</text>");
        }
        let slot = (WIDTH - LEFT - RIGHT) / self.columns.len().max(1) as f64;
        let every = self.columns.len().div_ceil(NAMES).max(1);
        for (index, (name, values)) in self.columns.iter().enumerate() {
            let x = LEFT + slot * index as f64;
            self.bars(&mut svg, x, slot, values, &y);
            if index % every == 0 {
                let (middle, base) = (x + slot / 2.0, HEIGHT - 12.0);
                let _ = write!(svg, "<text class=\"name\" text-anchor=\"middle\" x=\"{middle:.1}\" y=\"{base}\">{}</text>", escaped(name));
            }
        }
        svg + "</svg>"
    }

    fn bars(&self, svg: &mut String, x: f64, slot: f64, values: &[Option<i64>], y: &impl Fn(i64) -> f64) {
        let room = slot * 0.72;
        let width = if self.stacked { room } else { room / self.series.len().max(1) as f64 };
        let mut below = 0;
        for (index, (series, value)) in self.series.iter().zip(values).enumerate() {
            let value = value.unwrap_or(0).max(0);
            let (bottom, left) = if self.stacked { (below, x + slot * 0.14) } else { (0, x + slot * 0.14 + width * index as f64) };
            let (up, down) = (y(bottom + value), y(bottom));
            if value > 0 {
                let height = (down - up).max(1.0);
                let _ = write!(
                    svg,
                    "<rect class=\"{}\" x=\"{left:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>",
                    series.class,
                    down - height
                );
            }
            below += value;
        }
    }
}

/// The distance of the scale's lines: 1, 2 or 5 times a power of ten.
fn nice_step(most: i64) -> i64 {
    let wanted = (most / STEPS).max(1);
    let power = 10_i64.pow(wanted.ilog10());
    [1, 2, 5, 10].into_iter().map(|factor| factor * power).find(|step| *step >= wanted).unwrap_or(10 * power)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(columns: Vec<(String, Vec<Option<i64>>)>, stacked: bool) -> Chart {
        let series = vec![Series { name: "gezahlt", class: "s1" }, Series { name: "offen", class: "s2" }];
        let words = "Je höher, desto mehr.".to_owned();
        Chart { key: "money", title: "Geld", words, column: "Monat", unit: Unit::Money, series, columns, stacked }
    }

    #[test]
    fn a_scale_has_round_steps() {
        for (most, step) in [(0, 1), (3, 1), (9, 2), (17, 5), (40, 10), (1_234, 500), (799_999_999, 200_000_000)] {
            assert_eq!(nice_step(most), step, "{most}");
        }
        assert_eq!((thousands(1_400_000), thousands(-1_234), thousands(7)), ("1.400.000".into(), "−1.234".into(), "7".into()));
    }

    #[test]
    fn every_value_is_drawn_within_the_frame() {
        let columns = (0..24).map(|n| (format!("<{n}>"), vec![Some(n * 1_000), Some(500)])).collect();
        for stacked in [true, false] {
            let svg = chart(Clone::clone(&columns), stacked).svg();
            assert_eq!(svg.matches("<rect").count(), 47, "one value is zero");
            assert!(!svg.contains("<0>") && svg.contains("&lt;0&gt;") && svg.matches("class=\"name\"").count() == 6, "{svg}");
            for part in svg.split(" y=\"").skip(1) {
                let at: f64 = part.split('"').next().unwrap_or_default().parse().expect("a number");
                assert!((0.0..=HEIGHT).contains(&at), "{at}");
            }
        }
    }

    #[test]
    fn nothing_and_debts_are_no_bars() {
        assert!(chart(Vec::new(), true).is_empty() && chart(vec![("a".into(), vec![None, Some(0)])], true).is_empty());
        assert_eq!(chart(vec![("a".into(), vec![None, Some(-5)])], false).svg().matches("<rect").count(), 0);
    }
}

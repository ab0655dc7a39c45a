//! One row a bar: what it is, the figure, its limit, the ratio, what is asked, the verdict.

/// What a bar asks of its value.
#[derive(Clone, Copy)]
pub enum Asked {
    /// At most: must, want.
    AtMost(f64, f64),
    /// At least: must, want.
    AtLeast(f64, f64),
    /// Nothing; the figure is for orientation.
    Nothing,
}

/// Prints a row of docs/PERFORMANCE.md's table.
pub fn row(number: &str, what: &str, figure: &str, limit: &str, value: f64, asked: Asked) {
    let (bar, verdict) = match asked {
        Asked::AtMost(must, want) => (format!("≤ {must} / {want}"), verdict(value <= must, value <= want)),
        Asked::AtLeast(must, want) => (format!("≥ {must} / {want}"), verdict(value >= must, value >= want)),
        Asked::Nothing => ("–".into(), "–"),
    };
    println!("| {number} | {what} | {figure} | {limit} | {value:.2} | {bar} | {verdict} |");
}

fn verdict(must: bool, want: bool) -> &'static str {
    match (must, want) {
        (_, true) => "as wanted",
        (true, false) => "as needed",
        (false, false) => "**missed**",
    }
}

//! Points of the pictures that `scripts/plots.py` draws, in the folder that `BARS_PLOTS` names.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

/// Adds a point to a picture: what stands along the bottom, ours, and its limit.
pub fn point(picture: &str, x: f64, ours: f64, limit: f64) {
    let Some(folder) = std::env::var_os("BARS_PLOTS") else { return };
    let path = PathBuf::from(folder).join(format!("{picture}.csv"));
    let mut file = OpenOptions::new().create(true).append(true).open(path).expect("a file");
    writeln!(file, "{x},{ours},{limit}").expect("written");
}

//! Writes the seeds of every target into `corpus/TARGET`, where libFuzzer finds them.

use std::path::Path;
use teilhabe_fuzz::{seeds::seeds, targets::TARGETS};

fn main() -> std::io::Result<()> {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, _) in TARGETS {
        let folder = fuzz.join("corpus").join(name);
        std::fs::create_dir_all(&folder)?;
        for (number, seed) in seeds(fuzz.parent().unwrap_or(fuzz), name).iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{number}")), seed)?;
        }
    }
    Ok(())
}

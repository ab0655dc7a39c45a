//! What mutations begin with: the vectors of `tests/vectors`, and the files of `fuzz/seeds`.

use data_encoding::HEXLOWER;
use serde_json::Value;
use std::fs;
use std::path::Path;
use teilhabe::words::sealed::{MAX_DOCUMENT_BYTES, Sealed};

/// No seed is longer: what is longer is mutated too seldom to find anything.
const MAX_SEED: usize = 16 * 1024;

/// Where the vectors of a target are, and under which member of a case.
const VECTORS: [(&str, &str, &str); 18] = [
    ("phone_code", "token.json", "code"),
    ("scan", "token.json", "code"),
    ("scan", "card_number.json", "number"),
    ("scan", "enrolment_code.json", "code"),
    ("token", "token.json", "hex"),
    ("trust", "trust.json", "hex"),
    ("credential", "credential.json", "hex"),
    ("receipt", "receipt.json", "hex"),
    ("advice", "advice.json", "hex"),
    ("inbound", "inbound.json", "hex"),
    ("outbound", "outbound.json", "hex"),
    ("enrolment", "enrolment.json", "hex"),
    ("status_list", "status_list.json", "hex"),
    ("batch", "batch.json", "hex"),
    ("entry", "entry.json", "hex"),
    ("envelope", "envelope.json", "hex"),
    ("enrolment_code", "enrolment_code.json", "code"),
    ("card_number", "card_number.json", "number"),
];

/// The seeds of a target, for the project in `root`.
pub fn seeds(root: &Path, target: &str) -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (_, file, member) in VECTORS.iter().filter(|(name, _, _)| *name == target || target == "cbor" && *name == "token") {
        let text = fs::read_to_string(root.join("tests/vectors").join(file)).expect("the vectors");
        let cases: Value = serde_json::from_str(&text).expect("JSON");
        for case in cases["cases"].as_array().expect("cases") {
            let Some(text) = case[*member].as_str() else { continue };
            if *member != "hex" {
                seeds.push(text.as_bytes().to_vec());
                continue;
            }
            let bytes = HEXLOWER.decode(text.as_bytes()).expect("hexadecimal digits");
            // The content of a document too: then a mutation need not know the signature's length to reach it.
            if let Ok(sealed) = Sealed::parse_any(&bytes, MAX_DOCUMENT_BYTES) {
                seeds.push(sealed.unverified_payload().to_vec());
            }
            seeds.push(bytes);
        }
    }
    for file in fs::read_dir(root.join("fuzz/seeds")).expect("the files").map(|file| file.expect("its entry")) {
        if file.file_name().to_string_lossy().split('-').next() == Some(target) {
            seeds.push(fs::read(file.path()).expect("a file"));
        }
    }
    seeds.retain(|seed| seed.len() <= MAX_SEED);
    seeds
}

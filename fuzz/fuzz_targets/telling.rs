#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| teilhabe_fuzz::run("telling", bytes));

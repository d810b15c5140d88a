#![no_main]

libfuzzer_sys::fuzz_target!(|input: &str| gpujobs_fuzz::targets::model::check(input));

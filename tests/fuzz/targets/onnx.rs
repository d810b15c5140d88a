#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| gpujobs_fuzz::targets::onnx::check(input));

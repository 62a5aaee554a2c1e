#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| eas_log_parse_fuzz::check("base64", data));

//! `cargo xtask fuzz relay_calls`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sightline_server::fuzzing::relay_calls(data));

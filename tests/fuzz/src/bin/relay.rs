//! `cargo xtask fuzz relay`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sightline_server::fuzzing::relay(data));

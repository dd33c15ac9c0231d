//! `cargo xtask fuzz switchboard`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sightline_server::fuzzing::switchboard(data));

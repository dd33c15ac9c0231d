//! `cargo xtask fuzz relay`
#![no_main]

#[expect(dead_code, reason = "the server's own part of it")]
#[path = "../../../../signaling/src/config.rs"]
mod config;
#[expect(dead_code, reason = "the server's own part of it")]
#[path = "../../../../signaling/src/relay/mod.rs"]
mod relay;
#[path = "../relay_story.rs"]
mod story;

libfuzzer_sys::fuzz_target!(|data: &[u8]| story::run(data));

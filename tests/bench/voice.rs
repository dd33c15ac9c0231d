//! What 10 ms of our sound cost to be cleaned; a hundred of them are a second.

use std::time::Duration;

use divan::Bencher;
use sightline::{
    logic::units::MediaTime,
    media::{
        level::SpeechMeter,
        tone,
        voice::{BLOCK_SAMPLES, VoiceCleaner, VoiceSettings},
    },
};

const NOTHING: VoiceSettings = VoiceSettings::NOTHING;

/// A second of what is played, and of its echo 50 ms later.
fn second() -> Vec<([f32; BLOCK_SAMPLES], [f32; BLOCK_SAMPLES])> {
    let at = |ms: u64| {
        let mut block = [0.0; BLOCK_SAMPLES];
        tone::generate(MediaTime(1_000 * ms), &mut block);
        block
    };
    (0..100).map(|block| (at(1_000 + 10 * block), at(950 + 10 * block).map(|sample| sample / 3.0))).collect()
}

#[divan::bench(args = [
    VoiceSettings { echo: true, ..NOTHING },
    VoiceSettings { noise: true, ..NOTHING },
    VoiceSettings { gain: true, ..NOTHING },
    VoiceSettings::default(),
], sample_count = 500)]
fn clean_a_block(bencher: Bencher<'_, '_>, settings: VoiceSettings) {
    let second = second();
    let mut cleaner = VoiceCleaner::new(settings);
    let mut next = 0;
    bencher.bench_local(|| {
        let (played, mut heard) = second[next % second.len()];
        next += 1;
        cleaner.played(&played);
        cleaner.clean(&mut heard, Duration::from_millis(50));
        heard
    });
}

#[divan::bench(sample_count = 500)]
fn listen_for_speech(bencher: Bencher<'_, '_>) {
    let second = second();
    let mut meter = SpeechMeter::default();
    let mut next = 0;
    bencher.bench_local(|| {
        next += 1;
        meter.hear(&second[next % second.len()].1)
    });
}

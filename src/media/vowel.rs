//! The nearest thing to a voice that can be computed, for tests.

use std::f32::consts::{PI, TAU};

/// Pulses that ring in three resonances, at a pitch that glides: what a vowel is.
pub(super) fn vowel(from_hz: f32, to_hz: f32, samples: usize) -> Vec<f32> {
    let mut out = vec![0.0; samples];
    for (formant_hz, width_hz, level) in [(700.0, 80.0, 1.0), (1_200.0, 100.0, 0.5), (2_600.0, 160.0, 0.25)] {
        let radius = (-PI * width_hz / 48_000.0_f32).exp();
        let (back, further) = (2.0 * radius * (TAU * formant_hz / 48_000.0_f32).cos(), -radius * radius);
        let (mut last, mut before, mut turn) = (0.0, 0.0, 0.0);
        for (at, out) in out.iter_mut().enumerate() {
            turn += (from_hz + (to_hz - from_hz) * at as f32 / samples as f32) / 48_000.0;
            let pulse = if turn >= 1.0 { 0.1 } else { 0.0 };
            turn -= f32::floor(turn);
            let now = pulse + back * last + further * before;
            (before, last) = (last, now);
            *out += level * now;
        }
    }
    out
}

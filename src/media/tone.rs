//! A test sound that tells the time, and the ear for it.
//!
//! A quiet steady tone (so that a gap is heard and seen), and at every whole second of media time a chirp of 80 ms. Four
//! chirps take turns, so that one found says which second it belongs to, modulo four. All of it is a function of the
//! time alone: blocks may be asked for in any order and of any length.
//!
//! The chirps lie between 500 and 3400 Hz, where Opus keeps the waveform at any rate this app uses. The ear is a
//! matched filter: a coarse pass at 8 kHz over everything, a fine one at 48 kHz around what that found.

use std::{f64::consts::TAU, sync::LazyLock};

use crate::logic::units::MediaTime;

use super::SAMPLE_RATE_HZ;

/// Samples in a second.
const RATE: f64 = SAMPLE_RATE_HZ as f64;
/// The length of a chirp: 80 ms.
pub const CHIRP_SAMPLES: usize = 3_840;
const CHIRP_SECONDS: f64 = 0.08;
const CHIRP_LEVEL: f64 = 0.4;
const TONE_LEVEL: f64 = 0.03;
/// A whole number, so that the tone's phase starts anew with each second.
const TONE_HZ: f64 = 220.0;

/// Which of the four chirps; they follow each other second by second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChirpKind {
    /// Seconds 0, 4, 8…: 500 to 2000 Hz.
    LowUp,
    /// Seconds 1, 5, 9…: 2000 to 500 Hz.
    LowDown,
    /// Seconds 2, 6, 10…: 1500 to 3400 Hz.
    HighUp,
    /// Seconds 3, 7, 11…: 3400 to 1500 Hz.
    HighDown,
}

impl ChirpKind {
    /// All four, in the order in which they sound.
    pub const ALL: [Self; 4] = [Self::LowUp, Self::LowDown, Self::HighUp, Self::HighDown];

    /// The one that sounds at that second of media time.
    pub const fn of_second(second: u64) -> Self {
        Self::ALL[(second % 4) as usize]
    }

    /// In which second of four it sounds.
    pub const fn index(self) -> u64 {
        self as u64
    }

    const fn sweep_hz(self) -> (f64, f64) {
        match self {
            Self::LowUp => (500.0, 2_000.0),
            Self::LowDown => (2_000.0, 500.0),
            Self::HighUp => (1_500.0, 3_400.0),
            Self::HighDown => (3_400.0, 1_500.0),
        }
    }

    /// The chirp `seconds` after its start, between -1 and 1; silence outside of it.
    fn at(self, seconds: f64) -> f64 {
        if !(0.0..CHIRP_SECONDS).contains(&seconds) {
            return 0.0;
        }
        let (from, to) = self.sweep_hz();
        let through = seconds / CHIRP_SECONDS;
        // Soft at both ends: a click would be heard at every frequency.
        let envelope = (std::f64::consts::PI * through).sin().powi(2);
        envelope * (TAU * seconds * (from + (to - from) * through / 2.0)).sin()
    }
}

/// Fills `out` with the sound whose first sample belongs at `start`.
pub fn generate(start: MediaTime, out: &mut [f32]) {
    const MICROS: u64 = 1_000_000;
    let (first_second, micros) = (start.as_micros() / MICROS, start.as_micros() % MICROS);
    for (sample, out) in (0_u32..).zip(out) {
        let seconds = micros as f64 / MICROS as f64 + f64::from(sample) / RATE;
        let whole = seconds.floor();
        let (kind, since) = (ChirpKind::of_second(first_second + whole as u64), seconds - whole);
        let tone = TONE_LEVEL * (TAU * TONE_HZ * since).sin();
        *out = (tone + CHIRP_LEVEL * kind.at(since)) as f32;
    }
}

/// A chirp that was heard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// Where it starts, in samples; between two of them where the sound was shifted by less than one.
    pub at_sample: f64,
    /// Which of the four.
    pub kind: ChirpKind,
    /// How like it: 1 is the chirp alone. Chance does not reach [`LEAST_LIKENESS`].
    pub likeness: f64,
}

/// Below this nothing counts as found. Noise stays under 0.3; a chirp that lost a packet keeps above 0.7.
pub const LEAST_LIKENESS: f64 = 0.55;

/// Quieter than this (mean square) there is nothing to be heard: silence has no likeness to anything.
const LEAST_POWER: f64 = 1e-6;

/// The coarse pass works at 8 kHz.
const COARSE: usize = 6;
/// Chirps are a second apart; of two within this many samples, one is an echo of the other's shape.
const APART: f64 = 12_000.0;

/// Every chirp in `samples` (48 kHz), first to last.
pub fn find_chirps(samples: &[f32]) -> Vec<Found> {
    let coarse = decimate(samples);
    let mut candidates: Vec<Found> = ChirpKind::ALL
        .into_iter()
        .flat_map(|kind| find_coarse(&coarse, kind))
        .filter_map(|candidate| refine(samples, candidate))
        .collect();
    candidates.sort_by(|a, b| b.likeness.total_cmp(&a.likeness));
    let mut found: Vec<Found> = Vec::new();
    for candidate in candidates {
        if found.iter().all(|other| (other.at_sample - candidate.at_sample).abs() > APART) {
            found.push(candidate);
        }
    }
    found.sort_by(|a, b| a.at_sample.total_cmp(&b.at_sample));
    found
}

/// One chirp's samples and the root of its energy.
struct Template {
    samples: Vec<f32>,
    norm: f64,
}

impl Template {
    fn fine(kind: ChirpKind) -> Self {
        Self::of((0..CHIRP_SAMPLES).map(|sample| kind.at(sample as f64 / RATE) as f32).collect())
    }

    fn coarse(kind: ChirpKind) -> Self {
        Self::of(decimate(&Self::fine(kind).samples))
    }

    fn of(samples: Vec<f32>) -> Self {
        let norm = energy(&samples).sqrt();
        Self { samples, norm }
    }

    /// How like the start of `heard` is, from -1 to 1.
    fn likeness(&self, heard: &[f32]) -> f64 {
        let heard = &heard[..self.samples.len()];
        let power = energy(heard);
        if power < LEAST_POWER * heard.len() as f64 {
            return 0.0;
        }
        dot(heard, &self.samples) / (power.sqrt() * self.norm)
    }
}

static COARSE_TEMPLATES: LazyLock<[Template; 4]> = LazyLock::new(|| ChirpKind::ALL.map(Template::coarse));
static FINE_TEMPLATES: LazyLock<[Template; 4]> = LazyLock::new(|| ChirpKind::ALL.map(Template::fine));

/// Local peaks of likeness at 8 kHz, generously: the fine pass decides.
fn find_coarse(coarse: &[f32], kind: ChirpKind) -> Vec<Found> {
    const GENEROUS: f64 = 0.8 * LEAST_LIKENESS;
    let template = &COARSE_TEMPLATES[kind as usize];
    let len = template.samples.len();
    if coarse.len() < len {
        return Vec::new();
    }
    // The energy under the template slides along; summing it afresh at each place would double the work.
    let mut power = energy(&coarse[..len]);
    let mut peaks: Vec<Found> = Vec::new();
    for at in 0..=coarse.len() - len {
        if at > 0 {
            power += f64::from(coarse[at + len - 1]).powi(2) - f64::from(coarse[at - 1]).powi(2);
        }
        if power < LEAST_POWER * len as f64 {
            continue;
        }
        let likeness = dot(&coarse[at..at + len], &template.samples) / (power.sqrt() * template.norm);
        if likeness < GENEROUS {
            continue;
        }
        let here = Found { at_sample: (at * COARSE) as f64, kind, likeness };
        match peaks.last_mut() {
            Some(last) if here.at_sample - last.at_sample < APART => {
                if last.likeness < likeness {
                    *last = here;
                }
            }
            Some(_) | None => peaks.push(here),
        }
    }
    peaks
}

/// The best place at 48 kHz near a coarse one, and by a parabola between samples; `None` where it is not like enough.
fn refine(samples: &[f32], coarse: Found) -> Option<Found> {
    let template = &FINE_TEMPLATES[coarse.kind as usize];
    let last = samples.len().checked_sub(CHIRP_SAMPLES)?;
    let near = coarse.at_sample as usize;
    let places = near.saturating_sub(2 * COARSE)..=(near + 2 * COARSE).min(last);
    let likeness = |at: usize| template.likeness(&samples[at..]);
    let best = places.max_by(|&a, &b| likeness(a).total_cmp(&likeness(b)))?;
    let peak = likeness(best);
    if peak < LEAST_LIKENESS {
        return None;
    }
    let shift = if best > 0 && best < last {
        let (before, after) = (likeness(best - 1), likeness(best + 1));
        let bend = before - 2.0 * peak + after;
        if bend < 0.0 { ((before - after) / (2.0 * bend)).clamp(-0.5, 0.5) } else { 0.0 }
    } else {
        0.0
    };
    Some(Found { at_sample: best as f64 + shift, kind: coarse.kind, likeness: peak })
}

/// 48 kHz to 8 kHz. The mean of seven is filter enough: the chirps end at 3.4 kHz, and what folds back into their band
/// from above is not like them.
fn decimate(samples: &[f32]) -> Vec<f32> {
    (0..samples.len())
        .step_by(COARSE)
        .map(|at| {
            let window = &samples[at.saturating_sub(COARSE / 2)..(at + COARSE / 2 + 1).min(samples.len())];
            window.iter().sum::<f32>() / window.len() as f32
        })
        .collect()
}

fn energy(samples: &[f32]) -> f64 {
    dot(samples, samples)
}

/// In four strands: one alone waits for each addition to finish before it starts the next.
fn dot(a: &[f32], b: &[f32]) -> f64 {
    let mut strands = [0.0_f32; 4];
    let (a_fours, b_fours) = (a.chunks_exact(4), b.chunks_exact(4));
    let rest: f32 = a_fours.remainder().iter().zip(b_fours.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a_fours.zip(b_fours) {
        for lane in 0..4 {
            strands[lane] += a[lane] * b[lane];
        }
    }
    f64::from(strands.iter().sum::<f32>() + rest)
}

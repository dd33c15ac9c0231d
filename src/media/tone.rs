//! A test sound that tells the time, and the ear for it.
//!
//! A quiet steady tone (so that a gap is heard and seen), and at every whole second of media time a chirp of 80 ms. Four
//! chirps take turns, so that one found says which second it belongs to, modulo four. All of it is a function of the
//! time alone: blocks may be asked for in any order and of any length.
//!
//! The chirps lie between 300 and 1500 Hz, where Opus keeps the waveform at any rate this app uses. Two of the four once
//! reached up to 3400 Hz; a packet recovered from the next one's coarse copy was no longer like them. The ear is a
//! matched filter: a coarse pass at 8 kHz over everything, a fine one at 48 kHz around what that found.

use std::{f64::consts::TAU, sync::LazyLock};

use crate::logic::units::MediaTime;

use super::SAMPLE_RATE_HZ;

/// Samples in a second.
const RATE: f64 = SAMPLE_RATE_HZ as f64;
/// The length of a chirp: 80 ms.
pub const CHIRP_SAMPLES: usize = 3_840;
const CHIRP_SECONDS: f64 = 0.08;
const EDGE_SECONDS: f64 = 0.01;
const LOWEST_HZ: f64 = 300.0;
const HIGHEST_HZ: f64 = 1_500.0;
const CHIRP_LEVEL: f64 = 0.4;
const TONE_LEVEL: f64 = 0.03;
/// A whole number, so that the tone's phase starts anew with each second.
const TONE_HZ: f64 = 220.0;

/// Which of the four; they follow each other second by second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChirpKind {
    /// Seconds 0, 4, 8…
    Up,
    /// Seconds 1, 5, 9…
    Down,
    /// Seconds 2, 6, 10…: up in the first half, down in the second.
    UpDown,
    /// Seconds 3, 7, 11…: down in the first half, up in the second.
    DownUp,
}

impl ChirpKind {
    /// All four, in the order in which they sound.
    pub const ALL: [Self; 4] = [Self::Up, Self::Down, Self::UpDown, Self::DownUp];

    /// The one that sounds at that second of media time.
    pub const fn of_second(second: u64) -> Self {
        Self::ALL[(second % 4) as usize]
    }

    /// In which second of four it sounds.
    pub const fn index(self) -> u64 {
        self as u64
    }

    /// The chirp `seconds` after its start, between -1 and 1; silence outside of it.
    fn at(self, seconds: f64) -> f64 {
        const HALF: f64 = CHIRP_SECONDS / 2.0;
        if !(0.0..CHIRP_SECONDS).contains(&seconds) {
            return 0.0;
        }
        let up = |since, lasting| sweep(LOWEST_HZ, HIGHEST_HZ, since, lasting);
        let down = |since, lasting| sweep(HIGHEST_HZ, LOWEST_HZ, since, lasting);
        let in_second_half = seconds - HALF;
        let turns = match self {
            Self::Up => up(seconds, CHIRP_SECONDS),
            Self::Down => down(seconds, CHIRP_SECONDS),
            Self::UpDown if in_second_half < 0.0 => up(seconds, HALF),
            Self::UpDown => up(HALF, HALF) + down(in_second_half, HALF),
            Self::DownUp if in_second_half < 0.0 => down(seconds, HALF),
            Self::DownUp => down(HALF, HALF) + up(in_second_half, HALF),
        };
        // Soft at both ends, for a click would be heard at every frequency, and flat between: with most of the energy
        // in the middle, one lost packet there was enough to lose the chirp.
        let edge = (seconds.min(CHIRP_SECONDS - seconds) / EDGE_SECONDS).min(1.0);
        let envelope = (std::f64::consts::FRAC_PI_2 * edge).sin().powi(2);
        envelope * (TAU * turns).sin()
    }
}

/// How many turns a sweep that takes `lasting` seconds has made `since` its start.
fn sweep(from_hz: f64, to_hz: f64, since: f64, lasting: f64) -> f64 {
    since * (from_hz + (to_hz - from_hz) * since / (2.0 * lasting))
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

/// Below this nothing counts as found. Noise stays below 0.35; a chirp that lost a packet, above 0.75.
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
        // Said so that what is not a number is not a peak.
        let alike = likeness > GENEROUS;
        let here = Found { at_sample: (at * COARSE) as f64, kind, likeness };
        match peaks.last_mut() {
            Some(last) if alike && here.at_sample - last.at_sample < APART => {
                if last.likeness < likeness {
                    *last = here;
                }
            }
            Some(_) | None if alike => peaks.push(here),
            Some(_) | None => {}
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

/// 48 kHz to 8 kHz. The mean of seven is filter enough: the chirps end at 1.5 kHz, and what folds back into their band
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

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn sound(start: MediaTime, samples: usize) -> Vec<f32> {
        let mut out = vec![0.0; samples];
        generate(start, &mut out);
        out
    }

    fn noise(samples: usize, level: f32) -> Vec<f32> {
        let mut random = 0x2545_F491_4F6C_DD1D_u64;
        (0..samples)
            .map(|_| {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                ((random >> 40) as f32 / (1 << 23) as f32 - 1.0) * level
            })
            .collect()
    }

    #[test]
    fn blocks_join_without_a_seam() {
        let start = 3_999_990_000;
        let whole = sound(MediaTime(start), 4 * 960);
        let blocks: Vec<f32> =
            (0..4).flat_map(|block| sound(MediaTime(start + block * 20_000), 960)).collect();
        let worst = whole.iter().zip(&blocks).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-4, "{worst}");
    }

    #[test]
    fn chirps_are_found_where_the_seconds_begin() {
        // A quarter of a second into second 6: the next chirp is that of second 7.
        let found = find_chirps(&sound(MediaTime(6_250_000), 12 * 48_000));
        assert_eq!(found.len(), 12, "{found:?}");
        for (nth, chirp) in found.iter().enumerate() {
            assert_eq!(chirp.kind, ChirpKind::of_second(7 + nth as u64));
            assert!((chirp.at_sample - (36_000 + nth * 48_000) as f64).abs() < 0.1, "{chirp:?}");
            assert!(chirp.likeness > 0.95, "{chirp:?}");
        }
    }

    #[test]
    fn a_shift_of_part_of_a_sample_is_seen() {
        // 10 µs are 0.48 samples.
        let found = find_chirps(&sound(MediaTime(499_990), 48_000));
        assert!((found[0].at_sample - 24_000.48).abs() < 0.1, "{found:?}");
    }

    #[test]
    fn a_chirp_is_found_in_as_much_noise_as_there_is_chirp() {
        let clean = sound(MediaTime(500_000), 3 * 48_000);
        let noisy: Vec<f32> = clean.iter().zip(noise(clean.len(), 0.2)).map(|(a, b)| a + b).collect();
        let found = find_chirps(&noisy);
        let kinds: Vec<_> = found.iter().map(|chirp| chirp.kind).collect();
        assert_eq!(kinds, [ChirpKind::Down, ChirpKind::UpDown, ChirpKind::DownUp], "{found:?}");
        assert!(
            found
                .iter()
                .zip(0..)
                .all(|(chirp, nth)| (chirp.at_sample - f64::from(24_000 + nth * 48_000)).abs() < 3.0)
        );
    }

    #[test]
    fn a_chirp_with_a_hole_of_a_packet_is_found() {
        let mut holed = sound(MediaTime(500_000), 48_000);
        holed[24_960..25_920].fill(0.0);
        let found = find_chirps(&holed);
        assert_eq!(found.len(), 1);
        assert!((found[0].at_sample - 24_000.0).abs() < 3.0, "{found:?}");
    }

    #[test]
    fn a_quiet_chirp_is_a_chirp() {
        let quiet: Vec<f32> = sound(MediaTime(500_000), 48_000).iter().map(|sample| sample / 50.0).collect();
        assert_eq!(find_chirps(&quiet).len(), 1);
    }

    #[test]
    fn silence_noise_tones_and_scraps_hold_no_chirp() {
        assert_eq!(find_chirps(&[]), []);
        assert_eq!(find_chirps(&[0.5; 100]), []);
        assert_eq!(find_chirps(&vec![0.0; 96_000]), []);
        assert_eq!(find_chirps(&vec![0.5; 96_000]), []);
        assert_eq!(find_chirps(&noise(10 * 48_000, 0.5)), []);
        assert_eq!(find_chirps(&vec![f32::NAN; 96_000]), []);
        for hz in [220.0, 400.0, 900.0, 1_300.0, 1_800.0] {
            let tone: Vec<f32> =
                (0..96_000).map(|at| (TAU * hz * f64::from(at) / RATE).sin() as f32).collect();
            assert_eq!(find_chirps(&tone), [], "{hz} Hz");
        }
        assert_eq!(find_chirps(&sound(MediaTime(2_200_000), 30_000)), []);
    }

    #[test]
    fn noise_is_far_from_any_chirp() {
        let noise = decimate(&noise(10 * 48_000, 0.5));
        for template in COARSE_TEMPLATES.iter() {
            let len = template.samples.len();
            let most = noise.windows(len).map(|heard| template.likeness(heard)).fold(0.0, f64::max);
            assert!(most < 0.35, "{most:.2}");
        }
    }

    #[test]
    fn the_four_are_not_mistaken_for_one_another() {
        for one in ChirpKind::ALL {
            for other in ChirpKind::ALL.into_iter().filter(|&other| other != one) {
                let (a, b) = (&FINE_TEMPLATES[one as usize], &FINE_TEMPLATES[other as usize]);
                let mut padded = vec![0.0; CHIRP_SAMPLES];
                padded.extend(&b.samples);
                padded.extend(vec![0.0; CHIRP_SAMPLES]);
                let most = (0..2 * CHIRP_SAMPLES)
                    .map(|at| dot(&padded[at..at + CHIRP_SAMPLES], &a.samples) / (a.norm * b.norm))
                    .fold(0.0, f64::max);
                assert!(most < 0.5, "{one:?} and {other:?}: {most:.2}");
            }
        }
    }

    #[test]
    fn twelve_seconds_are_searched_in_less_than_one() {
        let sound = sound(MediaTime(0), 12 * 48_000);
        let fastest = (0..3)
            .map(|_| {
                let start = Instant::now();
                find_chirps(&sound);
                start.elapsed()
            })
            .min()
            .unwrap();
        assert!(fastest.as_secs_f64() < 1.0, "{fastest:?}");
    }
}

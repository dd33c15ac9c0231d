//! What the tests of the voice are played in: voices, rooms and loudspeakers, all made from seeds.

use std::f32::consts::{PI, TAU};

pub(crate) const RATE: usize = 48_000;

/// SplitMix64.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to 1.
    pub(crate) fn share(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 24) as f32
    }

    pub(crate) fn between(&mut self, low: f32, high: f32) -> f32 {
        low + self.share() * (high - low)
    }
}

/// Something like speech: syllables of a gliding voice and of hiss through the resonances of a mouth, words, pauses.
/// About `level_db` in its words.
pub(crate) fn speech(seed: u64, seconds: f32, level_db: f32) -> Vec<f32> {
    let mut chance = Chance::new(seed);
    let samples = (seconds * RATE as f32) as usize;
    let mut out = Vec::with_capacity(samples + RATE);
    let pitch = chance.between(95.0, 210.0);
    let mut phase = 0.0_f32;
    while out.len() < samples {
        for _ in 0..2 + (chance.share() * 4.0) as usize {
            syllable(&mut out, &mut chance, pitch, &mut phase);
        }
        let pause = chance.between(0.08, 0.45);
        out.extend(std::iter::repeat_n(0.0, (pause * RATE as f32) as usize));
    }
    out.truncate(samples);
    let loud = active_level_db(&out);
    scale(&mut out, level_db - loud);
    out
}

fn syllable(out: &mut Vec<f32>, chance: &mut Chance, pitch: f32, phase: &mut f32) {
    let hiss = (chance.between(0.0, 0.09) * RATE as f32) as usize;
    let hush = chance.between(1.0, 3.0);
    let mut high = Resonance::new(chance.between(3_000.0, 6_500.0), 1_500.0);
    for at in 0..hiss {
        let swell = (PI * at as f32 / hiss as f32).sin();
        out.push(hush * swell * high.pass(chance.between(-1.0, 1.0)));
    }
    let voiced = (chance.between(0.11, 0.26) * RATE as f32) as usize;
    let formants = [(300.0, 800.0, 80.0), (900.0, 2_300.0, 110.0), (2_400.0, 3_000.0, 170.0)];
    let mut mouth: Vec<_> =
        formants.iter().map(|&(low, high, width)| Resonance::new(chance.between(low, high), width)).collect();
    let (from, to) = (chance.between(0.85, 1.2), chance.between(0.8, 1.1));
    let began = out.len();
    for at in 0..voiced {
        let part = at as f32 / voiced as f32;
        // No voice is as even as a clock.
        let flutter =
            1.0 + 0.02 * (TAU * 5.3 * at as f32 / RATE as f32).sin() + 0.004 * chance.between(-1.0, 1.0);
        *phase += flutter * pitch * (from + (to - from) * part) / RATE as f32;
        *phase = phase.fract();
        // Air through the vocal cords, differentiated: they open slowly and shut faster.
        let pulse = match *phase {
            opens if opens < 0.45 => (PI * opens / 0.45).sin(),
            shuts if shuts < 0.6 => -3.0 * (PI * (shuts - 0.45) / 0.15).sin(),
            _ => 0.0,
        };
        let breath = 0.1 * chance.between(-1.0, 1.0);
        let swell = (PI * part).sin().powf(0.6);
        let sound: f32 = mouth.iter_mut().map(|one| one.pass(pulse + breath)).sum();
        out.push(swell * sound);
    }
    // Some vowels would come out ten times as loud as others.
    let loud = chance.between(-7.0, 0.0) - level_db_of(&out[began..]);
    scale(&mut out[began..], loud);
}

struct Resonance {
    a1: f32,
    a2: f32,
    gain: f32,
    y1: f32,
    y2: f32,
}

impl Resonance {
    fn new(hz: f32, width_hz: f32) -> Self {
        let radius = (-PI * width_hz / RATE as f32).exp();
        let a1 = 2.0 * radius * (TAU * hz / RATE as f32).cos();
        Self { a1, a2: -radius * radius, gain: 1.0 - radius, y1: 0.0, y2: 0.0 }
    }

    fn pass(&mut self, x: f32) -> f32 {
        let y = self.gain * x + self.a1 * self.y1 + self.a2 * self.y2;
        (self.y2, self.y1) = (self.y1, y);
        y
    }
}

/// Noise like that of a fan: more of it below.
pub(crate) fn fan(seed: u64, samples: usize, level_db: f32) -> Vec<f32> {
    let mut chance = Chance::new(seed);
    let mut slow = 0.0;
    let mut out: Vec<f32> = (0..samples)
        .map(|_| {
            let white = chance.between(-1.0, 1.0);
            slow += 0.05 * (white - slow);
            slow + 0.05 * white
        })
        .collect();
    let loud = level_db_of(&out);
    scale(&mut out, level_db - loud);
    out
}

/// A room from loudspeaker to microphone, as the times and strengths of what arrives. Sparse, so that long rooms can be
/// walked through without a transform.
pub(crate) struct Room {
    taps: Vec<(usize, f32)>,
}

impl Room {
    /// Walls by their mirror images, and after 40 ms a tail of random reflections that falls by 60 dB in `rt60` seconds.
    /// `loss_db`: how much weaker the microphone hears than the loudspeaker is fed.
    pub(crate) fn new(seed: u64, size: [f32; 3], rt60: f32, loss_db: f32) -> Self {
        const SOUND_M_S: f32 = 343.0;
        let mut chance = Chance::new(seed);
        let speaker = size.map(|side| side * chance.between(0.3, 0.45));
        let offset = [chance.between(0.25, 0.5), chance.between(0.2, 0.4), 0.05];
        let ear: Vec<f32> = speaker.iter().zip(offset).map(|(at, by)| at + by).collect();
        let decay = |seconds: f32| 10.0_f32.powf(-3.0 * seconds / rt60);
        let mut taps = Vec::new();
        let images = |axis: usize| {
            (-4..=4).map(move |n: i32| {
                let near = if n % 2 == 0 { speaker[axis] } else { size[axis] - speaker[axis] };
                (n as f32 * size[axis] + near, n.abs())
            })
        };
        for (x, nx) in images(0) {
            for (y, ny) in images(1) {
                for (z, nz) in images(2) {
                    let away = ((x - ear[0]).powi(2) + (y - ear[1]).powi(2) + (z - ear[2]).powi(2)).sqrt();
                    let seconds = away / SOUND_M_S;
                    if seconds < 0.04 {
                        let sign = if (nx + ny + nz) % 2 == 0 { 1.0 } else { -1.0 };
                        taps.push(((seconds * RATE as f32) as usize, sign * decay(seconds) / away.max(0.1)));
                    }
                }
            }
        }
        let early: f32 = taps.iter().filter(|(at, _)| *at > RATE / 40).map(|(_, tap)| tap * tap).sum();
        let each = (early / 30.0).sqrt();
        let mut at = RATE as f32 * 0.04;
        while at < RATE as f32 * rt60 * 0.9 {
            let seconds = at / RATE as f32;
            let sign = if chance.share() < 0.5 { -1.0 } else { 1.0 };
            taps.push((at as usize, sign * each * decay(seconds - 0.04)));
            at += chance.between(8.0, 40.0);
        }
        let energy: f32 = taps.iter().map(|(_, tap)| tap * tap).sum();
        let factor = from_db(-loss_db) / energy.sqrt();
        taps.iter_mut().for_each(|(_, tap)| *tap *= factor);
        Self { taps }
    }

    /// What the microphone hears of it, `delay` samples later than the air alone would have it.
    pub(crate) fn hears(&self, sound: &[f32], delay: usize) -> Vec<f32> {
        let mut out = vec![0.0; sound.len()];
        for &(at, tap) in &self.taps {
            let from = (at + delay).min(out.len());
            for (out, sample) in out[from..].iter_mut().zip(sound) {
                *out += tap * sample;
            }
        }
        out
    }
}

/// A small loudspeaker driven too hard.
pub(crate) fn overdriven(sound: &[f32], drive: f32) -> Vec<f32> {
    sound.iter().map(|sample| (drive * sample).tanh() / drive).collect()
}

/// The sound as a device plays it whose clock is off by so many millionths.
pub(crate) fn off_by_ppm(sound: &[f32], ppm: f64) -> Vec<f32> {
    let step = 1.0 + ppm * 1e-6;
    let mut out = Vec::with_capacity(sound.len());
    for at in 0..sound.len() {
        let place = at as f64 * step;
        let whole = place as usize;
        let part = (place - whole as f64) as f32;
        let get = |index: isize| {
            usize::try_from(whole as isize + index).ok().and_then(|at| sound.get(at)).copied().unwrap_or(0.0)
        };
        let (a, b, c, d) = (get(-1), get(0), get(1), get(2));
        // Catmull-Rom.
        out.push(
            b + 0.5
                * part
                * (c - a + part * (2.0 * a - 5.0 * b + 4.0 * c - d + part * (3.0 * (b - c) + d - a))),
        );
    }
    out
}

pub(crate) fn add(a: &[f32], b: &[f32]) -> Vec<f32> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

pub(crate) fn scale(sound: &mut [f32], db: f32) {
    let factor = from_db(db);
    sound.iter_mut().for_each(|sample| *sample *= factor);
}

pub(crate) fn from_db(db: f32) -> f32 {
    10.0_f32.powf(db / 20.0)
}

pub(crate) fn level_db_of(sound: &[f32]) -> f32 {
    let power: f64 = sound.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / sound.len() as f64;
    10.0 * (power.max(1e-14).log10()) as f32
}

/// The level of those 20 ms pieces that are within 25 dB of the loudest: of the words, not of the pauses.
pub(crate) fn active_level_db(sound: &[f32]) -> f32 {
    let pieces: Vec<f32> = sound.chunks_exact(960).map(level_db_of).collect();
    let loudest = pieces.iter().copied().fold(-140.0, f32::max);
    let active: Vec<f32> =
        pieces.into_iter().filter(|db| *db > loudest - 25.0).map(|db| 10.0_f32.powf(db / 10.0)).collect();
    10.0 * (active.iter().sum::<f32>() / active.len().max(1) as f32).log10()
}

//! Sound made shorter or longer without a change of its pitch.
//!
//! A voice repeats itself from one turn of the vocal cords to the next. One turn is left out or heard twice, and the seam
//! is blended where the two sides are alike (overlap-add at the lag of the highest correlation); so the pitch stays, and
//! nobody hears it unless it happens often. Where nothing repeats, nothing is done, unless it is silence, in which any
//! place will do. All happens within one piece, in the caller's buffer.

/// The shortest turn that is looked for: 400 Hz.
const SHORTEST: usize = 120;
/// The longest: 80 Hz.
const LONGEST: usize = 600;
/// The shortest seam: 2.5 ms.
const SHORTEST_SEAM: usize = 120;
/// The longest: more is more work, and not better.
const LONGEST_SEAM: usize = 480;
/// The search looks at every so many lags first, and at all of them around the best;
const COARSE: usize = 4;
/// and at every so many samples.
const THIN: usize = 2;
/// Softer than this (mean square, -55 dB) nothing is heard of a seam.
const SILENCE: f32 = 3e-6;

/// How like the two sides of a seam must be, from 0 to 1: as a rule,
pub const ALIKE: f32 = 0.9;
/// when it hurries,
pub const ROUGHLY_ALIKE: f32 = 0.6;
/// and where only silence may be changed: nothing is so like.
pub const ONLY_SILENCE: f32 = 2.0;

/// Takes out at most `at_most` of `samples[..len]`, and says how many are left. `alike` is how like the two sides of
/// a seam must be.
pub fn shorten(samples: &mut [f32], len: usize, at_most: usize, alike: f32) -> usize {
    let Some(Seam { lag, blend }) = find(&samples[..len], at_most, alike) else { return len };
    for at in 0..blend {
        samples[at] = mix(samples[at], samples[at + lag], at, blend);
    }
    samples.copy_within(lag + blend..len, blend);
    len - lag
}

/// Puts at most `at_most` into `samples[..len]`, and says how many there are then. The buffer must have room for that
/// many more.
pub fn lengthen(samples: &mut [f32], len: usize, at_most: usize, alike: f32) -> usize {
    let at_most = at_most.min(samples.len() - len);
    let Some(Seam { lag, blend }) = find(&samples[..len], at_most, alike) else { return len };
    samples.copy_within(blend..len, lag + blend);
    // The turn is heard, and then again: at the seam the sound goes back from its second turn to its first.
    for at in (0..blend).rev() {
        let (second, first) = (samples_before(samples, at, lag, blend), samples[at]);
        samples[at + lag] = mix(second, first, at, blend);
    }
    len + lag
}

/// What was at `at + lag` before the rest was moved out by `lag` from `blend` on. What lies below `blend` has not moved, and
/// is overwritten from behind.
fn samples_before(samples: &[f32], at: usize, lag: usize, blend: usize) -> f32 {
    let was = at + lag;
    if was < blend { samples[was] } else { samples[was + lag] }
}

struct Seam {
    lag: usize,
    blend: usize,
}

fn find(samples: &[f32], at_most: usize, alike: f32) -> Option<Seam> {
    let longest = LONGEST.min(at_most).min(samples.len().saturating_sub(SHORTEST_SEAM));
    let blend = |lag: usize| LONGEST_SEAM.min(samples.len() - lag);
    if longest == 0 {
        return None;
    }
    if samples.iter().map(|sample| sample * sample).sum::<f32>() < SILENCE * samples.len() as f32 {
        return Some(Seam { lag: longest, blend: blend(longest) });
    }
    if longest < SHORTEST || alike > 1.0 {
        return None;
    }
    let likeness = |lag: &usize| likeness(&samples[..blend(*lag)], &samples[*lag..], THIN);
    let best =
        |lags: &mut dyn Iterator<Item = usize>| lags.max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let coarse = best(&mut (SHORTEST..=longest).step_by(COARSE))?;
    let lag = best(&mut (coarse.saturating_sub(COARSE).max(SHORTEST)..=(coarse + COARSE).min(longest)))?;
    (likeness(&lag) >= alike).then(|| Seam { lag, blend: blend(lag) })
}

/// How like the start of `later` is to `sooner`, from -1 to 1.
fn likeness(sooner: &[f32], later: &[f32], thin: usize) -> f32 {
    let (mut both, mut one, mut other) = (0.0_f32, 1e-9_f32, 1e-9_f32);
    for (a, b) in sooner.iter().zip(later).step_by(thin) {
        both += a * b;
        one += a * a;
        other += b * b;
    }
    both / (one * other).sqrt()
}

/// From the one to the other along a seam.
fn mix(from: f32, to: f32, at: usize, blend: usize) -> f32 {
    let part = (at as f32 + 0.5) / blend as f32;
    from + (to - from) * part
}

#[cfg(test)]
mod tests {
    use std::f32::consts::TAU;

    use super::*;
    use crate::media::vowel::vowel;

    const PIECE: usize = 960;

    fn tone(hz: f32, samples: usize) -> Vec<f32> {
        (0..samples).map(|at| 0.3 * (TAU * hz * at as f32 / 48_000.0).sin()).collect()
    }

    fn noise(samples: usize) -> Vec<f32> {
        let mut random = 0x2545_F491_4F6C_DD1D_u64;
        let mut next = || {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random >> 40) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..samples).map(|_| 0.3 * next()).collect()
    }

    /// Piece by piece, changed as often as it allows, each followed by one that is left alone.
    fn changed(
        samples: &[f32],
        alike: f32,
        change: fn(&mut [f32], usize, usize, f32) -> usize,
    ) -> (Vec<f32>, usize) {
        let (mut out, mut changes) = (Vec::new(), 0);
        for (nth, piece) in samples.chunks_exact(PIECE).enumerate() {
            let mut buffer = [0.0; 2 * PIECE];
            buffer[..PIECE].copy_from_slice(piece);
            let len = if nth % 2 == 0 { change(&mut buffer, PIECE, LONGEST, alike) } else { PIECE };
            changes += usize::from(len != PIECE);
            out.extend_from_slice(&buffer[..len]);
        }
        (out, changes)
    }

    fn steepest(samples: &[f32]) -> f32 {
        samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max)
    }

    fn pitch_hz(samples: &[f32]) -> f32 {
        let rises = samples.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count();
        rises as f32 * 48_000.0 / samples.len() as f32
    }

    #[test]
    fn a_tone_keeps_its_pitch_and_does_not_click() {
        for hz in [100.0, 220.0, 440.0, 997.0, 3_000.0] {
            let before = tone(hz, 100 * PIECE);
            for change in [shorten, lengthen] {
                let (after, changes) = changed(&before, ALIKE, change);
                assert_eq!(changes, 50, "{hz} Hz");
                assert!(before.len().abs_diff(after.len()) >= 50 * SHORTEST);
                let pitch = pitch_hz(&after);
                assert!((pitch - hz).abs() < hz * 0.01 + 1.0, "{hz} Hz became {pitch}");
                assert!(steepest(&after) < steepest(&before) * 1.1, "{hz} Hz: {}", steepest(&after));
            }
        }
    }

    #[test]
    fn a_vowel_stays_like_itself() {
        for (from, to) in [(90.0, 110.0), (130.0, 180.0), (260.0, 200.0)] {
            let before = vowel(from, to, 100 * PIECE);
            for change in [shorten, lengthen] {
                let (after, changes) = changed(&before, ALIKE, change);
                assert!(changes >= 40, "{from} Hz: {changes} of 50");
                assert!(steepest(&after) <= steepest(&before) * 1.05);
                // Each stretch of 10 ms is found again, almost as it was, near where it must be.
                let scale = after.len() as f32 / before.len() as f32;
                for start in (PIECE..before.len() - 2 * PIECE).step_by(7 * 480) {
                    let wanted = &before[start..start + 480];
                    let near = (start as f32 * scale) as usize;
                    let places = near.saturating_sub(900)..(near + 900).min(after.len() - 480);
                    let best = places.map(|at| likeness(wanted, &after[at..], 1)).fold(-1.0, f32::max);
                    assert!(best > 0.85, "{from} Hz at {start}: {best}");
                }
            }
        }
    }

    #[test]
    fn silence_is_changed_by_as_much_as_is_wanted() {
        let mut buffer = [1e-4; 2 * PIECE];
        assert_eq!(shorten(&mut buffer, PIECE, 77, ONLY_SILENCE), PIECE - 77);
        assert_eq!(shorten(&mut buffer, PIECE, 5_000, ONLY_SILENCE), PIECE - LONGEST);
        assert_eq!(lengthen(&mut buffer, PIECE, 500, ONLY_SILENCE), PIECE + 500);
        assert!(buffer.iter().all(|sample| (sample - 1e-4).abs() < 1e-6));
    }

    #[test]
    fn what_does_not_repeat_itself_is_left_alone() {
        let (after, changes) = changed(&noise(50 * PIECE), ROUGHLY_ALIKE, shorten);
        assert_eq!((after.len(), changes), (50 * PIECE, 0));
        let mut click = tone(200.0, PIECE);
        click[..200].fill(0.0);
        assert_eq!(shorten(&mut click, PIECE, LONGEST, ALIKE), PIECE, "where it begins");
        assert_eq!(shorten(&mut tone(200.0, PIECE), PIECE, LONGEST, ONLY_SILENCE), PIECE);
    }

    #[test]
    fn no_more_is_changed_than_is_wanted_and_fits() {
        for len in [0, 1, 119, 120, 240, 480, 959, 960, 1_440] {
            for at_most in [0, 1, 120, 300, 600, 9_999] {
                let mut buffer = tone(300.0, 2_000);
                let shorter = shorten(&mut buffer, len, at_most, ALIKE);
                assert!((len - at_most.min(len)..=len).contains(&shorter), "{len} {at_most}: {shorter}");
                let longer = lengthen(&mut buffer[..len + 200], len, at_most, ALIKE);
                assert!((len..=len + at_most.min(200)).contains(&longer), "{len} {at_most}: {longer}");
            }
        }
    }
}

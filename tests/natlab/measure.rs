//! Figures of the laboratory, and how they are told.
//!
//! A test goes through its row once. `cargo xtask lab rows` sets `SIGHTLINE_LAB_ROUNDS`; then each goes through it that
//! often, and tells the median.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use sightline::media::tone::find_chirps;

use super::{call::Told, namespaces::Missing};

/// How often each row is gone through.
pub(crate) fn rounds() -> usize {
    std::env::var("SIGHTLINE_LAB_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(1).max(1)
}

/// One line of the table.
pub(crate) fn tell(row: &str, how: &str, what: &str, measured: &[Duration], wanted: Duration) {
    let figure = if measured.len() > 1 {
        let (least, most) = (at_percent(measured, 0), at_percent(measured, 100));
        format!(
            "median {} ms of {} ({} to {})",
            median(measured).as_millis(),
            measured.len(),
            least.as_millis(),
            most.as_millis()
        )
    } else {
        format!("{} ms", median(measured).as_millis())
    };
    // Not by `eprintln`, which the test harness keeps to itself when a test passes.
    writeln!(io::stderr(), "natlab: {row}: {how}; {what} {figure}, wanted {} ms", wanted.as_millis()).ok();
}

/// Everything that both programs told, where `SIGHTLINE_LAB_STORIES` asks for it; a failed test tells it anyway.
pub(crate) fn tell_story(told: &Told) {
    if std::env::var_os("SIGHTLINE_LAB_STORIES").is_some() {
        writeln!(io::stderr(), "{}", told.in_words()).ok();
    }
}

/// Says aloud that there is no laboratory here, and why; where everything is meant to be tested, it fails instead.
pub(crate) fn skipped(Missing(why): &Missing) {
    let word = format!("SKIPPED, NOT TESTED: {why}");
    assert!(std::env::var_os("CI").is_none_or(|ci| ci.is_empty()), "{word}. In CI nothing is skipped");
    writeln!(io::stderr(), "{word}").ok();
}

pub(crate) fn median(figures: &[Duration]) -> Duration {
    at_percent(figures, 50)
}

/// The figure that so many of a hundred do not exceed.
pub(crate) fn at_percent(figures: &[Duration], percent: usize) -> Duration {
    let mut sorted = figures.to_vec();
    sorted.sort_unstable();
    let place = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(place).copied().unwrap_or_default()
}

/// What a listener missed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Heard {
    /// The longest time in which nothing was heard of the steady tone, once it had begun.
    pub(crate) gap: Duration,
    /// Chirps that were heard; one is said every second.
    pub(crate) chirps: usize,
    /// How long the recording is.
    pub(crate) length: Duration,
}

const RATE: usize = 48_000;
/// A tenth of this is the finest gap that is seen.
const WINDOW: usize = RATE / 100;

/// Listens to a recording of the test sound, which hums without a pause and chirps every second.
pub(crate) fn listen(samples: &[f32]) -> Heard {
    let loudness: Vec<f32> = samples
        .chunks_exact(WINDOW)
        .map(|window| (window.iter().map(|sample| sample * sample).sum::<f32>() / WINDOW as f32).sqrt())
        .collect();
    let mut usual = loudness.clone();
    usual.sort_unstable_by(f32::total_cmp);
    let usual = usual.get(usual.len() / 2).copied().unwrap_or_default();
    let hums: Vec<bool> = loudness.iter().map(|loud| *loud > usual / 2.0).collect();
    let from = hums.iter().position(|hums| *hums).unwrap_or(0);
    let to = hums.iter().rposition(|hums| *hums).map_or(0, |last| last + 1);
    let longest = hums[from..to.max(from)].split(|hums| *hums).map(<[bool]>::len).max().unwrap_or_default();
    Heard {
        gap: Duration::from_millis(10) * u32::try_from(longest).unwrap_or(u32::MAX),
        chirps: find_chirps(samples).len(),
        length: Duration::from_secs_f64(samples.len() as f64 / RATE as f64),
    }
}

#[cfg(test)]
mod tests {
    use sightline::{logic::units::MediaTime, media::tone::generate};

    use super::*;

    #[test]
    fn a_hole_in_the_sound_is_heard_and_measured() {
        let mut sound = vec![0.0; 10 * RATE];
        generate(MediaTime(300_000), &mut sound);
        assert_eq!(listen(&sound).gap, Duration::ZERO);
        assert_eq!(listen(&sound).chirps, 10);

        sound[3 * RATE..3 * RATE + RATE / 2].fill(0.0);
        sound[..RATE / 4].fill(0.0);

        let heard = listen(&sound);
        assert!(heard.gap.abs_diff(Duration::from_millis(500)) <= Duration::from_millis(10), "{heard:?}");
    }

    #[test]
    fn the_median_and_the_ends_are_figures_that_were_measured() {
        let figures: Vec<_> = (1..=20).rev().map(Duration::from_millis).collect();
        assert_eq!(median(&figures), Duration::from_millis(10));
        assert_eq!(at_percent(&figures, 95), Duration::from_millis(19));
        assert_eq!((at_percent(&figures, 0), at_percent(&figures, 100)), (figures[19], figures[0]));
    }
}

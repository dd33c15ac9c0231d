//! What was seen in one direction of one call. All times are milliseconds since the receiving end was connected.

use sightline::media::{
    SAMPLE_RATE_HZ,
    tone::{ChirpKind, Found, find_chirps},
};

/// A picture as a person sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Seen {
    /// When.
    pub(crate) at_ms: f64,
    /// How long ago it was captured, where that is known.
    pub(crate) delay_ms: Option<f64>,
    /// The same, until it was handed over to be shown.
    pub(crate) handed_ms: Option<f64>,
    pub(crate) width: u32,
}

/// How much of the pictures had been sent or received until then.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Volume {
    pub(crate) at_ms: f64,
    pub(crate) bytes: f64,
}

/// How long after it was said each chirp is heard that is in these samples. One is said in every second since `said_ms`; which of
/// four it is tells which second it belongs to.
pub(crate) fn mouth_to_ear_ms(samples: &[f32], heard_from_ms: f64, said_ms: f64) -> Vec<f64> {
    let late = |chirp: Found| {
        let heard_s = (heard_from_ms - said_ms) / 1e3 + chirp.at_sample / f64::from(SAMPLE_RATE_HZ);
        (heard_s - chirp.kind.index() as f64).rem_euclid(ChirpKind::ALL.len() as f64) * 1e3
    };
    find_chirps(samples).into_iter().map(late).collect()
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Story {
    pub(crate) seen: Vec<Seen>,
    /// Without headers and repetitions.
    pub(crate) sent: Vec<Volume>,
    /// Without headers.
    pub(crate) received: Vec<Volume>,
    pub(crate) concealed_percent: Option<f64>,
    /// How long sound waits before it is played, on average.
    pub(crate) sound_buffer_ms: Option<f64>,
    /// Each that was heard.
    pub(crate) mouth_to_ear_ms: Vec<f64>,
    /// Of the end that receives here, which sends as much the other way.
    pub(crate) cores: Option<f64>,
}

#[cfg(test)]
mod tests {
    use sightline::{logic::units::MediaTime, media::tone::generate};

    use super::*;

    #[test]
    fn a_chirp_is_heard_as_long_after_it_was_said_as_it_took() {
        let mut samples = vec![0.0; 5 * 48_000];
        generate(MediaTime(6_100_000), &mut samples);
        // They were said 6.1 s earlier than the samples begin, but for 80 ms that they were under way.
        let late = mouth_to_ear_ms(&samples, 50_000.0, 50_000.0 - 6_180.0);
        assert_eq!(late.len(), 5);
        assert!(late.iter().all(|late| (late - 80.0).abs() < 0.5), "{late:?}");
    }
}

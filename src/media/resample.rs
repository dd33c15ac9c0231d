//! Sound from a device's rate to ours and back, and a little faster or slower where the two clocks differ.
//!
//! Also where both rates are the same: a device that is to be followed by some millionths has to be resampled all the same,
//! and a switch between a way with and one without would be heard.

use rubato::{
    Adjustable as _, Async, FixedAsync, Resampler as _, SincInterpolationParameters, SincInterpolationType,
    WindowFunction, audioadapter_buffers::direct::InterleavedSlice,
};

use super::SAMPLE_RATE_HZ;

/// Samples of ours that are handled at once: 10 ms.
pub const BLOCK_SAMPLES: usize = 480;
/// How far the steering may go from the rates as they are written.
const MOST_STEERING: f64 = 1.01;
/// Rates that a device may have.
const RATES: std::ops::RangeInclusive<u32> = 4_000..=384_000;

/// What keeps sound from being brought to another rate.
#[derive(Debug, thiserror::Error)]
#[error("sound at {0} Hz cannot be handled; choose another rate for the device in the system's settings")]
pub struct NoSuchRate(pub u32);

/// Brings one stream of mono sound to another rate. Allocates only when it is made.
pub struct Resampler {
    inner: Async<f32>,
    /// Whether the device is where sound comes from.
    from_device: bool,
}

impl Resampler {
    /// From a device to us: gives [`BLOCK_SAMPLES`] at once.
    pub fn from_device(rate_hz: u32) -> Result<Self, NoSuchRate> {
        let ratio = f64::from(SAMPLE_RATE_HZ) / f64::from(rate_hz);
        Ok(Self { inner: make(rate_hz, ratio, FixedAsync::Output)?, from_device: true })
    }

    /// From us to a device: takes [`BLOCK_SAMPLES`] at once.
    pub fn to_device(rate_hz: u32) -> Result<Self, NoSuchRate> {
        let ratio = f64::from(rate_hz) / f64::from(SAMPLE_RATE_HZ);
        Ok(Self { inner: make(rate_hz, ratio, FixedAsync::Input)?, from_device: false })
    }

    /// How many samples it takes next.
    pub fn takes(&self) -> usize {
        self.inner.input_frames_next()
    }

    /// The most that it ever takes, and gives.
    pub fn most(&self) -> (usize, usize) {
        (self.inner.input_frames_max(), self.inner.output_frames_max())
    }

    /// From the next block on: so many samples of the device for one of ours, beyond what the two rates say.
    pub fn steer(&mut self, ratio: f64) {
        let ratio = if self.from_device { ratio.recip() } else { ratio };
        let ratio = ratio.clamp(MOST_STEERING.recip(), MOST_STEERING);
        self.inner.set_resample_ratio_relative(ratio, true).ok();
    }

    /// Takes what [`Self::takes`] says, and gives how many samples it made of it.
    pub fn resample(&mut self, input: &[f32], output: &mut [f32]) -> usize {
        let (frames_in, frames_out) = (input.len(), output.len());
        let buffers =
            (InterleavedSlice::new(input, 1, frames_in), InterleavedSlice::new_mut(output, 1, frames_out));
        let (Ok(input), Ok(mut output)) = buffers else { return 0 };
        match self.inner.process_into_buffer(&input, &mut output, None) {
            Ok((_, made)) => made,
            Err(error) => {
                tracing::error!(%error, "a block of sound could not be brought to another rate");
                0
            }
        }
    }
}

fn make(rate_hz: u32, ratio: f64, fixed: FixedAsync) -> Result<Async<f32>, NoSuchRate> {
    if !RATES.contains(&rate_hz) {
        return Err(NoSuchRate(rate_hz));
    }
    // Short enough to cost 0.7 ms, long enough that nothing of speech is lost below 19 kHz.
    let parameters = SincInterpolationParameters {
        sinc_len: 64,
        f_cutoff: Some(0.91),
        oversampling_factor: 128,
        interpolation: SincInterpolationType::Linear,
        window: WindowFunction::BlackmanHarris2,
    };
    Async::new_sinc(ratio, MOST_STEERING, &parameters, BLOCK_SAMPLES, 1, fixed)
        .map_err(|_| NoSuchRate(rate_hz))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f64, rate_hz: u32, from: usize, samples: usize) -> Vec<f32> {
        (from..from + samples)
            .map(|at| (at as f64 * hz * std::f64::consts::TAU / f64::from(rate_hz)).sin() as f32 * 0.5)
            .collect()
    }

    /// Level of what is not the tone, against the tone.
    fn noise_db(samples: &[f32], hz: f64, rate_hz: u32) -> f64 {
        let (mut sine, mut cosine) = (0.0, 0.0);
        let angle = |at: usize| at as f64 * hz * std::f64::consts::TAU / f64::from(rate_hz);
        for (at, sample) in samples.iter().enumerate() {
            sine += f64::from(*sample) * angle(at).sin() * 2.0 / samples.len() as f64;
            cosine += f64::from(*sample) * angle(at).cos() * 2.0 / samples.len() as f64;
        }
        let (mut tone, mut rest) = (0.0, 0.0);
        for (at, sample) in samples.iter().enumerate() {
            let expected = sine * angle(at).sin() + cosine * angle(at).cos();
            tone += expected * expected;
            rest += (f64::from(*sample) - expected).powi(2);
        }
        10.0 * (rest / tone).log10()
    }

    #[test]
    fn a_tone_stays_itself_at_any_rate_and_both_ways() {
        for rate in [8_000, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000] {
            let mut from = Resampler::from_device(rate).unwrap();
            let (mut heard, mut at, mut block) = (Vec::new(), 0, [0.0; BLOCK_SAMPLES]);
            for _ in 0..100 {
                let takes = from.takes();
                assert_eq!(from.resample(&tone(1_000.0, rate, at, takes), &mut block), BLOCK_SAMPLES);
                at += takes;
                heard.extend_from_slice(&block);
            }
            let noise = noise_db(&heard[4_800..], 1_000.0, 48_000);
            assert!(noise < -60.0, "{noise} dB from {rate} Hz");
            let mut to = Resampler::to_device(rate).unwrap();
            let (mut played, mut out) = (Vec::new(), vec![0.0; to.most().1]);
            for block in 0..100 {
                assert_eq!(to.takes(), BLOCK_SAMPLES);
                let made =
                    to.resample(&tone(1_000.0, 48_000, block * BLOCK_SAMPLES, BLOCK_SAMPLES), &mut out);
                played.extend_from_slice(&out[..made]);
            }
            let noise = noise_db(&played[played.len() / 10..], 1_000.0, rate);
            assert!(noise < -60.0, "{noise} dB to {rate} Hz");
            assert!(played.len().abs_diff(rate as usize) < 200, "{} samples of {rate}", played.len());
        }
    }

    #[test]
    fn steering_takes_more_of_the_device_or_gives_it_more() {
        let mut block = [0.0; BLOCK_SAMPLES];
        let mut from = Resampler::from_device(48_000).unwrap();
        from.steer(1.001);
        let taken: usize = (0..1_000)
            .map(|_| {
                let takes = from.takes();
                from.resample(&vec![0.0; takes], &mut block);
                takes
            })
            .sum();
        assert!(taken.abs_diff(480_480) < 5, "{taken}");
        let mut to = Resampler::to_device(48_000).unwrap();
        to.steer(1.001);
        let mut out = vec![0.0; to.most().1];
        let given: usize = (0..1_000).map(|_| to.resample(&block, &mut out)).sum();
        assert!(given.abs_diff(480_480) < 5, "{given}");
    }

    #[test]
    fn a_rate_that_no_device_has_is_refused_in_words() {
        let refused = Resampler::from_device(0).err().map(|error| error.to_string());
        assert!(refused.is_some_and(|words| words.contains("0 Hz")));
    }
}

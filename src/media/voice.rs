//! Our sound, cleaned: the echo of the other side taken out of it, noise held down, the level brought to where speech is
//! heard well.
//!
//! Behind it stands `sonora`, a port of the audio processing that browsers use, in their order: echo canceller, noise
//! suppressor, gain control. It is handed what the loudspeaker plays and what the microphone hears, in blocks of 10 ms.
//!
//! What was tried and failed: 32 kHz inside, which is the crate's default and cheaper by a quarter. All above 16 kHz is then
//! cut off, and a voice sounds as through a blanket beside what Opus carries at 48 kHz.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sonora::{
    AudioProcessing, Config, StreamConfig,
    config::{
        AdaptiveDigital, EchoCanceller, GainController2, HighPassFilter, MaxProcessingRate, NoiseSuppression,
        Pipeline,
    },
};

use super::SAMPLE_RATE_HZ;

/// Samples that are cleaned at once: 10 ms.
pub const BLOCK_SAMPLES: usize = 480;

/// The gain before anybody has spoken. The crate has 15: what is left of an echo in the first seconds would be as loud as the
/// echo was. A voice that is far too quiet has its level after four seconds of speech all the same.
const INITIAL_GAIN_DB: f32 = 3.0;

/// What is done to our sound. All of it, unless somebody says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VoiceSettings {
    /// What the loudspeaker plays is taken out of what the microphone hears.
    pub echo: bool,
    /// Noise that stays the same is held down.
    pub noise: bool,
    /// Quiet and loud voices are brought to the same level.
    pub gain: bool,
}

impl VoiceSettings {
    /// Sound stays as it was heard.
    pub const NOTHING: Self = Self { echo: false, noise: false, gain: false };
}

impl Default for VoiceSettings {
    fn default() -> Self {
        Self { echo: true, noise: true, gain: true }
    }
}

/// What is known of how well it goes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct VoiceFigures {
    /// By how much the echo's linear part is weakened, in the canceller's own estimate.
    pub echo_return_loss_enhancement_db: Option<f32>,
    /// How much weaker the echo comes back than what was played, before anything is done.
    pub echo_return_loss_db: Option<f32>,
    /// From a block being handed over as played to its echo being heard, as found in the sound itself.
    pub echo_delay_ms: Option<u32>,
}

/// Cleans one stream of sound. The crate takes some fifty small pieces of memory for each block, and has given them all back
/// when the block is done; nothing is kept, and nothing but [`VoiceCleaner::new`] and [`VoiceCleaner::set`] asks for much.
pub struct VoiceCleaner {
    processing: AudioProcessing,
    settings: VoiceSettings,
    /// Where the processing puts what it makes of a block.
    out: [f32; BLOCK_SAMPLES],
}

impl VoiceCleaner {
    /// One that has heard nothing yet.
    pub fn new(settings: VoiceSettings) -> Self {
        let stream = StreamConfig::new(SAMPLE_RATE_HZ, 1);
        let processing = AudioProcessing::builder()
            .config(config(settings))
            .capture_config(stream)
            .render_config(stream)
            .build();
        Self { processing, settings, out: [0.0; BLOCK_SAMPLES] }
    }

    /// What is done.
    pub fn settings(&self) -> VoiceSettings {
        self.settings
    }

    /// Does something else from now on. Switching echo cancelling or noise suppression starts the canceller anew, which
    /// has learned the room again after about a second.
    pub fn set(&mut self, settings: VoiceSettings) {
        if settings != self.settings {
            self.processing.apply_config(config(settings));
            self.settings = settings;
        }
    }

    /// Takes a block that the loudspeaker plays. Its echo is heard later, never before.
    pub fn played(&mut self, block: &[f32; BLOCK_SAMPLES]) {
        if self.settings.echo {
            let mut block = *block;
            tame(&mut block);
            let taken = self.processing.process_render_f32(&[&block], &mut [&mut self.out]);
            debug_assert!(taken.is_ok(), "{taken:?}");
        }
    }

    /// Cleans a block that the microphone heard. `delay`: about how long after being played something is heard, of which
    /// the canceller makes its first guess; within half a second it finds out by itself.
    pub fn clean(&mut self, block: &mut [f32; BLOCK_SAMPLES], delay: Duration) {
        tame(block);
        if self.settings == VoiceSettings::NOTHING {
            return;
        }
        let delay_ms = i32::try_from(delay.as_millis()).unwrap_or(i32::MAX);
        // A delay beyond what it believes is cut to half a second by itself.
        self.processing.set_stream_delay_ms(delay_ms).ok();
        if self.processing.process_capture_f32(&[block], &mut [&mut self.out]).is_ok() {
            block.copy_from_slice(&self.out);
        }
    }

    /// How well it goes.
    pub fn figures(&self) -> VoiceFigures {
        if !self.settings.echo {
            return VoiceFigures::default();
        }
        let seen = self.processing.statistics();
        VoiceFigures {
            echo_return_loss_enhancement_db: seen.echo_return_loss_enhancement.map(|db| db as f32),
            echo_return_loss_db: seen.echo_return_loss.map(|db| db as f32),
            echo_delay_ms: seen.delay_ms.and_then(|ms| u32::try_from(ms).ok()),
        }
    }
}

/// One sample that is not a number would stay in the filters for ever.
fn tame(block: &mut [f32; BLOCK_SAMPLES]) {
    for sample in block {
        *sample = if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 };
    }
}

fn config(settings: VoiceSettings) -> Config {
    Config {
        pipeline: Pipeline {
            maximum_internal_processing_rate: MaxProcessingRate::Rate48kHz,
            ..Pipeline::default()
        },
        high_pass_filter: Some(HighPassFilter::default()),
        echo_canceller: settings.echo.then(EchoCanceller::default),
        noise_suppression: settings.noise.then(NoiseSuppression::default),
        // Always there, as everything would begin anew with its coming and going. Without the adaptive part it only keeps
        // what is too loud from being cut off.
        gain_controller2: Some(GainController2 {
            adaptive_digital: settings
                .gain
                .then(|| AdaptiveDigital { initial_gain_db: INITIAL_GAIN_DB, ..AdaptiveDigital::default() }),
            ..GainController2::default()
        }),
        ..Config::default()
    }
}

#[cfg(test)]
pub(crate) mod stage;
#[cfg(test)]
mod tests;

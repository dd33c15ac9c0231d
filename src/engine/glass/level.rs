//! How a meter moves: up at once, down at the pace that an eye follows, with the loudest moment left standing for a while.

use super::super::ports::SOUND_BLOCK;

/// What is quieter than this shows as silence.
const QUIETEST_DB: f32 = -60.0;
/// How fast it falls, a block of 10 ms: from full to nothing in half a second.
const FALL: f32 = 0.02;
/// For how many blocks the loudest stands.
const PEAK_STANDS: u32 = 100;

/// A level that follows sound.
#[derive(Clone, Debug, Default)]
pub struct Level {
    now: f32,
    peak: f32,
    stands: u32,
}

impl Level {
    /// The next 10 ms.
    pub fn hear(&mut self, block: &[f32; SOUND_BLOCK]) {
        let power = block.iter().map(|sample| sample * sample).sum::<f32>() / SOUND_BLOCK as f32;
        let db = 10.0 * power.max(f32::MIN_POSITIVE).log10();
        let loud = (1.0 - db / QUIETEST_DB).clamp(0.0, 1.0);
        self.now = loud.max(self.now - FALL).max(0.0);
        if loud >= self.peak {
            (self.peak, self.stands) = (loud, PEAK_STANDS);
        } else if self.stands > 0 {
            self.stands -= 1;
        } else {
            self.peak = (self.peak - FALL).max(self.now);
        }
    }

    /// From 0 for silence to 1 for as loud as it goes.
    pub const fn now(&self) -> f32 {
        self.now
    }

    /// The loudest of the last second.
    pub const fn peak(&self) -> f32 {
        self.peak
    }
}

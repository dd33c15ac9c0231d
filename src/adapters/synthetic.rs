//! Cameras and microphones that are none: the test picture, a tone, and files.
//!
//! They keep time like the real ones: a picture or a block is handed out when it would have been taken.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    engine::{
        clock::Clock,
        ports::{PictureSource, SOUND_BLOCK, SOUND_BLOCK_TIME, SoundSource, SourceEnded},
    },
    logic::{devices::Choice, units::MediaTime},
    media::{
        frame::{Frame, Size},
        pattern::Pattern,
        pool::Pool,
        tone, wav,
        y4m::Y4mReader,
    },
};

/// Pictures in use at once: taken, waiting in the mailbox, being encoded.
const POOL: usize = 6;

/// A beat that does not drift.
struct Beat {
    clock: Clock,
    started: Instant,
    per_second: u32,
    next: u64,
}

impl Beat {
    fn new(clock: Clock, per_second: u32) -> Self {
        Self { clock, started: clock.now(), per_second, next: 0 }
    }

    /// Waits for the next beat and gives its number. Whoever is late misses beats, as with a camera.
    fn wait(&mut self) -> (u64, Instant) {
        let elapsed = self.clock.now().saturating_duration_since(self.started);
        let missed = (elapsed.as_micros() * u128::from(self.per_second) / 1_000_000) as u64;
        let number = self.next.max(missed);
        let due = self.started + Duration::from_micros(number * 1_000_000 / u64::from(self.per_second));
        self.clock.sleep_until(due);
        self.next = number + 1;
        (number, due)
    }
}

/// The test picture.
pub struct PatternCamera {
    size: Size,
    /// Drawn on the thread that takes pictures, not on the one that makes cameras.
    pattern: Option<Pattern>,
    beat: Beat,
}

impl PatternCamera {
    /// At that size and rate, from now on.
    pub fn new(size: Size, fps: u32, clock: Clock) -> Self {
        Self { size, pattern: None, beat: Beat::new(clock, fps) }
    }
}

impl PictureSource for PatternCamera {
    fn next(&mut self) -> Result<Frame, SourceEnded> {
        let pattern = self.pattern.get_or_insert_with(|| Pattern::new(self.size, Pool::new(POOL)));
        let (number, due) = self.beat.wait();
        Ok(pattern.render(number as u32, self.beat.clock.media(due)))
    }
}

/// A film from a file, over and over.
pub struct FileCamera {
    reader: Y4mReader,
    beat: Beat,
}

impl FileCamera {
    /// Opens it.
    pub fn open(path: &Path, size: Size, fps: u32, clock: Clock) -> Result<Self, SourceEnded> {
        let reader =
            Y4mReader::open(path, size, Pool::new(POOL)).map_err(|error| SourceEnded(error.to_string()))?;
        Ok(Self { reader, beat: Beat::new(clock, fps) })
    }
}

impl PictureSource for FileCamera {
    fn next(&mut self) -> Result<Frame, SourceEnded> {
        let (_, due) = self.beat.wait();
        let captured = self.beat.clock.media(due);
        let ended = |error: crate::media::y4m::Y4mError| SourceEnded(error.to_string());
        if let Some(frame) = self.reader.next_frame(captured).map_err(ended)? {
            return Ok(frame);
        }
        self.reader.rewind().map_err(ended)?;
        self.reader
            .next_frame(captured)
            .map_err(ended)?
            .ok_or_else(|| SourceEnded("the film has no pictures any more".to_owned()))
    }
}

/// What a synthetic microphone hears.
#[derive(Clone, Debug)]
pub enum Hears {
    /// The tone with a chirp at every full second.
    Tone,
    /// A recording, over and over.
    Recording(Arc<[f32]>),
}

impl Hears {
    /// A recording from a file.
    pub fn file(path: &Path) -> Result<Self, wav::WavError> {
        Ok(Self::Recording(wav::read(path)?.into()))
    }
}

/// A microphone that is none.
pub struct SyntheticMicrophone {
    hears: Hears,
    beat: Beat,
}

impl SyntheticMicrophone {
    /// From now on.
    pub fn new(hears: Hears, clock: Clock) -> Self {
        Self { hears, beat: Beat::new(clock, 1000 / SOUND_BLOCK_TIME.as_millis() as u32) }
    }
}

impl SoundSource for SyntheticMicrophone {
    fn read(&mut self, block: &mut [f32; SOUND_BLOCK]) -> Result<MediaTime, SourceEnded> {
        // A block is complete when its last sample was heard, which is when the next one begins.
        let (number, due) = self.beat.wait();
        let heard = self.beat.clock.media(due - SOUND_BLOCK_TIME);
        match &self.hears {
            Hears::Tone => tone::generate(heard, block),
            Hears::Recording(samples) => {
                let from = number as usize * SOUND_BLOCK;
                for (offset, sample) in block.iter_mut().enumerate() {
                    *sample = samples[(from + offset) % samples.len()];
                }
            }
        }
        Ok(heard)
    }
}

/// Where pictures come from, as somebody wished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VideoChoice {
    /// The test picture.
    Pattern,
    /// A film.
    File(PathBuf),
    /// Nowhere.
    None,
}

/// Where sound comes from, as somebody wished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AudioChoice {
    /// The tone.
    Tone,
    /// A recording.
    File(PathBuf),
    /// A microphone.
    Device(Choice),
    /// Nowhere.
    None,
}

impl AudioChoice {
    /// Whether every sample of it is meant as it is, so that nobody may improve on it unasked.
    pub fn is_exact(&self) -> bool {
        match self {
            Self::Tone | Self::File(_) | Self::None => true,
            Self::Device(_) => false,
        }
    }
}

//! The media of an installation without a window: synthetic sources, and files or nothing as sinks.

use std::{path::PathBuf, time::Instant};

use crate::{
    engine::{
        clock::{Beat, Clock},
        ports::{
            MediaMaker, PictureSink, PictureSource, SOUND_BLOCK, SOUND_BLOCK_TIME, SoundSink, SoundSource,
            SourceEnded,
        },
    },
    logic::units::MediaTime,
    media::{
        frame::{Frame, Size},
        voice::VoiceSettings,
    },
};

use super::{
    recorder::{FilmSink, SoundFileSink},
    synthetic::{FileCamera, Hears, PatternCamera, SyntheticMicrophone, VideoChoice},
};

/// What somebody wished on the command line.
#[derive(Clone, Debug)]
pub struct Headless {
    /// Where pictures come from.
    pub video: VideoChoice,
    /// What the microphone hears; `None` where there is none.
    pub hears: Option<Hears>,
    /// How it is cleaned.
    pub voice: VoiceSettings,
    /// The size of pictures.
    pub size: Size,
    /// Pictures a second.
    pub fps: u32,
    /// Where to record what comes in.
    pub record: Option<PathBuf>,
    /// Whether the film is part of what is recorded.
    pub film: bool,
    /// The time.
    pub clock: Clock,
}

impl Headless {
    /// No camera, no microphone, and nobody who looks or listens.
    pub fn silent(clock: Clock) -> Self {
        Self {
            video: VideoChoice::None,
            hears: None,
            voice: VoiceSettings::NOTHING,
            size: Size::HD,
            fps: 30,
            record: None,
            film: false,
            clock,
        }
    }
}

impl MediaMaker for Headless {
    fn picture_source(&mut self) -> Result<Option<Box<dyn PictureSource>>, SourceEnded> {
        Ok(match &self.video {
            VideoChoice::Pattern => Some(Box::new(PatternCamera::new(self.size, self.fps, self.clock))),
            VideoChoice::File(path) => {
                Some(Box::new(FileCamera::open(path, self.size, self.fps, self.clock)?))
            }
            // A camera takes the place of what is made here.
            VideoChoice::Camera(_) | VideoChoice::None => None,
        })
    }

    fn sound_source(&mut self) -> Result<Option<Box<dyn SoundSource>>, SourceEnded> {
        Ok(self.hears.clone().map(|hears| Box::new(SyntheticMicrophone::new(hears, self.clock)) as Box<_>))
    }

    fn picture_sink(&mut self) -> Result<Box<dyn PictureSink>, SourceEnded> {
        match &self.record {
            Some(folder) => {
                let film = FilmSink::create(folder, self.fps, self.film.then_some(self.size))
                    .map_err(|error| SourceEnded(error.to_string()))?;
                Ok(Box::new(film))
            }
            None => Ok(Box::new(NobodyLooks)),
        }
    }

    fn sound_sink(&mut self) -> Result<Box<dyn SoundSink>, SourceEnded> {
        match &self.record {
            Some(folder) => {
                let file = SoundFileSink::create(folder, self.clock)
                    .map_err(|error| SourceEnded(error.to_string()))?;
                Ok(Box::new(file))
            }
            None => Ok(Box::new(NobodyListens(self.clock.beat(SOUND_BLOCK_TIME)))),
        }
    }

    fn voice(&self) -> VoiceSettings {
        self.voice
    }
}

struct NobodyLooks;

impl PictureSink for NobodyLooks {
    fn show(&mut self, _: &Frame, _: MediaTime, _: MediaTime) {}
}

struct NobodyListens(Beat);

impl SoundSink for NobodyListens {
    fn wait(&mut self) -> Instant {
        self.0.wait()
    }

    fn play(&mut self, _: &[f32; SOUND_BLOCK]) {}
}

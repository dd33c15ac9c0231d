//! The devices of this computer as the ends of media; where none is wanted, what stands in for them.

use std::{
    io,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;

use crate::{
    logic::{
        devices::{Choice, DeviceKind},
        report::SoundEdge,
    },
    media::voice::VoiceSettings,
};

use super::{
    clock::Clock,
    ports::{
        DeviceNews, MediaMaker, PictureSink, PictureSource, SOUND_BLOCK, SoundSink, SoundSource, SourceEnded,
        sound::MakeDevices,
    },
    sound_in::SoundIn,
    sound_keeper::{Microphones, SoundKeeper, Speakers},
    sound_out::SoundOut,
};

/// Ends of media, some of them devices.
pub struct DeviceMedia {
    others: Box<dyn MediaMaker>,
    microphone: Option<SoundKeeper<Microphones>>,
    speaker: Option<SoundKeeper<Speakers>>,
    clock: Clock,
}

impl DeviceMedia {
    /// What `others` make, and devices where they are asked for.
    pub fn new(others: Box<dyn MediaMaker>, clock: Clock) -> Self {
        Self { others, microphone: None, speaker: None, clock }
    }

    /// Our sound comes from a microphone.
    pub fn use_microphone(
        &mut self,
        choice: Choice,
        make: MakeDevices,
        news: mpsc::Sender<DeviceNews>,
    ) -> io::Result<()> {
        self.microphone = Some(SoundKeeper::start(choice, make, news, self.clock)?);
        Ok(())
    }

    /// Their sound goes to a speaker, and to where the others would bring it.
    pub fn use_speaker(
        &mut self,
        choice: Choice,
        make: MakeDevices,
        news: mpsc::Sender<DeviceNews>,
    ) -> io::Result<()> {
        self.speaker = Some(SoundKeeper::start(choice, make, news, self.clock)?);
        Ok(())
    }
}

impl MediaMaker for DeviceMedia {
    fn picture_source(&mut self) -> Result<Option<Box<dyn PictureSource>>, SourceEnded> {
        self.others.picture_source()
    }

    fn sound_source(&mut self) -> Result<Option<Box<dyn SoundSource>>, SourceEnded> {
        match &self.microphone {
            Some(keeper) => Ok(Some(Box::new(SoundIn::new(keeper.sit(), self.clock)))),
            None => self.others.sound_source(),
        }
    }

    fn picture_sink(&mut self) -> Result<Box<dyn PictureSink>, SourceEnded> {
        self.others.picture_sink()
    }

    fn sound_sink(&mut self) -> Result<Box<dyn SoundSink>, SourceEnded> {
        let other = self.others.sound_sink()?;
        match &self.speaker {
            Some(keeper) => {
                let speaker = SoundOut::new(keeper.sit(), self.clock);
                Ok(Box::new(Both { speaker, other }))
            }
            None => Ok(other),
        }
    }

    fn voice(&self) -> VoiceSettings {
        self.others.voice()
    }

    fn use_device(&mut self, kind: DeviceKind, choice: Choice) {
        match kind {
            DeviceKind::Microphone => {
                if let Some(keeper) = &self.microphone {
                    keeper.use_device(choice);
                }
            }
            DeviceKind::Speaker => {
                if let Some(keeper) = &self.speaker {
                    keeper.use_device(choice);
                }
            }
            DeviceKind::Camera => self.others.use_device(kind, choice),
        }
    }
}

/// A speaker, and a file beside it that gets the same, at the speaker's beat.
struct Both {
    speaker: SoundOut,
    other: Box<dyn SoundSink>,
}

impl SoundSink for Both {
    fn wait(&mut self) -> Instant {
        self.speaker.wait()
    }

    fn play(&mut self, block: &[f32; SOUND_BLOCK]) {
        self.speaker.play(block);
        self.other.play(block);
    }

    fn delay(&self) -> Duration {
        self.speaker.delay()
    }

    fn figures(&self) -> Option<SoundEdge> {
        self.speaker.figures()
    }
}

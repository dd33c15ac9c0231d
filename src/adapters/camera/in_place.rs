//! A camera in the place of what others would show.

use crate::{
    engine::ports::{MediaMaker, PictureSink, PictureSource, SoundSink, SoundSource, SourceEnded},
    logic::devices::{Choice, DeviceKind},
    media::frame::Size,
};

use super::Cameras;

/// The ends of media that others make, but for our pictures.
pub struct WithCamera {
    others: Box<dyn MediaMaker>,
    cameras: Cameras,
    size: Size,
    fps: u32,
}

impl WithCamera {
    /// With pictures of about that size and rate.
    pub fn new(others: Box<dyn MediaMaker>, cameras: Cameras, size: Size, fps: u32) -> Self {
        Self { others, cameras, size, fps }
    }
}

impl MediaMaker for WithCamera {
    fn picture_source(&mut self) -> Result<Option<Box<dyn PictureSource>>, SourceEnded> {
        Ok(Some(Box::new(self.cameras.source(self.size, self.fps))))
    }

    fn sound_source(&mut self) -> Result<Option<Box<dyn SoundSource>>, SourceEnded> {
        self.others.sound_source()
    }

    fn picture_sink(&mut self) -> Result<Box<dyn PictureSink>, SourceEnded> {
        self.others.picture_sink()
    }

    fn sound_sink(&mut self) -> Result<Box<dyn SoundSink>, SourceEnded> {
        self.others.sound_sink()
    }

    fn use_device(&mut self, kind: DeviceKind, choice: Choice) {
        match kind {
            DeviceKind::Camera => self.cameras.choose(choice),
            DeviceKind::Microphone | DeviceKind::Speaker => self.others.use_device(kind, choice),
        }
    }
}

//! Ends of media that show on the glass what goes through them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{Glass, Level, Meter};
use crate::{
    engine::{
        ports::{MediaMaker, PictureSink, PictureSource, SOUND_BLOCK, SoundSink, SoundSource, SourceEnded},
        reference::ReferenceIn,
    },
    logic::{
        devices::{Choice, DeviceKind},
        report::SoundEdge,
        units::MediaTime,
    },
    media::{frame::Frame, voice::VoiceSettings},
};

/// A meter that somebody looks at is said to have moved after so many blocks: twenty times a second.
const MOVES_EVERY: u32 = 5;

/// What `others` make, seen through the glass.
pub struct OnGlass {
    others: Box<dyn MediaMaker>,
    glass: Arc<Glass>,
}

impl OnGlass {
    /// Shows there what goes through the ends that `others` make.
    pub fn new(others: Box<dyn MediaMaker>, glass: Arc<Glass>) -> Self {
        Self { others, glass }
    }
}

impl MediaMaker for OnGlass {
    fn picture_source(&mut self) -> Result<Option<Box<dyn PictureSource>>, SourceEnded> {
        let glass = &self.glass;
        let seen = |source| Box::new(SeenSource { source, glass: glass.clone(), rests: true }) as Box<_>;
        self.others.picture_source().map(|source| source.map(seen))
    }

    fn sound_source(&mut self) -> Result<Option<Box<dyn SoundSource>>, SourceEnded> {
        let glass = &self.glass;
        let heard = |source| Box::new(HeardSource { source, gauge: Gauge::new(glass, microphone) }) as Box<_>;
        self.others.sound_source().map(|source| source.map(heard))
    }

    fn picture_sink(&mut self) -> Result<Box<dyn PictureSink>, SourceEnded> {
        let sink = self.others.picture_sink()?;
        Ok(Box::new(SeenSink { sink, glass: self.glass.clone() }))
    }

    fn sound_sink(&mut self) -> Result<Box<dyn SoundSink>, SourceEnded> {
        let sink = self.others.sound_sink()?;
        Ok(Box::new(HeardSink { sink, gauge: Gauge::new(&self.glass, theirs) }))
    }

    fn voice(&self) -> VoiceSettings {
        self.others.voice()
    }

    fn use_device(&mut self, kind: DeviceKind, choice: Choice) {
        self.others.use_device(kind, choice);
    }
}

struct SeenSource {
    source: Box<dyn PictureSource>,
    glass: Arc<Glass>,
    rests: bool,
}

impl PictureSource for SeenSource {
    fn next(&mut self) -> Result<Option<Frame>, SourceEnded> {
        let next = self.source.next();
        if let Ok(Some(frame)) = &next {
            self.rests = false;
            self.glass.show_ours(frame);
        }
        next
    }

    fn rest(&mut self) {
        self.source.rest();
        if !std::mem::replace(&mut self.rests, true) {
            self.glass.no_picture_of_ours();
        }
    }
}

impl Drop for SeenSource {
    fn drop(&mut self) {
        self.glass.no_picture_of_ours();
    }
}

struct SeenSink {
    sink: Box<dyn PictureSink>,
    glass: Arc<Glass>,
}

impl PictureSink for SeenSink {
    fn show(&mut self, frame: &Frame, arrived: MediaTime, shown: MediaTime) {
        self.glass.show_theirs(frame);
        self.sink.show(frame, arrived, shown);
    }
}

impl Drop for SeenSink {
    fn drop(&mut self) {
        self.glass.no_picture_of_theirs();
    }
}

struct HeardSource {
    source: Box<dyn SoundSource>,
    gauge: Gauge,
}

impl SoundSource for HeardSource {
    fn read(&mut self, block: &mut [f32; SOUND_BLOCK]) -> Result<MediaTime, SourceEnded> {
        let heard = self.source.read(block)?;
        self.gauge.hear(block);
        Ok(heard)
    }

    fn figures(&self) -> Option<SoundEdge> {
        self.source.figures()
    }
}

struct HeardSink {
    sink: Box<dyn SoundSink>,
    gauge: Gauge,
}

impl SoundSink for HeardSink {
    fn wait(&mut self) -> Instant {
        self.sink.wait()
    }

    fn play(&mut self, block: &[f32; SOUND_BLOCK]) {
        self.sink.play(block);
        self.gauge.hear(block);
    }

    fn delay(&self) -> Duration {
        self.sink.delay()
    }

    fn figures(&self) -> Option<SoundEdge> {
        self.sink.figures()
    }

    fn tap(&mut self, reference: ReferenceIn) -> Option<ReferenceIn> {
        self.sink.tap(reference)
    }
}

/// Moves one of the meters.
struct Gauge {
    glass: Arc<Glass>,
    which: fn(&Glass) -> &Meter,
    level: Level,
    blocks: u32,
}

const fn microphone(glass: &Glass) -> &Meter {
    &glass.meters.microphone
}

const fn theirs(glass: &Glass) -> &Meter {
    &glass.meters.theirs
}

impl Gauge {
    fn new(glass: &Arc<Glass>, which: fn(&Glass) -> &Meter) -> Self {
        Self { glass: glass.clone(), which, level: Level::default(), blocks: 0 }
    }

    fn hear(&mut self, block: &[f32; SOUND_BLOCK]) {
        self.level.hear(block);
        let meter = (self.which)(&self.glass);
        meter.set(&self.level);
        self.blocks += 1;
        if self.blocks >= MOVES_EVERY {
            self.blocks = 0;
            if meter.take_looked() {
                self.glass.come_along();
            }
        }
    }
}

impl Drop for Gauge {
    fn drop(&mut self) {
        (self.which)(&self.glass).set(&Level::default());
        self.glass.wake();
    }
}

//! One camera and its thread: opens it, turns what it gives into pictures, and leaves them on the desk.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    engine::{clock::Clock, thread::Stop},
    logic::{
        camera_modes::{PixelFormat, Wanted},
        devices::{Cause, DeviceId},
        thinning::Thinning,
    },
    media::{
        convert,
        frame::{Frame, FrameMut},
        mjpeg::MjpegDecoder,
        pool::Pool,
    },
};

use super::{Driver, Raw};

/// Pictures in use at once: taken, on the desk, in the mailbox, being encoded.
const POOL: usize = 6;
/// So many pictures in a row that are none, and the camera counts as broken. Many begin with two or three.
const MOST_DAMAGED: u32 = 60;

/// Where the threads of a source leave what they have. Holds the newest picture; reports are few: two of each thread.
#[derive(Default)]
pub(super) struct Desk {
    left: Mutex<Left>,
    changed: Condvar,
}

#[derive(Default)]
struct Left {
    picture: Option<(u32, Frame)>,
    news: VecDeque<(u32, News)>,
}

/// What a thread reports.
#[derive(Debug)]
pub(super) enum News {
    /// It could not go on, or not begin.
    Ended(Cause),
    /// Its camera is closed.
    Closed,
}

impl Desk {
    /// Waits until something is left there, but not longer.
    pub(super) fn wait(&self, limit: Duration) {
        let left = self.left();
        drop(
            self.changed
                .wait_timeout_while(left, limit, |left| left.picture.is_none() && left.news.is_empty())
                .unwrap_or_else(PoisonError::into_inner),
        );
    }

    /// The newest picture, and which thread took it.
    pub(super) fn take_picture(&self) -> Option<(u32, Frame)> {
        self.left().picture.take()
    }

    pub(super) fn take_news(&self) -> VecDeque<(u32, News)> {
        std::mem::take(&mut self.left().news)
    }

    fn leave_picture(&self, number: u32, picture: Frame) {
        self.left().picture = Some((number, picture));
        self.changed.notify_all();
    }

    fn report(&self, number: u32, news: News) {
        self.left().news.push_back((number, news));
        self.changed.notify_all();
    }

    fn left(&self) -> MutexGuard<'_, Left> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What such a thread needs.
pub(super) struct Work {
    pub(super) number: u32,
    pub(super) driver: Arc<dyn Driver>,
    pub(super) id: DeviceId,
    pub(super) wanted: Wanted,
    pub(super) clock: Clock,
    pub(super) desk: Arc<Desk>,
    pub(super) stop: Stop,
}

impl Work {
    pub(super) fn run(self) {
        // Said also when a driver panics: some of their crates do, where a camera goes at the wrong moment.
        let _said = SaysClosed { number: self.number, desk: self.desk.clone() };
        if let Err(cause) = self.take_pictures() {
            self.desk.report(self.number, News::Ended(cause));
        }
    }

    fn take_pictures(&self) -> Result<(), Cause> {
        let mut lens = self.driver.open(&self.id, self.wanted)?;
        let mode = lens.mode();
        tracing::info!(camera = %self.id, ?mode, "opened a camera");
        let mut developer = Developer::new(mode.format)?;
        let mut thinning = Thinning::new(mode.interval.fps(), self.wanted.fps);
        let mut damaged = 0;
        while !self.stop.is_set() {
            let Some(raw) = lens.next()? else { continue };
            let now = self.clock.now();
            if !thinning.keeps(now) {
                continue;
            }
            match developer.develop(&raw) {
                Ok(picture) => {
                    damaged = 0;
                    self.desk.leave_picture(self.number, picture.freeze(self.clock.media(now)));
                }
                Err(why) => {
                    tracing::debug!(why, "left a damaged picture out");
                    damaged += 1;
                    if damaged > MOST_DAMAGED {
                        return Err(Cause::Broken(why));
                    }
                }
            }
        }
        Ok(())
    }
}

struct SaysClosed {
    number: u32,
    desk: Arc<Desk>,
}

impl Drop for SaysClosed {
    fn drop(&mut self) {
        self.desk.report(self.number, News::Closed);
    }
}

/// Turns what a camera gives into pictures.
struct Developer {
    format: PixelFormat,
    pool: Pool,
    jpeg: MjpegDecoder,
}

impl Developer {
    fn new(format: PixelFormat) -> Result<Self, Cause> {
        let pool = Pool::new(POOL);
        let jpeg = MjpegDecoder::new(pool.clone()).map_err(|error| Cause::Broken(error.to_string()))?;
        Ok(Self { format, pool, jpeg })
    }

    fn develop(&mut self, raw: &Raw<'_>) -> Result<FrameMut, String> {
        let (bytes, stride, size, pool) = (&raw.bytes[..], raw.stride, raw.size, &self.pool);
        match self.format {
            PixelFormat::Mjpeg => return self.jpeg.decode(bytes).map_err(|error| error.to_string()),
            PixelFormat::Yuyv => convert::from_yuyv(bytes, stride, size, pool),
            PixelFormat::Nv12 => convert::from_nv12(bytes, stride, size, pool),
            PixelFormat::Grey => convert::from_grey(bytes, stride, size, pool),
        }
        .map_err(|error| error.to_string())
    }
}

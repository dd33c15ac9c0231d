//! Cameras: pictures from whichever is chosen, whatever happens to it meanwhile.
//!
//! A camera can be pulled out, stand still, be held by another program or come back, at any moment of a call, and each of
//! these is noticed differently, or not at all. So each camera that is open has a thread of its own (`device.rs`), which
//! may hang; the source (`source.rs`) waits for its pictures, but never for the thread. Which camera is opened when, the
//! `Keeper` of `logic/devices.rs` decides. While there is none, and pictures were seen before, the other side sees a card
//! with words (`cards.rs`).
//!
//! `nokhwa`'s camera (`portable.rs`) waits for a picture without end, and shares one handle with whoever opens the same
//! camera again. So a stalled camera could neither be opened again nor be closed, and its light would have stayed on after
//! *camera off*; seen with v4l2loopback. On Linux `video4linux.rs` therefore asks through the crate below it, which has a
//! time-out, and tells how long a row and a picture really are. `nokhwa`'s `CallbackCamera` never calls back after an error,
//! and spins.

mod cards;
mod device;
mod in_place;
mod portable;
mod source;
#[cfg(target_os = "linux")]
mod video4linux;

use std::{
    borrow::Cow,
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::mpsc;

use crate::{
    engine::{clock::Clock, ports::DeviceNews, thread::Thread},
    logic::{
        camera_modes::{Mode, Wanted},
        devices::{Cause, Choice, Device, DeviceId, DeviceKind},
    },
    media::frame::Size,
};

pub use in_place::WithCamera;
pub use portable::Portable;
pub use source::CameraSource;
#[cfg(target_os = "linux")]
pub use video4linux::Video4Linux;

/// How often it is looked which cameras there are.
const LOOK_EVERY: Duration = Duration::from_millis(1500);

/// A way to a system's cameras.
pub trait Driver: Send + Sync {
    /// All that there are. Opens none for longer than it takes to ask what it is.
    fn list(&self) -> Vec<Device>;
    /// Opens one, in the mode that fits best.
    fn open(&self, id: &DeviceId, wanted: Wanted) -> Result<Box<dyn Lens>, Cause>;
}

/// A camera that is open. Dropping it closes it.
pub trait Lens {
    /// How it gives pictures.
    fn mode(&self) -> Mode;
    /// Waits for the next picture; `None` where none came for a while, from a driver that can tell.
    fn next(&mut self) -> Result<Option<Raw<'_>>, Cause>;
}

/// A picture as the camera gives it.
#[derive(Debug)]
pub struct Raw<'a> {
    /// In the format of the camera's mode.
    pub bytes: Cow<'a, [u8]>,
    /// From one row to the next; nothing where the format has no rows.
    pub stride: usize,
    /// Of the pixels.
    pub size: Size,
}

/// The way to this system's cameras.
pub fn native() -> Arc<dyn Driver> {
    #[cfg(target_os = "linux")]
    return Arc::new(Video4Linux::default());
    #[cfg(not(target_os = "linux"))]
    return Arc::new(Portable::default());
}

/// All cameras of this computer, as they are and as one is wished for.
pub struct Cameras {
    shared: Arc<Shared>,
    lister: Option<Thread>,
}

struct Shared {
    driver: Arc<dyn Driver>,
    clock: Clock,
    news: mpsc::Sender<DeviceNews>,
    common: Mutex<Common>,
    ended: Condvar,
}

#[derive(Default)]
struct Common {
    choice: Choice,
    listed: Option<Vec<Device>>,
    over: bool,
}

impl Cameras {
    /// Watches over them, and tells.
    pub fn start(
        driver: Arc<dyn Driver>,
        choice: Choice,
        clock: Clock,
        news: mpsc::Sender<DeviceNews>,
    ) -> io::Result<Self> {
        let common = Mutex::new(Common { choice, ..Common::default() });
        let shared = Arc::new(Shared { driver, clock, news, common, ended: Condvar::new() });
        let lister = {
            let shared = shared.clone();
            Thread::spawn("camera-list", move || shared.keep_listing())?
        };
        Ok(Self { shared, lister: Some(lister) })
    }

    /// Another one is wished for, in a call and in those to come.
    pub fn choose(&self, choice: Choice) {
        self.shared.common().choice = choice;
    }

    /// Pictures of about that size and rate. A camera is opened with the first that is asked for.
    pub fn source(&self, size: Size, fps: u32) -> CameraSource {
        CameraSource::new(self.shared.clone(), size, fps)
    }
}

impl Drop for Cameras {
    fn drop(&mut self) {
        self.shared.common().over = true;
        self.shared.ended.notify_all();
        drop(self.lister.take());
    }
}

impl Shared {
    fn common(&self) -> MutexGuard<'_, Common> {
        self.common.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep_listing(&self) {
        loop {
            let listed = self.driver.list();
            let mut common = self.common();
            if common.listed.as_ref() != Some(&listed) {
                common.listed = Some(listed.clone());
                drop(common);
                self.tell(DeviceNews::Listed(DeviceKind::Camera, listed));
                common = self.common();
            }
            let (common, _) = self
                .ended
                .wait_timeout_while(common, LOOK_EVERY, |common| !common.over)
                .unwrap_or_else(PoisonError::into_inner);
            if common.over {
                return;
            }
        }
    }

    /// Waits where too much is untold. An engine that has ended need not be told.
    fn tell(&self, news: DeviceNews) {
        self.news.blocking_send(news).ok();
    }
}

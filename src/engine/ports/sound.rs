//! What the engine needs of the sound devices of this computer.

use std::time::Duration;

use crate::logic::devices::{Cause, Device, DeviceId, DeviceKind};

pub use super::super::ring::{Complaints, MicrophoneEnd, SpeakerEnd};

/// The microphones and speakers of this computer. May take its time: it is asked by a thread that has nothing else to do.
pub trait SoundDevices {
    /// All of that kind that a person would want to choose from.
    fn list(&mut self, kind: DeviceKind) -> Result<Vec<Device>, String>;
    /// Opens a microphone; what it hears goes there.
    fn open_microphone(&mut self, id: &DeviceId, end: MicrophoneEnd) -> Result<OpenSound, Cause>;
    /// Opens a speaker; what it plays comes from there.
    fn open_speaker(&mut self, id: &DeviceId, end: SpeakerEnd) -> Result<OpenSound, Cause>;
    /// How often listing anew costs nothing that anybody would notice.
    fn list_every(&self) -> Duration {
        Duration::from_secs(1)
    }
}

/// Makes them, on the thread that will use them.
pub type MakeDevices = Box<dyn FnOnce() -> Box<dyn SoundDevices> + Send>;

/// A device that is open; dropping it closes it.
pub struct OpenSound {
    /// What keeps it open.
    pub stream: Box<dyn SoundStream>,
    /// At which rate it runs.
    pub rate_hz: u32,
}

/// Something that is open as long as it is there.
pub trait SoundStream {}

//! Microphones, speakers and cameras: what there is, what somebody chose, and which one to use.
//!
//! The edge lists devices and opens them; what it should open, and when again, is decided here by a [`Keeper`] for each
//! kind. Lists are compared, not notices counted: a sound server that moves streams by itself, a cable that is pulled for a
//! second and a computer that slept all look the same from here, which is what makes them the same to handle.

use std::{collections::BTreeMap, convert::Infallible, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

mod keeper;
#[cfg(test)]
mod tests;
mod words;

pub use keeper::{Cause, Effect, Event, InUse, Keeper, Why};

/// What a device is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// Hears us.
    Microphone,
    /// Lets them be heard.
    Speaker,
    /// Sees us.
    Camera,
}

impl fmt::Display for DeviceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Microphone => "microphone",
            Self::Speaker => "speaker",
            Self::Camera => "camera",
        })
    }
}

/// What a device is known by: the same after unplugging it, and after a restart, as far as the system can tell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeviceId(String);

impl DeviceId {
    /// As the system has it.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// As the system has it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One device, as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// What it is for.
    pub kind: DeviceKind,
    /// What it is known by.
    pub id: DeviceId,
    /// What people call it.
    pub name: String,
    /// The system would take this one.
    pub is_default: bool,
}

/// Numbers those of a list that people call the same: two of one make, or the parts of a card. A sentence that says which stands in
/// for which is of no use otherwise.
pub fn tell_apart<'a>(devices: impl IntoIterator<Item = &'a mut Device>) {
    let mut seen = BTreeMap::<String, u32>::new();
    for device in devices {
        let count = seen.entry(device.name.clone()).or_insert(0);
        *count += 1;
        if *count > 1 {
            device.name += &format!(" {count}");
        }
    }
}

/// Which device somebody wants.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub enum Choice {
    /// Whichever the system takes, also when that changes.
    #[default]
    Default,
    /// This one; while it is not there, as if nothing were chosen.
    Id(DeviceId),
}

const DEFAULT: &str = "default";

impl Choice {
    /// What an option of the command line says behind its word: `device` and `device:ID` where the word is `device`.
    pub fn from_option(word: &str, text: &str) -> Option<Self> {
        let rest = text.strip_prefix(word)?;
        if rest.is_empty() {
            return Some(Self::Default);
        }
        rest.strip_prefix(':').filter(|id| !id.is_empty()).map(Self::from_text)
    }

    fn from_text(text: &str) -> Self {
        if text == DEFAULT { Self::Default } else { Self::Id(DeviceId::new(text)) }
    }
}

impl FromStr for Choice {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::from_text(text))
    }
}

impl From<String> for Choice {
    fn from(text: String) -> Self {
        Self::from_text(&text)
    }
}

impl From<Choice> for String {
    fn from(choice: Choice) -> Self {
        choice.to_string()
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str(DEFAULT),
            Self::Id(id) => id.fmt(f),
        }
    }
}

//! What the buffer answers, and what it counts.

use std::time::Duration;

use bytes::Bytes;

/// What the next sound is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Play {
    /// That of this packet.
    Packet {
        /// As it came.
        payload: Bytes,
        /// What to do with it once it is decoded.
        stretch: Stretch,
    },
    /// So many samples, from what this packet repeats of the one before it.
    Recover {
        /// The packet, which is still to be played after.
        next: Bytes,
        /// How many.
        samples: usize,
    },
    /// So many samples, made up by the decoder.
    Conceal {
        /// How many.
        samples: usize,
    },
    /// Nothing yet.
    Wait,
}

/// How the length of a piece is to be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stretch {
    /// Not at all.
    None,
    /// By at most so many samples less.
    Shrink {
        /// How many.
        at_most: usize,
        /// Where it may be done.
        only: Only,
    },
    /// By at most so many samples more.
    Grow {
        /// How many.
        at_most: usize,
        /// Where it may be done.
        only: Only,
    },
}

/// Where the length of a piece may be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Only {
    /// In silence.
    InSilence,
    /// There, and where the sound repeats itself.
    Alike,
    /// There, and where it does roughly.
    RoughlyAlike,
}

/// What was counted on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Samples played as they were sent.
    pub played: u64,
    /// Samples recovered from the packet after a lost one.
    pub recovered: u64,
    /// Samples that the decoder made up for what was lost or late.
    pub concealed: u64,
    /// Samples made up while the sender was silent.
    pub silent: u64,
    /// Samples taken out to shorten the delay.
    pub shortened: u64,
    /// Samples put in to lengthen it.
    pub drawn_out: u64,
    /// Packets that came again.
    pub repeated: u64,
    /// Packets that came too late to be played.
    pub late: u64,
    /// Packets let go to shorten the delay.
    pub skipped: u64,
    /// Packets that are none, or contradict others.
    pub unreadable: u64,
    /// Packets played.
    pub packets: u64,
    /// How long all samples were held together, from when their packet came until they were played.
    pub held_in_all: Duration,
}

impl Counts {
    /// How long a sample was held on average.
    pub fn held(&self) -> Duration {
        let packets = u32::try_from(self.packets).unwrap_or(u32::MAX);
        self.held_in_all.checked_div(packets).unwrap_or_default()
    }
}

//! What is counted of a link, and what is written down of every packet that did not arrive.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::script::Direction;

/// From when on a packet counts as late.
pub const LATE: Duration = Duration::from_millis(1);

/// Both directions, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Milliseconds since the link began.
    pub at_ms: u64,
    /// From A to B.
    pub up: Counts,
    /// From B to A.
    pub down: Counts,
}

impl Stats {
    /// One of the two.
    pub fn of(&self, direction: Direction) -> &Counts {
        match direction {
            Direction::Up => &self.up,
            Direction::Down => &self.down,
        }
    }
}

/// One direction's figures since the link began. What arrived is delivered, dropped or held; copies come on top.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Packets that came in.
    pub arrived: u64,
    /// Their bytes.
    pub arrived_bytes: u64,
    /// Packets that went out, copies among them.
    pub delivered: u64,
    /// Their bytes.
    pub delivered_bytes: u64,
    /// Copies that were made.
    pub doubled: u64,
    /// Packets that did not arrive, by cause.
    pub dropped: Drops,
    /// Packets under way or waiting now, copies among them.
    pub held: u64,
    /// How long a packet that came now would wait for the rate, in microseconds.
    pub queue_us: u64,
    /// The longest that any waited, in microseconds.
    pub longest_queue_us: u64,
    /// Packets that were handed on more than [`LATE`] after their time. Nobody asked for that either.
    pub late: u64,
    /// How much later than its time any packet was handed on at most, in microseconds.
    pub longest_late_us: u64,
    /// What the kernel dropped at the two devices, because nobody took it in time. Nobody asked for it: where it is not
    /// nought, the emulator was too slow, and what was measured is not what was meant.
    pub stray: u64,
}

/// How many were dropped, by cause.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drops {
    /// [`Cause::Loss`].
    pub loss: u64,
    /// [`Cause::Queue`].
    pub queue: u64,
    /// [`Cause::Blackout`].
    pub blackout: u64,
    /// [`Cause::TooLong`].
    pub too_long: u64,
    /// [`Cause::Overflow`].
    pub overflow: u64,
    /// [`Cause::Refused`].
    pub refused: u64,
}

impl Drops {
    /// All of them.
    pub fn total(&self) -> u64 {
        let Self { loss, queue, blackout, too_long, overflow, refused } = self;
        loss + queue + blackout + too_long + overflow + refused
    }

    pub(crate) fn add(&mut self, cause: Cause) {
        let count = match cause {
            Cause::Loss => &mut self.loss,
            Cause::Queue => &mut self.queue,
            Cause::Blackout => &mut self.blackout,
            Cause::TooLong => &mut self.too_long,
            Cause::Overflow => &mut self.overflow,
            Cause::Refused => &mut self.refused,
        };
        *count += 1;
    }
}

/// Why a packet did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// It was drawn.
    Loss,
    /// It would have waited for the rate longer than the queue allows.
    Queue,
    /// Nothing passed.
    Blackout,
    /// It was longer than the link carries.
    TooLong,
    /// The emulator held as much as it may.
    Overflow,
    /// The device at the other end did not take it; it may be down.
    Refused,
}

/// One packet that did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// When it was dropped, since the link began.
    pub at: Duration,
    /// Where it was going.
    pub direction: Direction,
    /// Its bytes.
    pub size: usize,
    /// Why.
    pub cause: Cause,
}

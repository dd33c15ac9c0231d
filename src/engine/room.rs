//! What the path of a connection has room for, as numbers that the connection tells and whoever sends looks at.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use crate::logic::{adapt, bandwidth};

/// One connection's. Each number stands for itself, so none waits for another.
#[derive(Debug)]
pub struct Room {
    target_bps: AtomicU32,
    most_bps: AtomicU32,
    waiting_us: AtomicU32,
    round_trip_us: AtomicU32,
    loss_ppm: AtomicU32,
    torn: AtomicBool,
}

impl Default for Room {
    fn default() -> Self {
        Self::beginning_with(bandwidth::START_BPS)
    }
}

/// How it stands.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RoomSeen {
    /// What may be sent, headers and all.
    pub target_bps: u32,
    /// How long what was given already will take to leave.
    pub waiting: Duration,
    /// There and back, at least; nothing where it is not known.
    pub round_trip: Option<Duration>,
    /// The part of the packets that is lost.
    pub loss: f64,
}

impl Room {
    /// Of a connection of which no more is known than that.
    pub fn beginning_with(target_bps: u32) -> Self {
        Self {
            target_bps: AtomicU32::new(target_bps),
            most_bps: AtomicU32::new(bandwidth::MOST_BPS),
            waiting_us: AtomicU32::new(0),
            round_trip_us: AtomicU32::new(0),
            loss_ppm: AtomicU32::new(0),
            torn: AtomicBool::new(false),
        }
    }

    /// How it stands now.
    pub fn look(&self) -> RoomSeen {
        let micros = |number: &AtomicU32| Duration::from_micros(number.load(Ordering::Relaxed).into());
        RoomSeen {
            target_bps: self.target_bps.load(Ordering::Relaxed),
            waiting: micros(&self.waiting_us),
            round_trip: Some(micros(&self.round_trip_us)).filter(|took| !took.is_zero()),
            loss: f64::from(self.loss_ppm.load(Ordering::Relaxed)) / 1e6,
        }
    }

    /// The connection's side: how the path stands.
    pub fn tell(&self, standing: &bandwidth::Standing) {
        self.target_bps.store(standing.target_bps, Ordering::Relaxed);
        self.round_trip_us.store(micros(standing.round_trip), Ordering::Relaxed);
        self.loss_ppm.store((standing.loss * 1e6) as u32, Ordering::Relaxed);
    }

    /// The connection's side: how long what waits will take.
    pub fn tell_waiting(&self, waiting: Duration) {
        self.waiting_us.store(micros(waiting), Ordering::Relaxed);
    }

    /// The connection's side: a packet of a picture was refused, and what comes after it is of no use.
    pub fn tear(&self) {
        self.torn.store(true, Ordering::Relaxed);
    }

    /// Whether a packet of a picture was refused since the last time.
    pub fn take_torn(&self) -> bool {
        self.torn.swap(false, Ordering::Relaxed)
    }

    /// The sender's side: more than this it has no use for.
    pub fn want_at_most(&self, bps: u32) {
        self.most_bps.store(bps, Ordering::Relaxed);
    }

    /// More than this nobody has a use for.
    pub fn most_bps(&self) -> u32 {
        self.most_bps.load(Ordering::Relaxed)
    }
}

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

/// That of whatever leg is in use, and what sound may have of it.
#[derive(Debug, Default)]
pub struct RoomInUse {
    room: Mutex<Arc<Room>>,
    sound: Arc<SoundRoom>,
}

/// What sound may have, as of the last look at the room.
#[derive(Debug, Default)]
pub struct SoundRoom {
    bps: AtomicU32,
    lost_percent: AtomicU32,
    twice: AtomicBool,
}

impl SoundRoom {
    /// So many bits a second, without what is around its packets.
    pub fn bps(&self) -> u32 {
        self.bps.load(Ordering::Relaxed)
    }

    /// How many of a hundred packets get lost on their way there.
    pub fn lost_percent(&self) -> u32 {
        self.lost_percent.load(Ordering::Relaxed)
    }

    /// Whether each packet is sent twice.
    pub fn twice(&self) -> bool {
        self.twice.load(Ordering::Relaxed)
    }

    fn set(&self, seen: &RoomSeen) {
        self.bps.store(adapt::sound_bps(seen.target_bps), Ordering::Relaxed);
        self.lost_percent.store((seen.loss * 100.0).round() as u32, Ordering::Relaxed);
        self.twice.store(adapt::sends_sound_twice(seen.target_bps, seen.loss), Ordering::Relaxed);
    }
}

impl RoomInUse {
    /// From now on it is this one.
    pub fn take_into_use(&self, room: Arc<Room>) {
        *self.room.lock().unwrap_or_else(PoisonError::into_inner) = room;
        self.look();
    }

    /// It.
    pub fn room(&self) -> Arc<Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How it stands now.
    pub fn look(&self) -> RoomSeen {
        let seen = self.room().look();
        self.sound.set(&seen);
        seen
    }

    /// What sound may have, as of the last look.
    pub fn sound(&self) -> Arc<SoundRoom> {
        self.sound.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::bandwidth::Standing;

    #[test]
    fn sound_is_sent_as_the_way_there_asks_for() {
        let in_use = RoomInUse::default();
        let (room, sound) = (in_use.room(), in_use.sound());
        in_use.look();
        assert!((12_000..40_000).contains(&sound.bps()));
        assert_eq!((sound.lost_percent(), sound.twice()), (0, false));
        let standing = Standing {
            target_bps: 2_000_000,
            delivered_bps: Some(1_900_000),
            loss: 0.052,
            waiting: Duration::ZERO,
            round_trip: Duration::from_millis(50),
            short_queue: false,
        };
        for (target_bps, twice) in [(2_000_000, true), (200_000, false)] {
            room.tell(&Standing { target_bps, ..standing });
            in_use.look();
            assert_eq!((sound.lost_percent(), sound.twice()), (5, twice));
        }
    }
}

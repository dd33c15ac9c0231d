//! When a picture is shown: on arrival where the network is calm, as much later as it must where it is not.
//!
//! The least time that a picture took from its capture until it was whole, within the last seconds, is what the path costs; the
//! two clocks need not agree for that. What the others took beyond it is jitter. Every picture is shown that long after its
//! capture which all but a few would have kept to, at most [`MOST_JITTER`] above the least. Below [`CALM`] nothing is
//! waited for: a screen is no finer.
//!
//! Sound is the master. Where it is heard later than the picture of the same moment by more than [`MOST_AHEAD`], pictures wait for
//! it. Where it is heard earlier by more than [`MOST_BEHIND`], they come as soon as they can, however unevenly; sound does not
//! wait for them.
//!
//! [`Waiting`] keeps decoded pictures until they are due, and of several that are due gives the newest.
//!
//! Browsers estimate the delay with a filter over the sizes of pictures. A quantile needs no model, and forgets a burst as soon
//! as that is two seconds old.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::units::MediaTime;

/// Jitter that no screen shows: half of what passes between two of its pictures, or so.
pub const CALM: Duration = Duration::from_millis(10);
/// The longest that pictures wait for others.
pub const MOST_JITTER: Duration = Duration::from_millis(150);
/// A picture may be seen this much before its sound is heard. People notice 125 ms (ITU-R BT.1359).
pub const MOST_AHEAD: Duration = Duration::from_millis(60);
/// A picture is not held back to be seen more than this after its sound was heard. People notice 45 ms, and bear 90.
pub const MOST_BEHIND: Duration = Duration::from_millis(80);
/// The longest that pictures wait for their sound.
pub const MOST_FOR_SOUND: Duration = Duration::from_millis(300);

/// Jitter is that of so long.
const JITTER_OF: Duration = Duration::from_secs(2);
/// The least delay is that of so many slices, each so long: a clock that drifts moves less in that time than can be seen.
const SLICES: usize = 8;
const SLICE: Duration = Duration::from_secs(1);
/// Of a hundred pictures so many shall be in time.
const IN_TIME_PERCENT: usize = 95;
/// How many delays are kept: two seconds at sixty a second, and a burst. When there are more, the oldest go.
const MOST_KEPT: usize = 160;
/// When pictures need not wait any longer, they catch up by so much of the time that passes.
const CATCH_UP: u32 = 4;
/// A delay that is so far from the others is of another clock: the sender started anew.
const ANOTHER_CLOCK: Duration = Duration::from_secs(5);
/// Sound that is so far from the pictures is not of the same clock: the sender is none of ours.
const NO_RELATION: Duration = Duration::from_secs(2);

/// A sound that was heard, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sound {
    /// On the sender's clock.
    pub captured: MediaTime,
    /// On ours.
    pub heard: Instant,
}

/// The pictures of one sender.
#[derive(Debug, Default)]
pub struct Playout {
    /// Delays are counted from here: their own time and ours at the first picture.
    origin: Option<(MediaTime, Instant)>,
    delays: VecDeque<(Instant, Micros)>,
    least: VecDeque<(Instant, Micros)>,
    last: Option<Last>,
    sorted: Vec<Micros>,
}

/// Between their clock and ours, from an origin of our own: may well be below nought.
type Micros = i64;

#[derive(Clone, Copy, Debug)]
struct Last {
    captured: MediaTime,
    due: Instant,
    /// How long after their capture pictures were meant to be shown; one that came late was shown later.
    wanted: Micros,
}

impl Playout {
    /// When a picture shall be shown that was captured then and is whole now. Never earlier than the one before.
    pub fn due(&mut self, captured: MediaTime, now: Instant, sound: Option<Sound>) -> Instant {
        let delay = self.delay(captured, now);
        let least = self.note(delay, now);
        let wanted = self.wanted(least, sound).max(self.still_catching_up(captured));
        let wait = Duration::from_micros(u64::try_from(wanted - delay).unwrap_or(0)).min(MOST_FOR_SOUND);
        let due = (now + wait).max(self.last.map_or(now, |last| last.due));
        self.last = Some(Last { captured, due, wanted });
        due
    }

    fn delay(&mut self, captured: MediaTime, now: Instant) -> Micros {
        let measured = |(their, our): (MediaTime, Instant)| {
            elapsed(our, now) - (captured.as_micros().cast_signed() - their.as_micros().cast_signed())
        };
        let known = self.origin.map(measured);
        match (known, self.least.back()) {
            (Some(delay), Some((_, least)))
                if delay.abs_diff(*least) < micros(ANOTHER_CLOCK).unsigned_abs() =>
            {
                delay
            }
            (_, _) => {
                *self = Self {
                    origin: Some((captured, now)),
                    last: self.last.map(Last::of_another_clock),
                    ..Self::default()
                };
                0
            }
        }
    }

    /// Keeps the delay, and says what the least is now.
    fn note(&mut self, delay: Micros, now: Instant) -> Micros {
        self.delays.push_back((now, delay));
        while self.delays.len() > MOST_KEPT
            || self.delays.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) > JITTER_OF)
        {
            self.delays.pop_front();
        }
        match self.least.back_mut() {
            Some((since, least)) if now.saturating_duration_since(*since) < SLICE => {
                *least = delay.min(*least);
            }
            Some(_) | None => self.least.push_back((now, delay)),
        }
        if self.least.len() > SLICES {
            self.least.pop_front();
        }
        self.least.iter().map(|(_, least)| *least).min().unwrap_or(delay)
    }

    /// How long after its capture a picture shall be shown.
    fn wanted(&mut self, least: Micros, sound: Option<Sound>) -> Micros {
        self.sorted.clear();
        self.sorted.extend(self.delays.iter().map(|(_, delay)| *delay));
        let place = (self.sorted.len() * IN_TIME_PERCENT).div_ceil(100).max(1) - 1;
        let (_, usual, _) = self.sorted.select_nth_unstable(place);
        let jitter = (*usual - least).min(micros(MOST_JITTER));
        let for_others = if jitter < micros(CALM) { least } else { least + jitter };
        self.delay_of_sound(least, sound).map_or(for_others, |heard| {
            for_others.min(least.max(heard + micros(MOST_BEHIND))).max(heard - micros(MOST_AHEAD))
        })
    }

    /// Nothing where it has nothing to do with the pictures.
    fn delay_of_sound(&self, least: Micros, sound: Option<Sound>) -> Option<Micros> {
        let (Sound { captured, heard }, (their, our)) = (sound?, self.origin?);
        let delay =
            elapsed(our, heard) - (captured.as_micros().cast_signed() - their.as_micros().cast_signed());
        (delay.abs_diff(least) < micros(NO_RELATION).unsigned_abs()).then_some(delay)
    }

    /// A delay that is no longer needed goes little by little, so that what moves does not jump.
    fn still_catching_up(&self, captured: MediaTime) -> Micros {
        self.last.map_or(Micros::MIN, |last| {
            let passed = micros(captured.since(last.captured));
            last.wanted - passed / Micros::from(CATCH_UP)
        })
    }
}

impl Last {
    /// Only the order counts now.
    fn of_another_clock(self) -> Self {
        Self { wanted: Micros::MIN / 2, ..self }
    }
}

/// From one moment to another that may be before it.
fn elapsed(from: Instant, to: Instant) -> Micros {
    micros(to.saturating_duration_since(from)) - micros(from.saturating_duration_since(to))
}

fn micros(time: Duration) -> Micros {
    Micros::try_from(time.as_micros()).unwrap_or(Micros::MAX / 4)
}

/// How many pictures wait at most: as many as come in the longest wait, at sixty a second. When there is one more, the oldest
/// is never shown.
pub const MOST_WAITING: usize = 24;

/// Pictures that are decoded and not yet due, in order.
#[derive(Debug)]
pub struct Waiting<T> {
    pictures: VecDeque<(Instant, T)>,
    overtaken: u64,
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self { pictures: VecDeque::new(), overtaken: 0 }
    }
}

impl<T> Waiting<T> {
    /// One more; it is newer than those before.
    pub fn push(&mut self, due: Instant, picture: T) {
        self.pictures.push_back((due, picture));
        if self.pictures.len() > MOST_WAITING {
            self.pictures.pop_front();
            self.overtaken += 1;
        }
    }

    /// The newest that is due; those before it are never shown.
    pub fn take_due(&mut self, now: Instant) -> Option<T> {
        let mut newest = None;
        while self.pictures.front().is_some_and(|(due, _)| *due <= now) {
            self.overtaken += u64::from(newest.is_some());
            newest = self.pictures.pop_front().map(|(_, picture)| picture);
        }
        newest
    }

    /// When the next one is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.pictures.front().map(|(due, _)| *due)
    }

    /// How many were never shown, because a newer one was due as well.
    pub fn overtaken(&self) -> u64 {
        self.overtaken
    }
}

#[cfg(test)]
mod tests;

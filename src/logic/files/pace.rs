//! How fast a file may go, so that the call beside it stays as good as it was.
//!
//! Sound and picture are steered by what becomes of their packets (see [`bandwidth`](crate::logic::bandwidth)). A file's packets
//! are not seen there, and the transport under it listens to loss alone: left to itself it fills every queue on the way, and
//! pictures yield all they have. So a file keeps to a rate of its own:
//!
//! * It has always **a fair share**: a third of what media may send, so a quarter of what both have. Where that is more than was
//!   free, the delay grows, and pictures yield until it fits. So a file moves on every path that carries a call.
//! * **What is left** it takes as long as nobody notices: the rate grows while its round trips take no longer than the
//!   shortest, and falls back as soon as they do, or as what media may send falls.
//!
//! And no more than a little over a round trip's worth is under way at once: there is never much to wait behind, and a file
//! that is held or cancelled stops at once.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::frame::MOST_IN_A_PIECE;

/// The part of what media may send that a file always has.
const FAIR_SHARE: f64 = 1.0 / 3.0;
/// A file has at least this, in bytes a second.
const LEAST: f64 = 4_000.0;
/// And at most this.
const MOST: f64 = 25_000_000.0;
/// What one piece is, in time: small where the rate is, so that it holds nothing up.
const PIECE: Duration = Duration::from_millis(20);
const LEAST_IN_A_PIECE: usize = 1_024;
/// What may be under way besides what a round trip takes: the other side has to write it, and to say so.
const SLACK: Duration = Duration::from_millis(60);
/// No more than this is under way, however fast the path is.
pub(super) const MOST_UNDER_WAY: u64 = 192 * 1024;
/// How often the rate is thought over.
const EVERY: Duration = Duration::from_millis(100);
/// How it grows each time.
const GROWS: f64 = 1.12;
/// What stays of it when somebody noticed.
const FALLS: f64 = 0.7;
const FALLS_FAR: f64 = 0.45;
/// After that it is waited for what it has done.
const REST: Duration = Duration::from_millis(400);
/// Round trips that are longer than the shortest by less than this say nothing.
const UNNOTICED: Duration = Duration::from_millis(12);
/// By more than this they say that it is too much.
const NOTICED: Duration = Duration::from_millis(30);
/// By more than this, that it is far too much.
const FAR_TOO_MUCH: Duration = Duration::from_millis(100);
/// When what media may send has fallen to this part of what it was, that may have been us.
const MEDIA_FELL: f64 = 0.88;
/// For how long the shortest round trip is remembered.
const SHORTEST_KNOWN: Duration = Duration::from_secs(10);
/// A round trip until one was measured.
const USUAL: Duration = Duration::from_millis(100);
/// Pieces under way whose times are kept. More than fit into what may be under way.
const MOST_PIECES: usize = 256;

/// The rate of what this end sends.
#[derive(Debug)]
pub(super) struct Pace {
    rate: f64,
    media_bps: f64,
    /// The most that media might send lately.
    media_most: f64,
    /// When the next piece is due.
    due: Option<Instant>,
    pieces: VecDeque<(u64, Instant)>,
    shortest: [Option<(Instant, Duration)>; 2],
    /// The shortest since the rate was last thought over.
    lately: Option<Duration>,
    thought_at: Option<Instant>,
    fell_at: Option<Instant>,
    /// The rate held something up since the rate was last thought over: there is reason to grow.
    was_used: bool,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self {
            rate: LEAST,
            media_bps: 0.0,
            media_most: 0.0,
            due: None,
            pieces: VecDeque::new(),
            shortest: [None; 2],
            lately: None,
            thought_at: None,
            fell_at: None,
            was_used: false,
        }
    }

    /// What media may send now.
    pub(super) fn note_media(&mut self, bps: u32) {
        self.media_bps = bps.into();
        self.media_most = self.media_most.max(self.media_bps);
        self.rate = self.rate.max(self.fair());
    }

    /// Another path, of which nothing is known.
    pub(super) fn begin_anew(&mut self) {
        *self = Self { media_bps: self.media_bps, media_most: self.media_bps, ..Self::new() };
        self.rate = self.fair();
    }

    /// When the next piece may go.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// How long a piece shall be.
    pub(super) fn piece(&self) -> usize {
        ((self.rate * PIECE.as_secs_f64()) as usize).clamp(LEAST_IN_A_PIECE, MOST_IN_A_PIECE)
    }

    /// How much may be under way.
    pub(super) fn window(&self) -> u64 {
        let round_trip = self.shortest().unwrap_or(USUAL) + SLACK;
        let window = (self.rate * round_trip.as_secs_f64()) as u64;
        window.clamp(2 * self.piece() as u64, MOST_UNDER_WAY)
    }

    /// A piece goes, and with it everything before `end` is said.
    pub(super) fn note_sent(&mut self, end: u64, bytes: usize, now: Instant) {
        let takes = Duration::from_secs_f64(bytes as f64 / self.rate);
        // What was not used is gone, but for a beat: who was woken late may catch up.
        let since = self.due.map_or(now, |due| due.max(now.checked_sub(PIECE).unwrap_or(now)));
        self.due = Some(since + takes);
        self.pieces.push_back((end, now));
        if self.pieces.len() > MOST_PIECES {
            self.pieces.pop_front();
        }
    }

    /// Nothing goes because as much as may be is under way.
    pub(super) fn note_held_up(&mut self) {
        self.was_used = true;
    }

    /// Everything before `at` is there.
    pub(super) fn note_have(&mut self, at: u64, now: Instant) {
        let mut newest = None;
        while let Some((_, sent)) = self.pieces.front().copied().filter(|(end, _)| *end <= at) {
            newest = Some(sent);
            self.pieces.pop_front();
        }
        let Some(took) = newest.map(|sent| now.saturating_duration_since(sent)) else { return };
        self.was_used = true;
        self.lately = Some(self.lately.map_or(took, |lately| lately.min(took)));
        let [old, new] = &mut self.shortest;
        match new {
            Some((since, shortest)) if now < *since + SHORTEST_KNOWN => *shortest = took.min(*shortest),
            Some(_) | None => {
                *old = *new;
                *new = Some((now, took));
            }
        }
        self.think(now);
    }

    /// What is under way is not counted on any more.
    pub(super) fn forget_pieces(&mut self) {
        self.pieces.clear();
    }

    #[cfg(test)]
    pub(super) fn rate(&self) -> f64 {
        self.rate
    }

    fn think(&mut self, now: Instant) {
        if self.thought_at.is_some_and(|at| now < at + EVERY) {
            return;
        }
        self.thought_at = Some(now);
        let waits =
            self.lately.take().unwrap_or_default().saturating_sub(self.shortest().unwrap_or_default());
        let rests = self.fell_at.is_some_and(|at| now < at + REST);
        let media_fell = self.media_bps < self.media_most * MEDIA_FELL;
        if (waits > NOTICED || media_fell) && !rests {
            self.rate *= if waits > FAR_TOO_MUCH { FALLS_FAR } else { FALLS };
            self.fell_at = Some(now);
            self.media_most = self.media_bps;
        } else if waits < UNNOTICED && !rests && std::mem::take(&mut self.was_used) {
            self.rate *= GROWS;
        }
        self.rate = self.rate.clamp(self.fair(), MOST);
    }

    fn fair(&self) -> f64 {
        (self.media_bps / 8.0 * FAIR_SHARE).max(LEAST)
    }

    fn shortest(&self) -> Option<Duration> {
        self.shortest.iter().flatten().map(|(_, took)| *took).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends for a while over a path that adds what `waits` says to a round trip of 40 ms.
    fn send(
        pace: &mut Pace,
        from: u64,
        now: &mut Instant,
        time: Duration,
        waits: impl Fn(f64) -> Duration,
    ) -> u64 {
        let (end, mut at, mut have) = (*now + time, from, VecDeque::new());
        while *now < end {
            while let Some((place, _)) = have.front().copied().filter(|(_, arrives)| *arrives <= *now) {
                have.pop_front();
                pace.note_have(place, *now);
            }
            let under_way = have.front().map_or(0, |(place, _)| at - place) + pace.piece() as u64;
            if pace.due().is_none_or(|due| due <= *now) && under_way < pace.window() {
                let bytes = pace.piece();
                at += bytes as u64;
                pace.note_sent(at, bytes, *now);
                have.push_back((at, *now + Duration::from_millis(40) + waits(pace.rate())));
            }
            *now += Duration::from_millis(1);
        }
        at
    }

    #[test]
    fn it_begins_with_a_fair_share_and_takes_what_nobody_misses() {
        let (mut pace, mut now) = (Pace::new(), Instant::now());
        pace.note_media(2_400_000);
        assert_eq!(pace.rate(), 100_000.0);
        let sent = send(&mut pace, 0, &mut now, Duration::from_secs(4), |_| Duration::ZERO);
        assert!(pace.rate() > 1_000_000.0 && sent > 1_000_000, "{} after {sent}", pace.rate());
    }

    #[test]
    fn it_yields_to_whoever_has_to_wait_for_it() {
        let (mut pace, mut now) = (Pace::new(), Instant::now());
        pace.note_media(900_000);
        let queue = |rate: f64| Duration::from_secs_f64(((rate - 125_000.0) / 125_000.0).clamp(0.0, 1.0));
        let sent = send(&mut pace, 0, &mut now, Duration::from_secs(10), queue);
        let sent = send(&mut pace, sent, &mut now, Duration::from_secs(20), queue) - sent;
        assert!((37_500 * 20..140_000 * 20).contains(&sent), "{sent} in 20 s");
    }

    #[test]
    fn a_fair_share_is_left_whatever_is_noticed() {
        let (mut pace, mut now) = (Pace::new(), Instant::now());
        pace.note_media(600_000);
        let sent = send(&mut pace, 0, &mut now, Duration::from_secs(5), |_| Duration::ZERO);
        let long = |_| Duration::from_millis(300);
        send(&mut pace, sent, &mut now, Duration::from_secs(10), long);
        assert!(pace.rate() >= 25_000.0, "{}", pace.rate());
        assert!(pace.rate() <= 40_000.0, "{}", pace.rate());
    }

    #[test]
    fn it_falls_when_media_has_to() {
        let (mut pace, mut now) = (Pace::new(), Instant::now());
        pace.note_media(2_400_000);
        let sent = send(&mut pace, 0, &mut now, Duration::from_secs(3), |_| Duration::ZERO);
        let before = pace.rate();
        pace.note_media(1_200_000);
        send(&mut pace, sent, &mut now, Duration::from_millis(300), |_| Duration::ZERO);
        assert!(pace.rate() < before * 0.8, "{before} and then {}", pace.rate());
    }

    #[test]
    fn little_is_under_way() {
        let (mut pace, mut now) = (Pace::new(), Instant::now());
        pace.note_media(300_000);
        assert!(pace.window() <= 2 * LEAST_IN_A_PIECE as u64, "{}", pace.window());
        pace.note_media(4_000_000);
        send(&mut pace, 0, &mut now, Duration::from_secs(20), |_| Duration::ZERO);
        assert_eq!(pace.window(), MOST_UNDER_WAY);
    }
}

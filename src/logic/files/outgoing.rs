//! A file that this end gives: what of it was said, what has arrived, and what comes next.

use std::time::{Duration, Instant};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::frame::Frame;

/// Nothing has arrived for so long though something is under way: it is said again from where the other side has it.
const STALLED: Duration = Duration::from_secs(8);

#[derive(Debug)]
pub(super) struct Outgoing {
    file: u32,
    size: u64,
    /// The other side has everything before this,
    acked: u64,
    /// everything before this is said,
    next: u64,
    /// and was said at least once.
    most: u64,
    hashed: u64,
    sha256: Sha256,
    sum_said: bool,
    /// Perhaps on a channel that is gone.
    sum_was_said: bool,
    reading: bool,
    moved_at: Instant,
}

impl Outgoing {
    pub(super) fn new(file: u32, size: u64, now: Instant) -> Self {
        Self {
            file,
            size,
            acked: 0,
            next: 0,
            most: 0,
            hashed: 0,
            sha256: Sha256::new(),
            sum_said: false,
            sum_was_said: false,
            reading: false,
            moved_at: now,
        }
    }

    /// What has arrived.
    pub(super) fn acked(&self) -> u64 {
        self.acked
    }

    /// What is under way.
    pub(super) fn under_way(&self) -> u64 {
        self.next - self.acked
    }

    /// Everything is said, and its sum.
    pub(super) fn is_said(&self) -> bool {
        self.sum_said
    }

    /// The other side can know that it has all of it.
    pub(super) fn can_be_whole(&self) -> bool {
        self.sum_was_said
    }

    /// The other side wants it from there on. Nothing where it cannot have what is before that.
    pub(super) fn go_on_from(&mut self, from: u64, now: Instant) {
        if from <= self.most {
            self.acked = from;
            self.say_again(now);
        }
    }

    /// What is under way may be lost: it is said again.
    pub(super) fn say_again(&mut self, now: Instant) {
        self.next = self.acked;
        self.sum_said = false;
        self.moved_at = now;
    }

    /// The other side has everything before `at`. Whether that is news.
    pub(super) fn note_have(&mut self, at: u64, now: Instant) -> bool {
        // It may have come on a channel that is gone, and be said again at this moment.
        let is_news = at > self.acked && at <= self.most;
        if is_news {
            self.acked = at;
            self.next = self.next.max(at);
            self.moved_at = now;
        }
        is_news
    }

    /// When something has been under way for too long.
    pub(super) fn stalls_at(&self) -> Option<Instant> {
        (self.sum_said || self.next > self.acked).then(|| self.moved_at + STALLED)
    }

    /// What to read next: from where, and how much of `piece`. Nothing while a piece is read, and at the end.
    pub(super) fn to_read(&self, piece: usize) -> Option<(u64, usize)> {
        let left = usize::try_from(self.size - self.next).unwrap_or(usize::MAX);
        (!self.reading && left > 0).then(|| (self.next, left.min(piece)))
    }

    pub(super) fn note_reading(&mut self, reading: bool) {
        self.reading = reading;
    }

    /// The sum, where everything else has arrived: so it has been read whole by then.
    pub(super) fn take_sum(&mut self, now: Instant) -> Option<Frame> {
        if self.sum_said || self.acked < self.size {
            return None;
        }
        self.sum_said = true;
        self.sum_was_said = true;
        self.moved_at = now;
        let sha256 = self.sha256.clone().finalize().into();
        Some(Frame::Sum { file: self.file, size: self.size, sha256 })
    }

    /// What was read. Nothing where it is not wanted any more.
    pub(super) fn take_read(&mut self, at: u64, bytes: Bytes, now: Instant) -> Option<Frame> {
        let end = at + bytes.len() as u64;
        if at != self.next || end > self.size || bytes.is_empty() {
            return None;
        }
        // What is said again was hashed before.
        let known = usize::try_from(self.hashed.saturating_sub(at)).unwrap_or(usize::MAX).min(bytes.len());
        self.sha256.update(&bytes[known..]);
        self.hashed = self.hashed.max(end);
        if self.under_way() == 0 {
            self.moved_at = now;
        }
        self.next = end;
        self.most = self.most.max(end);
        Some(Frame::Piece { file: self.file, at, bytes })
    }

    /// The channel did not take a piece from `at` on.
    pub(super) fn take_back_piece(&mut self, at: u64) {
        if at >= self.acked && at < self.next {
            self.next = at;
        }
    }

    /// The channel did not take the sum.
    pub(super) fn take_back_sum(&mut self) {
        self.sum_said = false;
    }
}

//! A file that this end takes: what of it is there, and whether it is what was meant.

use std::time::{Duration, Instant};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

/// Nothing has come for so long: it is said again how much is there.
const QUIET: Duration = Duration::from_secs(3);

#[derive(Debug)]
pub(super) struct Incoming {
    size: u64,
    at: u64,
    sha256: Sha256,
    /// The other side does not know yet how much is there.
    owes_have: bool,
    moved_at: Instant,
    is_finishing: bool,
}

/// What a sum says of what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judged {
    /// It is whole, and right.
    Right,
    /// It is whole, and wrong.
    Wrong,
    /// It is not whole, or was judged already.
    Nothing,
}

impl Incoming {
    pub(super) fn new(size: u64, now: Instant) -> Self {
        Self { size, at: 0, sha256: Sha256::new(), owes_have: false, moved_at: now, is_finishing: false }
    }

    /// How much is there.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// Takes what follows what is there, and nothing else: what came before, what leaves a gap, and what goes beyond the size
    /// that was offered are not for the disk.
    pub(super) fn take(&mut self, at: u64, bytes: &Bytes, now: Instant) -> bool {
        self.owes_have = true;
        let fits = at == self.at && bytes.len() as u64 <= self.size - self.at && !self.is_finishing;
        if fits {
            self.sha256.update(bytes);
            self.at += bytes.len() as u64;
            self.moved_at = now;
        }
        fits
    }

    pub(super) fn judge(&mut self, size: u64, sha256: [u8; 32]) -> Judged {
        if self.is_finishing {
            return Judged::Nothing;
        }
        if self.at != self.size {
            self.owes_have = true;
            return Judged::Nothing;
        }
        self.is_finishing = true;
        let is_right = size == self.size && self.sha256.clone().finalize().as_slice() == sha256;
        if is_right { Judged::Right } else { Judged::Wrong }
    }

    /// The other side may not know how much is there.
    pub(super) fn owe_have(&mut self) {
        self.owes_have = true;
    }

    /// How much is there, where the other side is to be told.
    pub(super) fn take_have(&mut self, now: Instant) -> Option<u64> {
        let is_due = now >= self.quiet_at();
        if is_due {
            self.moved_at = now;
        }
        (std::mem::take(&mut self.owes_have) || is_due).then_some(self.at)
    }

    /// When it has been quiet for too long.
    pub(super) fn quiet_at(&self) -> Instant {
        self.moved_at + QUIET
    }
}

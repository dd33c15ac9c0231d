//! Where whoever opens devices puts a stream, and a sound thread finds it.
//!
//! A sound thread looks at one flag for each block, and at the lock behind it only when there is something to take.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use super::ring::Bell;

/// One place, for one stream of one call.
pub(super) struct Seat<S> {
    put: Mutex<Option<S>>,
    changed: AtomicBool,
    left: AtomicBool,
    pub(super) bell: Arc<Bell>,
}

impl<S> Default for Seat<S> {
    fn default() -> Self {
        Self {
            put: Mutex::default(),
            changed: AtomicBool::default(),
            left: AtomicBool::default(),
            bell: Arc::default(),
        }
    }
}

impl<S> Seat<S> {
    /// This one from now on, or none.
    pub(super) fn put(&self, stream: Option<S>) {
        *self.put.lock().unwrap_or_else(PoisonError::into_inner) = stream;
        self.changed.store(true, Ordering::Release);
    }

    /// What was put here since the last time.
    pub(super) fn take_change(&self) -> Option<Option<S>> {
        if !self.changed.swap(false, Ordering::Acquire) {
            return None;
        }
        Some(self.put.lock().unwrap_or_else(PoisonError::into_inner).take())
    }

    /// Nobody will take anything from here any more.
    pub(super) fn leave(&self) {
        self.left.store(true, Ordering::Relaxed);
    }

    /// Whether that is so.
    pub(super) fn is_left(&self) -> bool {
        self.left.load(Ordering::Relaxed)
    }
}

//! A box for one thing, in which the newest wins.
//!
//! Pictures go through it: whoever is late wants the newest one, and a queue of old ones would only be delay.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

/// Makes a box: one end puts, the other takes.
pub fn mailbox<T>() -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared { slot: Mutex::new(None), filled: Condvar::new() });
    (Sender { shared: shared.clone() }, Receiver { shared })
}

/// The end that puts.
#[derive(Debug)]
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

/// The end that takes.
#[derive(Debug)]
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
}

#[derive(Debug)]
struct Shared<T> {
    slot: Mutex<Option<T>>,
    filled: Condvar,
}

impl<T> Sender<T> {
    /// Puts a thing in; what nobody took before comes back.
    pub fn put(&self, thing: T) -> Option<T> {
        let mut slot = self.shared.slot.lock().unwrap_or_else(PoisonError::into_inner);
        let overtaken = slot.replace(thing);
        drop(slot);
        self.shared.filled.notify_one();
        overtaken
    }
}

impl<T> Receiver<T> {
    /// Takes the thing out, or waits for one, but not longer than `limit`.
    pub fn take(&self, limit: Duration) -> Option<T> {
        let slot = self.shared.slot.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut slot, _) = self
            .shared
            .filled
            .wait_timeout_while(slot, limit, |slot| slot.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        slot.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_wins_and_the_overtaken_comes_back() {
        let (sender, receiver) = mailbox();
        assert_eq!(sender.put(1), None);
        assert_eq!(sender.put(2), Some(1));
        assert_eq!(receiver.take(Duration::ZERO), Some(2));
        assert_eq!(receiver.take(Duration::ZERO), None);
    }
}

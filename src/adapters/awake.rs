//! Keeps the screen on while a call stands, by way of `keepawake`.
//!
//! The system is asked on a thread of its own, which ends with the wish: a desktop that does not answer holds up nobody.

use std::{
    io,
    sync::{
        Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
};

use crate::engine::thread::Thread;

/// The thread's name; a fault of the library when the desktop has gone away is of no interest to anybody.
pub const THREAD: &str = "awake";

/// Whether the screen is kept on.
#[derive(Default)]
pub struct Awake {
    held: Mutex<Option<Held>>,
}

/// Dropping it ends the thread, and with it the wish.
struct Held {
    _until: SyncSender<()>,
}

impl Awake {
    /// From now on, or no longer. Never waits. `reason` is what the system shows to whoever asks why.
    pub fn keep(&self, awake: bool, reason: &str) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if !awake {
            *held = None;
        } else if held.is_none() {
            match hold(reason.to_owned()) {
                Ok(new) => *held = Some(new),
                Err(error) => tracing::warn!(%error, "the screen may go dark during this call"),
            }
        }
    }
}

fn hold(reason: String) -> io::Result<Held> {
    let (until, ended) = sync_channel(0);
    Thread::spawn(THREAD, move || ask(&reason, &ended))?.leave();
    Ok(Held { _until: until })
}

fn ask(reason: &str, ended: &Receiver<()>) {
    let wish = keepawake::Builder::default()
        .display(true)
        .reason(reason)
        .app_name("Sightline")
        .app_reverse_domain("sightline")
        .create();
    match wish {
        Ok(_held) => {
            // An error is what it waits for: that nobody holds the other end any more.
            ended.recv().ok();
        }
        Err(error) => tracing::info!(%error, "this desktop cannot be asked to keep the screen on"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_held_once_and_let_go() {
        let awake = Awake::default();
        awake.keep(true, "A call");
        awake.keep(true, "A call");
        assert!(awake.held.lock().unwrap().is_some());
        awake.keep(false, "A call");
        assert!(awake.held.lock().unwrap().is_none());
    }
}

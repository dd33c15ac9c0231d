//! Threads with a name, that report a panic instead of vanishing, and that are waited for.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

/// Asks threads to end.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A running thread. Dropping it waits for its end, so whoever drops it has told it to stop before.
#[derive(Debug)]
pub struct Thread {
    handle: Option<JoinHandle<()>>,
}

impl Thread {
    /// Starts `work` in a thread of that name (15 characters show in process lists).
    pub fn spawn(name: &'static str, work: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let handle = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            if catch_unwind(AssertUnwindSafe(work)).is_err() {
                tracing::error!(thread = name, "a thread ended by a fault in the program");
            }
        })?;
        Ok(Self { handle: Some(handle) })
    }

    /// Nobody waits for its end any more: it hangs in something that may never come.
    pub fn leave(mut self) {
        self.handle.take();
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take()
            && handle.thread().id() != std::thread::current().id()
        {
            // A panic was reported inside the thread.
            handle.join().ok();
        }
    }
}

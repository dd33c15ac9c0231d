//! Who is in: each source within its limits, and each connection counted from its acceptance to its end.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::config::Limits;
use crate::door::sources::{Refused, Sources};
use crate::relay_io::{Gate, Pass};
use crate::watching::metrics::Metrics;

/// All that are in.
pub(crate) struct Guests {
    /// Shared with the switchboard, which blames.
    pub(crate) sources: Arc<Mutex<Sources>>,
    pub(crate) metrics: Arc<Metrics>,
}

/// One source that was let in once. It has left when this is dropped.
pub(crate) struct Stay {
    sources: Arc<Mutex<Sources>>,
    source: IpAddr,
}

impl Guests {
    pub(crate) fn new(limits: &Limits, metrics: Arc<Metrics>) -> Self {
        Self { sources: Arc::new(Mutex::new(Sources::new(limits))), metrics }
    }

    /// Lets one more connection of this source in, if its limits allow that.
    pub(crate) fn enter(&self, source: IpAddr) -> Option<Stay> {
        let now = tokio::time::Instant::now().into_std();
        // A list is still a list though somebody panicked while holding it.
        let entered = self.sources.lock().unwrap_or_else(PoisonError::into_inner).enter(source, now);
        let turned_away = &self.metrics.door.turned_away;
        match entered {
            Ok(()) => return Some(Stay { sources: Arc::clone(&self.sources), source }),
            Err(Refused::Failures) => turned_away.blamed.add(1),
            Err(Refused::Connections | Refused::Connects) => turned_away.source.add(1),
        }
        None
    }

    /// The same question, for connections that are accepted elsewhere.
    pub(crate) fn gate(self: &Arc<Self>) -> Gate {
        let guests = Arc::clone(self);
        Arc::new(move |source| {
            let stay = guests.enter(source)?;
            Some(Box::new(stay) as Pass)
        })
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).leave(self.source);
    }
}

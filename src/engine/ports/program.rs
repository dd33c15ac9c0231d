//! What the program knows of itself: what it costs, and what it noted.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::logic::evidence::LogLevel;

/// Knows what this program costs.
pub trait Processor: Send {
    /// What it has used of the processors since it began; nothing where that cannot be known.
    fn used(&self) -> Option<Duration>;
}

/// It cannot be known.
impl Processor for () {
    fn used(&self) -> Option<Duration> {
        None
    }
}

/// A line that the program noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// Its number: each line has one more than the one before.
    pub number: u64,
    /// When.
    pub at: Instant,
    /// How grave.
    pub level: LogLevel,
    /// Which part of the program.
    pub from: Arc<str>,
    /// What.
    pub text: Arc<str>,
}

/// Keeps what the program notes, for a while. What it keeps is bounded, and so is each line.
pub trait Journal: Send + Sync {
    /// The lines after that number that are still kept, the oldest first.
    fn after(&self, number: u64) -> Vec<Noted>;
}

/// Nothing is kept.
impl Journal for () {
    fn after(&self, _: u64) -> Vec<Noted> {
        Vec::new()
    }
}

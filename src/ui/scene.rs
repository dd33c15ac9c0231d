//! What a page is given, and what it may say.

use crate::logic::desk::{Snapshot, Wish};

/// How loud it is: 0 is silence, 1 as loud as it goes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Loudness {
    /// What the microphone hears.
    pub here: f32,
    /// What is heard of the other side.
    pub there: f32,
}

/// One look at everything.
#[derive(Debug)]
pub struct Scene<'a> {
    /// How things stand.
    pub snapshot: &'a Snapshot,
    /// How loud it is just now.
    pub loudness: Loudness,
    wishes: Vec<Wish>,
}

impl<'a> Scene<'a> {
    /// A look at this.
    pub const fn new(snapshot: &'a Snapshot, loudness: Loudness) -> Self {
        Self { snapshot, loudness, wishes: Vec::new() }
    }

    /// The person wants this.
    pub fn wish(&mut self, wish: Wish) {
        self.wishes.push(wish);
    }

    /// All that the person wants, in the order in which they said so.
    pub fn into_wishes(self) -> Vec<Wish> {
        self.wishes
    }
}

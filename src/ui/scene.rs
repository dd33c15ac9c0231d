//! What a page is given, and what it may say.

use super::picture::Picture;
use crate::logic::desk::{Snapshot, Wish};

/// How loud it is: 0 is silence, 1 as loud as it goes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Loudness {
    /// What the microphone hears.
    pub here: f32,
    /// What is heard of the other side.
    pub there: f32,
}

/// What the cameras see.
#[derive(Debug)]
pub struct Pictures {
    /// The other side's.
    pub theirs: Picture,
    /// Ours, in a call or before it.
    pub ours: Picture,
}

/// One look at everything.
#[derive(Debug)]
pub struct Scene<'a> {
    /// How things stand.
    pub snapshot: &'a Snapshot,
    /// How loud it is just now.
    pub loudness: Loudness,
    /// What the cameras see just now; nothing where nothing can be seen at all.
    pub pictures: Option<&'a Pictures>,
    wishes: Vec<Wish>,
}

impl<'a> Scene<'a> {
    /// A look at this.
    pub const fn new(snapshot: &'a Snapshot, loudness: Loudness) -> Self {
        Self { snapshot, loudness, pictures: None, wishes: Vec::new() }
    }

    /// With these pictures.
    pub fn with_pictures(self, pictures: &'a Pictures) -> Self {
        Self { pictures: Some(pictures), ..self }
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

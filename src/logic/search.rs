//! A path that somebody asked for beside the one in use: looked for until media goes over it, or nothing is left to try.
//!
//! The leg that was asked for may give way to a newer one, of ours or of theirs; that one is built with the same wish, so it
//! counts as well. A leg is let go of before the newer one begins: whether the search has failed is seen a moment later.

use super::{legs::LegEffect, path::PathPolicy};

/// See the head of this file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Search {
    leg: u32,
    wanted: PathPolicy,
    back_to: Option<PathPolicy>,
    closed: bool,
}

impl Search {
    /// That leg is being built for it. Where nothing is found, what was allowed before is allowed again.
    pub fn new(leg: u32, wanted: PathPolicy, back_to: Option<PathPolicy>) -> Self {
        Self { leg, wanted, back_to, closed: false }
    }

    /// What was looked for.
    pub fn wanted(&self) -> PathPolicy {
        self.wanted
    }

    /// What is to be allowed again.
    pub fn back_to(&self) -> Option<PathPolicy> {
        self.back_to
    }

    /// Something is done with a leg. `true` where media goes over what was looked for.
    pub fn note(&mut self, effect: &LegEffect) -> bool {
        match *effect {
            LegEffect::Open { generation, .. } if generation > self.leg => {
                (self.leg, self.closed) = (generation, false);
            }
            LegEffect::Close { generation } => self.closed |= generation == self.leg,
            LegEffect::Use { generation } => return generation >= self.leg,
            LegEffect::Open { .. } | LegEffect::Order { .. } => {}
        }
        false
    }

    /// Nothing was found.
    pub fn has_failed(&self) -> bool {
        self.closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::legs::LegWhy;

    fn search() -> Search {
        Search::new(3, PathPolicy::RelayTls, Some(PathPolicy::Any))
    }

    fn open(generation: u32) -> LegEffect {
        LegEffect::Open { generation, why: LegWhy::Theirs, only_direct: false }
    }

    #[test]
    fn it_succeeds_when_media_goes_there_and_not_when_it_stays_or_falls_back() {
        let mut search = search();
        assert!(!search.note(&LegEffect::Use { generation: 1 }));
        assert!(search.note(&LegEffect::Use { generation: 3 }));
    }

    #[test]
    fn it_fails_with_its_leg() {
        let mut search = search();
        search.note(&LegEffect::Close { generation: 1 });
        assert!(!search.has_failed(), "another leg");
        search.note(&LegEffect::Close { generation: 3 });
        assert!(search.has_failed());
        assert_eq!((search.wanted(), search.back_to()), (PathPolicy::RelayTls, Some(PathPolicy::Any)));
    }

    #[test]
    fn a_newer_leg_takes_its_place() {
        let mut search = search();
        search.note(&LegEffect::Close { generation: 3 });
        search.note(&open(4));
        assert!(!search.has_failed());
        assert!(search.note(&LegEffect::Use { generation: 4 }));
    }
}

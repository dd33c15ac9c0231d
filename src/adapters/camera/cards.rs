//! What the other side sees while no camera gives pictures.

use std::time::{Duration, Instant};

use crate::{
    logic::{devices::Cause, units::MediaTime},
    media::{
        card,
        frame::{Frame, Size},
        pool::Pool,
    },
};

/// What is over sooner than that needs no words: the last picture stays.
const CARD_AFTER: Duration = Duration::from_millis(700);
/// A card does not move; it is repeated for whoever comes later.
const CARD_EVERY: Duration = Duration::from_millis(500);

/// Says whether one is due.
pub(super) struct Cards {
    size: Size,
    why: Option<Cause>,
    last_picture: Option<Instant>,
    last_card: Option<Instant>,
    drawn: Option<(&'static str, Frame)>,
}

impl Cards {
    pub(super) fn new(size: Size) -> Self {
        Self { size, why: None, last_picture: None, last_card: None, drawn: None }
    }

    /// The first cause explains what follows from it.
    pub(super) fn note(&mut self, cause: Cause) {
        self.why.get_or_insert(cause);
    }

    pub(super) fn note_picture(&mut self, now: Instant) {
        self.last_picture = Some(now);
        self.last_card = None;
        self.why = None;
    }

    /// Nothing where no picture was ever seen: a call without a camera is one with sound alone.
    pub(super) fn due(&mut self, now: Instant) -> Option<Frame> {
        let since = |then: Instant| now.saturating_duration_since(then);
        let why = self.why.as_ref()?;
        if since(self.last_picture?) < CARD_AFTER
            || self.last_card.is_some_and(|last| since(last) < CARD_EVERY)
        {
            return None;
        }
        self.last_card = Some(now);
        let words = words_for(why);
        if self.drawn.as_ref().is_none_or(|(drawn, _)| *drawn != words) {
            let frame = card::draw(words, self.size, &Pool::new(0)).freeze(MediaTime(0));
            self.drawn = Some((words, frame));
        }
        self.drawn.as_ref().map(|(_, card)| card.clone())
    }
}

/// The other side reads this, so it names no device and asks for nothing.
const fn words_for(cause: &Cause) -> &'static str {
    match cause {
        Cause::Unplugged => "The camera was unplugged",
        Cause::Absent => "There is no camera",
        Cause::Busy => "The camera is used by another program",
        Cause::Forbidden => "The camera may not be used",
        Cause::Silent => "The camera does not answer",
        Cause::Broken(_) => "The camera does not work",
    }
}

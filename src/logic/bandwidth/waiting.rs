//! How long packets wait on the way: what they take beyond the least that any took lately.

use std::{collections::VecDeque, time::Duration};

/// The least is looked for in this many spans, so that two clocks that part do not look like a queue that grows.
const SPANS: usize = 4;
const SPAN: Duration = Duration::from_secs(10);
/// The wait that nothing escapes, over this while: jitter comes and goes, a queue stays.
const STANDING: Duration = Duration::from_millis(250);

/// See the head of this file. In microseconds, from one clock to the other, so that only differences mean something.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    leasts: VecDeque<(Duration, i64)>,
    recent: VecDeque<(Duration, i64)>,
    fresh: Option<i64>,
}

impl Waiting {
    /// What comes now is told of together.
    pub(super) fn begin(&mut self) {
        self.fresh = None;
    }

    /// A packet arrived.
    pub(super) fn handle(&mut self, sent: Duration, arrived: Duration) {
        let took = micros(arrived) - micros(sent);
        match self.leasts.back_mut() {
            Some((since, least)) if sent.saturating_sub(*since) < SPAN => *least = took.min(*least),
            Some(_) | None => self.leasts.push_back((sent, took)),
        }
        if self.leasts.len() > SPANS {
            self.leasts.pop_front();
        }
        self.fresh = Some(self.fresh.map_or(took, |fresh| took.min(fresh)));
        self.recent.push_back((sent, took));
        while self.recent.front().is_some_and(|(at, _)| sent.saturating_sub(*at) > STANDING) {
            self.recent.pop_front();
        }
    }

    /// What every packet waits at present.
    pub(super) fn standing(&self) -> Duration {
        self.above_least(self.recent.iter().map(|(_, took)| *took).min())
    }

    /// What every packet waited that was told of last.
    pub(super) fn fresh(&self) -> Duration {
        self.above_least(self.fresh)
    }

    fn above_least(&self, took: Option<i64>) -> Duration {
        let least = self.leasts.iter().map(|(_, least)| *least).min();
        let above = took.zip(least).map_or(0, |(took, least)| took - least);
        Duration::from_micros(above.max(0).unsigned_abs())
    }
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_is_no_standing_wait_and_a_queue_is() {
        let mut waiting = Waiting::default();
        let ms = Duration::from_millis;
        for number in 0..100 {
            waiting.handle(ms(10 * number), ms(10 * number + 40 + number % 5 * 6));
        }
        assert!(waiting.standing() < ms(1));
        waiting.begin();
        for number in 100..200 {
            waiting.handle(ms(10 * number), ms(10 * number + 140 + number % 5 * 6));
        }
        assert_eq!((waiting.standing(), waiting.fresh()), (ms(100), ms(100)));
    }
}

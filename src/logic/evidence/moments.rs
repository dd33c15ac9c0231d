//! How a call did, second by second: the last ten minutes one by one, and the whole of it in as many steps.
//!
//! When the whole has as many steps as there may be, each two of them become one. So it costs the same after hours, and no
//! second is ever left out: what was sent in a step is what was sent in its seconds.

use std::collections::VecDeque;

use super::{MOST_MOMENTS, Moment};

/// See the head of this file.
#[derive(Clone, Debug)]
pub(super) struct Moments {
    recent: VecDeque<Moment>,
    whole: Vec<Moment>,
    /// The step that is not complete, and of how many moments it is.
    open: Option<(Moment, u32)>,
    /// How many moments make a step.
    in_a_step: u32,
}

impl Default for Moments {
    fn default() -> Self {
        Self { recent: VecDeque::new(), whole: Vec::new(), open: None, in_a_step: 1 }
    }
}

impl Moments {
    pub(super) fn take(&mut self, moment: Moment) {
        if self.recent.len() >= MOST_MOMENTS {
            self.recent.pop_front();
        }
        self.recent.push_back(moment);
        let (open, count) = match self.open.take() {
            Some((open, count)) => (joined(&open, &moment), count + 1),
            None => (moment, 1),
        };
        if count < self.in_a_step {
            self.open = Some((open, count));
            return;
        }
        // There is always room left for the one that is open.
        if self.whole.len() + 1 >= MOST_MOMENTS {
            self.whole = self
                .whole
                .chunks(2)
                .map(|pair| pair.iter().skip(1).fold(pair[0], |first, second| joined(&first, second)))
                .collect();
            self.in_a_step = self.in_a_step.saturating_mul(2);
        }
        self.whole.push(open);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.recent.is_empty()
    }

    pub(super) fn recent(&self) -> Vec<Moment> {
        self.recent.iter().copied().collect()
    }

    pub(super) fn whole(&self) -> Vec<Moment> {
        self.whole.iter().copied().chain(self.open.map(|(open, _)| open)).collect()
    }
}

/// Two moments, one after the other, as one.
fn joined(first: &Moment, second: &Moment) -> Moment {
    let (a, b) = (f64::from(first.for_ms), f64::from(second.for_ms));
    let all = (a + b).max(1.0);
    let mean = |x: f64, y: f64| (x * a + y * b) / all;
    let rate = |x: u32, y: u32| mean(x.into(), y.into()).round() as u32;
    let share = |x: f32, y: f32| mean(x.into(), y.into()) as f32;
    // What was known for a part of the time counts for that part.
    let known = |x: Option<f32>, y: Option<f32>| match (x, y) {
        (Some(x), Some(y)) => Some(share(x, y)),
        (one, other) => one.or(other),
    };
    Moment {
        t_ms: second.t_ms,
        for_ms: first.for_ms.saturating_add(second.for_ms),
        leg: second.leg.or(first.leg),
        round_trip_ms: known(first.round_trip_ms, second.round_trip_ms),
        sent_bps: rate(first.sent_bps, second.sent_bps),
        received_bps: rate(first.received_bps, second.received_bps),
        picture_sent_bps: rate(first.picture_sent_bps, second.picture_sent_bps),
        picture_received_bps: rate(first.picture_received_bps, second.picture_received_bps),
        sound_sent_bps: rate(first.sound_sent_bps, second.sound_sent_bps),
        sound_received_bps: rate(first.sound_received_bps, second.sound_received_bps),
        target_bps: match (first.target_bps, second.target_bps) {
            (Some(x), Some(y)) => Some(rate(x, y)),
            (one, other) => one.or(other),
        },
        lost_of_ours_percent: share(first.lost_of_ours_percent, second.lost_of_ours_percent),
        lost_of_theirs_percent: share(first.lost_of_theirs_percent, second.lost_of_theirs_percent),
        jitter_ms: known(first.jitter_ms, second.jitter_ms),
        frames_sent_per_s: share(first.frames_sent_per_s, second.frames_sent_per_s),
        frames_shown_per_s: share(first.frames_shown_per_s, second.frames_shown_per_s),
        our_size: second.our_size.or(first.our_size),
        their_size: second.their_size.or(first.their_size),
        encode_ms: known(first.encode_ms, second.encode_ms),
        decode_ms: known(first.decode_ms, second.decode_ms),
        sound_held_ms: known(first.sound_held_ms, second.sound_held_ms),
        concealed_percent: share(first.concealed_percent, second.concealed_percent),
        frozen_ms: first.frozen_ms.saturating_add(second.frozen_ms),
        cpu_percent: known(first.cpu_percent, second.cpu_percent),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn second(t_s: u64, sent_bps: u32) -> Moment {
        Moment { t_ms: t_s * 1000, for_ms: 1000, sent_bps, frozen_ms: 10, ..Moment::default() }
    }

    fn of(seconds: u64) -> Moments {
        let mut moments = Moments::default();
        (1..=seconds).for_each(|t_s| moments.take(second(t_s, 1_000_000)));
        moments
    }

    #[test]
    fn a_short_call_is_kept_second_by_second() {
        let moments = of(100);
        assert_eq!(moments.whole().len(), 100);
        assert_eq!(moments.whole(), moments.recent());
    }

    #[test]
    fn of_a_long_call_the_last_ten_minutes_are_kept_and_the_whole_of_it_in_as_many_steps() {
        let moments = of(5 * 3600 + 7);
        let (recent, whole) = (moments.recent(), moments.whole());
        assert_eq!((recent.len(), recent[0].t_ms), (MOST_MOMENTS, (5 * 3600 + 8 - 600) * 1000));
        assert!((MOST_MOMENTS / 2 - 1..=MOST_MOMENTS).contains(&whole.len()), "{}", whole.len());
        assert_eq!(whole.last().map(|last| last.t_ms), Some((5 * 3600 + 7) * 1000));
        assert!(whole.iter().all(|step| step.sent_bps == 1_000_000));
    }

    #[test]
    fn what_is_known_for_a_part_of_the_time_counts_for_that_part() {
        let known = Moment { round_trip_ms: Some(40.0), leg: Some(1), ..second(1, 0) };
        let both = joined(&known, &second(2, 0));
        assert_eq!((both.round_trip_ms, both.leg, both.for_ms), (Some(40.0), Some(1), 2000));
        let other = Moment { round_trip_ms: Some(80.0), for_ms: 3000, ..second(5, 0) };
        assert_eq!(joined(&known, &other).round_trip_ms, Some(70.0));
    }

    #[test]
    fn what_each_medium_takes_is_joined_like_all_of_it() {
        let first = Moment { picture_sent_bps: 100, sound_received_bps: 8, ..second(1, 0) };
        let later = Moment { picture_sent_bps: 200, sound_received_bps: 4, ..second(2, 0) };
        let both = joined(&first, &later);
        assert_eq!((both.picture_sent_bps, both.sound_received_bps), (150, 6));
    }

    proptest! {
        #[test]
        fn however_long_a_call_is_no_second_is_left_out_and_none_counts_twice(
            rates in proptest::collection::vec(0_u32..10_000_000, 1..4000)
        ) {
            let mut moments = Moments::default();
            for (index, rate) in rates.iter().enumerate() {
                moments.take(second(index as u64 + 1, *rate));
            }
            let whole = moments.whole();
            prop_assert!(whole.len() <= MOST_MOMENTS && moments.recent().len() <= MOST_MOMENTS);
            prop_assert!(whole.windows(2).all(|pair| {
                pair[1].t_ms - u64::from(pair[1].for_ms) == pair[0].t_ms
            }), "steps follow each other");
            let time: u64 = whole.iter().map(|step| u64::from(step.for_ms)).sum();
            prop_assert_eq!(time, rates.len() as u64 * 1000);
            let frozen: u64 = whole.iter().map(|step| u64::from(step.frozen_ms)).sum();
            prop_assert_eq!(frozen, rates.len() as u64 * 10);
            let sent = |bps: u32, ms: u32| f64::from(bps) * f64::from(ms) / 1e3;
            let told: f64 = whole.iter().map(|step| sent(step.sent_bps, step.for_ms)).sum();
            let right: f64 = rates.iter().map(|rate| sent(*rate, 1000)).sum();
            // Each folding rounds to a whole bit.
            prop_assert!((told - right).abs() <= rates.len() as f64 * 4.0, "{told} for {right}");
        }
    }
}

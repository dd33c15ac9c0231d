//! What is lost, and whether less of it would be lost at a lower rate.
//!
//! Some paths lose a tenth of everything, whatever is sent: to yield to that is to have no picture for nothing. Others lose
//! because too much is sent: a short queue, a policer. The two look the same, as long as the rate stays. So it is tried: for a
//! while less is sent. Where the loss falls, it was ours, and what arrived is what fits; where it does not, it belongs to the
//! path and is borne, up to a quarter, as long as no queue grows.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Loss is looked at over this while, and over as many packets.
const WINDOW: Duration = Duration::from_millis(1200);
const LEAST_PACKETS: usize = 40;
/// How much is remembered.
const KEPT: Duration = Duration::from_secs(4);
/// Less than this is no reason for anything.
const NOTHING: f64 = 0.025;
/// Loss that is borne without being tried again: so much times what the path is known for, and so much more.
const SLACK: (f64, f64) = (1.4, 0.06);
/// What the path is known for follows what is seen by this much each time.
const FOLLOWS: f64 = 0.01;
/// No path is granted more than this.
pub(super) const MOST_BORNE: f64 = 0.30;
/// How long less is sent, in order to see.
const TRIAL: Duration = Duration::from_millis(1200);
/// Where chance could have done it, the trial goes on for so long.
const LONGEST_TRIAL: Duration = Duration::from_millis(3000);
/// A difference this many times what chance makes is none of its.
const NO_CHANCE: f64 = 2.5;
/// Less is this much of what arrives.
const TRIAL_SHARE: f64 = 0.88;
/// Loss that falls below this part of what it was is our own.
const FALLS: f64 = 0.55;
/// What was learned of the path is believed for so long.
const BELIEVED: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug)]
enum State {
    Calm,
    /// Less is sent since then.
    Trial {
        since: Instant,
        loss: f64,
        before_bps: f64,
    },
}

/// What the loss asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Verdict {
    /// Nothing.
    Nothing,
    /// Send so much less, for a while.
    Try(f64),
    /// It was not ours: go back to that.
    GoBack(f64),
    /// It was ours: what arrives is what fits.
    Ours,
}

/// See the head of this file.
#[derive(Debug)]
pub(super) struct Losses {
    packets: VecDeque<(Instant, bool)>,
    began: Option<Instant>,
    state: State,
    /// What the path loses whatever is sent, and when that was found.
    borne: f64,
    borne_until: Option<Instant>,
    /// What was sent before a loss was called ours. Where the next trial says otherwise, it may have been the path's.
    doubted: Option<(f64, Instant)>,
}

impl Losses {
    pub(super) fn new() -> Self {
        Self {
            packets: VecDeque::new(),
            began: None,
            state: State::Calm,
            borne: 0.0,
            borne_until: None,
            doubted: None,
        }
    }

    /// The fate of a packet that left then.
    pub(super) fn handle(&mut self, sent: Instant, lost: bool) {
        self.began.get_or_insert(sent);
        self.packets.push_back((sent, lost));
        while self.packets.front().is_some_and(|(at, _)| *at + KEPT < sent) {
            self.packets.pop_front();
        }
    }

    /// The part that is lost at present.
    pub(super) fn share(&self) -> f64 {
        let Some((newest, _)) = self.packets.back() else { return 0.0 };
        let window = if self.borne > 0.0 { 2 * WINDOW } else { WINDOW };
        let floor = newest.checked_sub(window).unwrap_or(*newest);
        self.since(floor).map_or(0.0, |(loss, _)| loss)
    }

    /// What the path is known to lose whatever is sent.
    pub(super) fn borne(&self) -> f64 {
        self.borne
    }

    /// Whether less is sent at present, in order to see.
    pub(super) fn on_trial(&self) -> bool {
        matches!(self.state, State::Trial { .. })
    }

    /// What to do. `queue_grows`: then the loss is no riddle, and others take care of it.
    pub(super) fn judge(
        &mut self,
        target_bps: f64,
        delivered_bps: f64,
        round_trip: Duration,
        queue_grows: bool,
        now: Instant,
    ) -> Verdict {
        if self.borne_until.is_some_and(|until| now >= until) {
            self.borne_until = None;
            self.borne = 0.0;
        }
        match self.state {
            State::Calm => {
                let loss = self.share();
                let bearable =
                    NOTHING.max(self.borne * SLACK.0 + SLACK.1 * f64::from(u8::from(self.borne > 0.0)));
                if queue_grows {
                    // That is what was lost for; it shall not be tried again when the queue is gone.
                    self.packets.clear();
                    return Verdict::Nothing;
                }
                // So soon little is known; the probes of the beginning tell more, but for what nothing survives.
                let too_soon = self.began.is_none_or(|began| now < began + WINDOW) && loss < MOST_BORNE;
                if loss <= bearable || too_soon {
                    if self.borne > 0.0 && !too_soon {
                        self.borne += (loss - self.borne) * FOLLOWS;
                    }
                    return Verdict::Nothing;
                }
                let less = (delivered_bps * TRIAL_SHARE).min(target_bps * TRIAL_SHARE);
                self.state = State::Trial { since: now, loss, before_bps: target_bps };
                Verdict::Try(less)
            }
            State::Trial { since, loss, before_bps } => {
                if queue_grows {
                    self.state = State::Calm;
                    return Verdict::Nothing;
                }
                if now < since + TRIAL + round_trip {
                    return Verdict::Nothing;
                }
                let Some((then, packets)) = self.since(since + round_trip) else { return Verdict::Nothing };
                let by_chance = (loss * (1.0 - loss) * 2.0 / packets as f64).sqrt();
                let fell = then < loss * FALLS || then > MOST_BORNE;
                let unsure = (loss - then).abs() < by_chance * NO_CHANCE && then <= MOST_BORNE;
                if fell && unsure && now < since + LONGEST_TRIAL {
                    return Verdict::Nothing;
                }
                self.state = State::Calm;
                // What was lost before the trial shall not start the next.
                self.packets.retain(|(at, _)| *at >= since + round_trip);
                if fell {
                    self.borne = self.borne.min(then);
                    self.doubted = Some((before_bps, now + BELIEVED));
                    return Verdict::Ours;
                }
                self.borne = then.max(self.borne).min(MOST_BORNE);
                self.borne_until = Some(now + BELIEVED);
                let doubted = self.doubted.take().filter(|(_, until)| now < *until);
                Verdict::GoBack(doubted.map_or(before_bps, |(bps, _)| bps.max(before_bps)))
            }
        }
    }

    fn since(&self, floor: Instant) -> Option<(f64, usize)> {
        let recent = self.packets.iter().rev().take_while(|(at, _)| *at >= floor);
        let (mut all, mut lost) = (0_usize, 0_usize);
        for (_, was_lost) in recent {
            all += 1;
            lost += usize::from(*was_lost);
        }
        (all >= LEAST_PACKETS).then(|| (lost as f64 / all as f64, all))
    }
}

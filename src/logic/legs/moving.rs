//! Which leg carries, and when another is wanted.

use std::time::{Duration, Instant};

use super::{
    CALLEE_HOLDS_BACK, FIRST_PAUSE, Gate, LEG_LIMIT, LINGER, LONGEST_LOOK, LONGEST_PAUSE, LegEffect, LegWhy,
    Legs, Look, RETIRE_LIMIT, SILENT_AFTER, leg::Leg,
};
use crate::logic::course::{Link, Role};

impl Legs {
    pub(super) fn came_up(&mut self, generation: u32, now: Instant) {
        if let Some(leg) = self.leg(generation) {
            leg.up_since.get_or_insert(now);
        }
        self.ever_up = true;
        self.broken_since = None;
        self.goodbye = false;
        if self.used().is_none_or(|used| used.generation < generation || !used.is_up()) {
            self.take_into_use(generation, now);
        }
    }

    fn take_into_use(&mut self, generation: u32, now: Instant) {
        self.in_use = Some(generation);
        self.act(LegEffect::Use { generation });
        let was_heard = self.legs.iter().any(|leg| leg.generation == generation && leg.is_heard());
        let retire = now + if was_heard { LINGER } else { RETIRE_LIMIT };
        for leg in &mut self.legs {
            // A newer one that is down may come back; but not for ever.
            let is_lost = leg.generation > generation && leg.up_since.is_some() && !leg.is_up();
            leg.retire = if is_lost {
                Some(now + RETIRE_LIMIT)
            } else {
                (leg.generation < generation).then_some(retire)
            };
        }
    }

    pub(super) fn stopped(&mut self, generation: u32, link: Link, now: Instant) {
        if self.in_use != Some(generation) {
            if link == Link::Failed && self.ever_up {
                self.drop_leg(generation);
            }
            return;
        }
        if !self.fall_back(now) {
            self.broken_since.get_or_insert(now);
        }
    }

    /// Lets go of what was left behind. Where the other side has not moved yet, it is given the time.
    pub(super) fn retire(&mut self, now: Instant) {
        let is_waited_for = !self.used().is_some_and(Leg::is_heard);
        let due: Vec<_> = self
            .legs
            .iter_mut()
            .filter(|leg| leg.retire.is_some_and(|at| now >= at))
            .filter_map(|leg| {
                let stays = is_waited_for && leg.is_up() && leg.is_heard_within(SILENT_AFTER, now);
                leg.retire = stays.then_some(now + LINGER);
                (!stays).then_some(leg.generation)
            })
            .collect();
        for generation in due {
            self.drop_leg(generation);
        }
    }

    /// Another leg that is up takes over.
    pub(super) fn fall_back(&mut self, now: Instant) -> bool {
        if self.used().is_some_and(Leg::is_up) {
            return true;
        }
        let other = self.legs.iter().rev().find(|leg| leg.is_up()).map(|leg| leg.generation);
        match other {
            Some(generation) => self.take_into_use(generation, now),
            None => {
                self.in_use = self.used().map(|leg| leg.generation);
            }
        }
        other.is_some()
    }

    pub(super) fn look_for_better(&mut self, now: Instant) {
        if let Some(look) = self.look
            && self.legs.len() == 1
            && now >= look.at
        {
            let pause = (look.pause * 2).min(LONGEST_LOOK);
            self.look = Some(Look { at: now + pause, pause });
            self.make(LegWhy::BetterPath, now);
        }
    }

    /// When another leg is to be built, because nothing comes on the one in use.
    pub(super) fn wanted_at(&self) -> Option<Instant> {
        if self.gate != Gate::Open || self.goodbye || self.is_building() {
            return None;
        }
        let hold_back = match self.role {
            Role::Caller => Duration::ZERO,
            Role::Callee => CALLEE_HOLDS_BACK,
        };
        let silent_at = self.used().and_then(|leg| leg.silent_at(SILENT_AFTER + hold_back));
        let wanted = self.broken_since.map(|since| since + hold_back).or(silent_at)?;
        Some(self.not_before.map_or(wanted, |not_before| wanted.max(not_before)))
    }

    pub(super) fn is_building(&self) -> bool {
        self.legs.iter().any(|leg| leg.up_since.is_none() && !leg.only_direct)
    }

    /// When a leg has taken too long to come up. Before the call is taken it waits for a person.
    pub(super) fn give_up(&self, leg: &Leg) -> Option<Instant> {
        let began = self.taken?.max(leg.opened);
        leg.up_since.is_none().then_some(began + LEG_LIMIT)
    }

    /// Each attempt that follows another is made later; when media comes again the count begins anew.
    pub(super) fn slow_down(&mut self, now: Instant) {
        if self.not_before.is_some_and(|at| now.saturating_duration_since(at) > LONGEST_PAUSE * 2) {
            self.pause = FIRST_PAUSE;
        }
        self.not_before = Some(now + self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}

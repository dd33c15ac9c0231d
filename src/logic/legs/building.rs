//! How legs begin: by our offer or by theirs.

use std::time::Instant;

use super::{
    Gate, LegEffect, LegWhy, Legs, MAX_AHEAD, MAX_LEGS, Order,
    held::without_candidates,
    leg::{Leg, Phase},
};
use crate::logic::course::Role;

impl Legs {
    /// Begins a leg of our own.
    pub(super) fn make(&mut self, why: LegWhy, now: Instant) {
        self.make_for(why, why == LegWhy::BetterPath, now);
    }

    pub(super) fn make_for(&mut self, why: LegWhy, only_direct: bool, now: Instant) {
        let odd = self.role == Role::Caller;
        // Nobody gets there but by skipping; then this call has had its last leg.
        let Some(next) = self.newest.checked_add(if (self.newest % 2 == 1) == odd { 2 } else { 1 }) else {
            return;
        };
        self.newest = next;
        self.open(Leg::new(next, Phase::Making, only_direct, now), why);
        self.order(next, Order::MakeOffer);
    }

    pub(super) fn take_offer(&mut self, generation: u32, sdp: String, only_direct: bool, now: Instant) {
        let by_caller = generation % 2 == 1;
        let is_theirs = by_caller == (self.role == Role::Callee);
        if !is_theirs
            || generation <= self.newest_of_theirs
            || generation > self.newest.saturating_add(MAX_AHEAD)
        {
            return;
        }
        self.newest_of_theirs = generation;
        let stands = self.stands_against_ours(generation, only_direct);
        self.newest = self.newest.max(generation);
        if !stands {
            return;
        }
        self.goodbye = false;
        self.held.forget_before(generation);
        if self.gate == Gate::Shut {
            self.waiting_offer = Some((generation, sdp, only_direct));
        } else {
            self.answer(generation, sdp, only_direct, now);
        }
    }

    pub(super) fn answer(&mut self, generation: u32, mut sdp: String, only_direct: bool, now: Instant) {
        if self.gate != Gate::Open {
            let (rest, candidates) = without_candidates(&sdp);
            sdp = rest;
            self.held.hold(generation, candidates, false);
        }
        let why = if self.ever_up { LegWhy::Theirs } else { LegWhy::First };
        self.open(Leg::new(generation, Phase::Answering, only_direct, now), why);
        self.order(generation, Order::TakeOffer { sdp });
        self.is_described = true;
        if self.gate == Gate::Open {
            self.release_held(generation);
        }
    }

    fn open(&mut self, leg: Leg, why: LegWhy) {
        self.drop_unfinished();
        while self.legs.len() >= MAX_LEGS {
            let idle = self.legs.iter().filter(|leg| Some(leg.generation) != self.in_use);
            let Some(least) = idle.min_by_key(|leg| (leg.is_up(), leg.generation)) else { break };
            self.drop_leg(least.generation);
        }
        let (generation, only_direct) = (leg.generation, leg.only_direct);
        self.first.get_or_insert(generation);
        self.legs.push(leg);
        self.act(LegEffect::Open { generation, why, only_direct });
    }

    /// Whether an offer of theirs counts. Where one of ours is out, both ends come to the same answer.
    fn stands_against_ours(&self, generation: u32, only_direct: bool) -> bool {
        let ours = self.legs.iter().find(|leg| matches!(leg.phase, Phase::Making | Phase::Offered));
        match ours {
            Some(ours) if ours.only_direct != only_direct => ours.only_direct,
            Some(_) | None => generation > self.newest,
        }
    }

    /// A newer leg takes the place of whatever has not come up yet.
    fn drop_unfinished(&mut self) {
        let in_use = self.in_use;
        let unfinished: Vec<_> = self
            .legs
            .iter()
            .filter(|leg| leg.up_since.is_none() && Some(leg.generation) != in_use)
            .map(|leg| leg.generation)
            .collect();
        for generation in unfinished {
            self.drop_leg(generation);
        }
    }
}

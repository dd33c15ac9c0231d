//! What somebody tries with the path of the call that stands: a search, another policy, a hindrance of our own sending.
//!
//! Nothing that carries is given up for a trial: a leg is built beside the one in use, and where it comes to nothing the call
//! stays as it is, and says so.

use sightline_protocol::call::CallId;

use crate::logic::{
    call::{Call, PeerEvent},
    evidence::{Hindrance, Trial},
    path::PathPolicy,
    phone::Event,
};

use super::{super::api::Update, Engine};

impl Engine {
    pub(super) async fn take_trial(&mut self, trial: Trial) {
        let call = self.phone.current().filter(|call| call.is_connected()).map(Call::id);
        let done = match (call, trial) {
            (None, _) => Err("Nothing can be tried with the path, as no call is connected.".to_owned()),
            (Some(call), Trial::Restart) => self.restart(call),
            (Some(call), Trial::Path(policy)) => self.allow(call, policy),
            (Some(call), Trial::Hinder(hindrance)) => {
                self.hinder(call, hindrance);
                Ok(())
            }
        };
        if let Err(text) = done {
            if let Some(calling) = call.and_then(|call| self.calls.get_mut(&call)) {
                calling.note_trial(&text);
            }
            self.tell(Update::Problem { text }).await;
        }
        self.carry_out().await;
        if let (Some(call), Trial::Path(_)) = (call, trial) {
            self.tell_route(call).await;
        }
    }

    /// Searches that have come to nothing end here.
    pub(super) async fn settle_searches(&mut self) {
        let failed =
            self.calls.iter_mut().filter_map(|(&call, calling)| Some((call, calling.take_failed()?)));
        for (call, search) in failed.collect::<Vec<_>>() {
            let (wanted, back_to) = (search.wanted(), search.back_to());
            let then = match back_to {
                Some(policy) => {
                    self.set_policy(call, policy);
                    format!("the call stays on the one that it has, and {} again", allowed(policy))
                }
                None => "the call stays on the one that it has".to_owned(),
            };
            let text = format!("{} was found in time; {then}.", none_of(wanted));
            if let Some(calling) = self.calls.get_mut(&call) {
                calling.note_trial(&text);
            }
            self.tell(Update::Problem { text }).await;
            self.tell_route(call).await;
        }
    }

    fn restart(&mut self, call: CallId) -> Result<(), String> {
        let policy = self.calls.get(&call).map_or(self.path, |calling| calling.policy);
        let only_direct = policy == PathPolicy::Direct;
        let leg = self.phone.ask_for_leg(call, only_direct, self.clock.now());
        let leg = leg.ok_or("Another path is being looked for already.")?;
        if let Some(calling) = self.calls.get_mut(&call) {
            calling.note_trial("Somebody here asked for another search for a path");
            calling.begin_search(leg, policy, None);
        }
        Ok(())
    }

    fn allow(&mut self, call: CallId, policy: PathPolicy) -> Result<(), String> {
        let Some(calling) = self.calls.get(&call) else { return Ok(()) };
        let before = calling.policy;
        let fits = calling.path.fits(policy);
        let is_relayed = calling.path.route().is_relayed();
        self.set_policy(call, policy);
        // A relay may have been forced before; where any path will do, a direct one is the better.
        let looks_for_better = policy == PathPolicy::Any && is_relayed;
        if fits && !looks_for_better {
            self.note_policy(call, policy);
            return Ok(());
        }
        if let Some(why) = self.lines.why_no_relay(call, self.clock.now()) {
            self.set_policy(call, before);
            return Err(why);
        }
        let only_direct = looks_for_better || policy == PathPolicy::Direct;
        let Some(leg) = self.phone.ask_for_leg(call, only_direct, self.clock.now()) else {
            self.set_policy(call, before);
            return Err("Another path is being looked for already; try again in a moment.".to_owned());
        };
        if let Some(calling) = self.calls.get_mut(&call) {
            let wanted = if looks_for_better { PathPolicy::Direct } else { policy };
            calling.begin_search(leg, wanted, (!fits).then_some(before));
        }
        self.note_policy(call, policy);
        Ok(())
    }

    fn note_policy(&mut self, call: CallId, policy: PathPolicy) {
        if let Some(calling) = self.calls.get_mut(&call) {
            calling.note_trial(&format!("From now on {}", allowed(policy)));
        }
    }

    fn hinder(&mut self, call: CallId, hindrance: Hindrance) {
        if let Some(calling) = self.calls.get_mut(&call) {
            calling.hinder(hindrance.bounded());
        }
    }

    fn set_policy(&mut self, call: CallId, policy: PathPolicy) {
        self.lines.set_call_policy(call, policy, self.clock.now());
        if let Some(calling) = self.calls.get_mut(&call) {
            calling.set_policy(policy);
        }
    }

    /// What the legs are told of the route depends on what is allowed.
    async fn tell_route(&mut self, call: CallId) {
        let Some(calling) = self.calls.get(&call) else { return };
        let Some(generation) = calling.leg_in_use() else { return };
        let relayed = calling.path.route().is_relayed() && !calling.policy.needs_relay();
        let path = Box::new(calling.path.report());
        self.tell(Update::Path { call, path }).await;
        self.handle(Event::Peer { call, generation, event: PeerEvent::Route { relayed } }).await;
    }
}

fn allowed(policy: PathPolicy) -> &'static str {
    match policy {
        PathPolicy::Any => "any path is allowed",
        PathPolicy::Direct => "only direct paths are allowed",
        PathPolicy::Relay => "only paths over a relay are allowed",
        PathPolicy::RelayUdp => "only paths over a relay by UDP are allowed",
        PathPolicy::RelayTcp => "only paths over a relay by TCP are allowed",
        PathPolicy::RelayTls => "only paths over a relay by TLS are allowed",
    }
}

fn none_of(policy: PathPolicy) -> &'static str {
    match policy {
        PathPolicy::Any => "No other path",
        PathPolicy::Direct => "No direct path",
        PathPolicy::Relay => "No path over a relay",
        PathPolicy::RelayUdp => "No path over a relay by UDP",
        PathPolicy::RelayTcp => "No path over a relay by TCP",
        PathPolicy::RelayTls => "No path over a relay by TLS",
    }
}

//! Which calls the switchboard knows: who may have the relay for which, and until when.
//!
//! A call is known by its id and its two parties, so nobody can get into another's by using its id. It is *noted* with the
//! first envelope, *answered* once envelopes went both ways, and *opened* when a party first asks for the relay; only then
//! is the relay told. A call that is over stays known for a moment as such, as its last envelopes are still under way and
//! are no new call.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use sightline_protocol::{Address, CallId};

use crate::relay::{Party, ScopeId, credentials};

/// How long a call that nobody answers, or that is over, stays known. Longer than it may ring.
const UNANSWERED_FOR: Duration = Duration::from_secs(120);

#[derive(Debug)]
pub(super) struct Calls {
    most: usize,
    /// How long an answered one stays known without an envelope and without asking for credentials.
    idle_for: Duration,
    /// What scopes are made with.
    key: Vec<u8>,
    known: HashMap<ScopeId, Call>,
    by_name: HashMap<Name, ScopeId>,
    by_party: HashMap<Address, Vec<ScopeId>>,
    /// Those that go first when there is no room: unanswered or over, oldest first.
    spare: BTreeSet<ScopeId>,
    /// When to look whether one is to be forgotten. It may have been used since, and is then looked at again.
    looks: BTreeSet<(Instant, ScopeId)>,
}

/// A call, whichever of its parties names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Name {
    call: CallId,
    lower: [u8; 32],
    higher: [u8; 32],
}

#[derive(Debug)]
struct Call {
    call: CallId,
    caller: Address,
    callee: Address,
    stage: Stage,
    until: Instant,
    /// Its entry in `looks`.
    look: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Noted,
    Answered,
    Opened,
    Over,
}

/// What became of a wish to have the relay.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Opening {
    pub(super) scope: ScopeId,
    pub(super) party: Party,
    /// The relay has not been told of this call yet.
    pub(super) first: bool,
}

impl Calls {
    pub(super) fn new(most: usize, credentials_for: Duration, key: Vec<u8>) -> Self {
        Self {
            most: most.max(1),
            // Whoever uses the relay asks again before its credentials end, and may do so a little late.
            idle_for: credentials_for * 2,
            key,
            known: HashMap::new(),
            by_name: HashMap::new(),
            by_party: HashMap::new(),
            spare: BTreeSet::new(),
            looks: BTreeSet::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// An envelope goes from one to another. Whether its call is known.
    pub(super) fn passes(&mut self, call: CallId, from: &Address, to: &[u8; 32], now: Instant) -> bool {
        let Some(scope) = self.by_name.get(&Name::new(call, from.as_bytes(), to)) else { return false };
        let Some(known) = self.known.get_mut(scope) else { return false };
        if known.stage == Stage::Noted && known.callee == *from {
            known.stage = Stage::Answered;
            self.spare.remove(scope);
        }
        match known.stage {
            Stage::Answered | Stage::Opened => known.until = now + self.idle_for,
            Stage::Noted | Stage::Over => {}
        }
        true
    }

    /// Whether there is a place for one more.
    pub(super) fn has_room(&self) -> bool {
        self.known.len() < self.most || !self.spare.is_empty()
    }

    /// A call that is not known begins. Where there is no room the oldest unanswered one goes; without one of those this
    /// stays unknown.
    pub(super) fn note(&mut self, call: CallId, caller: Address, callee: Address, now: Instant) {
        if self.known.len() >= self.most {
            let Some(oldest) = self.spare.first().copied() else { return };
            // None of these is one that the relay knows.
            self.remove(oldest);
        }
        let name = Name::new(call, caller.as_bytes(), callee.as_bytes());
        let scope = credentials::scope(&self.key, call, &name.lower, &name.higher);
        if self.known.contains_key(&scope) {
            // One in 2^64, and nobody can look for it. It goes without a relay.
            return;
        }
        let until = now + UNANSWERED_FOR;
        self.by_name.insert(name, scope);
        self.by_party.entry(caller).or_default().push(scope);
        if callee != caller {
            self.by_party.entry(callee).or_default().push(scope);
        }
        self.known.insert(scope, Call { call, caller, callee, stage: Stage::Noted, until, look: until });
        self.spare.insert(scope);
        self.looks.insert((until, scope));
    }

    /// A party wants the relay. `None` where it has no such call, or nobody answered yet.
    pub(super) fn open(
        &mut self,
        call: CallId,
        party: &Address,
        with: &Address,
        now: Instant,
    ) -> Option<Opening> {
        let scope = *self.by_name.get(&Name::new(call, party.as_bytes(), with.as_bytes()))?;
        let known = self.known.get_mut(&scope)?;
        let first = match known.stage {
            Stage::Answered => true,
            Stage::Opened => false,
            Stage::Noted | Stage::Over => return None,
        };
        known.stage = Stage::Opened;
        known.until = now + self.idle_for;
        Some(Opening { scope, party: known.party(party), first })
    }

    /// A party says that it is over. The relay has to be told where it comes back.
    pub(super) fn end(
        &mut self,
        call: CallId,
        party: &Address,
        with: &Address,
        now: Instant,
    ) -> Option<ScopeId> {
        let scope = *self.by_name.get(&Name::new(call, party.as_bytes(), with.as_bytes()))?;
        let known = self.known.get_mut(&scope)?;
        known.until = now + UNANSWERED_FOR;
        self.spare.insert(scope);
        (std::mem::replace(&mut known.stage, Stage::Over) == Stage::Opened).then_some(scope)
    }

    /// The calls of an address that the relay knows, and which party it is in each.
    pub(super) fn opened_by(&self, party: &Address) -> Vec<(ScopeId, Party)> {
        let scopes = self.by_party.get(party).map(Vec::as_slice).unwrap_or_default();
        let opened = scopes.iter().filter(|scope| self.known[*scope].stage == Stage::Opened);
        opened.map(|scope| (*scope, self.known[scope].party(party))).collect()
    }

    /// An address has gone. Its calls with others that are gone too go as well; those that the relay knew come back.
    pub(super) fn left(&mut self, party: &Address, is_here: impl Fn(&Address) -> bool) -> Vec<ScopeId> {
        let scopes = self.by_party.get(party).cloned().unwrap_or_default();
        let mut ended = Vec::new();
        for scope in scopes {
            let known = &self.known[&scope];
            let other = if known.caller == *party { &known.callee } else { &known.caller };
            if !is_here(other) && self.remove(scope) {
                ended.push(scope);
            }
        }
        ended
    }

    /// Forgets what nobody used for long. Those that the relay knew come back.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> Vec<ScopeId> {
        let mut ended = Vec::new();
        while let Some(&(_, scope)) = self.looks.first().filter(|(look, _)| *look <= now) {
            let call = self.known.get_mut(&scope).expect("only known calls are looked at");
            if call.until > now {
                self.looks.pop_first();
                call.look = call.until;
                self.looks.insert((call.look, scope));
            } else if self.remove(scope) {
                ended.push(scope);
            }
        }
        ended
    }

    pub(super) fn poll_timeout(&self) -> Option<(Instant, ScopeId)> {
        self.looks.first().copied()
    }

    /// Whether the relay has to be told.
    fn remove(&mut self, scope: ScopeId) -> bool {
        let Some(gone) = self.known.remove(&scope) else { return false };
        self.spare.remove(&scope);
        self.looks.remove(&(gone.look, scope));
        self.by_name.remove(&Name::new(gone.call, gone.caller.as_bytes(), gone.callee.as_bytes()));
        for party in [gone.caller, gone.callee] {
            if let Some(scopes) = self.by_party.get_mut(&party) {
                scopes.retain(|other| *other != scope);
                if scopes.is_empty() {
                    self.by_party.remove(&party);
                }
            }
        }
        gone.stage == Stage::Opened
    }

    /// The tables say the same.
    #[cfg(test)]
    pub(super) fn check(&self) {
        assert!(self.known.len() <= self.most);
        assert_eq!(self.known.len(), self.by_name.len());
        for (scope, call) in &self.known {
            assert_eq!(
                self.by_name[&Name::new(call.call, call.caller.as_bytes(), call.callee.as_bytes())],
                *scope
            );
            assert!(
                self.by_party[&call.caller].contains(scope) && self.by_party[&call.callee].contains(scope)
            );
            assert!(self.looks.contains(&(call.look, *scope)) && call.look <= call.until);
            assert_eq!(self.spare.contains(scope), matches!(call.stage, Stage::Noted | Stage::Over));
        }
        assert_eq!(self.looks.len(), self.known.len());
        assert!(self.spare.iter().all(|scope| self.known.contains_key(scope)));
        assert!(self.by_party.values().all(|scopes| !scopes.is_empty()));
        assert!(self.by_party.values().flatten().all(|scope| self.known.contains_key(scope)));
    }
}

impl Call {
    fn party(&self, address: &Address) -> Party {
        let other = if self.caller == *address { &self.callee } else { &self.caller };
        if address.as_bytes() < other.as_bytes() { Party::Lower } else { Party::Higher }
    }
}

impl Name {
    fn new(call: CallId, one: &[u8; 32], other: &[u8; 32]) -> Self {
        let (lower, higher) = if one < other { (*one, *other) } else { (*other, *one) };
        Self { call, lower, higher }
    }
}

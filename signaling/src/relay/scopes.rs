//! What is known of calls: which there are, where their parties were seen, and what each has here.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use super::{AllocationId, Party, ScopeId};

/// Addresses remembered of one party. One more takes the place of the oldest.
const MOST_SEEN: usize = 16;

/// For whom an allocation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Holder {
    pub(super) scope: ScopeId,
    pub(super) party: Party,
}

pub(super) struct Scopes {
    most: usize,
    open: usize,
    scopes: HashMap<ScopeId, Scope>,
}

#[derive(Default)]
struct Scope {
    /// The switchboard told of it, and has not told of its end.
    open: bool,
    seen: [VecDeque<IpAddr>; 2],
    here: Vec<(Party, AllocationId)>,
    elsewhere: usize,
}

impl Scopes {
    pub(super) fn new(most: usize) -> Self {
        Self { most, open: 0, scopes: HashMap::new() }
    }

    /// A call began. Where there are too many already, it is not learnt of.
    pub(super) fn open(&mut self, scope: ScopeId) {
        if self.open >= self.most || self.is_open(scope) {
            return;
        }
        self.open += 1;
        self.scopes.entry(scope).or_default().open = true;
    }

    pub(super) fn is_open(&self, scope: ScopeId) -> bool {
        self.scopes.get(&scope).is_some_and(|scope| scope.open)
    }

    /// A party of an open call was seen here. Whether that is new.
    pub(super) fn saw(&mut self, holder: Holder, ip: IpAddr) -> bool {
        let Some(scope) = self.scopes.get_mut(&holder.scope).filter(|scope| scope.open) else { return false };
        let seen = &mut scope.seen[index(holder.party)];
        let ip = ip.to_canonical();
        if seen.contains(&ip) {
            return false;
        }
        if seen.len() == MOST_SEEN {
            seen.pop_front();
        }
        seen.push_back(ip);
        true
    }

    /// Whether the other party of the call was seen there.
    pub(super) fn other_was_seen(&self, holder: Holder, ip: IpAddr) -> bool {
        let Some(scope) = self.scopes.get(&holder.scope) else { return false };
        scope.seen[index(holder.party.other())].contains(&ip)
    }

    /// A call ended. What it had here is to be ended too.
    pub(super) fn end(&mut self, scope: ScopeId) -> Vec<AllocationId> {
        let Some(ended) = self.scopes.get_mut(&scope) else { return Vec::new() };
        if std::mem::take(&mut ended.open) {
            self.open -= 1;
        }
        ended.seen = Default::default();
        let here = ended.here.iter().map(|(_, allocation)| *allocation).collect();
        self.forget_if_empty(scope);
        here
    }

    pub(super) fn add(&mut self, holder: Holder, allocation: AllocationId) {
        self.scopes.entry(holder.scope).or_default().here.push((holder.party, allocation));
    }

    pub(super) fn remove(&mut self, holder: Holder, allocation: AllocationId) {
        let Some(scope) = self.scopes.get_mut(&holder.scope) else { return };
        scope.here.retain(|(_, there)| *there != allocation);
        self.forget_if_empty(holder.scope);
    }

    /// Another relay thread has one more allocation of this call.
    pub(super) fn add_elsewhere(&mut self, scope: ScopeId) {
        self.scopes.entry(scope).or_default().elsewhere += 1;
    }

    pub(super) fn remove_elsewhere(&mut self, scope: ScopeId) {
        let Some(there) = self.scopes.get_mut(&scope) else { return };
        there.elsewhere = there.elsewhere.saturating_sub(1);
        self.forget_if_empty(scope);
    }

    /// Whether this party may have one more. Which party another thread's allocations are of is not known, so that both
    /// together may have no more than both of them anywhere.
    pub(super) fn has_room(&self, holder: Holder, each: usize) -> bool {
        let Some(scope) = self.scopes.get(&holder.scope) else { return each > 0 };
        let own = scope.here.iter().filter(|(party, _)| *party == holder.party).count();
        own < each && scope.here.len() + scope.elsewhere < each.saturating_mul(2)
    }

    fn forget_if_empty(&mut self, scope: ScopeId) {
        let is_empty = |scope: &Scope| !scope.open && scope.here.is_empty() && scope.elsewhere == 0;
        if self.scopes.get(&scope).is_some_and(is_empty) {
            self.scopes.remove(&scope);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.scopes.len()
    }
}

const fn index(party: Party) -> usize {
    match party {
        Party::Caller => 0,
        Party::Callee => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALLER: Holder = Holder { scope: ScopeId(1), party: Party::Caller };
    const CALLEE: Holder = Holder { scope: ScopeId(1), party: Party::Callee };

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([198, 51, 100, last])
    }

    #[test]
    fn a_party_is_seen_by_the_other_and_not_by_itself() {
        let mut scopes = Scopes::new(9);
        scopes.open(ScopeId(1));
        assert!(scopes.saw(CALLER, "::ffff:198.51.100.1".parse().unwrap()));
        assert!(!scopes.saw(CALLER, ip(1)), "it is known by now");
        assert!(scopes.other_was_seen(CALLEE, ip(1)));
        assert!(!scopes.other_was_seen(CALLER, ip(1)));
        assert!(!scopes.other_was_seen(Holder { scope: ScopeId(2), ..CALLEE }, ip(1)));
    }

    #[test]
    fn the_addresses_of_a_party_are_bounded() {
        let mut scopes = Scopes::new(9);
        scopes.open(ScopeId(1));
        (0..100).for_each(|last| assert!(scopes.saw(CALLER, ip(last))));
        let known: Vec<u8> = (0..100).filter(|last| scopes.other_was_seen(CALLEE, ip(*last))).collect();
        assert_eq!(known, Vec::from_iter(84..100));
    }

    #[test]
    fn calls_are_bounded_and_an_end_makes_room() {
        let mut scopes = Scopes::new(2);
        (1..=3).for_each(|scope| scopes.open(ScopeId(scope)));
        assert_eq!(
            (1..=3).map(|scope| scopes.is_open(ScopeId(scope))).collect::<Vec<_>>(),
            [true, true, false]
        );
        scopes.end(ScopeId(1));
        scopes.open(ScopeId(3));
        assert!(scopes.is_open(ScopeId(3)));
    }

    #[test]
    fn nothing_is_left_of_a_call_that_ended() {
        let mut scopes = Scopes::new(9);
        scopes.open(ScopeId(1));
        scopes.saw(CALLER, ip(1));
        scopes.add(CALLER, AllocationId(5));
        scopes.add_elsewhere(ScopeId(1));
        assert_eq!(scopes.end(ScopeId(1)), [AllocationId(5)]);
        scopes.remove(CALLER, AllocationId(5));
        scopes.remove_elsewhere(ScopeId(1));
        assert_eq!(scopes.len(), 0);
        assert!(!scopes.saw(CALLER, ip(1)));
    }

    #[test]
    fn a_party_has_room_for_so_many_wherever_they_are() {
        let mut scopes = Scopes::new(9);
        assert!(scopes.has_room(CALLER, 2));
        (0..2).for_each(|id| scopes.add(CALLER, AllocationId(id)));
        assert!(!scopes.has_room(CALLER, 2));
        assert!(scopes.has_room(CALLEE, 2));
        (0..2).for_each(|_| scopes.add_elsewhere(ScopeId(1)));
        assert!(!scopes.has_room(CALLEE, 2));
    }
}

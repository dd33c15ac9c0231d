//! What is known of calls: which there are, where their parties were seen, and what each has here.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::IpAddr;

use super::{AllocationId, Party, ScopeId};

/// Addresses remembered of one party. One more takes the place of the oldest.
const MOST_SEEN: usize = 16;

/// How many calls that were vouched for are looked at to find one that has nothing here any more.
const MOST_LOOKED_AT: usize = 32;

/// For whom an allocation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Holder {
    pub(super) scope: ScopeId,
    pub(super) party: Party,
}

pub(super) struct Scopes {
    most: usize,
    /// How many are not `Unknown`.
    open: usize,
    scopes: HashMap<ScopeId, Scope>,
    /// Those that are, or were, `Vouched`, oldest first.
    vouched: VecDeque<ScopeId>,
    /// Calls that ended, which no credentials open again: so many as there may be open ones, the oldest forgotten first.
    ended: HashSet<ScopeId>,
    ended_in_order: VecDeque<ScopeId>,
}

/// How a call is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Standing {
    /// Only by allocations of another thread.
    #[default]
    Unknown,
    /// By credentials of its parties. It is let go when it has nothing here and its place is needed.
    Vouched,
    /// The switchboard told of it, and has not told of its end.
    Told,
}

#[derive(Default)]
struct Scope {
    standing: Standing,
    seen: [VecDeque<IpAddr>; 2],
    here: Vec<(Party, AllocationId)>,
    elsewhere: usize,
}

impl Scopes {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            open: 0,
            scopes: HashMap::new(),
            vouched: VecDeque::new(),
            ended: HashSet::new(),
            ended_in_order: VecDeque::new(),
        }
    }

    /// A call began. Where there are too many already, it is not learnt of.
    pub(super) fn open(&mut self, scope: ScopeId) {
        if self.is_open(scope) || self.has_place() {
            self.ended.remove(&scope);
            self.stands(scope, Standing::Told);
        }
    }

    /// A party of a call showed credentials that hold. Whether the call is known only by that, and only now: not where it is
    /// known already, has ended, or there are too many.
    pub(super) fn vouch(&mut self, scope: ScopeId) -> bool {
        if self.is_open(scope) || self.ended.contains(&scope) || !self.has_place() {
            return false;
        }
        self.stands(scope, Standing::Vouched);
        self.vouched.push_back(scope);
        true
    }

    pub(super) fn is_open(&self, scope: ScopeId) -> bool {
        self.scopes.get(&scope).is_some_and(Scope::is_open)
    }

    fn stands(&mut self, scope: ScopeId, standing: Standing) {
        let known = self.scopes.entry(scope).or_default();
        self.open += usize::from(!known.is_open());
        known.standing = standing;
    }

    /// Whether there is a place for one more, where need be that of one that has nothing here any more.
    fn has_place(&mut self) -> bool {
        for _ in 0..MOST_LOOKED_AT.min(self.vouched.len()) {
            if self.open < self.most {
                break;
            }
            let Some(oldest) = self.vouched.pop_front() else { break };
            let Some(known) = self.scopes.get(&oldest).filter(|known| known.standing == Standing::Vouched)
            else {
                continue;
            };
            if known.here.is_empty() && known.elsewhere == 0 {
                self.scopes.remove(&oldest);
                self.open -= 1;
            } else {
                self.vouched.push_back(oldest);
            }
        }
        // What was vouched for and is no longer so is not kept for ever.
        if self.vouched.len() > self.most.saturating_mul(2) {
            let scopes = &self.scopes;
            let is_vouched =
                |scope: &ScopeId| scopes.get(scope).is_some_and(|known| known.standing == Standing::Vouched);
            self.vouched.retain(is_vouched);
        }
        self.open < self.most
    }

    /// A party of an open call was seen here. Whether that is new.
    pub(super) fn saw(&mut self, holder: Holder, ip: IpAddr) -> bool {
        let Some(scope) = self.scopes.get_mut(&holder.scope).filter(|scope| scope.is_open()) else {
            return false;
        };
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
        if self.ended.insert(scope) {
            self.ended_in_order.push_back(scope);
            if self.ended_in_order.len() > self.most
                && let Some(oldest) = self.ended_in_order.pop_front()
            {
                self.ended.remove(&oldest);
            }
        }
        let Some(ended) = self.scopes.get_mut(&scope) else { return Vec::new() };
        if std::mem::take(&mut ended.standing) != Standing::Unknown {
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
        let is_empty = |scope: &Scope| !scope.is_open() && scope.here.is_empty() && scope.elsewhere == 0;
        if self.scopes.get(&scope).is_some_and(is_empty) {
            self.scopes.remove(&scope);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.scopes.len()
    }
}

impl Scope {
    fn is_open(&self) -> bool {
        self.standing != Standing::Unknown
    }
}

const fn index(party: Party) -> usize {
    match party {
        Party::Lower => 0,
        Party::Higher => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALLER: Holder = Holder { scope: ScopeId(1), party: Party::Lower };
    const CALLEE: Holder = Holder { scope: ScopeId(1), party: Party::Higher };

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
    fn a_call_is_vouched_for_until_it_ends_and_never_after() {
        let mut scopes = Scopes::new(9);
        assert!(scopes.vouch(ScopeId(1)) && scopes.is_open(ScopeId(1)));
        assert!(!scopes.vouch(ScopeId(1)), "it is known by now");
        assert!(scopes.saw(CALLER, ip(1)));
        scopes.open(ScopeId(1));
        assert!(scopes.other_was_seen(CALLEE, ip(1)), "what was known of it is kept");
        scopes.end(ScopeId(1));
        assert!(!scopes.vouch(ScopeId(1)) && !scopes.is_open(ScopeId(1)));
        scopes.open(ScopeId(1));
        assert!(scopes.is_open(ScopeId(1)), "the switchboard knows better");
    }

    #[test]
    fn a_call_that_was_vouched_for_and_has_nothing_here_makes_room() {
        let mut scopes = Scopes::new(3);
        (1..=3).for_each(|scope| assert!(scopes.vouch(ScopeId(scope))));
        scopes.add(CALLER, AllocationId(5));
        scopes.add_elsewhere(ScopeId(2));
        assert!(scopes.vouch(ScopeId(4)), "the third has nothing");
        scopes.add(Holder { scope: ScopeId(4), ..CALLER }, AllocationId(6));
        assert!(!scopes.vouch(ScopeId(5)));
        scopes.remove(CALLER, AllocationId(5));
        scopes.open(ScopeId(5));
        assert!(scopes.is_open(ScopeId(5)) && !scopes.is_open(ScopeId(1)));
        assert_eq!(scopes.open, 3);
    }

    #[test]
    fn what_ended_is_remembered_in_bounds() {
        let mut scopes = Scopes::new(3);
        for scope in 0..1000 {
            assert!(scopes.vouch(ScopeId(scope)));
            scopes.end(ScopeId(scope));
        }
        assert_eq!((scopes.ended.len(), scopes.ended_in_order.len(), scopes.len()), (3, 3, 0));
        assert!(scopes.vouched.len() <= 7);
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

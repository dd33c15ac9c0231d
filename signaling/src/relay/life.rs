//! What comes and goes: allocations, relayed addresses here and elsewhere, calls.

use std::net::SocketAddr;
use std::time::Instant;

use super::machine::{Owner, Relay, Relayed};
use super::scopes::Holder;
use super::{AllocationId, Client, Effect, News, ScopeId, Via, Why};

impl Relay {
    pub(super) fn set_deadline(&mut self, id: AllocationId, at: Instant) {
        let Some(allocation) = self.allocations.get_mut(id.0) else { return };
        self.deadlines.remove(&(allocation.expires, Why::Allocation(id)));
        allocation.expires = at;
        self.deadlines.insert((at, Why::Allocation(id)));
    }

    /// Another thread's core knows of it before its client can tell anybody.
    pub(super) fn publish(&mut self, id: AllocationId, relayed: SocketAddr) {
        let Some(allocation) = self.allocations.get_mut(id.0) else { return };
        allocation.relayed = Some(relayed);
        let scope = allocation.holder.scope;
        if let Some(Relayed { owner: Owner::Elsewhere, scope }) =
            self.relays.insert(relayed, Relayed { scope, owner: Owner::Here(id) })
        {
            self.elsewhere -= 1;
            self.scopes.remove_elsewhere(scope);
        }
        self.effects.push_back(Effect::Tell(News::Allocated { scope, relayed }));
    }

    /// Ends an allocation, now.
    pub(super) fn release(&mut self, id: AllocationId) {
        if self.forget(id) {
            self.effects.push_back(Effect::Release { allocation: id });
        }
    }

    pub(super) fn forget(&mut self, id: AllocationId) -> bool {
        let Some(allocation) = self.allocations.remove(id.0) else { return false };
        self.deadlines.remove(&(allocation.expires, Why::Allocation(id)));
        self.clients.remove(&allocation.client);
        self.scopes.remove(allocation.holder, id);
        if let Some(relayed) = allocation.relayed {
            self.relays.remove(&relayed);
            self.effects.push_back(Effect::Tell(News::Released { scope: allocation.holder.scope, relayed }));
        }
        true
    }

    pub(super) fn on_news(&mut self, news: News) {
        match news {
            News::Opened { scope } => self.scopes.open(scope),
            News::Vouched { scope } => {
                self.scopes.vouch(scope);
            }
            News::Seen { scope, party, ip } => {
                self.scopes.saw(Holder { scope, party }, ip);
            }
            News::Ended { scope } => {
                for id in self.scopes.end(scope) {
                    let client = self.allocations.get(id.0).map(|allocation| allocation.client);
                    self.release(id);
                    if let Some(client @ Client { via: Via::Stream(_), .. }) = client {
                        self.effects.push_back(Effect::CloseStream { client });
                    }
                }
            }
            News::Allocated { scope, relayed } => self.on_allocated_elsewhere(scope, relayed),
            News::Released { scope, relayed } => {
                let there = self.relays.get(&relayed);
                if there.is_some_and(|there| there.owner == Owner::Elsewhere && there.scope == scope) {
                    self.relays.remove(&relayed);
                    self.elsewhere -= 1;
                    self.scopes.remove_elsewhere(scope);
                }
            }
        }
    }

    fn on_allocated_elsewhere(&mut self, scope: ScopeId, relayed: SocketAddr) {
        // All threads together have no more than this, give or take those that were granted at the same moment. What is
        // not known here is not reached from here.
        let most = self.rules.limits.allocations.saturating_mul(2);
        match self.relays.get(&relayed) {
            None if self.elsewhere >= most => return,
            None => self.elsewhere += 1,
            Some(Relayed { owner: Owner::Elsewhere, scope: before }) => self.scopes.remove_elsewhere(*before),
            Some(Relayed { owner: Owner::Here(_), .. }) => return,
        }
        self.relays.insert(relayed, Relayed { scope, owner: Owner::Elsewhere });
        self.scopes.add_elsewhere(scope);
    }
}

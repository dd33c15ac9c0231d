//! What a client that has proved who it is may ask for: an allocation, more time, permissions, channels.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use ring::hmac;
use stun_types::message::Message;

use super::allocation::{Allocation, Proof, Unbindable};
use super::control::plain;
use super::credentials;
use super::head::CHANNELS;
use super::machine::Relay;
use super::rate::Allowance;
use super::refusal::Refusal;
use super::scopes::Holder;
use super::stun::{self, Answer, Asked, Question};
use super::{AllocationId, Client, Effect, Family, Party, PortWish, Reach, ScopeId};

/// How long an allocation lasts when its client does not say, and at least (RFC 8656).
const USUAL_LIFETIME: Duration = Duration::from_secs(600);
const UDP: u8 = 17;

impl Relay {
    pub(super) fn allocate(
        &mut self,
        client: Client,
        message: &Message<'_>,
        proof: &Proof,
        now: Instant,
    ) -> Result<Option<Answer>, Refusal> {
        let question = Question::of(message);
        if let Some(before) = self.clients.get(&client).and_then(|id| self.allocations.get(id.0)) {
            let is_repeated =
                before.asked.transaction == question.transaction && before.proof.username == proof.username;
            // Unanswered as yet: the answer comes when its socket is there.
            return if is_repeated { Ok(granted(before)) } else { Err(Refusal::Mismatch) };
        }
        let (family, without) = self.family_asked(message)?;
        let port = port_asked(message)?;
        let holder = self.holder(proof)?;
        let limits = &self.rules.limits;
        if !self.scopes.has_room(holder, limits.allocations_per_party) {
            return Err(Refusal::Quota);
        }
        if self.allocations.len() + self.elsewhere >= limits.allocations {
            return Err(Refusal::Capacity);
        }
        let granted = self.lifetime_asked(message)?.unwrap_or(USUAL_LIFETIME.min(limits.lifetime));
        let id = AllocationId(self.allocations.insert(Allocation {
            client,
            holder,
            proof: proof.clone(),
            family,
            relayed: None,
            asked: question,
            granted,
            without,
            expires: now + granted,
            outward: Allowance::full(now),
            inward: Allowance::full(now),
            peers: Default::default(),
        }));
        self.clients.insert(client, id);
        self.scopes.add(holder, id);
        self.set_deadline(id, now + granted);
        self.effects.push_back(Effect::Bind { allocation: id, family, port });
        Ok(None)
    }

    pub(super) fn on_bound(&mut self, id: AllocationId, relayed: SocketAddr, now: Instant) {
        // Released in the meantime, and said so.
        let Some(allocation) = self.allocations.get(id.0).filter(|allocation| allocation.relayed.is_none())
        else {
            return;
        };
        let (client, proof, lasts) = (allocation.client, allocation.proof.clone(), allocation.granted);
        self.publish(id, relayed);
        self.set_deadline(id, now + lasts);
        self.counts.granted += 1;
        if let Some(answer) = self.allocations.get(id.0).and_then(granted) {
            self.reply(client, answer, &proof);
        }
    }

    pub(super) fn on_not_bound(&mut self, id: AllocationId) {
        let Some(allocation) = self.allocations.get(id.0).filter(|allocation| allocation.relayed.is_none())
        else {
            return;
        };
        let (client, proof, asked) = (allocation.client, allocation.proof.clone(), allocation.asked);
        self.forget(id);
        self.refuse(client, asked, &Refusal::Capacity, &proof);
    }

    pub(super) fn refresh(
        &mut self,
        client: Client,
        message: &Message<'_>,
        proof: &Proof,
        now: Instant,
    ) -> Result<Option<Answer>, Refusal> {
        let question = Question::of(message);
        let id = self.own(client, proof, now)?;
        let family = self.allocations.get(id.0).map(|allocation| allocation.family);
        if message.family(stun::REQUESTED_ADDRESS_FAMILY).is_some_and(|asked| asked != family) {
            return Err(Refusal::PeerFamily);
        }
        let lasts = self.lifetime_asked(message)?;
        if message.number(stun::LIFETIME) == Some(0) {
            self.release(id);
            return Ok(Some(Answer::success(question).with_bytes(stun::LIFETIME, &[0; 4])));
        }
        let lasts = lasts.unwrap_or(USUAL_LIFETIME.min(self.rules.limits.lifetime));
        self.set_deadline(id, now + lasts);
        Ok(Some(Answer::success(question).with_bytes(stun::LIFETIME, &in_seconds(lasts))))
    }

    pub(super) fn create_permission(
        &mut self,
        client: Client,
        message: &Message<'_>,
        proof: &Proof,
        now: Instant,
    ) -> Result<Option<Answer>, Refusal> {
        let id = self.own(client, proof, now)?;
        let peers = message.peers().filter(|peers| !peers.is_empty()).ok_or(Refusal::BadRequest)?;
        let ips: Vec<_> = peers.iter().map(SocketAddr::ip).collect();
        let allocation = self.allocations.get(id.0).ok_or(Refusal::Mismatch)?;
        if ips.iter().any(|ip| Family::of(*ip) != allocation.family) {
            return Err(Refusal::PeerFamily);
        }
        // Which port counts only when something is sent; a relayed address is known by its port alone.
        let holder = allocation.holder;
        if !ips.iter().all(|ip| self.policy.relays_from(*ip) || self.may_leave_for(holder, *ip)) {
            return Err(Refusal::Forbidden);
        }
        self.permit(id, &ips, now)?;
        Ok(Some(Answer::success(Question::of(message))))
    }

    pub(super) fn bind_channel(
        &mut self,
        client: Client,
        message: &Message<'_>,
        proof: &Proof,
        now: Instant,
    ) -> Result<Option<Answer>, Refusal> {
        let id = self.own(client, proof, now)?;
        let number = message.number(stun::CHANNEL_NUMBER).map(|number| (number >> 16) as u16);
        let number = number.filter(|number| CHANNELS.contains(number)).ok_or(Refusal::BadRequest)?;
        let peer = message.peers().and_then(|peers| peers.first().copied()).ok_or(Refusal::BadRequest)?;
        let allocation = self.allocations.get(id.0).ok_or(Refusal::Mismatch)?;
        if Family::of(peer.ip()) != allocation.family {
            return Err(Refusal::PeerFamily);
        }
        let way = self.way(allocation.holder, peer).ok_or(Refusal::Forbidden)?;
        let most = self.rules.limits.channels;
        allocation.peers.is_bindable(number, peer, most, now).map_err(Refusal::from)?;
        self.permit(id, &[peer.ip()], now)?;
        let allocation = self.allocations.get_mut(id.0).ok_or(Refusal::Mismatch)?;
        allocation.peers.bind(number, peer, way, most, now).map_err(Refusal::from)?;
        Ok(Some(Answer::success(Question::of(message))))
    }

    fn permit(&mut self, id: AllocationId, ips: &[IpAddr], now: Instant) -> Result<(), Refusal> {
        let allocation = self.allocations.get_mut(id.0).ok_or(Refusal::Mismatch)?;
        let has_room = allocation.peers.permit(ips, self.rules.limits.permissions, now);
        has_room.then_some(()).ok_or(Refusal::Capacity)
    }

    /// The allocation that a request is about.
    fn own(&self, client: Client, proof: &Proof, now: Instant) -> Result<AllocationId, Refusal> {
        let id = *self.clients.get(&client).ok_or(Refusal::Mismatch)?;
        let allocation = self.allocations.get(id.0).ok_or(Refusal::Mismatch)?;
        if allocation.relayed.is_none() || allocation.expires <= now {
            return Err(Refusal::Mismatch);
        }
        if allocation.proof.username == proof.username { Ok(id) } else { Err(Refusal::WrongCredentials) }
    }

    /// For whom an allocation is to be.
    fn holder(&self, proof: &Proof) -> Result<Holder, Refusal> {
        let (_, rest) = credentials::expiry(&proof.username).ok_or(Refusal::Forbidden)?;
        let named = credentials::holder(rest).map(|(scope, party)| Holder { scope, party });
        match self.rules.reach {
            Reach::Call => named.filter(|holder| self.scopes.is_open(holder.scope)).ok_or(Refusal::Forbidden),
            // Anybody who has the password; whoever is called the same shares a quota.
            Reach::Public => Ok(named.unwrap_or_else(|| {
                let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &self.rules.key), rest.as_bytes());
                let number =
                    tag.as_ref().iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte));
                Holder { scope: ScopeId(number), party: Party::Lower }
            })),
        }
    }

    /// The family to allocate, and one that was asked for besides: there is one relayed address an allocation, which
    /// RFC 8656 allows if the answer says so.
    fn family_asked(&self, message: &Message<'_>) -> Result<(Family, Option<Family>), Refusal> {
        let has = |family| self.rules.relay_ips.iter().any(|ip| Family::of(*ip) == family);
        let one = message.family(stun::REQUESTED_ADDRESS_FAMILY);
        let both = message.family(stun::ADDITIONAL_ADDRESS_FAMILY);
        let token = message.has_attribute(stun::RESERVATION_TOKEN);
        let (family, without) = match (one, both) {
            (Some(_), _) | (_, Some(_)) if token => return Err(Refusal::BadRequest),
            (Some(_), Some(_)) => return Err(Refusal::BadRequest),
            (Some(asked), None) => (asked.ok_or(Refusal::Family)?, None),
            (None, Some(Some(Family::V6))) if has(Family::V4) => (Family::V4, Some(Family::V6)),
            (None, Some(Some(Family::V6))) => (Family::V6, Some(Family::V4)),
            (None, Some(Some(Family::V4) | None)) => return Err(Refusal::BadRequest),
            (None, None) => (Family::V4, None),
        };
        if has(family) { Ok((family, without)) } else { Err(Refusal::Family) }
    }

    /// `None` where nothing was said.
    fn lifetime_asked(&self, message: &Message<'_>) -> Result<Option<Duration>, Refusal> {
        if !message.has_attribute(stun::LIFETIME) {
            return Ok(None);
        }
        let seconds = message.number(stun::LIFETIME).ok_or(Refusal::BadRequest)?;
        let most = self.rules.limits.lifetime;
        Ok(Some(Duration::from_secs(seconds.into()).clamp(USUAL_LIFETIME.min(most), most)))
    }
}

/// The answer to the request that made an allocation, once there is one: the same each time.
fn granted(allocation: &Allocation) -> Option<Answer> {
    let answer = Answer::success(allocation.asked)
        .with_xor_address(stun::XOR_RELAYED_ADDRESS, allocation.relayed?)
        .with_bytes(stun::LIFETIME, &in_seconds(allocation.granted))
        .with_xor_address(stun::XOR_MAPPED_ADDRESS, plain(allocation.client.remote));
    Some(match allocation.without {
        Some(Family::V4) => answer.with_bytes(stun::ADDRESS_ERROR_CODE, &[1, 0, 4, 40]),
        Some(Family::V6) => answer.with_bytes(stun::ADDRESS_ERROR_CODE, &[2, 0, 4, 40]),
        None => answer,
    })
}

/// Transport and port, which are answered before anything is looked up.
fn port_asked(message: &Message<'_>) -> Result<PortWish, Refusal> {
    match message.value(stun::REQUESTED_TRANSPORT).as_deref() {
        Some([UDP, _, _, _]) => {}
        Some([_, _, _, _]) => return Err(Refusal::Transport),
        Some(_) | None => return Err(Refusal::BadRequest),
    }
    let token = message.value(stun::RESERVATION_TOKEN);
    match (message.value(stun::EVEN_PORT).as_deref(), token.as_deref()) {
        (None, None) => Ok(PortWish::Any),
        (Some([reserve]), None) if reserve & 0x80 == 0 => Ok(PortWish::Even),
        // No port is ever held back for a second allocation, so no token is good.
        (Some([_]), None) | (None, Some([_, _, _, _, _, _, _, _])) => Err(Refusal::Capacity),
        (Some(_), _) | (None, Some(_)) => Err(Refusal::BadRequest),
    }
}

/// Zero would say that it is gone.
fn in_seconds(lifetime: Duration) -> [u8; 4] {
    u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX).max(1).to_be_bytes()
}

impl From<Unbindable> for Refusal {
    fn from(unbindable: Unbindable) -> Self {
        match unbindable {
            Unbindable::Taken => Self::BadRequest,
            Unbindable::Full => Self::Capacity,
        }
    }
}

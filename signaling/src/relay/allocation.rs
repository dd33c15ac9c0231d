//! One allocation: whose it is, how long it lasts, and which peers it may exchange packets with.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use stun_types::message::{IntegrityAlgorithm, IntegrityKey};

use super::rate::Allowance;
use super::scopes::Holder;
use super::stun::Question;
use super::{Client, Family};

/// How long a permission lasts. RFC 8656 gives this number and no choice.
pub(super) const PERMISSION_FOR: Duration = Duration::from_secs(300);
/// How long a channel stays bound, likewise.
pub(super) const CHANNEL_FOR: Duration = Duration::from_secs(600);

pub(super) struct Allocation {
    pub(super) client: Client,
    pub(super) holder: Holder,
    pub(super) proof: Proof,
    pub(super) family: Family,
    /// `None` until its socket is there.
    pub(super) relayed: Option<SocketAddr>,
    /// The request that made it: its repetition gets the same answer.
    pub(super) asked: Question,
    pub(super) granted: Duration,
    /// A second family was asked for, which it did not get.
    pub(super) without: Option<Family>,
    pub(super) expires: Instant,
    pub(super) outward: Allowance,
    pub(super) inward: Allowance,
    pub(super) peers: Peers,
}

/// How a client proves itself: kept, so that what follows its first request costs one HMAC.
#[derive(Clone)]
pub(super) struct Proof {
    pub(super) username: String,
    pub(super) key: IntegrityKey,
    pub(super) algorithm: IntegrityAlgorithm,
}

/// A channel's peer, and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Channel {
    pub(super) peer: SocketAddr,
    pub(super) way: Way,
    until: Instant,
    /// A copy of the permission's end, so that a packet needs one look-up.
    permitted_until: Instant,
}

/// Which ways lead to a peer. Found when its channel is bound: what it depends on does not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Way {
    /// It may be a relayed address of this server: such a packet stays in memory.
    pub(super) within: bool,
    /// It may leave by the relay socket.
    pub(super) out: bool,
}

/// Why a packet does not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shut {
    NoChannel,
    NoPermission,
}

/// Why a channel is not bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unbindable {
    /// The number or the peer is taken by another.
    Taken,
    Full,
}

/// An allocation's permissions and channels. Those that ran out are found out by the time when they are used, and
/// forgotten when others are added.
#[derive(Default)]
pub(super) struct Peers {
    permissions: HashMap<IpAddr, Instant>,
    channels: HashMap<u16, Channel>,
    numbers: HashMap<SocketAddr, u16>,
}

impl Peers {
    /// The channel of this number, if it and its permission hold.
    pub(super) fn channel(&self, number: u16, now: Instant) -> Result<&Channel, Shut> {
        let channel =
            self.channels.get(&number).filter(|channel| now < channel.until).ok_or(Shut::NoChannel)?;
        if now < channel.permitted_until { Ok(channel) } else { Err(Shut::NoPermission) }
    }

    /// What a packet from or to this peer travels on: its channel, or none but the permission.
    pub(super) fn open_for(&self, peer: SocketAddr, now: Instant) -> Result<Option<u16>, Shut> {
        if let Some(number) = self.numbers.get(&peer) {
            match self.channel(*number, now) {
                Ok(_) => return Ok(Some(*number)),
                Err(Shut::NoPermission) => return Err(Shut::NoPermission),
                Err(Shut::NoChannel) => {}
            }
        }
        if self.is_permitted(peer.ip(), now) { Ok(None) } else { Err(Shut::NoPermission) }
    }

    pub(super) fn is_permitted(&self, ip: IpAddr, now: Instant) -> bool {
        self.permissions.get(&ip).is_some_and(|until| now < *until)
    }

    /// Permits all of these, or none where they would be too many.
    pub(super) fn permit(&mut self, ips: &[IpAddr], most: usize, now: Instant) -> bool {
        self.permissions.retain(|_, until| now < *until);
        let mut new: Vec<_> = ips.iter().filter(|ip| !self.permissions.contains_key(ip)).collect();
        new.sort_unstable();
        new.dedup();
        if self.permissions.len() + new.len() > most {
            return false;
        }
        let until = now + PERMISSION_FOR;
        for ip in ips {
            self.permissions.insert(*ip, until);
        }
        for channel in self.channels.values_mut().filter(|channel| ips.contains(&channel.peer.ip())) {
            channel.permitted_until = until;
        }
        true
    }

    /// Binds a channel or keeps it bound. Its peer has to be permitted first.
    pub(super) fn bind(
        &mut self,
        number: u16,
        peer: SocketAddr,
        way: Way,
        most: usize,
        now: Instant,
    ) -> Result<(), Unbindable> {
        self.forget_channels(now);
        self.is_bindable(number, peer, most, now)?;
        let permitted_until = self.permissions.get(&peer.ip()).copied().unwrap_or(now);
        let channel = Channel { peer, way, until: now + CHANNEL_FOR, permitted_until };
        self.channels.insert(number, channel);
        self.numbers.insert(peer, number);
        Ok(())
    }

    /// Whether `bind` would.
    pub(super) fn is_bindable(
        &self,
        number: u16,
        peer: SocketAddr,
        most: usize,
        now: Instant,
    ) -> Result<(), Unbindable> {
        let bound = || self.channels.iter().filter(|(_, channel)| now < channel.until);
        if bound().any(|(other, channel)| (*other == number) != (channel.peer == peer)) {
            return Err(Unbindable::Taken);
        }
        let is_new = !bound().any(|(other, _)| *other == number);
        if is_new && bound().count() >= most { Err(Unbindable::Full) } else { Ok(()) }
    }

    fn forget_channels(&mut self, now: Instant) {
        self.channels.retain(|_, channel| now < channel.until);
        self.numbers.retain(|_, number| self.channels.contains_key(number));
    }

    #[cfg(test)]
    pub(super) fn sizes(&self) -> (usize, usize, usize) {
        (self.permissions.len(), self.channels.len(), self.numbers.len())
    }
}

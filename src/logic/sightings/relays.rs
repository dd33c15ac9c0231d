//! What relays lend us, as their messages say it: for how long, to whom it lets us send, and how much went over it.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::logic::servers::ServerUrl;

use super::stun::{Method, Seen};

/// Peers of one allocation that are written down. What comes behind is not.
const MAX_PEERS: usize = 32;
/// Requests for a peer that wait for their answer. The oldest makes room.
const MAX_WISHES: usize = 32;

/// An allocation: an address that a relay lends us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelaySeen {
    /// Whose, and how it is spoken to.
    pub url: ServerUrl,
    /// From which address of ours.
    pub from: IpAddr,
    /// What it lends us.
    pub relayed: SocketAddr,
    /// When it ends unless it is renewed, since the leg began.
    pub until_ms: Option<u64>,
    /// From whom it lets something through to us.
    pub permitted: Vec<IpAddr>,
    /// Short numbers that stand for peers.
    pub channels: Vec<(u16, SocketAddr)>,
    /// What went over it, without what is around it.
    pub bytes_sent: u64,
    /// What came over it.
    pub bytes_received: u64,
}

/// What was asked for a peer, until it is answered.
#[derive(Debug, Default)]
pub(super) struct Wishes(Vec<(u128, SocketAddr, Option<u16>)>);

impl Wishes {
    pub(super) fn note(&mut self, message: &Seen<'_>) {
        let channel = match message.method() {
            Method::CreatePermission => None,
            Method::ChannelBind => message.channel(),
            Method::Binding
            | Method::Allocate
            | Method::Refresh
            | Method::Send
            | Method::Data
            | Method::Other => return,
        };
        let Some(peer) = message.peer() else { return };
        if self.0.len() >= MAX_WISHES {
            self.0.remove(0);
        }
        self.0.push((message.id(), peer, channel));
    }

    fn take(&mut self, id: u128) -> Option<(SocketAddr, Option<u16>)> {
        let index = self.0.iter().position(|(asked, _, _)| *asked == id)?;
        let (_, peer, channel) = self.0.remove(index);
        Some((peer, channel))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl RelaySeen {
    pub(super) fn new(url: ServerUrl, from: IpAddr, relayed: SocketAddr) -> Self {
        Self {
            url,
            from,
            relayed,
            until_ms: None,
            permitted: Vec::new(),
            channels: Vec::new(),
            bytes_sent: 0,
            bytes_received: 0,
        }
    }

    /// The relay has granted something.
    pub(super) fn granted(&mut self, at: Duration, message: &Seen<'_>, wishes: &mut Wishes) {
        if matches!(message.method(), Method::Allocate | Method::Refresh)
            && let Some(lifetime) = message.lifetime()
        {
            self.until_ms = u64::try_from((at + lifetime).as_millis()).ok();
        }
        let Some((peer, channel)) = wishes.take(message.id()) else { return };
        if !self.permitted.contains(&peer.ip()) && self.permitted.len() < MAX_PEERS {
            self.permitted.push(peer.ip());
        }
        if let Some(channel) = channel.map(|number| (number, peer))
            && !self.channels.contains(&channel)
            && self.channels.len() < MAX_PEERS
        {
            self.channels.push(channel);
        }
    }
}

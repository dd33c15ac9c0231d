//! Fills [`Sightings`] from what passes the sockets: bytes and times in.
//!
//! Media is only counted: one look at its first byte, and at the pair that it went by last. What goes over a relay is
//! unpacked, so that pairs behind it are seen as well.

use std::{
    collections::VecDeque,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use stun_types::message::MessageClass;

use crate::logic::servers::ServerUrl;

use super::{
    PairSeen, RelaySeen, ServerSeen, Sightings, Trouble,
    relays::Wishes,
    stun::{Method, Seen, channel_data, is_stun},
};

/// Servers that are written down, one for each way and each address of ours. What comes behind is not.
pub(super) const MAX_SERVERS: usize = 64;
/// Pairs that are written down. What comes behind is not.
pub(super) const MAX_PAIRS: usize = 256;
/// Of these, pairs that only they have tried: whoever floods us with checks leaves room for our own.
pub(super) const MAX_PAIRS_OF_THEIRS: usize = 64;
/// Requests that wait for their answer. The oldest makes room; its answer then counts for nothing.
pub(super) const MAX_OUTSTANDING: usize = 512;
/// Channels of one allocation whose peers are known. What comes on another is not looked into.
pub(super) const MAX_CHANNELS: usize = 64;
/// A server that was silent for so long does not answer.
const SILENT_AFTER: Duration = Duration::from_secs(3);

/// See the head of this file.
#[derive(Debug, Default)]
pub struct Watcher {
    seen: Sightings,
    /// One for each of `seen.servers`.
    books: Vec<Book>,
    outstanding: VecDeque<Asked>,
    /// The pair that was looked at last.
    last_pair: usize,
    is_new: bool,
}

/// What is remembered of a server besides.
#[derive(Debug)]
struct Book {
    door: usize,
    /// The first request since its last answer, or the first attempt to reach it.
    silent_since: Option<Duration>,
    channels: Vec<(u16, SocketAddr)>,
    /// It has let us reach somebody.
    has_permitted: bool,
    wishes: Wishes,
}

#[derive(Debug)]
struct Asked {
    id: u128,
    at: Duration,
    of: Of,
    /// It was sent more than once, so its answer tells no time.
    is_repeated: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Server { index: usize, is_signed: bool },
    Pair(usize),
}

/// What was heard, for whoever handed it over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// It is from the other side of the call.
    pub is_theirs: bool,
    /// It came through a relay.
    pub is_relayed: bool,
    /// A relay refuses without saying how to ask properly, so it makes no sense to go on asking.
    pub is_final: bool,
    /// It is from a server, and nothing that a server says.
    pub is_rubbish: bool,
}

impl Watcher {
    /// A way to a server is being tried, though nothing was asked yet.
    pub fn trying(&mut self, at: Duration, door: usize, url: &ServerUrl, from: IpAddr) {
        if let Some(index) = self.server(door, url, from) {
            self.books[index].silent_since.get_or_insert(at);
        }
    }

    /// A stream to a server stands.
    pub fn reached(
        &mut self,
        door: usize,
        url: &ServerUrl,
        (from, to): (IpAddr, SocketAddr),
        took: Duration,
    ) {
        // What was tried was tried from wherever the system would have begun; now it is known.
        let tried = self.books.iter().position(|book| book.door == door);
        let Some(index) = tried.or_else(|| self.server(door, url, from)) else { return };
        let server = &mut self.seen.servers[index];
        server.from = from;
        server.address = Some(to);
        server.reached_ms = Some(millis(took));
        if server.trouble == Some(Trouble::NoAnswer) {
            server.trouble = None;
        }
        let book = &mut self.books[index];
        book.silent_since = None;
        book.channels.clear();
        // What was asked on another stream is not answered on this one.
        self.outstanding
            .retain(|asked| !matches!(asked.of, Of::Server { index: other, .. } if other == index));
        self.is_new = true;
    }

    /// A server cannot be used from that address of ours, or, where none is named, from any that was tried.
    pub fn failed(&mut self, door: usize, url: &ServerUrl, from: Option<IpAddr>, trouble: &Trouble) {
        if let Some(from) = from {
            self.server(door, url, from);
        }
        for (server, book) in self.seen.servers.iter_mut().zip(&mut self.books) {
            if book.door == door && from.is_none_or(|from| server.from == from) {
                book.silent_since = None;
                if server.trouble.as_ref() != Some(trouble) {
                    server.trouble = Some(trouble.clone());
                    self.is_new = true;
                }
            }
        }
    }

    /// Something was sent to a server.
    pub fn asked(
        &mut self,
        at: Duration,
        door: usize,
        url: &ServerUrl,
        way: (IpAddr, SocketAddr),
        bytes: &[u8],
    ) {
        let (from, to) = way;
        let Some(index) = self.server(door, url, from) else { return };
        if let Some((channel, data)) = channel_data(bytes) {
            if let Some((local, peer)) = self.behind(index, channel) {
                self.relay_mut(local, |relay| relay.bytes_sent += data.len() as u64);
                self.sent(at, local, peer, data);
            }
            return;
        }
        let Some(message) = Seen::read(bytes) else { return };
        match message.class() {
            MessageClass::Request => {
                let server = &mut self.seen.servers[index];
                server.asked += 1;
                server.address = Some(to);
                let book = &mut self.books[index];
                book.silent_since.get_or_insert(at);
                book.wishes.note(&message);
                if message.method() == Method::ChannelBind
                    && let (Some(channel), Some(peer)) = (message.channel(), message.peer())
                    && book.channels.len() < MAX_CHANNELS
                    && !book.channels.contains(&(channel, peer))
                {
                    book.channels.push((channel, peer));
                }
                self.note(at, message.id(), Of::Server { index, is_signed: message.is_signed() });
                self.is_new = true;
            }
            MessageClass::Indication => {
                let relayed = self.seen.servers[index].relayed;
                if let (Some(local), Some(peer), Some(data)) = (relayed, message.peer(), message.data()) {
                    self.relay_mut(local, |relay| relay.bytes_sent += data.len() as u64);
                    self.sent(at, local, peer, &data);
                }
            }
            MessageClass::Success | MessageClass::Error => {}
        }
    }

    /// Something came from a server.
    pub fn answered(
        &mut self,
        at: Duration,
        door: usize,
        url: &ServerUrl,
        from: IpAddr,
        bytes: &[u8],
    ) -> Heard {
        let Some(index) = self.server(door, url, from) else { return Heard::default() };
        if let Some((channel, data)) = channel_data(bytes) {
            return match self.behind(index, channel) {
                Some((local, peer)) => {
                    self.relay_mut(local, |relay| relay.bytes_received += data.len() as u64);
                    let is_theirs = self.received(at, local, peer, data);
                    Heard { is_theirs, is_relayed: true, ..Heard::default() }
                }
                None => Heard { is_relayed: true, ..Heard::default() },
            };
        }
        let Some(message) = Seen::read(bytes) else { return Heard { is_rubbish: true, ..Heard::default() } };
        match message.class() {
            MessageClass::Indication => {
                let relayed = self.seen.servers[index].relayed;
                let is_theirs = match (relayed, message.peer(), message.data()) {
                    (Some(local), Some(peer), Some(data)) => {
                        self.relay_mut(local, |relay| relay.bytes_received += data.len() as u64);
                        self.received(at, local, peer, &data)
                    }
                    _ => false,
                };
                Heard { is_theirs, is_relayed: true, ..Heard::default() }
            }
            MessageClass::Success | MessageClass::Error => self.take_answer(at, index, &message),
            MessageClass::Request => Heard::default(),
        }
    }

    /// Something was sent to the other side, or to where it may be.
    pub fn sent(&mut self, at: Duration, local: SocketAddr, remote: SocketAddr, bytes: &[u8]) {
        let message = Seen::read(bytes);
        let may_add = message.as_ref().is_some_and(|message| message.class() == MessageClass::Request);
        let Some(index) = self.pair(local, remote, may_add.then_some(MAX_PAIRS)) else { return };
        let pair = &mut self.seen.pairs[index];
        pair.bytes_sent += bytes.len() as u64;
        match message.map(|message| (message.class(), message.id())) {
            Some((MessageClass::Request, id)) => {
                pair.sent += 1;
                self.note(at, id, Of::Pair(index));
            }
            Some((MessageClass::Success | MessageClass::Error, _)) => pair.replied += 1,
            Some((MessageClass::Indication, _)) | None => {}
        }
        self.is_new = true;
    }

    /// Something came that is from no server. Says whether it is from the other side.
    pub fn received(&mut self, at: Duration, local: SocketAddr, remote: SocketAddr, bytes: &[u8]) -> bool {
        let message = Seen::read(bytes);
        let may_add = message.as_ref().is_some_and(|message| message.class() == MessageClass::Request);
        let Some(index) = self.pair(local, remote, may_add.then_some(MAX_PAIRS_OF_THEIRS)) else {
            return false;
        };
        let pair = &mut self.seen.pairs[index];
        pair.bytes_received += bytes.len() as u64;
        pair.last_heard_ms = Some(whole_millis(at));
        match message.map(|message| (message.class(), message.id())) {
            Some((MessageClass::Request, _)) => pair.heard += 1,
            Some((MessageClass::Success | MessageClass::Error, id)) => {
                if let Some(asked) = self.take(id, |of| of == Of::Pair(index)) {
                    let pair = &mut self.seen.pairs[index];
                    pair.answered += 1;
                    if !asked.is_repeated {
                        let took = millis(at.saturating_sub(asked.at));
                        pair.round_trip_ms = Some(took);
                        pair.round_trips_ms += took;
                        pair.round_trips = pair.round_trips.saturating_add(1);
                    }
                }
            }
            Some((MessageClass::Indication, _)) | None => {}
        }
        self.is_new = true;
        true
    }

    /// How long a server has been silent that never answered.
    pub fn silence(&self, at: Duration, door: usize, from: IpAddr) -> Option<Duration> {
        let index = self.known(door, from)?;
        let never = self.seen.servers[index].answered == 0;
        self.books[index].silent_since.filter(|_| never).map(|since| at.saturating_sub(since))
    }

    /// Whether that very request was sent to a server and is not answered yet.
    pub fn is_waiting_for(&self, door: usize, from: IpAddr, request: &[u8]) -> bool {
        let (Some(index), Some(message)) = (self.known(door, from), Seen::read(request)) else {
            return false;
        };
        let is_it = |asked: &Asked| matches!(asked.of, Of::Server { index: other, .. } if other == index);
        self.outstanding.iter().any(|asked| asked.id == message.id() && is_it(asked))
    }

    /// Who lends us that address.
    pub fn relay_at(&self, relayed: SocketAddr) -> Option<&ServerUrl> {
        self.seen.servers.iter().find(|server| server.relayed == Some(relayed)).map(|server| &server.url)
    }

    /// What has been seen, where that is more than the last time.
    pub fn look(&mut self, at: Duration) -> Option<Sightings> {
        for (server, book) in self.seen.servers.iter_mut().zip(&self.books) {
            let is_silent = book.silent_since.is_some_and(|since| at.saturating_sub(since) >= SILENT_AFTER);
            if is_silent && server.trouble.is_none() {
                server.trouble = Some(Trouble::NoAnswer);
                self.is_new = true;
            }
        }
        std::mem::take(&mut self.is_new).then(|| self.seen.clone())
    }

    /// How much is remembered besides what is written down.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.outstanding.len()
            + self.books.iter().map(|book| book.channels.len() + book.wishes.len()).sum::<usize>()
    }

    fn take_answer(&mut self, at: Duration, index: usize, message: &Seen<'_>) -> Heard {
        let of_this = |of| matches!(of, Of::Server { index: other, .. } if other == index);
        let Some(asked) = self.take(message.id(), of_this) else { return Heard::default() };
        let is_signed = matches!(asked.of, Of::Server { is_signed: true, .. });
        self.is_new = true;
        let server = &mut self.seen.servers[index];
        let book = &mut self.books[index];
        server.answered += 1;
        book.silent_since = None;
        if !asked.is_repeated {
            server.round_trip_ms = Some(millis(at.saturating_sub(asked.at)));
        }
        if matches!(server.trouble, Some(Trouble::NoAnswer | Trouble::NoRoute)) {
            server.trouble = None;
        }
        let is_allocate = message.method() == Method::Allocate;
        let is_final = is_allocate && !is_signed && !message.says_how_to_sign();
        if let Some((code, text)) = message.refusal() {
            let is_handshake = code == 438 || (code == 401 && !is_signed && message.says_how_to_sign());
            let is_of_one_peer = matches!(message.method(), Method::CreatePermission | Method::ChannelBind)
                && book.has_permitted;
            // What broke stays the reason: that the server knows nothing of us then is what follows from it.
            let is_consequence = server.trouble == Some(Trouble::Broken);
            if !is_handshake && !is_of_one_peer && !is_consequence {
                server.trouble = Some(Trouble::Refused { code, text });
            }
            return Heard { is_final, ..Heard::default() };
        }
        if message.class() == MessageClass::Success {
            if let Some(mapped) = message.mapped() {
                server.mapped = Some(mapped);
            }
            if let Some(relayed) = message.relayed() {
                server.relayed = Some(relayed);
                book.channels.clear();
                let lent = RelaySeen::new(server.url.clone(), server.from, relayed);
                // One for each server and address of ours: what was lent before has ended.
                let before = self.seen.relays.iter_mut();
                match before.into_iter().find(|relay| relay.url == lent.url && relay.from == lent.from) {
                    Some(relay) if relay.relayed != relayed => *relay = lent,
                    Some(_) => {}
                    None => self.seen.relays.push(lent),
                }
            }
            if let Some(relayed) = server.relayed
                && let Some(relay) = self.seen.relays.iter_mut().find(|relay| relay.relayed == relayed)
            {
                relay.granted(at, message, &mut book.wishes);
            }
            let is_done = match message.method() {
                Method::Binding => server.mapped.is_some(),
                Method::Allocate => server.relayed.is_some(),
                Method::CreatePermission => {
                    book.has_permitted = true;
                    false
                }
                Method::Refresh | Method::Send | Method::Data | Method::ChannelBind | Method::Other => false,
            };
            if is_done {
                server.done_ms.get_or_insert(whole_millis(at));
            }
            if is_done || matches!(server.trouble, Some(Trouble::Refused { .. })) {
                server.trouble = None;
            }
        }
        Heard { is_final, ..Heard::default() }
    }

    fn known(&self, door: usize, from: IpAddr) -> Option<usize> {
        let is_it = |(book, server): (&Book, &ServerSeen)| book.door == door && server.from == from;
        self.books.iter().zip(&self.seen.servers).position(is_it)
    }

    fn server(&mut self, door: usize, url: &ServerUrl, from: IpAddr) -> Option<usize> {
        if let Some(index) = self.known(door, from) {
            return Some(index);
        }
        if self.books.len() >= MAX_SERVERS {
            return None;
        }
        self.books.push(Book {
            door,
            silent_since: None,
            channels: Vec::new(),
            has_permitted: false,
            wishes: Wishes::default(),
        });
        self.seen.servers.push(ServerSeen {
            url: url.clone(),
            from,
            address: None,
            reached_ms: None,
            asked: 0,
            answered: 0,
            round_trip_ms: None,
            done_ms: None,
            mapped: None,
            relayed: None,
            trouble: None,
        });
        self.is_new = true;
        Some(self.books.len() - 1)
    }

    fn relay_mut(&mut self, relayed: SocketAddr, note: impl FnOnce(&mut RelaySeen)) {
        if let Some(relay) = self.seen.relays.iter_mut().find(|relay| relay.relayed == relayed) {
            note(relay);
        }
    }

    /// Our address on a relay and theirs, of a channel.
    fn behind(&self, index: usize, channel: u16) -> Option<(SocketAddr, SocketAddr)> {
        let local = self.seen.servers[index].relayed?;
        let (_, peer) = self.books[index].channels.iter().rev().find(|(number, _)| *number == channel)?;
        Some((local, *peer))
    }

    fn pair(&mut self, local: SocketAddr, remote: SocketAddr, add_up_to: Option<usize>) -> Option<usize> {
        let is_it = |pair: &PairSeen| pair.remote == remote && pair.local == local;
        if self.seen.pairs.get(self.last_pair).is_some_and(is_it) {
            return Some(self.last_pair);
        }
        let found = self.seen.pairs.iter().position(is_it);
        if found.is_none() && add_up_to.is_some_and(|most| self.seen.pairs.len() < most) {
            self.seen.pairs.push(PairSeen {
                local,
                remote,
                sent: 0,
                answered: 0,
                heard: 0,
                replied: 0,
                round_trip_ms: None,
                round_trips_ms: 0.0,
                round_trips: 0,
                last_heard_ms: None,
                bytes_sent: 0,
                bytes_received: 0,
            });
            self.last_pair = self.seen.pairs.len() - 1;
            return Some(self.last_pair);
        }
        self.last_pair = found?;
        found
    }

    fn note(&mut self, at: Duration, id: u128, of: Of) {
        if let Some(asked) = self.outstanding.iter_mut().find(|asked| asked.id == id && asked.of == of) {
            asked.is_repeated = true;
            return;
        }
        if self.outstanding.len() >= MAX_OUTSTANDING {
            self.outstanding.pop_front();
        }
        self.outstanding.push_back(Asked { id, at, of, is_repeated: false });
    }

    fn take(&mut self, id: u128, is_of: impl Fn(Of) -> bool) -> Option<Asked> {
        let index = self.outstanding.iter().position(|asked| asked.id == id && is_of(asked.of))?;
        self.outstanding.remove(index)
    }
}

/// Whether it is a request for an allocation that does not say yet who asks: the first of all that is said to a relay.
pub fn is_first_request(bytes: &[u8]) -> bool {
    is_stun(bytes)
        && Seen::read(bytes).is_some_and(|message| {
            message.class() == MessageClass::Request
                && message.method() == Method::Allocate
                && !message.is_signed()
        })
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn whole_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

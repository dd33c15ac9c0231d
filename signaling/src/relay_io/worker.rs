//! One relay thread: its sockets, its relay, and the loop that carries bytes between them.
//!
//! Nothing here waits but the poll. Each turn reads a bounded number of packets from each socket that has some, sends
//! what came of them, and looks at the mailbox. mio tells once that a socket has become readable; so one that was not
//! read empty keeps its place in a queue, and the poll does not wait while there is one.

use std::collections::VecDeque;
use std::io::{self, IoSliceMut};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use mio::{Events, Poll};
use quinn_udp::RecvMeta;

use super::Shared;
use super::counting::Counting;
use super::departures::is_about_an_earlier_packet;
use super::hands::Hands;
use super::mailbox::{Mail, Neighbourly, StreamNews};
use super::setup::Plan;
use super::sockets::{MAILBOX, Place, Sockets};
use crate::relay::{Client, Epoch, Event, Relay, Via};

/// Buffers that one read fills. The kernel puts up to 64 packets of one sender into each.
const BUFFERS: usize = 16;
/// As large as the largest datagram.
const BUFFER_BYTES: usize = 1 << 16;

/// Readable sockets that one poll reports. The rest is reported by the next.
const EVENTS: usize = 256;

/// How often a socket's read may fail in a row before it is left alone until something new arrives.
const FAILURES: u32 = 32;

/// How often the counts are shown to others.
const COUNTED_EVERY: Duration = Duration::from_millis(100);

pub(super) struct Worker {
    poll: Poll,
    relay: Relay,
    hands: Hands,
    mail: Mail,
    /// Sockets that may have something to read.
    readable: VecDeque<Place>,
    room: Box<[u8]>,
    counting: Counting,
    /// When the counts are shown next. Without it nothing has happened since.
    due: Option<Instant>,
}

impl Worker {
    pub(super) fn new(
        index: usize,
        poll: Poll,
        listening: Vec<std::net::UdpSocket>,
        plan: Arc<Plan>,
        epoch: Epoch,
        shared: Arc<Shared>,
    ) -> io::Result<Self> {
        let sockets = Sockets::new(poll.registry().try_clone()?, listening, &plan)?;
        let relay = Relay::new(plan.rules.clone(), epoch);
        let hands = Hands::new(index, shared, plan, sockets);
        Ok(Self {
            poll,
            relay,
            hands,
            mail: Mail::default(),
            readable: VecDeque::new(),
            room: vec![0; BUFFERS * BUFFER_BYTES].into_boxed_slice(),
            counting: Counting::default(),
            due: None,
        })
    }

    /// Works until it is told to stop.
    pub(super) fn run(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        // What arrived before the sockets were watched.
        for place in 0.. {
            if !self.queue(Place::Listening(place)) {
                break;
            }
        }
        let mut now = Instant::now();
        while !self.hands.shared.stop.load(Ordering::Acquire) {
            match self.poll.poll(&mut events, Some(self.patience(now))) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                Ok(()) | Err(_) => {}
            }
            now = Instant::now();
            let mut has_mail = false;
            for event in &events {
                has_mail |= event.token() == MAILBOX;
                if let Some(place) = Place::of(event.token()) {
                    self.queue(place);
                }
            }
            if has_mail {
                #[cfg(test)]
                self.hands.spring_trap();
                self.read_mail(now);
            }
            for _ in 0..self.readable.len() {
                let Some(place) = self.readable.pop_front() else { break };
                self.receive(place);
            }
            if self.relay.poll_timeout().is_some_and(|(when, _)| when <= now) {
                self.relay.handle_timeout(now);
                self.hands.obey(&mut self.relay, now);
                self.hands.leave();
            }
            self.count(now);
        }
        Ok(())
    }

    /// How long to wait for something to happen.
    fn patience(&self, now: Instant) -> Duration {
        if !self.readable.is_empty() {
            return Duration::ZERO;
        }
        let due = self.relay.poll_timeout().map(|(when, _)| when);
        let wake = due.into_iter().chain(self.due).min();
        wake.map_or(Duration::from_secs(3600), |when| when.saturating_duration_since(now))
    }

    /// Says whether there is such a socket.
    fn queue(&mut self, place: Place) -> bool {
        let Some(udp) = self.hands.sockets.get_mut(place) else { return false };
        if !std::mem::replace(&mut udp.queued, true) {
            self.readable.push_back(place);
        }
        true
    }

    /// One read, and all that comes of it.
    fn receive(&mut self, place: Place) {
        let Some(udp) = self.hands.sockets.get_mut(place) else { return };
        udp.queued = false;
        let mut buffers = self.room.chunks_exact_mut(BUFFER_BYTES);
        let mut buffers: [IoSliceMut<'_>; BUFFERS] =
            std::array::from_fn(|_| IoSliceMut::new(buffers.next().unwrap_or_default()));
        let mut meta = [RecvMeta::default(); BUFFERS];
        let read = match udp.receive(&mut buffers, &mut meta) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Err(error) => {
                udp.failures += 1;
                if !is_about_an_earlier_packet(&error) {
                    tracing::debug!("a relay's socket could not be read: {error}");
                }
                if udp.failures < FAILURES {
                    self.queue(place);
                }
                return;
            }
        };
        udp.failures = 0;
        let now = Instant::now();
        // These packets may build on what others have told us: a client sends to a neighbour's relayed address as soon as
        // it has heard of it. That we were told came earlier, so now it is there.
        if self.hands.mailbox().has_mail() {
            self.read_mail(now);
        }
        for (buffer, meta) in self.room.chunks_exact(BUFFER_BYTES).zip(&meta[..read]) {
            // A packet without a byte is one too.
            let stride = meta.stride.max(1);
            let bytes = &buffer[..meta.len.min(buffer.len())];
            let empty: &[&[u8]] = if bytes.is_empty() { &[&[]] } else { &[] };
            for packet in empty.iter().copied().chain(bytes.chunks(stride)) {
                self.hands.arrived(&mut self.relay, place, meta, packet, now);
            }
            self.hands.obey(&mut self.relay, now);
        }
        self.hands.leave();
        // Only Linux says again that there is something, whether or not it was read until there was nothing.
        let is_empty = cfg!(target_os = "linux") && read < BUFFERS;
        if !is_empty {
            self.queue(place);
        }
    }

    fn read_mail(&mut self, now: Instant) {
        let Self { relay, hands, mail, .. } = self;
        hands.mailbox().collect(mail);
        for news in mail.news.drain(..) {
            relay.handle(Event::News(news), now);
            hands.obey(relay, now);
        }
        for news in &mail.stream_news {
            if let StreamNews::Opened(Client { via: Via::Stream(stream), .. }, outbox) = news {
                hands.streams.insert(*stream, Arc::clone(outbox));
            }
        }
        for (client, message) in mail.streams.packets() {
            if matches!(client.via, Via::Stream(stream) if hands.streams.contains_key(&stream)) {
                let forward = relay.from_client(client, message, now);
                hands.carry(forward, None);
                hands.obey(relay, now);
            }
        }
        for (Neighbourly { relayed, from, scope }, payload) in mail.neighbours.packets() {
            let forward = relay.from_neighbour(relayed, from, scope, payload, now);
            hands.carry(forward, None);
        }
        for news in &mail.stream_news {
            if let StreamNews::Closed(client @ Client { via: Via::Stream(stream), .. }) = news {
                hands.streams.remove(stream);
                relay.handle(Event::StreamClosed { client: *client }, now);
            }
        }
        hands.obey(relay, now);
        hands.leave();
    }

    fn count(&mut self, now: Instant) {
        match self.due {
            Some(due) if due > now => {}
            Some(_) => {
                self.due = None;
                self.counting.show(self.relay.counts(), &self.hands.shared.metrics.relay);
                self.hands.show_lost();
            }
            None => self.due = Some(now + COUNTED_EVERY),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.hands.close_everything();
        self.counting.show(self.relay.counts(), &self.hands.shared.metrics.relay);
        self.counting.withdraw(&self.hands.shared.metrics.relay);
        self.hands.show_lost();
    }
}

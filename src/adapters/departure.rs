//! The last part that a packet passes before it is encrypted, and the first that hears what became of it.
//!
//! Here packets leave in their order and at their pace (`logic::pacing`), get the number that the other side tells of, and
//! what it tells becomes what may be sent (`logic::bandwidth`). Repeats are made here too, because only here it is known what
//! waits and what is under way. The library has parts for all of this: its pacer is one queue, in which sound waits behind a
//! key frame, its estimator takes half a minute to a good picture and yields to plain loss for ever.

mod repeats;
#[cfg(test)]
mod tests;
mod told;

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use rtc::{
    interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket},
    rtcp::transport_feedbacks::{
        transport_layer_cc::TransportLayerCc, transport_layer_nack::TransportLayerNack,
    },
    rtp,
    sansio::Protocol,
    shared::{error::Error, marshal::MarshalSize},
};

use crate::{
    engine::{ports::hindering::Hindering, room::Room},
    logic::{
        bandwidth::Bandwidth,
        hinderer::Hinderer,
        pacing::{Class, Pacer, Put},
    },
};

use self::{repeats::Repeats, told::Told};
use super::passing::{Passing, hands_over};

/// Names the numbers, in a description.
pub(super) const NUMBERS_URI: &str =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
/// What is added to each packet on its way to the wire: the seal of its encryption, UDP and IP.
const ADDED_BYTES: usize = 16 + 8 + 20;
/// Pictures leave this much faster than they may be made on average, so that each is there soon.
const PACE: f64 = 2.5;
/// The same on a path that loses what comes in bursts.
const PACE_SHORT_QUEUE: f64 = 1.3;
/// Repeats that would wait longer than this are not made: the link is too narrow for them, and they would come too late.
const MOST_WAIT_OF_REPEATS: Duration = Duration::from_millis(200);

struct Stream {
    class: Class,
    /// Where its packets bear their number.
    number_id: Option<u8>,
}

/// See the head of this file.
pub(super) struct Departure {
    room: Arc<Room>,
    hindering: Arc<Hindering>,
    hinderer: Hinderer<rtp::Packet>,
    bandwidth: Bandwidth,
    pacer: Pacer<rtp::Packet>,
    told: Told,
    streams: HashMap<u32, Stream>,
    repeats: HashMap<u32, Repeats>,
    passing: Passing,
    pictures_flow: bool,
    most_bps: u32,
}

impl Departure {
    pub(super) fn new(room: Arc<Room>, hindering: Arc<Hindering>, now: Instant) -> Self {
        let start_bps = room.look().target_bps;
        Self {
            room,
            hindering,
            hinderer: Hinderer::default(),
            bandwidth: Bandwidth::new(start_bps, now),
            pacer: Pacer::new(start_bps),
            told: Told::default(),
            streams: HashMap::new(),
            repeats: HashMap::new(),
            passing: Passing::default(),
            pictures_flow: false,
            most_bps: 0,
        }
    }

    fn take(&mut self, packet: rtp::Packet, now: Instant) {
        let ssrc = packet.header.ssrc;
        let class = self.streams.get(&ssrc).map_or(Class::Sound, |stream| stream.class);
        if class == Class::Picture && !std::mem::replace(&mut self.pictures_flow, true) {
            self.bandwidth.begin_probing(now);
        }
        self.put(class, packet, now);
    }

    fn put(&mut self, class: Class, packet: rtp::Packet, now: Instant) {
        let bytes = size_on_wire(&packet);
        match self.pacer.put(class, packet, bytes) {
            Put::LeavesAtOnce(packet) => self.leave(packet, now),
            Put::Waits => {}
            Put::Refused => self.room.tear(),
        }
    }

    /// Lets go what may leave by now, and tells how it stands.
    fn pump(&mut self, now: Instant) {
        let most_bps = self.room.most_bps();
        if most_bps != self.most_bps {
            self.most_bps = most_bps;
            self.bandwidth.set_most(most_bps);
        }
        while let Some(probe) = self.bandwidth.poll_probe() {
            self.pacer.probe(probe);
        }
        let standing = self.bandwidth.standing(now);
        let pace = if standing.short_queue { PACE_SHORT_QUEUE } else { PACE };
        let bps = f64::from(standing.target_bps) * pace;
        self.pacer.set_bps(bps as u32);
        loop {
            if let Some(packet) = self.pacer.take(now) {
                self.leave(packet, now);
            } else if self.pacer.wants_padding(now) {
                let padding = self.repeats.values_mut().find_map(Repeats::padding);
                match padding {
                    Some(packet) => self.leave(packet, now),
                    None => self.pacer.stop_probing(),
                }
            } else {
                break;
            }
        }
        while let Some(packet) = self.hinderer.take(self.hindering.look(), now) {
            self.passing.send(Packet::Rtp(packet), now);
        }
        self.room.tell(&standing);
        self.room.tell_waiting(self.waiting(bps));
    }

    fn waiting(&self, bps: f64) -> Duration {
        Duration::from_secs_f64(self.pacer.waiting() as f64 * 8.0 / bps)
    }

    fn leave(&mut self, mut packet: rtp::Packet, now: Instant) {
        if let Some(repeats) = self.repeats.get_mut(&packet.header.ssrc) {
            repeats.keep(&packet, now);
        }
        let number_id = self.streams.get(&packet.header.ssrc).and_then(|stream| stream.number_id);
        if let Some(id) = number_id {
            let number = Bytes::copy_from_slice(&self.told.next_number().to_be_bytes());
            if let Err(error) = packet.header.set_extension(id, number) {
                tracing::debug!(%error, "a packet leaves without its number");
            }
        }
        let bytes = size_on_wire(&packet);
        let probe = self.pacer.left(bytes, now);
        if number_id.is_some() {
            self.told.note(bytes, probe.map(|probe| probe.id), now);
            self.bandwidth.note_sent(now);
        }
        // What is done to it on purpose looks to all that counts as if the network had done it.
        if let Some(packet) = self.hinderer.pass(packet, self.hindering.look(), now) {
            self.passing.send(Packet::Rtp(packet), now);
        }
    }

    fn hear(&mut self, packet: &dyn rtc::rtcp::Packet, now: Instant) {
        let packet = packet.as_any();
        if let Some(feedback) = packet.downcast_ref::<TransportLayerCc>() {
            let outcomes = self.told.handle(feedback);
            self.bandwidth.handle(&outcomes, now);
        } else if let Some(asked) = packet.downcast_ref::<TransportLayerNack>() {
            self.repeat(asked, now);
        }
    }

    fn repeat(&mut self, asked: &TransportLayerNack, now: Instant) {
        let standing = self.bandwidth.standing(now);
        let Some(repeats) = self.repeats.get_mut(&asked.media_ssrc) else { return };
        let numbers = asked.nacks.iter().flat_map(|pair| pair.packet_list());
        let packets: Vec<_> = numbers.filter_map(|number| repeats.repeat(number, now)).collect();
        for packet in packets {
            let waits_s = self.pacer.waiting_repairs() as f64 * 8.0 / f64::from(standing.target_bps);
            if waits_s > MOST_WAIT_OF_REPEATS.as_secs_f64() {
                return;
            }
            self.put(Class::Repair, packet, now);
        }
    }
}

fn size_on_wire(packet: &rtp::Packet) -> usize {
    packet.marshal_size() + ADDED_BYTES
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Departure {
    hands_over!();

    fn handle_read(&mut self, tagged: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtcp(packets) = &tagged.message.packet {
            for packet in packets {
                self.hear(packet.as_ref(), tagged.now);
            }
            self.pump(tagged.now);
        }
        self.passing.incoming.push_back(tagged);
        Ok(())
    }

    fn handle_write(&mut self, tagged: TaggedPacket) -> Result<(), Error> {
        let now = tagged.now;
        if let Packet::Rtp(packet) = tagged.message.packet {
            self.take(packet, now);
            self.pump(now);
        } else {
            self.passing.outgoing.push_back(tagged);
        }
        Ok(())
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.bandwidth.handle_timeout(now);
        self.pump(now);
        Ok(())
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        let hindered = self.hinderer.poll_timeout(self.hindering.look());
        [self.pacer.poll_timeout(), self.bandwidth.poll_timeout(), hindered].into_iter().flatten().min()
    }
}

impl Interceptor for Departure {
    fn bind_local_stream(&mut self, info: &StreamInfo) {
        let video = info.mime_type.to_ascii_lowercase().starts_with("video/");
        let number_id = info.rtp_header_extensions.iter().find(|extension| extension.uri == NUMBERS_URI);
        let number_id = number_id.and_then(|extension| u8::try_from(extension.id).ok()).filter(|id| *id != 0);
        let class = if video { Class::Picture } else { Class::Sound };
        self.streams.insert(info.ssrc, Stream { class, number_id });
        if let (Some(ssrc), Some(payload_type)) = (info.ssrc_rtx, info.payload_type_rtx) {
            self.streams.insert(ssrc, Stream { class: Class::Repair, number_id });
            self.repeats.insert(info.ssrc, Repeats::new(ssrc, payload_type));
        }
    }

    fn unbind_local_stream(&mut self, info: &StreamInfo) {
        self.streams.remove(&info.ssrc);
        self.repeats.remove(&info.ssrc);
        if let Some(ssrc) = info.ssrc_rtx {
            self.streams.remove(&ssrc);
        }
    }

    fn bind_remote_stream(&mut self, _: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}

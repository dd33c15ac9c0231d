//! Asks the other side for packets of pictures that did not come, and drops those that come twice.
//!
//! It stands behind the part that tells the other side what arrived: a packet that comes again has been carried as well.

use std::{collections::HashMap, time::Instant};

use rtc::{
    interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket},
    rtcp::transport_feedbacks::transport_layer_nack::{TransportLayerNack, nack_pairs_from_sequence_numbers},
    rtp,
    sansio::Protocol,
    shared::error::Error,
};

use crate::logic::missing::{Arrival, Missing};

use super::passing::{Passing, hands_over};

/// See the head of this file.
#[derive(Default)]
pub(super) struct Repairs {
    streams: HashMap<u32, Missing>,
    /// Which stream each stream of repairs belongs to.
    repaired: HashMap<u32, u32>,
    passing: Passing,
}

impl Repairs {
    fn note(&mut self, packet: &rtp::Packet, now: Instant) -> Arrival {
        let ssrc = packet.header.ssrc;
        let (ssrc, number, repair) = match self.repaired.get(&ssrc) {
            Some(&of) => match packet.payload.first_chunk() {
                Some(number) => (of, u16::from_be_bytes(*number), true),
                // It probes the path, and carries nothing.
                None => return Arrival::Again,
            },
            None => (ssrc, packet.header.sequence_number, false),
        };
        match self.streams.get_mut(&ssrc) {
            Some(missing) => missing.handle(number, repair, now),
            None => Arrival::New,
        }
    }

    fn ask(&mut self, now: Instant) {
        for (&media_ssrc, missing) in &mut self.streams {
            let numbers = missing.poll_ask(now);
            if numbers.is_empty() {
                continue;
            }
            let nack = TransportLayerNack {
                sender_ssrc: 0,
                media_ssrc,
                nacks: nack_pairs_from_sequence_numbers(&numbers),
            };
            self.passing.send(Packet::Rtcp(vec![Box::new(nack)]), now);
        }
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Repairs {
    hands_over!();

    fn handle_read(&mut self, tagged: TaggedPacket) -> Result<(), Error> {
        let now = tagged.now;
        let arrival = if let Packet::Rtp(packet) = &tagged.message.packet {
            self.note(packet, now)
        } else {
            Arrival::New
        };
        if arrival == Arrival::New {
            self.passing.incoming.push_back(tagged);
            self.ask(now);
        }
        Ok(())
    }

    fn handle_write(&mut self, tagged: TaggedPacket) -> Result<(), Error> {
        self.passing.outgoing.push_back(tagged);
        Ok(())
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.ask(now);
        Ok(())
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        self.streams.values().filter_map(Missing::poll_timeout).min()
    }
}

impl Interceptor for Repairs {
    fn bind_local_stream(&mut self, _: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _: &StreamInfo) {}

    fn bind_remote_stream(&mut self, info: &StreamInfo) {
        let asks =
            info.rtcp_feedback.iter().any(|feedback| feedback.typ == "nack" && feedback.parameter.is_empty());
        // The library binds a stream of repairs as if it were one of pictures.
        if !asks || self.repaired.contains_key(&info.ssrc) {
            return;
        }
        self.streams.entry(info.ssrc).or_default();
        if let Some(repairs) = info.ssrc_rtx {
            self.repaired.insert(repairs, info.ssrc);
        }
    }

    fn unbind_remote_stream(&mut self, info: &StreamInfo) {
        self.streams.remove(&info.ssrc);
        self.repaired.remove(&info.ssrc);
    }
}

#[cfg(test)]
mod tests {
    use rtc::interceptor::RTCPFeedback;

    use super::{super::passing::tagged, *};

    #[test]
    fn what_comes_twice_is_dropped_and_what_is_missing_asked_for() {
        let now = Instant::now();
        let mut repairs = Repairs::default();
        let nack = RTCPFeedback { typ: "nack".into(), parameter: String::new() };
        let info = StreamInfo {
            ssrc: 1,
            ssrc_rtx: Some(2),
            rtcp_feedback: vec![nack.clone()],
            ..StreamInfo::default()
        };
        repairs.bind_remote_stream(&info);
        repairs.bind_remote_stream(&StreamInfo {
            ssrc: 2,
            rtcp_feedback: vec![nack],
            ..StreamInfo::default()
        });
        let mut take = |ssrc, sequence_number, payload: &[u8]| {
            let header = rtp::Header { ssrc, sequence_number, ..rtp::Header::default() };
            let packet = rtp::Packet { header, payload: payload.to_vec().into() };
            repairs.handle_read(tagged(Packet::Rtp(packet), now)).unwrap();
            let asked = std::iter::from_fn(|| repairs.poll_write()).count();
            (repairs.poll_read().is_some(), asked)
        };

        assert_eq!(take(1, 10, b"picture"), (true, 0));
        assert_eq!(take(1, 12, b"picture"), (true, 1), "one is missing");
        assert_eq!(take(2, 700, &[0, 12, 9]), (false, 0), "that one is there");
        assert_eq!(take(2, 701, &[0, 11, 9]), (true, 0));
        assert_eq!(take(2, 709, &[0, 11, 9]), (false, 0), "and holes in the stream of repairs are none");
        assert_eq!(take(2, 710, &[]), (false, 0), "nor is what only probes");
    }
}

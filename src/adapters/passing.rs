//! Packets that wait between two parts of the library's chain: what each of our own parts holds, and hands over when it is asked.

use std::{collections::VecDeque, time::Instant};

use rtc::{
    interceptor::{AttributedPacket, Packet, TaggedPacket},
    shared::TransportContext,
};

/// What has passed a part, and is not fetched yet. The chain fetches all of it after each packet.
#[derive(Default)]
pub(super) struct Passing {
    pub(super) incoming: VecDeque<TaggedPacket>,
    pub(super) outgoing: VecDeque<TaggedPacket>,
}

impl Passing {
    /// A packet of the part's own goes out.
    pub(super) fn send(&mut self, packet: Packet, now: Instant) {
        self.outgoing.push_back(tagged(packet, now));
    }
}

/// A packet of which nothing else is known. The transport is the library's to fill in.
pub(super) fn tagged(packet: Packet, now: Instant) -> TaggedPacket {
    TaggedPacket { now, transport: TransportContext::default(), message: AttributedPacket::new(packet) }
}

/// What `Protocol` wants of all our parts alike, of one whose packets are in its `passing`.
macro_rules! hands_over {
    () => {
        type Rout = rtc::interceptor::TaggedPacket;
        type Wout = rtc::interceptor::TaggedPacket;
        type Eout = ();
        type Error = rtc::shared::error::Error;
        type Time = std::time::Instant;

        fn poll_read(&mut self) -> Option<Self::Rout> {
            self.passing.incoming.pop_front()
        }

        fn poll_write(&mut self) -> Option<Self::Wout> {
            self.passing.outgoing.pop_front()
        }
    };
}

pub(super) use hands_over;

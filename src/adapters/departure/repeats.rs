//! Pictures' packets that left, kept for whoever misses one; and what probes the path when nothing else is there to do it.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use bytes::{BufMut, Bytes, BytesMut};
use rtc::rtp;

/// Some seconds of a good picture.
const KEPT: usize = 1024;
/// No picture waits for longer than this, so that a packet of it is of no use to anybody.
const OF_USE: Duration = Duration::from_millis(700);

/// Who asks twice in less than this gets one answer. Our own side asks again after a longer while, on purpose.
const APART: Duration = Duration::from_millis(6);

struct Kept {
    packet: rtp::Packet,
    at: Instant,
    repeated: Option<Instant>,
}

/// One stream's.
pub(super) struct Repeats {
    ssrc: u32,
    payload_type: u8,
    next: u16,
    kept: VecDeque<Kept>,
    padding: usize,
}

impl Repeats {
    pub(super) fn new(ssrc: u32, payload_type: u8) -> Self {
        Self { ssrc, payload_type, next: 0, kept: VecDeque::with_capacity(KEPT), padding: 0 }
    }

    /// A packet left.
    pub(super) fn keep(&mut self, packet: &rtp::Packet, at: Instant) {
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(Kept { packet: packet.clone(), at, repeated: None });
    }

    /// The packet of that number once more, unless it has just been repeated, or is of no use.
    pub(super) fn repeat(&mut self, number: u16, now: Instant) -> Option<rtp::Packet> {
        let newest = self.kept.back()?.packet.header.sequence_number;
        let back = usize::from(newest.wrapping_sub(number));
        let place = self.kept.len().checked_sub(back + 1)?;
        let kept = &mut self.kept[place];
        let just_now = kept.repeated.is_some_and(|at| now < at + APART);
        if kept.packet.header.sequence_number != number || just_now || now > kept.at + OF_USE {
            return None;
        }
        kept.repeated = Some(now);
        let packet = kept.packet.clone();
        Some(self.wrap(&packet))
    }

    /// One of the last packets once more, for the sake of its size: where packets get lost, it may be of use besides.
    pub(super) fn padding(&mut self) -> Option<rtp::Packet> {
        const AMONG: usize = 12;
        self.padding = (self.padding + 1) % AMONG;
        let among = self.kept.iter().rev().take(AMONG);
        let largest = among.clone().map(|kept| kept.packet.payload.len()).max()?;
        let large = || among.clone().filter(|kept| kept.packet.payload.len() * 2 >= largest);
        let packet = large().nth(self.padding % large().count().max(1))?.packet.clone();
        Some(self.wrap(&packet))
    }

    fn wrap(&mut self, packet: &rtp::Packet) -> rtp::Packet {
        let mut payload = BytesMut::with_capacity(2 + packet.payload.len());
        payload.put_u16(packet.header.sequence_number);
        payload.put_slice(&packet.payload);
        let number = self.next;
        self.next = number.wrapping_add(1);
        rtp::Packet {
            header: rtp::Header {
                version: 2,
                marker: packet.header.marker,
                payload_type: self.payload_type,
                sequence_number: number,
                timestamp: packet.header.timestamp,
                ssrc: self.ssrc,
                ..rtp::Header::default()
            },
            payload: Bytes::from(payload),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(number: u16) -> rtp::Packet {
        let header = rtp::Header { version: 2, sequence_number: number, ssrc: 1, ..rtp::Header::default() };
        rtp::Packet { header, payload: Bytes::from_static(b"picture") }
    }

    #[test]
    fn a_packet_is_repeated_while_it_is_of_use() {
        let now = Instant::now();
        let mut repeats = Repeats::new(2, 103);
        for number in 0..5000_u16 {
            repeats.keep(&packet(number.wrapping_add(63_000)), now);
        }
        let newest = 4999_u16.wrapping_add(63_000);
        let again = repeats.repeat(newest - 3, now).unwrap();
        assert_eq!((again.header.ssrc, again.header.payload_type), (2, 103));
        assert_eq!(again.payload[..2], (newest - 3).to_be_bytes());
        assert!(repeats.repeat(newest - 3, now).is_none(), "it has just been repeated");
        assert!(repeats.repeat(newest - 3, now + 2 * APART).is_some());
        assert!(repeats.repeat(newest.wrapping_add(1), now).is_none(), "it never left");
        assert!(repeats.repeat(newest - 2000, now).is_none(), "it is not kept");
        assert!(repeats.repeat(newest - 5, now + 2 * OF_USE).is_none(), "it came too late");
    }
}

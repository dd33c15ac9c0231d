//! Packets about to leave. Those of one size that follow each other to one destination become one call to the kernel
//! (GSO), which is where nearly all of a relay's time goes: on loopback it carried five times as many packets.
//!
//! Each destination has its place in a small table, found by a hash, so that flows which arrive mixed are still gathered.
//! Two that meet in one place send each other away, which costs a call and no packet; the order within a flow stays.
//! Nothing waits here beyond the turn in which it came.

use std::io;
use std::net::{IpAddr, SocketAddr};

use quinn_udp::{EcnCodepoint, Transmit};

use super::sockets::{Place, Sockets, Udp};

/// Runs that are gathered at the same time.
const RUNS: usize = 32;

/// The most bytes in one run: what fits into one packet of the largest size, which is how the kernel sees a run at first.
const RUN_BYTES: usize = 65_000;

/// The longest packet that is gathered. A longer one does not fit the usual Ethernet frame, and the kernel then refuses
/// to cut the run up, where it would have sent single packets.
const GATHERED_BYTES: usize = 1452;

/// Where a run goes, and out of which socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) out: Place,
    pub(super) from: Option<IpAddr>,
    pub(super) to: SocketAddr,
    pub(super) ecn: Option<EcnCodepoint>,
}

struct Run {
    way: Way,
    bytes: Vec<u8>,
    /// Of each packet but the last, which may be shorter.
    size: usize,
    packets: usize,
    /// How many packets it may have.
    most: usize,
}

pub(super) struct Departures {
    runs: Vec<Option<Run>>,
    /// Places that hold something.
    begun: Vec<usize>,
    /// Buffers that hold nothing.
    spare: Vec<Vec<u8>>,
    /// Packets that the system did not take.
    pub(super) not_sent: u64,
}

impl Departures {
    pub(super) fn new() -> Self {
        Self {
            runs: (0..RUNS).map(|_| None).collect(),
            begun: Vec::with_capacity(RUNS),
            spare: Vec::with_capacity(RUNS),
            not_sent: 0,
        }
    }

    /// A packet, in its parts.
    pub(super) fn add(&mut self, sockets: &mut Sockets, way: Way, parts: [&[u8]; 3]) {
        if way.to.port() == 0 {
            // Nobody is there, and the kernel's refusal would look like one of gathering.
            self.not_sent += 1;
            return;
        }
        let length = parts.iter().map(|part| part.len()).sum();
        let place = place_of(&way);
        if let Some(run) = &mut self.runs[place] {
            if run.takes(&way, length) {
                run.add(parts);
                return;
            }
            self.send(place, sockets);
        } else {
            self.begun.push(place);
        }
        let most = match sockets.get(way.out) {
            Some(udp) if (1..=GATHERED_BYTES).contains(&length) => udp.at_once,
            Some(_) => 1,
            None => {
                self.not_sent += 1;
                self.begun.retain(|begun| *begun != place);
                return;
            }
        };
        let bytes = self.spare.pop().unwrap_or_default();
        let mut run = Run { way, bytes, size: length, packets: 0, most };
        run.add(parts);
        self.runs[place] = Some(run);
    }

    /// Sends everything.
    pub(super) fn leave(&mut self, sockets: &mut Sockets) {
        while let Some(place) = self.begun.pop() {
            self.send(place, sockets);
        }
    }

    fn send(&mut self, place: usize, sockets: &mut Sockets) {
        let Some(mut run) = self.runs[place].take() else { return };
        if let Some(udp) = sockets.get_mut(run.way.out) {
            self.not_sent += run.send(udp);
        } else {
            self.not_sent += run.packets as u64;
        }
        run.bytes.clear();
        self.spare.push(run.bytes);
    }
}

impl Run {
    fn takes(&self, way: &Way, length: usize) -> bool {
        // A shorter packet is the last, since the kernel cuts at equal lengths.
        let is_open = self.bytes.len() == self.size * self.packets;
        is_open
            && self.packets < self.most
            && (1..=self.size).contains(&length)
            && self.bytes.len() + length <= RUN_BYTES
            && self.way == *way
    }

    fn add(&mut self, parts: [&[u8]; 3]) {
        for part in parts {
            self.bytes.extend_from_slice(part);
        }
        self.packets += 1;
    }

    /// Returns how many packets the system did not take.
    fn send(&self, udp: &mut Udp) -> u64 {
        if self.packets <= 1 {
            return u64::from(self.send_one(udp, &self.bytes).is_err());
        }
        let together = self.transmit(&self.bytes, Some(self.size));
        match udp.send(&together) {
            Ok(()) => return 0,
            // There is no room for so much; there will be for what comes later.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return self.packets as u64,
            Err(error) => tracing::debug!("packets could not be sent together: {error}"),
        }
        let lost = self.bytes.chunks(self.size).filter(|packet| self.send_one(udp, packet).is_err()).count();
        if lost == 0 {
            // It was the gathering that was refused, not the destination: some network cards cannot do it. What one
            // destination refuses says nothing about the others.
            tracing::info!("this system sends no packets together on this socket; they go one by one");
            udp.at_once = 1;
        }
        lost as u64
    }

    fn send_one(&self, udp: &Udp, packet: &[u8]) -> io::Result<()> {
        let transmit = self.transmit(packet, None);
        match udp.send(&transmit) {
            // An ICMP message about an earlier packet; reading it has made way for this one.
            Err(error) if is_about_an_earlier_packet(&error) => udp.send(&transmit),
            sent => sent,
        }
    }

    fn transmit<'b>(&self, contents: &'b [u8], segment_size: Option<usize>) -> Transmit<'b> {
        Transmit {
            destination: self.way.to,
            ecn: self.way.ecn,
            contents,
            segment_size,
            src_ip: self.way.from,
        }
    }
}

pub(super) fn is_about_an_earlier_packet(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset)
}

/// Strangers choose addresses, but all that they can win by it is smaller runs.
fn place_of(way: &Way) -> usize {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let ip = match way.to.ip() {
        IpAddr::V4(ip) => u64::from(ip.to_bits()),
        IpAddr::V6(ip) => {
            let bits = ip.to_bits();
            (bits as u64).wrapping_mul(ODD) ^ (bits >> 64) as u64
        }
    };
    let out = match way.out {
        Place::Listening(place) => place as u64,
        Place::Relay(place) => (1 << 32) | place as u64,
    };
    let mixed = (ip ^ u64::from(way.to.port()) << 32 ^ out.wrapping_mul(ODD)).wrapping_mul(ODD);
    (mixed >> (u64::BITS - RUNS.ilog2())) as usize
}

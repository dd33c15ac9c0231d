//! Packets through a relay and back, counted and timed.
//!
//! One thread does it all: for each flow it sends a burst to the relay if not too much is under way, takes what reached
//! the peer, sends as much back, and takes what came back. Bursts are handed to the kernel in one piece and taken from it
//! in one piece (GSO, GRO), so that the load costs less than what is measured. What got lost is given up after a while.

use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::Result;
use hdrhistogram::Histogram;
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};

use crate::turn;

/// What a call's video packets carry, about.
pub(crate) const PAYLOAD_BYTES: usize = 1100;

/// Nothing has come for so long: what was under way is lost.
const GIVEN_UP_AFTER: Duration = Duration::from_millis(50);

/// A socket that sends and takes packets by the dozen.
struct Bulk {
    socket: UdpSocket,
    state: UdpSocketState,
}

/// One client with one allocation, and its peer.
pub(crate) struct Flow {
    client: Bulk,
    peer: Bulk,
    relay: SocketAddr,
    relayed: SocketAddr,
    under_way: usize,
    heard: Instant,
}

/// What came of it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Delivered {
    /// Packets from clients that reached their peer.
    pub(crate) out: u64,
    /// Packets from peers that reached their client.
    pub(crate) back: u64,
    /// Packets that were sent by clients.
    pub(crate) sent: u64,
}

impl Delivered {
    pub(crate) const fn forwards(self) -> u64 {
        self.out + self.back
    }
}

impl Flow {
    /// Allocated at the relay, with a peer of its own.
    pub(crate) fn open(relay: SocketAddr, number: u64) -> Result<Self> {
        let (client, peer) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
        let relayed = turn::open(&client, relay, peer.local_addr()?, number)?;
        Ok(Self {
            client: Bulk::new(client)?,
            peer: Bulk::new(peer)?,
            relay,
            relayed,
            under_way: 0,
            heard: Instant::now(),
        })
    }

    /// The same packets without a relay: client and peer talk to each other.
    pub(crate) fn direct() -> Result<Self> {
        let (client, peer) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
        let (relayed, relay) = (client.local_addr()?, peer.local_addr()?);
        Ok(Self {
            client: Bulk::new(client)?,
            peer: Bulk::new(peer)?,
            relay,
            relayed,
            under_way: 0,
            heard: Instant::now(),
        })
    }
}

/// As much as goes, for so long, with bursts of so many packets. Every packet that arrives is sent back.
pub(crate) fn saturate(flows: &mut [Flow], burst: usize, within: Duration) -> Result<Delivered> {
    let packet = channel_data(PAYLOAD_BYTES);
    let whole = packet.repeat(burst);
    let back = vec![0x5a; PAYLOAD_BYTES * 64];
    let window = 4 * burst;
    let mut delivered = Delivered::default();
    let mut waste = Waste::new();
    let start = Instant::now();
    while start.elapsed() < within {
        for flow in &mut *flows {
            if flow.under_way + burst <= window && flow.client.send(flow.relay, &whole, packet.len())? {
                flow.under_way += burst;
                delivered.sent += burst as u64;
            }
            let mut arrived = flow.peer.receive(&mut waste, |_| {})?;
            delivered.out += arrived as u64;
            while arrived > 0 {
                // As many as the kernel takes in one piece.
                let now = arrived.min(burst.max(1));
                flow.peer.send(flow.relayed, &back[..now * PAYLOAD_BYTES], PAYLOAD_BYTES)?;
                arrived -= now;
            }
            let returned = flow.client.receive(&mut waste, |_| {})?;
            delivered.back += returned as u64;
            if returned > 0 {
                flow.under_way = flow.under_way.saturating_sub(returned);
                flow.heard = Instant::now();
            } else if flow.heard.elapsed() > GIVEN_UP_AFTER {
                flow.under_way = 0;
                flow.heard = Instant::now();
            }
        }
    }
    Ok(delivered)
}

/// So many packets a second in all, from clients to their peers, in bursts; how long each took, in microseconds.
pub(crate) fn pace(
    flows: &mut [Flow],
    burst: usize,
    per_second: f64,
    within: Duration,
) -> Result<(Histogram<u64>, Delivered)> {
    let direct = flows.iter().all(|flow| flow.relayed == flow.client.address());
    let head = if direct { 0 } else { 4 };
    let mut packet = channel_data(PAYLOAD_BYTES);
    if direct {
        packet.drain(..4);
    }
    let mut whole = packet.repeat(burst);
    let mut took = Histogram::new_with_bounds(1, 10_000_000, 3)?;
    let mut delivered = Delivered::default();
    let mut waste = Waste::new();
    let start = Instant::now();
    let every = Duration::from_secs_f64(burst as f64 / per_second);
    let (mut due, mut next) = (Duration::ZERO, 0);
    while start.elapsed() < within + Duration::from_millis(100) {
        if start.elapsed() >= due && due < within {
            // When it was due, not when it was sent: a load that waits for the relay would hide how slow it is.
            for packet in whole.chunks_mut(packet.len()) {
                packet[head..head + 8].copy_from_slice(&(due.as_nanos() as u64).to_be_bytes());
            }
            let count = flows.len();
            let flow = &mut flows[next % count];
            if flow.client.send(flow.relay, &whole, packet.len())? {
                delivered.sent += burst as u64;
            }
            next += 1;
            due += every;
        }
        for flow in &mut *flows {
            let arrived = flow.peer.receive(&mut waste, |packet| {
                let sent = packet.first_chunk().map_or(0, |sent| u64::from_be_bytes(*sent));
                let now = start.elapsed().as_nanos() as u64;
                took.saturating_record(now.saturating_sub(sent).div_ceil(1000).max(1));
            })?;
            delivered.out += arrived as u64;
        }
    }
    Ok((took, delivered))
}

fn channel_data(payload: usize) -> Vec<u8> {
    let mut packet = Vec::with_capacity(4 + payload);
    packet.extend(turn::CHANNEL.to_be_bytes());
    packet.extend((payload as u16).to_be_bytes());
    packet.resize(4 + payload, 0x5a);
    packet
}

/// Room for what arrives.
struct Waste {
    room: Vec<Vec<u8>>,
}

impl Waste {
    fn new() -> Self {
        Self { room: (0..BATCH_SIZE).map(|_| vec![0; 65_535]).collect() }
    }
}

impl Bulk {
    fn new(socket: UdpSocket) -> Result<Self> {
        socket.set_nonblocking(true)?;
        let state = UdpSocketState::new((&socket).into())?;
        // So that what is lost is lost in the relay.
        state.set_recv_buffer_size((&socket).into(), 4 << 20)?;
        state.set_send_buffer_size((&socket).into(), 4 << 20)?;
        Ok(Self { socket, state })
    }

    fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap_or_else(|_| ([0, 0, 0, 0], 0).into())
    }

    /// Whether it was taken.
    fn send(&self, destination: SocketAddr, contents: &[u8], size: usize) -> Result<bool> {
        let segment_size = (contents.len() > size).then_some(size);
        let transmit = Transmit { destination, ecn: None, contents, segment_size, src_ip: None };
        match self.state.try_send((&self.socket).into(), &transmit) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes what is there, and says how many packets that was.
    fn receive(&self, waste: &mut Waste, mut each: impl FnMut(&[u8])) -> Result<usize> {
        let mut packets = 0;
        let mut heard = [RecvMeta::default(); BATCH_SIZE];
        let mut buffers: Vec<_> = waste.room.iter_mut().map(|room| IoSliceMut::new(room)).collect();
        match self.state.recv((&self.socket).into(), &mut buffers, &mut heard) {
            Ok(count) => {
                for (heard, buffer) in heard[..count].iter().zip(&buffers) {
                    for packet in buffer[..heard.len].chunks(heard.stride.max(1)) {
                        each(packet);
                        packets += 1;
                    }
                }
                Ok(packets)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            Err(error) => Err(error.into()),
        }
    }
}

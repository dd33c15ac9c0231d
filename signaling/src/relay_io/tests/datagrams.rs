//! A UDP socket that sends and receives several packets at once where the kernel can, as a good client does.

use std::collections::VecDeque;
use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};

use quinn_udp::{EcnCodepoint, RecvMeta, Transmit, UdpSocketState};

use super::PATIENCE;

/// As many as one datagram can hold, or several.
const MOST: usize = 65_536;

pub(super) struct Datagrams {
    socket: UdpSocket,
    state: UdpSocketState,
    waiting: VecDeque<Packet>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Packet {
    pub(super) from: SocketAddr,
    pub(super) bytes: Vec<u8>,
    pub(super) ecn: Option<EcnCodepoint>,
    /// How many the kernel handed over with it.
    pub(super) together: usize,
}

impl Datagrams {
    pub(super) fn bind(address: &str) -> Self {
        let socket = UdpSocket::bind(address).expect("a socket");
        let state = UdpSocketState::new((&socket).into()).expect("a socket");
        socket.set_nonblocking(false).expect("a socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("a time");
        Self { socket, state, waiting: VecDeque::new() }
    }

    pub(super) fn local(&self) -> SocketAddr {
        self.socket.local_addr().expect("an address")
    }

    /// Whether the kernel takes several packets at once, and hands them over so.
    pub(super) fn gathers(&self) -> bool {
        self.state.gro_segments() > 1 && self.state.max_gso_segments() > 1
    }

    pub(super) fn send(&self, to: SocketAddr, packet: &[u8]) {
        self.send_marked(to, packet, None);
    }

    pub(super) fn send_marked(&self, destination: SocketAddr, contents: &[u8], ecn: Option<EcnCodepoint>) {
        let transmit = Transmit { destination, ecn, contents, segment_size: None, src_ip: None };
        self.state.try_send((&self.socket).into(), &transmit).expect("loopback takes it");
    }

    /// Packets of one size, in as few calls as may be.
    pub(super) fn send_together(&self, destination: SocketAddr, packets: &[Vec<u8>]) {
        let size = packets[0].len();
        let at_once = self.state.max_gso_segments().min(60_000 / size).max(1);
        for some in packets.chunks(at_once) {
            let contents = &some.concat();
            let transmit =
                Transmit { destination, ecn: None, contents, segment_size: Some(size), src_ip: None };
            self.state.try_send((&self.socket).into(), &transmit).expect("loopback takes it");
        }
    }

    pub(super) fn receive(&mut self) -> io::Result<Packet> {
        loop {
            if let Some(packet) = self.waiting.pop_front() {
                return Ok(packet);
            }
            let mut bytes = vec![0; MOST];
            let mut meta = [RecvMeta::default()];
            self.state.recv((&self.socket).into(), &mut [IoSliceMut::new(&mut bytes)], &mut meta)?;
            let RecvMeta { addr: from, len, stride, ecn, .. } = meta[0];
            let packets = bytes[..len].chunks(stride.max(1));
            let together = packets.len();
            let packet = |bytes: &[u8]| Packet { from, bytes: bytes.to_vec(), ecn, together };
            self.waiting.extend(packets.map(packet));
            if len == 0 {
                self.waiting.push_back(packet(&[]));
            }
        }
    }

    /// The next packet, which has to come: what is in it, and from where.
    pub(super) fn hear(&mut self) -> (Vec<u8>, SocketAddr) {
        let packet = self.receive().expect("a packet");
        (packet.bytes, packet.from)
    }
}

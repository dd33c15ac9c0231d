//! The UDP sockets of one relay thread: those that clients send to, and one for each allocation.
//!
//! `quinn-udp` reads and writes them, since it knows how each system hands over several packets at once (GRO, GSO) and
//! says to which of its addresses a packet came. It also forbids fragments, so a packet that is longer than the next
//! network takes is not sent, and counted.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};

use mio::{Interest, Registry, Token};
use quinn_udp::{RecvMeta, Transmit, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};

use super::setup::{Face, Plan};
use crate::relay::{AllocationId, Family};

/// What the kernel keeps of packets that are not read or sent yet: for all clients together, and for one allocation. A
/// system may allow less. When it is full, packets are lost; the relay counts those it could not send.
pub(super) const LISTENING_BUFFER_BYTES: usize = 4 * 1024 * 1024;
pub(super) const RELAY_BUFFER_BYTES: usize = 512 * 1024;

/// What wakes a thread: its mailbox, a listening socket, a relay socket.
pub(super) const MAILBOX: Token = Token(0);
const FIRST_LISTENING: usize = 1;
const FIRST_RELAY: usize = 1 << 16;

/// One of a thread's sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Listening(usize),
    Relay(usize),
}

impl Place {
    pub(super) const fn of(Token(token): Token) -> Option<Self> {
        match token {
            0 => None,
            FIRST_LISTENING..FIRST_RELAY => Some(Self::Listening(token - FIRST_LISTENING)),
            FIRST_RELAY.. => Some(Self::Relay(token - FIRST_RELAY)),
        }
    }

    const fn token(self) -> Token {
        match self {
            Self::Listening(place) => Token(FIRST_LISTENING + place),
            Self::Relay(place) => Token(FIRST_RELAY + place),
        }
    }
}

/// A socket, and what of it the kernel does several at a time.
pub(super) struct Udp {
    io: mio::net::UdpSocket,
    state: UdpSocketState,
    /// How many packets one send may hold.
    pub(super) at_once: usize,
    /// It stands in the queue of those that have something to read.
    pub(super) queued: bool,
    /// Reads in a row that failed.
    pub(super) failures: u32,
}

/// An allocation's socket.
pub(super) struct Relayed {
    pub(super) udp: Udp,
    pub(super) allocation: AllocationId,
    pub(super) family: Family,
    pub(super) port: u16,
}

pub(super) struct Sockets {
    registry: Registry,
    listening: Vec<Udp>,
    faces: Vec<Face>,
    relayed: Vec<Option<Relayed>>,
    free: Vec<usize>,
}

impl Sockets {
    pub(super) fn new(
        registry: Registry,
        listening: Vec<std::net::UdpSocket>,
        plan: &Plan,
    ) -> io::Result<Self> {
        let mut sockets = Self {
            registry,
            listening: Vec::new(),
            faces: plan.faces.clone(),
            relayed: Vec::new(),
            free: Vec::new(),
        };
        for (place, socket) in listening.into_iter().enumerate() {
            let udp = sockets.register(socket, Place::Listening(place))?;
            sockets.listening.push(udp);
        }
        Ok(sockets)
    }

    pub(super) fn open(
        &mut self,
        socket: std::net::UdpSocket,
        allocation: AllocationId,
        family: Family,
        port: u16,
    ) -> io::Result<usize> {
        let place = self.free.last().copied().unwrap_or(self.relayed.len());
        let udp = self.register(socket, Place::Relay(place))?;
        let relayed = Some(Relayed { udp, allocation, family, port });
        if self.free.pop().is_some() {
            self.relayed[place] = relayed;
        } else {
            self.relayed.push(relayed);
        }
        Ok(place)
    }

    /// Closes it, by dropping what is returned.
    pub(super) fn close(&mut self, place: usize) -> Option<Relayed> {
        let mut relayed = self.relayed.get_mut(place)?.take()?;
        self.free.push(place);
        if let Err(error) = self.registry.deregister(&mut relayed.udp.io) {
            tracing::debug!("a relay socket was not deregistered: {error}");
        }
        Some(relayed)
    }

    pub(super) fn get(&self, place: Place) -> Option<&Udp> {
        match place {
            Place::Listening(place) => self.listening.get(place),
            Place::Relay(place) => Some(&self.relayed.get(place)?.as_ref()?.udp),
        }
    }

    pub(super) fn get_mut(&mut self, place: Place) -> Option<&mut Udp> {
        match place {
            Place::Listening(place) => self.listening.get_mut(place),
            Place::Relay(place) => Some(&mut self.relayed.get_mut(place)?.as_mut()?.udp),
        }
    }

    pub(super) fn allocation(&self, place: usize) -> Option<AllocationId> {
        Some(self.relayed.get(place)?.as_ref()?.allocation)
    }

    /// The socket behind a face, and the address from which its packets leave.
    pub(super) fn face(&self, index: usize) -> Option<(Place, Option<IpAddr>)> {
        let face = self.faces.get(index)?;
        Some((Place::Listening(face.socket), face.from))
    }

    fn register(&self, socket: std::net::UdpSocket, place: Place) -> io::Result<Udp> {
        socket.set_nonblocking(true)?;
        let state = UdpSocketState::new((&socket).into())?;
        let mut io = mio::net::UdpSocket::from_std(socket);
        self.registry.register(&mut io, place.token(), Interest::READABLE)?;
        let at_once = state.max_gso_segments();
        Ok(Udp { io, state, at_once, queued: false, failures: 0 })
    }
}

impl Udp {
    /// Packets into buffers, without waiting for any.
    pub(super) fn receive(&self, buffers: &mut [IoSliceMut<'_>], meta: &mut [RecvMeta]) -> io::Result<usize> {
        self.io.try_io(|| self.state.recv((&self.io).into(), buffers, meta))
    }

    pub(super) fn send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.io.try_io(|| self.state.try_send((&self.io).into(), transmit))
    }
}

/// A socket that shares its port with those of the other threads.
pub(super) fn listen(address: SocketAddr, is_shared: bool) -> io::Result<std::net::UdpSocket> {
    let socket = new(address)?;
    #[cfg(target_os = "linux")]
    socket.set_reuse_port(is_shared)?;
    #[cfg(not(target_os = "linux"))]
    debug_assert!(!is_shared, "only Linux shares out packets fairly");
    enlarge(&socket, LISTENING_BUFFER_BYTES);
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// A socket for one allocation.
pub(super) fn relay(address: SocketAddr) -> io::Result<std::net::UdpSocket> {
    let socket = new(address)?;
    enlarge(&socket, RELAY_BUFFER_BYTES);
    socket.bind(&address.into())?;
    Ok(socket.into())
}

fn new(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        // IPv4 has a socket of its own, whatever the system would do by itself.
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

fn enlarge(socket: &Socket, bytes: usize) {
    // A system that allows less gives what it allows, or keeps what it had.
    drop(socket.set_recv_buffer_size(bytes));
    drop(socket.set_send_buffer_size(bytes));
}

pub(super) fn is_without_family(error: &io::Error, wished: IpAddr) -> bool {
    // Linux says this by a number that has no kind: address family not supported.
    const EAFNOSUPPORT: i32 = 97;
    wished.is_ipv6()
        && wished.is_unspecified()
        && (error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(EAFNOSUPPORT))
}

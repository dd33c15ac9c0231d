//! What stands before data: read from what clients send, written for what they get. No memory is allocated here.

use std::net::SocketAddr;

use super::{Head, Via};

const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const SEND_INDICATION: [u8; 2] = [0x00, 0x16];
const DATA_INDICATION: [u8; 2] = [0x00, 0x17];
const STUN_HEADER: usize = 20;
const IPV4: u8 = 1;
const IPV6: u8 = 2;

/// The channels there are: as many as RFC 5766 had. RFC 8656 leaves clients those up to 0x4fff, so that other things can be
/// told apart from them on one port; nothing else comes here, and coturn's client still takes all of them.
pub(super) const CHANNELS: std::ops::RangeInclusive<u16> = 0x4000..=0x7fff;

/// Whether a packet says that it is ChannelData.
pub(super) fn is_channel_data(packet: &[u8]) -> bool {
    packet.first().is_some_and(|first| (0x40..=0x7f).contains(first))
}

/// The channel and its data. What is behind the data is padding.
pub(super) fn channel_data(packet: &[u8]) -> Option<(u16, &[u8])> {
    let (head, rest) = packet.split_first_chunk::<4>()?;
    let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
    Some((u16::from_be_bytes([head[0], head[1]]), rest.get(..length)?))
}

/// Whether a packet says that it is a Send indication.
pub(super) fn is_send_indication(packet: &[u8]) -> bool {
    packet.starts_with(&SEND_INDICATION)
}

/// The peer and the data of a Send indication that is whole and says nothing else that would have to be understood.
pub(super) fn send_indication(packet: &[u8]) -> Option<(SocketAddr, &[u8])> {
    let (header, mut rest) = packet.split_first_chunk::<STUN_HEADER>()?;
    let stated = usize::from(u16::from_be_bytes([header[2], header[3]]));
    if header[4..8] != COOKIE || stated != rest.len() {
        return None;
    }
    let (mut peer, mut data) = (None, None);
    while let Some((head, after)) = rest.split_first_chunk::<4>() {
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let value = after.get(..length)?;
        match u16::from_be_bytes([head[0], head[1]]) {
            0x0012 => peer = peer.or(Some(xor_address(value, header)?)),
            0x0013 => data = data.or(Some(value)),
            // DONT-FRAGMENT, which is left to the system; a software's name, a fingerprint and the like.
            0x001a | 0x8000.. => {}
            _ => return None,
        }
        rest = after.get(length.next_multiple_of(4)..)?;
    }
    if rest.is_empty() { peer.zip(data) } else { None }
}

fn xor_address(value: &[u8], header: &[u8; STUN_HEADER]) -> Option<SocketAddr> {
    let (head, address) = value.split_first_chunk::<4>()?;
    let port = u16::from_be_bytes([head[2] ^ COOKIE[0], head[3] ^ COOKIE[1]]);
    match head[1] {
        IPV4 => Some(SocketAddr::from((xored::<4>(address.try_into().ok()?, header), port))),
        IPV6 => Some(SocketAddr::from((xored::<16>(address.try_into().ok()?, header), port))),
        _ => None,
    }
}

/// An address turned over with the cookie and the transaction, one way and the other.
fn xored<const N: usize>(mut address: [u8; N], header: &[u8; STUN_HEADER]) -> [u8; N] {
    for (byte, mask) in address.iter_mut().zip(&header[4..]) {
        *byte ^= mask;
    }
    address
}

impl Head {
    /// The head of ChannelData, and how many zeros follow the data: on a stream the next message begins at a multiple of
    /// four.
    pub(super) fn of_channel(number: u16, length: usize, via: Via) -> Option<(Self, u8)> {
        let mut head = Self::none();
        head.push(&number.to_be_bytes());
        head.push(&u16::try_from(length).ok()?.to_be_bytes());
        let tail = match via {
            Via::Udp(_) => 0,
            Via::Stream(_) => padding(length),
        };
        Some((head, tail))
    }

    /// A Data indication up to its data, and how many zeros follow it.
    pub(super) fn of_data_indication(
        peer: SocketAddr,
        length: usize,
        transaction: [u8; 12],
    ) -> Option<(Self, u8)> {
        let tail = padding(length);
        let address_length: u16 = if peer.is_ipv4() { 8 } else { 20 };
        let stated = 4 + usize::from(address_length) + 4 + length + usize::from(tail);

        let mut header = [0; STUN_HEADER];
        header[..2].copy_from_slice(&DATA_INDICATION);
        header[2..4].copy_from_slice(&u16::try_from(stated).ok()?.to_be_bytes());
        header[4..8].copy_from_slice(&COOKIE);
        header[8..].copy_from_slice(&transaction);

        let mut head = Self::none();
        head.push(&header);
        head.push(&[0x00, 0x12]);
        head.push(&address_length.to_be_bytes());
        head.push(&[0, if peer.is_ipv4() { IPV4 } else { IPV6 }]);
        head.push(&(peer.port() ^ u16::from_be_bytes([COOKIE[0], COOKIE[1]])).to_be_bytes());
        match peer {
            SocketAddr::V4(peer) => head.push(&xored(peer.ip().octets(), &header)),
            SocketAddr::V6(peer) => head.push(&xored(peer.ip().octets(), &header)),
        }
        head.push(&[0x00, 0x13]);
        head.push(&u16::try_from(length).ok()?.to_be_bytes());
        Some((head, tail))
    }

    fn push(&mut self, bytes: &[u8]) {
        let start = usize::from(self.length);
        self.bytes[start..start + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len() as u8;
    }
}

const fn padding(length: usize) -> u8 {
    (length.next_multiple_of(4) - length) as u8
}

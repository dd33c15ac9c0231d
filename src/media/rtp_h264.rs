//! H.264 pictures as RTP payloads (RFC 6184) and back.
//!
//! The format is `rtc-rtp`'s work. What stands around it here is distrust: its depacketizer reads past the end of a STAP-A
//! that is cut after the first half of a length, and glues fragments together whether or not they begin and end, so
//! each payload is looked at before it gets there.

use bytes::{Bytes, BytesMut};
use rtc_rtp::{
    codec::h264::{
        FU_END_BITMASK, FU_START_BITMASK, FUA_HEADER_SIZE, FUA_NALU_TYPE, H264Packet, H264Payloader,
        NALU_TYPE_BITMASK, SPS_NALU_TYPE, STAPA_HEADER_SIZE, STAPA_NALU_LENGTH_SIZE, STAPA_NALU_TYPE,
    },
    packetizer::{Depacketizer, Payloader},
};

use super::h264::MAX_ACCESS_UNIT_LEN;

/// The longest payload to cut a picture into. With RTP's header and extensions, SRTP's tag, the original sequence number
/// of a retransmission and a TURN channel's header, the datagram fits the 1280 bytes that every IPv6 path carries.
pub const MAX_PAYLOAD_LEN: usize = 1_160;

/// The clock of a picture's timestamp, in ticks a second.
pub const CLOCK_HZ: u32 = 90_000;

const SLICE: u8 = 1;
const IDR_SLICE: u8 = 5;

/// What arrived is not a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssembleError {
    /// No payload at all.
    #[error("there is no picture in no packets")]
    Empty,
    /// A payload of a byte or two.
    #[error("packet {0} of the picture is too short to hold anything")]
    Short(usize),
    /// An aggregate whose lengths do not add up.
    #[error("packet {0} of the picture holds several parts whose lengths do not add up")]
    Aggregate(usize),
    /// A fragment without the one before, or a part before the last fragment came.
    #[error("packet {0} of the picture does not continue the one before")]
    OutOfPlace(usize),
    /// The last fragment is missing.
    #[error("the last part of the picture is missing")]
    Unfinished,
    /// A payload of a kind that WebRTC does not use.
    #[error("packet {index} of the picture is of kind {kind}, which is not used in calls")]
    UnknownKind {
        /// Which packet.
        index: usize,
        /// Its NAL unit type.
        kind: u8,
    },
    /// More than [`MAX_ACCESS_UNIT_LEN`].
    #[error("the picture is longer than any real one")]
    TooLong,
}

/// Cuts one access unit into payloads of at most `mtu` bytes, in order. The last one's packet carries the marker.
///
/// Parameter sets travel together in one payload; a slice that fits is a payload as it is, without a copy.
pub fn packetise(annexb: &Bytes, mtu: usize) -> Vec<Bytes> {
    H264Payloader::default().payload(mtu, annexb).expect("the payloader has no way to fail")
}

/// Puts the payloads of one picture, complete and in order, together again.
pub fn assemble(payloads: &[Bytes]) -> Result<Bytes, AssembleError> {
    if payloads.is_empty() {
        return Err(AssembleError::Empty);
    }
    let len: usize = payloads.iter().map(Bytes::len).sum();
    if len > MAX_ACCESS_UNIT_LEN {
        return Err(AssembleError::TooLong);
    }
    // Every payload holds less than it takes, but for the start codes.
    let mut annexb = BytesMut::with_capacity(len + 8 * payloads.len());
    let mut packet = H264Packet::default();
    let mut in_fragments = false;
    for (index, payload) in payloads.iter().enumerate() {
        in_fragments = check(index, payload, in_fragments)?;
        let part = packet.depacketize(payload).map_err(|_| AssembleError::Short(index))?;
        annexb.extend_from_slice(&part);
    }
    if in_fragments { Err(AssembleError::Unfinished) } else { Ok(annexb.freeze()) }
}

/// Whether a fragmented part is still open after `payload`, given that one was (`open`) or was not before it.
fn check(index: usize, payload: &[u8], open: bool) -> Result<bool, AssembleError> {
    if payload.len() <= 2 {
        return Err(AssembleError::Short(index));
    }
    let kind = kind(payload);
    if kind != FUA_NALU_TYPE && open {
        return Err(AssembleError::OutOfPlace(index));
    }
    match kind {
        1..=23 => Ok(false),
        STAPA_NALU_TYPE => {
            if aggregated(payload).all(|part| part.is_some()) {
                Ok(false)
            } else {
                Err(AssembleError::Aggregate(index))
            }
        }
        FUA_NALU_TYPE => {
            let (starts, ends) = (payload[1] & FU_START_BITMASK != 0, payload[1] & FU_END_BITMASK != 0);
            if starts == open || (starts && ends) { Err(AssembleError::OutOfPlace(index)) } else { Ok(!ends) }
        }
        _ => Err(AssembleError::UnknownKind { index, kind }),
    }
}

/// Whether a picture begins with this payload: parameter sets, or the slice with the first macroblock in it.
pub fn starts_frame(payload: &[u8]) -> bool {
    // The slice header opens with first_mb_in_slice, whose zero is written as a single 1 bit.
    let first_slice = |kind: u8, header: Option<&u8>| {
        matches!(kind, SLICE | IDR_SLICE) && header.is_some_and(|byte| byte & 0x80 != 0)
    };
    match payload.first().map(|_| kind(payload)) {
        None => false,
        Some(FUA_NALU_TYPE) => payload.get(1).is_some_and(|fu| {
            fu & FU_START_BITMASK != 0 && first_slice(fu & NALU_TYPE_BITMASK, payload.get(FUA_HEADER_SIZE))
        }),
        Some(STAPA_NALU_TYPE) => matches!(aggregated(payload).next(), Some(Some(part)) if starts_frame(part)),
        Some(SPS_NALU_TYPE) => true,
        Some(kind) => first_slice(kind, payload.get(1)),
    }
}

/// Whether this payload belongs to a key frame: it has a sequence's parameters or a piece of an IDR picture.
pub fn is_key_frame(payload: &[u8]) -> bool {
    match payload.first().map(|_| kind(payload)) {
        None => false,
        Some(FUA_NALU_TYPE) => payload.get(1).is_some_and(|fu| fu & NALU_TYPE_BITMASK == IDR_SLICE),
        Some(STAPA_NALU_TYPE) => aggregated(payload).flatten().any(is_key_frame),
        Some(kind) => matches!(kind, SPS_NALU_TYPE | IDR_SLICE),
    }
}

fn kind(payload: &[u8]) -> u8 {
    payload[0] & NALU_TYPE_BITMASK
}

/// The parts of a STAP-A, none of them itself an aggregate; ends with `None` where the lengths do not add up.
fn aggregated(payload: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    let mut rest = payload.get(STAPA_HEADER_SIZE..).filter(|rest| !rest.is_empty());
    std::iter::from_fn(move || {
        let here = rest.take()?;
        let part = here.split_at_checked(STAPA_NALU_LENGTH_SIZE).and_then(|(len, after)| {
            let len = usize::from(u16::from_be_bytes([len[0], len[1]]));
            after.split_at_checked(len).filter(|(part, _)| !part.is_empty() && kind(part) < STAPA_NALU_TYPE)
        });
        let Some((part, after)) = part else {
            return Some(None);
        };
        rest = Some(after).filter(|after| !after.is_empty());
        Some(Some(part))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nal(header: u8, len: usize) -> Vec<u8> {
        let body = (0..len).map(|at| u8::try_from(at % 251).unwrap() | 0x80);
        [0, 0, 0, 1, header].into_iter().chain(body).collect()
    }

    fn key_frame() -> Bytes {
        [nal(0x67, 12), nal(0x68, 4), nal(0x65, 1_000), nal(0x65, 5_000)].concat().into()
    }

    #[test]
    fn a_picture_comes_back_byte_for_byte() {
        for mtu in [100, 1_100, 1_200, 9_000] {
            let payloads = packetise(&key_frame(), mtu);
            assert!(payloads.iter().all(|payload| payload.len() <= mtu));
            assert_eq!(assemble(&payloads).unwrap(), key_frame(), "at {mtu}");
        }
    }

    #[test]
    fn a_key_frame_is_known_by_any_of_its_packets_and_begins_once() {
        let payloads = packetise(&key_frame(), 1_200);
        assert_eq!(payloads.len(), 1 + 1 + 5);
        assert!(payloads.iter().all(|payload| is_key_frame(payload)));
        // Parameter sets begin the picture; the test's slices all claim to be the first, as real ones do not.
        assert!(starts_frame(&payloads[0]));
    }

    #[test]
    fn a_later_slice_does_not_begin_a_picture() {
        assert!(starts_frame(&[0x61, 0x9A, 1]));
        assert!(!starts_frame(&[0x61, 0x1A, 1]));
        assert!(starts_frame(&[0x7C, 0x85, 0x88]), "first fragment of the first slice");
        assert!(!starts_frame(&[0x7C, 0x05, 0x88]), "second fragment");
        assert!(!starts_frame(&[0x7C, 0x85, 0x08]), "first fragment of a later slice");
        assert!(!starts_frame(&[]) && !starts_frame(&[0x7C]) && !starts_frame(&[0x78, 0]));
        assert!(!is_key_frame(&[0x61, 0x9A, 1]) && !is_key_frame(&[]) && !is_key_frame(&[0x7C]));
    }

    #[test]
    fn whatever_is_missing_is_noticed() {
        let payloads = packetise(&key_frame(), 1_200);
        let without = |missing: usize| {
            let kept = payloads.iter().enumerate().filter(|&(at, _)| at != missing);
            assemble(&kept.map(|(_, payload)| payload.clone()).collect::<Vec<_>>())
        };
        assert_eq!(without(2), Err(AssembleError::OutOfPlace(2)), "the first fragment");
        assert_eq!(without(6), Err(AssembleError::Unfinished), "the last fragment");
        assert_eq!(assemble(&[]), Err(AssembleError::Empty));
    }

    #[test]
    fn a_lying_aggregate_is_refused() {
        for aggregate in
            [&[0x78, 0, 9, 0x67][..], &[0x78, 0, 1, 0x67, 0], &[0x78, 0, 0, 0], &[0x78, 0, 3, 0x78, 0, 0]]
        {
            let result = assemble(&[Bytes::copy_from_slice(aggregate)]);
            assert_eq!(result, Err(AssembleError::Aggregate(0)), "{aggregate:?}");
        }
    }

    #[test]
    fn kinds_not_used_in_calls_are_refused() {
        assert_eq!(
            assemble(&[Bytes::from_static(&[0x7D, 0x80, 0, 0])]),
            Err(AssembleError::UnknownKind { index: 0, kind: 29 })
        );
    }

    #[test]
    fn a_picture_without_end_is_refused() {
        let payload = Bytes::from(nal(0x65, 65_000).split_off(4));
        let payloads = vec![payload; MAX_ACCESS_UNIT_LEN / 65_000 + 1];
        assert_eq!(assemble(&payloads), Err(AssembleError::TooLong));
    }

    proptest! {
        #[test]
        fn no_payload_makes_it_panic_or_grow(payloads: Vec<Vec<u8>>, kinds: Vec<u8>) {
            let payloads: Vec<Bytes> = payloads
                .into_iter()
                .zip(kinds.into_iter().chain(std::iter::repeat(0x7C)))
                .map(|(mut payload, kind)| {
                    if let Some(first) = payload.first_mut() {
                        *first = [0x78, 0x7C, 0x65, 0x61, kind][usize::from(kind) % 5];
                    }
                    payload.into()
                })
                .collect();
            let given: usize = payloads.iter().map(|payload| payload.len() + 8).sum();
            for payload in &payloads {
                let _ = (starts_frame(payload), is_key_frame(payload));
            }
            if let Ok(unit) = assemble(&payloads) {
                prop_assert!(unit.len() <= 2 * given);
            }
        }
    }
}

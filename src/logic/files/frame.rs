//! What stands in a message of the data channel for files: a small head, and perhaps bytes of a file.
//!
//! ```text
//! kind (1) | file (4, big-endian) | at (8, big-endian) | bytes
//! ```

use bytes::Bytes;
use sightline_protocol::limits::MAX_FILE_FRAME_BYTES;

/// Kind, file and place.
const HEAD: usize = 13;
/// The most that one frame carries of a file.
pub(super) const MOST_IN_A_PIECE: usize = MAX_FILE_FRAME_BYTES - HEAD;
const PIECE: u8 = 1;
const SUM: u8 = 2;
const HAVE: u8 = 3;

/// One message of the channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// Bytes of a file, from `at` on.
    Piece { file: u32, at: u64, bytes: Bytes },
    /// The file is said: it has so many bytes, and this SHA-256.
    Sum { file: u32, size: u64, sha256: [u8; 32] },
    /// The other way: everything before `at` is there.
    Have { file: u32, at: u64 },
}

impl Frame {
    pub(super) fn encode(&self) -> Bytes {
        let (kind, file, at, rest): (u8, u32, u64, &[u8]) = match self {
            Self::Piece { file, at, bytes } => (PIECE, *file, *at, bytes),
            Self::Sum { file, size, sha256 } => (SUM, *file, *size, sha256),
            Self::Have { file, at } => (HAVE, *file, *at, &[]),
        };
        let mut frame = Vec::with_capacity(HEAD + rest.len());
        frame.push(kind);
        frame.extend(file.to_be_bytes());
        frame.extend(at.to_be_bytes());
        frame.extend(rest);
        frame.into()
    }

    /// Nothing where it is not one, or too long.
    pub(super) fn decode(frame: &Bytes) -> Option<Self> {
        if frame.len() > MAX_FILE_FRAME_BYTES {
            return None;
        }
        let (head, _) = frame.split_at_checked(HEAD)?;
        let file = u32::from_be_bytes(head.get(1..5)?.try_into().ok()?);
        let at = u64::from_be_bytes(head.get(5..13)?.try_into().ok()?);
        let rest = frame.slice(HEAD..);
        match (head[0], rest.len()) {
            (PIECE, 1..) => Some(Self::Piece { file, at, bytes: rest }),
            (SUM, _) => Some(Self::Sum { file, size: at, sha256: rest.as_ref().try_into().ok()? }),
            (HAVE, 0) => Some(Self::Have { file, at }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_frame_survives_its_journey(file: u32, at: u64, sha256: [u8; 32], bytes in prop::collection::vec(any::<u8>(), 1..64)) {
            for frame in [
                Frame::Piece { file, at, bytes: bytes.into() },
                Frame::Sum { file, size: at, sha256 },
                Frame::Have { file, at },
            ] {
                prop_assert_eq!(Frame::decode(&frame.encode()), Some(frame));
            }
        }

        #[test]
        fn rubbish_is_refused_or_means_what_it_says(rubbish in prop::collection::vec(any::<u8>(), 0..64)) {
            let rubbish = Bytes::from(rubbish);
            if let Some(frame) = Frame::decode(&rubbish) {
                prop_assert_eq!(frame.encode(), rubbish);
            }
        }
    }

    #[test]
    fn a_frame_above_the_limit_is_refused() {
        let piece = |len| Frame::Piece { file: 1, at: 0, bytes: vec![0; len].into() }.encode();
        assert!(Frame::decode(&piece(MOST_IN_A_PIECE)).is_some());
        assert_eq!(Frame::decode(&piece(MOST_IN_A_PIECE + 1)), None);
    }
}

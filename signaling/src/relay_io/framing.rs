//! Messages out of a stream of bytes (RFC 8489 section 6.2.2, RFC 8656 section 12.5). Both kinds say in their first four
//! bytes how long they are.

const STUN_HEAD: usize = 20;
const CHANNEL_HEAD: usize = 4;

/// What the first bytes of a buffer are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// A message of this length without its padding, after which the next one begins at `next`.
    Message { length: usize, next: usize },
    /// Not all of it is here yet; all of it would be this long.
    Wants(usize),
    /// Neither STUN nor ChannelData. What follows cannot be understood any more.
    Rubbish,
}

pub(super) fn cut(bytes: &[u8]) -> Cut {
    let Some(head) = bytes.first_chunk::<4>() else {
        return match bytes.first() {
            Some(first) if first >> 6 > 1 => Cut::Rubbish,
            Some(_) | None => Cut::Wants(CHANNEL_HEAD),
        };
    };
    let said = usize::from(u16::from_be_bytes([head[2], head[3]]));
    let (length, next) = match head[0] >> 6 {
        0 if said % 4 == 0 => (STUN_HEAD + said, STUN_HEAD + said),
        1 => (CHANNEL_HEAD + said, CHANNEL_HEAD + said.next_multiple_of(4)),
        _ => return Cut::Rubbish,
    };
    if bytes.len() < next { Cut::Wants(next) } else { Cut::Message { length, next } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channel_data_is_padded_and_stun_is_not() {
        assert_eq!(cut(&[0x40, 0, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0]), Cut::Message { length: 9, next: 12 });
        assert_eq!(cut(&[0x40, 0, 0, 0, 0x40]), Cut::Message { length: 4, next: 4 });
        let mut stun = vec![0, 1, 0, 4];
        stun.resize(24, 0);
        assert_eq!(cut(&stun), Cut::Message { length: 24, next: 24 });
    }

    #[test]
    fn a_part_waits_for_the_rest() {
        let message = [0x4f, 0xff, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0];
        for cut_at in 0..4 {
            assert_eq!(cut(&message[..cut_at]), Cut::Wants(4));
        }
        for cut_at in 4..12 {
            assert_eq!(cut(&message[..cut_at]), Cut::Wants(12), "the padding belongs to it");
        }
        assert_eq!(cut(&[0, 1, 0, 0, 0x21]), Cut::Wants(20));
    }

    #[test]
    fn whatever_else_begins_is_rubbish_from_its_first_byte() {
        for first in 0x80..=0xff {
            assert_eq!(cut(&[first]), Cut::Rubbish);
            assert_eq!(cut(&[first, 0, 0, 0]), Cut::Rubbish);
        }
        for length in [1, 2, 3, 5] {
            assert_eq!(cut(&[0, 1, 0, length]), Cut::Rubbish, "a STUN message is a multiple of four long");
        }
    }

    #[test]
    fn no_message_is_longer_than_its_length_can_say() {
        assert_eq!(cut(&[0, 1, 0xff, 0xfc]), Cut::Wants(20 + 65_532));
        assert_eq!(cut(&[0x40, 1, 0xff, 0xff]), Cut::Wants(4 + 65_536));
    }
}

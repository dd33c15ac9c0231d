//! What an Opus packet says of itself in its first bytes (RFC 6716, 3.1 and 4.2), without being decoded.

/// The longest a packet may last: 120 ms.
const MOST_SAMPLES: u32 = 5_760;
/// In a silence the sender says only that it goes on.
const QUIET_LEN: usize = 2;

/// What a packet says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OpusPacket {
    /// How long it lasts, at 48 kHz.
    pub(super) samples: u32,
    /// How much of what came just before it repeats.
    pub(super) copy_samples: u32,
    /// It carries no sound: the sender is silent, and may send nothing for a while.
    pub(super) quiet: bool,
}

impl OpusPacket {
    /// Reads it; `None` where this is no Opus packet.
    pub(super) fn read(payload: &[u8]) -> Option<Self> {
        let (&head, rest) = payload.split_first()?;
        let (setting, code) = (head >> 3, head & 3);
        let speech = setting < 16;
        let frame: u32 = match setting {
            0..12 => [480, 960, 1_920, 2_880][usize::from(setting & 3)],
            12..16 => [480, 960][usize::from(setting & 1)],
            _ => [120, 240, 480, 960][usize::from(setting & 3)],
        };
        let frames = match code {
            0 => 1,
            1 | 2 => 2,
            _ => u32::from(rest.first()? & 0x3f),
        };
        let samples = frame * frames;
        if !(1..=MOST_SAMPLES).contains(&samples) {
            return None;
        }
        // One bit for each 20 ms that says whether there is a voice, and then the one that says whether there is a copy.
        let pieces = (frame / 960).max(1);
        let flags = rest.first().filter(|_| speech && code == 0);
        let has_copy = flags.is_some_and(|flags| flags >> (7 - pieces) & 1 == 1);
        let copy_samples = if has_copy { samples } else { 0 };
        Some(Self { samples, copy_samples, quiet: payload.len() <= QUIET_LEN })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(payload: &[u8]) -> Option<(u32, u32)> {
        OpusPacket::read(payload).map(|packet| (packet.samples, packet.copy_samples))
    }

    #[test]
    fn the_length_is_that_of_the_standard() {
        assert_eq!(read(&[9 << 3, 0, 0]), Some((960, 0)), "speech, 20 ms");
        assert_eq!(read(&[8 << 3, 0, 0]), Some((480, 0)), "speech, 10 ms");
        assert_eq!(read(&[11 << 3, 0, 0]), Some((2_880, 0)), "speech, 60 ms");
        assert_eq!(read(&[13 << 3, 0, 0]), Some((960, 0)), "both, 20 ms");
        assert_eq!(read(&[16 << 3, 0, 0]), Some((120, 0)), "music, 2.5 ms");
        assert_eq!(read(&[31 << 3 | 1, 0, 0]), Some((1_920, 0)), "music, twice 20 ms");
        assert_eq!(read(&[31 << 3 | 3, 6, 0]), Some((5_760, 0)), "music, six times 20 ms");
    }

    #[test]
    fn a_copy_is_announced_behind_the_voices() {
        assert_eq!(read(&[9 << 3, 0b0100_0000, 0]), Some((960, 960)));
        assert_eq!(read(&[9 << 3, 0b1000_0000, 0]), Some((960, 0)), "a voice alone");
        assert_eq!(read(&[11 << 3, 0b0001_0000, 0]), Some((2_880, 2_880)));
        assert_eq!(read(&[31 << 3, 0b0100_0000, 0]), Some((960, 0)), "music has none");
    }

    #[test]
    fn what_is_no_packet_is_not_read() {
        for payload in [&[][..], &[0xff], &[0xff, 0x00], &[0xff, 0x3f, 0]] {
            assert_eq!(OpusPacket::read(payload), None, "{payload:?}");
        }
        assert!(OpusPacket::read(&[9 << 3]).is_some_and(|packet| packet.quiet));
    }
}

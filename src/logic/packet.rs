//! Our own RTP packet: what the machines here need of it, and nothing of the library it came from.

use bytes::Bytes;

/// One media packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Counts packets, and starts anew after 65 535.
    pub sequence: u16,
    /// On the codec's clock (90 kHz for pictures, 48 kHz for sound), and starts anew when it is full.
    pub timestamp: u32,
    /// The last packet of a picture.
    pub marker: bool,
    /// What it carries.
    pub payload: Bytes,
}

/// Sequence numbers that do not start anew.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwrapper {
    highest: Option<u64>,
}

impl Unwrapper {
    /// The number on an endless scale, as near as possible to the highest seen.
    pub fn unwrap(&mut self, sequence: u16) -> u64 {
        // Starts a whole turn up, so that packets from before the first one still have a number.
        let highest = self.highest.unwrap_or(u64::from(sequence) + (1 << 16));
        let step = sequence.wrapping_sub(highest as u16).cast_signed();
        let unwrapped = highest.saturating_add_signed(i64::from(step));
        self.highest = Some(highest.max(unwrapped));
        unwrapped
    }

    /// The highest number so far.
    pub fn highest(&self) -> Option<u64> {
        self.highest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_starts_anew_goes_on() {
        let mut unwrapper = Unwrapper::default();
        let first = unwrapper.unwrap(65_534);
        assert_eq!(unwrapper.unwrap(1) - first, 3);
        assert_eq!(unwrapper.unwrap(65_535) - first, 1, "late, from before the turn");
        assert_eq!(unwrapper.highest(), Some(first + 3));
    }
}

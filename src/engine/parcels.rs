//! Memory for packets of sound, without a trip to the allocator for each.
//!
//! A packet lives on after its thread is done with it, in queues and in what is kept to be sent again, so it cannot be lent.
//! It is cut from a long sheet. By the time that the last sheet is used up the first is free again.

use bytes::{Bytes, BytesMut};

/// Bytes of a sheet: some seconds of sound.
const SHEET: usize = 32 * 1024;
/// When packets of all of them are still held, memory for another is asked for.
const SHEETS: usize = 4;

/// A few sheets in turn.
#[derive(Debug)]
pub(super) struct Parcels {
    sheets: [BytesMut; SHEETS],
    at: usize,
}

impl Default for Parcels {
    fn default() -> Self {
        let sheets = std::array::from_fn(|_| {
            let mut sheet = BytesMut::with_capacity(SHEET);
            // What is cut for the first time is made fit for sharing, which takes memory too.
            drop(sheet.split());
            sheet
        });
        Self { sheets, at: 0 }
    }
}

impl Parcels {
    /// A packet with this in it.
    pub(super) fn wrap(&mut self, content: &[u8]) -> Bytes {
        if !self.sheets[self.at].try_reclaim(content.len()) {
            self.at = (self.at + 1) % SHEETS;
        }
        let sheet = &mut self.sheets[self.at];
        if !sheet.try_reclaim(content.len()) {
            *sheet = BytesMut::with_capacity(SHEET.max(content.len()));
        }
        sheet.extend_from_slice(content);
        sheet.split().freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_keep_their_content_however_long_they_are_held() {
        let mut parcels = Parcels::default();
        let contents: Vec<Vec<u8>> = (0..4_000_u32).map(|at| vec![at as u8; 1 + at as usize % 300]).collect();
        let held: Vec<Bytes> = contents.iter().map(|content| parcels.wrap(content)).collect();
        assert!(held.iter().zip(&contents).all(|(held, content)| held == content));
        assert_eq!(parcels.wrap(&[7; 2 * SHEET]), vec![7; 2 * SHEET]);
        assert_eq!(parcels.wrap(&[]), Bytes::new());
    }

    #[test]
    fn sheets_are_used_again_when_their_packets_are_gone() {
        let mut parcels = Parcels::default();
        let first = parcels.wrap(&[1; 100]).as_ptr();
        let seen = (0..SHEETS * SHEET).any(|_| parcels.wrap(&[2; 100]).as_ptr() == first);
        assert!(seen);
    }
}

//! What waits to be written to one stream. The relay thread puts in, the stream's task takes out all at once.
//!
//! Messages of a stream say themselves how long they are, so they lie here as the bytes that will be written.

use std::mem;
use std::sync::Mutex;

use tokio::sync::Notify;

use super::mailbox::{Full, lock};

/// Bytes that wait for one stream: some 300 ms of a video call, and more than any one message. What does not fit is
/// dropped and counted; media that is late is of no use anyway.
const BYTES: usize = 128 * 1024;

/// Memory that a stream keeps for the next bytes. More goes back when it has been written.
const KEPT_BYTES: usize = 16 * 1024;

#[derive(Default)]
pub(super) struct Outbox {
    waiting: Mutex<Waiting>,
    changed: Notify,
}

#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    has_allocation: bool,
    closed: bool,
}

impl Outbox {
    /// A message, in its parts. All of it or nothing.
    pub(super) fn put(&self, parts: [&[u8]; 3]) -> Result<(), Full> {
        let mut waiting = lock(&self.waiting);
        let length: usize = parts.iter().map(|part| part.len()).sum();
        if waiting.bytes.len() + length > BYTES {
            return Err(Full);
        }
        for part in parts {
            waiting.bytes.extend_from_slice(part);
        }
        drop(waiting);
        self.changed.notify_one();
        Ok(())
    }

    /// The client behind this stream was granted an allocation: it may be silent for longer.
    pub(super) fn allocated(&self) {
        lock(&self.waiting).has_allocation = true;
    }

    pub(super) fn has_allocation(&self) -> bool {
        lock(&self.waiting).has_allocation
    }

    /// What waits is still written, then the stream ends.
    pub(super) fn close(&self) {
        lock(&self.waiting).closed = true;
        self.changed.notify_one();
    }

    /// Waits for bytes and takes them, in place of what `written` held; or says that there will be no more.
    pub(super) async fn take(&self, written: &mut Vec<u8>) -> bool {
        written.clear();
        written.shrink_to(KEPT_BYTES);
        loop {
            {
                let mut waiting = lock(&self.waiting);
                if !waiting.bytes.is_empty() {
                    mem::swap(&mut waiting.bytes, written);
                    return true;
                }
                if waiting.closed {
                    return false;
                }
            }
            self.changed.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn messages_come_out_in_order_and_padded_and_then_the_end() {
        let outbox = Outbox::default();
        outbox.put([&[1, 2], &[3], &[0]]).unwrap();
        outbox.put([&[], &[4], &[]]).unwrap();
        outbox.close();
        let mut bytes = vec![9; 3];
        assert!(outbox.take(&mut bytes).await);
        assert_eq!(bytes, [1, 2, 3, 0, 4]);
        assert!(!outbox.take(&mut bytes).await);
    }

    #[test]
    fn a_full_outbox_takes_no_part_of_a_message() {
        let outbox = Outbox::default();
        let message = [7; 60_000];
        assert_eq!(outbox.put([&[], &message, &[]]), Ok(()));
        assert_eq!(outbox.put([&[], &message, &[]]), Ok(()));
        assert_eq!(outbox.put([&[1; 4], &message, &[0; 3]]), Err(Full));
        assert_eq!(lock(&outbox.waiting).bytes.len(), 120_000);
        assert_eq!(outbox.put([&[], &message[..8000], &[]]), Ok(()), "a smaller one still fits");
    }
}

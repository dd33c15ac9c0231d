//! What agrees on keys is sent again, unasked.
//!
//! The library repeats a flight of DTLS after one second, and starts that second anew with everything that comes. Where
//! the client's last flight is lost, the server repeats its own each second, shortly before the client would repeat: so
//! the client never does, and no keys are ever agreed on. One connection in eight did not come about where a tenth of all
//! packets is lost. A datagram that comes twice is dropped by its number, so each is sent again here, a few times and soon; a
//! lost one costs a tenth of a second now, and not a whole one.

use std::{future::poll_fn, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::time::sleep;
use webrtc::runtime::Transmit;

use super::{
    gate::{Gate, Outlet},
    socket::poll_send,
};

/// The pauses before each repetition.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_millis(150), Duration::from_millis(300)];

/// DTLS content types (RFC 5246, 6.2.1): a flight begins with one of these.
const CHANGE_CIPHER_SPEC: u8 = 20;
const HANDSHAKE: u8 = 22;
/// A relay's wrappings (RFC 8656).
const CHANNEL_HEADER: usize = 4;
const STUN_HEADER: usize = 20;
const SEND_INDICATION: [u8; 2] = [0x00, 0x16];
const DATA: [u8; 2] = [0x00, 0x13];

/// Sends it again in a while, if it is part of a handshake. To be called on a tokio runtime.
pub(super) fn repeat(outlet: &Arc<Outlet>, gate: &Arc<Gate>, transmit: &Transmit<'_>) {
    if transmit.segment_size.is_some() || !agrees_on_keys(transmit.contents) {
        return;
    }
    let (outlet, gate) = (Arc::clone(outlet), Arc::clone(gate));
    let contents = Bytes::copy_from_slice(transmit.contents);
    let Transmit { destination, ecn, src_ip, .. } = *transmit;
    tokio::spawn(async move {
        for pause in PAUSES {
            sleep(pause).await;
            let again = Transmit { destination, ecn, contents: &contents, segment_size: None, src_ip };
            // Whoever cannot be reached now is perhaps reached by the next.
            poll_fn(|cx| poll_send(&outlet, &gate, cx, &again)).await.ok();
        }
    });
}

/// Whether it carries a handshake, bare or wrapped for a relay.
fn agrees_on_keys(datagram: &[u8]) -> bool {
    let carried = match datagram {
        [0x40..=0x7f, ..] => datagram.get(CHANNEL_HEADER..),
        [a, b, ..] if [*a, *b] == SEND_INDICATION => datagram.get(STUN_HEADER..).and_then(data_among),
        _ => Some(datagram),
    };
    matches!(carried, Some([CHANGE_CIPHER_SPEC | HANDSHAKE, 0xfe, ..]))
}

fn data_among(mut attributes: &[u8]) -> Option<&[u8]> {
    while let [kind, what, high, low, rest @ ..] = attributes {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        if [*kind, *what] == DATA {
            return rest.get(..length);
        }
        attributes = rest.get(length.next_multiple_of(4)..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLIGHT: [u8; 5] = [HANDSHAKE, 0xfe, 0xfd, 0, 0];

    fn indication(attributes: &[(u8, &[u8])]) -> Vec<u8> {
        let mut message = vec![0; STUN_HEADER];
        message[..2].copy_from_slice(&SEND_INDICATION);
        for (kind, value) in attributes {
            message.extend([0, *kind, 0, value.len() as u8]);
            message.extend(*value);
            message.resize(message.len().next_multiple_of(4), 0);
        }
        message
    }

    #[test]
    fn a_handshake_is_seen_bare_and_in_both_wrappings_of_a_relay() {
        assert!(agrees_on_keys(&FLIGHT));
        assert!(agrees_on_keys(&[&[0x40, 1, 0, 5][..], &FLIGHT].concat()));
        assert!(agrees_on_keys(&indication(&[(0x12, &[0; 7]), (0x13, &FLIGHT)])));
    }

    #[test]
    fn media_checks_and_rubbish_are_not_taken_for_one() {
        let media = [0x80, 96, 0, 1, HANDSHAKE];
        let ciphered = [23, 0xfe, 0xfd];
        for other in [&media[..], &ciphered, &[], &[HANDSHAKE], &[0x40], &[0x40, 0, 0], &[0, 0x16, 0]] {
            assert!(!agrees_on_keys(other), "{other:?}");
        }
        let mut cut = indication(&[(0x12, &[0; 8])]);
        cut.extend([0, 0x13, 0xff, 0xff, HANDSHAKE, 0xfe]);
        assert!(!agrees_on_keys(&cut));
    }
}

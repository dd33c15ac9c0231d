//! An envelope on its way through the switchboard, without being unpacked.
//!
//! Of everything a server reads, one in a hundred messages is not a `send`. Reading each into its types would copy the
//! envelope three times, and would check that the addressee's key is a point of the curve, which takes longer than all
//! the rest and which whoever has a session here has proved already. So a plainly written `send` is read in place, and
//! becomes a `deliver` by putting other words around the same text. Whatever is not plainly written goes the long way.

use std::borrow::Cow;

use serde::Deserialize;

use crate::base64url;
use crate::call::CallId;
use crate::keys::Address;
use crate::limits::{MAX_MESSAGE_BYTES, MAX_SEALED_BYTES};
use crate::switchboard::{MessageError, ToServer, decode};

/// A `send`, read in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routed<'t> {
    /// Its number in the sender's session.
    pub id: u64,
    /// To whom: 32 bytes, which need not be anybody's address.
    pub to: [u8; 32],
    /// Part of which call.
    pub call: CallId,
    /// The envelope, in base64, which was checked.
    pub sealed: Cow<'t, str>,
    /// Everything up to this `n` has arrived at the sender.
    pub ack: Option<u64>,
}

/// Why a text is not a message, and which one it would have been.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Misread {
    /// What is wrong with it.
    pub error: MessageError,
    /// Its `id`, where that can be read. It counts as said.
    pub id: Option<u64>,
}

/// What a client said, as the server reads it.
#[derive(Debug, PartialEq, Eq)]
pub enum Said<'t> {
    /// A `send`.
    Send(Routed<'t>),
    /// Anything else that is known.
    Other(ToServer),
    /// A type from a later version, and its `id` if it has one.
    Unknown {
        /// It counts as said.
        id: Option<u64>,
    },
}

#[derive(Deserialize)]
struct Plain<'t> {
    t: &'t str,
    id: u64,
    to: &'t str,
    call: &'t str,
    sealed: &'t str,
    #[serde(default)]
    ack: Option<u64>,
}

#[derive(Deserialize)]
struct Numbered {
    #[serde(default)]
    id: Option<u64>,
}

/// Reads what a client said.
pub fn read(text: &str) -> Result<Said<'_>, Misread> {
    if text.len() > MAX_MESSAGE_BYTES {
        return Err(Misread { error: MessageError::TooLarge { bytes: text.len() }, id: None });
    }
    if let Ok(Plain { t: "send", id, to, call, sealed, ack }) = serde_json::from_str(text)
        && let (Ok(to), Ok(call)) = (base64url::decode_array(to), call.parse())
    {
        if sealed.len() > base64url::encoded_length(MAX_SEALED_BYTES) {
            let bytes = sealed.len() / 4 * 3;
            return Err(Misread { error: MessageError::EnvelopeTooLarge { bytes }, id: Some(id) });
        }
        if base64url::is_valid(sealed) {
            return Ok(Said::Send(Routed { id, to, call, sealed: Cow::Borrowed(sealed), ack }));
        }
    }
    match decode(text) {
        Ok(ToServer::Send { id, to, call, sealed, ack }) => {
            let sealed = Cow::Owned(base64url::encode(&sealed.0));
            Ok(Said::Send(Routed { id, to: *to.as_bytes(), call, sealed, ack }))
        }
        Ok(ToServer::Unknown) => Ok(Said::Unknown { id: id_of(text) }),
        Ok(message) => Ok(Said::Other(message)),
        Err(error) => Err(Misread { error, id: id_of(text) }),
    }
}

fn id_of(text: &str) -> Option<u64> {
    serde_json::from_str::<Numbered>(text).ok()?.id
}

/// The `deliver` that such a `send` becomes: exactly what [`encode`](crate::switchboard::encode) would write.
pub fn deliver(n: u64, from: &Address, call: &CallId, sealed: &str) -> String {
    // The fixed words have 52 bytes, the number at most 20, address and call 75.
    let mut text = String::with_capacity(150 + sealed.len());
    text.push_str("{\"t\":\"deliver\",\"n\":");
    text.push_str(&n.to_string());
    text.push_str(",\"from\":\"");
    base64url::encode_into(from.as_bytes(), &mut text);
    text.push_str("\",\"call\":\"");
    for byte in call.0 {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
        }
    }
    text.push_str("\",\"sealed\":\"");
    text.push_str(sealed);
    text.push_str("\"}");
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keys::Identity;
    use crate::switchboard::{Sealed, ToClient, encode};

    fn ada() -> Address {
        Identity::from_secret_bytes([1; 32]).address()
    }

    proptest! {
        #[test]
        fn a_routed_envelope_reads_as_if_it_had_been_unpacked(
            id: u64, n: u64, call: [u8; 16], bytes: Vec<u8>, ack in prop::option::of(any::<u64>()),
        ) {
            let (call, sealed) = (CallId(call), Sealed(bytes));
            let send = encode(&ToServer::Send { id, to: ada(), call, sealed: sealed.clone(), ack });
            let Ok(Said::Send(routed)) = read(&send) else { panic!("not read in place: {send}") };
            prop_assert_eq!((routed.id, routed.to, routed.call, routed.ack), (id, *ada().as_bytes(), call, ack));
            let expected = encode(&ToClient::Deliver { n, from: ada(), call, sealed });
            prop_assert_eq!(deliver(n, &ada(), &routed.call, &routed.sealed), expected);
        }
    }

    #[test]
    fn what_is_written_in_another_way_goes_the_long_way() {
        let send =
            ToServer::Send { id: 1, to: ada(), call: CallId([7; 16]), sealed: Sealed(vec![1]), ack: None };
        let odd = encode(&send).replace("\"send\"", "\"\\u0073end\"").replace("\"AQ\"", "\"\\u0041Q\"");
        let sealed = Cow::Borrowed("AQ");
        let routed = Routed { id: 1, to: *ada().as_bytes(), call: CallId([7; 16]), sealed, ack: None };
        assert_eq!(read(&odd).unwrap(), Said::Send(routed));
    }

    #[test]
    fn an_envelope_that_is_no_base64_is_not_handed_on() {
        let send =
            ToServer::Send { id: 4, to: ada(), call: CallId([7; 16]), sealed: Sealed(vec![1]), ack: None };
        for bad in ["A", "AR", "A=", "A\\\"", "Ä"] {
            let text = encode(&send).replace("\"AQ\"", &format!("\"{bad}\""));
            let misread = read(&text).unwrap_err();
            assert!(matches!(misread.error, MessageError::Malformed(_)), "{bad}: {misread}");
            assert_eq!(misread.id, Some(4), "{bad}");
        }
    }

    #[test]
    fn an_envelope_above_the_limit_is_named() {
        let sealed = Sealed(vec![0; MAX_SEALED_BYTES + 1]);
        let text = encode(&ToServer::Send { id: 4, to: ada(), call: CallId([7; 16]), sealed, ack: None });
        let misread = read(&text).unwrap_err();
        assert!(matches!(misread.error, MessageError::EnvelopeTooLarge { .. }), "{misread}");
        assert_eq!(misread.id, Some(4));
    }

    #[test]
    fn a_message_of_tomorrow_has_its_number() {
        assert_eq!(read(r#"{"t":"knock","id":3}"#).unwrap(), Said::Unknown { id: Some(3) });
        assert_eq!(read(r#"{"t":"knock"}"#).unwrap(), Said::Unknown { id: None });
    }
}

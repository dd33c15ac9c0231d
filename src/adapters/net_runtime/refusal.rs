//! Answers that no server gave: how the library is told that there is none.

use stun_types::{
    attribute::{ErrorCode, Nonce, Realm},
    message::{BINDING, Message, MessageClass, MessageWriteVec},
    prelude::*,
};

/// What a message is about, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Binding,
    Other,
}

const UNAUTHORIZED: u16 = 401;
/// Nobody reads it.
const REALM: &str = "nobody";
const NONCE: &str = "0";

/// Whether it asks for something, and is not just data on its way.
pub(super) fn is_request(bytes: &[u8]) -> bool {
    matches!(bytes, [first, second, ..] if *first < 4 && first & 0x01 == 0 && second & 0x10 == 0)
}

/// What a STUN message is about.
pub(super) fn kind(bytes: &[u8]) -> Option<Kind> {
    if bytes.first().is_none_or(|first| *first >= 4) {
        return None;
    }
    let message = Message::from_bytes(bytes).ok()?;
    Some(if message.method() == BINDING { Kind::Binding } else { Kind::Other })
}

/// A refusal of a request, or in place of an answer to it. The library takes a first refusal for the question who it is, asks
/// again with its name, and takes only what comes to that for an end.
pub(super) fn refusal(message: &[u8]) -> Option<Vec<u8>> {
    let message = Message::from_bytes(message).ok()?;
    let request = Message::builder(
        stun_types::message::MessageType::from_class_method(MessageClass::Request, message.method()),
        message.transaction_id(),
        MessageWriteVec::new(),
    )
    .finish();
    let request = Message::from_bytes(&request).ok()?;
    let mut answer = Message::builder_error(&request, MessageWriteVec::new());
    answer.add_attribute(&ErrorCode::builder(UNAUTHORIZED).build().ok()?).ok()?;
    answer.add_attribute(&Realm::new(REALM).ok()?).ok()?;
    answer.add_attribute(&Nonce::new(NONCE).ok()?).ok()?;
    Some(answer.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use stun_types::message::Method;

    #[test]
    fn a_refusal_answers_the_request_and_says_how_to_sign() {
        for method in [BINDING, Method::new(3)] {
            let request = Message::builder_request(method, MessageWriteVec::new()).finish();
            assert!(is_request(&request));
            let answer = refusal(&request).unwrap();
            let (request, answer) =
                (Message::from_bytes(&request).unwrap(), Message::from_bytes(&answer).unwrap());
            assert_eq!(answer.transaction_id(), request.transaction_id());
            assert_eq!((answer.method(), answer.class()), (method, MessageClass::Error));
            assert!(answer.attribute::<Realm>().is_ok() && answer.attribute::<Nonce>().is_ok());
            assert!(!is_request(answer.as_bytes()));
        }
        assert_eq!(refusal(b"no message"), None);
        assert!(!is_request(&[0x40, 0x00, 0, 0]) && !is_request(&[0, 0x16]) && !is_request(&[]));
    }
}

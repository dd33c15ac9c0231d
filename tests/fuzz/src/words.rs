//! Whatever a stranger says is understood or refused, and what was understood is written and understood again.

use sightline_protocol::call::Frame;
use sightline_protocol::link::{CallLink, ServerAddress};
use sightline_protocol::routed;
use sightline_protocol::switchboard::{Message, decode, encode};
use sightline_protocol::{Address, ToClient, ToServer};

/// The first byte says as what the rest is read.
pub(crate) fn run(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    match kind % 4 {
        0 => text(rest, |text| {
            message::<ToServer>(text);
            routed(text);
        }),
        1 => text(rest, message::<ToClient>),
        2 => frame(rest),
        _ => text(rest, link),
    }
}

fn text(bytes: &[u8], read: fn(&str)) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        read(text);
    }
}

fn message<T: Message + PartialEq + std::fmt::Debug>(text: &str) {
    if let Ok(message) = decode::<T>(text) {
        let written = encode(&message);
        assert_eq!(decode::<T>(&written).ok(), Some(message), "{written}");
    }
}

/// The short way to read an envelope comes to what the long way comes to, but for the addressee, whose bytes it takes as
/// they are: nobody is connected under bytes that are no key.
fn routed(text: &str) {
    let (short, long) = (routed::read(text), decode::<ToServer>(text));
    match (&short, &long) {
        (Ok(routed::Said::Send(envelope)), Ok(ToServer::Send { id, to, call, sealed, ack })) => {
            let read = (envelope.id, &envelope.to, &envelope.call, envelope.ack);
            assert_eq!(read, (*id, to.as_bytes(), call, *ack), "{text}");
            let expected = ToClient::Deliver { n: 7, from: *to, call: *call, sealed: sealed.clone() };
            assert_eq!(routed::deliver(7, to, call, &envelope.sealed), encode(&expected), "{text}");
        }
        (Ok(routed::Said::Send(envelope)), other) => {
            assert!(other.is_err() && Address::from_bytes(envelope.to).is_err(), "read as {other:?}: {text}");
        }
        (_, Ok(ToServer::Send { .. })) => panic!("not read as an envelope, but as {short:?}: {text}"),
        (_, _) => {}
    }
}

fn frame(bytes: &[u8]) {
    if let Ok(frame) = Frame::decode(bytes)
        && let Ok(written) = frame.encode()
    {
        assert_eq!(Frame::decode(&written).ok(), Some(frame));
    }
}

fn link(text: &str) {
    if let Ok(link) = text.parse::<CallLink>() {
        assert_eq!(link.to_string().parse::<CallLink>().ok(), Some(link));
    }
    if let Ok(server) = text.parse::<ServerAddress>() {
        assert_eq!(server.to_string().parse::<ServerAddress>().ok(), Some(server));
    }
}

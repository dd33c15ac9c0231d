//! Rubbish: whatever arrives, the answer is an error, in bounded time and memory.

use proptest::prelude::*;
use sightline_protocol::limits::{MAX_MESSAGE_BYTES, MAX_SEALED_BYTES};
use sightline_protocol::switchboard::{MessageError, decode, encode};
use sightline_protocol::{
    Address, CallId, CallLink, Challenge, ErrorCode, Frame, Identity, Sealed, Sealer, ServerAddress,
    Signature, ToClient, ToServer,
};

const GOLDEN: [&str; 3] = [
    include_str!("../golden/to_server.jsonl"),
    include_str!("../golden/to_client.jsonl"),
    include_str!("../golden/frames.jsonl"),
];

#[test]
fn a_message_above_the_limit_is_refused_unread() {
    let text = " ".repeat(MAX_MESSAGE_BYTES + 1);
    assert!(
        matches!(decode::<ToServer>(&text), Err(MessageError::TooLarge { bytes }) if bytes == text.len())
    );
    assert!(matches!(decode::<ToClient>(&text), Err(MessageError::TooLarge { .. })));
}

#[test]
fn an_envelope_above_the_limit_is_refused() {
    let [from, call] =
        [Identity::from_secret_bytes([1; 32]).address().to_string(), CallId([0; 16]).to_string()];
    let deliver = |bytes: usize| {
        let sealed = serde_json::to_string(&Sealed(vec![0; bytes])).unwrap();
        decode::<ToClient>(&format!(
            r#"{{"t":"deliver","n":1,"from":"{from}","call":"{call}","sealed":{sealed}}}"#
        ))
    };
    assert!(deliver(MAX_SEALED_BYTES).is_ok());
    assert!(matches!(deliver(MAX_SEALED_BYTES + 1), Err(MessageError::Malformed(_))));
}

#[test]
fn the_largest_envelope_fits_into_the_largest_message() {
    let address = Identity::from_secret_bytes([1; 32]).address();
    let sealed = Sealed(vec![0xff; MAX_SEALED_BYTES]);
    let call = CallId([0xff; 16]);
    let send = encode(&ToServer::Send {
        id: u64::MAX,
        to: address,
        call,
        sealed: sealed.clone(),
        ack: Some(u64::MAX),
    });
    let deliver = encode(&ToClient::Deliver { n: u64::MAX, from: address, call, sealed });
    assert!(send.len() <= MAX_MESSAGE_BYTES && deliver.len() <= MAX_MESSAGE_BYTES);
}

#[test]
fn a_servers_words_cannot_break_a_log_line() {
    let text = r#"{"t":"error","code":"x\ny","text":"one\ntwo\u001b[31m","fatal":true}"#;
    let expected = ToClient::Error {
        n: None,
        code: ErrorCode::Other("xy".into()),
        text: "onetwo[31m".into(),
        fatal: true,
        id: None,
    };
    assert_eq!(decode::<ToClient>(text).unwrap(), expected);
    let ready = decode::<ToClient>(r#"{"t":"ready","session":"a\r\nb"}"#).unwrap();
    assert!(matches!(ready, ToClient::Ready { session, .. } if session == "ab"));
}

#[test]
fn deep_nesting_is_refused() {
    let deep = format!(r#"{{"t":"send","x":{}"#, "[".repeat(60_000));
    assert!(decode::<ToServer>(&deep).is_err());
    assert!(Frame::decode(format!(r#"{{"a":0,"x":{}"#, "[".repeat(30_000)).as_bytes()).is_err());
}

#[test]
fn a_field_given_twice_is_refused() {
    assert!(Frame::decode(br#"{"a":0,"a":1}"#).is_err());
    assert!(decode::<ToClient>(r#"{"t":"ready","session":"a","session":"b"}"#).is_err());
}

fn read_everything(text: &str) {
    let _ = decode::<ToServer>(text);
    let _ = decode::<ToClient>(text);
    let _ = Frame::decode(text.as_bytes());
    let _ = text.parse::<CallLink>();
    let _ = text.parse::<ServerAddress>();
    let _ = text.parse::<Address>();
    let _ = text.parse::<CallId>();
}

/// A caller that waits for its answer, and a callee that waits for an invitation.
fn waiting() -> [Sealer; 2] {
    let [ada, bob] = [1, 2].map(|byte| Identity::from_secret_bytes([byte; 32]));
    let mut caller = Sealer::caller(&ada, bob.address(), CallId([0; 16]));
    caller.seal(b"invite").unwrap();
    [caller, Sealer::callee(&bob, ada.address(), CallId([0; 16]))]
}

fn established() -> [Sealer; 2] {
    let [mut caller, mut callee] = waiting();
    callee.open(caller.handshake_message().unwrap()).unwrap();
    caller.open(&callee.seal(b"reached").unwrap()).unwrap();
    [caller, callee]
}

proptest! {
    #[test]
    fn rubbish_is_read_without_panic(text: String) {
        read_everything(&text);
    }

    #[test]
    fn rubbish_behind_a_good_beginning_is_read_without_panic(
        start in prop::sample::select(vec!["https://", "http://127.0.0.1", "sightline:", "https://a/#"]),
        text in "\\PC{0,100}",
    ) {
        read_everything(&format!("{start}{text}"));
    }

    #[test]
    fn a_mangled_message_is_read_without_panic(
        line in prop::sample::select(GOLDEN.iter().flat_map(|file| file.lines()).collect::<Vec<_>>()),
        at: prop::sample::Index,
        insert in "\\PC{0,9}",
        cut in 0_usize..9,
    ) {
        let at = at.index(line.len());
        let end = (at + cut).min(line.len());
        if let (Some(head), Some(tail)) = (line.get(..at), line.get(end..)) {
            read_everything(&format!("{head}{insert}{tail}"));
        }
    }

    #[test]
    fn rubbish_never_opens(
        head in prop::option::of((1_u8..=1, 1_u8..=3)),
        body in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let mut rubbish: Vec<u8> = head.map(|(version, kind)| vec![version, kind]).unwrap_or_default();
        rubbish.extend(body);
        for mut sealer in waiting().into_iter().chain(established()) {
            prop_assert!(sealer.open(&rubbish).is_err());
        }
    }

    #[test]
    fn only_the_canonical_spelling_of_bytes_is_read(
        text in "[A-Za-z0-9_-]{43}|[A-Za-z0-9_-]{86}|[A-Za-z0-9_+=-]{0,99}",
    ) {
        let json = format!("\"{text}\"");
        prop_assert_eq!(serde_json::from_str::<Challenge>(&json).is_ok(), is_canonical(&text, 43, 2));
        prop_assert_eq!(serde_json::from_str::<Signature>(&json).is_ok(), is_canonical(&text, 86, 4));
    }
}

/// Of this length, of the URL alphabet, and without stray bits at the end.
fn is_canonical(text: &str, length: usize, stray_bits: u32) -> bool {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let values: Option<Vec<usize>> = text.chars().map(|c| ALPHABET.find(c)).collect();
    text.len() == length && values.is_some_and(|values| values[length - 1].trailing_zeros() >= stray_bits)
}

//! Every message as it is written, byte by byte.
//!
//! `tests/golden/*.jsonl` holds one message a line. What stands there was sent by released programs, so a
//! line may be added but not changed; and the specification shows every one of them.

use std::collections::BTreeSet;

use sightline_protocol::switchboard::{decode, encode};
use sightline_protocol::{
    Address, CallId, CallMessage, Candidate, Challenge, DescriptionKind, ErrorCode, FileEnd, FileStep, Frame,
    HangupReason, Identity, Limits, Media, Password, RefusalReason, Resume, Sealed, Signature, ToClient,
    ToServer, Token,
};

const TO_SERVER: &str = include_str!("../golden/to_server.jsonl");
const TO_CLIENT: &str = include_str!("../golden/to_client.jsonl");
const FRAMES: &str = include_str!("../golden/frames.jsonl");
const SPECIFICATION: &str = include_str!("../../README.md");

fn ada() -> Address {
    Identity::from_secret_bytes([1; 32]).address()
}

fn bob() -> Address {
    Identity::from_secret_bytes([2; 32]).address()
}

fn call() -> CallId {
    CallId([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])
}

fn to_server() -> Vec<ToServer> {
    let resume = Resume { session: "k3x9".into(), token: Token([8; 32]), received: 41 };
    let hello = |resume, hidden| {
        let signature = Signature([7; 64]);
        ToServer::Hello { version: 1, address: ada(), signature, resume, hidden }
    };
    let sealed = Sealed(b"sealed".to_vec());
    vec![
        hello(None, false),
        hello(Some(resume), false),
        hello(None, true),
        ToServer::Send { id: 1, to: bob(), call: call(), sealed: sealed.clone(), ack: None },
        ToServer::Send { id: 2, to: bob(), call: call(), sealed, ack: Some(41) },
        ToServer::Ack { n: 57 },
        ToServer::Ask { id: 3, to: bob() },
        ToServer::Relay { id: 4, call: call(), with: bob() },
        ToServer::Over { id: 5, call: call(), with: bob() },
        ToServer::Bye,
    ]
}

fn to_client() -> Vec<ToClient> {
    let smaller = Limits { max_message_bytes: 50_000, max_sealed_bytes: 30_000 };
    let fatal =
        |code, text: &str| ToClient::Error { n: None, code, text: text.into(), fatal: true, id: None };
    let refused = |n, code, text: &str, id| ToClient::Error {
        n: Some(n),
        code,
        text: text.into(),
        fatal: false,
        id: Some(id),
    };
    let ready = |resumed, received, stun| ToClient::Ready {
        session: "k3x9".into(),
        token: Some(Token([8; 32])),
        resumed,
        received,
        resume_within: 30,
        stun,
    };
    vec![
        ToClient::Welcome { version: 1, challenge: Challenge([9; 32]), limits: smaller },
        ready(false, 0, vec!["stun:calls.example:3478".into()]),
        ready(true, 2, Vec::new()),
        ToClient::Ack { id: 16 },
        ToClient::Deliver { n: 1, from: ada(), call: call(), sealed: Sealed(b"sealed".to_vec()) },
        ToClient::Offline { n: 2, id: 1, to: bob(), call: call() },
        ToClient::Presence { n: 3, id: 3, to: bob(), connected: true },
        ToClient::Relay {
            n: 4,
            id: 4,
            call: call(),
            urls: vec![
                "turn:calls.example:3478?transport=udp".into(),
                "turns:calls.example:443?transport=tcp".into(),
            ],
            username: "1800000000:00000000000000ab-a".into(),
            password: Password("c2VjcmV0".into()),
            ttl: 600,
        },
        ToClient::Replaced,
        ToClient::Drain { come_back_in_ms: 2750 },
        refused(5, ErrorCode::RateLimited, "Too many messages; wait a second.", 6),
        refused(6, ErrorCode::PeerSlow, "The other side reads too slowly.", 7),
        refused(7, ErrorCode::ProtoTooLarge, "An envelope has at most 32768 bytes.", 8),
        refused(8, ErrorCode::CallUnknown, "No such call of these two is known.", 9),
        refused(9, ErrorCode::RelayNone, "This server has no relay.", 10),
        ToClient::Error {
            n: None,
            code: ErrorCode::ProtoMalformed,
            text: "This is not a message.".into(),
            fatal: false,
            id: None,
        },
        fatal(ErrorCode::ProtoVersion, "This server speaks version 3."),
        fatal(ErrorCode::ProtoMalformed, "This is not a message."),
        fatal(ErrorCode::ProtoTooLarge, "A message has at most 65536 bytes."),
        fatal(ErrorCode::ProtoUnexpected, "Message 7 came, but 6 was due."),
        fatal(ErrorCode::RateLimited, "Far too many messages."),
        fatal(ErrorCode::AuthFailed, "The signature does not prove this address."),
        fatal(ErrorCode::AuthTimeout, "No hello came within 10 seconds."),
        fatal(ErrorCode::ServerOverload, "This server is full; try again later."),
        fatal(ErrorCode::ServerClosing, "This server is being stopped."),
        fatal(ErrorCode::ServerInternal, "This server failed."),
    ]
}

fn frames() -> Vec<Frame> {
    let part = |number, message| Frame { ack: 3, part: Some((number, message)) };
    let file = |step| part(12, CallMessage::File { file: 1, step });
    let media = Media { audio: true, video: true };
    let invite = |name: Option<&str>, token: Option<&str>| CallMessage::Invite {
        version: 1,
        name: name.map(Into::into),
        media,
        token: token.map(|token| token.parse().unwrap()),
    };
    let description = |kind, sdp: &str| CallMessage::Description {
        kind,
        generation: 1,
        sdp: sdp.to_owned(),
        direct: false,
    };
    let only_direct = CallMessage::Description {
        kind: DescriptionKind::Offer,
        generation: 3,
        sdp: "v=0\r\n".to_owned(),
        direct: true,
    };
    let line = "candidate:1 1 udp 2130706431 192.0.2.7 50000 typ host";
    vec![
        Frame { ack: 0, part: Some((1, invite(Some("Ada"), Some("tea-time_5")))) },
        Frame { ack: 0, part: Some((1, invite(None, None))) },
        Frame { ack: 1, part: Some((1, CallMessage::Reached)) },
        Frame { ack: 1, part: None },
        part(2, CallMessage::Ringing),
        part(3, CallMessage::Accept { media: Media { audio: true, video: false }, name: Some("Bob".into()) }),
        part(3, CallMessage::Accept { media, name: None }),
        part(3, CallMessage::Decline),
        part(2, CallMessage::Busy),
        part(1, CallMessage::Refused { why: RefusalReason::LinkUnknown }),
        part(1, CallMessage::Refused { why: RefusalReason::LinkExpired }),
        part(1, CallMessage::Refused { why: RefusalReason::Version }),
        part(2, CallMessage::Cancel),
        part(9, CallMessage::Hangup { reason: HangupReason::Normal }),
        part(9, CallMessage::Hangup { reason: HangupReason::Replaced }),
        part(9, CallMessage::Hangup { reason: HangupReason::Failed }),
        part(9, CallMessage::Hangup { reason: HangupReason::Shutdown }),
        part(4, description(DescriptionKind::Offer, "v=0\r\n")),
        part(5, description(DescriptionKind::Answer, "v=0\r\n")),
        part(6, description(DescriptionKind::Rollback, "")),
        part(6, only_direct),
        part(
            7,
            CallMessage::Candidates {
                generation: 1,
                candidates: vec![
                    Candidate {
                        line: line.into(),
                        mid: Some("0".into()),
                        mline: Some(0),
                        ufrag: Some("EsAw".into()),
                    },
                    Candidate { line: line.into(), mid: None, mline: None, ufrag: None },
                ],
                end: false,
            },
        ),
        part(8, CallMessage::Candidates { generation: 1, candidates: Vec::new(), end: true }),
        part(9, CallMessage::Status { muted: true, camera_off: false, sharing: true }),
        part(10, CallMessage::Drawn { width: 640, height: 360 }),
        part(11, CallMessage::Chat { text: "Here it is:\nhttps://calls.example/a?b=\"c\"".into() }),
        file(FileStep::Offer { name: "the plan (2).pdf".into(), size: 3_000_000 }),
        file(FileStep::Take { from: 0 }),
        file(FileStep::Take { from: 1_048_576 }),
        file(FileStep::Hold { held: true }),
        file(FileStep::End { why: FileEnd::Done }),
        file(FileStep::End { why: FileEnd::Declined }),
        file(FileStep::End { why: FileEnd::Cancelled }),
        file(FileStep::End { why: FileEnd::Failed }),
        file(FileStep::End { why: FileEnd::Mismatch }),
        file(FileStep::End { why: FileEnd::TooLarge }),
        file(FileStep::End { why: FileEnd::TooMany }),
        Frame { ack: 0, part: Some((1, CallMessage::Examine)) },
        Frame { ack: 1, part: Some((1, CallMessage::Examined { report: "as the programs see it".into() })) },
    ]
}

fn frame_text(frame: &Frame) -> String {
    String::from_utf8(frame.encode().unwrap()).unwrap().trim_end().to_owned()
}

fn assert_golden(written: Vec<String>, golden: &str) {
    let written = written.join("\n");
    assert_eq!(written.trim_end(), golden.trim_end(), "as written now:\n{written}\n");
}

#[test]
fn messages_to_the_server_are_written_as_ever() {
    assert_golden(to_server().iter().map(encode).collect(), TO_SERVER);
    for (line, message) in TO_SERVER.lines().zip(to_server()) {
        assert_eq!(decode::<ToServer>(line).unwrap(), message);
    }
}

#[test]
fn messages_to_the_client_are_written_as_ever() {
    assert_golden(to_client().iter().map(encode).collect(), TO_CLIENT);
    for (line, message) in TO_CLIENT.lines().zip(to_client()) {
        assert_eq!(decode::<ToClient>(line).unwrap(), message);
    }
}

#[test]
fn frames_and_call_messages_are_written_as_ever() {
    assert_golden(frames().iter().map(frame_text).collect(), FRAMES);
    for (line, frame) in FRAMES.lines().zip(frames()) {
        assert_eq!(Frame::decode(line.as_bytes()), Ok(frame));
    }
}

#[test]
fn the_specification_shows_every_message() {
    for line in TO_SERVER.lines().chain(TO_CLIENT.lines()).chain(FRAMES.lines()) {
        assert!(SPECIFICATION.lines().any(|shown| shown == line), "README.md does not show {line}");
    }
}

#[test]
fn the_specification_states_every_limit() {
    use sightline_protocol::limits::*;
    for row in [
        format!("| switchboard message | {} bytes |", thousands(MAX_MESSAGE_BYTES)),
        format!("| envelope (before base64) | {} bytes |", thousands(MAX_SEALED_BYTES)),
        format!("| frame, padded | {} bytes |", thousands(MAX_PLAIN_BYTES)),
        format!("| `sdp` | {} bytes |", thousands(MAX_SDP_BYTES)),
        format!("| `report` | {} bytes |", thousands(MAX_REPORT_BYTES)),
        format!(
            "| candidates in a message | {MAX_CANDIDATES_PER_MESSAGE}, each `line` {MAX_CANDIDATE_BYTES} bytes,"
        ),
        format!("`mid` and `ufrag` {MAX_TAG_BYTES} bytes |"),
        format!("| `name` | {MAX_NAME_CHARS} characters |"),
        format!("| `name` of a file | {MAX_FILE_NAME_BYTES} bytes |"),
        format!("| a file | {} GiB |", MAX_FILE_BYTES >> 30),
        format!("| message of `sightline-files` | {} bytes |", thousands(MAX_FILE_FRAME_BYTES)),
        format!("| `text` of `chat` | {} characters |", thousands(MAX_CHAT_CHARS)),
        format!("at most {MAX_BREAKS_IN_A_ROW} in a row"),
        format!("| unknown word (`code`, `why`, `reason`), `session` | {MAX_WORD_CHARS} characters |"),
        format!("| `text` of an error | {MAX_ERROR_TEXT_CHARS} characters |"),
        format!("| link | {MAX_LINK_BYTES} bytes; host {MAX_HOST_BYTES}; token {MAX_TOKEN_CHARS} |"),
        format!("| unacknowledged messages under way | {MAX_UNACKNOWLEDGED_FRAMES} "),
        format!("| frames held out of order | {MAX_HELD_FRAMES} |"),
        format!("| replay window | {REPLAY_WINDOW} nonces |"),
        format!("| time for a hello | {} s |", HELLO_TIMEOUT.as_secs()),
        format!(
            "| messages a client has unacknowledged | {MAX_UNACKNOWLEDGED_MESSAGES}, together {} KiB |",
            MAX_UNACKNOWLEDGED_BYTES / 1024
        ),
        format!("after {ACKNOWLEDGE_AFTER_MESSAGES} of them, or {} s after", ACKNOWLEDGE_AFTER.as_secs()),
        format!("The caller rings for {} s,", RING_TIMEOUT.as_secs()),
        format!("connecting may take {} s.", CONNECT_TIMEOUT.as_secs()),
        format!("of {PADDING_BYTES} bytes, so that sizes"),
    ] {
        assert!(SPECIFICATION.contains(&row), "README.md does not say {row}");
    }
    assert_eq!(MAX_SESSION_CHARS, MAX_WORD_CHARS, "they share a row");
}

fn thousands(number: usize) -> String {
    format!("{} {:03}", number / 1000, number % 1000)
}

/// A new variant fails to compile here until somebody has thought about its golden line.
#[test]
fn no_message_is_missing_among_the_golden_ones() {
    let to_server: BTreeSet<u8> = to_server()
        .iter()
        .map(|message| match message {
            ToServer::Hello { .. } => 0,
            ToServer::Send { .. } => 1,
            ToServer::Ack { .. } => 2,
            ToServer::Ask { .. } => 3,
            ToServer::Relay { .. } => 4,
            ToServer::Over { .. } => 5,
            ToServer::Bye => 6,
            ToServer::Unknown => 7,
        })
        .collect();
    assert!(to_server.into_iter().eq(0..7));

    let to_client: BTreeSet<u8> = to_client()
        .iter()
        .map(|message| match message {
            ToClient::Welcome { .. } => 0,
            ToClient::Ready { .. } => 1,
            ToClient::Deliver { .. } => 2,
            ToClient::Offline { .. } => 3,
            ToClient::Replaced => 4,
            ToClient::Error { .. } => 5,
            ToClient::Ack { .. } => 6,
            ToClient::Presence { .. } => 7,
            ToClient::Relay { .. } => 8,
            ToClient::Drain { .. } => 9,
            ToClient::Unknown => 10,
        })
        .collect();
    assert!(to_client.into_iter().eq(0..10));

    let call: BTreeSet<u8> = frames()
        .iter()
        .filter_map(|frame| frame.part.as_ref())
        .map(|(_, message)| match message {
            CallMessage::Invite { .. } => 0,
            CallMessage::Reached => 1,
            CallMessage::Ringing => 2,
            CallMessage::Accept { .. } => 3,
            CallMessage::Decline => 4,
            CallMessage::Busy => 5,
            CallMessage::Refused { .. } => 6,
            CallMessage::Cancel => 7,
            CallMessage::Hangup { .. } => 8,
            CallMessage::Description { .. } => 9,
            CallMessage::Candidates { .. } => 10,
            CallMessage::Status { .. } => 11,
            CallMessage::Drawn { .. } => 12,
            CallMessage::Examine => 13,
            CallMessage::Examined { .. } => 14,
            CallMessage::Chat { .. } => 15,
            CallMessage::File { .. } => 16,
            CallMessage::Unknown => 17,
        })
        .collect();
    assert!(call.into_iter().eq(0..17));
}

/// The type on the wire is what a log says.
#[test]
fn a_kind_is_the_type_on_the_wire() {
    for (line, frame) in FRAMES.lines().zip(frames()) {
        if let Some((_, message)) = frame.part {
            assert!(line.contains(&format!("\"m\":{{\"t\":\"{}\"", message.kind())), "{line}");
        }
    }
}

/// No byte is decoration: with any one of them changed the message is another one, or none.
#[test]
fn a_changed_byte_is_noticed() {
    fn changes(line: &str) -> impl Iterator<Item = String> {
        (0..line.len()).flat_map(move |at| {
            [b'#', b'Q', b'7', b'"', b'}'].into_iter().filter_map(move |byte| {
                let mut changed = line.as_bytes().to_vec();
                let differs = std::mem::replace(&mut changed[at], byte) != byte;
                differs.then(|| String::from_utf8(changed).unwrap())
            })
        })
    }
    for (line, message) in TO_SERVER.lines().zip(to_server()) {
        for changed in changes(line) {
            assert!(decode::<ToServer>(&changed).ok().as_ref() != Some(&message), "{changed}");
        }
    }
    for (line, message) in TO_CLIENT.lines().zip(to_client()) {
        for changed in changes(line) {
            assert!(decode::<ToClient>(&changed).ok().as_ref() != Some(&message), "{changed}");
        }
    }
    for (line, frame) in FRAMES.lines().zip(frames()) {
        for changed in changes(line) {
            assert!(Frame::decode(changed.as_bytes()).as_ref() != Ok(&frame), "{changed}");
        }
    }
}

/// Every object gets a field that this version does not know, in front and behind.
#[test]
fn unknown_fields_are_ignored() {
    let grown = |line: &str| {
        line.replace("{\"", "{\"new\":[{\"deep\":null}],\"")
            .replace('}', ",\"later\":1}")
            // Empty objects there are none; the added ones must not grow in turn.
            .replace("{\"deep\":null,\"later\":1}", "{\"deep\":null}")
    };
    for (line, message) in TO_SERVER.lines().zip(to_server()) {
        assert_eq!(decode::<ToServer>(&grown(line)).unwrap(), message, "{line}");
    }
    for (line, message) in TO_CLIENT.lines().zip(to_client()) {
        assert_eq!(decode::<ToClient>(&grown(line)).unwrap(), message, "{line}");
    }
    for (line, frame) in FRAMES.lines().zip(frames()) {
        assert_eq!(Frame::decode(grown(line).as_bytes()), Ok(frame), "{line}");
    }
}

#[test]
fn unknown_types_and_words_are_kept_apart_from_malformed_ones() {
    assert_eq!(decode::<ToServer>(r#"{"t":"knock","id":3}"#).unwrap(), ToServer::Unknown);
    assert_eq!(decode::<ToClient>(r#"{"t":"knock","n":3}"#).unwrap(), ToClient::Unknown);
    assert_eq!(
        Frame::decode(br#"{"a":0,"s":2,"m":{"t":"hum","tune":"hi"}}"#),
        Ok(Frame { ack: 0, part: Some((2, CallMessage::Unknown)) })
    );
    let busy = decode::<ToClient>(r#"{"t":"error","code":"relay.busy","text":"","fatal":false}"#).unwrap();
    let code = ErrorCode::Other("relay.busy".into());
    assert_eq!(busy, ToClient::Error { n: None, code, text: String::new(), fatal: false, id: None });
    let why = RefusalReason::Other("asleep".into());
    assert_eq!(
        Frame::decode(br#"{"a":0,"s":2,"m":{"t":"refused","why":"asleep"}}"#),
        Ok(Frame { ack: 0, part: Some((2, CallMessage::Refused { why })) })
    );
    for malformed in ["", "null", "[]", "{}", r#"{"t":7}"#, r#"{"t":"send","id":1}"#, r#"{"t":"hello"}"#] {
        assert!(decode::<ToServer>(malformed).is_err(), "{malformed}");
    }
}

#[test]
fn a_ready_with_a_name_alone_is_one_of_a_new_session_that_cannot_be_resumed() {
    let ready = ToClient::Ready {
        session: "k3x9".into(),
        token: None,
        resumed: false,
        received: 0,
        resume_within: 0,
        stun: Vec::new(),
    };
    assert_eq!(decode::<ToClient>(r#"{"t":"ready","session":"k3x9"}"#).unwrap(), ready);
}

#[test]
fn a_welcome_without_limits_means_the_usual_ones() {
    let challenge = serde_json::to_string(&Challenge([9; 32])).unwrap();
    for limits in ["", r#","limits":{}"#] {
        let text = format!(r#"{{"t":"welcome","version":1,"challenge":{challenge}{limits}}}"#);
        let welcome =
            ToClient::Welcome { version: 1, challenge: Challenge([9; 32]), limits: Limits::default() };
        assert_eq!(decode::<ToClient>(&text).unwrap(), welcome);
    }
}

//! Call messages and frames: bounded, cleaned, padded, and the same after a journey.

use proptest::prelude::*;
use sightline_protocol::call::{FrameError, chat_text, display_name};
use sightline_protocol::limits::{
    MAX_CANDIDATE_BYTES, MAX_CANDIDATES_PER_MESSAGE, MAX_CHAT_CHARS, MAX_NAME_CHARS, MAX_PLAIN_BYTES,
    MAX_SDP_BYTES, MAX_TAG_BYTES, MAX_WORD_CHARS, PADDING_BYTES,
};
use sightline_protocol::{
    CallId, CallMessage, Candidate, DescriptionKind, FileEnd, FileStep, Frame, HangupReason, Media,
    PROTOCOL_VERSION, RefusalReason, is_compatible,
};

fn frame(message: CallMessage) -> Frame {
    Frame { ack: 0, part: Some((1, message)) }
}

/// What somebody writes who keeps to no limit.
fn unchecked(message: &CallMessage) -> Vec<u8> {
    format!(r#"{{"a":0,"s":1,"m":{}}}"#, serde_json::to_string(message).unwrap()).into_bytes()
}

fn description(bytes: usize) -> CallMessage {
    CallMessage::Description {
        kind: DescriptionKind::Offer,
        generation: 0,
        sdp: "v".repeat(bytes),
        direct: false,
    }
}

fn candidates(count: usize, line_bytes: usize, tag_bytes: usize) -> CallMessage {
    let candidate = Candidate {
        line: "c".repeat(line_bytes),
        mid: Some("m".repeat(tag_bytes)),
        mline: Some(0),
        ufrag: Some("u".repeat(tag_bytes)),
    };
    CallMessage::Candidates { generation: 0, candidates: vec![candidate; count], end: false }
}

#[test]
fn what_exceeds_a_limit_is_neither_written_nor_read() {
    let cases = [
        (description(MAX_SDP_BYTES + 1), FrameError::Description { bytes: MAX_SDP_BYTES + 1 }),
        (
            candidates(MAX_CANDIDATES_PER_MESSAGE + 1, 9, 1),
            FrameError::Candidates { count: MAX_CANDIDATES_PER_MESSAGE + 1 },
        ),
        (candidates(1, MAX_CANDIDATE_BYTES + 1, 1), FrameError::Candidate),
        (candidates(1, 9, MAX_TAG_BYTES + 1), FrameError::Candidate),
    ];
    for (message, error) in cases {
        let foreign = unchecked(&message);
        assert_eq!(frame(message).encode(), Err(error.clone()));
        assert_eq!(Frame::decode(&foreign), Err(error));
    }
}

#[test]
fn what_is_at_its_limit_passes() {
    for message in [
        description(MAX_SDP_BYTES),
        candidates(MAX_CANDIDATES_PER_MESSAGE, MAX_CANDIDATE_BYTES, 9),
        candidates(1, MAX_CANDIDATE_BYTES, MAX_TAG_BYTES),
    ] {
        let sent = frame(message);
        assert_eq!(Frame::decode(&sent.encode().unwrap()), Ok(sent));
    }
}

#[test]
fn a_frame_that_grows_too_large_by_escaping_is_refused() {
    let quotes = "\"".repeat(MAX_SDP_BYTES);
    let message =
        CallMessage::Description { kind: DescriptionKind::Offer, generation: 0, sdp: quotes, direct: false };
    assert!(matches!(frame(message).encode(), Err(FrameError::TooLarge { .. })));
    assert!(matches!(Frame::decode(&vec![b' '; MAX_PLAIN_BYTES + 1]), Err(FrameError::TooLarge { .. })));
}

#[test]
fn a_message_and_its_number_come_together() {
    for (text, error) in [
        (r#"{"a":0,"s":1}"#, FrameError::Unnumbered),
        (r#"{"a":0,"m":{"t":"busy"}}"#, FrameError::Unnumbered),
        (r#"{"a":0,"s":0,"m":{"t":"busy"}}"#, FrameError::Unnumbered),
        (r#"{"s":1,"m":{"t":"busy"}}"#, FrameError::Shape),
        (r#"{"a":-1}"#, FrameError::Shape),
        (r#"{"a":4294967296}"#, FrameError::Shape),
        (r#"{"a":0,"s":1,"m":{"t":"hangup"}}"#, FrameError::Shape),
        (r#"{"a":0,"s":1,"m":{"t":"busy"}"#, FrameError::NotJson),
        (r#"{"a":0}{"a":0}"#, FrameError::NotJson),
        ("", FrameError::NotJson),
    ] {
        assert_eq!(Frame::decode(text.as_bytes()), Err(error), "{text}");
    }
    let unnumbered = Frame { ack: 0, part: Some((0, CallMessage::Busy)) };
    assert_eq!(unnumbered.encode(), Err(FrameError::Unnumbered));
}

#[test]
fn an_error_does_not_quote_what_was_sealed() {
    let text = br#"{"a":0,"s":1,"m":{"t":"status","muted":"a-secret"}}"#;
    let error = Frame::decode(text).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("a-secret"));
}

#[test]
fn a_frame_is_padded_and_padding_is_not_required() {
    let sent = frame(CallMessage::Busy);
    let padded = sent.encode().unwrap();
    assert_eq!(padded.len(), PADDING_BYTES);
    assert_eq!(Frame::decode(padded.trim_ascii_end()), Ok(sent));
}

#[test]
fn a_name_is_cleaned_whoever_sent_it() {
    let invite = |name: &str| CallMessage::Invite {
        version: PROTOCOL_VERSION,
        name: Some(name.to_owned()),
        media: Media { audio: true, video: true },
        token: None,
    };
    let read = |bytes: &[u8]| match Frame::decode(bytes).unwrap().part {
        Some((1, CallMessage::Invite { name, .. } | CallMessage::Accept { name, .. })) => name,
        other => panic!("no name in {other:?}"),
    };
    let spoofed =
        r#"{"a":0,"s":1,"m":{"t":"accept","media":{"audio":true,"video":true},"name":"A\u0000d\u202ea\n"}}"#;
    assert_eq!(read(spoofed.as_bytes()).as_deref(), Some("Ada"));
    assert_eq!(read(&frame(invite(" A\u{202E}da\u{7}")).encode().unwrap()).as_deref(), Some("Ada"));
    assert_eq!(read(&frame(invite("\u{200B} \n")).encode().unwrap()), None);
    let long = read(&unchecked(&invite(&"é".repeat(1000)))).unwrap();
    assert_eq!(long.chars().count(), MAX_NAME_CHARS);
}

#[test]
fn a_call_id_is_32_lower_case_digits_and_ordered_by_bytes() {
    let id = CallId([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255]);
    assert_eq!(id.to_string(), "000102030405060708090a0b0c0d0eff");
    for wrong in ["", "00", "000102030405060708090a0b0c0d0eFF", "000102030405060708090a0b0c0d0e f", "é"] {
        assert!(wrong.parse::<CallId>().is_err(), "{wrong}");
    }
    assert!(CallId([0; 16]) < id);
    let mut high = [0; 16];
    high[0] = 1;
    assert!(id < CallId(high));
    assert_ne!(CallId::random().unwrap(), CallId::random().unwrap());
}

#[test]
fn one_version_either_way_is_understood() {
    assert!(is_compatible(PROTOCOL_VERSION));
    assert!(is_compatible(PROTOCOL_VERSION + 1));
    assert!(!is_compatible(PROTOCOL_VERSION + 2));
    assert!(!is_compatible(0));
    assert!(!is_compatible(u16::MAX));
}

#[test]
fn an_unknown_word_is_cut() {
    let text = format!(r#"{{"a":0,"s":1,"m":{{"t":"hangup","reason":"{}"}}}}"#, "w".repeat(9000));
    let reason = HangupReason::Other("w".repeat(MAX_WORD_CHARS));
    assert_eq!(Frame::decode(text.as_bytes()), Ok(frame(CallMessage::Hangup { reason })));
}

fn names() -> impl Strategy<Value = Option<String>> {
    prop::option::of(any::<String>()).prop_map(|name| name.as_deref().and_then(display_name))
}

fn media() -> impl Strategy<Value = Media> {
    any::<(bool, bool)>().prop_map(|(audio, video)| Media { audio, video })
}

fn any_candidate() -> impl Strategy<Value = Candidate> {
    (
        "\\PC{0,90}",
        prop::option::of("\\PC{0,16}"),
        any::<Option<u16>>(),
        prop::option::of("[a-zA-Z0-9+/]{4,32}"),
    )
        .prop_map(|(line, mid, mline, ufrag)| Candidate { line, mid, mline, ufrag })
}

fn messages() -> impl Strategy<Value = CallMessage> {
    let kinds = prop_oneof![
        Just(DescriptionKind::Offer),
        Just(DescriptionKind::Answer),
        Just(DescriptionKind::Rollback)
    ];
    prop_oneof![
        (any::<u16>(), names(), media(), prop::option::of("[A-Za-z0-9_-]{1,64}")).prop_map(
            |(version, name, media, token)| CallMessage::Invite {
                version,
                name,
                media,
                token: token.map(|token| token.parse().unwrap()),
            }
        ),
        Just(CallMessage::Reached),
        Just(CallMessage::Ringing),
        (media(), names()).prop_map(|(media, name)| CallMessage::Accept { media, name }),
        Just(CallMessage::Decline),
        Just(CallMessage::Busy),
        prop_oneof![
            Just(RefusalReason::LinkUnknown),
            Just(RefusalReason::Version),
            "z[a-z_]{0,60}".prop_map(RefusalReason::Other)
        ]
        .prop_map(|why| CallMessage::Refused { why }),
        Just(CallMessage::Cancel),
        prop_oneof![
            Just(HangupReason::Normal),
            Just(HangupReason::Failed),
            "z[a-z_]{0,60}".prop_map(HangupReason::Other)
        ]
        .prop_map(|reason| CallMessage::Hangup { reason }),
        (kinds, any::<u32>(), any::<String>(), any::<bool>()).prop_map(|(kind, generation, sdp, direct)| {
            CallMessage::Description { kind, generation, sdp, direct }
        }),
        (any::<u32>(), prop::collection::vec(any_candidate(), 0..=MAX_CANDIDATES_PER_MESSAGE), any::<bool>())
            .prop_map(|(generation, candidates, end)| CallMessage::Candidates {
                generation,
                candidates,
                end
            }),
        any::<(bool, bool, bool)>().prop_map(|(muted, camera_off, sharing)| CallMessage::Status {
            muted,
            camera_off,
            sharing
        }),
        any::<(u16, u16)>().prop_map(|(width, height)| CallMessage::Drawn { width, height }),
        (any::<u32>(), file_steps()).prop_map(|(file, step)| CallMessage::File { file, step }),
        any::<String>().prop_map(|text| CallMessage::Chat { text: chat_text(&text) }),
        Just(CallMessage::Examine),
        any::<String>().prop_map(|report| CallMessage::Examined { report }),
    ]
}

fn file_steps() -> impl Strategy<Value = FileStep> {
    prop_oneof![
        ("\\PC{0,63}", any::<u64>()).prop_map(|(name, size)| FileStep::Offer { name, size }),
        any::<u64>().prop_map(|from| FileStep::Take { from }),
        any::<bool>().prop_map(|held| FileStep::Hold { held }),
        "z[a-z_]{0,60}".prop_map(|why| FileStep::End { why: FileEnd::Other(why) }),
    ]
}

#[test]
fn a_step_that_is_not_known_is_no_fault() {
    let frame =
        Frame::decode(br#"{"a":0,"s":1,"m":{"t":"file","file":3,"step":"paint","colour":1}}"#).unwrap();
    assert_eq!(frame.part, Some((1, CallMessage::File { file: 3, step: FileStep::Unknown })));
}

#[test]
fn the_long_name_of_a_file_is_refused() {
    let offer = |len| {
        frame(CallMessage::File { file: 1, step: FileStep::Offer { name: "n".repeat(len), size: 1 } })
            .encode()
    };
    assert!(offer(255).is_ok());
    assert_eq!(offer(256), Err(FrameError::FileName { bytes: 256 }));
}

proptest! {
    #[test]
    fn a_frame_survives_its_journey(
        ack: u32,
        part in prop::option::of((1..=u32::MAX, messages())),
    ) {
        let sent = Frame { ack, part };
        let bytes = sent.encode().unwrap();
        prop_assert_eq!(bytes.len() % PADDING_BYTES, 0);
        prop_assert_eq!(Frame::decode(&bytes), Ok(sent));
    }

    #[test]
    fn cleaning_a_name_twice_changes_nothing_more(name: String) {
        if let Some(clean) = display_name(&name) {
            prop_assert!(clean.chars().count() <= MAX_NAME_CHARS);
            prop_assert!(!clean.chars().any(char::is_control));
            prop_assert_eq!(display_name(&clean), Some(clean));
        }
    }

    #[test]
    fn cleaning_a_chat_message_twice_changes_nothing_more(text: String) {
        let clean = chat_text(&text);
        prop_assert!(clean.chars().count() <= MAX_CHAT_CHARS);
        prop_assert!(!clean.chars().any(|c| c.is_control() && c != '\n'));
        prop_assert_eq!(chat_text(&clean), clean);
    }

    #[test]
    fn a_call_id_survives_being_written(bytes: [u8; 16]) {
        let id = CallId(bytes);
        prop_assert_eq!(id.to_string().parse(), Ok(id));
        prop_assert_eq!(serde_json::from_str::<CallId>(&serde_json::to_string(&id).unwrap()).unwrap(), id);
    }
}

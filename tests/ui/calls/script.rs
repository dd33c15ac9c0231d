//! Snapshots as a desk would give them.

use std::{path::PathBuf, sync::Arc};

use sightline::logic::{
    adapt::{Plan, Why},
    candidate::Kind,
    course::{EndReason, Link, Role, Side, Stage, Status},
    desk::{
        CallCard, EndedCard, Message, MessageState, Notice, NoticeKind, Quality, QualityWord, Snapshot,
        Survey, Theirs, Transfer, TransferState, Who,
    },
    devices::{Choice, Device, DeviceId, DeviceKind},
    path::{Edge, EdgeStatus, End, InUse, Node, PairInUse, PathReport, Place, RelayUse, Route},
    report::Sending,
    servers::{Service, Transport},
};
use sightline_protocol::{
    call::{CallId, Media},
    keys::Identity,
};

pub(crate) const NOW: u64 = 1_795_000_000_000;
pub(crate) const BOTH: Media = Media { audio: true, video: true };
pub(crate) const SOUND: Media = Media { audio: true, video: false };

pub(crate) fn ada() -> Who {
    Who {
        key: Identity::from_secret_bytes([7; 32]).address(),
        name: Some("Ada Lovelace".to_owned()),
        claimed: Some("ada".to_owned()),
        is_contact: true,
    }
}

pub(crate) fn stranger(claimed: Option<&str>) -> Who {
    Who { name: None, claimed: claimed.map(str::to_owned), is_contact: false, ..ada() }
}

pub(crate) fn card(stage: Stage) -> CallCard {
    CallCard {
        call: CallId([3; 16]),
        who: ada(),
        role: Role::Caller,
        stage,
        link: Link::New,
        connected_unix_ms: None,
        media: BOTH,
        ours: Status::default(),
        theirs: Theirs::default(),
        path: None,
        evidence: Arc::default(),
        round_trip_ms: None,
        sending: None,
        quality: Quality::default(),
        code: None,
        messages: Arc::new([]),
        unread: 0,
        transfers: Arc::new([]),
        speaking_while_muted: false,
        is_echo_test: false,
    }
}

pub(crate) fn ringing(who: Who, media: Media) -> CallCard {
    CallCard { who, media, role: Role::Callee, ..card(Stage::RingingHere) }
}

pub(crate) fn talking() -> CallCard {
    CallCard {
        link: Link::Up,
        connected_unix_ms: Some(NOW - 754_300),
        theirs: Theirs { has_picture: true, ..Theirs::default() },
        path: Some(Arc::new(direct())),
        round_trip_ms: Some(22.6),
        sending: Some(Sending {
            plan: Plan { width: 1280, height: 720, fps: 30, bitrate_bps: 1_500_000, why: Why::Camera },
            target_bps: 2_000_000,
        }),
        quality: Quality { word: QualityWord::Good, reason: None },
        code: Some("copper lantern orbit velvet".to_owned()),
        ..card(Stage::Connected)
    }
}

fn end(kind: Kind, address: &str) -> End {
    End { kind, address: address.to_owned(), port: 40_000, protocol: "udp".to_owned(), server: None }
}

fn in_use(our_relay: Option<RelayUse>, trip: f64) -> InUse {
    let kind = if our_relay.is_some() { Kind::Relay } else { Kind::Host };
    InUse {
        leg: 0,
        pair: PairInUse {
            local: end(kind, "192.0.2.10"),
            remote: end(Kind::ServerReflexive, "198.51.100.7"),
            round_trip_ms: Some(trip),
            bytes_sent: 1,
            bytes_received: 1,
        },
        our_relay,
        their_relay: None,
    }
}

fn edge(from: Node, to: Node, status: EdgeStatus, in_use: bool, cause: Option<&str>) -> Edge {
    Edge {
        from,
        to,
        over: Some(Transport::Udp),
        status,
        in_use,
        round_trip_ms: (status == EdgeStatus::Works).then_some(22.6),
        cause: cause.map(str::to_owned),
    }
}

pub(crate) fn direct() -> PathReport {
    PathReport {
        route: Route::Direct,
        sentence: "Direct over UDP · 23 ms".to_owned(),
        in_use: Some(in_use(None, 22.6)),
        edges: vec![
            edge(Node::Us, Node::OurNat, EdgeStatus::Works, true, None),
            edge(Node::OurNat, Node::TheirNat, EdgeStatus::Works, true, None),
            edge(Node::TheirNat, Node::Them, EdgeStatus::Works, true, None),
        ],
        ..PathReport::default()
    }
}

pub(crate) fn relayed() -> PathReport {
    let relay =
        RelayUse { server: "relay.example.org".to_owned(), over: Some(Transport::Tls), port: Some(443) };
    let server = Node::Server {
        server: Place { host: "relay.example.org".to_owned(), port: 443 },
        service: Service::Turn,
    };
    PathReport {
        route: Route::RelayedByUs,
        sentence: "Relayed by relay.example.org over TLS · 61 ms, because your network lets no UDP out"
            .to_owned(),
        in_use: Some(in_use(Some(relay), 61.2)),
        edges: vec![
            edge(Node::Us, Node::OurNat, EdgeStatus::Works, true, None),
            Edge {
                over: Some(Transport::Tls),
                ..edge(Node::OurNat, server.clone(), EdgeStatus::Works, true, None)
            },
            edge(
                Node::OurNat,
                Node::TheirNat,
                EdgeStatus::Failed,
                false,
                Some("UDP to 198.51.100.7:40000: no answer to 14 checks"),
            ),
            edge(server, Node::TheirNat, EdgeStatus::Works, true, None),
        ],
        ..PathReport::default()
    }
}

pub(crate) fn message(id: u64, from: Side, text: &str, state: MessageState) -> Message {
    Message { id, from, text: text.to_owned(), at_unix_ms: NOW - 600_000 + id * 61_000, state }
}

pub(crate) fn conversation() -> Vec<Message> {
    vec![
        message(1, Side::Them, "Hello! Do you hear me?", MessageState::Delivered),
        message(2, Side::Us, "Loud and clear.", MessageState::Delivered),
        message(
            3,
            Side::Them,
            "The notes are at https://example.org/notes?week=12. Shall we go through them now, or first through what was left over from last time?",
            MessageState::Delivered,
        ),
        message(4, Side::Us, "مرحبا بالعالم · 日本語 · 🙂", MessageState::Sent),
        message(
            5,
            Side::Them,
            "Bring Charles in: sightline:https://calls.example.org/#AbCdEf",
            MessageState::Delivered,
        ),
        message(6, Side::Us, "One moment", MessageState::Waiting),
    ]
}

pub(crate) fn transfer(id: u64, from: Side, name: &str, state: TransferState) -> Transfer {
    Transfer {
        id,
        from,
        name: name.to_owned(),
        size_bytes: 12_400_000,
        done_bytes: 4_100_000,
        bytes_per_s: Some(830_000.0),
        state,
    }
}

pub(crate) fn files() -> Vec<Transfer> {
    vec![
        transfer(1, Side::Us, "notes.pdf", TransferState::Done { path: None }),
        transfer(
            2,
            Side::Them,
            "holiday pictures from the lake in summer 2026, all of them.zip",
            TransferState::Offered,
        ),
        transfer(3, Side::Us, "recording.wav", TransferState::Going),
        transfer(4, Side::Them, "plan.svg", TransferState::Paused { by: Side::Us }),
        transfer(
            5,
            Side::Them,
            "report.odt",
            TransferState::Done { path: Some(PathBuf::from("/tmp/report.odt")) },
        ),
    ]
}

pub(crate) fn ended(reason: EndReason, by: Side) -> EndedCard {
    EndedCard {
        who: ada(),
        reason,
        by,
        talked_ms: (reason == EndReason::Normal || reason == EndReason::Lost).then_some(754_300),
        can_redial: true,
        report: None,
        saved_at: None,
        survey: Survey::default(),
        messages: Arc::new([]),
        transfers: Arc::new([]),
        was_echo_test: false,
    }
}

pub(crate) fn notice(
    id: u64,
    kind: NoticeKind,
    text: &str,
    code: Option<&'static str>,
    can_undo: bool,
) -> Notice {
    Notice { id, kind, text: text.to_owned(), code, can_undo }
}

pub(crate) fn with_call(call: CallCard) -> Snapshot {
    let mut snapshot = Snapshot { now_unix_ms: NOW, call: Some(call), ..Snapshot::default() };
    let device = |kind, id: &str, name: &str, is_default| Device {
        kind,
        id: DeviceId::new(id),
        name: name.to_owned(),
        is_default,
    };
    let long = "A microphone with a name that goes on and on ".repeat(7);
    snapshot.shelf.devices = Arc::new([
        device(DeviceKind::Microphone, "mic-1", "Built-in microphone", true),
        device(DeviceKind::Microphone, "mic-2", long.trim(), false),
        device(DeviceKind::Speaker, "out-1", "Headphones", true),
        device(DeviceKind::Camera, "cam-1", "Integrated camera", true),
    ]);
    snapshot.shelf.chosen = [Choice::Id(DeviceId::new("mic-1")), Choice::Default, Choice::Default];
    snapshot
}

pub(crate) fn with_ended(ended: EndedCard) -> Snapshot {
    Snapshot { now_unix_ms: NOW, ended: Some(ended), ..Snapshot::default() }
}

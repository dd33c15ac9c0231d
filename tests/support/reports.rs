//! Reports of calls that never were, each with everything in it that a report can have: what is made of them can be looked
//! at, and held against what went in. Addresses are those that are kept for examples (RFC 5737, RFC 3849).

use std::net::SocketAddr;

use sightline::logic::{
    adapt::{Plan, Why},
    candidate::Kind,
    course::{EndReason, Link, Role, Side, Stage, Status, Step},
    desk::{Complaint, Survey},
    doctor::{Likelihood, Predicted, Prediction},
    evidence::{
        CodecFact, Description, Evidence, Happening, LogLevel, LogLine, MediaFacts, Moment, StageFact, Topic,
    },
    interfaces::{Flags, judge, settle},
    latency::Times,
    legs::LegWhy,
    path::{End, PairInUse, Path, PathPolicy},
    report::{At, CallReport, Encryption, SoundEdge},
    servers::{RelayAccess, ServerUrl, Servers, Service, Transport},
    sightings::{PairSeen, RelaySeen, ServerSeen, Sightings, Trouble},
};

/// Saturday, 21 November 2026, 15:00 UTC.
pub(crate) const BEGAN_UNIX_MS: u64 = 1_795_273_200_000;
/// Both ends of one call have its id.
pub(crate) const CALL: &str = "3f0a6c2d9b7e4158a1c0d2e3f4a5b6c7";

const OURS: &str = "192.168.1.7:40000";
const OURS_6: &str = "[2001:db8:7::21]:40002";
const OURS_OUTSIDE: &str = "198.51.100.5:40000";
const LENT: &str = "203.0.113.10:50000";
const THEIRS: &str = "10.0.0.3:41000";
const THEIRS_OUTSIDE: &str = "192.0.2.77:41000";
const LENT_TO_THEM: &str = "203.0.113.10:50010";
const PHONE: &str = "100.72.3.9:42000";
const PHONE_OUTSIDE: &str = "192.0.2.130:42017";
const THEIR_PORT_IN_TRUTH: &str = "192.0.2.77:41733";

const STUN: &str = "stun:203.0.113.10:3478";
const UDP: &str = "turn:calls.example.org:3478?transport=udp";
const TCP: &str = "turn:calls.example.org:3478?transport=tcp";
const TLS: &str = "turns:calls.example.org:443?transport=tcp";

/// A call from computer to computer, two and a half minutes long.
pub(crate) fn direct() -> CallReport {
    let mut path = begun(PathPolicy::Any);
    addresses(&mut path, 1, 150, OURS, OURS_OUTSIDE);
    path.note_sightings(
        200,
        1,
        Sightings {
            servers: vec![told(STUN, OURS_OUTSIDE, 21.4), lent(UDP, 0.0, 22.0), lent(TCP, 44.1, 23.2)],
            pairs: vec![
                pair(OURS, THEIRS, [5, 0, 0], None, 0),
                pair(OURS, THEIRS_OUTSIDE, [41, 40, 44], Some(23.4), 48_000_000),
                pair(LENT, THEIRS_OUTSIDE, [3, 3, 3], Some(51.9), 900),
            ],
            ..Sightings::default()
        },
    );
    up(&mut path, 1, 3_410, (Kind::Host, OURS), (Kind::ServerReflexive, THEIRS_OUTSIDE), 23.4);
    let mut report = talked(path, 152_000);
    report.evidence.moments = moments(152, |second, moment| {
        moment.round_trip_ms = Some(23.0 + ripple(second, 7) * 3.0);
        moment.lost_of_theirs_percent = if second % 37 == 5 { 0.8 } else { 0.0 };
    });
    report
}

/// A call over a relay by TLS, as nothing else was let through.
pub(crate) fn relayed() -> CallReport {
    let mut path = begun(PathPolicy::Any);
    path.note_local(30, 1, &line("host", OURS, None));
    path.note_local(1260, 1, &line("relay", LENT, Some(OURS)));
    path.note_local_done(1300, 1);
    path.note_remote(160, 1, &line("host", THEIRS, None));
    path.note_remote(190, 1, &line("srflx", THEIRS_OUTSIDE, Some(THEIRS)));
    path.note_remote_done(230, 1);
    let silent = |url: &str, asked| ServerSeen { asked, trouble: Some(Trouble::NoAnswer), ..server(url) };
    path.note_sightings(
        1400,
        1,
        Sightings {
            servers: vec![
                silent(STUN, 7),
                silent(UDP, 7),
                ServerSeen { trouble: Some(Trouble::NothingListens), ..server(TCP) },
                lent(TLS, 58.7, 27.5),
            ],
            pairs: vec![
                pair(OURS, THEIRS, [9, 0, 0], None, 0),
                pair(OURS, THEIRS_OUTSIDE, [9, 0, 0], None, 0),
                pair(LENT, THEIRS_OUTSIDE, [22, 21, 25], Some(61.2), 9_400_000),
            ],
            relays: vec![RelaySeen {
                url: TLS.parse().unwrap(),
                from: at(OURS).ip(),
                relayed: at(LENT),
                until_ms: Some(600_000),
                permitted: vec![at(THEIRS_OUTSIDE).ip()],
                channels: vec![(0x4000, at(THEIRS_OUTSIDE))],
                bytes_sent: 9_400_000,
                bytes_received: 9_100_000,
            }],
        },
    );
    up(&mut path, 1, 3_410, (Kind::Relay, LENT), (Kind::ServerReflexive, THEIRS_OUTSIDE), 61.2);
    let mut report = talked(path, 94_000);
    report.evidence.moments = moments(94, |second, moment| {
        moment.round_trip_ms = Some(61.0 + ripple(second, 5) * 8.0);
        moment.target_bps = Some(1_400_000);
        moment.sent_bps = 1_290_000;
        moment.our_size = Some((640, 360));
        moment.lost_of_ours_percent = if (40..47).contains(&second) { 6.5 } else { 0.1 };
        moment.frozen_ms = if second == 44 { 640 } else { 0 };
        moment.concealed_percent = if (40..47).contains(&second) { 3.0 } else { 0.0 };
    });
    report.counters.relay_packets_dropped = 12;
    report
}

/// A call that found no path at all.
pub(crate) fn failed() -> CallReport {
    let mut path = begun(PathPolicy::Any);
    path.note_local(30, 1, &line("host", OURS, None));
    path.note_local_done(900, 1);
    path.note_remote(160, 1, &line("host", THEIRS, None));
    path.note_remote_done(230, 1);
    let refused = Trouble::Refused { code: 486, text: "Allocation Quota Reached".to_owned() };
    let certificate = Trouble::WrongCertificate {
        came: Some("hQeuVZ0T0bBq7g1p".to_owned()),
        why: "it is signed by Office Proxy CA".to_owned(),
    };
    path.note_sightings(
        1000,
        1,
        Sightings {
            servers: vec![
                ServerSeen { asked: 7, trouble: Some(Trouble::NoAnswer), ..server(STUN) },
                ServerSeen { asked: 2, answered: 2, trouble: Some(refused), ..server(UDP) },
                ServerSeen { trouble: Some(certificate), ..server(TLS) },
            ],
            pairs: vec![pair(OURS, THEIRS, [27, 0, 0], None, 0)],
            ..Sightings::default()
        },
    );
    path.note_link(9000, 1, Link::Failed);
    let reason = EndReason::ConnectFailed(Step::Checks);
    path.note_end(14_900, reason);
    let mut report = CallReport::begin(CALL.to_owned(), Role::Caller, BEGAN_UNIX_MS);
    report.note_stage(0, Stage::Inviting);
    report.note_stage(84, Stage::Reached);
    report.note_stage(131, Stage::RingingThere);
    report.note_stage(800, Stage::Connecting);
    report.note_link(820, Link::Checking);
    report.note_link(9000, Link::Failed);
    report.note_stage(14_900, Stage::Ended { reason, by: Side::Us });
    report.path = path.report();
    report.evidence.log = vec![log(9000, LogLevel::Warn, "no pair of addresses answered")];
    report
}

/// A call that changed its path three times: from Wi-Fi to a phone, over the relay, and to a direct path again.
pub(crate) fn switched() -> CallReport {
    let mut path = begun(PathPolicy::Any);
    addresses(&mut path, 1, 150, OURS, OURS_OUTSIDE);
    up(&mut path, 1, 3_410, (Kind::Host, OURS), (Kind::ServerReflexive, THEIRS_OUTSIDE), 23.4);
    path.note_interfaces(61_000, interfaces(&[("wwan0", PHONE)]));
    path.note_leg_opened(61_020, 3, LegWhy::NetworkChanged, false);
    path.note_link(61_030, 3, Link::Checking);
    addresses(&mut path, 3, 61_100, PHONE, PHONE_OUTSIDE);
    path.note_switchboard(61_400, false);
    path.note_sightings(
        62_000,
        3,
        Sightings {
            servers: vec![told(STUN, PHONE_OUTSIDE, 48.0), lent(UDP, 0.0, 51.0), lent(TLS, 130.0, 55.0)],
            pairs: vec![
                pair(PHONE, THEIRS_OUTSIDE, [11, 0, 3], None, 0),
                pair(LENT, LENT_TO_THEM, [19, 19, 20], Some(97.0), 3_000_000),
            ],
            ..Sightings::default()
        },
    );
    up(&mut path, 3, 62_300, (Kind::Relay, LENT), (Kind::Relay, LENT_TO_THEM), 97.0);
    path.note_leg_closed(62_900, 1);
    path.note_switchboard(63_200, true);
    path.note_leg_opened(70_000, 5, LegWhy::BetterPath, true);
    addresses(&mut path, 5, 70_100, PHONE, PHONE_OUTSIDE);
    path.note_sightings(
        70_800,
        5,
        Sightings {
            servers: vec![told(STUN, PHONE_OUTSIDE, 47.0), told(UDP, PHONE_OUTSIDE, 50.0)],
            pairs: vec![
                pair(PHONE, THEIRS, [4, 0, 0], None, 0),
                pair(PHONE, THEIRS_OUTSIDE, [9, 0, 0], None, 0),
                pair(PHONE, THEIR_PORT_IN_TRUTH, [31, 30, 33], Some(58.0), 12_000_000),
            ],
            ..Sightings::default()
        },
    );
    up(&mut path, 5, 71_000, (Kind::Host, PHONE), (Kind::PeerReflexive, THEIR_PORT_IN_TRUTH), 58.0);
    path.note_leg_closed(71_600, 3);
    let mut report = talked(path, 131_000);
    report.evidence.moments = moments(131, |second, moment| {
        (moment.leg, moment.round_trip_ms) = match second {
            0..=60 => (Some(1), Some(23.0 + ripple(second, 4) * 2.0)),
            61 => (Some(1), None),
            62..=71 => (Some(3), Some(97.0 + ripple(second, 3) * 9.0)),
            _ => (Some(5), Some(58.0 + ripple(second, 6) * 5.0)),
        };
        if second == 61 {
            (moment.received_bps, moment.frames_shown_per_s, moment.frozen_ms) = (0, 0.0, 900);
            (moment.concealed_percent, moment.lost_of_theirs_percent) = (62.0, 71.0);
        }
    });
    report.note_stage(61_500, Stage::Reconnecting);
    report.note_stage(62_300, Stage::Connected);
    report.stages.sort_by_key(|stage| stage.t_ms);
    report
}

/// The other side's report of [`direct`]: its clock is ahead by that much, and of what we sent it missed something.
pub(crate) fn the_other_side_of(caller: &CallReport, ahead_ms: u64) -> CallReport {
    let mut path = Path::new(PathPolicy::Any);
    path.note_interfaces(0, interfaces(&[("eth0", THEIRS)]));
    path.note_leg_opened(110, 1, LegWhy::First, false);
    path.note_link(120, 1, Link::Checking);
    addresses(&mut path, 1, 130, THEIRS, THEIRS_OUTSIDE);
    up(&mut path, 1, 3_380, (Kind::Host, THEIRS), (Kind::ServerReflexive, OURS_OUTSIDE), 23.9);
    // It has the invitation 40 ms after that was sent; each message is under way for 20 to 40 ms.
    let mut report = CallReport::begin(
        caller.call.clone(),
        Role::Callee,
        caller.began_unix_ms.saturating_add(40).saturating_add(ahead_ms),
    );
    report.note_stage(70, Stage::RingingHere);
    report.note_stage(3_020, Stage::Connecting);
    report.note_stage(3_380, Stage::Connected);
    let ended = caller.stages.last().map_or(0, |stage| stage.t_ms);
    report.note_stage(ended.saturating_sub(10), Stage::Ended { reason: EndReason::Normal, by: Side::Them });
    path.note_end(ended, EndReason::Normal);
    report.path = path.report();
    report.counters = caller.counters;
    (report.counters.video_packets_sent, report.counters.video_packets_received) =
        (caller.counters.video_packets_received, caller.counters.video_packets_sent * 97 / 100);
    (report.counters.audio_packets_sent, report.counters.audio_packets_received) =
        (caller.counters.audio_packets_received, caller.counters.audio_packets_sent * 97 / 100);
    report.evidence.moments = caller.evidence.moments.clone();
    for moment in &mut report.evidence.moments {
        (moment.sent_bps, moment.received_bps) = (moment.received_bps, moment.sent_bps * 97 / 100);
        moment.lost_of_theirs_percent = 3.0;
        moment.lost_of_ours_percent = 0.0;
        moment.t_ms -= 40;
    }
    report
}

/// What is in every call that was connected.
fn talked(mut path: Path, lasted_ms: u64) -> CallReport {
    path.note_end(lasted_ms, EndReason::Normal);
    let mut report = CallReport::begin(CALL.to_owned(), Role::Caller, BEGAN_UNIX_MS);
    report.note_stage(0, Stage::Inviting);
    report.note_stage(84, Stage::Reached);
    report.note_stage(131, Stage::RingingThere);
    report.note_stage(3_090, Stage::Connecting);
    report.note_stage(3_410, Stage::Connected);
    for (t_ms, link) in [(3_100, Link::Checking), (3_370, Link::PathFound), (3_410, Link::Up)] {
        report.note_link(t_ms, link);
    }
    report.note_stage(lasted_ms, Stage::Ended { reason: EndReason::Normal, by: Side::Us });
    report.firsts.picture_ms = Some(3_466);
    report.firsts.sound_ms = Some(3_441);
    report.sound_began_unix_us = Some(BEGAN_UNIX_MS * 1000 + 3_441_000);
    report.path = path.report();
    report.encryption = encryption();
    let seconds = lasted_ms / 1000;
    report.counters.frames_captured = seconds * 30;
    report.counters.frames_sent = seconds * 30 - 3;
    report.counters.key_frames_sent = 4;
    report.counters.video_packets_sent = seconds * 260;
    report.counters.video_bytes_sent = seconds * 280_000;
    report.counters.video_packets_received = seconds * 255;
    report.counters.video_bytes_received = seconds * 276_000;
    report.counters.frames_received = seconds * 30 - 9;
    report.counters.frames_shown = seconds * 30 - 11;
    report.counters.audio_packets_sent = seconds * 50;
    report.counters.audio_packets_received = seconds * 50 - 4;
    report.pictures.freezes = 1;
    report.pictures.frozen_ms = 640;
    report.sound.played = seconds * 50 - 12;
    report.sound.recovered = 8;
    report.sound.concealed = 4;
    report.latency.whole_way =
        Times { count: seconds * 30, median_us: 41_000, p95_us: 58_000, longest_us: 144_000 };
    let edge = SoundEdge { rate_hz: 48_000, device_ms: 8.0, buffer_ms: 10.0, ..SoundEdge::default() };
    (report.microphone, report.speaker) = (Some(edge), Some(SoundEdge { gaps: 1, ..edge }));
    let plan = |width, height, why| Plan { width, height, fps: 30, bitrate_bps: 1_800_000, why };
    report.plans = vec![
        At { t_ms: 3_420, what: plan(960, 540, Why::Network { target_bps: 1_900_000 }) },
        At { t_ms: 9_000, what: plan(1280, 720, Why::Camera) },
    ];
    report.voice.echo_cancelling = true;
    report.voice.echo_return_loss_db = Some(22.5);
    report.voice.echo_return_loss_enhancement_db = Some(31.0);
    report.voice.echo_delay_ms = Some(48.0);
    report.voice.speech_db = Some(-21.0);
    report.their_status = Some(Status { muted: false, camera_off: false, sharing: false });
    report.note_prediction(Prediction {
        route: Predicted::Direct,
        likelihood: Likelihood::Likely,
        ours: Some(Transport::Udp),
        theirs: None,
        sentence: "A call between you would most likely be direct: both routers keep their ports.".to_owned(),
    });
    report.evidence = evidence(lasted_ms);
    report.survey = Some(Survey { was_good: Some(false), complaints: vec![Complaint::Frozen] });
    report
}

fn evidence(lasted_ms: u64) -> Evidence {
    let happening = |t_ms, topic, sentence: &str| Happening { t_ms, topic, sentence: sentence.to_owned() };
    let sdp = |ours: &str| {
        format!(
            "v=0\r\no=- 46 2 IN IP4 {ours}\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n\
             m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendrecv\r\n\
             a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n\
             m=video 9 UDP/TLS/RTP/SAVPF 102\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=sendrecv\r\n\
             a=rtpmap:102 H264/90000\r\n"
        )
    };
    let codec = |kind: &str, mime: &str, payload_type, clock_hz, parameters: &str| CodecFact {
        kind: kind.to_owned(),
        mime: mime.to_owned(),
        payload_type,
        clock_hz,
        parameters: parameters.to_owned(),
    };
    let stage = |name: &str, median_ms, p95_ms| StageFact { name: name.to_owned(), median_ms, p95_ms };
    Evidence {
        moments: Vec::new(),
        happenings: vec![
            happening(3_410, Topic::Call, "Connected"),
            happening(3_500, Topic::Device, "The microphone is Headset of Ada."),
            happening(9_000, Topic::Picture, "Sending 1280×720 at 30 because: the camera gives no more"),
            happening(44_000, Topic::Picture, "The picture stood still for 0.6 s; a key frame was asked for"),
            happening(lasted_ms, Topic::Call, "Hung up here"),
        ],
        happenings_left_out: 2,
        media: MediaFacts {
            codecs: vec![
                codec("audio", "audio/opus", 111, 48_000, "minptime=10;useinbandfec=1"),
                codec("video", "video/H264", 102, 90_000, "packetization-mode=1;profile-level-id=42e01f"),
            ],
            encryption: encryption(),
            dtls_role: Some("client".to_owned()),
            code: Some("harbour lemon pencil".to_owned()),
            stages: vec![
                stage("capture to encoded", 4.1, Some(6.0)),
                stage("on the way", 23.0, None),
                stage("whole to shown", 2.2, Some(4.9)),
            ],
            devices: vec!["microphone: Headset of Ada".to_owned()],
            device_names: vec!["Headset of Ada".to_owned(), "usb-ada-00".to_owned()],
        },
        descriptions: vec![
            Description { t_ms: 60, leg: 1, is_ours: true, is_offer: true, sdp: sdp("192.168.1.7") },
            Description { t_ms: 3_095, leg: 1, is_ours: false, is_offer: false, sdp: sdp("10.0.0.3") },
        ],
        log: vec![
            log(3_000, LogLevel::Info, "the call was taken"),
            log(3_400, LogLevel::Debug, "a device was not opened device=\"Headset of Ada\" id=usb-ada-00"),
            log(44_020, LogLevel::Warn, "a picture with a hole; a key frame is asked for"),
        ],
        ..Evidence::default()
    }
}

fn log(t_ms: u64, level: LogLevel, text: &str) -> LogLine {
    LogLine { t_ms, level, from: "sightline::engine".to_owned(), text: text.to_owned() }
}

fn encryption() -> Encryption {
    Encryption {
        dtls: Some("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256".to_owned()),
        srtp: Some("SRTP_AEAD_AES_128_GCM".to_owned()),
    }
}

fn moments(seconds: u64, change: impl Fn(u64, &mut Moment)) -> Vec<Moment> {
    let of = |second: u64| {
        let grown = (second as f32 / 6.0).min(1.0);
        let mut moment = Moment {
            t_ms: (second + 1) * 1000,
            for_ms: 1000,
            leg: Some(1),
            round_trip_ms: Some(23.0),
            sent_bps: (600_000.0 + 1_700_000.0 * grown + ripple(second, 9) * 90_000.0) as u32,
            received_bps: (700_000.0 + 1_500_000.0 * grown + ripple(second, 11) * 120_000.0) as u32,
            picture_sent_bps: (500_000.0 + 1_600_000.0 * grown) as u32,
            picture_received_bps: (590_000.0 + 1_400_000.0 * grown) as u32,
            sound_sent_bps: 48_000,
            sound_received_bps: 47_000,
            target_bps: Some((900_000.0 + 1_800_000.0 * grown) as u32),
            jitter_ms: Some(40.0 + ripple(second, 13) * 6.0),
            frames_sent_per_s: 30.0,
            frames_shown_per_s: 30.0 - ripple(second, 17).abs(),
            our_size: Some(if second < 6 { (960, 540) } else { (1280, 720) }),
            their_size: Some((1280, 720)),
            encode_ms: Some(4.1 + ripple(second, 8) * 0.4),
            decode_ms: Some(1.9 + ripple(second, 6) * 0.2),
            sound_held_ms: Some(44.0 + ripple(second, 15) * 5.0),
            cpu_percent: Some(21.0 + ripple(second, 10) * 2.0),
            ..Moment::default()
        };
        change(second, &mut moment);
        moment
    };
    // Nothing is sent while it rings.
    (3..seconds).map(of).collect()
}

fn ripple(second: u64, period: u64) -> f32 {
    let turn = (second % period) as f32 / period as f32 * std::f32::consts::TAU;
    turn.sin() * 0.7 + ((second * 7919 % 13) as f32 / 13.0 - 0.5) * 0.6
}

fn begun(policy: PathPolicy) -> Path {
    let mut path = Path::new(policy);
    path.note_switchboard(0, true);
    path.note_interfaces(0, interfaces(&[("wlp3s0", OURS), ("wlp3s0", OURS_6), ("docker0", "172.17.0.1:1")]));
    path.note_leg_opened(20, 1, LegWhy::First, false);
    let doors = [UDP, TCP, TLS].map(|url| url.parse::<ServerUrl>().unwrap());
    let relay = RelayAccess {
        doors: doors.to_vec(),
        username: "1795273800:AbC-1".to_owned(),
        password: "a-password-that-nobody-may-see".to_owned(),
        pin: None,
    };
    path.note_servers(1, &Servers { stun: vec![STUN.parse().unwrap()], relay: Some(relay) });
    path.note_link(30, 1, Link::Checking);
    path
}

fn interfaces(named: &[(&str, &str)]) -> Vec<sightline::logic::interfaces::InterfaceSeen> {
    let flags = Flags { up: true, ..Flags::default() };
    let mut seen: Vec<_> = named.iter().map(|(name, address)| judge(name, flags, at(address).ip())).collect();
    settle(&mut seen, 8);
    seen
}

fn addresses(path: &mut Path, leg: u32, t_ms: u64, inside: &str, outside: &str) {
    path.note_local(t_ms, leg, &line("host", inside, None));
    path.note_local(t_ms + 22, leg, &line("srflx", outside, Some(inside)));
    path.note_local(t_ms + 51, leg, &line("relay", LENT, Some(outside)));
    path.note_local_done(t_ms + 60, leg);
    path.note_remote(t_ms + 30, leg, &line("host", THEIRS, None));
    path.note_remote(t_ms + 48, leg, &line("srflx", THEIRS_OUTSIDE, Some(THEIRS)));
    path.note_remote(t_ms + 80, leg, &line("relay", LENT_TO_THEM, Some(THEIRS_OUTSIDE)));
    path.note_remote_done(t_ms + 90, leg);
}

fn up(path: &mut Path, leg: u32, t_ms: u64, ours: (Kind, &str), theirs: (Kind, &str), round_trip_ms: f64) {
    path.note_link(t_ms - 20, leg, Link::PathFound);
    path.note_link(t_ms, leg, Link::Up);
    path.note_leg_in_use(t_ms, leg);
    let end = |(kind, address): (Kind, &str)| End {
        kind,
        address: at(address).ip().to_string(),
        port: at(address).port(),
        protocol: "udp".to_owned(),
        server: None,
    };
    path.take_in_use(
        t_ms + 10,
        leg,
        PairInUse {
            local: end(ours),
            remote: end(theirs),
            round_trip_ms: Some(round_trip_ms),
            bytes_sent: 48_000_000,
            bytes_received: 46_500_000,
        },
    );
}

fn server(url: &str) -> ServerSeen {
    let url: ServerUrl = url.parse().unwrap();
    ServerSeen {
        address: Some(SocketAddr::new("203.0.113.10".parse().unwrap(), url.port)),
        url,
        from: at(OURS).ip(),
        reached_ms: None,
        asked: 1,
        answered: 0,
        round_trip_ms: None,
        done_ms: None,
        mapped: None,
        relayed: None,
        trouble: None,
    }
}

fn told(url: &str, mapped: &str, round_trip_ms: f64) -> ServerSeen {
    ServerSeen {
        answered: 1,
        round_trip_ms: Some(round_trip_ms),
        done_ms: Some(23),
        mapped: Some(at(mapped)),
        ..server(url)
    }
}

fn lent(url: &str, reached_ms: f64, round_trip_ms: f64) -> ServerSeen {
    let seen = server(url);
    assert_eq!(seen.url.service, Service::Turn, "only a relay lends an address");
    ServerSeen {
        reached_ms: (reached_ms > 0.0).then_some(reached_ms),
        asked: 3,
        answered: 3,
        round_trip_ms: Some(round_trip_ms),
        done_ms: Some(51),
        relayed: Some(at(LENT)),
        ..seen
    }
}

fn pair(
    local: &str,
    remote: &str,
    [sent, answered, heard]: [u32; 3],
    round_trip_ms: Option<f64>,
    media: u64,
) -> PairSeen {
    PairSeen {
        local: at(local),
        remote: at(remote),
        sent,
        answered,
        heard,
        replied: heard,
        round_trip_ms,
        round_trips_ms: round_trip_ms.map_or(0.0, |ms| ms * f64::from(answered)),
        round_trips: round_trip_ms.map_or(0, |_| answered),
        last_heard_ms: (heard + answered > 0).then_some(100),
        bytes_sent: u64::from(sent) * 100 + media,
        bytes_received: u64::from(heard + answered) * 100 + media,
    }
}

fn line(kind: &str, address: &str, behind: Option<&str>) -> String {
    let (address, kind_priority) = (at(address), if kind == "host" { 126 } else { 100 });
    let behind = behind
        .map_or_else(String::new, |behind| format!(" raddr {} rport {}", at(behind).ip(), at(behind).port()));
    let priority: u32 = (kind_priority << 24) + 65_535 * 256 + 255;
    format!(
        "candidate:{} 1 udp {priority} {} {} typ {kind}{behind}",
        kind.len(),
        address.ip(),
        address.port()
    )
}

fn at(address: &str) -> SocketAddr {
    address.parse().unwrap()
}

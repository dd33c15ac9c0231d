//! Calls as far as they have come, one for each thing that a path can be: made by telling a `Path` what would have happened.

use std::{net::SocketAddr, sync::Arc};

use sightline::logic::{
    candidate::Kind,
    course::{EndReason, Link, Step},
    evidence::{
        CodecFact, Description, Evidence, Happening, Hindrance, LogLevel, LogLine, MediaFacts, Moment,
        StageFact, Topic,
    },
    interfaces::{InterfaceKind, InterfaceSeen, WhyNot},
    legs::LegWhy,
    path::{End, PairInUse, Path, PathPolicy, PathReport},
    report::Encryption,
    servers::{RelayAccess, Servers, Service, Transport},
    sightings::{PairSeen, RelaySeen, ServerSeen, Sightings, Trouble},
};

pub(super) const US: &str = "192.168.1.7:40000";
const US_OUTSIDE: &str = "198.51.100.5:40000";
const LENT: &str = "203.0.113.10:50000";
pub(super) const THEM: &str = "192.0.2.77:41000";
const LENT_TO_THEM: &str = "203.0.113.99:50010";

const STUN: &str = "stun:calls.example.org:3478";
const UDP: &str = "turn:calls.example.org:3478?transport=udp";
const TCP: &str = "turn:calls.example.org:3478?transport=tcp";
const TLS: &str = "turns:calls.example.org:443?transport=tcp";

/// A call that is being written down.
pub(super) struct Call {
    path: Path,
    seen: Sightings,
    leg: u32,
}

impl Call {
    pub(super) fn new(policy: PathPolicy) -> Self {
        let mut path = Path::new(policy);
        path.note_switchboard(0, true);
        path.note_interfaces(
            2,
            vec![
                interface("wlp3s0", "192.168.1.7", InterfaceKind::Wifi, None),
                interface("wlp3s0", "2001:db8:4::7", InterfaceKind::Wifi, None),
                interface("wg0", "10.8.0.2", InterfaceKind::Vpn, None),
                interface("docker0", "172.17.0.1", InterfaceKind::Virtual, Some(WhyNot::InsideThisComputer)),
                interface("lo", "127.0.0.1", InterfaceKind::Loopback, Some(WhyNot::OnlyThisComputer)),
            ],
        );
        let mut call = Self { path, seen: Sightings::default(), leg: 1 };
        call.opened(3, LegWhy::First);
        call
    }

    fn opened(&mut self, t_ms: u64, why: LegWhy) {
        self.path.note_leg_opened(t_ms, self.leg, why, why == LegWhy::BetterPath);
        self.path.note_link(t_ms + 1, self.leg, Link::Checking);
        let (stun, doors) = [STUN, UDP, TCP, TLS]
            .map(|url| url.parse::<sightline::logic::servers::ServerUrl>().unwrap())
            .into_iter()
            .partition(|url| url.service == Service::Stun);
        let relay = RelayAccess { doors, username: "user".into(), password: "secret".into(), pin: None };
        self.path.note_servers(self.leg, &Servers { stun, relay: Some(relay) });
    }

    /// Another leg takes over from the one before.
    fn next_leg(&mut self, t_ms: u64, why: LegWhy) {
        self.leg += 1;
        self.seen = Sightings::default();
        self.opened(t_ms, why);
    }

    fn server(mut self, url: &str, change: impl FnOnce(&mut ServerSeen)) -> Self {
        let url: sightline::logic::servers::ServerUrl = url.parse().unwrap();
        let is_stream = url.transport != Transport::Udp;
        let mut server = ServerSeen {
            address: Some(SocketAddr::new("203.0.113.10".parse().unwrap(), url.port)),
            url,
            from: at(US).ip(),
            reached_ms: is_stream.then_some(38.4),
            asked: 2,
            answered: 2,
            round_trip_ms: Some(21.3),
            done_ms: Some(44),
            mapped: Some(at(US_OUTSIDE)),
            relayed: None,
            trouble: None,
        };
        change(&mut server);
        self.seen.servers.push(server);
        self
    }

    fn lends(mut self, url: &str) -> Self {
        let relay = RelaySeen {
            url: url.parse().unwrap(),
            from: at(US).ip(),
            relayed: at(LENT),
            until_ms: Some(900_000),
            permitted: vec![at(THEM).ip(), at(LENT_TO_THEM).ip()],
            channels: vec![(0x4000, at(THEM))],
            bytes_sent: 51_204_118,
            bytes_received: 47_820_336,
        };
        self.seen.relays.push(relay);
        self.path.note_relay_until(Some(5_400_000));
        self.server(url, |server| server.relayed = Some(at(LENT)))
    }

    fn silent(self, url: &str, trouble: Trouble) -> Self {
        self.server(url, |server| {
            (server.answered, server.round_trip_ms, server.done_ms) = (0, None, None);
            (server.mapped, server.reached_ms, server.trouble) = (None, None, Some(trouble));
        })
    }

    fn all_servers(self) -> Self {
        self.server(STUN, |_| {}).lends(UDP).server(TCP, |_| {}).server(TLS, |_| {})
    }

    fn named(mut self, t_ms: u64) -> Self {
        for line in [line("host", US), line("srflx", US_OUTSIDE), line("relay", LENT)] {
            self.path.note_local(t_ms, self.leg, &line);
        }
        for line in [line("host", "10.0.0.3:41000"), line("srflx", THEM), line("relay", LENT_TO_THEM)] {
            self.path.note_remote(t_ms + 20, self.leg, &line);
        }
        self.path.note_local_done(t_ms + 60, self.leg);
        self.path.note_remote_done(t_ms + 80, self.leg);
        self
    }

    fn pair(mut self, local: &str, remote: &str, [sent, answered, heard]: [u32; 3]) -> Self {
        self.seen.pairs.push(PairSeen {
            local: at(local),
            remote: at(remote),
            sent,
            answered,
            heard,
            replied: heard,
            round_trip_ms: (answered > 0).then_some(22.6),
            round_trips_ms: 22.6 * f64::from(answered),
            round_trips: answered,
            last_heard_ms: (answered + heard > 0).then_some(180),
            bytes_sent: u64::from(sent) * 108,
            bytes_received: u64::from(answered + heard) * 84,
        });
        self
    }

    fn seen(&mut self, t_ms: u64) {
        self.path.note_sightings(t_ms, self.leg, self.seen.clone());
    }

    fn up(mut self, t_ms: u64, local: (Kind, &str), remote: (Kind, &str), trip: f64) -> Self {
        self.seen(t_ms);
        self.path.note_link(t_ms + 1, self.leg, Link::PathFound);
        self.path.take_in_use(t_ms + 2, self.leg, pair_in_use(local, remote, trip));
        self.path.note_link(t_ms + 30, self.leg, Link::Up);
        self.path.note_leg_in_use(t_ms + 31, self.leg);
        self
    }

    fn failed(mut self) -> PathReport {
        self.seen(12_000);
        self.path.note_link(12_001, self.leg, Link::Failed);
        self.path.note_end(30_000, EndReason::ConnectFailed(Step::Checks));
        self.path.report()
    }

    fn report(&self) -> PathReport {
        self.path.report()
    }
}

fn interface(name: &str, address: &str, kind: InterfaceKind, why_not: Option<WhyNot>) -> InterfaceSeen {
    let address = address.parse().unwrap();
    InterfaceSeen { name: name.to_owned(), address, kind, used: why_not.is_none(), why_not }
}

fn at(address: &str) -> SocketAddr {
    address.parse().unwrap()
}

fn line(kind: &str, address: &str) -> String {
    let address = at(address);
    let priority: u32 = match kind {
        "host" => 2_130_706_431,
        "srflx" => 1_694_498_815,
        _ => 16_777_215,
    };
    let related = if kind == "host" { "" } else { " raddr 192.168.1.7 rport 40000" };
    format!("candidate:842163049 1 udp {priority} {} {} typ {kind}{related}", address.ip(), address.port())
}

fn pair_in_use(local: (Kind, &str), remote: (Kind, &str), trip: f64) -> PairInUse {
    let end = |(kind, address): (Kind, &str)| {
        let address = at(address);
        let protocol = "udp".to_owned();
        End { kind, address: address.ip().to_string(), port: address.port(), protocol, server: None }
    };
    PairInUse {
        local: end(local),
        remote: end(remote),
        round_trip_ms: Some(trip),
        bytes_sent: 48_211_034,
        bytes_received: 51_733_990,
    }
}

fn direct_call() -> Call {
    Call::new(PathPolicy::Any)
        .named(20)
        .all_servers()
        .pair(US, THEM, [3, 3, 3])
        .pair(US, "10.0.0.3:41000", [7, 0, 0])
        .pair(LENT, THEM, [2, 2, 1])
        .up(120, (Kind::Host, US), (Kind::ServerReflexive, THEM), 22.6)
}

fn relayed_by(url: &str) -> PathReport {
    let mut call = Call::new(PathPolicy::Any).named(20);
    for other in [STUN, UDP, TCP, TLS] {
        call = if other == url { call.lends(other) } else { call.silent(other, Trouble::NoAnswer) };
    }
    call.pair(US, THEM, [14, 0, 0])
        .pair(LENT, THEM, [3, 2, 2])
        .up(900, (Kind::Relay, LENT), (Kind::ServerReflexive, THEM), 61.2)
        .report()
}

fn switched_thrice() -> PathReport {
    let mut call = direct_call();
    for (leg, t_ms, why) in
        [(2, 61_000, LegWhy::NetworkChanged), (3, 95_000, LegWhy::Silence), (4, 140_000, LegWhy::BetterPath)]
    {
        call.path.note_link(t_ms - 900, leg - 1, Link::Interrupted);
        call.next_leg(t_ms, why);
        call = call.named(t_ms + 20).all_servers().pair(US, THEM, [2, 2, 2]).pair(LENT, THEM, [1, 1, 1]);
        let (kind, address) = if leg % 2 == 0 { (Kind::Relay, LENT) } else { (Kind::Host, US) };
        call = call.up(t_ms + 200, (kind, address), (Kind::ServerReflexive, THEM), 30.0);
        call.path.note_leg_closed(t_ms + 900, leg - 1);
    }
    call.report()
}

fn sixty_candidates() -> PathReport {
    let mut call = Call::new(PathPolicy::Any).all_servers();
    for number in 0..60_u16 {
        let ours = format!("10.{}.{}.7:{}", number / 8, number, 40_000 + number);
        let theirs = format!("172.16.{}.9:{}", number, 41_000 + number);
        call.path.note_local(10 + u64::from(number), 1, &line("host", &ours));
        call.path.note_remote(30 + u64::from(number), 1, &line("host", &theirs));
    }
    for number in 0..256_u32 {
        let ours = format!("10.{}.{}.7:{}", number % 16 / 8, number % 16, 40_000 + number % 16);
        let theirs = format!("172.16.{}.9:{}", number / 16, 41_000 + number / 16);
        call = call.pair(&ours, &theirs, [number % 9, u32::from(number % 40 == 0), number % 3]);
    }
    call.seen(4000);
    call.report()
}

fn ipv6() -> PathReport {
    let (us, them) = ("[2001:db8:4::7]:40000", "[2001:db8:ffff:12:3456:789a:bcde:f012]:41000");
    let mut call = Call::new(PathPolicy::Any).server(STUN, |server| server.from = at(us).ip());
    call.path.note_local(10, 1, &line("host", us));
    call.path.note_remote(20, 1, &line("host", them));
    call.pair(us, them, [2, 2, 2]).up(90, (Kind::Host, us), (Kind::Host, them), 8.4).report()
}

/// All of them, each with its name.
pub(super) fn all() -> Vec<(&'static str, PathReport)> {
    let refused = Trouble::Refused { code: 401, text: "Unauthorized".to_owned() };
    let closed_for_udp = |call: Call| {
        let call = call.silent(STUN, Trouble::NoAnswer).silent(UDP, Trouble::NoAnswer);
        call.silent(TCP, Trouble::NothingListens).silent(TLS, Trouble::NoRoute)
    };
    let mut gathering = Call::new(PathPolicy::Any).server(STUN, |_| {}).server(UDP, |server| {
        (server.answered, server.round_trip_ms, server.done_ms) = (0, None, None);
    });
    gathering.path.note_local(10, 1, &line("host", US));
    gathering.seen(60);
    let theirs = Call::new(PathPolicy::Any)
        .named(20)
        .all_servers()
        .pair(US, THEM, [14, 0, 0])
        .pair(US, LENT_TO_THEM, [3, 3, 2])
        .up(700, (Kind::Host, US), (Kind::Relay, LENT_TO_THEM), 48.0);
    let both = Call::new(PathPolicy::Relay).named(20).all_servers().pair(LENT, LENT_TO_THEM, [3, 3, 2]).up(
        700,
        (Kind::Relay, LENT),
        (Kind::Relay, LENT_TO_THEM),
        79.0,
    );
    vec![
        ("nothing yet", PathReport::default()),
        ("mid-gathering", gathering.report()),
        ("direct", direct_call().report()),
        ("relayed by UDP", relayed_by(UDP)),
        ("relayed by TCP", relayed_by(TCP)),
        ("relayed by TLS", relayed_by(TLS)),
        ("relayed by them", theirs.report()),
        ("relayed by both", both.report()),
        ("nothing gets out", closed_for_udp(Call::new(PathPolicy::Any)).named(20).failed()),
        (
            "the relay refuses",
            Call::new(PathPolicy::Relay).named(20).server(STUN, |_| {}).silent(UDP, refused).failed(),
        ),
        ("they are not reached", {
            let call = Call::new(PathPolicy::Any).named(20).all_servers();
            call.pair(US, THEM, [14, 0, 0]).pair(LENT, THEM, [9, 0, 0]).failed()
        }),
        ("one way only", {
            let call = Call::new(PathPolicy::Direct).named(20).all_servers();
            call.pair(US, THEM, [14, 0, 6]).failed()
        }),
        ("IPv6", ipv6()),
        ("switched thrice", switched_thrice()),
        ("60 candidates", sixty_candidates()),
    ]
}

/// The one of that name.
pub(super) fn named(name: &str) -> PathReport {
    all().into_iter().find(|(known, _)| *known == name).map(|(_, report)| report).unwrap()
}

/// A call that ran for so many seconds.
pub(super) fn evidence(seconds: u32) -> Evidence {
    let happening = |t_ms, topic, sentence: &str| Happening { t_ms, topic, sentence: sentence.to_owned() };
    let log = |t_ms, level, from: &str, text: &str| LogLine {
        t_ms,
        level,
        from: from.to_owned(),
        text: text.to_owned(),
    };
    let description = |t_ms, is_ours, is_offer| Description {
        t_ms,
        leg: 1,
        is_ours,
        is_offer,
        sdp: "v=0\no=- 4962303333179871722 1 IN IP4 0.0.0.0\ns=-\nt=0 0\na=group:BUNDLE 0 1\n\
              m=audio 9 UDP/TLS/RTP/SAVPF 111\na=ice-ufrag:***\na=ice-pwd:***\na=fingerprint:***"
            .to_owned(),
    };
    let stage = |name: &str, median_ms, p95_ms| StageFact { name: name.to_owned(), median_ms, p95_ms };
    let codec = |kind: &str, mime: &str, payload_type, clock_hz, parameters: &str| CodecFact {
        kind: kind.to_owned(),
        mime: mime.to_owned(),
        payload_type,
        clock_hz,
        parameters: parameters.to_owned(),
    };
    Evidence {
        moments: (1..=seconds).map(moment).collect(),
        happenings: vec![
            happening(400, Topic::Call, "They took the call"),
            happening(760, Topic::Picture, "The first picture of theirs was shown"),
            happening(
                21_300,
                Topic::Picture,
                "Sending 640×360 at 30 because: the path has room for 0.7 Mbit/s",
            ),
            happening(48_000, Topic::Device, "The microphone is now Jabra Evolve2 65 Mono"),
            happening(60_400, Topic::Picture, "Their picture stood still for 0.9 s"),
            happening(
                61_500,
                Topic::Picture,
                "A key frame was asked for, because a picture could not be decoded",
            ),
        ],
        happenings_left_out: 0,
        media: MediaFacts {
            codecs: vec![
                codec(
                    "video",
                    "video/H264",
                    102,
                    90_000,
                    "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
                ),
                codec("audio", "audio/opus", 111, 48_000, "minptime=10;useinbandfec=1"),
            ],
            encryption: Encryption {
                dtls: Some("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256".to_owned()),
                srtp: Some("SRTP_AEAD_AES_128_GCM".to_owned()),
            },
            dtls_role: Some("client".to_owned()),
            code: Some("copper lantern orbit velvet".to_owned()),
            stages: vec![
                stage("camera to encoder", 2.1, Some(4.0)),
                stage("encoding", 4.4, Some(7.9)),
                stage("on the path", 11.3, Some(19.8)),
                stage("decoding", 1.2, Some(2.6)),
                stage("waiting for its sound", 24.0, None),
            ],
            devices: vec!["Jabra Evolve2 65 Mono".to_owned(), "Integrated Camera, 1280×720 at 30".to_owned()],
            device_names: vec!["Jabra Evolve2 65 Mono".to_owned(), "Integrated Camera".to_owned()],
        },
        descriptions: vec![description(120, true, true), description(310, false, false)],
        log: vec![
            log(3, LogLevel::Info, "engine::calling", "the call is taken"),
            log(
                61_000,
                LogLevel::Warn,
                "engine::video_recv",
                "a picture could not be decoded: a reference is missing",
            ),
            log(61_020, LogLevel::Debug, "logic::reassembly", "asks for a key frame"),
            log(
                95_000,
                LogLevel::Error,
                "adapters::camera",
                "the camera gave no picture for 5 s; it is opened again",
            ),
        ],
        hindrance: Hindrance::default(),
    }
}

fn moment(second: u32) -> Moment {
    let wave = |slow: f32, height: f32| ((second as f32 / slow).sin() + 1.0) * height;
    let is_bad = (60..70).contains(&(second % 150));
    let small = is_bad || second % 200 < 20;
    Moment {
        t_ms: u64::from(second) * 1000,
        for_ms: 1000,
        leg: Some(1),
        round_trip_ms: Some(22.0 + wave(7.0, 4.0) + if is_bad { 60.0 } else { 0.0 }),
        sent_bps: (900_000.0 + wave(11.0, 400_000.0)) as u32 / if small { 3 } else { 1 },
        received_bps: (1_100_000.0 + wave(17.0, 250_000.0)) as u32,
        picture_sent_bps: (800_000.0 + wave(11.0, 380_000.0)) as u32 / if small { 3 } else { 1 },
        picture_received_bps: (1_000_000.0 + wave(17.0, 240_000.0)) as u32,
        sound_sent_bps: 32_000,
        sound_received_bps: 33_000,
        target_bps: Some(if small { 700_000 } else { 2_400_000 }),
        lost_of_ours_percent: if is_bad { 8.5 } else { wave(23.0, 0.2) },
        lost_of_theirs_percent: if is_bad { 2.0 } else { 0.0 },
        jitter_ms: Some(12.0 + wave(13.0, 6.0)),
        frames_sent_per_s: if small { 24.0 } else { 30.0 },
        frames_shown_per_s: if is_bad { 17.0 } else { 30.0 },
        our_size: Some(if small { (640, 360) } else { (1280, 720) }),
        their_size: Some((1280, 720)),
        encode_ms: Some(4.2 + wave(5.0, 0.8)),
        decode_ms: Some(1.1 + wave(6.0, 0.3)),
        sound_held_ms: Some(48.0 + wave(19.0, 14.0)),
        concealed_percent: if is_bad { 1.4 } else { 0.0 },
        frozen_ms: if second % 150 == 64 { 900 } else { 0 },
        cpu_percent: Some(15.0 + wave(9.0, 3.0)),
    }
}

/// Ready for a card.
pub(super) fn shared(report: PathReport) -> Option<Arc<PathReport>> {
    Some(Arc::new(report))
}

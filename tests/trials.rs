//! What somebody tries with the path of a call that stands: two whole installations but their windows, in one process, with a
//! server that relays, on loopback.

use std::{
    collections::HashSet,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use sightline::{
    adapters::{
        headless::Headless,
        synthetic::{Hears, VideoChoice},
    },
    app::{DeviceWishes, Installation},
    engine::{
        api::{Command, Handle, Update},
        clock::Clock,
    },
    logic::{
        course::Stage,
        evidence::{Evidence, Hindrance, Topic, Trial},
        legs::LegWhy,
        path::{PathPolicy, PathReport, Route},
        phone::Owner,
        report::CallReport,
        servers::Transport,
    },
    media::{frame::Size, voice::VoiceSettings},
};
use sightline_protocol::{call::Media, keys::Identity, link::ServerAddress};
use sightline_server::{Config, RelayConfig, Server};
use tokio::time::timeout;

const BOTH: Media = Media { audio: true, video: true };
/// Also on a machine that builds meanwhile.
const PATIENCE: Duration = Duration::from_secs(60);

/// One end, and what it was told last.
struct End {
    handle: Handle,
    stages: Vec<Stage>,
    path: PathReport,
    evidence: Arc<Evidence>,
    problems: Vec<String>,
    report: Option<Box<CallReport>>,
    up: bool,
}

impl End {
    fn start(identity: Identity, server: &ServerAddress) -> Self {
        let media = Headless {
            video: VideoChoice::Pattern,
            hears: Some(Hears::Tone),
            voice: VoiceSettings::NOTHING,
            size: Size::new(320, 180).unwrap(),
            fps: 15,
            record: None,
            film: false,
            clock: Clock::start(),
        };
        let installation = Installation {
            identity,
            owner: Owner::default(),
            server: Some(server.clone()),
            media,
            others: None,
            devices: DeviceWishes::default(),
            glass: None,
            path: PathPolicy::Any,
            bind: vec![Ipv4Addr::LOCALHOST.into()],
            may_examine: HashSet::new(),
            hidden: false,
        };
        Self {
            handle: installation.start(),
            stages: Vec::new(),
            path: PathReport::default(),
            evidence: Arc::default(),
            problems: Vec::new(),
            report: None,
            up: false,
        }
    }

    async fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let waiting = async {
            while !is_so(self) {
                let update = self.handle.next().await.expect("the engine runs");
                self.take(update);
            }
        };
        let in_time = timeout(PATIENCE, waiting).await.is_ok();
        assert!(in_time, "waited for {what}; {:?} {:#?}", self.problems, self.path);
    }

    fn take(&mut self, update: Update) {
        if let Update::SwitchboardUp = update {
            self.up = true;
        } else if let Update::Stage { stage, .. } = update {
            self.stages.push(stage);
        } else if let Update::Path { path, .. } = update {
            self.path = *path;
        } else if let Update::Statistics { statistics, .. } = update {
            self.path = *statistics.path;
            self.evidence = statistics.evidence;
        } else if let Update::Problem { text } = update {
            self.problems.push(text);
        } else if let Update::Over { report } = update {
            self.report = Some(report);
        }
    }

    fn stands(&self) -> bool {
        self.stages.last() == Some(&Stage::Connected)
    }

    fn tries(&mut self, trial: Trial) {
        assert!(self.handle.say(Command::Trial(trial)));
    }

    fn over(&self) -> Option<Transport> {
        self.path.in_use.as_ref()?.our_relay.as_ref()?.over
    }

    fn told(&self, topic: Topic, words: &str) -> bool {
        let is_it = |sentence: &str| sentence.contains(words);
        self.evidence.happenings.iter().any(|one| one.topic == topic && is_it(&one.sentence))
    }
}

/// A call that stands, and its server.
async fn call() -> (End, End, Server) {
    let anywhere = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
    let relay = RelayConfig { allow: vec!["127.0.0.0/8".parse().unwrap()], ..RelayConfig::default() };
    let config = Config { turn_udp: anywhere.clone(), turn_tcp: anywhere, relay, ..Config::loopback() };
    let server = Server::bind(config).await.unwrap();
    let address: ServerAddress = server.addresses().url().parse().unwrap();
    let callee = Identity::generate().unwrap();
    let to = callee.address();
    let mut ours = End::start(Identity::generate().unwrap(), &address);
    let mut theirs = End::start(callee, &address);
    ours.until("the server", |end| end.up).await;
    theirs.until("the server", |end| end.up).await;
    assert!(ours.handle.say(Command::Dial { to, server: None, token: None, media: BOTH }));
    theirs.until("a ring", |end| end.stages.contains(&Stage::RingingHere)).await;
    assert!(theirs.handle.say(Command::Accept { media: BOTH }));
    ours.until("a call that stands", End::stands).await;
    theirs.until("a call that stands", End::stands).await;
    ours.until("a direct path", |end| end.path.route == Route::Direct).await;
    (ours, theirs, server)
}

/// Nobody has noticed anything, and what both ends have written down of it fits together.
async fn hang_up(mut ours: End, mut theirs: End, server: Server) -> (Box<CallReport>, Box<CallReport>) {
    assert!(ours.handle.say(Command::HangUp));
    ours.until("the report", |end| end.report.is_some()).await;
    theirs.until("the report", |end| end.report.is_some()).await;
    for end in [&ours, &theirs] {
        let since = end.stages.iter().skip_while(|stage| **stage != Stage::Connected).skip(1);
        assert!(since.clone().all(|stage| matches!(stage, Stage::Ended { .. })), "{:?}", end.stages);
    }
    server.close().await;
    (ours.report.take().unwrap(), theirs.report.take().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_the_way_that_somebody_tries_and_stands_throughout() {
    let (mut ours, theirs, server) = call().await;
    let first = ours.path.in_use.as_ref().map(|in_use| in_use.leg);

    ours.tries(Trial::Restart);
    ours.until("another leg", |end| {
        let asked = end.path.legs.iter().any(|leg| leg.why == LegWhy::Asked && leg.in_use_ms.is_some());
        asked && end.path.in_use.as_ref().map(|in_use| in_use.leg) != first
    })
    .await;

    ours.tries(Trial::Path(PathPolicy::RelayTcp));
    ours.until("a relay by TCP", |end| end.over() == Some(Transport::Tcp)).await;
    assert_eq!(ours.path.policy, PathPolicy::RelayTcp);

    // The server has none by TLS: nothing changes, and it is said.
    ours.tries(Trial::Path(PathPolicy::RelayTls));
    ours.until("a refusal", |end| end.problems.iter().any(|text| text.contains("relays over TLS no calls")))
        .await;
    ours.until("the policy from before", |end| end.path.policy == PathPolicy::RelayTcp).await;
    assert_eq!(ours.over(), Some(Transport::Tcp));

    ours.tries(Trial::Path(PathPolicy::Direct));
    ours.until("a direct path", |end| end.path.route == Route::Direct).await;
    ours.until("word of it", |end| end.told(Topic::Trial, "only direct paths are allowed")).await;

    let (here, there) = hang_up(ours, theirs, server).await;
    let [here, there] = [here.evidence, there.evidence];
    assert!(here.media.code.is_some() && here.media.code == there.media.code, "both read the same");
    let roles = [&here, &there].map(|end| end.media.dtls_role.clone());
    assert!(
        roles.contains(&Some("client".to_owned())) && roles.contains(&Some("server".to_owned())),
        "{roles:?}"
    );
    for evidence in [here, there] {
        let codecs: Vec<_> = evidence.media.codecs.iter().map(|codec| codec.mime.as_str()).collect();
        assert!(codecs.contains(&"audio/opus") && codecs.contains(&"video/H264"), "{codecs:?}");
        assert!(evidence.media.encryption.srtp.is_some() && !evidence.media.stages.is_empty());
        let ours = evidence.descriptions.iter().filter(|one| one.is_ours).count();
        assert!(ours > 0 && ours < evidence.descriptions.len(), "of both sides");
        let lines = evidence.descriptions.iter().flat_map(|one| one.sdp.lines());
        let secret = |line: &&str| line.starts_with("a=ice-pwd:") || line.starts_with("a=fingerprint:");
        assert!(lines.clone().any(|line| secret(&line)), "they are struck out, not left out");
        assert!(lines.filter(secret).all(|line| line.ends_with(":…")));
        let moments = &evidence.moments;
        assert!(moments.iter().any(|moment| moment.sent_bps > 10_000 && moment.received_bps > 10_000));
        assert!(moments.iter().any(|moment| moment.frames_shown_per_s > 5.0 && moment.encode_ms.is_some()));
        assert!(moments.iter().any(|moment| moment.their_size.is_some() && moment.sound_held_ms.is_some()));
        #[cfg(target_os = "linux")]
        assert!(moments.iter().skip(1).all(|moment| moment.cpu_percent.is_some()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn our_sending_is_hindered_as_somebody_asks_and_the_call_finds_its_way() {
    let (mut ours, mut theirs, server) = call().await;
    let loses = Hindrance { loss_percent: 30, ..Hindrance::default() };
    ours.tries(Trial::Hinder(loses));
    ours.until("loss", |end| {
        end.evidence.hindrance == loses
            && end.evidence.moments.last().is_some_and(|moment| moment.lost_of_ours_percent > 10.0)
    })
    .await;
    // More than is bearable is not done.
    ours.tries(Trial::Hinder(Hindrance { loss_percent: 100, delay_ms: u16::MAX, blocks_udp: false }));
    ours.until("bounds", |end| end.evidence.hindrance.loss_percent == 90).await;

    let blocks = Hindrance { blocks_udp: true, ..Hindrance::default() };
    ours.tries(Trial::Hinder(blocks));
    ours.until("a relay by TCP", |end| end.over() == Some(Transport::Tcp)).await;
    theirs
        .until("the same", |end| {
            end.path.route == Route::RelayedByThem || end.path.route == Route::RelayedByBoth
        })
        .await;
    ours.tries(Trial::Hinder(Hindrance::default()));
    ours.until("an end of it", |end| {
        !end.evidence.hindrance.is_on() && end.told(Topic::Trial, "not hindered any more")
    })
    .await;
    assert!(ours.handle.say(Command::HangUp));
    ours.until("the report", |end| end.report.is_some()).await;
    drop(theirs);
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_call_nothing_can_be_tried_and_it_is_said() {
    let server = Server::bind(Config::loopback()).await.unwrap();
    let address: ServerAddress = server.addresses().url().parse().unwrap();
    let mut end = End::start(Identity::generate().unwrap(), &address);
    end.tries(Trial::Restart);
    end.until("a refusal", |end| end.problems.iter().any(|text| text.contains("no call is connected"))).await;
    server.close().await;
}

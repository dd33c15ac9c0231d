//! Two real peer connections on loopback that may use a relay alone, and what they report.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        mpsc::{Receiver, sync_channel},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use sightline::{
    adapters::{peer::WebRtc, proxy::Proxies},
    engine::{
        clock::Clock,
        counters::Tally,
        ports::{Peer, PeerMaker as _, PeerNews, PeerReport, PeerSetup},
    },
    logic::{
        call::PeerEvent,
        course::Link,
        legs::Order,
        packet::Packet,
        path::{PairInUse, PathPolicy},
        servers::{RelayAccess, ServerUrl, Servers},
        sightings::{ServerSeen, Sightings, Trouble},
    },
};
use sightline_protocol::call::DescriptionKind;
use tokio::{sync::mpsc, time::timeout};

use crate::support::setup::on_loopback;

pub(super) const PATIENCE: Duration = Duration::from_secs(30);
pub(super) const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// One end of a call.
pub(super) struct End {
    peer: Option<Box<dyn Peer>>,
    reports: mpsc::Receiver<PeerReport>,
    video: Receiver<(Packet, Instant)>,
    pub(super) tally: Arc<Tally>,
    pub(super) clock: Clock,
    pub(super) up: bool,
    pub(super) has_gathered: bool,
    pub(super) candidates: Vec<String>,
    pub(super) path: Option<PairInUse>,
    pub(super) seen: Sightings,
    sequence: u16,
}

impl End {
    pub(super) fn open(servers: Servers, path: PathPolicy, proxies: Proxies) -> Self {
        let (reports, reported) = mpsc::channel(256);
        let (video, video_in) = sync_channel(8192);
        let (clock, tally) = (Clock::start(), Arc::new(Tally::default()));
        let peers = WebRtc::new(tokio::runtime::Handle::current(), clock).through(proxies);
        let usual = on_loopback(reports, video);
        let peer = peers.open(PeerSetup { path, servers, tally: tally.clone(), ..usual });
        Self {
            peer: Some(peer),
            reports: reported,
            video: video_in,
            tally,
            clock,
            up: false,
            has_gathered: false,
            candidates: Vec::new(),
            path: None,
            seen: Sightings::default(),
            sequence: 0,
        }
    }

    pub(super) fn order(&self, order: Order) {
        assert!(self.peer.as_ref().unwrap().order(order));
    }

    /// Sends a packet of a picture; whether it was taken.
    pub(super) fn send(&mut self, payload: Bytes, timestamp: u32) -> bool {
        self.sequence = self.sequence.wrapping_add(1);
        self.peer.as_ref().unwrap().video_out().send(payload, timestamp, true, self.sequence)
    }

    /// The packets that have come.
    pub(super) fn came(&self) -> Vec<(Packet, Instant)> {
        self.video.try_iter().collect()
    }

    pub(super) fn leave(&mut self) {
        self.peer = None;
    }

    /// What is known of the server behind that door.
    pub(super) fn server(&self, url: &ServerUrl) -> Option<&ServerSeen> {
        self.seen.servers.iter().find(|server| server.url == *url)
    }

    pub(super) fn trouble(&self, url: &ServerUrl) -> Option<&Trouble> {
        self.server(url).and_then(|server| server.trouble.as_ref())
    }

    /// Takes one report, and gives what the other end has to be told.
    fn take(&mut self, report: PeerReport) -> Option<Order> {
        match report.news {
            PeerNews::Event(PeerEvent::Description { kind: DescriptionKind::Offer, sdp }) => {
                Some(Order::TakeOffer { sdp })
            }
            PeerNews::Event(PeerEvent::Description { sdp, .. }) => Some(Order::TakeAnswer { sdp }),
            PeerNews::Event(PeerEvent::Candidate(candidate)) => {
                self.candidates.push(candidate.line.clone());
                Some(Order::AddCandidate(candidate))
            }
            PeerNews::Event(PeerEvent::CandidatesDone) => {
                self.has_gathered = true;
                Some(Order::EndOfCandidates)
            }
            PeerNews::Event(PeerEvent::Link(link)) => {
                self.up = link == Link::Up;
                None
            }
            PeerNews::Sightings(seen) => {
                self.seen = *seen;
                None
            }
            PeerNews::Path { in_use, .. } => {
                self.path = Some(in_use);
                None
            }
            PeerNews::Said(_) => None,
            PeerNews::Broken(why) => panic!("{why}"),
            PeerNews::Event(_) | PeerNews::KeyFrameWanted => None,
        }
    }

    /// Alone: makes an offer, and sees what comes of looking for ways, until it is so.
    pub(super) async fn gather(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let run = async {
            while !is_so(self) {
                let report = self.reports.recv().await.unwrap();
                self.take(report);
            }
        };
        let done = timeout(PATIENCE, run).await.is_ok();
        assert!(done, "not so within {PATIENCE:?}: {what}: {:#?}", self.seen.servers);
    }
}

/// Both ends.
pub(super) struct Pair {
    pub(super) caller: End,
    pub(super) callee: End,
}

impl Pair {
    /// Hands reports over until it is so.
    pub(super) async fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let run = async {
            while !is_so(self) {
                tokio::select! {
                    Some(report) = self.caller.reports.recv() => {
                        if let Some(order) = self.caller.take(report) {
                            self.callee.order(order);
                        }
                    }
                    Some(report) = self.callee.reports.recv() => {
                        if let Some(order) = self.callee.take(report) {
                            self.caller.order(order);
                        }
                    }
                    () = tokio::time::sleep(Duration::from_millis(20)) => {}
                }
            }
        };
        let done = timeout(PATIENCE, run).await.is_ok();
        assert!(done, "not so within {PATIENCE:?}: {what}: {:#?} {:#?}", self.caller.seen, self.callee.seen);
    }

    /// Two ends that reach each other over relays alone, these.
    pub(super) fn over([ours, theirs]: [RelayAccess; 2], proxies: &Proxies) -> Self {
        let open = |relay| {
            let servers = Servers { stun: Vec::new(), relay: Some(relay) };
            End::open(servers, PathPolicy::Relay, proxies.clone())
        };
        let pair = Self { caller: open(ours), callee: open(theirs) };
        pair.caller.order(Order::MakeOffer);
        pair
    }

    pub(super) async fn connect(relays: [RelayAccess; 2], proxies: &Proxies) -> Self {
        let mut pair = Self::over(relays, proxies);
        pair.until("both ends are up", |pair| pair.caller.up && pair.callee.up).await;
        pair
    }

    /// Sends so many packets, one each so often, and gives of each that came its number, and how long it
    /// took: from *taken to be sent* to *come*.
    pub(super) async fn send(&mut self, packets: u32, bytes: usize, every: Duration) -> Vec<(u32, Duration)> {
        let mut took = Vec::new();
        let began = Instant::now();
        let (ours, theirs) = (self.caller.clock, self.callee.clock);
        let mut note = |end: &End| {
            for (packet, came) in end.came() {
                let sent = u64::from_be_bytes(*packet.payload.first_chunk().unwrap());
                let micros = theirs.media(came).as_micros().saturating_sub(sent);
                took.push((packet.timestamp, Duration::from_micros(micros)));
            }
        };
        for number in 0..packets {
            let due = began + every * number;
            tokio::time::sleep_until(due.into()).await;
            let mut payload = ours.media_now().as_micros().to_be_bytes().to_vec();
            payload.resize(bytes, 7);
            self.caller.send(payload.into(), number);
            note(&self.callee);
        }
        let mut last = Instant::now();
        let mut before = took_len(&self.callee, &mut note);
        while last.elapsed() < Duration::from_secs(1) {
            self.until("a moment", |_| true).await;
            tokio::time::sleep(Duration::from_millis(10)).await;
            let now = took_len(&self.callee, &mut note);
            if now != before {
                (last, before) = (Instant::now(), now);
            }
        }
        took
    }
}

fn took_len(end: &End, note: &mut impl FnMut(&End)) -> u64 {
    note(end);
    end.tally.counters().video_packets_received
}

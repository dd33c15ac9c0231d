//! The adapter around `webrtc`, by itself: two real peer connections on loopback, orders in, reports out.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, sync_channel},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use sightline::{
    adapters::peer::WebRtc,
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
        servers::Servers,
    },
};
use sightline_protocol::call::{CallId, DescriptionKind, Media};
use tokio::{sync::mpsc, time::timeout};

const PATIENCE: Duration = Duration::from_secs(10);

struct End {
    peer: Option<Box<dyn Peer>>,
    reports: mpsc::Receiver<PeerReport>,
    video: Receiver<(Packet, Instant)>,
    up: bool,
    path: Option<PairInUse>,
    key_frames_wanted: u32,
    closed: bool,
}

impl End {
    fn open(generation: u32) -> Self {
        let (reports, reported) = mpsc::channel(256);
        let (video, video_in) = sync_channel(512);
        let (audio, _) = sync_channel(64);
        let peers = WebRtc::new(tokio::runtime::Handle::current(), Clock::start());
        let peer = peers.open(PeerSetup {
            call: CallId([1; 16]),
            generation,
            media: Media { audio: true, video: true },
            path: PathPolicy::Any,
            bind: vec![[127, 0, 0, 1].into()],
            servers: Servers::default(),
            reports,
            video,
            audio,
            tally: Arc::new(Tally::default()),
        });
        Self {
            peer: Some(peer),
            reports: reported,
            video: video_in,
            up: false,
            path: None,
            key_frames_wanted: 0,
            closed: false,
        }
    }

    fn order(&self, order: Order) {
        assert!(self.peer.as_ref().unwrap().order(order));
    }

    /// Takes one report, and gives what the other end has to be told.
    fn take(&mut self, report: PeerReport) -> Option<Order> {
        match report.news {
            PeerNews::Event(PeerEvent::Description { kind: DescriptionKind::Offer, sdp }) => {
                Some(Order::TakeOffer { sdp })
            }
            PeerNews::Event(PeerEvent::Description { sdp, .. }) => Some(Order::TakeAnswer { sdp }),
            PeerNews::Event(PeerEvent::Candidate(candidate)) => Some(Order::AddCandidate(candidate)),
            PeerNews::Event(PeerEvent::CandidatesDone) => Some(Order::EndOfCandidates),
            PeerNews::Event(PeerEvent::Link(link)) => {
                self.up = link == Link::Up;
                self.closed |= link == Link::Closed;
                None
            }
            PeerNews::Sightings(_) => None,
            PeerNews::KeyFrameWanted => {
                self.key_frames_wanted += 1;
                None
            }
            PeerNews::Path { in_use, encryption } => {
                assert!(!self.up || encryption.srtp.is_some());
                self.path = Some(in_use);
                None
            }
            PeerNews::Broken(why) => panic!("{why}"),
            PeerNews::Event(event) => panic!("the adapter leaves it to others to say {event:?}"),
        }
    }
}

struct Pair {
    caller: End,
    callee: End,
}

impl Pair {
    fn open() -> Self {
        Self { caller: End::open(1), callee: End::open(1) }
    }

    /// Hands reports over until it is so.
    async fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
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
        assert!(timeout(PATIENCE, run).await.is_ok(), "not so within {PATIENCE:?}: {what}");
    }

    async fn connect() -> Self {
        let mut pair = Self::open();
        pair.caller.order(Order::MakeOffer);
        pair.until("both ends are up", |pair| pair.caller.up && pair.callee.up).await;
        pair
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packets_arrive_as_they_were_sent() {
    let mut pair = Pair::connect().await;
    let out = pair.caller.peer.as_ref().unwrap().video_out();
    for number in 0..50_u32 {
        let payload = Bytes::from(number.to_be_bytes().repeat(200));
        assert!(out.send(payload, number * 3000, number % 2 == 1, number as u16));
    }

    let mut got: Vec<Packet> = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    while got.len() < 50 && Instant::now() < deadline {
        pair.until("a moment", |_| true).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
        got.extend(pair.callee.video.try_iter().map(|(packet, _)| packet));
    }

    assert_eq!(got.len(), 50);
    for (number, packet) in (0..50_u32).zip(&got) {
        assert_eq!(packet.payload, number.to_be_bytes().repeat(200));
        assert_eq!((packet.timestamp, packet.marker), (number * 3000, number % 2 == 1));
        assert_eq!(packet.sequence.wrapping_sub(got[0].sequence), number as u16);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_for_a_key_frame_reaches_the_sender() {
    let mut pair = Pair::connect().await;
    let out = pair.caller.peer.as_ref().unwrap().video_out();
    assert!(out.send(Bytes::from_static(&[7; 100]), 0, true, 0));
    let ask = pair.callee.peer.as_ref().unwrap().key_frame_asker();
    let deadline = Instant::now() + PATIENCE;
    while pair.callee.video.try_recv().is_err() {
        assert!(Instant::now() < deadline, "the first packet arrives");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    ask();

    pair.until("the sender is asked", |pair| pair.caller.key_frames_wanted > 0).await;
    assert_eq!(pair.callee.key_frames_wanted, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_that_goes_is_heard_to_go() {
    let mut pair = Pair::connect().await;
    let out = pair.caller.peer.as_ref().unwrap().video_out();
    assert!(out.send(Bytes::from_static(&[7; 100]), 0, true, 0));
    let started = Instant::now();

    pair.caller.peer = None;

    pair.until("the goodbye", |pair| pair.callee.closed).await;
    assert!(started.elapsed() < Duration::from_secs(2), "not by silence: {:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_path_is_reported_as_soon_as_it_is_up() {
    let mut pair = Pair::connect().await;
    pair.until("both know the path", |pair| pair.caller.path.is_some() && pair.callee.path.is_some()).await;
    let (caller, callee) = (pair.caller.path.unwrap(), pair.callee.path.unwrap());
    assert_eq!((caller.local.port, caller.remote.port), (callee.remote.port, callee.local.port));
}

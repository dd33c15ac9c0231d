//! The adapter around `webrtc`, by itself: two real peer connections on loopback, orders in, reports out.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use sightline::{
    adapters::peer::WebRtc,
    engine::{
        clock::Clock,
        ports::{NumberedSink, Peer, PeerMaker as _, PeerNews, PeerReport, PeerSetup},
    },
    logic::{call::PeerEvent, course::Link, legs::Order, packet::Packet, path::PairInUse},
};
use sightline_protocol::{call::DescriptionKind, limits::MAX_SEALED_BYTES};
use tokio::{sync::mpsc, time::timeout};

use crate::support::setup::on_loopback;

const PATIENCE: Duration = Duration::from_secs(10);

/// One end of a call, with as many connections as the other has.
struct End {
    peers: BTreeMap<u32, Box<dyn Peer>>,
    report_to: mpsc::Sender<PeerReport>,
    reports: mpsc::Receiver<PeerReport>,
    video_to: SyncSender<(Packet, Instant)>,
    video: Receiver<(Packet, Instant)>,
    up: BTreeSet<u32>,
    closed: BTreeSet<u32>,
    path: Option<PairInUse>,
    key_frames_wanted: u32,
    /// What was said over the connections themselves.
    heard: Vec<Vec<u8>>,
}

impl End {
    fn new() -> Self {
        let (report_to, reports) = mpsc::channel(256);
        let (video_to, video) = sync_channel(1024);
        Self {
            peers: BTreeMap::new(),
            report_to,
            reports,
            video_to,
            video,
            up: BTreeSet::new(),
            closed: BTreeSet::new(),
            path: None,
            key_frames_wanted: 0,
            heard: Vec::new(),
        }
    }

    fn open(&mut self, generation: u32) {
        let peers = WebRtc::new(tokio::runtime::Handle::current(), Clock::start());
        let usual = on_loopback(self.report_to.clone(), self.video_to.clone());
        self.peers.insert(generation, peers.open(PeerSetup { generation, ..usual }));
    }

    fn order(&self, generation: u32, order: Order) {
        if let Some(peer) = self.peers.get(&generation) {
            assert!(peer.order(order));
        }
    }

    /// Takes one report, and gives what the other end has to be told of which connection.
    fn take(&mut self, report: PeerReport) -> Option<(u32, Order)> {
        let generation = report.generation;
        let order = match report.news {
            PeerNews::Event(PeerEvent::Description { kind: DescriptionKind::Offer, sdp }) => {
                Some(Order::TakeOffer { sdp })
            }
            PeerNews::Event(PeerEvent::Description { sdp, .. }) => Some(Order::TakeAnswer { sdp }),
            PeerNews::Event(PeerEvent::Candidate(candidate)) => Some(Order::AddCandidate(candidate)),
            PeerNews::Event(PeerEvent::CandidatesDone) => Some(Order::EndOfCandidates),
            PeerNews::Event(PeerEvent::Link(link)) => {
                if link == Link::Up {
                    self.up.insert(generation);
                } else {
                    self.up.remove(&generation);
                }
                if link == Link::Closed {
                    self.closed.insert(generation);
                }
                None
            }
            PeerNews::Sightings(_) => None,
            PeerNews::KeyFrameWanted => {
                self.key_frames_wanted += 1;
                None
            }
            PeerNews::Path { in_use, encryption } => {
                assert!(!self.up.contains(&generation) || encryption.srtp.is_some());
                self.path = Some(in_use);
                None
            }
            PeerNews::Said(sealed) => {
                self.heard.push(sealed);
                None
            }
            PeerNews::Broken(why) => panic!("{why}"),
            PeerNews::Event(event) => panic!("the adapter leaves it to others to say {event:?}"),
        };
        order.map(|order| (generation, order))
    }
}

struct Pair {
    caller: End,
    callee: End,
}

impl Pair {
    /// Hands reports over until it is so.
    async fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let run = async {
            while !is_so(self) {
                tokio::select! {
                    Some(report) = self.caller.reports.recv() => {
                        if let Some((generation, order)) = self.caller.take(report) {
                            self.callee.order(generation, order);
                        }
                    }
                    Some(report) = self.callee.reports.recv() => {
                        if let Some((generation, order)) = self.callee.take(report) {
                            self.caller.order(generation, order);
                        }
                    }
                    () = tokio::time::sleep(Duration::from_millis(20)) => {}
                }
            }
        };
        assert!(timeout(PATIENCE, run).await.is_ok(), "not so within {PATIENCE:?}: {what}");
    }

    /// Another connection, beside whatever there is.
    async fn build(&mut self, generation: u32) {
        for end in [&mut self.caller, &mut self.callee] {
            end.open(generation);
        }
        self.caller.order(generation, Order::MakeOffer);
        self.until("both ends are up", |pair| {
            [&pair.caller, &pair.callee].iter().all(|end| end.up.contains(&generation))
        })
        .await;
    }

    async fn connect() -> Self {
        let mut pair = Self { caller: End::new(), callee: End::new() };
        pair.build(1).await;
        pair
    }
}

/// Sends a numbered packet every few milliseconds, on whatever connection it is told to.
struct Stream {
    sink: Arc<Mutex<Arc<dyn NumberedSink>>>,
    stop: Arc<AtomicBool>,
    sender: thread::JoinHandle<u16>,
}

impl Stream {
    fn begin(first: u16, on: Arc<dyn NumberedSink>) -> Self {
        let sink = Arc::new(Mutex::new(on));
        let stop = Arc::<AtomicBool>::default();
        let sender = thread::spawn({
            let (sink, stop) = (sink.clone(), stop.clone());
            move || {
                let mut next = first;
                while !stop.load(Ordering::Relaxed) {
                    let payload = Bytes::copy_from_slice(&[7; 100]);
                    assert!(sink.lock().unwrap().send(payload, u32::from(next) * 3000, true, next));
                    next = next.wrapping_add(1);
                    thread::sleep(Duration::from_millis(4));
                }
                next
            }
        });
        Self { sink, stop, sender }
    }

    fn go_over_to(&self, sink: Arc<dyn NumberedSink>) {
        *self.sink.lock().unwrap() = sink;
    }

    /// The number after the last.
    fn end(self) -> u16 {
        self.stop.store(true, Ordering::Relaxed);
        self.sender.join().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_stream_goes_on_without_a_hole_when_a_second_connection_takes_over() {
    const FIRST: u16 = 65_500;
    let mut pair = Pair::connect().await;
    let stream = Stream::begin(FIRST, pair.caller.peers[&1].video_out());
    let heard = |pair: &Pair, generation| pair.callee.peers[&generation].heard_at();
    pair.until("media comes on the first", |pair| heard(pair, 1).is_some()).await;

    pair.build(3).await;
    assert!(heard(&pair, 3).is_none(), "nobody has sent on the second yet");
    stream.go_over_to(pair.caller.peers[&3].video_out());
    pair.until("media comes on the second", |pair| heard(pair, 3).is_some()).await;
    let began = Instant::now();
    pair.until("a little more of it", |_| began.elapsed() > Duration::from_millis(300)).await;
    pair.caller.peers.remove(&1);
    pair.until("the first is closed", |pair| pair.callee.closed.contains(&1)).await;
    pair.callee.peers.remove(&1);
    let began = Instant::now();
    pair.until("more of it", |_| began.elapsed() > Duration::from_millis(300)).await;
    let sent = stream.end().wrapping_sub(FIRST);

    let mut got = BTreeSet::new();
    let deadline = Instant::now() + PATIENCE;
    while got.len() < usize::from(sent) && Instant::now() < deadline {
        got.extend(pair.callee.video.try_iter().map(|(packet, _)| packet.sequence.wrapping_sub(FIRST)));
        pair.until("a moment", |_| true).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(got.iter().copied().eq(0..sent), "of {sent} came {got:?}");
    assert!(pair.caller.up.contains(&3) && pair.callee.up.contains(&3), "the second is untouched");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packets_arrive_as_they_were_sent() {
    let mut pair = Pair::connect().await;
    let out = pair.caller.peers[&1].video_out();
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
async fn a_request_for_a_key_frame_reaches_the_sender_that_sees_pictures_itself() {
    let mut pair = Pair::connect().await;
    for end in [&pair.caller, &pair.callee] {
        let out = end.peers[&1].video_out();
        assert!(out.send(Bytes::from_static(&[7; 100]), 0, true, 0));
    }
    let ask = pair.callee.peers[&1].key_frame_asker();
    let deadline = Instant::now() + PATIENCE;
    for end in [&pair.caller, &pair.callee] {
        while end.video.try_recv().is_err() {
            assert!(Instant::now() < deadline, "the first packet arrives");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    ask();

    pair.until("the sender is asked", |pair| pair.caller.key_frames_wanted > 0).await;
    assert_eq!(pair.callee.key_frames_wanted, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_on_the_connection_arrives_whole_and_once() {
    let mut pair = Pair::connect().await;
    let long = vec![9; MAX_SEALED_BYTES];
    pair.until("the caller can speak", |pair| pair.caller.peers[&1].say(b"short")).await;
    pair.until("the callee can", |pair| pair.callee.peers[&1].say(&long)).await;
    assert!(pair.caller.peers[&1].say(&long));
    pair.until("all is heard", |pair| pair.callee.heard.len() == 2 && pair.caller.heard.len() == 1).await;
    assert_eq!(pair.callee.heard, [b"short".to_vec(), long.clone()]);
    assert_eq!(pair.caller.heard, [long]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_that_goes_is_heard_to_go() {
    let mut pair = Pair::connect().await;
    let out = pair.caller.peers[&1].video_out();
    assert!(out.send(Bytes::from_static(&[7; 100]), 0, true, 0));
    // A goodbye is heard on what media came on.
    pair.until("media comes", |pair| pair.callee.peers[&1].heard_at().is_some()).await;
    let started = Instant::now();

    pair.caller.peers.clear();

    pair.until("the goodbye", |pair| pair.callee.closed.contains(&1)).await;
    assert!(started.elapsed() < Duration::from_secs(2), "not by silence: {:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_path_is_reported_as_soon_as_it_is_up() {
    let mut pair = Pair::connect().await;
    pair.until("both know the path", |pair| pair.caller.path.is_some() && pair.callee.path.is_some()).await;
    let (caller, callee) = (pair.caller.path.unwrap(), pair.callee.path.unwrap());
    assert_eq!((caller.local.port, caller.remote.port), (callee.remote.port, callee.local.port));
}

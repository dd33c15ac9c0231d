//! A peer connection: our orders become calls of `webrtc`, and its callbacks our reports.
//!
//! Each connection has one task that carries out orders one after the other, so that descriptions and candidates are
//! applied in the order in which they were decided. What `webrtc` 0.21 needs besides, with the reasons:
//!
//! * explicit addresses to bind (`interfaces`), and our own runtime (`net_runtime`);
//! * checks every 50 ms instead of 200 ms, or a connection on a LAN takes half a second;
//! * no wait for pairs learned from the other side's checks: its check often overtakes its candidate, and the default would
//!   then hold up the call for a second (one in twenty-five on loopback);
//! * mDNS only where it can work, because a connection fails with it (`multicast`);
//! * parts of our own for what leaves and at what pace (`departure`) and for what is missing (`repairs`), in place of its
//!   pacer, its estimator and its requests for repairs, which ask for ever: they do not see what comes;
//! * requests for key frames and goodbyes let through by an interceptor of ours (`rtcp_to_us`);
//! * a goodbye of our own before closing: the library's closing is not heard at the other side.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rtc::{
    interceptor::{Slot, TwccReceiverBuilder},
    peer_connection::configuration::interceptor_registry::configure_rtcp_reports,
};
use sightline_protocol::call::{Candidate, DescriptionKind};
use tokio::{
    runtime::Handle,
    sync::{Notify, mpsc},
    time::{MissedTickBehavior, interval, sleep},
};
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, RTCConfigurationBuilder, RTCIceCandidateInit,
    RTCIceTransportPolicy, RTCSessionDescription, Registry, SettingEngineBuilder, StatsSelector,
};

use crate::{
    engine::{
        clock::Clock,
        ports::{FrameSink, NumberedSink, Peer, PeerMaker, PeerNews, PeerReport, PeerSetup},
    },
    logic::{call::PeerEvent, course::Link, legs::Order},
};

use super::{
    bundle, codecs,
    departure::Departure,
    heard::Heard,
    ice_servers::Doors,
    interfaces, multicast,
    net_runtime::{NetRuntime, Watch},
    peer_events::{Channels, Events},
    peer_files::FileChannel,
    peer_stats,
    peer_tracks::{LocalTracks, PacketQueue},
    peer_words::{UNACKNOWLEDGED_BYTES, Words},
    proxy::Proxies,
    repairs::Repairs,
    rtcp_to_us::RtcpToUs,
};

/// Orders waiting for the connection's task. When it is full the order is refused and the call fails: nobody needs that
/// many.
const ORDERS: usize = 256;
/// How often the path is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How often it is told what the sockets see, until the connection is up.
const SEE: Duration = Duration::from_millis(100);
/// A path on which nothing was heard for this long is called interrupted.
const INTERRUPTED_AFTER: Duration = Duration::from_secs(3);
/// Longer than the call itself waits for an interrupted path: the call decides, not the library.
const FAILED_AFTER: Duration = Duration::from_secs(60);
const KEEP_ALIVE: Duration = Duration::from_secs(1);
const CHECK_EVERY: Duration = Duration::from_millis(50);
/// Ten seconds of checks for each pair; the other side may take that long to begin with its own.
const MOST_CHECKS: u16 = 200;
/// A pair over a NAT's outside is taken only when none on the inside has answered by then.
const REFLEXIVE_WAIT: Duration = Duration::from_millis(100);
/// A relayed pair is taken only when nothing better has answered by then.
const RELAY_WAIT: Duration = Duration::from_millis(500);
/// The driver sends what it was given at its next wake-up; closing does not wait for that.
const GOODBYE_ON_ITS_WAY: Duration = Duration::from_millis(30);
/// How often the other side is told what arrived.
const TELL_EVERY: Duration = Duration::from_millis(50);

/// Makes peer connections on a tokio runtime.
pub struct WebRtc {
    runtime: Handle,
    clock: Clock,
    proxies: Proxies,
}

impl WebRtc {
    /// On that runtime, and through the proxies that the system names where it needs streams.
    pub fn new(runtime: Handle, clock: Clock) -> Self {
        Self { runtime, clock, proxies: Proxies::of_system() }
    }

    /// The same, through these proxies.
    pub fn through(self, proxies: Proxies) -> Self {
        Self { proxies, ..self }
    }
}

impl PeerMaker for WebRtc {
    fn open(&self, setup: PeerSetup) -> Box<dyn Peer> {
        let (orders, ordered) = mpsc::channel(ORDERS);
        let (video, video_queue) = PacketQueue::new();
        let (audio, audio_queue) = PacketQueue::new();
        let want_key_frame = Arc::new(Notify::new());
        let heard = Arc::new(Heard::default());
        let watch = Arc::new(Watch::new(self.clock));
        let moved = Arc::new(Notify::new());
        let words = Arc::new(Words::new(moved.clone()));
        let files = Arc::new(FileChannel::new(setup.files.clone()));
        let task = Task {
            tracks: LocalTracks::new(setup.media, video_queue, audio_queue),
            want_key_frame: want_key_frame.clone(),
            moved,
            channels: Channels { words: words.clone(), files: files.clone() },
            clock: self.clock,
            heard: heard.clone(),
            proxies: self.proxies.clone(),
            doors: Doors::new(&setup.servers),
            watch,
            is_up: Arc::default(),
            told_closed: false,
            setup,
        };
        self.runtime.spawn(task.run(ordered));
        let (video, audio, clock) = (Arc::new(video), Arc::new(audio), self.clock);
        Box::new(Connection { orders, words, files, video, audio, want_key_frame, heard, clock })
    }
}

/// The end of a peer connection that the engine holds.
struct Connection {
    orders: mpsc::Sender<Order>,
    words: Arc<Words>,
    files: Arc<FileChannel>,
    video: Arc<PacketQueue>,
    audio: Arc<PacketQueue>,
    want_key_frame: Arc<Notify>,
    heard: Arc<Heard>,
    clock: Clock,
}

impl Peer for Connection {
    fn order(&self, order: Order) -> bool {
        self.orders.try_send(order).is_ok()
    }

    fn say(&self, sealed: &[u8]) -> bool {
        self.words.say(sealed)
    }

    fn video_out(&self) -> Arc<dyn NumberedSink> {
        self.video.clone()
    }

    fn audio_out(&self) -> Arc<dyn NumberedSink> {
        self.audio.clone()
    }

    fn files_out(&self) -> Arc<dyn FrameSink> {
        self.files.clone()
    }

    fn heard_at(&self) -> Option<Instant> {
        self.heard.last().map(|at| self.clock.instant(at))
    }

    fn key_frame_asker(&self) -> Arc<dyn Fn() + Send + Sync> {
        let want_key_frame = self.want_key_frame.clone();
        Arc::new(move || want_key_frame.notify_one())
    }
}

struct Task {
    setup: PeerSetup,
    tracks: LocalTracks,
    want_key_frame: Arc<Notify>,
    /// The connection stands differently, so its path may be another.
    moved: Arc<Notify>,
    channels: Channels,
    clock: Clock,
    heard: Arc<Heard>,
    proxies: Proxies,
    doors: Doors,
    watch: Arc<Watch>,
    /// The connection stands, so what its sockets see need not be told at once.
    is_up: Arc<AtomicBool>,
    told_closed: bool,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Task {
    async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let connection = match self.build().await {
            Ok(connection) => connection,
            Err(error) => {
                self.report(PeerNews::Broken(error.to_string())).await;
                return;
            }
        };
        let [mut look, mut see] = [LOOK, SEE].map(interval);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        see.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                order = orders.recv() => match order {
                    None => break,
                    Some(order) => {
                        if let Err(error) = self.carry_out(connection.as_ref(), order).await {
                            self.report(PeerNews::Broken(error.to_string())).await;
                        }
                    }
                },
                _ = look.tick() => {
                    self.look_at_path(connection.as_ref()).await;
                    self.tell_sightings().await;
                }
                _ = see.tick(), if !self.is_up.load(Ordering::Relaxed) => self.tell_sightings().await,
                () = self.moved.notified() => self.look_at_path(connection.as_ref()).await,
            }
        }
        self.tracks.say_goodbye().await;
        sleep(GOODBYE_ON_ITS_WAY).await;
        if let Err(error) = connection.close().await {
            tracing::debug!(%error, "a peer connection did not close cleanly");
        }
    }

    async fn build(&mut self) -> Result<Arc<dyn PeerConnection>, Failure> {
        let addresses = interfaces::to_bind(&self.setup.bind);
        let sockets: Vec<SocketAddr> = addresses.iter().map(|address| SocketAddr::new(*address, 0)).collect();
        let (policy, relay_wait) = if self.setup.path.needs_relay() {
            (RTCIceTransportPolicy::Relay, Duration::ZERO)
        } else {
            (RTCIceTransportPolicy::All, RELAY_WAIT)
        };
        let settings = SettingEngineBuilder::new()
            .with_ice_timeouts(Some(INTERRUPTED_AFTER), Some(FAILED_AFTER), Some(KEEP_ALIVE))
            .with_ice_connection_attempts(Some(CHECK_EVERY), Some(MOST_CHECKS))
            .with_prflx_acceptance_min_wait(Some(Duration::ZERO))
            .with_srflx_acceptance_min_wait(Some(REFLEXIVE_WAIT))
            .with_relay_acceptance_min_wait(Some(relay_wait))
            .with_multicast_dns_mode(multicast::mode(&addresses, self.setup.path))
            .with_multicast_dns_timeout(Some(multicast::PATIENCE));
        let configuration = RTCConfigurationBuilder::default()
            .with_ice_transport_policy(policy)
            .with_ice_servers(self.doors.ice_servers());
        let runtime = NetRuntime::new(
            self.doors.clone(),
            self.watch.clone(),
            self.setup.tally.clone(),
            self.setup.hindering.clone(),
            self.proxies.clone(),
            self.setup.bind.clone(),
        );
        let registry = configure_rtcp_reports(Registry::new())
            .with(
                Slot::CongestionControl,
                Departure::new(self.setup.room.clone(), self.setup.hindering.clone(), self.clock.now()),
            )
            .with(Slot::TwccReceiver, TwccReceiverBuilder::new().with_interval(TELL_EVERY).build())
            .with(Slot::from(12_500), Repairs::default())
            .with(Slot::from(14_000), RtcpToUs::default());
        let events = Events::new(
            &self.setup,
            self.want_key_frame.clone(),
            self.moved.clone(),
            self.channels.clone(),
            self.is_up.clone(),
            self.heard.clone(),
            self.clock,
        );
        let connection = PeerConnectionBuilder::new()
            .with_configuration(configuration.build())
            .with_media_engine(codecs::media_engine()?)
            .with_setting_engine(settings.build())
            .with_interceptor_registry(registry)
            .with_runtime(Arc::new(runtime))
            .with_handler(Arc::new(events))
            .with_udp_addrs(sockets)
            .with_data_channel_send_buffer_limit(UNACKNOWLEDGED_BYTES)
            .build()
            .await?;
        let connection: Arc<dyn PeerConnection> = Arc::new(connection);
        self.tracks.add_to(connection.as_ref(), &self.setup).await?;
        Ok(connection)
    }

    async fn carry_out(&mut self, connection: &dyn PeerConnection, order: Order) -> Result<(), Failure> {
        match order {
            Order::MakeOffer => {
                self.channels.words.open(connection, &self.setup).await?;
                self.channels.files.open(connection).await?;
                let offer = connection.create_offer(None).await?;
                connection.set_local_description(offer).await?;
                self.report_description(connection, DescriptionKind::Offer).await
            }
            Order::TakeOffer { sdp } => {
                let sdp = bundle::on_one_path(&sdp);
                connection.set_remote_description(RTCSessionDescription::offer(sdp)?).await?;
                let answer = connection.create_answer(None).await?;
                connection.set_local_description(answer).await?;
                self.tracks.start().await?;
                self.report_description(connection, DescriptionKind::Answer).await
            }
            Order::TakeAnswer { sdp } => {
                connection.set_remote_description(RTCSessionDescription::answer(sdp)?).await?;
                self.tracks.start().await
            }
            Order::AddCandidate(candidate) => {
                // One that cannot be understood is no reason to lose the others.
                if let Err(error) = connection.add_ice_candidate(foreign(candidate)).await {
                    tracing::debug!(%error, "a candidate was not taken");
                }
                Ok(())
            }
            // The library has no use for it: it keeps checking what it has.
            Order::EndOfCandidates => Ok(()),
        }
    }

    async fn report_description(
        &self,
        connection: &dyn PeerConnection,
        kind: DescriptionKind,
    ) -> Result<(), Failure> {
        let description = connection.local_description().await.ok_or("the description vanished")?;
        let event = PeerEvent::Description { kind, sdp: description.sdp };
        self.report(PeerNews::Event(event)).await;
        Ok(())
    }

    async fn look_at_path(&mut self, connection: &dyn PeerConnection) {
        if self.tracks.is_closed_by_them().await {
            // Without our goodbye: a browser has no other than this, and the library does not tell of it.
            if !std::mem::replace(&mut self.told_closed, true) {
                self.report(PeerNews::Event(PeerEvent::Link(Link::Closed))).await;
            }
            return;
        }
        let Some(pair) = self.tracks.selected_pair().await else { return };
        let report = connection.get_stats(self.clock.now(), StatsSelector::None).await;
        let in_use = peer_stats::pair_in_use(&pair, &report, &self.watch);
        self.report(PeerNews::Path { in_use, encryption: peer_stats::encryption(&report) }).await;
    }

    async fn tell_sightings(&self) {
        if let Some(sightings) = self.watch.look() {
            self.report(PeerNews::Sightings(Box::new(sightings))).await;
        }
    }

    async fn report(&self, news: PeerNews) {
        // The engine may have gone first; then there is nobody to tell.
        self.setup
            .reports
            .send(PeerReport { call: self.setup.call, generation: self.setup.generation, news })
            .await
            .ok();
    }
}

fn foreign(candidate: Candidate) -> RTCIceCandidateInit {
    RTCIceCandidateInit {
        candidate: candidate.line,
        sdp_mid: candidate.mid,
        sdp_mline_index: candidate.mline,
        username_fragment: candidate.ufrag,
        url: None,
    }
}

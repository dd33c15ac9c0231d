//! The callbacks of `webrtc`, turned into reports.
//!
//! They run on the connection's driver and are awaited by it, so all they do is hand on.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library's enums may grow, and must be matched with a wildcard"
)]

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::SyncSender,
    },
    time::Instant,
};

use rtc::{
    rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication, rtp,
    rtp_transceiver::rtp_sender::RtpCodecKind,
};
use sightline_protocol::call::{CallId, Candidate};
use tokio::sync::{Notify, mpsc};
use webrtc::{
    data_channel::DataChannel,
    media_stream::track_remote::{TrackRemote, TrackRemoteEvent},
    peer_connection::{
        PeerConnectionEventHandler, RTCIceConnectionState, RTCIceGatheringState, RTCPeerConnectionIceEvent,
        RTCPeerConnectionState,
    },
};

use crate::{
    engine::{
        clock::Clock,
        counters::Tally,
        ports::{PeerNews, PeerReport, PeerSetup},
    },
    logic::{call::PeerEvent, course::Link, packet::Packet},
};

use super::{
    heard::Heard,
    peer_files::FileChannel,
    peer_words::{Said, Words},
    rtcp_to_us::says_goodbye,
};

/// The data channels of a connection.
#[derive(Clone)]
pub(super) struct Channels {
    pub(super) words: Arc<Words>,
    pub(super) files: Arc<FileChannel>,
}

pub(super) struct Events {
    reporter: Arc<Reporter>,
    video: SyncSender<(Packet, Instant)>,
    audio: SyncSender<(Packet, Instant)>,
    tally: Arc<Tally>,
    want_key_frame: Arc<Notify>,
    channels: Channels,
    said: Said,
    heard: Arc<Heard>,
    clock: Clock,
}

impl Events {
    pub(super) fn new(
        setup: &PeerSetup,
        want_key_frame: Arc<Notify>,
        moved: Arc<Notify>,
        channels: Channels,
        is_up: Arc<AtomicBool>,
        heard: Arc<Heard>,
        clock: Clock,
    ) -> Self {
        let reporter = Reporter {
            call: setup.call,
            generation: setup.generation,
            reports: setup.reports.clone(),
            moved,
            is_up,
            last: Mutex::new(Link::New),
        };
        Self {
            reporter: Arc::new(reporter),
            video: setup.video.clone(),
            audio: setup.audio.clone(),
            tally: setup.tally.clone(),
            want_key_frame,
            channels,
            said: Said::of(setup),
            heard,
            clock,
        }
    }
}

/// Tells the engine, and says nothing of a link twice.
struct Reporter {
    call: CallId,
    generation: u32,
    reports: mpsc::Sender<PeerReport>,
    moved: Arc<Notify>,
    is_up: Arc<AtomicBool>,
    last: Mutex<Link>,
}

impl Reporter {
    async fn report(&self, event: PeerEvent) {
        let report =
            PeerReport { call: self.call, generation: self.generation, news: PeerNews::Event(event) };
        // The engine may have gone first; then there is nobody to tell.
        self.reports.send(report).await.ok();
    }

    async fn link(&self, link: Link) {
        let before = std::mem::replace(&mut *self.last.lock().unwrap_or_else(PoisonError::into_inner), link);
        if before != link {
            self.is_up.store(link == Link::Up, Ordering::Relaxed);
            self.report(PeerEvent::Link(link)).await;
            self.moved.notify_one();
        }
    }

    fn is_up(&self) -> bool {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) == Link::Up
    }
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Events {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        match event.candidate.to_json() {
            Ok(candidate) => {
                self.reporter
                    .report(PeerEvent::Candidate(Candidate {
                        line: candidate.candidate,
                        mid: candidate.sdp_mid,
                        mline: candidate.sdp_mline_index,
                        ufrag: candidate.username_fragment,
                    }))
                    .await;
            }
            Err(error) => tracing::debug!(%error, "a candidate of ours cannot be written"),
        }
    }

    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.reporter.report(PeerEvent::CandidatesDone).await;
        }
    }

    async fn on_ice_connection_state_change(&self, state: RTCIceConnectionState) {
        tracing::debug!(?state, "ICE");
        match state {
            RTCIceConnectionState::Checking => self.reporter.link(Link::Checking).await,
            RTCIceConnectionState::Connected | RTCIceConnectionState::Completed if !self.reporter.is_up() => {
                self.reporter.link(Link::PathFound).await;
            }
            _ => {}
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        tracing::debug!(?state, "peer connection");
        match state {
            RTCPeerConnectionState::Connected => self.reporter.link(Link::Up).await,
            RTCPeerConnectionState::Disconnected => self.reporter.link(Link::Interrupted).await,
            RTCPeerConnectionState::Failed => self.reporter.link(Link::Failed).await,
            RTCPeerConnectionState::Closed => self.reporter.link(Link::Closed).await,
            _ => {}
        }
    }

    async fn on_data_channel(&self, channel: Arc<dyn DataChannel>) {
        if let Err(channel) = self.channels.files.take(channel).await {
            self.channels.words.take(channel, self.said.clone()).await;
        }
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let incoming = |packets: &SyncSender<(Packet, Instant)>| Incoming {
            track: track.clone(),
            packets: packets.clone(),
            tally: self.tally.clone(),
            heard: self.heard.clone(),
            clock: self.clock,
            reporter: self.reporter.clone(),
        };
        if track.kind().await == RtpCodecKind::Video {
            tokio::spawn(incoming(&self.video).receive());
            tokio::spawn(ask_for_key_frames(
                track,
                self.want_key_frame.clone(),
                self.reporter.reports.clone(),
            ));
        } else {
            tokio::spawn(incoming(&self.audio).receive());
        }
    }
}

/// One track of theirs.
struct Incoming {
    track: Arc<dyn TrackRemote>,
    packets: SyncSender<(Packet, Instant)>,
    tally: Arc<Tally>,
    heard: Arc<Heard>,
    clock: Clock,
    reporter: Arc<Reporter>,
}

impl Incoming {
    async fn receive(self) {
        while let Some(event) = self.track.poll().await {
            match event {
                TrackRemoteEvent::OnRtpPacket(packet) => self.take(packet),
                TrackRemoteEvent::OnRtcpPacket(packets)
                    if packets.iter().any(|packet| says_goodbye(packet.as_ref())) =>
                {
                    self.reporter.link(Link::Closed).await;
                    return;
                }
                _ => {}
            }
        }
    }

    fn take(&self, rtp: rtp::Packet) {
        let now = self.clock.now();
        self.heard.note(self.clock.media(now));
        // Padding alone, which keeps a path open and carries nothing.
        if rtp.payload.is_empty() {
            return;
        }
        let packet = Packet {
            sequence: rtp.header.sequence_number,
            timestamp: rtp.header.timestamp,
            marker: rtp.header.marker,
            payload: rtp.payload,
        };
        if self.packets.try_send((packet, now)).is_err() {
            self.tally.packets_overrun.one();
        }
    }
}

async fn ask_for_key_frames(
    track: Arc<dyn TrackRemote>,
    wanted: Arc<Notify>,
    engine: mpsc::Sender<PeerReport>,
) {
    loop {
        tokio::select! {
            () = wanted.notified() => {}
            () = engine.closed() => return,
        }
        let Some(&media_ssrc) = track.ssrcs().await.first() else { continue };
        let ask = PictureLossIndication { sender_ssrc: 0, media_ssrc };
        if track.write_rtcp(vec![Box::new(ask)]).await.is_err() {
            return;
        }
    }
}

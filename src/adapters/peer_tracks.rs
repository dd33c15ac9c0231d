//! Our two tracks: packets go from the media threads through a short queue into the peer connection.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use rtc::{
    media_stream::MediaStreamTrack,
    peer_connection::transport::{RTCDtlsTransportState, RTCIceCandidatePair},
    rtcp::goodbye::Goodbye,
    rtp,
    rtp_transceiver::rtp_sender::{
        RTCRtpCodingParameters, RTCRtpEncodingParameters, RTCRtpRtxParameters, RtpCodecKind,
    },
};
use sightline_protocol::call::{CallId, Media};
use tokio::sync::mpsc;
use webrtc::{
    media_stream::track_local::{TrackLocal, TrackLocalEvent, static_rtp::TrackLocalStaticRTP},
    peer_connection::PeerConnection,
    rtp_transceiver::RtpSender,
};

use crate::engine::ports::{NumberedSink, PeerNews, PeerReport, PeerSetup};

use super::{
    codecs::{h264, opus},
    rtcp_to_us::asks_for_key_frame,
};

/// Packets waiting for the peer connection: a large key frame. When it is full the packet is refused and counted.
const QUEUE: usize = 512;

/// How often each track says goodbye.
const GOODBYES: usize = 3;

/// A packet, but for what the track adds.
pub(super) struct Outgoing {
    payload: Bytes,
    timestamp: u32,
    marker: bool,
    sequence: u16,
}

/// The end of a track that the media threads hold.
pub(super) struct PacketQueue {
    packets: mpsc::Sender<Outgoing>,
}

impl PacketQueue {
    pub(super) fn new() -> (Self, mpsc::Receiver<Outgoing>) {
        let (packets, queue) = mpsc::channel(QUEUE);
        (Self { packets }, queue)
    }
}

impl NumberedSink for PacketQueue {
    fn send(&self, payload: Bytes, timestamp: u32, marker: bool, sequence: u16) -> bool {
        self.packets.try_send(Outgoing { payload, timestamp, marker, sequence }).is_ok()
    }
}

/// Both tracks of a connection.
pub(super) struct LocalTracks {
    media: Media,
    tracks: Vec<LocalTrack>,
    queues: Option<(mpsc::Receiver<Outgoing>, mpsc::Receiver<Outgoing>)>,
}

struct LocalTrack {
    track: Arc<TrackLocalStaticRTP>,
    sender: Arc<dyn RtpSender>,
    ssrc: u32,
    queue: Mutex<Option<mpsc::Receiver<Outgoing>>>,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

impl LocalTracks {
    pub(super) fn new(
        media: Media,
        video: mpsc::Receiver<Outgoing>,
        audio: mpsc::Receiver<Outgoing>,
    ) -> Self {
        Self { media, tracks: Vec::new(), queues: Some((video, audio)) }
    }

    /// Adds what the call carries to a connection that has not been described yet.
    pub(super) async fn add_to(
        &mut self,
        connection: &dyn PeerConnection,
        setup: &PeerSetup,
    ) -> Result<(), Failure> {
        let Some((video, audio)) = self.queues.take() else { return Ok(()) };
        if self.media.audio {
            self.tracks.push(add(connection, RtpCodecKind::Audio, audio).await?);
        }
        if self.media.video {
            let track = add(connection, RtpCodecKind::Video, video).await?;
            tokio::spawn(watch_for_requests(
                track.track.clone(),
                setup.call,
                setup.generation,
                setup.reports.clone(),
            ));
            self.tracks.push(track);
        }
        Ok(())
    }

    /// Lets packets flow, as soon as both sides have agreed how packets are marked.
    pub(super) async fn start(&self) -> Result<(), Failure> {
        for track in &self.tracks {
            let parameters = track.sender.get_parameters().await?;
            let Some(codec) = parameters.rtp_parameters.codecs.first() else { continue };
            let queue = track.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(queue) = queue {
                tokio::spawn(forward(queue, track.track.clone(), track.ssrc, codec.payload_type));
            }
        }
        Ok(())
    }

    /// The pair of candidates that carries them.
    pub(super) async fn selected_pair(&self) -> Option<RTCIceCandidatePair> {
        let sender = &self.tracks.first()?.sender;
        sender.transport().await.ok()??.ice_transport().get_selected_candidate_pair().await.ok()?
    }

    /// The other side has closed the encrypted transport under them.
    pub(super) async fn is_closed_by_them(&self) -> bool {
        let Some(track) = self.tracks.first() else { return false };
        let Ok(Some(transport)) = track.sender.transport().await else { return false };
        transport.state().await.is_ok_and(|state| state == RTCDtlsTransportState::Closed)
    }

    /// Tells the other side, on the path itself, that we go. More than once, because nobody acknowledges it.
    pub(super) async fn say_goodbye(&self) {
        for _ in 0..GOODBYES {
            for track in &self.tracks {
                let goodbye = Goodbye { sources: vec![track.ssrc], reason: Bytes::new() };
                // Before the path is up nobody would hear it.
                track.track.write_rtcp(vec![Box::new(goodbye)]).await.ok();
            }
        }
    }
}

async fn add(
    connection: &dyn PeerConnection,
    kind: RtpCodecKind,
    queue: mpsc::Receiver<Outgoing>,
) -> Result<LocalTrack, Failure> {
    let (ssrc, repairs) = (random()?, random()?);
    let video = kind == RtpCodecKind::Video;
    let coding = RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters {
            ssrc: Some(ssrc),
            rtx: video.then_some(RTCRtpRtxParameters { ssrc: repairs }),
            ..RTCRtpCodingParameters::default()
        },
        codec: if video { h264() } else { opus() },
        ..RTCRtpEncodingParameters::default()
    };
    let name = if video { "picture" } else { "sound" };
    // The library finds a track by its id alone, and theirs first: with the same ids at both ends every request for a key
    // frame of ours went to their track.
    let id = format!("{name}-{ssrc:08x}");
    let track = MediaStreamTrack::new("call".into(), id, name.into(), kind, vec![coding]);
    let track = Arc::new(TrackLocalStaticRTP::new(track));
    let sender = connection.add_track(track.clone() as Arc<dyn TrackLocal>).await?;
    Ok(LocalTrack { track, sender, ssrc, queue: Mutex::new(Some(queue)) })
}

async fn forward(
    mut queue: mpsc::Receiver<Outgoing>,
    track: Arc<TrackLocalStaticRTP>,
    ssrc: u32,
    payload_type: u8,
) {
    while let Some(Outgoing { payload, timestamp, marker, sequence }) = queue.recv().await {
        let header = rtp::Header {
            version: 2,
            marker,
            payload_type,
            sequence_number: sequence,
            timestamp,
            ssrc,
            ..rtp::Header::default()
        };
        if let Err(error) = track.write_rtp(rtp::Packet { header, payload }).await {
            tracing::debug!(%error, "a packet was not sent");
        }
    }
}

async fn watch_for_requests(
    track: Arc<TrackLocalStaticRTP>,
    call: CallId,
    generation: u32,
    reports: mpsc::Sender<PeerReport>,
) {
    while let Some(TrackLocalEvent::OnRtcpPacket(packets)) = track.poll().await {
        let asked = packets.iter().any(|packet| asks_for_key_frame(packet.as_ref()));
        let report = PeerReport { call, generation, news: PeerNews::KeyFrameWanted };
        if asked && reports.send(report).await.is_err() {
            return;
        }
    }
}

fn random() -> Result<u32, Failure> {
    getrandom::u32().map_err(|error| format!("the system gives no random numbers ({error})").into())
}

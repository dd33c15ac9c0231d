//! Our end of a call as the engine builds it: the peer adapter and the media threads, with a synthetic camera and
//! microphone before them and counters behind.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering},
        mpsc::{Receiver, sync_channel},
    },
    time::Instant,
};

use bytes::Bytes;
use sightline::{
    adapters::{
        peer::WebRtc,
        synthetic::{Hears, PatternCamera, SyntheticMicrophone},
    },
    engine::{
        audio_recv::AudioRecv,
        audio_send::AudioSend,
        clock::{Beat, Clock},
        counters::Tally,
        ports::{
            NumberedSink, PacketSink, Peer, PeerMaker as _, PeerNews, PeerReport, PeerSetup, PictureSink,
            SOUND_BLOCK, SOUND_BLOCK_TIME, SoundSink,
        },
        reference,
        room::{Room, RoomInUse},
        thread::{Stop, Thread},
        video_recv::VideoRecv,
        video_send::{VideoSend, VideoWish},
        voice::{Voice, VoiceWish},
    },
    logic::{
        call::PeerEvent,
        course::Link,
        legs::Order,
        packet::Packet,
        path::{PairInUse, PathPolicy},
        servers::Servers,
        units::MediaTime,
    },
    media::{
        SAMPLE_RATE_HZ,
        frame::{Frame, Size},
        rtp_h264,
        voice::VoiceSettings,
    },
};
use sightline_protocol::call::{Candidate, DescriptionKind};
use tokio::sync::mpsc;

use super::network::OURS;
use crate::support::setup::on_loopback;

const FPS: u32 = 30;
/// As many packets as the engine lets wait.
const VIDEO_PACKETS: usize = 2_048;
const AUDIO_PACKETS: usize = 256;

/// What the foreign end has to be told.
#[derive(Debug)]
pub(super) enum Tell {
    Offer(String),
    Answer(String),
    Candidate(Candidate),
    NoMoreCandidates,
}

/// The engine's part of a call, but for the switchboard and for deciding.
pub(super) struct OurEnd {
    peer: Box<dyn Peer>,
    reports: mpsc::Receiver<PeerReport>,
    packets: Option<[Receiver<(Packet, Instant)>; 2]>,
    clock: Clock,
    room: Arc<Room>,
    pub(super) tally: Arc<Tally>,
    pub(super) seen: Arc<Seen>,
    pub(super) link: Link,
    pub(super) path: Option<PairInUse>,
    /// What they said over the connection itself.
    pub(super) heard: Vec<Vec<u8>>,
    /// How often the other side asked for a key frame.
    pub(super) asked_for_key_frames: u32,
    wish: Arc<VideoWish>,
    stop: Stop,
    threads: Vec<Thread>,
}

/// What of theirs came.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) key_frames: AtomicU64,
    /// The last picture: its size, and how bright it is in the middle of its left and of its right half.
    pub(super) picture: Mutex<Option<(Size, u8, u8)>>,
    /// The pitch of their sound, where it is loud enough to have one.
    pub(super) pitch_hz: AtomicU64,
}

impl Seen {
    pub(super) fn picture(&self) -> Option<(Size, u8, u8)> {
        *self.picture.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OurEnd {
    pub(super) fn open() -> Self {
        Self::open_with(PathPolicy::Any, Servers::default())
    }

    pub(super) fn open_with(path: PathPolicy, servers: Servers) -> Self {
        let (reports, reported) = mpsc::channel(256);
        let (video, video_in) = sync_channel(VIDEO_PACKETS);
        let (audio, audio_in) = sync_channel(AUDIO_PACKETS);
        let clock = Clock::start();
        let tally = Arc::new(Tally::default());
        let room = Arc::new(Room::default());
        let peer = WebRtc::new(tokio::runtime::Handle::current(), clock).open(PeerSetup {
            path,
            bind: vec![OURS],
            servers,
            audio,
            tally: tally.clone(),
            files: Arc::new(()),
            room: room.clone(),
            ..on_loopback(reports, video)
        });
        Self {
            peer,
            reports: reported,
            packets: Some([video_in, audio_in]),
            clock,
            room,
            tally,
            seen: Arc::default(),
            link: Link::New,
            path: None,
            heard: Vec::new(),
            asked_for_key_frames: 0,
            wish: Arc::default(),
            stop: Stop::default(),
            threads: Vec::new(),
        }
    }

    pub(super) fn order(&self, order: Order) {
        assert!(self.peer.order(order));
    }

    /// Says it over the connection itself. `false` where that does not go.
    pub(super) fn say(&self, word: &[u8]) -> bool {
        self.peer.say(word)
    }

    pub(super) fn ask_for_key_frame(&self) {
        (self.peer.key_frame_asker())();
    }

    pub(super) async fn report(&mut self) -> PeerReport {
        self.reports.recv().await.expect("the adapter runs")
    }

    /// Takes one report, and gives what the other end has to be told.
    pub(super) fn take(&mut self, report: PeerReport) -> Option<Tell> {
        match report.news {
            PeerNews::Event(PeerEvent::Description { kind: DescriptionKind::Offer, sdp, .. }) => {
                Some(Tell::Offer(sdp))
            }
            PeerNews::Event(PeerEvent::Description { sdp, .. }) => Some(Tell::Answer(sdp)),
            PeerNews::Event(PeerEvent::Candidate(candidate)) => Some(Tell::Candidate(candidate)),
            PeerNews::Event(PeerEvent::CandidatesDone) => Some(Tell::NoMoreCandidates),
            PeerNews::Event(PeerEvent::Link(link)) => {
                self.link = link;
                if link == Link::Up {
                    self.start_media();
                }
                None
            }
            PeerNews::KeyFrameWanted => {
                self.asked_for_key_frames += 1;
                self.wish.key_frame();
                None
            }
            PeerNews::Path { in_use, .. } => {
                self.path = Some(in_use);
                None
            }
            PeerNews::Said(word) => {
                self.heard.push(word);
                None
            }
            PeerNews::Sightings(_) => None,
            PeerNews::Broken(why) => panic!("{why}"),
            PeerNews::Event(event) => panic!("the adapter leaves it to others to say {event:?}"),
        }
    }

    fn start_media(&mut self) {
        let Some([video, audio]) = self.packets.take() else { return };
        let (clock, stop) = (self.clock, self.stop.clone());
        let (looked_at, to_decode) = sync_channel(VIDEO_PACKETS);
        let seen = self.seen.clone();
        let look = Thread::spawn("look", move || {
            for (packet, arrived) in video {
                let starts_key =
                    rtp_h264::starts_frame(&packet.payload) && rtp_h264::is_key_frame(&packet.payload);
                seen.key_frames.fetch_add(starts_key.into(), Ordering::Relaxed);
                if looked_at.send((packet, arrived)).is_err() {
                    return;
                }
            }
        });
        let room_in_use = RoomInUse::default();
        let sound_room = room_in_use.sound();
        room_in_use.take_into_use(self.room.clone());
        let [camera, video_send] = VideoSend {
            source: Box::new(PatternCamera::new(Size::NHD, FPS, clock)),
            sink: Arc::new(LosesFirstPicture {
                sink: numbered(self.peer.video_out()),
                passes: AtomicBool::new(false),
            }),
            room: room_in_use.into(),
            fps: FPS,
            wish: self.wish.clone(),
            tally: self.tally.clone(),
            clock,
            stop: stop.clone(),
        }
        .start()
        .unwrap();
        let video_recv = VideoRecv {
            packets: to_decode,
            sink: Box::new(Screen(self.seen.clone())),
            ask_key_frame: self.peer.key_frame_asker(),
            tally: self.tally.clone(),
            clock,
            stop: stop.clone(),
        };
        let (played, reference) = reference::pair();
        let audio_send = AudioSend {
            room: sound_room,
            source: Box::new(SyntheticMicrophone::new(Hears::Tone, clock)),
            sink: numbered(self.peer.audio_out()),
            muted: Arc::default(),
            voice: Voice::new(reference, Arc::new(VoiceWish::new(VoiceSettings::NOTHING))),
            tally: self.tally.clone(),
            stop: stop.clone(),
        };
        let audio_recv = AudioRecv {
            packets: audio,
            sink: Box::new(Loudspeaker {
                beat: clock.beat(SOUND_BLOCK_TIME),
                heard: Vec::new(),
                seen: self.seen.clone(),
            }),
            reference: Some(played),
            tally: self.tally.clone(),
            clock,
            stop,
        };
        self.threads.extend([camera, video_send, audio_send.start().unwrap(), audio_recv.start().unwrap()]);
        self.threads.extend([video_recv.start().unwrap(), look.unwrap()]);
    }
}

impl Drop for OurEnd {
    fn drop(&mut self) {
        self.stop.stop();
    }
}

/// The first picture, the only key frame that nobody asked for, gets lost.
struct LosesFirstPicture {
    sink: Arc<dyn PacketSink>,
    passes: AtomicBool,
}

impl PacketSink for LosesFirstPicture {
    fn send(&self, payload: Bytes, timestamp: u32, marker: bool) -> bool {
        if self.passes.load(Ordering::Relaxed) {
            return self.sink.send(payload, timestamp, marker);
        }
        self.passes.store(marker, Ordering::Relaxed);
        true
    }
}

struct Screen(Arc<Seen>);

impl PictureSink for Screen {
    fn show(&mut self, frame: &Frame, _: MediaTime, _: MediaTime) {
        let (width, height) = (frame.size().width(), frame.size().height());
        // A third down: what moves is in the middle.
        let spot = |x: usize| frame.planes().y[height / 3 * width + x];
        let looks = (frame.size(), spot(width / 4), spot(width * 3 / 4));
        *self.0.picture.lock().unwrap_or_else(PoisonError::into_inner) = Some(looks);
    }
}

/// Listens to half a second at a time.
struct Loudspeaker {
    beat: Beat,
    heard: Vec<f32>,
    seen: Arc<Seen>,
}

impl SoundSink for Loudspeaker {
    fn wait(&mut self) -> Instant {
        self.beat.wait()
    }

    fn play(&mut self, block: &[f32; SOUND_BLOCK]) {
        self.heard.extend_from_slice(block);
        if self.heard.len() < SAMPLE_RATE_HZ as usize / 2 {
            return;
        }
        let loud = self.heard.iter().map(|sample| sample * sample).sum::<f32>() > 10.0;
        // A tone crosses zero upwards once each period.
        let periods = self.heard.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count();
        let pitch =
            if loud { periods as u64 * u64::from(SAMPLE_RATE_HZ) / self.heard.len() as u64 } else { 0 };
        self.seen.pitch_hz.store(pitch, Ordering::Relaxed);
        self.heard.clear();
    }
}

/// Numbers packets, as the engine does for all connections of a call together.
struct Numbers {
    sink: Arc<dyn NumberedSink>,
    next: AtomicU16,
}

fn numbered(sink: Arc<dyn NumberedSink>) -> Arc<dyn PacketSink> {
    Arc::new(Numbers { sink, next: AtomicU16::new(0) })
}

impl PacketSink for Numbers {
    fn send(&self, payload: Bytes, timestamp: u32, marker: bool) -> bool {
        self.sink.send(payload, timestamp, marker, self.next.fetch_add(1, Ordering::Relaxed))
    }
}

//! One call as it runs: its peer connection, its media threads and its report.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::{Duration, Instant},
};

use sightline_protocol::call::{CallId, DescriptionKind, Media};
use tokio::sync::{Notify, mpsc};

use crate::{
    logic::{
        call::{Call, PeerEvent},
        candidate::Kind,
        chat::Chat,
        course::{Stage, Status},
        desk::Transfer,
        evidence::{Hindrance, Topic},
        interfaces::InterfaceSeen,
        legs::{LegEffect, LegWhy, Order},
        packet::Packet,
        path::{Path, PathPolicy},
        report::{At, CallReport},
        search::Search,
        servers::Servers,
        units::MediaTime,
    },
    media::voice::VoiceSettings,
};

use super::{
    api::Statistics,
    audio_recv::AudioRecv,
    audio_send::AudioSend,
    clock::Clock,
    counters::Tally,
    files::FileDesk,
    legs::LegEnds,
    notes::{self, Notes},
    ports::{
        MediaMaker, PeerMaker, PeerReport, PeerSetup, SourceEnded, hindering::Hindering, program::Journal,
    },
    reference,
    thread::{Stop, Thread},
    video_recv::VideoRecv,
    video_send::{VideoSend, VideoWish},
    voice::{Voice, VoiceWish},
};

/// Packets on their way to `video-recv`: a second of a good picture. When it is full the newest is dropped and counted.
const VIDEO_QUEUE: usize = 512;
/// Packets on their way to `audio-recv`: more than the jitter buffer would keep. When it is full the newest is dropped.
const AUDIO_QUEUE: usize = 64;

/// As large as pictures get.
const UNBOUNDED: (u16, u16) = (1920, 1080);

type Arrived = (Packet, Instant);
type Packets = Receiver<Arrived>;

/// What a call needs besides itself.
pub(super) struct Surroundings<'a> {
    pub(super) path: PathPolicy,
    pub(super) bind: &'a [std::net::IpAddr],
    /// The addresses to move to when the network changed; empty where there is nothing to choose.
    pub(super) ahead: &'a [std::net::IpAddr],
    /// What is known by now of the servers that the call may use.
    pub(super) servers: Servers,
    /// Waiting would bring no more of them.
    pub(super) servers_decided: bool,
    pub(super) fps: u32,
    pub(super) peers: &'a dyn PeerMaker,
    pub(super) media: &'a mut dyn MediaMaker,
    pub(super) reports: &'a mpsc::Sender<PeerReport>,
}

/// A call that somebody has seen.
pub(super) struct Calling {
    call: CallId,
    pub(super) report: CallReport,
    pub(super) path: Path,
    pub(super) chat: Chat,
    pub(super) files: FileDesk,
    pub(super) notes: Notes,
    /// Which paths it may take.
    pub(super) policy: PathPolicy,
    search: Option<Search>,
    hindering: Arc<Hindering>,
    began: Instant,
    clock: Clock,
    media: Media,
    tally: Arc<Tally>,
    wish: Arc<VideoWish>,
    muted: Arc<AtomicBool>,
    voice: Arc<VoiceWish>,
    legs: LegEnds,
    /// What the legs give to the threads that receive.
    feeds: (SyncSender<Arrived>, SyncSender<Arrived>),
    incoming: Option<(Packets, Packets)>,
    threads: Vec<Thread>,
    stop: Stop,
    drawn_here: Option<(u16, u16)>,
    drawn_told: Option<(u16, u16)>,
    /// Larger pictures are not wanted, neither from here nor from there.
    most: Option<(u16, u16)>,
}

impl Calling {
    pub(super) fn new(
        known: &Call,
        path: PathPolicy,
        voice: VoiceSettings,
        nudge: Arc<Notify>,
        journal: Arc<dyn Journal>,
        clock: Clock,
    ) -> Self {
        let began = clock.now();
        let call = known.id();
        let report = CallReport::begin(call.to_string(), known.role(), clock.media(began).as_micros() / 1000);
        let (video, video_in) = sync_channel(VIDEO_QUEUE);
        let (audio, audio_in) = sync_channel(AUDIO_QUEUE);
        let tally = Arc::<Tally>::default();
        Self {
            call,
            report,
            path: Path::new(path),
            chat: Chat::default(),
            files: FileDesk::new(nudge),
            notes: Notes::new(began, clock, tally.clone(), journal),
            policy: path,
            search: None,
            hindering: Arc::default(),
            began,
            clock,
            media: known.media(),
            tally,
            wish: Arc::default(),
            muted: Arc::default(),
            voice: Arc::new(VoiceWish::new(voice)),
            legs: LegEnds::default(),
            feeds: (video, audio),
            incoming: Some((video_in, audio_in)),
            threads: Vec::new(),
            stop: Stop::default(),
            drawn_here: None,
            drawn_told: None,
            most: None,
        }
    }

    /// Milliseconds since the call began here.
    pub(super) fn t_ms(&self) -> u64 {
        u64::try_from(self.clock.now().saturating_duration_since(self.began).as_millis()).unwrap_or(u64::MAX)
    }

    pub(super) fn note_stage(&mut self, stage: Stage) {
        let t_ms = self.t_ms();
        self.report.note_stage(t_ms, stage);
        self.notes.recorder.note_stage(t_ms, stage);
        self.files.set_connected(stage == Stage::Connected);
        if let Stage::Ended { reason, by: _ } = stage {
            self.path.note_end(t_ms, reason);
            // So that the other side hears the goodbye.
            self.hinder(Hindrance::default());
        }
    }

    pub(super) fn note_interfaces(&mut self, seen: Vec<InterfaceSeen>) {
        self.path.note_interfaces(self.t_ms(), seen);
    }

    pub(super) fn note_switchboard(&mut self, up: bool) {
        self.path.note_switchboard(self.t_ms(), up);
    }

    pub(super) fn set_media(&mut self, media: Option<Media>) {
        self.media = media.unwrap_or(self.media);
    }

    /// Does with a leg what was decided. `false` where it takes no more orders.
    pub(super) fn leg(&mut self, leg: LegEffect, around: &Surroundings<'_>) -> bool {
        let (now, t_ms) = (self.clock.now(), self.t_ms());
        self.note_search(t_ms, &leg);
        match leg {
            LegEffect::Open { generation, why, only_direct } => {
                self.path.note_leg_opened(t_ms, generation, why, only_direct);
                let moves = why == LegWhy::NetworkChanged && !around.ahead.is_empty();
                let bind = if moves { around.ahead } else { around.bind };
                self.legs.want(generation, only_direct, bind.to_vec(), now);
                self.open_waiting(around)
            }
            LegEffect::Order { generation, order } => {
                if let Order::AddCandidate(candidate) = &order {
                    self.path.note_remote(t_ms, generation, &candidate.line);
                } else if order == Order::EndOfCandidates {
                    self.path.note_remote_done(t_ms, generation);
                }
                self.note_order(t_ms, generation, &order);
                self.legs.order(generation, order)
            }
            LegEffect::Use { generation } => {
                self.path.note_leg_in_use(t_ms, generation);
                self.legs.take_into_use(generation);
                if let Some(channel) = self.legs.files_out() {
                    self.files.take_into_use(generation, channel);
                }
                self.wish.key_frame();
                true
            }
            LegEffect::Close { generation } => {
                self.path.note_leg_closed(t_ms, generation);
                self.legs.close(generation);
                true
            }
        }
    }

    /// From now on it may take such paths.
    pub(super) fn set_policy(&mut self, policy: PathPolicy) {
        self.policy = policy;
        self.path.set_policy(policy);
    }

    /// That leg was asked for. Where nothing is found, what was allowed before is allowed again.
    pub(super) fn begin_search(&mut self, leg: u32, wanted: PathPolicy, back_to: Option<PathPolicy>) {
        self.search = Some(Search::new(leg, wanted, back_to));
    }

    /// The search that has come to nothing, if one has.
    pub(super) fn take_failed(&mut self) -> Option<Search> {
        self.search.take_if(|search| search.has_failed())
    }

    fn note_search(&mut self, t_ms: u64, effect: &LegEffect) {
        if self.search.take_if(|search| search.note(effect)).is_some() {
            self.notes.recorder.note(t_ms, Topic::Trial, "Media goes over the path that was looked for");
        }
    }

    /// Somebody tried something with the path.
    pub(super) fn note_trial(&mut self, sentence: &str) {
        self.notes.recorder.note(self.t_ms(), Topic::Trial, sentence);
    }

    /// From now on our own sending is hindered so, until the call is over.
    pub(super) fn hinder(&mut self, hindrance: Hindrance) {
        self.hindering.set(hindrance);
        self.notes.recorder.note_hindrance(self.t_ms(), hindrance);
    }

    /// Says a sealed message over the call's own path. `false` where that does not go.
    pub(super) fn say(&self, sealed: &[u8]) -> bool {
        self.legs.say(sealed)
    }

    /// Makes the legs that have waited for news of servers, if there are any.
    pub(super) fn open_waiting(&mut self, around: &Surroundings<'_>) -> bool {
        let (video, audio) = &self.feeds;
        let setup = |generation, path, servers, bind, room| {
            self.path.note_servers(generation, &servers);
            PeerSetup {
                call: self.call,
                generation,
                media: self.media,
                path,
                bind,
                servers,
                reports: around.reports.clone(),
                video: video.clone(),
                audio: audio.clone(),
                tally: self.tally.clone(),
                files: self.files.taker(),
                room,
                hindering: self.hindering.clone(),
            }
        };
        self.legs.open_waiting(setup, around, self.clock.now())
    }

    /// When a leg has waited long enough.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.legs.poll_timeout()
    }

    /// Which leg carries the call.
    pub(super) fn leg_in_use(&self) -> Option<u32> {
        self.legs.in_use()
    }

    /// The address of this computer that the call is carried from, where it is certain.
    pub(super) fn carried_from(&self) -> Option<std::net::IpAddr> {
        let local = &self.path.pair_in_use()?.local;
        // Behind a NAT or a relay it is not our own that is told.
        (local.kind == Kind::Host).then(|| local.address.parse().ok()).flatten()
    }

    /// On which legs anything was heard since the last time, and when.
    pub(super) fn news_of_hearing(&mut self) -> Vec<(u32, PeerEvent)> {
        self.legs.news_of_hearing()
    }

    /// Lets media flow: the path is up. Says what of it does not work.
    pub(super) fn start_media(&mut self, around: &mut Surroundings<'_>) -> Vec<String> {
        let Some((video_in, audio_in)) = self.incoming.take() else { return Vec::new() };
        let mut problems = Vec::new();
        if let Err(error) = self.files.start(self.report.role, self.legs.room.clone(), self.clock) {
            problems.push(format!("No files can be given or taken: {}", no_thread(error)));
        }
        let (video_out, audio_out, ask_key_frame) =
            (self.legs.video.clone(), self.legs.audio.clone(), self.legs.key_frame_asker());
        let (tally, stop, clock) = (&self.tally, &self.stop, self.clock);
        let (played, reference) = reference::pair();
        let mut keep = |what: &str, started: Result<Vec<Thread>, SourceEnded>| match started {
            Ok(threads) => self.threads.extend(threads),
            Err(why) => problems.push(format!("{what}: {why}")),
        };
        keep(
            "Their picture is not shown",
            around.media.picture_sink().and_then(|sink| {
                let (tally, stop) = (tally.clone(), stop.clone());
                VideoRecv { packets: video_in, sink, ask_key_frame, tally, clock, stop }
                    .start()
                    .map_err(no_thread)
                    .map(one)
            }),
        );
        keep(
            "Their sound is not played",
            around.media.sound_sink().and_then(|mut sink| {
                let (tally, stop) = (tally.clone(), stop.clone());
                let reference = sink.tap(played);
                AudioRecv { packets: audio_in, sink, reference, tally, clock, stop }
                    .start()
                    .map_err(no_thread)
                    .map(one)
            }),
        );
        if self.media.video {
            keep(
                "No picture is sent",
                around.media.picture_source().and_then(|source| {
                    let Some(source) = source else { return Ok(Vec::new()) };
                    let (wish, tally, stop) = (self.wish.clone(), tally.clone(), stop.clone());
                    let (sink, room, fps) = (video_out, self.legs.room.clone(), around.fps);
                    let send = VideoSend { source, sink, room, fps, wish, tally, clock, stop };
                    send.start().map_err(no_thread).map(Vec::from)
                }),
            );
        }
        if self.media.audio {
            keep(
                "No sound is sent",
                around.media.sound_source().and_then(|source| {
                    let Some(source) = source else { return Ok(Vec::new()) };
                    let (muted, tally, stop) = (self.muted.clone(), tally.clone(), stop.clone());
                    let voice = Voice::new(reference, self.voice.clone());
                    let (sink, room) = (audio_out, self.legs.room.sound());
                    AudioSend { source, sink, muted, room, voice, tally, stop }
                        .start()
                        .map_err(no_thread)
                        .map(one)
                }),
            );
        }
        problems
    }

    /// It has camera and microphone, or had them.
    pub(super) const fn has_media(&self) -> bool {
        self.incoming.is_none()
    }

    pub(super) fn key_frame_wanted(&self) {
        self.tally.key_frames_asked_of_us.one();
        self.wish.key_frame();
    }

    /// How the path in use is now.
    pub(super) fn note_round_trip(&self) {
        let milliseconds = self.path.pair_in_use().and_then(|pair| pair.round_trip_ms);
        if let Some(round_trip) = milliseconds.and_then(|ms| Duration::try_from_secs_f64(ms / 1e3).ok()) {
            self.tally.set_round_trip(round_trip);
        }
    }

    /// What the other side says of its microphone and camera.
    pub(super) fn note_their_status(&mut self, status: Status) {
        self.tally.set_their_camera_off(status.camera_off);
        self.report.their_status = Some(status);
    }

    /// Their picture is shown here at this size.
    pub(super) fn set_drawn_here(&mut self, width: u16, height: u16) {
        self.drawn_here = Some((width, height));
    }

    /// At which size it is shown, where the other side does not know.
    pub(super) fn take_drawn_here(&mut self) -> Option<(u16, u16)> {
        let wanted = match (self.drawn_here, self.most) {
            (Some(drawn), Some(most)) => Some((drawn.0.min(most.0), drawn.1.min(most.1))),
            // What was said before is taken back.
            (None, None) => self.drawn_told.map(|_| UNBOUNDED),
            (drawn, most) => drawn.or(most),
        };
        let news = wanted.filter(|wanted| self.drawn_told != Some(*wanted));
        self.drawn_told = wanted;
        news
    }

    /// Nobody here wants to spend more than pictures of that size cost.
    pub(super) fn set_most(&mut self, most: Option<(u16, u16)>) {
        self.most = most;
        self.wish.set_most(most);
    }

    /// Our picture is shown there at this size.
    pub(super) fn set_drawn_there(&self, width: u16, height: u16) {
        self.wish.set_drawn(width, height);
    }

    pub(super) fn set_status(&self, status: Status) {
        self.muted.store(status.muted, Ordering::Relaxed);
        self.wish.set_off(status.camera_off);
    }

    pub(super) fn set_voice(&self, settings: VoiceSettings) {
        self.voice.set(settings);
    }

    /// Whether somebody spoke while muted since this was last asked.
    pub(super) fn take_spoke_while_muted(&self) -> bool {
        self.voice.take_spoke_while_muted()
    }

    /// Lets go of the peer connections, and tells the media threads to end.
    pub(super) fn close(&mut self) {
        self.stop.stop();
        self.files.stop();
        self.legs.close_all();
    }

    /// Which it is.
    pub(super) fn id(&self) -> CallId {
        self.call
    }

    /// Waits until the disk has let go of all files, and says how they stand. Blocks: not for the loop.
    pub(super) fn finish_files(&mut self) -> Option<Arc<[Transfer]>> {
        self.files.finish()
    }

    /// When the right to use the relay ends unless it is renewed.
    pub(super) fn note_relay_until(&mut self, until: Option<Instant>) {
        let since = until.map(|until| until.saturating_duration_since(self.began).as_millis());
        self.path.note_relay_until(since.and_then(|ms| u64::try_from(ms).ok()));
    }

    /// Writes down how it does: once a second.
    pub(super) fn read(&mut self, processor: Option<Duration>) {
        let around = notes::Surroundings {
            leg: self.legs.in_use(),
            round_trip_ms: self.path.pair_in_use().and_then(|pair| pair.round_trip_ms),
            room: self.legs.room.look(),
            sends_pictures: !self.wish.is_off(),
            encryption: &self.report.encryption,
            processor,
        };
        self.notes.read(&around);
    }

    /// This side described a leg.
    pub(super) fn note_our_description(&mut self, generation: u32, kind: DescriptionKind, sdp: &str) {
        self.notes.recorder.descriptions.note(self.t_ms(), generation, true, kind, sdp);
    }

    fn note_order(&mut self, t_ms: u64, generation: u32, order: &Order) {
        let (kind, sdp) = match order {
            Order::TakeOffer { sdp } => (DescriptionKind::Offer, sdp),
            Order::TakeAnswer { sdp } => (DescriptionKind::Answer, sdp),
            Order::MakeOffer | Order::AddCandidate(_) | Order::EndOfCandidates => return,
        };
        self.notes.recorder.descriptions.note(t_ms, generation, false, kind, sdp);
    }

    pub(super) fn statistics(&self) -> Statistics {
        // A call without pictures looks nowhere else.
        let room = self.legs.room.look();
        let in_use = self.path.pair_in_use();
        Statistics {
            call_t_ms: self.t_ms(),
            round_trip_ms: in_use.and_then(|pair| pair.round_trip_ms),
            bytes_sent: in_use.map_or(0, |pair| pair.bytes_sent),
            bytes_received: in_use.map_or(0, |pair| pair.bytes_received),
            sending: self.tally.sending(),
            counters: self.tally.counters(),
            pictures: self.tally.pictures(),
            sound: self.tally.sound(),
            lost_of_ours: room.loss,
            path: Box::new(self.path.report()),
            evidence: self.notes.now(),
        }
    }

    /// Waits for the media threads, and gives the finished report. Blocks: not for the loop.
    pub(super) fn finish(mut self) -> CallReport {
        self.close();
        self.threads.clear();
        let began = self.clock.media(self.began);
        let since = |once: &super::counters::Once| {
            once.get().map(|at| u64::try_from(at.since(began).as_millis()).unwrap_or(u64::MAX))
        };
        self.report.firsts.picture_ms = since(&self.tally.first_picture);
        self.report.firsts.sound_ms = since(&self.tally.first_sound);
        self.report.sound_began_unix_us = self.tally.sound_began.get().map(MediaTime::as_micros);
        self.report.path = self.path.report();
        let ms = |at: MediaTime| u64::try_from(at.since(began).as_millis()).unwrap_or(u64::MAX);
        let plans = self.tally.plans().into_iter();
        self.report.plans = plans.map(|(at, plan)| At { t_ms: ms(at), what: plan }).collect();
        self.report.counters = self.tally.counters();
        self.report.pictures = self.tally.pictures();
        self.report.latency = self.tally.latency();
        self.report.sound = self.tally.sound();
        (self.report.microphone, self.report.speaker) = self.tally.edges();
        self.report.voice = self.voice.report();
        self.report.evidence = self.notes.whole(self.legs.in_use(), &self.report.encryption);
        self.report
    }
}

fn one(thread: Thread) -> Vec<Thread> {
    vec![thread]
}

fn no_thread(error: std::io::Error) -> SourceEnded {
    SourceEnded(format!("the system gave no thread ({error}); close other programs and call again"))
}

//! Our pictures on their way out: `camera` takes them, `video-send` encodes the newest and hands out its packets.
//!
//! Two threads, because a camera that stalls must not stall the encoder, nor a slow encoder the camera.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use crate::{
    logic::{
        adapt::{self, Adapt, Plan, Situation},
        bandwidth,
        latency::Step,
        units::MediaTime,
    },
    media::{
        frame::{Frame, Size},
        h264::{EncodeError, EncodedFrame, Encoder, EncoderSettings},
        pool::Pool,
        rtp_h264,
        scale::Scaler,
    },
};

use super::{
    clock::Clock,
    counters::Tally,
    mailbox::{self, mailbox},
    ports::{PacketSink, PictureSource},
    room::{Room, RoomInUse},
    thread::{Stop, Thread},
};

/// How long the encoder waits for a picture before it looks whether it shall end.
const IDLE: Duration = Duration::from_millis(100);
/// With more than this waiting to leave, a picture is left out.
const MOST_WAITING: Duration = Duration::from_millis(150);
/// A key frame is not waited for longer than this, whatever the path.
const MOST_KEY_FRAME_TAKES: Duration = Duration::from_secs(1);

/// How long the camera rests before it looks whether pictures are wanted again.
const OFF: Duration = Duration::from_millis(20);

/// What others ask of our pictures.
#[derive(Debug)]
pub struct VideoWish {
    key_frame: AtomicBool,
    off: AtomicBool,
    /// Width and height at which the other side draws us, in 16 bits each.
    drawn: AtomicU32,
    /// Width and height that are not to be exceeded, in the same way.
    most: AtomicU32,
}

/// The other side has not said at which size it draws us.
const NOT_SAID: u32 = u32::MAX;

impl Default for VideoWish {
    fn default() -> Self {
        Self {
            key_frame: AtomicBool::default(),
            off: AtomicBool::default(),
            drawn: AtomicU32::new(NOT_SAID),
            most: AtomicU32::new(NOT_SAID),
        }
    }
}

fn unpacked(size: &AtomicU32) -> Option<(usize, usize)> {
    let size = size.load(Ordering::Relaxed);
    (size != NOT_SAID).then_some(((size >> 16) as usize, (size & 0xffff) as usize))
}

impl VideoWish {
    /// The other side needs a key frame.
    pub fn key_frame(&self) {
        self.key_frame.store(true, Ordering::Relaxed);
    }

    /// The other side draws us at this size.
    pub fn set_drawn(&self, width: u16, height: u16) {
        self.drawn.store(u32::from(width) << 16 | u32::from(height), Ordering::Relaxed);
    }

    /// Nobody here wants larger ones to be sent.
    pub fn set_most(&self, most: Option<(u16, u16)>) {
        let packed = most.map_or(NOT_SAID, |(width, height)| u32::from(width) << 16 | u32::from(height));
        self.most.store(packed, Ordering::Relaxed);
    }

    fn drawn(&self) -> Option<(usize, usize)> {
        unpacked(&self.drawn)
    }

    fn most(&self) -> Option<(usize, usize)> {
        unpacked(&self.most)
    }

    /// Whether none are sent.
    pub fn is_off(&self) -> bool {
        self.off.load(Ordering::Relaxed)
    }

    /// Sends no pictures, or sends them again.
    pub fn set_off(&self, off: bool) {
        if self.off.swap(off, Ordering::Relaxed) && !off {
            self.key_frame();
        }
    }
}

/// Everything the threads need.
pub struct VideoSend {
    /// Where pictures come from.
    pub source: Box<dyn PictureSource>,
    /// Where packets go.
    pub sink: Arc<dyn PacketSink>,
    /// What the path they take has room for.
    pub room: Arc<RoomInUse>,
    /// Pictures a second.
    pub fps: u32,
    /// What others ask.
    pub wish: Arc<VideoWish>,
    /// What is counted.
    pub tally: Arc<Tally>,
    /// The time.
    pub clock: Clock,
    /// When to end.
    pub stop: Stop,
}

impl VideoSend {
    /// Starts both threads.
    pub fn start(self) -> io::Result<[Thread; 2]> {
        let (pictures, newest) = mailbox();
        let Self { source, sink, room, fps, wish, tally, clock, stop } = self;
        let camera = {
            let (tally, stop) = (tally.clone(), stop.clone());
            let wish = wish.clone();
            Thread::spawn("camera", move || take_pictures(source, &pictures, &wish, &tally, &stop))?
        };
        let bitrate_bps = adapt::picture_bps(bandwidth::START_BPS, 0.0);
        let sending = Sending {
            encoder: Encoder::new(EncoderSettings { fps, bitrate_bps }),
            scaler: Scaler::new(Pool::default()),
            adapt: Adapt::default(),
            plan: None,
            encoded: None,
            next_at: None,
            key_frame_after: MediaTime::default(),
            sink,
            room,
            fps,
            wish,
            tally,
            clock,
        };
        let send = Thread::spawn("video-send", move || sending.run(&newest, &stop))?;
        Ok([camera, send])
    }
}

fn take_pictures(
    mut source: Box<dyn PictureSource>,
    pictures: &mailbox::Sender<Frame>,
    wish: &VideoWish,
    tally: &Tally,
    stop: &Stop,
) {
    while !stop.is_set() {
        if wish.off.load(Ordering::Relaxed) {
            source.rest();
            std::thread::sleep(OFF);
            continue;
        }
        match source.next() {
            Ok(None) => {}
            Ok(Some(frame)) => {
                tally.frames_captured.one();
                if pictures.put(frame).is_some() {
                    tally.frames_overtaken.one();
                }
            }
            Err(ended) => {
                tracing::warn!(why = %ended, "no more pictures of ours");
                return;
            }
        }
    }
}

struct Sending {
    encoder: Encoder,
    scaler: Scaler,
    adapt: Adapt,
    plan: Option<Plan>,
    /// The size of the last picture.
    encoded: Option<Size>,
    /// When the next picture is wanted, where fewer are sent than the camera gives.
    next_at: Option<MediaTime>,
    /// Before then no other key frame is made: the last is on its way.
    key_frame_after: MediaTime,
    sink: Arc<dyn PacketSink>,
    room: Arc<RoomInUse>,
    fps: u32,
    wish: Arc<VideoWish>,
    tally: Arc<Tally>,
    clock: Clock,
}

impl Sending {
    fn run(mut self, newest: &mailbox::Receiver<Frame>, stop: &Stop) {
        while !stop.is_set() {
            let Some(frame) = newest.take(IDLE) else { continue };
            if self.wish.off.load(Ordering::Relaxed) {
                continue;
            }
            let room = self.room.room();
            if room.take_torn() {
                self.wish.key_frame();
            }
            let plan = self.plan_for(&frame, &room);
            if !self.is_due(frame.captured(), plan.fps) {
                continue;
            }
            // What is encoded now would only wait behind what was before.
            if self.room.look().waiting > MOST_WAITING {
                self.tally.frames_left_out.one();
                continue;
            }
            let force_key = self.takes_key_frame(frame.captured());
            match self.encode(&frame, plan, force_key) {
                Ok(Some(encoded)) => {
                    if encoded.key {
                        self.key_frame_after = frame.captured() + self.key_frame_takes(encoded.annexb.len());
                    }
                    self.send(&encoded, frame.captured());
                }
                Ok(None) => {
                    self.tally.frames_left_out.one();
                    if force_key {
                        self.wish.key_frame();
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "a picture could not be encoded");
                    self.tally.frames_left_out.one();
                }
            }
        }
    }

    /// Whether this picture shall be a key frame. Who waits for one asks again and again, and each would hold up the next.
    fn takes_key_frame(&self, now: MediaTime) -> bool {
        now >= self.key_frame_after && self.wish.key_frame.swap(false, Ordering::Relaxed)
    }

    fn plan_for(&mut self, frame: &Frame, room: &Room) -> Plan {
        let source = (frame.size().width(), frame.size().height());
        let (drawn, most) = (self.wish.drawn(), self.wish.most());
        let seen = self.room.look();
        let situation =
            Situation { source, fps: self.fps, target_bps: seen.target_bps, loss: seen.loss, drawn, most };
        let plan = self.adapt.decide(&situation, self.clock.now());
        room.want_at_most(adapt::most_bps(source.0, source.1));
        let same =
            |before: Plan| (before.width, before.height, before.fps) == (plan.width, plan.height, plan.fps);
        if !self.plan.is_some_and(same) {
            tracing::info!("pictures go out at {plan}");
            self.tally.note_plan(self.clock.media_now(), plan);
        }
        self.plan = Some(plan);
        self.tally.set_sending(plan, seen.target_bps);
        plan
    }

    /// How long a key frame is on its way, at the pace of the path and there.
    fn key_frame_takes(&self, bytes: usize) -> Duration {
        let seen = self.room.look();
        let leaves = Duration::from_secs_f64(bytes as f64 * 8.0 / f64::from(seen.target_bps.max(1)));
        (leaves + seen.round_trip.unwrap_or_default()).min(MOST_KEY_FRAME_TAKES)
    }

    /// Evenly fewer pictures than there are.
    fn is_due(&mut self, captured: MediaTime, fps: u32) -> bool {
        let gap = Duration::from_secs(1) / fps.max(1);
        if fps >= self.fps {
            self.next_at = None;
            return true;
        }
        let early = gap / 8;
        match self.next_at {
            Some(at) if captured + early < at => false,
            Some(at) if captured < at + gap => {
                self.next_at = Some(at + gap);
                true
            }
            Some(_) | None => {
                self.next_at = Some(captured + gap);
                true
            }
        }
    }

    fn encode(
        &mut self,
        frame: &Frame,
        plan: Plan,
        force_key: bool,
    ) -> Result<Option<EncodedFrame>, EncodeError> {
        let began = self.clock.now();
        let size = u32::try_from(plan.width).ok().zip(u32::try_from(plan.height).ok());
        let size = size.and_then(|(width, height)| Size::new(width, height).ok()).unwrap_or(frame.size());
        let scaled = self.scaler.scale(frame, size);
        self.encoder.set_rate(plan.bitrate_bps, plan.fps)?;
        let encoded = self.encoder.encode(&scaled, force_key)?;
        if self.encoded.replace(size) == Some(size) {
            self.adapt.note_encoding(size.luma_len(), self.clock.now().saturating_duration_since(began));
        }
        Ok(encoded)
    }

    fn send(&self, encoded: &EncodedFrame, captured: MediaTime) {
        self.tally.took(Step::Encoding, self.clock.media_now().since(captured));
        let timestamp = timestamp_90khz(captured);
        let payloads = rtp_h264::packetise(&encoded.annexb, rtp_h264::MAX_PAYLOAD_LEN);
        let last = payloads.len().saturating_sub(1);
        let mut whole = true;
        for (index, payload) in payloads.into_iter().enumerate() {
            let len = payload.len() as u64;
            if self.sink.send(payload, timestamp, index == last) {
                self.tally.video_packets_sent.one();
                self.tally.video_bytes_sent.add(len);
            } else {
                self.tally.packets_not_taken.one();
                whole = false;
            }
        }
        self.tally.frames_sent.one();
        if encoded.key {
            self.tally.key_frames_sent.one();
        }
        if !whole {
            // What comes after a hole cannot be decoded; the other side need not find that out first.
            self.wish.key_frame();
        }
    }
}

/// The capture clock in the units of video over RTP. Rounded from the absolute time, so that no error adds up.
fn timestamp_90khz(at: MediaTime) -> u32 {
    (u128::from(at.as_micros()) * 9 / 100) as u32
}

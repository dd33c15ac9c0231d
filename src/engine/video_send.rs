//! Our pictures on their way out: `camera` takes them, `video-send` encodes the newest and hands out its packets.
//!
//! Two threads, because a camera that stalls must not stall the encoder, nor a slow encoder the camera.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crate::{
    logic::{adapt, units::MediaTime},
    media::{
        frame::Frame,
        h264::{EncodedFrame, Encoder, EncoderSettings},
        rtp_h264,
    },
};

use super::{
    counters::Tally,
    mailbox::{self, mailbox},
    ports::{PacketSink, PictureSource},
    thread::{Stop, Thread},
};

/// How long the encoder waits for a picture before it looks whether it shall end.
const IDLE: Duration = Duration::from_millis(100);

/// How long the camera rests before it looks whether pictures are wanted again.
const OFF: Duration = Duration::from_millis(20);

/// What others ask of our pictures.
#[derive(Debug, Default)]
pub struct VideoWish {
    key_frame: AtomicBool,
    off: AtomicBool,
}

impl VideoWish {
    /// The other side needs a key frame.
    pub fn key_frame(&self) {
        self.key_frame.store(true, Ordering::Relaxed);
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
    /// Pictures a second.
    pub fps: u32,
    /// What others ask.
    pub wish: Arc<VideoWish>,
    /// What is counted.
    pub tally: Arc<Tally>,
    /// When to end.
    pub stop: Stop,
}

impl VideoSend {
    /// Starts both threads.
    pub fn start(self) -> io::Result<[Thread; 2]> {
        let (pictures, newest) = mailbox();
        let Self { source, sink, fps, wish, tally, stop } = self;
        let camera = {
            let (tally, stop) = (tally.clone(), stop.clone());
            let wish = wish.clone();
            Thread::spawn("camera", move || take_pictures(source, &pictures, &wish, &tally, &stop))?
        };
        let encoder = Encoder::new(EncoderSettings { fps, bitrate_bps: adapt::bitrate_bps(1280, 720, fps) });
        let sending = Sending { encoder, sink, fps, wish, tally, sized_for: None };
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
    sink: Arc<dyn PacketSink>,
    fps: u32,
    wish: Arc<VideoWish>,
    tally: Arc<Tally>,
    sized_for: Option<(usize, usize)>,
}

impl Sending {
    fn run(mut self, newest: &mailbox::Receiver<Frame>, stop: &Stop) {
        while !stop.is_set() {
            let Some(frame) = newest.take(IDLE) else { continue };
            if self.wish.off.load(Ordering::Relaxed) {
                continue;
            }
            let force_key = self.wish.key_frame.swap(false, Ordering::Relaxed);
            self.fit_rate_to(&frame);
            match self.encoder.encode(&frame, force_key) {
                Ok(Some(encoded)) => self.send(&encoded, frame.captured()),
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

    fn fit_rate_to(&mut self, frame: &Frame) {
        let size = (frame.size().width(), frame.size().height());
        if self.sized_for != Some(size) {
            self.sized_for = Some(size);
            if let Err(error) = self.encoder.set_bitrate(adapt::bitrate_bps(size.0, size.1, self.fps)) {
                tracing::warn!(%error, "the encoder keeps its rate");
            }
        }
    }

    fn send(&self, encoded: &EncodedFrame, captured: MediaTime) {
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

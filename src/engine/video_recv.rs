//! Their pictures on their way in: packets are put together, decoded and shown at once.

use std::{
    io,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use crate::{
    logic::{
        packet::Packet,
        reassembly::{Reassembly, Whole},
        units::MediaTime,
    },
    media::{h264::Decoder, pool::Pool, rtp_h264},
};

use super::{
    clock::Clock,
    counters::Tally,
    ports::PictureSink,
    thread::{Stop, Thread},
};

/// How long the thread waits for a packet before it looks whether it shall end.
const IDLE: Duration = Duration::from_millis(100);
/// How many decoded pictures may be in use at once: one shown, one on its way, and those a recorder has not written yet.
const POOL: usize = 96;

/// Everything the thread needs.
pub struct VideoRecv {
    /// Packets, with the time each came. See [`super::ports::PeerSetup::video`].
    pub packets: Receiver<(Packet, Instant)>,
    /// Where pictures go.
    pub sink: Box<dyn PictureSink>,
    /// Asks the other side for a key frame.
    pub ask_key_frame: Arc<dyn Fn() + Send + Sync>,
    /// What is counted.
    pub tally: Arc<Tally>,
    /// The time.
    pub clock: Clock,
    /// When to end.
    pub stop: Stop,
}

impl VideoRecv {
    /// Starts the thread.
    pub fn start(self) -> io::Result<Thread> {
        Thread::spawn("video-recv", move || self.run())
    }

    fn run(mut self) {
        let mut decoder = match Decoder::new(Pool::new(POOL)) {
            Ok(decoder) => decoder,
            Err(error) => {
                tracing::error!(%error, "their pictures cannot be shown");
                return;
            }
        };
        let mut reassembly =
            Reassembly::new(|payload| rtp_h264::starts_frame(payload) && rtp_h264::is_key_frame(payload));
        while !self.stop.is_set() {
            let now = self.clock.now();
            let wait =
                reassembly.poll_timeout().map_or(IDLE, |at| at.saturating_duration_since(now).min(IDLE));
            match self.packets.recv_timeout(wait) {
                Ok((packet, arrived)) => {
                    self.tally.video_packets_received.one();
                    self.tally.video_bytes_received.add(packet.payload.len() as u64);
                    reassembly.handle(packet, arrived);
                }
                Err(RecvTimeoutError::Timeout) => reassembly.handle_timeout(self.clock.now()),
                Err(RecvTimeoutError::Disconnected) => return,
            }
            while let Some(whole) = reassembly.poll_whole() {
                self.tally.frames_received.one();
                if !self.decode_and_show(&mut decoder, &whole) {
                    self.tally.frames_undecodable.one();
                    reassembly.decoding_failed(self.clock.now());
                }
            }
            if reassembly.poll_ask() {
                (self.ask_key_frame)();
            }
            self.tally.set_pictures(reassembly.counts().into());
        }
    }

    fn decode_and_show(&mut self, decoder: &mut Decoder, whole: &Whole) -> bool {
        let arrived = self.clock.media(whole.arrived);
        let access_unit = match rtp_h264::assemble(&whole.payloads) {
            Ok(access_unit) => access_unit,
            Err(error) => {
                tracing::debug!(%error, "a picture is not one");
                return false;
            }
        };
        let captured = MediaTime::of_ticks(whole.timestamp, rtp_h264::CLOCK_HZ, arrived);
        match decoder.decode(&access_unit, captured) {
            Ok(Some(frame)) => {
                let shown = self.clock.media_now();
                self.sink.show(&frame, arrived, shown);
                self.tally.frames_shown.one();
                self.tally.first_picture.mark(shown);
                true
            }
            Ok(None) => true,
            Err(error) => {
                tracing::debug!(%error, "a picture cannot be decoded");
                false
            }
        }
    }
}

//! Their sound on its way in: for every packet's worth of time the jitter buffer says what to play.

use std::{
    io,
    sync::{Arc, mpsc::Receiver},
    time::Instant,
};

use crate::{
    logic::{
        jitter::{Jitter, Play},
        packet::Packet,
    },
    media::opus::{FRAME_SAMPLES, OpusDecoder, OpusError},
};

use super::{
    clock::Clock,
    counters::Tally,
    ports::{SOUND_BLOCK, SoundSink},
    reference::ReferenceIn,
    thread::{Stop, Thread},
};

/// How often the device's figures are told. In frames.
const FIGURES_EVERY: u32 = 50;

/// Everything the thread needs.
pub struct AudioRecv {
    /// Packets, with the time each came. See [`super::ports::PeerSetup::audio`].
    pub packets: Receiver<(Packet, Instant)>,
    /// Where sound goes.
    pub sink: Box<dyn SoundSink>,
    /// Where it is told what is played, for a sink that does not tell by itself.
    pub reference: Option<ReferenceIn>,
    /// What is counted.
    pub tally: Arc<Tally>,
    /// The time.
    pub clock: Clock,
    /// When to end.
    pub stop: Stop,
}

impl AudioRecv {
    /// Starts the thread.
    pub fn start(self) -> io::Result<Thread> {
        Thread::spawn("audio-recv", move || self.run())
    }

    fn run(mut self) {
        let mut decoder = match OpusDecoder::new() {
            Ok(decoder) => decoder,
            Err(error) => {
                tracing::error!(%error, "their sound cannot be played");
                return;
            }
        };
        let mut jitter = Jitter::default();
        let mut frame = [0.0; FRAME_SAMPLES];
        let mut ahead: Option<(Packet, Instant)> = None;
        let mut frames = 0_u32;
        self.tally.sound_began.mark(self.clock.media_now());
        loop {
            for half in 0..FRAME_SAMPLES / SOUND_BLOCK {
                let due = self.sink.wait();
                if self.stop.is_set() {
                    return;
                }
                if half == 0 {
                    self.take_what_came_by(due, &mut ahead, &mut jitter);
                    self.next_frame(due, &mut decoder, &mut jitter, &mut frame);
                }
                let block = &frame.as_chunks().0[half];
                self.sink.play(block);
                if let Some(reference) = &mut self.reference {
                    reference.played(block, self.sink.delay());
                }
            }
            if frames.is_multiple_of(FIGURES_EVERY) {
                self.tally.set_speaker(self.sink.figures());
            }
            frames = frames.wrapping_add(1);
        }
    }

    /// A beat that runs late sees what had come by its time, and no more: the buffer would overflow otherwise, and sound
    /// would be skipped only because this thread had to wait for its turn.
    fn take_what_came_by(&self, due: Instant, ahead: &mut Option<(Packet, Instant)>, jitter: &mut Jitter) {
        while let Some((packet, arrived)) = ahead.take().or_else(|| self.packets.try_recv().ok()) {
            if arrived > due {
                *ahead = Some((packet, arrived));
                return;
            }
            self.tally.audio_packets_received.one();
            jitter.handle(packet);
        }
    }

    fn next_frame(
        &self,
        due: Instant,
        decoder: &mut OpusDecoder,
        jitter: &mut Jitter,
        frame: &mut [f32; FRAME_SAMPLES],
    ) {
        let play = jitter.play();
        if let Err(error) = sound(decoder, &play, frame) {
            tracing::debug!(%error, "a packet of sound cannot be decoded");
            frame.fill(0.0);
        } else if matches!(play, Play::Packet(_)) {
            self.tally.first_sound.mark(self.clock.media(due));
        }
        self.tally.set_sound(jitter.counts().into());
    }
}

fn sound(decoder: &mut OpusDecoder, play: &Play, frame: &mut [f32; FRAME_SAMPLES]) -> Result<(), OpusError> {
    let samples = match play {
        Play::Packet(packet) => decoder.decode(packet, frame)?,
        Play::Recover(next) => decoder.recover(next, frame)?,
        Play::Conceal => decoder.conceal(frame)?,
        Play::Wait => 0,
    };
    frame[samples.min(FRAME_SAMPLES)..].fill(0.0);
    Ok(())
}

//! Their sound on its way in: every 20 ms the jitter buffer says what to play.

use std::{
    io,
    sync::{Arc, mpsc::Receiver},
    time::{Duration, Instant},
};

use crate::{
    logic::{
        jitter::{Jitter, PACKET, Play},
        packet::Packet,
    },
    media::opus::{OpusDecoder, OpusError},
};

use super::{
    clock::Clock,
    counters::Tally,
    ports::{SOUND_BLOCK, SoundSink},
    thread::{Stop, Thread},
};

/// After a pause of the whole program (sleep, a debugger) the beat starts anew instead of catching up.
const LONGEST_CATCH_UP: Duration = Duration::from_secs(1);

/// Everything the thread needs.
pub struct AudioRecv {
    /// Packets, with the time each came. See [`super::ports::PeerSetup::audio`].
    pub packets: Receiver<(Packet, Instant)>,
    /// Where sound goes.
    pub sink: Box<dyn SoundSink>,
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
        let mut block = [0.0; SOUND_BLOCK];
        let mut ahead: Option<(Packet, Instant)> = None;
        let mut due = self.clock.now();
        self.tally.sound_began.mark(self.clock.media(due));
        while !self.stop.is_set() {
            // A beat that runs late sees what had come by its time, and no more: the buffer would overflow otherwise,
            // and sound would be skipped only because this thread had to wait for its turn.
            while let Some((packet, arrived)) = ahead.take().or_else(|| self.packets.try_recv().ok()) {
                if arrived > due {
                    ahead = Some((packet, arrived));
                    break;
                }
                self.tally.audio_packets_received.one();
                jitter.handle(packet);
            }
            let play = jitter.play();
            let at = self.clock.media(due);
            if let Err(error) = sound(&mut decoder, &play, &mut block) {
                tracing::debug!(%error, "a packet of sound cannot be decoded");
                block.fill(0.0);
            } else if matches!(play, Play::Packet(_)) {
                self.tally.first_sound.mark(at);
            }
            self.sink.play(&block, at);
            self.tally.set_sound(jitter.counts().into());
            due = self.next_beat(due);
            self.clock.sleep_until(due);
        }
    }

    fn next_beat(&self, due: Instant) -> Instant {
        let (next, now) = (due + PACKET, self.clock.now());
        if now.saturating_duration_since(next) > LONGEST_CATCH_UP { now } else { next }
    }
}

fn sound(decoder: &mut OpusDecoder, play: &Play, block: &mut [f32; SOUND_BLOCK]) -> Result<(), OpusError> {
    let samples = match play {
        Play::Packet(packet) => decoder.decode(packet, block)?,
        Play::Recover(next) => decoder.recover(next, block)?,
        Play::Conceal => decoder.conceal(block)?,
        Play::Wait => 0,
    };
    block[samples.min(SOUND_BLOCK)..].fill(0.0);
    Ok(())
}

//! Their sound on its way in: at every beat of whoever plays it, the jitter buffer says what the next ten milliseconds are.
//!
//! A packet is decoded at the beat that needs it and not before, so that until then it may come, be put in order, or be
//! recovered. What is decoded beyond the block waits here for the next one.

use std::{
    io,
    sync::{Arc, mpsc::Receiver},
    time::Instant,
};

use crate::{
    logic::{
        jitter::{Jitter, Only, Play, Stretch},
        packet::Packet,
    },
    media::{
        opus::{MAX_DECODED_SAMPLES, OpusDecoder, OpusError},
        stretch,
    },
};

use super::{
    clock::Clock,
    counters::Tally,
    heard_clock::Heard,
    ports::{SOUND_BLOCK, SoundSink},
    reference::ReferenceIn,
    thread::{Stop, Thread},
};

/// How often the device's figures are told. In blocks.
const FIGURES_EVERY: u32 = 100;
/// Decoded and not yet played: less than a block, the longest packet, and what that may be drawn out by.
const ROOM: usize = SOUND_BLOCK + 2 * MAX_DECODED_SAMPLES;

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
        let mut listening = match OpusDecoder::new() {
            Ok(decoder) => Listening::new(decoder),
            Err(error) => {
                tracing::error!(%error, "their sound cannot be played");
                return;
            }
        };
        let mut ahead: Option<(Packet, Instant)> = None;
        let mut blocks = 0_u32;
        loop {
            let due = self.sink.wait();
            if self.stop.is_set() {
                return;
            }
            self.tally.sound_began.mark(self.clock.media(due));
            self.take_what_came_by(due, &mut ahead, &mut listening.jitter);
            listening.fill(due);
            if listening.jitter.counts().played > 0 {
                self.tally.first_sound.mark(self.clock.media(due));
            }
            let delay = self.sink.delay();
            self.sink.play(listening.block());
            if let Some(reference) = &mut self.reference {
                reference.played(listening.block(), delay);
            }
            let at = self.clock.media(due) + delay;
            self.tally.heard.set(listening.timestamp().map(|rtp_timestamp| Heard { rtp_timestamp, at }));
            listening.block_is_played();
            self.tally.set_sound((&listening.jitter).into());
            if blocks.is_multiple_of(FIGURES_EVERY) {
                self.tally.set_speaker(self.sink.figures());
            }
            blocks = blocks.wrapping_add(1);
        }
    }

    /// A beat that runs late sees what had come by its time, and no more: it would look as if that had come early, and
    /// sound would be skipped only because this thread had to wait for its turn.
    fn take_what_came_by(&self, due: Instant, ahead: &mut Option<(Packet, Instant)>, jitter: &mut Jitter) {
        while let Some((packet, arrived)) = ahead.take().or_else(|| self.packets.try_recv().ok()) {
            if arrived > due {
                *ahead = Some((packet, arrived));
                return;
            }
            self.tally.audio_packets_received.one();
            self.tally.audio_bytes_received.add(packet.payload.len() as u64);
            jitter.handle(packet, arrived);
        }
    }
}

/// The jitter buffer, the decoder it commands, and what is decoded and not yet played.
struct Listening {
    jitter: Jitter,
    decoder: OpusDecoder,
    samples: Box<[f32]>,
    len: usize,
}

impl Listening {
    fn new(decoder: OpusDecoder) -> Self {
        Self { jitter: Jitter::default(), decoder, samples: vec![0.0; ROOM].into(), len: 0 }
    }

    /// Sees to it that there is a block to be played at `due`.
    fn fill(&mut self, due: Instant) {
        while self.len < SOUND_BLOCK {
            let play = self.jitter.next(due, self.len);
            let room = &mut self.samples[self.len..];
            let more = match play {
                Play::Packet { payload, stretch } => {
                    self.decoder.decode(&payload, room).map(|len| self.stretch(len, stretch))
                }
                Play::Recover { next, samples } => self.decoder.recover(&next, &mut room[..samples]),
                Play::Conceal { samples } => self.decoder.conceal(&mut room[..samples]),
                Play::Wait => Ok(self.be_silent()),
            };
            self.len += more.unwrap_or_else(|error| self.go_on_without(&error));
        }
    }

    fn block(&self) -> &[f32; SOUND_BLOCK] {
        self.samples.first_chunk().expect("there is room for more than a block")
    }

    /// The RTP timestamp of the block's first sample.
    fn timestamp(&self) -> Option<u32> {
        Some(self.jitter.next_timestamp()?.wrapping_sub(self.len as u32))
    }

    fn block_is_played(&mut self) {
        self.samples.copy_within(SOUND_BLOCK..self.len, 0);
        self.len -= SOUND_BLOCK;
    }

    fn stretch(&mut self, len: usize, how: Stretch) -> usize {
        let alike = |only| match only {
            Only::InSilence => stretch::ONLY_SILENCE,
            Only::Alike => stretch::ALIKE,
            Only::RoughlyAlike => stretch::ROUGHLY_ALIKE,
        };
        let piece = &mut self.samples[self.len..];
        let after = match how {
            Stretch::None => len,
            Stretch::Shrink { at_most, only } => stretch::shorten(piece, len, at_most, alike(only)),
            Stretch::Grow { at_most, only } => stretch::lengthen(piece, len, at_most, alike(only)),
        };
        self.jitter.stretched(after.cast_signed() - len.cast_signed());
        after
    }

    fn be_silent(&mut self) -> usize {
        self.samples[self.len..][..SOUND_BLOCK].fill(0.0);
        SOUND_BLOCK
    }

    fn go_on_without(&mut self, error: &OpusError) -> usize {
        tracing::debug!(%error, "a packet of sound cannot be decoded");
        let made_up = self.decoder.conceal(&mut self.samples[self.len..][..SOUND_BLOCK]);
        made_up.unwrap_or_else(|_| self.be_silent())
    }
}

#[cfg(test)]
mod tests;

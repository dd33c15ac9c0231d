//! Our sound on its way out: a block is heard, cleaned, encoded and sent.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{
    logic::units::MediaTime,
    media::opus::{FRAME_SAMPLES, MAX_PACKET_LEN, OpusEncoder},
};

use super::{
    counters::Tally,
    parcels::Parcels,
    ports::{PacketSink, SOUND_BLOCK, SoundSource, SourceEnded},
    room::SoundRoom,
    thread::{Stop, Thread},
    voice::Voice,
};

/// When the source's time has moved away from the count of samples by more than this, the count gives way.
const MAX_DRIFT_SAMPLES: i32 = 2_400;

/// How often the device's figures are told. In packets.
const FIGURES_EVERY: u32 = 50;

/// What the encoder is told to be ready for at least, so that each packet can stand in for the one before it,
const LEAST_LOSS_PERCENT: u32 = 5;
/// and at most: beyond it too little would be left for the sound itself.
const MOST_LOSS_PERCENT: u32 = 25;

/// Everything the thread needs.
pub struct AudioSend {
    /// Where sound comes from.
    pub source: Box<dyn SoundSource>,
    /// Where packets go.
    pub sink: Arc<dyn PacketSink>,
    /// Silence is sent instead.
    pub muted: Arc<AtomicBool>,
    /// What the path has room for. It changes as the path does.
    pub room: Arc<SoundRoom>,
    /// Cleans it.
    pub voice: Voice,
    /// What is counted.
    pub tally: Arc<Tally>,
    /// When to end.
    pub stop: Stop,
}

impl AudioSend {
    /// Starts the thread.
    pub fn start(self) -> io::Result<Thread> {
        Thread::spawn("audio-send", move || self.run())
    }

    fn run(mut self) {
        let mut encoder = match OpusEncoder::new() {
            Ok(encoder) => encoder,
            Err(error) => {
                tracing::error!(%error, "our sound cannot be sent");
                return;
            }
        };
        let mut frame = [0.0; FRAME_SAMPLES];
        let mut encoded = [0; MAX_PACKET_LEN];
        let mut parcels = Parcels::default();
        let mut timestamp = None;
        let mut packets = 0_u32;
        let mut bps = 0;
        let mut expected = None;
        while !self.stop.is_set() {
            let heard = match self.read(&mut frame) {
                Ok(heard) => heard,
                Err(ended) => {
                    tracing::warn!(why = %ended, "no more sound of ours");
                    return;
                }
            };
            if packets.is_multiple_of(FIGURES_EVERY) {
                self.tally.set_microphone(self.source.figures());
            }
            packets = packets.wrapping_add(1);
            let wanted_bps = self.room.bps();
            if std::mem::replace(&mut bps, wanted_bps) != wanted_bps
                && let Err(error) = encoder.set_bitrate(wanted_bps)
            {
                tracing::warn!(%error, "sound keeps its rate");
            }
            let now = next_timestamp(timestamp, heard);
            timestamp = Some(now);
            self.expect_loss(&mut encoder, &mut expected);
            match encoder.encode(&frame, &mut encoded) {
                Ok(len) if self.sink.send(parcels.wrap(&encoded[..len]), now, false) => {
                    self.tally.audio_packets_sent.one();
                    self.tally.audio_bytes_sent.add(len as u64);
                    if self.room.twice() {
                        self.sink.repeat();
                    }
                }
                Ok(_) => self.tally.packets_not_taken.one(),
                Err(error) => tracing::error!(%error, "a block of sound could not be encoded"),
            }
        }
    }

    fn expect_loss(&self, encoder: &mut OpusEncoder, expected: &mut Option<u32>) {
        let percent = self.room.lost_percent().clamp(LEAST_LOSS_PERCENT, MOST_LOSS_PERCENT);
        if expected.replace(percent) != Some(percent)
            && let Err(error) = encoder.set_expected_loss(percent as u8)
        {
            tracing::warn!(%error, "sound is sent as if nothing else got lost");
        }
    }

    /// Fills a packet's worth, block by block, cleaned, and says when its first sample was heard.
    fn read(&mut self, frame: &mut [f32; FRAME_SAMPLES]) -> Result<MediaTime, SourceEnded> {
        let mut began = None;
        for block in frame.as_chunks_mut::<SOUND_BLOCK>().0 {
            let heard = self.source.read(block)?;
            self.voice.handle(block, self.muted.load(Ordering::Relaxed));
            began = began.or(Some(heard));
        }
        Ok(began.unwrap_or_default())
    }
}

/// Counts samples, and follows the source's clock where the two part.
fn next_timestamp(last: Option<u32>, heard: MediaTime) -> u32 {
    let by_clock = (u128::from(heard.as_micros()) * 48 / 1000) as u32;
    match last.map(|last| last.wrapping_add(FRAME_SAMPLES as u32)) {
        Some(by_count) if by_clock.wrapping_sub(by_count).cast_signed().abs() <= MAX_DRIFT_SAMPLES => {
            by_count
        }
        Some(_) | None => by_clock,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_count_samples_and_follow_a_clock_that_jumped() {
        let first = next_timestamp(None, MediaTime(1_000_000));
        assert_eq!(first, 48_000);
        assert_eq!(next_timestamp(Some(first), MediaTime(1_021_300)), 48_960, "a beat that came late");
        assert_eq!(next_timestamp(Some(first), MediaTime(2_000_000)), 96_000, "a second of nothing");
    }
}

//! Sound to Opus and back.
//!
//! 48 kHz, mono, 20 ms a packet, tuned for voice. Each packet also carries a coarse copy of the one before it (in-band
//! FEC) for as long as the encoder is told to expect losses; where there is no copy the decoder continues the sound on
//! its own for a while, by a small neural network that was trained on voices (deep PLC). Nothing here allocates once it
//! exists: the caller lends the buffers.
//!
//! Two wrappers of one library: `opus` has no way to ask a decoder for deep PLC, `opusic-c` has.

use opus::{Application, Bitrate, Channels, Encoder, Signal};
use opusic_c::{Decoder, ErrorCode, SampleRate};

use super::SAMPLE_RATE_HZ;

/// Samples in a packet: 20 ms.
pub const FRAME_SAMPLES: usize = 960;

/// The longest packet Opus makes of one frame; a buffer of this size always suffices.
pub const MAX_PACKET_LEN: usize = 1_275;

/// The longest a packet may decode to: 120 ms.
pub const MAX_DECODED_SAMPLES: usize = 5_760;

/// Where an encoder starts: good wideband voice.
pub const USUAL_BITRATE_BPS: u32 = 32_000;

/// From here on a decoder uses deep PLC; above it there is nothing more that is compiled in.
const DEEP_COMPLEXITY: u8 = 5;

/// What Opus refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpusError {
    /// Encoder or decoder could not be had.
    #[error("Opus could not be set up: {0}")]
    SetUp(String),
    /// A setting out of its range.
    #[error("Opus refused a setting: {0}")]
    Setting(String),
    /// Not [`FRAME_SAMPLES`] long.
    #[error("a packet is made of 960 samples, not {0}")]
    FrameLength(usize),
    /// The packet buffer is shorter than the packet.
    #[error("Opus could not encode: {0}")]
    Encode(String),
    /// Not an Opus packet, or longer than the buffer.
    #[error("Opus could not decode a packet of {len} bytes: {reason}")]
    Decode {
        /// Of the packet.
        len: usize,
        /// In Opus's words.
        reason: String,
    },
}

/// Encodes one stream of sound.
pub struct OpusEncoder {
    codec: Encoder,
}

impl OpusEncoder {
    /// Voice at [`USUAL_BITRATE_BPS`], FEC on, no loss expected yet.
    pub fn new() -> Result<Self, OpusError> {
        let mut codec = Encoder::new(SAMPLE_RATE_HZ, Channels::Mono, Application::Voip)
            .map_err(|error| OpusError::SetUp(error.to_string()))?;
        codec.set_signal(Signal::Voice).map_err(refused)?;
        codec.set_inband_fec(true).map_err(refused)?;
        let mut encoder = Self { codec };
        encoder.set_bitrate(USUAL_BITRATE_BPS)?;
        Ok(encoder)
    }

    /// Bits a second, from 6 000 to 510 000; kept within that.
    pub fn set_bitrate(&mut self, bitrate_bps: u32) -> Result<(), OpusError> {
        let bps = bitrate_bps.clamp(6_000, 510_000).cast_signed();
        self.codec.set_bitrate(Bitrate::Bits(bps)).map_err(refused)
    }

    /// How many of a hundred packets get lost. The more, the better the copy of the one before that each packet carries, at
    /// the cost of its own sound; at 0 it carries none.
    pub fn set_expected_loss(&mut self, percent: u8) -> Result<(), OpusError> {
        self.codec.set_packet_loss_perc(i32::from(percent.min(100))).map_err(refused)
    }

    /// 0 is cheapest, 10 sounds best.
    pub fn set_complexity(&mut self, complexity: u8) -> Result<(), OpusError> {
        self.codec.set_complexity(i32::from(complexity.min(10))).map_err(refused)
    }

    /// Samples by which what is decoded lags behind what was encoded.
    pub fn lookahead_samples(&mut self) -> Result<usize, OpusError> {
        let samples = self.codec.get_lookahead().map_err(refused)?;
        Ok(usize::try_from(samples).unwrap_or_default())
    }

    /// Encodes [`FRAME_SAMPLES`] samples into `packet` and says how many bytes of it are used.
    pub fn encode(&mut self, samples: &[f32], packet: &mut [u8]) -> Result<usize, OpusError> {
        if samples.len() != FRAME_SAMPLES {
            return Err(OpusError::FrameLength(samples.len()));
        }
        self.codec.encode_float(samples, packet).map_err(|error| OpusError::Encode(error.to_string()))
    }
}

fn refused(error: opus::Error) -> OpusError {
    OpusError::Setting(error.to_string())
}

/// Decodes one stream of sound. Every call gives the samples of one stretch of time; call one of the three for each.
pub struct OpusDecoder {
    codec: Decoder,
}

impl OpusDecoder {
    /// A decoder that has heard nothing yet.
    pub fn new() -> Result<Self, OpusError> {
        let mut codec = Decoder::new(opusic_c::Channels::Mono, SampleRate::Hz48000).map_err(set_up)?;
        codec.set_complexity(DEEP_COMPLEXITY).map_err(setting)?;
        Ok(Self { codec })
    }

    /// A packet that arrived. Says how many samples it gave; `out` of [`MAX_DECODED_SAMPLES`] always suffices.
    pub fn decode(&mut self, packet: &[u8], out: &mut [f32]) -> Result<usize, OpusError> {
        self.run(packet, out, false)
    }

    /// The packet before `next` is lost, `next` is here: what was lost, from the copy in `next`, or concealed where it
    /// carries none. Fills `out`, which must be as long as the lost packet was. `next` is still to be decoded after.
    pub fn recover(&mut self, next: &[u8], out: &mut [f32]) -> Result<usize, OpusError> {
        self.run(next, out, true)
    }

    /// A packet is lost and nothing is known of it: the sound goes on as it was, fading. Fills `out`, whose length must be
    /// a multiple of 120 (2.5 ms).
    pub fn conceal(&mut self, out: &mut [f32]) -> Result<usize, OpusError> {
        self.run_raw(&[], out, false)
    }

    fn run(&mut self, packet: &[u8], out: &mut [f32], fec: bool) -> Result<usize, OpusError> {
        // To Opus an empty packet means a lost one; here it is one that arrived and is wrong.
        if packet.is_empty() {
            return Err(OpusError::Decode { len: 0, reason: "it is empty".into() });
        }
        self.run_raw(packet, out, fec)
    }

    fn run_raw(&mut self, packet: &[u8], out: &mut [f32], fec: bool) -> Result<usize, OpusError> {
        self.codec
            .decode_float_to_slice(packet, out, fec)
            .map_err(|error| OpusError::Decode { len: packet.len(), reason: error.message().to_owned() })
    }
}

fn set_up(error: ErrorCode) -> OpusError {
    OpusError::SetUp(error.message().to_owned())
}

fn setting(error: ErrorCode) -> OpusError {
    OpusError::Setting(error.message().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        logic::units::MediaTime,
        media::{
            tone::{find_chirps, generate},
            vowel::vowel,
        },
    };

    /// The test sound in packets.
    fn packets(encoder: &mut OpusEncoder, count: usize) -> Vec<Vec<u8>> {
        let mut samples = [0.0; FRAME_SAMPLES];
        let mut packet = [0; MAX_PACKET_LEN];
        (0..count)
            .map(|at| {
                generate(MediaTime(at as u64 * 20_000), &mut samples);
                let len = encoder.encode(&samples, &mut packet).unwrap();
                packet[..len].to_vec()
            })
            .collect()
    }

    fn loudness(samples: &[f32]) -> f32 {
        (samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len() as f32).sqrt()
    }

    #[test]
    fn every_packet_gives_back_twenty_milliseconds() {
        let mut decoder = OpusDecoder::new().unwrap();
        let mut out = [0.0; MAX_DECODED_SAMPLES];
        for packet in packets(&mut OpusEncoder::new().unwrap(), 20) {
            assert_eq!(decoder.decode(&packet, &mut out).unwrap(), FRAME_SAMPLES);
        }
    }

    #[test]
    fn the_bitrate_is_kept_and_can_be_changed() {
        let mut encoder = OpusEncoder::new().unwrap();
        for bitrate_bps in [32_000, 12_000, 64_000] {
            encoder.set_bitrate(bitrate_bps).unwrap();
            let bytes: usize = packets(&mut encoder, 200).iter().map(Vec::len).sum();
            let bps = bytes * 8 / 4;
            let target = bitrate_bps as usize;
            assert!((target / 2..target * 3 / 2).contains(&bps), "{target} became {bps}");
        }
    }

    /// A voice, what each of its packets gives, and what a decoder gives instead of one of them.
    fn instead_of_a_packet(complexity: u8, instead: fn(&mut OpusDecoder, &[u8], &mut [f32])) -> f32 {
        let voice = vowel(110.0, 170.0, 100 * FRAME_SAMPLES);
        let mut encoder = OpusEncoder::new().unwrap();
        encoder.set_expected_loss(20).unwrap();
        let mut packet = [0; MAX_PACKET_LEN];
        let packets: Vec<Vec<u8>> = voice
            .chunks_exact(FRAME_SAMPLES)
            .map(|frame| {
                let len = encoder.encode(frame, &mut packet).unwrap();
                packet[..len].to_vec()
            })
            .collect();
        let (mut apart, mut out) = (0.0, [0.0; FRAME_SAMPLES]);
        for lost in (20..90).step_by(7) {
            let mut decoder = OpusDecoder::new().unwrap();
            decoder.codec.set_complexity(complexity).unwrap();
            for packet in &packets[..lost] {
                decoder.decode(packet, &mut out).unwrap();
            }
            let mut truth = [0.0; FRAME_SAMPLES];
            instead(&mut decoder, &packets[lost + 1], &mut out);
            let mut decoder = OpusDecoder::new().unwrap();
            for packet in &packets[..=lost] {
                decoder.decode(packet, &mut truth).unwrap();
            }
            apart += spectra_apart_db(&truth, &out) / 10.0;
        }
        apart
    }

    /// How far two sounds are apart at the pitches of a voice, in the root of the mean square.
    fn spectra_apart_db(one: &[f32], other: &[f32]) -> f32 {
        let level = |samples: &[f32], hz: f32| {
            let (mut real, mut imaginary) = (0.0_f32, 0.0_f32);
            for (at, sample) in samples.iter().enumerate() {
                let part = at as f32 / samples.len() as f32;
                let window = (std::f32::consts::PI * part).sin().powi(2);
                let turn = std::f32::consts::TAU * hz * at as f32 / 48_000.0;
                real += window * sample * turn.cos();
                imaginary += window * sample * turn.sin();
            }
            10.0 * (real * real + imaginary * imaginary + 1e-4).log10()
        };
        let bands = (1..30).map(|band| 100.0 * band as f32);
        let sum: f32 = bands.map(|hz| (level(one, hz) - level(other, hz)).powi(2)).sum();
        (sum / 29.0).sqrt()
    }

    #[test]
    fn a_lost_packet_is_recovered_from_the_next_better_than_it_is_guessed() {
        let recovered = instead_of_a_packet(DEEP_COMPLEXITY, |decoder, next, out| {
            assert_eq!(decoder.recover(next, out), Ok(FRAME_SAMPLES));
        });
        let concealed = instead_of_a_packet(DEEP_COMPLEXITY, |decoder, _, out| {
            assert_eq!(decoder.conceal(out), Ok(FRAME_SAMPLES));
        });
        assert!(recovered < 0.7 * concealed, "recovered {recovered:.2} dB, concealed {concealed:.2} dB");
    }

    #[test]
    fn a_voice_is_gone_on_with_by_the_network_that_was_trained_for_it() {
        let conceal = |decoder: &mut OpusDecoder, _: &[u8], out: &mut [f32]| {
            assert_eq!(decoder.conceal(out), Ok(FRAME_SAMPLES));
        };
        let (deep, plain) = (instead_of_a_packet(DEEP_COMPLEXITY, conceal), instead_of_a_packet(0, conceal));
        assert!(deep < plain, "deep {deep:.2} dB, plain {plain:.2} dB");
    }

    #[test]
    fn a_long_loss_fades_out() {
        let mut decoder = OpusDecoder::new().unwrap();
        let mut out = [0.0; FRAME_SAMPLES];
        for packet in packets(&mut OpusEncoder::new().unwrap(), 52) {
            decoder.decode(&packet, &mut out).unwrap();
        }
        let before = loudness(&out);
        (0..50).for_each(|_| assert_eq!(decoder.conceal(&mut out), Ok(FRAME_SAMPLES)));
        assert!(loudness(&out) < before / 10.0, "{} after {before}", loudness(&out));
    }

    #[test]
    fn chirps_are_found_after_32_kbit_a_second_and_every_tenth_packet_lost() {
        let mut encoder = OpusEncoder::new().unwrap();
        encoder.set_expected_loss(10).unwrap();
        let lag = encoder.lookahead_samples().unwrap() as f64;
        let packets = packets(&mut encoder, 600);
        // A packet in the middle of each second chirp is among the lost.
        let is_lost = |at: usize| at % 10 == 2;
        let mut decoder = OpusDecoder::new().unwrap();
        let (mut sound, mut out) = (Vec::new(), [0.0; FRAME_SAMPLES]);
        for at in 0..packets.len() - 1 {
            let samples = if is_lost(at) {
                decoder.recover(&packets[at + 1], &mut out)
            } else {
                decoder.decode(&packets[at], &mut out)
            };
            sound.extend_from_slice(&out[..samples.unwrap()]);
        }
        let found = find_chirps(&sound);
        assert_eq!(found.len(), 12, "{found:?}");
        for (second, chirp) in found.iter().enumerate() {
            assert_eq!(chirp.kind.index(), second as u64 % 4);
            let late = chirp.at_sample - lag - second as f64 * 48_000.0;
            assert!(late.abs() < 48.0, "second {second}: {late:.1} samples");
        }
    }

    #[test]
    fn wrong_lengths_and_rubbish_are_refused() {
        let mut encoder = OpusEncoder::new().unwrap();
        assert_eq!(encoder.encode(&[0.0; 100], &mut [0; 100]), Err(OpusError::FrameLength(100)));
        let mut decoder = OpusDecoder::new().unwrap();
        let mut out = [0.0; FRAME_SAMPLES];
        assert!(decoder.decode(&[], &mut out).unwrap_err().to_string().contains("empty"));
        // Code 3 with a count of no frames.
        assert!(decoder.decode(&[0xFF, 0x00], &mut out).is_err());
        assert!(decoder.decode(&packets(&mut encoder, 1)[0], &mut out[..100]).is_err());
        for byte in 0..=255_u8 {
            for len in [1, 2, 7, 400] {
                // A long packet may be valid; it must only not harm.
                if let Ok(samples) = decoder.decode(&vec![byte; len], &mut out) {
                    assert!(samples <= out.len());
                }
            }
        }
    }
}

//! Sound to Opus and back.
//!
//! 48 kHz, mono, 20 ms a packet, tuned for voice. Each packet also carries a coarse copy of the one before it (in-band
//! FEC) for as long as the encoder is told to expect losses; where there is no copy the decoder continues the sound on
//! its own for a while. Nothing here allocates once it exists: the caller lends the buffers.

use opus::{Application, Bitrate, Channels, Decoder, Encoder, Signal};

use super::SAMPLE_RATE_HZ;

/// Samples in a packet: 20 ms.
pub const FRAME_SAMPLES: usize = 960;

/// The longest packet Opus makes of one frame; a buffer of this size always suffices.
pub const MAX_PACKET_LEN: usize = 1_275;

/// The longest a packet may decode to: 120 ms.
pub const MAX_DECODED_SAMPLES: usize = 5_760;

/// Where an encoder starts: good wideband voice.
pub const USUAL_BITRATE_BPS: u32 = 32_000;

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
        let mut codec = Encoder::new(SAMPLE_RATE_HZ, Channels::Mono, Application::Voip).map_err(set_up)?;
        codec.set_signal(Signal::Voice).map_err(setting)?;
        codec.set_inband_fec(true).map_err(setting)?;
        let mut encoder = Self { codec };
        encoder.set_bitrate(USUAL_BITRATE_BPS)?;
        Ok(encoder)
    }

    /// Bits a second, from 6 000 to 510 000; kept within that.
    pub fn set_bitrate(&mut self, bitrate_bps: u32) -> Result<(), OpusError> {
        let bps = i32::try_from(bitrate_bps.clamp(6_000, 510_000)).expect("clamped");
        self.codec.set_bitrate(Bitrate::Bits(bps)).map_err(setting)
    }

    /// How many of a hundred packets get lost. From about 5 on, packets carry a copy of the one before; 0 saves it.
    pub fn set_expected_loss(&mut self, percent: u8) -> Result<(), OpusError> {
        self.codec.set_packet_loss_perc(i32::from(percent.min(100))).map_err(setting)
    }

    /// 0 is cheapest, 10 sounds best.
    pub fn set_complexity(&mut self, complexity: u8) -> Result<(), OpusError> {
        self.codec.set_complexity(i32::from(complexity.min(10))).map_err(setting)
    }

    /// Samples by which what is decoded lags behind what was encoded.
    pub fn lookahead_samples(&mut self) -> Result<usize, OpusError> {
        let samples = self.codec.get_lookahead().map_err(setting)?;
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

/// Decodes one stream of sound. Every call gives the samples of one stretch of time; call one of the three for each.
pub struct OpusDecoder {
    codec: Decoder,
}

impl OpusDecoder {
    /// A decoder that has heard nothing yet.
    pub fn new() -> Result<Self, OpusError> {
        Ok(Self { codec: Decoder::new(SAMPLE_RATE_HZ, Channels::Mono).map_err(set_up)? })
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
            .decode_float(packet, out, fec)
            .map_err(|error| OpusError::Decode { len: packet.len(), reason: error.to_string() })
    }
}

fn set_up(error: opus::Error) -> OpusError {
    OpusError::SetUp(error.to_string())
}

fn setting(error: opus::Error) -> OpusError {
    OpusError::Setting(error.to_string())
}

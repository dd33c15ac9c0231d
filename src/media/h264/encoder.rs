//! Pictures to H.264.
//!
//! The crate has no way to change the bitrate, and sets the greatest allowed to what it started with, so raising it
//! fails silently. Hence two raw options: first the ceiling, lifted once to what the level allows, then the target; no
//! key frame comes of it. The crate's own answer to a new size brings back the first bitrate, so a new size is a new
//! encoder here instead, which has the right rate from its first picture on.
//!
//! A picture is one slice: slices cut to the size of a packet cost 4 % more bits at 720p, and bought nothing, because a
//! picture with a hole is not shown. OpenH264's own look for a background that stands still is off: what it takes for one is
//! left out from then on, with what a moving thing left there, so that dots trailed behind every movement and stayed (up to 33
//! levels, for ever). Without it the same bitrate gives 0.2 to 6 dB more, for half as much time again (5.5 instead of 3.6 ms a
//! picture at 720p). Adaptive quantisation changes neither rate nor likeness here, and takes 0.1 to 0.4 ms. Medium
//! complexity saved 1.5 % of the bits for a third more time, so it is low.

use bytes::Bytes;
use openh264::{
    OpenH264API, Timestamp,
    encoder::{
        BitRate, Complexity, Encoder as OpenH264Encoder, EncoderConfig, FrameRate, FrameType,
        IntraFramePeriod, Level, Profile, RateControlMode, SpsPpsStrategy, UsageType, VuiConfig,
    },
    formats::YUVSource,
};
use openh264_sys2::{
    ENCODER_OPTION, ENCODER_OPTION_BITRATE, ENCODER_OPTION_FRAME_RATE, ENCODER_OPTION_MAX_BITRATE, LAYER_NUM,
    SBitrateInfo, SPATIAL_LAYER_0, SPATIAL_LAYER_ALL,
};

use crate::{
    logic::units::MediaTime,
    media::frame::{Frame, Size},
};

/// What a buffer for a picture starts with: most pictures at usual bitrates fit.
const USUAL_LEN: usize = 8 << 10;

/// Below this nothing recognisable comes out; asking for less gives this.
pub const MIN_BITRATE_BPS: u32 = 20_000;

/// What level 3.1 allows, which is the lowest announced; asking for more gives this.
pub const MAX_BITRATE_BPS: u32 = 14_000_000;

const MAX_FPS: u32 = 60;

/// How an [`Encoder`] begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncoderSettings {
    /// How many pictures a second will be given; rate control shares the bits out by it.
    pub fps: u32,
    /// What one second of pictures may cost. It can be changed later.
    pub bitrate_bps: u32,
}

/// One picture as it travels.
#[derive(Clone, Debug)]
pub struct EncodedFrame {
    /// NAL units, each after a start code.
    pub annexb: Bytes,
    /// It can be decoded without any other.
    pub key: bool,
}

/// A picture could not be encoded.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// OpenH264 could not be set up.
    #[error("the H.264 encoder could not be set up for {size} at {bitrate_bps} bit/s: {reason}")]
    SetUp {
        /// Of the pictures.
        size: Size,
        /// Asked for.
        bitrate_bps: u32,
        /// In OpenH264's words.
        reason: String,
    },
    /// OpenH264 refused a picture.
    #[error("the H.264 encoder refused a picture of {size}: {reason}")]
    Encode {
        /// Of the picture.
        size: Size,
        /// In OpenH264's words.
        reason: String,
    },
    /// OpenH264 refused a number of pictures a second.
    #[error("the H.264 encoder refused {fps} pictures a second (code {code})")]
    Rate {
        /// Asked for.
        fps: u32,
        /// OpenH264's.
        code: i32,
    },
    /// OpenH264 refused a bitrate.
    #[error("the H.264 encoder refused {bitrate_bps} bit/s (code {code})")]
    Bitrate {
        /// Asked for.
        bitrate_bps: u32,
        /// OpenH264's.
        code: i32,
    },
}

/// Encodes pictures of any size, one after the other.
pub struct Encoder {
    fps: u32,
    bitrate_bps: u32,
    /// A key frame was asked for and rate control skipped it: the next one given out is one.
    key_owed: bool,
    session: Option<Session>,
}

impl Encoder {
    /// An encoder that starts up with its first picture.
    pub fn new(settings: EncoderSettings) -> Self {
        let bitrate_bps = clamp_bitrate(settings.bitrate_bps);
        Self { fps: settings.fps.clamp(1, MAX_FPS), bitrate_bps, key_owed: false, session: None }
    }

    /// Encodes a picture. `None`: rate control left it out, and the receiver goes on showing the one before.
    ///
    /// The first picture, one of another size than the last, and one with `force_key` become key frames.
    pub fn encode(&mut self, frame: &Frame, force_key: bool) -> Result<Option<EncodedFrame>, EncodeError> {
        let session = match &mut self.session {
            Some(session) if session.size == frame.size() => session,
            stale @ (Some(_) | None) => stale.insert(Session::new(frame, self.fps, self.bitrate_bps)?),
        };
        self.key_owed |= force_key;
        let encoded = session.encode(frame, self.key_owed)?;
        if encoded.as_ref().is_some_and(|encoded| encoded.key) {
            self.key_owed = false;
        }
        Ok(encoded)
    }

    /// From the next picture on, up or down, without a key frame. Kept within [`MIN_BITRATE_BPS`] and
    /// [`MAX_BITRATE_BPS`].
    pub fn set_bitrate(&mut self, bitrate_bps: u32) -> Result<(), EncodeError> {
        let bitrate_bps = clamp_bitrate(bitrate_bps);
        if bitrate_bps != self.bitrate_bps {
            if let Some(session) = &mut self.session {
                session.set_bitrate(bitrate_bps)?;
            }
            self.bitrate_bps = bitrate_bps;
        }
        Ok(())
    }

    /// The same, with how many pictures a second will be given.
    pub fn set_rate(&mut self, bitrate_bps: u32, fps: u32) -> Result<(), EncodeError> {
        let fps = fps.clamp(1, MAX_FPS);
        if fps != self.fps {
            if let Some(session) = &mut self.session {
                session.set_fps(fps)?;
            }
            self.fps = fps;
        }
        self.set_bitrate(bitrate_bps)
    }

    /// What it works towards, in bits a second.
    pub const fn bitrate_bps(&self) -> u32 {
        self.bitrate_bps
    }
}

const fn clamp_bitrate(bitrate_bps: u32) -> u32 {
    if bitrate_bps < MIN_BITRATE_BPS {
        MIN_BITRATE_BPS
    } else if bitrate_bps > MAX_BITRATE_BPS {
        MAX_BITRATE_BPS
    } else {
        bitrate_bps
    }
}

/// One OpenH264 encoder, which lives as long as the size stays.
struct Session {
    size: Size,
    codec: OpenH264Encoder,
    began: MediaTime,
    /// OpenH264 takes options only after its first picture.
    started: bool,
    bitrate_bps: u32,
    fps: u32,
}

impl Session {
    fn new(first: &Frame, fps: u32, bitrate_bps: u32) -> Result<Self, EncodeError> {
        let size = first.size();
        let config = EncoderConfig::new()
            .profile(Profile::Baseline)
            .level(lowest_level(size))
            .usage_type(UsageType::CameraVideoRealTime)
            .complexity(Complexity::Low)
            .num_threads(1)
            .max_frame_rate(FrameRate::from_hz(fps as f32))
            .rate_control_mode(RateControlMode::Bitrate)
            .bitrate(BitRate::from_bps(bitrate_bps))
            .skip_frames(true)
            .scene_change_detect(false)
            .background_detection(false)
            .adaptive_quantization(false)
            .intra_frame_period(IntraFramePeriod::from_num_frames(0))
            .sps_pps_strategy(SpsPpsStrategy::ConstantId)
            .vui(VuiConfig::bt601());
        let codec = OpenH264Encoder::with_api_config(OpenH264API::from_source(), config)
            .map_err(|error| EncodeError::SetUp { size, bitrate_bps, reason: error.to_string() })?;
        Ok(Self { size, codec, began: first.captured(), started: false, bitrate_bps, fps })
    }

    fn encode(&mut self, frame: &Frame, key: bool) -> Result<Option<EncodedFrame>, EncodeError> {
        if key && self.started {
            self.codec.force_intra_frame();
        }
        let millis = u64::try_from(frame.captured().since(self.began).as_millis()).unwrap_or(u64::MAX);
        let reason =
            |error: openh264::Error| EncodeError::Encode { size: self.size, reason: error.to_string() };
        let stream = self.codec.encode_at(&Source(frame), Timestamp::from_millis(millis)).map_err(reason)?;
        let kind = stream.frame_type();
        let mut annexb = Vec::with_capacity(USUAL_LEN);
        stream.write_vec(&mut annexb);
        if !self.started {
            self.started = true;
            self.set_option(ENCODER_OPTION_MAX_BITRATE, SPATIAL_LAYER_0, i32::MAX)?;
            self.set_bitrate(self.bitrate_bps)?;
            self.set_fps(self.fps)?;
        }
        let key = kind == FrameType::IDR;
        Ok((!annexb.is_empty()).then(|| EncodedFrame { annexb: annexb.into(), key }))
    }

    fn set_bitrate(&mut self, bitrate_bps: u32) -> Result<(), EncodeError> {
        self.bitrate_bps = bitrate_bps;
        if self.started {
            self.set_option(ENCODER_OPTION_BITRATE, SPATIAL_LAYER_ALL, bitrate_bps.cast_signed())?;
        }
        Ok(())
    }

    fn set_fps(&mut self, fps: u32) -> Result<(), EncodeError> {
        self.fps = fps;
        if !self.started {
            return Ok(());
        }
        let mut rate = fps as f32;
        #[expect(unsafe_code, reason = "the crate has no safe way to change how many pictures a second come")]
        // SAFETY: this option takes an `f32`, which OpenH264 reads before it returns and does not keep. The encoder has
        // been initialised, for it has encoded a picture.
        let code =
            unsafe { self.codec.raw_api().set_option(ENCODER_OPTION_FRAME_RATE, (&raw mut rate).cast()) };
        if code == 0 { Ok(()) } else { Err(EncodeError::Rate { fps, code }) }
    }

    #[expect(unsafe_code, reason = "the crate has no safe way to change a bitrate")]
    fn set_option(&mut self, option: ENCODER_OPTION, layer: LAYER_NUM, bps: i32) -> Result<(), EncodeError> {
        let mut info = SBitrateInfo { iLayer: layer, iBitrate: bps };
        // SAFETY: both options that come here take an `SBitrateInfo`, which OpenH264 reads before it returns and does
        // not keep. The encoder has been initialised, for it has encoded a picture.
        let code = unsafe { self.codec.raw_api().set_option(option, (&raw mut info).cast()) };
        if code == 0 { Ok(()) } else { Err(EncodeError::Bitrate { bitrate_bps: self.bitrate_bps, code }) }
    }
}

/// A decoder that can do level 3.1 (every browser can) is told so; larger pictures need more.
fn lowest_level(size: Size) -> Level {
    match size.luma_len() {
        0..=921_600 => Level::Level_3_1,
        921_601..=2_073_600 => Level::Level_4_0,
        _ => Level::Level_5_1,
    }
}

struct Source<'a>(&'a Frame);

impl YUVSource for Source<'_> {
    fn dimensions(&self) -> (usize, usize) {
        (self.0.size().width(), self.0.size().height())
    }

    fn strides(&self) -> (usize, usize, usize) {
        let width = self.0.size().width();
        (width, width / 2, width / 2)
    }

    fn y(&self) -> &[u8] {
        self.0.planes().y
    }

    fn u(&self) -> &[u8] {
        self.0.planes().u
    }

    fn v(&self) -> &[u8] {
        self.0.planes().v
    }
}

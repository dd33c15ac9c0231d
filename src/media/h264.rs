//! Pictures to H.264 and back, by OpenH264.
//!
//! Constrained baseline, one thread, camera content in real time; a key frame only at the start, when asked for, and when
//! the size changes. Rate control may skip a picture rather than overshoot. Slices are cut so that each fits a packet:
//! one slice is one RTP payload, and no fragment header is spent on it.
//!
//! The crate has no way to change the bitrate, and sets the greatest allowed to what it started with, so raising it
//! fails silently. Hence the two raw options in `Session::apply_bitrate`: first the ceiling, lifted once to what the level
//! allows, then the target; no key frame comes of it. The crate's own answer to a new size brings back the first bitrate,
//! so a new size is a new encoder here instead, which has the right rate from its first picture on.
//!
//! Error concealment in the decoder is off: a broken picture is an error, and the caller asks for a key frame.

use bytes::Bytes;
use openh264::{
    OpenH264API, Timestamp,
    decoder::{Decoder as OpenH264Decoder, DecoderConfig, Flush},
    encoder::{
        BitRate, Complexity, Encoder as OpenH264Encoder, EncoderConfig, FrameRate, FrameType,
        IntraFramePeriod, Level, Profile, RateControlMode, SpsPpsStrategy, UsageType, VuiConfig,
    },
    formats::YUVSource,
};
use openh264_sys2::{
    ENCODER_OPTION, ENCODER_OPTION_BITRATE, ENCODER_OPTION_MAX_BITRATE, LAYER_NUM, SBitrateInfo,
    SPATIAL_LAYER_0, SPATIAL_LAYER_ALL,
};

use crate::logic::units::MediaTime;

use super::{
    frame::{Frame, Size, SizeError},
    pool::Pool,
};

/// The longest slice in bytes: with every header a relay and IPv6 may add, it stays within 1280.
pub const MAX_SLICE_LEN: u32 = 1_100;

/// The longest access unit that is decoded. A key frame of 3840x2160 at the finest stays far below; anything longer is
/// refused before the codec sees it.
pub const MAX_ACCESS_UNIT_LEN: usize = 8 << 20;

/// Below this nothing recognisable comes out; asking for less gives this.
pub const MIN_BITRATE_BPS: u32 = 20_000;

/// What level 3.1 allows, which is the lowest announced; asking for more gives this.
pub const MAX_BITRATE_BPS: u32 = 14_000_000;

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
        Self { fps: settings.fps.clamp(1, 60), bitrate_bps, key_owed: false, session: None }
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
            .intra_frame_period(IntraFramePeriod::from_num_frames(0))
            .sps_pps_strategy(SpsPpsStrategy::ConstantId)
            .vui(VuiConfig::bt601())
            .max_slice_len(MAX_SLICE_LEN);
        let codec = OpenH264Encoder::with_api_config(OpenH264API::from_source(), config)
            .map_err(|error| EncodeError::SetUp { size, bitrate_bps, reason: error.to_string() })?;
        Ok(Self { size, codec, began: first.captured(), started: false, bitrate_bps })
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
        let mut annexb = Vec::with_capacity(2 * MAX_SLICE_LEN as usize);
        stream.write_vec(&mut annexb);
        if !self.started {
            self.started = true;
            self.set_option(ENCODER_OPTION_MAX_BITRATE, SPATIAL_LAYER_0, i32::MAX)?;
            self.set_bitrate(self.bitrate_bps)?;
        }
        let key = kind == FrameType::IDR;
        Ok((!annexb.is_empty()).then(|| EncodedFrame { annexb: annexb.into(), key }))
    }

    fn set_bitrate(&mut self, bitrate_bps: u32) -> Result<(), EncodeError> {
        self.bitrate_bps = bitrate_bps;
        if self.started {
            let bps = i32::try_from(bitrate_bps).expect("clamped far below");
            self.set_option(ENCODER_OPTION_BITRATE, SPATIAL_LAYER_ALL, bps)?;
        }
        Ok(())
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

/// A picture could not be decoded. After any of these, ask for a key frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The stream is damaged, or what it refers to never came.
    #[error("the H.264 decoder could not use a picture of {len} bytes: {reason}")]
    Broken {
        /// Of the access unit.
        len: usize,
        /// In OpenH264's words.
        reason: String,
    },
    /// Longer than [`MAX_ACCESS_UNIT_LEN`].
    #[error("a picture of {0} bytes is longer than any real one; it was not decoded")]
    TooLong(usize),
    /// A size no stage here works with.
    #[error("the other side sends pictures that cannot be shown: {0}")]
    Size(#[from] SizeError),
    /// OpenH264 could not be set up.
    #[error("the H.264 decoder could not be set up: {0}")]
    SetUp(String),
}

/// Decodes one stream.
pub struct Decoder {
    codec: OpenH264Decoder,
    pool: Pool,
}

impl Decoder {
    /// A decoder whose pictures live in `pool`.
    pub fn new(pool: Pool) -> Result<Self, DecodeError> {
        let config = DecoderConfig::new().flush_after_decode(Flush::NoFlush);
        let codec = OpenH264Decoder::with_api_config(OpenH264API::from_source(), config)
            .map_err(|error| DecodeError::SetUp(error.to_string()))?;
        Ok(Self { codec, pool })
    }

    /// Decodes one whole access unit, NAL units after start codes. `None`: there is no picture in it (parameter sets
    /// alone, say). The picture is given `captured` as its time.
    pub fn decode(&mut self, access_unit: &[u8], captured: MediaTime) -> Result<Option<Frame>, DecodeError> {
        let len = access_unit.len();
        if len == 0 {
            return Ok(None);
        }
        if len > MAX_ACCESS_UNIT_LEN {
            return Err(DecodeError::TooLong(len));
        }
        let broken = |error: openh264::Error| DecodeError::Broken { len, reason: error.to_string() };
        let Some(picture) = self.codec.decode(access_unit).map_err(broken)? else {
            return Ok(None);
        };
        let (width, height) = picture.dimensions();
        let side = |pixels: usize| u32::try_from(pixels).unwrap_or(u32::MAX);
        let size = Size::new(side(width), side(height))?;
        let mut frame = self.pool.frame(size);
        let (y_stride, u_stride, v_stride) = picture.strides();
        let to = frame.planes_mut();
        copy_plane(picture.y(), y_stride, to.y, width);
        copy_plane(picture.u(), u_stride, to.u, width / 2);
        copy_plane(picture.v(), v_stride, to.v, width / 2);
        Ok(Some(frame.freeze(captured)))
    }
}

fn copy_plane(from: &[u8], stride: usize, to: &mut [u8], width: usize) {
    for (row, target) in from.chunks(stride).zip(to.chunks_exact_mut(width)) {
        target.copy_from_slice(&row[..width]);
    }
}

//! Pictures to H.264 and back, by OpenH264.
//!
//! Constrained baseline, one thread, camera content in real time; a key frame only at the start, when asked for, and when
//! the size changes. Rate control may skip a picture rather than overshoot. A picture is one slice: slices cut to the size
//! of a packet cost 4 % more bits at 720p, and bought nothing, because a picture with a hole is not shown. Medium
//! complexity saved 1.5 % of the bits for a third more time, so it is low.
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

/// The longest access unit that is decoded. A key frame of 3840x2160 at the finest stays far below; anything longer is
/// refused before the codec sees it.
pub const MAX_ACCESS_UNIT_LEN: usize = 8 << 20;

/// What a buffer for a picture starts with: most pictures at usual bitrates fit.
const USUAL_LEN: usize = 8 << 10;

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
            .vui(VuiConfig::bt601());
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
        let mut annexb = Vec::with_capacity(USUAL_LEN);
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
            self.set_option(ENCODER_OPTION_BITRATE, SPATIAL_LAYER_ALL, bitrate_bps.cast_signed())?;
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::media::{
        pattern::Pattern,
        psnr::luma_psnr,
        rtp_h264::{MAX_PAYLOAD_LEN, assemble, is_key_frame, packetise, starts_frame},
        timecode,
    };

    const FPS: u32 = 30;

    fn encoder(bitrate_bps: u32) -> Encoder {
        Encoder::new(EncoderSettings { fps: FPS, bitrate_bps })
    }

    fn at(number: u32) -> MediaTime {
        MediaTime(1_700_000_000_000_000)
            + Duration::from_micros(u64::from(number) * 1_000_000 / u64::from(FPS))
    }

    /// A second and more of the pattern through `encoder`: the bits of each second's frames, skipped ones as nothing.
    fn seconds(encoder: &mut Encoder, pattern: &Pattern, from: u32, seconds: u32) -> Vec<u32> {
        let one = |second: u32| {
            let frames = from + second * FPS..from + (second + 1) * FPS;
            frames
                .filter_map(|number| encoder.encode(&pattern.render(number, at(number)), false).unwrap())
                .map(|encoded| u32::try_from(encoded.annexb.len()).unwrap() * 8)
                .sum()
        };
        (0..seconds).map(one).collect()
    }

    #[test]
    fn only_the_first_the_forced_and_the_resized_are_key_frames() {
        let pool = Pool::default();
        let (large, small) = (Pattern::new(Size::NHD, pool.clone()), Pattern::new(Size::SMALL, pool));
        let mut encoder = encoder(800_000);
        let mut keys = Vec::new();
        for number in 0..400 {
            let pattern = if (200..300).contains(&number) { &small } else { &large };
            let encoded = encoder.encode(&pattern.render(number, at(number)), number == 150).unwrap();
            if encoded.is_some_and(|encoded| encoded.key) {
                keys.push(number);
            }
        }
        assert_eq!(keys, [0, 150, 200, 300]);
    }

    #[test]
    fn the_stream_is_constrained_baseline_with_its_parameters_before_each_key_frame() {
        let pattern = Pattern::new(Size::HD, Pool::default());
        let mut encoder = encoder(1_000_000);
        for number in [0, 1] {
            let key = encoder.encode(&pattern.render(number, at(number)), true).unwrap().unwrap();
            // Start code, SPS header, then profile 66 with constraint sets 0 and 1, and level 3.1.
            assert_eq!(key.annexb[..5], [0, 0, 0, 1, 0x67]);
            assert_eq!((key.annexb[5], key.annexb[6] & 0xC0, key.annexb[7]), (66, 0xC0, 31));
        }
    }

    #[test]
    fn the_bitrate_goes_up_and_down_without_a_key_frame() {
        let pattern = Pattern::new(Size::HD, Pool::default());
        let mut encoder = encoder(200_000);
        let mut number = 0;
        for (target, least, most) in
            [(200_000, 150_000, 230_000), (600_000, 450_000, 660_000), (150_000, 110_000, 170_000)]
        {
            encoder.set_bitrate(target).unwrap();
            let bits = seconds(&mut encoder, &pattern, number, 4);
            number += 4 * FPS;
            let settled = (bits[2] + bits[3]) / 2;
            assert!((least..=most).contains(&settled), "{target} bit/s became {bits:?}");
        }
        let key = |number| {
            encoder.encode(&pattern.render(number, at(number)), false).unwrap().is_some_and(|e| e.key)
        };
        assert!(!(number..number + 5).any(key));
    }

    #[test]
    fn a_bitrate_set_before_a_size_change_holds_after_it() {
        let pool = Pool::default();
        let mut encoder = encoder(100_000);
        seconds(&mut encoder, &Pattern::new(Size::SMALL, pool.clone()), 0, 1);
        encoder.set_bitrate(600_000).unwrap();
        let bits = seconds(&mut encoder, &Pattern::new(Size::HD, pool), FPS, 4);
        assert!((450_000..=660_000).contains(&bits[3]), "{bits:?}");
    }

    #[test]
    fn a_bitrate_beyond_reason_is_brought_within_it() {
        let pattern = Pattern::new(Size::SMALL, Pool::default());
        let mut encoder = encoder(0);
        assert_eq!(encoder.bitrate_bps(), MIN_BITRATE_BPS);
        encoder.encode(&pattern.render(0, at(0)), false).unwrap();
        for bitrate_bps in [u32::MAX, 1, 300_000] {
            encoder.set_bitrate(bitrate_bps).unwrap();
            encoder.encode(&pattern.render(1, at(1)), false).unwrap();
        }
        assert_eq!(encoder.bitrate_bps(), 300_000);
    }

    #[test]
    fn a_call_at_720p_is_sharp_in_its_bitrate() {
        let pattern = Pattern::new(Size::HD, Pool::default());
        let mut encoder = encoder(1_200_000);
        let mut decoder = Decoder::new(Pool::default()).unwrap();
        let (mut bits, mut worst, mut delivered) = (0, f64::INFINITY, 0);
        for number in 0..4 * FPS {
            let frame = pattern.render(number, at(number));
            let Some(encoded) = encoder.encode(&frame, false).unwrap() else { continue };
            let shown = decoder.decode(&encoded.annexb, at(number)).unwrap().unwrap();
            if number >= 2 * FPS {
                delivered += 1;
                bits += encoded.annexb.len() * 8;
                worst = worst.min(luma_psnr(&frame, &shown).unwrap());
            }
        }
        let bps = bits / 2;
        assert!(worst >= 38.0, "{worst:.1} dB");
        assert!(delivered >= 58, "{delivered} of 60");
        assert!((300_000..=1_350_000).contains(&bps), "{bps} bit/s");
    }

    #[test]
    fn every_delivered_frame_tells_its_number_and_time_at_100_kbit_a_second() {
        for size in [Size::HD, Size::NHD, Size::SMALL] {
            let pattern = Pattern::new(size, Pool::default());
            let mut encoder = encoder(100_000);
            let mut decoder = Decoder::new(Pool::default()).unwrap();
            let (mut delivered, mut bytes) = (0, 0);
            for number in 0..4 * FPS {
                let Some(encoded) = encoder.encode(&pattern.render(number, at(number)), false).unwrap()
                else {
                    continue;
                };
                bytes += encoded.annexb.len();
                let shown = decoder.decode(&encoded.annexb, at(number)).unwrap().unwrap();
                let read = timecode::read(&shown);
                let sent = timecode::Timecode { number, captured: at(number) };
                assert_eq!(read, Some(sent), "frame {number} at {size}");
                delivered += 1;
            }
            let bps = bytes * 8 / 4;
            assert!(delivered >= 60 && bps < 115_000, "{size}: {delivered} of 120 frames, {bps} bit/s");
        }
    }

    #[test]
    fn sizes_that_are_no_multiple_of_a_macroblock_come_back_whole() {
        for (width, height) in [(642, 362), (322, 178), (176, 144), (18, 16), (360, 640)] {
            let size = Size::new(width, height).unwrap();
            let frame = Pattern::new(size, Pool::default()).render(0, at(0));
            let encoded = encoder(1_000_000).encode(&frame, false).unwrap().unwrap();
            let back =
                Decoder::new(Pool::default()).unwrap().decode(&encoded.annexb, at(9)).unwrap().unwrap();
            assert_eq!((back.size(), back.captured()), (size, at(9)));
            let psnr = luma_psnr(&frame, &back).unwrap();
            assert!(psnr > 25.0, "{size}: {psnr:.1} dB");
        }
    }

    #[test]
    fn the_decoder_follows_a_change_of_size() {
        let pool = Pool::default();
        let mut encoder = encoder(500_000);
        let mut decoder = Decoder::new(pool.clone()).unwrap();
        for (number, size) in [Size::NHD, Size::HD, Size::SMALL, Size::HD].into_iter().enumerate() {
            let number = u32::try_from(number).unwrap();
            let frame = Pattern::new(size, pool.clone()).render(number, at(number));
            let encoded = encoder.encode(&frame, false).unwrap().unwrap();
            assert_eq!(decoder.decode(&encoded.annexb, at(0)).unwrap().unwrap().size(), size);
        }
    }

    /// What a receiver does: after an error, wait for a key frame.
    #[test]
    fn after_a_lost_picture_a_key_frame_mends_everything() {
        let pattern = Pattern::new(Size::NHD, Pool::default());
        let mut encoder = encoder(600_000);
        let mut decoder = Decoder::new(Pool::default()).unwrap();
        let mut refused = 0;
        for number in 0..30 {
            let frame = pattern.render(number, at(number));
            let encoded = encoder.encode(&frame, number == 20).unwrap().unwrap();
            let cut = encoded.annexb.len() / 3;
            let arrived = if number == 10 { &encoded.annexb[..cut] } else { &encoded.annexb[..] };
            let shown = decoder.decode(arrived, at(number));
            match shown {
                Err(_) => refused += 1,
                Ok(shown) if number >= 20 => {
                    let psnr = luma_psnr(&frame, &shown.unwrap()).unwrap();
                    assert!(psnr > 25.0, "frame {number}: {psnr:.1} dB");
                }
                Ok(_) => {}
            }
        }
        assert!(refused > 0, "the damage went unnoticed");
    }

    #[test]
    fn rubbish_is_refused_and_never_a_panic() {
        let pattern = Pattern::new(Size::SMALL, Pool::default());
        let mut encoder = encoder(300_000);
        let good: Vec<_> = (0..4)
            .map(|number| {
                encoder.encode(&pattern.render(number, at(number)), number == 2).unwrap().unwrap().annexb
            })
            .collect();
        let mut random = 0x2545_F491_4F6C_DD1D_u64;
        let mut next = move || {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            usize::try_from(random >> 16).unwrap()
        };
        for round in 0..300 {
            let mut decoder = Decoder::new(Pool::default()).unwrap();
            for _ in 0..4 {
                let mut unit = good[next() % good.len()].to_vec();
                match round % 3 {
                    0 => (0..1 + next() % 8).for_each(|_| {
                        let at = next() % unit.len();
                        unit[at] = next().to_le_bytes()[0];
                    }),
                    1 => unit.truncate(next() % unit.len()),
                    _ => unit[4..].iter_mut().for_each(|byte| *byte = next().to_le_bytes()[0]),
                }
                // Whatever it makes of it, it stays alive and the picture has a size.
                if let Ok(Some(frame)) = decoder.decode(&unit, at(0)) {
                    assert!(frame.size().luma_len() > 0);
                }
            }
            let recovered = decoder.decode(&good[2], at(1));
            if let Ok(Some(frame)) = recovered {
                assert_eq!(frame.size(), Size::SMALL);
            }
        }
    }

    #[test]
    fn nothing_and_far_too_much_are_answered_before_the_codec_sees_them() {
        let mut decoder = Decoder::new(Pool::default()).unwrap();
        assert!(decoder.decode(&[], at(0)).unwrap().is_none());
        let endless = vec![0; MAX_ACCESS_UNIT_LEN + 1];
        assert_eq!(decoder.decode(&endless, at(0)).unwrap_err(), DecodeError::TooLong(endless.len()));
    }

    #[test]
    fn packets_carry_a_picture_from_encoder_to_decoder() {
        let pattern = Pattern::new(Size::HD, Pool::default());
        let mut encoder = encoder(1_500_000);
        let mut decoder = Decoder::new(Pool::default()).unwrap();
        for number in 0..5 {
            let encoded = encoder.encode(&pattern.render(number, at(number)), false).unwrap().unwrap();
            let payloads = packetise(&encoded.annexb, MAX_PAYLOAD_LEN);
            assert!(payloads.iter().all(|payload| payload.len() <= MAX_PAYLOAD_LEN));
            let starts: Vec<_> = payloads.iter().map(|payload| starts_frame(payload)).collect();
            let key = payloads.iter().all(|payload| is_key_frame(payload));
            assert_eq!((starts[0], key), (true, number == 0));
            // Behind the parameter sets the first slice begins a picture too.
            assert!(!starts[2..].contains(&true), "{starts:?}");
            let unit = assemble(&payloads).unwrap();
            assert_eq!(unit, encoded.annexb);
            let shown = decoder.decode(&unit, at(number)).unwrap().unwrap();
            assert_eq!(timecode::read(&shown).map(|code| code.number), Some(number));
        }
    }
}

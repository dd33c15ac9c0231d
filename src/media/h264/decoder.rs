//! H.264 to pictures.
//!
//! Error concealment is off: a broken picture is an error, the last good one stays on the screen, and the caller asks for
//! a key frame. Memory is bounded by what level 5.2 allows; OpenH264 refuses parameter sets that claim more.

use openh264::{
    OpenH264API,
    decoder::{Decoder as OpenH264Decoder, DecoderConfig, Flush},
    formats::YUVSource as _,
};

use crate::{
    logic::units::MediaTime,
    media::{
        frame::{Frame, Size, SizeError},
        pool::Pool,
    },
};

/// The longest access unit that is decoded. A key frame of 3840x2160 at the finest stays far below; anything longer is
/// refused before the codec sees it.
pub const MAX_ACCESS_UNIT_LEN: usize = 8 << 20;

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

//! A picture on its way through the call.
//!
//! I420 (Y, U, V; chroma halved both ways), 8 bits, limited range, BT.601 unless it says otherwise. The planes lie
//! tightly packed in one buffer: the encoder, the scaler and the files all take that without a copy, and a stride
//! would only ever have been the width. A [`Frame`] is shared and cannot change; a [`FrameMut`] is its own only owner
//! and can. `freeze` leads from one to the other.

use std::{fmt, str::FromStr, sync::Arc};

use crate::logic::units::MediaTime;

use super::pool::PooledBuffer;

/// Luma of black in limited range.
pub const BLACK: u8 = 16;
/// Luma of white in limited range.
pub const WHITE: u8 = 235;
/// Chroma of grey.
pub const NEUTRAL: u8 = 128;

/// Width and height of a picture in pixels: both even, neither tiny nor more than the codec takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Size {
    width: u32,
    height: u32,
}

impl Size {
    /// Neither side may be shorter: below one macroblock the encoder refuses.
    pub const SHORTEST_SIDE: u32 = 16;
    /// The longer side may not be longer (H.264 level 5.2 as OpenH264 implements it).
    pub const LONGEST_SIDE: u32 = 3840;
    /// The shorter side may not be longer.
    pub const LONGEST_SHORT_SIDE: u32 = 2160;

    /// 1280×720.
    pub const HD: Self = Self { width: 1280, height: 720 };
    /// 640×360.
    pub const NHD: Self = Self { width: 640, height: 360 };
    /// 320×180.
    pub const SMALL: Self = Self { width: 320, height: 180 };

    /// A size that every stage can work with.
    pub const fn new(width: u32, height: u32) -> Result<Self, SizeError> {
        let (short, long) = if width < height { (width, height) } else { (height, width) };
        if short < Self::SHORTEST_SIDE {
            Err(SizeError::TooSmall { width, height })
        } else if long > Self::LONGEST_SIDE || short > Self::LONGEST_SHORT_SIDE {
            Err(SizeError::TooLarge { width, height })
        } else if !width.is_multiple_of(2) || !height.is_multiple_of(2) {
            Err(SizeError::Odd { width, height })
        } else {
            Ok(Self { width, height })
        }
    }

    /// Pixels in a row.
    pub const fn width(self) -> usize {
        self.width as usize
    }

    /// Rows.
    pub const fn height(self) -> usize {
        self.height as usize
    }

    /// Bytes of the luma plane, which is also the number of pixels.
    pub const fn luma_len(self) -> usize {
        self.width() * self.height()
    }

    /// Bytes of each of the two chroma planes.
    pub const fn chroma_len(self) -> usize {
        self.luma_len() / 4
    }

    /// Bytes of all three planes.
    pub const fn i420_len(self) -> usize {
        self.luma_len() + 2 * self.chroma_len()
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl FromStr for Size {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let not_a_size = || SizeError::NotASize(text.chars().take(40).collect());
        let (width, height) = text.split_once(['x', '×']).ok_or_else(not_a_size)?;
        let side = |digits: &str| digits.trim().parse::<u32>().map_err(|_| not_a_size());
        Self::new(side(width)?, side(height)?)
    }
}

/// Why a picture of that size cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    /// Not two numbers with an x between them.
    #[error("“{0}” is not a size; write it like 1280x720")]
    NotASize(String),
    /// I420 halves both sides.
    #[error("{width}x{height}: width and height must be even")]
    Odd {
        /// As asked for.
        width: u32,
        /// As asked for.
        height: u32,
    },
    /// Below [`Size::SHORTEST_SIDE`].
    #[error("{width}x{height} is too small; neither side may be below 16")]
    TooSmall {
        /// As asked for.
        width: u32,
        /// As asked for.
        height: u32,
    },
    /// Above [`Size::LONGEST_SIDE`] or [`Size::LONGEST_SHORT_SIDE`].
    #[error("{width}x{height} is too large; the most is 3840x2160 or 2160x3840")]
    TooLarge {
        /// As asked for.
        width: u32,
        /// As asked for.
        height: u32,
    },
}

/// The three planes of a picture.
#[derive(Clone, Copy, Debug)]
pub struct Planes<'a> {
    /// Luma.
    pub y: &'a [u8],
    /// Blue difference.
    pub u: &'a [u8],
    /// Red difference.
    pub v: &'a [u8],
}

/// The three planes of a picture that can still be changed.
#[derive(Debug)]
pub struct PlanesMut<'a> {
    /// Luma.
    pub y: &'a mut [u8],
    /// Blue difference.
    pub u: &'a mut [u8],
    /// Red difference.
    pub v: &'a mut [u8],
}

/// How luma and chroma were made of red, green and blue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Matrix {
    /// As of standard television, and of nearly every camera.
    #[default]
    Bt601,
    /// As of high definition.
    Bt709,
}

/// A finished picture. Cloning shares it; the buffer goes back to its pool with the last clone.
#[derive(Clone)]
pub struct Frame {
    pixels: Arc<Pixels>,
    captured: MediaTime,
    matrix: Matrix,
}

struct Pixels {
    size: Size,
    buffer: PooledBuffer,
}

impl Frame {
    /// Width and height.
    pub fn size(&self) -> Size {
        self.pixels.size
    }

    /// When the camera (or whatever stands in for it) took it.
    pub const fn captured(&self) -> MediaTime {
        self.captured
    }

    /// The same pixels with another time, which costs nothing.
    pub fn captured_at(mut self, captured: MediaTime) -> Self {
        self.captured = captured;
        self
    }

    /// How its colours are to be read.
    pub const fn matrix(&self) -> Matrix {
        self.matrix
    }

    /// The same pixels, whose colours are to be read like this.
    pub fn in_matrix(mut self, matrix: Matrix) -> Self {
        self.matrix = matrix;
        self
    }

    /// The three planes.
    pub fn planes(&self) -> Planes<'_> {
        let size = self.size();
        let (y, chroma) = self.i420().split_at(size.luma_len());
        let (u, v) = chroma.split_at(size.chroma_len());
        Planes { y, u, v }
    }

    /// All planes in one piece, in the order Y, U, V.
    pub fn i420(&self) -> &[u8] {
        &self.pixels.buffer
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({} at {} µs)", self.size(), self.captured.as_micros())
    }
}

/// A picture being made.
pub struct FrameMut {
    size: Size,
    buffer: PooledBuffer,
}

impl FrameMut {
    pub(super) fn new(size: Size, buffer: PooledBuffer) -> Self {
        debug_assert_eq!(buffer.len(), size.i420_len(), "the pool hands out whole pictures");
        Self { size, buffer }
    }

    /// Width and height.
    pub const fn size(&self) -> Size {
        self.size
    }

    /// The three planes, to be read.
    pub fn planes(&self) -> Planes<'_> {
        let (y, chroma) = self.buffer.split_at(self.size.luma_len());
        let (u, v) = chroma.split_at(self.size.chroma_len());
        Planes { y, u, v }
    }

    /// The three planes, to be written.
    pub fn planes_mut(&mut self) -> PlanesMut<'_> {
        let (luma_len, chroma_len) = (self.size.luma_len(), self.size.chroma_len());
        let (y, chroma) = self.buffer.split_at_mut(luma_len);
        let (u, v) = chroma.split_at_mut(chroma_len);
        PlanesMut { y, u, v }
    }

    /// All planes in one piece, in the order Y, U, V.
    pub fn i420_mut(&mut self) -> &mut [u8] {
        &mut self.buffer
    }

    /// One grey all over; 16 is black, 235 white.
    pub fn fill(&mut self, luma: u8) {
        let planes = self.planes_mut();
        planes.y.fill(luma);
        planes.u.fill(NEUTRAL);
        planes.v.fill(NEUTRAL);
    }

    /// Done: from here on it is shared and does not change.
    pub fn freeze(self, captured: MediaTime) -> Frame {
        let pixels = Arc::new(Pixels { size: self.size, buffer: self.buffer });
        Frame { pixels, captured, matrix: Matrix::default() }
    }
}

impl fmt::Debug for FrameMut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FrameMut({})", self.size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::pool::Pool;

    #[test]
    fn a_size_is_read_as_it_is_printed() {
        for text in ["1280x720", "640x360", "16x16", "2160x3840"] {
            assert_eq!(text.parse::<Size>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn every_impossible_size_gets_its_own_sentence() {
        for (text, word) in [
            ("1280", "not a size"),
            ("1280x", "not a size"),
            ("-4x4", "not a size"),
            ("99999999999x2", "not a size"),
            ("1281x720", "even"),
            ("1280x721", "even"),
            ("0x0", "too small"),
            ("14x720", "too small"),
            ("3842x2160", "too large"),
            ("3840x2162", "too large"),
        ] {
            let error = text.parse::<Size>().unwrap_err().to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn the_planes_cover_the_buffer_and_do_not_overlap() {
        let size = Size::new(20, 18).unwrap();
        let mut frame = Pool::new(1).frame(size);
        let planes = frame.planes_mut();
        planes.y.fill(1);
        planes.u.fill(2);
        planes.v.fill(3);
        let frame = frame.freeze(MediaTime(7));
        assert_eq!(frame.captured(), MediaTime(7));
        assert_eq!(frame.i420(), [vec![1; 360], vec![2; 90], vec![3; 90]].concat());
    }
}

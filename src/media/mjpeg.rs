//! A camera's JPEG pictures, decoded to planes.
//!
//! Never by way of RGB: a JPEG holds luma and chroma already. The decoder writes into the buffer that becomes the picture,
//! which for this is as long as the JPEG's own planes need; their chroma is then halved where it stands, and everything
//! brought from the full range of JPEG to ours. At 720p with the colours that most webcams send (4:2:2) the decoder writes
//! 1.84 MB, of which 1.84 MB are read and 1.38 MB written once more; nothing else is copied.
//!
//! A damaged picture is an error, so that the one before stays on the screen: half a picture with noise below is worse.
//! The decoder fills in what is missing and only warns, so a warning counts as damage, but for a few bytes too many before
//! a marker, which some cameras write into every picture. Many leave the Huffman tables out, as Motion JPEG allows; the
//! decoder has the usual ones.

use turbojpeg::{Colorspace, DecompressHeader, Decompressor, Subsamp, YuvImage};

use super::{
    convert,
    frame::{FrameMut, NEUTRAL, Size, SizeError},
    pool::{Pool, PooledBuffer},
};

/// Bytes too many before a marker that are overlooked. A picture that was cut and runs on in an older one has hundreds.
const MOST_EXTRANEOUS: usize = 16;

const START: [u8; 2] = [0xFF, 0xD8];
const END: [u8; 2] = [0xFF, 0xD9];

/// Why a JPEG is no picture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MjpegError {
    /// It does not begin as a JPEG does.
    #[error("what the camera sent is no JPEG picture")]
    NotJpeg,
    /// Its end is missing.
    #[error("the camera's picture was cut short")]
    Cut,
    /// It holds something that the decoder did not understand.
    #[error("the camera's picture is damaged: {0}")]
    Damaged(String),
    /// No stage can work with that size.
    #[error("the camera's picture has an unusable size: {0}")]
    Size(#[from] SizeError),
    /// It is not in luma and chroma, or they are arranged in a way that no camera uses.
    #[error("the camera's pictures have an unusable kind of colours ({0}); choose another format or camera")]
    Colours(String),
}

/// Decodes one camera's pictures.
#[derive(Debug)]
pub struct MjpegDecoder {
    decoder: Decompressor,
    pool: Pool,
}

impl MjpegDecoder {
    /// With buffers from that pool.
    pub fn new(pool: Pool) -> Result<Self, MjpegError> {
        Ok(Self { decoder: Decompressor::new().map_err(damaged)?, pool })
    }

    /// One picture. What follows its end is not looked at.
    pub fn decode(&mut self, jpeg: &[u8]) -> Result<FrameMut, MjpegError> {
        if !jpeg.starts_with(&START) {
            return Err(MjpegError::NotJpeg);
        }
        let end = jpeg.windows(2).rposition(|two| two == END).ok_or(MjpegError::Cut)?;
        let jpeg = &jpeg[..end + END.len()];
        let header = self.decoder.read_header(jpeg).map_err(damaged)?;
        let layout = Layout::of(&header)?;
        let mut planes = self.pool.buffer(layout.len());
        let image = YuvImage {
            pixels: &mut planes[..],
            width: layout.size.width(),
            align: 1,
            height: layout.size.height(),
            subsamp: header.subsamp,
        };
        match self.decoder.decompress_to_yuv(jpeg, image) {
            Ok(()) => {}
            Err(error) if is_harmless(&error) => {}
            Err(error) => return Err(damaged(error)),
        }
        Ok(layout.to_i420(planes))
    }
}

fn damaged(error: turbojpeg::Error) -> MjpegError {
    if let turbojpeg::Error::TurboJpegError(words) = error {
        return MjpegError::Damaged(words);
    }
    MjpegError::Damaged(error.to_string())
}

/// “Corrupt JPEG data: 2 extraneous bytes before marker 0xd9”
fn is_harmless(error: &turbojpeg::Error) -> bool {
    let turbojpeg::Error::TurboJpegError(words) = error else { return false };
    words
        .split_once(" extraneous bytes before marker")
        .and_then(|(before, _)| before.rsplit(' ').next()?.parse().ok())
        .is_some_and(|extra: usize| extra <= MOST_EXTRANEOUS)
}

/// How the planes lie in the JPEG.
#[derive(Clone, Copy, Debug)]
struct Layout {
    size: Size,
    /// Width and height of each chroma plane; `None` without colours.
    chroma: Option<(usize, usize)>,
}

impl Layout {
    fn of(header: &DecompressHeader) -> Result<Self, MjpegError> {
        let side = |pixels: usize| u32::try_from(pixels).unwrap_or(u32::MAX);
        let size = Size::new(side(header.width), side(header.height))?;
        let (width, height) = (size.width(), size.height());
        let unusable = || MjpegError::Colours(format!("{:?}, {:?}", header.colorspace, header.subsamp));
        if !matches!(header.colorspace, Colorspace::YCbCr | Colorspace::Gray) {
            return Err(unusable());
        }
        let chroma = match header.subsamp {
            Subsamp::None => Some((width, height)),
            Subsamp::Sub2x1 => Some((width / 2, height)),
            Subsamp::Sub2x2 => Some((width / 2, height / 2)),
            Subsamp::Sub1x2 => Some((width, height / 2)),
            Subsamp::Gray => None,
            // The planes would be wider than the picture, or the chroma coarser than ours.
            Subsamp::Sub4x1 | Subsamp::Sub1x4 | Subsamp::Unknown | _ => return Err(unusable()),
        };
        Ok(Self { size, chroma })
    }

    /// At least as long as the picture that is made of it.
    fn len(&self) -> usize {
        let chroma = self.chroma.map_or(0, |(width, height)| 2 * width * height);
        (self.size.luma_len() + chroma).max(self.size.i420_len())
    }

    fn to_i420(self, mut planes: PooledBuffer) -> FrameMut {
        let (luma_len, chroma_len) = (self.size.luma_len(), self.size.chroma_len());
        let (luma, rest) = planes.split_at_mut(luma_len);
        convert::luma_to_limited(luma);
        match self.chroma {
            Some((width, height)) => {
                // V goes next to U when U has become short.
                halve_chroma(rest, Plane { at: 0, width, height }, self.size, 0);
                halve_chroma(rest, Plane { at: width * height, width, height }, self.size, chroma_len);
            }
            None => rest[..2 * chroma_len].fill(NEUTRAL),
        }
        planes.truncate(self.size.i420_len());
        FrameMut::new(self.size, planes)
    }
}

/// A plane within others.
#[derive(Clone, Copy)]
struct Plane {
    at: usize,
    width: usize,
    height: usize,
}

/// Half of the longest side.
const MOST_CHROMA_ACROSS: usize = Size::LONGEST_SIDE as usize / 2;

/// Brings a plane of chroma to `to`, half as wide and high as the picture, and to our range. A row of the result never
/// lies behind the rows it is made of, so nothing is overwritten that is still to be read.
fn halve_chroma(planes: &mut [u8], plane: Plane, size: Size, to: usize) {
    let (across, down) = (size.width() / 2, size.height() / 2);
    let (is_wide, is_high) = (plane.width > across, plane.height > down);
    let mut buffer = [0; MOST_CHROMA_ACROSS];
    let half = &mut buffer[..across];
    for row in 0..down {
        let first = plane.at + row * plane.width * if is_high { 2 } else { 1 };
        let second = if is_high { first + plane.width } else { first };
        let (first, second) = (&planes[first..][..plane.width], &planes[second..][..plane.width]);
        if is_wide {
            for ((half, a), b) in half.iter_mut().zip(first.chunks_exact(2)).zip(second.chunks_exact(2)) {
                let sum: u16 = [a[0], a[1], b[0], b[1]].into_iter().map(u16::from).sum();
                *half = ((sum + 2) / 4) as u8;
            }
        } else {
            for ((half, &a), &b) in half.iter_mut().zip(first).zip(second) {
                *half = (u16::from(a) + u16::from(b)).div_ceil(2) as u8;
            }
        }
        convert::chroma_to_limited(half);
        planes[to + row * across..][..across].copy_from_slice(half);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use turbojpeg::{Compressor, Image, PixelFormat};

    use super::*;
    use crate::{
        logic::units::MediaTime,
        media::{frame::Frame, pattern::Pattern, psnr::luma_psnr},
    };

    const SIZE: Size = Size::SMALL;

    fn picture(size: Size) -> Frame {
        Pattern::new(size, Pool::new(1)).render(7, MediaTime(0))
    }

    fn jpeg_of(frame: &Frame, subsamp: Subsamp) -> Vec<u8> {
        let mut rgba = Vec::new();
        convert::to_rgba(frame, &mut rgba);
        let (width, height) = (frame.size().width(), frame.size().height());
        let image = Image { pixels: &rgba[..], width, pitch: width * 4, height, format: PixelFormat::RGBA };
        let mut compressor = Compressor::new().unwrap();
        compressor.set_subsamp(subsamp).unwrap();
        compressor.set_quality(95).unwrap();
        compressor.compress_to_vec(image).unwrap()
    }

    fn decode(jpeg: &[u8]) -> Result<Frame, MjpegError> {
        MjpegDecoder::new(Pool::new(1))?.decode(jpeg).map(|frame| frame.freeze(MediaTime(0)))
    }

    /// Decibels of a plane.
    fn psnr(a: &[u8], b: &[u8]) -> f64 {
        let squares: u64 = a.iter().zip(b).map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum();
        10.0 * (255.0 * 255.0 * a.len() as f64 / squares.max(1) as f64).log10()
    }

    /// Takes every segment of that kind out.
    fn without(jpeg: &[u8], marker: u8) -> Vec<u8> {
        let mut kept = jpeg[..2].to_vec();
        let mut at = 2;
        while jpeg[at + 1] != 0xDA {
            let len = 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
            if jpeg[at + 1] != marker {
                kept.extend(&jpeg[at..at + len]);
            }
            at += len;
        }
        kept.extend(&jpeg[at..]);
        kept
    }

    #[test]
    fn every_arrangement_of_colours_becomes_the_same_picture() {
        for size in [SIZE, "62x50".parse().unwrap(), "1280x720".parse().unwrap()] {
            let original = picture(size);
            for subsamp in [Subsamp::None, Subsamp::Sub2x1, Subsamp::Sub2x2, Subsamp::Sub1x2] {
                let decoded = decode(&jpeg_of(&original, subsamp)).unwrap();
                assert_eq!(decoded.size(), size);
                let luma = luma_psnr(&original, &decoded).unwrap();
                let (theirs, ours) = (original.planes(), decoded.planes());
                let (u, v) = (psnr(theirs.u, ours.u), psnr(theirs.v, ours.v));
                assert!(
                    luma > 36.0 && u > 36.0 && v > 36.0,
                    "{size} {subsamp:?}: {luma:.1}, {u:.1}, {v:.1} dB"
                );
            }
        }
    }

    #[test]
    fn a_picture_without_colours_is_grey() {
        let original = picture(SIZE);
        let decoded = decode(&jpeg_of(&original, Subsamp::Gray)).unwrap();
        assert!(luma_psnr(&original, &decoded).unwrap() > 36.0);
        assert!(decoded.planes().u.iter().chain(decoded.planes().v).all(|&chroma| chroma == NEUTRAL));
    }

    #[test]
    fn black_and_white_come_out_as_ours() {
        for luma in [16, 235] {
            let mut frame = Pool::new(1).frame(SIZE);
            frame.fill(luma);
            let decoded = decode(&jpeg_of(&frame.freeze(MediaTime(0)), Subsamp::Sub2x1)).unwrap();
            assert!(decoded.planes().y.iter().all(|y| y.abs_diff(luma) <= 1), "{}", decoded.planes().y[0]);
            assert!(decoded.planes().u.iter().all(|u| u.abs_diff(NEUTRAL) <= 1));
        }
    }

    #[test]
    fn the_usual_tables_may_be_missing() {
        let original = picture(SIZE);
        let bare = without(&jpeg_of(&original, Subsamp::Sub2x1), 0xC4);
        let decoded = decode(&bare).unwrap();
        assert!(luma_psnr(&original, &decoded).unwrap() > 36.0);
    }

    #[test]
    fn what_follows_the_end_changes_nothing() {
        let jpeg = jpeg_of(&picture(SIZE), Subsamp::Sub2x1);
        let alone = decode(&jpeg).unwrap();
        let padded = [&jpeg[..], &[0; 5000]].concat();
        assert_eq!(decode(&padded).unwrap().i420(), alone.i420());
        let before_another = [&jpeg[..], &jpeg[jpeg.len() / 2..]].concat();
        assert_eq!(decode(&before_another).unwrap().i420(), alone.i420());
    }

    #[test]
    fn a_few_bytes_too_many_are_overlooked_and_many_are_not() {
        let jpeg = jpeg_of(&picture(SIZE), Subsamp::Sub2x1);
        let (scan, end) = jpeg.split_at(jpeg.len() - 2);
        let stuffed = |extra: usize| [scan, &vec![0x55; extra], end].concat();
        assert_eq!(decode(&stuffed(4)).unwrap().i420(), decode(&jpeg).unwrap().i420());
        let error = decode(&stuffed(200)).unwrap_err();
        assert!(matches!(error, MjpegError::Damaged(_)), "{error}");
    }

    #[test]
    fn a_picture_that_was_cut_is_refused_wherever_it_was_cut() {
        let jpeg = jpeg_of(&picture(SIZE), Subsamp::Sub2x1);
        for cut in (2..jpeg.len() - 1).step_by(97) {
            assert!(decode(&jpeg[..cut]).is_err(), "cut at {cut} of {}", jpeg.len());
        }
    }

    #[test]
    fn a_picture_that_runs_on_in_an_older_one_is_refused() {
        let new = jpeg_of(&picture(SIZE), Subsamp::Sub2x1);
        let older = jpeg_of(&Pattern::new(SIZE, Pool::new(1)).render(90, MediaTime(0)), Subsamp::Sub2x1);
        let cuts: Vec<_> = (1..10).map(|tenth| older.len().min(new.len()) * tenth / 10).collect();
        let taken =
            cuts.iter().filter(|&&cut| decode(&[&new[..cut], &older[cut..]].concat()).is_ok()).count();
        assert_eq!(taken, 0);
    }

    #[test]
    fn what_is_no_picture_of_a_camera_gets_its_own_sentence() {
        let jpeg = jpeg_of(&picture(SIZE), Subsamp::Sub2x1);
        assert_eq!(decode(&[]).unwrap_err(), MjpegError::NotJpeg);
        assert_eq!(decode(&jpeg[1..]).unwrap_err(), MjpegError::NotJpeg);
        let mut odd = jpeg.clone();
        let frame_header = jpeg.windows(2).position(|two| two == [0xFF, 0xC0]).unwrap();
        odd[frame_header + 8] |= 1;
        assert!(matches!(decode(&odd).unwrap_err(), MjpegError::Size(_)));
        let coarse = jpeg_of(&picture(SIZE), Subsamp::Sub4x1);
        assert!(decode(&coarse).unwrap_err().to_string().contains("another format"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        #[test]
        fn no_damage_makes_it_panic(
            flips in prop::collection::vec((0_usize..100_000, any::<u8>()), 0..8), cut in 0_usize..100_000,
        ) {
            let mut jpeg = jpeg_of(&picture("64x48".parse().unwrap()), Subsamp::Sub2x1);
            for (at, byte) in flips {
                let len = jpeg.len();
                jpeg[at % len] = byte;
            }
            jpeg.truncate(cut % (2 * jpeg.len()) + 1);
            if let Ok(frame) = decode(&jpeg) {
                prop_assert_eq!(frame.i420().len(), frame.size().i420_len());
            }
        }
    }
}

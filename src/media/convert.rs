//! Pictures in the formats of others: what cameras give, what windows draw.
//!
//! BT.601 in limited range both ways, which is what webcams deliver and what a decoder assumes of a stream that says
//! nothing; JPEG alone uses the full range, and is brought to ours. Cameras may pad their rows: a stride is the bytes from
//! one row to the next. Each picture is written once, into its pooled buffer; at 720p 1.84 MB are read from YUYV and 1.38 MB
//! from NV12, and 1.38 MB written. The arithmetic is the `yuv` crate's (SSE and AVX, also in a development build), except NV12 to I420, which
//! it lacks and which is only a taking apart.

use yuv::{
    BufferStoreMut, YuvConversionMode, YuvError, YuvPackedImage, YuvPlanarImage, YuvPlanarImageMut, YuvRange,
    YuvStandardMatrix, rgba_to_yuv420, yuv420_to_rgba, yuyv422_to_yuv420,
};

use super::{
    frame::{Frame, FrameMut, Matrix, NEUTRAL, Size},
    pool::Pool,
};

const RANGE: YuvRange = YuvRange::Limited;
const MATRIX: YuvStandardMatrix = YuvStandardMatrix::Bt601;

/// A buffer does not hold the picture it is said to hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongLength {
    /// Another number of bytes than the picture takes.
    #[error("a {format} picture of {size} takes {wanted} bytes, but there are {given}")]
    Bytes {
        /// Of the pixels.
        format: &'static str,
        /// Of the picture.
        size: Size,
        /// At least.
        wanted: usize,
        /// How many came.
        given: usize,
    },
    /// Rows that would overlap.
    #[error("a row of a {format} picture of {size} takes {wanted} bytes, but the next begins after {given}")]
    Stride {
        /// Of the pixels.
        format: &'static str,
        /// Of the picture.
        size: Size,
        /// At least.
        wanted: usize,
        /// As the camera says.
        given: usize,
    },
}

/// Writes `frame` as RGBA, opaque, four bytes a pixel without gaps. `rgba` is made to fit and can be used again.
pub fn to_rgba(frame: &Frame, rgba: &mut Vec<u8>) {
    let (size, planes) = (frame.size(), frame.planes());
    rgba.resize(size.luma_len() * 4, 0);
    let image = YuvPlanarImage {
        y_plane: planes.y,
        y_stride: width(size),
        u_plane: planes.u,
        u_stride: width(size) / 2,
        v_plane: planes.v,
        v_stride: width(size) / 2,
        width: width(size),
        height: height(size),
    };
    let matrix = match frame.matrix() {
        Matrix::Bt601 => YuvStandardMatrix::Bt601,
        Matrix::Bt709 => YuvStandardMatrix::Bt709,
    };
    fits(yuv420_to_rgba(&image, rgba, width(size) * 4, RANGE, matrix));
}

/// Red, green, blue, unused: four bytes a pixel without gaps (screens, pictures).
pub fn from_rgba(rgba: &[u8], size: Size, pool: &Pool) -> Result<FrameMut, WrongLength> {
    let rgba = rows("RGBA", rgba, size, size.width() * 4, size.width() * 4, size.height())?;
    let mut frame = pool.frame(size);
    fits(rgba_to_yuv420(
        &mut planar(&mut frame),
        rgba,
        width(size) * 4,
        RANGE,
        MATRIX,
        YuvConversionMode::Balanced,
    ));
    Ok(frame)
}

/// Y, U, Y, V: two bytes a pixel (most webcams at small sizes).
pub fn from_yuyv(yuyv: &[u8], stride: usize, size: Size, pool: &Pool) -> Result<FrameMut, WrongLength> {
    let yuyv = rows("YUYV", yuyv, size, size.width() * 2, stride, size.height())?;
    let mut frame = pool.frame(size);
    let packed =
        YuvPackedImage { yuy: yuyv, yuy_stride: row_bytes(stride), width: width(size), height: height(size) };
    fits(yuyv422_to_yuv420(&mut planar(&mut frame), &packed));
    Ok(frame)
}

/// A plane of luma, then one of both chromas in turn (hardware decoders, some cameras).
pub fn from_nv12(nv12: &[u8], stride: usize, size: Size, pool: &Pool) -> Result<FrameMut, WrongLength> {
    let nv12 = rows("NV12", nv12, size, size.width(), stride, size.height() * 3 / 2)?;
    let mut frame = pool.frame(size);
    let to = frame.planes_mut();
    let (y, uv) = nv12.split_at(stride * size.height());
    for (to, row) in to.y.chunks_exact_mut(size.width()).zip(y.chunks(stride)) {
        to.copy_from_slice(&row[..size.width()]);
    }
    let chroma = size.width() / 2;
    for ((u, v), row) in
        to.u.chunks_exact_mut(chroma).zip(to.v.chunks_exact_mut(chroma)).zip(uv.chunks(stride))
    {
        for ((pair, u), v) in row.chunks_exact(2).zip(u).zip(v) {
            *u = pair[0];
            *v = pair[1];
        }
    }
    Ok(frame)
}

/// Luma alone (infrared and monochrome cameras).
pub fn from_grey(grey: &[u8], stride: usize, size: Size, pool: &Pool) -> Result<FrameMut, WrongLength> {
    let grey = rows("grey", grey, size, size.width(), stride, size.height())?;
    let mut frame = pool.frame(size);
    let to = frame.planes_mut();
    for (to, row) in to.y.chunks_exact_mut(size.width()).zip(grey.chunks(stride)) {
        to.copy_from_slice(&row[..size.width()]);
    }
    to.u.fill(NEUTRAL);
    to.v.fill(NEUTRAL);
    Ok(frame)
}

/// Brings luma from the full range (0 to 255) to ours (16 to 235), right to within a rounding.
pub fn luma_to_limited(plane: &mut [u8]) {
    for value in plane {
        *value = ((u16::from(*value) * 220 + 16 * 256) >> 8) as u8;
    }
}

/// Brings chroma from the full range to ours (16 to 240), right to within a rounding.
pub fn chroma_to_limited(plane: &mut [u8]) {
    for value in plane {
        *value = ((u16::from(*value) * 225 + 16 * 256) >> 8) as u8;
    }
}

/// `count` rows with their padding; what follows them is left out.
fn rows<'a>(
    format: &'static str,
    bytes: &'a [u8],
    size: Size,
    row: usize,
    stride: usize,
    count: usize,
) -> Result<&'a [u8], WrongLength> {
    if stride < row || stride > MOST_STRIDE {
        return Err(WrongLength::Stride { format, size, wanted: row, given: stride });
    }
    let (wanted, given) = (stride * count, bytes.len());
    bytes.get(..wanted).ok_or(WrongLength::Bytes { format, size, wanted, given })
}

/// Far more than any padding; beyond it something else was read as a stride.
const MOST_STRIDE: usize = 1 << 16;

/// Every buffer that gets as far as the library has been measured against the size.
fn fits(converted: Result<(), YuvError>) {
    converted.expect("buffers are as long as their size says");
}

fn planar(frame: &mut FrameMut) -> YuvPlanarImageMut<'_, u8> {
    let size = frame.size();
    let planes = frame.planes_mut();
    YuvPlanarImageMut {
        y_plane: BufferStoreMut::Borrowed(planes.y),
        y_stride: width(size),
        u_plane: BufferStoreMut::Borrowed(planes.u),
        u_stride: width(size) / 2,
        v_plane: BufferStoreMut::Borrowed(planes.v),
        v_stride: width(size) / 2,
        width: width(size),
        height: height(size),
    }
}

fn row_bytes(stride: usize) -> u32 {
    u32::try_from(stride).expect("no stride is above MOST_STRIDE")
}

fn width(size: Size) -> u32 {
    u32::try_from(size.width()).expect("a size is made of u32")
}

fn height(size: Size) -> u32 {
    u32::try_from(size.height()).expect("a size is made of u32")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        logic::units::MediaTime,
        media::{pattern::Pattern, psnr::luma_psnr},
    };

    const SIZE: Size = Size::SMALL;

    fn first_pixel(y: u8, u: u8, v: u8) -> [u8; 4] {
        let mut frame = Pool::new(1).frame(SIZE);
        let planes = frame.planes_mut();
        planes.y.fill(y);
        planes.u.fill(u);
        planes.v.fill(v);
        let mut rgba = Vec::new();
        to_rgba(&frame.freeze(MediaTime(0)), &mut rgba);
        assert_eq!(rgba.len(), SIZE.luma_len() * 4);
        assert!(rgba.chunks_exact(4).all(|pixel| pixel == &rgba[..4]));
        [rgba[0], rgba[1], rgba[2], rgba[3]]
    }

    fn close(a: [u8; 4], b: [u8; 4]) -> bool {
        a.iter().zip(&b).all(|(&a, &b)| a.abs_diff(b) <= 3)
    }

    #[test]
    fn black_white_and_the_primaries_are_those_of_bt601_limited() {
        for (yuv, rgba) in [
            ((16, 128, 128), [0, 0, 0, 255]),
            ((235, 128, 128), [255, 255, 255, 255]),
            ((81, 90, 240), [255, 0, 0, 255]),
            ((145, 54, 34), [0, 255, 0, 255]),
            ((41, 240, 110), [0, 0, 255, 255]),
        ] {
            let got = first_pixel(yuv.0, yuv.1, yuv.2);
            assert!(close(got, rgba), "{yuv:?} became {got:?}, not {rgba:?}");
        }
    }

    #[test]
    fn a_picture_survives_the_way_through_rgba() {
        let pool = Pool::new(2);
        let frame = Pattern::new(SIZE, pool.clone()).render(5, MediaTime(0));
        let mut rgba = Vec::new();
        to_rgba(&frame, &mut rgba);
        let back = from_rgba(&rgba, SIZE, &pool).unwrap().freeze(MediaTime(0));
        let psnr = luma_psnr(&frame, &back).unwrap();
        assert!(psnr > 45.0, "{psnr:.1} dB");
    }

    #[test]
    fn yuyv_keeps_luma_and_takes_chroma_from_a_pair_of_rows() {
        let (even, odd) =
            ([50, 100, 60, 200].repeat(SIZE.width() / 2), [70, 110, 80, 210].repeat(SIZE.width() / 2));
        let frame =
            from_yuyv(&[even, odd].concat().repeat(SIZE.height() / 2), SIZE.width() * 2, SIZE, &Pool::new(1))
                .unwrap();
        let planes = frame.planes();
        assert_eq!(planes.y[..2], [50, 60]);
        assert_eq!(planes.y[SIZE.width()..][..2], [70, 80]);
        assert!(planes.u.iter().all(|&u| (100..=110).contains(&u)), "{:?}", &planes.u[..4]);
        assert!(planes.v.iter().all(|&v| (200..=210).contains(&v)), "{:?}", &planes.v[..4]);
    }

    #[test]
    fn nv12_is_only_taken_apart() {
        let nv12 = [vec![9; SIZE.luma_len()], [1, 2].repeat(SIZE.chroma_len())].concat();
        let frame = from_nv12(&nv12, SIZE.width(), SIZE, &Pool::new(1)).unwrap();
        assert!(frame.planes().y.iter().all(|&y| y == 9));
        assert!(frame.planes().u.iter().all(|&u| u == 1));
        assert!(frame.planes().v.iter().all(|&v| v == 2));
    }

    #[test]
    fn grey_has_no_colour() {
        let frame = from_grey(&vec![100; SIZE.luma_len()], SIZE.width(), SIZE, &Pool::new(1)).unwrap();
        assert!(frame.planes().u.iter().chain(frame.planes().v).all(|&c| c == 128));
    }

    #[test]
    fn a_buffer_of_the_wrong_length_is_refused_with_both_numbers() {
        let pool = Pool::new(1);
        for error in [
            from_rgba(&[0; 5], SIZE, &pool).unwrap_err(),
            from_yuyv(&[0; 5], 640, SIZE, &pool).unwrap_err(),
            from_nv12(&[0; 5], 320, SIZE, &pool).unwrap_err(),
            from_grey(&[0; 5], 320, SIZE, &pool).unwrap_err(),
        ] {
            let sentence = error.to_string();
            assert!(sentence.contains("320x180") && sentence.contains("there are 5"), "{sentence}");
        }
    }

    /// Rows with rubbish behind each.
    fn padded(tight: &[u8], row: usize, padding: usize) -> Vec<u8> {
        tight.chunks_exact(row).flat_map(|row| [row, &vec![0xEE; padding]].concat()).collect()
    }

    #[test]
    fn padded_rows_give_the_same_picture() {
        let pool = Pool::new(2);
        let bytes: Vec<u8> = (0..SIZE.luma_len() * 2).map(|at| (at * 7 % 251) as u8).collect();
        let (width, luma, i420) = (SIZE.width(), SIZE.luma_len(), SIZE.i420_len());
        for padding in [1, 2, 7, 64] {
            let same = |tight: FrameMut, padded: FrameMut| {
                assert_eq!(
                    tight.freeze(MediaTime(0)).i420(),
                    padded.freeze(MediaTime(0)).i420(),
                    "{padding} bytes"
                );
            };
            let (row, stride) = (width * 2, width * 2 + padding);
            same(
                from_yuyv(&bytes, row, SIZE, &pool).unwrap(),
                from_yuyv(&padded(&bytes, row, padding), stride, SIZE, &pool).unwrap(),
            );
            let (row, stride) = (width, width + padding);
            same(
                from_nv12(&bytes[..i420], row, SIZE, &pool).unwrap(),
                from_nv12(&padded(&bytes[..i420], row, padding), stride, SIZE, &pool).unwrap(),
            );
            same(
                from_grey(&bytes[..luma], row, SIZE, &pool).unwrap(),
                from_grey(&padded(&bytes[..luma], row, padding), stride, SIZE, &pool).unwrap(),
            );
        }
    }

    #[test]
    fn what_follows_the_last_row_is_left_out() {
        let pool = Pool::new(1);
        let longer = vec![100; SIZE.luma_len() * 2 + 4096];
        assert!(from_yuyv(&longer, SIZE.width() * 2, SIZE, &pool).is_ok());
        assert!(from_nv12(&longer, SIZE.width(), SIZE, &pool).is_ok());
    }

    #[test]
    fn a_stride_shorter_than_a_row_is_refused() {
        let pool = Pool::new(1);
        let bytes = vec![0; SIZE.luma_len() * 2];
        for stride in [0, SIZE.width() * 2 - 1, usize::MAX] {
            let sentence = from_yuyv(&bytes, stride, SIZE, &pool).unwrap_err().to_string();
            assert!(sentence.contains("a row"), "{sentence}");
        }
    }

    #[test]
    fn the_full_range_becomes_ours_to_within_a_rounding() {
        let all: Vec<u8> = (0..=255).collect();
        let (mut luma, mut chroma) = (all.clone(), all.clone());
        luma_to_limited(&mut luma);
        chroma_to_limited(&mut chroma);
        for full in all {
            let exact = 16.0 + f64::from(full) * 219.0 / 255.0;
            assert!((f64::from(luma[usize::from(full)]) - exact).abs() <= 1.0, "{full}");
            let exact = 128.0 + (f64::from(full) - 128.0) * 224.0 / 255.0;
            assert!((f64::from(chroma[usize::from(full)]) - exact).abs() <= 1.0, "{full}");
        }
        assert_eq!((luma[0], luma[255], chroma[0], chroma[128], chroma[255]), (16, 235, 16, 128, 240));
    }
}

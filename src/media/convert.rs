//! Pictures in the formats of others: what cameras give, what windows draw.
//!
//! BT.601 in limited range both ways, which is what webcams deliver and what a decoder assumes of a stream that says
//! nothing. The arithmetic is the `yuv` crate's (SSE and AVX, also in a development build), except NV12 to I420, which
//! it lacks and which is only a taking apart.

use yuv::{
    BufferStoreMut, YuvConversionMode, YuvError, YuvPackedImage, YuvPlanarImage, YuvPlanarImageMut, YuvRange,
    YuvStandardMatrix, rgba_to_yuv420, yuv420_to_rgba, yuyv422_to_yuv420,
};

use super::{
    frame::{Frame, FrameMut, NEUTRAL, Size},
    pool::Pool,
};

const RANGE: YuvRange = YuvRange::Limited;
const MATRIX: YuvStandardMatrix = YuvStandardMatrix::Bt601;

/// A buffer does not hold the picture it is said to hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a {format} picture of {size} takes {wanted} bytes, but there are {given}")]
pub struct WrongLength {
    format: &'static str,
    size: Size,
    wanted: usize,
    given: usize,
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
    fits(yuv420_to_rgba(&image, rgba, width(size) * 4, RANGE, MATRIX));
}

/// Red, green, blue, unused: four bytes a pixel (screens, pictures).
pub fn from_rgba(rgba: &[u8], size: Size, pool: &Pool) -> Result<FrameMut, WrongLength> {
    check("RGBA", rgba, size, size.luma_len() * 4)?;
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
pub fn from_yuyv(yuyv: &[u8], size: Size, pool: &Pool) -> Result<FrameMut, WrongLength> {
    check("YUYV", yuyv, size, size.luma_len() * 2)?;
    let mut frame = pool.frame(size);
    let packed =
        YuvPackedImage { yuy: yuyv, yuy_stride: width(size) * 2, width: width(size), height: height(size) };
    fits(yuyv422_to_yuv420(&mut planar(&mut frame), &packed));
    Ok(frame)
}

/// A plane of luma, then one of both chromas in turn (hardware decoders, some cameras).
pub fn from_nv12(nv12: &[u8], size: Size, pool: &Pool) -> Result<FrameMut, WrongLength> {
    check("NV12", nv12, size, size.i420_len())?;
    let mut frame = pool.frame(size);
    let to = frame.planes_mut();
    let (y, uv) = nv12.split_at(size.luma_len());
    to.y.copy_from_slice(y);
    for ((pair, u), v) in uv.chunks_exact(2).zip(to.u).zip(to.v) {
        *u = pair[0];
        *v = pair[1];
    }
    Ok(frame)
}

/// Luma alone (infrared and monochrome cameras).
pub fn from_grey(grey: &[u8], size: Size, pool: &Pool) -> Result<FrameMut, WrongLength> {
    check("grey", grey, size, size.luma_len())?;
    let mut frame = pool.frame(size);
    let to = frame.planes_mut();
    to.y.copy_from_slice(grey);
    to.u.fill(NEUTRAL);
    to.v.fill(NEUTRAL);
    Ok(frame)
}

fn check(format: &'static str, bytes: &[u8], size: Size, wanted: usize) -> Result<(), WrongLength> {
    let given = bytes.len();
    if given == wanted { Ok(()) } else { Err(WrongLength { format, size, wanted, given }) }
}

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
        let frame = from_yuyv(&[even, odd].concat().repeat(SIZE.height() / 2), SIZE, &Pool::new(1)).unwrap();
        let planes = frame.planes();
        assert_eq!(planes.y[..2], [50, 60]);
        assert_eq!(planes.y[SIZE.width()..][..2], [70, 80]);
        assert!(planes.u.iter().all(|&u| (100..=110).contains(&u)), "{:?}", &planes.u[..4]);
        assert!(planes.v.iter().all(|&v| (200..=210).contains(&v)), "{:?}", &planes.v[..4]);
    }

    #[test]
    fn nv12_is_only_taken_apart() {
        let nv12 = [vec![9; SIZE.luma_len()], [1, 2].repeat(SIZE.chroma_len())].concat();
        let frame = from_nv12(&nv12, SIZE, &Pool::new(1)).unwrap();
        assert!(frame.planes().y.iter().all(|&y| y == 9));
        assert!(frame.planes().u.iter().all(|&u| u == 1));
        assert!(frame.planes().v.iter().all(|&v| v == 2));
    }

    #[test]
    fn grey_has_no_colour() {
        let frame = from_grey(&vec![100; SIZE.luma_len()], SIZE, &Pool::new(1)).unwrap();
        assert!(frame.planes().u.iter().chain(frame.planes().v).all(|&c| c == 128));
    }

    #[test]
    fn a_buffer_of_the_wrong_length_is_refused_with_both_numbers() {
        let pool = Pool::new(1);
        for error in [
            from_rgba(&[0; 5], SIZE, &pool).unwrap_err(),
            from_yuyv(&[0; 5], SIZE, &pool).unwrap_err(),
            from_nv12(&[0; 5], SIZE, &pool).unwrap_err(),
            from_grey(&[0; 5], SIZE, &pool).unwrap_err(),
        ] {
            let sentence = error.to_string();
            assert!(sentence.contains("320x180") && sentence.contains("there are 5"), "{sentence}");
        }
    }
}

//! How much of a picture survived.

use super::frame::Frame;

/// Peak signal to noise ratio of the luma planes in decibels; infinite where they are equal.
///
/// `None` where the pictures differ in size: there is no number for that.
pub fn luma_psnr(a: &Frame, b: &Frame) -> Option<f64> {
    if a.size() != b.size() {
        return None;
    }
    let rows = a.planes().y.chunks(1024).zip(b.planes().y.chunks(1024));
    let squares: u64 = rows.map(|(a, b)| u64::from(squared_difference(a, b))).sum();
    let mean = squares as f64 / a.size().luma_len() as f64;
    Some(10.0 * (255.0 * 255.0 / mean).log10())
}

/// At most 1024 × 255², which fits.
fn squared_difference(a: &[u8], b: &[u8]) -> u32 {
    a.iter().zip(b).map(|(&a, &b)| u32::from(a.abs_diff(b)).pow(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        logic::units::MediaTime,
        media::{frame::Size, pool::Pool},
    };

    fn grey(size: Size, luma: u8) -> Frame {
        let mut frame = Pool::new(1).frame(size);
        frame.fill(luma);
        frame.freeze(MediaTime(0))
    }

    #[test]
    fn equal_pictures_are_infinitely_alike() {
        assert_eq!(luma_psnr(&grey(Size::SMALL, 90), &grey(Size::SMALL, 90)), Some(f64::INFINITY));
    }

    #[test]
    fn ten_levels_everywhere_are_28_decibels() {
        let psnr = luma_psnr(&grey(Size::SMALL, 100), &grey(Size::SMALL, 110)).unwrap();
        assert!((psnr - 28.13).abs() < 0.01, "{psnr}");
    }

    #[test]
    fn pictures_of_different_size_cannot_be_compared() {
        assert_eq!(luma_psnr(&grey(Size::SMALL, 1), &grey(Size::NHD, 1)), None);
    }
}

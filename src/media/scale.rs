//! A picture at another size.
//!
//! Plane by plane, bilinear with the filter widened when shrinking, so that fine texture does not shimmer. The shape is
//! not kept: whoever asks for another shape gets a stretched picture.

use fast_image_resize::{
    FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer,
    images::{Image, ImageRef},
};

use super::{
    frame::{Frame, FrameMut, Size},
    pool::Pool,
};

/// Scales pictures, keeping its working memory between them.
pub struct Scaler {
    resizer: Resizer,
    options: ResizeOptions,
    pool: Pool,
}

/// One plane of a picture in memory that is not ours.
#[derive(Clone, Copy)]
pub(super) struct Plane<'a> {
    pub(super) pixels: &'a [u8],
    pub(super) width: usize,
    pub(super) height: usize,
}

impl Scaler {
    /// A scaler whose results live in `pool`.
    pub fn new(pool: Pool) -> Self {
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
        Self { resizer: Resizer::new(), options, pool }
    }

    /// `frame` at `size`, captured when it was. At the same size it is the same frame, shared.
    pub fn scale(&mut self, frame: &Frame, size: Size) -> Frame {
        if frame.size() == size {
            return frame.clone();
        }
        let (from, planes) = (frame.size(), frame.planes());
        let chroma = |pixels| Plane { pixels, width: from.width() / 2, height: from.height() / 2 };
        let luma = Plane { pixels: planes.y, width: from.width(), height: from.height() };
        let scaled = self.scale_planes([luma, chroma(planes.u), chroma(planes.v)], size);
        scaled.freeze(frame.captured()).in_matrix(frame.matrix())
    }

    /// Planes of any subsampling become I420 of `size`: each is scaled to what its place there needs.
    pub(super) fn scale_planes(&mut self, planes: [Plane<'_>; 3], size: Size) -> FrameMut {
        let mut frame = self.pool.frame(size);
        let to = frame.planes_mut();
        self.scale_plane(planes[0], to.y, size.width(), size.height());
        self.scale_plane(planes[1], to.u, size.width() / 2, size.height() / 2);
        self.scale_plane(planes[2], to.v, size.width() / 2, size.height() / 2);
        frame
    }

    fn scale_plane(&mut self, from: Plane<'_>, to: &mut [u8], width: usize, height: usize) {
        if (from.width, from.height) == (width, height) {
            to.copy_from_slice(from.pixels);
            return;
        }
        let side = |pixels: usize| u32::try_from(pixels).expect("sides are bounded far below u32");
        let source = ImageRef::new(side(from.width), side(from.height), from.pixels, PixelType::U8)
            .expect("a plane is as long as its sides say");
        let mut target = Image::from_slice_u8(side(width), side(height), to, PixelType::U8)
            .expect("a plane is as long as its sides say");
        self.resizer
            .resize(&source, &mut target, &self.options)
            .expect("both planes are of bytes, not empty");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        logic::units::MediaTime,
        media::{pattern::Pattern, psnr::luma_psnr},
    };

    #[test]
    fn the_same_size_is_the_same_frame() {
        let pool = Pool::new(2);
        let frame = Pattern::new(Size::SMALL, pool.clone()).render(3, MediaTime(5));
        let same = Scaler::new(pool).scale(&frame, Size::SMALL);
        assert!(std::ptr::eq(frame.i420(), same.i420()));
    }

    #[test]
    fn down_and_up_again_still_looks_alike_and_keeps_its_time() {
        let pool = Pool::new(4);
        let frame = Pattern::new(Size::HD, pool.clone()).render(11, MediaTime(99));
        let mut scaler = Scaler::new(pool);
        let small = scaler.scale(&frame, Size::NHD);
        assert_eq!(small.size(), Size::NHD);
        let back = scaler.scale(&small, Size::HD);
        assert_eq!(back.captured(), MediaTime(99));
        let psnr = luma_psnr(&frame, &back).unwrap();
        assert!(psnr > 25.0, "{psnr:.1} dB");
    }

    #[test]
    fn a_flat_picture_stays_flat_at_any_shape() {
        let pool = Pool::new(2);
        let mut frame = pool.frame(Size::new(150, 98).unwrap());
        frame.fill(77);
        let frame = frame.freeze(MediaTime(0));
        let mut scaler = Scaler::new(pool);
        for (width, height) in [(16, 16), (722, 34), (34, 722), (148, 100)] {
            let scaled = scaler.scale(&frame, Size::new(width, height).unwrap());
            assert!(scaled.planes().y.iter().all(|&y| y == 77));
            assert!(scaled.planes().u.iter().chain(scaled.planes().v).all(|&c| c == 128));
        }
    }
}

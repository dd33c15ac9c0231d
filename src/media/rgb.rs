//! Pictures as colours, for a window that cannot draw their planes.

use super::{
    convert::to_rgba,
    frame::{Frame, Size},
    pool::Pool,
    scale::Scaler,
};

/// Makes colours of pictures, keeping its working memory between them.
pub struct ToRgba {
    scaler: Scaler,
    rgba: Vec<u8>,
}

impl Default for ToRgba {
    fn default() -> Self {
        Self { scaler: Scaler::new(Pool::new(1)), rgba: Vec::new() }
    }
}

impl ToRgba {
    /// The picture's red, green, blue and opacity, each side halved so many times (as often as it goes), and its width and
    /// height then.
    pub fn convert(&mut self, frame: &Frame, halved: u32) -> ([usize; 2], &[u8]) {
        let small = (0..=halved).rev().find_map(|times| halved_size(frame.size(), times));
        let frame = self.scaler.scale(frame, small.unwrap_or(frame.size()));
        to_rgba(&frame, &mut self.rgba);
        ([frame.size().width(), frame.size().height()], &self.rgba)
    }
}

fn halved_size(size: Size, times: u32) -> Option<Size> {
    let side = |pixels: usize| u32::try_from(pixels >> times & !1).ok();
    Size::new(side(size.width())?, side(size.height())?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        logic::units::MediaTime,
        media::frame::{Matrix, NEUTRAL},
    };

    #[test]
    fn a_picture_is_halved_as_often_as_it_goes() {
        let mut frame = Pool::new(1).frame(Size::HD);
        frame.fill(235);
        let frame = frame.freeze(MediaTime(0));
        let mut convert = ToRgba::default();
        for (halved, size) in [(0, [1280, 720]), (1, [640, 360]), (3, [160, 90]), (30, [40, 22])] {
            let (got, rgba) = convert.convert(&frame, halved);
            assert_eq!(got, size, "halved {halved} times");
            assert_eq!(rgba.len(), size[0] * size[1] * 4);
            assert!(rgba.iter().all(|&byte| byte == 255), "white is white");
        }
    }

    #[test]
    fn colours_come_out_by_the_matrix_that_they_went_in_by() {
        let of = |matrix, (y, u, v): (u8, u8, u8)| {
            let mut frame = Pool::new(1).frame(Size::SMALL);
            let planes = frame.planes_mut();
            planes.y.fill(y);
            planes.u.fill(u);
            planes.v.fill(v);
            let frame = frame.freeze(MediaTime(0)).in_matrix(matrix);
            let mut convert = ToRgba::default();
            let rgba = convert.convert(&frame, 1).1;
            [rgba[0], rgba[1], rgba[2]]
        };
        for (matrix, yuv, rgb) in [
            (Matrix::Bt601, (81, 90, 240), [255, 0, 0]),
            (Matrix::Bt601, (145, 54, 34), [0, 255, 0]),
            (Matrix::Bt709, (63, 102, 240), [255, 0, 0]),
            (Matrix::Bt709, (173, 42, 26), [0, 255, 0]),
            (Matrix::Bt709, (126, NEUTRAL, NEUTRAL), [128, 128, 128]),
        ] {
            let got = of(matrix, yuv);
            let is_close = got.iter().zip(rgb).all(|(&got, want)| got.abs_diff(want) <= 2);
            assert!(is_close, "{matrix:?} {yuv:?} became {got:?}, not {rgb:?}");
        }
    }
}

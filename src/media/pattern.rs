//! The moving test picture: somebody in front of a wall, a ball, colour bars that wander, and a [`timecode`].
//!
//! Fully determined by size and number (the strip apart, which also says when), so that a receiver that has read the
//! number can draw the exact original and measure what the call did to it. Integers only: floating point may differ by
//! a bit between machines. Everything is drawn once when the pattern is made; a frame is the wall copied and the rest
//! laid over it, in steps of two pixels so that chroma moves with luma.
//!
//! It is as hard to encode as a quiet webcam picture, not as a noisy one: no grain changes from frame to frame.

use crate::logic::units::MediaTime;

use super::{
    frame::{Frame, FrameMut, NEUTRAL, PlanesMut, Size},
    pool::Pool,
    timecode::{self, Timecode},
};

/// Draws the frames of one size.
pub struct Pattern {
    size: Size,
    pool: Pool,
    wall: Vec<u8>,
    person: Sprite,
    mouths: [Sprite; 4],
    ball: Sprite,
    bars: Sprite,
}

/// Y, U, V.
type Colour = [u8; 3];

const SKIN: Colour = [165, 108, 150];
const HAIR: Colour = [52, 122, 134];
const SHIRT: Colour = [92, 148, 112];
const LIPS: Colour = [88, 120, 158];
const EYES: Colour = [40, 128, 128];
const BALL: Colour = [190, 60, 150];
/// Muted, because a whole band of them moves.
const BARS: [Colour; 6] =
    [[170, 128, 128], [150, 90, 140], [130, 140, 100], [115, 105, 110], [95, 150, 150], [75, 110, 165]];

/// Frames it takes the person to sway there and back, the ball to bounce, and to roll to the other side and back.
const SWAY_FRAMES: u32 = 150;
const BOUNCE_FRAMES: u32 = 50;
const ROLL_FRAMES: u32 = 240;
/// Frames each shape of the mouth stays.
const MOUTH_FRAMES: u32 = 4;

impl Pattern {
    /// Prepares everything that does not change from frame to frame.
    pub fn new(size: Size, pool: Pool) -> Self {
        let (width, height) = (even(size.width()), even(size.height()));
        let mouth = |open: i32| {
            Sprite::new(width / 16, height * open / 64, move |x, y, w, h| ellipse(x, y, w, h).then_some(LIPS))
        };
        Self {
            size,
            pool,
            wall: wall(size),
            person: Sprite::new(width * 2 / 5, height * 3 / 4, person),
            mouths: [mouth(1), mouth(2), mouth(4), mouth(3)],
            ball: Sprite::new(height / 8, height / 8, |x, y, w, h| {
                ellipse(x, y, w, h).then(|| shade(BALL, y * 40 / h.max(1) - 20 + texture(x, y, 3)))
            }),
            bars: Sprite::new(width * 2, height / 12, bars),
        }
    }

    /// Of the frames.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Frame `number`, captured at `captured`, with both in its strip.
    pub fn render(&self, number: u32, captured: MediaTime) -> Frame {
        let mut frame = self.pool.frame(self.size);
        self.draw(&mut frame, number);
        timecode::write(&mut frame, Timecode { number, captured });
        frame.freeze(captured)
    }

    fn draw(&self, frame: &mut FrameMut, number: u32) {
        frame.i420_mut().copy_from_slice(&self.wall);
        let (width, height) = (even(self.size.width()), even(self.size.height()));
        let mut canvas = Canvas { width, height, planes: frame.planes_mut() };

        // The bars' sprite is two pictures wide and repeats after one.
        let wandered =
            i32::try_from(number.wrapping_mul(2) % width.unsigned_abs()).expect("less than the width");
        canvas.lay(&self.bars, -wandered, height - self.bars.height);

        let sway = wave(number, SWAY_FRAMES) * (width / 20) / WAVE;
        let left = width / 2 - self.person.width / 2 + sway;
        let top = height - self.person.height;
        canvas.lay(&self.person, left, top);

        let mouth = &self.mouths[usize::try_from(number / MOUTH_FRAMES % 4).expect("less than four")];
        canvas.lay(
            mouth,
            left + self.person.width / 2 - mouth.width / 2,
            top + self.person.height * 3 / 8 - mouth.height / 2,
        );

        let reach = width - self.ball.width - width / 16;
        let across = (wave(number, ROLL_FRAMES) + WAVE) * reach / (2 * WAVE) + width / 32;
        // A parabola touching the ground once a bounce.
        let phase = i32::try_from(number % BOUNCE_FRAMES).expect("less than fifty");
        let frames = BOUNCE_FRAMES.cast_signed();
        let up = phase * (frames - phase) * (height / 3) * 4 / (frames * frames);
        canvas.lay(&self.ball, across, height - self.bars.height - self.ball.height - up);
    }
}

/// A picture with an outline, drawn once and laid many times. Each row is one stretch.
struct Sprite {
    width: i32,
    height: i32,
    luma: Layer<1>,
    chroma: Layer<2>,
}

/// `N` planes that share an outline: per row, from where to where, and the planes' pixels between.
struct Layer<const N: usize> {
    stretches: Vec<(i32, i32)>,
    pixels: [Vec<u8>; N],
    width: i32,
}

impl Sprite {
    /// `colour` is asked for each pixel of a field of the given size (made even): x, y, width, height.
    fn new(width: i32, height: i32, colour: impl Fn(i32, i32, i32, i32) -> Option<Colour>) -> Self {
        let (width, height) = (width.max(2) & !1, height.max(2) & !1);
        let luma = Layer::new(width, height, |x, y| colour(x, y, width, height).map(|[y, _, _]| [y]));
        let chroma = Layer::new(width / 2, height / 2, |x, y| {
            colour(2 * x, 2 * y, width, height).map(|[_, u, v]| [u, v])
        });
        Self { width, height, luma, chroma }
    }
}

impl<const N: usize> Layer<N> {
    fn new(width: i32, height: i32, at: impl Fn(i32, i32) -> Option<[u8; N]>) -> Self {
        let mut pixels = std::array::from_fn(|_| Vec::new());
        let mut stretches = Vec::new();
        for y in 0..height {
            let from = (0..width).find(|&x| at(x, y).is_some()).unwrap_or(width);
            let to = (from..width).find(|&x| at(x, y).is_none()).unwrap_or(width);
            stretches.push((from, to));
            for x in 0..width {
                let values = at(x, y).unwrap_or([NEUTRAL; N]);
                pixels
                    .iter_mut()
                    .zip(values)
                    .for_each(|(plane, value): (&mut Vec<u8>, u8)| plane.push(value));
            }
        }
        Self { stretches, pixels, width }
    }

    /// Lays it over `planes` of `width` × `height`; what would lie outside is cut off.
    fn lay(&self, planes: [&mut [u8]; N], width: i32, height: i32, left: i32, top: i32) {
        for (plane, pixels) in planes.into_iter().zip(&self.pixels) {
            for (row, &(from, to)) in (0..).zip(&self.stretches) {
                let y: i32 = top + row;
                let (from, to) = (from.max(-left), to.min(width - left));
                if (0..height).contains(&y) && from < to {
                    let target = index(y * width + left + from)..index(y * width + left + to);
                    plane[target].copy_from_slice(
                        &pixels[index(row * self.width + from)..index(row * self.width + to)],
                    );
                }
            }
        }
    }
}

struct Canvas<'a> {
    width: i32,
    height: i32,
    planes: PlanesMut<'a>,
}

impl Canvas<'_> {
    fn lay(&mut self, sprite: &Sprite, left: i32, top: i32) {
        let (left, top) = (left & !1, top & !1);
        sprite.luma.lay([self.planes.y], self.width, self.height, left, top);
        let chroma = [&mut *self.planes.u, &mut *self.planes.v];
        sprite.chroma.lay(chroma, self.width / 2, self.height / 2, left / 2, top / 2);
    }
}

/// A lit wall with a little plaster on it.
fn wall(size: Size) -> Vec<u8> {
    let (width, height) = (even(size.width()), even(size.height()));
    let mut planes = Vec::with_capacity(size.i420_len());
    for y in 0..height {
        for x in 0..width {
            let light = 60 + 90 * x / width - 40 * y / height;
            planes.push(byte(light + texture(x, y, 4)));
        }
    }
    for (base, tilt) in [(118, 16), (138, -18)] {
        for y in 0..height / 2 {
            for x in 0..width / 2 {
                planes.push(byte(base + tilt * (x + y) / (width + height)));
            }
        }
    }
    planes
}

/// Head with hair and eyes on a neck on shoulders.
fn person(x: i32, y: i32, w: i32, h: i32) -> Option<Colour> {
    let (head_w, head_h) = (w * 2 / 5, h / 2);
    let (head_x, head_y) = (x - (w - head_w) / 2, y);
    if ellipse(head_x, head_y, head_w, head_h) {
        let eye = |at: i32| ellipse(head_x - at, head_y - head_h * 2 / 5, head_w / 8, head_h / 12);
        return Some(if head_y < head_h / 4 {
            shade(HAIR, texture(x * 4, y, 10))
        } else if eye(head_w / 4) || eye(head_w * 5 / 8) {
            EYES
        } else {
            shade(SKIN, texture(x, y, 3) - 24 * head_x / head_w.max(1))
        });
    }
    let neck = (w * 2 / 5..w * 3 / 5).contains(&x) && (h * 2 / 5..h * 3 / 5).contains(&y);
    let shoulders = ellipse(x, y - h / 2, w, h);
    if shoulders {
        let weave = if (x / 8 + y / 8) % 2 == 0 { 6 } else { -6 };
        Some(shade(SHIRT, weave + texture(x, y, 3)))
    } else {
        neck.then(|| shade(SKIN, -30))
    }
}

/// Bars with soft edges that repeat after half the field.
fn bars(x: i32, y: i32, w: i32, _: i32) -> Option<Colour> {
    let x = x % (w / 2).max(1);
    let bar = (w / 2 / 6).max(1);
    let this = BARS[index(x / bar % 6)];
    Some(shade(this, texture(x, y, 2) + 8 * (x % bar) / bar))
}

/// Whether a point lies in the ellipse that fills a field.
fn ellipse(x: i32, y: i32, w: i32, h: i32) -> bool {
    let (dx, dy) = (i64::from(2 * x + 1 - w), i64::from(2 * y + 1 - h));
    let (w, h) = (i64::from(w), i64::from(h));
    dx * dx * h * h + dy * dy * w * w <= w * w * h * h
}

fn shade([y, u, v]: Colour, by: i32) -> Colour {
    [byte(i32::from(y) + by), u, v]
}

/// Unevenness within ± `depth`: coarse, and half as much fine.
fn texture(x: i32, y: i32, depth: i32) -> i32 {
    let (cell_x, cell_y, along, down) = (x >> 3, y >> 3, x & 7, y & 7);
    let corner = |dx, dy| hash(cell_x + dx, cell_y + dy) * depth * 2 / 255 - depth;
    let upper = corner(0, 0) * (8 - along) + corner(1, 0) * along;
    let lower = corner(0, 1) * (8 - along) + corner(1, 1) * along;
    let coarse = (upper * (8 - down) + lower * down) / 64;
    coarse + (hash(x + 7_919, y) * depth / 255 - depth / 2) / 2
}

/// 0 to 255, the same for the same point for ever.
fn hash(x: i32, y: i32) -> i32 {
    let mut bits = x.cast_unsigned().wrapping_mul(0x9E37_79B1) ^ y.cast_unsigned().wrapping_mul(0x85EB_CA77);
    bits ^= bits >> 15;
    bits = bits.wrapping_mul(0x2C1B_3C6D);
    bits ^= bits >> 13;
    (bits >> 24).cast_signed()
}

/// The height of a [`wave`].
const WAVE: i32 = 1_024;

/// A wave much like a sine, from -[`WAVE`] to [`WAVE`], out of two parabolas.
fn wave(number: u32, period: u32) -> i32 {
    let half = period.cast_signed() / 2;
    let at = (number % period).cast_signed();
    let arch = |at: i32| 4 * WAVE * at / half * (half - at) / half;
    if at < half { arch(at) } else { -arch(at - half) }
}

fn even(side: usize) -> i32 {
    i32::try_from(side).expect("a side is at most 3840")
}

fn index(at: i32) -> usize {
    usize::try_from(at).expect("cut off before it gets negative")
}

fn byte(value: i32) -> u8 {
    u8::try_from(value.clamp(16, 235)).expect("clamped")
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::media::psnr::luma_psnr;

    #[test]
    fn a_frame_is_determined_by_size_number_and_time() {
        let one = Pattern::new(Size::NHD, Pool::default());
        let other = Pattern::new(Size::NHD, Pool::new(0));
        one.render(1, MediaTime(1));
        for number in [0, 1, 77, 54_321, u32::MAX] {
            let (a, b) = (one.render(number, MediaTime(9)), other.render(number, MediaTime(9)));
            assert_eq!(a.i420(), b.i420(), "frame {number}");
            assert_eq!(timecode::read(&a), Some(Timecode { number, captured: MediaTime(9) }));
        }
    }

    #[test]
    fn the_picture_moves() {
        let pattern = Pattern::new(Size::NHD, Pool::default());
        let psnr = luma_psnr(&pattern.render(10, MediaTime(0)), &pattern.render(15, MediaTime(0))).unwrap();
        assert!((15.0..45.0).contains(&psnr), "{psnr:.1} dB");
    }

    #[test]
    fn it_can_be_drawn_at_any_size() {
        for (width, height) in [(16, 16), (18, 300), (300, 18), (360, 640), (642, 362)] {
            let pattern = Pattern::new(Size::new(width, height).unwrap(), Pool::default());
            for number in 0..300 {
                pattern.render(number, MediaTime(0));
            }
        }
    }

    #[test]
    fn drawing_keeps_up_with_any_camera() {
        let pattern = Pattern::new(Size::HD, Pool::default());
        let fastest = (0..30)
            .map(|number| {
                let start = Instant::now();
                pattern.render(number, MediaTime(0));
                start.elapsed()
            })
            .min()
            .unwrap();
        assert!(fastest.as_millis() < 10, "{fastest:?}");
    }
}

//! The mark of Sightline, drawn at any size: two ends and the line between them, on a rounded tile.
//!
//! A window and a tray want pixels, each at its own size, and a tray wants them to say how a call stands. So the mark is a
//! function here, and `assets/icons/sightline.svg` is the same in a language for files. A test holds the two together by
//! way of the files beside it.
//!
//! Every edge is soft over one pixel, by the distance to it: at 16 pixels the line is still a line.

/// What a call is, seen from far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// There is none.
    Idle,
    /// Somebody calls.
    Ringing,
    /// There is one.
    InCall,
    /// There is one, and our microphone is off.
    Muted,
}

/// The tile's colours from top to bottom, and what is drawn on it. They are the mark's own, whatever the theme.
const TOP: Rgb = Rgb(0x2f, 0x6f, 0x8f);
const BOTTOM: Rgb = Rgb(0x1d, 0x4e, 0x6b);
const LINE: Rgb = Rgb(0xff, 0xff, 0xff);
const RINGING: Rgb = Rgb(0xf2, 0xb1, 0x34);
const IN_CALL: Rgb = Rgb(0x4c, 0xc3, 0x8a);
const MUTED: Rgb = Rgb(0xe5, 0x62, 0x5e);

/// The drawing's own measures: the tile is 1 by 1.
const CORNER: f32 = 0.22;
const NEAR_END: Point = Point(0.29, 0.67);
const FAR_END: Point = Point(0.71, 0.33);
const END_RADIUS: f32 = 0.125;
const RING_INSIDE: f32 = 0.058;
const LINE_HALF: f32 = 0.042;
/// The badge that says how a call stands: in the lower right corner, where trays leave room for it.
const BADGE: Point = Point(0.74, 0.74);
const BADGE_RADIUS: f32 = 0.24;
const BADGE_GAP: f32 = 0.045;
const DOT_RADIUS: f32 = 0.1;
const BAR_REACH: f32 = 0.12;
const BAR_HALF: f32 = 0.04;

#[derive(Clone, Copy)]
struct Rgb(u8, u8, u8);

#[derive(Clone, Copy)]
struct Point(f32, f32);

/// The mark, `size` pixels wide and high: red, green, blue and how opaque, one byte each, not multiplied with each other.
pub fn rgba(size: u16, standing: Standing) -> Vec<u8> {
    let pixel = 1.0 / f32::from(size.max(1));
    let mut bytes = Vec::with_capacity(usize::from(size) * usize::from(size) * 4);
    for row in 0..size {
        for column in 0..size {
            let at = Point((f32::from(column) + 0.5) * pixel, (f32::from(row) + 0.5) * pixel);
            bytes.extend_from_slice(&color(at, pixel, standing));
        }
    }
    bytes
}

fn color(at: Point, pixel: f32, standing: Standing) -> [u8; 4] {
    let covered = |distance: f32| (0.5 - distance / pixel).clamp(0.0, 1.0);
    let mut color = TOP.towards(BOTTOM, at.1);
    let mut opaque = covered(outside_tile(at));
    // The near end is a ring, the far one is full: they differ as *me* and *you* do.
    let near = outside_circle(at, NEAR_END, END_RADIUS);
    let inside_near = -outside_circle(at, NEAR_END, RING_INSIDE);
    let ring = near.max(inside_near);
    let line = outside_line(at, NEAR_END, FAR_END, LINE_HALF).max(-near);
    let far = outside_circle(at, FAR_END, END_RADIUS);
    color = color.towards(LINE, covered(ring.min(line).min(far)));
    if let Some((badge, sign)) = badge(standing) {
        opaque *= 1.0 - covered(outside_circle(at, BADGE, BADGE_RADIUS + BADGE_GAP));
        let on_badge = covered(outside_circle(at, BADGE, BADGE_RADIUS));
        let on_sign = match sign {
            Sign::Nothing => 0.0,
            Sign::Dot => covered(outside_circle(at, BADGE, DOT_RADIUS)),
            Sign::Bar => {
                let (left, right) =
                    (Point(BADGE.0 - BAR_REACH, BADGE.1), Point(BADGE.0 + BAR_REACH, BADGE.1));
                covered(outside_line(at, left, right, BAR_HALF))
            }
        };
        let badge = badge.towards(LINE, on_sign);
        // Between the badge and the tile there is nothing, so one of both is all there is at any place.
        if on_badge > opaque {
            color = badge;
        }
        opaque = opaque.max(on_badge);
    }
    [color.0, color.1, color.2, (opaque * 255.0).round() as u8]
}

/// What lies on a badge: colour alone says nothing to many.
enum Sign {
    Nothing,
    Dot,
    Bar,
}

const fn badge(standing: Standing) -> Option<(Rgb, Sign)> {
    match standing {
        Standing::Idle => None,
        Standing::Ringing => Some((RINGING, Sign::Dot)),
        Standing::InCall => Some((IN_CALL, Sign::Nothing)),
        Standing::Muted => Some((MUTED, Sign::Bar)),
    }
}

impl Rgb {
    fn towards(self, other: Self, share: f32) -> Self {
        let mix = |a: u8, b: u8| (f32::from(a) + (f32::from(b) - f32::from(a)) * share).round() as u8;
        Self(mix(self.0, other.0), mix(self.1, other.1), mix(self.2, other.2))
    }
}

/// How far outside of the tile; less than nothing inside.
fn outside_tile(at: Point) -> f32 {
    let reach = 0.5 - CORNER;
    let (x, y) = ((at.0 - 0.5).abs() - reach, (at.1 - 0.5).abs() - reach);
    x.max(0.0).hypot(y.max(0.0)) + x.max(y).min(0.0) - CORNER
}

fn outside_circle(at: Point, centre: Point, radius: f32) -> f32 {
    (at.0 - centre.0).hypot(at.1 - centre.1) - radius
}

fn outside_line(at: Point, from: Point, to: Point, half: f32) -> f32 {
    let (along, across) = ((to.0 - from.0, to.1 - from.1), (at.0 - from.0, at.1 - from.1));
    let length = along.0 * along.0 + along.1 * along.1;
    let share = ((across.0 * along.0 + across.1 * along.1) / length).clamp(0.0, 1.0);
    (across.0 - along.0 * share).hypot(across.1 - along.1 * share) - half
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Standing; 4] = [Standing::Idle, Standing::Ringing, Standing::InCall, Standing::Muted];

    #[test]
    fn at_the_size_of_a_tray_the_ends_and_the_line_stand_out() {
        let size = 16;
        let pixels = rgba(size, Standing::Idle);
        // The brightest of the four pixels around a place.
        let at = |point: Point| {
            let (x, y) = ((point.0 * 16.0 - 0.5) as usize, (point.1 * 16.0 - 0.5) as usize);
            let around = [(x, y), (x + 1, y), (x, y + 1), (x + 1, y + 1)];
            around.map(|(x, y)| u32::from(pixels[(y * 16 + x) * 4])).into_iter().max().unwrap()
        };
        let ground = at(Point(0.2, 0.25));
        for (what, point) in [("the far end", FAR_END), ("the line", Point(0.5, 0.5))] {
            assert!(at(point) > ground + 110, "{what}: {} on {ground}", at(point));
        }
        assert_eq!(pixels[3], 0, "the corner is open");
    }

    #[test]
    fn each_standing_looks_different() {
        for size in [1, 16, 22, 48] {
            let drawn: Vec<_> = ALL.iter().map(|standing| rgba(size, *standing)).collect();
            assert!(drawn.iter().all(|pixels| pixels.len() == usize::from(size).pow(2) * 4));
            for (index, one) in drawn.iter().enumerate().filter(|_| size > 1) {
                assert!(drawn[..index].iter().all(|other| other != one), "{:?} at {size}", ALL[index]);
            }
        }
    }
}

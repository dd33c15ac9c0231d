//! Where a picture lies on the glass, and which of its pixels lies where.

use egui::{Rect, Vec2, pos2, vec2};

/// How far a picture is turned, clockwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Turn {
    /// As it is.
    #[default]
    Upright,
    /// By 90 degrees.
    Quarter,
    /// By 180 degrees.
    Half,
    /// By 270 degrees.
    ThreeQuarters,
}

/// What becomes of a picture whose shape is not that of its place. It is never stretched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fit {
    /// All of it is seen, and some of the place stays free.
    #[default]
    Whole,
    /// All of the place is filled, and some of the picture is not seen.
    Filled,
}

/// How a picture is to be drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Look {
    /// How far it is turned.
    pub turn: Turn,
    /// Left and right are exchanged, as in a mirror.
    pub mirrored: bool,
    /// What becomes of it in a place of another shape.
    pub fit: Fit,
    /// How round its corners are, in points.
    pub corner: f32,
}

/// A picture in its place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Placed {
    /// On whole pixels.
    pub(super) rect: Rect,
    /// How round the corners are, in points.
    pub(super) corner: f32,
    /// What of the picture lies at the upper left,
    pub(super) origin: Vec2,
    /// how far through the picture it is from there to the upper right,
    pub(super) across: Vec2,
    /// and to the lower left: in shares of the picture's sides.
    pub(super) down: Vec2,
}

impl Look {
    pub(super) fn place(&self, picture: Vec2, area: Rect, pixels_per_point: f32) -> Placed {
        let upright = matches!(self.turn, Turn::Upright | Turn::Half);
        let sides = if upright { picture } else { picture.yx() };
        let ratios = area.size().max(Vec2::ZERO) / sides;
        let (scale, shown) = match self.fit {
            Fit::Whole => (ratios.min_elem(), Vec2::splat(1.0)),
            Fit::Filled => (ratios.max_elem(), ratios / ratios.max_elem().max(f32::MIN_POSITIVE)),
        };
        let rect = Rect::from_center_size(area.center(), sides * scale * shown);
        let on_pixels = |at: f32| (at * pixels_per_point).round() / pixels_per_point;
        let rect = Rect::from_min_max(
            pos2(on_pixels(rect.min.x), on_pixels(rect.min.y)),
            pos2(on_pixels(rect.max.x), on_pixels(rect.max.y)),
        );
        let at = |x, y| self.through(shown, vec2(x, y));
        let origin = at(0.0, 0.0);
        let corner = self.corner.min(rect.width() / 2.0).min(rect.height() / 2.0).max(0.0);
        Placed { rect, corner, origin, across: at(1.0, 0.0) - origin, down: at(0.0, 1.0) - origin }
    }

    /// Which place of the picture is seen at this place of where it is drawn, both in shares.
    fn through(&self, shown: Vec2, at: Vec2) -> Vec2 {
        let half = Vec2::splat(0.5);
        let Vec2 { x, y } = (at - half) * shown + half;
        let x = if self.mirrored { 1.0 - x } else { x };
        match self.turn {
            Turn::Upright => vec2(x, y),
            Turn::Quarter => vec2(y, 1.0 - x),
            Turn::Half => vec2(1.0 - x, 1.0 - y),
            Turn::ThreeQuarters => vec2(1.0 - y, x),
        }
    }
}

impl Placed {
    /// How many of the picture's pixels lie on one of the screen's, along its longer way.
    pub(super) fn crowding(&self, picture: Vec2, pixels_per_point: f32) -> f32 {
        let drawn = (self.rect.size() * pixels_per_point).max(Vec2::splat(1.0));
        let along = (self.across * picture).length() / drawn.x;
        along.max((self.down * picture).length() / drawn.y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HD: Vec2 = vec2(1280.0, 720.0);

    fn area(width: f32, height: f32) -> Rect {
        Rect::from_min_size(pos2(10.0, 20.0), vec2(width, height))
    }

    #[test]
    fn a_picture_keeps_its_shape_in_every_place() {
        for turn in [Turn::Upright, Turn::Quarter, Turn::Half, Turn::ThreeQuarters] {
            for place in [area(640.0, 640.0), area(300.0, 900.0), area(1000.0, 100.0)] {
                let look = Look { turn, ..Look::default() };
                let placed = look.place(HD, place, 1.0);
                assert!(place.contains_rect(placed.rect));
                let shape = placed.rect.width() / placed.rect.height();
                let upright = matches!(turn, Turn::Upright | Turn::Half);
                let wanted = if upright { 16.0 / 9.0 } else { 9.0 / 16.0 };
                assert!((shape / wanted - 1.0).abs() < 0.02, "{turn:?} in {place:?}: {shape}");
                let touches = placed.rect.width() == place.width() || placed.rect.height() == place.height();
                assert!(touches, "{turn:?} in {place:?} is smaller than it could be");
            }
        }
    }

    #[test]
    fn who_fills_a_place_shows_the_middle_and_does_not_stretch() {
        let look = Look { fit: Fit::Filled, ..Look::default() };
        let placed = look.place(HD, area(360.0, 360.0), 1.0);
        assert_eq!(placed.rect, area(360.0, 360.0));
        assert!((placed.across.x - 9.0 / 16.0).abs() < 1e-6);
        assert!((placed.origin.x - (1.0 - 9.0 / 16.0) / 2.0).abs() < 1e-6);
        assert_eq!((placed.origin.y, placed.down.y), (0.0, 1.0));
    }

    #[test]
    fn turned_clockwise_the_left_edge_is_on_top() {
        let placed = Look { turn: Turn::Quarter, ..Look::default() }.place(HD, area(90.0, 160.0), 1.0);
        assert_eq!(placed.origin, vec2(0.0, 1.0), "the lower left of the picture is at the upper left");
        assert_eq!(placed.across, vec2(0.0, -1.0));
        assert_eq!(placed.down, vec2(1.0, 0.0));
    }

    #[test]
    fn a_mirror_exchanges_left_and_right_on_the_screen() {
        for turn in [Turn::Upright, Turn::Quarter, Turn::Half, Turn::ThreeQuarters] {
            let plain = Look { turn, ..Look::default() }.place(HD, area(100.0, 100.0), 1.0);
            let mirrored =
                Look { turn, mirrored: true, ..Look::default() }.place(HD, area(100.0, 100.0), 1.0);
            assert_eq!(mirrored.origin, plain.origin + plain.across);
            assert_eq!(mirrored.across, -plain.across);
            assert_eq!(mirrored.down, plain.down);
        }
    }

    #[test]
    fn a_place_without_room_is_no_place_and_no_accident() {
        for fit in [Fit::Whole, Fit::Filled] {
            for place in [area(0.0, 0.0), area(-5.0, 10.0), area(0.0, 100.0)] {
                let placed = Look { fit, corner: 8.0, ..Look::default() }.place(HD, place, 1.5);
                assert!(!placed.rect.is_positive());
                assert!(placed.corner == 0.0 && placed.across.is_finite());
            }
        }
    }

    #[test]
    fn edges_lie_on_whole_pixels_at_any_scale() {
        for scale in [1.0, 1.25, 1.5, 2.0] {
            let placed = Look::default().place(HD, area(333.3, 200.7), scale);
            for at in [placed.rect.min.x, placed.rect.min.y, placed.rect.max.x, placed.rect.max.y] {
                let pixels = at * scale;
                assert!((pixels - pixels.round()).abs() < 1e-3, "{pixels} at {scale}");
            }
        }
    }
}

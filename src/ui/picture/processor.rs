//! A picture drawn without a shader of ours: colours made by the processor, in a texture of egui's.

use std::f32::consts::{FRAC_PI_2, PI, TAU};

use egui::{
    Color32, ColorImage, Painter, Pos2, Rect, Shape, TextureHandle, TextureOptions, Vec2,
    epaint::{Mesh, Vertex},
};

use super::{Newest, placing::Placed, sides};
use crate::media::rgb::ToRgba;

/// Drawn with at least so many of its pixels on one of the screen's, a picture is scaled first.
const SCALED_FROM: f32 = 2.0;
/// Places along the bend of a corner.
const BEND: usize = 8;

/// The colours of the newest picture.
#[derive(Default)]
pub(super) struct Processor {
    convert: ToRgba,
    texture: Option<TextureHandle>,
    /// Which frame is in it, at which part of its size.
    holds: Option<(u64, u32)>,
}

impl Processor {
    pub(super) fn paint(&mut self, painter: &Painter, newest: &Newest, placed: &Placed) {
        let crowding = placed.crowding(sides(&newest.frame), painter.pixels_per_point());
        let (longest, side) = painter.ctx().input(|input| {
            let size = newest.frame.size();
            (input.max_texture_side, size.width().max(size.height()))
        });
        let mut part = if crowding >= SCALED_FROM { crowding.log2().floor().min(8.0) as u32 } else { 0 };
        while side >> part > longest {
            part += 1;
        }
        if self.holds.replace((newest.number, part)) != Some((newest.number, part)) {
            let (size, rgba) = self.convert.convert(&newest.frame, part);
            let image = ColorImage::from_rgba_unmultiplied(size, rgba);
            match &mut self.texture {
                Some(texture) => texture.set(image, TextureOptions::LINEAR),
                None => {
                    let texture = painter.ctx().load_texture("a picture", image, TextureOptions::LINEAR);
                    self.texture = Some(texture);
                }
            }
        }
        if let Some(texture) = &self.texture {
            painter.add(Shape::mesh(mesh(texture, placed)));
        }
    }
}

/// The place with its corners bent, as triangles around its middle.
fn mesh(texture: &TextureHandle, placed: &Placed) -> Mesh {
    let mut mesh = Mesh::with_texture(texture.id());
    let mut add = |at: Pos2| {
        let share = (at - placed.rect.min) / placed.rect.size();
        let uv = placed.origin + share.x * placed.across + share.y * placed.down;
        mesh.vertices.push(Vertex { pos: at, uv: uv.to_pos2(), color: Color32::WHITE });
    };
    add(placed.rect.center());
    let rim = rim(placed.rect, placed.corner);
    rim.iter().copied().for_each(&mut add);
    let count = u32::try_from(rim.len()).unwrap_or_default();
    for index in 0..count {
        mesh.add_triangle(0, 1 + index, 1 + (index + 1) % count);
    }
    mesh
}

fn rim(rect: Rect, corner: f32) -> Vec<Pos2> {
    let inner = rect.shrink(corner);
    let middles = [
        (inner.right_bottom(), 0.0),
        (inner.left_bottom(), FRAC_PI_2),
        (inner.left_top(), PI),
        (inner.right_top(), TAU - FRAC_PI_2),
    ];
    let bend = |(middle, from): (Pos2, f32)| {
        (0..=BEND).map(move |step| {
            let angle = from + FRAC_PI_2 * step as f32 / BEND as f32;
            middle + corner * Vec2::angled(angle)
        })
    };
    if corner > 0.0 {
        middles.into_iter().flat_map(bend).collect()
    } else {
        middles.map(|(at, _)| at).to_vec()
    }
}

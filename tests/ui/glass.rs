//! Video on the glass: drawn from its planes by a real OpenGL, and read back.

use eframe::egui_glow::ShaderVersion;
use egui::{Color32, Rect, Vec2, pos2, vec2};
use egui_kittest::Harness;
use image::RgbaImage;
use sightline::{
    logic::units::MediaTime,
    media::{
        frame::{Frame, Matrix, Size},
        pattern::Pattern,
        pool::Pool,
    },
    ui::{
        icons::Icon,
        picture::{Fit, How, Look, Painting, Picture, Turn},
    },
};

use super::{
    easel::{Easel, Kind},
    pictures::looks_as_it_did,
};

/// Every language that egui's painter speaks, and an OpenGL that understands it.
const LANGUAGES: [(Kind, ShaderVersion); 4] = [
    (Kind::Desktop, ShaderVersion::Gl120),
    (Kind::Desktop, ShaderVersion::Gl140),
    (Kind::Embedded, ShaderVersion::Es100),
    (Kind::Embedded, ShaderVersion::Es300),
];

const GROUND: Color32 = Color32::from_rgb(90, 20, 60);

#[test]
fn colours_of_both_standards_come_out_right_in_every_language() {
    let known = [
        (Matrix::Bt601, (16, 128, 128), [0, 0, 0]),
        (Matrix::Bt601, (235, 128, 128), [255, 255, 255]),
        (Matrix::Bt601, (126, 128, 128), [128, 128, 128]),
        (Matrix::Bt601, (81, 90, 240), [255, 0, 0]),
        (Matrix::Bt601, (145, 54, 34), [0, 255, 0]),
        (Matrix::Bt601, (41, 240, 110), [0, 0, 255]),
        (Matrix::Bt601, (210, 16, 146), [255, 255, 0]),
        (Matrix::Bt709, (63, 102, 240), [255, 0, 0]),
        (Matrix::Bt709, (173, 42, 26), [0, 255, 0]),
        (Matrix::Bt709, (32, 240, 118), [0, 0, 255]),
        (Matrix::Bt601, (0, 128, 128), [0, 0, 0]),
        (Matrix::Bt601, (255, 128, 128), [255, 255, 255]),
    ];
    for (kind, language) in LANGUAGES {
        let Some(easel) = Easel::new(kind) else { return };
        let painting = Painting::in_language(language);
        let pictures = known.map(|(matrix, yuv, _)| flat(Size::SMALL, yuv).in_matrix(matrix));
        let drawn = each_in_its_row(easel, &painting, &pictures);
        for (row, (matrix, yuv, rgb)) in (0..).zip(known) {
            let got = drawn.get_pixel(50, row * 20 + 10).0;
            let is_right = got.iter().zip(rgb).all(|(&got, wanted)| got.abs_diff(wanted) <= 2);
            assert!(is_right, "{language:?}, {matrix:?} {yuv:?}: {got:?}, not {rgb:?}");
        }
        assert!(matches!(painting.how(), How::GraphicsCard { .. }), "{language:?}: {:?}", painting.how());
    }
}

#[test]
fn the_processor_draws_what_the_graphics_card_draws() {
    let frame = Pattern::new(Size::NHD, Pool::new(1)).render(7, MediaTime(0));
    for (turn, mirrored, fit) in [
        (Turn::Upright, false, Fit::Whole),
        (Turn::Quarter, true, Fit::Whole),
        (Turn::Half, false, Fit::Filled),
        (Turn::ThreeQuarters, true, Fit::Filled),
    ] {
        let look = Look { turn, mirrored, fit, corner: 12.0 };
        let draw = |painting: &Painting| {
            Some(drawn(Easel::new(Kind::Desktop)?, painting, &frame, look, [400.0, 300.0]))
        };
        let Some(card) = draw(&Painting::new()) else { return };
        let Some(processor) = draw(&Painting::by_processor("it is a test")) else { return };
        let far = card
            .pixels()
            .zip(processor.pixels())
            .filter(|(a, b)| a.0.iter().zip(b.0).any(|(a, b)| a.abs_diff(b) > 24));
        let far = far.count();
        assert!(far < 400 * 300 / 50, "{look:?}: {far} pixels are far from each other");
    }
}

#[test]
fn a_picture_lies_as_it_is_turned_and_mirrored() {
    let frame = quarters();
    for (look, corners) in [
        (Look::default(), [40, 90, 140, 190]),
        (Look { mirrored: true, ..Look::default() }, [90, 40, 190, 140]),
        (Look { turn: Turn::Quarter, ..Look::default() }, [140, 40, 190, 90]),
        (Look { turn: Turn::Half, ..Look::default() }, [190, 140, 90, 40]),
        (Look { turn: Turn::ThreeQuarters, ..Look::default() }, [90, 190, 40, 140]),
        (Look { turn: Turn::Quarter, mirrored: true, ..Look::default() }, [40, 140, 90, 190]),
    ] {
        let Some(easel) = Easel::new(Kind::Desktop) else { return };
        let drawn = drawn(easel, &Painting::new(), &frame, look, [200.0, 200.0]);
        let got = [(60, 60), (140, 60), (60, 140), (140, 140)].map(|(x, y)| drawn.get_pixel(x, y)[0]);
        let wanted = corners.map(|luma: u8| ((f32::from(luma) - 16.0) * 255.0 / 219.0).round() as u8);
        let is_right = got.iter().zip(wanted).all(|(&got, wanted)| got.abs_diff(wanted) <= 2);
        assert!(is_right, "{look:?}: {got:?}, not {wanted:?}");
    }
}

#[test]
fn what_the_picture_leaves_free_and_its_corners_show_the_ground() {
    let Some(easel) = Easel::new(Kind::Desktop) else { return };
    let look = Look { corner: 16.0, ..Look::default() };
    let drawn = drawn(easel, &Painting::new(), &flat(Size::HD, (235, 128, 128)), look, [320.0, 320.0]);
    let ground = [GROUND.r(), GROUND.g(), GROUND.b(), 255];
    // It is 180 high and lies from 70 to 250.
    for (x, y) in [(160, 60), (160, 260), (1, 71), (318, 71), (1, 248), (318, 248)] {
        assert_eq!(drawn.get_pixel(x, y).0, ground, "at {x}, {y}");
    }
    for (x, y) in [(160, 72), (160, 247), (1, 160), (318, 160), (8, 78)] {
        assert_eq!(drawn.get_pixel(x, y).0, [255; 4], "at {x}, {y}");
    }
}

#[test]
fn fine_stripes_drawn_small_are_grey_and_stay_so_when_they_move() {
    let stripes = |moved: usize| {
        let mut frame = Pool::new(1).frame(Size::HD);
        frame.fill(0);
        let width = frame.size().width();
        for (index, luma) in frame.planes_mut().y.iter_mut().enumerate() {
            *luma = if (index % width + moved) % 4 < 2 { 16 } else { 235 };
        }
        frame.freeze(MediaTime(0))
    };
    for width in [160.0, 200.0, 280.0] {
        let small = |moved| {
            let size = [width, width * 9.0 / 16.0];
            Some(drawn(Easel::new(Kind::Desktop)?, &Painting::new(), &stripes(moved), Look::default(), size))
        };
        let (Some(one), Some(other)) = (small(0), small(1)) else { return };
        for pixel in one.pixels() {
            assert!((70..=185).contains(&pixel[0]), "{pixel:?} at {width}: the stripes are seen");
        }
        let moved =
            one.pixels().zip(other.pixels()).map(|(a, b)| f64::from(a[0].abs_diff(b[0]))).sum::<f64>();
        let mean = moved / one.pixels().len() as f64;
        assert!(mean < 60.0, "moved by a pixel the picture changes by {mean:.0} at {width}");
    }
}

#[test]
fn where_the_shader_is_not_understood_the_processor_draws_and_says_so() {
    let Some(easel) = Easel::new(Kind::Embedded) else { return };
    let painting = Painting::in_language(ShaderVersion::Gl140);
    let drawn = drawn(easel, &painting, &flat(Size::SMALL, (81, 90, 240)), Look::default(), [320.0, 180.0]);
    let [red, green, blue, _] = drawn.get_pixel(160, 90).0;
    assert!(red > 252 && green < 3 && blue < 3, "{red} {green} {blue}");
    match painting.how() {
        How::Processor { why } => assert!(why.contains("shader"), "{why}"),
        how @ (How::NotYet | How::GraphicsCard { .. }) => panic!("{how:?}"),
    }
}

#[test]
fn a_new_context_is_given_everything_anew() {
    let painting = Painting::new();
    let mut picture = Picture::new(&painting);
    picture.set(flat(Size::SMALL, (145, 54, 34)));
    for _ in 0..3 {
        let Some(easel) = Easel::new(Kind::Desktop) else { return };
        let drawn = shown(easel, vec2(64.0, 36.0), |painter, area| {
            picture.paint(painter, area, &Look::default());
        });
        let [red, green, blue, _] = drawn.get_pixel(32, 18).0;
        assert!(red < 3 && green > 252 && blue < 3, "{red} {green} {blue}");
    }
}

#[test]
fn a_picture_that_changes_its_size_is_drawn_at_the_new_one() {
    let Some(easel) = Easel::new(Kind::Desktop) else { return };
    let mut picture = Picture::new(&Painting::new());
    let frames =
        [(Size::HD, 40), (Size::SMALL, 120), (Size::HD, 200)].map(|(size, y)| flat(size, (y, 128, 128)));
    let mut harness = Harness::builder().with_size([64.0, 36.0]).renderer(easel).build_ui_state(
        |ui, frame: &mut Option<Frame>| {
            if let Some(frame) = frame.take() {
                picture.set(frame);
            }
            picture.paint(ui.painter(), ui.ctx().content_rect(), &Look::default());
        },
        None,
    );
    for frame in frames {
        let wanted = ((f32::from(frame.planes().y[0]) - 16.0) * 255.0 / 219.0).round() as u8;
        *harness.state_mut() = Some(frame);
        harness.step();
        let got = harness.render().unwrap().get_pixel(32, 18)[0];
        assert!(got.abs_diff(wanted) <= 2, "{got}, not {wanted}");
    }
}

#[test]
fn the_icons_look_as_they_did() {
    let Some(easel) = Easel::new(Kind::Desktop) else { return };
    let drawn = shown(easel, vec2(600.0, 326.0), |painter, area| {
        painter.rect_filled(area, 0.0, Color32::WHITE);
        for (size, top, across) in [(16.0, 8.0, 24.0), (24.0, 92.0, 38.0), (48.0, 270.0, 60.0)] {
            let row = ((600.0 / across) as usize).min(Icon::ALL.len());
            for (index, icon) in Icon::ALL.iter().enumerate() {
                let at =
                    vec2((index % row) as f32 * across + 6.0, top + (index / row) as f32 * (size + 10.0));
                icon.paint(painter, Rect::from_min_size(area.min + at, Vec2::splat(size)), Color32::BLACK);
            }
        }
    });
    looks_as_it_did("icons", &drawn);
}

fn flat(size: Size, (y, u, v): (u8, u8, u8)) -> Frame {
    let mut frame = Pool::new(1).frame(size);
    let planes = frame.planes_mut();
    planes.y.fill(y);
    planes.u.fill(u);
    planes.v.fill(v);
    frame.freeze(MediaTime(0))
}

/// Four greys: upper left, upper right, lower left, lower right.
fn quarters() -> Frame {
    let size = Size::new(320, 320).unwrap();
    let mut frame = Pool::new(1).frame(size);
    frame.fill(0);
    for (index, luma) in frame.planes_mut().y.iter_mut().enumerate() {
        let (is_right, is_low) = (index % 320 >= 160, index / 320 >= 160);
        *luma = [[40, 90], [140, 190]][usize::from(is_low)][usize::from(is_right)];
    }
    frame.freeze(MediaTime(0))
}

fn drawn(
    easel: Easel,
    painting: &Painting,
    frame: &Frame,
    look: Look,
    [width, height]: [f32; 2],
) -> RgbaImage {
    let mut picture = Picture::new(painting);
    picture.set(frame.clone());
    shown(easel, vec2(width, height), |painter, area| {
        painter.rect_filled(area, 0.0, GROUND);
        picture.paint(painter, area, &look);
    })
}

fn each_in_its_row(easel: Easel, painting: &Painting, frames: &[Frame]) -> RgbaImage {
    let mut pictures: Vec<_> = frames.iter().map(|_| Picture::new(painting)).collect();
    for (picture, frame) in pictures.iter_mut().zip(frames) {
        picture.set(frame.clone());
    }
    shown(easel, vec2(100.0, 20.0 * frames.len() as f32), |painter, area| {
        for (row, picture) in pictures.iter_mut().enumerate() {
            let corner = area.min + vec2(0.0, 20.0 * row as f32);
            let look = Look { fit: Fit::Filled, ..Look::default() };
            picture.paint(painter, Rect::from_min_size(corner, vec2(100.0, 20.0)), &look);
        }
    })
}

/// What that draws, twice: what did not go at first is tried again.
fn shown(easel: Easel, size: Vec2, mut draw: impl FnMut(&egui::Painter, Rect)) -> RgbaImage {
    let mut harness = Harness::builder().with_size(size).renderer(easel).build_ui(|ui| {
        let area = Rect::from_min_size(pos2(0.0, 0.0), size);
        draw(&ui.painter().with_clip_rect(area), area);
    });
    harness.render().unwrap();
    harness.step();
    harness.render().unwrap()
}

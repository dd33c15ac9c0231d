//! Pages as pictures, and whether they still look as they did.
//!
//! `tests/ui/pictures/NAME.png` is how a page shall look. It is compared at reduced detail: both pictures are cut into squares
//! of 8 pixels, and the mean colours of these are held against each other. Two versions of Mesa differ in single pixels
//! along edges, which moves no mean by more than a few steps; a word, a button or a colour that is another moves many.
//! `SIGHTLINE_NEW_PICTURES=1 cargo test ui` draws them anew: look at them before you commit them. What differs is left
//! in the build's folder for temporary files.

use std::{
    fs,
    io::Cursor,
    path::{Path, PathBuf},
};

use egui::Ui;
use egui_kittest::Harness;
use image::{
    DynamicImage, ExtendedColorType, ImageEncoder as _, RgbaImage,
    codecs::png::{CompressionType, FilterType, PngEncoder},
};
use sightline::{
    logic::desk::Snapshot,
    ui::{
        scene::{Loudness, Scene},
        shell::{Page, Shell},
        theme,
    },
};

use super::easel::{Easel, Kind};

/// The side of a square, in pixels.
const SQUARE: u32 = 8;
/// A channel of a square's mean may be another by so much, of 255.
const TOLERANCE: f32 = 10.0;
/// So many of a thousand squares may be another nevertheless.
const STRAY_PER_MILLE: usize = 2;
/// A picture that is kept is not longer: there are many, and each stays in the history for ever.
const LONGEST_BYTES: usize = 60_000;

/// How a page looks in a window of that size in points; nothing where nothing can be drawn, which was said aloud.
pub(super) fn picture_of(snapshot: &Snapshot, page: Page, size: [f32; 2], scale: f32) -> Option<RgbaImage> {
    let mut shell = Shell::default();
    shell.page = page;
    drawn(snapshot, size, scale, |ui, scene| shell.show(ui, scene))
}

/// The same of any part of a page.
pub(super) fn drawn(
    snapshot: &Snapshot,
    size: [f32; 2],
    scale: f32,
    mut show: impl FnMut(&mut Ui, &mut Scene<'_>),
) -> Option<RgbaImage> {
    let easel = Easel::new(Kind::Desktop)?;
    let mut harness = Harness::builder()
        .with_size(size)
        .with_pixels_per_point(scale)
        .with_max_steps(20)
        .allow_missing_glyphs()
        .with_context_setup(theme::install)
        .renderer(easel)
        .build_ui(|ui| show(ui, &mut Scene::new(snapshot, Loudness::default())));
    harness.run_ok();
    Some(harness.render().unwrap())
}

/// Fails where it does not look as it did.
pub(super) fn looks_as_it_did(name: &str, now: &RgbaImage) {
    let kept = kept(name);
    if std::env::var_os("SIGHTLINE_NEW_PICTURES").is_some() {
        let png = png(now);
        assert!(png.len() <= LONGEST_BYTES, "{name} takes {} bytes; draw less of it, or smaller", png.len());
        fs::create_dir_all(kept.parent().unwrap()).unwrap();
        fs::write(&kept, png).unwrap();
        return;
    }
    let Ok(before) = image::open(&kept) else {
        panic!("there is no {}; SIGHTLINE_NEW_PICTURES=1 draws it", kept.display());
    };
    if let Err(why) = compare(&before.into_rgba8(), now) {
        let left = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.png"));
        fs::write(&left, png(now)).unwrap();
        panic!("{name} looks different: {why}. It is drawn in {}", left.display());
    }
}

fn compare(before: &RgbaImage, now: &RgbaImage) -> Result<(), String> {
    if before.dimensions() != now.dimensions() {
        return Err(format!("it is {:?} instead of {:?}", now.dimensions(), before.dimensions()));
    }
    let (before, now) = (squares(before), squares(now));
    let differs = |(a, b): &(&[f32; 3], &[f32; 3])| a.iter().zip(*b).any(|(a, b)| (a - b).abs() > TOLERANCE);
    let other = before.iter().zip(&now).filter(differs).count();
    let allowed = before.len() * STRAY_PER_MILLE / 1000;
    if other > allowed {
        return Err(format!("{other} of {} squares are another, and {allowed} may be", before.len()));
    }
    Ok(())
}

/// The mean colours of the squares.
fn squares(picture: &RgbaImage) -> Vec<[f32; 3]> {
    let (across, down) = (picture.width().div_ceil(SQUARE), picture.height().div_ceil(SQUARE));
    let mut sums = vec![[0.0_f32; 4]; (across * down) as usize];
    for (x, y, pixel) in picture.enumerate_pixels() {
        let sum = &mut sums[(y / SQUARE * across + x / SQUARE) as usize];
        for (sum, channel) in sum.iter_mut().zip([pixel[0], pixel[1], pixel[2], 1]) {
            *sum += f32::from(channel);
        }
    }
    sums.into_iter().map(|[red, green, blue, count]| [red / count, green / count, blue / count]).collect()
}

fn png(picture: &RgbaImage) -> Vec<u8> {
    let rgb = DynamicImage::from(picture.clone()).into_rgb8();
    let mut bytes = Cursor::new(Vec::new());
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Best, FilterType::Adaptive)
        .write_image(&rgb, rgb.width(), rgb.height(), ExtendedColorType::Rgb8)
        .unwrap();
    bytes.into_inner()
}

fn kept(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui/pictures").join(format!("{name}.png"))
}

#[test]
fn a_page_is_drawn_at_its_size_and_scale() {
    for (scale, size) in [(1.0, (480, 640)), (2.0, (960, 1280))] {
        let Some(page) = picture_of(&Snapshot::default(), Page::Help, [480.0, 640.0], scale) else { return };
        assert_eq!(page.dimensions(), size);
        let ground = page.get_pixel(0, 0);
        let drawn = page.pixels().filter(|pixel| *pixel != ground).count();
        assert!(drawn > 500, "{drawn} pixels are no page");
    }
}

#[test]
fn a_soft_edge_is_forgiven_and_a_changed_word_is_not() {
    let ground = RgbaImage::from_pixel(320, 200, [240, 240, 240, 255].into());
    let mut soft = ground.clone();
    for x in 0..320 {
        soft.put_pixel(x, 60, [200, 200, 200, 255].into());
    }
    assert_eq!(compare(&ground, &soft), Ok(()));
    let mut word = ground.clone();
    for (x, y) in (40..100).flat_map(|x| (100..114).map(move |y| (x, y))) {
        if x % 3 != 0 {
            word.put_pixel(x, y, [20, 20, 20, 255].into());
        }
    }
    assert!(compare(&ground, &word).unwrap_err().contains("squares"));
    let smaller = RgbaImage::new(10, 10);
    assert!(compare(&ground, &smaller).unwrap_err().contains("instead of"));
}

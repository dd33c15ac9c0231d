//! The icon in files is the one that the program draws.
//!
//! After a change of `media/emblem.rs`, `SIGHTLINE_WRITE_ICONS=1 cargo test icons` writes the files anew.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use sightline::media::emblem::{Standing, rgba};

use crate::support::skipping::skipped;

const SIZES: [u16; 3] = [48, 128, 256];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/icons")
}

#[test]
fn the_icons_in_files_are_the_one_that_the_program_draws() {
    for size in SIZES {
        let file = folder().join(format!("sightline-{size}.png"));
        let drawn = image::RgbaImage::from_raw(size.into(), size.into(), rgba(size, Standing::Idle)).unwrap();
        if std::env::var_os("SIGHTLINE_WRITE_ICONS").is_some() {
            drawn.save(&file).unwrap();
        }
        let there = image::open(&file).unwrap().to_rgba8();
        assert!(there == drawn, "{} is not what the program draws", file.display());
    }
}

#[test]
fn the_icon_that_scales_is_the_one_that_the_program_draws() {
    let out = tempfile::tempdir().unwrap();
    let png = out.path().join("icon.png");
    let mut command = Command::new("rsvg-convert");
    command.arg(folder().join("sightline.svg")).arg("--output").arg(&png);
    if command.status().is_err() {
        return skipped("rsvg-convert", "librsvg2-bin");
    }
    let scaled = image::open(&png).unwrap().to_rgba8();
    let drawn = rgba(128, Standing::Idle);
    assert_eq!(scaled.len(), drawn.len());
    let differs = |(one, other): (&[u8], &[u8])| {
        // What nobody sees may have any colour.
        let seen = |pixel: &[u8]| [0, 1, 2].map(|i| i32::from(pixel[i]) * i32::from(pixel[3]) / 255);
        let (one, other) = (seen(one), seen(other));
        (0..3).any(|i| (one[i] - other[i]).abs() > 60)
    };
    let pixels = scaled.chunks_exact(4).zip(drawn.chunks_exact(4)).filter(|pair| differs(*pair)).count();
    assert!(pixels < 100, "{pixels} pixels of {} differ", 128 * 128);
    fs::remove_file(png).unwrap();
}

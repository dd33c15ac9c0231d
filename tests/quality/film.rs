//! What everybody sends: the test picture with the grain of a camera, there and back again so that it has no cut, and the
//! test sound.

use std::{
    fs,
    path::{Path, PathBuf},
};

use sightline::{
    logic::units::MediaTime,
    media::{
        frame::{Frame, Size},
        pattern::Pattern,
        pool::Pool,
        tone,
        y4m::Y4mWriter,
    },
};

pub(crate) const FPS: u32 = 30;
/// One way; the film is twice as long.
const PICTURES: u32 = 120;
/// A whole number of the four chirps' rounds, so that they go on in order when it begins anew.
const SOUND_SECONDS: usize = 8;
/// How far the grain lies from the picture at most, in luma.
const GRAIN: u8 = 2;

pub(crate) struct Film {
    pub(crate) pictures: PathBuf,
    /// From a whole second on.
    pub(crate) sound: Vec<f32>,
    pub(crate) size: Size,
}

impl Film {
    /// Among what cargo builds; made once.
    pub(crate) fn here() -> Self {
        Self::of(Size::HD, "hd")
    }

    /// The same, small.
    pub(crate) fn small() -> Self {
        Self::of(Size::SMALL, "small")
    }

    fn of(size: Size, name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("quality");
        fs::create_dir_all(&folder).unwrap();
        let mut sound = vec![0.0; SOUND_SECONDS * 48_000];
        tone::generate(MediaTime(0), &mut sound);
        let film = Self { pictures: folder.join(format!("{name}.y4m")), sound, size };
        if !film.pictures.exists() {
            // Under another name until it is complete.
            let under_way = folder.join(format!("{name}.part"));
            let mut writer = Y4mWriter::create(&under_way, size, FPS).unwrap();
            let mut camera = Camera::new(size);
            for number in (0..PICTURES).chain((0..PICTURES).rev()) {
                writer.write(&camera.take(number)).unwrap();
            }
            drop(writer);
            fs::rename(under_way, &film.pictures).unwrap();
        }
        film
    }
}

struct Camera {
    pattern: Pattern,
    pool: Pool,
    noise: u32,
}

impl Camera {
    fn new(size: Size) -> Self {
        let pool = Pool::new(2);
        Self { pattern: Pattern::new(size, pool.clone()), pool, noise: 1 }
    }

    fn take(&mut self, number: u32) -> Frame {
        let clean = self.pattern.render(number, MediaTime(0));
        let mut frame = self.pool.frame(clean.size());
        frame.i420_mut().copy_from_slice(clean.i420());
        for luma in frame.planes_mut().y {
            // Xorshift: cheap, and the same everywhere.
            self.noise ^= self.noise << 13;
            self.noise ^= self.noise >> 17;
            self.noise ^= self.noise << 5;
            let grain = (self.noise >> 24) as u8 % (2 * GRAIN + 1);
            *luma = luma.saturating_add(grain).saturating_sub(GRAIN);
        }
        frame.freeze(MediaTime(0))
    }
}

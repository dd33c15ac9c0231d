//! Cameras that are none, for the real code that asks the system for them: a library that is loaded before all others (see
//! `camera-stand-in/stand-in.c`) answers in the driver's place.
//!
//! A library can only be loaded before a process begins, so a test that needs it runs itself again in another process.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use sightline::{
    logic::units::MediaTime,
    media::{
        convert,
        frame::{Frame, Size},
        pattern::Pattern,
        pool::Pool,
    },
};
use tempfile::TempDir;
use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

use super::skipping::skipped;

const FOLDER: &str = "CAMERA_STAND_IN";

/// The cameras of this process, or of programs that it starts.
pub(crate) struct Cameras {
    folder: PathBuf,
    /// What is to be loaded by programs, in a folder that goes with it.
    library: Option<(PathBuf, TempDir)>,
}

impl Cameras {
    /// Those of the other process, and nothing in the first one, whose test has passed when this returns. `test` is its
    /// whole name.
    pub(crate) fn within(test: &str) -> Option<Self> {
        if let Some(folder) = env::var_os(FOLDER) {
            return Some(Self { folder: folder.into(), library: None });
        }
        let mut again = Command::new(env::current_exe().unwrap());
        let cameras = Self::for_programs()?;
        cameras.load_into(&mut again);
        let again = again.args([test, "--exact", "--nocapture"]).output().unwrap();
        let said = String::from_utf8_lossy(&again.stdout);
        assert!(
            again.status.success() && said.contains("1 passed"),
            "{said}\n{}",
            String::from_utf8_lossy(&again.stderr)
        );
        None
    }

    /// Those of programs that are told so.
    pub(crate) fn for_programs() -> Option<Self> {
        let home = tempfile::tempdir().unwrap();
        let Some(library) = compiled(home.path()) else {
            skipped("cc", "gcc");
            return None;
        };
        let folder = home.path().join("dev");
        fs::create_dir_all(folder.join("lit")).unwrap();
        Some(Self { folder, library: Some((library, home)) })
    }

    /// That program will have these cameras.
    pub(crate) fn load_into(&self, program: &mut Command) {
        let (library, _) = self.library.as_ref().expect("made for programs");
        program.env("LD_PRELOAD", library).env(FOLDER, &self.folder);
    }

    /// Plugs a camera in, or makes it another one.
    pub(crate) fn plug(&self, node: u32, camera: &Camera) {
        let Camera { name, kind, format, size, fps, padding, state, frames } = camera;
        let says = format!(
            "name {name}\nbus usb-{name}\nkind {kind}\nformat {format}\nsize {size}\nfps {fps}\npadding {padding}\n\
             state {state}\nframes {}\n",
            frames.as_deref().unwrap_or(Path::new("none")).display()
        );
        // In one step: whoever reads it meanwhile reads the one or the other.
        let written = self.folder.join(format!("{node}.new"));
        fs::write(&written, says).unwrap();
        fs::rename(written, self.node(node)).unwrap();
    }

    pub(crate) fn unplug(&self, node: u32) {
        fs::remove_file(self.node(node)).unwrap();
    }

    /// Whether its light is on.
    pub(crate) fn is_lit(&self, node: u32) -> bool {
        self.folder.join(format!("lit/video{node}")).exists()
    }

    fn node(&self, node: u32) -> PathBuf {
        self.folder.join(format!("video{node}"))
    }

    /// A film for cameras: these pictures, over and over.
    pub(crate) fn film(&self, name: &str, pictures: impl IntoIterator<Item = Vec<u8>>) -> PathBuf {
        let path = self.folder.join("lit").join(name);
        let film: Vec<u8> = pictures
            .into_iter()
            .flat_map(|picture| [&u32::try_from(picture.len()).unwrap().to_le_bytes()[..], &picture].concat())
            .collect();
        fs::write(&path, film).unwrap();
        path
    }
}

fn compiled(folder: &Path) -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/camera-stand-in/stand-in.c");
    let library = folder.join("stand-in.so");
    let done = Command::new("cc")
        .args(["-O1", "-shared", "-fPIC", "-pthread", "-o"])
        .arg(&library)
        .arg(source)
        .arg("-ldl")
        .status()
        .ok()?;
    assert!(done.success(), "the stand-in for cameras cannot be compiled");
    Some(library)
}

/// What a camera is.
#[derive(Clone)]
pub(crate) struct Camera {
    pub(crate) name: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) format: &'static str,
    pub(crate) size: Size,
    pub(crate) fps: u32,
    pub(crate) padding: u32,
    pub(crate) state: &'static str,
    pub(crate) frames: Option<PathBuf>,
}

impl Camera {
    pub(crate) fn new(name: &'static str, format: &'static str, size: Size, frames: &Path) -> Self {
        let frames = Some(frames.to_owned());
        Self { name, kind: "capture", format, size, fps: 30, padding: 0, state: "fine", frames }
    }
}

/// Pictures that say their number.
pub(crate) fn numbered(size: Size, numbers: std::ops::Range<u32>) -> Vec<Frame> {
    let pattern = Pattern::new(size, Pool::default());
    numbers.map(|number| pattern.render(number, MediaTime(0))).collect()
}

pub(crate) fn as_yuyv(frame: &Frame) -> Vec<u8> {
    let (planes, width) = (frame.planes(), frame.size().width());
    let rows = planes.y.chunks_exact(width).enumerate();
    rows.flat_map(|(row, luma)| {
        let chroma = row / 2 * width / 2..(row / 2 + 1) * width / 2;
        let (u, v) = (&planes.u[chroma.clone()], &planes.v[chroma]);
        luma.chunks_exact(2).zip(u).zip(v).flat_map(|((y, u), v)| [y[0], *u, y[1], *v]).collect::<Vec<_>>()
    })
    .collect()
}

/// With rubbish behind each row.
pub(crate) fn as_nv12(frame: &Frame, padding: usize) -> Vec<u8> {
    let (planes, width) = (frame.planes(), frame.size().width());
    let chroma: Vec<u8> = planes.u.iter().zip(planes.v).flat_map(|(u, v)| [*u, *v]).collect();
    let rows = planes.y.chunks_exact(width).chain(chroma.chunks_exact(width));
    rows.flat_map(|row| [row, &vec![0xEE; padding]].concat()).collect()
}

pub(crate) fn as_jpeg(frame: &Frame) -> Vec<u8> {
    let mut rgba = Vec::new();
    convert::to_rgba(frame, &mut rgba);
    let (width, height) = (frame.size().width(), frame.size().height());
    let image = Image { pixels: &rgba[..], width, pitch: width * 4, height, format: PixelFormat::RGBA };
    let mut compressor = Compressor::new().unwrap();
    compressor.set_subsamp(Subsamp::Sub2x1).unwrap();
    compressor.set_quality(90).unwrap();
    compressor.compress_to_vec(image).unwrap()
}

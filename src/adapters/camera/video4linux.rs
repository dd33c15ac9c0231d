//! Linux's cameras, by way of the `v4l` crate.
//!
//! A camera has several nodes: one gives pictures, another only notes about them, and is left out. Numbers of nodes change
//! with every plug; a camera is known by its bus and its name.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fs, io,
    os::unix::fs::MetadataExt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use v4l::{
    Device as Node, Format, FourCC, Fraction,
    buffer::{Flags as BufferFlags, Type},
    capability::Flags,
    frameinterval::FrameIntervalEnum,
    framesize::FrameSizeEnum,
    io::traits::CaptureStream,
    prelude::MmapStream,
    video::{Capture, capture::Parameters},
};

use crate::{
    logic::{
        camera_modes::{self, Interval, Mode, PixelFormat, Wanted},
        devices::{Cause, Device, DeviceId, DeviceKind, tell_apart},
    },
    media::frame::Size,
};

use super::{Driver, Lens, Raw};

/// How long a picture is waited for before somebody may ask whether it is still wanted. A camera that gives fewer than two
/// a second loses every other one by it.
const WAIT: Duration = Duration::from_millis(500);
/// Pictures that the driver may have in hand.
const BUFFERS: u32 = 4;

/// The way to them.
#[derive(Debug, Default)]
pub struct Video4Linux {
    /// What each node turned out to be, so that a camera is not opened every second to be asked.
    known: Mutex<BTreeMap<u32, Known>>,
}

#[derive(Clone, Debug)]
struct Known {
    /// Another one with the same number is another camera.
    made: Option<(u64, i64, i64)>,
    camera: Option<Camera>,
}

#[derive(Clone, Debug)]
struct Camera {
    id: String,
    name: String,
    has_colours: bool,
}

impl Video4Linux {
    /// Each with the number of its node. The first with colours is the usual one.
    fn cameras(&self) -> Vec<(u32, Device)> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let nodes = nodes();
        known.retain(|node, _| nodes.contains(node));
        let mut cameras = Vec::new();
        for node in nodes {
            let made = made(node);
            let is_known = known.get(&node).is_some_and(|known| made.is_some() && known.made == made);
            if !is_known {
                known.remove(&node);
                match ask(node) {
                    Ok(Asked { camera, changes: false }) => drop(known.insert(node, Known { made, camera })),
                    Ok(Asked { camera, changes: true }) => {
                        cameras.extend(camera.map(|camera| (node, camera)));
                    }
                    Err(error) if is_gone(&error) => {}
                    // It is there, and will be asked again; whoever wants it meanwhile hears why not.
                    Err(_) => cameras.push((node, unasked(node))),
                }
            }
            cameras
                .extend(known.get(&node).and_then(|known| known.camera.clone()).map(|camera| (node, camera)));
        }
        as_devices(cameras)
    }
}

impl Driver for Video4Linux {
    fn list(&self) -> Vec<Device> {
        self.cameras().into_iter().map(|(_, device)| device).collect()
    }

    fn open(&self, id: &DeviceId, wanted: Wanted) -> Result<Box<dyn Lens>, Cause> {
        let cameras = self.cameras();
        let (number, _) = cameras.iter().find(|(_, device)| device.id == *id).ok_or(Cause::Unplugged)?;
        let node = Node::new(*number as usize).map_err(|error| cause(&error))?;
        let mode = camera_modes::best(&modes(&node, wanted), wanted)
            .ok_or_else(|| Cause::Broken("it offers no format that Sightline knows".to_owned()))?;
        let format = Format::new(mode.width, mode.height, four_letters(mode.format));
        let given = node.set_format(&format).map_err(|error| cause(&error))?;
        let size = Size::new(given.width, given.height).map_err(|error| Cause::Broken(error.to_string()))?;
        if pixel_format(given.fourcc) != Some(mode.format) {
            return Err(Cause::Broken(format!("it offers {}, but gives {}", format.fourcc, given.fourcc)));
        }
        let interval = Fraction::new(mode.interval.numerator, mode.interval.denominator);
        // Some have one rate and cannot be told.
        let interval =
            node.set_params(&Parameters::new(interval)).map_or(interval, |parameters| parameters.interval);
        let mut stream =
            MmapStream::with_buffers(&node, Type::VideoCapture, BUFFERS).map_err(|error| cause(&error))?;
        stream.set_timeout(WAIT);
        let interval = Interval { numerator: interval.numerator, denominator: interval.denominator };
        let mode = Mode { width: given.width, height: given.height, interval, ..mode };
        Ok(Box::new(Open { stream, mode, size, stride: given.stride as usize, owed: false }))
    }
}

struct Open {
    stream: MmapStream<'static>,
    mode: Mode,
    size: Size,
    stride: usize,
    /// The last wait ended without a picture, and the crate has given all buffers to the driver.
    owed: bool,
}

impl Lens for Open {
    fn mode(&self) -> Mode {
        self.mode
    }

    fn next(&mut self) -> Result<Option<Raw<'_>>, Cause> {
        if self.owed {
            // The crate would give the driver a buffer that it has. So the first picture after a wait is lost.
            match CaptureStream::dequeue(&mut self.stream) {
                Ok(_) => self.owed = false,
                Err(error) if is_wait(&error) => return Ok(None),
                Err(error) => return Err(cause(&error)),
            }
        }
        match CaptureStream::next(&mut self.stream) {
            Ok((_, about)) if about.flags.contains(BufferFlags::ERROR) || about.bytesused == 0 => Ok(None),
            Ok((bytes, about)) => {
                // Behind it is what an earlier, longer one left.
                let used = bytes.len().min(about.bytesused as usize);
                Ok(Some(Raw { bytes: Cow::Borrowed(&bytes[..used]), stride: self.stride, size: self.size }))
            }
            Err(error) if is_wait(&error) => {
                self.owed = true;
                Ok(None)
            }
            Err(error) => Err(cause(&error)),
        }
    }
}

fn nodes() -> BTreeSet<u32> {
    let named = |entry: fs::DirEntry| entry.file_name().to_str()?.strip_prefix("video")?.parse().ok();
    fs::read_dir("/dev").into_iter().flatten().flatten().filter_map(named).collect()
}

fn made(node: u32) -> Option<(u64, i64, i64)> {
    let file = fs::metadata(format!("/dev/video{node}")).ok()?;
    Some((file.ino(), file.ctime(), file.ctime_nsec()))
}

/// What a node turned out to be.
struct Asked {
    /// Nothing where it gives no pictures.
    camera: Option<Camera>,
    /// It may be another thing soon, without being made anew.
    changes: bool,
}

/// Pictures that another program writes. It is a camera only as long as that program runs.
const LOOPBACK: &str = "v4l2 loopback";

fn ask(node: u32) -> io::Result<Asked> {
    let device = Node::new(node as usize)?;
    let can = device.query_caps()?;
    let wanted = Flags::VIDEO_CAPTURE | Flags::STREAMING;
    let formats: Vec<_> =
        device.enum_formats()?.iter().filter_map(|format| pixel_format(format.fourcc)).collect();
    let is_camera = can.capabilities.contains(wanted)
        && !can.capabilities.contains(Flags::VIDEO_M2M)
        && !formats.is_empty();
    let camera = is_camera.then(|| Camera {
        id: format!("{}/{}", can.bus, can.card),
        name: can.card,
        has_colours: formats.iter().any(|format| *format != PixelFormat::Grey),
    });
    Ok(Asked { camera, changes: can.driver == LOOPBACK })
}

fn unasked(node: u32) -> Camera {
    let name = fs::read_to_string(format!("/sys/class/video4linux/video{node}/name")).unwrap_or_default();
    let name = name.trim();
    let name = if name.is_empty() { format!("video{node}") } else { name.to_owned() };
    Camera { id: format!("/dev/video{node}"), name, has_colours: false }
}

/// Two of the same name are told apart; two of the same bus and name (nodes of one camera) by their order.
fn as_devices(cameras: Vec<(u32, Camera)>) -> Vec<(u32, Device)> {
    let usual = cameras.iter().position(|(_, camera)| camera.has_colours).unwrap_or(0);
    let mut ids = BTreeMap::<String, u32>::new();
    let mut devices: Vec<_> = cameras
        .into_iter()
        .enumerate()
        .map(|(at, (node, camera))| {
            let count = ids.entry(camera.id.clone()).or_insert(0);
            *count += 1;
            let id = if *count == 1 { camera.id } else { format!("{}#{count}", camera.id) };
            let id = DeviceId::new(id);
            (node, Device { kind: DeviceKind::Camera, id, name: camera.name, is_default: at == usual })
        })
        .collect();
    tell_apart(devices.iter_mut().map(|(_, device)| device));
    devices
}

/// All modes; where a camera takes any size or rate, those nearest to what is wanted.
fn modes(node: &Node, wanted: Wanted) -> Vec<Mode> {
    let mut modes = Vec::new();
    for fourcc in node.enum_formats().unwrap_or_default().iter().map(|format| format.fourcc) {
        let Some(format) = pixel_format(fourcc) else { continue };
        for size in node.enum_framesizes(fourcc).unwrap_or_default() {
            let (width, height) = match size.size {
                FrameSizeEnum::Discrete(size) => (size.width, size.height),
                FrameSizeEnum::Stepwise(size) => (
                    stepped(wanted.width, size.min_width, size.max_width, size.step_width),
                    stepped(wanted.height, size.min_height, size.max_height, size.step_height),
                ),
            };
            if Size::new(width, height).is_err() {
                continue;
            }
            let intervals = intervals(node, fourcc, (width, height), wanted);
            modes.extend(intervals.into_iter().map(|interval| Mode { format, width, height, interval }));
        }
    }
    modes
}

fn stepped(wanted: u32, least: u32, most: u32, step: u32) -> u32 {
    let step = step.max(1);
    let within = wanted.clamp(least, most.max(least));
    least + (within - least) / step * step
}

fn intervals(node: &Node, fourcc: FourCC, (width, height): (u32, u32), wanted: Wanted) -> Vec<Interval> {
    let of =
        |fraction: &Fraction| Interval { numerator: fraction.numerator, denominator: fraction.denominator };
    let listed: Vec<_> = node
        .enum_frameintervals(fourcc, width, height)
        .unwrap_or_default()
        .iter()
        .map(|listed| match &listed.interval {
            FrameIntervalEnum::Discrete(fraction) => of(fraction),
            FrameIntervalEnum::Stepwise(range) => {
                let (slowest, fastest) = (of(&range.max), of(&range.min));
                let fps = f64::from(wanted.fps);
                if fps > fastest.fps() {
                    fastest
                } else if fps < slowest.fps() {
                    slowest
                } else {
                    Interval::of_fps(wanted.fps)
                }
            }
        })
        .collect();
    // One that names no rates has one, and does not say which.
    if listed.is_empty() { vec![Interval::of_fps(wanted.fps)] } else { listed }
}

fn pixel_format(fourcc: FourCC) -> Option<PixelFormat> {
    match &fourcc.repr {
        b"NV12" => Some(PixelFormat::Nv12),
        b"YUYV" => Some(PixelFormat::Yuyv),
        b"MJPG" => Some(PixelFormat::Mjpeg),
        b"GREY" => Some(PixelFormat::Grey),
        _ => None,
    }
}

fn four_letters(format: PixelFormat) -> FourCC {
    FourCC::new(match format {
        PixelFormat::Nv12 => b"NV12",
        PixelFormat::Yuyv => b"YUYV",
        PixelFormat::Mjpeg => b"MJPG",
        PixelFormat::Grey => b"GREY",
    })
}

fn is_wait(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

const NO_SUCH_FILE: i32 = 2;
const NO_SUCH_ADDRESS: i32 = 6;
const NO_SUCH_DEVICE: i32 = 19;

fn is_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(NO_SUCH_FILE | NO_SUCH_ADDRESS | NO_SUCH_DEVICE))
}

fn cause(error: &io::Error) -> Cause {
    // What is opened was on the list a moment ago.
    if is_gone(error) {
        return Cause::Unplugged;
    }
    #[expect(clippy::wildcard_enum_match_arm, reason = "the list is the system's")]
    match error.kind() {
        io::ErrorKind::PermissionDenied => Cause::Forbidden,
        io::ErrorKind::ResourceBusy => Cause::Busy,
        _ => Cause::Broken(error.to_string()),
    }
}

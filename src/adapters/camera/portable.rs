//! Cameras by way of `nokhwa`, which knows those of Windows and of macOS.
//!
//! Its errors are sentences, in which the system's number has to be found. It tells neither how long a row is nor how much
//! of a buffer a picture takes, so the first is guessed from the buffer, and JPEG finds its own end.

use std::sync::Once;

use nokhwa::{
    Camera, NokhwaError,
    utils::{
        ApiBackend, CameraFormat, CameraIndex, CameraInfo, FrameFormat, RequestedFormat, RequestedFormatType,
    },
};

use crate::{
    logic::{
        camera_modes::{self, Interval, Mode, PixelFormat, Wanted},
        devices::{Cause, Device, DeviceId, DeviceKind},
    },
    media::frame::Size,
};

use super::{Driver, Lens, Raw};

const FORMATS: [FrameFormat; 4] =
    [FrameFormat::NV12, FrameFormat::YUYV, FrameFormat::MJPEG, FrameFormat::GRAY];

/// Buffers come in whole pages; less than that behind the last row says nothing about rows.
const PAGE: usize = 4096;

/// The way to them.
#[derive(Debug, Default)]
pub struct Portable;

impl Driver for Portable {
    fn list(&self) -> Vec<Device> {
        listed().iter().enumerate().map(|(at, info)| as_device(at, info)).collect()
    }

    fn open(&self, id: &DeviceId, wanted: Wanted) -> Result<Box<dyn Lens>, Cause> {
        let infos = listed();
        let info = infos
            .iter()
            .enumerate()
            .find(|(at, info)| as_device(*at, info).id == *id)
            .map(|(_, info)| info)
            .ok_or(Cause::Unplugged)?;
        Self::open_at(info.index().clone(), wanted)
    }
}

impl Portable {
    /// Opens the one that the system counts as that one.
    pub fn open_at(index: CameraIndex, wanted: Wanted) -> Result<Box<dyn Lens>, Cause> {
        if !nokhwa::nokhwa_check() {
            return Err(Cause::Forbidden);
        }
        let any = RequestedFormat::with_formats(RequestedFormatType::None, &FORMATS);
        let mut camera = Camera::new(index, any).map_err(|error| cause(&error))?;
        let modes: Vec<_> = camera
            .compatible_camera_formats()
            .map_err(|error| cause(&error))?
            .into_iter()
            .filter_map(as_mode)
            .collect();
        let mode = camera_modes::best(&modes, wanted)
            .ok_or_else(|| Cause::Broken("it offers no format that Sightline knows".to_owned()))?;
        let format = CameraFormat::new_from(
            mode.width,
            mode.height,
            frame_format(mode.format),
            mode.interval.denominator,
        );
        let exact = RequestedFormat::with_formats(RequestedFormatType::Exact(format), &FORMATS);
        camera.set_camera_requset(exact).map_err(|error| cause(&error))?;
        camera.open_stream().map_err(|error| cause(&error))?;
        let size = Size::new(mode.width, mode.height).map_err(|error| Cause::Broken(error.to_string()))?;
        Ok(Box::new(Open { camera, mode, size }))
    }
}

struct Open {
    camera: Camera,
    mode: Mode,
    size: Size,
}

impl Lens for Open {
    fn mode(&self) -> Mode {
        self.mode
    }

    fn next(&mut self) -> Result<Option<Raw<'_>>, Cause> {
        let bytes = self.camera.frame_raw().map_err(|error| cause(&error))?;
        let (row, rows) = match self.mode.format {
            PixelFormat::Mjpeg => (0, 0),
            PixelFormat::Yuyv => (self.size.width() * 2, self.size.height()),
            PixelFormat::Nv12 => (self.size.width(), self.size.height() * 3 / 2),
            PixelFormat::Grey => (self.size.width(), self.size.height()),
        };
        Ok(Some(Raw { stride: stride_of(bytes.len(), row, rows), bytes, size: self.size }))
    }
}

fn stride_of(len: usize, row: usize, rows: usize) -> usize {
    if rows == 0 || len < row * rows + PAGE { row } else { (len / rows) & !15 }
}

/// macOS asks its user once whether the program may; the answer counts from then on.
fn listed() -> Vec<CameraInfo> {
    static ASKED: Once = Once::new();
    ASKED.call_once(|| nokhwa::nokhwa_initialize(|_| {}));
    nokhwa::query(ApiBackend::Auto).unwrap_or_else(|error| {
        tracing::debug!(%error, "cameras cannot be listed");
        Vec::new()
    })
}

/// The first of the list is the usual one; neither system says which it prefers.
fn as_device(at: usize, info: &CameraInfo) -> Device {
    let (name, misc) = (info.human_name(), info.misc());
    let id = if misc.is_empty() { format!("{name}#{}", info.index()) } else { misc };
    Device { kind: DeviceKind::Camera, id: DeviceId::new(id), name, is_default: at == 0 }
}

fn as_mode(format: CameraFormat) -> Option<Mode> {
    Size::new(format.width(), format.height()).ok()?;
    let pixels = match format.format() {
        FrameFormat::NV12 => PixelFormat::Nv12,
        FrameFormat::YUYV => PixelFormat::Yuyv,
        FrameFormat::MJPEG => PixelFormat::Mjpeg,
        FrameFormat::GRAY => PixelFormat::Grey,
        FrameFormat::RAWRGB | FrameFormat::RAWBGR => return None,
    };
    let interval = Interval::of_fps(format.frame_rate());
    Some(Mode { format: pixels, width: format.width(), height: format.height(), interval })
}

fn frame_format(format: PixelFormat) -> FrameFormat {
    match format {
        PixelFormat::Nv12 => FrameFormat::NV12,
        PixelFormat::Yuyv => FrameFormat::YUYV,
        PixelFormat::Mjpeg => FrameFormat::MJPEG,
        PixelFormat::Grey => FrameFormat::GRAY,
    }
}

fn cause(error: &NokhwaError) -> Cause {
    let words = error.to_string();
    let says = |hints: &[&str]| hints.iter().any(|hint| words.contains(hint));
    if says(&["os error 13)", "ermission denied", "ccess is denied", "0x80070005"]) {
        Cause::Forbidden
    } else if says(&["os error 16)", "busy", "in use", "0xC00D3704", "0x800700AA"]) {
        Cause::Busy
    } else if says(&["os error 2)", "os error 6)", "os error 19)", "0xC00D3EA2"]) {
        Cause::Unplugged
    } else {
        Cause::Broken(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_number_is_found_in_a_sentence() {
        let open = |why: &str| cause(&NokhwaError::OpenDeviceError("0".to_owned(), why.to_owned()));
        assert_eq!(open("V4L2 Error: Permission denied (os error 13)"), Cause::Forbidden);
        assert_eq!(open("V4L2 Error: Device or resource busy (os error 16)"), Cause::Busy);
        assert_eq!(open("V4L2 Error: No such device (os error 19)"), Cause::Unplugged);
        assert!(matches!(open("V4L2 Error: Input/output error (os error 5)"), Cause::Broken(_)));
    }

    #[test]
    fn a_row_is_guessed_from_a_buffer_that_is_clearly_longer() {
        assert_eq!(stride_of(1280 * 2 * 720, 2560, 720), 2560);
        assert_eq!(stride_of(1280 * 2 * 720 + 4095, 2560, 720), 2560);
        assert_eq!(stride_of(2624 * 720, 2560, 720), 2624);
        assert_eq!(stride_of(2624 * 720 + 4000, 2560, 720), 2624);
        assert_eq!(stride_of(10, 2560, 720), 2560);
        assert_eq!(stride_of(5000, 0, 0), 0);
    }
}

//! YUV4MPEG2 files: uncompressed pictures to send, and recordings of what came.
//!
//! Read: 4:2:0, 4:2:2, 4:4:4 and grey, 8 bits, any size, scaled to the one wanted. The frame rate in the file is told but
//! not obeyed; the caller has the clock. The header is checked here before the `y4m` crate sees it, because the crate
//! multiplies whatever sides it is given, and reads a file that ends within a picture as one that ends after it.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, BufWriter, Cursor, Read},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use y4m::{Colorspace, Ratio};

use crate::logic::units::MediaTime;

use super::{
    frame::{Frame, NEUTRAL, Size},
    pool::Pool,
    scale::{Plane, Scaler},
};

/// The longest first line that is read; every real one is far shorter.
pub const MAX_HEADER_LEN: u64 = 1_024;

/// No side of a picture in a file may be longer. A picture of 8192×8192 takes 200 MB at most; beyond that the file is
/// refused.
pub const MAX_SIDE: usize = 8_192;

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Y4mError {
    /// The system's reason.
    #[error("{path} cannot be {doing}: {reason}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Opened, read or written.
        doing: &'static str,
        /// In the system's words.
        reason: io::Error,
    },
    /// The first line is something else.
    #[error("{0} is not a Y4M video: it does not begin with YUV4MPEG2")]
    NotY4m(PathBuf),
    /// The first line cannot be understood.
    #[error("the first line of {path} is damaged: {what}")]
    Header {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A side of zero, or beyond [`MAX_SIDE`].
    #[error("{path} has pictures of {width}x{height}; both sides must be between 1 and {MAX_SIDE}")]
    Size {
        /// The file.
        path: PathBuf,
        /// As it says.
        width: usize,
        /// As it says.
        height: usize,
    },
    /// More than 8 bits, or a colour layout nobody uses.
    #[error("{path} has colours of the kind {kind}; only 8-bit 420, 422, 444 and mono can be used")]
    Colours {
        /// The file.
        path: PathBuf,
        /// As it says.
        kind: String,
    },
    /// The file ends within a picture.
    #[error("{path} ends in the middle of frame {frame} (the first is 0): the file is cut")]
    Cut {
        /// The file.
        path: PathBuf,
        /// Which.
        frame: u64,
    },
    /// A picture does not begin with FRAME.
    #[error("frame {frame} of {path} (the first is 0) is damaged")]
    Frame {
        /// The file.
        path: PathBuf,
        /// Which.
        frame: u64,
    },
    /// The header is whole and nothing follows.
    #[error("{0} holds no picture")]
    Empty(PathBuf),
}

/// Reads a file, picture by picture, at one size.
pub struct Y4mReader {
    path: PathBuf,
    size: Size,
    scaler: Scaler,
    decoder: y4m::Decoder<Source>,
    consumed: Arc<AtomicU64>,
    /// One grey for both chroma planes of a picture that has none.
    grey: Vec<u8>,
    next: u64,
}

type Source = Counting<io::Chain<Cursor<Vec<u8>>, BufReader<File>>>;

impl Y4mReader {
    /// Opens a file whose pictures shall be scaled to `size` and live in `pool`.
    pub fn open(path: &Path, size: Size, pool: Pool) -> Result<Self, Y4mError> {
        let (decoder, consumed) = start(path)?;
        let grey = vec![NEUTRAL; size.chroma_len()];
        Ok(Self { path: path.to_owned(), size, scaler: Scaler::new(pool), decoder, consumed, grey, next: 0 })
    }

    /// The rate the file says it was taken at, in frames a second; `None` where it says nonsense.
    pub fn fps(&self) -> Option<f64> {
        let Ratio { num, den } = self.decoder.get_framerate();
        (num > 0 && den > 0).then(|| num as f64 / den as f64)
    }

    /// The next picture, given `captured` as its time; `None` after the last.
    pub fn next_frame(&mut self, captured: MediaTime) -> Result<Option<Frame>, Y4mError> {
        let before = self.consumed.load(Ordering::Relaxed);
        let (width, height) = (self.decoder.get_width(), self.decoder.get_height());
        let colours = self.decoder.get_colorspace();
        let picture = match self.decoder.read_frame() {
            Ok(picture) => picture,
            Err(error) => return self.why_no_frame(error, before),
        };
        let luma = Plane { pixels: picture.get_y_plane(), width, height };
        let chroma = |pixels| match colours {
            Colorspace::C444 => Plane { pixels, width, height },
            Colorspace::C422 => Plane { pixels, width: width.div_ceil(2), height },
            _ => Plane { pixels, width: width.div_ceil(2), height: height.div_ceil(2) },
        };
        let grey = Plane { pixels: &self.grey, width: self.size.width() / 2, height: self.size.height() / 2 };
        let (u, v) = match colours {
            Colorspace::Cmono => (grey, grey),
            _ => (chroma(picture.get_u_plane()), chroma(picture.get_v_plane())),
        };
        let frame = self.scaler.scale_planes([luma, u, v], self.size).freeze(captured);
        self.next += 1;
        Ok(Some(frame))
    }

    /// From the first picture again.
    pub fn rewind(&mut self) -> Result<(), Y4mError> {
        (self.decoder, self.consumed) = start(&self.path)?;
        self.next = 0;
        Ok(())
    }

    fn why_no_frame(&self, error: y4m::Error, before: u64) -> Result<Option<Frame>, Y4mError> {
        let (path, frame) = (self.path.clone(), self.next);
        match error {
            y4m::Error::EOF if self.consumed.load(Ordering::Relaxed) > before => {
                Err(Y4mError::Cut { path, frame })
            }
            y4m::Error::EOF if frame == 0 => Err(Y4mError::Empty(path)),
            y4m::Error::EOF => Ok(None),
            y4m::Error::IoError(reason) => Err(Y4mError::Io { path, doing: "read", reason }),
            y4m::Error::BadInput
            | y4m::Error::UnknownColorspace
            | y4m::Error::ParseError(_)
            | y4m::Error::OutOfMemory => Err(Y4mError::Frame { path, frame }),
        }
    }
}

/// Opens the file, judges its first line, and hands both to the crate.
fn start(path: &Path) -> Result<(y4m::Decoder<Source>, Arc<AtomicU64>), Y4mError> {
    let io = |doing| move |reason| Y4mError::Io { path: path.to_owned(), doing, reason };
    let mut file = BufReader::new(File::open(path).map_err(io("opened"))?);
    let mut line = Vec::new();
    file.by_ref().take(MAX_HEADER_LEN).read_until(b'\n', &mut line).map_err(io("read"))?;
    check_header(path, &line)?;
    let consumed = Arc::new(AtomicU64::new(0));
    let source = Counting { inner: Cursor::new(line).chain(file), consumed: Arc::clone(&consumed) };
    let decoder = y4m::Decoder::new(source)
        .map_err(|error| Y4mError::Header { path: path.to_owned(), what: error.to_string() })?;
    Ok((decoder, consumed))
}

fn check_header(path: &Path, line: &[u8]) -> Result<(), Y4mError> {
    let damaged = |what: &str| Y4mError::Header { path: path.to_owned(), what: what.to_owned() };
    let fields = line.strip_prefix(b"YUV4MPEG2 ").ok_or_else(|| Y4mError::NotY4m(path.to_owned()))?;
    let fields = fields.strip_suffix(b"\n").ok_or_else(|| damaged("it does not end"))?;
    let (mut width, mut height) = (None, None);
    for field in fields.split(|&byte| byte == b' ') {
        let Some((name, value)) = field.split_first() else { continue };
        let number = || std::str::from_utf8(value).ok()?.parse::<usize>().ok();
        match name {
            b'W' => width = Some(number().ok_or_else(|| damaged("the width is not a number"))?),
            b'H' => height = Some(number().ok_or_else(|| damaged("the height is not a number"))?),
            b'C' if ![&b"420"[..], b"420jpeg", b"420paldv", b"420mpeg2", b"422", b"444", b"mono"]
                .contains(&value) =>
            {
                let kind = String::from_utf8_lossy(value).chars().take(40).collect();
                return Err(Y4mError::Colours { path: path.to_owned(), kind });
            }
            _ => {}
        }
    }
    let width = width.ok_or_else(|| damaged("it names no width"))?;
    let height = height.ok_or_else(|| damaged("it names no height"))?;
    if (1..=MAX_SIDE).contains(&width) && (1..=MAX_SIDE).contains(&height) {
        Ok(())
    } else {
        Err(Y4mError::Size { path: path.to_owned(), width, height })
    }
}

/// Counts what is read through it: an end is clean only where a picture would begin.
struct Counting<R> {
    inner: R,
    consumed: Arc<AtomicU64>,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.consumed.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Writes a recording: every picture at the first one's size.
pub struct Y4mWriter {
    path: PathBuf,
    size: Size,
    encoder: y4m::Encoder<BufWriter<File>>,
    scaler: Scaler,
}

impl Y4mWriter {
    /// Creates (or empties) the file. Pictures of another size than `size` will be scaled to it, for a file has one.
    pub fn create(path: &Path, size: Size, fps: u32) -> Result<Self, Y4mError> {
        let opened = |reason| Y4mError::Io { path: path.to_owned(), doing: "created", reason };
        let file = BufWriter::new(File::create(path).map_err(opened)?);
        let rate = Ratio::new(usize::try_from(fps).unwrap_or(usize::MAX), 1);
        let encoder = y4m::encode(size.width(), size.height(), rate)
            .with_colorspace(Colorspace::C420)
            .write_header(file)
            .map_err(|error| written(path, error))?;
        Ok(Self { path: path.to_owned(), size, encoder, scaler: Scaler::new(Pool::new(1)) })
    }

    /// Appends a picture.
    pub fn write(&mut self, frame: &Frame) -> Result<(), Y4mError> {
        let frame = self.scaler.scale(frame, self.size);
        let planes = frame.planes();
        self.encoder
            .write_frame(&y4m::Frame::new([planes.y, planes.u, planes.v], None))
            .map_err(|error| written(&self.path, error))
    }
}

fn written(path: &Path, error: y4m::Error) -> Y4mError {
    let reason = match error {
        y4m::Error::IoError(reason) => reason,
        other => io::Error::other(other),
    };
    Y4mError::Io { path: path.to_owned(), doing: "written", reason }
}

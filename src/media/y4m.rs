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
    opened: Opened,
    /// One grey for both chroma planes of a picture that has none.
    grey: Vec<u8>,
    next: u64,
}

/// The first line, which has been read already, and the rest.
type Source = io::Chain<Cursor<Vec<u8>>, BufReader<File>>;

struct Opened {
    decoder: y4m::Decoder<Counting<Source>>,
    /// Bytes the decoder has taken.
    consumed: Arc<AtomicU64>,
    chroma: Chroma,
}

/// How large the chroma planes are beside luma.
#[derive(Clone, Copy)]
enum Chroma {
    /// 4:2:0.
    Halved,
    /// 4:2:2.
    Narrow,
    /// 4:4:4.
    Full,
    /// There are none.
    Absent,
}

/// Reads a whole file, so that what is wrong with it is known before it is needed; says how many pictures it holds.
pub fn check(path: &Path) -> Result<u64, Y4mError> {
    Y4mReader::open(path, Size::SMALL, Pool::new(0))?.count()
}

impl Y4mReader {
    /// Opens a file whose pictures shall be scaled to `size` and live in `pool`.
    pub fn open(path: &Path, size: Size, pool: Pool) -> Result<Self, Y4mError> {
        let opened = Opened::at_start_of(path)?;
        let grey = vec![NEUTRAL; size.chroma_len()];
        Ok(Self { path: path.to_owned(), size, scaler: Scaler::new(pool), opened, grey, next: 0 })
    }

    /// The rate the file says it was taken at, in frames a second; `None` where it says nonsense.
    pub fn fps(&self) -> Option<f64> {
        let Ratio { num, den } = self.opened.decoder.get_framerate();
        (num > 0 && den > 0).then(|| num as f64 / den as f64)
    }

    /// The next picture, given `captured` as its time; `None` after the last.
    pub fn next_frame(&mut self, captured: MediaTime) -> Result<Option<Frame>, Y4mError> {
        let before = self.opened.consumed.load(Ordering::Relaxed);
        let Opened { decoder, chroma, .. } = &mut self.opened;
        let (width, height) = (decoder.get_width(), decoder.get_height());
        let picture = match decoder.read_frame() {
            Ok(picture) => picture,
            Err(error) => return self.why_no_frame(error, before),
        };
        let luma = Plane { pixels: picture.get_y_plane(), width, height };
        let grey = Plane { pixels: &self.grey, width: self.size.width() / 2, height: self.size.height() / 2 };
        let beside_luma = |pixels| match chroma {
            Chroma::Halved => Plane { pixels, width: width.div_ceil(2), height: height.div_ceil(2) },
            Chroma::Narrow => Plane { pixels, width: width.div_ceil(2), height },
            Chroma::Full => Plane { pixels, width, height },
            Chroma::Absent => grey,
        };
        let (u, v) = (beside_luma(picture.get_u_plane()), beside_luma(picture.get_v_plane()));
        let frame = self.scaler.scale_planes([luma, u, v], self.size).freeze(captured);
        self.next += 1;
        Ok(Some(frame))
    }

    /// Reads on to the end without scaling anything, and says how many pictures there were.
    fn count(mut self) -> Result<u64, Y4mError> {
        loop {
            let before = self.opened.consumed.load(Ordering::Relaxed);
            match self.opened.decoder.read_frame() {
                Ok(_) => self.next += 1,
                Err(error) => {
                    self.why_no_frame(error, before)?;
                    return Ok(self.next);
                }
            }
        }
    }

    /// From the first picture again.
    pub fn rewind(&mut self) -> Result<(), Y4mError> {
        self.opened = Opened::at_start_of(&self.path)?;
        self.next = 0;
        Ok(())
    }

    fn why_no_frame(&self, error: y4m::Error, before: u64) -> Result<Option<Frame>, Y4mError> {
        let (path, frame) = (self.path.clone(), self.next);
        match error {
            y4m::Error::EOF if self.opened.consumed.load(Ordering::Relaxed) > before => {
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

impl Opened {
    /// Opens the file, judges its first line, and hands both to the crate.
    fn at_start_of(path: &Path) -> Result<Self, Y4mError> {
        let io = |doing| move |reason| Y4mError::Io { path: path.to_owned(), doing, reason };
        let mut file = BufReader::new(File::open(path).map_err(io("opened"))?);
        let mut line = Vec::new();
        file.by_ref().take(MAX_HEADER_LEN).read_until(b'\n', &mut line).map_err(io("read"))?;
        let chroma = check_header(path, &line)?;
        let consumed = Arc::new(AtomicU64::new(0));
        let source = Counting { inner: Cursor::new(line).chain(file), consumed: Arc::clone(&consumed) };
        let decoder = y4m::Decoder::new(source)
            .map_err(|error| Y4mError::Header { path: path.to_owned(), what: error.to_string() })?;
        Ok(Self { decoder, consumed, chroma })
    }
}

fn check_header(path: &Path, line: &[u8]) -> Result<Chroma, Y4mError> {
    let damaged = |what: &str| Y4mError::Header { path: path.to_owned(), what: what.to_owned() };
    let fields = line.strip_prefix(b"YUV4MPEG2 ").ok_or_else(|| Y4mError::NotY4m(path.to_owned()))?;
    let fields = fields.strip_suffix(b"\n").ok_or_else(|| damaged("it does not end"))?;
    // A file that does not say is 4:2:0.
    let (mut width, mut height, mut chroma) = (None, None, Chroma::Halved);
    for field in fields.split(|&byte| byte == b' ') {
        let Some((name, value)) = field.split_first() else { continue };
        let number = || std::str::from_utf8(value).ok()?.parse::<usize>().ok();
        match name {
            b'W' => width = Some(number().ok_or_else(|| damaged("the width is not a number"))?),
            b'H' => height = Some(number().ok_or_else(|| damaged("the height is not a number"))?),
            b'C' => {
                chroma = match value {
                    b"420" | b"420jpeg" | b"420paldv" | b"420mpeg2" => Chroma::Halved,
                    b"422" => Chroma::Narrow,
                    b"444" => Chroma::Full,
                    b"mono" => Chroma::Absent,
                    _ => {
                        let kind = String::from_utf8_lossy(value).chars().take(40).collect();
                        return Err(Y4mError::Colours { path: path.to_owned(), kind });
                    }
                }
            }
            _ => {}
        }
    }
    let width = width.ok_or_else(|| damaged("it names no width"))?;
    let height = height.ok_or_else(|| damaged("it names no height"))?;
    if (1..=MAX_SIDE).contains(&width) && (1..=MAX_SIDE).contains(&height) {
        Ok(chroma)
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
    let reason = if let y4m::Error::IoError(reason) = error { reason } else { io::Error::other(error) };
    Y4mError::Io { path: path.to_owned(), doing: "written", reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{pattern::Pattern, psnr::luma_psnr, scratch::Scratch};

    fn open(scratch: &Scratch, size: Size) -> Result<Y4mReader, Y4mError> {
        Y4mReader::open(scratch.path(), size, Pool::default())
    }

    fn file(name: &str, header: &str, frame: &[u8], frames: usize) -> Scratch {
        let mut bytes = header.as_bytes().to_vec();
        for _ in 0..frames {
            bytes.extend_from_slice(b"FRAME\n");
            bytes.extend_from_slice(frame);
        }
        Scratch::with(name, &bytes)
    }

    #[test]
    fn a_whole_file_is_counted_and_a_cut_one_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film.y4m");
        let pool = Pool::new(2);
        let mut writer = Y4mWriter::create(&path, Size::SMALL, 30).unwrap();
        for number in 0..3 {
            writer.write(&pool.frame(Size::SMALL).freeze(MediaTime(number))).unwrap();
        }
        drop(writer);
        assert_eq!(check(&path).unwrap(), 3);

        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        assert!(matches!(check(&path), Err(Y4mError::Cut { frame: 1, .. })));
    }

    #[test]
    fn what_is_recorded_can_be_read_again_and_again() {
        let pattern = Pattern::new(Size::SMALL, Pool::default());
        let scratch = Scratch::new("recorded.y4m");
        let mut writer = Y4mWriter::create(scratch.path(), Size::SMALL, 30).unwrap();
        for number in 0..5 {
            writer.write(&pattern.render(number, MediaTime(u64::from(number)))).unwrap();
        }
        drop(writer);
        let mut reader = open(&scratch, Size::SMALL).unwrap();
        assert_eq!(reader.fps(), Some(30.0));
        for _ in 0..2 {
            for number in 0..5 {
                let frame = reader.next_frame(MediaTime(u64::from(number))).unwrap().unwrap();
                assert_eq!(frame.i420(), pattern.render(number, MediaTime(u64::from(number))).i420());
            }
            assert!(reader.next_frame(MediaTime(0)).unwrap().is_none());
            assert!(reader.next_frame(MediaTime(0)).unwrap().is_none());
            reader.rewind().unwrap();
        }
    }

    #[test]
    fn a_recording_takes_pictures_of_any_size() {
        let scratch = Scratch::new("resized.y4m");
        let mut writer = Y4mWriter::create(scratch.path(), Size::NHD, 30).unwrap();
        for size in [Size::NHD, Size::HD, Size::SMALL] {
            writer.write(&Pattern::new(size, Pool::default()).render(0, MediaTime(0))).unwrap();
        }
        drop(writer);
        let mut reader = open(&scratch, Size::NHD).unwrap();
        let first = reader.next_frame(MediaTime(0)).unwrap().unwrap();
        for _ in 0..2 {
            let other = reader.next_frame(MediaTime(0)).unwrap().unwrap();
            assert!(luma_psnr(&first, &other).unwrap() > 15.0);
        }
        assert!(reader.next_frame(MediaTime(0)).unwrap().is_none());
    }

    #[test]
    fn every_usual_colour_layout_is_read_and_scaled_even_of_odd_size() {
        let luma = vec![100; 33 * 17];
        for (colours, chroma) in [
            ("420jpeg", Some(17 * 9)),
            ("420mpeg2", Some(17 * 9)),
            ("422", Some(17 * 17)),
            ("444", Some(33 * 17)),
            ("mono", None),
        ] {
            let mut frame = luma.clone();
            if let Some(chroma) = chroma {
                frame.extend(vec![90; chroma]);
                frame.extend(vec![160; chroma]);
            }
            let header = format!("YUV4MPEG2 W33 H17 F30:1 Ip A1:1 C{colours} XYSCSS=x\n");
            let scratch = file(&format!("{colours}.y4m"), &header, &frame, 2);
            let mut reader = open(&scratch, Size::SMALL).unwrap();
            for _ in 0..2 {
                let frame = reader.next_frame(MediaTime(4)).unwrap().unwrap();
                assert_eq!((frame.size(), frame.captured()), (Size::SMALL, MediaTime(4)));
                let (u, v) = if chroma.is_some() { (90, 160) } else { (128, 128) };
                assert!(frame.planes().y.iter().all(|&y| y == 100), "{colours}");
                assert!(frame.planes().u.iter().all(|&c| c == u), "{colours}");
                assert!(frame.planes().v.iter().all(|&c| c == v), "{colours}");
            }
            assert!(reader.next_frame(MediaTime(0)).unwrap().is_none());
        }
    }

    #[test]
    fn a_file_cut_in_half_names_the_frame() {
        let frame = vec![50; 32 * 18 * 3 / 2];
        let whole = file("whole.y4m", "YUV4MPEG2 W32 H18 F30:1\n", &frame, 10);
        let bytes = std::fs::read(whole.path()).unwrap();
        let cut = Scratch::with("cut.y4m", &bytes[..bytes.len() / 2]);
        let mut reader = open(&cut, Size::SMALL).unwrap();
        for _ in 0..4 {
            reader.next_frame(MediaTime(0)).unwrap().unwrap();
        }
        let sentence = reader.next_frame(MediaTime(0)).unwrap_err().to_string();
        assert!(sentence.contains("frame 4") && sentence.contains("cut.y4m"), "{sentence}");
    }

    #[test]
    fn every_unusable_file_gets_its_own_sentence() {
        for (nth, (bytes, words)) in [
            (&b""[..], "does not begin with YUV4MPEG2"),
            (b"RIFF1234WAVE", "does not begin with YUV4MPEG2"),
            (b"YUV4MPEG2 W32 H18", "does not end"),
            (b"YUV4MPEG2 H18 F30:1\n", "names no width"),
            (b"YUV4MPEG2 W32 F30:1\n", "names no height"),
            (b"YUV4MPEG2 W-5 H18 F30:1\n", "width is not a number"),
            (b"YUV4MPEG2 W0 H18 F30:1\n", "0x18"),
            (b"YUV4MPEG2 W99999 H18 F30:1\n", "99999x18"),
            (b"YUV4MPEG2 W18446744073709551615 H18446744073709551615 F30:1\n", "must be between 1 and 8192"),
            (b"YUV4MPEG2 W32 H18 F30:1 C420p10\n", "420p10"),
            (b"YUV4MPEG2 W32 H18 F30:1 C411\n", "411"),
            (b"YUV4MPEG2 W32 H18 Fabc\n", "first line"),
        ]
        .into_iter()
        .enumerate()
        {
            let scratch = Scratch::with(&format!("unusable-{nth}.y4m"), bytes);
            let sentence = open(&scratch, Size::SMALL).err().unwrap().to_string();
            assert!(sentence.contains(words), "{sentence}");
        }
        let empty = Scratch::with("empty.y4m", b"YUV4MPEG2 W32 H18 F30:1\n");
        let error = open(&empty, Size::SMALL).unwrap().next_frame(MediaTime(0)).unwrap_err();
        assert!(error.to_string().contains("holds no picture"), "{error}");
        let damaged = Scratch::with("damaged.y4m", b"YUV4MPEG2 W32 H18 F30:1\nFROME\nabc");
        let error = open(&damaged, Size::SMALL).unwrap().next_frame(MediaTime(0)).unwrap_err();
        assert!(error.to_string().contains("frame 0"), "{error}");
        let nowhere = Y4mReader::open(Path::new("no/such/file.y4m"), Size::SMALL, Pool::default());
        assert!(nowhere.err().unwrap().to_string().contains("cannot be opened"));
    }

    #[test]
    fn a_first_line_without_end_is_not_read_to_the_end() {
        let endless = [b"YUV4MPEG2 W32 H18 X".to_vec(), vec![b'x'; 1 << 20]].concat();
        let scratch = Scratch::with("endless.y4m", &endless);
        assert!(open(&scratch, Size::SMALL).err().unwrap().to_string().contains("does not end"));
    }
}

//! A screen and a loudspeaker that are files: `remote.y4m` and `frames.csv`, and `remote.wav`.
//!
//! The list has a line for every picture that was shown. The first two fields are what the strip in the picture says, the
//! last one is the time of capture that travelled beside it; both are of the sender's clock. The film can be left out: 40 MB a
//! second are more work than the call.
//!
//! Each has a thread of its own, so that a slow disk never holds up a call. Dropping the sink waits until everything is
//! written.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    time::Instant,
};

use crate::{
    engine::{
        clock::{Beat, Clock},
        ports::{PictureSink, SOUND_BLOCK, SOUND_BLOCK_TIME, SoundSink},
        thread::Thread,
    },
    logic::units::MediaTime,
    media::{
        frame::{Frame, Size},
        pool::Pool,
        scale::Scaler,
        timecode,
        wav::WavWriter,
        y4m::Y4mWriter,
    },
};

/// Pictures waiting for the disk: two seconds. When it is full the next one is not written, and counted.
const PICTURES: usize = 60;
/// Blocks of sound waiting for the disk: ten seconds. When it is full the next one is not written, and counted.
const SOUNDS: usize = 1000;

/// What the list says of a picture.
const COLUMNS: &str = "number,captured_us,arrived_us,shown_us,width,height,stamped_us";

/// Nothing can be written there.
#[derive(Debug, thiserror::Error)]
#[error("nothing can be recorded in {path}: {reason}; choose another folder for --record")]
pub struct CannotRecord {
    path: PathBuf,
    reason: String,
}

/// Finds out whether anything can be written there, and makes the folder.
pub fn check(folder: &Path) -> Result<(), CannotRecord> {
    fs::create_dir_all(folder)
        .and_then(|()| File::create(folder.join("frames.csv")))
        .map(drop)
        .map_err(|error| CannotRecord { path: folder.to_owned(), reason: error.to_string() })
}

struct Shown {
    frame: Frame,
    arrived: MediaTime,
    shown: MediaTime,
}

/// A screen that is a file.
pub struct FilmSink {
    // Closed before the thread is waited for: fields are dropped in this order.
    pictures: Option<SyncSender<Shown>>,
    _thread: Thread,
    not_written: u64,
}

impl FilmSink {
    /// Records in that folder, which is made if there is none: the list, and the pictures themselves where a film is wanted,
    /// which is then at least that large.
    pub fn create(folder: &Path, fps: u32, film: Option<Size>) -> Result<Self, CannotRecord> {
        let cannot = |error: &dyn std::fmt::Display| CannotRecord {
            path: folder.to_owned(),
            reason: error.to_string(),
        };
        fs::create_dir_all(folder).map_err(|error| cannot(&error))?;
        let list = File::create(folder.join("frames.csv")).map_err(|error| cannot(&error))?;
        let mut list = BufWriter::new(list);
        writeln!(list, "{COLUMNS}").map_err(|error| cannot(&error))?;
        let (pictures, queue) = sync_channel(PICTURES);
        let film = Film {
            wanted: film.map(|at_least| (folder.join("remote.y4m"), at_least)),
            fps,
            list,
            writer: None,
            scaler: Scaler::new(Pool::new(2)),
        };
        let thread = Thread::spawn("film", move || film.write_all(&queue)).map_err(|error| cannot(&error))?;
        Ok(Self { pictures: Some(pictures), _thread: thread, not_written: 0 })
    }
}

impl PictureSink for FilmSink {
    fn show(&mut self, frame: &Frame, arrived: MediaTime, shown: MediaTime) {
        let picture = Shown { frame: frame.clone(), arrived, shown };
        if self.pictures.as_ref().is_none_or(|pictures| pictures.try_send(picture).is_err()) {
            self.not_written += 1;
        }
    }
}

impl Drop for FilmSink {
    fn drop(&mut self) {
        self.pictures = None;
        if self.not_written > 0 {
            tracing::warn!(pictures = self.not_written, "the disk was too slow to record everything");
        }
    }
}

struct Film {
    wanted: Option<(PathBuf, Size)>,
    fps: u32,
    list: BufWriter<File>,
    writer: Option<(Y4mWriter, Size)>,
    scaler: Scaler,
}

impl Film {
    fn write_all(mut self, queue: &Receiver<Shown>) {
        while let Ok(picture) = queue.recv() {
            if let Err(error) = self.write(&picture) {
                tracing::error!(error, "the recording of pictures ends here");
                return;
            }
        }
        if let Err(error) = self.list.flush() {
            tracing::error!(%error, "the list of pictures is not complete");
        }
    }

    fn write(&mut self, picture: &Shown) -> Result<(), String> {
        self.list(picture).map_err(|error| error.to_string())?;
        let Some((path, at_least)) = &self.wanted else { return Ok(()) };
        if self.writer.is_none() {
            let size = size_of_film(picture.frame.size(), *at_least);
            let writer = Y4mWriter::create(path, size, self.fps).map_err(|error| error.to_string())?;
            self.writer = Some((writer, size));
        }
        let Some((writer, size)) = &mut self.writer else { return Ok(()) };
        // A film has one size; a picture of another is brought to that.
        if picture.frame.size() == *size {
            writer.write(&picture.frame)
        } else {
            writer.write(&self.scaler.scale(&picture.frame, *size))
        }
        .map_err(|error| error.to_string())
    }

    /// A strip that cannot be read leaves its two fields empty: it is counted, not guessed.
    fn list(&mut self, picture: &Shown) -> io::Result<()> {
        match timecode::read(&picture.frame) {
            Some(code) => write!(self.list, "{},{}", code.number, code.captured.as_micros())?,
            None => write!(self.list, ",")?,
        }
        let (arrived, shown) = (picture.arrived.as_micros(), picture.shown.as_micros());
        let (size, stamped) = (picture.frame.size(), picture.frame.captured().as_micros());
        writeln!(self.list, ",{arrived},{shown},{},{},{stamped}", size.width(), size.height())
    }
}

/// The first picture of a call is small, because nobody knows yet what the path carries. So the film is as many times larger as
/// it takes to lose nothing of those that come later.
fn size_of_film(first: Size, at_least: Size) -> Size {
    let times = at_least.height().div_ceil(first.height()) as u32;
    Size::new(first.width() as u32 * times, first.height() as u32 * times).unwrap_or(first)
}

/// A loudspeaker that is a file.
pub struct SoundFileSink {
    blocks: Option<SyncSender<[f32; SOUND_BLOCK]>>,
    _thread: Thread,
    beat: Beat,
    not_written: u64,
}

impl SoundFileSink {
    /// Records in that folder, which is made if there is none, at the pace of that clock.
    pub fn create(folder: &Path, clock: Clock) -> Result<Self, CannotRecord> {
        let cannot = |error: &dyn std::fmt::Display| CannotRecord {
            path: folder.to_owned(),
            reason: error.to_string(),
        };
        fs::create_dir_all(folder).map_err(|error| cannot(&error))?;
        let mut writer = WavWriter::create(&folder.join("remote.wav")).map_err(|error| cannot(&error))?;
        let (blocks, queue) = sync_channel::<[f32; SOUND_BLOCK]>(SOUNDS);
        let thread = Thread::spawn("sound-file", move || {
            while let Ok(block) = queue.recv() {
                if let Err(error) = writer.write(&block) {
                    tracing::error!(%error, "the recording of sound ends here");
                    return;
                }
            }
        })
        .map_err(|error| cannot(&error))?;
        let beat = clock.beat(SOUND_BLOCK_TIME);
        Ok(Self { blocks: Some(blocks), _thread: thread, beat, not_written: 0 })
    }
}

impl SoundSink for SoundFileSink {
    fn wait(&mut self) -> Instant {
        self.beat.wait()
    }

    fn play(&mut self, block: &[f32; SOUND_BLOCK]) {
        if self.blocks.as_ref().is_none_or(|blocks| blocks.try_send(*block).is_err()) {
            self.not_written += 1;
        }
    }
}

impl Drop for SoundFileSink {
    fn drop(&mut self) {
        self.blocks = None;
        if self.not_written > 0 {
            tracing::warn!(blocks = self.not_written, "the disk was too slow to record all sound");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_film_has_room_for_what_comes_after_its_first_picture() {
        let size = |width, height| Size::new(width, height).unwrap();
        assert_eq!(size_of_film(size(640, 360), Size::HD), Size::HD);
        assert_eq!(size_of_film(size(480, 360), Size::HD), size(960, 720));
        assert_eq!(size_of_film(Size::HD, size(640, 360)), Size::HD);
        assert_eq!(size_of_film(size(64, 16), size(3840, 2160)), size(64, 16), "too wide to be one");
    }
}

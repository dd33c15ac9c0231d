//! WAV files: sound to send, and recordings of what came.
//!
//! Read whole, at once, any rate and any number of channels, integers and floats: the file becomes 48 kHz mono. Written
//! as 16-bit 48 kHz mono, with the header brought up to date each second, so that a recording of a process that died
//! can be played up to its last second.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter},
    path::{Path, PathBuf},
};

use hound::{SampleFormat, WavReader, WavSpec, WavWriter as HoundWriter};
use rubato::{Fft, FixedSync, Resampler as _, audioadapter_buffers::direct::InterleavedSlice};

use super::SAMPLE_RATE_HZ;

/// The longest file that is read: half an hour. All of it is held in memory.
pub const MAX_SECONDS: u32 = 1_800;

/// The rates a file may have, in Hz.
pub const RATES_HZ: std::ops::RangeInclusive<u32> = 4_000..=384_000;

/// Samples handed to the resampler at a time; it rounds this up to what its ratio needs.
const RESAMPLER_CHUNK: usize = 4_096;

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WavError {
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
    /// Something else, or a damaged header.
    #[error("{path} is not a WAV file that can be used: {reason}")]
    NotWav {
        /// The file.
        path: PathBuf,
        /// In the library's words.
        reason: String,
    },
    /// A rate outside of [`RATES_HZ`].
    #[error("{path} has {rate_hz} samples a second; between 4000 and 384000 can be used")]
    Rate {
        /// The file.
        path: PathBuf,
        /// As it says.
        rate_hz: u32,
    },
    /// The file ends before its header says.
    #[error("{path} ends after {samples} samples, before its header says: the file is cut")]
    Cut {
        /// The file.
        path: PathBuf,
        /// That could be read, over all channels.
        samples: usize,
    },
    /// Nothing but a header.
    #[error("{0} holds no sound")]
    Empty(PathBuf),
    /// More than [`MAX_SECONDS`].
    #[error("{0} is longer than half an hour; cut it first")]
    TooLong(PathBuf),
}

/// Reads a file as 48 kHz mono; all channels count alike.
pub fn read(path: &Path) -> Result<Vec<f32>, WavError> {
    let file =
        File::open(path).map_err(|reason| WavError::Io { path: path.to_owned(), doing: "opened", reason })?;
    let not_wav = |reason: String| WavError::NotWav { path: path.to_owned(), reason };
    let mut reader = WavReader::new(BufReader::new(file)).map_err(|error| not_wav(error.to_string()))?;
    let WavSpec { channels, sample_rate, bits_per_sample, sample_format } = reader.spec();
    if !RATES_HZ.contains(&sample_rate) {
        return Err(WavError::Rate { path: path.to_owned(), rate_hz: sample_rate });
    }
    if reader.duration() == 0 {
        return Err(WavError::Empty(path.to_owned()));
    }
    if reader.duration() > sample_rate.saturating_mul(MAX_SECONDS) {
        return Err(WavError::TooLong(path.to_owned()));
    }
    let full_scale = 2.0_f32.powi(i32::from(bits_per_sample) - 1);
    let samples = match sample_format {
        SampleFormat::Float => mono(path, reader.samples::<f32>(), channels, 1.0),
        SampleFormat::Int => {
            let samples = reader.samples::<i32>().map(|sample| sample.map(|sample| sample as f32));
            mono(path, samples, channels, full_scale)
        }
    }?;
    Ok(if sample_rate == SAMPLE_RATE_HZ { samples } else { resample(&samples, sample_rate) })
}

fn mono(
    path: &Path,
    samples: impl Iterator<Item = hound::Result<f32>>,
    channels: u16,
    full_scale: f32,
) -> Result<Vec<f32>, WavError> {
    let channels = usize::from(channels);
    let scale = 1.0 / (full_scale * channels as f32);
    let (mut mixed, mut sum, mut count) = (Vec::new(), 0.0, 0_usize);
    for sample in samples {
        let sample = sample.map_err(|error| match error {
            hound::Error::IoError(_) => WavError::Cut { path: path.to_owned(), samples: count },
            other => WavError::NotWav { path: path.to_owned(), reason: other.to_string() },
        })?;
        // A float file may hold what is not a number, and a resampler would spread it over everything.
        sum += if sample.is_finite() { sample } else { 0.0 };
        count += 1;
        if count.is_multiple_of(channels) {
            mixed.push((sum * scale).clamp(-1.0, 1.0));
            sum = 0.0;
        }
    }
    Ok(mixed)
}

fn resample(samples: &[f32], rate_hz: u32) -> Vec<f32> {
    let rate = |hz: u32| usize::try_from(hz).expect("in range");
    let mut resampler =
        Fft::<f32>::new(rate(rate_hz), rate(SAMPLE_RATE_HZ), RESAMPLER_CHUNK, 1, FixedSync::Input)
            .expect("neither rate is zero");
    let input = InterleavedSlice::new(samples, 1, samples.len()).expect("one channel as long as it is");
    resampler
        .process_all(&input, samples.len(), None)
        .expect("the buffer is as long as it was said to be")
        .take_data()
}

/// Writes 48 kHz mono.
pub struct WavWriter {
    path: PathBuf,
    file: HoundWriter<BufWriter<File>>,
    since_flush: u32,
}

impl WavWriter {
    /// Creates (or empties) the file.
    pub fn create(path: &Path) -> Result<Self, WavError> {
        let spec = WavSpec {
            channels: 1,
            sample_rate: SAMPLE_RATE_HZ,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        let file = HoundWriter::create(path, spec).map_err(|error| written(path, "created", error))?;
        let mut writer = Self { path: path.to_owned(), file, since_flush: 0 };
        writer.flush()?;
        Ok(writer)
    }

    /// Appends samples; what is beyond ±1 is cut off.
    pub fn write(&mut self, samples: &[f32]) -> Result<(), WavError> {
        for &sample in samples {
            let sample = (sample.clamp(-1.0, 1.0) * f32::from(i16::MAX)).round() as i16;
            self.file.write_sample(sample).map_err(|error| written(&self.path, "written", error))?;
        }
        self.since_flush += u32::try_from(samples.len()).unwrap_or(u32::MAX / 2);
        if self.since_flush >= SAMPLE_RATE_HZ {
            self.flush()?;
        }
        Ok(())
    }

    /// Brings the file on disk up to date. It happens each second, and when the writer is dropped.
    pub fn flush(&mut self) -> Result<(), WavError> {
        self.since_flush = 0;
        self.file.flush().map_err(|error| written(&self.path, "written", error))
    }
}

fn written(path: &Path, doing: &'static str, error: hound::Error) -> WavError {
    let reason = match error {
        hound::Error::IoError(reason) => reason,
        other => io::Error::other(other),
    };
    WavError::Io { path: path.to_owned(), doing, reason }
}

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
        let sample = sample.map_err(|error| {
            if let hound::Error::IoError(_) = error {
                WavError::Cut { path: path.to_owned(), samples: count }
            } else {
                WavError::NotWav { path: path.to_owned(), reason: error.to_string() }
            }
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
    let reason = if let hound::Error::IoError(reason) = error { reason } else { io::Error::other(error) };
    WavError::Io { path: path.to_owned(), doing, reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        logic::units::MediaTime,
        media::{
            scratch::Scratch,
            tone::{find_chirps, generate},
        },
    };

    fn write_wav(scratch: &Scratch, spec: WavSpec, frames: usize, sample: impl Fn(usize, u16) -> f64) {
        let mut writer = HoundWriter::create(scratch.path(), spec).unwrap();
        for frame in 0..frames {
            for channel in 0..spec.channels {
                let value = sample(frame, channel);
                match spec.sample_format {
                    SampleFormat::Float => writer.write_sample(value as f32).unwrap(),
                    SampleFormat::Int => {
                        let full = 2.0_f64.powi(i32::from(spec.bits_per_sample) - 1) - 1.0;
                        writer.write_sample((value * full) as i32).unwrap();
                    }
                }
            }
        }
        writer.finalize().unwrap();
    }

    fn spec(channels: u16, sample_rate: u32, bits_per_sample: u16, sample_format: SampleFormat) -> WavSpec {
        WavSpec { channels, sample_rate, bits_per_sample, sample_format }
    }

    #[test]
    fn any_rate_width_and_number_of_channels_becomes_48_khz_mono() {
        for (nth, spec) in [
            spec(1, 48_000, 16, SampleFormat::Int),
            spec(2, 44_100, 16, SampleFormat::Int),
            spec(1, 8_000, 8, SampleFormat::Int),
            spec(6, 96_000, 24, SampleFormat::Int),
            spec(2, 22_050, 32, SampleFormat::Float),
            spec(1, 47_999, 32, SampleFormat::Int),
        ]
        .into_iter()
        .enumerate()
        {
            let scratch = Scratch::new(&format!("any-{nth}.wav"));
            let frames = spec.sample_rate as usize;
            let tone =
                |frame: usize| (frame as f64 / frames as f64 * 440.0 * std::f64::consts::TAU).sin() / 2.0;
            write_wav(&scratch, spec, frames, |frame, _| tone(frame));
            let samples = read(scratch.path()).unwrap();
            assert!(samples.len().abs_diff(48_000) <= 1, "{spec:?}: {}", samples.len());
            let wrong = samples.iter().enumerate().skip(2_000).take(40_000).map(|(at, &sample)| {
                let wanted = (at as f64 / 48_000.0 * 440.0 * std::f64::consts::TAU).sin() / 2.0;
                (f64::from(sample) - wanted).abs()
            });
            let worst = wrong.fold(0.0, f64::max);
            assert!(worst < 0.02, "{spec:?}: {worst}");
        }
    }

    #[test]
    fn channels_are_mixed_alike() {
        let scratch = Scratch::new("mixed.wav");
        let sides = |_, channel| if channel == 0 { 0.8 } else { -0.4 };
        write_wav(&scratch, spec(2, 48_000, 16, SampleFormat::Int), 100, sides);
        assert!(read(scratch.path()).unwrap().iter().all(|sample| (sample - 0.2).abs() < 0.001));
    }

    #[test]
    fn the_test_sound_survives_a_file_of_another_rate() {
        let scratch = Scratch::new("chirps.wav");
        let mut sound = vec![0.0; 3 * 48_000];
        generate(MediaTime(500_000), &mut sound);
        // Every third sample of the sound at 48 kHz is the sound at 16 kHz.
        write_wav(&scratch, spec(1, 16_000, 16, SampleFormat::Int), 48_000, |at, _| f64::from(sound[3 * at]));
        let found = find_chirps(&read(scratch.path()).unwrap());
        assert_eq!(found.len(), 3, "{found:?}");
        assert!((found[0].at_sample - 24_000.0).abs() < 3.0, "{found:?}");
    }

    #[test]
    fn a_recording_reads_back_and_is_valid_before_it_is_closed() {
        let scratch = Scratch::new("recorded.wav");
        let mut writer = WavWriter::create(scratch.path()).unwrap();
        assert!(matches!(read(scratch.path()), Err(WavError::Empty(_))), "a header from the start");
        for _ in 0..125 {
            writer.write(&[0.25; 960]).unwrap();
        }
        // 2.5 s written; the process dies here.
        let before = read(scratch.path()).unwrap();
        assert_eq!(before.len(), 96_000);
        drop(writer);
        let after = read(scratch.path()).unwrap();
        assert_eq!(after.len(), 120_000);
        assert!(after.iter().all(|sample| (sample - 0.25).abs() < 0.001));
    }

    #[test]
    fn what_is_too_loud_is_cut_off() {
        let scratch = Scratch::new("loud.wav");
        WavWriter::create(scratch.path()).unwrap().write(&[7.0, -7.0, f32::NAN]).unwrap();
        assert_eq!(read(scratch.path()).unwrap().len(), 3);
    }

    #[test]
    fn every_unusable_file_gets_its_own_sentence() {
        assert!(read(Path::new("no/such/file.wav")).unwrap_err().to_string().contains("cannot be opened"));
        let other = Scratch::with("other.wav", b"YUV4MPEG2 W32 H18\n");
        assert!(read(other.path()).unwrap_err().to_string().contains("not a WAV file"));

        let good = Scratch::new("good.wav");
        write_wav(&good, spec(2, 48_000, 16, SampleFormat::Int), 1_000, |_, _| 0.1);
        let bytes = std::fs::read(good.path()).unwrap();
        let cut = Scratch::with("cut.wav", &bytes[..bytes.len() / 2]);
        let sentence = read(cut.path()).unwrap_err().to_string();
        assert!(sentence.contains("cut"), "{sentence}");

        let empty = Scratch::new("empty.wav");
        write_wav(&empty, spec(1, 48_000, 16, SampleFormat::Int), 0, |_, _| 0.0);
        assert!(read(empty.path()).unwrap_err().to_string().contains("no sound"));

        let slow = Scratch::new("slow.wav");
        write_wav(&slow, spec(1, 100, 16, SampleFormat::Int), 10, |_, _| 0.0);
        assert!(read(slow.path()).unwrap_err().to_string().contains("100 samples a second"));
    }

    #[test]
    fn a_file_with_any_byte_wrong_does_no_harm() {
        let good = Scratch::new("fuzzed-from.wav");
        write_wav(&good, spec(2, 44_100, 16, SampleFormat::Int), 100, |_, _| 0.1);
        let bytes = std::fs::read(good.path()).unwrap();
        let scratch = Scratch::new("fuzzed.wav");
        for at in 0..bytes.len().min(80) {
            for value in [0, 1, 0x7F, 0x80, 0xFF] {
                let mut wrong = bytes.clone();
                wrong[at] = value;
                std::fs::write(scratch.path(), &wrong).unwrap();
                if let Ok(samples) = read(scratch.path()) {
                    assert!(samples.len() <= 48_000, "byte {at} as {value} gave {}", samples.len());
                }
            }
        }
    }
}

//! Listens to a device of the lab, and knows when each sample was there.

use std::{
    io::Read as _,
    process::{Child, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use sightline::media::tone::{Found, find_chirps};

use super::lab::Lab;

const RATE: f64 = 48_000.0;
/// Only the first samples of a stream can be old: what lay there before it began to be read.
const SETTLES: Duration = Duration::from_millis(300);

/// One device, listened to from now on until it is dropped.
pub(crate) struct Ears {
    recorder: Child,
    heard: Arc<Mutex<Heard>>,
}

#[derive(Default)]
struct Heard {
    samples: Vec<f32>,
    /// When the first sample would have come had none been held up: the least of all that pieces say.
    began: Option<Instant>,
    started: Option<Instant>,
}

impl Ears {
    pub(crate) fn listen(lab: &Lab, device: &str) -> Self {
        let mut recorder = lab
            .command("parec")
            .args([&format!("--device={device}"), "--raw", "--latency-msec=10", "--process-time-msec=5"])
            .args(["--format=float32le", "--rate=48000", "--channels=1"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut pipe = recorder.stdout.take().unwrap();
        let heard = Arc::<Mutex<Heard>>::default();
        let ours = heard.clone();
        thread::spawn(move || {
            let (mut buffer, mut rest) = (vec![0; 65_536], Vec::new());
            while let Ok(len @ 1..) = pipe.read(&mut buffer) {
                let now = Instant::now();
                rest.extend_from_slice(&buffer[..len]);
                let mut heard = ours.lock().unwrap_or_else(PoisonError::into_inner);
                let whole = rest.len() / 4 * 4;
                let samples = rest[..whole].as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
                heard.samples.extend(samples);
                rest.drain(..whole);
                let began = now - Duration::from_secs_f64(heard.samples.len() as f64 / RATE);
                let started = *heard.started.get_or_insert(now);
                if now - started > SETTLES {
                    heard.began = Some(heard.began.map_or(began, |known| known.min(began)));
                }
            }
        });
        Self { recorder, heard }
    }

    /// Every chirp so far: when it was heard, and how loud.
    pub(crate) fn chirps(&self) -> Vec<Chirp> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(began) = heard.began else { return Vec::new() };
        find_chirps(&heard.samples)
            .into_iter()
            .map(|found| {
                let from = found.at_sample as usize;
                let samples = &heard.samples[from..(from + 3_840).min(heard.samples.len())];
                let power = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>();
                let level_db = 10.0 * (power / samples.len() as f64).log10();
                Chirp { at: began + Duration::from_secs_f64(found.at_sample / RATE), level_db, found }
            })
            .collect()
    }

    /// The longest time without anything in the last so many seconds.
    pub(crate) fn longest_silence(&self, of_the_last: Duration) -> Duration {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let from = heard.samples.len().saturating_sub((of_the_last.as_secs_f64() * RATE) as usize);
        let (mut longest, mut here) = (0, 0);
        for sample in &heard.samples[from..] {
            here = if sample.abs() < 1e-4 { here + 1 } else { 0 };
            longest = longest.max(here);
        }
        Duration::from_secs_f64(f64::from(longest) / RATE)
    }
}

/// One chirp, as it was heard.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chirp {
    pub(crate) at: Instant,
    pub(crate) level_db: f64,
    pub(crate) found: Found,
}

impl Drop for Ears {
    fn drop(&mut self) {
        self.recorder.kill().ok();
        self.recorder.wait().ok();
    }
}

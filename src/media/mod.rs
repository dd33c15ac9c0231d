//! Transformation: pixels, samples and codecs.
//!
//! Synchronous and CPU-bound. No device, no thread, no clock: what the time is comes in with the data.
//!
//! Pictures: [`frame`] and the [`pool`] they live in, [`scale`], [`convert`], [`rgb`], [`mjpeg`], [`h264`] and its RTP payloads
//! ([`rtp_h264`]), [`y4m`] files, [`psnr`]; where there is none, a [`card`]. Sound: [`opus`], the cleaning of a [`voice`]
//! and its [`level`], [`wav`] files, the app's own [`chimes`]. What the app is known by: its [`emblem`]. For tests and demonstrations: [`pattern`] with the [`timecode`] in it, and [`tone`].
//! Sound is always 48 kHz, mono, `f32`.
#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

pub mod card;
pub mod chimes;
pub mod convert;
pub mod emblem;
pub mod frame;
pub mod h264;
pub mod level;
pub mod mjpeg;
pub mod opus;
pub mod pattern;
pub mod pool;
pub mod psnr;
pub mod resample;
pub mod rgb;
pub mod rtp_h264;
pub mod scale;
#[cfg(test)]
mod scratch;
pub mod stretch;
pub mod timecode;
pub mod tone;
pub mod voice;
#[cfg(test)]
mod vowel;
pub mod wav;
pub mod y4m;

/// Samples a second, everywhere in Sightline. Devices that differ are converted at the edge.
pub const SAMPLE_RATE_HZ: u32 = 48_000;

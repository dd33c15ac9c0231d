//! Pictures to H.264 and back, by OpenH264.
//!
//! Constrained baseline, one thread, camera content in real time, one slice a picture; a key frame only at the start, when
//! asked for, and when the size changes. Rate control may skip a picture rather than overshoot.

mod decoder;
mod encoder;
#[cfg(test)]
mod tests;

pub use decoder::{DecodeError, Decoder, MAX_ACCESS_UNIT_LEN};
pub use encoder::{EncodeError, EncodedFrame, Encoder, EncoderSettings, MAX_BITRATE_BPS, MIN_BITRATE_BPS};

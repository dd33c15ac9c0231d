//! Transformation: pixels, samples and codecs.
//!
//! Synchronous and CPU-bound. No device, no thread, no clock: what the time is comes in with the data.
#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

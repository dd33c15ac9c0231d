//! Decisions: pure state machines and values.
//!
//! Nothing here has a thread, a socket, a clock, a lock or a codec. Time is an argument; what should happen is a
//! value that somebody else makes happen. Every machine has the same four verbs: `handle`, `handle_timeout`,
//! `poll_timeout` (when to wake it, and why) and `poll_effect` (drain until `None`).
#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

pub mod access;
pub mod adapt;
pub mod backoff;
pub mod bandwidth;
pub mod call;
pub mod camera_modes;
pub mod candidate;
pub mod chat;
pub mod contacts;
pub mod courier;
pub mod course;
pub mod cushion;
pub mod desk;
pub mod devices;
pub mod doctor;
pub mod drift;
pub mod evidence;
pub mod files;
pub mod freezes;
pub mod hinderer;
pub mod interfaces;
pub mod jitter;
pub mod latency;
pub mod legs;
pub mod missing;
pub mod network_change;
pub mod pacing;
pub mod packet;
pub mod path;
pub mod phone;
pub mod playout;
pub mod proof;
pub mod quality;
pub mod reassembly;
pub mod redact;
pub mod report;
pub mod search;
pub mod servers;
pub mod sightings;
pub mod spoken;
pub mod spread;
pub mod thinning;
pub mod units;

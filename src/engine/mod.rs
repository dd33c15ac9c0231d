//! Motion: threads, channels and the one loop that owns every state machine.
//!
//! The engine declares in [`ports`] what it needs of the world. Whoever uses it sees [`api`] alone.
#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

mod access;
pub mod api;
pub mod audio_recv;
pub mod audio_send;
mod calling;
pub mod clock;
mod consulting;
pub mod counters;
pub mod device_media;
mod files;
pub mod glass;
pub mod heard_clock;
pub mod keyring;
mod legs;
mod lines;
pub mod mailbox;
mod notes;
mod outlet;
mod parcels;
pub mod ports;
pub mod reference;
pub mod ring;
pub mod ringer;
pub mod room;
pub mod run;
mod seat;
pub mod sound_in;
mod sound_keeper;
pub mod sound_out;
mod spoken_code;
pub mod thread;
pub mod video_recv;
pub mod video_send;
pub mod voice;

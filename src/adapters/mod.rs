//! The edges that face devices and sockets. They implement the engine's ports, one foreign crate a file; they translate
//! and decide nothing.

mod codecs;
pub mod headless;
mod interfaces;
pub mod line;
mod net_runtime;
pub mod peer;
mod peer_events;
mod peer_stats;
mod peer_tracks;
pub mod probe;
pub mod recorder;
mod rtcp_to_us;
pub mod switchboard;
pub mod synthetic;

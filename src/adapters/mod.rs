//! The edges that face devices and sockets. They implement the engine's ports, one foreign crate a file; they translate
//! and decide nothing.

pub mod awake;
mod bundle;
pub mod camera;
mod codecs;
mod departure;
pub mod handover;
pub mod headless;
mod heard;
mod ice_servers;
pub mod interfaces;
pub mod line;
mod multicast;
mod net_runtime;
pub mod network_watch;
pub mod notices;
mod passing;
pub mod peer;
mod peer_events;
mod peer_files;
mod peer_stats;
mod peer_tracks;
mod peer_words;
pub mod pickers;
pub mod probe;
#[cfg(target_os = "linux")]
mod proc_net;
pub mod processor;
pub mod proxy;
pub mod recorder;
mod relay_stream;
mod repairs;
mod rtcp_to_us;
pub mod sound_devices;
pub mod switchboard;
pub mod synthetic;
pub mod tray;

//! What the relay is held to. `world.rs` is a relay on a virtual clock, with clients that know how to ask.

mod addresses;
mod differential;
mod no_memory;
mod properties;
mod scope;
mod stories;
mod strangers;
mod vectors;
mod world;

//! The door: where connections come in, who is let in, and to whom they are led.
//!
//! ```text
//!  listen ──▶ guests (sources: how many from where) ──▶ tls ──▶ front_door ──first bytes──▶ http ──▶ a web socket, a page
//!                                                                  └──────────────────────▶ the relay's streams
//! ```

pub(crate) mod front_door;
pub(crate) mod guests;
pub(crate) mod hang_up;
pub(crate) mod http;
pub(crate) mod listen;
pub(crate) mod sources;
pub(crate) mod tls;

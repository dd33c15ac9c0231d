//! The server: a switchboard for sealed call messages.
//!
//! Whoever hosts runs it as the program `sightline-server`; the app runs it as this library, so that a first call needs
//! no set-up. `switchboard.rs` is the pure part (events and the time in, effects out); the rest owns the sockets:
//!
//! ```text
//!  server ──accepts──▶ websocket (one task a connection) ──reports──▶ operator (one task) ──▶ switchboard
//!                                      ▲                                  │
//!                                      └───────────── line ◀──────────────┘
//! ```

mod allowance;
mod config;
mod hang_up;
mod http;
mod line;
mod metrics;
mod operator;
mod relay;
mod server;
mod sources;
mod stop;
mod switchboard;
mod websocket;

pub use config::{Certificate, Config, Limits, Reach, RelayConfig, RelayLimits};
pub use server::{Addresses, BindError, Server};
pub use stop::asked_to_stop;

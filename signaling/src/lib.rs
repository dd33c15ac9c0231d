//! The server: signaling, STUN and TURN in one.
//!
//! Whoever hosts runs it as the program `sightline-server`; the app runs it as this library, so that a first call needs
//! no set-up. `switchboard.rs` is the pure part (events and the time in, effects out); the rest owns the sockets:
//!
//! ```text
//!  server ──accepts──▶ websocket (one task a connection) ──reports──▶ operator (one task) ──▶ switchboard
//!                                      ▲                                  │
//!                                      └───────────── line ◀──────────────┘
//! ```

#[cfg(feature = "program")]
mod acme;
mod allowance;
mod certificate;
mod config;
mod data_folder;
mod documented;
mod front_door;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod guests;
mod hang_up;
mod http;
mod invitation;
mod line;
mod listen;
mod metrics;
mod names;
mod operator;
mod public_address;
mod relay;
mod relay_io;
mod self_test;
mod server;
mod sources;
mod status;
mod stop;
mod switchboard;
mod tls;
mod websocket;

#[cfg(feature = "program")]
pub use acme::AcmeError;
pub use certificate::{CertificateError, CertificateFacts};
pub use config::{Certificate, Config, Limits, Reach, RelayConfig, RelayLimits};
pub use data_folder::DataError;
pub use documented::{Documented, Value};
#[cfg(feature = "program")]
pub use invitation::qr;
pub use names::Addresses;
pub use public_address::{Found, PublicAddresses, STUN_SERVERS, find as find_public_addresses};
pub use self_test::{Check, Verdict, Way};
pub use server::{BindError, Server};
pub use status::Status;
pub use stop::asked_to_stop;
pub use tls::pinned_client;

//! The server: signaling, STUN and TURN in one.
//!
//! Whoever hosts runs it as the program `sightline-server`; the app runs it as this library, so that a first call needs
//! no set-up.
//!
//! | | |
//! |---|---|
//! | `switchboard`, `relay` | decide, with no socket, clock, thread or randomness: events and the time in, effects out |
//! | `switchboard_io`, `relay_io` | their shells: tasks for the one, plain threads for the other |
//! | `door` | where connections come in |
//! | `identity`, `whereabouts` | by what it is known, and where it is |
//! | `watching` | how it does |
//! | `server` | puts it all together |
//! | `program` | what only the program needs: settings, signals, what it prints |

mod allowance;
mod config;
mod documented;
mod door;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod identity;
mod relay;
mod relay_io;
mod server;
mod stop;
mod switchboard;
mod switchboard_io;
mod watching;
mod whereabouts;

pub use config::{Certificate, Config, Limits, Reach, RelayConfig, RelayLimits};
pub use documented::{Documented, Value};
pub use door::tls::pinned_client;
#[cfg(feature = "program")]
pub use identity::acme::AcmeError;
pub use identity::certificate::{CertificateError, CertificateFacts};
pub use identity::data_folder::DataError;
pub use server::{BindError, Server};
pub use stop::asked_to_stop;
pub use watching::status::Status;
#[cfg(feature = "program")]
pub use whereabouts::invitation::qr;
pub use whereabouts::names::Addresses;
pub use whereabouts::public_address::{Found, PublicAddresses, STUN_SERVERS, find as find_public_addresses};
pub use whereabouts::self_test::{Check, Verdict, Way};

//! The switchboard's shell: one task for each connection, one for the switchboard, and a bounded line between them.
//!
//! ```text
//!  websocket (one task a connection) ──reports──▶ operator (one task) ──▶ switchboard
//!                 ▲                                  │
//!                 └───────────── line ◀──────────────┘
//! ```

pub(crate) mod line;
pub(crate) mod operator;
pub(crate) mod websocket;

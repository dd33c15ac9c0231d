//! The server: a switchboard for sealed call messages.

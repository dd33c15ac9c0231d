//! The edges that face devices and sockets: one foreign crate a file.

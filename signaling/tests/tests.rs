//! The server on real sockets, all of them on loopback.

mod acme;
mod calls;
mod client;
mod door;
mod foreign;
mod hostile;
mod life;
mod program;
mod relayed;
mod skipping;

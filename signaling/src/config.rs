//! What a server is told before it starts, and how much it allows.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use sightline_protocol::limits;

/// How a server is to run.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens for plain HTTP and WebSocket. Only a loopback address for now: without TLS, whoever carries the
    /// traffic would see who calls whom. Port 0 takes any free one.
    pub http: SocketAddr,
    /// The folder for what has to outlive the program. Nothing is kept yet, so nothing is written; the folder is made and
    /// checked, so that a wrong one is noticed today and not when the first thing has to be stored.
    pub data: Option<PathBuf>,
    /// The names by which clients reach it, as they stand in a link: `host` or `host:port`. A client signs the name it
    /// dialled, and a hello for another name is refused: that is what keeps one server from passing a client's hello on
    /// to another. Empty stands for the ways to spell this computer from itself, with the port in use.
    pub names: Vec<String>,
    /// How much it allows.
    pub limits: Limits,
}

impl Config {
    /// A server for this computer alone, on any free port, that stores nothing.
    pub fn loopback() -> Self {
        Self::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    }

    /// A server that listens here, with the usual limits.
    pub fn new(http: SocketAddr) -> Self {
        Self { http, data: None, names: Vec::new(), limits: Limits::default() }
    }
}

/// How much a server allows. Each field says what happens to what exceeds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once, greeted or not. One more is answered with 503 and closed.
    pub sockets: usize,
    /// From the connection to the end of its HTTP request. A slower one is closed without an answer.
    pub request_within: Duration,
    /// From the challenge to a valid hello. A slower client is told so and closed.
    pub hello_within: Duration,
    /// One message before the hello. A longer one is refused and the connection closed.
    pub hello_bytes: usize,
    /// One message after it. A longer one is refused and the connection closed.
    pub message_bytes: usize,
    /// Messages a second that one client may send for long. More are refused one by one, each with an error.
    pub messages_per_second: u32,
    /// Messages one client may send at once after a silence, such as the candidates of a new call. More are refused
    /// one by one.
    pub message_burst: u32,
    /// Messages that wait for one client that reads slowly. When one more comes, that client's connection is closed.
    pub waiting_messages: usize,
    /// Bytes that wait for one client that reads slowly. When more come, that client's connection is closed.
    pub waiting_bytes: usize,
    /// How long one write may take. A connection that takes no byte for so long is closed.
    pub write_within: Duration,
    /// How often a silent connection is asked for a sign of life. After two questions without an answer it is closed.
    pub ping_every: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sockets: 4096,
            request_within: Duration::from_secs(10),
            hello_within: limits::HELLO_TIMEOUT,
            hello_bytes: 4 * 1024,
            message_bytes: limits::MAX_MESSAGE_BYTES,
            messages_per_second: 20,
            message_burst: 100,
            waiting_messages: 64,
            waiting_bytes: 256 * 1024,
            write_within: Duration::from_secs(10),
            ping_every: Duration::from_secs(20),
        }
    }
}

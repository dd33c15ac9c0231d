//! What a server is told before it starts, and how much it allows.
//!
//! This is the whole of it, plainly typed. Where the values come from (defaults, a file, the environment, flags) is the
//! program's matter; the app fills them in by hand.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer};
use sightline_protocol::limits;

use crate::documented::documented;
use crate::whereabouts::public_address::nearby;

/// What private networks use (RFC 1918, RFC 4193).
const PRIVATE_RANGES: [&str; 4] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];

/// How a server is to run.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens for plain HTTP and WebSocket, if anywhere. Only a loopback address: without TLS, whoever carries
    /// the traffic would see who calls whom. Port 0 takes any free one.
    pub http: Option<SocketAddr>,
    /// Where it listens with TLS, for HTTP, WebSocket and TURN on one port.
    pub https: Vec<SocketAddr>,
    /// Ports to try instead, one after the other, where the ports in `https` are taken or not allowed to it. Without any
    /// that is an error.
    pub https_instead: Vec<u16>,
    /// Where it answers STUN and TURN over UDP.
    pub turn_udp: Vec<SocketAddr>,
    /// Where it answers STUN and TURN over TCP.
    pub turn_tcp: Vec<SocketAddr>,
    /// The addresses at which it is reached from elsewhere: they stand in links and in relayed candidates. Empty stands
    /// for the addresses it listens on.
    pub public_ips: Vec<IpAddr>,
    /// The names by which clients reach it, as they stand in a link: `host` or `host:port`. A client signs the name it
    /// dialled, and a hello for another name is refused: that is what keeps one server from passing a client's hello on
    /// to another. The public addresses, and the ways to spell this computer, are always among them.
    pub names: Vec<String>,
    /// The folder for what has to outlive the program: the certificate and its key, the relay's secret. Without one they
    /// are made anew at each start.
    pub data: Option<PathBuf>,
    /// What it shows to prove who it is.
    pub certificate: Certificate,
    /// What its relay does for whom.
    pub relay: RelayConfig,
    /// Proxies that may say for whom they ask (`X-Forwarded-For`, on the plain port).
    pub trusted_proxies: Vec<IpNet>,
    /// How much it allows.
    pub limits: Limits,
}

/// What a server shows to prove who it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Certificate {
    /// One it makes and signs itself, once; clients know it by the pin in the link.
    #[default]
    SelfSigned,
    /// These files, read again when they change.
    Files {
        /// The certificate and those that vouch for it, PEM.
        chain: PathBuf,
        /// Its private key, PEM.
        key: PathBuf,
    },
    /// A public one, asked for and renewed by ACME.
    Acme {
        /// The name it is for.
        domain: String,
        /// An e-mail address at which the authority may warn of trouble.
        contact: Option<String>,
        /// The authority's directory. `None` is Let's Encrypt.
        directory: Option<String>,
        /// A certificate by which to know the authority itself, PEM: for an authority of one's own.
        authority_root: Option<PathBuf>,
    },
}

/// What the relay does for whom.
#[derive(Debug, Clone)]
pub struct RelayConfig {
    /// The ports it relays from.
    pub ports: RangeInclusive<u16>,
    /// The secret that credentials are made with; `None` keeps one in the data folder. Another TURN server that is given
    /// the same secret takes the same credentials.
    pub secret: Option<Vec<u8>>,
    /// Whom an allocation may reach.
    pub reach: Reach,
    /// Ranges that may be reached although they are private, reserved, or this computer's own.
    pub allow: Vec<IpNet>,
    /// More TURN servers to tell clients of: `turn:host:port?transport=udp`.
    pub more_urls: Vec<String>,
}

/// Whom an allocation may reach.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reach {
    /// The other party of its call, at the addresses where this server has seen that party, and the other party's
    /// allocations here. Credentials are of use for nothing else.
    #[default]
    Call,
    /// Any public address. Whoever has the secret can make credentials: for a relay that serves other programs as well.
    Public,
}

impl Default for RelayConfig {
    fn default() -> Self {
        Self {
            ports: 49152..=65535,
            secret: None,
            reach: Reach::Call,
            allow: Vec::new(),
            more_urls: Vec::new(),
        }
    }
}

impl Config {
    /// A server for this computer alone, on any free port, that stores nothing and relays nothing.
    pub fn loopback() -> Self {
        Self::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    }

    /// A server that listens here without TLS, with the usual limits.
    pub fn new(http: SocketAddr) -> Self {
        Self { http: Some(http), ..Self::silent() }
    }

    /// A server for the networks around this computer, as the app runs it: it listens with TLS at these addresses of it, on
    /// any free port, shows a certificate of its own, and relays between private addresses as well. Without any it
    /// listens at all that are in a network; where there is none, on loopback.
    pub fn lan(ips: &[IpAddr]) -> Self {
        let ips = if ips.is_empty() { nearby() } else { ips.to_vec() };
        let anywhere: Vec<_> = ips.iter().map(|ip| SocketAddr::new(*ip, 0)).collect();
        let allow = PRIVATE_RANGES.iter().filter_map(|range| range.parse().ok()).collect();
        Self {
            https: anywhere.clone(),
            turn_udp: anywhere.clone(),
            turn_tcp: anywhere,
            public_ips: ips,
            relay: RelayConfig { allow, ..RelayConfig::default() },
            ..Self::silent()
        }
    }

    /// A server that listens nowhere yet.
    pub fn silent() -> Self {
        Self {
            http: None,
            https: Vec::new(),
            https_instead: Vec::new(),
            turn_udp: Vec::new(),
            turn_tcp: Vec::new(),
            public_ips: Vec::new(),
            names: Vec::new(),
            data: None,
            certificate: Certificate::SelfSigned,
            relay: RelayConfig::default(),
            trusted_proxies: Vec::new(),
            limits: Limits::default(),
        }
    }
}

documented! {
    /// How much a server allows. Each field says what happens to what exceeds it.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
    #[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
    pub struct Limits {
        /// Connections at once, greeted or not. One more is answered with 503 and closed.
        pub sockets: usize,
        /// Connections at once from one IPv4 address or one IPv6 /64. One more is closed at once.
        pub sockets_per_source: usize,
        /// New connections a minute from one source, for long. More are closed at once.
        pub connects_per_minute: u32,
        /// New connections from one source at once after a silence. More are closed at once.
        pub connect_burst: u32,
        /// Hellos with a wrong signature from one source within half an hour. After that it is turned away until they are
        /// that old.
        pub failed_hellos: u32,
        /// TLS handshakes under way at once. One more waits, unaccepted.
        pub handshakes: usize,
        /// From the connection to the end of its TLS handshake and its HTTP request. A slower one is closed unanswered.
        #[serde(deserialize_with = "seconds")]
        pub request_within: Duration,
        /// From the challenge to a valid hello. A slower client is told so and closed.
        #[serde(deserialize_with = "seconds")]
        pub hello_within: Duration,
        /// One message before the hello, in bytes. A longer one is refused and the connection closed.
        pub hello_bytes: usize,
        /// One message after it, in bytes. A longer one is refused and the connection closed.
        pub message_bytes: usize,
        /// Messages a second that one client may send for long. More are refused one by one, each with an error;
        /// whoever sends four times as many is closed.
        pub messages_per_second: u32,
        /// Messages one client may send at once after a silence, such as the candidates of a new call. More are refused
        /// one by one.
        pub message_burst: u32,
        /// Calls a minute that one client may begin. The first envelope of one more is refused.
        pub calls_per_minute: u32,
        /// Questions a minute whether somebody is connected. More are refused one by one.
        pub questions_per_minute: u32,
        /// Calls known at once. For one more the oldest unanswered one is forgotten; where all are answered the new one is
        /// connected all the same, but gets no relay.
        pub calls: usize,
        /// Messages that wait for one client that reads slowly or is away. One more is refused, and its sender told.
        pub waiting_messages: usize,
        /// Bytes that wait for one client that reads slowly or is away. What exceeds them is refused, and its sender told.
        pub waiting_bytes: usize,
        /// How long a client whose connection broke may come back to its session. After that it is offline, and the senders of
        /// what waited for it are told.
        #[serde(deserialize_with = "seconds")]
        pub resume_within: Duration,
        /// How long one write may take. A connection that takes no byte for so long is closed.
        #[serde(deserialize_with = "seconds")]
        pub write_within: Duration,
        /// How often a silent connection is asked for a sign of life. After two questions without an answer it is closed.
        #[serde(deserialize_with = "seconds")]
        pub ping_every: Duration,
        /// How long relayed calls may go on after the server was asked to stop. Then they end.
        #[serde(deserialize_with = "seconds")]
        pub drain_within: Duration,
        /// What the relay allows.
        pub relay: RelayLimits,
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sockets: 16_384,
            sockets_per_source: 64,
            connects_per_minute: 300,
            connect_burst: 50,
            failed_hellos: 10,
            handshakes: 256,
            request_within: Duration::from_secs(10),
            hello_within: limits::HELLO_TIMEOUT,
            hello_bytes: 4 * 1024,
            message_bytes: limits::MAX_MESSAGE_BYTES,
            messages_per_second: 20,
            message_burst: 100,
            calls_per_minute: 20,
            questions_per_minute: 60,
            calls: 65_536,
            waiting_messages: 64,
            waiting_bytes: 256 * 1024,
            resume_within: Duration::from_secs(30),
            write_within: Duration::from_secs(10),
            ping_every: Duration::from_secs(20),
            drain_within: Duration::from_secs(600),
            relay: RelayLimits::default(),
        }
    }
}

documented! {
    /// How much the relay allows. Each field says what happens to what exceeds it.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
    #[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
    pub struct RelayLimits {
        /// Allocations at once. One more is refused with 508.
        pub allocations: usize,
        /// Allocations of one party of a call: one for each of its network interfaces, address families and transports. One
        /// more is refused with 486.
        pub allocations_per_party: usize,
        /// Peers that one allocation may have a permission for. One more is refused with 508.
        pub permissions: usize,
        /// Channels of one allocation. One more is refused with 508.
        pub channels: usize,
        /// Bytes a second through one allocation, each way, for long; a second's worth may come at once. More are dropped.
        pub bytes_per_second: u64,
        /// Bytes a second through all of them together; 0 is no limit. More are dropped.
        pub total_bytes_per_second: u64,
        /// Answers a second to one source that has proved nothing yet: STUN, challenges, refusals. More are not given.
        pub answers_per_second: u32,
        /// TCP and TLS connections to the relay at once. One more is closed.
        pub streams: usize,
        /// How long credentials hold.
        #[serde(deserialize_with = "seconds")]
        pub credentials_for: Duration,
        /// The longest lifetime of an allocation between two refreshes. Who asks for more gets this.
        #[serde(deserialize_with = "seconds")]
        pub lifetime: Duration,
    }
}

impl Default for RelayLimits {
    fn default() -> Self {
        Self {
            allocations: 4096,
            allocations_per_party: 16,
            permissions: 32,
            channels: 32,
            bytes_per_second: 1_500_000,
            total_bytes_per_second: 0,
            answers_per_second: 20,
            streams: 2048,
            credentials_for: Duration::from_secs(600),
            lifetime: Duration::from_secs(900),
        }
    }
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    use serde::de::Error as _;
    let seconds = f64::deserialize(deserializer)?;
    // A year is as good as for ever, and no sum of it overflows.
    if !(0.001..=31_536_000.0).contains(&seconds) {
        return Err(D::Error::custom("a time is a number of seconds from 0.001 to 31536000"));
    }
    Ok(Duration::from_secs_f64(seconds))
}

//! The whole relay on loopback: real threads, real sockets.

mod client;
mod datagrams;
mod hostile;
mod packets;
mod streams;
mod threads;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{RelayThreads, Setup};
use crate::config::{Reach, RelayLimits};
use crate::relay::ScopeId;
use crate::watching::metrics::Metrics;

const SECRET: &[u8] = b"a secret";

/// Longer than anything takes here, unless it does not come.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) struct Running {
    pub(super) relay: RelayThreads,
    pub(super) metrics: Arc<Metrics>,
}

impl Running {
    pub(super) fn new(setup: Setup) -> Self {
        let metrics = Arc::new(Metrics::default());
        let relay = RelayThreads::start(setup, Arc::clone(&metrics)).expect("a relay on loopback");
        Self { relay, metrics }
    }

    fn address(&self) -> SocketAddr {
        self.relay.addresses()[0]
    }

    /// The thread to which a relayed address belongs.
    fn owner(&self, relayed: SocketAddr) -> Option<usize> {
        self.relay.shared.ports.owner(crate::relay::Family::of(relayed.ip()), relayed.port())
    }
}

fn on(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// A relay on loopback that lets through what stays on this computer.
fn setup(threads: usize) -> Setup {
    Setup {
        turn_udp: vec![on("127.0.0.1:0")],
        listening: Vec::new(),
        public_ips: Vec::new(),
        ports: 40_000..=60_000,
        reach: Reach::Public,
        allow: vec!["127.0.0.0/8".parse().expect("a range"), "::1/128".parse().expect("a range")],
        secrets: vec![SECRET.to_vec()],
        limits: RelayLimits {
            bytes_per_second: 1_000_000_000,
            answers_per_second: 10_000,
            ..RelayLimits::default()
        },
        scopes: 100,
        threads: Some(threads),
    }
}

/// Waits until it is so. What is counted is shown a little later than it happens.
fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

const SCOPE: ScopeId = ScopeId(0xca11);

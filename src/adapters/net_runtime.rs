//! The runtime that peer connections run on: tokio's, with sockets of our own.
//!
//! `webrtc` 0.21 reaches relays by datagrams alone, reports no failure of any server, and lets what is relayed wait for its
//! next wake-up. All three are mended from outside, here, where its packets and its sleeps pass:
//!
//! * `socket.rs` wraps each of its sockets, and `watch.rs` is told of everything that goes through;
//! * `gate.rs` knows the doors, the ways to servers: an address that stands for a server leads to its real one, or to
//!   a stream; `openers.rs` looks names up and makes the streams, `refusal.rs` says in a server's name that there is none;
//! * `repeats.rs` sends again what agrees on keys, which the library sometimes does not;
//! * `beat.rs` says when its driver must not sleep.

mod beat;
mod gate;
mod openers;
mod refusal;
mod repeats;
mod socket;
mod watch;

use std::{
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::task;
use webrtc::runtime::{
    AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, Runtime, TokioRuntime,
};

use crate::{
    adapters::proxy::Proxies,
    engine::{counters::Tally, ports::hindering::Hindering},
};

use beat::Beat;
use gate::Gate;
use openers::Means;
use socket::WatchedSocket;
pub(super) use watch::Watch;

use super::ice_servers::Doors;

/// Names on the network around us are asked for here (RFC 6762); no call goes through it.
const MULTICAST_NAMES: u16 = 5353;

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// See the head of this file.
#[derive(Debug)]
pub(super) struct NetRuntime {
    tokio: TokioRuntime,
    gate: Arc<Gate>,
    beat: Mutex<Beat>,
    /// The task of the driver: only its sleeps are its rounds.
    driver: Mutex<Option<task::Id>>,
}

impl NetRuntime {
    /// For one connection, with these doors. Begins to open them; to be called on a tokio runtime.
    pub(super) fn new(
        doors: Doors,
        watch: Arc<Watch>,
        tally: Arc<Tally>,
        hindering: Arc<Hindering>,
        proxies: Proxies,
        from: Vec<IpAddr>,
    ) -> Self {
        let gate = Arc::new(Gate::new(doors, watch, tally, hindering));
        openers::open_all(&gate, &Means { proxies, from });
        Self { tokio: TokioRuntime, gate, beat: Mutex::default(), driver: Mutex::default() }
    }

    fn is_driver(&self) -> bool {
        let driver = *self.driver.lock().unwrap_or_else(PoisonError::into_inner);
        driver.is_some() && driver == task::try_id()
    }
}

impl Runtime for NetRuntime {
    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) -> Box<dyn JoinHandle> {
        self.tokio.spawn(future)
    }

    fn wrap_udp_socket(&self, socket: std::net::UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        *self.driver.lock().unwrap_or_else(PoisonError::into_inner) = task::try_id();
        let inner = self.tokio.wrap_udp_socket(socket)?;
        if inner.local_addr()?.port() == MULTICAST_NAMES {
            return Ok(inner);
        }
        Ok(Arc::new(WatchedSocket::new(inner, Arc::clone(&self.gate))?))
    }

    fn wrap_tcp_listener(&self, listener: std::net::TcpListener) -> io::Result<Arc<dyn AsyncTcpListener>> {
        self.tokio.wrap_tcp_listener(listener)
    }

    fn connect_tcp<'a>(&'a self, remote: SocketAddr) -> Boxed<'a, io::Result<Arc<dyn AsyncTcpStream>>> {
        self.tokio.connect_tcp(remote)
    }

    fn resolve_host<'a>(&'a self, host: &'a str) -> Boxed<'a, io::Result<Vec<SocketAddr>>> {
        match self.gate.doors.named(host) {
            Some(door) => {
                let disguises = self.gate.doors.disguises(door);
                Box::pin(async { Ok(disguises) })
            }
            None => self.tokio.resolve_host(host),
        }
    }

    fn sleep(&self, duration: Duration) -> Boxed<'static, ()> {
        let watch = &self.gate.watch;
        if self.is_driver() && watch.is_relaying() {
            let mut beat = self.beat.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(over) = beat.round(watch.now(), duration, watch.has_come_by_relay()) {
                return Box::pin(owed(over));
            }
        }
        self.tokio.sleep(duration)
    }

    fn interval(&self, period: Duration) -> Box<dyn AsyncInterval> {
        self.tokio.interval(period)
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        self.tokio.block_on(future);
    }

    fn yield_now(&self) -> Boxed<'static, ()> {
        self.tokio.yield_now()
    }

    fn name(&self) -> &'static str {
        "sightline"
    }
}

async fn owed(over: Arc<AtomicBool>) {
    over.store(true, Ordering::Relaxed);
}

//! The relay's shell: threads, sockets and streams around `relay/`, which decides.
//!
//! ```text
//!                      ┌ relay thread, one for each core ──────────────────┐
//!  clients, UDP  ────▶ │ listening sockets ─▶ ┌───────┐ ─▶ departures ──────│─▶ peers, clients
//!  peers, UDP    ────▶ │ relay sockets ─────▶ │ Relay │ ─▶ outboxes ────────│─▶ streams
//!  streams (tokio) ──▶ │ mailbox ───────────▶ └───────┘ ─▶ others' mailboxes│
//!  switchboard, news ▶ └───────────────────────────────────────────────────┘
//! ```
//!
//! Packets run on plain threads, so that a burst of signaling never delays media. Each thread has its own relay and its
//! own sockets, and shares with the others a table of ports and the mailboxes. On Linux they all listen on the same
//! ports, and the kernel hands a client's packets always to the same thread (SO_REUSEPORT). Elsewhere the kernel would
//! give them all to one, so there is one thread.
//!
//! | File | |
//! |---|---|
//! | `setup.rs` | what the threads are told, and what follows from it |
//! | `worker.rs` | a thread's loop |
//! | `hands.rs` | what the relay asks for is done |
//! | `sockets.rs`, `departures.rs` | UDP sockets; packets gathered on their way out |
//! | `ports.rs` | which port is whose |
//! | `mailbox.rs` | what others leave for a thread |
//! | `streams.rs`, `framing.rs`, `outbox.rs`, `tcp.rs` | clients on TCP and TLS |
//! | `counting.rs` | what was counted, shown |

mod counting;
mod departures;
mod framing;
mod hands;
mod mailbox;
mod outbox;
mod ports;
mod setup;
mod sockets;
mod streams;
mod tcp;
#[cfg(test)]
mod tests;
mod worker;

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use mio::{Poll, Waker};

pub(crate) use setup::Setup;
pub(crate) use streams::StreamDoor;
pub(crate) use tcp::{Gate, Pass, TcpDoor};

use crate::metrics::Metrics;
use crate::relay::{Epoch, News};
use mailbox::Mailbox;
use ports::{MOST_THREADS, PortTable};
use setup::Plan;
use sockets::MAILBOX;
use streams::SILENT_FOR;
use worker::Worker;

/// The relay, for as long as this lives. Dropping it ends its threads, which takes no longer than a turn of theirs.
pub(crate) struct RelayThreads {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    addresses: Vec<SocketAddr>,
    streams: StreamDoor,
}

/// What all threads see.
struct Shared {
    mailboxes: Vec<Arc<Mailbox>>,
    ports: PortTable,
    metrics: Arc<Metrics>,
    stop: AtomicBool,
    draining: AtomicBool,
    allocations: AtomicUsize,
    most_allocations: usize,
    failed: AtomicBool,
    /// Which thread is to panic, for a test.
    #[cfg(test)]
    trap: std::sync::Mutex<Option<usize>>,
}

/// Why there is no relay.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// One of its addresses cannot be listened on.
    #[error("the relay cannot listen on UDP {address}: {error}")]
    Listen { address: SocketAddr, error: io::Error },
    /// There is not one relay port.
    #[error("the range of relay ports is empty; give the lower one first, such as 49152-65535")]
    NoPorts,
    /// The system gives no thread, or nothing to wait on.
    #[error("the relay cannot start its threads: {0}")]
    System(#[from] io::Error),
    #[error("the system gives no random numbers: {0}")]
    Random(#[from] getrandom::Error),
}

impl RelayThreads {
    /// Listens, and relays from then on.
    pub(crate) fn start(setup: Setup, metrics: Arc<Metrics>) -> Result<Self, StartError> {
        if setup.ports.is_empty() {
            return Err(StartError::NoPorts);
        }
        let count = thread_count(setup.threads);
        let (listening, addresses) = listen(&setup.turn_udp, count)?;
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        let interfaces: Vec<IpAddr> = if_addrs::get_if_addrs()?.iter().map(if_addrs::Interface::ip).collect();
        let plan = Arc::new(Plan::new(&setup, &addresses, &interfaces, count, key));
        let polls = (0..count).map(|_| Poll::new()).collect::<io::Result<Vec<_>>>()?;
        let mailboxes = polls
            .iter()
            .map(|poll| Ok(Arc::new(Mailbox::new(Waker::new(poll.registry(), MAILBOX)?))))
            .collect::<io::Result<Vec<_>>>()?;
        let streams = StreamDoor::new(mailboxes.clone(), Arc::clone(&metrics), &setup.limits, SILENT_FOR);
        let shared = Arc::new(Shared {
            mailboxes,
            ports: PortTable::new(setup.ports),
            metrics,
            stop: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            allocations: AtomicUsize::new(0),
            most_allocations: setup.limits.allocations,
            failed: AtomicBool::new(false),
            #[cfg(test)]
            trap: std::sync::Mutex::default(),
        });
        let epoch = Epoch {
            at: Instant::now(),
            unix: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
        };
        // From here on a failure ends those that run already: they hang on this.
        let mut relay = Self { shared, threads: Vec::with_capacity(count), addresses, streams };
        for (index, (poll, listening)) in polls.into_iter().zip(listening).enumerate() {
            let shared = Arc::clone(&relay.shared);
            let worker = Worker::new(index, poll, listening, Arc::clone(&plan), epoch, shared)?;
            let shared = Arc::clone(&relay.shared);
            let run = move || watch(index, worker, &shared);
            relay.threads.push(thread::Builder::new().name(format!("relay-{index}")).spawn(run)?);
        }
        Ok(relay)
    }

    /// Where calls are told of.
    pub(crate) fn news(&self) -> NewsSender {
        NewsSender(Arc::clone(&self.shared))
    }

    /// Where TCP and TLS connections are handed in.
    pub(crate) fn streams(&self) -> StreamDoor {
        self.streams.clone()
    }

    /// Where it listens for datagrams, in the order of the setup, with real ports.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Relay sockets that are open now.
    pub(crate) fn allocations(&self) -> usize {
        self.shared.allocations.load(Ordering::Acquire)
    }

    /// Grants no allocation from now on (508). Those there are go on.
    pub(crate) fn refuse_new(&self) {
        self.shared.draining.store(true, Ordering::Release);
    }

    /// Says whether every thread still works.
    pub(crate) fn is_whole(&self) -> bool {
        !self.shared.failed.load(Ordering::Acquire)
    }
}

impl Drop for RelayThreads {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        for mailbox in &self.shared.mailboxes {
            mailbox.wake();
        }
        for thread in self.threads.drain(..) {
            // A panic was caught and logged inside.
            drop(thread.join());
        }
    }
}

impl fmt::Debug for RelayThreads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelayThreads").field("threads", &self.threads.len()).finish_non_exhaustive()
    }
}

/// Tells every relay thread of the calls. Never waits.
#[derive(Clone)]
pub(crate) struct NewsSender(Arc<Shared>);

impl NewsSender {
    pub(crate) fn tell(&self, news: &News) {
        for mailbox in &self.0.mailboxes {
            mailbox.tell(news.clone());
        }
    }
}

impl fmt::Debug for NewsSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewsSender").finish_non_exhaustive()
    }
}

impl Shared {
    /// A place for one more allocation, if there is one.
    fn enter(&self) -> bool {
        let one_more = |count| (count < self.most_allocations).then_some(count + 1);
        !self.draining.load(Ordering::Acquire)
            && self.allocations.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).is_ok()
    }

    fn leave(&self) {
        self.allocations.fetch_sub(1, Ordering::AcqRel);
    }

    #[cfg(test)]
    fn panic_in(&self, thread: usize) {
        *mailbox::lock(&self.trap) = Some(thread);
        self.mailboxes[thread].wake();
    }
}

/// A thread's whole life. When it panics, its calls are lost and its share of new clients goes to the other threads; the
/// process goes on, and says that it is not what it was.
fn watch(index: usize, mut worker: Worker, shared: &Shared) {
    shared.metrics.relay.threads.add(1);
    let end = catch_unwind(AssertUnwindSafe(|| {
        let ended = worker.run();
        drop(worker);
        ended
    }));
    shared.metrics.relay.threads.subtract(1);
    match end {
        Ok(Ok(())) => return,
        Ok(Err(error)) => tracing::error!(index, "a relay thread ended: {error}"),
        Err(_panic) => tracing::error!(index, "a relay thread panicked"),
    }
    shared.failed.store(true, Ordering::Release);
}

fn thread_count(wished: Option<usize>) -> usize {
    let cores = || thread::available_parallelism().map_or(1, usize::from);
    let most = if cfg!(target_os = "linux") { MOST_THREADS } else { 1 };
    wished.unwrap_or_else(cores).clamp(1, most)
}

type Listening = Vec<Vec<UdpSocket>>;

/// For each thread, a socket on each of the addresses; and these with their ports.
fn listen(wished: &[SocketAddr], threads: usize) -> Result<(Listening, Vec<SocketAddr>), StartError> {
    let mut sockets: Listening = (0..threads).map(|_| Vec::new()).collect();
    let mut addresses = Vec::new();
    for &address in wished {
        let fail = |error| StartError::Listen { address, error };
        // A shared port is shared with another server of the same user as well, which would take half of our clients. So
        // it is taken for us alone first.
        let alone = sockets::listen(address, false).and_then(|socket| socket.local_addr());
        let address = match alone {
            Ok(bound) => bound,
            // A computer without IPv6 is still a computer.
            Err(error) if sockets::is_without_family(&error, address.ip()) && wished.len() > 1 => {
                tracing::debug!(%error, "there is no IPv6 here");
                continue;
            }
            Err(error) => return Err(fail(error)),
        };
        for of_thread in &mut sockets {
            of_thread.push(sockets::listen(address, threads > 1).map_err(fail)?);
        }
        addresses.push(address);
    }
    Ok((sockets, addresses))
}

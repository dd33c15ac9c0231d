//! What others leave for a relay thread: news, packets for its allocations from other relay threads, messages of its
//! streams. It looks there when it is woken, and takes everything at once.
//!
//! Packets lie in one run of bytes, heads beside it, and the thread swaps full for empty: no packet costs memory of its
//! own, and the lock is held for a copy of a packet at most.

use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mio::Waker;
use tokio::sync::Notify;

use super::outbox::Outbox;
use crate::relay::{Client, News, ScopeId};

/// News that wait for one thread, which takes them all every few milliseconds. What does not fit is lost, and said
/// loudly: a lost end of a call lets that call's allocations live until they are not refreshed.
const NEWS: usize = 65_536;

/// Packets that wait for one thread, from the others and from its streams, each. One more from another thread is dropped
/// and counted, one more from a stream waits there, unread.
const PACKETS: usize = 4096;

/// The same in bytes. It holds more than any one packet.
const BYTES: usize = 1024 * 1024;

/// One packet's way between two threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Neighbourly {
    pub(super) relayed: std::net::SocketAddr,
    pub(super) from: std::net::SocketAddr,
    pub(super) scope: ScopeId,
}

/// A stream begins or ends.
pub(super) enum StreamNews {
    Opened(Client, Arc<Outbox>),
    Closed(Client),
}

/// Packets, one behind the other.
pub(super) struct Pile<H> {
    heads: Vec<(H, usize)>,
    bytes: Vec<u8>,
}

pub(super) struct Mailbox {
    waker: Waker,
    /// Somebody has woken the thread since it last looked.
    woken: AtomicBool,
    /// The thread is gone. What is put in will not be read.
    closed: AtomicBool,
    news: Mutex<Vec<News>>,
    neighbours: Mutex<Pile<Neighbourly>>,
    /// As many as there are streams, twice.
    stream_news: Mutex<Vec<StreamNews>>,
    streams: Mutex<Pile<Client>>,
    /// The streams' packets were taken.
    room: Notify,
}

/// What a thread took.
#[derive(Default)]
pub(super) struct Mail {
    pub(super) news: Vec<News>,
    pub(super) stream_news: Vec<StreamNews>,
    pub(super) neighbours: Pile<Neighbourly>,
    pub(super) streams: Pile<Client>,
}

/// There is no room.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Mailbox {
    pub(super) fn new(waker: Waker) -> Self {
        Self {
            waker,
            woken: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            news: Mutex::default(),
            neighbours: Mutex::default(),
            stream_news: Mutex::default(),
            streams: Mutex::default(),
            room: Notify::new(),
        }
    }

    /// Makes the thread look, unless it will anyway.
    pub(super) fn wake(&self) {
        if self.woken.swap(true, Ordering::AcqRel) {
            return;
        }
        if let Err(error) = self.waker.wake() {
            tracing::error!("a relay thread cannot be woken: {error}");
        }
    }

    pub(super) fn tell(&self, news: News) {
        let mut waiting = lock(&self.news);
        if waiting.len() >= NEWS {
            drop(waiting);
            tracing::error!("a relay thread does not read its news; some is lost");
            return;
        }
        waiting.push(news);
        drop(waiting);
        self.wake();
    }

    /// A packet for one of the thread's allocations. Wakes nobody: the sender does, once, behind its last packet.
    pub(super) fn neighbour(&self, way: Neighbourly, payload: &[u8]) -> Result<(), Full> {
        lock(&self.neighbours).push(way, payload)
    }

    /// A message of one of the thread's streams. Wakes nobody, likewise.
    pub(super) fn stream(&self, client: Client, message: &[u8]) -> Result<(), Full> {
        lock(&self.streams).push(client, message)
    }

    pub(super) fn stream_news(&self, news: StreamNews) {
        lock(&self.stream_news).push(news);
        self.wake();
    }

    /// Waits until the streams' packets were taken, if somebody found no room.
    pub(super) async fn room(&self) {
        let taken = self.room.notified();
        tokio::pin!(taken);
        taken.as_mut().enable();
        let is_full = lock(&self.streams).is_full();
        if is_full && !self.is_closed() {
            taken.await;
        }
    }

    /// Takes everything. `mail` is what was taken last, read by now: its memory is used again.
    pub(super) fn collect(&self, mail: &mut Mail) {
        // First this: whoever comes later wakes us again.
        self.woken.store(false, Ordering::Release);
        mail.news.clear();
        mail.stream_news.clear();
        mail.neighbours.clear();
        mail.streams.clear();
        // A stream's first message never overtakes its beginning: it is put in later and taken earlier.
        mem::swap(&mut *lock(&self.streams), &mut mail.streams);
        mem::swap(&mut *lock(&self.stream_news), &mut mail.stream_news);
        mem::swap(&mut *lock(&self.neighbours), &mut mail.neighbours);
        mem::swap(&mut *lock(&self.news), &mut mail.news);
        self.room.notify_waiters();
    }

    /// Somebody has left something.
    pub(super) fn has_mail(&self) -> bool {
        self.woken.load(Ordering::Acquire)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// The thread ends.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        for news in lock(&self.stream_news).drain(..) {
            if let StreamNews::Opened(_, outbox) = news {
                outbox.close();
            }
        }
        self.room.notify_waiters();
    }
}

impl<H: Copy> Pile<H> {
    fn push(&mut self, head: H, packet: &[u8]) -> Result<(), Full> {
        if self.heads.len() >= PACKETS || self.bytes.len() + packet.len() > BYTES {
            return Err(Full);
        }
        self.heads.push((head, packet.len()));
        self.bytes.extend_from_slice(packet);
        Ok(())
    }

    fn clear(&mut self) {
        self.heads.clear();
        self.bytes.clear();
    }

    /// No room for just any packet.
    fn is_full(&self) -> bool {
        self.heads.len() >= PACKETS || self.bytes.len() + usize::from(u16::MAX) + 4 > BYTES
    }

    pub(super) fn packets(&self) -> impl Iterator<Item = (H, &[u8])> {
        let mut rest = &self.bytes[..];
        self.heads.iter().map(move |(head, length)| {
            let (packet, behind) = rest.split_at(*length);
            rest = behind;
            (*head, packet)
        })
    }
}

impl<H> Default for Pile<H> {
    fn default() -> Self {
        Self { heads: Vec::new(), bytes: Vec::new() }
    }
}

/// A thread that panicked while it held one of our locks left it whole: each holds bytes and numbers only.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

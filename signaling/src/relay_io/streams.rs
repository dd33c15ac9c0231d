//! Clients on TCP and TLS. Each has a task here, which cuts its bytes into messages for one relay thread and writes what
//! comes back. The relay thread never waits for a stream; a stream waits for it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};

use super::framing::{self, Cut};
use super::mailbox::{Full, Mailbox, StreamNews};
use super::outbox::Outbox;
use crate::config::RelayLimits;
use crate::metrics::Metrics;
use crate::relay::{Client, StreamId, Via};

/// How long a client may send no whole message, on top of an allocation's lifetime once it had one: who does not refresh it
/// has none. Then its stream is closed.
pub(super) const SILENT_FOR: Duration = Duration::from_secs(30);

/// How long one write may take. A stream that takes no byte for so long is closed.
const WRITE_WITHIN: Duration = Duration::from_secs(10);

/// How long the end of a stream may take. Then it is dropped.
const END_WITHIN: Duration = Duration::from_secs(2);

/// What is read at once from a quiet stream.
const READ_BYTES: usize = 4096;

/// The same from a busy one. Twice this and a little is the most that one stream's bytes take up here.
const READ_MOST_BYTES: usize = 64 * 1024;

/// Where streams are handed in.
#[derive(Clone)]
pub(crate) struct StreamDoor(Arc<Shared>);

struct Shared {
    mailboxes: Vec<Arc<Mailbox>>,
    metrics: Arc<Metrics>,
    places: Semaphore,
    silent_for: Duration,
    lifetime: Duration,
    next: AtomicU64,
}

impl StreamDoor {
    pub(super) fn new(
        mailboxes: Vec<Arc<Mailbox>>,
        metrics: Arc<Metrics>,
        limits: &RelayLimits,
        silent_for: Duration,
    ) -> Self {
        let places = Semaphore::new(limits.streams.min(Semaphore::MAX_PERMITS));
        let lifetime = limits.lifetime;
        Self(Arc::new(Shared { mailboxes, metrics, places, silent_for, lifetime, next: AtomicU64::new(0) }))
    }

    /// Serves a stream to its end. `already_read` are its first bytes, if somebody looked at them.
    pub(crate) async fn serve(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send,
        already_read: Vec<u8>,
        peer: SocketAddr,
        local: SocketAddr,
    ) {
        let Self(shared) = self;
        let Ok(_place) = shared.places.try_acquire() else {
            tracing::warn!("there are as many relay streams as there may be; one more was closed");
            return;
        };
        let number = shared.next.fetch_add(1, Ordering::Relaxed);
        // In turn: streams last long and are few, so chance would spread them less evenly.
        let mailbox = &shared.mailboxes[(number % shared.mailboxes.len() as u64) as usize];
        let remote = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        let client = Client { via: Via::Stream(StreamId(number)), remote };
        tracing::debug!(%local, "a relay client's stream");
        let open = Open::new(mailbox, client, &shared);
        if mailbox.is_closed() {
            return;
        }
        let (reader, mut writer) = tokio::io::split(stream);
        tokio::select! {
            () = read(reader, already_read, &open) => {}
            () = write(&mut writer, &open.outbox) => {}
        }
        drop(timeout(END_WITHIN, writer.shutdown()).await);
    }
}

/// A stream that its relay thread knows of, until it is dropped.
struct Open<'a> {
    mailbox: &'a Mailbox,
    client: Client,
    outbox: Arc<Outbox>,
    shared: &'a Shared,
}

impl<'a> Open<'a> {
    fn new(mailbox: &'a Mailbox, client: Client, shared: &'a Shared) -> Self {
        let outbox = Arc::new(Outbox::default());
        mailbox.stream_news(StreamNews::Opened(client, Arc::clone(&outbox)));
        shared.metrics.relay.streams.add(1);
        Self { mailbox, client, outbox, shared }
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.mailbox.stream_news(StreamNews::Closed(self.client));
        self.shared.metrics.relay.streams.subtract(1);
    }
}

/// Ends when the client does, when it is silent for too long, or when what it says cannot be understood.
async fn read(mut reader: ReadHalf<impl AsyncRead + Unpin>, already_read: Vec<u8>, open: &Open<'_>) {
    let mut bytes = already_read;
    let mut room = READ_BYTES;
    let mut heard = Instant::now();
    loop {
        let Some((used, wanted)) = hand_in(&bytes, open).await else { return };
        if used > 0 {
            bytes.drain(..used);
            heard = Instant::now();
        }
        // Room grows with what arrives, not with what a head promises.
        let enough = room.max(wanted.min(bytes.len() * 2));
        bytes.shrink_to(enough);
        bytes.reserve_exact(enough.saturating_sub(bytes.len()));
        let read = loop {
            let has_allocation = open.outbox.has_allocation();
            let lifetime = if has_allocation { open.shared.lifetime } else { Duration::ZERO };
            let until = heard + open.shared.silent_for + lifetime;
            match timeout_at(until, reader.read_buf(&mut bytes)).await {
                Ok(Ok(read @ 1..)) => break read,
                Ok(Ok(0) | Err(_)) => return,
                // It may have got an allocation meanwhile.
                Err(_late) if !has_allocation && open.outbox.has_allocation() => {}
                Err(_late) => return,
            }
        };
        if bytes.len() == bytes.capacity() {
            room = (room * 2).min(READ_MOST_BYTES);
        } else if read < room / 4 {
            room = (room / 2).max(READ_BYTES);
        }
    }
}

/// Hands in all messages that are whole. Says how many bytes those were and how long the next message is, or nothing
/// where the stream makes no sense.
async fn hand_in(bytes: &[u8], open: &Open<'_>) -> Option<(usize, usize)> {
    let mut used = 0;
    let wanted = loop {
        match framing::cut(&bytes[used..]) {
            Cut::Message { length, next } => {
                let message = &bytes[used..used + length];
                while open.mailbox.stream(open.client, message) == Err(Full) {
                    open.mailbox.wake();
                    open.mailbox.room().await;
                    if open.mailbox.is_closed() {
                        return None;
                    }
                }
                used += next;
            }
            Cut::Wants(length) => break length,
            Cut::Rubbish => return None,
        }
    };
    if used > 0 {
        open.mailbox.wake();
    }
    Some((used, wanted))
}

/// Ends when the relay closes the stream, or when it takes nothing.
async fn write(writer: &mut WriteHalf<impl AsyncWrite + Unpin>, outbox: &Outbox) {
    let mut bytes = Vec::new();
    while outbox.take(&mut bytes).await {
        let written = async {
            let mut rest = &bytes[..];
            while let Cut::Message { next, .. } = framing::cut(rest) {
                // Each by itself, and so in a TLS record of its own. Some clients, coturn's among them, take a record for a
                // message and overlook what else is in it.
                let (message, behind) = rest.split_at(next);
                writer.write_all(message).await?;
                rest = behind;
            }
            writer.flush().await
        };
        if !matches!(timeout(WRITE_WITHIN, written).await, Ok(Ok(()))) {
            return;
        }
    }
}

//! Words over the peer connection itself: a data channel for the sealed messages of a call.
//!
//! They go through the switchboard as well. Whichever comes first counts, and the other is known for a repetition by its
//! seal. So a call can agree on another leg, and say that it ends, while the switchboard is gone; and where both ways
//! stand, this one is a hop shorter.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use bytes::BytesMut;
use sightline_protocol::{call::DIRECT_CHANNEL, limits::MAX_SEALED_BYTES};
use tokio::sync::{Notify, mpsc};
use webrtc::{
    data_channel::{DataChannel, DataChannelEvent},
    peer_connection::PeerConnection,
};

use crate::engine::ports::{PeerNews, PeerReport, PeerSetup};

/// Messages waiting for the channel. When it is full the next is refused here, and goes through the switchboard alone.
const QUEUE: usize = 64;

/// What the channel may hold of what the other side has not acknowledged. Beyond it a message is dropped here; the
/// switchboard has it too.
pub(super) const UNACKNOWLEDGED_BYTES: usize = 256 * 1024;

/// The channel of one connection, whoever opened it.
pub(super) struct Words {
    to_say: mpsc::Sender<Vec<u8>>,
    waiting: Mutex<Option<mpsc::Receiver<Vec<u8>>>>,
    is_open: AtomicBool,
    /// The channel is gone, and perhaps the connection with it.
    gone: Arc<Notify>,
}

impl Words {
    /// No channel yet. `gone` is told when there was one and it ends.
    pub(super) fn new(gone: Arc<Notify>) -> Self {
        let (to_say, waiting) = mpsc::channel(QUEUE);
        Self { to_say, waiting: Mutex::new(Some(waiting)), is_open: AtomicBool::new(false), gone }
    }

    /// Says it, if that goes: `false` where there is no channel, or too much waits for it.
    pub(super) fn say(&self, sealed: &[u8]) -> bool {
        self.is_open.load(Ordering::Relaxed) && self.to_say.try_send(sealed.to_vec()).is_ok()
    }

    /// Opens the channel from our side, which has to be done before anything is described.
    pub(super) async fn open(
        self: &Arc<Self>,
        connection: &dyn PeerConnection,
        setup: &PeerSetup,
    ) -> webrtc::error::Result<()> {
        let channel = connection.create_data_channel(DIRECT_CHANNEL, None).await?;
        self.serve(channel, Said::of(setup));
        Ok(())
    }

    /// The other side opened a channel. It is the one where it has the right name and is the first; any other is closed.
    pub(super) async fn take(self: &Arc<Self>, channel: Arc<dyn DataChannel>, said: Said) {
        if channel.label().await.is_ok_and(|label| label == DIRECT_CHANNEL) && self.is_free() {
            self.serve(channel, said);
        } else {
            tokio::spawn(refuse(channel));
        }
    }

    fn is_free(&self) -> bool {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn serve(self: &Arc<Self>, channel: Arc<dyn DataChannel>, said: Said) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(waiting) = waiting {
            tokio::spawn(self.clone().carry(channel, waiting, said));
        }
    }

    async fn carry(
        self: Arc<Self>,
        channel: Arc<dyn DataChannel>,
        mut waiting: mpsc::Receiver<Vec<u8>>,
        said: Said,
    ) {
        loop {
            tokio::select! {
                event = channel.poll() => match event {
                    Some(DataChannelEvent::OnOpen) => self.is_open.store(true, Ordering::Relaxed),
                    Some(DataChannelEvent::OnMessage(message)) if message.data.len() <= MAX_SEALED_BYTES => {
                        if !said.tell(message.data.to_vec()).await {
                            break;
                        }
                    }
                    Some(DataChannelEvent::OnClose) | None => break,
                    Some(_) => {}
                },
                Some(sealed) = waiting.recv() => {
                    if let Err(error) = channel.try_send(BytesMut::from(&*sealed)).await {
                        tracing::debug!(%error, "a message goes through the switchboard alone");
                    }
                }
            }
        }
        self.is_open.store(false, Ordering::Relaxed);
        self.gone.notify_one();
    }
}

/// Where what the other side said is reported.
#[derive(Clone)]
pub(super) struct Said {
    call: sightline_protocol::call::CallId,
    generation: u32,
    reports: mpsc::Sender<PeerReport>,
}

impl Said {
    pub(super) fn of(setup: &PeerSetup) -> Self {
        Self { call: setup.call, generation: setup.generation, reports: setup.reports.clone() }
    }

    /// `false` where nobody listens any more.
    async fn tell(&self, sealed: Vec<u8>) -> bool {
        let report =
            PeerReport { call: self.call, generation: self.generation, news: PeerNews::Said(sealed) };
        self.reports.send(report).await.is_ok()
    }
}

/// Closes a channel that nobody here reads; what the other side says until it has heard of that is let go.
async fn refuse(channel: Arc<dyn DataChannel>) {
    if let Err(error) = channel.close().await {
        tracing::debug!(%error, "a data channel did not close cleanly");
    }
    while channel.poll().await.is_some() {}
}

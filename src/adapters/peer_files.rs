//! Files over the peer connection: a data channel of its own, besides the one for words.
//!
//! Both ways are waited for side by side: whoever waits for room to send must not keep what comes waiting, or two ends that
//! both send much would wait for each other.

use std::sync::{
    Arc, Mutex, PoisonError, Weak,
    atomic::{AtomicBool, Ordering},
};

use bytes::{Bytes, BytesMut};
use sightline_protocol::{call::FILES_CHANNEL, limits::MAX_FILE_FRAME_BYTES};
use tokio::sync::mpsc;
use webrtc::{
    data_channel::{DataChannel, DataChannelEvent},
    peer_connection::PeerConnection,
};

use crate::engine::ports::{FrameSink, FrameTaker};

/// Frames waiting for the channel, besides what it has taken and the other side has not acknowledged. When it is full the next
/// is refused, and tried again.
const QUEUE: usize = 8;

/// The channel of one connection, whoever opened it.
pub(super) struct FileChannel {
    to_send: mpsc::Sender<Bytes>,
    waiting: Mutex<Option<mpsc::Receiver<Bytes>>>,
    is_open: AtomicBool,
    taker: Arc<dyn FrameTaker>,
}

impl FrameSink for FileChannel {
    fn send(&self, frame: Bytes) -> bool {
        self.is_open() && self.to_send.try_send(frame).is_ok()
    }

    fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Relaxed)
    }
}

impl FileChannel {
    /// No channel yet. What comes over it goes to `taker`.
    pub(super) fn new(taker: Arc<dyn FrameTaker>) -> Self {
        let (to_send, waiting) = mpsc::channel(QUEUE);
        Self { to_send, waiting: Mutex::new(Some(waiting)), is_open: AtomicBool::new(false), taker }
    }

    /// Opens the channel from our side, which has to be done before anything is described.
    pub(super) async fn open(self: &Arc<Self>, connection: &dyn PeerConnection) -> webrtc::error::Result<()> {
        let channel = connection.create_data_channel(FILES_CHANNEL, None).await?;
        self.serve(channel).ok();
        Ok(())
    }

    /// The other side opened a channel. Comes back where it is not the one for files, or not the first.
    pub(super) async fn take(
        self: &Arc<Self>,
        channel: Arc<dyn DataChannel>,
    ) -> Result<(), Arc<dyn DataChannel>> {
        if channel.label().await.is_ok_and(|label| label == FILES_CHANNEL) {
            self.serve(channel)
        } else {
            Err(channel)
        }
    }

    fn serve(self: &Arc<Self>, channel: Arc<dyn DataChannel>) -> Result<(), Arc<dyn DataChannel>> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(waiting) = waiting else { return Err(channel) };
        let files = Arc::downgrade(self);
        tokio::spawn(async move {
            // Whichever ends first ends the other, and with both goes what keeps the channel and so the connection.
            tokio::select! {
                () = receive(&files, &*channel) => {}
                () = send(&*channel, waiting) => {}
            }
            if let Some(files) = files.upgrade() {
                files.set_open(false);
            }
        });
        Ok(())
    }

    fn set_open(&self, is_open: bool) {
        self.is_open.store(is_open, Ordering::Relaxed);
        self.taker.look();
    }
}

/// Ends with the channel.
async fn receive(files: &Weak<FileChannel>, channel: &dyn DataChannel) {
    loop {
        let event = channel.poll().await;
        let Some(files) = files.upgrade() else { return };
        match event {
            Some(DataChannelEvent::OnOpen) => files.set_open(true),
            Some(DataChannelEvent::OnMessage(message)) if message.data.len() <= MAX_FILE_FRAME_BYTES => {
                files.taker.take(message.data.freeze());
            }
            Some(DataChannelEvent::OnClose) | None => return,
            Some(_) => {}
        }
    }
}

/// Ends where the channel takes nothing more.
async fn send(channel: &dyn DataChannel, mut waiting: mpsc::Receiver<Bytes>) {
    while let Some(frame) = waiting.recv().await {
        if let Err(error) = channel.send(BytesMut::from(&*frame)).await {
            tracing::debug!(%error, "the channel for files takes nothing more");
            return;
        }
    }
}

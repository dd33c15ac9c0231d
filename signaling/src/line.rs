//! The way from the switchboard to one connection: a queue that never grows beyond its bounds and never waits.
//!
//! There is room for so many messages and so many bytes. When either is used up the message is refused and the caller
//! ends the connection: whoever reads this slowly would otherwise cost the server memory, or everybody else time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Notify, mpsc};

use crate::config::Limits;

/// What waits to be written.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outgoing {
    Text(String),
    Close { code: u16, reason: String },
}

/// The switchboard's end. Dropping it ends the connection after what waits has been written.
#[derive(Debug)]
pub(crate) struct Line {
    queue: mpsc::Sender<Outgoing>,
    shared: Arc<Shared>,
    max_bytes: usize,
}

/// The connection's end.
#[derive(Debug)]
pub(crate) struct LineEnd {
    queue: mpsc::Receiver<Outgoing>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    waiting_bytes: AtomicUsize,
    cut: Notify,
}

/// There was no room.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// Makes both ends.
pub(crate) fn line(limits: &Limits) -> (Line, LineEnd) {
    let (sender, receiver) = mpsc::channel(limits.waiting_messages.max(1));
    let shared = Arc::new(Shared::default());
    let line = Line { queue: sender, shared: Arc::clone(&shared), max_bytes: limits.waiting_bytes };
    (line, LineEnd { queue: receiver, shared })
}

impl Line {
    /// Puts a text into the queue. A connection that has ended takes everything: that it is gone is told elsewhere.
    pub(crate) fn send(&self, text: String) -> Result<(), Full> {
        let bytes = text.len();
        // Only this end adds, so that what is read here can only have become less by now.
        if self.shared.waiting_bytes.load(Ordering::Relaxed) + bytes > self.max_bytes {
            return Err(Full);
        }
        self.shared.waiting_bytes.fetch_add(bytes, Ordering::Relaxed);
        match self.queue.try_send(Outgoing::Text(text)) {
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => Ok(()),
            Err(mpsc::error::TrySendError::Full(_)) => Err(Full),
        }
    }

    /// Ends the connection after what waits, with this code. Where the queue is full it is cut instead.
    pub(crate) fn close(self, code: u16, reason: String) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.queue.try_send(Outgoing::Close { code, reason })
        {
            self.cut();
        }
    }

    /// Ends the connection at once.
    pub(crate) fn cut(self) {
        self.shared.cut.notify_one();
    }
}

impl LineEnd {
    /// The next thing to write; `None` when the switchboard has let go.
    pub(crate) async fn next(&mut self) -> Option<Outgoing> {
        self.queue.recv().await
    }

    /// Says that so many bytes no longer wait.
    pub(crate) fn written(&self, bytes: usize) {
        self.shared.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Resolves when the line is cut.
    pub(crate) fn cut(&self) -> impl Future<Output = ()> + use<> {
        let shared = Arc::clone(&self.shared);
        async move { shared.cut.notified().await }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(waiting_messages: usize, waiting_bytes: usize) -> Limits {
        Limits { waiting_messages, waiting_bytes, ..Limits::default() }
    }

    #[tokio::test]
    async fn what_is_sent_arrives_in_order_and_then_the_end() {
        let (line, mut end) = line(&limits(4, 100));
        assert_eq!(line.send("one".to_owned()), Ok(()));
        assert_eq!(line.send("two".to_owned()), Ok(()));
        line.close(1000, "bye".to_owned());
        assert_eq!(end.next().await, Some(Outgoing::Text("one".to_owned())));
        assert_eq!(end.next().await, Some(Outgoing::Text("two".to_owned())));
        assert_eq!(end.next().await, Some(Outgoing::Close { code: 1000, reason: "bye".to_owned() }));
        assert_eq!(end.next().await, None);
    }

    #[tokio::test]
    async fn too_many_messages_are_refused() {
        let (line, _end) = line(&limits(2, 100));
        assert_eq!([0; 3].map(|_| line.send("x".to_owned())), [Ok(()), Ok(()), Err(Full)]);
    }

    #[tokio::test]
    async fn too_many_bytes_are_refused_until_some_were_written() {
        let (line, mut end) = line(&limits(10, 5));
        assert_eq!(line.send("abc".to_owned()), Ok(()));
        assert_eq!(line.send("abc".to_owned()), Err(Full));
        assert!(end.next().await.is_some());
        assert_eq!(line.send("abc".to_owned()), Err(Full), "taken from the queue is not yet written");
        end.written(3);
        assert_eq!(line.send("abc".to_owned()), Ok(()));
    }

    #[tokio::test]
    async fn a_close_that_finds_no_room_cuts() {
        let (line, end) = line(&limits(1, 100));
        assert_eq!(line.send("x".to_owned()), Ok(()));
        line.close(1000, String::new());
        end.cut().await;
    }

    #[tokio::test]
    async fn a_connection_that_is_gone_takes_everything() {
        let (line, end) = line(&limits(1, 100));
        drop(end);
        assert_eq!([0; 3].map(|_| line.send("x".to_owned())), [Ok(()), Ok(()), Ok(())]);
    }
}

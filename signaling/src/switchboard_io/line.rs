//! The way from the switchboard to one connection: a queue that never grows beyond its bounds and never waits.
//!
//! There is room for so many messages and so many bytes. When either is used up the message is refused and the caller
//! ends the connection: whoever reads this slowly would otherwise cost the server memory, or everybody else time.
//!
//! It is a list behind a lock and not a channel, as a channel of tokio's keeps room for 32 messages from the beginning,
//! which ten thousand idle connections never need. Both ends hold the lock for a few instructions only.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::config::Limits;

/// Room for what the switchboard says without being asked to keep it, beyond what it keeps.
const SLACK_MESSAGES: usize = 64;

/// The same in bytes.
const SLACK_BYTES: usize = 16 * 1024;

/// The switchboard's end. Dropping it ends the connection after what waits has been written.
#[derive(Debug)]
pub(crate) struct Line(Arc<Shared>);

/// The connection's end.
#[derive(Debug)]
pub(crate) struct LineEnd(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    max_messages: usize,
    max_bytes: usize,
    news: Notify,
    cut: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Bytes>,
    /// What was not written yet, whether or not it was taken out of `waiting`.
    unwritten: usize,
    unwritten_bytes: usize,
    end: Option<Goodbye>,
    is_gone: bool,
}

/// How a connection is to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Goodbye {
    /// With these words.
    Close { code: u16, reason: String },
    /// Without a word.
    Dropped,
}

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outgoing {
    Texts(VecDeque<Bytes>),
    End(Goodbye),
}

/// There was no room.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// Makes both ends.
pub(crate) fn line(limits: &Limits) -> (Line, LineEnd) {
    let shared = Arc::new(Shared {
        queue: Mutex::default(),
        // The switchboard may say at once all that it keeps for a client that came back.
        max_messages: limits.waiting_messages + 4 * limits.message_burst as usize + SLACK_MESSAGES,
        max_bytes: 2 * limits.waiting_bytes + SLACK_BYTES,
        news: Notify::new(),
        cut: Notify::new(),
    });
    (Line(Arc::clone(&shared)), LineEnd(shared))
}

impl Line {
    /// Puts a text into the queue. A connection that has ended takes everything: that it is gone is told elsewhere.
    pub(crate) fn send(&self, text: Bytes) -> Result<(), Full> {
        let mut queue = self.0.queue();
        if queue.is_gone {
            return Ok(());
        }
        let bytes = queue.unwritten_bytes + text.len();
        if queue.unwritten >= self.0.max_messages || bytes > self.0.max_bytes {
            return Err(Full);
        }
        queue.unwritten += 1;
        queue.unwritten_bytes = bytes;
        queue.waiting.push_back(text);
        drop(queue);
        self.0.news.notify_one();
        Ok(())
    }

    /// Ends the connection after what waits, with this code.
    pub(crate) fn close(self, code: u16, reason: String) {
        self.0.queue().end = Some(Goodbye::Close { code, reason });
    }

    /// Ends the connection at once.
    pub(crate) fn cut(self) {
        self.0.cut.notify_one();
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.0.queue().end.get_or_insert(Goodbye::Dropped);
        self.0.news.notify_one();
    }
}

impl LineEnd {
    /// What to write next, or how to end.
    pub(crate) async fn next(&mut self) -> Outgoing {
        loop {
            let news = self.0.news.notified();
            {
                let mut queue = self.0.queue();
                if !queue.waiting.is_empty() {
                    return Outgoing::Texts(std::mem::take(&mut queue.waiting));
                }
                if let Some(end) = queue.end.take() {
                    return Outgoing::End(end);
                }
            }
            news.await;
        }
    }

    /// Says that a text of so many bytes no longer waits.
    pub(crate) fn written(&self, bytes: usize) {
        let mut queue = self.0.queue();
        queue.unwritten -= 1;
        queue.unwritten_bytes -= bytes;
    }

    /// Resolves when the line is cut.
    pub(crate) fn cut(&self) -> impl Future<Output = ()> + use<> {
        let shared = Arc::clone(&self.0);
        async move { shared.cut.notified().await }
    }
}

impl Drop for LineEnd {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        queue.is_gone = true;
        queue.waiting = VecDeque::new();
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nobody panics while holding it, and if somebody did, a list is still a list.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(waiting_messages: usize, waiting_bytes: usize) -> Limits {
        Limits { waiting_messages, waiting_bytes, message_burst: 0, ..Limits::default() }
    }

    fn text(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    #[tokio::test]
    async fn what_is_sent_arrives_in_order_and_then_the_end() {
        let (line, mut end) = line(&limits(4, 100));
        assert_eq!(line.send(text("one")), Ok(()));
        assert_eq!(line.send(text("two")), Ok(()));
        line.close(1000, "bye".to_owned());
        assert_eq!(end.next().await, Outgoing::Texts([text("one"), text("two")].into()));
        assert_eq!(end.next().await, Outgoing::End(Goodbye::Close { code: 1000, reason: "bye".to_owned() }));
    }

    #[tokio::test]
    async fn a_line_that_is_dropped_ends_the_connection() {
        let (line, mut end) = line(&limits(4, 100));
        assert_eq!(line.send(text("one")), Ok(()));
        drop(line);
        assert_eq!(end.next().await, Outgoing::Texts([text("one")].into()));
        assert_eq!(end.next().await, Outgoing::End(Goodbye::Dropped));
    }

    #[tokio::test]
    async fn too_many_messages_are_refused_until_some_were_written() {
        let (line, mut end) = line(&limits(2, 100));
        for _ in 0..2 + SLACK_MESSAGES {
            assert_eq!(line.send(text("x")), Ok(()));
        }
        assert_eq!(line.send(text("x")), Err(Full));
        assert!(matches!(end.next().await, Outgoing::Texts(texts) if texts.len() == 2 + SLACK_MESSAGES));
        assert_eq!(line.send(text("x")), Err(Full), "taken from the queue is not yet written");
        end.written(1);
        assert_eq!(line.send(text("x")), Ok(()));
    }

    #[tokio::test]
    async fn too_many_bytes_are_refused() {
        let (line, _end) = line(&limits(10, 1000));
        let most = Bytes::from(vec![b'x'; 2000 + SLACK_BYTES]);
        assert_eq!(line.send(most.clone()), Ok(()));
        assert_eq!(line.send(text("x")), Err(Full));
    }

    #[tokio::test]
    async fn a_cut_is_noticed_though_nothing_is_read() {
        let (line, end) = line(&limits(1, 100));
        assert_eq!(line.send(text("x")), Ok(()));
        line.cut();
        end.cut().await;
    }

    #[tokio::test]
    async fn a_connection_that_is_gone_takes_everything_and_keeps_nothing() {
        let (line, end) = line(&limits(1, 100));
        drop(end);
        assert_eq!([0; 3].map(|_| line.send(text("x"))), [Ok(()), Ok(()), Ok(())]);
        assert!(line.0.queue().waiting.is_empty());
    }
}

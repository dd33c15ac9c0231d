//! One WebSocket, from behind its upgrade to its end, carried between its stream and the switchboard. It decides nothing.
//!
//! Memory a connection: tungstenite's defaults are a read buffer of 128 KiB, a write buffer without end and messages of
//! 64 MiB, hence the explicit numbers. The ending is a future of its own, boxed, so that the long middle does not keep
//! room for it.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Error as WsError, Message};

use crate::config::Limits;
use crate::door::hang_up::{PATIENCE, Stream, hang_up};
use crate::switchboard::{Ending as Parting, SocketId, Unreadable};
use crate::switchboard_io::line::{Goodbye, LineEnd, Outgoing, line};
use crate::switchboard_io::operator::Report;

/// Grows to one message while a long one arrives. A usual one fits.
const READ_BUFFER_BYTES: usize = 1024;

/// So much is gathered before it is written: a few messages that wait together cost one system call.
const WRITE_BUFFER_BYTES: usize = 4 * 1024;

/// Room beyond one message, for what is gathered, the frames' headers and an answer to a ping. When it is full the write
/// fails and the connection ends; it cannot fill up, as no more than this is gathered.
const WRITE_BUFFER_SLACK_BYTES: usize = 64 * 1024;

/// How many questions for a sign of life may go unanswered.
const MAX_UNANSWERED_PINGS: u32 = 2;

/// Serves one connection to its end. `heard` is what its client said already, behind its request.
pub(crate) async fn serve(
    stream: impl Stream,
    heard: Vec<u8>,
    socket: SocketId,
    peer: IpAddr,
    limits: Arc<Limits>,
    reports: mpsc::Sender<Report>,
) {
    let (line, end) = line(&limits);
    if reports.send(Report::Opened { socket, peer, line }).await.is_err() {
        return;
    }
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_write_buffer_size(limits.message_bytes + WRITE_BUFFER_SLACK_BYTES)
        .max_message_size(Some(limits.message_bytes))
        .max_frame_size(Some(limits.message_bytes));
    let web = WebSocketStream::from_partially_read(stream, heard, Role::Server, Some(config)).await;

    let cut = end.cut();
    let mut connection = Connection { web, socket, limits, reports, end, is_closed: false };
    let ending = tokio::select! {
        ending = connection.carry() => ending,
        () = cut => Ending::AtOnce,
    };
    let how = if connection.is_closed { Parting::Closed } else { Parting::Broken };
    // Fails only where the switchboard has ended, and nobody needs to be told.
    drop(connection.reports.send(Report::Closed { socket, how }).await);
    let stream = connection.web.into_inner();
    match ending {
        Ending::Done => drop(stream),
        Ending::InPeace => Box::pin(hang_up(stream)).await,
        Ending::AtOnce => stream.cut(),
    }
}

enum Ending {
    /// Everything is said, and both sides know it.
    Done,
    /// Our last words may still be on their way.
    InPeace,
    /// The other side does not take anything any more.
    AtOnce,
}

struct Connection<S> {
    web: WebSocketStream<S>,
    socket: SocketId,
    limits: Arc<Limits>,
    reports: mpsc::Sender<Report>,
    end: LineEnd,
    /// The client has said that it closes the connection.
    is_closed: bool,
}

impl<S: Stream> Connection<S> {
    /// Carries messages both ways until either side ends it.
    ///
    /// While a write waits for the other side nothing is read from it, and while the operator's queue is full neither;
    /// the write has its deadline and the operator never waits for a connection, so neither lasts.
    async fn carry(&mut self) -> Ending {
        let mut beat = interval(self.limits.ping_every);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        beat.reset();
        let mut unanswered = 0;
        let mut readable = true;
        loop {
            tokio::select! {
                outgoing = self.end.next() => match outgoing {
                    Outgoing::Texts(texts) => {
                        if !self.write_all(texts).await {
                            return Ending::AtOnce;
                        }
                    }
                    Outgoing::End(Goodbye::Close { code, reason }) => {
                        let frame = CloseFrame { code: code.into(), reason: reason.into() };
                        return match self.write(Message::Close(Some(frame))).await {
                            true if readable => self.see_off().await,
                            true => Ending::InPeace,
                            false => Ending::AtOnce,
                        };
                    }
                    Outgoing::End(Goodbye::Dropped) => return Ending::InPeace,
                },
                incoming = self.web.next(), if readable => {
                    unanswered = 0;
                    let report = match incoming {
                        Some(Ok(Message::Text(text))) => Report::Said { socket: self.socket, text },
                        Some(Ok(Message::Binary(_))) => self.unreadable(Unreadable::Binary),
                        Some(Ok(Message::Close(_))) => {
                            self.is_closed = true;
                            continue;
                        }
                        // Answers to these are tungstenite's; it ends the stream after a close.
                        Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                        Some(Err(error)) => match why_unreadable(&error) {
                            Some(why) => {
                                readable = false;
                                self.unreadable(why)
                            }
                            None => return Ending::AtOnce,
                        },
                        None => return Ending::Done,
                    };
                    if self.reports.send(report).await.is_err() {
                        return Ending::AtOnce;
                    }
                },
                _ = beat.tick() => {
                    if unanswered == MAX_UNANSWERED_PINGS || !self.write(Message::Ping(Bytes::new())).await {
                        return Ending::AtOnce;
                    }
                    unanswered += 1;
                }
            }
        }
    }

    async fn write_all(&mut self, texts: VecDeque<Bytes>) -> bool {
        for text in texts {
            let bytes = text.len();
            // What the switchboard writes is UTF-8; as a message of its own kind it would be looked through once more.
            let frame = Message::Frame(Frame::message(text, OpCode::Data(Data::Text), true));
            if !matches!(timeout(self.limits.write_within, self.web.feed(frame)).await, Ok(Ok(()))) {
                return false;
            }
            self.end.written(bytes);
        }
        matches!(timeout(self.limits.write_within, self.web.flush()).await, Ok(Ok(())))
    }

    /// Waits for the other side to say that it has read our close. Then there is nothing left to wait for.
    async fn see_off(&mut self) -> Ending {
        let answered = async { while self.web.next().await.is_some_and(|frame| frame.is_ok()) {} };
        // Whoever does not answer in time is treated like whoever does not read.
        match timeout(PATIENCE, answered).await {
            Ok(()) => Ending::Done,
            Err(_) => Ending::AtOnce,
        }
    }

    fn unreadable(&self, why: Unreadable) -> Report {
        Report::Unreadable { socket: self.socket, why }
    }

    async fn write(&mut self, message: Message) -> bool {
        matches!(timeout(self.limits.write_within, self.web.send(message)).await, Ok(Ok(())))
    }
}

/// What the switchboard can still answer to; `None` where the connection itself is gone.
fn why_unreadable(error: &WsError) -> Option<Unreadable> {
    match error {
        WsError::Capacity(_) => Some(Unreadable::TooLong),
        WsError::Utf8(_) => Some(Unreadable::NotUtf8),
        WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        WsError::Protocol(_) => Some(Unreadable::NotWebSocket),
        WsError::ConnectionClosed
        | WsError::AlreadyClosed
        | WsError::Io(_)
        | WsError::Tls(_)
        | WsError::WriteBufferFull(_)
        | WsError::AttackAttempt
        | WsError::Url(_)
        | WsError::Http(_)
        | WsError::HttpFormat(_) => None,
    }
}

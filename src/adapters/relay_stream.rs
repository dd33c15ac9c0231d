//! A stream to a relay: what `webrtc` sends as datagrams goes out on it one behind the other, and what comes is cut up again
//! (RFC 8656, sections 3.2 and 12.5).
//!
//! A stream that is slower than the call must not become a queue of seconds, in which everything is late for ever. So little
//! waits here, less in the system's buffer, and what finds the queue full is dropped, as a network would. Nagle's algorithm
//! is off, and each message is a write of its own: there are receivers that take a TLS record for a message.

use std::{
    collections::VecDeque,
    io,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use rtc::shared::turn_framing::TurnStreamDecoder;
use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    sync::Notify,
    time::timeout,
};

use super::line::Stream;

/// Bytes that wait for the stream: a key frame and what comes with it. What finds the queue full is dropped and counted.
const QUEUE_BYTES: usize = 192 * 1024;
/// What asks and answers is short and rare, and a call depends on it: it has room beyond that of media.
const QUEUE_BYTES_RESERVED: usize = 16 * 1024;
/// When the oldest has waited for so long, the stream is too slow for what is sent: the newest is dropped and counted.
const LONGEST_WAIT: Duration = Duration::from_millis(250);
/// Bytes that the system takes before it has sent what it has.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT_IN_SYSTEM: u32 = 16 * 1024;
/// Where the system cannot be told that: all that it takes before the other side has it.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const BUFFER_IN_SYSTEM: usize = 64 * 1024;
const READ_AT_ONCE: usize = 16 * 1024;
/// How long the last words may take.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// Keeps the system's buffer short.
pub(super) fn tune(stream: &TcpStream) {
    let socket = SockRef::from(stream);
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let tuned = socket.set_tcp_notsent_lowat(UNSENT_IN_SYSTEM);
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let tuned = socket.set_send_buffer_size(BUFFER_IN_SYSTEM);
    if let Err(error) = tuned {
        tracing::debug!(%error, "the buffer of a stream to a relay stays as it is");
    }
}

/// What waits for the stream.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    messages: VecDeque<(Instant, Vec<u8>)>,
    bytes: usize,
    is_closed: bool,
}

impl Queue {
    /// Takes a message; `false` where it is dropped. Never waits.
    pub(super) fn push(&self, message: &[u8], now: Instant) -> bool {
        let framed = framed(message);
        let mut waiting = self.lock();
        let is_media = is_channel_data(message);
        let room = if is_media { QUEUE_BYTES } else { QUEUE_BYTES + QUEUE_BYTES_RESERVED };
        let oldest = waiting.messages.front().map(|(since, _)| now.saturating_duration_since(*since));
        let is_slow = is_media && oldest.is_some_and(|waited| waited > LONGEST_WAIT);
        if waiting.is_closed || is_slow || waiting.bytes + framed.len() > room {
            return false;
        }
        waiting.bytes += framed.len();
        waiting.messages.push_back((now, framed));
        drop(waiting);
        self.changed.notify_one();
        true
    }

    /// Nothing more will come: what waits is still sent, then the stream ends.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_one();
    }

    /// The next message; nothing when it is closed and empty.
    async fn pop(&self) -> Option<Vec<u8>> {
        loop {
            {
                let mut waiting = self.lock();
                if let Some((_, message)) = waiting.messages.pop_front() {
                    waiting.bytes -= message.len();
                    return Some(message);
                }
                if waiting.is_closed {
                    return None;
                }
            }
            self.changed.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a stream came to its end.
#[derive(Debug)]
pub(super) enum Ended {
    /// Nobody needs it any more.
    Left,
    /// It broke.
    Broke(io::Error),
}

/// Carries messages both ways until the stream ends. `deliver` says whether anybody is still there to take them.
pub(super) async fn carry<D: Future<Output = bool>>(
    stream: Box<dyn Stream>,
    queue: &Queue,
    deliver: impl FnMut(Vec<u8>) -> D,
) -> Ended {
    let (reader, mut writer) = tokio::io::split(stream);
    let ended = tokio::select! {
        ended = read(reader, deliver) => ended,
        ended = write(&mut writer, queue) => ended,
    };
    if matches!(ended, Ended::Left) {
        timeout(CLOSE_WITHIN, writer.shutdown()).await.ok();
    }
    ended
}

async fn read<D: Future<Output = bool>>(
    mut reader: impl AsyncRead + Unpin,
    mut deliver: impl FnMut(Vec<u8>) -> D,
) -> Ended {
    let mut decoder = TurnStreamDecoder::new();
    let mut bytes = vec![0; READ_AT_ONCE];
    loop {
        match reader.read(&mut bytes).await {
            Ok(0) => return Ended::Broke(io::ErrorKind::UnexpectedEof.into()),
            Ok(length) => decoder.extend_from_slice(bytes.get(..length).unwrap_or_default()),
            Err(error) => return Ended::Broke(error),
        }
        loop {
            match decoder.next_message() {
                Ok(None) => break,
                Err(error) => return Ended::Broke(io::Error::new(io::ErrorKind::InvalidData, error)),
                Ok(Some(message)) => {
                    if !deliver(message).await {
                        return Ended::Left;
                    }
                }
            }
        }
    }
}

async fn write(writer: &mut (impl AsyncWrite + Unpin), queue: &Queue) -> Ended {
    while let Some(message) = queue.pop().await {
        let written = async {
            writer.write_all(&message).await?;
            writer.flush().await
        };
        if let Err(error) = written.await {
            return Ended::Broke(error);
        }
    }
    Ended::Left
}

/// A message as it goes on a stream: channel data is filled up to a multiple of four.
fn framed(message: &[u8]) -> Vec<u8> {
    let mut framed = message.to_vec();
    if is_channel_data(message) {
        framed.resize(message.len().next_multiple_of(4), 0);
    }
    framed
}

fn is_channel_data(message: &[u8]) -> bool {
    message.first().is_some_and(|first| first >> 6 == 1)
}

#[cfg(test)]
mod tests {
    use std::future::{Ready, ready};

    use super::*;

    fn media(length: usize) -> Vec<u8> {
        let mut message = vec![0x40, 0x01];
        message.extend((length as u16).to_be_bytes());
        message.resize(4 + length, 9);
        message
    }

    #[test]
    fn a_queue_that_is_full_or_old_drops_the_newest_media_and_keeps_what_asks() {
        let (queue, now) = (Queue::default(), Instant::now());
        let ask = [0_u8; 28];
        let taken = (0..1000).filter(|_| queue.push(&media(1000), now)).count();
        assert_eq!(taken, QUEUE_BYTES / 1004);
        assert!(queue.push(&ask, now), "there is room for what asks");

        let slow = Queue::default();
        assert!(slow.push(&media(10), now));
        assert!(slow.push(&media(10), now + LONGEST_WAIT));
        let late = now + LONGEST_WAIT + Duration::from_millis(1);
        assert!(!slow.push(&media(10), late));
        assert!(slow.push(&ask, late));
        slow.close();
        assert!(!slow.push(&ask, late));
    }

    #[tokio::test]
    async fn messages_come_out_as_they_went_in_with_channel_data_filled_up() {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let queue = Queue::default();
        let sent: Vec<_> = (0..40).map(media).collect();
        for message in &sent {
            assert!(queue.push(message, Instant::now()));
        }
        queue.close();
        assert!(matches!(carry(Box::new(ours), &queue, |_| ready(true)).await, Ended::Left));

        let (mut got, nothing) = (Vec::new(), Queue::default());
        let ended = carry(Box::new(theirs), &nothing, |message| {
            got.push(message);
            ready(true)
        });
        assert!(matches!(ended.await, Ended::Broke(error) if error.kind() == io::ErrorKind::UnexpectedEof));
        assert_eq!(got.len(), sent.len());
        for (got, sent) in got.iter().zip(&sent) {
            assert!(got.len().is_multiple_of(4) && got.starts_with(sent), "{got:?} {sent:?}");
        }
    }

    #[tokio::test]
    async fn rubbish_from_the_relay_ends_the_stream() {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        theirs.write_all(b"\xffthis is no TURN").await.unwrap();
        let ended =
            carry(Box::new(ours), &Queue::default(), |_| -> Ready<bool> { panic!("nothing is delivered") })
                .await;
        assert!(matches!(ended, Ended::Broke(error) if error.kind() == io::ErrorKind::InvalidData));
    }

    /// Sends 1.6 Mbit/s for three seconds to a reader that takes 1 Mbit/s; gives how late each message came that came.
    async fn lateness_on_a_slow_stream(is_tuned: bool) -> Vec<Duration> {
        let listener = tokio::net::TcpSocket::new_v4().unwrap();
        // A slow link holds little itself.
        listener.set_recv_buffer_size(4096).unwrap();
        listener.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = listener.listen(1).unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        stream.set_nodelay(true).unwrap();
        if is_tuned {
            tune(&stream);
        }
        let (mut far, _) = listener.accept().await.unwrap();
        let queue = std::sync::Arc::new(Queue::default());
        let carried = queue.clone();
        let carrying = tokio::spawn(async move {
            carry(Box::new(stream), &carried, |_| ready(true)).await;
        });
        let began = Instant::now();
        let reading = tokio::spawn(async move {
            let (mut message, mut late) = ([0; 1004], Vec::new());
            let mut due = began;
            while far.read_exact(&mut message).await.is_ok() {
                due = due.max(Instant::now()) + Duration::from_micros(8032);
                tokio::time::sleep_until(due.into()).await;
                let sent = Duration::from_micros(u64::from_be_bytes(*message[4..].first_chunk().unwrap()));
                late.push(began.elapsed().saturating_sub(sent));
            }
            late
        });
        for number in 0..600 {
            tokio::time::sleep_until((began + Duration::from_millis(5) * number).into()).await;
            let mut message = media(1000);
            message[4..12].copy_from_slice(&(began.elapsed().as_micros() as u64).to_be_bytes());
            queue.push(&message, Instant::now());
        }
        queue.close();
        carrying.await.unwrap();
        reading.await.unwrap()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[expect(clippy::print_stdout, reason = "what was measured is for whoever looks at it")]
    async fn a_stream_that_is_too_slow_is_late_by_half_a_second_and_no_more() {
        let mut late = lateness_on_a_slow_stream(true).await;
        late.sort();
        let (median, most) = (late[late.len() / 2], late[late.len() - 1]);
        println!("1.6 Mbit/s over 1 Mbit/s: {} of 600 came; median {median:?}, most {most:?}", late.len());
        assert!(late.len() > 250, "{}", late.len());
        assert!(most < Duration::from_millis(1200), "{most:?}");
        let untuned = lateness_on_a_slow_stream(false).await.into_iter().max().unwrap();
        println!("with the system's own buffer: most {untuned:?}");
    }
}

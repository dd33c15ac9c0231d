//! How a server stands, for whoever watches over it: /healthz, /readyz and /metrics on a port of their own.
//!
//! On the public port the first two are answered as well, and the third is not: how many call whom is nobody's business.
//! This port is for one or two programs nearby, so it takes few connections and each for a moment only; it is apart from
//! the door for the public, and answers when that one is full.

use std::io;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::door::hang_up::hang_up;
use crate::door::http::Ready;
use crate::identity::certificate::Badge;
use crate::watching::metrics::Metrics;

/// Connections at once. One more waits, unaccepted.
const CONNECTIONS: usize = 16;

/// From the connection to the end of its request. A slower one is closed unanswered.
const REQUEST_WITHIN: Duration = Duration::from_secs(5);

/// One request head. A longer one is closed unanswered.
const MAX_HEAD_BYTES: usize = 8 * 1024;

/// After a failed accept (mostly: no more file descriptors) there is nothing better to do than to wait a little.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(200);

const PLAIN: &str = "text/plain; charset=utf-8";
/// The version of the format, as Prometheus wants it named.
const FIGURES: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How a server stands; asked at any time, also after it has ended.
#[derive(Clone)]
pub struct Status {
    pub(crate) ready: Arc<dyn Ready>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) badge: Option<Arc<Badge>>,
}

impl std::fmt::Debug for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Status").field("ready", &self.ready()).finish_non_exhaustive()
    }
}

impl Status {
    /// Whether new calls may come to the server; if not, why not.
    pub fn ready(&self) -> Result<(), &'static str> {
        self.ready.ready()
    }

    /// All that is counted, in Prometheus' text format.
    pub fn figures(&self) -> String {
        let ends = self.badge.as_ref().and_then(|badge| badge.facts().ends);
        let ends = ends.and_then(|ends| ends.duration_since(UNIX_EPOCH).ok());
        self.metrics.door.certificate_ends.set(ends.map_or(0, |ends| ends.as_secs()));
        self.metrics.text()
    }

    /// Answers whoever comes to this listener. Runs until it is dropped.
    pub async fn answer(self, listener: TcpListener) {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let place = Arc::clone(&places).acquire_owned().await.expect("the semaphore is never closed");
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!("a connection for the figures could not be accepted: {error}");
                    sleep(ACCEPT_AGAIN_AFTER).await;
                    continue;
                }
            };
            let status = self.clone();
            tokio::spawn(async move {
                // Whoever comes to no end of its request, or cannot be written to, is let go without a word.
                drop(timeout(REQUEST_WITHIN, status.serve(stream)).await);
                drop(place);
            });
        }
    }

    async fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        let mut head = Vec::with_capacity(1024);
        while !head.windows(4).any(|window| window == b"\r\n\r\n") {
            if head.len() >= MAX_HEAD_BYTES || stream.read_buf(&mut head).await? == 0 {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
        stream.write_all(self.page(&head).as_bytes()).await?;
        hang_up(stream).await;
        Ok(())
    }

    fn page(&self, head: &[u8]) -> String {
        let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        let mut words = line.split(' ');
        let (method, target, version) =
            (words.next().unwrap_or_default(), words.next().unwrap_or_default(), words.next());
        let path = target.split('?').next().unwrap_or_default();
        let (status, kind, text) = match (method, path) {
            _ if !version.is_some_and(|version| version.starts_with("HTTP/1.")) => {
                ("400 Bad Request", PLAIN, "This is not an HTTP/1.1 request.\n".to_owned())
            }
            ("GET" | "HEAD", "/metrics") => ("200 OK", FIGURES, self.figures()),
            ("GET" | "HEAD", "/healthz") => ("200 OK", PLAIN, "alive\n".to_owned()),
            ("GET" | "HEAD", "/readyz") => match self.ready() {
                Ok(()) => ("200 OK", PLAIN, "ready\n".to_owned()),
                Err(why) => ("503 Service Unavailable", PLAIN, why.to_owned()),
            },
            ("GET" | "HEAD", _) => {
                ("404 Not Found", PLAIN, "Here are /metrics, /healthz and /readyz.\n".to_owned())
            }
            _ => ("405 Method Not Allowed", PLAIN, "Only GET and HEAD are understood here.\n".to_owned()),
        };
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
             Connection: close\r\n\r\n{}",
            text.len(),
            if method == "HEAD" { "" } else { &text }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Says(Result<(), &'static str>);

    impl Ready for Says {
        fn ready(&self) -> Result<(), &'static str> {
            self.0
        }
    }

    fn status(ready: Result<(), &'static str>) -> Status {
        Status { ready: Arc::new(Says(ready)), metrics: Arc::default(), badge: None }
    }

    fn answer(ready: Result<(), &'static str>, request: &str) -> String {
        status(ready).page(format!("{request}\r\nHost: x\r\n\r\n").as_bytes())
    }

    #[test]
    fn whoever_watches_hears_how_things_stand() {
        assert!(answer(Ok(()), "GET /healthz HTTP/1.1").starts_with("HTTP/1.1 200 "));
        assert!(answer(Ok(()), "GET /readyz HTTP/1.0").ends_with("\r\n\r\nready\n"));
        let not_yet = answer(Err("Not yet.\n"), "GET /readyz HTTP/1.1");
        assert!(not_yet.starts_with("HTTP/1.1 503 ") && not_yet.ends_with("Not yet.\n"), "{not_yet}");
        assert!(answer(Err("Not yet.\n"), "GET /healthz HTTP/1.1").starts_with("HTTP/1.1 200 "));
        let figures = answer(Ok(()), "GET /metrics?all=1 HTTP/1.1");
        assert!(
            figures.contains("version=0.0.4") && figures.contains("\nsightline_sessions 0\n"),
            "{figures}"
        );
        let head = answer(Ok(()), "HEAD /metrics HTTP/1.1");
        assert!(head.ends_with("\r\n\r\n"), "{head}");
    }

    #[test]
    fn everything_else_is_refused_in_words() {
        assert!(answer(Ok(()), "GET / HTTP/1.1").starts_with("HTTP/1.1 404 "));
        assert!(answer(Ok(()), "POST /metrics HTTP/1.1").starts_with("HTTP/1.1 405 "));
        for nonsense in ["", "GET", "GET /metrics", "\u{16}\u{3}\u{1}", "GET /metrics HTTP/2"] {
            assert!(answer(Ok(()), nonsense).starts_with("HTTP/1.1 400 "), "{nonsense}");
        }
    }

    #[tokio::test]
    async fn more_than_a_few_wait_and_an_endless_head_is_let_go() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let answering = tokio::spawn(status(Ok(())).answer(listener));
        let ask = async |bytes: &[u8]| {
            let mut stream = TcpStream::connect(address).await.expect("it listens");
            let mut answer = Vec::new();
            // An endless head may be met by a reset while it is still written.
            if stream.write_all(bytes).await.is_ok() {
                drop(stream.read_to_end(&mut answer).await);
            }
            String::from_utf8_lossy(&answer).into_owned()
        };
        assert_eq!(ask(&vec![b'x'; 3 * MAX_HEAD_BYTES]).await, "");

        let mut idle = Vec::new();
        for _ in 0..CONNECTIONS {
            idle.push(TcpStream::connect(address).await.expect("it listens"));
        }
        let request = ask(b"GET /healthz HTTP/1.1\r\n\r\n");
        tokio::pin!(request);
        let waited = timeout(Duration::from_millis(200), &mut request).await;
        assert!(waited.is_err(), "every place is taken");
        drop(idle);
        assert!(request.await.ends_with("alive\n"));
        answering.abort();
    }
}

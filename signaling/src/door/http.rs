//! The little HTTP that stands before a WebSocket: one request head, judged, and answered or upgraded.
//!
//! tungstenite can do this handshake by itself. It then drops whoever is not a WebSocket client without a word, reads a
//! head of up to 64 KiB, and parses it anew with every packet. Here the head is bounded, parsed once, and every refusal
//! is an answer that a person with a browser or `curl` can read. tungstenite still does the parsing and the WebSocket part.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::SystemTime;

use ipnet::IpNet;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::tungstenite::Error as WsError;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::handshake::machine::TryParse as _;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response, create_response, write_response};
use tokio_tungstenite::tungstenite::http::header::DATE;
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode};

use crate::door::hang_up::Stream;

/// Where clients connect.
const PATH: &str = "/ws";

/// One request head. A longer one is answered with 431: an honest client needs a few hundred bytes.
const MAX_HEAD_BYTES: usize = 8 * 1024;

const HEAD_END: &[u8] = b"\r\n\r\n";

const ABOUT: &str =
    "This is a Sightline server. It connects the calls of the Sightline app; open a call link there.\n";

/// For a year, the browsers' usual least. Of use to nobody but a person who types the server's name into one.
const ONLY_WITH_TLS: &str = "Strict-Transport-Security: max-age=31536000\r\n";

/// What is asked of the server to answer `/readyz`.
pub(crate) trait Ready: Send + Sync {
    /// Whether new calls may come here; if not, why not, in words that may be read by anybody.
    fn ready(&self) -> Result<(), &'static str>;
}

/// How requests at one entrance are answered.
#[derive(Clone)]
pub(crate) struct Desk {
    /// Whether browsers are told to come back with TLS only.
    pub(crate) only_with_tls: Arc<dyn Fn() -> bool + Send + Sync>,
    /// Whom to believe for whom they ask.
    pub(crate) trusted_proxies: Arc<[IpNet]>,
    pub(crate) ready: Arc<dyn Ready>,
}

/// What came of a request.
pub(crate) enum Received {
    /// The other side wants a WebSocket, may have said something behind its request already, and is this one.
    WebSocket { upgrade: Vec<u8>, heard: Vec<u8>, source: IpAddr },
    /// It had its answer, and there is nothing more to say. Whether that was a refusal is counted.
    Answered { refused: bool },
}

impl Desk {
    /// Reads one request, of which `head` came already, and answers it, unless it is for a WebSocket; then the answer is
    /// given back. The caller bounds the time this may take.
    pub(crate) async fn receive(
        &self,
        stream: &mut impl Stream,
        mut head: Vec<u8>,
        peer: SocketAddr,
    ) -> io::Result<Received> {
        let (verdict, heard) = loop {
            if let Some(end) = end_of_head(&head) {
                break (self.judge(&head[..end], peer), head.split_off(end));
            }
            if head.len() >= MAX_HEAD_BYTES {
                let text = "The head of this request is longer than 8 KiB.\n";
                let answer = Answer::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, text);
                break (Verdict::Answer(answer), Vec::new());
            }
            if stream.read_buf(&mut head).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
        match verdict {
            Verdict::Upgrade { response, source } => {
                let mut upgrade = Vec::with_capacity(256);
                let mut response = response;
                response.headers_mut().insert(DATE, date());
                write_response(&mut upgrade, &response).map_err(io::Error::other)?;
                Ok(Received::WebSocket { upgrade, heard, source })
            }
            Verdict::Answer(answer) => {
                stream.write_all(self.page(&answer).as_bytes()).await?;
                stream.flush().await?;
                Ok(Received::Answered { refused: answer.status.is_client_error() })
            }
        }
    }

    fn judge(&self, head: &[u8], peer: SocketAddr) -> Verdict {
        let (head, bodiless) = match head.strip_prefix(b"HEAD ") {
            Some(rest) => (&[b"GET ", rest].concat()[..], true),
            None => (head, false),
        };
        let answer = |status, text| Verdict::Answer(Answer { status, text, bodiless });
        let request = match Request::try_parse(head) {
            Ok(Some((_, request))) => request,
            Err(WsError::Protocol(ProtocolError::WrongHttpMethod)) => {
                return answer(StatusCode::METHOD_NOT_ALLOWED, "Only GET and HEAD are understood here.\n");
            }
            Ok(None) | Err(_) => {
                return answer(StatusCode::BAD_REQUEST, "This is not an HTTP/1.1 request.\n");
            }
        };
        match request.uri().path() {
            PATH if bodiless => {
                answer(StatusCode::UPGRADE_REQUIRED, "Sightline clients speak WebSocket here.\n")
            }
            PATH => self.upgrade(&request, peer),
            "/" => answer(StatusCode::OK, ABOUT),
            "/healthz" => answer(StatusCode::OK, "alive\n"),
            "/readyz" => match self.ready.ready() {
                Ok(()) => answer(StatusCode::OK, "ready\n"),
                Err(why) => answer(StatusCode::SERVICE_UNAVAILABLE, why),
            },
            _ => answer(StatusCode::NOT_FOUND, "There is nothing here.\n"),
        }
    }

    fn upgrade(&self, request: &Request, peer: SocketAddr) -> Verdict {
        // Every browser names the page that asks, and the app is no browser: whoever sends this is somebody's web page
        // trying its visitor's own server.
        if request.headers().contains_key("origin") {
            let text = "Web pages may not connect to this server.\n";
            return Verdict::Answer(Answer::new(StatusCode::FORBIDDEN, text));
        }
        match create_response(request) {
            Ok(response) => Verdict::Upgrade { response, source: self.source_of(request, peer) },
            Err(_) => {
                let text = "Sightline clients speak WebSocket here.\n";
                Verdict::Answer(Answer::new(StatusCode::UPGRADE_REQUIRED, text))
            }
        }
    }

    /// Who asks: whoever a trusted proxy says it is, and that proxy's own proxy, and so on, up to the first that is not
    /// trusted. What stands further left anybody may have written.
    fn source_of(&self, request: &Request, peer: SocketAddr) -> IpAddr {
        let mut source = peer.ip().to_canonical();
        let said: Vec<_> = request.headers().get_all("x-forwarded-for").iter().collect();
        let mut hops = said.iter().rev().flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
        while self.trusts(source) {
            match hops.next().map(|hop| hop.trim().parse::<IpAddr>()) {
                Some(Ok(hop)) => source = hop.to_canonical(),
                Some(Err(_)) | None => break,
            }
        }
        source
    }

    /// Whether this one says for whom it asks.
    pub(crate) fn trusts(&self, source: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|range| range.contains(&source))
    }

    fn page(&self, answer: &Answer) -> String {
        answer.page(if (self.only_with_tls)() { ONLY_WITH_TLS } else { "" })
    }
}

/// The answer for whoever comes while every place is taken.
pub(crate) fn full() -> String {
    let text = "This server has as many connections as it allows. Try again in a while.\n";
    Answer::new(StatusCode::SERVICE_UNAVAILABLE, text).page("")
}

/// The answer for a source that comes too often, or is there often enough.
pub(crate) fn too_many() -> String {
    let text = "Too many connections come from your address. Try again in a while.\n";
    Answer::new(StatusCode::TOO_MANY_REQUESTS, text).page("")
}

/// The answer for whoever speaks plain HTTP where TLS is spoken.
pub(crate) fn without_tls() -> String {
    let text = "This port speaks HTTPS: the address begins with https://, not with http://.\n";
    Answer::new(StatusCode::BAD_REQUEST, text).page("")
}

enum Verdict {
    Upgrade { response: Response, source: IpAddr },
    Answer(Answer),
}

struct Answer {
    status: StatusCode,
    text: &'static str,
    /// To HEAD: all but the text.
    bodiless: bool,
}

impl Answer {
    const fn new(status: StatusCode, text: &'static str) -> Self {
        Self { status, text, bodiless: false }
    }

    fn page(&self, more: &str) -> String {
        let extra = match self.status {
            StatusCode::UPGRADE_REQUIRED => "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
            StatusCode::METHOD_NOT_ALLOWED => "Allow: GET, HEAD\r\n",
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => "Retry-After: 30\r\n",
            _ => "",
        };
        let Self { status, text, bodiless } = self;
        format!(
            "HTTP/1.1 {status}\r\nDate: {}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
             X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nConnection: close\r\n{extra}{more}\r\n{}",
            httpdate::fmt_http_date(SystemTime::now()),
            text.len(),
            if *bodiless { "" } else { text }
        )
    }
}

/// By our clock; a client tells by it whether its own is right.
fn date() -> HeaderValue {
    let now = httpdate::fmt_http_date(SystemTime::now());
    HeaderValue::try_from(now).expect("a date is letters, digits and spaces")
}

fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(HEAD_END.len()).position(|window| window == HEAD_END).map(|start| start + HEAD_END.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const UPGRADE: &str = "Host: localhost:1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                           Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";

    const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 9)), 5);

    struct Says(Result<(), &'static str>);

    impl Ready for Says {
        fn ready(&self) -> Result<(), &'static str> {
            self.0
        }
    }

    fn desk(trusted: &[&str], ready: Result<(), &'static str>) -> Desk {
        Desk {
            only_with_tls: Arc::new(|| false),
            trusted_proxies: trusted.iter().map(|range| range.parse().expect("a range")).collect(),
            ready: Arc::new(Says(ready)),
        }
    }

    fn status(request: &str) -> u16 {
        match desk(&[], Ok(())).judge(request.as_bytes(), PEER) {
            Verdict::Upgrade { response, .. } => response.status().as_u16(),
            Verdict::Answer(answer) => answer.status.as_u16(),
        }
    }

    fn source(trusted: &[&str], forwarded: &str) -> String {
        let request = format!("GET /ws HTTP/1.1\r\n{forwarded}{UPGRADE}\r\n");
        match desk(trusted, Ok(())).judge(request.as_bytes(), PEER) {
            Verdict::Upgrade { source, .. } => source.to_string(),
            Verdict::Answer(answer) => panic!("{}", answer.status),
        }
    }

    #[test]
    fn only_a_trusted_proxy_says_for_whom_it_asks() {
        let one = "X-Forwarded-For: 203.0.113.5\r\n";
        assert_eq!(source(&[], one), "10.0.0.9");
        assert_eq!(source(&["192.168.0.0/16"], one), "10.0.0.9");
        assert_eq!(source(&["10.0.0.9/32"], one), "203.0.113.5");
        assert_eq!(source(&["10.0.0.9/32"], ""), "10.0.0.9");
    }

    #[test]
    fn of_a_row_of_proxies_the_last_that_is_not_trusted_counts() {
        let row = "X-Forwarded-For: 1.1.1.1, 203.0.113.5,10.0.0.8\r\n";
        assert_eq!(source(&["10.0.0.0/8"], row), "203.0.113.5", "anybody can write what stands further left");
        let lines = "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2001:db8::7\r\n";
        assert_eq!(source(&["10.0.0.0/8"], lines), "2001:db8::7");
        assert_eq!(source(&["10.0.0.0/8"], "X-Forwarded-For: ::ffff:192.0.2.1\r\n"), "192.0.2.1");
        assert_eq!(source(&["10.0.0.0/8"], "X-Forwarded-For: unknown\r\n"), "10.0.0.9");
        assert_eq!(source(&["10.0.0.0/8"], "X-Forwarded-For: 1.1.1.1, ?, 10.0.0.8\r\n"), "10.0.0.8");
    }

    #[test]
    fn whether_it_is_alive_and_ready_can_be_asked() {
        assert_eq!(status("GET /healthz HTTP/1.1\r\n\r\n"), 200);
        assert_eq!(status("GET /readyz HTTP/1.1\r\n\r\n"), 200);
        let Verdict::Answer(answer) =
            desk(&[], Err("It ends.\n")).judge(b"GET /readyz HTTP/1.1\r\n\r\n", PEER)
        else {
            panic!("no answer")
        };
        assert_eq!((answer.status.as_u16(), answer.text), (503, "It ends.\n"));
        assert_eq!(status("GET /metrics HTTP/1.1\r\n\r\n"), 404, "never on a public port");
    }

    #[test]
    fn head_gets_everything_but_the_text() {
        let Verdict::Answer(answer) = desk(&[], Ok(())).judge(b"HEAD / HTTP/1.1\r\n\r\n", PEER) else {
            panic!("no answer")
        };
        let page = answer.page(ONLY_WITH_TLS);
        assert!(page.starts_with("HTTP/1.1 200 ") && page.ends_with("\r\n\r\n"), "{page}");
        assert!(page.contains(&format!("Content-Length: {}\r\n", ABOUT.len())), "{page}");
        assert!(page.contains("Strict-Transport-Security: "), "{page}");
        let date = page.lines().find_map(|line| line.strip_prefix("Date: ")).expect("a date");
        assert!(httpdate::parse_http_date(date).is_ok(), "{date}");
        assert_eq!(status(&format!("HEAD /ws HTTP/1.1\r\n{UPGRADE}\r\n")), 426);
    }

    #[test]
    fn a_websocket_client_is_let_in_at_its_path_only() {
        assert_eq!(status(&format!("GET /ws HTTP/1.1\r\n{UPGRADE}\r\n")), 101);
        assert_eq!(status(&format!("GET /else HTTP/1.1\r\n{UPGRADE}\r\n")), 404);
    }

    #[test]
    fn a_web_page_is_refused_whatever_origin_it_names() {
        for origin in ["https://example.org", "null", ""] {
            assert_eq!(status(&format!("GET /ws HTTP/1.1\r\nOrigin: {origin}\r\n{UPGRADE}\r\n")), 403);
        }
    }

    #[test]
    fn a_person_with_a_browser_is_told_what_this_is() {
        assert_eq!(status("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), 200);
        assert_eq!(status("GET /ws HTTP/1.1\r\nHost: localhost\r\n\r\n"), 426);
    }

    #[test]
    fn other_methods_and_other_languages_are_refused() {
        assert_eq!(status("POST /ws HTTP/1.1\r\n\r\n"), 405);
        assert_eq!(status("GET /ws HTTP/1.0\r\n\r\n"), 400);
        assert_eq!(status("\u{16}\u{3}\u{1} not HTTP at all\r\n\r\n"), 400);
        assert_eq!(status("\r\n\r\n"), 400);
    }

    #[test]
    fn the_end_of_the_head_is_found_before_what_follows() {
        assert_eq!(end_of_head(b"GET / HTTP/1.1\r\n\r\nmore"), Some(18));
        assert_eq!(end_of_head(b"GET / HTTP/1.1\r\n"), None);
    }
}

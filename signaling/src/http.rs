//! The little HTTP that stands before a WebSocket: one request head, judged, and answered or upgraded.
//!
//! tungstenite can do this handshake by itself. It then drops whoever is not a WebSocket client without a word, reads a
//! head of up to 64 KiB, and parses it anew with every packet. Here the head is bounded, parsed once, and every refusal
//! is an answer that a person with a browser or `curl` can read. tungstenite still does the parsing and the WebSocket part.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::tungstenite::Error as WsError;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::handshake::machine::TryParse as _;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response, create_response, write_response};
use tokio_tungstenite::tungstenite::http::StatusCode;

use crate::hang_up::Stream;

/// Where clients connect.
const PATH: &str = "/ws";

/// One request head. A longer one is answered with 431: an honest client needs a few hundred bytes.
const MAX_HEAD_BYTES: usize = 8 * 1024;

const HEAD_END: &[u8] = b"\r\n\r\n";

const ABOUT: &str =
    "This is a Sightline server. It connects the calls of the Sightline app; open a call link there.\n";

/// What came of a request.
pub(crate) enum Received {
    /// The other side speaks WebSocket from here on, and may have said these bytes already.
    WebSocket(Vec<u8>),
    /// It had its answer, and there is nothing more to say.
    Answered,
}

/// Reads one request and answers it. The caller bounds the time this may take.
pub(crate) async fn receive(stream: &mut impl Stream) -> io::Result<Received> {
    let mut head = Vec::with_capacity(1024);
    let (verdict, tail) = loop {
        if stream.read_buf(&mut head).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(end) = end_of_head(&head) {
            break (judge(&head[..end]), head.split_off(end));
        }
        if head.len() >= MAX_HEAD_BYTES {
            let text = "The head of this request is longer than 8 KiB.\n";
            break (Verdict::Answer(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, text), Vec::new());
        }
    };
    match verdict {
        Verdict::Upgrade(response) => {
            let mut bytes = Vec::with_capacity(256);
            write_response(&mut bytes, &response).map_err(io::Error::other)?;
            stream.write_all(&bytes).await?;
            Ok(Received::WebSocket(tail))
        }
        Verdict::Answer(status, text) => {
            stream.write_all(page(status, text).as_bytes()).await?;
            Ok(Received::Answered)
        }
    }
}

/// The answer for whoever comes while every place is taken.
pub(crate) fn full() -> String {
    page(
        StatusCode::SERVICE_UNAVAILABLE,
        "This server has as many connections as it allows. Try again in a while.\n",
    )
}

#[derive(Debug)]
enum Verdict {
    Upgrade(Response),
    Answer(StatusCode, &'static str),
}

fn judge(head: &[u8]) -> Verdict {
    let request = match Request::try_parse(head) {
        Ok(Some((_, request))) => request,
        Err(WsError::Protocol(ProtocolError::WrongHttpMethod)) => {
            return Verdict::Answer(StatusCode::METHOD_NOT_ALLOWED, "Only GET is understood here.\n");
        }
        Ok(None) | Err(_) => {
            return Verdict::Answer(StatusCode::BAD_REQUEST, "This is not an HTTP/1.1 request.\n");
        }
    };
    match request.uri().path() {
        PATH => upgrade(&request),
        "/" => Verdict::Answer(StatusCode::OK, ABOUT),
        _ => Verdict::Answer(StatusCode::NOT_FOUND, "There is nothing here.\n"),
    }
}

fn upgrade(request: &Request) -> Verdict {
    // Every browser names the page that asks, and the app is no browser: whoever sends this is somebody's web page
    // trying its visitor's own server.
    if request.headers().contains_key("origin") {
        return Verdict::Answer(StatusCode::FORBIDDEN, "Web pages may not connect to this server.\n");
    }
    match create_response(request) {
        Ok(response) => Verdict::Upgrade(response),
        Err(_) => Verdict::Answer(StatusCode::UPGRADE_REQUIRED, "Sightline clients speak WebSocket here.\n"),
    }
}

fn page(status: StatusCode, text: &str) -> String {
    let extra = match status {
        StatusCode::UPGRADE_REQUIRED => "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
        StatusCode::METHOD_NOT_ALLOWED => "Allow: GET\r\n",
        _ => "",
    };
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
         X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nConnection: close\r\n{extra}\r\n{text}",
        text.len()
    )
}

fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(HEAD_END.len()).position(|window| window == HEAD_END).map(|start| start + HEAD_END.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const UPGRADE: &str = "Host: localhost:1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                           Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";

    fn status(request: &str) -> u16 {
        match judge(request.as_bytes()) {
            Verdict::Upgrade(response) => response.status().as_u16(),
            Verdict::Answer(status, _) => status.as_u16(),
        }
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

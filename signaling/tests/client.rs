//! A client of the switchboard, as small as a test needs it.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use sightline_protocol::switchboard::{decode, encode, hello_signing_bytes};
use sightline_protocol::{
    Address, CallId, Challenge, ErrorCode, Identity, PROTOCOL_VERSION, Resume, Sealed, ToClient, ToServer,
    Token,
};
use sightline_server::{Config, Limits, Server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Nothing on loopback takes this long; whatever waits for it has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const CALL: CallId = CallId([5; 16]);

pub(crate) async fn server(limits: Limits) -> Server {
    Server::bind(Config { limits, ..Config::loopback() }).await.expect("a free port on loopback")
}

pub(crate) fn name(server: &Server) -> String {
    server.addresses().http.expect("it listens on loopback").to_string()
}

pub(crate) fn envelope(id: u64, to: Address, bytes: usize) -> ToServer {
    ToServer::Send { id, to, call: CALL, sealed: Sealed(vec![0x5a; bytes]), ack: None }
}

pub(crate) struct Client {
    pub(crate) web: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub(crate) challenge: Challenge,
    /// How many numbered messages were said.
    pub(crate) said: u64,
    /// The session's name and token, once it is ready.
    pub(crate) session: Option<(String, Token)>,
}

impl Client {
    /// Connected and challenged.
    pub(crate) async fn open(server: &Server) -> Self {
        Self::open_as(&name(server)).await
    }

    /// Connected and challenged, at `HOST:PORT`.
    pub(crate) async fn open_as(name: &str) -> Self {
        let (web, _) = connect_async(format!("ws://{name}/ws")).await.expect("the server takes connections");
        let mut client = Self { web, challenge: Challenge([0; 32]), said: 0, session: None };
        let heard = client.hear().await;
        let ToClient::Welcome { version: PROTOCOL_VERSION, challenge, .. } = heard else {
            panic!("expected a welcome, heard {heard:?}");
        };
        Self { challenge, ..client }
    }

    /// Connected, and known to the switchboard.
    pub(crate) async fn connect(server: &Server, who: &Identity) -> Self {
        let mut client = Self::open(server).await;
        let hello = client.hello(who, &name(server));
        client.say(&hello).await;
        client.is_ready(false).await;
        client
    }

    /// Back in the session of an older connection, of whose messages so many have come.
    pub(crate) async fn resume(server: &Server, who: &Identity, older: &Self, received: u64) -> Self {
        let mut client = Self::open(server).await;
        let ToServer::Hello { version, address, signature, hidden, .. } = client.hello(who, &name(server))
        else {
            panic!()
        };
        let (session, token) = older.session.clone().expect("the older one was ready");
        let resume = Some(Resume { session, token, received });
        client.say(&ToServer::Hello { version, address, signature, resume, hidden }).await;
        client.said = client.is_ready(true).await;
        client
    }

    /// Hears that it is ready, and how much has been heard of it.
    async fn is_ready(&mut self, expected: bool) -> u64 {
        let heard = self.hear().await;
        let ToClient::Ready { session, token: Some(token), resumed, received, .. } = heard else {
            panic!("expected to be ready, heard {heard:?}");
        };
        assert_eq!(resumed, expected);
        self.session = Some((session, token));
        received
    }

    pub(crate) fn hello(&self, who: &Identity, server_name: &str) -> ToServer {
        let address = who.address();
        let signature = who.sign(&hello_signing_bytes(server_name, &self.challenge, &address));
        ToServer::Hello { version: PROTOCOL_VERSION, address, signature, resume: None, hidden: false }
    }

    /// Sends the next envelope.
    pub(crate) async fn post(&mut self, to: Address, bytes: usize) {
        self.said += 1;
        let envelope = envelope(self.said, to, bytes);
        self.say(&envelope).await;
    }

    pub(crate) async fn say(&mut self, message: &ToServer) {
        self.send(Message::text(encode(message))).await;
    }

    pub(crate) async fn send(&mut self, message: Message) {
        timeout(PATIENCE, self.web.send(message))
            .await
            .expect("the server reads")
            .expect("the connection holds");
    }

    /// The next message that is no acknowledgement. Numbered ones are acknowledged.
    pub(crate) async fn hear(&mut self) -> ToClient {
        loop {
            let text = match self.hear_anything().await {
                Some(Message::Text(text)) => text,
                other => panic!("expected a message, heard {other:?}"),
            };
            let message = decode(text.as_str()).expect("the server speaks the protocol");
            let number = match &message {
                ToClient::Ack { .. } => continue,
                ToClient::Deliver { n, .. }
                | ToClient::Offline { n, .. }
                | ToClient::Presence { n, .. }
                | ToClient::Relay { n, .. } => Some(*n),
                ToClient::Error { n, .. } => *n,
                ToClient::Welcome { .. }
                | ToClient::Ready { .. }
                | ToClient::Replaced
                | ToClient::Drain { .. }
                | ToClient::Unknown => None,
            };
            if let Some(n) = number.filter(|n| n % 16 == 0) {
                self.say(&ToServer::Ack { n }).await;
            }
            return message;
        }
    }

    /// The next frame that is no ping, or `None` at the end.
    pub(crate) async fn hear_anything(&mut self) -> Option<Message> {
        loop {
            match timeout(PATIENCE, self.web.next()).await.expect("the server says something, or ends")? {
                Ok(Message::Ping(_) | Message::Pong(_)) => {}
                Ok(message) => return Some(message),
                Err(_) => return None,
            }
        }
    }

    /// Ends the connection as a cut cable would: with a reset, and no word of WebSocket.
    pub(crate) fn breaks(&mut self) {
        let MaybeTlsStream::Plain(stream) = self.web.get_mut() else { panic!("not a plain connection") };
        stream.set_zero_linger().expect("a socket");
        let hole = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let other = std::net::TcpStream::connect(hole.local_addr().expect("bound")).expect("listening");
        other.set_nonblocking(true).expect("a socket");
        *stream = TcpStream::from_std(other).expect("a socket");
    }

    /// The error that ends this connection, and the code it is closed with.
    pub(crate) async fn last_words(&mut self) -> (ErrorCode, u16) {
        let heard = self.hear().await;
        let ToClient::Error { code, fatal: true, .. } = heard else {
            panic!("expected the last error, heard {heard:?}")
        };
        (code, self.close_code().await)
    }

    pub(crate) async fn close_code(&mut self) -> u16 {
        let heard = self.hear_anything().await;
        let Some(Message::Close(Some(frame))) = heard else { panic!("expected a close, heard {heard:?}") };
        assert_eq!(self.hear_anything().await, None, "nothing comes after a close");
        frame.code.into()
    }

    /// Sends one envelope to `to` and sees it arrive.
    pub(crate) async fn reaches(&mut self, to: &mut Self, address: Address) {
        self.post(address, 300).await;
        let heard = to.hear().await;
        assert!(matches!(heard, ToClient::Deliver { call: CALL, .. }), "{heard:?}");
    }
}

/// A connection without a WebSocket library, for saying what no library would.
pub(crate) struct Raw(pub(crate) TcpStream);

impl Raw {
    pub(crate) async fn open(server: &Server) -> Self {
        Self(
            TcpStream::connect(server.addresses().http.expect("it listens on loopback"))
                .await
                .expect("the server takes connections"),
        )
    }

    /// A connection that is a WebSocket from here on. The welcome is still to be read.
    pub(crate) async fn upgraded(server: &Server) -> Self {
        let mut raw = Self::open(server).await;
        raw.send(upgrade().as_bytes()).await;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(timeout(PATIENCE, raw.0.read_u8()).await.expect("an answer").expect("an answer"));
        }
        assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
        raw
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.expect("the server reads");
    }

    /// All that comes until the server ends the connection.
    pub(crate) async fn rest(mut self) -> String {
        let mut bytes = Vec::new();
        // A reset ends it as well.
        drop(
            timeout(PATIENCE, self.0.read_to_end(&mut bytes)).await.expect("the server ends the connection"),
        );
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The same connection for a library.
    pub(crate) async fn into_web(self) -> WebSocketStream<TcpStream> {
        WebSocketStream::from_raw_socket(self.0, Role::Client, None).await
    }
}

pub(crate) fn upgrade() -> String {
    "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        .to_owned()
}

/// One whole text frame as a client sends it, masked with zeroes.
pub(crate) fn frame(payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).ok().filter(|length| *length < 126).expect("a short frame");
    [&[0x81, 0x80 | length, 0, 0, 0, 0], payload].concat()
}

//! The way to the switchboard: connects, proves who we are, hands envelopes on, and comes back when the line breaks.
//!
//! Envelopes that are posted while the line is down are dropped: the two ends of a call send again what was not
//! acknowledged, and an old copy would only come in the way.

use std::{sync::Arc, time::Duration};

use futures_util::{SinkExt, StreamExt};
use sightline_protocol::{
    PROTOCOL_VERSION, is_compatible,
    keys::Identity,
    limits::MAX_MESSAGE_BYTES,
    link::ServerAddress,
    switchboard::{ErrorCode, Sealed, ToClient, ToServer, decode, encode, hello_signing_bytes},
};
use tokio::{
    runtime::Handle,
    sync::mpsc,
    time::{sleep, timeout},
};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Error as SocketError, Message, protocol::WebSocketConfig},
};

use crate::{
    adapters::line::{self, LineError},
    engine::ports::{Envelope, Mail, MailEvent},
    logic::backoff::Backoff,
};

/// Envelopes waiting for the line. When it is full the next one is refused, and will be sent again.
const POSTED: usize = 64;
/// How long connecting and proving may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(8);
/// The server pings every 20 s; a line that is silent for three times that is dead.
const SILENT_FOR: Duration = Duration::from_secs(60);

type Line = WebSocketStream<Box<dyn line::Stream>>;

/// The end that the engine holds. The line is given up when it is dropped.
pub struct Switchboard {
    posted: mpsc::Sender<Envelope>,
}

impl Switchboard {
    /// Starts connecting, and reports to `events`.
    pub fn connect(
        runtime: &Handle,
        server: ServerAddress,
        identity: Arc<Identity>,
        events: mpsc::Sender<MailEvent>,
    ) -> Self {
        let (posted, to_send) = mpsc::channel(POSTED);
        runtime.spawn(Client { server, identity, events, to_send, next_id: 0 }.run());
        Self { posted }
    }
}

impl Mail for Switchboard {
    fn post(&self, envelope: Envelope) -> bool {
        self.posted.try_send(envelope).is_ok()
    }
}

struct Client {
    server: ServerAddress,
    identity: Arc<Identity>,
    events: mpsc::Sender<MailEvent>,
    to_send: mpsc::Receiver<Envelope>,
    next_id: u64,
}

/// Why a line ended.
enum End {
    /// Nobody needs it any more.
    NotNeeded,
    /// Trying again may help.
    Broken(String),
    /// Trying again does not help.
    Refused(String),
}

impl From<SocketError> for End {
    fn from(error: SocketError) -> Self {
        Self::Broken(format!("the line to the server broke: {error}"))
    }
}

impl From<LineError> for End {
    fn from(error: LineError) -> Self {
        if error.may_pass() { Self::Broken(error.to_string()) } else { Self::Refused(error.to_string()) }
    }
}

impl Client {
    async fn run(mut self) {
        let mut backoff = Backoff::default();
        loop {
            let end = match timeout(CONNECT_WITHIN, self.connect()).await {
                Ok(Ok(line)) => {
                    backoff.reset();
                    self.serve(line).await
                }
                Ok(Err(end)) => end,
                Err(_) => End::Broken(format!("the server {} does not answer", self.server)),
            };
            let event = match end {
                End::NotNeeded => return,
                End::Refused(why) => {
                    self.events.send(MailEvent::Refused { why }).await.ok();
                    return;
                }
                End::Broken(why) => MailEvent::Down { why },
            };
            if self.events.send(event).await.is_err() || self.rest(backoff.pause(dice())).await.is_err() {
                return;
            }
        }
    }

    /// Waits, and lets go of what is posted meanwhile.
    async fn rest(&mut self, pause: Duration) -> Result<(), ()> {
        let end = sleep(pause);
        tokio::pin!(end);
        loop {
            tokio::select! {
                () = &mut end => return Ok(()),
                envelope = self.to_send.recv() => {
                    if envelope.is_none() {
                        return Err(());
                    }
                }
            }
        }
    }

    async fn connect(&mut self) -> Result<Line, End> {
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_MESSAGE_BYTES))
            .max_frame_size(Some(MAX_MESSAGE_BYTES));
        let stream = line::dial(&self.server).await?;
        let (mut line, _) = client_async_with_config(self.server.websocket_url(), stream, Some(config))
            .await
            .map_err(|error| unreachable(&self.server, &error))?;
        let (version, challenge) = loop {
            if let ToClient::Welcome { version, challenge, limits: _ } = next(&mut line).await? {
                break (version, challenge);
            }
        };
        if !is_compatible(version) {
            return Err(End::Refused(format!(
                "the server {} speaks version {version} and this program version {PROTOCOL_VERSION}; update the older one",
                self.server
            )));
        }
        let address = self.identity.address();
        let signature = self.identity.sign(&hello_signing_bytes(&self.server.name(), &challenge, &address));
        say(&mut line, &ToServer::Hello { version: PROTOCOL_VERSION, address, signature }).await?;
        loop {
            match next(&mut line).await? {
                ToClient::Ready { session } => {
                    tracing::info!(session, "the switchboard knows us");
                    self.events.send(MailEvent::Up).await.map_err(|_| End::NotNeeded)?;
                    return Ok(line);
                }
                ToClient::Error { code, text, fatal: true, id: _ } => {
                    let why = format!("the server {} refuses us: {text} ({})", self.server, code.as_str());
                    let for_good = matches!(code, ErrorCode::AuthFailed | ErrorCode::ProtoVersion);
                    return Err(if for_good { End::Refused(why) } else { End::Broken(why) });
                }
                ToClient::Welcome { .. }
                | ToClient::Deliver { .. }
                | ToClient::Offline { .. }
                | ToClient::Replaced
                | ToClient::Error { .. }
                | ToClient::Unknown => {}
            }
        }
    }

    async fn serve(&mut self, mut line: Line) -> End {
        loop {
            let done = tokio::select! {
                envelope = self.to_send.recv() => match envelope {
                    Some(envelope) => self.send(&mut line, envelope).await,
                    None => {
                        line.close(None).await.ok();
                        Err(End::NotNeeded)
                    }
                },
                message = timeout(SILENT_FOR, next(&mut line)) => match message {
                    Ok(Ok(message)) => self.take(message).await,
                    Ok(Err(end)) => Err(end),
                    Err(_) => Err(End::Broken("the server has fallen silent".to_owned())),
                },
            };
            if let Err(end) = done {
                return end;
            }
        }
    }

    async fn send(&mut self, line: &mut Line, envelope: Envelope) -> Result<(), End> {
        self.next_id += 1;
        let Envelope { with: to, call, sealed } = envelope;
        say(line, &ToServer::Send { id: self.next_id, to, call, sealed: Sealed(sealed) }).await
    }

    async fn take(&mut self, message: ToClient) -> Result<(), End> {
        let event = match message {
            ToClient::Deliver { from, call, sealed } => {
                MailEvent::Delivered(Envelope { with: from, call, sealed: sealed.0 })
            }
            ToClient::Offline { id: _, to, call } => MailEvent::Offline { to, call },
            ToClient::Replaced => {
                return Err(End::Refused(
                    "another program with the same key has connected to the server; end one of the two, \
                     or give one its own --profile"
                        .to_owned(),
                ));
            }
            ToClient::Error { code, text, fatal, id: _ } => {
                tracing::info!(code = code.as_str(), text, "the server complains");
                return if fatal { Err(End::Broken(text)) } else { Ok(()) };
            }
            ToClient::Welcome { .. } | ToClient::Ready { .. } | ToClient::Unknown => return Ok(()),
        };
        self.events.send(event).await.map_err(|_| End::NotNeeded)
    }
}

/// What stands in the way of a line, in words.
fn unreachable(server: &ServerAddress, error: &SocketError) -> End {
    let is_foreign =
        matches!(error, SocketError::Http(_) | SocketError::HttpFormat(_) | SocketError::Protocol(_));
    let why = if is_foreign {
        format!("what answers at {server} is not a Sightline server")
    } else {
        format!("the server {server} cannot be reached: {error}")
    };
    End::Broken(why)
}

async fn say(line: &mut Line, message: &ToServer) -> Result<(), End> {
    Ok(line.send(Message::text(encode(message))).await?)
}

/// The next message. Pings are answered by the library on the way.
async fn next(line: &mut Line) -> Result<ToClient, End> {
    loop {
        match line.next().await {
            None | Some(Ok(Message::Close(_))) => {
                return Err(End::Broken("the server has closed the line".to_owned()));
            }
            Some(Ok(Message::Text(text))) => match decode(&text) {
                Ok(message) => return Ok(message),
                Err(error) => {
                    return Err(End::Broken(format!(
                        "what answers there is not a Sightline server: {error}"
                    )));
                }
            },
            Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            Some(Err(error)) => return Err(error.into()),
        }
    }
}

/// From 0 to 1. Without randomness everybody comes back at the same moment, which is no reason to fail.
fn dice() -> f64 {
    getrandom::u32().map_or(0.0, |random| f64::from(random) / f64::from(u32::MAX))
}

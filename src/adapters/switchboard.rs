//! The way to the switchboard: dials, lets the session machine talk, and dials again when the line breaks.
//!
//! What is said and when, what is acknowledged and what is said again is decided in `sightline_protocol::session`. Here are
//! the socket, the clock, and the pauses between two attempts. Envelopes that are posted while there is no session are
//! dropped: the two ends of a call send again what was not acknowledged, and an old copy would only come in the way.

use std::{
    collections::HashMap,
    future::{Future, pending},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use sightline_protocol::{
    PROTOCOL_VERSION,
    call::CallId,
    keys::{Address, Identity},
    limits::MAX_MESSAGE_BYTES,
    link::ServerAddress,
    session::{Effect, Event, Parting, Post, Session},
    switchboard::{ErrorCode, Sealed},
};
use tokio::{
    runtime::Handle,
    sync::mpsc,
    task::JoinSet,
    time::{sleep, sleep_until, timeout, timeout_at},
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

/// What waits to be said. When it is full the next envelope is refused, and will be sent again.
const POSTED: usize = 64;
/// How long connecting may take, and proving who we are.
const CONNECT_WITHIN: Duration = Duration::from_secs(8);
/// The server pings every 20 s; a line that is silent for three times that is dead.
const SILENT_FOR: Duration = Duration::from_secs(60);
/// How long an attempt has before another may begin beside it, and how many there may be.
const BESIDE_AFTER: Duration = Duration::from_millis(900);
const MOST_BESIDE: usize = 4;
/// How long a line that is doubted has to show that it lives.
const PROBE_WITHIN: Duration = Duration::from_millis(1200);

type Line = WebSocketStream<Box<dyn line::Stream>>;

/// The end that the engine holds. The line is given up when it is dropped.
pub struct Switchboard {
    wishes: mpsc::Sender<Wish>,
}

/// What the engine wants of the line.
enum Wish {
    /// Something is to be said.
    Say(Post),
    /// Whether others are to hear that we are not connected.
    Hide(bool),
    /// The network is another: a new line, whatever becomes of this one.
    Redial,
    /// Something does not come through: does this line still lead anywhere?
    Probe,
}

impl Switchboard {
    /// Starts connecting, and reports to `events`.
    pub fn connect(
        runtime: &Handle,
        server: ServerAddress,
        identity: Arc<Identity>,
        hidden: bool,
        events: mpsc::Sender<MailEvent>,
    ) -> Self {
        let (wishes, wished) = mpsc::channel(POSTED);
        let mut session = Session::new(identity, server.name());
        session.hide(hidden);
        let (asked, backoff) = (HashMap::new(), Backoff::default());
        runtime.spawn(Client { server, session, asked, events, wished, backoff }.run());
        Self { wishes }
    }
}

impl Mail for Switchboard {
    fn post(&self, envelope: Envelope) -> bool {
        let Envelope { with: to, call, sealed } = envelope;
        self.wishes.try_send(Wish::Say(Post::Envelope { to, call, sealed: Sealed(sealed) })).is_ok()
    }

    fn ask_relay(&self, call: CallId, with: Address) {
        self.wishes.try_send(Wish::Say(Post::Relay { call, with })).ok();
    }

    fn ask(&self, who: Address) {
        self.wishes.try_send(Wish::Say(Post::Ask { to: who })).ok();
    }

    fn hide(&self, hidden: bool) {
        if self.wishes.try_send(Wish::Hide(hidden)).is_err() {
            tracing::warn!("the line has too much to do; whether we are online is shown as before");
        }
    }

    fn over(&self, call: CallId, with: Address) {
        // Where there is no room the server finds out by itself, only later.
        self.wishes.try_send(Wish::Say(Post::Over { call, with })).ok();
    }

    fn redial(&self) {
        self.wishes.try_send(Wish::Redial).ok();
    }

    fn probe(&self) {
        self.wishes.try_send(Wish::Probe).ok();
    }
}

struct Client {
    server: ServerAddress,
    session: Session,
    /// Questions about the relay that are not answered yet, by the number that the session gave them.
    asked: HashMap<u64, CallId>,
    events: mpsc::Sender<MailEvent>,
    wished: mpsc::Receiver<Wish>,
    backoff: Backoff,
}

/// Why a line ended.
enum End {
    /// Nobody needs it any more.
    NotNeeded,
    /// Trying again may help.
    Broken(String),
    /// Trying again helps after so long.
    Later(Duration, String),
    /// Trying again does not help.
    Refused(String),
    /// Nothing is wrong with it, but another may be better.
    Redial,
}

/// What came of something that was waited for.
enum Meanwhile<T> {
    Done(T),
    /// Somebody waits for the line.
    Urged,
    Redial,
    NotNeeded,
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
        loop {
            let end = self.once().await;
            self.session.handle(Event::Broken, now());
            let (event, pause) = match end {
                End::NotNeeded => return,
                End::Refused(why) => {
                    self.events.send(MailEvent::Refused { why }).await.ok();
                    return;
                }
                End::Broken(why) => (MailEvent::Down { why }, self.backoff.pause(dice())),
                End::Later(pause, why) => (MailEvent::Down { why }, pause),
                End::Redial => continue,
            };
            if self.events.send(event).await.is_err() {
                return;
            }
            match self.meanwhile(sleep(pause)).await {
                Meanwhile::Done(()) | Meanwhile::Urged | Meanwhile::Redial => {}
                Meanwhile::NotNeeded => return,
            }
        }
    }

    /// One line, from dialling to its end.
    ///
    /// Where somebody waits for it, and the network perhaps came back only now, another attempt begins beside the one under
    /// way: what was sent into the void is repeated less and less often.
    async fn once(&mut self) -> End {
        let server = self.server.clone();
        let no_answer = || End::Broken(format!("the server {server} does not answer"));
        let deadline = tokio::time::Instant::now() + CONNECT_WITHIN;
        let mut attempts = JoinSet::new();
        let mut newest = now();
        attempts.spawn(dial(server.clone()));
        loop {
            match self.meanwhile(timeout_at(deadline, attempts.join_next())).await {
                Meanwhile::NotNeeded => return End::NotNeeded,
                Meanwhile::Redial => return End::Redial,
                Meanwhile::Urged => {
                    if newest.elapsed() >= BESIDE_AFTER && attempts.len() < MOST_BESIDE {
                        newest = now();
                        attempts.spawn(dial(server.clone()));
                    }
                }
                Meanwhile::Done(Ok(Some(Ok(Ok(line))))) => {
                    attempts.abort_all();
                    return self.serve(line).await;
                }
                Meanwhile::Done(Ok(Some(Ok(Err(end))))) if attempts.is_empty() => return end,
                Meanwhile::Done(Ok(Some(_))) if !attempts.is_empty() => {}
                Meanwhile::Done(Ok(_) | Err(_)) => return no_answer(),
            }
        }
    }

    /// While there is no line the session is worked all the same.
    async fn meanwhile<T>(&mut self, what: impl Future<Output = T>) -> Meanwhile<T> {
        tokio::pin!(what);
        loop {
            let due = self.session.poll_timeout().map(|(due, _)| due);
            tokio::select! {
                outcome = &mut what => return Meanwhile::Done(outcome),
                wish = self.wished.recv() => match wish {
                    Some(Wish::Say(post)) => self.post(post),
                    Some(Wish::Hide(hidden)) => _ = self.session.hide(hidden),
                    Some(Wish::Redial) => return Meanwhile::Redial,
                    Some(Wish::Probe) => return Meanwhile::Urged,
                    None => return Meanwhile::NotNeeded,
                },
                () = at(due) => self.session.handle_timeout(now()),
            }
            if self.carry_out(None).await.is_err() {
                return Meanwhile::NotNeeded;
            }
        }
    }

    async fn serve(&mut self, mut line: Line) -> End {
        let known_by = now() + CONNECT_WITHIN;
        let mut answer_by = None;
        self.session.handle(Event::Connected, now());
        loop {
            if let Err(end) = self.carry_out(Some(&mut line)).await {
                line.close(None).await.ok();
                return end;
            }
            let due = self.session.poll_timeout().map(|(due, _)| due);
            tokio::select! {
                wish = self.wished.recv() => match wish {
                    Some(Wish::Say(post)) => self.post(post),
                    // It stands in the hello.
                    Some(Wish::Hide(hidden)) => if self.session.hide(hidden) {
                        return End::Redial;
                    },
                    Some(Wish::Redial) => return End::Redial,
                    Some(Wish::Probe) => {
                        if let Err(error) = line.send(Message::Ping(Bytes::new())).await {
                            return error.into();
                        }
                        answer_by.get_or_insert(now() + PROBE_WITHIN);
                    }
                    None => self.session.handle(Event::Leave, now()),
                },
                heard = timeout(SILENT_FOR, next(&mut line)) => match heard {
                    Ok(Ok(text)) => {
                        answer_by = None;
                        if let Some(text) = text {
                            self.session.handle(Event::Heard(&text), now());
                        }
                    }
                    Ok(Err(end)) => return end,
                    Err(_) => return End::Broken("the server has fallen silent".to_owned()),
                },
                () = at(due) => self.session.handle_timeout(now()),
                () = at(answer_by), if answer_by.is_some() => {
                    return End::Broken("the server does not answer any more".to_owned());
                }
                () = at(Some(known_by)), if !self.session.is_up() => {
                    return End::Broken(format!("the server {} does not answer", self.server));
                }
            }
        }
    }

    fn post(&mut self, post: Post) {
        let asks_for = match &post {
            Post::Relay { call, .. } => Some(*call),
            Post::Envelope { .. } | Post::Ask { .. } | Post::Over { .. } => None,
        };
        match self.session.post(post) {
            Ok(id) => self.asked.extend(asks_for.map(|call| (id, call))),
            Err(error) => tracing::debug!(%error, "not said"),
        }
    }

    /// Does all that the session asks for. A line that breaks on the way is no reason to forget the rest.
    async fn carry_out(&mut self, mut line: Option<&mut Line>) -> Result<(), End> {
        let mut outcome = Ok(());
        while let Some(effect) = self.session.poll_effect() {
            let event = match effect {
                Effect::Say(text) => {
                    if let Some(line) = line.as_mut().filter(|_| outcome.is_ok()) {
                        outcome = line.send(Message::text(text)).await.map_err(End::from);
                    }
                    continue;
                }
                Effect::Close(parting) => {
                    outcome = Err(self.parted(parting));
                    continue;
                }
                Effect::Up { session, resumed, stun } => {
                    tracing::info!(session, resumed, "the switchboard knows us");
                    self.backoff.reset();
                    if !resumed {
                        // Numbers begin anew, and what was asked in the old session is not answered any more.
                        self.asked.clear();
                    }
                    MailEvent::Up { stun, resumed }
                }
                Effect::Delivered { from, call, sealed } => {
                    MailEvent::Delivered(Envelope { with: from, call, sealed: sealed.0 })
                }
                Effect::Offline { id: _, to, call } => MailEvent::Offline { to, call },
                Effect::Relay { id, call, credentials } => {
                    self.asked.remove(&id);
                    MailEvent::Relay { call, credentials }
                }
                Effect::Refused { id, code, text } => match self.asked.remove(&id) {
                    Some(call) => MailEvent::NoRelay { call, code, why: text },
                    None => {
                        complained(&code, &text);
                        continue;
                    }
                },
                Effect::Complaint { code, text } => {
                    complained(&code, &text);
                    continue;
                }
                // What the two ends of a call say is said again by them, and so is what is asked for it.
                Effect::Lost { id } => {
                    self.asked.remove(&id);
                    continue;
                }
                Effect::Presence { id: _, to: who, connected } => MailEvent::Present { who, connected },
            };
            self.events.send(event).await.map_err(|_| End::NotNeeded)?;
        }
        outcome
    }

    /// Why a line is ended, in words.
    fn parted(&self, parting: Parting) -> End {
        let server = &self.server;
        match parting {
            Parting::Left => End::NotNeeded,
            Parting::Replaced => End::Refused(
                "another program with the same key has connected to the server; end one of the two, \
                 or give one its own --profile"
                    .to_owned(),
            ),
            Parting::Incompatible { version } => End::Refused(format!(
                "the server {server} speaks version {version} and this program version {PROTOCOL_VERSION}; update the older one"
            )),
            Parting::Refused { code, text } => {
                End::Refused(format!("the server {server} refuses us: {text} ({code})"))
            }
            Parting::Drain(pause) => End::Later(pause, format!("the server {server} is being stopped")),
            Parting::Ended { code, text } => {
                End::Broken(format!("the server {server} ended the line: {text} ({code})"))
            }
            Parting::Nonsense(why) => {
                End::Broken(format!("what answers at {server} is not a Sightline server: {why}"))
            }
        }
    }
}

/// A line that nothing was said on yet.
async fn dial(server: ServerAddress) -> Result<Line, End> {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES));
    let stream = line::dial(&server).await?;
    let (line, _) = client_async_with_config(server.websocket_url(), stream, Some(config))
        .await
        .map_err(|error| unreachable(&server, &error))?;
    Ok(line)
}

fn complained(code: &ErrorCode, text: &str) {
    tracing::info!(code = code.as_str(), text, "the server complains");
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

/// The next sign of life, and what it says, if it says anything. Pings are answered by the library on the way.
async fn next(line: &mut Line) -> Result<Option<String>, End> {
    match line.next().await {
        None | Some(Ok(Message::Close(_))) => Err(End::Broken("the server has closed the line".to_owned())),
        Some(Ok(Message::Text(text))) => Ok(Some(text.as_str().to_owned())),
        Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(None),
        Some(Err(error)) => Err(error.into()),
    }
}

async fn at(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due.into()).await,
        None => pending().await,
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// From 0 to 1. Without randomness everybody comes back at the same moment, which is no reason to fail.
fn dice() -> f64 {
    getrandom::u32().map_or(0.0, |random| f64::from(random) / f64::from(u32::MAX))
}

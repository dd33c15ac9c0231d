//! Clients of the switchboard by the thousand: each the session machine that the app uses, on a connection of its own.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use rustls::ClientConfig;
use sightline_protocol::session::{Effect, Event, Post, Session};
use sightline_protocol::{Address, CallId, ErrorCode, Identity, Scheme, Sealed, ServerAddress};
use sightline_server::pinned_client;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpSocket;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// An envelope's sealed part, about that of a candidate.
const SEALED_BYTES: usize = 512;

/// How long a connection may take. A busy server is waited for.
const CONNECT_WITHIN: Duration = Duration::from_secs(60);

/// Whoever could not connect tries again after so long, and then after twice as long, up to the second.
const BACK_OFF: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(4)];

/// What all clients are told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Order {
    /// Whoever finds another number here than before drops its connection and comes back.
    pub(crate) round: u64,
    /// Whoever has somebody to write to writes as much as it may.
    pub(crate) write: bool,
}

/// What became of them.
#[derive(Debug, Default)]
pub(crate) struct Count {
    pub(crate) up: AtomicU64,
    pub(crate) resumed: AtomicU64,
    pub(crate) delivered: AtomicU64,
    /// Connections that did not come about and were tried again.
    pub(crate) retries: AtomicU64,
    /// Envelopes that came back because too many waited for their addressee already.
    pub(crate) refused: AtomicU64,
    /// Everything else that the server refused or complained of, and what got lost.
    pub(crate) errors: AtomicU64,
}

/// Where they connect.
pub(crate) struct Target {
    address: SocketAddr,
    name: String,
    tls: Option<Arc<ClientConfig>>,
}

/// All of them. They end with this value.
pub(crate) struct Crowd {
    pub(crate) count: Arc<Count>,
    pub(crate) orders: watch::Sender<Order>,
    _clients: JoinSet<()>,
}

trait Line: AsyncRead + AsyncWrite + Unpin + Send {}

impl<L: AsyncRead + AsyncWrite + Unpin + Send> Line for L {}

type Web = WebSocketStream<Box<dyn Line>>;

impl Target {
    /// From a link on loopback.
    pub(crate) fn new(link: &str) -> Result<Self> {
        let server: ServerAddress = link.parse().ok().context("the server prints links")?;
        let name = server.name();
        let address = SocketAddr::new(server.host.parse()?, server.port);
        let tls = match server.scheme {
            Scheme::Https => Some(pinned_client(server.pin.context("a server without a name has a pin")?)),
            Scheme::Http => None,
        };
        Ok(Self { address, name, tls })
    }

    async fn dial(&self, number: u64) -> Result<Web> {
        let socket = TcpSocket::new_v4()?;
        // Loopback is sixteen million addresses: ports of one of them would not do for every round.
        socket.bind((Ipv4Addr::new(127, 1, 0, (number % 100) as u8 + 1), 0).into())?;
        let stream = socket.connect(self.address).await?;
        stream.set_nodelay(true)?;
        let stream: Box<dyn Line> = match &self.tls {
            None => Box::new(stream),
            Some(config) => {
                let name = self.address.ip().into();
                Box::new(TlsConnector::from(Arc::clone(config)).connect(name, stream).await?)
            }
        };
        let config = WebSocketConfig::default().read_buffer_size(4096).write_buffer_size(0);
        let (web, _) =
            client_async_with_config(format!("ws://{}/ws", self.name), stream, Some(config)).await?;
        Ok(web)
    }
}

impl Crowd {
    /// So many, of whom the first half may be told to write to the second half. They connect at once.
    pub(crate) fn gather(target: Target, clients: u64) -> Result<Self> {
        let (target, count) = (Arc::new(target), Arc::new(Count::default()));
        let (orders, heard) = watch::channel(Order { round: 0, write: false });
        let identities =
            (0..clients).map(|_| Ok(Arc::new(Identity::generate()?))).collect::<Result<Vec<_>>>()?;
        let mut all = JoinSet::new();
        for (number, identity) in identities.iter().enumerate() {
            let partner = identities.get(number + identities.len() / 2).map(|partner| partner.address());
            let client = Client {
                number: number as u64,
                target: Arc::clone(&target),
                count: Arc::clone(&count),
                session: Session::new(Arc::clone(identity), target.name.clone()),
                partner,
            };
            all.spawn(client.live(heard.clone()));
        }
        Ok(Self { count, orders, _clients: all })
    }

    /// Until that many are connected; how long that took.
    pub(crate) async fn until_up(&self, wished: u64, within: Duration) -> Result<Duration> {
        let start = Instant::now();
        while self.count.up.load(Ordering::Relaxed) != wished {
            if start.elapsed() > within {
                bail!(
                    "only {} of {wished} are connected: {:?}",
                    self.count.up.load(Ordering::Relaxed),
                    self.count
                );
            }
            sleep(Duration::from_millis(10)).await;
        }
        Ok(start.elapsed())
    }
}

struct Client {
    number: u64,
    target: Arc<Target>,
    count: Arc<Count>,
    session: Session,
    partner: Option<Address>,
}

impl Client {
    async fn live(mut self, mut orders: watch::Receiver<Order>) {
        loop {
            let mut web = self.connect().await;
            self.session.handle(Event::Connected, Instant::now());
            let was_up = self.talk(&mut web, &mut orders).await.unwrap_or_else(|_| self.session.is_up());
            self.session.handle(Event::Broken, Instant::now());
            if was_up {
                self.count.up.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }

    async fn connect(&self) -> Web {
        let [mut pause, longest] = BACK_OFF;
        loop {
            if let Ok(Ok(web)) = timeout(CONNECT_WITHIN, self.target.dial(self.number)).await {
                return web;
            }
            self.count.retries.fetch_add(1, Ordering::Relaxed);
            // Not all at the same moment.
            sleep(pause.mul_f64(0.5 + (self.number % 64) as f64 / 64.0)).await;
            pause = (pause * 2).min(longest);
        }
    }

    /// Until the connection is gone or is to be dropped; whether the server knew us.
    async fn talk(&mut self, web: &mut Web, orders: &mut watch::Receiver<Order>) -> Result<bool, io::Error> {
        let round = orders.borrow().round;
        loop {
            if orders.borrow().write && self.session.is_up() {
                self.write();
            }
            while let Some(effect) = self.session.poll_effect() {
                match effect {
                    Effect::Say(text) => web.send(Message::text(text)).await.map_err(io::Error::other)?,
                    Effect::Up { resumed, .. } => {
                        self.count.up.fetch_add(1, Ordering::Relaxed);
                        self.count.resumed.fetch_add(u64::from(resumed), Ordering::Relaxed);
                    }
                    Effect::Delivered { .. } => {
                        self.count.delivered.fetch_add(1, Ordering::Relaxed);
                    }
                    Effect::Presence { .. } | Effect::Relay { .. } => {}
                    Effect::Refused { code: ErrorCode::PeerSlow, .. } => {
                        self.count.refused.fetch_add(1, Ordering::Relaxed);
                    }
                    Effect::Close(_)
                    | Effect::Offline { .. }
                    | Effect::Refused { .. }
                    | Effect::Lost { .. }
                    | Effect::Complaint { .. } => {
                        self.count.errors.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
            let due = self.session.poll_timeout().map(|(due, _)| due);
            tokio::select! {
                heard = web.next() => match heard {
                    Some(Ok(Message::Text(text))) => self.session.handle(Event::Heard(&text), Instant::now()),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(self.session.is_up()),
                    Some(Ok(_)) => {}
                },
                _ = orders.changed() => if orders.borrow().round != round {
                    return Ok(self.session.is_up());
                },
                () = sleep_until(due) => self.session.handle_timeout(Instant::now()),
            }
        }
    }

    /// As much as may be under way without an acknowledgement.
    fn write(&mut self) {
        let Some(to) = self.partner else { return };
        let mut call = [0; 16];
        call[..8].copy_from_slice(&self.number.to_be_bytes());
        let envelope = || Post::Envelope { to, call: CallId(call), sealed: Sealed(vec![0x5a; SEALED_BYTES]) };
        while self.session.post(envelope()).is_ok() {}
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}

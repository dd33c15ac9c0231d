//! The door: takes connections, looks at where each comes from, at what it speaks, and hands it on.
//!
//! ```text
//!  plain port ─▶ source ─────────────────▶ request ─┬─▶ WebSocket
//!  TLS port ───▶ source ─▶ handshake ─▶ first byte ─┤
//!                                                   └─▶ STUN, TURN
//! ```
//!
//! One port carries everything inside TLS, because one port is what a strict firewall lets through, and what a person
//! at home has to forward. A letter begins a request, a byte below 4 or from 0x40 to 0x4F a STUN message or TURN's
//! channel data. Nothing else begins like either.
//!
//! Whoever has not finished its request costs a place, a task and the system's buffers, for a bounded time; handshakes
//! under way are bounded once more, since they are what costs time.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::config::Limits;
use crate::hang_up::{Stream, hang_up};
use crate::http::{self, Desk, Received};
use crate::operator::Report;
use crate::switchboard::SocketId;
use crate::tls::ACME;
use crate::websocket;

/// After a failed accept (mostly: no more file descriptors) there is nothing better to do than to wait a little.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(200);

/// The first byte of every TLS connection: a handshake record.
const TLS_HANDSHAKE: u8 = 0x16;

/// What takes a connection that speaks STUN or TURN.
pub(crate) trait TurnDoor: Clone + Send + Sync + 'static {
    /// Serves it to its end. `heard` was read from it already.
    fn serve(
        self,
        stream: impl Stream + 'static,
        heard: Vec<u8>,
        peer: SocketAddr,
        local: SocketAddr,
    ) -> impl Future<Output = ()> + Send;
}

/// What all entrances share.
pub(crate) struct Hall<T> {
    limits: Arc<Limits>,
    reports: mpsc::Sender<Report>,
    turn: Option<T>,
    places: Arc<Semaphore>,
    handshakes: Arc<Semaphore>,
    numbers: AtomicU64,
}

/// What is spoken at one entrance.
#[derive(Clone)]
pub(crate) enum Entrance {
    /// HTTP alone, in the open.
    Plain(Desk),
    /// Everything, inside TLS.
    Tls(Desk, Arc<ServerConfig>),
}

impl<T: TurnDoor> Hall<T> {
    pub(crate) fn new(limits: Limits, reports: mpsc::Sender<Report>, turn: Option<T>) -> Self {
        Self {
            limits: Arc::new(limits),
            reports,
            turn,
            places: Arc::new(Semaphore::new(limits.sockets)),
            handshakes: Arc::new(Semaphore::new(limits.handshakes.max(1))),
            numbers: AtomicU64::new(0),
        }
    }

    /// Takes connections at one entrance until it is closed, then waits for those that are left. They all end with this
    /// task.
    pub(crate) async fn keep(
        self: Arc<Self>,
        listener: TcpListener,
        entrance: Entrance,
        mut closed: watch::Receiver<bool>,
    ) {
        let mut connections = JoinSet::new();
        let mut full = false;
        loop {
            let accepted = tokio::select! {
                accepted = self.accept(&listener, &entrance) => accepted,
                Some(_) = connections.join_next(), if !connections.is_empty() => continue,
                _ = closed.wait_for(|closed| *closed) => break,
            };
            let (stream, peer, handshake) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!("a connection could not be accepted: {error}");
                    sleep(ACCEPT_AGAIN_AFTER).await;
                    continue;
                }
            };
            let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
                if !std::mem::replace(&mut full, true) {
                    tracing::warn!(
                        self.limits.sockets,
                        "every place is taken; further connections are turned away"
                    );
                }
                if matches!(entrance, Entrance::Plain(_)) {
                    // As far as that goes without waiting.
                    drop(stream.try_write(http::full().as_bytes()));
                }
                continue;
            };
            full = false;
            // Small messages, each of which somebody waits for. Where it cannot be set they are only a little later.
            drop(stream.set_nodelay(true));
            let visit = Visit { hall: Arc::clone(&self), peer, _place: place };
            match &entrance {
                Entrance::Plain(desk) => connections.spawn(visit.plain(stream, desk.clone())),
                Entrance::Tls(desk, tls) => {
                    connections.spawn(visit.tls(stream, desk.clone(), Arc::clone(tls), handshake))
                }
            };
        }
        drop(listener);
        drop(self);
        while connections.join_next().await.is_some() {}
    }

    /// One connection, and at a TLS entrance the right to a handshake with it, which is waited for first.
    async fn accept(
        &self,
        listener: &TcpListener,
        entrance: &Entrance,
    ) -> io::Result<(TcpStream, SocketAddr, Option<OwnedSemaphorePermit>)> {
        let handshake = match entrance {
            Entrance::Plain(_) => None,
            Entrance::Tls(..) => {
                let permit = Arc::clone(&self.handshakes).acquire_owned().await;
                Some(permit.expect("the semaphore is never closed"))
            }
        };
        let (stream, peer) = listener.accept().await?;
        Ok((stream, peer, handshake))
    }
}

/// One connection, from its acceptance to its end.
struct Visit<T> {
    hall: Arc<Hall<T>>,
    peer: SocketAddr,
    _place: OwnedSemaphorePermit,
}

/// What a connection turned out to be.
enum Opened<S> {
    WebSocket {
        stream: S,
        heard: Vec<u8>,
        source: IpAddr,
    },
    Turn {
        stream: S,
        heard: Vec<u8>,
        local: SocketAddr,
    },
    /// It had its answer.
    Answered(S),
    /// There is nobody to say anything to, or nothing to say.
    Over,
}

impl<T: TurnDoor> Visit<T> {
    async fn plain(self, stream: TcpStream, desk: Desk) {
        // Boxed, so that the long life of a WebSocket does not keep room for its beginning.
        let opened =
            timeout(self.hall.limits.request_within, Box::pin(self.request(stream, Vec::new(), &desk))).await;
        self.carry_on(opened).await;
    }

    async fn tls(
        self,
        stream: TcpStream,
        desk: Desk,
        tls: Arc<ServerConfig>,
        handshake: Option<OwnedSemaphorePermit>,
    ) {
        let opening = Box::pin(self.open(stream, desk, tls, handshake));
        let opened = timeout(self.hall.limits.request_within, opening).await;
        self.carry_on(opened).await;
    }

    /// The handshake, and what is said first behind it.
    async fn open(
        &self,
        mut stream: TcpStream,
        desk: Desk,
        tls: Arc<ServerConfig>,
        handshake: Option<OwnedSemaphorePermit>,
    ) -> io::Result<Opened<TlsStream<TcpStream>>> {
        let mut first = [0];
        if stream.peek(&mut first).await? == 0 {
            return Ok(Opened::Over);
        }
        if first[0] != TLS_HANDSHAKE {
            if first[0].is_ascii_uppercase() {
                stream.write_all(http::without_tls().as_bytes()).await?;
                Box::pin(hang_up(stream)).await;
            }
            return Ok(Opened::Over);
        }
        let local = stream.local_addr()?;
        let mut stream = TlsAcceptor::from(tls).accept(stream).await?;
        drop(handshake);
        if stream.get_ref().1.alpn_protocol() == Some(ACME) {
            // The handshake was all that was to be seen.
            return Ok(Opened::Answered(stream));
        }
        let mut heard = Vec::with_capacity(1024);
        if stream.read_buf(&mut heard).await? == 0 {
            return Ok(Opened::Over);
        }
        match heard[0] {
            b'A'..=b'Z' => self.request(stream, heard, &desk).await,
            0x00..=0x03 | 0x40..=0x4f => Ok(Opened::Turn { stream, heard, local }),
            _ => Ok(Opened::Over),
        }
    }

    async fn request<S: Stream>(&self, mut stream: S, heard: Vec<u8>, desk: &Desk) -> io::Result<Opened<S>> {
        let opened = match desk.receive(&mut stream, heard, self.peer).await? {
            Received::WebSocket { upgrade, heard, source } => {
                stream.write_all(&upgrade).await?;
                stream.flush().await?;
                Opened::WebSocket { stream, heard, source }
            }
            Received::Answered => Opened::Answered(stream),
        };
        Ok(opened)
    }

    /// What comes after the beginning, which may have failed or taken too long.
    async fn carry_on<S: Stream + 'static>(
        self,
        opened: Result<io::Result<Opened<S>>, tokio::time::error::Elapsed>,
    ) {
        match opened {
            Ok(Ok(Opened::WebSocket { stream, heard, source })) => {
                let socket = SocketId(self.hall.numbers.fetch_add(1, Ordering::Relaxed));
                let (limits, reports) = (Arc::clone(&self.hall.limits), self.hall.reports.clone());
                websocket::serve(stream, heard, socket, source, limits, reports).await;
            }
            Ok(Ok(Opened::Turn { stream, heard, local })) => {
                if let Some(door) = self.hall.turn.clone() {
                    Box::pin(door.serve(stream, heard, self.peer, local)).await;
                }
            }
            Ok(Ok(Opened::Answered(stream))) => Box::pin(hang_up(stream)).await,
            Ok(Ok(Opened::Over)) => {}
            Ok(Err(error)) => tracing::debug!(%error, "a connection did not get as far as a request"),
            Err(_) => tracing::debug!("a connection took too long over its beginning"),
        }
    }
}

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
use tokio::time::error::Elapsed;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::config::Limits;
use crate::door::guests::{Guests, Stay};
use crate::door::hang_up::{Stream, hang_up};
use crate::door::http::{self, Desk, Received};
use crate::door::tls::ACME;
use crate::relay_io::StreamDoor;
use crate::switchboard::SocketId;
use crate::switchboard_io::operator::Report;
use crate::switchboard_io::websocket;
use crate::watching::metrics::Door;

/// After a failed accept (mostly: no more file descriptors) there is nothing better to do than to wait a little.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(200);

/// The first byte of every TLS connection: a handshake record.
const TLS_HANDSHAKE: u8 = 0x16;

/// What all entrances share.
pub(crate) struct Hall {
    limits: Arc<Limits>,
    reports: mpsc::Sender<Report>,
    turn: Option<StreamDoor>,
    guests: Arc<Guests>,
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

impl Hall {
    pub(crate) fn new(
        limits: Limits,
        reports: mpsc::Sender<Report>,
        turn: Option<StreamDoor>,
        guests: Arc<Guests>,
    ) -> Self {
        Self {
            limits: Arc::new(limits),
            reports,
            turn,
            guests,
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
                self.door().turned_away.full.add(1);
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
            let visit = Visit::begin(Arc::clone(&self), peer, place);
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

    fn door(&self) -> &Door {
        &self.guests.metrics.door
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
struct Visit {
    hall: Arc<Hall>,
    peer: SocketAddr,
    _place: OwnedSemaphorePermit,
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.hall.door().connections.subtract(1);
    }
}

/// What a connection turned out to be.
enum Opened<S> {
    /// It asks for a WebSocket, which is not granted yet.
    WebSocket {
        stream: S,
        upgrade: Vec<u8>,
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

/// Boxed: it is large, and a task keeps room for every place that it is moved through. In the open it made 11 KiB a task.
type Tls = Box<TlsStream<TcpStream>>;

/// The beginning of a connection, which may have failed or taken too long.
type Beginning<S> = Result<io::Result<Opened<S>>, Elapsed>;

impl Visit {
    fn begin(hall: Arc<Hall>, peer: SocketAddr, place: OwnedSemaphorePermit) -> Self {
        hall.door().connections.add(1);
        Self { hall, peer, _place: place }
    }

    async fn plain(self, stream: TcpStream, desk: Desk) {
        self.hall.door().accepted.plain.add(1);
        // Boxed, so that the long life of a WebSocket does not keep room for its beginning.
        let opening = Box::pin(self.request(stream, Vec::new(), &desk));
        let opened = timeout(self.hall.limits.request_within, opening).await;
        let Ok(Ok(Opened::WebSocket { stream, upgrade, heard, source })) = opened else {
            return self.end(opened).await;
        };
        // Somebody on this computer is only within its limits if a proxy says for whom it asks: then that one is.
        let stay = if source.is_loopback() { None } else { self.hall.guests.enter(source) };
        if stay.is_none() && !source.is_loopback() {
            return self.end(Ok(refuse(stream).await)).await;
        }
        self.serve(stream, upgrade, heard, source, stay).await;
    }

    async fn tls(
        self,
        stream: TcpStream,
        desk: Desk,
        tls: Arc<ServerConfig>,
        handshake: Option<OwnedSemaphorePermit>,
    ) {
        self.hall.door().accepted.tls.add(1);
        // Before the handshake, which is what costs.
        let Some(stay) = self.hall.guests.enter(self.peer.ip().to_canonical()) else { return stream.cut() };
        let opening = Box::pin(self.open(stream, desk, tls, handshake));
        match timeout(self.hall.limits.request_within, opening).await {
            Ok(Ok(Opened::WebSocket { stream, upgrade, heard, source })) => {
                self.serve(stream, upgrade, heard, source, Some(stay)).await;
            }
            other => self.end(other).await,
        }
    }

    /// The handshake, and what is said first behind it.
    async fn open(
        &self,
        mut stream: TcpStream,
        desk: Desk,
        tls: Arc<ServerConfig>,
        handshake: Option<OwnedSemaphorePermit>,
    ) -> io::Result<Opened<Tls>> {
        let turned_away = &self.hall.door().turned_away;
        let mut first = [0];
        if stream.peek(&mut first).await? == 0 {
            return Ok(Opened::Over);
        }
        if first[0] != TLS_HANDSHAKE {
            turned_away.handshake.add(1);
            if first[0].is_ascii_uppercase() {
                stream.write_all(http::without_tls().as_bytes()).await?;
                hang_up(stream).await;
            }
            return Ok(Opened::Over);
        }
        let local = stream.local_addr()?;
        let accepted = TlsAcceptor::from(tls).accept(stream).await;
        let mut stream = Box::new(accepted.inspect_err(|_| turned_away.handshake.add(1))?);
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
            _ => {
                turned_away.request.add(1);
                Ok(Opened::Over)
            }
        }
    }

    async fn request<S: Stream>(&self, mut stream: S, heard: Vec<u8>, desk: &Desk) -> io::Result<Opened<S>> {
        Ok(match desk.receive(&mut stream, heard, self.peer).await? {
            Received::WebSocket { upgrade, heard, source } => {
                Opened::WebSocket { stream, upgrade, heard, source }
            }
            Received::Answered { refused } => {
                self.hall.door().turned_away.request.add(refused.into());
                Opened::Answered(stream)
            }
        })
    }

    async fn serve(
        self,
        mut stream: impl Stream,
        upgrade: Vec<u8>,
        heard: Vec<u8>,
        source: IpAddr,
        _stay: Option<Stay>,
    ) {
        let written = async {
            stream.write_all(&upgrade).await?;
            stream.flush().await
        };
        // It has not even read this; the next it reads is its end.
        if !matches!(timeout(self.hall.limits.write_within, written).await, Ok(Ok(()))) {
            return;
        }
        let socket = SocketId(self.hall.numbers.fetch_add(1, Ordering::Relaxed));
        let (limits, reports) = (Arc::clone(&self.hall.limits), self.hall.reports.clone());
        websocket::serve(stream, heard, socket, source, limits, reports).await;
    }

    /// What is to be done for whoever got as far as this, or did not, and wants no WebSocket.
    async fn end<S: Stream + 'static>(self, opened: Beginning<S>) {
        match opened {
            Ok(Ok(Opened::Turn { stream, heard, local })) => {
                if let Some(door) = self.hall.turn.clone() {
                    Box::pin(door.serve(stream, heard, self.peer, local)).await;
                }
            }
            Ok(Ok(Opened::Answered(stream))) => Box::pin(hang_up(stream)).await,
            Ok(Ok(Opened::WebSocket { .. } | Opened::Over)) => {}
            Ok(Err(error)) => tracing::debug!(%error, "a connection did not get as far as a request"),
            Err(_) => self.hall.door().turned_away.late.add(1),
        }
    }
}

async fn refuse<S: Stream>(mut stream: S) -> io::Result<Opened<S>> {
    stream.write_all(http::too_many().as_bytes()).await?;
    Ok(Opened::Answered(stream))
}

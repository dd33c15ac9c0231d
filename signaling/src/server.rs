//! A running server: the listening socket, its connections, and their end.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sightline_protocol::{Scheme, ServerAddress};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

use crate::config::{Config, Limits};
use crate::hang_up::hang_up;
use crate::http::{Received, receive};
use crate::operator::{Neighbours, REPORTS, Report, operate};
use crate::sources::Sources;
use crate::switchboard::{Setup, SocketId, Switchboard};
use crate::{http, websocket};

/// Connections that the kernel holds until they are accepted. When it is full the kernel ignores new ones, and clients
/// try again by themselves.
const BACKLOG: u32 = 1024;

/// What the kernel keeps for one connection, each way. A few messages: enough for any call, and it bounds what somebody
/// who never reads can make us hold.
const KERNEL_BUFFER_BYTES: u32 = 128 * 1024;

/// After a failed accept (mostly: no more file descriptors) there is nothing better to do than to wait a little.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(200);

/// How long clients have, when the server closes, to read why. After that their connections are dropped.
const FAREWELL: Duration = Duration::from_secs(3);

/// A server that runs until it is closed or dropped, on the tokio runtime it was bound in.
#[derive(Debug)]
pub struct Server {
    addresses: Addresses,
    /// Weak, because the operator works for as long as somebody could still report.
    reports: mpsc::WeakSender<Report>,
    stop: Arc<Notify>,
    operator: JoinHandle<()>,
    listener: JoinHandle<()>,
}

/// Where a server listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// For plain HTTP and WebSocket.
    pub http: SocketAddr,
}

impl Addresses {
    /// What a client on this computer is given to reach it: `http://HOST:PORT/`.
    pub fn url(&self) -> String {
        address_of(&self.http.ip().to_string(), self.http.port()).to_string()
    }
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address can be reached from other computers.
    #[error(
        "{0} can be reached from other computers, and without TLS whoever carries the traffic would see who calls whom; \
         listen on a loopback address such as 127.0.0.1:{port}", port = .0.port()
    )]
    NotLoopback(SocketAddr),
    /// Somebody else has the port.
    #[error("port {port} is in use already, perhaps by another server; choose another, or port 0 for any free one", port = .0.port())]
    InUse(SocketAddr),
    /// The system refuses for another reason.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// The system's own words.
        error: io::Error,
    },
    /// The data folder cannot be used.
    #[error("the data folder {} cannot be used: {error}", folder.display())]
    Data {
        /// Which.
        folder: PathBuf,
        /// The system's own words.
        error: io::Error,
    },
    /// A name is given that no client can have dialled.
    #[error("`{0}` is not a server's name; write it as it stands in a link, host or host:port")]
    BadName(String),
}

impl Server {
    /// Starts listening, and serves from then on.
    pub async fn bind(config: Config) -> Result<Self, BindError> {
        let Config { http, data, names, limits, .. } = config;
        let address = http.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        if !address.ip().to_canonical().is_loopback() {
            return Err(BindError::NotLoopback(address));
        }
        if let Some(folder) = data {
            prepare(&folder).map_err(|error| BindError::Data { folder, error })?;
        }
        if let Some(bad) = names.iter().find(|name| !is_name(name)) {
            return Err(BindError::BadName(bad.clone()));
        }
        let (listener, http) = listen(address).map_err(|error| {
            if error.kind() == io::ErrorKind::AddrInUse {
                BindError::InUse(address)
            } else {
                BindError::Listen { address, error }
            }
        })?;
        let names = if names.is_empty() { loopback_names(http.port()) } else { names };

        let (reports, inbox) = mpsc::channel(REPORTS);
        let stop = Arc::new(Notify::new());
        let sources = Arc::new(Mutex::new(Sources::new(&limits)));
        let setup = Setup {
            names,
            limits,
            stun: Vec::new(),
            relay: None,
            random: getrandom::u64().unwrap_or(0),
            metrics: Arc::default(),
        };
        let neighbours = Neighbours { sources, tell: Box::new(|_| ()) };
        let operator = tokio::spawn(operate(Switchboard::new(setup), inbox, neighbours));
        let weak = reports.downgrade();
        let listener = tokio::spawn(accept(listener, limits, reports, Arc::clone(&stop)));
        tracing::debug!(%http, "listening");
        Ok(Self { addresses: Addresses { http }, reports: weak, stop, operator, listener })
    }

    /// Where it listens.
    pub const fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Tells every client that the server is being stopped, and ends. Takes a few seconds at most.
    pub async fn close(mut self) {
        if let Some(reports) = self.reports.upgrade() {
            // Fails only where the operator has ended already.
            drop(reports.send(Report::Stop).await);
        }
        self.stop.notify_one();
        let ended = async { (&mut self.operator).await.is_ok() & (&mut self.listener).await.is_ok() };
        if !timeout(FAREWELL, ended).await.unwrap_or(false) {
            tracing::warn!("some clients did not close their connections in time");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.operator.abort();
        self.listener.abort();
    }
}

/// Takes connections until told to stop, then waits for those that are left. They all end with this task.
async fn accept(listener: TcpListener, limits: Limits, reports: mpsc::Sender<Report>, stop: Arc<Notify>) {
    let limits = Arc::new(limits);
    let places = Arc::new(Semaphore::new(limits.sockets));
    let mut connections = JoinSet::new();
    let mut numbers = (0..).map(SocketId);
    let mut full = false;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            () = stop.notified() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!("a connection could not be accepted: {error}");
                sleep(ACCEPT_AGAIN_AFTER).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            if !std::mem::replace(&mut full, true) {
                tracing::warn!(limits.sockets, "every place is taken; further connections are turned away");
            }
            // As far as that goes without waiting.
            drop(stream.try_write(http::full().as_bytes()));
            continue;
        };
        full = false;
        let socket = numbers.next().expect("2^64 connections take longer than any computer lasts");
        let (limits, reports) = (Arc::clone(&limits), reports.clone());
        connections.spawn(attend(stream, socket, peer, limits, reports, place));
    }
    drop((listener, reports));
    while connections.join_next().await.is_some() {}
}

async fn attend(
    mut stream: TcpStream,
    socket: SocketId,
    peer: SocketAddr,
    limits: Arc<Limits>,
    reports: mpsc::Sender<Report>,
    place: OwnedSemaphorePermit,
) {
    // Small messages, each of which somebody waits for. Where it cannot be set they are only a little later.
    drop(stream.set_nodelay(true));
    // Boxed, so that the long life of a WebSocket does not keep room for its beginning.
    match timeout(limits.request_within, Box::pin(receive(&mut stream))).await {
        Ok(Ok(Received::WebSocket(heard))) => {
            websocket::serve(stream, heard, socket, peer.ip().to_canonical(), limits, reports).await;
        }
        Ok(Ok(Received::Answered)) => Box::pin(hang_up(stream)).await,
        Ok(Err(_)) | Err(_) => {}
    }
    drop(place);
}

fn listen(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // On Unix this only allows to listen again at once after a restart; on Windows it would share the port.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(KERNEL_BUFFER_BYTES)?;
    socket.set_recv_buffer_size(KERNEL_BUFFER_BYTES)?;
    socket.bind(address)?;
    let listener = socket.listen(BACKLOG)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Makes the data folder, for its owner alone, and checks that it can be written to.
fn prepare(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    let probe = folder.join(".writable");
    std::fs::write(&probe, [])?;
    std::fs::remove_file(probe)
}

/// Every usual way to spell this computer from itself.
fn loopback_names(port: u16) -> Vec<String> {
    let hosts = [Ipv4Addr::LOCALHOST.to_string(), "localhost".to_owned(), "::1".to_owned()];
    hosts.iter().map(|host| address_of(host, port).name()).collect()
}

fn address_of(host: &str, port: u16) -> ServerAddress {
    ServerAddress { scheme: Scheme::Http, host: host.to_owned(), port, pin: None }
}

fn is_name(name: &str) -> bool {
    // A name without a port is one behind TLS; with plain HTTP only this computer is reached.
    ["http", "https"].iter().any(|scheme| {
        format!("{scheme}://{name}/").parse::<ServerAddress>().is_ok_and(|address| address.name() == name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_loopback_answers_to_every_spelling_of_this_computer() {
        assert_eq!(loopback_names(4711), ["127.0.0.1:4711", "localhost:4711", "[::1]:4711"]);
        assert_eq!(loopback_names(80), ["127.0.0.1", "localhost", "[::1]"], "as a link spells them");
    }

    #[test]
    fn a_name_is_what_stands_in_a_link() {
        for good in ["call.example.org", "call.example.org:8443", "127.0.0.1:4711", "[::1]:4711"] {
            assert!(is_name(good), "{good}");
        }
        for bad in
            ["", "https://call.example.org/", "call.example.org/", "Call.Example.Org", "a b", "host:", "::1"]
        {
            assert!(!is_name(bad), "{bad}");
        }
    }
}

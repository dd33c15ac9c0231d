//! A running server: what it was told becomes sockets, tasks and threads; and their end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sightline_protocol::ServerAddress;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use crate::certificate::{self, Badge, CertificateError, CertificateFacts};
use crate::config::{Certificate, Config};
use crate::data_folder::{DataError, DataFolder};
use crate::front_door::{Entrance, Hall};
use crate::http::{Desk, Ready};
use crate::invitation;
use crate::listen::listen_on;
use crate::metrics::Metrics;
use crate::names::{Addresses, Place, is_name};
use crate::operator::{REPORTS, Report, operate};
use crate::status::Status;
use crate::switchboard::Switchboard;
use crate::tls;

/// How long clients have, when the server closes, to read why. After that their connections are dropped.
const FAREWELL: Duration = Duration::from_secs(3);

/// A server that runs until it is closed or dropped, on the tokio runtime it was bound in.
#[derive(Debug)]
pub struct Server {
    addresses: Addresses,
    links: Vec<ServerAddress>,
    badge: Option<Arc<Badge>>,
    state: Arc<State>,
    metrics: Arc<Metrics>,
    /// Weak, because the operator works for as long as somebody could still report.
    reports: mpsc::WeakSender<Report>,
    closed: watch::Sender<bool>,
    operator: JoinHandle<()>,
    doors: JoinSet<()>,
    /// What watches over the certificate. Ends with the server.
    keepers: JoinSet<()>,
    _folder: Option<Arc<DataFolder>>,
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
    /// The port is one of the first 1024.
    #[error(
        "port {port} is not allowed to this program: ports below 1024 need a right of their own. Run it as a service \
         that has CAP_NET_BIND_SERVICE, give the right to the program (setcap cap_net_bind_service=+ep), or take a port \
         such as 8443", port = .0.port()
    )]
    NotAllowed(SocketAddr),
    /// No interface has this address.
    #[error(
        "this computer has no address {ip}; listen on one that it has, or on 0.0.0.0 or [::] for all of them. If {ip} is \
         how others reach it, give it as a public address", ip = .0.ip()
    )]
    NotOurs(SocketAddr),
    /// The system refuses for another reason.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// The system's own words.
        error: io::Error,
    },
    /// It was told to listen nowhere.
    #[error(
        "there is nothing to listen on; give at least one address for HTTPS, or a loopback address for HTTP"
    )]
    Nowhere,
    /// The data folder cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// There is no certificate to show.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// No authority can be asked for one.
    #[cfg(feature = "program")]
    #[error(transparent)]
    Acme(#[from] crate::acme::AcmeError),
    /// No authority can be asked for one, by this program at all.
    #[cfg(not(feature = "program"))]
    #[error("this program cannot ask an authority for a certificate; sightline-server can")]
    NoAcme,
    /// A name is given that no client can have dialled.
    #[error("`{0}` is not a server's name; write it as it stands in a link, host or host:port")]
    BadName(String),
}

impl BindError {
    pub(crate) fn of(address: SocketAddr, error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::AddrInUse {
            Self::InUse(address)
        } else if error.kind() == io::ErrorKind::PermissionDenied && (1..1024).contains(&address.port()) {
            Self::NotAllowed(address)
        } else if error.kind() == io::ErrorKind::AddrNotAvailable {
            Self::NotOurs(address)
        } else {
            Self::Listen { address, error }
        }
    }
}

impl Server {
    /// Starts listening, and serves from then on.
    pub async fn bind(config: Config) -> Result<Self, BindError> {
        check(&config)?;
        let folder = config.data.as_deref().map(DataFolder::open).transpose()?.map(Arc::new);
        let http = listen_on(config.http.as_slice(), &[])?;
        let https = listen_on(&config.https, &config.https_instead)?;
        let addresses = Addresses {
            http: http.first().map(|(_, at)| *at),
            https: https.iter().map(|(_, at)| *at).collect(),
            turn_udp: Vec::new(),
            turn_tcp: Vec::new(),
        };
        let place = Place {
            names: &config.names,
            domain: domain_of(&config.certificate),
            public_ips: &config.public_ips,
            addresses: &addresses,
        };
        let badge = match https.is_empty() {
            true => None,
            false => Some(Arc::new(make_badge(&config.certificate, &place.hosts(), folder.as_deref())?)),
        };
        let mut keepers = JoinSet::new();
        if let Some(badge) = &badge {
            keep_certificate(config.certificate.clone(), badge, folder.as_ref(), &mut keepers)?;
        }
        let (names, links) = (place.all_names(), place.links());

        let state = Arc::new(State {
            closing: AtomicBool::new(false),
            waits_for_certificate: badge.clone().filter(|_| place.domain.is_some()),
        });
        let (reports, inbox) = mpsc::channel(REPORTS);
        let operator = tokio::spawn(operate(Switchboard::new(names, config.limits), inbox));
        let weak = reports.downgrade();
        let (closed, open) = watch::channel(false);
        let hall = Arc::new(Hall::new(config.limits, reports, None::<NoRelay>));
        let mut doors = JoinSet::new();
        for (listener, _) in http {
            let desk = Desk {
                only_with_tls: Arc::new(|| false),
                trusted_proxies: config.trusted_proxies.clone().into(),
                ready: Arc::<State>::clone(&state),
            };
            doors.spawn(Arc::clone(&hall).keep(listener, Entrance::Plain(desk), open.clone()));
        }
        for ((listener, _), badge) in https.into_iter().zip(badge.iter().cycle()) {
            let shown = Arc::clone(badge);
            let desk = Desk {
                only_with_tls: Arc::new(move || shown.facts().vouched_for),
                trusted_proxies: Arc::new([]),
                ready: Arc::<State>::clone(&state),
            };
            let entrance = Entrance::Tls(desk, tls::for_server(Arc::<Badge>::clone(badge)));
            doors.spawn(Arc::clone(&hall).keep(listener, entrance, open.clone()));
        }
        tracing::debug!(?addresses, "listening");
        Ok(Self {
            addresses,
            links,
            badge,
            state,
            metrics: Arc::default(),
            reports: weak,
            closed,
            operator,
            doors,
            keepers,
            _folder: folder,
        })
    }

    /// Where it listens.
    pub const fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// The links to it, the best first: what a host gives away. With a pin where nobody vouches for the certificate.
    pub fn links(&self) -> Vec<ServerAddress> {
        // A pin would be of the certificate that is shown until the authority's is there.
        let certificate = self.certificate().filter(|_| self.state.waits_for_certificate.is_none());
        self.links.iter().map(|address| invitation::link(address.clone(), certificate)).collect()
    }

    /// The certificate that is shown now. `None` where it does not listen with TLS.
    pub fn certificate(&self) -> Option<CertificateFacts> {
        self.badge.as_ref().map(|badge| badge.facts())
    }

    /// Whether new calls may come here; if not, why not.
    pub fn ready(&self) -> Result<(), &'static str> {
        self.state.ready()
    }

    /// How it stands and what it counts, for whoever watches over it.
    pub fn status(&self) -> Status {
        Status {
            ready: Arc::<State>::clone(&self.state),
            metrics: Arc::clone(&self.metrics),
            badge: self.badge.clone(),
        }
    }

    /// Tells every client that the server is being stopped, and ends. Takes a few seconds at most.
    pub async fn close(self) {
        self.drain(Duration::ZERO).await;
    }

    /// Tells every client that the server is being stopped and takes no new ones; relayed calls may go on for so long.
    /// Then it ends.
    pub async fn drain(mut self, _within: Duration) {
        self.state.closing.store(true, Ordering::Relaxed);
        if let Some(reports) = self.reports.upgrade() {
            // Fails only where the operator has ended already.
            drop(reports.send(Report::Stop).await);
        }
        self.closed.send_replace(true);
        let ended = async {
            while self.doors.join_next().await.is_some() {}
            (&mut self.operator).await
        };
        if timeout(FAREWELL, ended).await.is_err() {
            tracing::warn!("some clients did not close their connections in time");
        }
        // They hold the data folder, which the next server may want at once.
        self.keepers.shutdown().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.operator.abort();
    }
}

/// How things stand, for whoever asks from outside.
#[derive(Debug)]
struct State {
    closing: AtomicBool,
    /// Where there is nothing to be called by before an authority has vouched for it.
    waits_for_certificate: Option<Arc<Badge>>,
}

impl Ready for State {
    fn ready(&self) -> Result<(), &'static str> {
        if self.closing.load(Ordering::Relaxed) {
            return Err("This server is about to end.\n");
        }
        if self.waits_for_certificate.as_ref().is_some_and(|badge| !badge.facts().vouched_for) {
            return Err("This server waits for its first certificate.\n");
        }
        Ok(())
    }
}

fn check(config: &Config) -> Result<(), BindError> {
    if let Some(http) = config.http.filter(|http| !http.ip().to_canonical().is_loopback()) {
        return Err(BindError::NotLoopback(http));
    }
    if config.http.is_none() && config.https.is_empty() {
        return Err(BindError::Nowhere);
    }
    match config.names.iter().find(|name| !is_name(name)) {
        Some(bad) => Err(BindError::BadName(bad.clone())),
        None => Ok(()),
    }
}

fn domain_of(certificate: &Certificate) -> Option<&str> {
    match certificate {
        Certificate::Acme { domain, .. } => Some(domain),
        Certificate::SelfSigned | Certificate::Files { .. } => None,
    }
}

fn make_badge(
    certificate: &Certificate,
    hosts: &[String],
    folder: Option<&DataFolder>,
) -> Result<Badge, CertificateError> {
    match certificate {
        Certificate::Files { chain, key } => Badge::from_files(chain, key),
        // Until the authority has answered there is one of our own, so that its checks can be answered at all.
        Certificate::SelfSigned | Certificate::Acme { .. } => Badge::self_signed(hosts, folder),
    }
}

/// Starts what keeps the certificate fresh, where anything does.
fn keep_certificate(
    certificate: Certificate,
    badge: &Arc<Badge>,
    folder: Option<&Arc<DataFolder>>,
    keepers: &mut JoinSet<()>,
) -> Result<(), BindError> {
    match certificate {
        Certificate::SelfSigned => {}
        Certificate::Files { chain, key } => {
            keepers.spawn(certificate::watch(Arc::clone(badge), chain, key));
        }
        #[cfg(feature = "program")]
        Certificate::Acme { domain, contact, directory, authority_root } => {
            let wish = crate::acme::Wish {
                domain: &domain,
                contact: contact.as_deref(),
                directory: directory.as_deref(),
                authority_root: authority_root.as_deref(),
            };
            keepers.spawn(crate::acme::prepare(wish, folder.cloned(), Arc::clone(badge))?);
        }
        #[cfg(not(feature = "program"))]
        Certificate::Acme { .. } => return Err(BindError::NoAcme),
    }
    Ok(())
}

/// There is none.
#[derive(Clone)]
enum NoRelay {}

impl crate::front_door::TurnDoor for NoRelay {
    async fn serve(
        self,
        _stream: impl crate::hang_up::Stream + 'static,
        _heard: Vec<u8>,
        _peer: SocketAddr,
        _local: SocketAddr,
    ) {
        match self {}
    }
}

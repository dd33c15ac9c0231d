//! A running server: what it was told becomes sockets, tasks and threads; and their end.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use sightline_protocol::ServerAddress;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

use crate::config::{Certificate, Config};
use crate::door::front_door::{Entrance, Hall};
use crate::door::guests::Guests;
use crate::door::http::{Desk, Ready};
use crate::door::listen::listen_on;
use crate::door::tls;
use crate::identity::certificate::{self, Badge, CertificateError, CertificateFacts};
use crate::identity::data_folder::{DataError, DataFolder, relay_secret};
use crate::relay::{Epoch, News};
use crate::relay_io::{RelayThreads, Setup, StartError, TcpDoor};
use crate::switchboard::{self, RelayOffer, Switchboard};
use crate::switchboard_io::operator::{Neighbours, REPORTS, Report, operate};
use crate::watching::metrics::Metrics;
use crate::watching::status::Status;
use crate::whereabouts::invitation;
use crate::whereabouts::names::{Addresses, Place, is_name};
use crate::whereabouts::public_address::of_listening;
use crate::whereabouts::self_test::{self, Check, Ways};

/// How long clients have, when the server closes, to read why. After that their connections are dropped.
const FAREWELL: Duration = Duration::from_secs(3);

/// How often it is looked whether the last relayed call has ended.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// A server that runs until it is closed or dropped, on the tokio runtime it was bound in.
#[derive(Debug)]
pub struct Server {
    addresses: Addresses,
    public_ips: Vec<IpAddr>,
    links: Vec<ServerAddress>,
    badge: Option<Arc<Badge>>,
    state: Arc<State>,
    metrics: Arc<Metrics>,
    relay: Option<Arc<RelayThreads>>,
    turn_tcp: Option<TcpDoor>,
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
    Acme(#[from] crate::identity::acme::AcmeError),
    /// No authority can be asked for one, by this program at all.
    #[cfg(not(feature = "program"))]
    #[error("this program cannot ask an authority for a certificate; sightline-server can")]
    NoAcme,
    /// The system gives none.
    #[error("the system gives no random numbers, and without them no secret can be made: {0}")]
    Random(#[from] getrandom::Error),
    /// The relay does not start.
    #[error("{0}")]
    Relay(String),
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

    fn of_relay(error: StartError) -> Self {
        match error {
            StartError::Listen { address, error } => Self::of(address, error),
            StartError::NoPorts | StartError::System(_) | StartError::Random(_) => {
                Self::Relay(error.to_string())
            }
        }
    }
}

impl Server {
    /// Starts listening, and serves from then on.
    pub async fn bind(config: Config) -> Result<Self, BindError> {
        check(&config)?;
        let folder = config.data.as_deref().map(DataFolder::open).transpose()?.map(Arc::new);
        let metrics = Arc::<Metrics>::default();
        let http = listen_on(config.http.as_slice(), &[])?;
        let https = listen_on(&config.https, &config.https_instead)?;
        let turn_tcp = listen_on(&config.turn_tcp, &[])?;
        let tcp: Vec<_> = http.iter().chain(&https).chain(&turn_tcp).map(|(_, at)| *at).collect();
        let public_ips = match config.public_ips.is_empty() {
            true => of_listening(&[&tcp[http.len()..], &config.turn_udp[..]].concat()),
            false => config.public_ips.clone(),
        };
        let secret = match (&config.relay.secret, relays(&config)) {
            (Some(given), _) => given.clone(),
            (None, true) => relay_secret(folder.as_deref())?,
            (None, false) => Vec::new(),
        };
        let relay = start_relay(&config, &public_ips, &tcp, &secret, &metrics)?;
        let addresses = Addresses {
            http: http.first().map(|(_, at)| *at),
            https: https.iter().map(|(_, at)| *at).collect(),
            turn_udp: relay.as_ref().map(|relay| relay.addresses().to_vec()).unwrap_or_default(),
            turn_tcp: turn_tcp.iter().map(|(_, at)| *at).collect(),
        };
        let place = Place {
            names: &config.names,
            domain: domain_of(&config.certificate),
            public_ips: &public_ips,
            addresses: &addresses,
        };
        let badge = match https.is_empty() {
            true => None,
            false => Some(Arc::new(make_badge(&config.certificate, &place.hosts(), folder.as_deref())?)),
        };
        let mut keepers = JoinSet::new();
        if let Some(badge) = &badge {
            badge.tell_its_end_to(Arc::clone(&metrics));
            keep_certificate(config.certificate.clone(), badge, folder.as_ref(), &mut keepers)?;
        }
        let (names, links) = (place.all_names(), place.links());
        let mut urls = if relay.is_some() { place.relay_urls() } else { Vec::new() };
        urls.extend(config.relay.more_urls.iter().cloned());
        // Without a relay of our own there may be others with the same secret.
        let offer =
            (!urls.is_empty() && !secret.is_empty()).then(|| RelayOffer { urls, secret, epoch: epoch() });
        let state = Arc::new(State {
            closing: AtomicBool::new(false),
            relay: relay.as_ref().map(Arc::downgrade),
            waits_for_certificate: badge.clone().filter(|_| place.domain.is_some()),
        });

        let (reports, inbox) = mpsc::channel(REPORTS);
        let setup = switchboard::Setup {
            names,
            limits: config.limits,
            stun: place.stun_urls(),
            relay: offer,
            random: getrandom::u64()?,
            metrics: Arc::clone(&metrics),
        };
        let guests = Arc::new(Guests::new(&config.limits, Arc::clone(&metrics)));
        let neighbours =
            Neighbours { sources: Arc::clone(&guests.sources), tell: tell_relay(relay.as_deref()) };
        let operator = tokio::spawn(operate(Switchboard::new(setup), inbox, neighbours));
        let weak = reports.downgrade();
        let (closed, open) = watch::channel(false);
        let streams = relay.as_deref().map(RelayThreads::streams);
        let hall = Arc::new(Hall::new(config.limits, reports, streams.clone(), Arc::clone(&guests)));
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
        let turn_tcp = streams.map(|streams| {
            let listeners = turn_tcp.into_iter().map(|(listener, _)| listener).collect();
            TcpDoor::open(listeners, &streams, &guests.gate(), config.limits.relay.streams)
        });
        tracing::debug!(?addresses, "listening");
        Ok(Self {
            addresses,
            public_ips,
            links,
            badge,
            state,
            metrics,
            relay,
            turn_tcp,
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

    /// The addresses at which it says it is reached.
    pub fn public_ips(&self) -> &[IpAddr] {
        &self.public_ips
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

    /// Dials its own public addresses, in every way that it tells others of. Takes a few seconds at most.
    pub async fn test_itself(&self) -> Vec<Check> {
        let ways = Ways {
            addresses: &self.addresses,
            public_ips: &self.public_ips,
            pin: self.certificate().map(|facts| facts.pin),
            relays: self.relay.is_some(),
        };
        self_test::try_all(ways).await
    }

    /// Whether new calls may come here; if not, why not.
    pub fn ready(&self) -> Result<(), &'static str> {
        self.state.ready()
    }

    /// How many allocations its relay has now.
    pub fn allocations(&self) -> usize {
        self.relay.as_ref().map_or(0, |relay| relay.allocations())
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
    pub async fn drain(mut self, within: Duration) {
        self.state.closing.store(true, Ordering::Relaxed);
        if let Some(reports) = self.reports.upgrade() {
            // Fails only where the operator has ended already.
            drop(reports.send(Report::Stop).await);
        }
        self.closed.send_replace(true);
        if let Some(relay) = &self.relay {
            relay.refuse_new();
            let idle = async {
                while relay.allocations() > 0 {
                    sleep(LOOK_AGAIN_AFTER).await;
                }
            };
            if timeout(within, idle).await.is_err() {
                tracing::warn!(allocations = relay.allocations(), "relayed calls are cut off");
            }
        }
        // With the relay its connections end, and with them what the doors wait for.
        drop((self.relay.take(), self.turn_tcp.take()));
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
    relay: Option<Weak<RelayThreads>>,
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
        let relay = self.relay.as_ref().map(Weak::upgrade);
        if relay.is_some_and(|relay| !relay.is_some_and(|relay| relay.is_whole())) {
            return Err("A part of this server's relay has failed.\n");
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
#[cfg_attr(
    not(feature = "program"),
    expect(
        unused_variables,
        reason = "what an authority gives is kept there, and only the program asks one"
    )
)]
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
            let wish = crate::identity::acme::Wish {
                domain: &domain,
                contact: contact.as_deref(),
                directory: directory.as_deref(),
                authority_root: authority_root.as_deref(),
            };
            keepers.spawn(crate::identity::acme::prepare(wish, folder.cloned(), Arc::clone(badge))?);
        }
        #[cfg(not(feature = "program"))]
        Certificate::Acme { .. } => return Err(BindError::NoAcme),
    }
    Ok(())
}

/// Whether there is anything to listen on for a relay.
const fn relays(config: &Config) -> bool {
    !(config.turn_udp.is_empty() && config.turn_tcp.is_empty())
}

fn epoch() -> Epoch {
    let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Epoch { at: tokio::time::Instant::now().into_std(), unix }
}

fn tell_relay(relay: Option<&RelayThreads>) -> Box<dyn Fn(News) + Send> {
    match relay.map(RelayThreads::news) {
        Some(relay) => Box::new(move |news| relay.tell(&news)),
        None => Box::new(|_| ()),
    }
}

/// The relay, where anything is listened on for it.
fn start_relay(
    config: &Config,
    public_ips: &[IpAddr],
    tcp: &[SocketAddr],
    secret: &[u8],
    metrics: &Arc<Metrics>,
) -> Result<Option<Arc<RelayThreads>>, BindError> {
    if !relays(config) {
        return Ok(None);
    }
    let setup = Setup {
        turn_udp: config.turn_udp.clone(),
        listening: tcp.to_vec(),
        public_ips: public_ips.to_vec(),
        ports: config.relay.ports.clone(),
        reach: config.relay.reach,
        allow: config.relay.allow.clone(),
        secrets: vec![secret.to_vec()],
        limits: config.limits.relay,
        scopes: config.limits.calls,
        threads: None,
    };
    let relay = RelayThreads::start(setup, Arc::clone(metrics)).map_err(BindError::of_relay)?;
    Ok(Some(Arc::new(relay)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_a_port_cannot_be_had_says_what_to_do() {
        let said = |at: &str, kind: io::ErrorKind| {
            BindError::of(at.parse().expect("an address"), kind.into()).to_string()
        };
        assert!(said("0.0.0.0:443", io::ErrorKind::PermissionDenied).contains("CAP_NET_BIND_SERVICE"));
        assert!(said("0.0.0.0:443", io::ErrorKind::AddrInUse).contains("port 443 is in use"));
        assert!(said("192.0.2.1:443", io::ErrorKind::AddrNotAvailable).contains("has no address 192.0.2.1"));
        assert!(
            said("0.0.0.0:8443", io::ErrorKind::PermissionDenied).contains("cannot listen on 0.0.0.0:8443")
        );
    }
}

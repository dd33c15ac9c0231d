//! What opens doors: names are looked up, streams are made, and made again where they break.

use std::{
    io::{self, ErrorKind},
    net::{IpAddr, SocketAddr},
    sync::{Arc, Weak},
    task::{Context, Waker},
    time::Duration,
};

use sightline_protocol::link::Pin;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use webrtc::runtime::Transmit;

use crate::{
    adapters::{
        ice_servers::DoorId,
        line::{self, LineError, Place, Reached, Security, Unreached},
        proxy::Proxies,
        relay_stream::{self, Ended, Queue},
    },
    logic::{
        servers::{ServerUrl, Service, Transport},
        sightings::Trouble,
    },
};

use super::{
    gate::{Gate, Outlet},
    socket::let_out,
    watch::Way,
};

/// How long a name may take to be looked up.
const LOOK_UP_WITHIN: Duration = Duration::from_secs(5);
/// How long a stream may take, with its proxy and TLS.
const REACH_WITHIN: Duration = Duration::from_secs(8);
/// How often a stream that breaks is made again. After that the door stays shut; by then the call has another connection.
const MAX_REPAIRS: u32 = 5;
const FIRST_REPAIR_AFTER: Duration = Duration::from_millis(100);
/// By how much streams let datagrams go first, where a relay has both. `webrtc` holds all relayed paths for equal and takes
/// the first; on a stream one lost packet holds up all behind it.
const DATAGRAMS_FIRST: Duration = Duration::from_millis(300);

/// How streams are made.
#[derive(Clone, Debug)]
pub(super) struct Means {
    pub(super) proxies: Proxies,
    /// The addresses of ours that they may come from; any where empty.
    pub(super) from: Vec<IpAddr>,
}

/// Begins to open all doors. What is a number already is open at once.
pub(super) fn open_all(gate: &Arc<Gate>, means: &Means) {
    let doors: Vec<_> = gate.doors.iter().map(|(id, url)| (id, url.clone())).collect();
    let pin = gate.doors.pin();
    let relays_datagrams =
        doors.iter().any(|(_, url)| url.service == Service::Turn && url.transport == Transport::Udp);
    let not_before = Instant::now() + if relays_datagrams { DATAGRAMS_FIRST } else { Duration::ZERO };
    for (id, url) in doors {
        let weak = Arc::downgrade(gate);
        match (url.transport, url.host.parse::<IpAddr>()) {
            (Transport::Udp, Ok(ip)) => gate.opened_to_datagrams(id, vec![SocketAddr::new(ip, url.port)]),
            (Transport::Udp, Err(_)) => {
                tokio::spawn(look_up(weak, id, url));
            }
            (Transport::Tcp | Transport::Tls, _) => {
                tokio::spawn(keep_stream(weak, id, url, pin, means.clone(), not_before));
            }
        }
    }
}

impl Gate {
    /// Sends without waiting: what finds no room in the system's buffer is lost, as it may be on its way.
    pub(super) fn send_now(&self, outlet: &Outlet, to: SocketAddr, bytes: &[u8]) {
        let transmit =
            Transmit { destination: to, ecn: None, contents: bytes, segment_size: None, src_ip: None };
        let mut context = Context::from_waker(Waker::noop());
        if let std::task::Poll::Ready(Err(error)) = let_out(outlet, self, &mut context, &transmit) {
            tracing::debug!(%error, "a request to a server was not sent");
        }
    }
}

async fn look_up(gate: Weak<Gate>, id: DoorId, url: ServerUrl) {
    let found = timeout(LOOK_UP_WITHIN, line::look_up(&url.host, url.port)).await;
    let Some(gate) = gate.upgrade() else { return };
    match found {
        Ok(addresses) if !addresses.is_empty() => gate.opened_to_datagrams(id, addresses),
        Ok(_) => gate.shut(id, Some(Trouble::NameUnknown)),
        Err(_) => gate.shut(id, Some(Trouble::NoAnswer)),
    }
}

/// A door's stream, for as long as anybody may need it.
async fn keep_stream(
    gate: Weak<Gate>,
    id: DoorId,
    url: ServerUrl,
    pin: Option<Pin>,
    means: Means,
    not_before: Instant,
) {
    let mut repairs = 0;
    loop {
        let reached = reach(&gate, id, &url, pin, &means).await;
        sleep_until(not_before).await;
        let Some(here) = gate.upgrade() else { return };
        match reached {
            Ok(Reached { stream, local, remote }) => {
                let queue = Arc::new(Queue::default());
                here.opened_to_stream(id, &queue, local.ip(), remote);
                drop(here);
                match relay_stream::carry(stream, &queue, |bytes| deliver(gate.clone(), id, bytes)).await {
                    Ended::Left => return,
                    Ended::Broke(error) => tracing::debug!(%url, %error, "a stream to a relay broke"),
                }
                let Some(here) = gate.upgrade() else { return };
                here.watch.failed(id.0, &url, None, &Trouble::Broken);
                here.opens_again(id);
            }
            Err(trouble) if repairs == 0 => return here.shut(id, Some(trouble)),
            // What broke stays the reason.
            Err(trouble) => tracing::debug!(%url, ?trouble, "a stream to a relay is not made again"),
        }
        if repairs == MAX_REPAIRS {
            if let Some(here) = gate.upgrade() {
                here.shut(id, None);
            }
            return;
        }
        sleep(FIRST_REPAIR_AFTER * 2_u32.pow(repairs)).await;
        repairs += 1;
    }
}

async fn reach(
    gate: &Weak<Gate>,
    id: DoorId,
    url: &ServerUrl,
    pin: Option<Pin>,
    means: &Means,
) -> Result<Reached, Trouble> {
    let name = url.to_string();
    let security = match url.transport {
        Transport::Tls => Security::Tls { pin, speaks: &[] },
        Transport::Tcp | Transport::Udp => Security::None,
    };
    let place = Place { name: &name, host: &url.host, port: url.port, security, from: &means.from };
    let from = likely_source(url, means).await;
    let began = match gate.upgrade() {
        Some(gate) => {
            gate.watch.trying(Way { door: id.0, url, from });
            gate.watch.now()
        }
        None => return Err(Trouble::Broken),
    };
    match timeout(REACH_WITHIN, line::reach(&place, &means.proxies, relay_stream::tune)).await {
        Ok(Ok(reached)) => {
            if let Some(gate) = gate.upgrade() {
                let took = gate.watch.now().saturating_duration_since(began);
                let way = Way { door: id.0, url, from: reached.local.ip() };
                gate.watch.reached(way, reached.remote, took);
            }
            Ok(reached)
        }
        Ok(Err(unreached)) => Err(trouble(unreached)),
        Err(_) => Err(Trouble::NoAnswer),
    }
}

/// The address of ours that a stream will come from, as far as that can be told beforehand.
async fn likely_source(url: &ServerUrl, means: &Means) -> IpAddr {
    let usual = match url.host.parse::<IpAddr>() {
        Ok(ip) => line::usual_source(SocketAddr::new(ip, url.port)).await,
        Err(_) => None,
    };
    let wished = means.from.first().copied();
    usual.filter(|ip| means.from.is_empty() || means.from.contains(ip)).or(wished).unwrap_or([0; 4].into())
}

async fn deliver(gate: Weak<Gate>, id: DoorId, bytes: Vec<u8>) -> bool {
    let Some(here) = gate.upgrade() else { return false };
    let Some((post, letter)) = here.take_from_stream(id, bytes) else { return true };
    drop(here);
    // The library takes what is there in each of its rounds; while it does not, the relay has to wait.
    post.send(letter).await.is_ok()
}

fn trouble(Unreached { error, came }: Unreached) -> Trouble {
    let why = error.to_string();
    match error {
        LineError::NoSuchName(_) | LineError::BadHost(_) => Trouble::NameUnknown,
        LineError::NothingListens(_) => Trouble::NothingListens,
        LineError::Unreachable { error, .. } => no_stream(&error),
        LineError::Proxy { error, .. } => Trouble::ProxyRefused { why: error.in_short() },
        LineError::Tls { error, .. } if error.kind() == ErrorKind::UnexpectedEof && came.is_none() => {
            Trouble::Broken
        }
        LineError::WrongPin(_)
        | LineError::UnknownAuthority(_)
        | LineError::WrongName { .. }
        | LineError::NotToday(_)
        | LineError::NotTls(_)
        | LineError::NoAuthorities(_)
        | LineError::Tls { .. } => Trouble::WrongCertificate { came: came.map(|pin| pin.to_string()), why },
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the system's errors may grow")]
fn no_stream(error: &io::Error) -> Trouble {
    match error.kind() {
        ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable | ErrorKind::PermissionDenied => {
            Trouble::NoRoute
        }
        ErrorKind::AddrNotAvailable => Trouble::NoSuchAddressFamily,
        _ => Trouble::NoAnswer,
    }
}

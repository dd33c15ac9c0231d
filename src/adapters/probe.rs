//! Looks at the network outside a call: an own small STUN and TURN client, and a look at the switchboard.
//!
//! `webrtc` reports of a server neither an error nor a time, and a call is a late moment to find out. Everything runs side
//! by side and each part is bounded, so that the whole ends within [`WITHIN`], also where nothing answers at all. What was
//! found is noted and not judged; [`crate::logic::doctor`] does that.
//!
//! Outside a call nobody is given credentials for the relay. There the question for an address is asked without any: a
//! relay that answers that it wants some has proved that it can be reached.

mod certificate;
mod relays;
mod server;
mod stun;
mod udp;

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use futures_util::future::join_all;
use sightline_protocol::link::{Scheme, ServerAddress};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use self::{relays::Way, stun::Credentials};
use super::{interfaces, line, proxy::Proxies};
use crate::{
    engine::clock::Clock,
    logic::{
        doctor::{Family, Nat, Observations, PARTS, Part, RelayTried, StunAsked},
        servers::{RelayAccess, ServerUrl, Servers, Service, Transport},
    },
};

/// How long the whole takes at most: what its parts may take one after the other.
pub const WITHIN: Duration = Duration::from_secs(9);

const RESOLVE_WITHIN: Duration = Duration::from_secs(2);
/// For the names of STUN servers, which is hardly ever needed.
const LOOK_UP_WITHIN: Duration = Duration::from_secs(1);
/// From the first packet to the server until its switchboard knows us.
const SERVER_WITHIN: Duration = Duration::from_secs(5);
/// One way to the relay, from the first packet to the last answer.
const RELAY_WITHIN: Duration = Duration::from_secs(4);
/// For TCP, and again for TLS.
const CONNECT_WITHIN: Duration = Duration::from_millis(2500);
/// When a question over UDP is asked again, since the first time.
const TRIES_AFTER: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(300), Duration::from_millis(800), Duration::from_millis(1500)];
/// Until the last of them counts as unanswered.
const WAIT_FOR_LAST: Duration = Duration::from_millis(2200);
/// How long is waited for answers of which none may be meant to come.
const UNSURE_WITHIN: Duration = Duration::from_millis(1300);
/// How long a packet from ourselves is waited for.
const HAIRPIN_WITHIN: Duration = Duration::from_millis(800);
/// How long is waited for the switchboard to say where STUN is answered. Then it is asked for where it usually is.
const GUESS_AFTER: Duration = Duration::from_millis(1500);
/// Where STUN and TURN are answered when nobody says otherwise (RFC 8489).
const USUAL_PORT: u16 = 3478;
/// STUN servers that are asked, of each family. A server that names more gains nothing.
const MAX_STUN: usize = 4;

/// What is to be looked at.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The server that calls go through.
    pub server: ServerAddress,
    /// Where whoever wants us to log in first would answer a plain HTTP request.
    pub plain_port: u16,
}

impl Subject {
    /// This server, and everything else as usual.
    pub const fn new(server: ServerAddress) -> Self {
        Self { server, plain_port: 80 }
    }
}

/// Looks at everything there is.
pub async fn examine(subject: &Subject, clock: Clock) -> Observations {
    let (told, _) = mpsc::channel(PARTS);
    examine_and_tell(subject, clock, told).await
}

/// The same, and tells what each part has come to as soon as it is known. Who has no room for all [`PARTS`] misses some.
pub async fn examine_and_tell(subject: &Subject, clock: Clock, told: mpsc::Sender<Part>) -> Observations {
    let tell = |part| {
        told.try_send(part).ok();
    };
    let begun = udp::now();
    let began_unix_ms = clock.unix_ms();
    let server = &subject.server;
    let proxies = Proxies::of_system();
    let network = interfaces::look(&[]);
    tell(Part::Network(network.clone()));
    let mut seen = server::expected(server);
    (seen.resolved, seen.resolved_ms) = server::resolve(&server.host).await;
    let resolved = seen.resolved.clone();
    let (ready, stun) = oneshot::channel();
    let plain = async {
        let at = SocketAddr::new(*resolved.first()?, subject.plain_port);
        let is_needed = server.scheme == Scheme::Https && server.port != subject.plain_port;
        if is_needed { server::plain_http(&server.host, at, CONNECT_WITHIN).await } else { None }
    };
    let spoken = async {
        let seen = server::examine(server, seen, &proxies, clock, ready).await;
        tell(Part::Server(Box::new(seen.clone())));
        seen
    };
    let plain = async {
        let answered = plain.await;
        tell(Part::PlainHttp(answered.clone()));
        answered
    };
    let (mut seen, plain_http, (stun, nats, relays)) =
        tokio::join!(spoken, plain, media_ways(server, &resolved, &proxies, stun, tell));
    seen.plain_http = plain_http;
    let took = udp::now().saturating_duration_since(begun).as_millis();
    Observations {
        program: concat!("sightline ", env!("CARGO_PKG_VERSION")).to_owned(),
        began_unix_ms,
        took_ms: u64::try_from(took).unwrap_or(u64::MAX),
        network,
        server: seen,
        stun,
        nats,
        relays,
    }
}

/// STUN, what stands between, and the relay by every transport.
async fn media_ways(
    server: &ServerAddress,
    resolved: &[IpAddr],
    proxies: &Proxies,
    told: oneshot::Receiver<Vec<String>>,
    tell: impl Fn(Part),
) -> (Vec<StunAsked>, Vec<Nat>, Vec<RelayTried>) {
    let (targets, guessed) = match timeout(GUESS_AFTER, told).await {
        Ok(Ok(urls)) => (addresses_of(&urls).await, false),
        // A server that is not reached, or late.
        Ok(Err(_)) | Err(_) => (resolved.iter().map(|ip| SocketAddr::new(*ip, USUAL_PORT)).collect(), true),
    };
    let of = |family| {
        let alike = targets.iter().filter(move |target| Family::of(target.ip()) == family);
        alike.copied().take(MAX_STUN).collect::<Vec<_>>()
    };
    let (v4, v6) = (of(Family::V4), of(Family::V6));
    let ways = relay_ways(server, &[v4.first(), v6.first()], guessed);
    let outside = async {
        let ((mut stun, nat4), (stun6, nat6)) =
            tokio::join!(udp::examine(&v4, guessed), udp::examine(&v6, guessed));
        stun.extend(stun6);
        let nats: Vec<_> = nat4.into_iter().chain(nat6).collect();
        tell(Part::Outside { stun: stun.clone(), nats: nats.clone() });
        (stun, nats)
    };
    let relays = async {
        let tried = join_all(ways.into_iter().map(|way| relays::attempt(way, proxies, None))).await;
        tell(Part::Relays(tried.clone()));
        tried
    };
    let ((stun, nats), relays) = tokio::join!(outside, relays);
    (stun, nats, relays)
}

/// Where the relay is, as far as it can be known: beside STUN, and behind the same port as the switchboard.
fn relay_ways(server: &ServerAddress, stun: &[Option<&SocketAddr>], guessed: bool) -> Vec<Way> {
    let pin = server.pin;
    let way = |transport, host, port, guessed| Way {
        door: ServerUrl { service: Service::Turn, transport, host, port },
        guessed,
        pin,
    };
    let mut ways = Vec::new();
    for at in stun.iter().flatten() {
        ways.push(way(Transport::Udp, at.ip().to_string(), at.port(), guessed));
        ways.push(way(Transport::Tcp, at.ip().to_string(), at.port(), true));
    }
    if !ways.is_empty() && server.scheme == Scheme::Https {
        ways.push(way(Transport::Tls, server.host.clone(), server.port, true));
    }
    ways
}

/// Asks the relay for an address by every door that we may use, and gives it back.
pub async fn allocate(access: &RelayAccess) -> Vec<RelayTried> {
    let proxies = Proxies::of_system();
    let who = Credentials { username: access.username.clone(), password: access.password.clone() };
    let way = |door: &ServerUrl| Way { door: door.clone(), guessed: false, pin: access.pin };
    join_all(access.doors.iter().map(|door| relays::attempt(way(door), &proxies, Some(&who)))).await
}

/// The addresses of the STUN servers that were named, once each.
async fn addresses_of(named: &[String]) -> Vec<SocketAddr> {
    let urls = Servers::urls(named);
    // Nothing of this is waited for longer than for the slowest name.
    let found = join_all(urls.iter().map(look_up)).await;
    let mut addresses = Vec::new();
    for address in found.into_iter().flatten() {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}

async fn look_up(url: &ServerUrl) -> Vec<SocketAddr> {
    timeout(LOOK_UP_WITHIN, line::look_up(&url.host, url.port)).await.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_end_before_the_whole_has_to() {
        let learnt = RESOLVE_WITHIN + GUESS_AFTER + LOOK_UP_WITHIN;
        let nat = learnt + WAIT_FOR_LAST + UNSURE_WITHIN + HAIRPIN_WITHIN;
        for part in [RESOLVE_WITHIN + SERVER_WITHIN, nat, learnt + RELAY_WITHIN] {
            assert!(part <= WITHIN, "{part:?}");
        }
    }
}

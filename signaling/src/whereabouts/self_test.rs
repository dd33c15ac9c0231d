//! Whether the server can be reached the way it tells others: it dials its own public addresses.
//!
//! What can be known from inside is less than one would like. An address that an interface of this computer has is
//! reached without leaving it, so an answer proves that the server listens, not that a firewall lets others in. An address
//! of a router in front of it is reached only by a router that sends back to where it came from, which many do not: no
//! answer there proves nothing either. So every verdict says what it proves, and what to do to know more.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use sightline_protocol::switchboard::decode;
use sightline_protocol::{Pin, ToClient};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

use crate::door::tls::pinned_client;
use crate::whereabouts::names::Addresses;
use crate::whereabouts::public_address::{binding, local_addresses, question, seen_in};

/// How long one way may take. The way leads to this computer or to the router in front of it.
const WITHIN: Duration = Duration::from_secs(4);

/// Of an answer to STUN, so much is read: it is a tenth of this.
const MAX_ANSWER_BYTES: usize = 1024;

/// One way to the server, tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was tried.
    pub way: Way,
    /// At which address and port.
    pub at: SocketAddr,
    /// Whether that address is this computer's own, so that nothing left it.
    pub inside: bool,
    /// What came of it.
    pub verdict: Verdict,
}

/// A way to reach the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The switchboard, over TLS.
    Https,
    /// STUN over UDP.
    StunUdp,
    /// STUN over TCP.
    StunTcp,
    /// STUN over TLS.
    StunTls,
}

/// What came of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The server answered.
    Answered,
    /// Nobody did.
    Nobody,
    /// Something else did.
    SomebodyElse,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Https => "HTTPS",
            Self::StunUdp => "STUN over UDP",
            Self::StunTcp => "STUN over TCP",
            Self::StunTls => "STUN over TLS",
        })
    }
}

impl Way {
    const fn protocol(self) -> &'static str {
        match self {
            Self::StunUdp => "UDP",
            Self::Https | Self::StunTcp | Self::StunTls => "TCP",
        }
    }
}

impl Check {
    /// What it proves, and what to do where it proves too little.
    pub fn in_words(&self) -> String {
        let Self { way, at, inside, verdict } = self;
        let (port, protocol) = (at.port(), way.protocol());
        match (verdict, inside) {
            (Verdict::Answered, true) => format!(
                "{way} answers at {at}, as seen from this computer; whether a firewall lets others in can only be seen \
                 from outside"
            ),
            (Verdict::Answered, false) => format!("{way} answers at {at}, by way of the router"),
            (Verdict::Nobody, true) => format!(
                "{way} does not answer at {at}, though the address is this computer's own: a firewall on it may block \
                 {protocol} port {port}; allow it"
            ),
            (Verdict::Nobody, false) => format!(
                "{way} at {at} could not be tried from inside: either the router does not forward {protocol} port {port} \
                 to this computer, or it does not send back what comes from inside. Try it from another network, such as \
                 a telephone without Wi-Fi"
            ),
            (Verdict::SomebodyElse, true) => format!(
                "something other than this server answers at {at} ({way}); another program on this computer has \
                 {protocol} port {port}"
            ),
            (Verdict::SomebodyElse, false) => format!(
                "something other than this server answers at {at} ({way}): the router itself, or another computer that \
                 {protocol} port {port} is forwarded to; forward it to this computer"
            ),
        }
    }
}

/// What there is to try.
pub(crate) struct Ways<'a> {
    pub(crate) addresses: &'a Addresses,
    pub(crate) public_ips: &'a [IpAddr],
    /// Of the certificate that is shown.
    pub(crate) pin: Option<Pin>,
    /// Whether there is a relay, which answers STUN.
    pub(crate) relays: bool,
}

/// Tries every way to every public address, all at once.
pub(crate) async fn try_all(ways: Ways<'_>) -> Vec<Check> {
    let local = local_addresses();
    let tls = ways.pin.map(pinned_client);
    let mut tries = Vec::new();
    for (way, at) in ways.list() {
        let tls = tls.clone();
        let inside = at.ip().is_loopback() || local.contains(&at.ip());
        tries.push(async move { Check { way, at, inside, verdict: verdict(way, at, tls).await } });
    }
    futures_util::future::join_all(tries).await
}

impl Ways<'_> {
    fn list(&self) -> Vec<(Way, SocketAddr)> {
        let Self { addresses, relays, .. } = self;
        let tls = self.pin.is_some();
        let kinds = [
            (Way::Https, &addresses.https, tls),
            (Way::StunUdp, &addresses.turn_udp, *relays),
            (Way::StunTcp, &addresses.turn_tcp, *relays),
            (Way::StunTls, &addresses.https, tls && *relays),
        ];
        let mut list = Vec::new();
        for (way, sockets, there) in kinds {
            for socket in sockets.iter().filter(|_| there) {
                let alike = self.public_ips.iter().filter(|ip| ip.is_ipv4() == socket.is_ipv4());
                list.extend(alike.map(|ip| (way, SocketAddr::new(*ip, socket.port()))));
            }
        }
        let mut known = std::collections::HashSet::new();
        list.retain(|(way, at)| known.insert((way.to_string(), *at)));
        list
    }
}

async fn verdict(way: Way, at: SocketAddr, tls: Option<Arc<ClientConfig>>) -> Verdict {
    let tried = async {
        match (way, tls) {
            (Way::StunUdp, _) => ask_udp(at).await,
            (Way::StunTcp, _) => ask_stream(TcpStream::connect(at).await?).await,
            (Way::StunTls, Some(tls)) => ask_stream(connect_tls(at, tls).await?).await,
            (Way::Https, Some(tls)) => hear_welcome(connect_tls(at, tls).await?, at).await,
            (Way::Https | Way::StunTls, None) => Err(io::ErrorKind::Unsupported.into()),
        }
    };
    match timeout(WITHIN, tried).await {
        Ok(Ok(())) => Verdict::Answered,
        Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData => Verdict::SomebodyElse,
        Ok(Err(_)) | Err(_) => Verdict::Nobody,
    }
}

async fn ask_udp(at: SocketAddr) -> io::Result<()> {
    let any: IpAddr = if at.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(at).await?;
    binding(&socket).await.map(|_| ())
}

async fn ask_stream(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    let question = question();
    stream.write_all(&question).await?;
    stream.flush().await?;
    let mut answer = Vec::new();
    while answer.len() < MAX_ANSWER_BYTES {
        if stream.read_buf(&mut answer).await? == 0 {
            break;
        }
        if seen_in(&answer, &question).is_some() {
            return Ok(());
        }
    }
    // Whoever hangs up without a word is nobody; whoever says something else is somebody else.
    Err(if answer.is_empty() { io::ErrorKind::UnexpectedEof } else { io::ErrorKind::InvalidData }.into())
}

async fn connect_tls(at: SocketAddr, tls: Arc<ClientConfig>) -> io::Result<TlsStream<TcpStream>> {
    // What is wrong inside TLS, another certificate above all, comes as `InvalidData`.
    TlsConnector::from(tls).connect(ServerName::from(at.ip()), TcpStream::connect(at).await?).await
}

async fn hear_welcome(stream: TlsStream<TcpStream>, at: SocketAddr) -> io::Result<()> {
    // It has our certificate, so it is us; but we may be too busy.
    let busy = || io::Error::from(io::ErrorKind::ConnectionAborted);
    let (mut web, _) = client_async(format!("wss://{at}/ws"), stream).await.map_err(|_| busy())?;
    let Some(Ok(Message::Text(text))) = web.next().await else { return Err(busy()) };
    match decode(text.as_str()) {
        Ok(ToClient::Welcome { .. }) => Ok(()),
        Ok(_) | Err(_) => Err(busy()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn every_way_to_every_public_address_is_tried_once() {
        let addresses = Addresses {
            http: Some(on("127.0.0.1:1")),
            https: vec![on("0.0.0.0:443"), on("[::]:443")],
            turn_udp: vec![on("0.0.0.0:3478"), on("127.0.0.1:3478")],
            turn_tcp: Vec::new(),
        };
        let public_ips = [on("198.51.0.7:1").ip(), on("[2a01::7]:1").ip()];
        let ways = |relays| {
            let pin = Some(Pin([0; 32]));
            Ways { addresses: &addresses, public_ips: &public_ips, pin, relays }.list()
        };
        let https = [(Way::Https, on("198.51.0.7:443")), (Way::Https, on("[2a01::7]:443"))];
        assert_eq!(ways(false), https);
        let udp = [(Way::StunUdp, on("198.51.0.7:3478"))];
        let tls = [(Way::StunTls, on("198.51.0.7:443")), (Way::StunTls, on("[2a01::7]:443"))];
        assert_eq!(ways(true), [&https[..], &udp, &tls].concat());
    }

    #[test]
    fn a_router_that_sends_nothing_back_is_not_taken_for_a_closed_door() {
        let check = |inside, verdict| {
            Check { way: Way::StunUdp, at: on("198.51.0.7:3478"), inside, verdict }.in_words()
        };
        let outside = check(false, Verdict::Nobody);
        assert!(outside.contains("could not be tried from inside") && outside.contains("Wi-Fi"), "{outside}");
        assert!(check(true, Verdict::Nobody).contains("a firewall on it may block UDP port 3478"));
        assert!(check(true, Verdict::Answered).contains("can only be seen from outside"));
        assert!(check(false, Verdict::SomebodyElse).contains("forward it to this computer"));
    }

    #[tokio::test]
    async fn silence_and_strangers_are_told_apart() {
        let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let gone = nobody.local_addr().expect("bound");
        drop(nobody);
        assert_eq!(verdict(Way::StunTcp, gone, None).await, Verdict::Nobody);

        let stranger = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let at = stranger.local_addr().expect("bound");
        let babble = tokio::spawn(async move {
            for _ in 0..2 {
                let (mut stream, _) = stranger.accept().await.expect("a connection");
                stream.write_all(b"SSH-2.0-something\r\n").await.expect("it reads");
                stream.shutdown().await.expect("it reads");
                drop(stream.read_to_end(&mut Vec::new()).await);
            }
        });
        assert_eq!(verdict(Way::StunTcp, at, None).await, Verdict::SomebodyElse);
        let tls = Some(pinned_client(Pin([0; 32])));
        assert_eq!(verdict(Way::Https, at, tls).await, Verdict::SomebodyElse);
        babble.await.expect("it ends");
    }
}

//! A line to a server: TCP, and TLS over it where the address says `https`. It knows who must be at the other end.
//!
//! A link with a pin names one key, and that key is all that counts: not the name, not the dates, nor who signed. A link
//! without one is for a server that an authority vouches for, and there the system's own authorities judge.
//!
//! A name often has addresses of both versions of IP, of which one leads nowhere. They are tried a quarter of a second
//! apart, version 6 first, and the first that answers is taken (RFC 8305).

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use rustls::{
    CertificateError, ClientConfig, Error as TlsError,
    client::{Resumption, danger::ServerCertVerifier},
    crypto::ring::default_provider,
    pki_types::ServerName,
};
use sightline_protocol::{
    link::{Pin, Scheme, ServerAddress},
    pinned::Pinned,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::TlsConnector;

/// How long one address has before the next is tried beside it.
const NEXT_ADDRESS_AFTER: Duration = Duration::from_millis(250);
/// Addresses of one name that are tried. What comes behind is left out: a name with more is a mistake or a trick.
const MAX_ADDRESSES: usize = 8;

/// What a line runs over.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Connects, and makes sure of who is there. The caller bounds the time.
pub async fn dial(server: &ServerAddress) -> Result<Box<dyn Stream>, LineError> {
    // Before anything is sent: a system without authorities cannot tell who is there.
    let greeting = match server.scheme {
        Scheme::Http => None,
        Scheme::Https => Some((config_for(server.pin).await?, host_name(&server.host)?)),
    };
    let addresses = look_up(server).await?;
    let stream = connect_any(addresses).await.map_err(|error| {
        let server = server.to_string();
        if error.kind() == io::ErrorKind::ConnectionRefused {
            LineError::NothingListens(server)
        } else {
            LineError::Unreachable { server, error }
        }
    })?;
    // Small messages, each of which somebody waits for.
    stream.set_nodelay(true).ok();
    let Some((config, name)) = greeting else { return Ok(Box::new(stream)) };
    match TlsConnector::from(config).connect(name, stream).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) => Err(why_no_tls(server, error)),
    }
}

/// What stands between us and a server.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// The name of the server means nothing.
    #[error("there is no server of the name {0}; check the link, and whether this computer has a network")]
    NoSuchName(String),
    /// Its computer is there, and refuses.
    #[error("nothing listens at {0}")]
    NothingListens(String),
    /// Something on the way is in the way.
    #[error("the server {server} cannot be reached: {error}")]
    Unreachable {
        /// Which.
        server: String,
        /// The system's own words.
        error: io::Error,
    },
    /// Another key than the link's.
    #[error(
        "this is not the server the link is for: {0} shows another certificate than the link names. Either the server \
         was set up anew, and its owner has a new link, or somebody on the way pretends to be it"
    )]
    WrongPin(String),
    /// Nobody known vouches for it, and the link has no pin.
    #[error(
        "nobody that this computer trusts vouches for {0}; if it is a private server, ask for its whole link, with the \
         part behind the ~ sign"
    )]
    UnknownAuthority(String),
    /// Somebody vouches for it, under another name.
    #[error(
        "the server at {server} proves to be another one: its certificate is for {names}; check the link"
    )]
    WrongName {
        /// Which was dialled.
        server: String,
        /// What it is.
        names: String,
    },
    /// Its certificate has ended, or not begun.
    #[error(
        "the certificate of {0} is not valid today; check this computer's date, and if it is right tell the server's owner"
    )]
    NotToday(String),
    /// No TLS is spoken there.
    #[error(
        "what answers at {0} does not speak TLS; check the port in the link, and whether this network wants you to log in \
         first"
    )]
    NotTls(String),
    /// Some other trouble with TLS.
    #[error("no safe line to {server} can be made: {error}")]
    Tls {
        /// Which.
        server: String,
        /// The library's words.
        error: io::Error,
    },
    /// The system's authorities are not to be had.
    #[error(
        "this computer's list of certificate authorities cannot be read: {0}; on Linux it is in ca-certificates"
    )]
    NoAuthorities(TlsError),
    /// A host that can have no certificate.
    #[error("`{0}` is not a host that a certificate can be for")]
    BadHost(String),
}

impl LineError {
    /// Whether trying again can help without anybody doing anything about it.
    pub const fn may_pass(&self) -> bool {
        match self {
            Self::NoSuchName(_)
            | Self::NothingListens(_)
            | Self::Unreachable { .. }
            | Self::NotToday(_)
            | Self::NotTls(_)
            | Self::Tls { .. } => true,
            Self::WrongPin(_)
            | Self::UnknownAuthority(_)
            | Self::WrongName { .. }
            | Self::NoAuthorities(_)
            | Self::BadHost(_) => false,
        }
    }
}

/// How TLS is spoken with a server of this pin, or with one that an authority vouches for.
async fn config_for(pin: Option<Pin>) -> Result<Arc<ClientConfig>, LineError> {
    config_with(verifier_for(pin).await?)
}

/// Who says whether the other side is whom it has to be. Reads the system's authorities, which takes a moment, hence apart.
pub(super) async fn verifier_for(pin: Option<Pin>) -> Result<Arc<dyn ServerCertVerifier>, LineError> {
    let cryptography = Arc::new(default_provider());
    Ok(match pin {
        Some(pin) => Arc::new(Pinned::new(pin, cryptography)),
        None => {
            let read =
                tokio::task::spawn_blocking(move || rustls_platform_verifier::Verifier::new(cryptography));
            let read = read.await.unwrap_or_else(|error| Err(TlsError::General(error.to_string())));
            Arc::new(read.map_err(LineError::NoAuthorities)?)
        }
    })
}

/// How TLS is spoken where this one judges.
pub(super) fn config_with(verifier: Arc<dyn ServerCertVerifier>) -> Result<Arc<ClientConfig>, LineError> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(LineError::NoAuthorities)?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // One line is kept for hours; there is nothing to resume.
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

pub(super) fn host_name(host: &str) -> Result<ServerName<'static>, LineError> {
    ServerName::try_from(host.to_owned()).map_err(|_| LineError::BadHost(host.to_owned()))
}

async fn look_up(server: &ServerAddress) -> Result<Vec<SocketAddr>, LineError> {
    if let Ok(ip) = server.host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, server.port)]);
    }
    let found = lookup_host((server.host.as_str(), server.port)).await;
    let addresses = in_turns(found.map(Iterator::collect).unwrap_or_default());
    if addresses.is_empty() { Err(LineError::NoSuchName(server.host.clone())) } else { Ok(addresses) }
}

/// Version 6 and version 4 in turns, version 6 first, each in the order of the resolver.
fn in_turns(found: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let (v6, v4): (Vec<_>, Vec<_>) = found.into_iter().partition(SocketAddr::is_ipv6);
    let (mut v6, mut v4) = (v6.into_iter(), v4.into_iter());
    let mut turns = Vec::new();
    loop {
        let pair = [v6.next(), v4.next()];
        if pair == [None, None] || turns.len() >= MAX_ADDRESSES {
            return turns;
        }
        turns.extend(pair.into_iter().flatten());
    }
}

/// The first of them that answers, each begun a little after the one before, or at once after a failure.
async fn connect_any(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut waiting = addresses.into_iter();
    let mut tries = JoinSet::new();
    let mut failed = None;
    loop {
        let next = waiting.next();
        let is_last = next.is_none();
        if let Some(address) = next {
            tries.spawn(TcpStream::connect(address));
        }
        let outcome = if is_last {
            tries.join_next().await
        } else {
            match timeout(NEXT_ADDRESS_AFTER, tries.join_next()).await {
                Ok(outcome) => outcome,
                Err(_) => continue,
            }
        };
        match outcome {
            Some(Ok(Ok(stream))) => return Ok(stream),
            Some(Ok(Err(error))) => failed = Some(error),
            Some(Err(fault)) => failed = Some(io::Error::other(fault)),
            None => return Err(failed.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into())),
        }
    }
}

/// What a failed handshake means.
pub(super) fn why_no_tls(server: &ServerAddress, error: io::Error) -> LineError {
    let at = server.to_string();
    let known = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
    match known {
        Some(TlsError::InvalidCertificate(why)) => why_no_trust(at, why, server.pin),
        Some(TlsError::InvalidMessage(_)) => LineError::NotTls(at),
        Some(_) | None => LineError::Tls { server: at, error },
    }
}

fn why_no_trust(server: String, why: &CertificateError, pin: Option<Pin>) -> LineError {
    // Whatever is wrong with it: with a pin nothing but the key is looked at.
    if pin.is_some() {
        return LineError::WrongPin(server);
    }
    if let CertificateError::NotValidForNameContext { presented, .. } = why {
        return LineError::WrongName { server, names: plainly(presented) };
    }
    let not_today = matches!(
        why,
        CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. }
    );
    if not_today {
        LineError::NotToday(server)
    } else if *why == CertificateError::NotValidForName {
        LineError::WrongName { server, names: "another name".to_owned() }
    } else {
        LineError::UnknownAuthority(server)
    }
}

/// The names alone, of what the library writes as `DnsName("call.example.org")`.
fn plainly(presented: &[String]) -> String {
    let name = |text: &String| text.split('"').nth(1).unwrap_or(text).to_owned();
    presented.iter().map(name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn both_versions_of_ip_are_tried_in_turns() {
        let found = ["1.1.1.1:1", "1.0.0.1:1", "[2606::1]:1", "8.8.8.8:1"].map(on).to_vec();
        assert_eq!(in_turns(found), ["[2606::1]:1", "1.1.1.1:1", "1.0.0.1:1", "8.8.8.8:1"].map(on));
        assert_eq!(in_turns(vec![on("1.1.1.1:1"); 100]).len(), MAX_ADDRESSES);
        assert!(in_turns(Vec::new()).is_empty());
    }

    #[tokio::test]
    async fn an_address_that_refuses_does_not_hold_up_the_next() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let deaf = tokio::net::TcpListener::bind("127.0.0.2:0").await.unwrap().local_addr().unwrap();
        let there = listener.local_addr().unwrap();
        let stream = connect_any(vec![deaf, deaf, there]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), there);
        let refused = connect_any(vec![deaf, deaf]).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    }

    #[test]
    fn every_reason_not_to_trust_has_its_sentence() {
        let said = |why, pin| why_no_trust("https://a.example/".to_owned(), &why, pin).to_string();
        let time = rustls::pki_types::UnixTime::since_unix_epoch(Duration::ZERO);
        let ended = CertificateError::ExpiredContext { time, not_after: time };
        assert!(said(ended.clone(), None).contains("not valid today"), "{}", said(ended.clone(), None));
        assert!(said(CertificateError::NotValidYet, None).contains("not valid today"));
        assert!(said(CertificateError::UnknownIssuer, None).contains("vouches"));
        let elsewhere = CertificateError::NotValidForNameContext {
            expected: host_name("a.example").unwrap(),
            presented: vec!["DnsName(\"b.example\")".to_owned()],
        };
        assert!(said(elsewhere, None).contains("is for b.example;"));
        assert!(said(ended, Some(Pin([0; 32]))).contains("not the server the link is for"));
    }
}

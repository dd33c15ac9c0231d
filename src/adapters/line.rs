//! A line to a server: TCP, and TLS over it where the address says `https`. It knows who must be at the other end.
//!
//! A link with a pin names one key, and that key is all that counts: not the name, not the dates, nor who signed. A link
//! without one is for a server that an authority vouches for, and there the system's own authorities judge.
//!
//! A name often has addresses of both versions of IP, of which one leads nowhere. They are tried a quarter of a second
//! apart, version 6 first, and the first that answers is taken (RFC 8305).
//!
//! Where the system names a proxy, the line goes through it. The streams to relays (`relay_stream`) are made here too.

mod addresses;
mod tls;

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use rustls::Error as TlsError;
use sightline_protocol::link::{Pin, Scheme, ServerAddress};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

use addresses::connect_any;
pub(super) use addresses::{look_up, usual_source};
pub(super) use tls::Greeting;

use super::proxy::{Proxies, ProxyError};

/// What a line runs over.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Connects, and makes sure of who is there. The caller bounds the time.
pub async fn dial(server: &ServerAddress) -> Result<Box<dyn Stream>, LineError> {
    dial_through(server, &Proxies::of_system()).await
}

/// The same, through these proxies.
pub async fn dial_through(server: &ServerAddress, proxies: &Proxies) -> Result<Box<dyn Stream>, LineError> {
    let security = match server.scheme {
        Scheme::Http => Security::None,
        Scheme::Https => Security::Tls { pin: server.pin, speaks: &[b"http/1.1"] },
    };
    let name = server.to_string();
    let place = Place { name: &name, host: &server.host, port: server.port, security, from: &[] };
    match reach(&place, proxies, |_| ()).await {
        Ok(reached) => Ok(reached.stream),
        Err(unreached) => Err(unreached.error),
    }
}

/// Where a stream leads.
pub(super) struct Place<'a> {
    /// As it is called in an error.
    pub(super) name: &'a str,
    /// Its name or address.
    pub(super) host: &'a str,
    /// Its port.
    pub(super) port: u16,
    /// What is spoken.
    pub(super) security: Security<'a>,
    /// The addresses of ours that it may come from; any where empty.
    pub(super) from: &'a [IpAddr],
}

/// How a stream is protected.
pub(super) enum Security<'a> {
    /// Not at all.
    None,
    /// By TLS.
    Tls {
        /// How to know the other end; the system's authorities judge where there is none.
        pin: Option<Pin>,
        /// Protocols that are offered, none to say nothing of it.
        speaks: &'a [&'a [u8]],
    },
}

/// A stream, and what was learnt in making it.
pub(super) struct Reached {
    /// What leads there.
    pub(super) stream: Box<dyn Stream>,
    /// Our end.
    pub(super) local: SocketAddr,
    /// The other end: the server's, or its proxy's.
    pub(super) remote: SocketAddr,
}

/// No stream.
pub(super) struct Unreached {
    /// Why not.
    pub(super) error: LineError,
    /// The pin of the certificate that was shown, where one was.
    pub(super) came: Option<Pin>,
}

impl From<LineError> for Unreached {
    fn from(error: LineError) -> Self {
        Self { error, came: None }
    }
}

/// Makes a stream. `tune` sees the socket before anything is sent on it.
pub(super) async fn reach(
    place: &Place<'_>,
    proxies: &Proxies,
    tune: impl Fn(&TcpStream),
) -> Result<Reached, Unreached> {
    // Before anything is sent: a system without authorities cannot tell who is there.
    let greeting = match place.security {
        Security::None => None,
        Security::Tls { pin, speaks } => Some(Greeting::prepare(place.host, pin, speaks).await?),
    };
    let proxy = proxies.to(place.host, place.port).map_err(|error| at_proxy(place, error))?;
    let (host, port) = proxy.map_or((place.host, place.port), |proxy| (proxy.host.as_str(), proxy.port));
    let addresses = look_up(host, port).await;
    if addresses.is_empty() {
        return Err(match proxy {
            None => LineError::NoSuchName(host.to_owned()),
            Some(proxy) => at_proxy(place, proxy.unreachable("its name means nothing")),
        }
        .into());
    }
    let mut stream = connect_any(addresses, place.from).await.map_err(|error| match proxy {
        Some(proxy) => at_proxy(place, proxy.unreachable(&error.to_string())),
        None if error.kind() == io::ErrorKind::ConnectionRefused => {
            LineError::NothingListens(place.name.to_owned())
        }
        None => LineError::Unreachable { server: place.name.to_owned(), error },
    })?;
    // Small messages, each of which somebody waits for.
    stream.set_nodelay(true).ok();
    tune(&stream);
    let ends = stream.local_addr().and_then(|local| Ok((local, stream.peer_addr()?)));
    let (local, remote) =
        ends.map_err(|error| LineError::Unreachable { server: place.name.to_owned(), error })?;
    if let Some(proxy) = proxy {
        let led = proxy.connect(&mut stream, place.host, place.port).await;
        led.map_err(|error| at_proxy(place, error))?;
    }
    let stream: Box<dyn Stream> = match greeting {
        None => Box::new(stream),
        Some(greeting) => match greeting.greet(stream, place.name.to_owned()).await {
            Ok(stream) => Box::new(stream),
            Err((error, came)) => return Err(Unreached { error, came }),
        },
    };
    Ok(Reached { stream, local, remote })
}

fn at_proxy(place: &Place<'_>, error: ProxyError) -> LineError {
    LineError::Proxy { server: place.name.to_owned(), error }
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
    /// The proxy on the way is no help.
    #[error("the server {server} cannot be reached: {error}")]
    Proxy {
        /// Which.
        server: String,
        /// What the proxy says.
        error: ProxyError,
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
            | Self::Proxy { .. }
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

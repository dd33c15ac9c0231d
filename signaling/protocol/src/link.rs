//! Call links: where somebody can be rung, and who they are.
//!
//! `https://HOST[:PORT]/#KEY[.TOKEN][~PIN]`. The key, the token and the pin stand behind the `#`, which a
//! browser that opens the link never sends to the server. The same link with `sightline:` in front opens the
//! app.
//!
//! A link is copied by hand, broken by mail programs and cut by chats, so every way to be malformed has a
//! sentence of its own that says what to do. The `url` crate reads the part before the `#`; what it would
//! repair in silence (spaces, backslashes, missing slashes) is refused here first, so that one link has one
//! meaning.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::{Host, Url};

use crate::base64url::{self, serde_as_base64url};
use crate::keys::{Address, AddressError};
use crate::limits::{MAX_HOST_BYTES, MAX_LINK_BYTES, MAX_TOKEN_CHARS};

const APP_SCHEME: &str = "sightline:";

/// How a server is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// With TLS.
    Https,
    /// Without; only ever to the same computer.
    Http,
}

impl Scheme {
    /// As it stands in a link.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
        }
    }

    /// The port that is meant when none is given.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Https => 443,
            Self::Http => 80,
        }
    }
}

/// Where a server is. Written `https://HOST[:PORT]/`, followed by `#~PIN` where there is a pin.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServerAddress {
    /// With or without TLS.
    pub scheme: Scheme,
    /// A lower-case domain name or an IP address (version 6 without brackets).
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// The certificate to expect, where no public authority vouches for it.
    pub pin: Option<Pin>,
}

impl ServerAddress {
    /// The URL of the switchboard's WebSocket.
    pub fn websocket_url(&self) -> String {
        let scheme = match self.scheme {
            Scheme::Https => "wss",
            Scheme::Http => "ws",
        };
        format!("{scheme}://{}/ws", self.name())
    }

    /// `HOST[:PORT]`, with the port left out where it is the scheme's own: what an HTTP `Host` header says,
    /// and what a hello signs.
    pub fn name(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == self.scheme.default_port() { host } else { format!("{host}:{}", self.port) }
    }

    fn base(&self) -> String {
        format!("{}://{}/", self.scheme.as_str(), self.name())
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base())?;
        self.pin.map_or(Ok(()), |pin| write!(f, "#~{pin}"))
    }
}

impl FromStr for ServerAddress {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        let parts = LinkParts::split(text)?;
        let pin = match parts.fragment {
            None | Some("") => None,
            Some(fragment) => Some(fragment.strip_prefix('~').ok_or(LinkError::NotOnlyServer)?.parse()?),
        };
        parts.server(pin)
    }
}

/// The SHA-256 digest of a certificate's public key (its `SubjectPublicKeyInfo`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pin(pub [u8; 32]);

serde_as_base64url!(Pin, 32);

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(&self.0))
    }
}

impl FromStr for Pin {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        base64url::decode_array(text).map(Self).map_err(|_| LinkError::BadPin)
    }
}

/// A word that a link's owner put into it, to tell or to revoke those who hold it. Never printed by `Debug`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct LinkToken(String);

impl LinkToken {
    /// The word itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for LinkToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkToken(…)")
    }
}

impl FromStr for LinkToken {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if text.is_empty() || text.len() > MAX_TOKEN_CHARS || !text.bytes().all(allowed) {
            return Err(LinkError::BadToken);
        }
        Ok(Self(text.to_owned()))
    }
}

impl Serialize for LinkToken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for LinkToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Everything needed to ring somebody and to know that it is them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CallLink {
    /// The switchboard they are connected to.
    pub server: ServerAddress,
    /// Who they are.
    pub address: Address,
    /// Shown to them with the invitation.
    pub token: Option<LinkToken>,
}

impl CallLink {
    /// The form that opens the app where its scheme is registered.
    pub fn to_app_link(&self) -> String {
        format!("{APP_SCHEME}{self}")
    }
}

impl fmt::Display for CallLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.server.base(), self.address)?;
        if let Some(token) = &self.token {
            write!(f, ".{}", token.as_str())?;
        }
        self.server.pin.map_or(Ok(()), |pin| write!(f, "~{pin}"))
    }
}

impl FromStr for CallLink {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        let parts = LinkParts::split(text)?;
        let fragment = parts.fragment.unwrap_or_default();
        let (rest, pin) = match fragment.split_once('~') {
            Some((rest, pin)) => (rest, Some(pin)),
            None => (fragment, None),
        };
        let (key, token) = match rest.split_once('.') {
            Some((key, token)) => (key, Some(token)),
            None => (rest, None),
        };
        // The server first: somebody who typed a wrong one should not hear about a missing key.
        let server = parts.server(None)?;
        if key.is_empty() {
            return Err(LinkError::NoKey);
        }
        let address = key.parse()?;
        let token = token.map(str::parse).transpose()?;
        let pin = pin.map(str::parse).transpose()?;
        Ok(Self { server: server.with_pin(pin)?, address, token })
    }
}

impl ServerAddress {
    fn with_pin(self, pin: Option<Pin>) -> Result<Self, LinkError> {
        match self.scheme {
            Scheme::Http if pin.is_some() => Err(LinkError::PinWithoutTls),
            Scheme::Http | Scheme::Https => Ok(Self { pin, ..self }),
        }
    }
}

/// A link cut at its `#`, its scheme known, its left part not yet looked at.
struct LinkParts<'a> {
    scheme: Scheme,
    authority_and_path: &'a str,
    fragment: Option<&'a str>,
}

impl<'a> LinkParts<'a> {
    fn split(text: &'a str) -> Result<Self, LinkError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(LinkError::Empty);
        }
        if text.len() > MAX_LINK_BYTES {
            return Err(LinkError::TooLong);
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') {
            return Err(LinkError::Broken);
        }
        let (scheme, rest) = match strip_prefix(text, APP_SCHEME) {
            Some(rest) if rest.starts_with("//") => ("https", &rest[2..]),
            Some(rest) => rest.split_once("://").ok_or(LinkError::NotALink)?,
            None => text.split_once("://").ok_or(LinkError::NotALink)?,
        };
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            other if is_scheme(other) => return Err(LinkError::WrongScheme),
            _ => return Err(LinkError::NotALink),
        };
        let (authority_and_path, fragment) = match rest.split_once('#') {
            Some((left, fragment)) => (left, Some(fragment)),
            None => (rest, None),
        };
        Ok(Self { scheme, authority_and_path, fragment })
    }

    fn server(&self, pin: Option<Pin>) -> Result<ServerAddress, LinkError> {
        // The standard that `url` follows would skip these slashes and take what comes next for the host.
        if self.authority_and_path.is_empty() || self.authority_and_path.starts_with('/') {
            return Err(LinkError::NoHost);
        }
        let url = Url::parse(&format!("{}://{}", self.scheme.as_str(), self.authority_and_path))?;
        if !url.username().is_empty() || url.password().is_some() || self.authority().contains('@') {
            return Err(LinkError::UserInfo);
        }
        if url.query().is_some() {
            return Err(LinkError::Query);
        }
        if url.path() != "/" {
            return Err(LinkError::Path);
        }
        let (host, loopback) = match url.host() {
            None => return Err(LinkError::NoHost),
            Some(Host::Domain(name)) => (name.to_owned(), name == "localhost"),
            Some(Host::Ipv4(ip)) => (ip.to_string(), Ipv4Addr::is_loopback(&ip)),
            Some(Host::Ipv6(ip)) => (ip.to_string(), Ipv6Addr::is_loopback(&ip)),
        };
        if host.len() > MAX_HOST_BYTES {
            return Err(LinkError::BadHost);
        }
        if self.scheme == Scheme::Http && !loopback {
            return Err(LinkError::PlainHttp);
        }
        let port = url.port().unwrap_or(self.scheme.default_port());
        if port == 0 {
            return Err(LinkError::BadPort);
        }
        ServerAddress { scheme: self.scheme, host, port, pin: None }.with_pin(pin)
    }

    fn authority(&self) -> &str {
        self.authority_and_path.split(['/', '?']).next().unwrap_or_default()
    }
}

fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

/// Why a text is not a call link (or not a server's address).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Nothing there.
    #[error("there is no link here; paste the whole link that you were sent")]
    Empty,
    /// More than any link needs.
    #[error(
        "this is too long for a call link, which has at most {MAX_LINK_BYTES} characters; copy only the link"
    )]
    TooLong,
    /// White space, control characters or backslashes inside.
    #[error("the link is broken by a space, a line break or a backslash; copy it again in one piece")]
    Broken,
    /// Nothing like `https://…`.
    #[error("this is not a link; a call link begins with https:// or sightline:")]
    NotALink,
    /// Some other kind of link.
    #[error("this is a link to something else; a call link begins with https:// or sightline:")]
    WrongScheme,
    /// No server named.
    #[error("the link does not say which server to use; its part after https:// is missing")]
    NoHost,
    /// A server name that cannot be.
    #[error("the server's name in the link is not a valid name or IP address")]
    BadHost,
    /// A port that cannot be.
    #[error("the port in the link must be a number from 1 to 65535")]
    BadPort,
    /// Plain HTTP across a network.
    #[error("a link with http:// works only for a server on this computer; ask for one with https://")]
    PlainHttp,
    /// A pin where there is no certificate.
    #[error("the link pins a certificate, but http:// uses none; ask for a link with https://")]
    PinWithoutTls,
    /// A user name or password.
    #[error("the link holds a user name before an @ sign, which a call link never does")]
    UserInfo,
    /// A query.
    #[error(
        "the link holds a question mark and text after it, which a call link never does; is it a link to another page?"
    )]
    Query,
    /// A path.
    #[error(
        "the link names a page on the server, which a call link never does; is it a link to another page?"
    )]
    Path,
    /// No address of a person.
    #[error(
        "the link names a server but nobody on it; its part after the # sign is missing, so copy the whole link"
    )]
    NoKey,
    /// An address that is none.
    #[error("the address after the # sign is wrong: {0}")]
    Key(#[from] AddressError),
    /// A token that is none.
    #[error(
        "the token after the dot must be 1 to {MAX_TOKEN_CHARS} letters, digits, - or _; copy the whole link"
    )]
    BadToken,
    /// A pin that is none.
    #[error(
        "the certificate pin after the ~ sign is not one; it has 43 letters, digits, - or _, so copy the whole link"
    )]
    BadPin,
    /// A call link where a server's address was asked for.
    #[error("this looks like a call link; only the server's part before the # sign is wanted here")]
    NotOnlyServer,
}

impl From<url::ParseError> for LinkError {
    fn from(error: url::ParseError) -> Self {
        if error == url::ParseError::EmptyHost {
            Self::NoHost
        } else if error == url::ParseError::InvalidPort {
            Self::BadPort
        } else {
            // Scheme, query, path and fragment cannot fail, so only the host is left to be wrong.
            Self::BadHost
        }
    }
}

//! The proxy that the system says connections go through, where there is one: HTTP CONNECT, with Basic authentication.
//!
//! It is looked for where other programs look: `HTTPS_PROXY`, then `ALL_PROXY`, in small letters too, and `NO_PROXY` for
//! what goes without. A computer's own addresses always go without: a proxy has others. The proxy looks names up
//! itself, so a network in which only the proxy knows the names of the world is no obstacle.

use std::{env, fmt, io, net::IpAddr, str::FromStr};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use ipnet::IpNet;
use percent_encoding::percent_decode_str;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use url::Url;

const USUAL_PORT: u16 = 80;
/// A proxy's answer is a few lines; one that says more is none.
const MAX_ANSWER: usize = 8 * 1024;
/// Of what a proxy says in refusing, what fits in a sentence.
const MAX_REASON: usize = 120;

/// Which connections go through a proxy.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    proxy: Option<Named>,
    without: Vec<Without>,
}

/// What the system names: a proxy, or something that is none.
#[derive(Clone, Debug)]
enum Named {
    Proxy(Proxy),
    Unusable(String),
}

/// A proxy.
#[derive(Clone)]
pub(super) struct Proxy {
    pub(super) host: String,
    pub(super) port: u16,
    /// User name and password, as they are sent.
    authorization: Option<String>,
}

/// One entry of `NO_PROXY`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Without {
    All,
    Range(IpNet),
    /// This name, and what ends in a dot and this name.
    Name(String, Option<u16>),
}

/// A proxy that is no help.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ProxyError {
    /// What the system names is none that we can use.
    #[error(
        "the proxy that this computer names, {0}, is none that can be used: it has to be an http:// address"
    )]
    Unusable(String),
    /// It is not there, as it seems.
    #[error("the proxy {proxy} cannot be reached: {why}")]
    Unreachable {
        /// Which.
        proxy: String,
        /// In words.
        why: String,
    },
    /// It wants a user name and a password, or others.
    #[error("the proxy {proxy} wants a user name and a password that it knows ({answer})")]
    Unauthorized {
        /// Which.
        proxy: String,
        /// Its first line.
        answer: String,
    },
    /// It will not.
    #[error("the proxy {proxy} refuses to connect to {target} ({answer})")]
    Refused {
        /// Which.
        proxy: String,
        /// Where it was to lead.
        target: String,
        /// Its first line.
        answer: String,
    },
    /// What answers is no proxy.
    #[error("what answers at {0} is not an HTTP proxy")]
    NoProxy(String),
    /// It broke off.
    #[error("the proxy {proxy} broke off: {error}")]
    BrokeOff {
        /// Which.
        proxy: String,
        /// The system's words.
        error: String,
    },
}

impl ProxyError {
    /// What is wrong with it, where it is clear already that it is about the proxy.
    pub fn in_short(&self) -> String {
        match self {
            Self::Unusable(address) => format!("{address} is no http:// address"),
            Self::Unreachable { why, .. } => format!("it cannot be reached: {why}"),
            Self::Unauthorized { answer, .. } => {
                format!("it wants a user name and a password that it knows: it answers {answer}")
            }
            Self::Refused { answer, .. } => format!("it answers {answer}"),
            Self::NoProxy(_) => "what answers there is no HTTP proxy".to_owned(),
            Self::BrokeOff { error, .. } => format!("it broke off: {error}"),
        }
    }
}

impl Proxies {
    /// Those that the system names.
    pub fn of_system() -> Self {
        let named = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
        let without = ["NO_PROXY", "no_proxy"];
        let first = |names: &[&str]| {
            names.iter().filter_map(|name| env::var(name).ok()).find(|value| !value.trim().is_empty())
        };
        Self::named(first(&named).as_deref(), first(&without).as_deref())
    }

    /// None.
    pub fn none() -> Self {
        Self::default()
    }

    /// That proxy for everything but what goes without, in the words of `HTTPS_PROXY` and `NO_PROXY`.
    pub fn named(proxy: Option<&str>, without: Option<&str>) -> Self {
        let proxy = proxy.map(|address| {
            address.parse().map_or_else(|()| Named::Unusable(without_secrets(address)), Named::Proxy)
        });
        let without = without.unwrap_or_default().split(',').filter_map(Without::read).collect();
        Self { proxy, without }
    }

    /// The proxy to that place, where it goes through one.
    pub(super) fn to(&self, host: &str, port: u16) -> Result<Option<&Proxy>, ProxyError> {
        let ip = host.parse::<IpAddr>().ok();
        let is_here = ip.is_some_and(|ip| ip.is_loopback()) || host.eq_ignore_ascii_case("localhost");
        if is_here || self.without.iter().any(|without| without.covers(host, ip, port)) {
            return Ok(None);
        }
        match &self.proxy {
            None => Ok(None),
            Some(Named::Proxy(proxy)) => Ok(Some(proxy)),
            Some(Named::Unusable(address)) => Err(ProxyError::Unusable(address.clone())),
        }
    }
}

impl Proxy {
    /// Asks for a way to that place. Afterwards the stream leads there.
    pub(super) async fn connect<S>(&self, stream: &mut S, host: &str, port: u16) -> Result<(), ProxyError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let target = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
        if let Some(authorization) = &self.authorization {
            request += &format!("Proxy-Authorization: Basic {authorization}\r\n");
        }
        request += "\r\n";
        let broke =
            |error: io::Error| ProxyError::BrokeOff { proxy: self.to_string(), error: error.to_string() };
        stream.write_all(request.as_bytes()).await.map_err(broke)?;
        stream.flush().await.map_err(broke)?;
        let head = self.read_head(stream).await?;
        let line = head.lines().next().unwrap_or_default();
        let mut words = line.splitn(2, ' ');
        let is_http = words.next().is_some_and(|word| word.starts_with("HTTP/1."));
        let answer: String = words.next().unwrap_or_default().chars().take(MAX_REASON).collect();
        let proxy = || self.to_string();
        match answer.split(' ').next().and_then(|code| code.parse::<u16>().ok()) {
            Some(200..=299) if is_http => Ok(()),
            Some(407) if is_http => Err(ProxyError::Unauthorized { proxy: proxy(), answer }),
            Some(_) if is_http => Err(ProxyError::Refused { proxy: proxy(), target, answer }),
            Some(_) | None => Err(ProxyError::NoProxy(proxy())),
        }
    }

    pub(super) fn unreachable(&self, why: &str) -> ProxyError {
        ProxyError::Unreachable { proxy: self.to_string(), why: why.to_owned() }
    }

    /// Up to the empty line, and not a byte further: what comes next is the server's.
    async fn read_head<S: AsyncRead + Unpin>(&self, stream: &mut S) -> Result<String, ProxyError> {
        let broke =
            |error: io::Error| ProxyError::BrokeOff { proxy: self.to_string(), error: error.to_string() };
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() >= MAX_ANSWER {
                return Err(ProxyError::NoProxy(self.to_string()));
            }
            head.push(stream.read_u8().await.map_err(broke)?);
        }
        Ok(String::from_utf8_lossy(&head).into_owned())
    }
}

impl FromStr for Proxy {
    type Err = ();

    fn from_str(address: &str) -> Result<Self, ()> {
        let address = address.trim();
        let whole = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
        let url = Url::parse(&whole).map_err(|_| ())?;
        let host = url.host_str().filter(|_| url.scheme() == "http").ok_or(())?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let authorization = (!url.username().is_empty()).then(|| {
            let password = plain(url.password().unwrap_or_default());
            BASE64_STANDARD.encode(format!("{}:{password}", plain(url.username())))
        });
        Ok(Self { host, port: url.port().unwrap_or(USUAL_PORT), authorization })
    }
}

/// Without user name and password: it is written down.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Without {
    fn read(entry: &str) -> Option<Self> {
        let entry = entry.trim().to_ascii_lowercase();
        if entry.is_empty() {
            return None;
        }
        if entry == "*" {
            return Some(Self::All);
        }
        if let Ok(range) = entry.parse::<IpNet>() {
            return Some(Self::Range(range));
        }
        if let Ok(ip) = entry.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            return Some(Self::Range(ip.into()));
        }
        let (name, port) = match entry.rsplit_once(':') {
            Some((name, port)) => (name, Some(port.parse().ok()?)),
            None => (entry.as_str(), None),
        };
        let name = name.trim_start_matches('*').trim_start_matches('.');
        Some(Self::Name(name.to_owned(), port))
    }

    fn covers(&self, host: &str, ip: Option<IpAddr>, port: u16) -> bool {
        match self {
            Self::All => true,
            Self::Range(range) => ip.is_some_and(|ip| range.contains(&ip)),
            Self::Name(name, only) => {
                let host = host.to_ascii_lowercase();
                let is_it = host
                    .strip_suffix(name.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
                is_it && only.is_none_or(|only| only == port)
            }
        }
    }
}

/// An address as it may be shown: what stands before an `@` may be a password.
fn without_secrets(address: &str) -> String {
    let (scheme, rest) = address.split_once("://").map_or(("", address), |(scheme, rest)| (scheme, rest));
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    if scheme.is_empty() { rest.to_owned() } else { format!("{scheme}://{rest}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leads_through(proxies: &Proxies, host: &str, port: u16) -> Option<String> {
        proxies.to(host, port).unwrap().map(ToString::to_string)
    }

    #[test]
    fn a_proxy_is_for_everything_but_what_goes_without() {
        let without = "example.org, .inside.example, 10.0.0.0/8,[2001:db8::1],b.example:443";
        let proxies = Proxies::named(Some("http://proxy.example:3128"), Some(without));
        for (host, port, goes_through) in [
            ("a.example", 443, true),
            ("example.org", 443, false),
            ("www.EXAMPLE.org", 443, false),
            ("notexample.org", 443, true),
            ("x.inside.example", 80, false),
            ("10.2.3.4", 443, false),
            ("11.2.3.4", 443, true),
            ("2001:db8::1", 443, false),
            ("2001:db8::2", 443, true),
            ("b.example", 443, false),
            ("b.example", 3478, true),
            ("localhost", 443, false),
            ("127.0.0.9", 443, false),
            ("::1", 443, false),
        ] {
            let through = leads_through(&proxies, host, port);
            assert_eq!(through.is_some(), goes_through, "{host}:{port} {through:?}");
        }
        assert_eq!(leads_through(&Proxies::named(Some("p:1"), Some("*")), "a.example", 443), None);
        assert_eq!(leads_through(&Proxies::none(), "a.example", 443), None);
    }

    #[test]
    fn a_proxys_address_is_read_as_other_programs_read_it() {
        let read = |text: &str| {
            let proxy: Proxy = text.parse().unwrap();
            (proxy.host.clone(), proxy.port, proxy.authorization)
        };
        assert_eq!(read("proxy.example:3128"), ("proxy.example".to_owned(), 3128, None));
        assert_eq!(read("http://[2001:db8::7]"), ("2001:db8::7".to_owned(), 80, None));
        let (_, _, authorization) = read("http://ada:p%40ss%3A1@proxy.example:8080/");
        assert_eq!(authorization, Some(BASE64_STANDARD.encode("ada:p@ss:1")));
    }

    #[test]
    fn what_is_no_http_proxy_is_called_so_without_its_password() {
        let proxies = Proxies::named(Some("socks5://ada:secret@proxy.example:1080"), None);
        let error = proxies.to("a.example", 443).unwrap_err().to_string();
        assert!(error.contains("socks5://proxy.example:1080") && !error.contains("secret"), "{error}");
        assert!(proxies.to("localhost", 443).unwrap().is_none(), "what is here is reached all the same");
    }

    async fn answered(answer: &[u8]) -> Result<String, ProxyError> {
        let (mut ours, mut theirs) = tokio::io::duplex(64 * 1024);
        theirs.write_all(answer).await.unwrap();
        let proxy: Proxy = "http://ada:pw@proxy.example".parse().unwrap();
        proxy.connect(&mut ours, "relay.example", 443).await?;
        drop(theirs);
        let mut rest = String::new();
        ours.read_to_string(&mut rest).await.unwrap();
        Ok(rest)
    }

    #[tokio::test]
    async fn what_the_proxy_answers_is_understood_and_nothing_behind_it_is_lost() {
        let rest =
            answered(b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\nthe server's").await.unwrap();
        assert_eq!(rest, "the server's");
        let said = |error: ProxyError| error.to_string();
        let error = answered(b"HTTP/1.0 403 Forbidden\r\n\r\n").await.map_err(said).unwrap_err();
        assert!(error.contains("refuses to connect to relay.example:443 (403 Forbidden)"), "{error}");
        let error = answered(b"HTTP/1.1 407 Who are you\r\n\r\n").await.map_err(said).unwrap_err();
        assert!(error.contains("user name and a password"), "{error}");
        for rubbish in [&b"SSH-2.0-x\r\n\r\n"[..], b"HTTP/1.1\r\n\r\n", &[b'x'; MAX_ANSWER + 1]] {
            let error = answered(rubbish).await.map_err(said).unwrap_err();
            assert!(error.contains("is not an HTTP proxy"), "{error}");
        }
    }
}

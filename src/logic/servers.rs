//! The servers that a call may use: who tells us our public address, and who relays.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use sightline_protocol::link::Pin;

use super::path::PathPolicy;

/// Servers of one kind that are used; whoever names more gains nothing.
const MAX_SERVERS: usize = 8;

/// What is spoken to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A plain stream.
    Tcp,
    /// An encrypted stream.
    Tls,
}

impl Transport {
    /// As it stands in a sentence.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
        }
    }
}

/// What a server does for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// Says which address we have on its side of our NAT.
    Stun,
    /// Hands on what we and the other side send.
    Turn,
}

/// Where a server is, and how it is spoken to: what a `stun:`, `turn:` or `turns:` address says (RFC 7064, RFC 7065).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ServerUrl {
    /// What it is asked for.
    pub service: Service,
    /// How.
    pub transport: Transport,
    /// A name, or an IP address without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
}

/// An address of a server that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the address of a STUN or TURN server, such as turn:relay.example:3478?transport=udp")]
pub struct NotAServer(pub String);

impl FromStr for ServerUrl {
    type Err = NotAServer;

    fn from_str(text: &str) -> Result<Self, NotAServer> {
        let not = || NotAServer(text.to_owned());
        let (scheme, rest) = text.split_once(':').ok_or_else(not)?;
        let (place, query) = rest.split_once('?').map_or((rest, None), |(place, query)| (place, Some(query)));
        let over_tcp = match query {
            None | Some("transport=udp") => false,
            Some("transport=tcp") => true,
            Some(_) => return Err(not()),
        };
        let (service, transport, usual_port) = match (scheme, over_tcp) {
            ("stun", false) => (Service::Stun, Transport::Udp, 3478),
            ("turn", false) => (Service::Turn, Transport::Udp, 3478),
            ("turn", true) => (Service::Turn, Transport::Tcp, 3478),
            // Without a transport it stands for TLS all the same: there is no DTLS here.
            ("turns", _) => (Service::Turn, Transport::Tls, 5349),
            _ => return Err(not()),
        };
        let (host, port) = match place.strip_prefix('[') {
            Some(rest) => {
                let (host, after) = rest.split_once(']').ok_or_else(not)?;
                (host, after.strip_prefix(':'))
            }
            None => place.rsplit_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
        };
        let port = port.map_or(Ok(usual_port), str::parse).map_err(|_| not())?;
        let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '_' | '%');
        if host.is_empty() || port == 0 || !host.chars().all(sound) {
            return Err(not());
        }
        Ok(Self { service, transport, host: host.to_owned(), port })
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, query) = match (self.service, self.transport) {
            (Service::Stun, _) => ("stun", ""),
            (Service::Turn, Transport::Udp) => ("turn", "?transport=udp"),
            (Service::Turn, Transport::Tcp) => ("turn", "?transport=tcp"),
            (Service::Turn, Transport::Tls) => ("turns", "?transport=tcp"),
        };
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{scheme}:{open}{}{close}:{}{query}", self.host, self.port)
    }
}

/// The right to use a relay.
#[derive(Clone, PartialEq, Eq)]
pub struct RelayAccess {
    /// The ways to it.
    pub doors: Vec<ServerUrl>,
    /// The user name.
    pub username: String,
    /// The password.
    pub password: String,
    /// How to know it over TLS; the system's authorities judge where there is none.
    pub pin: Option<Pin>,
}

impl fmt::Debug for RelayAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelayAccess").field("doors", &self.doors).finish_non_exhaustive()
    }
}

/// All servers that a call may use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Servers {
    /// Who tells us our public address.
    pub stun: Vec<ServerUrl>,
    /// Who relays, where somebody does.
    pub relay: Option<RelayAccess>,
}

impl Servers {
    /// Reads addresses as a server names them. One that cannot be used is no reason to lose the others.
    pub fn urls(named: &[String]) -> Vec<ServerUrl> {
        named.iter().filter_map(|url| url.parse().ok()).take(MAX_SERVERS).collect()
    }

    /// What of them a call may use that is allowed only such paths.
    pub fn allowed_by(mut self, policy: PathPolicy) -> Self {
        if policy.needs_relay() {
            self.stun.clear();
        }
        let may_relay = |transport| match policy {
            PathPolicy::Any | PathPolicy::Relay => true,
            PathPolicy::Direct => false,
            PathPolicy::RelayUdp => transport == Transport::Udp,
            PathPolicy::RelayTcp => transport == Transport::Tcp,
            PathPolicy::RelayTls => transport == Transport::Tls,
        };
        if let Some(relay) = &mut self.relay {
            relay.doors.retain(|door| may_relay(door.transport));
        }
        self.relay = self.relay.filter(|relay| !relay.doors.is_empty());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_back_from_what_is_written() {
        for (text, transport, host, port) in [
            ("stun:192.0.2.1:3478", Transport::Udp, "192.0.2.1", 3478),
            ("turn:relay.example:3479?transport=udp", Transport::Udp, "relay.example", 3479),
            ("turn:[2001:db8::1]:3478?transport=tcp", Transport::Tcp, "2001:db8::1", 3478),
            ("turns:192.0.2.1:443?transport=tcp", Transport::Tls, "192.0.2.1", 443),
        ] {
            let url: ServerUrl = text.parse().unwrap();
            assert_eq!((url.transport, url.host.as_str(), url.port), (transport, host, port));
            assert_eq!(url.to_string(), text);
        }
        assert_eq!("turns:relay.example".parse::<ServerUrl>().map(|url| url.port), Ok(5349));
    }

    #[test]
    fn what_is_no_server_is_refused() {
        for text in [
            "",
            "stun:",
            "http://a",
            "turn:a b:1",
            "turn:a:0",
            "turn:a:99999",
            "turn:[::1:3478",
            "turn:a?x=y",
        ] {
            assert!(text.parse::<ServerUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_policy_leaves_only_the_doors_it_allows() {
        let doors = Servers::urls(&["turn:a:1".into(), "turn:a:1?transport=tcp".into(), "turns:a:1".into()]);
        let relay = RelayAccess { doors, username: "u".into(), password: "p".into(), pin: None };
        let servers = Servers { stun: Servers::urls(&["stun:a".into()]), relay: Some(relay) };
        let left = |policy| {
            let servers = servers.clone().allowed_by(policy);
            (servers.stun.len(), servers.relay.map_or(0, |relay| relay.doors.len()))
        };
        assert_eq!(left(PathPolicy::Any), (1, 3));
        assert_eq!(left(PathPolicy::Direct), (1, 0));
        assert_eq!(left(PathPolicy::Relay), (0, 3));
        assert_eq!(left(PathPolicy::RelayTls), (0, 1));
    }
}

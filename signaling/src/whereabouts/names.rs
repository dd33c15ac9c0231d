//! What this server is called: the names in links, in hellos, and in the addresses of its relay. Pure.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use sightline_protocol::{Scheme, ServerAddress};

/// Where a server listens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addresses {
    /// For plain HTTP and WebSocket.
    pub http: Option<SocketAddr>,
    /// With TLS, for HTTP, WebSocket and TURN.
    pub https: Vec<SocketAddr>,
    /// For STUN and TURN over UDP.
    pub turn_udp: Vec<SocketAddr>,
    /// For STUN and TURN over TCP.
    pub turn_tcp: Vec<SocketAddr>,
}

impl Addresses {
    /// What a client on this computer is given to reach it without TLS: `http://HOST:PORT/`. Empty where it does not
    /// listen like that.
    pub fn url(&self) -> String {
        let local =
            self.http.map(|http| address(Scheme::Http, &http.ip().to_canonical().to_string(), http.port()));
        local.map(|local| local.to_string()).unwrap_or_default()
    }
}

/// All that is said of where a server is.
pub(crate) struct Place<'a> {
    /// As the operator gave them.
    pub(crate) names: &'a [String],
    /// The one that an authority vouches for.
    pub(crate) domain: Option<&'a str>,
    pub(crate) public_ips: &'a [IpAddr],
    pub(crate) addresses: &'a Addresses,
}

impl Place<'_> {
    /// Every name by which a client may have dialled us.
    pub(crate) fn all_names(&self) -> Vec<String> {
        let mut names = self.names.to_vec();
        names.extend(self.links().iter().map(ServerAddress::name));
        let mut spell = |scheme, hosts: &[String], port| {
            names.extend(hosts.iter().map(|host| address(scheme, host, port).name()));
        };
        if let Some(http) = self.addresses.http {
            spell(Scheme::Http, &this_computer(), http.port());
        }
        for port in self.https_ports() {
            spell(Scheme::Https, &self.hosts(), port);
        }
        once_each(names)
    }

    /// Every host that a certificate of our own is for.
    pub(crate) fn hosts(&self) -> Vec<String> {
        let named = self.names.iter().filter_map(|name| parse(Scheme::Https, name));
        let mut hosts: Vec<_> = self.domain.map(str::to_owned).into_iter().collect();
        hosts.extend(named.map(|address| address.host));
        hosts.extend(self.public_ips.iter().map(IpAddr::to_string));
        hosts.extend(
            self.addresses
                .https
                .iter()
                .map(|at| at.ip())
                .filter(|ip| !ip.is_unspecified())
                .map(|ip| ip.to_string()),
        );
        hosts.extend(this_computer());
        once_each(hosts)
    }

    /// How to reach us, the best first, without pins: the given names, the authority's, or else the addresses.
    pub(crate) fn links(&self) -> Vec<ServerAddress> {
        let only_plain = self.addresses.https.is_empty();
        let mut links: Vec<_> = self
            .names
            .iter()
            .filter_map(|name| {
                // A name without TLS here is one behind a proxy that has it, unless it is this computer.
                let local = parse(Scheme::Http, name).filter(|_| only_plain);
                local.or_else(|| parse(Scheme::Https, name))
            })
            .collect();
        let port = self.https_ports().first().copied();
        if let Some(port) = port {
            links.extend(self.domain.map(|domain| address(Scheme::Https, domain, port)));
            if links.is_empty() {
                links.extend(self.public_ips.iter().map(|ip| address(Scheme::Https, &ip.to_string(), port)));
            }
            if links.is_empty() {
                let own = self.addresses.https.iter().filter(|at| !at.ip().is_unspecified());
                links.extend(own.map(|at| address(Scheme::Https, &at.ip().to_string(), at.port())));
            }
            if links.is_empty() {
                links.push(address(Scheme::Https, &Ipv4Addr::LOCALHOST.to_string(), port));
            }
        } else if links.is_empty() {
            let plain = self.addresses.http.iter();
            links.extend(
                plain.map(|at| address(Scheme::Http, &at.ip().to_canonical().to_string(), at.port())),
            );
        }
        links
    }

    /// Where clients may ask how they are seen (RFC 7064).
    pub(crate) fn stun_urls(&self) -> Vec<String> {
        self.urls(&self.addresses.turn_udp, "stun", "")
    }

    /// Where clients find the relay (RFC 7065), the cheapest way first.
    pub(crate) fn relay_urls(&self) -> Vec<String> {
        // A second port is there to be asked what a NAT does (RFC 5780); as a relay it would be the same one twice.
        let mut ips = HashSet::new();
        let mut first_ports = self.addresses.turn_udp.clone();
        first_ports.retain(|at| ips.insert(at.ip()));
        let mut urls = self.urls(&first_ports, "turn", "?transport=udp");
        urls.extend(self.urls(&self.addresses.turn_tcp, "turn", "?transport=tcp"));
        match self.domain {
            // An authority vouches for the name alone.
            Some(domain) => {
                urls.extend(
                    self.https_ports().iter().map(|port| format!("turns:{domain}:{port}?transport=tcp")),
                );
            }
            None => urls.extend(self.urls(&self.addresses.https, "turns", "?transport=tcp")),
        }
        urls
    }

    fn urls(&self, sockets: &[SocketAddr], kind: &str, transport: &str) -> Vec<String> {
        let mut urls = Vec::new();
        for at in sockets {
            urls.extend(
                self.hosts_at(*at).iter().map(|host| format!("{kind}:{host}:{}{transport}", at.port())),
            );
        }
        once_each(urls)
    }

    /// The public addresses of the family of a socket; its own address where none is known.
    fn hosts_at(&self, at: SocketAddr) -> Vec<String> {
        let public: Vec<_> = self.public_ips.iter().filter(|ip| ip.is_ipv4() == at.is_ipv4()).collect();
        if public.is_empty() && !at.ip().is_unspecified() {
            return vec![bracketed(at.ip())];
        }
        public.into_iter().map(|ip| bracketed(*ip)).collect()
    }

    fn https_ports(&self) -> Vec<u16> {
        let mut ports: Vec<_> = self.addresses.https.iter().map(SocketAddr::port).collect();
        ports.dedup();
        ports
    }
}

/// Whether this is a server's name as it stands in a link.
pub(crate) fn is_name(name: &str) -> bool {
    // A name without a port is one behind TLS; with plain HTTP only this computer is reached.
    [Scheme::Http, Scheme::Https].iter().any(|scheme| parse(*scheme, name).is_some())
}

fn parse(scheme: Scheme, name: &str) -> Option<ServerAddress> {
    let link = format!("{}://{name}/", scheme.as_str());
    link.parse::<ServerAddress>().ok().filter(|address| address.name() == name)
}

/// Every usual way to spell this computer from itself.
fn this_computer() -> [String; 3] {
    [Ipv4Addr::LOCALHOST.to_string(), "localhost".to_owned(), "::1".to_owned()]
}

/// Without what stood there before.
fn once_each(mut texts: Vec<String>) -> Vec<String> {
    let mut known = HashSet::new();
    texts.retain(|text| known.insert(text.clone()));
    texts
}

fn address(scheme: Scheme, host: &str, port: u16) -> ServerAddress {
    ServerAddress { scheme, host: host.to_owned(), port, pin: None }
}

fn bracketed(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    fn ips(text: &[&str]) -> Vec<IpAddr> {
        text.iter().map(|ip| ip.parse().expect("an address")).collect()
    }

    fn links(place: &Place<'_>) -> Vec<String> {
        place.links().iter().map(ToString::to_string).collect()
    }

    const NOWHERE: Addresses =
        Addresses { http: None, https: Vec::new(), turn_udp: Vec::new(), turn_tcp: Vec::new() };

    #[test]
    fn a_server_on_loopback_answers_to_every_spelling_of_this_computer() {
        for (http, names) in [
            ("127.0.0.1:4711", ["127.0.0.1:4711", "localhost:4711", "[::1]:4711"]),
            ("127.0.0.1:80", ["127.0.0.1", "localhost", "[::1]"]),
        ] {
            let addresses = Addresses { http: Some(on(http)), ..NOWHERE };
            let place = Place { names: &[], domain: None, public_ips: &[], addresses: &addresses };
            assert_eq!(place.all_names(), names, "as a link spells them");
            assert_eq!(links(&place), [addresses.url()]);
        }
    }

    #[test]
    fn a_server_without_a_name_is_reached_at_its_public_addresses() {
        let addresses = Addresses {
            https: vec![on("0.0.0.0:443"), on("[::]:443")],
            turn_udp: vec![on("0.0.0.0:3478"), on("0.0.0.0:3479"), on("[::]:3478")],
            turn_tcp: vec![on("0.0.0.0:3478")],
            ..NOWHERE
        };
        let public_ips = ips(&["198.51.0.7", "2a01::7"]);
        let place = Place { names: &[], domain: None, public_ips: &public_ips, addresses: &addresses };
        assert_eq!(links(&place), ["https://198.51.0.7/", "https://[2a01::7]/"]);
        let names = place.all_names();
        assert_eq!(names, ["198.51.0.7", "[2a01::7]", "127.0.0.1", "localhost", "[::1]"]);
        assert_eq!(
            place.stun_urls(),
            ["stun:198.51.0.7:3478", "stun:198.51.0.7:3479", "stun:[2a01::7]:3478"]
        );
        assert_eq!(
            place.relay_urls(),
            [
                "turn:198.51.0.7:3478?transport=udp",
                "turn:[2a01::7]:3478?transport=udp",
                "turn:198.51.0.7:3478?transport=tcp",
                "turns:198.51.0.7:443?transport=tcp",
                "turns:[2a01::7]:443?transport=tcp",
            ]
        );
    }

    #[test]
    fn a_name_goes_before_addresses_and_keeps_the_port_it_was_given() {
        let addresses = Addresses { https: vec![on("0.0.0.0:8443")], ..NOWHERE };
        let public_ips = ips(&["198.51.0.7"]);
        let place = Place {
            names: &["call.example.org".to_owned()],
            domain: Some("other.example.org"),
            public_ips: &public_ips,
            addresses: &addresses,
        };
        assert_eq!(links(&place), ["https://call.example.org/", "https://other.example.org:8443/"]);
        assert_eq!(place.relay_urls(), ["turns:other.example.org:8443?transport=tcp"]);
        let names = place.all_names();
        for name in ["call.example.org", "call.example.org:8443", "198.51.0.7:8443", "localhost:8443"] {
            assert!(names.iter().any(|known| known == name), "{name} is not in {names:?}");
        }
        assert!(place.hosts().contains(&"198.51.0.7".to_owned()), "{:?}", place.hosts());
    }

    #[test]
    fn behind_a_proxy_the_name_is_reached_with_tls() {
        let addresses = Addresses { http: Some(on("127.0.0.1:7480")), ..NOWHERE };
        let names = ["call.example.org".to_owned(), "127.0.0.1:7480".to_owned()];
        let place = Place { names: &names, domain: None, public_ips: &[], addresses: &addresses };
        assert_eq!(links(&place), ["https://call.example.org/", "http://127.0.0.1:7480/"]);
    }

    #[test]
    fn a_name_is_what_stands_in_a_link() {
        for good in ["call.example.org", "call.example.org:8443", "127.0.0.1:4711", "[::1]:4711"] {
            assert!(is_name(good), "{good}");
        }
        for bad in
            ["", "https://call.example.org/", "call.example.org/", "Call.Example.Org", "a b", "host:", "::1"]
        {
            assert!(!is_name(bad), "{bad}");
        }
    }
}

//! The small words of the settings: where to listen, a range of ports, and the like. Each is written the same way as a
//! flag, in the environment and in the file, and a wrong one is answered with what would be right.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::str::FromStr;

use clap::ValueEnum;
use ipnet::IpNet;
use serde::{Deserialize, Deserializer};
use sightline_server::Reach;

/// Where to listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listen {
    /// Nowhere.
    Off,
    /// At this port of every address, or of loopback where only that makes sense.
    Port(u16),
    /// Just here.
    At(SocketAddr),
}

impl Listen {
    /// Every address that is meant, where a mere port stands for all of this computer's.
    pub(crate) fn everywhere(wished: &[Self]) -> Vec<SocketAddr> {
        wished
            .iter()
            .flat_map(|listen| match *listen {
                Self::Off => vec![],
                Self::Port(port) => {
                    vec![(Ipv4Addr::UNSPECIFIED, port).into(), (Ipv6Addr::UNSPECIFIED, port).into()]
                }
                Self::At(address) => vec![address],
            })
            .collect()
    }

    /// The address that is meant, where a mere port stands for this computer alone.
    pub(crate) fn nearby(self) -> Option<SocketAddr> {
        match self {
            Self::Off => None,
            Self::Port(port) => Some((Ipv4Addr::LOCALHOST, port).into()),
            Self::At(address) => Some(address),
        }
    }
}

impl FromStr for Listen {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const RIGHT: &str = "it should be a port such as 8443, an address and a port such as 192.0.2.7:8443 or \
                             [2001:db8::7]:8443, or off";
        if text == "off" {
            return Ok(Self::Off);
        }
        let port = text.parse().map(Self::Port);
        port.or_else(|_| text.parse().map(Self::At)).map_err(|_| RIGHT)
    }
}

/// The ports that are relayed from: `49152-65535`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ports(pub(crate) RangeInclusive<u16>);

impl FromStr for Ports {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let ends = text.split_once('-').and_then(|(first, last)| {
            Some((first.trim().parse::<u16>().ok()?, last.trim().parse::<u16>().ok()?))
        });
        match ends {
            Some((first, last)) if (1024..=last).contains(&first) => Ok(Self(first..=last)),
            Some(_) | None => {
                Err("it should be two ports, the lower one first and not below 1024, such as 49152-65535")
            }
        }
    }
}

/// A range of addresses, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range(pub(crate) IpNet);

impl FromStr for Range {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let range = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        range
            .map(|range| Self(range.trunc()))
            .map_err(|_| "it should be an address or a range of them, such as 10.0.0.0/8 or fd00::/8")
    }
}

/// An address of a computer, without a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ip(pub(crate) IpAddr);

impl FromStr for Ip {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse()
            .map(Self)
            .map_err(|_| "it should be an address without a port, such as 192.0.2.7 or 2001:db8::7")
    }
}

/// Whom to ask, or nobody: `stun.example.org:3478`, `off`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ask {
    /// Nobody.
    Off,
    /// This one.
    At(String),
}

impl FromStr for Ask {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let whole = text.rsplit_once(':').is_some_and(|(host, port)| {
            let plain = host.chars().all(|c| c.is_ascii_alphanumeric() || "-.[]:".contains(c));
            !host.is_empty() && plain && port.parse::<u16>().is_ok_and(|port| port != 0)
        });
        match (text, whole) {
            ("off", _) => Ok(Self::Off),
            (_, true) => Ok(Self::At(text.to_owned())),
            (_, false) => Err("it should be a host and a port, such as stun.example.org:3478, or off"),
        }
    }
}

/// When to draw a QR code.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum When {
    /// Where a person reads.
    #[default]
    Auto,
    Always,
    Never,
}

/// Whom an allocation may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ReachWord {
    /// The other party of the call
    Call,
    /// Every public address, for a relay that serves other programs as well
    Public,
}

impl From<ReachWord> for Reach {
    fn from(word: ReachWord) -> Self {
        match word {
            ReachWord::Call => Self::Call,
            ReachWord::Public => Self::Public,
        }
    }
}

/// One limit, changed: `relay.allocations=100`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LimitChange {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl FromStr for LimitChange {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() && value.trim().parse::<f64>().is_ok() => {
                Ok(Self { name: name.trim().to_owned(), value: value.trim().to_owned() })
            }
            Some(_) | None => {
                Err("it should be a limit and a number, such as sockets=1000 or relay.allocations=100")
            }
        }
    }
}

/// In a file all of them are strings; a port may be a number as well.
macro_rules! from_string {
    ($($kind:ty),+) => {$(
        impl<'de> Deserialize<'de> for $kind {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Words(std::marker::PhantomData))
            }
        }
    )+};
}

from_string!(Listen, Ports, Range, Ip, Ask);

struct Words<T>(std::marker::PhantomData<T>);

impl<T: FromStr<Err = &'static str>> serde::de::Visitor<'_> for Words<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What would be right, in the words of the value itself: an empty one is never right.
        f.write_str(
            T::from_str("").err().map_or("a string", |right| right.trim_start_matches("it should be ")),
        )
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(|right| E::custom(format_args!("`{text}` is not understood; {right}")))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_an_address_and_off_are_places_to_listen() {
        assert_eq!("8443".parse(), Ok(Listen::Port(8443)));
        assert_eq!("off".parse(), Ok(Listen::Off));
        assert_eq!("[::1]:1".parse::<Listen>().map(Listen::nearby), Ok("[::1]:1".parse().ok()));
        for wrong in ["", "65536", "localhost:80", "192.0.2.7", "On", "-1", "1.2.3.4:70000"] {
            assert!(wrong.parse::<Listen>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_mere_port_is_everywhere_or_here_as_the_setting_has_it() {
        let everywhere: Vec<_> =
            Listen::everywhere(&[Listen::Port(5)]).iter().map(SocketAddr::to_string).collect();
        assert_eq!(everywhere, ["0.0.0.0:5", "[::]:5"]);
        assert_eq!(Listen::everywhere(&[Listen::Off]), []);
        assert_eq!(Listen::Port(5).nearby().map(|here| here.to_string()).as_deref(), Some("127.0.0.1:5"));
        assert_eq!(Listen::Off.nearby(), None);
    }

    #[test]
    fn ports_are_a_range_that_goes_upwards() {
        assert_eq!("50000 - 50100".parse(), Ok(Ports(50000..=50100)));
        for wrong in ["", "50000", "50100-50000", "80-90", "50000-70000", "a-b", "1024-1025-1026"] {
            assert!(wrong.parse::<Ports>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn one_address_is_a_range_too() {
        assert_eq!(
            "10.1.2.3".parse::<Range>().map(|range| range.0.to_string()),
            Ok("10.1.2.3/32".to_owned())
        );
        assert_eq!(
            "10.1.2.3/8".parse::<Range>().map(|range| range.0.to_string()),
            Ok("10.0.0.0/8".to_owned())
        );
        assert!("10.0.0.0/33".parse::<Range>().is_err());
    }

    #[test]
    fn whoever_is_asked_has_a_host_and_a_port() {
        assert_eq!("off".parse(), Ok(Ask::Off));
        for right in ["stun.example.org:3478", "192.0.2.7:1", "[2001:db8::7]:3478"] {
            assert_eq!(right.parse(), Ok(Ask::At(right.to_owned())));
        }
        for wrong in ["stun.example.org", ":3478", "stun:stun.example.org:0", "a b:1", "a/b:1"] {
            assert!(wrong.parse::<Ask>().is_err(), "{wrong}");
        }
    }
}

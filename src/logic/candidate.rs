//! One candidate line, understood: a way in which an end of the call can perhaps be reached.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How an address was come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An address of the computer itself.
    Host,
    /// How a server on the other side of a NAT sees it.
    ServerReflexive,
    /// How the other end of the call sees it.
    PeerReflexive,
    /// An address of a relay.
    Relay,
}

impl Kind {
    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::ServerReflexive => "server reflexive",
            Self::PeerReflexive => "peer reflexive",
            Self::Relay => "relay",
        }
    }
}

/// A priority, taken apart (RFC 8445, section 5.1.2.1): by type, among those of the type, by component.
pub fn priority_in_parts(priority: u32) -> String {
    format!("{} · {} · {}", priority >> 24, priority >> 8 & 0xFFFF, 256 - (priority & 0xFF))
}

/// A candidate as it stands in a description (RFC 8839, section 5.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CandidateLine {
    /// Alike for candidates of the same kind, base and server.
    pub foundation: String,
    /// Lower case: `udp` or `tcp`.
    pub protocol: String,
    /// The higher, the sooner tried.
    pub priority: u32,
    /// An IP address, or an mDNS name that hides one.
    pub address: String,
    /// Its port.
    pub port: u16,
    /// How it was come by.
    pub kind: Kind,
    /// For all but host candidates: the address behind it.
    pub related: Option<String>,
}

/// A line that is no candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a candidate line")]
pub struct NotACandidate;

impl CandidateLine {
    /// Whether it names that address.
    pub fn is_at(&self, address: &str, port: u16) -> bool {
        self.address == address && self.port == port
    }
}

impl FromStr for CandidateLine {
    type Err = NotACandidate;

    fn from_str(line: &str) -> Result<Self, NotACandidate> {
        let line = line.trim();
        let line = line.strip_prefix("a=").unwrap_or(line);
        let mut words = line.strip_prefix("candidate:").ok_or(NotACandidate)?.split_whitespace();
        let mut word = || words.next().ok_or(NotACandidate);
        let foundation = word()?.to_owned();
        let _component = word()?;
        let protocol = word()?.to_ascii_lowercase();
        let priority = word()?.parse().map_err(|_| NotACandidate)?;
        let address = word()?.to_owned();
        let port = word()?.parse().map_err(|_| NotACandidate)?;
        if word()? != "typ" {
            return Err(NotACandidate);
        }
        let kind = match word()? {
            "host" => Kind::Host,
            "srflx" => Kind::ServerReflexive,
            "prflx" => Kind::PeerReflexive,
            "relay" => Kind::Relay,
            _ => return Err(NotACandidate),
        };
        let (mut related, mut related_port) = (None, None);
        while let (Some(key), Some(value)) = (words.next(), words.next()) {
            match key {
                "raddr" => related = Some(value),
                "rport" => related_port = Some(value),
                _ => {}
            }
        }
        let related = related.map(|address| match related_port {
            Some(port) => format!("{address}:{port}"),
            None => address.to_owned(),
        });
        Ok(Self { foundation, protocol, priority, address, port, kind, related })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reflexive_candidate_is_understood() {
        let line = "candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 10.0.0.4 rport 46154 \
                    generation 0 ufrag EEtu network-cost 999";
        let candidate: CandidateLine = line.parse().unwrap();
        assert_eq!(candidate.kind, Kind::ServerReflexive);
        assert_eq!((candidate.address.as_str(), candidate.port), ("203.0.113.7", 46154));
        assert_eq!(candidate.related.as_deref(), Some("10.0.0.4:46154"));
    }

    #[test]
    fn rubbish_is_refused() {
        for line in [
            "",
            "candidate:",
            "candidate:1 1 udp x 1.2.3.4 5 typ host",
            "candidate:1 1 udp 1 1.2.3.4 99999 typ host",
        ] {
            assert_eq!(line.parse::<CandidateLine>(), Err(NotACandidate), "{line}");
        }
    }

    #[test]
    fn a_priority_is_taken_apart() {
        assert_eq!(priority_in_parts(2_130_706_431), "126 · 65535 · 1");
        assert_eq!(priority_in_parts(0), "0 · 0 · 256");
        assert_eq!(priority_in_parts(u32::MAX), "255 · 65535 · 1");
    }
}

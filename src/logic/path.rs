//! The path a call takes: what was found, what is in use, and one sentence that says it.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    candidate::{CandidateLine, Kind},
    sightings::Sightings,
};

/// How many candidates of a side are written down; a side that names more gains nothing.
const MAX_NOTED: usize = 64;

/// Which paths a call may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PathPolicy {
    /// Whatever works best.
    #[default]
    Any,
    /// Never over a relay.
    Direct,
    /// Only over a relay.
    Relay,
    /// Only over a relay that is reached by UDP.
    RelayUdp,
    /// Only over a relay that is reached by TCP.
    RelayTcp,
    /// Only over a relay that is reached by TLS.
    RelayTls,
}

impl PathPolicy {
    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Direct => "direct",
            Self::Relay => "relay",
            Self::RelayUdp => "relay-udp",
            Self::RelayTcp => "relay-tcp",
            Self::RelayTls => "relay-tls",
        }
    }

    /// Nothing but a relay will do.
    pub const fn needs_relay(self) -> bool {
        match self {
            Self::Any | Self::Direct => false,
            Self::Relay | Self::RelayUdp | Self::RelayTcp | Self::RelayTls => true,
        }
    }
}

impl FromStr for PathPolicy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Any, Self::Direct, Self::Relay, Self::RelayUdp, Self::RelayTcp, Self::RelayTls]
            .into_iter()
            .find(|policy| policy.name() == text)
            .ok_or_else(|| "a path is any, direct, relay, relay-udp, relay-tcp or relay-tls".to_owned())
    }
}

/// A candidate, and when it was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noted {
    /// Since the call began.
    pub t_ms: u64,
    /// What it says.
    #[serde(flatten)]
    pub candidate: CandidateLine,
}

/// One end of the pair in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// How its address was come by.
    pub kind: Kind,
    /// Its address.
    pub address: String,
    /// Its port.
    pub port: u16,
    /// `udp` or `tcp`.
    pub protocol: String,
    /// Where it is relayed: the relay's address as it was configured.
    pub server: Option<String>,
}

/// The pair in use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairInUse {
    /// Our end.
    pub local: End,
    /// Their end.
    pub remote: End,
    /// There and back, as the last connectivity check saw it.
    pub round_trip_ms: Option<f64>,
    /// Over this pair.
    pub bytes_sent: u64,
    /// Over this pair.
    pub bytes_received: u64,
}

/// Direct or relayed, and by which end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// No pair is in use.
    None,
    /// From computer to computer.
    Direct,
    /// Over a relay of ours.
    RelayedByUs,
    /// Over a relay of theirs.
    RelayedByThem,
    /// Over a relay of each.
    RelayedByBoth,
}

impl Route {
    /// A relay stands on the way.
    pub const fn is_relayed(self) -> bool {
        match self {
            Self::None | Self::Direct => false,
            Self::RelayedByUs | Self::RelayedByThem | Self::RelayedByBoth => true,
        }
    }
}

/// Everything known about the path.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PathReport {
    /// Which paths were allowed.
    pub policy: PathPolicy,
    /// Ways to reach us.
    pub local: Vec<Noted>,
    /// Ways to reach them, as they said.
    pub remote: Vec<Noted>,
    /// What carries the call.
    pub in_use: Option<PairInUse>,
    /// What the sockets have seen.
    #[serde(default)]
    pub sightings: Sightings,
}

impl PathReport {
    /// Writes a candidate of ours down.
    pub fn note_local(&mut self, t_ms: u64, line: &str) {
        note(&mut self.local, t_ms, line);
    }

    /// Writes a candidate of theirs down.
    pub fn note_remote(&mut self, t_ms: u64, line: &str) {
        note(&mut self.remote, t_ms, line);
    }

    /// Writes down what carries the call, and says whether it is another pair than before.
    ///
    /// A check of theirs that overtakes its candidate makes an address known as *peer reflexive* that they then name as
    /// what it is; what they say of it counts.
    pub fn take_in_use(&mut self, mut pair: PairInUse) -> bool {
        let named =
            self.remote.iter().find(|noted| noted.candidate.is_at(&pair.remote.address, pair.remote.port));
        if let (Kind::PeerReflexive, Some(named)) = (pair.remote.kind, named) {
            pair.remote.kind = named.candidate.kind;
        }
        let before = self.in_use.replace(pair);
        let ends = |pair: &PairInUse| (pair.local.clone(), pair.remote.clone());
        before.as_ref().map(ends) != self.in_use.as_ref().map(ends)
    }

    /// Direct or relayed, and by which end.
    pub fn route(&self) -> Route {
        let relays = |end: &End| end.kind == Kind::Relay;
        match &self.in_use {
            None => Route::None,
            Some(pair) => match (relays(&pair.local), relays(&pair.remote)) {
                (false, false) => Route::Direct,
                (true, false) => Route::RelayedByUs,
                (false, true) => Route::RelayedByThem,
                (true, true) => Route::RelayedByBoth,
            },
        }
    }

    /// The whole in one plain line.
    pub fn sentence(&self) -> String {
        let Some(pair) = &self.in_use else { return "No path yet".to_owned() };
        let through = |end: &End| end.server.clone().unwrap_or_else(|| end.address.clone());
        let how = match self.route() {
            Route::None | Route::Direct => "Direct".to_owned(),
            Route::RelayedByUs => format!("Relayed by our server {}", through(&pair.local)),
            Route::RelayedByThem => format!("Relayed by their server {}", through(&pair.remote)),
            Route::RelayedByBoth => {
                format!("Relayed twice, by {} and {}", through(&pair.local), through(&pair.remote))
            }
        };
        match pair.round_trip_ms {
            Some(round_trip) => {
                format!("{how} over {} · {}", pair.local.protocol.to_uppercase(), Millis(round_trip))
            }
            None => format!("{how} over {}", pair.local.protocol.to_uppercase()),
        }
    }
}

struct Millis(f64);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 10.0 { write!(f, "{:.1} ms", self.0) } else { write!(f, "{:.0} ms", self.0) }
    }
}

fn note(list: &mut Vec<Noted>, t_ms: u64, line: &str) {
    if list.len() < MAX_NOTED
        && let Ok(candidate) = line.parse()
    {
        list.push(Noted { t_ms, candidate });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(kind: Kind, server: Option<&str>) -> End {
        End {
            kind,
            address: "203.0.113.7".into(),
            port: 5000,
            protocol: "udp".into(),
            server: server.map(str::to_owned),
        }
    }

    fn report(local: End, remote: End) -> PathReport {
        let pair = PairInUse { local, remote, round_trip_ms: Some(23.4), bytes_sent: 0, bytes_received: 0 };
        PathReport { in_use: Some(pair), ..PathReport::default() }
    }

    #[test]
    fn the_sentence_names_the_relay_and_whose_it_is() {
        let direct = report(end(Kind::Host, None), end(Kind::PeerReflexive, None));
        assert_eq!(direct.sentence(), "Direct over UDP · 23 ms");
        let theirs = report(end(Kind::Host, None), end(Kind::Relay, None));
        assert_eq!(theirs.sentence(), "Relayed by their server 203.0.113.7 over UDP · 23 ms");
        let ours = report(end(Kind::Relay, Some("turn.example")), end(Kind::Host, None));
        assert_eq!(
            (ours.route(), ours.sentence().as_str()),
            (Route::RelayedByUs, "Relayed by our server turn.example over UDP · 23 ms")
        );
        assert_eq!(PathReport::default().sentence(), "No path yet");
    }

    #[test]
    fn an_address_that_was_met_before_it_was_named_is_what_they_say_it_is() {
        let mut path = PathReport::default();
        let pair = |kind| PairInUse {
            local: end(Kind::Host, None),
            remote: end(kind, None),
            round_trip_ms: None,
            bytes_sent: 0,
            bytes_received: 0,
        };
        assert!(path.take_in_use(pair(Kind::PeerReflexive)), "there was none before");
        assert!(!path.take_in_use(pair(Kind::PeerReflexive)), "the same again");
        path.note_remote(1, "candidate:1 1 udp 2130706431 203.0.113.7 5000 typ host");

        assert!(path.take_in_use(pair(Kind::PeerReflexive)), "it is told anew as what it is");

        assert_eq!(path.in_use.unwrap().remote.kind, Kind::Host);
    }

    #[test]
    fn a_flood_of_candidates_is_not_written_down() {
        let mut report = PathReport::default();
        for _ in 0..1000 {
            report.note_remote(0, "candidate:1 1 udp 1 192.0.2.1 9 typ host");
        }
        assert_eq!(report.remote.len(), MAX_NOTED);
    }

    #[test]
    fn a_policy_reads_back_from_its_name() {
        for name in ["any", "direct", "relay", "relay-udp", "relay-tcp", "relay-tls"] {
            assert_eq!(name.parse::<PathPolicy>().map(PathPolicy::name), Ok(name));
        }
        assert!("udp".parse::<PathPolicy>().is_err());
    }
}

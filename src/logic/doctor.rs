//! Whether calls will work from here, and why not: what was seen goes in, a verdict and findings come out.
//!
//! Looking and judging are apart. What was seen (`observations.rs`) is noted by `adapters/probe.rs` and can be written
//! down, sent to the other side of a call, and judged again. Here nothing is asked and nothing waited for. A finding is for
//! a stranger to networks: one sentence that says how things are, and where something can be done, one that says what.

pub mod consult;
mod findings;
mod observations;
mod predict;
mod progress;
mod words;

use serde::{Deserialize, Serialize};

pub use observations::{
    CertificateSeen, Dialled, Family, Filtering, Mapping, Nat, Observations, PlainHttp, RelayTried, Server,
    StunAsked, Trouble, Wanted,
};
pub use predict::{Likelihood, Predicted, Prediction, Score, predict, score};
pub use progress::{PARTS, Part, Progress};
pub use words::trouble_in_words;

use progress::Known;

/// Raised when a field of the document changes its meaning or goes; new fields do not raise it.
pub const SCHEMA_VERSION: u32 = 1;

/// The whole in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Calls will work.
    Good,
    /// Calls will work, but there is something to look at.
    Limited,
    /// The server is reached, but sound and pictures would not get through.
    NoMedia,
    /// The server is not reached.
    NoServer,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// As it should be.
    Fine,
    /// Good to know; nothing has to be done.
    Note,
    /// It makes calls worse.
    Warning,
    /// It makes calls impossible.
    Fault,
}

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// Whether there is a network at all.
    Network,
    /// Somebody who wants us to log in first.
    CaptivePortal,
    /// The server's switchboard.
    Switchboard,
    /// Its certificate.
    Certificate,
    /// This computer's clock.
    Clock,
    /// Whether UDP gets out.
    Udp,
    /// The newer version of IP.
    Ipv6,
    /// What stands between this computer and the outside.
    Nat,
    /// The relay, by each transport.
    Relay,
    /// A tunnel.
    Vpn,
    /// A proxy on the way.
    Proxy,
}

/// One thing that was found out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What it is about.
    pub about: About,
    /// How things are.
    pub what: String,
    /// What can be done.
    pub next: Option<String>,
}

/// What it all means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// In one word.
    pub verdict: Verdict,
    /// In one sentence.
    pub sentence: String,
    /// One by one, what matters most first.
    pub findings: Vec<Finding>,
}

/// Says what it means.
pub fn diagnose(seen: &Observations) -> Diagnosis {
    let mut findings = findings::so_far(seen, Known::ALL);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let verdict = verdict(seen, &findings);
    Diagnosis { verdict, sentence: sentence(verdict, seen), findings }
}

fn verdict(seen: &Observations, findings: &[Finding]) -> Verdict {
    let worst = findings.iter().map(|finding| finding.severity).max();
    if seen.server.ready_ms.is_none() {
        Verdict::NoServer
    } else if worst == Some(Severity::Fault) {
        Verdict::NoMedia
    } else if worst == Some(Severity::Warning) {
        Verdict::Limited
    } else {
        Verdict::Good
    }
}

fn sentence(verdict: Verdict, seen: &Observations) -> String {
    let relay = match seen.relay_transports().first() {
        Some(transport) => format!("over the relay by {}", transport.name()),
        None => "only within one network".to_owned(),
    };
    match verdict {
        Verdict::Good => "Calls will work from here.".to_owned(),
        Verdict::Limited if !seen.stun.is_empty() && !seen.udp_answers() => {
            format!("Calls will work from here, but {relay} alone: UDP does not get through.")
        }
        Verdict::Limited => "Calls will work from here, but not all as well as they could.".to_owned(),
        Verdict::NoMedia => {
            "Calls will not work from here: the server is reached, but neither UDP nor its relay.".to_owned()
        }
        Verdict::NoServer => {
            format!("Calls will not work from here: the server {} is not reached.", seen.server.name)
        }
    }
}

#[cfg(test)]
mod tests;

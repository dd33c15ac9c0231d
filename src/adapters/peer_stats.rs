//! What the peer connection says of the path, in our words.
//!
//! The ends come from the selected pair itself: the statistics of `webrtc` 0.21 know only candidates that were signalled,
//! and the other side's check often overtakes its candidate. Its figures are taken from there, where they are right.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library's enums may grow, and must be matched with a wildcard"
)]

use std::net::SocketAddr;

use rtc::{
    peer_connection::transport::{RTCIceCandidate, RTCIceCandidatePair, RTCIceCandidateType},
    statistics::report::RTCStatsReport,
};

use crate::logic::{
    candidate::Kind,
    path::{End, PairInUse},
    report::Encryption,
};

use super::net_runtime::Watch;

/// The pair in use, with what was counted on it.
pub(super) fn pair_in_use(pair: &RTCIceCandidatePair, report: &RTCStatsReport, watch: &Watch) -> PairInUse {
    let figures = report.candidate_pairs().find(|pair| pair.nominated);
    let round_trip_ms = figures.map(|pair| pair.current_round_trip_time * 1000.0);
    PairInUse {
        local: End { server: relay_of(pair.local(), watch), ..end(pair.local()) },
        remote: end(pair.remote()),
        round_trip_ms: round_trip_ms.filter(|ms| *ms > 0.0),
        bytes_sent: figures.map_or(0, |pair| pair.bytes_sent),
        bytes_received: figures.map_or(0, |pair| pair.bytes_received),
    }
}

/// What protects the media.
pub(super) fn encryption(report: &RTCStatsReport) -> Encryption {
    let named = |name: &str| (!name.is_empty()).then(|| name.to_owned());
    report.transport().map_or_else(Encryption::default, |transport| Encryption {
        dtls: named(&transport.dtls_cipher),
        srtp: named(&transport.srtp_cipher),
    })
}

/// Who relays for us. The library does not keep it, and knows our servers by names that mean nothing to anybody else.
fn relay_of(candidate: &RTCIceCandidate, watch: &Watch) -> Option<String> {
    let ip = candidate.address.parse().ok().filter(|_| candidate.typ == RTCIceCandidateType::Relay)?;
    let url = watch.relay_at(SocketAddr::new(ip, candidate.port))?;
    Some(format!("{} over {} {}", url.host, url.transport.name(), url.port))
}

fn end(candidate: &RTCIceCandidate) -> End {
    End {
        kind: kind(candidate.typ),
        address: candidate.address.clone(),
        port: candidate.port,
        protocol: candidate.protocol.to_string().to_ascii_lowercase(),
        server: None,
    }
}

fn kind(candidate_type: RTCIceCandidateType) -> Kind {
    match candidate_type {
        RTCIceCandidateType::Srflx => Kind::ServerReflexive,
        RTCIceCandidateType::Prflx => Kind::PeerReflexive,
        RTCIceCandidateType::Relay => Kind::Relay,
        _ => Kind::Host,
    }
}

//! What the peer connection's statistics say of the path, in our words.
//!
//! `webrtc` 0.21 lists the pair in use alone, and names candidates by an id that is prefixed in the entry and bare in the
//! pair.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library's enums may grow, and must be matched with a wildcard"
)]

use rtc::{
    peer_connection::transport::RTCIceCandidateType,
    statistics::{
        report::{RTCStatsReport, RTCStatsReportEntry},
        stats::ice_candidate::RTCIceCandidateStats,
    },
};

use crate::logic::{
    candidate::Kind,
    path::{End, PairInUse},
    report::Encryption,
};

/// The pair in use, if there is one.
pub(super) fn pair_in_use(report: &RTCStatsReport) -> Option<PairInUse> {
    let pair = report.candidate_pairs().find(|pair| pair.nominated)?;
    let candidate = |id: &str, local: bool| {
        report.iter().find_map(|entry| match entry {
            RTCStatsReportEntry::LocalCandidate(candidate) if local && candidate.stats.id.ends_with(id) => {
                Some(candidate)
            }
            RTCStatsReportEntry::RemoteCandidate(candidate) if !local && candidate.stats.id.ends_with(id) => {
                Some(candidate)
            }
            _ => None,
        })
    };
    let round_trip = pair.current_round_trip_time * 1000.0;
    Some(PairInUse {
        local: end(candidate(&pair.local_candidate_id, true)?),
        remote: end(candidate(&pair.remote_candidate_id, false)?),
        round_trip_ms: (round_trip > 0.0).then_some(round_trip),
        bytes_sent: pair.bytes_sent,
        bytes_received: pair.bytes_received,
    })
}

/// What protects the media.
pub(super) fn encryption(report: &RTCStatsReport) -> Encryption {
    let named = |name: &str| (!name.is_empty()).then(|| name.to_owned());
    report.transport().map_or_else(Encryption::default, |transport| Encryption {
        dtls: named(&transport.dtls_cipher),
        srtp: named(&transport.srtp_cipher),
    })
}

fn end(candidate: &RTCIceCandidateStats) -> End {
    End {
        kind: kind(candidate.candidate_type),
        address: candidate.address.clone().unwrap_or_default(),
        port: candidate.port,
        protocol: candidate.protocol.to_ascii_lowercase(),
        server: (!candidate.url.is_empty()).then(|| candidate.url.clone()),
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

//! A report as a dump of chrome://webrtc-internals, which public viewers open.
//!
//! The format is nobody's standard: it is what Chromium writes and what the viewers read. This one is made for the two that
//! are in use, `webrtc-dump-importer` and its successor in `rtcstats`, which want different things:
//!
//! * the newer one refuses dumps without `UserAgentData`, and takes the times of every value from the `timestamp` of the same
//!   statistic, which therefore has as many values as the others, and never none;
//! * the older one knows descriptions and candidates only as the words that Chromium wrote before it wrote JSON
//!   (`type: offer, sdp: …`, `sdpMid: …, sdpMLineIndex: …, candidate: …`), and counts one second for each value. The newer one
//!   reads these words too, so they are written.
//!
//! Each leg of a call is a peer connection of the dump. What moments know as a rate stands as a sum too, where browsers have
//! a sum; what is only known at the end has one value. What is not known yet is 0, what is not known any more is `null`.
//! Losses of theirs have no statistic of their own in browsers: they stand in brackets, as Chromium writes what it computes.

mod series;
mod stats;
mod updates;

use serde_json::{Map, Value, json};

use crate::logic::{
    path::{PathPolicy, ServerRow},
    report::CallReport,
    servers::ServerUrl,
};

use super::words;

/// Connections of one report that are written. No call keeps more; a file that was made to do harm may name more.
const MOST_LEGS: usize = 64;

/// The dump of one report, or of both ends of a call.
pub(super) fn write(reports: &[&CallReport]) -> String {
    let mut connections = Map::new();
    for (process, report) in reports.iter().enumerate() {
        for leg in legs(report) {
            connections.insert(format!("{}-{leg}", process + 1), connection(report, leg));
        }
    }
    let program = reports.first().map_or("sightline", |report| report.program.as_str());
    let version = program.split_whitespace().next_back().unwrap_or_default();
    let brand = |brand: &str| json!({ "brand": brand, "version": version });
    let dump = json!({
        "getUserMedia": [],
        "PeerConnections": connections,
        "UserAgent": words::plain(program),
        // The viewers show the third.
        "UserAgentData": [brand("Not a browser"), brand("webrtc-rs"), brand("Sightline")],
    });
    serde_json::to_string_pretty(&dump).map_or_else(|_| String::new(), |text| text + "\n")
}

fn legs(report: &CallReport) -> Vec<u32> {
    let path = &report.path;
    let named = path.legs.iter().map(|leg| leg.leg);
    let found = path.local.iter().chain(&path.remote).map(|row| row.leg);
    let mut legs: Vec<_> = named.chain(found).chain(path.pairs.iter().map(|pair| pair.leg)).collect();
    legs.sort_unstable();
    legs.dedup();
    legs.truncate(MOST_LEGS);
    legs
}

fn connection(report: &CallReport, leg: u32) -> Value {
    let row = report.path.legs.iter().find(|row| row.leg == leg);
    let why = row.map_or("", |row| words::leg(row.why));
    let call = words::cut(&report.call, 8);
    json!({
        "pid": 1,
        "lid": leg,
        "rid": 1,
        "url": format!("Sightline call {call}, the {}, connection {leg}: {why}", words::role(report.role)),
        "rtcConfiguration": configuration(report),
        "constraints": "",
        "updateLog": updates::of(report, leg),
        "stats": stats::of(report, leg),
    })
}

fn configuration(report: &CallReport) -> Value {
    let url = |row: &ServerRow| {
        let ServerRow { service, transport, server, .. } = row;
        ServerUrl {
            service: *service,
            transport: *transport,
            host: words::plain(&server.host),
            port: server.port,
        }
        .to_string()
    };
    let mut urls: Vec<_> = report.path.servers.iter().map(url).collect();
    urls.sort();
    urls.dedup();
    let policy = match report.path.policy {
        PathPolicy::Any | PathPolicy::Direct => "all",
        PathPolicy::Relay | PathPolicy::RelayUdp | PathPolicy::RelayTcp | PathPolicy::RelayTls => "relay",
    };
    json!({
        "iceServers": [{ "urls": urls }],
        "iceTransportPolicy": policy,
        "bundlePolicy": "max-bundle",
        "rtcpMuxPolicy": "require",
    })
}

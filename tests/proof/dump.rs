//! The dump opens in a viewer, and what the viewer then shows is what the report says.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use sightline::logic::{
    evidence::Moment,
    proof::{Form, compare, read, render, render_both},
    report::CallReport,
};

use super::{
    document::{small, walk},
    samples,
    viewer::{Connection, Statistic, open},
};
use crate::support::reports;

fn of<'a>(connection: &'a Connection, kind: &str) -> Vec<(&'a String, &'a Statistic)> {
    connection.statistics.iter().filter(|(_, statistic)| statistic.kind == kind).collect()
}

fn opened(report: &CallReport) -> BTreeMap<String, Connection> {
    open(&render(report, Form::Dump))
}

#[test]
fn every_dump_opens() {
    for (name, report) in samples() {
        let connections = opened(&report);
        assert_eq!(connections.len(), report.path.legs.len(), "{name}");
    }
    let (ours, theirs) = (reports::direct(), reports::the_other_side_of(&reports::direct(), 0));
    let comparison = compare(&ours, &theirs).unwrap();
    assert_eq!(open(&render_both(&ours, &theirs, &comparison, Form::Dump)).len(), 2);
}

#[test]
fn what_names_another_statistic_names_one_that_is_there() {
    for (name, report) in samples() {
        for (id, connection) in opened(&report) {
            for (statistic_id, statistic) in &connection.statistics {
                for (property, kind) in [
                    ("transportId", "transport"),
                    ("selectedCandidatePairId", "candidate-pair"),
                    ("localCandidateId", "local-candidate"),
                    ("remoteCandidateId", "remote-candidate"),
                    ("codecId", "codec"),
                    ("localId", "outbound-rtp"),
                ] {
                    for named in statistic.properties.get(property).into_iter().flatten() {
                        let named = connection.statistics.get(named.as_str().unwrap());
                        let there = named.is_some_and(|named| named.kind == kind);
                        assert!(there, "{name} {id} {statistic_id} {property}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_viewer_shows_the_pair_in_use_with_both_its_ends() {
    let report = reports::relayed();
    let connections = opened(&report);
    let connection = &connections["1-1"];
    let (_, transport) = of(connection, "transport")[0];
    assert_eq!(transport.last("dtlsState"), "connected");
    let pair = &connection.statistics[transport.last("selectedCandidatePairId").as_str().unwrap()];
    assert_eq!((pair.last("state"), pair.last("nominated")), (&json!("succeeded"), &json!(true)));
    let trip = pair.last("currentRoundTripTime").as_f64().unwrap();
    assert!((0.05..0.08).contains(&trip), "in seconds: {trip}");
    let end = |name: &str| &connection.statistics[pair.last(name).as_str().unwrap()];
    let (local, remote) = (end("localCandidateId"), end("remoteCandidateId"));
    assert_eq!((local.last("candidateType"), local.last("relayProtocol")), (&json!("relay"), &json!("tls")));
    assert_eq!((local.last("address"), local.last("port")), (&json!("203.0.113.10"), &json!(50000)));
    assert_eq!((remote.last("candidateType"), remote.last("isRemote")), (&json!("srflx"), &json!(true)));
    assert_eq!(of(connection, "candidate-pair").len(), report.path.pairs.len());
}

#[test]
fn sums_of_a_dump_are_what_the_moments_amount_to() {
    let report = reports::direct();
    let connections = opened(&report);
    let connection = &connections["1-1"];
    let (_, transport) = of(connection, "transport")[0];
    let moments = &report.evidence.moments;
    let bytes: f64 = moments.iter().map(|moment| f64::from(moment.sent_bps) / 8.0).sum();
    let said = transport.last("bytesSent").as_f64().unwrap();
    assert!((bytes - said).abs() < moments.len() as f64, "{said} of {bytes}");
    assert_eq!(transport.times.len(), moments.len());
    assert_eq!(transport.times[0], (reports::BEGAN_UNIX_MS + moments[0].t_ms) as f64);
    let video =
        of(connection, "outbound-rtp").into_iter().find(|(_, one)| one.last("kind") == "video").unwrap().1;
    assert_eq!(video.last("framesEncoded"), &json!(moments.len() * 30));
    for (kind, medium, direction, bps) in [
        ("outbound-rtp", "video", "Sent", (|one| one.picture_sent_bps) as fn(&Moment) -> u32),
        ("outbound-rtp", "audio", "Sent", |one| one.sound_sent_bps),
        ("inbound-rtp", "video", "Received", |one| one.picture_received_bps),
        ("inbound-rtp", "audio", "Received", |one| one.sound_received_bps),
    ] {
        let stream = of(connection, kind).into_iter().find(|(_, one)| one.last("kind") == medium).unwrap().1;
        let bytes: f64 = moments.iter().map(|moment| f64::from(bps(moment)) / 8.0).sum();
        let said = stream.last(&format!("bytes{direction}")).as_f64().unwrap();
        assert!((bytes - said).abs() < moments.len() as f64, "{kind} {medium}: {said} of {bytes}");
        let rates = &stream.properties[format!("[bytes{direction}_in_bits/s]").as_str()];
        assert_eq!(rates[0], json!(bps(&moments[0])), "{kind} {medium}");
    }
    let reasons = &video.properties["qualityLimitationReason"];
    assert_eq!((&reasons[0], reasons.last().unwrap()), (&json!("bandwidth"), &json!("none")));
    let codecs: Vec<_> =
        of(connection, "codec").iter().map(|(_, codec)| codec.last("mimeType").clone()).collect();
    assert_eq!(codecs, [json!("video/H264"), json!("audio/opus")]);
}

#[test]
fn each_leg_is_a_connection_with_its_own_moments_and_states() {
    let report = reports::switched();
    let connections = opened(&report);
    assert_eq!(connections.keys().collect::<Vec<_>>(), ["1-1", "1-3", "1-5"]);
    let lengths = connections.values().map(|connection| of(connection, "transport")[0].1.times.len());
    assert_eq!(lengths.sum::<usize>(), report.evidence.moments.len());
    let states = |id: &str| -> Vec<_> {
        let log = connections[id].log.iter();
        log.filter(|(_, kind, _)| kind == "connectionstatechange")
            .map(|(_, _, state)| state.as_str())
            .collect()
    };
    assert_eq!(states("1-1"), ["connecting", "connecting", "connected", "closed"]);
    let told = |id: &str, said: &str| connections[id].log.iter().any(|(_, _, value)| value.contains(said));
    assert!(
        told("1-3", "The network of this computer changed") && !told("1-1", "The network of this computer")
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_stands_in_a_report_its_dump_opens(text in "[ -~\u{1b}\r\n]{0,24}", number in any::<u32>(), which in any::<prop::sample::Index>()) {
        let mut whole = small();
        let mut places = Vec::new();
        walk(&whole, String::new(), &mut |place, value| {
            if (value.is_string() || value.is_number()) && !place.ends_with("schema_version") {
                places.push(place.to_owned());
            }
        });
        // One after the other, as long as it stays a report.
        let first = which.index(places.len());
        for place in places.iter().cycle().skip(first).step_by(37).take(9) {
            let before = whole.clone();
            let value = whole.pointer_mut(place).unwrap();
            *value = if value.is_string() { json!(text) } else { json!(number) };
            if serde_json::from_value::<CallReport>(whole.clone()).is_err() {
                whole = before;
            }
        }
        // Only what a leg has a description of is a description; any text may stand in it.
        whole["evidence"]["descriptions"] = Value::Array(Vec::new());
        let report = read(whole.to_string().as_bytes()).unwrap().report;
        prop_assert!(!opened(&report).is_empty());
    }
}

//! A viewer of chrome://webrtc-internals, as far as it reads: what the public ones ask of a dump, written down from the format
//! and from what they do with it. Whatever one of them would stumble over is a panic here.

use std::collections::BTreeMap;

use serde_json::Value;
use sightline::logic::candidate::CandidateLine;

/// What a viewer knows when it has read a dump.
#[derive(Debug)]
pub(super) struct Connection {
    /// The log: time, type, value.
    pub(super) log: Vec<(String, String, String)>,
    /// Each statistic.
    pub(super) statistics: BTreeMap<String, Statistic>,
}

/// One statistic over time.
#[derive(Debug)]
pub(super) struct Statistic {
    /// As the W3C calls it.
    pub(super) kind: String,
    /// Milliseconds since 1970.
    pub(super) times: Vec<f64>,
    /// By name.
    pub(super) properties: BTreeMap<String, Vec<Value>>,
}

impl Statistic {
    /// What it was in the end.
    pub(super) fn last(&self, name: &str) -> &Value {
        self.properties.get(name).and_then(|values| values.last()).unwrap_or(&Value::Null)
    }
}

/// The types that are shown.
const KINDS: &[&str] = &[
    "candidate-pair",
    "codec",
    "inbound-rtp",
    "local-candidate",
    "outbound-rtp",
    "remote-candidate",
    "remote-inbound-rtp",
    "transport",
];

/// Reads a dump.
pub(super) fn open(dump: &str) -> BTreeMap<String, Connection> {
    // Whether it is one at all is told by its first letter.
    assert!(dump.starts_with('{'));
    let dump: Value = serde_json::from_str(dump).unwrap();
    assert!(dump["getUserMedia"].is_array());
    assert!(dump["UserAgent"].is_string());
    let agents = dump["UserAgentData"].as_array().unwrap();
    assert!(agents.len() >= 3 && agents[2]["brand"].is_string() && agents[2]["version"].is_string());
    let connections = dump["PeerConnections"].as_object().unwrap();
    connections.iter().map(|(id, connection)| (id.clone(), read(id, connection))).collect()
}

fn read(id: &str, connection: &Value) -> Connection {
    let (process, number) = id.split_once('-').unwrap();
    assert!(process.parse::<u32>().is_ok() && number.parse::<u32>().is_ok(), "{id}");
    assert!(connection["url"].is_string());
    let servers = connection["rtcConfiguration"]["iceServers"].as_array().unwrap();
    assert!(servers.iter().all(|server| server["urls"].is_array() && server.get("credential").is_none()));
    let log: Vec<_> = connection["updateLog"].as_array().unwrap().iter().map(update).collect();
    assert!(log.windows(2).all(|two| two[0].0 <= two[1].0), "the log is in the order of time");
    Connection { log, statistics: statistics(&connection["stats"]) }
}

fn update(entry: &Value) -> (String, String, String) {
    let text = |name: &str| entry[name].as_str().unwrap().to_owned();
    let (time, kind, value) = (text("time"), text("type"), text("value"));
    is_time(&time);
    // What begins so is read as JSON.
    assert!(!value.starts_with('{'), "{value}");
    if ["icecandidate", "addIceCandidate"].contains(&kind.as_str()) {
        let parts: Vec<_> = value.split(", ").collect();
        assert!(parts[0].starts_with("sdpMid: ") && parts[1].starts_with("sdpMLineIndex: "), "{value}");
        let line = parts[2].strip_prefix("candidate: ").unwrap().trim();
        line.parse::<CandidateLine>().unwrap();
        // The newer viewer cuts at colons, too.
        let by_colons: Vec<_> = parts[2].split(": ").collect();
        assert_eq!((by_colons.len(), by_colons[0]), (2, "candidate"), "{value}");
    }
    if ["setLocalDescription", "setRemoteDescription"].contains(&kind.as_str()) {
        let (part, sdp) = value.strip_prefix("type: ").unwrap().split_once(", sdp: ").unwrap();
        assert!(["offer", "answer"].contains(&part) && sdp.starts_with("v=0\r\n"), "{value}");
        assert!(!sdp.contains(", sdp: "), "{value}");
    }
    (time, kind, value)
}

/// `2026-11-21T15:00:00.000Z`
fn is_time(text: &str) {
    let form: String =
        text.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect();
    assert_eq!(form, "0000-00-00T00:00:00.000Z", "{text}");
}

fn statistics(stats: &Value) -> BTreeMap<String, Statistic> {
    let mut read: BTreeMap<String, Statistic> = BTreeMap::new();
    for (name, row) in stats.as_object().unwrap() {
        // What is computed stands in brackets, with hyphens of its own.
        let (id, property) = match name.find('[') {
            Some(at) => (name[..at].strip_suffix('-').unwrap(), &name[at..]),
            None => name.rsplit_once('-').unwrap(),
        };
        assert!(!id.is_empty() && !property.is_empty(), "{name}");
        is_time(row["startTime"].as_str().unwrap());
        is_time(row["endTime"].as_str().unwrap());
        let kind = row["statsType"].as_str().unwrap();
        assert!(KINDS.contains(&kind), "{kind}");
        let values: Vec<Value> = serde_json::from_str(row["values"].as_str().unwrap()).unwrap();
        let statistic = read.entry(id.to_owned()).or_insert_with(|| Statistic {
            kind: kind.to_owned(),
            times: Vec::new(),
            properties: BTreeMap::new(),
        });
        assert_eq!(statistic.kind, kind, "{name}");
        // A viewer takes the first and the last without asking whether there is one.
        assert!(!values.is_empty(), "{name}");
        if property == "timestamp" {
            statistic.times = values.iter().map(|time| time.as_f64().unwrap()).collect();
        } else {
            statistic.properties.insert(property.to_owned(), values);
        }
    }
    for (id, statistic) in &read {
        assert!(statistic.times.is_sorted() && !statistic.times.is_empty(), "{id}");
        for (name, values) in &statistic.properties {
            assert_eq!(values.len(), statistic.times.len(), "{id}-{name}");
        }
    }
    read
}

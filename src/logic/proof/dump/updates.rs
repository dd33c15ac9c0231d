//! What happened to one connection, in the words of chrome://webrtc-internals.

use serde_json::{Value, json};

use crate::logic::{
    candidate::CandidateLine,
    course::Link,
    path::{CandidateRow, Change, Entry},
    proof::{story, words},
    report::CallReport,
};

/// The log of a connection, in the order of time.
pub(super) fn of(report: &CallReport, leg: u32) -> Value {
    let mut log: Vec<(u64, &str, String)> = Vec::new();
    let named = [("icecandidate", &report.path.local), ("addIceCandidate", &report.path.remote)];
    for (kind, rows) in named {
        log.extend(rows.iter().filter(|row| row.leg == leg).map(|row| (row.t_ms, kind, candidate(row))));
    }
    for description in report.evidence.descriptions.iter().filter(|one| one.leg == leg) {
        let kind = if description.is_ours { "setLocalDescription" } else { "setRemoteDescription" };
        let part = if description.is_offer { "offer" } else { "answer" };
        log.push((description.t_ms, kind, format!("type: {part}, sdp: {}", lines(&description.sdp))));
    }
    for entry in report.path.timeline.iter().filter(|entry| entry.leg == Some(leg)) {
        log.extend(states(entry).into_iter().map(|(kind, state)| (entry.t_ms, kind, state.to_owned())));
    }
    // What belongs to no connection stands with the one that was in use.
    let moves = story::moves(report);
    let in_use =
        |t_ms| moves.iter().rev().find(|(since, _)| *since <= t_ms).or(moves.first()).map(|(_, leg)| *leg);
    for line in story::of(report) {
        if line.leg.or_else(|| in_use(line.t_ms)).unwrap_or(leg) == leg {
            // A word in front: a viewer takes what begins with a brace for JSON.
            log.push((line.t_ms, "sightline", format!("{}: {}", line.topic, line.sentence)));
        }
    }
    log.sort_by_key(|(t_ms, _, _)| *t_ms);
    log.into_iter()
        .map(|(t_ms, kind, value)| {
            json!({ "time": words::iso(report.began_unix_ms.saturating_add(t_ms)), "type": kind, "value": value })
        })
        .collect()
}

fn candidate(row: &CandidateRow) -> String {
    let CandidateLine { foundation, protocol, priority, address, port, kind, related } = &row.candidate;
    let related = related.as_deref().map_or_else(String::new, |related| {
        let (host, port) = related.rsplit_once(':').unwrap_or((related, "0"));
        format!(" raddr {} rport {}", word(host), word(port))
    });
    format!(
        "sdpMid: 0, sdpMLineIndex: 0, candidate: candidate:{} 1 {} {priority} {} {port} typ {}{related}",
        word(foundation),
        word(protocol),
        word(address),
        words::kind_in_line(*kind),
    )
}

/// One word of a candidate line: viewers cut it at blanks, at commas, and at colons before a blank.
fn word(text: &str) -> String {
    let parts = |letter: char| letter.is_whitespace() || letter == ',';
    let mut word = words::plain(text).replace(parts, "_");
    if word.is_empty() {
        word.push('_');
    } else if word.ends_with(':') {
        word.push('0');
    }
    word
}

/// Ends of lines as descriptions have them, and nothing else that is no letter.
fn lines(sdp: &str) -> String {
    let lines = sdp.lines().map(|line| words::plain(line.trim_end()));
    lines.filter(|line| !line.is_empty()).map(|line| line.replace(", sdp: ", " ") + "\r\n").collect()
}

fn states(entry: &Entry) -> Vec<(&'static str, &'static str)> {
    let (ice, whole) = match &entry.change {
        Change::Link { link } => match link {
            Link::New => ("new", "new"),
            Link::Checking => ("checking", "connecting"),
            Link::PathFound => ("connected", "connecting"),
            Link::Up => ("connected", "connected"),
            Link::Interrupted => ("disconnected", "disconnected"),
            Link::Failed => ("failed", "failed"),
            Link::Closed => ("closed", "closed"),
        },
        Change::LegClosed => ("closed", "closed"),
        Change::CandidatesDone { ours: true } => return vec![("icegatheringstatechange", "complete")],
        Change::Interfaces { .. }
        | Change::LegOpened { .. }
        | Change::LegInUse
        | Change::CandidatesDone { ours: false }
        | Change::Server { .. }
        | Change::FirstHeard
        | Change::Path { .. }
        | Change::Switchboard { .. }
        | Change::Ended { .. } => return Vec::new(),
    };
    vec![("iceconnectionstatechange", ice), ("connectionstatechange", whole)]
}

//! The document itself, and what it takes to be one. `src/logic/proof/README.md` names every field.
//!
//! A file that is to be read may be anything: cut short, foreign, made to do harm. What is refused is refused with a
//! sentence that says what to do instead.

use serde_json::Value;

use crate::logic::{
    path,
    report::{CallReport, SCHEMA_VERSION},
};

/// No report is longer: ten minutes second by second, sixty candidates on each side and all their pairs take a fifth of it.
/// What is longer is refused before it is read.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;

/// No list in a report is longer: what a call notes is bounded, far below.
const MOST_ROWS: usize = 10_000;

/// What a file of reports holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The report of one end.
    pub report: CallReport,
    /// That of the other end, where both stand in one file, as after `sightline demo`.
    pub other: Option<CallReport>,
}

/// A file that is no report.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAReport {
    /// Nothing stands in it.
    #[error("it is empty: the call may not be over yet, or the disk was full. Choose another file")]
    Empty,
    /// Longer than any report.
    #[error("it is larger than any report ({} MiB at most). Choose the file that `Save report` or `--report` wrote", MAX_BYTES / 1024 / 1024)]
    TooLarge,
    /// What was made of one.
    #[error(
        "it is {what} made of a report, and cannot be read back. Choose the report itself: its name ends in .json"
    )]
    Rendered {
        /// Which.
        what: &'static str,
    },
    /// No JSON.
    #[error(
        "it is not a report, or it is cut short (line {line}, column {column}). Choose another file, or save the report again"
    )]
    NotJson {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// JSON of something else.
    #[error(
        "it is JSON, but not the report of a call. Choose the file that `Save report` or `--report` wrote"
    )]
    Foreign,
    /// From a program that came later.
    #[error(
        "it was written by a newer Sightline (schema {came}; this one reads {SCHEMA_VERSION}). Update Sightline and try again"
    )]
    Newer {
        /// Its version of the schema.
        came: u64,
    },
    /// A report, of which something cannot be understood.
    #[error(
        "it is a report, but a part of it is damaged ({why}). Save it again, or ask for it to be sent again"
    )]
    Damaged {
        /// Which.
        why: String,
    },
}

/// The whole as one document.
pub(super) fn write(report: &CallReport) -> String {
    serde_json::to_string_pretty(report).map_or_else(|_| String::new(), |text| text + "\n")
}

/// Reads what a file holds.
pub fn read(bytes: &[u8]) -> Result<Found, NotAReport> {
    if bytes.len() > MAX_BYTES {
        return Err(NotAReport::TooLarge);
    }
    let text = bytes.trim_ascii();
    if text.is_empty() {
        return Err(NotAReport::Empty);
    }
    if text.starts_with(b"<!doctype html") {
        return Err(NotAReport::Rendered { what: "a page" });
    }
    if text.starts_with(super::text::TITLE.as_bytes()) {
        return Err(NotAReport::Rendered { what: "a text" });
    }
    let value: Value = serde_json::from_slice(text)
        .map_err(|error| NotAReport::NotJson { line: error.line(), column: error.column() })?;
    let both = |one: &str, other: &str| Some((value.get(one)?.clone(), value.get(other)?.clone()));
    if value.get("PeerConnections").is_some() {
        return Err(NotAReport::Rendered { what: "a dump for webrtc-internals" });
    }
    if value.get("comparison").is_some() {
        return Err(NotAReport::Rendered { what: "a comparison" });
    }
    match both("caller", "callee") {
        Some((caller, Value::Null)) => Ok(Found { report: one(caller)?, other: None }),
        Some((Value::Null, callee)) => Ok(Found { report: one(callee)?, other: None }),
        Some((caller, callee)) => Ok(Found { report: one(caller)?, other: Some(one(callee)?) }),
        None => Ok(Found { report: one(value)?, other: None }),
    }
}

fn one(value: Value) -> Result<CallReport, NotAReport> {
    let version = |value: &Value| value.get("schema_version").and_then(Value::as_u64);
    let (of_report, of_path) = (version(&value), value.get("path").and_then(version));
    let (Some(of_report), Some(of_path)) = (of_report, of_path) else { return Err(NotAReport::Foreign) };
    if value.get("call").is_none() || value.get("role").is_none() {
        return Err(NotAReport::Foreign);
    }
    for (came, read) in [(of_report, SCHEMA_VERSION), (of_path, path::SCHEMA_VERSION)] {
        if came > u64::from(read) {
            return Err(NotAReport::Newer { came });
        }
    }
    let report: CallReport = serde_json::from_value(value)
        .map_err(|error| NotAReport::Damaged { why: super::words::cut(&error.to_string(), 120) })?;
    if longest(&report) > MOST_ROWS {
        return Err(NotAReport::Damaged { why: format!("a list in it has more than {MOST_ROWS} rows") });
    }
    Ok(report)
}

fn longest(report: &CallReport) -> usize {
    let CallReport { stages, links, path, plans, evidence, .. } = report;
    let of_path =
        [path.local.len(), path.remote.len(), path.pairs.len(), path.servers.len(), path.edges.len()];
    let more_of_path = [path.interfaces.len(), path.legs.len(), path.timeline.len(), path.relays.len()];
    let of_evidence = [evidence.moments.len(), evidence.happenings.len(), evidence.descriptions.len()];
    let others = [stages.len(), links.len(), plans.len(), evidence.log.len(), evidence.media.codecs.len()];
    of_path.into_iter().chain(more_of_path).chain(of_evidence).chain(others).max().unwrap_or(0)
}

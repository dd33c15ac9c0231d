//! Everything that happened in a call, in one row: what the path says, what else happened, and how the call stood.

use crate::logic::{
    course::Stage,
    path::{Change, Entry},
    report::CallReport,
};

use super::words;

/// What is said twice within so short a time is one thing.
const SAME_MOMENT_MS: u64 = 50;
/// So many entries before are looked at for that.
const LOOKED_BACK: usize = 16;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Since the call began at this end.
    pub(super) t_ms: u64,
    /// What it is about, in a word.
    pub(super) topic: &'static str,
    /// Of which leg.
    pub(super) leg: Option<u32>,
    /// In words.
    pub(super) sentence: String,
}

/// All of it, in the order of time.
pub(super) fn of(report: &CallReport) -> Vec<Line> {
    let is_over = report.stages.iter().any(|stage| matches!(stage.what, Stage::Ended { .. }));
    // Both know of the end; the call knows by whom.
    let told = |entry: &&Entry| !(is_over && matches!(entry.change, Change::Ended { .. }));
    let path = report.path.timeline.iter().filter(told).map(|entry| Line {
        t_ms: entry.t_ms,
        topic: words::change(&entry.change),
        leg: entry.leg,
        sentence: words::plain(&entry.sentence),
    });
    let happenings = report.evidence.happenings.iter().map(|happening| Line {
        t_ms: happening.t_ms,
        topic: words::topic(happening.topic),
        leg: None,
        sentence: words::plain(&happening.sentence),
    });
    let stages = report.stages.iter().map(|stage| Line {
        t_ms: stage.t_ms,
        topic: "call",
        leg: None,
        sentence: words::stage(stage.what),
    });
    let mut lines: Vec<_> = stages.chain(path).chain(happenings).collect();
    lines.sort_by_key(|line| line.t_ms);
    // The same is known from two sides: how the call stood, and what happened.
    let mut told: Vec<Line> = Vec::new();
    for line in lines {
        let again = told
            .iter()
            .rev()
            .take(LOOKED_BACK)
            .take_while(|before| before.t_ms.saturating_add(SAME_MOMENT_MS) >= line.t_ms);
        if !again.into_iter().any(|before| before.sentence == line.sentence) {
            told.push(line);
        }
    }
    told
}

/// How much happened that was not kept.
pub(super) fn left_out(report: &CallReport) -> u32 {
    report.path.timeline_left_out.saturating_add(report.evidence.happenings_left_out)
}

/// When the call moved to another leg, and which; the first one is where it began.
pub(super) fn moves(report: &CallReport) -> Vec<(u64, u32)> {
    let in_use = |entry: &Entry| match entry.change {
        Change::LegInUse => Some((entry.t_ms, entry.leg?)),
        Change::Interfaces { .. }
        | Change::LegOpened { .. }
        | Change::LegClosed
        | Change::Link { .. }
        | Change::CandidatesDone { .. }
        | Change::Server { .. }
        | Change::FirstHeard
        | Change::Path { .. }
        | Change::Switchboard { .. }
        | Change::Ended { .. } => None,
    };
    report.path.timeline.iter().filter_map(in_use).collect()
}

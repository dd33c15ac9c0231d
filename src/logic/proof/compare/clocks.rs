//! Puts two reports on one clock, by the messages that both noted.
//!
//! The clocks of two computers differ, mostly by more than the call's own times. But a message is never heard before it was
//! sent. Each one that went from us to them says how far apart the two clocks are at least, each one that came back how far
//! at most, and the truth lies between. So the alignment comes with its own exactness, which needs no guess about how long
//! messages were under way. No time travels in them: their order is enough.

use serde::Serialize;

use crate::logic::{
    course::{Role, Side, Stage},
    legs::LegWhy,
    report::CallReport,
};

use crate::logic::proof::words;

/// Times in reports are whole milliseconds, cut off.
const ROUNDING_MS: u64 = 1;

/// How the clocks of two reports were aligned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Clocks {
    /// To be added to the times of the second report, to have them by the clock of the first one.
    pub shift_ms: i64,
    /// By how much the calendar of the second computer was ahead.
    pub ahead_ms: i64,
    /// The truth is no further away than that; nothing where messages of one direction alone are known, or none.
    pub within_ms: Option<u64>,
    /// By how many messages that both noted.
    pub messages: usize,
    /// The messages contradict each other by so much: a clock was set while the call ran.
    pub contradiction_ms: u64,
    /// All that in words.
    pub sentence: String,
}

/// A message that both noted.
struct Message {
    from_us: bool,
    sent_ms: i64,
    heard_ms: i64,
}

/// Aligns.
pub(super) fn align(ours: &CallReport, theirs: &CallReport) -> Clocks {
    let messages = messages(ours, theirs);
    let at_least =
        messages.iter().filter(|one| one.from_us).map(|one| one.sent_ms.saturating_sub(one.heard_ms)).max();
    let at_most =
        messages.iter().filter(|one| !one.from_us).map(|one| one.heard_ms.saturating_sub(one.sent_ms)).min();
    let began = |report: &CallReport| i64::try_from(report.began_unix_ms).unwrap_or(i64::MAX);
    let by_calendar = began(theirs).saturating_sub(began(ours));
    let (shift_ms, within_ms, contradiction_ms) = match (at_least, at_most) {
        (Some(least), Some(most)) => {
            let apart = most.saturating_sub(least);
            let shift = least.saturating_add(apart / 2);
            (
                shift,
                Some(apart.unsigned_abs().div_ceil(2).saturating_add(ROUNDING_MS)),
                if apart < 0 { apart.unsigned_abs() } else { 0 },
            )
        }
        (Some(only), None) | (None, Some(only)) => (only, None, 0),
        (None, None) => (by_calendar, None, 0),
    };
    let ahead_ms = by_calendar.saturating_sub(shift_ms);
    let clocks = Clocks {
        shift_ms,
        ahead_ms,
        within_ms,
        messages: messages.len(),
        contradiction_ms,
        sentence: String::new(),
    };
    Clocks { sentence: in_words(&clocks, theirs.role), ..clocks }
}

fn in_words(clocks: &Clocks, theirs: Role) -> String {
    let Clocks { ahead_ms, within_ms, messages, contradiction_ms, .. } = clocks;
    let role = words::role(theirs);
    let how_far = |ms: u64| if ms < 1000 { format!("{ms} ms") } else { words::lasted(ms) };
    let stood = match ahead_ms {
        0 => format!("The {role}'s clock was right with the other's"),
        1.. => format!("The {role}'s clock was {} ahead", how_far(ahead_ms.unsigned_abs())),
        ..0 => format!("The {role}'s clock was {} behind", how_far(ahead_ms.unsigned_abs())),
    };
    match (within_ms, messages) {
        (Some(within), _) if *contradiction_ms > 0 => format!(
            "{stood}, as far as can be told: the order of {messages} messages contradicts itself by {contradiction_ms} ms, so a clock was set during the call. Times are exact to {within} ms"
        ),
        (Some(within), _) => {
            format!("{stood}. Times are aligned by the order of {messages} messages, exact to {within} ms")
        }
        (None, 0) => {
            "No message is known to both reports: times are those of each computer's own clock".to_owned()
        }
        (None, _) => format!("{stood}, or a little less: only messages of one direction are known to both"),
    }
}

fn messages(ours: &CallReport, theirs: &CallReport) -> Vec<Message> {
    let (caller, callee) = if ours.role == Role::Caller { (ours, theirs) } else { (theirs, ours) };
    let mut found = Vec::new();
    let mut note = |from: Role, sent: Option<u64>, heard: Option<u64>| {
        let ms = |t_ms: Option<u64>| t_ms.and_then(|t_ms| i64::try_from(t_ms).ok());
        if let (Some(sent_ms), Some(heard_ms)) = (ms(sent), ms(heard)) {
            found.push(Message { from_us: from == ours.role, sent_ms, heard_ms });
        }
    };
    let first = |report: &CallReport, stage: Stage| {
        report.stages.iter().find(|at| at.what == stage).map(|at| at.t_ms)
    };
    // A report of a callee begins with the invitation, and the bell rings only once the caller has answered.
    note(Role::Caller, first(caller, Stage::Inviting), Some(0));
    note(Role::Callee, Some(0), first(caller, Stage::Reached));
    note(Role::Caller, first(caller, Stage::Reached), first(callee, Stage::RingingHere));
    note(Role::Callee, first(callee, Stage::RingingHere), first(caller, Stage::RingingThere));
    note(Role::Callee, first(callee, Stage::Connecting), first(caller, Stage::Connecting));
    for (teller, hearer) in [(caller, callee), (callee, caller)] {
        let hung_up = teller.ended_by == Some(Side::Us) && hearer.ended_by == Some(Side::Them);
        let ended = |report: &CallReport| {
            report.stages.iter().rev().find(|at| matches!(at.what, Stage::Ended { .. })).map(|at| at.t_ms)
        };
        if hung_up {
            note(teller.role, ended(teller), ended(hearer));
        }
        for leg in hearer.path.legs.iter().filter(|leg| leg.why == LegWhy::Theirs) {
            let wished =
                teller.path.legs.iter().find(|other| other.leg == leg.leg && other.why != LegWhy::Theirs);
            note(teller.role, wished.map(|wished| wished.opened_ms), Some(leg.opened_ms));
        }
    }
    found
}

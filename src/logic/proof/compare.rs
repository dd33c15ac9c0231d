//! Two reports of one call, held against each other: which direction lost packets, where the path changed, and in what the
//! two ends disagree.
//!
//! What one end sent and the other received is compared by each end's own counting; what each end believes of the other is
//! only mentioned where the two do not fit. Times are put on one clock first (`clocks`).

mod clocks;

use serde::Serialize;

use crate::logic::{
    course::{Role, Side},
    evidence::Moment,
    path::{Change, Route},
    report::CallReport,
};

use super::{
    figures::{Figure, figure, length_ms, of_the_call},
    words,
};

pub use clocks::Clocks;

/// Raised when a field changes its meaning or goes; new fields do not raise it.
pub const COMPARISON_VERSION: u32 = 1;
/// Less than so many of a hundred packets is not called a loss.
const LITTLE_LOST_PERCENT: f64 = 0.5;
/// Two ends that differ by so many of a hundred packets see different things.
const FAR_APART_PERCENT: f64 = 2.0;
/// Two ends whose round trips differ by more see different things: so many milliseconds, and half of the shorter one.
const FAR_APART_MS: f64 = 20.0;
/// What was sent so shortly before the end of a call may have been under way when it ended.
const UNDER_WAY_MS: u64 = 250;
/// How many changes of the path are told of; a call that changes more often is told by its two reports.
const MOST_CHANGES: usize = 200;

/// Two reports that cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotOneCall {
    /// Of two calls.
    #[error("the two reports are of two calls ({} and {}). Choose the two files of one call: their ids are the same", words::cut(.ours, 8), words::cut(.theirs, 8))]
    TwoCalls {
        /// Of the first file.
        ours: String,
        /// Of the other one.
        theirs: String,
    },
    /// Of one end.
    #[error("both reports were written by the {}. Choose the file of the other side as well", words::role(*.0))]
    OneEnd(Role),
}

/// What two reports of one call say together. Times are those of the first report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// See [`COMPARISON_VERSION`].
    pub schema_version: u32,
    /// The call's id.
    pub call: String,
    /// The whole in a sentence or two.
    pub sentence: String,
    /// How the two clocks were aligned.
    pub clocks: Clocks,
    /// From the caller to the callee, and back.
    pub directions: Vec<Direction>,
    /// When the path changed, at which end.
    pub changes: Vec<PathChange>,
    /// In what the two ends disagree, in words; nothing where they tell one story.
    pub disagreements: Vec<String>,
    /// What else is worth knowing before anything is concluded.
    pub notes: Vec<String>,
}

/// One direction of a call.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Direction {
    /// Who sent.
    pub from: Role,
    /// Packets of sound and picture, as the sender counted them.
    pub sent_packets: u64,
    /// As the receiver did, repaired ones among them.
    pub received_packets: u64,
    /// So many of those that are missing may have been under way when the call ended.
    pub under_way_packets: u64,
    /// Of a hundred packets so many never came, not even late.
    pub missing_percent: Option<f64>,
    /// Of a hundred packets so many were lost on the way, as the receiver saw it.
    pub lost_percent: Option<f64>,
    /// The same as the sender was told.
    pub lost_as_told_percent: Option<f64>,
    /// The worst moment of the receiver.
    pub worst: Option<Worst>,
    /// All that in words.
    pub sentence: String,
}

/// The worst moment of a direction.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Worst {
    /// By the clock of the first report, since its call began.
    pub t_ms: i64,
    /// Of a hundred packets.
    pub lost_percent: f64,
}

/// The path changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PathChange {
    /// By the clock of the first report, since its call began.
    pub t_ms: i64,
    /// At which end.
    pub at: Role,
    /// What that end says of it.
    pub sentence: String,
}

/// Holds two reports against each other.
pub fn compare(ours: &CallReport, theirs: &CallReport) -> Result<Comparison, NotOneCall> {
    if ours.call != theirs.call {
        return Err(NotOneCall::TwoCalls { ours: ours.call.clone(), theirs: theirs.call.clone() });
    }
    if ours.role == theirs.role {
        return Err(NotOneCall::OneEnd(ours.role));
    }
    let clocks = clocks::align(ours, theirs);
    let (caller, callee) = if ours.role == Role::Caller { (ours, theirs) } else { (theirs, ours) };
    let shift_of = |report: &CallReport| if report.role == ours.role { 0 } else { clocks.shift_ms };
    let directions =
        vec![direction(caller, callee, shift_of(callee)), direction(callee, caller, shift_of(caller))];
    let disagreements = disagreements(caller, callee, &directions);
    let changes = changes([(ours, 0), (theirs, clocks.shift_ms)]);
    Ok(Comparison {
        schema_version: COMPARISON_VERSION,
        call: ours.call.clone(),
        sentence: sentence(&directions, &disagreements),
        clocks,
        directions,
        changes,
        disagreements,
        notes: notes(caller, callee),
    })
}

/// A time of the other report by the clock of the first one.
pub(super) fn moved(t_ms: u64, shift_ms: i64) -> i64 {
    i64::try_from(t_ms).unwrap_or(i64::MAX).saturating_add(shift_ms)
}

fn other(role: Role) -> Role {
    match role {
        Role::Caller => Role::Callee,
        Role::Callee => Role::Caller,
    }
}

fn direction(sender: &CallReport, receiver: &CallReport, shift_ms: i64) -> Direction {
    let lost = |of: fn(&Moment) -> f32| move |moment: &Moment| Some(f64::from(of(moment)));
    let seen = figure(of_the_call(receiver), lost(|moment| moment.lost_of_theirs_percent));
    let told = figure(of_the_call(sender), lost(|moment| moment.lost_of_ours_percent));
    let counted = |video: u64, audio: u64| video.saturating_add(audio);
    let sent = counted(sender.counters.video_packets_sent, sender.counters.audio_packets_sent);
    let received =
        counted(receiver.counters.video_packets_received, receiver.counters.audio_packets_received);
    let mean = |figure: Option<Figure>| figure.map(|figure| figure.mean);
    let mut direction = Direction {
        from: sender.role,
        sent_packets: sent,
        received_packets: received,
        under_way_packets: under_way(sender, sent),
        missing_percent: (sent > 0).then(|| sent.saturating_sub(received) as f64 * 100.0 / sent as f64),
        lost_percent: mean(seen),
        lost_as_told_percent: mean(told),
        worst: seen
            .filter(|seen| seen.most > LITTLE_LOST_PERCENT)
            .map(|seen| Worst { t_ms: moved(seen.most_at_ms, shift_ms), lost_percent: seen.most }),
        sentence: String::new(),
    };
    direction.sentence = in_words(&direction);
    direction
}

fn under_way(sender: &CallReport, sent: u64) -> u64 {
    let talked_ms = length_ms(sender).saturating_sub(sender.firsts.connected_ms.unwrap_or(0)).max(1);
    sent.saturating_mul(UNDER_WAY_MS.min(talked_ms)).div_ceil(talked_ms)
}

/// Fewer are missing than may have been under way in the end.
fn are_all_here(direction: &Direction) -> bool {
    direction.sent_packets.saturating_sub(direction.received_packets) <= direction.under_way_packets
}

fn in_words(direction: &Direction) -> String {
    let Direction { from, sent_packets, received_packets, missing_percent, lost_percent, worst, .. } =
        direction;
    let way = format!("From the {} to the {}", words::role(*from), words::role(other(*from)));
    let Some(missing_percent) = missing_percent else { return format!("{way} nothing was sent") };
    let lost = match (lost_percent, worst) {
        (Some(lost), Some(worst)) => format!(
            "{} of the packets were lost on the way, {} at worst ({})",
            words::percent(*lost),
            words::percent(worst.lost_percent),
            signed_at(worst.t_ms)
        ),
        (Some(lost), None) if *lost > 0.0 => {
            format!("{} of the packets were lost on the way", words::percent(*lost))
        }
        (Some(_), None) => "no packet was lost on the way".to_owned(),
        (None, _) => "it is not known how many packets were lost on the way".to_owned(),
    };
    let rest = match sent_packets.saturating_sub(*received_packets) {
        0 => "all of them in the end".to_owned(),
        _ if are_all_here(direction) => {
            "no fewer than may be, as some were under way when it ended".to_owned()
        }
        missing => format!("{missing} are missing ({})", words::percent(*missing_percent)),
    };
    format!("{way} {lost}; {received_packets} of {sent_packets} came, {rest}")
}

/// A time that may lie before the first report's call began.
pub(super) fn signed_at(t_ms: i64) -> String {
    let sign = if t_ms < 0 { "−" } else { "" };
    format!("{sign}{}", words::at(t_ms.unsigned_abs()))
}

fn loses(direction: &Direction) -> bool {
    let missing = direction.missing_percent.filter(|_| !are_all_here(direction));
    direction.lost_percent.into_iter().chain(missing).any(|share| share > LITTLE_LOST_PERCENT)
}

fn sentence(directions: &[Direction], disagreements: &[String]) -> String {
    let losing: Vec<_> = directions.iter().filter(|direction| loses(direction)).collect();
    let way = |from| format!("from the {} to the {}", words::role(from), words::role(other(from)));
    let lost = match losing.as_slice() {
        [] => "Hardly a packet was lost in either direction".to_owned(),
        [one] => format!("Packets were lost {}, and hardly any the other way", way(one.from)),
        both => match both.iter().max_by(|one, other| loss(one).total_cmp(&loss(other))) {
            Some(worse) => format!("Packets were lost in both directions, more of them {}", way(worse.from)),
            None => "Packets were lost in both directions".to_owned(),
        },
    };
    let agreed = match disagreements.len() {
        0 => "The two ends tell one story.".to_owned(),
        1 => "The two ends disagree in one thing.".to_owned(),
        many => format!("The two ends disagree in {many} things."),
    };
    format!("{lost}. {agreed}")
}

fn loss(direction: &Direction) -> f64 {
    direction.lost_percent.or(direction.missing_percent).unwrap_or(0.0)
}

fn changes(reports: [(&CallReport, i64); 2]) -> Vec<PathChange> {
    let mut changes = Vec::new();
    for (report, shift_ms) in reports {
        for entry in &report.path.timeline {
            let counts = match entry.change {
                Change::Path { .. } | Change::LegInUse => true,
                Change::Interfaces { .. }
                | Change::LegOpened { .. }
                | Change::LegClosed
                | Change::Link { .. }
                | Change::CandidatesDone { .. }
                | Change::Server { .. }
                | Change::FirstHeard
                | Change::Switchboard { .. }
                | Change::Ended { .. } => false,
            };
            if counts {
                let sentence = words::plain(&entry.sentence);
                changes.push(PathChange { t_ms: moved(entry.t_ms, shift_ms), at: report.role, sentence });
            }
        }
    }
    changes.sort_by_key(|change| change.t_ms);
    changes.truncate(MOST_CHANGES);
    changes
}

fn disagreements(caller: &CallReport, callee: &CallReport, directions: &[Direction]) -> Vec<String> {
    let mut found = Vec::new();
    let mirrored = match callee.path.route {
        Route::RelayedByUs => Route::RelayedByThem,
        Route::RelayedByThem => Route::RelayedByUs,
        same @ (Route::None | Route::Direct | Route::RelayedByBoth) => same,
    };
    if caller.path.route != mirrored {
        found.push(format!(
            "The caller says the path was {}, the callee says it was {}",
            by_role(caller.path.route, Role::Caller),
            by_role(callee.path.route, Role::Callee)
        ));
    }
    let turned = callee.ended_by.map(|side| match side {
        Side::Us => Side::Them,
        Side::Them => Side::Us,
        Side::Nobody => Side::Nobody,
    });
    if (caller.end, caller.ended_by) != (callee.end, turned) {
        let how = |report: &CallReport| match (report.end, report.ended_by) {
            (Some(reason), Some(by)) => words::end(reason, by),
            (Some(reason), None) => words::end(reason, Side::Nobody),
            (None, _) => "not over yet".to_owned(),
        };
        found.push(format!("Of the end the caller says: {}; the callee says: {}", how(caller), how(callee)));
    }
    for direction in directions {
        if let (Some(seen), Some(told)) = (direction.lost_percent, direction.lost_as_told_percent)
            && (seen - told).abs() > FAR_APART_PERCENT
        {
            found.push(format!(
                "Of what the {} sent, the {} saw {} lost, but the sender was told of {}",
                words::role(direction.from),
                words::role(other(direction.from)),
                words::percent(seen),
                words::percent(told)
            ));
        }
    }
    let trip = |report| figure(of_the_call(report), |moment| moment.round_trip_ms.map(f64::from));
    if let (Some(one), Some(two)) = (trip(caller), trip(callee))
        && (one.median - two.median).abs() > FAR_APART_MS.max(one.median.min(two.median) / 2.0)
    {
        found.push(format!(
            "The caller measured a round trip of {}, the callee one of {}",
            words::ms(one.median),
            words::ms(two.median)
        ));
    }
    found
}

fn by_role(route: Route, told_by: Role) -> String {
    match route {
        Route::None => "none".to_owned(),
        Route::Direct => "direct".to_owned(),
        Route::RelayedByUs => format!("relayed by the {}", words::role(told_by)),
        Route::RelayedByThem => format!("relayed by the {}", words::role(other(told_by))),
        Route::RelayedByBoth => "relayed by both".to_owned(),
    }
}

fn notes(caller: &CallReport, callee: &CallReport) -> Vec<String> {
    let mut notes = Vec::new();
    for report in [caller, callee] {
        let role = words::role(report.role);
        if report.evidence.hindrance.is_on() {
            notes.push(format!("The {role} hindered its own sending on purpose"));
        }
        if report.evidence.moments.is_empty() && report.firsts.connected_ms.is_some() {
            notes.push(format!("The {role}'s report does not know the call second by second"));
        }
    }
    if caller.path.redacted || callee.path.redacted {
        notes.push(
            "Addresses are masked in each report by itself: a mark in one is not the same mark in the other"
                .to_owned(),
        );
    }
    notes
}

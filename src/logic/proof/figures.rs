//! What the moments of a call amount to: what is usual, what was worst, and when.

use crate::logic::{evidence::Moment, report::CallReport};

/// A figure over a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Figure {
    /// The lowest.
    pub(super) least: f64,
    /// Half of the time it was no more.
    pub(super) median: f64,
    /// By time, which is right for shares of a hundred.
    pub(super) mean: f64,
    /// The highest.
    pub(super) most: f64,
    /// When that was.
    pub(super) most_at_ms: u64,
}

/// A figure of those moments that know it.
pub(super) fn figure(moments: &[Moment], of: impl Fn(&Moment) -> Option<f64>) -> Option<Figure> {
    let known = |moment: &Moment| {
        let value = of(moment).filter(|value| value.is_finite())?;
        Some((value, f64::from(moment.for_ms.max(1)), moment.t_ms))
    };
    let mut known: Vec<_> = moments.iter().filter_map(known).collect();
    known.sort_by(|one, other| one.0.total_cmp(&other.0));
    let whole: f64 = known.iter().map(|(_, for_ms, _)| for_ms).sum();
    let (least, _, _) = *known.first()?;
    let (most, _, most_at_ms) = *known.last()?;
    let mut passed = 0.0;
    let half = known.iter().find(|(_, for_ms, _)| {
        passed += for_ms;
        passed * 2.0 >= whole
    });
    let mean = known.iter().map(|(value, for_ms, _)| value * for_ms).sum::<f64>() / whole;
    Some(Figure { least, median: half.map_or(most, |(value, _, _)| *value), mean, most, most_at_ms })
}

/// Those moments in which the call stood; before that there is nothing to lose.
pub(super) fn of_the_call(report: &CallReport) -> &[Moment] {
    let moments = &report.evidence.moments;
    let connected = report.firsts.connected_ms.unwrap_or(0);
    let first = moments.iter().position(|moment| moment.t_ms > connected).unwrap_or(moments.len());
    &moments[first..]
}

/// When the last thing happened that the report knows of.
pub(super) fn length_ms(report: &CallReport) -> u64 {
    let stages = report.stages.iter().map(|stage| stage.t_ms);
    let moments = report.evidence.moments.iter().map(|moment| moment.t_ms);
    let timeline = report.path.timeline.iter().map(|entry| entry.t_ms);
    let happenings = report.evidence.happenings.iter().map(|happening| happening.t_ms);
    stages.chain(moments).chain(timeline).chain(happenings).max().unwrap_or(0)
}

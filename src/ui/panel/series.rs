//! The lines of the graphs, made of the moments of a call: once for each new state, never while drawing. Pure.

use egui_plot::PlotPoint;

use crate::{logic::evidence::Moment, ui::copy::panel as words};

/// Whose line it is; each is drawn in its own way, not by colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// Of what we send, or of this computer.
    Ours,
    /// Of what comes.
    Theirs,
    /// A bound.
    Bound,
}

/// A line. Where nothing is known it has a gap.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub name: &'static str,
    pub whose: Whose,
    /// Its unbroken pieces.
    pub pieces: Vec<Vec<PlotPoint>>,
    pub last: Option<f64>,
}

/// A graph.
#[derive(Clone, Debug)]
pub(super) struct Graph {
    pub name: &'static str,
    pub series: Vec<Series>,
    /// Where its scale ends: never so low that noise looks like more.
    pub highest: f64,
}

type Read = fn(&Moment) -> Option<f64>;

/// What is drawn: name, lines, the least scale.
type Wanted = (&'static str, &'static [(&'static str, Whose, Read)], f64);

const NAMELESS: &str = "";

const ALL: [Wanted; 11] = [
    (
        words::RATE,
        &[
            (words::OURS, Whose::Ours, |moment| Some(f64::from(moment.sent_bps) / 1e6)),
            (words::THEIRS, Whose::Theirs, |moment| Some(f64::from(moment.received_bps) / 1e6)),
            (words::TARGET, Whose::Bound, |moment| moment.target_bps.map(|bps| f64::from(bps) / 1e6)),
        ],
        0.5,
    ),
    (words::TRIP, &[(NAMELESS, Whose::Ours, |moment| moment.round_trip_ms.map(f64::from))], 20.0),
    (
        words::LOSS,
        &[
            (words::OURS, Whose::Ours, |moment| Some(f64::from(moment.lost_of_ours_percent))),
            (words::THEIRS, Whose::Theirs, |moment| Some(f64::from(moment.lost_of_theirs_percent))),
        ],
        5.0,
    ),
    (words::JITTER, &[(NAMELESS, Whose::Theirs, |moment| moment.jitter_ms.map(f64::from))], 20.0),
    (
        words::FRAMES,
        &[
            (words::OURS, Whose::Ours, |moment| Some(f64::from(moment.frames_sent_per_s))),
            (words::THEIRS, Whose::Theirs, |moment| Some(f64::from(moment.frames_shown_per_s))),
        ],
        30.0,
    ),
    (
        words::HEIGHT,
        &[
            (words::OURS, Whose::Ours, |moment| moment.our_size.map(|(_, height)| f64::from(height))),
            (words::THEIRS, Whose::Theirs, |moment| moment.their_size.map(|(_, height)| f64::from(height))),
        ],
        360.0,
    ),
    (
        words::CODING,
        &[
            (words::ENCODE, Whose::Ours, |moment| moment.encode_ms.map(f64::from)),
            (words::DECODE, Whose::Theirs, |moment| moment.decode_ms.map(f64::from)),
        ],
        10.0,
    ),
    (words::SOUND_HELD, &[(NAMELESS, Whose::Theirs, |moment| moment.sound_held_ms.map(f64::from))], 60.0),
    (words::CONCEALED, &[(NAMELESS, Whose::Theirs, |moment| Some(f64::from(moment.concealed_percent)))], 5.0),
    (words::FROZEN, &[(NAMELESS, Whose::Theirs, |moment| Some(f64::from(moment.frozen_ms)))], 500.0),
    (words::PROCESSOR, &[(NAMELESS, Whose::Ours, |moment| moment.cpu_percent.map(f64::from))], 50.0),
];

/// All graphs of these moments.
pub(super) fn graphs(moments: &[Moment]) -> Vec<Graph> {
    let graph = |(name, lines, at_least): &Wanted| {
        let series: Vec<_> =
            lines.iter().map(|(name, whose, read)| series(name, *whose, *read, moments)).collect();
        let highest = series
            .iter()
            .flat_map(|series| series.pieces.iter().flatten())
            .map(|point| point.y)
            .fold(*at_least, f64::max);
        Graph { name, series, highest: highest * 1.08 }
    };
    ALL.iter().map(graph).collect()
}

fn series(name: &'static str, whose: Whose, read: Read, moments: &[Moment]) -> Series {
    let mut pieces: Vec<Vec<PlotPoint>> = Vec::new();
    let mut is_broken = true;
    for moment in moments {
        let Some(value) = read(moment).filter(|value| value.is_finite()) else {
            is_broken = true;
            continue;
        };
        if std::mem::take(&mut is_broken) {
            pieces.push(Vec::new());
        }
        if let Some(piece) = pieces.last_mut() {
            straighten(piece, PlotPoint::new(moment.t_ms as f64 / 1000.0, value));
        }
    }
    let last = moments.last().and_then(read);
    Series { name, whose, pieces, last }
}

/// A point between two of the same height says nothing.
fn straighten(piece: &mut Vec<PlotPoint>, point: PlotPoint) {
    if let [.., one, other] = piece.as_slice()
        && one.y == other.y
        && other.y == point.y
    {
        piece.pop();
    }
    piece.push(point);
}

/// The moment that was measured at that second, where one was.
pub(super) fn measured_at(moments: &[Moment], t_ms: u64) -> Option<&Moment> {
    let after = moments.partition_point(|moment| moment.t_ms < t_ms);
    moments.get(after.min(moments.len().checked_sub(1)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::evidence::MOST_MOMENTS;

    #[test]
    fn what_is_not_known_is_a_gap_and_not_nought() {
        let trips = [Some(20.0), Some(22.0), None, Some(30.0)];
        let moments: Vec<_> = (1..)
            .zip(trips)
            .map(|(second, round_trip_ms)| Moment { t_ms: second * 1000, round_trip_ms, ..Moment::default() })
            .collect();
        let graphs = graphs(&moments);
        let trip = &graphs[1].series[0];
        assert_eq!(trip.pieces.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(trip.last, Some(30.0));
        assert_eq!(trip.pieces[1][0], PlotPoint::new(4.0, 30.0));
        assert!(graphs[1].highest > 30.0);
    }

    #[test]
    fn what_stays_the_same_costs_two_points() {
        let moment = |second: usize| Moment { t_ms: second as u64 * 1000, ..Moment::default() };
        let moments: Vec<_> = (0..MOST_MOMENTS).map(moment).collect();
        assert!(
            graphs(&moments)
                .iter()
                .flat_map(|graph| &graph.series)
                .flat_map(|series| &series.pieces)
                .all(|piece| piece.len() == 2)
        );
    }

    #[test]
    fn a_moment_is_found_by_its_time() {
        let moments = [1000, 2000, 3000].map(|t_ms| Moment { t_ms, ..Moment::default() });
        let found = |t_ms| measured_at(&moments, t_ms).map(|moment| moment.t_ms);
        assert_eq!([0, 1000, 1001, 9000].map(found), [1000, 1000, 2000, 3000].map(Some));
        assert_eq!(measured_at(&[], 5), None);
    }
}

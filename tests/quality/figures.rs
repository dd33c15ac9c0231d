//! What is computed from a story; the same formulas for everybody.

use std::time::Duration;

use super::{
    link::LinkStory,
    profiles::Timeline,
    story::{Seen, Story, Volume},
};

/// What is asked of each direction of each call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Figure {
    DelayMedian,
    DelayP95,
    HandedMedian,
    FirstPicture,
    TimeToHd,
    Sent,
    Received,
    Freezes,
    Frozen,
    FrozenSeconds,
    Rate,
    Width,
    Concealed,
    SoundBuffer,
    MouthToEar,
    SoundAfterPicture,
    Cores,
    Regained,
    Queue,
    Rival,
}

impl Figure {
    pub(crate) const ALL: [Self; 20] = [
        Self::DelayMedian,
        Self::DelayP95,
        Self::HandedMedian,
        Self::FirstPicture,
        Self::TimeToHd,
        Self::Sent,
        Self::Received,
        Self::Freezes,
        Self::Frozen,
        Self::FrozenSeconds,
        Self::Rate,
        Self::Width,
        Self::Concealed,
        Self::SoundBuffer,
        Self::MouthToEar,
        Self::SoundAfterPicture,
        Self::Cores,
        Self::Regained,
        Self::Queue,
        Self::Rival,
    ];

    /// What it is called, and its unit.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::DelayMedian => "capture → display p50, ms",
            Self::DelayP95 => "capture → display p95, ms",
            Self::HandedMedian => "capture → handed over p50, ms",
            Self::FirstPicture => "first picture, s",
            Self::TimeToHd => "time to 1280 wide, s",
            Self::Sent => "video sent, kbit/s",
            Self::Received => "video received, kbit/s",
            Self::Freezes => "freezes",
            Self::Frozen => "frozen, %",
            Self::FrozenSeconds => "frozen, s",
            Self::Rate => "pictures a second",
            Self::Width => "width",
            Self::Concealed => "sound concealed, %",
            Self::SoundBuffer => "sound waits, ms",
            Self::MouthToEar => "mouth to ear, ms",
            Self::SoundAfterPicture => "sound after picture, ms",
            Self::Cores => "processor, cores",
            Self::Regained => "rate regained, s",
            Self::Queue => "queue of the link p95, ms",
            Self::Rival => "the download gets, kbit/s",
        }
    }

    pub(crate) const fn decimals(self) -> usize {
        match self {
            Self::FirstPicture | Self::FrozenSeconds | Self::Concealed | Self::Frozen | Self::Cores => 2,
            Self::TimeToHd | Self::Rate | Self::Regained => 1,
            Self::DelayMedian
            | Self::DelayP95
            | Self::HandedMedian
            | Self::Sent
            | Self::Received
            | Self::Freezes
            | Self::Width
            | Self::SoundBuffer
            | Self::MouthToEar
            | Self::SoundAfterPicture
            | Self::Queue
            | Self::Rival => 0,
        }
    }
}

/// All of one direction; nothing where it could not be seen, infinity where it did not happen in time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Figures([Option<f64>; Figure::ALL.len()]);

/// The width that is waited for.
const HD: u32 = 1280;
/// A rate is regained when so much of it is there again.
const REGAINED: f64 = 0.8;
/// A rate is that of so long.
const A_RATE_OF: f64 = 1000.0;
/// A freeze is compared with the average of so many pictures before it.
const REMEMBERED: usize = 30;
/// The least that a gap has to be longer than usual.
const FREEZE_MS: f64 = 150.0;
/// What is usual where nothing was seen yet but one picture, and then no more.
const FRAME_MS: f64 = 1000.0 / 30.0;

impl Figures {
    pub(crate) fn of(story: &Story, link: &LinkStory, timeline: &Timeline) -> Self {
        let end_ms = ms(timeline.length);
        let steady_ms = ms(timeline.steady);
        let steady = |seen: &&Seen| (steady_ms..=end_ms).contains(&seen.at_ms);
        let of_steady = |what: fn(&Seen) -> Option<f64>| -> Vec<f64> {
            story.seen.iter().filter(steady).filter_map(what).collect()
        };
        let delays = of_steady(|seen| seen.delay_ms);
        let widths = of_steady(|seen| Some(seen.width.into()));
        let shown: Vec<f64> = story.seen.iter().map(|seen| seen.at_ms).filter(|at| *at <= end_ms).collect();
        let freezes = freezes(&shown, end_ms);
        let first = shown.first().copied();
        // Who never sees anything sees nothing move.
        let frozen_ms = if first.is_some() { freezes.iter().fold(0.0, |sum, one| sum + one) } else { end_ms };
        let watched_ms = (end_ms - first.unwrap_or(0.0)).max(1.0);
        let to_hd =
            story.seen.iter().find(|seen| seen.width >= HD).map_or(f64::INFINITY, |seen| seen.at_ms / 1e3);
        let steady_s = (end_ms - steady_ms) / 1e3;

        let mut figures = Self::default();
        let mut set = |figure: Figure, value: Option<f64>| figures.0[figure as usize] = value;
        set(Figure::DelayMedian, at_percent(&delays, 50.0));
        set(Figure::DelayP95, at_percent(&delays, 95.0));
        set(Figure::HandedMedian, at_percent(&of_steady(|seen| seen.handed_ms), 50.0));
        set(Figure::FirstPicture, Some(first.map_or(f64::INFINITY, |first| first / 1e3)));
        set(Figure::TimeToHd, Some(to_hd));
        set(Figure::Sent, kbits(&story.sent, steady_ms, end_ms));
        set(Figure::Received, kbits(&story.received, steady_ms, end_ms));
        set(Figure::Freezes, Some(freezes.len() as f64));
        set(Figure::Frozen, Some(frozen_ms * 100.0 / watched_ms));
        set(Figure::FrozenSeconds, Some(frozen_ms / 1e3));
        set(Figure::Rate, Some(story.seen.iter().filter(steady).count() as f64 / steady_s));
        set(Figure::Width, at_percent(&widths, 50.0));
        set(Figure::Concealed, story.concealed_percent);
        set(Figure::SoundBuffer, story.sound_buffer_ms);
        let (to_ear, to_eye) = (at_percent(&story.mouth_to_ear_ms, 50.0), at_percent(&delays, 50.0));
        set(Figure::MouthToEar, to_ear);
        set(Figure::SoundAfterPicture, to_ear.zip(to_eye).map(|(to_ear, to_eye)| to_ear - to_eye));
        set(Figure::Cores, story.cores);
        set(Figure::Regained, timeline.narrow.and_then(|narrow| regained(&story.received, narrow)));
        set(Figure::Queue, at_percent(&link.queue_ms, 95.0));
        set(Figure::Rival, link.rival_kbits);
        figures
    }

    pub(crate) fn get(&self, figure: Figure) -> Option<f64> {
        self.0[figure as usize]
    }

    /// Where one of a calm call of ours is missing or absurd, the benchmark is broken, or the program.
    pub(crate) fn are_possible(&self) {
        let within = [
            (Figure::DelayMedian, 1.0..500.0),
            (Figure::FirstPicture, 0.0..5.0),
            (Figure::Sent, 20.0..5_000.0),
            (Figure::Received, 20.0..5_000.0),
            (Figure::Rate, 5.0..31.0),
            (Figure::Width, 100.0..1_281.0),
            (Figure::Concealed, 0.0..50.0),
            (Figure::MouthToEar, 30.0..500.0),
            (Figure::Cores, 0.005..4.0),
            (Figure::Queue, 0.0..50.0),
        ];
        for (figure, possible) in within {
            let value = self.get(figure);
            assert!(value.is_some_and(|value| possible.contains(&value)), "{}: {value:?}", figure.name());
        }
    }
}

/// That figure of which so many of a hundred are not above it.
pub(crate) fn at_percent(figures: &[f64], percent: f64) -> Option<f64> {
    let mut sorted = figures.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let place = ((sorted.len() as f64 * percent / 100.0).ceil() as usize).max(1) - 1;
    sorted.get(place).copied()
}

/// How long each freeze lasted, in milliseconds, by the definition of the W3C's statistics: a gap of three times the usual
/// one, and 150 ms longer than it. What is still frozen at the end counts as well.
fn freezes(shown_ms: &[f64], end_ms: f64) -> Vec<f64> {
    let gaps: Vec<f64> =
        shown_ms.iter().zip(shown_ms.iter().skip(1).chain([&end_ms])).map(|(from, to)| to - from).collect();
    let frozen = |(at, gap): (usize, &f64)| {
        let before = &gaps[at.saturating_sub(REMEMBERED)..at];
        let is_last = at + 1 == gaps.len();
        let usual = match before.len() {
            0 if is_last => FRAME_MS,
            0 => return None,
            count => before.iter().sum::<f64>() / count as f64,
        };
        (*gap >= (3.0 * usual).max(usual + FREEZE_MS)).then_some(*gap)
    };
    gaps.iter().enumerate().filter_map(frozen).collect()
}

fn bytes_until(volumes: &[Volume], at_ms: f64) -> Option<f64> {
    let after = volumes.iter().position(|volume| volume.at_ms >= at_ms)?;
    let to = volumes[after];
    let Some(from) = after.checked_sub(1).map(|before| volumes[before]) else {
        return (to.at_ms - at_ms < A_RATE_OF).then_some(to.bytes);
    };
    let part = (at_ms - from.at_ms) / (to.at_ms - from.at_ms).max(1e-9);
    Some(from.bytes + (to.bytes - from.bytes) * part)
}

fn kbits(volumes: &[Volume], from_ms: f64, to_ms: f64) -> Option<f64> {
    // The last look is a moment before the end.
    let to_ms = volumes.last()?.at_ms.min(to_ms);
    let bytes = bytes_until(volumes, to_ms)? - bytes_until(volumes, from_ms)?;
    (to_ms > from_ms).then(|| bytes * 8.0 / (to_ms - from_ms))
}

/// How many seconds after the link became wide again as much came through as before it became narrow.
fn regained(received: &[Volume], (narrow, wide): (Duration, Duration)) -> Option<f64> {
    let (narrow, wide) = (ms(narrow), ms(wide));
    let before = kbits(received, narrow - 3.0 * A_RATE_OF, narrow)?;
    let back = received.iter().filter(|volume| volume.at_ms >= wide + A_RATE_OF).find(|volume| {
        kbits(received, volume.at_ms - A_RATE_OF, volume.at_ms).is_some_and(|rate| rate >= before * REGAINED)
    });
    Some(back.map_or(f64::INFINITY, |volume| (volume.at_ms - A_RATE_OF - wide) / 1e3))
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steadily(from_ms: f64, to_ms: f64, kbits: f64, begin: f64) -> Vec<Volume> {
        let steps = ((to_ms - from_ms) / 500.0) as u32;
        (0..=steps)
            .map(|step| f64::from(step) * 500.0)
            .map(|since| Volume { at_ms: from_ms + since, bytes: begin + since * kbits / 8.0 })
            .collect()
    }

    #[test]
    fn a_gap_is_a_freeze_by_the_definition_and_only_then() {
        let steady = |count: u32| (0..count).map(|n| f64::from(n) * 33.0).collect::<Vec<_>>();
        let with_gap = |gap: f64| {
            let mut shown = steady(31);
            let last = 30.0 * 33.0 + gap;
            shown.extend((0..10).map(|n| last + f64::from(n) * 33.0));
            (shown.clone(), shown[shown.len() - 1] + 33.0)
        };
        let (calm, end) = with_gap(180.0);
        assert_eq!(freezes(&calm, end), [0.0; 0]);
        let (frozen, end) = with_gap(184.0);
        assert_eq!(freezes(&frozen, end), [184.0]);
        assert_eq!(freezes(&steady(40), 39.0 * 33.0 + 1000.0), [1000.0], "the end may be a freeze");
        assert_eq!(freezes(&[], 1000.0), [0.0; 0]);
        assert_eq!(freezes(&[5.0, 500.0, 533.0], 540.0), [0.0; 0], "nothing is usual yet");
        assert_eq!(freezes(&[5.0], 1005.0), [1000.0], "one picture and no more");
    }

    #[test]
    fn a_rate_is_regained_when_most_of_it_is_back_and_not_before() {
        let mut volumes = steadily(0.0, 8_000.0, 2_000.0, 0.0);
        volumes.extend(steadily(8_500.0, 14_000.0, 400.0, 2_000_000.0));
        let bytes = volumes.last().unwrap().bytes;
        volumes.extend(steadily(14_500.0, 19_000.0, 800.0, bytes));
        let bytes = volumes.last().unwrap().bytes;
        let narrow = (Duration::from_secs(8), Duration::from_secs(14));
        assert_eq!(regained(&volumes, narrow), Some(f64::INFINITY));
        volumes.extend(steadily(19_500.0, 30_000.0, 2_000.0, bytes));
        let regained = regained(&volumes, narrow).unwrap();
        assert!((5.0..6.1).contains(&regained), "{regained}");
    }

    #[test]
    fn a_figure_that_was_not_seen_is_none_and_one_that_never_came_is_infinite() {
        let timeline =
            Timeline { length: Duration::from_secs(10), steady: Duration::from_secs(4), narrow: None };
        let figures = Figures::of(&Story::default(), &LinkStory::default(), &timeline);
        assert_eq!(figures.get(Figure::TimeToHd), Some(f64::INFINITY));
        assert_eq!(figures.get(Figure::DelayMedian), None);
        assert_eq!(figures.get(Figure::Rate), Some(0.0));

        let seen = (0..300).map(|n| Seen {
            at_ms: f64::from(n) * 33.3 + 100.0,
            delay_ms: Some(50.0 + f64::from(n % 10)),
            handed_ms: None,
            width: if n < 60 { 640 } else { 1280 },
        });
        let story = Story {
            seen: seen.collect(),
            sent: steadily(-500.0, 10_000.0, 1_000.0, 0.0),
            ..Story::default()
        };
        let figures = Figures::of(&story, &LinkStory::default(), &timeline);
        assert_eq!(figures.get(Figure::DelayMedian), Some(54.0));
        assert_eq!(figures.get(Figure::DelayP95), Some(59.0));
        assert_eq!(figures.get(Figure::Width), Some(1280.0));
        assert!((figures.get(Figure::TimeToHd).unwrap() - 2.098).abs() < 0.01);
        assert!((figures.get(Figure::Rate).unwrap() - 30.0).abs() < 0.3);
        assert!((figures.get(Figure::Sent).unwrap() - 1_000.0).abs() < 1.0);
    }
}

//! What happened, in one list: the path's own changes and everything else, by time. Pure.

use crate::{
    logic::{evidence::Evidence, path::PathReport},
    ui::copy::panel as words,
};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    /// Since the call began.
    pub t_ms: u64,
    /// The same in words.
    pub moment: String,
    /// What it is about: one of [`words::TOPICS`].
    pub topic: &'static str,
    /// In words, with the reason.
    pub sentence: String,
}

/// All of it, the oldest first.
pub(super) fn merged(path: &PathReport, evidence: &Evidence) -> Vec<Event> {
    let of_path =
        path.timeline.iter().map(|entry| (entry.t_ms, words::change(&entry.change), &entry.sentence));
    let rest = evidence.happenings.iter().map(|one| (one.t_ms, words::topic(one.topic), &one.sentence));
    let mut all: Vec<_> = of_path
        .chain(rest)
        .map(|(t_ms, topic, sentence)| Event {
            t_ms,
            moment: words::moment(t_ms),
            topic,
            sentence: sentence.clone(),
        })
        .collect();
    all.sort_by_key(|event| event.t_ms);
    all
}

/// Those about a topic; all where there is none.
pub(super) fn about(events: &[Event], topic: Option<&str>) -> Vec<usize> {
    let wanted = |event: &Event| topic.is_none_or(|topic| event.topic == topic);
    events.iter().enumerate().filter(|(_, event)| wanted(event)).map(|(index, _)| index).collect()
}

/// The last thing that had happened at a moment; before the first one, the first.
pub(super) fn at(events: &[Event], t_ms: u64) -> Option<usize> {
    let before = events.partition_point(|event| event.t_ms <= t_ms);
    (!events.is_empty()).then(|| before.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::{
        evidence::{Happening, Topic},
        path::{Path, PathPolicy},
    };

    fn events() -> Vec<Event> {
        let mut path = Path::new(PathPolicy::Any);
        path.note_switchboard(100, true);
        path.note_switchboard(5000, false);
        let happening =
            |t_ms, topic, sentence: &str| Happening { t_ms, topic, sentence: sentence.to_owned() };
        let evidence = Evidence {
            happenings: vec![
                happening(100, Topic::Call, "It rings there"),
                happening(2000, Topic::Picture, "They asked for a key frame"),
            ],
            ..Evidence::default()
        };
        merged(&path.report(), &evidence)
    }

    #[test]
    fn everything_stands_in_one_list_by_time() {
        let events = events();
        let times: Vec<_> = events.iter().map(|event| (event.t_ms, event.topic)).collect();
        assert_eq!(times, [(100, "Servers"), (100, "Call"), (2000, "Picture"), (5000, "Servers")]);
        assert_eq!(about(&events, Some("Servers")), [0, 3]);
        assert_eq!(about(&events, None).len(), 4);
    }

    #[test]
    fn a_moment_belongs_to_what_happened_last_before_it() {
        let events = events();
        assert_eq!([0, 100, 1999, 2000, 99_999].map(|t_ms| at(&events, t_ms)), [0, 1, 1, 2, 3].map(Some));
        assert_eq!(at(&[], 5), None);
    }
}

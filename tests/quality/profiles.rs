//! Which links there are.
//!
//! All are the same both ways. Rates are of IP packets. A round trip takes 50 ms where nothing else is said.

use std::time::Duration;

/// One kind of link.
#[derive(Debug, PartialEq)]
pub(crate) struct Profile {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// How it is from the beginning, in the emulator's words.
    pub(crate) link: &'static str,
    /// What changes later, each at its part of the whole time.
    later: &'static [(f64, &'static str)],
    /// Whether somebody else downloads at the same time, each way.
    pub(crate) rival: bool,
    /// How much longer than others it is looked at.
    longer: f64,
    /// Whether it belongs to the table that is always made.
    pub(crate) main: bool,
}

const USUAL: Profile =
    Profile { name: "", about: "", link: "", later: &[], rival: false, longer: 1.0, main: false };

/// From here the link of `dip` is narrow, as a part of the whole time.
const NARROW: f64 = 0.27;
/// And from here wide again.
const WIDE: f64 = 0.47;

pub(crate) const PROFILES: &[Profile] = &[
    Profile { name: "lan", about: "a round trip of 2 ms, no limit", link: "delay=1", main: true, ..USUAL },
    Profile { name: "clean", about: "no limit", link: "delay=25", main: true, ..USUAL },
    Profile { name: "loss-5", about: "5 % lost", link: "delay=25 loss=5", main: true, ..USUAL },
    Profile { name: "loss-10", about: "10 % lost", link: "delay=25 loss=10", main: true, ..USUAL },
    Profile { name: "loss-20", about: "20 % lost", link: "delay=25 loss=20", ..USUAL },
    Profile {
        name: "500k",
        about: "500 kbit/s, a queue of 300 ms",
        link: "delay=25 rate=500 queue=300",
        main: true,
        ..USUAL
    },
    Profile {
        name: "dip",
        about: "3 Mbit/s, then 0.5, then 3 again",
        link: "delay=25 rate=3000 queue=300",
        later: &[(NARROW, "rate=500"), (WIDE, "rate=3000")],
        longer: 2.0,
        main: true,
        ..USUAL
    },
    Profile { name: "jitter", about: "0 to 30 ms more at random", link: "delay=40 jitter=15", ..USUAL },
    Profile {
        name: "shallow",
        about: "2 Mbit/s, a queue of 20 ms",
        link: "delay=25 rate=2000 queue=20",
        ..USUAL
    },
    Profile {
        name: "policer",
        about: "1.5 Mbit/s, and next to nothing may wait for it",
        link: "delay=25 rate=1500 queue=15",
        ..USUAL
    },
    Profile {
        name: "tcp",
        about: "3 Mbit/s, a queue of 200 ms, beside a download each way",
        link: "delay=25 rate=3000 queue=200",
        rival: true,
        ..USUAL
    },
];

/// That one.
pub(crate) fn named(name: &str) -> Option<&'static Profile> {
    PROFILES.iter().find(|profile| profile.name == name)
}

/// What happens when, since both are connected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Timeline {
    pub(crate) length: Duration,
    /// Figures of a steady state begin here: a rate takes its time to be found.
    pub(crate) steady: Duration,
    /// From when to when the link is narrow.
    pub(crate) narrow: Option<(Duration, Duration)>,
}

impl Profile {
    /// How long a call over it lasts where others last so long.
    pub(crate) fn length(&self, seconds: u32) -> Duration {
        Duration::from_secs(seconds.into()).mul_f64(self.longer)
    }

    /// What changes when.
    pub(crate) fn changes(&self, length: Duration) -> Vec<(Duration, &'static str)> {
        self.later.iter().map(|(part, change)| (length.mul_f64(*part), *change)).collect()
    }

    pub(crate) fn timeline(&self, length: Duration) -> Timeline {
        let narrow = match self.changes(length)[..] {
            [(from, _), (to, _)] => Some((from, to)),
            _ => None,
        };
        Timeline { length, steady: length / 3, narrow }
    }
}

#[cfg(test)]
mod tests {
    use link_emulator::change_for;

    use super::*;

    #[test]
    fn every_link_is_one_that_the_emulator_can_be_and_has_a_name_of_its_own() {
        for (number, profile) in PROFILES.iter().enumerate() {
            for words in [profile.link].into_iter().chain(profile.later.iter().map(|(_, words)| *words)) {
                change_for(&format!("both {words}")).unwrap_or_else(|why| panic!("{}: {why}", profile.name));
            }
            assert!(PROFILES[..number].iter().all(|other| other.name != profile.name), "{}", profile.name);
            assert_eq!(named(profile.name), Some(profile));
        }
    }

    #[test]
    fn what_changes_lies_within_the_call_and_leaves_time_to_recover() {
        let dip = named("dip").unwrap();
        let timeline = dip.timeline(dip.length(15));
        let (from, to) = timeline.narrow.unwrap();
        assert!(Duration::from_secs(7) < from && from + Duration::from_secs(5) < to);
        assert!(timeline.length - to > Duration::from_secs(12));
        assert_eq!(named("lan").unwrap().timeline(Duration::from_secs(15)).narrow, None);
    }
}

//! What is to be different about a link from now on, and how that is written.

use std::str::FromStr;
use std::time::Duration;

use crate::conditions::{BitsPerSecond, Conditions, Loss, Share};
use crate::notation::{Misread, bits_per_second, duration, number};

/// The longest delay, jitter or wait that may be asked for. Beyond it, it is a slip of the pen.
const LONGEST: Duration = Duration::from_secs(60);

/// What may be said, for whoever said something else.
const WORDS: &str = "`delay=`, `jitter=`, `reorder=`, `loss=`, `burst=`, `states=`, `duplicate=`, `rate=`, `queue=`, `mtu=`, `blackout` or `clear`";

/// Settings in the order in which they take effect. What is not named stays as it is.
///
/// Written as words: `delay=25 jitter=5 loss=10 burst=3 rate=1M queue=300`, `blackout`, `blackout=off`, `clear`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change(Vec<Setting>);

/// One thing that is to be different.
#[derive(Clone, Debug, PartialEq)]
pub enum Setting {
    /// A perfect link again, whatever was said before.
    Clear,
    /// See [`Conditions::delay`].
    Delay(Duration),
    /// See [`Conditions::jitter`].
    Jitter(Duration),
    /// See [`Conditions::reorder`].
    Reorder(bool),
    /// See [`Conditions::loss`].
    Loss(Loss),
    /// See [`Conditions::duplicate`].
    Duplicate(Share),
    /// See [`Conditions::rate`].
    Rate(Option<BitsPerSecond>),
    /// See [`Conditions::queue`].
    Queue(Duration),
    /// See [`Conditions::blackout`].
    Blackout(bool),
    /// See [`Conditions::mtu`].
    Mtu(Option<usize>),
}

impl Change {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// This, and one thing more.
    #[must_use]
    pub fn and(mut self, setting: Setting) -> Self {
        self.0.push(setting);
        self
    }

    pub(crate) fn apply(&self, conditions: &mut Conditions) {
        for setting in &self.0 {
            match *setting {
                Setting::Clear => *conditions = Conditions::default(),
                Setting::Delay(delay) => conditions.delay = delay,
                Setting::Jitter(jitter) => conditions.jitter = jitter,
                Setting::Reorder(reorder) => conditions.reorder = reorder,
                Setting::Loss(loss) => conditions.loss = loss,
                Setting::Duplicate(share) => conditions.duplicate = share,
                Setting::Rate(rate) => conditions.rate = rate,
                Setting::Queue(queue) => conditions.queue = queue,
                Setting::Blackout(blackout) => conditions.blackout = blackout,
                Setting::Mtu(mtu) => conditions.mtu = mtu,
            }
        }
    }
}

impl FromStr for Change {
    type Err = Misread;

    fn from_str(text: &str) -> Result<Self, Misread> {
        let mut change = Self::new();
        let mut share = None;
        for word in text.split_whitespace() {
            let setting = match word.split_once('=') {
                Some(("loss", value)) => {
                    let lost = percent(word, value)?;
                    share = Some(lost);
                    Setting::Loss(if lost == Share::NONE { Loss::None } else { Loss::Random(lost) })
                }
                Some(("burst", value)) => Setting::Loss(burst(word, value, share)?),
                Some((name, value)) => named(word, name, value)?,
                None if word == "clear" => Setting::Clear,
                None if word == "blackout" => Setting::Blackout(true),
                None => return Err(Misread::new(WORDS, word)),
            };
            change = change.and(setting);
        }
        if change.0.is_empty() {
            return Err(Misread::new(WORDS, "the end of the line"));
        }
        Ok(change)
    }
}

fn named(word: &str, name: &str, value: &str) -> Result<Setting, Misread> {
    Ok(match name {
        "delay" => Setting::Delay(time(word, value)?),
        "jitter" => Setting::Jitter(time(word, value)?),
        "queue" => Setting::Queue(time(word, value)?),
        "reorder" => Setting::Reorder(switch(word, value)?),
        "blackout" => Setting::Blackout(switch(word, value)?),
        "states" => Setting::Loss(states(word, value)?),
        "duplicate" => Setting::Duplicate(percent(word, value)?),
        "rate" if value == "off" => Setting::Rate(None),
        "rate" => Setting::Rate(Some(bits_per_second(value).ok_or_else(|| {
            Misread::new(
                "a rate up to 100G: kilobits a second, or with `k`, `M` or `G` after it, or `rate=off`",
                word,
            )
        })?)),
        "mtu" if value == "off" => Setting::Mtu(None),
        "mtu" => Setting::Mtu(Some(
            value
                .parse()
                .ok()
                .filter(|mtu| (68..=65_535).contains(mtu))
                .ok_or_else(|| Misread::new("bytes from 68 to 65535, or `mtu=off`", word))?,
        )),
        _ => return Err(Misread::new(WORDS, word)),
    })
}

fn burst(word: &str, value: &str, share: Option<Share>) -> Result<Loss, Misread> {
    let Some(share) = share else {
        return Err(Misread::new("`loss=` before `burst=`, on the same line", word));
    };
    number(value).and_then(|length| Loss::bursts(share, length)).ok_or_else(|| {
        Misread::new(
            "a mean length of runs of lost packets, at least 1 and long enough to make such a loss \
             (90 % needs runs of at least 9)",
            word,
        )
    })
}

fn states(word: &str, value: &str) -> Result<Loss, Misread> {
    let shares: Option<Vec<_>> =
        value.split(',').map(|share| number(share).and_then(Share::percent)).collect();
    match shares.as_deref() {
        Some(&[to_bad, to_good, in_good, in_bad]) => Ok(Loss::Bursts { to_bad, to_good, in_good, in_bad }),
        _ => Err(Misread::new("`states=TO-BAD,TO-GOOD,LOSS-IN-GOOD,LOSS-IN-BAD`, each in percent", word)),
    }
}

fn percent(word: &str, value: &str) -> Result<Share, Misread> {
    number(value)
        .and_then(Share::percent)
        .ok_or_else(|| Misread::new("a number from 0 to 100, in percent", word))
}

fn time(word: &str, value: &str) -> Result<Duration, Misread> {
    let milliseconds = || number(value).and_then(|ms| Duration::try_from_secs_f64(ms / 1000.0).ok());
    duration(value).or_else(milliseconds).filter(|time| *time <= LONGEST).ok_or_else(|| {
        Misread::new("a time up to a minute: milliseconds, or with `us`, `ms` or `s` after it", word)
    })
}

fn switch(word: &str, value: &str) -> Result<bool, Misread> {
    match value {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(Misread::new("`on` or `off`", word)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(text: &str) -> Conditions {
        let mut conditions = Conditions::default();
        text.parse::<Change>().unwrap().apply(&mut conditions);
        conditions
    }

    #[test]
    fn every_word_sets_what_it_names() {
        let conditions =
            after("delay=25 jitter=5ms reorder=on loss=10 duplicate=0.5 rate=1.5M queue=1s mtu=1280");
        let expected = Conditions {
            delay: Duration::from_millis(25),
            jitter: Duration::from_millis(5),
            reorder: true,
            loss: Loss::Random(Share::percent(10.0).unwrap()),
            duplicate: Share::percent(0.5).unwrap(),
            rate: BitsPerSecond::new(1_500_000),
            queue: Duration::from_secs(1),
            blackout: false,
            mtu: Some(1280),
        };
        assert_eq!(conditions, expected);
        assert_eq!(after("rate=800").rate, BitsPerSecond::new(800_000));
        assert!(after("blackout").blackout);
    }

    #[test]
    fn clear_ends_everything_and_what_follows_it_counts() {
        assert_eq!(after("blackout loss=5 rate=1M mtu=500 clear"), Conditions::default());
        assert_eq!(after("loss=5 clear delay=7").delay, Duration::from_millis(7));
        assert_eq!(after("blackout delay=7 blackout=off").delay, Duration::from_millis(7));
    }

    #[test]
    fn bursts_are_said_by_their_length_or_by_their_states() {
        let share = Share::percent(10.0).unwrap();
        assert_eq!(Some(after("loss=10 burst=3").loss), Loss::bursts(share, 3.0));
        let percent = |percent| Share::percent(percent).unwrap();
        assert_eq!(
            after("states=1,30,0.1,60").loss,
            Loss::Bursts {
                to_bad: percent(1.0),
                to_good: percent(30.0),
                in_good: percent(0.1),
                in_bad: percent(60.0)
            }
        );
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_what_was_expected() {
        for (text, expected) in [
            ("", "`delay=`"),
            ("dealy=5", "`delay=`"),
            ("delay", "`delay=`"),
            ("delay=", "a time"),
            ("delay=-5", "a time"),
            ("delay=1e300", "a time"),
            ("delay=NaN", "a time"),
            ("delay=61s", "a time"),
            ("loss=101", "from 0 to 100"),
            ("loss=ten", "from 0 to 100"),
            ("burst=3", "`loss=` before"),
            ("loss=90 burst=2", "at least 9"),
            ("states=1,2,3", "`states="),
            ("rate=0", "a rate"),
            ("rate=200G", "a rate"),
            ("mtu=20", "from 68"),
            ("reorder=yes", "`on` or `off`"),
            ("blackout=1", "`on` or `off`"),
        ] {
            let misread = text.parse::<Change>().expect_err(text).to_string();
            assert!(misread.contains(expected), "{text}: {misread}");
        }
    }
}

//! A script of changes: one change a line, with its time and its direction.
//!
//! ```text
//! # a call that begins well
//! at 5s both loss=10 delay=25 jitter=5
//! at 12s up blackout
//! at 32s up clear
//! ```

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::change::Change;
use crate::notation::{Misread, duration};

/// One way through the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From A to B.
    Up,
    /// From B to A.
    Down,
}

impl Direction {
    /// Both, one after the other.
    pub const ALL: [Self; 2] = [Self::Up, Self::Down];
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Up => "up",
            Self::Down => "down",
        })
    }
}

/// Whom a change is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Directions {
    /// From A to B.
    Up,
    /// From B to A.
    Down,
    /// Each of the two.
    Both,
}

impl Directions {
    /// Whether this direction is among them.
    pub fn include(self, direction: Direction) -> bool {
        match self {
            Self::Up => direction == Direction::Up,
            Self::Down => direction == Direction::Down,
            Self::Both => true,
        }
    }
}

impl FromStr for Directions {
    type Err = Misread;

    fn from_str(word: &str) -> Result<Self, Misread> {
        match word {
            "up" => Ok(Self::Up),
            "down" => Ok(Self::Down),
            "both" => Ok(Self::Both),
            _ => Err(Misread::new("`up` (A to B), `down` (B to A) or `both`", word)),
        }
    }
}

/// What is to happen, in the order in which it will.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Script {
    steps: VecDeque<Step>,
}

#[derive(Clone, Debug, PartialEq)]
struct Step {
    at: Duration,
    directions: Directions,
    change: Change,
}

/// A line of a script that says nothing.
#[derive(Debug, PartialEq, Eq, Error)]
#[error("line {line}: {misread}")]
pub struct ScriptError {
    /// Its number, from one.
    pub line: usize,
    /// What was expected there.
    pub misread: Misread,
}

impl Script {
    /// Adds a change. Two at the same time take effect in the order in which they were added.
    #[must_use]
    pub fn at(mut self, at: Duration, directions: Directions, change: Change) -> Self {
        let place = self.steps.partition_point(|step| step.at <= at);
        self.steps.insert(place, Step { at, directions, change });
        self
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    pub(crate) fn next_at(&self) -> Option<Duration> {
        self.steps.front().map(|step| step.at)
    }

    /// What is due by now, one at a time.
    pub(crate) fn next(&mut self, now: Duration) -> Option<(Duration, Directions, Change)> {
        let step = self.steps.pop_front_if(|step| step.at <= now)?;
        Some((step.at, step.directions, step.change))
    }
}

impl FromStr for Script {
    type Err = ScriptError;

    fn from_str(text: &str) -> Result<Self, ScriptError> {
        let mut script = Self::default();
        for (number, line) in text.lines().enumerate() {
            let said = line.split('#').next().unwrap_or_default().trim();
            if said.is_empty() {
                continue;
            }
            let (at, directions, change) =
                step(said).map_err(|misread| ScriptError { line: number + 1, misread })?;
            script = script.at(at, directions, change);
        }
        Ok(script)
    }
}

/// A change with whom it is for, as it is said to a link that runs: `both loss=10 delay=25`.
pub fn change_for(said: &str) -> Result<(Directions, Change), Misread> {
    let (directions, rest) = first_word(said);
    Ok((directions.parse()?, rest.parse()?))
}

fn step(said: &str) -> Result<(Duration, Directions, Change), Misread> {
    let (word, rest) = first_word(said);
    if word != "at" {
        return Err(Misread::new("`at TIME DIRECTION CHANGES`", word));
    }
    let (time, rest) = first_word(rest);
    let at =
        duration(time).ok_or_else(|| Misread::new("a time with its unit, like `5s` or `250ms`", time))?;
    let (directions, change) = change_for(rest)?;
    Ok((at, directions, change))
}

fn first_word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    text.split_once(char::is_whitespace).unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn any_text_is_a_script_or_has_a_line_that_is_wrong(
            text in "(at|both|up|[0-9]{1,4}[a-z]{0,2}|[a-z]{1,6}=[-0-9.e,]{0,6}|\\PC|[ =#\n]){0,40}",
        ) {
            if let Err(error) = text.parse::<Script>() {
                proptest::prop_assert!((1..=text.lines().count()).contains(&error.line));
            }
        }
    }

    const EXAMPLE: &str = "# a comment\n\nat 32s up clear\nat 5s both loss=10 delay=25 jitter=5 # and why\n  at 12000ms up blackout\n";

    #[test]
    fn changes_come_in_the_order_of_their_times() {
        let mut script: Script = EXAMPLE.parse().unwrap();
        assert_eq!(script.next_at(), Some(Duration::from_secs(5)));
        assert_eq!(script.next(Duration::from_secs(4)), None);
        let mut order = Vec::new();
        while let Some((at, directions, _)) = script.next(Duration::from_secs(60)) {
            order.push((at.as_secs(), directions));
        }
        assert_eq!(order, [(5, Directions::Both), (12, Directions::Up), (32, Directions::Up)]);
        assert!(script.is_empty());
    }

    #[test]
    fn two_changes_at_one_time_keep_their_order() {
        let mut script: Script = "at 1s up delay=1\nat 1s up delay=2".parse().unwrap();
        let first = script.next(Duration::from_secs(1)).map(|(.., change)| change);
        assert_eq!(first, "delay=1".parse().ok());
    }

    #[test]
    fn a_wrong_line_is_named_with_what_was_expected_there() {
        for (text, said) in [
            ("at 5s both loss=10\nat 6s sideways loss=1", "line 2: expected `up`"),
            ("\n\n5s both loss=10", "line 3: expected `at TIME DIRECTION CHANGES`, found `5s`"),
            ("at 5 both loss=10", "line 1: expected a time with its unit"),
            ("at 5s both", "line 1: expected `delay=`"),
            ("at", "line 1: expected a time with its unit"),
            ("at 5s up loss=10 colour=red", "found `colour=red`"),
        ] {
            let error = text.parse::<Script>().expect_err(text).to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}

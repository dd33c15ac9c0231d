//! How times, rates and numbers are written, and what is said about one that is not.

use std::time::Duration;

use thiserror::Error;

use crate::conditions::BitsPerSecond;

/// Something else was expected.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("expected {expected}, found `{found}`")]
pub struct Misread {
    expected: &'static str,
    found: String,
}

/// How much of a strange word is repeated to whoever wrote it.
const LONGEST_QUOTE: usize = 60;

impl Misread {
    pub(crate) fn new(expected: &'static str, found: &str) -> Self {
        let found = found.chars().take(LONGEST_QUOTE).filter(|letter| !letter.is_control()).collect();
        Self { expected, found }
    }
}

/// A time with its unit: `250us`, `20ms`, `1.5s`, `2m`.
pub fn duration(text: &str) -> Option<Duration> {
    // `ms` before `s` and `m`: the first that fits is taken.
    [("us", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0)].into_iter().find_map(|(unit, seconds)| {
        let count = number(text.strip_suffix(unit)?)?;
        Duration::try_from_secs_f64(count * seconds).ok()
    })
}

/// A rate: kilobits a second, or with `k`, `M` or `G` after it.
pub(crate) fn bits_per_second(text: &str) -> Option<BitsPerSecond> {
    let (count, bits) = [("k", 1e3), ("M", 1e6), ("G", 1e9)]
        .into_iter()
        .find_map(|(unit, bits)| Some((text.strip_suffix(unit)?, bits)))
        .unwrap_or((text, 1e3));
    // Beyond the range of integers this saturates, and is refused by what follows.
    BitsPerSecond::new((number(count)? * bits).round() as u64)
}

/// A number that is one, and not below nought.
pub(crate) fn number(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit() {
        assert_eq!(duration("250us"), Some(Duration::from_micros(250)));
        assert_eq!(duration("20ms"), Some(Duration::from_millis(20)));
        assert_eq!(duration("1.5s"), Some(Duration::from_millis(1500)));
        assert_eq!(duration("2m"), Some(Duration::from_secs(120)));
        for wrong in ["20", "s", "-1s", "1h", "infs", "1e400s", ""] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_strange_word_is_repeated_in_part_and_without_what_moves_a_terminal() {
        let said = Misread::new("a word", &format!("\u{1b}[2J{}", "x".repeat(5000))).to_string();
        assert!(said.len() < 100 && !said.contains('\u{1b}'), "{said}");
    }
}

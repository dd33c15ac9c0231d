//! What is asked of a run: which profiles, how often, for how long.
//!
//! The test harness has arguments of its own, so ours come in an environment variable; xtask puts them there.

use std::{
    env,
    path::{Path, PathBuf},
};

use super::{
    chromium,
    profiles::{PROFILES, Profile, named},
    table::Pair,
};

/// The words of `cargo xtask bench quality`.
const WORDS: &str = "SIGHTLINE_QUALITY";

const USAGE: &str = "cargo xtask bench quality [PROFILE…|all] [--seeds N] [--seconds S] [--ours-only] [--out DIR]\n\
    cargo xtask bench likeness [PROFILE…|all] [--seeds N] [--seconds S] [--voice FILE.wav] [--out DIR]";

#[derive(Debug, PartialEq)]
pub(crate) struct Wish {
    pub(crate) profiles: Vec<&'static Profile>,
    pub(crate) seeds: u64,
    /// How long a call lasts; some profiles take longer.
    pub(crate) seconds: u32,
    pub(crate) ours_only: bool,
    /// What is said where it matters what it sounds like; otherwise something that a program says.
    pub(crate) voice: Option<PathBuf>,
    pub(crate) out: PathBuf,
}

impl Wish {
    /// Where no profile is named, those that are usual.
    pub(crate) fn from_environment(usual: fn(&Profile) -> bool) -> Result<Self, String> {
        Self::parse(&env::var(WORDS).unwrap_or_default(), usual)
    }

    fn parse(words: &str, usual: fn(&Profile) -> bool) -> Result<Self, String> {
        let mut wish = Self {
            profiles: Vec::new(),
            seeds: 3,
            seconds: 15,
            ours_only: false,
            voice: None,
            out: folder().join("quality"),
        };
        let mut words = words.split_whitespace();
        while let Some(word) = words.next() {
            let mut value = |what: &str| words.next().ok_or_else(|| format!("{word} wants {what}.\n{USAGE}"));
            match word {
                "--seeds" => wish.seeds = number(value("a number")?, 1)?,
                "--seconds" => {
                    wish.seconds = u32::try_from(number(value("a number")?, 5)?).unwrap_or(u32::MAX);
                }
                "--out" => wish.out = value("a folder")?.into(),
                "--voice" => wish.voice = Some(value("a file")?.into()),
                "--ours-only" => wish.ours_only = true,
                "all" => wish.profiles = PROFILES.iter().collect(),
                name => wish.profiles.push(named(name).ok_or_else(|| {
                    let names: Vec<_> = PROFILES.iter().map(|profile| profile.name).collect();
                    format!("there is no profile `{name}`, but {}.\n{USAGE}", names.join(", "))
                })?),
            }
        }
        if wish.profiles.is_empty() {
            wish.profiles = PROFILES.iter().filter(|profile| usual(profile)).collect();
        }
        Ok(wish)
    }

    /// Whom to measure.
    pub(crate) fn pairs(&self) -> Vec<Pair> {
        if self.ours_only || !chromium::is_there() {
            vec![Pair::Ours]
        } else {
            vec![Pair::Ours, Pair::Chromium]
        }
    }
}

/// Among what cargo builds.
fn folder() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

fn number(word: &str, least: u64) -> Result<u64, String> {
    word.parse()
        .ok()
        .filter(|number| *number >= least)
        .ok_or_else(|| format!("`{word}` is no number of at least {least}.\n{USAGE}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &str) -> Result<Wish, String> {
        Wish::parse(words, |profile| profile.main)
    }

    #[test]
    fn nothing_asked_is_the_main_table() {
        let wish = parse("").unwrap();
        assert_eq!((wish.seeds, wish.seconds), (3, 15));
        assert!(wish.profiles.len() > 4 && wish.profiles.iter().all(|profile| profile.main));
        // Both pairs, and the time that each takes to begin and end.
        let minutes =
            wish.profiles.iter().map(|profile| profile.length(wish.seconds).as_secs() + 5).sum::<u64>()
                * wish.seeds
                * 2
                / 60;
        assert!(minutes <= 14, "{minutes} minutes");
    }

    #[test]
    fn what_is_asked_is_understood_and_what_cannot_be_is_refused() {
        let wish = parse("lan loss-10 --seeds 1 --seconds 8 --ours-only --out x/y").unwrap();
        assert_eq!(wish.profiles.iter().map(|profile| profile.name).collect::<Vec<_>>(), ["lan", "loss-10"]);
        assert_eq!((wish.seeds, wish.seconds, wish.ours_only), (1, 8, true));
        assert_eq!(wish.pairs(), [Pair::Ours]);
        assert_eq!(parse("--voice a.wav").unwrap().voice, Some("a.wav".into()));
        assert_eq!(parse("all").unwrap().profiles.len(), PROFILES.len());
        for wrong in ["lam", "--seeds", "--seeds 0", "--seconds 2", "--fast"] {
            assert!(parse(wrong).unwrap_err().contains("cargo xtask bench quality"), "{wrong}");
        }
    }
}

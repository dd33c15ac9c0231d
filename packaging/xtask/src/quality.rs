//! `bench quality`: our pair of programs and Chromium's, in turns, over the same bad links. `bench likeness`: how like what comes
//! is to what was sent.
//!
//! Both are tests, because they stand on their laboratory; they are marked as ignored, and run from here alone.

use crate::run::build;
use crate::steps::{cargo, succeed};
use crate::{Failure, Outcome, setup};

const USAGE: &str = "\
cargo xtask bench quality [PROFILE…|all] [--seeds 3] [--seconds 15] [--ours-only] [--out DIR]
cargo xtask bench likeness [PROFILE…|all] [--seeds 3] [--seconds 15] [--voice FILE.wav] [--out DIR]

The second sends a film and a voice through a call of ours, clean and with 5 % lost where no profile is named, and tells luma PSNR
and PESQ of what comes; PESQ where `python3` has it (pip install pesq). Profiles, the first six of which are the table that is made where none is named:
  lan clean loss-5 loss-10 500k dip, loss-20 jitter shallow policer tcp
Linux, root. The figures come as Markdown on standard error, and as quality.md and quality.json in DIR (target/tmp/quality).";

/// Whether these are the arguments of one of them.
pub(crate) fn is_meant(arguments: &[String]) -> bool {
    test(arguments).is_some()
}

fn test(arguments: &[String]) -> Option<&'static str> {
    match arguments.first()?.as_str() {
        "quality" => Some("quality::the_whole_table"),
        "likeness" => Some("quality::likeness::how_like_it_is"),
        _ => None,
    }
}

/// Builds everything in release mode and measures.
pub(crate) fn bench(arguments: &[String]) -> Outcome {
    let words = words(arguments)?;
    let Some(test) = test(arguments) else { return Err(Failure { sentence: USAGE.to_owned(), code: 2 }) };
    setup::test_tools();
    // The laboratory looks for it beside the app.
    build("sightline-server")?;
    let mut command = cargo();
    command
        .args(["test", "--quiet", "--release", "--workspace", "--test", "tests", "--"])
        .args(["--ignored", "--exact", test, "--nocapture", "--test-threads=1"])
        .env("SIGHTLINE_QUALITY", words);
    succeed(&mut command, "the table is not complete, see above.")
}

fn words(arguments: &[String]) -> Result<String, Failure> {
    let rest = arguments.get(1..).unwrap_or_default();
    if rest.iter().any(|word| ["help", "--help", "-h"].contains(&word.as_str())) {
        return Err(Failure { sentence: USAGE.to_owned(), code: 2 });
    }
    if let Some(word) = rest.iter().find(|word| word.contains(char::is_whitespace)) {
        return Err(Failure { sentence: format!("`{word}` has a blank in it.\n\n{USAGE}"), code: 2 });
    }
    Ok(rest.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_reaches_the_benchmark_in_one_variable() {
        let given = ["quality", "loss-5", "--seeds", "2"].map(str::to_owned);
        assert!(is_meant(&given) && is_meant(&["likeness".to_owned()]));
        assert!(!is_meant(&["server".to_owned()]) && !is_meant(&[]));
        assert_eq!(words(&given), Ok("loss-5 --seeds 2".to_owned()));
        for wrong in [["quality", "--help"], ["quality", "two words"]] {
            assert_eq!(words(&wrong.map(str::to_owned)).expect_err("usage").code, 2);
        }
    }
}

//! `fuzz`: random input, steered by what it reaches, for everything that reads what strangers send.
//!
//! libFuzzer's own C++ part comes with the crate `libfuzzer-sys`; what it needs of the compiler are options that every
//! stable one has. So neither a nightly compiler nor `cargo-fuzz` is wanted. Without the nightly's sanitisers memory
//! errors of C code would go unseen, but there is none in what is tested here.

use std::fs;
use std::path::Path;

use crate::steps::{cargo, succeed, workspace};
use crate::{Failure, Outcome};

/// What can be tested: the programs of `tests/fuzz`.
const TARGETS: &[&str] = &["words", "relay", "relay_calls", "switchboard"];

const USUAL_SECONDS: u32 = 60;

/// Each basic block counts how often it was reached, and each comparison tells what it compared.
const FLAGS: &[&str] = &[
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
];

/// Builds one target and lets it run.
pub(crate) fn fuzz(arguments: &[String]) -> Outcome {
    let (target, seconds) = parse(arguments)?;
    if !cfg!(target_os = "linux") {
        return Err(Failure::new("`fuzz` works on Linux only."));
    }
    let (fuzz, build) = (workspace().join("tests/fuzz"), workspace().join("target/fuzz"));
    let host = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let flags = FLAGS.join("\u{1f}");
    // With a target named, build scripts and macros are spared the flags.
    succeed(
        cargo()
            .args(["build", "--release", "--bin", target, "--target", &host, "--target-dir"])
            .arg(&build)
            .current_dir(&fuzz)
            .env("CARGO_ENCODED_RUSTFLAGS", flags),
        "The fuzz target did not build, see above.",
    )?;
    let (found, crashes) = (build.join("corpus").join(target), build.join("crashes").join(target));
    for folder in [&found, &crashes] {
        fs::create_dir_all(folder)
            .map_err(|error| Failure::new(format!("cannot make {}: {error}.", folder.display())))?;
    }
    let program = build.join(host).join("release").join(target);
    succeed(
        std::process::Command::new(program)
            .args([format!("-max_total_time={seconds}"), format!("-artifact_prefix={}/", crashes.display())])
            .args(["-timeout=10", "-rss_limit_mb=2048", "-max_len=4096", "-print_final_stats=1"])
            .arg(&found)
            .arg(fuzz.join("corpus").join(target)),
        &format!("An input was found that breaks it: the file in {}.", shown(&crashes)),
    )
}

fn shown(folder: &Path) -> String {
    folder.strip_prefix(workspace()).unwrap_or(folder).display().to_string()
}

fn parse(arguments: &[String]) -> Result<(&'static str, u32), Failure> {
    let usage = || Failure::usage(format!("`fuzz` is given a target ({}) and seconds.", TARGETS.join(", ")));
    let (target, seconds) = match arguments {
        [target] => (target, USUAL_SECONDS),
        [target, seconds] => (target, seconds.parse().map_err(|_| usage())?),
        _ => return Err(usage()),
    };
    TARGETS.iter().find(|known| *known == target).map(|known| (*known, seconds)).ok_or_else(usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn a_target_and_perhaps_a_time_are_asked_for() {
        assert_eq!(parse(&words("words")), Ok(("words", USUAL_SECONDS)));
        assert_eq!(parse(&words("words 600")), Ok(("words", 600)));
        for wrong in ["", "nothing", "words soon", "words 5 6"] {
            assert_eq!(parse(&words(wrong)).map_err(|failure| failure.code), Err(2), "{wrong}");
        }
    }

    #[test]
    fn every_target_has_its_program_and_its_seeds() {
        for target in TARGETS {
            let fuzz = workspace().join("tests/fuzz");
            assert!(fuzz.join("src/bin").join(target).with_extension("rs").is_file(), "{target}");
            let seeds = fs::read_dir(fuzz.join("corpus").join(target)).expect("a folder of seeds");
            assert!(seeds.count() > 0, "{target}");
        }
    }
}

//! What is checked, in which order, each step with its time.
//!
//! Warnings are denied by arguments and by `RUSTDOCFLAGS`, never by `RUSTFLAGS`: that would give every dependency a
//! second build beside the one that plain `cargo build` made.

use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use crate::setup::on_path;
use crate::{Failure, Outcome};

/// One `cargo` command that has to succeed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    name: &'static str,
    arguments: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
    if_it_fails: &'static str,
}

pub(crate) const FORMAT: Step = Step {
    name: "formatting",
    arguments: &["fmt", "--all", "--check"],
    environment: &[],
    if_it_fails: "The code is not formatted. Run `cargo fmt --all`.",
};

pub(crate) const LINTS: Step = Step {
    name: "lints",
    arguments: &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"],
    environment: &[],
    if_it_fails: "Clippy has something to say, above; every warning counts.",
};

pub(crate) const DOCS: Step = Step {
    name: "documentation",
    arguments: &["doc", "--no-deps", "--workspace", "--document-private-items"],
    environment: &[("RUSTDOCFLAGS", "-D warnings")],
    if_it_fails: "The documentation has a mistake, above: most often a link to something renamed.",
};

pub(crate) const TESTS: Step = Step {
    name: "tests",
    arguments: &["test", "--workspace"],
    environment: &[],
    if_it_fails: "A test failed, above.",
};

/// Runs them in order and stops at the first that fails.
pub(crate) fn all(steps: &[Step]) -> Outcome {
    in_order(steps, one)
}

/// Licences, sources and advisories, where `cargo-deny` is installed.
pub(crate) fn licences() -> Outcome {
    if !on_path("cargo-deny") {
        println!(
            "– licences and advisories: skipped, cargo-deny is not installed (`cargo install cargo-deny`)"
        );
        return Ok(());
    }
    let mut command = cargo();
    command.args(["deny", "--workspace", "check"]).current_dir(workspace());
    succeed(&mut command, "cargo-deny refuses a dependency, above; deny.toml says what is allowed and why.")
}

/// The benchmarks, with the caller's own arguments: those of the app, or with the word `server` those of the server.
pub(crate) fn bench(arguments: &[String]) -> Outcome {
    succeed(cargo().args(bench_words(arguments)), "The benchmarks did not finish, see above.")
}

/// Whether these are the arguments for the benchmarks of the server.
pub(crate) fn are_for_the_server(arguments: &[String]) -> bool {
    arguments.first().is_some_and(|word| word == "server")
}

fn bench_words(arguments: &[String]) -> Vec<&str> {
    let rest = |from: usize| arguments.iter().skip(from).map(String::as_str);
    if are_for_the_server(arguments) {
        ["bench", "--workspace", "--bench", "server", "--"].into_iter().chain(rest(1)).collect()
    } else {
        ["bench", "--workspace", "--bench", "speed"].into_iter().chain(rest(0)).collect()
    }
}

/// `cargo` as a person would have started it.
///
/// `cargo run` describes *this* package to us in `CARGO_PKG_*` and the like. Some build scripts (ring's) watch those, so
/// passing them on would rebuild half the dependencies each time somebody changes between `cargo xtask test` and
/// `cargo test`.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(describes_this_package) {
            command.env_remove(name);
        }
    }
    command
}

/// Runs it, and turns anything but success into the sentence.
pub(crate) fn succeed(command: &mut Command, if_it_fails: &str) -> Outcome {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(Failure::new(if_it_fails)),
        Err(error) => {
            Err(Failure::new(format!("`{}` could not be started: {error}.", command.get_program().display())))
        }
    }
}

fn in_order(steps: &[Step], run: impl Fn(&Step) -> Outcome) -> Outcome {
    for step in steps {
        with_time(step.name, || run(step))?;
    }
    Ok(())
}

/// Does it, and says how long it took.
pub(crate) fn with_time(name: &str, work: impl FnOnce() -> Outcome) -> Outcome {
    let start = Instant::now();
    work()?;
    println!("✔ {name} ({:.1} s)\n", start.elapsed().as_secs_f64());
    Ok(())
}

fn one(step: &Step) -> Outcome {
    println!("▶ {}: cargo {}", step.name, step.arguments.join(" "));
    succeed(cargo().args(step.arguments).envs(step.environment.iter().copied()), step.if_it_fails)
}

fn describes_this_package(variable: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"].iter().any(|prefix| variable.starts_with(prefix))
        || ["CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE", "OUT_DIR"].contains(&variable)
}

/// Nothing is skipped there.
pub(crate) fn in_ci() -> bool {
    env::var_os("CI").is_some_and(|ci| !ci.is_empty())
}

/// The folder of the workspace, as `cargo run` told us.
pub(crate) fn workspace() -> PathBuf {
    let package = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    package.ancestors().nth(2).map(PathBuf::from).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;

    use super::*;

    #[test]
    fn what_describes_this_package_is_kept_from_the_next_cargo() {
        for kept_back in ["CARGO_PKG_NAME", "CARGO_MANIFEST_DIR", "CARGO_CRATE_NAME"] {
            assert!(describes_this_package(kept_back), "{kept_back}");
        }
        for passed_on in
            ["CARGO", "CARGO_HOME", "CARGO_TARGET_DIR", "CARGO_TERM_COLOR", "PATH", "RUSTUP_TOOLCHAIN"]
        {
            assert!(!describes_this_package(passed_on), "{passed_on}");
        }
    }

    #[test]
    fn a_step_that_fails_stops_the_rest_with_its_sentence() {
        let fail = |step: &Step| Err(Failure::new(step.if_it_fails));
        assert_eq!(in_order(&[DOCS, TESTS], fail), Err(Failure::new(DOCS.if_it_fails)));
    }

    #[test]
    fn a_cargo_that_fails_ends_with_the_sentence() {
        let mut wrong = cargo();
        wrong.arg("no-such-subcommand").stderr(Stdio::null());
        assert_eq!(succeed(&mut wrong, "It failed."), Err(Failure::new("It failed.")));
    }

    #[test]
    fn the_server_has_benchmarks_of_its_own() {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(bench_words(&[]).join(" "), "bench --workspace --bench speed");
        assert_eq!(
            bench_words(&words("server quick relay")).join(" "),
            "bench --workspace --bench server -- quick relay"
        );
        assert_eq!(bench_words(&words("-- media")).last(), Some(&"media"));
    }

    #[test]
    fn no_step_sets_flags_that_would_rebuild_the_dependencies() {
        for step in [FORMAT, LINTS, DOCS, TESTS] {
            assert!(step.environment.iter().all(|(name, _)| *name != "RUSTFLAGS"), "{}", step.name);
        }
    }
}
